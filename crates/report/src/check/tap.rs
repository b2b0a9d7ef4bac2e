//! Promises in the Test Anything Protocol, version 14 (<https://testanything.org/tap-version-14-specification.html>).
//!
//! A promise is a test point. One that is a warning is a TODO, which harnesses show without failing; one about nobody that may be so is
//! skipped. What is to be said of a point follows as a YAML block.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Level, PromiseRecord, Report, Verdict};
use crate::explain;

/// Writes the whole stream.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    writeln!(out, "TAP version 14")?;
    writeln!(out, "1..{}", report.promises.len())?;
    for (number, promise) in (1..).zip(&report.promises) {
        write_point(out, number, promise)?;
    }
    if let Some(coverage) = &report.coverage {
        writeln!(out, "# coverage: {}", coverage.sentence())?;
        for (kind, covered) in coverage.untouched() {
            writeln!(out, "# touched by no promise: {kind} {}", covered.resource)?;
        }
    }
    Ok(())
}

fn write_point(out: &mut dyn Write, number: usize, promise: &PromiseRecord) -> io::Result<()> {
    let keeps = promise.judged.unwrap_or(promise.verdict) == Verdict::Kept;
    let ok = match promise.level {
        Level::Pass => true,
        Level::Warning => keeps,
        Level::Failure | Level::Error => false,
    };
    let not = if ok { "" } else { "not " };
    write!(out, "{not}ok {number} - {}", escaped(&promise.name))?;
    let verdict = promise.verdict.as_str();
    match (promise.level, promise.verdict) {
        (Level::Pass, Verdict::Empty) => write!(out, " # SKIP {verdict}")?,
        (Level::Warning, _) => write!(out, " # TODO {verdict}")?,
        _ => {}
    }
    writeln!(out)?;
    if promise.verdict == Verdict::Kept {
        return Ok(());
    }
    let severity = match promise.level {
        Level::Pass => "comment",
        Level::Warning => "todo",
        Level::Failure | Level::Error => "fail",
    };
    let mut block = vec![
        ("message", json!(promise.message)),
        ("severity", json!(severity)),
        ("kind", json!(promise.kind)),
        ("verdict", json!(verdict)),
        ("promise", json!(promise.place)),
    ];
    if let Some(owner) = &promise.owner {
        block.push(("owner", json!(owner)));
    }
    if let Some(reason) = &promise.reason {
        block.push(("reason", json!(reason)));
    }
    if let Some(witness) = &promise.witness {
        block.push(("at", json!(witness.place)));
        block.push(("resource", json!(witness.resource)));
        block.push(("object", json!(witness.object)));
        block.push(("cause", json!(witness.explanation.cause)));
    }
    writeln!(out, "  ---")?;
    for (key, value) in block {
        // JSON on one line is YAML, too.
        if value != Value::Null {
            writeln!(out, "  {key}: {value}")?;
        }
    }
    if let Some(witness) = &promise.witness {
        let mut explained = Vec::new();
        explain::write(&mut explained, &witness.explanation)?;
        // The first line of the text is not indented, and so says how deep the block is.
        writeln!(out, "  explanation: |")?;
        for line in String::from_utf8_lossy(&explained).lines() {
            if line.is_empty() {
                writeln!(out)?;
            } else {
                writeln!(out, "    {line}")?;
            }
        }
    }
    writeln!(out, "  ...")
}

/// A description holds no directive.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('#', r"\#")
}
