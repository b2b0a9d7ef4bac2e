//! Pairs that are no longer, or not yet, part of a fused entry: lists by conversation, so that one look answers for all NICs.

use std::collections::{HashMap, VecDeque};

use super::key::{FlowKey, Hashed};
use super::pair::{Pair, Tick};

#[derive(Debug, Default)]
pub(super) struct Strays {
    lists: HashMap<FlowKey, Vec<Pair>, Hashed>,
    /// Every key of `lists` once, in the order in which the sweep looks at them.
    order: VecDeque<FlowKey>,
}

impl Strays {
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(super) fn of(&self, key: FlowKey) -> &[Pair] {
        self.lists.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Moves the pairs of a conversation behind others.
    #[inline]
    pub(super) fn take(&mut self, key: FlowKey, into: &mut Vec<Pair>) {
        if let Some(list) = self.lists.get_mut(&key) {
            into.append(list); // the list stays, empty, until the sweep comes by: its key is in the order
        }
    }

    /// Moves the pairs of a conversation here, which has none here yet.
    pub(super) fn put(&mut self, key: FlowKey, pairs: &mut Vec<Pair>) {
        let list = self.lists.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            Vec::new()
        });
        list.append(pairs);
    }

    /// Looks at the next `lists` lists and drops pairs that have expired.
    pub(super) fn sweep(&mut self, lists: usize, now: Tick, mut dropped: impl FnMut(&Pair)) {
        for _ in 0..lists.min(self.order.len()) {
            let Some(key) = self.order.pop_front() else {
                return;
            };
            let Some(list) = self.lists.get_mut(&key) else {
                continue;
            };
            list.retain(|pair| {
                let lives = pair.lives(now);
                if !lives {
                    dropped(pair);
                }
                lives
            });
            if list.is_empty() {
                self.lists.remove(&key);
            } else {
                self.order.push_back(key);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.lists.values().flatten()
    }

    #[cfg(test)]
    pub(super) fn listing(&self) -> impl Iterator<Item = (FlowKey, Pair)> {
        let lists = self.lists.iter();
        lists.flat_map(|(&key, list)| list.iter().map(move |&pair| (key, pair)))
    }

    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// Bytes, about.
    pub(super) fn memory(&self) -> usize {
        let slot = size_of::<(FlowKey, Vec<Pair>)>() + 1;
        let lists: usize = self.lists.values().map(Vec::capacity).sum();
        self.lists.capacity() * slot
            + lists * size_of::<Pair>()
            + self.order.capacity() * size_of::<FlowKey>()
    }
}
