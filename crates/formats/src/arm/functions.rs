//! The template functions, by theme.
//!
//! Most get evaluated arguments and know nothing of the template. Those that read names, evaluate their arguments
//! themselves or know where they stand are in [`lazy`], [`lambdas`], [`scope`] and [`super::references`].
//!
//! Source: Azure docs, "ARM template functions", unless a function says otherwise.

mod collections;
mod dates;
mod format;
mod hashes;
mod lambdas;
mod lazy;
mod network;
mod numbers;
mod scope;
mod strings;

pub(super) use scope::object;

use std::{borrow::Cow, ops::RangeInclusive};

use super::frame::Fault;
use crate::{
    json::{Array, Data, Object, Value},
    source::Span,
};

/// One call of a function with evaluated arguments.
pub(super) struct Call<'a> {
    /// As it was written.
    pub(super) name: &'a str,
    pub(super) values: &'a [Value],
    /// Where the expression stands.
    pub(super) span: Span,
}

/// Calls a function by its name in lower case. `None`: there is no such function.
pub(super) fn call(lower: &str, call: &Call<'_>) -> Option<Result<Value, Fault>> {
    let themes = [
        strings::call,
        collections::call,
        numbers::call,
        network::call,
        hashes::call,
        dates::call,
    ];
    themes.iter().find_map(|theme| theme(lower, call))
}

/// Functions that look at their arguments from outside only, so that unknown elements stay what they are.
const SHALLOW: &[&str] = &[
    "array",
    "concat",
    "createarray",
    "createobject",
    "empty",
    "first",
    "flatten",
    "indexfromend",
    "items",
    "last",
    "length",
    "objectkeys",
    "range",
    "shallowmerge",
    "skip",
    "take",
    "tryget",
    "tryindexfromend",
    "union",
];

/// The unknown argument that makes the result of a function unknown.
pub(super) fn unknown_argument<'v>(lower: &str, values: &'v [Value]) -> Option<&'v Value> {
    match lower {
        // These put values into a container, whatever they are.
        "array" | "createarray" => None,
        "createobject" => values
            .iter()
            .step_by(2)
            .find(|key| key.as_unknown().is_some()),
        _ if SHALLOW.contains(&lower) => values.iter().find(|value| value.as_unknown().is_some()),
        _ => values.iter().find_map(Value::find_unknown),
    }
}

/// A value that decides: a boolean, or one written as a string.
pub(super) fn as_condition(value: &Value) -> Option<bool> {
    match &value.data {
        Data::Bool(flag) => Some(*flag),
        Data::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Data::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Data::Integer(number) => Some(*number != 0),
        _ => None,
    }
}

impl Call<'_> {
    /// A result that stands where the expression stands.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every function ends with an answer or a fault"
    )]
    fn answer(&self, data: impl Into<Data>) -> Result<Value, Fault> {
        Ok(Value::new(self.span, data))
    }

    /// Checks the number of arguments.
    fn counts(&self, counts: RangeInclusive<usize>) -> Result<(), Fault> {
        if counts.contains(&self.values.len()) {
            return Ok(());
        }
        let wanted = match (*counts.start(), *counts.end()) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        Err(self.fault(format!(
            "takes {wanted} arguments, not {}",
            self.values.len()
        )))
    }

    /// "`name()` takes strings".
    fn fault(&self, what: impl std::fmt::Display) -> Fault {
        Fault::argument(format!("{}() {what}", self.name))
    }

    fn wrong(&self, index: usize, wanted: &str) -> Fault {
        let kind = self.values.get(index).map_or("missing", Value::kind);
        self.fault(format_args!(
            "takes {wanted} as argument {}, not {kind}",
            index + 1
        ))
    }

    fn get(&self, index: usize) -> Result<&Value, Fault> {
        self.values
            .get(index)
            .ok_or_else(|| self.fault(format_args!("misses argument {}", index + 1)))
    }

    /// A string; numbers and booleans are written out, as `concat` and others accept them.
    fn text(&self, index: usize) -> Result<Cow<'_, str>, Fault> {
        as_text(self.get(index)?).ok_or_else(|| self.wrong(index, "a string"))
    }

    /// An integer; a string of digits counts as one, as parameters are often typed so.
    fn integer(&self, index: usize) -> Result<i64, Fault> {
        match &self.get(index)?.data {
            Data::Integer(number) => Some(*number),
            Data::String(text) => text.trim().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.wrong(index, "an integer"))
    }

    fn condition(&self, index: usize) -> Result<bool, Fault> {
        as_condition(self.get(index)?).ok_or_else(|| self.wrong(index, "a boolean"))
    }

    fn array(&self, index: usize) -> Result<&Array, Fault> {
        match &self.get(index)?.data {
            Data::Array(array) => Ok(array),
            _ => Err(self.wrong(index, "an array")),
        }
    }

    fn object(&self, index: usize) -> Result<&Object, Fault> {
        match &self.get(index)?.data {
            Data::Object(object) => Ok(object),
            _ => Err(self.wrong(index, "an object")),
        }
    }
}

/// What a scalar looks like inside a string. Booleans are written as .NET writes them.
fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match &value.data {
        Data::String(text) => Some(Cow::Borrowed(text)),
        Data::Integer(number) => Some(Cow::Owned(number.to_string())),
        Data::Float(number) => Some(Cow::Owned(number.to_string())),
        Data::Bool(flag) => Some(Cow::Borrowed(if *flag { "True" } else { "False" })),
        Data::Null | Data::Array(_) | Data::Object(_) | Data::Unknown(_) => None,
    }
}

/// Evaluates expressions in a template of one deployment, for the tests of the themes.
#[cfg(test)]
pub(super) mod testing {
    use crate::{
        arm::{self, DeploymentContext, Parameters},
        diagnostic::{Diagnostics, Severity},
        json,
        source::Sources,
    };

    /// The value of an expression (without brackets), printed; or the first error.
    pub(in crate::arm) fn eval(expression: &str) -> Result<String, String> {
        eval_with("{}", expression)
    }

    /// The same, with further members of the template: `{"variables": ...}`.
    pub(in crate::arm) fn eval_with(template: &str, expression: &str) -> Result<String, String> {
        let mut sources = Sources::new();
        let mut diagnostics = Diagnostics::new();
        let expression = expression.replace('\\', "\\\\").replace('"', "\\\"");
        let rest = template
            .trim()
            .strip_prefix('{')
            .unwrap()
            .strip_suffix('}')
            .unwrap();
        let comma = if rest.trim().is_empty() { "" } else { "," };
        let text = format!(
            r#"{{"outputs": {{"x": {{"type": "string", "value": "[{expression}]"}}}}{comma} {rest}}}"#
        );
        let file = sources.add("test.json", text, &mut diagnostics).unwrap();
        let template = json::parse(&sources, file, &mut diagnostics).unwrap();
        let context = DeploymentContext::default();
        let evaluation = arm::evaluate(
            &mut sources,
            &template,
            &Parameters::new(),
            &context,
            &mut diagnostics,
        );
        // Mistakes in outputs are warnings: they are nothing to a network.
        if let Some(mistake) = diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity >= Severity::Warning)
        {
            return Err(mistake.message.clone());
        }
        Ok(evaluation
            .outputs
            .get("x")
            .unwrap()
            .get("value")
            .unwrap()
            .to_string())
    }

    /// Checks a table of expressions and what they print.
    #[track_caller]
    pub(in crate::arm) fn check(table: &[(&str, &str)]) {
        for (expression, expected) in table {
            let actual = eval(expression);
            assert_eq!(actual.as_deref(), Ok(*expected), "{expression}");
        }
    }

    /// Checks that each expression is refused with a message that holds a text.
    #[track_caller]
    pub(in crate::arm) fn refuse(table: &[(&str, &str)]) {
        for (expression, part) in table {
            let error = eval(expression).expect_err(expression);
            assert!(error.contains(part), "{expression}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{check, refuse};

    #[test]
    fn an_unknown_argument_makes_the_result_unknown_unless_it_only_travels() {
        check(&[
            (
                "concat('a', listKeys('x', 'y').keys[0].value)",
                "<unknown: listKeys() is answered by Azure only>",
            ),
            ("length(createArray(1, brandNew()))", "2"),
            ("first(createArray(1, brandNew()))", "1"),
            (
                "if(equals(brandNew(), 1), 'a', 'b')",
                "<unknown: brandNew() is not a template function that is known here>",
            ),
            ("and(false(), brandNew())", "false"),
            ("or(brandNew(), true())", "true"),
            ("coalesce(null(), 'x')", "\"x\""),
            (
                "string(createObject('a', brandNew()))",
                "<unknown: brandNew() is not a template function that is known here>",
            ),
        ]);
        refuse(&[
            ("toUpper()", "toUpper() takes 1 arguments, not 0"),
            (
                "toUpper(createArray())",
                "takes a string as argument 1, not an array",
            ),
        ]);
    }

    #[test]
    fn conditions_may_be_written_as_strings() {
        check(&[
            ("if('True', 1, 2)", "1"),
            ("if(equals('a', 'A'), 1, 2)", "2"),
            ("not('false')", "true"),
            ("if(true(), 1, fail())", "1"),
        ]);
        refuse(&[("if('perhaps', 1, 2)", "the condition of if() is a string")]);
    }
}
