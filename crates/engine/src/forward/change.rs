//! What all shards look at: the present snapshot, whether to stop, and how far the others are.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use control::Snapshot;
use crossbeam_utils::CachePadded;
use dataplane::forward::shards::{HandOvers, Shards};

/// Set in [`Shared::signal`] when the run is to end.
const STOP: u64 = 1;
/// Set when a shard has panicked: nobody waits for anybody any more.
const ABORT: u64 = 2;
/// What counts the changes in it.
const ONE_CHANGE: u64 = 4;

/// What the shards and the controllers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) began: Instant,
    shards: Shards,
    /// Two flags and the number of changes, in one word that a shard reads once a burst.
    signal: CachePadded<AtomicU64>,
    current: Mutex<Current>,
    /// By shard: packets given to and taken from others.
    progress: Box<[CachePadded<Progress>]>,
    /// Where all shards wait for each other: before the first measured packet, and at the end.
    meetings: [CachePadded<Meeting>; 2],
    over: AtomicU32,
}

#[derive(Debug)]
struct Current {
    snapshot: Arc<Snapshot>,
    changes: Vec<Given>,
    /// Snapshots that some shard may still read: whoever lets the last one go frees it, and that shall be no shard.
    retired: Vec<Arc<Snapshot>>,
}

/// A change that the shards were given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) generation: u32,
    /// When somebody asked for it.
    pub(super) called: Instant,
    /// When the shards could see it.
    pub(super) visible: Instant,
}

#[derive(Debug, Default)]
struct Progress {
    given: AtomicU64,
    taken: AtomicU64,
    /// How many changes it goes by.
    obeyed: AtomicUsize,
}

#[derive(Debug, Default)]
struct Meeting {
    /// Shards that take nothing new in until all have met.
    arrived: AtomicU32,
    /// All have, and nothing is under way between them.
    quiet: AtomicBool,
    /// Shards that know it.
    left: AtomicU32,
}

/// One of the two meetings of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first measured packet.
    Start,
    /// When all input has ended.
    End,
}

/// What a shard has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal(u64);

impl Signal {
    /// How many changes there were.
    pub(super) fn changes(self) -> usize {
        usize::try_from(self.0 / ONE_CHANGE).unwrap_or(usize::MAX)
    }

    /// No new packets are wanted.
    pub(super) fn stops(self) -> bool {
        self.0 & (STOP | ABORT) != 0
    }

    /// Nobody waits for anybody.
    pub(super) fn aborts(self) -> bool {
        self.0 & ABORT != 0
    }
}

impl Shared {
    pub(super) fn new(snapshot: Arc<Snapshot>, shards: Shards) -> Self {
        Self {
            began: Instant::now(),
            signal: CachePadded::default(),
            current: Mutex::new(Current {
                snapshot,
                changes: Vec::new(),
                retired: Vec::new(),
            }),
            progress: (0..shards.count())
                .map(|_| CachePadded::default())
                .collect(),
            meetings: Default::default(),
            over: AtomicU32::new(0),
            shards,
        }
    }

    /// One relaxed load: what it announces is read under the lock.
    #[inline]
    pub(super) fn signal(&self) -> Signal {
        Signal(self.signal.load(Ordering::Relaxed))
    }

    /// The present snapshot, and how many changes have led to it.
    pub(super) fn snapshot(&self) -> (Arc<Snapshot>, usize) {
        let current = self.current();
        (Arc::clone(&current.snapshot), current.changes.len())
    }

    pub(super) fn changes(&self) -> Vec<Given> {
        self.current().changes.clone()
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn abort(&self) {
        self.signal.fetch_or(ABORT, Ordering::Relaxed);
    }

    /// A shard tells how many packets it has given. It must do so before anybody else can see these packets.
    #[inline]
    pub(super) fn publish_given(&self, shard: u32, hand_overs: HandOvers) {
        let progress = &self.progress[shard as usize];
        progress.given.store(hand_overs.given, Ordering::Release);
    }

    /// A shard tells how many packets it has taken and brought to an end, or given on and told so.
    #[inline]
    pub(super) fn publish_taken(&self, shard: u32, hand_overs: HandOvers) {
        let progress = &self.progress[shard as usize];
        progress.taken.store(hand_overs.taken, Ordering::Release);
    }

    /// A shard takes nothing new in any more until all have met.
    pub(super) fn arrive(&self, place: Place) {
        self.meeting(place).arrived.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether all shards have arrived and no packet is under way between them.
    ///
    /// Every packet under way is counted as given and not yet as taken. All of `taken` is read before all of `given`, and both only
    /// grow: if the sums are equal, nothing was under way between the two readings, and who has arrived begins nothing.
    pub(super) fn is_quiet(&self, place: Place) -> bool {
        let meeting = self.meeting(place);
        if meeting.quiet.load(Ordering::Acquire) {
            return true;
        }
        if meeting.arrived.load(Ordering::Acquire) < self.shards.count() {
            return false;
        }
        let read = |count: fn(&Progress) -> &AtomicU64| -> u64 {
            let progress = self.progress.iter();
            progress.map(|one| count(one).load(Ordering::Acquire)).sum()
        };
        let taken = read(|progress| &progress.taken);
        let given = read(|progress| &progress.given);
        let quiet = taken == given;
        if quiet {
            meeting.quiet.store(true, Ordering::Release);
        }
        quiet
    }

    /// A shard has noticed that the meeting is quiet, and touches no packet until all have.
    pub(super) fn leave(&self, place: Place) {
        self.meeting(place).left.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn have_all_left(&self, place: Place) -> bool {
        self.meeting(place).left.load(Ordering::Acquire) >= self.shards.count()
    }

    fn meeting(&self, place: Place) -> &Meeting {
        &self.meetings[match place {
            Place::Start => 0,
            Place::End => 1,
        }]
    }

    /// A shard has gone by the snapshot to which so many changes have led.
    pub(super) fn publish_obeyed(&self, shard: u32, changes: usize) {
        let progress = &self.progress[shard as usize];
        progress.obeyed.store(changes, Ordering::Release);
    }

    /// A shard is done: whatever changes, no packet of it will disobey.
    pub(super) fn end(&self, shard: u32) {
        self.publish_obeyed(shard, usize::MAX);
        self.over.fetch_add(1, Ordering::Release);
    }
}

/// Changes and stops a run, from any thread.
#[derive(Clone, Debug)]
pub struct Controller {
    shared: Arc<Shared>,
}

/// Why a run does not take a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The flow tables tell old from new by the generation.
    #[error("generation {0} of the network is not newer than the one that packets go by")]
    NotNewer(u32),
    /// Another set of addresses is translated, so conversations would belong to other shards, which do not remember them.
    #[error("translations have changed: a run with several workers cannot follow that")]
    MovesConversations,
}

impl Controller {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Gives all shards another snapshot. Each goes by it from its next burst on; nothing is lost, and flows are remembered (S-22).
    /// `called` is when somebody asked for the change, before the snapshot was compiled: [`Change`](super::Change) tells how long it was
    /// from there to the first packets that obey.
    ///
    /// # Errors
    /// The snapshot cannot be taken, and everything stays as it was.
    pub fn change(&self, called: Instant, snapshot: Arc<Snapshot>) -> Result<(), Refused> {
        let shared = &self.shared;
        let workers = shared.shards.count();
        if !Shards::new(&snapshot, workers).agree_with(&shared.shards) {
            return Err(Refused::MovesConversations);
        }
        let mut current = shared.current();
        let generation = snapshot.generation;
        if generation <= current.snapshot.generation {
            return Err(Refused::NotNewer(generation));
        }
        let old = std::mem::replace(&mut current.snapshot, snapshot);
        current.retired.retain(|held| Arc::strong_count(held) > 1);
        current.retired.push(old);
        current.changes.push(Given {
            generation,
            called,
            visible: Instant::now(),
        });
        shared.signal.fetch_add(ONE_CHANGE, Ordering::Relaxed);
        Ok(())
    }

    /// Whether every shard goes by the last snapshot that was given: it has brought packets through under it, or has none.
    pub fn is_obeyed(&self) -> bool {
        let given = self.shared.signal().changes();
        let mut progress = self.shared.progress.iter();
        progress.all(|shard| shard.obeyed.load(Ordering::Acquire) >= given)
    }

    /// Ends the run: no new packets are taken in, those under way come to their end.
    pub fn stop(&self) {
        self.shared.signal.fetch_or(STOP, Ordering::Relaxed);
    }

    /// Whether all shards have ended.
    pub fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Acquire) >= self.shared.shards.count()
            || self.shared.signal().aborts()
    }
}
