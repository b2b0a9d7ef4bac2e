//! On generated networks of up to 300 NICs: the quick engine says what a packet says, for every pair.

use generate::{Changes, Shape, Share, Topology, generate};
use proptest::prelude::*;

use crate::agreement::agree_about;
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
            agree_about(&World::of(network))
                .map_err(|error| TestCaseError::fail(format!("seed {seed}, {sizes}: {error}")))?;
        }
    }
}
