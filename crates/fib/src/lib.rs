//! Longest-prefix match and prefix arithmetic over IPv4. Knows nothing of Azure, of next hops, or of packets.
//!
//! Everything here rests on one observation: prefixes nest or are disjoint, so any table of them is a step function
//! over the 2³² addresses, and a lookup is the question "in which step does this address lie?".
//!
//! - [`Fib`]: routes, answered by the longest prefix that contains the destination.
//! - [`Ranges`]: a step function from keys to values, for example from an address to the bit mask of the tags it has.
//! - [`AddressSet`]: a set of addresses with union, difference and the shortest list of prefixes that covers it.
//! - [`linear`]: the same answers by looking at every prefix; what the fast tables are tested against.
//!
//! `range_tree` (private) finds the step: a search tree of cache-line sized nodes that [`Fib`] and [`Ranges`] share.
//! [`Kernel`] is how it is searched: with the vector instructions that the processor turns out to have.

mod address_set;
mod fib;
mod kernels;
mod key;
pub mod linear;
mod range_tree;
mod ranges;

pub use address_set::AddressSet;
pub use fib::{Fib, FibError};
pub use kernels::Kernel;
pub use key::Key;
pub use ranges::Ranges;
