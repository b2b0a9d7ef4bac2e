//! Networks in a few lines, and packets that are followed through them.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::Level;
use dataplane::dropped::Object;
use dataplane::packet::{Envelope, TcpFlags, TcpSegment};
use dataplane::recorder::Evidence;
use dataplane::time::{SimDuration, SimTime};
use dataplane::{
    Delivery, DropReason, Dropped, FlowTable, Guests, InFlight, Outcome, Packet, Pipeline,
    Position, Step,
};
use ipnet::Ipv4Net;
use model::options::NoneRoutes;
use model::{
    Access, Direction, GatewayId, GatewayRequest, GatewayType, Guest, LinkId, Location, Network,
    NetworkSecurityGroup, NicId, NicRequest, NsgId, PeeringFlags, PeeringScope, RequestedAddress,
    ResourceId, Route, RouteDestination, RouteTable, RuleAddresses, RuleProtocol, SecurityRule,
    ServiceTag, SubnetId, SubnetRequest, UserNextHop, VirtualMachineRequest, VirtualNetworkRequest,
    VmId, VnetId, VpnType,
};

/// A network that grows, and the packets in it. Names are resource names.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) pairs: FlowTable,
    pub(crate) guests: Guests,
    pub(crate) now: SimTime,
    pub(crate) snapshot: Option<Snapshot>,
}

/// A network with one subnet, its first /24, and a VM in it.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) vnet: VnetId,
    pub(crate) subnet: SubnetId,
    pub(crate) nic: NicId,
    pub(crate) vm: VmId,
}

/// What happened to a packet between two guests.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) outcome: Outcome,
    /// As it was at the end.
    pub(crate) packet: Packet,
    /// NICs that received it, in order.
    pub(crate) visited: Vec<NicId>,
    pub(crate) steps: Vec<Step>,
    /// Packets that came into being on its way.
    pub(crate) spawned: Vec<InFlight>,
}

/// A question and its answer.
#[derive(Debug)]
pub(crate) struct Trip {
    pub(crate) there: Walk,
    pub(crate) back: Option<Walk>,
}

pub(crate) fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

pub(crate) fn appliance(address: &str) -> UserNextHop {
    UserNextHop::VirtualAppliance(ip(address))
}

/// Flags of a link by the words that are true.
pub(crate) fn flags(on: &[&str]) -> PeeringFlags {
    let is = |flag| on.contains(&flag);
    PeeringFlags {
        allow_virtual_network_access: is("access"),
        allow_forwarded_traffic: is("forwarded"),
        allow_gateway_transit: is("transit"),
        use_remote_gateways: is("use-remote"),
        do_not_verify_remote_gateways: false,
    }
}

/// A rule with `*` everywhere.
pub(crate) fn rule(
    name: &str,
    priority: u16,
    direction: Direction,
    access: Access,
) -> SecurityRule {
    SecurityRule {
        name: name.to_owned(),
        description: None,
        priority,
        direction,
        access,
        protocol: RuleProtocol::Any,
        source: RuleAddresses::Any,
        source_ports: model::Ports::all(),
        destination: RuleAddresses::Any,
        destination_ports: model::Ports::all(),
    }
}

pub(crate) fn deny_all(direction: Direction) -> SecurityRule {
    rule("DenyAll", 100, direction, Access::Deny)
}

pub(crate) fn tag(name: &str) -> RuleAddresses {
    RuleAddresses::Tag(ServiceTag::named(name))
}

/// Building.
impl World {
    /// Nothing yet; the `None` rows of the exercise.
    pub(crate) fn new() -> Self {
        let mut network = Network::default();
        network.options.none_routes = NoneRoutes::Seed;
        Self {
            network,
            pairs: FlowTable::default(),
            guests: Guests::default(),
            now: SimTime::ZERO,
            snapshot: None,
        }
    }

    pub(crate) fn vnet(&mut self, name: &str, space: &[&str]) -> VnetId {
        self.network
            .create_virtual_network(VirtualNetworkRequest {
                id: id("virtualNetworks", name),
                location: Location::new("northeurope"),
                address_space: space.iter().map(|prefix| prefix.parse().unwrap()).collect(),
                subnets: Vec::new(),
                deployment_model: model::DeploymentModel::ResourceManager,
                flow_timeout_minutes: None,
                dns_servers: Vec::new(),
            })
            .unwrap()
    }

    pub(crate) fn subnet(&mut self, vnet: VnetId, name: &str, prefix: &str) -> SubnetId {
        self.network
            .create_subnet(vnet, SubnetRequest::new(name, prefix.parse().unwrap()))
            .unwrap()
    }

    /// A NIC with the subnet's first free address.
    pub(crate) fn nic(&mut self, name: &str, subnet: SubnetId, ip_forwarding: bool) -> NicId {
        self.nic_with(name, subnet, |nic| nic.ip_forwarding = ip_forwarding)
    }

    /// The same, changed before it is created.
    pub(crate) fn nic_with(
        &mut self,
        name: &str,
        subnet: SubnetId,
        change: impl FnOnce(&mut NicRequest),
    ) -> NicId {
        let mut request = NicRequest::new(id("networkInterfaces", name), subnet);
        change(&mut request);
        self.network.create_nic(request).unwrap()
    }

    pub(crate) fn machine(&mut self, name: &str, nics: &[NicId], guest: Guest) -> VmId {
        self.network
            .create_virtual_machine(VirtualMachineRequest {
                guest,
                ..VirtualMachineRequest::new(
                    ResourceId::in_group("sub1", "rg1", "Microsoft.Compute/virtualMachines", name),
                    nics.to_vec(),
                )
            })
            .unwrap()
    }

    /// A running VM with one NIC.
    pub(crate) fn vm(&mut self, name: &str, subnet: SubnetId) -> (NicId, VmId) {
        let nic = self.nic(&format!("{name}Nic"), subnet, false);
        (nic, self.machine(name, &[nic], Guest::default()))
    }

    pub(crate) fn site(&mut self, name: &str, space: &str) -> Site {
        let vnet = self.vnet(name, &[space]);
        let whole: Ipv4Net = space.parse().unwrap();
        let subnet = self.subnet(vnet, "apps", &format!("{}/24", whole.network()));
        let (nic, vm) = self.vm(&format!("{name}VM"), subnet);
        Site {
            vnet,
            subnet,
            nic,
            vm,
        }
    }

    pub(crate) fn link(&mut self, from: VnetId, to: VnetId, flags: PeeringFlags) -> LinkId {
        let remote = self.network.virtual_networks()[to].id.clone();
        let name = format!("to-{}", remote.name());
        let scope = PeeringScope::CompleteVirtualNetworks;
        self.network
            .create_peering(from, &name, &remote, flags, scope)
            .unwrap()
    }

    /// Both links of a peering with the flags of a plain template: access true, the rest false.
    pub(crate) fn peer(&mut self, one: VnetId, other: VnetId) -> (LinkId, LinkId) {
        let flags = flags(&["access"]);
        (self.link(one, other, flags), self.link(other, one, flags))
    }

    pub(crate) fn routes(&mut self, subnet: SubnetId, routes: &[(&str, UserNextHop)]) {
        let name = format!("rt{}", self.network.route_tables().len());
        let route = |(position, &(prefix, next_hop)): (usize, &(&str, UserNextHop))| Route {
            name: format!("route{position}"),
            destination: RouteDestination::Prefix(prefix.parse().unwrap()),
            next_hop,
        };
        let table = RouteTable {
            id: id("routeTables", &name),
            location: Location::default(),
            routes: routes.iter().enumerate().map(route).collect(),
            gateway_propagation_disabled: false,
        };
        let table = self.network.create_route_table(table).unwrap();
        self.network
            .set_subnet_route_table(subnet, Some(table))
            .unwrap();
    }

    pub(crate) fn group(&mut self, name: &str, rules: Vec<SecurityRule>) -> NsgId {
        let group = NetworkSecurityGroup {
            id: id("networkSecurityGroups", name),
            location: Location::default(),
            rules: rules.into(),
            flush_connection: false,
        };
        self.network.create_network_security_group(group).unwrap()
    }

    /// A VPN gateway with one instance.
    pub(crate) fn vpn_gateway(&mut self, vnet: VnetId, prefix: &str) -> GatewayId {
        let subnet = self.subnet(vnet, "GatewaySubnet", prefix);
        let request = GatewayRequest {
            id: id("virtualNetworkGateways", "gateway"),
            location: Location::default(),
            subnet,
            kind: GatewayType::Vpn,
            vpn_type: VpnType::RouteBased,
            active_active: false,
            instances: vec![(None, RequestedAddress::FirstFree)],
            bgp: false,
            asn: 65515,
            default_site: None,
            client_pool: Vec::new(),
            learned_routes: Vec::new(),
        };
        self.network.create_gateway(request).unwrap()
    }

    pub(crate) fn address(&self, nic: NicId) -> Ipv4Addr {
        self.network.nics()[nic].primary_address()
    }
}

/// Two spokes, a hub with a VM and an appliance at 10.0.0.5, and routes to it in both spokes (F-8).
pub(crate) struct HubAndSpokes {
    pub(crate) world: World,
    pub(crate) hub: Site,
    pub(crate) one: Site,
    pub(crate) two: Site,
    pub(crate) nva: NicId,
    pub(crate) nva_vm: VmId,
    /// The spokes' links to the hub.
    pub(crate) links: [LinkId; 2],
}

pub(crate) fn hub_and_spokes(forwarded: [bool; 2], guest: Guest) -> HubAndSpokes {
    let mut world = World::new();
    let hub = world.site("hub", "10.0.0.0/16");
    let nva = world.nic("nvaNic", hub.subnet, true);
    let nva_vm = world.machine("nva", &[nva], guest);
    let one = world.site("spoke1", "10.1.0.0/16");
    let two = world.site("spoke2", "10.2.0.0/16");
    let links = [(one, forwarded[0]), (two, forwarded[1])].map(|(spoke, forwarded)| {
        world.link(hub.vnet, spoke.vnet, flags(&["access"]));
        world.routes(spoke.subnet, &[("10.0.0.0/8", appliance("10.0.0.5"))]);
        let on: &[&str] = if forwarded {
            &["access", "forwarded"]
        } else {
            &["access"]
        };
        world.link(spoke.vnet, hub.vnet, flags(on))
    });
    HubAndSpokes {
        world,
        hub,
        one,
        two,
        nva,
        nva_vm,
        links,
    }
}

/// Sending.
impl World {
    /// The compiled network, compiled anew if something was changed by [`World::change`].
    pub(crate) fn snapshot(&mut self) -> &Snapshot {
        let network = &self.network;
        self.snapshot
            .get_or_insert_with(|| control::compile(network))
    }

    /// Changes the network while flows live.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Network)) {
        self.snapshot();
        change(&mut self.network);
        let previous = self.snapshot.take().unwrap();
        self.snapshot = Some(control::recompile(&self.network, &previous));
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += SimDuration::from_seconds(seconds);
    }

    /// Follows a packet from the guest behind a NIC to its end.
    pub(crate) fn send(&mut self, from: NicId, packet: Packet) -> Walk {
        self.follow(Position::Leaving(from), packet, Evidence::default())
    }

    pub(crate) fn follow(
        &mut self,
        start: Position,
        mut packet: Packet,
        mut evidence: Evidence,
    ) -> Walk {
        self.snapshot();
        let snapshot = self.snapshot.as_ref().unwrap();
        let mut pipeline = Pipeline::new(
            snapshot,
            &mut self.pairs,
            &mut self.guests,
            &mut evidence,
            self.now,
        );
        let outcome = pipeline.walk(start, &mut packet);
        let spawned = pipeline.spawned;
        let visited = evidence.steps.iter().filter_map(|step| match step {
            Step::Received { nic, .. } => Some(*nic),
            _ => None,
        });
        Walk {
            outcome,
            packet,
            visited: visited.collect(),
            spawned,
            steps: evidence.steps,
        }
    }

    /// What the guest that has got a packet answers.
    pub(crate) fn answers(&mut self, walk: &Walk) -> Vec<(NicId, Packet)> {
        let Outcome::Delivered(Delivery::Guest(at)) = walk.outcome else {
            return Vec::new();
        };
        let snapshot = self.snapshot.as_ref().unwrap();
        self.guests.answer(snapshot, at, &walk.packet, self.now)
    }

    /// A packet and the first answer to it.
    pub(crate) fn ask(&mut self, from: NicId, packet: Packet) -> Trip {
        let there = self.send(from, packet);
        let answer = self.answers(&there).into_iter().next();
        let back = answer.map(|(nic, packet)| self.send(nic, packet));
        Trip { there, back }
    }

    pub(crate) fn ping(&mut self, from: NicId, to: NicId) -> Trip {
        let to = self.address(to);
        self.ping_address(from, to)
    }

    pub(crate) fn ping_address(&mut self, from: NicId, to: Ipv4Addr) -> Trip {
        let packet = self.echo(from, to);
        self.ask(from, packet)
    }

    pub(crate) fn echo(&self, from: NicId, to: Ipv4Addr) -> Packet {
        Packet::echo_request(Envelope::new(self.address(from), to), 1, 1, &[0; 56]).unwrap()
    }

    pub(crate) fn tcp(&self, from: NicId, to: NicId, ports: (u16, u16), flags: TcpFlags) -> Packet {
        let segment = TcpSegment {
            source_port: ports.0,
            destination_port: ports.1,
            sequence: 1000,
            acknowledgment: if flags.contains(TcpFlags::ACK) {
                2000
            } else {
                0
            },
            flags,
            window: 1024,
        };
        Packet::tcp(
            Envelope::new(self.address(from), self.address(to)),
            segment,
            &[],
        )
        .unwrap()
    }

    pub(crate) fn udp(&self, from: NicId, to: NicId, ports: (u16, u16), data: &[u8]) -> Packet {
        let envelope = Envelope::new(self.address(from), self.address(to));
        Packet::udp(envelope, ports.0, ports.1, data).unwrap()
    }

    /// The drop in people's words: `nsg-deny at vm/NIC rule 'DenyAll' of group`, NIC first.
    pub(crate) fn story(&self, walk: &Walk) -> String {
        let snapshot = self.snapshot.as_ref().unwrap();
        let name = |nic: NicId| match self.network.nics().get(nic) {
            Some(nic) => nic.id.name().to_owned(),
            None => "outside".to_owned(),
        };
        match walk.outcome {
            Outcome::Delivered(Delivery::Guest(nic)) => format!("delivered to {}", name(nic)),
            Outcome::Delivered(other) => format!("delivered to {other:?}"),
            Outcome::Dropped { nic, dropped } => {
                format!("{}: {}", name(nic), tell(snapshot, dropped))
            }
        }
    }

    /// [`World::story`] of the way there, and of the way back if there was one.
    pub(crate) fn stories(&self, trip: &Trip) -> (String, String) {
        let back = trip.back.as_ref().map(|walk| self.story(walk));
        (
            self.story(&trip.there),
            back.unwrap_or_else(|| "nothing".to_owned()),
        )
    }
}

pub(crate) fn tell(snapshot: &Snapshot, dropped: Dropped) -> String {
    let object = dropped
        .at()
        .object(snapshot)
        .expect("every drop points at something");
    let object = match object {
        Object::Nic(id) => format!("NIC {}", id.name()),
        Object::Rule { level, group, rule } => {
            let level = match level {
                Level::Nic => "NIC",
                Level::Subnet => "subnet",
            };
            let group = group.map_or("default rules", ResourceId::name);
            format!("{} of {group} at {level}", rule.name)
        }
        Object::AdminRule { id, rule } => {
            let manager = id.to_string();
            let manager = manager.split('/').nth(8).unwrap_or_default().to_owned();
            format!("{} of {manager}", rule.name)
        }
        Object::Route { row, user_route } => {
            let user = user_route.map_or(String::new(), |(table, name)| {
                format!(" ({}/{name})", table.name())
            });
            format!("row {} {}{user}", row.prefixes[0], row.next_hop_type)
        }
        Object::Link(id) => {
            let vnet = id.to_string();
            let vnet = vnet.split('/').rev().nth(2).unwrap_or_default().to_owned();
            let flag = dropped.reason().flag();
            let flag = flag.map_or(String::new(), |flag| format!(" {flag}"));
            format!("link {vnet}/{}{flag}", id.name())
        }
        Object::VirtualNetwork(id) => format!("network {}", id.name()),
        Object::LoadBalancer(id) => format!("balancer {}", id.name()),
        Object::Connection(id) => format!("connection {}", id.name()),
        Object::Gateway(id) => format!("gateway {}", id.name()),
        Object::FirewallRule { firewall, rule } => match rule {
            Some(rule) => format!("{}/{} of {}", rule.collection, rule.rule, firewall.name()),
            None => format!("{} without rule", firewall.name()),
        },
        Object::Address(address) => format!("address {address}"),
    };
    format!("{} at {object}", dropped.reason())
}

impl Walk {
    pub(crate) fn is_delivered(&self) -> bool {
        matches!(self.outcome, Outcome::Delivered(Delivery::Guest(_)))
    }

    pub(crate) fn reason(&self) -> Option<DropReason> {
        match self.outcome {
            Outcome::Delivered(_) => None,
            Outcome::Dropped { dropped, .. } => Some(dropped.reason()),
        }
    }
}

impl Trip {
    /// Time to live of the answer as it arrived.
    pub(crate) fn ttl(&self) -> Option<u8> {
        let back = self.back.as_ref().filter(|back| back.is_delivered())?;
        Some(back.packet.ttl())
    }
}
