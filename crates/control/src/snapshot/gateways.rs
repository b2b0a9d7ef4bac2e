//! Gateways, and what lies behind them outside Azure.

use std::net::Ipv4Addr;

use fib::{AddressSet, Fib};
use model::{ConnectionId, GatewayId, NicId, OutsidePlace, TrafficSelector};

use super::GuestId;

/// A network outside Azure, as packets meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The gateway it hangs on.
    pub gateway: GatewayId,
    /// Its own prefixes.
    pub prefixes: AddressSet,
    /// What its routers send to the gateway (G-7).
    pub knows: AddressSet,
    /// The tunnels that lead to it, by number in [`Gateway::tunnels`].
    pub tunnels: Vec<u16>,
    /// The input says which hosts there are.
    pub has_hosts: bool,
}

/// A host outside Azure, as packets meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsideHost {
    /// The address it sends from, and unless it is in the Internet the only one it answers for.
    pub address: Ipv4Addr,
    /// Where it is, and so where its packets enter Azure.
    pub place: OutsidePlace,
    /// What stands behind it.
    pub guest: GuestId,
}

impl OutsideHost {
    /// Whether packets for this address are for this host, once they have come to its place.
    pub fn answers_for(&self, address: Ipv4Addr) -> bool {
        self.place == OutsidePlace::Internet || self.address == address
    }
}

/// A virtual network gateway as packets meet it.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// NICs of its instances; more than one for active-active (G-2).
    pub instances: Vec<NicId>,
    /// Own and peered space: what lies there is routed by `GatewaySubnet`, never into a tunnel (R-20.1, G-6).
    pub inside: AddressSet,
    /// What its connections, networks on premises and VPN clients are reached through.
    pub tunnels: Vec<Tunnel>,
    /// Tunnels that share a prefix, by number in `tunnels`.
    pub groups: Vec<Vec<u16>>,
    /// Where a prefix outside lies, by number in `groups` (G-7, G-8).
    pub table: Fib<u16>,
    /// Prefixes behind connections that are down (G-3).
    pub down: Fib<ConnectionId>,
    /// What the profile of a VPN client holds that is downloaded now (G-11).
    pub profile: AddressSet,
    /// A route server hands routes on between the gateways of the network (G-9).
    pub branch_to_branch: bool,
}

/// A tunnel of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Its connection; none for networks on premises that the input joins to the gateway directly, and for VPN clients.
    pub connection: Option<ConnectionId>,
    /// Whether it carries anything (G-3).
    pub up: bool,
    /// Its other end.
    pub far: Far,
    /// The only traffic that it carries; empty = everything.
    pub selectors: Vec<TrafficSelector>,
}

impl Tunnel {
    /// Whether packets between an address in Azure and one on the far side are carried.
    pub fn carries(&self, local: Ipv4Addr, remote: Ipv4Addr) -> bool {
        self.selectors.is_empty()
            || self
                .selectors
                .iter()
                .any(|selector| selector.carries(local, remote))
    }
}

/// The other end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Far {
    /// Hosts outside Azure: on premises, or VPN clients.
    Site,
    /// Another gateway of the input.
    Gateway(GatewayId),
    /// Something in Azure that the input does not hold.
    Unknown,
}
