//! One NIC in a run: its memory, its links, its programs, its counters.
//!
//! A worker handles its own events and touches nothing that belongs to another: what it causes elsewhere are events with a stamp.
//! NICs of one guest share the guest's memory, and so the thread that runs them; all others are independent of each other within
//! the look-ahead of the latency model.

use std::collections::BTreeMap;
use std::sync::Arc;

use control::Snapshot;
use dataplane::answers::Departure;
use dataplane::dropped::{DropReason, Dropped, Locator};
use dataplane::flow::{AZURE_FLOW_LIMIT, FlowTable};
use dataplane::guest::{self, Emission, Guests};
use dataplane::packet::{End, Fragment, NIC_MTU, Packet};
use dataplane::pipeline::{Delivery, InFlight, Pipeline, Position, Stage};
use dataplane::recorder::{Evidence, Step};
use model::options::FlowLimit;
use model::{Network, NicId};

use crate::application::{Application, Effects};
use crate::delay;
use crate::event::Stamp;
use crate::latency::{LatencyModel, Link};
use crate::random::{Draw, Purpose, Randomness};
use crate::site::Site;
use crate::time::SimTime;
use crate::trace::{Fate, FrameDirection, Frames, Occurrence, PacketId, Sighting};
use dataplane::counters::Counters;

/// What all workers read and none changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) network: Arc<Network>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) latency: LatencyModel,
    pub(crate) randomness: Randomness,
    pub(crate) frames: Frames,
}

/// What happens to a worker.
#[derive(Debug)]
pub(crate) enum Event {
    /// A packet comes in from the wire.
    Arrive(Box<Travelling>),
    /// A guest that forwards a packet has taken its time, and hands it to this NIC.
    Leave(Box<Travelling>),
    /// The guest sends a packet of its own through this NIC.
    Originate(Box<Packet>),
    /// Another NIC of the guest has got a packet that may be for a program behind this one.
    Hear(Box<Packet>),
    /// A program asked to be woken.
    Wake(usize),
}

impl Event {
    /// Whether a packet that has been counted as originated is under way in it.
    pub(crate) fn carries_a_packet(&self) -> bool {
        match self {
            Self::Arrive(_) | Self::Leave(_) => true,
            Self::Originate(_) | Self::Hear(_) | Self::Wake(_) => false,
        }
    }
}

/// A packet under way.
#[derive(Debug)]
pub(crate) struct Travelling {
    packet: Packet,
    id: PacketId,
    /// Links behind it.
    hop: u32,
}

/// The moment in which a worker handles an event, and what it may reach then.
struct Moment<'a> {
    world: &'a World,
    /// Memory of the guest behind the NIC.
    guests: &'a mut Guests,
    now: SimTime,
    outbox: &'a mut Outbox,
}

/// What a stage of the pipeline has made of a packet.
struct Passage {
    stage: Result<Stage, Dropped>,
    spawned: Vec<InFlight>,
    evidence: Vec<Step>,
}

/// What a worker has caused, to be passed on by the driver.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) events: Vec<(Stamp, Event)>,
    pub(crate) occurrences: Vec<Occurrence>,
}

/// One NIC in a run.
#[derive(Debug)]
pub(crate) struct Worker {
    nic: NicId,
    site: Site,
    flows: FlowTable,
    /// By the NIC at the other end.
    pipes: BTreeMap<NicId, Pipe>,
    programs: Vec<Program>,
    counters: Counters,
    /// Events caused so far.
    caused: u64,
    /// Packets originated so far.
    originated: u64,
}

/// The way to another NIC.
#[derive(Debug)]
struct Pipe {
    link: Link,
    last_arrival: SimTime,
}

impl Pipe {
    fn new(world: &World, from: &Site, to: NicId) -> Self {
        let link = delay::link(&world.network, &world.latency, from, to);
        Self {
            link,
            last_arrival: SimTime::ZERO,
        }
    }

    /// When a packet arrives that leaves at `departure`. None overtakes another.
    fn carry(&mut self, departure: SimTime, draw: Draw) -> SimTime {
        let arrival = departure + self.link.one_way(draw);
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }
}

#[derive(Debug)]
struct Program {
    application: Application,
    /// The earliest wake-up that is under way.
    alarm: Option<SimTime>,
}

impl Worker {
    /// `None` if the NIC does not exist.
    pub(crate) fn new(world: &World, nic: NicId) -> Option<Self> {
        let limit = match world.snapshot.options.flow_limit {
            FlowLimit::Azure => FlowTable::with_limit(AZURE_FLOW_LIMIT),
            FlowLimit::None => FlowTable::default(),
        };
        Some(Self {
            nic,
            site: Site::of(&world.network, nic)?,
            flows: limit,
            pipes: BTreeMap::new(),
            programs: Vec::new(),
            counters: Counters::default(),
            caused: 0,
            originated: 0,
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Runs a program in the guest behind this NIC, from time 0.
    pub(crate) fn install(&mut self, application: Application, outbox: &mut Outbox) {
        self.programs.push(Program {
            application,
            alarm: None,
        });
        self.set_alarm(self.programs.len() - 1, outbox);
    }

    /// Handles an event at its time.
    pub(crate) fn handle(
        &mut self,
        world: &World,
        guests: &mut Guests,
        now: SimTime,
        event: Event,
        outbox: &mut Outbox,
    ) {
        let mut moment = Moment {
            world,
            guests,
            now,
            outbox,
        };
        match event {
            Event::Arrive(travelling) => self.arrive(*travelling, &mut moment),
            Event::Leave(travelling) => self.leave(*travelling, &mut moment),
            Event::Originate(packet) => self.originate(*packet, &mut moment),
            Event::Hear(packet) => {
                self.hear(&packet, &mut moment);
            }
            Event::Wake(program) => self.wake(program, &mut moment),
        }
    }

    /// A program does what is due.
    fn wake(&mut self, index: usize, moment: &mut Moment<'_>) {
        let mut effects = Effects::default();
        let program = &mut self.programs[index];
        if program.alarm.is_some_and(|alarm| alarm <= moment.now) {
            program.alarm = None;
        }
        program.application.wake(moment.now, &mut effects);
        self.apply(effects, moment);
        self.set_alarm(index, moment.outbox);
    }

    /// Sees to it that a program is woken in time. An alarm that comes too early does no harm.
    fn set_alarm(&mut self, index: usize, outbox: &mut Outbox) {
        let program = &mut self.programs[index];
        let Some(wanted) = program.application.wake_at() else {
            return;
        };
        if program.alarm.is_none_or(|alarm| wanted < alarm) {
            program.alarm = Some(wanted);
            self.cause(self.nic, wanted, Event::Wake(index), outbox);
        }
    }

    /// Tells what a program has learned, and sends what it wants sent.
    fn apply(&mut self, effects: Effects, moment: &mut Moment<'_>) {
        let (at, nic) = (moment.now, self.nic);
        let told = effects
            .events
            .into_iter()
            .map(|event| Occurrence::Probe { at, nic, event });
        moment.outbox.occurrences.extend(told);
        for datagram in effects.datagrams {
            let packet = Packet::from_datagram(&datagram)
                .expect("programs make valid datagrams from the addresses of single hosts");
            self.originate(packet, moment);
        }
    }

    /// The guest sends a packet of its own. Its stack cuts what the NIC cannot carry in one piece (K-7).
    fn originate(&mut self, packet: Packet, moment: &mut Moment<'_>) {
        if let Fragment::Later { .. } = packet.fragment() {
            // Guests cut their answers themselves: a piece of the packet before.
            self.counters.extra_fragments += 1;
            let id = self.packet_id();
            return self.leave(Travelling { packet, id, hop: 0 }, moment);
        }
        self.originated += 1;
        self.counters.originated += 1;
        let id = self.packet_id();
        let whole = Travelling { packet, id, hop: 0 };
        if let Err(dropped) = guest::originates(&moment.world.snapshot, self.nic) {
            return self.drop(&whole, dropped, FrameDirection::Sent, Vec::new(), moment);
        }
        let Ok(pieces) = whole.packet.clone().fit(NIC_MTU) else {
            let dropped = Dropped::new(DropReason::MtuDf, Locator::Nic(self.nic));
            return self.drop(&whole, dropped, FrameDirection::Sent, Vec::new(), moment);
        };
        self.counters.extra_fragments += pieces.len().saturating_sub(1) as u64;
        for packet in pieces {
            self.leave(Travelling { packet, ..whole }, moment);
        }
    }

    /// Steps 1 to 9: the guest hands a packet to this NIC.
    fn leave(&mut self, mut travelling: Travelling, moment: &mut Moment<'_>) {
        let position = Position::Leaving(self.nic);
        // Behind the NIC the platform may translate; a capture in the guest does not see that.
        let guests_own = (moment.world.frames == Frames::All).then(|| travelling.packet.clone());
        let passage = self.pass(position, &mut travelling.packet, moment);
        let to = match passage.stage {
            Ok(Stage::At(Position::UnderWay { to, .. })) => to,
            Ok(stage) => unreachable!("a packet that leaves a NIC is under way, not {stage:?}"),
            Err(dropped) => {
                self.drop(
                    &travelling,
                    dropped,
                    FrameDirection::Sent,
                    passage.evidence,
                    moment,
                );
                // The fabric may tell the guest what would have fitted (option fabricIcmp).
                for message in passage.spawned {
                    self.counters.originated += 1;
                    self.originated += 1;
                    let message = Travelling {
                        packet: message.packet,
                        id: self.packet_id(),
                        hop: 0,
                    };
                    self.depart(message, Departure::Nic(self.nic), moment);
                }
                return;
            }
        };
        self.counters.extra_fragments += passage.spawned.len() as u64;
        let fragments = passage.spawned.into_iter().map(|fragment| Travelling {
            packet: fragment.packet,
            ..travelling
        });
        let fragments: Vec<Travelling> = fragments.collect();
        let fate = Fate::Departed(to);
        let sighted = untranslated(&travelling, guests_own.as_ref());
        self.tell(
            sighted.as_ref().unwrap_or(&travelling),
            FrameDirection::Sent,
            fate,
            passage.evidence,
            moment,
        );
        self.depart(travelling, to, moment);
        for fragment in fragments {
            let sighted = untranslated(&fragment, guests_own.as_ref());
            let sighted = sighted.as_ref().unwrap_or(&fragment);
            self.tell(sighted, FrameDirection::Sent, fate, Vec::new(), moment);
            self.depart(fragment, to, moment);
        }
    }

    /// A packet has left this NIC.
    fn depart(&mut self, travelling: Travelling, to: Departure, moment: &mut Moment<'_>) {
        match to {
            Departure::Nic(receiver) | Departure::Tunnel(receiver) => {
                self.carry(travelling, receiver, moment);
            }
            Departure::OwnGuest => self.hand_over(travelling, Vec::new(), moment),
            Departure::Platform | Departure::Internet | Departure::AzureService => {
                self.counters.departed += 1;
            }
        }
    }

    /// The link to another NIC takes its time, a different one for each packet.
    fn carry(&mut self, travelling: Travelling, receiver: NicId, moment: &mut Moment<'_>) {
        let Moment { world, now, .. } = *moment;
        let Travelling { id, hop, .. } = travelling;
        let draw = world.randomness.draw(
            Purpose::LinkLatency,
            u64::from(id.origin.get()),
            id.number,
            hop,
        );
        let site = &self.site;
        let pipe = self
            .pipes
            .entry(receiver)
            .or_insert_with(|| Pipe::new(world, site, receiver));
        let arrival = pipe.carry(now, draw);
        let next = Travelling {
            hop: hop + 1,
            ..travelling
        };
        self.cause(
            receiver,
            arrival,
            Event::Arrive(Box::new(next)),
            moment.outbox,
        );
    }

    /// Steps 10 to 12: a packet comes in from the wire.
    fn arrive(&mut self, mut travelling: Travelling, moment: &mut Moment<'_>) {
        let position = Position::UnderWay {
            // Step 8 has looked at the sender; the receiver's half does not.
            from: travelling.id.origin,
            to: Departure::Nic(self.nic),
        };
        let passage = self.pass(position, &mut travelling.packet, moment);
        match passage.stage {
            Ok(_) => self.hand_over(travelling, passage.evidence, moment),
            Err(dropped) => {
                let direction = FrameDirection::Received;
                self.drop(&travelling, dropped, direction, passage.evidence, moment);
            }
        }
    }

    /// Step 13: the guest gets a packet.
    fn hand_over(
        &mut self,
        mut travelling: Travelling,
        mut evidence: Vec<Step>,
        moment: &mut Moment<'_>,
    ) {
        // The guest patches what it forwards; a capture shows what it got.
        let received = (moment.world.frames == Frames::All).then(|| travelling.packet.clone());
        let position = Position::InGuest(self.nic);
        let passage = self.pass(position, &mut travelling.packet, moment);
        evidence.extend(passage.evidence);
        let direction = FrameDirection::Received;
        let sighted = Travelling {
            packet: received.unwrap_or_else(|| travelling.packet.clone()),
            ..travelling
        };
        match passage.stage {
            Ok(Stage::Delivered(delivery)) => {
                self.counters.delivered += 1;
                self.tell(&sighted, direction, Fate::Delivered, evidence, moment);
                if delivery == Delivery::AzureService {
                    return; // behind a private endpoint nothing is simulated
                }
                self.consume(&travelling.packet, moment);
            }
            Ok(Stage::At(next)) => {
                let leaves = next.nic();
                self.counters.forwarded += 1;
                self.tell(
                    &sighted,
                    direction,
                    Fate::Forwarded(leaves),
                    evidence,
                    moment,
                );
                let World {
                    snapshot, latency, ..
                } = moment.world;
                let ready = moment.now + delay::forwarding(snapshot, latency, self.nic);
                self.cause(
                    leaves,
                    ready,
                    Event::Leave(Box::new(travelling)),
                    moment.outbox,
                );
            }
            Err(dropped) => self.drop(&sighted, dropped, direction, evidence, moment),
        }
        // ICMP errors of the guest.
        let errors = passage.spawned.into_iter();
        let errors = errors.map(|error| (error.position.nic(), error.packet));
        self.emit(errors, moment);
    }

    /// A packet for this guest: its programs are asked first, then the guest itself.
    fn consume(&mut self, packet: &Packet, moment: &mut Moment<'_>) {
        let Moment { world, now, .. } = *moment;
        let Some(packet) = moment
            .guests
            .assemble(&world.snapshot, self.nic, packet, now)
        else {
            return;
        };
        if self.hear(&packet, moment) {
            return;
        }
        let answers = moment
            .guests
            .answer(&world.snapshot, self.nic, &packet, now);
        if answers.is_empty() {
            self.pass_within(&packet, moment);
        }
        self.emit(answers, moment);
    }

    /// Whether a program behind this NIC takes the packet.
    fn hear(&mut self, packet: &Packet, moment: &mut Moment<'_>) -> bool {
        if !packet.has_valid_transport_checksum() {
            return false;
        }
        for index in 0..self.programs.len() {
            let mut effects = Effects::default();
            let program = &mut self.programs[index].application;
            if program.receive(packet.datagram(), moment.now, &mut effects) {
                self.apply(effects, moment);
                self.set_alarm(index, moment.outbox);
                return true;
            }
        }
        false
    }

    /// A guest takes what is for any of its addresses, through whichever NIC it comes: programs behind the other ones are asked, too.
    fn pass_within(&mut self, packet: &Packet, moment: &mut Moment<'_>) {
        let world = moment.world;
        let Some((_, guest)) = world.snapshot.guest_behind(self.nic) else {
            return;
        };
        let own = self.nic;
        for &other in guest.nics.iter().filter(|&&nic| nic != own) {
            let event = Event::Hear(Box::new(packet.clone()));
            self.cause(other, moment.now, event, moment.outbox);
        }
    }

    /// The guest sends packets of its own, each through the NIC that its routes choose.
    fn emit(&mut self, emissions: impl IntoIterator<Item = Emission>, moment: &mut Moment<'_>) {
        for (leaves, packet) in emissions {
            if leaves == self.nic {
                self.originate(packet, moment);
            } else {
                let event = Event::Originate(Box::new(packet));
                self.cause(leaves, moment.now, event, moment.outbox);
            }
        }
    }

    /// One stage of the pipeline, with as much evidence as the run wants.
    fn pass(
        &mut self,
        position: Position,
        packet: &mut Packet,
        moment: &mut Moment<'_>,
    ) -> Passage {
        let Moment { world, now, .. } = *moment;
        let (snapshot, flows, guests) = (&*world.snapshot, &mut self.flows, &mut *moment.guests);
        if world.frames == Frames::All {
            let mut evidence = Evidence::default();
            let mut pipeline = Pipeline::new(snapshot, flows, guests, &mut evidence, now);
            let stage = pipeline.advance(position, packet);
            let spawned = std::mem::take(&mut pipeline.spawned);
            Passage {
                stage,
                spawned,
                evidence: evidence.steps,
            }
        } else {
            let mut nobody = ();
            let mut pipeline = Pipeline::new(snapshot, flows, guests, &mut nobody, now);
            Passage {
                stage: pipeline.advance(position, packet),
                spawned: pipeline.spawned,
                evidence: Vec::new(),
            }
        }
    }

    fn drop(
        &mut self,
        travelling: &Travelling,
        dropped: Dropped,
        direction: FrameDirection,
        evidence: Vec<Step>,
        moment: &mut Moment<'_>,
    ) {
        self.counters.drop_one(dropped.reason());
        self.tell(
            travelling,
            direction,
            Fate::Dropped(dropped),
            evidence,
            moment,
        );
    }

    /// Tells of a frame, if the run wants to know.
    fn tell(
        &self,
        travelling: &Travelling,
        direction: FrameDirection,
        fate: Fate,
        evidence: Vec<Step>,
        moment: &mut Moment<'_>,
    ) {
        let wanted = match moment.world.frames {
            Frames::None => false,
            Frames::Dropped => matches!(fate, Fate::Dropped(_)),
            Frames::All => true,
        };
        if wanted {
            let sighting = Sighting {
                at: moment.now,
                nic: self.nic,
                direction,
                packet: travelling.id,
                bytes: travelling.packet.frame().to_vec(),
                fate,
                evidence,
            };
            moment.outbox.occurrences.push(Occurrence::Frame(sighting));
        }
    }

    fn packet_id(&self) -> PacketId {
        PacketId {
            origin: self.nic,
            number: self.originated,
        }
    }

    /// Schedules an event.
    fn cause(&mut self, receiver: NicId, time: SimTime, event: Event, outbox: &mut Outbox) {
        let stamp = Stamp {
            time,
            receiver,
            sender: self.nic,
            counter: self.caused,
        };
        self.caused += 1;
        outbox.events.push((stamp, event));
    }
}

/// A packet as it left the guest, if the platform has put another source into it since; `before` is what the guest sent, which may have
/// been cut for the link.
fn untranslated(sent: &Travelling, before: Option<&Packet>) -> Option<Travelling> {
    let before = before?;
    let from = before.tuple();
    if from.source == sent.packet.source() {
        return None;
    }
    let mut packet = sent.packet.clone();
    packet.set_end(End::Source, from.source, from.source_port);
    if let Some(quoted) = before.quoted() {
        packet.set_quoted_end(
            End::Destination,
            quoted.destination,
            quoted.destination_port,
        );
    }
    Some(Travelling { packet, ..*sent })
}
