//! A list that is never empty and nearly always one long: it lies where it is used, without a block of its own on the heap.

use std::ops::Deref;

/// One or more items, read as a slice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OneOrMore<T> {
    /// The usual case.
    One(T),
    /// Never empty.
    More(Box<[T]>),
}

impl<T> OneOrMore<T> {
    /// The first item and the others behind it.
    pub fn new(first: T, others: impl IntoIterator<Item = T>) -> Self {
        let mut others = others.into_iter();
        match others.next() {
            None => Self::One(first),
            Some(second) => Self::More([first, second].into_iter().chain(others).collect()),
        }
    }
}

impl<T> Deref for OneOrMore<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::More(items) => items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_its_items_in_order_and_a_single_one_in_place() {
        let one = OneOrMore::new(7, []);
        assert!(matches!(one, OneOrMore::One(7)));
        assert_eq!(*one, [7]);
        assert_eq!(*OneOrMore::new(1, [2, 3]), [1, 2, 3]);
        assert_eq!(size_of::<OneOrMore<u32>>(), 16);
    }
}
