//! What stands behind the NICs: hosts that answer, appliances and gateways that forward.
//!
//! A guest is judged by what it puts on the wire (K-9). Programs that ask (`ping`) are not in here: a driver hands a packet that has
//! reached a guest to its own programs first, and what they do not take to [`Guests::answer`].

mod connections;
mod firewall;
mod host;
mod rate_limit;
mod reassembly;
mod translation;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{Guest, GuestId, GuestKind};
use model::NicId;

use self::connections::Connections;
use self::firewall::Sessions;
use self::rate_limit::TokenBucket;
use self::reassembly::Reassembly;
use self::translation::Translations;
use crate::dropped::{DropReason, Dropped, Locator};
use crate::packet::{Content, Fragment, IcmpError, NIC_MTU, Packet};
use crate::recorder::{Recorder, Step};
use crate::time::SimTime;

pub use self::host::{GATEWAY_TTL, HOST_TTL, is_heard, listens, willing_answer};

/// What guests remember. A guest that has seen nothing costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Guests {
    states: HashMap<GuestId, State>,
    /// Whether guests limit how many ICMP errors they send (K-9).
    unlimited_errors: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    errors: TokenBucket,
    reassembly: Reassembly,
    connections: Connections,
    translations: Translations,
    sessions: Sessions,
}

/// What becomes of a packet in a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is for this guest.
    Mine,
    /// It is patched and goes out through this NIC.
    Forward(NicId),
}

/// A packet that a guest makes of its own, and the NIC it leaves through.
pub type Emission = (NicId, Packet);

impl Guests {
    /// Guests that send every ICMP error that is due: the world in which one probe is judged (DESIGN 4a).
    pub fn without_rate_limits() -> Self {
        Self {
            unlimited_errors: true,
            ..Self::default()
        }
    }

    /// Step 13: the packet has passed the rules of `at`. An ICMP error that the guest sends because it drops the packet goes to `emit`.
    pub fn turn(
        &mut self,
        snapshot: &Snapshot,
        at: NicId,
        packet: &mut Packet,
        now: SimTime,
        recorder: &mut impl Recorder,
        emit: &mut Vec<Emission>,
    ) -> Result<Turn, Dropped> {
        let drop = |reason| Dropped::new(reason, Locator::Nic(at));
        let Some((guest_id, guest)) = snapshot.guest_behind(at) else {
            return recorder.end(drop(DropReason::NoSuchHost));
        };
        if !guest.running || guest.kind == GuestKind::Nobody {
            recorder.refuse(drop(DropReason::VmStopped))?;
        }

        if let GuestKind::Firewall(id) = guest.kind {
            let guest = (guest_id, guest);
            return self.firewall_turn(snapshot, guest, id, at, packet, now, recorder, emit);
        }
        let role = Role::of(guest);
        let mut original = None;
        let owned = guest
            .nics
            .iter()
            .any(|&nic| snapshot.answers_for(nic, packet.destination()));
        if owned {
            if role.translates() {
                let translations = &mut self.state(guest_id).translations;
                original = translations.original(packet, now);
            }
            if original.is_none() {
                recorder.record(Step::Delivered { nic: at });
                return Ok(Turn::Mine);
            }
        }
        let (source_nat, stateful) = match role {
            Role::Router {
                source_nat,
                stateful,
            } => (source_nat, stateful),
            Role::Host => {
                recorder.refuse(drop(DropReason::GuestNotForwarding))?;
                (false, false) // only in a counterfactual walk: as if it were a plain router
            }
        };

        self.check_way(snapshot, at, packet, now, recorder, emit)?;
        // An answer to what it has translated belongs to the connection as that entered.
        let connection = original
            .as_ref()
            .map_or(packet.tuple(), |original| original.of(packet.tuple()));
        if stateful
            && let Content::Tcp(flags) = packet.content()
            && !self
                .state(guest_id)
                .connections
                .admit(connection, flags, now)
        {
            recorder.refuse(drop(DropReason::TcpNoSyn))?;
        }

        let ttl = packet.decrement_ttl().unwrap_or_default();
        let destination = original.map(|original| original.apply(packet));
        let leaves = egress(guest, at, packet.destination());
        let mut source = None;
        if source_nat
            && destination.is_none()
            && let Some(&own) = snapshot.nic(leaves).and_then(|nic| nic.addresses.first())
        {
            let translations = &mut self.state(guest_id).translations;
            if let Err(reason) = translations.translate(packet, own, now) {
                return recorder.end(drop(reason));
            }
            source = Some(own);
        }
        recorder.record(Step::Forwarded {
            entered: at,
            leaves,
            ttl,
            source,
            destination,
        });
        Ok(Turn::Forward(leaves))
    }

    /// Whether a router can pass the packet on at all: it has time left to live, and fits.
    fn check_way(
        &mut self,
        snapshot: &Snapshot,
        at: NicId,
        packet: &Packet,
        now: SimTime,
        recorder: &mut impl Recorder,
        emit: &mut Vec<Emission>,
    ) -> Result<(), Dropped> {
        let drop = |reason| Dropped::new(reason, Locator::Nic(at));
        if packet.ttl() <= 1 {
            self.report(snapshot, at, packet, IcmpError::TimeExceeded, now, emit);
            return recorder.end(drop(DropReason::Ttl));
        }
        if packet.len() > usize::from(NIC_MTU) && packet.dont_fragment() {
            let error = IcmpError::FragmentationNeeded {
                next_hop_mtu: NIC_MTU,
            };
            self.report(snapshot, at, packet, error, now, emit);
            return recorder.end(drop(DropReason::MtuDf));
        }
        Ok(())
    }

    /// A packet that is for this guest as its programs see it: whole. `None` while fragments are still to come.
    pub fn assemble<'p>(
        &mut self,
        snapshot: &Snapshot,
        at: NicId,
        packet: &'p Packet,
        now: SimTime,
    ) -> Option<Cow<'p, Packet>> {
        if packet.fragment() == Fragment::Whole {
            return Some(Cow::Borrowed(packet));
        }
        let (guest, _) = snapshot.guest_behind(at)?;
        self.state(guest)
            .reassembly
            .add(packet, now)
            .map(Cow::Owned)
    }

    /// What a guest answers to a packet that is for it and that no program has taken, in the order of sending.
    pub fn answer(
        &mut self,
        snapshot: &Snapshot,
        at: NicId,
        packet: &Packet,
        now: SimTime,
    ) -> Vec<Emission> {
        let Some((_, guest)) = snapshot.guest_behind(at) else {
            return Vec::new();
        };
        // K-9: a fragmented question is answered when it is whole.
        let Some(packet) = self.assemble(snapshot, at, packet, now) else {
            return Vec::new();
        };
        let packet = packet.as_ref();
        if packet.is_answer() || !packet.has_valid_transport_checksum() {
            return Vec::new(); // a guest's stack discards what fails its checksum without a word
        }
        let mut emissions = Vec::new();
        match host::reaction(guest, packet) {
            host::Reaction::Nothing => {}
            host::Reaction::Answer(answer) => {
                let leaves = egress(guest, at, answer.destination());
                let parts = answer.fit(NIC_MTU).unwrap_or_default();
                emissions.extend(parts.into_iter().map(|part| (leaves, part)));
            }
            host::Reaction::PortUnreachable => {
                let error = IcmpError::PortUnreachable;
                self.report(snapshot, at, packet, error, now, &mut emissions);
            }
        }
        emissions
    }

    /// Sends an ICMP error about `packet`, from the address of the NIC it came in on (K-9), unless none may be sent or too many were.
    fn report(
        &mut self,
        snapshot: &Snapshot,
        at: NicId,
        packet: &Packet,
        error: IcmpError,
        now: SimTime,
        emit: &mut Vec<Emission>,
    ) {
        let Some((guest_id, guest)) = snapshot.guest_behind(at) else {
            return;
        };
        let own = match snapshot.nic(at) {
            Some(nic) => nic.addresses.first().copied(),
            None => snapshot.outside_host(at).map(|host| host.address),
        };
        let Some(reporter) = own else {
            return;
        };
        // What a port does not answer, the address that was asked reports (RFC 1122 §3.2.2.1).
        let reporter = match error {
            IcmpError::PortUnreachable => packet.destination(),
            IcmpError::TimeExceeded | IcmpError::FragmentationNeeded { .. } => reporter,
        };
        let Some(report) = packet.error(error, reporter) else {
            return;
        };
        if self.unlimited_errors || self.state(guest_id).errors.take(now) {
            let leaves = egress(guest, at, report.destination());
            emit.push((leaves, report));
        }
    }

    fn state(&mut self, guest: GuestId) -> &mut State {
        self.states.entry(guest).or_default()
    }
}

/// Whether packets of its own leave the guest behind a NIC: one that does not run sends nothing, as it takes nothing.
pub fn originates(snapshot: &Snapshot, nic: NicId) -> Result<(), Dropped> {
    match snapshot.guest_behind(nic) {
        Some((_, guest)) if guest.running && guest.kind != GuestKind::Nobody => Ok(()),
        Some(_) => Err(Dropped::new(DropReason::VmStopped, Locator::Nic(nic))),
        None => Err(Dropped::new(DropReason::NoSuchHost, Locator::Nic(nic))),
    }
}

/// The NIC through which a guest that forwards by address alone sends a packet on that came in at `at`: a guess what its turn will be.
pub(crate) fn sends_on(snapshot: &Snapshot, at: NicId, destination: Ipv4Addr) -> Option<NicId> {
    let (_, guest) = snapshot.guest_behind(at)?;
    let is_router = matches!(
        Role::of(guest),
        Role::Router {
            source_nat: false,
            ..
        }
    );
    let is_own = guest
        .nics
        .iter()
        .any(|&nic| snapshot.answers_for(nic, destination));
    (is_router && !is_own).then(|| egress(guest, at, destination))
}

/// What a guest does with packets that are not for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Host,
    Router { source_nat: bool, stateful: bool },
}

impl Role {
    fn translates(self) -> bool {
        matches!(
            self,
            Self::Router {
                source_nat: true,
                ..
            }
        )
    }

    fn of(guest: &Guest) -> Self {
        match guest.kind {
            GuestKind::Host(_)
            | GuestKind::PrivateEndpoint
            | GuestKind::Outside
            | GuestKind::Nobody => Self::Host,
            GuestKind::Appliance {
                source_nat,
                stateful,
                ..
            } => Self::Router {
                source_nat,
                stateful,
            },
            // A firewall has a turn of its own.
            GuestKind::Firewall(_) | GuestKind::RoutingAppliance(_) | GuestKind::Gateway(_) => {
                Self::Router {
                    source_nat: false,
                    stateful: false,
                }
            }
        }
    }
}

/// The reply that a guest on which everything listens would send to a packet that has reached it at `at`, and the NIC it leaves
/// through (DESIGN 4a: networks are judged, not applications). `None` if there is nothing to reply to.
pub fn willing_reply(snapshot: &Snapshot, at: NicId, packet: &Packet) -> Option<Emission> {
    let reply = willing_answer(packet)?;
    let (_, guest) = snapshot.guest_behind(at)?;
    Some((egress(guest, at, reply.destination()), reply))
}

/// The NIC through which a guest sends: by its connected subnets first, else the primary (N-3).
pub fn egress(guest: &Guest, at: NicId, destination: Ipv4Addr) -> NicId {
    if let [only] = guest.nics[..] {
        return only;
    }
    guest
        .connected
        .iter()
        .find(|(prefix, _)| prefix.contains(&destination)) // subnets of one network are disjoint
        .map(|&(_, nic)| nic)
        .or_else(|| guest.nics.first().copied())
        .unwrap_or(at)
}
/// Whether a guest puts other addresses into what it passes on.
pub(crate) fn translates(guest: &Guest) -> bool {
    match guest.kind {
        GuestKind::Firewall(_) => true,
        GuestKind::Appliance { source_nat, .. } => source_nat,
        GuestKind::Host(_)
        | GuestKind::RoutingAppliance(_)
        | GuestKind::Gateway(_)
        | GuestKind::PrivateEndpoint
        | GuestKind::Outside
        | GuestKind::Nobody => false,
    }
}
