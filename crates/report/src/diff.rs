//! What a change of a network does, as people and programs get it: what the formats have in common.
//!
//! | module | what it prints |
//! |---|---|
//! | [`table`] | text for people |
//! | [`markdown`] | the same for a pull request, details folded, of bounded length |
//! | [`json`] | one document |
//! | `sentences` | fates, values and changed objects in words |
//! | `account` | what became of a pair in each of the networks |
//!
//! What this does not know: how differences are found.

mod account;
pub mod json;
pub mod markdown;
mod sentences;
pub mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::ResourceId;
use reach::diff::{
    Cause, Change, Comparison, Difference, Fate, Group, Matched, Objects, Witness, World,
};
use reach::{Depth, Ends};

pub use self::account::Words;
use self::sentences::plural;
pub use self::sentences::{meaning, name, sentence, word};
use crate::matrix::grouped;
use crate::matrix::places::Places;

/// All fates, the worst first.
pub const FATES: [Fate; 4] = [Fate::Lost, Fate::Gained, Fate::Rerouted, Fate::Asymmetric];
/// Places that one line names.
const PLACES_NAMED: usize = 3;

/// A comparison with the names that it is told in.
#[derive(Debug)]
pub struct Digest<'a> {
    objects: &'a Objects<'a>,
    comparison: &'a Comparison,
    before: &'a World<'a>,
    after: &'a World<'a>,
    /// What the user calls the two networks.
    labels: [&'a str; 2],
    /// By common position.
    names: [Vec<String>; 2],
    places: [Places; 2],
}

/// Groups with the same fate for the same cause.
#[derive(Clone, Debug)]
pub struct Story<'a> {
    /// What became of the pairs.
    pub fate: Fate,
    /// Why; `None` where nobody looked.
    pub cause: Option<&'a Cause>,
    /// All pairs of the groups.
    pub pairs: u64,
    /// The largest first.
    pub groups: Vec<&'a Group>,
}

impl<'a> Digest<'a> {
    /// `labels`: what the user calls the two networks.
    pub fn new(
        objects: &'a Objects<'a>,
        comparison: &'a Comparison,
        (before, after): (&'a World<'a>, &'a World<'a>),
        labels: [&'a str; 2],
    ) -> Self {
        let common = |matched: &Matched, ends: &Ends| {
            let ends = Ends::new(matched.before.iter().map(|&at| ends[at as usize]));
            let names = ends.names(before.network);
            let places = Places::new(before.network, &ends, &names);
            (names, places)
        };
        let from = common(&comparison.sources, before.matrix.sources());
        let to = common(&comparison.destinations, before.matrix.destinations());
        Self {
            objects,
            comparison,
            before,
            after,
            labels,
            names: [from.0, to.0],
            places: [from.1, to.1],
        }
    }

    /// What was asked, and how far: `tcp/443, round trip`.
    pub fn question(&self) -> String {
        let question = self.before.matrix.question();
        let depth = match question.depth {
            Depth::Forward => "forward",
            Depth::RoundTrip => "round trip",
        };
        match question.source_port {
            Some(port) => format!("{} from port {port}, {depth}", question.asked),
            None => format!("{}, {depth}", question.asked),
        }
    }

    /// Groups by fate and cause, in the order of the comparison.
    pub fn stories(&self, fate: Fate) -> Vec<Story<'a>> {
        let mut stories: Vec<Story<'a>> = Vec::new();
        for group in self
            .comparison
            .groups
            .iter()
            .filter(|group| group.fate == fate)
        {
            let cause = group.witness.as_ref().map(|witness| &witness.cause);
            match stories.last_mut() {
                Some(story) if story.cause == cause => {
                    story.pairs += group.pairs;
                    story.groups.push(group);
                }
                _ => stories.push(Story {
                    fate,
                    cause,
                    pairs: group.pairs,
                    groups: vec![group],
                }),
            }
        }
        stories
    }

    /// Why, in lines: the differences that flipped the pairs.
    pub fn because(&self, cause: Option<&Cause>) -> Vec<String> {
        let Some(cause) = cause else {
            return vec!["too many groups: no packet was sent for these".to_owned()];
        };
        if cause.changes.is_empty() {
            return vec!["no difference of the two networks was found on the way".to_owned()];
        }
        let changes = cause.changes.iter();
        changes
            .map(|&change| sentence(&self.objects.changes()[change as usize]))
            .collect()
    }

    /// What the networks name these sources (or destinations) by.
    fn named(&self, side: usize, positions: &[u32]) -> String {
        let words = self.words(side, positions);
        let listed = words[..words.len().min(PLACES_NAMED)].join(", ");
        match words.len().saturating_sub(PLACES_NAMED) {
            0 => listed,
            more => format!("{listed} and {} more", grouped(more as u64)),
        }
    }

    /// The same as selectors, all of them.
    fn words(&self, side: usize, positions: &[u32]) -> Vec<&str> {
        self.places[side].covering(positions)
    }

    /// Sources of a group.
    pub fn sources(&self, group: &Group) -> String {
        self.named(0, &group.sources)
    }

    /// Destinations of a group.
    pub fn destinations(&self, group: &Group) -> String {
        self.named(1, &group.destinations)
    }

    /// `one/n1 -> two/n4`.
    pub fn pair(&self, witness: &Witness) -> String {
        format!("{} -> {}", self.source(witness), self.destination(witness))
    }

    fn source(&self, witness: &Witness) -> &str {
        &self.names[0][witness.source as usize]
    }

    fn destination(&self, witness: &Witness) -> &str {
        &self.names[1][witness.destination as usize]
    }

    /// What was compared, in one line.
    pub fn extent(&self) -> String {
        let comparison = self.comparison;
        let (sources, destinations) = (&comparison.sources, &comparison.destinations);
        let ends = if sources.before == destinations.before {
            format!("{} ends", grouped(sources.len() as u64))
        } else {
            format!(
                "{} sources, {} destinations",
                grouped(sources.len() as u64),
                grouped(destinations.len() as u64)
            )
        };
        format!(
            "{}: {ends}, {} pairs",
            self.question(),
            grouped(comparison.pairs)
        )
    }

    /// What could not be compared, in lines.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let lone = |one: &[u32], other: &[u32]| one.len().max(other.len()) as u64;
        let (sources, destinations) = (&self.comparison.sources, &self.comparison.destinations);
        let only = [
            (
                lone(&sources.only_before, &destinations.only_before),
                "removed",
            ),
            (lone(&sources.only_after, &destinations.only_after), "added"),
        ];
        for (count, what) in only {
            if count > 0 {
                remarks.push(format!(
                    "{} {} {what}: pairs with {} are not counted",
                    grouped(count),
                    plural(count, "end was", "ends were"),
                    plural(count, "it", "them"),
                ));
            }
        }
        if self.comparison.otherwise > 0 {
            remarks.push(format!(
                "{} {} in neither network, but with another verdict (unreachable, forward-only, unknown)",
                grouped(self.comparison.otherwise),
                plural(self.comparison.otherwise, "pair is reachable", "pairs are reachable"),
            ));
        }
        if self.comparison.is_sampled {
            remarks.push(
                "a cause was looked for in one pair of each group; groups of several subnets may have others"
                    .to_owned(),
            );
        }
        let ways = self.comparison.ways;
        if ways.by_class {
            let mut remark = format!(
                "the ways of {} pairs may differ; {} of them were followed, one for each class of pairs with the same subnets and routes",
                grouped(ways.candidates),
                grouped(ways.examined),
            );
            if ways.classes_left > 0 {
                let left = grouped(ways.classes_left);
                let _ = write!(remark, "; {left} smaller classes were not");
            }
            remarks.push(remark);
        }
        remarks
    }

    /// How many pairs have each fate: `4 lost, 0 gained, 0 rerouted, 0 newly asymmetric`.
    pub fn counts(&self) -> String {
        let counts =
            FATES.map(|fate| format!("{} {}", grouped(self.comparison.count(fate)), word(fate)));
        counts.join(", ")
    }

    /// Objects that were added, removed, changed; larger ones before their parts. Parts of what was added or removed as a whole are left
    /// out.
    pub fn changes(&self) -> Changes<'a> {
        let mut changes = Changes::default();
        let all: BTreeMap<&ResourceId, &Change> = self
            .objects
            .changes()
            .iter()
            .map(|change| (&change.id, change))
            .collect();
        for change in self.objects.listed_changes() {
            let parent = change.id.parent();
            let whole = parent.as_ref().and_then(|id| all.get(id));
            let is_part = whole.is_some_and(|whole| whole.what == change.what);
            let (list, parts) = match change.what {
                Difference::Added => (&mut changes.added, &mut changes.parts),
                Difference::Removed => (&mut changes.removed, &mut changes.parts),
                Difference::Changed(_) => {
                    changes.changed.push(change);
                    continue;
                }
            };
            if is_part {
                *parts += 1;
            } else {
                list.push(change);
            }
        }
        changes
    }
}

/// What has become of objects.
#[derive(Clone, Debug, Default)]
pub struct Changes<'a> {
    /// In the second network only.
    pub added: Vec<&'a Change>,
    /// In the first network only.
    pub removed: Vec<&'a Change>,
    /// In both, with other properties.
    pub changed: Vec<&'a Change>,
    /// Parts of added and removed objects, not listed.
    pub parts: usize,
}
