//! Ways that packets between two addresses have walked lately under the present snapshot.
//!
//! What the walk asks of a packet beside rules, routes and boundaries is fixed by its addresses, its protocol and the NIC it comes
//! from. So another packet of the same three that gets the same answers goes the same way, whatever its ports: it need not walk to
//! show it. A memory of a fixed size that forgets when it likes: what is not found walks.

use model::NicId;

use super::entry::ProgramId;
use super::key::{Course, FlowKey};
use crate::faults::{Fault, planted};

/// Buckets of two ways each; a power of two.
const BUCKETS: usize = 2048;

/// Whose packets have walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// Packets that begin a flow everywhere on the way.
    New,
    /// Packets whose flow all NICs on the way know, and that go as the one that began it.
    Asking,
    /// Packets whose flow all NICs on the way know, and that go the other way: a group that flushes asks the rules of the side that
    /// began it (S-22).
    Answering,
}

/// The memory.
#[derive(Debug)]
pub(super) struct Trodden {
    /// In each bucket the one that came last is first.
    buckets: Vec<[Trail; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    sign: Sign,
    pub(super) program: ProgramId,
    /// Where it leads.
    pub(super) end: NicId,
    /// All packets of these addresses go this way: no hash over their ports has chosen a next hop.
    pub(super) by_addresses: bool,
}

/// What the packets of a way have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sign {
    /// Source above destination.
    addresses: u64,
    start: u32,
    protocol: u8,
    walked: Walked,
}

impl Walked {
    /// A packet of a known flow.
    pub(super) fn known(initiator: Course, course: Course) -> Self {
        if initiator == course || planted(Fault::TrailOfBothSides) {
            Self::Asking
        } else {
            Self::Answering
        }
    }
}

impl Trail {
    /// Of nobody's packets.
    const NONE: Self = Self {
        sign: Sign {
            addresses: 0,
            start: u32::MAX,
            protocol: 0,
            walked: Walked::New,
        },
        program: 0,
        end: NicId::new(u32::MAX),
        by_addresses: false,
    };
}

impl Sign {
    fn of(key: FlowKey, course: Course, start: NicId, walked: Walked) -> Self {
        Self {
            addresses: match course {
                Course::Up => key.addresses.rotate_left(32),
                Course::Down => key.addresses,
            },
            start: if planted(Fault::TrailOfAnybody) {
                0
            } else {
                start.get()
            },
            protocol: key.protocol,
            walked,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    fn bucket(self) -> usize {
        let rest = u64::from(self.start) << 16 | u64::from(self.protocol) << 8 | self.walked as u64;
        let product = u128::from(self.addresses ^ 0x9e37_79b9_7f4a_7c15)
            * u128::from(rest ^ 0xd1b5_4a32_d192_ed03);
        (product as u64 ^ (product >> 64) as u64) as usize % BUCKETS
    }
}

impl Default for Trodden {
    fn default() -> Self {
        Self {
            buckets: vec![[Trail::NONE; 2]; BUCKETS],
        }
    }
}

impl Trodden {
    /// The way of the last packet like this that walked.
    #[inline]
    pub(super) fn find(
        &self,
        key: FlowKey,
        course: Course,
        start: NicId,
        walked: Walked,
    ) -> Option<Trail> {
        let sign = Sign::of(key, course, start, walked);
        let bucket = &self.buckets[sign.bucket()];
        bucket.iter().find(|trail| trail.sign == sign).copied()
    }

    pub(super) fn note(
        &mut self,
        key: FlowKey,
        course: Course,
        [start, end]: [NicId; 2],
        walked: Walked,
        program: ProgramId,
        by_addresses: bool,
    ) {
        let sign = Sign::of(key, course, start, walked);
        let [last, before] = &mut self.buckets[sign.bucket()];
        if last.sign != sign {
            *before = *last;
        }
        *last = Trail {
            sign,
            program,
            end,
            by_addresses,
        };
    }

    /// Programs are numbered anew.
    pub(super) fn forget(&mut self) {
        self.buckets.fill([Trail::NONE; 2]);
    }
}
