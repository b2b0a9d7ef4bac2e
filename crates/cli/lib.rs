//! `vnetsim`: a packet-level simulator of Azure virtual networking.
//!
//! This package is the command line ([`run`]) and one name for the crates below it. Without the default feature `cli` only
//! the latter remain, and neither an argument parser nor a printer for terminals is compiled.
//!
//! | to do | use |
//! |---|---|
//! | hold a network and change it as Azure would | [`model`] |
//! | read and write ARM templates, az dumps and scenarios | [`formats`] |
//! | make a network of any size | [`mod@generate`] |
//! | know what Azure would program into every NIC | [`control`] |
//! | send packets through it | [`dataplane`], in virtual time [`engine`] |
//! | know who reaches whom | [`reach`] |
//! | know why a packet lived or died | [`diagnose`] |
//! | print it as Azure does | [`report`] |
//!
//! What the command line does **not** know: any rule of Azure. It reads arguments, asks one of the crates, and prints.
//!
//! | module of the command line | what it holds |
//! |---|---|
//! | `args` | every argument and help text |
//! | `commands` | one file a command |
//! | `topology` | from `-t` to a network |
//! | `state` | the file that carries changes from one command to the next |
//! | `journey` | a run of `ping` or `traceroute`, and whoever watches it |
//! | `progress` | bars for long work |
//! | `access` | who acts on peerings, and what that needs |
//! | `dependence` | notes about the options on which answers depend |
//! | `links` | peering links by name: what `peering` and `az` share |
//! | `query` | JMESPath for `--query` |
//! | `examples` | the built-in networks |
//! | [`console`](Console) | where data and messages go |
//! | `failure` | why a command could not answer, and how that is shown |
#![forbid(unsafe_code)]

pub use {control, dataplane, diagnose, engine, formats, generate, model, reach, report};

#[cfg(feature = "cli")]
mod access;
#[cfg(feature = "cli")]
mod args;
#[cfg(feature = "cli")]
mod commands;
#[cfg(feature = "cli")]
mod console;
#[cfg(feature = "cli")]
mod dependence;
#[cfg(feature = "cli")]
mod examples;
#[cfg(feature = "cli")]
mod failure;
#[cfg(feature = "cli")]
mod journey;
#[cfg(feature = "cli")]
mod links;
#[cfg(feature = "cli")]
mod progress;
#[cfg(feature = "cli")]
mod query;
#[cfg(feature = "cli")]
mod state;
#[cfg(feature = "cli")]
mod topology;

#[cfg(feature = "cli")]
pub use console::{Console, Exit};

/// Runs one command line, the program's name first, and says how the process should end.
///
/// Data goes to the console's output, messages to its error output. A reader that closes the output early is no error.
#[cfg(feature = "cli")]
pub fn run(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    console: &mut Console<'_>,
) -> Exit {
    use clap::Parser;

    let answer = args::Arguments::try_parse_from(arguments)
        .map_err(failure::Failure::from)
        .and_then(|arguments| commands::run(arguments.command, console))
        .and_then(|exit| Ok(console.flush().map(|()| exit)?));
    answer.unwrap_or_else(|failure| failure.show(console))
}
