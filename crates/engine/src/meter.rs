//! Counts what crosses peerings: each packet leaves one network through its link and enters the other through that one's.
//!
//! What this does not know: prices. The bytes are those of IP packets, without Ethernet; a packet that a rule of the receiver drops has
//! crossed all the same.

use std::collections::BTreeMap;

use control::Snapshot;
use dataplane::answers::Departure;
use model::LinkId;

use crate::trace::{Fate, FrameDirection, Sighting};

/// Bytes before the IP packet in a frame.
const ETHERNET_HEADER: usize = 14;

/// What has crossed the links of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    links: BTreeMap<LinkId, Traffic>,
}

/// What has crossed one link, seen from the network that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the remote network into this one.
    pub ingress: Amount,
    /// From this network into the remote one.
    pub egress: Amount,
}

/// Packets, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Fragments count each.
    pub packets: u64,
    /// Of IP packets, without Ethernet.
    pub bytes: u64,
}

impl Meter {
    /// Takes note of a frame; only those that set out from one network for another count.
    pub fn record(&mut self, snapshot: &Snapshot, sighting: &Sighting) {
        let (FrameDirection::Sent, Fate::Departed(Departure::Nic(to))) =
            (sighting.direction, sighting.fate)
        else {
            return;
        };
        let (Some(from), Some(to)) = (snapshot.nic(sighting.nic), snapshot.nic(to)) else {
            return; // hosts outside Azure use no peering
        };
        let (from, to) = (from.virtual_network, to.virtual_network);
        if from == to {
            return;
        }
        let bytes = sighting.bytes.len().saturating_sub(ETHERNET_HEADER) as u64;
        if let Some(link) = snapshot.link_between(from, to) {
            self.links.entry(link).or_default().egress.add(bytes);
        }
        if let Some(link) = snapshot.link_between(to, from) {
            self.links.entry(link).or_default().ingress.add(bytes);
        }
    }

    /// The links that anything has crossed, in the order of their ids.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, Traffic)> {
        self.links.iter().map(|(&link, &traffic)| (link, traffic))
    }
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}
