//! The output of `ping`: line by line as Linux' ping (iputils) prints it, and a document for programs.

use std::fmt;
use std::net::Ipv4Addr;

use engine::application::{Answer, AnswerKind, Probe, ProbeEvent, ProbeKind, ProbeOutcome};
use engine::time::{SimDuration, SimTime};
use serde::Serialize;

use crate::histogram::{LatencyHistogram, LatencySummary};

/// What a header says beside the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingHeading {
    /// As the user typed it.
    pub destination: String,
    /// Name of the latency model.
    pub latency_model: String,
    /// Seed of the run.
    pub seed: u64,
}

/// Counts what becomes of the probes, and words it.
#[derive(Clone, Debug)]
pub struct PingReport {
    heading: PingHeading,
    probe: Probe,
    histogram: LatencyHistogram,
    transmitted: u64,
    received: u64,
    errors: u64,
    /// Departure or arrival, whichever was last: the `time` of the statistics.
    last: SimTime,
    answers: Option<Vec<AnswerRecord>>,
}

impl PingReport {
    /// Nothing sent yet.
    pub fn new(heading: PingHeading, probe: Probe) -> Self {
        Self {
            heading,
            probe,
            histogram: LatencyHistogram::new(),
            transmitted: 0,
            received: 0,
            errors: 0,
            last: SimTime::ZERO,
            answers: None,
        }
    }

    /// Keeps every answer for [`PingReport::document`].
    #[must_use]
    pub fn with_answers(mut self) -> Self {
        self.answers = Some(Vec::new());
        self
    }

    /// Gathers the round trips in this histogram, for [`PingReport::histogram`] to give back.
    #[must_use]
    pub fn with_histogram(mut self, histogram: LatencyHistogram) -> Self {
        self.histogram = histogram;
        self
    }

    /// How many answers of the destination itself came in time.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The round trips of those answers.
    pub fn histogram(&self) -> &LatencyHistogram {
        &self.histogram
    }

    /// `PING MarketingVM (10.2.1.4) 56(84) bytes of data.`, and that time is simulated.
    pub fn header(&self) -> String {
        let PingHeading {
            destination,
            latency_model,
            seed,
        } = &self.heading;
        let asked = match self.probe.kind {
            // 20 bytes of IPv4 and 8 of ICMP or UDP.
            ProbeKind::Echo { payload, .. } => format!("{payload}({})", u32::from(payload) + 28),
            ProbeKind::Tcp { port, .. } => format!("tcp/{port} 0(40)"),
            ProbeKind::Udp { port, payload, .. } => {
                format!("udp/{port} {payload}({})", u32::from(payload) + 28)
            }
        };
        let address = self.probe.destination;
        format!(
            "PING {destination} ({address}) {asked} bytes of data. Simulated time: model {latency_model}, seed {seed}."
        )
    }

    /// Counts what happened to a probe, and gives the line that tells of it, if ping prints one.
    pub fn record(&mut self, event: &ProbeEvent) -> Option<String> {
        match event.outcome {
            ProbeOutcome::Sent => {
                self.transmitted += 1;
                self.last = self.last.max(event.sent);
                None
            }
            ProbeOutcome::TimedOut => None,
            ProbeOutcome::Answered { answer, round_trip } => {
                let arrival = event.sent + round_trip;
                self.last = self.last.max(arrival);
                if answer.kind.is_from_destination() {
                    self.received += 1;
                    self.histogram.record(arrival, round_trip);
                } else {
                    self.errors += 1;
                }
                if let Some(answers) = &mut self.answers {
                    answers.push(AnswerRecord::new(event.sequence, &answer, round_trip));
                }
                Some(self.line(event.sequence, &answer, round_trip))
            }
        }
    }

    fn line(&self, sequence: u64, answer: &Answer, round_trip: SimDuration) -> String {
        let Answer {
            from,
            ttl,
            bytes,
            kind,
        } = *answer;
        let time = Rounded(round_trip);
        let label = match self.probe.kind {
            ProbeKind::Echo { .. } => "icmp_seq".to_owned(),
            ProbeKind::Tcp { port, .. } => format!("tcp/{port} seq"),
            ProbeKind::Udp { port, .. } => format!("udp/{port} seq"),
        };
        // icmp_seq wraps, as the field in the packet does.
        let sequence = match self.probe.kind {
            ProbeKind::Echo { .. } => sequence % 65_536,
            ProbeKind::Tcp { .. } | ProbeKind::Udp { .. } => sequence,
        };
        match kind {
            AnswerKind::EchoReply | AnswerKind::Datagram => {
                format!("{bytes} bytes from {from}: {label}={sequence} ttl={ttl} time={time} ms")
            }
            AnswerKind::SynAck { .. } | AnswerKind::Reset => {
                format!(
                    "{bytes} bytes from {from}: {label}={sequence} ttl={ttl} time={time} ms, {kind}"
                )
            }
            AnswerKind::TimeExceeded | AnswerKind::Unreachable { .. } => {
                format!("From {from} {label}={sequence} {kind}")
            }
        }
    }

    /// The block after the last line: counts and round trips, without a final line break.
    pub fn statistics(&self) -> String {
        let Self {
            transmitted,
            received,
            errors,
            ..
        } = self;
        let errors = match errors {
            0 => String::new(),
            errors => format!(", +{errors} errors"),
        };
        let mut text = format!(
            "--- {} ping statistics ---\n{transmitted} packets transmitted, {received} received{errors}, {}% packet loss, time {}ms",
            self.heading.destination,
            SixDigits(self.loss_percent()),
            self.last.as_nanoseconds() / 1_000_000,
        );
        if let Some(summary) = self.histogram.summary() {
            text.push_str("\nrtt ");
            text.push_str(&summary.to_string());
        }
        text
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of packets")]
    fn loss_percent(&self) -> f64 {
        if self.transmitted == 0 {
            return 0.0;
        }
        let lost = self.transmitted.saturating_sub(self.received);
        lost as f64 * 100.0 / self.transmitted as f64
    }

    /// The same for programs. `lost` says why packets were lost, most frequent first.
    pub fn document(&self, lost: Vec<LossRecord>) -> PingDocument {
        let (protocol, port) = match self.probe.kind {
            ProbeKind::Echo { .. } => ("icmp", None),
            ProbeKind::Tcp { port, .. } => ("tcp", Some(port)),
            ProbeKind::Udp { port, .. } => ("udp", Some(port)),
        };
        PingDocument {
            destination: self.heading.destination.clone(),
            source_address: self.probe.source,
            destination_address: self.probe.destination,
            protocol,
            port,
            simulated_time: true,
            latency_model: self.heading.latency_model.clone(),
            seed: self.heading.seed,
            transmitted: self.transmitted,
            received: self.received,
            errors: self.errors,
            loss_percent: self.loss_percent(),
            time_ms: self.last.since(SimTime::ZERO).as_milliseconds_f64(),
            round_trip_ms: self.histogram.summary().map(RoundTrips::from),
            answers: self.answers.clone().unwrap_or_default(),
            lost,
        }
    }
}

/// A run of `ping` for programs: `-o json`. Times are milliseconds of simulated time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PingDocument {
    destination: String,
    source_address: Ipv4Addr,
    destination_address: Ipv4Addr,
    protocol: &'static str,
    port: Option<u16>,
    simulated_time: bool,
    latency_model: String,
    seed: u64,
    transmitted: u64,
    received: u64,
    errors: u64,
    loss_percent: f64,
    time_ms: f64,
    round_trip_ms: Option<RoundTrips>,
    answers: Vec<AnswerRecord>,
    lost: Vec<LossRecord>,
}

/// Why packets of a run were lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LossRecord {
    /// How many packets.
    pub packets: u64,
    /// Name of the drop reason.
    pub reason: String,
    /// NIC at which they died, as `vm/nic`.
    pub at: String,
    /// The rule, route, link or flag that decided.
    pub object: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerRecord {
    sequence: u64,
    from: Ipv4Addr,
    bytes: usize,
    ttl: u8,
    round_trip_ms: f64,
    kind: String,
}

impl AnswerRecord {
    fn new(sequence: u64, answer: &Answer, round_trip: SimDuration) -> Self {
        Self {
            sequence,
            from: answer.from,
            bytes: answer.bytes,
            ttl: answer.ttl,
            round_trip_ms: round_trip.as_milliseconds_f64(),
            kind: answer.kind.to_string(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct RoundTrips {
    min: f64,
    avg: f64,
    max: f64,
    mdev: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p90: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    #[serde(rename = "p99.9", skip_serializing_if = "Option::is_none")]
    p99_9: Option<f64>,
}

impl From<LatencySummary> for RoundTrips {
    fn from(summary: LatencySummary) -> Self {
        let milliseconds = SimDuration::as_milliseconds_f64;
        let percentiles = summary.percentiles;
        Self {
            min: milliseconds(summary.minimum),
            avg: milliseconds(summary.average),
            max: milliseconds(summary.maximum),
            mdev: milliseconds(summary.deviation),
            p50: percentiles.map(|percentiles| milliseconds(percentiles.p50)),
            p90: percentiles.map(|percentiles| milliseconds(percentiles.p90)),
            p99: percentiles.map(|percentiles| milliseconds(percentiles.p99)),
            p99_9: percentiles.map(|percentiles| milliseconds(percentiles.p99_9)),
        }
    }
}

/// Milliseconds as iputils rounds them: three significant digits, and none after the point from 100 ms on.
///
/// | span | printed |
/// |---|---|
/// | 0.8984 ms | 0.898 |
/// | 1.5535 ms | 1.55 |
/// | 12.34 ms | 12.3 |
/// | 144.6 ms | 145 |
#[derive(Clone, Copy, Debug)]
pub struct Rounded(pub SimDuration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_milliseconds_f64();
        let digits = match milliseconds {
            ..0.9995 => 3,
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        write!(f, "{milliseconds:.digits$}")
    }
}

/// A percentage as `%g` prints it: six significant digits, no trailing zeros.
struct SixDigits(f64);

impl fmt::Display for SixDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0 {
            ..1.0 => 6,
            ..10.0 => 5,
            _ => 4,
        };
        let text = format!("{:.digits$}", self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: ProbeKind) -> PingReport {
        let heading = PingHeading {
            destination: "MarketingVM".to_owned(),
            latency_model: "azure-2026-07".to_owned(),
            seed: 0,
        };
        let probe = Probe {
            source: Ipv4Addr::new(10, 1, 1, 4),
            destination: Ipv4Addr::new(10, 2, 1, 4),
            kind,
            dont_fragment: false,
        };
        PingReport::new(heading, probe)
    }

    fn echo() -> PingReport {
        report(ProbeKind::Echo {
            identifier: 1,
            payload: 56,
        })
    }

    fn event(sequence: u64, outcome: ProbeOutcome) -> ProbeEvent {
        ProbeEvent {
            sequence,
            ttl: 64,
            sent: SimTime::ZERO + SimDuration::from_seconds(sequence - 1),
            outcome,
        }
    }

    fn answered(sequence: u64, kind: AnswerKind, microseconds: u64) -> ProbeEvent {
        let answer = Answer {
            from: Ipv4Addr::new(10, 2, 1, 4),
            ttl: 64,
            bytes: 64,
            kind,
        };
        let round_trip = SimDuration::from_microseconds(microseconds);
        event(sequence, ProbeOutcome::Answered { answer, round_trip })
    }

    #[test]
    fn a_run_reads_like_pings() {
        let mut report = echo();
        let mut lines = vec![report.header()];
        for sequence in 1..=3 {
            lines.extend(report.record(&event(sequence, ProbeOutcome::Sent)));
            if sequence < 3 {
                let line =
                    report.record(&answered(sequence, AnswerKind::EchoReply, 940 * sequence));
                lines.extend(line);
            }
        }
        lines.extend(report.record(&event(3, ProbeOutcome::TimedOut)));
        lines.push(report.statistics());
        assert_eq!(
            lines.join("\n"),
            "\
PING MarketingVM (10.2.1.4) 56(84) bytes of data. Simulated time: model azure-2026-07, seed 0.
64 bytes from 10.2.1.4: icmp_seq=1 ttl=64 time=0.940 ms
64 bytes from 10.2.1.4: icmp_seq=2 ttl=64 time=1.88 ms
--- MarketingVM ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 2000ms
rtt min/avg/max/mdev = 0.940/1.410/1.880/0.470 ms"
        );
    }

    #[test]
    fn errors_of_routers_are_counted_apart() {
        let mut report = echo();
        report.record(&event(1, ProbeOutcome::Sent));
        let line = report.record(&answered(1, AnswerKind::TimeExceeded, 500));
        assert_eq!(
            line.as_deref(),
            Some("From 10.2.1.4 icmp_seq=1 Time to live exceeded")
        );
        assert_eq!(report.received(), 0);
        assert!(
            report.statistics().ends_with(
                "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms"
            )
        );
    }

    #[test]
    fn a_refused_connection_is_an_answer() {
        let mut report = report(ProbeKind::Tcp {
            port: 443,
            source_port: None,
        });
        assert!(report.header().contains("tcp/443 0(40) bytes of data."));
        report.record(&event(1, ProbeOutcome::Sent));
        let line = report.record(&answered(1, AnswerKind::Reset, 500));
        assert_eq!(
            line.as_deref(),
            Some("64 bytes from 10.2.1.4: tcp/443 seq=1 ttl=64 time=0.500 ms, connection refused")
        );
        assert_eq!(report.received(), 1);
    }

    #[test]
    fn times_have_three_significant_digits() {
        let print =
            |microseconds| Rounded(SimDuration::from_microseconds(microseconds)).to_string();
        assert_eq!(print(898), "0.898");
        assert_eq!(print(1_553), "1.55");
        assert_eq!(print(9_999), "10.0");
        assert_eq!(print(12_340), "12.3");
        assert_eq!(print(144_600), "145");
    }

    #[test]
    fn a_document_holds_what_the_lines_say() {
        let mut report = echo().with_answers();
        report.record(&event(1, ProbeOutcome::Sent));
        report.record(&answered(1, AnswerKind::EchoReply, 940));
        let document = serde_json::to_value(report.document(Vec::new())).unwrap();
        assert_eq!(document["received"], 1);
        assert_eq!(document["lossPercent"], 0.0);
        assert_eq!(document["answers"][0]["roundTripMs"], 0.94);
        assert_eq!(document["roundTripMs"]["avg"], 0.94);
    }
}
