//! Which rule denies: as `admitted` has it, with what would be blamed.

use control::snapshot::{RuleSetId, Rules};
use dataplane::dropped::{DropReason, Dropped, Locator};
use fib::Ranges;
use model::LinkId;

use super::super::space::{Space, fill};
use super::super::spans::Span;
use super::{Asked, Fixed, RuleBook, Said, Says, Valid, common, span_of};

/// Columns by what denies packets from or to them.
pub(in crate::classes) type Denials = Vec<(Dropped, Vec<u64>)>;

impl RuleBook<'_> {
    /// The columns of the space of which the rules deny the packet, by what is blamed; the answer is the same for all addresses that it
    /// returns.
    pub(in crate::classes) fn denials(
        &self,
        asked: Asked<'_>,
        address: u32,
        space: &Space,
    ) -> (Valid, Denials) {
        let mut denials = Denials::new();
        let view = self.view(asked.tags);
        let (mut valid, own_classes) = view.classes.at(address);
        let mut undecided = space.full();
        // Nobody is asked any more about these.
        let mut settled = vec![0_u64; undecided.len()];
        for &rules in asked.policy.admin_in(asked.direction) {
            let mut blame = |said: Said, word: usize, bits: u64| {
                if said.says == Says::Deny {
                    let rule = said.rule;
                    let at = Locator::AdminRule { rules, rule };
                    let dropped = Dropped::new(DropReason::AdminDeny, at);
                    note(&mut denials, dropped, settled.len(), word, bits);
                }
                if said.says != Says::Allow {
                    settled[word] |= bits; // S-13
                }
            };
            let set = self.admin_set(rules, asked.fixed);
            let columns = &view.columns;
            let within = set.decide(
                address,
                own_classes,
                columns,
                space,
                &mut undecided,
                &mut blame,
            );
            valid = common(valid, within);
        }
        let open = |settled: &[u64]| -> Vec<u64> {
            let all = space.full().into_iter().zip(settled);
            all.map(|(all, settled)| all & !settled).collect()
        };
        match asked.policy.rules_in(asked.direction) {
            Rules::None => {}
            Rules::Groups(groups) => {
                for group in groups {
                    undecided = open(&settled);
                    let (level, rules) = (group.level, group.rules);
                    let blame = |said: Said, word: usize, bits: u64| {
                        if said.says == Says::Deny {
                            let rule = said.rule;
                            let at = Locator::Rule { level, rules, rule };
                            let dropped = Dropped::new(DropReason::NsgDeny, at);
                            note(&mut denials, dropped, settled.len(), word, bits);
                            settled[word] |= bits; // S-11: the first one is blamed
                        }
                    };
                    let set = self.set(rules, asked.fixed);
                    let columns = &view.columns;
                    let within =
                        set.decide(address, own_classes, columns, space, &mut undecided, blame);
                    valid = common(valid, within);
                }
            }
            Rules::BlockedPeers {
                default_rules,
                ranges,
            } => {
                let of_peers = (*default_rules, &**ranges);
                let columns = open(&settled);
                let (within, blocked) =
                    self.denials_of_peers(asked, of_peers, address, (space, columns));
                valid = common(valid, within);
                denials.extend(blocked);
            }
        }
        (valid, denials)
    }

    /// F-4: the default rules judge packets from or to the ranges of links; the source's link is blamed, if it has one, before that of the
    /// destination.
    fn denials_of_peers(
        &self,
        asked: Asked<'_>,
        (default_rules, ranges): (RuleSetId, &Ranges<Option<LinkId>>),
        address: u32,
        (space, mut rest): (&Space, Vec<u64>),
    ) -> (Valid, Denials) {
        let view = self.view(asked.tags);
        let (mut valid, own_classes) = view.classes.at(address);
        let mut own_link = None;
        let mut links: Vec<(LinkId, Span)> = Vec::new();
        for (range, link) in ranges.iter() {
            let (first, last) = (*range.start(), *range.end());
            if range.contains(&address) {
                valid = common(valid, (first, last));
                own_link = link;
            }
            let span = span_of((first, last), &self.addresses);
            links.extend(link.map(|link| (link, span)));
        }
        let mut denials = Denials::new();
        let mut judge = |link: LinkId, mut columns: Vec<u64>| {
            let dropped = Dropped::new(DropReason::VnetAccessBlocked, Locator::Link(link));
            let words = columns.len();
            let blame = |said: Said, word: usize, bits: u64| {
                if said.says == Says::Deny {
                    note(&mut denials, dropped, words, word, bits);
                }
            };
            let set = self.set(default_rules, asked.fixed);
            let of_classes = &view.columns;
            let within = set.decide(address, own_classes, of_classes, space, &mut columns, blame);
            valid = common(valid, within);
        };
        if own_link.is_none() || asked.fixed == Fixed::Destination {
            for &(link, span) in &links {
                let mut columns = vec![0; rest.len()];
                fill(&mut columns, space.within(span), |word, mask| *word |= mask);
                for (column, rest) in columns.iter_mut().zip(&mut rest) {
                    *column &= *rest;
                    *rest &= !*column;
                }
                judge(link, columns);
            }
        }
        if let Some(link) = own_link {
            judge(link, rest);
        }
        (valid, denials)
    }
}

fn note(denials: &mut Denials, dropped: Dropped, words: usize, word: usize, bits: u64) {
    // Bits come rule by rule, so it is mostly the last one.
    let at = denials.iter().rposition(|&(known, _)| known == dropped);
    let at = at.unwrap_or_else(|| {
        denials.push((dropped, vec![0; words]));
        denials.len() - 1
    });
    denials[at].1[word] |= bits;
}
