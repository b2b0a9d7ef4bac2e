//! Promises and what became of them: for people, as JSON, and in the forms that CI systems read.
//!
//! - `table`: a line a promise, and the explanation of a pair for each that is not kept
//! - `tap`: TAP version 14
//! - `junit`: XML as `JUnit` writes it
//! - `sarif`: SARIF 2.1.0, each result at the resource that would have to change
//! - `words`: what decided, and sentences about it

mod junit;
mod sarif;
mod table;
mod tap;
mod words;

use diagnose::explanation::Explanation;
use formats::locations::Locations;
use formats::promises::Promise;
use formats::source::{Sources, Span};
use reach::promises::{Coverage, Judgement, Outcome};
use serde::Serialize;
use serde_json::{Value, json};

use crate::place::Place;

pub use self::junit::write as write_junit;
pub use self::sarif::document as sarif;
pub use self::table::write as write_table;
pub use self::tap::write as write_tap;

/// What is done about a promise that is neither kept nor broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// One of which the input does not hold what decides fails.
    pub fail_unknown: bool,
    /// One whose last day is past fails.
    pub fail_expired: bool,
}

/// A promise with what became of it.
#[derive(Clone, Debug)]
pub struct Judged<'p> {
    /// As it was written.
    pub promise: &'p Promise,
    /// What it came to; `Err`: nobody is meant.
    pub result: Result<Judgement, Nobody>,
    /// Whether its last day is past.
    pub is_expired: bool,
    /// The pair that shows why it is not kept.
    pub shown: Option<Shown>,
    /// Names of promises that cannot be kept together with this one.
    pub opposed_by: Vec<String>,
}

/// Words of a promise that mean nobody in this network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nobody {
    /// Why.
    pub why: String,
    /// Where they stand.
    pub at: Span,
}

/// The pair that shows why a promise is not kept.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Name of who asks.
    pub source: String,
    /// Name of who is asked.
    pub destination: String,
    /// Name of the device that must not be passed.
    pub device: Option<String>,
    /// What happens on the way.
    pub explanation: Explanation,
}

/// Where resources and promises stand.
#[derive(Clone, Copy, Debug)]
pub struct Places<'s> {
    /// Of resources.
    pub locations: &'s Locations,
    /// The files of the network.
    pub network: &'s Sources,
    /// The file of promises.
    pub promises: &'s Sources,
}

/// What a promise came to, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every pair keeps it.
    Kept,
    /// A pair breaks it.
    Broken,
    /// The input does not hold what decides.
    Unknown,
    /// A selector means nobody.
    Empty,
    /// Its last day is past.
    Expired,
}

/// What a verdict means for the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing.
    Pass,
    /// Somebody should look at it.
    Warning,
    /// The answer is no.
    Failure,
    /// The file of promises has to be mended.
    Error,
}

/// A promise as documents have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromiseRecord {
    /// Its name.
    pub name: String,
    /// `must`, `must-not`, ...
    pub kind: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What that means for the build.
    pub level: Level,
    /// What an expired promise comes to all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Verdict>,
    /// In one sentence.
    pub message: String,
    /// Selector of who asks.
    pub from: String,
    /// Selector of who is asked.
    pub to: String,
    /// For what.
    pub services: Vec<String>,
    /// Devices of a promise about ways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why it is promised.
    pub reason: Option<String>,
    /// Its last day.
    pub expires: Option<String>,
    /// Where it stands; of one that is about nobody, the words that mean nobody.
    pub place: Place,
    /// Pairs that it is about, once for each service and direction.
    pub pairs: u64,
    /// Pairs that break it.
    pub broken: u64,
    /// Pairs of which the input does not hold what decides.
    pub unknown: u64,
    /// Pairs whose verdict another hash may change.
    pub depends_on_hash: u64,
    /// Names of promises that cannot be kept together with this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opposed_by: Vec<String>,
    /// The longest median of a pair that answers, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest_ms: Option<f64>,
    /// A pair that shows why it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<WitnessRecord>,
}

/// A pair that shows why a promise is not kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WitnessRecord {
    /// Who asks.
    pub source: String,
    /// Who is asked.
    pub destination: String,
    /// For what.
    pub service: String,
    /// What the pair comes to.
    pub verdict: &'static str,
    /// How long it takes, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// What decided, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Id of the resource that would have to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Where that stands, if it stands in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What happens on the way.
    pub explanation: Explanation,
}

/// Which rules and routes have decided for a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoverageRecord {
    /// Rules of security groups and network managers.
    pub rules: Vec<CoveredRecord>,
    /// User-defined routes.
    pub routes: Vec<CoveredRecord>,
    /// Probes that were sent to find out.
    pub probes: u64,
    /// Whether that is so of every pair of every promise.
    pub exact: bool,
}

/// A rule or route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoveredRecord {
    /// Its id.
    pub resource: String,
    /// Where it stands, if it stands in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Names of the promises for which it has decided.
    pub promises: Vec<String>,
}

/// All promises of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// In the order of the file.
    pub promises: Vec<PromiseRecord>,
    /// If it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageRecord>,
}

impl Verdict {
    /// The word in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
            Self::Empty => "empty",
            Self::Expired => "expired",
        }
    }

    fn of(result: &Result<Judgement, Nobody>) -> Self {
        match result.as_ref().map(|judgement| judgement.outcome) {
            Ok(Outcome::Kept) => Self::Kept,
            Ok(Outcome::Broken) => Self::Broken,
            Ok(Outcome::Unknown) => Self::Unknown,
            Ok(Outcome::Empty) | Err(_) => Self::Empty,
        }
    }

    /// What it means for the build.
    fn level(self, policy: Policy, allows_empty: bool) -> Level {
        match self {
            Self::Kept => Level::Pass,
            Self::Broken => Level::Failure,
            Self::Unknown if policy.fail_unknown => Level::Failure,
            Self::Expired if policy.fail_expired => Level::Failure,
            Self::Unknown | Self::Expired => Level::Warning,
            Self::Empty if allows_empty => Level::Pass,
            Self::Empty => Level::Error,
        }
    }
}

impl Report {
    /// Puts names, places and sentences to what was judged.
    pub fn new(
        judged: &[Judged<'_>],
        coverage: Option<&Coverage>,
        policy: Policy,
        places: Places<'_>,
    ) -> Self {
        let promises: Vec<PromiseRecord> = judged
            .iter()
            .map(|judged| PromiseRecord::new(judged, policy, places))
            .collect();
        let coverage = coverage.map(|coverage| CoverageRecord::new(coverage, judged, places));
        Self { promises, coverage }
    }

    /// The worst of all promises.
    pub fn level(&self) -> Level {
        let levels = self.promises.iter().map(|promise| promise.level);
        levels.max().unwrap_or(Level::Pass)
    }

    /// How many promises have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let of = |promise: &&PromiseRecord| promise.verdict == verdict;
        self.promises.iter().filter(of).count()
    }

    /// The document for `-o json`.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "promises": self.promises,
            "summary": {
                "kept": self.count(Verdict::Kept),
                "broken": self.count(Verdict::Broken),
                "unknown": self.count(Verdict::Unknown),
                "empty": self.count(Verdict::Empty),
                "expired": self.count(Verdict::Expired),
            },
        });
        if let Some(coverage) = &self.coverage {
            document["coverage"] = json!(coverage);
        }
        document
    }
}

impl PromiseRecord {
    fn new(judged: &Judged<'_>, policy: Policy, places: Places<'_>) -> Self {
        let promise = judged.promise;
        let found = Verdict::of(&judged.result);
        let verdict = if judged.is_expired {
            Verdict::Expired
        } else {
            found
        };
        let judgement = judged.result.as_ref().ok();
        let texts = |words: &[formats::promises::Word]| -> Vec<String> {
            words.iter().map(|word| word.text.clone()).collect()
        };
        Self {
            name: promise.name.text.clone(),
            kind: words::kind(&promise.kind),
            verdict,
            level: verdict.level(policy, promise.allow_empty),
            judged: judged.is_expired.then_some(found),
            message: words::message(judged),
            from: promise.from.text.clone(),
            to: promise.to.text.clone(),
            services: texts(&promise.services),
            through: words::devices(&promise.kind),
            owner: promise.owner.clone(),
            reason: promise.reason.clone(),
            expires: promise.expires.map(|date| date.to_string()),
            place: Place::at(
                match &judged.result {
                    Err(nobody) => nobody.at,
                    Ok(_) => promise.name.span,
                },
                places.promises,
            ),
            pairs: judgement.map_or(0, |judgement| judgement.pairs),
            broken: judgement.map_or(0, |judgement| judgement.broken),
            unknown: judgement.map_or(0, |judgement| judgement.unknown),
            depends_on_hash: judgement.map_or(0, |judgement| judgement.depends_on_hash),
            opposed_by: judged.opposed_by.clone(),
            slowest_ms: judgement
                .and_then(|judgement| judgement.slowest)
                .map(engine::time::SimDuration::as_milliseconds_f64),
            witness: words::witness(judged, places),
        }
    }

    /// The rule of a document that lists rules: what kind of promise it is, or why it was not judged.
    fn rule(&self) -> &'static str {
        match self.verdict {
            Verdict::Kept | Verdict::Broken => self.kind,
            Verdict::Unknown => "unknown",
            Verdict::Empty => "empty",
            Verdict::Expired => "expired",
        }
    }

    /// `owner team-payments; expires 2027-06-30; checkout needs it`.
    fn about(&self) -> Option<String> {
        let owner = self.owner.as_ref().map(|owner| format!("owner {owner}"));
        let expires = self.expires.as_ref().map(|date| format!("expires {date}"));
        let parts: Vec<String> = [owner, expires, self.reason.clone()]
            .into_iter()
            .flatten()
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl CoverageRecord {
    fn new(coverage: &Coverage, judged: &[Judged<'_>], places: Places<'_>) -> Self {
        let record = |covered: &reach::promises::Covered| CoveredRecord {
            resource: covered.id.to_string(),
            place: Place::of(&covered.id, places.locations, places.network),
            promises: covered
                .promises
                .iter()
                .filter_map(|&promise| Some(judged.get(promise)?.promise.name.text.clone()))
                .collect(),
        };
        Self {
            rules: coverage.rules.iter().map(record).collect(),
            routes: coverage.routes.iter().map(record).collect(),
            probes: coverage.probes,
            exact: coverage.is_exact,
        }
    }

    /// Those that no promise touches: kind in words, and the rule or route.
    fn untouched(&self) -> impl Iterator<Item = (&'static str, &CoveredRecord)> {
        let rules = self.rules.iter().map(|rule| ("rule", rule));
        let routes = self.routes.iter().map(|route| ("route", route));
        let all = rules.chain(routes);
        all.filter(|(_, covered)| covered.promises.is_empty())
    }

    /// `5 of 9 rules and 1 of 2 routes decide for a promise`.
    fn sentence(&self) -> String {
        let touched = |list: &[CoveredRecord]| {
            let of = |covered: &&CoveredRecord| !covered.promises.is_empty();
            list.iter().filter(of).count()
        };
        let how = if self.exact {
            "every pair counts"
        } else {
            "some pairs of each promise were asked"
        };
        format!(
            "{} of {} rules and {} of {} routes decide for a promise; {how}",
            touched(&self.rules),
            self.rules.len(),
            touched(&self.routes),
            self.routes.len()
        )
    }
}
