//! Recorded operations, in order: what was asked in a line of text, and what of the response was written down.

use ipnet::Ipv4Net;
use model::error::OperationError;
use model::table::Resource;
use model::{LinkId, Network, PeeringFlags, PeeringScope, ResourceId, VnetId};
use report::az::peering;
use report::compare::answers;
use serde_json::{Map, Value, json};

use crate::case::Case;
use crate::reading::{get, prefix, same, short, text, texts, truth};
use crate::tally::Tally;
use crate::world::World;

/// Replays all operations on a network of their own, which is returned for what was observed after them.
pub(crate) fn replay(
    case: &Case,
    world: &World,
    operations: &[&Value],
    tally: &mut Tally,
) -> Network {
    let mut network = (*world.network).clone();
    for (at, operation) in operations.iter().enumerate() {
        let words = text(operation, &["op", "operation"]).unwrap_or_default();
        let subject = format!("operation {} '{words}'", at + 1);
        match Operation::parse(&network, words, operation) {
            Some(parsed) => {
                let outcome = parsed.perform(&mut network);
                compare(
                    case, &network, &subject, operation, &parsed, &outcome, tally,
                );
            }
            None => tally.explain(format!("{subject}: not understood")),
        }
    }
    network
}

/// What is to be done.
#[derive(Debug)]
enum Operation {
    Put {
        vnet: VnetId,
        name: String,
        remote: ResourceId,
        flags: PeeringFlags,
        scope: PeeringScope,
    },
    Delete(LinkId),
    DeleteNetwork(VnetId),
    Sync(LinkId),
    List(VnetId),
    Show(LinkId),
    Space(VnetId, Vec<Ipv4Net>),
}

/// What came of it.
#[derive(Debug)]
enum Outcome {
    /// The link that was made, changed or shown.
    Link(LinkId),
    /// A list of links.
    Listed(VnetId),
    Done,
    Refused(Box<OperationError>),
}

impl Operation {
    fn parse(network: &Network, words: &str, operation: &Value) -> Option<Self> {
        let words = &words.replace(['?', '&'], " ");
        let (head, rest) = words.split_once('{').unwrap_or((words, ""));
        let (braces, tail) = rest.split_once('}').unwrap_or((rest, ""));
        let mut head: Vec<&str> = head
            .split_whitespace()
            .chain(tail.split_whitespace())
            .collect();
        if head.is_empty() {
            return None;
        }
        let verb = head.remove(0).to_ascii_lowercase();
        let mut settings = settings(braces);
        // Flags may also stand without braces.
        head.retain(|word| {
            let found = self::settings(word);
            let is_setting = !found.is_empty();
            settings.extend(found);
            !is_setting
        });
        let target = head.iter().find_map(|word| target(network, word));
        let asks_sync = |word: &str| word.to_ascii_lowercase().contains("sync");
        let action = if head.iter().any(|word| asks_sync(word))
            || settings
                .iter()
                .any(|(key, value)| asks_sync(key) && truth(&json!(value)) == Some(true))
        {
            "sync"
        } else {
            verb.as_str()
        };
        if matches!(action, "set" | "update" | "patch" | "change") && target.is_none() {
            return in_words(network, words, &settings);
        }
        match (action, target?) {
            ("sync", Target::Link(vnet, name)) => Some(Self::Sync(link_of(network, vnet, &name)?)),
            ("delete", Target::Link(vnet, name)) => {
                Some(Self::Delete(link_of(network, vnet, &name)?))
            }
            ("delete", Target::Network(vnet)) => Some(Self::DeleteNetwork(vnet)),
            ("list", Target::Link(vnet, _)) | ("list" | "get" | "show", Target::Network(vnet)) => {
                Some(Self::List(vnet))
            }
            ("get" | "show", Target::Link(vnet, name)) => {
                Some(Self::Show(link_of(network, vnet, &name)?))
            }
            ("put" | "create" | "update" | "patch" | "set" | "add", Target::Link(vnet, name)) => {
                put(network, vnet, &name, &settings, operation)
            }
            ("put" | "update" | "patch" | "set" | "add" | "change", Target::Network(vnet)) => {
                let written =
                    words.split(|c: char| !(c.is_ascii_digit() || ['.', '/'].contains(&c)));
                let mut space: Vec<Ipv4Net> = written
                    .filter(|word| word.contains('/') && word.contains('.'))
                    .filter_map(prefix)
                    .collect();
                for key in ["addressPrefixes", "addressSpace"] {
                    space.extend(texts(operation, &[key]).into_iter().filter_map(prefix));
                }
                if verb == "add" && !space.is_empty() {
                    let present = network.virtual_networks()[vnet].address_space.prefixes();
                    space.splice(0..0, present.iter().copied());
                }
                space.dedup();
                (!space.is_empty()).then_some(Self::Space(vnet, space))
            }
            _ => None,
        }
    }

    fn perform(&self, network: &mut Network) -> Outcome {
        let refused = |error| Outcome::Refused(Box::new(error));
        match self {
            Self::Put {
                vnet,
                name,
                remote,
                flags,
                scope,
            } => network
                .put_peering(*vnet, name, remote, *flags, scope.clone())
                .map_or_else(refused, Outcome::Link),
            Self::Delete(link) => {
                network.delete_peering(*link);
                Outcome::Done
            }
            Self::DeleteNetwork(vnet) => network
                .delete_virtual_network(*vnet)
                .map_or_else(refused, |()| Outcome::Done),
            Self::Sync(link) => network
                .sync_peering(*link)
                .map_or_else(refused, |_| Outcome::Link(*link)),
            Self::List(vnet) => Outcome::Listed(*vnet),
            Self::Show(link) => Outcome::Link(*link),
            Self::Space(vnet, space) => network
                .change_address_space(*vnet, space.clone())
                .map_or_else(refused, |()| Outcome::Done),
        }
    }
}

enum Target {
    Link(VnetId, String),
    Network(VnetId),
}

fn network_named(network: &Network, name: &str) -> Option<VnetId> {
    let mut found = network
        .virtual_networks()
        .iter()
        .filter(|(_, vnet)| same(vnet.name(), name));
    found.next().map(|(vnet, _)| vnet)
}

/// `vnet/link`, or a network.
fn target(network: &Network, word: &str) -> Option<Target> {
    let word = word.trim_matches(|c: char| ",;:'\"()".contains(c));
    if let Some((vnet, link)) = word.split_once('/') {
        let link = link.rsplit('/').next().unwrap_or(link);
        return Some(Target::Link(network_named(network, vnet)?, link.to_owned()));
    }
    network_named(network, word).map(Target::Network)
}

fn link_of(network: &Network, vnet: VnetId, name: &str) -> Option<LinkId> {
    let mut links = network
        .peerings()
        .iter()
        .filter(|(_, link)| link.virtual_network == vnet);
    links
        .find(|(_, link)| same(link.name(), name))
        .map(|(link, _)| link)
}

/// `ava:false, useRemoteGateways=true`.
fn settings(text: &str) -> Vec<(String, String)> {
    let pairs = text
        .split(',')
        .filter_map(|pair| pair.split_once([':', '=']));
    let pairs =
        pairs.map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim().to_owned()));
    pairs
        .filter(|(key, value)| !key.is_empty() && !value.is_empty() && !key.contains('/'))
        .collect()
}

/// Sets a flag by its short or long name. False if it is none, or the value says neither yes nor no.
fn set(flags: &mut PeeringFlags, key: &str, value: &str) -> bool {
    let Some(value) = truth(&json!(value)) else {
        return false;
    };
    let flag = match key.to_ascii_lowercase().as_str() {
        "ava" | "allowvirtualnetworkaccess" | "allow-vnet-access" => {
            &mut flags.allow_virtual_network_access
        }
        "aft" | "allowforwardedtraffic" => &mut flags.allow_forwarded_traffic,
        "agt" | "allowgatewaytransit" => &mut flags.allow_gateway_transit,
        "urg" | "useremotegateways" => &mut flags.use_remote_gateways,
        "donotverifyremotegateways" => &mut flags.do_not_verify_remote_gateways,
        _ => return false,
    };
    *flag = value;
    true
}

fn put(
    network: &Network,
    vnet: VnetId,
    name: &str,
    settings: &[(String, String)],
    operation: &Value,
) -> Option<Operation> {
    let present = link_of(network, vnet, name).map(|link| &network.peerings()[link]);
    let mut flags = present.map_or_else(PeeringFlags::default, |link| link.flags);
    for (key, value) in settings {
        set(&mut flags, key, value);
    }
    let named = settings
        .iter()
        .find(|(key, _)| key.starts_with("remote"))
        .map(|(_, value)| value.as_str());
    let named =
        named.or_else(|| text(operation, &["remoteVnet", "remote", "remoteVirtualNetwork"]));
    let by_name =
        named.and_then(|name| network_named(network, name.rsplit('/').next().unwrap_or(name)));
    // A response tells the remote network by its prefixes.
    let response = get(operation, &["response", "result"]);
    let space: Vec<Ipv4Net> = response
        .map(|response| texts(response, &["remoteAddressSpace"]))
        .unwrap_or_default()
        .into_iter()
        .filter_map(prefix)
        .collect();
    let by_space = || {
        let mut networks = network.virtual_networks().iter();
        networks
            .find(|(_, other)| {
                !space.is_empty()
                    && other
                        .address_space
                        .prefixes()
                        .iter()
                        .all(|prefix| space.contains(prefix))
            })
            .map(|(vnet, _)| vnet)
    };
    let only_other = || {
        let mut others = network
            .virtual_networks()
            .keys()
            .filter(|&other| other != vnet);
        let other = others.next()?;
        others.next().is_none().then_some(other)
    };
    let remote = match present {
        Some(link) if by_name.is_none() => link.remote.clone(),
        _ => {
            let remote = by_name.or_else(by_space).or_else(only_other)?;
            network.virtual_networks()[remote].id.clone()
        }
    };
    let scope = present.map_or_else(PeeringScope::default, |link| link.scope.clone());
    Some(Operation::Put {
        vnet,
        name: name.to_owned(),
        remote,
        flags,
        scope,
    })
}

/// `set FLAG=VALUE on spoke while hub side FLAG=VALUE`: a link that is as the sentence says, the hub being where the gateway is.
fn in_words(network: &Network, words: &str, settings: &[(String, String)]) -> Option<Operation> {
    let lower = words.to_ascii_lowercase();
    let on_spoke = lower.contains("on spoke")
        || lower.contains("on the spoke")
        || lower.contains("spoke side");
    let (wanted, conditions) = settings.split_first()?;
    let has_gateway = |vnet: VnetId| network.gateways_of(vnet).next().is_some();
    for (link, peering) in network.peerings().iter() {
        let Some(reverse) = network.reverse_link(link) else {
            continue;
        };
        let remote = network.peerings()[reverse].virtual_network;
        let local = peering.virtual_network;
        let is_spoke = !has_gateway(local) && has_gateway(remote);
        if is_spoke != on_spoke {
            continue;
        }
        let far = network.peerings()[reverse].flags;
        let holds = conditions.iter().all(|(key, value)| {
            let mut other = far;
            !set(&mut other, key, value) || other == far
        });
        let mut flags = peering.flags;
        if holds && set(&mut flags, &wanted.0, &wanted.1) {
            return Some(Operation::Put {
                vnet: local,
                name: peering.name().to_owned(),
                remote: peering.remote.clone(),
                flags,
                scope: peering.scope.clone(),
            });
        }
    }
    None
}

/// Compares what was written down of the response. An operation is one answer.
fn compare(
    case: &Case,
    network: &Network,
    subject: &str,
    operation: &Value,
    parsed: &Operation,
    outcome: &Outcome,
    tally: &mut Tally,
) {
    let Some(response) = get(operation, &["response", "result"]) else {
        tally.explain(format!("{subject}: no response is written down"));
        return;
    };
    let excuse = || case.excuse(&["operation", "flags", "peering"]);
    if let Some(error) = error_in(response) {
        let Outcome::Refused(own) = outcome else {
            tally.row(false, excuse(), || {
                format!("{subject}: Azure answers '{error}', vnetsim does it")
            });
            return;
        };
        let ours = format!("{} {own}", own.azure_code().unwrap_or_default());
        match (meaning(&error), meaning(&ours)) {
            (Some(azure), Some(own)) => tally.row(azure == own, excuse(), || {
                format!("{subject}: Azure answers '{error}', vnetsim '{ours}'")
            }),
            _ => tally.explain(format!(
                "{subject}: the error '{error}' is not known by its words; vnetsim answers '{ours}'"
            )),
        }
        return;
    }
    if let Outcome::Refused(error) = outcome {
        tally.row(false, excuse(), || {
            format!("{subject}: Azure does it, vnetsim answers '{error}'")
        });
        return;
    }
    if let Some(words) = response.as_str() {
        sentence(network, subject, words, parsed, excuse(), tally);
        return;
    }
    let flat = flattened(response);
    let Some(members) = flat.as_object() else {
        tally.explain(format!(
            "{subject}: response {} is not understood",
            short(response)
        ));
        return;
    };
    match outcome {
        Outcome::Link(link) => one_link(network, subject, members, *link, &excuse, tally),
        Outcome::Listed(vnet) => {
            // By name of the link.
            let mut differences = Vec::new();
            for (name, answer) in members {
                match link_of(network, *vnet, name) {
                    Some(link) => {
                        differences.extend(differing(network, subject, answer, link, tally));
                    }
                    None => differences.push(format!("Azure lists {name}, vnetsim does not")),
                }
            }
            tally.row(differences.is_empty(), excuse(), || {
                format!("{subject}: {}", differences.join("; "))
            });
        }
        _ => {
            let done = text(response, &["provisioningState", "status"]);
            match done.map(last_state) {
                Some(state) if same(state, "Succeeded") => tally.equal(),
                _ => tally.explain(format!(
                    "{subject}: response {} is not understood",
                    short(response)
                )),
            }
        }
    }
}

/// Properties beside the name, as the command line prints them; a list becomes an object by name.
fn flattened(response: &Value) -> Value {
    match response {
        Value::Array(entries) => {
            let named = entries.iter().filter_map(|entry| {
                let name = text(entry, &["name"])?;
                Some((name.to_owned(), flattened(entry)))
            });
            Value::Object(named.collect())
        }
        Value::Object(members) => {
            let mut flat = members.clone();
            if let Some(Value::Object(properties)) = flat.remove("properties") {
                flat.extend(properties);
            }
            if let Some(Value::Array(entries)) = members.get("value") {
                return flattened(&Value::Array(entries.clone()));
            }
            Value::Object(flat)
        }
        other => other.clone(),
    }
}

fn one_link(
    network: &Network,
    subject: &str,
    members: &Map<String, Value>,
    link: LinkId,
    excuse: &dyn Fn() -> Option<String>,
    tally: &mut Tally,
) {
    let differences = differing(
        network,
        subject,
        &Value::Object(members.clone()),
        link,
        tally,
    );
    tally.row(differences.is_empty(), excuse(), || {
        format!("{subject}: {}", differences.join("; "))
    });
}

/// What differs of a link; what is not a property of a link is told.
fn differing(
    network: &Network,
    subject: &str,
    answer: &Value,
    link: LinkId,
    tally: &mut Tally,
) -> Vec<String> {
    let ours = peering::document(network, link);
    let mut wanted = Map::new();
    let mut differences = Vec::new();
    for (key, value) in answer.as_object().into_iter().flatten() {
        let own = ours
            .as_object()
            .into_iter()
            .flatten()
            .find(|(own, _)| own.eq_ignore_ascii_case(key))
            .map(|(_, value)| value);
        match (value.as_str(), own) {
            (Some("absent"), own) => {
                if own.is_some_and(|own| !own.is_null()) {
                    differences.push(format!(
                        "{key}: Azure has none, vnetsim {}",
                        own.map(short).unwrap_or_default()
                    ));
                }
            }
            (Some(text), Some(own)) if own.is_array() || own.is_object() => {
                wanted.insert(key.clone(), json!([text]));
            }
            (Some(text), Some(own)) => {
                // "A then B" is B in the end.
                if own.as_str().is_none_or(|own| !same(own, last_state(text)))
                    && own.as_bool() != truth(value)
                {
                    differences.push(format!("{key}: Azure has '{text}', vnetsim {}", short(own)));
                }
            }
            (None, _) => {
                wanted.insert(key.clone(), value.clone());
            }
            (Some(text), None) => {
                tally.explain(format!("{subject}: {key} '{text}' is not compared"));
            }
        }
    }
    for key in wanted.keys() {
        if ![
            "remoteaddressspace",
            "remotevirtualnetworkaddressspace",
            "localaddressspace",
            "localvirtualnetworkaddressspace",
            "remotegateways",
            "remotevirtualnetwork",
        ]
        .contains(&key.to_ascii_lowercase().as_str())
            && ours.get(key).is_none()
        {
            tally.explain(format!("{subject}: {key} is not compared"));
        }
    }
    let comparison = answers::link(network, &Value::Object(wanted), link);
    differences.extend(comparison.differences.iter().map(|difference| {
        format!(
            "{}: Azure has {}, vnetsim {}",
            difference.key,
            difference.azure.as_deref().unwrap_or("nothing"),
            difference.vnetsim.as_deref().unwrap_or("nothing")
        )
    }));
    differences
}

/// `Updating then Succeeded` is Succeeded.
fn last_state(text: &str) -> &str {
    text.rsplit(" then ").next().unwrap_or(text).trim()
}

/// `Succeeded; vnet1 list empty`: each part is a claim.
fn sentence(
    network: &Network,
    subject: &str,
    words: &str,
    parsed: &Operation,
    excuse: Option<String>,
    tally: &mut Tally,
) {
    let mut wrong = Vec::new();
    let mut understood = 0;
    let listed = match parsed {
        Operation::List(vnet) => Some(*vnet),
        _ => None,
    };
    for claim in words
        .split(';')
        .map(str::trim)
        .filter(|claim| !claim.is_empty())
    {
        let lower = last_state(claim).to_ascii_lowercase();
        let named = claim
            .split_whitespace()
            .find_map(|word| network_named(network, word));
        if ["succeeded", "success", "ok", "200", "accepted", "done"]
            .iter()
            .any(|word| lower.starts_with(word))
        {
            understood += 1;
        } else if let (Some(vnet), true) = (named.or(listed), lower.contains("empty")) {
            understood += 1;
            let left = network
                .peerings()
                .values()
                .filter(|link| link.virtual_network == vnet)
                .count();
            if left > 0 {
                wrong.push(format!("Azure lists no link, vnetsim {left}"));
            }
        } else if let Some(state) =
            ["initiated", "connected", "disconnected"]
                .into_iter()
                .find(|state| {
                    lower
                        .split(|c: char| !c.is_alphanumeric())
                        .any(|word| word == *state)
                })
        {
            let link = match parsed {
                Operation::Put { vnet, name, .. } => link_of(network, *vnet, name),
                Operation::Sync(link) | Operation::Show(link) => Some(*link),
                _ => None,
            };
            match link.map(|link| network.peerings()[link].state.as_str()) {
                Some(own) => {
                    understood += 1;
                    if !same(own, state) {
                        wrong.push(format!("Azure says {state}, vnetsim {own}"));
                    }
                }
                None => tally.explain(format!("{subject}: '{claim}' is not compared")),
            }
        } else {
            tally.explain(format!("{subject}: '{claim}' is not compared"));
        }
    }
    if understood > 0 {
        tally.row(wrong.is_empty(), excuse, || {
            format!("{subject}: {}", wrong.join("; "))
        });
    }
}

/// The error of a response: an object of the service, or a sentence that begins so.
fn error_in(response: &Value) -> Option<String> {
    if let Some(words) = response.as_str() {
        let lower = words.to_ascii_lowercase();
        let refused = ["error", "refused", "fail", "bad request", "400"]
            .iter()
            .any(|word| lower.starts_with(word));
        return refused.then(|| words.to_owned());
    }
    let error = get(response, &["error"]).unwrap_or(response);
    if let Some(words) = error.as_str() {
        return Some(words.to_owned());
    }
    let code = text(error, &["code", "errorCode"])?;
    Some(format!(
        "{code} {}",
        text(error, &["message"]).unwrap_or_default()
    ))
}

/// What an error means, by its code or its words.
fn meaning(error: &str) -> Option<&'static str> {
    const CODES: &[&str] = &[
        "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
        "VnetAddressSpacesOverlap",
        "AnotherPeeringAlreadyReferencesRemoteVnet",
        "RemotePeeringIsDisconnected",
        "RemoteVnetHasNoGateways",
        "RouteConflict",
        "SecurityRuleConflict",
        "NetcfgSubnetRangesOverlap",
        "NetcfgInvalidSubnet",
        "ResourceNotFound",
    ];
    let lower = error.to_ascii_lowercase();
    if let Some(code) = CODES
        .iter()
        .find(|code| lower.contains(&code.to_ascii_lowercase()))
    {
        return Some(code);
    }
    let has = |words: &[&str]| words.iter().all(|word| lower.contains(word));
    Some(match () {
        () if has(&["overlap", "already peered"]) => CODES[0],
        () if has(&["overlap", "subnet"]) && !has(&["peer"]) => CODES[7],
        () if has(&["overlap"]) => CODES[1],
        () if has(&["already references"]) => CODES[2],
        () if has(&["disconnected"]) => CODES[3],
        () if has(&["remote", "not have any gateway"]) || has(&["remote", "no gateway"]) => {
            CODES[4]
        }
        () if has(&["allowgatewaytransit", "false"]) => "RemoteAllowsNoTransit",
        () if has(&["useremotegateways", "own"])
            || has(&["useremotegateways", "already has a gateway"]) =>
        {
            "OwnGatewayPresent"
        }
        () if has(&["useremotegateways", "another"])
            || has(&["useremotegateways", "has it already"]) =>
        {
            "AnotherUsesRemoteGateways"
        }
        () if has(&["route", "conflict"]) => CODES[5],
        () if has(&["rule", "conflict"]) => CODES[6],
        () if has(&["not found"]) => CODES[9],
        () if has(&["cannot be changed"]) => "Fixed",
        () => return None,
    })
}
