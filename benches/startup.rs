//! How long a user waits for the first ping of a built-in network: the whole process, and the part of it that is ours.

use std::ffi::OsString;
use std::hint::black_box;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use vnetsim::{Console, Exit};

const WORDS: [&str; 7] = [
    "ping",
    "SalesVM",
    "MarketingVM",
    "-c",
    "1",
    "-t",
    "example:sales-marketing-research",
];

fn startup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("startup/first_ping");
    // Start, read the template and the scenario, compile, ping, print, exit.
    group.bench_function("process", |bencher| {
        bencher.iter(|| {
            let status = Command::new(env!("CARGO_BIN_EXE_vnetsim"))
                .args(WORDS)
                .stdout(Stdio::null())
                .status()
                .expect("the binary starts");
            assert!(status.success());
        });
    });
    group.bench_function("in_process", |bencher| {
        bencher.iter(|| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let arguments = std::iter::once("vnetsim").chain(WORDS).map(OsString::from);
            let exit = vnetsim::run(arguments, &mut Console::new(&mut out, &mut err));
            assert_eq!(exit, Exit::Yes);
            black_box(out)
        });
    });
    group.finish();
}

criterion_group!(benches, startup);
criterion_main!(benches);
