//! Rows of bits, one bit a rule, in four widths. Knows nothing of what the rules say.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a kernel is compiled for its instruction set"
)]

use std::hash::Hash;

use crate::kernel::Instructions;

/// Bits in a word of a row.
const WORD: u32 = 64;

/// A set of rules as bits, the first rule in the lowest bit of the first word.
pub(crate) trait Row: Copy + Eq + Hash {
    /// The set without a rule.
    const NONE: Self;
    /// Words of a row, a power of two.
    const WORDS: usize;
    /// Rules that a row can hold.
    const RULES: usize = Self::WORDS * u64::BITS as usize;

    /// The words from the first rule to the last.
    fn words(&self) -> &[u64];

    /// The words, to be changed.
    fn words_mut(&mut self) -> &mut [u64];

    /// Takes out `rule` if it is in, puts it in if it is not. `rule` is below [`RULES`](Self::RULES).
    fn flip(&mut self, rule: u32) {
        self.words_mut()[(rule / WORD) as usize] ^= 1 << (rule % WORD);
    }

    /// Whether `rule` is in. It is below [`RULES`](Self::RULES).
    fn contains(&self, rule: u32) -> bool {
        self.words()[(rule / WORD) as usize] >> (rule % WORD) & 1 == 1
    }

    /// The rules, ascending.
    fn rules(self) -> impl Iterator<Item = u32> {
        (0..Self::WORDS)
            .zip((0..).step_by(WORD as usize))
            .flat_map(move |(word, first)| {
                let mut rest = self.words()[word];
                std::iter::from_fn(move || {
                    let rule = (rest != 0).then(|| first + rest.trailing_zeros());
                    rest &= rest.wrapping_sub(1); // without its lowest bit
                    rule
                })
            })
    }

    /// Rules that are in one of them alone.
    #[must_use]
    fn xor(mut self, other: &Self) -> Self {
        for (word, other) in self.words_mut().iter_mut().zip(other.words()) {
            *word ^= other;
        }
        self
    }

    /// Rules that are in both.
    #[must_use]
    #[inline(always)]
    fn and(mut self, other: &Self) -> Self {
        for (word, other) in self.words_mut().iter_mut().zip(other.words()) {
            *word &= other;
        }
        self
    }

    /// Rules that are in one of them at least.
    #[must_use]
    #[inline(always)]
    fn or(mut self, other: &Self) -> Self {
        for (word, other) in self.words_mut().iter_mut().zip(other.words()) {
            *word |= other;
        }
        self
    }

    /// The first rule; [`RULES`](Self::RULES) or more if there is none. Where it is differs from packet to packet,
    /// so nothing here is a branch.
    #[inline(always)]
    fn first(&self, instructions: impl Instructions) -> u32 {
        let words = self.words();
        let word = instructions.filled(words).trailing_zeros();
        word * WORD + words[word as usize % Self::WORDS].trailing_zeros()
    }
}

macro_rules! rows {
    ($($(#[$attribute:meta])+ $row:ident: $words:literal;)+) => {$(
        $(#[$attribute])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct $row([u64; $words]);

        impl Row for $row {
            const NONE: Self = Self([0; $words]);
            const WORDS: usize = $words;

            #[inline(always)]
            fn words(&self) -> &[u64] {
                &self.0
            }

            #[inline(always)]
            fn words_mut(&mut self) -> &mut [u64] {
                &mut self.0
            }
        }
    )+};
}

rows! {
    /// 64 rules.
    Word: 1;
    /// 256 rules in half a cache line.
    #[repr(align(32))]
    HalfLine: 4;
    /// 512 rules in one cache line.
    #[repr(align(64))]
    Line: 8;
    /// 1,024 rules in two cache lines.
    #[repr(align(64))]
    TwoLines: 16;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Kernel, Work};

    struct First<R>(R);

    impl<R: Row> Work for First<R> {
        type Output = u32;

        #[inline(always)]
        fn run(self, instructions: impl Instructions) -> u32 {
            self.0.first(instructions)
        }
    }

    fn every_rule_is_found<R: Row>() {
        for kernel in Kernel::available() {
            let first = |row: R| kernel.run(First(row));
            let rules = u32::try_from(R::RULES).unwrap();
            assert!(first(R::NONE) >= rules);
            for rule in 0..rules {
                let mut row = R::NONE;
                row.flip(rule);
                assert_eq!(first(row), rule, "alone, {kernel:?}");
                (rule..rules)
                    .step_by(7)
                    .skip(1)
                    .for_each(|later| row.flip(later));
                assert_eq!(first(row), rule, "with later ones, {kernel:?}");
            }
        }
    }

    #[test]
    fn each_rule_is_the_first_one_of_a_row_with_every_kernel() {
        every_rule_is_found::<Word>();
        every_rule_is_found::<HalfLine>();
        every_rule_is_found::<Line>();
        every_rule_is_found::<TwoLines>();
    }
}
