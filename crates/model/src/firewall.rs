//! What Azure firewalls are told: policies with their rule collections, and groups of addresses (S-35).
//!
//! A firewall has a policy, or in the classic form collections of its own. What decides about a packet is worked out by the compiler.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

use crate::id::ResourceId;
use crate::security::{Ports, RuleProtocol};
use crate::spelling::Access;
use crate::table::Resource;
use crate::virtual_network::Location;

/// A firewall policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallPolicy {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// The parent, whose rules go before this policy's own, whatever their priorities.
    pub base: Option<ResourceId>,
    /// Destinations for which the source is kept; `None`: private space by IANA (RFC 1918, RFC 6598). `0.0.0.0/0` keeps it always,
    /// `255.255.255.255/32` never.
    pub private_ranges: Option<Vec<Ipv4Net>>,
    /// In the order of the input; what counts is their priority.
    pub groups: Vec<RuleCollectionGroup>,
    /// The input names groups of it that it does not hold.
    pub incomplete: bool,
}

/// A rule collection group of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCollectionGroup {
    /// Name, unique in the policy.
    pub name: String,
    /// 100 to 65000, lower first.
    pub priority: u32,
    /// In the order of the input; what counts is their priority.
    pub collections: Vec<RuleCollection>,
}

/// Rules of one kind with one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCollection {
    /// Name, unique in its group.
    pub name: String,
    /// 100 to 65000, lower first.
    pub priority: u32,
    /// What its rules do.
    pub action: CollectionAction,
    /// In order: the first that matches decides.
    pub rules: Vec<FirewallRule>,
}

/// What the rules of a collection do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CollectionAction {
    /// Translate the destination; asked before all others.
    DestinationNat,
    /// Network rules: decide by addresses and ports.
    Network(Access),
    /// Application rules: decide by names that only the packet's content shows; asked after network rules.
    Application(Access),
}

/// A rule of a firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallRule {
    /// Name, unique in its collection.
    pub name: String,
    /// Protocols; application rules are TCP.
    pub protocols: Vec<RuleProtocol>,
    /// Where from.
    pub sources: FirewallAddresses,
    /// Where to.
    pub destinations: FirewallAddresses,
    /// Destination ports.
    pub ports: Ports,
    /// Names of destinations: FQDNs, URLs, tags of either, web categories. What they stand for is not in any file.
    pub names: Vec<String>,
    /// New destination, for rules that translate.
    pub translated: Option<TranslatedDestination>,
}

/// One side of a firewall's rule: the union of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirewallAddresses {
    /// Every address.
    pub everything: bool,
    /// Prefixes, addresses and ranges.
    pub prefixes: Vec<Ipv4Net>,
    /// Service tags.
    pub tags: Vec<String>,
    /// IP groups.
    pub ip_groups: Vec<ResourceId>,
}

/// Where a rule sends what it translates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedDestination {
    /// `None` if the rule names a host instead.
    pub address: Option<Ipv4Addr>,
    /// Name of the host.
    pub fqdn: Option<String>,
    /// `None`: the port stays.
    pub port: Option<u16>,
}

/// A group of addresses that rules of firewalls name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpGroup {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its prefixes.
    pub prefixes: Vec<Ipv4Net>,
}

/// Private space unless a policy says otherwise: RFC 1918 and RFC 6598.
pub const IANA_PRIVATE_RANGES: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
];

impl Resource for FirewallPolicy {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl Resource for IpGroup {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}
