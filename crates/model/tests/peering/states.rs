//! The states of links and the events that change them (P-1, P-2).

use model::{PeeringFlags, PeeringState, PeeringSyncLevel};

use crate::topology::{flags, link, nets, peered, refused, state, try_link, two, vnet};

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
            .contains("virtualNetworks/b/virtualNetworkPeerings/to-a referencing parent virtual network /subscriptions/sub1/resourceGroups/rg1/providers/Microsoft.Network/virtualNetworks/a is in Disconnected state")
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
