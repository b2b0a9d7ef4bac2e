//! Matrices held against packets for pairs at random: what differs is found, and on networks as large as a subscription nothing does. That
//! takes a while even at release speed, so `.ci/long` asks for it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use generate::{Shape, generate};
use reach::{Addresses, Depth, Ends, Question, Service, Watch};

use crate::world::World;

/// Of the networks, and of the pairs drawn from them.
const SEEDS: [u64; 2] = [7, 2026];
/// Pairs asked by packets, for each network and service.
const PAIRS: u64 = 1_000_000;
/// Differences that a failure tells.
const DIFFERENCES_SHOWN: usize = 10;

#[test]
fn whoever_holds_a_matrix_against_another_network_hears_of_every_pair_that_differs() {
    let world = |access: &str| {
        World::new(&format!(
            "virtualNetworks: {{ v: {{ addressSpace: [10.0.0.0/16], subnets: {{ s: 10.0.0.0/24, t: {{ prefix: 10.0.1.0/24, networkSecurityGroup: g }} }} }} }}
networkSecurityGroups: {{ g: {{ securityRules: [ {{ name: r, priority: 100, direction: Inbound, access: {access}, protocol: '*', source: '*', destination: '*' }} ] }} }}
virtualMachines: {{ a: {{ subnet: v/s }}, b: {{ subnet: v/s }}, c: {{ subnet: v/t }}, d: {{ subnet: v/t }} }}
"
        ))
    };
    let (open, closed) = (world("Allow"), world("Deny"));
    let ends = &Arc::new(Ends::of_nics(&open.network, Addresses::Primary));
    let (question, watch) = (Question::about(Service::Tcp(443)), &Watch::default());
    let matrix = reach::matrix(&open.snapshot, ends, ends, question, watch).unwrap();
    assert_eq!(
        reach::verify(&open.snapshot, &matrix, PAIRS, 1, watch),
        Ok((12, Vec::new()))
    );
    let (pairs, mismatches) = reach::verify(&closed.snapshot, &matrix, PAIRS, 1, watch).unwrap();
    let found: Vec<(usize, usize)> = mismatches
        .iter()
        .map(|mismatch| (mismatch.source, mismatch.destination))
        .collect();
    let [a, b, c, d] = ["a/aVMNic", "b/bVMNic", "c/cVMNic", "d/dVMNic"].map(|name| open.end(name));
    assert_eq!(pairs, 12);
    assert_eq!(found, [(a, c), (a, d), (b, c), (b, d), (c, d), (d, c)]);
    assert!(mismatches.iter().all(|mismatch| {
        let why = mismatch.packet_reason.and_then(|reason| reason.dropped());
        mismatch.reason.is_none() && why.is_some_and(|drop| drop.reason().name() == "nsg-deny")
    }));
}

#[test]
#[ignore = "millions of packets: at release speed, by .ci/long"]
fn a_million_pairs_of_a_subscription_are_judged_as_by_packets_for_the_same_reasons() {
    let sizes = Shape::Subscription.sizes();
    for seed in SEEDS {
        let mut network = generate(seed, &sizes).expect("the sizes go together");
        assert!(network.nics().len() >= 65_536);
        network.connect_internet(Ipv4Addr::new(8, 8, 8, 8));
        let world = World::of(network);
        for (service, depth) in [
            (Service::Tcp(443), Depth::RoundTrip),
            (Service::Icmp, Depth::RoundTrip),
            (Service::Udp(53), Depth::Forward),
        ] {
            let question = Question::about(service).with_depth(depth);
            if let Err(differences) = agree_about_pairs_at_random(&world, question, seed) {
                panic!("network of seed {seed}, {service}, {depth:?}:\n{differences}");
            }
        }
    }
}

/// Verdicts there and back, drop reasons and objects; or the first pairs for which one of them differs.
fn agree_about_pairs_at_random(world: &World, question: Question, seed: u64) -> Result<(), String> {
    let (snapshot, ends, watch) = (&world.snapshot, &world.ends, &Watch::default());
    let matrix = reach::matrix(snapshot, ends, ends, question, watch).expect("nobody cancels");
    let verified = reach::verify(snapshot, &matrix, PAIRS, seed, watch);
    let (pairs, mismatches) = verified.expect("nobody cancels");
    assert_eq!(pairs, PAIRS);
    if mismatches.is_empty() {
        return Ok(());
    }
    let names = ends.names(&world.network);
    let shown = mismatches.iter().take(DIFFERENCES_SHOWN).map(|mismatch| {
        format!(
            "{} -> {}: {:?} for {:?}, by packets {:?} for {:?}\n",
            names[mismatch.source],
            names[mismatch.destination],
            mismatch.matrix,
            mismatch.reason,
            mismatch.packet,
            mismatch.packet_reason
        )
    });
    let shown: String = shown.collect();
    Err(format!(
        "{} of {pairs} pairs differ:\n{shown}",
        mismatches.len()
    ))
}
