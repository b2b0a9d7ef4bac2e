//! Commands about one pair of ends: `ping`, `traceroute`, `explain`, `resolve`.

use std::path::PathBuf;

use clap::Args;
use engine::application::{DEFAULT_TTL, MAX_PAYLOAD};
use engine::reachability::Service;
use engine::time::{CaptureEpoch, SimDuration};

use super::format::Format;
use super::network::TopologyArguments;

/// What is asked for: an echo unless said.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArguments {
    /// Ask for a TCP connection to this port instead of an echo
    #[arg(long, value_name = "PORT", conflicts_with = "udp")]
    pub(crate) tcp: Option<u16>,
    /// Send UDP datagrams to this port instead of an echo
    #[arg(long, value_name = "PORT")]
    pub(crate) udp: Option<u16>,
    /// Source port of TCP and UDP [default: from 49152 on, a new one for each probe]
    #[arg(long, value_name = "PORT")]
    pub(crate) source_port: Option<u16>,
    /// Take it that somebody answers at an end on premises, where the input knows the prefix but no host
    #[arg(long)]
    pub(crate) assume_hosts: bool,
}

/// Between whom, for what, and in which network.
#[derive(Args, Debug)]
pub(crate) struct JourneyArguments {
    /// VM, NIC or host outside Azure that sends: name, VM/NIC, SITE/HOST, id, or an address that only one of them has
    #[arg(value_name = "SRC", help_heading = None)]
    pub(crate) source: String,
    /// VM, NIC, address or DNS name that is to answer
    #[arg(value_name = "DST", help_heading = None)]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) service: ServiceArguments,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

impl ServiceArguments {
    /// What is asked for.
    pub(crate) fn asked(&self) -> Service {
        match (self.tcp, self.udp) {
            (Some(port), _) => Service::Tcp(port),
            (None, Some(port)) => Service::Udp(port),
            (None, None) => Service::Icmp,
        }
    }
}

/// How a simulated run is made and what it leaves behind.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Simulation")]
pub(crate) struct RunArguments {
    /// Seed of the jitter: same input and seed, same answer to the last byte
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write what every NIC sees to a capture (pcapng) for Wireshark
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Date of the run's beginning in files
    #[arg(long, value_name = "DATE", default_value_t = CaptureEpoch::default())]
    pub(crate) epoch: CaptureEpoch,
    /// Explain afterwards why packets arrive or not
    #[arg(long)]
    pub(crate) explain: bool,
    /// Count the bytes that cross peerings, by link and direction
    #[arg(long)]
    pub(crate) meter: bool,
    /// Price those bytes by a table of your own
    ///
    /// YAML with the keys currency, bytesPerGb (1000000000 unless said), local: {ingress, egress}, global: {ZONE: {ingress, egress}} and
    /// zones: {REGION: ZONE}. Prices are for a gigabyte; each side of a peering pays by the zone of its own region.
    #[arg(long, value_name = "FILE", requires = "meter")]
    pub(crate) prices: Option<PathBuf>,
}

/// Send real packets from one VM to another, in simulated time, and print as ping does
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: no reply at all.

Examples:
  vnetsim ping SalesVM MarketingVM -t example:sales-marketing-research
  vnetsim ping Spoke1VM Spoke2VM -t example:hub-spoke-nva --tcp 443 --pcap web.pcapng
  vnetsim ping Spoke1VM Spoke2VM -t example:hub-spoke-nva -c 1000 -i 0.01 \\
      --histogram rtt.hgrm")]
pub(crate) struct PingArguments {
    /// Number of probes
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: u64,
    /// Time between probes
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) interval: SimDuration,
    /// Bytes of data in a probe [default: 56 in an echo, none in a UDP datagram]
    #[arg(short, long, value_name = "BYTES", conflicts_with = "tcp", value_parser = clap::value_parser!(u16).range(..=i64::from(MAX_PAYLOAD)))]
    pub(crate) size: Option<u16>,
    /// How long to wait for each reply
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: SimDuration,
    /// Time to live
    #[arg(long, value_name = "N", default_value_t = DEFAULT_TTL, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) ttl: u8,
    /// Set Don't Fragment
    #[arg(long)]
    pub(crate) dont_fragment: bool,
    /// Write the round trips as an HdrHistogram: .hgrm (percentiles) or .hlog (interval log)
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) run: RunArguments,
    #[command(flatten)]
    pub(crate) journey: JourneyArguments,
}

/// Find the hops between two VMs by probes with a growing time to live
///
/// Azure's fabric never shows itself: the hops are appliances and gateways.
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: the destination does not answer.

Example:
  vnetsim traceroute Spoke1VM Spoke2VM -t example:hub-spoke-nva")]
pub(crate) struct TracerouteArguments {
    /// Highest time to live
    #[arg(short, long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) max_hops: u8,
    /// Probes for each hop
    #[arg(short = 'q', long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) queries: u8,
    /// How long to wait for each answer
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) wait: SimDuration,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) run: RunArguments,
    #[command(flatten)]
    pub(crate) journey: JourneyArguments,
}

/// Explain whether one end reaches another: both ways step by step, what is in the way, and what to change
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: dropped, one way or the other.

Examples:
  vnetsim explain SalesVM ResearchVM -t example:sales-marketing-research
  vnetsim explain Spoke1VM Spoke2VM -t example:hub-spoke-nva --tcp 23 -o json")]
pub(crate) struct ExplainArguments {
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) journey: JourneyArguments,
}

/// Resolve a name as a VM does: whom it asks, whether the question arrives there, and what the answer is
///
/// A VM asks the DNS servers of its virtual network, or Azure, which knows the private DNS zones linked to the network and the
/// machines in it. `ping`, `traceroute` and `explain` take such names as DST if they hold a dot.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit code 1: the name has no address, or the input does not say it.

Examples:
  vnetsim resolve SalesVM SalesVM.internal.cloudapp.net -t example:sales-marketing-research
  vnetsim resolve SalesVM MarketingVM.internal.cloudapp.net \\
      -t example:sales-marketing-research"
)]
pub(crate) struct ResolveArguments {
    /// NIC or VM that asks
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// Name to resolve
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// A span of simulated time as people type it.
fn seconds(text: &str) -> Result<SimDuration, String> {
    text.parse()
        .ok()
        .and_then(SimDuration::from_seconds_f64)
        .ok_or_else(|| "expected a number of seconds, for example 0.2".to_owned())
}
