//! One run on both sides: the forwarding core by bursts, the oracle packet by packet.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use control::Snapshot;
use model::{Network, NicId};

use super::changes::Change;
use crate::Dropped;
use crate::counters::Counters;
use crate::faults;
use crate::flow::{FlowTable, listing};
use crate::forward::{BURST, Entering, Forwarder, Frames, Settings, Sink};
use crate::guest::Guests;
use crate::packet::{Fragment, Packet};
use crate::pipeline::{self, Delivery, InFlight, Outcome, Pipeline, Position};
use crate::recorder::{FlowFound, Recorder, Step};
use crate::time::{SimDuration, SimTime};

/// Bytes of a slot: more than the longest frame of the test.
const LONGEST: u16 = 4096;

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) entering: Option<usize>,
    pub(super) frame: Vec<u8>,
    pub(super) outcome: Outcome,
}

/// Both sides differ.
#[derive(Clone, Debug)]
pub(super) struct Disagreement(pub(super) String);

/// How often something has happened, so that a test can tell that it did.
pub(super) type Tally = BTreeMap<String, u64>;

pub(super) struct Trial {
    pub(super) network: Network,
    snapshot: Snapshot,
    now: SimTime,
    oracle: Oracle,
    forwarder: Forwarder,
    frames: Frames,
    /// What the oracle said of the packets of this burst.
    expected: Vec<Settled>,
    offered: Vec<(NicId, Vec<u8>)>,
}

/// The walk that asks when it needs an answer, over plain pairs.
struct Oracle {
    pairs: FlowTable,
    guests: Guests,
    counters: Counters,
    watch: Watch,
}

impl Trial {
    /// Both sides without flows, over a network after its first changes.
    pub(super) fn new(mut network: Network, opening: &[Change], settings: Settings) -> Self {
        for change in opening {
            change.apply(&mut network);
        }
        let snapshot = control::compile(&network);
        Self {
            network,
            snapshot,
            now: SimTime::ZERO,
            oracle: Oracle {
                pairs: FlowTable::with_limit(settings.flow_limit.unwrap_or(u32::MAX)),
                guests: Guests::default(),
                counters: Counters::default(),
                watch: Watch::default(),
            },
            forwarder: Forwarder::new(settings),
            frames: Frames::new(BURST, LONGEST),
            expected: Vec::new(),
            offered: Vec::new(),
        }
    }

    /// The next generation.
    pub(super) fn change(&mut self, change: &Change) {
        change.apply(&mut self.network);
        self.snapshot = control::recompile(&self.network, &self.snapshot);
    }

    /// The moment of the packets that follow.
    pub(super) fn set_time(&mut self, now: SimTime) {
        self.now = now;
    }

    /// One more packet of the burst; what the oracle says of it.
    pub(super) fn offer(&mut self, nic: NicId, frame: Vec<u8>) -> &Settled {
        let entering = self.offered.len();
        let first = self.expected.len();
        self.oracle.send(
            &self.snapshot,
            entering,
            nic,
            &frame,
            whole_milliseconds(self.now),
            &mut self.expected,
        );
        self.offered.push((nic, frame));
        &self.expected[first]
    }

    /// How many packets the burst holds.
    pub(super) fn offered(&self) -> usize {
        self.offered.len()
    }

    /// Has the other side take the burst, and compares everything that can be seen.
    pub(super) fn settle(&mut self) -> Result<(), Disagreement> {
        let offered = std::mem::take(&mut self.offered);
        let mut expected = std::mem::take(&mut self.expected);
        let mut entering = Vec::new();
        for (position, (nic, frame)) in offered.iter().enumerate() {
            // Not slot after slot, and not the same slots each time.
            let slot = (position * 77 + offered.len()) % BURST;
            let slot = u32::try_from(slot).expect("below the length of a burst");
            self.frames.put(slot, frame);
            entering.push(Entering { slot, nic: *nic });
        }
        let mut seen = Seen::default();
        let burst = AssertUnwindSafe(|| {
            let (frames, now) = (&mut self.frames, self.now);
            self.forwarder
                .burst(&self.snapshot, frames, &entering, now, &mut seen);
        });
        faults::make(true);
        let panicked = catch_unwind(burst).is_err();
        faults::make(false);
        if panicked {
            return Err(Disagreement("the forwarding core panicked".to_owned()));
        }
        if seen.handed_over > 0 {
            return Err(Disagreement("a packet left the only shard".to_owned()));
        }
        // Packets of a burst may end in any order, but each has to.
        let mut surplus = seen.settled;
        for expected in expected.drain(..) {
            match surplus.iter().position(|settled| *settled == expected) {
                Some(position) => drop(surplus.swap_remove(position)),
                None => return Err(self.tell(&offered, &expected, &surplus)),
            }
        }
        if let Some(settled) = surplus.first() {
            let told = self.describe(settled);
            return Err(Disagreement(format!("nobody expected: {told}")));
        }
        let (ours, theirs) = (&self.oracle.counters, self.forwarder.counters());
        let mut ours = ours.clone();
        ours.forwarded = theirs.forwarded;
        if ours != *theirs {
            let text = format!("counters:\n  expected {ours:?}\n  got      {theirs:?}");
            return Err(Disagreement(text));
        }
        theirs
            .check(0)
            .map_err(|error| Disagreement(error.to_string()))?;
        self.compare_memories()
    }

    /// What is remembered has to be the same, whether or not a packet ever asks for it.
    fn compare_memories(&self) -> Result<(), Disagreement> {
        let now = whole_milliseconds(self.now);
        let ours = listing::of_table(&self.oracle.pairs, now);
        let flows = AssertUnwindSafe(&self.forwarder.flows);
        let Ok(theirs) = catch_unwind(|| listing::of_fused(&flows, now)) else {
            return Err(Disagreement("its memory makes no sense".to_owned()));
        };
        if ours == theirs {
            return Ok(());
        }
        let missing = ours.iter().find(|pair| !theirs.contains(pair));
        let surplus = theirs.iter().find(|pair| !ours.contains(pair));
        Err(Disagreement(format!(
            "memories:\n  expected {missing:?}\n  got      {surplus:?}"
        )))
    }

    /// What has happened so far.
    pub(super) fn tally(self) -> Tally {
        self.oracle.watch.0
    }

    fn tell(
        &self,
        offered: &[(NicId, Vec<u8>)],
        expected: &Settled,
        surplus: &[Settled],
    ) -> Disagreement {
        let what = match expected.entering {
            Some(position) => {
                let (nic, frame) = &offered[position];
                format!("packet {position}: {}", self.packet(*nic, frame))
            }
            None => "a packet that came into being on the way".to_owned(),
        };
        let got: Vec<String> = (surplus.iter())
            .filter(|settled| settled.entering == expected.entering)
            .map(|settled| self.describe(settled))
            .collect();
        let expected = self.describe(expected);
        let got = got.join("\n           ");
        Disagreement(format!("{what}\n  expected {expected}\n  got      {got}"))
    }

    fn describe(&self, settled: &Settled) -> String {
        let told = match settled.outcome {
            Outcome::Delivered(Delivery::Guest(nic)) => format!("delivered to {}", self.name(nic)),
            Outcome::Delivered(other) => format!("delivered to {other:?}"),
            Outcome::Dropped { nic, dropped } => format!("{dropped:?}, {}", self.name(nic)),
        };
        format!("{told}: {}", Shown(&settled.frame))
    }

    pub(super) fn name(&self, nic: NicId) -> String {
        match self.network.nics().get(nic) {
            Some(nic) => nic.id.name().to_owned(),
            None => format!("{nic:?}"),
        }
    }

    /// A packet that a NIC is to send, in words.
    pub(super) fn packet(&self, nic: NicId, frame: &[u8]) -> String {
        format!("{} sends {}", self.name(nic), Shown(frame))
    }
}

/// The core's clock.
fn whole_milliseconds(now: SimTime) -> SimTime {
    const MILLISECOND: u64 = SimDuration::from_milliseconds(1).as_nanoseconds();
    SimTime::from_nanoseconds(now.as_nanoseconds() / MILLISECOND * MILLISECOND)
}

impl Oracle {
    fn send(
        &mut self,
        snapshot: &Snapshot,
        entering: usize,
        nic: NicId,
        frame: &[u8],
        now: SimTime,
        settled: &mut Vec<Settled>,
    ) {
        self.counters.originated += 1;
        let entering = Some(entering);
        match pipeline::accept(nic, frame.to_vec()) {
            Ok(packet) => {
                let start = Position::Leaving(nic);
                self.walk(snapshot, entering, start, packet, now, settled);
            }
            Err(dropped) => {
                self.counters.drop_one(dropped.reason());
                self.watch.count(dropped.reason().name());
                settled.push(Settled {
                    entering,
                    frame: frame.to_vec(),
                    outcome: Outcome::Dropped { nic, dropped },
                });
            }
        }
    }

    fn walk(
        &mut self,
        snapshot: &Snapshot,
        entering: Option<usize>,
        start: Position,
        mut packet: Packet,
        now: SimTime,
        settled: &mut Vec<Settled>,
    ) {
        let (pairs, guests) = (&mut self.pairs, &mut self.guests);
        let mut life = Life::default();
        let mut pipeline = Pipeline::new(snapshot, pairs, guests, &mut life, now);
        let outcome = pipeline.walk(start, &mut packet);
        let spawned = std::mem::take(&mut pipeline.spawned);
        self.watch.life(&life, outcome);
        match outcome {
            Outcome::Delivered(Delivery::Guest(_)) => self.counters.delivered += 1,
            Outcome::Delivered(_) => self.counters.departed += 1,
            Outcome::Dropped { dropped, .. } => self.counters.drop_one(dropped.reason()),
        }
        settled.push(Settled {
            entering,
            frame: packet.frame().to_vec(),
            outcome,
        });
        for InFlight { position, packet } in spawned {
            if let Fragment::Later { .. } = packet.fragment() {
                self.counters.extra_fragments += 1;
            } else {
                self.counters.originated += 1;
            }
            self.watch.count("spawned");
            self.walk(snapshot, None, position, packet, now, settled);
        }
    }
}

/// What the forwarding core told.
#[derive(Default)]
struct Seen {
    settled: Vec<Settled>,
    handed_over: usize,
}

impl Sink for Seen {
    fn settled(&mut self, entering: Option<usize>, frame: &[u8], outcome: Outcome) {
        self.settled.push(Settled {
            entering,
            frame: frame.to_vec(),
            outcome,
        });
    }

    fn hand_over(&mut self, _: u32, _: InFlight) {
        self.handed_over += 1;
    }
}

/// What was met on the way: only counted, so that the oracle's walk is the one of full speed.
#[derive(Default)]
struct Life {
    forwarded: usize,
    found: Vec<&'static str>,
}

impl Recorder for Life {
    const ASKS_EVERY_LEVEL: bool = false;

    fn record(&mut self, step: Step) {
        let found = match step {
            Step::Forwarded {
                source: Some(_), ..
            } => {
                self.forwarded += 1;
                "source NAT"
            }
            Step::Forwarded { .. } => {
                self.forwarded += 1;
                return;
            }
            Step::Flow { found, .. } => match found {
                FlowFound::NotKept => "flow not kept",
                FlowFound::Known => "flow known",
                FlowFound::New => "flow new",
                FlowFound::Flushed => "flow flushed",
                FlowFound::Related => "flow related",
                FlowFound::Fragment => "flow of a fragment",
            },
            Step::StaysInGuest { .. } => "stays in guest",
            Step::JudgedByAdminRule { .. } => "judged by an admin rule",
            Step::JudgedByDefaultRules { .. } => "judged by default rules",
            Step::Balanced { .. } => "balanced",
            Step::Translated { .. } => "translated",
            Step::Tunnelled { .. } => "tunnelled",
            Step::Fragmented { .. } => "fragmented",
            _ => return,
        };
        self.found.push(found);
    }

    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped> {
        Err(dropped)
    }
}

#[derive(Default)]
struct Watch(Tally);

impl Watch {
    fn count(&mut self, what: &str) {
        match self.0.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(what.to_owned(), 1)),
        }
    }

    fn life(&mut self, life: &Life, outcome: Outcome) {
        for found in &life.found {
            self.count(found);
        }
        match outcome {
            Outcome::Delivered(Delivery::Guest(_)) => {
                self.count(&format!("delivered through {}", life.forwarded.min(4)));
            }
            Outcome::Delivered(other) => self.count(&format!("delivered to {other:?}")),
            Outcome::Dropped { dropped, .. } => self.count(dropped.reason().name()),
        }
    }
}

/// A frame in one line.
struct Shown<'f>(&'f [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Packet::from_frame(self.0.to_vec()) {
            Ok(packet) => write!(
                f,
                "{} {:?} {:?} ttl {} id {}, {} bytes ",
                packet.tuple(),
                packet.content(),
                packet.fragment(),
                packet.ttl(),
                packet.identification(),
                self.0.len()
            )?,
            Err(error) => write!(f, "{error}, {} bytes ", self.0.len())?,
        }
        let mut bytes = self.0.iter().take(74);
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
