//! An appliance that puts its own address in place of the source (RFC 3022, RFC 4787, RFC 5508).

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use crate::dropped::DropReason;
use crate::packet::{Content, End, FiveTuple, Fragment, Packet, protocol};
use crate::time::{SimDuration, SimTime};

/// RFC 5382 REQ-5.
const TCP_IDLE: SimDuration = SimDuration::from_seconds(2 * 3600 + 4 * 60);
/// RFC 4787 REQ-5: five minutes are recommended.
const UDP_IDLE: SimDuration = SimDuration::from_seconds(300);
/// RFC 5508 REQ-2, and everything else without a rule of its own.
const OTHER_IDLE: SimDuration = SimDuration::from_seconds(60);
/// How long the rest of a datagram may take.
const FRAGMENT_LIFE: SimDuration = SimDuration::from_seconds(30);
/// First port that is tried when the wanted one is taken.
const FIRST_PORT: u16 = 1024;
/// Old records looked at for each new one.
const SWEEP: usize = 2;

/// Records held for datagrams in pieces before dead ones are searched for.
const FRAGMENTS: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct Translations {
    /// Five-tuple as the origin has it → as it leaves the appliance.
    outward: HashMap<FiveTuple, Translation>,
    /// Five-tuple as it leaves the appliance → as the origin has it.
    inward: HashMap<FiveTuple, FiveTuple>,
    /// Every key of `outward` once, in the order in which the sweep looks at them.
    sweep: VecDeque<FiveTuple>,
    /// What became of an end of the first fragment, by what all fragments of the datagram show.
    fragments: HashMap<Datagram, (Ipv4Addr, SimTime)>,
}

#[derive(Clone, Copy, Debug)]
struct Translation {
    outside: FiveTuple,
    last_seen: SimTime,
}

type Datagram = (Ipv4Addr, Ipv4Addr, u8, u16);

/// Where an answer to the appliance's own address really goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Original {
    address: Ipv4Addr,
    port: u16,
}

impl Original {
    /// A five-tuple with it as the destination.
    pub(super) fn of(self, tuple: FiveTuple) -> FiveTuple {
        FiveTuple {
            destination: self.address,
            destination_port: self.port,
            ..tuple
        }
    }

    /// Makes it the destination, and in an ICMP error also the source of the packet it is about.
    pub(super) fn apply(self, packet: &mut Packet) -> Ipv4Addr {
        let Self { address, port } = self;
        packet.set_end(End::Destination, address, port);
        if let Content::IcmpError(_) = packet.content() {
            packet.set_quoted_end(End::Source, address, port);
        }
        address
    }
}

impl Translations {
    /// The origin of the flow that a packet to the appliance's own address answers; `None` if it is for the appliance itself.
    pub(super) fn original(&mut self, packet: &Packet, now: SimTime) -> Option<Original> {
        let outside = match packet.content() {
            Content::LaterFragment => {
                let &(address, expires) = self.fragments.get(&datagram_of(packet))?;
                return (now <= expires).then_some(Original { address, port: 0 });
            }
            Content::IcmpError(_) => packet.quoted()?,
            _ => packet.tuple().reversed(),
        };
        let inside = *self.inward.get(&outside)?;
        let translation = self.outward.get_mut(&inside)?;
        if !translation.lives(now) {
            return None;
        }
        // An error does not keep a flow alive (RFC 5508 REQ-6).
        if !matches!(packet.content(), Content::IcmpError(_)) {
            translation.last_seen = now;
        }
        if packet.fragment() == Fragment::First {
            self.remember_fragments(packet, inside.source, now);
        }
        Some(Original {
            address: inside.source,
            port: inside.source_port,
        })
    }

    /// Puts `own` in place of the source, with a port of which nobody else talks to the same destination.
    pub(super) fn translate(
        &mut self,
        packet: &mut Packet,
        own: Ipv4Addr,
        now: SimTime,
    ) -> Result<(), DropReason> {
        match packet.content() {
            Content::LaterFragment => {
                let known = self.fragments.get(&datagram_of(packet)).copied();
                match known.filter(|&(_, expires)| now <= expires) {
                    Some((address, _)) => packet.set_end(End::Source, address, 0),
                    None => return Err(DropReason::FragmentOutOfOrder),
                }
            }
            Content::IcmpError(_) => {
                // It is about an answer whose destination was put back: the one who sent that answer knows only us.
                let about = packet.quoted().map(FiveTuple::reversed);
                if let Some(known) = about.and_then(|inside| self.outward.get(&inside)) {
                    let outside = known.outside;
                    packet.set_quoted_end(End::Destination, outside.source, outside.source_port);
                }
                packet.set_end(End::Source, own, 0);
            }
            _ => {
                let outside = self.outside_of(packet.tuple(), own, now)?;
                if packet.fragment() == Fragment::First {
                    self.remember_fragments(packet, outside.source, now);
                }
                packet.set_end(End::Source, outside.source, outside.source_port);
            }
        }
        Ok(())
    }

    fn outside_of(
        &mut self,
        inside: FiveTuple,
        own: Ipv4Addr,
        now: SimTime,
    ) -> Result<FiveTuple, DropReason> {
        if let Some(known) = self.outward.get_mut(&inside)
            && known.outside.source == own
        {
            known.last_seen = now;
            return Ok(known.outside);
        }
        self.sweep(now);
        let outside = self
            .free(inside, own, now)
            .ok_or(DropReason::FlowTableFull)?;
        let translation = Translation {
            outside,
            last_seen: now,
        };
        match self.outward.insert(inside, translation) {
            Some(old) => {
                self.inward.remove(&old.outside);
            }
            None => self.sweep.push_back(inside),
        }
        self.inward.insert(outside, inside);
        Ok(outside)
    }

    /// The wanted port if it is free (RFC 4787 §4.2.1), else the next one that is.
    fn free(&self, inside: FiveTuple, own: Ipv4Addr, now: SimTime) -> Option<FiveTuple> {
        let with_port = |port| FiveTuple {
            source: own,
            source_port: port,
            // An ICMP identifier stands in both slots (S-23).
            destination_port: match inside.protocol {
                protocol::ICMP => port,
                _ => inside.destination_port,
            },
            ..inside
        };
        let is_free = |outside: &FiveTuple| {
            let user = self.inward.get(outside);
            let record = user.and_then(|user| self.outward.get(user));
            !record.is_some_and(|record| record.outside == *outside && record.lives(now))
        };
        if !matches!(
            inside.protocol,
            protocol::TCP | protocol::UDP | protocol::ICMP
        ) {
            return Some(with_port(0)); // nothing to tell two origins apart by: the last one has it
        }
        let wanted = inside.source_port.max(FIRST_PORT);
        let others = (wanted..=u16::MAX).chain(FIRST_PORT..wanted);
        std::iter::once(inside.source_port)
            .chain(others)
            .map(with_port)
            .find(is_free)
    }

    fn sweep(&mut self, now: SimTime) {
        for _ in 0..SWEEP {
            let Some(inside) = self.sweep.pop_front() else {
                return;
            };
            match self.outward.get(&inside) {
                Some(record) if record.lives(now) => self.sweep.push_back(inside),
                Some(record) => {
                    // Another origin may have taken its port over since.
                    if self.inward.get(&record.outside) == Some(&inside) {
                        self.inward.remove(&record.outside);
                    }
                    self.outward.remove(&inside);
                }
                None => {}
            }
        }
    }

    fn remember_fragments(&mut self, first: &Packet, address: Ipv4Addr, now: SimTime) {
        if self.fragments.len() >= FRAGMENTS {
            self.fragments.retain(|_, &mut (_, expires)| now <= expires);
        }
        self.fragments
            .insert(datagram_of(first), (address, now + FRAGMENT_LIFE));
    }
}

impl Translation {
    fn lives(&self, now: SimTime) -> bool {
        let idle = match self.outside.protocol {
            protocol::TCP => TCP_IDLE,
            protocol::UDP => UDP_IDLE,
            _ => OTHER_IDLE,
        };
        now - self.last_seen <= idle
    }
}

fn datagram_of(packet: &Packet) -> Datagram {
    let FiveTuple {
        source,
        destination,
        protocol,
        ..
    } = packet.tuple();
    (source, destination, protocol, packet.identification())
}
