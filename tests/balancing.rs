//! Load balancers as ARM templates describe them: frontends, rules, probes, inbound NAT rules.

use crate::packets::tshark;
use crate::vnetsim::run;

const TEMPLATE: &str = "tests/fixtures/arm/web-behind-balancer.json";

#[test]
fn a_template_with_a_load_balancer_leads_to_a_member_and_back() {
    let words = ["explain", "client", "10.0.1.100", "--tcp", "80"];
    let explained = run(&[&words[..], &["-t", TEMPLATE]].concat()).yes();
    for expected in [
        "Verdict: reachable",
        "next hop  load balancer ilb chooses server0/server0-nic (rule web)",
        "edge      destination 10.0.1.100:80 becomes 10.0.1.4:8080 (load balancer ilb)",
        "rules     inbound: Allow web (100) of members at the subnet",
        "edge      source 10.0.1.4:8080 becomes 10.0.1.100:80 (load balancer ilb)",
    ] {
        assert!(explained.contains(expected), "{expected}\n{explained}");
    }
}

#[test]
fn a_port_that_no_rule_takes_is_blamed_on_the_load_balancer() {
    let words = ["explain", "client", "10.0.1.100", "--tcp", "443"];
    let explained = run(&[&words[..], &["-t", TEMPLATE]].concat());
    assert_eq!(explained.code, Some(1));
    let expected = "no-backend at client/client-nic (load balancer ilb)";
    assert!(explained.out.contains(expected), "{explained:#?}");
}

#[test]
fn a_capture_shows_at_each_nic_what_its_guest_sees() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("ssh.pcapng");
    let path = file.to_str().expect("UTF-8");
    let words = ["ping", "client", "10.0.1.100", "--tcp", "50001", "-c", "1"];
    let answer = run(&[&words[..], &["-t", TEMPLATE, "--pcap", path]].concat()).yes();
    assert!(answer.contains("from 10.0.1.100: tcp/50001"), "{answer}");
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
        "tcp.srcport",
        "-e",
        "ip.dst",
        "-e",
        "tcp.dstport",
    ];
    let Some(table) = tshark(&file, &fields) else {
        return;
    };
    // Interfaces are told by name; the first port of the client is the program's.
    let lines: Vec<&str> = table.lines().take(4).collect();
    assert!(
        lines[0].starts_with("client/client-nic|10.0.0.4|"),
        "{table}"
    );
    assert!(lines[0].ends_with("|10.0.1.100|50001"), "{table}");
    assert!(lines[1].ends_with("|10.0.1.5|22"), "{table}");
    assert!(
        lines[2].starts_with("server1/server1-nic|10.0.1.5|22|10.0.0.4|"),
        "{table}"
    );
    assert!(
        lines[3].starts_with("client/client-nic|10.0.1.100|50001|10.0.0.4|"),
        "{table}"
    );
}
