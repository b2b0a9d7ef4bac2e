//! Promises held against a network all at once come to what packets say, pair by pair.

use std::collections::BTreeSet;
use std::sync::Arc;

use dataplane::recorder::Step;
use engine::delay;
use engine::latency::LatencyModel;
use engine::site::Site;
use engine::time::SimDuration;
use generate::{Changes, Shape, Topology, generate};
use proptest::prelude::*;
use reach::promises::{Limits, Promise, PromiseKind, World as Where, coverage, judge_all};
use reach::{
    Asked, Cell, Depth, Device, End, Ends, Prober, Protocol, Service, Story, Watch, WayEnd,
};
use testnet::plan;

use crate::world::World;

/// What a promise comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    pairs: u64,
    broken: u64,
    unknown: u64,
    ways: u64,
    slowest: Option<SimDuration>,
    witness: Option<(End, End)>,
}

fn arrives(way: &reach::Way) -> bool {
    matches!(way.end, WayEnd::Arrived(_))
}

/// What a packet that arrives says of a promise about ways; and how long it was under way, if that matters.
fn breaks(kind: &PromiseKind, story: &Story, latency: SimDuration) -> bool {
    let (forward, reply) = (&story.answer.forward, story.answer.reply.as_ref());
    let between = |passed: &[Device]| -> Vec<Device> {
        let inner = passed.len().saturating_sub(1);
        passed.get(1..inner).unwrap_or_default().to_vec()
    };
    match kind {
        PromiseKind::MustPassThrough(devices) => {
            let misses = |way: &reach::Way| way.passed.iter().all(|at| !devices.contains(at));
            misses(forward) || reply.is_some_and(|reply| arrives(reply) && misses(reply))
        }
        PromiseKind::MustNotPassThrough(devices) => {
            let meets =
                |way: &reach::Way| between(&way.passed).iter().any(|at| devices.contains(at));
            meets(forward) || reply.is_some_and(meets)
        }
        PromiseKind::MaxLatency(most) => latency > *most,
        PromiseKind::Must | PromiseKind::MustNot => false,
    }
}

/// Asks one pair after the other.
fn slowly(world: &World, promise: &Promise, latency: impl Fn(&Story, End) -> SimDuration) -> Tally {
    let mut tally = Tally::default();
    let mut unknown = None;
    let depth = match promise.kind {
        PromiseKind::MustNot => Depth::Forward,
        _ => promise.depth,
    };
    for &asked in &promise.services {
        let services: Vec<Service> = match asked {
            Asked::One(service) => vec![service],
            Asked::AnyPort(protocol) | Asked::AllPorts(protocol) => {
                let ports = reach::ports::representatives(&world.snapshot, protocol);
                ports
                    .into_iter()
                    .map(|port| protocol.service(port))
                    .collect()
            }
        };
        let probers = services
            .iter()
            .map(|&service| Prober::new(&world.snapshot, service, None, depth));
        let probers: Vec<Prober<'_>> = probers.collect();
        // A promise shows a break of the first service that has one.
        let mut witness = None;
        for from in promise.from.iter() {
            for to in promise
                .to
                .iter()
                .filter(|to| (to.address, to.worker) != (from.address, from.worker))
            {
                let stories = probers.iter().map(|prober| {
                    let (prober, asked) = prober.towards(from, to);
                    prober.story((from.worker, from.address), asked)
                });
                let stories: Vec<Story> = stories.collect();
                let cells = stories.iter().map(|story| story.answer.cell());
                let cell = cells.reduce(|one, other| match asked {
                    Asked::AnyPort(_) => one.or(other, depth),
                    _ => one.and(other, depth),
                });
                let cell: Cell = cell.expect("a service");
                let reached = if depth == Depth::Forward {
                    cell.forward
                } else {
                    cell.round_trip
                };
                tally.pairs += 1;
                let is_broken = match &promise.kind {
                    PromiseKind::Must => !reached && !cell.unknown,
                    PromiseKind::MustNot => reached,
                    kind => {
                        let is_latency = matches!(kind, PromiseKind::MaxLatency(_));
                        let is_looked_at = if is_latency { reached } else { cell.forward };
                        if is_looked_at {
                            tally.ways += 1;
                            let whole = |story: &&Story| {
                                arrives(&story.answer.forward)
                                    && (!is_latency
                                        || depth == Depth::Forward
                                        || story.answer.reply.as_ref().is_some_and(arrives))
                            };
                            let mut is_broken = false;
                            for story in stories.iter().filter(whole) {
                                let took = latency(story, *from);
                                if is_latency {
                                    tally.slowest = tally.slowest.max(Some(took));
                                }
                                is_broken |= breaks(kind, story, took);
                            }
                            is_broken
                        } else {
                            is_latency && !cell.unknown
                        }
                    }
                };
                let is_judged = match promise.kind {
                    PromiseKind::Must | PromiseKind::MustNot | PromiseKind::MaxLatency(_) => {
                        reached
                    }
                    _ => cell.forward,
                };
                if is_broken {
                    tally.broken += 1;
                    witness.get_or_insert((*from, *to));
                } else if cell.unknown && !is_judged {
                    tally.unknown += 1;
                    unknown.get_or_insert((*from, *to));
                }
            }
        }
        tally.witness = tally.witness.or(witness);
    }
    tally.witness = tally.witness.or(unknown);
    tally
}

/// How long the probe and its reply are under way.
fn took(world: &World, story: &Story, from: End) -> SimDuration {
    let model = LatencyModel::default();
    let mut sum = SimDuration::ZERO;
    for (start, steps) in [(from.worker, &story.forward), (from.worker, &story.reply)] {
        let mut at = start;
        for step in steps {
            match *step {
                Step::Sent { nic } => at = nic,
                Step::Received { nic, .. } => {
                    let site = Site::of(&world.network, at).expect("it has sent");
                    sum += delay::link(&world.network, &model, &site, nic).median();
                    at = nic;
                }
                Step::Forwarded { entered, .. } => {
                    sum += delay::forwarding(&world.snapshot, &model, entered);
                }
                _ => {}
            }
        }
    }
    sum
}

/// Some ends, by a number that says which.
fn some(ends: &Ends, of: u32, which: u32) -> Arc<Ends> {
    Arc::new(ends.filter(|end| u32::from(end.address) % of == which))
}

/// One promise of every kind about some of the ends each.
fn promises(world: &World) -> Vec<Promise> {
    let ends = &world.ends;
    // Some of those that forward, and some others.
    let devices: BTreeSet<Device> = world
        .network
        .nics()
        .iter()
        .filter(|(key, nic)| nic.ip_forwarding && key.get() % 3 != 0 || key.get() % 7 == 0)
        .map(|(key, _)| Device::Nic(key))
        .collect();
    let most = SimDuration::from_microseconds(900);
    let kinds = [
        PromiseKind::Must,
        PromiseKind::MustNot,
        PromiseKind::MustPassThrough(devices.clone()),
        PromiseKind::MustNotPassThrough(devices),
        PromiseKind::MaxLatency(most),
    ];
    let rectangles = [
        (Arc::clone(ends), Arc::clone(ends)),
        (some(ends, 2, 0), Arc::clone(ends)),
        (some(ends, 3, 1), some(ends, 2, 1)),
    ];
    let services = [
        Asked::One(Service::Tcp(443)),
        Asked::One(Service::Icmp),
        Asked::AnyPort(Protocol::Tcp),
        Asked::AllPorts(Protocol::Udp),
    ];
    let mut promises = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        for (place, (from, to)) in rectangles.iter().enumerate() {
            let first = services[(number + place) % services.len()];
            promises.push(Promise {
                kind: kind.clone(),
                from: Arc::clone(from),
                to: Arc::clone(to),
                services: vec![first, services[place % 2]],
                both_ways: false,
                depth: if place == 1 {
                    Depth::Forward
                } else {
                    Depth::RoundTrip
                },
            });
        }
    }
    promises
}

/// All promises at once come to what each comes to by packets.
fn agree(world: &World) -> Result<(), String> {
    let latency = LatencyModel::default();
    let place = Where {
        network: &world.network,
        snapshot: &world.snapshot,
        latency: &latency,
    };
    let promises = promises(world);
    let judged = judge_all(&promises, place, Limits::default(), &Watch::default());
    for (promise, judged) in promises.iter().zip(judged.expect("nobody cancels")) {
        let judged = judged.map_err(|error| error.to_string())?;
        let found = Tally {
            pairs: judged.pairs,
            broken: judged.broken,
            unknown: judged.unknown,
            ways: judged.ways,
            slowest: judged.slowest,
            witness: judged
                .witness
                .as_ref()
                .map(|pair| (pair.source, pair.destination)),
        };
        let expected = slowly(world, promise, |story, from| took(world, story, from));
        if found != expected {
            return Err(format!(
                "{:?} {:?} {:?}: {found:#?}, by packets {expected:#?}\n{judged:#?}",
                promise.kind, promise.services, promise.depth
            ));
        }
    }
    Ok(())
}

/// What all pairs of a promise rest on is what each of them rests on.
fn agree_about_coverage(world: &World) -> Result<(), String> {
    let latency = LatencyModel::default();
    let place = Where {
        network: &world.network,
        snapshot: &world.snapshot,
        latency: &latency,
    };
    let touched = |promises: &[Promise]| {
        let found = coverage(promises, place, Limits::default(), &Watch::default());
        let found = found.expect("nobody cancels");
        assert!(found.is_exact);
        let all = found.rules.into_iter().chain(found.routes);
        let touched = all.filter(|covered| !covered.promises.is_empty());
        touched
            .map(|covered| covered.id.to_string())
            .collect::<BTreeSet<String>>()
    };
    for (service, depth) in [
        (Service::Tcp(443), Depth::RoundTrip),
        (Service::Icmp, Depth::Forward),
    ] {
        let promise = |from: Arc<Ends>, to: Arc<Ends>| Promise {
            kind: PromiseKind::Must,
            from,
            to,
            services: vec![Asked::One(service)],
            both_ways: false,
            depth,
        };
        let one = |end: &End| Arc::new(Ends::new([*end]));
        let all = touched(&[promise(Arc::clone(&world.ends), Arc::clone(&world.ends))]);
        let mut each = BTreeSet::new();
        for from in world.ends.iter() {
            for to in world.ends.iter() {
                each.extend(touched(&[promise(one(from), one(to))]));
            }
        }
        if all != each {
            return Err(format!(
                "{service} {depth:?}: {all:#?}, pair by pair {each:#?}"
            ));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 16 + 1, ..ProptestConfig::default() })]

    #[test]
    fn all_promises_at_once_come_to_what_packets_say_of_every_pair(plan in plan()) {
        let scenario = plan.scenario();
        agree(&World::new(&scenario)).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }

    #[test]
    fn promises_rest_on_what_their_pairs_rest_on(plan in plan()) {
        let scenario = plan.scenario();
        agree_about_coverage(&World::new(&scenario)).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }
}

proptest! {
    // Seconds a network without optimisation. `.ci/long` tries many.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 32 + 1, ..ProptestConfig::default() })]

    #[test]
    fn so_they_do_where_many_ends_are_alike(seed: u64, meshed: bool) {
        let changes = Changes {
            topology: Some(if meshed { Topology::Mesh } else { Topology::MultiHub }),
            virtual_networks: Some(6),
            nics: Some(24),
            nsgs: Some(3),
            rules: Some(4),
            ..Changes::default()
        };
        let sizes = Shape::Small.sizes().with(&changes);
        if let Ok(network) = generate(seed, &sizes) {
            agree(&World::of(network)).map_err(|error| TestCaseError::fail(format!("seed {seed}, {sizes}: {error}")))?;
        }
    }
}
