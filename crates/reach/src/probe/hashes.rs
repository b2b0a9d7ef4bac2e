//! The answers of a snapshot where hashes come out otherwise.

use std::cell::Cell;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{Health, Member};
use dataplane::answers::{Answers, Departure, Inside, Subject};
use dataplane::dropped::Dropped;
use dataplane::packet::{FiveTuple, protocol};
use dataplane::recorder::{Recorder, Visit};
use model::{NicId, OutsidePlace, StationId};

use crate::ports::AlikePorts;

/// Other hashes under which a pair is asked again: that none of them meets one of two members has a chance of 1 in 2^24.
pub(super) const OTHER_HASHES: u16 = 24;

/// Whether anything chooses by a hash.
pub(super) fn has_choices(snapshot: &Snapshot) -> bool {
    let up = |members: &[Member]| {
        let up = members.iter().filter(|member| member.health == Health::Up);
        up.count()
    };
    let shared = snapshot.fibs.iter().any(|fib| !fib.shared.is_empty());
    let mut rules = snapshot.frontends.iter().flat_map(|front| &front.rules);
    let balanced = rules.any(|rule| up(&rule.members) > 1);
    let mut gateways = snapshot.gateways.iter().flatten();
    shared || balanced || gateways.any(|gateway| gateway.instances.len() > 1)
}

/// The answers of the snapshot where hashes come out otherwise: what chooses sees another port at the end that has asked.
#[derive(Debug)]
pub(super) struct Hashed<'s> {
    snapshot: &'s Snapshot,
    salt: u16,
    pub(super) is_reply: bool,
    /// Whether to note where a hash has chosen.
    notes: bool,
    chosen: Cell<bool>,
    /// Gathers the ports that rules do not tell from the one that is asked for.
    pub(super) ports: Option<&'s AlikePorts<'s>>,
}

impl<'s> Hashed<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, salt: u16, notes: bool) -> Self {
        Self {
            snapshot,
            salt,
            is_reply: false,
            notes,
            chosen: Cell::new(false),
            ports: None,
        }
    }

    pub(super) fn has_chosen(&self) -> bool {
        self.chosen.get()
    }

    /// Both ways of a flow get the same other port, so what is chosen alike for both still is.
    fn salted(&self, tuple: FiveTuple, salt: u16) -> FiveTuple {
        let mut tuple = tuple;
        if tuple.protocol == protocol::ICMP {
            tuple.source_port ^= salt;
            tuple.destination_port ^= salt;
        } else if self.is_reply {
            tuple.destination_port ^= salt;
        } else {
            tuple.source_port ^= salt;
        }
        tuple
    }

    /// Asks under the own hash, and notes whether another one would change the answer.
    fn ask<T: PartialEq>(&self, tuple: FiveTuple, ask: impl Fn(FiveTuple) -> T) {
        if self.notes && !self.chosen.get() {
            let own = ask(tuple);
            let others = 1..=OTHER_HASHES;
            let differs = others
                .into_iter()
                .any(|salt| ask(self.salted(tuple, salt)) != own);
            self.chosen.set(differs);
        }
    }
}

impl Answers for Hashed<'_> {
    fn rules(
        &self,
        visit: Visit,
        subject: Subject,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        if let Some(ports) = self.ports {
            ports.meet(self.snapshot, visit, subject, self.is_reply);
        }
        Answers::rules(self.snapshot, visit, subject, recorder)
    }

    fn next_hop(
        &self,
        from: NicId,
        tuple: FiveTuple,
        recorder: &mut impl Recorder,
    ) -> Result<Departure, Dropped> {
        self.ask(tuple, |tuple| self.snapshot.next_hop(from, tuple, &mut ()));
        let tuple = self.salted(tuple, self.salt);
        self.snapshot.next_hop(from, tuple, recorder)
    }

    fn entry(
        &self,
        from: StationId,
        place: OutsidePlace,
        tuple: FiveTuple,
        recorder: &mut impl Recorder,
    ) -> Result<Departure, Dropped> {
        self.ask(tuple, |tuple| {
            self.snapshot.entry(from, place, tuple, &mut ())
        });
        let tuple = self.salted(tuple, self.salt);
        self.snapshot.entry(from, place, tuple, recorder)
    }

    fn public_owner(
        &self,
        tuple: FiveTuple,
        recorder: &mut impl Recorder,
    ) -> Result<Option<NicId>, Dropped> {
        self.ask(tuple, |tuple| self.snapshot.public_owner(tuple, &mut ()));
        let tuple = self.salted(tuple, self.salt);
        self.snapshot.public_owner(tuple, recorder)
    }

    fn inside(&self, at: NicId, tuple: FiveTuple, from_edge: bool) -> Option<Inside> {
        let tuple = self.salted(tuple, self.salt);
        self.snapshot.inside(at, tuple, from_edge)
    }

    fn boundary(
        &self,
        from: NicId,
        to: NicId,
        source: Ipv4Addr,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        self.snapshot.boundary(from, to, source, recorder)
    }
}
