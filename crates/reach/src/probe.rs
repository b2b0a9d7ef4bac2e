//! One pair, judged by one packet in a world of its own: empty flow tables, no rate limits, the snapshot as loaded. Then the reply that a
//! willing host would send, with the pairs that the probe has just created.
//!
//! Where a hash chooses (equal routes, members of load balancers, instances of gateways), the verdict is that of the five-tuple; the pair
//! is sent again under other hashes, and marked if the verdict is another one there.
//!
//! It does not know other pairs, and no names.

mod hashes;
mod steps;

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::FrontendId;
use dataplane::dropped::Dropped;
use dataplane::flow::FlowTable;
use dataplane::guest::{Guests, is_heard, originates, willing_reply};
use dataplane::packet::{FiveTuple, Packet};
use dataplane::pipeline::{Delivery, Outcome, Pipeline, Position, malformed};
use dataplane::recorder::{Recorder, Step};
use engine::application::DEFAULT_TTL;
use engine::reachability::{Service, Verdict};
use engine::time::SimTime;
use model::{GatewayId, NicId};

use self::hashes::{Hashed, other_hashes};
pub use self::steps::Story;
use crate::ports::AlikePorts;
use crate::question::{Depth, Question};

/// Judges pairs for one service.
#[derive(Clone, Copy, Debug)]
pub struct Prober<'s> {
    snapshot: &'s Snapshot,
    service: Service,
    source_port: Option<u16>,
    depth: Depth,
    /// Under how many other hashes a verdict is asked for again; 0: nothing chooses by one.
    other_hashes: u16,
    /// Whether what listens in guests counts.
    listeners: bool,
}

/// What is known of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a bit in four sets, each of which is asked for alone"
)]
pub struct Cell {
    /// The probe arrives.
    pub forward: bool,
    /// So does the reply. False where the reply does not count.
    pub round_trip: bool,
    /// The input does not hold what decides: about the probe, or if that arrives about the reply.
    pub unknown: bool,
    /// Under another hash the answer would be another one.
    pub depends_on_hash: bool,
}

/// What became of the probe and of its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In one word.
    pub verdict: Verdict,
    /// Under another hash the answer would be another one.
    pub depends_on_hash: bool,
    /// The way of the probe.
    pub forward: Way,
    /// The way of the reply; `None` if the probe does not arrive, or nothing replies to it.
    pub reply: Option<Way>,
}

/// One packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// How it ended.
    pub end: WayEnd,
    /// What it passed, in order: the NIC it left through, all that received it, gateways, load balancers.
    pub passed: Vec<Device>,
}

/// How a packet's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WayEnd {
    /// In the guest it was for; it came in through this NIC.
    Arrived(NicId),
    /// It was dropped.
    Dropped {
        /// The NIC at which it was.
        nic: NicId,
        /// Why, and the object that would have to change.
        dropped: Dropped,
    },
    /// It left what the input describes: for the Internet, an Azure service, the platform.
    Left(Delivery),
    /// In the guest it was for, where nothing listens to it: told apart only if the question is about listeners.
    Unheard(NicId),
    /// The reply came to a guest that had not asked.
    Strayed(NicId),
    /// The reply came to who has asked, but not from whom was asked.
    Disguised(NicId),
}

/// Something that a packet passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// A NIC, or a host outside Azure.
    Nic(NicId),
    /// A gateway, into or out of one of its tunnels.
    Gateway(GatewayId),
    /// A frontend of a load balancer.
    Frontend(FrontendId),
}

impl Cell {
    /// In the order of the fields.
    pub(crate) fn bits(self) -> [bool; 4] {
        [
            self.forward,
            self.round_trip,
            self.unknown,
            self.depends_on_hash,
        ]
    }

    /// In one word.
    pub fn verdict(self, depth: Depth) -> Verdict {
        let reached = match depth {
            Depth::Forward => self.forward,
            Depth::RoundTrip => self.round_trip,
        };
        if reached {
            Verdict::Reachable
        } else if self.unknown {
            Verdict::Unknown
        } else if self.forward {
            Verdict::ForwardOnly
        } else {
            Verdict::Unreachable
        }
    }

    /// Whether no other port changes what is known if one is enough: this one is reached, whatever a hash chooses.
    pub(crate) fn settles_any(self, depth: Depth) -> bool {
        self.verdict(depth) == Verdict::Reachable && !self.depends_on_hash
    }

    /// Whether no other port changes what is known if all are needed: to this one nothing arrives, whatever a hash chooses.
    pub(crate) fn settles_all(self) -> bool {
        self == Self::default()
    }

    /// What is known if one of two ports is enough.
    #[must_use]
    pub fn or(self, other: Self, depth: Depth) -> Self {
        if self.settles_any(depth) || other.settles_any(depth) {
            return Self {
                forward: true,
                round_trip: depth == Depth::RoundTrip,
                ..Self::default()
            };
        }
        let either = Self {
            forward: self.forward | other.forward,
            round_trip: self.round_trip | other.round_trip,
            unknown: self.unknown | other.unknown,
            depends_on_hash: self.depends_on_hash | other.depends_on_hash,
        };
        let reached = either.verdict(depth) == Verdict::Reachable;
        Self {
            unknown: either.unknown && !reached,
            ..either
        }
    }

    /// What is known if both of two ports are needed.
    #[must_use]
    pub fn and(self, other: Self, depth: Depth) -> Self {
        if self.settles_all() || other.settles_all() {
            return Self::default();
        }
        let may = |cell: Self| matches!(cell.verdict(depth), Verdict::Reachable | Verdict::Unknown);
        Self {
            forward: self.forward & other.forward,
            round_trip: self.round_trip & other.round_trip,
            unknown: (self.unknown | other.unknown) && may(self) && may(other),
            depends_on_hash: self.depends_on_hash | other.depends_on_hash,
        }
    }
}

impl Way {
    /// Why the packet was dropped, if it was.
    pub fn dropped(&self) -> Option<Dropped> {
        match self.end {
            WayEnd::Dropped { dropped, .. } => Some(dropped),
            _ => None,
        }
    }

    fn is_unknown(&self) -> bool {
        self.dropped()
            .is_some_and(|dropped| dropped.reason().is_unknown())
    }
}

impl Answer {
    /// What a matrix keeps of it.
    pub fn cell(&self) -> Cell {
        let forward = matches!(self.forward.end, WayEnd::Arrived(_));
        let unknown = match (&self.forward.end, &self.reply) {
            (WayEnd::Arrived(_), Some(reply)) => reply.is_unknown(),
            (WayEnd::Arrived(_), None) => false,
            // Who answers there is not in the input.
            (WayEnd::Left(_), _) => true,
            _ => self.forward.is_unknown(),
        };
        let replied = self
            .reply
            .as_ref()
            .is_some_and(|reply| matches!(reply.end, WayEnd::Arrived(_)));
        Cell {
            forward,
            round_trip: forward && replied,
            unknown,
            depends_on_hash: self.depends_on_hash,
        }
    }
}

impl<'s> Prober<'s> {
    /// For pairs of this network. `source_port`: 49152 unless said. Unless it counts, no reply is sent.
    pub fn new(
        snapshot: &'s Snapshot,
        service: Service,
        source_port: Option<u16>,
        depth: Depth,
    ) -> Self {
        Self {
            snapshot,
            service,
            source_port,
            depth,
            other_hashes: other_hashes(snapshot),
            listeners: false,
        }
    }

    /// For pairs of this network, asked for one of the services of a question.
    pub fn of(snapshot: &'s Snapshot, service: Service, question: Question) -> Self {
        let Question {
            depth,
            source_port,
            listeners,
            ..
        } = question;
        Self {
            listeners,
            ..Self::new(snapshot, service, source_port, depth)
        }
    }

    /// What became of a probe through the NIC `source` to `destination`, and of its reply.
    pub fn answer(&self, source: (NicId, Ipv4Addr), destination: Ipv4Addr) -> Answer {
        self.answer_of_ports(source, destination, None)
    }

    /// What a matrix keeps of it.
    pub fn cell(&self, source: (NicId, Ipv4Addr), destination: Ipv4Addr) -> Cell {
        self.fate(source, destination).cell()
    }

    /// As [`answer`](Self::answer), without what was passed on the way.
    pub(crate) fn fate(&self, source: (NicId, Ipv4Addr), destination: Ipv4Addr) -> Answer {
        let mut answers = Hashed::new(self.snapshot, 0, self.other_hashes);
        let mut answer = self.walk(source, destination, &mut answers, &mut ());
        answer.depends_on_hash =
            answers.has_chosen() && self.differs(source, destination, answer.cell(), None);
        answer
    }

    /// The same, and which ports fare like the one that is asked for: whatever a hash chooses, they meet the same answers of rules.
    pub(crate) fn cell_of_ports(
        &self,
        source: (NicId, Ipv4Addr),
        destination: Ipv4Addr,
        ports: &AlikePorts<'_>,
    ) -> Cell {
        let mut answers = Hashed::new(self.snapshot, 0, self.other_hashes);
        answers.ports = Some(ports);
        let cell = self.walk(source, destination, &mut answers, &mut ()).cell();
        Cell {
            depends_on_hash: answers.has_chosen()
                && self.differs(source, destination, cell, Some(ports)),
            ..cell
        }
    }

    /// Where pairs are judged.
    pub(crate) fn snapshot(&self) -> &'s Snapshot {
        self.snapshot
    }

    /// What is asked for.
    pub(crate) fn service(&self) -> Service {
        self.service
    }

    /// From which port, if that was said.
    pub(crate) fn source_port(&self) -> Option<u16> {
        self.source_port
    }

    /// As [`answer`](Self::answer), and which ports fare alike.
    pub(crate) fn answer_of_ports(
        &self,
        source: (NicId, Ipv4Addr),
        destination: Ipv4Addr,
        ports: Option<&AlikePorts<'_>>,
    ) -> Answer {
        let mut trail = Trail::default();
        let mut answers = Hashed::new(self.snapshot, 0, self.other_hashes);
        answers.ports = ports;
        let mut answer = self.walk(source, destination, &mut answers, &mut trail);
        answer.depends_on_hash =
            answers.has_chosen() && self.differs(source, destination, answer.cell(), ports);
        answer
    }

    /// The same, asked from another port.
    #[must_use]
    pub(crate) fn by_source_port(self, port: u16) -> Self {
        Self {
            source_port: Some(port),
            ..self
        }
    }

    /// The same network asked for another service.
    #[must_use]
    pub(crate) fn about(self, service: Service) -> Self {
        Self { service, ..self }
    }

    /// Whether the answer is another one under other hashes.
    fn differs(
        &self,
        source: (NicId, Ipv4Addr),
        destination: Ipv4Addr,
        cell: Cell,
        ports: Option<&AlikePorts<'_>>,
    ) -> bool {
        (1..=self.other_hashes).any(|salt| {
            let mut answers = Hashed::new(self.snapshot, salt, 0);
            answers.ports = ports;
            self.walk(source, destination, &mut answers, &mut ()).cell() != cell
        })
    }

    fn walk(
        &self,
        (from, address): (NicId, Ipv4Addr),
        destination: Ipv4Addr,
        answers: &mut Hashed<'_>,
        trail: &mut impl Notes,
    ) -> Answer {
        let unreachable = |end| Answer {
            verdict: Verdict::Unreachable,
            depends_on_hash: false,
            forward: Way {
                end,
                passed: Vec::new(),
            },
            reply: None,
        };
        if let Err(dropped) = originates(self.snapshot, from) {
            return unreachable(WayEnd::Dropped { nic: from, dropped });
        }
        let probe = self.service.probe(address, destination, self.source_port);
        let mut packet = match Packet::from_datagram(&probe.datagram(1, DEFAULT_TTL)) {
            Ok(packet) => packet,
            Err(error) => {
                let dropped = malformed(from, error);
                return unreachable(WayEnd::Dropped { nic: from, dropped });
            }
        };
        let asked = packet.tuple();
        let mut pairs = FlowTable::default();
        let mut guests = Guests::without_rate_limits();
        let mut send = |from, packet: &mut Packet, answers: &Hashed<'_>, trail: &mut _| {
            let mut pipeline = Pipeline::with_answers(
                self.snapshot,
                answers,
                &mut pairs,
                &mut guests,
                trail,
                SimTime::ZERO,
            );
            match pipeline.walk(Position::Leaving(from), packet) {
                Outcome::Delivered(Delivery::Guest(at)) => WayEnd::Arrived(at),
                Outcome::Delivered(delivery) => WayEnd::Left(delivery),
                Outcome::Dropped { nic, dropped } => WayEnd::Dropped { nic, dropped },
            }
        };
        let end = match send(from, &mut packet, answers, trail) {
            WayEnd::Arrived(at) if self.listeners => self.heard(at, &packet, answers.ports),
            end => end,
        };
        let forward = Way {
            end,
            passed: trail.take(),
        };
        let reply = match end {
            WayEnd::Arrived(at) if self.depth == Depth::RoundTrip => {
                willing_reply(self.snapshot, at, &packet)
            }
            _ => None,
        };
        let reply = reply.map(|(leaves, mut reply)| {
            answers.is_reply = true;
            let end = match send(leaves, &mut reply, answers, trail) {
                WayEnd::Arrived(at) => self.arrival(from, at, asked, reply.tuple()),
                end => end,
            };
            Way {
                end,
                passed: trail.take(),
            }
        });
        let mut answer = Answer {
            verdict: Verdict::Unreachable,
            depends_on_hash: false,
            forward,
            reply,
        };
        answer.verdict = answer.cell().verdict(self.depth);
        answer
    }

    /// Whether something listens to a packet that has come to the guest it is for.
    fn heard(&self, at: NicId, packet: &Packet, ports: Option<&AlikePorts<'_>>) -> WayEnd {
        let Some((_, guest)) = self.snapshot.guest_behind(at) else {
            return WayEnd::Arrived(at);
        };
        if let Some(ports) = ports {
            ports.come_to(guest, packet.tuple());
        }
        if is_heard(guest, packet) {
            WayEnd::Arrived(at)
        } else {
            WayEnd::Unheard(at)
        }
    }

    /// Whether a reply has come to who has asked, from whom was asked.
    fn arrival(&self, from: NicId, at: NicId, asked: FiveTuple, reply: FiveTuple) -> WayEnd {
        let guest = |nic| self.snapshot.guest_behind(nic).map(|(guest, _)| guest);
        if guest(at) != guest(from) {
            WayEnd::Strayed(at)
        } else if (reply.source, reply.destination) != (asked.destination, asked.source) {
            WayEnd::Disguised(at)
        } else {
            WayEnd::Arrived(at)
        }
    }
}

/// Where a packet has come by.
trait Notes: Recorder {
    /// What was noted since the last time.
    fn take(&mut self) -> Vec<Device>;
}

impl Notes for () {
    fn take(&mut self) -> Vec<Device> {
        Vec::new()
    }
}

#[derive(Debug, Default)]
struct Trail(Vec<Device>);

impl Notes for Trail {
    fn take(&mut self) -> Vec<Device> {
        std::mem::take(&mut self.0)
    }
}

impl Recorder for Trail {
    const ASKS_EVERY_LEVEL: bool = false;

    fn record(&mut self, step: Step) {
        let device = match step {
            Step::Sent { nic } | Step::Received { nic, .. } => Device::Nic(nic),
            Step::Tunnelled { gateway, .. } => Device::Gateway(gateway),
            Step::Balanced { frontend, .. } => Device::Frontend(frontend),
            _ => return,
        };
        // An appliance with one NIC sends through the one that has received.
        if self.0.last() != Some(&device) {
            self.0.push(device);
        }
    }

    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped> {
        Err(dropped)
    }
}
