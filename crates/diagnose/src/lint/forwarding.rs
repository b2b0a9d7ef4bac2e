//! Links that keep out what an appliance forwards (F-6 to F-10).

use std::collections::{BTreeMap, BTreeSet};

use control::snapshot::{ForwardedTraffic, RouteOrigin};
use engine::site::Site;
use model::{LinkId, VnetId};

use super::{Check, Design, Finding, Severity};
use crate::commands::set_flag;
use crate::lint::next_hops::{Appliance, appliances, first_host, route_id};
use crate::object::short;
use crate::way_out::WayOut;

const BLOCKED: Check = Check {
    id: "forwarded-traffic-off",
    severity: Severity::Error,
    rule: "F-6, F-7",
    title: "User routes lead packets through an appliance into a network whose link keeps forwarded packets out.",
};
const BY_GATEWAY: Check = Check {
    id: "forwarded-traffic-by-remote-gateway",
    severity: Severity::Warning,
    rule: "F-9a, F-10",
    title: "Forwarded packets are let in only because a remote gateway is in use, or because an option says so: nobody has promised that.",
};

pub(super) const CHECKS: &[&Check] = &[&BLOCKED, &BY_GATEWAY];

/// What passes a link although the sender's network is another one.
#[derive(Default)]
struct Passing {
    senders: BTreeSet<String>,
    routes: BTreeSet<model::ResourceId>,
    appliances: BTreeSet<String>,
}

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    let mut passing: BTreeMap<LinkId, Passing> = BTreeMap::new();
    for fib in design.snapshot.fibs.iter() {
        let sender = fib.view.virtual_network;
        for receiver in design.network.virtual_networks().keys() {
            into(design, fib, sender, receiver, &mut passing);
        }
    }
    for (link, passing) in passing {
        findings.extend(judge(design, link, &passing));
    }
}

/// Notes the links of `receiver` that packets from `sender` have to pass behind an appliance.
fn into(
    design: Design<'_>,
    fib: &control::snapshot::CompiledFib,
    sender: VnetId,
    receiver: VnetId,
    passing: &mut BTreeMap<LinkId, Passing>,
) {
    let network = design.network;
    let subnets = network.virtual_networks()[receiver].subnets.iter();
    let prefixes = subnets.flat_map(|&subnet| &network.subnets()[subnet].prefixes);
    for &prefix in prefixes {
        let Some(entry) = fib.table.lookup(first_host(prefix)) else {
            continue;
        };
        let RouteOrigin::User(table, position) = fib.routes[usize::from(entry.route)].origin else {
            continue;
        };
        for Appliance {
            nic,
            vnet: hub,
            translates,
        } in appliances(design, entry.next_hop)
        {
            // F-7: a source in the appliance's own network is no foreign one, and its own network asks no link.
            if translates || hub == sender || hub == receiver {
                continue;
            }
            if let Some(link) = design.snapshot.link_between(receiver, hub) {
                let passing = passing.entry(link).or_default();
                let name = network.virtual_networks()[sender].id.name();
                passing.senders.insert(name.to_owned());
                passing.routes.extend(route_id(network, table, position));
                let site = Site::of(network, nic).map(|site| site.name);
                passing.appliances.extend(site);
            }
        }
    }
}

fn judge(design: Design<'_>, key: LinkId, passing: &Passing) -> Option<Finding> {
    let compiled = design.snapshot.link(key)?;
    if !compiled.connected {
        return None; // told by another check
    }
    let link = &design.network.peerings()[design.network.visible_link(key)];
    let name = short(link.id.as_str());
    let joined = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let way = format!(
        "what {} sends through {} enters by link {name}",
        joined(&passing.senders),
        joined(&passing.appliances)
    );
    let (check, message) = match compiled.forwarded {
        ForwardedTraffic::Allowed => return None,
        ForwardedTraffic::Blocked => (
            &BLOCKED,
            format!(
                "By user routes {way}, whose allowForwardedTraffic is false: it is dropped there."
            ),
        ),
        ForwardedTraffic::AllowedByRemoteGateway => (
            &BY_GATEWAY,
            format!(
                "By user routes {way}, whose allowForwardedTraffic is false: it passes only while the gateway of {} is in use.",
                link.remote.name()
            ),
        ),
        ForwardedTraffic::Tolerated => (
            &BY_GATEWAY,
            format!(
                "By user routes {way}, whose allowForwardedTraffic is false: it passes by an option, and perhaps not in Azure."
            ),
        ),
    };
    Some(
        Finding::new(check, &link.id, message)
            .related(passing.routes.iter().cloned())
            .depends_on("forwardedTraffic", design.network.options.forwarded_traffic)
            .mended_by([WayOut::with(
                format!("Set allowForwardedTraffic of link {name} to true."),
                [set_flag(design.network, key, "allowForwardedTraffic", true)],
            )]),
    )
}
