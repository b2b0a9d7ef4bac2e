//! Sets of positions: as words while they are worked on, as runs or words (whichever is smaller) while they are kept.

use std::ops::Range;

/// Positions from 0 to 63 in a word, then the next word.
const WORD: usize = 64;

/// A set of positions below a fixed number, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bits {
    words: Vec<u64>,
}

/// A set of positions as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BitRow {
    /// Runs `start..end`, ascending, neither empty nor touching.
    Runs(Box<[(u32, u32)]>),
    /// One bit each.
    Words(Box<[u64]>),
}

/// The bits of word number `word` that lie in a range.
fn mask(range: &Range<usize>, word: usize) -> u64 {
    let base = word * WORD;
    let low = range.start.saturating_sub(base).min(WORD);
    let high = range.end.saturating_sub(base).min(WORD);
    below(high) & !below(low)
}

/// The lowest `count` bits.
fn below(count: usize) -> u64 {
    if count >= WORD {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

impl Bits {
    /// The empty set with room for positions below `len`.
    pub fn new(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(WORD)],
        }
    }

    /// The words, lowest positions first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The words, lowest positions first.
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Puts a position in or out.
    ///
    /// # Panics
    ///
    /// If there is no room for it.
    pub fn set(&mut self, position: usize, value: bool) {
        let bit = 1 << (position % WORD);
        let word = &mut self.words[position / WORD];
        if value {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }

    /// Whether a position is in the set.
    pub fn get(&self, position: usize) -> bool {
        self.words
            .get(position / WORD)
            .is_some_and(|word| word >> (position % WORD) & 1 == 1)
    }

    /// Puts a range in.
    pub fn insert(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (first, last) = (range.start / WORD, (range.end - 1) / WORD);
        self.words[first] |= mask(&range, first);
        self.words[last] |= mask(&range, last);
        if let Some(between) = self.words.get_mut(first + 1..last) {
            between.fill(u64::MAX);
        }
    }

    /// Takes a range out.
    pub fn remove(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        for word in range.start / WORD..=(range.end - 1) / WORD {
            self.words[word] &= !mask(&range, word);
        }
    }

    /// Moves what lies in a range to `other`, which has as much room.
    pub fn hand_over(&mut self, range: Range<usize>, other: &mut Self) {
        if range.is_empty() {
            return;
        }
        for word in range.start / WORD..=(range.end - 1) / WORD {
            let moved = self.words[word] & mask(&range, word);
            self.words[word] &= !moved;
            other.words[word] |= moved;
        }
    }

    /// How many positions.
    pub fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// How many positions of a range.
    pub fn count_within(&self, range: Range<usize>) -> u64 {
        let last = range.end.div_ceil(WORD).min(self.words.len());
        let words = (range.start / WORD).min(last)..last;
        words
            .map(|word| u64::from((self.words[word] & mask(&range, word)).count_ones()))
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Keeps what is in `other`, too.
    pub fn intersect(&mut self, other: &Self) {
        for (own, other) in self.words.iter_mut().zip(&other.words) {
            *own &= other;
        }
    }

    /// Puts in what is in `other`.
    pub fn unite(&mut self, other: &Self) {
        for (own, other) in self.words.iter_mut().zip(&other.words) {
            *own |= other;
        }
    }

    /// Takes out what is in `other`.
    pub fn subtract(&mut self, other: &Self) {
        for (own, other) in self.words.iter_mut().zip(&other.words) {
            *own &= !other;
        }
    }

    /// Maximal runs of positions, ascending.
    pub fn runs(&self) -> Runs<'_> {
        Runs::of_words(&self.words)
    }

    /// Positions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.runs().flatten()
    }

    /// As it is kept.
    pub fn row(&self) -> BitRow {
        let enough = self.words.len() + 1;
        let runs: Vec<(u32, u32)> = self
            .runs()
            .take(enough)
            .map(|run| (narrow(run.start), narrow(run.end)))
            .collect();
        if runs.len() < enough {
            BitRow::Runs(runs.into())
        } else {
            BitRow::Words(self.words.as_slice().into())
        }
    }
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl BitRow {
    /// The empty set.
    pub fn empty() -> Self {
        Self::Runs(Box::default())
    }

    /// Whether a position is in the set.
    pub fn get(&self, position: usize) -> bool {
        match self {
            Self::Runs(runs) => {
                let position = narrow(position);
                let behind = runs.partition_point(|&(start, _)| start <= position);
                behind > 0 && position < runs[behind - 1].1
            }
            Self::Words(words) => words
                .get(position / WORD)
                .is_some_and(|word| word >> (position % WORD) & 1 == 1),
        }
    }

    /// How many positions.
    pub fn count(&self) -> u64 {
        match self {
            Self::Runs(runs) => runs
                .iter()
                .map(|&(start, end)| u64::from(end - start))
                .sum(),
            Self::Words(words) => words.iter().map(|word| u64::from(word.count_ones())).sum(),
        }
    }

    /// How many positions it has in common with `set`.
    pub fn count_in(&self, set: &Bits) -> u64 {
        match self {
            Self::Runs(runs) => runs
                .iter()
                .map(|&(start, end)| set.count_within(start as usize..end as usize))
                .sum(),
            Self::Words(words) => words
                .iter()
                .zip(&set.words)
                .map(|(own, other)| u64::from((own & other).count_ones()))
                .sum(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Runs(runs) => runs.is_empty(),
            Self::Words(words) => words.iter().all(|&word| word == 0),
        }
    }

    /// Maximal runs of positions, ascending.
    pub fn runs(&self) -> Runs<'_> {
        match self {
            Self::Runs(runs) => Runs(Inner::Runs(runs.iter())),
            Self::Words(words) => Runs::of_words(words),
        }
    }

    /// Positions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.runs().flatten()
    }

    /// As bits, with room for positions below `len`.
    pub fn bits(&self, len: usize) -> Bits {
        let mut bits = Bits::new(len);
        self.write(&mut bits);
        bits
    }

    /// Puts its positions into `bits`.
    pub fn write(&self, bits: &mut Bits) {
        match self {
            Self::Runs(runs) => {
                for &(start, end) in runs {
                    bits.insert(start as usize..end as usize);
                }
            }
            Self::Words(words) => {
                for (own, other) in bits.words.iter_mut().zip(words) {
                    *own |= other;
                }
            }
        }
    }

    /// Heap memory in bytes.
    pub fn memory(&self) -> usize {
        match self {
            Self::Runs(runs) => size_of_val(&**runs),
            Self::Words(words) => size_of_val(&**words),
        }
    }
}

/// Maximal runs of a set, ascending.
#[derive(Clone, Debug)]
pub struct Runs<'a>(Inner<'a>);

#[derive(Clone, Debug)]
enum Inner<'a> {
    Runs(std::slice::Iter<'a, (u32, u32)>),
    Words { words: &'a [u64], position: usize },
}

impl<'a> Runs<'a> {
    fn of_words(words: &'a [u64]) -> Self {
        Self(Inner::Words { words, position: 0 })
    }
}

/// The first position from `from` on whose bit is set, once those of `flip` are turned over.
fn next(words: &[u64], from: usize, flip: u64) -> Option<usize> {
    let mut index = from / WORD;
    let mut word = (*words.get(index)? ^ flip) & !below(from % WORD);
    while word == 0 {
        index += 1;
        word = *words.get(index)? ^ flip;
    }
    Some(index * WORD + word.trailing_zeros() as usize)
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        match &mut self.0 {
            Inner::Runs(runs) => runs
                .next()
                .map(|&(start, end)| start as usize..end as usize),
            Inner::Words { words, position } => {
                let start = next(words, *position, 0)?;
                let end = next(words, start, u64::MAX).unwrap_or(words.len() * WORD);
                *position = end;
                Some(start..end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_of_ranges_are_what_a_tree_of_positions_says(
            changes in prop::collection::vec((any::<bool>(), 0_usize..300, 0_usize..300), 0..20),
        ) {
            let mut bits = Bits::new(300);
            let mut tree = BTreeSet::new();
            for (insert, one, other) in changes {
                let range = one.min(other)..one.max(other);
                if insert {
                    bits.insert(range.clone());
                    tree.extend(range);
                } else {
                    bits.remove(range.clone());
                    tree.retain(|position| !range.contains(position));
                }
            }
            let expected: Vec<usize> = tree.iter().copied().collect();
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(bits.count(), expected.len() as u64);
            let middle: Vec<usize> = expected.iter().copied().filter(|at| (70..200).contains(at)).collect();
            prop_assert_eq!(bits.count_within(70..200), middle.len() as u64);
            let mut odd = Bits::new(300);
            (1..300).step_by(2).for_each(|position| odd.set(position, true));
            let odd_ones = expected.iter().filter(|&at| at % 2 == 1).count() as u64;
            for row in [bits.row(), BitRow::Words(bits.words().into())] {
                prop_assert_eq!(row.iter().collect::<Vec<_>>(), expected.clone());
                prop_assert_eq!(row.count(), bits.count());
                prop_assert_eq!(row.count_in(&odd), odd_ones);
                prop_assert_eq!(row.bits(300), bits.clone());
                for position in 0..300 {
                    prop_assert_eq!(row.get(position), tree.contains(&position));
                }
            }
        }
    }

    #[test]
    fn what_is_small_is_kept_as_runs_and_what_is_torn_as_words() {
        let mut bits = Bits::new(640);
        bits.insert(3..500);
        assert_eq!(bits.row(), BitRow::Runs([(3, 500)].into()));
        for position in (0..640).step_by(2) {
            bits.set(position, false);
        }
        assert!(matches!(bits.row(), BitRow::Words(_)));
    }
}
