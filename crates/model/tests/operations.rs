//! What operations on networks, route tables and security groups refuse (N-4, R-29, R-32, G-1, G-6, S-1, S-2).

use model::{
    Access, Direction, Location, Network, NetworkSecurityGroup, OperationError, Ports, ResourceId,
    Route, RouteDestination, RouteTable, RuleAddresses, RuleProtocol, SecurityRule, SubnetRequest,
    UserNextHop, VirtualNetworkRequest, VnetId,
};

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

fn vnet(network: &mut Network, space: &str) -> Result<VnetId, OperationError> {
    network.create_virtual_network(VirtualNetworkRequest {
        id: id("virtualNetworks", "v"),
        location: Location::default(),
        address_space: vec![space.parse().unwrap()],
        subnets: Vec::new(),
        deployment_model: model::DeploymentModel::ResourceManager,
        flow_timeout_minutes: None,
        dns_servers: Vec::new(),
    })
}

#[test]
fn a_network_keeps_away_from_the_platforms_ranges() {
    // N-4, S-28
    for space in [
        "224.0.0.0/8",
        "127.0.0.0/16",
        "169.254.7.0/24",
        "168.63.0.0/16",
    ] {
        let error = vnet(&mut Network::default(), space).unwrap_err();
        assert!(
            matches!(error, OperationError::AddressSpace { .. }),
            "{space}: {error}"
        );
    }
}

#[test]
fn subnets_lie_in_the_space_apart_from_each_other_and_have_room_for_hosts() {
    // N-4
    let mut network = Network::default();
    let vnet = vnet(&mut network, "10.0.0.0/16").unwrap();
    let mut create = |name: &str, prefix: &str| {
        network.create_subnet(vnet, SubnetRequest::new(name, prefix.parse().unwrap()))
    };
    create("apps", "10.0.1.0/24").unwrap();
    create("small", "10.0.2.0/29").unwrap();
    let code = |result: Result<_, OperationError>| result.unwrap_err().azure_code();
    assert_eq!(
        code(create("tiny", "10.0.3.0/30")),
        Some("InvalidAddressPrefixFormat")
    );
    assert_eq!(
        code(create("outside", "10.1.0.0/24")),
        Some("NetcfgInvalidSubnet")
    );
    assert_eq!(
        code(create("again", "10.0.1.128/25")),
        Some("NetcfgSubnetRangesOverlap")
    );
    assert!(matches!(
        create("APPS", "10.0.9.0/24"),
        Err(OperationError::DuplicateName { .. })
    ));
}

fn table(routes: &[(&str, &str)], gateway_propagation_disabled: bool) -> RouteTable {
    let routes = routes.iter().map(|(name, prefix)| Route {
        name: (*name).to_owned(),
        destination: RouteDestination::Prefix(prefix.parse().unwrap()),
        next_hop: UserNextHop::None,
    });
    RouteTable {
        id: id("routeTables", "rt"),
        location: Location::default(),
        routes: routes.collect(),
        gateway_propagation_disabled,
    }
}

#[test]
fn two_routes_of_a_table_have_different_prefixes_and_names() {
    // R-32
    let mut network = Network::default();
    let error = network
        .create_route_table(table(&[("a", "10.0.0.0/8"), ("b", "10.0.0.0/8")], false))
        .unwrap_err();
    assert_eq!(error.azure_code(), Some("RouteConflict"));
    let error = network
        .create_route_table(table(&[("a", "10.0.0.0/8"), ("A", "10.0.0.0/9")], false))
        .unwrap_err();
    assert!(matches!(error, OperationError::DuplicateName { .. }));
    assert!(network.route_tables().is_empty());
}

#[test]
fn a_conflict_of_routes_names_the_earlier_route_and_the_later_one() {
    let routes: Vec<(String, String)> = (0..300)
        .map(|i| (format!("r{i}"), format!("10.{}.{}.0/24", i / 256, i % 256)))
        .chain([("late".to_owned(), "10.0.7.0/24".to_owned())])
        .collect();
    let routes: Vec<(&str, &str)> = routes.iter().map(|(n, p)| (&**n, &**p)).collect();
    let mut network = Network::default();
    let error = network
        .create_route_table(table(&routes, false))
        .unwrap_err();
    let OperationError::RouteConflict {
        first,
        second,
        prefix,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((&*first, &*second, &*prefix), ("r7", "late", "10.0.7.0/24"));
    network
        .create_route_table(table(&routes[..300], false))
        .unwrap();
}

#[test]
fn a_gateway_keeps_its_own_routes() {
    // R-29, G-6: when the table is attached, and when an attached table changes.
    let mut network = Network::default();
    let vnet = vnet(&mut network, "10.0.0.0/16").unwrap();
    let subnet = network
        .create_subnet(
            vnet,
            SubnetRequest::new("GatewaySubnet", "10.0.255.0/27".parse().unwrap()),
        )
        .unwrap();
    for refused in [table(&[], true), table(&[("all", "0.0.0.0/0")], false)] {
        let mut network = network.clone();
        let key = network.create_route_table(refused).unwrap();
        let error = network
            .set_subnet_route_table(subnet, Some(key))
            .unwrap_err();
        assert!(matches!(error, OperationError::RouteTableNotAllowed { .. }));
        assert_eq!(network.subnets()[subnet].route_table, None);
    }
    let key = network
        .create_route_table(table(&[("spoke", "10.1.0.0/16")], false))
        .unwrap();
    network.set_subnet_route_table(subnet, Some(key)).unwrap();
    let all = table(&[("all", "0.0.0.0/0")], false).routes;
    assert!(matches!(
        network.set_routes(key, all),
        Err(OperationError::RouteTableNotAllowed { .. })
    ));
    assert_eq!(network.route_tables()[key].routes[0].name, "spoke");
}

fn rule(name: &str, priority: u16, direction: Direction) -> SecurityRule {
    SecurityRule {
        name: name.to_owned(),
        description: None,
        priority,
        direction,
        access: Access::Allow,
        protocol: RuleProtocol::Any,
        source: RuleAddresses::Any,
        source_ports: Ports::all(),
        destination: RuleAddresses::Any,
        destination_ports: Ports::all(),
    }
}

fn group(rules: Vec<SecurityRule>) -> NetworkSecurityGroup {
    NetworkSecurityGroup {
        id: id("networkSecurityGroups", "nsg"),
        location: Location::default(),
        rules: rules.into(),
        flush_connection: false,
    }
}

#[test]
fn a_priority_is_used_once_a_direction_and_a_name_once_a_group() {
    // S-1, S-2
    use Direction::{Inbound, Outbound};
    let mut network = Network::default();
    let error = network
        .create_network_security_group(group(vec![
            rule("A", 100, Inbound),
            rule("B", 100, Inbound),
        ]))
        .unwrap_err();
    assert_eq!(error.azure_code(), Some("SecurityRuleConflict"));
    assert_eq!(
        error.to_string(),
        "Security rule A conflicts with rule B. Rules cannot have the same Priority and Direction."
    );
    let error = network
        .create_network_security_group(group(vec![
            rule("A", 100, Inbound),
            rule("a", 110, Outbound),
        ]))
        .unwrap_err();
    assert!(matches!(error, OperationError::DuplicateName { .. }));
    network
        .create_network_security_group(group(vec![
            rule("A", 100, Inbound),
            rule("B", 100, Outbound),
        ]))
        .unwrap();
}

#[test]
fn a_network_tells_what_operations_have_touched_since_a_state_that_it_has_been_in() {
    use model::changes::Changes;

    let mut network = Network::default();
    let hub = vnet(&mut network, "10.0.0.0/16").unwrap();
    let table = RouteTable {
        id: id("routeTables", "t"),
        location: Location::default(),
        routes: Vec::new(),
        gateway_propagation_disabled: false,
    };
    let table = network.create_route_table(table).unwrap();
    let before = network.revision();
    assert_eq!(network.changes_since(&before), Some(Changes::default()));

    network.set_routes(table, Vec::new()).unwrap();
    network.set_routes(table, Vec::new()).unwrap();
    let routes = Changes {
        route_tables: vec![table],
        ..Changes::default()
    };
    assert_eq!(network.changes_since(&before), Some(routes.clone()));

    // A copy goes its own way from here.
    let mut copy = network.clone();
    assert_eq!(copy.changes_since(&before), Some(routes));
    copy.set_summarized_gateway_prefixes(hub, Vec::new());
    assert!(copy.changes_since(&before).unwrap().others);
    assert_eq!(network.changes_since(&copy.revision()), None);

    // So does what is in no table.
    let before = network.revision();
    network.set_service_tag("Sql", Vec::new());
    assert!(network.changes_since(&before).unwrap().others);
}

#[test]
fn a_network_that_was_described_anew_follows_one_whose_keys_mean_the_same() {
    use model::changes::Changes;

    let described = |names: &[&str], prefix: &str| {
        let mut network = Network::default();
        vnet(&mut network, "10.0.0.0/16").unwrap();
        for name in names {
            let table = RouteTable {
                id: id("routeTables", name),
                location: Location::default(),
                routes: vec![model::Route {
                    name: "r".to_owned(),
                    destination: model::RouteDestination::Prefix(prefix.parse().unwrap()),
                    next_hop: model::UserNextHop::None,
                }],
                gateway_propagation_disabled: false,
            };
            network.create_route_table(table).unwrap();
        }
        network
    };
    let before = described(&["t", "u"], "10.1.0.0/16");
    let mut after = described(&["t", "u"], "10.1.0.0/16");
    assert_eq!(after.changes_since(&before.revision()), None, "strangers");
    assert!(after.follow(&before));
    assert_eq!(
        after.changes_since(&before.revision()),
        Some(Changes::default())
    );

    let mut after = described(&["T", "u"], "10.2.0.0/16");
    assert!(
        after.follow(&before),
        "ids mean the same in every letter case"
    );
    let both = Changes {
        route_tables: before.route_tables().keys().collect(),
        ..Changes::default()
    };
    assert_eq!(after.changes_since(&before.revision()), Some(both.clone()));
    // What is new stands behind what was there.
    let mut longer = described(&["t", "u", "v"], "10.1.0.0/16");
    assert!(longer.follow(&before));
    let last = longer.route_tables().keys().next_back().unwrap();
    assert_eq!(
        longer
            .changes_since(&before.revision())
            .unwrap()
            .route_tables,
        [last]
    );

    let mut other = described(&["u", "t"], "10.1.0.0/16");
    assert!(!other.follow(&before), "keys mean other tables");
    assert!(!described(&["t"], "10.1.0.0/16").follow(&before));
    let mut quiet = before.clone();
    let table = RouteTable {
        id: id("routeTables", "w"),
        location: Location::default(),
        routes: Vec::new(),
        gateway_propagation_disabled: true,
    };
    quiet.create_route_table(table.clone()).unwrap();
    let mut loud = before.clone();
    loud.create_route_table(RouteTable {
        gateway_propagation_disabled: false,
        ..table
    })
    .unwrap();
    assert!(loud.follow(&quiet));
    let changes = loud.changes_since(&quiet.revision()).unwrap();
    assert!(changes.others, "no operation turns propagation on");
    let mut tagged = described(&["t", "u"], "10.1.0.0/16");
    tagged.set_service_tag("Sql", Vec::new());
    assert!(tagged.follow(&before));
    assert!(tagged.changes_since(&before.revision()).unwrap().others);
}
