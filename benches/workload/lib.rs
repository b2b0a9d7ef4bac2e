//! Tables and traffic for the benches: Azure-shaped, of any size, the same on every machine.
//!
//! - [`routes`] and [`rules`]: tables, and the destinations and keys to ask them for.
//! - [`hub_and_spokes`]: a network whose machines talk directly or through an appliance.
//!
//! Measures nothing itself.

pub mod hub_and_spokes;
pub mod routes;
pub mod rules;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The generator `SplitMix64`: enough for workloads, and the same numbers forever.
pub struct Random(u64);

impl Random {
    /// The generator whose numbers follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 32) as u32 // the upper half
    }

    /// Uniform in `0..bound`. The type must hold `bound - 1`.
    pub fn below<T: TryFrom<u64>>(&mut self, bound: u32) -> T {
        let scaled = (u64::from(self.next()) * u64::from(bound)) >> 32;
        T::try_from(scaled)
            .ok()
            .expect("the type holds what is below the bound")
    }

    /// One element of `from`, which must not be empty.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let count = u32::try_from(from.len()).expect("workloads are small");
        &from[self.below::<usize>(count)]
    }

    /// An address of `prefix`, uniform.
    pub fn address_in(&mut self, prefix: Ipv4Net) -> Ipv4Addr {
        (u32::from(prefix.network()) | self.next() & u32::from(prefix.hostmask())).into()
    }
}
