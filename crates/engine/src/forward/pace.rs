//! When packets are to enter: a fixed rate, whatever becomes of them (open loop).

use std::time::Duration;

/// The times at which the packets of a shard are to enter, counted from its first measured packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Nanoseconds between two packets.
    interval: f64,
    /// Packets that have entered.
    entered: u64,
}

impl Pace {
    /// `packets_per_second` of one shard; `None` if that is no positive number.
    pub(super) fn new(packets_per_second: f64) -> Option<Self> {
        let interval = 1e9 / packets_per_second;
        (interval.is_finite() && interval > 0.0).then_some(Self {
            interval,
            entered: 0,
        })
    }

    /// Packets that were to enter by now and have not.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "nanoseconds of a run stay below 2^53; neither is negative"
    )]
    pub(super) fn due(&self, elapsed: Duration) -> u64 {
        let by_now = (elapsed.as_nanos() as f64 / self.interval) as u64 + 1;
        by_now.saturating_sub(self.entered)
    }

    /// When the next packet is, or was, to enter.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "as above"
    )]
    pub(super) fn next(&self) -> Duration {
        Duration::from_nanos((self.entered as f64 * self.interval) as u64)
    }

    /// So many have entered.
    pub(super) fn enter(&mut self, packets: u64) {
        self.entered += packets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_due_at_even_intervals_and_wait_until_they_have_entered() {
        let mut pace = Pace::new(1e6).expect("a rate");
        let after = Duration::from_nanos;
        assert_eq!(pace.due(after(0)), 1);
        assert_eq!(pace.due(after(999)), 1);
        assert_eq!(pace.due(after(2_000)), 3);
        pace.enter(3);
        assert_eq!((pace.due(after(2_999)), pace.due(after(3_000))), (0, 1));
        assert_eq!(pace.next(), after(3_000));
    }

    #[test]
    fn a_rate_that_is_none_sets_no_pace() {
        for rate in [0.0, f64::NAN, f64::INFINITY, -1.0] {
            assert!(Pace::new(rate).is_none(), "{rate}");
        }
    }
}
