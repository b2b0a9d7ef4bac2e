//! Any and all ports: judged by classes, and of a pair for as few ports as it takes, held against a packet for every pair and every port
//! that the network tells apart.

use std::sync::Arc;

use generate::{Changes, Shape, generate};
use model::NsgId;
use proptest::prelude::*;
use reach::{Asked, Depth, Matrix, PairJudge, Protocol, Question, Watch, ports};
use testnet::plan;

use crate::world::World;

/// Ends of a random network that are asked about, at most.
const ENDS: usize = 10;

/// Every pair, or the first one that differs.
fn agree(world: &World, asked: Asked, depth: Depth) -> Result<Matrix, String> {
    let (snapshot, ends, watch) = (&world.snapshot, &world.ends, &Watch::default());
    let question = Question {
        asked,
        depth,
        source_port: None,
        listeners: false,
    };
    let quick = reach::matrix(snapshot, ends, ends, question, watch).expect("nobody cancels");
    let slow = reach::by_packets(snapshot, ends, ends, question, watch).expect("nobody cancels");
    for source in 0..ends.len() {
        for destination in 0..ends.len() {
            let cells = [&quick, &slow].map(|matrix| matrix.cell(source, destination));
            if cells[0] != cells[1] {
                let names = ends.names(&world.network);
                return Err(format!(
                    "{asked} {depth:?} {} -> {}: {:?}, by packets {:?}",
                    names[source], names[destination], cells[0], cells[1]
                ));
            }
        }
    }
    Ok(quick)
}

fn questions() -> impl Iterator<Item = (Asked, Depth)> {
    [
        (Asked::AnyPort(Protocol::Tcp), Depth::RoundTrip),
        (Asked::AllPorts(Protocol::Tcp), Depth::RoundTrip),
        (Asked::AnyPort(Protocol::Udp), Depth::Forward),
        (Asked::AllPorts(Protocol::Udp), Depth::Forward),
        (Asked::AllPorts(Protocol::Udp), Depth::RoundTrip),
    ]
    .into_iter()
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Every pair by a packet to every port: seconds a network without optimisation. `.ci/long` tries many.
        cases: (ProptestConfig::default().cases / 64).max(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_and_all_ports_are_what_packets_to_every_port_say(plan in plan()) {
        let scenario = plan.scenario();
        let mut world = World::new(&scenario);
        // Some of the ends: where hashes choose, a pair takes a packet for every port and hash.
        let every = world.ends.len().div_ceil(ENDS);
        let mut number = 0;
        world.ends = Arc::new(world.ends.filter(|_| {
            number += 1;
            number % every == 0
        }));
        for (asked, depth) in questions() {
            agree(&world, asked, depth)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
        }
    }
}

#[test]
fn ends_that_nothing_tells_apart_are_judged_together_and_come_out_as_each_alone() {
    // Many machines in few subnets, with rules for many ports.
    let sizes = Shape::Small.sizes().with(&Changes {
        nics: Some(60),
        virtual_networks: Some(3),
        subnets: Some(8),
        nsgs: Some(4),
        rules: Some(24),
        ..Changes::default()
    });
    let world = World::of(generate(11, &sizes).expect("the sizes go together"));
    assert!(ports::representatives(&world.snapshot, Protocol::Tcp).len() > 20);
    for (asked, depth) in questions().take(2) {
        let matrix = agree(&world, asked, depth).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            matrix.rows().len() < world.ends.len(),
            "nothing was put together"
        );
        let counts = matrix.counts();
        assert!(
            counts.reachable > 0 && counts.reachable < counts.pairs,
            "{counts:?}"
        );
    }
}

/// What a pair's ports have in common stays when one rule names a port more.
#[test]
fn the_reason_names_a_port_that_gives_the_verdict() {
    let world = World::new(
        "virtualNetworks: { v: { addressSpace: [10.0.0.0/16], subnets: { s: { prefix: 10.0.0.0/24, networkSecurityGroup: g } } } }
networkSecurityGroups:
  g:
    securityRules:
      - { name: web, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [443, 8000-8080] }
      - { name: rest, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' }
virtualMachines: { a: { subnet: v/s }, b: { subnet: v/s } }
",
    );
    assert_eq!(
        world
            .network
            .nsgs()
            .get(NsgId::new(0))
            .map(|group| group.rules.len()),
        Some(2)
    );
    let ask = |asked| {
        let question = Question {
            asked,
            depth: Depth::RoundTrip,
            source_port: None,
            listeners: false,
        };
        let judge = PairJudge::new(&world.snapshot, question);
        let (from, to) = (world.ends[0], world.ends[1]);
        let verdict = judge.cell(&from, &to).verdict(Depth::RoundTrip);
        let (service, answer) = judge.reason(&from, &to, verdict);
        (
            verdict.as_str(),
            service.to_string(),
            answer.verdict.as_str(),
        )
    };
    let any = ask(Asked::AnyPort(Protocol::Tcp));
    assert_eq!(any, ("reachable", "tcp/443".to_owned(), "reachable"));
    let all = ask(Asked::AllPorts(Protocol::Tcp));
    assert_eq!(all, ("unreachable", "tcp/1".to_owned(), "unreachable"));
}
