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
use crate::rule::{Key, NO_MATCH};

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
    pub(crate) rows: Box<[R]>,
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

/// Row numbers of one packet in the fields that nearly every table asks for.
#[derive(Clone, Copy)]
struct Found {
    source: u32,
    destination: u32,
    destination_port: u32,
}

/// One number for each of these fields of some packets: the value that a table is asked for, or the row number that it
/// answers.
struct Lanes {
    source: [u32; LANES],
    destination: [u32; LANES],
    destination_port: [u32; LANES],
}

impl<R: Row> Table<R> {
    /// Position of the first rule that matches.
    #[inline]
    pub(crate) fn first_match(&self, kernel: Kernel, key: &Key) -> Option<u32> {
        let search = kernel.search();
        let found = self.found(search, key);
        let work = FirstMatch {
            table: self,
            search,
            key,
            found,
        };
        let rule = if R::WORDS == 1 {
            work.run(Portable) // a register without vectors holds the row: a kernel is not worth the call
        } else {
            kernel.run(work)
        };
        (rule != NO_MATCH).then_some(rule)
    }

    /// [`first_match`](Self::first_match) of at most [`LANES`] keys, or [`NO_MATCH`].
    pub(crate) fn first_matches(&self, kernel: Kernel, keys: &[Key], matches: &mut [u32]) {
        kernel.run(FirstMatches {
            table: self,
            search: kernel.search(),
            keys,
            matches,
        });
    }

    /// Whether the fields of [`Found`], four classes a side and the protocol are all that the rules ask for.
    fn is_plain(&self) -> bool {
        self.source.more_classes.is_empty()
            && self.destination.more_classes.is_empty()
            && matches!(self.source_port, Field::Ignored)
    }

    /// Whether this rule accepts a packet in all fields.
    pub(crate) fn matches(&self, rule: u32, key: &Key) -> bool {
        let search = Kernel::fastest().search();
        self.accepting::<false>(search, key, self.found(search, key))
            .contains(rule)
    }

    #[inline]
    fn found(&self, search: fib::Kernel, key: &Key) -> Found {
        Found {
            source: self.source.listed.row(search, key.source.into()),
            destination: (self.destination.listed).row(search, key.destination.into()),
            destination_port: (self.destination_port).row(search, port(key.destination_port)),
        }
    }

    /// Position of the first rule that accepts a packet in all fields, or [`NO_MATCH`]. `PLAIN` is what
    /// [`is_plain`](Self::is_plain) says.
    #[inline(always)]
    fn first<const PLAIN: bool>(
        &self,
        instructions: impl Instructions,
        search: fib::Kernel,
        key: &Key,
        found: Found,
    ) -> u32 {
        let rule = self
            .accepting::<PLAIN>(search, key, found)
            .first(instructions);
        if (rule as usize) < R::RULES {
            rule
        } else {
            NO_MATCH
        }
    }

    /// The rules that accept a packet in all fields.
    #[inline(always)]
    fn accepting<const PLAIN: bool>(&self, search: fib::Kernel, key: &Key, found: Found) -> R {
        let mut source = *self.row(found.source);
        source = source.or(self.row(self.source.classes.row(key.source_classes)));
        let mut destination = *self.row(found.destination);
        destination =
            destination.or(self.row(self.destination.classes.row(key.destination_classes)));
        if !PLAIN {
            for four in &self.source.more_classes {
                source = source.or(self.row(four.row(key.source_classes)));
            }
            for four in &self.destination.more_classes {
                destination = destination.or(self.row(four.row(key.destination_classes)));
            }
            source = source.and(self.row(self.source_port.row(search, port(key.source_port))));
        }
        source
            .and(&destination)
            .and(self.row(self.protocol[usize::from(key.protocol)]))
            .and(self.row(found.destination_port))
    }

    #[inline(always)]
    pub(crate) fn row(&self, number: u32) -> &R {
        &self.rows[number as usize]
    }

    /// Heap memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&*self.rows)
            + size_of_val(&*self.protocol)
            + self.source.memory()
            + self.destination.memory()
            + self.source_port.memory()
            + self.destination_port.memory()
    }
}

struct FirstMatch<'a, R> {
    table: &'a Table<R>,
    search: fib::Kernel,
    key: &'a Key,
    found: Found,
}

impl<R: Row> Work for FirstMatch<'_, R> {
    type Output = u32;

    #[inline(always)]
    fn run(self, instructions: impl Instructions) -> u32 {
        let Self {
            table,
            search,
            key,
            found,
        } = self;
        if table.is_plain() {
            table.first::<true>(instructions, search, key, found)
        } else {
            table.first::<false>(instructions, search, key, found)
        }
    }
}

struct FirstMatches<'a, R> {
    table: &'a Table<R>,
    search: fib::Kernel,
    keys: &'a [Key],
    matches: &'a mut [u32],
}

impl<R: Row> Work for FirstMatches<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(self, instructions: impl Instructions) {
        let Self {
            table,
            search,
            keys,
            matches,
        } = self;
        let count = keys.len().min(LANES);
        let mut values = Lanes::ZERO;
        values.fill(keys);
        let mut rows = Lanes::ZERO;
        let fields = [
            (&table.source.listed, &values.source, &mut rows.source),
            (
                &table.destination.listed,
                &values.destination,
                &mut rows.destination,
            ),
            (
                &table.destination_port,
                &values.destination_port,
                &mut rows.destination_port,
            ),
        ];
        for (field, values, rows) in fields {
            field.rows(search, &values[..count], &mut rows[..count]);
        }
        let lanes = keys[..count].iter().zip(matches).enumerate();
        if table.is_plain() {
            for (lane, (key, rule)) in lanes {
                *rule = table.first::<true>(instructions, search, key, rows.found(lane));
            }
        } else {
            for (lane, (key, rule)) in lanes {
                *rule = table.first::<false>(instructions, search, key, rows.found(lane));
            }
        }
    }
}

impl Lanes {
    /// As values nothing yet, as row numbers [`EVERY_RULE`].
    const ZERO: Self = Self {
        source: [EVERY_RULE; LANES],
        destination: [EVERY_RULE; LANES],
        destination_port: [EVERY_RULE; LANES],
    };

    /// Not compiled into the kernels: the compiler would shuffle vectors for longer than this loop takes.
    #[inline(never)]
    fn fill(&mut self, keys: &[Key]) {
        for (lane, key) in keys.iter().enumerate().take(LANES) {
            self.source[lane] = key.source.into();
            self.destination[lane] = key.destination.into();
            self.destination_port[lane] = port(key.destination_port);
        }
    }

    #[inline(always)]
    fn found(&self, lane: usize) -> Found {
        Found {
            source: self.source[lane],
            destination: self.destination[lane],
            destination_port: self.destination_port[lane],
        }
    }
}

impl Field {
    /// The row number of one value.
    fn row(&self, search: fib::Kernel, value: u32) -> u32 {
        match self {
            Self::Ignored => EVERY_RULE,
            Self::Asked(ranges) => ranges.lookup_with(search, value),
        }
    }

    /// Writes the row number of each value. Leaves `rows` alone if no rule asks.
    fn rows(&self, search: fib::Kernel, values: &[u32], rows: &mut [u32]) {
        if let Self::Asked(ranges) = self {
            ranges.lookup_batch_with(search, values, rows);
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
