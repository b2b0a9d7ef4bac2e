//! `vnetsim bench`: how fast the forwarding core is, on a network and with traffic of a wanted size.

mod churn;
mod drive;
mod figures;
mod filling;
mod machine;
mod network;
mod search;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::time::{CaptureEpoch, SimDuration, SimTime};
use engine::traffic::Plan;
use report::histogram::HistogramFile;

use self::churn::Churn;
use self::drive::{Job, Load, Measured};
use self::figures::Figures;
use self::search::Search;
use crate::args::{BenchArguments, Format, TopologyArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::watch_for_interrupt;
use crate::topology;

/// The network without `-t`.
const EXAMPLE: &str = "hub-spoke-nva";

pub(super) fn run(arguments: &BenchArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let given = given(&arguments.topology);
    let loaded = topology::open(&given, console)?;
    let built_in =
        matches!(given.topology.as_slice(), [one] if topology::is_example_named(one, EXAMPLE));
    let field = if built_in {
        network::hub_and_spoke(loaded, arguments)?
    } else {
        network::own(loaded, arguments)?
    };
    let snapshot = Arc::new(control::compile(&field.network));
    // A wrong name should cost no run.
    let histogram = arguments
        .histogram
        .as_ref()
        .map(HistogramFile::new)
        .transpose()?;
    let interrupted = watch_for_interrupt()?;
    let job = Job {
        plan: Plan {
            mix: arguments.mix.into(),
            order: arguments.order.into(),
            sizes: arguments.packet_size,
            flows: arguments.flows,
            port: arguments.port,
            seed: arguments.seed,
            idle: longest_idle_time(&snapshot),
        },
        pairs: &field.pairs,
        flow_limit: arguments.flow_limit,
        duration: arguments.duration,
        verify: arguments.verify,
        interrupted,
        snapshot: Arc::clone(&snapshot),
    };
    let mut churn = match arguments.churn {
        Some(_) if field.turns.is_empty() => {
            return Err(Failure::Usage(
                "--churn needs a route table, a peering or a security group to change".to_owned(),
            ));
        }
        Some(per_second) => Some(Churn::new(
            field.network.clone(),
            snapshot,
            per_second,
            field.turns.clone(),
        )),
        None => None,
    };
    let load = Load {
        workers: arguments.workers,
        packets_per_second: arguments.pps,
    };
    let mut search = None;
    let measured = if arguments.find_rate {
        let (made, measured) = Search::run(&job, arguments.workers)?;
        search = Some(made);
        measured
    } else {
        drive::measure(&job, load, churn.as_mut())?
    };
    // What more workers are worth is told by one worker in the same run.
    let alone = arguments.workers > 1
        && arguments.pps.is_none()
        && !arguments.find_rate
        && arguments.churn.is_none()
        && !interrupted.load(Ordering::Relaxed);
    let alone = if alone {
        let load = Load { workers: 1, ..load };
        Some(drive::measure(&job, load, None)?)
    } else {
        None
    };

    let figures = Figures {
        arguments,
        topology: name(&given),
        measured: &measured,
        alone: alone.as_ref(),
        search: search.as_ref(),
        pairs: job.pairs.len(),
    };
    match arguments.output {
        Format::Table => write!(console.out(), "{}", figures.text())?,
        Format::Json => report::json::write(console.out(), &figures.document())?,
    }
    if let Some(file) = histogram {
        write_histogram(&file, &measured, &figures.heading())?;
    }
    console.flush()?;
    if interrupted.load(Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    let arrived = measured.counters.delivered + measured.counters.departed;
    Ok(Exit::from_verdict(arrived > 0))
}

/// An interval log gets one interval: bursts are counted without their second.
fn write_histogram(
    file: &HistogramFile,
    measured: &Measured,
    heading: &str,
) -> Result<(), Failure> {
    let mut histogram = file.histogram();
    for step in measured.latency.iter_recorded() {
        let latency = SimDuration::from_nanoseconds(step.value_iterated_to());
        let count = step.count_since_last_iteration();
        histogram.record_many(SimTime::ZERO, latency, count);
    }
    file.write(&histogram, CaptureEpoch::default(), heading)?;
    Ok(())
}

/// The built-in network unless the user names one.
fn given(arguments: &TopologyArguments) -> TopologyArguments {
    let mut given = arguments.clone();
    if given.topology.is_empty() {
        given
            .topology
            .push(PathBuf::from(format!("example:{EXAMPLE}")));
    }
    given
}

fn name(given: &TopologyArguments) -> String {
    let paths: Vec<String> = given
        .topology
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" ")
}

/// After this every NIC has forgotten a flow.
fn longest_idle_time(snapshot: &control::Snapshot) -> SimDuration {
    let nics = snapshot.nics.iter().flatten();
    let longest = nics
        .map(|nic| snapshot.policy_of(nic).idle_timeout_ns)
        .max();
    SimDuration::from_nanoseconds(longest.unwrap_or_default())
}
