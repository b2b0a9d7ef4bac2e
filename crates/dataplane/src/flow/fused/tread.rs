//! Packets that need not walk, because one like them has.

use model::NicId;

use super::expiry::has_ended;
use super::{ENDING, FusedFlows, Replay, Replayed, Shown, by_course};
use crate::faults::{Fault, holds, planted};
use crate::flow::entry::{Entry, Fused};
use crate::flow::pair::Tick;
use crate::flow::program::Stop;
use crate::flow::trodden::{Trail, Walked};

/// A packet that may begin a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// What rules see of it beside its five-tuple (S-6).
    pub(crate) icmp_type: Option<u8>,
}

impl FusedFlows {
    /// Lets a packet go a way that another of the same addresses has walked, if `leads` says that its own answers lead there too: stops
    /// and end of the way, and whether the rules on it have to be among the answers. If not, it has to walk itself.
    pub(crate) fn tread(
        &mut self,
        generation: u32,
        shown: &Shown,
        begins: Option<Beginning>,
        leads: impl Fn(&[Stop], NicId, bool) -> bool,
        now: Tick,
    ) -> Replay {
        if self.is_special(shown) {
            return Replay::Known;
        }
        let found = self.entries.find(shown.key, shown.hash);
        // What has ended is no flow, but has a place.
        let known =
            found.filter(|&position| !has_ended(&self.programs, self.entries.get(position), now));
        let Some(trail) = self.trail(generation, shown, known) else {
            return Replay::Known;
        };
        let stops = &self.programs.get(trail.program).stops;
        if !holds(
            leads(stops, trail.end, known.is_none()),
            Fault::TrailNotAsked,
        ) {
            return Replay::Known;
        }
        let follows = match known {
            Some(position) => self.join(position, shown, trail, now),
            None => begins.is_some_and(|beginning| self.start(found, shown, beginning, trail, now)),
        };
        if follows {
            self.end_of(trail)
        } else {
            Replay::Known
        }
    }

    /// Stops and end of the way that packets of these addresses take when they begin a flow, whatever their ports.
    #[inline]
    pub(crate) fn ahead(&self, generation: u32, shown: &Shown) -> Option<(&[Stop], NicId)> {
        self.trail(generation, shown, None)
            .filter(|trail| holds(trail.by_addresses, Fault::TrailOfAHash))
            .map(|trail| {
                let stops = self.programs.get(trail.program).stops.as_slice();
                (stops, trail.end)
            })
    }

    /// The same for a packet of a known flow before anything is asked: the first answer of a flow, or its first packet after routes
    /// have changed. Rules do not judge it, and where others of its addresses went, it goes, if no hash over ports has chosen that way.
    pub(crate) fn tread_known(&mut self, generation: u32, shown: &Shown, now: Tick) -> Replay {
        if self.is_special(shown) {
            return Replay::Known;
        }
        let Some(position) = self.entries.find(shown.key, shown.hash) else {
            return Replay::Unknown;
        };
        let trail = self
            .trail(generation, shown, Some(position))
            .filter(|trail| holds(trail.by_addresses, Fault::TrailOfAHash));
        match trail {
            Some(trail) if self.join(position, shown, trail, now) => self.end_of(trail),
            _ => Replay::Known,
        }
    }

    /// Whether a packet has more to it than its entry and its addresses show.
    #[inline]
    fn is_special(&self, shown: &Shown) -> bool {
        let key = shown.key;
        self.limit.is_some() && !planted(Fault::TrailOfAFullNic)
            || shown.flags.intersects(ENDING) && !planted(Fault::TrailOfAnEnd)
            || self.nat.concerns(key)
            || self.stand_ins.have(key.tuple(shown.course)) && !planted(Fault::StandInsFused)
            || !self.strays.is_empty()
                && !self.strays.of(key).is_empty()
                && !planted(Fault::TrailOverStrays)
    }

    /// Where packets like this one have gone under this snapshot. `known`: the place of its flow's entry.
    #[inline]
    fn trail(&self, generation: u32, shown: &Shown, known: Option<usize>) -> Option<Trail> {
        let walked = match known {
            Some(position) => {
                let entry = self.entries.get(position);
                Walked::known(entry.initiator(), shown.course)
            }
            None => Walked::New,
        };
        let trail = self
            .trodden
            .find(shown.key, shown.course, shown.nic, walked)?;
        let program = self.programs.hot(trail.program);
        (holds(program.generation == generation, Fault::TrailOfThePast) && shown.ttl > program.hops)
            .then_some(trail)
    }

    /// A packet of a known flow goes this way, if the pairs on it are those that its entry stands for.
    #[inline]
    fn join(&mut self, position: usize, shown: &Shown, trail: Trail, now: Tick) -> bool {
        let course = shown.course;
        let entry = self.entries.at(position);
        let own = entry.program(course);
        let (number, is_own) = match own {
            0 => (entry.program(course.opposite()), false),
            own => (own, true),
        };
        let lives = now.since(entry.seen(course)) <= self.programs.hot(number).idle;
        let is_it = lives
            && !entry.is_closed()
            && !entry.is_asymmetric()
            && entry.start(course) == shown.nic
            && entry.end(course) == trail.end;
        let are_same = if is_own {
            self.programs.are_alike(trail.program, number)
        } else {
            self.programs.are_mates(trail.program, number)
        };
        let has_pairs = is_it && holds(are_same, Fault::TrailOfOtherPairs);
        if has_pairs {
            let entry = self.entries.at(position);
            entry.set_program(course, trail.program);
            entry.refresh(course, now);
        }
        has_pairs
    }

    /// A flow begins on this way, in the `place` of one that has ended, if there is such.
    fn start(
        &mut self,
        place: Option<usize>,
        shown: &Shown,
        beginning: Beginning,
        trail: Trail,
        now: Tick,
    ) -> bool {
        let course = shown.course;
        let fused = Fused {
            initiator: course,
            icmp_type: beginning.icmp_type,
            fins: [false; 2],
            asymmetric: false,
            programs: by_course(course, trail.program, 0),
            seen: [now; 2],
            ends: by_course(course, shown.nic, trail.end),
        };
        let Some(entry) = Entry::new(shown.key, fused) else {
            return false;
        };
        match place {
            Some(ended) => *self.entries.at(ended) = entry,
            None => self.entries.insert(entry, shown.hash),
        }
        true
    }

    #[inline]
    fn end_of(&self, trail: Trail) -> Replay {
        let program = self.programs.hot(trail.program);
        Replay::Arrives(Replayed {
            end: trail.end,
            hops: program.hops,
            to_service: program.to_service,
        })
    }
}
