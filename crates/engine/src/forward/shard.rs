//! One shard at work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use control::Snapshot;
use crossbeam_utils::Backoff;
use dataplane::counters::Counters;
use dataplane::forward::shards::Shards;
use dataplane::forward::{Forwarder, Sink};
use dataplane::pipeline::{InFlight, Outcome};
use hdrhistogram::Histogram;

use super::change::{Place, Shared};
use super::exchange::Exchange;
use super::pace::Pace;
use super::records::Records;
use super::source::{Chunk, Source, Supply};
use super::summary::{ShardSummary, latencies};
use super::{Observer, Settings};
use crate::time::SimTime;

/// Batches of others that are taken between two bursts: enough to keep up with them, few enough to get on oneself.
const TAKEN_AT_ONCE: usize = 16;

/// A thread's worth of a run.
#[derive(Debug)]
pub(super) struct Shard<S, O> {
    own: u32,
    shared: Arc<Shared>,
    /// The snapshot that packets go by, and how many changes have led to it.
    snapshot: Arc<Snapshot>,
    changes: usize,
    forwarder: Forwarder,
    source: S,
    chunk: Chunk,
    side: Side<O>,
    /// The clock of flows. It never goes back, whatever sources and other shards say.
    now: SimTime,
    pace: Option<Pace>,
    duration: Option<Duration>,
    stopped: bool,
    measured: Option<Measured>,
    /// Waits a little longer each time in vain, then leaves the core to others: there may be more shards than cores.
    patience: Backoff,
}

/// What happens to packets beside the forwarder.
#[derive(Debug)]
struct Side<O> {
    exchange: Exchange,
    records: Records,
    observer: O,
    /// When the packets that are now under way entered, and the clock of flows.
    entered: Instant,
    now: SimTime,
    /// Packets whose life ended since anybody looked.
    settled: u64,
}

/// What a shard measures, from its first measured packet on.
#[derive(Debug)]
struct Measured {
    before: Counters,
    packets: u64,
    /// Filling left out.
    elapsed: Duration,
    /// Waiting left out too.
    busy: Duration,
    longest_burst: Duration,
    most_overdue: u64,
    latency: Histogram<u64>,
    /// After how many changes the first burst ended, and when.
    obeyed: Vec<(usize, Instant)>,
}

impl<O: Observer> Sink for Side<O> {
    #[inline]
    fn settled(&mut self, entering: Option<usize>, frame: &[u8], outcome: Outcome) {
        self.settled += 1;
        self.records.settled(outcome);
        self.observer.settled(entering, frame, outcome);
    }

    fn hand_over(&mut self, shard: u32, packet: InFlight) {
        self.exchange.push(shard, packet, self.entered, self.now);
    }
}

impl<S: Source, O: Observer> Shard<S, O> {
    pub(super) fn new(
        shared: Arc<Shared>,
        shards: Shards,
        exchange: Exchange,
        settings: &Settings,
        source: S,
        observer: O,
    ) -> Self {
        let (snapshot, changes) = shared.snapshot();
        let mut forwarder = Forwarder::new(settings.forwarder);
        let own = shards.own();
        let each = f64::from(shards.count());
        forwarder.join(shards);
        let mut records = Records::default();
        records.fit(&snapshot);
        Self {
            own,
            forwarder,
            source,
            chunk: Chunk::new(settings.pool_bytes, settings.longest_frame),
            side: Side {
                exchange,
                records,
                observer,
                entered: shared.began,
                now: SimTime::ZERO,
                settled: 0,
            },
            now: SimTime::ZERO,
            pace: settings
                .packets_per_second
                .and_then(|rate| Pace::new(rate / each)),
            duration: settings.duration,
            stopped: false,
            measured: None,
            patience: Backoff::new(),
            shared,
            snapshot,
            changes,
        }
    }

    /// Forwards until the input ends or somebody stops it, then until all shards are quiet.
    pub(super) fn run(mut self) -> ShardSummary<S, O> {
        let shared = Arc::clone(&self.shared);
        let _guard = AbortOnPanic(&shared);
        while !self.stopped {
            self.chunk.clear();
            match self.source.fill(&mut self.chunk) {
                Supply::Preparing if self.chunk.is_empty() => self.attend(),
                Supply::Preparing => self.forward(),
                Supply::Measured if !self.chunk.is_empty() => {
                    self.be_measuring();
                    self.forward();
                }
                Supply::Measured | Supply::Later => {
                    self.be_measuring();
                    self.attend();
                }
                Supply::Ended => break,
            }
            self.heed();
        }
        self.be_measuring();
        self.meet(Place::End);
        self.shared.end(self.own);
        self.summary()
    }

    /// Brings the packets of the chunk in, burst by burst.
    fn forward(&mut self) {
        let began = Instant::now();
        // Since when time counts, and how much of it was waiting.
        let mut mark = began;
        let mut waited = Duration::ZERO;
        let mut start = 0;
        while start < self.chunk.len() {
            self.heed();
            let (end, time) = self.chunk.burst(start);
            let before = mark;
            let Some(end) = self.admit(start, end, began, &mut mark) else {
                break;
            };
            if self.pace.is_some() {
                waited += mark - before;
            }
            if let Some(time) = time {
                self.now = self.now.max(time);
            }
            self.burst(start, end, &mut mark);
            start = end;
        }
        let elapsed = mark - began;
        if let Some(measured) = &mut self.measured {
            measured.elapsed += elapsed;
            measured.busy += elapsed.saturating_sub(waited);
        }
    }

    /// Waits until packets from `start` on may enter, and says up to which one; meanwhile it serves the other shards. `mark` moves on
    /// only if there was something to wait for. `None`: none of them will.
    fn admit(
        &mut self,
        start: usize,
        end: usize,
        began: Instant,
        mark: &mut Instant,
    ) -> Option<usize> {
        self.side.entered = *mark;
        loop {
            if self.stopped || self.is_time_up(*mark - began) {
                return None;
            }
            let served = self.serve();
            if !self.side.exchange.is_full() {
                match self.due(*mark - began) {
                    None => return Some(end),
                    Some((0, _)) => {}
                    Some((due, overdue)) => {
                        self.side.entered = mark.checked_sub(overdue).unwrap_or(began);
                        let due = usize::try_from(due).unwrap_or(usize::MAX);
                        return Some(end.min(start.saturating_add(due)));
                    }
                }
            }
            if served {
                self.patience.reset();
            } else {
                self.patience.snooze();
            }
            self.heed();
            *mark = Instant::now();
            self.side.entered = *mark;
        }
    }

    /// Packets that are to enter, and for how long the first of them has been; `None` = all there are.
    fn due(&mut self, in_chunk: Duration) -> Option<(u64, Duration)> {
        let (Some(pace), Some(measured)) = (&self.pace, &mut self.measured) else {
            return None;
        };
        let elapsed = measured.elapsed + in_chunk;
        let due = pace.due(elapsed);
        measured.most_overdue = measured.most_overdue.max(due);
        Some((due, elapsed.saturating_sub(pace.next())))
    }

    fn is_time_up(&mut self, in_chunk: Duration) -> bool {
        if let (Some(duration), Some(measured)) = (self.duration, &self.measured) {
            self.stopped |= measured.elapsed + in_chunk >= duration;
        }
        self.stopped
    }

    /// One burst of own packets.
    fn burst(&mut self, start: usize, end: usize, mark: &mut Instant) {
        let (frames, entering) = self.chunk.frames_and_entering();
        let entering = &entering[start..end];
        let packets = entering.len() as u64;
        for packet in entering {
            self.side.records.sent(packet.nic);
        }
        self.side.now = self.now;
        self.side.observer.begin(&self.snapshot, frames, entering);
        self.forwarder
            .burst(&self.snapshot, frames, entering, self.now, &mut self.side);
        self.pass_on();
        let ended = Instant::now();
        if let Some(measured) = &mut self.measured {
            measured.packets += packets;
            measured.longest_burst = measured.longest_burst.max(ended - *mark);
            if let Some(pace) = &mut self.pace {
                pace.enter(packets);
            }
        }
        self.record(ended);
        *mark = ended;
    }

    /// Takes what other shards have sent and passes on what waits for them; whether there was any.
    fn serve(&mut self) -> bool {
        if self.side.exchange.is_alone() {
            return false;
        }
        let entered = self.side.entered;
        let mut served = false;
        for _ in 0..TAKEN_AT_ONCE {
            let Some(mut batch) = self.side.exchange.receive() else {
                break;
            };
            served = true;
            self.now = self.now.max(batch.now);
            self.side.now = self.now;
            self.side.entered = batch.entered;
            self.side
                .observer
                .begin(&self.snapshot, self.chunk.frames_mut(), &[]);
            for packet in batch.packets.drain(..) {
                self.forwarder
                    .resume(&self.snapshot, packet, self.now, &mut self.side);
            }
            self.side.exchange.recycle(batch);
            self.pass_on();
            self.shared
                .publish_taken(self.own, self.forwarder.hand_overs());
            self.record(Instant::now());
        }
        if !served {
            served = self.pass_on();
        }
        self.side.entered = entered;
        served
    }

    /// Sends what other shards have room for; whether anything went.
    fn pass_on(&mut self) -> bool {
        if self.side.exchange.is_alone() {
            return false;
        }
        self.shared
            .publish_given(self.own, self.forwarder.hand_overs());
        self.side.exchange.flush()
    }

    /// Notes how long the packets took that have settled since the last time.
    fn record(&mut self, ended: Instant) {
        let settled = std::mem::take(&mut self.side.settled);
        let Some(measured) = &mut self.measured else {
            return;
        };
        if settled > 0 {
            let latency = ended.saturating_duration_since(self.side.entered);
            let latency = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            measured.latency.saturating_record_n(latency, settled);
        }
        self.obey(ended);
    }

    /// What could be done under the present snapshot has been done: packets went by it, or there were none.
    #[inline]
    fn obey(&mut self, ended: Instant) {
        if let Some(measured) = &mut self.measured
            && measured
                .obeyed
                .last()
                .is_none_or(|&(last, _)| last < self.changes)
        {
            measured.obeyed.push((self.changes, ended));
            self.shared.publish_obeyed(self.own, self.changes);
        }
    }

    /// Nothing to bring in at the moment: serves the others.
    fn attend(&mut self) {
        let began = Instant::now();
        if self.serve() {
            if let Some(measured) = &mut self.measured {
                let busy = began.elapsed();
                measured.elapsed += busy;
                measured.busy += busy;
            }
            self.patience.reset();
        } else {
            self.patience.snooze();
            self.obey(began);
        }
    }

    /// Looks whether somebody wants something: once a burst.
    #[inline]
    fn heed(&mut self) {
        let signal = self.shared.signal();
        self.stopped |= signal.stops();
        if signal.changes() != self.changes {
            self.adopt();
        }
    }

    #[cold]
    fn adopt(&mut self) {
        (self.snapshot, self.changes) = self.shared.snapshot();
        self.side.records.fit(&self.snapshot);
    }

    /// Waits until all shards have come here and nothing is under way between them.
    fn meet(&mut self, place: Place) {
        self.shared.arrive(place);
        while !self.shared.is_quiet(place) && !self.shared.signal().aborts() {
            self.heed();
            self.side.entered = Instant::now();
            if self.serve() {
                self.patience.reset();
            } else {
                self.patience.snooze();
            }
        }
        // Who goes on first may give packets to those that have not noticed yet.
        self.shared.leave(place);
        while !self.shared.have_all_left(place) && !self.shared.signal().aborts() {
            self.patience.snooze();
        }
    }

    /// From now on packets count; before the first of any shard does, nothing of what prepares is under way in any.
    fn be_measuring(&mut self) {
        if self.measured.is_none() {
            self.meet(Place::Start);
            self.side.records.clear();
            self.measured = Some(Measured::since(self.forwarder.counters()));
        }
    }

    fn summary(self) -> ShardSummary<S, O> {
        let counters = self.forwarder.counters().clone();
        let hand_overs = self.forwarder.hand_overs();
        let measured = self.measured.expect("a shard measures before it ends");
        ShardSummary {
            measured: counters.since(&measured.before),
            counters,
            hand_overs,
            packets: measured.packets,
            elapsed: measured.elapsed,
            busy: measured.busy,
            longest_burst: measured.longest_burst,
            most_overdue: measured.most_overdue,
            latency: measured.latency,
            flow_memory: self.forwarder.memory(),
            source: self.source,
            observer: self.side.observer,
            records: self.side.records,
            obeyed: measured.obeyed,
        }
    }
}

impl Measured {
    fn since(before: &Counters) -> Self {
        Self {
            before: before.clone(),
            packets: 0,
            elapsed: Duration::ZERO,
            busy: Duration::ZERO,
            longest_burst: Duration::ZERO,
            most_overdue: 0,
            latency: latencies(),
            obeyed: Vec::new(),
        }
    }
}

/// Whoever waits for a shard that has panicked would wait for ever.
struct AbortOnPanic<'a>(&'a Shared);

impl Drop for AbortOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abort();
        }
    }
}
