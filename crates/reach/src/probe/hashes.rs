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

/// Hashes for each of those that one chooses between: that none of them meets a certain one of many has a chance of 1 in e^12, of two 1 in 2^24.
const HASHES: usize = 12;
/// Other hashes, at most.
const MOST: u16 = 4096;

/// Under how many other hashes a pair is asked again: by the most that any hash chooses between. 0: nothing is chosen.
pub(super) fn other_hashes(snapshot: &Snapshot) -> u16 {
    let up = |members: &[Member]| {
        let up = members.iter().filter(|member| member.health == Health::Up);
        up.count()
    };
    let shared = snapshot.fibs.iter().flat_map(|fib| &*fib.shared);
    let rules = snapshot.frontends.iter().flat_map(|front| &front.rules);
    let gateways = snapshot.gateways.iter().flatten();
    let choices = shared
        .map(Vec::len)
        .chain(rules.map(|rule| up(&rule.members)))
        .chain(gateways.map(|gateway| gateway.instances.len()));
    match choices.max().unwrap_or_default() {
        0 | 1 => 0,
        most => u16::try_from(most * HASHES).unwrap_or(MOST).min(MOST),
    }
}

/// The answers of the snapshot where hashes come out otherwise: what chooses sees another port at the end that has asked.
#[derive(Debug)]
pub(super) struct Hashed<'s> {
    snapshot: &'s Snapshot,
    salt: u16,
    pub(super) is_reply: bool,
    /// Under how many other hashes to ask whether they would choose otherwise; 0: not to note that.
    others: u16,
    chosen: Cell<bool>,
    /// Gathers the ports that rules do not tell from the one that is asked for.
    pub(super) ports: Option<&'s AlikePorts<'s>>,
}

impl<'s> Hashed<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, salt: u16, others: u16) -> Self {
        Self {
            snapshot,
            salt,
            is_reply: false,
            others,
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
        if self.others > 0 && !self.chosen.get() {
            let own = ask(tuple);
            let others = 1..=self.others;
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
