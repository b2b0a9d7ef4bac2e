//! Arguments of `vnetsim matrix`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reach::{Addresses, Selector};

use super::network::TopologyArguments;
use super::services::ServicesArguments;

/// Say who reaches whom: the verdict about every pair of NICs, as packets would have it
///
/// A pair is reachable if a probe arrives and the reply of a willing host comes back, whatever listens in the guest (--listeners lets that
/// count). Selectors say between whom:
///   all, *                         every NIC
///   vm:web-*  nic:NAME             VMs, NICs; * and ? in any name
///   vnet:spoke1  subnet:hub/Apps   NICs in them; also asg:NAME, group:NAME (resource group)
///   10.1.0.0/16  10.1.0.4          by address
///   tag:NAME                       by the prefixes of a service tag
///   site:branch  site:branch/pc    hosts on premises and VPN clients; on-premises for all of them
///   internet  internet:ADDRESS     the Internet, or one of its hosts
///   NAME, VM/NIC, a resource id    as every command takes them
/// Commas join selectors, and ! before one takes its ends away.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Exit codes: 0 whatever the verdicts are; 2 if --verify finds a mismatch; 130 interrupted, and FILE stays as it was.

Examples:
  vnetsim matrix -t example:hub-spoke-nva
  vnetsim matrix --service tcp/443,tcp/22 --from vnet:spoke1 --to 'all,!vnet:spoke1' -t dump
  vnetsim matrix --protocol tcp --port any -o csv --file reach.csv -t dump
  vnetsim matrix --service icmp,tcp/443 -o compact --file reach.txt -t dump   # commit it
  vnetsim matrix --from internet --service tcp/any -t dump                    # what is exposed: open ports, and the rules that let in
  vnetsim matrix --service tcp/443 --listeners -t net.yaml                    # only who listens there
  vnetsim matrix -o html --file reach.html -t dump
  vnetsim matrix --summary --verify 100000 -o json -t dump"
)]
pub(crate) struct MatrixArguments {
    /// Who asks
    #[arg(long, value_name = "SELECTOR", default_value = "all")]
    pub(crate) from: Selector,
    /// Who is asked
    #[arg(long, value_name = "SELECTOR", default_value = "all")]
    pub(crate) to: Selector,
    /// By which of its addresses a NIC takes part
    #[arg(long, value_enum, default_value = "primary")]
    pub(crate) addresses: AddressesArgument,
    #[command(flatten)]
    pub(crate) services: ServicesArguments,
    /// How to print it [default: by the ending of FILE, else table]
    #[arg(short, long, value_enum, help_heading = "Output")]
    pub(crate) output: Option<MatrixFormat>,
    /// Write to this file instead: whole, or not at all
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) file: Option<PathBuf>,
    /// One line a pair in CSV, JSON and Parquet, however many: above 10,000,000 pairs it is one a pair of groups of ends that are alike
    #[arg(long, help_heading = "Output")]
    pub(crate) all_pairs: bool,
    /// Print counts and times only
    ///
    /// `matrix_ms` is the time for the forward verdicts of all pairs, `round_trip_ms` what the verdicts about replies add (both medians, where
    /// there is time for several runs), `build_ms` that of compiling the network. `classes`: distinct rows. No row is kept.
    #[arg(long, help_heading = "Output")]
    pub(crate) summary: bool,
    /// Ask about N pairs at random again, each by a packet of its own
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub(crate) verify: Option<u64>,
    /// Which pairs --verify picks
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Output")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// How a matrix is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    /// For people: a grid, or groups of ends that are alike
    Table,
    /// One line a pair
    Csv,
    /// One document
    Json,
    /// One page that needs nothing else
    Html,
    /// Text to commit: one fact a line, in a stable order
    Compact,
    /// The lines of CSV by columns; needs a build with the feature parquet, and FILE
    Parquet,
}

/// Which addresses count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AddressesArgument {
    /// The primary one
    Primary,
    /// Each of them is an end
    All,
}

impl From<AddressesArgument> for Addresses {
    fn from(addresses: AddressesArgument) -> Self {
        match addresses {
            AddressesArgument::Primary => Self::Primary,
            AddressesArgument::All => Self::All,
        }
    }
}
