//! From the pairs at the visits of a packet to one entry, if they are alike.

use control::Snapshot;
use model::{Direction, NicId};

use super::{Arrival, Conversation, FusedFlows, Opposite, by_course, expand};
use crate::answers::is_chosen_by_addresses;
use crate::faults::{Fault, planted};
use crate::flow::entry::{Entry, Fused, ProgramId};
use crate::flow::key::{Course, FlowKey};
use crate::flow::pair::{Life, Pair, Tick};
use crate::flow::program::{Place, Programs, Stop, StopTerms};
use crate::flow::trodden::Walked;
use crate::flow::way::Kept;
use crate::packet::protocol;
use crate::recorder::Visit;

impl FusedFlows {
    /// Makes one entry of the pairs at these visits, and of those that only the opposite course passes, if they are alike.
    pub(super) fn fuse(
        &mut self,
        snapshot: &Snapshot,
        visits: &[(Visit, Kept)],
        arrival: Arrival,
        now: Tick,
    ) -> Option<()> {
        let Self {
            current, program, ..
        } = self;
        let course = current.course;
        let generation = snapshot.generation;
        program.generation = generation;
        program.to_service = arrival == Arrival::Service;
        program.stops.clear();
        let mut passed = Chosen::default();
        let mut pattern: Option<Pair> = None;
        let last = visits.len() - 1;
        for (position, &(visit, kept)) in visits.iter().enumerate() {
            let terms = if kept == Kept::Nothing {
                None
            } else {
                let leaves = course.leaving(visit.direction);
                let number = current.position(visit.nic, leaves)?;
                let pair = current.pairs[number];
                passed.choose(number)?;
                if pair.life.closed
                    || !(pattern.get_or_insert(pair).is_like(&pair) || planted(Fault::LivesMixed))
                {
                    return None;
                }
                Some(StopTerms {
                    admitted_in: if planted(Fault::AdmittedAnew) {
                        generation
                    } else {
                        pair.admitted_in
                    },
                    idle: pair.idle,
                })
            };
            program.stops.push(Stop {
                place: match position {
                    0 => Place::Start,
                    _ if position == last => Place::End,
                    _ => Place::Via(visit.nic),
                },
                direction: visit.direction,
                terms,
            });
        }
        let (start, end) = (visits[0].0.nic, visits[last].0.nic);
        let ends = match course {
            Course::Up => [start, end],
            Course::Down => [end, start],
        };
        if self.programs.is_full() && !self.make_room_for_programs(generation) {
            return None; // all of them are in use: the pairs stay strays
        }
        let number = self.programs.number_of(&self.program);
        let current = &mut self.current;
        let mut fused = Fused {
            initiator: pattern
                .filter(|_| !planted(Fault::InitiatorLost))
                .map_or(course, |pair| pair.initiator),
            icmp_type: pattern.and_then(|pair| pair.icmp_type),
            fins: pattern.map_or([false; 2], |pair| pair.life.fins),
            asymmetric: false,
            programs: by_course(course, number, 0),
            seen: [now; 2],
            ends,
        };
        if fused.icmp_type.is_none() && current.key.protocol == protocol::ICMP && pattern.is_some()
        {
            return None;
        }
        if let Some(opposite) = current
            .opposite
            .take_if(|opposite| opposite.ends == ends || planted(Fault::EndNotCompared))
        {
            if self.programs.are_mates(number, opposite.program)
                || planted(Fault::CoursesNotCompared)
            {
                fused.programs = by_course(course, number, opposite.program);
            } else if let Some(both) =
                current.with_opposite(&self.programs, opposite, passed, pattern)
            {
                passed = both;
                fused.asymmetric = true;
                fused.programs = by_course(course, number, opposite.program);
                fused.seen = by_course(course, now, opposite.seen);
            }
        }
        let entry = Entry::new(current.key, fused)?;
        current.keep(|number| !passed.has(number));
        self.entries.insert(entry, current.key.hash());
        let known = Walked::known(fused.initiator, course);
        self.note_trails(snapshot, visits, [start, end], known, number);
        Some(())
    }

    /// Others of the same addresses may follow on the way that a packet has just gone. `known`: whose packet it was, if not a first one.
    fn note_trails(
        &mut self,
        snapshot: &Snapshot,
        visits: &[(Visit, Kept)],
        ends: [NicId; 2],
        known: Walked,
        number: ProgramId,
    ) {
        let Conversation { key, course, .. } = self.current;
        let destination = self.current.tuple.destination;
        let by_addresses = visits.iter().all(|&(visit, _)| {
            visit.direction == Direction::Inbound
                || is_chosen_by_addresses(snapshot, visit.nic, destination)
        });
        for walked in [Walked::New, Walked::Asking, Walked::Answering] {
            let fits = |kept| match walked {
                _ if kept == Kept::Nothing => true,
                Walked::New => kept == Kept::New,
                Walked::Asking | Walked::Answering => kept == Kept::Known && walked == known,
            };
            if visits.iter().all(|&(_, kept)| fits(kept)) {
                self.trodden
                    .note(key, course, ends, walked, number, by_addresses);
            }
        }
    }

    /// Tries it once a generation: it looks at every entry.
    #[cold]
    fn make_room_for_programs(&mut self, generation: u32) -> bool {
        if self.dropped_in != generation {
            self.dropped_in = generation;
            self.drop_unused_programs();
        }
        !self.programs.is_full()
    }

    /// Numbers of programs are given once: an entry may hold one long after its way is gone. When they run out, those that no entry holds
    /// are free again.
    #[cold]
    fn drop_unused_programs(&mut self) {
        let mut in_use = vec![false; usize::from(ProgramId::MAX) + 1];
        // Of stale programs only the pairs count; entries that can be split into them are.
        let generation = self.program.generation;
        let is_stale = |programs: &Programs, entry: &Entry| {
            entry
                .programs()
                .iter()
                .all(|&number| programs.hot(number).generation != generation)
        };
        let stale: Vec<FlowKey> = self
            .entries
            .iter()
            .filter(|entry| is_stale(&self.programs, entry))
            .map(Entry::key)
            .collect();
        let mut pairs = Vec::new();
        for key in stale {
            if let Some(position) = self.entries.find(key, key.hash()) {
                let entry = self.entries.remove(position);
                expand(&self.programs, &entry, &mut pairs);
                if !pairs.is_empty() {
                    self.strays.put(key, &mut pairs);
                }
            }
        }
        for entry in self.entries.iter() {
            for number in entry.programs() {
                in_use[usize::from(number)] = true;
            }
        }
        if let Some(opposite) = self.current.opposite {
            in_use[usize::from(opposite.program)] = true;
        }
        let numbers = self.programs.retain(&in_use);
        self.trodden.forget();
        for entry in self.entries.iter_mut() {
            entry.renumber(|old| numbers[usize::from(old)]);
        }
        if let Some(opposite) = &mut self.current.opposite {
            opposite.program = numbers[usize::from(opposite.program)];
        }
    }
}

/// Some of the pairs of a conversation.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen(u32);

impl Chosen {
    /// `None` if it was chosen before, or there are too many.
    fn choose(&mut self, number: usize) -> Option<()> {
        let bit = 1u32.checked_shl(u32::try_from(number).ok()?)?;
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new.then_some(())
    }

    fn has(self, number: usize) -> bool {
        number < 32 && self.0 >> number & 1 != 0
    }
}

impl Pair {
    /// Whether both can be parts of one entry.
    fn is_like(&self, other: &Self) -> bool {
        (self.life, self.initiator, self.icmp_type)
            == (other.life, other.initiator, other.icmp_type)
    }
}

impl Conversation {
    /// The chosen pairs and those that only the opposite course passes, if all of them can be one entry.
    fn with_opposite(
        &self,
        programs: &Programs,
        opposite: Opposite,
        mut chosen: Chosen,
        pattern: Option<Pair>,
    ) -> Option<Chosen> {
        let pattern = pattern.filter(|pair| pair.life == Life::default())?;
        let course = self.course.opposite();
        for stop in &programs.get(opposite.program).stops {
            let Some(terms) = stop.terms else { continue };
            let [start, end] = by_course(course, opposite.ends[0], opposite.ends[1]);
            let nic = match stop.place {
                Place::Start => start,
                Place::Via(nic) => nic,
                Place::End => end,
            };
            let number = self.position(nic, course.leaving(stop.direction))?;
            let pair = &self.pairs[number];
            let is_expected = pair.admitted_in == terms.admitted_in
                && pair.idle == terms.idle
                && pattern.is_like(pair);
            if !is_expected {
                return None;
            }
            // Passed by both courses, it was refreshed just now; else it has the age of its course.
            if !chosen.has(number) {
                if pair.seen != opposite.seen {
                    return None;
                }
                chosen.choose(number)?;
            }
        }
        Some(chosen)
    }
}
