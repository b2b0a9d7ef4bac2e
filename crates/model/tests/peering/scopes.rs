//! Peerings of some subnets (P-8).

use model::{
    Network, OperationError, PeeringFlags, PeeringScope, PeeringState, PeeringSyncLevel,
    ResourceId, VnetId,
};

use crate::topology::{nets, refused, state, subnet, vnet};

fn subnets_of(names: [&[&str]; 2]) -> PeeringScope {
    let [local, remote] = names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
    PeeringScope::Subnets {
        local,
        remote,
        only_ipv6: false,
    }
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

#[test]
fn the_type_of_a_peering_stays_and_its_subnets_may_change() {
    // P-5, P-8
    let (mut network, [left, right], [left_id, right_id]) = left_and_right();
    let one = subnets_of([&["subnet1"], &["subnet0"]]);
    let link = network
        .create_peering(left, "p", &right_id, PeeringFlags::default(), one)
        .unwrap();
    let back = subnets_of([&["subnet0"], &["subnet1"]]);
    let reverse = network
        .create_peering(right, "p", &left_id, PeeringFlags::default(), back)
        .unwrap();
    let error = refused(&mut network, |network| {
        let whole = PeeringScope::default();
        network.put_peering(left, "p", &right_id, PeeringFlags::default(), whole)
    });
    assert!(matches!(error, OperationError::PeeringPropertyFixed { .. }));

    let two = subnets_of([&["subnet1"], &["subnet0", "subnet2"]]);
    let put = network.put_peering(left, "p", &right_id, PeeringFlags::default(), two.clone());
    assert_eq!(put, Ok(link));
    assert_eq!(
        network.peerings()[link].remote_address_space,
        nets(&["10.1.0.0/24", "10.1.2.0/24"])
    );
    // What cannot be done as a whole is not done in part.
    let error = refused(&mut network, |network| {
        let flags = crate::topology::flags(&["use-remote"]);
        let scope = subnets_of([&["subnet1"], &["subnet2"]]);
        network.put_peering(left, "p", &right_id, flags, scope)
    });
    assert!(matches!(
        error,
        OperationError::RemoteAllowsNoTransit { .. }
    ));
    assert_eq!(network.peerings()[link].scope, two);
    assert_eq!(state(&network, reverse), PeeringState::Connected);
}

#[test]
fn at_most_two_hundred_subnets_of_a_side_take_part() {
    let mut network = Network::default();
    let left = vnet(&mut network, "left", &["10.0.0.0/16"]);
    let right = vnet(&mut network, "right", &["10.1.0.0/16"]);
    let right_id = network.virtual_networks()[right].id.clone();
    subnet(&mut network, right, "far", "10.1.0.0/24");
    let names: Vec<String> = (0..201).map(|number| format!("s{number}")).collect();
    for (name, number) in names.iter().zip(0_u8..) {
        subnet(&mut network, left, name, &format!("10.0.{number}.0/24"));
    }
    let scope = |count: usize| PeeringScope::Subnets {
        local: names[..count].to_vec(),
        remote: vec!["far".to_owned()],
        only_ipv6: false,
    };
    let error = refused(&mut network, |network| {
        network.create_peering(left, "p", &right_id, PeeringFlags::default(), scope(201))
    });
    assert!(
        matches!(
            error,
            OperationError::TooManyPeeredSubnets {
                count: 201,
                limit: 200,
                ..
            }
        ),
        "{error}"
    );
    network
        .create_peering(left, "p", &right_id, PeeringFlags::default(), scope(200))
        .unwrap();
}

#[test]
fn a_peering_of_ipv6_alone_carries_no_ipv4_prefix() {
    let (mut network, [left, right], [left_id, right_id]) = left_and_right();
    let scope = |local: &str, remote: &str| PeeringScope::Subnets {
        local: vec![local.to_owned()],
        remote: vec![remote.to_owned()],
        only_ipv6: true,
    };
    // The IPv4 prefixes of these subnets overlap, and play no part.
    let flags = PeeringFlags::default();
    let link = network
        .create_peering(left, "p", &right_id, flags, scope("shared", "shared"))
        .unwrap();
    network
        .create_peering(right, "p", &left_id, flags, scope("shared", "shared"))
        .unwrap();
    assert_eq!(network.peerings()[link].remote_address_space, []);
    assert_eq!(
        (state(&network, link), network.sync_level(link)),
        (PeeringState::Connected, PeeringSyncLevel::FullyInSync)
    );
}
