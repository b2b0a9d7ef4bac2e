//! On random networks, for every pair: the quick engine says what a packet of its own says.
//!
//! What is found is written to `proptest-regressions/`, and asked first the next time.

use std::sync::{Arc, Mutex};

use model::NsgId;
use proptest::prelude::*;
use reach::{Depth, Prober, Question, Reason, Reasons, Service, Watch};

use crate::world::World;
use testnet::plan;

/// Every pair, probe and reply, or the first one that differs. Some of the ends alone fare as among all.
pub(crate) fn agree_about(world: &World) -> Result<(), String> {
    let (snapshot, ends, watch) = (&world.snapshot, &world.ends, &Watch::default());
    let some = Arc::new(ends.filter(|end| u32::from(end.address) % 2 == 0));
    for (service, depth) in [
        (Service::Icmp, Depth::RoundTrip),
        (Service::Tcp(443), Depth::RoundTrip),
        (Service::Udp(53), Depth::Forward),
    ] {
        let question = Question::about(service).with_depth(depth);
        let slow = reach::by_packets(snapshot, ends, ends, question, watch);
        let slow = slow.expect("nobody cancels");
        for destinations in [ends, &some] {
            let quick = reach::matrix(snapshot, ends, destinations, question, watch);
            let quick = quick.expect("nobody cancels");
            for source in 0..ends.len() {
                for (destination, end) in destinations.iter().enumerate() {
                    let among_all = ends.position(end.address, end.worker);
                    let among_all = among_all.expect("some of them");
                    let cells = (
                        quick.cell(source, destination),
                        slow.cell(source, among_all),
                    );
                    if cells.0 != cells.1 {
                        let names = ends.names(&world.network);
                        return Err(format!(
                            "{service} {depth:?} {} -> {}: {:?}, by packets {:?}: {:?}",
                            names[source],
                            names[among_all],
                            cells.0,
                            cells.1,
                            slow.reason(snapshot, source, among_all),
                        ));
                    }
                }
            }
        }
        let counts = reach::counts(snapshot, ends, ends, question, watch);
        if counts != Ok(slow.counts()) {
            return Err(format!(
                "{service}: {counts:?}, by packets {:?}",
                slow.counts()
            ));
        }
    }
    Ok(())
}

/// Why every pair is not reachable is what its own packet says, for all of the ends and for some.
pub(crate) fn agree_why(world: &World) -> Result<(), String> {
    let (snapshot, ends, watch) = (&world.snapshot, &world.ends, &Watch::default());
    let some = Arc::new(ends.filter(|end| u32::from(end.address) % 2 == 0));
    for (service, depth, destinations) in [
        (Service::Icmp, Depth::RoundTrip, ends),
        (Service::Tcp(443), Depth::RoundTrip, ends),
        (Service::Udp(53), Depth::Forward, &some),
    ] {
        let question = Question::about(service).with_depth(depth);
        let prober = Prober::new(snapshot, service, None, depth);
        let matrix = reach::matrix(snapshot, ends, destinations, question, watch);
        let matrix = matrix.expect("nobody cancels");
        let reasons = Reasons::new(snapshot, &matrix).expect("it is about one service");
        let wrong = Mutex::new(None);
        let told = reasons.for_each_row(0..ends.len(), watch, |row| {
            let from = &ends[row.source()];
            let mut pairs = 0;
            for (destination, to) in destinations.iter().enumerate() {
                if (to.address, to.worker) == (from.address, from.worker) {
                    assert_eq!(row.get(destination), None);
                    continue;
                }
                let (prober, asked) = prober.towards(from, to);
                let answer = prober.way((from.worker, from.address), asked);
                let reason = Reason::of(&answer, depth);
                pairs += u64::from(reason.is_some());
                if row.get(destination) != reason {
                    let names = ends.names(&world.network);
                    *wrong.lock().unwrap() = Some(format!(
                        "{service} {depth:?} {} -> {}: {:?}, by packets {reason:?}",
                        names[row.source()],
                        to.address,
                        row.get(destination),
                    ));
                }
            }
            let groups = row.groups();
            assert_eq!(groups.iter().map(|group| group.pairs).sum::<u64>(), pairs);
            for group in groups {
                assert_eq!(row.get(group.example), Some(group.reason));
            }
        });
        told.expect("nobody cancels");
        if let Some(wrong) = wrong.into_inner().unwrap() {
            return Err(wrong);
        }
    }
    Ok(())
}

/// After a group has lost its rules, or two have changed theirs for each other's, the patched matrix is the one that is made anew.
fn agree_again(scenario: &str) -> Result<(), String> {
    let world = World::new(scenario);
    let watch = Watch::default();
    let question = Question::about(Service::Tcp(443));
    let ask = |snapshot: &control::Snapshot| {
        reach::matrix(snapshot, &world.ends, &world.ends, question, &watch)
    };
    let mut network = world.network.clone();
    let (mut snapshot, mut matrix) = (world.snapshot.clone(), ask(&world.snapshot).unwrap());
    let groups: Vec<NsgId> = network.nsgs().keys().collect();
    for &group in &groups {
        let mut rules = network.nsgs()[groups[0]].rules.to_vec();
        rules.reverse();
        rules.truncate(1);
        network
            .set_security_rules(group, rules)
            .map_err(|refused| refused.to_string())?;
        let after = control::recompile(&network, &snapshot);
        let (patched, changed) = matrix.again(&snapshot, &after, &watch).unwrap();
        let anew = ask(&after).unwrap();
        for source in 0..world.ends.len() {
            let differs = changed
                .binary_search(&u32::try_from(source).unwrap())
                .is_ok();
            for destination in 0..world.ends.len() {
                let cell = patched.cell(source, destination);
                let was = matrix.cell(source, destination);
                if cell != anew.cell(source, destination) || !differs && cell != was {
                    return Err(format!(
                        "{group:?} {source} -> {destination}: {cell:?}, {was:?}"
                    ));
                }
            }
        }
        (snapshot, matrix) = (after, patched);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_matrix_that_is_made_again_is_one_that_is_made_anew(plan in plan()) {
        let scenario = plan.scenario();
        agree_again(&scenario).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }

    #[test]
    fn the_quick_engine_and_packets_agree_about_every_pair(plan in plan()) {
        let scenario = plan.scenario();
        agree_about(&World::new(&scenario)).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }

    #[test]
    fn why_a_pair_is_not_reachable_is_told_by_class_as_by_its_own_packet(plan in plan()) {
        let scenario = plan.scenario();
        agree_why(&World::new(&scenario)).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }
}
