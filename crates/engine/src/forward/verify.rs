//! Looks at every packet that has arrived: do its bytes say what they must after such a way?
//!
//! - the IPv4 header and its checksum verify, and so does the transport's checksum;
//! - the time to live went down by one at each router, and only there. How many routers there are, the scalar walk says: it sends the packet
//!   once more, in a world of its own. Where the two end at different places, because translations or fragments needed what only the run
//!   remembers, this one check is left out;
//! - the receiving NIC's MAC address is the destination's, and the destination is an address of the guest.
//!
//! Packets that came from another shard are looked at without the time to live that they began with.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use control::Snapshot;
use dataplane::forward::{Entering, Frames};
use dataplane::packet::{FiveTuple, HeaderError, derived_mac};
use dataplane::pipeline::{Delivery, Outcome};
use dataplane::{Evidence, FlowTable, Guests, Packet, Pipeline, Position, Step};
use model::NicId;

use super::Observer;
use crate::time::SimTime;

/// Faults that are kept with their packet; all are counted.
const KEPT: usize = 16;
/// Ways that are remembered.
const WAYS: usize = 1 << 16;

/// Checks the bytes of packets that have arrived.
#[derive(Debug, Default)]
pub struct Verify {
    snapshot: Option<Arc<Snapshot>>,
    /// The frames of the present burst as they entered, with their NIC. The first `burst` count.
    entered: Vec<(NicId, Vec<u8>)>,
    burst: usize,
    ways: HashMap<(NicId, FiveTuple), Option<Way>>,
    checked: u64,
    ttl_checked: u64,
    fault_count: u64,
    faults: Vec<Fault>,
}

/// Where packets of a flow end, and how many routers they pass.
type Way = (Delivery, u8);

/// What is wrong with a packet that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No packet at all, or a wrong IPv4 header checksum.
    Header(HeaderError),
    /// The checksum of TCP, UDP or ICMP.
    Transport(FiveTuple),
    /// The time to live.
    Ttl {
        /// The packet, as it arrived.
        packet: FiveTuple,
        /// What it should be.
        expected: u8,
        /// What it is.
        found: u8,
    },
    /// The destination's MAC address is not that of the receiving NIC.
    Mac {
        /// The packet, as it arrived.
        packet: FiveTuple,
        /// The receiving NIC.
        nic: NicId,
    },
    /// The destination is no address of the guest.
    Address {
        /// The packet, as it arrived.
        packet: FiveTuple,
        /// The receiving NIC.
        nic: NicId,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::Transport(packet) => write!(f, "{packet}: wrong transport checksum"),
            Self::Ttl {
                packet,
                expected,
                found,
            } => write!(f, "{packet}: time to live {found} instead of {expected}"),
            Self::Mac { packet, nic } => {
                write!(f, "{packet}: not the MAC address of NIC {}", nic.get())
            }
            Self::Address { packet, nic } => {
                write!(f, "{packet}: no address of the guest of NIC {}", nic.get())
            }
        }
    }
}

impl Verify {
    /// Packets that were looked at.
    pub fn checked(&self) -> u64 {
        self.checked
    }

    /// Packets whose time to live could be compared.
    pub fn ttl_checked(&self) -> u64 {
        self.ttl_checked
    }

    /// Packets with a fault.
    pub fn fault_count(&self) -> u64 {
        self.fault_count
    }

    /// The first of them.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    fn check(
        &mut self,
        entering: Option<usize>,
        frame: &[u8],
        delivery: Delivery,
    ) -> Result<(), Fault> {
        let packet = Packet::from_frame(frame.to_vec()).map_err(Fault::Header)?;
        let tuple = packet.tuple();
        let Some(snapshot) = self.snapshot.clone() else {
            return Ok(());
        };
        let entered = entering
            .filter(|&position| position < self.burst)
            .map(|position| (self.entered[position].0, &self.entered[position].1))
            .and_then(|(nic, bytes)| Some((nic, Packet::from_frame(bytes.clone()).ok()?)));
        // A guest may send a wrong one; the fabric patches it and must not make it right or wrong.
        let was_valid = entered
            .as_ref()
            .is_none_or(|(_, packet)| packet.has_valid_transport_checksum());
        if was_valid != packet.has_valid_transport_checksum() {
            return Err(Fault::Transport(tuple));
        }
        if let Delivery::Guest(nic) = delivery {
            let mac = snapshot.nic(nic).and_then(|nic| nic.mac_address);
            if frame[..6] != mac.unwrap_or_else(|| derived_mac(nic)) {
                return Err(Fault::Mac { packet: tuple, nic });
            }
            let guest = snapshot.guest_behind(nic);
            let nics = guest.map_or(&[][..], |(_, guest)| &guest.nics);
            if !nics
                .iter()
                .any(|&nic| snapshot.answers_for(nic, tuple.destination))
            {
                return Err(Fault::Address { packet: tuple, nic });
            }
        }
        if let Some((nic, original)) = entered
            && let Some((end, routers)) = self.way(&snapshot, nic, &original)
            && end == delivery
        {
            self.ttl_checked += 1;
            let expected = original.ttl().saturating_sub(routers);
            let found = packet.ttl();
            if found != expected {
                return Err(Fault::Ttl {
                    packet: tuple,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// The way of a packet as the scalar walk goes it, whatever filters say: the run may remember its flow.
    fn way(&mut self, snapshot: &Snapshot, nic: NicId, packet: &Packet) -> Option<Way> {
        if self.ways.len() >= WAYS {
            self.ways.clear();
        }
        let key = (nic, packet.tuple());
        *self.ways.entry(key).or_insert_with(|| {
            let (mut pairs, mut guests) = (FlowTable::default(), Guests::without_rate_limits());
            let mut evidence = Evidence::counterfactual();
            let mut walked = packet.clone();
            let mut pipeline = Pipeline::new(
                snapshot,
                &mut pairs,
                &mut guests,
                &mut evidence,
                SimTime::ZERO,
            );
            let outcome = pipeline.walk(Position::Leaving(nic), &mut walked);
            let is_router = |step: &&Step| matches!(step, Step::Forwarded { .. });
            let routers = evidence.steps.iter().filter(is_router).count();
            match outcome {
                Outcome::Delivered(end) => Some((end, u8::try_from(routers).ok()?)),
                Outcome::Dropped { .. } => None,
            }
        })
    }
}

impl Observer for Verify {
    fn begin(&mut self, snapshot: &Arc<Snapshot>, frames: &Frames, entering: &[Entering]) {
        let known = self.snapshot.as_ref();
        if known.is_none_or(|known| !Arc::ptr_eq(known, snapshot)) {
            self.snapshot = Some(Arc::clone(snapshot));
            self.ways.clear();
        }
        self.burst = entering.len();
        if self.entered.len() < self.burst {
            self.entered
                .resize_with(self.burst, || (NicId::new(0), Vec::new()));
        }
        for ((nic, bytes), packet) in self.entered.iter_mut().zip(entering) {
            *nic = packet.nic;
            bytes.clear();
            bytes.extend_from_slice(frames.frame(packet.slot));
        }
    }

    fn settled(&mut self, entering: Option<usize>, frame: &[u8], outcome: Outcome) {
        let Outcome::Delivered(delivery) = outcome else {
            return;
        };
        self.checked += 1;
        if let Err(fault) = self.check(entering, frame, delivery) {
            self.fault_count += 1;
            if self.faults.len() < KEPT {
                self.faults.push(fault);
            }
        }
    }
}
