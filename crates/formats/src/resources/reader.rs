//! Turns single properties into values of the model, and says precisely what is wrong with those that are not.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{Display, Write as _};
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use model::OperationError;
use model::spelling::UnknownWord;

use super::kind::Kind;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::json::Value;
use crate::source::Span;

/// Where a resource comes from: decides how much is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person wants it so: a template, a scenario. What Azure would refuse is an error.
    Authored,
    /// Azure has it so: a dump. What is odd about it is a warning, since an import must not fail on what the service returned.
    Recorded,
}

impl Origin {
    /// How bad it is that Azure's documents do not allow something.
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Authored => Severity::Error,
            Self::Recorded => Severity::Warning,
        }
    }
}

/// The name or id of another resource, not looked up yet.
#[derive(Clone, Debug)]
pub(crate) struct Reference<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Span,
    /// Where it stands in the resource that holds it.
    pub(crate) path: String,
}

/// Reads properties of one resource after the other, and gathers what is wrong.
pub(crate) struct Reader<'d> {
    pub(crate) diagnostics: &'d mut Diagnostics,
    resource: String,
    origin: Origin,
    /// IPv6 prefixes and addresses that were passed over.
    pub(crate) ipv6: usize,
    /// Places about which an error was told already.
    pub(crate) told: HashSet<Span>,
    /// Unknown values that decide nothing, by reason.
    unknown: BTreeMap<String, (usize, Span)>,
}

impl<'d> Reader<'d> {
    pub(crate) fn new(diagnostics: &'d mut Diagnostics) -> Self {
        Self {
            diagnostics,
            resource: String::new(),
            origin: Origin::Authored,
            ipv6: 0,
            told: HashSet::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// From now on it is about this resource.
    pub(crate) fn begin(&mut self, resource: impl Display, origin: Origin) {
        // One text for all resources: it is needed only where something is wrong.
        self.resource.clear();
        let _ = write!(self.resource, "{resource}"); // a String takes everything
        self.origin = origin;
    }

    /// How much is forgiven in the present resource.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Adds a problem of the present resource.
    pub(crate) fn push(&mut self, problem: Diagnostic) {
        if problem.span.is_some_and(|span| self.told.contains(&span)) {
            return;
        }
        let problem = if problem.resource.is_none() {
            problem.resource(&*self.resource)
        } else {
            problem
        };
        self.diagnostics.push(problem);
    }

    /// A property whose value cannot be used.
    pub(crate) fn bad(&mut self, view: &View<'_>, key: &str, value: &Value, expected: &str) {
        self.bad_at(view.path(key), value, expected);
    }

    pub(crate) fn bad_at(&mut self, path: String, value: &Value, expected: &str) {
        if let Some(unknown) = value.as_unknown() {
            let message = format!(
                "{path} decides something here, and its value is not known: {}",
                unknown.reason()
            );
            let problem = Diagnostic::error(Code::UnknownValue, message)
                .at(value.span)
                .property(path);
            self.push(problem.expected(format!("{expected}; give the parameter a value")));
            return;
        }
        let code = if value.as_str().is_some() {
            Code::BadValue
        } else {
            Code::WrongType
        };
        let found = if value.as_str().is_some() {
            value.to_string()
        } else {
            value.kind().to_owned()
        };
        let problem = Diagnostic::error(code, format!("{path} is {found}")).at(value.span);
        self.push(problem.property(path).value(value).expected(expected));
    }

    /// A property that has to be there.
    pub(crate) fn missing(&mut self, view: &View<'_>, key: &str, expected: &str) {
        let path = view.path(key);
        let problem =
            Diagnostic::error(Code::MissingProperty, format!("{path} is missing")).at(view.span());
        self.push(problem.property(path).expected(expected));
    }

    /// An operation that the network refused.
    pub(crate) fn refused(&mut self, error: &OperationError, span: Span) {
        self.refused_with(Severity::Error, error, span);
    }

    pub(crate) fn refused_with(&mut self, severity: Severity, error: &OperationError, span: Span) {
        let message = error.to_string();
        let mut problem =
            Diagnostic::new(severity, Code::Refused, message.trim_end_matches('.')).at(span);
        if let Some(code) = error.azure_code() {
            problem = problem.azure(code);
        }
        self.push(problem);
    }

    /// A property that is there, could change a verdict, and is not simulated.
    pub(crate) fn unsupported(&mut self, view: &View<'_>, key: &str, effect: &str) {
        if let Some(value) = view.get(key) {
            let path = view.path(key);
            let problem = Diagnostic::warning(
                Code::Unsupported,
                format!("{path} is not simulated: {effect}"),
            );
            self.push(problem.at(value.span).property(path));
        }
    }

    /// An unknown value where nothing depends on it: told once for each reason.
    fn unknown_in_passing(&mut self, value: &Value, reason: &str) {
        let entry = self
            .unknown
            .entry(reason.to_owned())
            .or_insert((0, value.span));
        entry.0 += 1;
    }

    /// Notes on everything that was passed over.
    pub(crate) fn finish(&mut self) {
        for (reason, (count, span)) in std::mem::take(&mut self.unknown) {
            let times = if count == 1 {
                String::new()
            } else {
                format!(" ({count} times)")
            };
            let message =
                format!("a value is not known{times}, but nothing depends on it: {reason}");
            self.diagnostics
                .push(Diagnostic::note(Code::UnknownValue, message).at(span));
        }
        if self.ipv6 > 0 {
            let message = format!(
                "{} IPv6 prefixes or addresses were left out: only IPv4 is simulated",
                self.ipv6
            );
            self.diagnostics
                .push(Diagnostic::note(Code::LeftOut, message));
        }
    }
}

/// Single values. A value of the wrong kind is reported, and the property counts as missing.
impl Reader<'_> {
    /// A text on which no verdict depends.
    pub(crate) fn label<'a>(&mut self, view: &View<'a>, key: &str) -> Option<&'a str> {
        let value = view.get(key)?;
        match (value.as_str(), value.as_unknown()) {
            (Some(text), _) => Some(text),
            (None, Some(unknown)) => {
                self.unknown_in_passing(value, unknown.reason());
                None
            }
            (None, None) => {
                self.bad(view, key, value, "a text");
                None
            }
        }
    }

    /// A text that decides something.
    pub(crate) fn text<'a>(&mut self, view: &View<'a>, key: &str) -> Option<&'a str> {
        let value = view.get(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.bad(view, key, value, "a text");
        }
        text
    }

    /// A boolean, also written as a string.
    pub(crate) fn flag(&mut self, view: &View<'_>, key: &str) -> Option<bool> {
        let value = view.get(key)?;
        let text = value.as_str().unwrap_or_default();
        if let Some(flag) = value.as_bool() {
            return Some(flag);
        }
        if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            return Some(text.eq_ignore_ascii_case("true"));
        }
        self.bad(view, key, value, "true or false");
        None
    }

    /// An integer in a range, also written as a string.
    pub(crate) fn number<T: TryFrom<i64>>(
        &mut self,
        view: &View<'_>,
        key: &str,
        expected: &str,
    ) -> Option<T> {
        let value = view.get(key)?;
        let number = value
            .as_i64()
            .or_else(|| value.as_str()?.trim().parse().ok());
        let number = number.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.bad(view, key, value, expected);
        }
        number
    }

    /// One of Azure's words.
    pub(crate) fn word<T: FromStr<Err = UnknownWord>>(
        &mut self,
        view: &View<'_>,
        key: &str,
    ) -> Option<T> {
        let value = view.get(key)?;
        match value.as_str().map(str::parse) {
            Some(Ok(word)) => Some(word),
            Some(Err(error)) => {
                self.bad(
                    view,
                    key,
                    value,
                    &format!("one of {}", error.expected.join(", ")),
                );
                None
            }
            None => {
                self.bad(view, key, value, "a text");
                None
            }
        }
    }

    /// An IPv4 address; IPv6 ones are counted and passed over.
    pub(crate) fn address(&mut self, view: &View<'_>, key: &str) -> Option<Ipv4Addr> {
        let value = view.get(key)?;
        let text = value.as_str().unwrap_or_default().trim();
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        if is_ipv6(text) {
            self.ipv6 += 1;
            return None;
        }
        self.bad(view, key, value, "an IPv4 address such as 10.0.0.4");
        None
    }

    /// An IPv4 address on which no verdict inside the networks depends: the public address of a device, a BGP peer.
    pub(crate) fn address_in_passing(&mut self, view: &View<'_>, key: &str) -> Option<Ipv4Addr> {
        let value = view.get(key)?;
        if let Some(unknown) = value.as_unknown() {
            self.unknown_in_passing(value, unknown.reason());
            return None;
        }
        self.address(view, key)
    }

    /// Prefixes under the first of the keys that has any: a list, or a single text.
    pub(crate) fn prefixes(&mut self, view: &View<'_>, keys: &[&'static str]) -> Vec<Ipv4Net> {
        let filled = |key: &&&'static str| {
            view.get(key)
                .is_some_and(|value| !matches!(value.as_array(), Some([])))
        };
        let Some(&key) = keys.iter().find(filled) else {
            return Vec::new();
        };
        let value = view.get(key).expect("the key was found one line above");
        match value.as_array() {
            None => self.prefix(view.path(key), value).into_iter().collect(),
            Some(values) => {
                let path = view.path(key);
                let mut prefixes = Vec::with_capacity(values.len());
                for (index, value) in values.iter().enumerate() {
                    prefixes.extend(self.prefix(format!("{path}[{index}]"), value));
                }
                prefixes
            }
        }
    }

    /// One prefix. Host bits are an error in what a person wrote, and are cleared with a warning in what Azure returned (S-4).
    pub(crate) fn prefix(&mut self, path: String, value: &Value) -> Option<Ipv4Net> {
        let text = value.as_str().unwrap_or_default().trim();
        if is_ipv6(text) {
            self.ipv6 += 1;
            return None;
        }
        let Some(prefix) = parse_prefix(text) else {
            self.bad_at(path, value, "an IPv4 prefix such as 10.0.0.0/16");
            return None;
        };
        if prefix.trunc() != prefix {
            let message = format!("{path} {text} has host bits set");
            let problem =
                Diagnostic::new(self.origin.severity(), Code::BadValue, message).at(value.span);
            self.push(
                problem
                    .property(path)
                    .value(value)
                    .expected(prefix.trunc().to_string())
                    .azure("InvalidCIDRNotation"),
            );
            return (self.origin == Origin::Recorded).then(|| prefix.trunc());
        }
        Some(prefix)
    }

    /// A reference: `{"id": "..."}`, or in a scenario a plain name.
    pub(crate) fn reference<'a>(
        &mut self,
        view: &View<'a>,
        key: &str,
        kind: Kind,
    ) -> Option<Reference<'a>> {
        let value = view.get(key)?;
        self.reference_at(value, view.path(key), kind)
    }

    /// The references of an array.
    pub(crate) fn references<'a>(
        &mut self,
        view: &View<'a>,
        key: &str,
        kind: Kind,
    ) -> Vec<Reference<'a>> {
        let Some(value) = view.get(key) else {
            return Vec::new();
        };
        let path = view.path(key);
        let Some(values) = value.as_array() else {
            self.bad_at(path, value, "an array");
            return Vec::new();
        };
        let values = values
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_null());
        let mut references = Vec::new();
        for (index, value) in values {
            references.extend(self.reference_at(value, format!("{path}[{index}]"), kind));
        }
        references
    }

    fn reference_at<'a>(
        &mut self,
        value: &'a Value,
        path: String,
        kind: Kind,
    ) -> Option<Reference<'a>> {
        let (id, path) = match value.as_object() {
            None => (value, path),
            Some(object) => match object.get("id") {
                // `{}` and `{"id": null}`: templates write them where they mean nothing.
                None if object.is_empty() => return None,
                Some(id) if id.is_null() || id.as_str() == Some("") => return None,
                Some(id) => (id, format!("{path}.id")),
                None => {
                    self.bad_at(
                        path,
                        value,
                        &format!("{{\"id\": \"...\"}} with the id of {}", kind.noun()),
                    );
                    return None;
                }
            },
        };
        if let Some(text) = id.as_str() {
            Some(Reference {
                text,
                span: id.span,
                path,
            })
        } else {
            self.bad_at(path, id, &format!("the id of {}", kind.noun()));
            None
        }
    }

    /// True if a key holds an array with something in it; another type is reported.
    pub(crate) fn filled(&mut self, view: &View<'_>, key: &str) -> bool {
        let Some(value) = view.get(key) else {
            return false;
        };
        if value.as_array().is_none() {
            self.bad(view, key, value, "an array");
        }
        value.as_array().is_some_and(|values| !values.is_empty())
    }

    /// The objects of an array; what is none is reported.
    pub(crate) fn objects<'a>(&mut self, view: &View<'a>, key: &str) -> Vec<View<'a>> {
        view.objects(key, |value, path| self.bad_at(path, value, "an object"))
    }

    /// The texts of an array; what is none is reported.
    pub(crate) fn texts<'a>(
        &mut self,
        view: &View<'a>,
        key: &str,
    ) -> Vec<(&'a str, &'a Value, String)> {
        let Some(value) = view.get(key) else {
            return Vec::new();
        };
        let path = view.path(key);
        let Some(values) = value.as_array() else {
            self.bad_at(path, value, "an array of texts");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match value.as_str() {
                Some(text) => texts.push((text, value, path)),
                None if value.is_null() => {}
                None => self.bad_at(path, value, "a text"),
            }
        }
        texts
    }
}

/// `10.0.0.0/8`; a plain address counts as a prefix of 32 bits.
pub(crate) fn parse_prefix(text: &str) -> Option<Ipv4Net> {
    match text.parse() {
        Ok(prefix) => Some(prefix),
        Err(_) => text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from),
    }
}

/// True for an IPv6 address or prefix.
pub(crate) fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address.contains(':') && address.parse::<std::net::Ipv6Addr>().is_ok()
}
