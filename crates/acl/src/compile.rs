//! From rules to tables.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::RangeInclusive;

use fib::Ranges;
use foldhash::fast::FixedState;

use crate::addresses::{Addresses, ClassId};
use crate::ports::Ports;
use crate::row::Row;
use crate::rule::{Protocols, Rule};
use crate::table::{EVERY_RULE, Field, FourClasses, Side, Table};

/// A rule begins or ends to accept at this value of a field. Its ranges do not touch, so at one value at most once.
type Change = (u32, u32);

impl<R: Row> Table<R> {
    /// Compiles a block of at most [`Row::RULES`] rules.
    pub(crate) fn build(rules: &[Rule]) -> Self {
        let mut compiler = Compiler::new(rules);
        let protocol = compiler.protocols();
        let source = compiler.side(|rule| &rule.source);
        let destination = compiler.side(|rule| &rule.destination);
        let source_port = compiler.ports(|rule| &rule.source_ports);
        let destination_port = compiler.ports(|rule| &rule.destination_ports);
        Self {
            rows: compiler.rows.into(),
            source,
            destination,
            protocol,
            source_port,
            destination_port,
        }
    }
}

/// The rules of a block and the distinct rows that they have led to.
struct Compiler<'a, R> {
    rules: &'a [Rule],
    rows: Vec<R>,
    /// By fingerprint. Whole rows as keys would be a second copy of all of them.
    numbers: HashMap<u64, u32, FixedState>,
}

impl<'a, R: Row> Compiler<'a, R> {
    fn new(rules: &'a [Rule]) -> Self {
        // At most: a row begins where a range does, and behind its end.
        let ranges = rules.iter().map(Rule::range_count).sum::<usize>();
        let mut compiler = Self {
            rules,
            rows: Vec::with_capacity(2 * ranges),
            numbers: HashMap::with_capacity_and_hasher(ranges, FixedState::default()),
        };
        let mut every_rule = R::NONE;
        compiler
            .numbered()
            .for_each(|(_, number)| every_rule.flip(number));
        compiler.number(every_rule); // the first row: EVERY_RULE
        compiler
    }

    fn numbered(&self) -> impl Iterator<Item = (&'a Rule, u32)> + use<'a, R> {
        self.rules.iter().zip(0..)
    }

    /// The number of a row, old or new.
    fn number(&mut self, row: R) -> u32 {
        let next = u32::try_from(self.rows.len()).expect("rows of 2³² do not fit into memory");
        let fingerprint = FixedState::default().hash_one(row);
        let number = *self.numbers.entry(fingerprint).or_insert(next);
        if self.rows.get(number as usize) == Some(&row) {
            return number;
        }
        // A new row. If another has its fingerprint already, it may come to be stored twice.
        self.rows.push(row);
        next
    }

    /// `open`: rules that do not ask. `changes`: of the others, in any order.
    fn field(&mut self, open: R, mut changes: Vec<Change>) -> Field {
        let outside = self.number(open);
        if changes.is_empty() && outside == EVERY_RULE {
            return Field::Ignored;
        }
        changes.sort_unstable_by_key(|&(value, _)| value);
        let mut accepting = open;
        let mut steps = Vec::with_capacity(changes.len());
        for changes in changes.chunk_by(|a, b| a.0 == b.0) {
            for &(_, rule) in changes {
                accepting.flip(rule);
            }
            steps.push((changes[0].0, self.number(accepting)));
        }
        Field::Asked(Ranges::from_steps(outside, steps))
    }

    fn side(&mut self, side: impl Fn(&Rule) -> &Addresses) -> Side {
        let mut open = R::NONE;
        let mut changes = Vec::new();
        let mut classes = Vec::new();
        for (rule, number) in self.numbered() {
            let side = side(rule);
            if side.is_any() {
                open.flip(number);
                continue;
            }
            for range in side.listed().ranges() {
                accept(&mut changes, number, &range);
            }
            if side.classes() != 0 {
                classes.push((number, side.classes()));
            }
        }
        let named = classes.iter().fold(0, |mask, (_, classes)| mask | classes);
        let mut fours = (0..ClassId::COUNT)
            .step_by(4)
            .filter(|shift| named >> shift & 0b1111 != 0);
        let first = fours.next().unwrap_or(0);
        Side {
            listed: self.field(open, changes),
            classes: self.four_classes(first, &classes),
            more_classes: fours
                .map(|shift| self.four_classes(shift, &classes))
                .collect(),
        }
    }

    /// `classes`: rules, and the classes that they name.
    fn four_classes(&mut self, shift: u8, classes: &[(u32, u32)]) -> FourClasses {
        let rows = std::array::from_fn(|four| {
            let mut accepting = R::NONE;
            for &(rule, classes) in classes {
                if (classes >> shift) as usize & four != 0 {
                    accepting.flip(rule);
                }
            }
            self.number(accepting)
        });
        FourClasses { shift, rows }
    }

    fn ports(&mut self, ports: impl Fn(&Rule) -> &Ports) -> Field {
        let mut open = R::NONE;
        let mut changes = Vec::new();
        for (rule, number) in self.numbered() {
            let ports = ports(rule);
            if ports.is_full() {
                open.flip(number);
                continue;
            }
            for range in ports.ranges() {
                let range = u32::from(*range.start())..=u32::from(*range.end());
                accept(&mut changes, number, &range);
            }
        }
        self.field(open, changes)
    }

    fn protocols(&mut self) -> Box<[u32; 256]> {
        let mut open = R::NONE;
        let mut named: Vec<(u8, u32)> = Vec::new();
        for (rule, number) in self.numbered() {
            match rule.protocol {
                Protocols::Any => open.flip(number),
                Protocols::Number(protocol) => named.push((protocol, number)),
            }
        }
        let mut numbers = Box::new([self.number(open); 256]);
        named.sort_unstable();
        for named in named.chunk_by(|a, b| a.0 == b.0) {
            let mut accepting = open;
            for &(_, rule) in named {
                accepting.flip(rule);
            }
            numbers[usize::from(named[0].0)] = self.number(accepting);
        }
        numbers
    }
}

fn accept(changes: &mut Vec<Change>, rule: u32, range: &RangeInclusive<u32>) {
    changes.push((*range.start(), rule));
    changes.extend(range.end().checked_add(1).map(|behind| (behind, rule)));
}
