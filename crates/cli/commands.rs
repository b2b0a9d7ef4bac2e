//! One file a command.

mod completions;
mod examples;
mod options;

use crate::args::Command;
use crate::console::{Console, Exit};
use crate::failure::Failure;

/// Runs a command.
pub(crate) fn run(command: Command, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match command {
        Command::Examples(arguments) => examples::run(&arguments, console),
        Command::Options(arguments) => options::run(&arguments, console),
        Command::Completions(arguments) => completions::run(&arguments, console),
    }
}
