//! Networks for tests: small random ones, as proptest shrinks them, and what reads a scenario from a test's own text.
//!
//! Only tests see this crate. It does not know what a network does, nor who asks.
#![forbid(unsafe_code)]

mod random;

use formats::load::{LoadOptions, Loader};
use model::Network;

pub use random::{Plan, plan};

/// The network that a scenario describes.
///
/// # Panics
///
/// If it is refused: with what was said about it, and the scenario.
pub fn load(scenario: &str) -> Network {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text("test.yaml", scenario);
    loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}\n{scenario}"))
        .network
}
