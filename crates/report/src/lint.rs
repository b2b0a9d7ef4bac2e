//! Findings of `lint`: with their places in the files, as text, as JSON, and as SARIF 2.1.0 for code scanning.

use std::fmt::Write as _;
use std::io::{self, Write};

use diagnose::lint::{Check, Finding, checks};
use diagnose::object::short;
use diagnose::way_out::WayOut;
use formats::locations::Locations;
use formats::source::Sources;
use model::ResourceId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::place::Place;
use crate::sarif;

/// A finding with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingRecord {
    /// The check.
    pub id: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// Rules of `docs/SEMANTICS.md`.
    pub rule: &'static str,
    /// The resource that would have to change.
    pub resource: String,
    /// Where it stands, if it stands in a file.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong with it.
    pub message: String,
    /// Other resources that take part.
    pub related: Vec<RelatedRecord>,
    /// Options on which the finding depends, as `name=value`.
    pub depends_on: Vec<String>,
    /// What to change.
    pub fix: Vec<WayOut>,
}

/// Another resource that takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelatedRecord {
    /// Its id.
    pub resource: String,
    /// Where it stands, if it stands in a file.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// Findings with the places of their resources.
pub fn records(
    findings: &[Finding],
    locations: &Locations,
    sources: &Sources,
) -> Vec<FindingRecord> {
    let place = |id: &ResourceId| Place::of(id, locations, sources);
    let record = |finding: &Finding| FindingRecord {
        id: finding.check.id,
        severity: finding.check.severity.as_str(),
        rule: finding.check.rule,
        resource: finding.resource.to_string(),
        place: place(&finding.resource),
        message: finding.message.clone(),
        related: finding
            .related
            .iter()
            .map(|id| RelatedRecord {
                resource: id.to_string(),
                place: place(id),
            })
            .collect(),
        depends_on: finding.depends_on.clone(),
        fix: finding.ways_out.clone(),
    };
    findings.iter().map(record).collect()
}

/// Writes findings for people: a line with place, severity and id, what is wrong, and what to change.
pub fn write(out: &mut dyn Write, findings: &[FindingRecord]) -> io::Result<()> {
    for finding in findings {
        if let Some(Place { file, line, column }) = &finding.place {
            write!(out, "{file}:{line}:{column}: ")?;
        }
        writeln!(
            out,
            "{}: {} ({}): {}",
            finding.severity,
            finding.id,
            finding.rule,
            short(&finding.resource)
        )?;
        writeln!(out, "  {}", finding.message)?;
        if !finding.depends_on.is_empty() {
            writeln!(out, "  This depends on {}.", finding.depends_on.join(", "))?;
        }
        for way in &finding.fix {
            writeln!(out, "  fix: {}", way.action)?;
            for command in &way.commands {
                writeln!(out, "     $ {command}")?;
            }
        }
    }
    Ok(())
}

/// The document for `-o json`.
pub fn document(findings: &[FindingRecord]) -> Value {
    let count = |severity: &str| {
        let of = |finding: &&FindingRecord| finding.severity == severity;
        findings.iter().filter(of).count()
    };
    json!({
        "findings": findings,
        "summary": {
            "errors": count("error"),
            "warnings": count("warning"),
            "notes": count("note"),
        },
    })
}

/// The document for `-o sarif`: one run, all checks as rules, each finding as a result.
pub fn sarif(findings: &[FindingRecord], version: &str) -> Value {
    let all: Vec<&Check> = checks().collect();
    let rules: Vec<Value> = all.iter().copied().map(rule).collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let index = all.iter().position(|check| check.id == finding.id);
            result(finding, index)
        })
        .collect();
    sarif::document(&rules, &results, version)
}

fn rule(check: &Check) -> Value {
    json!({
        "id": check.id,
        "shortDescription": { "text": check.title },
        "help": { "text": format!("{} Rules of Azure: {}.", check.title, check.rule) },
        "defaultConfiguration": { "level": check.severity.as_str() },
        "properties": { "tags": check.rule.split(", ").collect::<Vec<_>>() },
    })
}

fn result(finding: &FindingRecord, index: Option<usize>) -> Value {
    let mut text = finding.message.clone();
    for way in &finding.fix {
        let _ = write!(text, "\n{}", way.action);
        for command in &way.commands {
            let _ = write!(text, "\n    {command}");
        }
    }
    let related: Vec<Value> = finding
        .related
        .iter()
        .map(|related| sarif::location(&related.resource, related.place.as_ref()))
        .collect();
    json!({
        "ruleId": finding.id,
        "ruleIndex": index.map_or(-1, |index| i64::try_from(index).unwrap_or(-1)),
        "level": finding.severity,
        "message": { "text": text },
        "locations": [sarif::location(&finding.resource, finding.place.as_ref())],
        "relatedLocations": related,
        // The same finding in the next run, whatever the lines.
        "partialFingerprints": {
            "resource/v1": format!("{}:{}", finding.id, finding.resource.to_ascii_lowercase()),
        },
        "properties": { "dependsOn": finding.depends_on },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_a_run_has_an_id_of_its_own_and_a_level_of_the_standard() {
        let document = sarif(&[], "0");
        let rules = document["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap();
        let mut ids: Vec<&str> = rules
            .iter()
            .filter_map(|rule| rule["id"].as_str())
            .collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!((ids.len(), count), (rules.len(), rules.len()));
        for rule in rules {
            let level = rule["defaultConfiguration"]["level"].as_str();
            assert!(
                matches!(level, Some("note" | "warning" | "error")),
                "{rule}"
            );
        }
    }
}
