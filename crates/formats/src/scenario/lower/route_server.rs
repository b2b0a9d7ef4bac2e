//! Route servers and managed routing appliances in their short form.

use super::Body;
use crate::json::Value;
use crate::source::Span;

pub(super) fn route_server(body: &mut Body, span: Span) {
    body.put("kind", Value::new(span, "RouteServer"));
    body.rename("instances", "virtualRouterIps");
    body.rename("asn", "virtualRouterAsn");
    body.rename("branchToBranch", "allowBranchToBranchTraffic");
    body.rename("routingPreference", "hubRoutingPreference");
    let Some(peers) = body.take("peers") else {
        return;
    };
    let named = peers.value.as_object().into_iter();
    let list: Vec<Value> = named
        .flat_map(|object| object.iter())
        .map(|entry| {
            let mut peer = Body::of(&entry.value);
            peer.rename("address", "peerIp");
            peer.rename("asn", "peerAsn");
            super::connection_state(&mut peer, "connectionState", entry.key_span);
            peer.put("name", Value::new(entry.key_span, entry.key.clone()));
            Value::new(entry.key_span, peer.0)
        })
        .collect();
    body.put("peers", Value::new(peers.value.span, list));
}

pub(super) fn appliance(body: &mut Body) {
    let Some(addresses) = body.take("addresses") else {
        return;
    };
    let listed = addresses.value.as_array().unwrap_or_default().iter();
    let configurations: Vec<Value> = listed
        .map(|address| {
            let entry = super::member("privateIPAddress", address.clone());
            Value::new(address.span, vec![entry])
        })
        .collect();
    let list = Value::new(addresses.value.span, configurations);
    body.put("ipConfigurations", list);
}
