//! What pairs of small networks come to.

mod agreement;
mod diff;
mod probes;
mod random;
mod selectors;
mod world;
