//! What pairs of small networks come to.

mod probes;
mod world;
