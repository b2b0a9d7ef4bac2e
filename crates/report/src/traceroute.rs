//! The output of `traceroute`: one line a hop, as Linux' traceroute prints it, and a document for programs.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use engine::application::{AnswerKind, ProbeEvent, ProbeOutcome};
use engine::time::SimDuration;
use serde::Serialize;

use crate::ping::{LossRecord, PingHeading, Rounded};

/// Gathers the probes of a hop until its line is complete.
#[derive(Clone, Debug)]
pub struct TracerouteReport {
    heading: PingHeading,
    address: Ipv4Addr,
    max_hops: u8,
    per_hop: usize,
    packet_length: u16,
    hops: Vec<HopRecord>,
    /// Outcomes of the hop that is being tried.
    open: Vec<ProbeRecord>,
    reached: bool,
}

impl TracerouteReport {
    /// Nothing sent yet. `packet_length` is that of the probes in bytes, IPv4 header included.
    pub fn new(
        heading: PingHeading,
        address: Ipv4Addr,
        max_hops: u8,
        per_hop: u8,
        packet_length: u16,
    ) -> Self {
        Self {
            heading,
            address,
            max_hops,
            per_hop: usize::from(per_hop.max(1)),
            packet_length,
            hops: Vec::new(),
            open: Vec::new(),
            reached: false,
        }
    }

    /// `traceroute to MarketingVM (10.2.1.4), 30 hops max, 60 byte packets`, and that time is simulated.
    pub fn header(&self) -> String {
        let PingHeading {
            destination,
            latency_model,
            seed,
        } = &self.heading;
        format!(
            "traceroute to {destination} ({}), {} hops max, {} byte packets. Simulated time: model {latency_model}, seed {seed}.",
            self.address, self.max_hops, self.packet_length
        )
    }

    /// True if the destination itself has answered.
    pub fn reached(&self) -> bool {
        self.reached
    }

    /// Notes what became of a probe; gives the line of the hop once all its probes have ended. `name` knows who has an address.
    pub fn record(
        &mut self,
        event: &ProbeEvent,
        name: impl Fn(Ipv4Addr) -> Option<String>,
    ) -> Option<String> {
        self.open.push(match event.outcome {
            ProbeOutcome::Sent => return None,
            ProbeOutcome::TimedOut => ProbeRecord::Silent,
            ProbeOutcome::Answered { answer, round_trip } => {
                self.reached |= answer.kind.is_from_destination();
                ProbeRecord::Answered {
                    from: answer.from,
                    name: name(answer.from),
                    round_trip,
                    remark: remark(answer.kind),
                }
            }
        });
        if self.open.len() < self.per_hop {
            return None;
        }
        let hop = HopRecord {
            ttl: event.ttl,
            probes: std::mem::take(&mut self.open),
        };
        let line = hop.line();
        self.hops.push(hop);
        Some(line)
    }

    /// The same for programs. `lost` says why packets were lost, most frequent first.
    pub fn document(&self, lost: Vec<LossRecord>) -> TracerouteDocument {
        TracerouteDocument {
            destination: self.heading.destination.clone(),
            destination_address: self.address,
            simulated_time: true,
            latency_model: self.heading.latency_model.clone(),
            seed: self.heading.seed,
            reached: self.reached,
            hops: self.hops.clone(),
            lost,
        }
    }
}

/// What traceroute writes behind a time: why a router did not pass the probe on.
fn remark(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::EchoReply
        | AnswerKind::SynAck { .. }
        | AnswerKind::Reset
        | AnswerKind::Datagram
        | AnswerKind::TimeExceeded
        | AnswerKind::Unreachable { code: 3, .. } => "",
        AnswerKind::Unreachable { code: 0, .. } => "!N",
        AnswerKind::Unreachable { code: 1, .. } => "!H",
        AnswerKind::Unreachable { code: 2, .. } => "!P",
        AnswerKind::Unreachable { code: 4, .. } => "!F",
        AnswerKind::Unreachable { .. } => "!X",
    }
}

/// A run of `traceroute` for programs: `-o json`. Times are milliseconds of simulated time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracerouteDocument {
    destination: String,
    destination_address: Ipv4Addr,
    simulated_time: bool,
    latency_model: String,
    seed: u64,
    reached: bool,
    hops: Vec<HopRecord>,
    lost: Vec<LossRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct HopRecord {
    ttl: u8,
    probes: Vec<ProbeRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "outcome",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum ProbeRecord {
    Silent,
    Answered {
        from: Ipv4Addr,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(rename = "roundTripMs", serialize_with = "milliseconds")]
        round_trip: SimDuration,
        #[serde(skip_serializing_if = "str::is_empty")]
        remark: &'static str,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn milliseconds<S: serde::Serializer>(
    span: &SimDuration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_milliseconds_f64())
}

impl HopRecord {
    /// Who answered stands once, before the first of its times.
    fn line(&self) -> String {
        let mut line = format!("{:2} ", self.ttl);
        let mut last = None;
        for probe in &self.probes {
            let written = match probe {
                ProbeRecord::Silent => write!(line, " *"),
                ProbeRecord::Answered {
                    from,
                    name,
                    round_trip,
                    remark,
                } => {
                    if last != Some(from) {
                        last = Some(from);
                        let _ = match name {
                            Some(name) => write!(line, " {name} ({from})"),
                            None => write!(line, " {from}"),
                        };
                    }
                    let gap = if remark.is_empty() { "" } else { " " };
                    write!(line, "  {} ms{gap}{remark}", Rounded(*round_trip))
                }
            };
            written.expect("a String takes everything");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::application::Answer;
    use engine::time::SimTime;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);
    const THERE: Ipv4Addr = Ipv4Addr::new(10, 2, 1, 4);

    fn event(sequence: u64, ttl: u8, answer: Option<(Ipv4Addr, AnswerKind)>) -> ProbeEvent {
        ProbeEvent {
            sequence,
            ttl,
            sent: SimTime::ZERO,
            outcome: match answer {
                None => ProbeOutcome::TimedOut,
                Some((from, kind)) => ProbeOutcome::Answered {
                    answer: Answer {
                        from,
                        ttl: 64,
                        bytes: 36,
                        kind,
                    },
                    round_trip: SimDuration::from_microseconds(900 * sequence),
                },
            },
        }
    }

    #[test]
    fn a_line_is_printed_when_all_probes_of_a_hop_have_ended() {
        let heading = PingHeading {
            destination: "spoke2-vm".to_owned(),
            latency_model: "azure-2026-07".to_owned(),
            seed: 0,
        };
        let mut report = TracerouteReport::new(heading, THERE, 30, 2, 60);
        let name = |address| (address == ROUTER).then(|| "nva".to_owned());
        let events = [
            event(1, 1, Some((ROUTER, AnswerKind::TimeExceeded))),
            event(2, 1, None),
            event(3, 2, Some((THERE, AnswerKind::EchoReply))),
            event(4, 2, Some((THERE, AnswerKind::EchoReply))),
        ];
        let lines: Vec<String> = events
            .iter()
            .filter_map(|event| report.record(event, name))
            .collect();
        assert_eq!(
            lines,
            [
                " 1  nva (10.0.0.4)  0.900 ms *",
                " 2  10.2.1.4  2.70 ms  3.60 ms"
            ]
        );
        assert!(report.reached());
        let document = serde_json::to_value(report.document(Vec::new())).unwrap();
        assert_eq!(document["hops"][0]["probes"][1]["outcome"], "silent");
        assert_eq!(document["hops"][1]["probes"][0]["roundTripMs"], 2.7);
    }
}
