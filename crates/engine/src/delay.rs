//! How long a packet takes from one NIC to the next, and inside the guest that forwards it: the latency model applied to a network.

use control::Snapshot;
use control::snapshot::GuestKind;
use model::{Network, NicId};

use crate::latency::{LatencyModel, Link};
use crate::site::Site;
use crate::time::SimDuration;

/// The way between two NICs (L-1 to L-4).
pub fn link(network: &Network, model: &LatencyModel, from: &Site, to: NicId) -> Link {
    let there = Site::of(network, to);
    let outside = from.outside().or_else(|| there.as_ref()?.outside());
    if let Some(distance) = outside {
        model.outside(distance)
    } else {
        let place = there.as_ref().map(Site::place).unwrap_or_default();
        model.link(from.place(), place)
    }
}

/// How long the guest behind a NIC takes to forward a packet (L-4).
pub fn forwarding(snapshot: &Snapshot, model: &LatencyModel, nic: NicId) -> SimDuration {
    let parameters = model.parameters();
    let kind = snapshot.guest_behind(nic).map(|(_, guest)| guest.kind);
    match kind {
        Some(GuestKind::Gateway(_)) => parameters.vpn_gateway,
        Some(
            GuestKind::Appliance { .. }
            | GuestKind::Firewall(_)
            | GuestKind::RoutingAppliance(_)
            | GuestKind::Host(_)
            | GuestKind::PrivateEndpoint
            | GuestKind::Outside
            | GuestKind::Nobody,
        )
        | None => parameters.appliance,
    }
}
