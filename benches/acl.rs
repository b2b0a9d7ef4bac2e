//! First match over lists as long as network security groups get: bit vectors beside the linear scan. Where the two
//! cross is what `RuleSet` goes by.

#![expect(
    clippy::print_stderr,
    reason = "the size of a table belongs beside its time"
)]

use std::hint::black_box;
use std::time::Duration;

use acl::bit_vectors::BitVectors;
use acl::{RuleSet, linear};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workload::rules::{KEYS, keys, rules};

fn first_match(criterion: &mut Criterion) {
    for count in [4, 8, 12, 16, 24, 32, 200, 1_000, 4_000] {
        let rules = rules(count);
        let keys = keys(&rules);
        let vectors = BitVectors::build(&rules);
        let deciding: u64 = keys
            .iter()
            .filter_map(|key| vectors.first_match(key))
            .map(u64::from)
            .sum();
        let mean = deciding / KEYS as u64;
        eprintln!(
            "acl/first_match/{count}_rules: {} bytes, mean deciding rule {mean}",
            vectors.memory()
        );

        let mut group = criterion.benchmark_group(format!("acl/first_match/{count}_rules"));
        group.throughput(Throughput::Elements(KEYS as u64));
        group.bench_function("bit_vectors", |bencher| {
            bencher.iter(|| {
                for key in &keys {
                    black_box(vectors.first_match(key));
                }
            });
        });
        group.bench_function("linear", |bencher| {
            bencher.iter(|| {
                for key in &keys {
                    black_box(linear::first_match(&rules, key));
                }
            });
        });
    }
}

fn build(criterion: &mut Criterion) {
    for count in [200, 1_000] {
        let rules = rules(count);
        let mut group = criterion.benchmark_group(format!("acl/build/{count}_rules"));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("rule_set", |bencher| {
            bencher.iter_with_setup(|| rules.clone(), |rules| black_box(RuleSet::build(rules)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = first_match, build
}
criterion_main!(benches);
