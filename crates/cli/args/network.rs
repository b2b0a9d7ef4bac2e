//! Which network a command works on, and where changes of it go.

use std::path::PathBuf;

use clap::Args;

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

/// Whether `-t` itself is rewritten.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct InPlace {
    /// Change the scenario given by -t itself; it is written anew, in full and without comments
    #[arg(long, conflicts_with = "state")]
    pub(crate) in_place: bool,
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
