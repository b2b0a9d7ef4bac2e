//! Functions that read names, and functions that do not evaluate all their arguments: `parameters`, `variables`,
//! `copyIndex`, `if`, `and`, `or`, `coalesce`, user-defined ones.

use std::{collections::HashMap, sync::Arc};

use super::{
    super::{
        deployment::Deployment,
        evaluator::Evaluator,
        expression::Expression,
        frame::{Argument, Fault, Frame, Slot},
    },
    Call, as_condition, call, unknown_argument,
};
use crate::{
    diagnostic::Code,
    json::{Array, Data, Value},
    source::Span,
};

impl Evaluator<'_> {
    pub(in crate::arm) fn call(
        &mut self,
        name: &str,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let lower = name.to_ascii_lowercase();
        if let Some(value) = self.lazy_function(&lower, arguments, frame, span) {
            return value;
        }
        let values = arguments
            .iter()
            .map(|argument| self.eval(argument, frame, span))
            .collect::<Result<Vec<_>, _>>()?;
        let size: u64 = values
            .iter()
            .map(|value| u64::from(value.size().nodes))
            .sum();
        self.count_steps(size)?;
        if lower.contains('.') {
            return self.user_function(&lower, name, values, frame, span);
        }
        if let Some(unknown) = unknown_argument(&lower, &values) {
            return Ok(Value {
                span,
                data: unknown.data.clone(),
            });
        }
        if let Some(value) = self.scope_function(name, &lower, &values, frame, span) {
            return value;
        }
        let arguments = Call {
            name,
            values: &values,
            span,
        };
        match call(&lower, &arguments) {
            Some(value) => value,
            None => Ok(Value::unknown(
                span,
                format!("{name}() is not a template function that is known here"),
            )),
        }
    }

    /// Functions that read names, and functions that do not evaluate all their arguments.
    fn lazy_function(
        &mut self,
        lower: &str,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Option<Result<Value, Fault>> {
        Some(match (lower, arguments) {
            ("parameters", [name]) => self.named(name, frame, span, Self::parameter),
            ("variables", [name]) => self.named(name, frame, span, Self::variable),
            ("lambdavariables", [name]) => self.named(name, frame, span, |_, name, frame| {
                let local = frame.local(name).cloned();
                local.ok_or_else(|| {
                    Fault::new(
                        Code::UndefinedName,
                        format!("there is no lambda variable '{name}' here"),
                    )
                })
            }),
            ("copyindex", _) => self.copy_index(arguments, frame, span),
            ("if", [condition, yes, no]) => {
                self.eval(condition, frame, span).and_then(|condition| {
                    match as_condition(&condition) {
                        Some(true) => self.eval(yes, frame, span),
                        Some(false) => self.eval(no, frame, span),
                        None if condition.as_unknown().is_some() => Ok(condition),
                        None => Err(Fault::argument(format!(
                            "the condition of if() is {}",
                            condition.kind()
                        ))),
                    }
                })
            }
            ("and", [_, _, ..]) => self.until(arguments, false, frame, span),
            ("or", [_, _, ..]) => self.until(arguments, true, frame, span),
            ("coalesce", [_, ..]) => self.coalesce(arguments, frame, span),
            _ => return self.lambda_function(lower, arguments, frame, span),
        })
    }

    fn named(
        &mut self,
        name: &Expression,
        frame: &Frame,
        span: Span,
        find: impl FnOnce(&mut Self, &str, &Frame) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        let name = self.eval(name, frame, span)?;
        match &name.data {
            Data::String(text) => find(self, text, frame),
            Data::Unknown(_) => Ok(name),
            _ => Err(Fault::argument(format!(
                "a name is a string, not {}",
                name.kind()
            ))),
        }
    }

    fn parameter(&mut self, name: &str, frame: &Frame) -> Result<Value, Fault> {
        if let Some(arguments) = &frame.arguments {
            let argument = arguments
                .iter()
                .find(|argument| argument.name.eq_ignore_ascii_case(name));
            let undefined = || format!("the function has no parameter '{name}'");
            let argument = argument.map(|argument| argument.value.clone());
            return argument.ok_or_else(|| Fault::new(Code::UndefinedName, undefined()));
        }
        self.slot(name, frame, "parameter", |deployment| {
            &mut deployment.parameters
        })
    }

    fn variable(&mut self, name: &str, frame: &Frame) -> Result<Value, Fault> {
        self.slot(name, frame, "variable", |deployment| {
            &mut deployment.variables
        })
    }

    fn slot(
        &mut self,
        name: &str,
        frame: &Frame,
        kind: &str,
        of: fn(&mut Deployment) -> &mut HashMap<String, Slot>,
    ) -> Result<Value, Fault> {
        let lower = name.to_ascii_lowercase();
        let Some(slot) = of(&mut self.deployments[frame.deployment.0]).get_mut(&lower) else {
            return Err(Fault::new(
                Code::UndefinedName,
                format!("the template declares no {kind} '{name}'"),
            ));
        };
        if let Slot::Done(value) = slot {
            return Ok(value.clone());
        }
        let slot = std::mem::replace(slot, Slot::Busy);
        let value = self.slot_value(slot, name, kind)?;
        of(&mut self.deployments[frame.deployment.0]).insert(lower, Slot::Done(value.clone()));
        Ok(value)
    }

    fn slot_value(&mut self, slot: Slot, name: &str, kind: &str) -> Result<Value, Fault> {
        Ok(match slot {
            Slot::Done(value) => value,
            Slot::Pending(value, frame) => self.value(&value, &frame),
            Slot::PendingCopy(copy, frame) => self.copied(&copy, name, &frame),
            Slot::Given(given, frame, default) => {
                let value = self.given(&given, &frame, name);
                match default {
                    Some(default) if value.is_null() => self.slot_value(*default, name, kind)?,
                    _ => value,
                }
            }
            Slot::Busy => {
                let message = format!("the {kind} '{name}' is defined by itself");
                return Err(Fault::new(Code::TemplateCycle, message));
            }
        })
    }

    /// A parameter as it is handed over: `{"value": ...}`, a secret of a key vault, or an expression for one of them.
    fn given(&mut self, given: &Value, frame: &Frame, name: &str) -> Value {
        // The value only, not the whole: what else stands there is nothing to be evaluated.
        if let Some(value) = given.get("value") {
            return self.value(value, frame);
        }
        // `"[createObject('value', ...)]"`, or a copy loop with the name `value`.
        let evaluated = self.value(given, frame);
        if evaluated.as_unknown().is_some() {
            return evaluated;
        }
        match (evaluated.get("value"), evaluated.get("reference")) {
            (Some(value), _) => value.clone(),
            (None, Some(_)) => Value::unknown(
                given.span,
                format!("the value of the parameter '{name}' is in a key vault"),
            ),
            (None, None) => Value::null(given.span),
        }
    }

    fn copy_index(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let values = arguments
            .iter()
            .map(|argument| self.eval(argument, frame, span))
            .collect::<Result<Vec<_>, _>>()?;
        let (name, offset) = match values.as_slice() {
            [] => (None, 0),
            [
                Value {
                    data: Data::String(name),
                    ..
                },
            ] => (Some(name), 0),
            [
                Value {
                    data: Data::Integer(offset),
                    ..
                },
            ] => (None, *offset),
            [
                Value {
                    data: Data::String(name),
                    ..
                },
                Value {
                    data: Data::Integer(offset),
                    ..
                },
            ] => (Some(name), *offset),
            _ => match values.iter().find(|value| value.as_unknown().is_some()) {
                Some(unknown) => return Ok(unknown.clone()),
                None => {
                    return Err(Fault::argument(
                        "copyIndex() takes the name of a loop, an offset, or both",
                    ));
                }
            },
        };
        let copy = match name {
            Some(name) => frame
                .copies()
                .find(|copy| copy.name.eq_ignore_ascii_case(name)),
            // Azure docs, "Property iteration": without a name it is the loop of the resource.
            None => frame
                .copies()
                .find(|copy| copy.of_resource)
                .or_else(|| frame.copies().next()),
        };
        match (copy, name) {
            (Some(copy), _) => Ok(Value::new(span, copy.index.saturating_add(offset))),
            (None, Some(name)) => Err(Fault::argument(format!(
                "there is no copy loop '{name}' around this copyIndex()"
            ))),
            (None, None) => Err(Fault::argument(
                "there is no copy loop around this copyIndex()",
            )),
        }
    }

    /// `and`, `or`: the first argument that decides; unknown if one might have.
    fn until(
        &mut self,
        arguments: &[Expression],
        decides: bool,
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let mut unknown = None;
        for argument in arguments {
            let value = self.eval(argument, frame, span)?;
            match as_condition(&value) {
                Some(flag) if flag == decides => return Ok(Value::new(span, decides)),
                Some(_) => {}
                None if value.as_unknown().is_some() => unknown = unknown.or(Some(value)),
                None => {
                    return Err(Fault::argument(format!(
                        "and(), or() take booleans, not {}",
                        value.kind()
                    )));
                }
            }
        }
        Ok(unknown.unwrap_or_else(|| Value::new(span, !decides)))
    }

    fn coalesce(
        &mut self,
        arguments: &[Expression],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        for argument in arguments {
            let value = self.eval(argument, frame, span)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        Ok(Value::null(span))
    }

    fn user_function(
        &mut self,
        lower: &str,
        name: &str,
        values: Vec<Value>,
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let Some(function) = self.deployments[frame.deployment.0]
            .functions
            .get(lower)
            .cloned()
        else {
            return Err(Fault::new(
                Code::UndefinedName,
                format!("the template declares no function {name}()"),
            ));
        };
        let empty = Array::new(Vec::new());
        let declared = match function
            .get("parameters")
            .map(|parameters| &parameters.data)
        {
            Some(Data::Array(parameters)) => parameters,
            _ => &empty,
        };
        if declared.len() != values.len() {
            let message = format!(
                "{name}() takes {} arguments, not {}",
                declared.len(),
                values.len()
            );
            return Err(Fault::argument(message));
        }
        let names = declared.iter().map(|parameter| {
            parameter
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
        });
        let arguments = names
            .map(Arc::from)
            .zip(values)
            .map(|(name, value)| Argument { name, value })
            .collect();
        let frame = frame.in_function(arguments);
        match function.path(["output", "value"]) {
            Some(output) => Ok(Value {
                span,
                ..self.value(output, &frame)
            }),
            None => Err(Fault::new(
                Code::MissingProperty,
                format!("the function {name}() has no output value"),
            )),
        }
    }
}
