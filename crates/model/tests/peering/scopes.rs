//! Peerings of some subnets (P-8).

use model::{
    Network, OperationError, PeeringFlags, PeeringScope, PeeringState, PeeringSyncLevel,
    ResourceId, VnetId,
};

use crate::topology::{nets, refused, state, subnet, vnet};

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
