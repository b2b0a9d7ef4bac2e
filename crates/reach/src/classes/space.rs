//! A dense numbering of some of the columns, so that work on bits is as much as there are columns in it.

use super::spans::{Span, Spans};

const WORD: usize = 64;

/// Some columns, numbered from 0 in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    /// Start and end of spans of columns, and the number of the first.
    spans: Vec<(u32, u32, u32)>,
    len: u32,
}

impl Space {
    pub(super) fn new(columns: &Spans) -> Self {
        let mut len = 0;
        let spans = columns.as_slice().iter().map(|&(start, end)| {
            let first = len;
            len += end - start;
            (start, end, first)
        });
        Self {
            spans: spans.collect(),
            len,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn words(&self) -> usize {
        self.len().div_ceil(WORD)
    }

    /// How many columns of the space lie before a column.
    #[inline]
    pub(super) fn rank(&self, column: u32) -> u32 {
        let behind = self.spans.partition_point(|&(start, _, _)| start <= column);
        match behind.checked_sub(1).map(|at| self.spans[at]) {
            Some((start, end, first)) => first + column.min(end) - start,
            None => 0,
        }
    }

    /// The numbers of the columns of a span that are in the space: they are neighbours.
    #[inline]
    pub(super) fn within(&self, (start, end): Span) -> (usize, usize) {
        if let [(first, last, 0)] = self.spans[..] {
            let place = |column: u32| (column.clamp(first, last) - first) as usize;
            return (place(start), place(end));
        }
        (self.rank(start) as usize, self.rank(end) as usize)
    }

    /// The number of a column; `None` if it is not in the space.
    pub(super) fn number(&self, column: u32) -> Option<usize> {
        let (at, behind) = self.within((column, column + 1));
        (behind > at).then_some(at)
    }

    /// Spans of columns with the number of their first.
    pub(super) fn spans(&self) -> &[(u32, u32, u32)] {
        &self.spans
    }

    /// The column with a number below [`len`](Self::len).
    pub(super) fn column(&self, number: usize) -> u32 {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let behind = self.spans.partition_point(|&(_, _, first)| first <= number);
        let (start, _, first) = self.spans[behind.saturating_sub(1)];
        start + (number - first)
    }

    /// Bits of the columns of a set.
    pub(super) fn bits(&self, columns: &Spans) -> Vec<u64> {
        let mut bits = vec![0; self.words()];
        for &span in columns.as_slice() {
            fill(&mut bits, self.within(span), |word, mask| *word |= mask);
        }
        bits
    }

    /// Every bit.
    pub(super) fn full(&self) -> Vec<u64> {
        let mut bits = vec![0; self.words()];
        fill(&mut bits, (0, self.len()), |word, mask| *word |= mask);
        bits
    }
}

/// Changes every word that holds bits of `start..end`; the mask says which.
#[inline]
pub(super) fn fill(
    words: &mut [u64],
    (start, end): (usize, usize),
    mut change: impl FnMut(&mut u64, u64),
) {
    if start >= end {
        return;
    }
    let (first, last) = (start / WORD, (end - 1) / WORD);
    let low = u64::MAX << (start % WORD);
    let high = u64::MAX >> (WORD - 1 - (end - 1) % WORD);
    if first == last {
        change(&mut words[first], low & high);
        return;
    }
    change(&mut words[first], low);
    for word in &mut words[first + 1..last] {
        change(word, u64::MAX);
    }
    change(&mut words[last], high);
}

/// Copies `len` bits.
pub(super) fn copy(to: &mut [u64], at: usize, from: &[u64], start: usize, len: usize) {
    let mut done = 0;
    while done < len {
        let (target, source) = (at + done, start + done);
        let count = (WORD - target % WORD)
            .min(WORD - source % WORD)
            .min(len - done);
        let mask = (u64::MAX >> (WORD - count)) << (target % WORD);
        let bits = (from[source / WORD] >> (source % WORD)) << (target % WORD);
        let word = &mut to[target / WORD];
        *word = *word & !mask | bits & mask;
        done += count;
    }
}

pub(super) fn get(words: &[u64], number: usize) -> bool {
    words[number / WORD] >> (number % WORD) & 1 == 1
}

pub(super) fn set(words: &mut [u64], number: usize, value: bool) {
    let bit = 1 << (number % WORD);
    if value {
        words[number / WORD] |= bit;
    } else {
        words[number / WORD] &= !bit;
    }
}

pub(super) fn and(words: &mut [u64], other: &[u64]) {
    for (own, other) in words.iter_mut().zip(other) {
        *own &= other;
    }
}

pub(super) fn without(words: &mut [u64], other: &[u64]) {
    for (own, other) in words.iter_mut().zip(other) {
        *own &= !other;
    }
}

pub(super) fn or(words: &mut [u64], other: &[u64]) {
    for (own, other) in words.iter_mut().zip(other) {
        *own |= other;
    }
}

pub(super) fn and_not(words: &mut [u64], other: &[u64]) {
    for (own, other) in words.iter_mut().zip(other) {
        *own &= !other;
    }
}

/// Numbers of set bits, ascending.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(index * WORD + bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn copied_bits_are_those_that_were_there(
            bits in prop::collection::vec(any::<u64>(), 4),
            at in 0_usize..128,
            start in 0_usize..128,
            len in 0_usize..128,
        ) {
            let mut copied = vec![0xdead_beef_dead_beef; 4];
            let before = copied.clone();
            copy(&mut copied, at, &bits, start, len);
            for number in 0..256 {
                let expected = if (at..at + len).contains(&number) {
                    get(&bits, number - at + start)
                } else {
                    get(&before, number)
                };
                prop_assert_eq!(get(&copied, number), expected);
            }
        }
    }

    #[test]
    fn columns_of_a_space_are_numbered_in_their_order() {
        let space = Space::new(&Spans::of(vec![(3, 5), (10, 12), (100, 200)]));
        assert_eq!(space.len(), 104);
        assert_eq!(
            [3, 4, 10, 11, 100, 199].map(|column| space.number(column)),
            [0, 1, 2, 3, 4, 103].map(Some)
        );
        assert_eq!(
            [0, 5, 9, 12, 200].map(|column| space.number(column)),
            [None; 5]
        );
        assert_eq!(space.within((4, 150)), (1, 54));
        assert!((0..104).all(|number| space.number(space.column(number)) == Some(number)));
        let one = Space::new(&Spans::of(vec![(5, 9)]));
        assert_eq!(
            [(0, 3), (0, 6), (7, 8), (9, 20)].map(|span| one.within(span)),
            [(0, 0), (0, 1), (2, 3), (4, 4)]
        );
    }
}
