//! A case from beginning to end, under every reading that it leaves open and in both forms of its topology.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::case::{Case, Folder};
use crate::operations;
use crate::reading::{Odd, address, addresses_in, get, list, same, short, text};
use crate::scenario::{Choice, Outside};
use crate::tables::Asked;
use crate::tally::Tally;
use crate::topology::Topology;
use crate::variants;
use crate::world::{Form, World};

/// All cases of a folder; `tell` takes each line.
pub(crate) fn all(folder: &Folder, mut tell: impl FnMut(String)) -> Tally {
    let mut total = Tally::default();
    for case in &folder.cases {
        let tally = one(folder, case);
        for remark in &tally.remarks {
            tell(format!("{}: note: {remark}", case.id));
        }
        for explained in &tally.explained {
            tell(format!("{}: explained: {explained}", case.id));
        }
        for failed in &tally.failed {
            tell(format!("{}: FAILED: {failed}", case.id));
        }
        let (explained, failed) = (tally.explained.len(), tally.failed.len());
        tell(format!(
            "{}: {} rows, {explained} explained, {failed} failed",
            case.id, tally.rows
        ));
        total.add(tally);
    }
    for (name, prefixes) in &folder.tag_lists {
        let tally = tag_list(name, prefixes);
        tally
            .failed
            .iter()
            .for_each(|failed| tell(format!("{name}: FAILED: {failed}")));
        total.add(tally);
    }
    total
}

/// A recorded expansion of the `Internet` tag beside ours.
fn tag_list(name: &str, prefixes: &[String]) -> Tally {
    let mut tally = Tally::default();
    let document = serde_json::json!({
        "virtualNetworks": { "vnet": { "addressSpace": ["10.0.0.0/16"], "subnets": { "default": "10.0.0.0/24" } } },
        "networkInterfaces": { "nic": { "subnet": "vnet/default" } },
    });
    let mut loader = formats::load::Loader::new(formats::load::LoadOptions::default());
    loader.add_text("tag.json", document.to_string());
    let world = loader
        .finish()
        .ok()
        .map(|loaded| World::compiled(loaded.network, Vec::new()));
    let Some((world, nic)) = world.and_then(|world| world.nic("nic").map(|nic| (world, nic)))
    else {
        tally.fail("no network to ask");
        return tally;
    };
    let listed: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let comparison = report::compare::groups::compare_tag("Internet", &listed, &world.tags(nic));
    tally.take(name, &comparison, |_| None);
    tally
}

fn one(folder: &Folder, case: &Case) -> Tally {
    let mut tally = Tally::default();
    tally.explained.extend(case.odd.iter().cloned());
    let mut odd = Odd::new();
    let topology = Topology::of_case(&case.topology, &case.observed, &mut odd);
    tally.explained.extend(odd);
    let choices = variants::of(case, &topology);
    let mut best: Option<(Choice, Tally)> = None;
    let mut fitting: Vec<String> = Vec::new();
    for &choice in &choices {
        let found = replay(folder, case, choice, Form::Scenario);
        let fits = found.failed.is_empty();
        if fits {
            fitting.push(variants::words(choice, &topology));
        }
        if best
            .as_ref()
            .is_none_or(|(_, best)| found.failed.len() < best.failed.len())
        {
            best = Some((choice, found));
        }
        // One reading that fits is enough; of the settings all that fit are told.
        if fits && !case.has_tag("aft") {
            break;
        }
    }
    let Some((choice, found)) = best else {
        return tally;
    };
    if choices.len() > 1 {
        tally.remark(match fitting.as_slice() {
            [] => format!(
                "none of {} readings fits; the nearest is {}",
                choices.len(),
                variants::words(choice, &topology)
            ),
            fitting => format!("matches with {}", fitting.join(" | ")),
        });
    }
    as_template(folder, case, choice, &found, &mut tally);
    tally.add(found);
    if topology.from_words {
        // A sentence may have been misread.
        let failed = std::mem::take(&mut tally.failed);
        let doubt = "parts of the topology are told in sentences";
        tally.explained.extend(
            failed
                .into_iter()
                .map(|failed| format!("{failed}: {doubt}")),
        );
    }
    tally
}

/// The same topology as an ARM template has to give the same answers.
fn as_template(folder: &Folder, case: &Case, choice: Choice, found: &Tally, tally: &mut Tally) {
    let second = replay(folder, case, choice, Form::Template);
    for failed in second
        .failed
        .iter()
        .filter(|failed| !found.failed.contains(failed))
    {
        tally.fail(format!("as ARM template: {failed}"));
    }
    if second.failed == found.failed && second.rows != found.rows {
        tally.fail(format!(
            "as ARM template: {} rows instead of {}",
            second.rows, found.rows
        ));
    }
}

/// One reading in one form.
fn replay(folder: &Folder, case: &Case, choice: Choice, form: Form) -> Tally {
    let mut tally = Tally::default();
    let topology = Topology::of_case(&case.topology, &case.observed, &mut Odd::new());
    let outside = outside_hosts(&topology, &case.observed);
    let observed = case.observed.as_object();
    if observed.is_none_or(serde_json::Map::is_empty) {
        tally.explain("nothing was observed");
        return tally;
    }
    if topology.vnets.is_empty() {
        for (key, value) in observed.into_iter().flatten() {
            tally.explain(format!(
                "{key}: {} needs a topology, of which nothing can be read",
                short(value)
            ));
        }
        return tally;
    }
    let world = match World::of(&topology, &outside, choice, form) {
        Ok(world) => world,
        Err(error) => {
            tally.fail(format!("the topology cannot be loaded: {error}"));
            return tally;
        }
    };
    for warning in &world.warnings {
        tally.remark(format!("reading: {warning}"));
    }
    // Operations come first: states and tables were observed after them.
    let operations = list(&case.observed, &["operations"]);
    let after = (!operations.is_empty()).then(|| {
        World::compiled(
            operations::replay(case, &world, &operations, &mut tally),
            Vec::new(),
        )
    });
    let asked = Asked {
        folder,
        case,
        topology: &topology,
        world: &world,
    };
    for (key, value) in observed.into_iter().flatten() {
        let entries = || list(&case.observed, &[key.as_str()]);
        match key.as_str() {
            "effective_routes" => asked.effective_routes(value, "", &mut tally),
            "effective_nsg" => asked.effective_groups(value, "", &mut tally),
            "effective_routes_phases" | "effective_nsg_phases" => {
                phases(folder, case, choice, form, key, value, &mut tally);
            }
            "ip_flow" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.ip_flow(&flat(entry), tally);
            }),
            "next_hop" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.next_hop(&flat(entry), tally);
            }),
            "reachability" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.reachability(entry, tally);
            }),
            "traceroute" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.traceroute(entry, tally);
            }),
            "captures" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.capture(entry, tally);
            }),
            "path" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.path(entry, tally);
            }),
            "nsg_diagnostic" => objects(&entries(), key, &mut tally, |entry, tally| {
                asked.nsg_diagnostic(entry, tally);
            }),
            "security_group_view" => match value.as_object() {
                Some(views) if !views.contains_key("networkInterfaces") => {
                    for (name, view) in views {
                        asked.security_view(name, view, &mut tally);
                    }
                }
                _ => objects(&entries(), key, &mut tally, |entry, tally| {
                    let name = text(entry, &["nic", "vm", "name"]).unwrap_or_default();
                    asked.security_view(name, entry, tally);
                }),
            },
            "peering_state" => {
                let world = after.as_ref().unwrap_or(&world);
                let asked = Asked { world, ..asked };
                objects(&entries(), key, &mut tally, |entry, tally| {
                    asked.peering_state(entry, tally);
                });
            }
            "operations" => {}
            note if note.starts_with("note") => {}
            other => tally.explain(format!(
                "{other}: {} is a form that is not replayed",
                short(value)
            )),
        }
    }
    tally
}

fn objects(
    entries: &[&Value],
    key: &str,
    tally: &mut Tally,
    mut replay: impl FnMut(&Value, &mut Tally),
) {
    for entry in entries {
        if entry.is_object() {
            replay(entry, tally);
        } else {
            tally.explain(format!("{key}: {} is not understood", short(entry)));
        }
    }
}

/// Question and answer in one object, with the keys of the REST API as people shorten them.
fn flat(entry: &Value) -> Value {
    const SHORT: &[(&str, &str)] = &[
        ("localIPAddress", "localIp"),
        ("remoteIPAddress", "remoteIp"),
        ("sourceIPAddress", "sourceIp"),
        ("destinationIPAddress", "destinationIp"),
        ("targetNicResourceId", "nic"),
        ("targetResourceId", "vm"),
    ];
    let mut members = serde_json::Map::new();
    for (key, value) in entry.as_object().into_iter().flatten() {
        let parts = [
            "request", "query", "question", "response", "result", "answer",
        ];
        match value.as_object().filter(|_| parts.contains(&key.as_str())) {
            Some(part) => members.extend(part.clone()),
            None => {
                members.insert(key.clone(), value.clone());
            }
        }
    }
    for (long, short) in SHORT {
        if let Some(value) = members.remove(*long) {
            let last = value.as_str().and_then(|id| id.rsplit('/').next());
            let value = last.map_or_else(|| value.clone(), |last| Value::String(last.to_owned()));
            members.insert((*short).to_owned(), value);
        }
    }
    if let Some(words) = members
        .get("nextHop")
        .and_then(Value::as_str)
        .map(str::to_owned)
    {
        // `VirtualAppliance 10.0.0.4`
        members.remove("nextHop");
        let mut words = words
            .split_whitespace()
            .map(|word| Value::String(word.to_owned()));
        members.extend(words.next().map(|kind| ("nextHopType".to_owned(), kind)));
        members.extend(words.next().map(|at| ("nextHopIpAddress".to_owned(), at)));
    }
    Value::Object(members)
}

/// Tables that were observed one after the other while routes, rules or peerings changed.
fn phases(
    folder: &Folder,
    case: &Case,
    choice: Choice,
    form: Form,
    key: &str,
    value: &Value,
    tally: &mut Tally,
) {
    let Some(tables) = value.as_object() else {
        tally.explain(format!("{key}: {} is not understood", short(value)));
        return;
    };
    for (phase, table) in tables {
        let input = topology_of_phase(&case.topology, phase, tally);
        // What identifies tables without subnets is the table of this phase.
        let mut observed = case.observed.clone();
        if key == "effective_routes_phases" {
            observed["effective_routes"] = table.clone();
        }
        let (mut odd, mut known) = (Odd::new(), Odd::new());
        let topology = Topology::of_case(&input, &observed, &mut odd);
        Topology::of_case(&case.topology, &case.observed, &mut known);
        for remark in odd.into_iter().filter(|remark| !known.contains(remark)) {
            tally.explain(format!("phase {phase}: {remark}"));
        }
        let outside = outside_hosts(&topology, &observed);
        let world = match World::of(&topology, &outside, choice, form) {
            Ok(world) => world,
            Err(error) => {
                tally.fail(format!(
                    "phase {phase}: the topology cannot be loaded: {error}"
                ));
                continue;
            }
        };
        let asked = Asked {
            folder,
            case,
            topology: &topology,
            world: &world,
        };
        let suffix = format!(" in phase {phase}");
        if key == "effective_routes_phases" {
            asked.effective_routes(table, &suffix, tally);
        } else {
            asked.effective_groups(table, &suffix, tally);
        }
    }
}

/// The topology with the inputs of one phase in place: of the whole, or of one route table or group.
fn topology_of_phase(topology: &Value, phase: &str, tally: &mut Tally) -> Value {
    let mut input = topology.clone();
    let of_phase = |holder: &Value, key: &str| -> Option<Value> {
        let by_phase = holder.get(key)?.as_object()?;
        let found = by_phase.iter().find(|(name, _)| same(name, phase));
        found.map(|(_, value)| value.clone())
    };
    if let Some(peerings) = of_phase(topology, "peerings_by_phase") {
        input["peerings"] = peerings;
    }
    for (key, holders, part) in [
        ("routes_by_phase", "routeTables", "routes"),
        ("rules_by_phase", "nsgs", "rules"),
    ] {
        if let Some(entries) = input.get_mut(holders).and_then(Value::as_array_mut) {
            for holder in entries {
                if let Some(value) = of_phase(holder, key) {
                    holder[part] = value;
                }
            }
        }
        let Some(value) = of_phase(topology, key) else {
            continue;
        };
        let is_holder = |entry: &Value| get(entry, &[part, "subnets", "attachedTo"]).is_some();
        match &value {
            // Whole tables or groups.
            Value::Array(entries) if entries.first().is_some_and(is_holder) => {
                input[holders] = value.clone();
            }
            // The rows of the only one there is.
            Value::Array(_) => match input
                .get_mut(holders)
                .and_then(Value::as_array_mut)
                .map(Vec::as_mut_slice)
            {
                Some([holder, ..]) => holder[part] = value.clone(),
                _ => input[holders] = serde_json::json!([{ part: value }]),
            },
            // By name.
            Value::Object(named) => {
                for (name, rows) in named {
                    let entries = input.get_mut(holders).and_then(Value::as_array_mut);
                    let holder = entries
                        .into_iter()
                        .flatten()
                        .find(|holder| text(holder, &["name"]).is_some_and(|own| same(own, name)));
                    match holder {
                        Some(holder) => holder[part] = rows.clone(),
                        None => tally.explain(format!("{key} of {phase}: nothing is named {name}")),
                    }
                }
            }
            other => tally.explain(format!(
                "{key} of {phase}: {} is not understood",
                short(other)
            )),
        }
    }
    input
}

/// Ends that lie outside Azure: each needs a gateway that knows its prefix.
fn outside_hosts(topology: &Topology, observed: &Value) -> Vec<Outside> {
    let mut addresses: Vec<Ipv4Addr> = Vec::new();
    for key in ["reachability", "traceroute", "path", "captures"] {
        for entry in list(observed, &[key]) {
            for end in ["src", "dst", "source", "destination", "from", "to", "flow"] {
                let Some(words) = text(entry, &[end]) else {
                    continue;
                };
                let words = words.strip_prefix("vpn-client").unwrap_or(words);
                match address(words) {
                    Some(address) => addresses.push(address),
                    None if end == "flow" => addresses.extend(addresses_in(words)),
                    None => {}
                }
            }
        }
    }
    addresses.sort();
    addresses.dedup();
    let in_azure = |address: &Ipv4Addr| {
        topology
            .vnets
            .iter()
            .any(|vnet| vnet.prefixes.iter().any(|prefix| prefix.contains(address)))
    };
    let mut outside = Vec::new();
    for address in addresses.into_iter().filter(|address| !in_azure(address)) {
        let known = topology.gateways.iter().find_map(|gateway| {
            let learned = gateway.learned.iter().map(|route| route.prefix);
            let prefixes = learned.chain(gateway.client_pool.iter().copied());
            let mut around =
                prefixes.filter(|prefix| prefix.contains(&address) && prefix.prefix_len() > 0);
            around.next().map(|prefix| (gateway, prefix))
        });
        if let Some((gateway, prefix)) = known {
            outside.push(Outside {
                gateway: gateway.name.clone(),
                prefix,
                address,
            });
        }
    }
    outside
}
