//! Effective security rules beside Azure's.

use std::collections::BTreeMap;

use fib::AddressSet;
use model::{Network, NicId};
use serde_json::Value;

use super::{Comparison, get, is_ipv6, last_segment, prefix, rows, text, texts};
use crate::az::effective::security_groups;

/// The groups of a NIC in Azure's answer beside ours. Address sets are compared where Azure prints merged prefixes.
pub fn compare(
    azure: &Value,
    network: &Network,
    snapshot: &control::Snapshot,
    nic: NicId,
) -> Comparison {
    compare_documents(azure, &security_groups(network, snapshot, nic))
}

/// Two answers of `list-effective-nsg`.
pub fn compare_documents(azure: &Value, ours: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    let (azure, ours) = (rows(azure), rows(ours));
    if azure.is_empty() && ours.is_empty() {
        comparison.compared += 1; // an empty list is an answer: everything passes
        return comparison;
    }
    let mut taken = vec![false; ours.len()];
    for block in azure {
        let level = level(block);
        let found = (0..ours.len()).find(|&at| {
            !taken[at] && (level.is_none() || level == self::level(&ours[at]) || ours.len() == 1)
        });
        if let Some(at) = found {
            taken[at] = true;
            compare_block(block, &ours[at], &mut comparison);
        } else {
            comparison.compared += 1;
            let azure = format!("a group at the {}", level.unwrap_or("NIC or subnet"));
            comparison.differ("group", name_of(block), Some(azure), None, None);
        }
    }
    for (block, _) in ours.iter().zip(taken).filter(|(_, taken)| !taken) {
        comparison.compared += 1;
        let own = format!("a group at the {}", level(block).unwrap_or("NIC"));
        comparison.differ("group", name_of(block), None, Some(own), None);
    }
    comparison
}

/// Where a group is attached, if the answer says so.
fn level(block: &Value) -> Option<&'static str> {
    let association = get(block, "association")?;
    if let Some(words) = association.as_str() {
        return match words.to_ascii_lowercase() {
            words if words.contains("subnet") => Some("subnet"),
            words if words.contains("nic") || words.contains("interface") => Some("NIC"),
            _ => None,
        };
    }
    if get(association, "networkInterface").is_some() {
        Some("NIC")
    } else {
        get(association, "subnet").map(|_| "subnet")
    }
}

fn name_of(block: &Value) -> String {
    let group = get(block, "networkSecurityGroup").and_then(|group| text(group, "id"));
    group.map_or_else(|| "group".to_owned(), |id| last_segment(id).to_owned())
}

fn compare_block(azure: &Value, ours: &Value, comparison: &mut Comparison) {
    let group = name_of(ours);
    let list = |block| match get(block, "effectiveSecurityRules") {
        Some(Value::Array(rules)) => rules.as_slice(),
        _ => &[],
    };
    let (azure_rules, own_rules) = (list(azure), list(ours));
    let key = |rule: &Value| {
        let name = last_segment(text(rule, "name").unwrap_or_default()).to_ascii_lowercase();
        let direction = text(rule, "direction").map(str::to_ascii_lowercase);
        (name, direction)
    };
    let fits = |one: &Value, other: &Value| {
        let (one, other) = (key(one), key(other));
        one.0 == other.0 && (one.1.is_none() || other.1.is_none() || one.1 == other.1)
    };
    for rule in azure_rules {
        comparison.compared += 1;
        let name = text(rule, "name").unwrap_or_default().to_owned();
        match own_rules.iter().find(|own| fits(rule, own)) {
            None => comparison.differ("rule", name, Some(sentence(rule)), None, None),
            Some(own) => {
                let fields = differing_fields(rule, own);
                if !fields.is_empty() {
                    let with = |rule| format!("{}; {}", sentence(rule), words(rule, &fields));
                    let made_by = format!("{} of {group}", text(own, "name").unwrap_or_default());
                    comparison.differ(
                        "rule",
                        name,
                        Some(with(rule)),
                        Some(with(own)),
                        Some(made_by),
                    );
                }
            }
        }
    }
    for own in own_rules {
        if !azure_rules.iter().any(|rule| fits(rule, own)) {
            comparison.compared += 1;
            let name = text(own, "name").unwrap_or_default().to_owned();
            comparison.differ("rule", name, None, Some(sentence(own)), Some(group.clone()));
        }
    }
    if let (Some(azure), Some(own)) = (get(azure, "tagMap"), get(ours, "tagMap")) {
        let Some(tags) = azure.as_object() else {
            return;
        };
        for (tag, prefixes) in tags {
            if let Some(own) = get(own, tag) {
                tag_sets(tag, &texts(Some(prefixes)), &texts(Some(own)), comparison);
            }
        }
    }
}

fn sentence(rule: &Value) -> String {
    let word = |key| match get(rule, key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    };
    let words = ["direction", "priority", "access", "protocol"].map(word);
    words.join(" ")
}

/// Properties with a single and a list form, of which Azure prints one or both.
const SIDES: [(&str, &str); 4] = [
    ("sourceAddressPrefix", "sourceAddressPrefixes"),
    ("destinationAddressPrefix", "destinationAddressPrefixes"),
    ("sourcePortRange", "sourcePortRanges"),
    ("destinationPortRange", "destinationPortRanges"),
];
const EXPANDED: [&str; 2] = [
    "expandedSourceAddressPrefix",
    "expandedDestinationAddressPrefix",
];

/// What differs of one rule, by key; what Azure does not say is passed over.
fn differing_fields(azure: &Value, ours: &Value) -> Vec<&'static str> {
    let mut fields = Vec::new();
    for key in ["direction", "priority", "access"] {
        if let (Some(azure), Some(own)) = (get(azure, key), get(ours, key))
            && !same_word(azure, own)
        {
            fields.push(key);
        }
    }
    let protocol = |rule| text(rule, "protocol").map(normal_protocol);
    if let (Some(azure), Some(own)) = (protocol(azure), protocol(ours))
        && azure != own
    {
        fields.push("protocol");
    }
    for (single, list) in SIDES {
        let values = |rule| {
            let listed = texts(get(rule, list));
            let values = if listed.is_empty() {
                texts(get(rule, single))
            } else {
                listed
            };
            let mut values: Vec<String> = values
                .into_iter()
                .filter(|value| !value.is_empty() && !is_ipv6(value))
                .map(|value| normal_value(value, single))
                .collect();
            values.sort();
            values.dedup();
            values
        };
        let (azure, own) = (values(azure), values(ours));
        if !azure.is_empty() && azure != own && !same_addresses(&azure, &own) {
            fields.push(list);
        }
    }
    for key in EXPANDED {
        let azure = texts(get(azure, key).filter(|value| value.is_array()));
        if !azure.is_empty() && !same_set(&azure, &texts(get(ours, key))) {
            fields.push(key);
        }
    }
    fields
}

fn same_word(one: &Value, other: &Value) -> bool {
    let word = |value: &Value| match value {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_string(),
    };
    word(one) == word(other)
}

/// `*` and `All` are one, and so are `TCP` and `Tcp`.
fn normal_protocol(text: &str) -> String {
    match text.to_ascii_lowercase() {
        text if text == "*" || text == "any" => "all".to_owned(),
        text => text,
    }
}

/// A port is a range, `*` is everything, a prefix has no host bits, a tag no letter case.
fn normal_value(text: &str, key: &str) -> String {
    let text = text.trim();
    if key.ends_with("PortRange") {
        return match text.split_once('-') {
            Some(_) => text.to_owned(),
            None if text == "*" => "0-65535".to_owned(),
            None => format!("{text}-{text}"),
        };
    }
    prefix(text).map_or_else(|| text.to_ascii_lowercase(), |prefix| prefix.to_string())
}

fn same_addresses(one: &[String], other: &[String]) -> bool {
    let set = |values: &[String]| -> Option<AddressSet> {
        values.iter().map(|value| prefix(value)).collect()
    };
    set(one).is_some_and(|one| Some(one) == set(other))
}

/// Prefixes as addresses: Azure merges neighbours.
pub fn same_set(one: &[&str], other: &[&str]) -> bool {
    addresses(one).is_some_and(|one| Some(one) == addresses(other))
}

/// The addresses of a list; `None` if it holds what is no prefix. IPv6 is left out.
fn addresses(values: &[&str]) -> Option<AddressSet> {
    values
        .iter()
        .filter(|value| !is_ipv6(value))
        .map(|value| prefix(value))
        .collect()
}

fn words(rule: &Value, fields: &[&str]) -> String {
    let value = |key: &&str| {
        let value = get(rule, key).or_else(|| {
            let (single, _) = SIDES.iter().find(|(_, list)| list == key)?;
            get(rule, single)
        });
        format!("{key} {}", value.unwrap_or(&Value::Null))
    };
    fields.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// What a service tag means to a NIC, in Azure's answer beside ours.
pub fn compare_tag(azure: &str, prefixes: &[&str], ours: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    let mut own: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for block in rows(ours) {
        for (tag, prefixes) in get(block, "tagMap")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            own.insert(tag, texts(Some(prefixes)));
        }
    }
    let found = own
        .into_iter()
        .find(|(tag, _)| tag.eq_ignore_ascii_case(azure));
    if let Some((tag, own)) = found {
        tag_sets(tag, prefixes, &own, &mut comparison);
    } else {
        comparison.compared += 1;
        comparison.differ("tag", azure, Some(prefixes.join(" ")), None, None);
    }
    comparison
}

fn tag_sets(tag: &str, azure: &[&str], ours: &[&str], comparison: &mut Comparison) {
    comparison.compared += 1;
    if !same_set(azure, ours) {
        let (azure, own) = (azure.join(" "), ours.join(" "));
        let made_by = format!("service tag {tag} (T-1)");
        comparison.differ("tag", tag, Some(azure), Some(own), Some(made_by));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(rule: &Value) -> Value {
        json!({ "value": [{
            "association": { "subnet": { "id": "/s/default" } },
            "effectiveSecurityRules": [rule],
        }] })
    }

    #[test]
    fn a_star_printed_twice_is_everything_and_nulls_say_nothing() {
        let azure = json!({
            "name": "defaultSecurityRules/DenyAllInBound", "priority": 65500, "direction": "Inbound", "protocol": "All",
            "sourceAddressPrefixes": ["0.0.0.0/0", "0.0.0.0/0"], "destinationPortRange": "*", "expandedSourceAddressPrefix": null,
        });
        let ours = json!({
            "name": "defaultSecurityRules/DenyAllInBound", "priority": 65500, "direction": "Inbound", "protocol": "*",
            "sourceAddressPrefix": "*", "destinationPortRanges": ["0-65535"], "access": "Deny",
        });
        let comparison = compare_documents(&answer(&azure), &answer(&ours));
        assert_eq!((comparison.compared, comparison.differences.len()), (1, 0));
    }

    #[test]
    fn expansions_are_sets_of_addresses() {
        let rule = |expanded: &[&str], priority: u16| json!({ "name": "AllowVnetInBound", "priority": priority, "expandedSourceAddressPrefix": expanded });
        let merged = answer(&rule(&["10.0.0.0/15", "fe80::1/128"], 65000));
        let apart = answer(&rule(&["10.1.0.0/16", "10.0.0.0/16"], 65000));
        assert!(compare_documents(&merged, &apart).agrees());
        let other = answer(&rule(&["10.0.0.0/16"], 65000));
        let comparison = compare_documents(&merged, &other);
        assert!(
            comparison.differences[0]
                .azure
                .as_deref()
                .unwrap()
                .contains("expandedSource")
        );
    }

    #[test]
    fn a_rule_that_only_one_side_has_is_a_difference_and_an_empty_answer_is_one() {
        let empty = json!({ "value": [] });
        assert_eq!(compare_documents(&empty, &empty).compared, 1);
        let rule = json!({ "name": "ssh", "direction": "Inbound" });
        assert!(!compare_documents(&empty, &answer(&rule)).agrees());
        let other = json!({ "name": "web", "direction": "Inbound" });
        let comparison = compare_documents(&answer(&rule), &answer(&other));
        assert_eq!((comparison.compared, comparison.differences.len()), (2, 2));
    }
}
