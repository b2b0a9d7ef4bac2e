//! Longest-prefix match: the tree with every kernel, one by one and in batches of several lengths, beside the crate
//! prefix-trie and the linear scan over the same routes.

#![expect(
    clippy::print_stderr,
    reason = "the size of a table belongs beside its time"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fib::{AddressSet, Fib, Kernel, linear};
use ipnet::Ipv4Net;
use prefix_trie::PrefixMap;
use workload::routes::{DESTINATIONS, destinations, routes};

fn lookup(criterion: &mut Criterion) {
    for count in [20, 400, 1_000, 10_000] {
        let routes = routes(count);
        let destinations = destinations(&routes);
        let fib = Fib::build(routes.clone()).expect("prefixes are distinct");
        eprintln!("fib/lookup/{count}_routes: {} bytes", fib.memory());

        let mut group = criterion.benchmark_group(format!("fib/lookup/{count}_routes"));
        group.throughput(Throughput::Elements(DESTINATIONS as u64));
        let trie: PrefixMap<Ipv4Net, u16> = routes.iter().copied().collect();
        group.bench_function("prefix_trie", |bencher| {
            bencher.iter(|| {
                for &destination in &destinations {
                    black_box(trie.get_lpm(&Ipv4Net::from(destination)));
                }
            });
        });
        for kernel in Kernel::available() {
            group.bench_function(format!("{}/one_by_one", kernel.name()), |bencher| {
                bencher.iter(|| {
                    for &destination in &destinations {
                        black_box(fib.lookup_with(kernel, destination));
                    }
                });
            });
            group.bench_function(format!("{}/batch", kernel.name()), |bencher| {
                let mut values = vec![None; DESTINATIONS];
                bencher.iter(|| {
                    fib.lookup_batch_with(kernel, black_box(&destinations), black_box(&mut values));
                });
            });
            // What a driver asks with: a few packets of a vector, as numbers.
            let numbers: Vec<u32> = destinations.iter().copied().map(u32::from).collect();
            for length in [8, 16, 32] {
                let name = format!("{}/batches_of_{length}", kernel.name());
                group.bench_function(name, |bencher| {
                    let mut values = vec![None; length];
                    bencher.iter(|| {
                        for numbers in numbers.chunks_exact(length) {
                            let numbers = black_box(numbers);
                            fib.lookup_batch_with(kernel, numbers, black_box(&mut values));
                        }
                    });
                });
            }
        }
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
        group.bench_function("prefix_trie", |bencher| {
            bencher.iter(|| -> PrefixMap<Ipv4Net, u16> {
                black_box(&routes).iter().copied().collect()
            });
        });
    }
}

fn contains(criterion: &mut Criterion) {
    for count in [1, 4, 400] {
        let routes = routes(count + 1);
        let set: AddressSet = routes[1..].iter().map(|&(prefix, _)| prefix).collect();
        let addresses: Vec<Ipv4Addr> = destinations(&routes);
        let mut group = criterion.benchmark_group("fib/contains");
        group.throughput(Throughput::Elements(DESTINATIONS as u64));
        group.bench_function(format!("{}_ranges", set.ranges().len()), |bencher| {
            bencher.iter(|| {
                for &address in &addresses {
                    black_box(set.contains(address));
                }
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = lookup, build, contains
}
criterion_main!(benches);
