//! The verdicts about all pairs. Sources with equal rows share one, so that a matrix is as large as its classes.

use std::collections::HashMap;
use std::sync::Arc;

use control::Snapshot;
use engine::reachability::{Service, Verdict};
use foldhash::fast::FixedState;

use crate::bits::{BitRow, Bits};
use crate::ends::Ends;
use crate::pair::PairJudge;
use crate::ports;
use crate::probe::{Answer, Cell};
use crate::question::{Asked, Depth, Question};

/// The verdicts about all pairs of sources (rows) and destinations (columns). An end is no pair with itself.
#[derive(Clone, Debug)]
pub struct Matrix {
    question: Question,
    sources: Arc<Ends>,
    destinations: Arc<Ends>,
    rows: Vec<Row>,
    class_of: Vec<u32>,
}

/// The verdicts about one source, or about several that have the same.
///
/// The set of an end's own column, which is no pair, is whatever makes equal rows of sources that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Destinations at which the probe arrives.
    pub forward: BitRow,
    /// Those whose reply arrives, too; empty if the reply does not count.
    pub round_trip: BitRow,
    /// Those of which the input does not hold what decides.
    pub unknown: BitRow,
    /// Those for which another hash would give another answer.
    pub depends_on_hash: BitRow,
}

/// How many pairs have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All pairs.
    pub pairs: u64,
    /// Pairs of which the probe arrives, whatever becomes of its reply.
    pub forward: u64,
    /// Reachable ones: with the reply if that counts.
    pub reachable: u64,
    /// Forward only.
    pub forward_only: u64,
    /// Unreachable.
    pub unreachable: u64,
    /// Unknown.
    pub unknown: u64,
    /// With a verdict that another hash would change.
    pub depends_on_hash: u64,
}

/// Sources and destinations that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Positions of sources with equal rows, ascending; in the order of the first of each.
    pub sources: Vec<Vec<u32>>,
    /// Positions of destinations with equal columns, ascending; in the order of the first of each.
    pub destinations: Vec<Vec<u32>>,
}

impl Row {
    /// The row that these cells make.
    pub(crate) fn of_cells(cells: impl ExactSizeIterator<Item = Cell>) -> Self {
        let mut sets: [Bits; 4] = std::array::from_fn(|_| Bits::new(cells.len()));
        for (position, cell) in cells.enumerate() {
            for (set, bit) in sets.iter_mut().zip(cell.bits()) {
                if bit {
                    set.set(position, true);
                }
            }
        }
        Self::of_sets(&sets)
    }

    /// The row with these sets, in the order of its fields.
    pub(crate) fn of_sets(sets: &[Bits; 4]) -> Self {
        let [forward, round_trip, unknown, depends_on_hash] = sets.each_ref().map(Bits::row);
        Self {
            forward,
            round_trip,
            unknown,
            depends_on_hash,
        }
    }

    /// What is known of a destination.
    pub fn cell(&self, destination: usize) -> Cell {
        Cell {
            forward: self.forward.get(destination),
            round_trip: self.round_trip.get(destination),
            unknown: self.unknown.get(destination),
            depends_on_hash: self.depends_on_hash.get(destination),
        }
    }

    /// Heap memory in bytes.
    pub fn memory(&self) -> usize {
        let sets = [
            &self.forward,
            &self.round_trip,
            &self.unknown,
            &self.depends_on_hash,
        ];
        sets.into_iter().map(BitRow::memory).sum()
    }
}

impl Matrix {
    pub(crate) fn new(
        question: Question,
        sources: Arc<Ends>,
        destinations: Arc<Ends>,
        rows: Vec<Row>,
        class_of: Vec<u32>,
    ) -> Self {
        Self {
            question,
            sources,
            destinations,
            rows,
            class_of,
        }
    }

    /// Puts equal rows together; `rows`: one a source.
    pub(crate) fn of_rows(
        question: Question,
        sources: Arc<Ends>,
        destinations: Arc<Ends>,
        rows: Vec<Row>,
    ) -> Self {
        let mut numbers: HashMap<Row, u32, FixedState> = HashMap::default();
        let mut class_of = Vec::with_capacity(rows.len());
        for row in rows {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            class_of.push(*numbers.entry(row).or_insert(next));
        }
        let mut rows: Vec<(u32, Row)> = numbers.into_iter().map(|(row, n)| (n, row)).collect();
        rows.sort_unstable_by_key(|&(number, _)| number);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Self::new(question, sources, destinations, rows, class_of)
    }

    /// What is known for two sets of ports together, of the same ends: whether one of them or both have to be reached is part of the question.
    pub(crate) fn combined(&self, other: &Self) -> Self {
        let len = self.destinations.len();
        let depth = self.question.depth;
        let mut known: HashMap<(u32, u32), Row, FixedState> = HashMap::default();
        let rows = self
            .class_of
            .iter()
            .zip(&other.class_of)
            .map(|(&one, &other_one)| {
                let row = known.entry((one, other_one)).or_insert_with(|| {
                    let (one, other) = (&self.rows[one as usize], &other.rows[other_one as usize]);
                    Row::of_cells((0..len).map(|column| {
                        let (one, other) = (one.cell(column), other.cell(column));
                        match self.question.asked {
                            Asked::AnyPort(_) => one.or(other, depth),
                            Asked::One(_) | Asked::AllPorts(_) => one.and(other, depth),
                        }
                    }))
                });
                row.clone()
            });
        let rows = rows.collect();
        let (sources, destinations) = (&self.sources, &self.destinations);
        Self::of_rows(self.question, sources.clone(), destinations.clone(), rows)
    }

    /// What was asked.
    pub fn question(&self) -> Question {
        self.question
    }

    /// Who asks: the rows.
    pub fn sources(&self) -> &Ends {
        &self.sources
    }

    /// Who is asked: the columns.
    pub fn destinations(&self) -> &Ends {
        &self.destinations
    }

    pub(crate) fn shared_sources(&self) -> &Arc<Ends> {
        &self.sources
    }

    pub(crate) fn shared_destinations(&self) -> &Arc<Ends> {
        &self.destinations
    }

    /// The row of a source.
    ///
    /// # Panics
    ///
    /// If there are not so many sources.
    pub fn row(&self, source: usize) -> &Row {
        &self.rows[self.class_of[source] as usize]
    }

    /// The distinct rows, by class.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The class of a source: the number of its row in [`rows`](Self::rows).
    ///
    /// # Panics
    ///
    /// If there are not so many sources.
    pub fn class_of(&self, source: usize) -> u32 {
        self.class_of[source]
    }

    /// The column of a source that is also a destination.
    pub fn own_column(&self, source: usize) -> Option<usize> {
        let end = self.sources.get(source)?;
        self.destinations.position(end.address, end.worker)
    }

    /// What is known of a pair; `None` for an end with itself.
    ///
    /// # Panics
    ///
    /// If there are not so many sources.
    pub fn cell(&self, source: usize, destination: usize) -> Option<Cell> {
        let (from, to) = (&self.sources[source], self.destinations.get(destination)?);
        let is_pair = (from.address, from.worker) != (to.address, to.worker);
        is_pair.then(|| self.row(source).cell(destination))
    }

    /// The verdict about a pair; `None` for an end with itself.
    ///
    /// # Panics
    ///
    /// If there are not so many sources.
    pub fn verdict(&self, source: usize, destination: usize) -> Option<Verdict> {
        self.cell(source, destination)
            .map(|cell| self.in_one_word(cell))
    }

    /// What a cell comes to: whether the reply counts is part of the question.
    pub fn in_one_word(&self, cell: Cell) -> Verdict {
        cell.verdict(self.question.depth)
    }

    /// The destinations of a class of sources that have this verdict.
    ///
    /// # Panics
    ///
    /// If there is no such class.
    pub fn with_verdict(&self, class: u32, verdict: Verdict) -> Bits {
        let row = &self.rows[class as usize];
        let len = self.destinations.len();
        let reached = match self.question.depth {
            Depth::Forward => &row.forward,
            Depth::RoundTrip => &row.round_trip,
        };
        let (mut bits, others) = match verdict {
            Verdict::Reachable => (reached.bits(len), [None; 2]),
            Verdict::Unknown => (row.unknown.bits(len), [Some(reached), None]),
            Verdict::ForwardOnly => (row.forward.bits(len), [Some(reached), Some(&row.unknown)]),
            Verdict::Unreachable => {
                let mut all = Bits::new(len);
                all.insert(0..len);
                (all, [Some(&row.forward), Some(&row.unknown)])
            }
        };
        for other in others.into_iter().flatten() {
            bits.subtract(&other.bits(len));
        }
        bits
    }

    /// Pairs by verdict.
    pub fn counts(&self) -> Counts {
        let len = self.destinations.len() as u64;
        let by_class: Vec<Counts> = (0_u32..)
            .zip(&self.rows)
            .map(|(class, row)| {
                let count = |verdict| self.with_verdict(class, verdict).count();
                Counts {
                    pairs: len,
                    forward: row.forward.count(),
                    reachable: count(Verdict::Reachable),
                    forward_only: count(Verdict::ForwardOnly),
                    unreachable: count(Verdict::Unreachable),
                    unknown: count(Verdict::Unknown),
                    depends_on_hash: row.depends_on_hash.count(),
                }
            })
            .collect();
        let mut counts = Counts::default();
        for source in 0..self.sources.len() {
            counts.add(&by_class[self.class_of[source] as usize]);
            if let Some(own) = self.own_column(source) {
                let cell = self.row(source).cell(own);
                counts.without(cell, self.in_one_word(cell));
            }
        }
        counts
    }

    /// Sources with equal rows, and destinations with equal columns.
    pub fn classes(&self) -> Classes {
        let mut sources = vec![Vec::new(); self.rows.len()];
        for (source, &class) in (0_u32..).zip(&self.class_of) {
            sources[class as usize].push(source);
        }
        sources.retain(|members| !members.is_empty());
        sources.sort_unstable();
        // Equal columns have equal fingerprints, and unequal ones as good as never.
        let mut prints = vec![0_u128; self.destinations.len()];
        for (row, salt) in self.rows.iter().zip(1_u128..) {
            let sets = [
                &row.forward,
                &row.round_trip,
                &row.unknown,
                &row.depends_on_hash,
            ];
            for (set, kind) in sets.into_iter().zip(0_u128..) {
                let key = scatter(salt << 2 | kind);
                for position in set.iter() {
                    prints[position] ^= key;
                }
            }
        }
        let mut numbers: HashMap<u128, usize, FixedState> = HashMap::default();
        let mut destinations: Vec<Vec<u32>> = Vec::new();
        for (destination, print) in (0_u32..).zip(prints) {
            let next = destinations.len();
            let number = *numbers.entry(print).or_insert(next);
            if number == next {
                destinations.push(Vec::new());
            }
            destinations[number].push(destination);
        }
        Classes {
            sources,
            destinations,
        }
    }

    /// What becomes of a probe between two ends and of its reply: why the verdict is what it is. `snapshot` must be the one that the matrix
    /// was made of. Of many ports, one that gives the verdict; `None` for an end with itself.
    ///
    /// # Panics
    ///
    /// If there are not so many sources.
    pub fn reason(
        &self,
        snapshot: &Snapshot,
        source: usize,
        destination: usize,
    ) -> Option<(Service, Answer)> {
        let wanted = self.verdict(source, destination)?;
        let (from, to) = (&self.sources[source], &self.destinations[destination]);
        Some(PairJudge::new(snapshot, self.question).reason(from, to, wanted))
    }

    /// Heap memory of rows and classes in bytes.
    pub fn memory(&self) -> usize {
        let rows = self.rows.iter().map(Row::memory).sum::<usize>();
        rows + size_of_val(&*self.rows) + size_of_val(&*self.class_of)
    }
}

/// The services that have to be judged for a question.
pub(crate) fn services(snapshot: &Snapshot, asked: Asked) -> Vec<Service> {
    match asked {
        Asked::One(service) => vec![service],
        Asked::AnyPort(protocol) | Asked::AllPorts(protocol) => {
            let ports = ports::representatives(snapshot, protocol);
            ports
                .into_iter()
                .map(|port| protocol.service(port))
                .collect()
        }
    }
}

impl Counts {
    /// These and those.
    pub(crate) fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.forward += other.forward;
        self.reachable += other.reachable;
        self.forward_only += other.forward_only;
        self.unreachable += other.unreachable;
        self.unknown += other.unknown;
        self.depends_on_hash += other.depends_on_hash;
    }

    /// Without a cell that is no pair.
    pub(crate) fn without(&mut self, cell: Cell, verdict: Verdict) {
        self.pairs -= 1;
        self.forward -= u64::from(cell.forward);
        self.depends_on_hash -= u64::from(cell.depends_on_hash);
        *match verdict {
            Verdict::Reachable => &mut self.reachable,
            Verdict::ForwardOnly => &mut self.forward_only,
            Verdict::Unreachable => &mut self.unreachable,
            Verdict::Unknown => &mut self.unknown,
        } -= 1;
    }
}

/// A number with bits all over, of a number that is none of the kind.
fn scatter(number: u128) -> u128 {
    use std::hash::BuildHasher;

    let half = |salt: u64| u128::from(FixedState::with_seed(salt).hash_one(number));
    half(1) << 64 | half(2)
}
