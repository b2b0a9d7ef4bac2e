//! From tables back to rules. A table says of every value of a field which rules accept it, and so holds all that the rules have said:
//! nobody has to keep them beside it.

use fib::AddressSet;

use crate::addresses::Addresses;
use crate::ports::Ports;
use crate::row::Row;
use crate::rule::{Protocols, Rule};
use crate::table::{Field, Side, Table};

/// First and last value of a range of a field.
type Range = (u32, u32);

impl<R: Row> Table<R> {
    /// The `count` rules that the table was built from.
    pub(crate) fn rules(&self, count: usize) -> Vec<Rule> {
        let sources = self.addresses(&self.source, count);
        let destinations = self.addresses(&self.destination, count);
        let protocols = self.protocols(count);
        let source_ports = self.ports(&self.source_port, count);
        let destination_ports = self.ports(&self.destination_port, count);
        let addresses = sources.into_iter().zip(destinations);
        let ports = source_ports.into_iter().zip(destination_ports);
        let fields = addresses.zip(protocols).zip(ports);
        fields
            .map(|((addresses, protocol), ports)| Rule {
                source: addresses.0,
                destination: addresses.1,
                protocol,
                source_ports: ports.0,
                destination_ports: ports.1,
            })
            .collect()
    }

    /// By rule: the values of a field that it accepts.
    fn accepted(&self, field: &Field, count: usize) -> Vec<Vec<Range>> {
        let Field::Asked(steps) = field else {
            return vec![vec![(0, u32::MAX)]; count];
        };
        let mut accepted = vec![Vec::new(); count];
        let mut begun = vec![0; count];
        let mut before = R::NONE;
        for (range, number) in steps.iter() {
            let (first, row) = (*range.start(), self.row(number));
            for rule in before.xor(row).rules() {
                if row.contains(rule) {
                    begun[rule as usize] = first;
                } else {
                    accepted[rule as usize].push((begun[rule as usize], first - 1));
                }
            }
            before = *row;
        }
        for rule in before.rules() {
            accepted[rule as usize].push((begun[rule as usize], u32::MAX));
        }
        accepted
    }

    fn addresses(&self, side: &Side, count: usize) -> Vec<Addresses> {
        let mut classes = vec![0; count];
        for four in [&side.classes].into_iter().chain(&side.more_classes) {
            for bit in 0..4 {
                for rule in self.row(four.rows[1 << bit]).rules() {
                    classes[rule as usize] |= 1 << (four.shift + bit);
                }
            }
        }
        let listed = self.accepted(&side.listed, count).into_iter();
        let listed = listed.map(|ranges| {
            let ranges = ranges.into_iter().map(|(first, last)| first..=last);
            AddressSet::from_ranges(ranges)
        });
        listed
            .zip(classes)
            .map(|(listed, classes)| Addresses::new(listed, classes))
            .collect()
    }

    fn ports(&self, field: &Field, count: usize) -> Vec<Ports> {
        let port = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        self.accepted(field, count)
            .into_iter()
            .map(|ranges| {
                let ranges = ranges.into_iter();
                ranges
                    .map(|(first, last)| port(first)..=port(last))
                    .collect()
            })
            .collect()
    }

    fn protocols(&self, count: usize) -> Vec<Protocols> {
        let row = |protocol: u8| self.row(self.protocol[usize::from(protocol)]);
        // A rule that accepts two protocols accepts all.
        let any = row(0).and(row(1));
        let mut protocols = vec![Protocols::Any; count];
        for number in 0..=u8::MAX {
            let named = row(number).rules().filter(|&rule| !any.contains(rule));
            named.for_each(|rule| protocols[rule as usize] = Protocols::Number(number));
        }
        protocols
    }
}
