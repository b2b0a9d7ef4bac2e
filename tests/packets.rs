//! `ping`, `traceroute`, `explain`: packets that cross, packets that die, and what is said about them.

use std::path::Path;
use std::process::Command;

use crate::vnetsim::run;

const EXERCISE: [&str; 2] = ["-t", "example:sales-marketing-research"];
const HUB: [&str; 2] = ["-t", "example:hub-spoke-nva"];

fn asked(words: &[&str], topology: [&str; 2]) -> crate::vnetsim::Answer {
    run(&[words, &topology].concat())
}

#[test]
fn neighbours_reply_as_they_do_to_ping() {
    for (source, destination, address) in [
        ("SalesVM", "MarketingVM", "10.2.1.4"),
        ("MarketingVM", "ResearchVM", "10.3.1.4"),
    ] {
        let out = asked(&["ping", source, destination], EXERCISE).yes();
        let lines: Vec<&str> = out.lines().collect();
        assert!(
            lines[0].starts_with(&format!(
                "PING {destination} ({address}) 56(84) bytes of data. Simulated time:"
            )),
            "{out}"
        );
        for (sequence, line) in (1..=4).zip(&lines[1..]) {
            let start = format!("64 bytes from {address}: icmp_seq={sequence} ttl=64 time=");
            assert!(line.starts_with(&start) && line.ends_with(" ms"), "{out}");
        }
        assert_eq!(lines[5], "");
        assert_eq!(lines[6], format!("--- {destination} ping statistics ---"));
        assert!(
            lines[7].starts_with("4 packets transmitted, 4 received, 0% packet loss, time 30"),
            "{out}"
        );
        assert!(lines[8].starts_with("rtt min/avg/max/mdev = "), "{out}");
    }
}

#[test]
fn peering_is_not_transitive() {
    let answer = asked(&["ping", "SalesVM", "ResearchVM"], EXERCISE);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    assert!(
        answer
            .out
            .contains("4 packets transmitted, 0 received, 100% packet loss")
    );
    assert!(
        answer.err.contains("From SalesVM/SalesVMVMNic: dropped 4 packets: route-none (route 10.0.0.0/8 None (Default))"),
        "{answer:#?}"
    );
    assert!(
        answer.err.contains(
            "try: vnetsim explain SalesVM ResearchVM -t example:sales-marketing-research"
        ),
        "{answer:#?}"
    );

    let answer = asked(&["explain", "SalesVM", "ResearchVM"], EXERCISE);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    for expected in [
        "Verdict: unreachable, route-none at SalesVM/SalesVMVMNic (route 10.0.0.0/8 None (Default))",
        "only both with MarketingVNet, and peering is not transitive",
        "1. Peer SalesVNet and ResearchVNet with each other.",
        "2. Route through an appliance with IP forwarding in MarketingVNet: user-defined routes on both sides",
        "3. Route through a VPN gateway in MarketingVNet",
    ] {
        assert!(answer.out.contains(expected), "{expected}\n{}", answer.out);
    }
}

/// The first way out of the exercise, taken: its commands make the peering, and the packets cross.
#[test]
fn the_way_out_leads_out() {
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().join("net.yaml");
    let state = state.to_str().expect("UTF-8");
    let explained = asked(&["explain", "SalesVM", "ResearchVM"], EXERCISE).out;
    let commands: Vec<&str> = explained
        .lines()
        .filter_map(|line| line.trim().strip_prefix("$ az "))
        .take(2)
        .collect();
    assert_eq!(commands.len(), 2, "{explained}");
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let arguments = [&["az"], &words[..], &EXERCISE, &["--state", state]].concat();
        run(&arguments).yes();
    }
    run(&["ping", "SalesVM", "ResearchVM", "-t", state]).yes();
}

#[test]
fn spokes_reach_each_other_through_the_appliance_alone() {
    let out = asked(&["ping", "Spoke1VM", "Spoke2VM", "-c", "1"], HUB).yes();
    assert!(
        out.contains("64 bytes from 10.2.0.4: icmp_seq=1 ttl=63 "),
        "{out}"
    );
    let out = asked(&["traceroute", "Spoke1VM", "Spoke2VM", "-q", "1"], HUB).yes();
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[1].starts_with(" 1  NvaVM/NvaVMVMNic (10.0.0.4)  "),
        "{out}"
    );
    assert!(
        lines[2].starts_with(" 2  Spoke2VM/Spoke2VMVMNic (10.2.0.4)  "),
        "{out}"
    );
    assert_eq!(lines.len(), 3, "{out}");
}

#[test]
fn a_denied_port_is_blamed_on_its_rule_with_a_way_out() {
    let answer = asked(&["explain", "Spoke1VM", "Spoke2VM", "--tcp", "23"], HUB);
    assert_eq!(answer.code, Some(1));
    for expected in [
        "nsg-deny at Spoke2VM/Spoke2VMVMNic (Deny DenyOtherTcp (4000) of spoke-nsg at the subnet)",
        "az network nsg rule create -g hub-and-spoke --nsg-name spoke-nsg",
        "--priority 3999 ",
    ] {
        assert!(answer.out.contains(expected), "{expected}\n{}", answer.out);
    }
}

#[test]
fn an_explanation_for_programs_has_stable_keys() {
    let answer = asked(
        &["explain", "SalesVM", "ResearchVM", "-o", "json"],
        EXERCISE,
    );
    let document: serde_json::Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(document["verdict"], "unreachable");
    let cause = &document["obstacles"][0];
    assert_eq!(cause["reason"], "route-none");
    assert_eq!(cause["object"]["kind"], "route");
    assert_eq!(cause["object"]["prefixes"][0], "10.0.0.0/8");
    assert_eq!(cause["at"], "SalesVM/SalesVMVMNic");
    assert_eq!(cause["waysOut"].as_array().map(Vec::len), Some(3));
    assert_eq!(document["forward"]["outcome"]["kind"], "dropped");
}

#[test]
fn twenty_samples_have_percentiles_and_a_histogram() {
    let folder = tempfile::tempdir().expect("folder");
    for extension in ["hgrm", "hlog"] {
        let file = folder.path().join(format!("rtt.{extension}"));
        let path = file.to_str().expect("UTF-8");
        let words = [
            "ping",
            "SalesVM",
            "MarketingVM",
            "-c",
            "20",
            "-i",
            "0.01",
            "--histogram",
            path,
        ];
        let out = asked(&words, EXERCISE).yes();
        assert!(out.contains("\np50/p90/p99/p99.9 = "), "{out}");
        assert!(file.metadata().expect("written").len() > 100);
    }
    let answer = asked(
        &["ping", "SalesVM", "MarketingVM", "--histogram", "rtt.txt"],
        EXERCISE,
    );
    assert!(answer.failed().contains(".hgrm"));
}

#[test]
fn an_unknown_end_is_refused_with_what_may_have_been_meant() {
    let message = asked(&["ping", "SalesVM", "SalesWM"], EXERCISE).failed();
    assert!(message.contains("did you mean SalesVM"), "{message}");
}

/// Captures of the examples, made anew: (name, arguments). The same files lie in `pcaps/`.
const CAPTURES: [(&str, &[&str]); 6] = [
    (
        "peered-ping",
        &[
            "ping",
            "SalesVM",
            "MarketingVM",
            "-c",
            "3",
            "-t",
            "example:sales-marketing-research",
        ],
    ),
    (
        "no-transit",
        &[
            "ping",
            "SalesVM",
            "ResearchVM",
            "-c",
            "2",
            "-t",
            "example:sales-marketing-research",
        ],
    ),
    (
        "appliance-tcp",
        &[
            "ping",
            "Spoke1VM",
            "Spoke2VM",
            "--tcp",
            "1433",
            "-c",
            "2",
            "-t",
            "example:hub-spoke-nva",
        ],
    ),
    (
        "appliance-traceroute",
        &[
            "traceroute",
            "Spoke1VM",
            "Spoke2VM",
            "-t",
            "example:hub-spoke-nva",
        ],
    ),
    (
        "fragments",
        &[
            "ping",
            "Spoke1VM",
            "Spoke2VM",
            "-s",
            "4000",
            "-c",
            "2",
            "-t",
            "example:hub-spoke-nva",
        ],
    ),
    (
        "udp",
        &[
            "ping",
            "SalesVM",
            "MarketingVM",
            "--udp",
            "53",
            "-c",
            "2",
            "-t",
            "example:sales-marketing-research",
        ],
    ),
];

fn capture(arguments: &[&str], file: &Path) {
    let path = file.to_str().expect("UTF-8");
    let answer = run(&[arguments, &["--pcap", path]].concat());
    assert!(matches!(answer.code, Some(0 | 1)), "{answer:#?}");
}

/// `VNETSIM_BLESS=1` writes the files in `pcaps/` anew.
#[test]
fn captures_are_the_same_to_the_last_byte_in_every_run() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, arguments) in CAPTURES {
        let file = folder.path().join("made.pcapng");
        capture(arguments, &file);
        let made = std::fs::read(&file).expect("written");
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("pcaps/{name}.pcapng"));
        if std::env::var_os("VNETSIM_BLESS").is_some() {
            std::fs::write(&golden, &made).expect("written");
        }
        let golden = std::fs::read(&golden).expect("a golden capture");
        assert!(made == golden, "{name} differs from pcaps/{name}.pcapng");
    }
    let file = folder.path().join("other.pcapng");
    let (_, arguments) = CAPTURES[0];
    capture(&[arguments, &["--seed", "1"]].concat(), &file);
    let first = folder.path().join("first.pcapng");
    capture(arguments, &first);
    assert_ne!(
        std::fs::read(file).expect("written"),
        std::fs::read(first).expect("written")
    );
}

#[test]
fn tshark_finds_every_capture_whole_named_and_commented() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, arguments) in CAPTURES {
        let file = folder.path().join("made.pcapng");
        capture(arguments, &file);
        let bad = "_ws.malformed || ip.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\" \
             || tcp.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\"";
        let Some(found) = tshark(&file, &["-Y", bad]) else {
            return;
        };
        assert_eq!(found, "", "{name}");
        let fields = [
            "-T",
            "fields",
            "-E",
            "separator=|",
            "-e",
            "frame.interface_name",
            "-e",
            "frame.comment",
        ];
        let table = tshark(&file, &fields).expect("it was there before");
        assert!(table.lines().count() >= 2, "{name}: {table}");
        for line in table.lines() {
            let (interface, comment) = line.split_once('|').expect("two fields");
            assert!(interface.contains("VM/"), "{name}: {line}");
            assert!(
                comment.starts_with("sent") || comment.starts_with("received"),
                "{name}: {line}"
            );
        }
        if name == "no-transit" {
            assert!(
                table.contains("sent, dropped: route-none (route 10.0.0.0/8 None (Default))"),
                "{table}"
            );
        }
    }
}

/// Runs tshark over a capture. `None`, with a printed line, where it is not installed; `VNETSIM_REQUIRE_TSHARK=1` makes that a failure.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn tshark(file: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
        ])
        .args(arguments)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("VNETSIM_REQUIRE_TSHARK").is_ok_and(|value| value == "1");
            assert!(!required, "tshark is required: {error}");
            println!("skipped: tshark is not installed ({error})");
            return None;
        }
    };
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !messages.contains("cut short"),
        "{messages}"
    );
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn replies_that_come_too_late_are_told_from_packets_that_were_dropped() {
    let words = ["ping", "SalesVM", "MarketingVM", "-W", "0.0001"];
    let answer = run(&[&words[..], &EXERCISE].concat());
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    assert_eq!(
        answer.err,
        "note: nothing was dropped, but no reply came within the timeout; give a longer one (-W)\n"
    );
    let words = ["ping", "SalesVM", "ResearchVM"];
    let answer = run(&[&words[..], &EXERCISE].concat());
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    assert!(!answer.err.contains("timeout"), "{}", answer.err);
}

/// Ctrl-C in the middle of a run that would take very long: statistics so far, exit 130, a capture that can be read.
#[cfg(unix)]
#[test]
fn an_interrupted_ping_says_what_it_knows_and_leaves_a_capture() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("long.pcapng");
    let path = file.to_str().expect("UTF-8");
    let words = [
        "ping",
        "SalesVM",
        "MarketingVM",
        "-c",
        "1000000000",
        "--pcap",
        path,
    ];
    let mut child = crate::vnetsim::vnetsim(&[&words[..], &EXERCISE].concat())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("the header");
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the end");
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    assert!(rest.contains("--- MarketingVM ping statistics ---"));
    if let Some(frames) = tshark(&file, &["-c", "10"]) {
        assert_eq!(frames.lines().count(), 10);
    }
}
