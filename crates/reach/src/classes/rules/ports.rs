//! For which ports rules admit packets: as `admitted` has it for one port, for all that are asked for at once.

use std::ops::Range;

use control::snapshot::Rules;
use model::FirewallId;

use super::prepared::Prepared;
use super::{Asked, Fixed, RuleBook, Says, Valid, common, span_of};
use crate::classes::ports::{PortSet, PortSets};
use crate::classes::space::Space;
use crate::classes::spans::Span;

/// What holds for the numbers of a space, stretch by stretch: the number behind the last of it, and what holds there.
pub(in crate::classes) type Stretches<T = PortSet> = Vec<(u32, T)>;

/// What rules have said about some numbers so far.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Said {
    undecided: PortSet,
    /// Of which ports which of two things was said; more there is not to know.
    said: [PortSet; 2],
}

/// Which of two things that is, if it matters.
type Slot = fn(Says) -> Option<usize>;

impl RuleBook<'_> {
    /// By number in the space, the ports for which the rules admit the packet; the answer is the same for all addresses that it returns.
    pub(in crate::classes) fn admitted_ports(
        &self,
        asked: Asked<'_>,
        address: u32,
        space: &Space,
        sets: &mut PortSets,
    ) -> (Valid, Stretches) {
        let view = self.view(asked.tags);
        let (mut valid, own_classes) = view.classes.at(address);
        let own = (address, own_classes);
        // S-13: of the ports that nobody denies, those for which groups are not asked.
        let mut of_managers = unsaid(space, PortSet::ALL);
        for &set in asked.policy.admin_in(asked.direction) {
            let slot: Slot = |says| match says {
                Says::AlwaysAllow => Some(0),
                Says::Deny => Some(1),
                Says::Allow | Says::Unknown => None,
            };
            let rules = self.admin_set(set, asked.fixed);
            let within = rules.say(own, (&view.columns, space), slot, &mut of_managers, sets);
            valid = common(valid, within);
        }
        let denied: Slot = |says| (says == Says::Deny).then_some(0);
        let mut of_groups: Vec<Stretches<Said>> = Vec::new();
        match asked.policy.rules_in(asked.direction) {
            Rules::None => {}
            Rules::Groups(groups) => {
                for group in groups {
                    let mut said = unsaid(space, PortSet::ALL);
                    let rules = self.set(group.rules, asked.fixed);
                    let within = rules.say(own, (&view.columns, space), denied, &mut said, sets);
                    valid = common(valid, within);
                    of_groups.push(said);
                }
            }
            Rules::BlockedPeers {
                default_rules,
                ranges,
            } => {
                // F-4: judged are packets from or to the range of the link.
                let mut said = unsaid(space, PortSet::NONE);
                for (range, link) in ranges.iter() {
                    let (first, last) = (*range.start(), *range.end());
                    let mut judged = None;
                    if range.contains(&address) {
                        valid = common(valid, (first, last));
                        judged = link.map(|_| (0, space.len()));
                    } else if link.is_some() {
                        judged = Some(space.within(span_of((first, last), &self.addresses)));
                    }
                    if let Some(judged) = judged {
                        let judged = stretches(&mut said, judged);
                        for (_, said) in &mut said[judged] {
                            said.undecided = PortSet::ALL;
                        }
                    }
                }
                let rules = self.set(*default_rules, asked.fixed);
                let within = rules.say(own, (&view.columns, space), denied, &mut said, sets);
                valid = common(valid, within);
                of_groups.push(said);
            }
        }
        let everywhere = |(end, _): &(u32, Said)| (*end, PortSet::ALL);
        let everything: Stretches = unsaid(space, PortSet::ALL).iter().map(everywhere).collect();
        let passes = of_groups.iter().fold(everything, |passes, said| {
            joined(&passes, said, |passes, said| {
                sets.without(passes, said.said[0])
            })
        });
        let admitted = joined(&passes, &of_managers, |passes, managers| {
            let [always, denied] = managers.said;
            let passes = sets.either(passes, always);
            sets.without(passes, denied)
        });
        (valid, admitted)
    }

    /// The same of a firewall: the ports for which it lets packets pass, and those of which the input does not hold what decides.
    pub(in crate::classes) fn passed_ports(
        &self,
        firewall: FirewallId,
        fixed: Fixed,
        address: u32,
        space: &Space,
        sets: &mut PortSets,
    ) -> (Valid, [Stretches; 2]) {
        let slot: Slot = |says| match says {
            Says::Allow | Says::AlwaysAllow => Some(0),
            Says::Unknown => Some(1),
            Says::Deny => None,
        };
        let mut said = unsaid(space, PortSet::ALL);
        let rules = self.firewall(firewall, fixed);
        let valid = rules.say((address, 0), (&[], space), slot, &mut said, sets);
        let of = |which: usize| {
            said.iter()
                .map(|&(end, said)| (end, said.said[which]))
                .collect()
        };
        (valid, [of(0), of(1)])
    }
}

impl Prepared {
    /// Has every rule say what it says about the ports that no rule before it accepts.
    fn say(
        &self,
        own: (u32, u32),
        (columns, space): (&[(Span, u32)], &Space),
        slot: Slot,
        said: &mut Stretches<Said>,
        sets: &mut PortSets,
    ) -> Valid {
        let mut paint = |says: Says, ports: PortSet, span: (usize, usize), sets: &mut PortSets| {
            let span = stretches(said, span);
            for (_, said) in &mut said[span] {
                let decided = sets.both(said.undecided, ports);
                if decided != PortSet::NONE {
                    said.undecided = sets.without(said.undecided, decided);
                    if let Some(slot) = slot(says) {
                        said.said[slot] = sets.either(said.said[slot], decided);
                    }
                }
            }
        };
        let (valid, is_decided) = self.visit(own, columns, space, |rule, span| {
            let (says, ports) = self.rule(rule);
            let ports = sets.of(ports);
            paint(says, ports, span, sets);
            ports == PortSet::ALL
        });
        if let Some(says) = self.unmatched().filter(|_| !is_decided) {
            paint(says, PortSet::ALL, (0, space.len()), sets);
        }
        valid
    }
}

/// A space about whose numbers nothing has been said.
fn unsaid(space: &Space, undecided: PortSet) -> Stretches<Said> {
    let said = Said {
        undecided,
        said: [PortSet::NONE; 2],
    };
    match u32::try_from(space.len()) {
        Ok(0) => Vec::new(),
        len => vec![(len.unwrap_or(u32::MAX), said)],
    }
}

/// Cuts stretches at both ends of a span; returns those that lie in it.
fn stretches<T: Copy>(all: &mut Stretches<T>, (start, end): (usize, usize)) -> Range<usize> {
    if start >= end {
        return 0..0;
    }
    let first = cut(all, start);
    first..cut(all, end)
}

/// The stretch that begins at a number.
fn cut<T: Copy>(all: &mut Stretches<T>, at: usize) -> usize {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let place = all.partition_point(|&(end, _)| end <= at);
    let start = place.checked_sub(1).map_or(0, |before| all[before].0);
    if start == at || place == all.len() {
        return place;
    }
    all.insert(place, (at, all[place].1));
    place + 1
}

/// What comes of two things that hold for the same numbers.
fn joined<A: Copy, B: Copy>(
    one: &Stretches<A>,
    other: &Stretches<B>,
    mut join: impl FnMut(A, B) -> PortSet,
) -> Stretches {
    let mut joined: Stretches = Vec::new();
    let (mut left, mut right) = (one.iter(), other.iter());
    let (mut now, mut then) = (left.next(), right.next());
    while let (Some(&(end, own)), Some(&(other_end, other))) = (now, then) {
        let behind = end.min(other_end);
        let set = join(own, other);
        match joined.last_mut() {
            Some(last) if last.1 == set => last.0 = behind,
            _ => joined.push((behind, set)),
        }
        if end == behind {
            now = left.next();
        }
        if other_end == behind {
            then = right.next();
        }
    }
    joined
}
