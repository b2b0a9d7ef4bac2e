//! Simulated time. Nothing here, and nothing that uses it, reads the clock of the host.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

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

/// The date that time 0 of a run has in captures and histogram logs.
///
/// Fixed unless the user gives one (`--epoch`), so that two runs of one input are equal byte for byte. The default,
/// 2000-01-01T00:00:00Z, cannot be mistaken for the moment the simulator ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureEpoch {
    unix_seconds: u64,
}

impl CaptureEpoch {
    /// The last second of the year 2400. With nanoseconds since 1970 in 64 bits (pcapng, `if_tsresol` 9) the range ends in 2554,
    /// which leaves every run more than 150 years.
    const LAST: u64 = 13_601_087_999;

    /// The moment `unix_seconds` after 1970-01-01T00:00:00Z.
    pub const fn from_unix_seconds(unix_seconds: u64) -> Result<Self, EpochError> {
        if unix_seconds > Self::LAST {
            return Err(EpochError::OutOfRange);
        }
        Ok(Self { unix_seconds })
    }

    /// Seconds between 1970-01-01T00:00:00Z and time 0.
    pub const fn unix_seconds(self) -> u64 {
        self.unix_seconds
    }

    /// Nanoseconds between 1970-01-01T00:00:00Z and the moment `time` of a run.
    pub const fn unix_nanoseconds(self, time: SimTime) -> u64 {
        (self.unix_seconds * NANOSECONDS_PER_SECOND).saturating_add(time.0)
    }
}

impl Default for CaptureEpoch {
    fn default() -> Self {
        Self {
            unix_seconds: 946_684_800,
        }
    }
}

/// RFC 3339, in UTC: `2000-01-01T00:00:00Z`.
impl fmt::Display for CaptureEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.unix_seconds / SECONDS_PER_DAY);
        let second = self.unix_seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Reads what [`Display`](fmt::Display) writes, or the date alone (`2000-01-01`, midnight UTC). 1970 to 2400.
impl FromStr for CaptureEpoch {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, EpochError> {
        let (date, time) = match text.strip_suffix('Z') {
            Some(moment) => moment.split_once('T').ok_or(EpochError::NotADate)?,
            None => (text, "00:00:00"),
        };
        let [year, month, day] = fields(date, '-', [4, 2, 2]).ok_or(EpochError::NotADate)?;
        let [hour, minute, second] = fields(time, ':', [2, 2, 2]).ok_or(EpochError::NotADate)?;
        if hour > 23 || minute > 59 || second > 59 {
            return Err(EpochError::NotADate);
        }
        if !(1970..=2400).contains(&year) {
            return Err(EpochError::OutOfRange);
        }
        let days = days_until(year, month, day);
        // A day that does not exist (February 30) would come back as another one.
        if date_of(days) != (year, month, day) {
            return Err(EpochError::NotADate);
        }
        Self::from_unix_seconds(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second)
    }
}

/// Why a text is no [`CaptureEpoch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// Neither of the two accepted forms, or a day or time that does not exist.
    #[error("expected a date such as 2000-01-01 or a moment in UTC such as 2000-01-01T12:30:00Z")]
    NotADate,
    /// Before 1970, which captures cannot tell, or after 2400.
    #[error("the epoch of a capture lies between the years 1970 and 2400")]
    OutOfRange,
}

/// Splits `text` into three numbers of exactly `widths` digits.
fn fields(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, years from 1970.
///
/// A year is counted from March, so that the leap day is its last: month `m` of it begins on day (153 m + 2) / 5.
fn days_until(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day;
    let day_number = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year;
    // 719,469 is the same number for 1970-01-01; what a day 0 gives is caught by the caller's comparison.
    day_number.saturating_sub(719_469)
}

/// The (year, month, day) that lies `days` after 1970-01-01.
fn date_of(days: u64) -> (u64, u64, u64) {
    // Days since 0000-03-01, in eras of 400 years, which all have the same length.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
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
        assert_eq!(CaptureEpoch::default().unix_nanoseconds(late), u64::MAX);
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

    #[test]
    fn every_day_survives_the_way_through_the_calendar() {
        let mut expected = (1970, 1, 1);
        for days in 0..157_000 {
            let (year, month, day) = date_of(days);
            assert_eq!((year, month, day), expected);
            assert_eq!(days_until(year, month, day), days);
            // The obvious calendar, one day at a time.
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn an_epoch_is_read_and_printed() {
        let default = CaptureEpoch::default();
        assert_eq!(default.to_string(), "2000-01-01T00:00:00Z");
        assert_eq!("2000-01-01".parse(), Ok(default));
        let moment: CaptureEpoch = "2024-02-29T23:59:58Z".parse().expect("a leap day");
        assert_eq!(moment.unix_seconds(), 1_709_251_198);
        assert_eq!(moment.to_string(), "2024-02-29T23:59:58Z");
        assert_eq!(
            moment.unix_nanoseconds(SimTime::from_nanoseconds(7)),
            1_709_251_198_000_000_007
        );
        let last: CaptureEpoch = "2400-12-31T23:59:59Z".parse().expect("the last second");
        assert_eq!(last.unix_seconds(), CaptureEpoch::LAST);
        assert_eq!(
            CaptureEpoch::from_unix_seconds(CaptureEpoch::LAST + 1),
            Err(EpochError::OutOfRange)
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "now",
            "2000-1-1",
            "2000-02-30",
            "2001-02-29",
            "2000-13-01",
            "2000-00-10",
            "2000-01-00",
            "1970-01-00",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:00:00",
            "2000-01-01T00:00:00+01:00",
            "2000-01-01-01",
            "+200-01-01",
            "２０００-01-01",
        ] {
            assert_eq!(
                text.parse::<CaptureEpoch>(),
                Err(EpochError::NotADate),
                "{text}"
            );
        }
        for text in ["1969-12-31", "2401-01-01", "9999-12-31T23:59:59Z"] {
            assert_eq!(
                text.parse::<CaptureEpoch>(),
                Err(EpochError::OutOfRange),
                "{text}"
            );
        }
    }
}
