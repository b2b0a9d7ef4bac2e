//! What the service refuses (P-3, P-5, P-9, F-11, F-12).

use model::{
    Location, Network, OperationError, PeeringFlags, PeeringScope, PeeringState,
    VirtualNetworkRequest, VnetId,
};

use crate::topology::{
    flags, gateway, id, link, nets, peered, refused, state, try_link, two, vnet,
};

#[test]
fn overlapping_networks_cannot_be_peered_and_both_prefixes_are_named() {
    let mut network = Network::default();
    let a = vnet(&mut network, "a", &["10.9.0.0/16", "10.1.0.0/16"]);
    let b = vnet(&mut network, "b", &["10.1.128.0/17"]);
    let error = refused(&mut network, |network| {
        try_link(network, a, b, PeeringFlags::default())
    });
    assert_eq!(error.azure_code(), Some("VnetAddressSpacesOverlap"));
    assert!(
        error.to_string().ends_with("10.1.0.0/16, 10.1.128.0/17"),
        "{error}"
    );
}

#[test]
fn two_spokes_of_one_hub_must_not_overlap() {
    // V-20, from the spoke's side and from the hub's.
    let mut network = Network::default();
    let hub = vnet(&mut network, "hub", &["10.0.0.0/16"]);
    let one = vnet(&mut network, "one", &["10.1.0.0/16"]);
    let two = vnet(&mut network, "two", &["10.1.0.0/16"]);
    link(&mut network, hub, one);
    link(&mut network, one, hub);
    for (from, to) in [(two, hub), (hub, two)] {
        let error = refused(&mut network, |network| {
            try_link(network, from, to, PeeringFlags::default())
        });
        assert_eq!(
            error.azure_code(),
            Some("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet")
        );
        assert!(
            error
                .to_string()
                .contains("virtualNetworks/one already peered with the second virtual network"),
            "{error}"
        );
    }
}

#[test]
fn one_link_to_a_network_is_enough() {
    let (mut network, [a, b], _) = peered();
    let remote = network.virtual_networks()[b].id.clone();
    let error = refused(&mut network, |network| {
        network.create_peering(
            a,
            "second",
            &remote,
            PeeringFlags::default(),
            PeeringScope::default(),
        )
    });
    assert_eq!(
        error.azure_code(),
        Some("AnotherPeeringAlreadyReferencesRemoteVnet")
    );
    let error = refused(&mut network, |network| {
        try_link(network, a, b, PeeringFlags::default())
    });
    assert!(
        matches!(error, OperationError::DuplicateId(_)),
        "P-1: names are unique in a network"
    );
}

#[test]
fn a_network_is_not_peered_with_itself_nor_with_a_stranger() {
    // P-3
    let (mut network, a, _) = two();
    let error = refused(&mut network, |network| {
        try_link(network, a, a, PeeringFlags::default())
    });
    assert!(matches!(error, OperationError::PeeringWithItself(_)));
    let nowhere = id("virtualNetworks", "nowhere");
    let error = refused(&mut network, |network| {
        network.create_peering(
            a,
            "p",
            &nowhere,
            PeeringFlags::default(),
            PeeringScope::default(),
        )
    });
    assert_eq!(error.azure_code(), Some("ResourceNotFound"));
}

#[test]
fn a_disconnected_link_still_holds_its_prefixes() {
    // P-3: the network behind it is gone, and its namesake with the same prefix still cannot come.
    let mut network = Network::default();
    let hub = vnet(&mut network, "hub", &["10.0.0.0/16"]);
    let old = vnet(&mut network, "old", &["10.1.0.0/16"]);
    let stale = link(&mut network, hub, old);
    link(&mut network, old, hub);
    network.delete_virtual_network(old).unwrap();
    assert_eq!(state(&network, stale), PeeringState::Disconnected);
    let new = vnet(&mut network, "new", &["10.1.0.0/16"]);
    let error = refused(&mut network, |network| {
        try_link(network, new, hub, PeeringFlags::default())
    });
    assert_eq!(
        error.azure_code(),
        Some("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet")
    );
    network.delete_peering(stale);
    link(&mut network, new, hub);
}

#[test]
fn networks_of_different_clouds_cannot_be_peered() {
    // P-3
    let mut network = Network::default();
    let mut at = |name: &str, prefix: &str, region: &str| -> VnetId {
        network
            .create_virtual_network(VirtualNetworkRequest {
                id: id("virtualNetworks", name),
                location: Location::new(region),
                address_space: nets(&[prefix]),
                subnets: Vec::new(),
                deployment_model: model::DeploymentModel::ResourceManager,
                flow_timeout_minutes: None,
                dns_servers: Vec::new(),
            })
            .unwrap()
    };
    let public = at("public", "10.1.0.0/16", "West Europe");
    let nowhere = at("nowhere", "10.2.0.0/16", "");
    let china = at("china", "10.3.0.0/16", "chinaeast2");
    let government = at("government", "10.4.0.0/16", "usgovvirginia");
    let more = at("more", "10.5.0.0/16", "USGov Texas");
    for (one, other) in [(public, china), (china, government), (government, public)] {
        let error = refused(&mut network, |network| {
            try_link(network, one, other, PeeringFlags::default())
        });
        assert!(matches!(error, OperationError::DifferentClouds { .. }));
    }
    link(&mut network, government, more);
    link(&mut network, nowhere, china);
}

#[test]
fn a_remote_gateway_has_to_be_there_unless_nobody_verifies() {
    // P-3, F-12
    let (mut network, a, b) = two();
    let error = refused(&mut network, |network| {
        try_link(network, a, b, flags(&["access", "use-remote"]))
    });
    assert_eq!(error.azure_code(), Some("RemoteVnetHasNoGateways"));
    try_link(
        &mut network,
        a,
        b,
        flags(&["access", "use-remote", "do-not-verify"]),
    )
    .unwrap();
}

#[test]
fn transit_is_offered_before_it_is_used() {
    // V-21, F-11: at an update and at a creation.
    let (mut network, [_, b], [to_b, to_a]) = peered();
    gateway(&mut network, b, "10.2.255.0/27");
    let error = refused(&mut network, |network| {
        network.update_peering(to_b, flags(&["access", "use-remote"]))
    });
    let text = error.to_string();
    assert!(
        text.contains(
            "cannot have UseRemoteGateways flag set to true, because corresponding remote peering"
        ),
        "{text}"
    );
    assert!(
        text.ends_with("has AllowGatewayTransit flag set to false."),
        "{text}"
    );
    network
        .update_peering(to_a, flags(&["access", "transit"]))
        .unwrap();
    network
        .update_peering(to_b, flags(&["access", "use-remote"]))
        .unwrap();

    let (mut network, a, b) = two();
    gateway(&mut network, b, "10.2.255.0/27");
    link(&mut network, b, a);
    let error = refused(&mut network, |network| {
        try_link(network, a, b, flags(&["access", "use-remote"]))
    });
    assert!(matches!(
        error,
        OperationError::RemoteAllowsNoTransit { .. }
    ));
}

#[test]
fn transit_may_be_offered_without_a_gateway() {
    // F-11
    let (mut network, _, [to_b, _]) = peered();
    network
        .update_peering(to_b, flags(&["access", "transit"]))
        .unwrap();
}

#[test]
fn a_network_uses_one_remote_gateway_and_none_beside_its_own() {
    // P-3, F-11
    let mut network = Network::default();
    let spoke = vnet(&mut network, "spoke", &["10.1.0.0/16"]);
    let hubs = [("one", "10.2"), ("two", "10.3")].map(|(name, start)| {
        let hub = vnet(&mut network, name, &[&format!("{start}.0.0/16")]);
        gateway(&mut network, hub, &format!("{start}.255.0/27"));
        try_link(&mut network, hub, spoke, flags(&["access", "transit"])).unwrap();
        hub
    });
    let first = try_link(
        &mut network,
        spoke,
        hubs[0],
        flags(&["access", "use-remote"]),
    )
    .unwrap();
    let error = refused(&mut network, |network| {
        try_link(network, spoke, hubs[1], flags(&["access", "use-remote"]))
    });
    assert!(matches!(
        error,
        OperationError::AnotherPeeringUsesRemoteGateways { .. }
    ));

    network.update_peering(first, flags(&["access"])).unwrap();
    gateway(&mut network, spoke, "10.1.255.0/27");
    let error = refused(&mut network, |network| {
        network.update_peering(first, flags(&["access", "use-remote"]))
    });
    assert!(matches!(error, OperationError::OwnGatewayPresent { .. }));
}
