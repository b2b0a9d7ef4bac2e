//! `format`: .NET's composite formatting, as far as templates use it.

use std::fmt::Write;

use super::{Call, Fault, as_text, strings};
use crate::json::{Data, Value};

/// `{index[,alignment][:format]}`; `{{` and `}}` stand for braces.
///
/// Formats: `D4`, `d` (decimal, leading zeros), `X2`, `x` (hexadecimal), `N0`, `N2` (thousands and decimals), `F2`
/// (decimals), and `000` (leading zeros). Others print the value as it is.
///
/// Source: .NET docs, "Composite formatting".
pub(super) fn format(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=usize::MAX)?;
    let pattern = call.text(0)?;
    let mut out = String::new();
    let mut rest = &*pattern;
    while let Some(brace) = rest.find(['{', '}']) {
        out.push_str(&rest[..brace]);
        rest = &rest[brace..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            out.push_str(&rest[..1]);
            rest = &rest[2..];
            continue;
        }
        let hole = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (hole, after) =
            hole.ok_or_else(|| call.fault("has a brace in its pattern that has no partner"))?;
        fill(call, hole, &mut out)?;
        strings::bounded(call, out.len())?;
        rest = after;
    }
    out.push_str(rest);
    call.answer(out)
}

fn fill(call: &Call<'_>, hole: &str, out: &mut String) -> Result<(), Fault> {
    let (place, style) = hole.split_once(':').unwrap_or((hole, ""));
    let (index, alignment) = place.split_once(',').unwrap_or((place, "0"));
    let numbers = index
        .trim()
        .parse::<usize>()
        .ok()
        .zip(alignment.trim().parse::<i32>().ok());
    let (index, alignment) =
        numbers.ok_or_else(|| call.fault(format_args!("does not understand `{{{hole}}}`")))?;
    let value = call.values.get(index.saturating_add(1)).ok_or_else(|| {
        call.fault(format_args!(
            "has no argument for `{{{hole}}}`: there are {}, counted from 0",
            call.values.len() - 1
        ))
    })?;
    let text = match &value.data {
        Data::Integer(number) => integer(*number, style),
        Data::Float(number) => fraction(*number, style),
        Data::Null => String::new(),
        _ => as_text(value).map_or_else(|| value.to_string(), std::borrow::Cow::into_owned),
    };
    // A template that aligns to a million columns does not mean it.
    let width = alignment.unsigned_abs().min(1_000) as usize;
    let padding = " ".repeat(width.saturating_sub(text.chars().count()));
    match alignment {
        ..0 => out.extend([text, padding]),
        0.. => out.extend([padding, text]),
    }
    Ok(())
}

/// The digits of a style such as `D4`; at most 99, as .NET's own limit once was.
fn digits(style: &str, default: usize) -> Option<usize> {
    let digits = style.get(1..)?;
    if digits.is_empty() {
        Some(default)
    } else {
        digits.parse().ok().map(|digits: usize| digits.min(99))
    }
}

fn integer(number: i64, style: &str) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let magnitude = number.unsigned_abs();
    match (style.as_bytes().first(), digits(style, 0)) {
        (Some(b'D' | b'd'), Some(width)) => format!("{sign}{magnitude:0width$}"),
        (Some(b'X'), Some(width)) => format!("{number:0width$X}"),
        (Some(b'x'), Some(width)) => format!("{number:0width$x}"),
        (Some(b'N' | b'n'), _) => decimals(
            sign,
            &magnitude.to_string(),
            digits(style, 2).unwrap_or(2),
            true,
        ),
        (Some(b'F' | b'f'), _) => decimals(
            sign,
            &magnitude.to_string(),
            digits(style, 2).unwrap_or(2),
            false,
        ),
        (Some(b'0'), _) if style.bytes().all(|byte| byte == b'0') => {
            let width = style.len().min(99);
            format!("{sign}{magnitude:0width$}")
        }
        _ => number.to_string(),
    }
}

fn fraction(number: f64, style: &str) -> String {
    match (style.as_bytes().first(), digits(style, 2)) {
        (Some(b'F' | b'f'), Some(places)) => format!("{number:.places$}"),
        (Some(b'N' | b'n'), Some(places)) => {
            let text = format!("{:.places$}", number.abs());
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            let grouped = decimals(if number < 0.0 { "-" } else { "" }, whole, 0, true);
            if part.is_empty() {
                grouped
            } else {
                format!("{grouped}.{part}")
            }
        }
        _ => number.to_string(),
    }
}

fn decimals(sign: &str, whole: &str, places: usize, grouped: bool) -> String {
    let mut out = sign.to_owned();
    for (position, digit) in whole.char_indices() {
        if grouped && position > 0 && (whole.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if places > 0 {
        let _ = write!(out, ".{:0places$}", 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, refuse};

    #[test]
    fn holes_are_filled_aligned_and_styled() {
        check(&[
            ("format('{0}/{1}', 'hub', 'to_spoke')", "\"hub/to_spoke\""),
            ("format('vm{0:D2}', 7)", "\"vm07\""),
            (
                "format('{0:D2}|{0:000}|{0:X2}|{0:x}', 171)",
                "\"171|171|AB|ab\"",
            ),
            (
                "format('{0:N0} {0:N2} {0:F1}', 8175133)",
                "\"8,175,133 8,175,133.00 8175133.0\"",
            ),
            ("format('[{0,4}]', 'a')", "\"[   a]\""),
            ("format('[{0,-4}]', 'a')", "\"[a   ]\""),
            ("format('{{{0}}}', 1)", "\"{1}\""),
            ("format('{0} {1} {0}', true(), null())", "\"True  True\""),
            ("format('{0}', createArray(1))", "\"[1]\""),
            ("format('{0:F1}', json('2.25'))", "\"2.2\""),
            ("format('no hole')", "\"no hole\""),
            ("format('{0:D3}', -5)", "\"-005\""),
        ]);
    }

    #[test]
    fn a_broken_pattern_is_refused() {
        refuse(&[
            ("format('{1}', 'a')", "no argument for `{1}`: there are 1"),
            ("format('{', 'a')", "no partner"),
            ("format('}', 'a')", "no partner"),
            ("format('{x}', 'a')", "does not understand"),
        ]);
    }
}
