//! Fates, values and changed objects in words.

use diagnose::object::short;
use model::ResourceId;
use reach::diff::{Change, Difference, Fate, Kind, Value};

/// Properties of one object that a line names.
const PROPERTIES_NAMED: usize = 4;
/// Letters of a value.
const VALUE_LENGTH: usize = 120;

/// The word for a fate.
pub fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "lost",
        Fate::Gained => "gained",
        Fate::Rerouted => "rerouted",
        Fate::Asymmetric => "newly asymmetric",
    }
}

/// What a fate means, in one sentence.
pub fn meaning(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "Reachable before, and no more.",
        Fate::Gained => "Not reachable before, and now it is.",
        Fate::Rerouted => "Reachable as before, past other devices.",
        Fate::Asymmetric => {
            "Reachable as before; the reply now passes other appliances or gateways than the request."
        }
    }
}

pub(super) fn plural<'w>(count: u64, one: &'w str, several: &'w str) -> &'w str {
    if count == 1 { one } else { several }
}

/// A value in words.
fn value(value: &Value) -> String {
    let text = match value {
        Value::Missing => return "none".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Ids(ids) => {
            let names: Vec<String> = ids.iter().map(|id| short(id.as_str())).collect();
            names.join(", ")
        }
    };
    shortened(&text)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= VALUE_LENGTH {
        return text.to_owned();
    }
    let head: String = text.chars().take(VALUE_LENGTH).collect();
    format!("{head}...")
}

/// What was and what is, told apart even where only the ids differ.
fn from_to(before: &Value, after: &Value) -> (String, String) {
    let texts = (value(before), value(after));
    if texts.0 != texts.1 {
        return texts;
    }
    let full = |value: &Value| match value {
        Value::Missing => "none".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Ids(ids) => {
            let ids: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
            ids.join(", ")
        }
    };
    (full(before), full(after))
}

/// The name of an object: `rule web/deny-web`.
pub fn name(change: &Change) -> String {
    format!("{} {}", change.kind.name(), short(change.id.as_str()))
}

/// What has become of an object, in one line: `link a/a-hub: allowForwardedTraffic true -> false`.
pub fn sentence(change: &Change) -> String {
    let name = name(change);
    match &change.what {
        Difference::Added => format!("{name} added{}", content(change)),
        Difference::Removed => format!("{name} removed{}", content(change)),
        Difference::Changed(properties) => {
            let named = properties.iter().take(PROPERTIES_NAMED);
            let mut told: Vec<String> = named
                .map(|(property, before, after)| {
                    let (before, after) = from_to(before, after);
                    format!("{property} {before} -> {after}")
                })
                .collect();
            if let Some(more) = properties.len().checked_sub(PROPERTIES_NAMED + 1) {
                told.push(format!("and {} more", more + 1));
            }
            format!("{name}: {}", told.join(", "))
        }
    }
}

/// What a rule or route says, in parentheses.
fn content(change: &Change) -> String {
    let of = |wanted: &str| {
        let found = change.properties.iter().find(|(name, _)| *name == wanted);
        found.map_or(&Value::Missing, |(_, value)| value)
    };
    let text = |names: &[&str]| {
        let present = names.iter().map(|name| of(name));
        let present = present.filter(|value| **value != Value::Missing);
        let texts: Vec<String> = present.map(value).collect();
        texts.join(" ")
    };
    match change.kind {
        Kind::SecurityRule | Kind::AdminRule => format!(
            " ({} {} {} {} -> {}:{}, priority {})",
            text(&["direction"]),
            text(&["access"]),
            text(&["protocol"]),
            text(&["source", "sourceApplicationSecurityGroups"]),
            text(&["destination", "destinationApplicationSecurityGroups"]),
            text(&["destinationPorts"]),
            text(&["priority"]),
        ),
        Kind::Route => format!(
            " ({})",
            text(&["addressPrefix", "nextHopType", "nextHopIpAddress"])
        ),
        Kind::FirewallRule => format!(
            " ({} {} {} -> {}:{})",
            text(&["action"]),
            text(&["protocols"]),
            text(&["sources"]),
            text(&["destinations", "names"]),
            text(&["destinationPorts"]),
        ),
        Kind::Peering => {
            let to = text(&["remoteVirtualNetwork"]);
            format!(" ({}, to {to})", text(&["peeringState"]))
        }
        Kind::Subnet => format!(" ({})", text(&["addressPrefixes"])),
        Kind::VirtualNetwork => format!(" ({})", text(&["addressSpace"])),
        Kind::Nic => format!(" ({})", text(&["address"])),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_look_alike_in_short_are_told_in_full() {
        let id = |group: &str| {
            let id = ResourceId::in_group("s", group, "Microsoft.Network/routeTables", "rt");
            Value::Ids(vec![id])
        };
        let (before, after) = from_to(&id("a"), &id("b"));
        assert_ne!(before, after);
        assert_eq!(
            from_to(&Value::Missing, &id("b")),
            ("none".to_owned(), "rt".to_owned())
        );
    }
}
