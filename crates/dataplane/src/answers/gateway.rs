//! What a gateway does with a packet: into a tunnel, to another gateway beside it, or on by the routes of `GatewaySubnet`; and where a
//! packet from outside enters (G-3, G-6 to G-9, G-11).

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{Far, FibEntry, Gateway, GuestKind, NextHop, Nic, Tunnel};
use model::{GatewayId, NicId, OutsidePlace, StationId};

use super::Answers;
use super::Departure;
use super::choice::{choose, position_of};
use crate::dropped::{DropReason, Dropped, Locator};
use crate::packet::FiveTuple;
use crate::recorder::{Recorder, Step};

/// How a packet leaves a gateway.
pub(super) enum Way {
    /// As any other NIC of its subnet would send it.
    ByRoutes,
    /// Into a tunnel, whatever the routes of its subnet say: it came from Azure and is for nobody there.
    IntoTunnel,
    /// It came out of a tunnel and is for nobody in Azure that a gateway reaches: the routes of its subnet say whether another tunnel
    /// or an appliance takes it.
    FromTunnel,
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

/// G-6, G-7: where a packet came from and where it goes decides.
pub(super) fn way(gateway: &Gateway, tuple: FiveTuple) -> Way {
    if gateway.inside.contains(tuple.destination) {
        return Way::ByRoutes;
    }
    let from_outside =
        !gateway.inside.contains(tuple.source) && gateway.table.lookup(tuple.source).is_some();
    if from_outside {
        Way::FromTunnel
    } else {
        Way::IntoTunnel
    }
}

/// Where a packet that came out of a tunnel goes by the routes of `GatewaySubnet`, if these lead to a gateway or to the Internet, which a
/// gateway does not reach; `None` = as for any other NIC.
pub(super) fn onward(
    snapshot: &Snapshot,
    own: GatewayId,
    entry: FibEntry,
    tuple: FiveTuple,
    recorder: &mut impl Recorder,
) -> Option<Result<Departure, Dropped>> {
    let nowhere = Dropped::new(DropReason::GatewayNoRoute, Locator::Gateway(own));
    let gateway = snapshot.gateway(own)?;
    match entry.next_hop {
        NextHop::Gateway(other) if other == own => {
            Some(into_tunnel(snapshot, own, gateway, tuple, recorder))
        }
        NextHop::Gateway(other) => {
            // G-9: only a route server joins the two, and never for VPN clients.
            let is_client = client_of(snapshot, own, tuple.source);
            let beside = snapshot.gateway(other);
            let instance = beside.and_then(|beside| choose(&beside.instances, tuple));
            Some(match instance {
                Some(instance) if gateway.branch_to_branch && !is_client => {
                    Ok(Departure::Nic(instance))
                }
                _ => recorder.end(nowhere),
            })
        }
        NextHop::Internet => Some(recorder.end(nowhere)),
        _ => None,
    }
}

fn client_of(snapshot: &Snapshot, gateway: GatewayId, address: Ipv4Addr) -> bool {
    snapshot
        .outside_hosts
        .values()
        .any(|host| host.address == address && host.place == OutsidePlace::VpnClient(gateway))
}

/// G-7: the tunnel with the longest prefix around the destination.
pub(super) fn into_tunnel(
    snapshot: &Snapshot,
    own: GatewayId,
    gateway: &Gateway,
    tuple: FiveTuple,
    recorder: &mut impl Recorder,
) -> Result<Departure, Dropped> {
    let at_gateway = Locator::Gateway(own);
    let Some(&group) = gateway.table.lookup(tuple.destination) else {
        // G-3
        let dropped = match gateway.down.lookup(tuple.destination) {
            Some(&connection) => Dropped::new(
                DropReason::GatewayConnectionDown,
                Locator::Connection(connection),
            ),
            None => Dropped::new(DropReason::GatewayNoRoute, at_gateway),
        };
        return recorder.end(dropped);
    };
    let tunnels = gateway
        .groups
        .get(usize::from(group))
        .map_or(&[][..], Vec::as_slice);
    let carries = |tunnel: &Tunnel| tunnel.carries(tuple.source, tuple.destination);
    let (number, tunnel) = match one_of(gateway, tunnels, tuple, carries) {
        Ok(chosen) => chosen,
        Err(refused) => {
            let at = refused.map_or(at_gateway, Locator::Connection);
            return recorder.end(Dropped::new(DropReason::GatewayNoRoute, at));
        }
    };
    recorder.record(Step::Tunnelled {
        gateway: own,
        tunnel: number,
        inward: false,
    });
    let at = tunnel.connection.map_or(at_gateway, Locator::Connection);
    match tunnel.far {
        Far::Gateway(far) => {
            let instances = snapshot
                .gateway(far)
                .map_or(&[][..], |far| far.instances.as_slice());
            match choose(instances, tuple) {
                Some(instance) => Ok(Departure::Tunnel(instance)),
                None => recorder.end(Dropped::new(DropReason::NoGateway, at)),
            }
        }
        Far::Unknown => recorder.end(Dropped::new(DropReason::OutsideInput, at)),
        Far::Site => match snapshot.host_behind(own, tuple.destination) {
            Some(station) => Ok(Departure::Tunnel(station)),
            None => recorder.end(Dropped::new(
                missing_host(snapshot, own, tuple.destination),
                at,
            )),
        },
    }
}

/// Nobody in the input has the address: an answer only if the input says who else is there.
fn missing_host(snapshot: &Snapshot, gateway: GatewayId, address: Ipv4Addr) -> DropReason {
    let mut sites = snapshot.sites.iter().flatten();
    let described = sites
        .any(|site| site.gateway == gateway && site.has_hosts && site.prefixes.contains(address));
    if described {
        DropReason::NoSuchHost
    } else {
        DropReason::OutsideInput
    }
}

/// One of several tunnels that carry the packet, the same for both directions of a flow. `Err` names a connection whose selectors do
/// not, if there is one.
fn one_of<'g>(
    gateway: &'g Gateway,
    tunnels: &[u16],
    tuple: FiveTuple,
    carries: impl Fn(&Tunnel) -> bool,
) -> Result<(u16, &'g Tunnel), Option<model::ConnectionId>> {
    let of = |number: u16| gateway.tunnels.get(usize::from(number));
    let fit = |number: &u16| of(*number).is_some_and(&carries);
    let count = tunnels.iter().copied().filter(fit).count();
    let chosen = position_of(count, tuple)
        .and_then(|position| tunnels.iter().copied().filter(fit).nth(position))
        .and_then(|number| Some((number, of(number)?)));
    chosen.ok_or_else(|| tunnels.iter().find_map(|&number| of(number)?.connection))
}

/// Where a packet of a host on premises or of a VPN client enters Azure.
pub(super) fn enter(
    snapshot: &Snapshot,
    from: StationId,
    place: OutsidePlace,
    tuple: FiveTuple,
    recorder: &mut impl Recorder,
) -> Result<Departure, Dropped> {
    let here = Locator::Nic(from);
    match place {
        // N-13: public addresses only; nobody reaches a private one from there.
        OutsidePlace::Internet => match snapshot.public_owner(tuple, recorder)? {
            Some(nic) => Ok(Departure::Nic(nic)),
            None => recorder.end(Dropped::new(
                DropReason::NoSuchHost,
                Locator::Address(tuple.destination),
            )),
        },
        OutsidePlace::VpnClient(key) => {
            // G-11: what its profile did not hold when it was downloaded goes to the Internet.
            let known = snapshot.profiles.get(&from);
            if known.is_some_and(|known| !known.contains(tuple.destination)) {
                return recorder.end(Dropped::new(DropReason::NoRoute, here));
            }
            instance_of(snapshot, key, tuple, here, recorder)
        }
        OutsidePlace::OnPremises(site) => {
            let Some((site, gateway)) = snapshot
                .site(site)
                .and_then(|site| Some((site, snapshot.gateway(site.gateway)?)))
            else {
                return recorder.end(Dropped::new(DropReason::NoGateway, here));
            };
            if site.prefixes.contains(tuple.destination) {
                return match snapshot.host_behind(site.gateway, tuple.destination) {
                    Some(neighbour) => Ok(Departure::Nic(neighbour)),
                    None => recorder.end(Dropped::new(DropReason::NoSuchHost, here)),
                };
            }
            // G-7: on premises has to know the prefix.
            if !site.knows.contains(tuple.destination) {
                return recorder.end(Dropped::new(DropReason::NoRoute, here));
            }
            let up = |tunnel: &Tunnel| tunnel.up;
            if let Err(down) = one_of(gateway, &site.tunnels, tuple, up) {
                let at = down.map_or(here, Locator::Connection);
                return recorder.end(Dropped::new(DropReason::GatewayConnectionDown, at));
            }
            let carries =
                |tunnel: &Tunnel| tunnel.up && tunnel.carries(tuple.destination, tuple.source);
            match one_of(gateway, &site.tunnels, tuple, carries) {
                Ok((tunnel, _)) => recorder.record(Step::Tunnelled {
                    gateway: site.gateway,
                    tunnel,
                    inward: true,
                }),
                Err(refused) => {
                    let at = refused.map_or(here, Locator::Connection);
                    return recorder.end(Dropped::new(DropReason::GatewayNoRoute, at));
                }
            }
            instance_of(snapshot, site.gateway, tuple, here, recorder)
        }
    }
}

/// The instance whose address is asked for, else one by a hash.
fn instance_of(
    snapshot: &Snapshot,
    gateway: GatewayId,
    tuple: FiveTuple,
    here: Locator,
    recorder: &mut impl Recorder,
) -> Result<Departure, Dropped> {
    let instances = snapshot
        .gateway(gateway)
        .map_or(&[][..], |gateway| gateway.instances.as_slice());
    let owns = |nic: &NicId| snapshot.answers_for(*nic, tuple.destination);
    let instance = instances.iter().copied().find(owns);
    match instance.or_else(|| choose(instances, tuple)) {
        Some(instance) => Ok(Departure::Tunnel(instance)),
        None => recorder.end(Dropped::new(DropReason::NoGateway, here)),
    }
}
