//! Arguments of `vnetsim bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use engine::traffic::{LONGEST, Mix, Order, SHORTEST, Sizes};

use super::format::Format;
use super::network::TopologyArguments;

/// Measure how fast the forwarding core is: real packets through the whole path, as many as it takes
///
/// Without -t the network is example:hub-spoke-nva: two spokes of 16 machines that talk to each other through an appliance in the hub.
/// On another network all running machines that do not forward talk to each other.
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: no packet arrived.

What is told: ns_per_packet is the timed wall time, times workers, divided by packets, from the first look
at a packet's bytes to the sink. Frames are made between the timed parts. Lengths are those of frames.

Examples:
  vnetsim bench
  vnetsim bench --flows 65536 --rules 200 --routes 400
  vnetsim bench --mix new --duration 10 -o json
  vnetsim bench --workers 2 --churn 10
  vnetsim bench --pps 1e6 --histogram latency.hgrm
  vnetsim bench -t dump --pcap-in traffic.pcapng
  vnetsim bench -t net.yaml --port 22 --packet-size imix")]
pub(crate) struct BenchArguments {
    /// Connections that are open; with --mix new, five-tuples that new connections cycle through
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub(crate) flows: u32,
    /// Kind of packets
    #[arg(long, value_enum, default_value = "established")]
    pub(crate) mix: MixArgument,
    /// In which order flows are chosen; new connections always come in sequence
    #[arg(long, value_enum, default_value = "random")]
    pub(crate) order: OrderArgument,
    /// Length of frames: 64 to 1500 bytes, or imix (64, 594 and 1500 bytes as 7 to 4 to 1)
    #[arg(long, value_name = "BYTES|imix", default_value = "64", value_parser = packet_size)]
    pub(crate) packet_size: Sizes,
    /// TCP port that connections are opened to
    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Seconds to measure for; preparations come on top
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Threads that forward
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: u16,
    /// Seed of all choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Flow entries that a NIC may have in each direction, as Azure limits them [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) flow_limit: Option<u32>,
    /// Look at every packet that arrives: checksums, time to live, addresses. It costs time
    #[arg(long)]
    pub(crate) verify: bool,
    /// Tell in a further pass with one worker how long the stages of the way take
    #[arg(long, conflicts_with = "pcap_in")]
    pub(crate) profile: bool,
    /// Write the latencies as an HdrHistogram: .hgrm (percentiles) or .hlog (interval log, of one interval)
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    /// Send the packets of a capture (pcap or pcapng), again and again, instead of made-up ones
    ///
    /// Each enters at the NIC that has its source address. Before it is sent again all flows have been forgotten.
    #[arg(long, value_name = "FILE", help_heading = "Load", conflicts_with_all = ["flows", "mix", "order", "packet_size", "port", "rules", "routes"])]
    pub(crate) pcap_in: Option<PathBuf>,
    /// Send so many packets a second at even intervals, whatever becomes of them, instead of as many as possible
    ///
    /// Latency counts from the moment at which a packet was to enter, so a stall is seen by all packets that had to wait.
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = rate, conflicts_with = "find_rate")]
    pub(crate) pps: Option<f64>,
    /// Search for the highest rate at which nothing is lost, in the manner of RFC 2544; each trial lasts --duration
    ///
    /// A packet is lost if more than 4096 others wait when it is to enter.
    #[arg(long, help_heading = "Load")]
    pub(crate) find_rate: bool,
    /// Change the network so many times a second while packets flow: routes, a peering flag, rules
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = changes, conflicts_with = "find_rate")]
    pub(crate) churn: Option<f64>,
    /// Machines of each spoke, or of each subnet with machines in a network of your own; missing ones are added [default: 16]
    #[arg(long, value_name = "N", help_heading = "Size", value_parser = clap::value_parser!(u16).range(1..=60_000))]
    pub(crate) nics: Option<u16>,
    /// Custom rules of every security group in each direction, the one that decides last; missing ones are added
    #[arg(long, value_name = "N", help_heading = "Size", value_parser = clap::value_parser!(u16).range(1..=3_997))]
    pub(crate) rules: Option<u16>,
    /// Routes of every route table; missing ones are added
    #[arg(long, value_name = "N", help_heading = "Size", value_parser = clap::value_parser!(u16).range(1..=4_000))]
    pub(crate) routes: Option<u16>,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Kinds of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MixArgument {
    /// Packets of open connections, both directions alike
    Established,
    /// Every packet opens a connection
    New,
    /// Nine in ten established, one in ten new
    Mixed,
    /// Connections of six packets: SYN, SYN-ACK, ACK, data, FIN, FIN
    Tcp6,
}

impl From<MixArgument> for Mix {
    fn from(mix: MixArgument) -> Self {
        match mix {
            MixArgument::Established => Self::Established,
            MixArgument::New => Self::New,
            MixArgument::Mixed => Self::Mixed,
            MixArgument::Tcp6 => Self::Tcp6,
        }
    }
}

/// Orders of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArgument {
    /// Each as likely as any other
    Random,
    /// A few are frequent, most are rare (exponent 1.1)
    Zipf,
    /// One after the other
    Sequential,
}

impl From<OrderArgument> for Order {
    fn from(order: OrderArgument) -> Self {
        match order {
            OrderArgument::Random => Self::Random,
            OrderArgument::Zipf => Self::Zipf,
            OrderArgument::Sequential => Self::Sequential,
        }
    }
}

fn packet_size(text: &str) -> Result<Sizes, String> {
    if text.eq_ignore_ascii_case("imix") {
        return Ok(Sizes::Imix);
    }
    match text.parse() {
        Ok(bytes) if (SHORTEST..=LONGEST).contains(&bytes) => Ok(Sizes::Fixed(bytes)),
        _ => Err(format!(
            "expected a length from {SHORTEST} to {LONGEST} bytes, or imix"
        )),
    }
}

/// Packets a second.
fn rate(text: &str) -> Result<f64, String> {
    number(text, 1.0, 1e9).ok_or_else(|| "expected packets a second, from 1 to 1e9".to_owned())
}

/// Changes a second.
fn changes(text: &str) -> Result<f64, String> {
    number(text, 0.01, 1_000.0)
        .ok_or_else(|| "expected changes a second, from 0.01 to 1000".to_owned())
}

fn number(text: &str, least: f64, most: f64) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}

/// A span of the host's time.
fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(1);
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|span| !span.is_zero() && *span <= LONGEST)
        .ok_or_else(|| "expected a number of seconds above 0 and up to 3600".to_owned())
}
