//! Which objects of one network are which of another, and what has become of them.
//!
//! Matched by id, then by type, resource group and name, then by what the user says (`OLD=NEW`). What is matched twice over is matched by
//! none of the weaker ways: a guess would hide a change.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;
use model::changes::Changes;
use model::{Network, NicId, ResourceId};
use rayon::prelude::*;

use super::inventory::{Inventory, Item, Kind, Value};
use super::map::Renaming;

/// Before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first network.
    Before,
    /// The second one.
    After,
}

/// The objects of two networks, those that are the same side by side.
#[derive(Clone, Debug)]
pub struct Objects<'n> {
    /// The first network's.
    pub before: Inventory<'n>,
    /// The second one's.
    pub after: Inventory<'n>,
    /// By position in `before`.
    partners: Vec<Option<u32>>,
    /// By position in `after`.
    partners_back: Vec<Option<u32>>,
    /// What is different, sorted by kind and id.
    changes: Vec<Change>,
    /// By position in `before` and in `after`.
    change_of: [Vec<Option<u32>>; 2],
    /// Objects matched by id, by type, group and name, and by what the user says.
    matched: [usize; 3],
    /// Sayings of the user that nothing was matched by.
    pub unused: Vec<String>,
    /// The second network is the first one, edited: keys mean the same in both.
    keys_are_shared: bool,
}

/// An object that is not the same in both networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// Its id: in the second network, if that has it.
    pub id: ResourceId,
    /// What has become of it.
    pub what: Difference,
    /// What is written in an object that was added or removed.
    pub properties: Vec<(&'static str, Value)>,
}

/// What has become of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is in the second network only.
    Added,
    /// It is in the first network only.
    Removed,
    /// These properties are others: name, before, after.
    Changed(Vec<(&'static str, Value, Value)>),
}

/// The same number for an object of either network exactly if it is the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(u32);

/// The position of an object in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemRef {
    /// Which network.
    pub side: Side,
    /// Position there.
    pub position: u32,
}

type ByKey<'a> = HashMap<String, Option<u32>, RandomState>;

impl<'n> Objects<'n> {
    /// Matches the objects of two networks. `renamings` are what the user says.
    pub fn new(before: Inventory<'n>, after: Inventory<'n>, renamings: &[Renaming]) -> Self {
        let mut partners: Vec<Option<u32>> = vec![None; before.items().len()];
        let mut partners_back: Vec<Option<u32>> = vec![None; after.items().len()];
        let mut matched = [0; 3];
        let mut marry = |one: u32, other: u32, how: usize, partners: &mut Vec<Option<u32>>| {
            let is_free =
                partners[one as usize].is_none() && partners_back[other as usize].is_none();
            let alike = before.items()[one as usize].kind() == after.items()[other as usize].kind();
            if is_free && alike {
                partners[one as usize] = Some(other);
                partners_back[other as usize] = Some(one);
                matched[how] += 1;
            }
            is_free && alike
        };
        for (item, position) in before.items().iter().zip(0_u32..) {
            if let Some(other) = after.find(&item.id) {
                marry(position, other, 0, &mut partners);
            }
        }
        // Only where something is left over on both sides.
        if partners.contains(&None) {
            let of_before = by_name(&before, |position| partners[position as usize].is_none());
            let of_after = by_name(&after, |position| after_is_free(&before, &after, position));
            let mut pairs: Vec<(u32, u32)> = of_before
                .iter()
                .filter_map(|(key, one)| Some(((*one)?, (*of_after.get(key)?)?)))
                .collect();
            pairs.sort_unstable();
            for (one, other) in pairs {
                marry(one, other, 1, &mut partners);
            }
        }
        let mut used = vec![false; renamings.len()];
        if !renamings.is_empty() {
            for (item, position) in before.items().iter().zip(0_u32..) {
                if partners[position as usize].is_some() {
                    continue;
                }
                let Some((renaming, id)) = Renaming::apply(renamings, &item.id) else {
                    continue;
                };
                if let Some(other) = after.find(&id) {
                    used[renaming] |= marry(position, other, 2, &mut partners);
                }
            }
        }
        let unused = renamings
            .iter()
            .zip(used)
            .filter(|(_, used)| !used)
            .map(|(renaming, _)| renaming.to_string())
            .collect();
        let mut objects = Self {
            change_of: [vec![None; partners.len()], vec![None; partners_back.len()]],
            before,
            after,
            partners,
            partners_back,
            changes: Vec::new(),
            matched,
            unused,
            keys_are_shared: false,
        };
        objects.find_changes(renamings);
        objects
    }

    /// The objects of a network and of the same network after `changes`, if these are about nothing but security groups, route tables and
    /// links: only they are listed, and everything else is the same without being looked at.
    pub fn of_edit(before: &'n Network, after: &'n Network, changes: &Changes) -> Option<Self> {
        if changes.others || before.options != after.options {
            return None;
        }
        let before = Inventory::of_changed(before, changes);
        let after = Inventory::of_changed(after, changes);
        let objects = Self::new(before, after, &[]);
        Some(Self {
            keys_are_shared: true,
            ..objects
        })
    }

    fn find_changes(&mut self, renamings: &[Renaming]) {
        let this = &*self;
        let of_before = (0..this.partners.len()).into_par_iter().filter_map(|one| {
            let item = &this.before.items()[one];
            let change = match this.partners[one] {
                Some(other) => {
                    let other = &this.after.items()[other as usize];
                    let changed = this.changed_properties(item, other, renamings);
                    (!changed.is_empty()).then(|| Change {
                        kind: other.kind(),
                        id: other.id.clone(),
                        what: Difference::Changed(changed),
                        properties: Vec::new(),
                    })
                }
                None => Some(Change {
                    kind: item.kind(),
                    id: item.id.clone(),
                    what: Difference::Removed,
                    properties: this.before.properties(item),
                }),
            };
            Some((
                Some(one),
                this.partners[one].map(|other| other as usize),
                change?,
            ))
        });
        let of_after = (0..this.partners_back.len())
            .into_par_iter()
            .filter(|&other| this.partners_back[other].is_none())
            .map(|other| {
                let item = &this.after.items()[other];
                let change = Change {
                    kind: item.kind(),
                    id: item.id.clone(),
                    what: Difference::Added,
                    properties: this.after.properties(item),
                };
                (None, Some(other), change)
            });
        let mut found: Vec<(Option<usize>, Option<usize>, Change)> =
            of_before.chain(of_after).collect();
        found.sort_by(|(.., one), (.., other)| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
        for (number, (one, other, change)) in (0_u32..).zip(found) {
            if let Some(one) = one {
                self.change_of[0][one] = Some(number);
            }
            if let Some(other) = other {
                self.change_of[1][other] = Some(number);
            }
            self.changes.push(change);
        }
    }

    fn changed_properties(
        &self,
        one: &Item<'_>,
        other: &Item<'_>,
        renamings: &[Renaming],
    ) -> Vec<(&'static str, Value, Value)> {
        let before = self.before.properties(one);
        let after = self.after.properties(other);
        before
            .into_iter()
            .zip(after)
            .filter(|((_, before), (_, after))| !self.same(before, after, renamings))
            .map(|((name, before), (_, after))| (name, before, after))
            .collect()
    }

    /// Whether two values are the same, once objects are matched.
    fn same(&self, before: &Value, after: &Value, renamings: &[Renaming]) -> bool {
        match (before, after) {
            (Value::Ids(before), Value::Ids(after)) => {
                before.len() == after.len()
                    && (before == after
                        || before.iter().all(|one| {
                            after
                                .iter()
                                .any(|other| self.same_id(one, other, renamings))
                        }))
            }
            // Words of Azure, whatever their letter case.
            (Value::Text(before), Value::Text(after)) => before.eq_ignore_ascii_case(after),
            _ => before == after,
        }
    }

    /// Whether two references mean the same object.
    fn same_id(&self, before: &ResourceId, after: &ResourceId, renamings: &[Renaming]) -> bool {
        if let Some(one) = self.before.find(before) {
            return self.partners[one as usize]
                .is_some_and(|other| self.after.items()[other as usize].id == *after);
        }
        // A part of an object that is no object itself, such as a back-end pool.
        let owner = |id: &ResourceId| Some((id.parent()?, id.name().to_ascii_lowercase()));
        if let (Some((one, part)), Some((other, same_part))) = (owner(before), owner(after))
            && self.before.find(&one).is_some()
        {
            return part == same_part && self.same_id(&one, &other, renamings);
        }
        before == after
            || name_key(before).is_some_and(|key| name_key(after) == Some(key))
            || Renaming::apply(renamings, before).is_some_and(|(_, id)| id == *after)
    }

    /// What is not the same in both networks, by kind and id.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Changes that users know by name: without hidden parts.
    pub fn listed_changes(&self) -> impl Iterator<Item = &Change> {
        let hidden = |change: &Change| {
            let item = match change.what {
                Difference::Removed => self.item_of(Side::Before, &change.id),
                _ => self.item_of(Side::After, &change.id),
            };
            item.is_none_or(|item| !item.is_listed)
        };
        self.changes.iter().filter(move |change| !hidden(change))
    }

    /// The object that has changed, if a side has it.
    pub fn changed_item(&self, side: Side, change: &Change) -> Option<ItemRef> {
        let told_by = match change.what {
            Difference::Removed => Side::Before,
            Difference::Added | Difference::Changed(_) => Side::After,
        };
        let item = self.find(told_by, &change.id)?;
        if told_by == side {
            Some(item)
        } else {
            self.partner(item)
        }
    }

    fn item_of(&self, side: Side, id: &ResourceId) -> Option<&Item<'n>> {
        let inventory = self.inventory(side);
        Some(&inventory.items()[inventory.find(id)? as usize])
    }

    /// The objects of a side.
    pub fn inventory(&self, side: Side) -> &Inventory<'n> {
        match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        }
    }

    /// The same object in the other network.
    pub fn partner(&self, item: ItemRef) -> Option<ItemRef> {
        let (partners, side) = match item.side {
            Side::Before => (&self.partners, Side::After),
            Side::After => (&self.partners_back, Side::Before),
        };
        let position = (*partners.get(item.position as usize)?)?;
        Some(ItemRef { side, position })
    }

    /// What has become of an object, as a position in [`changes`](Self::changes); `None`: nothing.
    pub fn change_of(&self, item: ItemRef) -> Option<u32> {
        let changes = &self.change_of[match item.side {
            Side::Before => 0,
            Side::After => 1,
        }];
        *changes.get(item.position as usize)?
    }

    /// The object with this id.
    pub fn find(&self, side: Side, id: &ResourceId) -> Option<ItemRef> {
        let position = self.inventory(side).find(id)?;
        Some(ItemRef { side, position })
    }

    /// A number that both networks share for the same object.
    pub fn key(&self, item: ItemRef) -> ObjectKey {
        match (item.side, self.partner(item)) {
            (Side::After, _) => ObjectKey(item.position),
            (Side::Before, Some(other)) => ObjectKey(other.position),
            (Side::Before, None) => {
                let behind = u32::try_from(self.partners_back.len()).unwrap_or(u32::MAX);
                ObjectKey(behind.saturating_add(item.position))
            }
        }
    }

    /// The same as a plain number.
    pub(super) fn number(&self, item: ItemRef) -> u64 {
        u64::from(self.key(item).0)
    }

    /// How many objects were matched by id, by type, group and name, and by what the user says.
    pub fn matched(&self) -> [usize; 3] {
        if !self.keys_are_shared {
            return self.matched;
        }
        // All but those that are gone, listed or not.
        let all = Inventory::of(self.before.network).items().len();
        let gone = self.partners.iter().filter(|partner| partner.is_none());
        [all - gone.count(), 0, 0]
    }

    /// Whether the second network is the first one, edited, so that keys mean the same in both and only what was edited is listed.
    pub fn keys_are_shared(&self) -> bool {
        self.keys_are_shared
    }

    /// The object that stands for a NIC, or for a host outside Azure.
    pub fn worker(&self, side: Side, worker: NicId) -> Option<ItemRef> {
        let position = self.inventory(side).of_worker(worker)?;
        Some(ItemRef { side, position })
    }

    /// How many of a network's objects of these kinds have a partner, and how many there are.
    pub fn share_matched(&self, kinds: &[Kind]) -> (usize, usize) {
        let of_kind = |item: &Item<'_>| item.is_listed && kinds.contains(&item.kind());
        let items = self.before.items().iter().zip(&self.partners);
        let of_kind: Vec<bool> = items
            .filter(|(item, _)| of_kind(item))
            .map(|(_, partner)| partner.is_some())
            .collect();
        let matched = of_kind.iter().filter(|&&matched| matched).count();
        (matched, of_kind.len())
    }
}

/// Objects by type, resource group and name; none where two have the same.
fn by_name(inventory: &Inventory<'_>, wanted: impl Fn(u32) -> bool) -> ByKey<'static> {
    let mut by_key: ByKey<'static> = HashMap::default();
    for (item, position) in inventory.items().iter().zip(0_u32..) {
        if wanted(position)
            && let Some(key) = name_key(&item.id)
        {
            by_key
                .entry(key)
                .and_modify(|known| *known = None)
                .or_insert(Some(position));
        }
    }
    by_key
}

/// Whether no object of `before` has the id of this one.
fn after_is_free(before: &Inventory<'_>, after: &Inventory<'_>, position: u32) -> bool {
    before.find(&after.items()[position as usize].id).is_none()
}

/// What stands behind the subscription: resource group, type and names, in lower case.
fn name_key(id: &ResourceId) -> Option<String> {
    let Range { start, end } = value_of(id.as_str(), "subscriptions")?;
    let mut key = id.as_str()[end..].to_ascii_lowercase();
    key.shrink_to_fit();
    (start < end).then_some(key)
}

/// Where the segment after a label stands: the subscription, the resource group.
pub(super) fn value_of(id: &str, label: &str) -> Option<Range<usize>> {
    let mut start = 0;
    let mut is_next = false;
    for segment in id.split('/') {
        let end = start + segment.len();
        if is_next {
            return Some(start..end);
        }
        is_next = segment.eq_ignore_ascii_case(label);
        start = end + 1;
    }
    None
}
