//! Arithmetic.

use super::{Call, Fault};
use crate::json::{Data, Value};

pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    Some(match lower {
        "add" => integers(call, i64::checked_add),
        "div" => integers(call, i64::checked_div),
        "float" => float(call),
        "int" => int(call),
        "max" => extreme(call, Iterator::max),
        "min" => extreme(call, Iterator::min),
        "mod" => integers(call, i64::checked_rem),
        "mul" => integers(call, i64::checked_mul),
        "sub" => integers(call, i64::checked_sub),
        _ => return None,
    })
}

fn integers(call: &Call<'_>, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Fault> {
    call.counts(2..=2)?;
    let (left, right) = (call.integer(0)?, call.integer(1)?);
    let result = operation(left, right);
    call.answer(
        result.ok_or_else(|| call.fault(format_args!("has no result for {left} and {right}")))?,
    )
}

#[expect(clippy::cast_precision_loss, reason = "what float() is for")]
fn float(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    let number = match &call.values[0].data {
        Data::Integer(number) => Some(*number as f64),
        Data::Float(number) => Some(*number),
        Data::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    call.answer(Data::Float(
        number.ok_or_else(|| call.wrong(0, "a number"))?,
    ))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from float saturates"
)]
fn int(call: &Call<'_>) -> Result<Value, Fault> {
    call.counts(1..=1)?;
    match &call.values[0].data {
        Data::Float(number) => call.answer(number.trunc() as i64),
        _ => call.answer(call.integer(0)?),
    }
}

/// `min` and `max`, of integers or of one array of them.
fn extreme(
    call: &Call<'_>,
    choose: fn(std::vec::IntoIter<i64>) -> Option<i64>,
) -> Result<Value, Fault> {
    let numbers = match call.values {
        [
            Value {
                data: Data::Array(values),
                ..
            },
        ] => Call {
            name: call.name,
            values,
            span: call.span,
        }
        .all()?,
        _ => call.all()?,
    };
    call.answer(
        choose(numbers.into_iter()).ok_or_else(|| call.fault("takes at least one integer"))?,
    )
}

impl Call<'_> {
    fn all(&self) -> Result<Vec<i64>, Fault> {
        (0..self.values.len())
            .map(|index| self.integer(index))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, refuse};

    #[test]
    fn integers_are_calculated_in_64_bits() {
        check(&[
            ("add(5, 3)", "8"),
            ("sub(3, 5)", "-2"),
            ("mul('5', 3)", "15"),
            ("div(8, 3)", "2"),
            ("mod(7, 3)", "1"),
            ("min(3, 1, 2)", "1"),
            ("max(createArray(3, 1, 2))", "3"),
            ("int('4')", "4"),
            ("int(json('4.9'))", "4"),
            ("float('1.5')", "1.5"),
            ("float(2)", "2.0"),
        ]);
    }

    #[test]
    fn what_has_no_result_is_an_error() {
        refuse(&[
            ("div(1, 0)", "no result for 1 and 0"),
            ("mod(1, 0)", "no result"),
            ("add(9223372036854775807, 1)", "no result"),
            ("int('four')", "takes an integer"),
            ("max(createArray())", "at least one"),
            ("float('x')", "takes a number"),
        ]);
    }
}
