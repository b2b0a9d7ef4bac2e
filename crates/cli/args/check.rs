//! Arguments of `vnetsim check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use formats::promises::Date;

use super::network::TopologyArguments;

/// Hold a network against what a team has promised about it: who must reach whom, and who must not
///
/// FILE is YAML with a list of promises: must, must-not, must-pass-through, must-not-pass-through, max-latency, each with
/// selectors for both ends (those of `vnetsim matrix --help`) and services. `vnetsim schema promises` describes it. A promise that is broken shows a pair that
/// breaks it, and explains why.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit code 0: all promises are kept; 1: one is broken; 2: bad input, such as a selector that means nobody.
Unknown and expired promises are warnings, unless --fail-unknown or --fail-expired says otherwise.

Examples:
  vnetsim check example:hub-spoke-nva
  vnetsim check promises.yaml -t dump
  vnetsim check promises.yaml -t plan.json -o sarif > vnetsim.sarif
  vnetsim check promises.yaml -t dump --coverage --today 2027-01-31

A file of promises:
  promises:
    - name: web reaches db
      must: { from: \"subnet:prod/web\", to: \"subnet:prod/db\", service: tcp/5432 }
      owner: team-payments
      reason: checkout needs it
      expires: 2027-06-30
    - name: nobody outside reaches db
      must-not: { from: internet, to: \"subnet:prod/db\" }
    - name: spokes are inspected
      must-pass-through:
        { from: \"vnet:spoke*\", to: \"vnet:hub\", through: \"firewall:hub-fw\", service: tcp/443 }"
)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct CheckArguments {
    /// Promises; `example:NAME` is the file of a built-in network, and the network with it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Say which security rules and routes decide for no promise
    #[arg(long)]
    pub(crate) coverage: bool,
    /// The day on which promises expire or not [default: today, in UTC]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(crate) today: Option<Date>,
    /// Take promises of which the input does not hold what decides for broken
    #[arg(long)]
    pub(crate) fail_unknown: bool,
    /// Take promises whose last day is past for broken
    #[arg(long)]
    pub(crate) fail_expired: bool,
    /// Most packets that are sent to look at the ways of one promise
    #[arg(long, value_name = "N", default_value_t = reach::promises::Limits::default().ways)]
    pub(crate) max_ways: u64,
    /// Take it that somebody answers at the single addresses that promises name, where the input knows the prefix but no host
    #[arg(long)]
    pub(crate) assume_hosts: bool,
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: CheckFormat,
    #[command(flatten)]
    pub(crate) topology: TopologyArguments,
}

/// How promises are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// Test Anything Protocol, version 14.
    Tap,
    /// `JUnit` XML, for test reports of CI systems.
    Junit,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|error| format!("expected {error}"))
}
