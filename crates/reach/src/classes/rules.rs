//! What rules say of one address and many others at once: rules that match the one end are taken in their order, and each decides about
//! the columns that nothing has decided about before.
//!
//! It does not know who sends, nor where packets go.

mod denials;
mod ports;
mod prepared;

use std::sync::{Arc, OnceLock};

use control::Snapshot;
use control::firewalls::{Decision, Firewall};
use control::snapshot::{AdminRulesId, Policy, RuleSetId, Rules, TagViewId};
use model::table::Key as _;
use model::{AdminAccess, Direction, FirewallId};

pub(super) use self::ports::Stretches;
use self::prepared::{Prepared, Said, Says, Steps};
pub(super) use self::prepared::{Valid, common, span_of};
use super::space::{Space, fill};
use super::spans::Span;

const ICMP: u8 = 1;

/// What rules see of a packet beside its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) protocol: u8,
    pub(super) source_port: Option<u16>,
    /// For ICMP the type (S-6).
    pub(super) destination_port: Option<u16>,
    /// In whose place one port after the other is asked for.
    pub(super) asking: Asking,
}

/// Which of a packet's ports is asked for one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// None: the packet has the ports that it has.
    Nothing,
    /// Of replies.
    Source,
    /// Of probes.
    Destination,
}

/// The end that is one address; the other end is each of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fixed {
    /// A probe from one source to all columns.
    Source,
    /// Replies from all columns to one destination.
    Destination,
}

/// A tag view over the columns.
#[derive(Debug)]
struct View {
    classes: Steps<u32>,
    columns: Vec<(Span, u32)>,
}

/// All rules of a snapshot as packets of one service meet them.
#[derive(Debug)]
pub(super) struct RuleBook<'s> {
    snapshot: &'s Snapshot,
    /// Addresses of the columns, ascending.
    addresses: Arc<[u32]>,
    probe: Shown,
    reply: Shown,
    sets: [Vec<OnceLock<Prepared>>; 2],
    admin_sets: [Vec<OnceLock<Prepared>>; 2],
    firewalls: [Vec<OnceLock<Prepared>>; 2],
    views: Vec<OnceLock<View>>,
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'s> {
    pub(super) policy: &'s Policy,
    pub(super) direction: Direction,
    pub(super) tags: TagViewId,
    pub(super) fixed: Fixed,
}

fn locks<T>(len: usize) -> Vec<OnceLock<T>> {
    std::iter::repeat_with(OnceLock::new).take(len).collect()
}

impl<'s> RuleBook<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        addresses: Arc<[u32]>,
        probe: Shown,
        reply: Shown,
    ) -> Self {
        let (sets, admin) = (snapshot.rule_sets.len(), snapshot.admin_rules.len());
        let firewalls = snapshot.firewalls.len();
        Self {
            snapshot,
            addresses,
            probe,
            reply,
            sets: [locks(sets), locks(sets)],
            admin_sets: [locks(admin), locks(admin)],
            firewalls: [locks(firewalls), locks(firewalls)],
            views: locks(snapshot.tag_views.len()),
        }
    }

    fn shown(&self, fixed: Fixed) -> Shown {
        match fixed {
            Fixed::Source => self.probe,
            Fixed::Destination => self.reply,
        }
    }

    fn set(&self, id: RuleSetId, fixed: Fixed) -> &Prepared {
        self.sets[fixed as usize][id.0 as usize].get_or_init(|| {
            let set = self.snapshot.rules(id);
            let shown = self.shown(fixed);
            let says = |rule: usize| {
                if set.allows[rule] {
                    Says::Allow
                } else {
                    Says::Deny
                }
            };
            // As the data plane has it: where nothing matches, the last rule speaks.
            let last = set.allows.len().checked_sub(1);
            let unmatched =
                last.map_or(Said::new(0, Says::Deny), |last| Said::new(last, says(last)));
            let ignores_ports = shown.protocol == ICMP && set.icmp_table.is_some();
            let what = (shown, fixed);
            let unmatched = Some(unmatched);
            Prepared::new(
                &set.table.rules(),
                says,
                unmatched,
                what,
                ignores_ports,
                &self.addresses,
            )
        })
    }

    fn admin_set(&self, id: AdminRulesId, fixed: Fixed) -> &Prepared {
        self.admin_sets[fixed as usize][id.0 as usize].get_or_init(|| {
            let set = self.snapshot.admin_rules(id);
            let shown = self.shown(fixed);
            let says = |rule: usize| match set.verdicts[rule] {
                AdminAccess::AlwaysAllow => Says::AlwaysAllow,
                AdminAccess::Allow => Says::Allow,
                AdminAccess::Deny => Says::Deny,
            };
            let ignores_ports = shown.protocol == ICMP && set.icmp_table.is_some();
            let what = (shown, fixed);
            Prepared::new(
                &set.resolved,
                says,
                None,
                what,
                ignores_ports,
                &self.addresses,
            )
        })
    }

    fn firewall(&self, id: FirewallId, fixed: Fixed) -> &Prepared {
        self.firewalls[fixed as usize][id.index()].get_or_init(|| {
            let firewall = self.snapshot.firewall(id);
            let firewall = firewall.filter(|firewall| !firewall.policy_missing);
            let (rules, decisions) = firewall.map_or_else(Default::default, Firewall::filters);
            let says = |rule: usize| match decisions[rule] {
                Decision::Allow => Says::Allow,
                Decision::Deny => Says::Deny,
                Decision::Unknown => Says::Unknown,
            };
            let unmatched = firewall.map_or(Says::Unknown, |_| Says::Deny);
            let shown = self.shown(fixed);
            // To a firewall, messages of ICMP have no port.
            let has_ports = shown.protocol != ICMP;
            let shown = Shown {
                destination_port: shown.destination_port.filter(|_| has_ports),
                ..shown
            };
            let unmatched = Some(Said::new(rules.len(), unmatched));
            let what = (shown, fixed);
            Prepared::new(&rules, says, unmatched, what, false, &self.addresses)
        })
    }

    fn view(&self, tags: TagViewId) -> &View {
        self.views[tags.0 as usize].get_or_init(|| {
            let classes = &self.snapshot.tag_views[tags.0 as usize].classes;
            let columns = classes
                .iter()
                .filter(|&(_, classes)| classes != 0)
                .map(|(range, classes)| {
                    (
                        span_of((*range.start(), *range.end()), &self.addresses),
                        classes,
                    )
                })
                .filter(|((start, end), _)| start < end);
            View {
                columns: columns.collect(),
                classes: Steps::new(classes.iter().map(|(range, value)| (*range.start(), value))),
            }
        })
    }

    /// Whether rules are asked at all.
    pub(super) fn asks(policy: &Policy, direction: Direction) -> bool {
        !policy.admin_in(direction).is_empty() || *policy.rules_in(direction) != Rules::None
    }

    /// Puts into `passes` the columns of the space of which the rules admit the packet; the answer is the same for all addresses that it
    /// returns.
    pub(super) fn admitted(
        &self,
        asked: Asked<'_>,
        address: u32,
        space: &Space,
        passes: &mut Vec<u64>,
    ) -> Valid {
        passes.clear();
        let view = self.view(asked.tags);
        let (mut valid, own_classes) = view.classes.at(address);
        let mut undecided = space.full();
        // S-13: Of the columns that nobody denies, those for which groups are not asked.
        let mut always = Vec::new();
        let mut denied = Vec::new();
        let admin = asked.policy.admin_in(asked.direction);
        if !admin.is_empty() {
            always.resize(undecided.len(), 0_u64);
            denied.resize(undecided.len(), 0_u64);
        }
        for &set in admin {
            let set = self.admin_set(set, asked.fixed);
            let say = |said: Said, word: usize, bits: u64| match said.says {
                Says::AlwaysAllow => always[word] |= bits,
                Says::Deny => denied[word] |= bits,
                Says::Allow | Says::Unknown => {}
            };
            let columns = &view.columns;
            let within = set.decide(address, own_classes, columns, space, &mut undecided, say);
            valid = common(valid, within);
        }
        let all = space.full();
        match asked.policy.rules_in(asked.direction) {
            Rules::None => passes.extend_from_slice(&all),
            Rules::Groups(groups) => {
                passes.extend_from_slice(&all);
                for group in groups {
                    undecided.copy_from_slice(&all);
                    let set = self.set(group.rules, asked.fixed);
                    let say = |said: Said, word: usize, bits: u64| {
                        if said.says == Says::Deny {
                            passes[word] &= !bits;
                        }
                    };
                    let columns = &view.columns;
                    let within =
                        set.decide(address, own_classes, columns, space, &mut undecided, say);
                    valid = common(valid, within);
                }
            }
            Rules::BlockedPeers {
                default_rules,
                ranges,
            } => {
                passes.extend_from_slice(&all);
                // F-4: judged are packets from or to the range of the link.
                undecided.fill(0);
                for (range, link) in ranges.iter() {
                    let (first, last) = (*range.start(), *range.end());
                    if range.contains(&address) {
                        valid = common(valid, (first, last));
                        if link.is_some() {
                            undecided.copy_from_slice(&all);
                        }
                    }
                    if link.is_some() {
                        let span = space.within(span_of((first, last), &self.addresses));
                        fill(&mut undecided, span, |word, mask| *word |= mask);
                    }
                }
                let set = self.set(*default_rules, asked.fixed);
                let say = |said: Said, word: usize, bits: u64| {
                    if said.says == Says::Deny {
                        passes[word] &= !bits;
                    }
                };
                let columns = &view.columns;
                let within = set.decide(address, own_classes, columns, space, &mut undecided, say);
                valid = common(valid, within);
            }
        }
        for ((passes, always), denied) in passes.iter_mut().zip(&always).zip(&denied) {
            *passes = (*passes | always) & !denied;
        }
        valid
    }

    /// The same of a firewall: which packets it lets pass, and of which the input does not hold what decides.
    pub(super) fn passed(
        &self,
        firewall: FirewallId,
        fixed: Fixed,
        address: u32,
        space: &Space,
        (passes, unknown): (&mut Vec<u64>, &mut Vec<u64>),
    ) -> Valid {
        let mut undecided = space.full();
        for bits in [&mut *passes, &mut *unknown] {
            bits.clear();
            bits.resize(undecided.len(), 0);
        }
        let say = |said: Said, word: usize, bits: u64| match said.says {
            Says::Allow | Says::AlwaysAllow => passes[word] |= bits,
            Says::Unknown => unknown[word] |= bits,
            Says::Deny => {}
        };
        let rules = self.firewall(firewall, fixed);
        rules.decide(address, 0, &[], space, &mut undecided, say)
    }
}
