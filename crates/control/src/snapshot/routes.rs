//! Routes as packets meet them, and as Azure prints them.

use std::net::Ipv4Addr;

use fib::Fib;
use ipnet::Ipv4Net;
use model::{
    GatewayId, LinkId, NextHopType, NicId, RouteServerId, RouteSource, RouteState, RouteTableId,
    VnetId,
};

use super::FrontendId;
use crate::effective_routes::RouteView;
use crate::few::Few;

/// A FIB with the effective routes it was compiled from.
#[derive(Clone, Debug)]
pub struct CompiledFib {
    /// What the rows depend on; cold.
    pub view: RouteView,
    /// Longest-prefix match; R-20 is compiled in.
    pub table: Fib<FibEntry>,
    /// Next hops that share one prefix, by the number in [`NextHop::Shared`].
    pub shared: Vec<Vec<FibEntry>>,
    /// The rows in the order in which Azure prints them; cold.
    pub routes: Vec<EffectiveRoute>,
}

/// What a FIB answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FibEntry {
    /// Position of the deciding row in [`CompiledFib::routes`].
    pub route: u16,
    /// Where the packet goes.
    pub next_hop: NextHop,
}

/// Compiled next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// The owner of the destination in the own virtual network.
    Local,
    /// The owner of the destination in the network behind this link.
    Peer(LinkId),
    /// The owner of the destination in a network of the same connected group.
    Group(VnetId),
    /// A NIC that forwards (an appliance, a firewall, a gateway instance named by address), or a private endpoint.
    Nic(NicId),
    /// A member behind a load balancer's frontend, chosen by a symmetric hash of the five-tuple.
    Frontend(FrontendId),
    /// Nobody owns the appliance's address (R-26a).
    NobodyThere,
    /// Somebody owns the appliance's address whose packets are not simulated.
    Unsimulated,
    /// The appliance's address is not directly connected.
    Unreachable,
    /// One of several that share the prefix, chosen by a hash of the five-tuple: a number in [`CompiledFib::shared`].
    Shared(u16),
    /// A virtual network gateway (G-5, G-7).
    Gateway(GatewayId),
    /// There is no gateway to use.
    NoGateway,
    /// There is a gateway behind this link, but the flags do not pair (F-11).
    TransitOff(LinkId),
    /// A network that is not part of the input lies behind this link.
    Outside(LinkId),
    /// The Internet.
    Internet,
    /// An Azure service behind a service endpoint.
    AzureService,
    /// Dropped: a row with next hop None.
    Discard,
}

/// One row of a NIC's effective routes (O-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveRoute {
    /// Where the row comes from.
    pub source: RouteSource,
    /// Whether it takes part.
    pub state: RouteState,
    /// Usually one prefix; several for a service endpoint.
    pub prefixes: Few<Ipv4Net>,
    /// Type as printed.
    pub next_hop_type: NextHopType,
    /// Addresses as printed; empty if none.
    pub next_hop_ips: Few<Ipv4Addr>,
    /// What made the row.
    pub origin: RouteOrigin,
}

/// What made a row, and so what would have to change to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteOrigin {
    /// The virtual network itself: its space, the Internet row, the `None` rows.
    System,
    /// A peering link.
    Peering(LinkId),
    /// A user-defined route: its table and its position there.
    User(RouteTableId, u16),
    /// A gateway.
    Gateway(GatewayId),
    /// A route server: the packet goes to the appliance at the row's address (G-10).
    RouteServer(RouteServerId),
}
