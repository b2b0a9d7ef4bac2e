//! The names in the words of a selector, held against those of resources.

use std::collections::HashSet;
use std::hash::Hash;

use model::ResourceId;
use model::lookup::{LookupError, similar};
use model::table::{Key, Resource, Table};
use wildmatch::WildMatch;

use super::{Kind, SelectorError};

/// Names that an error lists.
const NAMES_LISTED: usize = 8;

/// A resource with the name that people type.
pub(super) struct Candidate<'n, K> {
    pub(super) key: K,
    pub(super) name: String,
    pub(super) id: &'n ResourceId,
}

/// The resources of a table under their own names.
pub(super) fn by_own_name<K: Key, T: Resource>(table: &Table<K, T>) -> Vec<Candidate<'_, K>> {
    let rows = table.iter().map(|(key, row)| Candidate {
        key,
        name: row.name().to_owned(),
        id: row.id(),
    });
    rows.collect()
}

/// The candidates that are named: one, or several by a pattern.
pub(super) fn chosen<K: Eq + Hash>(
    kind: Kind,
    name: &str,
    candidates: Vec<Candidate<'_, K>>,
) -> Result<HashSet<K>, SelectorError> {
    let wanted = Pattern::new(name);
    let (found, others): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| wanted.fits(&candidate.name));
    if found.is_empty() {
        let names = others.into_iter().map(|candidate| candidate.name);
        return Err(unknown(kind, name, names.collect()));
    }
    if found.len() > 1 && !wanted.is_several() {
        let ambiguous = LookupError::Ambiguous {
            text: format!("{}:{name}", kind.as_str()),
            candidates: found.iter().map(|found| found.id.clone()).collect(),
        };
        return Err(SelectorError::Name(ambiguous, other_names(kind, name)));
    }
    Ok(found.into_iter().map(|found| found.key).collect())
}

/// Which words would name one of several, or all of them.
fn other_names(kind: Kind, name: &str) -> String {
    let kind_word = kind.as_str();
    match kind {
        Kind::Subnet if !name.contains('/') => {
            format!(
                "\nor with the network before it: {kind_word}:NETWORK/{name}; {kind_word}:*/{name} means all of them"
            )
        }
        _ => format!("\n{kind_word}:{name}* means all of them, and others whose names begin so"),
    }
}

pub(super) fn unknown(kind: Kind, name: &str, mut names: Vec<String>) -> SelectorError {
    names.sort_unstable();
    names.dedup();
    let close = similar(name, names.iter().map(String::as_str));
    let hint = if names.is_empty() {
        ": it holds none".to_owned()
    } else if close.is_empty() {
        let listed = names[..names.len().min(NAMES_LISTED)].join(", ");
        match names.len().saturating_sub(NAMES_LISTED) {
            0 => format!("; it holds {listed}"),
            more => format!("; it holds {listed} and {more} more"),
        }
    } else {
        format!("; did you mean {}?", close.join(" or "))
    };
    SelectorError::Unknown {
        what: kind.in_words(),
        name: name.to_owned(),
        hint,
    }
}

pub(super) fn nothing_in(kind: Kind) -> String {
    match kind {
        Kind::Machine => "it has no NIC in the topology".to_owned(),
        _ => format!("no NIC is in this {}", kind.in_words()),
    }
}

/// A name in which `*` stands for any letters and `?` for one, without regard to letter case.
pub(super) struct Pattern<'t> {
    pub(super) text: &'t str,
    compiled: WildMatch,
}

impl<'t> Pattern<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            compiled: WildMatch::new_case_insensitive(text),
        }
    }

    pub(super) fn fits(&self, name: &str) -> bool {
        self.compiled.matches(name)
    }

    /// Whether it is meant to name more than one thing.
    pub(super) fn is_several(&self) -> bool {
        self.text.contains(['*', '?'])
    }
}
