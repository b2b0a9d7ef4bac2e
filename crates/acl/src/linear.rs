//! The obvious form: rule after rule. The yardstick for the compiled form.

use crate::rule::{Key, Rule};

/// Index of the first rule that matches.
pub fn first_match(rules: &[Rule], key: &Key) -> Option<u32> {
    rules
        .iter()
        .zip(0..)
        .find(|(rule, _)| rule.matches(key))
        .map(|(_, index)| index)
}
