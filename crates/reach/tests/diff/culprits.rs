//! Changes of every kind that people make by hand, one by one: the pairs that follow, and that the right object is named for them.

use reach::Service;
use reach::diff::{Fate, Limits};

use super::{CHANGES, Case, NETWORK, WEB, all, causes, changed, expect, words};

/// Web servers and a database by application security groups; a service tag with a private range; an appliance on the way out.
const SHOP: &str = "
virtualNetworks:
  shop:
    addressSpace: [10.1.0.0/16]
    subnets:
      front: { prefix: 10.1.0.0/24 }
      back: { prefix: 10.1.1.0/24, networkSecurityGroup: back }
      edge: { prefix: 10.1.2.0/24 }
      office: { prefix: 10.1.9.0/24 }
serviceTags: { Office.Berlin: [10.1.9.0/24] }
applicationSecurityGroups: { web: {}, db: {} }
routeTables:
  out: { routes: [ { name: default, prefix: 0.0.0.0/0, nextHop: VirtualAppliance 10.1.2.4 } ] }
networkSecurityGroups:
  back:
    securityRules:
      - { name: web-to-db, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: { applicationSecurityGroups: [web] }, destination: { applicationSecurityGroups: [db] }, destinationPorts: [443] }
      - { name: office, priority: 110, direction: Inbound, access: Allow, protocol: Tcp, source: Office.Berlin, destination: '*', destinationPorts: [443] }
      - { name: nothing-else, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*', destinationPorts: ['*'] }
publicIPAddresses: { edge-ip: 20.1.2.3 }
virtualMachines:
  nva: { subnet: shop/edge, nic: n0, address: 10.1.2.4, ipForwarding: true, publicIp: edge-ip }
  www: { subnet: shop/front, nic: n1, applicationSecurityGroups: [web] }
  cms: { subnet: shop/front, nic: n2 }
  sql: { subnet: shop/back, nic: n3, applicationSecurityGroups: [db] }
  desk: { subnet: shop/office, nic: n4 }
guests: { nva: { role: appliance, snat: true } }
";

fn shop(changes: &[(&str, &str)], service: Service) -> Case {
    Case::new(SHOP, &changed(SHOP, changes), service)
}

/// Everybody to the web servers of the second spoke, once `rest` denies everything else.
fn to_the_servers() -> std::collections::BTreeSet<(String, String)> {
    all(
        &["one/n1", "uno/n2", "nva/n0", "nva2/n9", "two/n4", "due/n5"],
        &["two/n4", "due/n5"],
    )
}

#[test]
fn a_rule_that_is_removed_leaves_the_pairs_to_the_next_one() {
    let before = changed(NETWORK, &CHANGES[1..2]);
    let web = "      - { name: web, priority: 200, direction: Inbound, access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [443] }\n";
    let case = Case::new(&before, &changed(&before, &[(web, "")]), WEB);
    expect(&case, Fate::Lost, &to_the_servers(), &["rule web removed"]);
}

#[test]
fn priorities_that_are_swapped_name_the_rule_that_decides_now_and_the_one_before() {
    let before = changed(NETWORK, &CHANGES[1..2]);
    let swap = [
        ("name: web, priority: 200", "name: web, priority: 3000"),
        ("name: rest, priority: 300", "name: rest, priority: 200"),
        ("name: web, priority: 3000", "name: web, priority: 300"),
    ];
    let case = Case::new(&before, &changed(&before, &swap), WEB);
    let both = ["rule rest priority", "rule web priority"];
    expect(&case, Fate::Lost, &to_the_servers(), &both);
}

#[test]
fn a_default_route_to_an_appliance_reroutes_what_goes_out() {
    let table = [(
        "front: { prefix: 10.1.0.0/24 }",
        "front: { prefix: 10.1.0.0/24, routeTable: out }",
    )];
    let out = all(&["www/n1", "cms/n2"], &["internet"]);
    let case = shop(&table, WEB);
    expect(&case, Fate::Rerouted, &out, &["subnet front routeTable"]);
}

#[test]
fn a_route_that_is_removed_one_way_makes_the_ways_asymmetric() {
    let peered = [(
        "  - { name: hub-c, from: hub, to: c }\n",
        "  - { name: hub-c, from: hub, to: c }\n  - { name: a-b, from: a, to: b, allowForwardedTraffic: true }\n  - { name: b-a, from: b, to: a, allowForwardedTraffic: true }\n",
    )];
    let before = changed(NETWORK, &peered);
    let case = Case::new(&before, &changed(&before, &CHANGES[4..5]), Service::Icmp);
    let b = ["two/n4", "due/n5"];
    let both_ways = |a: &[&str]| &all(a, &b) | &all(&b, a);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    for (fate, a) in [
        (Fate::Asymmetric, &["one/n1", "uno/n2"][..]),
        // Nothing but the replies to these took the appliance before.
        (Fate::Rerouted, &["eins/n3"]),
    ] {
        assert_eq!(case.pairs(&comparison, fate), both_ways(a));
        let told = causes(&objects, &comparison, fate);
        assert_eq!(told, words(&["route to-a removed"]));
    }
    assert_eq!(comparison.count(Fate::Lost), 0);
}

#[test]
fn access_that_is_taken_from_a_peered_network_is_told_by_the_flag() {
    let case = Case::of(&CHANGES[17..18], Service::Icmp);
    let a = ["one/n1", "uno/n2", "eins/n3"];
    let hub = ["nva/n0", "nva2/n9"];
    let b = ["two/n4", "due/n5"];
    // The branch comes in by the hub's gateway, where the flag counts as at a NIC.
    let mut lost = &all(&a, &["branch/pc"]) | &all(&["branch/pc"], &a);
    lost = &lost | &(&all(&a, &hub) | &all(&hub, &a));
    lost = &lost | &(&all(&a[..2], &b) | &all(&b, &a[..2]));
    expect(
        &case,
        Fate::Lost,
        &lost,
        &["link hub-a allowVirtualNetworkAccess"],
    );
}

#[test]
fn a_subnet_that_gets_another_group_is_named_itself() {
    let group = [("networkSecurityGroup: web", "networkSecurityGroup: shut")];
    let case = Case::of(&group, WEB);
    let because = ["subnet s networkSecurityGroup"];
    expect(&case, Fate::Lost, &to_the_servers(), &because);
}

#[test]
fn a_machine_that_leaves_an_application_security_group_is_named() {
    let leaves = [("nic: n1, applicationSecurityGroups: [web]", "nic: n1")];
    let lost = all(&["www/n1"], &["sql/n3"]);
    let because = ["NIC n1 applicationSecurityGroups"];
    expect(&shop(&leaves, WEB), Fate::Lost, &lost, &because);
    let joins = [("nic: n2", "nic: n2, applicationSecurityGroups: [web]")];
    let gained = all(&["cms/n2"], &["sql/n3"]);
    let because = ["NIC n2 applicationSecurityGroups"];
    expect(&shop(&joins, WEB), Fate::Gained, &gained, &because);
}

#[test]
fn a_rule_with_a_service_tag_changes_with_the_rule_and_with_the_tag() {
    let lost = all(&["desk/n4"], &["sql/n3"]);
    let rule = [("source: Office.Berlin", "source: Storage")];
    let rule = [
        rule[0],
        (
            "Office.Berlin: [10.1.9.0/24]",
            "Office.Berlin: [10.1.9.0/24], Storage: [198.51.100.0/24]",
        ),
    ];
    let case = Case::new(&changed(SHOP, &rule[1..]), &changed(SHOP, &rule), WEB);
    expect(&case, Fate::Lost, &lost, &["rule office source"]);
    let tag = [(
        "Office.Berlin: [10.1.9.0/24]",
        "Office.Berlin: [10.1.8.0/24]",
    )];
    let because = ["service tag office.berlin prefixes"];
    expect(&shop(&tag, WEB), Fate::Lost, &lost, &because);
}
