//! Promises about the ways of packets: past which devices, and how long. Every pair that arrives is asked by a packet of its own.

use std::sync::Arc;

use dataplane::recorder::Step;
use engine::delay;
use engine::site::Site;
use engine::time::SimDuration;
use model::NicId;
use rayon::prelude::*;

use super::judge::{matrix, witness};
use super::{JudgeError, Judgement, Limits, Promise, PromiseKind, Watch, Witness, World};
use crate::Service;
use crate::ends::Ends;
use crate::matrix::{Matrix, services};
use crate::probe::{Device, Prober, Story, WayEnd};
use crate::question::{Asked, Depth};

/// What a promise about ways says of a pair.
#[derive(Default)]
struct Found {
    is_broken: bool,
    device: Option<Device>,
    is_about_reply: bool,
    latency: Option<SimDuration>,
}

pub(super) fn judge(
    promise: &Promise,
    asked: Asked,
    ends: (&Arc<Ends>, &Arc<Ends>),
    world: World<'_>,
    limits: Limits,
    watch: &Watch,
) -> Result<Judgement, JudgeError> {
    let matrix = matrix(asked, promise.depth(), ends, world, watch)?;
    let counts = matrix.counts();
    let services = services(world.snapshot, asked);
    let pairs = match promise.kind {
        PromiseKind::MaxLatency(_) => counts.reachable,
        _ => counts.forward,
    };
    let ways = pairs.saturating_mul(services.len() as u64);
    if ways > limits.ways {
        return Err(JudgeError::TooManyWays {
            ways,
            limit: limits.ways,
        });
    }
    watch.expect(matrix.sources().len() as u64);
    let rows: Result<Vec<Judgement>, JudgeError> = (0..matrix.sources().len())
        .into_par_iter()
        .map(|row| {
            watch.go_on()?;
            let judged = judge_row(promise, &matrix, row, &services, world);
            watch.advance(1);
            Ok(judged)
        })
        .collect();
    Ok(rows?
        .into_iter()
        .fold(Judgement::of_nothing(), |mut sum, row| {
            sum.add(row);
            sum
        }))
}

/// All pairs of one source.
fn judge_row(
    promise: &Promise,
    matrix: &Matrix,
    row: usize,
    services: &[Service],
    world: World<'_>,
) -> Judgement {
    let mut sum = Judgement::of_nothing();
    let (Some(source), own) = (matrix.sources().get(row), matrix.own_column(row)) else {
        return sum;
    };
    let depth = promise.depth();
    let probers = services.iter().map(|&service| {
        let prober = Prober::new(world.snapshot, service, None, depth);
        (service, prober)
    });
    let probers: Vec<(Service, Prober<'_>)> = probers.collect();
    for (column, destination) in matrix.destinations().iter().enumerate() {
        if Some(column) == own {
            continue;
        }
        sum.pairs += 1;
        let cell = matrix.row(row).cell(column);
        let is_judged = match promise.kind {
            PromiseKind::MaxLatency(_) => reaches(cell, depth),
            _ => cell.forward,
        };
        let mut shown = Found::default();
        let mut shown_for = services.first().copied().unwrap_or(Service::Icmp);
        if is_judged {
            sum.ways += 1;
            let asked = destination.asked_from(source, world.snapshot);
            for (service, prober) in &probers {
                let story = prober.story((source.worker, source.address), asked);
                let found = look_at(promise, &story, source.worker, world);
                sum.slowest = sum.slowest.max(found.latency);
                if found.is_broken && !shown.is_broken {
                    (shown, shown_for) = (found, *service);
                }
            }
        } else if cell.unknown {
            sum.unknown += 1;
        } else if matches!(promise.kind, PromiseKind::MaxLatency(_)) {
            shown.is_broken = true;
        }
        let is_first = match (shown.is_broken, !is_judged && cell.unknown) {
            (true, _) => sum.broken == 0,
            (false, unknown) => unknown && sum.witness.is_none(),
        };
        if is_first && let Some(pair) = witness(matrix, (row, column), shown_for, world) {
            sum.witness = Some(Witness {
                device: shown.device,
                is_about_reply: shown.is_about_reply,
                latency: shown.latency,
                ..pair
            });
        }
        sum.broken += u64::from(shown.is_broken);
    }
    sum
}

fn reaches(cell: crate::probe::Cell, depth: Depth) -> bool {
    match depth {
        Depth::Forward => cell.forward,
        Depth::RoundTrip => cell.round_trip,
    }
}

/// Holds the ways of a pair against the promise. Of many ports, one may not arrive: its way breaks nothing.
fn look_at(promise: &Promise, story: &Story, source: NicId, world: World<'_>) -> Found {
    let mut found = Found::default();
    if !matches!(story.answer.forward.end, WayEnd::Arrived(_)) {
        return found;
    }
    let reply = story.answer.reply.as_ref();
    match &promise.kind {
        PromiseKind::MustPassThrough(devices) => {
            // What begins or ends at a device need not pass it.
            let misses = |passed: &[Device]| !passed.iter().any(|device| devices.contains(device));
            let back = reply.filter(|reply| matches!(reply.end, WayEnd::Arrived(_)));
            let forward_misses = misses(&story.answer.forward.passed);
            found.is_about_reply = !forward_misses && back.is_some_and(|way| misses(&way.passed));
            found.is_broken = forward_misses || found.is_about_reply;
        }
        PromiseKind::MustNotPassThrough(devices) => {
            let met = |passed: &[Device]| {
                let mut met = between(passed).iter();
                met.find(|device| devices.contains(device)).copied()
            };
            let forward = met(&story.answer.forward.passed);
            found.device = forward.or_else(|| reply.and_then(|way| met(&way.passed)));
            found.is_about_reply = forward.is_none() && found.device.is_some();
            found.is_broken = found.device.is_some();
        }
        PromiseKind::MaxLatency(most) => {
            if promise.depth() == Depth::RoundTrip
                && !reply.is_some_and(|reply| matches!(reply.end, WayEnd::Arrived(_)))
            {
                return found;
            }
            let latency = latency(source, &story.forward, world)
                + reply_latency(story, source, world).unwrap_or_default();
            found.is_broken = latency > *most;
            found.latency = Some(latency);
        }
        PromiseKind::Must | PromiseKind::MustNot => {}
    }
    found
}

/// What lies between the two ends of a way.
fn between(passed: &[Device]) -> &[Device] {
    match passed {
        [_, between @ .., _] => between,
        _ => &[],
    }
}

fn reply_latency(story: &Story, source: NicId, world: World<'_>) -> Option<SimDuration> {
    story.answer.reply.as_ref()?;
    Some(latency(source, &story.reply, world))
}

/// How long a packet is under way: the medians of its links (L-1 to L-4), and what forwards it.
fn latency(from: NicId, steps: &[Step], world: World<'_>) -> SimDuration {
    let World {
        network,
        snapshot,
        latency,
    } = world;
    let mut at = from;
    let mut sum = SimDuration::ZERO;
    for step in steps {
        match *step {
            Step::Sent { nic } => at = nic,
            Step::Received { nic, .. } => {
                if let Some(site) = Site::of(network, at) {
                    sum += delay::link(network, latency, &site, nic).median();
                }
                at = nic;
            }
            Step::Forwarded { entered, .. } => {
                sum += delay::forwarding(snapshot, latency, entered);
            }
            _ => {}
        }
    }
    sum
}
