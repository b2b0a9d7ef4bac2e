//! A compiled rule list.

use crate::bit_vectors::BitVectors;
use crate::linear;
use crate::rule::{Key, Rule};

/// Longest list that is read rule by rule. By `benches/acl.rs` bit vectors win from about 20 rules on when any rule is
/// as likely to decide as any other, and from about 10 on when it is always the last.
const LONGEST_LINEAR: usize = 12;

/// What [`RuleSet::first_match_batch`] writes for a key that no rule matches.
pub const NO_MATCH: u32 = u32::MAX;

/// An ordered rule list, compiled once, shared and never changed.
#[derive(Clone, Debug)]
pub struct RuleSet {
    len: usize,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Linear(Vec<Rule>),
    BitVectors(BitVectors),
}

impl RuleSet {
    /// Compiles `rules`; the earlier of two rules that match wins.
    pub fn build(rules: Vec<Rule>) -> Self {
        let len = rules.len();
        let form = if len <= LONGEST_LINEAR {
            Form::Linear(rules)
        } else {
            Form::BitVectors(BitVectors::build(&rules))
        };
        Self { len, form }
    }

    /// Index of the first rule that matches, counted from 0 in the order given to [`build`](Self::build).
    #[inline]
    pub fn first_match(&self, key: &Key) -> Option<u32> {
        match &self.form {
            Form::Linear(rules) => linear::first_match(rules, key),
            Form::BitVectors(vectors) => vectors.first_match(key),
        }
    }

    /// [`first_match`](Self::first_match) of up to any number of keys; [`NO_MATCH`] where none does.
    ///
    /// # Panics
    ///
    /// If `matches` is not as long as `keys`.
    pub fn first_match_batch(&self, keys: &[Key], matches: &mut [u32]) {
        assert_eq!(keys.len(), matches.len(), "one answer a key");
        for (key, first) in keys.iter().zip(matches) {
            *first = self.first_match(key).unwrap_or(NO_MATCH);
        }
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no rule, and therefore never a match.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Heap memory in bytes.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Linear(rules) => linear::memory(rules),
            Form::BitVectors(vectors) => vectors.memory(),
        }
    }
}
