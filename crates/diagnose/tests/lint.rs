//! Every check finds what it is for, and does not find it where it is mended: small networks as scenarios, in pairs.

use std::collections::BTreeSet;

use diagnose::lint::limits::{AZURE_2022, Limits, NETWORK_MANAGER};
use diagnose::lint::{Finding, checks, lint};
use testnet::load;

fn found(scenario: &str) -> Vec<Finding> {
    lint(&load(scenario), &AZURE_2022)
}

/// A hub with an appliance and two spokes that send everything private through it; `{...}` marks what a test changes.
const HUB: &str = "
defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub:
    addressSpace: [10.0.0.0/16]
    subnets: { s: 10.0.0.0/24, nva: 10.0.1.0/24, GatewaySubnet: 10.0.255.0/27 }
  one: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: rt } } }
  two: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: rt } } }
peerings:
  - { name: hub-one, from: hub, to: one, peeringState: Connected }
  - { name: one-hub, from: one, to: hub, peeringState: Connected, allowForwardedTraffic: true }
  - { name: hub-two, from: hub, to: two, peeringState: Connected }
  - { name: two-hub, from: two, to: hub, peeringState: Connected, allowForwardedTraffic: true }
routeTables:
  rt: { routes: [ { name: private, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.1.4 } ] }
networkInterfaces: {}
virtualMachines:
  nva: { subnet: hub/nva, nic: nvanic, ipForwarding: true }
  onevm: { subnet: one/s, nic: onenic }
  twovm: { subnet: two/s, nic: twonic }
guests:
  nva: { role: appliance }
";

/// The hub with some texts replaced.
fn hub(changes: &[(&str, &str)]) -> String {
    changed(HUB, changes)
}

fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the scenario");
        text.replace(from, to)
    })
}

/// One network with a security group on its subnet and two machines.
fn guarded(rules: &str, rest: &str) -> String {
    format!(
        "
defaults: {{ resourceGroup: rg, location: northeurope }}
virtualNetworks:
  net: {{ addressSpace: [10.0.0.0/16], subnets: {{ s: {{ prefix: 10.0.0.0/24, networkSecurityGroup: nsg }} }} }}
networkSecurityGroups:
  nsg:
    securityRules:
{rules}
virtualMachines:
  vm: {{ subnet: net/s, nic: nic }}
{rest}"
    )
}

fn rule(name: &str, priority: u16, rest: &str) -> String {
    format!("      - {{ name: {name}, priority: {priority}, direction: Inbound, {rest} }}\n")
}

/// The hub's gateway, and whether each side's flag of the link between hub and spoke one is set.
fn gateway(offers: bool, uses: bool, exists: bool) -> String {
    let mut text = hub(&[
        (
            "name: hub-one,",
            &format!("name: hub-one, allowGatewayTransit: {offers},"),
        ),
        (
            "name: one-hub,",
            &format!("name: one-hub, useRemoteGateways: {uses},"),
        ),
    ]);
    if exists {
        text.push_str(
            "virtualNetworkGateways:\n  gw: { subnet: hub/GatewaySubnet, gatewayType: Vpn }\n",
        );
    }
    text
}

/// Spoke one has a second hub: the network of spoke two.
fn second_hub(uses: bool) -> String {
    let links = format!(
        "  - {{ name: one-two, from: one, to: two, useRemoteGateways: {uses}, peeringState: Connected }}
  - {{ name: two-one, from: two, to: one, allowGatewayTransit: true, peeringState: Connected }}
  - {{ name: hub-two,"
    );
    changed(
        &gateway(true, true, true),
        &[("  - { name: hub-two,", &links)],
    )
}

/// A machine with a public address behind a default route.
fn public(rules: &str, route: &str) -> String {
    changed(
        &guarded(rules, "publicIPAddresses:\n  pip: 20.1.2.3\n"),
        &[
            (
                "networkSecurityGroup: nsg }",
                "networkSecurityGroup: nsg, routeTable: rt }",
            ),
            (
                "nic: nic }",
                "nic: nic, publicIp: pip }\n  fw: { subnet: net/t, nic: fwnic, ipForwarding: true }",
            ),
            (
                ", networkSecurityGroup: nsg, routeTable: rt } }",
                ", networkSecurityGroup: nsg, routeTable: rt }, t: 10.0.1.0/24 }",
            ),
        ],
    ) + &format!(
        "routeTables:\n  rt: {{ routes: [ {{ name: default, prefix: 0.0.0.0/0, nextHop: {route} }} ] }}\n"
    )
}

/// By check: a network in which it finds something, and one in which it does not.
#[expect(clippy::too_many_lines, reason = "a table: one entry a check")]
fn pairs() -> Vec<(&'static str, String, String)> {
    let good = || hub(&[]);
    let allow =
        "access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [80]";
    let deny = "access: Deny, protocol: '*', source: '*', destination: '*'";
    let asgs = "applicationSecurityGroups: { web: {}, none: {} }\n";
    let member = |text: String| {
        changed(
            &text,
            &[("nic: nic }", "nic: nic, applicationSecurityGroups: [web] }")],
        )
    };
    let of_groups = |groups: &str| {
        member(guarded(
            &rule(
                "groups",
                100,
                &format!(
                    "access: Allow, protocol: Tcp, source: {{ applicationSecurityGroups: {groups} }}, destination: '*', destinationPorts: [80]"
                ),
            ),
            asgs,
        ))
    };
    vec![
        (
            "peering-half-made",
            hub(&[("  - { name: hub-two, from: hub, to: two, peeringState: Connected }\n", "")]),
            good(),
        ),
        (
            "peering-not-in-sync",
            hub(&[(
                "{ name: hub-two, from: hub, to: two, peeringState: Connected }",
                "{ name: hub-two, from: hub, to: two, peeringState: Connected, remoteAddressSpace: [10.2.0.0/17] }",
            )]),
            good(),
        ),
        (
            "peering-access-off",
            hub(&[(
                "{ name: hub-two, from: hub, to: two, peeringState: Connected }",
                "{ name: hub-two, from: hub, to: two, allowVirtualNetworkAccess: false, peeringState: Connected }",
            )]),
            good(),
        ),
        (
            "peering-overlap",
            hub(&[("[10.2.0.0/16]", "[10.1.128.0/17]"), ("10.2.0.0/24", "10.1.128.0/24")]),
            good(),
        ),
        ("remote-gateway-without-transit", gateway(false, true, true), gateway(true, true, true)),
        ("remote-gateway-missing", gateway(true, true, false), gateway(true, true, true)),
        ("gateway-transit-unused", gateway(true, false, true), gateway(true, true, true)),
        (
            "two-remote-gateways",
            second_hub(true),
            second_hub(false),
        ),
        (
            "remote-gateway-beside-own",
            changed(
                &gateway(true, true, true),
                &[("one: { addressSpace: [10.1.0.0/16], subnets: { s:", "one: { addressSpace: [10.1.0.0/16], subnets: { GatewaySubnet: 10.1.255.0/27, s:")],
            ) + "  own: { subnet: one/GatewaySubnet, gatewayType: Vpn }\n",
            gateway(true, true, true),
        ),
        (
            "security-group-on-gateway-subnet",
            hub(&[("GatewaySubnet: 10.0.255.0/27", "GatewaySubnet: { prefix: 10.0.255.0/27, networkSecurityGroup: nsg }")])
                + "networkSecurityGroups: { nsg: {} }\n",
            good(),
        ),
        (
            "forwarded-traffic-off",
            hub(&[("from: two, to: hub, peeringState: Connected, allowForwardedTraffic: true }", "from: two, to: hub, peeringState: Connected }")]),
            good(),
        ),
        (
            "forwarded-traffic-by-remote-gateway",
            changed(
                &gateway(true, true, true),
                &[("from: one, to: hub, peeringState: Connected, allowForwardedTraffic: true", "from: one, to: hub, peeringState: Connected")],
            ),
            gateway(true, true, true),
        ),
        ("next-hop-nobody", hub(&[("VirtualAppliance 10.0.1.4", "VirtualAppliance 10.0.1.9")]), good()),
        ("next-hop-unreachable", hub(&[("VirtualAppliance 10.0.1.4", "VirtualAppliance 172.16.0.4")]), good()),
        (
            "next-hop-without-ip-forwarding",
            hub(&[("ipForwarding: true", "ipForwarding: false")]),
            good(),
        ),
        ("next-hop-does-not-route", hub(&[("role: appliance", "role: host")]), good()),
        ("next-hop-stopped", hub(&[("role: appliance", "role: stopped")]), good()),
        (
            "next-hop-without-backend",
            hub(&[("VirtualAppliance 10.0.1.4", "VirtualAppliance 10.0.1.10")]) + BALANCER,
            hub(&[
                ("VirtualAppliance 10.0.1.4", "VirtualAppliance 10.0.1.10"),
                ("ipForwarding: true", "ipForwarding: true, backendPools: [lb/pool]"),
            ]) + BALANCER,
        ),
        (
            "next-hop-without-gateway",
            hub(&[("VirtualAppliance 10.0.1.4", "VirtualNetworkGateway")]),
            changed(&gateway(true, true, true), &[
                ("VirtualAppliance 10.0.1.4", "VirtualNetworkGateway"),
                ("two: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: rt } } }", "two: { addressSpace: [10.2.0.0/16], subnets: { s: 10.2.0.0/24 } }"),
            ]),
        ),
        (
            "vnet-local-outside-network",
            hub(&[("prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.1.4", "prefix: 172.16.0.0/12, nextHop: VnetLocal")]),
            hub(&[("prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.1.4", "prefix: 10.0.0.0/8, nextHop: VnetLocal")]),
        ),
        (
            "next-hop-loop",
            hub(&[("nva: 10.0.1.0/24", "nva: { prefix: 10.0.1.0/24, routeTable: rt }")]),
            good(),
        ),
        (
            "route-to-none",
            hub(&[("prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.1.4", "prefix: 10.0.0.0/24, nextHop: None")]),
            hub(&[("prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.1.4", "prefix: 172.16.0.0/12, nextHop: None")]),
        ),
        (
            "asymmetric-appliance-route",
            hub(&[
                ("prefix: 10.0.0.0/8", "prefix: 10.0.0.0/24"),
                ("guests:", "  hubvm: { subnet: hub/s, nic: hubnic }\nguests:"),
            ]),
            hub(&[("guests:", "  hubvm: { subnet: hub/s, nic: hubnic }\nguests:")]),
        ),
        (
            "security-rule-shadowed",
            guarded(&(rule("all", 100, deny) + &rule("web", 200, allow)), ""),
            guarded(&(rule("web", 100, allow) + &rule("all", 200, deny)), ""),
        ),
        (
            "security-rule-redundant",
            guarded(&(rule("web", 100, allow) + &rule("again", 200, allow)), ""),
            guarded(&rule("web", 100, allow), ""),
        ),
        (
            "icmp-rule-with-ports",
            guarded(&rule("ping", 100, "access: Allow, protocol: Icmp, source: '*', destination: '*', destinationPorts: [443]"), ""),
            guarded(&rule("ping", 100, "access: Allow, protocol: Icmp, source: '*', destination: '*'"), ""),
        ),
        (
            "any-protocol-rule-with-ports",
            guarded(&rule("web", 100, "access: Allow, protocol: '*', source: '*', destination: '*', destinationPorts: [443]"), ""),
            guarded(&rule("web", 100, allow), ""),
        ),
        ("empty-group-among-several", of_groups("[web, none]"), of_groups("[web]")),
        ("security-rule-matches-nothing", of_groups("[none]"), of_groups("[web]")),
        (
            "none-black-hole",
            guarded(&rule("there", 100, "access: Allow, protocol: '*', source: 10.9.0.0/16, destination: '*'"), ""),
            guarded(&rule("there", 100, "access: Allow, protocol: '*', source: 10.0.0.0/8, destination: '*'"), ""),
        ),
        (
            "security-group-unused",
            good() + "networkSecurityGroups: { nsg: {} }\n",
            guarded(&rule("web", 100, allow), ""),
        ),
        (
            "route-table-unused",
            hub(&[("routeTables:\n", "routeTables:\n  spare: {}\n")]),
            good(),
        ),
        (
            "open-public-ip",
            public("      []", "VirtualAppliance 10.0.1.4"),
            public(&rule("none", 4096, "access: Deny, protocol: '*', source: Internet, destination: '*'"), "VirtualAppliance 10.0.1.4"),
        ),
        (
            "public-ip-asymmetric",
            public("      []", "VirtualAppliance 10.0.1.4"),
            public("      []", "Internet"),
        ),
        (
            "nat-gateway-bypassed",
            changed(&public("      []", "VirtualAppliance 10.0.1.4"), &[("routeTable: rt }", "routeTable: rt, natGateway: nat }")]) + "natGateways: { nat: {} }\n",
            changed(&public("      []", "Internet"), &[("routeTable: rt }", "routeTable: rt, natGateway: nat }")]) + "natGateways: { nat: {} }\n",
        ),
        (
            "unknown-service-tag",
            guarded(&rule("sql", 100, "access: Allow, protocol: Tcp, source: Sql, destination: '*'"), ""),
            guarded(&rule("sql", 100, "access: Allow, protocol: Tcp, source: Sql, destination: '*'"), "serviceTags: { Sql: [52.0.0.0/16] }\n"),
        ),
        (
            "gateway-outside-input",
            hub(&[("{ name: hub-two, from: hub, to: two, peeringState: Connected }", "{ name: hub-far, from: hub, to: /subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/far, useRemoteGateways: true, peeringState: Connected, remoteAddressSpace: [10.9.0.0/16] }")]),
            good(),
        ),
        (
            "user-route-beside-expressroute",
            changed(&gateway(true, true, true), &[("VirtualAppliance 10.0.1.4", "VirtualNetworkGateway")])
                + "  er: { subnet: hub/GatewaySubnet, gatewayType: ExpressRoute }\n",
            changed(&gateway(true, true, true), &[("VirtualAppliance 10.0.1.4", "VirtualNetworkGateway")]),
        ),
        (
            "one-sided-connection",
            tunnel(""),
            tunnel("  back: { connectionType: Vnet2Vnet, gateway: gw2, remoteGateway: gw }\n"),
        ),
        (
            "frontend-without-rule",
            good() + &BALANCER.replace("    rules: [ { name: ha, frontend: front, pool: pool, protocol: All, frontendPort: 0, backendPort: 0 } ]\n", ""),
            good() + BALANCER,
        ),
    ]
}

const BALANCER: &str = "loadBalancers:
  lb:
    sku: Standard
    frontends: { front: { subnet: hub/nva, address: 10.0.1.10 } }
    pools: [pool]
    rules: [ { name: ha, frontend: front, pool: pool, protocol: All, frontendPort: 0, backendPort: 0 } ]
";

/// Two gateways, and a connection of the first to the second.
fn tunnel(back: &str) -> String {
    changed(
        &gateway(true, true, true),
        &[(
            "two: { addressSpace: [10.2.0.0/16], subnets: { s:",
            "two: { addressSpace: [10.2.0.0/16], subnets: { GatewaySubnet: 10.2.255.0/27, s:",
        )],
    ) + "  gw2: { subnet: two/GatewaySubnet, gatewayType: Vpn }\nconnections:\n  there: { connectionType: Vnet2Vnet, gateway: gw, remoteGateway: gw2 }\n"
        + back
}

#[test]
fn every_check_finds_what_it_is_for_and_nothing_where_it_is_mended() {
    let mut wrong = Vec::new();
    for (id, bad, good) in pairs() {
        let ids = |text: &str| -> Vec<&str> {
            found(text).iter().map(|finding| finding.check.id).collect()
        };
        if !ids(&bad).contains(&id) {
            wrong.push(format!("{id} is not found, but {:?}", ids(&bad)));
        }
        if ids(&good).contains(&id) {
            wrong.push(format!("{id} is found where it is mended"));
        }
    }
    assert_eq!(wrong, [""; 0], "{wrong:#?}");
}

#[test]
fn every_check_has_a_pair_of_networks() {
    let tried: BTreeSet<&str> = pairs().into_iter().map(|(id, ..)| id).collect();
    let elsewhere = ["limit-exceeded", "compiler-note"];
    for check in checks() {
        assert!(
            tried.contains(check.id) || elsewhere.contains(&check.id),
            "{} is not tried",
            check.id
        );
        assert!(check.title.ends_with('.'), "{}", check.title);
    }
}

#[test]
fn a_sound_hub_and_spoke_has_no_findings() {
    let findings = found(HUB);
    assert_eq!(findings, [], "{findings:#?}");
}

#[test]
fn limits_count_against_a_named_table_that_a_user_may_change() {
    let network = load(HUB);
    let exceeded = |limits: &Limits| -> Vec<String> {
        lint(&network, limits)
            .into_iter()
            .filter(|finding| finding.check.id == "limit-exceeded")
            .map(|finding| finding.message)
            .collect()
    };
    assert_eq!(exceeded(&AZURE_2022), [""; 0]);
    for (name, _) in AZURE_2022.entries() {
        let mut none = NETWORK_MANAGER;
        assert!(none.set(&name.to_uppercase(), 0));
        assert!(!none.set("noSuch", 0));
        // What this network has at all is more than none of it.
        let has = !name.contains("Security")
            && !name.contains("gateways")
            && !name.contains("addressesPerRule");
        assert_eq!(!exceeded(&none).is_empty(), has, "{name}");
    }
    let mut one = AZURE_2022;
    one.peerings = 1;
    assert_eq!(
        exceeded(&one),
        ["hub has 2 peering links; the limit is 1 (azure-2022)."]
    );
}

#[test]
fn a_finding_names_the_resource_the_rule_and_the_command_that_mends_it() {
    let (_, bad, _) = pairs()
        .into_iter()
        .find(|(id, ..)| *id == "forwarded-traffic-off")
        .unwrap();
    let findings = found(&bad);
    let finding = findings
        .iter()
        .find(|finding| finding.check.id == "forwarded-traffic-off")
        .unwrap();
    assert!(
        finding
            .resource
            .as_str()
            .ends_with("/virtualNetworks/two/virtualNetworkPeerings/two-hub")
    );
    assert_eq!(
        finding.message,
        "By user routes what one sends through nva/nvanic enters by link two/two-hub, whose allowForwardedTraffic is false: it is dropped there."
    );
    assert_eq!(finding.depends_on, ["forwardedTraffic=observed"]);
    assert_eq!(
        finding.ways_out[0].commands,
        [
            "az network vnet peering update -g rg --vnet-name two -n two-hub --set allowForwardedTraffic=true"
        ]
    );
}

/// A rule that two others cover together names both.
#[test]
fn a_shadowed_rule_says_by_which_rules() {
    let text = guarded(
        &(rule(
            "low",
            100,
            "access: Deny, protocol: Tcp, source: 10.0.0.0/9, destination: '*'",
        ) + &rule(
            "high",
            110,
            "access: Allow, protocol: Tcp, source: 10.128.0.0/9, destination: '*'",
        ) + &rule(
            "both",
            120,
            "access: Allow, protocol: Tcp, source: 10.0.0.0/8, destination: '*', destinationPorts: [22]",
        )),
        "",
    );
    let findings = found(&text);
    let finding = findings
        .iter()
        .find(|finding| finding.check.id == "security-rule-shadowed")
        .unwrap();
    assert_eq!(
        finding.message,
        "Rule Allow both (120, inbound) of nsg never decides: what it matches, Deny low (100, inbound) and Allow high (110, inbound) decide before it."
    );
    assert_eq!(finding.related.len(), 2);
}
