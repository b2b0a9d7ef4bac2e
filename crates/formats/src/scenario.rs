//! The scenario: a network in a short form, and what Azure's files cannot say.
//!
//! `shapes` declares what it looks like, once: the published schema ([`schema`]), the check of what is read, and what [`write()`] writes
//! all come from there. What fits the schema is then spelled out (`lower`) into the resources that every other format gives too, so
//! that there is one reader of resources, with one set of messages.

mod admin_rules;
mod authorization;
pub(crate) mod check;
mod lower;
mod names;
mod shapes;
mod write;

use std::sync::OnceLock;

use serde_json::Value as Json;

pub use write::{to_yaml, write, write_json, write_with_comment};

use crate::diagnostic::Diagnostics;
use crate::json::{Object, Piece, Value};
use crate::resources::{Additions, Collection};
use crate::source::Span;

/// The JSON Schema of scenarios: every resource kind, every option, with descriptions.
pub fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(shapes::Scenario).to_value())
}

/// Where a scenario's resources are that do not say it themselves, unless it has `defaults`.
pub(crate) const DEFAULT_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
/// As [`DEFAULT_SUBSCRIPTION`].
pub(crate) const DEFAULT_GROUP: &str = "rg1";

/// True if an object has a key of a scenario.
pub(crate) fn is_scenario(object: &Object) -> bool {
    let keys = schema().get("properties").and_then(Json::as_object);
    keys.is_some_and(|keys| {
        object
            .iter()
            .any(|member| keys.keys().any(|key| key.eq_ignore_ascii_case(&member.key)))
    })
}

/// What a scenario says beside its resources.
pub(crate) struct Read {
    /// Other files, relative to the scenario.
    pub(crate) topology: Vec<(Piece, Span)>,
}

/// Takes the resources and additions of a scenario.
pub(crate) fn read(
    document: &Value,
    collection: &mut Collection,
    additions: &mut Additions,
    diagnostics: &mut Diagnostics,
) -> Read {
    // What does not fit was told; what does is read all the same, so that its own problems come up too.
    additions
        .told
        .extend(check::check(document, schema(), diagnostics));
    lower::lower(document, collection, additions, diagnostics)
}
