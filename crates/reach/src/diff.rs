//! What a change of a network does to who reaches whom: pairs lost and gained, pairs that take another way, and what flipped them.
//!
//! Two matrices are compared row by row, equal rows once, and only in what both have: ends that one network has not are counted, not
//! compared. Pairs that changed alike are put together; for one of each group a packet is sent in both networks, and where its lives part
//! is what flipped the group ([`cause`]).
//!
//! | module | what it is |
//! |---|---|
//! | [`inventory`] | the objects of a network and what is written in them |
//! | [`map`] | what the user says was renamed |
//! | [`objects`] | which objects of one network are which of the other, and what has become of them |
//! | [`ends`] | which rows and columns are which |
//! | `pairs`, `rectangles`, `split` | the difference of two matrices, as groups of sources times groups of destinations |
//! | [`ways`] | pairs that take another way |
//! | [`cause`] | what flipped a pair |
//!
//! It does not know files, nor how differences are told to people.

pub mod cause;
pub mod ends;
pub mod inventory;
pub mod map;
pub mod objects;
mod pairs;
mod rectangles;
mod split;
pub mod ways;

use engine::reachability::{Service, Verdict};
use rayon::prelude::*;

pub use self::cause::{Account, Cause, Nearness};
pub use self::ends::{Matched, World};
pub use self::inventory::{Inventory, Kind, Value};
pub use self::map::{Renaming, RenamingError};
pub use self::objects::{Change, Difference, Objects, Side};
use self::rectangles::Rectangle;
pub use self::ways::Ways;

use crate::matrix::services;
use crate::probe::{Prober, Story};
use crate::question::Asked;
use crate::watch::{Cancelled, Watch};

/// How much work a comparison may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Groups of pairs of each fate for which a packet is sent to find the cause, the largest first. The others are told without.
    pub witnesses: usize,
    /// Packets' ways that are held against each other; with more candidates than this, one of each class of pairs.
    pub ways: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            witnesses: 5_000,
            ways: 20_000,
        }
    }
}

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Reachable before, and no more.
    Lost,
    /// Not reachable before, and now it is.
    Gained,
    /// Reachable in both, past other devices, there or back.
    Rerouted,
    /// Reachable in both; there and back now pass different appliances or gateways, and did not before.
    Asymmetric,
}

/// Pairs with the same fate for the same cause.
#[derive(Clone, Debug)]
pub struct Group {
    /// What became of them.
    pub fate: Fate,
    /// Common positions of the sources, ascending.
    pub sources: Vec<u32>,
    /// Common positions of the destinations, ascending. Every source with every destination, but for ends with themselves and, for
    /// [`Fate::Rerouted`] and [`Fate::Asymmetric`], pairs that are not reachable.
    pub destinations: Vec<u32>,
    /// How many pairs.
    pub pairs: u64,
    /// One of them, and what became of it; `None` for groups beyond [`Limits::witnesses`].
    pub witness: Option<Witness>,
}

/// One pair of a group, as packets met it.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Common position.
    pub source: u32,
    /// Common position.
    pub destination: u32,
    /// What was asked for.
    pub service: Service,
    /// What flipped it.
    pub cause: Cause,
    /// What became of it in the first network.
    pub before: Account,
    /// And in the second one.
    pub after: Account,
}

/// What a change does.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Rows that both matrices have.
    pub sources: Matched,
    /// Columns that both have.
    pub destinations: Matched,
    /// Pairs that both have.
    pub pairs: u64,
    /// By fate, and by the pairs of a cause, the most first.
    pub groups: Vec<Group>,
    /// Pairs that are reachable in neither and have another verdict now.
    pub otherwise: u64,
    /// There are so many groups that some hold ends of several subnets: their cause is that of the pair that was looked at, and others of
    /// their pairs may have another.
    pub is_sampled: bool,
    /// Of how many pairs the ways were held against each other, and how.
    pub ways: Ways,
}

impl Comparison {
    /// How many pairs have a fate.
    pub fn count(&self, fate: Fate) -> u64 {
        let groups = self.groups.iter().filter(|group| group.fate == fate);
        groups.map(|group| group.pairs).sum()
    }

    /// Whether nothing was lost, gained or rerouted.
    pub fn is_quiet(&self) -> bool {
        self.groups.is_empty() && self.otherwise == 0
    }
}

/// Compares who reaches whom in two networks. Both matrices must answer the same question. `may_differ`: positions in the first matrix of
/// the only sources whose rows can be others, if that is known.
///
/// # Errors
///
/// If `watch` has cancelled the work.
pub fn compare(
    objects: &Objects<'_>,
    before: &World<'_>,
    after: &World<'_>,
    may_differ: Option<&[u32]>,
    limits: Limits,
    watch: &Watch,
) -> Result<Comparison, Cancelled> {
    let sources = Matched::new(objects, before.matrix.sources(), after.matrix.sources());
    let (columns, new_columns) = (before.matrix.destinations(), after.matrix.destinations());
    let destinations =
        if columns == before.matrix.sources() && new_columns == after.matrix.sources() {
            sources.clone()
        } else {
            Matched::new(objects, columns, new_columns)
        };
    let own = pairs::own_columns(before.matrix, &sources, &destinations);
    let selves = own.iter().filter(|own| own.is_some()).count();
    let changed = pairs::compare(before, after, &sources, &destinations, may_differ, watch)?;
    let bench = Bench {
        objects,
        before,
        after,
        sources: &sources,
        destinations: &destinations,
        own: &own,
        limits,
        watch,
    };
    let mut groups = Vec::new();
    let mut is_sampled = false;
    for (fate, rows) in [(Fate::Lost, &changed.lost), (Fate::Gained, &changed.gained)] {
        let (found, is_finest) = bench.split(rectangles::rectangles(rows, destinations.len()));
        is_sampled |= !is_finest;
        let found = found.into_iter().map(|rectangle| {
            let pairs = rectangle.pairs(&own);
            let witness = rectangle.witness(&own);
            (rectangle, pairs, witness)
        });
        groups.extend(bench.explained(fate, found.collect())?);
    }
    let ways = ways::compare(&bench, &mut groups)?;
    sort(&mut groups);
    let pairs = sources.len() as u64 * destinations.len() as u64 - selves as u64;
    Ok(Comparison {
        pairs,
        groups,
        otherwise: changed.otherwise,
        is_sampled,
        ways,
        sources,
        destinations,
    })
}

/// By fate; then causes, those of most pairs first; then groups of a cause.
fn sort(groups: &mut [Group]) {
    let cause = |group: &Group| {
        (
            group.fate,
            group.witness.as_ref().map(|it| it.cause.clone()),
        )
    };
    let mut weights = std::collections::BTreeMap::new();
    for group in groups.iter() {
        *weights.entry(cause(group)).or_insert(0_u64) += group.pairs;
    }
    groups.sort_by_cached_key(|group| {
        let key = cause(group);
        let weight = weights.get(&key).copied().unwrap_or(0);
        (
            key.0,
            // Without a cause: behind all others.
            key.1.is_none(),
            std::cmp::Reverse(weight),
            key.1,
            std::cmp::Reverse(group.pairs),
            group.sources.clone(),
            group.destinations.clone(),
        )
    });
}

/// What every part of a comparison needs.
pub(crate) struct Bench<'a, 'n> {
    objects: &'a Objects<'n>,
    before: &'a World<'a>,
    after: &'a World<'a>,
    sources: &'a Matched,
    destinations: &'a Matched,
    own: &'a [Option<u32>],
    limits: Limits,
    watch: &'a Watch,
}

/// What groups that are told as one have in common: cause, service, and how the packets ended.
type CauseKey = Option<(Cause, Service, [(Verdict, Option<&'static str>); 2])>;

/// A rectangle, how many of its pairs are meant, and one of them.
type Found = (Rectangle, u64, Option<(u32, u32)>);

impl Bench<'_, '_> {
    fn world(&self, side: Side) -> &World<'_> {
        match side {
            Side::Before => self.before,
            Side::After => self.after,
        }
    }

    /// Ends of a common pair in one network.
    fn ends(&self, side: Side, (source, destination): (u32, u32)) -> (usize, usize) {
        let from = self.sources.of(side)[source as usize];
        let to = self.destinations.of(side)[destination as usize];
        (from as usize, to as usize)
    }

    /// What becomes of a common pair's probe in one network.
    fn story(&self, side: Side, pair: (u32, u32), service: Service) -> Story {
        let world = self.world(side);
        let (from, to) = self.ends(side, pair);
        let (from, to) = (
            &world.matrix.sources()[from],
            &world.matrix.destinations()[to],
        );
        let question = world.matrix.question();
        let prober = Prober::of(world.snapshot, service, question);
        let (prober, asked) = prober.towards(from, to);
        prober.story((from.worker, from.address), asked)
    }

    /// A service that shows the fate of a pair.
    fn service(&self, fate: Fate, pair: (u32, u32)) -> Service {
        let asked = self.before.matrix.question().asked;
        // The port that did, or does, get through is told by the side that is better off; if all have to, the one that does not by the
        // other.
        let side = match (asked, fate) {
            (Asked::One(service), _) => return service,
            (Asked::AnyPort(_), Fate::Gained) | (Asked::AllPorts(_), Fate::Lost) => Side::After,
            _ => Side::Before,
        };
        let world = self.world(side);
        let (from, to) = self.ends(side, pair);
        let found = world.matrix.reason(world.snapshot, from, to);
        let first = || services(world.snapshot, asked).first().copied();
        found
            .map(|(service, _)| service)
            .or_else(first)
            .unwrap_or(Service::Icmp)
    }

    fn witness(&self, fate: Fate, pair: (u32, u32)) -> Witness {
        let service = self.service(fate, pair);
        let workers = [Side::Before, Side::After].map(|side| {
            let matrix = self.world(side).matrix;
            let (from, to) = self.ends(side, pair);
            (
                matrix.sources()[from].worker,
                matrix.destinations()[to].worker,
            )
        });
        let stories = (
            self.story(Side::Before, pair, service),
            self.story(Side::After, pair, service),
        );
        let worlds = (self.before, self.after);
        let (cause, before, after) = cause::find(self.objects, worlds, stories, workers);
        Witness {
            source: pair.0,
            destination: pair.1,
            service,
            cause,
            before,
            after,
        }
    }

    /// Finds the causes of rectangles and puts those together that have the same one and ended in the same way.
    fn explained(&self, fate: Fate, found: Vec<Found>) -> Result<Vec<Group>, Cancelled> {
        let mut found = found;
        found.retain(|&(_, pairs, _)| pairs > 0);
        // The largest first; equal ones stay in their order.
        found.sort_by_key(|&(_, pairs, _)| std::cmp::Reverse(pairs));
        let witnesses: Result<Vec<Option<Witness>>, Cancelled> = found
            .par_iter()
            .enumerate()
            .map(|(number, &(_, _, pair))| {
                self.watch.go_on()?;
                Ok(match pair {
                    Some(pair) if number < self.limits.witnesses => Some(self.witness(fate, pair)),
                    _ => None,
                })
            })
            .collect();
        let key = |witness: &Option<Witness>| -> CauseKey {
            let witness = witness.as_ref()?;
            let end = |account: &Account| {
                let answer = &account.story.answer;
                let last = answer.reply.as_ref().unwrap_or(&answer.forward);
                let reason = last.dropped().map(|dropped| dropped.reason().name());
                (answer.verdict, reason)
            };
            let ends = [end(&witness.before), end(&witness.after)];
            Some((witness.cause.clone(), witness.service, ends))
        };
        let mut by_key: std::collections::BTreeMap<CauseKey, (Vec<Found>, Option<Witness>)> =
            std::collections::BTreeMap::new();
        for (rectangle, witness) in found.into_iter().zip(witnesses?) {
            let entry = by_key.entry(key(&witness)).or_default();
            entry.0.push(rectangle);
            // That of the largest rectangle stays.
            if entry.1.is_none() {
                entry.1 = witness;
            }
        }
        let mut groups = Vec::new();
        for (found, witness) in by_key.into_values() {
            // Rectangles that are not full of pairs cannot be put together: nobody could count them any more.
            let (full, others): (Vec<Found>, Vec<Found>) = found
                .into_iter()
                .partition(|(rectangle, pairs, _)| rectangle.pairs(self.own) == *pairs);
            let full = full.into_iter().map(|(rectangle, ..)| rectangle).collect();
            let full = rectangles::merged(full).into_iter().map(|rectangle| {
                let pairs = rectangle.pairs(self.own);
                (rectangle, pairs)
            });
            let others = others
                .into_iter()
                .map(|(rectangle, pairs, _)| (rectangle, pairs));
            for (rectangle, pairs) in full.chain(others) {
                let of_it = witness.as_ref().filter(|witness| {
                    rectangle.sources.binary_search(&witness.source).is_ok()
                        && rectangle
                            .destinations
                            .binary_search(&witness.destination)
                            .is_ok()
                });
                let witness = match (&witness, of_it) {
                    (None, _) => None,
                    (Some(_), Some(witness)) => Some(witness.clone()),
                    // The cause is known to be the same; the pair is one of this group.
                    (Some(_), None) => rectangle
                        .witness(self.own)
                        .map(|pair| self.witness(fate, pair)),
                };
                groups.push(Group {
                    fate,
                    sources: rectangle.sources,
                    destinations: rectangle.destinations,
                    pairs,
                    witness,
                });
            }
        }
        Ok(groups)
    }
}
