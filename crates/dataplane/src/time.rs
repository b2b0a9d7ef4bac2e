//! Simulated time, which drivers hand in. Nothing here, and nothing that uses it, reads the clock of the host.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// A moment of a run: nanoseconds since the run began.
///
/// Arithmetic saturates at [`SimTime::MAX`], 584 years into the run: no scenario gets there, and none can panic by asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

impl SimTime {
    /// The moment the run began.
    pub const ZERO: Self = Self(0);
    /// The last moment that can be told.
    pub const MAX: Self = Self(u64::MAX);

    /// `nanoseconds` after the run began.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the run began.
    pub const fn as_nanoseconds(self) -> u64 {
        self.0
    }

    /// The span from `earlier` to this moment, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds since the run began, nine decimals: `12.000450000 s`.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (
            self.0 / NANOSECONDS_PER_SECOND,
            self.0 % NANOSECONDS_PER_SECOND,
        );
        write!(f, "{seconds}.{rest:09} s")
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;

    fn add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

/// The same as [`SimTime::since`].
impl Sub for SimTime {
    type Output = SimDuration;

    fn sub(self, earlier: Self) -> SimDuration {
        self.since(earlier)
    }
}

/// A span of simulated time in nanoseconds, never negative.
///
/// A type of its own, because `std::time::Duration` is what the host's clock measures (benches, throughput) and the two must
/// not mix. Arithmetic saturates as that of [`SimTime`] does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimDuration(u64);

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `nanoseconds`.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// A span of `microseconds`.
    pub const fn from_microseconds(microseconds: u64) -> Self {
        Self(microseconds.saturating_mul(1_000))
    }

    /// A span of `milliseconds`.
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// A span of `seconds`.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(NANOSECONDS_PER_SECOND))
    }

    /// A span of `seconds` as people type it (`-i 0.2`), rounded to the nanosecond. `None` if negative, not a number, or
    /// beyond the range.
    pub fn from_seconds_f64(seconds: f64) -> Option<Self> {
        // `try_from_secs_f64` does the rounding and the range checks; no clock is involved.
        let span = std::time::Duration::try_from_secs_f64(seconds).ok()?;
        u64::try_from(span.as_nanos()).ok().map(Self)
    }

    /// The span in nanoseconds.
    pub const fn as_nanoseconds(self) -> u64 {
        self.0
    }

    /// Prints milliseconds as ping does, three decimals and no unit: `1.550`. Rounded half up.
    pub fn in_milliseconds(self) -> impl fmt::Display {
        let microseconds = self.0 / 1_000 + u64::from(self.0 % 1_000 >= 500);
        fmt::from_fn(move |f| write!(f, "{}.{:03}", microseconds / 1_000, microseconds % 1_000))
    }

    /// The span in milliseconds, for people. Exact up to 2^53 ns (104 days), the nearest `f64` beyond.
    #[expect(
        clippy::cast_precision_loss,
        reason = "documented; nothing is computed from it"
    )]
    pub fn as_milliseconds_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// With its unit: `1.550 ms`.
impl fmt::Display for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.in_milliseconds())
    }
}

impl Add for SimDuration {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lead_from_one_moment_to_another() {
        let start = SimTime::from_nanoseconds(5);
        let end = start + SimDuration::from_microseconds(2);
        assert_eq!(end.as_nanoseconds(), 2_005);
        assert_eq!(end - start, SimDuration::from_nanoseconds(2_000));
        assert_eq!(start - end, SimDuration::ZERO, "a span is never negative");
    }

    #[test]
    fn arithmetic_stops_at_the_end_of_time() {
        let late = SimTime::MAX + SimDuration::from_seconds(u64::MAX);
        assert_eq!(late, SimTime::MAX);
    }

    #[test]
    fn typed_seconds_are_rounded_to_the_nanosecond_and_checked() {
        let typed = SimDuration::from_seconds_f64;
        assert_eq!(typed(0.2), Some(SimDuration::from_milliseconds(200)));
        assert_eq!(typed(1e-9), Some(SimDuration::from_nanoseconds(1)));
        assert_eq!(typed(-1.0), None);
        assert_eq!(typed(f64::NAN), None);
        assert_eq!(typed(1e12), None);
    }

    #[test]
    fn times_print_with_their_unit() {
        let time = SimTime::from_nanoseconds(12_000_450_000);
        assert_eq!(time.to_string(), "12.000450000 s");
        let print = |nanoseconds| SimDuration::from_nanoseconds(nanoseconds).to_string();
        assert_eq!(print(1_550_499), "1.550 ms");
        assert_eq!(print(1_550_500), "1.551 ms");
        assert_eq!(print(u64::MAX), "18446744073709.552 ms");
    }
}
