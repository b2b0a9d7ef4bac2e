//! What Azure has answered beside what the simulator answers, row by row.
//!
//! - [`routes`] has `show-effective-route-table`
//! - [`groups`] has `list-effective-nsg`
//! - [`answers`] has `test-ip-flow`, `show-next-hop` and `network vnet peering list`
//!
//! Azure's side is read as the REST API and the command line print it: with `value` around the rows or without, with `properties`
//! nested or flattened, keys in any letter case. What Azure has left out of a row is not compared. Rows are sets: neither their order
//! nor how often one is printed matters (two tunnels to one gateway print two identical rows). IPv6 is left out on both sides.
//!
//! What this module does **not** know: files, where a dump comes from, what is printed. [`Difference`] holds words only.

pub mod answers;
pub mod groups;
pub mod routes;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;
use serde_json::Value;

/// One row in which the two differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What is compared: `route`, `rule`, `tag`, ...
    pub what: &'static str,
    /// Its key: a prefix, the name of a rule.
    pub key: String,
    /// Azure's row; none if only the simulator has it.
    pub azure: Option<String>,
    /// The simulator's row; none if only Azure has it.
    pub vnetsim: Option<String>,
    /// The object that made the simulator's row: a route table, a link, a gateway, a rule.
    pub made_by: Option<String>,
    /// How much it means.
    pub class: Class,
}

/// How much a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// The two disagree.
    Different,
    /// A system route with next hop `None`: which ones are printed depends on region and date, and authors cut them.
    NoneRoute,
}

/// Two answers to one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Rows that were compared: those of Azure, and those that only the simulator has. `None` routes are not counted.
    pub compared: usize,
    /// Where the two differ.
    pub differences: Vec<Difference>,
    /// What could not be compared, or deserves a word although it is no difference.
    pub remarks: Vec<String>,
}

impl Comparison {
    /// Adds another comparison's rows to this one's.
    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.differences.extend(other.differences);
        self.remarks.extend(other.remarks);
    }

    /// True if nothing differs but, perhaps, `None` routes.
    pub fn agrees(&self) -> bool {
        self.differences
            .iter()
            .all(|difference| difference.class == Class::NoneRoute)
    }

    fn differ(
        &mut self,
        what: &'static str,
        key: impl Into<String>,
        azure: Option<String>,
        vnetsim: Option<String>,
        made_by: Option<String>,
    ) {
        self.differences.push(Difference {
            what,
            key: key.into(),
            azure,
            vnetsim,
            made_by,
            class: Class::Different,
        });
    }
}

/// What an answer of Azure answers, told by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// `az network nic show-effective-route-table`.
    EffectiveRoutes,
    /// `az network nic list-effective-nsg`.
    EffectiveGroups,
    /// `az network watcher test-ip-flow`.
    IpFlow,
    /// `az network watcher show-next-hop`.
    NextHop,
    /// `az network vnet peering list` or `show`.
    Peerings,
}

impl Answer {
    /// `None` if it is none of these. An answer without rows is that of a NIC without groups: the only empty one that says something.
    pub fn of(answer: &Value) -> Option<Self> {
        let has = |keys: &[&str]| {
            let first = rows(answer).first().unwrap_or(answer);
            keys.iter().all(|key| get(first, key).is_some())
        };
        if rows(answer).is_empty() && own(answer, "value").is_some_and(Value::is_array) {
            return Some(Self::EffectiveGroups);
        }
        let kinds = [
            (Self::EffectiveGroups, &["effectiveSecurityRules"][..]),
            (Self::EffectiveRoutes, &["addressPrefix", "nextHopType"]),
            (Self::NextHop, &["nextHopType"]),
            (Self::IpFlow, &["access", "ruleName"]),
            (Self::Peerings, &["peeringState"]),
        ];
        kinds
            .into_iter()
            .find(|(_, keys)| has(keys))
            .map(|(kind, _)| kind)
    }
}

/// The value under a key, whatever its letter case, of the object or of its `properties`; nothing for `null`.
fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    own(value, key).or_else(|| own(own(value, "properties")?, key))
}

fn own<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let mut members = value.as_object()?.iter();
    let (_, found) = members.find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    (!found.is_null()).then_some(found)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    get(value, key)?.as_str()
}

/// One text or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The rows of an answer: a list, or a list under `value`.
pub fn rows(answer: &Value) -> &[Value] {
    let list = answer
        .as_array()
        .or_else(|| get(answer, "value")?.as_array());
    list.map_or(&[], Vec::as_slice)
}

/// The last segment of an id or name.
fn last_segment(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// A prefix; a lone address is one of a single address, `*` is everything.
fn prefix(text: &str) -> Option<Ipv4Net> {
    let text = text.trim();
    if text == "*" {
        return Some(Ipv4Net::default());
    }
    let parsed = text.parse::<Ipv4Net>().ok();
    parsed
        .or_else(|| text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from))
        .map(|prefix| prefix.trunc())
}

/// IPv6 is left out without a word.
fn is_ipv6(text: &str) -> bool {
    text.contains(':')
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || ":/.".contains(c))
}
