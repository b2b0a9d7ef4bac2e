//! Who reaches whom: the verdict about every pair of ends of a network.
//!
//! The verdict about one pair is what becomes of one real packet and of the reply to it ([`probe`]). Asked for all pairs, the same
//! verdicts are worked out class by class ([`matrix()`]); [`by_packets()`] is the obvious twin that sends a packet for each pair.
//!
//! | module | what it is | what it does not know |
//! |---|---|---|
//! | [`probe`] | one pair, judged by a packet in a world of its own: verdict, why, past which devices | other pairs |
//! | [`question`] | what is asked: a service, any or all ports of a protocol, with or without the reply | the network's ends |
//! | [`ports`] | which ports a network can tell apart, and which a pair can | verdicts |
//! | `approach` | at which address, and as which connection, one end asks for another | other pairs |
//! | `pair` | one pair, judged for a whole question | other pairs |
//! | [`ends`] | who asks and who is asked, in the order of addresses | verdicts |
//! | [`exposure`] | what the Internet reaches, by public address | pairs |
//! | [`bits`] | sets of ends, as runs or as bits | what they mean |
//! | [`matrix`](mod@matrix) | the verdicts about all pairs, equal rows once | how they were found |
//! | [`diff`] | what a change of a network does to its pairs, and what flipped them | files, how it is told |
//! | [`selector`] | who is meant by a few words | verdicts |
//! | [`reasons`] | why pairs are not reachable, for all of them | what people call the objects |
//! | [`verify`](mod@verify) | a matrix held against packets, pair by pair at random | classes |
//! | [`promises`] | whether what a team has promised is so, and which rules and routes that rests on | how promises are written |
//! | [`watch`] | progress of long work, and its end before its time | the work |
//! | `classes` | the quick engine | packets that it does not send |
//! | `again` | the matrix after a change, from the one before | what was changed |
//! | `packets` | the slow engine: one probe a pair | classes |
//!
//! What this crate does **not** know: files, how answers are printed, who has promised what until when.
#![forbid(unsafe_code)]

mod again;
mod approach;
pub mod bits;
mod classes;
pub mod diff;
pub mod ends;
pub mod exposure;
pub mod matrix;
mod packets;
mod pair;
pub mod ports;
pub mod probe;
pub mod promises;
pub mod question;
pub mod reasons;
pub mod selector;
pub mod verify;
pub mod watch;

use std::sync::Arc;

use control::Snapshot;

pub use engine::reachability::{Service, Verdict};

pub use classes::{matrix, tally};
pub use ends::{Addresses, End, EndKind, Ends};
pub use exposure::{Exposure, exposures};
pub use matrix::{Classes, Counts, Matrix, Row};
pub use packets::by_packets;
pub use pair::PairJudge;
pub use probe::{Answer, Cell, Device, Prober, Story, Way, WayEnd};
pub use question::{Asked, Depth, Protocol, Question};
pub use reasons::{Ending, Group, Reason, Reasons, RowReasons};
pub use selector::{Everyone, Selector, SelectorError};
pub use verify::{Mismatch, verify};
pub use watch::{Cancelled, Watch};

/// How many pairs have which verdict. Rows are forgotten once they are counted.
///
/// # Errors
///
/// If `watch` has cancelled the work.
pub fn counts(
    snapshot: &Snapshot,
    sources: &Arc<Ends>,
    destinations: &Arc<Ends>,
    question: Question,
    watch: &Watch,
) -> Result<Counts, Cancelled> {
    tally(snapshot, sources, destinations, question, watch).map(|(counts, _)| counts)
}
