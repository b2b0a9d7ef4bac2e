//! What a bench says.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use clap::ValueEnum;
use engine::forward::Change;
use engine::traffic::Sizes;
use serde_json::{Value, json};

use super::capture::Recording;
use super::drive::Measured;
use super::machine;
use super::profile::Profile;
use super::search::{QUEUE, Search};
use crate::args::BenchArguments;

/// Shares of the packets whose longest latency is told.
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p999", 0.999),
    ("p9999", 0.9999),
];

/// The figures of a run.
pub(super) struct Figures<'a> {
    pub(super) arguments: &'a BenchArguments,
    /// What `-t` names.
    pub(super) topology: String,
    pub(super) measured: &'a Measured,
    /// One worker in place of several.
    pub(super) alone: Option<&'a Measured>,
    pub(super) search: Option<&'a Search>,
    pub(super) profile: Option<&'a Profile>,
    /// Pairs of NICs that talk to each other.
    pub(super) pairs: usize,
    /// What is sent in place of their packets.
    pub(super) recording: Option<&'a Recording>,
}

impl Figures<'_> {
    /// Stable fields.
    pub(super) fn document(&self) -> Value {
        let measured = self.measured;
        let counters = &measured.counters;
        let drops: BTreeMap<String, u64> = counters
            .drops()
            .map(|(reason, packets)| (reason.to_string(), packets))
            .collect();
        let mut latency: BTreeMap<&str, u64> = QUANTILES
            .iter()
            .map(|&(name, share)| (name, self.quantile(share)))
            .collect();
        latency.insert("max", measured.latency.max());
        let arguments = self.arguments;
        let mut document = json!({
            "ns_per_packet": measured.nanoseconds_per_packet,
            "mpps": measured.packets_per_second / 1e6,
            "connections_per_second": measured.connections_per_second,
            "packets": {
                "originated": counters.originated + counters.extra_fragments,
                "delivered": counters.delivered + counters.departed,
                "dropped": drops.values().sum::<u64>(),
                "in_flight": measured.in_flight,
            },
            "drops": drops,
            "latency_ns": latency,
            "rounds": self.rounds(),
            "longest_pause_ns": nanoseconds(measured.longest_burst),
            "flow_state_bytes": measured.memory,
            "flow_limit": arguments.flow_limit,
            "workers": measured.workers,
            "seed": arguments.seed,
            "duration_seconds": measured.elapsed.as_secs_f64(),
            "topology": self.topology,
            "nics": arguments.nics,
            "rules": arguments.rules,
            "routes": arguments.routes,
            "machine": machine::document(),
            "commit": machine::commit(),
        });
        if let Some(recording) = self.recording {
            document["capture"] = recording.document();
        } else {
            self.add_traffic(&mut document);
        }
        if let Some(profile) = self.profile {
            let stages = profile.stages.iter().copied();
            document["profile_ns_per_packet"] = json!(stages.collect::<BTreeMap<_, _>>());
        }
        if let Some(verified) = measured.verified {
            document["verified"] = json!(verified);
        }
        if let Some(alone) = self.alone {
            document["scaling"] = json!({
                "one_worker_mpps": alone.packets_per_second / 1e6,
                "speedup": self.speedup(alone),
            });
        }
        if let Some(rate) = arguments.pps {
            document["open_loop"] = json!({
                "offered_mpps": rate / 1e6,
                "most_overdue": measured.most_overdue,
            });
        }
        if let Some(search) = self.search {
            let trials = search
                .trials
                .iter()
                .map(|trial| json!({ "mpps": trial.packets_per_second / 1e6, "lost": trial.lost }));
            document["zero_loss"] = json!({
                "mpps": search.zero_loss / 1e6,
                "queue_packets": QUEUE,
                "trials": trials.collect::<Vec<_>>(),
            });
        }
        if arguments.churn.is_some() {
            document["churn"] = json!({
                "changes": measured.changes.len(),
                "given_ns": spans(&self.given()),
                "first_packet_ns": spans(&self.obeyed(|change| change.first)),
                "all_workers_ns": spans(&self.obeyed(|change| change.all)),
            });
        }
        document
    }

    /// What was sent.
    fn add_traffic(&self, document: &mut Value) {
        let arguments = self.arguments;
        document["address_pairs"] = json!(self.pairs);
        document["flows"] = json!(arguments.flows);
        document["mix"] = json!(word(&arguments.mix));
        document["order"] = json!(word(&arguments.order));
        document["packet_size"] = match arguments.packet_size {
            Sizes::Fixed(bytes) => json!(bytes),
            Sizes::Imix => json!("imix"),
        };
        document["port"] = json!(arguments.port);
    }

    /// What was measured.
    pub(super) fn heading(&self) -> String {
        let arguments = self.arguments;
        let size = match arguments.packet_size {
            Sizes::Fixed(bytes) => format!("{bytes} bytes"),
            Sizes::Imix => "IMIX".to_owned(),
        };
        let workers = match self.measured.workers {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        };
        if let Some(recording) = self.recording {
            let packets = grouped(recording.len() as u64);
            let topology = &self.topology;
            return format!("{topology}: {packets} captured packets, {workers}");
        }
        format!(
            "{}: {} flows over {} address pairs\n{}, {} order, {size}, {workers}, seed {}",
            self.topology,
            grouped(u64::from(arguments.flows)),
            grouped(self.pairs as u64),
            word(&arguments.mix),
            word(&arguments.order),
            arguments.seed,
        )
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let mut rows = Rows(self.heading() + "\n\n");
        self.tell_rate(&mut rows);
        self.tell_packets(&mut rows);
        self.tell_conditions(&mut rows);
        rows.0
    }

    fn tell_rate(&self, rows: &mut Rows) {
        let measured = self.measured;
        rows.add(
            "rate",
            format!(
                "{:.2} Mpps, {:.1} ns a packet{}",
                measured.packets_per_second / 1e6,
                measured.nanoseconds_per_packet,
                self.spread()
            ),
        );
        if let Some(alone) = self.alone {
            rows.add(
                "one worker",
                format!(
                    "{:.2} Mpps: {} workers are {:.2} times as fast",
                    alone.packets_per_second / 1e6,
                    measured.workers,
                    self.speedup(alone)
                ),
            );
        }
        if let Some(search) = self.search {
            let lossless = search.zero_loss / 1e6;
            rows.add(
                "without loss",
                format!("{lossless:.2} Mpps, {QUEUE} packets may wait"),
            );
            for trial in &search.trials {
                let rate = trial.packets_per_second / 1e6;
                rows.add("", format!("{rate:.2} Mpps lost {}", grouped(trial.lost)));
            }
        }
        if measured.connections_per_second > 0.0 {
            let connections = grouped(rounded(measured.connections_per_second));
            rows.add("connections", format!("{connections} a second"));
        }
    }

    fn tell_packets(&self, rows: &mut Rows) {
        let measured = self.measured;
        let counters = &measured.counters;
        let dropped: u64 = counters.drops().map(|(_, packets)| packets).sum();
        rows.add(
            "packets",
            format!(
                "{} sent, {} delivered, {} dropped, {} in flight",
                grouped(counters.originated + counters.extra_fragments),
                grouped(counters.delivered + counters.departed),
                grouped(dropped),
                measured.in_flight,
            ),
        );
        for (reason, packets) in counters.drops() {
            rows.add("", format!("{} {reason}", grouped(packets)));
        }
        if let Some(verified) = measured.verified {
            rows.add("verified", format!("{} packets", grouped(verified)));
        }
        let quantiles: Vec<String> = QUANTILES
            .iter()
            .map(|&(_, share)| microseconds(self.quantile(share)))
            .collect();
        rows.add(
            "latency",
            format!(
                "p50/p90/p99/p99.9/p99.99/max = {}/{} µs",
                quantiles.join("/"),
                microseconds(measured.latency.max())
            ),
        );
        if self.arguments.pps.is_some() {
            let most = grouped(measured.most_overdue);
            rows.add("waiting", format!("{most} packets at most"));
        }
    }

    fn tell_conditions(&self, rows: &mut Rows) {
        let measured = self.measured;
        if self.arguments.churn.is_some() {
            let first = self.obeyed(|change| change.first);
            let shares = [0.5, 0.99, 1.0].map(|share| microseconds(share_of(&first, share)));
            rows.add(
                "changes",
                format!(
                    "{}; first packet that obeys after p50/p99/max = {} µs",
                    measured.changes.len(),
                    shares.join("/"),
                ),
            );
        }
        rows.add(
            "flow state",
            format!(
                "{} KiB; longest pause {} µs",
                grouped(measured.memory as u64 / 1024),
                microseconds(nanoseconds(measured.longest_burst))
            ),
        );
        if let Some(profile) = self.profile {
            let stages: Vec<String> = profile
                .stages
                .iter()
                .map(|(name, each)| format!("{name} {each:.1}"))
                .collect();
            rows.add("profile", format!("{} ns a packet", stages.join(", ")));
        }
        rows.add("machine", machine::line());
    }

    fn quantile(&self, share: f64) -> u64 {
        let latency = &self.measured.latency;
        // A bucket reaches beyond what is in it.
        latency.value_at_quantile(share).min(latency.max())
    }

    fn speedup(&self, alone: &Measured) -> f64 {
        self.measured.packets_per_second / alone.packets_per_second
    }

    /// Nanoseconds from the calls until shards had the snapshots, ascending.
    fn given(&self) -> Vec<u64> {
        let changes = self.measured.changes.iter();
        let mut spans: Vec<u64> = changes.map(|change| nanoseconds(change.given)).collect();
        spans.sort_unstable();
        spans
    }

    /// Nanoseconds from the calls until packets obeyed, ascending.
    fn obeyed(&self, when: impl Fn(&Change) -> Option<Duration>) -> Vec<u64> {
        let changes = self.measured.changes.iter();
        let mut spans: Vec<u64> = changes.filter_map(when).map(nanoseconds).collect();
        spans.sort_unstable();
        spans
    }

    /// Median, least and greatest of the rounds.
    fn rounds(&self) -> Value {
        let sorted = self.sorted_rounds();
        json!({
            "count": sorted.len(),
            "median": sorted.get(sorted.len() / 2),
            "min": sorted.first(),
            "max": sorted.last(),
        })
    }

    fn spread(&self) -> String {
        let sorted = self.sorted_rounds();
        match (sorted.first(), sorted.last()) {
            (Some(least), Some(greatest)) if sorted.len() > 1 => {
                format!(" ({} rounds: {least:.1} to {greatest:.1})", sorted.len())
            }
            _ => String::new(),
        }
    }

    fn sorted_rounds(&self) -> Vec<f64> {
        let mut sorted = self.measured.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Names with their values, a line each.
struct Rows(String);

impl Rows {
    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name:<15} {value}");
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Median, 99th percentile and greatest of ascending spans.
fn spans(sorted: &[u64]) -> Value {
    json!({
        "p50": share_of(sorted, 0.5),
        "p99": share_of(sorted, 0.99),
        "max": share_of(sorted, 1.0),
    })
}

/// The longest of this share of ascending spans; 0 without any.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a position in a short list"
)]
fn share_of(sorted: &[u64], share: f64) -> u64 {
    let position = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(position.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// What people type for it.
fn word(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

fn microseconds(nanoseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let microseconds = nanoseconds as f64 / 1_000.0;
    match microseconds {
        small if small < 100.0 => format!("{small:.1}"),
        large => format!("{large:.0}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure for people, never negative"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn long_numbers_are_grouped_from_the_right() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
