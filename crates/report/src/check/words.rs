//! What decided about a promise, and sentences about it.

use std::fmt::Write as _;

use diagnose::evidence::StepRecord;
use diagnose::explanation::Explanation;
use diagnose::object::Object;
use diagnose::stage::Stage;
use engine::time::SimDuration;
use formats::promises::PromiseKind;
use model::ResourceId;
use reach::promises::{Judgement, Outcome};

use super::{Judged, Places, WitnessRecord};
use crate::place::Place;

/// Default rules of security groups have priorities from here on (S-2).
const FIRST_DEFAULT_PRIORITY: u16 = 65_000;

/// The word of a kind in every output.
pub(super) fn kind(kind: &PromiseKind) -> &'static str {
    match kind {
        PromiseKind::Must => "must",
        PromiseKind::MustNot => "must-not",
        PromiseKind::MustPassThrough(_) => "must-pass-through",
        PromiseKind::MustNotPassThrough(_) => "must-not-pass-through",
        PromiseKind::MaxLatency(_) => "max-latency",
    }
}

/// The devices of a promise about ways, as they were written.
pub(super) fn devices(kind: &PromiseKind) -> Vec<String> {
    match kind {
        PromiseKind::MustPassThrough(devices) | PromiseKind::MustNotPassThrough(devices) => {
            devices.iter().map(|device| device.text.clone()).collect()
        }
        PromiseKind::Must | PromiseKind::MustNot | PromiseKind::MaxLatency(_) => Vec::new(),
    }
}

/// What a promise came to, in one sentence or two.
pub(super) fn message(judged: &Judged<'_>) -> String {
    let mut found = match &judged.result {
        Err(nobody) => sentence(&nobody.why),
        Ok(judgement) => found(judged, judgement),
    };
    if let Ok(Judgement {
        depends_on_hash: pairs @ 1..,
        ..
    }) = &judged.result
    {
        let _ = write!(
            found,
            " Where a hash chooses, another connection may fare otherwise: {pairs} pairs."
        );
    }
    if let [first, others @ ..] = judged.opposed_by.as_slice() {
        let _ = write!(found, " The opposite is promised by '{first}'");
        for other in others {
            let _ = write!(found, ", '{other}'");
        }
        found.push_str(": they cannot all be kept.");
    }
    match judged.promise.expires {
        Some(date) if judged.is_expired => format!("Expired after {date}. {found}"),
        _ => found,
    }
}

/// Words as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let end = if words.ends_with(['?', '.']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn found(judged: &Judged<'_>, judgement: &Judgement) -> String {
    let Judgement {
        pairs,
        broken,
        unknown,
        ways,
        slowest,
        ..
    } = *judgement;
    let kind = &judged.promise.kind;
    match judgement.outcome {
        Outcome::Empty => "No pair of two different ends is selected.".to_owned(),
        Outcome::Kept => match (kind, slowest) {
            (PromiseKind::MaxLatency(_), Some(slowest)) => format!(
                "Kept by all pairs ({pairs}), the slowest with {} ms.",
                slowest.in_milliseconds()
            ),
            (PromiseKind::MustPassThrough(_) | PromiseKind::MustNotPassThrough(_), _) => {
                format!("Kept by all pairs ({pairs}), of which {ways} arrive.")
            }
            _ => format!("Kept by all pairs ({pairs})."),
        },
        Outcome::Unknown => format!(
            "The input does not hold what decides: {unknown} of {pairs} pairs.{}",
            witnessed(judged, judgement)
        ),
        Outcome::Broken => {
            let devices = devices(kind).join(" or ");
            let what = match kind {
                PromiseKind::Must => "Not reachable".to_owned(),
                PromiseKind::MustNot => "Reached".to_owned(),
                PromiseKind::MustPassThrough(_) => format!("Not past {devices}"),
                PromiseKind::MustNotPassThrough(_) => format!("Past {devices}"),
                PromiseKind::MaxLatency(ms) => format!("Slower than {ms} ms, or no answer"),
            };
            format!(
                "{what}: {broken} of {pairs} pairs.{}",
                witnessed(judged, judgement)
            )
        }
    }
}

/// ` For example: web/n1 -> db/n2 (tcp/1433): unreachable, The probe dies at ...`
fn witnessed(judged: &Judged<'_>, judgement: &Judgement) -> String {
    let (Some(shown), Some(witness)) = (&judged.shown, &judgement.witness) else {
        return String::new();
    };
    let way = if witness.is_about_reply {
        ", on the way back"
    } else {
        ""
    };
    let time = witness.latency.map_or_else(String::new, |latency| {
        format!(", {} ms", latency.in_milliseconds())
    });
    let by = shown
        .device
        .as_ref()
        .map_or_else(String::new, |device| format!(", past {device}"));
    format!(
        " For example: {} -> {} ({}): {}{by}{way}{time}.",
        shown.source, shown.destination, witness.service, witness.verdict
    )
}

/// The pair that shows why, with the resource that would have to change.
pub(super) fn witness(judged: &Judged<'_>, places: Places<'_>) -> Option<WitnessRecord> {
    let witness = judged.result.as_ref().ok()?.witness.as_ref()?;
    let shown = judged.shown.as_ref()?;
    let object = offender(
        &judged.promise.kind,
        &shown.explanation,
        witness.is_about_reply,
        shown.device.as_deref(),
    );
    // What Azure's system made has no place of its own: the NIC whose table it is in has.
    let ends = [
        &shown.explanation.source.nic,
        &shown.explanation.destination.nic,
    ];
    let resource = object.and_then(Object::resource).or_else(|| {
        let mut ids = ends.into_iter().flatten();
        ids.find_map(|id| ResourceId::parse(id).ok())
    });
    let mut explanation = shown.explanation.clone();
    if matches!(
        judged.promise.kind,
        PromiseKind::MustNot | PromiseKind::MustNotPassThrough(_)
    ) {
        // What would let packets through is of no use where they must not get through.
        for obstacle in &mut explanation.obstacles {
            obstacle.ways_out.clear();
        }
    }
    Some(WitnessRecord {
        source: shown.source.clone(),
        destination: shown.destination.clone(),
        service: witness.service.to_string(),
        verdict: witness.verdict.as_str(),
        latency_ms: witness.latency.map(SimDuration::as_milliseconds_f64),
        object: object.map(ToString::to_string),
        place: resource
            .as_ref()
            .and_then(|id| Place::of(id, places.locations, places.network)),
        resource: resource.map(|id| id.to_string()),
        explanation,
    })
}

/// What decided that a pair breaks a promise: what dropped the packet that must arrive, what let the one pass that must not, what led
/// it where it must not go.
fn offender<'e>(
    kind: &PromiseKind,
    explanation: &'e Explanation,
    is_about_reply: bool,
    device: Option<&str>,
) -> Option<&'e Object> {
    let way = match &explanation.back {
        Some(back) if is_about_reply => back,
        _ => &explanation.forward,
    };
    let steps = way.steps.as_slice();
    let dropped_at = explanation.obstacles.first().map(|first| &first.object);
    match kind {
        PromiseKind::Must => dropped_at,
        PromiseKind::MustNot => last_rule(steps).or_else(|| routes(steps).last()),
        PromiseKind::MustPassThrough(_) => routes(steps).next(),
        PromiseKind::MustNotPassThrough(_) => {
            let met = steps
                .iter()
                .position(|step| Some(step.at.as_str()) == device);
            let before = met.and_then(|met| routes(steps.get(..met)?).last());
            before.or_else(|| routes(steps).next())
        }
        PromiseKind::MaxLatency(_) => dropped_at
            .or_else(|| routes(steps).find(|object| is_users(object)))
            .or_else(|| routes(steps).next()),
    }
}

/// Routes in the order of the way.
fn routes(steps: &[StepRecord]) -> impl Iterator<Item = &Object> {
    let routes = steps.iter().filter(|step| step.stage == Stage::Route);
    routes.filter_map(|step| step.object.as_ref())
}

/// The last rule that let a packet pass; one of the user goes before Azure's default rules.
fn last_rule(steps: &[StepRecord]) -> Option<&Object> {
    let rules = || {
        let objects = steps.iter().rev().filter_map(|step| step.object.as_ref());
        objects.filter(|object| {
            matches!(
                object,
                Object::Rule(_) | Object::AdminRule(_) | Object::FirewallRule(_)
            )
        })
    };
    rules()
        .find(|rule| is_users(rule))
        .or_else(|| rules().next())
}

/// Whether the user has written it, not Azure's system.
fn is_users(object: &Object) -> bool {
    match object {
        Object::Rule(rule) => {
            rule.network_security_group.is_some() && rule.priority < FIRST_DEFAULT_PRIORITY
        }
        Object::AdminRule(_) => true,
        Object::FirewallRule(rule) => rule.rule.is_some(),
        Object::Route(route) => route.route.is_some(),
        _ => false,
    }
}
