//! The matrix of a network after a change, from the one before. After changes of security rules, routes and links, only what they can
//! touch is judged again (`change`): rows of some sources, columns of some destinations.
//!
//! It does not know what was changed: tables that two snapshots share are the same, whatever was done in between.

mod change;

use std::collections::HashMap;
use std::sync::Arc;

use control::Snapshot;
use foldhash::fast::FixedState;

use self::change::Change;
pub(crate) use self::change::named_by_routes;
use crate::bits::{BitRow, Bits};
use crate::ends::Ends;
use crate::matrix::{Matrix, Row};
use crate::watch::{Cancelled, Watch};

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
