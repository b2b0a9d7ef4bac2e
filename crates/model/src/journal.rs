//! What has changed in a network since a moment, for those who derive something from it and want to derive again no more than what
//! depends on the changes.
//!
//! A journal says which row was touched, never how, and forgets all but the last touches. Copies of a network share what they have in
//! common: after that each has a history of its own, and neither answers for a state that only the other has been in.

use std::collections::VecDeque;
use std::sync::Arc;

/// How many touches a table remembers.
const REMEMBERED: usize = 1024;

/// A moment in the history of a table: the last touch before it. Known by its address, which nobody else has while this lives.
#[derive(Clone, Debug)]
pub(crate) struct Moment(Option<Arc<Touch>>);

/// One touch. Not without size, so that each has an address of its own.
#[derive(Debug)]
struct Touch {
    row: u32,
}

/// The last touches of a table's rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    touches: VecDeque<Arc<Touch>>,
    /// There were more than it holds.
    has_forgotten: bool,
}

impl Journal {
    /// Remembers that a row may have changed.
    pub(crate) fn touch(&mut self, row: u32) {
        if self.touches.len() == REMEMBERED {
            self.touches.pop_front();
            self.has_forgotten = true;
        }
        self.touches.push_back(Arc::new(Touch { row }));
    }

    /// The present.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.touches.back().cloned())
    }

    /// The rows that were touched since, the latest first, each as often as it was; `None` if that moment is forgotten, or belongs to
    /// the history of another table.
    pub(crate) fn since(&self, moment: &Moment) -> Option<impl Iterator<Item = u32>> {
        let latest_first = self.touches.iter().rev();
        let count = match &moment.0 {
            Some(last) => latest_first
                .clone()
                .position(|touch| Arc::ptr_eq(touch, last))?,
            None if self.has_forgotten => return None,
            None => self.touches.len(),
        };
        Some(latest_first.take(count).map(|touch| touch.row))
    }
}

/// A state that a network has been in. See [`crate::Network::changes_since`].
#[derive(Clone, Debug)]
pub struct Revision(pub(crate) Vec<Moment>);

#[cfg(test)]
mod tests {
    use super::*;

    fn since(journal: &Journal, moment: &Moment) -> Option<Vec<u32>> {
        journal.since(moment).map(Iterator::collect)
    }

    #[test]
    fn a_journal_tells_what_was_touched_since_a_moment_of_its_own_history() {
        let mut journal = Journal::default();
        let beginning = journal.now();
        journal.touch(7);
        let then = journal.now();
        let mut copy = journal.clone();
        journal.touch(3);
        journal.touch(7);
        assert_eq!(since(&journal, &beginning), Some(vec![7, 3, 7]));
        assert_eq!(since(&journal, &then), Some(vec![7, 3]));
        assert_eq!(since(&journal, &journal.now()), Some(vec![]));

        copy.touch(3);
        copy.touch(7);
        assert_eq!(since(&copy, &then), Some(vec![7, 3]), "a common moment");
        assert_eq!(since(&copy, &journal.now()), None, "a moment of the other");
    }

    #[test]
    fn a_journal_admits_that_it_has_forgotten() {
        let mut journal = Journal::default();
        let beginning = journal.now();
        journal.touch(0);
        let first = journal.now();
        for row in 1..1024 {
            journal.touch(row);
        }
        assert_eq!(
            since(&journal, &beginning).map(|rows| rows.len()),
            Some(1024)
        );
        journal.touch(1024);
        assert_eq!(since(&journal, &beginning), None);
        assert_eq!(since(&journal, &first), None);
        assert_eq!(since(&journal, &journal.now()), Some(vec![]));
    }
}
