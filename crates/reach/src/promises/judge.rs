//! Pairs, counted by whether they keep a promise.

use std::sync::Arc;

use super::{
    JudgeError, Judgement, Limits, Outcome, Promise, PromiseKind, Watch, Witness, World, ways,
};
use crate::ends::Ends;
use crate::matrix::{Counts, Matrix};
use crate::question::{Asked, Depth, Question};
use crate::{Service, Verdict};

pub(super) fn judge(
    promise: &Promise,
    world: World<'_>,
    limits: Limits,
    watch: &Watch,
) -> Result<Judgement, JudgeError> {
    let mut sum = Judgement::of_nothing();
    for (from, to) in promise.directions() {
        for &asked in &promise.services {
            let found = match promise.kind {
                PromiseKind::Must | PromiseKind::MustNot => {
                    by_verdict(promise, asked, (from, to), world, watch)?
                }
                PromiseKind::MustPassThrough(_)
                | PromiseKind::MustNotPassThrough(_)
                | PromiseKind::MaxLatency(_) => {
                    ways::judge(promise, asked, (from, to), world, limits, watch)?
                }
            };
            sum.add(found);
        }
    }
    sum.conclude();
    Ok(sum)
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
    pub(super) fn add(&mut self, other: Self) {
        if self.broken == 0 && (other.broken > 0 || self.witness.is_none()) {
            self.witness = other.witness;
        }
        self.pairs += other.pairs;
        self.broken += other.broken;
        self.unknown += other.unknown;
        self.ways += other.ways;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The verdicts about all pairs for a service.
pub(super) fn matrix(
    asked: Asked,
    depth: Depth,
    (from, to): (&Arc<Ends>, &Arc<Ends>),
    world: World<'_>,
    watch: &Watch,
) -> Result<Matrix, JudgeError> {
    let question = Question {
        asked,
        depth,
        source_port: None,
    };
    Ok(crate::matrix(world.snapshot, from, to, question, watch)?)
}

fn by_verdict(
    promise: &Promise,
    asked: Asked,
    ends: (&Arc<Ends>, &Arc<Ends>),
    world: World<'_>,
    watch: &Watch,
) -> Result<Judgement, JudgeError> {
    let matrix = matrix(asked, promise.depth(), ends, world, watch)?;
    let Counts {
        pairs,
        reachable,
        forward_only,
        unreachable,
        unknown,
        ..
    } = matrix.counts();
    let (broken, breaks): (u64, &[Verdict]) = match promise.kind {
        PromiseKind::MustNot => (reachable, &[Verdict::Reachable]),
        _ => (
            forward_only + unreachable,
            &[Verdict::ForwardOnly, Verdict::Unreachable],
        ),
    };
    let shown: &[Verdict] = if broken > 0 {
        breaks
    } else {
        &[Verdict::Unknown]
    };
    let witness = first(&matrix, shown).and_then(|(row, column)| {
        let (service, answer) = matrix.reason(world.snapshot, row, column)?;
        let depth = promise.depth();
        Some(witness(&matrix, (row, column), service, world)?.with(answer.cell().verdict(depth)))
    });
    Ok(Judgement {
        pairs,
        broken,
        unknown,
        witness,
        ..Judgement::of_nothing()
    })
}

/// The first pair with one of these verdicts, row by row.
fn first(matrix: &Matrix, verdicts: &[Verdict]) -> Option<(usize, usize)> {
    let by_class: Vec<_> = (0_u32..)
        .zip(matrix.rows())
        .map(|(class, _)| {
            let sets = verdicts
                .iter()
                .map(|&verdict| matrix.with_verdict(class, verdict));
            sets.reduce(|mut all, more| {
                all.unite(&more);
                all
            })
        })
        .collect();
    (0..matrix.sources().len()).find_map(|row| {
        let own = matrix.own_column(row);
        let set = by_class.get(matrix.class_of(row) as usize)?.as_ref()?;
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
    Some(Witness {
        source,
        destination,
        asked: destination.asked_from(&source, world.snapshot),
        service,
        verdict: matrix.verdict(row, column)?,
        device: None,
        is_about_reply: false,
        latency: None,
    })
}

impl Witness {
    fn with(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }
}
