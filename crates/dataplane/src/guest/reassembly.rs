//! Putting fragments together in a guest (RFC 791 §3.2, RFC 815).

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use crate::packet::{FiveTuple, Packet};
use crate::time::{SimDuration, SimTime};

/// How long a guest waits for the rest of a datagram: Linux's default.
const PATIENCE: SimDuration = SimDuration::from_seconds(30);
/// Datagrams that a guest holds in pieces. The oldest makes room for one more.
const DATAGRAMS: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    datagrams: HashMap<Key, Pieces>,
    /// Every key of `datagrams` once, the oldest first.
    order: VecDeque<Key>,
}

type Key = (Ipv4Addr, Ipv4Addr, u8, u16);

#[derive(Clone, Debug)]
struct Pieces {
    begun: SimTime,
    /// In the order of their offsets, without overlaps.
    pieces: Vec<Packet>,
}

impl Reassembly {
    /// Takes a fragment; the datagram, if this was the last that was missing. Fragments that overlap condemn their datagram: no
    /// honest sender makes them (RFC 5722 says so for IPv6).
    pub(super) fn add(&mut self, fragment: &Packet, now: SimTime) -> Option<Packet> {
        let FiveTuple {
            source,
            destination,
            protocol,
            ..
        } = fragment.tuple();
        let key = (source, destination, protocol, fragment.identification());
        if let Some(pieces) = self.datagrams.get(&key)
            && now - pieces.begun > PATIENCE
        {
            self.remove(key);
        }
        if !self.datagrams.contains_key(&key) {
            if self.order.len() == DATAGRAMS
                && let Some(oldest) = self.order.pop_front()
            {
                self.datagrams.remove(&oldest);
            }
            self.order.push_back(key);
        }
        let held = self.datagrams.entry(key).or_insert_with(|| Pieces {
            begun: now,
            pieces: Vec::new(),
        });
        if !held.insert(fragment) {
            self.remove(key);
            return None;
        }
        if !held.are_complete() {
            return None;
        }
        let whole = Packet::reassembled(&held.pieces);
        self.remove(key);
        whole
    }

    fn remove(&mut self, key: Key) {
        self.datagrams.remove(&key);
        self.order.retain(|&held| held != key);
    }
}

impl Pieces {
    /// False if the fragment overlaps another one. A copy of one that is here changes nothing.
    fn insert(&mut self, fragment: &Packet) -> bool {
        let (start, end) = span(fragment);
        let position = self
            .pieces
            .partition_point(|piece| piece.fragment_offset() < start);
        if let Some(next) = self.pieces.get(position) {
            if span(next) == (start, end) {
                return true;
            }
            if next.fragment_offset() < end {
                return false;
            }
        }
        let before = position.checked_sub(1).map(|before| &self.pieces[before]);
        if before.is_some_and(|before| span(before).1 > start) {
            return false;
        }
        self.pieces.insert(position, fragment.clone());
        true
    }

    fn are_complete(&self) -> bool {
        let mut end = 0;
        for piece in &self.pieces {
            let (start, next) = span(piece);
            if start != end {
                return false;
            }
            end = next;
        }
        self.pieces
            .last()
            .is_some_and(|last| !last.more_fragments())
    }
}

/// First byte, and the byte behind the last.
fn span(fragment: &Packet) -> (usize, usize) {
    let start = fragment.fragment_offset();
    (start, start + fragment.payload().len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::Envelope;

    fn datagram(identification: u16, length: usize) -> Packet {
        let envelope = Envelope {
            identification,
            ..Envelope::new(Ipv4Addr::new(10, 1, 0, 4), Ipv4Addr::new(10, 2, 0, 4))
        };
        let data: Vec<u8> = (0..=250).cycle().take(length).collect();
        Packet::udp(envelope, 5, 53, &data).expect("a datagram that fits")
    }

    #[test]
    fn fragments_that_overlap_condemn_their_datagram() {
        let packet = datagram(1, 2000);
        let [first, _, last] = &packet.clone().fit(800).unwrap()[..] else {
            panic!("three parts");
        };
        let other_cut = packet.fit(1200).unwrap().remove(1);
        let mut held = Reassembly::default();
        assert_eq!(held.add(first, SimTime::ZERO), None);
        assert_eq!(held.add(last, SimTime::ZERO), None);
        assert_eq!(held.add(&other_cut, SimTime::ZERO), None);
        assert!(held.datagrams.is_empty() && held.order.is_empty());
    }

    #[test]
    fn a_guest_waits_thirty_seconds_and_holds_sixty_four_datagrams() {
        let late = SimTime::ZERO + SimDuration::from_seconds(31);
        let parts = datagram(1, 2000).fit(1500).unwrap();
        let mut held = Reassembly::default();
        assert_eq!(held.add(&parts[0], SimTime::ZERO), None);
        assert_eq!(held.add(&parts[1], late), None);

        let mut held = Reassembly::default();
        for identification in 0..200 {
            let first = datagram(identification, 2000).fit(1500).unwrap().remove(0);
            held.add(&first, SimTime::ZERO);
        }
        assert_eq!(
            (held.datagrams.len(), held.order.len()),
            (DATAGRAMS, DATAGRAMS)
        );
    }

    proptest! {
        #[test]
        fn a_datagram_comes_together_in_any_order_and_with_copies(length in 200..4000usize, mtu in 128..1500u16, order in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
            let packet = datagram(7, length);
            let parts = packet.clone().fit(mtu).unwrap();
            prop_assume!(parts.len() > 1);
            let mut held = Reassembly::default();
            let mut missing: Vec<usize> = (0..parts.len()).collect();
            for index in order {
                let part = index.index(parts.len());
                let whole = held.add(&parts[part], SimTime::ZERO);
                missing.retain(|&other| other != part);
                if missing.is_empty() {
                    prop_assert_eq!(whole, Some(packet));
                    return Ok(());
                }
                prop_assert_eq!(whole, None);
            }
            let Some((&last, rest)) = missing.split_last() else {
                return Ok(());
            };
            for &part in rest {
                prop_assert_eq!(held.add(&parts[part], SimTime::ZERO), None);
            }
            prop_assert_eq!(held.add(&parts[last], SimTime::ZERO), Some(packet));
        }
    }
}
