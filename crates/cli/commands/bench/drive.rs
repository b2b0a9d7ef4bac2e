//! The measured runs.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use control::Snapshot;
use dataplane::counters::{Counters, NotConserved};
use dataplane::forward::{BURST, Entering, Forwarder, Frames, Settings};
use engine::time::{SimDuration, SimTime};
use engine::traffic::Traffic;
use report::histogram::LatencyHistogram;

/// Bytes of frames that are made at a time.
const POOL: usize = 256 * 1024;
/// Parts of a run whose figures are compared with each other.
const ROUNDS: u32 = 10;

/// What a run has shown. All but `memory` is of the measured part alone.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) counters: Counters,
    /// Wall time inside the forwarding core.
    pub(super) timed: Duration,
    pub(super) packets: u64,
    pub(super) connections: u64,
    /// Nanoseconds per packet.
    pub(super) rounds: Vec<f64>,
    /// From entry to delivery, the same for all packets of a burst.
    pub(super) latency: LatencyHistogram,
    /// Bytes of flow state at the end.
    pub(super) memory: usize,
}

/// Frames, and the bursts that they make up.
struct Pool {
    frames: Frames,
    entering: Vec<Entering>,
    /// Which of `entering`, and when in flow time.
    bursts: Vec<(Range<usize>, SimTime)>,
}

impl Pool {
    fn new(longest: u16) -> Self {
        let one = Frames::new(1, longest).memory();
        let slots = (POOL / one).max(1);
        Self {
            frames: Frames::new(slots, longest),
            entering: Vec::with_capacity(slots),
            bursts: Vec::new(),
        }
    }

    /// As many bursts as there is room for; while the traffic opens, no others.
    fn fill(&mut self, traffic: &mut Traffic) {
        self.entering.clear();
        self.bursts.clear();
        let opening = traffic.is_opening();
        while self.entering.len() < self.frames.slots() && traffic.is_opening() == opening {
            let from = self.entering.len();
            let now = traffic.now();
            let room = self.frames.slots() - from;
            traffic.burst(room.min(BURST), |nic, frame| {
                let slot = slot(self.entering.len());
                self.frames.put(slot, frame);
                self.entering.push(Entering { slot, nic });
            });
            self.bursts.push((from..self.entering.len(), now));
        }
    }
}

fn slot(position: usize) -> u32 {
    u32::try_from(position).expect("a pool has few slots")
}

/// As fast as possible.
pub(super) fn closed_loop(
    snapshot: &Snapshot,
    settings: Settings,
    mut traffic: Traffic,
    mut latency: LatencyHistogram,
    duration: Duration,
    interrupted: &AtomicBool,
) -> Result<Measured, NotConserved> {
    let mut forwarder = Forwarder::new(settings);
    let mut pool = Pool::new(traffic.longest_frame());
    while traffic.is_opening() && !interrupted.load(Ordering::Relaxed) {
        pool.fill(&mut traffic);
        for (range, now) in &pool.bursts {
            let entering = &pool.entering[range.clone()];
            forwarder.burst(snapshot, &mut pool.frames, entering, *now, &mut ());
        }
    }
    let before = forwarder.counters().clone();
    let connections = traffic.connections();

    let mut timed = Duration::ZERO;
    let mut packets = 0;
    let mut rounds = Vec::new();
    let mut round = (Duration::ZERO, 0);
    while timed < duration && !interrupted.load(Ordering::Relaxed) {
        pool.fill(&mut traffic);
        let start = Instant::now();
        let mut last = start;
        for (range, now) in &pool.bursts {
            let entering = &pool.entering[range.clone()];
            forwarder.burst(snapshot, &mut pool.frames, entering, *now, &mut ());
            let end = Instant::now();
            let at = SimTime::ZERO + span(timed + (end - start));
            latency.record_many(at, span(end - last), entering.len() as u64);
            last = end;
        }
        timed += last - start;
        packets += pool.entering.len() as u64;
        if timed >= duration * (slot(rounds.len()) + 1) / ROUNDS {
            rounds.push(nanoseconds_each(
                timed.saturating_sub(round.0),
                packets - round.1,
            ));
            round = (timed, packets);
        }
    }
    forwarder.counters().check(0)?;
    Ok(Measured {
        counters: forwarder.counters().since(&before),
        timed,
        packets,
        connections: traffic.connections() - connections,
        rounds,
        latency,
        memory: forwarder.memory(),
    })
}

fn span(time: Duration) -> SimDuration {
    SimDuration::from_nanoseconds(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Nanoseconds for each of so many packets; 0 without packets.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn nanoseconds_each(time: Duration, packets: u64) -> f64 {
    if packets == 0 {
        return 0.0;
    }
    time.as_nanos() as f64 / packets as f64
}
