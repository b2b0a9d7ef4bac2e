//! What a team has promised about its network, held against what the network does.
//!
//! A promise is about all pairs of two sets of ends and about some services. It is broken as soon as one pair breaks it:
//!
//! | promise | a pair breaks it if |
//! |---|---|
//! | `must` | the probe does not arrive, or (unless only the probe counts) its reply does not |
//! | `must-not` | the probe arrives, whatever becomes of its reply |
//! | `must-pass-through` | the probe arrives, and it or its reply has passed none of the devices |
//! | `must-not-pass-through` | the probe arrives, and it or its reply has passed one of the devices |
//! | `max-latency` | there is no answer, or the way takes longer by the medians of the latency model |
//!
//! `must` and `must-not` are judged class by class, like a matrix. The other three ask for the ways of pairs that arrive: of one packet for
//! all pairs whose ways no route tells apart, and of one for every pair where a hash, a gateway or a load balancer does. [`Limits::ways`]
//! bounds how many are sent.
//!
//! [`coverage`] says which rules and routes have decided for a promise, and which for none.
//!
//! It does not know who has promised what until when, how that is written, and how a verdict is printed.

mod coverage;
mod devices;
mod judge;
mod plan;
mod ways;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use engine::latency::LatencyModel;
use engine::time::SimDuration;
use model::Network;

use control::Snapshot;

pub use self::coverage::{Coverage, Covered, coverage};
pub use self::devices::{DeviceError, devices};

use crate::ends::{End, Ends};
use crate::probe::Device;
use crate::question::{Asked, Depth, Protocol};
use crate::watch::{Cancelled, Watch};
use crate::{Service, Verdict};

/// What is promised.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What must be so.
    pub kind: PromiseKind,
    /// Who asks.
    pub from: Arc<Ends>,
    /// Who is asked.
    pub to: Arc<Ends>,
    /// For what: each of them is promised.
    pub services: Vec<Asked>,
    /// Whether the same is promised from `to` to `from`.
    pub both_ways: bool,
    /// Whether the reply counts. Of no meaning for [`PromiseKind::MustNot`], where the probe alone decides.
    pub depth: Depth,
}

/// What must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromiseKind {
    /// Every pair is reachable.
    Must,
    /// No probe arrives.
    MustNot,
    /// What arrives has passed one of these.
    MustPassThrough(BTreeSet<Device>),
    /// What arrives has passed none of these.
    MustNotPassThrough(BTreeSet<Device>),
    /// Every pair answers, and no later than this.
    MaxLatency(SimDuration),
}

/// Whether a promise is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// By every pair.
    Kept,
    /// By no pair broken, but of some the input does not hold what decides.
    Unknown,
    /// There is no pair that it could be about.
    Empty,
    /// By at least one pair.
    Broken,
}

/// What became of a promise. A pair counts once for every service, and once for every direction that is promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// In one word.
    pub outcome: Outcome,
    /// Pairs that it is about.
    pub pairs: u64,
    /// Pairs that break it.
    pub broken: u64,
    /// Pairs of which the input does not hold what decides.
    pub unknown: u64,
    /// Pairs whose way counts, since they arrive; 0 for promises about no way.
    pub ways: u64,
    /// Pairs whose verdict is that of the probe's five-tuple: where a hash chooses, another connection may fare otherwise.
    pub depends_on_hash: u64,
    /// The longest time of a pair that answers, for promises about latency.
    pub slowest: Option<SimDuration>,
    /// The first pair that breaks it, else the first unknown one.
    pub witness: Option<Witness>,
}

/// A pair that shows why a promise is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Who asks.
    pub source: End,
    /// Who is asked.
    pub destination: End,
    /// The address that is asked: a public one, from the Internet.
    pub asked: Ipv4Addr,
    /// From which port, if that matters.
    pub source_port: Option<u16>,
    /// For what.
    pub service: Service,
    /// What the pair comes to.
    pub verdict: Verdict,
    /// The device that must not be passed.
    pub device: Option<Device>,
    /// Whether the reply, and not the probe, goes the wrong way.
    pub is_about_reply: bool,
    /// How long the pair takes.
    pub latency: Option<SimDuration>,
}

/// The network in which promises are judged.
#[derive(Clone, Copy, Debug)]
pub struct World<'n> {
    /// As the user described it.
    pub network: &'n Network,
    /// Compiled.
    pub snapshot: &'n Snapshot,
    /// How long ways take.
    pub latency: &'n LatencyModel,
}

/// Bounds of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Packets that a promise may send to look at ways. Default 10,000,000.
    pub ways: u64,
    /// Packets that [`coverage`] may send before it asks for some pairs only. Default 1,000,000.
    pub coverage: u64,
}

/// Why a promise was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// Somebody has ended the work.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// There are too many ways to look at.
    #[error("looking at its ways takes {ways} packets or more, and at most {limit} are sent")]
    TooManyWays {
        /// Packets that were or would have been sent until the limit was passed.
        ways: u64,
        /// [`Limits::ways`].
        limit: u64,
    },
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ways: 10_000_000,
            coverage: 1_000_000,
        }
    }
}

impl PromiseKind {
    /// The word in every output.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::MustNot => "must-not",
            Self::MustPassThrough(_) => "must-pass-through",
            Self::MustNotPassThrough(_) => "must-not-pass-through",
            Self::MaxLatency(_) => "max-latency",
        }
    }
}

impl Outcome {
    /// The word in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Unknown => "unknown",
            Self::Empty => "empty",
            Self::Broken => "broken",
        }
    }
}

impl Promise {
    /// Both ends of each direction that is promised.
    fn directions(&self) -> Vec<(&Arc<Ends>, &Arc<Ends>)> {
        let mut directions = vec![(&self.from, &self.to)];
        // The same ends on both sides are asked in both directions anyway.
        if self.both_ways && self.from != self.to {
            directions.push((&self.to, &self.from));
        }
        directions
    }

    /// Whether this promise and the one that `witness` breaks cannot both be kept: this one asks for the opposite of the same pair.
    pub fn forbids_mending(&self, witness: &Witness) -> bool {
        let is_of = |ends: &Ends, end: End| ends.position(end.address, end.worker).is_some();
        let is_about = self
            .directions()
            .into_iter()
            .any(|(from, to)| is_of(from, witness.source) && is_of(to, witness.destination));
        let protocol = match witness.service {
            Service::Icmp => None,
            Service::Tcp(_) => Some(Protocol::Tcp),
            Service::Udp(_) => Some(Protocol::Udp),
        };
        let asks = |asked: &Asked| match (asked, &self.kind) {
            (Asked::One(service), _) => *service == witness.service,
            (Asked::AnyPort(of), PromiseKind::MustNot)
            | (Asked::AllPorts(of), PromiseKind::Must) => Some(*of) == protocol,
            (Asked::AnyPort(_) | Asked::AllPorts(_), _) => false,
        };
        let is_opposite = match self.kind {
            PromiseKind::Must => witness.verdict == Verdict::Reachable,
            PromiseKind::MustNot => {
                matches!(witness.verdict, Verdict::Unreachable | Verdict::ForwardOnly)
            }
            _ => false,
        };
        is_opposite && is_about && self.services.iter().any(asks)
    }

    /// How far a pair is judged.
    fn depth(&self) -> Depth {
        match self.kind {
            PromiseKind::MustNot => Depth::Forward,
            _ => self.depth,
        }
    }

    /// Holds the promise against the network.
    ///
    /// # Errors
    ///
    /// If `watch` has cancelled the work, or too many ways would have to be looked at.
    pub fn judge(
        &self,
        world: World<'_>,
        limits: Limits,
        watch: &Watch,
    ) -> Result<Judgement, JudgeError> {
        let alone = std::slice::from_ref(self);
        let mut judged = judge_all(alone, world, limits, watch)?;
        judged.pop().unwrap_or(Err(Cancelled.into()))
    }
}

/// Holds all promises against the network, in their order: what several ask for is worked out once.
///
/// # Errors
///
/// If `watch` has cancelled the work. That too many ways would have to be looked at is an error of that promise alone.
pub fn judge_all(
    promises: &[Promise],
    world: World<'_>,
    limits: Limits,
    watch: &Watch,
) -> Result<Vec<Result<Judgement, JudgeError>>, Cancelled> {
    judge::judge(promises, world, limits, watch)
}
