//! Promises for people: a line each, and an explanation for each that is not kept.

use std::io::{self, Write};

use diagnose::object::short;

use super::{CoverageRecord, Level, PromiseRecord, Report, Verdict};
use crate::explain;
use crate::table::Table;

/// Writes a table of all promises, then what is to be said of those that are not kept, then the coverage.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut table = Table::new(["Verdict", "Promise", "Kind", "Pairs", "Broken", "Owner"]);
    for promise in &report.promises {
        table.push([
            promise.verdict.as_str(),
            &promise.name,
            promise.kind,
            &promise.pairs.to_string(),
            &promise.broken.to_string(),
            promise.owner.as_deref().unwrap_or_default(),
        ]);
    }
    write!(out, "{table}")?;
    for promise in &report.promises {
        if promise.verdict != Verdict::Kept && promise.level != Level::Pass {
            write_one(out, promise)?;
        }
    }
    if let Some(coverage) = &report.coverage {
        write_coverage(out, coverage)?;
    }
    Ok(())
}

fn write_one(out: &mut dyn Write, promise: &PromiseRecord) -> io::Result<()> {
    writeln!(
        out,
        "\n{}: {}: {} ({})",
        promise.place,
        promise.verdict.as_str(),
        promise.name,
        promise.kind
    )?;
    writeln!(out, "  {}", promise.message)?;
    if let Some(about) = promise.about() {
        writeln!(out, "  {about}")?;
    }
    let Some(witness) = &promise.witness else {
        return Ok(());
    };
    if let Some(object) = &witness.object {
        write!(out, "  decided by {object}")?;
        match &witness.place {
            Some(place) => writeln!(out, ", {place}")?,
            None => writeln!(out)?,
        }
    }
    writeln!(out)?;
    let mut text = Vec::new();
    explain::write(&mut text, &witness.explanation)?;
    for line in String::from_utf8_lossy(&text).lines() {
        if line.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}

fn write_coverage(out: &mut dyn Write, coverage: &CoverageRecord) -> io::Result<()> {
    writeln!(out, "\nCoverage: {}.", coverage.sentence())?;
    let mut table = Table::new(["Touched by no promise", "Kind", "Place"]);
    for (kind, covered) in coverage.untouched() {
        let place = covered.place.as_ref().map(ToString::to_string);
        table.push([
            short(&covered.resource),
            kind.to_owned(),
            place.unwrap_or_default(),
        ]);
    }
    if !table.is_empty() {
        write!(out, "{table}")?;
    }
    Ok(())
}
