//! Which rows and columns of one matrix are which of another.

use std::collections::HashMap;
use std::ops::Range;

use control::Snapshot;
use foldhash::fast::RandomState;
use model::Network;

use super::objects::{Objects, Side};
use crate::bits::{BitRow, Bits};
use crate::ends::{End, EndKind, Ends};

/// Ends that both matrices have, in the order of the first; what a position means here is a place in both.
#[derive(Clone, Debug)]
pub struct Matched {
    /// Positions in the first.
    pub before: Vec<u32>,
    /// Positions in the second.
    pub after: Vec<u32>,
    /// Positions in the first that the second has not.
    pub only_before: Vec<u32>,
    /// Positions in the second that the first has not.
    pub only_after: Vec<u32>,
    projections: [Projection; 2],
}

/// From columns of a matrix to those that both have.
#[derive(Clone, Debug)]
struct Projection {
    /// Nothing to do.
    is_identity: bool,
    /// Length on the far side.
    len: usize,
    /// Stretches that stay together: from, to, how many; by from.
    stretches: Vec<(u32, u32, u32)>,
}

/// What an end is, whatever its address is at present.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct EndKey {
    /// The same number on both sides.
    worker: u64,
    kind: EndKind,
    /// The IP configuration of another address than the primary one.
    configuration: Option<String>,
}

impl Matched {
    pub(super) fn new(objects: &Objects<'_>, before: &Ends, after: &Ends) -> Self {
        if objects.keys_are_shared() && before == after {
            let all: Vec<u32> = (0_u32..).take(before.len()).collect();
            let projection = Projection::new(&all, all.len());
            return Self {
                before: all.clone(),
                after: all,
                only_before: Vec::new(),
                only_after: Vec::new(),
                projections: [projection.clone(), projection],
            };
        }
        let keys = |side, ends: &Ends| -> Vec<Option<EndKey>> {
            ends.iter().map(|end| key(objects, side, end)).collect()
        };
        let (of_before, of_after) = (keys(Side::Before, before), keys(Side::After, after));
        let mut found: HashMap<&EndKey, u32, RandomState> = HashMap::default();
        for (key, position) in of_after.iter().zip(0_u32..) {
            if let Some(key) = key {
                found.insert(key, position);
            }
        }
        let mut taken = vec![false; after.len()];
        let (mut ones, mut others, mut only_before) = (Vec::new(), Vec::new(), Vec::new());
        for (key, position) in of_before.iter().zip(0_u32..) {
            match key.as_ref().and_then(|key| found.get(key)) {
                Some(&other) if !std::mem::replace(&mut taken[other as usize], true) => {
                    ones.push(position);
                    others.push(other);
                }
                _ => only_before.push(position),
            }
        }
        let only_after = (0_u32..).zip(&taken);
        let only_after = only_after
            .filter_map(|(at, &taken)| (!taken).then_some(at))
            .collect();
        let projections = [
            Projection::new(&ones, before.len()),
            Projection::new(&others, after.len()),
        ];
        Self {
            before: ones,
            after: others,
            only_before,
            only_after,
            projections,
        }
    }

    /// How many ends both have.
    pub fn len(&self) -> usize {
        self.before.len()
    }

    /// Whether they have none in common.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Positions of a side, by common position.
    pub fn of(&self, side: Side) -> &[u32] {
        match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        }
    }

    fn projection(&self, side: Side) -> &Projection {
        &self.projections[usize::from(side == Side::After)]
    }

    /// Whether the columns of both matrices are the same in the same order.
    pub(super) fn is_identity(&self) -> bool {
        self.projections
            .iter()
            .all(|projection| projection.is_identity)
    }

    /// The common columns of a row; `bits` has room for all of them and is empty.
    pub(super) fn project(&self, side: Side, row: &BitRow, bits: &mut Bits) {
        let projection = self.projection(side);
        if projection.is_identity {
            row.write(bits);
            return;
        }
        for run in row.runs() {
            projection.insert(&run, bits);
        }
    }
}

impl Projection {
    fn new(positions: &[u32], len: usize) -> Self {
        let mut stretches: Vec<(u32, u32, u32)> = Vec::new();
        for (&from, to) in positions.iter().zip(0_u32..) {
            match stretches.last_mut() {
                Some((first, _, count)) if *first + *count == from => *count += 1,
                _ => stretches.push((from, to, 1)),
            }
        }
        stretches.sort_unstable();
        let is_identity =
            positions.len() == len && matches!(stretches.as_slice(), [] | [(0, 0, _)]);
        Self {
            is_identity,
            len: positions.len(),
            stretches,
        }
    }

    fn insert(&self, run: &Range<usize>, bits: &mut Bits) {
        let first = self
            .stretches
            .partition_point(|&(from, _, count)| (from + count) as usize <= run.start);
        for &(from, to, count) in &self.stretches[first..] {
            let (from, to, count) = (from as usize, to as usize, count as usize);
            if from >= run.end {
                break;
            }
            let start = run.start.max(from) - from;
            let end = run.end.min(from + count) - from;
            debug_assert!(to + end <= self.len, "a stretch lies in the common columns");
            bits.insert(to + start..to + end);
        }
    }
}

fn key(objects: &Objects<'_>, side: Side, end: &End) -> Option<EndKey> {
    let inventory = objects.inventory(side);
    let worker = if objects.keys_are_shared() {
        u64::from(end.worker.get())
    } else {
        objects.number(objects.worker(side, end.worker)?)
    };
    let configuration = match end.kind {
        EndKind::Secondary => {
            let nic = inventory.network.nics().get(end.worker)?;
            let mut configurations = nic.ip_configurations.iter();
            let own = configurations.find(|own| own.private_address == end.address)?;
            Some(own.name.to_ascii_lowercase())
        }
        _ => None,
    };
    Some(EndKey {
        worker,
        kind: end.kind,
        configuration,
    })
}

/// What one network's answers are about.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The network as the user described it.
    pub network: &'a Network,
    /// What it was compiled to.
    pub snapshot: &'a Snapshot,
    /// Who reaches whom in it.
    pub matrix: &'a crate::matrix::Matrix,
}
