//! Longest-prefix match: the tree, one by one and in batches, beside the linear scan over the same routes.

#![expect(
    clippy::print_stderr,
    reason = "the size of a table belongs beside its time"
)]

mod workload;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fib::{Fib, linear};
use ipnet::Ipv4Net;
use workload::Random;

const DESTINATIONS: usize = 16_384;

/// A default route, address spaces and peers (/16 to /24), and user routes down to hosts crowded within them.
fn routes(count: usize) -> Vec<(Ipv4Net, u16)> {
    let mut random = Random::new(1);
    let mut routes = BTreeMap::from([(Ipv4Net::default(), 0)]);
    let mut spaces = Vec::new();
    while routes.len() < count {
        let space = if spaces.is_empty() || random.below::<u32>(2) == 0 {
            let inside = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8);
            let space =
                Ipv4Net::new_assert(random.address_in(inside), 16 + random.below::<u8>(9)).trunc();
            spaces.push(space);
            space
        } else {
            let space = *random.choose(&spaces);
            Ipv4Net::new_assert(random.address_in(space), 26 + random.below::<u8>(7)).trunc()
        };
        routes.insert(space, random.below(64));
    }
    routes.into_iter().collect()
}

/// Nine of ten destinations lie in a random route, one lies anywhere.
fn destinations(routes: &[(Ipv4Net, u16)]) -> Vec<Ipv4Addr> {
    let mut random = Random::new(2);
    let mut destination = || {
        if random.below::<u32>(10) == 0 {
            return random.address_in(Ipv4Net::default());
        }
        let (prefix, _) = *random.choose(routes);
        random.address_in(prefix)
    };
    (0..DESTINATIONS).map(|_| destination()).collect()
}

fn lookup(criterion: &mut Criterion) {
    for count in [20, 400, 1_000, 10_000] {
        let routes = routes(count);
        let destinations = destinations(&routes);
        let fib = Fib::build(routes.clone()).expect("prefixes are distinct");
        eprintln!("fib/lookup/{count}_routes: {} bytes", fib.memory());

        let mut group = criterion.benchmark_group(format!("fib/lookup/{count}_routes"));
        group.throughput(Throughput::Elements(DESTINATIONS as u64));
        group.bench_function("tree", |bencher| {
            bencher.iter(|| {
                for &destination in &destinations {
                    black_box(fib.lookup(destination));
                }
            });
        });
        let mut values = vec![None; DESTINATIONS];
        group.bench_function("batch", |bencher| {
            bencher.iter(|| fib.lookup_batch(black_box(&destinations), black_box(&mut values)));
        });
        if count <= 1_000 {
            group.sample_size(10);
            group.bench_function("linear", |bencher| {
                bencher.iter(|| {
                    for &destination in &destinations {
                        black_box(linear::lookup(&routes, destination));
                    }
                });
            });
        }
    }
}

fn build(criterion: &mut Criterion) {
    for count in [400, 10_000] {
        let routes = routes(count);
        let mut group = criterion.benchmark_group(format!("fib/build/{count}_routes"));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("tree", |bencher| {
            bencher.iter(|| Fib::build(black_box(&routes).iter().copied()));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = lookup, build
}
criterion_main!(benches);
