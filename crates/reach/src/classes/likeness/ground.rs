//! What stories are generalised with: the columns, the rules, and which columns a table leads to by the same row.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use control::Snapshot;
use control::snapshot::{FibEntry, FibId, PolicyId, TagViewId};
use engine::reachability::Service;
use foldhash::fast::FixedState;
use model::NicId;

use crate::again::named_by_routes;
use crate::classes::columns::{Arrival, Cells, Columns, shared_addresses};
use crate::classes::routes::{Lead, behind_the_edge};
use crate::classes::rules::{RuleBook, span_of};
use crate::classes::shown;
use crate::classes::space::Space;
use crate::classes::spans::Spans;
use crate::ends::Ends;

/// All that stories are generalised with.
#[derive(Debug)]
pub(super) struct Ground<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) columns: Columns,
    pub(super) rules: RuleBook<'s>,
    pub(super) cells: Cells,
    pub(super) shared: HashSet<u32, FixedState>,
    pub(super) named: HashSet<NicId, FixedState>,
    /// Columns that are told apart by nothing but tables.
    pub(super) ordinary: Spans,
    /// Of them, those whose guests listen to everything.
    pub(super) hearing: Spans,
    /// Of them, those with the same rules and tags.
    pub(super) gates: HashMap<(PolicyId, TagViewId), Gate, FixedState>,
    /// By table, ordinary columns by the row that leads to them.
    rows: Vec<OnceLock<Vec<Row>>>,
    /// Ordinary columns whose addresses lie nowhere in the Internet.
    inland: OnceLock<Spans>,
}

/// A row of a table, or none, and the ordinary columns that it leads to.
type Row = (Option<FibEntry>, Spans);

/// Columns behind the same rules.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) columns: Spans,
    pub(super) space: Space,
}

impl<'s> Ground<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        destinations: &Arc<Ends>,
        service: Service,
        source_port: Option<u16>,
    ) -> Self {
        let cells = Cells::new(snapshot);
        let named = named_by_routes(snapshot);
        let columns = Columns::new(snapshot, &named, &cells, destinations);
        let shared = shared_addresses(snapshot);
        let (probe, reply) = shown(service, source_port);
        let rules = RuleBook::new(snapshot, columns.addresses.clone(), probe, reply);
        let (mut ordinary, mut hearing) = (Spans::default(), Spans::default());
        let mut gates: HashMap<_, Spans, FixedState> = HashMap::default();
        for (number, column) in (0_u32..).zip(&columns.list) {
            let here = (number, number + 1);
            let Some(nic) = snapshot.nic(column.worker) else {
                continue;
            };
            let address = columns.addresses[number as usize];
            if column.arrival == Arrival::Odd
                || shared.contains(&address)
                || columns.twins.contains(number)
            {
                continue;
            }
            ordinary.push(here);
            if snapshot.guest_of(nic).listen.is_none() {
                hearing.push(here);
            }
            let gate = gates.entry((nic.policy, nic.tags)).or_default();
            gate.push(here);
        }
        let gates = gates.into_iter().map(|(kind, columns)| {
            let space = Space::new(&columns);
            (kind, Gate { columns, space })
        });
        Self {
            snapshot,
            rules,
            cells,
            shared,
            named,
            ordinary,
            hearing,
            gates: gates.collect(),
            rows: std::iter::repeat_with(OnceLock::new)
                .take(snapshot.fibs.len())
                .collect(),
            inland: OnceLock::new(),
            columns,
        }
    }

    /// Ordinary columns that a table leads to by the same row.
    pub(super) fn led_by(&self, fib: FibId, row: Option<FibEntry>) -> Option<&Spans> {
        let rows = self.rows[fib.0 as usize].get_or_init(|| {
            let mut rows: Vec<Row> = Vec::new();
            for (range, entry) in self.snapshot.fibs[fib.0 as usize].table.ranges() {
                let range = (*range.start(), *range.end());
                let span = span_of(range, &self.columns.addresses);
                if span.0 == span.1 {
                    continue;
                }
                let entry = entry.copied();
                match rows.iter_mut().find(|(known, _)| *known == entry) {
                    Some((_, spans)) => spans.push(span),
                    None => rows.push((entry, Spans::of(vec![span]))),
                }
            }
            rows.into_iter()
                .map(|(entry, spans)| (entry, self.ordinary.and(spans.as_slice())))
                .collect()
        });
        let mut rows = rows.iter();
        rows.find(|(known, _)| *known == row)
            .map(|(_, columns)| columns)
    }

    pub(super) fn inland(&self) -> &Spans {
        self.inland.get_or_init(|| {
            let mut inland = Spans::default();
            for column in self.ordinary.columns() {
                let address = self.columns.addresses[column as usize];
                if behind_the_edge(self.snapshot, address) == Lead::Nowhere {
                    inland.push((column, column + 1));
                }
            }
            inland
        })
    }

    /// Columns whose addresses a set of addresses holds.
    pub(super) fn within(&self, set: &fib::AddressSet) -> Spans {
        let mut columns = Spans::default();
        for range in set.ranges() {
            let range = (*range.start(), *range.end());
            columns.push(span_of(range, &self.columns.addresses));
        }
        columns
    }
}
