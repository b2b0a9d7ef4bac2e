//! Security admin rules on the way of a packet (S-13): their drop reason, and their part in flow state.

use dataplane::packet::TcpFlags;
use dataplane::recorder::FlowFound;
use dataplane::{DropReason, Evidence, Position, Step};
use model::{
    AdminAccess, AdminRuleCollection, Direction, IntentPolicyServices, Location, NetworkGroup,
    NetworkManager, Ports, RuleAddresses, RuleProtocol, SecurityAdminConfiguration,
    SecurityAdminRule, VnetId,
};

use crate::world::{World, deny_all, flags, id};

fn on_port(name: &str, port: u16, direction: Direction, access: AdminAccess) -> SecurityAdminRule {
    SecurityAdminRule {
        name: name.to_owned(),
        description: None,
        priority: port,
        direction,
        access,
        protocol: RuleProtocol::Tcp,
        source: RuleAddresses::Any,
        source_ports: Ports::all(),
        destination: RuleAddresses::Any,
        destination_ports: Ports::from_ranges([(port, port)]),
    }
}

fn manage(world: &mut World, vnet: VnetId, rules: Vec<SecurityAdminRule>) {
    let member = world.network.virtual_networks()[vnet].id.clone();
    let manager = NetworkManager {
        id: id("networkManagers", "avnm"),
        location: Location::default(),
        management_groups: Vec::new(),
        subscriptions: Vec::new(),
        network_groups: vec![NetworkGroup {
            name: "all".to_owned(),
            members: vec![member],
        }],
        connectivity_configurations: Vec::new(),
        security_admin_configurations: vec![SecurityAdminConfiguration {
            name: "base".to_owned(),
            intent_policy_services: IntentPolicyServices::None,
            deployed_to: None,
            rule_collections: vec![AdminRuleCollection {
                name: "rules".to_owned(),
                applies_to: vec!["all".to_owned()],
                rules,
            }],
        }],
    };
    world.change(|network| {
        network.create_network_manager(manager).unwrap();
    });
}

#[test]
fn a_denial_names_the_admin_rule_and_always_allow_passes_the_group() {
    // S-13
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let b = world.site("B", "10.2.0.0/16");
    world.peer(a.vnet, b.vnet);
    let group = world.group("nsg", vec![deny_all(Direction::Inbound)]);
    world.network.set_nic_security_group(b.nic, Some(group));
    let inbound = Direction::Inbound;
    manage(
        &mut world,
        b.vnet,
        vec![
            on_port("ssh", 22, inbound, AdminAccess::Deny),
            on_port("https", 443, inbound, AdminAccess::AlwaysAllow),
            on_port("web", 80, inbound, AdminAccess::Allow),
        ],
    );
    for (port, story) in [
        (22, "BVMNic: admin-deny at ssh of avnm"),
        (443, "delivered to BVMNic"),
        (80, "BVMNic: nsg-deny at DenyAll of nsg at NIC"),
        (8080, "BVMNic: nsg-deny at DenyAll of nsg at NIC"),
    ] {
        let syn = world.tcp(a.nic, b.nic, (50_000, port), TcpFlags::SYN);
        let walk = world.send(a.nic, syn);
        assert_eq!(world.story(&walk), story, "port {port}");
        let asked_group = walk
            .steps
            .iter()
            .any(|step| matches!(step, Step::Judged { .. }));
        assert_eq!(asked_group, matches!(port, 80 | 8080), "port {port}");
    }
}

#[test]
fn a_nic_with_admin_rules_alone_remembers_flows() {
    // S-13, S-17: the answer needs no rule, although an admin rule denies everything outbound.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let b = world.site("B", "10.2.0.0/16");
    world.peer(a.vnet, b.vnet);
    let mut deny = on_port("nothing-out", 1, Direction::Outbound, AdminAccess::Deny);
    deny.destination_ports = Ports::all();
    manage(&mut world, b.vnet, vec![deny]);
    let syn = world.tcp(a.nic, b.nic, (50_000, 443), TcpFlags::SYN);
    let trip = world.ask(a.nic, syn);
    assert_eq!(world.stories(&trip).1, "delivered to AVMNic");
    let known = trip.back.unwrap().steps.iter().any(
        |step| matches!(step, Step::Flow { visit, found: FlowFound::Known } if visit.nic == b.nic),
    );
    assert!(known);
    let syn = world.tcp(b.nic, a.nic, (50_000, 443), TcpFlags::SYN);
    assert_eq!(world.send(b.nic, syn).reason(), Some(DropReason::AdminDeny));
}

#[test]
fn a_counterfactual_walk_goes_on_behind_an_admin_rule() {
    // S-14: the group behind the admin rule denies too.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let b = world.site("B", "10.2.0.0/16");
    world.link(a.vnet, b.vnet, flags(&["access"]));
    world.link(b.vnet, a.vnet, flags(&["access"]));
    let group = world.group("nsg", vec![deny_all(Direction::Inbound)]);
    world.network.set_nic_security_group(b.nic, Some(group));
    let deny = on_port("ssh", 22, Direction::Inbound, AdminAccess::Deny);
    manage(&mut world, b.vnet, vec![deny]);
    let syn = world.tcp(a.nic, b.nic, (50_000, 22), TcpFlags::SYN);
    let walk = world.follow(Position::Leaving(a.nic), syn, Evidence::counterfactual());
    let reasons: Vec<DropReason> = walk
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Refused { dropped } => Some(dropped.reason()),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [DropReason::AdminDeny, DropReason::NsgDeny]);
}
