//! Runs over small networks, written as scenarios.

use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::sync::Arc;

use dataplane::DropReason;
use engine::application::{
    Answer, AnswerKind, Application, Ping, Probe, ProbeEvent, ProbeKind, ProbeOutcome, Traceroute,
};
use engine::latency::{LatencyModel, LatencyParameters};
use engine::simulate::{Settings, Simulation, Summary};
use engine::time::SimDuration;
use engine::trace::{Fate, FrameDirection, Frames, Occurrence, Sighting};
use model::lookup::Endpoint;
use model::{Network, NicId};

/// Two peered networks in one region, a third that nobody is peered with, and one open port.
const PEERED: &str = "
defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  a: { addressSpace: [10.1.0.0/16], subnets: { s: 10.1.1.0/24 } }
  b: { addressSpace: [10.2.0.0/16], subnets: { s: 10.2.1.0/24 } }
  c: { addressSpace: [10.3.0.0/16], subnets: { s: 10.3.1.0/24 } }
peerings:
  - { name: a-b, from: a, to: b }
  - { name: b-a, from: b, to: a }
virtualMachines:
  avm: { subnet: a/s, nic: anic }
  bvm: { subnet: b/s, nic: bnic }
  cvm: { subnet: c/s, nic: cnic }
guests:
  bvm: { listen: [tcp/443] }
";

/// Two spokes that reach each other through an appliance in the hub.
const HUB: &str = "
defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24 } }
  one: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: rt } } }
  two: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: rt } } }
peerings:
  - { name: hub-one, from: hub, to: one }
  - { name: one-hub, from: one, to: hub, allowForwardedTraffic: true }
  - { name: hub-two, from: hub, to: two }
  - { name: two-hub, from: two, to: hub, allowForwardedTraffic: true }
routeTables:
  rt: { routes: [ { name: nva, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.0.4 } ] }
virtualMachines:
  nva: { subnet: hub/s, nic: nvanic, ipForwarding: true }
  onevm: { subnet: one/s, nic: onenic }
  twovm: { subnet: two/s, nic: twonic }
guests:
  nva: { role: appliance }
";

const ECHO: ProbeKind = ProbeKind::Echo {
    identifier: 1,
    payload: 56,
};

const SECOND: SimDuration = SimDuration::from_seconds(1);

struct World {
    network: Arc<Network>,
    settings: Settings,
}

impl World {
    fn new(scenario: &str) -> Self {
        Self {
            network: Arc::new(testnet::load(scenario)),
            settings: Settings {
                frames: Frames::All,
                ..Settings::default()
            },
        }
    }

    fn nic(&self, name: &str) -> (NicId, Ipv4Addr) {
        match self.network.endpoint(name) {
            Ok(Endpoint::Nic(nic, address)) => (nic, address),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn probe(&self, from: &str, to: &str, kind: ProbeKind) -> Probe {
        Probe {
            source: self.nic(from).1,
            destination: self.nic(to).1,
            kind,
            dont_fragment: false,
        }
    }

    fn simulation(&self, from: &str, program: Application) -> Simulation {
        let snapshot = Arc::new(control::compile(&self.network));
        let mut simulation = Simulation::new(self.network.clone(), snapshot, self.settings.clone());
        simulation
            .install(self.nic(from).0, program)
            .expect("an existing NIC");
        simulation
    }

    fn ping(&self, from: &str, to: &str, kind: ProbeKind, count: u64) -> Told {
        let probe = self.probe(from, to, kind);
        let ping = Ping::new(probe, count, SECOND, SECOND, 64);
        Told::by(self.simulation(from, Application::Ping(ping)))
    }
}

/// Everything that a run told.
struct Told {
    occurrences: Vec<Occurrence>,
    summary: Summary,
}

impl Told {
    fn by(simulation: Simulation) -> Self {
        let mut occurrences = Vec::new();
        let summary = simulation
            .run(|occurrence| {
                occurrences.push(occurrence);
                ControlFlow::Continue(())
            })
            .expect("packets are conserved");
        Self {
            occurrences,
            summary,
        }
    }

    fn probes(&self) -> impl Iterator<Item = &ProbeEvent> {
        self.occurrences
            .iter()
            .filter_map(|occurrence| match occurrence {
                Occurrence::Probe { event, .. } => Some(event),
                Occurrence::Frame(_) => None,
            })
    }

    fn frames(&self) -> impl Iterator<Item = &Sighting> {
        self.occurrences
            .iter()
            .filter_map(|occurrence| match occurrence {
                Occurrence::Frame(sighting) => Some(sighting),
                Occurrence::Probe { .. } => None,
            })
    }

    fn answers(&self) -> Vec<(u64, Answer, SimDuration)> {
        self.probes()
            .filter_map(|event| match event.outcome {
                ProbeOutcome::Answered { answer, round_trip } => {
                    Some((event.sequence, answer, round_trip))
                }
                ProbeOutcome::Sent | ProbeOutcome::TimedOut => None,
            })
            .collect()
    }

    /// Everything in order, for comparison of two runs.
    fn transcript(&self) -> String {
        format!("{:#?}\n{:#?}", self.occurrences, self.summary)
    }
}

#[test]
fn an_echo_comes_back_after_twice_the_latency_of_the_region() {
    let told = World::new(PEERED).ping("avm", "bvm", ECHO, 4);
    let answers = told.answers();
    let sequences: Vec<_> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    for (_, answer, round_trip) in answers {
        let Answer {
            kind, ttl, bytes, ..
        } = answer;
        assert_eq!((kind, ttl, bytes), (AnswerKind::EchoReply, 64, 64));
        let milliseconds = round_trip.as_milliseconds_f64();
        assert!((0.7..2.5).contains(&milliseconds), "{milliseconds} ms");
    }
    assert_eq!(told.summary.totals.originated, 8);
    assert_eq!(told.summary.totals.delivered, 8);
    assert_eq!(told.summary.in_flight, 0);
}

#[test]
fn both_ends_see_the_frame_under_one_id() {
    let told = World::new(PEERED).ping("avm", "bvm", ECHO, 1);
    let seen: Vec<_> = told
        .frames()
        .map(|sighting| (sighting.nic, sighting.direction, sighting.packet))
        .collect();
    let [request_sent, request_received, reply_sent, reply_received] = seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(request_sent.1, FrameDirection::Sent);
    assert_eq!(request_received.1, FrameDirection::Received);
    assert_eq!(request_sent.2, request_received.2);
    assert_eq!(reply_sent.2, reply_received.2);
    assert_ne!(request_sent.2, reply_sent.2);
    assert_eq!(reply_sent.0, request_received.0);
    assert!(told.frames().all(|sighting| !sighting.evidence.is_empty()));
}

#[test]
fn equal_seeds_give_equal_runs_and_others_do_not() {
    let mut world = World::new(HUB);
    let first = world.ping("onevm", "twovm", ECHO, 5).transcript();
    assert_eq!(first, world.ping("onevm", "twovm", ECHO, 5).transcript());
    world.settings.seed = 1;
    assert_ne!(first, world.ping("onevm", "twovm", ECHO, 5).transcript());
}

#[test]
fn a_packet_without_route_dies_at_its_own_nic() {
    let world = World::new(PEERED);
    let told = world.ping("avm", "cvm", ECHO, 2);
    assert!(told.answers().is_empty());
    let frames: Vec<_> = told.frames().collect();
    assert_eq!(frames.len(), 2);
    for sighting in frames {
        assert_eq!(sighting.nic, world.nic("avm").0);
        let Fate::Dropped(dropped) = sighting.fate else {
            panic!("{sighting:?}");
        };
        assert_eq!(dropped.reason(), DropReason::RouteNone);
    }
    let timed_out = told
        .probes()
        .filter(|event| event.outcome == ProbeOutcome::TimedOut);
    assert_eq!(timed_out.count(), 2);
    assert_eq!(told.summary.totals.dropped(DropReason::RouteNone), 2);
}

/// V-8: request and reply pass the appliance, which takes one from the TTL each way.
#[test]
fn an_appliance_forwards_both_ways_and_takes_its_time() {
    let world = World::new(HUB);
    let told = world.ping("onevm", "twovm", ECHO, 1);
    assert_eq!(told.answers()[0].1.ttl, 63);
    assert_eq!(told.summary.totals.forwarded, 2);
    let nva = world.nic("nva").0;
    let at_nva: Vec<_> = told
        .frames()
        .filter(|sighting| sighting.nic == nva)
        .collect();
    assert_eq!(at_nva.len(), 4);
    let forwarding = at_nva[1].at - at_nva[0].at;
    assert_eq!(forwarding, SimDuration::from_microseconds(100));
    // The TTL as it came and as it went.
    assert_eq!((at_nva[0].bytes[22], at_nva[1].bytes[22]), (64, 63));
}

#[test]
fn the_ladder_shows_the_appliance_and_no_fabric() {
    let world = World::new(HUB);
    let ladder = Traceroute::new(world.probe("onevm", "twovm", ECHO), 1, 30, SECOND);
    let told = Told::by(world.simulation("onevm", Application::Traceroute(ladder)));
    let hops: Vec<_> = told
        .answers()
        .iter()
        .map(|(_, answer, _)| (answer.from, answer.kind))
        .collect();
    let expected = [
        (world.nic("nva").1, AnswerKind::TimeExceeded),
        (world.nic("twovm").1, AnswerKind::EchoReply),
    ];
    assert_eq!(hops, expected);
}

#[test]
fn a_long_echo_travels_in_fragments_both_ways() {
    let kind = ProbeKind::Echo {
        identifier: 1,
        payload: 4_000,
    };
    for (scenario, from, to) in [(PEERED, "avm", "bvm"), (HUB, "onevm", "twovm")] {
        let told = World::new(scenario).ping(from, to, kind, 2);
        let answers = told.answers();
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0].1.bytes, 4_008);
        // 4,028 bytes are three packets.
        assert_eq!(told.summary.totals.originated, 4);
        assert_eq!(told.summary.totals.extra_fragments, 8);
        assert!(told.frames().all(|sighting| sighting.bytes.len() <= 1_514));
    }
}

#[test]
fn an_oversized_packet_that_must_not_be_cut_dies_in_its_own_guest() {
    let world = World::new(PEERED);
    let kind = ProbeKind::Echo {
        identifier: 1,
        payload: 1_473,
    };
    let probe = Probe {
        dont_fragment: true,
        ..world.probe("avm", "bvm", kind)
    };
    let ping = Application::Ping(Ping::new(probe, 1, SECOND, SECOND, 64));
    let told = Told::by(world.simulation("avm", ping));
    assert_eq!(told.summary.totals.dropped(DropReason::MtuDf), 1);
}

#[test]
fn a_handshake_is_completed_where_something_listens_and_refused_elsewhere() {
    let world = World::new(PEERED);
    let tcp = |port| ProbeKind::Tcp {
        port,
        source_port: None,
    };
    let told = world.ping("avm", "bvm", tcp(443), 2);
    let answers = told.answers();
    assert_eq!(answers.len(), 2);
    assert!(matches!(answers[0].1.kind, AnswerKind::SynAck { .. }));
    let delivered = told.summary.totals.delivered;
    assert_eq!(delivered, 6, "SYN, SYN-ACK, ACK, twice");
    let told = world.ping("avm", "bvm", tcp(80), 1);
    assert_eq!(told.answers()[0].1.kind, AnswerKind::Reset);
}

#[test]
fn a_closed_udp_port_is_reported_by_the_host() {
    let world = World::new(PEERED);
    let kind = ProbeKind::Udp {
        port: 53,
        source_port: None,
        payload: 1,
    };
    let told = world.ping("avm", "bvm", kind, 1);
    let answer = told.answers()[0].1.kind;
    assert_eq!(answer, AnswerKind::Unreachable { code: 3, mtu: None });
    assert!(answer.is_from_destination());
    let told = world.ping("bvm", "avm", kind, 1);
    assert_eq!(told.answers()[0].1.kind, AnswerKind::Datagram);
}

/// With jitter wider than the distance between packets, a link without memory would reorder them.
#[test]
fn packets_between_two_nics_stay_in_order() {
    let mut world = World::new(PEERED);
    let wide = LatencyParameters {
        local_sigma: 1.5,
        floor: 0.01,
        ..LatencyParameters::default()
    };
    world.settings.latency = LatencyModel::new(wide).expect("a model");
    let probe = world.probe("avm", "bvm", ECHO);
    let interval = SimDuration::from_microseconds(10);
    let timeout = SimDuration::from_seconds(9);
    let ping = Application::Ping(Ping::new(probe, 300, interval, timeout, 64));
    let told = Told::by(world.simulation("avm", ping));
    let bvm = world.nic("bvm").0;
    let arrivals: Vec<_> = told
        .frames()
        .filter(|sighting| sighting.nic == bvm && sighting.direction == FrameDirection::Received)
        .map(|sighting| sighting.packet.number)
        .collect();
    let in_order: Vec<u64> = (1..=300).collect();
    assert_eq!(arrivals, in_order);
    let answered: Vec<_> = told.answers().iter().map(|answer| answer.0).collect();
    assert_eq!(answered, in_order);
}

#[test]
fn a_thread_of_its_own_tells_the_same_and_can_be_stopped() {
    let world = World::new(HUB);
    let simulation = |count| {
        let probe = world.probe("onevm", "twovm", ECHO);
        let ping = Ping::new(probe, count, SECOND, SECOND, 64);
        world.simulation("onevm", Application::Ping(ping))
    };
    let here = Told::by(simulation(20));
    let run = simulation(20).start(1).expect("a thread");
    let occurrences = run.occurrences().iter().collect();
    let summary = run.finish().expect("conserved");
    let there = Told {
        occurrences,
        summary,
    };
    assert_eq!(here.transcript(), there.transcript());

    // A run that would take very long ends when nobody listens any more.
    let run = simulation(u64::MAX).start(16).expect("a thread");
    assert_eq!(run.occurrences().iter().take(100).count(), 100);
    let summary = run.finish().expect("conserved at any moment");
    assert!(summary.stopped);
}

#[test]
fn frames_are_told_only_as_far_as_wanted() {
    let mut world = World::new(PEERED);
    world.settings.frames = Frames::Dropped;
    assert_eq!(world.ping("avm", "bvm", ECHO, 3).frames().count(), 0);
    assert_eq!(world.ping("avm", "cvm", ECHO, 3).frames().count(), 3);
    world.settings.frames = Frames::None;
    assert_eq!(world.ping("avm", "cvm", ECHO, 3).frames().count(), 0);
}
