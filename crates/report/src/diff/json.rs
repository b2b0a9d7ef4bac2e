//! The comparison as one document.

use model::ResourceId;
use reach::diff::{Change, Difference, Fate, Group, Matched, Nearness, Objects, Side, Value};
use serde_json::{Value as Json, json};

use super::{Digest, Words, sentence};

/// Groups that the document holds.
const GROUPS: usize = 100_000;

/// The document for `-o json`: comparisons of the same networks, one a service.
pub fn document(digests: &[Digest<'_>]) -> Json {
    let services: Vec<Json> = digests.iter().map(service_document).collect();
    let lost: u64 = digests
        .iter()
        .map(|digest| digest.comparison.count(Fate::Lost))
        .sum();
    let labels = digests.first().map_or(["", ""], |digest| digest.labels);
    json!({
        "before": labels[0],
        "after": labels[1],
        "lost": lost,
        "services": services,
        "objects": digests.first().map(|digest| objects(digest.objects)),
    })
}

fn service_document(digest: &Digest<'_>) -> Json {
    let comparison = digest.comparison;
    let question = digest.before.matrix.question();
    let count = |fate| comparison.count(fate);
    let groups: Vec<Json> = comparison
        .groups
        .iter()
        .take(GROUPS)
        .map(|group| group_document(digest, group))
        .collect();
    let ways = comparison.ways;
    json!({
        "service": question.asked.to_string(),
        "roundTrip": question.depth == reach::Depth::RoundTrip,
        "summary": {
            "pairs": comparison.pairs,
            "lost": count(Fate::Lost),
            "gained": count(Fate::Gained),
            "rerouted": count(Fate::Rerouted),
            "newlyAsymmetric": count(Fate::Asymmetric),
            "otherVerdict": comparison.otherwise,
            "causesSampled": comparison.is_sampled,
            "groups": comparison.groups.len(),
        },
        "ends": {
            "sources": ends(&comparison.sources),
            "destinations": ends(&comparison.destinations),
        },
        "ways": {
            "candidates": ways.candidates,
            "examined": ways.examined,
            "byClass": ways.by_class,
            "classesNotExamined": ways.classes_left,
        },
        "groups": groups,
    })
}

fn ends(matched: &Matched) -> Json {
    json!({
        "matched": matched.len(),
        "removed": matched.only_before.len(),
        "added": matched.only_after.len(),
    })
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "lost",
        Fate::Gained => "gained",
        Fate::Rerouted => "rerouted",
        Fate::Asymmetric => "newlyAsymmetric",
    }
}

fn group_document(digest: &Digest<'_>, group: &Group) -> Json {
    let mut document = json!({
        "change": fate(group.fate),
        "pairs": group.pairs,
        "from": digest.words(0, &group.sources),
        "to": digest.words(1, &group.destinations),
    });
    let Some(witness) = &group.witness else {
        return document;
    };
    let changes: Vec<Json> = witness
        .cause
        .changes
        .iter()
        .map(|&change| change_document(&digest.objects.changes()[change as usize]))
        .collect();
    document["cause"] = json!({
        "nearness": nearness(witness.cause.nearness),
        "changes": changes,
    });
    document["witness"] = json!({
        "source": digest.source(witness),
        "destination": digest.destination(witness),
        "service": witness.service.to_string(),
        "before": account(&digest.account(witness, Side::Before)),
        "after": account(&digest.account(witness, Side::After)),
    });
    document
}

fn nearness(nearness: Nearness) -> &'static str {
    match nearness {
        Nearness::Decided => "decided",
        Nearness::Attached => "attached",
        Nearness::Around => "around",
        Nearness::OnTheWay => "onTheWay",
        Nearness::Everywhere => "everywhere",
        Nearness::Unknown => "unknown",
    }
}

fn account(words: &Words) -> Json {
    let mut document = json!({
        "verdict": words.verdict,
        "inReply": words.in_reply,
        "forward": words.forward,
        "reply": words.reply,
    });
    if !words.decided.is_empty() {
        document["decided"] = json!(words.decided);
    }
    if !words.reason.is_empty() {
        document["reason"] = json!(words.reason);
    }
    document
}

fn objects(objects: &Objects<'_>) -> Json {
    let of = |wanted: fn(&Difference) -> bool| -> Vec<Json> {
        let changes = objects.listed_changes();
        let changes = changes.filter(|change| wanted(&change.what));
        changes.map(change_document).collect()
    };
    let matched = objects.matched();
    json!({
        "matchedById": matched[0],
        "matchedByName": matched[1],
        "matchedByMap": matched[2],
        "added": of(|what| *what == Difference::Added),
        "removed": of(|what| *what == Difference::Removed),
        "changed": of(|what| matches!(what, Difference::Changed(_))),
    })
}

fn change_document(change: &Change) -> Json {
    let mut document = json!({
        "kind": change.kind.name(),
        "id": change.id.as_str(),
        "what": match change.what {
            Difference::Added => "added",
            Difference::Removed => "removed",
            Difference::Changed(_) => "changed",
        },
        "text": sentence(change),
    });
    if let Difference::Changed(properties) = &change.what {
        let properties: Vec<Json> = properties
            .iter()
            .map(|(name, before, after)| {
                json!({ "name": name, "before": value(before), "after": value(after) })
            })
            .collect();
        document["properties"] = json!(properties);
    }
    document
}

fn value(value: &Value) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Text(text) => json!(text),
        Value::Ids(ids) => {
            let ids: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
            json!(ids)
        }
    }
}
