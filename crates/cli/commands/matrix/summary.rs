//! `matrix --summary`: counts and times, without a row.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reach::{Asked, Cancelled, Counts, Depth, EndKind, Question};
use report::matrix::grouped;
use serde_json::{Value, json};

use super::{Job, Stop, Verified, round};
use crate::args::MatrixFormat;
use crate::console::Console;
use crate::progress;

/// All pairs are judged again and again as long as that takes no longer than this together, and no more often than that: of few pairs, one run
/// says little.
const ENOUGH: Duration = Duration::from_secs(2);
const ROUNDS: usize = 9;

/// What was counted about one service, and how long it took.
struct Tally {
    counts: Counts,
    classes: usize,
    /// The forward verdicts of all pairs.
    forward: Duration,
    /// What the verdicts about replies add.
    replies: Duration,
}

/// Returns the number of mismatches that `--verify` has found.
pub(super) fn write(
    job: &Job<'_>,
    services: &[Asked],
    format: MatrixFormat,
    build_ms: f64,
    console: &mut Console<'_>,
) -> Result<u64, Stop> {
    let nics: HashSet<_> = [&job.sources, &job.destinations]
        .into_iter()
        .flat_map(|ends| ends.iter())
        .filter(|end| matches!(end.kind, EndKind::Primary | EndKind::Secondary))
        .map(|end| end.worker)
        .collect();
    let mut documents = Vec::new();
    let mut differing = 0;
    for &asked in services {
        let question = job.arguments.services.question(asked);
        let tally = tally(job, question, console)?;
        let verified = if job.arguments.verify.is_some() {
            let matrix = job.matrix(question, console)?;
            job.verify(&matrix, console)?
        } else {
            Verified::default()
        };
        differing += verified.mismatches;
        let counts = tally.counts;
        documents.push((
            asked,
            json!({
                "nics": nics.len(),
                "pairs": counts.pairs,
                "reachable": counts.reachable,
                "forward_only": counts.forward_only,
                "unknown": counts.unknown,
                "depends_on_hash": counts.depends_on_hash,
                "classes": tally.classes,
                "build_ms": build_ms,
                "matrix_ms": milliseconds(tally.forward),
                "round_trip_ms": milliseconds(tally.replies),
                "verified": verified.pairs,
                "mismatches": verified.mismatches,
            }),
        ));
    }
    job.deliver(console, |out| {
        if format == MatrixFormat::Json {
            // One service is what scripts ask for; of several each says which.
            if let [(_, document)] = documents.as_slice() {
                return report::json::write(out, document);
            }
            let services = documents.iter().map(|(asked, document)| {
                let mut document = document.clone();
                document["service"] = json!(asked.to_string());
                document
            });
            return report::json::write(out, &services.collect::<Vec<Value>>());
        }
        for (asked, document) in &documents {
            writeln!(out, "{asked}")?;
            for (name, value) in document.as_object().into_iter().flatten() {
                let value = value.as_u64().map_or_else(|| value.to_string(), grouped);
                writeln!(out, "  {name:<15} {value}")?;
            }
        }
        Ok(())
    })?;
    Ok(differing)
}

/// Counts, and takes the time: forward alone and with the replies by turns, the medians of both.
fn tally(job: &Job<'_>, question: Question, console: &Console<'_>) -> Result<Tally, Stop> {
    let begin = Instant::now();
    let (mut forward, mut whole) = (Vec::new(), Vec::new());
    loop {
        let (counted, spent) = timed(job, question.with_depth(Depth::Forward), console)?;
        forward.push(spent);
        let (counts, classes) = if question.depth == Depth::Forward {
            whole.push(spent);
            counted
        } else {
            let (counted, spent) = timed(job, question, console)?;
            whole.push(spent);
            counted
        };
        let so_far = begin.elapsed();
        let rounds = u32::try_from(whole.len()).unwrap_or(u32::MAX);
        if whole.len() >= ROUNDS || so_far + so_far / rounds > ENOUGH {
            let (forward, whole) = (median(forward), median(whole));
            return Ok(Tally {
                counts,
                classes,
                forward,
                replies: whole.saturating_sub(forward),
            });
        }
    }
}

/// Counts once: the counts with the number of distinct rows, and the time that took.
fn timed(
    job: &Job<'_>,
    question: Question,
    console: &Console<'_>,
) -> Result<((Counts, usize), Duration), Stop> {
    let what = question.asked.to_string();
    progress::watched(what, job.interrupted, console, |watch| {
        // Inside: a thread for the work and a bar are not part of it.
        let begin = Instant::now();
        let counted = reach::tally(
            job.snapshot,
            &job.sources,
            &job.destinations,
            question,
            watch,
        )?;
        Ok((counted, begin.elapsed()))
    })
    .map_err(|Cancelled| Stop::Interrupted)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times
        .get(times.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1e3)
}
