//! Links that are half made, out of sync, shut, or lead to overlapping space (P-1 to P-6, F-2).

use ipnet::Ipv4Net;
use model::table::Resource;
use model::{LinkId, PeeringState};

use super::{Check, Design, Finding, Severity};
use crate::commands::{create_link, reconnect, set_flag, sync};
use crate::object::short;
use crate::way_out::WayOut;

const HALF_MADE: Check = Check {
    id: "peering-half-made",
    severity: Severity::Error,
    rule: "P-1, P-2",
    title: "A link is not Connected, or the other network has no link back: it carries nothing.",
};
const NOT_IN_SYNC: Check = Check {
    id: "peering-not-in-sync",
    severity: Severity::Warning,
    rule: "P-6",
    title: "A link does not know the remote network's present address space.",
};
const SHUT: Check = Check {
    id: "peering-access-off",
    severity: Severity::Note,
    rule: "F-2, F-3",
    title: "A link keeps the remote network out of the VirtualNetwork tag: default rules deny both directions.",
};
const OVERLAP: Check = Check {
    id: "peering-overlap",
    severity: Severity::Error,
    rule: "P-3",
    title: "Two networks that meet in one peering, or two peers of one network, overlap.",
};

pub(super) const CHECKS: &[&Check] = &[&HALF_MADE, &NOT_IN_SYNC, &SHUT, &OVERLAP];

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    for (link, _) in design.network.listed_peerings() {
        findings.extend(half_made(design, link));
        findings.extend(not_in_sync(design, link));
        findings.extend(shut(design, link));
    }
    overlaps(design, findings);
}

fn half_made(design: Design<'_>, key: LinkId) -> Option<Finding> {
    let network = design.network;
    let link = &network.peerings()[key];
    let name = short(link.id.as_str());
    let remote = link.remote.name();
    let reverse = network.reverse_link(key);
    let is_known = network.virtual_networks().find(&link.remote);
    let (message, ways_out) = match (link.state, reverse, is_known) {
        (PeeringState::Connected, None, Some(there)) => (
            format!("Link {name} is recorded as Connected, but {remote} has no link back."),
            vec![WayOut::with(
                format!("Create the reverse link of {name}."),
                [create_link(network, there, link.virtual_network)],
            )],
        ),
        (PeeringState::Connected | PeeringState::Updating, ..) => return None,
        (PeeringState::Initiated, None, _) => (
            format!(
                "Link {name} is Initiated: {remote} has no link back, and a peering needs both."
            ),
            reconnect(network, key),
        ),
        (PeeringState::Initiated, Some(back), _) => (
            format!(
                "Link {name} is Initiated although the reverse link {} exists.",
                short(network.peerings()[back].id.as_str())
            ),
            vec![WayOut::with(
                "Store both links anew: an update lets them find each other.",
                [key, back].map(|link| {
                    let allows = network.peerings()[link].flags.allow_virtual_network_access;
                    set_flag(network, link, "allowVirtualNetworkAccess", allows)
                }),
            )],
        ),
        (PeeringState::Disconnected, ..) => (
            format!(
                "Link {name} is Disconnected: the link of {remote} was deleted, and this one is in the way of a new pair."
            ),
            reconnect(network, key),
        ),
    };
    let related = reverse.map(|reverse| network.peerings()[reverse].id.clone());
    Some(
        Finding::new(&HALF_MADE, &link.id, message)
            .related(related)
            .mended_by(ways_out),
    )
}

/// Told at the link whose own copy is old: it is the one to sync.
fn not_in_sync(design: Design<'_>, key: LinkId) -> Option<Finding> {
    let network = design.network;
    let link = &network.peerings()[key];
    if link.state != PeeringState::Connected {
        return None;
    }
    let present = network.present_remote_space(key)?;
    let known = &link.remote_address_space;
    let listed = |prefixes: &mut dyn Iterator<Item = &Ipv4Net>| {
        prefixes
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let missing = listed(&mut present.iter().filter(|prefix| !known.contains(prefix)));
    let gone = listed(&mut known.iter().filter(|prefix| !present.contains(prefix)));
    let differences: Vec<String> = [("does not know", missing), ("still holds", gone)]
        .into_iter()
        .filter(|(_, prefixes)| !prefixes.is_empty())
        .map(|(verb, prefixes)| format!("{verb} {prefixes}"))
        .collect();
    if differences.is_empty() {
        return None;
    }
    let message = format!(
        "Link {} is {}: it {} of {}.",
        short(link.id.as_str()),
        network.sync_level(key),
        differences.join(" and "),
        link.remote.name()
    );
    Some(
        Finding::new(&NOT_IN_SYNC, &link.id, message)
            .related([link.remote.clone()])
            .mended_by([sync(network, key)]),
    )
}

fn shut(design: Design<'_>, key: LinkId) -> Option<Finding> {
    let link = &design.network.peerings()[key];
    if link.flags.allow_virtual_network_access {
        return None;
    }
    let name = short(link.id.as_str());
    let message = format!(
        "allowVirtualNetworkAccess of link {name} is false: {} is not in the VirtualNetwork tag here, so default rules deny new connections from it and to it.",
        link.remote.name()
    );
    Some(
        Finding::new(&SHUT, &link.id, message)
            .depends_on(
                "vnetAccessWithoutNsg",
                design.network.options.vnet_access_without_nsg,
            )
            .mended_by([WayOut::with(
                format!(
                    "Set allowVirtualNetworkAccess of link {name} to true, unless that is meant."
                ),
                [set_flag(
                    design.network,
                    key,
                    "allowVirtualNetworkAccess",
                    true,
                )],
            )]),
    )
}

fn overlaps(design: Design<'_>, findings: &mut Vec<Finding>) {
    let network = design.network;
    for vnet in network.virtual_networks().values() {
        for (position, &second) in vnet.peerings.iter().enumerate() {
            let link = &network.peerings()[second];
            let spaces = vnet.peerings[..position].iter().map(|&first| {
                let first = &network.peerings()[first];
                (
                    first.remote_address_space.as_slice(),
                    first.remote.clone(),
                    format!(
                        "{}, which is peered with {} too",
                        first.remote.name(),
                        vnet.name()
                    ),
                )
            });
            let own = (
                vnet.address_space.prefixes(),
                vnet.id.clone(),
                vnet.name().to_owned(),
            );
            for (space, other, told) in std::iter::once(own).chain(spaces) {
                // Two links to one network are another fault.
                if other == link.remote {
                    continue;
                }
                let Some((here, there)) = first_overlap(&link.remote_address_space, space) else {
                    continue;
                };
                let message = format!(
                    "{here} of {} overlaps {there} of {told}: Azure refuses such a link.",
                    link.remote.name()
                );
                findings.push(
                    Finding::new(&OVERLAP, &link.id, message)
                        .related([other])
                        .mended_by([WayOut::new(format!(
                            "Give {} an address space of its own.",
                            link.remote.name()
                        ))]),
                );
            }
        }
    }
}

fn first_overlap(one: &[Ipv4Net], other: &[Ipv4Net]) -> Option<(Ipv4Net, Ipv4Net)> {
    one.iter().find_map(|&here| {
        other
            .iter()
            .find(|there| here.contains(*there) || there.contains(&here))
            .map(|&there| (here, there))
    })
}
