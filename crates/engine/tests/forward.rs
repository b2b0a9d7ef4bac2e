//! Runs at the host's own speed: whatever the number of shards, every packet is accounted for and meets the fate that the scalar walk has
//! for it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use control::Snapshot;
use dataplane::counters::Counters;
use dataplane::forward::shards::Shards;
use dataplane::guest::willing_reply;
use dataplane::packet::{Content, Envelope, TcpFlags, TcpSegment};
use dataplane::pipeline::{Delivery, InFlight, Outcome};
use dataplane::{DropReason, FlowTable, Guests, Packet, Pipeline, Position};
use engine::forward::{
    Chunk, Controller, Observer, Refused, Replay, Run, Settings, Source, StartError, Summary,
    Supply, Verify, feeds, start,
};
use engine::time::SimTime;
use model::lookup::Endpoint;
use model::{Guest, GuestRole, Network, NicId, PowerState};

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
        let network = testnet::load(NETWORK);
        let snapshot = Arc::new(control::compile(&network));
        Self { network, snapshot }
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

/// Fails if `run` does not come to its end: a deadlock would otherwise be a test that hangs.
fn watched<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = sender.send(run());
    });
    match receiver.recv_timeout(Duration::from_mins(4)) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the shards wait for each other"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Ok(()) => panic!("nothing came back"),
            Err(panic) => std::panic::resume_unwind(panic),
        },
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

#[test]
fn packets_that_enter_at_another_shard_than_their_own_are_handed_over() {
    let world = World::new();
    let compared = compare(&world, &workers(3), world.questions(300, 4), 1);
    assert_equal(&compared);
}

#[test]
fn queues_with_room_for_one_batch_do_not_block_each_other() {
    let compared = watched(|| {
        let world = World::new();
        let settings = Settings {
            channel_batches: 1,
            outbox_packets: 1,
            pool_bytes: 0,
            ..workers(3)
        };
        compare(&world, &settings, world.questions(600, 5), 1)
    });
    assert_equal(&compared);
}

#[test]
fn routers_report_as_often_with_several_shards_as_with_one() {
    let world = World::new();
    let snapshot = &world.snapshot;
    let (nic, source) = world.end("a0");
    let dying = (0..200).map(|last| {
        let mut envelope = Envelope::new(source, Ipv4Addr::new(10, 2, 0, last));
        envelope.ttl = 1;
        let packet = tcp(envelope, 2000, 443, TcpFlags::SYN);
        (SimTime::ZERO, nic, packet.frame().to_vec())
    });
    let dying: Vec<_> = dying.collect();
    let made: Vec<u64> = [1, 3]
        .into_iter()
        .map(|count| {
            let run = start(Arc::clone(snapshot), &workers(count), |shards| {
                let all = if shards.own() == 0 {
                    dying.clone()
                } else {
                    Vec::new()
                };
                (Replay::new(all), ())
            });
            let summary = finish(run.expect("threads"));
            assert_eq!(summary.counters.dropped(DropReason::Ttl), 200);
            summary.counters.originated
        })
        .collect();
    assert_eq!(made[0], made[1]);
    assert!(made[0] > 200, "some are reported");
    assert!(made[0] < 400, "not all are: K-9");
}

/// Sends one packet of each of its conversations, over and over, until the run is stopped.
struct Endless {
    frames: Vec<Sent>,
    rounds: u64,
}

impl Source for Endless {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        self.rounds += 1;
        chunk.set_time(SimTime::from_nanoseconds(self.rounds * 1_000_000));
        for (nic, frame) in self.frames.iter().cycle().take(chunk.capacity()) {
            chunk.push(*nic, frame);
        }
        Supply::Measured
    }
}

/// Counts what was delivered and what a stopped machine swallowed, for all shards together.
#[derive(Clone, Default)]
struct Tally {
    delivered: Arc<AtomicU64>,
    swallowed: Arc<AtomicU64>,
}

impl Observer for Tally {
    fn settled(&mut self, _: Option<usize>, _: &[u8], outcome: Outcome) {
        match outcome {
            Outcome::Delivered(_) => self.delivered.fetch_add(1, Ordering::Relaxed),
            Outcome::Dropped { dropped, .. } if dropped.reason() == DropReason::VmStopped => {
                self.swallowed.fetch_add(1, Ordering::Relaxed)
            }
            Outcome::Dropped { .. } => 0,
        };
    }
}

/// Endless traffic between the spokes through the plain and the translating appliance.
fn endless(world: &World, count: u32) -> (Run<Endless, Tally>, Tally) {
    let tally = Tally::default();
    let conversations: Vec<Sent> = (0..64)
        .map(|port| {
            let from = ["a0", "a1", "b0", "b2"][usize::from(port % 4)];
            let to = ["b1", "a2", "d0", "d1"][usize::from(port / 4 % 4)];
            let envelope = Envelope::new(world.end(from).1, world.end(to).1);
            let packet = Packet::udp(envelope, 3000 + port, 53, &[1; 18]).expect("a datagram");
            (world.end(from).0, packet.frame().to_vec())
        })
        .collect();
    let settings = Settings {
        pool_bytes: 16 * 1024,
        channel_batches: 2,
        outbox_packets: 64,
        ..workers(count)
    };
    let run = start(Arc::clone(&world.snapshot), &settings, |shards| {
        let own = |(_, frame): &&Sent| {
            let packet = Packet::from_frame(frame.clone()).expect("a packet of this file");
            shards.of_entering(&packet) == shards.own()
        };
        let frames = conversations.iter().filter(own).cloned().collect();
        (Endless { frames, rounds: 0 }, tally.clone())
    });
    (run.expect("threads"), tally)
}

/// Waits until a counter has grown.
fn wait_for_more(counter: &AtomicU64) {
    let before = counter.load(Ordering::Relaxed);
    while counter.load(Ordering::Relaxed) < before + 10 {
        std::thread::yield_now();
    }
}

#[test]
fn changes_under_load_take_effect_and_lose_nothing() {
    for count in 1..=3 {
        let (summary, changes) = watched(move || {
            let mut world = World::new();
            let (run, tally) = endless(&world, count);
            let controller = run.controller();
            let (nva, _) = world
                .network
                .virtual_machines()
                .iter()
                .find(|(_, vm)| vm.id.name() == "nva")
                .expect("a machine of the network");
            let mut changes = 0;
            for round in 0..20 {
                let stopped = round % 2 == 0;
                let called = Instant::now();
                let power = [PowerState::Running, PowerState::Deallocated][usize::from(stopped)];
                world.network.set_power(nva, power);
                let next = control::recompile(&world.network, &world.snapshot);
                world.snapshot = Arc::new(next);
                controller
                    .change(called, Arc::clone(&world.snapshot))
                    .expect("the next generation");
                changes += 1;
                while !controller.is_obeyed() {
                    std::thread::yield_now();
                }
                // Only packets that obey can make this grow now.
                wait_for_more([&tally.delivered, &tally.swallowed][usize::from(stopped)]);
            }
            controller.stop();
            (finish(run), changes)
        });
        assert_eq!(summary.changes.len(), changes);
        for change in &summary.changes {
            let (first, all) = (change.first.expect("obeyed"), change.all.expect("by all"));
            assert!(change.given <= first && first <= all);
        }
        assert!(summary.counters.dropped(DropReason::VmStopped) > 0);
        assert_eq!(summary.in_flight, 0);
    }
}

#[test]
fn a_run_refuses_a_snapshot_that_it_cannot_follow() {
    let mut world = World::new();
    let (run, _) = endless(&world, 2);
    let controller: Controller = run.controller();
    let now = Instant::now();
    assert_eq!(
        controller.change(now, Arc::clone(&world.snapshot)),
        Err(Refused::NotNewer(world.snapshot.generation))
    );
    let (nva, _) = world
        .network
        .virtual_machines()
        .iter()
        .find(|(_, vm)| vm.id.name() == "nva")
        .expect("a machine of the network");
    world.network.set_guest(
        nva,
        Guest {
            role: Some(GuestRole::Appliance),
            source_nat: true,
            stateful: false,
            listen: None,
        },
    );
    let next = Arc::new(control::recompile(&world.network, &world.snapshot));
    assert_eq!(
        controller.change(now, Arc::clone(&next)),
        Err(Refused::MovesConversations)
    );
    controller.stop();
    assert_eq!(finish(run).changes, []);

    let (run, _) = endless(&world, 1);
    let controller = run.controller();
    assert_eq!(controller.change(now, next), Ok(()), "one shard has it all");
    controller.stop();
    assert_eq!(finish(run).changes.len(), 1);
}

#[test]
fn a_limit_of_flows_needs_one_worker() {
    let world = World::new();
    let mut settings = workers(2);
    settings.forwarder.flow_limit = Some(100);
    let refused = start(Arc::clone(&world.snapshot), &settings, |_| {
        (Replay::default(), ())
    });
    assert!(matches!(refused, Err(StartError::LimitNeedsOneWorker(2))));
}

#[test]
fn a_reader_in_another_thread_feeds_all_shards() {
    let (expected, found) = watched(|| {
        let world = World::new();
        let questions = world.questions(500, 6);
        let mut oracle = Oracle::default();
        let (mut expected, _) = oracle.send(&world.snapshot, &questions);
        let shards = Shards::new(&world.snapshot, 2);
        let (mut feed, sources) = feeds(shards, 1);
        let mut sources = sources.into_iter();
        let all = Arc::new(Mutex::new(Vec::new()));
        let run = start(Arc::clone(&world.snapshot), &workers(2), |_| {
            let observer = Fates {
                all: Arc::clone(&all),
                settled: Arc::default(),
            };
            (sources.next().expect("one a shard"), observer)
        });
        for (nic, frame) in questions {
            feed.send(SimTime::ZERO, nic, frame)
                .expect("a run that goes on");
        }
        drop(feed);
        finish(run.expect("threads"));
        let mut found = std::mem::take(&mut *all.lock().expect("no shard panics"));
        expected.sort_unstable();
        found.sort_unstable();
        (expected, found)
    });
    assert_eq!(expected, found);
}

#[test]
fn in_open_loop_packets_enter_at_the_given_rate_and_no_faster() {
    let world = World::new();
    let (nic, source) = world.end("a0");
    let packet = tcp(
        Envelope::new(source, world.end("b0").1),
        2000,
        443,
        TcpFlags::SYN,
    );
    let frames = vec![(SimTime::ZERO, nic, packet.frame().to_vec()); 200];
    let settings = Settings {
        packets_per_second: Some(10_000.0),
        ..workers(1)
    };
    let run = start(Arc::clone(&world.snapshot), &settings, |_| {
        (Replay::new(frames.clone()), ())
    });
    let summary = finish(run.expect("threads"));
    assert_eq!((summary.packets(), summary.latency().len()), (200, 200));
    assert!(
        summary.shards[0].elapsed >= Duration::from_micros(19_900),
        "the last one is not to enter before"
    );
    assert!(summary.shards[0].most_overdue >= 1);
}

#[test]
fn a_run_ends_after_its_time_and_counts_what_each_nic_did() {
    let world = World::new();
    let (nic, source) = world.end("a0");
    let (server, destination) = world.end("b0");
    let packet = tcp(Envelope::new(source, destination), 2000, 443, TcpFlags::SYN);
    let settings = Settings {
        duration: Some(Duration::from_millis(20)),
        ..workers(1)
    };
    let run = start(Arc::clone(&world.snapshot), &settings, |_| {
        let frames = vec![(nic, packet.frame().to_vec())];
        (Endless { frames, rounds: 0 }, ())
    });
    let summary = finish(run.expect("threads"));
    let packets = summary.packets();
    assert!(packets > 0 && summary.shards[0].elapsed >= Duration::from_millis(20));
    assert_eq!(summary.measured.delivered, packets);
    assert_eq!(summary.latency().len(), packets);
    let record = |of| {
        let nics = summary.nics();
        nics.into_iter()
            .find(|&(nic, _)| nic == of)
            .expect("it met packets")
            .1
    };
    assert_eq!((record(nic).sent, record(nic).delivered), (packets, 0));
    assert_eq!(
        (record(server).sent, record(server).delivered),
        (0, packets)
    );
}

/// Makes one flow known, then measures ten packets of it.
struct Prepared {
    frame: Sent,
    fills: usize,
}

impl Source for Prepared {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        self.fills += 1;
        for _ in 0..self.fills {
            chunk.push(self.frame.0, &self.frame.1);
        }
        match self.fills {
            1..=3 => Supply::Preparing,
            4 => Supply::Measured,
            _ => Supply::Ended,
        }
    }
}

#[test]
fn what_prepares_is_not_measured() {
    let world = World::new();
    let (nic, source) = world.end("a0");
    let internet = Ipv4Addr::new(8, 8, 8, 8);
    let run = start(Arc::clone(&world.snapshot), &workers(3), |shards| {
        let port = 2000 + u16::try_from(shards.own()).expect("a few");
        let packet = tcp(Envelope::new(source, internet), port, 443, TcpFlags::SYN);
        let frame = (nic, packet.frame().to_vec());
        (Prepared { frame, fills: 0 }, ())
    });
    let summary = finish(run.expect("threads"));
    let done = |counters: &Counters| counters.delivered + counters.departed;
    assert_eq!(done(&summary.counters), 3 * (1 + 2 + 3 + 4));
    assert_eq!((done(&summary.measured), summary.packets()), (12, 12));
    assert_eq!(summary.latency().len(), 12);
}

#[test]
fn the_bytes_of_what_arrives_are_as_they_must_be() {
    let world = World::new();
    let questions = world.questions(500, 7);
    for count in 1..=2 {
        let run = start(Arc::clone(&world.snapshot), &workers(count), |shards| {
            let all = questions.iter().filter(|(_, frame)| {
                let packet = Packet::from_frame(frame.clone()).expect("a packet of this file");
                shards.of_entering(&packet) == shards.own()
            });
            let all = all.map(|(nic, frame)| (SimTime::ZERO, *nic, frame.clone()));
            (Replay::new(all.collect()), Verify::default())
        });
        let summary = finish(run.expect("threads"));
        let observers = || summary.shards.iter().map(|shard| &shard.observer);
        for verify in observers() {
            assert_eq!(verify.faults(), []);
        }
        let checked: u64 = observers().map(Verify::checked).sum();
        let counters = &summary.counters;
        assert_eq!(checked, counters.delivered + counters.departed);
        let ttl_checked: u64 = observers().map(Verify::ttl_checked).sum();
        assert!(ttl_checked > 100, "{ttl_checked} of {checked}");
    }
}

/// Sends one packet, then fails.
struct Failing {
    frame: Sent,
}

impl Source for Failing {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        assert!(!self.frame.1.is_empty(), "a fault of the test");
        chunk.push(self.frame.0, &std::mem::take(&mut self.frame.1));
        Supply::Preparing
    }
}

#[test]
fn a_shard_that_fails_ends_the_run_of_all() {
    let panic = watched(|| {
        let world = World::new();
        let (nic, source) = world.end("a0");
        let packet = tcp(
            Envelope::new(source, world.end("b0").1),
            2000,
            443,
            TcpFlags::SYN,
        );
        let run = start(Arc::clone(&world.snapshot), &workers(3), |shards| {
            let frame = match shards.own() {
                0 => Vec::new(),
                _ => packet.frame().to_vec(),
            };
            (
                Failing {
                    frame: (nic, frame),
                },
                (),
            )
        });
        let run = run.expect("threads");
        let controller = run.controller();
        let finished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.finish()));
        assert!(controller.is_over());
        finished.is_err()
    });
    assert!(panic, "the fault comes out where the run is waited for");
}

/// Has nothing for a while, then a packet.
struct Late {
    frame: Sent,
    fills: usize,
}

impl Source for Late {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        self.fills += 1;
        match self.fills {
            1..=20 => Supply::Later,
            21..=40 => Supply::Measured,
            41 => {
                chunk.push(self.frame.0, &self.frame.1);
                Supply::Measured
            }
            _ => Supply::Ended,
        }
    }
}

#[test]
fn a_shard_without_packets_of_its_own_serves_the_others() {
    let summary = watched(|| {
        let world = World::new();
        let (nic, source) = world.end("a0");
        let internet = Ipv4Addr::new(8, 8, 8, 8);
        let settings = Settings {
            channel_batches: 1,
            outbox_packets: 1,
            ..workers(2)
        };
        let run = start(Arc::clone(&world.snapshot), &settings, |shards| {
            let packet = tcp(Envelope::new(source, internet), 2000, 443, TcpFlags::SYN);
            let frame = (nic, packet.frame().to_vec());
            let fills = if shards.own() == 0 { 0 } else { 40 };
            (Late { frame, fills }, ())
        });
        finish(run.expect("threads"))
    });
    assert_eq!(summary.counters.originated, 2);
    assert_eq!(summary.shards[0].hand_overs.taken, 1);
}
