//! What the tables are asked for.

use std::net::Ipv4Addr;

/// Keys that walk down side by side. A kernel begins every block with a wait for the top level, so a block is longer
/// than the usual batch of 32: who asks for more at once gets it a little faster.
pub(crate) const BLOCK: usize = 64;

/// A `u32`, or what converts to one without loss and keeps its order: an address, a port, a protocol number.
///
/// Batches of `u32` are read where they lie; others are converted as they are read.
pub trait Key: Copy + Into<u32> + sealed::Numbers {}

impl Key for u32 {}
impl Key for u16 {}
impl Key for u8 {}
impl Key for Ipv4Addr {}

pub(crate) mod sealed {
    use super::{BLOCK, Ipv4Addr};

    pub trait Numbers: Sized {
        /// At most [`BLOCK`] keys as numbers, in `converted` if they have to be converted.
        fn numbers<'a>(keys: &'a [Self], converted: &'a mut [u32; BLOCK]) -> &'a [u32];
    }

    impl Numbers for u32 {
        #[inline]
        fn numbers<'a>(keys: &'a [Self], _: &'a mut [u32; BLOCK]) -> &'a [u32] {
            keys
        }
    }

    impl Numbers for u16 {
        #[inline]
        fn numbers<'a>(keys: &'a [Self], converted: &'a mut [u32; BLOCK]) -> &'a [u32] {
            convert(keys, converted)
        }
    }

    impl Numbers for u8 {
        #[inline]
        fn numbers<'a>(keys: &'a [Self], converted: &'a mut [u32; BLOCK]) -> &'a [u32] {
            convert(keys, converted)
        }
    }

    impl Numbers for Ipv4Addr {
        #[inline]
        fn numbers<'a>(keys: &'a [Self], converted: &'a mut [u32; BLOCK]) -> &'a [u32] {
            convert(keys, converted)
        }
    }

    #[inline]
    fn convert<'a, K: Copy + Into<u32>>(keys: &[K], converted: &'a mut [u32; BLOCK]) -> &'a [u32] {
        // Sixteen at a time without a remainder: that is done in vector registers.
        let (sixteens, last) = keys.as_chunks::<16>();
        let (numbers, last_numbers) = converted[..keys.len()].as_chunks_mut::<16>();
        for (number, sixteen) in numbers.iter_mut().zip(sixteens) {
            *number = sixteen.map(Into::into);
        }
        for (number, &key) in last_numbers.iter_mut().zip(last) {
            *number = key.into();
        }
        &converted[..keys.len()]
    }
}
