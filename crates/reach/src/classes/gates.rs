//! What gateways and hosts outside Azure do with packets: where they lead them, as the data plane says it of one packet for each cell of
//! addresses.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{Far, Gateway, GuestKind, Nic, OutsideHost};
use dataplane::answers::{Answers, Departure};
use dataplane::dropped::Dropped;
use dataplane::packet::FiveTuple;
use model::{GatewayId, NicId, OutsidePlace};

use super::routes::Lead;
use super::rules::Shown;

/// How a packet leaves a NIC behind which an instance of a gateway stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// As any other NIC of its subnet would send it.
    ByRoutes,
    /// By a tunnel, or not at all.
    Through(Lead),
}

/// The gateway whose instance stands behind a NIC.
pub(super) fn gateway_behind<'s>(
    snapshot: &'s Snapshot,
    nic: &Nic,
) -> Option<(GatewayId, &'s Gateway)> {
    match snapshot.guest_of(nic).kind {
        GuestKind::Gateway(key) => Some((key, snapshot.gateway(key)?)),
        _ => None,
    }
}

/// G-6, G-7: where a gateway's instance sends packets from one address to another.
pub(super) fn gate(
    snapshot: &Snapshot,
    instance: NicId,
    (key, gateway): (GatewayId, &Gateway),
    (source, destination): (Ipv4Addr, Ipv4Addr),
    shown: Shown,
) -> Gate {
    if gateway.inside.contains(destination) {
        return Gate::ByRoutes;
    }
    if !gateway.inside.contains(source) && gateway.table.lookup(source).is_some() {
        return Gate::Through(Lead::Odd); // from one tunnel into another
    }
    let Some(&group) = gateway.table.lookup(destination) else {
        return Gate::Through(Lead::Nowhere); // G-3
    };
    let tunnels = gateway.groups.get(usize::from(group));
    let tunnels = tunnels.into_iter().flatten();
    let to_sites = tunnels
        .filter_map(|&number| gateway.tunnels.get(usize::from(number)))
        .all(|tunnel| tunnel.far == Far::Site);
    if !to_sites {
        return Gate::Through(Lead::Odd);
    }
    // Whichever of the tunnels a hash chooses, they lead to the same host.
    let answer = snapshot.next_hop(instance, tuple(source, destination, shown), &mut ());
    Gate::Through(match answer {
        Ok(Departure::Tunnel(station)) => {
            debug_assert_eq!(snapshot.host_behind(key, destination), Some(station));
            Lead::Station(station)
        }
        Ok(_) => Lead::Odd,
        Err(dropped) => lost(dropped),
    })
}

/// Where a host outside Azure sends packets; one in the Internet only a packet can tell.
pub(super) fn entry(
    snapshot: &Snapshot,
    station: NicId,
    host: &OutsideHost,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    shown: Shown,
) -> Lead {
    let gateway = match host.place {
        OutsidePlace::OnPremises(site) => snapshot.site(site).map(|site| site.gateway),
        OutsidePlace::VpnClient(gateway) => Some(gateway),
        OutsidePlace::Internet => return Lead::Odd,
    };
    let tuple = tuple(source, destination, shown);
    match (snapshot.entry(station, host.place, tuple, &mut ()), gateway) {
        (Ok(Departure::Tunnel(instance)), Some(gateway)) => {
            if snapshot.answers_for(instance, destination) {
                Lead::Odd
            } else {
                // G-2: one of the instances.
                Lead::Tunnelled(gateway)
            }
        }
        (Ok(_), _) => Lead::Odd,
        (Err(dropped), _) => lost(dropped),
    }
}

fn lost(dropped: Dropped) -> Lead {
    if dropped.reason().is_unknown() {
        Lead::Unknown
    } else {
        Lead::Nowhere
    }
}

fn tuple(source: Ipv4Addr, destination: Ipv4Addr, shown: Shown) -> FiveTuple {
    FiveTuple {
        source,
        destination,
        source_port: shown.source_port.unwrap_or_default(),
        destination_port: shown.destination_port.unwrap_or_default(),
        protocol: shown.protocol,
    }
}
