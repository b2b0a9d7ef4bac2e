//! What pairs of small networks come to.

mod again;
mod agreement;
mod diff;
mod generated;
mod kept;
mod listeners;
mod ports;
mod probes;
mod promises;
mod selectors;
mod verifying;
mod world;
