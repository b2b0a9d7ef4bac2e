//! Randomness that is the same on every machine and in every release: a network is named by its shape, sizes and seed.
//!
//! Every object has a stream of numbers of its own, so that one more NSG changes no virtual network.

/// What a stream is for. The numbers are part of the format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// How many NICs a subnet has.
    Fill = 1,
    /// Which hubs have gateways.
    Gateways = 2,
    /// Which subnets are behind an appliance.
    Appliances = 3,
    /// Links of a virtual network.
    Peering = 4,
    /// Rules of an NSG.
    Rules = 5,
    /// Routes of a table.
    Routes = 6,
    /// Which subnets go without an NSG.
    Bare = 7,
    /// What belongs to one NIC.
    Nic = 8,
    /// Which VMs do not run.
    Stopped = 9,
    /// Which hub's application groups there are.
    Groups = 10,
    /// Which hubs have a firewall.
    Firewalls = 11,
    /// Which hubs have appliances behind a load balancer.
    LoadBalancers = 12,
    /// Which subnets have a NAT gateway.
    NatGateways = 13,
    /// Which VMs have a second address.
    SecondAddresses = 14,
    /// Which VMs have a public address.
    PublicAddresses = 15,
    /// Rules of a firewall.
    FirewallRules = 16,
    /// What the second appliance of a hub has that the first has not.
    SecondAppliances = 17,
}

/// A stream of numbers: `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

impl Random {
    /// The stream of one object of this kind.
    pub(crate) fn of(seed: u64, purpose: Purpose, number: usize) -> Self {
        let kind = mix(seed.wrapping_add((purpose as u64).wrapping_mul(STEP)));
        Self(mix(
            kind.wrapping_add((number as u64 + 1).wrapping_mul(STEP))
        ))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Below `bound`, which must not be 0. Some numbers come more often than others by one in 2^64 / `bound`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the result is below a usize"
    )]
    pub(crate) const fn below(&mut self, bound: usize) -> usize {
        ((self.next() as u128 * bound as u128) >> 64) as usize
    }

    /// True in so many of a hundred cases.
    pub(crate) const fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of them; there must be one.
    pub(crate) const fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of them, each as often as its weight says; weights must not be 0 in all.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(usize, T)]) -> T {
        let total = from.iter().map(|&(weight, _)| weight).sum();
        let mut left = self.below(total);
        for &(weight, item) in from {
            if left < weight {
                return item;
            }
            left -= weight;
        }
        unreachable!("what is below the sum of the weights lies in one of them")
    }

    /// `count` of the numbers below `of`, ascending; all of them if there are no more.
    pub(crate) fn some_of(&mut self, count: usize, of: usize) -> Vec<usize> {
        let mut wanted = count.min(of);
        let mut chosen = Vec::with_capacity(wanted);
        for number in 0..of {
            if self.below(of - number) < wanted {
                chosen.push(number);
                wanted -= 1;
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of `SplitMix64` for the state 1234567, as its implementations publish them.
    #[test]
    fn the_stream_gives_the_published_numbers() {
        let mut random = Random(1_234_567);
        let numbers: Vec<u64> = (0..5).map(|_| random.next()).collect();
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn streams_of_different_objects_and_seeds_differ() {
        let first = |seed, purpose, number| Random::of(seed, purpose, number).next();
        let here = first(7, Purpose::Rules, 3);
        assert_ne!(here, first(8, Purpose::Rules, 3));
        assert_ne!(here, first(7, Purpose::Routes, 3));
        assert_ne!(here, first(7, Purpose::Rules, 4));
    }

    #[test]
    fn a_sample_has_the_size_asked_for_and_no_number_twice() {
        for (count, of) in [(0, 0), (0, 5), (3, 5), (5, 5), (9, 5)] {
            let chosen = Random::of(1, Purpose::Fill, of).some_of(count, of);
            assert_eq!(chosen.len(), count.min(of));
            assert!(chosen.is_sorted_by(|one, next| one < next));
            assert!(chosen.iter().all(|&number| number < of));
        }
    }
}
