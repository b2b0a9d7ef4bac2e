//! Files become a network: text in memory to `model::Network`, all checks included.
//!
//! The networks are cuts of the shape `subscription`, the last one is all of it: dumps of az with about 2.8 KiB of text for each NIC, its
//! share of rules and routes included, and the same network as the scenario that we write ourselves.

#![expect(
    clippy::print_stderr,
    reason = "the size of the input belongs beside its time"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use formats::az::Dumps;
use formats::diagnostic::Diagnostics;
use formats::load::{LoadOptions, Loader};
use formats::source::Sources;
use formats::{json, scenario};
use generate::{Changes, Shape, generate};
use model::Network;

/// A part of a subscription, in proportion: 65 NICs and 100 rules for each virtual network.
fn cut(nics: usize) -> Network {
    let whole = Shape::Subscription.sizes();
    let part = |count: usize| Some((count * nics).div_ceil(whole.nics));
    let sizes = whole.with(&Changes {
        nics: Some(nics),
        virtual_networks: part(whole.virtual_networks),
        nsgs: part(whole.nsgs),
        route_tables: part(whole.route_tables),
        ..Changes::default()
    });
    generate(7, &sizes).expect("a part of a shape can be made")
}

fn loaded(files: &[(&'static str, String)]) -> Network {
    let mut loader = Loader::new(LoadOptions::default());
    for (name, text) in files {
        loader.add_text(name, text.as_str());
    }
    loader.finish().expect("what was written is sound").network
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for nics in [1_000, 10_000, 65_536] {
        let network = cut(nics);
        let dumps = Dumps::new(&network).expect("writable").files();
        let bytes: usize = dumps.iter().map(|(_, text)| text.len()).sum();
        eprintln!(
            "load: {nics} NICs, {bytes} bytes of JSON, {} a NIC",
            bytes / nics
        );
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::new("json", nics), &dumps, |bencher, dumps| {
            bencher.iter(|| {
                let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
                for (name, text) in dumps {
                    let file = sources
                        .add(*name, text.as_str(), &mut diagnostics)
                        .expect("few files");
                    black_box(json::parse(&sources, file, &mut diagnostics));
                }
            });
        });
        assert_eq!(loaded(&dumps).virtual_machines().len(), nics);
        group.bench_with_input(BenchmarkId::new("dumps", nics), &dumps, |bencher, dumps| {
            bencher.iter(|| black_box(loaded(dumps)));
        });
        for (what, name, text) in [
            ("yaml", "net.yaml", scenario::write(&network)),
            ("scenario", "net.json", scenario::write_json(&network)),
        ] {
            group.throughput(Throughput::Bytes(text.len() as u64));
            let files = [(name, text)];
            group.bench_with_input(BenchmarkId::new(what, nics), &files, |bencher, files| {
                bencher.iter(|| black_box(loaded(files)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
