//! Pairs that are reachable in one of two matrices only: the difference of rows, class by class, never pair by pair.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rayon::prelude::*;

use super::ends::{Matched, World};
use super::objects::Side;
use super::rectangles::{RowGroup, Rows};
use crate::bits::{BitRow, Bits};
use crate::matrix::{Matrix, Row};
use crate::question::Depth;
use crate::watch::{Cancelled, Watch};

/// What has changed for the pairs that both matrices have.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    /// Reachable before, and no more.
    pub(super) lost: Vec<RowGroup>,
    /// Reachable now, and not before.
    pub(super) gained: Vec<RowGroup>,
    /// Reachable in neither, with another verdict (forward-only, unknown, unreachable).
    pub(super) otherwise: u64,
}

/// Where the row says that a pair is reachable.
pub(super) fn reachable(matrix: &Matrix, row: usize) -> &BitRow {
    reached(matrix.row(row), matrix.question().depth)
}

fn reached(row: &Row, depth: Depth) -> &BitRow {
    match depth {
        Depth::Forward => &row.forward,
        Depth::RoundTrip => &row.round_trip,
    }
}

/// The difference of two rows, in common columns.
struct RowDifference {
    lost: BitRow,
    gained: BitRow,
    otherwise: BitRow,
}

/// Compares the rows of matched sources. `may_differ`: positions in the first matrix of the only sources whose rows can be others.
pub(super) fn compare(
    before: &World<'_>,
    after: &World<'_>,
    sources: &Matched,
    destinations: &Matched,
    may_differ: Option<&[u32]>,
    watch: &Watch,
) -> Result<Changed, Cancelled> {
    let mut numbers: HashMap<(u32, u32), usize, RandomState> = HashMap::default();
    let mut groups: Vec<((u32, u32), Vec<u32>)> = Vec::new();
    let mut put = |source: usize| {
        let one = before.matrix.class_of(sources.before[source] as usize);
        let other = after.matrix.class_of(sources.after[source] as usize);
        let number = *numbers.entry((one, other)).or_insert_with(|| {
            groups.push(((one, other), Vec::new()));
            groups.len() - 1
        });
        groups[number]
            .1
            .push(u32::try_from(source).unwrap_or(u32::MAX));
    };
    match may_differ {
        Some(positions) => positions
            .iter()
            .filter_map(|position| sources.before.binary_search(position).ok())
            .for_each(&mut put),
        None => (0..sources.len()).for_each(&mut put),
    }
    let depth = before.matrix.question().depth;
    let differences: Result<Vec<Option<RowDifference>>, Cancelled> = groups
        .par_iter()
        .map(|&((one, other), _)| {
            watch.go_on()?;
            let rows = (
                &before.matrix.rows()[one as usize],
                &after.matrix.rows()[other as usize],
            );
            Ok(difference(rows, depth, destinations))
        })
        .collect();
    let (mut lost, mut gained) = (Rows::default(), Rows::default());
    let mut otherwise = 0;
    let own = own_columns(before.matrix, sources, destinations);
    for ((_, members), difference) in groups.into_iter().zip(differences?) {
        let Some(difference) = difference else {
            continue;
        };
        for &source in &members {
            let is_own =
                own[source as usize].is_some_and(|own| difference.otherwise.get(own as usize));
            otherwise += difference.otherwise.count() - u64::from(is_own);
        }
        lost.put(&members, difference.lost);
        gained.put(&members, difference.gained);
    }
    let len = destinations.len();
    Ok(Changed {
        lost: lost.groups(&own, len),
        gained: gained.groups(&own, len),
        otherwise,
    })
}

/// By common source, its common column.
pub(super) fn own_columns(
    before: &Matrix,
    sources: &Matched,
    destinations: &Matched,
) -> Vec<Option<u32>> {
    if sources.before == destinations.before && before.sources() == before.destinations() {
        return (0_u32..).take(sources.len()).map(Some).collect();
    }
    sources
        .before
        .iter()
        .map(|&source| {
            let own = u32::try_from(before.own_column(source as usize)?).ok()?;
            let common = destinations.before.binary_search(&own).ok()?;
            u32::try_from(common).ok()
        })
        .collect()
}

fn difference(
    (one, other): (&Row, &Row),
    depth: Depth,
    destinations: &Matched,
) -> Option<RowDifference> {
    if destinations.is_identity() && one == other {
        return None;
    }
    let project = |side, row: &BitRow| {
        let mut bits = Bits::new(destinations.len());
        destinations.project(side, row, &mut bits);
        bits
    };
    let (was, is) = (
        project(Side::Before, reached(one, depth)),
        project(Side::After, reached(other, depth)),
    );
    let mut lost = was.clone();
    lost.subtract(&is);
    let mut gained = is.clone();
    gained.subtract(&was);
    let mut otherwise = Bits::new(destinations.len());
    for set in [
        |row: &Row| row.forward.clone(),
        |row: &Row| row.unknown.clone(),
    ] {
        let mut before = project(Side::Before, &set(one));
        let after = project(Side::After, &set(other));
        for (word, other) in before.words_mut().iter_mut().zip(after.words()) {
            *word ^= other;
        }
        otherwise.unite(&before);
    }
    otherwise.subtract(&was);
    otherwise.subtract(&is);
    let difference = RowDifference {
        lost: lost.row(),
        gained: gained.row(),
        otherwise: otherwise.row(),
    };
    let is_nothing = difference.lost.is_empty()
        && difference.gained.is_empty()
        && difference.otherwise.is_empty();
    (!is_nothing).then_some(difference)
}
