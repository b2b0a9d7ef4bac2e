//! The filter memory of the NICs, as the forwarding core keeps it: all pairs of a conversation as one fused entry, as long as they are
//! equal in age and life; as plain pairs otherwise.
//!
//! A pair lives in exactly one place: in a fused entry, among the strays, or (while a packet of its conversation walks) in
//! [`Conversation`]. A packet that the entry of its flow fully answers for is *replayed* ([`FusedFlows::replay`]): nothing else is
//! asked. For every other one the conversation is *taken out* ([`FusedFlows::begin`]: the entry splits into the pairs it stands for),
//! the packet walks, and what it leaves behind is *fused* or put among the strays ([`FusedFlows::finish`]).
//!
//! `fuse` makes entries of pairs, `tread` lets packets follow where one like them has walked, `expiry` forgets, and `recall` is what the
//! walk asks.
//!
//! It knows neither rules nor routes: what walks here is told by [`Way`], and that routes have changed by the generation.

mod expiry;
mod fuse;
mod recall;
mod tread;

use control::Snapshot;
use model::NicId;

use self::expiry::{Limit, has_ended};
use super::entry::{Entries, Entry, ProgramId};
use super::fragments::FragmentMemory;
use super::key::{Course, FlowKey};
use super::pair::{Life, Pair, Tick};
use super::program::{Place, Program, Programs};
use super::stand_ins::StandIns;
use super::strays::Strays;
use super::trodden::Trodden;
use super::way::Way;
use crate::faults::{Fault, holds, planted};
use crate::nat::Nat;
use crate::packet::{FiveTuple, TcpFlags};
use crate::time::SimTime;

pub(crate) use self::tread::Beginning;

/// The memory of one shard.
#[derive(Debug)]
pub(crate) struct FusedFlows {
    entries: Entries,
    strays: Strays,
    programs: Programs,
    trodden: Trodden,
    current: Conversation,
    stand_ins: StandIns,
    fragments: FragmentMemory,
    nat: Nat,
    limit: Option<Limit>,
    /// A buffer.
    program: Program,
    /// The generation in which programs ran out for the last time.
    dropped_in: u32,
    now: SimTime,
    /// When the sweep began its round. Ticks are counted modulo 2³²: nothing may stay longer than that.
    swept: SimTime,
    /// The round is done, and the next one not due.
    resting: bool,
}

/// What has been taken out while one of its packets walks.
#[derive(Debug)]
struct Conversation {
    /// Of the packet that walks.
    tuple: FiveTuple,
    key: FlowKey,
    course: Course,
    /// Those that live.
    pairs: Vec<Pair>,
    /// The ends of the entry it was split from, and what that knew of the opposite course.
    opposite: Option<Opposite>,
}

#[derive(Clone, Copy, Debug)]
struct Opposite {
    ends: [NicId; 2],
    program: ProgramId,
    seen: Tick,
}

/// What the memory says to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// It arrives, as the ones before it did.
    Arrives(Replayed),
    /// There is an entry, but it does not answer for this packet: it has to walk, and probably only its way is in question.
    Known,
    /// There is no entry: it has to walk.
    Unknown,
}

/// How a packet arrives that need not walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Where.
    pub(crate) end: NicId,
    /// Routers on its way.
    pub(crate) hops: u8,
    /// A service of Azure stands there.
    pub(crate) to_service: bool,
}

/// What a packet shows to a replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) key: FlowKey,
    pub(crate) course: Course,
    /// Of the key.
    pub(crate) hash: u64,
    /// The NIC it comes from.
    pub(crate) nic: NicId,
    pub(crate) ttl: u8,
    /// None for what is not TCP.
    pub(crate) flags: TcpFlags,
}

/// FIN and RST.
const ENDING: TcpFlags = TcpFlags::FIN.with(TcpFlags::RST);

impl FusedFlows {
    /// With room for so many flows, and a limit of pairs for each NIC.
    pub(crate) fn new(flows: usize, limit: Option<u32>) -> Self {
        Self {
            entries: Entries::with_room(flows),
            strays: Strays::default(),
            programs: Programs::default(),
            trodden: Trodden::default(),
            current: Conversation {
                tuple: FlowKey::default().tuple(Course::Up),
                key: FlowKey::default(),
                course: Course::Up,
                pairs: Vec::new(),
                opposite: None,
            },
            stand_ins: StandIns::default(),
            fragments: FragmentMemory::default(),
            nat: Nat::default(),
            limit: limit.map(|pairs| Limit {
                pairs,
                counts: Vec::new(),
                earliest: SimTime::MAX,
            }),
            program: Program {
                generation: 0,
                to_service: false,
                stops: Vec::new(),
            },
            dropped_in: NO_GENERATION,
            now: SimTime::ZERO,
            swept: SimTime::ZERO,
            resting: false,
        }
    }

    /// Begins to load what will be read for a key with this hash.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        self.entries.prefetch(hash);
    }

    /// Asks the entry of a packet's flow. If it answers for the packet, all pairs are refreshed that the packet passes.
    ///
    /// Start and end are the entry's, so source and destination are owned by whom they were; whatever else decides is fixed by
    /// five-tuple and snapshot, or alive as long as the youngest of the times in the program.
    #[expect(
        clippy::inline_always,
        reason = "called once a packet: 10 ns more where the compiler leaves it a call"
    )]
    #[inline(always)]
    pub(crate) fn replay(&mut self, generation: u32, shown: &Shown, now: Tick) -> Replay {
        let &Shown { key, course, .. } = shown;
        let Some(position) = self.entries.find(key, shown.hash) else {
            return Replay::Unknown;
        };
        let entry = self.entries.at(position);
        let program = self.programs.hot(entry.program(course));
        let answers = holds(entry.start(course) == shown.nic, Fault::StartIgnored)
            & holds(program.generation == generation, Fault::GenerationIgnored)
            & holds(shown.ttl > program.hops, Fault::TtlIgnored)
            & holds(
                now.since(entry.seen(course)) <= program.idle,
                Fault::IdleIgnored,
            )
            & holds(!entry.is_closed(), Fault::ClosedReplayed)
            & !self.nat.concerns(key);
        if !answers {
            // Where its pairs have ended, rules will be asked.
            return if has_ended(&self.programs, self.entries.get(position), now) {
                Replay::Unknown
            } else {
                Replay::Known
            };
        }
        if shown.flags.intersects(ENDING) && !planted(Fault::EndingUnseen) {
            if entry.is_asymmetric() && !planted(Fault::EndingOfTwoWays) {
                return Replay::Known; // pairs will differ from here on
            }
            let life = entry.life().after(course, shown.flags);
            entry.set_life(life);
            if life.closed
                && let Some(limit) = &mut self.limit
            {
                limit.earliest = SimTime::ZERO; // it will end sooner than was thought
            }
        }
        entry.refresh(course, now);
        if planted(Fault::OtherCourseRefreshed) {
            entry.refresh(course.opposite(), now);
        }
        Replay::Arrives(Replayed {
            end: entry.end(course),
            hops: program.hops,
            to_service: program.to_service && !planted(Fault::ServiceTakenForGuest),
        })
    }

    /// Takes the conversation of a packet out, since the packet is going to walk.
    pub(crate) fn begin(&mut self, generation: u32, tuple: FiveTuple, now: SimTime) {
        let (key, course) = FlowKey::of(tuple);
        let now = Tick::of(now);
        let current = &mut self.current;
        (current.tuple, current.key, current.course) = (tuple, key, course);
        current.opposite = None;
        debug_assert!(current.pairs.is_empty(), "the last one was put back");
        if let Some(position) = self.entries.find(key, key.hash()) {
            let entry = self.entries.remove(position);
            if has_ended(&self.programs, &entry, now) && self.limit.is_none() {
                // Nothing of it lives, and nobody counts.
            } else {
                expand(&self.programs, &entry, &mut current.pairs);
                let program = entry.program(course.opposite());
                if program != 0 && self.programs.hot(program).generation == generation {
                    current.opposite = Some(Opposite {
                        ends: entry.fused().ends,
                        program,
                        seen: entry.seen(course.opposite()),
                    });
                }
            }
        }
        if !self.strays.is_empty() {
            self.strays.take(key, &mut current.pairs);
        }
        let limit = &mut self.limit;
        current.pairs.retain(|pair| {
            let lives = pair.lives(now) || planted(Fault::ExpiredFound);
            if !lives && let Some(limit) = limit {
                limit.release(pair.nic);
            }
            lives
        });
    }

    /// Puts the conversation back. `way` is where its packet went, if it arrived: if others like it will, its pairs become one entry.
    pub(crate) fn finish(
        &mut self,
        snapshot: &Snapshot,
        way: Option<(&Way, Arrival)>,
        now: SimTime,
    ) {
        if let Some((way, arrival)) = way
            && let Some(visits) = way.repeatable(snapshot)
            && !self.current.key.is_its_own_reverse()
            && (planted(Fault::StandInsFused)
                || !self
                    .stand_ins
                    .concern(snapshot, visits[0].0.nic, self.current.tuple))
        {
            self.fuse(snapshot, visits, arrival, Tick::of(now));
        }
        self.put_back();
    }

    fn put_back(&mut self) {
        let current = &mut self.current;
        if !current.pairs.is_empty() {
            self.strays.put(current.key, &mut current.pairs);
        }
    }

    /// The conversation of another five-tuple: the packet that walks has been translated.
    fn turn_to(&mut self, tuple: FiveTuple, now: SimTime) {
        if self.current.tuple == tuple {
            return;
        }
        let (key, course) = FlowKey::of(tuple);
        if self.current.key == key {
            (self.current.tuple, self.current.course) = (tuple, course);
        } else {
            if planted(Fault::TranslatedLost) {
                self.current.pairs.clear();
            }
            self.put_back();
            self.begin(NO_GENERATION, tuple, now);
        }
    }

    /// Conversations that are remembered.
    pub(crate) fn conversations(&self) -> usize {
        self.entries.len() + self.strays.len()
    }

    /// Bytes.
    pub(crate) fn memory(&self) -> usize {
        self.entries.memory() + self.strays.memory()
    }

    /// All pairs that live at `now`, each under its conversation.
    #[cfg(test)]
    pub(crate) fn listing(&self, now: SimTime) -> Vec<(FlowKey, Pair)> {
        let mut listing = Vec::new();
        for entry in self.entries.iter() {
            let mut pairs = Vec::new();
            expand(&self.programs, entry, &mut pairs);
            listing.extend(pairs.into_iter().map(|pair| (entry.key(), pair)));
        }
        listing.extend(self.strays.listing());
        listing.retain(|(_, pair)| pair.lives(Tick::of(now)));
        listing
    }
}

/// Where a walk has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// In a guest.
    Guest,
    /// At a service of Azure, behind a private endpoint.
    Service,
}

/// No snapshot has it.
const NO_GENERATION: u32 = 0;

/// One for a course, one for the opposite.
fn by_course<T>(course: Course, this: T, opposite: T) -> [T; 2] {
    match course {
        Course::Up => [this, opposite],
        Course::Down => [opposite, this],
    }
}

fn span_of(ticks: u32) -> crate::time::SimDuration {
    crate::time::SimDuration::from_milliseconds(u64::from(ticks))
}

/// The pairs that an entry stands for.
fn expand(programs: &Programs, entry: &Entry, pairs: &mut Vec<Pair>) {
    let fused = entry.fused();
    let life = Life {
        fins: fused.fins,
        closed: entry.is_closed(),
    };
    let start = pairs.len();
    for course in [Course::Up, Course::Down] {
        let number = entry.program(course);
        if number == 0 {
            continue;
        }
        let seen = entry.seen(course);
        for stop in &programs.get(number).stops {
            let Some(terms) = stop.terms else { continue };
            let nic = match stop.place {
                Place::Start => entry.start(course),
                Place::Via(_) if planted(Fault::AppliancesForgotten) => continue,
                Place::Via(nic) => nic,
                Place::End => entry.end(course),
            };
            let leaves = course.leaving(stop.direction);
            let known = pairs[start..]
                .iter_mut()
                .find(|pair| pair.nic == nic && pair.leaves == leaves);
            if let Some(pair) = known {
                // Both courses pass it: the later packet counts. The other course's came at the same time or before.
                if entry.seen(Course::Up).since(seen) > u32::MAX / 2 {
                    pair.seen = seen;
                }
                continue;
            }
            pairs.push(Pair {
                nic,
                leaves,
                initiator: fused.initiator,
                icmp_type: fused.icmp_type.filter(|_| !planted(Fault::IcmpTypeLost)),
                admitted_in: terms.admitted_in,
                idle: terms.idle,
                seen,
                life,
            });
        }
        if !fused.asymmetric {
            return; // both courses have the same pairs
        }
    }
}

impl Conversation {
    fn position(&self, nic: NicId, leaves: Course) -> Option<usize> {
        self.pairs
            .iter()
            .position(|pair| pair.nic == nic && pair.leaves == leaves)
    }

    /// Keeps the pairs with these numbers.
    fn keep(&mut self, keep: impl Fn(usize) -> bool) {
        let mut number = 0;
        self.pairs.retain(|_| {
            number += 1;
            keep(number - 1)
        });
    }
}
