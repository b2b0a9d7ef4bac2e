//! What a run has come to, and the proof that no packet got lost.

use std::time::{Duration, Instant};

use dataplane::counters::{Counters, NotConserved};
use dataplane::forward::shards::HandOvers;
use hdrhistogram::Histogram;
use model::NicId;

use super::change::{Given, Shared};
use super::records::{NicRecord, Records};

/// The longest latency that is told apart, in nanoseconds: an hour. Longer ones count as this.
const LONGEST: u64 = 3_600_000_000_000;

/// What a run has come to. Every packet is accounted for.
#[derive(Debug)]
pub struct Summary<S, O> {
    /// Of all shards and the whole run, preparing packets included.
    pub counters: Counters,
    /// The measured part alone.
    pub measured: Counters,
    /// Packets under way between shards at the end: none, unless a shard has failed.
    pub in_flight: u64,
    /// By shard.
    pub shards: Vec<ShardSummary<S, O>>,
    /// Snapshots that the run was given, in order.
    pub changes: Vec<Change>,
}

/// What a shard has come to.
#[derive(Debug)]
pub struct ShardSummary<S, O> {
    /// Of the whole run. Packets that changed shard are counted as made where they entered, and by what became of them where they ended.
    pub counters: Counters,
    /// Of the measured part.
    pub measured: Counters,
    /// Packets that changed shard, in the whole run.
    pub hand_overs: HandOvers,
    /// Measured packets that entered here.
    pub packets: u64,
    /// Time from the first measured packet on, without that in which the source filled chunks.
    pub elapsed: Duration,
    /// The same without waiting for the moment at which a packet was to enter (open loop).
    pub busy: Duration,
    /// The longest that a burst took.
    pub longest_burst: Duration,
    /// Most packets that were to enter (open loop) and had not, at any moment: what a receive ring would have had to hold.
    pub most_overdue: u64,
    /// Nanoseconds from entry to end, of all measured packets that ended here: those of a burst have one time. In open loop, from the moment
    /// at which the first of the burst was *to* enter.
    pub latency: Histogram<u64>,
    /// Bytes of flow state at the end.
    pub flow_memory: usize,
    /// Its source.
    pub source: S,
    /// Its observer.
    pub observer: O,
    pub(super) records: Records,
    pub(super) obeyed: Vec<(usize, Instant)>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Generation of the snapshot.
    pub generation: u32,
    /// From the call until the shards were given the snapshot: compiling it is in there.
    pub given: Duration,
    /// From the call until the first packets were through that obey it; `None` if the run ended before.
    pub first: Option<Duration>,
    /// From the call until that was so in every shard.
    pub all: Option<Duration>,
}

/// An empty histogram of nanoseconds, with three significant digits.
pub(super) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds that a histogram can have")
}

impl<S, O> Summary<S, O> {
    pub(super) fn of(
        shards: Vec<ShardSummary<S, O>>,
        shared: &Shared,
    ) -> Result<Self, NotConserved> {
        let (mut counters, mut measured) = (Counters::default(), Counters::default());
        let (mut given, mut taken) = (0, 0);
        for shard in &shards {
            counters += &shard.counters;
            measured += &shard.measured;
            given += shard.hand_overs.given;
            taken += shard.hand_overs.taken;
        }
        // Nothing may be under way at the end; a negative number could not be told either.
        let in_flight = u64::saturating_sub(given, taken);
        counters.check(in_flight)?;
        measured.check(in_flight)?;
        let changes = shared.changes();
        let changes = (1..)
            .zip(&changes)
            .map(|(number, change)| change_of(number, change, &shards))
            .collect();
        Ok(Self {
            counters,
            measured,
            in_flight,
            shards,
            changes,
        })
    }

    /// Measured packets that entered.
    pub fn packets(&self) -> u64 {
        self.shards.iter().map(|shard| shard.packets).sum()
    }

    /// Measured time that all shards together were busy, in nanoseconds, by the packets that entered: with one shard, the time a packet;
    /// with several, the wall time × shards ÷ packets.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn nanoseconds_per_packet(&self) -> f64 {
        let busy: Duration = self.shards.iter().map(|shard| shard.busy).sum();
        busy.as_nanos() as f64 / self.packets().max(1) as f64
    }

    /// Measured packets that entered a second, all shards together.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn packets_per_second(&self) -> f64 {
        let rates = self.shards.iter().filter(|shard| !shard.elapsed.is_zero());
        rates
            .map(|shard| shard.packets as f64 / shard.elapsed.as_secs_f64())
            .sum()
    }

    /// Latency of all measured packets, in nanoseconds.
    pub fn latency(&self) -> Histogram<u64> {
        let mut all = latencies();
        for shard in &self.shards {
            all += &shard.latency;
        }
        all
    }

    /// What each NIC has done in the measured part, summed over the shards, in the order of their ids.
    pub fn nics(&self) -> Vec<(NicId, NicRecord)> {
        let mut sum = Records::default();
        for shard in &self.shards {
            sum.add(&shard.records);
        }
        sum.met()
    }
}

fn change_of<S, O>(number: usize, change: &Given, shards: &[ShardSummary<S, O>]) -> Change {
    // A shard may go from one snapshot to the one after the next: then it obeys both at once.
    let moments = shards.iter().map(|shard| {
        let first = shard
            .obeyed
            .partition_point(|&(changes, _)| changes < number);
        let &(_, moment) = shard.obeyed.get(first)?;
        Some(moment.saturating_duration_since(change.called))
    });
    let known: Vec<Option<Duration>> = moments.collect();
    Change {
        generation: change.generation,
        given: change.visible.saturating_duration_since(change.called),
        first: known.iter().copied().flatten().min(),
        all: known
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().max()),
    }
}
