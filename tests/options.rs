//! Every option exists with its values and default, and every answer that depends on one says so.

use std::fs;

use serde_json::Value;

use crate::vnetsim::{Answer, run, run_in};

#[test]
fn the_options_have_these_names_values_and_defaults() {
    let listed: Value = serde_json::from_str(&run(&["options", "-o", "json"]).yes()).expect("JSON");
    let option = |name: &str| {
        let options = listed.as_array().expect("a list");
        let found = options.iter().find(|option| option["name"] == name);
        let found = found.unwrap_or_else(|| panic!("there is no option {name}"));
        let values = found["values"].as_array().expect("a list").iter();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        (
            values.join("|"),
            found["default"].as_str().expect("a text").to_owned(),
        )
    };
    for (name, values, default) in [
        (
            "noneRoutes",
            "seed|doc4|doc8|obs2019|obs2021|obs2023|obs2025",
            "doc4",
        ),
        (
            "forwardedTraffic",
            "observed|documented|lenient",
            "observed",
        ),
        (
            "vnetAccessWithoutNsg",
            "defaultRules|literal",
            "defaultRules",
        ),
        ("udrInVnetTag", "all|applianceAndGateway", "all"),
        ("internetTag", "recorded|minusVirtualNetwork", "recorded"),
        ("icmpPorts", "type|ignore", "type"),
        ("icmpRelated", "true|false", "true"),
        ("tcpStrict", "true|false", "false"),
        ("fabricIcmp", "off|fragNeeded", "off"),
        ("bgpPeerRoutes", "true|false", "true"),
        ("addressSpaceChange", "sync|refuse", "sync"),
        ("flowLimit", "azure|none", "azure"),
        ("programmingDelay", "milliseconds", "0"),
    ] {
        assert_eq!(
            option(name),
            (values.to_owned(), default.to_owned()),
            "{name}"
        );
    }
}

/// A spoke whose route table makes the tag wide, an appliance, and rules that name tags and an ICMP type.
const NET: &str = "defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24, t: 10.0.1.0/24 } }
  one:
    addressSpace: [10.1.0.0/16]
    subnets: { s: { prefix: 10.1.0.0/24, routeTable: rt, networkSecurityGroup: nsg } }
peerings:
  - { name: hub-one, from: hub, to: one, allowVirtualNetworkAccess: false }
  - { name: one-hub, from: one, to: hub, allowForwardedTraffic: true }
routeTables:
  rt: { routes: [ { name: wide, prefix: 20.0.0.0/8, nextHop: Internet }, { name: nva, prefix: 10.0.1.0/24, nextHop: VirtualAppliance 10.0.0.4 } ] }
networkSecurityGroups:
  nsg:
    securityRules:
      - { name: echo, priority: 100, direction: Inbound, access: Deny, protocol: Icmp, source: '*', destination: '*', destinationPorts: [13] }
virtualMachines:
  nva: { subnet: hub/s, nic: nvanic, ipForwarding: true }
  hubvm: { subnet: hub/t, nic: hubnic }
  onevm: { subnet: one/s, nic: onenic }
";

fn ask(words: &[&str]) -> Answer {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("net.yaml"), NET).expect("a file");
    run_in(folder.path(), &[words, &["-t", "net.yaml"]].concat())
}

fn depends(answer: &Answer, option: &str) -> bool {
    let note = format!("note: this depends on {option}=");
    answer.err.lines().any(|line| line.starts_with(&note))
}

#[test]
fn routes_and_next_hops_say_on_which_options_they_depend() {
    assert!(depends(&ask(&["effective-routes", "onevm"]), "noneRoutes"));
    let az = [
        "az",
        "network",
        "nic",
        "show-effective-route-table",
        "-g",
        "rg",
        "-n",
        "onenic",
    ];
    assert!(depends(&ask(&az), "noneRoutes"));
    // 198.18.0.0/15 is a None row of some lists only; a peer's address is none of any.
    assert!(depends(
        &ask(&["next-hop", "onevm", "198.18.0.1"]),
        "noneRoutes"
    ));
    let direct = ask(&["next-hop", "onevm", "10.0.0.4"]);
    assert!(!depends(&direct, "noneRoutes"), "{}", direct.err);
}

#[test]
fn groups_and_flows_say_on_which_options_they_depend() {
    let groups = ask(&["effective-nsg", "onevm"]);
    assert!(depends(&groups, "udrInVnetTag"), "{}", groups.err);
    let az = [
        "az",
        "network",
        "nic",
        "list-effective-nsg",
        "-g",
        "rg",
        "-n",
        "onenic",
    ];
    assert!(depends(&ask(&az), "udrInVnetTag"));
    let flow = |rest: &[&str]| ask(&[&["ip-flow"], rest].concat());
    let echo = flow(&[
        "onevm",
        "--direction",
        "inbound",
        "--protocol",
        "icmp",
        "--remote",
        "10.0.1.4",
    ]);
    assert!(depends(&echo, "icmpPorts"), "{}", echo.err);
    let tcp = flow(&[
        "onevm",
        "--direction",
        "inbound",
        "--protocol",
        "tcp",
        "--local",
        ":22",
        "--remote",
        "10.0.1.4:5000",
    ]);
    assert!(!depends(&tcp, "icmpPorts"), "{}", tcp.err);
    let unruled = flow(&[
        "hubvm",
        "--direction",
        "inbound",
        "--protocol",
        "tcp",
        "--local",
        ":22",
        "--remote",
        "10.1.0.4:5000",
    ]);
    assert!(depends(&unruled, "vnetAccessWithoutNsg"), "{}", unruled.err);
    let wide = flow(&[
        "onevm",
        "--direction",
        "inbound",
        "--protocol",
        "tcp",
        "--local",
        ":22",
        "--remote",
        "20.0.0.1:5000",
    ]);
    assert!(depends(&wide, "udrInVnetTag"), "{}", wide.err);
}

#[test]
fn a_ping_says_with_which_options_it_would_have_fared_otherwise() {
    let ping = ask(&["ping", "onevm", "hubvm", "-c", "1"]);
    assert_eq!(ping.code, Some(1), "{ping:#?}");
    let note = "note: With vnetAccessWithoutNsg=literal this would be reachable (F-4).";
    assert!(ping.err.contains(note), "{}", ping.err);
    let long = ask(&[
        "ping",
        "onevm",
        "8.8.8.8",
        "-c",
        "1",
        "-s",
        "1450",
        "--dont-fragment",
    ]);
    assert!(depends(&long, "fabricIcmp"), "{}", long.err);
}

#[test]
fn a_trace_says_that_hops_show_themselves_by_an_option() {
    let trace = ask(&[
        "traceroute",
        "onevm",
        "hubvm",
        "--set",
        "vnetAccessWithoutNsg=literal",
    ]);
    assert!(!depends(&trace, "fabricIcmp"), "{}", trace.err);
    // The rules of onevm let in what the tag holds, so errors from the hub need no flow; from elsewhere they do.
    let answers = NET
        .replace("10.0.0.0/16", "172.30.0.0/16")
        .replace("10.0.", "172.30.");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shut = answers
        .replace(
            "from: one, to: hub, allowForwardedTraffic: true",
            "from: one, to: hub, allowVirtualNetworkAccess: false",
        )
        .replace(
            "source: '*', destination: '*', destinationPorts: [13]",
            "source: '*', destination: '*'",
        );
    let open = shut.replace(
        "from: hub, to: one, allowVirtualNetworkAccess: false",
        "from: hub, to: one",
    );
    let open = open.replace("      - {", "      - { name: out, priority: 100, direction: Outbound, access: Allow, protocol: '*', source: '*', destination: '*' }\n      - {");
    fs::write(folder.path().join("net.yaml"), open).expect("a file");
    let trace = run_in(
        folder.path(),
        &["traceroute", "onevm", "hubvm", "-t", "net.yaml"],
    );
    assert!(depends(&trace, "icmpRelated"), "{trace:#?}");
}

#[test]
fn a_change_of_the_space_of_a_peered_network_says_on_which_option_it_depends() {
    let change = |option: &[&str]| {
        let words = [
            "az",
            "network",
            "vnet",
            "update",
            "-g",
            "rg",
            "-n",
            "hub",
            "--address-prefixes",
            "10.0.0.0/16",
            "10.9.0.0/16",
            "--state",
            "state.yaml",
        ];
        ask(&[&words, option].concat())
    };
    let allowed = change(&[]);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
    assert!(depends(&allowed, "addressSpaceChange"), "{}", allowed.err);
    let refused = change(&["--set", "addressSpaceChange=refuse"]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(
        refused.err.contains("with sync it would be allowed"),
        "{}",
        refused.err
    );
}
