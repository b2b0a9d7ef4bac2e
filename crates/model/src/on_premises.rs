//! Networks outside Azure, as a scenario describes them.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::ResourceId;
use crate::table::{GatewayId, NicId, Resource};

/// The type of networks on premises in their ids: one of our own, since Azure has no such resource.
pub const ON_PREMISES: &str = "Vnetsim.Scenario/onPremisesNetworks";

/// A network outside Azure behind a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnPremisesNetwork {
    /// An id of ours: it has none in Azure. Its name is what people type.
    pub id: ResourceId,
    /// The gateway it hangs on.
    pub gateway: GatewayId,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Net>,
    /// Prefixes of Azure that its routers send to the gateway; `None` = everything that the gateway advertises to it (G-7).
    pub knows: Option<Vec<Ipv4Net>>,
    /// Hosts that answer, by their workers: [`Network::outside_host`](crate::Network::outside_host) knows them.
    pub hosts: Vec<NicId>,
    /// One-way latency to the gateway in microseconds.
    pub latency_us: u32,
}

/// What a network outside Azure is to be.
#[derive(Clone, Debug)]
pub struct OnPremisesRequest {
    /// An id of ours.
    pub id: ResourceId,
    /// The gateway it hangs on.
    pub gateway: GatewayId,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Net>,
    /// See [`OnPremisesNetwork::knows`].
    pub knows: Option<Vec<Ipv4Net>>,
    /// Hosts that answer, by name.
    pub hosts: Vec<(String, Ipv4Addr)>,
    /// One-way latency to the gateway in microseconds.
    pub latency_us: u32,
}

/// A point-to-site client of a VPN gateway (G-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpnClient {
    /// What people type.
    pub name: String,
    /// The gateway it is connected to.
    pub gateway: GatewayId,
    /// Its address, from the gateway's pool.
    pub address: Ipv4Addr,
    /// Prefixes that its profile sends into the tunnel, as they were when it was downloaded; `None` = what the gateway tells now.
    pub profile: Option<Vec<Ipv4Net>>,
    /// One-way latency to the gateway in microseconds.
    pub latency_us: u32,
}

impl Resource for OnPremisesNetwork {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}
