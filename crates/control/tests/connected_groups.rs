//! Connected groups of network managers: rows without links, and who is in them.

use control::snapshot::NextHop;
use model::{
    ConnectivityConfiguration, ConnectivityGroup, ConnectivityTopology, Location, NetworkGroup,
    NetworkManager, NicId, VnetId,
};

use crate::topology::{Topology, appliance, hop, id, table, tag};

fn group(name: &str, direct: bool, global: bool) -> ConnectivityGroup {
    ConnectivityGroup {
        group: name.to_owned(),
        direct,
        use_hub_gateway: false,
        global,
    }
}

fn configure(
    topology: &mut Topology,
    members: &[VnetId],
    change: impl FnOnce(&mut ConnectivityConfiguration),
) {
    let mut configuration = ConnectivityConfiguration {
        name: "c".to_owned(),
        topology: ConnectivityTopology::Mesh,
        hub: None,
        global_mesh: false,
        applies_to: vec![group("all", false, false)],
        deployed_to: None,
    };
    change(&mut configuration);
    let vnets = topology.network.virtual_networks();
    let members = members.iter().map(|&vnet| vnets[vnet].id.clone());
    let manager = NetworkManager {
        id: id("networkManagers", "m"),
        location: Location::default(),
        management_groups: Vec::new(),
        subscriptions: Vec::new(),
        network_groups: vec![NetworkGroup {
            name: "all".to_owned(),
            members: members.collect(),
        }],
        connectivity_configurations: vec![configuration],
        security_admin_configurations: Vec::new(),
    };
    topology.network.create_network_manager(manager).unwrap();
}

/// Three networks, the third in another region.
fn three() -> (Topology, [VnetId; 3], [NicId; 3]) {
    let mut topology = Topology::of_the_exercise();
    let (one, _, one_vm) = topology.site("one", "northeurope", "10.1.0.0/16");
    let (two, _, two_vm) = topology.site("two", "northeurope", "10.2.0.0/16");
    let (far, _, far_vm) = topology.site("far", "westeurope", "10.3.0.0/16");
    (topology, [one, two, far], [one_vm, two_vm, far_vm])
}

fn rows(topology: &Topology, nic: NicId) -> Vec<String> {
    let rows = table(&topology.compile(), nic);
    rows.into_iter()
        .filter(|row| row.ends_with("ConnectedGroup"))
        .collect()
}

#[test]
fn members_of_a_mesh_have_rows_for_each_other_and_know_each_other_by_tag() {
    let (mut topology, vnets, [one, two, far]) = three();
    configure(&mut topology, &vnets, |_| {});
    assert_eq!(
        rows(&topology, one),
        ["Default Active 10.2.0.0/16 ConnectedGroup"]
    );
    let snapshot = topology.compile();
    assert_eq!(
        hop(&snapshot, one, "10.2.9.9"),
        Some(NextHop::Group(vnets[1]))
    );
    assert!(tag(&snapshot, two).contains("10.1.0.0"), "T-5");
    assert!(rows(&topology, far).is_empty(), "another region");
}

#[test]
fn a_global_mesh_reaches_across_regions_and_a_deployment_only_where_it_is() {
    let (mut topology, vnets, [one, _, far]) = three();
    configure(&mut topology, &vnets, |mesh| mesh.global_mesh = true);
    assert_eq!(rows(&topology, one).len(), 2);
    assert_eq!(rows(&topology, far).len(), 2);
    let (mut topology, vnets, [one, two, far]) = three();
    configure(&mut topology, &vnets, |mesh| {
        mesh.global_mesh = true;
        mesh.deployed_to = Some(vec![Location::new("westeurope")]);
    });
    for nic in [one, two, far] {
        assert!(rows(&topology, nic).is_empty());
    }
}

#[test]
fn spokes_reach_each_other_only_where_their_group_is_directly_connected() {
    for (direct, count) in [(false, 0), (true, 1)] {
        let (mut topology, vnets, [one, ..]) = three();
        configure(&mut topology, &vnets, |star| {
            star.topology = ConnectivityTopology::HubAndSpoke;
            star.applies_to = vec![group("ALL", direct, false)];
        });
        assert_eq!(rows(&topology, one).len(), count);
    }
}

#[test]
fn a_connected_link_goes_before_the_group_and_networks_that_overlap_are_kept_apart() {
    let (mut topology, vnets, [one, two, _]) = three();
    configure(&mut topology, &vnets, |mesh| mesh.global_mesh = true);
    topology.peer(vnets[0], vnets[1]);
    assert_eq!(
        rows(&topology, one),
        ["Default Active 10.3.0.0/16 ConnectedGroup"]
    );
    assert_eq!(
        rows(&topology, two),
        ["Default Active 10.3.0.0/16 ConnectedGroup"]
    );
    let mut topology = Topology::of_the_exercise();
    let (left, _, left_vm) = topology.site("left", "northeurope", "10.1.0.0/16");
    let (right, ..) = topology.site("right", "northeurope", "10.1.0.0/20");
    configure(&mut topology, &[left, right], |_| {});
    assert!(rows(&topology, left_vm).is_empty());
}

#[test]
fn an_appliance_in_the_group_can_be_the_next_hop_of_a_user_route() {
    let mut topology = Topology::of_the_exercise();
    let (one, place, vm) = topology.site("one", "northeurope", "10.1.0.0/16");
    let (two, _, nva) = topology.site("two", "northeurope", "10.2.0.0/16");
    configure(&mut topology, &[one, two], |_| {});
    let address = topology.network.nics()[nva].primary_address().to_string();
    topology.routes(place, &[("0.0.0.0/0", appliance(&address))]);
    assert_eq!(
        hop(&topology.compile(), vm, "198.51.100.1"),
        Some(NextHop::Nic(nva))
    );
}
