//! The answer of `explain` as plain data: names and sentences, no small numbers.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Serialize;

use crate::assumptions::Assumption;
use crate::asymmetry::Asymmetry;
use crate::dependence::Dependence;
use crate::evidence::StepRecord;
use crate::object::Object;
use crate::way_out::WayOut;

/// Reason of a reply that comes from an address that was not asked. It stands beside the names of drop reasons: no packet was
/// dropped.
pub(crate) const FOREIGN_REPLY: &str = "asymmetric";

/// Whether two ends reach each other, and why (not).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// Why not, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Whether a device that remembers connections sees only one direction: a verdict of its own, since such devices end what the
    /// probe alone would not show.
    pub asymmetric: bool,
    /// Those devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asymmetries: Vec<Asymmetry>,
    /// The way of the probe.
    pub forward: PathRecord,
    /// The way of the reply that a willing host would send; none if the probe does not get there.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub back: Option<PathRecord>,
    /// What is in the way: first what decides, then what else a packet would meet if that were not there.
    pub obstacles: Vec<Obstacle>,
    /// Options with another value of which the answer would be another one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependence>,
    /// Inferred or assumed rules behind the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// What else a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Explanation {
    /// Whether nothing is known to be in the way: reachable, or out of sight.
    pub fn is_yes(&self) -> bool {
        self.obstacles.is_empty() && matches!(self.verdict, Verdict::Reachable | Verdict::Unknown)
    }

    /// The verdict and the reason that decides.
    pub(crate) fn gist(&self) -> (Verdict, Option<&'static str>) {
        let reason = self.obstacles.first().map(|obstacle| obstacle.reason);
        (self.verdict, reason)
    }
}

/// JSON Schema of the answer as documents have it.
pub fn schema() -> &'static serde_json::Value {
    static SCHEMA: OnceLock<serde_json::Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let schema = settings
            .into_generator()
            .into_root_schema_for::<Explanation>();
        schema.to_value()
    })
}

pub use engine::reachability::Verdict;

/// An end of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// `forward` or `return`.
    pub path: &'static str,
    /// Name of the drop reason, or `asymmetric` for a reply that arrives from another address than was asked.
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

impl Obstacle {
    /// Path, reason and object in one plain sentence.
    pub fn sentence(&self) -> String {
        let packet = if self.path == "return" {
            "reply"
        } else {
            "probe"
        };
        let what = self.description.trim_end_matches('.');
        if self.reason == FOREIGN_REPLY {
            return format!("{what} ({}).", self.object);
        }
        format!(
            "The {packet} dies at {}: {what} ({}).",
            self.at, self.object
        )
    }
}
