//! A packet's way by the scalar walk with plain pairs: what every faster driver is measured against.
//!
//! Two spokes of 16 VMs and a hub with an appliance; a group of 200 rules on every subnet and 400 routes in every table. Time is per
//! packet and whole way, guest included: two visits to NICs when peered, four through the appliance.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dataplane::{FlowTable, Guests, Packet};
use workload::hub_and_spokes::{HubAndSpokes, PACKETS};

fn ways(criterion: &mut Criterion) {
    for (way, peered) in [("peered", true), ("appliance", false)] {
        let network = HubAndSpokes::new(peered);
        let traffic = network.traffic();
        let mut group = criterion.benchmark_group(format!("pipeline/{way}"));
        group.throughput(Throughput::Elements(PACKETS as u64));

        let mut guests = Guests::default();
        let mut known = FlowTable::default();
        network.walk_all(&mut traffic.clone(), &mut known, &mut guests);
        group.bench_function("established", |bencher| {
            bencher.iter_batched_ref(
                || traffic.clone(),
                |traffic| network.walk_all(traffic, &mut known, &mut guests),
                BatchSize::LargeInput,
            );
        });
        group.bench_function("new_flows", |bencher| {
            bencher.iter_batched_ref(
                || (traffic.clone(), FlowTable::default()),
                |(traffic, pairs)| network.walk_all(traffic, pairs, &mut guests),
                BatchSize::LargeInput,
            );
        });
    }
}

fn packets(criterion: &mut Criterion) {
    let traffic = HubAndSpokes::new(true).traffic();
    let frames: Vec<Vec<u8>> = traffic
        .iter()
        .map(|(_, packet)| packet.frame().to_vec())
        .collect();
    let mut group = criterion.benchmark_group("packet");
    group.throughput(Throughput::Elements(PACKETS as u64));
    group.bench_function("check", |bencher| {
        bencher.iter_batched(
            || frames.clone(),
            |frames| {
                let check = |frame| Packet::from_frame(black_box(frame));
                frames.into_iter().map(check).collect::<Vec<_>>()
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("decrement_ttl", |bencher| {
        bencher.iter_batched_ref(
            || traffic.clone(),
            |traffic| {
                for (_, packet) in traffic {
                    black_box(packet.decrement_ttl());
                }
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = ways, packets
}
criterion_main!(benches);
