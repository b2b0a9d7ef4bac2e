//! Who stands behind a next hop, and what Network Watcher answers.

use control::Note;
use control::questions::next_hop_of;
use control::snapshot::NextHop;
use model::{NextHopType, PeeringFlags, PeeringScope, UserNextHop};

use crate::topology::{
    HubAndSpoke, Topology, appliance, hop, hub_and_spoke, id, ip, nets, nic, table,
};

#[test]
fn an_appliance_is_found_in_the_own_and_in_peered_networks_and_nowhere_else() {
    // R-24, R-26a
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        nva,
    } = hub_and_spoke();
    let far = topology.vnet("far", "westus", &["10.5.0.0/16"]);
    let far_subnet = topology.subnet(far, "apps", "10.5.0.0/24");
    let far_nva = topology.vm("far", far_subnet);
    let spoke_vnet = topology.network.subnets()[spoke_subnet].virtual_network;
    topology.peer(spoke_vnet, far);
    let other = topology.vm("other", spoke_subnet);
    topology.routes(
        spoke_subnet,
        &[
            ("172.16.1.0/24", appliance("10.1.0.5")),
            // Its own prefix holds the next hop, as in a lab of 2021: the peering row answers, not this one.
            ("10.0.0.0/8", appliance("10.4.0.4")),
            ("172.16.3.0/24", appliance("10.5.0.4")),
            ("172.16.4.0/24", appliance("10.1.0.77")),
            ("172.16.5.0/24", appliance("10.99.0.4")),
        ],
    );
    let snapshot = topology.compile();
    assert_eq!(
        hop(&snapshot, spoke, "172.16.1.1"),
        Some(NextHop::Nic(other))
    );
    assert_eq!(hop(&snapshot, spoke, "10.77.0.1"), Some(NextHop::Nic(nva)));
    assert_eq!(
        hop(&snapshot, spoke, "172.16.3.1"),
        Some(NextHop::Nic(far_nva)),
        "global peering"
    );
    assert_eq!(
        hop(&snapshot, spoke, "172.16.4.1"),
        Some(NextHop::NobodyThere)
    );
    assert_eq!(
        hop(&snapshot, spoke, "172.16.5.1"),
        Some(NextHop::Unreachable),
        "a user route is no way to a next hop"
    );

    // Out of reach: the row is printed as it is, the question is answered with None and the address (O-4).
    assert!(
        table(&snapshot, spoke)
            .contains(&"User Active 172.16.5.0/24 VirtualAppliance 10.99.0.4".to_owned())
    );
    let answer = next_hop_of(&snapshot, nic(&snapshot, spoke), ip("172.16.5.1"));
    assert_eq!(
        (answer.next_hop_type, answer.address),
        (NextHopType::None, Some(ip("10.99.0.4")))
    );
    assert_eq!(answer.route_table.unwrap().1, &id("routeTables", "rt0"));
}

#[test]
fn an_appliance_behind_a_link_that_is_not_connected_is_out_of_reach() {
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        ..
    } = hub_and_spoke();
    topology.routes(spoke_subnet, &[("0.0.0.0/0", appliance("10.4.0.4"))]);
    let spoke_vnet = topology.network.subnets()[spoke_subnet].virtual_network;
    let link = topology.network.virtual_networks()[spoke_vnet].peerings[0];
    topology
        .network
        .delete_peering(topology.network.reverse_link(link).unwrap());
    assert_eq!(
        hop(&topology.compile(), spoke, "8.8.8.8"),
        Some(NextHop::Unreachable)
    );
}

#[test]
fn what_is_not_simulated_still_owns_its_address() {
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        ..
    } = hub_and_spoke();
    let bastion = id("bastionHosts", "bastion");
    let address = topology
        .network
        .claim_address(&bastion, spoke_subnet, model::RequestedAddress::FirstFree)
        .unwrap();
    topology.routes(
        spoke_subnet,
        &[("172.16.0.0/16", UserNextHop::VirtualAppliance(address))],
    );
    assert_eq!(
        hop(&topology.compile(), spoke, "172.16.0.1"),
        Some(NextHop::Unsimulated)
    );
}

#[test]
fn a_network_that_is_not_in_the_input_is_told_apart() {
    let mut topology = Topology::of_the_exercise();
    let (own, subnet, nic) = topology.site("own", "northeurope", "10.1.0.0/16");
    let record = model::PeeringRecord {
        id: topology.network.virtual_networks()[own]
            .id
            .child("virtualNetworkPeerings", "to-elsewhere"),
        virtual_network: own,
        remote: id("virtualNetworks", "elsewhere"),
        flags: PeeringFlags::default(),
        scope: PeeringScope::default(),
        state: Some(model::PeeringState::Connected),
        remote_address_space: Some(nets(&["10.8.0.0/16"])),
        resource_guid: None,
        sync_level: None,
    };
    topology.network.import_peerings(vec![record]);
    topology.routes(subnet, &[("172.16.0.0/16", appliance("10.8.0.4"))]);
    let snapshot = topology.compile();
    let link = topology.network.virtual_networks()[own].peerings[0];
    assert!(table(&snapshot, nic).contains(&"Default Active 10.8.0.0/16 VNetPeering".to_owned()));
    assert_eq!(
        hop(&snapshot, nic, "10.8.0.9"),
        Some(NextHop::Outside(link))
    );
    assert_eq!(
        hop(&snapshot, nic, "172.16.0.1"),
        Some(NextHop::Outside(link))
    );
}

#[test]
fn a_frontend_stands_for_the_members_of_its_rules_pool() {
    //
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        ..
    } = hub_and_spoke();
    let hub_subnet = topology.network.subnets().keys().next().unwrap();
    let rule = |frontend: &str, pool: &str| model::delivery::LoadBalancingRule {
        name: format!("{frontend}-{pool}"),
        frontend: frontend.to_owned(),
        pool: pool.to_owned(),
        protocol: None,
        frontend_port: 0,
        backend_port: 0,
        floating_ip: false,
        probe: None,
        disable_outbound_snat: false,
    };
    let private = |address: &str| {
        model::FrontendRequest::Private(hub_subnet, model::RequestedAddress::Static(ip(address)))
    };
    let balancer = topology
        .network
        .create_load_balancer(model::LoadBalancerRequest {
            id: id("loadBalancers", "ilb"),
            location: model::Location::default(),
            sku: model::Sku::Standard,
            frontends: vec![
                ("served".to_owned(), private("10.4.0.100")),
                ("idle".to_owned(), private("10.4.0.101")),
            ],
            pools: [pool("nvas"), pool("others")].into(),
            rules: vec![rule("Served", "NVAs")],
            probes: Vec::new(),
            inbound_nat_rules: Vec::new(),
            outbound_rules: Vec::new(),
        })
        .unwrap();
    let member = |topology: &mut Topology, name: &str, pool: &str| {
        topology.nic_with(name, hub_subnet, |nic| {
            nic.ip_configurations[0].backend_pools = vec![(balancer, pool.to_owned())];
        })
    };
    let one = member(&mut topology, "nva1", "nvas");
    member(&mut topology, "other", "others");
    let two = member(&mut topology, "nva2", "nvas");
    topology.routes(
        spoke_subnet,
        &[
            ("0.0.0.0/0", appliance("10.4.0.100")),
            ("172.16.0.0/16", appliance("10.4.0.101")),
        ],
    );
    let snapshot = topology.compile();
    let Some(NextHop::Frontend(served)) = hop(&snapshot, spoke, "8.8.8.8") else {
        panic!("not a frontend")
    };
    let [rule] = &snapshot.frontend(served).rules[..] else {
        panic!("not one rule")
    };
    let members: Vec<_> = rule.members.iter().map(|member| member.nic).collect();
    assert_eq!(members, [one, two]);
    let Some(NextHop::Frontend(idle)) = hop(&snapshot, spoke, "172.16.0.1") else {
        panic!("not a frontend")
    };
    assert!(snapshot.frontend(idle).rules.is_empty());
    let note = Note::FrontendWithoutRule {
        load_balancer: id("loadBalancers", "ilb"),
        frontend: "idle".to_owned(),
    };
    assert_eq!(*snapshot.provenance.notes, [note]);
}

#[test]
fn a_basic_frontend_is_a_next_hop_inside_its_region_only() {
    // P-7
    use model::Sku::{Basic, Standard};
    for (sku, region, reached) in [
        (Standard, "westus", true),
        (Basic, "northeurope", true),
        (Basic, "westus", false),
    ] {
        let mut topology = Topology::of_the_exercise();
        let (hub, hub_subnet, _) = topology.site("hub", "northeurope", "10.4.0.0/16");
        let (spoke, spoke_subnet, spoke_nic) = topology.site("spoke", region, "10.1.0.0/16");
        topology.peer(hub, spoke);
        let frontend = model::RequestedAddress::Static(ip("10.4.0.100"));
        let frontend = model::FrontendRequest::Private(hub_subnet, frontend);
        topology
            .network
            .create_load_balancer(model::LoadBalancerRequest {
                id: id("loadBalancers", "ilb"),
                location: model::Location::default(),
                sku,
                frontends: vec![("front".to_owned(), frontend)],
                pools: Vec::new(),
                rules: Vec::new(),
                probes: Vec::new(),
                inbound_nat_rules: Vec::new(),
                outbound_rules: Vec::new(),
            })
            .unwrap();
        topology.routes(spoke_subnet, &[("0.0.0.0/0", appliance("10.4.0.100"))]);
        let next_hop = hop(&topology.compile(), spoke_nic, "8.8.8.8");
        let is_pool = matches!(next_hop, Some(NextHop::Frontend(_)));
        assert_eq!(is_pool, reached, "{sku} {region}: {next_hop:?}");
        assert!(reached || next_hop == Some(NextHop::Unreachable));
    }
}

fn pool(name: &str) -> model::BackendPool {
    model::BackendPool {
        name: name.to_owned(),
        addresses: Vec::new(),
    }
}
