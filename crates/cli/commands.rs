//! One file a command.

mod az;
mod bench;
mod check;
mod collect;
mod compare;
mod completions;
mod diff;
mod effective_nsg;
mod effective_routes;
mod examples;
mod explain;
mod generate;
mod ip_flow;
mod lint;
mod man;
mod matrix;
mod next_hop;
mod options;
mod peering;
mod ping;
mod resolve;
mod schema;
mod show;
mod traceroute;

use crate::args::Command;
use crate::console::{Console, Exit};
use crate::failure::Failure;

/// Runs a command.
pub(crate) fn run(command: Command, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match command {
        Command::Ping(arguments) => ping::run(&arguments, console),
        Command::Traceroute(arguments) => traceroute::run(&arguments, console),
        Command::Explain(arguments) => explain::run(&arguments, console),
        Command::EffectiveRoutes(arguments) => effective_routes::run(&arguments, console),
        Command::EffectiveNsg(arguments) => effective_nsg::run(&arguments, console),
        Command::NextHop(arguments) => next_hop::run(&arguments, console),
        Command::IpFlow(arguments) => ip_flow::run(&arguments, console),
        Command::Matrix(arguments) => matrix::run(&arguments, console),
        Command::Diff(arguments) => diff::run(&arguments, console),
        Command::Compare(arguments) => compare::run(&arguments, console),
        Command::Check(arguments) => check::run(&arguments, console),
        Command::Lint(arguments) => lint::run(&arguments, console),
        Command::Resolve(arguments) => resolve::run(&arguments, console),
        Command::Bench(arguments) => bench::run(&arguments, console),
        Command::Peering(arguments) => peering::run(arguments, console),
        Command::Az(arguments) => az::run(&arguments, console),
        Command::Collect(arguments) => collect::run(&arguments, console),
        Command::Show(arguments) => show::run(&arguments, console),
        Command::Generate(arguments) => generate::run(&arguments, console),
        Command::Examples(arguments) => examples::run(&arguments, console),
        Command::Options(arguments) => options::run(&arguments, console),
        Command::Schema(arguments) => schema::run(&arguments, console),
        Command::Completions(arguments) => completions::run(&arguments, console),
        Command::Man(arguments) => man::run(&arguments, console),
    }
}
