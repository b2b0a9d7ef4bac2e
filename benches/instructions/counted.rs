//! One piece of work, for callgrind to count: `counted NAME` prepares it, does it once within [`measured`], and prints how many
//! items it was. Without a name it lists the pieces. `benches/instructions/run` is what calls it.
//!
//! Kernels are the fastest that the processor shows, unless the name says portable; valgrind shows AVX2 and hides AVX-512.

#![expect(clippy::print_stdout, reason = "its output is what the script reads")]

use std::hint::black_box;
use std::process::ExitCode;

use acl::{NO_MATCH, RuleSet};
use dataplane::forward::{Forwarder, Settings};
use dataplane::{FlowTable, Guests};
use fib::Fib;
use workload::hub_and_spokes::{HubAndSpokes, PACKETS, frames};
use workload::routes::{DESTINATIONS, destinations, routes};
use workload::rules::{KEYS, keys, rules};

/// Name of a piece of work, and what does it: the answer is the number of items.
type Piece = (&'static str, fn() -> usize);

const PIECES: &[Piece] = &[
    ("fib_lookup_400_routes", fib_lookup),
    ("fib_batch_400_routes", || fib_batch(fib::Kernel::fastest())),
    (
        "fib_batch_400_routes_portable",
        || fib_batch(portable_fib()),
    ),
    ("acl_first_match_200_rules", acl_first_match),
    ("acl_batch_200_rules", || acl_batch(acl::Kernel::fastest())),
    ("acl_batch_200_rules_portable", || acl_batch(portable_acl())),
    ("acl_build_200_rules", acl_build),
    ("walk_peered_established", || walk(true, true)),
    ("walk_peered_new", || walk(true, false)),
    ("walk_appliance_established", || walk(false, true)),
    ("walk_appliance_new", || walk(false, false)),
    ("forward_peered_established", || forward(true, true)),
    ("forward_appliance_established", || forward(false, true)),
    ("forward_appliance_new", || forward(false, false)),
    ("forward_appliance_tcp6", forward_connections),
];

/// Callgrind counts what runs in here; the script names this function.
#[inline(never)]
fn measured(work: impl FnOnce()) {
    black_box(work)();
    // Nothing may become a tail call that leaves this function before the work is done.
    black_box(());
}

fn fib_lookup() -> usize {
    let routes = routes(400);
    let destinations = destinations(&routes);
    let fib = Fib::build(routes).expect("prefixes are distinct");
    measured(|| {
        for &destination in &destinations {
            black_box(fib.lookup(destination));
        }
    });
    DESTINATIONS
}

fn portable_fib() -> fib::Kernel {
    let slowest = fib::Kernel::available().next();
    slowest.expect("every processor runs portable code")
}

fn fib_batch(kernel: fib::Kernel) -> usize {
    let routes = routes(400);
    let destinations = destinations(&routes);
    let fib = Fib::build(routes).expect("prefixes are distinct");
    let mut values = vec![None; DESTINATIONS];
    measured(|| fib.lookup_batch_with(kernel, black_box(&destinations), black_box(&mut values)));
    DESTINATIONS
}

fn acl_first_match() -> usize {
    let rules = rules(200);
    let keys = keys(&rules);
    let rules = RuleSet::build(&rules);
    measured(|| {
        for key in &keys {
            black_box(rules.first_match(key));
        }
    });
    KEYS
}

fn portable_acl() -> acl::Kernel {
    let slowest = acl::Kernel::available().next();
    slowest.expect("every processor runs portable code")
}

fn acl_batch(kernel: acl::Kernel) -> usize {
    let rules = rules(200);
    let keys = keys(&rules);
    let rules = RuleSet::build(&rules);
    let mut matches = vec![NO_MATCH; KEYS];
    measured(|| rules.first_match_batch_with(kernel, black_box(&keys), black_box(&mut matches)));
    KEYS
}

fn acl_build() -> usize {
    let rules = rules(200);
    measured(|| {
        black_box(RuleSet::build(black_box(&rules)));
    });
    1
}

fn walk(peered: bool, established: bool) -> usize {
    let network = HubAndSpokes::new(peered);
    let mut traffic = network.traffic();
    let mut pairs = FlowTable::default();
    let mut guests = Guests::default();
    if established {
        network.walk_all(&mut traffic.clone(), &mut pairs, &mut guests);
    }
    measured(|| network.walk_all(&mut traffic, &mut pairs, &mut guests));
    PACKETS
}

fn forwarder() -> Forwarder {
    let flows = 2 * PACKETS;
    Forwarder::new(Settings {
        flows,
        ..Settings::default()
    })
}

fn forward(peered: bool, established: bool) -> usize {
    let network = HubAndSpokes::new(peered);
    let traffic = network.traffic();
    let (mut forwarder, mut frames) = (forwarder(), frames());
    if established {
        network.forward_all(&traffic, &mut forwarder, &mut frames);
    }
    measured(|| network.forward_all(&traffic, &mut forwarder, &mut frames));
    traffic.len()
}

fn forward_connections() -> usize {
    let network = HubAndSpokes::new(false);
    let traffic = network.connections(1024);
    let (mut forwarder, mut frames) = (forwarder(), frames());
    measured(|| network.forward_all(&traffic, &mut forwarder, &mut frames));
    traffic.len()
}

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for (name, _) in PIECES {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, piece)) = PIECES.iter().find(|(known, _)| *known == name) else {
        return ExitCode::FAILURE;
    };
    println!("{}", piece());
    ExitCode::SUCCESS
}
