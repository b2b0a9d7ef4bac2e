//! Commands of `az` that mend what is found, and the ways out that consist of nothing else.

use model::table::Resource;
use model::{LinkId, Network, PeeringState, ResourceId, VnetId};

use crate::object::short;
use crate::way_out::WayOut;

/// The resource group of an id, or a word that says that one is needed.
pub(crate) fn group_of(id: &ResourceId) -> &str {
    id.resource_group().unwrap_or("<resource-group>")
}

/// Creates the link of one network to another.
pub(crate) fn create_link(network: &Network, from: VnetId, to: VnetId) -> String {
    let networks = network.virtual_networks();
    let (from, to) = (&networks[from].id, &networks[to].id);
    // A network of another resource group is named by its id.
    let remote = if group_of(from).eq_ignore_ascii_case(group_of(to)) {
        to.name()
    } else {
        to.as_str()
    };
    format!(
        "az network vnet peering create -g {} --vnet-name {} -n {}-To-{} --remote-vnet {remote} --allow-vnet-access",
        group_of(from),
        from.name(),
        from.name(),
        to.name(),
    )
}

/// Sets a flag of a link.
pub(crate) fn set_flag(network: &Network, link: LinkId, flag: &str, value: bool) -> String {
    format!("{} --set {flag}={value}", on_link(network, link, "update"))
}

/// Deletes a link.
pub(crate) fn delete_link(network: &Network, link: LinkId) -> String {
    on_link(network, link, "delete")
}

fn on_link(network: &Network, link: LinkId, action: &str) -> String {
    let link = &network.peerings()[network.visible_link(link)];
    let vnet = &network.virtual_networks()[link.virtual_network].id;
    format!(
        "az network vnet peering {action} -g {} --vnet-name {} -n {}",
        group_of(vnet),
        vnet.name(),
        link.name()
    )
}

/// Takes over the remote network's present prefixes (P-6).
pub(crate) fn sync(network: &Network, link: LinkId) -> WayOut {
    let name = short(network.peerings()[link].id.as_str());
    WayOut::with(
        format!("Sync link {name}."),
        [on_link(network, link, "sync")],
    )
}

/// From Initiated: the reverse link is missing. From Disconnected: this link is in the way of a new one (P-2).
pub(crate) fn reconnect(network: &Network, link: LinkId) -> Vec<WayOut> {
    let peering = &network.peerings()[link];
    let here = peering.virtual_network;
    let name = short(peering.id.as_str());
    let Some(there) = network.virtual_networks().find(&peering.remote) else {
        return vec![WayOut::new(format!(
            "Create the link of {} back to {}.",
            peering.remote.name(),
            network.virtual_networks()[here].name()
        ))];
    };
    match peering.state {
        PeeringState::Connected => Vec::new(),
        PeeringState::Updating => vec![WayOut::new(format!(
            "Wait: link {name} is Updating and will be Connected in a moment (P-9)."
        ))],
        PeeringState::Initiated => vec![WayOut::with(
            format!("Create the reverse link of {name}."),
            [create_link(network, there, here)],
        )],
        PeeringState::Disconnected => vec![WayOut::with(
            format!(
                "Delete link {name}, which is Disconnected, then create both links anew (P-2)."
            ),
            [
                delete_link(network, link),
                create_link(network, here, there),
                create_link(network, there, here),
            ],
        )],
    }
}
