//! Ways that packets take, each stored once: which NICs they pass and on which terms these remember the flow.
//!
//! A way does not name its two ends, which every fused entry has for itself; so as many programs are needed as there are ways through
//! the middle of the network, not as there are pairs of NICs.

use std::collections::HashMap;

use model::{Direction, NicId};

use super::entry::ProgramId;
use super::key::Course;
use crate::faults::{Fault, planted};

/// A visit on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stop {
    pub(crate) place: Place,
    pub(crate) direction: Direction,
    /// On which terms the NIC has a pair; `None` if it keeps no flows.
    pub(crate) terms: Option<StopTerms>,
}

/// Where a visit takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// At the NIC that the packet comes from.
    Start,
    /// At a NIC in between.
    Via(NicId),
    /// At the NIC that the packet is for.
    End,
}

/// What pairs of different flows at one NIC have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StopTerms {
    /// Generation whose rules admitted the flow (S-22).
    pub(crate) admitted_in: u32,
    /// Ticks.
    pub(crate) idle: u32,
}

/// A way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Program {
    /// The snapshot under which packets go this way.
    pub(crate) generation: u32,
    /// What stands at the end is a service of Azure, not a guest.
    pub(crate) to_service: bool,
    /// In the order in which a packet makes them: out of the start, into and out of each in between, into the end.
    pub(crate) stops: Vec<Stop>,
}

/// What replaying a packet reads of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hot {
    pub(crate) generation: u32,
    /// Ticks after which the first of its pairs is forgotten, and the last.
    pub(crate) idle: u32,
    pub(crate) longest_idle: u32,
    /// Routers on the way: by so much the TTL goes down.
    pub(crate) hops: u8,
    pub(crate) to_service: bool,
}

/// All programs.
#[derive(Debug)]
pub(crate) struct Programs {
    hot: Vec<Hot>,
    ways: Vec<Program>,
    numbers: HashMap<Program, ProgramId>,
    /// What was asked for last.
    recent: [ProgramId; 2],
    /// A program that was found to be the opposite course of the same pairs, by number; 0 = none known.
    mates: Vec<ProgramId>,
    /// One that was found to have the same pairs in the same course.
    alike: Vec<ProgramId>,
}

/// Programs that there can be, the one of an unknown way included. Tests run out of them sooner.
const MOST: usize = if cfg!(test) { 64 } else { 1 << ProgramId::BITS };

/// A flow that no NIC remembers is looked at anew after as long as one that is remembered by default (S-21). The way alone is cached:
/// nothing depends on when it is forgotten.
const UNREMEMBERED: u32 = 4 * 60 * 1000;

impl Default for Programs {
    /// With the program 0, which no packet can replay: a way that is not known.
    fn default() -> Self {
        Self {
            hot: vec![Hot {
                generation: 0,
                idle: 0,
                longest_idle: 0,
                hops: u8::MAX,
                to_service: false,
            }],
            ways: vec![Program {
                generation: 0,
                to_service: false,
                stops: Vec::new(),
            }],
            numbers: HashMap::new(),
            recent: [0; 2],
            mates: vec![0],
            alike: vec![0],
        }
    }
}

impl Programs {
    #[inline]
    pub(crate) fn hot(&self, number: ProgramId) -> &Hot {
        &self.hot[usize::from(number)]
    }

    pub(crate) fn get(&self, number: ProgramId) -> &Program {
        &self.ways[usize::from(number)]
    }

    /// No further program has a number.
    pub(crate) fn is_full(&self) -> bool {
        self.ways.len() >= MOST
    }

    /// The number of a program. `program` is a buffer of the caller's: it is copied if it is new. There must be room.
    pub(crate) fn number_of(&mut self, program: &Program) -> ProgramId {
        for recent in self.recent {
            if self.ways[usize::from(recent)] == *program {
                return recent;
            }
        }
        if planted(Fault::NumberReused) && self.ways.len() > 8 {
            self.retain(&[false; 9]);
        }
        let number = match self.numbers.get(program) {
            Some(&number) => number,
            None => self.add(program),
        };
        self.recent = [number, self.recent[0]];
        number
    }

    fn add(&mut self, program: &Program) -> ProgramId {
        let number = ProgramId::try_from(self.ways.len()).expect("the caller has made room");
        let idles = || {
            program
                .stops
                .iter()
                .filter_map(|stop| Some(stop.terms?.idle))
        };
        self.hot.push(Hot {
            generation: program.generation,
            idle: if planted(Fault::LongestIdleTaken) {
                idles().max()
            } else {
                idles().min()
            }
            .unwrap_or(UNREMEMBERED),
            longest_idle: idles().max().unwrap_or(UNREMEMBERED),
            hops: u8::try_from(program.stops.len().div_ceil(2).saturating_sub(1))
                .unwrap_or(u8::MAX),
            to_service: program.to_service,
        });
        self.ways.push(program.clone());
        self.numbers.insert(program.clone(), number);
        self.mates.push(0);
        self.alike.push(0);
        number
    }

    /// Whether the pairs of `one` for packets of one course are those of `other` for the opposite one.
    pub(crate) fn are_mates(&mut self, one: ProgramId, other: ProgramId) -> bool {
        if self.mates[usize::from(one)] == other {
            return true;
        }
        let are = self.pairs(one, Course::Up) == self.pairs(other, Course::Down);
        if are {
            self.mates[usize::from(one)] = other;
            self.mates[usize::from(other)] = one;
        }
        are
    }

    /// Whether the pairs of both are the same for packets of one course.
    pub(crate) fn are_alike(&mut self, one: ProgramId, other: ProgramId) -> bool {
        if one == other || self.alike[usize::from(one)] == other {
            return true;
        }
        let are = self.pairs(one, Course::Up) == self.pairs(other, Course::Up);
        if are {
            self.alike[usize::from(one)] = other;
        }
        are
    }

    fn pairs(&self, number: ProgramId, course: Course) -> Vec<impl Ord + use<>> {
        let stops = self.ways[usize::from(number)].stops.iter();
        let mut pairs: Vec<_> = stops.filter_map(|stop| stop.pair(course)).collect();
        pairs.sort_unstable();
        pairs
    }

    /// Forgets the programs that are not `in_use` and numbers the others anew. Says which number each has now.
    pub(crate) fn retain(&mut self, in_use: &[bool]) -> Vec<ProgramId> {
        let mut old = std::mem::take(self);
        let mut numbers = vec![0; old.ways.len()];
        for (number, program) in old.ways.drain(..).enumerate().skip(1) {
            if in_use[number] {
                numbers[number] = self.add(&program);
            }
        }
        numbers
    }
}

impl Stop {
    /// What identifies the pair of this stop for packets of a course, whichever the way: the end or NIC, how it leaves there, its terms.
    fn pair(&self, course: Course) -> Option<(u8, u32, bool, u32, u32)> {
        let terms = self.terms?;
        let (kind, nic) = match (self.place, course) {
            (Place::Start, Course::Up) | (Place::End, Course::Down) => (0, 0),
            (Place::End, Course::Up) | (Place::Start, Course::Down) => (1, 0),
            (Place::Via(nic), _) => (2, nic.get()),
        };
        let leaves_up = course.leaving(self.direction) == Course::Up;
        Some((kind, nic, leaves_up, terms.admitted_in, terms.idle))
    }
}
