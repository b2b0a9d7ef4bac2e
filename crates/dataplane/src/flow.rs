//! What NICs remember of the flows they have admitted (S-17 to S-25).
//!
//! Two forms of one memory: [`FlowTable`] keeps plain pairs, one record a pair; `fused` keeps all pairs of a conversation in one entry as
//! long as they are alike.
//!
//! A pair stands for the two entries that admit both directions of a flow at one NIC. Its key is the NIC and the five-tuple *as it
//! leaves the NIC*: an inbound packet is looked up reversed, and direction vanishes from the key.

pub(crate) mod entry;
mod fragments;
pub(crate) mod fused;
pub(crate) mod key;
pub(crate) mod pair;
pub(crate) mod program;
mod stand_ins;
mod strays;
mod trodden;
pub(crate) mod way;

use std::collections::{HashMap, VecDeque};

use model::options::FlowLimit;
use model::{Direction, NicId};

use self::fragments::FragmentMemory;
use self::pair::LINGER;
use crate::answers::Subject;
use crate::nat::Nat;
use crate::packet::{Content, FiveTuple, Packet, TcpFlags, protocol};
use crate::recorder::Visit;
use crate::time::{SimDuration, SimTime};

/// Pairs of one NIC (S-8: 500,000 flows in each direction, and a pair is one of each).
pub const AZURE_FLOW_LIMIT: u32 = 500_000;
/// Idle time of ICMP flows (S-21); others have that of their virtual network.
const ICMP_IDLE: SimDuration = SimDuration::from_seconds(60);
/// Old records looked at for each new one: more than one, so that the table shrinks to the live ones.
const SWEEP: usize = 2;

/// The filter memory of the NICs.
pub trait Pairs {
    /// The pair that a packet belongs to. Refreshed if it lives, whatever becomes of the packet later.
    fn recall(&mut self, visit: Visit, packet: &Packet, now: SimTime) -> Option<Known>;

    /// Remembers the flow of a packet that has been admitted.
    fn create(
        &mut self,
        visit: Visit,
        packet: &Packet,
        terms: Terms,
        now: SimTime,
    ) -> Result<(), TableFull>;

    /// Ends the pair that a packet belongs to, if there is one.
    fn forget(&mut self, visit: Visit, packet: &Packet);

    /// Whether a pair lives for the packet that an ICMP error at `visit` is about (S-24). Refreshes nothing.
    fn knows_quoted(&self, visit: Visit, quoted: FiveTuple, now: SimTime) -> bool;

    /// Flows whose addresses the platform translates.
    fn nat(&mut self) -> &mut Nat;

    /// Remembers an admitted first fragment, so that the others follow it (S-25).
    fn remember_fragment(&mut self, visit: Visit, first: &Packet, now: SimTime);

    /// The five-tuple of the datagram that a later fragment belongs to, if its first fragment was admitted here (S-25).
    fn recall_fragment(&mut self, visit: Visit, later: &Packet, now: SimTime) -> Option<FiveTuple>;
}

/// A live pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Direction of the packet that began the flow.
    pub initiator: Direction,
    /// What rules saw of that packet.
    pub subject: Subject,
    /// Generation of the snapshot whose rules admitted it (S-22).
    pub admitted_in: u32,
}

/// On which terms a flow is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Idle time after which it is forgotten; ICMP has its own.
    pub idle: SimDuration,
    /// Generation of the snapshot whose rules admitted it.
    pub admitted_in: u32,
}

/// The NIC remembers as many flows as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull;

/// Plain pairs in a hash table: what every faster form must agree with.
#[derive(Clone, Debug)]
pub struct FlowTable {
    pairs: HashMap<Key, Pair>,
    /// Every key of `pairs` once, in the order in which the sweep looks at them.
    sweep: VecDeque<Key>,
    nics: HashMap<NicId, NicShare>,
    /// Pairs that one NIC may have.
    limit: u32,
    fragments: FragmentMemory,
    nat: Nat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    nic: NicId,
    /// As it leaves the NIC.
    leaving: FiveTuple,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    initiator: Direction,
    icmp_type: Option<u8>,
    admitted_in: u32,
    idle: SimDuration,
    last_seen: SimTime,
    /// A FIN was seen in each direction: outbound, inbound.
    fins: [bool; 2],
    life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// RST, or both FINs, at this moment.
    Closed(SimTime),
    /// Forgotten; the record waits for the sweep.
    Ended,
}

#[derive(Clone, Copy, Debug, Default)]
struct NicShare {
    /// Records, those that have expired and not been swept included.
    records: u32,
    /// No record of this NIC expires earlier: before, it is no use to look.
    full_until: SimTime,
}

impl Default for FlowTable {
    /// Without a limit.
    fn default() -> Self {
        Self::with_limit(u32::MAX)
    }
}

impl FlowTable {
    /// A table under the limit that the options name.
    pub fn new(limit: FlowLimit) -> Self {
        match limit {
            FlowLimit::Azure => Self::with_limit(AZURE_FLOW_LIMIT),
            FlowLimit::None => Self::default(),
        }
    }

    /// A table in which each NIC may have `limit` pairs.
    pub fn with_limit(limit: u32) -> Self {
        Self {
            pairs: HashMap::new(),
            sweep: VecDeque::new(),
            nics: HashMap::new(),
            limit,
            fragments: FragmentMemory::default(),
            nat: Nat::default(),
        }
    }

    /// Pairs of a NIC that live at `now`. Reads the whole table: for reports and tests.
    pub fn live(&self, nic: NicId, now: SimTime) -> usize {
        let of_nic = self.pairs.iter().filter(|(key, _)| key.nic == nic);
        of_nic.filter(|(_, pair)| pair.lives(now)).count()
    }

    /// Records held, those that have expired and not been swept included.
    pub fn records(&self) -> usize {
        self.pairs.len()
    }

    /// Looks at a few old records and drops those that have expired.
    fn sweep(&mut self, now: SimTime) {
        for _ in 0..SWEEP {
            let Some(key) = self.sweep.pop_front() else {
                return;
            };
            match self.pairs.get(&key) {
                Some(pair) if pair.lives(now) => self.sweep.push_back(key),
                Some(_) => {
                    self.pairs.remove(&key);
                    self.share(key.nic).records -= 1;
                }
                None => {}
            }
        }
    }

    fn share(&mut self, nic: NicId) -> &mut NicShare {
        self.nics.entry(nic).or_default()
    }

    /// Whether the NIC may have one more record; drops its expired ones when it comes to it.
    fn has_room(&mut self, nic: NicId, now: SimTime) -> bool {
        let limit = self.limit;
        let share = *self.share(nic);
        if share.records < limit {
            return true;
        }
        if now < share.full_until {
            return false;
        }
        self.pairs
            .retain(|key, pair| key.nic != nic || pair.lives(now));
        self.sweep.retain(|key| self.pairs.contains_key(key));
        let of_nic = self.pairs.iter().filter(|(key, _)| key.nic == nic);
        let (records, full_until) = of_nic.fold((0, SimTime::MAX), |(count, first), (_, pair)| {
            (count + 1, first.min(pair.expires()))
        });
        *self.share(nic) = NicShare {
            records,
            full_until,
        };
        records < limit
    }
}

impl Pairs for FlowTable {
    fn recall(&mut self, visit: Visit, packet: &Packet, now: SimTime) -> Option<Known> {
        let key = Key::of(visit, packet.tuple());
        let pair = self.pairs.get_mut(&key).filter(|pair| pair.lives(now))?;
        if pair.is_reused_by(packet) {
            return None;
        }
        let was_open = pair.life == Life::Open;
        pair.see(visit.direction, packet, now);
        let known = pair.known(key);
        if was_open && let Life::Closed(_) = pair.life {
            let expires = pair.expires();
            let share = self.share(key.nic);
            share.full_until = share.full_until.min(expires);
        }
        Some(known)
    }

    fn create(
        &mut self,
        visit: Visit,
        packet: &Packet,
        terms: Terms,
        now: SimTime,
    ) -> Result<(), TableFull> {
        self.sweep(now);
        let key = Key::of(visit, packet.tuple());
        if let Some(pair) = self.pairs.get_mut(&key)
            && pair.lives(now)
            && !pair.is_reused_by(packet)
        {
            pair.admitted_in = terms.admitted_in; // judged again after a flush (S-22)
            return Ok(());
        }
        let is_new = !self.pairs.contains_key(&key);
        if is_new && !self.has_room(visit.nic, now) {
            return Err(TableFull);
        }
        let mut pair = Pair {
            initiator: visit.direction,
            icmp_type: Subject::of(packet).icmp_type,
            admitted_in: terms.admitted_in,
            idle: match packet.tuple().protocol {
                protocol::ICMP => ICMP_IDLE,
                _ => terms.idle,
            },
            last_seen: now,
            fins: [false; 2],
            life: Life::Open,
        };
        pair.see(visit.direction, packet, now);
        let expires = pair.expires();
        self.pairs.insert(key, pair);
        if is_new {
            self.sweep.push_back(key);
        }
        let share = self.share(visit.nic);
        share.records += u32::from(is_new);
        share.full_until = share.full_until.min(expires);
        Ok(())
    }

    fn forget(&mut self, visit: Visit, packet: &Packet) {
        if let Some(pair) = self.pairs.get_mut(&Key::of(visit, packet.tuple())) {
            pair.life = Life::Ended;
            self.share(visit.nic).full_until = SimTime::ZERO;
        }
    }

    fn knows_quoted(&self, visit: Visit, quoted: FiveTuple, now: SimTime) -> bool {
        // The packet that an error is about went the other way.
        let key = Key::of(visit, quoted.reversed());
        self.pairs.get(&key).is_some_and(|pair| pair.lives(now))
    }

    fn nat(&mut self) -> &mut Nat {
        &mut self.nat
    }

    fn remember_fragment(&mut self, visit: Visit, first: &Packet, now: SimTime) {
        self.fragments.remember(visit, first, now);
    }

    fn recall_fragment(&mut self, visit: Visit, later: &Packet, now: SimTime) -> Option<FiveTuple> {
        self.fragments.recall(visit, later, now)
    }
}

impl Key {
    fn of(visit: Visit, tuple: FiveTuple) -> Self {
        let leaving = match visit.direction {
            Direction::Outbound => tuple,
            Direction::Inbound => tuple.reversed(),
        };
        Self {
            nic: visit.nic,
            leaving,
        }
    }
}

impl Pair {
    /// The last moment at which it lives.
    fn expires(&self) -> SimTime {
        match self.life {
            Life::Open => self.last_seen + self.idle,
            Life::Closed(at) => at + LINGER,
            Life::Ended => SimTime::ZERO,
        }
    }

    fn lives(&self, now: SimTime) -> bool {
        self.life != Life::Ended && now <= self.expires()
    }

    /// The connection is closed, and this packet begins another one between the same ports: rules are asked.
    fn is_reused_by(&self, packet: &Packet) -> bool {
        self.life != Life::Open
            && matches!(packet.content(), Content::Tcp(flags) if flags.asks_for_connection())
    }

    /// A packet of the flow passes in this direction.
    fn see(&mut self, direction: Direction, packet: &Packet, now: SimTime) {
        self.last_seen = now;
        let Content::Tcp(flags) = packet.content() else {
            return;
        };
        if flags.contains(TcpFlags::FIN) {
            self.fins[usize::from(direction == Direction::Inbound)] = true;
        }
        let closes = flags.contains(TcpFlags::RST) || self.fins == [true; 2];
        if closes && self.life == Life::Open {
            self.life = Life::Closed(now);
        }
    }

    fn known(&self, key: Key) -> Known {
        let tuple = match self.initiator {
            Direction::Outbound => key.leaving,
            Direction::Inbound => key.leaving.reversed(),
        };
        Known {
            initiator: self.initiator,
            subject: Subject {
                tuple,
                icmp_type: self.icmp_type,
            },
            admitted_in: self.admitted_in,
        }
    }
}

#[cfg(test)]
pub(crate) mod listing;
#[cfg(test)]
mod tests;
