//! Pairs, counted by whether they keep a promise.

use std::sync::Arc;

use super::plan::{Demand, Plan, View};
use super::{
    JudgeError, Judgement, Limits, Outcome, Promise, PromiseKind, Watch, Witness, World, ways,
};
use crate::Service;
use crate::bits::Bits;
use crate::matrix::{Matrix, Row};
use crate::probe::Prober;
use crate::watch::Cancelled;

type Judged = Result<Judgement, JudgeError>;

pub(super) fn judge(
    promises: &[Promise],
    world: World<'_>,
    limits: Limits,
    watch: &Watch,
) -> Result<Vec<Judged>, Cancelled> {
    let demands = demands(promises);
    let plan = Plan::new(&demands, world);
    let mut found: Vec<Option<Judged>> = vec![None; demands.len()];
    for group in plan.groups(&demands) {
        let board = plan.board(&group, watch)?;
        for &position in &group.demands {
            let demand = &demands[position];
            let promise = &promises[demand.promise];
            let view = board.view(demand);
            let judged = match promise.kind {
                PromiseKind::Must | PromiseKind::MustNot => Ok(by_verdict(promise, &view, world)),
                PromiseKind::MustPassThrough(_)
                | PromiseKind::MustNotPassThrough(_)
                | PromiseKind::MaxLatency(_) => {
                    let alike = board.alike();
                    ways::judge(promise, demand, &view, alike, world, limits, watch)
                }
            };
            let judged = judged.map(|judged| Judgement {
                depends_on_hash: hashed(&view),
                ..judged
            });
            if let Err(JudgeError::Cancelled(cancelled)) = judged {
                return Err(cancelled);
            }
            found[position] = Some(judged);
        }
    }
    let mut sums: Vec<Judged> = vec![Ok(Judgement::of_nothing()); promises.len()];
    for (demand, found) in demands.iter().zip(found) {
        let sum = &mut sums[demand.promise];
        match found {
            Some(Ok(found)) => {
                if let Ok(sum) = sum {
                    sum.add(found);
                }
            }
            Some(Err(error)) => *sum = Err(error),
            // Nobody is asked.
            None => {}
        }
    }
    for sum in sums.iter_mut().flatten() {
        sum.conclude();
    }
    Ok(sums)
}

/// The rectangles of pairs that promises are about, each with its service, in their order.
fn demands(promises: &[Promise]) -> Vec<Demand> {
    let mut demands = Vec::new();
    for (number, promise) in promises.iter().enumerate() {
        for (from, to) in promise.directions() {
            demands.extend(promise.services.iter().map(|&asked| Demand {
                promise: number,
                asked,
                depth: promise.depth(),
                from: Arc::clone(from),
                to: Arc::clone(to),
            }));
        }
    }
    demands
}

impl Judgement {
    /// No pairs yet.
    pub(super) fn of_nothing() -> Self {
        Self {
            outcome: Outcome::Empty,
            pairs: 0,
            broken: 0,
            unknown: 0,
            ways: 0,
            depends_on_hash: 0,
            slowest: None,
            witness: None,
        }
    }

    fn conclude(&mut self) {
        self.outcome = match self {
            Self { broken: 1.., .. } => Outcome::Broken,
            Self { unknown: 1.., .. } => Outcome::Unknown,
            Self { pairs: 0, .. } => Outcome::Empty,
            _ => Outcome::Kept,
        };
    }

    /// Witnesses of a break go before those of ignorance, earlier ones before later ones.
    fn add(&mut self, other: Self) {
        if self.broken == 0 && (other.broken > 0 || self.witness.is_none()) {
            self.witness = other.witness;
        }
        self.pairs += other.pairs;
        self.broken += other.broken;
        self.unknown += other.unknown;
        self.ways += other.ways;
        self.depends_on_hash += other.depends_on_hash;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The columns of a row that break a promise about verdicts.
fn breaking(promise: &Promise, row: &Row, columns: &Bits, len: usize) -> Bits {
    let reached = ways::reached(row, promise.depth());
    if promise.kind == PromiseKind::MustNot {
        let mut broken = reached.bits(len);
        broken.intersect(columns);
        return broken;
    }
    let mut broken = columns.clone();
    broken.subtract(&reached.bits(len));
    broken.subtract(&row.unknown.bits(len));
    broken
}

fn by_verdict(promise: &Promise, view: &View<'_>, world: World<'_>) -> Judgement {
    let (matrix, depth) = (view.matrix, promise.depth());
    let columns = view.columns.count();
    // What is reached is not unknown.
    let mut known: Vec<Option<(u64, u64)>> = vec![None; matrix.rows().len()];
    let mut sum = Judgement::of_nothing();
    let mut reachable = 0;
    for &row in &view.rows {
        let class = matrix.class_of(row) as usize;
        let &mut (reached, unknown) = known[class].get_or_insert_with(|| {
            let row = matrix.row(row);
            let reached = ways::reached(row, depth).count_in(&view.columns);
            (reached, row.unknown.count_in(&view.columns))
        });
        sum.pairs += columns;
        sum.unknown += unknown;
        reachable += reached;
        if let Some(own) = view.own(row) {
            let cell = matrix.row(row).cell(own);
            let is_reached = ways::reaches(cell, depth);
            sum.pairs -= 1;
            sum.unknown -= u64::from(cell.unknown);
            reachable -= u64::from(is_reached);
        }
    }
    sum.broken = match promise.kind {
        PromiseKind::MustNot => reachable,
        _ => sum.pairs - reachable - sum.unknown,
    };
    let len = matrix.destinations().len();
    let shown = if sum.broken > 0 {
        first(view, |row| breaking(promise, row, &view.columns, len))
    } else if sum.unknown > 0 {
        first(view, |row| {
            let mut unknown = row.unknown.bits(len);
            unknown.intersect(&view.columns);
            unknown
        })
    } else {
        None
    };
    sum.witness = shown.and_then(|(row, column)| {
        let (service, answer) = matrix.reason(world.snapshot, row, column)?;
        let verdict = answer.cell().verdict(depth);
        Some(Witness {
            verdict,
            ..witness(matrix, (row, column), service, world)?
        })
    });
    sum
}

/// Pairs whose verdict another hash would change.
fn hashed(view: &View<'_>) -> u64 {
    let matrix = view.matrix;
    let mut known: Vec<Option<u64>> = vec![None; matrix.rows().len()];
    let of_rows = view.rows.iter().map(|&row| {
        let set = &matrix.row(row).depends_on_hash;
        let known = &mut known[matrix.class_of(row) as usize];
        let all = *known.get_or_insert_with(|| set.count_in(&view.columns));
        let own = view.own(row).is_some_and(|own| set.get(own));
        all - u64::from(own)
    });
    of_rows.sum()
}

/// The first pair whose column is in the set of its row.
fn first(view: &View<'_>, set: impl Fn(&Row) -> Bits) -> Option<(usize, usize)> {
    let matrix = view.matrix;
    let mut is_empty = vec![false; matrix.rows().len()];
    view.rows.iter().find_map(|&row| {
        let is_empty = &mut is_empty[matrix.class_of(row) as usize];
        if *is_empty {
            return None;
        }
        let set = set(matrix.row(row));
        *is_empty = set.is_empty();
        let own = view.own(row);
        let column = set.iter().find(|&column| Some(column) != own)?;
        Some((row, column))
    })
}

/// The pair at a place of a matrix.
pub(super) fn witness(
    matrix: &Matrix,
    (row, column): (usize, usize),
    service: Service,
    world: World<'_>,
) -> Option<Witness> {
    let (source, destination) = (
        *matrix.sources().get(row)?,
        *matrix.destinations().get(column)?,
    );
    let prober = Prober::of(world.snapshot, service, matrix.question());
    let (prober, asked) = prober.towards(&source, &destination);
    Some(Witness {
        source,
        destination,
        asked,
        source_port: prober.source_port(),
        service,
        verdict: matrix.verdict(row, column)?,
        device: None,
        is_about_reply: false,
        latency: None,
    })
}
