//! What a conversation is known by: one key for both directions.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::net::Ipv4Addr;

use model::Direction;

use crate::packet::FiveTuple;

/// The two directions of a conversation: from the lower end (address, then port) to the upper, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Course {
    /// From the lower end.
    Up,
    /// From the upper end.
    Down,
}

impl Course {
    /// 0 or 1, for tables by course.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    #[inline]
    pub(crate) const fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// How the pair of a packet that passes a NIC this way leaves that NIC (S-17).
    #[inline]
    pub(crate) const fn leaving(self, direction: Direction) -> Self {
        match direction {
            Direction::Outbound => self,
            Direction::Inbound => self.opposite(),
        }
    }
}

/// A five-tuple with its lower end first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlowKey {
    /// Lower address, and in the upper half the other one.
    pub(crate) addresses: u64,
    /// Port of the lower end, and in the upper half the other one.
    pub(crate) ports: u32,
    pub(crate) protocol: u8,
}

impl FlowKey {
    /// The key of a packet, and which of the two ways it goes.
    #[inline]
    pub(crate) fn of(tuple: FiveTuple) -> (Self, Course) {
        Self::from_parts(
            tuple.source.into(),
            tuple.destination.into(),
            tuple.source_port,
            tuple.destination_port,
            tuple.protocol,
        )
    }

    /// [`of`](Self::of) the fields of a header.
    #[inline]
    pub(crate) fn from_parts(
        source: u32,
        destination: u32,
        source_port: u16,
        destination_port: u16,
        protocol: u8,
    ) -> (Self, Course) {
        let end = |address: u32, port: u16| u64::from(address) << 16 | u64::from(port);
        let (from, to) = (end(source, source_port), end(destination, destination_port));
        let (lower, upper, course) = if from <= to {
            (from, to, Course::Up)
        } else {
            (to, from, Course::Down)
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower halves are the ports"
        )]
        let key = Self {
            addresses: lower >> 16 | upper >> 16 << 32,
            ports: u32::from(lower as u16) | u32::from(upper as u16) << 16,
            protocol,
        };
        (key, course)
    }

    /// The five-tuple of packets that go this way.
    #[expect(clippy::cast_possible_truncation, reason = "halves are taken apart")]
    pub(crate) fn tuple(self, course: Course) -> FiveTuple {
        let up = FiveTuple {
            source: Ipv4Addr::from(self.addresses as u32),
            destination: Ipv4Addr::from((self.addresses >> 32) as u32),
            source_port: self.ports as u16,
            destination_port: (self.ports >> 16) as u16,
            protocol: self.protocol,
        };
        match course {
            Course::Up => up,
            Course::Down => up.reversed(),
        }
    }

    /// Where a search for it begins. Two multiplications' worth of mixing; no seed, since nothing that is seen depends on it.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        let rest = u64::from(self.ports) | u64::from(self.protocol) << 32;
        let product = u128::from(self.addresses ^ 0x9e37_79b9_7f4a_7c15)
            * u128::from(rest ^ 0xd1b5_4a32_d192_ed03);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "both halves are folded into one"
        )]
        let folded = product as u64 ^ (product >> 64) as u64;
        folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(Self::hash(*self));
    }
}

/// For maps by [`FlowKey`], which is hashed already.
pub(crate) type Hashed = BuildHasherDefault<Passed>;

/// Hands a hash on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed(u64);

impl Hasher for Passed {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_directions_have_one_key_and_come_back_from_it(
            source: u32, destination: u32, source_port: u16, destination_port: u16, protocol: u8,
        ) {
            let tuple = FiveTuple {
                source: source.into(),
                destination: destination.into(),
                source_port,
                destination_port,
                protocol,
            };
            let (key, course) = FlowKey::of(tuple);
            let (same, other) = FlowKey::of(tuple.reversed());
            prop_assert_eq!(key, same);
            prop_assert!(course != other || tuple == tuple.reversed());
            prop_assert_eq!(key.tuple(course), tuple);
            prop_assert_eq!(key.tuple(course.opposite()), tuple.reversed());
        }
    }
}
