//! The driver in the host's own time: as many packets as the machine can carry, every one accounted for.
//!
//! A **shard** is a thread that owns a [`Forwarder`](dataplane::forward::Forwarder): the memory of all NICs for the conversations that
//! belong to it ([`dataplane::forward::shards`]), so that a packet's whole way is on one core. A NIC is a record a shard; the records are
//! summed when read. Where addresses are translated, packets change shard in batches, over bounded channels ([`exchange`]). No queue
//! is without a bound, and no cycle of shards can block: who cannot pass packets on takes no new ones in, but goes on taking those of
//! the others.
//!
//! A shard asks its [`Source`] for a chunk of packets, which is not timed, and forwards them in bursts, which is. Before every burst it
//! looks whether somebody has another snapshot for it ([`Controller::change`]): changes take effect between bursts, and no packet is
//! lost to them. What becomes of packets an [`Observer`] is told. At the end of every run all shards together must account for every
//! packet; else there is no [`Summary`].
//!
//! ```text
//! Source ──fill──▶ Chunk ──bursts──▶ Forwarder ──settled──▶ records, latency, Observer
//!                                      │    ▲
//!                               hand_over  resume
//!                                      ▼    │
//!                                   the other shards
//! ```
//!
//! It does not know where packets come from, or how results are printed.

mod change;
pub mod exchange;
mod feed;
mod pace;
mod records;
mod shard;
mod source;
mod summary;
mod verify;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use control::Snapshot;
use dataplane::counters::NotConserved;
use dataplane::forward::shards::Shards;
use dataplane::forward::{self as core, Entering, Frames};
use dataplane::pipeline::Outcome;

pub use self::change::{Controller, Refused};
pub use self::feed::{Feed, FeedSource, RunOver, feeds};
pub use self::records::{NicRecord, Records};
pub use self::source::{Chunk, Replay, Source, Supply};
pub use self::summary::{Change, ShardSummary, Summary};
pub use self::verify::{Fault, Verify};
pub use hdrhistogram::Histogram;

use self::change::Shared;
use self::shard::Shard;

/// How a run is to be made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shards, each a thread; 0 counts as 1.
    pub workers: u32,
    /// Ties each shard to a core of its own, where the system allows it and has as many.
    pub pinned: bool,
    /// Flow tables of each shard. A limit of flows per NIC is exact only where one shard sees them all.
    pub forwarder: core::Settings,
    /// Longest frame in bytes, Ethernet header included; longer ones are cut off.
    pub longest_frame: u16,
    /// Bytes of the frames of a chunk, rounded down to whole frames, at least one.
    pub pool_bytes: usize,
    /// How long each shard forwards measured packets (filling not counted); `None`: until its source ends or somebody stops the run.
    pub duration: Option<Duration>,
    /// Packets a second that all shards together take in, at even intervals; `None`: as fast as possible.
    pub packets_per_second: Option<f64>,
    /// Batches that wait for a shard before their senders have to keep them.
    pub channel_batches: usize,
    /// Packets that a shard keeps for others before it takes no new ones in.
    pub outbox_packets: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 1,
            pinned: false,
            forwarder: core::Settings::default(),
            longest_frame: 1514,
            pool_bytes: 256 * 1024,
            duration: None,
            packets_per_second: None,
            channel_batches: 64,
            outbox_packets: 4096,
        }
    }
}

/// Watches a shard. Everything it does is part of the measured time.
pub trait Observer: Send {
    /// The next packets are judged by `snapshot`: those of `entering`, whose frames nobody has touched yet, or, if it is empty, some
    /// that another shard has handed over.
    #[inline]
    fn begin(&mut self, snapshot: &Arc<Snapshot>, frames: &Frames, entering: &[Entering]) {
        let _ = (snapshot, frames, entering);
    }

    /// A packet's life is over. `entering` is its position among those of the last [`begin`](Observer::begin); `None` if it came into
    /// being on the way or was handed over.
    fn settled(&mut self, entering: Option<usize>, frame: &[u8], outcome: Outcome);
}

/// Nobody watches.
impl Observer for () {
    #[inline]
    fn settled(&mut self, _: Option<usize>, _: &[u8], _: Outcome) {}
}

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Each shard would count for itself.
    #[error("a limit of flows per NIC needs a run with one worker, not {0}")]
    LimitNeedsOneWorker(u32),
    /// No thread.
    #[error("a worker's thread cannot be started")]
    Thread(#[from] io::Error),
}

/// A run that goes on in its own threads.
#[derive(Debug)]
pub struct Run<S, O> {
    controller: Controller,
    threads: Vec<JoinHandle<ShardSummary<S, O>>>,
}

/// Starts the shards. `station` makes the source and the observer of each, and is told what belongs to it: packets that a source puts
/// into another shard than their own are handed over, which costs time but loses nothing.
pub fn start<S, O>(
    snapshot: Arc<Snapshot>,
    settings: &Settings,
    mut station: impl FnMut(&Shards) -> (S, O),
) -> Result<Run<S, O>, StartError>
where
    S: Source + 'static,
    O: Observer + 'static,
{
    let workers = settings.workers.max(1);
    if workers > 1 && settings.forwarder.flow_limit.is_some() {
        return Err(StartError::LimitNeedsOneWorker(workers));
    }
    let shards = Shards::new(&snapshot, workers);
    let shared = Arc::new(Shared::new(snapshot, shards.clone()));
    let mut run = Run {
        controller: Controller::new(Arc::clone(&shared)),
        threads: Vec::new(),
    };
    let exchanges = exchange::between(workers, settings.channel_batches, settings.outbox_packets);
    for (own, exchange) in (0..).zip(exchanges) {
        let shards = shards.seen_from(own);
        let (source, observer) = station(&shards);
        let worker = Shard::new(
            Arc::clone(&shared),
            shards,
            exchange,
            settings,
            source,
            observer,
        );
        let pinned = settings.pinned;
        let thread = std::thread::Builder::new()
            .name(format!("shard {own}"))
            .spawn(move || {
                if pinned {
                    pin(own);
                }
                worker.run()
            });
        match thread {
            Ok(thread) => run.threads.push(thread),
            Err(error) => {
                shared.abort(); // those that have begun wait for the missing one
                return Err(StartError::Thread(error));
            }
        }
    }
    Ok(run)
}

impl<S, O> Run<S, O> {
    /// What changes and stops the run from other threads.
    pub fn controller(&self) -> Controller {
        self.controller.clone()
    }

    /// Waits until all sources have ended, the time is over or somebody has stopped the run, and until every packet has come to its end.
    ///
    /// # Errors
    /// A fault of the simulator: packets appeared or vanished.
    pub fn finish(self) -> Result<Summary<S, O>, NotConserved> {
        let mut shards = Vec::with_capacity(self.threads.len());
        for thread in self.threads {
            match thread.join() {
                Ok(summary) => shards.push(summary),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Summary::of(shards, self.controller.shared())
    }
}

/// Ties the calling thread to the core with this number among those that the process may use. A run is as right without.
#[cfg(target_os = "linux")]
pub fn pin(number: u32) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    if let Some(core) = cores.nth(number as usize) {
        let mut only = CpuSet::new();
        only.set(core);
        let _ = sched_setaffinity(None, &only); // refused in some containers
    }
}

#[cfg(not(target_os = "linux"))]
pub fn pin(_: u32) {}
