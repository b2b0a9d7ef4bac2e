//! Which datagrams have had their first fragment admitted, and where (S-25).

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use crate::packet::{FiveTuple, Fragment, Packet};
use crate::recorder::Visit;
use crate::time::{SimDuration, SimTime};

/// How long the rest of a datagram may take (S-21).
const LIFE: SimDuration = SimDuration::from_seconds(1);

#[derive(Clone, Debug, Default)]
pub(super) struct FragmentMemory {
    datagrams: HashMap<Key, Datagram>,
    /// In the order in which they were first seen, which is the order in which they expire unless they come again.
    order: VecDeque<Key>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    visit: Visit,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    identification: u16,
}

#[derive(Clone, Copy, Debug)]
struct Datagram {
    tuple: FiveTuple,
    expires: SimTime,
}

impl FragmentMemory {
    pub(super) fn remember(&mut self, visit: Visit, first: &Packet, now: SimTime) {
        while let Some(key) = self.order.front()
            && self
                .datagrams
                .get(key)
                .is_none_or(|datagram| datagram.expires < now)
        {
            self.datagrams.remove(key);
            self.order.pop_front();
        }
        let key = Key::of(visit, first);
        let datagram = Datagram {
            tuple: first.tuple(),
            expires: now + LIFE,
        };
        self.datagrams.insert(key, datagram);
        self.order.push_back(key);
    }

    pub(super) fn recall(
        &mut self,
        visit: Visit,
        later: &Packet,
        now: SimTime,
    ) -> Option<FiveTuple> {
        let key = Key::of(visit, later);
        let datagram = self.datagrams.get(&key).copied()?;
        if later.fragment() == (Fragment::Later { last: true }) {
            self.datagrams.remove(&key);
        }
        (now <= datagram.expires).then_some(datagram.tuple)
    }
}

impl Key {
    fn of(visit: Visit, packet: &Packet) -> Self {
        let FiveTuple {
            source,
            destination,
            protocol,
            ..
        } = packet.tuple();
        Self {
            visit,
            source,
            destination,
            protocol,
            identification: packet.identification(),
        }
    }
}
