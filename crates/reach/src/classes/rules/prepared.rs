//! The rules of one set as packets of one service, or to the ports of a protocol, meet them, for one address and many others.

use acl::{Addresses, Ports, Rule};

use super::{Asking, Fixed, Shown};
use crate::classes::space::{Space, fill, ones};
use crate::classes::spans::{Span, Spans};

const WORD: usize = 64;

/// Addresses among which an answer does not change, both included.
pub(in crate::classes) type Valid = (u32, u32);

pub(in crate::classes) fn common(one: Valid, other: Valid) -> Valid {
    (one.0.max(other.0), one.1.min(other.1))
}

/// A step function over addresses.
#[derive(Clone, Debug)]
pub(in crate::classes) struct Steps<T> {
    starts: Vec<u32>,
    values: Vec<T>,
}

impl<T: Copy> Steps<T> {
    /// `ranges`: all addresses in order.
    pub(in crate::classes) fn new(ranges: impl Iterator<Item = (u32, T)>) -> Self {
        let (starts, values) = ranges.unzip();
        Self { starts, values }
    }

    pub(in crate::classes) fn at(&self, address: u32) -> (Valid, T) {
        let at = self.starts.partition_point(|&start| start <= address) - 1;
        let last = self.starts.get(at + 1).map_or(u32::MAX, |next| next - 1);
        ((self.starts[at], last), self.values[at])
    }
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Allow,
    Deny,
    /// Of a security admin rule: nobody else is asked.
    AlwaysAllow,
    /// Of a firewall: the input does not hold what decides.
    Unknown,
}

/// The rules of one set that packets of the service can match, in their order.
#[derive(Debug)]
pub(super) struct Prepared {
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
    /// By rule, the ports that it accepts, if one port after the other is asked for.
    ports: Vec<Ports>,
    /// What is said where no rule matches.
    unmatched: Option<Said>,
}

/// What a rule says, and its position in the set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) says: Says,
    pub(super) rule: u16,
}

impl Said {
    pub(super) fn new(rule: usize, says: Says) -> Self {
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
    pub(super) fn new(
        rules: &[Rule],
        says: impl Fn(usize) -> Says,
        unmatched: Option<Said>,
        (shown, fixed): (Shown, Fixed),
        ignores_ports: bool,
        addresses: &[u32],
    ) -> Self {
        let asks = |rule: &Rule| {
            let source =
                shown.asking == Asking::Source || rule.source_ports.matches(shown.source_port);
            let destination = shown.asking == Asking::Destination
                || rule.destination_ports.matches(shown.destination_port);
            rule.protocol.matches(shown.protocol) && (ignores_ports || source && destination)
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
        let ports = candidates
            .iter()
            .filter_map(|(_, rule)| match shown.asking {
                Asking::Nothing => None,
                Asking::Source => Some(rule.source_ports.clone()),
                Asking::Destination => Some(rule.destination_ports.clone()),
            });
        let ports = ports.collect();
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
            ports,
            unmatched,
        }
    }

    /// Decides about the columns that are undecided: `say` gets what a rule says, and the bits that it decides, by word.
    pub(super) fn decide(
        &self,
        address: u32,
        own_classes: u32,
        class_columns: &[(Span, u32)],
        space: &Space,
        undecided: &mut [u64],
        mut say: impl FnMut(Said, usize, u64),
    ) -> Valid {
        let own = (address, own_classes);
        let (valid, is_decided) = self.visit(own, class_columns, space, |rule, span| {
            let says = self.says[rule];
            let mut word = span.0 / WORD;
            fill(undecided, span, |undecided, mask| {
                let decided = *undecided & mask;
                if decided != 0 {
                    say(says, word, decided);
                    *undecided &= !mask;
                }
                word += 1;
            });
            true
        });
        if let Some(says) = self.unmatched.filter(|_| !is_decided) {
            for (word, undecided) in undecided.iter_mut().enumerate() {
                if *undecided != 0 {
                    say(says, word, *undecided);
                    *undecided = 0;
                }
            }
        }
        valid
    }

    /// What a rule says of which ports it accepts.
    pub(super) fn rule(&self, rule: usize) -> (Says, &Ports) {
        (self.says[rule].says, &self.ports[rule])
    }

    /// What is said where no rule matches.
    pub(super) fn unmatched(&self) -> Option<Says> {
        self.unmatched.map(|said| said.says)
    }

    /// Hands out, rule by rule in their order, the spans of numbers that it accepts; `paint` says whether it accepts every packet with them.
    /// After such a rule for all numbers no other is asked; whether it came to that is handed back.
    pub(super) fn visit(
        &self,
        (address, own_classes): (u32, u32),
        class_columns: &[(Span, u32)],
        space: &Space,
        mut paint: impl FnMut(usize, (usize, usize)) -> bool,
    ) -> (Valid, bool) {
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
        for rule in ones(active) {
            let others = &self.others[rule];
            let mut paint = |span: (usize, usize)| span.0 < span.1 && paint(rule, span);
            if others.all {
                if paint(all) {
                    return (valid, true);
                }
                continue;
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
        (valid, false)
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
pub(in crate::classes) fn span_of((first, last): Valid, addresses: &[u32]) -> Span {
    let start = addresses.partition_point(|&address| address < first);
    let end = start + addresses[start..].partition_point(|&address| address <= last);
    let narrow = |column| u32::try_from(column).unwrap_or(u32::MAX);
    (narrow(start), narrow(end))
}
