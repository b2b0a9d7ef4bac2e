//! `vnetsim resolve`: a name as a VM resolves it.

use diagnose::names::{Answer, resolve};

use crate::args::{Format, ResolveArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::topology;

pub(super) fn run(
    arguments: &ResolveArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let network = topology::open(&arguments.topology, console)?.network;
    let nic = topology::nic(&network, &arguments.source)?;
    let snapshot = control::compile(&network);
    let address = network.nics()[nic].primary_address();
    let resolution = resolve(&network, &snapshot, (nic, address), &arguments.name);
    match arguments.output {
        Format::Table => report::names::write(console.out(), &resolution)?,
        Format::Json => report::json::write(console.out(), &resolution)?,
    }
    Ok(Exit::from_verdict(matches!(
        resolution.answer,
        Answer::Addresses { .. }
    )))
}
