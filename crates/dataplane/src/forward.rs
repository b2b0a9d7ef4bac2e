//! The forwarding core: bursts of packets, each to its end at once.
//!
//! A burst goes through five stages ([`BurstStage`]): old flows are swept, headers are read, known flows are replayed, and for what is left
//! the tables are asked in bulk before each packet walks, in the order of the burst. The walk is the one of [`crate::pipeline`]; this
//! driver differs from the others in how answers are asked (`asked`) and how pairs are kept (`flow::fused`).
//!
//! What it does **not** know: the clock of the host, threads, where packets come from. Time is handed in, once a burst; queues,
//! latency and bandwidth belong to the driver in virtual time.

mod asked;
#[cfg(test)]
mod differential;
mod frames;
mod lanes;
pub mod shards;

use control::Snapshot;
use model::NicId;

use self::asked::{Ahead, Asked, Question, VECTOR};
pub use self::frames::Frames;
use self::lanes::{Lane, Lanes};
use self::shards::{HandOvers, Shards};
use crate::answers::{Answers, Subject};
use crate::checksum;
use crate::counters::Counters;
use crate::faults::{Fault, planted};
use crate::flow::fused::{Arrival, Beginning, FusedFlows, Replay, Replayed, Shown};
use crate::flow::key::FlowKey;
use crate::flow::pair::Tick;
use crate::flow::program::Stop;
use crate::flow::way::Way;
use crate::guest::Guests;
use crate::packet::{Content, FABRIC_MAC, Fragment, Packet, derived_mac};
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

    /// A stage of the burst is done, or a part of it. For those who measure.
    #[inline]
    fn passed(&mut self, _stage: BurstStage) {}
}

/// Nobody looks.
impl Sink for () {
    #[inline]
    fn settled(&mut self, _: Option<usize>, _: &[u8], _: Outcome) {}

    #[inline]
    fn hand_over(&mut self, _: u32, _: InFlight) {}
}

/// The stages of a burst, in order; the last two alternate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BurstStage {
    /// Expired flows are forgotten.
    Sweep,
    /// Headers are read and checked.
    Read,
    /// Packets of known flows are patched and arrive.
    Replay,
    /// Rules, routes and boundaries are asked for the others.
    Ask,
    /// The others walk.
    Walk,
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
    flows: FusedFlows,
    guests: Guests,
    counters: Counters,
    shards: Shards,
    hand_overs: HandOvers,
    lanes: Box<Lanes>,
    deferred: Vec<Deferred>,
    /// Always there, but while it is in use.
    asked: Option<Box<Asked>>,
    way: Way,
    /// The frame of the packet that walks.
    buffer: Vec<u8>,
}

/// A packet of a burst that has to walk.
#[derive(Debug)]
struct Deferred {
    /// In the burst.
    position: usize,
    /// Only its way is in question: its pairs live, as far as one can see before it walks.
    known: bool,
    /// What no lane can show.
    odd: Option<Packet>,
}

/// Which conversations have packets among the deferred ones: those that come later in the burst must not overtake them. By hash, so it
/// sometimes names one too many, which then walks without need.
#[derive(Debug)]
struct Waiting {
    bits: [u64; WAITING_WORDS],
    any: bool,
}

const WAITING_WORDS: usize = 64;

impl Waiting {
    const fn nobody() -> Self {
        Self {
            bits: [0; WAITING_WORDS],
            any: false,
        }
    }

    fn add(&mut self, hash: u64) {
        self.any = true;
        let (word, bit) = Self::place(hash);
        self.bits[word] |= bit;
    }

    #[inline]
    fn may_hold(&self, hash: u64) -> bool {
        let (word, bit) = Self::place(hash);
        self.any && self.bits[word] & bit != 0
    }

    fn place(hash: u64) -> (usize, u64) {
        (
            (hash >> 38) as usize % WAITING_WORDS,
            1 << (hash >> 32 & 63),
        )
    }
}

impl Forwarder {
    /// Without any flow, and the only shard.
    pub fn new(settings: Settings) -> Self {
        Self {
            flows: FusedFlows::new(settings.flows, settings.flow_limit),
            guests: Guests::default(),
            counters: Counters::default(),
            shards: Shards::default(),
            hand_overs: HandOvers::default(),
            lanes: Box::default(),
            deferred: Vec::with_capacity(BURST),
            asked: Some(Box::default()),
            way: Way::default(),
            buffer: Vec::new(),
        }
    }

    /// From now on it is one of several. Packets whose memory is another's go to [`Sink::hand_over`].
    pub fn join(&mut self, shards: Shards) {
        self.shards = shards;
    }

    /// Takes a burst of at most [`BURST`] packets, in this order, and brings each to its end. What the slots hold afterwards is no
    /// matter. `now` counts in whole milliseconds; what is below is cut off. It must not go back.
    pub fn burst(
        &mut self,
        snapshot: &Snapshot,
        frames: &mut Frames,
        entering: &[Entering],
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        for entering in entering.chunks(BURST) {
            let now = whole_milliseconds(now);
            self.flows.sweep(entering.len(), now);
            sink.passed(BurstStage::Sweep);
            self.lanes
                .read(frames, entering, |hash| self.flows.prefetch(hash));
            sink.passed(BurstStage::Read);
            self.replay(snapshot, frames, entering, now, sink);
            sink.passed(BurstStage::Replay);
            self.walk_deferred(snapshot, frames, entering, now, sink);
        }
    }

    /// Packets of known flows arrive; the others are deferred.
    fn replay(
        &mut self,
        snapshot: &Snapshot,
        frames: &mut Frames,
        entering: &[Entering],
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        let tick = Tick::of(now);
        let mut waiting = Waiting::nobody();
        self.deferred.clear();
        for (position, &Entering { slot, nic }) in entering.iter().enumerate() {
            let lane = self.lanes.at(position);
            if !lane.is_plain() {
                self.defer_odd(frames.frame(slot), position, nic, &mut waiting, sink);
                continue;
            }
            let shown = lane.shown(nic);
            let mut replay = if waiting.may_hold(lane.hash) && !planted(Fault::Overtaken) {
                Replay::Unknown
            } else {
                self.flows.replay(snapshot.generation, &shown, tick)
            };
            if replay == Replay::Known {
                replay = self.tread_known(snapshot.generation, &lane, nic, tick);
            }
            match replay {
                Replay::Arrives(arrival) => {
                    let frame = &mut frames.frame_mut(slot)[..usize::from(lane.length)];
                    self.deliver(frame, snapshot, position, arrival, sink);
                }
                Replay::Known | Replay::Unknown => {
                    // What has no entry finds none later in the burst either, and waits as this one does.
                    if replay == Replay::Known {
                        waiting.add(lane.hash);
                    }
                    self.deferred.push(Deferred {
                        position,
                        known: replay == Replay::Known,
                        odd: None,
                    });
                }
            }
        }
        self.counters.originated += entering.len() as u64;
    }

    #[inline(never)] // the loop over a burst is for the packets that need not come here
    fn tread_known(&mut self, generation: u32, lane: &Lane, nic: NicId, now: Tick) -> Replay {
        if lane.is_carried() {
            self.flows.tread_known(generation, &lane.shown(nic), now)
        } else {
            Replay::Known
        }
    }

    /// A packet arrives without having walked.
    #[inline]
    fn deliver(
        &mut self,
        frame: &mut [u8],
        snapshot: &Snapshot,
        position: usize,
        arrival: Replayed,
        sink: &mut impl Sink,
    ) {
        patch(frame, snapshot, arrival.end, arrival.hops);
        let delivery = if arrival.to_service {
            Delivery::AzureService
        } else {
            Delivery::Guest(arrival.end)
        };
        let outcome = Outcome::Delivered(delivery);
        self.count(outcome);
        sink.settled(Some(position), frame, outcome);
    }

    /// What no lane can show: options, fragments, errors, other protocols, and what is no packet at all.
    #[cold]
    fn defer_odd(
        &mut self,
        frame: &[u8],
        position: usize,
        nic: NicId,
        waiting: &mut Waiting,
        sink: &mut impl Sink,
    ) {
        match pipeline::accept(nic, frame.to_vec()) {
            Ok(packet) => {
                waiting.add(FlowKey::of(packet.tuple()).0.hash());
                self.deferred.push(Deferred {
                    position,
                    known: true,
                    odd: Some(packet),
                });
            }
            Err(dropped) => {
                self.counters.drop_one(dropped.reason());
                let outcome = Outcome::Dropped { nic, dropped };
                sink.settled(Some(position), frame, outcome);
            }
        }
    }

    /// The deferred packets walk, in the order of the burst.
    fn walk_deferred(
        &mut self,
        snapshot: &Snapshot,
        frames: &mut Frames,
        entering: &[Entering],
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        if self.deferred.is_empty() {
            return;
        }
        let mut deferred = std::mem::take(&mut self.deferred);
        let mut asked = self.asked.take().unwrap_or_default();
        for vector in deferred.chunks_mut(VECTOR) {
            let questions = vector.iter().map(|deferred| match &deferred.odd {
                Some(packet) => (Question::none(Subject::of(packet)), None),
                None => self.question(snapshot, entering, deferred),
            });
            asked.ask(snapshot, questions);
            sink.passed(BurstStage::Ask);
            for (lane, deferred) in vector.iter_mut().enumerate() {
                let Entering { slot, nic } = entering[deferred.position];
                let walker = Walker {
                    entering: Some(deferred.position),
                    fusible: deferred.odd.is_none(),
                    position: Position::Leaving(nic),
                };
                let packet = if let Some(packet) = deferred.odd.take() {
                    packet
                } else {
                    let plain = self.lanes.at(deferred.position);
                    let leads = |stops: &[Stop], end, rules| {
                        plain.is_carried() && asked.leads(lane, stops, end, rules)
                    };
                    let trodden = self.flows.tread(
                        snapshot.generation,
                        &plain.shown(nic),
                        plain.begins(),
                        leads,
                        Tick::of(now),
                    );
                    if let Replay::Arrives(arrival) = trodden {
                        let frame = &mut frames.frame_mut(slot)[..usize::from(plain.length)];
                        self.deliver(frame, snapshot, deferred.position, arrival, sink);
                        continue;
                    }
                    self.packet(frames.frame(slot), deferred.position)
                };
                let answers = asked.of(snapshot, lane);
                self.walk(snapshot, &answers, walker, packet, now, sink);
            }
            sink.passed(BurstStage::Walk);
        }
        deferred.clear();
        self.deferred = deferred;
        self.asked = Some(asked);
    }

    /// What is asked for a plain packet.
    fn question(
        &self,
        snapshot: &Snapshot,
        entering: &[Entering],
        deferred: &Deferred,
    ) -> (Question, Option<Ahead<'_>>) {
        let lane = self.lanes.at(deferred.position);
        let nic = entering[deferred.position].nic;
        let question = Question {
            nic,
            subject: lane.subject(),
            rules: !deferred.known,
        };
        let ahead = (!deferred.known)
            .then(|| self.flows.ahead(snapshot.generation, &lane.shown(nic)))
            .flatten()
            .map(|(stops, end)| Ahead { stops, end });
        (question, ahead)
    }

    /// The packet of a plain lane, in the buffer.
    fn packet(&mut self, frame: &[u8], position: usize) -> Packet {
        let lane = self.lanes.at(position);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.extend_from_slice(&frame[..usize::from(lane.length)]);
        Packet::checked(buffer, lane.key.tuple(lane.course), lane.content)
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
        let now = whole_milliseconds(now);
        self.walk(
            snapshot,
            snapshot,
            Walker::alone(position),
            packet,
            now,
            sink,
        );
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
        self.flows.memory()
    }

    /// Conversations of which something is remembered.
    pub fn conversations(&self) -> usize {
        self.flows.conversations()
    }

    /// A packet walks to its end, or to another shard; and so does what comes into being on its way.
    fn walk(
        &mut self,
        snapshot: &Snapshot,
        answers: &impl Answers,
        walker: Walker,
        packet: Packet,
        now: SimTime,
        sink: &mut impl Sink,
    ) {
        let spawned = self.follow(snapshot, answers, walker, packet, now, sink);
        for InFlight { position, packet } in spawned {
            match packet.fragment() {
                Fragment::Later { .. } => self.counters.extra_fragments += 1,
                Fragment::Whole | Fragment::First => self.counters.originated += 1,
            }
            self.walk(
                snapshot,
                snapshot,
                Walker::alone(position),
                packet,
                now,
                sink,
            );
        }
    }

    /// One packet, stage by stage.
    fn follow(
        &mut self,
        snapshot: &Snapshot,
        answers: &impl Answers,
        walker: Walker,
        mut packet: Packet,
        now: SimTime,
        sink: &mut impl Sink,
    ) -> Vec<InFlight> {
        let Self {
            flows,
            guests,
            way,
            shards,
            ..
        } = self;
        let mut position = walker.position;
        way.clear();
        flows.begin(snapshot.generation, packet.tuple(), now);
        let mut pipeline = Pipeline::with_answers(snapshot, answers, flows, guests, way, now);
        let ending = loop {
            if let Some(shard) = shards.elsewhere(snapshot, position, &packet) {
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
        let arrival = match ending {
            Ok(Outcome::Delivered(Delivery::Guest(_))) => Some(Arrival::Guest),
            Ok(Outcome::Delivered(Delivery::AzureService)) => Some(Arrival::Service),
            _ => None,
        };
        let way = arrival
            .filter(|_| walker.fusible)
            .map(|arrival| (&*way, arrival));
        flows.finish(snapshot, way, now);
        match ending {
            Ok(outcome) => {
                self.count(outcome);
                sink.settled(walker.entering, packet.frame(), outcome);
                self.buffer = packet.into_frame();
            }
            Err(shard) => {
                self.hand_overs.given += 1;
                sink.hand_over(shard, InFlight { position, packet });
            }
        }
        spawned
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

/// A packet that walks.
#[derive(Clone, Copy, Debug)]
struct Walker {
    /// In the burst.
    entering: Option<usize>,
    /// Others like it can be replayed.
    fusible: bool,
    /// Where it is.
    position: Position,
}

impl Walker {
    /// One that is not part of a burst.
    const fn alone(position: Position) -> Self {
        Self {
            entering: None,
            fusible: false,
            position,
        }
    }
}

impl Lane {
    /// What it shows to a replay.
    #[inline]
    fn shown(&self, nic: NicId) -> Shown {
        Shown {
            key: self.key,
            course: self.course,
            hash: self.hash,
            nic,
            ttl: self.ttl,
            flags: self.flags(),
        }
    }

    /// Whether the fabric carries it at all.
    fn is_carried(&self) -> bool {
        pipeline::is_carried(self.key.tuple(self.course), self.content)
    }

    /// What is remembered of it if it begins a flow; `None` for segments in the middle of a connection (S-20).
    fn begins(&self) -> Option<Beginning> {
        let is_beginning = match self.content {
            Content::Tcp(flags) => flags.asks_for_connection(),
            _ => true,
        };
        is_beginning.then(|| Beginning {
            icmp_type: self.subject().icmp_type,
        })
    }

    /// What rules see of it.
    fn subject(&self) -> Subject {
        Subject {
            tuple: self.key.tuple(self.course),
            icmp_type: match self.content {
                Content::IcmpQuery(kind) => Some(kind),
                _ => None,
            },
        }
    }
}

/// What the way does to a frame: routers take their hops from the TTL, the fabric hands it over (N-6, N-7).
#[inline]
fn patch(frame: &mut [u8], snapshot: &Snapshot, end: NicId, hops: u8) {
    let mac = snapshot.nic(end).and_then(|nic| nic.mac_address);
    let Some(head) = frame.first_chunk_mut::<34>() else {
        return; // a lane is longer
    };
    if !planted(Fault::StationKept) {
        head[..6].copy_from_slice(&mac.unwrap_or_else(|| derived_mac(end)));
    }
    head[6..12].copy_from_slice(&FABRIC_MAC);
    if hops == 0 && !planted(Fault::ChecksumRespelled) {
        return; // an update could spell a checksum of zero anew
    }
    let [ttl, protocol] = [head[22], head[23]];
    let lower = ttl - hops;
    let word = |ttl| u16::from_be_bytes([ttl, protocol]);
    let sum = u16::from_be_bytes([head[24], head[25]]);
    let carried = if planted(Fault::ChecksumOfOneRouter) {
        ttl - hops.min(1)
    } else {
        lower
    };
    let sum = checksum::update(sum, word(ttl), word(carried));
    head[22] = lower;
    head[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// Flows are remembered by the millisecond.
fn whole_milliseconds(moment: SimTime) -> SimTime {
    const MILLISECOND: u64 = 1_000_000;
    SimTime::from_nanoseconds(moment.as_nanoseconds() / MILLISECOND * MILLISECOND)
}
