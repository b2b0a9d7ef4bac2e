//! The life of a peering: states, refusals, sync levels, scopes, import (P-1 to P-8, F-11, F-12).

use ipnet::Ipv4Net;
use model::peering::{ImportNote, SyncOutcome};
use model::{
    DeploymentModel, GatewayRequest, GatewayType, LinkId, Location, Network, OperationError,
    PeeringFlags, PeeringRecord, PeeringScope, PeeringState, PeeringSyncLevel, RequestedAddress,
    ResourceId, SubnetRequest, VirtualNetworkRequest, VnetId, VpnType,
};

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn flags(on: &[&str]) -> PeeringFlags {
    let is = |flag| on.contains(&flag);
    PeeringFlags {
        allow_virtual_network_access: is("access"),
        allow_forwarded_traffic: is("forwarded"),
        allow_gateway_transit: is("transit"),
        use_remote_gateways: is("use-remote"),
        do_not_verify_remote_gateways: is("do-not-verify"),
    }
}

fn vnet(network: &mut Network, name: &str, space: &[&str]) -> VnetId {
    network
        .create_virtual_network(VirtualNetworkRequest {
            id: id("virtualNetworks", name),
            location: Location::new("northeurope"),
            address_space: nets(space),
            subnets: Vec::new(),
            deployment_model: DeploymentModel::ResourceManager,
            flow_timeout_minutes: None,
            dns_servers: Vec::new(),
        })
        .unwrap()
}

fn subnet(network: &mut Network, vnet: VnetId, name: &str, prefix: &str) {
    network
        .create_subnet(vnet, SubnetRequest::new(name, prefix.parse().unwrap()))
        .unwrap();
}

fn gateway(network: &mut Network, vnet: VnetId, prefix: &str) {
    let subnet = network
        .create_subnet(
            vnet,
            SubnetRequest::new("GatewaySubnet", prefix.parse().unwrap()),
        )
        .unwrap();
    let name = network.virtual_networks()[vnet].id.name().to_owned();
    network
        .create_gateway(GatewayRequest {
            id: id("virtualNetworkGateways", &format!("{name}-gw")),
            location: Location::default(),
            subnet,
            kind: GatewayType::Vpn,
            vpn_type: VpnType::RouteBased,
            active_active: false,
            instances: vec![(None, RequestedAddress::FirstFree)],
            bgp: false,
            asn: model::gateway::DEFAULT_ASN,
            default_site: None,
            client_pool: Vec::new(),
            learned_routes: Vec::new(),
        })
        .unwrap();
}

fn try_link(
    network: &mut Network,
    from: VnetId,
    to: VnetId,
    flags: PeeringFlags,
) -> Result<LinkId, OperationError> {
    let remote = network.virtual_networks()[to].id.clone();
    network.create_peering(
        from,
        &format!("to-{}", remote.name()),
        &remote,
        flags,
        PeeringScope::default(),
    )
}

fn link(network: &mut Network, from: VnetId, to: VnetId) -> LinkId {
    try_link(network, from, to, PeeringFlags::default()).unwrap()
}

fn state(network: &Network, link: LinkId) -> PeeringState {
    network.peerings()[link].state
}

/// Networks a 10.1.0.0/16 and b 10.2.0.0/16 without a link.
fn two() -> (Network, VnetId, VnetId) {
    let mut network = Network::default();
    let a = vnet(&mut network, "a", &["10.1.0.0/16"]);
    let b = vnet(&mut network, "b", &["10.2.0.0/16"]);
    (network, a, b)
}

fn peered() -> (Network, [VnetId; 2], [LinkId; 2]) {
    let (mut network, a, b) = two();
    let links = [link(&mut network, a, b), link(&mut network, b, a)];
    (network, [a, b], links)
}

/// Everything that an operation on links could change.
fn picture(network: &Network) -> Vec<String> {
    let links = network.peerings().values().map(|link| {
        format!(
            "{} {} {:?} {:?}",
            link.id, link.state, link.flags, link.remote_address_space
        )
    });
    let spaces = network
        .virtual_networks()
        .values()
        .map(|vnet| format!("{:?} {:?}", vnet.address_space, vnet.peerings));
    links.chain(spaces).collect()
}

/// Asserts that an operation is refused and changes nothing; returns the refusal.
fn refused<T: std::fmt::Debug>(
    network: &mut Network,
    operation: impl FnOnce(&mut Network) -> Result<T, OperationError>,
) -> OperationError {
    let before = picture(network);
    let error = operation(network).unwrap_err();
    assert_eq!(
        picture(network),
        before,
        "a refused operation changes nothing"
    );
    error
}

// P-2, the table of events.

#[test]
fn the_first_link_waits_and_the_second_connects_both() {
    let (mut network, a, b) = two();
    let to_b = link(&mut network, a, b);
    assert_eq!(
        (state(&network, to_b), network.sync_level(to_b)),
        (PeeringState::Initiated, PeeringSyncLevel::RemoteNotInSync)
    );
    assert!(
        network.virtual_networks()[b].peerings.is_empty(),
        "the remote network shows no peering yet"
    );
    let to_a = link(&mut network, b, a);
    for link in [to_a, to_b] {
        assert_eq!(
            (state(&network, link), network.sync_level(link)),
            (PeeringState::Connected, PeeringSyncLevel::FullyInSync)
        );
    }
    assert_eq!(network.reverse_link(to_a), Some(to_b));
}

#[test]
fn deleting_one_link_disconnects_the_other_which_keeps_what_it_holds() {
    let (mut network, a, b) = two();
    let to_b = link(&mut network, a, b);
    let held = flags(&["access", "forwarded"]);
    let to_a = try_link(&mut network, b, a, held).unwrap();
    network.delete_peering(to_b);
    assert!(network.peerings().get(to_b).is_none());
    assert!(network.virtual_networks()[a].peerings.is_empty());
    let left = &network.peerings()[to_a];
    assert_eq!((left.state, left.flags), (PeeringState::Disconnected, held));
    assert_eq!(left.remote_address_space, nets(&["10.1.0.0/16"]));
}

#[test]
fn beside_a_disconnected_link_no_new_one_can_be_created() {
    // V-6
    let (mut network, [a, b], [to_b, to_a]) = peered();
    network.delete_peering(to_b);
    let error = refused(&mut network, |network| {
        try_link(network, a, b, PeeringFlags::default())
    });
    assert_eq!(error.azure_code(), Some("RemotePeeringIsDisconnected"));
    assert!(
        error
            .to_string()
            .contains("virtualNetworks/b/virtualNetworkPeerings/to-a is in Disconnected state")
    );

    // First way out: delete the other too, then create both.
    let mut both = network.clone();
    both.delete_peering(to_a);
    let to_b = link(&mut both, a, b);
    assert_eq!(state(&both, to_b), PeeringState::Initiated);
    let to_a_again = link(&mut both, b, a);
    assert_eq!(
        (state(&both, to_b), state(&both, to_a_again)),
        (PeeringState::Connected, PeeringState::Connected)
    );

    // Second way out: update the Disconnected link, which brings it back to Initiated.
    network
        .update_peering(to_a, PeeringFlags::default())
        .unwrap();
    assert_eq!(state(&network, to_a), PeeringState::Initiated);
    let to_b = link(&mut network, a, b);
    assert_eq!(
        (state(&network, to_b), state(&network, to_a)),
        (PeeringState::Connected, PeeringState::Connected)
    );
}

#[test]
fn deleting_a_network_disconnects_the_links_to_it_and_a_namesake_does_not_mend_them() {
    let (mut network, [a, b], [to_b, _]) = peered();
    network.delete_virtual_network(b).unwrap();
    assert_eq!(state(&network, to_b), PeeringState::Disconnected);
    assert_eq!(network.reverse_link(to_b), None);
    let b = vnet(&mut network, "B", &["10.2.0.0/16"]);
    assert_eq!(state(&network, to_b), PeeringState::Disconnected);
    let error = refused(&mut network, |network| {
        try_link(network, b, a, PeeringFlags::default())
    });
    assert_eq!(error.azure_code(), Some("RemotePeeringIsDisconnected"));
}

#[test]
fn an_update_of_a_disconnected_link_takes_the_present_space_over_and_checks_it() {
    let (mut network, [_, b], [to_b, _]) = peered();
    network.delete_virtual_network(b).unwrap();
    let mut moved = network.clone();
    vnet(&mut moved, "b", &["10.7.0.0/16"]);
    moved.update_peering(to_b, PeeringFlags::default()).unwrap();
    assert_eq!(
        moved.peerings()[to_b].remote_address_space,
        nets(&["10.7.0.0/16"])
    );

    vnet(&mut network, "b", &["10.1.128.0/17"]);
    let error = refused(&mut network, |network| {
        network.update_peering(to_b, PeeringFlags::default())
    });
    assert_eq!(error.azure_code(), Some("VnetAddressSpacesOverlap"));
}

#[test]
fn flags_may_differ_and_never_change_the_state() {
    let (mut network, _, [to_b, to_a]) = peered();
    network.update_peering(to_b, flags(&[])).unwrap();
    network
        .update_peering(to_a, flags(&["access", "forwarded", "transit"]))
        .unwrap();
    assert_eq!(
        (state(&network, to_b), state(&network, to_a)),
        (PeeringState::Connected, PeeringState::Connected)
    );
    assert!(!network.peerings()[to_b].flags.allow_virtual_network_access);
}

// P-3, row by row.

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
                .contains("virtualNetworks/one that is already peered"),
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
fn a_network_is_not_peered_with_itself_nor_with_a_stranger_nor_with_a_classic_one() {
    // P-3, P-9
    let (mut network, a, b) = two();
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
    let classic = network
        .create_virtual_network(VirtualNetworkRequest {
            id: id("virtualNetworks", "old"),
            location: Location::default(),
            address_space: nets(&["10.5.0.0/16"]),
            subnets: Vec::new(),
            deployment_model: DeploymentModel::Classic,
            flow_timeout_minutes: None,
            dns_servers: Vec::new(),
        })
        .unwrap();
    let error = refused(&mut network, |network| {
        try_link(network, b, classic, PeeringFlags::default())
    });
    assert!(matches!(error, OperationError::ClassicNetwork(_)));
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

// P-6, sync.

#[test]
fn a_changed_space_is_old_news_until_the_other_side_syncs() {
    // V-7: Sales - Marketing - Research, Marketing grows.
    use PeeringSyncLevel::{FullyInSync, LocalNotInSync, RemoteNotInSync};
    let mut network = Network::default();
    let [sales, marketing, research] = [
        ("sales", "10.1.0.0/16"),
        ("marketing", "10.2.0.0/16"),
        ("research", "10.3.0.0/16"),
    ]
    .map(|(name, space)| vnet(&mut network, name, &[space]));
    let sales_link = link(&mut network, sales, marketing);
    let marketing_links = [
        link(&mut network, marketing, sales),
        link(&mut network, marketing, research),
    ];
    let research_link = link(&mut network, research, marketing);
    network
        .change_address_space(marketing, nets(&["10.2.0.0/16", "10.11.0.0/16"]))
        .unwrap();

    let levels = |network: &Network, links: &[LinkId]| {
        links
            .iter()
            .map(|&link| network.sync_level(link))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        levels(&network, &marketing_links),
        [RemoteNotInSync, RemoteNotInSync]
    );
    assert_eq!(
        levels(&network, &[sales_link, research_link]),
        [LocalNotInSync, LocalNotInSync]
    );
    assert_eq!(
        state(&network, sales_link),
        PeeringState::Connected,
        "traffic on old prefixes goes on"
    );
    assert_eq!(
        network.peerings()[sales_link].remote_address_space,
        nets(&["10.2.0.0/16"])
    );
    assert_eq!(
        network.present_remote_space(sales_link),
        Some(nets(&["10.2.0.0/16", "10.11.0.0/16"]))
    );

    // On the side that changed a sync succeeds and does nothing.
    assert_eq!(
        network.sync_peering(marketing_links[0]),
        Ok(SyncOutcome::NothingToDo(RemoteNotInSync))
    );
    assert_eq!(network.sync_level(sales_link), LocalNotInSync);

    assert_eq!(network.sync_peering(sales_link), Ok(SyncOutcome::Refreshed));
    assert_eq!(
        network.peerings()[sales_link].remote_address_space,
        nets(&["10.2.0.0/16", "10.11.0.0/16"])
    );
    assert_eq!(
        levels(&network, &[sales_link, marketing_links[0]]),
        [FullyInSync, FullyInSync]
    );
    assert_eq!(
        levels(&network, &[research_link, marketing_links[1]]),
        [LocalNotInSync, RemoteNotInSync]
    );
    assert_eq!(
        network.sync_peering(sales_link),
        Ok(SyncOutcome::NothingToDo(FullyInSync))
    );
}

#[test]
fn changes_on_both_sides_leave_both_copies_old() {
    use PeeringSyncLevel::{LocalAndRemoteNotInSync, LocalNotInSync, RemoteNotInSync};
    let (mut network, [a, b], [to_b, to_a]) = peered();
    network
        .change_address_space(a, nets(&["10.1.0.0/16", "10.11.0.0/16"]))
        .unwrap();
    network
        .change_address_space(b, nets(&["10.2.0.0/16", "10.12.0.0/16"]))
        .unwrap();
    assert_eq!(
        [network.sync_level(to_b), network.sync_level(to_a)],
        [LocalAndRemoteNotInSync; 2]
    );
    network.sync_peering(to_b).unwrap();
    assert_eq!(
        [network.sync_level(to_b), network.sync_level(to_a)],
        [RemoteNotInSync, LocalNotInSync]
    );
}

#[test]
fn a_space_written_in_another_order_is_in_sync() {
    let (mut network, [a, _], [_, to_a]) = peered();
    network
        .change_address_space(a, nets(&["10.1.0.0/16", "10.11.0.0/16"]))
        .unwrap();
    network.sync_peering(to_a).unwrap();
    network
        .change_address_space(a, nets(&["10.11.0.0/16", "10.1.0.0/16"]))
        .unwrap();
    assert_eq!(network.sync_level(to_a), PeeringSyncLevel::FullyInSync);
}

#[test]
fn a_new_prefix_must_not_meet_a_peer_nor_a_peer_of_a_peer() {
    let mut network = Network::default();
    let [a, b, c] = [
        ("a", "10.1.0.0/16"),
        ("b", "10.2.0.0/16"),
        ("c", "10.3.0.0/16"),
    ]
    .map(|(name, space)| vnet(&mut network, name, &[space]));
    for (from, to) in [(a, b), (b, a), (b, c), (c, b)] {
        link(&mut network, from, to);
    }
    let error = refused(&mut network, |network| {
        network.change_address_space(a, nets(&["10.1.0.0/16", "10.2.128.0/17"]))
    });
    assert_eq!(error.azure_code(), Some("VnetAddressSpacesOverlap"));
    let error = refused(&mut network, |network| {
        network.change_address_space(a, nets(&["10.1.0.0/16", "10.3.128.0/17"]))
    });
    assert_eq!(
        error.azure_code(),
        Some("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet")
    );
}

#[test]
fn a_prefix_with_subnets_stays_and_the_rule_of_2021_freezes_peered_networks() {
    let (mut network, [a, _], _) = peered();
    subnet(&mut network, a, "apps", "10.1.1.0/24");
    let error = refused(&mut network, |network| {
        network.change_address_space(a, nets(&["10.1.128.0/17"]))
    });
    assert!(matches!(error, OperationError::PrefixInUse { .. }));
    network.options.set("addressSpaceChange", "refuse").unwrap();
    let error = refused(&mut network, |network| {
        network.change_address_space(a, nets(&["10.1.0.0/16", "10.9.0.0/16"]))
    });
    assert!(matches!(error, OperationError::AddressSpaceFrozen { .. }));
}

// P-8, subnet peering.

fn subnets_of(names: [&[&str]; 2]) -> PeeringScope {
    let [local, remote] = names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
    PeeringScope::Subnets { local, remote }
}

/// Left and right share 172.16.0.0/16; each has subnets of its own in 10.0.0.0/16 and 10.1.0.0/16.
fn left_and_right() -> (Network, [VnetId; 2], [ResourceId; 2]) {
    let mut network = Network::default();
    let left = vnet(&mut network, "left", &["10.0.0.0/16", "172.16.0.0/16"]);
    let right = vnet(&mut network, "right", &["10.1.0.0/16", "172.16.0.0/16"]);
    subnet(&mut network, left, "subnet1", "10.0.1.0/24");
    subnet(&mut network, left, "shared", "172.16.1.0/24");
    subnet(&mut network, right, "subnet0", "10.1.0.0/24");
    subnet(&mut network, right, "subnet2", "10.1.2.0/24");
    subnet(&mut network, right, "shared", "172.16.1.0/24");
    let ids = [left, right].map(|vnet| network.virtual_networks()[vnet].id.clone());
    (network, [left, right], ids)
}

#[test]
fn a_subnet_peering_holds_the_subnets_and_ignores_overlap_elsewhere() {
    let (mut network, [left, right], [left_id, right_id]) = left_and_right();
    let scope = subnets_of([&["subnet1"], &["SUBNET0", "subnet2"]]);
    let to_right = network
        .create_peering(left, "p", &right_id, PeeringFlags::default(), scope)
        .unwrap();
    let scope = subnets_of([&["subnet0", "subnet2"], &["subnet1"]]);
    let to_left = network
        .create_peering(right, "p", &left_id, PeeringFlags::default(), scope)
        .unwrap();
    assert_eq!(
        network.peerings()[to_right].remote_address_space,
        nets(&["10.1.0.0/24", "10.1.2.0/24"])
    );
    assert_eq!(network.local_space(to_right), nets(&["10.0.1.0/24"]));
    for link in [to_right, to_left] {
        assert_eq!(
            (state(&network, link), network.sync_level(link)),
            (PeeringState::Connected, PeeringSyncLevel::FullyInSync)
        );
    }
}

#[test]
fn overlap_of_the_peered_subnets_and_missing_subnets_are_refused() {
    let (mut network, [left, _], [_, right_id]) = left_and_right();
    let mut attempt = |scope| {
        refused(&mut network, |network| {
            network.create_peering(left, "p", &right_id, PeeringFlags::default(), scope)
        })
    };
    let error = attempt(subnets_of([&["shared"], &["shared"]]));
    assert_eq!(error.azure_code(), Some("VnetAddressSpacesOverlap"));
    for scope in [
        subnets_of([&["nowhere"], &["subnet0"]]),
        subnets_of([&["subnet1"], &["nowhere"]]),
    ] {
        let OperationError::PeeredSubnetNotFound { subnet, .. } = attempt(scope) else {
            panic!("another refusal")
        };
        assert_eq!(subnet, "nowhere");
    }
    // Whole networks overlap.
    assert_eq!(
        attempt(PeeringScope::default()).azure_code(),
        Some("VnetAddressSpacesOverlap")
    );
}

// Import: what files say of links.

fn record(network: &Network, from: VnetId, to: &ResourceId, name: &str) -> PeeringRecord {
    PeeringRecord {
        id: network.virtual_networks()[from]
            .id
            .child("virtualNetworkPeerings", name),
        virtual_network: from,
        remote: to.clone(),
        flags: PeeringFlags::default(),
        scope: PeeringScope::default(),
        state: None,
        remote_address_space: None,
        resource_guid: None,
        sync_level: None,
    }
}

/// Records for both links between a and b.
fn records(network: &Network, a: VnetId, b: VnetId) -> [PeeringRecord; 2] {
    let [a_id, b_id] = [a, b].map(|vnet| network.virtual_networks()[vnet].id.clone());
    [
        record(network, a, &b_id, "p"),
        record(network, b, &a_id, "p"),
    ]
}

fn states(network: &Network) -> Vec<PeeringState> {
    network.peerings().values().map(|link| link.state).collect()
}

#[test]
fn states_that_no_file_records_follow_from_the_links() {
    let (mut network, a, b) = two();
    let [one, other] = records(&network, a, b);
    let mut alone = network.clone();
    assert_eq!(alone.import_peerings(vec![one.clone()]), []);
    assert_eq!(states(&alone), [PeeringState::Initiated]);
    assert_eq!(network.import_peerings(vec![one, other]), []);
    assert_eq!(states(&network), [PeeringState::Connected; 2]);
    assert_eq!(
        network
            .peerings()
            .values()
            .next()
            .unwrap()
            .remote_address_space,
        nets(&["10.2.0.0/16"])
    );
}

#[test]
fn a_recorded_state_is_believed_and_a_contradiction_is_noted() {
    let (mut network, a, b) = two();
    let [mut one, mut other] = records(&network, a, b);
    one.state = Some(PeeringState::Connected);
    other.state = Some(PeeringState::Disconnected);
    other.remote_address_space = Some(nets(&["10.77.0.0/16"]));
    let note = ImportNote::StateDiffers {
        peering: other.id.clone(),
        recorded: PeeringState::Disconnected,
        derived: PeeringState::Connected,
    };
    assert_eq!(network.import_peerings(vec![one, other]), [note]);
    assert_eq!(
        states(&network),
        [PeeringState::Connected, PeeringState::Disconnected]
    );
    let old = network.peerings().values().nth(1).unwrap();
    assert_eq!(
        old.remote_address_space,
        nets(&["10.77.0.0/16"]),
        "what is in force is what the file says"
    );
}

#[test]
fn a_link_to_a_network_that_is_not_loaded_counts_as_connected_unless_the_file_says_otherwise() {
    let (mut network, a, _) = two();
    let far = id("virtualNetworks", "far");
    let mut silent = record(&network, a, &far, "silent");
    silent.remote_address_space = Some(nets(&["10.8.0.0/16"]));
    let mut waiting = record(&network, a, &id("virtualNetworks", "farther"), "waiting");
    waiting.state = Some(PeeringState::Initiated);
    waiting.sync_level = Some(PeeringSyncLevel::RemoteNotInSync);
    let note = ImportNote::AssumedConnected {
        peering: silent.id.clone(),
    };
    assert_eq!(network.import_peerings(vec![silent, waiting]), [note]);
    assert_eq!(
        states(&network),
        [PeeringState::Connected, PeeringState::Initiated]
    );
    let levels: Vec<_> = network
        .peerings()
        .keys()
        .map(|link| network.sync_level(link))
        .collect();
    assert_eq!(
        levels,
        [
            PeeringSyncLevel::FullyInSync,
            PeeringSyncLevel::RemoteNotInSync
        ]
    );
}

#[test]
fn a_design_that_azure_would_refuse_is_taken_over_and_noted() {
    let mut network = Network::default();
    let a = vnet(&mut network, "a", &["10.1.0.0/16"]);
    let b = vnet(&mut network, "b", &["10.1.0.0/16"]);
    let [one, other] = records(&network, a, b);
    let notes = network.import_peerings(vec![one.clone(), other.clone()]);
    let refusals: Vec<_> = notes
        .iter()
        .map(|note| match note {
            ImportNote::WouldBeRefused { peering, error } => (peering, error.azure_code()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        refusals,
        [
            (&one.id, Some("VnetAddressSpacesOverlap")),
            (&other.id, Some("VnetAddressSpacesOverlap"))
        ]
    );
    assert_eq!(states(&network), [PeeringState::Connected; 2]);
}

#[test]
fn links_without_a_place_are_left_out_and_noted() {
    let (mut network, a, b) = two();
    let [one, _] = records(&network, a, b);
    let own = network.virtual_networks()[a].id.clone();
    let itself = record(&network, a, &own, "mirror");
    let notes = network.import_peerings(vec![one.clone(), one.clone(), itself.clone()]);
    let left_out: Vec<_> = notes
        .iter()
        .map(|note| match note {
            ImportNote::LeftOut { peering, error } => (peering, std::mem::discriminant(error)),
            other => panic!("{other:?}"),
        })
        .collect();
    let kinds = [
        OperationError::DuplicateId(one.id.clone()),
        OperationError::PeeringWithItself(own),
    ];
    assert_eq!(
        left_out,
        [
            (&one.id, std::mem::discriminant(&kinds[0])),
            (&itself.id, std::mem::discriminant(&kinds[1]))
        ]
    );
    assert_eq!(network.peerings().len(), 1);
}
