//! What the platform remembers of addresses that it has translated between a NIC and the world: flows through frontends, public
//! addresses and NAT gateways.
//!
//! One record a flow, kept at the NIC, as Azure's hosts do: it relates the five-tuple *as it leaves the guest* (inside) to the one
//! *as it leaves the platform* (outside). Both ways of a flow are the same record read from its two ends, and no two live records of a
//! NIC share an end; so what was put on is what is taken off, and two flows never mix. Later fragments follow the first one of their
//! datagram, and an ICMP error is translated together with the packet that it quotes.
//!
//! It does not know who is translated to what: [`control`]'s frontends and ways out do.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use control::snapshot::{Translator, WayOut};
use model::NicId;

use crate::flow::key::{FlowKey, Hashed};
use crate::packet::{Content, End, FiveTuple, Fragment, Packet, protocol};
use crate::time::{SimDuration, SimTime};

/// Azure's default for frontends, public addresses and NAT gateways alike.
const IDLE: SimDuration = SimDuration::from_seconds(4 * 60);
/// ICMP, as for flows (S-21).
const ICMP_IDLE: SimDuration = SimDuration::from_seconds(60);
/// How long the rest of a datagram may take.
const FRAGMENT_LIFE: SimDuration = SimDuration::from_seconds(1);
/// Records of datagrams before dead ones are searched for.
const FRAGMENTS: usize = 1024;
/// Old records looked at for each new one.
const SWEEP: usize = 2;

/// The memory of all NICs.
#[derive(Clone, Debug, Default)]
pub struct Nat {
    by_inside: HashMap<Key, Record>,
    by_outside: HashMap<Key, FiveTuple>,
    /// Every key of `by_inside` once, in the order in which the sweep looks at them.
    sweep: VecDeque<Key>,
    fragments: HashMap<Datagram, Rest>,
    /// How many ends of records show a conversation.
    shown: HashMap<FlowKey, u32, Hashed>,
}

/// A NIC and a five-tuple that leaves it, inside or outside.
type Key = (NicId, FiveTuple);
/// What all fragments of a datagram show, at a NIC and one of its two ends.
type Datagram = (NicId, bool, Ipv4Addr, Ipv4Addr, u8, u16);

#[derive(Clone, Copy, Debug)]
struct Record {
    outside: FiveTuple,
    by: Translator,
    last_seen: SimTime,
}

/// What becomes of the later fragments of a datagram.
#[derive(Clone, Copy, Debug)]
struct Rest {
    rewrite: Rewrite,
    expires: SimTime,
}

/// What is put in place of an end of a packet: the source of one that leaves, the destination of one that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// Which end.
    pub end: End,
    /// The new address.
    pub address: Ipv4Addr,
    /// The new port; an ICMP query's identifier.
    pub port: u16,
    /// Whose ports these are: IP protocol number.
    pub protocol: u8,
    /// Who translates.
    pub by: Translator,
    /// What the end was before.
    pub from: (Ipv4Addr, u16),
}

/// Another live flow of the NIC has one of the two ends, or no port is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken;

impl Rewrite {
    /// Patches a packet, and the packet that it quotes if it is an ICMP error.
    pub fn apply(self, packet: &mut Packet) {
        let other = match self.end {
            End::Source => End::Destination,
            End::Destination => End::Source,
        };
        // What an error is about went the other way.
        let quotes_it = packet.quoted().is_some_and(|quoted| {
            let quoted = match other {
                End::Source => (quoted.source, quoted.source_port),
                End::Destination => (quoted.destination, quoted.destination_port),
            };
            quoted == self.from
        });
        packet.set_end(self.end, self.address, self.port);
        if quotes_it {
            packet.set_quoted_end(other, self.address, self.port);
        }
    }
}

impl Nat {
    /// What the source of a packet that leaves a guest becomes, if it belongs to a flow that is translated.
    pub fn leaving(&mut self, nic: NicId, packet: &Packet, now: SimTime) -> Option<Rewrite> {
        if self.by_inside.is_empty() {
            return None;
        }
        if packet.content() == Content::LaterFragment {
            return self.rest(nic, End::Source, packet, now);
        }
        let inside = match packet.content() {
            Content::IcmpError(_) => packet.quoted()?.reversed(),
            _ => packet.tuple(),
        };
        let record = self.live(nic, inside, now)?;
        if !matches!(packet.content(), Content::IcmpError(_)) {
            self.refresh(nic, inside, now);
        }
        let rewrite = Rewrite {
            end: End::Source,
            address: record.outside.source,
            port: record.outside.source_port,
            protocol: inside.protocol,
            by: record.by,
            from: (inside.source, inside.source_port),
        };
        self.remember_rest(nic, packet, rewrite, now);
        Some(rewrite)
    }

    /// What the destination of a packet that comes in becomes, if it belongs to a flow that is translated.
    pub fn entering(&mut self, nic: NicId, packet: &Packet, now: SimTime) -> Option<Rewrite> {
        if self.by_inside.is_empty() {
            return None;
        }
        if packet.content() == Content::LaterFragment {
            return self.rest(nic, End::Destination, packet, now);
        }
        let outside = match packet.content() {
            Content::IcmpError(_) => packet.quoted()?,
            _ => packet.tuple().reversed(),
        };
        let inside = *self.by_outside.get(&(nic, outside))?;
        let record = self.live(nic, inside, now)?;
        if !matches!(packet.content(), Content::IcmpError(_)) {
            self.refresh(nic, inside, now);
        }
        let rewrite = Rewrite {
            end: End::Destination,
            address: inside.source,
            port: inside.source_port,
            protocol: inside.protocol,
            by: record.by,
            from: (outside.source, outside.source_port),
        };
        self.remember_rest(nic, packet, rewrite, now);
        Some(rewrite)
    }

    /// Remembers a flow that came in: its packets leave the guest as `inside`, and the platform as `outside`.
    pub fn create(
        &mut self,
        nic: NicId,
        inside: FiveTuple,
        outside: FiveTuple,
        by: Translator,
        now: SimTime,
    ) -> Result<(), Taken> {
        self.sweep(now);
        if self.live(nic, inside, now).is_some() || !self.is_free(nic, outside, now) {
            return Err(Taken);
        }
        let record = Record {
            outside,
            by,
            last_seen: now,
        };
        self.show(inside);
        self.show(outside);
        match self.by_inside.insert((nic, inside), record) {
            Some(old) => {
                self.by_outside.remove(&(nic, old.outside));
                self.hide(inside);
                self.hide(old.outside);
            }
            None => self.sweep.push_back((nic, inside)),
        }
        self.by_outside.insert((nic, outside), inside);
        Ok(())
    }

    /// Remembers a flow that goes out this way, with its own port if that is one of the way's and free, else with the next one that
    /// is free and not `reserved`; protocols without ports keep none, and need an address of their own.
    pub fn create_outward(
        &mut self,
        nic: NicId,
        inside: FiveTuple,
        way: &WayOut,
        reserved: impl Fn(u16) -> bool,
        now: SimTime,
    ) -> Result<(), Taken> {
        let WayOut { address, ports, by } = way;
        let with_port = |port| FiveTuple {
            source: *address,
            source_port: port,
            // An ICMP identifier stands in both slots (S-23).
            destination_port: match inside.protocol {
                protocol::ICMP => port,
                _ => inside.destination_port,
            },
            ..inside
        };
        let has_ports = matches!(
            inside.protocol,
            protocol::TCP | protocol::UDP | protocol::ICMP
        );
        if !has_ports && *ports != (0..=u16::MAX) {
            return Err(Taken);
        }
        let outside = if has_ports {
            let own = Some(inside.source_port).filter(|port| ports.contains(port));
            own.into_iter()
                .chain(ports.clone())
                .filter(|&port| !reserved(port))
                .map(with_port)
                .find(|&outside| self.is_free(nic, outside, now))
        } else {
            Some(with_port(0))
        };
        self.create(nic, inside, outside.ok_or(Taken)?, *by, now)
    }

    fn live(&self, nic: NicId, inside: FiveTuple, now: SimTime) -> Option<Record> {
        let record = self.by_inside.get(&(nic, inside))?;
        record.lives(now).then_some(*record)
    }

    fn refresh(&mut self, nic: NicId, inside: FiveTuple, now: SimTime) {
        if let Some(record) = self.by_inside.get_mut(&(nic, inside)) {
            record.last_seen = now;
        }
    }

    fn is_free(&self, nic: NicId, outside: FiveTuple, now: SimTime) -> bool {
        let user = self.by_outside.get(&(nic, outside));
        let record = user.and_then(|&inside| self.live(nic, inside, now));
        record.is_none_or(|record| record.outside != outside)
    }

    fn sweep(&mut self, now: SimTime) {
        for _ in 0..SWEEP {
            let Some(key) = self.sweep.pop_front() else {
                return;
            };
            match self.by_inside.get(&key) {
                Some(record) if record.lives(now) => self.sweep.push_back(key),
                Some(&record) => {
                    // Another flow may have taken its outside end over since.
                    let outside = (key.0, record.outside);
                    if self.by_outside.get(&outside) == Some(&key.1) {
                        self.by_outside.remove(&outside);
                    }
                    self.by_inside.remove(&key);
                    self.hide(key.1);
                    self.hide(record.outside);
                }
                None => {}
            }
        }
    }

    /// Whether a record may have to do with packets of a conversation, at whichever NIC.
    #[inline]
    pub(crate) fn concerns(&self, key: FlowKey) -> bool {
        !self.shown.is_empty() && self.shown.contains_key(&key)
    }

    fn show(&mut self, tuple: FiveTuple) {
        *self.shown.entry(FlowKey::of(tuple).0).or_default() += 1;
    }

    fn hide(&mut self, tuple: FiveTuple) {
        let key = FlowKey::of(tuple).0;
        if let Some(count) = self.shown.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.shown.remove(&key);
            }
        }
    }

    fn rest(&self, nic: NicId, end: End, later: &Packet, now: SimTime) -> Option<Rewrite> {
        let rest = self.fragments.get(&datagram_of(nic, end, later))?;
        (now <= rest.expires).then_some(rest.rewrite)
    }

    fn remember_rest(&mut self, nic: NicId, first: &Packet, rewrite: Rewrite, now: SimTime) {
        if first.fragment() != Fragment::First {
            return;
        }
        if self.fragments.len() >= FRAGMENTS {
            self.fragments.retain(|_, rest| now <= rest.expires);
        }
        let rest = Rest {
            rewrite,
            expires: now + FRAGMENT_LIFE,
        };
        self.fragments
            .insert(datagram_of(nic, rewrite.end, first), rest);
    }
}

impl Record {
    fn lives(&self, now: SimTime) -> bool {
        let idle = match self.outside.protocol {
            protocol::ICMP => ICMP_IDLE,
            _ => IDLE,
        };
        now <= self.last_seen + idle
    }
}

fn datagram_of(nic: NicId, end: End, packet: &Packet) -> Datagram {
    let tuple = packet.tuple();
    (
        nic,
        end == End::Source,
        tuple.source,
        tuple.destination,
        tuple.protocol,
        packet.identification(),
    )
}

#[cfg(test)]
mod tests;
