//! What is remembered, told in one way whoever remembers it: for tests that compare.

use model::{Direction, NicId};

use super::fused::FusedFlows;
use super::pair::Tick;
use super::{FlowTable, Life};
use crate::packet::FiveTuple;
use crate::time::SimTime;

/// A live pair and everything about it that can ever matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    nic: NicId,
    /// As it leaves the NIC.
    leaving: FiveTuple,
    initiator: Direction,
    icmp_type: Option<u8>,
    admitted_in: u32,
    state: State,
    /// Milliseconds modulo 2³²: the last packet, or the end of the connection.
    since: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Idle time in milliseconds, and the FINs that were seen: outbound, inbound.
    Open(u64, [bool; 2]),
    Closed,
}

/// Pairs that live at `now`, in order.
pub(crate) fn of_table(table: &FlowTable, now: SimTime) -> Vec<Listed> {
    let live = table.pairs.iter().filter(|(_, pair)| pair.lives(now));
    let mut listed: Vec<Listed> = live
        .map(|(key, pair)| {
            let (state, since) = match pair.life {
                Life::Closed(at) => (State::Closed, at),
                Life::Open | Life::Ended => {
                    let idle = pair.idle.as_nanoseconds() / 1_000_000;
                    (State::Open(idle, pair.fins), pair.last_seen)
                }
            };
            Listed {
                nic: key.nic,
                leaving: key.leaving,
                initiator: pair.initiator,
                icmp_type: pair.icmp_type,
                admitted_in: pair.admitted_in,
                state,
                since: Tick::of(since).0,
            }
        })
        .collect();
    listed.sort_unstable();
    listed
}

/// As [`of_table`].
pub(crate) fn of_fused(flows: &FusedFlows, now: SimTime) -> Vec<Listed> {
    let live = flows.listing(now).into_iter();
    let mut listed: Vec<Listed> = live
        .map(|(key, pair)| {
            let [up, down] = pair.life.fins;
            let outbound_is_up = pair.leaves.index() == 0;
            let fins = if outbound_is_up {
                [up, down]
            } else {
                [down, up]
            };
            Listed {
                nic: pair.nic,
                leaving: key.tuple(pair.leaves),
                initiator: if pair.initiator == pair.leaves {
                    Direction::Outbound
                } else {
                    Direction::Inbound
                },
                icmp_type: pair.icmp_type,
                admitted_in: pair.admitted_in,
                state: if pair.life.closed {
                    State::Closed
                } else {
                    State::Open(u64::from(pair.idle), fins)
                },
                since: pair.seen.0,
            }
        })
        .collect();
    listed.sort_unstable();
    listed
}
