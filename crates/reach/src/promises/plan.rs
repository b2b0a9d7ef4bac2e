//! Which matrices answer the questions of many promises: one for a service over the ends of all promises that ask for it, unless that
//! would ask for too much that nobody wants to know.
//!
//! It does not know what promises say.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use engine::site::Site;
use model::{Location, NicId};

use super::{Watch, World};
use crate::bits::Bits;
use crate::ends::{End, EndKind, Ends};
use crate::matrix::Matrix;
use crate::question::{Asked, Depth, Question};
use crate::watch::Cancelled;

/// What a matrix of no pairs costs, in pairs: what it takes to prepare the rules of a large network.
const MATRIX: u64 = 100_000_000;
/// What a pair costs that only a packet can judge, in others.
const PACKET: u64 = 10_000;

/// A rectangle of pairs about which somebody asks.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// Who asks.
    pub(super) promise: usize,
    /// For what.
    pub(super) asked: Asked,
    pub(super) depth: Depth,
    pub(super) from: Arc<Ends>,
    pub(super) to: Arc<Ends>,
}

/// All ends about which anybody asks, and the rectangles among them.
pub(super) struct Plan<'w> {
    world: World<'w>,
    all: Ends,
    /// Hosts outside Azure.
    outside: Bits,
    /// By address of the ends of a demand.
    sets: HashMap<*const Ends, Bits>,
    alike: OnceLock<Vec<u32>>,
}

/// Demands that one matrix answers.
pub(super) struct Group {
    asked: Asked,
    depth: Depth,
    sources: Bits,
    destinations: Bits,
    /// By position.
    pub(super) demands: Vec<usize>,
}

/// The matrix of a group.
pub(super) struct Board<'p, 'w> {
    plan: &'p Plan<'w>,
    pub(super) matrix: Matrix,
    /// By row, the column that is the same end.
    own: Vec<Option<usize>>,
    /// Of every end, the row and the column.
    row_of: Vec<u32>,
    column_of: Vec<u32>,
}

/// What a matrix says about the pairs of one demand.
pub(super) struct View<'b> {
    pub(super) matrix: &'b Matrix,
    /// Ascending.
    pub(super) rows: Vec<usize>,
    pub(super) columns: Bits,
    own: &'b [Option<usize>],
}

impl View<'_> {
    /// The column of a source that is one of the destinations, too: no pair.
    pub(super) fn own(&self, row: usize) -> Option<usize> {
        self.own[row].filter(|&column| self.columns.get(column))
    }
}

impl<'w> Plan<'w> {
    pub(super) fn new(demands: &[Demand], world: World<'w>) -> Self {
        let mut known: HashMap<*const Ends, &Arc<Ends>> = HashMap::new();
        for demand in demands {
            for ends in [&demand.from, &demand.to] {
                known.entry(Arc::as_ptr(ends)).or_insert(ends);
            }
        }
        let all = match known.values().next() {
            Some(only) if known.len() == 1 => Ends::clone(only),
            _ => Ends::new(known.values().flat_map(|ends| ends.iter().copied())),
        };
        let is_outside = |end: &End| !matches!(end.kind, EndKind::Primary | EndKind::Secondary);
        let sets = known.into_iter().map(|(name, ends)| {
            let key = |end: &End| (end.address, end.worker);
            let mut wanted = ends.iter().map(key).peekable();
            let mut set = Bits::new(all.len());
            for (position, end) in all.iter().enumerate() {
                if wanted.next_if_eq(&key(end)).is_some() {
                    set.set(position, true);
                }
            }
            (name, set)
        });
        let mut outside = Bits::new(all.len());
        for (position, end) in all.iter().enumerate() {
            outside.set(position, is_outside(end));
        }
        Self {
            world,
            sets: sets.collect(),
            outside,
            alike: OnceLock::new(),
            all,
        }
    }

    /// Puts demands together.
    pub(super) fn groups(&self, demands: &[Demand]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (position, demand) in demands.iter().enumerate() {
            let (from, to) = (self.set(&demand.from), self.set(&demand.to));
            if from.is_empty() || to.is_empty() {
                continue;
            }
            let alone = self.cost(from, to);
            let candidates = groups.iter_mut().filter_map(|group| {
                if (group.asked, group.depth) != (demand.asked, demand.depth) {
                    return None;
                }
                let (sources, destinations) = (
                    united(&group.sources, from),
                    united(&group.destinations, to),
                );
                let together = self.cost(&sources, &destinations);
                let more = together.saturating_sub(self.cost(&group.sources, &group.destinations));
                (more <= alone).then_some((more, group, sources, destinations))
            });
            match candidates.min_by_key(|&(more, ..)| more) {
                Some((_, group, sources, destinations)) => {
                    group.sources = sources;
                    group.destinations = destinations;
                    group.demands.push(position);
                }
                None => groups.push(Group {
                    asked: demand.asked,
                    depth: demand.depth,
                    sources: from.clone(),
                    destinations: to.clone(),
                    demands: vec![position],
                }),
            }
        }
        groups
    }

    fn set(&self, ends: &Arc<Ends>) -> &Bits {
        &self.sets[&Arc::as_ptr(ends)]
    }

    fn cost(&self, from: &Bits, to: &Bits) -> u64 {
        let outside = |set: &Bits| {
            let mut set = set.clone();
            set.intersect(&self.outside);
            set.count()
        };
        let (rows, columns) = (from.count(), to.count());
        let packets = outside(from) * columns + outside(to) * rows;
        MATRIX + rows * columns + packets.saturating_mul(PACKET)
    }

    /// Judges the pairs of a group.
    pub(super) fn board(&self, group: &Group, watch: &Watch) -> Result<Board<'_, 'w>, Cancelled> {
        let ends = |set: &Bits| {
            let mut number_of = vec![u32::MAX; self.all.len()];
            let mut ends = Vec::new();
            for (position, number) in set.iter().zip(0_u32..) {
                number_of[position] = number;
                ends.push(self.all[position]);
            }
            (Arc::new(Ends::new(ends)), number_of)
        };
        let (sources, row_of) = ends(&group.sources);
        let (destinations, column_of) = ends(&group.destinations);
        let question = Question {
            asked: group.asked,
            listeners: false,
            depth: group.depth,
            source_port: None,
        };
        let snapshot = self.world.snapshot;
        let matrix = crate::matrix(snapshot, &sources, &destinations, question, watch)?;
        let own = group.sources.iter().map(|position| {
            let column = column_of[position];
            (column != u32::MAX).then_some(column as usize)
        });
        Ok(Board {
            own: own.collect(),
            plan: self,
            matrix,
            row_of,
            column_of,
        })
    }

    /// Groups of ends that take the same ways, equally long.
    fn alike(&self) -> &[u32] {
        self.alike.get_or_init(|| {
            let World {
                network, snapshot, ..
            } = self.world;
            let mut places: HashMap<(Option<Location>, Option<String>), u32> = HashMap::new();
            let numbers: HashMap<NicId, u32> = self
                .all
                .iter()
                .map(|end| {
                    let site = Site::of(network, end.worker);
                    let place = site.as_ref().map(Site::place).unwrap_or_default();
                    let region = place.region.map(Location::new);
                    let key = (region, place.zone.map(str::to_owned));
                    let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
                    (end.worker, *places.entry(key).or_insert(next))
                })
                .collect();
            crate::classes::alike(snapshot, &self.all, |end| numbers.get(&end.worker).copied())
        })
    }
}

impl Board<'_, '_> {
    pub(super) fn view(&self, demand: &Demand) -> View<'_> {
        let mut columns = Bits::new(self.matrix.destinations().len());
        for position in self.plan.set(&demand.to).iter() {
            columns.set(self.column_of[position] as usize, true);
        }
        let rows = self.plan.set(&demand.from).iter();
        View {
            matrix: &self.matrix,
            rows: rows
                .map(|position| self.row_of[position] as usize)
                .collect(),
            columns,
            own: &self.own,
        }
    }

    /// Of every row, and of every column, the group of ends that take the same ways.
    pub(super) fn alike(&self) -> [Vec<u32>; 2] {
        let alike = self.plan.alike();
        [&self.row_of, &self.column_of].map(|number_of| {
            let here = number_of.iter().zip(alike);
            let here = here.filter(|&(&number, _)| number != u32::MAX);
            here.map(|(_, &group)| group).collect()
        })
    }
}

fn united(one: &Bits, other: &Bits) -> Bits {
    let mut all = one.clone();
    all.unite(other);
    all
}
