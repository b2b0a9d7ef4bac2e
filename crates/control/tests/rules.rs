//! Security groups: order, levels, ports, application security groups (S-1 to S-12, S-26, S-30 to S-34, F-4).

use control::Note;
use control::questions::{Decision, decide};
use control::snapshot::{Level, Rules};
use model::options::{IcmpPorts, Quirks, VnetAccessWithoutNsg};
use model::{
    Access, ApplicationSecurityGroup, AsgId, Direction, Location, NicId, NsgId, Ports,
    RuleAddresses, RuleProtocol, SecurityRule, ServiceTag, SubnetId, UserNextHop,
};

use crate::topology::{Topology, decided, flags, id, nets, nic, packet, policy, tcp};

fn rule(name: &str, priority: u16, direction: Direction, access: Access) -> SecurityRule {
    SecurityRule {
        name: name.to_owned(),
        description: None,
        priority,
        direction,
        access,
        protocol: RuleProtocol::Any,
        source: RuleAddresses::Any,
        source_ports: Ports::all(),
        destination: RuleAddresses::Any,
        destination_ports: Ports::all(),
    }
}

fn inbound(name: &str, priority: u16, access: Access) -> SecurityRule {
    rule(name, priority, Direction::Inbound, access)
}

fn ports(text: &str) -> Ports {
    Ports::parse([text]).unwrap()
}

fn prefixes(texts: &[&str]) -> RuleAddresses {
    RuleAddresses::Prefixes(nets(texts))
}

/// One network 10.0.0.0/16 with one VM and the group `nsg` on its subnet.
fn filtered(rules: Vec<SecurityRule>) -> (Topology, NicId, SubnetId, NsgId) {
    let mut topology = Topology::of_the_exercise();
    let (_, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    let group = topology.group("nsg", rules);
    topology
        .network
        .set_subnet_security_group(subnet, Some(group));
    (topology, vm, subnet, group)
}

#[test]
fn the_lowest_priority_number_that_matches_decides() {
    // S-10, whatever the order in the file.
    let https = SecurityRule {
        destination_ports: ports("443"),
        ..inbound("allow-https", 200, Access::Allow)
    };
    let all = inbound("deny-all", 300, Access::Deny);
    let office = SecurityRule {
        source: prefixes(&["20.1.0.0/16"]),
        ..inbound("deny-office", 100, Access::Deny)
    };
    let (topology, vm, _, _) = filtered(vec![all, https, office]);
    let snapshot = topology.compile();
    let say = |source, port| {
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp(source, "10.0.0.4", port),
        )
    };
    assert_eq!(say("20.1.0.1", 443), "Deny deny-office");
    assert_eq!(say("20.2.0.1", 443), "Allow allow-https");
    assert_eq!(say("20.2.0.1", 80), "Deny deny-all");
}

#[test]
fn an_imported_rule_behind_the_defaults_is_asked_behind_them() {
    // S-1
    let (topology, vm, _, _) = filtered(vec![
        inbound("late", 65200, Access::Allow),
        inbound("never", 65501, Access::Allow),
    ]);
    let snapshot = topology.compile();
    let names: Vec<&str> = snapshot
        .rule_sets
        .iter()
        .find(|set| set.direction == Direction::Inbound)
        .unwrap()
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "AllowVnetInBound",
            "AllowAzureLoadBalancerInBound",
            "late",
            "DenyAllInBound",
            "never"
        ]
    );
    assert_eq!(
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp("8.8.8.8", "10.0.0.4", 80)
        ),
        "Allow late"
    );
}

#[test]
fn both_levels_have_to_allow_and_each_is_reported() {
    // S-11: outbound NIC before subnet, inbound subnet before NIC; no side effects of the order on the verdict.
    let cases = [
        (Access::Allow, Access::Allow, true),
        (Access::Deny, Access::Allow, false),
        (Access::Allow, Access::Deny, false),
        (Access::Deny, Access::Deny, false),
    ];
    for (at_nic, at_subnet, passes) in cases {
        let both = |access| {
            vec![
                rule("in", 100, Direction::Inbound, access),
                rule("out", 100, Direction::Outbound, access),
            ]
        };
        let (mut topology, vm, _, subnet_group) = filtered(both(at_subnet));
        let nic_group = topology.group("nic-nsg", both(at_nic));
        topology.network.set_nic_security_group(vm, Some(nic_group));
        let snapshot = topology.compile();
        for (direction, order) in [
            (
                Direction::Outbound,
                [
                    (Level::Nic, nic_group, at_nic),
                    (Level::Subnet, subnet_group, at_subnet),
                ],
            ),
            (
                Direction::Inbound,
                [
                    (Level::Subnet, subnet_group, at_subnet),
                    (Level::Nic, nic_group, at_nic),
                ],
            ),
        ] {
            let decision = decide(
                &snapshot,
                nic(&snapshot, vm),
                direction,
                tcp("10.0.0.4", "10.0.0.4", 80),
            );
            assert_eq!(decision.allows(), passes);
            let Decision::Levels(levels) = &decision else {
                panic!("not judged by groups")
            };
            let seen: Vec<_> = levels
                .iter()
                .map(|level| {
                    (
                        level.level.unwrap(),
                        level.group.unwrap(),
                        level.rule.access,
                    )
                })
                .collect();
            assert_eq!(seen, order);
            // D-3: the first that denies, else the last that allowed.
            let decisive = decision.decisive().unwrap();
            let expected = order
                .iter()
                .find(|(_, _, access)| *access == Access::Deny)
                .unwrap_or(&order[1]);
            assert_eq!(
                (decisive.level, decisive.group),
                (Some(expected.0), Some(expected.1))
            );
        }
    }
}

#[test]
fn without_a_group_everything_passes() {
    // S-11
    let mut topology = Topology::of_the_exercise();
    let (_, _, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    let snapshot = topology.compile();
    assert_eq!(policy(&snapshot, vm).inbound, Rules::None);
    assert_eq!(
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp("8.8.8.8", "10.0.0.4", 22)
        ),
        "Allow"
    );
    assert_eq!(snapshot.rule_sets.len(), 0);
}

#[test]
fn the_answers_of_the_ip_flow_quickstart_come_out() {
    // Azure documents, "Diagnose a virtual machine network traffic filter problem"
    let (topology, vm, _, _) = filtered(Vec::new());
    let snapshot = topology.compile();
    let say = |direction, source, destination| {
        decided(&snapshot, vm, direction, tcp(source, destination, 80))
    };
    assert_eq!(
        say(Direction::Outbound, "10.0.0.4", "13.107.21.200"),
        "Allow AllowInternetOutBound"
    );
    assert_eq!(
        say(Direction::Outbound, "10.0.0.4", "172.31.0.100"),
        "Deny DenyAllOutBound"
    );
    assert_eq!(
        say(Direction::Inbound, "172.31.0.100", "10.0.0.4"),
        "Deny DenyAllInBound"
    );
    assert_eq!(
        say(Direction::Inbound, "168.63.129.16", "10.0.0.4"),
        "Allow AllowVnetInBound"
    );
}

#[test]
fn destination_ports_are_icmp_types_and_narrow_source_ports_match_no_icmp() {
    // S-6
    let echo = |name: &str, priority, port: &str| SecurityRule {
        protocol: RuleProtocol::Icmp,
        destination_ports: ports(port),
        ..inbound(name, priority, Access::Allow)
    };
    let from_port = SecurityRule {
        source_ports: ports("1-1000"),
        ..echo("narrow-source", 100, "0-65535")
    };
    let any_22 = SecurityRule {
        protocol: RuleProtocol::Any,
        ..echo("any-22", 110, "22")
    };
    let (mut topology, vm, _, _) = filtered(vec![from_port, any_22, echo("echo", 120, "8")]);
    let icmp = |kind| packet("8.8.8.8", "10.0.0.4", 1, None, Some(kind));
    let snapshot = topology.compile();
    assert_eq!(
        decided(&snapshot, vm, Direction::Inbound, icmp(8)),
        "Allow echo"
    );
    assert_eq!(
        decided(&snapshot, vm, Direction::Inbound, icmp(13)),
        "Deny DenyAllInBound"
    );

    topology.network.options.icmp_ports = IcmpPorts::Ignore;
    let snapshot = topology.compile();
    assert_eq!(
        decided(&snapshot, vm, Direction::Inbound, icmp(13)),
        "Allow narrow-source"
    );
    assert_eq!(
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp("8.8.8.8", "10.0.0.4", 80)
        ),
        "Deny DenyAllInBound"
    );
}

#[test]
fn protocols_without_ports_match_only_rules_that_do_not_ask() {
    // S-3, S-6
    let esp = SecurityRule {
        protocol: RuleProtocol::Esp,
        ..inbound("esp", 110, Access::Allow)
    };
    let narrow = SecurityRule {
        destination_ports: ports("1-65535"),
        ..inbound("narrow", 100, Access::Allow)
    };
    let (topology, vm, _, _) = filtered(vec![narrow, esp]);
    let snapshot = topology.compile();
    let say = |protocol| {
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            packet("8.8.8.8", "10.0.0.4", protocol, None, None),
        )
    };
    assert_eq!([say(50), say(51)], ["Allow esp", "Deny DenyAllInBound"]);
}

fn asg(topology: &mut Topology, name: &str) -> AsgId {
    let group = ApplicationSecurityGroup {
        id: id("applicationSecurityGroups", name),
        location: Location::default(),
    };
    topology
        .network
        .create_application_security_group(group)
        .unwrap()
}

#[test]
fn application_security_groups_stand_for_the_addresses_of_their_members() {
    // S-30 to S-34, the example of the documents.
    let mut topology = Topology::of_the_exercise();
    let vnet = topology.vnet("v", "northeurope", &["10.0.0.0/16"]);
    let subnet = topology.subnet(vnet, "apps", "10.0.0.0/24");
    let [web, logic, db] = ["web", "logic", "db"].map(|name| asg(&mut topology, name));
    let [nic1, nic3, nic4] = [("nic1", web), ("nic3", logic), ("nic4", db)].map(|(name, group)| {
        topology.nic_with(name, subnet, |nic| {
            nic.ip_configurations[0].application_security_groups = vec![group];
        })
    });
    let members = |group| RuleAddresses::ApplicationSecurityGroups(vec![group]);
    let group = topology.group(
        "nsg",
        vec![
            SecurityRule {
                source: RuleAddresses::Tag(ServiceTag::Internet),
                destination: members(web),
                destination_ports: ports("80"),
                ..inbound("web-from-internet", 100, Access::Allow)
            },
            SecurityRule {
                source: members(logic),
                destination: members(db),
                destination_ports: ports("1433"),
                ..inbound("db-from-logic", 110, Access::Allow)
            },
            SecurityRule {
                destination: members(db),
                destination_ports: ports("1433"),
                ..inbound("db", 120, Access::Deny)
            },
        ],
    );
    topology
        .network
        .set_subnet_security_group(subnet, Some(group));
    let snapshot = topology.compile();
    let [a1, a3, a4] = [nic1, nic3, nic4].map(|key| nic(&snapshot, key).addresses[0].to_string());
    let say = |from: &str, to: &str, key, port| {
        decided(&snapshot, key, Direction::Inbound, tcp(from, to, port))
    };
    assert_eq!(say(&a3, &a4, nic4, 1433), "Allow db-from-logic");
    assert_eq!(say(&a1, &a4, nic4, 1433), "Deny db");
    assert_eq!(say(&a1, &a4, nic4, 3306), "Allow AllowVnetInBound");
    assert_eq!(say("8.8.8.8", &a1, nic1, 80), "Allow web-from-internet");
    assert_eq!(
        say("8.8.8.8", &a3, nic3, 80),
        "Deny DenyAllInBound",
        "not applied to a NIC that is no member"
    );
}

#[test]
fn an_unknown_tag_matches_nothing_and_is_noted_and_a_given_one_counts() {
    // T-8
    let from = |name: &str, priority, tag: &str| SecurityRule {
        source: RuleAddresses::Tag(ServiceTag::named(tag)),
        ..inbound(name, priority, Access::Allow)
    };
    let (mut topology, vm, _, _) = filtered(vec![
        from("unknown", 100, "NoSuchTag"),
        from("storage", 110, "STORAGE"),
    ]);
    topology
        .network
        .set_service_tag("Storage", nets(&["20.60.0.0/16"]));
    let snapshot = topology.compile();
    assert_eq!(
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp("20.60.0.1", "10.0.0.4", 80)
        ),
        "Allow storage"
    );
    assert_eq!(
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp("20.61.0.1", "10.0.0.4", 80)
        ),
        "Deny DenyAllInBound"
    );
    let note = Note::UnknownTagInRule {
        group: id("networkSecurityGroups", "nsg"),
        rule: "unknown".to_owned(),
        tag: "NoSuchTag".to_owned(),
    };
    assert_eq!(*snapshot.provenance.notes, [note]);
}

#[test]
fn rules_for_the_platform_are_marked() {
    // S-26
    let to = |name: &str, priority, tag: &str| SecurityRule {
        destination: RuleAddresses::Tag(ServiceTag::named(tag)),
        ..rule(name, priority, Direction::Outbound, Access::Deny)
    };
    let (topology, _, _, _) = filtered(vec![
        to("storage", 100, "AzureLoadBalancer"),
        to("dns", 110, "azureplatformdns"),
        to("imds", 120, "AzurePlatformIMDS"),
    ]);
    let snapshot = topology.compile();
    let outbound = snapshot
        .rule_sets
        .iter()
        .find(|set| set.direction == Direction::Outbound)
        .unwrap();
    assert_eq!(outbound.platform, [1, 2]);
    let addresses = outbound.platform.iter().map(|&rule| {
        outbound.table.rules()[rule as usize]
            .destination
            .listed()
            .to_string()
    });
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        ["168.63.129.16/32", "169.254.169.254/32"]
    );
    assert_eq!(*snapshot.provenance.notes, []);
}

#[test]
fn a_shut_peer_meets_the_default_rules_where_there_is_no_group() {
    // F-4
    let mut topology = Topology::of_the_exercise();
    let (a, a_subnet, a_vm) = topology.site("a", "northeurope", "10.1.0.0/16");
    let (b, _, b_vm) = topology.site("b", "northeurope", "10.2.0.0/16");
    let shut = topology.link(a, b, flags(&[]));
    topology.link(b, a, flags(&["access"]));
    let snapshot = topology.compile();
    for (direction, from, to, name) in [
        (
            Direction::Outbound,
            "10.1.0.4",
            "10.2.0.4",
            "DenyAllOutBound",
        ),
        (Direction::Inbound, "10.2.0.4", "10.1.0.4", "DenyAllInBound"),
    ] {
        let decision = decide(
            &snapshot,
            nic(&snapshot, a_vm),
            direction,
            tcp(from, to, 22),
        );
        let Decision::BlockedPeer(link, verdict) = decision else {
            panic!("{decision:?}")
        };
        assert_eq!(
            (link, verdict.rule.name.as_str(), verdict.group),
            (shut, name, None)
        );
        assert!(!verdict.allows);
    }
    // Nothing else is judged, and the other side has no false flag.
    assert_eq!(
        decided(
            &snapshot,
            a_vm,
            Direction::Inbound,
            tcp("8.8.8.8", "10.1.0.4", 22)
        ),
        "Allow"
    );
    assert_eq!(policy(&snapshot, b_vm).inbound, Rules::None);

    // A user route that puts the range into the tag admits it, as with a real group.
    topology.routes(a_subnet, &[("10.2.0.0/16", UserNextHop::VnetLocal)]);
    let snapshot = topology.compile();
    assert_eq!(
        decided(
            &snapshot,
            a_vm,
            Direction::Inbound,
            tcp("10.2.0.4", "10.1.0.4", 22)
        ),
        "Allow AllowVnetInBound"
    );

    topology.network.options.vnet_access_without_nsg = VnetAccessWithoutNsg::Literal;
    assert_eq!(policy(&topology.compile(), a_vm).inbound, Rules::None);
}

#[test]
fn a_shut_link_that_is_not_connected_blocks_nobody_and_a_group_judges_instead_of_f4() {
    let mut topology = Topology::of_the_exercise();
    let (a, _, a_vm) = topology.site("a", "northeurope", "10.1.0.0/16");
    let (b, _, _) = topology.site("b", "northeurope", "10.2.0.0/16");
    topology.link(a, b, flags(&[]));
    assert_eq!(
        policy(&topology.compile(), a_vm).inbound,
        Rules::None,
        "Initiated"
    );
    topology.link(b, a, flags(&["access"]));
    assert!(matches!(
        policy(&topology.compile(), a_vm).inbound,
        Rules::BlockedPeers { .. }
    ));
    let group = topology.group("open", vec![inbound("all", 100, Access::Allow)]);
    topology.network.set_nic_security_group(a_vm, Some(group));
    let snapshot = topology.compile();
    assert_eq!(
        decided(
            &snapshot,
            a_vm,
            Direction::Inbound,
            tcp("10.2.0.4", "10.1.0.4", 22)
        ),
        "Allow all"
    );
    assert_eq!(
        snapshot.rule_sets.len(),
        4,
        "the group's and the default rules"
    );
}

#[test]
fn groups_that_judge_nobody_are_not_compiled_and_the_others_once_a_direction() {
    let (mut topology, _, subnet, group) = filtered(Vec::new());
    topology.group("unused", Vec::new());
    for name in ["x", "y", "z"] {
        let vm = topology.vm(name, subnet);
        topology.network.set_nic_security_group(vm, Some(group));
    }
    let snapshot = topology.compile();
    let sets: Vec<_> = snapshot
        .rule_sets
        .iter()
        .map(|set| (set.group, set.direction))
        .collect();
    assert_eq!(
        sets,
        [
            (Some(group), Direction::Outbound),
            (Some(group), Direction::Inbound)
        ]
    );
}

#[test]
fn a_rule_with_an_empty_group_among_several_stands_for_the_others_unless_defects_are_imitated() {
    // S-33
    let mut topology = Topology::of_the_exercise();
    let (_, subnet, _) = topology.site("v", "northeurope", "10.0.0.0/16");
    let [web, empty] = ["web", "empty"].map(|name| asg(&mut topology, name));
    let member = topology.nic_with("webNic", subnet, |nic| {
        nic.ip_configurations[0].application_security_groups = vec![web];
    });
    let both = SecurityRule {
        destination: RuleAddresses::ApplicationSecurityGroups(vec![web, empty]),
        ..inbound("both", 100, Access::Allow)
    };
    let group = topology.group("nsg", vec![both]);
    topology
        .network
        .set_subnet_security_group(subnet, Some(group));
    let say = |topology: &Topology| {
        let snapshot = topology.compile();
        let address = nic(&snapshot, member).addresses[0].to_string();
        decided(
            &snapshot,
            member,
            Direction::Inbound,
            tcp("8.8.8.8", &address, 80),
        )
    };
    assert_eq!(say(&topology), "Allow both");
    topology.network.options.quirks = Quirks::Azure;
    assert_eq!(say(&topology), "Deny DenyAllInBound");
}
