//! Simulated time, and the date it has in captures.

use std::fmt;
use std::str::FromStr;

pub use dataplane::time::{SimDuration, SimTime};

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

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
        (self.unix_seconds * NANOSECONDS_PER_SECOND).saturating_add(time.as_nanoseconds())
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
    fn the_end_of_time_is_the_end_of_a_capture_too() {
        let late = SimTime::MAX + SimDuration::from_seconds(u64::MAX);
        assert_eq!(CaptureEpoch::default().unix_nanoseconds(late), u64::MAX);
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
