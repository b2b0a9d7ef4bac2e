//! The obvious form: rule after rule. The fastest one for a handful of rules, and the yardstick for the other.

use crate::rule::{Key, Rule};

/// Index of the first rule that matches.
pub fn first_match(rules: &[Rule], key: &Key) -> Option<u32> {
    rules
        .iter()
        .zip(0..)
        .find(|(rule, _)| rule.matches(key))
        .map(|(_, index)| index)
}

/// Heap memory of the rules in bytes.
pub(crate) fn memory(rules: &[Rule]) -> usize {
    let addresses = |side: &crate::Addresses| side.listed().ranges().len() * size_of::<[u32; 2]>();
    let ports = |side: &crate::Ports| size_of_val(side.ranges());
    let fields = |rule: &Rule| {
        addresses(&rule.source)
            + addresses(&rule.destination)
            + ports(&rule.source_ports)
            + ports(&rule.destination_ports)
    };
    size_of_val(rules) + rules.iter().map(fields).sum::<usize>()
}
