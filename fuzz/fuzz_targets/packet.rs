//! Any bytes as a frame that a guest hands to its NIC, walked to its end through a network with an appliance and rules.
#![no_main]

use std::sync::OnceLock;

use control::Snapshot;
use dataplane::flow::FlowTable;
use dataplane::guest::Guests;
use dataplane::pipeline::{Pipeline, Position, accept};
use dataplane::time::SimTime;
use formats::load::{LoadOptions, Loader};
use libfuzzer_sys::fuzz_target;
use model::NicId;

const NETWORK: &str = include_str!("../../crates/cli/examples/hub-spoke-nva.yaml");

fn snapshot() -> &'static Snapshot {
    static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text("hub-spoke-nva.yaml", NETWORK);
        control::compile(&loader.finish().expect("the built-in network is valid").network)
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, frame)) = data.split_first() else { return };
    let snapshot = snapshot();
    let nics = u32::try_from(snapshot.nics.len()).expect("a handful");
    let from = NicId::new(u32::from(first) % nics);
    let Ok(packet) = accept(from, frame.to_vec()) else { return };
    let mut pairs = FlowTable::new(snapshot.options.flow_limit);
    let mut guests = Guests::default();
    let mut waiting = vec![(Position::Leaving(from), packet)];
    // Replies beget no replies without end: the guests' rate limit and the loop guard see to that; this bound catches them if not.
    for _ in 0..10_000 {
        let Some((position, mut packet)) = waiting.pop() else { return };
        let recorder = &mut ();
        let mut pipeline = Pipeline::new(snapshot, &mut pairs, &mut guests, recorder, SimTime::ZERO);
        pipeline.walk(position, &mut packet);
        let spawned = std::mem::take(&mut pipeline.spawned);
        waiting.extend(spawned.into_iter().map(|flight| (flight.position, flight.packet)));
    }
    panic!("one frame begot 10,000 packets");
});
