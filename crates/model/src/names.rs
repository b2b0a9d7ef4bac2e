//! Names: private DNS zones, and DNS servers that run in virtual machines.
//!
//! What this does not know: who may ask whom, which is a matter of packets (`diagnose::names`), and names of the Internet.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::id::ResourceId;
use crate::table::{NicId, Resource, VmId};

/// What every default name of a machine ends with, behind a part that Azure makes up for each network.
pub const INTERNAL_SUFFIX: &str = "internal.cloudapp.net";

/// A DNS name: lower case, no dot at the end. Empty for the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DnsName(String);

/// Addresses and aliases by name below a zone; `@` is the zone itself and `*` whatever has no record of its own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ZoneRecords {
    /// A records.
    addresses: BTreeMap<String, Vec<Ipv4Addr>>,
    /// CNAME records.
    aliases: BTreeMap<String, DnsName>,
}

/// A private DNS zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateDnsZone {
    /// Full resource id; its name is the zone's.
    pub id: ResourceId,
    /// A and CNAME records that people made.
    pub records: ZoneRecords,
    /// The networks in which it holds.
    pub links: Vec<ZoneLink>,
}

/// A virtual network in which a private zone holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneLink {
    /// Name, unique in the zone.
    pub name: String,
    /// The network, which need not be in the input.
    pub virtual_network: ResourceId,
    /// Whether machines of the network have records in the zone.
    pub registration_enabled: bool,
}

/// A DNS server in a virtual machine. Azure's files cannot say it; a scenario can.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DnsServer {
    /// Zones that it holds.
    pub zones: BTreeMap<DnsName, ZoneRecords>,
    /// Whom it asks for every other name, in this order.
    pub forwarders: Vec<Ipv4Addr>,
}

/// Zones and servers of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) zones: Vec<PrivateDnsZone>,
    pub(crate) servers: BTreeMap<VmId, DnsServer>,
    /// Custom DNS servers of single NICs.
    pub(crate) asked_by: BTreeMap<NicId, Vec<Ipv4Addr>>,
}

impl DnsName {
    /// From a name as people write it: letter case and a dot at the end do not count.
    pub fn new(text: &str) -> Self {
        let text = text.strip_suffix('.').unwrap_or(text);
        Self(text.to_ascii_lowercase())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the zone in this name: `@` for the zone itself, `None` outside of it.
    pub fn below<'n>(&'n self, zone: &Self) -> Option<&'n str> {
        if self == zone {
            return Some("@");
        }
        let before = self.0.strip_suffix(&zone.0)?;
        if zone.0.is_empty() {
            return Some(before);
        }
        before.strip_suffix('.')
    }

    /// True if the name has several labels.
    pub fn is_dotted(&self) -> bool {
        self.0.contains('.')
    }
}

impl std::fmt::Display for DnsName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl ZoneRecords {
    /// Adds addresses to the record set of a name below the zone.
    pub fn add(&mut self, name: &str, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        let set = self.addresses.entry(name.to_ascii_lowercase()).or_default();
        set.extend(addresses);
    }

    /// Makes a name below the zone another name for `target`.
    pub fn add_alias(&mut self, name: &str, target: DnsName) {
        self.aliases.insert(name.to_ascii_lowercase(), target);
    }

    /// The names that stand for others.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &DnsName)> {
        self.aliases
            .iter()
            .map(|(name, target)| (name.as_str(), target))
    }

    /// What a name below the zone stands for, if it is an alias.
    pub fn alias(&self, below: &str) -> Option<&DnsName> {
        self.aliases.get(below)
    }

    /// The record sets by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Ipv4Addr])> {
        self.addresses
            .iter()
            .map(|(name, addresses)| (name.as_str(), addresses.as_slice()))
    }

    /// The addresses of a name below the zone, its own.
    pub fn exact(&self, below: &str) -> Option<&[Ipv4Addr]> {
        self.addresses.get(below).map(Vec::as_slice)
    }

    /// The addresses of the wildcard nearest to a name: `*.b` before `*` for `a.b`.
    pub fn wildcard(&self, below: &str) -> Option<&[Ipv4Addr]> {
        if below == "@" {
            return None;
        }
        let mut rest = below;
        loop {
            let Some((_, parent)) = rest.split_once('.') else {
                return self.exact("*");
            };
            if let Some(found) = self.exact(&format!("*.{parent}")) {
                return Some(found);
            }
            rest = parent;
        }
    }

    /// True if there is no record.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.aliases.is_empty()
    }
}

impl PrivateDnsZone {
    /// The name of the zone.
    pub fn zone(&self) -> DnsName {
        DnsName::new(self.id.name())
    }
}

impl Resource for PrivateDnsZone {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_knows_what_stands_before_a_zone() {
        let below = |name: &str, zone: &str| {
            DnsName::new(name)
                .below(&DnsName::new(zone))
                .map(str::to_owned)
        };
        assert_eq!(
            below("WWW.Corp.example.", "corp.Example").as_deref(),
            Some("www")
        );
        assert_eq!(below("corp.example", "corp.example").as_deref(), Some("@"));
        assert_eq!(below("a.b.example", "example").as_deref(), Some("a.b"));
        assert_eq!(below("xcorp.example", "corp.example"), None);
        assert_eq!(below("www.example", "").as_deref(), Some("www.example"));
    }

    #[test]
    fn the_nearest_wildcard_answers_for_names_without_a_record() {
        let mut records = ZoneRecords::default();
        let [one, two] = [1, 2].map(|last| Ipv4Addr::new(10, 0, 0, last));
        records.add("*", [one]);
        records.add("*.apps", [two]);
        assert_eq!(records.wildcard("x"), Some(&[one][..]));
        assert_eq!(records.wildcard("x.y.apps"), Some(&[two][..]));
        assert_eq!(records.wildcard("x.other"), Some(&[one][..]));
        assert_eq!(records.wildcard("@"), None);
    }
}
