//! The matrix of a network after a change, from the one before. After changes of security rules alone, only what asks those rules is
//! judged again: the rows of sources that they let out, the columns of destinations that they let in.
//!
//! It does not know what was changed: tables that two snapshots share are the same, whatever was done in between.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use control::snapshot::{GuestKind, NextHop, Policy, Rules};
use foldhash::fast::FixedState;
use model::{Direction, NicId};

use crate::bits::{BitRow, Bits};
use crate::ends::{End, Ends};
use crate::matrix::{Matrix, Row};
use crate::question::{Asked, Question};
use crate::watch::{Cancelled, Watch};

/// Which ends meet rules that have changed.
struct Change {
    sources: Vec<u32>,
    destinations: Vec<u32>,
}

impl Matrix {
    /// The matrix of the same ends in `after`, and the sources whose row is another one, ascending. `before` is the snapshot that this
    /// matrix was made of.
    ///
    /// # Errors
    ///
    /// If `watch` has cancelled the work.
    pub fn again(
        &self,
        before: &Snapshot,
        after: &Snapshot,
        watch: &Watch,
    ) -> Result<(Self, Vec<u32>), Cancelled> {
        let (sources, destinations) = (self.shared_sources(), self.shared_destinations());
        let question = self.question();
        let change = Change::between(before, after, question, sources, destinations);
        let Some(change) = change else {
            let matrix = crate::matrix(after, sources, destinations, question, watch)?;
            let changed = (0..sources.len())
                .filter(|&source| self.row(source) != matrix.row(source))
                .filter_map(|source| u32::try_from(source).ok())
                .collect();
            return Ok((matrix, changed));
        };
        let some = |ends: &Ends, positions: &[u32]| {
            let some = positions.iter().map(|&position| ends[position as usize]);
            Arc::new(Ends::new(some))
        };
        let rows = if change.sources.is_empty() {
            None
        } else {
            let asking = some(sources, &change.sources);
            Some(crate::matrix(
                after,
                &asking,
                destinations,
                question,
                watch,
            )?)
        };
        let columns = if change.destinations.is_empty() {
            None
        } else {
            let asked = some(destinations, &change.destinations);
            Some(crate::matrix(after, sources, &asked, question, watch)?)
        };
        Ok(self.patched(&change, rows.as_ref(), columns.as_ref()))
    }

    /// This matrix with other rows and other columns.
    fn patched(
        &self,
        change: &Change,
        new_rows: Option<&Self>,
        new_columns: Option<&Self>,
    ) -> (Self, Vec<u32>) {
        let mut numbers: HashMap<Row, u32, FixedState> = HashMap::default();
        let mut rows: Vec<Row> = Vec::new();
        let mut number_of = |row: Row| {
            *numbers.entry(row).or_insert_with_key(|row| {
                rows.push(row.clone());
                u32::try_from(rows.len() - 1).unwrap_or(u32::MAX)
            })
        };
        // By class before and class of the new columns: the class now, and whether that is another row.
        let mut known: HashMap<(u32, Option<u32>), (u32, bool), FixedState> = HashMap::default();
        let mut class_of = Vec::with_capacity(self.sources().len());
        let mut changed = Vec::new();
        let mut asking = change.sources.iter().zip(0..).peekable();
        for source in 0..self.sources().len() {
            let position = u32::try_from(source).unwrap_or(u32::MAX);
            let new_row = asking
                .next_if(|&(&asking, _)| asking == position)
                .and_then(|(_, number)| Some(new_rows?.row(number)));
            if let Some(row) = new_row {
                class_of.push(number_of(row.clone()));
                if row != self.row(source) {
                    changed.push(position);
                }
                continue;
            }
            let key = (
                self.class_of(source),
                new_columns.map(|columns| columns.class_of(source)),
            );
            let (number, differs) = *known.entry(key).or_insert_with(|| {
                let old = self.row(source);
                let row = match new_columns {
                    Some(columns) => {
                        self.with_columns(old, columns.row(source), &change.destinations)
                    }
                    None => old.clone(),
                };
                let differs = row != *old;
                (number_of(row), differs)
            });
            class_of.push(number);
            if differs {
                changed.push(position);
            }
        }
        let (sources, destinations) = (self.shared_sources(), self.shared_destinations());
        let (sources, destinations) = (Arc::clone(sources), Arc::clone(destinations));
        let matrix = Self::new(self.question(), sources, destinations, rows, class_of);
        (matrix, changed)
    }

    /// A row with these columns from another.
    fn with_columns(&self, old: &Row, new: &Row, columns: &[u32]) -> Row {
        let len = self.destinations().len();
        let replaced = |old: &BitRow, new: &BitRow| {
            let mut bits: Bits = old.bits(len);
            for (number, &column) in columns.iter().enumerate() {
                bits.set(column as usize, new.get(number));
            }
            bits.row()
        };
        Row {
            forward: replaced(&old.forward, &new.forward),
            round_trip: replaced(&old.round_trip, &new.round_trip),
            unknown: replaced(&old.unknown, &new.unknown),
            depends_on_hash: replaced(&old.depends_on_hash, &new.depends_on_hash),
        }
    }
}

impl Change {
    /// `None`: more than rules of ends has changed, or there is no telling.
    fn between(
        before: &Snapshot,
        after: &Snapshot,
        question: Question,
        sources: &Ends,
        destinations: &Ends,
    ) -> Option<Self> {
        // Ports that rules tell apart may be others now; members of load balancers may answer their probes otherwise.
        let Asked::One(_) = question.asked else {
            return None;
        };
        if !after.frontends.is_empty() || !before.frontends.is_empty() {
            return None;
        }
        let sets = changed_sets(before, after)?;
        let asks = |rules: &Rules| match rules {
            Rules::None => false,
            Rules::Groups(groups) => groups.iter().any(|group| sets.contains(&group.rules.0)),
            Rules::BlockedPeers { default_rules, .. } => sets.contains(&default_rules.0),
        };
        let asks = |policy: &Policy, direction| asks(policy.rules_in(direction));
        let policies: Vec<[bool; 2]> = after
            .policies
            .iter()
            .map(|policy| {
                [Direction::Outbound, Direction::Inbound].map(|direction| asks(policy, direction))
            })
            .collect();
        let routed = named_by_routes(after);
        // Where address spaces overlap, packets for an end may come to another NIC of its address.
        let mut namesakes: HashMap<Ipv4Addr, Vec<NicId>, FixedState> = HashMap::default();
        for (worker, nic) in (0_u32..).zip(after.nics.iter()) {
            let Some(nic) = nic.as_ref() else {
                continue;
            };
            if policies[nic.policy.0 as usize] == [false, false] {
                continue;
            }
            // What stands between others is asked about all of their packets.
            let guest = after.guest_of(nic);
            let is_end = matches!(guest.kind, GuestKind::Host(_) | GuestKind::Nobody)
                && guest.nics.len() == 1
                && !routed.contains(&NicId::new(worker));
            if !is_end {
                return None;
            }
            for &address in &nic.addresses {
                namesakes
                    .entry(address)
                    .or_default()
                    .push(NicId::new(worker));
            }
        }
        let has_namesake = |end: &End| {
            let asking = namesakes.get(&end.address);
            asking.is_some_and(|asking| asking.iter().any(|&nic| nic != end.worker))
        };
        let meet = |ends: &Ends, direction: usize| {
            let asks = |worker| {
                let nic = after.nic(worker);
                nic.is_some_and(|nic| policies[nic.policy.0 as usize][direction])
            };
            (0_u32..)
                .zip(ends.iter())
                .filter(|(_, end)| asks(end.worker) || has_namesake(end))
                .map(|(position, _)| position)
                .collect()
        };
        Some(Self {
            sources: meet(sources, 0),
            destinations: meet(destinations, 1),
        })
    }
}

/// The rule sets that differ, if nothing else does.
fn changed_sets(before: &Snapshot, after: &Snapshot) -> Option<HashSet<u32, FixedState>> {
    fn same<T>(before: &Arc<[Arc<T>]>, after: &Arc<[Arc<T>]>) -> bool {
        let mut pairs = before.iter().zip(after.iter());
        Arc::ptr_eq(before, after)
            || before.len() == after.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
    }
    let is_same = before.options == after.options
        && before.rule_sets.len() == after.rule_sets.len()
        && Arc::ptr_eq(&before.nics, &after.nics)
        && Arc::ptr_eq(&before.policies, &after.policies)
        && Arc::ptr_eq(&before.outside_hosts, &after.outside_hosts)
        && Arc::ptr_eq(&before.sites, &after.sites)
        && Arc::ptr_eq(&before.profiles, &after.profiles)
        && Arc::ptr_eq(&before.guests, &after.guests)
        && same(&before.fibs, &after.fibs)
        && same(&before.tag_views, &after.tag_views)
        && same(&before.admin_rules, &after.admin_rules)
        && Arc::ptr_eq(&before.virtual_networks, &after.virtual_networks)
        && Arc::ptr_eq(&before.links, &after.links)
        && Arc::ptr_eq(&before.edge, &after.edge)
        && Arc::ptr_eq(&before.gateways, &after.gateways)
        && Arc::ptr_eq(&before.firewalls, &after.firewalls);
    let sets = before.rule_sets.iter().zip(after.rule_sets.iter());
    is_same.then(|| {
        let differ = (0_u32..)
            .zip(sets)
            .filter(|(_, (one, other))| !Arc::ptr_eq(one, other));
        differ.map(|(set, _)| set).collect()
    })
}

/// The NICs to which routes lead, whatever the destination.
pub(crate) fn named_by_routes(snapshot: &Snapshot) -> HashSet<NicId, FixedState> {
    let entries = snapshot.fibs.iter().flat_map(|fib| {
        let routes = fib.table.routes().map(|(_, entry)| entry);
        routes.chain(fib.shared.iter().flatten())
    });
    let mut nics: HashSet<NicId, FixedState> = HashSet::default();
    for entry in entries {
        match entry.next_hop {
            NextHop::Nic(nic) => {
                nics.insert(nic);
            }
            NextHop::Frontend(frontend) => nics.extend(snapshot.frontend(frontend).nics()),
            _ => {}
        }
    }
    nics
}
