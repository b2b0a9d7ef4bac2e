//! The filter memory of the NICs, as the forwarding core keeps it: all pairs of a conversation as one fused entry, as long as they are
//! equal in age and life; as plain pairs otherwise.
//!
//! A pair lives in exactly one place: in a fused entry, among the strays, or (while a packet of its conversation walks) in
//! [`Conversation`]. A packet that the entry of its flow fully answers for is *replayed* ([`FusedFlows::replay`]): nothing else is
//! asked. For every other one the conversation is *taken out* ([`FusedFlows::begin`]: the entry splits into the pairs it stands for),
//! the packet walks, and what it leaves behind is *fused* or put among the strays ([`FusedFlows::finish`]).
//!
//! It knows neither rules nor routes: what walks here is told by [`Way`], and that routes have changed by the generation.

use control::Snapshot;
use model::{Direction, NicId};

use super::entry::{Entries, Entry, Fused, ProgramId};
use super::fragments::FragmentMemory;
use super::key::{Course, FlowKey};
use super::pair::{Life, Pair, Tick, ticks};
use super::program::{Place, Program, Programs, Stop, StopTerms};
use super::stand_ins::StandIns;
use super::strays::Strays;
use super::trodden::{Trodden, Walked};
use super::way::{Kept, Way};
use super::{ICMP_IDLE, Known, LINGER, Pairs, TableFull, Terms};
use crate::answers::Subject;
use crate::forward::faults::{Fault, holds, planted};
use crate::nat::Nat;
use crate::packet::{FiveTuple, Packet, TcpFlags, protocol};
use crate::recorder::Visit;
use crate::time::SimTime;

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

/// How many pairs a NIC may have (S-8).
#[derive(Debug)]
struct Limit {
    pairs: u32,
    /// Pairs of each NIC, those that have expired and not been noticed included.
    counts: Vec<u32>,
    /// No pair expires earlier: before, it is no use to look.
    earliest: SimTime,
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

/// A packet that may begin a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// What rules see of it beside its five-tuple (S-6).
    pub(crate) icmp_type: Option<u8>,
}

/// Slots that the sweep looks at for each new entry, beside one for each packet. A slot in four holds an entry that has ended when as
/// many go as come; with two, a table of flows that never return would grow for ever.
const SWEPT_FOR_ONE: usize = 4;

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
            self.fuse(snapshot.generation, visits, arrival, Tick::of(now));
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

    /// Makes one entry of the pairs at these visits, and of those that only the opposite course passes, if they are alike.
    fn fuse(
        &mut self,
        generation: u32,
        visits: &[(Visit, Kept)],
        arrival: Arrival,
        now: Tick,
    ) -> Option<()> {
        let Self {
            current, program, ..
        } = self;
        let course = current.course;
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
        for walked in [Walked::New, Walked::Asking, Walked::Answering] {
            let fits = |kept| match walked {
                _ if kept == Kept::Nothing => true,
                Walked::New => kept == Kept::New,
                Walked::Asking | Walked::Answering => kept == Kept::Known && walked == known,
            };
            if visits.iter().all(|&(_, kept)| fits(kept)) {
                self.trodden
                    .note(current.key, course, [start, end], walked, number);
            }
        }
        Some(())
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

    /// Time goes on: looks at the next slots and forgets what has expired.
    pub(crate) fn sweep(&mut self, packets: usize, now: SimTime) {
        let slots = packets + SWEPT_FOR_ONE * self.entries.take_inserted();
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
    fn has_room(&mut self, nic: NicId, now: SimTime) -> bool {
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

/// Whether no pair of an entry lives.
#[inline]
fn has_ended(programs: &Programs, entry: &Entry, now: Tick) -> bool {
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

impl Pair {
    /// Whether both can be parts of one entry.
    fn is_like(&self, other: &Self) -> bool {
        (self.life, self.initiator, self.icmp_type)
            == (other.life, other.initiator, other.icmp_type)
    }
}

impl Limit {
    fn count(&self, nic: NicId) -> u32 {
        self.counts.get(nic.get() as usize).copied().unwrap_or(0)
    }

    fn claim(&mut self, nic: NicId) {
        let position = nic.get() as usize;
        if self.counts.len() <= position {
            self.counts.resize(position + 1, 0);
        }
        self.counts[position] += 1;
    }

    fn release(&mut self, nic: NicId) {
        if planted(Fault::LimitNotReleased) {
            return;
        }
        if let Some(count) = self.counts.get_mut(nic.get() as usize) {
            *count = count.saturating_sub(1);
        }
    }

    /// A pair expires after this moment, unless it is refreshed.
    fn note(&mut self, expires: SimTime) {
        self.earliest = self.earliest.min(expires);
    }
}

impl Pairs for FusedFlows {
    fn recall(&mut self, visit: Visit, packet: &Packet, now: SimTime) -> Option<Known> {
        self.turn_to(packet.tuple(), now);
        let current = &mut self.current;
        let course = current.key.course_at(current.course, visit.direction);
        let number = current.position(visit.nic, course.leaving(visit.direction))?;
        let pair = &mut current.pairs[number];
        if pair.is_reused_by(packet) {
            return None;
        }
        pair.see(course, packet, Tick::of(now));
        let known = Known {
            initiator: if pair.initiator == pair.leaves {
                Direction::Outbound
            } else {
                Direction::Inbound
            },
            subject: Subject {
                tuple: current.key.tuple(pair.initiator),
                icmp_type: pair.icmp_type,
            },
            admitted_in: if planted(Fault::FlushNotHonoured) {
                u32::MAX
            } else {
                pair.admitted_in
            },
        };
        let span = pair.span();
        if let Some(limit) = &mut self.limit {
            limit.note(now + span_of(span));
        }
        Some(known)
    }

    fn create(
        &mut self,
        visit: Visit,
        packet: &Packet,
        terms: Terms,
        now: SimTime,
    ) -> Result<(), TableFull> {
        self.turn_to(packet.tuple(), now);
        let course = self.current.course;
        let course = self.current.key.course_at(course, visit.direction);
        let leaves = course.leaving(visit.direction);
        let known = self.current.position(visit.nic, leaves);
        if let Some(number) = known
            && let pair = &mut self.current.pairs[number]
            && !pair.is_reused_by(packet)
        {
            pair.admitted_in = terms.admitted_in; // judged again after a flush (S-22)
            return Ok(());
        }
        if known.is_none() && !self.has_room(visit.nic, now) {
            return Err(TableFull);
        }
        let mut pair = Pair {
            nic: visit.nic,
            leaves,
            initiator: course,
            icmp_type: Subject::of(packet).icmp_type,
            admitted_in: terms.admitted_in,
            idle: ticks(match packet.tuple().protocol {
                protocol::ICMP => ICMP_IDLE,
                _ => terms.idle,
            }),
            seen: Tick::of(now),
            life: Life::default(),
        };
        pair.see(course, packet, Tick::of(now));
        match known {
            Some(number) => self.current.pairs[number] = pair,
            None => self.current.pairs.push(pair),
        }
        if let Some(limit) = &mut self.limit {
            limit.note(now + span_of(pair.span()));
            if known.is_none() {
                limit.claim(visit.nic);
            }
        }
        Ok(())
    }

    fn forget(&mut self, visit: Visit, packet: &Packet) {
        // The packet has just been recalled: its conversation is out.
        let (key, course) = FlowKey::of(packet.tuple());
        let leaves = key
            .course_at(course, visit.direction)
            .leaving(visit.direction);
        if let Some(number) = self.current.position(visit.nic, leaves) {
            self.current.pairs.swap_remove(number);
            if let Some(limit) = &mut self.limit {
                limit.release(visit.nic);
            }
        }
    }

    fn knows_quoted(&self, visit: Visit, quoted: FiveTuple, now: SimTime) -> bool {
        // The packet that an error is about went the other way.
        let (key, course) = FlowKey::of(quoted.reversed());
        let leaves = key
            .course_at(course, visit.direction)
            .leaving(visit.direction);
        let is_it = |pair: &Pair| {
            pair.nic == visit.nic && pair.leaves == leaves && pair.lives(Tick::of(now))
        };
        let mut fused = Vec::new();
        if let Some(position) = self.entries.find(key, key.hash())
            && !planted(Fault::QuotedAmongStraysOnly)
        {
            expand(&self.programs, self.entries.get(position), &mut fused);
        }
        let out = (self.current.key == key).then_some(self.current.pairs.as_slice());
        let mut pairs = fused
            .iter()
            .chain(self.strays.of(key))
            .chain(out.unwrap_or_default());
        pairs.any(is_it)
    }

    fn nat(&mut self) -> &mut Nat {
        &mut self.nat
    }

    fn remember_fragment(&mut self, visit: Visit, first: &Packet, now: SimTime) {
        if !planted(Fault::FirstFragmentForgotten) {
            self.fragments.remember(visit, first, now);
        }
    }

    fn recall_fragment(&mut self, visit: Visit, later: &Packet, now: SimTime) -> Option<FiveTuple> {
        self.fragments.recall(visit, later, now)
    }
}
