//! One story, read step by step: for whom it is told is narrowed by every answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::Ipv4Addr;

use control::snapshot::{GuestId, GuestKind, NextHop, Owner, PolicyId, TagViewId};
use dataplane::dropped::{DropReason, Dropped, Locator};
use dataplane::guest::egress;
use dataplane::recorder::{FlowFound, Step, Visit};
use foldhash::fast::FixedState;
use model::options::TcpStrict;
use model::{Direction, NicId, VnetId};

use super::ground::Ground;
use crate::classes::columns::{Arrival, Column};
use crate::classes::rules::{Asked, Fixed, RuleBook, Valid, common, span_of};
use crate::classes::space::{Space, ones};
use crate::classes::spans::Spans;
use crate::ends::End;
use crate::probe::Way;

/// What is kept of the answers of rules, by who was asked.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    answers: HashMap<AnswerKey, Answer, FixedState>,
}

/// The rules, whose packets they see, and whether columns behind these rules alone are meant.
type AnswerKey = (PolicyId, TagViewId, Direction, bool, bool);

/// Columns by what denies them; those that nothing denies at the end.
#[derive(Debug)]
struct Answer {
    valid: Valid,
    fates: Vec<(Option<Dropped>, Spans)>,
}

/// Whose address stands at an end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Source,
    Column,
    Other(Ipv4Addr),
}

/// A story that is being read: for whom it is told so far.
pub(super) struct Reading<'a, 's> {
    pub(super) ground: &'a Ground<'s>,
    pub(super) memory: &'a mut Memory,
    pub(super) from: &'a End,
    pub(super) guest: GuestId,
    pub(super) number: u32,
    pub(super) column: &'a Column,
    pub(super) is_reply: bool,
    /// The probe has passed the rules of the NIC that it is for.
    pub(super) has_come_in: bool,
    /// Whose addresses the packet bears: source and destination.
    pub(super) ends: (Party, Party),
    pub(super) columns: Spans,
    pub(super) valid: Valid,
}

impl Reading<'_, '_> {
    fn narrow(&mut self, columns: &Spans) {
        self.columns = self.columns.and(columns.as_slice());
    }

    fn party(&self, address: Ipv4Addr) -> Party {
        if address == self.from.address {
            Party::Source
        } else if u32::from(address) == self.ground.columns.addresses[self.number as usize] {
            Party::Column
        } else {
            Party::Other(address)
        }
    }

    fn address(&self, party: Party) -> Ipv4Addr {
        match party {
            Party::Source => self.from.address,
            Party::Column => self.ground.columns.addresses[self.number as usize].into(),
            Party::Other(address) => address,
        }
    }

    /// The columns of a guest's NICs are not what the story is told for.
    pub(super) fn leave_out(&mut self, guest: GuestId) {
        let snapshot = self.ground.snapshot;
        let nics = snapshot.guests[guest.0 as usize].nics.iter();
        let records = nics.filter_map(|&nic| snapshot.nic(nic));
        let addresses = records.flat_map(|nic| nic.addresses.iter());
        let spans = addresses.map(|&own| self.ground.columns.with_address(own.into()));
        let spans = spans.filter(|span| span.0 < span.1).collect();
        self.columns = self.columns.without(Spans::of(spans).as_slice());
    }

    /// The reply is sent by the columns.
    pub(super) fn turn_round(&mut self) -> Option<()> {
        let (source, destination) = self.ends;
        if destination != Party::Column {
            return None;
        }
        self.is_reply = true;
        self.ends = (destination, source);
        let columns = &self.ground.columns;
        let spans = &columns.sending_spans;
        let at = spans.partition_point(|&(_, end, _)| end <= self.number);
        let &(start, _, sending) = spans.get(at)?;
        if self.number < start {
            return None;
        }
        self.narrow(&columns.sendings[sending as usize].columns);
        Some(())
    }

    pub(super) fn way(&mut self, steps: &[Step], way: &Way) -> Option<()> {
        for (position, step) in steps.iter().enumerate() {
            let next = steps.get(position + 1);
            match *step {
                Step::Sent { nic } => self.is_known(nic)?,
                Step::Flow { visit, found } => self.admit(visit, found, next, way)?,
                Step::Received { nic, own } => self.receive(nic, own)?,
                Step::Delivered { nic } => self.deliver(nic)?,
                Step::Forwarded {
                    entered,
                    source,
                    destination,
                    ..
                } => self.forward(entered, source, destination)?,
                Step::Judged { .. }
                | Step::JudgedByAdminRule { .. }
                | Step::JudgedByDefaultRules { .. }
                | Step::TcpMidstream { .. }
                | Step::Routed { .. }
                | Step::Crossed { .. }
                | Step::Refused { .. } => {}
                Step::StaysInGuest { .. }
                | Step::Platform { .. }
                | Step::Balanced { .. }
                | Step::Translated { .. }
                | Step::Tunnelled { .. }
                | Step::FirewallFlow { .. }
                | Step::FirewallJudged { .. }
                | Step::Fragmented { .. } => return None,
            }
        }
        if !self.is_reply && self.has_come_in {
            // What becomes of it there (R-26a, R-10).
            let columns = &self.ground.columns;
            match self.column.arrival {
                Arrival::Taken => {
                    self.narrow(&columns.taken);
                    // What only some guests listen to is told of each alone.
                    self.narrow(&self.ground.hearing);
                }
                Arrival::Service => self.narrow(&columns.services),
                Arrival::Lost => {
                    let others = columns.taken.or(columns.services.as_slice());
                    self.columns = self.columns.without(others.as_slice());
                }
                Arrival::Odd => return None,
            }
        }
        Some(())
    }

    /// Whether a NIC is one whose guest follows the rules written here.
    fn is_known(&self, nic: NicId) -> Option<()> {
        let snapshot = self.ground.snapshot;
        let guest = snapshot.guest_of(snapshot.nic(nic)?);
        match guest.kind {
            GuestKind::Host(_)
            | GuestKind::Appliance { .. }
            | GuestKind::RoutingAppliance(_)
            | GuestKind::PrivateEndpoint
            | GuestKind::Nobody => Some(()),
            GuestKind::Firewall(_) | GuestKind::Gateway(_) | GuestKind::Outside => None,
        }
    }

    fn receive(&mut self, at: NicId, own: bool) -> Option<()> {
        self.is_known(at)?;
        let is_for = if self.is_reply {
            self.from.worker
        } else {
            self.column.worker
        };
        if at == is_for {
            return own.then_some(());
        }
        let guest = self.ground.snapshot.nic(at)?.guest;
        if Some(guest) == self.column.guest || guest == self.guest {
            return None; // its memory plays a part
        }
        self.leave_out(guest);
        Some(())
    }

    fn deliver(&mut self, at: NicId) -> Option<()> {
        (self.is_reply || at == self.column.worker).then_some(())
    }

    fn forward(
        &mut self,
        entered: NicId,
        source: Option<Ipv4Addr>,
        destination: Option<Ipv4Addr>,
    ) -> Option<()> {
        if let Some(destination) = destination {
            self.ends.1 = self.party(destination);
        }
        let snapshot = self.ground.snapshot;
        let guest = snapshot.guest_of(snapshot.nic(entered)?);
        if guest.nics.len() > 1 && self.ends.1 == Party::Column {
            // N-3: through which NIC it goes on.
            let leaves = |address| egress(guest, entered, address);
            let own = leaves(self.address(Party::Column));
            let (mut there, mut connected) = (Spans::default(), Spans::default());
            for &(prefix, nic) in &guest.connected {
                let range = (prefix.network().into(), prefix.broadcast().into());
                let span = span_of(range, &self.ground.columns.addresses);
                connected = connected.or(&[span]);
                if nic == own {
                    there = there.or(&[span]);
                }
            }
            if guest.nics.first() == Some(&own) {
                self.columns = self
                    .columns
                    .without(connected.without(there.as_slice()).as_slice());
            } else {
                self.narrow(&there);
            }
        }
        if let Some(source) = source {
            self.ends.0 = self.party(source);
        }
        Some(())
    }

    /// The flow table and the rules, and for what leaves the route.
    fn admit(
        &mut self,
        visit: Visit,
        found: FlowFound,
        next: Option<&Step>,
        way: &Way,
    ) -> Option<()> {
        let snapshot = self.ground.snapshot;
        let nic = snapshot.nic(visit.nic)?;
        if visit.nic == self.column.worker {
            let gate = self.ground.gates.get(&(nic.policy, nic.tags))?;
            self.narrow(&gate.columns);
        }
        let passes = match found {
            FlowFound::NotKept | FlowFound::Known => true,
            FlowFound::New => {
                let is_midstream = matches!(next, Some(Step::TcpMidstream { .. }));
                let strict = snapshot.options.tcp_strict == TcpStrict::True;
                if is_midstream && strict {
                    if visit.nic == self.column.worker {
                        return None;
                    }
                    nic.tcp_state_tracking_disabled && self.rules(visit)?
                } else {
                    self.rules(visit)?
                }
            }
            FlowFound::Flushed | FlowFound::Related | FlowFound::Fragment => return None,
        };
        if passes && visit.direction == Direction::Outbound {
            self.route(visit.nic, way)?;
        }
        self.has_come_in |= passes && visit == Visit::entering(self.column.worker);
        Some(())
    }

    /// Whether the rules of a NIC let the packet pass.
    fn rules(&mut self, visit: Visit) -> Option<bool> {
        let ground = self.ground;
        let nic = ground.snapshot.nic(visit.nic)?;
        let policy = ground.snapshot.policy_of(nic);
        if !RuleBook::asks(policy, visit.direction) {
            return Some(true);
        }
        let (fixed, party) = match self.ends {
            (fixed, Party::Column) if !self.is_reply => (Fixed::Source, fixed),
            (Party::Column, fixed) if self.is_reply => (Fixed::Destination, fixed),
            _ => return None,
        };
        let address = u32::from(self.address(party));
        let gate =
            (visit.nic == self.column.worker).then(|| &ground.gates[&(nic.policy, nic.tags)]);
        let key = (
            nic.policy,
            nic.tags,
            visit.direction,
            self.is_reply,
            gate.is_some(),
        );
        let ask = || {
            let asked = Asked {
                policy,
                direction: visit.direction,
                tags: nic.tags,
                fixed,
            };
            let whole;
            let (space, columns) = if let Some(gate) = gate {
                (&gate.space, &gate.columns)
            } else {
                whole = Space::new(&ground.ordinary);
                (&whole, &ground.ordinary)
            };
            let (valid, denials) = ground.rules.denials(asked, address, space);
            let mut fates = Vec::with_capacity(denials.len() + 1);
            let mut passing = columns.clone();
            for (dropped, bits) in denials {
                let mut denied = Spans::default();
                for number in ones(&bits) {
                    let column = space.column(number);
                    denied.push((column, column + 1));
                }
                passing = passing.without(denied.as_slice());
                fates.push((Some(dropped), denied));
            }
            fates.push((None, passing));
            Answer { valid, fates }
        };
        let answer = match self.memory.answers.entry(key) {
            Entry::Occupied(known) => {
                let known = known.into_mut();
                if address < known.valid.0 || address > known.valid.1 {
                    *known = ask();
                }
                known
            }
            Entry::Vacant(place) => place.insert(ask()),
        };
        let mut fates = answer.fates.iter();
        let (fate, columns) = fates.find(|(_, columns)| columns.contains(self.number))?;
        if party == Party::Source {
            self.valid = common(self.valid, answer.valid);
        }
        self.columns = self.columns.and(columns.as_slice());
        Some(fate.is_none())
    }

    /// Where a NIC sends the packet, and whether that lets it in.
    fn route(&mut self, at: NicId, way: &Way) -> Option<()> {
        let ground = self.ground;
        let snapshot = ground.snapshot;
        let nic = snapshot.nic(at)?;
        let destination = self.address(self.ends.1);
        let entry = snapshot.fib_of(nic).table.lookup(destination).copied();
        if self.ends.1 == Party::Column {
            self.narrow(ground.led_by(nic.fib, entry)?);
        }
        let receiver = match entry.map(|entry| entry.next_hop) {
            Some(NextHop::Local) => self.owner(nic.virtual_network)?,
            Some(NextHop::Group(other)) => self.owner(other)?,
            Some(NextHop::Peer(link)) => match snapshot.link(link).and_then(|link| link.remote) {
                Some(remote) => self.owner(remote)?,
                None => None,
            },
            Some(NextHop::Nic(next)) => {
                if next == self.column.worker {
                    return None; // others get there for other reasons
                }
                Some(next)
            }
            Some(NextHop::Internet) => {
                self.internet(at, way)?;
                None
            }
            Some(
                NextHop::Discard
                | NextHop::NobodyThere
                | NextHop::Unreachable
                | NextHop::NoGateway
                | NextHop::TransitOff(_)
                | NextHop::Outside(_)
                | NextHop::Unsimulated,
            )
            | None => None,
            Some(
                NextHop::Frontend(_)
                | NextHop::Shared(_)
                | NextHop::Gateway(_)
                | NextHop::AzureService,
            ) => return None,
        };
        if let Some(receiver) = receiver {
            self.cross(at, receiver)?;
        }
        Some(())
    }

    /// Who owns the destination in a network. Ordinary addresses belong to one network alone.
    #[expect(clippy::option_option, reason = "nobody is an answer, too")]
    fn owner(&mut self, vnet: VnetId) -> Option<Option<NicId>> {
        let network = self.ground.snapshot.virtual_network(vnet)?;
        let owner = match network.owners.get(&self.address(self.ends.1)) {
            Some(&Owner::Nic(owner)) => Some(owner),
            Some(Owner::Frontend(_) | Owner::Unsimulated) => return None,
            None => None,
        };
        if self.ends.1 == Party::Column {
            let there = self.ground.columns.of_vnet.get(&vnet);
            match (owner, there) {
                (Some(owner), Some(there)) if owner == self.column.worker => self.narrow(there),
                (None, Some(there)) => {
                    self.columns = self.columns.without(there.as_slice());
                }
                (None, None) => {}
                (Some(_), _) => return None,
            }
        }
        Some(owner)
    }

    /// The edge: only what ends there is told of.
    fn internet(&mut self, at: NicId, way: &Way) -> Option<()> {
        let dropped = way.dropped()?;
        let own = self.from.address.into();
        if at == self.column.worker {
            return None;
        }
        if at == self.from.worker {
            // N-12: every NIC has a way out of its own.
            self.valid = common(self.valid, (own, own));
        }
        match (dropped.reason(), dropped.at()) {
            (DropReason::NoOutboundMethod, Locator::Nic(nic)) if nic == at => Some(()),
            (DropReason::NoSuchHost, Locator::Address(address))
                if self.ends.1 == Party::Column && address == self.address(Party::Column) =>
            {
                self.narrow(self.ground.inland());
                Some(())
            }
            _ => None,
        }
    }

    /// The boundary asks about the source (F-6, F-7).
    fn cross(&mut self, from: NicId, to: NicId) -> Option<()> {
        let snapshot = self.ground.snapshot;
        let sender = snapshot.nic(from)?.virtual_network;
        let receiver = snapshot.nic(to)?.virtual_network;
        if sender == receiver || self.ends.0 != Party::Column {
            return Some(());
        }
        let link = snapshot
            .link_between(receiver, sender)
            .and_then(|link| snapshot.link(link));
        let Some(link) = link else {
            return Some(());
        };
        let (known, remote) = (
            self.ground.within(&link.known_sources),
            self.ground.within(&link.remote_space),
        );
        if known.contains(self.number) {
            self.narrow(&known);
        } else if remote.contains(self.number) {
            self.columns = self
                .columns
                .and(remote.as_slice())
                .without(known.as_slice());
        } else {
            let either = known.or(remote.as_slice());
            self.columns = self.columns.without(either.as_slice());
        }
        Some(())
    }
}
