//! A compiled rule list.

use std::sync::Arc;

use crate::kernel::Kernel;
use crate::row::{HalfLine, Line, Row, TwoLines, Word};
use crate::rule::{Key, NO_MATCH, Rule};
use crate::table::{LANES, Table};

/// What the rows of a block should take at most, in bytes. Their number goes with that of the ranges and their length with
/// that of the rules, so rules with very many prefixes are cut into smaller blocks.
const LARGEST_BLOCK: usize = 8 << 20;

/// An ordered rule list, compiled once, shared and never changed: a clone is the same table.
///
/// Long lists are cut into blocks, which are asked one after the other. Up to 1,024 rules are one block, unless they have
/// very many prefixes.
#[derive(Clone, Debug)]
pub struct RuleSet {
    len: usize,
    blocks: Arc<[Block]>,
}

/// Consecutive rules.
#[derive(Debug)]
struct Block {
    /// Index of the first one.
    first: u32,
    table: BlockTable,
}

/// The rules of a block, in the narrowest rows that hold them.
#[derive(Debug)]
enum BlockTable {
    Word(Table<Word>),
    HalfLine(Table<HalfLine>),
    Line(Table<Line>),
    TwoLines(Table<TwoLines>),
}

/// Runs an expression on the table of a block, whatever the width of its rows.
macro_rules! table {
    ($block:expr, $table:ident => $value:expr) => {
        match &$block.table {
            BlockTable::Word($table) => $value,
            BlockTable::HalfLine($table) => $value,
            BlockTable::Line($table) => $value,
            BlockTable::TwoLines($table) => $value,
        }
    };
}

impl RuleSet {
    /// Compiles `rules`; the earlier of two rules that match wins.
    pub fn build(rules: &[Rule]) -> Self {
        let ranges = rules.iter().map(Rule::range_count).sum::<usize>();
        let rows = |block: usize| 2 * ranges / rules.len().div_ceil(block).max(1);
        let block = [TwoLines::RULES, Line::RULES]
            .into_iter()
            .find(|&block| rows(block) * block / 8 <= LARGEST_BLOCK)
            .unwrap_or(HalfLine::RULES);
        Self {
            len: rules.len(),
            blocks: rules
                .chunks(block)
                .zip((0..).step_by(block))
                .map(|(rules, first)| Block::build(rules, first))
                .collect(),
        }
    }

    /// Index of the first rule that matches, counted from 0 in the order given to [`build`](Self::build).
    #[inline]
    pub fn first_match(&self, key: &Key) -> Option<u32> {
        self.first_match_with(Kernel::fastest(), key)
    }

    /// [`first_match`](Self::first_match) with this kernel.
    pub fn first_match_with(&self, kernel: Kernel, key: &Key) -> Option<u32> {
        self.blocks.iter().find_map(|block| {
            let rule = table!(block, table => table.first_match(kernel, key))?;
            Some(block.first + rule)
        })
    }

    /// [`first_match`](Self::first_match) of up to any number of keys; [`NO_MATCH`] where none does.
    ///
    /// # Panics
    ///
    /// If `matches` is not as long as `keys`.
    pub fn first_match_batch(&self, keys: &[Key], matches: &mut [u32]) {
        self.first_match_batch_with(Kernel::fastest(), keys, matches);
    }

    /// [`first_match_batch`](Self::first_match_batch) with this kernel.
    ///
    /// # Panics
    ///
    /// If `matches` is not as long as `keys`.
    pub fn first_match_batch_with(&self, kernel: Kernel, keys: &[Key], matches: &mut [u32]) {
        assert_eq!(keys.len(), matches.len(), "one answer a key");
        if let ([key], [first]) = (keys, &mut *matches) {
            // What a batch of one prepares costs half a question more.
            *first = self.first_match_with(kernel, key).unwrap_or(NO_MATCH);
            return;
        }
        let Some((first, others)) = self.blocks.split_first() else {
            matches.fill(NO_MATCH);
            return;
        };
        for (keys, matches) in keys.chunks(LANES).zip(matches.chunks_mut(LANES)) {
            table!(first, table => table.first_matches(kernel, keys, matches));
            for block in others {
                block.first_matches_of_the_rest(kernel, keys, matches);
            }
        }
    }

    /// Whether one rule matches, whatever those before it do.
    ///
    /// # Panics
    ///
    /// If there is no such rule.
    pub fn matches(&self, rule: u32, key: &Key) -> bool {
        let block = self.blocks.partition_point(|block| block.first <= rule) - 1;
        let block = &self.blocks[block];
        table!(block, table => table.matches(rule - block.first, key))
    }

    /// The rules that the list was built from, in their order: read back from the tables, which takes about as long as to build them.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::with_capacity(self.len);
        let ends = self.blocks.iter().skip(1).map(|block| block.first as usize);
        for (block, end) in self.blocks.iter().zip(ends.chain([self.len])) {
            let count = end - block.first as usize;
            rules.append(&mut table!(block, table => table.rules(count)));
        }
        rules
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no rule, and therefore never a match.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Heap memory in bytes.
    pub fn memory(&self) -> usize {
        let tables = self
            .blocks
            .iter()
            .map(|block| table!(block, table => table.memory()));
        size_of_val(&*self.blocks) + tables.sum::<usize>()
    }
}

impl Block {
    fn build(rules: &[Rule], first: u32) -> Self {
        let table = match rules.len() {
            len if len <= Word::RULES => BlockTable::Word(Table::build(rules)),
            len if len <= HalfLine::RULES => BlockTable::HalfLine(Table::build(rules)),
            len if len <= Line::RULES => BlockTable::Line(Table::build(rules)),
            _ => BlockTable::TwoLines(Table::build(rules)),
        };
        Self { first, table }
    }

    /// Answers the keys, at most [`LANES`], that no rule of the blocks before has matched.
    fn first_matches_of_the_rest(&self, kernel: Kernel, keys: &[Key], matches: &mut [u32]) {
        let mut lanes = [0; LANES];
        let mut rest = [keys[0]; LANES];
        let mut count = 0;
        for (lane, (key, &known)) in keys.iter().zip(&*matches).enumerate() {
            if known == NO_MATCH {
                (lanes[count], rest[count]) = (lane, *key);
                count += 1;
            }
        }
        if count == 0 {
            return;
        }
        let mut found = [NO_MATCH; LANES];
        let (rest, found) = (&rest[..count], &mut found[..count]);
        table!(self, table => table.first_matches(kernel, rest, found));
        for (&lane, &rule) in lanes.iter().zip(&*found) {
            if rule != NO_MATCH {
                matches[lane] = self.first + rule;
            }
        }
    }
}
