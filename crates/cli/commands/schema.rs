//! `vnetsim schema`: JSON Schemas of the files that people write, and of what programs read.

use crate::args::{SchemaArguments, SchemaKind};
use crate::console::{Console, Exit};
use crate::failure::Failure;

pub(super) fn run(arguments: &SchemaArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let schema = match arguments.kind {
        SchemaKind::Scenario => formats::scenario::schema(),
        SchemaKind::Promises => formats::promises::schema(),
        SchemaKind::Explain => diagnose::explanation::schema(),
    };
    report::json::write(console.out(), schema)?;
    Ok(Exit::Yes)
}
