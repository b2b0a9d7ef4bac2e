//! Arguments of `vnetsim diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reach::Selector;

use super::network::{TopologyArguments, assignment};
use super::services::ServicesArguments;

/// Say what a change does: pairs of NICs lost and gained, pairs that take another way, and which route, rule or flag did it
///
/// BEFORE and AFTER are files or folders as -t takes them, or example:NAME; --before and --after add further ones to one side, -t to
/// both. Objects are matched by id, then by type, resource group and name, then by --map. Pairs with NICs that only one side has are
/// not counted; the NICs are listed as added or removed.
///
/// Selectors (--from, --to) are those of `vnetsim matrix`; they are asked in each network.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing was lost, 1 something was, 2 bad input, or the two have nothing in common.

Where the ways of very many pairs may differ, a packet is sent for one of each class of pairs: sources of one subnet
with the same routes, destinations of one subnet. The answer says so.

Examples:
  vnetsim diff example:sales-marketing-research example:sales-marketing-research-unpeered
  vnetsim diff dump plan.json --keep-state          # az dumps against terraform show -json
  vnetsim diff dump plan.json --service tcp/443 --from internet -o markdown >> $GITHUB_STEP_SUMMARY
  vnetsim diff old.yaml new.yaml --map rg-net=rg-network --map hub-vnet=hub
  vnetsim diff dump dump --after more-rules.yaml    # what if this were added?
  vnetsim diff net.yaml net.yaml --set-after forwardedTraffic=lenient"
)]
pub(crate) struct DiffArguments {
    /// The network as it was
    #[arg(value_name = "BEFORE", help_heading = None)]
    pub(crate) before: PathBuf,
    /// The network as it is to be
    #[arg(value_name = "AFTER", help_heading = None)]
    pub(crate) after: PathBuf,
    /// Who asks
    #[arg(long, value_name = "SELECTOR", default_value = "all")]
    pub(crate) from: Selector,
    /// Who is asked
    #[arg(long, value_name = "SELECTOR", default_value = "all")]
    pub(crate) to: Selector,
    /// What has another name now: ids, beginnings of ids, or names of a subscription, a resource group or a resource
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) map: Vec<String>,
    /// Take over from BEFORE what AFTER does not say: which VMs are not running, what gateways have learned
    ///
    /// A template or a plan knows neither, so that compared with a dump every stopped VM would count as started. Where AFTER says such a
    /// thing of any VM, or of any gateway, nothing is taken over.
    #[arg(long)]
    pub(crate) keep_state: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: DiffFormat,
    #[command(flatten)]
    pub(crate) services: ServicesArguments,
    /// Another file or folder of the network as it was
    #[arg(long = "before", value_name = "PATH", help_heading = "Topology")]
    pub(crate) more_before: Vec<PathBuf>,
    /// Another file or folder of the network as it is to be
    #[arg(long = "after", value_name = "PATH", help_heading = "Topology")]
    pub(crate) more_after: Vec<PathBuf>,
    /// --set for BEFORE alone
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, help_heading = "Topology")]
    pub(crate) set_before: Vec<(String, String)>,
    /// --set for AFTER alone
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, help_heading = "Topology")]
    pub(crate) set_after: Vec<(String, String)>,
    /// --parameters for BEFORE alone
    #[arg(long, value_name = "FILE|NAME=VALUE", help_heading = "Topology")]
    pub(crate) parameters_before: Vec<String>,
    /// --parameters for AFTER alone
    #[arg(long, value_name = "FILE|NAME=VALUE", help_heading = "Topology")]
    pub(crate) parameters_after: Vec<String>,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people
    Table,
    /// One document
    Json,
    /// For a pull request: a summary, details folded, of bounded length
    Markdown,
}

impl DiffArguments {
    /// What is read as the network before, and as the one after.
    pub(crate) fn topologies(&self) -> [TopologyArguments; 2] {
        let side =
            |first: &PathBuf, more: &[PathBuf], set: &[(String, String)], parameters: &[String]| {
                let both = &self.topology;
                let first = std::iter::once(first);
                TopologyArguments {
                    topology: first.chain(more).chain(&both.topology).cloned().collect(),
                    set: both.set.iter().chain(set).cloned().collect(),
                    parameters: both.parameters.iter().chain(parameters).cloned().collect(),
                    strict: both.strict,
                }
            };
        [
            side(
                &self.before,
                &self.more_before,
                &self.set_before,
                &self.parameters_before,
            ),
            side(
                &self.after,
                &self.more_after,
                &self.set_after,
                &self.parameters_after,
            ),
        ]
    }
}
