//! What `peering` takes.

use clap::{Args, Subcommand};

use super::format::Format;
use super::network::{InPlace, StateArguments, TopologyArguments};
use crate::access::AccessArguments;
use crate::links::{FlagArguments, GroupName, LinkName, ScopeArguments};

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
