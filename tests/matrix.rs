//! `matrix`: who reaches whom, in every format.

mod compact;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::vnetsim::{run, run_in, vnetsim};

const HUB: &str = "example:hub-spoke-nva";
const EDGE: &str = "tests/fixtures/scenarios/internet-edge.yaml";

/// Fields of a line of CSV without quotes in it.
fn fields(line: &str) -> Vec<&str> {
    line.split(',').collect()
}

/// Lines below the headings.
fn lines(csv: &str) -> impl Iterator<Item = &str> {
    csv.lines().skip(1)
}

#[track_caller]
fn matrix(words: &[&str]) -> String {
    run(&[&["matrix"], words].concat()).yes()
}

#[test]
fn every_pair_of_the_built_in_networks_is_what_a_fresh_ping_says() {
    let services: [(&str, &[&str]); 4] = [
        ("icmp", &[]),
        ("tcp/443", &["--tcp", "443"]),
        ("tcp/1433", &["--tcp", "1433"]),
        ("udp/53", &["--udp", "53"]),
    ];
    for topology in [
        "example:sales-marketing-research",
        "example:sales-marketing-research-unpeered",
        HUB,
    ] {
        for (service, words) in services {
            let csv = matrix(&["-o", "csv", "--service", service, "-t", topology]);
            assert!(lines(&csv).count() >= 6, "{csv}");
            for line in lines(&csv) {
                let [from, _, to, _, of, verdict, reason, ..] = fields(line)[..] else {
                    panic!("{line}");
                };
                assert_eq!(of, service);
                let ping = ["ping", from, to, "-c", "1", "-t", topology];
                let ping = run(&[&ping[..], words].concat());
                assert_eq!(
                    verdict == "reachable",
                    ping.code == Some(0),
                    "{line}\n{ping:#?}"
                );
                assert_eq!(reason.is_empty(), verdict == "reachable", "{line}");
            }
        }
    }
}

/// Gateways, a firewall, load balancers and the Internet: what the built-in networks do not have.
#[test]
fn every_pair_past_gateways_firewalls_and_the_internet_is_what_a_fresh_ping_says() {
    for (topology, everyone) in [
        (EDGE, "all,internet"),
        ("tests/fixtures/scenarios/hub-firewall.yaml", "all"),
        (
            "tests/fixtures/scenarios/branch-office.yaml",
            "all,on-premises",
        ),
    ] {
        let ends = ["--from", everyone, "--to", everyone, "-t", topology];
        for (service, words) in [("icmp", &[][..]), ("tcp/80", &["--tcp", "80"])] {
            let csv = matrix(&[&["-o", "csv", "--service", service], &ends[..]].concat());
            assert!(lines(&csv).count() >= 2, "{csv}");
            for line in lines(&csv) {
                let [from, _, to, _, _, verdict, .., note] = fields(line)[..] else {
                    panic!("{line}");
                };
                // What asks for the frontend of a balancer is a line of its own.
                if !note.is_empty() || verdict == "unknown" {
                    continue;
                }
                let ping = ["ping", from, to, "-c", "1", "-t", topology];
                let ping = run(&[&ping[..], words].concat());
                assert_eq!(
                    verdict == "reachable",
                    ping.code == Some(0),
                    "{line}\n{ping:#?}"
                );
            }
        }
    }
}

#[test]
fn the_forward_verdict_leaves_the_reply_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("net.yaml"),
        "virtualNetworks:
  a: { addressSpace: [10.1.0.0/16], subnets: { s: 10.1.0.0/24 } }
  b: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: away } } }
peerings:
  - { name: a-b, from: a, to: b }
  - { name: b-a, from: b, to: a }
routeTables: { away: { routes: [ { name: none, prefix: 10.1.0.0/16, nextHop: None } ] } }
virtualMachines: { one: { subnet: a/s, nic: n1 }, two: { subnet: b/s, nic: n2 } }
",
    )
    .expect("a file");
    let ask = |words: &[&str]| {
        let words = [&["matrix", "-o", "csv", "-t", "net.yaml"], words].concat();
        run_in(folder.path(), &words).yes()
    };
    let both = ask(&[]);
    let one: Vec<&str> = lines(&both).collect();
    assert!(
        one[0].starts_with("one/n1,10.1.0.4,two/n2,10.2.0.4,icmp,forward-only,route-none,"),
        "{both}"
    );
    assert!(one[0].contains("none of away"), "{both}");
    assert!(one[1].contains(",icmp,unreachable,route-none,"), "{both}");
    let forward = ask(&["--forward"]);
    assert!(
        lines(&forward)
            .next()
            .is_some_and(|line| line.contains(",icmp,reachable,,")),
        "{forward}"
    );
}

#[test]
fn the_table_of_a_small_network_is_a_grid_with_reasons() {
    let table = matrix(&["-t", "example:sales-marketing-research"]);
    assert_eq!(table, include_str!("golden/matrix-grid.txt"));
}

#[test]
fn the_table_of_a_larger_network_counts_why_the_pairs_of_a_group_fail() {
    let mut net = "virtualNetworks:
  v:
    addressSpace: [10.0.0.0/16]
    subnets:
      s: 10.0.0.0/24
      t: { prefix: 10.0.1.0/24, networkSecurityGroup: g }
      u: { prefix: 10.0.2.0/24, networkSecurityGroup: h }
  w: { addressSpace: [10.1.0.0/16], subnets: { s: 10.1.0.0/24 } }
networkSecurityGroups:
  g: { securityRules: [ { name: no, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' } ] }
  h: { securityRules: [ { name: never, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' } ] }
guests: { off: { role: stopped } }
virtualMachines:
  off: { subnet: v/s }
  t1: { subnet: v/t }
  t2: { subnet: v/t }
  t3: { subnet: v/t }
  u1: { subnet: v/u }
  u2: { subnet: v/u }
  w1: { subnet: w/s }
"
    .to_owned();
    for number in 0..30 {
        use std::fmt::Write as _;
        let _ = writeln!(net, "  vm{number}: {{ subnet: v/s }}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("net.yaml"), net).expect("a file");
    let ask = |words: &[&str]| {
        let words = [&["matrix", "-t", "net.yaml", "--from", "all,!off"], words].concat();
        run_in(folder.path(), &words).yes()
    };
    let table = ask(&["--service", "tcp/443"]);
    let whys: Vec<&str> = table
        .lines()
        .skip_while(|line| !line.contains("Why"))
        .filter_map(|line| line.rsplit("  ").next())
        .map(str::trim)
        .collect();
    let expected = [
        "102 nsg-deny: Deny no (100) of g at the subnet",
        "68 nsg-deny: Deny never (100) of h at the subnet",
        "35 vm-stopped: the destination",
        "and 3 more: 35 pairs",
        "route-none: route 10.0.0.0/8 None (Default)",
    ];
    assert_eq!(whys[3..], expected, "{table}");
    // About several ports, classes know no reasons.
    let table = ask(&["--protocol", "tcp", "--port", "any"]);
    assert!(table.contains("Why, for one of them\n"), "{table}");
}

#[test]
fn json_holds_every_pair_and_their_counts() {
    let document: Value = serde_json::from_str(&matrix(&[
        "-o",
        "json",
        "--service",
        "tcp/1433,icmp",
        "-t",
        HUB,
    ]))
    .expect("JSON");
    let matrices = document["matrices"].as_array().expect("a list");
    let services: Vec<&str> = matrices
        .iter()
        .filter_map(|matrix| matrix["service"].as_str())
        .collect();
    assert_eq!(services, ["tcp/1433", "icmp"]);
    for matrix in matrices {
        let pairs = matrix["pairs"].as_array().expect("pairs");
        assert_eq!(matrix["counts"]["pairs"], pairs.len());
        let reachable = pairs
            .iter()
            .filter(|pair| pair["verdict"] == "reachable")
            .count();
        assert_eq!(matrix["counts"]["reachable"], reachable);
        for pair in pairs {
            assert_eq!(
                pair["reason"].is_string(),
                pair["verdict"] != "reachable",
                "{pair}"
            );
        }
    }
}

#[test]
fn the_page_needs_nothing_and_survives_hostile_names() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("net.yaml"),
        "virtualNetworks: { v: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24 } } }
virtualMachines: { '<script>alert(1)': { subnet: v/s, nic: n1 }, 'b,\"c': { subnet: v/s, nic: n2 } }
",
    )
    .expect("a file");
    let ask = |format| run_in(folder.path(), &["matrix", "-o", format, "-t", "net.yaml"]).yes();
    assert!(!ask("html").contains("<script>alert"));
    assert!(ask("csv").contains("\n\"b,\"\"c/n2\",10.0.0.5,<script>alert(1)/n1,10.0.0.4,"));
    let document: Value = serde_json::from_str(&ask("json")).expect("JSON");
    assert_eq!(document["matrices"][0]["pairs"][1]["source"], "b,\"c/n2");
    let page = matrix(&["-o", "html", "-t", HUB]);
    assert!(page.starts_with("<!doctype html>"), "{page}");
    assert!(page.ends_with("</html>\n"), "{page}");
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "the page says {outside}");
    }
    let page = matrix(&["-o", "html", "--service", "tcp/1433", "-t", HUB]);
    assert!(page.contains("nsg-deny: Deny DenyOtherTcp"), "{page}");
}

#[test]
fn the_summary_has_its_fields_and_no_others() {
    let summary = matrix(&["--summary", "--verify", "1000", "-o", "json", "-t", HUB]);
    let document: Value = serde_json::from_str(&summary).expect("JSON");
    let fields: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "build_ms",
            "classes",
            "depends_on_hash",
            "forward_only",
            "matrix_ms",
            "mismatches",
            "nics",
            "pairs",
            "reachable",
            "round_trip_ms",
            "unknown",
            "verified",
        ]
    );
    let nics = document["nics"].as_u64().expect("a number");
    assert_eq!(document["pairs"], nics * (nics - 1));
    // There are fewer pairs than were to be verified: all of them.
    assert_eq!(document["verified"], document["pairs"]);
    assert_eq!(document["mismatches"], 0);
    assert!(document["classes"].as_u64() <= Some(nics));
    let some = matrix(&["--summary", "--verify", "7", "-o", "json", "-t", HUB]);
    let some: Value = serde_json::from_str(&some).expect("JSON");
    assert_eq!(some["verified"], 7);
    let forward = matrix(&["--summary", "--forward", "-o", "json", "-t", HUB]);
    let forward: Value = serde_json::from_str(&forward).expect("JSON");
    assert_eq!(forward["round_trip_ms"], 0.0);
    assert_eq!(forward["verified"], 0);
    let two = matrix(&[
        "--summary",
        "--service",
        "icmp,tcp/1433",
        "-o",
        "json",
        "-t",
        HUB,
    ]);
    let two: Value = serde_json::from_str(&two).expect("JSON");
    assert_eq!(
        (two[0]["service"].as_str(), two[1]["service"].as_str()),
        (Some("icmp"), Some("tcp/1433"))
    );
}

#[test]
fn any_and_all_ports_are_held_against_packets() {
    for port in ["any", "all", "1433,22"] {
        matrix(&[
            "--protocol",
            "tcp",
            "--port",
            port,
            "--verify",
            "100",
            "-o",
            "csv",
            "-t",
            HUB,
        ]);
    }
    let csv = matrix(&[
        "--protocol",
        "tcp",
        "--port",
        "any,all",
        "-o",
        "csv",
        "-t",
        HUB,
    ]);
    let verdict = |service: &str| -> Vec<&str> {
        lines(&csv)
            .map(fields)
            .filter(|fields| fields[4] == service)
            .map(|fields| fields[5])
            .collect()
    };
    let (any, all) = (verdict("tcp/any"), verdict("tcp/all"));
    assert_eq!(any.len(), all.len());
    for (any, all) in any.into_iter().zip(all) {
        assert!(all != "reachable" || any == "reachable");
    }
}

#[test]
fn selectors_say_between_whom() {
    let csv = matrix(&[
        "-o",
        "csv",
        "--from",
        "Spoke1VM",
        "--to",
        "all,!Spoke1VM",
        "-t",
        HUB,
    ]);
    assert!(lines(&csv).count() > 0);
    assert!(
        lines(&csv).all(|line| line.starts_with("Spoke1VM/") && !line.contains(",Spoke1VM/")),
        "{csv}"
    );
    for (words, expected) in [
        (
            ["--from", "vnet:nowhere"],
            "there is no virtual network 'nowhere'",
        ),
        (["--to", "Spoke1V"], "did you mean Spoke1VM"),
        (["--to", "10.0.0.0/40"], "expected a length of 0 to 32"),
        (["--from", ""], "expected a name"),
        (["--service", "icmp/8"], "no service"),
        (["--service", "tcp/70000"], "no service"),
        (["--protocol", "tcp"], "--port"),
        (["--port", "80"], "--protocol"),
        (["--output", "parquet"], "arquet"),
        (["--file", "no-such-folder/x.csv"], "no folder"),
        (["--verify", "few"], "invalid value"),
    ] {
        let message = run(&[&["matrix", "-t", HUB], &words[..]].concat()).failed();
        assert!(message.contains(expected), "{words:?}: {message}");
    }
}

#[test]
fn the_internet_as_source_is_the_exposure_report() {
    let ask = |words: &[&str]| matrix(&[&["--from", "internet", "-t", EDGE], words].concat());
    let table = ask(&["--service", "tcp/80"]);
    assert_eq!(table, include_str!("golden/matrix-exposure.txt"));
    let csv = ask(&["--service", "icmp", "-o", "csv"]);
    for line in lines(&csv).filter(|line| fields(line)[5] == "reachable") {
        let [_, _, to, _, _, _, _, _, public, _] = fields(line)[..] else {
            panic!("{line}");
        };
        assert!(!public.is_empty(), "{line}");
        run(&["ping", "internet", to, "-c", "1", "-t", EDGE]).yes();
    }
    let csv = ask(&["--service", "tcp/any", "-o", "csv"]);
    let behind =
        "internet,198.51.100.254,ServerVM/ServerVMVMNic,10.0.4.4,tcp/any,reachable,,,20.1.2.9";
    assert!(
        lines(&csv).any(|line| line == format!("{behind},")),
        "{csv}"
    );
    let document: Value =
        serde_json::from_str(&ask(&["-o", "json", "--service", "tcp/80"])).expect("JSON");
    let exposures = document["matrices"][0]["exposures"]
        .as_array()
        .expect("a list");
    assert!(
        exposures.iter().any(|exposure| exposure["by"]
            .as_str()
            .is_some_and(|by| by.starts_with("load balancer"))),
        "{exposures:#?}"
    );
}

#[test]
fn a_file_is_written_whole_in_the_format_of_its_ending() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, beginning) in [
        ("a.csv", "source,source_address,"),
        ("a.json", "{\n\"matrices\": ["),
        ("a.html", "<!doctype html>"),
        ("a.txt", "icmp, round trip: "),
    ] {
        let answer = run_in(folder.path(), &["matrix", "--file", name, "-t", HUB]);
        assert_eq!(answer.yes(), "");
        let text = fs::read_to_string(folder.path().join(name)).expect("a file");
        assert!(text.starts_with(beginning), "{text}");
    }
    assert_eq!(
        names_in(folder.path()),
        ["a.csv", "a.html", "a.json", "a.txt"]
    );
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// A network whose matrix takes a while to write.
fn large() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "virtualNetworks: { v: { addressSpace: [10.0.0.0/16], subnets: { s: { prefix: 10.0.0.0/16, networkSecurityGroup: g } } } }
networkSecurityGroups: { g: { securityRules: [ { name: no, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' } ] } }
virtualMachines:\n",
    );
    for number in 0..1_500 {
        let _ = writeln!(text, "  vm{number}: {{ subnet: v/s }}");
    }
    text
}

#[cfg(unix)]
#[test]
fn an_interrupted_or_killed_run_leaves_the_old_file() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("net.yaml"), large()).expect("a file");
    let file = folder.path().join("out.csv");
    fs::write(&file, "old").expect("a file");
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let mut child = vnetsim(&["matrix", "-o", "csv", "--file", "out.csv", "-t", "net.yaml"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        // Once the new file is begun, the run is in the middle of it.
        let is_begun = || {
            names_in(folder.path())
                .iter()
                .filter(|name| name.starts_with(".vnetsim-"))
                .any(|name| {
                    fs::metadata(folder.path().join(name)).is_ok_and(|metadata| metadata.len() > 0)
                })
        };
        while !is_begun() {
            assert_eq!(
                child.try_wait().expect("a child"),
                None,
                "it ended too soon"
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let killed = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
        let output = child.wait_with_output().expect("a child");
        assert_eq!(output.status.code(), code);
        assert_eq!(fs::read_to_string(&file).expect("a file"), "old");
        for name in names_in(folder.path())
            .iter()
            .filter(|name| name.starts_with(".vnetsim-"))
        {
            // Nobody can tidy up after SIGKILL; but the name says whose file it was to be.
            assert_eq!(signal, "-KILL");
            assert!(name.starts_with(".vnetsim-out.csv-"), "{name}");
            fs::remove_file(folder.path().join(name)).expect("a file");
        }
    }
}

/// Of a full disk, everybody hears.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_with_its_file() {
    for (words, file) in [(&["--file", "/dev/full"][..], "/dev/full"), (&[], "")] {
        let words = [&["matrix", "-o", "csv", "-t", HUB], words].concat();
        let full = fs::File::options().write(true).open("/dev/full");
        let output = vnetsim(&words)
            .stdout(full.expect("Linux has it"))
            .stderr(Stdio::piped())
            .output()
            .expect("the binary starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains("No space left") && message.contains(file),
            "{message}"
        );
    }
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("net.yaml"), large()).expect("a file");
    let mut child = vnetsim(&["matrix", "-o", "csv", "-t", "net.yaml"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("a child");
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

#[test]
fn many_pairs_are_told_by_classes_unless_all_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = large().replace("0..1_500", "");
    // Enough for ten million pairs by every address.
    let mut net = text;
    for number in 1_500..3_200 {
        use std::fmt::Write as _;
        let _ = writeln!(net, "  vm{number}: {{ subnet: v/s }}");
    }
    fs::write(folder.path().join("net.yaml"), net).expect("a file");
    let ask = |words: &[&str]| {
        run_in(
            folder.path(),
            &[&["matrix", "-t", "net.yaml"], words].concat(),
        )
    };
    let classes = ask(&["-o", "csv"]);
    assert!(classes.err.contains("--all-pairs"), "{}", classes.err);
    assert_eq!(
        classes.yes(),
        "sources,source_count,destinations,destination_count,service,verdict,pairs,example_source,example_destination,example_reason,example_object\n\
         *,3200,*,3200,icmp,unreachable,10236800,vm0/vm0VMNic,vm1/vm1VMNic,nsg-deny,Deny no (100) of g at the subnet\n"
    );
    let table = ask(&[]).yes();
    assert!(table.contains("10,236,800 pairs"), "{table}");
    let document: Value = serde_json::from_str(&ask(&["-o", "json"]).yes()).expect("JSON");
    assert_eq!(
        document["matrices"][0]["classPairs"][0]["pairs"],
        10_236_800
    );
    let compact = ask(&["-o", "compact"]).yes();
    assert!(compact.ends_with("from *\n  * unreachable\n"), "{compact}");
    let page = ask(&["-o", "html"]).yes();
    assert!(page.contains("a cell is all pairs of two groups"), "{page}");
}
