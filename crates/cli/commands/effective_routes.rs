//! `vnetsim effective-routes`: the routes that apply to a NIC (O-1, O-2).

use report::az::effective;

use crate::args::{EffectiveRoutesArguments, Format};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::{dependence, topology};

pub(super) fn run(
    arguments: &EffectiveRoutesArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let network = topology::open(&arguments.topology, console)?.network;
    let nic = topology::nic(&network, &arguments.nic)?;
    let snapshot = control::compile(&network);
    let routes = effective::routes(&network, &snapshot, nic);
    match arguments.output {
        Format::Table => write!(console.out(), "{}", effective::routes_table(&routes))?,
        Format::Json => report::json::write(console.out(), &routes)?,
    }
    note_of_refusal(&network, nic, console);
    note_of_options(&network, &snapshot, nic, console);
    Ok(Exit::Yes)
}

/// R-14, D-21: one note where Azure would not have answered.
pub(super) fn note_of_refusal(
    network: &model::Network,
    nic: model::NicId,
    console: &mut Console<'_>,
) {
    if let Some(why) = topology::azure_would_refuse(network, nic) {
        console.message(format_args!(
            "note: {why}; Azure would refuse (NicMustBeAttachedToRunningVmToGetEffectiveRoutes)"
        ));
    }
}

/// One note for each option with another value of which the rows would be others.
pub(super) fn note_of_options(
    network: &model::Network,
    snapshot: &control::Snapshot,
    nic: model::NicId,
    console: &mut Console<'_>,
) {
    let table = |network: &model::Network, snapshot: &control::Snapshot| {
        effective::routes_table(&effective::routes(network, snapshot, nic)).to_string()
    };
    dependence::tell(network, snapshot, dependence::ROUTES, table, console);
}
