//! A matrix held against packets: pairs at random, each judged by a packet of its own. Of a matrix about one service its reasons are held
//! against those of the packets, too.

use std::sync::{Arc, Mutex};

use control::Snapshot;
use engine::random::{Purpose, Randomness};
use rayon::prelude::*;

use crate::ends::Ends;
use crate::matrix::Matrix;
use crate::packets::by_packets;
use crate::probe::{Cell, Prober};
use crate::question::Asked;
use crate::reasons::{Reason, Reasons};
use crate::watch::{Cancelled, Watch};

/// Pairs that are drawn at a time: the more, the fewer times reasons are worked out for the same source.
const PAIRS_AT_ONCE: u64 = 1 << 22;

/// Pairs between two looks at the wish to end.
const PAIRS_BETWEEN: usize = 1 << 14;

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
    /// Why the pair is not reachable, by its class; `None` if it is, or if the matrix is about several ports.
    pub reason: Option<Reason>,
    /// Why, by the packet.
    pub packet_reason: Option<Reason>,
}

/// Asks about `pairs` pairs again, by packets, and says how many that were and which came out otherwise: in their verdicts, or in why
/// these are not yes. Which ones depends on `seed` alone; if there are no more than that, it is all of them, each once.
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
    let pair = |position: u64| {
        let source = usize::try_from(position / columns).ok()?;
        let destination = usize::try_from(position % columns).ok()?;
        let is_pair = matrix.cell(source, destination).is_some();
        is_pair.then_some((source, destination))
    };
    // None: an end with itself.
    let drawn = |number: u64| {
        if is_all {
            return pair(number);
        }
        (0..DRAWS).find_map(|again| {
            let draw = random.draw(Purpose::VerifiedPair, 0, number, again);
            pair(draw.uniform_u64() % all)
        })
    };
    let reasons = Reasons::new(snapshot, matrix);
    let (mut verified, mut mismatches) = (0, Vec::new());
    for start in (0..wanted).step_by(usize::try_from(PAIRS_AT_ONCE).unwrap_or(1)) {
        watch.go_on()?;
        let end = wanted.min(start + PAIRS_AT_ONCE);
        let mut some: Vec<(usize, usize)> =
            (start..end).into_par_iter().filter_map(drawn).collect();
        some.par_sort_unstable();
        verified += some.len() as u64;
        mismatches.extend(match &reasons {
            Some(reasons) => by_class(snapshot, reasons, &some, watch)?,
            None => by_pair(snapshot, matrix, &some, watch)?,
        });
    }
    mismatches.sort_unstable_by_key(|mismatch| (mismatch.source, mismatch.destination));
    Ok((verified, mismatches))
}

/// Those of the pairs, which are sorted, that come out otherwise: with their reasons.
fn by_class(
    snapshot: &Snapshot,
    reasons: &Reasons<'_>,
    pairs: &[(usize, usize)],
    watch: &Watch,
) -> Result<Vec<Mismatch>, Cancelled> {
    let matrix = reasons.matrix();
    let question = matrix.question();
    let Asked::One(service) = question.asked else {
        return Ok(Vec::new());
    };
    let prober = Prober::of(snapshot, service, question);
    let mut sources: Vec<usize> = pairs.iter().map(|&(source, _)| source).collect();
    sources.dedup();
    let mismatches = Mutex::new(Vec::new());
    reasons.visit(sources, watch, |row| {
        let source = row.source();
        let first = pairs.partition_point(|&(known, _)| known < source);
        let pairs = pairs[first..].iter().take_while(|pair| pair.0 == source);
        let from = matrix.sources()[source];
        let mut count = 0;
        for &(_, destination) in pairs {
            count += 1;
            let Some(held) = matrix.cell(source, destination) else {
                continue;
            };
            let to = matrix.destinations()[destination];
            let (prober, asked) = prober.towards(&from, &to);
            let fate = prober.fate((from.worker, from.address), asked);
            let (packet, packet_reason) = (fate.cell(), Reason::of(&fate, question.depth));
            let reason = row.get(destination);
            if (packet, packet_reason) != (held, reason) {
                let mut mismatches = mismatches.lock().expect("nobody panics who holds this");
                mismatches.push(Mismatch {
                    source,
                    destination,
                    matrix: held,
                    packet,
                    reason,
                    packet_reason,
                });
            }
        }
        watch.advance(count);
    })?;
    Ok(mismatches
        .into_inner()
        .expect("nobody has panicked who held this"))
}

/// Those of the pairs that come out otherwise.
fn by_pair(
    snapshot: &Snapshot,
    matrix: &Matrix,
    pairs: &[(usize, usize)],
    watch: &Watch,
) -> Result<Vec<Mismatch>, Cancelled> {
    let judge = |&(source, destination): &(usize, usize)| {
        let held = matrix.cell(source, destination)?;
        let ends = [matrix.sources()[source], matrix.destinations()[destination]];
        let [from, to] = ends.map(|end| Arc::new(Ends::new([end])));
        let question = matrix.question();
        let alone = by_packets(snapshot, &from, &to, question, &Watch::default());
        let packet = alone.ok()?.cell(0, 0)?;
        (packet != held).then_some(Mismatch {
            source,
            destination,
            matrix: held,
            packet,
            reason: None,
            packet_reason: None,
        })
    };
    let mut mismatches = Vec::new();
    for some in pairs.chunks(PAIRS_BETWEEN) {
        watch.go_on()?;
        let differing = some.par_iter().filter_map(judge);
        mismatches.extend(differing.collect::<Vec<_>>());
        watch.advance(some.len() as u64);
    }
    Ok(mismatches)
}
