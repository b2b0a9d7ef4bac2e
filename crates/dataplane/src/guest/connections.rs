//! The memory of a stateful appliance: which TCP connections it has seen begin.

use std::collections::HashMap;

use crate::packet::{FiveTuple, TcpFlags};
use crate::time::{SimDuration, SimTime};

/// RFC 5382 REQ-5: an established connection is kept for at least 2 h 4 min.
const IDLE: SimDuration = SimDuration::from_seconds(2 * 3600 + 4 * 60);
/// How many connections may be added between two searches for dead ones.
const SWEEP_EVERY: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// By five-tuple, the lower end first.
    last_seen: HashMap<FiveTuple, SimTime>,
    added: usize,
}

impl Connections {
    /// Whether a TCP segment may pass: not if it is of a connection whose SYN did not come this way. A reset ends the connection.
    pub(super) fn admit(&mut self, tuple: FiveTuple, flags: TcpFlags, now: SimTime) -> bool {
        let key = either_way(tuple);
        if flags.asks_for_connection() {
            self.sweep(now);
            self.last_seen.insert(key, now);
            return true;
        }
        let Some(last_seen) = self.last_seen.get_mut(&key) else {
            return false;
        };
        let lives = now - *last_seen <= IDLE;
        *last_seen = now;
        if !lives || flags.contains(TcpFlags::RST) {
            self.last_seen.remove(&key);
        }
        lives
    }

    fn sweep(&mut self, now: SimTime) {
        self.added += 1;
        if self.added > SWEEP_EVERY.max(self.last_seen.len()) {
            self.last_seen
                .retain(|_, last_seen| now - *last_seen <= IDLE);
            self.added = 0;
        }
    }
}

/// One key for both directions.
fn either_way(tuple: FiveTuple) -> FiveTuple {
    tuple.min(tuple.reversed())
}
