//! Checks a located document against a JSON Schema, and tells everything that does not fit.
//!
//! It knows the part of JSON Schema that our own shapes use. A boolean may be written as a text and a text as a number, since YAML
//! guesses types (`zone: 1`); words fit in any letter case, as Azure's do.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Data, Member, Object, Value};
use crate::source::Span;

/// Tells what does not fit, and answers where: who reads those values need not complain again.
pub(crate) fn check(value: &Value, schema: &Json, diagnostics: &mut Diagnostics) -> HashSet<Span> {
    let mut checker = Checker {
        definitions: schema.get("$defs"),
        diagnostics,
        told: HashSet::new(),
        path: String::new(),
    };
    checker.value(value, schema);
    checker.told
}

struct Checker<'a> {
    definitions: Option<&'a Json>,
    diagnostics: &'a mut Diagnostics,
    told: HashSet<Span>,
    /// How the present value is reached from the document. One text for all: there are millions of values.
    path: String,
}

impl<'a> Checker<'a> {
    fn value(&mut self, value: &Value, schema: &'a Json) {
        if value.is_null() {
            return; // A key without value counts as missing.
        }
        let schema = self.resolved(schema);
        if let Some(forms) = schema
            .get("anyOf")
            .or_else(|| schema.get("oneOf"))
            .and_then(Json::as_array)
        {
            let form = forms
                .iter()
                .map(|form| self.resolved(form))
                .find(|form| fits_type(value, form));
            return match form {
                Some(form) => self.value(value, form),
                None => self.wrong_type(value, &types(schema, self)),
            };
        }
        if !fits_type(value, schema) {
            return self.wrong_type(value, &types(schema, self));
        }
        if let Some(words) = schema.get("enum").and_then(Json::as_array) {
            self.word(value, words);
        }
        match &value.data {
            Data::Object(object) => self.object(value, object, schema),
            Data::Array(values) => {
                if let Some(items) = schema.get("items") {
                    let outer = self.path.len();
                    for (index, value) in values.iter().enumerate() {
                        let _ = write!(self.path, "[{index}]"); // a String takes everything
                        self.value(value, items);
                        self.path.truncate(outer);
                    }
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, value: &Value, object: &Object, schema: &'a Json) {
        let properties = schema.get("properties").and_then(Json::as_object);
        let rest = schema.get("additionalProperties");
        let outer = self.path.len();
        for member in object.iter() {
            if outer > 0 {
                self.path.push('.');
            }
            self.path.push_str(&member.key);
            let known = properties.and_then(|properties| {
                // Nearly all keys are spelled as here.
                properties.get(&*member.key).or_else(|| {
                    properties
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(&member.key))
                        .map(|(_, schema)| schema)
                })
            });
            match (known, rest) {
                (Some(schema), _) => self.member(member, schema),
                (None, Some(Json::Object(_))) => {
                    let schema = rest.expect("matched one line above");
                    self.member(member, schema);
                }
                (None, _) => {
                    let keys: Vec<&str> = properties
                        .into_iter()
                        .flatten()
                        .map(|(key, _)| key.as_str())
                        .collect();
                    let message = format!("there is no key '{}' here", member.key);
                    let problem = Diagnostic::error(Code::UnknownKey, message)
                        .at(member.key_span)
                        .property(self.path.as_str());
                    self.push(problem.expected(suggestion(&member.key, &keys)));
                }
            }
            self.path.truncate(outer);
        }
        for key in schema
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
        {
            if object.get(key).is_none_or(Value::is_null) {
                let problem = Diagnostic::error(Code::MissingProperty, format!("{key} is missing"))
                    .at(value.span);
                self.push(problem.property(self.path.as_str()));
            }
        }
    }

    /// Some readers name an entry by its key.
    fn member(&mut self, member: &Member, schema: &'a Json) {
        self.value(&member.value, schema);
        if self.told.contains(&member.value.span) {
            self.told.insert(member.key_span);
        }
    }

    fn word(&mut self, value: &Value, words: &[Json]) {
        let texts = || words.iter().filter_map(Json::as_str);
        let fits = |written: &str| texts().any(|word| word.eq_ignore_ascii_case(written));
        let known = match &value.data {
            Data::Bool(flag) => fits(&flag.to_string()),
            Data::String(text) => fits(text),
            _ => false,
        };
        if !known {
            let path = self.path.as_str();
            let words: Vec<&str> = texts().collect();
            let problem =
                Diagnostic::error(Code::BadValue, format!("{path} is {value}")).at(value.span);
            self.push(
                problem
                    .property(path)
                    .value(value)
                    .expected(format!("one of {}", words.join(", "))),
            );
        }
    }

    fn wrong_type(&mut self, value: &Value, expected: &str) {
        let path = self.path.as_str();
        let what = if path.is_empty() {
            "the document"
        } else {
            path
        };
        let problem = Diagnostic::error(Code::WrongType, format!("{what} is {}", value.kind()))
            .at(value.span);
        self.push(problem.property(path).value(value).expected(expected));
    }

    fn push(&mut self, problem: Diagnostic) {
        self.told.extend(problem.span);
        self.diagnostics.push(problem);
    }

    fn resolved(&self, schema: &'a Json) -> &'a Json {
        let name = schema
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|name| name.strip_prefix("#/$defs/"));
        name.and_then(|name| self.definitions?.get(name))
            .unwrap_or(schema)
    }
}

fn fits_type(value: &Value, schema: &Json) -> bool {
    let one = |kind: &str| match (kind, &value.data) {
        ("string", Data::String(_) | Data::Integer(_) | Data::Float(_))
        | ("boolean", Data::Bool(_))
        | ("integer", Data::Integer(_))
        | ("number", Data::Integer(_) | Data::Float(_))
        | ("array", Data::Array(_))
        | ("object", Data::Object(_)) => true,
        ("boolean", Data::String(text)) => {
            text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
        }
        _ => false,
    };
    match schema.get("type") {
        None => true,
        Some(Json::String(kind)) => one(kind),
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).any(one),
        Some(_) => false,
    }
}

/// `a text or an object`.
fn types(schema: &Json, checker: &Checker<'_>) -> String {
    let forms = schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))
        .and_then(Json::as_array);
    let mut kinds: Vec<&str> = Vec::new();
    for form in forms.map_or(std::slice::from_ref(schema), Vec::as_slice) {
        let form = match form
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|name| name.strip_prefix("#/$defs/"))
        {
            Some(name) => checker
                .definitions
                .and_then(|definitions| definitions.get(name))
                .unwrap_or(form),
            None => form,
        };
        match form.get("type") {
            Some(Json::String(kind)) => kinds.push(kind),
            Some(Json::Array(several)) => kinds.extend(several.iter().filter_map(Json::as_str)),
            _ => {}
        }
    }
    let nouns: Vec<&str> = kinds
        .into_iter()
        .filter_map(|kind| match kind {
            "string" => Some("a text"),
            "boolean" => Some("true or false"),
            "integer" => Some("an integer"),
            "number" => Some("a number"),
            "array" => Some("a list"),
            "object" => Some("an object"),
            _ => None,
        })
        .collect();
    nouns.join(" or ")
}

fn suggestion(key: &str, keys: &[&str]) -> String {
    let wanted = key.to_ascii_lowercase();
    let close = keys
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &wanted),
                known,
            )
        })
        .filter(|&(distance, _)| distance <= wanted.chars().count() / 3 + 1)
        .min();
    match close {
        Some((_, known)) => format!("did you mean '{known}'?"),
        None => format!("one of {}", keys.join(", ")),
    }
}
