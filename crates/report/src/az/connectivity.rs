//! What `az network watcher test-connectivity` prints (D-5, D-21).

use diagnose::connectivity::{Connectivity, Hop, Issue, PROBES};
use model::{LinkId, Network};
use serde_json::{Map, Value, json};

/// The answer as a document. Ids of hops are made of what the hops are, so that the same check always prints the same.
pub fn document(network: &Network, check: &Connectivity) -> Value {
    let ids: Vec<String> = check
        .hops
        .iter()
        .enumerate()
        .map(|(position, hop)| super::guid(&format!("{position} {} {}", hop.kind, hop.address)))
        .collect();
    let hops: Vec<Value> = (0..check.hops.len())
        .map(|position| hop(network, check, &ids, position))
        .collect();
    let milliseconds = |which: usize| {
        let trip = check.round_trip?[which];
        Some((trip.as_nanoseconds() + 500_000) / 1_000_000)
    };
    let failed = if check.round_trip.is_some() {
        0
    } else {
        PROBES
    };
    json!({
        "avgLatencyInMs": milliseconds(1),
        "connectionStatus": check.status,
        "hops": hops,
        "maxLatencyInMs": milliseconds(2),
        "minLatencyInMs": milliseconds(0),
        "probesFailed": failed,
        "probesSent": PROBES,
    })
}

fn hop(network: &Network, check: &Connectivity, ids: &[String], position: usize) -> Value {
    let hop = &check.hops[position];
    let next = ids.get(position + 1);
    let previous = position.checked_sub(1);
    let links: Vec<Value> = next.iter().map(|id| link(network, hop, id)).collect();
    let previous_links: Vec<Value> = previous
        .iter()
        .map(|&before| link(network, &check.hops[before], &ids[before]))
        .collect();
    json!({
        "address": hop.address.to_string(),
        "id": ids[position],
        "issues": hop.issues.iter().map(issue).collect::<Vec<_>>(),
        "links": links,
        "nextHopIds": next.into_iter().collect::<Vec<_>>(),
        "previousHopIds": previous.map(|before| &ids[before]).into_iter().collect::<Vec<_>>(),
        "previousLinks": previous_links,
        "resourceId": resource_id(network, hop),
        "type": hop.kind,
    })
}

/// The IP configuration of a NIC; `Internet` or `Unknown` for what is none.
fn resource_id(network: &Network, hop: &Hop) -> String {
    let nic = hop.worker.and_then(|nic| network.nics().get(nic));
    match (nic, hop.kind) {
        (Some(nic), _) => {
            let own = nic
                .ip_configurations
                .iter()
                .find(|configuration| configuration.private_address == hop.address);
            let name = &own.unwrap_or_else(|| nic.primary()).name;
            nic.id.child("ipConfigurations", name).to_string()
        }
        (None, "Internet") => "Internet".to_owned(),
        (None, _) => "Unknown".to_owned(),
    }
}

/// A link across a peering has the four flags as text (D-21). The round trip is twice the median one way.
fn link(network: &Network, from: &Hop, other_end: &str) -> Value {
    let round_trip = from
        .to_next
        .map(|median| (median.as_nanoseconds() + 250_000) / 500_000);
    let mut context = Map::new();
    let mut resource = None;
    let mut kind = "VirtualNetwork";
    if let Some(peering) = from.peering {
        kind = "VirtualNetworkPeering";
        resource = Some(network.peerings()[peering].id.to_string());
        context = flags(network, peering);
    }
    json!({
        "context": context,
        "issues": [],
        "linkType": kind,
        "nextHopId": other_end,
        "resourceId": resource,
        "roundTripTimeAvg": round_trip,
        "roundTripTimeMax": round_trip,
        "roundTripTimeMin": round_trip,
    })
}

fn flags(network: &Network, peering: LinkId) -> Map<String, Value> {
    let flags = network.peerings()[peering].flags;
    let text = |flag: bool| json!(if flag { "True" } else { "False" });
    let mut context = Map::new();
    for (name, flag) in [
        (
            "AllowVirtualNetworkAccess",
            flags.allow_virtual_network_access,
        ),
        ("AllowForwardedTraffic", flags.allow_forwarded_traffic),
        ("AllowGatewayTransit", flags.allow_gateway_transit),
        ("UseRemoteGateways", flags.use_remote_gateways),
    ] {
        context.insert(name.to_owned(), text(flag));
    }
    context
}

fn issue(issue: &Issue) -> Value {
    let context: Vec<Value> = issue
        .context
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    json!({
        "context": context,
        "origin": issue.origin,
        "severity": "Error",
        "type": issue.kind,
    })
}
