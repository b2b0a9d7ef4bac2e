//! The life of a packet, once, for every driver.
//!
//! Reads top to bottom: [`Pipeline::send`] is the sender's half, steps 1 to 8; [`Pipeline::carry`] the link, step 9;
//! [`Pipeline::receive`] the receiver's half, steps 10 to 12; [`Guests::turn`] is step 13. A driver with a clock calls
//! [`Pipeline::advance`] for one stage at a time; [`Pipeline::walk`] goes all the way in one moment.
//!
//! | # | where | step | drop reasons |
//! |---|---|---|---|
//! | 1 | sending NIC | header accepted (made sure by [`Packet`]), protocol carried by the fabric (N-8) | `bad-header`, `bad-checksum`, `fabric-protocol` |
//! | 2 | | source is an own address, or IP forwarding is on (N-1) | `spoof-source` |
//! | 3 | | platform addresses are answered by the host (N-11, S-26) | `nsg-deny` |
//! | 4 | | flow table: a hit skips 5 | `flow-table-full`, `fragment-out-of-order` |
//! | 5 | | outbound rules: admin rules, NIC, subnet (S-13, S-11, F-4) | `admin-deny`, `nsg-deny`, `vnet-access-blocked`, `tcp-no-syn` |
//! | 6, 7 | | route and next hop | `no-route`, `route-none`, `no-such-host`, ... |
//! | 8 | boundary | the receiver's link to the sender's network (F-6, F-7) | `peering-not-connected`, ... |
//! | | edge | the source gets its outside address (R-25, N-12, S-4) | `no-outbound-method`, `flow-table-full`, `no-such-host` |
//! | 9 | link | MTU (K-7) | `mtu-df` |
//! | | edge | a translated destination becomes the private one | `flow-table-full` |
//! | 10 | receiving NIC | destination is an own address, or IP forwarding is on (N-1) | `not-owner-no-forwarding` |
//! | 11 | | flow table: a hit skips 12 | `flow-table-full`, `fragment-out-of-order` |
//! | 12 | | inbound rules: admin rules, subnet, NIC (S-13, S-11, F-4) | `admin-deny`, `nsg-deny`, `vnet-access-blocked`, `tcp-no-syn` |
//! | 13 | guest | host, appliance, gateway | `vm-stopped`, `guest-not-forwarding`, `ttl`, `tcp-no-syn` |

mod outside;
mod translation;

use control::Snapshot;
use control::snapshot::{GuestKind, Nic, Policy, Rules};
use model::options::{FabricIcmp, IcmpRelated, TcpStrict};
use model::{Direction, NicId};

use crate::answers::{Answers, Departure, HOST_ADDRESS, METADATA_ADDRESS, Subject, platform_rules};
use crate::dropped::{DropReason, Dropped, Locator};
use crate::flow::{Pairs, Terms};
use crate::guest::{Guests, Turn};
use crate::packet::{
    Content, FiveTuple, Fragment, HeaderError, IcmpError, NIC_MTU, Packet, derived_mac, protocol,
};
use crate::recorder::{FlowFound, Recorder, Step, Visit};
use crate::time::{SimDuration, SimTime};

/// What leaves Azure has this much room: tunnels and the Internet's edge take the rest (K-7).
pub const OUTSIDE_MTU: u16 = 1400;

/// Where a packet is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// A guest hands it to this NIC: next is step 1.
    Leaving(NicId),
    /// It is on its way: next is step 10, or the end.
    UnderWay {
        /// The NIC that sent it.
        from: NicId,
        /// Where to.
        to: Departure,
    },
    /// It has passed the rules of this NIC: next is step 13.
    InGuest(NicId),
}

/// A packet with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Where it is.
    pub position: Position,
    /// The packet.
    pub packet: Packet,
}

/// Where a packet's life ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// In the guest that owns the destination; it came in through this NIC.
    Guest(NicId),
    /// At the host, which answers for the platform (N-11).
    Platform,
    /// In the Internet.
    Internet,
    /// At an Azure service behind an endpoint.
    AzureService,
}

/// How a packet's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered(Delivery),
    /// It was dropped.
    Dropped {
        /// The NIC at which it was.
        nic: NicId,
        /// Why, and the object that would have to change.
        dropped: Dropped,
    },
}

/// The next stage of a packet's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It goes on from here.
    At(Position),
    /// It has arrived.
    Delivered(Delivery),
}

/// The pipeline at one moment. `answers` are the snapshot itself, or what was asked of it ahead; `recorder` is `()` at full speed.
#[derive(Debug)]
pub struct Pipeline<'a, A, P, R> {
    snapshot: &'a Snapshot,
    answers: &'a A,
    pairs: &'a mut P,
    guests: &'a mut Guests,
    recorder: &'a mut R,
    now: SimTime,
    /// Packets that came into being on the way and have a life of their own: ICMP errors, further fragments.
    pub spawned: Vec<InFlight>,
}

/// How a packet was admitted at a NIC, and so what has to be remembered of it.
#[derive(Clone, Copy, Debug)]
enum Admitted {
    /// Nothing: a pair lives, or none is kept.
    Silently,
    /// The rules were asked: a pair is created.
    ByRules,
    /// As its first fragment was, whose five-tuple this is.
    AsFragment(FiveTuple),
}

/// Puts bytes into a packet (step 1); the drop is counted at the NIC that would have sent them.
pub fn accept(from: NicId, frame: Vec<u8>) -> Result<Packet, Dropped> {
    Packet::from_frame(frame).map_err(|error| malformed(from, error))
}

/// What a NIC says to bytes that are no packet.
pub fn malformed(from: NicId, error: HeaderError) -> Dropped {
    Dropped::new(error.reason(), Locator::Nic(from))
}

impl<'a, P: Pairs, R: Recorder> Pipeline<'a, Snapshot, P, R> {
    /// A pipeline that asks the snapshot when the walk asks.
    pub fn new(
        snapshot: &'a Snapshot,
        pairs: &'a mut P,
        guests: &'a mut Guests,
        recorder: &'a mut R,
        now: SimTime,
    ) -> Self {
        Self::with_answers(snapshot, snapshot, pairs, guests, recorder, now)
    }
}

impl<'a, A: Answers, P: Pairs, R: Recorder> Pipeline<'a, A, P, R> {
    /// A pipeline whose answers were asked ahead.
    pub fn with_answers(
        snapshot: &'a Snapshot,
        answers: &'a A,
        pairs: &'a mut P,
        guests: &'a mut Guests,
        recorder: &'a mut R,
        now: SimTime,
    ) -> Self {
        Self {
            snapshot,
            answers,
            pairs,
            guests,
            recorder,
            now,
            spawned: Vec::new(),
        }
    }

    /// The rest of a packet's life, in one moment. What [`Pipeline::spawned`] holds afterwards has still to be walked.
    pub fn walk(&mut self, start: Position, packet: &mut Packet) -> Outcome {
        let mut position = start;
        loop {
            match self.advance(position, packet) {
                Ok(Stage::At(next)) => position = next,
                Ok(Stage::Delivered(delivery)) => return Outcome::Delivered(delivery),
                Err(dropped) => {
                    let nic = position.nic();
                    return Outcome::Dropped { nic, dropped };
                }
            }
        }
    }

    /// One stage of a packet's life.
    pub fn advance(&mut self, position: Position, packet: &mut Packet) -> Result<Stage, Dropped> {
        match position {
            Position::Leaving(from) => {
                let to = self.send(from, packet)?;
                self.carry(from, to, packet)?;
                Ok(Stage::At(Position::UnderWay { from, to }))
            }
            Position::UnderWay { from, to } => match to {
                Departure::Nic(to) | Departure::Tunnel(to) => {
                    self.receive(to, packet)?;
                    Ok(Stage::At(Position::InGuest(to)))
                }
                Departure::OwnGuest => Ok(Stage::At(Position::InGuest(from))),
                Departure::Platform => Ok(Stage::Delivered(Delivery::Platform)),
                Departure::Internet => Ok(Stage::Delivered(Delivery::Internet)),
                Departure::AzureService => Ok(Stage::Delivered(Delivery::AzureService)),
            },
            Position::InGuest(at) => {
                let mut emitted = Vec::new();
                let turn = self.guests.turn(
                    self.snapshot,
                    at,
                    packet,
                    self.now,
                    self.recorder,
                    &mut emitted,
                );
                let emitted = emitted.into_iter().map(|(leaves, packet)| InFlight {
                    position: Position::Leaving(leaves),
                    packet,
                });
                self.spawned.extend(emitted);
                Ok(match turn? {
                    Turn::Mine if self.is_private_endpoint(at) => {
                        Stage::Delivered(Delivery::AzureService)
                    }
                    Turn::Mine => Stage::Delivered(Delivery::Guest(at)),
                    Turn::Forward(leaves) => Stage::At(Position::Leaving(leaves)),
                })
            }
        }
    }

    fn is_private_endpoint(&self, nic: NicId) -> bool {
        self.snapshot
            .guest_behind(nic)
            .is_some_and(|(_, guest)| guest.kind == GuestKind::PrivateEndpoint)
    }

    /// Sender's half, steps 1 to 8. The caller carries the packet to where it goes.
    pub fn send(&mut self, from: NicId, packet: &mut Packet) -> Result<Departure, Dropped> {
        if let Some(&host) = self.snapshot.outside_host(from) {
            return self.send_from_outside(from, host, packet);
        }
        let nic = self.nic(from)?;
        self.recorder.record(Step::Sent { nic: from });
        packet.leave(nic.mac_address.unwrap_or_else(|| derived_mac(from)));
        if !packet.step() {
            return self.end(from, DropReason::LoopGuard); // K-6
        }

        if !is_carried(packet.tuple(), packet.content()) {
            return self.end(from, DropReason::FabricProtocol); // 1
        }
        self.check_source(from, nic, packet)?; // 2
        if nic.addresses.contains(&packet.destination()) {
            self.recorder.record(Step::StaysInGuest { nic: from });
            return Ok(Departure::OwnGuest); // S-16
        }
        if is_platform(packet.destination()) {
            let subject = Subject::of(packet);
            platform_rules(self.snapshot, from, nic, subject, self.recorder)?; // 3
            self.recorder.record(Step::Platform { nic: from });
            return Ok(Departure::Platform);
        }

        let visit = Visit::leaving(from);
        let admitted = self.admit(visit, nic, packet)?; // 4, 5
        let conversation = match admitted {
            Admitted::AsFragment(tuple) => tuple,
            Admitted::Silently | Admitted::ByRules => packet.conversation(),
        };
        // What is known outside under another address is routed as such.
        let known = self.pairs.nat().leaving(from, packet, self.now);
        let mut rewrite = known.filter(|known| !self.snapshot.is_at_the_edge(known.by));
        let (source, source_port) = match rewrite {
            Some(rewrite) => (rewrite.address, rewrite.port),
            None => (packet.source(), conversation.source_port),
        };
        let asked = FiveTuple {
            source,
            destination: packet.destination(),
            source_port,
            ..conversation
        };
        let mut to = self.answers.next_hop(from, asked, self.recorder)?; // 6, 7
        let through_edge = to == Departure::Internet;
        if through_edge {
            (to, rewrite) = self.leave_for_internet(from, nic, packet, known)?;
        } else if let Departure::Nic(receiver) = to
            && !self.is_outside(receiver)
        {
            self.answers
                .boundary(from, receiver, source, self.recorder)?; // 8
        }
        self.remember(visit, nic, packet, admitted)?;
        if let Some(rewrite) = rewrite {
            self.rewrite(from, rewrite, packet);
        }
        if through_edge {
            packet.mark_from_edge();
        }
        Ok(to)
    }

    /// Step 9: the packet fits the link, or is cut; further fragments go to [`Pipeline::spawned`].
    pub fn carry(
        &mut self,
        from: NicId,
        to: Departure,
        packet: &mut Packet,
    ) -> Result<(), Dropped> {
        let Some(mtu) = self.mtu(from, to) else {
            return Ok(());
        };
        if packet.len() <= usize::from(mtu) {
            return Ok(());
        }
        let Ok(parts) = packet.clone().fit(mtu) else {
            self.report_mtu(from, mtu, packet);
            return self.end(from, DropReason::MtuDf);
        };
        let pieces = u16::try_from(parts.len()).unwrap_or(u16::MAX);
        self.recorder.record(Step::Fragmented { nic: from, pieces });
        let mut parts = parts.into_iter();
        if let Some(first) = parts.next() {
            *packet = first;
        }
        let position = Position::UnderWay { from, to };
        self.spawned
            .extend(parts.map(|packet| InFlight { position, packet }));
        Ok(())
    }

    /// Receiver's half, steps 10 to 12. `Ok` means that the guest behind this NIC gets the packet.
    pub fn receive(&mut self, at: NicId, packet: &mut Packet) -> Result<(), Dropped> {
        if let Some(&host) = self.snapshot.outside_host(at) {
            return self.receive_outside(at, host, packet);
        }
        let nic = self.nic(at)?;
        packet.enter(nic.mac_address.unwrap_or_else(|| derived_mac(at)));
        let from_edge = packet.take_from_edge();
        if from_edge || !nic.addresses.contains(&packet.destination()) {
            self.translate_entering(at, packet, from_edge)?;
        }
        let own = nic.addresses.contains(&packet.destination());
        self.recorder.record(Step::Received { nic: at, own });
        if !own && !nic.ip_forwarding {
            self.refuse(at, DropReason::NotOwnerNoForwarding)?; // 10
        }
        let visit = Visit::entering(at);
        let admitted = self.admit(visit, nic, packet)?; // 11, 12
        self.remember(visit, nic, packet, admitted)
    }

    /// N-1, and S-26: nobody but the platform has the platform's addresses.
    fn check_source(&mut self, from: NicId, nic: &Nic, packet: &Packet) -> Result<(), Dropped> {
        let own = nic.addresses.contains(&packet.source());
        if (!own && !nic.ip_forwarding) || is_platform(packet.source()) {
            self.refuse(from, DropReason::SpoofSource)?;
        }
        Ok(())
    }

    /// The flow table, and the rules if it knows nothing (steps 4 and 5, 11 and 12).
    fn admit(&mut self, visit: Visit, nic: &Nic, packet: &Packet) -> Result<Admitted, Dropped> {
        if let Fragment::Later { .. } = packet.fragment() {
            // S-25: it follows the first fragment; its own bytes show no ports.
            return match self.pairs.recall_fragment(visit, packet, self.now) {
                Some(tuple) => {
                    self.found(visit, FlowFound::Fragment);
                    Ok(Admitted::AsFragment(tuple))
                }
                None => self.end(visit.nic, DropReason::FragmentOutOfOrder),
            };
        }
        if !keeps_flows(self.snapshot.policy_of(nic)) {
            self.found(visit, FlowFound::NotKept);
            return Ok(Admitted::Silently);
        }
        if let Some(known) = self.pairs.recall(visit, packet, self.now) {
            if known.admitted_in >= self.flushed_in(nic, known.initiator) {
                self.found(visit, FlowFound::Known);
                return Ok(Admitted::Silently); // S-17
            }
            // S-22: filters run again, from the forward side.
            self.found(visit, FlowFound::Flushed);
            let forward_side = Visit {
                direction: known.initiator,
                ..visit
            };
            let judged = self
                .answers
                .rules(forward_side, known.subject, self.recorder);
            if let Err(denied) = judged {
                self.pairs.forget(visit, packet);
                return Err(denied);
            }
            return Ok(Admitted::ByRules);
        }
        let options = &self.snapshot.options;
        if options.icmp_related == IcmpRelated::True
            && let Some(quoted) = packet.quoted()
            && self.pairs.knows_quoted(visit, quoted, self.now)
        {
            self.found(visit, FlowFound::Related);
            return Ok(Admitted::Silently); // S-24
        }
        self.found(visit, FlowFound::New);
        if let Content::Tcp(flags) = packet.content()
            && !flags.asks_for_connection()
        {
            // S-20
            self.recorder.record(Step::TcpMidstream { visit });
            if options.tcp_strict == TcpStrict::True && !nic.tcp_state_tracking_disabled {
                self.refuse(visit.nic, DropReason::TcpNoSyn)?;
            }
        }
        let subject = Subject::of(packet);
        self.answers.rules(visit, subject, self.recorder)?;
        Ok(match packet.content() {
            // An error is judged each time: it belongs to the flow it is about, and begins none of its own.
            Content::IcmpError(_) => Admitted::Silently,
            _ => Admitted::ByRules,
        })
    }

    /// The packet has passed every check of this side: from now on its flow is known here.
    fn remember(
        &mut self,
        visit: Visit,
        nic: &Nic,
        packet: &Packet,
        admitted: Admitted,
    ) -> Result<(), Dropped> {
        if packet.fragment() == Fragment::First {
            self.pairs.remember_fragment(visit, packet, self.now);
        }
        let Admitted::ByRules = admitted else {
            return Ok(());
        };
        let terms = Terms {
            idle: SimDuration::from_nanoseconds(self.snapshot.policy_of(nic).idle_timeout_ns),
            admitted_in: self.snapshot.generation,
        };
        match self.pairs.create(visit, packet, terms, self.now) {
            Ok(()) => Ok(()),
            Err(_) => self.end(visit.nic, DropReason::FlowTableFull),
        }
    }

    /// The last generation in which rules of the NIC in this direction were applied to running flows (S-22).
    fn flushed_in(&self, nic: &Nic, direction: Direction) -> u32 {
        match self.snapshot.policy_of(nic).rules_in(direction) {
            Rules::Groups(groups) => groups
                .iter()
                .map(|group| self.snapshot.rules(group.rules).flushed_in)
                .max()
                .unwrap_or(0),
            Rules::None | Rules::BlockedPeers { .. } => 0,
        }
    }

    /// What the link carries, in bytes; `None` where the guest's own NIC has set the limit (N-10).
    fn mtu(&self, from: NicId, to: Departure) -> Option<u16> {
        match to {
            Departure::Nic(to) if self.is_outside(from) || self.is_outside(to) => Some(OUTSIDE_MTU),
            Departure::Nic(to) => {
                let network = |nic| self.snapshot.nic(nic).map(|nic: &Nic| nic.virtual_network);
                (network(from) != network(to)).then_some(NIC_MTU)
            }
            Departure::Internet | Departure::Tunnel(_) => Some(OUTSIDE_MTU),
            Departure::AzureService | Departure::Platform => Some(NIC_MTU),
            Departure::OwnGuest => None,
        }
    }

    /// K-8: the fabric is silent, unless it was told to tell senders what fits.
    fn report_mtu(&mut self, from: NicId, next_hop_mtu: u16, packet: &Packet) {
        if self.snapshot.options.fabric_icmp == FabricIcmp::Off {
            return;
        }
        let Some(gateway) = self.subnet_gateway(from) else {
            return;
        };
        let error = IcmpError::FragmentationNeeded { next_hop_mtu };
        if let Some(packet) = packet.error(error, gateway) {
            let to = Departure::Nic(from);
            let position = Position::UnderWay { from, to };
            self.spawned.push(InFlight { position, packet });
        }
    }

    /// The address that the fabric has in a NIC's subnet: the first one (N-5).
    fn subnet_gateway(&self, nic: NicId) -> Option<std::net::Ipv4Addr> {
        let nic = self.snapshot.nic(nic)?;
        let address = nic.addresses.first()?;
        let connected = &self.snapshot.guest_of(nic).connected;
        let (prefix, _) = connected
            .iter()
            .find(|(prefix, _)| prefix.contains(address))?;
        Some((u32::from(prefix.network()) + 1).into())
    }

    fn is_outside(&self, worker: NicId) -> bool {
        self.snapshot.outside_host(worker).is_some()
    }

    fn nic(&mut self, id: NicId) -> Result<&'a Nic, Dropped> {
        match self.snapshot.nic(id) {
            Some(nic) => Ok(nic),
            None => self.end(id, DropReason::NoSuchHost), // deleted while the packet was on its way
        }
    }

    #[inline]
    fn found(&mut self, visit: Visit, found: FlowFound) {
        self.recorder.record(Step::Flow { visit, found });
    }

    /// A failed check whose object is the NIC.
    fn refuse(&mut self, at: NicId, reason: DropReason) -> Result<(), Dropped> {
        self.recorder.refuse(Dropped::new(reason, Locator::Nic(at)))
    }

    /// The same, where nothing is left to go on with.
    fn end<T>(&mut self, at: NicId, reason: DropReason) -> Result<T, Dropped> {
        self.recorder.end(Dropped::new(reason, Locator::Nic(at)))
    }
}

impl Position {
    /// The NIC at which a drop counts: the sender up to the boundary, then the receiver.
    pub const fn nic(self) -> NicId {
        match self {
            Self::Leaving(nic)
            | Self::InGuest(nic)
            | Self::UnderWay {
                to: Departure::Nic(nic) | Departure::Tunnel(nic),
                ..
            }
            | Self::UnderWay { from: nic, .. } => nic,
        }
    }
}

/// DESIGN section 4: a NIC without rules remembers nothing.
pub fn keeps_flows(policy: &Policy) -> bool {
    policy.admin.is_some() || policy.outbound != Rules::None || policy.inbound != Rules::None
}

/// S-27, N-8: what no rule can admit.
pub fn is_carried(tuple: FiveTuple, content: Content) -> bool {
    const DHCP: (u16, u16) = (68, 67);
    const RESERVED_SOURCE_PORT: u16 = 65330;
    let to_a_group = tuple.destination.is_multicast() || tuple.destination.is_broadcast();
    let is_tunnel = matches!(tuple.protocol, protocol::IP_IN_IP | protocol::GRE);
    let is_reserved = content == Content::Udp
        && ((tuple.source_port, tuple.destination_port) == DHCP
            || tuple.source_port == RESERVED_SOURCE_PORT);
    !to_a_group && !is_tunnel && !is_reserved
}

/// N-11: whether the host answers at an address.
pub fn is_platform(address: std::net::Ipv4Addr) -> bool {
    matches!(address, HOST_ADDRESS | METADATA_ADDRESS)
}
