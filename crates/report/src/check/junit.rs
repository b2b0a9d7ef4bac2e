//! Promises as `JUnit` XML, as the schema of Jenkins' xUnit plugin (`junit-10.xsd`) has it: one suite, one case a promise.
//!
//! A promise that is broken is a failure, one that cannot be judged as it is written an error, and one that is a warning is skipped:
//! the common readers know no warnings.

use std::fmt::Write as _;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{Level, PromiseRecord, Report, Verdict};
use crate::explain;

/// Writes the whole document.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut suite = TestSuite::new("promises");
    for promise in &report.promises {
        suite.add_test_case(case(promise)?);
    }
    if let Some(coverage) = &report.coverage {
        let mut text = coverage.sentence();
        for (kind, covered) in coverage.untouched() {
            let _ = write!(text, "\ntouched by no promise: {kind} {}", covered.resource);
        }
        suite.set_system_out(text);
    }
    let mut junit = Junit::new("vnetsim check");
    junit.add_test_suite(suite);
    let text = junit.to_string().map_err(io::Error::other)?;
    // No characters to XML 1.0, and the library knows only those below U+0020.
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    out.write_all(without_skipped(&text).as_bytes())
}

/// The number of skipped cases is told of the suite: the schema of Jenkins knows none of the whole.
fn without_skipped(text: &str) -> String {
    let Some((root, rest)) = text.split_once("<testsuite ") else {
        return text.to_owned();
    };
    let attribute = root.split_once(" skipped=\"").and_then(|(before, rest)| {
        let (_, after) = rest.split_once('"')?;
        Some(format!("{before}{after}"))
    });
    format!("{}<testsuite {rest}", attribute.as_deref().unwrap_or(root))
}

fn case(promise: &PromiseRecord) -> io::Result<TestCase> {
    let mut status = match (promise.level, promise.verdict) {
        (Level::Pass, Verdict::Empty) | (Level::Warning, _) => TestCaseStatus::skipped(),
        (Level::Pass, _) => TestCaseStatus::success(),
        (Level::Failure, _) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (Level::Error, _) => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_message(promise.message.as_str());
    if matches!(promise.level, Level::Failure | Level::Error) {
        status.set_type(promise.rule());
        status.set_description(description(promise)?);
    }
    let mut case = TestCase::new(promise.name.as_str(), status);
    case.set_classname(format!("promises.{}", promise.kind));
    // The schemas of readers know no further attributes and no properties of a case.
    let mut about = format!("promise at {}\n", promise.place);
    let said = [
        ("owner", &promise.owner),
        ("reason", &promise.reason),
        ("expires", &promise.expires),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            let _ = writeln!(about, "{name}: {value}");
        }
    }
    case.set_system_out(about);
    Ok(case)
}

/// Message, place of what decided, and the explanation.
fn description(promise: &PromiseRecord) -> io::Result<String> {
    let mut text = promise.message.clone();
    if let Some(witness) = &promise.witness {
        if let Some(object) = &witness.object {
            let _ = write!(text, "\ndecided by {object}");
        }
        if let Some(place) = &witness.place {
            let _ = write!(text, "\nat {place}");
        }
        let mut explained = Vec::new();
        explain::write(&mut explained, &witness.explanation)?;
        text.push_str("\n\n");
        text.push_str(&String::from_utf8_lossy(&explained));
    }
    Ok(text)
}
