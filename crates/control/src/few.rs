//! A list that nearly always has one item: it lies where it is used, without a block of its own on the heap.

use std::ops::Deref;

/// A few items, read as a slice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Few<T> {
    /// The usual case.
    One(T),
    /// None, or more than one.
    Other(Box<[T]>),
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let Some(first) = items.next() else {
            return Self::default();
        };
        match items.next() {
            None => Self::One(first),
            Some(second) => Self::Other([first, second].into_iter().chain(items).collect()),
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Other(Box::default())
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Other(items) => items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_its_items_in_order_and_a_single_one_in_place() {
        let one = Few::from_iter([7]);
        assert!(matches!(one, Few::One(7)));
        assert_eq!(*one, [7]);
        assert_eq!(*Few::from_iter([1, 2, 3]), [1, 2, 3]);
        assert_eq!(*Few::<u32>::from_iter([]), []);
        assert_eq!(size_of::<Few<u32>>(), 16);
    }
}
