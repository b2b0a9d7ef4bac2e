//! What rules say (steps 3, 5 and 12): admin rules, then all groups; the deciding rule with its answer.

use control::Snapshot;
use control::snapshot::{CompiledRules, GroupRules, Nic, Rules};
use model::options::IcmpPorts;
use model::{AdminAccess, NicId};

use super::Subject;
use crate::dropped::{DropReason, Dropped, Locator};
use crate::packet::protocol;
use crate::recorder::{Recorder, Step, Visit};

/// S-13: the first admin rule that matches, of the first manager that has one. `Err` if it denies; a denial comes back as `Ok` only in
/// a counterfactual walk.
pub(super) fn ask_admin_rules(
    snapshot: &Snapshot,
    nic: &Nic,
    visit: Visit,
    key: &acl::Key,
    recorder: &mut impl Recorder,
) -> Result<Option<AdminAccess>, Dropped> {
    for &rules in snapshot.policy_of(nic).admin_in(visit.direction) {
        let set = snapshot.admin_rules(rules);
        let Some(position) = set.first_match(key) else {
            continue;
        };
        let rule = u16::try_from(position).unwrap_or(u16::MAX);
        let access = set.verdicts[position as usize];
        recorder.record(Step::JudgedByAdminRule {
            visit,
            rules,
            rule,
            access,
        });
        if access == AdminAccess::Deny {
            let at = Locator::AdminRule { rules, rule };
            recorder.refuse(Dropped::new(DropReason::AdminDeny, at))?;
        }
        return Ok(Some(access));
    }
    Ok(None)
}

/// S-11: all groups must allow, in their order.
pub(super) fn ask_groups(
    snapshot: &Snapshot,
    groups: &[GroupRules],
    visit: Visit,
    key: &acl::Key,
    recorder: &mut impl Recorder,
) -> Result<(), Dropped> {
    /// Lets the loop name the constant of a recorder that it only knows by `impl`.
    const fn asks_every_level<R: Recorder>(_: &R) -> bool {
        R::ASKS_EVERY_LEVEL
    }

    let mut denials = Vec::new(); // stays empty, and so without memory, unless every level is asked
    for group in groups {
        let rules = snapshot.rules(group.rules);
        let decision = ask(rules, key, snapshot.options.icmp_ports);
        let Err(denial) = judged(*group, visit, decision, recorder) else {
            continue;
        };
        if !asks_every_level(recorder) {
            return recorder.refuse(denial);
        }
        denials.push(denial);
    }
    denials
        .into_iter()
        .try_for_each(|denial| recorder.refuse(denial))
}

/// Records what a group says to a packet: its deciding rule, and whether that allows. `Err` if it does not.
#[inline]
fn judged(
    group: GroupRules,
    visit: Visit,
    (rule, allows): (u16, bool),
    recorder: &mut impl Recorder,
) -> Result<(), Dropped> {
    recorder.record(Step::Judged {
        visit,
        level: group.level,
        rules: group.rules,
        rule,
        allows,
    });
    answer(group, rule, allows)
}

/// What a group says by a rule.
#[inline]
fn answer(group: GroupRules, rule: u16, allows: bool) -> Result<(), Dropped> {
    if allows {
        return Ok(());
    }
    let at = Locator::Rule {
        level: group.level,
        rules: group.rules,
        rule,
    };
    Err(Dropped::new(DropReason::NsgDeny, at))
}

/// The rule that decides, and what it says.
#[inline]
pub(super) fn ask(rules: &CompiledRules, key: &acl::Key, icmp_ports: IcmpPorts) -> (u16, bool) {
    let first = table_for(rules, key, icmp_ports).first_match(key);
    decision(rules, first.unwrap_or(acl::NO_MATCH))
}

/// Positions of the rules that decide about many packets.
pub(crate) fn ask_batch(
    rules: &CompiledRules,
    keys: &[acl::Key],
    icmp_ports: IcmpPorts,
    matches: &mut [u32],
) {
    rules.table.first_match_batch(keys, matches);
    if rules.icmp_table.is_none() {
        return;
    }
    for (key, first) in keys.iter().zip(matches) {
        let table = table_for(rules, key, icmp_ports);
        if !std::ptr::eq(table, &raw const rules.table) {
            *first = table.first_match(key).unwrap_or(acl::NO_MATCH);
        }
    }
}

#[inline]
fn table_for<'r>(
    rules: &'r CompiledRules,
    key: &acl::Key,
    icmp_ports: IcmpPorts,
) -> &'r acl::RuleSet {
    match (icmp_ports, &rules.icmp_table) {
        (IcmpPorts::Ignore, Some(table)) if key.protocol == protocol::ICMP => table,
        _ => &rules.table,
    }
}

/// What the rule that decides says. The defaults match everything (S-7), so there always is one.
#[inline]
fn decision(rules: &CompiledRules, first: u32) -> (u16, bool) {
    let rule = (first as usize).min(rules.allows.len().saturating_sub(1));
    let allows = rules.allows.get(rule).copied().unwrap_or(false);
    (u16::try_from(rule).unwrap_or(u16::MAX), allows)
}

/// What a group says to a packet whose deciding rule is known.
#[inline]
pub(crate) fn verdict(group: GroupRules, rules: &CompiledRules, first: u32) -> Result<(), Dropped> {
    let (rule, allows) = decision(rules, first);
    answer(group, rule, allows)
}

/// S-26: packets to the platform are exempt from rules, except from those that name an `AzurePlatform*` tag.
pub(crate) fn platform_rules(
    snapshot: &Snapshot,
    from: NicId,
    nic: &Nic,
    subject: Subject,
    recorder: &mut impl Recorder,
) -> Result<(), Dropped> {
    let Rules::Groups(groups) = &snapshot.policy_of(nic).outbound else {
        return Ok(());
    };
    let key = subject.key(nic, snapshot);
    for group in groups {
        let rules = snapshot.rules(group.rules);
        let deciding = rules
            .platform
            .iter()
            .copied()
            .find(|&rule| rules.table.matches(rule, &key));
        let Some(deciding) = deciding else {
            continue;
        };
        let position = deciding as usize;
        let rule = u16::try_from(position).unwrap_or(u16::MAX);
        let decision = (rule, rules.allows[position]);
        if let Err(denial) = judged(*group, Visit::leaving(from), decision, recorder) {
            recorder.refuse(denial)?;
        }
    }
    Ok(())
}
