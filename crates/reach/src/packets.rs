//! The slow engine: one probe a pair. What every faster one must agree with.

use std::sync::Arc;

use control::Snapshot;
use rayon::prelude::*;

use crate::ends::Ends;
use crate::matrix::{Matrix, Row, services};
use crate::probe::{Cell, Prober};
use crate::question::{Asked, Question};
use crate::watch::{Cancelled, Watch};

/// Judges every pair of `sources` and `destinations` by a packet of its own.
pub fn by_packets(
    snapshot: &Snapshot,
    sources: &Arc<Ends>,
    destinations: &Arc<Ends>,
    question: Question,
    watch: &Watch,
) -> Result<Matrix, Cancelled> {
    let services = services(snapshot, question.asked);
    watch.expect(sources.len() as u64);
    let rows: Result<Vec<Row>, Cancelled> = sources
        .as_slice()
        .par_iter()
        .map(|from| {
            let mut cells = vec![Cell::default(); destinations.len()];
            for (number, &service) in services.iter().enumerate() {
                watch.go_on()?;
                let depth = question.depth;
                let prober = Prober::of(snapshot, service, question);
                for (cell, to) in cells.iter_mut().zip(destinations.iter()) {
                    let (prober, destination) = prober.towards(from, to);
                    let found = prober.cell((from.worker, from.address), destination);
                    *cell = match (number, question.asked) {
                        (0, _) | (_, Asked::One(_)) => found,
                        (_, Asked::AnyPort(_)) => cell.or(found, depth),
                        (_, Asked::AllPorts(_)) => cell.and(found, depth),
                    };
                }
            }
            watch.advance(1);
            Ok(Row::of_cells(cells.into_iter()))
        })
        .collect();
    let (sources, destinations) = (Arc::clone(sources), Arc::clone(destinations));
    Ok(Matrix::of_rows(question, sources, destinations, rows?))
}
