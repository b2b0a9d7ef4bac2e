//! What a NIC costs: memory of a compiled snapshot, by the number of NICs, with tables that they share; and of a whole subscription, part by
//! part, beside the network that was read from dumps of az.
//!
//! Counts the bytes that are asked from the allocator and kept: all parts of the snapshot, the names for people included. The text of
//! the names belongs to the network, which the snapshot shares it with. An allocator adds to every block what it needs itself, so the
//! number of blocks is told too. What drivers keep for idle NICs is not here.

#![expect(clippy::print_stdout, reason = "its output is a table for people")]

mod estate;

use std::alloc::System;
use std::sync::Arc;

use control::snapshot::Snapshot;
use formats::az::Dumps;
use formats::load::{LoadOptions, Loader};
use generate::{Shape, generate};
use model::Network;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the allocator of most Linux systems adds to a block, at the most on average: its length, and what fills it up to 16 bytes.
const OF_A_BLOCK: usize = 16;

fn main() {
    let only_subscription = std::env::args().any(|argument| argument == "subscription");
    if !only_subscription {
        of_shared_tables();
    }
    subscription();
}

/// Spokes of which all have one route table and one security group.
fn of_shared_tables() {
    println!("| NICs | network | snapshot | per NIC |");
    println!("|---|---|---|---|");
    for nics in [10_000, 100_000, 1_000_000] {
        let (network, of_network) = measured(|| estate::spokes_that_share_tables(nics));
        let (snapshot, of_snapshot) = measured(|| control::compile(&network));
        let count = snapshot.nics.iter().flatten().count();
        println!(
            "| {count} | {} MiB | {} MiB | {} B |",
            of_network.bytes >> 20,
            of_snapshot.bytes >> 20,
            of_snapshot.bytes / count
        );
    }
    let part = |name, size| println!("{name}: {size} B");
    part(
        "record of a NIC",
        size_of::<Option<control::snapshot::Nic>>(),
    );
    part("guest", size_of::<control::snapshot::Guest>());
    part("name", size_of::<Option<model::ResourceId>>());
    println!();
}

/// A subscription, loaded from dumps and compiled.
fn subscription() {
    let sizes = Shape::Subscription.sizes();
    let made = generate(7, &sizes).expect("a shape can be made");
    let dumps = Dumps::new(&made).expect("writable").files();
    drop(made);
    let (network, of_network) = measured(|| loaded(&dumps));
    drop(dumps);
    let (snapshot, of_snapshot) = measured(|| control::compile(&network));
    let nics = snapshot.nics.iter().flatten().count();
    println!(
        "| subscription, {nics} workers | bytes | blocks | a worker | with what blocks cost |"
    );
    println!("|---|---|---|---|---|");
    let row = |name: &str, kept: Kept| {
        let Kept { bytes, blocks } = kept;
        let resident = bytes + OF_A_BLOCK * blocks;
        let (each, each_resident) = (bytes / nics, resident / nics);
        println!("| {name} | {bytes} | {blocks} | {each} B | {each_resident} B |");
    };
    row("network", of_network);
    row("snapshot", of_snapshot);
    for (name, part) in parts(snapshot) {
        row(name, part);
    }
}

fn loaded(files: &[(&'static str, String)]) -> Network {
    let mut loader = Loader::new(LoadOptions::default());
    for (name, text) in files {
        loader.add_text(name, text.as_str());
    }
    loader.finish().expect("what was written is sound").network
}

/// What each part gives back when it goes. What two of them share counts for the later one.
fn parts(snapshot: Snapshot) -> Vec<(&'static str, Kept)> {
    let nics = Arc::clone(&snapshot.nics);
    let guests = Arc::clone(&snapshot.guests);
    let fibs = Arc::clone(&snapshot.fibs);
    let tag_views = Arc::clone(&snapshot.tag_views);
    let rule_sets = Arc::clone(&snapshot.rule_sets);
    let virtual_networks = Arc::clone(&snapshot.virtual_networks);
    let links = Arc::clone(&snapshot.links);
    let edge = Arc::clone(&snapshot.edge);
    let provenance = snapshot.provenance.clone();
    vec![
        (
            "kept for the next snapshot, and small tables",
            given_back(snapshot),
        ),
        ("names", given_back(provenance)),
        ("edge of the Internet", given_back(edge)),
        ("links", given_back(links)),
        (
            "virtual networks, owners of addresses",
            given_back(virtual_networks),
        ),
        ("rules", given_back(rule_sets)),
        ("tag views", given_back(tag_views)),
        ("FIBs", given_back(fibs)),
        ("guests", given_back(guests)),
        ("records of workers", given_back(nics)),
    ]
}

/// Memory that stays.
#[derive(Clone, Copy)]
struct Kept {
    bytes: usize,
    blocks: usize,
}

/// What a function makes, and how much memory of it stays.
fn measured<T>(make: impl FnOnce() -> T) -> (T, Kept) {
    let region = Region::new(ALLOCATOR);
    let result = make();
    let change = region.change();
    let kept = Kept {
        bytes: change
            .bytes_allocated
            .saturating_sub(change.bytes_deallocated),
        blocks: change.allocations.saturating_sub(change.deallocations),
    };
    (result, kept)
}

fn given_back<T>(part: T) -> Kept {
    let region = Region::new(ALLOCATOR);
    drop(part);
    let change = region.change();
    Kept {
        bytes: change.bytes_deallocated,
        blocks: change.deallocations,
    }
}
