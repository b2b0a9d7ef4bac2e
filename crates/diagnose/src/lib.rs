//! Why a packet lived or died, and what to change.
//!
//! - [`explain`]: sends the probe once more, with evidence
//! - [`explanation`]: the answer as plain data
//! - [`asymmetry`]: devices that see one direction only
//! - [`dependence`], [`assumptions`]: options and inferred rules on which the answer rests
//! - `foreign_reply`: replies that come from an address that was not asked
//! - [`evidence`]: one step of a packet's life in words
//! - [`object`]: the rule, route, link or NIC that decided, by name
//! - [`names`]: how a name is resolved, and by whom
//! - [`relation`]: how two virtual networks stand to each other
//! - `translation`: what the platform puts into a packet, in words
//! - [`stage`]: the questions of a packet's life
//! - [`ways_out`], [`way_out`]: what to change so that a dropped packet would pass; one such thing
//! - [`lint`]: what is wrong with a network without anybody sending a packet
//!
//! What this crate does **not** know: how to print. Its answers are plain data with names in it; `report` words and lays them out.
#![forbid(unsafe_code)]

pub mod assumptions;
pub mod asymmetry;
mod commands;
pub mod connectivity;
pub mod dependence;
pub mod evidence;
pub mod explain;
pub mod explanation;
mod foreign_reply;
pub mod lint;
pub mod names;
pub mod object;
pub mod relation;
pub mod stage;
mod translation;
pub mod way_out;
pub mod ways_out;
