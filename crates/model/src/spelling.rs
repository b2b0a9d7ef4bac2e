//! Every word that Azure spells in its own way: the one table of `Display` and `FromStr`.
//!
//! Reading ignores letter case, since real exports differ in it (S-3); writing uses the service's own spelling (`VnetLocal` but
//! `VNetPeering`, O-1).

use std::fmt;
use std::str::FromStr;

/// A text that is none of the words of a closed list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a {what}; expected one of {}", .expected.join(", "))]
pub struct UnknownWord {
    /// The text that was read.
    pub text: String,
    /// What it was meant to be, e.g. `next hop type`.
    pub what: &'static str,
    /// The words that are allowed.
    pub expected: &'static [&'static str],
}

macro_rules! spelled {
    ($($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$variant_doc:meta])* $variant:ident = $spelling:literal $(| $alias:literal)*,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All values, in the order in which they are declared.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Azure's spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $spelling,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                $(if text.eq_ignore_ascii_case($spelling) $(|| text.eq_ignore_ascii_case($alias))* { return Ok(Self::$variant); })+
                Err(UnknownWord { text: text.to_owned(), what: $what, expected: &[$($spelling,)+] })
            }
        }
    )+};
}

spelled! {
    /// Where an effective route comes from (O-1). Ordered by precedence: the earlier variant wins a tie of equal prefixes.
    RouteSource("route source") {
        /// A route of the subnet's route table.
        User = "User",
        /// Learned from a VPN or ExpressRoute gateway, or from a route server.
        VirtualNetworkGateway = "VirtualNetworkGateway",
        /// A system route.
        Default = "Default",
    }

    /// Whether an effective route takes part in the look-up.
    RouteState("route state") {
        /// Takes part.
        Active = "Active",
        /// Listed, but a user route with the same prefix stands before it.
        Invalid = "Invalid",
    }

    /// Next hop type of an effective route, in the exact spelling of the service (O-1). Older and longer names are read too (O-4, D-4).
    NextHopType("next hop type") {
        /// Inside the own virtual network.
        VnetLocal = "VnetLocal" | "VirtualNetwork",
        /// A peered virtual network of the same region.
        VNetPeering = "VNetPeering" | "VirtualNetworkPeering",
        /// A peered virtual network of another region.
        VNetGlobalPeering = "VNetGlobalPeering",
        /// A VPN or ExpressRoute gateway.
        VirtualNetworkGateway = "VirtualNetworkGateway" | "HyperNetGateway",
        /// An address that forwards: an appliance's NIC, a load balancer frontend, a firewall.
        VirtualAppliance = "VirtualAppliance",
        /// The Internet, Azure's public services included.
        Internet = "Internet",
        /// Dropped.
        None = "None" | "Null",
        /// A public service through a service endpoint.
        VirtualNetworkServiceEndpoint = "VirtualNetworkServiceEndpoint",
        /// A private endpoint.
        InterfaceEndpoint = "InterfaceEndpoint",
        /// A connected group of a virtual network manager.
        ConnectedGroup = "ConnectedGroup",
    }

    /// State of one peering link (P-2).
    PeeringState("peering state") {
        /// This link exists, the reverse link does not yet.
        Initiated = "Initiated",
        /// Both links exist.
        Connected = "Connected",
        /// The reverse link or the remote network was deleted.
        Disconnected = "Disconnected",
        /// Just created toward a classic network; Connected shortly after (P-9).
        Updating = "Updating",
    }

    /// How far the two links of a peering know each other's present address space (P-6).
    PeeringSyncLevel("peering sync level") {
        /// Both know.
        FullyInSync = "FullyInSync",
        /// The reverse link is missing, or its copy of our space is old.
        RemoteNotInSync = "RemoteNotInSync",
        /// This link's copy of the remote space is old.
        LocalNotInSync = "LocalNotInSync",
        /// Both copies are old.
        LocalAndRemoteNotInSync = "LocalAndRemoteNotInSync",
    }

    /// Through which of Azure's two management layers a virtual network was deployed.
    DeploymentModel("deployment model") {
        /// Azure Resource Manager.
        ResourceManager = "ResourceManager",
        /// The classic model.
        Classic = "Classic",
    }

    /// One of the separate Azures, by the names of Azure's command line; networks of different ones cannot be peered (P-3).
    Cloud("cloud") {
        /// The public one.
        Public = "AzureCloud",
        /// The one of the United States' government.
        UsGovernment = "AzureUSGovernment",
        /// The one in China.
        China = "AzureChinaCloud",
    }

    /// Direction of a security rule, seen from the VM.
    Direction("direction") {
        /// Toward the VM.
        Inbound = "Inbound" | "In",
        /// Away from the VM.
        Outbound = "Outbound" | "Out",
    }

    /// What a security rule says.
    Access("access") {
        /// Let pass.
        Allow = "Allow",
        /// Drop.
        Deny = "Deny",
    }

    /// What a security admin rule says (S-13).
    AdminAccess("access") {
        /// Let the security groups decide.
        Allow = "Allow",
        /// Let pass, whatever security groups say.
        AlwaysAllow = "AlwaysAllow",
        /// Drop.
        Deny = "Deny",
    }

    /// Whether security admin rules reach networks of services with a network intent policy (S-13).
    IntentPolicyServices("value of applyOnNetworkIntentPolicyBasedServices") {
        /// No rule does.
        None = "None",
        /// Every rule does.
        All = "All",
        /// Rules that say Allow do.
        AllowRulesOnly = "AllowRulesOnly",
    }

    /// How a connectivity configuration joins virtual networks.
    ConnectivityTopology("connectivity topology") {
        /// Each spoke with the hub, and spokes of a group with each other where it says so.
        HubAndSpoke = "HubAndSpoke",
        /// Every network with every other.
        Mesh = "Mesh",
    }

    /// Which policies of a subnet reach its private endpoints.
    PrivateEndpointPolicies("value of privateEndpointNetworkPolicies") {
        /// None does.
        Disabled = "Disabled",
        /// Security groups and route tables do.
        Enabled = "Enabled",
        /// Security groups do.
        NetworkSecurityGroupEnabled = "NetworkSecurityGroupEnabled",
        /// Route tables do.
        RouteTableEnabled = "RouteTableEnabled",
    }

    /// How a private or public address came to its owner.
    AllocationMethod("allocation method") {
        /// Chosen by Azure: the first free address of the subnet.
        Dynamic = "Dynamic",
        /// Chosen by the user.
        Static = "Static",
    }

    /// Power state of a VM. Unknown counts as running.
    PowerState("power state") {
        /// Running.
        Running = "running" | "PowerState/running" | "VM running" | "starting" | "PowerState/starting" | "VM starting",
        /// Stopped, still allocated.
        Stopped = "stopped" | "PowerState/stopped" | "VM stopped" | "stopping" | "PowerState/stopping" | "VM stopping",
        /// Stopped and released.
        Deallocated = "deallocated" | "PowerState/deallocated" | "VM deallocated" | "deallocating" | "PowerState/deallocating" | "VM deallocating",
    }

    /// Kind of a virtual network gateway.
    GatewayType("gateway type") {
        /// IPsec, VNet to VNet, point to site.
        Vpn = "Vpn",
        /// ExpressRoute.
        ExpressRoute = "ExpressRoute",
    }

    /// How a VPN gateway chooses a tunnel.
    VpnType("VPN type") {
        /// By its routing table.
        RouteBased = "RouteBased",
        /// By traffic selectors.
        PolicyBased = "PolicyBased",
    }

    /// What a gateway connection joins.
    ConnectionType("connection type") {
        /// A site behind a local network gateway.
        IPsec = "IPsec",
        /// Another virtual network gateway.
        Vnet2Vnet = "Vnet2Vnet",
        /// An ExpressRoute circuit.
        ExpressRoute = "ExpressRoute",
        /// VPN clients.
        VpnClient = "VPNClient",
    }

    /// Which source of a prefix a route server prefers.
    RoutingPreference("routing preference") {
        /// ExpressRoute, then the shortest path.
        ExpressRoute = "ExpressRoute",
        /// VPN and appliances before ExpressRoute.
        VpnGateway = "VpnGateway",
        /// The shortest path, whatever the source.
        AsPath = "ASPath",
    }

    /// Product tier of a load balancer or public address, as far as it changes what packets may do.
    Sku("SKU") {
        /// Basic: not reachable across global peering (P-7).
        Basic = "Basic",
        /// Standard.
        Standard = "Standard",
        /// Gateway load balancer.
        Gateway = "Gateway",
    }
}

impl Direction {
    /// The other direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Inbound => Self::Outbound,
            Self::Outbound => Self::Inbound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_back_whatever_its_case() {
        for &value in NextHopType::ALL {
            assert_eq!(
                value.as_str().to_uppercase().parse::<NextHopType>(),
                Ok(value)
            );
        }
        assert_eq!("virtualNetwork".parse(), Ok(NextHopType::VnetLocal));
    }

    #[test]
    fn an_unknown_word_names_the_words_that_are_allowed() {
        let error = "Sideways".parse::<Direction>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "'Sideways' is not a direction; expected one of Inbound, Outbound"
        );
    }
}
