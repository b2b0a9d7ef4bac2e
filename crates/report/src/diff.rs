//! What a change of a network does, as people and programs get it: what the formats have in common.
//!
//! | module | what it prints |
//! |---|---|
//! | [`table`] | text for people |
//! | [`markdown`] | the same for a pull request, details folded, of bounded length |
//! | [`json`] | one document |
//!
//! What this does not know: how differences are found.

pub mod json;
pub mod markdown;
pub mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dataplane::recorder::Step;
use diagnose::evidence::Narrator;
use diagnose::object::short;
use model::{NicId, ResourceId};
use reach::diff::{
    Account, Cause, Change, Comparison, Difference, Fate, Group, Kind, Matched, Objects, Side,
    Value, Witness, World,
};
use reach::{Depth, Device, Ends, Way, WayEnd};

use crate::matrix::grouped;
use crate::matrix::places::Places;

/// All fates, the worst first.
pub const FATES: [Fate; 4] = [Fate::Lost, Fate::Gained, Fate::Rerouted, Fate::Asymmetric];
/// Places that one line names.
const PLACES_NAMED: usize = 3;
/// Properties of one object that a line names.
const PROPERTIES_NAMED: usize = 4;
/// Letters of a value.
const VALUE_LENGTH: usize = 120;

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

/// What one network makes of a witness, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// `reachable` and so on.
    pub verdict: &'static str,
    /// Why a packet was dropped; empty if none was.
    pub reason: String,
    /// What decided, or at what the packet was dropped.
    pub decided: String,
    /// Whether that was on the way of the reply.
    pub in_reply: bool,
    /// Names of what the probe passed.
    pub forward: Vec<String>,
    /// Names of what the reply passed.
    pub reply: Vec<String>,
}

/// The word for a fate.
pub fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "lost",
        Fate::Gained => "gained",
        Fate::Rerouted => "rerouted",
        Fate::Asymmetric => "newly asymmetric",
    }
}

/// What a fate means, in one sentence.
pub fn meaning(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "Reachable before, and no more.",
        Fate::Gained => "Not reachable before, and now it is.",
        Fate::Rerouted => "Reachable as before, past other devices.",
        Fate::Asymmetric => {
            "Reachable as before; the reply now passes other appliances or gateways than the request."
        }
    }
}

fn plural<'w>(count: u64, one: &'w str, several: &'w str) -> &'w str {
    if count == 1 { one } else { several }
}

/// A value in words.
fn value(value: &Value) -> String {
    let text = match value {
        Value::Missing => return "none".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Ids(ids) => {
            let names: Vec<String> = ids.iter().map(|id| short(id.as_str())).collect();
            names.join(", ")
        }
    };
    shortened(&text)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= VALUE_LENGTH {
        return text.to_owned();
    }
    let head: String = text.chars().take(VALUE_LENGTH).collect();
    format!("{head}...")
}

/// What was and what is, told apart even where only the ids differ.
fn from_to(before: &Value, after: &Value) -> (String, String) {
    let texts = (value(before), value(after));
    if texts.0 != texts.1 {
        return texts;
    }
    let full = |value: &Value| match value {
        Value::Missing => "none".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Ids(ids) => {
            let ids: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
            ids.join(", ")
        }
    };
    (full(before), full(after))
}

/// The name of an object: `rule web/deny-web`.
pub fn name(change: &Change) -> String {
    format!("{} {}", change.kind.name(), short(change.id.as_str()))
}

/// What has become of an object, in one line: `link a/a-hub: allowForwardedTraffic true -> false`.
pub fn sentence(change: &Change) -> String {
    let name = name(change);
    match &change.what {
        Difference::Added => format!("{name} added{}", content(change)),
        Difference::Removed => format!("{name} removed{}", content(change)),
        Difference::Changed(properties) => {
            let named = properties.iter().take(PROPERTIES_NAMED);
            let mut told: Vec<String> = named
                .map(|(property, before, after)| {
                    let (before, after) = from_to(before, after);
                    format!("{property} {before} -> {after}")
                })
                .collect();
            if let Some(more) = properties.len().checked_sub(PROPERTIES_NAMED + 1) {
                told.push(format!("and {} more", more + 1));
            }
            format!("{name}: {}", told.join(", "))
        }
    }
}

/// What a rule or route says, in parentheses.
fn content(change: &Change) -> String {
    let of = |wanted: &str| {
        let found = change.properties.iter().find(|(name, _)| *name == wanted);
        found.map_or(&Value::Missing, |(_, value)| value)
    };
    let text = |names: &[&str]| {
        let present = names.iter().map(|name| of(name));
        let present = present.filter(|value| **value != Value::Missing);
        let texts: Vec<String> = present.map(value).collect();
        texts.join(" ")
    };
    match change.kind {
        Kind::SecurityRule | Kind::AdminRule => format!(
            " ({} {} {} {} -> {}:{}, priority {})",
            text(&["direction"]),
            text(&["access"]),
            text(&["protocol"]),
            text(&["source", "sourceApplicationSecurityGroups"]),
            text(&["destination", "destinationApplicationSecurityGroups"]),
            text(&["destinationPorts"]),
            text(&["priority"]),
        ),
        Kind::Route => format!(
            " ({})",
            text(&["addressPrefix", "nextHopType", "nextHopIpAddress"])
        ),
        Kind::FirewallRule => format!(
            " ({} {} {} -> {}:{})",
            text(&["action"]),
            text(&["protocols"]),
            text(&["sources"]),
            text(&["destinations", "names"]),
            text(&["destinationPorts"]),
        ),
        Kind::Peering => {
            let to = text(&["remoteVirtualNetwork"]);
            format!(" ({}, to {to})", text(&["peeringState"]))
        }
        Kind::Subnet => format!(" ({})", text(&["addressPrefixes"])),
        Kind::VirtualNetwork => format!(" ({})", text(&["addressSpace"])),
        Kind::Nic => format!(" ({})", text(&["address"])),
        _ => String::new(),
    }
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

    /// What a network made of a witness.
    pub fn account(&self, witness: &Witness, side: Side) -> Words {
        let (world, account) = match side {
            Side::Before => (self.before, &witness.before),
            Side::After => (self.after, &witness.after),
        };
        let narrator = Narrator {
            network: world.network,
            snapshot: world.snapshot,
        };
        let answer = &account.story.answer;
        let last = answer.reply.as_ref().unwrap_or(&answer.forward);
        let (reason, end) = match last.end {
            WayEnd::Dropped { nic, dropped } => (
                dropped.reason().name().to_owned(),
                format!("{} at {}", narrator.dropped(dropped), narrator.site(nic)),
            ),
            WayEnd::Strayed(nic) => (
                "strayed".to_owned(),
                format!(
                    "the reply came to {}, which had not asked",
                    narrator.site(nic)
                ),
            ),
            WayEnd::Disguised(_) => (
                "disguised".to_owned(),
                "the reply came from another address than was asked".to_owned(),
            ),
            WayEnd::Arrived(_) | WayEnd::Left(_) => (String::new(), String::new()),
        };
        let in_reply = answer.reply.is_some() && !end.is_empty() || account.in_reply;
        let decided = if end.is_empty() {
            decided(&narrator, account)
        } else {
            end
        };
        let stops = |way: &Way| -> Vec<String> {
            way.passed
                .iter()
                .map(|&device| device_name(world, &narrator, device))
                .collect()
        };
        Words {
            verdict: answer.verdict.as_str(),
            reason,
            decided,
            in_reply,
            forward: stops(&answer.forward),
            reply: answer.reply.as_ref().map(stops).unwrap_or_default(),
        }
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

fn device_name(world: &World<'_>, narrator: &Narrator<'_>, device: Device) -> String {
    let network = world.network;
    match device {
        Device::Nic(nic) => narrator.site(nic),
        Device::Gateway(gateway) => network
            .gateways()
            .get(gateway)
            .map_or_else(String::new, |gateway| gateway.id.name().to_owned()),
        Device::Frontend(frontend) => {
            let frontend = world.snapshot.frontend(frontend);
            let balancer = network.load_balancers().get(frontend.balancer);
            balancer.map_or_else(String::new, |balancer| {
                format!("{}/{}", balancer.id.name(), frontend.name)
            })
        }
    }
}

/// What decided where the ways part, in words.
fn decided(narrator: &Narrator<'_>, account: &Account) -> String {
    let Some(step) = account.decided else {
        return String::new();
    };
    let nowhere = NicId::new(u32::MAX);
    let place = Narrator::place(&step, nowhere);
    let at = (place != nowhere).then(|| narrator.site(place));
    let record = narrator.record(&step, place);
    let text = match (&step, record.object) {
        (Step::Routed { .. } | Step::Judged { .. }, Some(object)) => object.to_string(),
        (_, _) => record.text,
    };
    match at {
        Some(at) => format!("{text} at {at}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_look_alike_in_short_are_told_in_full() {
        let id = |group: &str| {
            let id = ResourceId::in_group("s", group, "Microsoft.Network/routeTables", "rt");
            Value::Ids(vec![id])
        };
        let (before, after) = from_to(&id("a"), &id("b"));
        assert_ne!(before, after);
        assert_eq!(
            from_to(&Value::Missing, &id("b")),
            ("none".to_owned(), "rt".to_owned())
        );
    }
}
