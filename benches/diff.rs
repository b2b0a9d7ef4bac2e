//! What a change of a large estate takes from the edited network to the told difference: the next snapshot, the next matrix, the groups of
//! pairs with what flipped them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control::Snapshot;
use criterion::{Criterion, criterion_group, criterion_main};
use generate::Shape;
use model::table::Key;
use model::{Access, LinkId, Network, NsgId, RouteTableId, UserNextHop};
use reach::diff::{Comparison, Limits, Objects, World};
use reach::{Addresses, Ends, Matrix, Question, Service, Watch};

const SEED: u64 = 7;

/// An estate and the answers about it.
struct Estate {
    network: Network,
    snapshot: Snapshot,
    matrix: Matrix,
}

impl Estate {
    fn new() -> Self {
        let network = generate::generate(SEED, &Shape::Subscription.sizes());
        let network = network.expect("the sizes go together");
        let snapshot = control::compile(&network);
        let ends = Arc::new(Ends::of_nics(&network, Addresses::Primary));
        let question = Question::about(Service::Tcp(443));
        let matrix = reach::matrix(&snapshot, &ends, &ends, question, &Watch::default());
        Self {
            network,
            snapshot,
            matrix: matrix.expect("nobody cancels"),
        }
    }

    /// From an edited network to the told difference.
    fn told(&self, edited: &Network) -> Comparison {
        let watch = Watch::default();
        let edit = edited.changes_since(&self.network.revision());
        let edit = edit.expect("few changes");
        let next = control::recompile(edited, &self.snapshot);
        let again = self.matrix.again(&self.snapshot, &next, &watch);
        let (again, changed) = again.expect("nobody cancels");
        let objects = Objects::of_edit(&self.network, edited, &edit);
        let objects = objects.expect("nothing but rules, routes and links");
        let (before, after) = (
            World {
                network: &self.network,
                snapshot: &self.snapshot,
                matrix: &self.matrix,
            },
            World {
                network: edited,
                snapshot: &next,
                matrix: &again,
            },
        );
        let limits = Limits::default();
        reach::diff::compare(&objects, &before, &after, Some(&changed), limits, &watch)
            .expect("nobody cancels")
    }

    /// Edits another row each time.
    fn bench(&self, name: &str, criterion: &mut Criterion, edit: impl Fn(&mut Network, usize)) {
        let mut group = criterion.benchmark_group("diff/subscription");
        group.sample_size(10);
        let mut row = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..times {
                    let mut edited = self.network.clone();
                    edit(&mut edited, row);
                    row += 1;
                    let start = Instant::now();
                    let told = self.told(black_box(&edited));
                    elapsed += start.elapsed();
                    black_box(told);
                }
                elapsed
            });
        });
    }
}

fn changes(criterion: &mut Criterion) {
    let estate = Estate::new();
    // The first rule of a group decides for the most.
    estate.bench("rule", criterion, |network, row| {
        let group = NsgId::from_index(row % network.nsgs().len());
        let mut rules = network.nsgs()[group].rules.to_vec();
        rules[0].access = match rules[0].access {
            Access::Allow => Access::Deny,
            Access::Deny => Access::Allow,
        };
        network.set_security_rules(group, rules).expect("they fit");
    });
    estate.bench("route", criterion, |network, row| {
        let table = RouteTableId::from_index(row % network.route_tables().len());
        let mut routes = network.route_tables()[table].routes.clone();
        routes[0].next_hop = UserNextHop::None;
        network.set_routes(table, routes).expect("they fit");
    });
    estate.bench("flag", criterion, |network, row| {
        let link = LinkId::from_index(row % network.peerings().len());
        let mut flags = network.peerings()[link].flags;
        flags.allow_forwarded_traffic = !flags.allow_forwarded_traffic;
        network.update_peering(link, flags).expect("a flag");
    });
}

criterion_group!(benches, changes);
criterion_main!(benches);
