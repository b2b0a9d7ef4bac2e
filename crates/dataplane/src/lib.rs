//! What happens to a packet: the compiled tables of `control`, asked in the order in which Azure's hosts ask them.
//!
//! Start with [`pipeline`]: it holds a packet's life from the guest that sends it to the guest that gets it, on one screen.
//!
//! What this crate does **not** know: sockets, files, threads, any clock (time is handed in, [`time`]), randomness. It does not know
//! peerings, flags or route tables either: `control` has compiled them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`pipeline`] | the order of the checks; the one walk that every driver uses |
//! | [`answers`] | rules, next hop, boundary: pure questions to the snapshot |
//! | [`forward`] | the forwarding core: whole bursts at full speed |
//! | [`flow`] | what NICs remember of flows they have admitted |
//! | [`guest`] | hosts that answer, appliances and gateways that forward |
//! | [`nat`] | which flows the platform has translated, and to what |
//! | [`packet`] | real bytes, checked once, patched in place |
//! | [`counters`] | what became of packets, and the proof that none got lost |
//! | [`dropped`] | the closed list of drop reasons, and what each drop points at |
//! | [`recorder`] | nothing at full speed, every step for `explain` |

pub mod answers;
mod checksum;
pub mod counters;
pub mod dropped;
mod faults;
pub mod flow;
pub mod forward;
pub mod guest;
mod memory;
pub mod nat;
pub mod packet;
pub mod pipeline;
pub mod recorder;
pub mod time;

pub use dropped::{DropReason, Dropped, Locator};
pub use flow::{FlowTable, Pairs};
pub use guest::Guests;
pub use packet::Packet;
pub use pipeline::{Delivery, InFlight, Outcome, Pipeline, Position, Stage};
pub use recorder::{Evidence, Recorder, Step};
