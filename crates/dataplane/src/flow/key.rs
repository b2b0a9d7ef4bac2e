//! What a conversation is known by: one key for both directions.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::net::Ipv4Addr;

use model::Direction;

use crate::faults::{Fault, planted};
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
    pub(crate) fn leaving(self, direction: Direction) -> Self {
        match direction {
            Direction::Outbound => self,
            Direction::Inbound if planted(Fault::DirectionLost) => self,
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
        Self::from_words(
            u64::from(source) << 32 | u64::from(destination),
            u32::from(source_port) << 16 | u32::from(destination_port),
            protocol,
        )
    }

    /// [`of`](Self::of) addresses and ports as they follow each other in a header, the source above.
    #[inline]
    pub(crate) fn from_words(addresses: u64, ports: u32, protocol: u8) -> (Self, Course) {
        let (turned, turned_ports) = (addresses.rotate_left(32), ports.rotate_left(16));
        // The source has the upper half, so it is the lower end if turning round makes the number greater.
        // Which way a packet goes is anybody's guess: no branch, but a mask.
        #[expect(clippy::needless_bitwise_bool, reason = "no branch")]
        let is_up = (addresses < turned) | ((addresses == turned) & (ports <= turned_ports));
        let up = 0u64.wrapping_sub(u64::from(is_up));
        let key = Self {
            addresses: turned & up | addresses & !up,
            ports: {
                let up = 0u32.wrapping_sub(u32::from(is_up));
                turned_ports & up | ports & !up
            },
            protocol,
        };
        let course = [Course::Down, Course::Up][usize::from(is_up)];
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

    /// Whether both directions have the same five-tuple.
    pub(crate) fn is_its_own_reverse(self) -> bool {
        self.addresses == self.addresses.rotate_left(32) && self.ports == self.ports.rotate_left(16)
    }

    /// The course of a packet at a visit. If both directions have the same five-tuple, what leaves a NIC goes up and what enters it comes
    /// down: so an appliance has one pair for both of its visits, which leave it with the same five-tuple (S-17).
    pub(crate) fn course_at(self, course: Course, direction: Direction) -> Course {
        match direction {
            Direction::Inbound
                if self.is_its_own_reverse() && !planted(Fault::ReverseRememberedTwice) =>
            {
                Course::Down
            }
            _ => course,
        }
    }

    /// Where a search for it begins: a multiplication, its halves folded. No seed, since nothing that is seen depends on it.
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
        folded
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
