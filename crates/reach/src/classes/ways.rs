//! The ways of probes from sources that routing does not tell apart: past which NICs, to which columns.
//!
//! A way holds for all columns of a set at once: what splits the set (routes, boundaries, the NICs of a guest) splits the way. Rules are
//! only named here; they are asked row by row. What the packets alone can tell is left to them.

mod way;

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{Guest, GuestId, GuestKind, Nic};
use dataplane::answers::Answers;
use dataplane::guest::egress;
use model::{Direction, NicId};

pub(super) use self::way::{Asker, Check, End, Hop, Judge, Way, Ways};
use super::columns::Columns;
use super::gates::{self, Gate};
use super::luck::{Balanced, Luck};
use super::routes::{Lead, Routes};
use super::rules::{RuleBook, Shown};
use super::spans::Spans;

/// Appliances on one way, at most: more are left to the packets.
const HOPS: usize = 12;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) nic: NicId,
    pub(super) guest: GuestId,
    /// Of one of them: no table tells the others apart.
    pub(super) address: Ipv4Addr,
}

/// A packet that is about to leave a NIC, for each of the columns.
#[derive(Clone)]
struct Leaving {
    nic: NicId,
    columns: Spans,
    checks: Vec<Check>,
    hops: Vec<Hop>,
    asker: Asker,
    luck: Luck,
}

pub(super) struct Finder<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// What the probes show.
    pub(super) shown: Shown,
    pub(super) columns: &'a Columns,
    pub(super) routes: &'a Routes<'a>,
}

impl Finder<'_> {
    /// The ways of probes that leave a source.
    pub(super) fn ways(&self, origin: Origin) -> Ways {
        let everything = Spans::of(vec![(0, number(self.columns.list.len()))]);
        let mut ways = Ways {
            list: Vec::new(),
            forked: Spans::default(),
            odd: self.columns.odd.clone(),
        };
        let mut open = vec![Leaving {
            nic: origin.nic,
            columns: everything.without(self.columns.odd.as_slice()),
            checks: Vec::new(),
            hops: Vec::new(),
            asker: Asker::Own,
            luck: Luck::any(),
        }];
        while let Some(leaving) = open.pop() {
            self.leave(origin, &leaving, &mut open, &mut ways);
        }
        ways
    }

    fn leave(&self, origin: Origin, leaving: &Leaving, open: &mut Vec<Leaving>, ways: &mut Ways) {
        let nic = self.snapshot.nic(leaving.nic);
        let shared = nic.map_or(&[][..], |nic| &self.snapshot.fib_of(nic).shared);
        for (lead, columns) in self.leads(leaving, leaving.source(origin)) {
            if columns.is_empty() {
                continue;
            }
            let balanced = leaving.balanced(self.shown);
            let chosen = balanced.chosen(self.snapshot, shared, lead, &leaving.luck);
            if let [(lead, luck)] = &chosen[..]
                && *luck == leaving.luck
            {
                self.follow(origin, leaving, *lead, &columns, open, ways);
                continue;
            }
            ways.forked = ways.forked.or(columns.as_slice());
            for (lead, luck) in chosen {
                let leaving = Leaving {
                    luck,
                    ..leaving.clone()
                };
                self.follow(origin, &leaving, lead, &columns, open, ways);
            }
        }
    }

    /// Where packets go that leave a NIC or a host outside Azure.
    fn leads(&self, leaving: &Leaving, source: Ipv4Addr) -> Vec<(Lead, Spans)> {
        let Some(nic) = self.snapshot.nic(leaving.nic) else {
            let Some(host) = self.snapshot.outside_host(leaving.nic) else {
                return Vec::new();
            };
            return self.columns.by_cells(&leaving.columns, |destination| {
                let ends = (source, destination);
                gates::entry(self.snapshot, leaving.nic, host, ends, self.shown)
            });
        };
        let mut leads = Vec::new();
        let mut by_routes = &leaving.columns;
        let routed;
        if let Some(gateway) = gates::gateway_behind(self.snapshot, nic) {
            let gates = self.columns.by_cells(&leaving.columns, |destination| {
                let ends = (source, destination);
                gates::gate(self.snapshot, leaving.nic, gateway, ends, self.shown)
            });
            let mut others = Spans::default();
            for (gate, columns) in gates {
                match gate {
                    Gate::ByRoutes => others = columns,
                    Gate::Through(lead) => leads.push((lead, columns)),
                }
            }
            routed = others;
            by_routes = &routed;
        }
        let by_table = self.routes.leads(nic.fib, nic.virtual_network).0.iter();
        leads.extend(by_table.map(|(lead, columns)| (*lead, by_routes.and(columns.as_slice()))));
        leads
    }

    /// Where no hash chooses any more.
    fn follow(
        &self,
        origin: Origin,
        leaving: &Leaving,
        lead: Lead,
        columns: &Spans,
        open: &mut Vec<Leaving>,
        ways: &mut Ways,
    ) {
        let source = leaving.source(origin);
        match lead {
            Lead::Nowhere => {}
            Lead::Odd
            | Lead::Frontend(_)
            | Lead::Shared(_)
            | Lead::Gateway(_)
            | Lead::Tunnelled(_) => ways.give_up(columns),
            Lead::Unknown => ways.add(leaving.way(columns.clone(), End::Unknown)),
            Lead::Owners(_) => {
                let first = columns.as_slice()[0].0;
                let receiver = self.columns.list[first as usize].worker;
                if self.crosses(leaving.nic, receiver, source) {
                    self.arrive(origin, leaving, columns, ways);
                }
            }
            Lead::Nic(next) => {
                if self.crosses(leaving.nic, next, source) {
                    self.enter(origin, leaving, next, columns.clone(), open, ways);
                }
            }
            Lead::Instance(next) => {
                self.enter(origin, leaving, next, columns.clone(), open, ways);
            }
            Lead::Station(station) => self.meet(origin, leaving, station, columns, ways),
        }
    }

    fn crosses(&self, from: NicId, to: NicId, source: Ipv4Addr) -> bool {
        self.snapshot.boundary(from, to, source, &mut ()).is_ok()
    }

    /// At NICs of whose guests no packet of this way has been before.
    fn arrive(&self, origin: Origin, leaving: &Leaving, columns: &Spans, ways: &mut Ways) {
        let mut columns = columns.clone();
        // Where a guest meets its own packet again, or takes what it has passed on, its memory plays a part.
        if !leaving.hops.is_empty() {
            let met = leaving.hops.iter().map(|hop| hop.guest);
            let met = std::iter::once(origin.guest)
                .chain(met)
                .flat_map(|guest| self.columns_of_guest(guest));
            let met = Spans::of(met.collect()).and(columns.as_slice());
            if !met.is_empty() {
                ways.give_up(&met);
                columns = columns.without(met.as_slice());
            }
        }
        let taken = columns.and(self.columns.taken.as_slice());
        ways.add(leaving.way(taken, End::Arrives));
        let services = columns.and(self.columns.services.as_slice());
        ways.add(leaving.way(services, End::Service));
    }

    /// The columns that are NICs of a guest.
    fn columns_of_guest(&self, guest: GuestId) -> Vec<(u32, u32)> {
        let guest_record = &self.snapshot.guests[guest.0 as usize];
        let addresses = guest_record
            .nics
            .iter()
            .filter_map(|&nic| self.snapshot.nic(nic))
            .flat_map(|nic| nic.addresses.iter());
        addresses
            .map(|&address| self.columns.with_address(address.into()))
            .flat_map(|(start, end)| start..end)
            .filter(|&column| self.columns.list[column as usize].guest == Some(guest))
            .map(|column| (column, column + 1))
            .collect()
    }

    /// A NIC that a route names receives the packets.
    fn enter(
        &self,
        origin: Origin,
        leaving: &Leaving,
        at: NicId,
        mut columns: Spans,
        open: &mut Vec<Leaving>,
        ways: &mut Ways,
    ) {
        let Some(nic) = self.snapshot.nic(at) else {
            return;
        };
        let guest = self.snapshot.guest_of(nic);
        if nic.guest == origin.guest || leaving.hops.len() >= HOPS {
            ways.give_up(&columns);
            return;
        }
        // What is for the guest itself ends here.
        let mut own = Vec::new();
        for &member in &guest.nics {
            let Some(member) = self.snapshot.nic(member) else {
                continue;
            };
            for &address in &member.addresses {
                let (start, end) = self.columns.with_address(address.into());
                own.push((start, end));
            }
        }
        let firewall = match guest.kind {
            GuestKind::Firewall(id) => self.snapshot.firewall(id).map(|firewall| (id, firewall)),
            _ => None,
        };
        if let Some((_, firewall)) = firewall {
            let public = firewall.public_addresses.iter();
            own.extend(public.map(|&address| self.columns.with_address(address.into())));
        }
        let own = columns.and(Spans::of(own).as_slice());
        if !own.is_empty() {
            columns = columns.without(own.as_slice());
            match firewall {
                Some(_) => ways.give_up(&own),
                None => self.meet(origin, leaving, at, &own, ways),
            }
        }
        if columns.is_empty() || !nic.ip_forwarding || !guest.running {
            return;
        }
        let mut checks = leaving.checks.clone();
        self.check(&mut checks, nic, Direction::Inbound, leaving.asker);
        if let Some((id, firewall)) = firewall {
            checks.push(Check {
                rules: Judge::Firewall(id),
                asker: leaving.asker,
            });
            if firewall.is_unsure() {
                // Of what it may drop, nobody knows whether it comes to where it would be lost.
                ways.add(Way {
                    checks: checks.clone(),
                    ..leaving.way(columns.clone(), End::Aside)
                });
            }
            let private = self.columns.within(&firewall.private_ranges);
            for (translates, columns) in [
                (false, columns.and(private.as_slice())),
                (true, columns.without(private.as_slice())),
            ] {
                let hop = (at, egress(guest, at, Ipv4Addr::UNSPECIFIED), translates);
                if !columns.is_empty() {
                    self.pass_on(leaving, hop, nic.guest, columns, &checks, open, ways);
                }
            }
            return;
        }
        let (GuestKind::Appliance { .. } | GuestKind::RoutingAppliance(_) | GuestKind::Gateway(_)) =
            guest.kind
        else {
            return;
        };
        for (leaves, columns) in self.egresses(guest, at, &columns) {
            let hop = (at, leaves, super::columns::translates(guest));
            self.pass_on(leaving, hop, nic.guest, columns, &checks, open, ways);
        }
    }

    /// Columns whose address the guest behind a NIC has: those of the NIC itself are there, and what other NICs have the address is told
    /// there, too, if they are a column.
    fn meet(&self, origin: Origin, leaving: &Leaving, at: NicId, own: &Spans, ways: &mut Ways) {
        let mut there = Spans::default();
        let mut others = Spans::default();
        for column in own.columns() {
            let of_nic = |column: u32| self.columns.list[column as usize].worker == at;
            let (start, end) = self
                .columns
                .with_address(self.columns.addresses[column as usize]);
            if of_nic(column) {
                there.push((column, column + 1));
            } else if !(start..end).any(of_nic) {
                others.push((column, column + 1));
            }
        }
        ways.give_up(&others);
        if !there.is_empty() {
            self.arrive(origin, leaving, &there, ways);
        }
    }

    /// N-3: through which NIC of the guest packets to which columns leave.
    fn egresses(&self, guest: &Guest, at: NicId, columns: &Spans) -> Vec<(NicId, Spans)> {
        if guest.nics.len() == 1 {
            return vec![(egress(guest, at, Ipv4Addr::UNSPECIFIED), columns.clone())];
        }
        let mut egresses: Vec<(NicId, Spans)> = Vec::new();
        for &span in &self.columns.cell_spans {
            // No cell reaches across the end of a subnet of such a guest.
            let columns = columns.and(&[span]);
            if columns.is_empty() {
                continue;
            }
            let address = self.columns.addresses[span.0 as usize];
            let leaves = egress(guest, at, address.into());
            match egresses.iter_mut().find(|(known, _)| *known == leaves) {
                Some((_, known)) => *known = known.or(columns.as_slice()),
                None => egresses.push((leaves, columns)),
            }
        }
        egresses
    }

    #[expect(clippy::too_many_arguments, reason = "one packet at one guest")]
    fn pass_on(
        &self,
        leaving: &Leaving,
        (entered, leaves, translates): (NicId, NicId, bool),
        guest: GuestId,
        columns: Spans,
        checks: &[Check],
        open: &mut Vec<Leaving>,
        ways: &mut Ways,
    ) {
        let Some(nic) = self.snapshot.nic(leaves) else {
            return;
        };
        let own = nic.addresses.first().filter(|_| translates);
        let asker = own.map_or(leaving.asker, |&own| Asker::Other(own.into()));
        // N-1: what it forwards has the source of another.
        if !translates && !nic.ip_forwarding {
            return;
        }
        if let Some(before) = leaving.hops.iter().find(|hop| hop.guest == guest) {
            // The same packet at the same NIC goes the same way again, until its time is over.
            if (before.leaves, before.asker) != (leaves, asker) {
                ways.give_up(&columns);
            }
            return;
        }
        let mut hops = leaving.hops.clone();
        hops.push(Hop {
            entered,
            leaves,
            guest,
            translates,
            asker,
        });
        let mut checks = checks.to_vec();
        self.check(&mut checks, nic, Direction::Outbound, asker);
        open.push(Leaving {
            nic: leaves,
            columns,
            checks,
            hops,
            asker,
            luck: leaving.luck.clone(),
        });
    }

    /// Notes the rules of a NIC, if it has any.
    fn check(&self, checks: &mut Vec<Check>, nic: &Nic, direction: Direction, asker: Asker) {
        if RuleBook::asks(self.snapshot.policy_of(nic), direction) {
            checks.push(Check::of(nic, direction, asker));
        }
    }
}

impl Leaving {
    fn source(&self, origin: Origin) -> Ipv4Addr {
        match self.asker {
            Asker::Own => origin.address,
            Asker::Other(address) => address.into(),
        }
    }

    fn balanced(&self, shown: Shown) -> Balanced {
        Balanced {
            shown,
            leg: self.hops.iter().filter(|hop| hop.translates).count(),
            is_reply: false,
        }
    }

    fn way(&self, columns: Spans, end: End) -> Way {
        Way {
            columns,
            checks: self.checks.clone(),
            hops: self.hops.clone(),
            asker: self.asker,
            end,
            luck: self.luck.clone(),
        }
    }
}

pub(super) fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
