//! `vnetsim bench`: how fast the forwarding core is, on a network and with traffic of a wanted size.

mod drive;
mod figures;
mod filling;
mod machine;
mod network;

use std::path::PathBuf;

use dataplane::forward::Settings;
use engine::time::SimDuration;
use engine::traffic::{Plan, Traffic};
use report::histogram::LatencyHistogram;

use self::figures::Figures;
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
    let snapshot = control::compile(&field.network);
    let plan = Plan {
        mix: arguments.mix.into(),
        order: arguments.order.into(),
        sizes: arguments.packet_size,
        flows: arguments.flows,
        port: arguments.port,
        seed: arguments.seed,
        idle: longest_idle_time(&snapshot),
    };
    let pairs = field.pairs.len();
    let traffic = Traffic::new(plan, field.pairs).map_err(|error| {
        Failure::Usage(format!("{error}: ask for fewer --flows or more --nics"))
    })?;
    let settings = Settings {
        flows: usize::try_from(arguments.flows).unwrap_or(usize::MAX),
        flow_limit: arguments.flow_limit,
    };
    let interrupted = watch_for_interrupt()?;
    let measured = drive::closed_loop(
        &snapshot,
        settings,
        traffic,
        LatencyHistogram::new(),
        arguments.duration,
        interrupted,
    )?;

    let figures = Figures {
        arguments,
        topology: name(&given),
        measured: &measured,
        pairs,
    };
    match arguments.output {
        Format::Table => write!(console.out(), "{}", figures.text())?,
        Format::Json => report::json::write(console.out(), &figures.document())?,
    }
    console.flush()?;
    if interrupted.load(std::sync::atomic::Ordering::Relaxed) {
        return Ok(Exit::Interrupted);
    }
    let arrived = measured.counters.delivered + measured.counters.departed;
    Ok(Exit::from_verdict(arrived > 0))
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
