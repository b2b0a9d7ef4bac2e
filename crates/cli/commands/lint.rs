//! `vnetsim lint`: what is wrong with a network, found without sending a packet.

use diagnose::lint::limits::Limits;
use diagnose::lint::{Check, Severity, checks, lint};
use report::table::Table;

use crate::args::{LintArguments, LintFormat};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::topology;

pub(super) fn run(arguments: &LintArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    if arguments.list {
        list(console)?;
        return Ok(Exit::Yes);
    }
    for id in arguments.only.iter().chain(&arguments.skip) {
        known(id)?;
    }
    let limits = limits(arguments)?;
    let loaded = topology::open(&arguments.topology, console)?;
    let mut findings = lint(&loaded.network, &limits);
    let named = |ids: &[String], check: &Check| ids.iter().any(|id| id == check.id);
    findings.retain(|finding| {
        let check = finding.check;
        (arguments.only.is_empty() || named(&arguments.only, check))
            && !named(&arguments.skip, check)
            && check.severity >= arguments.severity.into()
    });
    let records = report::lint::records(&findings, &loaded.locations, &loaded.sources);
    match arguments.output {
        LintFormat::Table => report::lint::write(console.out(), &records)?,
        LintFormat::Json => {
            report::json::write(console.out(), &report::lint::document(&records))?;
        }
        LintFormat::Sarif => {
            let document = report::lint::sarif(&records, env!("CARGO_PKG_VERSION"));
            report::json::write(console.out(), &document)?;
        }
    }
    console.flush()?;
    let count = |severity| {
        let of = |finding: &&diagnose::lint::Finding| finding.check.severity == severity;
        findings.iter().filter(of).count()
    };
    let errors = count(Severity::Error);
    if arguments.output == LintFormat::Table {
        console.message(format_args!(
            "{errors} errors, {} warnings, {} notes",
            count(Severity::Warning),
            count(Severity::Note)
        ));
    }
    Ok(Exit::from_verdict(errors == 0))
}

fn list(console: &mut Console<'_>) -> std::io::Result<()> {
    let mut table = Table::new(["Id", "Severity", "Rule", "Finds"]);
    for check in checks() {
        table.push([
            check.id.to_owned(),
            check.severity.as_str().to_owned(),
            check.rule.to_owned(),
            check.title.to_owned(),
        ]);
    }
    write!(console.out(), "{table}")
}

fn known(id: &str) -> Result<(), Failure> {
    if checks().any(|check| check.id == id) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "there is no check '{id}'; `vnetsim lint --list` lists them"
    )))
}

/// The named table with the user's own numbers.
fn limits(arguments: &LintArguments) -> Result<Limits, Failure> {
    let Some(table) = Limits::named(&arguments.limits) else {
        let names: Vec<&str> = Limits::TABLES.iter().map(|table| table.name).collect();
        return Err(Failure::Usage(format!(
            "there is no table of limits '{}'; known tables: {}",
            arguments.limits,
            names.join(", ")
        )));
    };
    let mut limits = table.clone();
    for (name, value) in &arguments.limit {
        let number = value.parse().map_err(|_| {
            Failure::Usage(format!(
                "limit {name} cannot be '{value}'; expected a number"
            ))
        })?;
        if !limits.set(name, number) {
            let names: Vec<&str> = limits.entries().into_iter().map(|(name, _)| name).collect();
            return Err(Failure::Usage(format!(
                "there is no limit '{name}'; known limits: {}",
                names.join(", ")
            )));
        }
    }
    Ok(limits)
}
