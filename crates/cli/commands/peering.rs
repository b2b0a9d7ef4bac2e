//! `vnetsim peering`: links and their life cycle (P-1 to P-8).

use model::authorization::RequiredAction;
use model::table::Resource;
use model::{LinkId, Network, PeeringFlags, VnetId};
use report::az::peering::document;
use report::table::Table;
use serde_json::Value;

use crate::access::AccessArguments;
use crate::args::{Format, InPlace, PeeringAction, PeeringArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::links::{self, LinkName, ScopeArguments};
use crate::state;

pub(super) fn run(arguments: PeeringArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let format = arguments.output;
    if arguments.access.permissions {
        return print_permissions(&arguments, console);
    }
    check_permissions(&arguments)?;
    match arguments.action {
        PeeringAction::List { vnet_name, group } => {
            let network = state::open(&arguments.topology, &arguments.state, console)?.network;
            let vnet = vnet_name
                .map(|name| links::virtual_network(&network, &name, &group))
                .transpose()?;
            let shown: Vec<LinkId> = network
                .listed_peerings()
                .filter(|(_, link)| vnet.is_none_or(|vnet| link.virtual_network == vnet))
                .filter(|(_, link)| group.admits(&link.id))
                .map(|(key, _)| key)
                .collect();
            print_all(&network, &shown, format, console)?;
        }
        PeeringAction::Show { link } => {
            let network = state::open(&arguments.topology, &arguments.state, console)?.network;
            let link = links::link(&network, &link)?;
            print_one(&network, link, format, console)?;
        }
        PeeringAction::Create {
            ref link,
            ref remote_vnet,
            flags,
            ref scope,
            both: _,
            ref remote_name,
            place,
        } => {
            let scope = scope.scope()?;
            change(&arguments, place, console, |network, _| match remote_name {
                None => {
                    let flags = flags.over(PeeringFlags::default());
                    Ok(vec![links::put(network, link, remote_vnet, flags, scope)?])
                }
                Some(remote_name) => {
                    let portal = PeeringFlags {
                        allow_forwarded_traffic: true,
                        ..PeeringFlags::default()
                    };
                    links::put_both(
                        network,
                        link,
                        remote_vnet,
                        remote_name,
                        flags.over(portal),
                        scope,
                    )
                }
            })?;
        }
        PeeringAction::Update {
            ref link,
            flags,
            ref scope,
            both,
            place,
        } => {
            change(&arguments, place, console, |network, _| {
                let changed = chosen(network, link, both)?;
                for (&link, scope) in changed.iter().zip([scope, &ScopeArguments::default()]) {
                    links::update(network, link, flags, scope)?;
                }
                Ok(changed)
            })?;
        }
        PeeringAction::Sync {
            ref link,
            both,
            place,
        } => {
            change(&arguments, place, console, |network, console| {
                let changed = chosen(network, link, both)?;
                for &link in &changed {
                    links::sync(network, link, console)?;
                }
                Ok(changed)
            })?;
        }
        PeeringAction::Delete {
            ref link,
            both,
            place,
        } => {
            change(&arguments, place, console, |network, _| {
                for link in chosen(network, link, both)? {
                    network.delete_peering(link);
                }
                Ok(Vec::new())
            })?;
        }
    }
    Ok(Exit::Yes)
}

/// Prints what the action needs instead of doing it.
fn print_permissions(
    arguments: &PeeringArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let network = state::open(&arguments.topology, &arguments.state, console)?.network;
    let required = required(&network, &arguments.action)?;
    let document = arguments.access.document(&network, &required);
    match arguments.output {
        Format::Table => AccessArguments::write_table(&document, console)?,
        Format::Json => report::json::write(console.out(), &document)?,
    }
    Ok(Exit::Yes)
}

/// Refuses what the principal of `--as` may not do.
fn check_permissions(arguments: &PeeringArguments) -> Result<(), Failure> {
    if arguments.access.principal.is_none() {
        return Ok(());
    }
    let network = state::peek(&arguments.topology, &arguments.state)?;
    let required = required(&network, &arguments.action)?;
    arguments.access.check(&network, &required)
}

/// What an action needs in Azure.
fn required(network: &Network, action: &PeeringAction) -> Result<Vec<RequiredAction>, Failure> {
    let each = |name: &LinkName, both: bool, of: &dyn Fn(LinkId) -> Vec<RequiredAction>| {
        let links = chosen(network, name, both)?;
        Ok(links.into_iter().flat_map(of).collect())
    };
    match action {
        PeeringAction::List { vnet_name, group } => {
            let networks = network.virtual_networks();
            let shown = match vnet_name {
                Some(name) => vec![links::virtual_network(network, name, group)?],
                None => networks
                    .iter()
                    .filter(|(_, vnet)| group.admits(&vnet.id) && !vnet.is_classic())
                    .map(|(key, _)| key)
                    .collect(),
            };
            let read = |vnet: VnetId| network.required_to_read(&networks[vnet].id);
            Ok(shown.into_iter().flat_map(read).collect())
        }
        PeeringAction::Show { link } => each(link, false, &|link| {
            network.required_to_read(&network.peerings()[link].id)
        }),
        PeeringAction::Create {
            link,
            remote_vnet,
            remote_name,
            ..
        } => links::required_to_create(network, link, remote_vnet, remote_name.as_deref()),
        PeeringAction::Update { link, both, .. } | PeeringAction::Sync { link, both, .. } => {
            each(link, *both, &|link| network.required_to_change(link))
        }
        PeeringAction::Delete { link, both, .. } => {
            each(link, *both, &|link| network.required_to_delete(link))
        }
    }
}

/// The named link, and its reverse where both are meant.
fn chosen(network: &Network, name: &LinkName, both: bool) -> Result<Vec<LinkId>, Failure> {
    let link = links::link(network, name)?;
    let reverse = both
        .then(|| network.reverse_link(link))
        .flatten()
        .filter(|&reverse| network.visible_link(reverse) == reverse);
    Ok([Some(link), reverse].into_iter().flatten().collect())
}

/// Changes the network, writes it whole, and prints the links that were touched. A refusal writes nothing.
fn change(
    arguments: &PeeringArguments,
    place: InPlace,
    console: &mut Console<'_>,
    change: impl FnOnce(&mut Network, &mut Console<'_>) -> Result<Vec<LinkId>, Failure>,
) -> Result<(), Failure> {
    let mut editable =
        state::open_for_change(&arguments.topology, &arguments.state, place, console)?;
    let touched = change(editable.network(), console)?;
    editable.save(console)?;
    match touched.as_slice() {
        [] => Ok(()),
        [link] => print_one(editable.network(), *link, arguments.output, console),
        links => print_all(editable.network(), links, arguments.output, console),
    }
}

fn print_one(
    network: &Network,
    link: LinkId,
    format: Format,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match format {
        Format::Table => print_all(network, &[link], format, console),
        Format::Json => Ok(report::json::write(
            console.out(),
            &document(network, link),
        )?),
    }
}

fn print_all(
    network: &Network,
    links: &[LinkId],
    format: Format,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match format {
        Format::Table => write!(console.out(), "{}", table(network, links))?,
        Format::Json => {
            let documents: Vec<Value> = links.iter().map(|&link| document(network, link)).collect();
            report::json::write(console.out(), &documents)?;
        }
    }
    Ok(())
}

fn table(network: &Network, links: &[LinkId]) -> Table {
    let mut table = Table::new([
        "VNet",
        "Name",
        "RemoteVNet",
        "State",
        "SyncLevel",
        "Access",
        "Forwarded",
        "GatewayTransit",
        "RemoteGateways",
    ]);
    let truth = |flag: bool| flag.to_string();
    for &link in links {
        let peering = &network.peerings()[link];
        table.push([
            network.virtual_networks()[peering.virtual_network]
                .name()
                .to_owned(),
            peering.name().to_owned(),
            peering.remote.name().to_owned(),
            peering.state.to_string(),
            network.sync_level(link).to_string(),
            truth(peering.flags.allow_virtual_network_access),
            truth(peering.flags.allow_forwarded_traffic),
            truth(peering.flags.allow_gateway_transit),
            truth(peering.flags.use_remote_gateways),
        ]);
    }
    table
}
