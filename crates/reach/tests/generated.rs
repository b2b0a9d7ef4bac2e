//! On generated networks of up to 300 NICs: the quick engine says what a packet says, for every pair, and why.

use std::sync::atomic::{AtomicU64, Ordering};

use generate::{Changes, Shape, Share, Topology, generate};
use proptest::prelude::*;
use reach::{Question, Reasons, Service, Watch};

use crate::agreement::{agree_about, agree_why};
use crate::world::World;

fn shares() -> impl Strategy<Value = Share> {
    (0..=100_u32).prop_map(Share::percent)
}

fn changes() -> impl Strategy<Value = Changes> {
    let topology = prop_oneof![
        Just(Topology::HubSpoke),
        Just(Topology::Mesh),
        Just(Topology::MultiHub)
    ];
    let counts = (2..20_usize, 20..=300_usize, 1..30_usize, 5..40_usize);
    (topology, counts, shares(), shares(), shares()).prop_map(
        |(topology, (vnets, nics, nsgs, rules), appliances, gateways, overlap)| Changes {
            topology: Some(topology),
            virtual_networks: Some(vnets),
            nics: Some(nics),
            nsgs: Some(nsgs),
            rules: Some(rules),
            appliance_share: Some(appliances),
            gateway_share: Some(gateways),
            rule_overlap: Some(overlap),
            ..Changes::default()
        },
    )
}

proptest! {
    // A case has up to 90,000 pairs, each asked by a packet for three services, and by more where a hash chooses: half a minute without
    // optimisation. `.ci/long` tries many.
    #![proptest_config(ProptestConfig {
        cases: (ProptestConfig::default().cases / 256).max(1),
        max_shrink_iters: 20,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_pair_of_a_generated_network_is_judged_as_by_packets(seed: u64, changes in changes()) {
        let sizes = Shape::Small.sizes().with(&changes);
        // Not all sizes go together.
        if let Ok(network) = generate(seed, &sizes) {
            let world = World::of(network);
            agree_about(&world)
                .and_then(|()| agree_why(&world))
                .map_err(|error| TestCaseError::fail(format!("seed {seed}, {sizes}: {error}")))?;
        }
    }
}

/// Stories are told of many pairs, not of the pair alone that has been asked.
#[test]
fn reasons_take_far_fewer_packets_than_there_are_pairs() {
    let sizes = Shape::Small.sizes().with(&Changes {
        nics: Some(300),
        ..Changes::default()
    });
    let world = World::of(generate(7, &sizes).unwrap());
    let (ends, watch) = (&world.ends, &Watch::default());
    let question = Question::about(Service::Tcp(443));
    let matrix = reach::matrix(&world.snapshot, ends, ends, question, watch).unwrap();
    let reasons = Reasons::new(&world.snapshot, &matrix).unwrap();
    let packets = AtomicU64::new(0);
    let told = reasons.for_each_row(0..ends.len(), watch, |row| {
        packets.fetch_add(row.packets(), Ordering::Relaxed);
    });
    told.unwrap();
    let counts = matrix.counts();
    let (packets, pairs) = (packets.into_inner(), counts.pairs - counts.reachable);
    assert!(packets * 10 < pairs, "{packets} packets for {pairs} pairs");
}
