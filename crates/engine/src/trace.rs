//! What a run tells while it goes on: frames as NICs see them, and what programs learn. In the total order of events.

use dataplane::answers::Departure;
use dataplane::dropped::Dropped;
use dataplane::recorder::Step;
use model::NicId;

use crate::application::ProbeEvent;
use crate::time::SimTime;

/// Something that a consumer of a run may want to know.
#[derive(Clone, Debug)]
pub enum Occurrence {
    /// A NIC sent or received a frame.
    Frame(Sighting),
    /// A program learned something about a probe.
    Probe {
        /// When.
        at: SimTime,
        /// The NIC whose guest runs the program.
        nic: NicId,
        /// What.
        event: ProbeEvent,
    },
}

/// How much of the frames a run tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frames {
    /// None.
    None,
    /// Those that were dropped.
    #[default]
    Dropped,
    /// All, with the evidence for what became of each.
    All,
}

/// Identifies a packet on its whole way. Fragments keep the id of their packet; a reply is a packet of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId {
    /// The NIC whose guest made it.
    pub origin: NicId,
    /// Counts the packets of that guest through that NIC, from 1.
    pub number: u64,
}

impl PacketId {
    /// One number for both, unique up to 10^9 packets a NIC: in decimal, the number of the NIC and nine digits for the packet.
    /// `3000000007` is the seventh packet of NIC 3; those of NIC 0 are plain 1, 2, 3.
    pub fn as_number(self) -> u64 {
        u64::from(self.origin.get()) * 1_000_000_000 + self.number
    }
}

/// A frame at a NIC.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// When.
    pub at: SimTime,
    /// The NIC.
    pub nic: NicId,
    /// Which way.
    pub direction: FrameDirection,
    /// Which packet.
    pub packet: PacketId,
    /// The Ethernet frame as the guest hands it over or would get it.
    pub bytes: Vec<u8>,
    /// What became of it here.
    pub fate: Fate,
    /// The steps that led to it; empty unless [`Frames::All`] are told.
    pub evidence: Vec<Step>,
}

/// Which way a frame went, seen from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameDirection {
    /// From the guest.
    Sent,
    /// To the guest.
    Received,
}

/// What became of a frame at a NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on its way: to another NIC, or out of the simulated world.
    Departed(Departure),
    /// The guest has it.
    Delivered,
    /// The guest passes it on through this NIC.
    Forwarded(NicId),
    /// It died.
    Dropped(Dropped),
}
