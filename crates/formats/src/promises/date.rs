//! A day of the calendar, for promises that end.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day of the Gregorian calendar, years 1 to 9999; later days are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day of the calendar as 2027-06-30")]
pub struct DateError;

const SECONDS_PER_DAY: u64 = 86_400;

impl Date {
    /// The day of a moment, in UTC. Moments before 1970 or after the year 9999 are taken for the nearest day between.
    pub fn of(moment: SystemTime) -> Self {
        let seconds = moment
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut left = seconds / SECONDS_PER_DAY;
        let mut date = Self {
            year: 1970,
            month: 1,
            day: 1,
        };
        while left >= date.days_of_year() && date.year < 9999 {
            left -= date.days_of_year();
            date.year += 1;
        }
        while left >= u64::from(date.days_of_month()) && date.month < 12 {
            left -= u64::from(date.days_of_month());
            date.month += 1;
        }
        let last = date.days_of_month();
        date.day = u8::try_from(left + 1).unwrap_or(last).min(last);
        date
    }

    fn is_leap_year(self) -> bool {
        let year = self.year;
        year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
    }

    fn days_of_year(self) -> u64 {
        365 + u64::from(self.is_leap_year())
    }

    fn days_of_month(self) -> u8 {
        match self.month {
            2 => 28 + u8::from(self.is_leap_year()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// `2027-06-30`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let mut parts = text.split('-');
        let mut number = |width: usize| {
            let part = parts.next().ok_or(DateError)?;
            let fits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| part.parse::<u16>().ok())
                .flatten()
                .ok_or(DateError)
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let narrow = |number: u16| u8::try_from(number).map_err(|_| DateError);
        let date = Self {
            year,
            month: narrow(month)?,
            day: narrow(day)?,
        };
        let exists = parts.next().is_none()
            && year > 0
            && (1..=12).contains(&date.month)
            && (1..=date.days_of_month()).contains(&date.day);
        exists.then_some(date).ok_or(DateError)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_date_is_read_as_it_is_printed_and_days_that_do_not_exist_are_refused() {
        for text in [
            "2027-06-30",
            "2024-02-29",
            "2000-02-29",
            "0001-01-01",
            "9999-12-31",
        ] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in [
            "2027-06-31",
            "2023-02-29",
            "1900-02-29",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "0000-01-01",
            "2027-6-30",
            "2027-06-30-1",
            "27-06-30",
            "2027/06/30",
            "",
            "+027-06-30",
            "2027-06-30T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
    }

    #[test]
    fn the_day_of_a_moment_follows_the_calendar() {
        let after = |days: u64| Date::of(UNIX_EPOCH + Duration::from_secs(days * SECONDS_PER_DAY));
        assert_eq!(after(0).to_string(), "1970-01-01");
        assert_eq!(after(59).to_string(), "1970-03-01");
        assert_eq!(after(11_016).to_string(), "2000-02-29");
        assert_eq!(after(19_782).to_string(), "2024-02-29");
        assert_eq!(after(20_634).to_string(), "2026-06-30");
        let evening = UNIX_EPOCH + Duration::from_secs(SECONDS_PER_DAY - 1);
        assert_eq!(Date::of(evening).to_string(), "1970-01-01");
        let mut day = after(0);
        for days in 1..40_000 {
            let next = after(days);
            assert!(next > day, "{next} after {day}");
            assert_eq!(next.to_string().parse(), Ok(next));
            day = next;
        }
        assert!("2027-06-30" < "2027-07-01");
    }
}
