//! Answers asked ahead, for up to 32 packets at a time.
//!
//! Where a packet will go is guessed from hop to hop, and at each hop the rules and routes are asked for all packets that share a table.
//! A guess costs nothing if it is wrong: the walk asks the snapshot for what was not asked ahead, and gets the same answer as the tables
//! would have given here.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{FibEntry, GroupRules, Nic, Rules, TagViewId};
use model::{Direction, NicId, OutsidePlace, StationId};

use crate::answers::{self, Answers, Departure, Inside, Subject};
use crate::dropped::Dropped;
use crate::faults::{Fault, planted};
use crate::flow::program::{Place, Stop};
use crate::guest;
use crate::packet::FiveTuple;
use crate::recorder::{Recorder, Visit};

/// Packets that are asked for together.
pub(super) const VECTOR: usize = 32;

/// Legs that are looked ahead: a way through two routers. Longer ways ask as they go.
const LEGS: usize = 3;

/// A packet for which answers are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) nic: NicId,
    pub(super) subject: Subject,
    /// Rules too; not only routes.
    pub(super) rules: bool,
}

impl Question {
    /// Nothing is asked ahead.
    pub(super) fn none(subject: Subject) -> Self {
        Self {
            nic: NOWHERE,
            subject,
            rules: false,
        }
    }
}

/// A way that is known before anything is asked: only the rules on it are in question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead<'p> {
    pub(super) stops: &'p [Stop],
    pub(super) end: NicId,
}

/// What is known of one leg of a packet's way.
#[derive(Clone, Copy, Debug)]
struct Leg {
    from: NicId,
    outbound: Option<Result<(), Dropped>>,
    next: Option<Result<Departure, Dropped>>,
    to: NicId,
    boundary: Option<Result<(), Dropped>>,
    inbound: Option<Result<(), Dropped>>,
}

/// No worker has this number.
const NOWHERE: NicId = NicId::new(u32::MAX);

impl Leg {
    const UNKNOWN: Self = Self {
        from: NOWHERE,
        outbound: None,
        next: None,
        to: NOWHERE,
        boundary: None,
        inbound: None,
    };

    /// The NIC that packets leave or enter on it.
    fn at(&self, direction: Direction) -> NicId {
        match direction {
            Direction::Outbound => self.from,
            Direction::Inbound => self.to,
        }
    }
}

/// The answers for a vector of packets.
#[derive(Debug)]
pub(super) struct Asked {
    questions: Vec<Question>,
    /// Lanes that want rules too.
    want_rules: Mask,
    /// Start and end of the legs that are known without asking, and by leg the lanes that have one.
    ahead: [[(NicId, NicId); VECTOR]; LEGS],
    is_ahead: [Mask; LEGS],
    legs: [[Leg; VECTOR]; LEGS],
    /// How far the looking ahead has come.
    depth: usize,
    side_by_side: SideBySide,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            questions: Vec::with_capacity(VECTOR),
            want_rules: 0,
            ahead: [[(NOWHERE, NOWHERE); VECTOR]; LEGS],
            is_ahead: [0; LEGS],
            legs: [[Leg::UNKNOWN; VECTOR]; LEGS],
            depth: 0,
            side_by_side: SideBySide::default(),
        }
    }
}

/// Lanes as bits.
type Mask = u32;

fn each(mut mask: Mask, mut visit: impl FnMut(usize)) {
    while mask != 0 {
        visit(mask.trailing_zeros() as usize);
        mask &= mask - 1;
    }
}

/// Visits the lanes of a mask in groups of equal keys.
fn groups<K: PartialEq + Copy>(
    lanes: Mask,
    key: impl Fn(usize) -> K,
    mut visit: impl FnMut(K, Mask),
) {
    let mut rest = lanes;
    while rest != 0 {
        let shared = key(rest.trailing_zeros() as usize);
        let mut group = 0;
        each(rest, |lane| {
            group |= Mask::from(key(lane) == shared) << lane;
        });
        rest &= !group;
        visit(shared, group);
    }
}

/// The NICs at which the lanes are.
type Nics<'s> = [Option<&'s Nic>; VECTOR];

impl Asked {
    /// Asks for these packets, at most [`VECTOR`].
    pub(super) fn ask<'p>(
        &mut self,
        snapshot: &Snapshot,
        questions: impl Iterator<Item = (Question, Option<Ahead<'p>>)>,
    ) {
        self.questions.clear();
        self.want_rules = 0;
        self.is_ahead = [0; LEGS];
        self.side_by_side.holds = None;
        let mut at = [NOWHERE; VECTOR];
        let mut live: Mask = 0;
        for (lane, (question, ahead)) in questions.take(VECTOR).enumerate() {
            at[lane] = question.nic;
            live |= 1 << lane;
            self.want_rules |= Mask::from(question.rules) << lane;
            if let Some(ahead) = ahead {
                self.look_ahead(lane, question.nic, ahead);
            }
            self.questions.push(question);
        }
        self.depth = 0;
        while live != 0 && self.depth < LEGS {
            self.legs[self.depth] = [Leg::UNKNOWN; VECTOR];
            live = self.ask_leg(snapshot, &mut at, live);
            self.depth += 1;
        }
    }

    fn look_ahead(&mut self, lane: usize, start: NicId, ahead: Ahead<'_>) {
        let (legs, _) = ahead.stops.as_chunks::<2>();
        let nic = |place| match place {
            Place::Start => start,
            Place::Via(nic) => nic,
            Place::End => ahead.end,
        };
        for (leg, [out, into]) in legs.iter().enumerate().take(LEGS) {
            self.ahead[leg][lane] = (nic(out.place), nic(into.place));
            self.is_ahead[leg] |= 1 << lane;
        }
    }

    /// One leg for the lanes that are still under way; says which go on behind it.
    fn ask_leg(&mut self, snapshot: &Snapshot, at: &mut [NicId; VECTOR], lanes: Mask) -> Mask {
        let leg = self.depth;
        let mut nics: Nics<'_> = [None; VECTOR];
        each(lanes, |lane| {
            nics[lane] = snapshot.nic(at[lane]);
            self.legs[leg][lane].from = at[lane];
        });
        let live = self.ask_rules(snapshot, &nics, lanes, Direction::Outbound);
        let ahead = self.is_ahead[leg];
        let routed = self.ask_routes(snapshot, &nics, live & !ahead);

        let mut arriving = live & ahead;
        each(arriving, |lane| {
            let (_, next) = self.ahead[leg][lane];
            let known = &mut self.legs[leg][lane];
            known.next = Some(Ok(Departure::Nic(next)));
            known.to = next;
            known.boundary = Some(Ok(()));
            nics[lane] = snapshot.nic(next);
        });
        each(routed, |lane| {
            let known = &mut self.legs[leg][lane];
            let Some(Ok(Departure::Nic(next))) = known.next else {
                return;
            };
            nics[lane] = snapshot.nic(next);
            if nics[lane].is_none() {
                return;
            }
            let source = self.questions[lane].subject.tuple.source;
            let boundary = snapshot.boundary(at[lane], next, source, &mut ());
            known.to = next;
            known.boundary = Some(boundary);
            arriving |= Mask::from(boundary.is_ok()) << lane;
        });
        let arrived = self.ask_rules(snapshot, &nics, arriving, Direction::Inbound);
        let mut onward = 0;
        if let Some(&next) = self.is_ahead.get(leg + 1) {
            onward = arrived & next;
            each(onward, |lane| at[lane] = self.ahead[leg + 1][lane].0);
        }
        each(arrived & !ahead, |lane| {
            let destination = self.questions[lane].subject.tuple.destination;
            let to = self.legs[leg][lane].to;
            if nics[lane].is_some_and(|nic| nic.addresses.contains(&destination)) {
                return; // it is for this NIC: nobody sends it on
            }
            if let Some(leaves) = guest::sends_on(snapshot, to, destination) {
                at[lane] = leaves;
                onward |= 1 << lane;
            }
        });
        onward
    }

    /// Rules of the NICs of these lanes; says which lanes are not denied.
    fn ask_rules(
        &mut self,
        snapshot: &Snapshot,
        nics: &Nics<'_>,
        lanes: Mask,
        direction: Direction,
    ) -> Mask {
        let side_by_side = &mut self.side_by_side;
        let legs = &mut self.legs[self.depth];
        let mut denied = 0;
        let mut note = |lane: usize, verdict: Result<(), Dropped>| {
            denied |= Mask::from(verdict.is_err()) << lane;
            let known: &mut Leg = &mut legs[lane];
            match direction {
                Direction::Outbound => known.outbound = Some(verdict),
                Direction::Inbound => known.inbound = Some(verdict),
            }
            known.at(direction)
        };
        let questions = &self.questions;
        groups(
            lanes & self.want_rules,
            |lane| nics[lane].map(|nic| (nic.policy, nic.tags)),
            |shared, group| {
                let Some((policy, tags)) = shared else { return };
                let policy = &snapshot.policies[policy.0 as usize];
                match policy.rules_in(direction) {
                    Rules::Groups(levels)
                        if policy.admin.is_none() || planted(Fault::AdminRulesSkipped) =>
                    {
                        let verdicts =
                            side_by_side.ask_rules(snapshot, tags, levels, questions, group);
                        let mut verdicts = verdicts.iter();
                        each(group, |lane| {
                            note(lane, verdicts.next().copied().unwrap_or(Ok(())));
                        });
                    }
                    Rules::None if policy.admin.is_none() => {}
                    // Admin rules and blocked peers are rare: they are asked packet by packet.
                    Rules::Groups(_) | Rules::None | Rules::BlockedPeers { .. } => {
                        each(group, |lane| {
                            let nic = note(lane, Ok(()));
                            let visit = Visit { nic, direction };
                            let subject = questions[lane].subject;
                            let verdict = Answers::rules(snapshot, visit, subject, &mut ());
                            note(lane, verdict);
                        });
                    }
                }
            },
        );
        lanes & !denied
    }

    /// Next hops; says which lanes have one.
    fn ask_routes(&mut self, snapshot: &Snapshot, nics: &Nics<'_>, lanes: Mask) -> Mask {
        let side_by_side = &mut self.side_by_side;
        let legs = &mut self.legs[self.depth];
        let mut routed = 0;
        groups(
            lanes,
            |lane| nics[lane].map(|nic| nic.fib),
            |fib, group| {
                let Some(fib) = fib else { return };
                let table = &snapshot.fibs[fib.0 as usize].table;
                let entries = side_by_side.ask_routes(table, &self.questions, group);
                let mut entries = entries.iter();
                each(group, |lane| {
                    let entry = entries.next().copied().flatten();
                    let Some(nic) = nics[lane].filter(|nic| !answers::is_gateway(snapshot, nic))
                    else {
                        return;
                    };
                    let tuple = self.questions[lane].subject.tuple;
                    let from = legs[lane].from;
                    let next = answers::routed(snapshot, from, nic, entry, tuple, &mut ());
                    legs[lane].next = Some(next);
                    routed |= Mask::from(next.is_ok()) << lane;
                });
            },
        );
        routed
    }

    /// Whether the way of a lane is this one as far as could be seen ahead, and leads to `end`: every answer is yes, those of `rules`
    /// included if they count.
    pub(super) fn leads(&self, lane: usize, stops: &[Stop], end: NicId, rules: bool) -> bool {
        if rules && self.want_rules >> lane & 1 == 0 {
            return false;
        }
        let (stops, []) = stops.as_chunks::<2>() else {
            return false;
        };
        if stops.len() > self.depth {
            return false;
        }
        stops.iter().zip(&self.legs).all(|([out, into], legs)| {
            let leg = &legs[lane];
            let passes = |stop: &Stop, verdict: Option<Result<(), Dropped>>| {
                !rules || stop.terms.is_none() || verdict == Some(Ok(()))
            };
            let is_at = |place: Place, nic: NicId| match place {
                Place::Start => true, // the question began there
                Place::Via(via) => via == nic,
                Place::End => nic == end,
            };
            is_at(out.place, leg.from)
                && passes(out, leg.outbound)
                && leg.next == Some(Ok(Departure::Nic(leg.to)))
                && leg.boundary == Some(Ok(()))
                && is_at(into.place, leg.to)
                && passes(into, leg.inbound)
        })
    }

    /// The answers for one lane.
    pub(super) fn of<'a>(&'a self, snapshot: &'a Snapshot, lane: usize) -> AskedOf<'a> {
        AskedOf {
            snapshot,
            asked: self,
            lane,
        }
    }
}

/// What the packets of some lanes show to tables, side by side, and what these answer. Kept from vector to vector: clearing it would
/// take longer than much of what is asked.
#[derive(Debug)]
struct SideBySide {
    count: usize,
    /// Whose keys are there, and what service tags mean in them.
    holds: Option<(TagViewId, Mask)>,
    keys: [acl::Key; VECTOR],
    /// Sources, and behind them destinations.
    addresses: [u32; 2 * VECTOR],
    classes: [u32; 2 * VECTOR],
    matches: [u32; VECTOR],
    verdicts: [Result<(), Dropped>; VECTOR],
    entries: [Option<FibEntry>; VECTOR],
}

impl Default for SideBySide {
    fn default() -> Self {
        Self {
            count: 0,
            holds: None,
            keys: [NO_KEY; VECTOR],
            addresses: [0; 2 * VECTOR],
            classes: [0; 2 * VECTOR],
            matches: [0; VECTOR],
            verdicts: [Ok(()); VECTOR],
            entries: [None; VECTOR],
        }
    }
}

impl SideBySide {
    /// Whether the rules of these groups admit the packets: all must, and the first that does not decides (S-11). What service tags
    /// mean differs from network to network: `tags` says where the packets are.
    fn ask_rules(
        &mut self,
        snapshot: &Snapshot,
        tags: TagViewId,
        levels: &[GroupRules],
        questions: &[Question],
        lanes: Mask,
    ) -> &[Result<(), Dropped>] {
        let count = lanes.count_ones() as usize;
        // A router is left under the same tags as it was entered.
        if self.holds != Some((tags, lanes)) {
            self.holds = Some((tags, lanes));
            self.fill_keys(snapshot, tags, questions, lanes);
        }
        let keys = &self.keys[..count];
        self.verdicts[..count].fill(Ok(()));
        let (matches, verdicts) = (&mut self.matches[..count], &mut self.verdicts[..count]);
        for &group in levels {
            let rules = snapshot.rules(group.rules);
            answers::ask_batch(rules, keys, snapshot.options.icmp_ports, matches);
            for (verdict, first) in verdicts.iter_mut().zip(&*matches) {
                if verdict.is_ok() {
                    *verdict = answers::verdict(group, rules, *first);
                }
            }
            if planted(Fault::SecondGroupSkipped) {
                break;
            }
        }
        if planted(Fault::OtherLane) {
            verdicts.rotate_left(1);
        }
        verdicts
    }

    fn fill_keys(
        &mut self,
        snapshot: &Snapshot,
        tags: TagViewId,
        questions: &[Question],
        lanes: Mask,
    ) {
        self.count = 0;
        let count = lanes.count_ones() as usize;
        each(lanes, |lane| {
            let subject = questions[lane].subject;
            self.addresses[self.count] = subject.tuple.source.into();
            self.addresses[count + self.count] = subject.tuple.destination.into();
            self.keys[self.count] = subject.key_with(0, 0);
            self.count += 1;
        });
        let classes = &snapshot.tag_views[tags.0 as usize].classes;
        classes.lookup_batch(&self.addresses[..2 * count], &mut self.classes[..2 * count]);
        let keys = &mut self.keys[..count];
        let (of_sources, of_destinations) = self.classes.split_at(count);
        for (key, (source, destination)) in
            keys.iter_mut().zip(of_sources.iter().zip(of_destinations))
        {
            (key.source_classes, key.destination_classes) = (*source, *destination);
        }
    }

    /// What the FIB answers.
    fn ask_routes(
        &mut self,
        table: &fib::Fib<FibEntry>,
        questions: &[Question],
        lanes: Mask,
    ) -> &[Option<FibEntry>] {
        self.count = 0;
        each(lanes, |lane| {
            self.addresses[self.count] = questions[lane].subject.tuple.destination.into();
            self.count += 1;
        });
        let entries = &mut self.entries[..self.count];
        table.lookup_batch(&self.addresses[..self.count], entries);
        entries
    }
}

const NO_KEY: acl::Key = acl::Key {
    source: Ipv4Addr::UNSPECIFIED,
    destination: Ipv4Addr::UNSPECIFIED,
    protocol: 0,
    source_port: None,
    destination_port: None,
    source_classes: 0,
    destination_classes: 0,
};

/// The answers for one packet; what was not asked ahead is asked now.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedOf<'a> {
    snapshot: &'a Snapshot,
    asked: &'a Asked,
    lane: usize,
}

impl AskedOf<'_> {
    /// What is known of a leg, if the packet still looks as it did when it was asked for.
    #[inline]
    fn leg(&self, tuple: FiveTuple, is_it: impl Fn(&Leg) -> bool) -> Option<&Leg> {
        let asked = self.asked;
        if asked.questions[self.lane].subject.tuple != tuple {
            return None;
        }
        asked.legs[..asked.depth]
            .iter()
            .map(|legs| &legs[self.lane])
            .find(|leg| is_it(leg))
    }
}

impl Answers for AskedOf<'_> {
    #[inline]
    fn rules(
        &self,
        visit: Visit,
        subject: Subject,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        let is_same = self.asked.questions[self.lane].subject == subject;
        let known = match visit.direction {
            Direction::Outbound => self
                .leg(subject.tuple, |leg| leg.from == visit.nic)
                .and_then(|leg| leg.outbound),
            Direction::Inbound => self
                .leg(subject.tuple, |leg| leg.to == visit.nic)
                .and_then(|leg| leg.inbound),
        };
        match known {
            Some(Ok(())) if is_same => Ok(()),
            Some(Err(dropped)) if is_same => recorder.refuse(dropped),
            None if planted(Fault::UnaskedPasses) => Ok(()),
            _ => Answers::rules(self.snapshot, visit, subject, recorder),
        }
    }

    #[inline]
    fn next_hop(
        &self,
        from: NicId,
        tuple: FiveTuple,
        recorder: &mut impl Recorder,
    ) -> Result<Departure, Dropped> {
        let known = self.leg(tuple, |leg| leg.from == from);
        match known.and_then(|leg| leg.next) {
            Some(Ok(next)) => Ok(next),
            Some(Err(dropped)) => recorder.end(dropped),
            None => self.snapshot.next_hop(from, tuple, recorder),
        }
    }

    fn entry(
        &self,
        from: StationId,
        place: OutsidePlace,
        tuple: FiveTuple,
        recorder: &mut impl Recorder,
    ) -> Result<Departure, Dropped> {
        self.snapshot.entry(from, place, tuple, recorder)
    }

    fn public_owner(
        &self,
        tuple: FiveTuple,
        recorder: &mut impl Recorder,
    ) -> Result<Option<NicId>, Dropped> {
        self.snapshot.public_owner(tuple, recorder)
    }

    fn inside(&self, at: NicId, tuple: FiveTuple, from_edge: bool) -> Option<Inside> {
        self.snapshot.inside(at, tuple, from_edge)
    }

    #[inline]
    fn boundary(
        &self,
        from: NicId,
        to: NicId,
        source: Ipv4Addr,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        let asked = self.asked;
        let known = (asked.questions[self.lane].subject.tuple.source == source)
            .then(|| {
                asked.legs[..asked.depth]
                    .iter()
                    .map(|legs| &legs[self.lane])
                    .find(|leg| leg.from == from && leg.to == to)
            })
            .flatten()
            .and_then(|leg| leg.boundary);
        match known {
            Some(Ok(())) => Ok(()),
            Some(Err(dropped)) => recorder.refuse(dropped),
            None => self.snapshot.boundary(from, to, source, recorder),
        }
    }
}
