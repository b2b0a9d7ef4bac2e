//! Networks of the classic deployment model (P-9).

use model::{
    DeploymentModel, Location, Network, OperationError, PeeringFlags, PeeringRecord, PeeringScope,
    PeeringState, PeeringSyncLevel, ResourceId, VirtualNetworkRequest, VnetId,
};

use crate::topology::{flags, gateway, link, nets, refused, state, try_link, two};

pub(crate) fn classic_id(name: &str) -> ResourceId {
    ResourceId::in_group(
        "sub1",
        "rg1",
        "Microsoft.ClassicNetwork/virtualNetworks",
        name,
    )
}

pub(crate) fn classic(network: &mut Network, name: &str, prefix: &str) -> VnetId {
    network
        .create_virtual_network(VirtualNetworkRequest {
            id: classic_id(name),
            location: Location::new("northeurope"),
            address_space: nets(&[prefix]),
            subnets: Vec::new(),
            deployment_model: DeploymentModel::Classic,
            flow_timeout_minutes: None,
            dns_servers: Vec::new(),
        })
        .unwrap()
}

#[test]
fn one_link_joins_a_classic_network_and_is_updating_before_it_is_connected() {
    let (mut network, a, _) = two();
    let old = classic(&mut network, "old", "10.5.0.0/16");
    let to_old = link(&mut network, a, old);
    assert_eq!(state(&network, to_old), PeeringState::Updating);
    network.finish_updating_peerings();
    assert_eq!(
        (state(&network, to_old), network.sync_level(to_old)),
        (PeeringState::Connected, PeeringSyncLevel::FullyInSync)
    );
    assert_eq!(network.listed_peerings().count(), 1);
    assert_eq!(network.listed_peerings_of(old).count(), 0);

    network.delete_peering(to_old);
    assert!(network.peerings().is_empty());
}

#[test]
fn a_classic_network_holds_no_link_and_two_are_joined_by_a_gateway_only() {
    let (mut network, a, _) = two();
    let old = classic(&mut network, "old", "10.5.0.0/16");
    let older = classic(&mut network, "older", "10.6.0.0/16");
    let error = refused(&mut network, |network| {
        try_link(network, old, a, PeeringFlags::default())
    });
    assert!(matches!(
        error,
        OperationError::ClassicNetworkHoldsNoPeering { .. }
    ));
    let error = refused(&mut network, |network| {
        try_link(network, old, older, PeeringFlags::default())
    });
    assert!(
        error
            .to_string()
            .ends_with("connect them by a VPN gateway.")
    );
    let error = refused(&mut network, |network| {
        try_link(network, a, old, flags(&["access", "use-remote"]))
    });
    assert!(matches!(error, OperationError::ClassicRemoteGateway { .. }));
    let overlapping = classic(&mut network, "overlapping", "10.1.7.0/24");
    let error = refused(&mut network, |network| {
        try_link(network, a, overlapping, PeeringFlags::default())
    });
    assert_eq!(error.azure_code(), Some("VnetAddressSpacesOverlap"));
}

#[test]
fn what_the_classic_side_knows_follows_the_one_link() {
    let (mut network, a, _) = two();
    gateway(&mut network, a, "10.1.255.0/27");
    let old = classic(&mut network, "old", "10.5.0.0/16");
    let to_old = link(&mut network, a, old);
    let hidden = network.reverse_link(to_old).unwrap();
    assert_eq!(network.visible_link(hidden), to_old);
    network
        .update_peering(to_old, flags(&["forwarded", "transit"]))
        .unwrap();
    let mirror = &network.peerings()[hidden];
    assert!(mirror.flags.allow_forwarded_traffic && mirror.flags.use_remote_gateways);
    assert!(!mirror.flags.allow_virtual_network_access && !mirror.flags.allow_gateway_transit);

    let wider = nets(&["10.1.0.0/16", "10.7.0.0/16"]);
    network.change_address_space(a, wider.clone()).unwrap();
    assert_eq!(network.peerings()[hidden].remote_address_space, wider);
    assert_eq!(network.sync_level(to_old), PeeringSyncLevel::FullyInSync);
    network
        .change_address_space(old, nets(&["10.5.0.0/16", "10.8.0.0/16"]))
        .unwrap();
    assert_eq!(network.sync_level(to_old), PeeringSyncLevel::LocalNotInSync);
    network.sync_peering(to_old).unwrap();
    assert_eq!(network.sync_level(to_old), PeeringSyncLevel::FullyInSync);
}

#[test]
fn a_classic_network_that_goes_leaves_the_link_disconnected_until_it_is_updated() {
    let (mut network, a, _) = two();
    let old = classic(&mut network, "old", "10.5.0.0/16");
    let to_old = link(&mut network, a, old);
    network.finish_updating_peerings();
    network.delete_virtual_network(old).unwrap();
    assert_eq!(state(&network, to_old), PeeringState::Disconnected);
    classic(&mut network, "old", "10.5.0.0/16");
    assert_eq!(state(&network, to_old), PeeringState::Disconnected);
    network
        .update_peering(to_old, PeeringFlags::default())
        .unwrap();
    assert_eq!(state(&network, to_old), PeeringState::Updating);
    assert!(network.reverse_link(to_old).is_some());

    // The other way round nothing is left behind.
    network.delete_virtual_network(a).unwrap();
    assert!(network.peerings().is_empty());
}

#[test]
fn links_of_files_join_classic_networks_too_and_those_in_them_are_left_out() {
    let (mut network, a, _) = two();
    let old = classic(&mut network, "old", "10.5.0.0/16");
    let record = |holder: VnetId, holder_id: &ResourceId, remote: ResourceId| PeeringRecord {
        id: holder_id.child("virtualNetworkPeerings", "p"),
        virtual_network: holder,
        remote,
        flags: PeeringFlags::default(),
        scope: PeeringScope::default(),
        state: None,
        remote_address_space: None,
        resource_guid: None,
        sync_level: None,
    };
    let a_id = network.virtual_networks()[a].id.clone();
    let records = vec![
        record(a, &a_id, classic_id("old")),
        record(old, &classic_id("old"), a_id.clone()),
    ];
    let notes = network.import_peerings(records);
    assert!(matches!(
        notes.as_slice(),
        [model::peering::ImportNote::LeftOut { .. }]
    ));
    let (link, _) = network.listed_peerings().next().unwrap();
    assert_eq!(state(&network, link), PeeringState::Connected);
}
