//! `vnetsim bench`: how fast the forwarding core is, on a network and with traffic of a wanted size.

mod capture;
mod churn;
mod drive;
mod figures;
mod filling;
mod machine;
mod network;
mod profile;
mod search;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use control::Snapshot;
use engine::time::{CaptureEpoch, SimDuration, SimTime};
use engine::traffic::Plan;
use report::histogram::HistogramFile;

use self::capture::Recording;
use self::churn::Churn;
use self::drive::{Input, Job, Load, Measured};
use self::figures::Figures;
use self::network::Field;
use self::profile::Profile;
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
    let idle = longest_idle_time(&snapshot);
    let interrupted = watch_for_interrupt()?;
    let recording = match &arguments.pcap_in {
        Some(path) => Some(Recording::read(path, &field.network, idle)?),
        None => None,
    };
    if let Some(recording) = &recording {
        recording.tell_left_out(console);
    }
    let plan = Plan {
        mix: arguments.mix.into(),
        order: arguments.order.into(),
        sizes: arguments.packet_size,
        flows: arguments.flows,
        port: arguments.port,
        seed: arguments.seed,
        idle,
    };
    let job = Job {
        input: match &recording {
            Some(recording) => Input::Captured(recording),
            None => Input::Made(plan, &field.pairs),
        },
        flow_limit: arguments.flow_limit,
        duration: arguments.duration,
        verify: arguments.verify,
        interrupted,
        snapshot: Arc::clone(&snapshot),
    };
    let churn = churn(arguments, &field, snapshot)?;
    let found = measure(arguments, &job, churn)?;
    let profile = if arguments.profile {
        Some(Profile::take(&job, plan, &field.pairs)?)
    } else {
        None
    };

    let figures = Figures {
        arguments,
        topology: name(&given),
        measured: &found.measured,
        alone: found.alone.as_ref(),
        search: found.search.as_ref(),
        profile: profile.as_ref(),
        pairs: field.pairs.len(),
        recording: recording.as_deref(),
    };
    match arguments.output {
        Format::Table => write!(console.out(), "{}", figures.text())?,
        Format::Json => report::json::write(console.out(), &figures.document())?,
    }
    if let Some(file) = histogram {
        write_histogram(&file, &found.measured, &figures.heading())?;
    }
    console.flush()?;
    if interrupted.load(Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    let counters = &found.measured.counters;
    Ok(Exit::from_verdict(
        counters.delivered + counters.departed > 0,
    ))
}

/// What the runs have shown.
struct Found {
    measured: Measured,
    /// One worker in place of several.
    alone: Option<Measured>,
    search: Option<Search>,
}

fn measure(
    arguments: &BenchArguments,
    job: &Job<'_>,
    mut churn: Option<Churn>,
) -> Result<Found, Failure> {
    let workers = arguments.workers;
    if arguments.find_rate {
        let (search, measured) = Search::run(job, workers)?;
        return Ok(Found {
            measured,
            alone: None,
            search: Some(search),
        });
    }
    let load = Load {
        workers,
        packets_per_second: arguments.pps,
    };
    let measured = drive::measure(job, load, churn.as_mut())?;
    // What more workers are worth is told by one worker in the same run.
    let is_compared = workers > 1 && arguments.pps.is_none() && churn.is_none();
    let alone = if is_compared && !job.interrupted.load(Ordering::Relaxed) {
        let load = Load { workers: 1, ..load };
        Some(drive::measure(job, load, None)?)
    } else {
        None
    };
    Ok(Found {
        measured,
        alone,
        search: None,
    })
}

fn churn(
    arguments: &BenchArguments,
    field: &Field,
    snapshot: Arc<Snapshot>,
) -> Result<Option<Churn>, Failure> {
    let Some(per_second) = arguments.churn else {
        return Ok(None);
    };
    if field.turns.is_empty() {
        return Err(Failure::Usage(
            "--churn needs a route table, a peering or a security group to change".to_owned(),
        ));
    }
    let (network, turns) = (field.network.clone(), field.turns.clone());
    Ok(Some(Churn::new(network, snapshot, per_second, turns)))
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
fn longest_idle_time(snapshot: &Snapshot) -> SimDuration {
    let nics = snapshot.nics.iter().flatten();
    let longest = nics
        .map(|nic| snapshot.policy_of(nic).idle_timeout_ns)
        .max();
    SimDuration::from_nanoseconds(longest.unwrap_or_default())
}
