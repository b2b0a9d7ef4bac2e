//! Bit vectors: one lookup a field, then all rules at once.
//!
//! For each field, a table says which rules accept the packet's value, as a vector of bits in the order of the rules.
//! The rules that accept all five fields are the AND of five vectors, and its first set bit is the answer
//! (T. V. Lakshman and D. Stiliadis, "High-Speed Policy-based Packet Forwarding Using Efficient Multi-dimensional
//! Range Matching", SIGCOMM 1998). Every vector has a *summary* that tells which of its 64-rule words hold a bit; words
//! whose summaries do not meet are never read (F. Baboescu and G. Varghese, "Scalable Packet Classification",
//! SIGCOMM 2001).
//!
//! Rules that do not ask for a field are kept apart, in one vector a field. What remains is sparse: a vector stores
//! only words that hold a bit, and equal vectors are stored once. So memory follows the number of prefixes and ports
//! that are written in the rules, not (prefixes × rules).

use std::collections::HashMap;
use std::ops::RangeInclusive;

use fib::Ranges;

use crate::addresses::{Addresses, ClassId};
use crate::ports::Ports;
use crate::rule::{Key, Protocols, Rule};

/// Rules in a word of a vector.
const WORD: u32 = 64;

/// Rules in a block: as many as the words that one summary describes. Longer lists have several blocks.
const BLOCK: u32 = WORD * 64;

/// A rule list as bit vectors.
#[derive(Clone, Debug)]
pub struct BitVectors {
    blocks: Vec<Block>,
}

impl BitVectors {
    /// Compiles `rules`; the earlier of two rules that match wins.
    pub fn build(rules: &[Rule]) -> Self {
        Self {
            blocks: rules.chunks(BLOCK as usize).map(Block::build).collect(),
        }
    }

    /// Index of the first rule that matches.
    #[inline]
    pub fn first_match(&self, key: &Key) -> Option<u32> {
        let mut first_of_block = 0;
        for block in &self.blocks {
            if let Some(index) = block.first_match(key) {
                return Some(first_of_block + index);
            }
            first_of_block += BLOCK;
        }
        None
    }

    /// Heap memory in bytes.
    pub fn memory(&self) -> usize {
        let fields = self
            .blocks
            .iter()
            .flat_map(Block::fields)
            .map(Field::memory);
        size_of_val(self.blocks.as_slice()) + fields.sum::<usize>()
    }
}

/// Up to [`BLOCK`] consecutive rules.
#[derive(Clone, Debug)]
struct Block {
    source: Field,
    destination: Field,
    protocol: Field,
    source_port: Field,
    destination_port: Field,
}

impl Block {
    fn build(rules: &[Rule]) -> Self {
        Self {
            source: Field::build(rules.iter().map(|rule| Demand::addresses(&rule.source))),
            destination: Field::build(
                rules
                    .iter()
                    .map(|rule| Demand::addresses(&rule.destination)),
            ),
            protocol: Field::build(rules.iter().map(|rule| Demand::protocol(rule.protocol))),
            source_port: Field::build(rules.iter().map(|rule| Demand::ports(&rule.source_ports))),
            destination_port: Field::build(
                rules
                    .iter()
                    .map(|rule| Demand::ports(&rule.destination_ports)),
            ),
        }
    }

    fn first_match(&self, key: &Key) -> Option<u32> {
        let accepting = [
            self.destination_port
                .accepting(key.destination_port.map(u32::from), 0),
            self.source_port
                .accepting(key.source_port.map(u32::from), 0),
            self.protocol.accepting(Some(key.protocol.into()), 0),
            self.destination
                .accepting(Some(key.destination.into()), key.destination_classes),
            self.source
                .accepting(Some(key.source.into()), key.source_classes),
        ];
        let mut words = accepting
            .iter()
            .fold(u64::MAX, |words, vector| words & vector.summary);
        while words != 0 {
            let word = words.trailing_zeros();
            let rules = accepting
                .iter()
                .fold(u64::MAX, |rules, vector| rules & vector.word(word));
            if rules != 0 {
                return Some(word * WORD + rules.trailing_zeros());
            }
            words &= words - 1; // summaries met, but no rule did: on to the next word
        }
        None
    }

    fn fields(&self) -> [&Field; 5] {
        [
            &self.source,
            &self.destination,
            &self.protocol,
            &self.source_port,
            &self.destination_port,
        ]
    }
}

/// What one rule asks of one field: nothing, or a value in one of the ranges or a member of one of the classes.
struct Demand {
    open: bool,
    ranges: Vec<RangeInclusive<u32>>,
    classes: u32,
}

impl Demand {
    fn addresses(addresses: &Addresses) -> Self {
        Self {
            open: addresses.is_any(),
            ranges: addresses.listed().ranges().collect(),
            classes: addresses.classes(),
        }
    }

    fn ports(ports: &Ports) -> Self {
        let ranges = ports
            .ranges()
            .iter()
            .map(|range| u32::from(*range.start())..=u32::from(*range.end()));
        Self {
            open: ports.is_full(),
            ranges: ranges.collect(),
            classes: 0,
        }
    }

    fn protocol(protocols: Protocols) -> Self {
        match protocols {
            Protocols::Any => Self {
                open: true,
                ranges: Vec::new(),
                classes: 0,
            },
            Protocols::Number(number) => {
                let number = u32::from(number);
                Self {
                    open: false,
                    ranges: vec![number..=number],
                    classes: 0,
                }
            }
        }
    }
}

/// One field of a block: from the packet's value to the rules that accept it.
#[derive(Clone, Debug)]
struct Field {
    /// Rules that accept every value, and a packet that has none.
    open: Dense,
    /// Value → rules that have it in their ranges.
    listed: Ranges<Sparse>,
    /// The words of all sparse vectors.
    words: Vec<u64>,
    /// Class mask (one bit) → rules that accept its members.
    classes: Vec<(u32, Dense)>,
}

/// A vector with all its words, and its summary.
#[derive(Clone, Debug)]
struct Dense {
    summary: u64,
    words: Vec<u64>,
}

/// A vector that leaves out the words without a bit: as many words as bits in the summary, from `first_word` on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sparse {
    summary: u64,
    first_word: usize,
}

impl Field {
    /// `demands`: one a rule, at most [`BLOCK`].
    fn build(demands: impl ExactSizeIterator<Item = Demand>) -> Self {
        let rules = demands.len();
        let mut open = Dense::new(rules);
        let mut classes: Vec<(u32, Dense)> = Vec::new();
        // A rule begins or ends to accept values at this key. Its ranges do not touch, so at one key at most once.
        let mut changes: Vec<(u32, u32)> = Vec::new();
        for (demand, rule) in demands.zip(0..) {
            if demand.open {
                open.flip(rule);
                continue;
            }
            for range in demand.ranges {
                changes.push((*range.start(), rule));
                changes.extend(range.end().checked_add(1).map(|behind| (behind, rule)));
            }
            for class in (0..ClassId::COUNT)
                .filter_map(ClassId::new)
                .map(ClassId::mask)
            {
                if demand.classes & class != 0 {
                    match classes.iter_mut().find(|(mask, _)| *mask == class) {
                        Some((_, members)) => members.flip(rule),
                        None => classes.push((class, Dense::of(rules, rule))),
                    }
                }
            }
        }
        changes.sort_unstable();

        let mut interner = Interner::default();
        let mut current = Dense::new(rules);
        let none = interner.intern(&current);
        let mut steps: Vec<(u32, Sparse)> = Vec::new();
        for changes in changes.chunk_by(|a, b| a.0 == b.0) {
            for &(_, rule) in changes {
                current.flip(rule);
            }
            steps.push((changes[0].0, interner.intern(&current)));
        }
        interner.words.push(0); // read, and masked out, behind the last vector
        Self {
            open,
            listed: Ranges::from_steps(none, steps),
            words: interner.words,
            classes,
        }
    }

    /// The rules that accept a packet with this value (`None`: it has none) and these classes.
    #[inline]
    fn accepting(&self, value: Option<u32>, classes: u32) -> Accepting<'_> {
        let listed = value.map_or_else(Sparse::default, |value| self.listed.lookup(value));
        let mut summary = self.open.summary | listed.summary;
        for (class, rules) in &self.classes {
            summary |= rules.summary & mask(class & classes != 0);
        }
        Accepting {
            field: self,
            listed,
            classes,
            summary,
        }
    }

    fn memory(&self) -> usize {
        let classes = self
            .classes
            .iter()
            .map(|(_, rules)| size_of_val(rules.words.as_slice()));
        size_of_val(self.open.words.as_slice())
            + self.listed.memory()
            + size_of_val(self.words.as_slice())
            + size_of_val(self.classes.as_slice())
            + classes.sum::<usize>()
    }
}

impl Dense {
    fn new(rules: usize) -> Self {
        Self {
            summary: 0,
            words: vec![0; rules.div_ceil(WORD as usize)],
        }
    }

    /// The vector of one rule alone.
    fn of(rules: usize, rule: u32) -> Self {
        let mut vector = Self::new(rules);
        vector.flip(rule);
        vector
    }

    fn flip(&mut self, rule: u32) {
        let (word, bit) = (rule / WORD, rule % WORD);
        let rules = &mut self.words[word as usize];
        *rules ^= 1 << bit;
        if *rules == 0 {
            self.summary &= !(1 << word);
        } else {
            self.summary |= 1 << word;
        }
    }
}

/// Stores each distinct vector once.
#[derive(Default)]
struct Interner {
    known: HashMap<(u64, Vec<u64>), Sparse>,
    words: Vec<u64>,
}

impl Interner {
    fn intern(&mut self, vector: &Dense) -> Sparse {
        let words: Vec<u64> = vector
            .words
            .iter()
            .copied()
            .filter(|&word| word != 0)
            .collect();
        *self
            .known
            .entry((vector.summary, words))
            .or_insert_with_key(|(summary, words)| {
                let first_word = self.words.len();
                self.words.extend(words);
                Sparse {
                    summary: *summary,
                    first_word,
                }
            })
    }
}

/// The rules that accept a packet in one field: the union of the open ones, the listed ones and those by class.
struct Accepting<'a> {
    field: &'a Field,
    listed: Sparse,
    classes: u32,
    summary: u64,
}

impl Accepting<'_> {
    /// The bits of the rules from 64 × `word` on. `word` is below 64, and the block has that many words.
    #[inline]
    fn word(&self, word: u32) -> u64 {
        // Whether a bit is set decides no branch here: it differs from packet to packet.
        let mut rules = self.field.open.words[word as usize];
        let before = (self.listed.summary & ((1 << word) - 1)).count_ones();
        let listed = self.field.words[self.listed.first_word + before as usize];
        rules |= listed & mask(self.listed.summary >> word & 1 != 0);
        for (class, members) in &self.field.classes {
            rules |= members.words[word as usize] & mask(class & self.classes != 0);
        }
        rules
    }
}

/// Every bit or none.
#[inline]
fn mask(all: bool) -> u64 {
    0u64.wrapping_sub(u64::from(all))
}
