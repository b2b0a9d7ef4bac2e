//! What a bench says.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::drive::{Measured, nanoseconds_each};
use super::machine;
use crate::args::BenchArguments;
use clap::ValueEnum;
use engine::traffic::Sizes;

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
    /// Pairs of NICs that talk to each other.
    pub(super) pairs: usize,
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
            .map(|&(name, share)| (name, measured.latency.quantile(share).as_nanoseconds()))
            .collect();
        latency.insert("max", self.longest());
        let arguments = self.arguments;
        json!({
            "ns_per_packet": self.nanoseconds(),
            "mpps": self.mpps(),
            "connections_per_second": self.connections(),
            "packets": {
                "originated": counters.originated + counters.extra_fragments,
                "delivered": counters.delivered + counters.departed,
                "dropped": drops.values().sum::<u64>(),
                "in_flight": 0,
            },
            "drops": drops,
            "latency_ns": latency,
            "rounds": self.rounds(),
            "longest_pause_ns": self.longest(),
            "flow_state_bytes": measured.memory,
            "workers": arguments.workers,
            "seed": arguments.seed,
            "duration_seconds": measured.timed.as_secs_f64(),
            "topology": self.topology,
            "address_pairs": self.pairs,
            "flows": arguments.flows,
            "flow_limit": arguments.flow_limit,
            "mix": word(&arguments.mix),
            "order": word(&arguments.order),
            "packet_size": match arguments.packet_size {
                Sizes::Fixed(bytes) => json!(bytes),
                Sizes::Imix => json!("imix"),
            },
            "port": arguments.port,
            "nics": arguments.nics,
            "rules": arguments.rules,
            "routes": arguments.routes,
            "machine": machine::document(),
            "commit": machine::commit(),
        })
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let arguments = self.arguments;
        let measured = self.measured;
        let counters = &measured.counters;
        let size = match arguments.packet_size {
            Sizes::Fixed(bytes) => format!("{bytes} bytes"),
            Sizes::Imix => "IMIX".to_owned(),
        };
        let workers = match arguments.workers {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        };
        let mut text = format!(
            "{}: {} flows over {} address pairs, {}, {} order, {size}, {workers}, seed {}\n\n",
            self.topology,
            grouped(u64::from(arguments.flows)),
            grouped(self.pairs as u64),
            word(&arguments.mix),
            word(&arguments.order),
            arguments.seed,
        );
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<15} {value}");
        };
        row(
            "rate",
            format!(
                "{:.2} Mpps, {:.1} ns a packet{}",
                self.mpps(),
                self.nanoseconds(),
                self.spread()
            ),
        );
        if measured.connections > 0 {
            row(
                "connections",
                format!("{} a second", grouped(rounded(self.connections()))),
            );
        }
        let dropped: u64 = counters.drops().map(|(_, packets)| packets).sum();
        row(
            "packets",
            format!(
                "{} sent, {} delivered, {} dropped, 0 in flight",
                grouped(counters.originated + counters.extra_fragments),
                grouped(counters.delivered + counters.departed),
                grouped(dropped),
            ),
        );
        for (reason, packets) in counters.drops() {
            row("", format!("{} {reason}", grouped(packets)));
        }
        let quantiles: Vec<String> = QUANTILES
            .iter()
            .map(|&(_, share)| microseconds(measured.latency.quantile(share).as_nanoseconds()))
            .collect();
        row(
            "latency",
            format!(
                "p50/p90/p99/p99.9/p99.99/max = {}/{} µs",
                quantiles.join("/"),
                microseconds(self.longest())
            ),
        );
        row(
            "flow state",
            format!(
                "{} KiB; longest pause {} µs",
                grouped(measured.memory as u64 / 1024),
                microseconds(self.longest())
            ),
        );
        row("machine", machine::line());
        text
    }

    fn nanoseconds(&self) -> f64 {
        nanoseconds_each(self.measured.timed, self.measured.packets)
    }

    fn mpps(&self) -> f64 {
        match self.nanoseconds() {
            0.0 => 0.0,
            each => f64::from(self.arguments.workers) * 1_000.0 / each,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn connections(&self) -> f64 {
        let seconds = self.measured.timed.as_secs_f64();
        if seconds == 0.0 {
            return 0.0;
        }
        self.measured.connections as f64 * f64::from(self.arguments.workers) / seconds
    }

    fn longest(&self) -> u64 {
        self.measured.latency.quantile(1.0).as_nanoseconds()
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
