//! Every argument and help text of the command line. Names are stable: scripts rely on them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    Examples(ExamplesArguments),
    Options(OptionsArguments),
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

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
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
