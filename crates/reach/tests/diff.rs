//! What hand-made changes do, with their causes; and the same for random ones, held against a comparison pair by pair.

mod culprits;

use std::collections::BTreeSet;

use model::NicId;
use proptest::prelude::*;
use reach::diff::{
    Comparison, Difference, Fate, Group, Inventory, Limits, Nearness, Objects, Renaming,
    World as Compared,
};
use reach::{Answer, Device, Matrix, Prober, Question, Service, Verdict, Watch};

use crate::world::World;

/// A hub with two appliances and a gateway, three spokes, a branch.
const NETWORK: &str = "
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { nva: 10.0.0.0/24, GatewaySubnet: 10.0.255.0/27 } }
  a: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: via }, t: { prefix: 10.1.1.0/24 } } }
  b: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: back, networkSecurityGroup: web } } }
  c: { addressSpace: [10.3.0.0/16], subnets: { s: { prefix: 10.3.0.0/24 } } }
peerings:
  - { name: hub-a, from: hub, to: a, allowForwardedTraffic: true, allowGatewayTransit: true }
  - { name: a-hub, from: a, to: hub, allowForwardedTraffic: true, useRemoteGateways: true }
  - { name: hub-b, from: hub, to: b, allowForwardedTraffic: true }
  - { name: b-hub, from: b, to: hub, allowForwardedTraffic: true }
  - { name: hub-c, from: hub, to: c }
  - { name: c-hub, from: c, to: hub }
routeTables:
  via: { routes: [ { name: to-b, prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.4 } ] }
  back: { routes: [ { name: to-a, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.0.0.4 } ] }
networkSecurityGroups:
  web:
    securityRules:
      - { name: web, priority: 200, direction: Inbound, access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [443] }
      - { name: rest, priority: 300, direction: Inbound, access: Deny, protocol: '*', source: 10.3.0.0/16, destination: '*', destinationPorts: ['*'] }
  shut:
    securityRules:
      - { name: no-web, priority: 100, direction: Inbound, access: Deny, protocol: Tcp, source: '*', destination: '*', destinationPorts: [443] }
publicIPAddresses: { gw-ip: 20.1.2.3 }
virtualNetworkGateways: { gw: { subnet: hub/GatewaySubnet, publicIp: gw-ip } }
virtualMachines:
  nva: { subnet: hub/nva, nic: n0, address: 10.0.0.4, ipForwarding: true }
  nva2: { subnet: hub/nva, nic: n9, address: 10.0.0.5, ipForwarding: true }
  one: { subnet: a/s, nic: n1 }
  uno: { subnet: a/s, nic: n2 }
  eins: { subnet: a/t, nic: n3 }
  two: { subnet: b/s, nic: n4 }
  due: { subnet: b/s, nic: n5 }
  three: { subnet: c/s, nic: n6 }
guests: { nva: { role: appliance }, nva2: { role: appliance } }
onPremises: { branch: { gateway: gw, prefixes: [192.168.0.0/24], hosts: { pc: 192.168.0.9 } } }
";

/// Parts of the text and what they are exchanged for: each a small change of its own.
const CHANGES: &[(&str, &str)] = &[
    // A rule in front of all others.
    (
        "      - { name: web, priority: 200,",
        "      - { name: deny-web, priority: 110, direction: Inbound, access: Deny, protocol: Tcp, source: 10.1.0.0/24, destination: '*', destinationPorts: [443] }\n      - { name: web, priority: 200,",
    ),
    ("source: 10.3.0.0/16", "source: '*'"),
    ("name: rest, priority: 300", "name: rest, priority: 150"),
    (
        "prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.4",
        "prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.5",
    ),
    (
        "{ name: to-a, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.0.0.4 }",
        "",
    ),
    (
        "name: b-hub, from: b, to: hub, allowForwardedTraffic: true",
        "name: b-hub, from: b, to: hub",
    ),
    ("  - { name: hub-c, from: hub, to: c }\n", ""),
    ("  nva: { subnet", "  nva: { powerState: stopped, subnet"),
    (
        "two: { subnet: b/s, nic: n4",
        "two: { powerState: stopped, subnet: b/s, nic: n4",
    ),
    ("uno: { subnet: a/s, nic: n2", "uno: { subnet: a/t, nic: n2"),
    (
        "t: { prefix: 10.1.1.0/24 }",
        "t: { prefix: 10.1.1.0/24, routeTable: via, networkSecurityGroup: shut }",
    ),
    (
        "nva: { role: appliance }",
        "nva: { role: appliance, snat: true }",
    ),
    ("address: 10.0.0.5, ipForwarding: true", "address: 10.0.0.5"),
    (
        "  due: { subnet: b/s, nic: n5 }\n",
        "  quattro: { subnet: c/s, nic: n7, address: 10.3.0.99 }\n",
    ),
    (", useRemoteGateways: true", ""),
    (
        "prefixes: [192.168.0.0/24]",
        "prefixes: [192.168.0.0/25], knows: [10.0.0.0/16]",
    ),
    (
        "c: { addressSpace: [10.3.0.0/16], subnets: { s: { prefix: 10.3.0.0/24 } } }",
        "c: { addressSpace: [10.3.0.0/16], subnets: { s: { prefix: 10.3.0.0/24, routeTable: via } } }",
    ),
    (
        "hub-a, from: hub, to: a,",
        "hub-a, from: hub, to: a, allowVirtualNetworkAccess: false,",
    ),
];

#[track_caller]
fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "no {old}");
        text = text.replace(old, new);
    }
    text
}

/// Two networks, their answers to a question, and the comparison.
struct Case {
    before: (World, Matrix),
    after: (World, Matrix),
}

/// A pair by the names of its ends in the first network.
type Pair = (String, String);

impl Case {
    fn new(before: &str, after: &str, service: Service) -> Self {
        let judged = |text: &str| {
            let world = World::new(text);
            let matrix = world.by_packets(service);
            (world, matrix)
        };
        Self {
            before: judged(before),
            after: judged(after),
        }
    }

    #[track_caller]
    fn of(changes: &[(&str, &str)], service: Service) -> Self {
        Self::new(NETWORK, &changed(NETWORK, changes), service)
    }

    fn objects(&self, renamings: &[&str]) -> Objects<'_> {
        let before = Inventory::of(&self.before.0.network);
        let renamings: Vec<Renaming> = renamings
            .iter()
            .map(|text| Renaming::parse(text, &before).expect("a renaming"))
            .collect();
        Objects::new(before, Inventory::of(&self.after.0.network), &renamings)
    }

    fn compare(&self, objects: &Objects<'_>, limits: Limits) -> Comparison {
        let [before, after] = [&self.before, &self.after].map(|(world, matrix)| Compared {
            network: &world.network,
            snapshot: &world.snapshot,
            matrix,
        });
        let watch = Watch::default();
        reach::diff::compare(objects, &before, &after, None, limits, &watch)
            .expect("nobody cancels")
    }

    fn names(&self) -> Vec<String> {
        self.before.0.ends.names(&self.before.0.network)
    }

    /// The pairs of a fate, each once.
    fn pairs(&self, comparison: &Comparison, fate: Fate) -> BTreeSet<Pair> {
        let mut pairs = BTreeSet::new();
        for group in &comparison.groups {
            if group.fate == fate {
                for pair in self.pairs_of(comparison, group) {
                    assert!(pairs.insert(pair.clone()), "{pair:?} is in two groups");
                }
            }
        }
        assert_eq!(pairs.len() as u64, comparison.count(fate));
        pairs
    }

    fn pairs_of(&self, comparison: &Comparison, group: &Group) -> Vec<Pair> {
        let names = self.names();
        let mut pairs = Vec::new();
        for &source in &group.sources {
            for &destination in &group.destinations {
                let at = |side: &[u32], at: u32| side[at as usize] as usize;
                let before = (
                    at(&comparison.sources.before, source),
                    at(&comparison.destinations.before, destination),
                );
                let after = (
                    at(&comparison.sources.after, source),
                    at(&comparison.destinations.after, destination),
                );
                let reachable = Some(Verdict::Reachable);
                let stays = matches!(group.fate, Fate::Rerouted | Fate::Asymmetric);
                let is_meant = before.0 != before.1
                    && (!stays
                        || (self.before.1.verdict(before.0, before.1) == reachable
                            && self.after.1.verdict(after.0, after.1) == reachable));
                if is_meant {
                    pairs.push((names[before.0].clone(), names[before.1].clone()));
                }
            }
        }
        pairs
    }

    /// What the comparison pair by pair says, by the names of NICs; ends are the same if their names are.
    fn slowly(&self, fate: Fate, service: Service) -> BTreeSet<Pair> {
        let [one, other] = [&self.before.0, &self.after.0];
        let names = [
            one.ends.names(&one.network),
            other.ends.names(&other.network),
        ];
        let mut found = BTreeSet::new();
        for (from, source) in names[0].iter().enumerate() {
            for (to, destination) in names[0].iter().enumerate() {
                let after = |name: &String| names[1].iter().position(|known| known == name);
                let (Some(after_from), Some(after_to)) = (after(source), after(destination)) else {
                    continue;
                };
                let Some(was) = self.before.1.verdict(from, to) else {
                    continue;
                };
                let is = self.after.1.verdict(after_from, after_to).expect("a pair");
                let reached = [was, is].map(|verdict| verdict == Verdict::Reachable);
                let detour = || {
                    let before = course(one, from, to, service);
                    let after = course(other, after_from, after_to, service);
                    let is_crooked = |course: &Course| {
                        course.1.is_some()
                            && between(&course.0) != between(course.1.as_ref().expect("asked"))
                    };
                    let fate = if !is_crooked(&before) && is_crooked(&after) {
                        Fate::Asymmetric
                    } else {
                        Fate::Rerouted
                    };
                    (before != after).then_some(fate)
                };
                let this = match reached {
                    [true, false] => Some(Fate::Lost),
                    [false, true] => Some(Fate::Gained),
                    [true, true] => detour(),
                    [false, false] => None,
                };
                if this == Some(fate) {
                    found.insert((source.clone(), destination.clone()));
                }
            }
        }
        found
    }
}

/// Names of what is passed there and back.
type Course = (Vec<String>, Option<Vec<String>>);

fn between(stops: &[String]) -> BTreeSet<&String> {
    stops[1..stops.len().max(2) - 1].iter().collect()
}

fn course(world: &World, from: usize, to: usize, service: Service) -> Course {
    let question = Question::about(service);
    let prober = Prober::new(&world.snapshot, service, None, question.depth);
    let (from, to) = (&world.ends[from], &world.ends[to]);
    let (prober, asked) = prober.towards(from, to);
    let answer: Answer = prober.answer((from.worker, from.address), asked);
    let name = |device: &Device| match device {
        Device::Nic(nic) => machine(world, *nic),
        Device::Gateway(gateway) => world.network.gateways()[*gateway].id.to_string(),
        Device::Frontend(frontend) => format!("{frontend:?}"),
    };
    let stops = |passed: &[Device]| {
        let mut stops: Vec<String> = passed.iter().map(name).collect();
        stops.dedup();
        stops
    };
    (
        stops(&answer.forward.passed),
        answer.reply.as_ref().map(|way| stops(&way.passed)),
    )
}

fn machine(world: &World, nic: NicId) -> String {
    engine::site::Site::of(&world.network, nic).map_or_else(String::new, |site| {
        let name = site.name.split('/').next().unwrap_or_default();
        // An instance of a gateway, or a host behind it, is told apart.
        if site.outside().is_some() || name == "gw" {
            site.name.clone()
        } else {
            name.to_owned()
        }
    })
}

/// The differences behind a fate in words: kind, name, property: before -> after.
fn causes(objects: &Objects<'_>, comparison: &Comparison, fate: Fate) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for group in comparison.groups.iter().filter(|group| group.fate == fate) {
        let cause = &group.witness.as_ref().expect("a cause").cause;
        for &change in &cause.changes {
            let change = &objects.changes()[change as usize];
            let what = match &change.what {
                Difference::Added => "added".to_owned(),
                Difference::Removed => "removed".to_owned(),
                Difference::Changed(properties) => {
                    let names: Vec<&str> = properties.iter().map(|(name, ..)| *name).collect();
                    names.join(" ")
                }
            };
            told.insert(format!(
                "{} {} {what}",
                change.kind.name(),
                change.id.name()
            ));
        }
        if cause.changes.is_empty() {
            told.insert(format!("{:?}", cause.nearness));
        }
    }
    told
}

fn all(sources: &[&str], destinations: &[&str]) -> BTreeSet<Pair> {
    let pairs = sources.iter().flat_map(|from| {
        let destinations = destinations.iter().filter(move |to| from != *to);
        destinations.map(move |to| ((*from).to_owned(), (*to).to_owned()))
    });
    pairs.collect()
}

fn words(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The pairs and causes of one change.
#[track_caller]
fn expect(case: &Case, fate: Fate, pairs: &BTreeSet<Pair>, because: &[&str]) {
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    assert_eq!(case.pairs(&comparison, fate), *pairs);
    assert_eq!(causes(&objects, &comparison, fate), words(because));
    for other in [Fate::Lost, Fate::Gained, Fate::Rerouted, Fate::Asymmetric] {
        if other != fate {
            assert_eq!(case.pairs(&comparison, other), BTreeSet::new(), "{other:?}");
        }
    }
}

const WEB: Service = Service::Tcp(443);

#[test]
fn equal_networks_have_no_differences() {
    let case = Case::of(&[], WEB);
    let objects = case.objects(&[]);
    assert_eq!(objects.changes(), []);
    let comparison = case.compare(&objects, Limits::default());
    assert!(comparison.is_quiet());
    assert_eq!(comparison.ways.candidates, 0);
    assert_eq!(comparison.pairs, 10 * 9);
}

#[test]
fn a_rule_that_is_added_takes_the_pairs_that_it_denies() {
    let case = Case::of(&CHANGES[..1], WEB);
    let lost = all(&["one/n1", "uno/n2"], &["two/n4", "due/n5"]);
    expect(&case, Fate::Lost, &lost, &["rule deny-web added"]);
    // Back again.
    let case = Case::new(&changed(NETWORK, &CHANGES[..1]), NETWORK, WEB);
    expect(&case, Fate::Gained, &lost, &["rule deny-web removed"]);
}

#[test]
fn two_rules_that_change_places_are_both_named() {
    let swap = [
        ("name: web, priority: 200", "name: web, priority: 400"),
        ("source: 10.3.0.0/16", "source: 10.0.0.0/16"),
    ];
    let before = changed(NETWORK, &swap[1..]);
    let after = changed(NETWORK, &swap);
    let case = Case::new(&before, &after, WEB);
    let lost = all(&["nva/n0", "nva2/n9"], &["two/n4", "due/n5"]);
    expect(&case, Fate::Lost, &lost, &["rule web priority"]);
}

#[test]
fn a_route_to_another_appliance_reroutes_and_makes_the_ways_asymmetric() {
    let case = Case::of(&CHANGES[3..4], Service::Icmp);
    let pairs = &all(&["one/n1", "uno/n2"], &["two/n4", "due/n5"])
        | &all(&["two/n4", "due/n5"], &["one/n1", "uno/n2"]);
    expect(
        &case,
        Fate::Asymmetric,
        &pairs,
        &["route to-b nextHopIpAddress"],
    );
    // Both directions over the other appliance: another way, and a symmetric one.
    let both = [("VirtualAppliance 10.0.0.4", "VirtualAppliance 10.0.0.5")];
    let case = Case::of(&both, Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    assert_eq!(case.pairs(&comparison, Fate::Rerouted), pairs);
    assert_eq!(comparison.count(Fate::Asymmetric), 0);
    assert_eq!(comparison.ways.candidates, comparison.ways.examined);
}

#[test]
fn a_flag_of_a_link_that_is_turned_off_takes_what_is_forwarded() {
    let case = Case::of(&CHANGES[5..6], Service::Icmp);
    let lost = &all(&["one/n1", "uno/n2"], &["two/n4", "due/n5"])
        | &all(&["two/n4", "due/n5"], &["one/n1", "uno/n2"]);
    expect(
        &case,
        Fate::Lost,
        &lost,
        &["link b-hub allowForwardedTraffic"],
    );
}

#[test]
fn a_link_that_is_removed_takes_both_directions() {
    let case = Case::of(&CHANGES[6..7], Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    let expected =
        &all(&["three/n6"], &["nva/n0", "nva2/n9"]) | &all(&["nva/n0", "nva2/n9"], &["three/n6"]);
    assert!(expected.is_subset(&case.pairs(&comparison, Fate::Lost)));
    let told = causes(&objects, &comparison, Fate::Lost);
    assert!(told.contains("link hub-c removed"), "{told:?}");
}

#[test]
fn a_disconnected_link_is_told_by_its_state() {
    let state = [(
        "name: c-hub, from: c, to: hub",
        "name: c-hub, from: c, to: hub, peeringState: Disconnected",
    )];
    let case = Case::of(&state, Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    assert!(comparison.count(Fate::Lost) >= 4);
    assert_eq!(
        causes(&objects, &comparison, Fate::Lost),
        words(&["link c-hub peeringState"])
    );
}

#[test]
fn a_stopped_machine_is_told_by_its_power_state() {
    let case = Case::of(&CHANGES[8..9], Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    let lost = case.pairs(&comparison, Fate::Lost);
    assert!(!lost.is_empty());
    assert!(
        lost.iter()
            .all(|(from, to)| from == "two/n4" || to == "two/n4"),
        "{lost:?}"
    );
    assert_eq!(
        causes(&objects, &comparison, Fate::Lost),
        words(&["VM two powerState"])
    );
}

#[test]
fn pairs_that_are_lost_alike_for_different_reasons_are_told_apart() {
    let links = [
        ("  - { name: hub-c, from: hub, to: c }\n", ""),
        ("  - { name: c-hub, from: c, to: hub }\n", ""),
        (
            "  - { name: hub-b, from: hub, to: b, allowForwardedTraffic: true }\n",
            "",
        ),
    ];
    let case = Case::of(&links, Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    let told = causes(&objects, &comparison, Fate::Lost);
    for link in [
        "link hub-c removed",
        "link c-hub removed",
        "link hub-b removed",
    ] {
        assert!(told.contains(link), "{told:?}");
    }
    let machines = [
        (
            "two: { subnet: b/s",
            "two: { powerState: stopped, subnet: b/s",
        ),
        (
            "due: { subnet: b/s",
            "due: { powerState: deallocated, subnet: b/s",
        ),
    ];
    let case = Case::of(&machines, Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    let told = causes(&objects, &comparison, Fate::Lost);
    assert_eq!(told, words(&["VM two powerState", "VM due powerState"]));
}

#[test]
fn a_network_that_was_edited_is_compared_by_what_was_edited() {
    let before = World::new(NETWORK);
    let mut network = before.network.clone();
    let revision = network.revision();
    let groups = before.network.nsgs();
    let (group, found) = groups
        .iter()
        .find(|(_, group)| group.id.name() == "web")
        .expect("the group");
    let mut rules = found.rules.to_vec();
    rules[1].priority = 150;
    rules[1].source = model::RuleAddresses::Any;
    network.set_security_rules(group, rules).expect("it fits");
    let changes = network
        .changes_since(&revision)
        .expect("it was in that state");
    let snapshot = control::recompile(&network, &before.snapshot);
    let question = Question::about(WEB);
    let watch = Watch::default();
    let [one, other] = [&before.snapshot, &snapshot].map(|snapshot| {
        reach::by_packets(snapshot, &before.ends, &before.ends, question, &watch).expect("goes on")
    });
    let compare = |objects: &Objects<'_>| {
        let worlds = [
            (&before.network, &before.snapshot, &one),
            (&network, &snapshot, &other),
        ];
        let [one, other] = worlds.map(|(network, snapshot, matrix)| Compared {
            network,
            snapshot,
            matrix,
        });
        let limits = Limits::default();
        reach::diff::compare(objects, &one, &other, None, limits, &watch).expect("goes on")
    };
    let edit = Objects::of_edit(&before.network, &network, &changes).expect("only rules");
    let whole = Objects::new(Inventory::of(&before.network), Inventory::of(&network), &[]);
    let (quick, slow) = (compare(&edit), compare(&whole));
    assert!(slow.count(Fate::Lost) > 0);
    assert_eq!(quick.pairs, slow.pairs);
    assert_eq!(edit.matched(), whole.matched());
    let shape = |comparison: &Comparison| -> Vec<_> {
        let groups = comparison.groups.iter();
        groups
            .map(|group| {
                (
                    group.fate,
                    group.sources.clone(),
                    group.destinations.clone(),
                    group.pairs,
                )
            })
            .collect()
    };
    assert_eq!(shape(&quick), shape(&slow));
    assert_eq!(
        causes(&edit, &quick, Fate::Lost),
        causes(&whole, &slow, Fate::Lost)
    );
    assert_eq!(
        causes(&edit, &quick, Fate::Lost),
        words(&["rule rest priority source"])
    );
}

#[test]
fn a_nic_that_moves_to_another_subnet_is_the_same_nic() {
    let case = Case::of(&CHANGES[9..10], Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    let lost = case.pairs(&comparison, Fate::Lost);
    let expected =
        &all(&["uno/n2"], &["two/n4", "due/n5"]) | &all(&["two/n4", "due/n5"], &["uno/n2"]);
    assert_eq!(lost, expected);
    assert_eq!(
        causes(&objects, &comparison, Fate::Lost),
        words(&["NIC n2 address subnet"])
    );
}

#[test]
fn transit_that_is_turned_off_takes_the_branch() {
    let case = Case::of(&CHANGES[14..15], Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    let pairs = &all(&["one/n1", "uno/n2", "eins/n3"], &["branch/pc"])
        | &all(&["branch/pc"], &["one/n1", "uno/n2", "eins/n3"]);
    assert_eq!(case.pairs(&comparison, Fate::Lost), pairs);
    assert_eq!(
        causes(&objects, &comparison, Fate::Lost),
        words(&["link a-hub useRemoteGateways"])
    );
    let near = comparison
        .groups
        .iter()
        .filter_map(|group| group.witness.as_ref());
    assert!(
        near.map(|witness| witness.cause.nearness)
            .all(|near| near <= Nearness::Around)
    );
}

#[test]
fn machines_of_one_network_only_are_counted_and_not_compared() {
    let case = Case::of(&CHANGES[13..14], Service::Icmp);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    assert_eq!(comparison.groups.len(), 0);
    assert_eq!(
        (
            comparison.sources.only_before.len(),
            comparison.sources.only_after.len()
        ),
        (1, 1)
    );
    assert_eq!(comparison.pairs, 9 * 8);
    let kinds: Vec<(&str, &str)> = objects
        .listed_changes()
        .map(|change| (change.kind.name(), change.id.name()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("VM", "due"),
            ("VM", "quattro"),
            ("NIC", "n5"),
            ("NIC", "n7")
        ]
    );
}

#[test]
fn another_subscription_is_no_change_and_another_group_is_none_once_it_is_said() {
    let place = |subscription: &str, group: &str| {
        format!("defaults: {{ subscription: {subscription}, resourceGroup: {group} }}\n{NETWORK}")
    };
    let case = Case::new(&place("s1", "g1"), &place("s2", "g1"), WEB);
    let objects = case.objects(&[]);
    let [_, by_name, by_map] = objects.matched();
    assert_eq!(by_map, 0);
    assert!(by_name > 20, "{by_name}");
    assert_eq!(objects.changes(), []);
    assert!(case.compare(&objects, Limits::default()).is_quiet());

    let case = Case::new(&place("s1", "g1"), &place("s1", "g2"), WEB);
    let objects = case.objects(&[]);
    let comparison = case.compare(&objects, Limits::default());
    assert_eq!(comparison.pairs, 0, "only the Internet is in both");
    for renaming in [
        "g1=g2",
        "/subscriptions/s1/resourceGroups/g1=/subscriptions/s1/resourceGroups/g2/",
    ] {
        let objects = case.objects(&[renaming]);
        assert_eq!(objects.changes(), [], "{renaming}");
        assert!(objects.unused.is_empty());
        let comparison = case.compare(&objects, Limits::default());
        assert!(comparison.is_quiet());
        assert_eq!(comparison.pairs, 10 * 9);
    }
    let objects = case.objects(&["g1=g3"]);
    assert_eq!(objects.unused, ["g1=g3"]);
}

#[test]
fn one_resource_with_another_name_is_the_same_once_it_is_said() {
    let renamed = changed(
        NETWORK,
        &[
            ("  two: {", "  zwei: {"),
            ("  b: {", "  beta: {"),
            ("from: b,", "from: beta,"),
            ("to: b,", "to: beta,"),
            ("b/s", "beta/s"),
        ],
    );
    let case = Case::new(NETWORK, &renamed, WEB);
    let objects = case.objects(&["two=zwei", "b=beta"]);
    assert_eq!(objects.changes(), []);
    assert!(case.compare(&objects, Limits::default()).is_quiet());
}

#[test]
fn what_cannot_be_a_renaming_is_refused() {
    let world = World::new(NETWORK);
    let inventory = Inventory::of(&world.network);
    for text in [
        "",
        "=",
        "a=",
        "=b",
        "a",
        "x/y=z/w",
        "/a/b=c",
        "nowhere=somewhere",
        "web=x=y/z",
    ] {
        let refused = Renaming::parse(text, &inventory);
        assert!(refused.is_err(), "{text}: {refused:?}");
    }
}

#[test]
fn ways_judged_by_class_are_those_of_every_pair() {
    let case = Case::of(&CHANGES[3..4], Service::Icmp);
    let objects = case.objects(&[]);
    let exact = case.compare(&objects, Limits::default());
    let limits = Limits {
        ways: 4,
        ..Limits::default()
    };
    let by_class = case.compare(&objects, limits);
    assert!(by_class.ways.by_class && by_class.ways.examined <= 4);
    assert_eq!(by_class.ways.classes_left, 0);
    assert_eq!(
        case.pairs(&by_class, Fate::Asymmetric),
        case.pairs(&exact, Fate::Asymmetric)
    );
}

#[test]
fn groups_beyond_the_limit_are_told_without_a_cause() {
    let case = Case::of(&CHANGES[5..6], Service::Icmp);
    let objects = case.objects(&[]);
    let limits = Limits {
        witnesses: 0,
        ..Limits::default()
    };
    let comparison = case.compare(&objects, limits);
    assert_eq!(comparison.count(Fate::Lost), 8);
    assert!(
        comparison
            .groups
            .iter()
            .all(|group| group.witness.is_none())
    );
}

fn some_changes() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence((0..CHANGES.len()).collect::<Vec<_>>(), 0..4)
}

fn edited(which: &[usize]) -> String {
    let mut text = NETWORK.to_owned();
    for &change in which {
        let (old, new) = CHANGES[change];
        text = text.replace(old, new);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_changes_do_what_a_comparison_pair_by_pair_says(
        before in some_changes(),
        after in some_changes(),
        service in prop::sample::select(vec![Service::Icmp, WEB, Service::Udp(53)]),
    ) {
        let case = Case::new(&edited(&before), &edited(&after), service);
        let objects = case.objects(&[]);
        let comparison = case.compare(&objects, Limits::default());
        for fate in [Fate::Lost, Fate::Gained, Fate::Rerouted, Fate::Asymmetric] {
            prop_assert_eq!(case.pairs(&comparison, fate), case.slowly(fate, service), "{:?}", fate);
        }
        for group in &comparison.groups {
            let witness = group.witness.as_ref().expect("few groups");
            prop_assert!(!witness.cause.changes.is_empty(), "{:?}", group);
        }
        // A second look with a pair for each class finds the same.
        let limits = Limits { ways: 24, ..Limits::default() };
        let by_class = case.compare(&objects, limits);
        if by_class.ways.classes_left == 0 {
            for fate in [Fate::Rerouted, Fate::Asymmetric] {
                prop_assert_eq!(case.pairs(&by_class, fate), case.pairs(&comparison, fate), "{:?} by class", fate);
            }
        }
    }
}
