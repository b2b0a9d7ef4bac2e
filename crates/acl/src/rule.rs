//! A rule, and what a packet shows to it.

use std::net::Ipv4Addr;

use crate::addresses::Addresses;
use crate::ports::Ports;

/// Stands for a rule where none matches, in answers about many keys.
pub const NO_MATCH: u32 = u32::MAX;

/// IP protocols that a rule accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocols {
    /// Every protocol.
    Any,
    /// The protocol with this number (6 is TCP).
    Number(u8),
}

impl Protocols {
    /// Whether `protocol` is accepted.
    pub fn matches(self, protocol: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Number(number) => number == protocol,
        }
    }
}

/// One rule: it matches a packet that all five fields accept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Accepted source addresses.
    pub source: Addresses,
    /// Accepted destination addresses.
    pub destination: Addresses,
    /// Accepted IP protocols.
    pub protocol: Protocols,
    /// Accepted source ports.
    pub source_ports: Ports,
    /// Accepted destination ports.
    pub destination_ports: Ports,
}

impl Rule {
    /// The rule that matches every packet.
    pub fn any() -> Self {
        Self {
            source: Addresses::any(),
            destination: Addresses::any(),
            protocol: Protocols::Any,
            source_ports: Ports::full(),
            destination_ports: Ports::full(),
        }
    }

    /// Number of address and port ranges that the rule names.
    pub(crate) fn range_count(&self) -> usize {
        self.source.listed().ranges().len()
            + self.destination.listed().ranges().len()
            + self.source_ports.ranges().len()
            + self.destination_ports.ranges().len()
    }

    /// Whether the rule matches.
    pub fn matches(&self, key: &Key) -> bool {
        self.protocol.matches(key.protocol)
            && self.destination_ports.matches(key.destination_port)
            && self.source_ports.matches(key.source_port)
            && self
                .destination
                .matches(key.destination, key.destination_classes)
            && self.source.matches(key.source, key.source_classes)
    }
}

/// What a packet shows to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// IP protocol number.
    pub protocol: u8,
    /// `None` if the packet has no such port: then it matches only rules that accept every source port.
    pub source_port: Option<u16>,
    /// `None` if the packet has no such port: then it matches only rules that accept every destination port.
    pub destination_port: Option<u16>,
    /// Mask of the classes that the source address belongs to.
    pub source_classes: u32,
    /// Mask of the classes that the destination address belongs to.
    pub destination_classes: u32,
}
