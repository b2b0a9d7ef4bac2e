//! Packets that need not walk, because one like them has.

use model::NicId;

use super::expiry::has_ended;
use super::{ENDING, FusedFlows, Replay, Replayed, Shown, by_course};
use crate::flow::entry::{Entry, Fused};
use crate::flow::pair::Tick;
use crate::flow::program::Stop;
use crate::flow::trodden::Walked;
use crate::forward::faults::{Fault, holds, planted};

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
        let &Shown {
            key,
            course,
            hash,
            nic,
            ..
        } = shown;
        let is_special = self.limit.is_some() && !planted(Fault::TrailOfAFullNic)
            || shown.flags.intersects(ENDING) && !planted(Fault::TrailOfAnEnd)
            || self.nat.concerns(key)
            || self.stand_ins.have(key.tuple(course)) && !planted(Fault::StandInsFused)
            || !self.strays.is_empty()
                && !self.strays.of(key).is_empty()
                && !planted(Fault::TrailOverStrays);
        if is_special {
            return Replay::Known;
        }
        let found = self.entries.find(key, hash);
        // What has ended is no flow, but has a place.
        let known =
            found.filter(|&position| !has_ended(&self.programs, self.entries.get(position), now));
        let walked = match known {
            Some(position) => {
                let entry = self.entries.get(position);
                Walked::known(entry.initiator(), course)
            }
            None => Walked::New,
        };
        let Some(trail) = self.trodden.find(key, course, nic, walked) else {
            return Replay::Known;
        };
        let program = *self.programs.hot(trail.program);
        if !holds(program.generation == generation, Fault::TrailOfThePast)
            || shown.ttl <= program.hops
        {
            return Replay::Known;
        }
        let stops = &self.programs.get(trail.program).stops;
        if !holds(
            leads(stops, trail.end, known.is_none()),
            Fault::TrailNotAsked,
        ) {
            return Replay::Known;
        }
        if let Some(position) = known {
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
                && entry.start(course) == nic
                && entry.end(course) == trail.end;
            let are_same = if is_own {
                self.programs.are_alike(trail.program, number)
            } else {
                self.programs.are_mates(trail.program, number)
            };
            let has_pairs = is_it && holds(are_same, Fault::TrailOfOtherPairs);
            if !has_pairs {
                return Replay::Known;
            }
            let entry = self.entries.at(position);
            entry.set_program(course, trail.program);
            entry.refresh(course, now);
        } else {
            let Some(Beginning { icmp_type }) = begins else {
                return Replay::Known;
            };
            let fused = Fused {
                initiator: course,
                icmp_type,
                fins: [false; 2],
                asymmetric: false,
                programs: by_course(course, trail.program, 0),
                seen: [now; 2],
                ends: by_course(course, nic, trail.end),
            };
            let Some(entry) = Entry::new(key, fused) else {
                return Replay::Known;
            };
            match found {
                Some(ended) => *self.entries.at(ended) = entry,
                None => self.entries.insert(entry, hash),
            }
        }
        Replay::Arrives(Replayed {
            end: trail.end,
            hops: program.hops,
            to_service: program.to_service,
        })
    }
}
