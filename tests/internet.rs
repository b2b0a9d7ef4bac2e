//! The Internet as an end of `ping`, `traceroute` and `explain`.

use crate::packets::tshark;
use crate::vnetsim::{Answer, run};

const EDGE: [&str; 2] = ["-t", "tests/fixtures/scenarios/internet-edge.yaml"];

fn ask(words: &str) -> Answer {
    let words: Vec<&str> = words.split(' ').collect();
    run(&[&words, &EDGE[..]].concat())
}

#[test]
fn every_machine_with_a_way_out_reaches_the_internet_and_is_answered() {
    for (words, reply) in [
        ("ping OpenVM internet -c 1", "64 bytes from 198.51.100.254"),
        ("ping OpenVM 8.8.8.8 -c 1", "64 bytes from 8.8.8.8"),
        ("ping NatVM 8.8.8.8 -c 1", "64 bytes from 8.8.8.8"),
        ("ping ServerVM 8.8.8.8 -c 1", "64 bytes from 8.8.8.8"),
        ("ping ForcedVM 8.8.8.8 -c 1", "ttl=63"),
        ("ping NatVM 20.1.2.3 --tcp 80 -c 1", "from 20.1.2.3: tcp/80"),
        (
            "ping OpenVM 8.8.8.8 -s 3000 -c 1",
            "3008 bytes from 8.8.8.8",
        ),
        ("traceroute ForcedVM 8.8.8.8 -q 1", " 2  8.8.8.8"),
    ] {
        let answer = ask(words).yes();
        assert!(answer.contains(reply), "{words}\n{answer}");
    }
}

#[test]
fn the_internet_reaches_public_addresses_and_frontends_only() {
    for (words, reply) in [
        ("ping internet OpenVM -c 1", "64 bytes from 20.1.2.3"),
        ("ping 9.9.9.9 20.1.2.3 -c 1", "64 bytes from 20.1.2.3"),
        (
            "ping internet:9.9.9.9 OpenVM -c 1",
            "64 bytes from 20.1.2.3",
        ),
        (
            "ping internet 20.1.2.9 --tcp 80 -c 1",
            "from 20.1.2.9: tcp/80",
        ),
    ] {
        let answer = ask(words).yes();
        assert!(answer.contains(reply), "{words}\n{answer}");
    }
    for (words, cause) in [
        (
            "ping internet PrivateVM -c 1",
            "no-such-host (address 10.0.2.4)",
        ),
        (
            "ping internet 20.1.2.10 -c 1",
            "no-such-host (address 20.1.2.10)",
        ),
        (
            "ping internet 20.1.2.9 --tcp 81 -c 1",
            "no-backend (load balancer plb)",
        ),
        (
            "ping PrivateVM internet -c 1",
            "no-outbound-method (NIC PrivateVMVMNic)",
        ),
    ] {
        let answer = ask(words);
        assert_eq!(answer.code, Some(1), "{words}");
        assert!(answer.err.contains(cause), "{words}\n{answer:#?}");
    }
}

#[test]
fn an_explanation_names_every_translation_and_what_it_rests_on() {
    let answer = ask("explain NatVM 8.8.8.8").yes();
    for expected in [
        "Verdict: reachable",
        "edge      source 10.0.1.4 becomes 20.1.2.10 (NAT gateway nat)",
        "edge      destination 20.1.2.10 becomes 10.0.1.4 (NAT gateway nat)",
        "That pings pass NAT gateways",
    ] {
        assert!(answer.contains(expected), "{expected}\n{answer}");
    }
    let answer = ask("explain internet 20.1.2.9 --tcp 80").yes();
    for expected in [
        "load balancer plb chooses ServerVM/ServerVMVMNic (rule web)",
        "edge      destination 20.1.2.9:80 becomes 10.0.4.4:8080 (load balancer plb)",
        "inbound: Allow web-in (100) of web at the subnet",
        "edge      source 10.0.4.4:8080 becomes 20.1.2.9:80 (load balancer plb)",
    ] {
        assert!(answer.contains(expected), "{expected}\n{answer}");
    }
}

#[test]
fn a_reply_by_another_way_is_told_with_the_route_that_leads_it_there() {
    //
    let answer = ask("explain internet ForcedVM");
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    for expected in [
        "Verdict: forward-only, asymmetric at ForcedVM/ForcedVMVMNic (route 0.0.0.0/0 VirtualAppliance 10.0.9.4 (User, all of forced))",
        "20.1.2.4 was asked, and 203.0.113.1 answers",
    ] {
        assert!(answer.out.contains(expected), "{expected}\n{}", answer.out);
    }
    let answer = ask("ping internet ForcedVM -c 1");
    assert_eq!(answer.code, Some(1));
    assert!(
        answer
            .err
            .contains("the replies come from another address than was asked"),
        "{answer:#?}"
    );
}

#[test]
fn a_public_address_that_the_input_does_not_hold_is_listed_as_assumed() {
    let shown = ask("show").yes();
    let expected = "publicIPAddresses/nva-pip: 203.0.113.1 stands for it";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn a_capture_of_the_edge_has_no_bad_checksum_and_shows_both_sides() {
    let folder = tempfile::tempdir().expect("folder");
    for (words, far) in [
        (
            "ping NatVM 8.8.8.8 -c 2 -s 2000",
            "internet|20.1.2.10|8.8.8.8",
        ),
        (
            "ping internet 20.1.2.9 --tcp 80 -c 2",
            "internet|20.1.2.9|198.51.100.254",
        ),
    ] {
        let file = folder.path().join("edge.pcapng");
        let path = file.to_str().expect("UTF-8");
        ask(&format!("{words} --pcap {path}")).yes();
        let bad = "_ws.malformed || ip.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\" \
             || tcp.checksum.status == \"Bad\"";
        let Some(found) = tshark(&file, &["-Y", bad]) else {
            return;
        };
        assert_eq!(found, "", "{words}");
        let fields = [
            "-T",
            "fields",
            "-E",
            "separator=|",
            "-e",
            "frame.interface_name",
            "-e",
            "ip.src",
            "-e",
            "ip.dst",
        ];
        let table = tshark(&file, &fields).expect("it was there before");
        assert!(table.lines().any(|line| line == far), "{words}\n{table}");
    }
}
