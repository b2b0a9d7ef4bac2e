//! The forwarding core over the whole way between two spokes: four visits to NICs with 200 rules each and 400 routes, an appliance in
//! between, real bytes of 64-byte frames.
//!
//! Frames are laid into the pool before the clock starts, as a NIC would have done; what is timed goes from reading the header to the
//! guest. One iteration is a pool of packets, or a change and the first packet of each flow after it; `growth` gives the longest burst while a
//! table grows from nothing.

mod support {
    //! Bursts of segments, timed.

    use std::time::{Duration, Instant};

    use dataplane::forward::{BURST, Entering, Forwarder, Frames, Sink};
    use dataplane::packet::TcpFlags;
    use dataplane::time::SimTime;
    use dataplane::{InFlight, Outcome};
    use engine::forward::{Histogram, Records};
    use workload::hub_and_spokes::HubAndSpokes;

    /// Frames in the pool: 256 KiB.
    pub(crate) const POOL: usize = 4096;

    /// A segment of a connection: its number, whether it goes back, its flags.
    pub(crate) type Segment = (usize, bool, TcpFlags);

    /// Counts what arrives.
    #[derive(Default)]
    struct Arrivals {
        count: usize,
        /// What the driver notes beside, if it is to be timed too.
        records: Option<Records>,
    }

    impl Sink for Arrivals {
        #[inline]
        fn settled(&mut self, _: Option<usize>, _: &[u8], outcome: Outcome) {
            self.count += usize::from(matches!(outcome, Outcome::Delivered(_)));
            if let Some(records) = &mut self.records {
                records.settled(outcome);
            }
        }

        fn hand_over(&mut self, shard: u32, _: InFlight) {
            unreachable!("there is no shard {shard}");
        }
    }

    /// The network, and a pool of frames.
    pub(crate) struct Bench {
        pub(crate) network: HubAndSpokes,
        frames: Frames,
        entering: Vec<Entering>,
        arrivals: Arrivals,
        latency: Histogram<u64>,
        /// The flows' clock, in milliseconds.
        pub(crate) now: u64,
    }

    impl Bench {
        pub(crate) fn new() -> Self {
            Self {
                network: HubAndSpokes::new(false),
                frames: Frames::new(POOL, 64),
                entering: Vec::with_capacity(POOL),
                arrivals: Arrivals::default(),
                latency: Histogram::new(3).expect("three digits"),
                now: 0,
            }
        }

        /// From now on, packets of NICs, latencies and the balance of all packets are noted, as the driver does.
        pub(crate) fn record(&mut self) {
            let mut records = Records::default();
            records.fit(&self.network.snapshot);
            self.arrivals.records = Some(records);
        }

        /// Sends segments, at most a pool of them, `step` milliseconds a burst. Says how long all bursts took, and the longest.
        pub(crate) fn send(
            &mut self,
            forwarder: &mut Forwarder,
            segments: impl Iterator<Item = Segment>,
            step: u64,
        ) -> (Duration, Duration) {
            self.entering.clear();
            for ((connection, back, flags), slot) in segments.zip(0..) {
                let (nic, packet) = self.network.segment(connection, back, flags);
                self.frames.put(slot, packet.frame());
                self.entering.push(Entering { slot, nic });
            }
            self.arrivals.count = 0;
            let (mut whole, mut longest) = (Duration::ZERO, Duration::ZERO);
            for burst in self.entering.chunks(BURST) {
                let now = SimTime::from_nanoseconds(self.now * 1_000_000);
                let begin = Instant::now();
                if let Some(records) = &mut self.arrivals.records {
                    for packet in burst {
                        records.sent(packet.nic);
                    }
                }
                let snapshot = &self.network.snapshot;
                forwarder.burst(snapshot, &mut self.frames, burst, now, &mut self.arrivals);
                if self.arrivals.records.is_some() {
                    let latency = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    self.latency
                        .saturating_record_n(latency, burst.len() as u64);
                    forwarder.counters().check(0).expect("no packet gets lost");
                }
                let took = begin.elapsed();
                whole += took;
                longest = longest.max(took);
                self.now += step;
            }
            assert_eq!(
                self.arrivals.count,
                self.entering.len(),
                "every packet arrives"
            );
            (whole, longest)
        }

        /// Both directions of all connections become known.
        pub(crate) fn establish(&mut self, forwarder: &mut Forwarder, connections: usize) {
            const SYN: TcpFlags = TcpFlags::SYN;
            for first in (0..connections).step_by(POOL) {
                let last = connections.min(first + POOL);
                for (back, flags) in [(false, SYN), (true, SYN.with(TcpFlags::ACK))] {
                    let segments = (first..last).map(|connection| (connection, back, flags));
                    self.send(forwarder, segments, 0);
                }
            }
        }
    }
}

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dataplane::forward::{Forwarder, Settings};
use dataplane::packet::TcpFlags;
use support::{Bench, POOL, Segment};
use workload::Random;

fn forwarder(flows: usize) -> Forwarder {
    Forwarder::new(Settings {
        flows,
        flow_limit: None,
    })
}

/// A pool of packets of open connections, chosen at random, both directions half and half.
fn of_open_connections(random: &mut Random, flows: u32) -> impl Iterator<Item = Segment> {
    (0..POOL).map(move |_| {
        (
            random.below(flows),
            random.below::<u8>(2) == 0,
            TcpFlags::ACK,
        )
    })
}

fn established(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward/established");
    group.throughput(Throughput::Elements(POOL as u64));
    for flows in [4096, 65_536, 1 << 20] {
        let mut bench = Bench::new();
        let mut forwarder = forwarder(flows as usize);
        bench.establish(&mut forwarder, flows as usize);
        let mut random = Random::new(3);
        group.bench_function(flows.to_string(), |bencher| {
            bencher.iter_custom(|pools| {
                let mut pool = || {
                    let segments = of_open_connections(&mut random, flows);
                    bench.send(&mut forwarder, segments, 0).0
                };
                (0..pools).map(|_| pool()).sum()
            });
        });
    }
}

/// What counting costs: established flows without and with records, latencies and the check of conservation.
fn recording(criterion: &mut Criterion) {
    const FLOWS: u32 = 4096;
    let mut group = criterion.benchmark_group("forward/recording");
    group.throughput(Throughput::Elements(POOL as u64));
    for name in ["without", "with"] {
        let mut bench = Bench::new();
        let mut forwarder = forwarder(FLOWS as usize);
        bench.establish(&mut forwarder, FLOWS as usize);
        if name == "with" {
            bench.record();
        }
        let mut random = Random::new(3);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|pools| {
                let mut pool = || {
                    let segments = of_open_connections(&mut random, FLOWS);
                    bench.send(&mut forwarder, segments, 0).0
                };
                (0..pools).map(|_| pool()).sum()
            });
        });
    }
}

/// Every packet begins a connection. Five-tuples return when they have been forgotten: reclaiming them is part of it.
fn new(criterion: &mut Criterion) {
    const FLOWS: usize = 65_536;
    /// More than the idle time of four minutes, while all five-tuples pass once.
    const STEP: u64 = 300_000 / (FLOWS as u64 / 256) + 1;
    let mut bench = Bench::new();
    let mut forwarder = forwarder(FLOWS);
    let mut next = 0;
    let mut pool = move || {
        let first = next;
        next = (next + POOL) % FLOWS;
        let segments = first..first + POOL;
        let segments = segments.map(|connection| (connection, false, TcpFlags::SYN));
        bench.send(&mut forwarder, segments, STEP).0
    };
    for _ in 0..2 * FLOWS / POOL {
        pool();
    }
    let mut group = criterion.benchmark_group("forward/new");
    group.throughput(Throughput::Elements(POOL as u64));
    group.bench_function("65536", |bencher| {
        bencher.iter_custom(|pools| (0..pools).map(|_| pool()).sum());
    });
}

/// The first packet of each connection after a change of routes: to the same appliance, or to another one.
fn after_a_change(criterion: &mut Criterion) {
    const FLOWS: usize = 16_384;
    let mut group = criterion.benchmark_group("forward/after_a_change");
    group.throughput(Throughput::Elements(FLOWS as u64));
    for (name, moves) in [("same_way", false), ("other_appliance", true)] {
        let mut bench = Bench::new();
        let mut forwarder = forwarder(FLOWS);
        bench.establish(&mut forwarder, FLOWS);
        let mut standby = false;
        let mut change = || {
            standby ^= moves;
            bench.network.route_through(standby);
            let mut whole = Duration::ZERO;
            for first in (0..FLOWS).step_by(POOL) {
                let segments = first..first + POOL;
                let segments = segments.map(|connection| (connection, false, TcpFlags::ACK));
                whole += bench.send(&mut forwarder, segments, 0).0;
            }
            // What the old appliance remembers is forgotten before the next change: else pairs would pile up.
            for _ in 0..2 {
                bench.now += 200_000;
                bench.establish(&mut forwarder, FLOWS);
            }
            whole
        };
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|changes| (0..changes).map(|_| change()).sum());
        });
    }
}

/// The longest burst while a million flows come to a table that begins with no room.
fn growth(criterion: &mut Criterion) {
    const FLOWS: usize = 1 << 20;
    let grow = || {
        let mut bench = Bench::new();
        let mut forwarder = forwarder(0);
        let pools = (0..FLOWS).step_by(POOL).map(|first| {
            let segments = first..first + POOL;
            let segments = segments.map(|connection| (connection, false, TcpFlags::SYN));
            bench.send(&mut forwarder, segments, 0).1
        });
        pools.max().unwrap_or_default()
    };
    criterion.bench_function("forward/growth/longest_burst", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| grow()).sum());
    });
}

// Most of a bench's time goes by outside of what is timed, where frames are made: the times to measure are short for that.
criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(100));
    targets = established, recording, new, after_a_change
}
criterion_group! {
    name = pauses;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_millis(1));
    targets = growth
}
criterion_main!(benches, pauses);
