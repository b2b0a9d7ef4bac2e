//! What a NIC costs: memory of a compiled snapshot, by the number of NICs, with tables that they share.
//!
//! Counts the bytes that compiling asks the allocator for and keeps: all parts of the snapshot, the names for people included. The text of
//! the names belongs to the network, which the snapshot shares it with. What drivers keep for idle NICs is not here.

#![expect(clippy::print_stdout, reason = "its output is a table for people")]

mod estate;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    println!("| NICs | network | snapshot | per NIC |");
    println!("|---|---|---|---|");
    for nics in [10_000, 100_000, 1_000_000] {
        let (network, of_network) = measured(|| estate::spokes_that_share_tables(nics));
        let (snapshot, of_snapshot) = measured(|| control::compile(&network));
        let count = snapshot.nics.iter().flatten().count();
        println!(
            "| {count} | {} MiB | {} MiB | {} B |",
            of_network >> 20,
            of_snapshot >> 20,
            of_snapshot / count
        );
    }
    let part = |name, size| println!("{name}: {size} B");
    part(
        "record of a NIC",
        size_of::<Option<control::snapshot::Nic>>(),
    );
    part("guest", size_of::<control::snapshot::Guest>());
    part("name", size_of::<Option<model::ResourceId>>());
}

/// What a function makes, and how many bytes of it stay.
fn measured<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let result = make();
    let change = region.change();
    let kept = change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated);
    (result, kept)
}
