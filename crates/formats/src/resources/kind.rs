//! Which resource types exist, and what reading them means.

use model::ResourceId;

/// A resource type as far as this program treats it in a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    VirtualNetwork,
    Subnet,
    Peering,
    NetworkInterface,
    VirtualMachine,
    RouteTable,
    Route,
    NetworkSecurityGroup,
    SecurityRule,
    ApplicationSecurityGroup,
    PublicIpAddress,
    LoadBalancer,
    BackendPool,
    InboundNatRule,
    NatGateway,
    VirtualNetworkGateway,
    VirtualNetworkAppliance,
    RouteServer,
    RouteServerConfiguration,
    RouteServerPeer,
    LocalNetworkGateway,
    Connection,
    AzureFirewall,
    FirewallPolicy,
    RuleCollectionGroup,
    IpGroup,
    BastionHost,
    PrivateEndpoint,
    ApplicationGateway,
    NetworkManager,
    NetworkGroup,
    StaticMember,
    ConnectivityConfiguration,
    SecurityAdminConfiguration,
    AdminRuleCollection,
    AdminRule,
    PrivateDnsZone,
    PrivateDnsRecord,
    PrivateDnsAlias,
    PrivateDnsLink,
    /// Not simulated, and able to change a verdict: listed as a warning.
    Unsupported,
    /// Unable to change a verdict: only counted.
    Irrelevant,
}

/// Types that are read, in the service's spelling.
const READ: &[(&str, Kind)] = &[
    ("Microsoft.Network/virtualNetworks", Kind::VirtualNetwork),
    (
        "Microsoft.ClassicNetwork/virtualNetworks",
        Kind::VirtualNetwork,
    ),
    ("Microsoft.Network/virtualNetworks/subnets", Kind::Subnet),
    (
        "Microsoft.ClassicNetwork/virtualNetworks/subnets",
        Kind::Subnet,
    ),
    (
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        Kind::Peering,
    ),
    (
        "Microsoft.Network/networkInterfaces",
        Kind::NetworkInterface,
    ),
    ("Microsoft.Compute/virtualMachines", Kind::VirtualMachine),
    ("Microsoft.Network/routeTables", Kind::RouteTable),
    ("Microsoft.Network/routeTables/routes", Kind::Route),
    (
        "Microsoft.Network/networkSecurityGroups",
        Kind::NetworkSecurityGroup,
    ),
    (
        "Microsoft.Network/networkSecurityGroups/securityRules",
        Kind::SecurityRule,
    ),
    (
        "Microsoft.Network/applicationSecurityGroups",
        Kind::ApplicationSecurityGroup,
    ),
    ("Microsoft.Network/publicIPAddresses", Kind::PublicIpAddress),
    ("Microsoft.Network/loadBalancers", Kind::LoadBalancer),
    (
        "Microsoft.Network/loadBalancers/backendAddressPools",
        Kind::BackendPool,
    ),
    (
        "Microsoft.Network/loadBalancers/inboundNatRules",
        Kind::InboundNatRule,
    ),
    ("Microsoft.Network/natGateways", Kind::NatGateway),
    (
        "Microsoft.Network/virtualNetworkGateways",
        Kind::VirtualNetworkGateway,
    ),
    (
        "Microsoft.Network/virtualNetworkAppliances",
        Kind::VirtualNetworkAppliance,
    ),
    // A hub of a virtual WAN has the same type, and is not read.
    ("Microsoft.Network/virtualHubs", Kind::RouteServer),
    (
        "Microsoft.Network/virtualHubs/ipConfigurations",
        Kind::RouteServerConfiguration,
    ),
    (
        "Microsoft.Network/virtualHubs/bgpConnections",
        Kind::RouteServerPeer,
    ),
    (
        "Microsoft.Network/localNetworkGateways",
        Kind::LocalNetworkGateway,
    ),
    ("Microsoft.Network/connections", Kind::Connection),
    ("Microsoft.Network/azureFirewalls", Kind::AzureFirewall),
    ("Microsoft.Network/firewallPolicies", Kind::FirewallPolicy),
    (
        "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
        Kind::RuleCollectionGroup,
    ),
    ("Microsoft.Network/ipGroups", Kind::IpGroup),
    ("Microsoft.Network/bastionHosts", Kind::BastionHost),
    ("Microsoft.Network/privateEndpoints", Kind::PrivateEndpoint),
    (
        "Microsoft.Network/applicationGateways",
        Kind::ApplicationGateway,
    ),
    ("Microsoft.Network/networkManagers", Kind::NetworkManager),
    (
        "Microsoft.Network/networkManagers/networkGroups",
        Kind::NetworkGroup,
    ),
    (
        "Microsoft.Network/networkManagers/networkGroups/staticMembers",
        Kind::StaticMember,
    ),
    (
        "Microsoft.Network/networkManagers/connectivityConfigurations",
        Kind::ConnectivityConfiguration,
    ),
    (
        "Microsoft.Network/networkManagers/securityAdminConfigurations",
        Kind::SecurityAdminConfiguration,
    ),
    (
        "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections",
        Kind::AdminRuleCollection,
    ),
    (
        "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules",
        Kind::AdminRule,
    ),
    ("Microsoft.Network/privateDnsZones", Kind::PrivateDnsZone),
    (
        "Microsoft.Network/privateDnsZones/A",
        Kind::PrivateDnsRecord,
    ),
    (
        "Microsoft.Network/privateDnsZones/CNAME",
        Kind::PrivateDnsAlias,
    ),
    (
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        Kind::PrivateDnsLink,
    ),
];

/// Types outside `Microsoft.Network` that bring NICs or forward packets.
const UNSUPPORTED_ELSEWHERE: &[&str] = &[
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.ClassicCompute/virtualMachines",
    "Microsoft.ClassicNetwork/networkSecurityGroups",
];

/// Types of `Microsoft.Network` that carry no packet between two endpoints of a network and hold no rule for them.
const IRRELEVANT_IN_NETWORK: &[&str] = &[
    "connectionMonitors",
    "ddosCustomPolicies",
    "ddosProtectionPlans",
    "dnsForwardingRulesets",
    "dnsResolverPolicies",
    "dnsZones",
    "expressRouteCircuits",
    "expressRoutePorts",
    "frontDoors",
    "frontDoorWebApplicationFirewallPolicies",
    "applicationGatewayWebApplicationFirewallPolicies",
    "networkExperimentProfiles",
    "networkWatchers",
    "privateDnsZones",
    "privateDnsZonesInternal",
    "publicIPPrefixes",
    "trafficManagerProfiles",
];

/// Children that carry no packet although their parent does.
const IRRELEVANT_CHILDREN: &[&str] = &[
    "privateEndpoints/privateDnsZoneGroups",
    "networkManagers/scopeConnections",
    "networkManagers/ipamPools",
    "networkManagers/verifierWorkspaces",
];

/// Extension types: `.../providers/Microsoft.Insights/diagnosticSettings/X` and their like hang on another resource.
const EXTENSIONS: &[&str] = &[
    "Microsoft.Insights",
    "Microsoft.Authorization",
    "Microsoft.Security",
    "Microsoft.Advisor",
];

impl Kind {
    /// What a full resource type is to us.
    pub(crate) fn of(resource_type: &str) -> Self {
        let is = |name: &str| name.eq_ignore_ascii_case(resource_type);
        if let Some(&(_, kind)) = READ.iter().find(|(name, _)| is(name)) {
            return kind;
        }
        if UNSUPPORTED_ELSEWHERE.iter().any(|name| is(name)) {
            return Self::Unsupported;
        }
        let (namespace, types) = resource_type.split_once('/').unwrap_or((resource_type, ""));
        if EXTENSIONS
            .iter()
            .any(|name| name.eq_ignore_ascii_case(namespace))
            || !namespace.eq_ignore_ascii_case("Microsoft.Network")
        {
            return Self::Irrelevant;
        }
        let mut segments = types.split('/');
        let top = segments.next().unwrap_or_default();
        let below_extension = types.to_ascii_lowercase().contains("/providers/")
            || EXTENSIONS.iter().any(|name| {
                types
                    .to_ascii_lowercase()
                    .contains(&name.to_ascii_lowercase())
            });
        if below_extension
            || IRRELEVANT_CHILDREN
                .iter()
                .any(|name| name.eq_ignore_ascii_case(types))
            || IRRELEVANT_IN_NETWORK
                .iter()
                .any(|name| name.eq_ignore_ascii_case(top))
        {
            return Self::Irrelevant;
        }
        Self::Unsupported
    }

    /// The full type that ids of this kind carry; empty for kinds that stand for many types.
    pub(crate) fn resource_type(self) -> &'static str {
        READ.iter()
            .find(|&&(_, kind)| kind == self)
            .map_or("", |&(name, _)| name)
    }

    /// With its article, for messages.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::VirtualNetwork => "a virtual network",
            Self::Subnet => "a subnet",
            Self::Peering => "a peering link",
            Self::NetworkInterface => "a network interface",
            Self::VirtualMachine => "a virtual machine",
            Self::RouteTable => "a route table",
            Self::Route => "a route",
            Self::NetworkSecurityGroup => "a network security group",
            Self::SecurityRule => "a security rule",
            Self::ApplicationSecurityGroup => "an application security group",
            Self::PublicIpAddress => "a public IP address",
            Self::LoadBalancer => "a load balancer",
            Self::BackendPool => "a back-end pool",
            Self::InboundNatRule => "an inbound NAT rule",
            Self::NatGateway => "a NAT gateway",
            Self::VirtualNetworkGateway => "a virtual network gateway",
            Self::VirtualNetworkAppliance => "a virtual network appliance",
            Self::RouteServer => "a route server",
            Self::RouteServerConfiguration => "an IP configuration of a route server",
            Self::RouteServerPeer => "a BGP connection of a route server",
            Self::LocalNetworkGateway => "a local network gateway",
            Self::Connection => "a connection",
            Self::AzureFirewall => "an Azure firewall",
            Self::FirewallPolicy => "a firewall policy",
            Self::RuleCollectionGroup => "a rule collection group",
            Self::IpGroup => "an IP group",
            Self::BastionHost => "a bastion host",
            Self::PrivateEndpoint => "a private endpoint",
            Self::ApplicationGateway => "an application gateway",
            Self::NetworkManager => "a network manager",
            Self::NetworkGroup => "a network group",
            Self::StaticMember => "a static member",
            Self::ConnectivityConfiguration => "a connectivity configuration",
            Self::SecurityAdminConfiguration => "a security admin configuration",
            Self::AdminRuleCollection => "a rule collection",
            Self::AdminRule => "a security admin rule",
            Self::PrivateDnsZone => "a private DNS zone",
            Self::PrivateDnsRecord | Self::PrivateDnsAlias => "a record set",
            Self::PrivateDnsLink => "a virtual network link",
            Self::Unsupported | Self::Irrelevant => "a resource",
        }
    }

    /// The resource that holds a child of this kind.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::Subnet | Self::Peering => Some(Self::VirtualNetwork),
            Self::Route => Some(Self::RouteTable),
            Self::SecurityRule => Some(Self::NetworkSecurityGroup),
            Self::BackendPool | Self::InboundNatRule => Some(Self::LoadBalancer),
            Self::RuleCollectionGroup => Some(Self::FirewallPolicy),
            Self::RouteServerConfiguration | Self::RouteServerPeer => Some(Self::RouteServer),
            Self::NetworkGroup
            | Self::ConnectivityConfiguration
            | Self::SecurityAdminConfiguration => Some(Self::NetworkManager),
            Self::StaticMember => Some(Self::NetworkGroup),
            Self::AdminRuleCollection => Some(Self::SecurityAdminConfiguration),
            Self::AdminRule => Some(Self::AdminRuleCollection),
            Self::PrivateDnsRecord | Self::PrivateDnsAlias | Self::PrivateDnsLink => {
                Some(Self::PrivateDnsZone)
            }
            _ => None,
        }
    }

    /// True for parts of a network manager: templates that add to one that exists are complete without it.
    pub(crate) const fn is_part_of_a_manager(self) -> bool {
        matches!(
            self,
            Self::NetworkGroup
                | Self::StaticMember
                | Self::ConnectivityConfiguration
                | Self::SecurityAdminConfiguration
                | Self::AdminRuleCollection
                | Self::AdminRule
        )
    }

    /// The kind of an id; extension resources are of the extension's kind.
    pub(crate) fn of_id(id: &ResourceId) -> Self {
        // What comes last is a name, whatever it is.
        let (before, _) = id.as_str().rsplit_once('/').unwrap_or_default();
        let providers = before
            .split('/')
            .filter(|segment| segment.eq_ignore_ascii_case("providers"));
        if providers.count() > 1 {
            Self::Irrelevant
        } else {
            Self::of(&id.kind())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_can_change_a_verdict_are_told_from_those_that_cannot() {
        let cases = [
            ("microsoft.network/VIRTUALNETWORKS/subnets", Kind::Subnet),
            (
                "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
                Kind::RuleCollectionGroup,
            ),
            ("Microsoft.Network/virtualWans", Kind::Unsupported),
            (
                "Microsoft.Compute/virtualMachineScaleSets",
                Kind::Unsupported,
            ),
            ("Microsoft.Network/privateDnsZones/SOA", Kind::Irrelevant),
            ("Microsoft.Storage/storageAccounts", Kind::Irrelevant),
            (
                "Microsoft.Compute/virtualMachines/extensions",
                Kind::Irrelevant,
            ),
            (
                "Microsoft.Network/virtualNetworks/providers/diagnosticSettings",
                Kind::Irrelevant,
            ),
        ];
        for (name, kind) in cases {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn an_extension_of_a_network_resource_is_not_that_resource() {
        let vnet = ResourceId::parse(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
        )
        .unwrap();
        assert_eq!(Kind::of_id(&vnet), Kind::VirtualNetwork);
        let setting = ResourceId::parse(&format!(
            "{vnet}/providers/Microsoft.Insights/diagnosticSettings/d"
        ));
        assert_eq!(Kind::of_id(&setting.unwrap()), Kind::Irrelevant);
    }
}
