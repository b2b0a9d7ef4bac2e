//! Resources through which packets are delivered beside NICs: public addresses, load balancers, NAT gateways, firewalls.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use crate::firewall::RuleCollection;
use crate::id::ResourceId;
use crate::spelling::Sku;
use crate::table::{NicId, PublicIpId, Resource, SubnetId, VnetId};
use crate::virtual_network::Location;

/// A public address.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// In the order of the input.
    pub probes: Vec<HealthProbe>,
    /// In the order of the input.
    pub inbound_nat_rules: Vec<InboundNatRule>,
    /// In the order of the input.
    pub outbound_rules: Vec<OutboundRule>,
}

/// A frontend of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendPool {
    /// Name, unique in the load balancer.
    pub name: String,
    /// Members that are named by their address; the others name the pool at their NICs.
    pub addresses: Vec<BackendAddress>,
}

/// A member of a pool by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendAddress {
    /// A private address.
    pub address: Ipv4Addr,
    /// The network it lies in; `None` = that of the load balancer's frontends.
    pub virtual_network: Option<VnetId>,
}

/// A load-balancing rule. Protocol `None` with port 0 = HA ports: every protocol and port.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Name of the probe that says which members are up; `None` = every running one.
    pub probe: Option<String>,
    /// `disableOutboundSnat`: a public frontend of this rule is no way out for the members (N-12).
    pub disable_outbound_snat: bool,
}

/// What a load balancer asks its members for: a connection to this TCP port, from 168.63.129.16 (T-7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthProbe {
    /// Name, unique in the load balancer.
    pub name: String,
    /// `Tcp`, `Http` or `Https`: what is asked over the connection plays no part here.
    pub protocol: String,
    /// Port of the members.
    pub port: u16,
}

/// Translates ports of a frontend to one member each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundNatRule {
    /// Name, unique in the load balancer.
    pub name: String,
    /// Name of the frontend.
    pub frontend: String,
    /// 6 or 17; `None` = all.
    pub protocol: Option<u8>,
    /// One port, or as many as the pool may have members.
    pub frontend_ports: RangeInclusive<u16>,
    /// Port of the member.
    pub backend_port: u16,
    /// `enableFloatingIP`.
    pub floating_ip: bool,
    /// Whom the packets are for.
    pub target: InboundNatTarget,
}

/// Whom the packets of an inbound NAT rule are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundNatTarget {
    /// Nobody yet: no NIC names the rule.
    Nobody,
    /// An IP configuration of a NIC, by its position there.
    Configuration(NicId, usize),
    /// The members of a pool, each with a port of its own, in their order.
    Pool(String),
}

/// Gives the members of a pool a way to the Internet (N-12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundRule {
    /// Name, unique in the load balancer.
    pub name: String,
    /// Names of public frontends.
    pub frontends: Vec<String>,
    /// Name of the back-end pool.
    pub pool: String,
    /// 6 or 17; `None` = all.
    pub protocol: Option<u8>,
}

/// A NAT gateway (N-12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatGateway {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its public addresses.
    pub public_ips: Vec<PublicIpId>,
}

/// An Azure firewall: an appliance with one hidden NIC (S-35).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureFirewall {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its hidden NIC in `AzureFirewallSubnet`.
    pub nic: NicId,
    /// Its policy, if it has one.
    pub policy: Option<ResourceId>,
    /// Rule collections of its own, the classic form; without a policy and without any, it denies everything.
    pub classic_collections: Vec<RuleCollection>,
    /// Destinations for which the source is kept, in the classic form ([`FirewallPolicy::private_ranges`](crate::FirewallPolicy::private_ranges)).
    pub classic_private_ranges: Option<Vec<Ipv4Net>>,
    /// Its public addresses, the one of its own IP configuration first.
    pub public_ips: Vec<PublicIpId>,
}

/// A managed routing appliance (`Microsoft.Network/virtualNetworkAppliances`): it forwards like an appliance of the user's (G-12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualNetworkAppliance {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its hidden NIC in `VirtualNetworkApplianceSubnet`.
    pub nic: NicId,
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

resources!(
    PublicIpAddress,
    LoadBalancer,
    NatGateway,
    AzureFirewall,
    VirtualNetworkAppliance
);
