//! `vnetsim options`: every option with its default, its rule and its effect.

use model::Options;
use model::options::OptionDescription;
use serde_json::json;

use crate::args::{Format, OptionsArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;

pub(super) fn run(
    arguments: &OptionsArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let mut options = Options::default();
    for (name, value) in &arguments.set {
        options.set(name, value)?;
    }
    let descriptions = options.descriptions();
    match arguments.output {
        Format::Table => descriptions
            .iter()
            .try_for_each(|option| print(option, console))?,
        Format::Json => report::json::write(
            console.out(),
            &descriptions.iter().map(document).collect::<Vec<_>>(),
        )?,
    }
    Ok(Exit::Yes)
}

fn print(option: &OptionDescription, console: &mut Console<'_>) -> std::io::Result<()> {
    let OptionDescription {
        name,
        values,
        default,
        value,
        rule,
        effect,
    } = option;
    writeln!(console.out(), "{name}={value}  ({rule})")?;
    writeln!(
        console.out(),
        "  one of: {}; default: {default}",
        values.join(", ")
    )?;
    writeln!(console.out(), "  {effect}")
}

fn document(option: &OptionDescription) -> serde_json::Value {
    json!({
        "name": option.name,
        "value": option.value,
        "default": option.default,
        "values": option.values,
        "rule": option.rule,
        "effect": option.effect,
    })
}
