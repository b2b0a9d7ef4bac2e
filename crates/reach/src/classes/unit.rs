//! Sources that no table of routes or links tells apart, and what all of their rows have in common: the columns that matter to them, the
//! ways there and back. What is left for each row is rules.

use model::Direction;

use super::Estate;
use super::columns::Door;
use super::luck::{self, ALL};
use super::replies::{Back, Crossings, Replies, Reply, ReplyFinder};
use super::rules::{Asked, Fixed, Valid};
use super::space::{self, Space};
use super::spans::Spans;
use super::ways::{Asker, Check, End, Finder, Origin};
use crate::question::Depth;

/// Sources in the order of their addresses, by position.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) sources: Vec<u32>,
}

/// What all rows of a unit have in common, in bits of its space.
pub(super) struct Terrain {
    pub(super) space: Space,
    pub(super) ways: Vec<WayBits>,
    /// Columns that only packets can judge.
    pub(super) odd: Vec<u64>,
    /// Those of them that are judged whatever the source's rules say.
    pub(super) strange: Vec<u64>,
    /// Columns that share their address with others, as numbers in the space, group by group.
    pub(super) twins: Vec<(usize, usize)>,
    /// Columns that no way leads to on some hashes, and a way does on others.
    pub(super) lost: Vec<u64>,
    /// Whether any way forks, of a probe or of a reply.
    pub(super) forks: bool,
    /// Doors of which columns are in the space.
    pub(super) doors: Vec<DoorBits>,
}

#[derive(PartialEq, Eq)]
pub(super) struct WayBits {
    pub(super) columns: Vec<u64>,
    pub(super) checks: Vec<Check>,
    pub(super) end: End,
    pub(super) asker: Asker,
    /// Columns whose reply gets home, whatever the rules say.
    pub(super) home: Vec<u64>,
    /// Columns whose reply leaves what the input holds, whatever the rules say.
    pub(super) unknown: Vec<u64>,
    /// Columns whose reply only packets can judge.
    pub(super) odd: Option<Vec<u64>>,
    pub(super) judged: Vec<Judged>,
    /// Whether some hashes lead another way.
    pub(super) is_forked: bool,
    /// Replies that some hashes send another way.
    pub(super) forks: Option<Forks>,
}

/// Replies that go several ways.
#[derive(PartialEq, Eq)]
pub(super) struct Forks {
    /// The columns whose replies do.
    pub(super) columns: Vec<u64>,
    /// Those that do not come through on some hashes.
    pub(super) lost: Vec<u64>,
    /// A column may be in several.
    pub(super) judged: Vec<Judged>,
}

/// Replies that rules judge.
#[derive(PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) columns: Vec<u64>,
    pub(super) checks: Vec<Check>,
    pub(super) end: Back,
}

/// A door, and where its columns are in the space.
pub(super) struct DoorBits {
    pub(super) door: u32,
    /// Number in the door, number in the space, how many.
    pub(super) pieces: Vec<(u32, u32, u32)>,
}

impl Terrain {
    pub(super) fn new(estate: &Estate<'_>, origin: Origin, crossings: &mut Crossings) -> Self {
        let finder = Finder {
            snapshot: estate.snapshot,
            shown: estate.probe,
            columns: estate.columns,
            routes: &estate.routes,
        };
        let ways = finder.ways(origin);
        let mut all = ways.odd.clone();
        if estate.is_alone(origin.nic) {
            // S-16: what is for the source itself needs no way.
            let nic = estate.snapshot.nic(origin.nic);
            for &own in nic.iter().flat_map(|nic| nic.addresses.iter()) {
                all = all.or(&[estate.columns.with_address(own.into())]);
            }
        }
        for way in &ways.ways {
            all = all.or(way.columns.as_slice());
        }
        // What becomes of packets to an address is told at one of the columns that have it.
        let mut siblings = Vec::new();
        for &span in all.and(estate.columns.twins.as_slice()).as_slice() {
            for column in span.0..span.1 {
                let address = estate.columns.addresses[column as usize];
                siblings.push(estate.columns.with_address(address));
            }
        }
        siblings.dedup();
        let all = all.or(Spans::of(siblings.clone()).as_slice());
        let space = Space::new(&all);
        let twins = siblings.iter().map(|&span| space.within(span)).collect();
        let mut bits = Vec::with_capacity(ways.ways.len());
        for way in &ways.ways {
            let mut found = WayBits {
                columns: space.bits(&way.columns),
                checks: way.checks.clone(),
                end: way.end,
                asker: way.asker,
                home: Vec::new(),
                unknown: Vec::new(),
                odd: None,
                judged: Vec::new(),
                is_forked: !way.luck.is_any(),
                forks: None,
            };
            if way.end == End::Arrives && estate.question.depth == Depth::RoundTrip {
                let mut finder = ReplyFinder {
                    snapshot: estate.snapshot,
                    columns: estate.columns,
                    origin,
                    shown: estate.reply,
                    is_tcp: estate.is_tcp,
                    is_shared: &|address| estate.shared.contains(&address),
                    crossings,
                };
                let replies = if estate.carries_replies {
                    finder.replies(way)
                } else {
                    Replies::default()
                };
                found.reply(&replies, &space);
            }
            bits.push((found, way.luck.share()));
        }
        let shares = ways.ways.iter().map(|way| (&way.columns, way.luck.share()));
        let through = if ways.forked.is_empty() {
            Spans::default()
        } else {
            luck::through(shares, ALL)
        };
        let lost = space.bits(&ways.forked.without(through.as_slice()));
        let bits = joined(bits);
        let forks = bits.iter().any(|way| way.is_forked || way.forks.is_some());
        Self {
            ways: bits,
            lost,
            forks,
            odd: space.bits(&ways.odd),
            strange: space.bits(&estate.columns.strange),
            twins,
            doors: doors(estate, &all, &space),
            space,
        }
    }
}

impl WayBits {
    fn reply(&mut self, replies: &Replies, space: &Space) {
        let of_end = |end| {
            let mut columns = Spans::default();
            for reply in &replies.replies {
                if reply.end == end && reply.checks.is_empty() {
                    columns = columns.or(reply.columns.as_slice());
                }
            }
            space.bits(&columns)
        };
        let judged = |reply: &Reply| Judged {
            columns: space.bits(&reply.columns),
            checks: reply.checks.clone(),
            end: reply.end,
        };
        self.home = of_end(Back::Home);
        self.unknown = of_end(Back::Unknown);
        self.odd = (!replies.odd.is_empty()).then(|| space.bits(&replies.odd));
        let asked = replies
            .replies
            .iter()
            .filter(|reply| !reply.checks.is_empty());
        self.judged = asked.map(judged).collect();
        if !replies.forked.is_empty() {
            let mut columns = Spans::default();
            for reply in &replies.forked {
                columns = columns.or(reply.columns.as_slice());
            }
            self.forks = Some(Forks {
                columns: space.bits(&columns),
                lost: space.bits(&replies.lost),
                judged: replies.forked.iter().map(judged).collect(),
            });
        }
    }
}

/// The ways with their shares of all hashes; those between which it makes no difference what a hash chooses are one.
fn joined(ways: Vec<(WayBits, u64)>) -> Vec<WayBits> {
    let mut joined: Vec<(WayBits, u64)> = Vec::with_capacity(ways.len());
    for (way, share) in ways {
        let alike = |known: &&mut (WayBits, u64)| way.is_forked && known.0 == way;
        match joined.iter_mut().find(alike) {
            Some((_, sum)) => *sum += share,
            None => joined.push((way, share)),
        }
    }
    let joined = joined.into_iter().map(|(mut way, share)| {
        way.is_forked = share != ALL;
        way
    });
    joined.collect()
}

/// The doors of some columns.
fn doors(estate: &Estate<'_>, columns: &Spans, space: &Space) -> Vec<DoorBits> {
    let all = &estate.columns;
    let mut found: Vec<(u32, (u32, u32, u32))> = Vec::new();
    for &(start, end) in columns.as_slice() {
        let from = all
            .door_spans
            .partition_point(|&(_, last, _)| last <= start);
        for &(first, last, door) in &all.door_spans[from..] {
            if first >= end {
                break;
            }
            let (first, last) = (first.max(start), last.min(end));
            let in_door = all.doors[door as usize].space.rank(first);
            found.push((door, (in_door, space.rank(first), last - first)));
        }
    }
    found.sort_unstable();
    let mut doors: Vec<DoorBits> = Vec::new();
    for (door, piece) in found {
        match doors.last_mut().filter(|last| last.door == door) {
            Some(last) => last.pieces.push(piece),
            None => doors.push(DoorBits {
                door,
                pieces: vec![piece],
            }),
        }
    }
    doors
}

/// What the doors of all columns say to one source, as far as they were asked.
pub(super) struct Opened {
    doors: Vec<(Valid, Vec<u64>)>,
}

/// No address.
const NEVER: Valid = (1, 0);

impl Opened {
    pub(super) fn new(estate: &Estate<'_>) -> Self {
        Self {
            doors: vec![(NEVER, Vec::new()); estate.columns.doors.len()],
        }
    }

    /// What a door says to a source.
    pub(super) fn ask(&mut self, estate: &Estate<'_>, door: u32, source: u32) -> (Valid, &[u64]) {
        let (valid, bits) = &mut self.doors[door as usize];
        if source < valid.0 || source > valid.1 {
            *valid = ask_door(estate, &estate.columns.doors[door as usize], source, bits);
        }
        (*valid, bits)
    }
}

pub(super) fn ask_door(
    estate: &Estate<'_>,
    door: &Door,
    source: u32,
    bits: &mut Vec<u64>,
) -> Valid {
    let Some(nic) = estate.snapshot.nic(door.nic) else {
        return (0, u32::MAX);
    };
    let asked = Asked {
        policy: estate.snapshot.policy_of(nic),
        direction: Direction::Inbound,
        tags: nic.tags,
        fixed: Fixed::Source,
    };
    estate.rules.admitted(asked, source, &door.space, bits)
}

/// Writes what a door says into bits of a space.
pub(super) fn write(door: &DoorBits, from: &[u64], to: &mut [u64]) {
    for &(in_door, in_space, len) in &door.pieces {
        space::copy(to, in_space as usize, from, in_door as usize, len as usize);
    }
}
