//! `vnetsim effective-nsg`: the security rules that apply to a NIC (D-1).

use report::az::effective;

use crate::args::{EffectiveNsgArguments, Format};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::{dependence, topology};

pub(super) fn run(
    arguments: &EffectiveNsgArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let network = topology::open(&arguments.topology, console)?.network;
    let nic = topology::nic(&network, &arguments.nic)?;
    let snapshot = control::compile(&network);
    let groups = effective::security_groups(&network, &snapshot, nic);
    match arguments.output {
        Format::Table => write!(
            console.out(),
            "{}",
            effective::security_groups_table(&groups)
        )?,
        Format::Json => report::json::write(console.out(), &groups)?,
    }
    note_of_refusal(&network, nic, console);
    note_of_options(&network, &snapshot, nic, console);
    if effective::is_empty(&groups) {
        console.message(
            "note: neither the NIC nor its subnet has a security group: rules deny nothing",
        );
    }
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
            "note: {why}; Azure would refuse (NicMustBeAttachedToRunningVmToGetEffectiveSecurityGroups)"
        ));
    }
}

/// One note for each option with another value of which the rules, or what their tags stand for, would be others.
pub(super) fn note_of_options(
    network: &model::Network,
    snapshot: &control::Snapshot,
    nic: model::NicId,
    console: &mut Console<'_>,
) {
    let groups = |network: &model::Network, snapshot: &control::Snapshot| {
        effective::security_groups(network, snapshot, nic)
    };
    dependence::tell(network, snapshot, dependence::GROUPS, groups, console);
}
