//! The measured runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use control::Snapshot;
use dataplane::counters::Counters;
use dataplane::forward::{self as core, shards::Shards};
use engine::forward::{
    Change, Chunk, Histogram, Observer, Settings, ShardSummary, Source, StartError, Summary,
    Supply, Verify, start,
};
use engine::traffic::{Pair, Plan, PlanError, Traffic};

use super::capture::{Recording, Replay};
use super::churn::Churn;
use crate::failure::Failure;

/// Parts of a run whose figures are compared with each other.
const ROUNDS: u32 = 10;
/// How often the main thread looks after a run.
const GLANCE: Duration = Duration::from_millis(5);

/// What is measured.
pub(super) struct Job<'a> {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) input: Input<'a>,
    pub(super) flow_limit: Option<u32>,
    pub(super) duration: Duration,
    pub(super) verify: bool,
    pub(super) interrupted: &'a AtomicBool,
}

/// Where packets come from.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    /// They are made up.
    Made(Plan, &'a [Pair]),
    /// They are those of a capture.
    Captured(&'a Arc<Recording>),
}

/// How a run of a job differs from others.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) workers: u16,
    /// `None`: as many as possible.
    pub(super) packets_per_second: Option<f64>,
}

/// What a run has shown. All but `memory` is of the measured part alone.
pub(super) struct Measured {
    pub(super) workers: u16,
    pub(super) counters: Counters,
    /// Packets under way at the end.
    pub(super) in_flight: u64,
    pub(super) nanoseconds_per_packet: f64,
    pub(super) packets_per_second: f64,
    pub(super) connections_per_second: f64,
    /// How long the workers forwarded.
    pub(super) elapsed: Duration,
    /// Nanoseconds per packet.
    pub(super) rounds: Vec<f64>,
    /// Nanoseconds from entry to end.
    pub(super) latency: Histogram<u64>,
    pub(super) longest_burst: Duration,
    /// Most packets that were to enter and had not.
    pub(super) most_overdue: u64,
    pub(super) changes: Vec<Change>,
    /// Bytes of flow state at the end.
    pub(super) memory: usize,
    /// With `verify`: packets looked at.
    pub(super) verified: Option<u64>,
}

/// Runs a job once.
pub(super) fn measure(
    job: &Job<'_>,
    load: Load,
    churn: Option<&mut Churn>,
) -> Result<Measured, Failure> {
    if job.verify {
        let (summary, mut measured) = run::<Verify>(job, load, churn)?;
        let observers = || summary.shards.iter().map(|shard| &shard.observer);
        if let Some(fault) = observers().find_map(|observer| observer.faults().first()) {
            let count = observers().map(Verify::fault_count).sum::<u64>();
            return Err(Failure::Unsound(format!(
                "{count} packets arrived wrong, one of them: {fault}"
            )));
        }
        measured.verified = Some(observers().map(Verify::checked).sum());
        Ok(measured)
    } else {
        Ok(run::<()>(job, load, churn)?.1)
    }
}

fn run<O: Observer + Default + 'static>(
    job: &Job<'_>,
    load: Load,
    churn: Option<&mut Churn>,
) -> Result<(Summary<Stopwatch, O>, Measured), Failure> {
    let (flows, longest_frame) = match job.input {
        Input::Made(plan, pairs) => {
            // Before any thread begins: every shard's traffic is possible if the whole is.
            let traffic = Traffic::new(plan, pairs.to_vec()).map_err(refused)?;
            (plan.flows as usize, traffic.longest_frame())
        }
        Input::Captured(recording) => (recording.len(), recording.longest_frame()),
    };
    let settings = Settings {
        workers: u32::from(load.workers),
        pinned: true,
        forwarder: core::Settings {
            flows: flows / usize::from(load.workers),
            flow_limit: job.flow_limit,
        },
        longest_frame,
        duration: Some(job.duration),
        packets_per_second: load.packets_per_second,
        ..Settings::default()
    };
    // At a given rate the time of a chunk says nothing.
    let round = match load.packets_per_second {
        // A little less, so that the last one ends before the run does.
        None => job.duration * 49 / 50 / ROUNDS,
        Some(_) => Duration::MAX,
    };
    let running = start(Arc::clone(&job.snapshot), &settings, |shards| {
        (Stopwatch::new(share(job, shards), round), O::default())
    })
    .map_err(not_started)?;

    let controller = running.controller();
    let mut churn = churn;
    while !controller.is_over() {
        if job.interrupted.load(Ordering::Relaxed) {
            controller.stop();
        }
        let pause = match &mut churn {
            Some(churn) => churn.act(&controller)?.min(GLANCE),
            None => GLANCE,
        };
        thread::sleep(pause);
    }
    let summary = running.finish()?;
    let measured = Measured::of(&summary, load.workers);
    Ok((summary, measured))
}

/// What a shard has to send: its part of the whole.
fn share(job: &Job<'_>, shards: &Shards) -> Share {
    match job.input {
        Input::Made(plan, pairs) => Share::Made(made(plan, pairs, shards)),
        Input::Captured(recording) => Share::Captured(recording.replay(shards)),
    }
}

/// The flows of the shard's own pairs; `None` without any.
fn made(plan: Plan, pairs: &[Pair], shards: &Shards) -> Option<Box<Traffic>> {
    let all = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    let (each, rest) = (plan.flows / all, plan.flows % all);
    let mut flows = 0;
    let mut own = Vec::new();
    for (number, pair) in (0..).zip(pairs) {
        let of_pair = each + u32::from(number < rest);
        if of_pair > 0 && shards.of(pair.client.address, pair.server.address) == shards.own() {
            flows += of_pair;
            own.push(*pair);
        }
    }
    let seed = plan.seed.wrapping_add(u64::from(shards.own()) << 32);
    let plan = Plan {
        flows,
        seed,
        ..plan
    };
    Traffic::new(plan, own).ok().map(Box::new)
}

pub(super) fn refused(error: PlanError) -> Failure {
    Failure::Usage(match error {
        PlanError::TooManyFlows { .. } => {
            format!("{error}: ask for fewer --flows or more --nics")
        }
        PlanError::NoPairs | PlanError::NoFlows => error.to_string(),
    })
}

fn not_started(error: StartError) -> Failure {
    match error {
        StartError::LimitNeedsOneWorker(_) => {
            Failure::Usage("--flow-limit counts exactly only with --workers 1".to_owned())
        }
        StartError::Thread(error) => Failure::Output(error),
    }
}

/// The packets of a shard.
enum Share {
    Made(Option<Box<Traffic>>),
    Captured(Replay),
}

impl Share {
    /// Connections begun so far, where somebody counts them.
    fn connections(&self) -> u64 {
        match self {
            Self::Made(Some(traffic)) => traffic.connections(),
            Self::Made(None) | Self::Captured(_) => 0,
        }
    }
}

impl Source for Share {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        match self {
            Self::Made(Some(traffic)) => traffic.fill(chunk),
            Self::Made(None) => Supply::Ended,
            Self::Captured(replay) => replay.fill(chunk),
        }
    }
}

/// Packets, and how long each chunk of them took.
struct Stopwatch {
    share: Share,
    /// Connections that had begun when measuring did.
    connections: Option<u64>,
    /// What a round has to last.
    round: Duration,
    rounds: Vec<f64>,
    /// The present round.
    time: Duration,
    packets: u64,
    /// When the last measured chunk was full, and what it held.
    filled: Option<(Instant, u64)>,
}

impl Stopwatch {
    fn new(share: Share, round: Duration) -> Self {
        Self {
            share,
            connections: None,
            round,
            rounds: Vec::new(),
            time: Duration::ZERO,
            packets: 0,
            filled: None,
        }
    }

    /// Connections that began while it was measured.
    fn begun(&self) -> u64 {
        let now = self.share.connections();
        self.connections.map_or(0, |before| now - before)
    }

    /// A chunk is through.
    fn stop(&mut self) {
        let Some((filled, packets)) = self.filled.take() else {
            return;
        };
        self.time += filled.elapsed();
        self.packets += packets;
        if self.time >= self.round {
            self.rounds.push(nanoseconds_each(self.time, self.packets));
            (self.time, self.packets) = (Duration::ZERO, 0);
        }
    }
}

impl Source for Stopwatch {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        self.stop();
        let before = self.share.connections();
        let supply = self.share.fill(chunk);
        if supply == Supply::Measured {
            self.connections.get_or_insert(before);
            self.filled = Some((Instant::now(), chunk.len() as u64));
        }
        supply
    }
}

impl Measured {
    fn of<O>(summary: &Summary<Stopwatch, O>, workers: u16) -> Self {
        let shards = &summary.shards;
        let elapsed = longest(shards, |shard| shard.elapsed);
        let begun: u64 = shards.iter().map(|shard| shard.source.begun()).sum();
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let connections = if seconds > 0.0 {
            begun as f64 / seconds
        } else {
            0.0
        };
        let rounds = shards.iter().flat_map(|shard| &shard.source.rounds);
        Self {
            workers,
            counters: summary.measured.clone(),
            in_flight: summary.in_flight,
            nanoseconds_per_packet: summary.nanoseconds_per_packet(),
            packets_per_second: summary.packets_per_second(),
            connections_per_second: connections,
            elapsed,
            rounds: rounds.copied().collect(),
            latency: summary.latency(),
            longest_burst: longest(shards, |shard| shard.longest_burst),
            most_overdue: shards.iter().map(|shard| shard.most_overdue).sum(),
            changes: summary.changes.clone(),
            memory: shards.iter().map(|shard| shard.flow_memory).sum(),
            verified: None,
        }
    }
}

fn longest<O>(
    shards: &[ShardSummary<Stopwatch, O>],
    of: impl Fn(&ShardSummary<Stopwatch, O>) -> Duration,
) -> Duration {
    shards.iter().map(of).max().unwrap_or_default()
}

/// Nanoseconds for each of so many packets; 0 without packets.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn nanoseconds_each(time: Duration, packets: u64) -> f64 {
    if packets == 0 {
        return 0.0;
    }
    time.as_nanos() as f64 / packets as f64
}
