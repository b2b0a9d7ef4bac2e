//! Large tables, and hints to processor and kernel about memory.
//!
//! The only unsafe code of this crate.

#![expect(
    unsafe_code,
    reason = "pages straight from the kernel are bytes, and a prefetch takes a raw address; no safe function gives either"
)]

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

use crate::flow::entry::Entry;

/// Begins to load the cache line of an element that will be needed soon. An index outside is no error: nothing is loaded then.
#[inline]
pub(crate) fn prefetch<T>(elements: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = elements.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see and never faults, whatever the address; this one is that of an
        // element. SSE, which it belongs to, is part of x86_64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (elements, index);
}

/// What may be made of bytes that are all zero.
///
/// # Safety
///
/// Bytes of zero are a value of the type; its alignment is not above that of a page; dropping it does nothing.
pub(crate) unsafe trait FromZeros: Copy {}

// SAFETY: an entry is numbers and nothing else; zeros are an empty slot.
unsafe impl FromZeros for Entry {}

#[cfg(test)]
// SAFETY: a number.
unsafe impl FromZeros for u32 {}

/// From this size on, a table is worth large pages: its pages no longer fit the translation cache of a core.
const WORTH_LARGE_PAGES: usize = 2 << 20;

/// A number of elements, all zeros at first. The kernel gives each page when it is first touched, so a large table that nobody uses yet
/// costs nothing; large pages, where the table is large and the kernel has them.
#[derive(Debug)]
pub(crate) struct Table<T> {
    pages: MmapMut,
    len: usize,
    elements: PhantomData<T>,
}

impl<T: FromZeros> Table<T> {
    /// # Panics
    ///
    /// If there is no memory, as a `Vec` would.
    pub(crate) fn new(len: usize) -> Self {
        let bytes = len
            .checked_mul(size_of::<T>())
            .expect("a table fits the memory");
        let pages = MmapMut::map_anon(bytes.max(1)).expect("there is memory for a table");
        #[cfg(target_os = "linux")]
        if bytes >= WORTH_LARGE_PAGES {
            // A kernel without large pages says so, and nothing has happened.
            let _ = pages.advise(memmap2::Advice::HugePage);
        }
        Self {
            pages,
            len,
            elements: PhantomData,
        }
    }
}

impl<T: FromZeros> Deref for Table<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the pages are ours alone, as long as `self` lives, aligned and large enough for `len` elements (`new`). They were zeros,
        // which is a value of `T` (`FromZeros`), and nothing but values of `T` has been written to them since.
        unsafe { std::slice::from_raw_parts(self.pages.as_ptr().cast(), self.len) }
    }
}

impl<T: FromZeros> DerefMut for Table<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.pages.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_holds_zeros_and_then_what_is_put_there_whatever_its_size() {
        for count in [0, 1, 1000, WORTH_LARGE_PAGES] {
            let mut table = Table::<u32>::new(count);
            assert_eq!(table.len(), count);
            assert!(table.iter().all(|&element| element == 0));
            for (number, element) in (1..).zip(table.iter_mut()) {
                *element = number;
            }
            assert!(
                (1..)
                    .zip(table.iter())
                    .all(|(number, &element)| element == number)
            );
        }
    }

    #[test]
    fn prefetching_behind_the_end_does_nothing() {
        let elements = [1u64, 2];
        for index in [0, 1, 2, usize::MAX] {
            prefetch(&elements, index);
        }
        assert_eq!(elements, [1, 2]);
    }
}
