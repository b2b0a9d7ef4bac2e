//! Functions that take a lambda: `map`, `filter`, `reduce`, `sort`, `toObject`, `groupBy`, `mapValues`.

use super::{
    super::{
        evaluator::{Evaluator, checked},
        expression::Expression,
        frame::{Fault, Frame},
    },
    as_condition, as_text,
    collections::Members,
};
use crate::{
    json::{Data, Piece, Value},
    source::Span,
};

/// `lambda('a', 'b', body)`.
struct Lambda<'e> {
    parameters: Vec<Piece>,
    body: &'e Expression,
}

impl<'e> Lambda<'e> {
    fn of(expression: &'e Expression) -> Option<Self> {
        let Expression::Call {
            name, arguments, ..
        } = expression
        else {
            return None;
        };
        let (body, parameters) = arguments
            .split_last()
            .filter(|_| name.eq_ignore_ascii_case("lambda"))?;
        let parameters = parameters.iter().map(|parameter| match parameter {
            Expression::Literal(Data::String(name)) => Some(name.clone()),
            _ => None,
        });
        Some(Self {
            parameters: parameters.collect::<Option<_>>()?,
            body,
        })
    }
}

impl Evaluator<'_> {
    /// `None`: the function takes no lambda.
    pub(in crate::arm) fn lambda_function(
        &mut self,
        lower: &str,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Option<Result<Value, Fault>> {
        Some(match lower {
            "filter" => self.filter(arguments, frame, span),
            "groupby" => self.group_by(arguments, frame, span),
            "lambda" => Err(Fault::argument(
                "a lambda stands only as an argument of map(), filter(), reduce() and others",
            )),
            "map" => self.map(arguments, frame, span),
            "mapvalues" => self.map_values(arguments, frame, span),
            "reduce" => self.reduce(arguments, frame, span),
            "sort" => self.sort(arguments, frame, span),
            "toobject" => self.object_of(arguments, frame, span),
            _ => return None,
        })
    }

    fn filter(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let Walk { container, lambdas } = self.walk(arguments, 1, frame, span)?;
        let Data::Array(values) = &container.data else {
            return unless_unknown(container, "filter() takes an array");
        };
        let mut kept = Vec::new();
        for (value, index) in values.iter().zip(0..) {
            let verdict = self.apply(
                &lambdas[0],
                &[value.clone(), Value::new(span, index)],
                frame,
                span,
            )?;
            match as_condition(&verdict) {
                Some(true) => kept.push(value.clone()),
                Some(false) => {}
                None => {
                    return unless_unknown(
                        verdict,
                        "the lambda of filter() answers with a boolean",
                    );
                }
            }
        }
        Ok(Value::new(span, kept))
    }

    fn map(&mut self, arguments: &[Expression], frame: &Frame, span: Span) -> Result<Value, Fault> {
        let Walk { container, lambdas } = self.walk(arguments, 1, frame, span)?;
        let Data::Array(values) = &container.data else {
            return unless_unknown(container, "map() takes an array");
        };
        let mapped = values.iter().zip(0..).map(|(value, index)| {
            self.apply(
                &lambdas[0],
                &[value.clone(), Value::new(span, index)],
                frame,
                span,
            )
        });
        Ok(Value::new(span, mapped.collect::<Result<Vec<_>, _>>()?))
    }

    fn map_values(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let Walk { container, lambdas } = self.walk(arguments, 1, frame, span)?;
        let Data::Object(object) = &container.data else {
            return unless_unknown(container, "mapValues() takes an object");
        };
        let mut mapped = Members::default();
        for member in object.iter() {
            mapped.set(
                &member.key,
                self.apply(
                    &lambdas[0],
                    std::slice::from_ref(&member.value),
                    frame,
                    span,
                )?,
            );
        }
        Ok(Value::new(span, mapped.into_list()))
    }

    fn reduce(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let [container, initial, lambda] = arguments else {
            return Err(Fault::argument(
                "reduce() takes an array, a first value and a lambda",
            ));
        };
        let container = self.eval(container, frame, span)?;
        let mut sum = self.eval(initial, frame, span)?;
        let lambda = Lambda::of(lambda)
            .ok_or_else(|| Fault::argument("reduce() takes a lambda as its last argument"))?;
        let Data::Array(values) = &container.data else {
            return unless_unknown(container, "reduce() takes an array");
        };
        for (value, index) in values.iter().zip(0..) {
            sum = self.apply(
                &lambda,
                &[sum, value.clone(), Value::new(span, index)],
                frame,
                span,
            )?;
        }
        Ok(sum)
    }

    /// The lambda answers whether its first argument comes before the second.
    fn sort(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let Walk { container, lambdas } = self.walk(arguments, 1, frame, span)?;
        let Data::Array(values) = &container.data else {
            return unless_unknown(container, "sort() takes an array");
        };
        // Equal elements come before each other under `<=`, and stay where they are.
        let mut keeps_order = |left: &Value, right: &Value| -> Result<bool, Stopped> {
            let mut before = |left: &Value, right: &Value| {
                let verdict = self
                    .apply(&lambdas[0], &[left.clone(), right.clone()], frame, span)
                    .map_err(Err)?;
                as_condition(&verdict).ok_or_else(|| {
                    unless_unknown(verdict, "the lambda of sort() answers with a boolean")
                })
            };
            Ok(before(left, right)? || !before(right, left)?)
        };
        match merge_sort(values, &mut keeps_order) {
            Ok(sorted) => Ok(Value::new(span, sorted)),
            Err(stopped) => stopped,
        }
    }

    /// `toObject(array, key lambda[, value lambda])`.
    fn object_of(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let Walk { container, lambdas } = self.walk(arguments, 1, frame, span)?;
        let Data::Array(values) = &container.data else {
            return unless_unknown(container, "toObject() takes an array");
        };
        let mut members = Members::default();
        for value in values.iter() {
            let key = self.apply(&lambdas[0], std::slice::from_ref(value), frame, span)?;
            let Some(text) = as_text(&key) else {
                return unless_unknown(key, "the first lambda of toObject() answers with a string");
            };
            let value = match lambdas.get(1) {
                Some(lambda) => self.apply(lambda, std::slice::from_ref(value), frame, span)?,
                None => value.clone(),
            };
            members.set(&text, value);
        }
        Ok(Value::new(span, members.into_list()))
    }

    fn group_by(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let Walk { container, lambdas } = self.walk(arguments, 1, frame, span)?;
        let Data::Array(values) = &container.data else {
            return unless_unknown(container, "groupBy() takes an array");
        };
        let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
        for value in values.iter() {
            let key = self.apply(&lambdas[0], std::slice::from_ref(value), frame, span)?;
            let Some(text) = as_text(&key) else {
                return unless_unknown(key, "the lambda of groupBy() answers with a string");
            };
            match groups.iter_mut().find(|(known, _)| *known == text) {
                Some((_, group)) => group.push(value.clone()),
                None => groups.push((text.into_owned(), vec![value.clone()])),
            }
        }
        let mut members = Members::default();
        for (key, group) in groups {
            members.set(&key, Value::new(span, group));
        }
        Ok(Value::new(span, members.into_list()))
    }

    fn walk<'e>(
        &mut self,
        arguments: &'e [Expression],
        least: usize,
        frame: &Frame,
        span: Span,
    ) -> Result<Walk<'e>, Fault> {
        let fault = || {
            Fault::argument(
                "the function takes a value and a lambda, as lambda('x', lambdaVariables('x'))",
            )
        };
        let (container, lambdas) = arguments.split_first().ok_or_else(fault)?;
        let container = self.eval(container, frame, span)?;
        let lambdas = lambdas
            .iter()
            .map(Lambda::of)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(fault)?;
        if lambdas.len() < least {
            Err(fault())
        } else {
            Ok(Walk { container, lambdas })
        }
    }

    /// A lambda takes as many of the arguments as it declares parameters.
    fn apply(
        &mut self,
        lambda: &Lambda<'_>,
        arguments: &[Value],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let bind =
            |frame: Frame, (name, value): (&Piece, &Value)| frame.with_local(name, value.clone());
        let frame = lambda
            .parameters
            .iter()
            .zip(arguments)
            .fold(frame.clone(), bind);
        let value = self.eval(lambda.body, &frame, span)?;
        checked(value)
    }
}

/// What `sort` answers when its lambda has no answer.
type Stopped = Result<Value, Fault>;

/// A sort of our own, since the library's may panic when a lambda contradicts itself.
fn merge_sort(
    values: &[Value],
    keeps_order: &mut impl FnMut(&Value, &Value) -> Result<bool, Stopped>,
) -> Result<Vec<Value>, Stopped> {
    if values.len() < 2 {
        return Ok(values.to_vec());
    }
    let (left, right) = values.split_at(values.len() / 2);
    let mut left = merge_sort(left, keeps_order)?.into_iter().peekable();
    let mut right = merge_sort(right, keeps_order)?.into_iter().peekable();
    let mut merged = Vec::with_capacity(values.len());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let next = if keeps_order(first, second)? {
            left.next()
        } else {
            right.next()
        };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

struct Walk<'e> {
    container: Value,
    lambdas: Vec<Lambda<'e>>,
}

fn unless_unknown(value: Value, fault: &str) -> Result<Value, Fault> {
    match value.data {
        Data::Unknown(_) => Ok(value),
        _ => Err(Fault::argument(format!("{fault}, not {}", value.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, refuse};

    #[test]
    fn lambdas_see_elements_indexes_and_each_other() {
        check(&[
            (
                "map(range(0, 3), lambda('i', mul(lambdaVariables('i'), 2)))",
                "[0,2,4]",
            ),
            (
                "map(createArray('a', 'b'), lambda('v', 'i', format('{0}{1}', lambdaVariables('v'), lambdaVariables('i'))))",
                r#"["a0","b1"]"#,
            ),
            (
                "filter(range(0, 5), lambda('i', greater(lambdaVariables('I'), 2)))",
                "[3,4]",
            ),
            (
                "reduce(range(1, 4), 0, lambda('cur', 'next', add(lambdaVariables('cur'), lambdaVariables('next'))))",
                "10",
            ),
            (
                "sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))",
                "[1,2,3]",
            ),
            (
                "sort(createArray(3, 1, 3, 2), lambda('a', 'b', lessOrEquals(lambdaVariables('a'), lambdaVariables('b'))))",
                "[1,2,3,3]",
            ),
            (
                "toObject(createArray('a', 'b'), lambda('k', lambdaVariables('k')), lambda('k', toUpper(lambdaVariables('k'))))",
                r#"{"a":"A","b":"B"}"#,
            ),
            (
                "groupBy(createArray('ab', 'cd', 'ae'), lambda('s', first(lambdaVariables('s'))))",
                r#"{"a":["ab","ae"],"c":["cd"]}"#,
            ),
            (
                "mapValues(createObject('a', 1), lambda('v', add(lambdaVariables('v'), 1)))",
                r#"{"a":2}"#,
            ),
            (
                "map(range(0, 2), lambda('i', map(range(0, 2), lambda('j', add(lambdaVariables('i'), lambdaVariables('j'))))))",
                "[[0,1],[1,2]]",
            ),
            // A lambda that contradicts itself gives some order, and no panic.
            (
                "length(sort(range(0, 99), lambda('a', 'b', equals(mod(mul(lambdaVariables('a'), lambdaVariables('b')), 3), 1))))",
                "99",
            ),
            (
                "filter(createArray(1), lambda('i', brandNew()))",
                "<unknown: brandNew() is not a template function that is known here>",
            ),
        ]);
        refuse(&[
            ("map(createArray(1), 'x')", "takes a value and a lambda"),
            (
                "map('x', lambda('i', 1))",
                "map() takes an array, not a string",
            ),
            ("lambdaVariables('x')", "no lambda variable 'x'"),
            (
                "filter(createArray(1), lambda('i', 'perhaps'))",
                "answers with a boolean",
            ),
            ("lambda('x', 1)", "stands only as an argument"),
        ]);
    }

    #[test]
    fn a_value_cannot_be_grown_beyond_all_bounds() {
        let double = "reduce(range(0, 9999), createArray(1), lambda('a', 'b', createArray(lambdaVariables('a'), lambdaVariables('a'))))";
        refuse(&[
            (double, "too large"),
            (
                "reduce(range(0, 9999), createArray(1), lambda('a', 'b', concat(lambdaVariables('a'), lambdaVariables('a'))))",
                "too large",
            ),
            (
                "reduce(range(0, 9999), 'x', lambda('a', 'b', concat(lambdaVariables('a'), lambdaVariables('a'))))",
                "would build a string",
            ),
        ]);
    }
}
