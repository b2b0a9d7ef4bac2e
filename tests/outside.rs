//! Hosts outside Azure as ends: on premises.

use crate::vnetsim::run;

const BRANCH: [&str; 2] = ["-t", "tests/fixtures/scenarios/branch-office.yaml"];

fn ask(words: &[&str]) -> crate::vnetsim::Answer {
    run(&[words, &BRANCH].concat())
}

#[test]
fn a_host_on_premises_pings_a_spoke_through_the_hubs_gateway_and_is_pinged() {
    // G-4, G-6, G-7, N-6: the gateway takes one from the time to live.
    for (from, to, address) in [
        ("pc", "SpokeVM", "10.1.1.4"),
        ("SpokeVM", "branch/pc", "192.168.50.10"),
        ("HubVM", "pc", "192.168.50.10"),
    ] {
        let answer = ask(&["ping", from, to, "-c", "1"]).yes();
        let reply = format!("64 bytes from {address}: icmp_seq=1 ttl=63");
        assert!(answer.contains(&reply), "{answer}");
    }
}

#[test]
fn an_address_on_premises_that_nobody_has_is_told_by_the_gateway() {
    let explained = ask(&["explain", "SpokeVM", "192.168.50.77"]);
    assert_eq!(explained.code, Some(1));
    assert!(
        explained.out.contains("no-such-host at hub-gw/instance0"),
        "{explained:#?}"
    );
}
