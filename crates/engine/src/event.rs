//! Events in a total order that does not depend on who found them first.
//!
//! Two events of one nanosecond are common: every echo reply leaves in the moment in which its request arrives. The order
//! (time, receiving worker, sending worker, sender's counter) decides between them. All four are known to whoever creates the
//! event, none depends on the order in which events reach the queue. So a driver with many threads, which fills the queue in
//! whatever order they finish, takes the same events out in the same order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use model::NicId;

use crate::time::SimTime;

/// Where an event stands in the total order. No two events of a run have the same stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// When it happens.
    pub time: SimTime,
    /// The worker to which it happens.
    pub receiver: NicId,
    /// The worker that caused it; a timer has its own worker here.
    pub sender: NicId,
    /// Counts the events that the sender has caused, from 0.
    pub counter: u64,
}

/// Events to come, the first in order on top.
#[derive(Debug)]
pub struct EventQueue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
}

#[derive(Debug)]
struct Entry<E> {
    stamp: Stamp,
    event: E,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
        }
    }
}

impl<E> EventQueue<E> {
    /// Adds an event.
    pub fn push(&mut self, stamp: Stamp, event: E) {
        self.heap.push(Reverse(Entry { stamp, event }));
    }

    /// Takes the first event out.
    pub fn pop(&mut self) -> Option<(Stamp, E)> {
        let Reverse(Entry { stamp, event }) = self.heap.pop()?;
        Some((stamp, event))
    }

    /// When the first event happens.
    pub fn next_time(&self) -> Option<SimTime> {
        self.heap.peek().map(|Reverse(entry)| entry.stamp.time)
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// True if nothing is left to happen.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The events left, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        self.heap.iter().map(|Reverse(entry)| &entry.event)
    }
}

// Only the stamp orders: the event itself need not be comparable.
impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.stamp == other.stamp
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.stamp.cmp(&other.stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamp(time: u64, receiver: u32, sender: u32, counter: u64) -> Stamp {
        Stamp {
            time: SimTime::from_nanoseconds(time),
            receiver: NicId::new(receiver),
            sender: NicId::new(sender),
            counter,
        }
    }

    #[test]
    fn time_goes_before_receiver_before_sender_before_counter() {
        let mut queue = EventQueue::default();
        let expected = [
            stamp(1, 9, 9, 9),
            stamp(2, 1, 9, 9),
            stamp(2, 2, 1, 9),
            stamp(2, 2, 2, 1),
            stamp(2, 2, 2, 2),
        ];
        for stamp in expected.into_iter().rev() {
            queue.push(stamp, ());
        }
        assert_eq!(queue.next_time(), Some(SimTime::from_nanoseconds(1)));
        let order: Vec<Stamp> =
            std::iter::from_fn(|| queue.pop().map(|(stamp, ())| stamp)).collect();
        assert_eq!(order, expected);
    }

    proptest! {
        /// The obvious twin: sort everything.
        #[test]
        fn whoever_fills_the_queue_the_order_is_that_of_the_stamps(
            events in proptest::collection::btree_set((0..5_u64, 0..3_u32, 0..3_u32, 0..4_u64), 0..60),
            shuffle in proptest::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let sorted: Vec<Stamp> = events.iter().map(|&(time, receiver, sender, counter)| stamp(time, receiver, sender, counter)).collect();
            let mut pile = sorted.clone();
            let mut queue = EventQueue::default();
            for pick in shuffle {
                if !pile.is_empty() {
                    let stamp = pile.swap_remove(pick.index(pile.len()));
                    queue.push(stamp, stamp);
                }
            }
            prop_assert_eq!(queue.len(), sorted.len());
            let order: Vec<Stamp> = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
            prop_assert_eq!(order, sorted);
        }
    }
}
