//! What becomes of probes whose ways fork, hash by hash: where all hashes agree that is the verdict, and where they do not a packet is sent.

use super::RowBits;
use crate::classes::space;

/// By what may become of a probe, the columns of which it does on some hashes.
#[derive(Debug)]
pub(super) struct Fates {
    /// It does not arrive.
    pub(super) lost: Vec<u64>,
    /// It leaves what the input holds.
    pub(super) unknown: Vec<u64>,
    /// It arrives, and its reply does not, or does not count.
    pub(super) forward: Vec<u64>,
    /// It arrives, and its reply leaves what the input holds.
    pub(super) unknown_reply: Vec<u64>,
    /// Both arrive.
    pub(super) home: Vec<u64>,
}

impl Fates {
    pub(super) fn new(words: usize) -> Self {
        let empty = || vec![0; words];
        Self {
            lost: empty(),
            unknown: empty(),
            forward: empty(),
            unknown_reply: empty(),
            home: empty(),
        }
    }

    /// Begins a row: `lost` is what some hashes lead nowhere.
    pub(super) fn begin(&mut self, lost: &[u64]) {
        self.lost.copy_from_slice(lost);
        for fate in [
            &mut self.unknown,
            &mut self.forward,
            &mut self.unknown_reply,
            &mut self.home,
        ] {
            fate.fill(0);
        }
    }

    /// Writes into a row what all hashes agree about, and into `odd` what they do not.
    pub(super) fn end(&self, row: &mut RowBits, odd: &mut [u64]) {
        for (word, odd) in odd.iter_mut().enumerate() {
            let fates = [
                self.lost[word],
                self.unknown[word],
                self.forward[word],
                self.unknown_reply[word],
                self.home[word],
            ];
            let (mut once, mut twice) = (0, 0);
            for fate in fates {
                twice |= once & fate;
                once |= fate;
            }
            let [_, unknown, forward, unknown_reply, home] = fates.map(|fate| fate & !twice);
            row.forward[word] |= forward | unknown_reply | home;
            row.round_trip[word] |= home;
            row.unknown[word] |= unknown | unknown_reply;
            *odd |= twice;
        }
    }
}

/// Puts `own & !other` into `into`.
pub(super) fn or_without(into: &mut [u64], own: &[u64], other: &[u64]) {
    for ((into, own), other) in into.iter_mut().zip(own).zip(other) {
        *into |= own & !other;
    }
}

/// Puts `own & other` into `into`.
pub(super) fn or_both(into: &mut [u64], own: &[u64], other: &[u64]) {
    for ((into, own), other) in into.iter_mut().zip(own).zip(other) {
        *into |= own & other;
    }
}

/// `own & other`.
pub(super) fn both(own: &[u64], other: &[u64]) -> Vec<u64> {
    let mut both = own.to_vec();
    space::and(&mut both, other);
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hashes_agree_about_is_the_verdict_and_the_rest_is_odd() {
        let mut fates = Fates::new(1);
        fates.begin(&[0b00011]);
        fates.home[0] = 0b00110;
        fates.unknown[0] = 0b01000;
        fates.unknown_reply[0] = 0b10000;
        let (mut row, mut odd) = (RowBits::new(1), [0]);
        fates.end(&mut row, &mut odd);
        assert_eq!(odd, [0b00010]);
        assert_eq!(row.forward, [0b10100]);
        assert_eq!(row.round_trip, [0b00100]);
        assert_eq!(row.unknown, [0b11000]);
    }
}
