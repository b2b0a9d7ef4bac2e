//! The forwarding table.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use crate::kernels::Kernel;
use crate::key::Key;
use crate::ranges::{Ranges, from_outside_in};

/// In the table of ranges: no route holds these addresses. As an index it lies behind every route.
const NO_ROUTE: u32 = u32::MAX;

/// Why a table cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FibError {
    /// Two routes have the same prefix. Which of them wins is a matter of the caller's policy, never of their order.
    #[error("two routes have the prefix {0}")]
    DuplicatePrefix(Ipv4Net),
    /// Routes are numbered by `u32`.
    #[error("{0} routes are more than a table can number")]
    TooManyRoutes(usize),
}

/// A forwarding table: of the routes whose prefix contains the destination, the one with the longest prefix answers.
///
/// Routes keep the order in which they were given; the position of a route is its *index*. A lookup finds the index
/// first, so the route that decided costs nothing extra.
///
/// ```
/// # use fib::Fib;
/// # use std::net::Ipv4Addr;
/// let fib = Fib::build([("0.0.0.0/0".parse()?, "Internet"), ("10.0.0.0/8".parse()?, "None")])?;
/// assert_eq!(fib.lookup(Ipv4Addr::new(10, 3, 0, 4)), Some(&"None"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fib<T> {
    /// Address → index of its route, or [`NO_ROUTE`].
    ranges: Ranges<u32>,
    /// By index, apart from the prefixes, which the hot path does not read.
    values: Vec<T>,
    prefixes: Vec<Ipv4Net>,
}

impl<T> Fib<T> {
    /// Compiles routes. Host bits of a prefix are ignored (`10.0.0.1/8` is `10.0.0.0/8`).
    ///
    /// # Errors
    ///
    /// [`FibError::DuplicatePrefix`] names the smallest prefix that occurs twice.
    pub fn build(routes: impl IntoIterator<Item = (Ipv4Net, T)>) -> Result<Self, FibError> {
        let (prefixes, values): (Vec<Ipv4Net>, Vec<T>) = routes
            .into_iter()
            .map(|(prefix, value)| (prefix.trunc(), value))
            .unzip();

        let count = u32::try_from(prefixes.len())
            .ok()
            .filter(|&count| count < NO_ROUTE);
        let count = count.ok_or(FibError::TooManyRoutes(prefixes.len()))?;

        let mut sorted: Vec<(Ipv4Net, u32)> = prefixes.iter().copied().zip(0..count).collect();
        sorted.sort_unstable_by_key(|&(prefix, _)| from_outside_in(prefix));
        if let Some([(twin, _), _]) = sorted.array_windows().find(|[a, b]| a.0 == b.0) {
            return Err(FibError::DuplicatePrefix(*twin));
        }

        // Longest match as a fold: the innermost prefix replaces whatever encloses it.
        let ranges = Ranges::fold_prefixes(NO_ROUTE, sorted, |_, route| route);
        Ok(Self {
            ranges,
            values,
            prefixes,
        })
    }

    /// The value of the route to `destination`.
    #[inline]
    pub fn lookup(&self, destination: Ipv4Addr) -> Option<&T> {
        // `NO_ROUTE` is behind the end: the bound check is the test for it.
        self.values.get(self.ranges.lookup(destination) as usize)
    }

    /// [`lookup`](Self::lookup) with a kernel of the caller's choice.
    #[inline]
    pub fn lookup_with(&self, kernel: Kernel, destination: Ipv4Addr) -> Option<&T> {
        let route = self.ranges.lookup_with(kernel, destination);
        self.values.get(route as usize)
    }

    /// Index of the route to `destination`.
    #[inline]
    pub fn lookup_index(&self, destination: Ipv4Addr) -> Option<u32> {
        Some(self.ranges.lookup(destination)).filter(|&route| route != NO_ROUTE)
    }

    /// Prefix and value of the route to `destination`.
    #[inline]
    pub fn lookup_route(&self, destination: Ipv4Addr) -> Option<(Ipv4Net, &T)> {
        self.route(self.lookup_index(destination)?)
    }

    /// Prefix and value of the route with this index.
    #[inline]
    pub fn route(&self, index: u32) -> Option<(Ipv4Net, &T)> {
        Some((
            *self.prefixes.get(index as usize)?,
            self.values.get(index as usize)?,
        ))
    }

    /// All routes in the order of their indexes.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = (Ipv4Net, &T)> {
        self.prefixes.iter().copied().zip(&self.values)
    }

    /// All addresses in ascending ranges, each with the value of the route to it. Neighbours differ in their route.
    pub fn ranges(&self) -> impl Iterator<Item = (RangeInclusive<u32>, Option<&T>)> {
        let ranges = self.ranges.iter();
        ranges.map(|(range, route)| (range, self.values.get(route as usize)))
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no route at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Heap memory in bytes, not counting what values own elsewhere.
    pub fn memory(&self) -> usize {
        self.ranges.memory()
            + size_of_val(self.values.as_slice())
            + size_of_val(self.prefixes.as_slice())
    }
}

impl<T: Copy> Fib<T> {
    /// [`lookup`](Self::lookup) of every destination, many side by side. Any number of destinations will do.
    ///
    /// # Panics
    ///
    /// If `values` is not as long as `destinations`.
    #[inline]
    pub fn lookup_batch<K: Key>(&self, destinations: &[K], values: &mut [Option<T>]) {
        self.lookup_batch_with(Kernel::fastest(), destinations, values);
    }

    /// [`lookup_batch`](Self::lookup_batch) with a kernel of the caller's choice.
    ///
    /// # Panics
    ///
    /// If `values` is not as long as `destinations`.
    #[inline]
    pub fn lookup_batch_with<K: Key>(
        &self,
        kernel: Kernel,
        destinations: &[K],
        values: &mut [Option<T>],
    ) {
        self.ranges
            .map_batch(kernel, destinations, values, |route| {
                self.values.get(route as usize).copied()
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_every_address_with_the_value_of_its_route() {
        let fib = Fib::build([
            ("10.0.0.0/8".parse().unwrap(), 'a'),
            ("10.255.0.0/16".parse().unwrap(), 'b'),
        ]);
        let fib = fib.unwrap();
        let ranges: Vec<_> = fib
            .ranges()
            .map(|(range, value)| (range, value.copied()))
            .collect();
        assert_eq!(
            ranges,
            [
                (0..=0x09ff_ffff, None),
                (0x0a00_0000..=0x0afe_ffff, Some('a')),
                (0x0aff_0000..=0x0aff_ffff, Some('b')),
                (0x0b00_0000..=u32::MAX, None),
            ]
        );
    }

    fn fib(prefixes: &[&str]) -> Result<Fib<usize>, FibError> {
        Fib::build(
            prefixes
                .iter()
                .enumerate()
                .map(|(i, prefix)| (prefix.parse().unwrap(), i)),
        )
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order_of_the_routes() {
        for prefixes in [["10.0.0.0/8", "10.1.0.0/16"], ["10.1.0.0/16", "10.0.0.0/8"]] {
            let fib = fib(&prefixes).unwrap();
            let (prefix, _) = fib.lookup_route(Ipv4Addr::new(10, 1, 2, 3)).unwrap();
            assert_eq!(prefix.to_string(), "10.1.0.0/16");
        }
    }

    #[test]
    fn a_repeated_prefix_is_named_in_the_error() {
        let error = fib(&["0.0.0.0/0", "10.1.0.0/16", "10.1.2.3/16"]).unwrap_err();
        assert_eq!(error.to_string(), "two routes have the prefix 10.1.0.0/16");
    }

    #[test]
    fn an_empty_table_answers_no_destination() {
        let fib = fib(&[]).unwrap();
        assert!(fib.is_empty());
        assert_eq!(fib.lookup(Ipv4Addr::UNSPECIFIED), None);
        assert_eq!(fib.lookup_route(Ipv4Addr::BROADCAST), None);
    }

    #[test]
    fn a_default_route_answers_the_first_and_the_last_address() {
        let fib = fib(&["0.0.0.0/0"]).unwrap();
        assert_eq!(fib.lookup(Ipv4Addr::UNSPECIFIED), Some(&0));
        assert_eq!(fib.lookup(Ipv4Addr::BROADCAST), Some(&0));
    }

    #[test]
    fn routes_keep_their_order_and_their_index() {
        let fib = fib(&["10.2.0.0/16", "10.1.0.0/16"]).unwrap();
        assert_eq!(fib.lookup_index(Ipv4Addr::new(10, 1, 0, 0)), Some(1));
        assert_eq!(fib.route(1), fib.routes().nth(1));
        assert_eq!(fib.route(2), None);
    }

    #[test]
    fn four_hundred_routes_stay_within_sixteen_kilobytes() {
        let routes = (0..400u32).map(|i| {
            (
                Ipv4Net::new_assert(Ipv4Addr::from(0x0A00_0000 + (i << 12)), 24),
                i,
            )
        });
        let fib = Fib::build(routes).unwrap();
        assert!(fib.memory() < 16 * 1024, "{} bytes", fib.memory());
    }
}
