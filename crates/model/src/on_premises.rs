//! Networks outside Azure, as a scenario describes them.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::ResourceId;
use crate::table::{GatewayId, NicId, Resource};

/// A network outside Azure behind a gateway.
#[derive(Clone, Debug)]
pub struct OnPremisesNetwork {
    /// An id of ours: it has none in Azure. Its name is what people type.
    pub id: ResourceId,
    /// The gateway it hangs on.
    pub gateway: GatewayId,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Net>,
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
    /// Hosts that answer, by name.
    pub hosts: Vec<(String, Ipv4Addr)>,
    /// One-way latency to the gateway in microseconds.
    pub latency_us: u32,
}

impl Resource for OnPremisesNetwork {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}
