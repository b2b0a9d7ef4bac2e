//! From the model to what Azure's controller would have programmed into the hosts.
//!
//! [`compile()`] turns a [`model::Network`] into a [`Snapshot`]: immutable, shared, with a generation number. FIBs are interned per
//! distinct (virtual network, route table, gateway view), rule sets per security group; service tags stay symbolic in the rules, and
//! a tag view per FIB says which addresses they cover. A hundred NICs of a subnet share one table of each kind.
//!
//! What this crate does **not** know: packets, flows, time. What the data plane never sees: a `Peering`, a flag, a route table; only
//! what they mean once compiled. The cold part of the snapshot, [`snapshot::Provenance`], remembers for people where everything came from.
//!
//! | module | what it answers |
//! |---|---|
//! | `compile`, `recompile` | the order of the work; what is left of it after a small change |
//! | `wiring` | which link answers which, who may use whose gateway (F-11) |
//! | [`effective_routes`] | the rows of a NIC, in the order in which Azure prints them (R-1 to) |
//! | `none_routes`, `gateway_routes` | where some of those rows come from (R-4; R-8, G-2 to G-4) |
//! | `service_tags` | what `VirtualNetwork` and `Internet` mean for a NIC (T-1 to T-7) |
//! | `effective_rules` | the rules of a NIC, level by level (S-1 to S-12) |
//! | `policies` | which NICs are judged alike |
//! | `next_hop` | who stands behind an address (R-24, R-25, G-5) |
//! | `load_balancers` | what stands behind frontends, and which members are up (R-25, S-26) |
//! | `internet_edge` | who has which public address, and under which one NICs go out (N-12, N-13) |
//! | `boundary` | what each peering link admits (F-6 to F-10) |
//! | `guests` | what stands behind NICs, and how they reach the Internet (N-3, N-12) |
//! | [`firewalls`] | what Azure firewalls decide (S-35) |
//! | [`questions`] | next hop and IP flow, as Network Watcher asks them (D-3, D-4) |
//! | [`note`] | where the input does not hold what decides |
//! | [`snapshot`] | the compiled tables |
//! | [`few`] | short lists in them |
#![forbid(unsafe_code)]

pub mod admin_rules;
mod boundary;
mod compile;
pub mod diagnostic;
pub mod effective_routes;
mod effective_rules;
pub mod few;
pub mod firewalls;
mod gateway_routes;
mod guests;
mod internet_edge;
mod load_balancers;
mod next_hop;
mod none_routes;
pub mod note;
mod policies;
pub mod questions;
mod recompile;
mod service_tags;
mod shared;
pub mod snapshot;
mod wiring;

pub use compile::{compile, compile_design, recompile, recompile_whole};
pub use note::Note;
pub use snapshot::Snapshot;
