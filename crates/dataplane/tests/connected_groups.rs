//! Packets between members of a connected group: no link asks for anything.

use model::{
    ConnectivityConfiguration, ConnectivityGroup, ConnectivityTopology, Location, NetworkGroup,
    NetworkManager,
};

use crate::world::{World, id};

#[test]
fn members_of_a_connected_group_reach_each_other_without_a_link() {
    for grouped in [false, true] {
        let mut world = World::new();
        let left = world.site("left", "10.1.0.0/16");
        let right = world.site("right", "10.2.0.0/16");
        let members = [left.vnet, right.vnet];
        let members = members.map(|vnet| world.network.virtual_networks()[vnet].id.clone());
        let applied = ConnectivityGroup {
            group: "all".to_owned(),
            direct: false,
            use_hub_gateway: false,
            global: false,
        };
        let mesh = ConnectivityConfiguration {
            name: "mesh".to_owned(),
            topology: ConnectivityTopology::Mesh,
            hub: None,
            global_mesh: false,
            applies_to: if grouped { vec![applied] } else { Vec::new() },
            deployed_to: None,
        };
        let manager = NetworkManager {
            id: id("networkManagers", "m"),
            location: Location::default(),
            management_groups: Vec::new(),
            subscriptions: Vec::new(),
            network_groups: vec![NetworkGroup {
                name: "all".to_owned(),
                members: members.to_vec(),
            }],
            connectivity_configurations: vec![mesh],
            security_admin_configurations: Vec::new(),
        };
        world.network.create_network_manager(manager).unwrap();
        let trip = world.ping(left.nic, right.nic);
        assert_eq!(trip.ttl(), grouped.then_some(64));
    }
}
