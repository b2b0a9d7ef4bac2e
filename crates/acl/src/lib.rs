//! Five-tuple classification: of an ordered list of rules, the first that matches a packet decides. Knows nothing of
//! Azure, of allow and deny (a rule has no action, only a position), or of headers.
//!
//! - [`Rule`], with [`Addresses`], [`Ports`] and [`Protocols`] as its fields; [`Key`] is what a packet shows to it.
//! - [`RuleSet`]: a list compiled for [`first_match`](RuleSet::first_match), of one packet or of many.
//! - [`Kernel`]: how it is asked, with the vector instructions that the processor turns out to have.
//! - [`linear`]: the same answers by looking at every rule; what the compiled form is tested against.
//!
//! **Symbolic classes.** A rule may name a [`ClassId`] instead of prefixes. Which addresses belong to a class is not
//! known here; the caller looks it up and puts it into the key. So one compiled rule set serves many places that
//! disagree about what a class contains, and survives every change of it.

mod addresses;
mod compile;
mod kernel;
pub mod linear;
mod ports;
mod read_back;
mod row;
mod rule;
mod rule_set;
mod table;

pub use addresses::{Addresses, ClassId};
pub use kernel::Kernel;
pub use ports::Ports;
pub use rule::{Key, NO_MATCH, Protocols, Rule};
pub use rule_set::RuleSet;
