//! The kernels with vector instructions of x86-64. The only `unsafe` code of the crate: entering a function that is
//! compiled for instructions that not every processor has, and loads and stores of whole vectors.

#![expect(
    unsafe_code,
    reason = "vector instructions are reached by pointers, and only after asking the processor"
)]
#![expect(
    clippy::unused_self,
    reason = "whoever has a token need not ask the processor again"
)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m256i, __m512i, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_loadu_si256,
    _mm256_max_epu32, _mm256_movemask_ps, _mm256_set1_epi32, _mm512_cmpge_epu32_mask,
    _mm512_cmplt_epu32_mask, _mm512_loadu_si512, _mm512_mask_blend_epi32, _mm512_mask_or_epi32,
    _mm512_maskz_loadu_epi32, _mm512_maskz_set1_epi32, _mm512_or_si512, _mm512_permutex2var_epi32,
    _mm512_permutexvar_epi32, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
};

use super::{Lanes, each, first_child, node_of, walk_blocks, walk_one};
use crate::key::Key;
use crate::range_tree::{FANOUT, Node, RangeTree};

/// That this processor has AVX2. There is no other way to get one than [`detect`](Self::detect).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

/// That this processor has AVX-512 (its foundation). There is no other way to get one than [`detect`](Self::detect).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx2 {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1")).then_some(Self(()))
    }

    #[inline]
    pub(super) fn position(self, tree: &RangeTree, key: u32) -> usize {
        // SAFETY: `self` exists, so `detect` has seen AVX2 and BMI1.
        unsafe { avx2_position(tree, key) }
    }

    #[inline]
    pub(super) fn look_up<K: Key, T>(
        self,
        tree: &RangeTree,
        keys: &[K],
        values: &mut [T],
        value: impl Fn(usize) -> T,
    ) {
        // SAFETY: `self` exists, so `detect` has seen AVX2 and BMI1.
        unsafe { avx2_look_up(tree, keys, values, value) }
    }
}

impl Avx512 {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("bmi1"))
            .then_some(Self(()))
    }

    #[inline]
    pub(super) fn position(self, tree: &RangeTree, key: u32) -> usize {
        // SAFETY: `self` exists, so `detect` has seen AVX-512F and BMI1.
        unsafe { avx512_position(tree, key) }
    }

    #[inline]
    pub(super) fn look_up<K: Key, T>(
        self,
        tree: &RangeTree,
        keys: &[K],
        values: &mut [T],
        value: impl Fn(usize) -> T,
    ) {
        // SAFETY: `self` exists, so `detect` has seen AVX-512F and BMI1.
        unsafe { avx512_look_up(tree, keys, values, value) }
    }
}

#[target_feature(enable = "avx2,bmi1")]
fn avx2_position(tree: &RangeTree, key: u32) -> usize {
    walk_one(tree, key, |level, parent, key| {
        avx2_child(level, parent, key)
    })
}

#[target_feature(enable = "avx2,bmi1")]
fn avx2_look_up<K: Key, T>(
    tree: &RangeTree,
    keys: &[K],
    values: &mut [T],
    value: impl Fn(usize) -> T,
) {
    let search_top = |top: &[Node], keys: &[u32], positions: &mut Lanes| {
        each(&mut positions.0, keys, |position, key| {
            *position = avx2_child(top, node_of(top, key), key);
        });
    };
    walk_blocks(
        tree,
        keys,
        values,
        value,
        search_top,
        |level, parent, key| avx2_child(level, parent, key),
    );
}

/// [`child`](super::child): two comparisons of eight keys.
#[inline]
#[target_feature(enable = "avx2,bmi1")]
fn avx2_child(level: &[Node], parent: u32, key: u32) -> u32 {
    let (halves, _) = level[parent as usize].0.as_chunks::<8>();
    let key = _mm256_set1_epi32(key.cast_signed());
    let not_below = |half: &[u32; 8]| {
        let half = avx2_load(half);
        // There is no unsigned comparison; but the greater of two is itself.
        let greater = _mm256_cmpeq_epi32(_mm256_max_epu32(half, key), half);
        _mm256_movemask_ps(_mm256_castsi256_ps(greater))
    };
    let mask = not_below(&halves[0]) | not_below(&halves[1]) << 8;
    first_child(parent) + mask.trailing_zeros()
}

#[inline]
#[target_feature(enable = "avx2")]
fn avx2_load(numbers: &[u32; 8]) -> __m256i {
    // SAFETY: the reference is to 32 bytes that may be read, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,bmi1")]
fn avx512_position(tree: &RangeTree, key: u32) -> usize {
    walk_one(tree, key, |level, parent, key| {
        avx512_child(level, parent, key)
    })
}

#[target_feature(enable = "avx512f,bmi1")]
fn avx512_look_up<K: Key, T>(
    tree: &RangeTree,
    keys: &[K],
    values: &mut [T],
    value: impl Fn(usize) -> T,
) {
    walk_blocks(
        tree,
        keys,
        values,
        value,
        |top, keys, positions| avx512_search_top(top, keys, positions),
        |level, parent, key| avx512_child(level, parent, key),
    );
}

/// [`child`](super::child): one comparison of sixteen keys.
#[inline]
#[target_feature(enable = "avx512f,bmi1")]
fn avx512_child(level: &[Node], parent: u32, key: u32) -> u32 {
    let node = avx512_load(&level[parent as usize]);
    let not_below = _mm512_cmpge_epu32_mask(node, _mm512_set1_epi32(key.cast_signed()));
    first_child(parent) + u32::from(not_below).trailing_zeros()
}

/// The positions of keys behind the top level, sixteen keys at a time: the level lies in one, two or four registers, and
/// each key is compared with an entry of its own.
#[inline]
#[target_feature(enable = "avx512f")]
fn avx512_search_top(top: &[Node], keys: &[u32], positions: &mut Lanes) {
    let (sixteens, _) = positions.0.as_chunks_mut::<FANOUT>();
    for (keys, positions) in keys.chunks(FANOUT).zip(sixteens) {
        let keys = avx512_load_up_to_16(keys);
        let none = _mm512_setzero_si512();
        let found = match top {
            [a, b, c, d] => {
                let middle = _mm512_set1_epi32(b.greatest().cast_signed());
                let right = _mm512_cmplt_epu32_mask(middle, keys);
                let half = _mm512_maskz_set1_epi32(right, 32);
                let [a, b, c, d] = [a, b, c, d].map(|node| avx512_load(node));
                bisect(keys, half, [16, 8, 4, 2, 1], |at| {
                    let left_half = _mm512_permutex2var_epi32(a, at, b);
                    let right_half = _mm512_permutex2var_epi32(c, at, d);
                    _mm512_mask_blend_epi32(right, left_half, right_half)
                })
            }
            [a, b] => {
                let [a, b] = [a, b].map(|node| avx512_load(node));
                bisect(keys, none, [16, 8, 4, 2, 1], |at| {
                    _mm512_permutex2var_epi32(a, at, b)
                })
            }
            [a, ..] => {
                let a = avx512_load(a);
                bisect(keys, none, [8, 4, 2, 1], |at| {
                    _mm512_permutexvar_epi32(at, a)
                })
            }
            [] => none,
        };
        avx512_store(positions, found);
    }
}

/// How many entries are below each of sixteen keys: binary search from `position` on in steps of `halves`, where `read`
/// gives the entries at sixteen positions.
#[inline]
#[target_feature(enable = "avx512f")]
fn bisect<const STEPS: usize>(
    keys: __m512i,
    mut position: __m512i,
    halves: [i32; STEPS],
    read: impl Fn(__m512i) -> __m512i,
) -> __m512i {
    for half in halves {
        let last_of_half = _mm512_or_si512(position, _mm512_set1_epi32(half - 1));
        let below = _mm512_cmplt_epu32_mask(read(last_of_half), keys);
        position = _mm512_mask_or_epi32(position, below, position, _mm512_set1_epi32(half));
    }
    position
}

#[inline]
#[target_feature(enable = "avx512f")]
fn avx512_load(node: &Node) -> __m512i {
    // SAFETY: the reference is to 64 bytes that may be read, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(node.0.as_ptr().cast()) }
}

/// The first sixteen numbers; zero where there are fewer.
#[inline]
#[target_feature(enable = "avx512f")]
fn avx512_load_up_to_16(numbers: &[u32]) -> __m512i {
    let present = if numbers.len() < FANOUT {
        (1 << numbers.len()) - 1
    } else {
        u16::MAX
    };
    // SAFETY: the load touches the numbers of the mask only, the first ones, of which the slice has at least as many as
    // the mask has bits; it asks for no alignment.
    unsafe { _mm512_maskz_loadu_epi32(present, numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn avx512_store(numbers: &mut [u32; FANOUT], vector: __m512i) {
    // SAFETY: the reference is to 64 bytes that may be written, and the store asks for no alignment.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), vector) }
}
