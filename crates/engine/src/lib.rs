//! The drivers: virtual time for ping and scenarios, the host's own time for throughput.
//!
//! - [`application`]: programs in guests that send probes
//! - [`simulate`]: the driver in virtual time
//! - [`forward`]: the driver in the host's time
//! - [`trace`]: what a run tells
//! - [`meter`]: what crosses peerings
//! - [`event`]: the total order in which things happen
//! - [`reachability`]: what is asked between two ends, and the words of the answer
//! - [`site`]: names and places of NICs
//! - [`time`]: simulated time, and the date it has in captures
//! - [`latency`]: how long a packet is under way
//! - [`delay`]: the same between the NICs of a network
//! - [`random`]: randomness as a pure function of who draws
//! - [`traffic`]: made-up connections, burst by burst, for the forwarding core

pub mod application;
pub mod delay;
pub mod event;
pub mod forward;
pub mod latency;
pub mod meter;
pub mod random;
pub mod reachability;
pub mod simulate;
pub mod site;
pub mod time;
pub mod trace;
pub mod traffic;
mod worker;
