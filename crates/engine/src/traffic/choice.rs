//! Which of many is next: in order, or at random with a seed.

/// In which order flows are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Each is as likely as any other.
    #[default]
    Random,
    /// The first is the most likely one: Zipf's law with the exponent 1.1.
    Zipf,
    /// One after the other.
    Sequential,
}

/// The generator `SplitMix64` (Steele, Lea, Flood 2014): enough for workloads, and the same numbers for a seed forever.
#[derive(Clone, Debug)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // The upper half of a product is less than its second factor.
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// Uniform in `0.0..1.0`.
    fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (self.next() >> 11) as f64;
        bits * f64::EPSILON / 2.0
    }
}

/// Chooses numbers in `0..count`.
#[derive(Clone, Debug)]
pub(super) struct Chooser {
    order: Order,
    count: u32,
    next: u32,
    zipf: Zipf,
}

impl Chooser {
    /// `count` must not be 0.
    pub(super) fn new(order: Order, count: u32) -> Self {
        Self {
            order,
            count,
            next: 0,
            zipf: Zipf::new(count),
        }
    }

    pub(super) fn choose(&mut self, random: &mut SplitMix64) -> u32 {
        match self.order {
            Order::Random => random.below(self.count),
            Order::Zipf => self.zipf.draw(random) - 1,
            Order::Sequential => {
                let chosen = self.next;
                self.next = if chosen + 1 == self.count {
                    0
                } else {
                    chosen + 1
                };
                chosen
            }
        }
    }
}

const EXPONENT: f64 = 1.1;

/// Ranks by Zipf's law: rejection-inversion (Hörmann, Derflinger 1996), which needs no table.
#[derive(Clone, Debug)]
struct Zipf {
    count: u32,
    /// Integrals of the hat at the left end of rank 1 and the right end of the last rank.
    from: f64,
    to: f64,
    /// Ranks this near to the inverse are taken without a second look.
    sure: f64,
}

impl Zipf {
    fn new(count: u32) -> Self {
        Self {
            count,
            from: integral(1.5) - 1.0,
            to: integral(f64::from(count) + 0.5),
            sure: 2.0 - inverse(integral(2.5) - libm::pow(2.0, -EXPONENT)),
        }
    }

    /// A rank in `1..=count`.
    fn draw(&self, random: &mut SplitMix64) -> u32 {
        loop {
            let area = self.to + random.unit() * (self.from - self.to);
            let x = inverse(area);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to the ranks"
            )]
            let rank = libm::round(x).clamp(1.0, f64::from(self.count)) as u32;
            let k = f64::from(rank);
            if k - x <= self.sure || area >= integral(k + 0.5) - libm::pow(k, -EXPONENT) {
                return rank;
            }
        }
    }
}

/// An integral of x^-[`EXPONENT`].
fn integral(x: f64) -> f64 {
    libm::pow(x, 1.0 - EXPONENT) / (1.0 - EXPONENT)
}

/// The inverse of [`integral`].
fn inverse(area: f64) -> f64 {
    libm::pow(area * (1.0 - EXPONENT), 1.0 / (1.0 - EXPONENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_numbers() {
        let mut random = SplitMix64::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn in_order_every_number_comes_once_a_round() {
        let mut random = SplitMix64::new(0);
        let mut chooser = Chooser::new(Order::Sequential, 3);
        let chosen: Vec<u32> = (0..7).map(|_| chooser.choose(&mut random)).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn at_random_all_numbers_come_and_no_other() {
        for order in [Order::Random, Order::Zipf] {
            for count in [1, 2, 10] {
                let mut random = SplitMix64::new(7);
                let mut chooser = Chooser::new(order, count);
                let mut seen = vec![0; count as usize];
                for _ in 0..2_000 {
                    seen[chooser.choose(&mut random) as usize] += 1;
                }
                assert!(
                    seen.iter().all(|&times| times > 0),
                    "{order:?} {count}: {seen:?}"
                );
            }
        }
    }

    /// Against the law itself, summed up.
    #[test]
    fn ranks_follow_the_law_of_zipf() {
        const COUNT: u32 = 1_000;
        const DRAWS: u32 = 400_000;
        let weight = |rank: u32| f64::from(rank).powf(-EXPONENT);
        let total: f64 = (1..=COUNT).map(weight).sum();
        let mut random = SplitMix64::new(3);
        let zipf = Zipf::new(COUNT);
        let mut seen = vec![0_u32; COUNT as usize + 1];
        for _ in 0..DRAWS {
            seen[zipf.draw(&mut random) as usize] += 1;
        }
        for rank in [1, 2, 3, 10, 100] {
            let expected = weight(rank) / total * f64::from(DRAWS);
            let found = f64::from(seen[rank as usize]);
            // Five standard deviations of a count.
            assert!(
                (found - expected).abs() < 5.0 * expected.sqrt(),
                "rank {rank}: {found} for {expected}"
            );
        }
    }
}
