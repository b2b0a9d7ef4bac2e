//! Why an operation was refused: one enum, with Azure's own error codes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::address::AddressSpaceError;
use crate::id::ResourceId;
use crate::spelling::{Cloud, Direction};

/// Why an operation was refused. The network is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// A resource of this id exists.
    #[error("a resource with the id {0} exists already")]
    DuplicateId(ResourceId),
    /// Two parts of one resource have the same name.
    #[error("{resource} holds two {what} named '{name}'")]
    DuplicateName {
        /// The resource that holds both.
        resource: ResourceId,
        /// What they are, in the plural.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A rule collection of a network manager names a group that the manager does not have.
    #[error(
        "{collection} applies to the network group '{group}', which the network manager does not have"
    )]
    UnknownNetworkGroup {
        /// The rule collection.
        collection: ResourceId,
        /// The name that it gives.
        group: String,
    },
    /// The resource does not exist.
    #[error("Resource {0} not found.")]
    NotFound(ResourceId),
    /// The resource is in use.
    #[error("{resource} is in use by {user} and cannot be deleted")]
    InUse {
        /// What was to be deleted.
        resource: ResourceId,
        /// What needs it.
        user: ResourceId,
    },
    /// The prefixes are no address space.
    #[error("{resource}: {error}")]
    AddressSpace {
        /// The virtual network.
        resource: ResourceId,
        /// What is wrong.
        error: AddressSpaceError,
    },
    /// A subnet prefix lies outside the network's address space.
    #[error("Subnet '{}' is not valid because its IP address range {prefix} is outside the IP address range of virtual network '{}'.", .subnet.name(), .virtual_network.name())]
    SubnetOutside {
        /// The subnet.
        subnet: ResourceId,
        /// Its prefix.
        prefix: Ipv4Net,
        /// The network.
        virtual_network: ResourceId,
    },
    /// Two subnets share addresses.
    #[error("Subnet '{}' is not valid because its IP address range {prefix} overlaps with that of an existing subnet '{}' ({other_prefix}).", .subnet.name(), .other.name())]
    SubnetsOverlap {
        /// The later subnet.
        subnet: ResourceId,
        /// Its prefix.
        prefix: Ipv4Net,
        /// The earlier subnet.
        other: ResourceId,
        /// Its prefix.
        other_prefix: Ipv4Net,
    },
    /// A subnet is smaller than /29, has host bits set or no prefix.
    #[error("Subnet '{}' has the invalid prefix '{prefix}': {reason}.", .subnet.name())]
    SubnetPrefix {
        /// The subnet.
        subnet: ResourceId,
        /// The prefix as written.
        prefix: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address is not in the subnet.
    #[error("Private static IP address {address} does not belong to the range of subnet prefix {}.", listed(.prefixes))]
    AddressOutside {
        /// The NIC or frontend.
        resource: ResourceId,
        /// The address.
        address: Ipv4Addr,
        /// The subnet's prefixes.
        prefixes: Vec<Ipv4Net>,
    },
    /// Azure keeps the address for itself (N-4).
    #[error("Private static IP address {address} falls within reserved IP range of subnet prefix {}.", listed(.prefixes))]
    AddressReserved {
        /// The NIC or frontend.
        resource: ResourceId,
        /// The address.
        address: Ipv4Addr,
        /// The subnet's prefixes.
        prefixes: Vec<Ipv4Net>,
    },
    /// Somebody has the address.
    #[error(
        "IP configuration {resource} is using the private IP address {address} which is already allocated to resource {owner}."
    )]
    AddressTaken {
        /// The NIC or frontend.
        resource: ResourceId,
        /// The address.
        address: Ipv4Addr,
        /// Who has it.
        owner: ResourceId,
    },
    /// All addresses of the subnet are taken.
    #[error("Subnet {subnet} does not have enough free addresses for {resource}.")]
    SubnetFull {
        /// The NIC or frontend.
        resource: ResourceId,
        /// The subnet.
        subnet: ResourceId,
    },
    /// A NIC without IP configuration.
    #[error("{0} has no IP configuration")]
    NoIpConfiguration(ResourceId),
    /// The IP configurations of a NIC lie in several networks.
    #[error("All IP configurations of {0} have to be in the same virtual network.")]
    SeveralNetworks(ResourceId),
    /// Two rules with one priority (S-1).
    #[error(
        "Security rule {first} conflicts with rule {second}. Rules cannot have the same Priority and Direction."
    )]
    RuleConflict {
        /// The group.
        resource: ResourceId,
        /// The earlier rule.
        first: String,
        /// The later rule.
        second: String,
        /// Their direction.
        direction: Direction,
    },
    /// Two routes with one destination.
    #[error(
        "Route '{second}' conflicts with route '{first}' in {resource}: both have the address prefix {prefix}."
    )]
    RouteConflict {
        /// The table.
        resource: ResourceId,
        /// The earlier route.
        first: String,
        /// The later route.
        second: String,
        /// The destination.
        prefix: String,
    },
    /// The table stops a gateway from working (R-29, G-6).
    #[error("Route table {route_table} is not allowed on {subnet}: {reason}.")]
    RouteTableNotAllowed {
        /// The table.
        route_table: ResourceId,
        /// The subnet.
        subnet: ResourceId,
        /// Why.
        reason: &'static str,
    },
    /// A security group on `RouteServerSubnet` (G-1).
    #[error(
        "Network security group {group} is not allowed on {subnet}: a route server takes none."
    )]
    SecurityGroupNotAllowed {
        /// The group.
        group: ResourceId,
        /// The subnet.
        subnet: ResourceId,
    },
    /// A peering of a network with itself (P-3).
    #[error("Cannot create a peering of {0} with itself.")]
    PeeringWithItself(ResourceId),
    /// A link that a classic network would hold (P-9).
    #[error(
        "Cannot create or update peering {peering}. {local} was deployed through the classic deployment model, which has no peerings of its own: create the one link of the pair in {remote}, which was deployed through Resource Manager."
    )]
    ClassicNetworkHoldsNoPeering {
        /// The link.
        peering: ResourceId,
        /// The classic network.
        local: ResourceId,
        /// The other one.
        remote: ResourceId,
    },
    /// Both networks are classic (P-9).
    #[error(
        "Cannot create or update peering {peering}. {local} and {remote} were both deployed through the classic deployment model and cannot be peered; connect them by a VPN gateway."
    )]
    ClassicNetworks {
        /// The link.
        peering: ResourceId,
        /// Its network.
        local: ResourceId,
        /// The remote network.
        remote: ResourceId,
    },
    /// `useRemoteGateways` toward a classic network (P-9).
    #[error(
        "Peering {peering} cannot have UseRemoteGateways flag set to true because remote virtual network {remote} was deployed through the classic deployment model: the gateway has to be in the virtual network deployed through Resource Manager."
    )]
    ClassicRemoteGateway {
        /// The link.
        peering: ResourceId,
        /// The classic network.
        remote: ResourceId,
    },
    /// Networks of different clouds (P-3).
    #[error(
        "Cannot create or update peering {peering}. Virtual networks {local} ({local_cloud}) and {remote} ({remote_cloud}) cannot be peered because they are in different clouds."
    )]
    DifferentClouds {
        /// The link.
        peering: ResourceId,
        /// Its network.
        local: ResourceId,
        /// The cloud of its region.
        local_cloud: Cloud,
        /// The remote network.
        remote: ResourceId,
        /// The cloud of that region.
        remote_cloud: Cloud,
    },
    /// The address spaces overlap (P-3).
    #[error(
        "Cannot create or update peering {peering}. Virtual networks {local} and {remote} cannot be peered because their address spaces overlap. Overlapping address prefixes: {local_prefix}, {remote_prefix}"
    )]
    VnetAddressSpacesOverlap {
        /// The link.
        peering: ResourceId,
        /// Its network.
        local: ResourceId,
        /// The remote network.
        remote: ResourceId,
        /// A prefix of ours.
        local_prefix: Ipv4Net,
        /// A prefix of theirs.
        remote_prefix: Ipv4Net,
    },
    /// The address space overlaps with a network that the remote one is peered with (P-3).
    #[error(
        "Cannot create or update peering {peering}. Virtual networks {local} and {remote} cannot be peered because address space of the first virtual network overlaps with address space of virtual network {already} already peered with the second virtual network. Overlapping address prefixes: {local_prefix}, {other_prefix}."
    )]
    VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
        /// The link.
        peering: ResourceId,
        /// Its network.
        local: ResourceId,
        /// The remote network.
        remote: ResourceId,
        /// The network that the remote one is peered with.
        already: ResourceId,
        /// A prefix of ours.
        local_prefix: Ipv4Net,
        /// A prefix of that network.
        other_prefix: Ipv4Net,
    },
    /// A second link to one remote network (P-3, P-5).
    #[error(
        "Peering {existing} already references remote virtual network {remote}. Cannot add another peering {peering} referencing the same remote virtual network."
    )]
    AnotherPeeringAlreadyReferencesRemoteVnet {
        /// The link.
        peering: ResourceId,
        /// The link that exists.
        existing: ResourceId,
        /// The remote network.
        remote: ResourceId,
    },
    /// The reverse link is Disconnected (P-2).
    #[error(
        "Cannot create or update peering {peering} because remote peering {reverse} referencing parent virtual network {local} is in Disconnected state. Update or re-create the remote peering to get it back to Initiated state. Peering gets Disconnected when remote vnet or remote peering is deleted and re-created."
    )]
    RemotePeeringIsDisconnected {
        /// The link.
        peering: ResourceId,
        /// The reverse link.
        reverse: ResourceId,
        /// The network of the link.
        local: ResourceId,
    },
    /// `useRemoteGateways` toward a network without gateway (P-3).
    #[error(
        "Peering {peering} cannot have UseRemoteGateways flag set to true because remote virtual network {remote} referenced by the peering does not have any gateways."
    )]
    RemoteVnetHasNoGateways {
        /// The link.
        peering: ResourceId,
        /// The remote network.
        remote: ResourceId,
    },
    /// `useRemoteGateways` while the reverse link offers none (P-3).
    #[error(
        "Peering {peering} cannot have UseRemoteGateways flag set to true, because corresponding remote peering {reverse} has AllowGatewayTransit flag set to false."
    )]
    RemoteAllowsNoTransit {
        /// The link.
        peering: ResourceId,
        /// The reverse link.
        reverse: ResourceId,
    },
    /// `useRemoteGateways` while the own network has a gateway (P-3).
    #[error(
        "Peering {peering} cannot have UseRemoteGateways flag set to true because virtual network {local} has the gateway {gateway} of its own."
    )]
    OwnGatewayPresent {
        /// The link.
        peering: ResourceId,
        /// Its network.
        local: ResourceId,
        /// The gateway.
        gateway: ResourceId,
    },
    /// A second link with `useRemoteGateways` (P-3).
    #[error(
        "Peering {peering} cannot have UseRemoteGateways flag set to true because peering {existing} of the same virtual network has it already."
    )]
    AnotherPeeringUsesRemoteGateways {
        /// The link.
        peering: ResourceId,
        /// The link that has it.
        existing: ResourceId,
    },
    /// `useRemoteGateways` and `allowGatewayTransit` of both links would serve each other.
    #[error("Peering {peering} and its reverse {reverse} cannot both use the other's gateway.")]
    MutualGatewayUse {
        /// The link.
        peering: ResourceId,
        /// The reverse link.
        reverse: ResourceId,
    },
    /// The type or the remote network of a link cannot be changed (P-5).
    #[error("Peering {peering}: {what} cannot be changed; delete the peering and create it again.")]
    PeeringPropertyFixed {
        /// The link.
        peering: ResourceId,
        /// Which property.
        what: &'static str,
    },
    /// More subnets on a side of a subnet peering than the service takes (P-8).
    #[error(
        "Peering {peering} names {count} subnets of {virtual_network}; at most {limit} can take part."
    )]
    TooManyPeeredSubnets {
        /// The link.
        peering: ResourceId,
        /// The network.
        virtual_network: ResourceId,
        /// How many are named.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A subnet named by a subnet peering does not exist (P-8).
    #[error("Peering {peering} names subnet '{subnet}', which {virtual_network} does not have.")]
    PeeredSubnetNotFound {
        /// The link.
        peering: ResourceId,
        /// The subnet.
        subnet: String,
        /// The network.
        virtual_network: ResourceId,
    },
    /// The address space of a peered network is frozen (P-6, `addressSpaceChange: refuse`).
    #[error("Cannot change the address space of {virtual_network} while peering {peering} exists.")]
    AddressSpaceFrozen {
        /// The network.
        virtual_network: ResourceId,
        /// A link of it.
        peering: ResourceId,
    },
    /// A prefix with subnets cannot be removed (P-6).
    #[error("Cannot remove {prefix} from {virtual_network}: subnet {subnet} lies in it.")]
    PrefixInUse {
        /// The network.
        virtual_network: ResourceId,
        /// The prefix that no longer lies in the address space.
        prefix: Ipv4Net,
        /// The subnet.
        subnet: ResourceId,
    },
    /// A principal lacks a right on what it changes or reads.
    #[error(
        "The client '{principal}' with object id '{principal}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
    )]
    AuthorizationFailed {
        /// Who.
        principal: String,
        /// What it may not do.
        action: &'static str,
        /// Where.
        scope: ResourceId,
    },
    /// A principal may write a link, and lacks the right to peer with the other network.
    #[error(
        "The client '{principal}' with object id '{principal}' has permission to perform action '{write}' on scope '{link}'; however, it does not have permission to perform action(s) '{action}' on the linked scope(s) '{scope}' (respectively) or the linked scope(s) are invalid."
    )]
    LinkedAuthorizationFailed {
        /// Who.
        principal: String,
        /// What it may do.
        write: &'static str,
        /// The link.
        link: ResourceId,
        /// What it may not do.
        action: &'static str,
        /// The other network.
        scope: ResourceId,
    },
    /// The other network lies in a tenant to which the principal does not belong.
    #[error(
        "The client has permission to perform action '{action}' on scope '{link}', however the current tenant '{tenant}' is not authorized to access linked subscription '{subscription}'."
    )]
    LinkedTenantNotAuthorized {
        /// What is needed on the other network.
        action: &'static str,
        /// The link.
        link: ResourceId,
        /// The tenant of the link's subscription.
        tenant: String,
        /// The subscription of the other network.
        subscription: String,
    },
    /// A gateway outside `GatewaySubnet`, or a second one of a kind (G-1).
    #[error("Gateway {gateway}: {reason}.")]
    Gateway {
        /// The gateway.
        gateway: ResourceId,
        /// What is wrong.
        reason: &'static str,
    },
}

fn listed(prefixes: &[Ipv4Net]) -> String {
    prefixes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl OperationError {
    /// Azure's error code, where one is known from a document or a recording; `None` where Azure's code was never seen.
    pub const fn azure_code(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotFound(_) => "ResourceNotFound",
            Self::SubnetOutside { .. } => "NetcfgInvalidSubnet",
            Self::SubnetsOverlap { .. } => "NetcfgSubnetRangesOverlap",
            Self::SubnetPrefix { .. } => "InvalidAddressPrefixFormat",
            Self::AddressOutside { .. } => "PrivateIPAddressNotInSubnet",
            Self::AddressReserved { .. } => "PrivateIPAddressInReservedRange",
            Self::AddressTaken { .. } => "PrivateIPAddressIsAllocated",
            Self::SubnetFull { .. } => "SubnetIsFull",
            Self::RuleConflict { .. } => "SecurityRuleConflict",
            Self::RouteConflict { .. } => "RouteConflict",
            Self::VnetAddressSpacesOverlap { .. } => "VnetAddressSpacesOverlap",
            Self::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet { .. } => {
                "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet"
            }
            Self::AnotherPeeringAlreadyReferencesRemoteVnet { .. } => {
                "AnotherPeeringAlreadyReferencesRemoteVnet"
            }
            Self::RemotePeeringIsDisconnected { .. } => "RemotePeeringIsDisconnected",
            Self::RemoteVnetHasNoGateways { .. } => "RemoteVnetHasNoGateways",
            Self::AuthorizationFailed { .. } => "AuthorizationFailed",
            Self::LinkedAuthorizationFailed { .. } | Self::LinkedTenantNotAuthorized { .. } => {
                "LinkedAuthorizationFailed"
            }
            Self::DuplicateId(_)
            | Self::DuplicateName { .. }
            | Self::UnknownNetworkGroup { .. }
            | Self::InUse { .. }
            | Self::AddressSpace { .. }
            | Self::NoIpConfiguration(_)
            | Self::SeveralNetworks(_)
            | Self::RouteTableNotAllowed { .. }
            | Self::SecurityGroupNotAllowed { .. }
            | Self::PeeringWithItself(_)
            | Self::ClassicNetworkHoldsNoPeering { .. }
            | Self::ClassicNetworks { .. }
            | Self::ClassicRemoteGateway { .. }
            | Self::DifferentClouds { .. }
            | Self::TooManyPeeredSubnets { .. }
            | Self::RemoteAllowsNoTransit { .. }
            | Self::OwnGatewayPresent { .. }
            | Self::AnotherPeeringUsesRemoteGateways { .. }
            | Self::MutualGatewayUse { .. }
            | Self::PeeringPropertyFixed { .. }
            | Self::PeeredSubnetNotFound { .. }
            | Self::AddressSpaceFrozen { .. }
            | Self::PrefixInUse { .. }
            | Self::Gateway { .. } => return None,
        })
    }
}
