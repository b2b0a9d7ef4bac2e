//! Files become a network: from their bytes to `model::Network`, all checks included, and on to what packets need.
//!
//! The networks are cuts of the shape `subscription`, the last one is all of it: dumps of az with about 2.8 KiB of text for each NIC, its
//! share of rules and routes included, and the same network as the scenario that we write ourselves.

#![expect(
    clippy::print_stderr,
    reason = "the size of the input belongs beside its time"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use formats::az::Dumps;
use formats::diagnostic::Diagnostics;
use formats::load::{LoadOptions, Loaded, load};
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

fn loaded(path: &Path) -> Loaded {
    load(&[path.to_owned()], &LoadOptions::default()).expect("what was written is sound")
}

fn loading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for nics in [1_000, 10_000, 65_536] {
        let network = cut(nics);
        let folder = tempfile::tempdir().expect("a folder for the files");
        let dumps = folder.path().join("dumps");
        fs::create_dir(&dumps).expect("an empty folder");
        let texts = Dumps::new(&network).expect("writable").files();
        for (name, text) in &texts {
            fs::write(dumps.join(name), text).expect("there is room");
        }
        let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
        eprintln!(
            "load: {nics} NICs, {bytes} bytes of JSON, {} a NIC",
            bytes / nics
        );
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::new("json", nics), &texts, |bencher, texts| {
            bencher.iter(|| {
                let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
                for (name, text) in texts {
                    let file = sources
                        .add(*name, text.as_str(), &mut diagnostics)
                        .expect("few files");
                    black_box(json::parse(&sources, file, &mut diagnostics));
                }
            });
        });
        drop(texts);
        assert_eq!(loaded(&dumps).network.virtual_machines().len(), nics);
        group.bench_with_input(BenchmarkId::new("dumps", nics), &dumps, |bencher, dumps| {
            bencher.iter(|| black_box(loaded(dumps)));
        });
        group.bench_with_input(BenchmarkId::new("ready", nics), &dumps, |bencher, dumps| {
            bencher.iter(|| black_box(control::compile(&loaded(dumps).network)));
        });
        for (what, name, text) in [
            ("yaml", "net.yaml", scenario::write(&network)),
            ("scenario", "net.json", scenario::write_json(&network)),
        ] {
            group.throughput(Throughput::Bytes(text.len() as u64));
            let file = folder.path().join(name);
            fs::write(&file, text).expect("there is room");
            group.bench_with_input(BenchmarkId::new(what, nics), &file, |bencher, file| {
                bencher.iter(|| black_box(loaded(file)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, loading);
criterion_main!(benches);
