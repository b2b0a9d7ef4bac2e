//! Reads and writes the documents that describe a network: ARM templates, az JSON, scenarios.
//!
//! A document passes through three layers, each of which knows only the one below it:
//!
//! - [`source`] keeps the text of every file, so that a value can say where it was written with eight bytes;
//!   [`diagnostic`] is what is wrong with it, gathered and reported together;
//! - [`json`] reads JSON as people write it for Azure, keeping the place of every key and value;
//! - [`arm`] evaluates templates into the flat list of resources that Azure would be asked to create, and `terraform` does the same
//!   with plans and states.
//!
//! Networks are written as scenarios ([`scenario`]), templates ([`arm::Template`]) and dumps ([`az::Dumps`]); the latter two share [`rest`].
//!
//! Beside them, [`promises`] reads what a team has promised about its network, [`atomic`] writes files whole or not at all, and
//! [`capture`] reads frames.
//!
//! What this crate does not know: what a network does with its resources (`control`, `dataplane`), and how an
//! answer is printed (`report`, `cli`).

pub mod arm;
pub mod atomic;
pub mod az;
pub mod capture;
pub mod diagnostic;
mod document;
pub mod json;
pub mod load;
pub mod locations;
pub mod prices;
pub mod promises;
pub mod resources;
pub mod rest;
pub mod scenario;
pub mod source;
mod terraform;
pub mod yaml;
