//! What rules on the ways say, asked again only where their answer may have changed.

use super::fates::or_both;
use crate::classes::Estate;
use crate::classes::rules::{Asked, Fixed, Valid};
use crate::classes::space;
use crate::classes::unit::{Judged, NEVER, Terrain};
use crate::classes::ways::{Check, Judge};

/// What rules say, in columns.
#[derive(Debug, Default)]
pub(super) struct Says {
    pub(super) admitted: Vec<u64>,
    /// The input does not hold what decides; empty where it always does.
    pub(super) unknown: Vec<u64>,
}

/// Answers of rules to a source, or to replies, as long as they hold.
pub(in crate::classes) struct Answers<K, S> {
    list: Vec<(K, Valid, S)>,
}

impl<K: PartialEq, S: Default> Answers<K, S> {
    pub(in crate::classes) fn new() -> Self {
        Self { list: Vec::new() }
    }

    pub(in crate::classes) fn get(
        &mut self,
        key: K,
        address: u32,
        ask: impl FnOnce(&mut S) -> Valid,
    ) -> &S {
        let known = self.list.iter().position(|(known, ..)| *known == key);
        let at = known.unwrap_or_else(|| {
            self.list.push((key, NEVER, S::default()));
            self.list.len() - 1
        });
        let (_, valid, says) = &mut self.list[at];
        if address < valid.0 || address > valid.1 {
            *valid = ask(says);
        }
        says
    }

    /// What was answered last.
    ///
    /// # Panics
    ///
    /// If that was never asked.
    pub(in crate::classes) fn known(&self, key: &K) -> &S {
        let known = self.list.iter().find(|(known, ..)| known == key);
        &known.expect("it was asked").2
    }
}

/// Those of some replies that the rules on their way admit. Those of which the input does not hold what decides come into `unknown`.
pub(super) fn admitted(
    (estate, terrain): (&Estate<'_>, &Terrain),
    checked: &mut Answers<(Check, Fixed), Says>,
    judged: &Judged,
    mut replies: Vec<u64>,
    own: u32,
    unknown: &mut [u64],
) -> Vec<u64> {
    for &check in &judged.checks {
        let says = ask(estate, terrain, checked, check, Fixed::Destination, own);
        or_both(unknown, &replies, &says.unknown);
        space::and(&mut replies, &says.admitted);
    }
    replies
}

/// What the rules of a NIC on the way say.
pub(super) fn ask<'r>(
    estate: &Estate<'_>,
    terrain: &Terrain,
    checked: &'r mut Answers<(Check, Fixed), Says>,
    check: Check,
    fixed: Fixed,
    own: u32,
) -> &'r Says {
    let address = check.asker.address(own);
    checked.get((check, fixed), address, |says| match check.rules {
        Judge::Nic(policy, tags, direction) => {
            let asked = Asked {
                policy: &estate.snapshot.policies[policy.0 as usize],
                direction,
                tags,
                fixed,
            };
            let admitted = &mut says.admitted;
            estate
                .rules
                .admitted(asked, address, &terrain.space, admitted)
        }
        Judge::Firewall(firewall) => {
            let says = (&mut says.admitted, &mut says.unknown);
            estate
                .rules
                .passed(firewall, fixed, address, &terrain.space, says)
        }
    })
}
