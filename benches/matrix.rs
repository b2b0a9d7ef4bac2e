//! Who reaches whom in whole estates: all pairs, forward and with the reply; the same after a change of one rule; and a packet a pair, on a
//! sample, against which the rest is held. One run prints one table, with what each row has to keep to.
//!
//! A plain program: an estate takes seconds to make, and of what takes seconds three runs say enough. `-- NAME` runs those whose name has
//! NAME in it.

#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control::Snapshot;
use generate::{Shape, Sizes};
use model::table::Key;
use model::{Network, NsgId};
use reach::{Addresses, Depth, Ends, Matrix, Question, Service, Watch};

const SEED: u64 = 7;
const SERVICE: Service = Service::Tcp(443);
/// Runs of which the fastest counts.
const RUNS: usize = 3;
/// Rules that are taken out and put back.
const CHANGES: usize = 6;
/// Sources and destinations of the sample: every pair of these by a packet and its reply.
const SAMPLE: usize = 450;

/// What a row has to keep to.
#[derive(Clone, Copy)]
enum Bar {
    /// Compiling and the forward verdicts together.
    Built(Duration),
    /// The forward verdicts, and those with replies.
    Judged(Duration, Duration),
    /// The forward verdicts.
    Forward(Duration),
    /// The forward verdicts, and how many times faster than packets.
    ForwardAndRatio(Duration, f64),
}

struct Estate {
    name: &'static str,
    sizes: Sizes,
    bar: Bar,
}

/// What was measured of an estate.
struct Figures {
    pairs: u64,
    compile: Duration,
    forward: Duration,
    both: Duration,
    change: Duration,
    /// One pair of the sample, with all threads at work.
    packet: Duration,
    sampled: usize,
    differ: usize,
}

fn estates() -> [Estate; 5] {
    let subscription = Shape::Subscription.sizes();
    let seconds = Duration::from_secs;
    [
        Estate {
            name: "10000_nics",
            sizes: Sizes {
                nics: 10_000,
                virtual_networks: 160,
                subnets: 640,
                hubs: 4,
                nsgs: 160,
                ..subscription.clone()
            },
            bar: Bar::Built(Duration::from_millis(100)),
        },
        Estate {
            name: "subscription",
            sizes: subscription.clone(),
            bar: Bar::Judged(seconds(1), seconds(2)),
        },
        Estate {
            name: "5000_nsgs",
            sizes: Sizes {
                nsgs: 5_000,
                ..subscription.clone()
            },
            bar: Bar::Forward(seconds(5)),
        },
        Estate {
            name: "1000_rules",
            sizes: Sizes {
                nics: 100_000,
                nsgs: 500,
                rules: 1_000,
                ..subscription.clone()
            },
            bar: Bar::Forward(seconds(4)),
        },
        Estate {
            name: "enterprise",
            sizes: Shape::Enterprise.sizes(),
            bar: Bar::ForwardAndRatio(seconds(10), 500.0),
        },
    ]
}

/// The fastest of several runs, and what the last one gave.
fn fastest<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut timed = || {
        let begin = Instant::now();
        let result = black_box(run());
        (begin.elapsed(), result)
    };
    let (mut shortest, mut result) = timed();
    for _ in 1..RUNS {
        drop(result);
        let (time, next) = timed();
        shortest = shortest.min(time);
        result = next;
    }
    (shortest, result)
}

impl Estate {
    fn measure(&self) -> Figures {
        let network = generate::generate(SEED, &self.sizes).expect("the sizes go together");
        let ends = Arc::new(Ends::of_nics(&network, Addresses::Primary));
        let (compile, snapshot) = fastest(|| control::compile(black_box(&network)));
        let ask = |depth| {
            let question = Question::about(SERVICE).with_depth(depth);
            let watch = Watch::default();
            let counts = reach::counts(black_box(&snapshot), &ends, &ends, question, &watch);
            counts.expect("nobody cancels")
        };
        let (forward, counts) = fastest(|| ask(Depth::Forward));
        let (both, _) = fastest(|| ask(Depth::RoundTrip));
        let question = Question::about(SERVICE);
        let matrix = reach::matrix(&snapshot, &ends, &ends, question, &Watch::default());
        let matrix = matrix.expect("nobody cancels");
        let (packet, sampled, differ) = packets(&snapshot, &ends, &matrix);
        Figures {
            pairs: counts.pairs,
            compile,
            forward,
            both,
            packet,
            sampled,
            differ,
            change: change(network, snapshot, matrix),
        }
    }
}

/// Every pair of a sample by a packet of its own and its reply, with all threads at work: the time of one, how many they were, and how many
/// came out otherwise than in the matrix.
fn packets(snapshot: &Snapshot, ends: &Arc<Ends>, matrix: &Matrix) -> (Duration, usize, usize) {
    let every = (ends.len() / SAMPLE).max(1);
    let sample = |first: usize| {
        let chosen = ends.iter().skip(first).step_by(every).copied();
        Arc::new(Ends::new(chosen))
    };
    let (from, to) = (sample(0), sample(every / 2));
    let begin = Instant::now();
    let watch = Watch::default();
    let slow = reach::by_packets(snapshot, &from, &to, matrix.question(), &watch);
    let spent = begin.elapsed();
    let slow = slow.expect("nobody cancels");
    let place = |end: &reach::End| ends.position(end.address, end.worker).expect("one of all");
    let (mut pairs, mut differ) = (0, 0);
    for (row, source) in from.iter().enumerate() {
        for (column, destination) in to.iter().enumerate() {
            let Some(cell) = slow.cell(row, column) else {
                continue;
            };
            pairs += 1;
            differ += usize::from(matrix.cell(place(source), place(destination)) != Some(cell));
        }
    }
    let one = spent / u32::try_from(pairs.max(1)).unwrap_or(u32::MAX);
    (one, pairs, differ)
}

/// The first rule of one group after another is taken out and put back: the next snapshot and the next matrix, the fastest of them.
fn change(mut network: Network, mut snapshot: Snapshot, mut matrix: Matrix) -> Duration {
    let mut least = Duration::MAX;
    for time in 0..CHANGES {
        let nsg = NsgId::from_index(time % network.nsgs().len());
        let whole = network.nsgs()[nsg].rules.to_vec();
        for rules in [whole[1..].to_vec(), whole] {
            network
                .set_security_rules(nsg, rules)
                .expect("rules that were there");
            let begin = Instant::now();
            let next = control::recompile(black_box(&network), &snapshot);
            let (again, _) = matrix
                .again(&snapshot, &next, &Watch::default())
                .expect("nobody cancels");
            least = least.min(begin.elapsed());
            (snapshot, matrix) = (next, again);
        }
    }
    least
}

impl Figures {
    /// How often the matrix with replies, compiling included, goes into a packet for every pair.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    fn ratio(&self) -> f64 {
        self.packet.as_secs_f64() * self.pairs as f64 / (self.compile + self.both).as_secs_f64()
    }

    fn keeps_to(&self, bar: Bar) -> (String, bool) {
        match bar {
            Bar::Built(most) => (
                format!("compile + forward < {most:?}"),
                self.compile + self.forward < most,
            ),
            Bar::Judged(forward, both) => (
                format!("forward < {forward:?}, with replies < {both:?}"),
                self.forward < forward && self.both < both,
            ),
            Bar::Forward(most) => (format!("forward < {most:?}"), self.forward < most),
            Bar::ForwardAndRatio(most, ratio) => (
                format!("forward < {most:?}, {ratio} x packets"),
                self.forward < most && self.ratio() >= ratio,
            ),
        }
    }
}

fn main() {
    // What cargo adds is no name.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    println!(
        "{SERVICE}, seed {SEED}, the fastest of {RUNS} runs; packets: a sample, every pair with its reply, all threads\n"
    );
    println!(
        "{:<13} {:>14} {:>9} {:>9} {:>9} {:>9} {:>18} {:>9}  bar",
        "network", "pairs", "compile", "forward", "both", "change", "packet (sample)", "ratio"
    );
    for estate in estates() {
        if !wanted.is_empty() && !wanted.iter().any(|name| estate.name.contains(name)) {
            continue;
        }
        let figures = estate.measure();
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let (bar, is_kept) = figures.keeps_to(estate.bar);
        println!(
            "{:<13} {:>14} {:>9} {:>9} {:>9} {:>9} {:>18} {:>8.0}x  {bar}: {}",
            estate.name,
            figures.pairs,
            ms(figures.compile),
            ms(figures.forward),
            ms(figures.both),
            ms(figures.change),
            format!("{:?} ({})", figures.packet, figures.sampled),
            figures.ratio(),
            if is_kept { "kept" } else { "MISSED" },
        );
        assert_eq!(figures.differ, 0, "pairs that packets judge otherwise");
    }
}
