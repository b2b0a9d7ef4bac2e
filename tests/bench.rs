//! `vnetsim bench`: what it measures is nobody's business here, what it accounts for is.

use serde_json::Value;

use crate::vnetsim::{Answer, run, run_in};

/// A run too short to say anything about speed.
fn bench(words: &[&str]) -> Answer {
    run(&[&["bench", "--duration", "0.02", "--flows", "300"], words].concat())
}

fn json(answer: Answer) -> Value {
    serde_json::from_str(&answer.yes()).expect("JSON")
}

fn figures(words: &[&str]) -> Value {
    json(bench(&[words, &["-o", "json"]].concat()))
}

fn number(document: &Value, path: &str) -> u64 {
    let value = document.pointer(path);
    value
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no number at {path}: {document:#}"))
}

/// Every packet that was sent has an end.
fn assert_conserved(document: &Value) {
    let of = |name| number(document, &format!("/packets/{name}"));
    assert!(of("originated") > 0, "{document:#}");
    let ended = of("delivered") + of("dropped") + of("in_flight");
    assert_eq!(of("originated"), ended, "{document:#}");
    let drops = document["drops"].as_object().expect("drops by reason");
    let dropped: u64 = drops.values().filter_map(Value::as_u64).sum();
    assert_eq!(of("dropped"), dropped, "{document:#}");
}

#[test]
fn every_mix_and_order_arrives_whole_through_the_appliance() {
    for mix in ["established", "new", "mixed", "tcp6"] {
        for order in ["random", "zipf", "sequential"] {
            let words = [
                "--mix", mix, "--order", order, "--rules", "20", "--routes", "30",
            ];
            let document = figures(&[&words[..], &["--verify"]].concat());
            assert_conserved(&document);
            assert_eq!(
                number(&document, "/packets/dropped"),
                0,
                "{mix} {order}: {document:#}"
            );
            assert!(number(&document, "/verified") > 0, "{mix} {order}");
            let begins = document["connections_per_second"].as_f64() > Some(0.0);
            assert_eq!(begins, mix != "established", "{mix}: {document:#}");
        }
    }
}

#[test]
fn the_document_has_the_fields_that_scripts_rely_on() {
    let document = figures(&["--seed", "7"]);
    for field in ["/ns_per_packet", "/mpps", "/connections_per_second"] {
        assert!(
            document.pointer(field).is_some_and(Value::is_number),
            "{field}: {document:#}"
        );
    }
    for field in [
        "/packets/originated",
        "/packets/delivered",
        "/packets/dropped",
        "/packets/in_flight",
        "/latency_ns/p50",
        "/latency_ns/p90",
        "/latency_ns/p99",
        "/latency_ns/p999",
        "/latency_ns/p9999",
        "/latency_ns/max",
        "/flow_state_bytes",
        "/longest_pause_ns",
        "/machine/cores",
    ] {
        number(&document, field);
    }
    assert_eq!(number(&document, "/workers"), 1);
    assert_eq!(number(&document, "/seed"), 7);
    assert!(document["drops"].is_object());
    assert!(document["commit"].is_string() && document["machine"]["cpu"].is_string());
    let latency = |name| number(&document, &format!("/latency_ns/{name}"));
    assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
}

#[test]
fn people_get_lines_that_fit_a_terminal() {
    let text = bench(&[]).yes();
    assert!(
        text.starts_with("example:hub-spoke-nva: 300 flows over 256 address pairs"),
        "{text}"
    );
    for name in ["rate", "packets", "latency", "flow state", "machine"] {
        assert!(
            text.lines().any(|line| line.starts_with(name)),
            "{name}: {text}"
        );
    }
    assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
}

#[test]
fn several_workers_share_the_flows_and_lose_nothing() {
    let document = figures(&["--workers", "3", "--mix", "tcp6"]);
    assert_conserved(&document);
    assert_eq!(number(&document, "/packets/dropped"), 0, "{document:#}");
    assert_eq!(number(&document, "/workers"), 3);
    assert!(document["scaling"]["speedup"].is_number(), "{document:#}");
}

#[test]
fn packets_of_every_length_arrive() {
    for size in ["64", "65", "1500", "imix"] {
        let document = figures(&["--packet-size", size, "--verify"]);
        assert_conserved(&document);
        assert_eq!(
            number(&document, "/packets/dropped"),
            0,
            "{size}: {document:#}"
        );
    }
}

#[test]
fn more_machines_than_a_subnet_holds_get_further_subnets() {
    let document = figures(&["--nics", "260", "--rules", "5"]);
    assert_conserved(&document);
    assert_eq!(number(&document, "/packets/dropped"), 0, "{document:#}");
    assert_eq!(number(&document, "/address_pairs"), 65_536);
}

#[test]
fn a_limit_of_flows_drops_what_is_beyond_it() {
    let document = figures(&["--mix", "new", "--flow-limit", "2"]);
    assert_conserved(&document);
    assert!(
        number(&document, "/drops/flow-table-full") > 0,
        "{document:#}"
    );
}

#[test]
fn a_network_that_changes_under_load_loses_nothing_unaccounted() {
    let words = [
        "--churn",
        "200",
        "--workers",
        "2",
        "--verify",
        "--duration",
        "0.2",
        "-o",
        "json",
    ];
    let document = json(run(&[&["bench", "--flows", "300"], &words[..]].concat()));
    assert_conserved(&document);
    assert!(number(&document, "/churn/changes") > 0, "{document:#}");
    assert!(
        number(&document, "/churn/first_packet_ns/max") > 0,
        "{document:#}"
    );
    // While the flag is off, and at no other time, forwarded packets are refused.
    let drops = document["drops"].as_object().expect("drops");
    assert!(
        drops
            .keys()
            .all(|reason| reason == "peering-forwarded-blocked"),
        "{document:#}"
    );
}

#[test]
fn at_a_given_rate_no_more_packets_enter_than_are_due() {
    let words = ["--pps", "20000", "--duration", "0.1", "-o", "json"];
    let document = json(run(&[&["bench", "--flows", "50"], &words[..]].concat()));
    assert_conserved(&document);
    let sent = number(&document, "/packets/originated");
    assert!(
        sent <= 2_001,
        "{sent} in a tenth of a second at 20,000 a second"
    );
    assert!(document["open_loop"]["offered_mpps"].is_number());
}

#[test]
fn a_search_for_the_rate_without_loss_tells_its_trials() {
    let document = figures(&["--find-rate"]);
    assert_conserved(&document);
    let trials = document["zero_loss"]["trials"].as_array().expect("trials");
    assert!(!trials.is_empty(), "{document:#}");
    let best = document["zero_loss"]["mpps"].as_f64().expect("a rate");
    for trial in trials {
        let lossless = trial["lost"] == 0;
        assert!(
            !lossless || trial["mpps"].as_f64() <= Some(best),
            "{document:#}"
        );
    }
}

#[test]
fn a_profile_names_every_stage() {
    let document = figures(&["--profile", "--mix", "mixed"]);
    for stage in ["sweep", "read", "replay", "ask", "walk"] {
        let each = document["profile_ns_per_packet"][stage].as_f64();
        assert!(
            each.is_some_and(|each| each >= 0.0),
            "{stage}: {document:#}"
        );
    }
}

#[test]
fn histograms_hold_every_packet() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = [
        "bench",
        "--duration",
        "0.02",
        "--flows",
        "9",
        "--histogram",
        "l.hgrm",
        "-o",
        "json",
    ];
    let document = json(run_in(folder.path(), &words));
    let text = std::fs::read_to_string(folder.path().join("l.hgrm")).expect("written");
    let sent = number(&document, "/packets/originated");
    let total = format!("Total count    = {sent:>12}]");
    assert!(text.contains(&total), "{total} in {text}");
    let message = bench(&["--histogram", "l.csv"]).failed();
    assert!(message.contains(".hgrm"), "{message}");
}

/// Two machines behind a security group.
const OWN: &str = "
defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  net: { addressSpace: [10.0.0.0/16], subnets: { s: { prefix: 10.0.0.0/24, networkSecurityGroup: guard, routeTable: table } } }
routeTables:
  table: { routes: [ { name: nowhere, prefix: 10.9.0.0/16, nextHop: None } ] }
networkSecurityGroups:
  guard:
    securityRules:
      - { name: no-https, priority: 300, direction: Inbound, access: Deny, protocol: Tcp, destinationPorts: 443 }
virtualMachines:
  one: { subnet: net/s }
  two: { subnet: net/s }
";

#[test]
fn in_a_network_of_ones_own_its_rules_decide_however_many_are_added() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("net.yaml"), OWN).expect("written");
    let bench = |words: &[&str]| {
        let all = [
            "bench",
            "--duration",
            "0.02",
            "--flows",
            "20",
            "-o",
            "json",
            "-t",
            "net.yaml",
        ];
        run_in(folder.path(), &[&all[..], words].concat())
    };
    for sizes in [&[][..], &["--rules", "50", "--routes", "40", "--nics", "5"]] {
        let denied = bench(&[sizes, &["--mix", "new"]].concat());
        assert_eq!(denied.code, Some(1), "nothing arrives: {denied:#?}");
        let document: Value = serde_json::from_str(&denied.out).expect("JSON");
        assert_conserved(&document);
        assert_eq!(
            number(&document, "/drops/nsg-deny"),
            number(&document, "/packets/originated"),
            "{document:#}"
        );
        let allowed = json(bench(&[sizes, &["--port", "22"]].concat()));
        assert_conserved(&allowed);
        assert_eq!(number(&allowed, "/packets/dropped"), 0, "{allowed:#}");
        let pairs = if sizes.is_empty() { 2 } else { 20 };
        assert_eq!(number(&allowed, "/address_pairs"), pairs);
    }
}

#[test]
fn a_capture_of_ours_goes_its_way_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let ping = [
        "ping",
        "Spoke1VM",
        "Spoke2VM",
        "--tcp",
        "443",
        "-c",
        "3",
        "--pcap",
        "web.pcapng",
    ];
    run_in(
        folder.path(),
        &[&ping[..], &["-t", "example:hub-spoke-nva"]].concat(),
    )
    .yes();
    let bench = |words: &[&str]| {
        let all = [
            "bench",
            "--duration",
            "0.02",
            "--pcap-in",
            "web.pcapng",
            "-o",
            "json",
        ];
        run_in(folder.path(), &[&all[..], words].concat())
    };
    for words in [&["--verify"][..], &["--workers", "2"]] {
        let answer = bench(words);
        // Each packet is seen at six interfaces, and enters where it was sent.
        assert!(
            answer.err.contains("seen before at another place"),
            "{answer:#?}"
        );
        let document = json(answer);
        assert_conserved(&document);
        assert_eq!(number(&document, "/packets/dropped"), 0, "{document:#}");
        assert!(number(&document, "/capture/packets") >= 6, "{document:#}");
    }

    // In another network the same packets have no sender.
    let message = bench(&["-t", "example:sales-marketing-research"]);
    assert_eq!(message.code, Some(2), "{message:#?}");
    assert!(
        message.err.contains("a source address that no NIC has"),
        "{message:#?}"
    );
    std::fs::write(folder.path().join("web.pcapng"), "text").expect("written");
    let message = bench(&[]).failed();
    assert!(message.contains("expected pcap or pcapng"), "{message}");
}

#[test]
fn what_cannot_be_measured_is_said_with_what_can() {
    for (words, told) in [
        (&["--packet-size", "63"][..], "64 to 1500 bytes, or imix"),
        (&["--packet-size", "1501"], "64 to 1500 bytes, or imix"),
        (&["--flows", "0"], "1..=16777216"),
        (&["--rules", "3998"], "1..=3997"),
        (&["--mix", "old"], "established, new, mixed, tcp6"),
        (&["--duration", "0"], "seconds above 0"),
        (&["--pps", "0"], "from 1 to 1e9"),
        (
            &["--nics", "1", "--flows", "64513"],
            "ask for fewer --flows or more --nics",
        ),
        (&["--workers", "2", "--flow-limit", "5"], "--workers 1"),
        (&["-t", "example:nothing"], "hub-spoke-nva"),
        (&["--pcap-in", "x", "--rules", "5"], "cannot be used with"),
    ] {
        let message = run(&[&["bench"], words].concat()).failed();
        assert!(message.contains(told), "{words:?}: {message}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("empty.yaml"),
        "defaults: { location: northeurope }",
    )
    .expect("written");
    let message = run_in(folder.path(), &["bench", "-t", "empty.yaml"]).failed();
    assert!(message.contains("needs at least 2"), "{message}");
}
