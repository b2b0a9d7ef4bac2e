//! What networks compile to, rule by rule; a file a theme.

mod gateways;
mod next_hops;
mod routes;
#[expect(dead_code, reason = "the themes that follow use the rest")]
mod topology;
