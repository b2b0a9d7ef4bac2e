//! Replies that arrive from another address than was asked: the one who asked does not know them.

use dataplane::packet::FiveTuple;

use crate::explanation::{FOREIGN_REPLY, Obstacle, PathRecord};
use crate::object::Object;
use crate::stage::Stage;
use crate::way_out::WayOut;

/// What is wrong with a reply that has arrived, if it is not the answer to this probe: the route that led it another way.
pub(crate) fn of(probe: FiveTuple, back: &PathRecord, reply: FiveTuple) -> Option<Obstacle> {
    if reply == probe.reversed() {
        return None;
    }
    let route = back.steps.iter().find(|step| step.stage == Stage::Route)?;
    Some(Obstacle {
        path: "return",
        reason: FOREIGN_REPLY,
        description: "The reply arrives from an address that was not asked, and so is no reply to the one who asked.",
        at: route.at.clone(),
        object: route.object.clone().unwrap_or(Object::Gone),
        background: vec![format!(
            "{} was asked, and {} answers: the reply takes the machine's own routes, here {} (R-35).",
            probe.destination, reply.source, route.text
        )],
        ways_out: vec![WayOut::new(
            "Let the client come in the way the reply goes out: by the public address of what the route leads to (destination NAT there), or take its destinations out of that route.",
        )],
    })
}
