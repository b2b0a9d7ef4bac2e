//! The drivers: virtual time for ping and scenarios.
//!
//! - [`time`]: simulated time, and the date it has in captures
//! - [`latency`]: how long a packet is under way
//! - [`random`]: randomness as a pure function of who draws

pub mod latency;
pub mod random;
pub mod time;
