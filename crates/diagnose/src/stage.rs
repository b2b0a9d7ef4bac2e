//! The questions of a packet's life, in their order.

use schemars::JsonSchema;
use serde::Serialize;

/// What is asked in a step: the order of a packet's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// A NIC sends or receives the packet.
    Nic,
    /// What the NIC remembers of the flow.
    Flow,
    /// Security rules.
    Rules,
    /// Effective routes.
    Route,
    /// Who stands behind the next hop.
    NextHop,
    /// From one virtual network into another.
    Boundary,
    /// The platform puts another address into the packet.
    Edge,
    /// What the link carries.
    Link,
    /// The guest behind the NIC.
    Guest,
}

impl Stage {
    /// A word of at most eight letters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nic => "nic",
            Self::Flow => "flow",
            Self::Rules => "rules",
            Self::Route => "route",
            Self::NextHop => "next hop",
            Self::Boundary => "boundary",
            Self::Edge => "edge",
            Self::Link => "link",
            Self::Guest => "guest",
        }
    }
}
