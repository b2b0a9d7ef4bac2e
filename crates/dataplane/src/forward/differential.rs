//! The forwarding core against the oracle: the same packets, one by one, through [`Pipeline::new`](crate::Pipeline::new) and plain
//! pairs. Every outcome with its object, every byte of every frame, every packet that comes into being on the way, every counter, and
//! after each burst everything that is remembered.
//!
//! A seed decides on a network, on traffic and on changes between bursts; `VNETSIM_SEEDS` says how many (a `FIRST..LAST` says which).
//! What fails is made as small as it gets before it is told. That the runs would find a mistake is tried with [`faults`] that are planted.
//!
//! It does not know several shards: the drivers that have them are tried in their own crate.

mod case;
mod changes;
mod found;
mod frame;
mod network;
mod random;
mod traffic;
mod trial;

use std::ops::Range;

use proptest::prelude::*;

use self::trial::Tally;
use crate::faults::{self, Fault};

/// Packets of a seed.
const PACKETS: usize = 3000;
/// Seeds within which a fault has to show.
const ENOUGH: u64 = 60;

fn seeds(standard: u64) -> Range<u64> {
    let Ok(text) = std::env::var("VNETSIM_SEEDS") else {
        return 0..standard;
    };
    let number = |text: &str| text.parse().expect("VNETSIM_SEEDS is COUNT or FIRST..LAST");
    match text.split_once("..") {
        Some((first, last)) => number(first)..number(last),
        None => 0..number(&text),
    }
}

/// What has to be met, or the agreement says little.
const MUST_MEET: &[&str] = &[
    "admin-deny",
    "bad-checksum",
    "bad-header",
    "balanced",
    "delivered through 0",
    "delivered through 1",
    "delivered through 2",
    "delivered through 3",
    "delivered to AzureService",
    "delivered to Platform",
    "fabric-protocol",
    "flow flushed",
    "flow known",
    "flow new",
    "flow not kept",
    "flow of a fragment",
    "flow related",
    "flow-table-full",
    "fragment-out-of-order",
    "fragmented",
    "guest-not-forwarding",
    "judged by an admin rule",
    "judged by default rules",
    "mtu-df",
    "next-hop-unreachable",
    "no-backend",
    "no-outbound-method",
    "no-route",
    "no-such-host",
    "not-owner-no-forwarding",
    "nsg-deny",
    "peering-forwarded-blocked",
    "route-none",
    "source NAT",
    "spawned",
    "spoof-source",
    "stays in guest",
    "tcp-no-syn",
    "translated",
    "ttl",
    "tunnelled",
    "vm-stopped",
    "vnet-access-blocked",
];

#[test]
fn bursts_are_settled_as_one_packet_after_another_is() {
    let mut met = Tally::new();
    for seed in seeds(24) {
        match case::run(seed, PACKETS) {
            Ok(tally) => {
                for (what, count) in tally {
                    *met.entry(what).or_default() += count;
                }
            }
            Err(failure) => panic!("seed {seed}: {}", failure.shrunk()),
        }
    }
    if std::env::var("VNETSIM_SEEDS").is_err() {
        let missed: Vec<_> = MUST_MEET
            .iter()
            .filter(|&&what| !met.contains_key(what))
            .collect();
        assert!(missed.is_empty(), "never met: {missed:?} among {met:#?}");
    }
}

/// Faults that show in few runs, and one of these.
const RARE: &[(Fault, u64)] = &[
    (Fault::TrailOfBothSides, 10_000),
    (Fault::EndingOfTwoWays, 33),
    (Fault::TrailOfAnybody, 28),
    (Fault::QuotedAmongStraysOnly, 20),
    (Fault::ServiceTakenForGuest, 12),
    (Fault::MemoryOfGuestsIgnored, 10),
];

#[test]
fn every_planted_fault_is_found() {
    let is_found = |fault: Fault| {
        faults::plant(Some(fault));
        if found::CASES.iter().any(|case| case().is_err()) {
            return true;
        }
        let rare = RARE.iter().find(|&&(rare, _)| rare == fault);
        let mut seeds = rare.map(|&(_, seed)| seed).into_iter().chain(0..ENOUGH);
        seeds.any(|seed| case::run(seed, PACKETS).is_err())
    };
    // Each thread makes one mistake at a time.
    let (one, other) = Fault::ALL.split_at(Fault::ALL.len() / 2);
    let missed: Vec<Fault> = std::thread::scope(|scope| {
        let search = |faults: &'static [Fault]| {
            scope.spawn(move || -> Vec<Fault> {
                let faults = faults.iter().copied();
                faults.filter(|&fault| !is_found(fault)).collect()
            })
        };
        let threads = [search(one), search(other)];
        let found = threads.map(|thread| thread.join().expect("a search does not panic"));
        found.concat()
    });
    assert!(missed.is_empty(), "not found: {missed:?}");
}

proptest! {
    // A run takes as long as many a property has cases, and is made smaller by itself.
    #![proptest_config(ProptestConfig {
        cases: (ProptestConfig::default().cases / 8).max(1),
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn short_runs_from_any_seed_agree(seed: u64, packets in 1..200usize) {
        if let Err(failure) = case::run(seed, packets) {
            let failure = failure.shrunk();
            prop_assert!(false, "seed {}: {}", seed, failure);
        }
    }
}
