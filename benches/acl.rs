//! First match over lists as long as network security groups get: one key at a time and in batches, with every kernel of this
//! CPU, beside the linear scan.

#![expect(
    clippy::print_stderr,
    reason = "the size of a table belongs beside its time"
)]

use std::hint::black_box;
use std::time::Duration;

use acl::{Kernel, NO_MATCH, RuleSet, linear};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workload::rules::{KEYS, keys, rules};

/// A full vector, and what is left of one when its packets ask different rule sets.
const BATCHES: [usize; 2] = [32, 8];

fn first_match(criterion: &mut Criterion) {
    for count in [4, 12, 24, 200, 1_000, 4_000] {
        let rules = rules(count);
        let keys = keys(&rules);
        let set = RuleSet::build(&rules);
        let deciding: u64 = keys
            .iter()
            .filter_map(|key| set.first_match(key))
            .map(u64::from)
            .sum();
        let mean = deciding / KEYS as u64;
        eprintln!(
            "acl/first_match/{count}_rules: {} bytes, mean deciding rule {mean}",
            set.memory()
        );

        let mut group = criterion.benchmark_group(format!("acl/first_match/{count}_rules"));
        group.throughput(Throughput::Elements(KEYS as u64));
        let mut matches = vec![NO_MATCH; KEYS];
        for kernel in Kernel::available() {
            let name = kernel.name();
            group.bench_function(format!("single_{name}"), |bencher| {
                bencher.iter(|| {
                    for key in &keys {
                        black_box(set.first_match_with(kernel, key));
                    }
                });
            });
            for batch in BATCHES {
                group.bench_function(format!("batch_of_{batch}_{name}"), |bencher| {
                    bencher.iter(|| {
                        let answers = matches.chunks_mut(batch);
                        for (keys, matches) in black_box(&keys).chunks(batch).zip(answers) {
                            set.first_match_batch_with(kernel, keys, matches);
                        }
                    });
                });
            }
        }
        group.sample_size(10);
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
    for count in [4, 200, 1_000] {
        let rules = rules(count);
        let mut group = criterion.benchmark_group(format!("acl/build/{count}_rules"));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("rule_set", |bencher| {
            bencher.iter(|| RuleSet::build(black_box(&rules)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = first_match, build
}
criterion_main!(benches);
