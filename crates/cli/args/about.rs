//! Commands about the tool and its input: `show`, `examples`, `options`, `schema`, `completions`, `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::format::Format;
use super::network::{TopologyArguments, assignment};

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

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vnetsim completions bash > ~/.local/share/bash-completion/completions/vnetsim")]
pub(crate) struct CompletionsArguments {
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page of a command, or write all of them for `man`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vnetsim man ping | man -l -
  vnetsim man peering create
  vnetsim man --write ~/.local/share/man/man1")]
pub(crate) struct ManArguments {
    /// Command whose page is printed; vnetsim itself unless said
    #[arg(value_name = "COMMAND", conflicts_with = "write")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands into this folder, which is made if needed; pages that exist are replaced
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
}
