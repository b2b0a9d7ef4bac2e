//! `vnetsim completions`: a completion script for a shell.

use clap::CommandFactory;

use crate::args::{Arguments, CompletionsArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;

pub(super) fn run(
    arguments: &CompletionsArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    // The generator panics when its output is closed, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "vnetsim",
        &mut script,
    );
    console.out().write_all(&script)?;
    Ok(Exit::Yes)
}
