//! Every argument and help text of the command line. Names are stable: scripts rely on them.

mod bench;
mod check;
mod diff;
mod generate;
mod matrix;
mod services;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::application::{DEFAULT_TTL, MAX_PAYLOAD};
use engine::time::{CaptureEpoch, SimDuration};
use model::Direction;

pub(crate) use self::bench::BenchArguments;
pub(crate) use self::check::{CheckArguments, CheckFormat};
pub(crate) use self::diff::{DiffArguments, DiffFormat};
pub(crate) use self::generate::{GenerateArguments, GenerateFormat};
pub(crate) use self::matrix::{MatrixArguments, MatrixFormat};
use crate::access::AccessArguments;
use crate::links::{FlagArguments, GroupName, LinkName, ScopeArguments};

/// What the whole command line says.
#[derive(Debug, Parser)]
#[command(
    name = "vnetsim",
    version,
    about = "Packet-level simulator of Azure virtual networking",
    after_help = "Exit codes: 0 yes, 1 no (no reply, dropped, denied), 2 bad input, usage or system, 130 interrupted.",
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ping(PingArguments),
    Traceroute(TracerouteArguments),
    Explain(ExplainArguments),
    EffectiveRoutes(EffectiveRoutesArguments),
    EffectiveNsg(EffectiveNsgArguments),
    NextHop(NextHopArguments),
    IpFlow(IpFlowArguments),
    Matrix(MatrixArguments),
    Check(CheckArguments),
    Lint(LintArguments),
    Resolve(ResolveArguments),
    Diff(DiffArguments),
    Compare(CompareArguments),
    Bench(BenchArguments),
    Peering(PeeringArguments),
    Az(AzWords),
    Collect(CollectArguments),
    Show(ShowArguments),
    Generate(GenerateArguments),
    Examples(ExamplesArguments),
    Options(OptionsArguments),
    Schema(SchemaArguments),
    Completions(CompletionsArguments),
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Which network to work on.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Topology")]
pub(crate) struct TopologyArguments {
    /// File or folder to read; repeat it to read several. `example:NAME` is a built-in network
    ///
    /// ARM templates, az output, graph query results and scenarios, recognised by their content.
    /// [default: the file of `VNETSIM_STATE`, else vnetsim.yaml]
    #[arg(short, long, value_name = "PATH", global = true)]
    pub(crate) topology: Vec<PathBuf>,
    /// Set an option (`vnetsim options` lists them); goes before the options of a scenario
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, global = true)]
    pub(crate) set: Vec<(String, String)>,
    /// Parameters of a template: a parameter file, or one value
    #[arg(long, value_name = "FILE|NAME=VALUE", global = true)]
    pub(crate) parameters: Vec<String>,
    /// Take warnings about the input as errors
    #[arg(long, global = true)]
    pub(crate) strict: bool,
}

/// Where changes go.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "State")]
pub(crate) struct StateArguments {
    /// Scenario that holds the network with all changes; made from -t when missing
    #[arg(long, value_name = "FILE", env = "VNETSIM_STATE", global = true)]
    pub(crate) state: Option<PathBuf>,
}

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

/// Print the routes that apply to a NIC, as `az network nic show-effective-route-table` does
///
/// Stopped VMs and NICs without VM are answered too, with a note: Azure would refuse.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim effective-routes SalesVMVMNic -t example:sales-marketing-research
  vnetsim effective-routes Spoke1VM -t example:hub-spoke-nva -o json")]
pub(crate) struct EffectiveRoutesArguments {
    /// NIC or VM: name, VM/NIC, id, or an address that only one NIC has
    #[arg(value_name = "NIC")]
    pub(crate) nic: String,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Print the security rules that apply to a NIC, as `az network nic list-effective-nsg` does
///
/// Stopped VMs and NICs without VM are answered too, with a note: Azure would refuse.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vnetsim effective-nsg Spoke1VM -t example:hub-spoke-nva")]
pub(crate) struct EffectiveNsgArguments {
    /// NIC or VM: name, VM/NIC, id, or an address that only one NIC has
    #[arg(value_name = "NIC")]
    pub(crate) nic: String,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Say where a packet goes next when it leaves a NIC: Network Watcher's next hop
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: the packet is dropped there.

Examples:
  vnetsim next-hop SalesVM ResearchVM -t example:sales-marketing-research
  vnetsim next-hop Spoke1VM 10.2.0.4 -t example:hub-spoke-nva -o json")]
pub(crate) struct NextHopArguments {
    /// NIC or VM that sends
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// VM, NIC or address that is to receive
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Say whether the security rules of a NIC let a packet pass, and which rule decides: Network Watcher's IP flow verify
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: denied.

Examples:
  vnetsim ip-flow Spoke2VM --direction inbound --protocol tcp --local :1433 \\
      --remote 10.1.0.4:50000 -t example:hub-spoke-nva
  vnetsim ip-flow Spoke2VM --direction inbound --protocol icmp --remote 10.1.0.4 \\
      -t example:hub-spoke-nva")]
pub(crate) struct IpFlowArguments {
    /// NIC or VM whose rules are asked
    #[arg(value_name = "NIC")]
    pub(crate) nic: String,
    /// inbound or outbound, seen from the VM
    #[arg(long)]
    pub(crate) direction: Direction,
    #[arg(long, value_enum)]
    pub(crate) protocol: FlowProtocol,
    /// Own end: ADDRESS:PORT, ADDRESS or :PORT; the NIC's primary address unless said
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "")]
    pub(crate) local: String,
    /// Other end: ADDRESS:PORT or ADDRESS
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) remote: String,
    /// ICMP type; 8 is an echo request
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) icmp_type: u8,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Hold answers of Azure against the simulator's, row by row, with the rule or object that made ours
///
/// A dump is the JSON of `az network nic show-effective-route-table` or `list-effective-nsg`, of `az network
/// watcher test-ip-flow` or `show-next-hop`, or of `az network vnet peering list`; the REST API's form is read
/// as well. Whose answer a dump of a NIC is, is said by NIC=FILE, by the ids in it, or by the name of the
/// file: NIC.json, NIC.routes.json. What was asked of Network Watcher is said by flags or by --question.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit code 1: they differ. Routes with next hop None are shown and do not count: which ones there are depends
on region and date.

Examples:
  vnetsim compare web-nic.json app-nic.json peerings.json -t dump
  vnetsim compare web-nic=routes.json web-nic=nsg.json -t dump -o json
  vnetsim compare web-nic=flow.json --direction inbound --protocol tcp --local :443 \\
      --remote 10.1.0.4:50000 -t dump
  vnetsim compare web-nic=hop.json --destination 10.2.0.4 -t dump
  vnetsim compare flow1.json flow2.json --question questions.json -t dump

A file of questions has one for each dump that needs one:
  { \"flow1.json\": { \"nic\": \"web-nic\", \"direction\": \"Inbound\", \"protocol\": \"TCP\",
                    \"local\": \"10.1.0.4:443\", \"remote\": \"10.2.0.4:50000\" },
    \"hop.json\": { \"nic\": \"web-nic\", \"destination\": \"10.2.0.4\" } }"
)]
pub(crate) struct CompareArguments {
    /// Answers of Azure: FILE, or NIC=FILE
    #[arg(value_name = "DUMP", required = true)]
    pub(crate) dumps: Vec<String>,
    /// JSON with what was asked, by the name of the dump
    #[arg(long, value_name = "FILE")]
    pub(crate) question: Option<PathBuf>,
    /// Of an IP flow: inbound or outbound, seen from the VM
    #[arg(long)]
    pub(crate) direction: Option<Direction>,
    /// Of an IP flow
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<FlowProtocol>,
    /// Of an IP flow, the own end: ADDRESS:PORT, ADDRESS or :PORT; the NIC's primary address unless said
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) local: Option<String>,
    /// Of an IP flow, the other end: ADDRESS:PORT or ADDRESS
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) remote: Option<String>,
    /// Of a next hop: where the packet goes
    #[arg(long, value_name = "DST")]
    pub(crate) destination: Option<String>,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Protocols of an IP flow question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowProtocol {
    Tcp,
    Udp,
    Icmp,
}

/// Say what is wrong with a network, without sending a packet
///
/// Each finding names its check, the resource, its place in the files, the rule of Azure, and what to change.
#[derive(Args, Debug)]
#[command(after_help = "Exit code 1: a finding of severity error.

Examples:
  vnetsim lint -t hub.arm.json
  vnetsim lint -t dump --severity warning --skip icmp-rule-with-ports
  vnetsim lint -t net.yaml -o sarif > vnetsim.sarif
  vnetsim lint --list")]
pub(crate) struct LintArguments {
    /// Only these checks: id, or several with commas; repeat it for more
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Not these checks
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Only findings at least this bad
    #[arg(long, value_enum, default_value = "note")]
    pub(crate) severity: LintSeverity,
    /// Table of Azure's limits to count against: azure-2022 or network-manager
    #[arg(long, value_name = "TABLE", default_value = "azure-2022")]
    pub(crate) limits: String,
    /// A limit that is different for you, for example peeringsPerVirtualNetwork=1000
    #[arg(long, value_name = "NAME=N", value_parser = assignment)]
    pub(crate) limit: Vec<(String, String)>,
    /// List the checks
    #[arg(long)]
    pub(crate) list: bool,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: LintFormat,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
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

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintSeverity {
    Note,
    Warning,
    Error,
}

impl From<LintSeverity> for diagnose::lint::Severity {
    fn from(severity: LintSeverity) -> Self {
        match severity {
            LintSeverity::Note => Self::Note,
            LintSeverity::Warning => Self::Warning,
            LintSeverity::Error => Self::Error,
        }
    }
}

/// List, show and change peering links: their life cycle as Azure's, with its error codes
///
/// A change is written to the state: a scenario with all resources in full. Templates and dumps never change.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim peering list -t example:sales-marketing-research
  vnetsim peering create -t example:sales-marketing-research-unpeered --state net.yaml \\
      --vnet-name SalesVNet --name Sales-To-Marketing --remote-vnet MarketingVNet \\
      --both --remote-name Marketing-To-Sales
  vnetsim peering delete --state net.yaml --vnet-name SalesVNet --name Sales-To-Marketing
  vnetsim peering create --permissions -t example:sales-marketing-research-unpeered \
      --vnet-name SalesVNet --name Sales-To-Marketing --remote-vnet MarketingVNet")]
pub(crate) struct PeeringArguments {
    #[command(subcommand)]
    pub(crate) action: PeeringAction,
    #[arg(short, long, value_enum, default_value = "table", global = true)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) access: AccessArguments,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
    #[command(flatten)]
    pub(crate) state: StateArguments,
}

/// What to do with peering links.
#[derive(Debug, Subcommand)]
pub(crate) enum PeeringAction {
    #[command(after_help = "Examples:
  vnetsim peering list -t example:sales-marketing-research
  vnetsim peering list --vnet-name MarketingVNet -o json \\
      -t example:sales-marketing-research")]
    /// List the links, of one network or of all
    List {
        /// Only links of this virtual network: name or id
        #[arg(long = "vnet-name", visible_alias = "vnet", value_name = "VNET")]
        vnet_name: Option<String>,
        #[command(flatten)]
        group: GroupName,
    },
    #[command(after_help = "Example:
  vnetsim peering show --vnet-name SalesVNet --name SalesVNet-To-MarketingVNet \\
      -t example:sales-marketing-research")]
    /// Show a link
    Show {
        #[command(flatten)]
        link: LinkName,
    },
    #[command(after_help = "Examples:
  vnetsim peering create --vnet-name SalesVNet --name Sales-To-Marketing \\
      --remote-vnet MarketingVNet -t example:sales-marketing-research-unpeered --state net.yaml
  vnetsim peering create --vnet-name SalesVNet --name Sales-To-Marketing \\
      --remote-vnet MarketingVNet --both --remote-name Marketing-To-Sales \\
      -t example:sales-marketing-research-unpeered --state net.yaml")]
    /// Create a link; the first of a pair is Initiated, the second connects both
    ///
    /// Flags that are not said are as in a template: access true, the others false. With --both they are as in the portal:
    /// access and forwarded traffic true on both links.
    Create {
        #[command(flatten)]
        link: LinkName,
        /// Network to peer with: name or id
        #[arg(long, value_name = "VNET")]
        remote_vnet: String,
        #[command(flatten)]
        flags: FlagArguments,
        #[command(flatten)]
        scope: ScopeArguments,
        /// Create the reverse link too, as the portal does
        #[arg(long, requires = "remote_name")]
        both: bool,
        /// Name of the reverse link
        #[arg(long, value_name = "NAME", requires = "both")]
        remote_name: Option<String>,
        #[command(flatten)]
        place: InPlace,
    },
    #[command(after_help = "Example:
  vnetsim peering update --vnet-name Spoke2VNet --name Spoke2-To-Hub \\
      --allow-forwarded-traffic false -t example:hub-spoke-nva --state net.yaml")]
    /// Change the flags or subnets of a link; a Disconnected link goes back to Initiated
    Update {
        #[command(flatten)]
        link: LinkName,
        #[command(flatten)]
        flags: FlagArguments,
        #[command(flatten)]
        scope: ScopeArguments,
        /// Change the reverse link in the same way; subnets stay as they are there
        #[arg(long)]
        both: bool,
        #[command(flatten)]
        place: InPlace,
    },
    #[command(after_help = "Example:
  vnetsim peering delete --vnet-name SalesVNet --name SalesVNet-To-MarketingVNet \\
      -t example:sales-marketing-research --state net.yaml")]
    /// Delete a link; the reverse link stays behind as Disconnected
    Delete {
        #[command(flatten)]
        link: LinkName,
        /// Delete the reverse link too, as the portal does
        #[arg(long)]
        both: bool,
        #[command(flatten)]
        place: InPlace,
    },
    #[command(after_help = "Example:
  vnetsim peering sync --vnet-name SalesVNet --name SalesVNet-To-MarketingVNet \\
      -t example:sales-marketing-research --state net.yaml")]
    /// Take over the remote network's present address space
    Sync {
        #[command(flatten)]
        link: LinkName,
        /// Sync the reverse link too
        #[arg(long)]
        both: bool,
        #[command(flatten)]
        place: InPlace,
    },
}

/// Whether `-t` itself is rewritten.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct InPlace {
    /// Change the scenario given by -t itself; it is written anew, in full and without comments
    #[arg(long, conflicts_with = "state")]
    pub(crate) in_place: bool,
}

/// Run a command of Azure's command line on the simulated network, word for word
///
/// -t, --state and --set are accepted after the words of az. A placeholder for the resource group, such as `<group>`, means any.
#[derive(Args, Debug)]
#[command(
    disable_help_flag = true,
    after_help = "Example:
  vnetsim az network nic show-effective-route-table --name SalesVMVMNic -o table \\
      -t example:sales-marketing-research"
)]
pub(crate) struct AzWords {
    /// What follows `az` on Azure's command line
    #[arg(
        value_name = "WORDS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) words: Vec<OsString>,
}

/// Print a script that collects a network from Azure into a folder that -t reads
///
/// The script only reads. It needs az with a login and a POSIX shell.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim collect > collect.sh && sh collect.sh dump
  vnetsim collect --check dump")]
pub(crate) struct CollectArguments {
    /// Say what a collected folder lacks for exact answers
    #[arg(long, value_name = "DIR")]
    pub(crate) check: Option<PathBuf>,
    /// Subscriptions to collect from; all that the login sees unless said
    #[arg(long, value_name = "ID", conflicts_with = "check")]
    pub(crate) subscription: Vec<String>,
    #[arg(short, long, value_enum, default_value = "table", requires = "check")]
    pub(crate) output: Format,
}

/// Show what was loaded: counts, warnings, unknown and assumed values, options in force
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vnetsim show -t hub.arm.json --parameters hub.parameters.json")]
pub(crate) struct ShowArguments {
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// Print a JSON Schema: of the scenarios and promises that people write, or of what `explain -o json` prints
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim schema scenario > vnetsim.schema.json
  vnetsim schema promises > promises.schema.json
  vnetsim schema explain > explain.schema.json")]
pub(crate) struct SchemaArguments {
    #[arg(value_enum, default_value = "scenario")]
    pub(crate) kind: SchemaKind,
}

/// Kinds of documents with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// The file that people write.
    Scenario,
    /// What a team promises about its network, for `check`.
    Promises,
    /// What `explain -o json` prints.
    Explain,
}

/// List the built-in networks, or write them as files to start from
///
/// Every other command takes one of them as `-t example:NAME`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim examples
  vnetsim examples --write . hub-spoke-nva")]
pub(crate) struct ExamplesArguments {
    /// Write the files into this folder, which is made if needed; files that exist stay
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
    /// Networks to write; all if none is named
    #[arg(value_name = "NAME", requires = "write")]
    pub(crate) names: Vec<String>,
}

/// List the options: decisions where Azure's documents and recordings disagree or are silent
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim options
  vnetsim options --set noneRoutes=seed -o json")]
pub(crate) struct OptionsArguments {
    /// Set an option, as for every other command
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Format,
}

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vnetsim completions bash > ~/.local/share/bash-completion/completions/vnetsim")]
pub(crate) struct CompletionsArguments {
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// A span of simulated time as people type it.
fn seconds(text: &str) -> Result<SimDuration, String> {
    text.parse()
        .ok()
        .and_then(SimDuration::from_seconds_f64)
        .ok_or_else(|| "expected a number of seconds, for example 0.2".to_owned())
}

/// `NAME=VALUE`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
