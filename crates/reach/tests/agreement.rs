//! On random networks, for every pair: the quick engine says what a packet of its own says.
//!
//! What is found is written to `proptest-regressions/`, and asked first the next time.

use std::sync::Arc;

use proptest::prelude::*;
use reach::{Depth, Ends, Question, Service, Watch};

use crate::random::plan;
use crate::world::World;

/// Every pair, probe and reply, or the first one that differs.
fn agree(world: &World, sources: &Arc<Ends>, destinations: &Arc<Ends>) -> Result<(), String> {
    for service in [Service::Icmp, Service::Tcp(443), Service::Udp(53)] {
        for depth in [Depth::Forward, Depth::RoundTrip] {
            let question = Question::about(service).with_depth(depth);
            let (snapshot, watch) = (&world.snapshot, Watch::default());
            let ask = |engine: Engine| {
                engine(snapshot, sources, destinations, question, &watch).expect("nobody cancels")
            };
            let (quick, slow) = (ask(reach::matrix), ask(reach::by_packets));
            let names = |ends: &Ends, at: usize| ends.names(&world.network)[at].clone();
            for source in 0..sources.len() {
                for destination in 0..destinations.len() {
                    let cells = (
                        quick.cell(source, destination),
                        slow.cell(source, destination),
                    );
                    if cells.0 != cells.1 {
                        return Err(format!(
                            "{service} {depth:?} {} -> {}: {:?}, by packets {:?}: {:?}",
                            names(sources, source),
                            names(destinations, destination),
                            cells.0,
                            cells.1,
                            slow.reason(snapshot, source, destination),
                        ));
                    }
                }
            }
            let counts = reach::counts(snapshot, sources, destinations, question, &watch);
            if counts != Ok(slow.counts()) {
                return Err(format!(
                    "{service}: {counts:?}, by packets {:?}",
                    slow.counts()
                ));
            }
        }
    }
    Ok(())
}

type Engine = fn(
    &control::Snapshot,
    &Arc<Ends>,
    &Arc<Ends>,
    Question,
    &Watch,
) -> Result<reach::Matrix, reach::Cancelled>;

/// All ends with all others; then some of them alone.
fn agree_about(scenario: &str) -> Result<(), String> {
    let world = World::new(scenario);
    agree(&world, &world.ends, &world.ends)?;
    let some = Arc::new(world.ends.filter(|end| u32::from(end.address) % 2 == 0));
    agree(&world, &world.ends, &some)
}

proptest! {
    #[test]
    fn the_quick_engine_and_packets_agree_about_every_pair(plan in plan()) {
        let scenario = plan.scenario();
        agree_about(&scenario).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }
}
