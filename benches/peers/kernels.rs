//! Our side of the comparison with DPDK's libraries.
//!
//! `kernels write DIR` writes each table with its keys and the right answers (those of the linear twins) as text, for the peers to
//! read. `kernels time` measures ours over the same tables and prints a line for each way to ask: table, name, nanoseconds per key.

#![expect(clippy::print_stdout, reason = "its output is what the scripts read")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{fs, io};

use acl::{Key, NO_MATCH, Protocols, Rule, RuleSet};
use fib::Fib;
use ipnet::Ipv4Net;
use workload::routes::{destinations, routes};
use workload::rules::{keys, plain_rules, rules, without_tag};

/// Keys that are asked for in one call, here and by the peers.
const BATCH: usize = 32;
/// Passes over all keys; the median counts.
const PASSES: usize = 101;

const FIBS: [usize; 2] = [400, 1_000];

type AclTable = (&'static str, fn() -> Vec<Rule>);

const ACLS: [AclTable; 3] = [
    ("acl-200", || plain_rules(200)),
    ("acl-1000", || plain_rules(1_000)),
    ("acl-1000-lists", || without_tag(rules(1_000))),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["write", folder] => match write(Path::new(folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("cannot write to {folder}: {error}");
                ExitCode::FAILURE
            }
        },
        ["time"] => {
            time();
            ExitCode::SUCCESS
        }
        _ => {
            println!("usage: kernels write DIR | kernels time");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    for count in FIBS {
        let routes = routes(count);
        let text = fib_as_text(&routes, &destinations(&routes)).expect("a String takes all");
        fs::write(folder.join(format!("fib-{count}")), text)?;
    }
    for (name, rules) in ACLS {
        let rules = rules();
        let text = acl_as_text(&rules, &keys(&rules)).expect("a String takes all");
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// `route PREFIX VALUE` and `ask DESTINATION VALUE`.
fn fib_as_text(
    routes: &[(Ipv4Net, u16)],
    destinations: &[Ipv4Addr],
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for (prefix, value) in routes {
        writeln!(text, "route {prefix} {value}")?;
    }
    for &destination in destinations {
        let value = fib::linear::lookup(routes, destination).expect("there is a default route");
        writeln!(text, "ask {destination} {value}")?;
    }
    Ok(text)
}

/// `rule NUMBER SOURCE DESTINATION PROTOCOL FIRST-PORT LAST-PORT`, a line for each pair of prefixes, protocol 0 for any; and
/// `ask SOURCE DESTINATION PROTOCOL SOURCE-PORT DESTINATION-PORT NUMBER`. Rules count from 1.
fn acl_as_text(rules: &[Rule], keys: &[Key]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for (rule, number) in rules.iter().zip(1..) {
        let protocol = match rule.protocol {
            Protocols::Any => 0,
            Protocols::Number(protocol) => protocol,
        };
        for source in rule.source.listed().prefixes() {
            for destination in rule.destination.listed().prefixes() {
                for ports in rule.destination_ports.ranges() {
                    let (first, last) = (ports.start(), ports.end());
                    writeln!(
                        text,
                        "rule {number} {source} {destination} {protocol} {first} {last}"
                    )?;
                }
            }
        }
    }
    for key in keys {
        let first = acl::linear::first_match(rules, key).expect("the last rule matches everything");
        writeln!(
            text,
            "ask {} {} {} {} {} {}",
            key.source,
            key.destination,
            key.protocol,
            key.source_port.expect("keys have ports"),
            key.destination_port.expect("keys have ports"),
            first + 1
        )?;
    }
    Ok(text)
}

fn time() {
    for count in FIBS {
        let name = format!("fib-{count}");
        let routes = routes(count);
        let destinations = destinations(&routes);
        let fib = Fib::build(routes).expect("prefixes are distinct");
        let mut values = vec![None; destinations.len()];
        let mut batches = |kernel| {
            median(destinations.len(), || {
                for (keys, values) in destinations.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
                    fib.lookup_batch_with(kernel, black_box(keys), black_box(values));
                }
            })
        };
        print(&name, "ours", batches(fib::Kernel::fastest()));
        for kernel in fib::Kernel::available() {
            print(&name, &format!("ours_{}", kernel.name()), batches(kernel));
        }
        let single = median(destinations.len(), || {
            for &destination in &destinations {
                black_box(fib.lookup(destination));
            }
        });
        print(&name, "ours_one_by_one", single);
    }
    for (name, rules) in ACLS {
        let rules = rules();
        let keys = keys(&rules);
        let build = median(1, || {
            black_box(RuleSet::build(black_box(&rules)));
        });
        print(&format!("{name}-build"), "ours", build);
        let rules = RuleSet::build(&rules);
        let mut matches = vec![NO_MATCH; keys.len()];
        let mut batches = |kernel| {
            median(keys.len(), || {
                for (keys, matches) in keys.chunks(BATCH).zip(matches.chunks_mut(BATCH)) {
                    rules.first_match_batch_with(kernel, black_box(keys), black_box(matches));
                }
            })
        };
        print(name, "ours", batches(acl::Kernel::fastest()));
        for kernel in acl::Kernel::available() {
            print(name, &format!("ours_{}", kernel.name()), batches(kernel));
        }
        let single = median(keys.len(), || {
            for key in &keys {
                black_box(rules.first_match(key));
            }
        });
        print(name, "ours_one_by_one", single);
    }
}

fn print(table: &str, name: &str, nanoseconds: f64) {
    println!("{table} {name} {nanoseconds:.3}");
}

/// Nanoseconds per item of the median pass.
fn median(items: usize, mut pass: impl FnMut()) -> f64 {
    pass();
    let mut times: Vec<_> = (0..PASSES)
        .map(|_| {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[PASSES / 2].as_secs_f64() * 1e9 / f64::from(u32::try_from(items).expect("few items"))
}
