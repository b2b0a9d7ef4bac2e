//! How what has ended is forgotten, and what counts toward the limit of a NIC (S-8, S-21).

use model::NicId;

use super::{FusedFlows, expand, span_of};
use crate::faults::{Fault, planted};
use crate::flow::entry::{Entries, Entry};
use crate::flow::key::{Course, FlowKey};
use crate::flow::pair::{LINGER, Pair, Tick, ticks};
use crate::flow::program::Programs;
use crate::flow::strays::Strays;
use crate::time::SimTime;

/// Slots that the sweep looks at for each new entry, beside one for each packet. A slot in four holds an entry that has ended when as
/// many go as come; with two, a table of flows that never return would grow for ever.
const SWEPT_FOR_ONE: usize = 4;

/// How many pairs a NIC may have (S-8).
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) pairs: u32,
    /// Pairs of each NIC, those that have expired and not been noticed included.
    pub(super) counts: Vec<u32>,
    /// No pair expires earlier: before, it is no use to look.
    pub(super) earliest: SimTime,
}

impl Limit {
    pub(super) fn count(&self, nic: NicId) -> u32 {
        self.counts.get(nic.get() as usize).copied().unwrap_or(0)
    }

    pub(super) fn claim(&mut self, nic: NicId) {
        let position = nic.get() as usize;
        if self.counts.len() <= position {
            self.counts.resize(position + 1, 0);
        }
        self.counts[position] += 1;
    }

    pub(super) fn release(&mut self, nic: NicId) {
        if planted(Fault::LimitNotReleased) {
            return;
        }
        if let Some(count) = self.counts.get_mut(nic.get() as usize) {
            *count = count.saturating_sub(1);
        }
    }

    /// A pair expires after this moment, unless it is refreshed.
    pub(super) fn note(&mut self, expires: SimTime) {
        self.earliest = self.earliest.min(expires);
    }
}

/// Whether no pair of an entry lives.
#[inline]
pub(super) fn has_ended(programs: &Programs, entry: &Entry, now: Tick) -> bool {
    let age = now
        .since(entry.seen(Course::Up))
        .min(now.since(entry.seen(Course::Down)));
    let [up, down] = entry.programs().map(|number| programs.hot(number));
    let mut idle = up.longest_idle.max(down.longest_idle);
    if planted(Fault::SweptTooEarly) {
        idle = up.idle.max(down.idle);
    }
    // Chosen, not branched to: the sweep meets both in no order.
    let span = if entry.is_closed() {
        ticks(LINGER)
    } else {
        idle
    };
    age > span
}

impl FusedFlows {
    /// Time goes on: looks at the next slots and forgets what has expired.
    pub(crate) fn sweep(&mut self, packets: usize, now: SimTime) {
        let slots = packets + SWEPT_FOR_ONE * self.entries.take_inserted();
        self.entries.prepare();
        let jump = now - std::mem::replace(&mut self.now, now);
        if planted(Fault::PauseWraps) {
            self.swept = now;
        } else if jump > span_of(u32::MAX / 2) {
            self.forget_all(now);
        } else if now - self.swept > span_of(u32::MAX / 2) {
            self.forget_expired(now);
        }
        // Nothing ends within a linger of being looked at, or soon after: the next round can wait.
        if self.resting {
            if now - self.swept <= LINGER {
                return;
            }
            self.resting = false;
            self.swept = now;
        }
        self.resting = self.sweep_entries(slots, Tick::of(now));
        if !self.strays.is_empty() {
            let limit = &mut self.limit;
            self.strays.sweep(slots, Tick::of(now), |pair| {
                if let Some(limit) = limit {
                    limit.release(pair.nic);
                }
            });
        }
    }

    fn sweep_entries(&mut self, slots: usize, now: Tick) -> bool {
        let Self {
            entries,
            programs,
            limit,
            ..
        } = self;
        entries.sweep(
            slots,
            |entry| has_ended(programs, entry, now),
            |entry| {
                let Some(limit) = limit else { return };
                let mut pairs = Vec::new();
                expand(programs, &entry, &mut pairs);
                for pair in pairs {
                    limit.release(pair.nic);
                }
            },
        )
    }

    /// Nothing lives as long as time has jumped.
    #[cold]
    fn forget_all(&mut self, now: SimTime) {
        self.entries = Entries::with_room(self.entries.len());
        self.strays = Strays::default();
        if let Some(limit) = &mut self.limit {
            limit.counts.clear();
            limit.earliest = SimTime::MAX;
        }
        self.swept = now;
    }

    /// Forgets everything that has expired.
    #[cold]
    fn forget_expired(&mut self, now: SimTime) {
        let tick = Tick::of(now);
        // Of an entry some pairs may have expired: they have to be told apart.
        let split: Vec<FlowKey> = self
            .entries
            .iter()
            .filter(|entry| {
                let mut pairs = Vec::new();
                expand(&self.programs, entry, &mut pairs);
                pairs.iter().any(|pair| !pair.lives(tick)) || has_ended(&self.programs, entry, tick)
            })
            .map(Entry::key)
            .collect();
        let mut pairs = Vec::new();
        for key in split {
            if let Some(position) = self.entries.find(key, key.hash()) {
                let entry = self.entries.remove(position);
                expand(&self.programs, &entry, &mut pairs);
                if !pairs.is_empty() {
                    self.strays.put(key, &mut pairs);
                }
            }
        }
        let limit = &mut self.limit;
        self.strays.sweep(usize::MAX, tick, |pair| {
            if let Some(limit) = limit {
                limit.release(pair.nic);
            }
        });
        self.swept = now;
        let Some(limit) = &mut self.limit else {
            return;
        };
        let mut remaining = u32::MAX;
        let mut look = |pair: &Pair| {
            remaining = remaining.min(pair.span() - tick.since(pair.seen).min(pair.span()));
        };
        self.strays.iter().for_each(&mut look);
        self.current.pairs.iter().for_each(&mut look);
        let mut pairs = Vec::new();
        for entry in self.entries.iter() {
            expand(&self.programs, entry, &mut pairs);
            pairs.drain(..).for_each(|pair| look(&pair));
        }
        limit.earliest = match remaining {
            u32::MAX => SimTime::MAX,
            _ => now + span_of(remaining),
        };
    }

    /// Whether a NIC may have one more pair; what has expired is forgotten when it comes to it.
    pub(super) fn has_room(&mut self, nic: NicId, now: SimTime) -> bool {
        let Some(limit) = &self.limit else {
            return true;
        };
        if limit.count(nic) < limit.pairs {
            return true;
        }
        if now <= limit.earliest || planted(Fault::LimitNotLookedAt) {
            return false;
        }
        self.forget_expired(now);
        self.limit
            .as_ref()
            .is_some_and(|limit| limit.count(nic) < limit.pairs)
    }
}
