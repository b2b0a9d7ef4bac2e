//! The answer of `explain` as plain data: names and sentences, no small numbers.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::evidence::StepRecord;
use crate::object::Object;
use crate::ways_out::WayOut;

/// Whether two ends reach each other, and why (not).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Who asks.
    pub source: EndRecord,
    /// Who is asked.
    pub destination: EndRecord,
    /// The probe: `icmp 10.1.1.4 → 10.3.1.4 id 1`.
    pub probe: String,
    /// The answer.
    pub verdict: Verdict,
    /// The way of the probe.
    pub forward: PathRecord,
    /// The way of the reply that a willing host would send; none if the probe does not get there.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub back: Option<PathRecord>,
    /// What is in the way: first what decides, then what else a packet would meet if that were not there.
    pub obstacles: Vec<Obstacle>,
    /// What else a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// The answer (DESIGN: what "reachable" means).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Probe and reply arrive.
    Reachable,
    /// The probe arrives, the reply does not.
    ForwardOnly,
    /// The probe does not arrive.
    Unreachable,
    /// The input does not hold what decides.
    Unknown,
}

impl Verdict {
    /// The word in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::ForwardOnly => "forward-only",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

/// An end of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndRecord {
    /// `vm/nic`; none for an address that no NIC has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    pub address: Ipv4Addr,
    /// Resource id of the NIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<String>,
}

/// The way of one packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathRecord {
    /// The packet as it set out.
    pub packet: String,
    /// In order. Behind a filter that drops, steps may follow that the packet would have taken without it.
    pub steps: Vec<StepRecord>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Outcome {
    /// It has reached the guest it is for.
    Delivered {
        /// Where, as `vm/nic`.
        at: String,
    },
    /// It left the simulated world.
    Departed {
        /// Where to.
        to: &'static str,
    },
    /// It died.
    Dropped {
        /// Name of the drop reason.
        reason: &'static str,
        /// Where, as `vm/nic`.
        at: String,
    },
}

/// What is in the way of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// `forward` or `return`.
    pub path: &'static str,
    /// Name of the drop reason.
    pub reason: &'static str,
    /// What happened, in one sentence.
    pub description: &'static str,
    /// The NIC at which the packet was judged, as `vm/nic`.
    pub at: String,
    /// The rule, route, link or NIC that decided.
    pub object: Object,
    /// Why the network is as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub background: Vec<String>,
    /// What to change.
    pub ways_out: Vec<WayOut>,
}
