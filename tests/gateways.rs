//! Packets through gateways: connections, transit, forced tunnelling, clients, route servers (F-4, F-9, G-3 to G-12, K-7, N-6).

use std::fs;

use crate::vnetsim::{Answer, run_in};

/// A hub with a VPN gateway and a branch behind it, two spokes, and one machine in each network.
const BRANCH: &str = "
defaults: { location: northeurope }
virtualNetworks:
  Hub: { addressSpace: [10.0.0.0/16], subnets: { GatewaySubnet: 10.0.255.0/27, Apps: 10.0.1.0/24 } }
  Spoke1: { addressSpace: [10.1.0.0/16], subnets: { Apps: { prefix: 10.1.1.0/24, routeTable: spokes } } }
  Spoke2: { addressSpace: [10.2.0.0/16], subnets: { Apps: { prefix: 10.2.1.0/24, routeTable: spokes } } }
peerings:
  - { name: one, from: Hub, to: Spoke1, allowGatewayTransit: true }
  - { name: two, from: Hub, to: Spoke2, allowGatewayTransit: true }
  - { name: hub, from: Spoke1, to: Hub, useRemoteGateways: true }
  - { name: hub, from: Spoke2, to: Hub, useRemoteGateways: true }
routeTables: { spokes: { routes: [] } }
publicIPAddresses: { gw-ip: 20.1.2.3 }
virtualNetworkGateways: { gw: { subnet: Hub/GatewaySubnet, publicIp: gw-ip } }
localNetworkGateways: { branch-site: { prefixes: [192.168.50.0/24], gatewayAddress: 198.51.100.1 } }
connections: { to-branch: { gateway: gw, site: branch-site } }
virtualMachines:
  HubVM: { subnet: Hub/Apps }
  Spoke1VM: { subnet: Spoke1/Apps }
  Spoke2VM: { subnet: Spoke2/Apps }
onPremises:
  branch: { gateway: gw, prefixes: [192.168.50.0/24], hosts: { pc: 192.168.50.10 }, latencyMs: 12 }
";

/// The same text with parts exchanged. Every part has to be there.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = BRANCH.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    text
}

fn ask(scenario: &str, words: &[&str]) -> Answer {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("net.yaml"), scenario).expect("the folder is ours");
    run_in(folder.path(), &[words, &["-t", "net.yaml"]].concat())
}

/// One echo that is answered with this time to live.
#[track_caller]
fn answers(scenario: &str, from: &str, to: &str, ttl: u8) {
    let out = ask(scenario, &["ping", from, to, "-c", "1"]).yes();
    assert!(out.contains(&format!(" ttl={ttl} ")), "{out}");
}

/// One probe that dies for this reason at this place.
#[track_caller]
fn dies(scenario: &str, from: &str, to: &str, verdict: &str) -> String {
    let answer = ask(scenario, &["explain", from, to]);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    let line = answer.out.lines().nth(1).unwrap_or_default();
    assert!(line.contains(verdict), "{}", answer.out);
    answer.out
}

const BETWEEN_SPOKES: (&str, &str) = (
    "routes: []",
    "routes: [{ name: one, prefix: 10.1.0.0/16, nextHop: VirtualNetworkGateway }, { name: two, prefix: 10.2.0.0/16, nextHop: VirtualNetworkGateway }]",
);

#[test]
fn a_connection_carries_packets_both_ways_and_the_gateway_takes_one_hop() {
    // G-4, G-6, G-7, N-6
    for (from, to) in [
        ("pc", "Spoke1VM"),
        ("Spoke1VM", "branch/pc"),
        ("HubVM", "pc"),
    ] {
        answers(BRANCH, from, to, 63);
    }
    let hops = ask(BRANCH, &["traceroute", "pc", "Spoke1VM"]).yes();
    assert!(hops.contains(" 1  gw/instance0 (10.0.255.4) "), "{hops}");
    assert!(
        hops.contains(" 2  Spoke1VM/Spoke1VMVMNic (10.1.1.4) "),
        "{hops}"
    );
    let explained = ask(BRANCH, &["explain", "pc", "Spoke1VM"]).yes();
    assert!(
        explained.contains("connection to-branch carries the packet from outside (G-7)"),
        "{explained}"
    );
    assert!(explained.contains("no flag needed (F-9)"), "{explained}");
}

#[test]
fn spokes_reach_each_other_through_the_gateway_only_by_their_own_routes() {
    // V-18, V-19, G-5: neither side needs allowForwardedTraffic.
    answers(&changed(&[BETWEEN_SPOKES]), "Spoke1VM", "Spoke2VM", 63);
    dies(
        BRANCH,
        "Spoke1VM",
        "Spoke2VM",
        "route-none at Spoke1VM/Spoke1VMVMNic",
    );
}

#[test]
fn the_gateway_is_an_appliance_by_its_private_address_and_answers_by_itself() {
    // G-5, N-6
    let routes =
        "routes: [{ name: all, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.255.4 }]";
    let scenario = changed(&[("routes: []", routes)]);
    answers(&scenario, "Spoke1VM", "Spoke2VM", 63);
    answers(&scenario, "Spoke1VM", "10.0.255.4", 128);
    answers(&scenario, "pc", "10.0.255.4", 128);
}

#[test]
fn a_connection_that_is_down_is_named() {
    // G-3
    let scenario = changed(&[("site: branch-site }", "site: branch-site, up: false }")]);
    let verdict = "gateway-connection-down at branch/pc (connection to-branch)";
    let told = dies(&scenario, "pc", "Spoke1VM", verdict);
    assert!(
        told.contains("Bring up the connection to-branch."),
        "{told}"
    );
    let told = dies(&scenario, "Spoke1VM", "pc", "route-none");
    assert!(
        told.contains("lies behind connection to-branch of gw, which is down"),
        "{told}"
    );
    // Whoever is sent to the gateway all the same dies there.
    let routes = "routes: [{ name: site, prefix: 192.168.0.0/16, nextHop: VirtualNetworkGateway }]";
    let scenario = changed(&[
        ("site: branch-site }", "site: branch-site, up: false }"),
        ("routes: []", routes),
    ]);
    dies(
        &scenario,
        "Spoke1VM",
        "pc",
        "gateway-connection-down at gw/instance0 (connection to-branch)",
    );
}

#[test]
fn routes_of_a_gateway_that_do_not_come_here_are_told() {
    // R-29, F-11
    let kept_away = changed(&[("routes: []", "disableBgpRoutePropagation: true")]);
    let told = dies(&kept_away, "Spoke1VM", "pc", "route-none");
    assert!(
        told.contains("--disable-bgp-route-propagation false"),
        "{told}"
    );
    let apart = changed(&[
        (
            "from: Spoke1, to: Hub, useRemoteGateways: true",
            "from: Spoke1, to: Hub",
        ),
        ("to: Spoke1, allowGatewayTransit: true", "to: Spoke1"),
    ]);
    let told = dies(&apart, "Spoke1VM", "pc", "route-none");
    assert!(told.contains("but Spoke1 does not use it"), "{told}");
    let transit = told
        .find("allowGatewayTransit=true")
        .expect("the hub's flag");
    let used = told
        .find("useRemoteGateways=true")
        .expect("the spoke's flag");
    assert!(transit < used, "{told}");
}

#[test]
fn forced_tunnelling_needs_a_default_site_or_a_default_route_by_bgp() {
    // G-8: a server of the branch with an address that the local network gateway does not list.
    let routes = "routes: [{ name: all, prefix: 0.0.0.0/0, nextHop: VirtualNetworkGateway }]";
    let server = ("hosts: { pc", "hosts: { proxy: 203.0.113.80, pc");
    let forced = changed(&[("routes: []", routes), server]);
    dies(
        &forced,
        "Spoke1VM",
        "203.0.113.80",
        "gateway-no-route at gw/instance0 (gateway gw)",
    );
    let site = (
        "publicIp: gw-ip }",
        "publicIp: gw-ip, defaultSite: branch-site }",
    );
    answers(
        &changed(&[("routes: []", routes), server, site]),
        "Spoke1VM",
        "proxy",
        63,
    );

    let learned = (
        "onPremises:",
        "learnedRoutes: { gw: [{ network: 0.0.0.0/0, asPath: \"65010\" }] }\nonPremises:",
    );
    answers(&changed(&[server, learned]), "Spoke1VM", "proxy", 63);
}

#[test]
fn a_policy_based_tunnel_carries_its_selectors_only() {
    // G-7
    let selectors = "site: branch-site, trafficSelectors: [{ local: [10.0.0.0/16, 10.1.0.0/16], remote: [192.168.50.0/24] }] }";
    let scenario = changed(&[("site: branch-site }", selectors)]);
    answers(&scenario, "Spoke1VM", "pc", 63);
    answers(&scenario, "pc", "Spoke1VM", 63);
    let verdict = "gateway-no-route at gw/instance0 (connection to-branch)";
    let told = dies(&scenario, "Spoke2VM", "pc", verdict);
    assert!(told.contains("traffic selectors"), "{told}");
    dies(
        &scenario,
        "pc",
        "Spoke2VM",
        "gateway-no-route at branch/pc (connection to-branch)",
    );
    // A policy-based gateway without selectors of its own carries the prefixes of its own network.
    let policy = (
        "publicIp: gw-ip }",
        "publicIp: gw-ip, vpnType: PolicyBased }",
    );
    let scenario = changed(&[policy]);
    answers(&scenario, "HubVM", "pc", 63);
    dies(&scenario, "Spoke1VM", "pc", verdict);
}

#[test]
fn a_false_access_flag_of_the_hub_stops_the_spoke_at_the_gateway() {
    // T-4, F-4: a gateway is judged like a NIC without group.
    let flag = (
        "to: Spoke1, allowGatewayTransit: true",
        "to: Spoke1, allowGatewayTransit: true, allowVirtualNetworkAccess: false",
    );
    let scenario = changed(&[flag]);
    let verdict = "vnet-access-blocked at gw/instance0 (allowVirtualNetworkAccess of link Hub/one)";
    dies(&scenario, "Spoke1VM", "pc", verdict);
    dies(&scenario, "pc", "Spoke1VM", verdict);
    answers(&scenario, "pc", "Spoke2VM", 63);
    let told = dies(&scenario, "pc", "Spoke1VM", verdict);
    assert!(told.contains("T-4"), "{told}");
}

#[test]
fn an_appliance_behind_the_gateway_needs_the_spokes_flag_unless_its_gateway_opens_the_door() {
    // V-25, G-6, F-9, F-9a
    let scenario = changed(&[
        (
            "GatewaySubnet: 10.0.255.0/27",
            "GatewaySubnet: { prefix: 10.0.255.0/27, routeTable: inspect }",
        ),
        (
            "routeTables: {",
            "routeTables: { inspect: { routes: [{ name: one, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.0.1.100 }] },",
        ),
        (
            "  HubVM:",
            "  nva: { subnet: Hub/Apps, address: 10.0.1.100, ipForwarding: true }\n  HubVM:",
        ),
    ]);
    // Forward through gateway and appliance, back through the gateway alone.
    answers(&scenario, "pc", "Spoke1VM", 63);
    let strict = format!("{scenario}options: {{ forwardedTraffic: documented }}\n");
    dies(
        &strict,
        "pc",
        "Spoke1VM",
        "peering-forwarded-blocked at nva/nvaVMNic (allowForwardedTraffic of link Spoke1/hub)",
    );
    let without = changed(&[]) + "options: { forwardedTraffic: documented }\n";
    answers(&without, "pc", "Spoke1VM", 63);
}

#[test]
fn on_premises_knows_what_is_advertised_or_what_it_was_told() {
    // G-4, G-7: a spoke that does not use the gateway is not advertised.
    let scenario = changed(&[
        (
            "from: Spoke1, to: Hub, useRemoteGateways: true",
            "from: Spoke1, to: Hub",
        ),
        (
            "routes: []",
            "routes: [{ name: site, prefix: 192.168.50.0/24, nextHop: VirtualAppliance 10.0.255.4 }]",
        ),
    ]);
    let told = dies(&scenario, "pc", "Spoke1VM", "no-route at branch/pc");
    assert!(told.contains("gw does not advertise the prefix"), "{told}");
    let told = dies(&scenario, "Spoke1VM", "pc", "no-route at branch/pc");
    assert!(told.contains("Return:") || told.contains("Back"), "{told}");
    let knows = ("hosts: { pc", "knows: [10.0.0.0/8], hosts: { pc");
    let scenario = scenario.replace(knows.0, knows.1);
    answers(&scenario, "pc", "Spoke1VM", 63);

    // What gateways tell in place of the spokes.
    let summary = (
        "addressSpace: [10.0.0.0/16]",
        "summarizedGatewayPrefixes: [10.0.0.0/15], addressSpace: [10.0.0.0/16]",
    );
    answers(&changed(&[summary]), "pc", "Spoke1VM", 63);
    answers(&changed(&[summary]), "pc", "Spoke2VM", 63);
}

#[test]
fn a_tunnel_between_gateways_joins_their_networks_and_takes_two_hops() {
    // G-4, N-6
    let far = "
connections:
  to-branch: { gateway: gw, site: branch-site }
  there: { gateway: gw, remoteGateway: far-gw, connectionType: Vnet2Vnet }
  back: { gateway: far-gw, remoteGateway: gw, connectionType: Vnet2Vnet }
";
    let scenario = changed(&[
        (
            "connections: { to-branch: { gateway: gw, site: branch-site } }",
            far,
        ),
        (
            "virtualNetworkGateways: {",
            "virtualNetworkGateways: { far-gw: { subnet: Far/GatewaySubnet },",
        ),
        (
            "virtualNetworks:",
            "virtualNetworks:\n  Far: { addressSpace: [10.9.0.0/16], subnets: { GatewaySubnet: 10.9.255.0/27, Apps: 10.9.1.0/24 } }",
        ),
        (
            "virtualMachines:",
            "virtualMachines:\n  FarVM: { subnet: Far/Apps }",
        ),
    ]);
    answers(&scenario, "Spoke1VM", "FarVM", 62);
    answers(&scenario, "FarVM", "HubVM", 62);
    // Without BGP the branch is nothing that the far gateway knows, nor the other way round.
    dies(&scenario, "FarVM", "pc", "route-none");
    dies(&scenario, "pc", "FarVM", "no-route at branch/pc");
    let half = scenario.replace("back: { gateway", "back: { up: false, gateway");
    dies(&half, "Spoke1VM", "FarVM", "route-none");

    let bgp = scenario
        .replace(
            "connectionType: Vnet2Vnet",
            "connectionType: Vnet2Vnet, bgp: true",
        )
        .replace("site: branch-site }", "site: branch-site, bgp: true }");
    answers(&bgp, "FarVM", "pc", 62);
    answers(&bgp, "pc", "FarVM", 62);
}

/// A VPN and an ExpressRoute gateway in one hub.
fn coexisting(branch_to_branch: bool) -> String {
    changed(&[
        (
            "virtualNetworkGateways: {",
            "virtualNetworkGateways: { er: { subnet: Hub/GatewaySubnet, gatewayType: ExpressRoute }, ",
        ),
        ("publicIp: gw-ip }", "publicIp: gw-ip, bgp: true, clientPool: [172.31.0.0/24] }"),
        ("site: branch-site }", "site: branch-site, bgp: true }"),
        (
            "subnets: { GatewaySubnet",
            "subnets: { RouteServerSubnet: 10.0.254.0/27, GatewaySubnet",
        ),
        (
            "onPremises:",
            &format!(
                "routeServers: {{ rs: {{ subnet: Hub/RouteServerSubnet, branchToBranch: {branch_to_branch} }} }}
vpnClients: {{ laptop: {{ gateway: gw }} }}
onPremises:
  datacenter: {{ gateway: er, prefixes: [172.20.0.0/16], hosts: {{ mainframe: 172.20.0.9 }}, latencyMs: 5 }}"
            ),
        ),
    ])
}

#[test]
fn vpn_and_expressroute_join_only_through_a_route_server_and_never_for_clients() {
    // G-9
    for (from, to) in [("pc", "mainframe"), ("mainframe", "pc")] {
        answers(&coexisting(true), from, to, 62);
        dies(&coexisting(false), from, to, "no-route at ");
    }
    answers(&coexisting(true), "mainframe", "Spoke1VM", 63);
    for branch_to_branch in [true, false] {
        let scenario = coexisting(branch_to_branch);
        dies(&scenario, "laptop", "mainframe", "no-route at gw/laptop");
        // Even if its profile sends it.
        let profile = "laptop: { gateway: gw, profile: [172.16.0.0/12] }";
        let scenario = scenario.replace("laptop: { gateway: gw }", profile);
        dies(
            &scenario,
            "laptop",
            "mainframe",
            "gateway-no-route at gw/instance0 (gateway gw)",
        );
    }
}

#[test]
fn a_client_downloads_its_profile_again_to_learn_new_prefixes() {
    // G-11
    let pool = (
        "publicIp: gw-ip }",
        "publicIp: gw-ip, clientPool: [172.31.0.0/24] }",
    );
    let client = |profile: &str| {
        let clients = format!(
            "vpnClients: {{ laptop: {{ gateway: gw{profile}, latencyMs: 20 }} }}\nonPremises:"
        );
        changed(&[pool, ("onPremises:", &clients)])
    };
    answers(&client(""), "laptop", "Spoke1VM", 63);
    answers(&client(""), "Spoke1VM", "laptop", 63);
    answers(&client(""), "Spoke1VM", "172.31.0.2", 63);
    let stale = client(", profile: [10.0.0.0/16, 10.1.0.0/16]");
    answers(&stale, "laptop", "Spoke1VM", 63);
    let told = dies(&stale, "laptop", "Spoke2VM", "no-route at gw/laptop");
    assert!(
        told.contains("Download the profile of the VPN client again"),
        "{told}"
    );
    let refused = client(", address: 10.3.0.1");
    let message = ask(&refused, &["show"]).failed();
    assert!(message.contains("lies outside of its pool"), "{message}");
}

#[test]
fn an_end_on_premises_without_host_answers_only_if_it_is_assumed() {
    let empty = changed(&[("hosts: { pc: 192.168.50.10 }", "hosts: {}")]);
    let undescribed = BRANCH.split("onPremises:").next().unwrap().to_owned();
    for scenario in [&empty, &undescribed] {
        let words = ["ping", "Spoke1VM", "192.168.50.77", "-c", "1"];
        let asked = ask(scenario, &words);
        assert_eq!(asked.code, Some(1), "{asked:#?}");
        assert!(asked.err.contains("outside-input"), "{asked:#?}");
        let out = ask(scenario, &[&words[..], &["--assume-hosts"]].concat()).yes();
        assert!(out.contains(" ttl=63 "), "{out}");
        let words = ["explain", "192.168.50.77", "Spoke1VM", "--assume-hosts"];
        ask(scenario, &words).yes();
    }
    // Where hosts are listed, nobody else answers.
    dies(
        BRANCH,
        "Spoke1VM",
        "192.168.50.77",
        "no-such-host at gw/instance0",
    );
}

#[test]
fn a_tunnel_carries_1400_bytes_and_drops_more_in_silence() {
    // K-7
    let ping = |size: &str, whole: bool| {
        let mut words = vec!["ping", "Spoke1VM", "pc", "-c", "1", "-s", size];
        words.extend(whole.then_some("--dont-fragment"));
        ask(BRANCH, &words)
    };
    ping("1372", true).yes();
    let lost = ping("1373", true);
    assert!(
        lost.err
            .contains("From gw/instance0: dropped 1 packet: mtu-df"),
        "{lost:#?}"
    );
    ping("1373", false).yes();
}

#[test]
fn a_managed_routing_appliance_forwards_like_one_of_the_users() {
    // G-12, F-6
    let routes = "routes: [{ name: all, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.3.4 }]";
    let appliance = [
        ("routes: []", routes),
        (
            "subnets: { GatewaySubnet",
            "subnets: { VirtualNetworkApplianceSubnet: 10.0.3.0/26, GatewaySubnet",
        ),
        (
            "publicIPAddresses:",
            "virtualNetworkAppliances: { vnra: { subnet: Hub/VirtualNetworkApplianceSubnet } }\npublicIPAddresses:",
        ),
    ];
    let scenario = changed(&appliance);
    answers(&scenario, "Spoke1VM", "Spoke2VM", 63);
    let strict = format!("{scenario}options: {{ forwardedTraffic: documented }}\n");
    dies(
        &strict,
        "Spoke1VM",
        "Spoke2VM",
        "peering-forwarded-blocked at vnra",
    );
    let elsewhere = scenario.replace("Hub/VirtualNetworkApplianceSubnet", "Hub/Apps");
    let message = ask(&elsewhere, &["show"]).failed();
    assert!(
        message.contains("VirtualNetworkApplianceSubnet"),
        "{message}"
    );
}

#[test]
fn a_gateway_takes_its_time_and_a_site_is_as_far_away_as_the_scenario_says() {
    // L-3, L-4
    let average = |scenario: &str, from: &str, to: &str| -> f64 {
        let out = ask(scenario, &["ping", from, to, "-c", "100", "-i", "0.01"]).yes();
        let times = out
            .split(" = ")
            .nth(1)
            .and_then(|rest| rest.split('/').nth(1));
        times
            .and_then(|time| time.parse().ok())
            .expect("an average")
    };
    let distant = average(BRANCH, "pc", "HubVM");
    let near = average(
        &changed(&[("latencyMs: 12", "latencyMs: 2")]),
        "pc",
        "HubVM",
    );
    let direct = average(BRANCH, "Spoke1VM", "HubVM");
    let through = average(&changed(&[BETWEEN_SPOKES]), "Spoke1VM", "Spoke2VM");
    assert!((16.0..24.0).contains(&(distant - near)), "{distant} {near}");
    // Two links more, and 1.5 ms each way.
    assert!(
        (3.0..6.0).contains(&(through - direct)),
        "{through} {direct}"
    );
}

/// Two appliances that tell a default route to a route server, and a spoke that uses it.
const ROUTE_SERVER: &str = "
defaults: { location: northeurope }
virtualNetworks:
  Hub: { addressSpace: [10.0.0.0/16], subnets: { RouteServerSubnet: 10.0.254.0/27, Apps: 10.0.1.0/24, Edge: { prefix: 10.0.2.0/24, routeTable: still } } }
  Spoke1: { addressSpace: [10.1.0.0/16], subnets: { Apps: 10.1.1.0/24 } }
  Spoke2: { addressSpace: [10.2.0.0/16], subnets: { Apps: 10.2.1.0/24 } }
peerings:
  - { from: Hub, to: Spoke1, allowGatewayTransit: true }
  - { from: Hub, to: Spoke2, allowGatewayTransit: true }
  - { from: Spoke1, to: Hub, useRemoteGateways: true, allowForwardedTraffic: true }
  - { from: Spoke2, to: Hub, useRemoteGateways: true, allowForwardedTraffic: true }
routeTables: { still: { disableBgpRoutePropagation: true } }
routeServers:
  rs: { subnet: Hub/RouteServerSubnet, peers: { one: { address: 10.0.2.4, asn: 65001 }, two: { address: 10.0.2.5, asn: 65002 } } }
learnedRoutes:
  rs/one: [{ network: 10.0.0.0/8, asPath: '65001' }]
  rs/two: [{ network: 10.0.0.0/8, asPath: '65002' }]
virtualMachines:
  nva1: { subnet: Hub/Edge, address: 10.0.2.4, ipForwarding: true }
  nva2: { subnet: Hub/Edge, address: 10.0.2.5, ipForwarding: true }
  Spoke1VM: { subnet: Spoke1/Apps }
  Spoke2VM: { subnet: Spoke2/Apps }
";

#[test]
fn appliances_that_a_route_server_knows_share_the_flows() {
    // G-10, R-32, F-6
    let mut seen = std::collections::BTreeSet::new();
    for port in 0..12_u16 {
        let port = (49_152 + port).to_string();
        let words = [
            "explain",
            "Spoke1VM",
            "Spoke2VM",
            "--tcp",
            "443",
            "--source-port",
            &port,
        ];
        let out = ask(ROUTE_SERVER, &words).yes();
        let forward = out.split("Return").next().unwrap_or_default();
        let via = ["nva1/", "nva2/"]
            .into_iter()
            .filter(|name| forward.contains(name));
        seen.extend(via);
    }
    assert_eq!(seen.len(), 2, "both appliances carry flows");
    let closed = ROUTE_SERVER.replace(
        "from: Spoke2, to: Hub, useRemoteGateways: true, allowForwardedTraffic: true",
        "from: Spoke2, to: Hub, useRemoteGateways: true",
    );
    dies(&closed, "Spoke1VM", "Spoke2VM", "peering-forwarded-blocked");
}
