//! What rules say of one address and many others at once: rules that match the one end are taken in their order, and each decides about
//! the columns that nothing has decided about before.
//!
//! It does not know who sends, nor where packets go.

mod denials;

use std::sync::{Arc, OnceLock};

use acl::{Addresses, Rule};
use control::Snapshot;
use control::snapshot::{AdminRulesId, Policy, RuleSetId, Rules, TagViewId};
use model::{AdminAccess, Direction};

use super::space::{Space, fill};
use super::spans::{Span, Spans};

const WORD: usize = 64;
const ICMP: u8 = 1;

/// What rules see of a packet beside its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) protocol: u8,
    pub(super) source_port: Option<u16>,
    /// For ICMP the type (S-6).
    pub(super) destination_port: Option<u16>,
}

/// The end that is one address; the other end is each of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fixed {
    /// A probe from one source to all columns.
    Source,
    /// Replies from all columns to one destination.
    Destination,
}

/// Addresses among which an answer does not change, both included.
pub(super) type Valid = (u32, u32);

pub(super) fn common(one: Valid, other: Valid) -> Valid {
    (one.0.max(other.0), one.1.min(other.1))
}

/// A step function over addresses.
#[derive(Clone, Debug)]
pub(super) struct Steps<T> {
    starts: Vec<u32>,
    values: Vec<T>,
}

impl<T: Copy> Steps<T> {
    /// `ranges`: all addresses in order.
    pub(super) fn new(ranges: impl Iterator<Item = (u32, T)>) -> Self {
        let (starts, values) = ranges.unzip();
        Self { starts, values }
    }

    pub(super) fn at(&self, address: u32) -> (Valid, T) {
        let at = self.starts.partition_point(|&start| start <= address) - 1;
        let last = self.starts.get(at + 1).map_or(u32::MAX, |next| next - 1);
        ((self.starts[at], last), self.values[at])
    }
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Allow,
    Deny,
    /// Of a security admin rule: nobody else is asked.
    AlwaysAllow,
}

/// The rules of one set that packets of the service can match, in their order.
#[derive(Debug)]
struct Prepared {
    says: Vec<Said>,
    /// Words of a set of rules.
    words: usize,
    /// By cell of addresses at the fixed end, the rules that list them.
    cells: Steps<u32>,
    listing: Vec<u64>,
    /// Rules that name classes at the fixed end.
    classes: Vec<(u32, u32)>,
    /// By rule, the columns that it accepts.
    others: Vec<Others>,
    /// What is said where no rule matches.
    unmatched: Option<Said>,
}

/// What a rule says, and its position in the set.
#[derive(Clone, Copy, Debug)]
struct Said {
    says: Says,
    rule: u16,
}

impl Said {
    fn new(rule: usize, says: Says) -> Self {
        let rule = u16::try_from(rule).unwrap_or(u16::MAX);
        Self { says, rule }
    }
}

#[derive(Debug)]
struct Others {
    all: bool,
    listed: Spans,
    classes: u32,
}

impl Prepared {
    fn new(
        rules: &[Rule],
        says: impl Fn(usize) -> Says,
        unmatched: Option<Said>,
        (shown, fixed): (Shown, Fixed),
        ignores_ports: bool,
        addresses: &[u32],
    ) -> Self {
        let asks = |rule: &Rule| {
            rule.protocol.matches(shown.protocol)
                && (ignores_ports
                    || rule.source_ports.matches(shown.source_port)
                        && rule.destination_ports.matches(shown.destination_port))
        };
        let candidates: Vec<(usize, &Rule)> = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| asks(rule))
            .collect();
        let words = candidates.len().div_ceil(WORD).max(1);
        let mut open = vec![0_u64; words];
        let mut changes: Vec<(u32, u32)> = Vec::new();
        let mut classes = Vec::new();
        let mut others = Vec::with_capacity(candidates.len());
        for (number, (_, rule)) in (0_u32..).zip(&candidates) {
            let (own, other) = match fixed {
                Fixed::Source => (&rule.source, &rule.destination),
                Fixed::Destination => (&rule.destination, &rule.source),
            };
            if own.is_any() {
                open[number as usize / WORD] |= 1 << (number as usize % WORD);
            } else {
                for range in own.listed().ranges() {
                    changes.push((*range.start(), number));
                    changes.extend(range.end().checked_add(1).map(|behind| (behind, number)));
                }
            }
            if own.classes() != 0 {
                classes.push((own.classes(), number));
            }
            others.push(Others {
                all: other.is_any(),
                listed: if other.is_any() {
                    Spans::default()
                } else {
                    columns_of(other, addresses)
                },
                classes: other.classes(),
            });
        }
        changes.sort_unstable();
        let mut listing = open.clone();
        let mut now = open;
        let mut starts = vec![(0, 0)];
        for group in changes.chunk_by(|one, other| one.0 == other.0) {
            for &(_, number) in group {
                now[number as usize / WORD] ^= 1 << (number as usize % WORD);
            }
            let start = group[0].0;
            if start == 0 {
                listing.copy_from_slice(&now);
                continue;
            }
            let cell = u32::try_from(listing.len() / words).unwrap_or(u32::MAX);
            starts.push((start, cell));
            listing.extend_from_slice(&now);
        }
        Self {
            says: candidates
                .iter()
                .map(|&(rule, _)| Said::new(rule, says(rule)))
                .collect(),
            words,
            cells: Steps::new(starts.into_iter()),
            listing,
            classes,
            others,
            unmatched,
        }
    }

    /// Decides about the columns that are undecided: `say` gets what a rule says, and the bits that it decides, by word.
    fn decide(
        &self,
        address: u32,
        own_classes: u32,
        class_columns: &[(Span, u32)],
        space: &Space,
        undecided: &mut [u64],
        mut say: impl FnMut(Said, usize, u64),
    ) -> Valid {
        let (valid, cell) = self.cells.at(address);
        let cell = cell as usize * self.words;
        let listing = &self.listing[cell..cell + self.words];
        let mut named = [0_u64; 8];
        let mut many = Vec::new();
        let active: &mut [u64] = if self.words <= named.len() {
            &mut named[..self.words]
        } else {
            many.resize(self.words, 0);
            &mut many
        };
        active.copy_from_slice(listing);
        for &(classes, rule) in &self.classes {
            if classes & own_classes != 0 {
                active[rule as usize / WORD] |= 1 << (rule as usize % WORD);
            }
        }
        let all = (0, space.len());
        for rule in super::space::ones(active) {
            let (others, says) = (&self.others[rule], self.says[rule]);
            let mut paint = |span: (usize, usize)| {
                if span.0 >= span.1 {
                    return;
                }
                let mut word = span.0 / WORD;
                fill(undecided, span, |undecided, mask| {
                    let decided = *undecided & mask;
                    if decided != 0 {
                        say(says, word, decided);
                        *undecided &= !mask;
                    }
                    word += 1;
                });
            };
            if others.all {
                paint(all);
                return valid;
            }
            for &span in others.listed.as_slice() {
                paint(space.within(span));
            }
            if others.classes != 0 {
                for &(span, classes) in class_columns {
                    if classes & others.classes != 0 {
                        paint(space.within(span));
                    }
                }
            }
        }
        if let Some(says) = self.unmatched {
            for (word, undecided) in undecided.iter_mut().enumerate() {
                if *undecided != 0 {
                    say(says, word, *undecided);
                    *undecided = 0;
                }
            }
        }
        valid
    }
}

/// Columns whose addresses are listed.
fn columns_of(side: &Addresses, addresses: &[u32]) -> Spans {
    let mut columns = Spans::default();
    for range in side.listed().ranges() {
        columns.push(span_of((*range.start(), *range.end()), addresses));
    }
    columns
}

/// Columns with addresses from the first to the last.
pub(super) fn span_of((first, last): Valid, addresses: &[u32]) -> Span {
    let start = addresses.partition_point(|&address| address < first);
    let end = start + addresses[start..].partition_point(|&address| address <= last);
    let narrow = |column| u32::try_from(column).unwrap_or(u32::MAX);
    (narrow(start), narrow(end))
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
        Self {
            snapshot,
            addresses,
            probe,
            reply,
            sets: [locks(sets), locks(sets)],
            admin_sets: [locks(admin), locks(admin)],
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
                Says::Allow => {}
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
}
