//! Hints to processor and kernel about memory. They change how long something takes, never what comes out.
//!
//! The only unsafe code of this crate.

#![expect(
    unsafe_code,
    reason = "hints take raw addresses; no safe function of the standard library gives them"
)]

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

/// From this size on, a table is worth large pages: its pages no longer fit the translation cache of a core.
const WORTH_LARGE_PAGES: usize = 2 << 20;

/// `count` default elements, in large pages where the table is large and the kernel has them.
pub(crate) fn table<T: Copy + Default>(count: usize) -> Vec<T> {
    let mut elements: Vec<T> = Vec::with_capacity(count);
    #[cfg(target_os = "linux")]
    if count * size_of::<T>() >= WORTH_LARGE_PAGES {
        let spare = elements.spare_capacity_mut();
        let (start, len) = (spare.as_mut_ptr() as usize, size_of_val(spare));
        let aligned = start.next_multiple_of(4096);
        // SAFETY: advice about a range of addresses that this vector owns and nobody has looked at yet. `MADV_HUGEPAGE` leaves its
        // content alone; if the kernel does not know it, it says so and nothing has happened.
        unsafe {
            libc::madvise(
                aligned as *mut libc::c_void,
                len.saturating_sub(aligned - start),
                libc::MADV_HUGEPAGE,
            );
        }
    }
    elements.resize(count, T::default());
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_filled_whatever_its_size() {
        for count in [0, 1, 1000, WORTH_LARGE_PAGES] {
            let elements: Vec<u32> = table(count);
            assert_eq!(elements.len(), count);
            assert!(elements.iter().all(|&element| element == 0));
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
