//! The verdicts about all pairs, for any or all ports: one pair of each pair of groups of ends is judged, and only where a packet that no
//! rule stops would get anywhere.

use std::collections::HashMap;
use std::sync::Arc;

use control::Snapshot;
use control::snapshot::{Policy, Rules};
use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::groups::{Groups, Terms};
use super::starts;
use crate::bits::Bits;
use crate::classes;
use crate::ends::{EndKind, Ends};
use crate::matrix::{Matrix, Row};
use crate::pair::PairJudge;
use crate::probe::Cell;
use crate::question::{Depth, Protocol, Question};
use crate::watch::{Cancelled, Watch};

/// What is known of a group of sources: groups of destinations with a cell that is not empty.
type Known = Vec<(u32, Cell)>;

/// Judges every pair for any or all ports of a protocol.
pub(crate) fn matrix(
    snapshot: &Snapshot,
    sources: &Arc<Ends>,
    destinations: &Arc<Ends>,
    (protocol, question): (Protocol, Question),
    watch: &Watch,
) -> Result<Matrix, Cancelled> {
    let terms = Terms::new(snapshot);
    let (from, to) = (terms.groups(sources), terms.groups(destinations));
    let work = Work {
        judge: PairJudge::new(snapshot, question),
        sources,
        destinations,
        from: &from,
        to: &to,
        open: open(
            snapshot,
            (sources, &from),
            (destinations, &to),
            (protocol, question),
        )?,
    };
    watch.expect(sources.len() as u64);
    let rows: Result<Vec<Vec<(u32, Row)>>, Cancelled> = (0..from.members.len())
        .into_par_iter()
        .map(|group| {
            watch.go_on()?;
            let rows = work.rows(group);
            watch.advance(from.members[group].len() as u64);
            Ok(rows)
        })
        .collect();
    let mut numbers: HashMap<Row, u32, FixedState> = HashMap::default();
    let mut class_of = vec![0; sources.len()];
    let mut distinct: Vec<Row> = Vec::new();
    for (group, rows) in rows?.into_iter().enumerate() {
        let of_all = rows.len() == 1;
        for (source, row) in rows {
            let next = u32::try_from(distinct.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(row).or_insert_with_key(|row| {
                distinct.push(row.clone());
                next
            });
            class_of[source as usize] = number;
            if of_all {
                for &member in &from.members[group] {
                    class_of[member as usize] = number;
                }
            }
        }
    }
    let (sources, destinations) = (Arc::clone(sources), Arc::clone(destinations));
    Ok(Matrix::new(
        question,
        sources,
        destinations,
        distinct,
        class_of,
    ))
}

struct Work<'a> {
    judge: PairJudge<'a>,
    sources: &'a Ends,
    destinations: &'a Ends,
    from: &'a Groups,
    to: &'a Groups,
    /// By group of sources, the groups of destinations to which packets come that no rule stops; `None`: all that there are.
    open: Vec<Option<Bits>>,
}

impl Work<'_> {
    /// The row of a group of sources; or, where hashes decide, that of each of its members.
    fn rows(&self, group: usize) -> Vec<(u32, Row)> {
        let mut known: Known = Vec::new();
        let groups = 0..self.to.members.len();
        let open: Vec<usize> = match &self.open[group] {
            Some(open) => open.iter().collect(),
            None => groups.collect(),
        };
        for to in open {
            let Some((source, destination)) = self.example(group, to) else {
                continue;
            };
            let cell = self.cell(source, destination);
            if cell != Cell::default() {
                known.push((u32::try_from(to).unwrap_or(u32::MAX), cell));
            }
        }
        let members = &self.from.members[group];
        let hashed = |&(to, cell): &(u32, Cell)| {
            let others = &self.to.members[to as usize];
            cell.depends_on_hash && members.len().max(others.len()) > 1
        };
        if known.iter().any(hashed) {
            let rows = members.iter().map(|&source| {
                let row = self.row(&known, |to, destination, cell| {
                    if hashed(&(to, cell)) && self.is_pair(source, destination) {
                        self.cell(source, destination)
                    } else {
                        cell
                    }
                });
                (source, row)
            });
            return rows.collect();
        }
        vec![(members[0], self.row(&known, |_, _, cell| cell))]
    }

    fn row(&self, known: &Known, of: impl Fn(u32, u32, Cell) -> Cell) -> Row {
        let mut sets: [Bits; 4] = std::array::from_fn(|_| Bits::new(self.destinations.len()));
        for &(to, cell) in known {
            for &destination in &self.to.members[to as usize] {
                let cell = of(to, destination, cell);
                for (set, bit) in sets.iter_mut().zip(cell.bits()) {
                    if bit {
                        set.set(destination as usize, true);
                    }
                }
            }
        }
        Row::of_sets(&sets)
    }

    fn cell(&self, source: u32, destination: u32) -> Cell {
        let from = &self.sources[source as usize];
        self.judge
            .cell(from, &self.destinations[destination as usize])
    }

    /// A pair of two groups: an end with itself is none, and of two ends at most one is the other's own.
    fn example(&self, from: usize, to: usize) -> Option<(u32, u32)> {
        let sources = self.from.members[from].iter().take(2);
        let mut pairs = sources.flat_map(|&source| {
            let destinations = self.to.members[to].iter().take(2);
            destinations.map(move |&destination| (source, destination))
        });
        pairs.find(|&(source, destination)| self.is_pair(source, destination))
    }

    fn is_pair(&self, source: u32, destination: u32) -> bool {
        let from = self.sources[source as usize];
        let to = self.destinations[destination as usize];
        (from.address, from.worker) != (to.address, to.worker)
    }
}

/// By group of sources, the groups of destinations to which packets come that no rule of a group or a manager stops: rules only ever stop
/// more. What asks from outside Azure is left out.
fn open(
    snapshot: &Snapshot,
    (sources, from): (&Ends, &Groups),
    (destinations, to): (&Ends, &Groups),
    (protocol, question): (Protocol, Question),
) -> Result<Vec<Option<Bits>>, Cancelled> {
    let mut without_rules = snapshot.clone();
    without_rules.policies = snapshot
        .policies
        .iter()
        .map(|policy| Policy {
            admin: None,
            outbound: Rules::None,
            inbound: Rules::None,
            idle_timeout_ns: policy.idle_timeout_ns,
        })
        .collect();
    let firsts = from.firsts(sources);
    let inside = |kind| matches!(kind, EndKind::Primary | EndKind::Secondary);
    let firsts = Arc::new(firsts.filter(|end| inside(end.kind)));
    let columns = Arc::new(to.firsts(destinations));
    let columns_of: Vec<usize> = columns_of(destinations, to, &columns);
    let mut open: Vec<Option<Bits>> = Vec::new();
    for members in &from.members {
        let end = &sources[members[0] as usize];
        let row = firsts.position(end.address, end.worker);
        open.push(row.map(|_| Bits::new(to.members.len())));
    }
    let question = Question {
        depth: Depth::Forward,
        listeners: false,
        ..question
    };
    for port in starts(snapshot, protocol) {
        let about = (protocol.service(port), question);
        let watch = Watch::default();
        let found = classes::matrix(&without_rules, &firsts, &columns, about, &watch)?;
        for (members, open) in from.members.iter().zip(&mut open) {
            let end = &sources[members[0] as usize];
            let row = firsts.position(end.address, end.worker);
            let (Some(row), Some(open)) = (row, open) else {
                continue;
            };
            let cells = found.row(row);
            for set in [&cells.forward, &cells.unknown, &cells.depends_on_hash] {
                for column in set.iter() {
                    open.set(columns_of[column], true);
                }
            }
            // The first of a group may be who asks: then another of its members is asked.
            if let Some(own) = found.own_column(row) {
                open.set(columns_of[own], true);
            }
        }
    }
    Ok(open)
}

/// By position among the first ends of groups, the group.
fn columns_of(ends: &Ends, groups: &Groups, firsts: &Ends) -> Vec<usize> {
    let mut groups_of = vec![0; firsts.len()];
    for (group, members) in groups.members.iter().enumerate() {
        let end = &ends[members[0] as usize];
        if let Some(position) = firsts.position(end.address, end.worker) {
            groups_of[position] = group;
        }
    }
    groups_of
}
