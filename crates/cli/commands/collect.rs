//! `vnetsim collect`: a script that brings a network out of Azure, and what its result lacks.

mod missing;

use std::path::Path;

use report::table::Table;
use serde_json::{Value, json};

use self::missing::Missing;
use crate::args::{CollectArguments, Format, TopologyArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::topology;

const SCRIPT: &str = include_str!("collect/collect.sh");

pub(super) fn run(
    arguments: &CollectArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    if let Some(folder) = &arguments.check {
        return check(folder, arguments.output, console);
    }
    let script = script(&arguments.subscription)?;
    console.out().write_all(script.as_bytes())?;
    Ok(Exit::Yes)
}

/// The script for these subscriptions. Anything but an id is refused: it would become part of the script.
fn script(subscriptions: &[String]) -> Result<String, Failure> {
    let is_id = |text: &String| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if let Some(wrong) = subscriptions.iter().find(|text| !is_id(text)) {
        return Err(Failure::Usage(format!("'{wrong}' is no subscription id")));
    }
    Ok(SCRIPT.replace("@SUBSCRIPTIONS@", &subscriptions.join(" ")))
}

fn check(folder: &Path, format: Format, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let arguments = TopologyArguments {
        topology: vec![folder.to_owned()],
        ..TopologyArguments::default()
    };
    let loaded = topology::open(&arguments, console)?;
    let missing = missing::of(&loaded.network, folder);
    match format {
        Format::Table if missing.is_empty() => {
            writeln!(console.out(), "nothing is missing for exact answers")?;
        }
        Format::Table => {
            let mut table = Table::new(["Missing", "Resource", "Effect"]);
            for Missing {
                what,
                resource,
                effect,
            } in &missing
            {
                table.push([(*what).to_owned(), resource.clone(), effect.clone()]);
            }
            write!(console.out(), "{table}")?;
        }
        Format::Json => {
            let rows: Vec<Value> = missing
                .iter()
                .map(|row| json!({ "missing": row.what, "resource": row.resource, "effect": row.effect }))
                .collect();
            report::json::write(console.out(), &rows)?;
        }
    }
    Ok(Exit::from_verdict(missing.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_names_the_subscriptions() {
        let ids = [
            "11111111-2222-3333-4444-555555555555".to_owned(),
            "a-b".to_owned(),
        ];
        let script = script(&ids).unwrap();
        assert!(script.contains("subscriptions='11111111-2222-3333-4444-555555555555 a-b'\n"));
    }

    #[test]
    fn nothing_but_an_id_gets_into_the_script() {
        assert!(script(&["x'; rm -rf ~; '".to_owned()]).is_err());
    }

    #[test]
    fn the_script_only_reads() {
        let script = SCRIPT.replace("\\\n", "");
        let asks = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("az ") || line.starts_with("ask \"")
        };
        let lines: Vec<&str> = script.lines().filter(asks).collect();
        assert!(lines.len() > 8, "{lines:#?}");
        for line in lines {
            let reads = ["account show", "graph query", "list-", " list "];
            assert!(reads.iter().any(|words| line.contains(words)), "{line}");
        }
    }
}
