//! Runs at the host's own speed: whatever the number of shards, every packet is accounted for and meets the fate that the scalar walk has
//! for it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use control::Snapshot;
use dataplane::counters::Counters;
use dataplane::guest::willing_reply;
use dataplane::packet::{Content, Envelope, TcpFlags, TcpSegment};
use dataplane::pipeline::{Delivery, InFlight, Outcome};
use dataplane::{FlowTable, Guests, Packet, Pipeline, Position};
use engine::forward::{Chunk, Observer, Run, Settings, Source, Summary, Supply, start};
use engine::time::SimTime;
use formats::load::{LoadOptions, Loader};
use model::lookup::Endpoint;
use model::{Network, NicId};

/// Spokes that reach each other through appliances, of which one translates; a load balancer; a way to the Internet.
const NETWORK: &str = "
defaults: { resourceGroup: rg, location: northeurope }
networkSecurityGroups:
  guarded:
    securityRules:
      - { name: no-telnet, priority: 100, direction: Inbound, access: Deny, protocol: Tcp, destinationPorts: 23 }
      - { name: no-odd, priority: 110, direction: Outbound, access: Deny, protocol: Udp, destinationPorts: 7 }
routeTables:
  spokes:
    routes:
      - { name: plain, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.0.4 }
      - { name: masked, prefix: 10.3.0.0/16, nextHop: VirtualAppliance 10.0.0.5 }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24, clients: 10.0.1.0/24 } }
  one: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: spokes, networkSecurityGroup: guarded } } }
  two: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: spokes, networkSecurityGroup: guarded } } }
  three: { addressSpace: [10.3.0.0/16], subnets: { s: { prefix: 10.3.0.0/24, networkSecurityGroup: guarded } } }
peerings:
  - { name: hub-one, from: hub, to: one, allowForwardedTraffic: true }
  - { name: one-hub, from: one, to: hub, allowForwardedTraffic: true }
  - { name: hub-two, from: hub, to: two, allowForwardedTraffic: true }
  - { name: two-hub, from: two, to: hub, allowForwardedTraffic: true }
  - { name: hub-three, from: hub, to: three, allowForwardedTraffic: true }
  - { name: three-hub, from: three, to: hub, allowForwardedTraffic: true }
loadBalancers:
  lb:
    sku: Standard
    frontends: { front: { subnet: two/s, address: 10.2.0.100 } }
    pools: [servers]
    rules: [ { name: web, frontend: front, pool: servers, protocol: Tcp, frontendPort: 80, backendPort: 8080 } ]
networkInterfaces:
  nvanic: { subnet: hub/s, address: 10.0.0.4, ipForwarding: true }
  snatnic: { subnet: hub/s, address: 10.0.0.5, ipForwarding: true }
virtualMachines:
  nva: { nics: [nvanic] }
  snat: { nics: [snatnic] }
  c0: { subnet: hub/clients, nic: c0nic }
  c1: { subnet: hub/clients, nic: c1nic }
  a0: { subnet: one/s, nic: a0nic }
  a1: { subnet: one/s, nic: a1nic }
  a2: { subnet: one/s, nic: a2nic }
  b0: { subnet: two/s, nic: b0nic, backendPools: [lb/servers] }
  b1: { subnet: two/s, nic: b1nic, backendPools: [lb/servers] }
  b2: { subnet: two/s, nic: b2nic }
  d0: { subnet: three/s, nic: d0nic }
  d1: { subnet: three/s, nic: d1nic }
guests:
  nva: { role: appliance }
  snat: { role: appliance, snat: true }
";

/// A frame and the NIC whose guest sends it.
type Sent = (NicId, Vec<u8>);
/// What became of a packet, and its frame then.
type Fate = (String, Vec<u8>);

struct World {
    network: Network,
    snapshot: Arc<Snapshot>,
}

impl World {
    fn new() -> Self {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text("test.yaml", NETWORK);
        let read = loader
            .finish()
            .unwrap_or_else(|refused| panic!("{refused}"));
        let snapshot = Arc::new(control::compile(&read.network));
        Self {
            network: read.network,
            snapshot,
        }
    }

    fn end(&self, name: &str) -> (NicId, Ipv4Addr) {
        match self.network.endpoint(name) {
            Ok(Endpoint::Nic(nic, address)) => (nic, address),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Packets of `conversations` between random ends, each of its own source port: plain ways, ways with translations, to the
    /// Internet, through the load balancer; denied ones, such as end at a router, and datagrams in pieces among them.
    fn questions(&self, conversations: u16, seed: u64) -> Vec<Sent> {
        let mut random = Random(seed);
        let [spokes, masked, clients] = [
            &["a0", "a1", "a2", "b0", "b1", "b2"][..],
            &["d0", "d1"],
            &["c0", "c1"],
        ]
        .map(|names| {
            let ends = names.iter().map(|name| self.end(name));
            ends.collect::<Vec<_>>()
        });
        let mut sent = Vec::new();
        for conversation in 0..conversations {
            let port = 1024 + conversation;
            let kind = random.below(10);
            let (nic, source) = match kind {
                7 | 8 => clients[random.below(2)],
                _ => spokes[random.below(spokes.len())],
            };
            let destination = match kind {
                0..=3 => spokes[random.below(spokes.len())].1,
                4 | 5 => masked[random.below(2)].1,
                6 => Ipv4Addr::new(8, 8, 8, 8),
                7 | 8 => Ipv4Addr::new(10, 2, 0, 100),
                _ => Ipv4Addr::new(10, 77, 0, 1),
            };
            if source == destination {
                continue;
            }
            let mut envelope = Envelope::new(source, destination);
            envelope.identification = conversation;
            if random.below(100) == 0 {
                envelope.ttl = 1;
            }
            let packets = if kind >= 7 || random.below(3) == 0 {
                let service = [80, 443, 23][if kind >= 7 { 0 } else { random.below(3) }];
                vec![tcp(envelope, port, service, TcpFlags::SYN)]
            } else if random.below(4) == 0 {
                let data = vec![7; 3000];
                let long = Packet::udp(envelope, port, 53, &data).expect("a datagram");
                long.fit(1500).expect("it may be cut")
            } else if random.below(3) == 0 {
                vec![Packet::echo_request(envelope, port, 1, &[3; 32]).expect("an echo request")]
            } else {
                let service = [53, 7][random.below(2)];
                vec![Packet::udp(envelope, port, service, &[1; 18]).expect("a datagram")]
            };
            sent.extend(
                packets
                    .into_iter()
                    .map(|packet| (nic, packet.frame().to_vec())),
            );
        }
        sent
    }
}

fn tcp(envelope: Envelope, source_port: u16, destination_port: u16, flags: TcpFlags) -> Packet {
    let segment = TcpSegment {
        source_port,
        destination_port,
        sequence: 1,
        acknowledgment: 0,
        flags,
        window: 1024,
    };
    Packet::tcp(envelope, segment, &[]).expect("a segment")
}

/// xorshift64* (Vigna 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).expect("31 bits") % bound
    }
}

/// The scalar walk with all memory in one place: what every run must agree with.
#[derive(Default)]
struct Oracle {
    pairs: FlowTable,
    guests: Guests,
    counters: Counters,
}

impl Oracle {
    /// What becomes of the packets, and what those would answer to whom they have come.
    fn send(&mut self, snapshot: &Snapshot, sent: &[Sent]) -> (Vec<Fate>, Vec<Sent>) {
        let (mut fates, mut answers) = (Vec::new(), Vec::new());
        for (nic, frame) in sent {
            let packet = Packet::from_frame(frame.clone()).expect("a packet of this file");
            self.counters.originated += 1;
            let position = Position::Leaving(*nic);
            let mut left = vec![InFlight { position, packet }];
            while let Some(InFlight {
                position,
                mut packet,
            }) = left.pop()
            {
                let mut silence = ();
                let mut pipeline = Pipeline::new(
                    snapshot,
                    &mut self.pairs,
                    &mut self.guests,
                    &mut silence,
                    SimTime::ZERO,
                );
                let outcome = pipeline.walk(position, &mut packet);
                let spawned = std::mem::take(&mut pipeline.spawned);
                for packet in &spawned {
                    match packet.packet.content() {
                        Content::LaterFragment => self.counters.extra_fragments += 1,
                        _ => self.counters.originated += 1,
                    }
                }
                left.extend(spawned);
                match outcome {
                    Outcome::Delivered(Delivery::Guest(at)) => {
                        self.counters.delivered += 1;
                        answers.extend(willing_reply(snapshot, at, &packet));
                    }
                    Outcome::Delivered(_) => self.counters.departed += 1,
                    Outcome::Dropped { dropped, .. } => self.counters.drop_one(dropped.reason()),
                }
                fates.push((format!("{outcome:?}"), packet.frame().to_vec()));
            }
        }
        let answers = answers.into_iter();
        let answers = answers.map(|(nic, packet)| (nic, packet.frame().to_vec()));
        (fates, answers.collect())
    }
}

/// Packets in rounds: those of a round enter when all of the round before have come to their end.
struct Rounds {
    /// This shard's packets of each round, last round first.
    left: Vec<Vec<Sent>>,
    /// How many packets of all shards have ended when the next round begins, last round first.
    begins_at: Vec<u64>,
    settled: Arc<AtomicU64>,
    /// Packets of the present round that had no room.
    rest: std::vec::IntoIter<Sent>,
}

impl Source for Rounds {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        if self.rest.len() == 0 {
            match self.begins_at.last() {
                None => return Supply::Ended,
                Some(&begin) if self.settled.load(Ordering::Acquire) < begin => {
                    return Supply::Later;
                }
                Some(_) => {}
            }
            self.begins_at.pop();
            self.rest = self.left.pop().unwrap_or_default().into_iter();
        }
        while !chunk.is_full()
            && let Some((nic, frame)) = self.rest.next()
        {
            chunk.push(nic, &frame);
        }
        if chunk.is_empty() {
            Supply::Later
        } else {
            Supply::Measured
        }
    }
}

/// Notes what becomes of every packet.
struct Fates {
    all: Arc<Mutex<Vec<Fate>>>,
    settled: Arc<AtomicU64>,
}

impl Observer for Fates {
    fn settled(&mut self, _: Option<usize>, frame: &[u8], outcome: Outcome) {
        let fate = (format!("{outcome:?}"), frame.to_vec());
        self.all.lock().expect("no shard panics").push(fate);
        self.settled.fetch_add(1, Ordering::Release);
    }
}

/// What came out of a run in rounds, by the rounds of an oracle.
struct Compared {
    expected: Vec<Fate>,
    expected_counters: Counters,
    found: Vec<Fate>,
    summary: Summary<Rounds, Fates>,
}

/// Sends questions, the answers to them, and the questions again, and compares. `shift` puts every packet into another shard than its own.
fn compare(world: &World, settings: &Settings, questions: Vec<Sent>, shift: u32) -> Compared {
    let mut oracle = Oracle::default();
    let (mut expected, answers) = oracle.send(&world.snapshot, &questions);
    let mut begins_at = vec![0, expected.len() as u64];
    expected.extend(oracle.send(&world.snapshot, &answers).0);
    begins_at.push(expected.len() as u64);
    expected.extend(oracle.send(&world.snapshot, &questions).0);
    let rounds = [questions.clone(), answers, questions];

    let all = Arc::new(Mutex::new(Vec::new()));
    let settled = Arc::new(AtomicU64::new(0));
    let run = start(Arc::clone(&world.snapshot), settings, |shards| {
        let own = |(_, frame): &&Sent| {
            let packet = Packet::from_frame(frame.clone()).expect("a packet of this file");
            (shards.of_entering(&packet) + shift) % shards.count() == shards.own()
        };
        let left = rounds
            .iter()
            .rev()
            .map(|round| round.iter().filter(own).cloned().collect());
        let source = Rounds {
            left: left.collect(),
            begins_at: begins_at.iter().rev().copied().collect(),
            settled: Arc::clone(&settled),
            rest: Vec::new().into_iter(),
        };
        let observer = Fates {
            all: Arc::clone(&all),
            settled: Arc::clone(&settled),
        };
        (source, observer)
    });
    let summary = finish(run.expect("threads"));
    let mut found = std::mem::take(&mut *all.lock().expect("no shard panics"));
    found.sort_unstable();
    expected.sort_unstable();
    Compared {
        expected,
        expected_counters: oracle.counters,
        found,
        summary,
    }
}

fn finish<S, O>(run: Run<S, O>) -> Summary<S, O> {
    run.finish().unwrap_or_else(|lost| panic!("{lost}"))
}

fn workers(workers: u32) -> Settings {
    Settings {
        workers,
        ..Settings::default()
    }
}

fn assert_equal(compared: &Compared) {
    for (expected, found) in compared.expected.iter().zip(&compared.found) {
        assert_eq!(expected, found);
    }
    assert_eq!(compared.expected.len(), compared.found.len());
    let counters = &compared.summary.counters;
    let expected = &compared.expected_counters;
    assert_eq!(counters.originated, expected.originated);
    assert_eq!(counters.extra_fragments, expected.extra_fragments);
    assert_eq!(counters.delivered, expected.delivered);
    assert_eq!(counters.departed, expected.departed);
    assert!(counters.drops().eq(expected.drops()));
    assert_eq!(compared.summary.in_flight, 0);
}

#[test]
fn any_number_of_shards_gives_every_packet_the_fate_of_the_scalar_walk() {
    let world = World::new();
    for seed in 1..=3 {
        for count in 1..=3 {
            let compared = compare(&world, &workers(count), world.questions(600, seed), 0);
            assert_equal(&compared);
            let given: u64 = compared
                .summary
                .shards
                .iter()
                .map(|shard| shard.hand_overs.given)
                .sum();
            assert_eq!(given > 0, count > 1, "translated packets change shard");
            let drops: Vec<_> = compared.summary.counters.drops().collect();
            assert!(
                drops.len() > 2,
                "the traffic meets several fates: {drops:?}"
            );
        }
    }
}
