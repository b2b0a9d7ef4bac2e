//! `vnetsim explain`: whether one end reaches another, why (not), and what to change.

use crate::args::{ExplainArguments, Format};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::Journey;

pub(super) fn run(
    arguments: &ExplainArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let journey = Journey::open(&arguments.journey, console)?;
    let question = journey.question(arguments.journey.service);
    let explanation = diagnose::explain::explain(&journey.network, &journey.snapshot, &question);
    match arguments.output {
        Format::Table => report::explain::write(console.out(), &explanation)?,
        Format::Json => report::json::write(console.out(), &explanation)?,
    }
    Ok(Exit::from_verdict(explanation.is_yes()))
}
