//! On generated networks of up to 300 NICs: the quick engine says what a packet says, for every pair, and why.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use generate::{Changes, Shape, Share, Topology, generate};
use proptest::prelude::*;
use reach::{Question, Reasons, Service, Watch};

use crate::agreement::{agree_about, agree_why};
use crate::world::World;

fn shares() -> impl Strategy<Value = Share> {
    (0..=100_u32).prop_map(Share::percent)
}

/// Of what there are few in life.
fn small_shares() -> impl Strategy<Value = Share> {
    (0..=20_u32).prop_map(Share::percent)
}

fn changes() -> impl Strategy<Value = Changes> {
    let topology = prop_oneof![
        Just(Topology::HubSpoke),
        Just(Topology::Mesh),
        Just(Topology::MultiHub)
    ];
    let counts = (2..20_usize, 20..=300_usize, 1..30_usize, 5..40_usize);
    let of_hubs = (shares(), shares(), shares(), 0..20_usize);
    let of_subnets = (shares(), shares());
    let of_machines = (small_shares(), small_shares(), small_shares());
    (topology, counts, of_hubs, of_subnets, of_machines, shares()).prop_map(
        |(topology, (vnets, nics, nsgs, rules), of_hubs, of_subnets, of_machines, overlap)| {
            let (gateways, firewalls, load_balancers, hosts) = of_hubs;
            Changes {
                topology: Some(topology),
                virtual_networks: Some(vnets),
                nics: Some(nics),
                nsgs: Some(nsgs),
                rules: Some(rules),
                appliance_share: Some(of_subnets.0),
                nat_gateway_share: Some(of_subnets.1),
                gateway_share: Some(gateways),
                firewall_share: Some(firewalls),
                load_balancer_share: Some(load_balancers),
                on_premises_hosts: Some(hosts),
                stopped_share: Some(of_machines.0),
                second_address_share: Some(of_machines.1),
                public_address_share: Some(of_machines.2),
                rule_overlap: Some(overlap),
                ..Changes::default()
            }
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
        let mut sizes = Shape::Small.sizes().with(&changes);
        if sizes.gateways() == 0 {
            sizes.on_premises_hosts = 0;
        }
        // Not all sizes go together.
        if let Ok(mut network) = generate(seed, &sizes) {
            network.connect_internet(Ipv4Addr::new(8, 8, 8, 8));
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
