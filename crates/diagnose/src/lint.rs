//! What is wrong with a network, found without sending a packet.
//!
//! Each [`Check`] has a stable id, a severity and the rule of Azure that it rests on. It looks at the network as the user described it
//! and at what was compiled from all of it, subnets without NICs included, and yields findings: a sentence about one resource, and
//! what to change.
//!
//! | module | family |
//! |---|---|
//! | `peering` | links that are half made, out of sync, shut, or lead to overlapping space |
//! | `gateways` | gateways that are offered or used on one side only |
//! | `forwarding` | links that keep out what an appliance forwards |
//! | `next_hops` | user routes that lead nowhere |
//! | `asymmetry` | ways through an appliance in one direction only |
//! | `rules`, `cover` | security rules that never decide, or not what they seem to |
//! | `exposure` | public addresses, and what a default route does to them |
//! | `limits` | counts against a table of Azure's limits |
//! | `noticed` | what the compiler of the tables noticed |
//!
//! What this crate does **not** know: in which file a resource stands.

mod asymmetry;
mod cover;
mod exposure;
mod forwarding;
mod gateways;
pub mod limits;
mod next_hops;
mod noticed;
mod peering;
mod rules;

use control::Snapshot;
use model::{Network, ResourceId};
use serde::Serialize;

use self::limits::Limits;
use crate::way_out::WayOut;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Something that was asked for does not work.
    Error,
}

impl Severity {
    /// The word in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that can be found.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable: scripts rely on it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Rules of `docs/SEMANTICS.md` on which it rests.
    pub rule: &'static str,
    /// What it finds, in one sentence.
    pub title: &'static str,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// By which check.
    pub check: &'static Check,
    /// The resource that would have to change.
    pub resource: ResourceId,
    /// What is wrong with it.
    pub message: String,
    /// Other resources that take part.
    pub related: Vec<ResourceId>,
    /// Options on which the finding depends, as `name=value`.
    pub depends_on: Vec<String>,
    /// What to change.
    pub ways_out: Vec<WayOut>,
}

impl Finding {
    fn new(check: &'static Check, resource: &ResourceId, message: String) -> Self {
        Self {
            check,
            resource: resource.clone(),
            message,
            related: Vec::new(),
            depends_on: Vec::new(),
            ways_out: Vec::new(),
        }
    }

    fn related(mut self, resources: impl IntoIterator<Item = ResourceId>) -> Self {
        self.related.extend(resources);
        self
    }

    fn depends_on(mut self, option: &str, value: impl std::fmt::Display) -> Self {
        self.depends_on.push(format!("{option}={value}"));
        self
    }

    fn mended_by(mut self, ways_out: impl IntoIterator<Item = WayOut>) -> Self {
        self.ways_out.extend(ways_out);
        self
    }
}

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
struct Design<'a> {
    network: &'a Network,
    /// Compiled with all subnets and groups.
    snapshot: &'a Snapshot,
}

macro_rules! families {
    ($($module:ident,)+) => {
        /// All checks.
        pub fn checks() -> impl Iterator<Item = &'static Check> {
            [$($module::CHECKS,)+ limits::CHECKS].into_iter().flatten().copied()
        }

        /// Everything that is wrong with a network, the worst first, by check and resource.
        pub fn lint(network: &Network, limits: &Limits) -> Vec<Finding> {
            let snapshot = control::compile_design(network);
            let design = Design { network, snapshot: &snapshot };
            let mut findings = Vec::new();
            $($module::find(design, &mut findings);)+
            limits::find(design, limits, &mut findings);
            findings.sort_by(|a, b| {
                let order = |finding: &Finding| (std::cmp::Reverse(finding.check.severity), finding.check.id);
                order(a)
                    .cmp(&order(b))
                    .then_with(|| a.resource.cmp(&b.resource))
                    .then_with(|| a.message.cmp(&b.message))
            });
            findings.dedup();
            findings
        }
    };
}

families! {
    peering,
    gateways,
    forwarding,
    next_hops,
    asymmetry,
    rules,
    exposure,
    noticed,
}
