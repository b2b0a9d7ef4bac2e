//! Dates: `utcNow`, `dateTimeAdd`, `dateTimeToEpoch`, `dateTimeFromEpoch`.

use super::{Call, Fault};
use crate::json::Value;

/// What `utcNow()` answers, in seconds of the Unix epoch: 2024-01-01 00:00:00. Assumed, since the same input must give
/// the same network on every day; it names deployments and tags.
const NOW: i64 = 1_704_067_200;

pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    Some(match lower {
        "datetimeadd" => date_time_add(call),
        "datetimefromepoch" => call
            .counts(1..=1)
            .and_then(|()| call.answer(iso(bounded(call, call.integer(0)?)?))),
        "datetimetoepoch" => call
            .counts(1..=1)
            .and_then(|()| call.answer(read(call, &call.text(0)?)?)),
        "utcnow" => utc_now(call),
        _ => return None,
    })
}

fn utc_now(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(0..=1)?;
    let pattern = if call.values.is_empty() {
        "yyyyMMddTHHmmssZ".into()
    } else {
        call.text(0)?
    };
    call.answer(written(NOW, &pattern))
}

fn date_time_add(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(2..=3)?;
    let base = read(call, &call.text(0)?)?;
    let duration = call.text(1)?;
    let moved = add(base, &duration).ok_or_else(|| {
        call.fault(format_args!(
            "takes a duration as P3Y or -PT1H, not {duration}"
        ))
    })?;
    let moved = bounded(call, moved)?;
    match call.values.len() {
        3 => call.answer(written(moved, &call.text(2)?)),
        _ => call.answer(iso(moved)),
    }
}

/// Years 1 to 9999, as in .NET.
fn bounded(call: &Call<'_>, seconds: i64) -> Result<i64, Fault> {
    if (-62_135_596_800..=253_402_300_799).contains(&seconds) {
        return Ok(seconds);
    }
    Err(call.fault("leaves the years 1 to 9999"))
}

/// A date as `2020-04-07 14:53:14Z`, `2020-04-07T14:53:14Z` or `20200407T145314Z`, in seconds of the Unix epoch.
fn read(call: &Call<'_>, text: &str) -> Result<i64, Fault> {
    let digits: String = text
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let number = |from: usize, to: usize| {
        digits
            .get(from..to)
            .and_then(|digits| digits.parse::<i64>().ok())
    };
    let date = number(0, 4).zip(number(4, 6)).zip(number(6, 8));
    let ((year, month), day) = date.ok_or_else(|| {
        call.fault(format_args!(
            "takes a date as 2020-04-07T14:53:14Z, not {text}"
        ))
    })?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year == 0 {
        return Err(call.fault(format_args!(
            "takes a date as 2020-04-07T14:53:14Z, not {text}"
        )));
    }
    let time = number(8, 10).unwrap_or(0) * 3600
        + number(10, 12).unwrap_or(0) * 60
        + number(12, 14).unwrap_or(0);
    Ok(days(year, month, day) * 86_400 + time)
}

/// An ISO 8601 duration added: years and months by the calendar, the rest in seconds.
fn add(base: i64, duration: &str) -> Option<i64> {
    let (sign, rest) = match duration.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, duration),
    };
    let (date, time) = match rest.strip_prefix('P')?.split_once('T') {
        Some((date, time)) => (date, time),
        None => (rest.strip_prefix('P')?, ""),
    };
    let (mut months, mut seconds) = (0i64, 0i64);
    for part in date.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok()?;
        match unit {
            "Y" => months = months.checked_add(number.checked_mul(12)?)?,
            "M" => months = months.checked_add(number)?,
            "W" => seconds = seconds.checked_add(number.checked_mul(7 * 86_400)?)?,
            "D" => seconds = seconds.checked_add(number.checked_mul(86_400)?)?,
            _ => return None,
        }
    }
    for part in time.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok()?;
        let length = match unit {
            "H" => 3600,
            "M" => 60,
            "S" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(length)?)?;
    }
    let (year, month, day) = civil(base.div_euclid(86_400));
    let month = (year * 12 + month - 1).checked_add(sign * months)?;
    if !(12..120_000).contains(&month) {
        return None;
    }
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    // The 31st of a shorter month is its last day.
    let next = if month == 12 {
        days(year + 1, 1, 1)
    } else {
        days(year, month + 1, 1)
    };
    let date = (days(year, month, 1) + day - 1).min(next - 1);
    (date * 86_400 + base.rem_euclid(86_400)).checked_add(sign * seconds)
}

/// Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day: the inverse of [`days`].
fn civil(date: i64) -> (i64, i64, i64) {
    let date = date + 719_468;
    let (era, of_era) = (date.div_euclid(146_097), date.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (
        year_of_era + era * 400 + i64::from(month <= 2),
        month,
        of_year - (153 * march + 2) / 5 + 1,
    )
}

fn iso(seconds: i64) -> String {
    written(seconds, "yyyy-MM-ddTHH:mm:ssZ")
}

/// A .NET format of date and time. `d` and `D` alone are not supported and stand for themselves.
fn written(seconds: i64, pattern: &str) -> String {
    let pattern = match pattern {
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffZ",
        other => other,
    };
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let time = seconds.rem_euclid(86_400);
    let fields = [
        ("yyyy", format!("{year:04}")),
        ("yy", format!("{:02}", year % 100)),
        ("MM", format!("{month:02}")),
        ("M", month.to_string()),
        ("dd", format!("{day:02}")),
        ("d", day.to_string()),
        ("HH", format!("{:02}", time / 3600)),
        ("H", (time / 3600).to_string()),
        ("hh", format!("{:02}", (time / 3600 + 11) % 12 + 1)),
        ("mm", format!("{:02}", time / 60 % 60)),
        ("m", (time / 60 % 60).to_string()),
        ("ss", format!("{:02}", time % 60)),
        ("s", (time % 60).to_string()),
        ("fffffff", "0000000".to_owned()),
        ("fff", "000".to_owned()),
        ("f", "0".to_owned()),
    ];
    let (mut out, mut rest) = (String::new(), pattern);
    while let Some(character) = rest.chars().next() {
        if let Some((field, text)) = fields.iter().find(|(field, _)| rest.starts_with(field)) {
            out.push_str(text);
            rest = &rest[field.len()..];
            continue;
        }
        // Quotes and backslashes mark text that means itself; they are not printed.
        if !matches!(character, '\'' | '\\') {
            out.push(character);
        }
        rest = &rest[character.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::testing::{check, refuse},
        civil, days,
    };

    #[test]
    fn dates_are_moved_as_the_documentation_moves_them() {
        check(&[
            (
                "dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')",
                "\"2023-04-07T14:53:14Z\"",
            ),
            (
                "dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')",
                "\"2020-03-29T14:53:14Z\"",
            ),
            (
                "dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H')",
                "\"2020-04-07T15:53:14Z\"",
            ),
            (
                "dateTimeAdd('2024-01-31T00:00:00Z', 'P1M', 'yyyy-MM-dd')",
                "\"2024-02-29\"",
            ),
            ("dateTimeToEpoch('1970-01-02T00:00:01Z')", "86401"),
            ("dateTimeFromEpoch(1683040573)", "\"2023-05-02T15:16:13Z\""),
            ("utcNow()", "\"20240101T000000Z\""),
            ("utcNow('yyyy-MM-dd')", "\"2024-01-01\""),
            ("utcNow('u')", "\"2024-01-01 00:00:00Z\""),
        ]);
        refuse(&[
            ("dateTimeAdd('2020-04-07', '3Y')", "takes a duration"),
            (
                "dateTimeAdd('2020-04-07', 'P9223372036854775807Y')",
                "takes a duration",
            ),
            ("dateTimeToEpoch('soon')", "takes a date"),
            ("dateTimeFromEpoch(9223372036854775807)", "leaves the years"),
        ]);
    }

    proptest! {
        #[test]
        fn a_day_is_found_back(date in -700_000..2_900_000_i64) {
            let (year, month, day) = civil(date);
            prop_assert_eq!(days(year, month, day), date);
            prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }
    }
}
