//! Short answers beside Azure's: IP flow, next hop, peering links.

use std::net::Ipv4Addr;

use control::questions::{Decision, NextHopAnswer};
use fib::AddressSet;
use model::{LinkId, Network};
use serde_json::Value;

use super::{Comparison, get, last_segment, prefix, routes, rows, text, texts};
use crate::az::{peering, watcher};

/// Access and rule of an IP flow check (D-3). The name of the rule is compared without the words that Azure puts before it.
pub fn ip_flow(azure: &Value, decision: &Decision<'_>) -> Comparison {
    let ours = watcher::ip_flow(decision);
    let mut comparison = Comparison {
        compared: 1,
        ..Comparison::default()
    };
    let access = text(azure, "access");
    let rule = text(azure, "ruleName").or_else(|| text(azure, "rule"));
    let own = |key| text(&ours, key).unwrap_or("-");
    let access_differs = access.is_some_and(|access| !access.eq_ignore_ascii_case(own("access")));
    let rule_differs = rule.is_some_and(|rule| {
        !rule.is_empty() && !bare_rule(rule).eq_ignore_ascii_case(bare_rule(own("ruleName")))
    });
    if access.is_none() && rule.is_none() {
        comparison.compared = 0;
        comparison
            .remarks
            .push("neither access nor rule is given: not compared".to_owned());
    }
    if access_differs || rule_differs {
        let azure = format!("{} by {}", access.unwrap_or("-"), rule.unwrap_or("-"));
        let vnetsim = format!("{} by {}", own("access"), own("ruleName"));
        let made_by = decision.decisive().map(|verdict| {
            let (name, priority) = (&verdict.rule.name, verdict.rule.priority);
            format!("rule '{name}', priority {priority}")
        });
        comparison.differ("ip flow", "answer", Some(azure), Some(vnetsim), made_by);
    }
    comparison
}

/// `UserRule_ssh`, `securityRules/ssh` and `ssh` are one rule.
fn bare_rule(name: &str) -> &str {
    let name = last_segment(name.trim());
    ["UserRule_", "DefaultRule_"]
        .into_iter()
        .find_map(|before| name.strip_prefix(before))
        .unwrap_or(name)
}

/// Type, address and route table of the next hop (D-4, O-4).
pub fn next_hop(network: &Network, azure: &Value, answer: &NextHopAnswer<'_>) -> Comparison {
    let ours = watcher::next_hop(answer);
    let mut comparison = Comparison {
        compared: 1,
        ..Comparison::default()
    };
    let (kind, own_kind) = (text(azure, "nextHopType"), text(&ours, "nextHopType"));
    let kind_differs = match (kind, own_kind) {
        (Some(kind), Some(own)) => !same_type(kind, own),
        _ => false,
    };
    let addresses: Vec<Ipv4Addr> =
        texts(get(azure, "nextHopIpAddress").or_else(|| get(azure, "nextHopIps")))
            .into_iter()
            .filter_map(|address| address.parse().ok())
            .collect();
    let own_addresses: Vec<Ipv4Addr> = match answer.route {
        Some((row, _)) => row.next_hop_ips.to_vec(),
        None => answer.address.into_iter().collect(),
    };
    let address_differs = !addresses.is_empty()
        && !addresses
            .iter()
            .all(|address| own_addresses.contains(address));
    let table = text(azure, "routeTableId").or_else(|| text(azure, "routeTable"));
    let own_table = text(&ours, "routeTableId").unwrap_or_default();
    let table_differs = table.is_some_and(|table| {
        !table.is_empty() && !last_segment(table).eq_ignore_ascii_case(last_segment(own_table))
    });
    if kind_differs || address_differs || table_differs {
        let words = |kind: Option<&str>, addresses: &[Ipv4Addr], table: Option<&str>| {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!(
                "{} {} ({})",
                kind.unwrap_or("-"),
                addresses.join(" "),
                table.unwrap_or("-")
            )
        };
        let made_by = answer.route.map(|(row, _)| routes::maker(network, row));
        let azure = words(kind, &addresses, table);
        let vnetsim = words(own_kind, &own_addresses, Some(own_table));
        comparison.differ("next hop", "answer", Some(azure), Some(vnetsim), made_by);
    }
    comparison
}

/// The next-hop question has words of its own for what effective routes call otherwise.
fn same_type(azure: &str, ours: &str) -> bool {
    let normal = |text: &str| match text.to_ascii_lowercase().as_str() {
        "virtualnetwork" | "vnetlocal" => "vnetlocal".to_owned(),
        "virtualnetworkpeering" | "vnetpeering" => "vnetpeering".to_owned(),
        other => other.to_owned(),
    };
    normal(azure) == normal(ours)
}

/// Properties of a link that hold one word or flag.
const LINK_WORDS: [&str; 8] = [
    "peeringState",
    "peeringSyncLevel",
    "allowVirtualNetworkAccess",
    "allowForwardedTraffic",
    "allowGatewayTransit",
    "useRemoteGateways",
    "peerCompleteVnets",
    "doNotVerifyRemoteGateways",
];
/// Properties of a link that hold prefixes.
const LINK_SPACES: [&str; 4] = [
    "remoteAddressSpace",
    "remoteVirtualNetworkAddressSpace",
    "localAddressSpace",
    "localVirtualNetworkAddressSpace",
];

/// One link; only what Azure's side holds is compared.
pub fn link(network: &Network, azure: &Value, link: LinkId) -> Comparison {
    let ours = peering::document(network, link);
    let mut comparison = Comparison {
        compared: 1,
        ..Comparison::default()
    };
    let name = network.peerings()[link].id.to_string();
    let mut differ = |key: &str, azure: String, own: String| {
        comparison.differ(
            "peering",
            key,
            Some(azure),
            Some(own),
            Some(format!("peering {name}")),
        );
    };
    for key in LINK_WORDS {
        let (Some(azure), Some(own)) = (get(azure, key), get(&ours, key)) else {
            continue;
        };
        let word = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if !word(azure).eq_ignore_ascii_case(&word(own)) {
            differ(key, word(azure), word(own));
        }
    }
    for key in LINK_SPACES {
        let (Some(azure), Some(own)) = (space(azure, key), space(&ours, key)) else {
            continue;
        };
        if azure != own {
            let words = |set: &AddressSet| {
                let prefixes: Vec<String> =
                    set.prefixes().map(|prefix| prefix.to_string()).collect();
                prefixes.join(" ")
            };
            differ(key, words(&azure), words(&own));
        }
    }
    let remote = get(azure, "remoteVirtualNetwork").and_then(|remote| text(remote, "id"));
    let own_remote = get(&ours, "remoteVirtualNetwork").and_then(|remote| text(remote, "id"));
    if let (Some(azure), Some(own)) = (remote, own_remote)
        && !last_segment(azure).eq_ignore_ascii_case(last_segment(own))
    {
        differ("remoteVirtualNetwork", azure.to_owned(), own.to_owned());
    }
    gateways(azure, &ours, &mut differ);
    comparison
}

/// `remoteGateways` is there only while the link uses them. `absent` stands for a property that must not be there.
fn gateways(azure: &Value, ours: &Value, differ: &mut impl FnMut(&str, String, String)) {
    let Some(listed) = get(azure, "remoteGateways") else {
        return;
    };
    let names = |value: Option<&Value>| -> Vec<String> {
        let list = value.and_then(Value::as_array);
        let mut names: Vec<String> = list
            .into_iter()
            .flatten()
            .filter_map(|gateway| gateway.as_str().or_else(|| text(gateway, "id")))
            .map(|id| last_segment(id).to_ascii_lowercase())
            .collect();
        names.sort();
        names
    };
    let own = names(get(ours, "remoteGateways"));
    let wanted = names(Some(listed));
    if own != wanted {
        let words = |names: &[String]| match names {
            [] => "absent".to_owned(),
            names => names.join(" "),
        };
        differ("remoteGateways", words(&wanted), words(&own));
    }
}

/// A list of prefixes, alone or under `addressPrefixes`; `None` if there is none or one of them is none.
fn space(value: &Value, key: &str) -> Option<AddressSet> {
    let value = get(value, key)?;
    let list = get(value, "addressPrefixes").unwrap_or(value);
    let prefixes = texts(Some(list));
    if prefixes.is_empty() {
        return None;
    }
    prefixes.into_iter().map(prefix).collect()
}

/// The link that a row of `peering list` describes: by id, else by the name of its network and its own.
pub fn link_of(network: &Network, row: &Value) -> Option<LinkId> {
    let id = text(row, "id");
    let vnet = id.and_then(|id| {
        let mut segments = id.split('/');
        segments.find(|word| word.eq_ignore_ascii_case("virtualNetworks"))?;
        segments.next()
    });
    let name = text(row, "name").or_else(|| id.map(last_segment))?;
    let mut found = network.peerings().iter().filter(|(_, link)| {
        let local = &network.virtual_networks()[link.virtual_network].id;
        match id {
            Some(id) if link.id.as_str().eq_ignore_ascii_case(id) => true,
            _ => {
                last_segment(link.id.as_str()).eq_ignore_ascii_case(name)
                    && vnet
                        .is_none_or(|vnet| last_segment(local.as_str()).eq_ignore_ascii_case(vnet))
            }
        }
    });
    let first = found.next()?.0;
    found.next().is_none().then_some(first)
}

/// All links of an answer, and those of ours that it does not hold although it lists their network.
pub fn links(network: &Network, azure: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    let listed = rows(azure);
    let listed = if listed.is_empty() {
        std::slice::from_ref(azure)
    } else {
        listed
    };
    let mut known = Vec::new();
    for row in listed {
        let name = text(row, "id").or_else(|| text(row, "name")).unwrap_or("?");
        if let Some(found) = link_of(network, row) {
            known.push(found);
            comparison.add(link(network, row, found));
        } else {
            comparison.compared += 1;
            let state = text(row, "peeringState").unwrap_or("a link").to_owned();
            comparison.differ("peering", name, Some(state), None, None);
        }
    }
    let vnet_of = |link: LinkId| network.peerings()[link].virtual_network;
    // A single link is no list.
    let whole = rows(azure).len() == listed.len();
    for (other, peering) in network.peerings().iter().filter(|_| whole) {
        let is_listed = known.iter().any(|&link| vnet_of(link) == vnet_of(other));
        if is_listed && !known.contains(&other) {
            comparison.compared += 1;
            let (key, own) = (peering.id.to_string(), peering.state.as_str().to_owned());
            comparison.differ("peering", key.clone(), None, Some(own), Some(key));
        }
    }
    comparison
}
