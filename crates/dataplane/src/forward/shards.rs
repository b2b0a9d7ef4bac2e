//! Which shard a packet belongs to.
//!
//! A conversation belongs to one shard, by a symmetric hash of its two addresses. Ports take no part: so both directions, all visits to
//! NICs, all fragments and (by the packet that they quote) all ICMP errors of a conversation meet where its flow pairs are, and no packet
//! of it changes shard. Where an address may stand for another one, a packet of *one* conversation shows different addresses on its way.
//! All that is remembered of translations therefore has one home, [`HOME`]: every packet that shows such an address belongs there, and so
//! does every turn in a guest that translates.
//!
//! Two things are left to the home shard beside, because they are counted over all conversations of a guest: ICMP errors about a
//! packet that a router cannot pass on (K-9 limits their rate).
//!
//! It does not know threads or queues: a driver has those. An ICMP error that is itself cut into fragments does not stay together: its
//! first fragment goes by the packet that it quotes, the others cannot.

use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use fib::Ranges;
use ipnet::Ipv4Net;
use model::NicId;

use crate::answers::Departure;
use crate::guest;
use crate::packet::{FiveTuple, NIC_MTU, Packet};
use crate::pipeline::Position;

/// The shard that has all memory of translations.
pub const HOME: u32 = 0;

/// The shards of a run, as one of them sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards {
    own: u32,
    count: u32,
    /// Whether an address may stand for another one; `None` if there is one shard only, which has everything.
    stand_ins: Option<Arc<Ranges<bool>>>,
}

/// A single shard.
impl Default for Shards {
    fn default() -> Self {
        Self {
            own: HOME,
            count: 1,
            stand_ins: None,
        }
    }
}

/// Packets that changed shard, as one shard has counted them. Over all shards, `given` - `taken` are under way between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandOvers {
    /// Packets that went to other shards.
    pub given: u64,
    /// Packets that came from other shards and went on here.
    pub taken: u64,
}

impl Shards {
    /// `count` shards (0 counts as 1) for a snapshot, as the home shard sees them. Reads all guests and frontends: once a snapshot.
    pub fn new(snapshot: &Snapshot, count: u32) -> Self {
        if count <= 1 {
            return Self::default();
        }
        Self {
            own: HOME,
            count,
            stand_ins: Some(Arc::new(stand_ins(snapshot))),
        }
    }

    /// The same shards as another one of them sees them.
    #[must_use]
    pub fn seen_from(&self, own: u32) -> Self {
        Self {
            own,
            ..self.clone()
        }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The one that sees them so.
    pub fn own(&self) -> u32 {
        self.own
    }

    /// Whether packets between any two ends belong to the same shards as under `other`: if not, flows would lose their memory.
    pub fn agree_with(&self, other: &Self) -> bool {
        self.count == other.count && self.stand_ins == other.stand_ins
    }

    /// The shard of a conversation, whichever of its ends is named first.
    #[inline]
    pub fn of(&self, source: Ipv4Addr, destination: Ipv4Addr) -> u32 {
        let Some(stand_ins) = &self.stand_ins else {
            return HOME;
        };
        if stand_ins.lookup(source) || stand_ins.lookup(destination) {
            return HOME;
        }
        let ends = FiveTuple {
            source,
            destination,
            source_port: 0,
            destination_port: 0,
            protocol: 0,
        };
        let upper_half = ends.symmetric_hash() >> 32;
        let scaled = (upper_half * u64::from(self.count)) >> 32;
        u32::try_from(scaled).unwrap_or(HOME)
    }

    /// The shard at which a packet enters that a guest hands to its NIC: the one at which its first stage finds its memory.
    pub fn of_entering(&self, packet: &Packet) -> u32 {
        let conversation = packet.conversation();
        self.of(conversation.source, conversation.destination)
    }

    /// The other shard whose memory the next stage of a packet's life needs; `None` if it goes on here.
    #[inline]
    pub fn elsewhere(
        &self,
        snapshot: &Snapshot,
        position: Position,
        packet: &Packet,
    ) -> Option<u32> {
        self.stand_ins.as_ref()?;
        let shard = match position {
            Position::Leaving(_)
            | Position::UnderWay {
                to: Departure::Nic(_) | Departure::Tunnel(_),
                ..
            } => self.of_entering(packet),
            Position::InGuest(at) if has_its_turn_at_home(snapshot, at, packet) => HOME,
            // What is left asks no memory, or the memory of what came before.
            Position::InGuest(_)
            | Position::UnderWay {
                to:
                    Departure::OwnGuest
                    | Departure::Platform
                    | Departure::Internet
                    | Departure::AzureService,
                ..
            } => self.own,
        };
        (shard != self.own).then_some(shard)
    }
}

/// Whether the guest translates, or has to report the packet instead of passing it on.
fn has_its_turn_at_home(snapshot: &Snapshot, at: NicId, packet: &Packet) -> bool {
    let ends_here =
        packet.ttl() <= 1 || (packet.len() > usize::from(NIC_MTU) && packet.dont_fragment());
    ends_here
        || snapshot
            .guest_behind(at)
            .is_some_and(|(_, guest)| guest::translates(guest))
}

/// Addresses that may stand for another one, or for which another one may stand while the far end shows nothing of it:
/// - all that the Internet may have, and whatever of the input is seen there (N-12, N-13);
/// - addresses of appliances and firewalls that translate (R-34, S-35);
/// - private frontends *and their members* (R-25): what a member answers shows only its own address until the platform puts the
///   frontend's in its place. Members of public frontends need no mark, the far end of their conversations has one.
fn stand_ins(snapshot: &Snapshot) -> Ranges<bool> {
    let edge = &snapshot.edge;
    let mut addresses: Vec<Ipv4Addr> = edge.owners.keys().copied().collect();
    addresses.extend(edge.translated.values().map(|way| way.address));
    addresses.extend(edge.shared.iter().map(|shared| shared.address));

    for guest in snapshot
        .guests
        .iter()
        .filter(|guest| guest::translates(guest))
    {
        let nics = guest.nics.iter().filter_map(|&nic| snapshot.nic(nic));
        addresses.extend(nics.flat_map(|nic| nic.addresses.iter().copied()));
    }
    for firewall in snapshot.firewalls.iter().flatten() {
        addresses.push(firewall.address);
        addresses.extend(&firewall.public_addresses);
    }
    for frontend in snapshot.frontends.iter() {
        addresses.extend(frontend.address);
        if !frontend.public {
            let members = frontend.rules.iter().flat_map(|rule| &rule.members);
            addresses.extend(members.map(|member| member.address));
        }
    }

    addresses.sort_unstable();
    addresses.dedup();
    let single = addresses.into_iter().map(Ipv4Net::from);
    let beyond = edge.beyond().prefixes();
    Ranges::fold_prefixes(false, beyond.chain(single).map(|net| (net, ())), |_, ()| {
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Shards {
        let marked = [("203.0.113.0/24".parse().expect("a prefix"), ())];
        Shards {
            own: HOME,
            count: 3,
            stand_ins: Some(Arc::new(Ranges::fold_prefixes(false, marked, |_, ()| true))),
        }
    }

    #[test]
    fn both_directions_of_a_conversation_meet_and_conversations_spread() {
        let shards = three();
        let mut of_each = [0_u32; 3];
        for low in 0..=255 {
            let a = Ipv4Addr::new(10, 1, 0, low);
            let b = Ipv4Addr::new(10, 2, low, 4);
            assert_eq!(shards.of(a, b), shards.of(b, a));
            of_each[shards.of(a, b) as usize] += 1;
        }
        assert!(
            of_each.iter().all(|&pairs| pairs > 256 / 6),
            "256 pairs of addresses: {of_each:?}"
        );
    }

    #[test]
    fn an_address_that_may_stand_for_another_belongs_to_the_home_shard() {
        let shards = three();
        for low in 0..=255 {
            let inside = Ipv4Addr::new(10, 1, 0, low);
            let public = Ipv4Addr::new(203, 0, 113, low);
            assert_eq!(shards.of(inside, public), HOME);
            assert_eq!(shards.of(public, inside), HOME);
        }
    }

    #[test]
    fn a_single_shard_has_everything() {
        let alone = Shards::default();
        let (a, b) = (Ipv4Addr::new(10, 1, 0, 4), Ipv4Addr::new(10, 2, 0, 4));
        assert_eq!((alone.count(), alone.of(a, b)), (1, HOME));
        assert!(!alone.agree_with(&three()));
        assert!(three().agree_with(&three().seen_from(2)));
    }
}
