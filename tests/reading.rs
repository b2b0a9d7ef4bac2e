//! Files to networks: the same network in every form, and what is said about input that is none.

use std::path::{Path, PathBuf};

use ::vnetsim::formats::load::{LoadOptions, Loaded, Loader, load};
use ::vnetsim::formats::scenario;
use ::vnetsim::model::{Network, PeeringState, PowerState, RuleAddresses};

use crate::vnetsim::run;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path)
}

fn loaded(paths: &[&str]) -> Loaded {
    let paths: Vec<PathBuf> = paths.iter().map(|path| fixture(path)).collect();
    load(&paths, &LoadOptions::default()).unwrap_or_else(|refused| panic!("{refused}"))
}

/// Everything a network holds, table by table, in its order.
pub(crate) fn described(network: &Network) -> String {
    let mut lines = vec![format!("{:#?}", network.options)];
    macro_rules! tables {
        ($($table:ident)+) => {$(
            lines.extend(network.$table().values().map(|row| format!("{row:#?}")));
        )+};
    }
    tables!(virtual_networks subnets peerings nics virtual_machines route_tables nsgs asgs public_ips load_balancers nat_gateways
        firewalls gateways routing_appliances route_servers local_gateways connections on_premises managers
        firewall_policies ip_groups private_endpoints);
    lines.extend(
        network
            .vpn_clients()
            .map(|(_, client)| format!("{client:?}")),
    );
    lines.extend(network.service_tags().map(|tag| format!("{tag:?}")));
    // Where the search for a free address begins is a hint, not part of what is the case.
    let hint = |line: &&str| !line.trim_start().starts_with("first_candidate");
    lines
        .join("\n")
        .lines()
        .filter(hint)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Fails with the first line that differs and what stands before it.
pub(crate) fn assert_same(one: &str, other: &str, what: &str) {
    let differs = one
        .lines()
        .zip(other.lines())
        .position(|(one, other)| one != other);
    if let Some(at) = differs.or((one != other).then_some(one.lines().count())) {
        let part = |text: &str| {
            text.lines()
                .skip(at.saturating_sub(12))
                .take(16)
                .collect::<Vec<_>>()
                .join("\n")
        };
        panic!(
            "{what} differs in line {at}:\n{}\n--- and ---\n{}",
            part(one),
            part(other)
        );
    }
}

/// What the reader says about a document of this name and text, problems only.
fn complaints(name: &str, text: &str) -> String {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text(name, text);
    match loader.finish() {
        Ok(all) => all.diagnostics.display(&all.sources).to_string(),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn flattened_and_nested_dumps_and_a_graph_query_give_the_same_network() {
    let flattened = described(&loaded(&["hub-and-spoke/az-list"]).network);
    let nested = described(&loaded(&["hub-and-spoke/rest"]).network);
    let queried = described(&loaded(&["hub-and-spoke/graph"]).network);
    assert_same(&flattened, &nested, "REST");
    assert_same(&flattened, &queried, "the query");
    // All three of them together: every resource is merged with itself.
    let all = loaded(&[
        "hub-and-spoke/az-list",
        "hub-and-spoke/rest",
        "hub-and-spoke/graph",
    ]);
    assert_same(&flattened, &described(&all.network), "all");
}

#[test]
fn a_dump_is_read_in_full() {
    let Loaded {
        network,
        diagnostics,
        summary,
        sources,
        ..
    } = loaded(&["hub-and-spoke/graph"]);
    assert_eq!(
        diagnostics.display(&sources).to_string(),
        "note[left-out]: 1 resources of 1 types that carry no packets were left out\n"
    );
    assert_eq!(
        summary.irrelevant.into_iter().collect::<Vec<_>>(),
        [("Microsoft.Storage/storageAccounts".to_owned(), 1)]
    );
    let nic = network.nics().values().nth(1).unwrap();
    let addresses: Vec<String> = nic.addresses().map(|address| address.to_string()).collect();
    assert_eq!(
        (nic.id.name(), addresses),
        (
            "web1-nic",
            vec!["10.1.1.4".to_owned(), "10.1.1.9".to_owned()]
        )
    );
    assert_eq!(nic.primary().backend_pools[0].1, "apps");
    let group = network.nsgs().values().next().unwrap();
    assert_eq!(
        group
            .rules
            .iter()
            .map(|rule| &*rule.name)
            .collect::<Vec<_>>(),
        ["allow-web", "allow-hub", "deny-rest"]
    );
    assert_eq!(
        group.rules[0].destination_ports.ranges(),
        [(80, 80), (443, 443)]
    );
    assert!(
        matches!(&group.rules[0].destination, RuleAddresses::ApplicationSecurityGroups(groups) if groups.len() == 1)
    );
    let machines: Vec<_> = network
        .virtual_machines()
        .values()
        .map(|vm| (vm.id.name(), vm.zone.as_deref(), vm.power))
        .collect();
    assert_eq!(
        machines,
        [
            ("nva", None, PowerState::Running),
            ("web1", Some("1"), PowerState::Running),
            ("db1", None, PowerState::Deallocated)
        ]
    );
    assert!(
        network
            .peerings()
            .values()
            .all(|link| link.state == PeeringState::Connected)
    );
    // References differ in letter case from the ids that they name.
    assert!(
        network
            .subnets()
            .values()
            .any(|subnet| subnet.route_table.is_some())
    );
}

#[test]
fn nics_alone_tell_which_machines_there_are() {
    let all = loaded(&["hub-and-spoke/az-list"]).network;
    let mut loader = Loader::new(LoadOptions::default());
    for file in [
        "asgs",
        "load-balancers",
        "nics",
        "nsgs",
        "public-ips",
        "route-tables",
        "vnets",
    ] {
        loader.add_path(&fixture(&format!("hub-and-spoke/az-list/{file}.json")));
    }
    let part = loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}"));
    let names = |network: &Network| {
        let mut names: Vec<_> = network
            .virtual_machines()
            .values()
            .map(|vm| (vm.id.clone(), vm.nics.clone()))
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&part.network), names(&all));
    assert!(
        part.diagnostics
            .display(&part.sources)
            .to_string()
            .contains("3 VMs are known from their NICs only")
    );
}

const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";

#[test]
fn every_problem_of_a_file_is_told_at_once_with_its_place() {
    let text = format!(
        r#"[
  {{"id": "{GROUP}/virtualNetworks/v", "addressSpace": {{"addressPrefixes": ["10.0.0.0/16"]}}, "subnets": [
    {{"name": "a", "addressPrefix": "10.0.0.0/24"}},
    {{"name": "b", "addressPrefix": "10.0.0.128/25"}},
    {{"name": "c", "addressPrefix": "10.9.0.0/24"}},
    {{"name": "d", "addressPrefix": "10.0.300.0/24"}},
    {{"name": "e", "addressPrefix": "10.0.5.1/24", "routeTable": {{"id": "{GROUP}/routeTables/gone"}}}}
  ]}},
  {{"id": "{GROUP}/virtualNetworks/V", "addressSpace": {{"addressPrefixes": ["10.1.0.0/16"]}}}},
  {{"id": "{GROUP}/networkInterfaces/n", "enableIPForwarding": "perhaps", "ipConfigurations": [
    {{"name": "x", "subnet": {{"id": "{GROUP}/virtualNetworks/v/subnets/a"}}, "privateIPAddress": "10.0.0.2"}}
  ]}},
  {{"id": "{GROUP}/networkInterfaces/m", "ipConfigurations": [
    {{"name": "x", "subnet": {{"id": "{GROUP}/virtualNetworks/v/subnets/d"}}}}
  ]}}
]"#
    );
    golden("every-problem.txt", &complaints("dump.json", &text));
}

/// Compares with a golden text; `UPDATE_GOLDEN=1` rewrites it, and the change is reviewed as a diff.
fn golden(name: &str, text: &str) {
    let path = fixture("messages").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} (set UPDATE_GOLDEN=1 to accept)");
}

/// A scenario that was written by the program, read again.
fn read_again(text: &str) -> Network {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text("state.yaml", text);
    loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}\n{text}"))
        .network
}

#[test]
fn a_written_scenario_reads_back_as_the_same_network() {
    for path in [
        "hub-and-spoke/graph",
        "scenarios/every-kind.yaml",
        "scenarios/internet-edge.yaml",
        "scenarios/sales-marketing-research.yaml",
    ] {
        let network = loaded(&[path]).network;
        let text = scenario::write(&network);
        let again = read_again(&text);
        let json = read_again(&scenario::write_json(&network));
        assert_same(&described(&network), &described(&json), path);
        assert_same(&described(&network), &described(&again), path);
        assert_same(&text, &scenario::write(&again), path);
    }
}

#[test]
fn the_short_form_is_read_as_its_author_means_it() {
    let Loaded {
        network,
        diagnostics,
        sources,
        ..
    } = loaded(&["scenarios/sales-marketing-research.yaml"]);
    assert!(diagnostics.is_empty(), "{}", diagnostics.display(&sources));
    let states: Vec<PeeringState> = network.peerings().values().map(|link| link.state).collect();
    assert_eq!(
        states,
        [
            PeeringState::Connected,
            PeeringState::Connected,
            PeeringState::Initiated
        ]
    );
    // The static address is announced first, so the dynamic one before it goes round it (N-4).
    let addresses: Vec<String> = network
        .nics()
        .values()
        .map(|nic| format!("{} {}", nic.id.name(), nic.primary_address()))
        .collect();
    assert_eq!(
        addresses,
        [
            "SalesVMVMNic 10.1.1.5",
            "MarketingVMVMNic 10.2.1.4",
            "FixedVMNic 10.1.1.4"
        ]
    );
    assert_eq!(
        network
            .virtual_networks()
            .values()
            .next()
            .unwrap()
            .id
            .as_str(),
        "/subscriptions/sub1/resourceGroups/rg1/providers/Microsoft.Network/virtualNetworks/SalesVNet"
    );
    assert_eq!(network.options.programming_delay_ms, 250);
}

#[test]
fn the_scenario_of_the_dumps_gives_their_network() {
    let scenario = loaded(&["hub-and-spoke/scenario.yaml"]).network;
    assert_same(
        &described(&scenario),
        &described(&loaded(&["hub-and-spoke/graph"]).network),
        "the scenario",
    );
}

#[test]
fn every_problem_of_a_scenario_is_told_at_once_with_its_place() {
    let text = "\
virtualNetwork: {}
virtualNetworks:
  hub:
    adressSpace: [10.0.0.0/16]
    addressSpace: 10.0.0.0/16
    subnets: { a: 10.0.0.1/24, b: [1], c: 10.0.1.0/24 }
networkSecurityGroups:
  g:
    securityRules:
      - { name: one, priority: 99, direction: Inbound, access: Allow, destinationPorts: '80,443' }
      - { name: two, priority: 100, direction: Sideways, access: Allow }
      - { name: three, priority: 200, direction: Inbound, access: Deny, source: [Internet] }
peerings:
  - { name: out, from: hub, to: hub }
  - { name: lost, from: hup, to: hub }
virtualMachines:
  vm: { subnet: hub/nope }
  vm2: { subnet: hub/c, address: 10.0.9.4, zone: [1] }
guests: { vn2: { role: router, listen: [http] } }
options: { noneRoutes: seeds, noSuch: 1 }
";
    golden("scenario-problems.txt", &complaints("bad.yaml", text));
}

#[test]
fn a_bad_prefix_is_one_problem_and_not_also_a_network_without_prefix() {
    let told = complaints(
        "bad.yaml",
        "virtualNetworks: { hub: { addressSpace: [300.1.0.0/16] } }\n",
    );
    assert_eq!(told.matches("error[").count(), 1, "{told}");
    assert!(
        told.contains("expected: an IPv4 prefix such as 10.0.0.0/16"),
        "{told}"
    );
}

#[test]
fn the_published_schema_covers_every_section_with_a_description() {
    let schema = scenario::schema();
    let properties = schema["properties"].as_object().unwrap();
    assert!(properties.len() > 20);
    for (key, section) in properties {
        assert!(
            section["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{key}"
        );
    }
}

/// Two hubs' worth of links that Azure would not accept, with and without a recorded state.
fn refused_links(state: &str) -> String {
    let link = |name: &str, to: &str| {
        format!(
            r#"{{"name": "{name}", "remoteVirtualNetwork": {{"id": "{GROUP}/virtualNetworks/{to}"}}, "useRemoteGateways": true{state}}}"#
        )
    };
    format!(
        r#"[
  {{"id": "{GROUP}/virtualNetworks/a", "addressSpace": {{"addressPrefixes": ["10.0.0.0/16"]}}, "virtualNetworkPeerings": [
    {},
    {}
  ]}},
  {{"id": "{GROUP}/virtualNetworks/b", "addressSpace": {{"addressPrefixes": ["10.0.128.0/17"]}}}}
]"#,
        link("to-b", "b"),
        link("to-far", "far")
    )
}

#[test]
fn a_link_that_azure_would_refuse_is_an_error_unless_it_is_recorded() {
    golden(
        "refused-links.txt",
        &complaints("new.json", &refused_links("")),
    );
    golden(
        "recorded-links.txt",
        &complaints(
            "dump.json",
            &refused_links(r#", "peeringState": "Connected""#),
        ),
    );
}

#[test]
fn links_of_networks_outside_the_input_are_left_out_with_a_warning() {
    let template = r#"{ "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [ { "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "apiVersion": "2024-05-01",
            "name": "existing-hub/to-spoke", "properties": { "remoteVirtualNetwork":
                { "id": "[resourceId('Microsoft.Network/virtualNetworks', 'existing-spoke')]" } } } ] }"#;
    let read = |strict| {
        let options = LoadOptions {
            strict,
            ..LoadOptions::default()
        };
        let mut loader = Loader::new(options);
        loader.add_text("peering.json", template);
        loader.finish()
    };
    let loaded = read(false).unwrap_or_else(|refused| panic!("{refused}"));
    assert!(loaded.network.peerings().is_empty());
    let said = loaded.diagnostics.display(&loaded.sources).to_string();
    assert!(said.contains("warning[dangling-reference]: a virtual network of this peering link is not in the input; it is left out"), "{said}");
    assert!(read(true).is_err(), "strict refuses what is left out");
}

#[test]
fn learned_routes_belong_to_the_gateway_that_their_file_is_named_after() {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_path(&fixture("scenarios/every-kind.yaml"));
    let answer = r#"{"value": [
        {"network": "10.0.0.0/16", "origin": "Network", "asPath": "", "nextHop": null},
        {"network": "192.168.70.0/24", "origin": "EBgp", "asPath": "65010-65020", "nextHop": "192.168.50.1"}
    ]}"#;
    loader.add_text("hub-er.learned-routes.json", answer);
    let network = loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}"))
        .network;
    let learned: Vec<_> = network
        .gateways()
        .values()
        .map(|gateway| (gateway.id.name(), gateway.learned_routes.len()))
        .collect();
    assert_eq!(learned, [("hub-gw", 2), ("hub-er", 1)]);
    assert_eq!(
        network.gateways().values().nth(1).unwrap().learned_routes[0].as_path,
        [65010, 65020]
    );
}

#[test]
fn learned_routes_of_a_route_server_belong_to_the_session_that_their_rows_name() {
    // G-10: the answer has a list for each instance and names neither server nor peer.
    let answer = r#"{"RouteServiceRole_IN_0": [
        {"network": "0.0.0.0/0", "origin": "EBgp", "asPath": "65002 65005", "nextHop": "10.0.0.5", "localAddress": "10.0.4.4", "sourcePeer": "10.0.0.5"}
    ], "RouteServiceRole_IN_1": [
        {"network": "0.0.0.0/0", "origin": "EBgp", "asPath": "65002-65005", "nextHop": "10.0.0.5", "localAddress": "10.0.4.5", "sourcePeer": "10.0.0.5"}
    ], "value": null}"#;
    let read = |name: &str| {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_path(&fixture("scenarios/every-kind.yaml"));
        loader.add_text(name, answer);
        let network = loader
            .finish()
            .unwrap_or_else(|refused| panic!("{refused}"))
            .network;
        let server = network.route_servers().values().next().unwrap();
        let far: Vec<Vec<u32>> = server.peers[1]
            .learned_routes
            .iter()
            .map(|route| route.as_path.clone())
            .collect();
        (server.peers[0].learned_routes.len(), far)
    };
    assert_eq!(read("answer.json"), (2, vec![vec![65002, 65005]]));
    assert_eq!(
        read("rs.far.learned-routes.json"),
        (2, vec![vec![65002, 65005]])
    );
    // The name goes before the rows.
    assert_eq!(read("rs.nva.learned-routes.json"), (1, Vec::new()));
}

#[test]
fn links_that_are_disconnected_or_out_of_sync_stay_so_in_a_state_file() {
    let mut network = loaded(&["scenarios/sales-marketing-research.yaml"]).network;
    let links: Vec<_> = network.peerings().keys().collect();
    let marketing = network.peerings()[links[1]].virtual_network;
    network
        .change_address_space(
            marketing,
            vec![
                "10.2.0.0/16".parse().unwrap(),
                "10.20.0.0/16".parse().unwrap(),
            ],
        )
        .unwrap();
    network.delete_peering(links[0]);
    let mut loader = Loader::new(LoadOptions {
        strict: true,
        ..LoadOptions::default()
    });
    loader.add_text("state.yaml", scenario::write(&network));
    let again = loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}"))
        .network;
    let told = |network: &Network| -> Vec<_> {
        let links = network.peerings().iter();
        links
            .map(|(key, link)| {
                (
                    link.id.clone(),
                    link.state,
                    network.sync_level(key),
                    link.remote_address_space.clone(),
                )
            })
            .collect()
    };
    assert_eq!(told(&network), told(&again));
    assert_eq!(told(&again)[0].1, PeeringState::Disconnected);
}

#[test]
fn a_pool_of_its_own_is_a_pool_and_a_frontend_without_place_is_one_error() {
    let text = format!(
        r#"[
  {{"id": "{GROUP}/loadBalancers/l", "frontendIPConfigurations": [{{"name": "f", "subnet": {{"id": "{GROUP}/virtualNetworks/v/subnets/gone"}}}}],
    "loadBalancingRules": [{{"name": "r", "protocol": "All", "frontendPort": 0, "backendPort": 0,
      "frontendIPConfiguration": {{"id": "{GROUP}/loadBalancers/l/frontendIPConfigurations/f"}},
      "backendAddressPool": {{"id": "{GROUP}/loadBalancers/l/backendAddressPools/p"}}}}]}},
  {{"id": "{GROUP}/loadBalancers/l/backendAddressPools/p", "name": "p", "properties": {{}}}}
]"#
    );
    let told = complaints("lb.json", &text);
    assert!(
        told.contains("subnets/gone") && told.matches("error[").count() == 1,
        "{told}"
    );
}

#[test]
fn a_link_of_a_scenario_without_a_name_is_named_after_its_ends() {
    let links = run(&[
        "peering",
        "list",
        "-t",
        "tests/fixtures/scenarios/branch-office.yaml",
    ])
    .yes();
    assert!(links.contains("Hub-To-Spoke"), "{links}");
    assert!(links.contains("Spoke-To-Hub"), "{links}");
}

#[test]
fn a_private_endpoint_has_the_addresses_of_its_nic_or_those_that_were_recorded() {
    let read = |endpoint: &str, nic: &str| {
        let text = format!(
            r#"[
  {{"id": "{GROUP}/virtualNetworks/v", "addressSpace": {{"addressPrefixes": ["10.0.0.0/16"]}}, "subnets": [
    {{"name": "a", "addressPrefix": "10.0.0.0/24", "privateEndpointNetworkPolicies": "NetworkSecurityGroupEnabled"}}
  ]}},
  {{"id": "{GROUP}/privateEndpoints/e", "subnet": {{"id": "{GROUP}/virtualNetworks/v/subnets/a"}}, {endpoint},
    "privateLinkServiceConnections": [{{"name": "c", "privateLinkServiceId": "/subscriptions/s/x"}}]}}
  {nic}
]"#
        );
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text("dump.json", text);
        let network = loader
            .finish()
            .unwrap_or_else(|refused| panic!("{refused}"))
            .network;
        let endpoint = network.private_endpoints().values().next().unwrap();
        assert_eq!(endpoint.service.as_deref(), Some("/subscriptions/s/x"));
        let nic = &network.nics()[endpoint.nic];
        let again = read_again(&scenario::write(&network));
        assert_same(&described(&network), &described(&again), "the state file");
        (
            nic.primary_address().to_string(),
            network.listed_nics().count(),
        )
    };
    let nic = format!(
        r#", {{"id": "{GROUP}/networkInterfaces/e-nic", "ipConfigurations": [{{"name": "i", "subnet":
        {{"id": "{GROUP}/virtualNetworks/v/subnets/a"}}, "privateIPAddress": "10.0.0.77", "privateIPAllocationMethod": "Dynamic"}}]}}"#
    );
    let named = format!(r#""networkInterfaces": [{{"id": "{GROUP}/networkInterfaces/E-nic"}}]"#);
    assert_eq!(read(&named, &nic), ("10.0.0.77".to_owned(), 1));
    let recorded = r#""customDnsConfigs": [{"fqdn": "x", "ipAddresses": ["10.0.0.9"]}]"#;
    assert_eq!(read(recorded, ""), ("10.0.0.9".to_owned(), 0));
    assert_eq!(
        read(r#""location": "westeurope""#, ""),
        ("10.0.0.4".to_owned(), 0)
    );
}

#[test]
fn a_hub_and_spoke_configuration_misses_the_links_that_the_service_would_make() {
    let vnet = |name: &str, number: usize, links: &str| {
        format!(
            r#"{{"id": "{GROUP}/virtualNetworks/{name}", "addressSpace": {{"addressPrefixes": ["10.{number}.0.0/16"]}}, "virtualNetworkPeerings": [{links}]}}"#
        )
    };
    let text = |links: &str| {
        format!(
            r#"[{}, {}, {{"id": "{GROUP}/networkManagers/m"}}, {{"id": "{GROUP}/networkManagers/m/networkGroups/g"}},
  {{"id": "{GROUP}/networkManagers/m/networkGroups/g/staticMembers/s", "resourceId": "{GROUP}/virtualNetworks/spoke"}},
  {{"id": "{GROUP}/networkManagers/m/connectivityConfigurations/star", "connectivityTopology": "HubAndSpoke", "isGlobal": "False",
    "hubs": [{{"resourceId": "{GROUP}/virtualNetworks/hub", "resourceType": "Microsoft.Network/virtualNetworks"}}],
    "appliesToGroups": [{{"networkGroupId": "{GROUP}/networkManagers/m/networkGroups/g", "groupConnectivity": "DirectlyConnected"}}]}}]"#,
            vnet("hub", 0, ""),
            vnet("spoke", 1, links)
        )
    };
    let told = complaints("dump.json", &text(""));
    assert!(
        told.contains(
            "1 spokes of the connectivity configuration 'star' have no peering link with its hub"
        ),
        "{told}"
    );
    let link = format!(
        r#"{{"name": "up", "peeringState": "Connected", "remoteVirtualNetwork": {{"id": "{GROUP}/virtualNetworks/hub"}}}}"#
    );
    let told = complaints("dump.json", &text(&link));
    assert!(!told.contains("connectivity configuration"), "{told}");
}

#[test]
fn a_nat_gateway_with_prefixes_is_a_way_out_under_an_assumed_address() {
    // N-12
    let text = format!(
        r#"[{{"id": "{GROUP}/natGateways/n", "publicIpPrefixes": [{{"id": "{GROUP}/publicIPPrefixes/p"}}]}}]"#
    );
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text("nat.json", text.as_str());
    let read = loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}"));
    let told = read.diagnostics.display(&read.sources).to_string();
    assert!(
        told.contains("note[assumed-value]") && told.contains("prefixes of NAT gateway 'n'"),
        "{told}"
    );
    assert_eq!(read.network.nat_gateways().len(), 1);
}
