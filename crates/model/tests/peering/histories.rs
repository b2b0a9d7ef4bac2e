//! Random histories of operations: what holds after every one of them, whatever came before.

use model::network::Network;
use model::table::Key;
use model::{
    LinkId, PeeringFlags, PeeringScope, PeeringState, PeeringSyncLevel, ResourceId, VnetId,
};
use proptest::prelude::*;

use crate::classic::{classic, classic_id};
use crate::topology::{gateway, id, nets, vnet};

#[derive(Clone, Debug)]
enum Operation {
    Create(usize, usize, PeeringFlags),
    Update(usize, PeeringFlags),
    Delete(usize),
    Sync(usize),
    Resize(usize, bool),
    DeleteNetwork(usize),
    Finish,
}

fn flags() -> impl Strategy<Value = PeeringFlags> {
    any::<[bool; 5]>().prop_map(|on| PeeringFlags {
        allow_virtual_network_access: on[0],
        allow_forwarded_traffic: on[1],
        allow_gateway_transit: on[2],
        use_remote_gateways: on[3],
        do_not_verify_remote_gateways: on[4],
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..6_usize, 0..6_usize, flags()).prop_map(|(a, b, f)| Operation::Create(a, b, f)),
        3 => (0..16_usize, flags()).prop_map(|(link, f)| Operation::Update(link, f)),
        2 => (0..16_usize).prop_map(Operation::Delete),
        2 => (0..16_usize).prop_map(Operation::Sync),
        2 => (0..6_usize, any::<bool>()).prop_map(|(vnet, wide)| Operation::Resize(vnet, wide)),
        1 => (0..6_usize).prop_map(Operation::DeleteNetwork),
        1 => Just(Operation::Finish),
    ]
}

/// The classic network among them.
const CLASSIC: usize = 5;

fn network_id(number: usize) -> ResourceId {
    let name = format!("vnet{number}");
    match number {
        CLASSIC => classic_id(&name),
        _ => id("virtualNetworks", &name),
    }
}

/// Four networks, one that overlaps with the first, and a classic one; the second has a gateway.
fn six_networks() -> (Network, Vec<VnetId>) {
    let mut network = Network::default();
    let spaces = [
        "10.0.0.0/16",
        "10.1.0.0/16",
        "10.2.0.0/16",
        "10.3.0.0/16",
        "10.0.128.0/20",
    ];
    let mut vnets: Vec<VnetId> = spaces
        .iter()
        .enumerate()
        .map(|(number, space)| vnet(&mut network, &format!("vnet{number}"), &[space]))
        .collect();
    gateway(&mut network, vnets[1], "10.1.255.0/27");
    vnets.push(classic(&mut network, "vnet5", "10.5.0.0/16"));
    (network, vnets)
}

/// `Ok(false)` if there is nothing to operate on, `Err` if the operation was refused.
fn apply(network: &mut Network, vnets: &[VnetId], operation: &Operation) -> Result<bool, ()> {
    let live =
        |network: &Network, vnet: usize| network.virtual_networks().get(vnets[vnet]).is_some();
    let link = |network: &Network, position: usize| -> Option<LinkId> {
        network
            .listed_peerings()
            .map(|(link, _)| link)
            .nth(position)
    };
    match operation {
        Operation::Create(from, to, flags) => {
            if !live(network, *from) {
                return Ok(false);
            }
            let remote = network_id(*to);
            let created = network.create_peering(
                vnets[*from],
                &format!("to-vnet{to}"),
                &remote,
                *flags,
                PeeringScope::CompleteVirtualNetworks,
            );
            created.map(|_| true).map_err(|_| ())
        }
        Operation::Update(position, flags) => match link(network, *position) {
            Some(link) => network
                .update_peering(link, *flags)
                .map(|()| true)
                .map_err(|_| ()),
            None => Ok(false),
        },
        Operation::Delete(position) => match link(network, *position) {
            Some(link) => {
                network.delete_peering(link);
                Ok(true)
            }
            None => Ok(false),
        },
        Operation::Sync(position) => match link(network, *position) {
            Some(link) => network.sync_peering(link).map(|_| true).map_err(|_| ()),
            None => Ok(false),
        },
        Operation::Resize(vnet, wide) => {
            if !live(network, *vnet) || *vnet == 4 {
                return Ok(false);
            }
            let own = format!("10.{vnet}.0.0/16");
            let more = format!("172.{}.0.0/24", 16 + vnet % 3);
            let space = if *wide {
                nets(&[&own, &more])
            } else {
                nets(&[&own])
            };
            network
                .change_address_space(vnets[*vnet], space)
                .map(|()| true)
                .map_err(|_| ())
        }
        Operation::Finish => {
            let waiting = network
                .peerings()
                .values()
                .any(|link| link.state == PeeringState::Updating);
            network.finish_updating_peerings();
            Ok(waiting)
        }
        Operation::DeleteNetwork(vnet) => {
            if !live(network, *vnet) {
                return Ok(false);
            }
            network
                .delete_virtual_network(vnets[*vnet])
                .map(|()| true)
                .map_err(|_| ())
        }
    }
}

/// P-2 and P-6, read off the links as they stand.
fn assert_consistent(network: &Network) {
    for (key, link) in network.peerings().iter() {
        let reverse = network
            .reverse_link(key)
            .map(|reverse| &network.peerings()[reverse]);
        match link.state {
            PeeringState::Connected => {
                assert_eq!(
                    reverse.map(|reverse| reverse.state),
                    Some(PeeringState::Connected),
                    "{}",
                    link.id
                );
            }
            PeeringState::Initiated => {
                let waits_alone =
                    reverse.is_none_or(|reverse| reverse.state == PeeringState::Disconnected);
                assert!(
                    waits_alone,
                    "{} is Initiated beside a live reverse link",
                    link.id
                );
            }
            PeeringState::Updating => {
                let reverse = reverse.expect("what a classic network knows");
                assert_eq!(reverse.state, PeeringState::Updating, "{}", link.id);
                assert_ne!(link.mirrors.is_some(), reverse.mirrors.is_some());
            }
            PeeringState::Disconnected => {
                let connected =
                    reverse.is_some_and(|reverse| reverse.state == PeeringState::Connected);
                assert!(
                    !connected,
                    "{} is Disconnected beside a Connected link",
                    link.id
                );
            }
        }
        if let Some(original) = link.mirrors {
            let original_link = &network.peerings()[original];
            assert_eq!(network.reverse_link(key), Some(original), "{}", link.id);
            assert_eq!(link.state, original_link.state, "{}", link.id);
            assert_eq!(
                link.remote_address_space,
                network.local_space(original),
                "{}",
                link.id
            );
            assert_eq!(
                link.flags.use_remote_gateways,
                original_link.flags.allow_gateway_transit
            );
        }
        let holder = &network.virtual_networks()[link.virtual_network];
        assert_eq!(holder.is_classic(), link.mirrors.is_some(), "{}", link.id);
        if link.state == PeeringState::Connected
            && network.sync_level(key) == PeeringSyncLevel::FullyInSync
        {
            let remote = network
                .virtual_networks()
                .find(&link.remote)
                .expect("a Connected link has a remote network");
            let space = network.virtual_networks()[remote].address_space.prefixes();
            assert!(
                space
                    .iter()
                    .all(|prefix| link.remote_address_space.contains(prefix)),
                "{}",
                link.id
            );
        }
    }
    for (key, place) in network.virtual_networks().iter() {
        let own: Vec<_> = network
            .peerings()
            .iter()
            .filter(|(_, link)| link.virtual_network == key)
            .map(|(link, _)| link.index())
            .collect();
        let mut listed: Vec<_> = place.peerings.iter().map(|link| link.index()).collect();
        listed.sort_unstable();
        assert_eq!(own, listed, "{} lists its own links", place.id);
    }
}

proptest! {
    #[test]
    fn a_refused_operation_changes_nothing_and_states_stay_consistent(history in prop::collection::vec(operation(), 1..40)) {
        let (mut network, vnets) = six_networks();
        for operation in &history {
            let before = format!("{network:?}");
            match apply(&mut network, &vnets, operation) {
                Ok(true) => {}
                Ok(false) => prop_assert_eq!(&before, &format!("{network:?}")),
                Err(()) => prop_assert_eq!(&before, &format!("{network:?}"), "{:?} was refused and left traces", operation),
            }
            assert_consistent(&network);
        }
    }
}
