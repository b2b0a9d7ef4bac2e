//! Shares: so many of a hundred.

use std::fmt;
use std::str::FromStr;

/// A share from 0 to 1 in steps of a millionth, written `5%` or `0.05`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share {
    millionths: u32,
}

const WHOLE: u32 = 1_000_000;

/// A text that is not a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a share; expected 0% to 100% or 0 to 1, for example 5% or 0.05")]
pub struct ShareError(String);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self { millionths: 0 };
    /// Everything.
    pub const ALL: Self = Self { millionths: WHOLE };

    /// So many of a hundred; more than 100 count as 100.
    pub const fn percent(percent: u32) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self {
            millionths: percent * (WHOLE / 100),
        }
    }

    /// This share of a number of things, rounded to the nearest whole one (a half upwards).
    pub const fn of(self, count: usize) -> usize {
        let product = count as u128 * self.millionths as u128;
        ((product + (WHOLE / 2) as u128) / WHOLE as u128) as usize
    }

    /// This share of a number of things, rounded up.
    pub const fn at_least(self, count: usize) -> usize {
        (count as u128 * self.millionths as u128).div_ceil(WHOLE as u128) as usize
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let fail = || ShareError(text.to_owned());
        let (number, whole) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim(), 100.0),
            None => (text.trim(), 1.0),
        };
        let number: f64 = number.parse().map_err(|_| fail())?;
        if !(0.0..=whole).contains(&number) {
            return Err(fail());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million"
        )]
        let millionths = (number / whole * f64::from(WHOLE)).round() as u32;
        Ok(Self { millionths })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, rest) = (self.millionths / 10_000, self.millionths % 10_000);
        if rest == 0 {
            return write!(f, "{percent}%");
        }
        let digits = format!("{rest:04}");
        write!(f, "{percent}.{}%", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_both_spellings_and_printed_in_one() {
        for (text, printed) in [
            ("5%", "5%"),
            ("0.05", "5%"),
            ("0", "0%"),
            ("1", "100%"),
            ("12.5 %", "12.5%"),
            ("0.0001%", "0.0001%"),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(share));
        }
        for text in ["", "x", "101%", "1.5", "-1%", "NaN", "inf"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_of_a_number_is_rounded_to_the_nearest() {
        assert_eq!(Share::percent(5).of(3_920), 196);
        assert_eq!(Share::percent(50).of(5), 3);
        assert_eq!(Share::percent(49).of(1), 0);
        assert_eq!(Share::ALL.of(usize::MAX), usize::MAX);
        assert_eq!(Share::NONE.of(9), 0);
        assert_eq!(Share::percent(2).at_least(65_516), 1_311);
        assert_eq!(Share::percent(50).at_least(4), 2);
        assert_eq!(Share::NONE.at_least(9), 0);
    }
}
