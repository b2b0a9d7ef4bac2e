//! Resources through which packets are delivered beside NICs: public addresses, load balancers, NAT gateways, firewalls.

use std::net::Ipv4Addr;

use crate::id::ResourceId;
use crate::spelling::Sku;
use crate::table::{NicId, PublicIpId, Resource, SubnetId};
use crate::virtual_network::Location;

/// A public address.
#[derive(Clone, Debug)]
pub struct PublicIpAddress {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// The address, where the input holds one.
    pub address: Option<Ipv4Addr>,
    /// Product tier.
    pub sku: Sku,
}

/// A load balancer.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Basic is not reachable across global peering (P-7).
    pub sku: Sku,
    /// In the order of the input.
    pub frontends: Vec<Frontend>,
    /// In the order of the input; members are named by the NICs.
    pub pools: Vec<BackendPool>,
    /// In the order of the input.
    pub rules: Vec<LoadBalancingRule>,
}

/// A frontend of a load balancer.
#[derive(Clone, Debug)]
pub struct Frontend {
    /// Name, unique in the load balancer.
    pub name: String,
    /// Where it listens.
    pub address: FrontendAddress,
}

/// Address of a frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrontendAddress {
    /// Internal: an address of a subnet.
    Private(SubnetId, Ipv4Addr),
    /// Public; `None` where the public address is not in the input.
    Public(Option<PublicIpId>),
}

/// A back-end pool.
#[derive(Clone, Debug)]
pub struct BackendPool {
    /// Name, unique in the load balancer.
    pub name: String,
}

/// A load-balancing rule. Protocol `None` with port 0 = HA ports: every protocol and port.
#[derive(Clone, Debug)]
pub struct LoadBalancingRule {
    /// Name, unique in the load balancer.
    pub name: String,
    /// Name of the frontend.
    pub frontend: String,
    /// Name of the back-end pool.
    pub pool: String,
    /// 6 or 17; `None` = all.
    pub protocol: Option<u8>,
    /// 0 = all.
    pub frontend_port: u16,
    /// 0 = all.
    pub backend_port: u16,
    /// `enableFloatingIP`: the member sees the frontend's address as destination.
    pub floating_ip: bool,
}

/// A NAT gateway (N-12).
#[derive(Clone, Debug)]
pub struct NatGateway {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its public addresses.
    pub public_ips: Vec<PublicIpId>,
}

/// An Azure firewall: an appliance with one hidden NIC (S-35).
#[derive(Clone, Debug)]
pub struct AzureFirewall {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its hidden NIC in `AzureFirewallSubnet`.
    pub nic: NicId,
    /// Its policy, if it has one.
    pub policy: Option<ResourceId>,
}

macro_rules! resources {
    ($($name:ident),+) => {$(
        impl Resource for $name {
            fn id(&self) -> &ResourceId {
                &self.id
            }
        }
    )+};
}

resources!(PublicIpAddress, LoadBalancer, NatGateway, AzureFirewall);
