//! Address spaces that change, and how the two links hear of it (P-6).

use model::peering::SyncOutcome;
use model::{LinkId, Network, OperationError, PeeringState, PeeringSyncLevel};

use crate::topology::{link, nets, peered, refused, state, subnet, vnet};

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
