//! What pairs of small networks come to.

mod agreement;
mod diff;
mod generated;
mod probes;
mod promises;
mod selectors;
mod world;
