//! Promises as SARIF 2.1.0: each result stands at the resource that would have to change, with the promise as a related location.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{CoverageRecord, Level, PromiseRecord, Report, Verdict};
use crate::sarif;

/// Rules: id, level, title, help.
const RULES: [[&str; 4]; 9] = [
    [
        "must",
        "error",
        "A pair that must be reachable is not.",
        "The result stands at the rule, route or link that drops the probe or its reply. `vnetsim explain` shows the whole way.",
    ],
    [
        "must-not",
        "error",
        "A pair that must not be reachable is.",
        "The result stands at the last rule that lets the probe pass; where no rule of yours does, at the route that leads it there.",
    ],
    [
        "must-pass-through",
        "error",
        "Packets do not pass a device that they must pass.",
        "The result stands at the first route of the way that misses the device.",
    ],
    [
        "must-not-pass-through",
        "error",
        "Packets pass a device that they must not pass.",
        "The result stands at the route that leads to the device.",
    ],
    [
        "max-latency",
        "error",
        "A pair takes longer than promised, or does not answer.",
        "The result stands at what drops the packet, else at the first route of yours on its way. Times are medians of the latency model.",
    ],
    [
        "unknown",
        "warning",
        "The input does not hold what decides about a promise.",
        "A part of the network is missing: `vnetsim show` lists what is not known. With --fail-unknown it counts as broken.",
    ],
    [
        "empty",
        "error",
        "A promise is about nobody.",
        "A selector means nothing in this network: a name has changed, or the promise has outlived what it was about. Mend the selector, or say `allow-empty: true`.",
    ],
    [
        "expired",
        "warning",
        "The last day of a promise is past.",
        "Renew it or take it out. With --fail-expired it counts as broken.",
    ],
    [
        "untouched",
        "note",
        "A rule or route decides for no promise.",
        "Nobody has promised what it is for: write a promise, or ask whether it is still needed.",
    ],
];

/// The document for `-o sarif`. `version`: of the program.
pub fn document(report: &Report, version: &str) -> Value {
    let rules: Vec<Value> = RULES.iter().map(rule).collect();
    let judged = report.promises.iter();
    let mut results: Vec<Value> = judged
        .filter(|promise| promise.level != Level::Pass)
        .map(result)
        .collect();
    let untouched = report.coverage.iter().flat_map(CoverageRecord::untouched);
    results.extend(untouched.map(|(kind, covered)| {
        let id = &covered.resource;
        json!({
            "ruleId": id_of("untouched"),
            "ruleIndex": index_of("untouched"),
            "level": "note",
            "message": { "text": format!("This {kind} decides for no promise.") },
            "locations": [sarif::location(id, covered.place.as_ref())],
            "partialFingerprints": { "resource/v1": format!("untouched:{}", id.to_ascii_lowercase()) },
        })
    }));
    sarif::document(&rules, &results, version)
}

fn rule([id, level, title, help]: &[&str; 4]) -> Value {
    json!({
        "id": id_of(id),
        "shortDescription": { "text": title },
        "fullDescription": { "text": format!("{title} {help}") },
        "help": { "text": help },
        "defaultConfiguration": { "level": level },
        "properties": { "tags": ["promise"] },
    })
}

fn id_of(rule: &str) -> String {
    format!("promise-{rule}")
}

fn index_of(rule: &str) -> usize {
    RULES
        .iter()
        .position(|[id, ..]| *id == rule)
        .unwrap_or_default()
}

fn result(promise: &PromiseRecord) -> Value {
    let written = json!({
        "physicalLocation": sarif::physical(&promise.place),
        "message": { "text": format!("promise '{}'", promise.name) },
    });
    let mut text = format!("{}: {}", promise.name, promise.message);
    if let Some(about) = promise.about() {
        let _ = write!(text, " ({about})");
    }
    let witness = promise.witness.as_ref();
    if let Some(cause) = witness.and_then(|witness| witness.explanation.cause.as_ref()) {
        let _ = write!(text, "\n{cause}");
    }
    let obstacles = witness.map(|witness| witness.explanation.obstacles.as_slice());
    let ways = obstacles
        .and_then(<[_]>::first)
        .map(|first| &first.ways_out);
    // What mends a promise that something must arrive; of no use where it must not.
    if promise.judged.unwrap_or(promise.verdict) == Verdict::Broken {
        for way in ways.into_iter().flatten() {
            let _ = write!(text, "\n{}", way.action);
        }
    }
    // A promise about nobody, or a past one, has to change itself.
    let resource = witness.and_then(|witness| Some((witness.resource.as_ref()?, witness)));
    let resource = resource.filter(|_| promise.verdict != Verdict::Expired);
    let (location, related) = match resource {
        Some((id, witness)) if witness.place.is_some() => {
            (sarif::location(id, witness.place.as_ref()), vec![written])
        }
        // Code scanning shows no result without a place in a file.
        Some((id, _)) => (written, vec![sarif::location(id, None)]),
        None => (written, Vec::new()),
    };
    let about = resource.map_or("", |(id, _)| id.as_str());
    json!({
        "ruleId": id_of(promise.rule()),
        "ruleIndex": index_of(promise.rule()),
        "level": if promise.level == Level::Warning { "warning" } else { "error" },
        "message": { "text": text },
        "locations": [location],
        "relatedLocations": related,
        // The same break in the next run, whatever the lines.
        "partialFingerprints": {
            "promise/v1": format!("{}:{}:{}", promise.rule(), promise.name, about.to_ascii_lowercase()),
        },
        "properties": {
            "owner": promise.owner,
            "reason": promise.reason,
            "expires": promise.expires,
            "pairs": promise.pairs,
            "broken": promise.broken,
        },
    })
}
