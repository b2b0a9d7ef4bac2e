//! The thing that decided about a packet, by name: a rule, a route, a link and its flag.

use std::fmt;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::firewalls::FirewallRuleName;
use control::snapshot::{EffectiveRoute, Level, RouteOrigin};
use dataplane::dropped::{self, DropReason, Dropped, Locator};
use model::{CollectionAction, Direction, ResourceId};
use schemars::JsonSchema;
use serde::Serialize;

/// What decided. Holds names only, so that it outlives the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Object {
    /// A NIC and what stands behind it.
    Nic {
        /// Resource id.
        id: String,
    },
    /// A rule of a network security group.
    Rule(RuleObject),
    /// A security admin rule of a network manager.
    AdminRule(AdminRuleObject),
    /// A row of the effective routes.
    Route(RouteObject),
    /// A peering link.
    Link {
        /// Resource id.
        id: String,
        /// The flag that decided, by Azure's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        flag: Option<&'static str>,
        /// Whose link it is: `own` of the NIC that was asked, or the `receiver`'s.
        #[serde(skip_serializing_if = "Option::is_none")]
        side: Option<&'static str>,
    },
    /// A virtual network.
    VirtualNetwork {
        /// Resource id.
        id: String,
    },
    /// A load balancer.
    LoadBalancer {
        /// Resource id.
        id: String,
    },
    /// A virtual network gateway.
    Gateway {
        /// Resource id.
        id: String,
    },
    /// A connection of a gateway.
    Connection {
        /// Resource id.
        id: String,
    },
    /// A rule of an Azure firewall, or what it does without one.
    FirewallRule(FirewallRuleObject),
    /// A public address as a resource.
    PublicIpAddress {
        /// Resource id.
        id: String,
    },
    /// A NAT gateway.
    NatGateway {
        /// Resource id.
        id: String,
    },
    /// An address in the Internet, or one that nobody there has.
    Address {
        /// The address.
        address: Ipv4Addr,
    },
    /// Something that the snapshot no longer holds.
    Gone,
}

/// A rule of a network security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleObject {
    /// Where the group is attached: `nic` or `subnet`.
    pub level: &'static str,
    /// Resource id of the group; none for the default rules of a NIC without group (F-4).
    pub network_security_group: Option<String>,
    /// Name of the rule.
    pub rule: String,
    /// Its priority.
    pub priority: u16,
    /// `Inbound` or `Outbound`.
    pub direction: &'static str,
    /// `Allow` or `Deny`.
    pub access: &'static str,
}

/// A security admin rule of a network manager (S-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminRuleObject {
    /// Resource id of the rule: it holds manager, configuration and collection.
    pub id: String,
    /// Name of the rule.
    pub rule: String,
    /// Its priority.
    pub priority: u16,
    /// `Inbound` or `Outbound`.
    pub direction: &'static str,
    /// `Allow`, `AlwaysAllow` or `Deny`.
    pub access: &'static str,
}

/// A rule of an Azure firewall (S-35).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirewallRuleObject {
    /// Resource id of the firewall.
    pub firewall: String,
    /// The rule; none: no rule matched, or the policy is not part of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<FirewallRulePlace>,
}

/// Where a rule of an Azure firewall is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirewallRulePlace {
    /// Resource id of the policy, or of the firewall for the classic form.
    pub holder: String,
    /// Rule collection group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Rule collection.
    pub collection: String,
    /// Name of the rule.
    pub rule: String,
    /// `Nat`, `Allow`, `Deny`, or `Application`, whose verdict depends on names.
    pub action: &'static str,
}

/// A row of the effective routes, as Azure prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteObject {
    /// `Default`, `User` or `VirtualNetworkGateway`.
    pub source: &'static str,
    /// Usually one prefix.
    pub prefixes: Vec<String>,
    /// `VnetLocal`, `VNetPeering`, ...
    pub next_hop_type: &'static str,
    /// Addresses, if any.
    pub next_hop_ips: Vec<Ipv4Addr>,
    /// What made the row, unless Azure's system: id of the route table, link or gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// Name of the user's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

impl Object {
    /// The thing at a place of the snapshot in which the packet was judged. `reason` says which flag of a link is meant.
    pub fn at(snapshot: &Snapshot, locator: Locator, reason: Option<DropReason>) -> Self {
        let Some(object) = locator.object(snapshot) else {
            return Self::Gone;
        };
        match object {
            dropped::Object::Nic(id) => Self::Nic { id: id.to_string() },
            dropped::Object::Rule { level, group, rule } => Self::Rule(RuleObject {
                level: level_name(level),
                network_security_group: group.map(ToString::to_string),
                rule: rule.name.clone(),
                priority: rule.priority,
                direction: rule.direction.as_str(),
                access: rule.access.as_str(),
            }),
            dropped::Object::AdminRule { id, rule } => Self::AdminRule(AdminRuleObject {
                id: id.to_string(),
                rule: rule.name.clone(),
                priority: rule.priority,
                direction: rule.direction.as_str(),
                access: rule.access.as_str(),
            }),
            dropped::Object::Route { row, user_route } => {
                Self::Route(RouteObject::new(snapshot, row, user_route))
            }
            dropped::Object::Link(id) => Self::Link {
                id: id.to_string(),
                flag: reason.and_then(flag_of),
                side: reason.and_then(side_of),
            },
            dropped::Object::VirtualNetwork(id) => Self::VirtualNetwork { id: id.to_string() },
            dropped::Object::LoadBalancer(id) => Self::LoadBalancer { id: id.to_string() },
            dropped::Object::Gateway(id) => Self::Gateway { id: id.to_string() },
            dropped::Object::Connection(id) => Self::Connection { id: id.to_string() },
            dropped::Object::FirewallRule { firewall, rule } => {
                Self::FirewallRule(FirewallRuleObject {
                    firewall: firewall.to_string(),
                    rule: rule.map(FirewallRulePlace::of),
                })
            }
            dropped::Object::Address(address) => Self::Address { address },
        }
    }

    /// The object at which a packet was dropped.
    pub fn of_drop(snapshot: &Snapshot, dropped: Dropped) -> Self {
        Self::at(snapshot, dropped.at(), Some(dropped.reason()))
    }

    /// The resource in which the thing is written; `None` for what Azure's system made, and for what is no resource. A default rule has
    /// the group that it belongs to as its parent.
    pub fn resource(&self) -> Option<ResourceId> {
        let parsed = |id: &str| ResourceId::parse(id).ok();
        match self {
            Self::Nic { id }
            | Self::Link { id, .. }
            | Self::VirtualNetwork { id }
            | Self::LoadBalancer { id }
            | Self::Gateway { id }
            | Self::Connection { id }
            | Self::PublicIpAddress { id }
            | Self::NatGateway { id } => parsed(id),
            Self::Rule(rule) => {
                let group = parsed(rule.network_security_group.as_deref()?)?;
                Some(group.child("securityRules", &rule.rule))
            }
            Self::AdminRule(rule) => parsed(&rule.id),
            Self::Route(RouteObject { made_by, route, .. }) => {
                let maker = parsed(made_by.as_deref()?)?;
                Some(match route {
                    Some(route) => maker.child("routes", route),
                    None => maker,
                })
            }
            Self::FirewallRule(rule) => match &rule.rule {
                Some(place) => parsed(&place.holder),
                None => parsed(&rule.firewall),
            },
            Self::Address { .. } | Self::Gone => None,
        }
    }

    /// The same link with the flag that was asked, and whose link it is.
    #[must_use]
    pub fn with_flag(self, flag: &'static str, side: &'static str) -> Self {
        match self {
            Self::Link { id, .. } => Self::Link {
                id,
                flag: Some(flag),
                side: Some(side),
            },
            other => other,
        }
    }
}

impl RouteObject {
    fn new(
        snapshot: &Snapshot,
        row: &EffectiveRoute,
        user_route: Option<(&ResourceId, &str)>,
    ) -> Self {
        let names = &snapshot.provenance;
        let made_by = match row.origin {
            RouteOrigin::System => None,
            RouteOrigin::User(..) => user_route.map(|(table, _)| table),
            RouteOrigin::Peering(link) => named(&names.links, link.get()),
            RouteOrigin::Gateway(gateway) => named(&names.gateways, gateway.get()),
            RouteOrigin::RouteServer(server) => named(&names.route_servers, server.get()),
        };
        Self {
            source: row.source.as_str(),
            prefixes: row.prefixes.iter().map(ToString::to_string).collect(),
            next_hop_type: row.next_hop_type.as_str(),
            next_hop_ips: row.next_hop_ips.to_vec(),
            made_by: made_by.map(ToString::to_string),
            route: user_route.map(|(_, route)| route.to_owned()),
        }
    }
}

/// The name of a level in documents.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Nic => "nic",
        Level::Subnet => "subnet",
    }
}

/// The flag of a link that a drop reason is about.
fn flag_of(reason: DropReason) -> Option<&'static str> {
    match reason {
        DropReason::PeeringForwardedBlocked => Some("allowForwardedTraffic"),
        DropReason::VnetAccessBlocked => Some("allowVirtualNetworkAccess"),
        DropReason::GatewayTransitOff => Some("allowGatewayTransit, useRemoteGateways"),
        _ => None,
    }
}

/// Whose link a drop reason is about.
fn side_of(reason: DropReason) -> Option<&'static str> {
    match reason {
        DropReason::PeeringForwardedBlocked
        | DropReason::SourcePrefixNotPeered
        | DropReason::PeeringNotConnected => Some("receiver"),
        DropReason::VnetAccessBlocked | DropReason::GatewayTransitOff => Some("own"),
        _ => None,
    }
}

fn named(ids: &[Option<ResourceId>], position: u32) -> Option<&ResourceId> {
    ids.get(position as usize)?.as_ref()
}

/// The last name of a resource id, with its parent's for a child resource: `spoke2/spoke2-to-hub`.
pub fn short(id: &str) -> String {
    let segments: Vec<&str> = id.trim_start_matches('/').split('/').collect();
    let Some(provider) = segments
        .iter()
        .position(|segment| segment.eq_ignore_ascii_case("providers"))
    else {
        return id.to_owned();
    };
    let names: Vec<&str> = segments[provider + 2..]
        .iter()
        .skip(1)
        .step_by(2)
        .copied()
        .collect();
    names.join("/")
}

/// One line: `route 10.0.0.0/8 None (Default)`.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nic { id } => write!(f, "NIC {}", short(id)),
            Self::Rule(rule) => rule.fmt(f),
            Self::AdminRule(rule) => rule.fmt(f),
            Self::Route(route) => write!(f, "route {route}"),
            Self::Link { id, flag: None, .. } => write!(f, "link {}", short(id)),
            Self::Link {
                id,
                flag: Some(flag),
                ..
            } => write!(f, "{flag} of link {}", short(id)),
            Self::VirtualNetwork { id } => write!(f, "virtual network {}", short(id)),
            Self::LoadBalancer { id } => write!(f, "load balancer {}", short(id)),
            Self::Gateway { id } => write!(f, "gateway {}", short(id)),
            Self::Connection { id } => write!(f, "connection {}", short(id)),
            Self::FirewallRule(rule) => rule.fmt(f),
            Self::PublicIpAddress { id } => write!(f, "public IP address {}", short(id)),
            Self::NatGateway { id } => write!(f, "NAT gateway {}", short(id)),
            Self::Address { address } => write!(f, "address {address}"),
            Self::Gone => f.write_str("an object that no longer exists"),
        }
    }
}

impl fmt::Display for RuleObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}", self.access, self.rule, self.priority)?;
        match &self.network_security_group {
            Some(group) => write!(f, ") of {} at the {}", short(group), self.level),
            None => write!(f, ") of the default rules"),
        }
    }
}

impl fmt::Display for AdminRuleObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = short(&self.id);
        let manager = names.split('/').next().unwrap_or_default();
        write!(
            f,
            "{} {} ({}), a security admin rule of {manager}",
            self.access, self.rule, self.priority
        )
    }
}

impl FirewallRulePlace {
    fn of(name: &FirewallRuleName) -> Self {
        Self {
            holder: name.holder.to_string(),
            group: name.group.clone(),
            collection: name.collection.clone(),
            rule: name.rule.clone(),
            action: match name.action {
                CollectionAction::DestinationNat => "Nat",
                CollectionAction::Network(access) => access.as_str(),
                CollectionAction::Application(_) => "Application",
            },
        }
    }
}

impl fmt::Display for FirewallRuleObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let firewall = short(&self.firewall);
        let Some(place) = &self.rule else {
            return write!(f, "firewall {firewall}, without a rule that matches");
        };
        write!(
            f,
            "{} {} of {}/",
            place.action,
            place.rule,
            short(&place.holder)
        )?;
        if let Some(group) = &place.group {
            write!(f, "{group}/")?;
        }
        write!(f, "{} at firewall {firewall}", place.collection)
    }
}

impl fmt::Display for RouteObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefixes.as_slice() {
            [prefix] => write!(f, "{prefix} {}", self.next_hop_type)?,
            prefixes => write!(f, "{} prefixes {}", prefixes.len(), self.next_hop_type)?,
        }
        for address in &self.next_hop_ips {
            write!(f, " {address}")?;
        }
        match (&self.made_by, &self.route) {
            (Some(table), Some(route)) => {
                write!(f, " ({}, {route} of {})", self.source, short(table))
            }
            (Some(maker), None) => write!(f, " ({}, {})", self.source, short(maker)),
            (None, _) => write!(f, " ({})", self.source),
        }
    }
}

/// The word for a direction in a sentence.
pub fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_name_of_a_child_keeps_its_parent() {
        let vnet =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/spoke2";
        assert_eq!(short(vnet), "spoke2");
        let link = format!("{vnet}/virtualNetworkPeerings/spoke2-to-hub");
        assert_eq!(short(&link), "spoke2/spoke2-to-hub");
        assert_eq!(short("no id"), "no id");
    }

    #[test]
    fn objects_read_as_one_line() {
        let route = RouteObject {
            source: "User",
            prefixes: vec!["10.0.0.0/8".to_owned()],
            next_hop_type: "VirtualAppliance",
            next_hop_ips: vec![Ipv4Addr::new(10, 0, 0, 4)],
            made_by: Some(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/rt"
                    .to_owned(),
            ),
            route: Some("to-nva".to_owned()),
        };
        assert_eq!(
            Object::Route(route).to_string(),
            "route 10.0.0.0/8 VirtualAppliance 10.0.0.4 (User, to-nva of rt)"
        );
        let rule = RuleObject {
            level: "subnet",
            network_security_group: Some(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/nsg"
                    .to_owned(),
            ),
            rule: "DenyAllInBound".to_owned(),
            priority: 65_500,
            direction: "Inbound",
            access: "Deny",
        };
        assert_eq!(
            Object::Rule(rule).to_string(),
            "Deny DenyAllInBound (65500) of nsg at the subnet"
        );
    }
}
