//! One pair, as the forwarding core keeps it: without its five-tuple, which the conversation has.

use model::NicId;

use super::key::Course;
use crate::faults::{Fault, planted};
use crate::packet::{Content, Packet, TcpFlags};
use crate::time::{SimDuration, SimTime};

/// How long a closed TCP flow is remembered, so that its last ACK or a late RST passes (S-21).
pub(super) const LINGER: SimDuration = SimDuration::from_seconds(1);

/// Milliseconds, counted modulo 2³²: 49 days. Ages are differences, so they are right as long as nothing is older than that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick(pub(crate) u32);

const NANOSECONDS_PER_TICK: u64 = 1_000_000;

impl Tick {
    /// The tick in which a moment lies.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "ticks are counted modulo 2^32"
    )]
    pub(crate) fn of(moment: SimTime) -> Self {
        Self((moment.as_nanoseconds() / NANOSECONDS_PER_TICK) as u32)
    }

    /// Ticks since `earlier`.
    #[inline]
    pub(crate) const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// A span in ticks, at most half of what can be counted.
#[expect(clippy::cast_possible_truncation, reason = "the minimum fits")]
pub(crate) fn ticks(span: crate::time::SimDuration) -> u32 {
    (span.as_nanoseconds() / NANOSECONDS_PER_TICK).min(u64::from(u32::MAX / 2)) as u32
}

/// How far a connection has come (S-21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life {
    /// A FIN was seen, by course.
    pub(crate) fins: [bool; 2],
    /// RST, or both FINs.
    pub(crate) closed: bool,
}

impl Life {
    /// What becomes of it by a packet.
    #[inline]
    pub(crate) fn after(mut self, course: Course, flags: TcpFlags) -> Self {
        if flags.contains(TcpFlags::FIN) {
            self.fins[course.index()] = true;
        }
        self.closed |= flags.contains(TcpFlags::RST) || self.fins == [true; 2];
        self
    }
}

/// A pair of one conversation at one NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) nic: NicId,
    /// How it leaves the NIC (S-17). An appliance has one pair of each course.
    pub(crate) leaves: Course,
    /// How the packet went that began the flow here.
    pub(crate) initiator: Course,
    /// What rules saw of that packet beside its five-tuple (S-6).
    pub(crate) icmp_type: Option<u8>,
    /// Generation of the snapshot whose rules admitted it (S-22).
    pub(crate) admitted_in: u32,
    /// Ticks after which it is forgotten.
    pub(crate) idle: u32,
    /// The last packet; once closed, the moment of that.
    pub(crate) seen: Tick,
    pub(crate) life: Life,
}

impl Pair {
    #[inline]
    pub(crate) fn lives(&self, now: Tick) -> bool {
        now.since(self.seen) <= self.span()
    }

    /// Ticks that it lives after [`seen`](Self::seen).
    #[inline]
    pub(crate) fn span(&self) -> u32 {
        if self.life.closed {
            ticks(LINGER)
        } else {
            self.idle
        }
    }

    /// The connection is closed, and this packet begins another one between the same ports: rules are asked.
    pub(crate) fn is_reused_by(&self, packet: &Packet) -> bool {
        self.life.closed
            && !planted(Fault::ReuseUnseen)
            && matches!(packet.content(), Content::Tcp(flags) if flags.asks_for_connection())
    }

    /// A packet of the flow passes.
    #[inline]
    pub(crate) fn see(&mut self, course: Course, packet: &Packet, now: Tick) {
        if self.life.closed && !planted(Fault::LingerExtended) {
            return;
        }
        self.seen = now;
        if let Content::Tcp(flags) = packet.content() {
            self.life = self.life.after(course, flags);
        }
    }
}
