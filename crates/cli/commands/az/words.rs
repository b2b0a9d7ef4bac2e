//! The commands of Azure's command line that are understood, with their arguments.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use model::Direction;

use crate::access::AccessArguments;
use crate::args::{StateArguments, TopologyArguments};
use crate::failure::Failure;
use crate::links::{FlagArguments, GroupName, LinkName, ScopeArguments, VnetName};

/// A command line after `az`.
#[derive(Debug, Parser)]
#[command(
    name = "vnetsim az",
    about = "Commands of Azure's command line, on the simulated network",
    disable_version_flag = true,
    max_term_width = 100
)]
pub(super) struct Words {
    #[command(subcommand)]
    pub(super) group: Group,
    /// Output format
    #[arg(short, long, value_enum, default_value = "json", global = true)]
    pub(super) output: Output,
    /// JMESPath query on the answer
    #[arg(long, global = true)]
    pub(super) query: Option<String>,
    #[command(flatten)]
    pub(super) quiet: Quiet,
    #[command(flatten)]
    pub(super) access: AccessArguments,
    #[command(flatten)]
    pub(super) topology: TopologyArguments,
    #[command(flatten)]
    pub(super) state: StateArguments,
}

/// Arguments that every command of az takes and that change nothing here.
#[derive(Args, Debug)]
pub(super) struct Quiet {
    #[arg(long, global = true, hide = true)]
    only_show_errors: bool,
    #[arg(long, global = true, hide = true)]
    verbose: bool,
    #[arg(long, global = true, hide = true)]
    debug: bool,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    #[value(alias = "jsonc")]
    Json,
    Table,
    Tsv,
    None,
}

#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Networks
    #[command(subcommand)]
    Network(Network),
}

#[derive(Debug, Subcommand)]
pub(super) enum Network {
    /// Virtual networks
    #[command(subcommand)]
    Vnet(Vnet),
    /// Network interfaces
    #[command(subcommand)]
    Nic(Nic),
    /// Network Watcher
    #[command(subcommand)]
    Watcher(Watcher),
    /// Network managers
    #[command(subcommand)]
    Manager(Manager),
}

#[derive(Debug, Subcommand)]
pub(super) enum Manager {
    #[command(after_help = "PowerShell: Get-AzNetworkManagerEffectiveSecurityAdminRule")]
    /// The security admin rules that reach a virtual network
    ListEffectiveSecurityAdminRule {
        /// Virtual network: name or id
        #[arg(long, alias = "vnet-name")]
        virtual_network_name: String,
        #[command(flatten)]
        group: GroupName,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Vnet {
    #[command(after_help = "PowerShell: Get-AzVirtualNetwork")]
    /// List virtual networks
    List(GroupName),
    #[command(after_help = "PowerShell: Get-AzVirtualNetwork")]
    /// Show a virtual network
    Show(Named),
    #[command(after_help = "PowerShell: Set-AzVirtualNetwork, with the changed AddressSpace")]
    /// Change the address space of a virtual network; its peerings then have to be synced
    Update {
        #[command(flatten)]
        vnet: Named,
        /// All prefixes that the network is to have
        #[arg(long, value_name = "PREFIX", num_args = 1.., required = true)]
        address_prefixes: Vec<ipnet::Ipv4Net>,
    },
    #[command(after_help = "PowerShell: Remove-AzVirtualNetwork")]
    /// Delete a virtual network that nobody uses; links of other networks to it become Disconnected
    Delete(Named),
    /// Peering links
    #[command(subcommand)]
    Peering(Peering),
    /// Subnets
    #[command(subcommand)]
    Subnet(Subnet),
}

#[derive(Debug, Subcommand)]
pub(super) enum Peering {
    #[command(
        after_help = "PowerShell: Add-AzVirtualNetworkPeering; access is allowed there unless -BlockVirtualNetworkAccess is given"
    )]
    /// Create a link; flags that are not said are false
    Create {
        #[command(flatten)]
        link: LinkName,
        /// Network to peer with: name or id
        #[arg(long, alias = "remote-vnet-id", value_name = "VNET")]
        remote_vnet: String,
        #[command(flatten)]
        flags: FlagArguments,
        #[command(flatten)]
        scope: ScopeArguments,
        #[arg(long, hide = true)]
        no_wait: bool,
    },
    #[command(after_help = "PowerShell: Get-AzVirtualNetworkPeering")]
    /// List the links of a virtual network
    List(VnetName),
    #[command(after_help = "PowerShell: Get-AzVirtualNetworkPeering")]
    /// Show a link
    Show(LinkName),
    #[command(after_help = "PowerShell: Set-AzVirtualNetworkPeering, with the changed object")]
    /// Change the flags or subnets of a link; `--set allowForwardedTraffic=true` is understood too
    Update {
        #[command(flatten)]
        link: LinkName,
        #[command(flatten)]
        flags: FlagArguments,
        #[command(flatten)]
        scope: ScopeArguments,
        #[arg(long, hide = true)]
        no_wait: bool,
    },
    #[command(after_help = "PowerShell: Remove-AzVirtualNetworkPeering")]
    /// Delete a link
    Delete {
        #[command(flatten)]
        link: LinkName,
        #[arg(short, long, hide = true)]
        yes: bool,
        #[arg(long, hide = true)]
        no_wait: bool,
    },
    #[command(after_help = "PowerShell: Sync-AzVirtualNetworkPeering")]
    /// Take over the remote network's present address space
    Sync(LinkName),
}

#[derive(Debug, Subcommand)]
pub(super) enum Subnet {
    #[command(after_help = "PowerShell: Get-AzVirtualNetworkSubnetConfig")]
    /// List the subnets of a virtual network
    List(VnetName),
    #[command(after_help = "PowerShell: Get-AzVirtualNetworkSubnetConfig")]
    /// Show a subnet
    Show(LinkName),
}

#[derive(Debug, Subcommand)]
pub(super) enum Nic {
    #[command(after_help = "PowerShell: Get-AzNetworkInterface")]
    /// List NICs
    List(GroupName),
    #[command(after_help = "PowerShell: Get-AzNetworkInterface")]
    /// Show a NIC
    Show(Named),
    #[command(
        after_help = "PowerShell: Set-AzNetworkInterface, with the changed EnableIPForwarding"
    )]
    /// Switch IP forwarding of a NIC
    Update {
        #[command(flatten)]
        nic: Named,
        /// Whether it may send from and receive for addresses that are not its own
        #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, value_parser = crate::links::truth)]
        ip_forwarding: bool,
    },
    #[command(after_help = "PowerShell: Get-AzEffectiveRouteTable")]
    /// The routes that apply to a NIC
    ShowEffectiveRouteTable(Named),
    #[command(after_help = "PowerShell: Get-AzEffectiveNetworkSecurityGroup")]
    /// The security rules that apply to a NIC
    ListEffectiveNsg(Named),
}

#[derive(Debug, Subcommand)]
pub(super) enum Watcher {
    #[command(after_help = "PowerShell: Get-AzNetworkWatcherNextHop")]
    /// Where a packet goes next when it leaves a VM
    ShowNextHop {
        #[command(flatten)]
        vm: Vm,
        #[arg(long)]
        source_ip: std::net::Ipv4Addr,
        #[arg(long)]
        dest_ip: std::net::Ipv4Addr,
    },
    #[command(after_help = "PowerShell: Test-AzNetworkWatcherIPFlow")]
    /// Whether the security rules of a VM let a packet pass
    TestIpFlow {
        #[command(flatten)]
        vm: Vm,
        #[arg(long)]
        direction: Direction,
        #[arg(long, value_enum, ignore_case = true)]
        protocol: crate::args::FlowProtocol,
        /// ADDRESS:PORT; the port may be *
        #[arg(long)]
        local: String,
        /// ADDRESS:PORT; the port may be *
        #[arg(long)]
        remote: String,
    },
    #[command(after_help = "PowerShell: Test-AzNetworkWatcherConnectivity")]
    /// Whether a VM reaches an address, hop by hop
    TestConnectivity(TestConnectivity),
    #[command(after_help = "PowerShell: Get-AzNetworkWatcherSecurityGroupView")]
    /// The security rules of all NICs of a VM
    ShowSecurityGroupView {
        /// VM: name or id
        #[arg(long = "vm")]
        vm: String,
        #[command(flatten)]
        group: GroupName,
    },
    #[command(after_help = "PowerShell: Invoke-AzNetworkWatcherNetworkConfigurationDiagnostic")]
    /// Which rules hold packets of a kind, and in which fields
    RunConfigurationDiagnostic(ConfigurationDiagnostic),
}

/// What `test-connectivity` takes.
#[derive(Args, Debug)]
pub(super) struct TestConnectivity {
    /// VM that asks: name or id
    #[arg(long)]
    pub(super) source_resource: String,
    /// Source port
    #[arg(long)]
    pub(super) source_port: Option<u16>,
    /// VM that is asked: name or id
    #[arg(
        long,
        conflicts_with = "dest_address",
        required_unless_present = "dest_address"
    )]
    pub(super) dest_resource: Option<String>,
    /// Address that is asked
    #[arg(long)]
    pub(super) dest_address: Option<std::net::Ipv4Addr>,
    /// Destination port
    #[arg(long)]
    pub(super) dest_port: Option<u16>,
    /// Tcp (default with a port), Icmp (default without), Http or Https
    #[arg(long, value_enum, ignore_case = true)]
    pub(super) protocol: Option<CheckProtocol>,
    #[command(flatten)]
    pub(super) group: GroupName,
    #[arg(long, hide = true)]
    method: Option<String>,
    #[arg(long, hide = true, num_args = 0..)]
    headers: Vec<String>,
    #[arg(long, hide = true, num_args = 0..)]
    valid_status_codes: Vec<u16>,
}

/// What a connection check sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckProtocol {
    Tcp,
    Icmp,
    Http,
    Https,
}

/// What `run-configuration-diagnostic` takes.
#[derive(Args, Debug)]
pub(super) struct ConfigurationDiagnostic {
    /// VM or NIC: name or id
    #[arg(long)]
    pub(super) resource: String,
    /// virtualMachines (default) or networkInterfaces, for a resource given by name
    #[arg(long, ignore_case = true, value_parser = ["virtualMachines", "networkInterfaces"])]
    pub(super) resource_type: Option<String>,
    #[command(flatten)]
    pub(super) group: GroupName,
    /// Inbound or Outbound
    #[arg(long, conflicts_with = "queries")]
    pub(super) direction: Option<Direction>,
    /// TCP, UDP, ICMP or *
    #[arg(long, conflicts_with = "queries")]
    pub(super) protocol: Option<model::RuleProtocol>,
    /// *, an address, a prefix or a service tag
    #[arg(long, conflicts_with = "queries")]
    pub(super) source: Option<String>,
    /// *, an address, a prefix or a service tag
    #[arg(long, conflicts_with = "queries")]
    pub(super) destination: Option<String>,
    /// Destination port, or *
    #[arg(long, alias = "destination-port", conflicts_with = "queries")]
    pub(super) port: Option<String>,
    /// Several questions as JSON: [{direction, protocol, source, destination, destinationPort}]
    #[arg(long, value_name = "JSON")]
    pub(super) queries: Option<String>,
    #[arg(long, hide = true)]
    parent: Option<String>,
}

/// A VM and one of its NICs.
#[derive(Args, Debug)]
pub(super) struct Vm {
    /// VM: name or id
    #[arg(long = "vm")]
    pub(super) name: String,
    /// NIC: name or id; the primary one unless said
    #[arg(long)]
    pub(super) nic: Option<String>,
    #[command(flatten)]
    pub(super) group: GroupName,
}

/// A resource by name.
#[derive(Args, Debug)]
pub(super) struct Named {
    /// Name or id
    #[arg(short, long)]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) group: GroupName,
}

/// Reads the words after `az`. Mistakes are told as az tells them.
pub(super) fn parse(words: &[OsString]) -> Result<Words, Failure> {
    let line = std::iter::once(OsString::from("vnetsim az")).chain(words.iter().cloned());
    Words::try_parse_from(line).map_err(|error| match as_az(&error) {
        Some(text) => Failure::Usage(text),
        None => Failure::Arguments(error),
    })
}

/// The message of az for a mistake that it has words for.
fn as_az(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?;
            let similar = text(ContextKind::SuggestedSubcommand)
                .map(|word| format!("\nThe most similar choice to it is: {word}"));
            Some(format!(
                "'{word}' is misspelled or not recognized by the system.{}\nvnetsim knows `network vnet`, `network nic`, `network watcher` and `network manager`; `vnetsim az network --help` lists their commands.",
                similar.unwrap_or_default()
            ))
        }
        ErrorKind::MissingRequiredArgument => Some(format!(
            "the following arguments are required: {}",
            text(ContextKind::InvalidArg)?
        )),
        ErrorKind::UnknownArgument => Some(format!(
            "unrecognized arguments: {}",
            text(ContextKind::InvalidArg)?
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn mistake(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        parse(&words).unwrap_err().to_string()
    }

    #[test]
    fn the_words_are_free_of_contradictions() {
        Words::command().debug_assert();
    }

    #[test]
    fn every_command_names_the_cmdlet_that_equals_it() {
        fn leaves(command: &clap::Command, into: &mut Vec<(String, String)>) {
            if !command.has_subcommands() {
                let help = command.get_after_help();
                let help = help.map(ToString::to_string).unwrap_or_default();
                into.push((command.get_name().to_owned(), help));
            }
            for below in command.get_subcommands() {
                leaves(below, into);
            }
        }
        let mut commands = Vec::new();
        leaves(&Words::command(), &mut commands);
        assert!(commands.len() > 15, "{commands:?}");
        for (name, help) in commands {
            let cmdlet = help.strip_prefix("PowerShell: ").unwrap_or_default();
            let (verb, noun) = cmdlet.split_once("-Az").unwrap_or_default();
            assert!(
                [
                    "Add", "Get", "Set", "Remove", "Sync", "Test", "Invoke", "Start"
                ]
                .contains(&verb)
                    && noun.len() > 5,
                "{name}: {help}"
            );
        }
    }

    #[test]
    fn mistakes_are_told_as_az_tells_them() {
        assert!(
            mistake(&["network", "vent", "list"])
                .starts_with("'vent' is misspelled or not recognized by the system.")
        );
        assert_eq!(
            mistake(&["network", "vnet", "show"]),
            "the following arguments are required: --name <NAME>"
        );
        assert_eq!(
            mistake(&["network", "vnet", "list", "--colour", "red"]),
            "unrecognized arguments: --colour"
        );
    }
}
