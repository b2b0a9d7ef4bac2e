//! Slices that snapshots share, and their copies in which some items are others.

use std::sync::Arc;

/// Puts an item in its place. Whoever shares the slice keeps the old one.
pub(crate) fn replace<T: Clone>(slice: &mut Arc<[T]>, position: usize, item: T) {
    Arc::make_mut(slice)[position] = item;
}

/// Makes room for further items.
pub(crate) fn lengthen<T: Clone>(slice: &mut Arc<[T]>, length: usize, item: &T) {
    if slice.len() < length {
        let further = std::iter::repeat_n(item, length - slice.len());
        *slice = slice.iter().chain(further).cloned().collect();
    }
}
