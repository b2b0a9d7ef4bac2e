//! Cautious looks into a recorded case: people wrote these files, so a flag may be a text and an address a sentence.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

/// What was found in a case and cannot be used, in words.
pub(crate) type Odd = Vec<String>;

/// The value under the first of these keys that has one; `null` is none.
pub(crate) fn get<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter()
        .filter_map(|key| value.get(key))
        .find(|value| !value.is_null())
}

pub(crate) fn text<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v str> {
    get(value, keys)?.as_str().map(str::trim)
}

/// The list under a key; a single value is a list of one, nothing an empty one.
pub(crate) fn list<'v>(value: &'v Value, keys: &[&str]) -> Vec<&'v Value> {
    match get(value, keys) {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(single) => vec![single],
        None => Vec::new(),
    }
}

pub(crate) fn texts<'v>(value: &'v Value, keys: &[&str]) -> Vec<&'v str> {
    let values = list(value, keys).into_iter();
    values.filter_map(Value::as_str).map(str::trim).collect()
}

/// The objects of a list. Anything else in it is odd.
pub(crate) fn objects<'v>(value: &'v Value, key: &str, odd: &mut Odd) -> Vec<&'v Value> {
    let mut objects = Vec::new();
    for entry in list(value, &[key]) {
        if entry.is_object() {
            objects.push(entry);
        } else {
            odd.push(format!("{key}: {} is no object", short(entry)));
        }
    }
    objects
}

/// A flag; `None` if it is missing or a text that is none, which is odd.
pub(crate) fn flag(value: &Value, key: &str, odd: &mut Odd) -> Option<bool> {
    let found = get(value, &[key])?;
    let known = truth(found);
    if known.is_none() {
        odd.push(format!("{key}: {} is no flag", short(found)));
    }
    known
}

/// True, false, or a word for them.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(known) => Some(*known),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        },
        Value::Number(number) => match number.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn number(value: &Value, keys: &[&str]) -> Option<i64> {
    let found = get(value, keys)?;
    found
        .as_i64()
        .or_else(|| found.as_str()?.trim().parse().ok())
}

/// A prefix without host bits. A lone address is one of a single address.
pub(crate) fn prefix(text: &str) -> Option<Ipv4Net> {
    let parsed = text.trim().parse::<Ipv4Net>().ok();
    parsed
        .or_else(|| text.trim().parse::<Ipv4Addr>().ok().map(Ipv4Net::from))
        .map(|prefix| prefix.trunc())
}

/// An address; IPv6 and prose are none.
pub(crate) fn address(text: &str) -> Option<Ipv4Addr> {
    text.trim().parse().ok()
}

pub(crate) fn is_ipv6(text: &str) -> bool {
    text.contains(':')
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || ":/.".contains(c))
}

/// The IPv4 addresses that stand in a sentence.
pub(crate) fn addresses_in(text: &str) -> Vec<Ipv4Addr> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter_map(|word| word.trim_matches('.').parse().ok())
        .collect()
}

pub(crate) fn same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

/// A name that can stand in a resource id.
pub(crate) fn name_of(text: &str) -> String {
    match text
        .trim()
        .replace(['/', '\\', '?', '#', '%'], "-")
        .as_str()
    {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// A value in one short line.
pub(crate) fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    };
    if text.chars().count() <= 100 {
        return text;
    }
    let cut: String = text.chars().take(97).collect();
    format!("{cut}...")
}

/// Takes out the words that the author marked as unknown by a question mark, and names them. Prefixes, next hops and entries of lists
/// stay: whoever reads them has to know that there is one.
pub(crate) fn without_unknown(value: &Value, place: &str, odd: &mut Odd) -> Value {
    const READ_LATER: &[&str] = &["prefix", "nextHopIps", "addressPrefix", "nextHopIpAddress"];
    let is_unknown = |value: &Value| value.as_str().is_some_and(|text| text.trim() == "?");
    match value {
        Value::Object(members) => {
            let mut known = serde_json::Map::new();
            for (key, value) in members {
                let place = format!("{place}.{key}");
                if is_unknown(value) && !READ_LATER.contains(&key.as_str()) {
                    odd.push(format!("{place}: unknown"));
                } else {
                    known.insert(key.clone(), without_unknown(value, &place, odd));
                }
            }
            Value::Object(known)
        }
        Value::Array(values) => {
            let entries = values.iter().enumerate();
            let known =
                entries.map(|(at, value)| without_unknown(value, &format!("{place}[{at}]"), odd));
            Value::Array(known.collect())
        }
        other => other.clone(),
    }
}

/// Names every key of an object that is not among the known ones, which stand in a line with blanks between.
pub(crate) fn unknown_keys(value: &Value, place: &str, known: &str, odd: &mut Odd) {
    for key in value
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys)
    {
        let remark = ["note", "notes", "evidence", "comment", "source", "unknown"];
        let known = known.split_whitespace().any(|word| word == key);
        if !known && !remark.iter().any(|word| key.starts_with(word)) {
            odd.push(format!("{place}.{key}: not understood"));
        }
    }
}
