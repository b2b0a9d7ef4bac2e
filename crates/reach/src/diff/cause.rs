//! What flipped a pair: the step at which the lives of its probe part in the two networks, who decided there, and which of the objects at
//! hand is not the same in both.
//!
//! | module | what it is |
//! |---|---|
//! | `events` | what happened to a packet, as two networks can be held against each other |
//! | `places` | which objects are at hand where it happened |
//!
//! That an object is different and decided, or lay at hand where it was decided, is no proof that nothing else had to change, too.

mod events;
mod places;

use dataplane::recorder::Step;
use model::NicId;

use super::ends::World;
use super::inventory::Kind;
use super::objects::{Difference, ItemRef, Objects, Side};
use crate::probe::Story;

/// So many differences are named for one cause.
pub const MAX_CHANGES: usize = 4;

/// How near to the decision the differences of a cause lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nearness {
    /// The objects that decided.
    Decided,
    /// What is attached where it was decided: machine, subnet, the group or table itself.
    Attached,
    /// Networks, links and gateways there.
    Around,
    /// Something on the way.
    OnTheWay,
    /// Something that holds everywhere: tags, managers, options.
    Everywhere,
    /// Nothing of it is different.
    Unknown,
}

/// What flipped pairs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// How near the differences lie.
    pub nearness: Nearness,
    /// Positions in [`Objects::changes`], the likeliest first.
    pub changes: Vec<u32>,
}

/// One network's account of a pair.
#[derive(Clone, Debug)]
pub struct Account {
    /// Every step.
    pub story: Story,
    /// The step that decided where the ways part; `None`: the packet's end, or nothing decided.
    pub decided: Option<Step>,
    /// Whether that was on the way of the reply.
    pub in_reply: bool,
}

/// One thing that happened, as far as it matters.
struct Event {
    /// What both networks can be held against; `None`: something that does not show where the packet goes.
    mark: Option<String>,
    objects: Vec<ItemRef>,
    /// Where it happened.
    nic: Option<NicId>,
    step: Option<Step>,
    in_reply: bool,
}

/// Names objects of one network.
struct Teller<'a, 'n> {
    side: Side,
    world: &'a World<'a>,
    objects: &'a Objects<'n>,
}

/// Finds what flipped a pair, given what became of its probe before and after.
pub(super) fn find(
    objects: &Objects<'_>,
    (before, after): (&World<'_>, &World<'_>),
    stories: (Story, Story),
    ends: [(NicId, NicId); 2],
) -> (Cause, Account, Account) {
    let tellers = [
        Teller {
            side: Side::Before,
            world: before,
            objects,
        },
        Teller {
            side: Side::After,
            world: after,
            objects,
        },
    ];
    let events = [tellers[0].events(&stories.0), tellers[1].events(&stories.1)];
    let parted = [0, 1].map(|side| {
        let events: &[Event] = &events[side];
        let shown = |at: &usize| events[*at].mark.is_some();
        (0..events.len()).filter(shown).collect::<Vec<usize>>()
    });
    let same = parted[0]
        .iter()
        .zip(&parted[1])
        .take_while(|&(&one, &other)| events[0][one].mark == events[1][other].mark)
        .count();
    // What happened since the ways were last the same, on both sides.
    let windows = [0, 1].map(|side| {
        let first = same.checked_sub(1).map_or(0, |last| parted[side][last] + 1);
        let last = parted[side]
            .get(same)
            .map_or(events[side].len(), |at| at + 1);
        &events[side][first.min(last)..last]
    });
    let cause = choose(objects, &tellers, [&events[0], &events[1]], windows, ends);
    let [one, other] = [0, 1].map(|side: usize| {
        let last = windows[side]
            .iter()
            .rev()
            .find(|event| event.step.is_some());
        let in_reply = windows[side].last().is_some_and(|event| event.in_reply);
        (last.and_then(|event| event.step), in_reply)
    });
    let account = |story, (decided, in_reply)| Account {
        story,
        decided,
        in_reply,
    };
    (cause, account(stories.0, one), account(stories.1, other))
}

fn choose(
    objects: &Objects<'_>,
    tellers: &[Teller<'_, '_>; 2],
    events: [&Vec<Event>; 2],
    windows: [&[Event]; 2],
    ends: [(NicId, NicId); 2],
) -> Cause {
    let gather = |of: &dyn Fn(usize, &Teller<'_, '_>) -> Vec<ItemRef>| {
        let mut found: Vec<u32> = Vec::new();
        // What is now, before what was: the new rule before the one that it overrules.
        for side in [1, 0] {
            for item in of(side, &tellers[side]) {
                if let Some(change) = objects.change_of(item)
                    && !found.contains(&change)
                {
                    found.push(change);
                }
            }
        }
        found
    };
    let attached = |side: usize, teller: &Teller<'_, '_>| -> Vec<ItemRef> {
        let places = windows[side].iter().filter_map(|event| event.nic);
        places.flat_map(|nic| teller.attached(nic)).collect()
    };
    let decided = || {
        let mut decided = gather(&|side, _| {
            // The last one decided.
            let events = windows[side].iter().rev();
            events.flat_map(|event| event.objects.clone()).collect()
        });
        let is_part = |&change: &u32| is_of_a_new_whole(objects, change);
        if decided.iter().any(is_part) {
            for change in gather(&attached) {
                if !decided.contains(&change) {
                    decided.push(change);
                }
            }
        }
        decided
    };
    let around = |side: usize, teller: &Teller<'_, '_>| {
        let (from, to) = ends[side];
        let mut places: Vec<NicId> = windows[side].iter().filter_map(|event| event.nic).collect();
        places.extend([from, to]);
        teller.around(&places, (from, to))
    };
    let on_the_way = |side: usize, teller: &Teller<'_, '_>| {
        let events = events[side].iter();
        let of_event = |event: &Event| {
            let mut items = event.objects.clone();
            items.extend(event.nic.into_iter().flat_map(|nic| teller.attached(nic)));
            items
        };
        events.flat_map(of_event).collect()
    };
    // Farther ones are looked at only where nearer ones are the same.
    let tiers: [(Nearness, &dyn Fn() -> Vec<u32>); 5] = [
        (Nearness::Decided, &decided),
        (Nearness::Attached, &|| gather(&attached)),
        (Nearness::Around, &|| gather(&around)),
        (Nearness::OnTheWay, &|| gather(&on_the_way)),
        (Nearness::Everywhere, &|| everywhere(objects)),
    ];
    let found = tiers.into_iter().find_map(|(nearness, changes)| {
        let changes = changes();
        (!changes.is_empty()).then_some((nearness, changes))
    });
    let (nearness, mut changes) = found.unwrap_or((Nearness::Unknown, Vec::new()));
    changes.truncate(MAX_CHANGES);
    Cause { nearness, changes }
}

/// Whether an object came or went together with what it is a part of, so that who uses the whole is worth a word.
fn is_of_a_new_whole(objects: &Objects<'_>, change: u32) -> bool {
    let change = &objects.changes()[change as usize];
    let side = match change.what {
        Difference::Added => Side::After,
        Difference::Removed => Side::Before,
        Difference::Changed(_) => return false,
    };
    let is_whole = matches!(change.kind, Kind::SecurityGroup | Kind::RouteTable);
    let parent = change.id.parent();
    let whole = parent.and_then(|id| objects.find(side, &id));
    is_whole || whole.is_some_and(|whole| objects.change_of(whole).is_some())
}

/// Differences that may matter to anybody.
fn everywhere(objects: &Objects<'_>) -> Vec<u32> {
    let may = |kind: Kind| {
        matches!(
            kind,
            Kind::ServiceTag
                | Kind::Setting
                | Kind::Manager
                | Kind::AdminRule
                | Kind::Peering
                | Kind::RouteServer
                | Kind::Gateway
                | Kind::Connection
                | Kind::LocalGateway
                | Kind::OnPremises
                | Kind::FirewallPolicy
                | Kind::FirewallRule
                | Kind::IpGroup
                | Kind::LoadBalancer
                | Kind::VirtualNetwork
        )
    };
    (0_u32..)
        .zip(objects.changes())
        .filter(|(_, change)| may(change.kind))
        .map(|(at, _)| at)
        .collect()
}
