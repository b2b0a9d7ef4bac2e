//! Longest-prefix match: the tree, one by one and in batches, beside the linear scan over the same routes.

#![expect(
    clippy::print_stderr,
    reason = "the size of a table belongs beside its time"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fib::{Fib, linear};
use workload::routes::{DESTINATIONS, destinations, routes};

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
