//! The drivers: virtual time for ping and scenarios.
//!
//! - [`time`]: simulated time, and the date it has in captures
//! - [`random`]: randomness as a pure function of who draws

pub mod random;
pub mod time;
