//! Sets of pairs as groups of sources times groups of destinations.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::{FixedState, RandomState};

use crate::bits::{BitRow, Bits};

/// More cells than these, of groups of sources times classes of columns, are not looked at one by one.
const MAX_CELLS: usize = 4_000_000;

/// Sources of which the same is true.
#[derive(Clone, Debug)]
pub(super) struct RowGroup {
    /// Common positions, ascending.
    pub(super) sources: Vec<u32>,
    /// Common positions; that of an end's own column means nothing.
    pub(super) destinations: BitRow,
}

/// Rows of pairs that something is true of.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    rows: Vec<(Vec<u32>, BitRow)>,
}

/// A group of sources times a group of destinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    /// Common positions, ascending.
    pub(super) sources: Vec<u32>,
    /// Common positions, ascending.
    pub(super) destinations: Vec<u32>,
}

/// A number for a set of positions: the sum of those of its words. Of different sets it differs as good as always, and what one position
/// adds to it is known without the others.
fn fingerprint(row: &BitRow, len: usize) -> u128 {
    let bits = row.bits(len);
    let words = bits.words().iter().zip(0_usize..);
    words
        .filter(|&(&word, _)| word != 0)
        .fold(0, |sum, (&word, at)| {
            sum.wrapping_add(u128::from(word).wrapping_mul(salt(at)))
        })
}

fn fingerprint_of(position: usize) -> u128 {
    (1_u128 << (position % 64)).wrapping_mul(salt(position / 64))
}

/// An odd number with bits all over.
fn salt(word: usize) -> u128 {
    let half = |seed| u128::from(FixedState::with_seed(seed).hash_one(word));
    (half(3) << 64 | half(4)) | 1
}

impl Rows {
    /// These destinations, for each of these sources.
    pub(super) fn put(&mut self, sources: &[u32], destinations: BitRow) {
        if !destinations.is_empty() {
            self.rows.push((sources.to_vec(), destinations));
        }
    }

    /// Puts sources together whose destinations are the same, but for their own columns. `len`: number of columns.
    pub(super) fn groups(self, own: &[Option<u32>], len: usize) -> Vec<RowGroup> {
        // An end is no pair with itself: in its own column it is like whoever is like it elsewhere. Each source is first counted under
        // both of its prints, and then goes where more are.
        let mut count: HashMap<u128, u32, RandomState> = HashMap::default();
        let mut prints: Vec<Vec<[u128; 2]>> = Vec::with_capacity(self.rows.len());
        for (sources, destinations) in &self.rows {
            let print = fingerprint(destinations, len);
            let of_sources = sources.iter().map(|&source| {
                let Some(own) = own[source as usize] else {
                    return [print; 2];
                };
                let bit = fingerprint_of(own as usize);
                if destinations.get(own as usize) {
                    [print.wrapping_sub(bit), print]
                } else {
                    [print, print.wrapping_add(bit)]
                }
            });
            let of_sources: Vec<[u128; 2]> = of_sources.collect();
            for prints in &of_sources {
                for print in &prints[..=usize::from(prints[0] != prints[1])] {
                    *count.entry(*print).or_default() += 1;
                }
            }
            prints.push(of_sources);
        }
        let mut numbers: HashMap<u128, usize, RandomState> = HashMap::default();
        let mut groups: Vec<RowGroup> = Vec::new();
        for ((sources, destinations), prints) in self.rows.iter().zip(prints) {
            for (&source, [without, with]) in sources.iter().zip(prints) {
                // Nothing but itself.
                if without == 0 {
                    continue;
                }
                let takes_with = count[&with] > count[&without];
                let print = if takes_with { with } else { without };
                let number = *numbers.entry(print).or_insert_with(|| {
                    let destinations = match own[source as usize] {
                        Some(own) if destinations.get(own as usize) != takes_with => {
                            let mut bits = destinations.bits(len);
                            bits.set(own as usize, takes_with);
                            bits.row()
                        }
                        _ => destinations.clone(),
                    };
                    groups.push(RowGroup {
                        sources: Vec::new(),
                        destinations,
                    });
                    groups.len() - 1
                });
                groups[number].sources.push(source);
            }
        }
        for group in &mut groups {
            group.sources.sort_unstable();
            group.sources.dedup();
        }
        groups.sort_unstable_by(|one, other| one.sources.cmp(&other.sources));
        groups
    }
}

/// Cuts the destinations of groups of sources where they differ, so that of a group of destinations all or none belong to a group of
/// sources. Too many of them stay uncut.
pub(super) fn rectangles(groups: &[RowGroup], len: usize) -> Vec<Rectangle> {
    if groups.is_empty() {
        return Vec::new();
    }
    // Equal columns have equal prints, and unequal ones as good as never.
    let mut steps = vec![0_u128; len + 1];
    for (group, number) in groups.iter().zip(0_usize..) {
        let key = salt(number);
        for run in group.destinations.runs() {
            steps[run.start] ^= key;
            steps[run.end.min(len)] ^= key;
        }
    }
    let mut classes: Vec<Vec<u32>> = Vec::new();
    let mut numbers: HashMap<u128, usize, RandomState> = HashMap::default();
    let mut print = 0;
    for (step, column) in steps[..len].iter().zip(0_u32..) {
        print ^= step;
        if print == 0 {
            continue;
        }
        let number = *numbers.entry(print).or_insert_with(|| {
            classes.push(Vec::new());
            classes.len() - 1
        });
        classes[number].push(column);
    }
    let positions = |bits: &BitRow| {
        bits.iter()
            .filter_map(|at| u32::try_from(at).ok())
            .collect()
    };
    if groups.len().saturating_mul(classes.len()) > MAX_CELLS {
        return groups
            .iter()
            .map(|group| Rectangle {
                sources: group.sources.clone(),
                destinations: positions(&group.destinations),
            })
            .collect();
    }
    let mut found = Vec::new();
    for group in groups {
        for class in &classes {
            if group.destinations.get(class[0] as usize) {
                found.push(Rectangle {
                    sources: group.sources.clone(),
                    destinations: class.clone(),
                });
            }
        }
    }
    found
}

impl Rectangle {
    /// How many pairs: an end is none with itself.
    pub(super) fn pairs(&self, own: &[Option<u32>]) -> u64 {
        let all = self.sources.len() as u64 * self.destinations.len() as u64;
        let selves = self.sources.iter().filter(|&&source| {
            own[source as usize].is_some_and(|own| self.destinations.binary_search(&own).is_ok())
        });
        all - selves.count() as u64
    }

    /// A source and a destination that are a pair.
    pub(super) fn witness(&self, own: &[Option<u32>]) -> Option<(u32, u32)> {
        self.sources.iter().find_map(|&source| {
            let mut destinations = self.destinations.iter();
            let other = destinations.find(|&&to| own[source as usize] != Some(to))?;
            Some((source, *other))
        })
    }
}

/// Puts rectangles together that have the same destinations, then those that have the same sources, as often as that helps.
pub(super) fn merged(rectangles: Vec<Rectangle>) -> Vec<Rectangle> {
    let mut rectangles = rectangles;
    loop {
        let before = rectangles.len();
        rectangles = merged_once(rectangles, |rectangle| {
            (rectangle.destinations, rectangle.sources)
        })
        .map(|(destinations, sources)| Rectangle {
            sources,
            destinations,
        })
        .collect();
        rectangles = merged_once(rectangles, |rectangle| {
            (rectangle.sources, rectangle.destinations)
        })
        .map(|(sources, destinations)| Rectangle {
            sources,
            destinations,
        })
        .collect();
        if rectangles.len() == before {
            rectangles.sort_unstable_by(|one, other| {
                (&one.sources, &one.destinations).cmp(&(&other.sources, &other.destinations))
            });
            return rectangles;
        }
    }
}

fn merged_once(
    rectangles: Vec<Rectangle>,
    key: impl Fn(Rectangle) -> (Vec<u32>, Vec<u32>),
) -> impl Iterator<Item = (Vec<u32>, Vec<u32>)> {
    let mut by_key: HashMap<Vec<u32>, Vec<u32>, RandomState> = HashMap::default();
    for rectangle in rectangles {
        let (key, value) = key(rectangle);
        by_key.entry(key).or_default().extend(value);
    }
    by_key.into_iter().map(|(key, mut value)| {
        value.sort_unstable();
        value.dedup();
        (key, value)
    })
}

/// The destinations of a rectangle as a set.
pub(super) fn bits_of(positions: &[u32], len: usize) -> Bits {
    let mut bits = Bits::new(len);
    for &position in positions {
        bits.set(position as usize, true);
    }
    bits
}
