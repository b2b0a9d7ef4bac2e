//! What a team promises about its network, as it writes it down:
//!
//! ```yaml
//! promises:
//!   - name: web reaches db
//!     must: { from: "subnet:prod/web", to: "subnet:prod/db", service: tcp/5432 }
//!     owner: team-payments
//!     reason: checkout needs it
//!     expires: 2027-06-30
//! ```
//!
//! `shapes` declares what that looks like; the published schema ([`schema`]) and the check of what is read come from there. Selectors,
//! services and devices stay texts with their places here: what they mean is for those who know the network.

mod date;
mod shapes;

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value as Json;

pub use self::date::{Date, DateError};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Data, Object, Value};
use crate::scenario::check;
use crate::source::{FileId, Sources, Span};
use crate::yaml;

/// Most promises of one file.
const MOST: usize = 10_000;

/// A text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// One promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// Its name, unique in the file.
    pub name: Word,
    /// What is promised.
    pub kind: PromiseKind,
    /// Who asks: a selector, its words joined by commas.
    pub from: Word,
    /// Who is asked: the same.
    pub to: Word,
    /// For what; empty if the file does not say, which only promises that nothing happens may do.
    pub services: Vec<Word>,
    /// Whether the same is promised in the other direction.
    pub both_ways: bool,
    /// Whether the probe counts alone, without its reply.
    pub forward: bool,
    /// Whether selectors may select nothing.
    pub allow_empty: bool,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why it is promised.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub expires: Option<Date>,
}

/// What is promised.
#[derive(Clone, Debug, PartialEq)]
pub enum PromiseKind {
    /// Every pair is reachable.
    Must,
    /// No probe arrives.
    MustNot,
    /// What arrives has passed one of these devices.
    MustPassThrough(Vec<Word>),
    /// What arrives has passed none of these devices.
    MustNotPassThrough(Vec<Word>),
    /// Every pair answers, and no later than this: milliseconds, finite, above 0.
    MaxLatency(f64),
}

/// The JSON Schema of promise files, with descriptions.
pub fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = schemars::schema_for!(shapes::Promises).to_value();
        let kinds: Vec<Json> = KINDS
            .iter()
            .map(|kind| serde_json::json!({ "required": [kind] }))
            .collect();
        // In a form that only full readers of JSON Schema look at: the file's own reader says it better.
        schema["$defs"]["Promise"]["allOf"] = serde_json::json!([{ "oneOf": kinds }]);
        schema
    })
}

/// True if an object is a file of promises, not a part of a network.
pub(crate) fn is_promises(object: &Object) -> bool {
    object
        .get("promises")
        .is_some_and(|list| list.as_array().is_some())
}

/// Reads a file of promises. `None`: it cannot be used, and what is wrong is among `diagnostics`, everything at once.
pub fn read(
    path: &Path,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Promise>> {
    let file = sources.read(path, diagnostics)?;
    parse(file, sources, diagnostics)
}

/// Reads promises that are already among `sources`. `None`: as for [`read`].
pub fn parse(
    file: FileId,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Promise>> {
    let document = yaml::parse(sources, file, diagnostics)?;
    if document.is_null() {
        let problem = Diagnostic::error(Code::MissingProperty, "promises is missing");
        diagnostics.push(problem.at(Span::new(file, 0, 0)).expected(EXPECTED));
        return None;
    }
    if document.as_object().is_none() {
        let problem = "the document is no object with the key promises";
        let problem = Diagnostic::error(Code::WrongType, problem).at(document.span);
        diagnostics.push(problem.expected(EXPECTED));
        return None;
    }
    check::check(&document, schema(), diagnostics);
    let mut reader = Reader {
        diagnostics,
        names: HashMap::new(),
    };
    let promises = reader.promises(&document);
    (!diagnostics.has_errors()).then_some(promises)
}

const EXPECTED: &str = "a list of promises, as `promises: [ { name: web reaches db, must: { from: web, to: db, service: tcp/5432 } } ]`";
const KINDS: [&str; 5] = [
    "must",
    "must-not",
    "must-pass-through",
    "must-not-pass-through",
    "max-latency",
];

struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
    /// By name in lower case.
    names: HashMap<String, Span>,
}

impl Reader<'_> {
    fn promises(&mut self, document: &Value) -> Vec<Promise> {
        let listed = document.get("promises").and_then(Value::as_array);
        let Some(listed) = listed else {
            return Vec::new(); // told by the check
        };
        if listed.is_empty() {
            let problem = Diagnostic::error(Code::BadValue, "there is no promise in the list");
            self.diagnostics
                .push(problem.at(document.span).expected(EXPECTED));
        }
        if listed.len() > MOST {
            let problem = format!("there are {} promises in one file", listed.len());
            let problem = Diagnostic::error(Code::BadValue, problem).at(document.span);
            self.diagnostics
                .push(problem.expected(format!("at most {MOST}")));
            return Vec::new();
        }
        let entries = listed.iter().enumerate();
        entries
            .filter_map(|(index, entry)| self.promise(entry, &format!("promises[{index}]")))
            .collect()
    }

    fn promise(&mut self, entry: &Value, path: &str) -> Option<Promise> {
        if entry.is_null() {
            self.nothing(entry, path);
        }
        let object = entry.as_object()?;
        let name = self.name(entry, path);
        let (kind, body) = self.kind(entry, object, path)?;
        let promise = path;
        let path = format!("{path}.{kind}");
        if body.is_null() {
            self.nothing(body, &path);
        }
        body.as_object()?;
        let from = self.selector(body, "from", &path);
        let to = self.selector(body, "to", &path);
        let services = words(body.get("service"));
        if let Some(value) = body.get("service").filter(|value| !value.is_null())
            && services.is_empty()
        {
            let path = format!("{path}.service");
            let problem = Diagnostic::error(Code::BadValue, format!("{path} names nothing"));
            let problem = problem.at(value.span).property(path);
            self.diagnostics.push(
                problem.expected("icmp, tcp/443, udp/53, tcp/any, tcp/all, or a list of them"),
            );
        }
        let kind = match kind {
            "must" => PromiseKind::Must,
            "must-not" => PromiseKind::MustNot,
            "must-pass-through" => PromiseKind::MustPassThrough(self.through(body, &path)),
            "must-not-pass-through" => PromiseKind::MustNotPassThrough(self.through(body, &path)),
            _ => PromiseKind::MaxLatency(self.milliseconds(body, &path)?),
        };
        let expires = self.expires(object, &format!("{promise}.expires"));
        let text = |key| object.get(key).and_then(text_of);
        Some(Promise {
            name: name?,
            kind,
            from: from?,
            to: to?,
            services,
            both_ways: flag(body, "both-ways"),
            forward: flag(body, "forward"),
            allow_empty: flag(entry, "allow-empty"),
            owner: text("owner"),
            reason: text("reason"),
            expires,
        })
    }

    /// Where something has to be promised, there is nothing.
    fn nothing(&mut self, value: &Value, path: &str) {
        let problem = Diagnostic::error(Code::MissingProperty, format!("{path} is empty"));
        self.diagnostics.push(
            problem
                .at(value.span)
                .property(path)
                .expected("what is promised"),
        );
    }

    fn name(&mut self, entry: &Value, path: &str) -> Option<Word> {
        let value = entry.get("name").filter(|name| !name.is_null())?;
        let text = text_of(value)?;
        let text = text.trim().to_owned();
        if text.is_empty() || text.contains(char::is_control) {
            let problem = Diagnostic::error(Code::BadValue, "a promise needs a name of one line");
            let problem = problem.at(value.span).property(path).value(value);
            self.diagnostics.push(problem);
            return None;
        }
        let known = self.names.insert(text.to_lowercase(), value.span);
        if known.is_some() {
            let problem = format!("two promises are named '{text}', letter case aside");
            let problem = Diagnostic::error(Code::DuplicateKey, problem).at(value.span);
            self.diagnostics.push(
                problem
                    .property(path)
                    .expected("a name of its own for each"),
            );
        }
        Some(Word {
            text,
            span: value.span,
        })
    }

    /// Which of the five kinds it is, and what that says.
    fn kind<'v>(
        &mut self,
        entry: &Value,
        object: &'v Object,
        path: &str,
    ) -> Option<(&'static str, &'v Value)> {
        let said = object.iter().filter_map(|member| {
            let mut kinds = KINDS.iter();
            let kind = kinds.find(|kind| kind.eq_ignore_ascii_case(&member.key))?;
            Some((*kind, member))
        });
        let said: Vec<_> = said.collect();
        match said.as_slice() {
            [(kind, member)] => Some((kind, &member.value)),
            [] => {
                let problem = "it is not said what is promised";
                let problem = Diagnostic::error(Code::MissingProperty, problem).at(entry.span);
                let expected = format!("one of {}", KINDS.join(", "));
                self.diagnostics
                    .push(problem.property(path).expected(expected));
                None
            }
            [(first, _), (second, member), ..] => {
                let problem = format!("{first} and {second} are two promises");
                let problem = Diagnostic::error(Code::BadValue, problem).at(member.key_span);
                self.diagnostics
                    .push(problem.property(path).expected("one entry for each"));
                None
            }
        }
    }

    fn selector(&mut self, body: &Value, key: &str, path: &str) -> Option<Word> {
        let value = body.get(key).filter(|value| !value.is_null())?;
        let list = words(Some(value));
        if list.is_empty() || list.iter().any(|word| word.text.trim().is_empty()) {
            let problem = Diagnostic::error(Code::BadValue, format!("{path}.{key} names nobody"));
            let problem = problem.at(value.span).property(format!("{path}.{key}"));
            self.diagnostics
                .push(problem.expected("a selector as subnet:prod/web, or a list of them"));
            return None;
        }
        let texts: Vec<&str> = list.iter().map(|word| word.text.trim()).collect();
        Some(Word {
            text: texts.join(","),
            span: list.first().map_or(value.span, |word| word.span),
        })
    }

    fn through(&mut self, body: &Value, path: &str) -> Vec<Word> {
        let value = body.get("through").filter(|value| !value.is_null());
        let devices = words(value);
        if let Some(value) = value
            && devices.is_empty()
        {
            let path = format!("{path}.through");
            let problem = Diagnostic::error(Code::BadValue, format!("{path} names nothing"));
            self.diagnostics.push(
                problem
                    .at(value.span)
                    .property(path)
                    .expected("a device as vm:nva, firewall:hub-fw or gateway:hub-gw, or a list"),
            );
        }
        devices
    }

    fn milliseconds(&mut self, body: &Value, path: &str) -> Option<f64> {
        let value = body.get("ms").filter(|value| !value.is_null())?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "no latency has 53 bits of milliseconds"
        )]
        let number = match value.data {
            Data::Integer(number) => number as f64,
            Data::Float(number) => number,
            _ => return None, // told by the check
        };
        if number > 0.0 && number <= LONGEST {
            return Some(number);
        }
        let path = format!("{path}.ms");
        let problem = Diagnostic::error(Code::BadValue, format!("{path} is {value}"));
        self.diagnostics.push(
            problem
                .at(value.span)
                .property(path)
                .value(value)
                .expected("milliseconds above 0, as 12 or 1.5; at most an hour"),
        );
        None
    }

    fn expires(&mut self, object: &Object, path: &str) -> Option<Date> {
        let value = object.get("expires").filter(|value| !value.is_null())?;
        let text = text_of(value)?;
        match text.parse() {
            Ok(date) => Some(date),
            Err(error) => {
                let DateError = error;
                let problem = Diagnostic::error(Code::BadValue, format!("'{text}' is no date"));
                let problem = problem.at(value.span).property(path);
                self.diagnostics.push(problem.expected(error.to_string()));
                None
            }
        }
    }
}

/// An hour.
const LONGEST: f64 = 3_600_000.0;

/// A text, or several; what is none was told by the check.
fn words(value: Option<&Value>) -> Vec<Word> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Vec::new();
    };
    let list = value.as_array().unwrap_or(std::slice::from_ref(value));
    let words = list.iter().filter_map(|word| {
        let text = text_of(word)?;
        Some(Word {
            text,
            span: word.span,
        })
    });
    words.collect()
}

/// A text; YAML takes some for numbers.
fn text_of(value: &Value) -> Option<String> {
    match &value.data {
        Data::String(text) => Some(text.to_string()),
        Data::Integer(number) => Some(number.to_string()),
        Data::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).is_some_and(|flag| {
        flag.as_bool() == Some(true)
            || flag
                .as_str()
                .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    })
}

#[cfg(test)]
mod tests;
