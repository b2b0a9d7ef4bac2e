//! Network security groups, their rules, application security groups, service tags (S-1 to S-7, S-30).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::id::ResourceId;
use crate::spelling::{Access, Direction};
use crate::table::{AsgId, Resource};
use crate::virtual_network::Location;

/// A network security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSecurityGroup {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// The user's rules, in the order of the input; priorities are unique per direction (S-1). The six defaults are not among them.
    /// Shared, since what is compiled from them refers to them.
    pub rules: Arc<[SecurityRule]>,
    /// `flushConnection`: a rule change is applied to running connections too (S-22).
    pub flush_connection: bool,
}

/// One security rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityRule {
    /// Name, unique in the group (S-2).
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// 100 to 4096; imported rules may have 1 to 65535 (S-1). Lower is asked first.
    pub priority: u16,
    /// Seen from the VM.
    pub direction: Direction,
    /// What it says.
    pub access: Access,
    /// Which protocol.
    pub protocol: RuleProtocol,
    /// Source addresses.
    pub source: RuleAddresses,
    /// Source ports.
    pub source_ports: Ports,
    /// Destination addresses.
    pub destination: RuleAddresses,
    /// Destination ports; the ICMP type for ICMP packets (S-6).
    pub destination_ports: Ports,
}

/// Protocol of a security rule (S-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleProtocol {
    /// `*`: every protocol.
    Any,
    /// 6.
    Tcp,
    /// 17.
    Udp,
    /// 1.
    Icmp,
    /// 50.
    Esp,
    /// 51.
    Ah,
}

/// Addresses on one side of a rule: exactly one of three forms (S-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAddresses {
    /// `*`.
    Any,
    /// Addresses and prefixes.
    Prefixes(Vec<Ipv4Net>),
    /// One service tag.
    Tag(ServiceTag),
    /// Members of application security groups.
    ApplicationSecurityGroups(Vec<AsgId>),
}

/// A service tag, compared without regard to letter case (T-8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceTag {
    /// Different for each NIC (T-1).
    VirtualNetwork,
    /// Public address space (T-6).
    Internet,
    /// 168.63.129.16 only (T-7).
    AzureLoadBalancer,
    /// Any other tag, in the spelling of the input; its prefixes come from Microsoft's file.
    Other(String),
}

/// A set of ports: sorted, disjoint, inclusive ranges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports(Vec<(u16, u16)>);

/// A text that is not a port, a port range or `*` (S-5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Security rule has invalid Port range. Value provided: {0}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535."
)]
pub struct PortsError(pub String);

/// An application security group; its members are named by the NICs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationSecurityGroup {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
}

/// Lowest priority a user may write (S-1).
pub const MIN_PRIORITY: u16 = 100;
/// Highest priority a user may write (S-1).
pub const MAX_PRIORITY: u16 = 4096;

impl RuleProtocol {
    /// IANA number; `None` for `*`.
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Any => None,
            Self::Tcp => Some(6),
            Self::Udp => Some(17),
            Self::Icmp => Some(1),
            Self::Esp => Some(50),
            Self::Ah => Some(51),
        }
    }

    /// The REST spelling (S-3).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "*",
            Self::Tcp => "Tcp",
            Self::Udp => "Udp",
            Self::Icmp => "Icmp",
            Self::Esp => "Esp",
            Self::Ah => "Ah",
        }
    }
}

impl fmt::Display for RuleProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RuleProtocol {
    type Err = crate::spelling::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "*" | "any" | "all" => Ok(Self::Any),
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "icmp" => Ok(Self::Icmp),
            "esp" => Ok(Self::Esp),
            "ah" => Ok(Self::Ah),
            _ => Err(crate::spelling::UnknownWord {
                text: text.to_owned(),
                what: "protocol",
                expected: &["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"],
            }),
        }
    }
}

impl ServiceTag {
    /// The tag of this name, legacy aliases included (T-8). Every word is a name: whether the tag is known is asked later.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "virtualnetwork" | "virtual_network" => Self::VirtualNetwork,
            "internet" => Self::Internet,
            "azureloadbalancer" | "azure_loadbalancer" => Self::AzureLoadBalancer,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// The tag's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::VirtualNetwork => "VirtualNetwork",
            Self::Internet => "Internet",
            Self::AzureLoadBalancer => "AzureLoadBalancer",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ServiceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Ports {
    /// Every port.
    pub fn all() -> Self {
        Self(vec![(0, u16::MAX)])
    }

    /// The union of the ranges; each is (first, last), inclusive.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut sorted: Vec<(u16, u16)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some(previous) if u32::from(first) <= u32::from(previous.1) + 1 => {
                    previous.1 = previous.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Reads `*`, `n` or `n-m` for each text and unites them (S-5).
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, PortsError> {
        let mut ranges = Vec::new();
        for text in texts {
            let fail = || PortsError(text.to_owned());
            let number = |part: &str| part.trim().parse::<u16>().map_err(|_| fail());
            let range = match (text.trim(), text.split_once('-')) {
                ("*", _) => (0, u16::MAX),
                (_, Some((first, last))) => (number(first)?, number(last)?),
                (single, None) => (number(single)?, number(single)?),
            };
            if range.0 > range.1 {
                return Err(fail());
            }
            ranges.push(range);
        }
        Ok(Self::from_ranges(ranges))
    }

    /// The ranges: sorted, disjoint, inclusive.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// True if every port is in the set.
    pub fn is_all(&self) -> bool {
        self.0 == [(0, u16::MAX)]
    }

    /// True if the port is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0
            .iter()
            .any(|&(first, last)| (first..=last).contains(&port))
    }
}

impl Resource for NetworkSecurityGroup {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl Resource for ApplicationSecurityGroup {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

/// The default rules that every group has in a direction, in order of priority (S-7). They cannot be removed.
pub fn default_rules(direction: Direction) -> Vec<SecurityRule> {
    let rule =
        |name: &str, description: &str, priority, access, source, destination| SecurityRule {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            priority,
            direction,
            access,
            protocol: RuleProtocol::Any,
            source,
            source_ports: Ports::all(),
            destination,
            destination_ports: Ports::all(),
        };
    let any = || RuleAddresses::Any;
    let tag = RuleAddresses::Tag;
    match direction {
        Direction::Inbound => vec![
            rule(
                "AllowVnetInBound",
                "Allow inbound traffic from all VMs in VNET",
                65000,
                Access::Allow,
                tag(ServiceTag::VirtualNetwork),
                tag(ServiceTag::VirtualNetwork),
            ),
            rule(
                "AllowAzureLoadBalancerInBound",
                "Allow inbound traffic from azure load balancer",
                65001,
                Access::Allow,
                tag(ServiceTag::AzureLoadBalancer),
                any(),
            ),
            rule(
                "DenyAllInBound",
                "Deny all inbound traffic",
                65500,
                Access::Deny,
                any(),
                any(),
            ),
        ],
        Direction::Outbound => vec![
            rule(
                "AllowVnetOutBound",
                "Allow outbound traffic from all VMs to all VMs in VNET",
                65000,
                Access::Allow,
                tag(ServiceTag::VirtualNetwork),
                tag(ServiceTag::VirtualNetwork),
            ),
            rule(
                "AllowInternetOutBound",
                "Allow outbound traffic from all VMs to Internet",
                65001,
                Access::Allow,
                any(),
                tag(ServiceTag::Internet),
            ),
            rule(
                "DenyAllOutBound",
                "Deny all outbound traffic",
                65500,
                Access::Deny,
                any(),
                any(),
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_united_and_full_is_recognised() {
        assert_eq!(
            Ports::parse(["80", "443", "81-90"]).unwrap().ranges(),
            [(80, 90), (443, 443)]
        );
        assert!(Ports::parse(["*"]).unwrap().is_all());
        assert!(Ports::parse(["0-1000", "900-65535"]).unwrap().is_all());
    }

    #[test]
    fn a_comma_list_is_refused_in_azures_words() {
        let error = Ports::parse(["80,443"]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("Security rule has invalid Port range. Value provided: 80,443.")
        );
        assert!(Ports::parse(["90-80"]).is_err());
        assert!(Ports::parse(["65536"]).is_err());
    }
}
