//! A matrix held against packets: pairs at random, each judged by a packet of its own.

use std::sync::Arc;

use control::Snapshot;
use engine::random::{Purpose, Randomness};
use rayon::prelude::*;

use crate::ends::Ends;
use crate::matrix::Matrix;
use crate::packets::by_packets;
use crate::probe::{Cell, Prober};
use crate::question::Asked;
use crate::watch::{Cancelled, Watch};

/// Pairs between two looks at the wish to end.
const PAIRS_AT_ONCE: u64 = 1 << 14;

/// How often a pair is drawn again that is an end with itself.
const DRAWS: u32 = 64;

/// A pair about which matrix and packet disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Position of the source.
    pub source: usize,
    /// Position of the destination.
    pub destination: usize,
    /// What the matrix holds.
    pub matrix: Cell,
    /// What the packet says.
    pub packet: Cell,
}

/// Asks about `pairs` pairs again, by packets, and says how many that were and which came out otherwise. Which ones depends on `seed`
/// alone; if there are no more than that, it is all of them, each once.
///
/// # Errors
///
/// If `watch` has cancelled the work.
pub fn verify(
    snapshot: &Snapshot,
    matrix: &Matrix,
    pairs: u64,
    seed: u64,
    watch: &Watch,
) -> Result<(u64, Vec<Mismatch>), Cancelled> {
    let (rows, columns) = (
        matrix.sources().len() as u64,
        matrix.destinations().len() as u64,
    );
    let all = rows * columns;
    let random = Randomness::from_seed(seed);
    let is_all = pairs >= all;
    let wanted = if is_all { all } else { pairs };
    watch.expect(wanted);
    let question = matrix.question();
    let prober = match question.asked {
        Asked::One(service) => Some(Prober::new(
            snapshot,
            service,
            question.source_port,
            question.depth,
        )),
        Asked::AnyPort(_) | Asked::AllPorts(_) => None,
    };
    let pair = |position: u64| {
        let source = usize::try_from(position / columns).ok()?;
        let destination = usize::try_from(position % columns).ok()?;
        Some((source, destination, matrix.cell(source, destination)?))
    };
    // None: an end with itself.
    let check = |number: u64| -> Option<Option<Mismatch>> {
        let (source, destination, held) = if is_all {
            pair(number)?
        } else {
            (0..DRAWS).find_map(|again| {
                let draw = random.draw(Purpose::VerifiedPair, 0, number, again);
                pair(draw.uniform_u64() % all)
            })?
        };
        let (from, to) = (matrix.sources()[source], matrix.destinations()[destination]);
        let packet = if let Some(prober) = &prober {
            let asked = to.asked_from(&from, snapshot);
            prober.cell((from.worker, from.address), asked)
        } else {
            let [from, to] = [from, to].map(|end| Arc::new(Ends::new([end])));
            let alone = by_packets(snapshot, &from, &to, question, &Watch::default());
            alone.ok()?.cell(0, 0)?
        };
        Some((packet != held).then_some(Mismatch {
            source,
            destination,
            matrix: held,
            packet,
        }))
    };
    let (mut verified, mut mismatches) = (0, Vec::new());
    for start in (0..wanted).step_by(usize::try_from(PAIRS_AT_ONCE).unwrap_or(1)) {
        watch.go_on()?;
        let end = wanted.min(start + PAIRS_AT_ONCE);
        let checked: Vec<Option<Mismatch>> =
            (start..end).into_par_iter().filter_map(check).collect();
        verified += checked.len() as u64;
        mismatches.extend(checked.into_iter().flatten());
        watch.advance(end - start);
    }
    Ok((verified, mismatches))
}
