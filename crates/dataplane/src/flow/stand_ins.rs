//! Conversations that packets of others turn into on their way.
//!
//! A packet to a load balancer's frontend becomes one to a member, and one that a source-translating guest passes on becomes one of that
//! guest's own. What is remembered of such a conversation can therefore change by a packet that does not show its five-tuple: neither its
//! place in a burst nor its entry can answer for it. It walks. (What the edge of the Internet translates never is a repeatable way.)

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use control::snapshot::Frontend;
use model::NicId;

use crate::guest;
use crate::packet::FiveTuple;

/// The ends behind translating frontends.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    /// Of which snapshot; shared by those that follow, as long as they are the same.
    frontends: Option<Arc<[Frontend]>>,
    /// Members on one port.
    ports: HashSet<(Ipv4Addr, u16)>,
    /// Members on several, and the frontends themselves.
    addresses: HashSet<Ipv4Addr>,
}

impl StandIns {
    /// Whether a packet with another five-tuple may become one of this conversation, which begins at this NIC.
    pub(super) fn concern(&mut self, snapshot: &Snapshot, start: NicId, tuple: FiveTuple) -> bool {
        let is_known = |known: &Arc<[Frontend]>| Arc::ptr_eq(known, &snapshot.frontends);
        if !self.frontends.as_ref().is_some_and(is_known) {
            self.look_again(snapshot);
        }
        self.have(tuple)
            || snapshot
                .guest_behind(start)
                .is_none_or(|(_, guest)| guest::translates(guest))
            // Forged, or passed on by somebody: whose it is might be seen elsewhere.
            || snapshot.nic(start).is_none_or(|nic| {
                !nic.addresses.contains(&tuple.source) && snapshot.edge.is_beyond(tuple.source)
            })
    }

    /// The same as far as its ends tell, under the snapshot that was asked about last.
    #[inline]
    pub(super) fn have(&self, tuple: FiveTuple) -> bool {
        let stands_in = |address, port| {
            self.addresses.contains(&address) || self.ports.contains(&(address, port))
        };
        !self.addresses.is_empty()
            && (stands_in(tuple.source, tuple.source_port)
                || stands_in(tuple.destination, tuple.destination_port))
    }

    #[cold]
    fn look_again(&mut self, snapshot: &Snapshot) {
        self.addresses.clear();
        self.ports.clear();
        for frontend in snapshot.frontends.iter() {
            let rules = frontend.rules.iter().filter(|rule| !rule.floating_ip);
            for rule in rules {
                self.addresses.extend(frontend.address);
                let only = (rule.ports.start() == rule.ports.end()).then_some(*rule.ports.start());
                for member in &rule.members {
                    match member.port.or(only) {
                        Some(port) => drop(self.ports.insert((member.address, port))),
                        None => drop(self.addresses.insert(member.address)),
                    }
                }
            }
        }
        self.frontends = Some(snapshot.frontends.clone());
    }
}
