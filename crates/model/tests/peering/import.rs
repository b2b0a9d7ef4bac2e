//! Links as files record them.

use model::peering::ImportNote;
use model::{
    Network, OperationError, PeeringFlags, PeeringRecord, PeeringScope, PeeringState,
    PeeringSyncLevel, ResourceId, VnetId,
};

use crate::topology::{id, nets, two, vnet};

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
