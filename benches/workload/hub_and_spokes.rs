//! Two spokes of 16 VMs and a hub with an appliance; a group of 200 rules on every subnet and 400 routes in every table.

use std::hint::black_box;
use std::net::Ipv4Addr;

use control::Snapshot;
use dataplane::forward::{BURST, Entering, Forwarder, Frames, Sink};
use dataplane::packet::{Envelope, TcpFlags, TcpSegment};
use dataplane::time::SimTime;
use dataplane::{FlowTable, Guests, InFlight, Outcome, Packet, Pipeline, Position};
use ipnet::Ipv4Net;
use model::{
    Access, Direction, Location, Network, NetworkSecurityGroup, NicId, NicRequest, PeeringFlags,
    PeeringScope, Ports, ResourceId, Route, RouteDestination, RouteTable, RouteTableId,
    RuleAddresses, RuleProtocol, SecurityRule, SubnetId, SubnetRequest, UserNextHop,
    VirtualMachineRequest, VirtualNetworkRequest, VnetId,
};

use crate::Random;

/// Packets of one pass.
pub const PACKETS: usize = 4096;
const MACHINES: usize = 16;
const RULES: u16 = 200;
const ROUTES: u8 = 200;

/// A packet and the NIC that sends it.
pub type Traffic = Vec<(NicId, Packet)>;

/// The network compiled, and who lives in it.
pub struct HubAndSpokes {
    /// What the packets are walked through.
    pub snapshot: Snapshot,
    /// NICs of the VMs of each spoke.
    pub machines: [Vec<NicId>; 2],
    addresses: Vec<Ipv4Addr>,
    network: Network,
    tables: Vec<RouteTableId>,
}

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a prefix of this file")
}

impl HubAndSpokes {
    /// The spokes are peered with each other, or know each other only through the appliance.
    pub fn new(peered: bool) -> Self {
        let mut network = Network::default();
        let hub = vnet(&mut network, "hub", "10.0.0.0/16");
        let spokes = [
            vnet(&mut network, "spoke1", "10.1.0.0/16"),
            vnet(&mut network, "spoke2", "10.2.0.0/16"),
        ];
        let (hub_vnet, hub_subnet) = hub;
        let appliance = nic(&mut network, "nva", hub_subnet, true);
        machine(&mut network, "nva", appliance);
        let standby = nic(&mut network, "nva2", hub_subnet, true);
        machine(&mut network, "nva2", standby);
        for (spoke, _) in spokes {
            peer(&mut network, hub_vnet, spoke);
        }
        if peered {
            peer(&mut network, spokes[0].0, spokes[1].0);
        }
        let mut tables = Vec::new();
        let machines = spokes.map(|(spoke, subnet)| {
            tables.push(routes(&mut network, subnet));
            let machine = |number| {
                let name = format!("vm{}-{number}", spoke.get());
                let nic = nic(&mut network, &name, subnet, false);
                machine(&mut network, &name, nic);
                nic
            };
            (0..MACHINES).map(machine).collect()
        });
        Self {
            snapshot: control::compile(&network),
            addresses: network
                .nics()
                .values()
                .map(model::NetworkInterface::primary_address)
                .collect(),
            machines,
            network,
            tables,
        }
    }

    /// Moves the ways between the spokes to an appliance: the first one, which they take at the beginning, or the standby. Routes that
    /// the traffic does not use are touched too, so that there is a change whatever it was before.
    pub fn route_through(&mut self, standby: bool) {
        let appliance = Ipv4Addr::new(10, 0, 0, if standby { 5 } else { 4 });
        for &table in &self.tables {
            let mut routes = self.network.route_tables()[table].routes.clone();
            for route in &mut routes {
                if let UserNextHop::VirtualAppliance(_) = route.next_hop {
                    route.next_hop = UserNextHop::VirtualAppliance(appliance);
                }
            }
            routes.rotate_left(1);
            self.network
                .set_routes(table, routes)
                .expect("the same routes");
        }
        self.snapshot = control::recompile(&self.network, &self.snapshot);
    }

    /// A frame of 64 bytes of the TCP connection with this number, from the first spoke to the second or back, and the NIC that sends it.
    /// Connections are spread over all pairs of machines.
    pub fn segment(&self, connection: usize, back: bool, flags: TcpFlags) -> (NicId, Packet) {
        let [clients, servers] = &self.machines;
        let client = clients[connection % MACHINES];
        let server = servers[connection / MACHINES % MACHINES];
        let number = connection / (MACHINES * MACHINES);
        let port = 1024 + u16::try_from(number % 60_000).expect("below 60,000");
        let (from, to, ports) = if back {
            (server, client, (443, port))
        } else {
            (client, server, (port, 443))
        };
        let address = |nic: NicId| self.addresses[nic.get() as usize];
        let segment = TcpSegment {
            source_port: ports.0,
            destination_port: ports.1,
            sequence: 0,
            acknowledgment: 0,
            flags,
            window: u16::MAX,
        };
        let packet = Packet::tcp(Envelope::new(address(from), address(to)), segment, &[0; 10]);
        (from, packet.expect("a short segment between two hosts"))
    }

    /// UDP datagrams of 64-byte frames from the first spoke to the second, each of its own flow.
    pub fn traffic(&self) -> Traffic {
        let mut random = Random::new(11);
        let address = |nic: NicId| self.addresses[nic.get() as usize];
        (0..PACKETS)
            .map(|flow| {
                let from = *random.choose(&self.machines[0]);
                let to = *random.choose(&self.machines[1]);
                let port = 1024 + u16::try_from(flow).expect("few packets");
                let envelope = Envelope::new(address(from), address(to));
                let packet = Packet::udp(envelope, port, 443, &[0; 22]);
                (from, packet.expect("a short datagram between two hosts"))
            })
            .collect()
    }

    /// A life of each connection in six packets: SYN, SYN-ACK, ACK, data, and a FIN from both ends; `connections` of them at a time.
    pub fn connections(&self, connections: u16) -> Traffic {
        const SYN: TcpFlags = TcpFlags::SYN;
        const ACK: TcpFlags = TcpFlags::ACK;
        const FIN: TcpFlags = TcpFlags::FIN;
        let life = [
            (true, SYN),
            (false, SYN.with(ACK)),
            (true, ACK),
            (true, TcpFlags::PSH.with(ACK)),
            (true, FIN.with(ACK)),
            (false, FIN.with(ACK)),
        ];
        let mut random = Random::new(12);
        let ends: Vec<_> = (0..connections)
            .map(|_| self.machines.each_ref().map(|spoke| *random.choose(spoke)))
            .collect();
        let segment = |port, [client, server]: [NicId; 2], forth, flags| {
            let (ports, from, to) = if forth {
                ((port, 443), client, server)
            } else {
                ((443, port), server, client)
            };
            let address = |nic: NicId| self.addresses[nic.get() as usize];
            let segment = TcpSegment {
                source_port: ports.0,
                destination_port: ports.1,
                sequence: 0,
                acknowledgment: 0,
                flags,
                window: u16::MAX,
            };
            let packet = Packet::tcp(Envelope::new(address(from), address(to)), segment, &[0; 10]);
            (from, packet.expect("a short segment between two hosts"))
        };
        life.iter()
            .flat_map(|&(forth, flags)| {
                let ports = 1024..;
                let ends = ends.iter().copied();
                ports
                    .zip(ends)
                    .map(move |(port, ends)| segment(port, ends, forth, flags))
            })
            .collect()
    }

    /// As [`walk_all`](Self::walk_all), by the vector driver: in bursts, each of which is copied into the same few frames first.
    ///
    /// # Panics
    ///
    /// If a packet does not arrive.
    pub fn forward_all(&self, traffic: &Traffic, forwarder: &mut Forwarder, frames: &mut Frames) {
        let mut arrivals = Arrivals(0);
        let mut entering = Vec::with_capacity(BURST);
        for burst in traffic.chunks(BURST) {
            entering.clear();
            for ((nic, packet), slot) in burst.iter().zip(0..) {
                frames.put(slot, packet.frame());
                entering.push(Entering { slot, nic: *nic });
            }
            forwarder.burst(
                &self.snapshot,
                frames,
                &entering,
                SimTime::ZERO,
                &mut arrivals,
            );
        }
        assert_eq!(arrivals.0, traffic.len(), "every packet arrives");
    }

    /// Sends every packet its whole way, one after another, with the flow state in `pairs`.
    ///
    /// # Panics
    ///
    /// If a packet does not arrive.
    pub fn walk_all(&self, traffic: &mut Traffic, pairs: &mut FlowTable, guests: &mut Guests) {
        for (from, packet) in traffic {
            let mut silence = ();
            let now = SimTime::ZERO;
            let mut pipeline = Pipeline::new(&self.snapshot, pairs, guests, &mut silence, now);
            let outcome = pipeline.walk(Position::Leaving(*from), packet);
            assert!(matches!(black_box(outcome), Outcome::Delivered(_)));
        }
    }
}

/// Slots for one burst of the packets of this file.
pub fn frames() -> Frames {
    Frames::new(BURST, 64)
}

/// Counts the packets that arrive.
struct Arrivals(usize);

impl Sink for Arrivals {
    fn settled(&mut self, _: Option<usize>, _: &[u8], outcome: Outcome) {
        self.0 += usize::from(matches!(outcome, Outcome::Delivered(_)));
    }

    fn hand_over(&mut self, shard: u32, _: InFlight) {
        unreachable!("there is no shard {shard}");
    }
}

fn vnet(network: &mut Network, name: &str, space: &str) -> (VnetId, SubnetId) {
    let request = VirtualNetworkRequest {
        id: id("virtualNetworks", name),
        location: Location::new("northeurope"),
        address_space: vec![net(space)],
        subnets: Vec::new(),
        deployment_model: model::DeploymentModel::ResourceManager,
        flow_timeout_minutes: None,
        dns_servers: Vec::new(),
    };
    let vnet = network
        .create_virtual_network(request)
        .expect("a new network");
    let prefix = Ipv4Net::new_assert(net(space).network(), 24);
    let subnet = network
        .create_subnet(vnet, SubnetRequest::new("apps", prefix))
        .expect("a new subnet");
    let group = NetworkSecurityGroup {
        id: id("networkSecurityGroups", name),
        location: Location::default(),
        rules: rules().into(),
        flush_connection: false,
    };
    let group = network
        .create_network_security_group(group)
        .expect("a new group");
    network.set_subnet_security_group(subnet, Some(group));
    (vnet, subnet)
}

/// Rules for one application each, which the traffic does not use; the default rules behind them admit it.
fn rules() -> Vec<SecurityRule> {
    let mut random = Random::new(5);
    let mut rule = |priority| {
        let somewhere = random.address_in(net("10.128.0.0/9"));
        let port = random.below::<u16>(1024);
        SecurityRule {
            name: format!("rule{priority}"),
            description: None,
            priority,
            direction: if priority % 2 == 0 {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            access: Access::Allow,
            protocol: RuleProtocol::Any,
            source: RuleAddresses::Any,
            source_ports: Ports::all(),
            destination: RuleAddresses::Prefixes(vec![Ipv4Net::new_assert(somewhere, 32)]),
            destination_ports: Ports::from_ranges([(port, port)]),
        }
    };
    (100..100 + 2 * RULES).map(&mut rule).collect()
}

/// The way to the appliance, and routes that the traffic does not use.
fn routes(network: &mut Network, subnet: SubnetId) -> RouteTableId {
    let nva = UserNextHop::VirtualAppliance(Ipv4Addr::new(10, 0, 0, 4));
    let route = |name: String, prefix, next_hop| Route {
        name,
        destination: RouteDestination::Prefix(prefix),
        next_hop,
    };
    let unused = (0..ROUTES).flat_map(|number| {
        [(172, 16), (172, 17)].map(|(a, b)| {
            let prefix = Ipv4Net::new_assert(Ipv4Addr::new(a, b, number, 0), 24);
            route(format!("unused{b}-{number}"), prefix, UserNextHop::None)
        })
    });
    let table = RouteTable {
        id: id("routeTables", &format!("rt{}", subnet.get())),
        location: Location::default(),
        routes: unused
            .chain([route("all".to_owned(), net("10.0.0.0/8"), nva)])
            .collect(),
        gateway_propagation_disabled: false,
    };
    let table = network.create_route_table(table).expect("a new table");
    network
        .set_subnet_route_table(subnet, Some(table))
        .expect("a table for VMs");
    table
}

fn nic(network: &mut Network, name: &str, subnet: SubnetId, ip_forwarding: bool) -> NicId {
    let request = NicRequest {
        ip_forwarding,
        ..NicRequest::new(id("networkInterfaces", name), subnet)
    };
    network.create_nic(request).expect("a free address")
}

fn machine(network: &mut Network, name: &str, nic: NicId) {
    let request = VirtualMachineRequest::new(
        ResourceId::in_group("sub1", "rg1", "Microsoft.Compute/virtualMachines", name),
        vec![nic],
    );
    network
        .create_virtual_machine(request)
        .expect("a new machine");
}

fn peer(network: &mut Network, one: VnetId, other: VnetId) {
    let flags = PeeringFlags {
        allow_forwarded_traffic: true,
        ..PeeringFlags::default()
    };
    for (from, to) in [(one, other), (other, one)] {
        let remote = network.virtual_networks()[to].id.clone();
        let name = format!("to-{}", remote.name());
        let scope = PeeringScope::CompleteVirtualNetworks;
        network
            .create_peering(from, &name, &remote, flags, scope)
            .expect("a new link");
    }
}
