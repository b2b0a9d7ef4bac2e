//! The same answers as the compiled tables, by looking at every prefix: slow, short and obviously right.
//!
//! For property tests, here and in the crates that build on this one.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Index of the route with the longest prefix that contains `destination`, as
/// [`Fib::lookup_index`](crate::Fib::lookup_index).
pub fn lookup_index<T>(routes: &[(Ipv4Net, T)], destination: Ipv4Addr) -> Option<usize> {
    (0..routes.len())
        .filter(|&i| routes[i].0.contains(&destination))
        .max_by_key(|&i| routes[i].0.prefix_len())
}

/// The value of the route with the longest prefix that contains `destination`, as [`Fib::lookup`](crate::Fib::lookup).
pub fn lookup<T>(routes: &[(Ipv4Net, T)], destination: Ipv4Addr) -> Option<&T> {
    lookup_index(routes, destination).map(|i| &routes[i].1)
}

/// `outside` combined with the item of every prefix that contains `address`, shortest prefix first, as
/// [`Ranges::fold_prefixes`](crate::Ranges::fold_prefixes).
pub fn fold<T, I: Copy>(
    outside: T,
    prefixes: &[(Ipv4Net, I)],
    address: Ipv4Addr,
    combine: impl FnMut(T, I) -> T,
) -> T {
    let mut around: Vec<&(Ipv4Net, I)> = prefixes
        .iter()
        .filter(|(prefix, _)| prefix.contains(&address))
        .collect();
    around.sort_by_key(|(prefix, _)| prefix.prefix_len());
    around
        .into_iter()
        .map(|&(_, item)| item)
        .fold(outside, combine)
}
