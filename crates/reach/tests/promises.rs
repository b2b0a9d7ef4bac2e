//! Promises kept and broken, and what they rest on.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use engine::application::{Application, Ping, Probe, ProbeKind, ProbeOutcome};
use engine::latency::{LatencyModel, LatencyParameters};
use engine::simulate::{Settings, Simulation};
use engine::time::SimDuration;
use engine::trace::Occurrence;
use model::Network;
use reach::promises::{
    JudgeError, Judgement, Limits, Outcome, Promise, PromiseKind, World as Where, coverage, devices,
};
use reach::{Addresses, Asked, Depth, Ends, Everyone, Prober, Selector, Service, Verdict, Watch};
use testnet::load;

/// Web and database in two spokes, inspected by an appliance in the hub. Web reaches the database by SQL only.
const SPOKES: &str = "
defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { nva: 10.0.0.0/24 } }
  web: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: via } } }
  db: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: via, networkSecurityGroup: guard } } }
peerings:
  - { name: hub-web, from: hub, to: web }
  - { name: web-hub, from: web, to: hub, allowForwardedTraffic: true }
  - { name: hub-db, from: hub, to: db }
  - { name: db-hub, from: db, to: hub, allowForwardedTraffic: true }
  - { name: web-away, from: web, to: /subscriptions/s9/resourceGroups/g9/providers/Microsoft.Network/virtualNetworks/away, peeringState: Connected, remoteAddressSpace: [10.50.0.0/16] }
routeTables:
  via:
    routes:
      - { name: all, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.0.4 }
      - { name: lost, prefix: 10.2.0.9/32, nextHop: VirtualAppliance 10.50.0.4 }
      - { name: spare, prefix: 172.16.0.0/12, nextHop: None }
networkSecurityGroups:
  guard:
    securityRules:
      - { name: sql, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: 10.1.0.0/16, destination: '*', destinationPorts: [1433] }
      - { name: old, priority: 110, direction: Inbound, access: Allow, protocol: Tcp, source: 10.9.0.0/16, destination: '*', destinationPorts: [1433] }
      - { name: rest, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*', destinationPorts: ['*'] }
virtualMachines:
  nva: { subnet: hub/nva, nic: n0, ipForwarding: true }
  web1: { subnet: web/s, nic: n1 }
  web2: { subnet: web/s, nic: n2 }
  db1: { subnet: db/s, nic: n3 }
  db9: { subnet: db/s, nic: n9, address: 10.2.0.9 }
guests: { nva: { role: appliance } }
";

struct World {
    network: Network,
    snapshot: control::Snapshot,
    latency: LatencyModel,
}

impl World {
    fn new(scenario: &str) -> Self {
        let network = load(scenario);
        Self {
            snapshot: control::compile(&network),
            network,
            latency: LatencyModel::default(),
        }
    }

    fn place(&self) -> Where<'_> {
        Where {
            network: &self.network,
            snapshot: &self.snapshot,
            latency: &self.latency,
        }
    }

    fn ends(&self, selector: &str) -> Arc<Ends> {
        let everyone = Everyone::of(&self.network, &self.snapshot, Addresses::Primary);
        let selector: Selector = selector.parse().unwrap();
        Arc::new(everyone.meant_by(&selector).unwrap())
    }

    fn through(&self, text: &str) -> BTreeSet<reach::Device> {
        devices(&self.network, &self.snapshot, text).unwrap()
    }

    fn promise(&self, kind: PromiseKind, from: &str, to: &str, service: &str) -> Promise {
        Promise {
            kind,
            from: self.ends(from),
            to: self.ends(to),
            services: vec![service.parse::<Asked>().unwrap()],
            both_ways: false,
            depth: Depth::RoundTrip,
        }
    }

    fn judge(&self, promise: &Promise) -> Judgement {
        let (limits, watch) = (Limits::default(), Watch::default());
        promise.judge(self.place(), limits, &watch).unwrap()
    }

    fn name(&self, end: reach::End) -> String {
        Ends::new([end]).names(&self.network).remove(0)
    }
}

fn milliseconds(number: u64) -> PromiseKind {
    PromiseKind::MaxLatency(SimDuration::from_milliseconds(number))
}

#[test]
fn every_kind_of_promise_is_kept_where_it_is_so_and_broken_where_not() {
    let world = World::new(SPOKES);
    let nva = world.through("vm:nva");
    let web_to_db =
        |kind, service| world.judge(&world.promise(kind, "vnet:web", "vm:db1", service));
    let within = |kind| world.judge(&world.promise(kind, "vm:web1", "vm:web2", "icmp"));
    let cases = [
        (
            web_to_db(PromiseKind::Must, "tcp/1433"),
            Outcome::Kept,
            2,
            0,
        ),
        (
            web_to_db(PromiseKind::Must, "tcp/22"),
            Outcome::Broken,
            2,
            2,
        ),
        (web_to_db(PromiseKind::Must, "tcp/any"), Outcome::Kept, 2, 0),
        (
            web_to_db(PromiseKind::Must, "tcp/all"),
            Outcome::Broken,
            2,
            2,
        ),
        (
            web_to_db(PromiseKind::MustNot, "tcp/22"),
            Outcome::Kept,
            2,
            0,
        ),
        (
            web_to_db(PromiseKind::MustNot, "tcp/any"),
            Outcome::Broken,
            2,
            2,
        ),
        (
            web_to_db(PromiseKind::MustPassThrough(nva.clone()), "tcp/1433"),
            Outcome::Kept,
            2,
            0,
        ),
        (
            within(PromiseKind::MustPassThrough(nva.clone())),
            Outcome::Broken,
            1,
            1,
        ),
        (
            within(PromiseKind::MustNotPassThrough(nva.clone())),
            Outcome::Kept,
            1,
            0,
        ),
        (
            web_to_db(PromiseKind::MustNotPassThrough(nva), "tcp/1433"),
            Outcome::Broken,
            2,
            2,
        ),
        (
            web_to_db(milliseconds(100), "tcp/1433"),
            Outcome::Kept,
            2,
            0,
        ),
        (
            web_to_db(milliseconds(1), "tcp/1433"),
            Outcome::Broken,
            2,
            2,
        ),
        (
            web_to_db(milliseconds(100), "tcp/22"),
            Outcome::Broken,
            2,
            2,
        ),
    ];
    for (number, (judgement, outcome, pairs, broken)) in cases.into_iter().enumerate() {
        let found = (judgement.outcome, judgement.pairs, judgement.broken);
        assert_eq!(
            found,
            (outcome, pairs, broken),
            "case {number}: {judgement:#?}"
        );
        assert_eq!(
            judgement.witness.is_some(),
            outcome == Outcome::Broken,
            "case {number}"
        );
    }
}

#[test]
fn the_witness_is_the_first_pair_that_breaks_the_promise() {
    let world = World::new(SPOKES);
    let nva = world.through("n0");
    let passes = PromiseKind::MustNotPassThrough(nva.clone());
    let judgement = world.judge(&world.promise(passes, "all", "vm:db1", "tcp/1433"));
    // The appliance itself reaches nothing: the rule is for web only. Web does, past the appliance.
    assert_eq!(
        (judgement.broken, judgement.ways, judgement.pairs),
        (2, 2, 4)
    );
    let witness = judgement.witness.unwrap();
    assert_eq!(world.name(witness.source), "web1/n1");
    assert_eq!(world.name(witness.destination), "db1/n3");
    assert_eq!(witness.device, nva.first().copied());
    assert!(!witness.is_about_reply);
    assert_eq!(witness.verdict, Verdict::Reachable);
}

#[test]
fn a_promise_both_ways_is_judged_both_ways() {
    let world = World::new(SPOKES);
    let mut promise = world.promise(PromiseKind::Must, "vnet:web", "vm:db1", "tcp/1433");
    promise.both_ways = true;
    let judgement = world.judge(&promise);
    // The database reaches web, too: no group is in the way there.
    assert_eq!((judgement.pairs, judgement.outcome), (4, Outcome::Kept));
    promise.services = vec!["icmp".parse().unwrap()];
    let judgement = world.judge(&promise);
    assert_eq!((judgement.pairs, judgement.broken), (4, 2));
    assert_eq!(world.name(judgement.witness.unwrap().source), "web1/n1");
}

#[test]
fn what_the_input_does_not_hold_is_unknown_and_a_break_goes_before_it() {
    let world = World::new(SPOKES);
    // The route to db9 leads to an appliance in a network that is not part of the input.
    let judgement = world.judge(&world.promise(PromiseKind::Must, "vm:web1", "vm:db9", "icmp"));
    assert_eq!(
        (judgement.outcome, judgement.unknown),
        (Outcome::Unknown, 1)
    );
    assert_eq!(judgement.witness.unwrap().verdict, Verdict::Unknown);
    for kind in [
        PromiseKind::MustNot,
        PromiseKind::MustPassThrough(world.through("vm:nva")),
        milliseconds(1_000),
    ] {
        let judgement = world.judge(&world.promise(kind, "vm:web1", "vm:db9", "icmp"));
        assert_eq!(
            (judgement.outcome, judgement.unknown),
            (Outcome::Unknown, 1),
            "{judgement:#?}"
        );
    }
    let judgement = world.judge(&world.promise(PromiseKind::Must, "vm:web1", "vnet:db", "icmp"));
    assert_eq!(
        (judgement.outcome, judgement.broken, judgement.unknown),
        (Outcome::Broken, 1, 1)
    );
    assert_eq!(world.name(judgement.witness.unwrap().destination), "db1/n3");
}

#[test]
fn an_end_alone_is_no_pair() {
    let world = World::new(SPOKES);
    let judgement = world.judge(&world.promise(PromiseKind::Must, "vm:web1", "vm:web1", "icmp"));
    assert_eq!((judgement.outcome, judgement.pairs), (Outcome::Empty, 0));
}

#[test]
fn ways_beyond_the_limit_are_refused_and_a_cancelled_watch_ends_the_work() {
    let world = World::new(SPOKES);
    let nva = PromiseKind::MustPassThrough(world.through("vm:nva"));
    let promise = world.promise(nva, "vnet:web", "vm:db1", "tcp/1433");
    let with = |ways| Limits {
        ways,
        ..Limits::default()
    };
    // Both machines are alike: one packet speaks for the other.
    let judged = promise.judge(world.place(), with(1), &Watch::default());
    assert_eq!(judged.map(|judged| judged.ways), Ok(2));
    let refused = promise.judge(world.place(), with(0), &Watch::default());
    assert_eq!(refused, Err(JudgeError::TooManyWays { ways: 1, limit: 0 }));
    let watch = Watch::default();
    watch.cancel();
    let ended = promise.judge(world.place(), Limits::default(), &watch);
    assert!(matches!(ended, Err(JudgeError::Cancelled(_))));
}

#[test]
fn devices_are_found_by_kind_name_pattern_and_id() {
    let world = World::new(SPOKES);
    let nva = world.through("vm:nva");
    for text in [
        "VM:NVA",
        "nic:n0",
        "nva/n0",
        "n0",
        "nva",
        "vm:nv?",
        world.network.nics().values().next().unwrap().id.as_str(),
    ] {
        assert_eq!(world.through(text), nva, "{text}");
    }
    assert_eq!(world.through("nic:n*").len(), 5);
    let refused = |text| devices(&world.network, &world.snapshot, text).unwrap_err();
    assert!(!refused("router:nva").is_about_the_network());
    assert!(!refused("vm:").is_about_the_network());
    assert_eq!(
        refused("firewall:nva").to_string(),
        "there is no Azure firewall 'nva' in the topology that a packet could pass; did you mean vm:nva?"
    );
}

/// Names of what each promise touches.
fn touched(
    world: &World,
    promises: &[Promise],
    limits: Limits,
) -> (Vec<(String, Vec<usize>)>, bool) {
    let covered = coverage(promises, world.place(), limits, &Watch::default()).unwrap();
    let all = covered.rules.iter().chain(&covered.routes);
    let names = all.map(|covered| (covered.id.name().to_owned(), covered.promises.clone()));
    (names.collect(), covered.is_exact)
}

#[test]
fn coverage_names_exactly_the_rules_and_routes_that_decided() {
    let world = World::new(SPOKES);
    let sql = world.promise(PromiseKind::Must, "vnet:web", "vm:db1", "tcp/1433");
    let closed = world.promise(PromiseKind::MustNot, "vnet:web", "vm:db1", "tcp/22");
    let one = |name: &str, promises: &[usize]| (name.to_owned(), promises.to_vec());
    let expected = |sql: &[usize], rest: &[usize], all: &[usize]| {
        vec![
            one("sql", sql),
            one("old", &[]),
            one("rest", rest),
            one("all", all),
            one("lost", &[]),
            one("spare", &[]),
        ]
    };
    let exact = Limits::default();
    let ask = |promises: &[Promise]| touched(&world, promises, exact);
    assert_eq!(ask(&[]), (expected(&[], &[], &[]), true));
    assert_eq!(
        ask(std::slice::from_ref(&sql)),
        (expected(&[0], &[], &[0]), true)
    );
    assert_eq!(
        ask(&[sql.clone(), closed.clone()]),
        (expected(&[0], &[1], &[0, 1]), true)
    );
    // Some pairs of each promise touch the same here, and say that not every pair was asked.
    let few = Limits {
        coverage: 1,
        ..exact
    };
    let found = touched(&world, &[sql, closed], few);
    assert_eq!(found, (expected(&[0], &[1], &[0, 1]), false));
}

#[test]
fn a_latency_is_what_a_ping_without_jitter_takes() {
    let mut world = World::new(SPOKES);
    let parameters = LatencyParameters {
        local_sigma: 0.0,
        ..LatencyParameters::default()
    };
    world.latency = LatencyModel::new(parameters).unwrap();
    for (from, to) in [("web1", "web2"), ("web1", "nva"), ("db1", "web2")] {
        let judged = world.judge(&world.promise(
            milliseconds(1_000),
            &format!("vm:{from}"),
            &format!("vm:{to}"),
            "icmp",
        ));
        let (source, destination) = (world.ends(from)[0], world.ends(to)[0]);
        let probe = Probe {
            source: source.address,
            destination: destination.address,
            kind: ProbeKind::Echo {
                identifier: 1,
                payload: 0,
            },
            dont_fragment: false,
        };
        let settings = Settings {
            latency: world.latency.clone(),
            ..Settings::default()
        };
        let (network, snapshot) = (
            Arc::new(world.network.clone()),
            Arc::new(world.snapshot.clone()),
        );
        let mut simulation = Simulation::new(network, snapshot, settings);
        let second = SimDuration::from_seconds(1);
        let ping = Ping::new(probe, 1, second, second, 64);
        simulation
            .install(source.worker, Application::Ping(ping))
            .unwrap();
        let mut measured = None;
        simulation
            .run(|occurrence| {
                if let Occurrence::Probe { event, .. } = occurrence
                    && let ProbeOutcome::Answered { round_trip, .. } = event.outcome
                {
                    measured = Some(round_trip);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(measured.is_some(), "{from} -> {to}");
        assert_eq!(judged.slowest, measured, "{from} -> {to}");
    }
}

#[test]
fn verdicts_are_counted_as_one_packet_a_pair_counts_them() {
    let world = World::new(SPOKES);
    let ends = world.ends("all,internet");
    for service in [Service::Icmp, Service::Tcp(1433), Service::Udp(53)] {
        let mut counts = [0_u64; 3];
        let prober = Prober::new(&world.snapshot, service, None, Depth::RoundTrip);
        for from in ends.iter() {
            for to in ends.iter().filter(|&to| to != from) {
                let (prober, asked) = prober.towards(from, to);
                let cell = prober.cell((from.worker, from.address), asked);
                counts[0] += u64::from(!cell.round_trip && !cell.unknown);
                counts[1] += u64::from(cell.forward);
                counts[2] += u64::from(cell.unknown && !cell.round_trip);
            }
        }
        let [not_reachable, arrive, unknown] = counts;
        let all = |kind| {
            let promise = world.promise(kind, "all,internet", "all,internet", "icmp");
            let services = vec![Asked::One(service)];
            world.judge(&Promise {
                services,
                ..promise
            })
        };
        let must = all(PromiseKind::Must);
        assert_eq!(
            (must.broken, must.unknown),
            (not_reachable, unknown),
            "{service}"
        );
        assert_eq!(all(PromiseKind::MustNot).broken, arrive, "{service}");
        assert!(
            not_reachable > 0 && arrive > 0 && unknown > 0,
            "{service}: {counts:?}"
        );
    }
}
