//! Bit vectors: one lookup a field, then all rules at once.
//!
//! For each field, a table says which rules accept the packet's value, as a [`Row`] of bits in the order of the rules.
//! The rules that accept all fields are the AND of the rows, and its first bit is the answer (T. V. Lakshman and
//! D. Stiliadis, "High-Speed Policy-based Packet Forwarding Using Efficient Multi-dimensional Range Matching",
//! SIGCOMM 1998).
//!
//! All fields share one list of distinct rows and name them by their position in it: a *row number*.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a kernel is compiled for its instruction set"
)]

use fib::Ranges;

use crate::kernel::{Instructions, Kernel, Portable, Work};
use crate::row::Row;
use crate::rule::Key;
use crate::rule_set::NO_MATCH;

/// Packets that are looked up side by side.
pub(crate) const LANES: usize = 32;

/// Number of the row that holds every rule.
pub(crate) const EVERY_RULE: u32 = 0;

/// The port of a packet that has none. It lies behind all ports: only rules that do not ask for a port accept it.
const NO_PORT: u32 = 1 << 16;

/// The rules of a block, by field.
#[derive(Clone, Debug)]
pub(crate) struct Table<R> {
    /// Distinct rows, the one with every rule first.
    pub(crate) rows: Vec<R>,
    pub(crate) source: Side,
    pub(crate) destination: Side,
    /// Row number by protocol number.
    pub(crate) protocol: Box<[u32; 256]>,
    pub(crate) source_port: Field,
    pub(crate) destination_port: Field,
}

/// From the value of a field to the number of the row of rules that accept it.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    /// No rule asks.
    Ignored,
    /// Some do.
    Asked(Ranges<u32>),
}

/// The address of one side.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Rules that accept an address whatever its classes.
    pub(crate) listed: Field,
    /// Rules that accept it for its classes.
    pub(crate) classes: FourClasses,
    /// Classes that did not fit into the four above.
    pub(crate) more_classes: Vec<FourClasses>,
}

/// Four neighbouring bits of class masks.
#[derive(Clone, Debug)]
pub(crate) struct FourClasses {
    /// Position of the first one.
    pub(crate) shift: u8,
    /// By their value: number of the row of rules that name one of the classes that are set.
    pub(crate) rows: [u32; 16],
}

/// What the tables of the fields say of one packet: a row number for each.
#[derive(Clone, Copy)]
struct Found {
    source: u32,
    destination: u32,
    source_port: u32,
    destination_port: u32,
}

/// What they say of several packets.
struct Lanes {
    source: [u32; LANES],
    destination: [u32; LANES],
    source_port: [u32; LANES],
    destination_port: [u32; LANES],
}

impl<R: Row> Table<R> {
    /// Position of the first rule that matches.
    #[inline]
    pub(crate) fn first_match(&self, kernel: Kernel, key: &Key) -> Option<u32> {
        let found = Found {
            source: self.source.listed.row(key.source.into()),
            destination: self.destination.listed.row(key.destination.into()),
            source_port: self.source_port.row(port(key.source_port)),
            destination_port: self.destination_port.row(port(key.destination_port)),
        };
        let rule = if R::WORDS == 1 {
            // A register without vectors holds the row; what the call of a kernel costs is not won back.
            self.first(Portable, key, found)
        } else {
            kernel.run(FirstMatch {
                table: self,
                key,
                found,
            })
        };
        (rule != NO_MATCH).then_some(rule)
    }

    /// [`first_match`](Self::first_match) of at most [`LANES`] keys, or [`NO_MATCH`].
    pub(crate) fn first_matches(&self, kernel: Kernel, keys: &[Key], matches: &mut [u32]) {
        let mut lanes = Lanes {
            source: [EVERY_RULE; LANES],
            destination: [EVERY_RULE; LANES],
            source_port: [EVERY_RULE; LANES],
            destination_port: [EVERY_RULE; LANES],
        };
        (self.source.listed).rows(keys, |key| key.source.into(), &mut lanes.source);
        (self.destination.listed).rows(keys, |key| key.destination.into(), &mut lanes.destination);
        (self.source_port).rows(keys, |key| port(key.source_port), &mut lanes.source_port);
        (self.destination_port).rows(
            keys,
            |key| port(key.destination_port),
            &mut lanes.destination_port,
        );
        kernel.run(FirstMatches {
            table: self,
            keys,
            lanes: &lanes,
            matches,
        });
    }

    /// Position of the first rule that is in all rows of the packet, or [`NO_MATCH`].
    #[inline(always)]
    fn first(&self, instructions: impl Instructions, key: &Key, found: Found) -> u32 {
        let source = self.side(&self.source, found.source, key.source_classes);
        let destination = self.side(
            &self.destination,
            found.destination,
            key.destination_classes,
        );
        let mut accepting = source
            .and(&destination)
            .and(self.row(self.protocol[usize::from(key.protocol)]))
            .and(self.row(found.destination_port));
        if self.source_port.is_asked() {
            accepting = accepting.and(self.row(found.source_port));
        }
        let rule = accepting.first(instructions);
        if (rule as usize) < R::RULES {
            rule
        } else {
            NO_MATCH
        }
    }

    /// Rules that accept an address with these classes. `listed`: row number of those that accept it without.
    #[inline(always)]
    fn side(&self, side: &Side, listed: u32, classes: u32) -> R {
        let mut accepting = self.row(listed).or(self.row(side.classes.row(classes)));
        for four in &side.more_classes {
            accepting = accepting.or(self.row(four.row(classes)));
        }
        accepting
    }

    #[inline(always)]
    fn row(&self, number: u32) -> &R {
        &self.rows[number as usize]
    }

    /// Heap memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(self.rows.as_slice())
            + size_of_val(&*self.protocol)
            + self.source.memory()
            + self.destination.memory()
            + self.source_port.memory()
            + self.destination_port.memory()
    }
}

struct FirstMatch<'a, R> {
    table: &'a Table<R>,
    key: &'a Key,
    found: Found,
}

impl<R: Row> Work for FirstMatch<'_, R> {
    type Output = u32;

    #[inline(always)]
    fn run(self, instructions: impl Instructions) -> u32 {
        self.table.first(instructions, self.key, self.found)
    }
}

struct FirstMatches<'a, R> {
    table: &'a Table<R>,
    keys: &'a [Key],
    lanes: &'a Lanes,
    matches: &'a mut [u32],
}

impl<R: Row> Work for FirstMatches<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(self, instructions: impl Instructions) {
        let lanes = self.lanes;
        let addresses = lanes.source.iter().zip(&lanes.destination);
        let ports = lanes.source_port.iter().zip(&lanes.destination_port);
        let found = addresses.zip(ports).map(
            |((&source, &destination), (&source_port, &destination_port))| Found {
                source,
                destination,
                source_port,
                destination_port,
            },
        );
        for ((key, first), found) in self.keys.iter().zip(self.matches).zip(found) {
            *first = self.table.first(instructions, key, found);
        }
    }
}

impl Field {
    #[inline(always)]
    fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    /// The row number of one value.
    fn row(&self, value: u32) -> u32 {
        match self {
            Self::Ignored => EVERY_RULE,
            Self::Asked(ranges) => ranges.lookup(value),
        }
    }

    /// Writes the row number of each key's value. Leaves `rows` alone if no rule asks.
    fn rows(&self, keys: &[Key], value: impl Fn(&Key) -> u32, rows: &mut [u32; LANES]) {
        if let Self::Asked(ranges) = self {
            let mut values = [0; LANES];
            for (slot, key) in values.iter_mut().zip(keys) {
                *slot = value(key);
            }
            ranges.lookup_batch(&values[..keys.len()], &mut rows[..keys.len()]);
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Ignored => 0,
            Self::Asked(ranges) => ranges.memory(),
        }
    }
}

impl Side {
    fn memory(&self) -> usize {
        self.listed.memory() + size_of_val(self.more_classes.as_slice())
    }
}

impl FourClasses {
    /// Number of the row of rules that accept a member of these classes.
    #[inline(always)]
    fn row(&self, classes: u32) -> u32 {
        self.rows[(classes >> (self.shift & 31)) as usize % 16]
    }
}

fn port(port: Option<u16>) -> u32 {
    port.map_or(NO_PORT, u32::from)
}
