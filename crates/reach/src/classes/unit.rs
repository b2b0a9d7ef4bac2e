//! Sources that no table of routes or links tells apart, and what all of their rows have in common: the columns that matter to them, the
//! ways there and back. What is left for each row is rules.

mod joined;

use std::collections::BTreeSet;

use self::joined::joined;
pub(super) use self::joined::{Judged, WayBits};
use super::Estate;
use super::columns::Door;
use super::luck::{self, ALL};
use super::replies::{Crossings, Replies, ReplyFinder};
use super::rules::Valid;
use super::space::{self, Space};
use super::spans::Spans;
use super::ways::{Asker, End, Finder, Origin};
use crate::question::Depth;

/// Sources in the order of their addresses, by position.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) sources: Vec<u32>,
}

impl Unit {
    /// Where packets of its sources set out, and the addresses of the first and the last.
    pub(super) fn origin(&self, estate: &Estate<'_>) -> Option<(Origin, (u32, u32))> {
        let of = |source: &u32| estate.sources[*source as usize];
        let (first, last) = (of(self.sources.first()?), of(self.sources.last()?));
        let (guest, _) = estate.snapshot.guest_behind(first.worker)?;
        let origin = Origin {
            nic: first.worker,
            guest,
            address: first.address,
        };
        Some((origin, (first.address.into(), last.address.into())))
    }
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
    /// Columns on which nothing listens, if that counts.
    pub(super) deaf: Option<Vec<u64>>,
    /// Doors of which columns are in the space, and where their pieces begin and end.
    pub(super) doors: Vec<DoorBits>,
    pieces: Vec<Piece>,
}

/// A door, and which of the pieces are its columns.
pub(super) struct DoorBits {
    pub(super) door: u32,
    pieces: (u32, u32),
}

/// Columns of a door that are neighbours: number in the door, number in the space, how many.
pub(super) type Piece = (u32, u32, u32);

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
        for way in &ways.list {
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
        let mut bits = Vec::with_capacity(ways.list.len());
        for way in &ways.list {
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
            bits.push((found, way.luck.clone()));
        }
        let shares = ways.list.iter().filter(|way| way.end != End::Aside);
        let shares = shares.map(|way| (&way.columns, way.luck.share()));
        let through = if ways.forked.is_empty() {
            Spans::default()
        } else {
            luck::through(shares, ALL)
        };
        let lost = space.bits(&ways.forked.without(through.as_slice()));
        let bits = joined(bits);
        let (doors, pieces) = doors(estate, &all, &space);
        let forks = bits.iter().any(|way| way.is_forked || way.forks.is_some());
        Self {
            ways: bits,
            lost,
            forks,
            odd: space.bits(&ways.odd),
            strange: space.bits(&estate.columns.strange),
            twins,
            deaf: (!estate.deaf.is_empty()).then(|| space.bits(&estate.deaf)),
            doors,
            pieces,
            space,
        }
    }
}

/// The doors of some columns, and their pieces, door by door.
fn doors(estate: &Estate<'_>, columns: &Spans, space: &Space) -> (Vec<DoorBits>, Vec<Piece>) {
    let all = &estate.columns;
    let mut found: Vec<(u32, Piece)> = Vec::new();
    // By door, how many pieces; then where the next one goes.
    let mut next = vec![0_u32; all.doors.len()];
    for &(start, end) in columns.as_slice() {
        let from = all
            .door_spans
            .partition_point(|&(_, last, _)| last <= start);
        let first_of_span = space.rank(start);
        for &(first, last, door) in &all.door_spans[from..] {
            if first >= end {
                break;
            }
            let (first, last) = (first.max(start), last.min(end));
            let in_door = all.doors[door as usize].space.rank(first);
            let in_space = first_of_span + (first - start);
            found.push((door, (in_door, in_space, last - first)));
            next[door as usize] += 1;
        }
    }
    let mut doors = Vec::new();
    let mut behind = 0;
    for (door, count) in (0_u32..).zip(&mut next) {
        if *count > 0 {
            let pieces = (behind, behind + *count);
            doors.push(DoorBits { door, pieces });
            behind = pieces.1;
            *count = pieces.0;
        }
    }
    let mut pieces = vec![(0, 0, 0); found.len()];
    for (door, piece) in found {
        let place = &mut next[door as usize];
        pieces[*place as usize] = piece;
        *place += 1;
    }
    (doors, pieces)
}

/// What the doors of all columns say to one source, as far as they were asked.
pub(super) struct Opened {
    doors: Vec<(Valid, Vec<u64>)>,
}

/// No address.
pub(super) const NEVER: Valid = (1, 0);

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
    let Some(asked) = door.asked(estate.snapshot) else {
        return (0, u32::MAX);
    };
    estate.rules.admitted(asked, source, &door.space, bits)
}

impl Terrain {
    /// The addresses that appliances put in, of those whose packets come to doors.
    pub(super) fn others_who_ask(&self) -> BTreeSet<u32> {
        let ways = self.ways.iter().filter(|way| way.asks_doors());
        let others = ways.filter_map(|way| match way.asker {
            Asker::Own => None,
            Asker::Other(address) => Some(address),
        });
        others.collect()
    }

    /// Whether packets with the source's own address come to doors.
    pub(super) fn sources_ask(&self) -> bool {
        let mut ways = self.ways.iter();
        ways.any(|way| way.asker == Asker::Own && way.asks_doors())
    }

    /// Where the columns of a door are.
    pub(super) fn pieces(&self, door: &DoorBits) -> &[Piece] {
        let (first, behind) = door.pieces;
        &self.pieces[first as usize..behind as usize]
    }

    /// Writes what a door says into bits of the space.
    pub(super) fn write(&self, door: &DoorBits, from: &[u64], to: &mut [u64]) {
        for &(in_door, in_space, len) in self.pieces(door) {
            space::copy(to, in_space as usize, from, in_door as usize, len as usize);
        }
    }
}
