//! Answers asked ahead, for up to 32 packets at a time.
//!
//! Where a packet will go is guessed from hop to hop, and at each hop the rules and routes are asked for all packets that share a table.
//! A guess costs nothing if it is wrong: the walk asks the snapshot for what was not asked ahead, and gets the same answer as the tables
//! would have given here.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{FibEntry, Nic, Rules};
use model::{Direction, NicId, OutsidePlace, StationId};

use super::faults::{Fault, planted};
use crate::answers::{self, Answers, Departure, Inside, Subject};
use crate::dropped::Dropped;
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
}

/// The answers for a vector of packets.
#[derive(Debug)]
pub(super) struct Asked {
    questions: Vec<Question>,
    legs: [[Leg; VECTOR]; LEGS],
    /// How far the looking ahead has come.
    depth: usize,
    /// Buffers.
    keys: Vec<acl::Key>,
    matches: Vec<u32>,
    destinations: Vec<Ipv4Addr>,
    entries: Vec<Option<FibEntry>>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            questions: Vec::with_capacity(VECTOR),
            legs: [[Leg::UNKNOWN; VECTOR]; LEGS],
            depth: 0,
            keys: Vec::with_capacity(VECTOR),
            matches: vec![0; VECTOR],
            destinations: Vec::with_capacity(VECTOR),
            entries: vec![None; VECTOR],
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

impl Asked {
    /// Asks for these packets, at most [`VECTOR`].
    pub(super) fn ask(&mut self, snapshot: &Snapshot, questions: impl Iterator<Item = Question>) {
        self.questions.clear();
        self.questions.extend(questions.take(VECTOR));
        let count = self.questions.len();
        let mut at = [NOWHERE; VECTOR];
        for (at, question) in at.iter_mut().zip(&self.questions) {
            *at = question.nic;
        }
        let mut live: Mask = if count == VECTOR {
            Mask::MAX
        } else {
            (1 << count) - 1
        };
        self.depth = 0;
        while live != 0 && self.depth < LEGS {
            self.legs[self.depth] = [Leg::UNKNOWN; VECTOR];
            live = self.ask_leg(snapshot, &mut at, live);
            self.depth += 1;
        }
    }

    /// One leg for the lanes that are still under way; says which go on behind it.
    fn ask_leg(&mut self, snapshot: &Snapshot, at: &mut [NicId; VECTOR], lanes: Mask) -> Mask {
        let leg = self.depth;
        each(lanes, |lane| self.legs[leg][lane].from = at[lane]);
        let mut live = self.ask_rules(snapshot, at, lanes, Direction::Outbound);
        live = self.ask_routes(snapshot, at, live);

        let mut to = [NOWHERE; VECTOR];
        let mut arriving = 0;
        each(live, |lane| {
            let known = &mut self.legs[leg][lane];
            let Some(Ok(Departure::Nic(next))) = known.next else {
                return;
            };
            if snapshot.nic(next).is_none() {
                return;
            }
            let source = self.questions[lane].subject.tuple.source;
            let boundary = snapshot.boundary(at[lane], next, source, &mut ());
            known.to = next;
            known.boundary = Some(boundary);
            if boundary.is_ok() {
                to[lane] = next;
                arriving |= 1 << lane;
            }
        });
        let arrived = self.ask_rules(snapshot, &to, arriving, Direction::Inbound);
        let mut onward = 0;
        each(arrived, |lane| {
            let destination = self.questions[lane].subject.tuple.destination;
            if let Some(leaves) = guest::sends_on(snapshot, to[lane], destination) {
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
        at: &[NicId; VECTOR],
        lanes: Mask,
        direction: Direction,
    ) -> Mask {
        let mut wanted = 0;
        each(lanes, |lane| {
            wanted |= Mask::from(self.questions[lane].rules) << lane;
        });
        let mut denied = 0;
        let nic = |lane: usize| -> Option<&Nic> { snapshot.nic(at[lane]) };
        // What an ordinary NIC asks are its groups, one after the other. Admin rules and blocked peers are rare: the walk asks them.
        let of_lane = |lane: usize, level: usize| {
            let policy = snapshot.policy_of(nic(lane)?);
            match policy.rules_in(direction) {
                Rules::Groups(groups)
                    if policy.admin.is_none() || planted(Fault::AdminRulesSkipped) =>
                {
                    groups.get(level).copied()
                }
                Rules::Groups(_) | Rules::None | Rules::BlockedPeers { .. } => None,
            }
        };
        let mut keys = [NO_KEY; VECTOR];
        let mut asking = 0;
        each(wanted, |lane| {
            asking |= Mask::from(of_lane(lane, 0).is_some()) << lane;
        });
        // What service tags mean differs from network to network.
        groups(
            asking,
            |lane| nic(lane).map(|nic| nic.tags),
            |view, group| {
                let Some(view) = view else { return };
                let classes = &snapshot.tag_views[view.0 as usize].classes;
                each(group, |lane| {
                    let subject = self.questions[lane].subject;
                    keys[lane] = subject.key_with(
                        classes.lookup(subject.tuple.source),
                        classes.lookup(subject.tuple.destination),
                    );
                });
            },
        );
        let mut verdicts = [Ok(()); VECTOR];
        let mut level = 0;
        let mut undecided = asking;
        while undecided != 0 {
            let mut next_level = 0;
            groups(
                undecided,
                |lane| of_lane(lane, level),
                |group, lanes| {
                    let Some(group) = group else { return };
                    let rules = snapshot.rules(group.rules);
                    self.keys.clear();
                    each(lanes, |lane| self.keys.push(keys[lane]));
                    if planted(Fault::OtherLane) {
                        self.keys.rotate_left(1);
                    }
                    let matches = &mut self.matches[..self.keys.len()];
                    answers::ask_batch(rules, &self.keys, snapshot.options.icmp_ports, matches);
                    let mut matches = matches.iter();
                    each(lanes, |lane| {
                        let first = matches.next().copied().unwrap_or(acl::NO_MATCH);
                        verdicts[lane] = answers::verdict(group, rules, first);
                        if verdicts[lane].is_ok() {
                            next_level |= 1 << lane;
                        } else {
                            denied |= 1 << lane;
                        }
                    });
                },
            );
            level += 1;
            undecided = 0;
            each(next_level, |lane| {
                undecided |= Mask::from(of_lane(lane, level).is_some()) << lane;
            });
            if planted(Fault::SecondGroupSkipped) {
                undecided = 0;
            }
        }
        let leg = self.depth;
        each(asking, |lane| {
            let known = &mut self.legs[leg][lane];
            match direction {
                Direction::Outbound => known.outbound = Some(verdicts[lane]),
                Direction::Inbound => known.inbound = Some(verdicts[lane]),
            }
        });
        lanes & !denied
    }

    /// Next hops; says which lanes have one.
    fn ask_routes(&mut self, snapshot: &Snapshot, at: &[NicId; VECTOR], lanes: Mask) -> Mask {
        let leg = self.depth;
        let mut routed = 0;
        let nic = |lane: usize| -> Option<&Nic> { snapshot.nic(at[lane]) };
        groups(
            lanes,
            |lane| {
                nic(lane)
                    .filter(|nic| !answers::is_gateway(snapshot, nic))
                    .map(|nic| nic.fib)
            },
            |fib, group| {
                let Some(fib) = fib else { return };
                self.destinations.clear();
                each(group, |lane| {
                    self.destinations
                        .push(self.questions[lane].subject.tuple.destination);
                });
                let entries = &mut self.entries[..self.destinations.len()];
                snapshot.fibs[fib.0 as usize]
                    .table
                    .lookup_batch(&self.destinations, entries);
                let mut entries = entries.iter();
                each(group, |lane| {
                    let entry = entries.next().copied().flatten();
                    let tuple = self.questions[lane].subject.tuple;
                    let Some(nic) = nic(lane) else { return };
                    let next = answers::routed(snapshot, at[lane], nic, entry, tuple, &mut ());
                    self.legs[leg][lane].next = Some(next);
                    routed |= Mask::from(next.is_ok()) << lane;
                });
            },
        );
        routed
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
