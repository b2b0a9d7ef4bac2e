//! Every argument and help text of the command line. Names are stable: scripts rely on them.

mod about;
mod azure;
mod bench;
mod check;
mod diff;
mod format;
mod generate;
mod lint;
mod matrix;
pub(crate) mod network;
mod peering;
mod probes;
mod services;

use clap::{Parser, Subcommand};

pub(crate) use self::about::{
    CompletionsArguments, ExamplesArguments, ManArguments, OptionsArguments, SchemaArguments,
    SchemaKind, ShowArguments,
};
pub(crate) use self::azure::{
    AzWords, CollectArguments, CompareArguments, EffectiveNsgArguments, EffectiveRoutesArguments,
    FlowProtocol, IpFlowArguments, NextHopArguments,
};
pub(crate) use self::bench::BenchArguments;
pub(crate) use self::check::{CheckArguments, CheckFormat};
pub(crate) use self::diff::{DiffArguments, DiffFormat};
pub(crate) use self::format::Format;
pub(crate) use self::generate::{GenerateArguments, GenerateFormat};
pub(crate) use self::lint::{LintArguments, LintFormat};
pub(crate) use self::matrix::{MatrixArguments, MatrixFormat};
pub(crate) use self::network::{InPlace, StateArguments, TopologyArguments};
pub(crate) use self::peering::{PeeringAction, PeeringArguments};
pub(crate) use self::probes::{
    ExplainArguments, JourneyArguments, PingArguments, ResolveArguments, RunArguments,
    ServiceArguments, TracerouteArguments,
};

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
    Ping(PingArguments),
    Traceroute(TracerouteArguments),
    Explain(ExplainArguments),
    EffectiveRoutes(EffectiveRoutesArguments),
    EffectiveNsg(EffectiveNsgArguments),
    NextHop(NextHopArguments),
    IpFlow(IpFlowArguments),
    Matrix(MatrixArguments),
    Check(CheckArguments),
    Lint(LintArguments),
    Resolve(ResolveArguments),
    Diff(DiffArguments),
    Compare(CompareArguments),
    Bench(BenchArguments),
    Peering(PeeringArguments),
    Az(AzWords),
    Collect(CollectArguments),
    Show(ShowArguments),
    Generate(GenerateArguments),
    Examples(ExamplesArguments),
    Options(OptionsArguments),
    Schema(SchemaArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
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
