//! Security admin rules of network managers (S-13): which NICs they reach, and which of them decides.

use control::Snapshot;
use control::questions::{Decision, decide};
use ipnet::Ipv4Net;
use model::options::VnetAccessWithoutNsg;
use model::{
    Access, AdminAccess, AdminRuleCollection, Direction, IntentPolicyServices, Location,
    NetworkGroup, NetworkManager, NicId, Ports, RuleAddresses, RuleProtocol,
    SecurityAdminConfiguration, SecurityAdminRule, SecurityRule, SubnetRequest, VnetId,
};
use proptest::prelude::*;

use crate::topology::{Topology, decided, flags, id, net, nic, policy, tcp};

fn rule(name: &str, priority: u16, direction: Direction, access: AdminAccess) -> SecurityAdminRule {
    SecurityAdminRule {
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

fn on_port(port: &str, rule: SecurityAdminRule) -> SecurityAdminRule {
    SecurityAdminRule {
        protocol: RuleProtocol::Tcp,
        destination_ports: Ports::parse([port]).unwrap(),
        ..rule
    }
}

/// A manager with one group of these networks, one configuration and one collection.
fn manager(
    topology: &Topology,
    name: &str,
    members: &[VnetId],
    rules: Vec<SecurityAdminRule>,
) -> NetworkManager {
    let vnets = topology.network.virtual_networks();
    NetworkManager {
        id: id("networkManagers", name),
        location: Location::default(),
        management_groups: Vec::new(),
        subscriptions: vec!["/subscriptions/sub1".to_owned()],
        network_groups: vec![NetworkGroup {
            name: "all".to_owned(),
            members: members.iter().map(|&vnet| vnets[vnet].id.clone()).collect(),
        }],
        connectivity_configurations: Vec::new(),
        security_admin_configurations: vec![SecurityAdminConfiguration {
            name: "base".to_owned(),
            intent_policy_services: IntentPolicyServices::None,
            deployed_to: None,
            rule_collections: vec![AdminRuleCollection {
                name: "rules".to_owned(),
                applies_to: vec!["ALL".to_owned()],
                rules,
            }],
        }],
    }
}

fn reaches(snapshot: &Snapshot, vm: NicId) -> bool {
    !policy(snapshot, vm).admin_in(Direction::Inbound).is_empty()
}

#[test]
fn always_allow_passes_the_groups_of_its_own_nic_and_of_no_other() {
    // S-13, the example: the hub's subnet denies all inbound, a spoke's own group denies 443 outbound.
    let mut topology = Topology::of_the_exercise();
    let (hub, hub_subnet, hub_vm) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let (spoke, spoke_subnet, spoke_vm) = topology.site("spoke", "northeurope", "10.1.0.0/16");
    topology.peer(hub, spoke);
    let deny = |direction| SecurityRule {
        access: Access::Deny,
        ..rule("deny-all", 100, direction, AdminAccess::Deny).as_security_rule()
    };
    let group = topology.group("hub-nsg", vec![deny(Direction::Inbound)]);
    topology
        .network
        .set_subnet_security_group(hub_subnet, Some(group));
    let group = topology.group("spoke-nsg", vec![deny(Direction::Outbound)]);
    topology
        .network
        .set_subnet_security_group(spoke_subnet, Some(group));
    let always = on_port(
        "443",
        rule("https", 10, Direction::Inbound, AdminAccess::AlwaysAllow),
    );
    let manager = manager(&topology, "avnm", &[hub], vec![always]);
    topology.network.create_network_manager(manager).unwrap();
    let snapshot = topology.compile();
    let at_hub = |port| {
        decided(
            &snapshot,
            hub_vm,
            Direction::Inbound,
            tcp("10.1.0.4", "10.0.0.4", port),
        )
    };
    assert_eq!(at_hub(443), "AlwaysAllow https");
    assert_eq!(at_hub(22), "Deny deny-all");
    assert_eq!(
        decided(
            &snapshot,
            spoke_vm,
            Direction::Outbound,
            tcp("10.1.0.4", "10.0.0.4", 443)
        ),
        "Deny deny-all"
    );
    assert!(!reaches(&snapshot, spoke_vm));
}

#[test]
fn allow_leaves_it_to_the_groups_and_deny_needs_no_group() {
    // S-13
    let mut topology = Topology::of_the_exercise();
    let (vnet, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    let rules = vec![
        on_port(
            "22",
            rule("ssh", 20, Direction::Inbound, AdminAccess::Allow),
        ),
        rule("rest", 30, Direction::Inbound, AdminAccess::Deny),
    ];
    let manager = manager(&topology, "avnm", &[vnet], rules);
    topology.network.create_network_manager(manager).unwrap();
    let say = |topology: &Topology, port| {
        decided(
            &topology.compile(),
            vm,
            Direction::Inbound,
            tcp("8.8.8.8", "10.0.0.4", port),
        )
    };
    assert_eq!(say(&topology, 80), "Deny rest");
    assert_eq!(say(&topology, 22), "Allow");
    let group = topology.group("nsg", Vec::new());
    topology
        .network
        .set_subnet_security_group(subnet, Some(group));
    assert_eq!(say(&topology, 22), "Deny DenyAllInBound");
}

#[test]
fn always_allow_also_skips_the_judgement_of_a_false_access_flag() {
    // S-13 before F-4
    let mut topology = Topology::of_the_exercise();
    let (a, _, a_vm) = topology.site("a", "northeurope", "10.1.0.0/16");
    let (b, _, _) = topology.site("b", "northeurope", "10.2.0.0/16");
    topology.link(a, b, flags(&[]));
    topology.link(b, a, flags(&["access"]));
    assert_eq!(
        topology.network.options.vnet_access_without_nsg,
        VnetAccessWithoutNsg::DefaultRules
    );
    let rules = vec![on_port(
        "443",
        rule("https", 10, Direction::Inbound, AdminAccess::AlwaysAllow),
    )];
    let manager = manager(&topology, "avnm", &[a], rules);
    topology.network.create_network_manager(manager).unwrap();
    let snapshot = topology.compile();
    let allows = |port| {
        let packet = tcp("10.2.0.4", "10.1.0.4", port);
        decide(&snapshot, nic(&snapshot, a_vm), Direction::Inbound, packet).allows()
    };
    assert!(allows(443));
    assert!(!allows(22));
}

#[test]
fn the_manager_of_the_higher_scope_goes_first_whatever_the_priorities() {
    // S-13
    let mut topology = Topology::of_the_exercise();
    let (vnet, _, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    let lower = manager(
        &topology,
        "a-lower",
        &[vnet],
        vec![rule("lower", 1, Direction::Inbound, AdminAccess::Deny)],
    );
    let higher = NetworkManager {
        management_groups: vec!["/providers/Microsoft.Management/managementGroups/root".to_owned()],
        ..manager(
            &topology,
            "z-higher",
            &[vnet],
            vec![on_port(
                "22",
                rule("higher", 4096, Direction::Inbound, AdminAccess::Allow),
            )],
        )
    };
    topology.network.create_network_manager(lower).unwrap();
    topology.network.create_network_manager(higher).unwrap();
    let snapshot = topology.compile();
    let say = |port| {
        decided(
            &snapshot,
            vm,
            Direction::Inbound,
            tcp("8.8.8.8", "10.0.0.4", port),
        )
    };
    assert_eq!(
        (say(22).as_str(), say(23).as_str()),
        ("Allow", "Deny lower")
    );
}

#[test]
fn subnets_of_the_platforms_services_take_no_admin_rules() {
    // S-13
    let mut topology = Topology::of_the_exercise();
    let vnet = topology.vnet("v", "northeurope", &["10.0.0.0/16"]);
    let names = [
        "AzureBastionSubnet",
        "AzureFirewallSubnet",
        "RouteServerSubnet",
        "GatewaySubnet",
        "gateways",
        "isolated",
        "workload",
    ];
    let mut nics = Vec::new();
    for (name, third) in names.into_iter().zip(0..) {
        let prefix: Ipv4Net = format!("10.0.{third}.0/24").parse().unwrap();
        let mut request = SubnetRequest::new(name, prefix);
        if name == "isolated" {
            request.delegation = Some("Microsoft.Network/applicationGateways".to_owned());
        }
        let subnet = topology.network.create_subnet(vnet, request).unwrap();
        nics.push(topology.vm(name, subnet));
        if name == "gateways" || name == "isolated" {
            let holder = id("applicationGateways", name);
            topology
                .network
                .claim_address(&holder, subnet, model::RequestedAddress::FirstFree)
                .unwrap();
        }
    }
    let manager = manager(
        &topology,
        "avnm",
        &[vnet],
        vec![rule("all", 1, Direction::Inbound, AdminAccess::Deny)],
    );
    topology.network.create_network_manager(manager).unwrap();
    let snapshot = topology.compile();
    let reached: Vec<&str> = names
        .into_iter()
        .zip(&nics)
        .filter(|&(_, &vm)| reaches(&snapshot, vm))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(reached, ["isolated", "workload"]);
}

#[test]
fn a_network_with_a_managed_instance_takes_what_the_configuration_says() {
    // S-13
    for (value, expected) in [
        (IntentPolicyServices::None, ["Allow", "Allow"]),
        (IntentPolicyServices::AllowRulesOnly, ["Allow", "Allow"]),
        (
            IntentPolicyServices::All,
            ["Deny deny", "AlwaysAllow always"],
        ),
    ] {
        let mut topology = Topology::of_the_exercise();
        let (vnet, _, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
        let request = SubnetRequest {
            delegation: Some("Microsoft.Sql/managedInstances".to_owned()),
            ..SubnetRequest::new("sql", net("10.0.9.0/24"))
        };
        topology.network.create_subnet(vnet, request).unwrap();
        let rules = vec![
            on_port(
                "22",
                rule("allow", 10, Direction::Inbound, AdminAccess::Allow),
            ),
            on_port(
                "443",
                rule("always", 20, Direction::Inbound, AdminAccess::AlwaysAllow),
            ),
            rule("deny", 30, Direction::Inbound, AdminAccess::Deny),
        ];
        let mut manager = manager(&topology, "avnm", &[vnet], rules);
        manager.security_admin_configurations[0].intent_policy_services = value;
        topology.network.create_network_manager(manager).unwrap();
        let snapshot = topology.compile();
        let say = |port| {
            decided(
                &snapshot,
                vm,
                Direction::Inbound,
                tcp("8.8.8.8", "10.0.0.4", port),
            )
        };
        assert_eq!([say(80), say(443)], expected, "{value}");
        let admin = decide(
            &snapshot,
            nic(&snapshot, vm),
            Direction::Inbound,
            tcp("8.8.8.8", "10.0.0.4", 22),
        )
        .admin()
        .is_some();
        assert_eq!(admin, value != IntentPolicyServices::None, "{value}");
    }
}

#[test]
fn a_configuration_reaches_the_regions_in_which_it_is_deployed() {
    // S-13
    let mut topology = Topology::of_the_exercise();
    let (north, _, north_vm) = topology.site("n", "northeurope", "10.0.0.0/16");
    let (west, _, west_vm) = topology.site("w", "westeurope", "10.1.0.0/16");
    let mut manager = manager(
        &topology,
        "avnm",
        &[north, west],
        vec![rule("all", 1, Direction::Inbound, AdminAccess::Deny)],
    );
    manager.security_admin_configurations[0].deployed_to = Some(vec![Location::new("West Europe")]);
    topology.network.create_network_manager(manager).unwrap();
    let snapshot = topology.compile();
    assert!(!reaches(&snapshot, north_vm));
    assert!(reaches(&snapshot, west_vm));
}

#[test]
fn a_collection_for_a_group_that_is_not_there_is_refused() {
    let mut topology = Topology::of_the_exercise();
    let (vnet, _, _) = topology.site("v", "northeurope", "10.0.0.0/16");
    let mut manager = manager(&topology, "avnm", &[vnet], Vec::new());
    manager.security_admin_configurations[0].rule_collections[0].applies_to =
        vec!["elsewhere".to_owned()];
    let error = topology
        .network
        .create_network_manager(manager)
        .unwrap_err();
    assert!(error.to_string().contains("'elsewhere'"), "{error}");
}

/// Rules that overlap often.
fn any_rules() -> impl Strategy<Value = Vec<SecurityAdminRule>> {
    let one = (
        1..6_u16,
        prop::sample::select(vec![
            AdminAccess::Allow,
            AdminAccess::AlwaysAllow,
            AdminAccess::Deny,
        ]),
        prop::sample::select(vec![
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.0.4/32",
            "8.0.0.0/8",
        ]),
        prop::sample::select(vec!["*", "22", "20-80", "443"]),
    );
    prop::collection::vec(one, 0..20).prop_map(|rules| {
        rules
            .into_iter()
            .enumerate()
            .map(
                |(number, (priority, access, source, port))| SecurityAdminRule {
                    source: RuleAddresses::Prefixes(vec![net(source)]),
                    ..on_port(
                        port,
                        rule(&format!("r{number}"), priority, Direction::Inbound, access),
                    )
                },
            )
            .collect()
    })
}

proptest! {
    /// The slow, obvious reading: manager after manager, rule after rule by priority; then the group.
    #[test]
    fn the_compiled_admin_rules_decide_as_a_walk_over_the_rules_does(
        higher in any_rules(),
        lower in any_rules(),
        source in prop::sample::select(vec!["10.1.0.4", "10.1.9.9", "10.9.9.9", "8.8.8.8"]),
        port in prop::sample::select(vec![22_u16, 80, 443, 8080]),
        grouped in any::<bool>(),
    ) {
        let mut topology = Topology::of_the_exercise();
        let (vnet, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
        if grouped {
            let group = topology.group("nsg", Vec::new());
            topology.network.set_subnet_security_group(subnet, Some(group));
        }
        let above = NetworkManager {
            management_groups: vec!["/providers/Microsoft.Management/managementGroups/m".to_owned()],
            ..manager(&topology, "above", &[vnet], higher.clone())
        };
        let below = manager(&topology, "below", &[vnet], lower.clone());
        topology.network.create_network_manager(below).unwrap();
        topology.network.create_network_manager(above).unwrap();
        let snapshot = topology.compile();
        let decision = decide(&snapshot, nic(&snapshot, vm), Direction::Inbound, tcp(source, "10.0.0.4", port));

        let matches = |rule: &&SecurityAdminRule| {
            let RuleAddresses::Prefixes(prefixes) = &rule.source else { return false };
            prefixes.iter().any(|prefix| prefix.contains(&source.parse::<std::net::Ipv4Addr>().unwrap()))
                && rule.destination_ports.contains(port)
        };
        let first = |rules: &[SecurityAdminRule]| rules.iter().filter(matches).min_by_key(|rule| rule.priority).cloned();
        let expected = first(&higher).or_else(|| first(&lower));
        prop_assert_eq!(decision.admin().map(|admin| admin.rule), expected.as_ref());
        let by_group = !grouped; // no source lies in the tag of 10.0.0.0/16, so the defaults deny
        let allows = match expected.map(|rule| rule.access) {
            Some(AdminAccess::Deny) => false,
            Some(AdminAccess::AlwaysAllow) => true,
            Some(AdminAccess::Allow) | None => by_group,
        };
        prop_assert_eq!(decision.allows(), allows);
        prop_assert_eq!(matches!(decision.of_groups(), Decision::NoRules), !grouped);
    }
}
