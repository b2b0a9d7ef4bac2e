//! Randomness without a state: what a packet draws depends on who it is, not on who drew before it.
//!
//! A draw is a pure function of (seed, purpose, connection, packet number, hop). So the same packet meets the same jitter
//! whatever the order of events, the number of threads, or the packets of others.
//!
//! The function is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), written
//! here because its output is part of our format: a capture made with `--seed 7` must stay the same when a library moves on.
//! For one key it is a permutation of 256-bit counters, so two different packets never share a draw by construction.

/// What a draw is for. Two purposes of the same packet are independent.
///
/// The numbers are part of the format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u64)]
pub enum Purpose {
    /// How long a link takes for this packet.
    LinkLatency = 1,
    /// Which pairs of a matrix are asked again by packets.
    VerifiedPair = 2,
}

/// The source of every draw of one run: its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomness {
    seed: u64,
}

impl Randomness {
    /// The randomness that `--seed` names.
    pub const fn from_seed(seed: u64) -> Self {
        Self { seed }
    }

    /// What packet number `packet` of `connection` draws for `purpose` at its `hop`-th link (0 is the first).
    ///
    /// `connection` and `packet` mean what the caller says, as long as it says so everywhere.
    pub const fn draw(self, purpose: Purpose, connection: u64, packet: u64, hop: u32) -> Draw {
        let key = [self.seed, purpose as u64];
        let [first, second, ..] = philox4x64_10([connection, packet, hop as u64, 0], key);
        Draw { first, second }
    }
}

/// 128 random bits, and the shapes they can take. Taking two shapes of one draw gives dependent values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    first: u64,
    second: u64,
}

impl Draw {
    /// Uniform over all 64-bit numbers.
    pub const fn uniform_u64(self) -> u64 {
        self.first
    }

    /// Uniform in the open interval (0, 1), in steps of 2^-52.
    pub fn uniform(self) -> f64 {
        open_unit_interval(self.first)
    }

    /// A standard normal deviate: mean 0, variance 1, never beyond ±8.58.
    ///
    /// Box and Muller's transform. `libm` is Rust all the way down, so the result has the same bits on every platform; the
    /// logarithm and cosine of the host's C library differ in the last one.
    pub fn normal(self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(open_unit_interval(self.first)));
        let angle = std::f64::consts::TAU * open_unit_interval(self.second);
        radius * libm::cos(angle)
    }
}

/// The middle of one of 2^52 equal steps, so that neither 0 (whose logarithm is infinite) nor 1 occurs.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
fn open_unit_interval(bits: u64) -> f64 {
    const HALF_STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    ((bits >> 12) * 2 + 1) as f64 * HALF_STEP
}

/// Ten rounds of Philox with four 64-bit words; the constants are the paper's.
const fn philox4x64_10(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    const MULTIPLIERS: [u64; 2] = [0xd2e7_470e_e14c_6c93, 0xca5a_8263_9512_1157];
    /// The golden ratio and √3 − 1, as fractions of 2^64.
    const KEY_STEPS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b];
    let mut round = 0;
    while round < 10 {
        let (low0, high0) = wide_product(counter[0], MULTIPLIERS[0]);
        let (low1, high1) = wide_product(counter[2], MULTIPLIERS[1]);
        counter = [
            high1 ^ counter[1] ^ key[0],
            low1,
            high0 ^ counter[3] ^ key[1],
            low0,
        ];
        key[0] = key[0].wrapping_add(KEY_STEPS[0]);
        key[1] = key[1].wrapping_add(KEY_STEPS[1]);
        round += 1;
    }
    counter
}

/// The lower and upper half of `a` × `b`.
#[expect(clippy::cast_possible_truncation, reason = "the halves are the point")]
const fn wide_product(a: u64, b: u64) -> (u64, u64) {
    let product = a as u128 * b as u128;
    (product as u64, (product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The vectors for `philox4x64 10` that the authors publish with their library Random123 (`tests/kat_vectors`): zeros, ones,
    /// digits of π.
    #[test]
    fn the_generator_gives_the_published_answers() {
        assert_eq!(
            philox4x64_10([0; 4], [0; 2]),
            [
                0x1655_4d9e_ca36_314c,
                0xdb20_fe9d_672d_0fdc,
                0xd7e7_72ce_e186_176b,
                0x7e68_b68a_ec7b_a23b
            ]
        );
        assert_eq!(
            philox4x64_10([u64::MAX; 4], [u64::MAX; 2]),
            [
                0x87b0_92c3_013f_e90b,
                0x438c_3c67_be8d_0224,
                0x9cc7_d7c6_9cd7_77b6,
                0xa09c_aebf_594f_0ba0
            ]
        );
        assert_eq!(
            philox4x64_10(
                [
                    0x243f_6a88_85a3_08d3,
                    0x1319_8a2e_0370_7344,
                    0xa409_3822_299f_31d0,
                    0x082e_fa98_ec4e_6c89
                ],
                [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6c]
            ),
            [
                0xa528_f454_03e6_1d95,
                0x38c7_2dbd_566e_9788,
                0xa5a1_610e_72fd_18b5,
                0x57bd_43b5_e52b_7fe6
            ]
        );
    }

    /// Draws are part of the format: captures of a seed must not change between releases or platforms.
    #[test]
    fn draws_of_a_seed_never_change() {
        let draw = Randomness::from_seed(7).draw(Purpose::LinkLatency, 3, 2, 1);
        assert_eq!(draw.uniform_u64(), 0xccfc_d44f_4031_b331);
        assert_eq!(draw.uniform().to_bits(), 0x3fe9_9f9a_89e8_0637);
        assert_eq!(draw.normal().to_bits(), 0x3fd4_4213_727c_f64b);
    }

    #[test]
    fn the_ends_of_the_unit_interval_never_occur() {
        for bits in [0, 1, u64::MAX - 1, u64::MAX, 1 << 63] {
            let value = open_unit_interval(bits);
            assert!(0.0 < value && value < 1.0, "{bits:#x} gives {value}");
        }
        let lowest = Draw {
            first: 0,
            second: 0,
        };
        assert!(lowest.normal() < 8.58, "{}", lowest.normal());
    }

    /// Mean, variance, skewness and kurtosis of 200,000 deviates; the bounds are five standard errors.
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    fn normal_deviates_have_the_moments_of_the_normal_distribution() {
        const SAMPLES: u64 = 200_000;
        let random = Randomness::from_seed(1);
        let n = SAMPLES as f64;
        let mut moments = [0.0; 4];
        for packet in 0..SAMPLES {
            let deviate = random.draw(Purpose::LinkLatency, 42, packet, 0).normal();
            for (power, moment) in (1..).zip(&mut moments) {
                *moment += deviate.powi(power) / n;
            }
        }
        // Standard errors of the first four moments: sqrt of 1, 2, 15, 96 over n.
        let expected = [(0.0, 1.0), (1.0, 2.0), (0.0, 15.0), (3.0, 96.0)];
        for (moment, (expected, variance)) in moments.into_iter().zip(expected) {
            let bound = 5.0 * f64::sqrt(variance / n);
            assert!(
                (moment - expected).abs() < bound,
                "{moment} for {expected} ± {bound}"
            );
        }
    }

    /// Each coordinate alone must spread: a counter that counts only packets, or only hops, is still uniform.
    #[test]
    fn uniform_draws_fill_their_range_along_every_coordinate() {
        const SAMPLES: u32 = 64_000;
        const CELLS: usize = 64;
        let draws: [fn(u32) -> Draw; 4] = [
            |i| Randomness::from_seed(u64::from(i)).draw(Purpose::LinkLatency, 0, 0, 0),
            |i| Randomness::from_seed(0).draw(Purpose::LinkLatency, u64::from(i), 0, 0),
            |i| Randomness::from_seed(0).draw(Purpose::LinkLatency, 0, u64::from(i), 0),
            |i| Randomness::from_seed(0).draw(Purpose::LinkLatency, 0, 0, i),
        ];
        for (coordinate, draw) in draws.into_iter().enumerate() {
            let mut cells = [0_i64; CELLS];
            for i in 0..SAMPLES {
                let cell = draw(i).uniform_u64() >> (64 - CELLS.trailing_zeros());
                cells[usize::try_from(cell).expect("six bits")] += 1;
            }
            let expected = i64::from(SAMPLES) / 64;
            // Chi-squared with 63 degrees of freedom: 120 is beyond the 99.998th percentile. Scaled by `expected`.
            let chi_squared: i64 = cells.iter().map(|seen| (seen - expected).pow(2)).sum();
            assert!(
                chi_squared < 120 * expected,
                "coordinate {coordinate}: {cells:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn who_drew_before_does_not_matter(seed: u64, packets in proptest::collection::vec(any::<(u64, u64, u32)>(), 1..50)) {
            let random = Randomness::from_seed(seed);
            let draw = |&(connection, packet, hop): &(u64, u64, u32)| random.draw(Purpose::LinkLatency, connection, packet, hop);
            let forward: Vec<Draw> = packets.iter().map(draw).collect();
            let mut backward: Vec<Draw> = packets.iter().rev().map(draw).collect();
            backward.reverse();
            prop_assert_eq!(forward, backward);
        }

        #[test]
        fn every_coordinate_counts(seed: u64, connection: u64, packet: u64, hop: u32) {
            let draw = |seed, connection, packet, hop| Randomness::from_seed(seed).draw(Purpose::LinkLatency, connection, packet, hop);
            let here = draw(seed, connection, packet, hop);
            let elsewhere = [
                draw(!seed, connection, packet, hop),
                draw(seed, !connection, packet, hop),
                draw(seed, connection, !packet, hop),
                draw(seed, connection, packet, !hop),
                draw(seed, packet.wrapping_add(1), connection, hop),
            ];
            for other in elsewhere {
                prop_assert_ne!(here, other);
            }
        }
    }
}
