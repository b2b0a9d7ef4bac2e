//! What `lint` takes.

use clap::{Args, ValueEnum};

use super::network::{TopologyArguments, assignment};

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
