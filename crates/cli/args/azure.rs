//! Commands that speak as Azure does, or with it: effective routes and rules, Network Watcher, `compare`, `az`, `collect`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::Direction;

use super::format::Format;
use super::network::TopologyArguments;

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

/// Protocols of an IP flow question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowProtocol {
    Tcp,
    Udp,
    Icmp,
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
