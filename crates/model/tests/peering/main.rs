//! The life of a peering, rule by rule; a file a theme.

mod classic;
mod histories;
mod import;
mod refusals;
mod scopes;
mod states;
mod sync;
mod topology;
