//! Connectivity configurations of network managers: virtual networks that reach each other without peering links.

use crate::id::ResourceId;
use crate::spelling::ConnectivityTopology;
use crate::virtual_network::Location;

/// A connectivity configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectivityConfiguration {
    /// Name, unique in the manager.
    pub name: String,
    /// Mesh, or hub and spoke.
    pub topology: ConnectivityTopology,
    /// Id of the hub, whose links with the spokes are peering links of the input like any others.
    pub hub: Option<ResourceId>,
    /// A mesh reaches across regions.
    pub global_mesh: bool,
    /// Groups that it applies to, in the order of the input.
    pub applies_to: Vec<ConnectivityGroup>,
    /// Regions where it is deployed; `None` = everywhere, which is what a file that does not say counts as.
    pub deployed_to: Option<Vec<Location>>,
}

/// A network group in a connectivity configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectivityGroup {
    /// Name of the manager's group.
    pub group: String,
    /// `groupConnectivity` = `DirectlyConnected`: the spokes of the group reach each other. Of no effect in a mesh.
    pub direct: bool,
    /// The spokes use the gateway of the hub: a flag of their peering links.
    pub use_hub_gateway: bool,
    /// `isGlobal`: direct connectivity reaches across regions.
    pub global: bool,
}
