//! The same scenario at simulated time and at full speed: every packet that a guest sends meets the same end, at the same NIC and object.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use dataplane::forward::{BURST, Entering, Forwarder, Frames as Slots, Sink};
use dataplane::pipeline::{Delivery, InFlight, Outcome};
use engine::application::{Application, Ping, Probe, ProbeKind};
use engine::simulate::{Settings, Simulation};
use engine::time::{SimDuration, SimTime};
use engine::trace::{Fate, FrameDirection, Frames, Occurrence, PacketId};
use model::{Network, NicId, PowerState};

/// Spokes behind an appliance, one that does not let forwarded packets in, one that is shut, rules here and there, a machine that is
/// stopped, a frontend, and a network that nobody is peered with.
const NETWORK: &str = "
defaults: { resourceGroup: rg, location: northeurope }
networkSecurityGroups:
  web:
    securityRules:
      - { name: no-telnet, priority: 100, direction: Inbound, access: Deny, protocol: Tcp, destinationPorts: 23 }
      - { name: no-discard, priority: 110, direction: Outbound, access: Deny, protocol: Udp, destinationPorts: 9 }
      - { name: no-ping, priority: 120, direction: Inbound, access: Deny, protocol: Icmp, source: 10.1.0.0/16, destinationPorts: 8 }
routeTables:
  spokes:
    routes:
      - { name: one, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.0.0.4 }
      - { name: two, prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.5 }
      - { name: three, prefix: 10.3.0.0/16, nextHop: VirtualAppliance 10.0.0.4 }
      - { name: nowhere, prefix: 10.4.0.0/16, nextHop: None }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24, clients: { prefix: 10.0.1.0/24, networkSecurityGroup: web } } }
  one: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: spokes, networkSecurityGroup: web } } }
  two: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: spokes, networkSecurityGroup: web } } }
  three: { addressSpace: [10.3.0.0/16], subnets: { s: { prefix: 10.3.0.0/24, routeTable: spokes } } }
  four: { addressSpace: [10.4.0.0/16], subnets: { s: { prefix: 10.4.0.0/24, routeTable: spokes } } }
  alone: { addressSpace: [10.9.0.0/16], subnets: { s: 10.9.0.0/24 } }
peerings:
  - { from: hub, to: one, allowForwardedTraffic: true }
  - { from: one, to: hub, allowForwardedTraffic: true }
  - { from: hub, to: two, allowForwardedTraffic: true }
  - { from: two, to: hub, allowForwardedTraffic: true }
  - { from: hub, to: three }
  - { from: three, to: hub }
  - { from: hub, to: four, allowVirtualNetworkAccess: false }
  - { from: four, to: hub, allowForwardedTraffic: true, allowVirtualNetworkAccess: false }
loadBalancers:
  lb:
    sku: Standard
    frontends: { front: { subnet: two/s, address: 10.2.0.100 } }
    pools: [servers]
    rules: [ { name: web, frontend: front, pool: servers, protocol: Tcp, frontendPort: 80, backendPort: 8080 } ]
networkInterfaces:
  nvanic: { subnet: hub/s, address: 10.0.0.4, ipForwarding: true }
  masknic: { subnet: hub/s, address: 10.0.0.5, ipForwarding: true }
virtualMachines:
  nva: { nics: [nvanic] }
  mask: { nics: [masknic] }
  h: { subnet: hub/clients }
  a0: { subnet: one/s }
  a1: { subnet: one/s }
  b0: { subnet: two/s, backendPools: [lb/servers] }
  b1: { subnet: two/s }
  b2: { subnet: two/s, powerState: stopped }
  c0: { subnet: three/s }
  d0: { subnet: four/s }
  e0: { subnet: alone/s }
guests:
  nva: { role: appliance }
  mask: { role: appliance, snat: true }
  b1: { listen: [tcp/443, udp/53] }
";

/// Where and how a packet ended.
type End = (NicId, String);

#[derive(Default)]
struct Ends(BTreeMap<usize, End>);

impl Sink for Ends {
    fn settled(&mut self, entering: Option<usize>, _: &[u8], outcome: Outcome) {
        let end = match outcome {
            Outcome::Delivered(Delivery::Guest(nic)) => (nic, "delivered".to_owned()),
            Outcome::Delivered(other) => panic!("nothing leaves this network: {other:?}"),
            Outcome::Dropped { nic, dropped } => (nic, format!("{dropped:?}")),
        };
        let entering = entering.expect("no packet is made on the way");
        self.0.insert(entering, end);
    }

    fn hand_over(&mut self, _: u32, _: InFlight) {
        panic!("there is one shard");
    }
}

/// A packet as its guest sent it, and its end.
struct Traced {
    sent: SimTime,
    nic: NicId,
    frame: Vec<u8>,
    end: End,
}

/// Every machine asks every other one, and the frontend, four times: with each round the flows of the last one live.
fn simulated(network: &Arc<Network>) -> Vec<Traced> {
    let settings = Settings {
        frames: Frames::All,
        ..Settings::default()
    };
    let snapshot = Arc::new(control::compile(network));
    let mut simulation = Simulation::new(network.clone(), snapshot, settings);
    let hosts: Vec<_> = network
        .listed_nics()
        .map(|(nic, host)| (nic, host.primary_address()))
        .collect();
    let running = |nic: NicId| {
        let mut machines = network.virtual_machines().values();
        machines.any(|vm| vm.nics.contains(&nic) && vm.power == PowerState::Running)
    };
    let frontend = "10.2.0.100".parse().expect("an address");
    let asked = hosts.iter().map(|&(_, address)| address).chain([frontend]);
    let mut programs = 0;
    for destination in asked {
        for &(nic, source) in hosts.iter().filter(|&&(nic, _)| running(nic)) {
            if source == destination {
                continue;
            }
            programs += 1;
            let source_port = Some(20_000 + programs);
            let tcp = |port| ProbeKind::Tcp { port, source_port };
            let udp = |port| ProbeKind::Udp {
                port,
                source_port,
                payload: 5,
            };
            let echo = ProbeKind::Echo {
                identifier: programs,
                payload: 56,
            };
            for kind in [echo, tcp(23), tcp(80), tcp(443), udp(9), udp(53)] {
                let probe = Probe {
                    source,
                    destination,
                    kind,
                    dont_fragment: false,
                };
                let second = SimDuration::from_seconds(1);
                let ping = Ping::new(probe, 4, second, second, 64);
                let installed = simulation.install(nic, Application::Ping(ping));
                installed.expect("an existing NIC");
            }
        }
    }
    let mut packets: BTreeMap<PacketId, Traced> = BTreeMap::new();
    let summary = simulation.run(|occurrence| {
        if let Occurrence::Frame(seen) = occurrence {
            let end = (
                seen.nic,
                match seen.fate {
                    Fate::Delivered => "delivered".to_owned(),
                    Fate::Dropped(dropped) => format!("{dropped:?}"),
                    Fate::Departed(_) | Fate::Forwarded(_) => "under way".to_owned(),
                },
            );
            let traced = packets.entry(seen.packet).or_insert_with(|| {
                assert_eq!(seen.direction, FrameDirection::Sent);
                Traced {
                    sent: seen.at,
                    nic: seen.nic,
                    frame: seen.bytes,
                    end: end.clone(),
                }
            });
            traced.end = end;
        }
        ControlFlow::Continue(())
    });
    summary.expect("packets are conserved");
    let mut traced: Vec<Traced> = packets.into_values().collect();
    traced.sort_by_key(|traced| traced.sent);
    traced
}

#[test]
fn every_packet_of_a_simulation_meets_the_same_end_at_full_speed() {
    let network = Arc::new(testnet::load(NETWORK));
    let packets = simulated(&network);
    let snapshot = control::compile(&network);
    let mut forwarder = Forwarder::new(dataplane::forward::Settings::default());
    let mut slots = Slots::new(BURST, 1514);
    let mut met = BTreeSet::new();
    // What was sent in one millisecond is one burst, unless it is more than that.
    let millisecond = |packet: &Traced| packet.sent.as_nanoseconds() / 1_000_000;
    for together in packets.chunk_by(|one, next| millisecond(one) == millisecond(next)) {
        for burst in together.chunks(BURST) {
            let mut entering = Vec::new();
            for (slot, packet) in (0..).zip(burst) {
                slots.put(slot, &packet.frame);
                entering.push(Entering {
                    slot,
                    nic: packet.nic,
                });
            }
            let mut ends = Ends::default();
            forwarder.burst(&snapshot, &mut slots, &entering, burst[0].sent, &mut ends);
            for (position, packet) in burst.iter().enumerate() {
                let sent = dataplane::Packet::from_frame(packet.frame.clone());
                let tuple = sent.map(|sent| sent.tuple().to_string());
                assert_eq!(
                    ends.0.get(&position),
                    Some(&packet.end),
                    "{tuple:?} from {:?}",
                    packet.nic
                );
                let word = packet.end.1.split(' ').next().unwrap_or_default();
                met.insert(word.to_owned());
            }
        }
    }
    forwarder
        .counters()
        .check(0)
        .expect("packets are conserved");
    assert!(packets.len() > 3_000, "{} packets", packets.len());
    let reasons = [
        "delivered",
        "no-backend",
        "nsg-deny",
        "peering-forwarded-blocked",
        "route-none",
        "vm-stopped",
        "vnet-access-blocked",
    ];
    let missed: Vec<_> = reasons
        .iter()
        .filter(|&&reason| !met.contains(reason))
        .collect();
    assert!(missed.is_empty(), "{missed:?} is not among {met:?}");
}
