//! Azure firewalls: the compiled rules against a reading of the written ones, one by one (S-35).

use std::net::Ipv4Addr;

use control::firewalls::{Decision, Firewall};
use ipnet::Ipv4Net;
use model::{
    Access, CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRequest, FirewallRule,
    IpConfigurationRequest, IpGroup, Location, Ports, RuleCollection, RuleCollectionGroup,
    RuleProtocol,
};
use proptest::prelude::*;

use crate::topology::{Topology, id, net};

fn rule(name: &str, port: u16) -> FirewallRule {
    FirewallRule {
        name: name.to_owned(),
        protocols: vec![RuleProtocol::Tcp],
        sources: everything(),
        destinations: everything(),
        ports: Ports::from_ranges(vec![(port, port)]),
        names: Vec::new(),
        translated: None,
    }
}

fn everything() -> FirewallAddresses {
    FirewallAddresses {
        everything: true,
        ..FirewallAddresses::default()
    }
}

fn collection(
    name: &str,
    priority: u32,
    action: CollectionAction,
    rules: Vec<FirewallRule>,
) -> RuleCollection {
    RuleCollection {
        name: name.to_owned(),
        priority,
        action,
        rules,
    }
}

fn policy(name: &str, base: Option<&str>, groups: Vec<RuleCollectionGroup>) -> FirewallPolicy {
    FirewallPolicy {
        id: id("firewallPolicies", name),
        location: Location::default(),
        base: base.map(|base| id("firewallPolicies", base)),
        private_ranges: None,
        groups,
        incomplete: false,
    }
}

fn group(name: &str, priority: u32, collections: Vec<RuleCollection>) -> RuleCollectionGroup {
    RuleCollectionGroup {
        name: name.to_owned(),
        priority,
        collections,
    }
}

/// A firewall with these policies, the last of which is its own.
fn compiled(policies: Vec<FirewallPolicy>, groups: Vec<IpGroup>) -> Firewall {
    let mut topology = Topology::default();
    let vnet = topology.vnet("hub", "westeurope", &["10.0.0.0/16"]);
    let subnet = topology.subnet(vnet, "AzureFirewallSubnet", "10.0.1.0/26");
    let own = policies.last().map(|policy| policy.id.clone());
    for policy in policies {
        topology.network.create_firewall_policy(policy).unwrap();
    }
    for group in groups {
        topology.network.create_ip_group(group).unwrap();
    }
    let key = topology
        .network
        .create_firewall(FirewallRequest {
            id: id("azureFirewalls", "fw"),
            location: Location::default(),
            configuration: IpConfigurationRequest::new("ipconfig1", subnet),
            policy: own,
            classic_collections: Vec::new(),
            classic_private_ranges: None,
            public_ips: Vec::new(),
        })
        .unwrap();
    topology.compile().firewall(key).unwrap().clone()
}

fn key(source: [u8; 4], destination: [u8; 4], protocol: u8, port: u16) -> acl::Key {
    let has_ports = protocol != 1;
    acl::Key {
        source: source.into(),
        destination: destination.into(),
        protocol,
        source_port: has_ports.then_some(50_000),
        destination_port: has_ports.then_some(port),
        source_classes: 0,
        destination_classes: 0,
    }
}

#[test]
fn parents_go_first_then_groups_then_collections_and_network_before_application() {
    let allow = CollectionAction::Network(Access::Allow);
    let application = CollectionAction::Application(Access::Allow);
    let firewall = compiled(
        vec![
            policy(
                "parent",
                None,
                vec![group(
                    "base",
                    65_000,
                    vec![
                        collection("app2", 1300, application, vec![rule("app2", 443)]),
                        collection("net2", 900, allow, vec![rule("net2", 80)]),
                        collection("net1", 800, allow, vec![rule("net1", 80)]),
                    ],
                )],
            ),
            policy(
                "child",
                Some("parent"),
                vec![
                    group(
                        "late",
                        500,
                        vec![collection(
                            "child-net2",
                            100,
                            allow,
                            vec![rule("child-net2", 443)],
                        )],
                    ),
                    group(
                        "early",
                        100,
                        vec![
                            collection(
                                "child-app1",
                                100,
                                application,
                                vec![rule("child-app1", 443)],
                            ),
                            collection("child-net1", 700, allow, vec![rule("child-net1", 443)]),
                        ],
                    ),
                ],
            ),
        ],
        Vec::new(),
    );
    let asked = |port| {
        let judged = firewall.judge(&key([10, 1, 0, 4], [10, 2, 0, 4], 6, port));
        let rule = judged
            .rule
            .map(|rule| firewall.rules[usize::from(rule)].rule.as_str());
        (rule, judged.decision)
    };
    assert_eq!(asked(80), (Some("net1"), Decision::Allow));
    assert_eq!(asked(443), (Some("child-net1"), Decision::Allow));
    assert_eq!(asked(22), (None, Decision::Deny));
}

#[test]
fn what_a_rule_asks_for_and_the_input_does_not_hold_is_unknown() {
    let mut by_group = rule("group", 80);
    by_group.sources = FirewallAddresses {
        ip_groups: vec![id("ipGroups", "elsewhere")],
        ..FirewallAddresses::default()
    };
    let mut by_tag = rule("tag", 81);
    by_tag.destinations = FirewallAddresses {
        tags: vec!["Storage".to_owned()],
        ..FirewallAddresses::default()
    };
    let action = CollectionAction::Network(Access::Allow);
    let rules = vec![by_group, by_tag];
    let groups = vec![group("g", 100, vec![collection("c", 100, action, rules)])];
    let firewall = compiled(vec![policy("p", None, groups)], Vec::new());
    for port in [80, 81] {
        let judged = firewall.judge(&key([10, 1, 0, 4], [10, 2, 0, 4], 6, port));
        assert_eq!(judged.decision, Decision::Unknown);
    }
    let orphan = compiled(vec![policy("p", Some("not-given"), Vec::new())], Vec::new());
    let judged = orphan.judge(&key([10, 1, 0, 4], [10, 2, 0, 4], 6, 80));
    assert_eq!((judged.rule, judged.decision), (None, Decision::Unknown));
}

/// Small enough that rules and packets meet.
const PREFIXES: [&str; 4] = [
    "10.1.0.0/16",
    "10.1.1.0/24",
    "10.2.0.0/16",
    "192.168.0.0/24",
];
const ADDRESSES: [[u8; 4]; 4] = [
    [10, 1, 1, 4],
    [10, 1, 2, 4],
    [10, 2, 0, 4],
    [192, 168, 0, 9],
];

fn side() -> impl Strategy<Value = FirewallAddresses> {
    prop_oneof![
        Just(everything()),
        proptest::sample::subsequence(PREFIXES.to_vec(), 0..3).prop_map(|prefixes| {
            FirewallAddresses {
                prefixes: prefixes.into_iter().map(net).collect(),
                ..FirewallAddresses::default()
            }
        }),
        Just(FirewallAddresses {
            ip_groups: vec![id("ipGroups", "known")],
            ..FirewallAddresses::default()
        }),
    ]
}

fn rules() -> impl Strategy<Value = Vec<FirewallRule>> {
    let protocols = proptest::sample::subsequence(
        vec![
            RuleProtocol::Tcp,
            RuleProtocol::Udp,
            RuleProtocol::Icmp,
            RuleProtocol::Any,
        ],
        1..3,
    );
    let ports = prop_oneof![
        Just(Ports::all()),
        Just(Ports::from_ranges(vec![(80, 90)])),
        Just(Ports::from_ranges(vec![(443, 443)])),
    ];
    let one = (protocols, side(), side(), ports, any::<bool>()).prop_map(
        |(protocols, sources, destinations, ports, named)| FirewallRule {
            name: String::new(),
            protocols,
            sources,
            destinations,
            ports,
            names: if named {
                vec!["x.example".to_owned()]
            } else {
                Vec::new()
            },
            translated: None,
        },
    );
    proptest::collection::vec(one, 1..4)
}

fn collections() -> impl Strategy<Value = Vec<RuleCollection>> {
    let action = prop_oneof![
        Just(CollectionAction::Network(Access::Allow)),
        Just(CollectionAction::Network(Access::Deny)),
        Just(CollectionAction::Application(Access::Allow)),
    ];
    let one = (100..104_u32, action, rules())
        .prop_map(|(priority, action, rules)| collection("", priority, action, rules));
    proptest::collection::vec(one, 0..4)
}

fn known_group() -> Vec<Ipv4Net> {
    vec![net("10.2.0.0/24"), net("192.168.0.9/32")]
}

/// The written rules, one by one.
fn read_aloud(policies: &[&[RuleCollection]], key: &acl::Key) -> Decision {
    let holds = |side: &FirewallAddresses, address: Ipv4Addr| {
        let groups = known_group();
        let groups = groups.iter().filter(|_| !side.ip_groups.is_empty());
        side.everything
            || side
                .prefixes
                .iter()
                .chain(groups)
                .any(|prefix| prefix.contains(&address))
    };
    for application in [false, true] {
        for collections in policies {
            let mut collections: Vec<&RuleCollection> = collections
                .iter()
                .filter(|collection| {
                    matches!(collection.action, CollectionAction::Application(_)) == application
                })
                .collect();
            collections.sort_by_key(|collection| collection.priority);
            for collection in collections {
                for rule in &collection.rules {
                    let of_protocol = rule.protocols.iter().any(|protocol| {
                        let by_number = protocol.number().is_none_or(|it| it == key.protocol);
                        let by_port = match (protocol.number(), key.destination_port) {
                            (Some(1), _) => true,
                            (_, Some(port)) => rule
                                .ports
                                .ranges()
                                .iter()
                                .any(|&(first, last)| (first..=last).contains(&port)),
                            (_, None) => rule.ports.is_all(),
                        };
                        by_number && by_port
                    });
                    let named = !rule.names.is_empty();
                    let to = named || holds(&rule.destinations, key.destination);
                    if of_protocol && holds(&rule.sources, key.source) && to {
                        return match collection.action {
                            _ if named => Decision::Unknown,
                            CollectionAction::Network(Access::Allow) => Decision::Allow,
                            CollectionAction::Network(Access::Deny) => Decision::Deny,
                            CollectionAction::Application(_) | CollectionAction::DestinationNat => {
                                Decision::Unknown
                            }
                        };
                    }
                }
            }
        }
    }
    Decision::Deny
}

proptest! {
    #[test]
    fn compiled_rules_decide_as_the_written_ones_read(parent in collections(), child in collections()) {
        let ip_group = IpGroup { id: id("ipGroups", "known"), location: Location::default(), prefixes: known_group() };
        let firewall = compiled(
            vec![
                policy("parent", None, vec![group("g", 100, parent.clone())]),
                policy("child", Some("parent"), vec![group("g", 100, child.clone())]),
            ],
            vec![ip_group],
        );
        for source in ADDRESSES {
            for destination in ADDRESSES {
                for (protocol, port) in [(6, 80), (6, 443), (17, 85), (1, 0), (50, 0)] {
                    let mut key = key(source, destination, protocol, port);
                    if protocol == 50 {
                        (key.source_port, key.destination_port) = (None, None);
                    }
                    let expected = read_aloud(&[&parent, &child], &key);
                    prop_assert_eq!(firewall.judge(&key).decision, expected, "{:?}", key);
                }
            }
        }
    }
}
