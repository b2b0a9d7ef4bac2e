//! What a collected folder lacks for exact answers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use model::table::Resource;
use model::{Network, ResourceId};
use serde_json::Value;

/// One thing that the folder does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) what: &'static str,
    pub(super) resource: String,
    pub(super) effect: String,
}

/// Everything that is missing, in the order of the network.
pub(super) fn of(network: &Network, folder: &Path) -> Vec<Missing> {
    let mut missing = remote_networks(network);
    missing.extend(learned_routes(network));
    missing.extend(routes_of_peers(network));
    missing.extend(power_states(network, folder));
    missing
}

/// Networks on the other side of a peering. Each is told once.
fn remote_networks(network: &Network) -> Vec<Missing> {
    let mut told = BTreeSet::new();
    network
        .peerings()
        .values()
        .filter(|link| network.virtual_networks().find(&link.remote).is_none())
        .filter(|link| told.insert(link.remote.clone()))
        .map(|link| Missing {
            what: "virtual network",
            resource: link.remote.to_string(),
            effect: format!(
                "packets through peering '{}' of {} end outside of the input: verdict unknown",
                link.name(),
                network.virtual_networks()[link.virtual_network].name()
            ),
        })
        .collect()
}

/// Gateways that speak BGP and have learned nothing: more likely the routes were not asked for.
fn learned_routes(network: &Network) -> Vec<Missing> {
    network
        .gateways()
        .values()
        .filter(|gateway| gateway.learned_routes.is_empty())
        .filter(|gateway| gateway.bgp || gateway.kind == model::GatewayType::ExpressRoute)
        .map(|gateway| Missing {
            what: "learned routes",
            resource: gateway.id.to_string(),
            effect: format!(
                "on-premises prefixes are unknown; add {}.learned-routes.json (az network vnet-gateway list-learned-routes)",
                gateway.name()
            ),
        })
        .collect()
}

/// Route servers whose appliances have told nothing: more likely nobody asked.
fn routes_of_peers(network: &Network) -> Vec<Missing> {
    let servers = network.route_servers().values();
    let peers = servers.flat_map(|server| server.peers.iter().map(move |peer| (server, peer)));
    peers
        .filter(|(_, peer)| peer.up && peer.learned_routes.is_empty())
        .map(|(server, peer)| Missing {
            what: "learned routes",
            resource: peer.id.to_string(),
            effect: format!(
                "what the appliance tells is unknown; add {}.{}.learned-routes.json (az network routeserver peering list-learned-routes)",
                server.name(),
                peer.id.name()
            ),
        })
        .collect()
}

/// VMs of which no file says whether they run.
fn power_states(network: &Network, folder: &Path) -> Vec<Missing> {
    let mut known = BTreeSet::new();
    let mut files = Vec::new();
    json_files(folder, &mut files);
    for file in files {
        // Files that are no JSON were told of when the folder was read.
        let document = fs::read(file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(document) = document {
            known_powers(&document, &mut known);
        }
    }
    network
        .virtual_machines()
        .values()
        .filter(|machine| !known.contains(&machine.id))
        .map(|machine| Missing {
            what: "power state",
            resource: machine.id.to_string(),
            effect: "taken as running (az vm list -d, or the graph query of the script)".to_owned(),
        })
        .collect()
}

fn json_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.is_symlink() {
            json_files(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
}

/// Ids of the VMs in a document that have a power state: flattened by `az vm list -d`, or in the instance view.
fn known_powers(document: &Value, known: &mut BTreeSet<ResourceId>) {
    let rows = match document {
        Value::Array(rows) => rows.as_slice(),
        Value::Object(object) => match object.get("data").or_else(|| object.get("value")) {
            Some(Value::Array(rows)) => rows.as_slice(),
            _ => std::slice::from_ref(document),
        },
        _ => return,
    };
    for row in rows {
        let id = row["id"].as_str().and_then(|id| ResourceId::parse(id).ok());
        let properties = &row["properties"];
        let power = [
            &row["powerState"],
            &row["instanceView"]["statuses"],
            &properties["instanceView"]["statuses"],
            &properties["extended"]["instanceView"]["powerState"],
        ];
        if let Some(id) = id
            && power.iter().any(|power| !power.is_null())
        {
            known.insert(id);
        }
    }
}
