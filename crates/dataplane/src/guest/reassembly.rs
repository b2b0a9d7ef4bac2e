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
