//! The `vnetsim` binary.

fn main() {}
