//! How many ICMP errors a node sends (K-9, RFC 1812 §4.3.2.8).

use crate::time::{SimDuration, SimTime};

/// Errors per second, and how many may be sent at once.
const PER_SECOND: u32 = 100;
/// One token.
const INTERVAL: SimDuration = SimDuration::from_milliseconds(1_000 / PER_SECOND as u64);

/// A token bucket on simulated time: full at the start, one token more every interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    tokens: u32,
    /// When the last token came in.
    filled: SimTime,
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self {
            tokens: PER_SECOND,
            filled: SimTime::ZERO,
        }
    }
}

impl TokenBucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: SimTime) -> bool {
        let intervals = (now - self.filled).as_nanoseconds() / INTERVAL.as_nanoseconds();
        self.filled += SimDuration::from_nanoseconds(intervals * INTERVAL.as_nanoseconds());
        let more = u32::try_from(intervals).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(more).min(PER_SECOND);
        let taken = self.tokens.checked_sub(1);
        self.tokens = taken.unwrap_or(0);
        taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_at_once_then_one_every_ten_milliseconds() {
        let mut bucket = TokenBucket::default();
        let start = SimTime::ZERO + SimDuration::from_seconds(3);
        let taken = (0..150).filter(|_| bucket.take(start)).count();
        assert_eq!(taken, 100);
        assert!(!bucket.take(start + SimDuration::from_milliseconds(9)));
        let later = start + SimDuration::from_milliseconds(25);
        assert_eq!((0..5).filter(|_| bucket.take(later)).count(), 2);
        // Half an interval is left over from the last time.
        assert!(bucket.take(start + SimDuration::from_milliseconds(30)));
    }
}
