//! The ways of replies: back from the columns at which a way has ended, past NICs that know the flow and others that do not.
//!
//! A NIC that the probe has left through knows the reply when it comes in, and one that it has come in through knows it when it leaves
//! (S-17). Any other NIC judges it as a flow of its own (S-20): such rules are named here and asked row by row.

mod crossing;
mod found;
mod judging;
mod open;

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{FibEntry, GuestId, GuestKind, Owner};
use dataplane::guest::egress;
use model::{NicId, VnetId};

pub(super) use self::crossing::Crossings;
use self::found::Found;
pub(super) use self::found::{Back, Replies, Reply};
use self::open::{Next, Open};
use super::columns::{Columns, translates};
use super::gates::{self, Gate};
use super::luck::{Balanced, Luck};
use super::routes::{Lead, behind_the_edge, lead_of};
use super::rules::Shown;
use super::spans::{Span, Spans};
use super::ways::{Asker, Check, Origin, Way};

/// NICs on one way back, at most: more are left to the packets.
const HOPS: usize = 12;

/// A part of a way on which the same address stands for who has asked.
struct Leg {
    /// Who has that address.
    target: NicId,
    guest: GuestId,
    asker: Asker,
    /// NICs that the probe has left through, come in through, and guests that it has passed.
    left: Vec<NicId>,
    entered: Vec<NicId>,
    passed: Vec<GuestId>,
}

pub(super) struct ReplyFinder<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) columns: &'a Columns,
    pub(super) origin: Origin,
    /// What the replies show.
    pub(super) shown: Shown,
    pub(super) is_tcp: bool,
    /// Others have addresses of who asks, too.
    pub(super) is_shared: &'a dyn Fn(u32) -> bool,
    pub(super) crossings: &'a mut Crossings,
}

/// A reply that is about to leave a NIC.
#[derive(Clone)]
struct Leaving {
    nic: NicId,
    columns: Spans,
    checks: Vec<Check>,
    /// In which leg.
    leg: usize,
    /// The NIC knows the flow.
    known: bool,
    /// The source is the NIC's own address.
    own: bool,
    /// Others' replies may come to the NIC, too.
    meets: bool,
    visited: Vec<NicId>,
    luck: Luck,
}

impl Leaving {
    /// Whether it fares as another that comes to the same NIC.
    fn goes_on_like(&self, other: &Self) -> bool {
        self.leg == other.leg
            && self.checks == other.checks
            && self.visited == other.visited
            && self.luck == other.luck
    }
}

impl ReplyFinder<'_> {
    /// The replies to the probes of a way that arrives.
    pub(super) fn replies(&mut self, way: &Way) -> Replies {
        let legs = self.legs(way);
        let mut replies = Found::new(way.luck.share());
        let last = legs.len() - 1;
        let target = self.address(&legs[last]);
        let mut rest = way.columns.as_slice();
        let mut sendings: Vec<(u32, Span)> = Vec::new();
        let spans = &self.columns.sending_spans;
        let first = rest.first().map_or(0, |&(start, _)| start);
        let from = spans.partition_point(|&(_, end, _)| end <= first);
        for &(start, end, sending) in &spans[from..] {
            let passed = rest.iter().take_while(|&&(_, rest_end)| rest_end <= start);
            rest = &rest[passed.count()..];
            if rest.is_empty() {
                break;
            }
            for &(rest_start, rest_end) in rest {
                if rest_start >= end {
                    break;
                }
                sendings.push((sending, (rest_start.max(start), rest_end.min(end))));
            }
        }
        sendings.sort_unstable();
        let mut open = Open::default();
        for alike in sendings.chunk_by(|one, other| one.0 == other.0) {
            let columns = Spans::of(alike.iter().map(|&(_, span)| span).collect());
            let number = alike[0].0;
            let sending = &self.columns.sendings[number as usize];
            let guest = &self.snapshot.guests[sending.guest.0 as usize];
            let nic = if sending.alone {
                egress(guest, sending.nic, target)
            } else {
                sending.nic
            };
            open.leave(Leaving {
                nic,
                columns,
                checks: Vec::new(),
                leg: last,
                known: nic == sending.nic,
                own: nic == sending.nic,
                meets: sending.alone,
                visited: Vec::new(),
                luck: way.luck.clone(),
            });
        }
        while let Some(next) = open.next() {
            match next {
                Next::Leaves(leaving) => self.leave(&legs, leaving, &mut open, &mut replies),
                Next::Enters(at, reply) => self.enter(&legs, reply, at, &mut open, &mut replies),
            }
        }
        replies.finish()
    }

    fn legs(&self, way: &Way) -> Vec<Leg> {
        let mut legs = vec![Leg {
            target: self.origin.nic,
            guest: self.origin.guest,
            asker: Asker::Own,
            left: vec![self.origin.nic],
            entered: Vec::new(),
            passed: Vec::new(),
        }];
        for hop in &way.hops {
            let leg = legs.last_mut().expect("there is a first leg");
            leg.entered.push(hop.entered);
            leg.passed.push(hop.guest);
            if hop.translates {
                legs.push(Leg {
                    target: hop.leaves,
                    guest: hop.guest,
                    asker: hop.asker,
                    left: vec![hop.leaves],
                    entered: Vec::new(),
                    passed: Vec::new(),
                });
            } else {
                leg.left.push(hop.leaves);
            }
        }
        legs
    }

    fn address(&self, leg: &Leg) -> Ipv4Addr {
        match leg.asker {
            Asker::Own => self.origin.address,
            Asker::Other(address) => address.into(),
        }
    }

    fn leave(&mut self, legs: &[Leg], mut leaving: Leaving, open: &mut Open, replies: &mut Found) {
        let leg = &legs[leaving.leg];
        let target = self.address(leg);
        let Some(nic) = self.snapshot.nic(leaving.nic) else {
            self.leave_station(legs, leaving, open, replies);
            return;
        };
        if leaving.visited.contains(&leaving.nic) {
            return; // again the same, until its time is over
        }
        if leaving.visited.len() >= HOPS {
            replies.give_up(&leaving.columns);
            return;
        }
        if leaving.meets {
            leaving.visited.push(leaving.nic);
        }
        if !leaving.own && !nic.ip_forwarding {
            return; // N-1
        }
        if leaving.own && (self.is_shared)(target.into()) {
            // S-16: others with the address answer themselves.
            let met = Spans::of(self.columns_with(target)).and(leaving.columns.as_slice());
            replies.give_up(&met);
            leaving.columns = leaving.columns.without(met.as_slice());
            if leaving.columns.is_empty() {
                return;
            }
        }
        if !leaving.own && nic.addresses.contains(&target) {
            // S-16
            if leaving.nic == leg.target && leaving.leg == 0 {
                replies.add(&leaving, Back::Home);
            } else {
                replies.give_up(&leaving.columns);
            }
            return;
        }
        if !leaving.known && !self.judge(&mut leaving.checks, nic, leg, false) {
            return;
        }
        if let Some(gateway) = gates::gateway_behind(self.snapshot, nic)
            && !gateway.1.inside.contains(target)
        {
            let columns = self.columns;
            for (gate, columns) in columns.by_cells(&leaving.columns, |source| {
                let ends = (source, target);
                gates::gate(self.snapshot, leaving.nic, gateway, ends, self.shown)
            }) {
                let lead = match gate {
                    Gate::ByRoutes => Lead::Odd,
                    Gate::Through(lead) => lead,
                };
                let leaving = Leaving {
                    columns,
                    ..leaving.clone()
                };
                self.follow(legs, leaving, lead, open, replies);
            }
            return;
        }
        let entry = self.snapshot.fib_of(nic).table.lookup(target);
        let lead = match lead_of(self.snapshot, entry.map(|entry| entry.next_hop)) {
            Some(lead) => lead,
            None if entry
                .is_some_and(|entry| entry.next_hop == control::snapshot::NextHop::Internet) =>
            {
                behind_the_edge(self.snapshot, target.into())
            }
            None => Lead::Owners(nic.virtual_network),
        };
        let shared = &self.snapshot.fib_of(nic).shared;
        self.choose(legs, leaving, lead, shared, open, replies);
    }

    /// A host outside Azure sends what it answers itself.
    fn leave_station(
        &mut self,
        legs: &[Leg],
        leaving: Leaving,
        open: &mut Open,
        replies: &mut Found,
    ) {
        let Some(host) = self.snapshot.outside_host(leaving.nic) else {
            return;
        };
        let target = self.address(&legs[leaving.leg]);
        if !leaving.own || (self.is_shared)(target.into()) {
            replies.give_up(&leaving.columns);
            return;
        }
        let ends = (host.address, target);
        let lead = gates::entry(self.snapshot, leaving.nic, host, ends, self.shown);
        let leaving = Leaving {
            own: false,
            ..leaving
        };
        self.choose(legs, leaving, lead, &[], open, replies);
    }

    /// Follows a lead on every hash.
    fn choose(
        &mut self,
        legs: &[Leg],
        leaving: Leaving,
        lead: Lead,
        shared: &[Vec<FibEntry>],
        open: &mut Open,
        replies: &mut Found,
    ) {
        if lead.is_settled() {
            self.follow(legs, leaving, lead, open, replies);
            return;
        }
        let balanced = Balanced {
            shown: self.shown,
            leg: leaving.leg,
            is_reply: true,
        };
        let chosen = balanced.chosen(self.snapshot, shared, lead, &leaving.luck);
        if chosen.len() > 1 {
            replies.fork(&leaving.columns);
        }
        for (lead, luck) in chosen {
            let leaving = Leaving {
                luck,
                ..leaving.clone()
            };
            self.follow(legs, leaving, lead, open, replies);
        }
    }

    /// Where no hash chooses any more.
    fn follow(
        &mut self,
        legs: &[Leg],
        mut leaving: Leaving,
        lead: Lead,
        open: &mut Open,
        replies: &mut Found,
    ) {
        let next = match lead {
            Lead::Nowhere => return,
            Lead::Unknown => {
                replies.add(&leaving, Back::Unknown);
                return;
            }
            Lead::Odd
            | Lead::Frontend(_)
            | Lead::Shared(_)
            | Lead::Gateway(_)
            | Lead::Tunnelled(_) => {
                replies.give_up(&leaving.columns);
                return;
            }
            Lead::Station(station) => {
                if station == legs[leaving.leg].target {
                    self.come_home(legs, leaving, open, replies);
                }
                return;
            }
            Lead::Instance(next) => {
                open.enter(next, leaving);
                return;
            }
            Lead::Nic(next) => next,
            Lead::Owners(vnet) => match self.owner(vnet, &legs[leaving.leg]) {
                Ok(next) => next,
                Err(Lead::Odd) => {
                    replies.give_up(&leaving.columns);
                    return;
                }
                Err(Lead::Unknown) => {
                    replies.add(&leaving, Back::Unknown);
                    return;
                }
                Err(_) => return,
            },
        };
        leaving.columns = self.crossing(&leaving, next);
        if !leaving.columns.is_empty() {
            open.enter(next, leaving);
        }
    }

    /// Who has the target's address in a network.
    fn owner(&self, vnet: VnetId, leg: &Leg) -> Result<NicId, Lead> {
        let target = self.address(leg);
        let home = self.snapshot.nic(leg.target).map(|nic| nic.virtual_network);
        if home == Some(vnet) {
            return Ok(leg.target);
        }
        if !(self.is_shared)(target.into()) {
            return Err(Lead::Nowhere);
        }
        let network = self.snapshot.virtual_network(vnet);
        match network.and_then(|network| network.owners.get(&target)) {
            None => Err(Lead::Nowhere),
            Some(Owner::Unsimulated) => Err(Lead::Unknown),
            Some(Owner::Nic(_) | Owner::Frontend(_)) => Err(Lead::Odd),
        }
    }

    /// A NIC receives replies.
    fn enter(
        &mut self,
        legs: &[Leg],
        mut leaving: Leaving,
        at: NicId,
        open: &mut Open,
        replies: &mut Found,
    ) {
        let leg = &legs[leaving.leg];
        let target = self.address(leg);
        let Some(nic) = self.snapshot.nic(at) else {
            return;
        };
        if at == leg.target {
            self.come_home(legs, leaving, open, replies);
            return;
        }
        let guest = self.snapshot.guest_of(nic);
        let is_own = guest
            .nics
            .iter()
            .any(|&nic| self.snapshot.answers_for(nic, target));
        let met = Spans::of(self.columns_met(nic.guest)).and(leaving.columns.as_slice());
        if is_own || nic.guest == self.origin.guest || matches!(guest.kind, GuestKind::Gateway(_)) {
            replies.give_up(&leaving.columns);
            return;
        }
        if !met.is_empty() {
            // A guest that gets its own reply to pass on.
            replies.give_up(&met);
            leaving.columns = leaving.columns.without(met.as_slice());
        }
        if leaving.columns.is_empty() || !nic.ip_forwarding {
            return;
        }
        if !leg.left.contains(&at) && !self.judge(&mut leaving.checks, nic, leg, true) {
            return;
        }
        let stateful = match guest.kind {
            _ if !guest.running => return,
            GuestKind::Appliance { stateful, .. } => stateful,
            GuestKind::RoutingAppliance(_) | GuestKind::Gateway(_) => false,
            GuestKind::Firewall(id) => {
                if !leg.passed.contains(&nic.guest)
                    && !self.pass_firewall(id, &mut leaving, leg, replies)
                {
                    return;
                }
                false
            }
            _ => return,
        };
        if translates(guest) {
            // It puts its own address in place of that of who answers.
            replies.give_up(&leaving.columns);
            return;
        }
        if stateful && self.is_tcp && !leg.passed.contains(&nic.guest) {
            return;
        }
        let leaves = egress(guest, at, target);
        open.leave(Leaving {
            nic: leaves,
            known: leg.entered.contains(&leaves),
            own: false,
            meets: true,
            ..leaving
        });
    }

    /// Replies have come to who has put its address into the probe.
    fn come_home(&self, legs: &[Leg], leaving: Leaving, open: &mut Open, replies: &mut Found) {
        let leg = &legs[leaving.leg];
        let Some(before) = leaving.leg.checked_sub(1) else {
            replies.add(&leaving, Back::Home);
            return;
        };
        let guest = &self.snapshot.guests[leg.guest.0 as usize];
        let target = self.address(&legs[before]);
        let leaves = egress(guest, leg.target, target);
        open.leave(Leaving {
            nic: leaves,
            leg: before,
            known: legs[before].entered.contains(&leaves),
            own: false,
            meets: true,
            visited: Vec::new(),
            ..leaving
        });
    }

    /// The columns of NICs that have an address, by whichever of theirs.
    fn columns_with(&self, address: Ipv4Addr) -> Vec<(u32, u32)> {
        let networks = self.snapshot.virtual_networks.iter().flatten();
        let owners = networks.filter_map(|network| network.owners.get(&address));
        owners
            .filter_map(|owner| match owner {
                Owner::Nic(nic) => Some(self.snapshot.nic(*nic)?.guest),
                Owner::Frontend(_) | Owner::Unsimulated => None,
            })
            .flat_map(|guest| self.columns_met(guest))
            .collect()
    }

    /// The columns that are NICs of a guest.
    fn columns_met(&self, guest: GuestId) -> Vec<(u32, u32)> {
        let nics = self.snapshot.guests[guest.0 as usize].nics.iter();
        let records = nics.filter_map(|&nic| self.snapshot.nic(nic));
        records
            .flat_map(|nic| nic.addresses.iter())
            .map(|&address| self.columns.with_address(address.into()))
            .collect()
    }
}
