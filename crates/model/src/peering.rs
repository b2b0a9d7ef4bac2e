//! Peering links: what Azure stores of them (P-1 to P-8).
//!
//! A peering is two links, one in each network, each with its own flags (P-1). Deleting one leaves the other behind as
//! Disconnected: these are the API's semantics, not the portal's (P-2, C-1).
//!
//! A classic network has no link (P-9). What it knows of its peer is kept as a link all the same, one that nobody can see or change:
//! it mirrors the link on the Resource Manager side ([`Peering::mirrors`]), so that whoever asks "what does this network know of that
//! one" asks links and nothing else.

use ipnet::Ipv4Net;

use crate::error::OperationError;
use crate::id::ResourceId;
use crate::spelling::{PeeringState, PeeringSyncLevel};
use crate::table::{LinkId, Resource, VnetId};

/// One link of a peering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    /// Full resource id; its name is unique in the network.
    pub id: ResourceId,
    /// The network that holds the link.
    pub virtual_network: VnetId,
    /// The network it points to, which need not be in the input.
    pub remote: ResourceId,
    /// What the link allows.
    pub flags: PeeringFlags,
    /// Whole networks or some subnets.
    pub scope: PeeringScope,
    /// Its state.
    pub state: PeeringState,
    /// The remote prefixes in force: a copy that only creation and sync refresh (P-6).
    pub remote_address_space: Vec<Ipv4Net>,
    /// `resourceGuid` as recorded; the same on both links.
    pub resource_guid: Option<String>,
    /// What a dump says of the sync level; used only where the remote network is not in the input.
    pub recorded_sync_level: Option<PeeringSyncLevel>,
    /// The link that this one mirrors in a classic network (P-9); `None` for every link that Azure knows.
    pub mirrors: Option<LinkId>,
}

/// The flags of a link, by Azure's names (F).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of the service's own object"
)]
pub struct PeeringFlags {
    /// Whether the remote prefixes belong to this side's `VirtualNetwork` tag (F-2).
    pub allow_virtual_network_access: bool,
    /// Whether packets that did not originate in the remote network may enter this one (F-6).
    pub allow_forwarded_traffic: bool,
    /// Whether the remote network may use this network's gateway (F-11).
    pub allow_gateway_transit: bool,
    /// Whether this network uses the remote one's gateway (F-11).
    pub use_remote_gateways: bool,
    /// Skips the check that the remote network has a gateway (F-12).
    pub do_not_verify_remote_gateways: bool,
}

impl Default for PeeringFlags {
    /// As raw ARM without the properties: access true, the rest false (F-1).
    fn default() -> Self {
        Self {
            allow_virtual_network_access: true,
            allow_forwarded_traffic: false,
            allow_gateway_transit: false,
            use_remote_gateways: false,
            do_not_verify_remote_gateways: false,
        }
    }
}

/// What a link joins (P-8).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum PeeringScope {
    /// `peerCompleteVnets: true`.
    #[default]
    CompleteVirtualNetworks,
    /// Only these subnets, by name.
    Subnets {
        /// Of this network.
        local: Vec<String>,
        /// Of the remote network.
        remote: Vec<String>,
        /// `enableOnlyIPv6Peering`: their IPv4 prefixes take no part.
        only_ipv6: bool,
    },
}

/// What a file says of a link.
#[derive(Clone, Debug)]
pub struct PeeringRecord {
    /// Full resource id.
    pub id: ResourceId,
    /// The network that holds the link.
    pub virtual_network: VnetId,
    /// The network it points to.
    pub remote: ResourceId,
    /// Flags.
    pub flags: PeeringFlags,
    /// Whole networks or some subnets.
    pub scope: PeeringScope,
    /// `peeringState`, believed where present.
    pub state: Option<PeeringState>,
    /// `remoteAddressSpace`; missing = the remote network's address space.
    pub remote_address_space: Option<Vec<Ipv4Net>>,
    /// `resourceGuid`.
    pub resource_guid: Option<String>,
    /// `peeringSyncLevel`.
    pub sync_level: Option<PeeringSyncLevel>,
}

/// What was noticed while links were imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportNote {
    /// The recorded state is not the one that the links in the input give; the record is believed.
    StateDiffers {
        /// The link.
        peering: ResourceId,
        /// What the file says.
        recorded: PeeringState,
        /// What follows from the links.
        derived: PeeringState,
    },
    /// The remote network is not in the input and no state is recorded: assumed to be Connected.
    AssumedConnected {
        /// The link.
        peering: ResourceId,
    },
    /// Azure would have refused to create this link.
    WouldBeRefused {
        /// The link.
        peering: ResourceId,
        /// Why.
        error: OperationError,
    },
    /// The link was left out.
    LeftOut {
        /// The link.
        peering: ResourceId,
        /// Why.
        error: OperationError,
    },
}

/// What a sync did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// The link now holds the remote network's present prefixes.
    Refreshed,
    /// Nothing to do on this side. If the level is `RemoteNotInSync`, the reverse link is the one to sync.
    NothingToDo(PeeringSyncLevel),
}

impl Resource for Peering {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}
