//! Who reaches whom in whole estates: all pairs, forward and with the reply; the same after a change of one rule; and a pair by a packet,
//! against which the rest is held.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control::Snapshot;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use generate::{Shape, Sizes};
use model::table::Key;
use model::{Network, NsgId};
use reach::{Addresses, Depth, Ends, Prober, Question, Service, Watch};

const SEED: u64 = 7;
const SERVICE: Service = Service::Tcp(443);

/// An estate with its ends.
struct Estate {
    name: &'static str,
    network: Network,
    snapshot: Snapshot,
    ends: Arc<Ends>,
}

impl Estate {
    fn new(name: &'static str, sizes: &Sizes) -> Self {
        let network = generate::generate(SEED, sizes).expect("the sizes go together");
        let snapshot = control::compile(&network);
        let ends = Arc::new(Ends::of_nics(&network, Addresses::Primary));
        Self {
            name,
            network,
            snapshot,
            ends,
        }
    }

    fn pairs(&self) -> u64 {
        let ends = self.ends.len() as u64;
        ends * (ends - 1)
    }
}

fn estates() -> impl Iterator<Item = Estate> {
    let subscription = Shape::Subscription.sizes();
    let of_10_000 = Sizes {
        nics: 10_000,
        virtual_networks: 160,
        subnets: 640,
        hubs: 4,
        nsgs: 160,
        ..subscription
    };
    let of_5_000_groups = Sizes {
        nsgs: 5_000,
        ..subscription
    };
    let of_1_000_rules = Sizes {
        nics: 100_000,
        nsgs: 500,
        rules: 1_000,
        ..subscription
    };
    [
        ("10000_nics", of_10_000),
        ("subscription", subscription),
        ("5000_nsgs", of_5_000_groups),
        ("1000_rules", of_1_000_rules),
        ("enterprise", Shape::Enterprise.sizes()),
    ]
    .into_iter()
    .map(|(name, sizes)| Estate::new(name, &sizes))
}

/// Everything that is needed before the first row is part of it.
fn all_pairs(criterion: &mut Criterion, estate: &Estate) {
    let mut group = criterion.benchmark_group(format!("matrix/{}", estate.name));
    group
        .sample_size(10)
        .throughput(Throughput::Elements(estate.pairs()));
    for (name, depth) in [
        ("forward", Depth::Forward),
        ("round_trip", Depth::RoundTrip),
    ] {
        let question = Question::about(SERVICE).with_depth(depth);
        let (snapshot, ends) = (&estate.snapshot, &estate.ends);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                reach::counts(black_box(snapshot), ends, ends, question, &Watch::default())
            });
        });
    }
}

/// The first rule of one group after another is taken out and put back: the next snapshot and the next matrix.
fn change(criterion: &mut Criterion, estate: &mut Estate) {
    let mut group = criterion.benchmark_group(format!("matrix/{}", estate.name));
    group.sample_size(10);
    let question = Question::about(SERVICE);
    let (ends, watch) = (Arc::clone(&estate.ends), Watch::default());
    let first = reach::matrix(&estate.snapshot, &ends, &ends, question, &watch);
    let first = first.expect("nobody cancels");
    group.bench_function("change", |bencher| {
        bencher.iter_custom(|times| {
            let (mut snapshot, mut matrix) = (estate.snapshot.clone(), first.clone());
            let mut elapsed = Duration::ZERO;
            for time in 0..times {
                let number = usize::try_from(time / 2).unwrap_or(0) % estate.network.nsgs().len();
                let nsg = NsgId::from_index(number);
                let whole = estate.network.nsgs()[nsg].rules.to_vec();
                let rules = whole[1..].to_vec();
                let mut network = estate.network.clone();
                network.set_security_rules(nsg, rules).expect("fewer rules");
                let start = Instant::now();
                let next = control::recompile(black_box(&network), &snapshot);
                let (again, _) = matrix
                    .again(&snapshot, &next, &watch)
                    .expect("nobody cancels");
                elapsed += start.elapsed();
                (snapshot, matrix) = (next, again);
            }
            elapsed
        });
    });
}

/// Pairs far from each other, one after the other, on one core.
fn packets(criterion: &mut Criterion, estate: &Estate) {
    let prober = Prober::new(&estate.snapshot, SERVICE, None, Depth::RoundTrip);
    let mut group = criterion.benchmark_group(format!("matrix/{}", estate.name));
    group.throughput(Throughput::Elements(1));
    let mut pair = 0_usize;
    group.bench_function("packet", |bencher| {
        bencher.iter(|| {
            pair = pair.wrapping_add(7_919);
            let from = estate.ends[pair % estate.ends.len()];
            let to = estate.ends[pair / 3 % estate.ends.len()];
            prober.cell((from.worker, from.address), to.address)
        });
    });
}

fn matrices(criterion: &mut Criterion) {
    for mut estate in estates() {
        all_pairs(criterion, &estate);
        packets(criterion, &estate);
        change(criterion, &mut estate);
    }
}

criterion_group!(benches, matrices);
criterion_main!(benches);
