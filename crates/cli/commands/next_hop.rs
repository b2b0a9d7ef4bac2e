//! `vnetsim next-hop`: where a packet goes next when it leaves a NIC (O-4, D-4).

use std::net::Ipv4Addr;

use control::Snapshot;
use control::questions::next_hop_of;
use control::snapshot::{EffectiveRoute, NextHop};
use model::lookup::Endpoint;
use model::{Network, NicId, RouteSource};
use report::az::watcher;

use crate::args::{Format, NextHopArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::{dependence, topology};

pub(super) fn run(
    arguments: &NextHopArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let network = topology::open(&arguments.topology, console)?.network;
    let nic = topology::nic(&network, &arguments.source)?;
    let destination = address(&network, &arguments.destination)?;
    let snapshot = control::compile(&network);
    let Some(compiled) = snapshot.nic(nic) else {
        return Err(Failure::Usage(format!(
            "'{}' was deleted",
            arguments.source
        )));
    };
    let answer = next_hop_of(&snapshot, compiled, destination);
    let document = watcher::next_hop(&answer);
    match arguments.output {
        Format::Table => write!(console.out(), "{}", watcher::table(&document))?,
        Format::Json => report::json::write(console.out(), &document)?,
    }
    let dead_end = match answer.route {
        None => Some("no route holds the destination".to_owned()),
        Some((row, entry)) => dead_end(&network, row, entry.next_hop),
    };
    if let Some(why) = &dead_end {
        console.message(format_args!("note: dropped there: {why}"));
    }
    note_of_options(&network, &snapshot, nic, destination, console);
    Ok(Exit::from_verdict(dead_end.is_none()))
}

/// One note for each option with another value of which the packet would go elsewhere.
pub(super) fn note_of_options(
    network: &Network,
    snapshot: &Snapshot,
    nic: NicId,
    destination: Ipv4Addr,
    console: &mut Console<'_>,
) {
    let hop = |_: &Network, snapshot: &Snapshot| {
        let answer = next_hop_of(snapshot, snapshot.nic(nic)?, destination);
        let leads_to = answer.route.map(|(_, entry)| entry.next_hop);
        Some((watcher::next_hop(&answer), leads_to))
    };
    dependence::tell(network, snapshot, dependence::ROUTES, hop, console);
}

/// The address that a destination stands for.
pub(super) fn address(network: &Network, text: &str) -> Result<Ipv4Addr, Failure> {
    match network.endpoint(text)? {
        Endpoint::Nic(_, address) | Endpoint::Outside(_, address) | Endpoint::Address(address) => {
            Ok(address)
        }
    }
}

/// Why nothing that takes this next hop arrives; `None` if it goes on.
fn dead_end(network: &Network, row: &EffectiveRoute, next_hop: NextHop) -> Option<String> {
    match next_hop {
        NextHop::Discard => {
            let prefixes: Vec<String> = row.prefixes.iter().map(ToString::to_string).collect();
            let depends = match row.source {
                RouteSource::Default => format!(" (noneRoutes={})", network.options.none_routes),
                RouteSource::User | RouteSource::VirtualNetworkGateway => String::new(),
            };
            Some(format!(
                "row {} has next hop None{depends}",
                prefixes.join(" ")
            ))
        }
        NextHop::NobodyThere => Some("nobody owns the address of the appliance".to_owned()),
        NextHop::Unreachable => {
            Some("the address of the appliance lies outside the own and peered prefixes".to_owned())
        }
        NextHop::NoGateway => Some("there is no gateway to use".to_owned()),
        NextHop::TransitOff(link) => Some(format!(
            "there is a gateway behind peering {}, but its flags do not pair",
            network.peerings()[link].id
        )),
        NextHop::Local
        | NextHop::Peer(_)
        | NextHop::Group(_)
        | NextHop::Nic(_)
        | NextHop::Frontend(_)
        | NextHop::Unsimulated
        | NextHop::Gateway(_)
        | NextHop::Shared(_)
        | NextHop::Outside(_)
        | NextHop::Internet
        | NextHop::AzureService => None,
    }
}
