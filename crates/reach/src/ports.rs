//! Which ports a network can tell apart: between two cuts, every port meets the same rules.
//!
//! A question about any or all ports asks for one port of each class. It does not know which rules a pair meets, so it cuts at the ports
//! of all of them.

use std::collections::BTreeSet;

use acl::RuleSet;
use control::Snapshot;

use crate::question::Protocol;

/// One port of each class, ascending: the lowest one. Port 0 is no port that anything listens on.
pub fn representatives(snapshot: &Snapshot, protocol: Protocol) -> Vec<u16> {
    let number = match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    };
    let mut starts = BTreeSet::from([1]);
    let mut cut = |first: u16, last: u16| {
        starts.insert(first.max(1));
        starts.extend(last.checked_add(1));
    };
    let groups = snapshot.rule_sets.iter().map(|set| &set.table);
    let admin = snapshot.admin_rules.iter().map(|set| &set.table);
    let rules = groups.chain(admin).flat_map(RuleSet::rules);
    for rule in rules.filter(|rule| rule.protocol.matches(number)) {
        for range in rule.destination_ports.ranges() {
            cut(*range.start(), *range.end());
        }
    }
    for firewall in snapshot.firewalls.iter().flatten() {
        for range in &firewall.destination_ports {
            cut(*range.start(), *range.end());
        }
    }
    for rule in snapshot.frontends.iter().flat_map(|front| &front.rules) {
        cut(*rule.ports.start(), *rule.ports.end());
    }
    starts.into_iter().collect()
}
