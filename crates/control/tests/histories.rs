//! Random histories: after every change the snapshot that only looked at what has changed equals the one that was compiled as a whole,
//! and so does the next one that is made from it.

use control::snapshot::Snapshot;
use control::{recompile, recompile_whole};
use model::options::{ForwardedTraffic, InternetTag};
use model::{
    Access, BackendPool, Direction, GatewayId, GatewayType, HealthProbe, LinkId, NsgId,
    PeeringFlags, PeeringRecord, PeeringScope, Ports, RequestedAddress, Route, RouteDestination,
    RouteTableId, RuleAddresses, RuleProtocol, SecurityRule, ServiceTag, SubnetId, UserNextHop,
    VnetId,
};
use proptest::prelude::*;

use crate::topology::{Topology, appliance, id, ip, net, nets};

/// Five networks: a hub with a gateway and an appliance, three spokes, a far network with a gateway that a tunnel joins to the hub's.
struct World {
    topology: Topology,
    vnets: Vec<VnetId>,
    /// Two in each network.
    subnets: Vec<SubnetId>,
    tables: Vec<RouteTableId>,
    groups: Vec<NsgId>,
    gateway: GatewayId,
    /// Links that an operation may name, gone or not.
    links: Vec<LinkId>,
}

fn world() -> World {
    let mut topology = Topology::default();
    let mut vnets = Vec::new();
    let mut subnets = Vec::new();
    for (number, region) in ["north", "north", "west", "", "west"]
        .into_iter()
        .enumerate()
    {
        let vnet = topology.vnet(
            &format!("vnet{number}"),
            region,
            &[&format!("10.{number}.0.0/16")],
        );
        for part in 0..2 {
            let prefix = format!("10.{number}.{part}.0/24");
            let subnet = topology.subnet(vnet, &format!("subnet{part}"), &prefix);
            topology.vm(&format!("vm{number}-{part}"), subnet);
            subnets.push(subnet);
        }
        vnets.push(vnet);
    }
    let gateway = topology.gateway(
        "gw",
        vnets[0],
        "10.0.255.0/27",
        GatewayType::Vpn,
        &[Some("20.0.0.1")],
    );
    topology.learned(gateway, &["192.168.0.0/24"]);
    let far = topology.gateway("far", vnets[4], "10.4.255.0/27", GatewayType::Vpn, &[None]);
    topology.tunnel(gateway, far, true);

    let groups: Vec<NsgId> = (0..3)
        .map(|number| topology.group(&format!("nsg{number}"), Vec::new()))
        .collect();
    let network = &mut topology.network;
    network.set_subnet_security_group(subnets[0], Some(groups[0]));
    network.set_subnet_security_group(subnets[2], Some(groups[1]));
    let tables = [0, 2, 3, 4].map(|subnet| topology.routes(subnets[subnet], &[]));
    topology
        .network
        .set_subnet_route_table(subnets[5], Some(tables[1]))
        .unwrap();
    balanced(&mut topology, subnets[2], groups[2]);
    let mut world = World {
        topology,
        vnets,
        subnets,
        tables: tables.to_vec(),
        groups,
        gateway,
        links: Vec::new(),
    };
    world.import_link_to_nowhere();
    world
}

/// A load balancer whose members are asked by a probe: rules of groups decide whether they are up.
fn balanced(topology: &mut Topology, subnet: SubnetId, group: NsgId) {
    let request = model::LoadBalancerRequest {
        id: id("loadBalancers", "lb"),
        location: model::Location::default(),
        sku: model::Sku::Basic,
        frontends: vec![(
            "front".to_owned(),
            model::FrontendRequest::Private(subnet, RequestedAddress::Static(ip("10.1.0.100"))),
        )],
        pools: vec![BackendPool {
            name: "pool".to_owned(),
            addresses: Vec::new(),
        }],
        rules: vec![model::delivery::LoadBalancingRule {
            name: "web".to_owned(),
            frontend: "front".to_owned(),
            pool: "pool".to_owned(),
            protocol: Some(6),
            frontend_port: 443,
            backend_port: 443,
            floating_ip: false,
            probe: Some("probe".to_owned()),
            disable_outbound_snat: false,
        }],
        probes: vec![HealthProbe {
            name: "probe".to_owned(),
            protocol: "Tcp".to_owned(),
            port: 443,
        }],
        inbound_nat_rules: Vec::new(),
        outbound_rules: Vec::new(),
    };
    let balancer = topology.network.create_load_balancer(request).unwrap();
    for (name, group) in [("member0", None), ("member1", Some(group))] {
        let nic = topology.nic_with(name, subnet, |nic| {
            nic.ip_configurations[0].backend_pools = vec![(balancer, "pool".to_owned())];
            nic.network_security_group = group;
        });
        topology.machine(&format!("{name}-vm"), &[nic]);
    }
}

#[derive(Clone, Debug)]
enum Operation {
    SetRoutes(usize, Vec<(usize, usize)>),
    SetRules(usize, Vec<(usize, bool, bool)>),
    Link(usize, usize, PeeringFlags),
    UpdateLink(usize, PeeringFlags),
    DeleteLink(usize),
    SyncLink(usize),
    /// A hub lends its gateway to a spoke, or no longer: one of the two links changes.
    Transit(usize, usize, bool, bool),
    // What nobody compiles by parts.
    Resize(usize, bool),
    AttachGroup(usize, Option<usize>),
    AttachTable(usize, Option<usize>),
    Learn(bool),
    FlushConnections,
    Options(bool, bool),
    NewMachine(usize),
    NewTable,
}

const DESTINATIONS: [&str; 10] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.2.1.0/24",
    "172.16.0.0/16",
    "192.168.0.0/24",
    "192.168.0.0/25",
    "Sql",
    "8.8.8.0/24",
];

fn next_hop(number: usize) -> UserNextHop {
    match number {
        0 => UserNextHop::None,
        1 => UserNextHop::Internet,
        2 => UserNextHop::VnetLocal,
        3 => UserNextHop::VirtualNetworkGateway,
        4 => appliance("10.0.0.4"),
        5 => appliance("10.1.0.100"),
        _ => appliance("10.2.0.4"),
    }
}

fn rule(position: usize, number: usize, inbound: bool, allow: bool) -> SecurityRule {
    let any = RuleAddresses::Any;
    let tag = |name| RuleAddresses::Tag(ServiceTag::named(name));
    let (source, destination) = match number {
        0 => (any.clone(), any),
        1 => (tag("VirtualNetwork"), any),
        2 => (any, tag("Internet")),
        3 => (tag("AzureLoadBalancer"), any),
        4 => (tag("Nowhere"), any),
        _ => (RuleAddresses::Prefixes(nets(&["10.2.0.0/16"])), any),
    };
    SecurityRule {
        name: format!("rule{position}"),
        description: None,
        priority: 100 + u16::try_from(position).unwrap(),
        direction: if inbound {
            Direction::Inbound
        } else {
            Direction::Outbound
        },
        access: if allow { Access::Allow } else { Access::Deny },
        protocol: RuleProtocol::Any,
        source,
        source_ports: Ports::all(),
        destination,
        destination_ports: Ports::all(),
    }
}

impl World {
    /// P-11: a file may hold a link to a network that it does not hold.
    fn import_link_to_nowhere(&mut self) {
        let network = &mut self.topology.network;
        let record = PeeringRecord {
            id: network.virtual_networks()[self.vnets[3]]
                .id
                .child("virtualNetworkPeerings", "to-nowhere"),
            virtual_network: self.vnets[3],
            remote: id("virtualNetworks", "nowhere"),
            flags: PeeringFlags::default(),
            scope: PeeringScope::default(),
            state: Some(model::PeeringState::Connected),
            remote_address_space: Some(nets(&["10.9.0.0/16"])),
            resource_guid: None,
            sync_level: None,
        };
        network.import_peerings(vec![record]);
        self.links
            .extend(&network.virtual_networks()[self.vnets[3]].peerings);
    }

    /// The service may refuse.
    fn apply(&mut self, operation: Operation, count: usize) {
        let network = &mut self.topology.network;
        match operation {
            Operation::SetRoutes(table, routes) => {
                let routes = routes.into_iter().map(|(destination, hop)| Route {
                    name: format!("route{destination}-{}", hop % 2),
                    destination: match DESTINATIONS[destination].parse() {
                        Ok(prefix) => RouteDestination::Prefix(prefix),
                        Err(_) => {
                            RouteDestination::Tag(ServiceTag::named(DESTINATIONS[destination]))
                        }
                    },
                    next_hop: next_hop(hop),
                });
                let _ = network.set_routes(self.tables[table], routes.collect());
            }
            Operation::SetRules(group, rules) => {
                let rules = rules.into_iter().enumerate();
                let rules = rules.map(|(position, (number, inbound, allow))| {
                    rule(position, number, inbound, allow)
                });
                let _ = network.set_security_rules(self.groups[group], rules.collect());
            }
            Operation::Link(from, to, flags) => {
                let (from, to) = (self.vnets[from], self.vnets[to]);
                let remote = network.virtual_networks()[to].id.clone();
                let name = format!("to-{}", remote.name());
                let scope = PeeringScope::CompleteVirtualNetworks;
                self.links
                    .extend(network.create_peering(from, &name, &remote, flags, scope));
            }
            Operation::UpdateLink(link, flags) => {
                if let Some(link) = self.link(link) {
                    let _ = self.topology.network.update_peering(link, flags);
                }
            }
            Operation::DeleteLink(link) => {
                if let Some(link) = self.link(link) {
                    self.topology.network.delete_peering(link);
                }
            }
            Operation::SyncLink(link) => {
                if let Some(link) = self.link(link) {
                    let _ = self.topology.network.sync_peering(link);
                }
            }
            Operation::Transit(hub, spoke, of_hub, on) => {
                let there = self.link_between(hub, spoke);
                let back = self.link_between(spoke, hub);
                let Some(link) = (if of_hub { there } else { back }) else {
                    return;
                };
                let network = &mut self.topology.network;
                let flags = PeeringFlags {
                    allow_gateway_transit: of_hub && on,
                    use_remote_gateways: !of_hub && on,
                    ..network.peerings()[link].flags
                };
                let _ = network.update_peering(link, flags);
            }
            other => self.change_otherwise(other, count),
        }
    }

    /// What is compiled as a whole.
    fn change_otherwise(&mut self, operation: Operation, count: usize) {
        let network = &mut self.topology.network;
        match operation {
            Operation::Resize(vnet, wide) => {
                let number = vnet;
                let mut space = vec![net(&format!("10.{number}.0.0/16"))];
                space.extend(wide.then(|| net(&format!("10.{}.0.0/16", 100 + number))));
                let _ = network.change_address_space(self.vnets[vnet], space);
            }
            Operation::AttachGroup(subnet, group) => {
                let group = group.map(|group| self.groups[group]);
                network.set_subnet_security_group(self.subnets[subnet], group);
            }
            Operation::AttachTable(subnet, table) => {
                let table = table.map(|table| self.tables[table]);
                let _ = network.set_subnet_route_table(self.subnets[subnet], table);
            }
            Operation::Learn(more) => {
                let prefixes = ["192.168.0.0/24", "192.168.7.0/24"];
                let prefixes = &prefixes[..if more { 2 } else { 1 }];
                self.topology.learned(self.gateway, prefixes);
            }
            Operation::FlushConnections => {
                let group = model::NetworkSecurityGroup {
                    id: id("networkSecurityGroups", &format!("flushing{count}")),
                    location: model::Location::default(),
                    rules: [].into(),
                    flush_connection: true,
                };
                let group = network.create_network_security_group(group).unwrap();
                network.set_subnet_security_group(self.subnets[3], Some(group));
                self.groups[0] = group;
            }
            Operation::Options(lenient, minus) => {
                network.options.forwarded_traffic = if lenient {
                    ForwardedTraffic::Lenient
                } else {
                    ForwardedTraffic::Observed
                };
                network.options.internet_tag = if minus {
                    InternetTag::MinusVirtualNetwork
                } else {
                    InternetTag::Recorded
                };
            }
            Operation::NewMachine(subnet) => {
                self.topology
                    .vm(&format!("new{count}"), self.subnets[subnet]);
            }
            Operation::NewTable => {
                let table = self.topology.routes(self.subnets[1], &[]);
                self.tables[0] = table;
            }
            other => unreachable!("{other:?} was applied above"),
        }
    }

    /// The link between two networks, made where there is none, unless the service refuses.
    fn link_between(&mut self, from: usize, to: usize) -> Option<LinkId> {
        let network = &self.topology.network;
        let remote = &network.virtual_networks()[self.vnets[to]].id;
        let own = &network.virtual_networks()[self.vnets[from]].peerings;
        let known = own
            .iter()
            .find(|&&link| network.peerings()[link].remote == *remote);
        if let Some(&known) = known {
            return Some(known);
        }
        self.apply(Operation::Link(from, to, PeeringFlags::default()), 0);
        let made = *self.links.last()?;
        self.topology.network.peerings().get(made).map(|_| made)
    }

    fn link(&self, number: usize) -> Option<LinkId> {
        let link = *self.links.get(number % self.links.len().max(1))?;
        self.topology.network.peerings().get(link).map(|_| link)
    }
}

fn flags() -> impl Strategy<Value = PeeringFlags> {
    any::<[bool; 5]>().prop_map(|on| PeeringFlags {
        allow_virtual_network_access: on[0],
        allow_forwarded_traffic: on[1],
        allow_gateway_transit: on[2],
        use_remote_gateways: on[3],
        do_not_verify_remote_gateways: on[4],
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let routes = prop::collection::btree_map(0..DESTINATIONS.len(), 0..7_usize, 0..6);
    let rules = prop::collection::vec((0..6_usize, any::<bool>(), any::<bool>()), 0..4);
    prop_oneof![
        6 => (0..4_usize, routes)
            .prop_map(|(table, routes)| Operation::SetRoutes(table, routes.into_iter().collect())),
        5 => (0..3_usize, rules).prop_map(|(group, rules)| Operation::SetRules(group, rules)),
        8 => (0..5_usize, 0..5_usize, flags()).prop_map(|(a, b, f)| Operation::Link(a, b, f)),
        5 => (0..24_usize, flags()).prop_map(|(link, f)| Operation::UpdateLink(link, f)),
        2 => (0..24_usize).prop_map(Operation::DeleteLink),
        1 => (0..24_usize).prop_map(Operation::SyncLink),
        8 => (prop::sample::select(vec![0, 4]), 1..4_usize, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(hub, spoke, of_hub, on)| Operation::Transit(hub, spoke, of_hub, on)),
        1 => (0..5_usize, any::<bool>()).prop_map(|(vnet, wide)| Operation::Resize(vnet, wide)),
        1 => (0..10_usize, prop::option::of(0..3_usize))
            .prop_map(|(subnet, group)| Operation::AttachGroup(subnet, group)),
        1 => (0..10_usize, prop::option::of(0..4_usize))
            .prop_map(|(subnet, table)| Operation::AttachTable(subnet, table)),
        1 => any::<bool>().prop_map(Operation::Learn),
        1 => Just(Operation::FlushConnections),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Operation::Options(a, b)),
        1 => (0..10_usize).prop_map(Operation::NewMachine),
        1 => Just(Operation::NewTable),
    ]
}

/// What a snapshot holds, part by part, as text.
fn parts(snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let networks = snapshot.virtual_networks.iter().map(|network| {
        let network = network.as_ref()?;
        Some((&network.space, &network.links, &network.grouped))
    });
    vec![
        ("generation", format!("{:?}", snapshot.generation)),
        ("options", format!("{:?}", snapshot.options)),
        ("nics", format!("{:?}", snapshot.nics)),
        ("policies", format!("{:?}", snapshot.policies)),
        ("outside hosts", format!("{:?}", snapshot.outside_hosts)),
        ("sites", format!("{:?}", snapshot.sites)),
        ("profiles", format!("{:?}", snapshot.profiles)),
        ("guests", format!("{:?}", snapshot.guests)),
        ("admin rules", format!("{:?}", snapshot.admin_rules)),
        ("networks", format!("{:?}", networks.collect::<Vec<_>>())),
        ("links", format!("{:?}", snapshot.links)),
        ("frontends", format!("{:?}", snapshot.frontends)),
        ("edge", format!("{:?}", snapshot.edge)),
        ("gateways", format!("{:?}", snapshot.gateways)),
        ("firewalls", format!("{:?}", snapshot.firewalls)),
        ("provenance", format!("{:?}", snapshot.provenance)),
    ]
}

fn assert_equal(fast: &Snapshot, slow: &Snapshot) -> Result<(), TestCaseError> {
    for ((name, fast), (_, slow)) in parts(fast).into_iter().zip(parts(slow)) {
        prop_assert_eq!(fast, slow, "{}", name);
    }
    let owners = |snapshot: &Snapshot| {
        let networks = snapshot.virtual_networks.iter();
        let owners = networks.map(|network| Some(network.as_ref()?.owners.clone()));
        owners.collect::<Vec<_>>()
    };
    prop_assert_eq!(owners(fast), owners(slow));
    let sizes = |snapshot: &Snapshot| {
        let tables = (snapshot.fibs.len(), snapshot.tag_views.len());
        (tables, snapshot.rule_sets.len())
    };
    prop_assert_eq!(sizes(fast), sizes(slow));
    for (fast, slow) in fast.fibs.iter().zip(slow.fibs.iter()) {
        prop_assert_eq!(&fast.view, &slow.view);
        prop_assert_eq!(&fast.routes, &slow.routes);
        prop_assert_eq!(&fast.shared, &slow.shared);
        prop_assert!(fast.table.routes().eq(slow.table.routes()));
    }
    for (fast, slow) in fast.tag_views.iter().zip(slow.tag_views.iter()) {
        prop_assert_eq!(&fast.virtual_network, &slow.virtual_network);
        prop_assert_eq!(&fast.internet, &slow.internet);
        prop_assert_eq!(&fast.classes, &slow.classes);
    }
    for (fast, slow) in fast.rule_sets.iter().zip(slow.rule_sets.iter()) {
        prop_assert_eq!((fast.group, fast.direction), (slow.group, slow.direction));
        prop_assert_eq!(fast.flush_connection, slow.flush_connection);
        prop_assert_eq!(fast.flushed_in, slow.flushed_in);
        prop_assert_eq!(&fast.allows, &slow.allows);
        prop_assert_eq!(&fast.platform, &slow.platform);
        prop_assert_eq!(fast.table.rules(), slow.table.rules());
        prop_assert_eq!(&fast.rules, &slow.rules);
        prop_assert_eq!(fast.icmp_table.is_some(), slow.icmp_table.is_some());
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_compiled_by_changes_equals_what_is_compiled_as_a_whole(
        history in prop::collection::vec(prop::collection::vec(operation(), 1..4), 1..12)
    ) {
        let mut world = world();
        let mut fast = world.topology.compile();
        let mut slow = fast.clone();
        for (count, operations) in history.into_iter().enumerate() {
            for (part, operation) in operations.into_iter().enumerate() {
                world.apply(operation, count * 10 + part);
            }
            fast = recompile(&world.topology.network, &fast);
            slow = recompile_whole(&world.topology.network, &slow);
            assert_equal(&fast, &slow)?;
        }
    }
}
