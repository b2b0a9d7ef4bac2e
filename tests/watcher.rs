//! Network Watcher's answers in the shapes in which Azure's command line prints them (D-2, D-5, D-8, D-21).

use serde_json::{Value, json};

use crate::vnetsim::run_in;

const NETWORK: &str = "
defaults: { resourceGroup: g, location: northeurope }
virtualNetworks:
  hub: { addressSpace: 10.0.0.0/16, subnets: { work: { prefix: 10.0.0.0/24, networkSecurityGroup: gate } } }
  spoke: { addressSpace: 10.1.0.0/16, subnets: { work: 10.1.0.0/24 } }
  alone: { addressSpace: 10.2.0.0/16, subnets: { work: 10.2.0.0/24 } }
peerings: [{ from: hub, to: spoke, name: a, allowForwardedTraffic: true }, { from: spoke, to: hub, name: b }]
networkSecurityGroups:
  gate:
    securityRules:
      - { name: web, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: 10.0.0.0/8, destinationPorts: [80, 443] }
      - { name: rest, priority: 200, direction: Inbound, access: Deny }
virtualMachines:
  hubvm: { subnet: hub/work }
  spokevm: { subnet: spoke/work }
  lonely: { subnet: alone/work }
";

fn folder(scenario: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("net.yaml"), scenario).expect("a file");
    folder
}

fn watcher(folder: &tempfile::TempDir, words: &[&str]) -> Value {
    let words = [
        &["az", "network", "watcher"],
        words,
        &["-g", "g", "-t", "net.yaml"],
    ]
    .concat();
    let answer = run_in(folder.path(), &words);
    assert_eq!(answer.code, Some(0), "{answer:#?}");
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"))
}

fn texts<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    rows.iter()
        .map(|row| row[key].as_str().unwrap_or("-"))
        .collect()
}

#[test]
fn the_security_group_view_has_the_rows_of_the_recording_and_then_those_of_the_user() {
    // D-2, D-21
    let folder = folder(NETWORK);
    let view = watcher(&folder, &["show-security-group-view", "--vm", "hubvm"]);
    let nic = &view["networkInterfaces"][0];
    assert!(
        nic["id"]
            .as_str()
            .is_some_and(|id| id.ends_with("/networkInterfaces/hubvmVMNic")),
        "{nic}"
    );
    let rules = &nic["securityRuleAssociations"];
    assert_eq!(rules.get("networkInterfaceAssociation"), None);
    assert_eq!(
        texts(&rules["subnetAssociation"]["securityRules"], "name"),
        ["web", "rest"]
    );
    assert_eq!(
        rules["subnetAssociation"]["securityRules"][0]["destinationPortRanges"],
        json!(["80", "443"])
    );
    assert_eq!(
        texts(&rules["defaultSecurityRules"], "name"),
        [
            "AllowVnetInBound",
            "AllowAzureLoadBalancerInBound",
            "DenyAllInBound",
            "AllowVnetOutBound",
            "AllowInternetOutBound",
            "DenyAllOutBound"
        ]
    );
    let effective = &rules["effectiveSecurityRules"];
    assert_eq!(
        texts(effective, "name"),
        [
            "DefaultOutboundDenyAll",
            "DefaultRule_AllowVnetOutBound",
            "DefaultRule_AllowInternetOutBound",
            "DefaultRule_DenyAllOutBound",
            "DefaultInboundDenyAll",
            "DefaultRule_AllowVnetInBound",
            "DefaultRule_AllowAzureLoadBalancerInBound",
            "DefaultRule_DenyAllInBound",
            "UserRule_web",
            "UserRule_rest"
        ]
    );
    assert_eq!(
        effective[2],
        json!({
            "access": "Allow", "direction": "Outbound", "name": "DefaultRule_AllowInternetOutBound", "priority": 65001, "protocol": "All",
            "sourceAddressPrefix": "0.0.0.0/0", "sourceAddressPrefixes": ["0.0.0.0/0", "0.0.0.0/0"],
            "destinationAddressPrefix": "Internet", "destinationAddressPrefixes": ["Internet"],
            "sourcePortRange": "0-65535", "sourcePortRanges": ["0-65535"], "destinationPortRange": "0-65535", "destinationPortRanges": ["0-65535"]
        })
    );
    assert_eq!(effective[0]["sourceAddressPrefixes"], json!(["*"]));
    assert_eq!(
        effective[8]["destinationPortRanges"],
        json!(["80-80", "443-443"])
    );
    // Without any group there is nothing to see.
    let view = watcher(&folder, &["show-security-group-view", "--vm", "spokevm"]);
    let rules = &view["networkInterfaces"][0]["securityRuleAssociations"];
    assert_eq!(
        rules,
        &json!({ "defaultSecurityRules": [], "effectiveSecurityRules": [] })
    );
}

#[test]
fn the_configuration_diagnostic_matches_by_containment_and_stops_at_the_first_match() {
    // D-8, D-21
    let folder = folder(NETWORK);
    let ask = |source: &str, destination: &str, port: &str| {
        let words = [
            "run-configuration-diagnostic",
            "--resource",
            "hubvm",
            "--direction",
            "Inbound",
            "--protocol",
            "TCP",
            "--source",
            source,
            "--destination",
            destination,
            "--port",
            port,
        ];
        watcher(&folder, &words)["results"][0].clone()
    };
    let result = ask("10.1.0.4", "10.0.0.4", "443");
    assert_eq!(
        result["profile"],
        json!({ "destination": "10.0.0.4", "destinationPort": "443", "direction": "Inbound", "protocol": "TCP", "source": "10.1.0.4" })
    );
    let verdict = &result["networkSecurityGroupResult"];
    assert_eq!(verdict["securityRuleAccessResult"], "Allow");
    let group = &verdict["evaluatedNetworkSecurityGroups"][0];
    assert!(
        group["appliedTo"]
            .as_str()
            .is_some_and(|id| id.ends_with("/virtualNetworks/hub/subnets/work")),
        "{group}"
    );
    assert_eq!(
        group["matchedRule"],
        json!({ "action": "Allow", "ruleName": "UserRule_web" })
    );
    assert_eq!(
        texts(&group["rulesEvaluationResult"], "name"),
        ["UserRule_web"]
    );

    // A prefix that the rule does not hold whole, and every port: the bits say which field it was.
    let result = ask("10.0.0.0/7", "*", "*");
    let group = &result["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"][0];
    assert_eq!(
        group["rulesEvaluationResult"],
        json!([
            { "name": "UserRule_web", "protocolMatched": true, "sourceMatched": false, "sourcePortMatched": true, "destinationMatched": true, "destinationPortMatched": false },
            { "name": "UserRule_rest", "protocolMatched": true, "sourceMatched": true, "sourcePortMatched": true, "destinationMatched": true, "destinationPortMatched": true },
        ])
    );
    assert_eq!(
        group["matchedRule"],
        json!({ "action": "Deny", "ruleName": "UserRule_rest" })
    );
}

#[test]
fn the_destination_star_is_not_held_by_the_tag_of_the_network() {
    // D-21
    let folder = folder(&NETWORK.replace(
        "      - { name: rest, priority: 200, direction: Inbound, access: Deny }\n",
        "",
    ));
    let queries = json!([
        { "direction": "Outbound", "protocol": "*", "source": "10.0.0.4", "destination": "*", "destinationPort": "*" },
        { "direction": "Outbound", "protocol": "TCP", "source": "VirtualNetwork", "destination": "10.1.0.4", "destinationPort": 22 },
    ])
    .to_string();
    let answer = watcher(
        &folder,
        &[
            "run-configuration-diagnostic",
            "--resource",
            "hubvmVMNic",
            "--resource-type",
            "networkInterfaces",
            "--queries",
            &queries,
        ],
    );
    let matched = |at: usize| {
        answer["results"][at]["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"][0]["matchedRule"]["ruleName"].clone()
    };
    assert_eq!(matched(0), "DefaultRule_DenyAllOutBound");
    assert_eq!(matched(1), "DefaultRule_AllowVnetOutBound");
    let rows = &answer["results"][0]["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"]
        [0]["rulesEvaluationResult"];
    assert_eq!(
        (&rows[0]["sourceMatched"], &rows[0]["destinationMatched"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn an_admin_rule_stands_before_the_groups_of_a_diagnostic_with_its_bare_name() {
    // D-8, S-13
    let admin = "
securityAdminRules:
  - { name: always, priority: 10, direction: Inbound, access: AlwaysAllow, protocol: Tcp, destinationPorts: 22, virtualNetworks: [hub] }
";
    let folder = folder(&format!("{NETWORK}{admin}"));
    let ask = |port: &str| {
        let words = [
            "run-configuration-diagnostic",
            "--resource",
            "hubvm",
            "--direction",
            "Inbound",
            "--protocol",
            "TCP",
            "--source",
            "10.1.0.4",
            "--destination",
            "10.0.0.4",
            "--port",
            port,
        ];
        watcher(&folder, &words)["results"][0]["networkSecurityGroupResult"].clone()
    };
    let result = ask("22");
    assert_eq!(result["securityRuleAccessResult"], "Allow");
    let evaluated = result["evaluatedNetworkSecurityGroups"]
        .as_array()
        .expect("a list");
    assert_eq!(evaluated.len(), 1, "AlwaysAllow asks no group");
    assert_eq!(
        evaluated[0]["matchedRule"],
        json!({ "action": "AlwaysAllow", "ruleName": "always" })
    );
    assert!(
        evaluated[0]["appliedTo"]
            .as_str()
            .is_some_and(|id| id.ends_with("/virtualNetworks/hub"))
    );
    let result = ask("443");
    let evaluated = &result["evaluatedNetworkSecurityGroups"];
    assert_eq!(evaluated[0]["matchedRule"], Value::Null);
    assert_eq!(evaluated[1]["matchedRule"]["ruleName"], "UserRule_web");
}

fn check(folder: &tempfile::TempDir, words: &[&str]) -> Value {
    watcher(folder, &[&["test-connectivity"], words].concat())
}

#[test]
fn a_connection_check_lists_the_hops_of_an_appliance_path_with_their_links() {
    // D-5: the source, the appliance, the destination; peering links carry the four flags as text (D-21).
    let appliance = NETWORK
        .replace("hubvm: { subnet: hub/work }", "hubvm: { subnet: hub/work }\n  nva: { subnet: hub/nva, ipForwarding: true }\n  far: { subnet: far/work }")
        .replace("subnets: { work: { prefix: 10.0.0.0/24", "subnets: { nva: 10.0.1.0/24, work: { prefix: 10.0.0.0/24")
        .replace("spoke: { addressSpace: 10.1.0.0/16, subnets: { work: 10.1.0.0/24 } }", "spoke: { addressSpace: 10.1.0.0/16, subnets: { work: { prefix: 10.1.0.0/24, routeTable: r } } }\n  far: { addressSpace: 10.3.0.0/16, subnets: { work: { prefix: 10.3.0.0/24, routeTable: r } } }")
        .replace("{ from: spoke, to: hub, name: b }", "{ from: spoke, to: hub, name: b, allowForwardedTraffic: true }, { from: hub, to: far, name: c, allowForwardedTraffic: true }, { from: far, to: hub, name: d, allowForwardedTraffic: true }");
    let routes = "routeTables: { r: { routes: [{ name: all, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.1.4 }] } }\n";
    let folder = folder(&format!("{appliance}{routes}"));
    let answer = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "far",
            "--dest-port",
            "22",
            "--protocol",
            "Tcp",
        ],
    );
    assert_eq!(answer["connectionStatus"], "Reachable");
    assert_eq!(
        (&answer["probesSent"], &answer["probesFailed"]),
        (&json!(100), &json!(0))
    );
    let (shortest, mean, longest) = (
        answer["minLatencyInMs"].as_u64(),
        answer["avgLatencyInMs"].as_u64(),
        answer["maxLatencyInMs"].as_u64(),
    );
    assert!(
        Some(1) <= shortest && shortest <= mean && mean <= longest,
        "{answer}"
    );
    let hops = &answer["hops"];
    assert_eq!(
        texts(hops, "type"),
        ["Source", "VirtualAppliance", "VnetLocal"]
    );
    assert_eq!(texts(hops, "address"), ["10.1.0.4", "10.0.1.4", "10.3.0.4"]);
    assert!(
        hops[1]["resourceId"].as_str().is_some_and(
            |id| id.ends_with("/networkInterfaces/nvaVMNic/ipConfigurations/ipconfig1")
        ),
        "{answer}"
    );
    for hop in 0..2 {
        assert_eq!(hops[hop]["nextHopIds"], json!([hops[hop + 1]["id"]]));
        assert_eq!(hops[hop + 1]["previousHopIds"], json!([hops[hop]["id"]]));
    }
    let link = &hops[0]["links"][0];
    assert_eq!(
        link["context"],
        json!({ "AllowVirtualNetworkAccess": "True", "AllowForwardedTraffic": "True", "AllowGatewayTransit": "False", "UseRemoteGateways": "False" })
    );
    assert!(
        link["resourceId"]
            .as_str()
            .is_some_and(|id| id.ends_with("/virtualNetworkPeerings/a")),
        "{link}"
    );
    // The same question gives the same answer, ids included.
    assert_eq!(
        answer,
        check(
            &folder,
            &[
                "--source-resource",
                "spokevm",
                "--dest-address",
                "10.3.0.4",
                "--dest-port",
                "22"
            ]
        )
    );
}

#[test]
fn a_connection_check_names_the_rule_the_route_or_the_missing_route() {
    // D-5, D-21
    let folder = folder(NETWORK);
    let denied = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "hubvm",
            "--dest-port",
            "22",
        ],
    );
    assert_eq!(
        (
            &denied["connectionStatus"],
            &denied["avgLatencyInMs"],
            &denied["probesFailed"]
        ),
        (&json!("Unreachable"), &Value::Null, &json!(100))
    );
    let hops = denied["hops"].as_array().expect("hops");
    assert_eq!(hops.len(), 2);
    assert_eq!(hops[0]["issues"], json!([]));
    assert_eq!(
        hops[1]["issues"],
        json!([{ "context": [{ "key": "RuleName", "value": "UserRule_rest" }], "origin": "Inbound", "severity": "Error", "type": "NetworkSecurityRule" }])
    );
    // The Internet is one hop with the address that was asked for.
    let outside = check(
        &folder,
        &[
            "--source-resource",
            "lonely",
            "--dest-address",
            "8.8.8.8",
            "--dest-port",
            "443",
        ],
    );
    assert_eq!(outside["connectionStatus"], "Reachable");
    assert_eq!(outside["hops"][1]["address"], "8.8.8.8");
    assert_eq!(outside["hops"][1]["resourceId"], "Internet");
    // No path between networks that are not peered: unknown, not denied.
    let unpeered = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "lonely",
            "--protocol",
            "icmp",
        ],
    );
    assert_eq!(unpeered["connectionStatus"], "Unknown");
    assert_eq!(unpeered["hops"][0]["issues"][0]["type"], "NoRouteLearned");
    assert_eq!(texts(&unpeered["hops"], "type"), ["Source", "Destination"]);

    let scenario = format!(
        "{}routeTables: {{ r: {{ routes: [{{ name: hole, prefix: 10.0.0.0/16, nextHop: None }}] }} }}\n",
        NETWORK.replace(
            "subnets: { work: 10.1.0.0/24 }",
            "subnets: { work: { prefix: 10.1.0.0/24, routeTable: r } }"
        )
    );
    let folder = self::folder(&scenario);
    let hole = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "hubvm",
            "--dest-port",
            "443",
        ],
    );
    assert_eq!(hole["connectionStatus"], "Unreachable");
    assert_eq!(
        hole["hops"][0]["issues"],
        json!([{ "context": [{ "key": "RouteType", "value": "User" }], "origin": "Outbound", "severity": "Error", "type": "UserDefinedRoute" }])
    );
}

#[test]
fn a_connection_check_knows_listeners_stopped_machines_and_the_own_address() {
    // D-21
    let guests = "guests: { hubvm: { listen: [tcp/443] } }\n";
    let folder = folder(&format!(
        "{}{guests}",
        NETWORK.replace(
            "lonely: { subnet: alone/work }",
            "lonely: { subnet: alone/work }\n  off: { subnet: spoke/work, powerState: deallocated }"
        )
    ));
    let closed = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "hubvm",
            "--dest-port",
            "80",
        ],
    );
    assert_eq!(closed["connectionStatus"], "Unreachable");
    assert_eq!(
        closed["hops"][1]["issues"][0]["type"],
        "NoListenerOnDestination"
    );
    let open = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "hubvm",
            "--protocol",
            "Https",
        ],
    );
    assert_eq!(open["connectionStatus"], "Reachable");
    let own = check(
        &folder,
        &[
            "--source-resource",
            "hubvm",
            "--dest-resource",
            "hubvm",
            "--dest-port",
            "443",
        ],
    );
    assert_eq!(own["connectionStatus"], "Reachable");
    assert_eq!(texts(&own["hops"], "address"), ["10.0.0.4", "10.0.0.4"]);
    let stopped = check(
        &folder,
        &[
            "--source-resource",
            "spokevm",
            "--dest-resource",
            "off",
            "--dest-port",
            "22",
        ],
    );
    assert_eq!(
        (
            &stopped["connectionStatus"],
            &stopped["hops"][1]["issues"][0]["type"]
        ),
        (&json!("Unreachable"), &json!("VMStopped"))
    );
}
