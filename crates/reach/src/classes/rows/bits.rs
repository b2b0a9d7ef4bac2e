//! The row of one source, in bits of the columns of its unit.

use crate::bits::{BitRow, Bits};
use crate::classes::space::{self, Space};
use crate::matrix::{Counts, Row};
use crate::probe::Cell;
use crate::question::Depth;

/// The verdicts of one source about the columns of a space. All others are unreachable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::classes) struct RowBits {
    pub(in crate::classes) forward: Vec<u64>,
    pub(in crate::classes) round_trip: Vec<u64>,
    pub(in crate::classes) unknown: Vec<u64>,
    pub(in crate::classes) depends_on_hash: Vec<u64>,
}

impl RowBits {
    pub(in crate::classes) fn new(words: usize) -> Self {
        let empty = || vec![0; words];
        Self {
            forward: empty(),
            round_trip: empty(),
            unknown: empty(),
            depends_on_hash: empty(),
        }
    }

    /// Takes everything out.
    pub(in crate::classes) fn clear(&mut self) {
        for bits in self.sets() {
            bits.fill(0);
        }
    }

    /// What becomes of packets to an address is the same for all columns that have it: neighbours, up to the last of them.
    pub(in crate::classes) fn tell_twins(&mut self, first: usize, behind: usize) {
        for bits in self.sets() {
            if (first..behind).any(|number| space::get(bits, number)) {
                (first..behind).for_each(|number| space::set(bits, number, true));
            }
        }
    }

    fn sets(&mut self) -> [&mut Vec<u64>; 4] {
        [
            &mut self.forward,
            &mut self.round_trip,
            &mut self.unknown,
            &mut self.depends_on_hash,
        ]
    }

    pub(in crate::classes) fn set(&mut self, number: usize, cell: Cell) {
        space::set(&mut self.forward, number, cell.forward);
        space::set(&mut self.round_trip, number, cell.round_trip);
        space::set(&mut self.unknown, number, cell.unknown);
        space::set(&mut self.depends_on_hash, number, cell.depends_on_hash);
    }

    pub(in crate::classes) fn cell(&self, number: usize) -> Cell {
        Cell {
            forward: space::get(&self.forward, number),
            round_trip: space::get(&self.round_trip, number),
            unknown: space::get(&self.unknown, number),
            depends_on_hash: space::get(&self.depends_on_hash, number),
        }
    }

    /// As a matrix keeps it, about `len` columns.
    pub(in crate::classes) fn row(&self, space: &Space, len: usize) -> Row {
        let mut bits = Bits::new(len);
        let mut of = |words: &[u64]| {
            if words.iter().all(|&word| word == 0) {
                return BitRow::empty();
            }
            bits.clear();
            for &(start, end, first) in space.spans() {
                let (start, first) = (start as usize, first as usize);
                space::copy(bits.words_mut(), start, words, first, end as usize - start);
            }
            bits.row()
        };
        Row {
            forward: of(&self.forward),
            round_trip: of(&self.round_trip),
            unknown: of(&self.unknown),
            depends_on_hash: of(&self.depends_on_hash),
        }
    }

    /// Verdicts about `len` columns, the source's own one among them.
    pub(in crate::classes) fn counts(&self, depth: Depth, len: u64) -> Counts {
        let ones = |words: &[u64]| words.iter().map(|word| u64::from(word.count_ones())).sum();
        let mut counts = Counts {
            pairs: len,
            forward: ones(&self.forward),
            depends_on_hash: ones(&self.depends_on_hash),
            ..Counts::default()
        };
        let sets = self.forward.iter().zip(&self.round_trip).zip(&self.unknown);
        for ((&forward, &round_trip), &unknown) in sets {
            let reached = match depth {
                Depth::Forward => forward,
                Depth::RoundTrip => round_trip,
            };
            let unknown = unknown & !reached;
            counts.reachable += u64::from(reached.count_ones());
            counts.unknown += u64::from(unknown.count_ones());
            counts.forward_only += u64::from((forward & !reached & !unknown).count_ones());
        }
        counts.unreachable = len - counts.reachable - counts.unknown - counts.forward_only;
        counts
    }
}
