//! The same code for several instruction sets, chosen when the program runs. Knows nothing of rules.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a kernel is compiled for its instruction set"
)]
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "code for an instruction set may only run where the CPU has it"
    )
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _mm256_castsi256_pd, _mm256_cmpeq_epi64, _mm256_loadu_si256, _mm256_movemask_pd,
    _mm256_setzero_si256, _mm512_loadu_si512, _mm512_test_epi64_mask,
};
use std::sync::LazyLock;

/// Instructions that this CPU has, for the rows of a table and for the search in its ranges.
///
/// Questions take the fastest by themselves. Tests and benches name one, to see them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    level: Level,
    search: fib::Kernel,
}

/// Asked before every question, so it has to be one look at memory.
static FASTEST: LazyLock<Kernel> = LazyLock::new(|| Kernel {
    level: Level::fastest(),
    search: fib::Kernel::fastest(),
});

/// Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The highest that this CPU has.
    fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Self::Avx512;
            }
            if has_avx2() {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// The one that goes with a way to search.
    fn named(name: &str) -> Self {
        match name {
            #[cfg(target_arch = "x86_64")]
            "avx512" => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            "avx2" => Self::Avx2,
            _ => Self::Portable,
        }
    }
}

/// Work in the form that all instruction sets share. The compiler does what it can with those at hand.
pub(crate) trait Work {
    type Output;

    /// What this calls must be inlined (`#[inline(always)]`), or it is compiled for any CPU.
    fn run(self, instructions: impl Instructions) -> Self::Output;
}

/// What is written for each instruction set apart, because the compiler does not find it.
pub(crate) trait Instructions: Copy {
    /// Which words have a bit, as a mask. At most 32 words.
    fn filled(self, words: &[u64]) -> u32;
}

impl Kernel {
    /// The fastest one of this CPU. The CPU is asked once a process.
    #[inline]
    pub fn fastest() -> Self {
        *FASTEST
    }

    /// All of this CPU, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        fib::Kernel::available().map(|search| Self {
            level: Level::fastest().min(Level::named(search.name())),
            search,
        })
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        self.search.name()
    }

    /// How the ranges of fields are searched.
    #[inline]
    pub(crate) fn search(self) -> fib::Kernel {
        self.search
    }

    /// Does the work with the instructions of this set.
    #[inline]
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self.level {
            Level::Portable => work.run(Portable),
            // SAFETY: no level of a kernel is above `Level::fastest`, which has asked the CPU for these features.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { run_avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { run_avx512(work) },
        }
    }
}

/// For every CPU.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Instructions for Portable {
    #[inline(always)]
    fn filled(self, words: &[u64]) -> u32 {
        words.iter().zip(0..).fold(0, |filled, (&word, position)| {
            filled | u32::from(word != 0) << position
        })
    }
}

/// Exists only within [`run_avx2`] and [`run_avx512`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Instructions for Avx2 {
    #[inline(always)]
    fn filled(self, words: &[u64]) -> u32 {
        let (fours, rest) = words.as_chunks::<4>();
        let mut filled = Portable.filled(rest) << (fours.len() * 4);
        for (four, position) in fours.iter().zip((0..).step_by(4)) {
            // SAFETY: the load reads the four words, aligned or not; `self` says that the CPU has AVX2.
            let empty = unsafe {
                let words = _mm256_loadu_si256(four.as_ptr().cast());
                _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(
                    words,
                    _mm256_setzero_si256(),
                )))
            };
            filled |= (empty.cast_unsigned() ^ 15) << position;
        }
        filled
    }
}

/// Exists only within [`run_avx512`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Instructions for Avx512 {
    #[inline(always)]
    fn filled(self, words: &[u64]) -> u32 {
        let (eights, rest) = words.as_chunks::<8>();
        let mut filled = Avx2.filled(rest) << (eights.len() * 8);
        for (eight, position) in eights.iter().zip((0..).step_by(8)) {
            // SAFETY: the load reads the eight words, aligned or not; `self` says that the CPU has AVX-512.
            let mask = unsafe {
                let words = _mm512_loadu_si512(eight.as_ptr().cast());
                _mm512_test_epi64_mask(words, words)
            };
            filled |= u32::from(mask) << position;
        }
        filled
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn run_avx2<W: Work>(work: W) -> W::Output {
    work.run(Avx2)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,avx512f,avx512bw,avx512dq,avx512vl")]
fn run_avx512<W: Work>(work: W) -> W::Output {
    work.run(Avx512)
}
