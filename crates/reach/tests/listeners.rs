//! What listens in guests counts if it is asked for: the quick engine and packets agree about it.

use control::snapshot::Guest;
use model::Listener;
use proptest::prelude::*;
use reach::{Asked, Depth, Protocol, Question, Service, Verdict, Watch};
use testnet::plan;

use crate::world::World;

/// Of three guests, one listens to everything, one to 443, one to nothing.
fn with_listeners(world: &mut World) {
    let guests = world.snapshot.guests.iter().zip(0..);
    let guests = guests.map(|(guest, number)| Guest {
        listen: match number % 3 {
            0 => None,
            1 => Some(vec![Listener::Tcp(443)].into()),
            _ => Some(Vec::new().into()),
        },
        ..guest.clone()
    });
    world.snapshot.guests = guests.collect();
}

fn questions() -> impl Iterator<Item = Question> {
    let one = |service, depth| Question::about(service).with_depth(depth);
    [
        one(Service::Tcp(443), Depth::RoundTrip),
        one(Service::Tcp(443), Depth::Forward),
        one(Service::Udp(53), Depth::RoundTrip),
        one(Service::Icmp, Depth::RoundTrip),
        Question {
            asked: Asked::AnyPort(Protocol::Tcp),
            ..Question::about(Service::Icmp)
        },
    ]
    .into_iter()
    .map(|question| Question {
        listeners: true,
        ..question
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Seconds a network without optimisation. `.ci/long` tries many.
        cases: (ProptestConfig::default().cases / 32).max(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn listeners_count_for_classes_as_they_do_for_packets(plan in plan()) {
        let scenario = plan.scenario();
        let mut world = World::new(&scenario);
        with_listeners(&mut world);
        let (ends, watch) = (&world.ends, &Watch::default());
        for question in questions() {
            let quick = reach::matrix(&world.snapshot, ends, ends, question, watch).unwrap();
            let slow = reach::by_packets(&world.snapshot, ends, ends, question, watch).unwrap();
            for source in 0..ends.len() {
                for destination in 0..ends.len() {
                    let cells = [&quick, &slow].map(|matrix| matrix.cell(source, destination));
                    prop_assert_eq!(
                        cells[0], cells[1],
                        "{} {} -> {}\n{}", question.asked, source, destination, &scenario
                    );
                }
            }
        }
    }
}

#[test]
fn nobody_is_reached_where_nothing_listens_but_by_echoes() {
    let world = World::new(
        "virtualNetworks: { v: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24 } } }
virtualMachines: { a: { subnet: v/s }, b: { subnet: v/s } }
guests: { b: { listen: [tcp/443] } }
",
    );
    let ask = |asked: &str, listeners| {
        let question = Question {
            asked: asked.parse().unwrap(),
            listeners,
            ..Question::about(Service::Icmp)
        };
        let (ends, watch) = (&world.ends, Watch::default());
        let matrix = reach::matrix(&world.snapshot, ends, ends, question, &watch).unwrap();
        [(0, 1), (1, 0)].map(|(from, to)| matrix.verdict(from, to).unwrap())
    };
    let (yes, no) = (Verdict::Reachable, Verdict::Unreachable);
    assert_eq!(ask("tcp/80", false), [yes, yes]);
    assert_eq!(ask("tcp/80", true), [no, yes]);
    assert_eq!(ask("tcp/443", true), [yes, yes]);
    assert_eq!(ask("udp/443", true), [no, yes]);
    assert_eq!(ask("icmp", true), [yes, yes]);
    assert_eq!(ask("tcp/any", true), [yes, yes]);
    assert_eq!(ask("udp/any", true), [no, yes]);
    assert_eq!(ask("tcp/all", true), [no, yes]);
}
