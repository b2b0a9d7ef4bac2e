//! The forwarding core: bursts of packets, each to its end at once.
//!
//! What it does **not** know: the clock of the host, threads, where packets come from. Time is handed in, once a burst; queues,
//! latency and bandwidth belong to the driver in virtual time.

mod frames;
pub mod shards;

use control::Snapshot;
use model::NicId;

pub use self::frames::Frames;
use self::shards::{HandOvers, Shards};
use crate::counters::Counters;
use crate::flow::FlowTable;
use crate::guest::Guests;
use crate::packet::{Fragment, Packet};
use crate::pipeline::{self, Delivery, InFlight, Outcome, Pipeline, Position, Stage};
use crate::time::SimTime;

/// Most packets in a burst.
pub const BURST: usize = 256;

/// A packet that a guest hands to its NIC: its frame lies in a slot of [`Frames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entering {
    /// The slot.
    pub slot: u32,
    /// The NIC.
    pub nic: NicId,
}

/// What becomes of packets.
pub trait Sink {
    /// A packet's life is over; `frame` is how it looked then. `entering` is its position in the burst, `None` if it came into being
    /// on the way (an ICMP error, a further fragment) or was handed over by another shard.
    fn settled(&mut self, entering: Option<usize>, frame: &[u8], outcome: Outcome);

    /// The memory that the packet needs next is another shard's.
    fn hand_over(&mut self, shard: u32, packet: InFlight);
}

/// Nobody looks.
impl Sink for () {
    #[inline]
    fn settled(&mut self, _: Option<usize>, _: &[u8], _: Outcome) {}

    #[inline]
    fn hand_over(&mut self, _: u32, _: InFlight) {}
}

/// How a forwarder is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Flows that the tables have room for before they grow.
    pub flows: usize,
    /// Pairs that one NIC may have (S-8); `None` = any number.
    pub flow_limit: Option<u32>,
}

/// One shard: the memory of all NICs for the conversations that belong to it.
#[derive(Debug)]
pub struct Forwarder {
    pairs: FlowTable,
    guests: Guests,
    counters: Counters,
    shards: Shards,
    hand_overs: HandOvers,
}

impl Forwarder {
    /// Without any flow, and the only shard.
    pub fn new(settings: Settings) -> Self {
        Self {
            pairs: FlowTable::with_limit(settings.flow_limit.unwrap_or(u32::MAX)),
            guests: Guests::default(),
            counters: Counters::default(),
            shards: Shards::default(),
            hand_overs: HandOvers::default(),
        }
    }

    /// From now on it is one of several. Packets whose memory is another's go to [`Sink::hand_over`].
    pub fn join(&mut self, shards: Shards) {
        self.shards = shards;
    }

    /// Takes a burst of at most [`BURST`] packets, in this order, and brings each to its end. `now` counts in whole milliseconds; what is
    /// below is cut off. It must not go back.
    pub fn burst(
        &mut self,
        snapshot: &Snapshot,
        frames: &mut Frames,
        entering: &[Entering],
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        for (position, &Entering { slot, nic }) in entering.iter().enumerate() {
            self.counters.originated += 1;
            match pipeline::accept(nic, frames.frame(slot).to_vec()) {
                Ok(packet) => {
                    let position = Some(position);
                    self.walk(
                        snapshot,
                        position,
                        Position::Leaving(nic),
                        packet,
                        now,
                        sink,
                    );
                }
                Err(dropped) => {
                    self.counters.drop_one(dropped.reason());
                    let outcome = Outcome::Dropped { nic, dropped };
                    sink.settled(Some(position), frames.frame(slot), outcome);
                }
            }
        }
    }

    /// Goes on with a packet that another shard has handed over.
    pub fn resume(
        &mut self,
        snapshot: &Snapshot,
        packet: InFlight,
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        let InFlight { position, packet } = packet;
        self.hand_overs.taken += 1;
        self.walk(snapshot, None, position, packet, now, sink);
    }

    /// What became of the packets so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Packets that changed shard so far.
    pub fn hand_overs(&self) -> HandOvers {
        self.hand_overs
    }

    /// Bytes of flow state.
    pub fn memory(&self) -> usize {
        self.pairs.records() * 128
    }

    fn walk(
        &mut self,
        snapshot: &Snapshot,
        entering: Option<usize>,
        mut position: Position,
        mut packet: Packet,
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        let mut silence = ();
        let mut pipeline = Pipeline::new(
            snapshot,
            &mut self.pairs,
            &mut self.guests,
            &mut silence,
            now,
        );
        let ending = loop {
            if let Some(shard) = self.shards.elsewhere(snapshot, position, &packet) {
                break Err(shard);
            }
            match pipeline.advance(position, &mut packet) {
                Ok(Stage::At(next)) => position = next,
                Ok(Stage::Delivered(delivery)) => break Ok(Outcome::Delivered(delivery)),
                Err(dropped) => {
                    let nic = position.nic();
                    break Ok(Outcome::Dropped { nic, dropped });
                }
            }
        };
        let spawned = std::mem::take(&mut pipeline.spawned);
        match ending {
            Ok(outcome) => {
                self.count(outcome);
                sink.settled(entering, packet.frame(), outcome);
            }
            Err(shard) => {
                self.hand_overs.given += 1;
                sink.hand_over(shard, InFlight { position, packet });
            }
        }
        for InFlight { position, packet } in spawned {
            match packet.fragment() {
                Fragment::Later { .. } => self.counters.extra_fragments += 1,
                Fragment::Whole | Fragment::First => self.counters.originated += 1,
            }
            self.walk(snapshot, None, position, packet, now, sink);
        }
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Delivered(Delivery::Guest(_)) => self.counters.delivered += 1,
            Outcome::Delivered(
                Delivery::Platform | Delivery::Internet | Delivery::AzureService,
            ) => self.counters.departed += 1,
            Outcome::Dropped { dropped, .. } => self.counters.drop_one(dropped.reason()),
        }
    }
}
