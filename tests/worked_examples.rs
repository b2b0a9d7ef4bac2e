//! The worked examples that the rules of flags, security groups, tags and packets come with, by the commands that users run.

use ::vnetsim::dataplane::packet::{Envelope, Packet};
use serde_json::{Value, json};

use crate::vnetsim::world::World;

/// Hub 10.0/16 with an appliance, spokes 10.1/16 and 10.2/16 with routes to each other through it, default rules everywhere.
const SPOKES: &str = "
defaults: { location: westeurope }
virtualNetworks:
  Hub: { addressSpace: 10.0.0.0/16, subnets: { Nva: { prefix: 10.0.0.0/24, networkSecurityGroup: hub } } }
  Spoke1: { addressSpace: 10.1.0.0/16, subnets: { Apps: { prefix: 10.1.0.0/24, networkSecurityGroup: one, routeTable: to2 } } }
  Spoke2: { addressSpace: 10.2.0.0/16, subnets: { Apps: { prefix: 10.2.0.0/24, networkSecurityGroup: two, routeTable: to1 } } }
routeTables:
  to2: { routes: [ { name: there, prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.4 } ] }
  to1: { routes: [ { name: back, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.0.0.4 } ] }
networkSecurityGroups: { hub: {}, one: {}, two: {} }
peerings:
  - { name: hub-1, from: Hub, to: Spoke1 }
  - { name: hub-2, from: Hub, to: Spoke2 }
  - { name: 1-hub, from: Spoke1, to: Hub, allowForwardedTraffic: true }
  - { name: 2-hub, from: Spoke2, to: Hub, allowForwardedTraffic: true }
virtualMachines:
  nva: { subnet: Hub/Nva, address: 10.0.0.4, ipForwarding: true }
  vm1: { subnet: Spoke1/Apps }
  vm2: { subnet: Spoke2/Apps }
";

/// Two peered networks with a machine each, default rules on both.
const PAIR: &str = "
defaults: { location: westeurope }
virtualNetworks:
  A: { addressSpace: 10.1.0.0/16, subnets: { Apps: { prefix: 10.1.0.0/24, networkSecurityGroup: a } } }
  B: { addressSpace: 10.2.0.0/16, subnets: { Apps: { prefix: 10.2.0.0/24, networkSecurityGroup: b } } }
networkSecurityGroups:
  a: { securityRules: [] }
  b: { securityRules: [] }
peerings:
  - { name: a-b, from: A, to: B, allowVirtualNetworkAccess: true }
  - { name: b-a, from: B, to: A, allowVirtualNetworkAccess: true }
virtualMachines:
  a: { subnet: A/Apps }
  b: { subnet: B/Apps }
";

/// What a tag means at a NIC.
fn tag(world: &World, nic: &str, name: &str) -> Value {
    world.json(&["effective-nsg", nic, "-o", "json"])["value"][0]["tagMap"][name].clone()
}

/// Whether a flow is allowed at a NIC, and the rule that says so.
fn flow(world: &World, nic: &str, words: &[&str]) -> (String, String) {
    let words = [&["ip-flow", nic, "-o", "json"][..], words].concat();
    let answer = world.json(&words);
    let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
    (text("access"), text("ruleName"))
}

fn allows(access: &str, rule: &str) -> (String, String) {
    (access.to_owned(), rule.to_owned())
}

#[test]
fn f03_one_false_access_flag_drops_new_flows_of_both_directions_at_its_own_side() {
    let world = World::changed(
        PAIR,
        &[(
            "from: A, to: B, allowVirtualNetworkAccess: true",
            "from: A, to: B, allowVirtualNetworkAccess: false",
        )],
    );
    for (from, to, rule) in [("a", "b", "DenyAllOutBound"), ("b", "a", "DenyAllInBound")] {
        let answer = world.explain(from, to, &["--tcp", "22"]);
        assert_eq!(
            answer.obstacle(),
            ("nsg-deny".into(), "a/aVMNic".into()),
            "{from} to {to}"
        );
        assert!(answer.names(rule), "{answer:?}");
    }
}

#[test]
fn f08_of_the_four_legs_between_spokes_two_are_forwarded_and_each_asks_the_receivers_link() {
    assert_eq!(
        World::of(SPOKES).explain("vm1", "vm2", &[]).verdict(),
        "reachable"
    );
    // Leg 2 enters spoke2, leg 4 enters spoke1; the hub's links are never asked.
    for (spoke, link, verdict) in [
        (
            "2-hub",
            "from: Spoke2, to: Hub, allowForwardedTraffic: true",
            "unreachable",
        ),
        (
            "1-hub",
            "from: Spoke1, to: Hub, allowForwardedTraffic: true",
            "forward-only",
        ),
    ] {
        let closed = link.replace("true", "false");
        let answer = World::changed(SPOKES, &[(link, &closed)]).explain("vm1", "vm2", &[]);
        assert_eq!(answer.verdict(), verdict, "{spoke}");
        assert_eq!(answer.obstacle().0, "peering-forwarded-blocked", "{spoke}");
        assert!(answer.names(spoke), "{answer:?}");
    }
}

#[test]
fn s06_the_port_of_a_rule_is_the_type_of_an_icmp_message() {
    let with = |rule: &str| {
        World::changed(
            PAIR,
            &[(
                "b: { securityRules: [] }",
                &format!(
                    "b: {{ securityRules: [ {{ name: rule, priority: 100, direction: Inbound, access: Allow, {rule} }}, {{ name: deny, priority: 200, direction: Inbound, access: Deny }} ] }}"
                ),
            )],
        )
    };
    let ask = |world: &World, kind: &str| {
        let words = [
            "--direction",
            "inbound",
            "--protocol",
            "icmp",
            "--remote",
            "10.1.0.4",
        ];
        flow(world, "b", &[&words[..], &["--icmp-type", kind]].concat())
    };
    let any_22 = with("protocol: '*', destinationPorts: 22");
    assert_eq!(ask(&any_22, "8"), allows("Deny", "securityRules/deny"));
    let echo = with("protocol: Icmp, destinationPorts: 8");
    assert_eq!(ask(&echo, "8"), allows("Allow", "securityRules/rule"));
    assert_eq!(ask(&echo, "13"), allows("Deny", "securityRules/deny"));
    assert_eq!(echo.ping("a", "b"), Some(64));
    assert_eq!(any_22.ping("a", "b"), None);
    // The other reading.
    let ignored = any_22.set("icmpPorts=ignore");
    assert_eq!(ask(&ignored, "8"), allows("Allow", "securityRules/rule"));
}

#[test]
fn s13_an_admin_rule_that_always_allows_skips_the_groups_of_its_own_nic_only() {
    let with = |sender: &str| {
        let mut text = PAIR.replace(
            "b: { securityRules: [] }",
            "b: { securityRules: [ { name: deny, priority: 100, direction: Inbound, access: Deny } ] }",
        );
        text = text.replace(
            "a: { securityRules: [] }",
            &format!("a: {{ securityRules: [{sender}] }}"),
        );
        text.push_str(
            "securityAdminRules:
  - { virtualNetworks: [B], name: https, priority: 1, direction: Inbound, access: AlwaysAllow, protocol: Tcp, destinationPorts: 443 }
",
        );
        World::of(&text)
    };
    let world = with("");
    assert_eq!(
        world.explain("a", "b", &["--tcp", "443"]).verdict(),
        "reachable"
    );
    let other = world.explain("a", "b", &["--tcp", "22"]);
    assert_eq!(other.obstacle(), ("nsg-deny".into(), "b/bVMNic".into()));
    let sender = with(
        "{ name: no-https, priority: 100, direction: Outbound, access: Deny, protocol: Tcp, destinationPorts: 443 }",
    );
    let answer = sender.explain("a", "b", &["--tcp", "443"]);
    assert_eq!(answer.obstacle(), ("nsg-deny".into(), "a/aVMNic".into()));
}

#[test]
fn s15_the_groups_of_an_appliance_see_the_addresses_of_the_ends_both_times() {
    // Inbound from spoke1 to spoke2, and outbound again: neither names the appliance.
    for (direction, reason_at) in [("Inbound", "nva/nvaVMNic"), ("Outbound", "nva/nvaVMNic")] {
        let rule = format!(
            "hub: {{ securityRules: [ {{ name: ends, priority: 100, direction: {direction}, access: Deny, source: 10.1.0.4, destination: 10.2.0.4 }} ] }}"
        );
        let world = World::changed(SPOKES, &[("hub: {}", &rule)]);
        let answer = world.explain("vm1", "vm2", &["--tcp", "80"]);
        assert_eq!(
            answer.obstacle(),
            ("nsg-deny".into(), reason_at.into()),
            "{direction}"
        );
        assert!(answer.names("ends"), "{answer:?}");
    }
    // A rule about the appliance's own address is about nothing that passes.
    let rule = "hub: { securityRules: [ { name: own, priority: 100, direction: Inbound, access: Deny, destination: 10.0.0.4 } ] }";
    let world = World::changed(SPOKES, &[("hub: {}", rule)]);
    assert_eq!(
        world.explain("vm1", "vm2", &["--tcp", "80"]).verdict(),
        "reachable"
    );
}

#[test]
fn s17_what_was_let_out_gets_its_answer_and_a_refused_packet_leaves_nothing_behind() {
    // Nothing may come in at a, and yet the answers do; on the appliance the outbound rules run although inbound ones did.
    let world = World::changed(
        PAIR,
        &[(
            "a: { securityRules: [] }",
            "a: { securityRules: [ { name: nothing, priority: 100, direction: Inbound, access: Deny } ] }",
        )],
    );
    assert_eq!(
        world.explain("a", "b", &["--tcp", "80"]).verdict(),
        "reachable"
    );
    assert_eq!(
        world.explain("b", "a", &["--tcp", "80"]).verdict(),
        "unreachable"
    );
    let lost = world.ask(&["ping", "b", "a", "-c", "3"]);
    assert_eq!(lost.code, Some(1));
    assert!(
        lost.out.contains("3 packets transmitted, 0 received"),
        "{}",
        lost.out
    );
    let out = "hub: { securityRules: [ { name: out, priority: 100, direction: Outbound, access: Deny, protocol: Tcp, destination: 10.2.0.0/16 } ] }";
    let nva = World::changed(SPOKES, &[("hub: {}", out)]);
    // The pair of the direction in says nothing about the direction out; the reply uses the pair that was made on the way there.
    assert_eq!(
        nva.explain("vm1", "vm2", &["--tcp", "80"]).verdict(),
        "unreachable"
    );
    assert_eq!(
        nva.explain("vm2", "vm1", &["--tcp", "80"]).verdict(),
        "reachable"
    );
}

#[test]
fn t01_the_virtual_network_tag_holds_own_space_open_peers_the_host_and_user_routes() {
    let world = World::of(SPOKES);
    assert_eq!(
        tag(&world, "vm1", "VirtualNetwork"),
        json!(["10.0.0.0/15", "10.2.0.0/16", "168.63.129.16/32"])
    );
    assert_eq!(
        tag(&world, "nva", "VirtualNetwork"),
        json!(["10.0.0.0/15", "10.2.0.0/16", "168.63.129.16/32"])
    );
    let pair = World::of(PAIR);
    assert_eq!(
        tag(&pair, "a", "VirtualNetwork"),
        json!(["10.1.0.0/16", "10.2.0.0/16", "168.63.129.16/32"])
    );
}

#[test]
fn t02_a_spoke_lets_the_other_spoke_in_only_because_of_its_own_return_route() {
    assert_eq!(
        World::of(SPOKES)
            .explain("vm1", "vm2", &["--tcp", "80"])
            .verdict(),
        "reachable"
    );
    let without = World::changed(
        SPOKES,
        &[(
            "networkSecurityGroup: two, routeTable: to1",
            "networkSecurityGroup: two",
        )],
    );
    let answer = without.explain("vm1", "vm2", &["--tcp", "80"]);
    assert_eq!(
        answer.obstacle(),
        ("nsg-deny".into(), "vm2/vm2VMNic".into())
    );
    assert!(answer.names("DenyAllInBound"), "{answer:?}");
}

#[test]
fn t03_a_default_route_makes_the_tag_everything_and_opens_the_door_to_anybody() {
    let world = World::changed(
        SPOKES,
        &[(
            "name: there, prefix: 10.2.0.0/16",
            "name: there, prefix: 0.0.0.0/0",
        )],
    );
    assert_eq!(tag(&world, "vm1", "VirtualNetwork"), json!(["0.0.0.0/0"]));
    let from_outside = flow(
        &world,
        "vm1",
        &[
            "--direction",
            "inbound",
            "--protocol",
            "tcp",
            "--local",
            ":22",
            "--remote",
            "8.8.8.8:50000",
        ],
    );
    assert_eq!(
        from_outside,
        allows("Allow", "defaultSecurityRules/AllowVnetInBound")
    );
    let out = flow(
        &world,
        "vm1",
        &[
            "--direction",
            "outbound",
            "--protocol",
            "tcp",
            "--local",
            ":50000",
            "--remote",
            "8.8.8.8:443",
        ],
    );
    assert_eq!(
        out,
        allows("Allow", "defaultSecurityRules/AllowVnetOutBound")
    );
}

#[test]
fn t04_each_flag_edits_the_tag_of_its_own_side() {
    let on = |flag: bool| if flag { "true" } else { "false" };
    for (a, b, there, back) in [
        (true, true, None, None),
        (
            false,
            true,
            Some(("a", "DenyAllOutBound")),
            Some(("a", "DenyAllInBound")),
        ),
        (
            true,
            false,
            Some(("b", "DenyAllInBound")),
            Some(("b", "DenyAllOutBound")),
        ),
        (
            false,
            false,
            Some(("a", "DenyAllOutBound")),
            Some(("b", "DenyAllOutBound")),
        ),
    ] {
        let a_link = format!("from: A, to: B, allowVirtualNetworkAccess: {}", on(a));
        let b_link = format!("from: B, to: A, allowVirtualNetworkAccess: {}", on(b));
        let world = World::changed(
            PAIR,
            &[
                ("from: A, to: B, allowVirtualNetworkAccess: true", &a_link),
                ("from: B, to: A, allowVirtualNetworkAccess: true", &b_link),
            ],
        );
        for (from, to, expected) in [("a", "b", there), ("b", "a", back)] {
            let answer = world.explain(from, to, &["--tcp", "80"]);
            match expected {
                None => assert_eq!(answer.verdict(), "reachable"),
                Some((at, rule)) => {
                    assert_eq!(answer.obstacle().1, format!("{at}/{at}VMNic"));
                    assert!(answer.names(rule), "{a} {b} {from}: {answer:?}");
                }
            }
        }
    }
}

#[test]
fn t05_a_peer_of_a_peer_is_not_in_the_tag() {
    let world = World::changed(
        SPOKES,
        &[(
            "networkSecurityGroup: one, routeTable: to2",
            "networkSecurityGroup: one",
        )],
    );
    assert_eq!(
        tag(&world, "vm1", "VirtualNetwork"),
        json!(["10.0.0.0/15", "168.63.129.16/32"])
    );
}

#[test]
fn t06_the_internet_is_public_space_and_begins_as_recorded() {
    let outbound = |world: &World, remote: &str| {
        flow(
            world,
            "a",
            &[
                "--direction",
                "outbound",
                "--protocol",
                "tcp",
                "--local",
                ":50000",
                "--remote",
                remote,
            ],
        )
    };
    let world = World::of(PAIR);
    assert_eq!(
        outbound(&world, "13.107.21.200:80"),
        allows("Allow", "defaultSecurityRules/AllowInternetOutBound")
    );
    assert_eq!(
        outbound(&world, "172.31.0.100:80"),
        allows("Deny", "defaultSecurityRules/DenyAllOutBound")
    );
    let internet = tag(&world, "a", "Internet");
    let listed = internet.as_array().expect("a list");
    assert_eq!(listed.len(), 257);
    let first = [
        "1.0.0.0/8",
        "2.0.0.0/7",
        "4.0.0.0/6",
        "8.0.0.0/7",
        "11.0.0.0/8",
        "12.0.0.0/6",
    ];
    // Five of the six prefixes with which the quickstart's answer begins.
    assert_eq!(listed[..5], first.map(|prefix| json!(prefix))[..5]);
    let formula = World::of(PAIR).set("internetTag=minusVirtualNetwork");
    let internet = tag(&formula, "a", "Internet");
    assert_eq!(
        internet.as_array().expect("a list")[..6],
        first.map(|prefix| json!(prefix))
    );
    assert_eq!(internet.as_array().map(Vec::len), Some(74));
}

#[test]
fn t07_the_load_balancer_tag_is_one_address() {
    assert_eq!(
        tag(&World::of(PAIR), "a", "AzureLoadBalancer"),
        json!(["168.63.129.16/32"])
    );
    let inbound = flow(
        &World::of(PAIR),
        "a",
        &[
            "--direction",
            "inbound",
            "--protocol",
            "tcp",
            "--local",
            ":80",
            "--remote",
            "168.63.129.16:50000",
        ],
    );
    assert_eq!(inbound.0, "Allow");
}

#[test]
fn t08_other_tags_mean_what_the_user_gives_and_nothing_without_it() {
    let rule = "a: { securityRules: [ { name: storage, priority: 100, direction: Outbound, access: Allow, protocol: Tcp, destination: Storage.WestEurope }, { name: deny, priority: 200, direction: Outbound, access: Deny } ] }";
    let ask = |world: &World| {
        flow(
            world,
            "a",
            &[
                "--direction",
                "outbound",
                "--protocol",
                "tcp",
                "--local",
                ":50000",
                "--remote",
                "20.38.108.4:443",
            ],
        )
    };
    let unknown = World::changed(PAIR, &[("a: { securityRules: [] }", rule)]);
    assert_eq!(ask(&unknown), allows("Deny", "securityRules/deny"));
    let text = PAIR.replace("a: { securityRules: [] }", rule);
    let given = World::of(&format!(
        "{text}serviceTags: {{ storage.westeurope: [20.38.108.0/23] }}\n"
    ));
    assert_eq!(ask(&given), allows("Allow", "securityRules/storage"));
}

#[test]
fn k07_fifteen_hundred_bytes_pass_a_peering_whole_and_more_only_in_fragments() {
    let world = World::of(PAIR);
    let ping = |words: &[&str]| world.ask(&[&["ping", "a", "b", "-c", "1"][..], words].concat());
    ping(&["-s", "1472", "--dont-fragment"]).yes();
    ping(&["-s", "1473"]).yes();
    let held = ping(&["-s", "1473", "--dont-fragment"]);
    assert_eq!(held.code, Some(1));
    assert!(held.err.contains("mtu-df"), "{}", held.err);

    // What leaves Azure: 1500 bytes at 1400 become 1396 and 124.
    let [a, b] = ["10.1.0.4", "203.0.113.9"].map(|text| text.parse().expect("an address"));
    let packet = Packet::udp(Envelope::new(a, b), 1, 2, &[0; 1472]).expect("a datagram");
    let parts = packet.fit(1400).expect("it may be cut");
    let seen: Vec<(usize, usize)> = parts
        .iter()
        .map(|part| (part.len(), part.fragment_offset() / 8))
        .collect();
    assert_eq!(seen, [(1396, 0), (124, 172)]);
}
