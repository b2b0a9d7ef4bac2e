//! Seeded Azure-shaped networks of any size: hubs with appliances and gateways, spokes with user routes and security groups.
//!
//! [`generate`] makes a [`Network`] from [`Sizes`] and a seed; a [`Shape`] is a set of sizes with a name. The same sizes and seed give
//! the same network on every machine and in every release.
//!
//! What this crate does **not** know: files (`formats` writes networks), what a network does with packets (`control`, `dataplane`),
//! whether its machines reach each other. It sees only `model`.
//!
//! | module | what it holds |
//! |---|---|
//! | `shape`, `sizes`, `share` | what is asked for |
//! | `random` | numbers that are the same everywhere |
//! | `plan` | virtual networks, subnets, addresses, how many NICs where |
//! | `groups`, `rules` | whose NSGs, and their rules |
//! | `routes` | route tables |
//! | `firewall_rules` | what Azure firewalls are told |
//! | `build` | all that through the operations of `model` |
#![forbid(unsafe_code)]

mod build;
mod firewall_rules;
mod groups;
mod plan;
mod random;
mod routes;
mod rules;
mod shape;
mod share;
mod sizes;

use model::{Network, OperationError};

pub use shape::{Shape, ShapeError};
pub use share::{Share, ShareError};
pub use sizes::{Changes, Sizes, SizesError, Topology, TopologyError};

/// Why a network cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The sizes do not go together, or go beyond Azure's limits.
    #[error(transparent)]
    Sizes(#[from] SizesError),
    /// Azure would refuse a resource. This is our mistake, not the caller's.
    #[error("a generated resource is refused: {0}")]
    Refused(#[from] OperationError),
}

/// Makes the network of these sizes that belongs to a seed.
pub fn generate(seed: u64, sizes: &Sizes) -> Result<Network, GenerateError> {
    sizes.check()?;
    let plan = plan::Plan::new(seed, sizes)?;
    Ok(build::network(seed, sizes, &plan)?)
}
