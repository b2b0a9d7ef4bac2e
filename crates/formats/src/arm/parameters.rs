//! Values given to the parameters of a template: by files, and one by one.

use std::collections::HashMap;

use super::{deployment::Given, frame::Slot};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    json::{self, Data, Member, Value},
    source::{Sources, Span},
};

/// Values for the parameters of a template. A later value replaces an earlier one of the same name.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// From files: values as JSON.
    given: Vec<(Member, Form)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `{"value": ...}` or `{"reference": ...}`, as in a parameter file.
    Wrapped,
    /// The value itself.
    Plain,
    /// The text of a value, to be read as the type that the template declares.
    Text,
}

/// Whether a document is a parameter file in Azure's form.
pub fn is_parameter_file(document: &Value) -> bool {
    let schema = document
        .get("$schema")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_ascii_lowercase();
    schema.contains("deploymentparameters")
}

impl Parameters {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the values of a parameter file: Azure's form, `{"parameters": {"name": {"value": ...}}}`, or a plain object,
    /// `{"name": ...}`.
    pub fn add_file(&mut self, document: &Value, diagnostics: &mut Diagnostics) {
        let Some(object) = document.as_object() else {
            let message = format!("a parameter file holds an object, not {}", document.kind());
            diagnostics.push(Diagnostic::error(Code::BadParameter, message).at(document.span));
            return;
        };
        let enveloped = is_parameter_file(document)
            || object.get("contentVersion").is_some()
            || object.len() == 1;
        if let Some(parameters) = object
            .get("parameters")
            .and_then(Value::as_object)
            .filter(|_| enveloped)
        {
            self.given.extend(
                parameters
                    .iter()
                    .map(|member| (member.clone(), Form::Wrapped)),
            );
        } else {
            let values = object.iter().filter(|member| !member.key.starts_with('$'));
            self.given
                .extend(values.map(|member| (member.clone(), Form::Plain)));
        }
    }

    /// Takes `name=value`. The value is text for a parameter of type string, and JSON for any other.
    pub fn add_text(
        &mut self,
        assignment: &str,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) {
        let Some((name, value)) = assignment.split_once('=') else {
            let message = format!("the parameter {assignment} is given without a value");
            diagnostics.push(Diagnostic::error(Code::BadParameter, message).expected("NAME=VALUE"));
            return;
        };
        let Some(file) = sources.add(
            format!("parameter {}", name.trim()),
            assignment,
            diagnostics,
        ) else {
            return;
        };
        let value = Value::new(Span::new(file, name.len() + 1, value.len()), value);
        let member = Member {
            key: name.trim().into(),
            key_span: Span::new(file, 0, name.len()),
            value,
        };
        self.given.push((member, Form::Text));
    }

    /// The values for one template, checked against what it declares.
    pub(super) fn slots(&self, template: &Value, diagnostics: &mut Diagnostics) -> Given {
        let mut slots = HashMap::new();
        for (member, form) in &self.given {
            let declaration = template
                .get("parameters")
                .and_then(|declared| declared.get(&member.key));
            let value = match form {
                Form::Plain => member.value.clone(),
                Form::Text => typed(&member.value, declaration, diagnostics),
                Form::Wrapped => unwrapped(member),
            };
            if let Some(declaration) = declaration {
                check(&member.key, &value, declaration, diagnostics);
            }
            slots.insert(
                member.key.to_ascii_lowercase(),
                (member.key_span, Slot::Done(value)),
            );
        }
        slots
    }
}

/// The value of an entry of a parameter file. Values from outside hold no expressions.
fn unwrapped(member: &Member) -> Value {
    match (member.value.get("value"), member.value.get("reference")) {
        (Some(value), _) => value.clone(),
        (None, Some(_)) => {
            let reason = format!(
                "the value of the parameter '{}' is in a key vault",
                member.key
            );
            Value::unknown(member.value.span, reason)
        }
        (None, None) => {
            let reason = format!("the parameter '{}' is given without a value", member.key);
            Value::unknown(member.value.span, reason)
        }
    }
}

/// A value given as text, read as its parameter's type.
fn typed(value: &Value, declaration: Option<&Value>, diagnostics: &mut Diagnostics) -> Value {
    let text = value.as_str().unwrap_or_default();
    let kind = declaration
        .and_then(|declaration| declaration.get("type"))
        .and_then(Value::as_str)
        .unwrap_or("string");
    if kind.eq_ignore_ascii_case("string") || kind.eq_ignore_ascii_case("securestring") {
        return value.clone();
    }
    // The command line knows True, and so does Azure's.
    let text = if kind.eq_ignore_ascii_case("bool") {
        text.trim().to_ascii_lowercase()
    } else {
        text.to_owned()
    };
    match json::parse_text(&text, value.span) {
        Ok(parsed) => parsed,
        Err(error) => {
            let message = format!("the value is no {kind}: {}", error.message);
            diagnostics.push(
                Diagnostic::error(Code::BadParameter, message)
                    .at(value.span)
                    .value(value)
                    .expected(error.expected),
            );
            value.clone()
        }
    }
}

/// Azure refuses what a parameter does not allow. Here it is a warning: the network can be told all the same.
fn check(name: &str, value: &Value, declaration: &Value, diagnostics: &mut Diagnostics) {
    let mut warn = |message: String, expected: String| {
        let warning = Diagnostic::warning(Code::BadParameter, message)
            .at(value.span)
            .value(value)
            .azure("InvalidTemplate");
        diagnostics.push(warning.expected(expected));
    };
    let kind = declaration
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let fits = match (kind.as_str(), &value.data) {
        (_, Data::Unknown(_) | Data::Null) => true,
        // Numbers and flags are often given as strings, which Azure converts.
        ("int", Data::String(text)) => text.trim().parse::<i64>().is_ok(),
        ("bool", Data::String(text)) => ["true", "false"]
            .iter()
            .any(|flag| text.eq_ignore_ascii_case(flag)),
        ("int", data) => matches!(data, Data::Integer(_)),
        ("bool", data) => matches!(data, Data::Bool(_)),
        ("array", data) => matches!(data, Data::Array(_)),
        ("object" | "secureobject", data) => matches!(data, Data::Object(_)),
        ("string" | "securestring", data) => !matches!(data, Data::Array(_) | Data::Object(_)),
        _ => true,
    };
    if !fits {
        warn(
            format!(
                "the parameter '{name}' is declared as {kind}, but given {}",
                value.kind()
            ),
            format!("a value of type {kind}"),
        );
    }
    let allowed = declaration.get("allowedValues").and_then(Value::as_array);
    if let Some(allowed) = allowed
        && value.as_unknown().is_none()
        && kind != "array"
        && !allowed.iter().any(|candidate| same(candidate, value))
    {
        let allowed = allowed
            .iter()
            .take(20)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        warn(
            format!("the template does not allow this value for the parameter '{name}'"),
            format!("one of {allowed}"),
        );
    }
}

/// Azure compares allowed strings without regard to letter case.
fn same(allowed: &Value, value: &Value) -> bool {
    match (allowed.as_str(), value.as_str()) {
        (Some(allowed), Some(value)) => allowed.eq_ignore_ascii_case(value),
        _ => allowed.data == value.data,
    }
}
