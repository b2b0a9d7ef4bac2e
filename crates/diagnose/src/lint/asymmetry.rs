//! Ways through an appliance in one direction only.

use std::collections::{BTreeMap, BTreeSet};

use control::snapshot::{CompiledFib, GuestKind, NextHop, RouteOrigin};
use model::{NicId, ResourceId, VnetId};

use super::{Check, Design, Finding, Severity};
use crate::lint::next_hops::{appliances, first_host, route_id};
use crate::way_out::WayOut;

const ONE_WAY: Check = Check {
    id: "asymmetric-appliance-route",
    severity: Severity::Warning,
    rule: "R-34",
    title: "Packets go through an appliance, their answers do not: a stateful device drops the rest of the conversation.",
};

pub(super) const CHECKS: &[&Check] = &[&ONE_WAY];

/// A subnet with NICs, its routes and an address in it.
struct Place<'a> {
    vnet: VnetId,
    name: ResourceId,
    host: std::net::Ipv4Addr,
    fib: &'a CompiledFib,
    appliances: BTreeSet<NicId>,
}

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    let places = places(design);
    // By route and the network whose answers stray: one finding each.
    let mut strays: BTreeMap<(ResourceId, ResourceId), BTreeSet<ResourceId>> = BTreeMap::new();
    for from in &places {
        for to in &places {
            if std::ptr::eq(from, to) {
                continue;
            }
            // Cheap questions first: there are many pairs.
            let answered = to.fib.table.lookup(from.host).is_some_and(|entry| {
                matches!(
                    entry.next_hop,
                    NextHop::Local | NextHop::Peer(_) | NextHop::Group(_)
                )
            });
            if !answered {
                continue;
            }
            let Some((route, out)) = passed(design, from.fib, to.host) else {
                continue;
            };
            // What the appliance's own neighbours or the appliance itself send is not forwarded twice.
            if out
                .iter()
                .any(|nic| from.appliances.contains(nic) || to.appliances.contains(nic))
            {
                continue;
            }
            let vnet = design.network.virtual_networks()[to.vnet].id.clone();
            strays
                .entry((route, vnet))
                .or_default()
                .insert(to.name.clone());
        }
    }
    for ((route, vnet), subnets) in strays {
        let names: Vec<&str> = subnets.iter().map(ResourceId::name).collect();
        let message = format!(
            "Route {} of {} sends packets for {} of {} through an appliance, but the answers come back without it.",
            route.name(),
            route.parent().as_ref().map_or("", ResourceId::name),
            names.join(", "),
            vnet.name()
        );
        findings.push(
            Finding::new(&ONE_WAY, &route, message)
                .related(subnets)
                .mended_by([
                    WayOut::new(format!(
                        "Give the subnets of {} a route back through the same appliance, as long as the row that wins now.",
                        vnet.name()
                    )),
                    WayOut::new("Or let the appliance put its own address in place of the source."),
                ]),
        );
    }
}

/// The appliances through which a table sends packets to an address, if they neither translate nor are missing, and by which route.
fn passed(
    design: Design<'_>,
    fib: &CompiledFib,
    to: std::net::Ipv4Addr,
) -> Option<(ResourceId, Vec<NicId>)> {
    let entry = fib.table.lookup(to)?;
    let RouteOrigin::User(table, position) = fib.routes[usize::from(entry.route)].origin else {
        return None;
    };
    let nics: Vec<NicId> = appliances(design, entry.next_hop)
        .into_iter()
        .filter(|appliance| {
            let nic = design.snapshot.nic(appliance.nic);
            let routes = nic.is_some_and(|nic| {
                let kind = design.snapshot.guest_of(nic).kind;
                matches!(kind, GuestKind::Appliance { .. } | GuestKind::Firewall(_))
            });
            routes && !appliance.translates
        })
        .map(|appliance| appliance.nic)
        .collect();
    if nics.is_empty() {
        return None;
    }
    Some((route_id(design.network, table, position)?, nics))
}

fn places<'a>(design: Design<'a>) -> Vec<Place<'a>> {
    let mut places: BTreeMap<model::SubnetId, Place<'a>> = BTreeMap::new();
    for (key, nic) in design.network.nics().iter() {
        let Some(compiled) = design.snapshot.nic(key) else {
            continue;
        };
        let subnet = &design.network.subnets()[nic.subnet()];
        let place = places.entry(nic.subnet()).or_insert_with(|| Place {
            vnet: nic.virtual_network,
            name: subnet.id.clone(),
            host: subnet
                .prefixes
                .first()
                .map_or(nic.primary_address(), |&prefix| first_host(prefix)),
            fib: design.snapshot.fib_of(compiled),
            appliances: BTreeSet::new(),
        });
        if nic.ip_forwarding {
            place.appliances.insert(key);
        }
    }
    places.into_values().collect()
}
