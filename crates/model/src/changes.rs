//! What a journal has to say of a network: which objects may be others than they were.

use crate::table::{LinkId, NsgId, RouteTableId};

/// What may have changed between a state and a later one. Objects that were created or deleted count as changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Route tables, ascending, each once.
    pub route_tables: Vec<RouteTableId>,
    /// Peering links, ascending, each once. Each stands for its entry in the list of the network that holds it, too.
    pub peerings: Vec<LinkId>,
    /// Network security groups, ascending, each once.
    pub security_groups: Vec<NsgId>,
    /// Something else.
    pub others: bool,
}

impl Changes {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
