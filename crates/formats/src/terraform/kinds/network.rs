//! Networks, peerings, NICs, machines, routes, gateways.

use super::{Entry, How, Identity, Parent, Resource, Role, Rule, below, group, named, rule, same};

const DELEGATION: &[Rule] = &[rule(
    "service_delegation",
    "",
    How::Inline(&[same("name", "serviceName")]),
)];

const SUBNET: &[Rule] = &[
    same("address_prefixes", "addressPrefixes"),
    same("address_prefix", "addressPrefix"),
    rule("security_group", "networkSecurityGroup", How::Id),
    rule("network_security_group_id", "networkSecurityGroup", How::Id),
    rule("route_table_id", "routeTable", How::Id),
    rule(
        "service_endpoints",
        "serviceEndpoints",
        How::Wrapped("service"),
    ),
    rule(
        "service_endpoint",
        "serviceEndpoints",
        How::Flat(&[same("service", "service")]),
    ),
    rule("delegation", "delegations", How::Blocks(DELEGATION)),
    same("default_outbound_access_enabled", "defaultOutboundAccess"),
    // Names of the provider's versions 2 and 3.
    rule(
        "enforce_private_link_endpoint_network_policies",
        "privateEndpointNetworkPolicies",
        How::Words("Disabled", "Enabled"),
    ),
    rule(
        "private_endpoint_network_policies_enabled",
        "privateEndpointNetworkPolicies",
        How::Words("Enabled", "Disabled"),
    ),
    same(
        "private_endpoint_network_policies",
        "privateEndpointNetworkPolicies",
    ),
];

static VIRTUAL_NETWORK: Resource = group(
    "Microsoft.Network/virtualNetworks",
    &[
        same("address_space", "addressSpace/addressPrefixes"),
        same("dns_servers", "dhcpOptions/dnsServers"),
        same("flow_timeout_in_minutes", "flowTimeoutInMinutes"),
        rule("subnet", "subnets", How::Blocks(SUBNET)),
    ],
);

static SUBNETS: Resource = named(
    "virtual_network_name",
    "Microsoft.Network/virtualNetworks/subnets",
    SUBNET,
);

static PEERING: Resource = named(
    "virtual_network_name",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
    &[
        rule("remote_virtual_network_id", "remoteVirtualNetwork", How::Id),
        same("allow_virtual_network_access", "allowVirtualNetworkAccess"),
        same("allow_forwarded_traffic", "allowForwardedTraffic"),
        same("allow_gateway_transit", "allowGatewayTransit"),
        same("use_remote_gateways", "useRemoteGateways"),
        same(
            "peer_complete_virtual_networks_enabled",
            "peerCompleteVnets",
        ),
        same("local_subnet_names", "localSubnetNames"),
        same("remote_subnet_names", "remoteSubnetNames"),
        same("only_ipv6_peering_enabled", "enableOnlyIPv6Peering"),
    ],
);

/// What every IP configuration says of its address.
const ADDRESS: &[Rule] = &[
    rule("subnet_id", "subnet", How::Id),
    rule("private_ip_address", "privateIPAddress", How::Address),
    same("private_ip_address_allocation", "privateIPAllocationMethod"),
    same("private_ip_address_version", "privateIPAddressVersion"),
    rule("public_ip_address_id", "publicIPAddress", How::Id),
    same("primary", "primary"),
    same("zones", "/zones"),
];

static NIC: Resource = group(
    "Microsoft.Network/networkInterfaces",
    &[
        rule("ip_configuration", "ipConfigurations", How::Blocks(ADDRESS)),
        same("ip_forwarding_enabled", "enableIPForwarding"),
        same("enable_ip_forwarding", "enableIPForwarding"),
        same("dns_servers", "dnsSettings/dnsServers"),
        same("mac_address", "macAddress"),
        rule("network_security_group_id", "networkSecurityGroup", How::Id),
    ],
);

const MACHINE: &[Rule] = &[
    rule(
        "network_interface_ids",
        "networkProfile/networkInterfaces",
        How::Nics,
    ),
    rule("zone", "/zones", How::Listed),
    same("zones", "/zones"),
    same("size", "hardwareProfile/vmSize"),
    same("vm_size", "hardwareProfile/vmSize"),
];

static VIRTUAL_MACHINE: Resource = group("Microsoft.Compute/virtualMachines", MACHINE);
static SCALE_SET: Resource = group("Microsoft.Compute/virtualMachineScaleSets", &[]);
static CLUSTER: Resource = group("Microsoft.ContainerService/managedClusters", &[]);

const ROUTE: &[Rule] = &[
    same("address_prefix", "addressPrefix"),
    same("next_hop_type", "nextHopType"),
    rule("next_hop_in_ip_address", "nextHopIpAddress", How::Address),
];

static ROUTE_TABLE: Resource = group(
    "Microsoft.Network/routeTables",
    &[
        rule("route", "routes", How::Blocks(ROUTE)),
        rule(
            "bgp_route_propagation_enabled",
            "disableBgpRoutePropagation",
            How::Not,
        ),
        same(
            "disable_bgp_route_propagation",
            "disableBgpRoutePropagation",
        ),
    ],
);

static ROUTES: Resource = named(
    "route_table_name",
    "Microsoft.Network/routeTables/routes",
    ROUTE,
);

static GATEWAY: Resource = group(
    "Microsoft.Network/virtualNetworkGateways",
    &[
        same("type", "gatewayType"),
        same("vpn_type", "vpnType"),
        same("sku", "sku/name"),
        same("active_active", "activeActive"),
        same("enable_bgp", "enableBgp"),
        same("bgp_enabled", "enableBgp"),
        rule("ip_configuration", "ipConfigurations", How::Blocks(ADDRESS)),
        rule(
            "bgp_settings",
            "",
            How::Inline(&[
                same("asn", "bgpSettings/asn"),
                same("peering_address", "bgpSettings/bgpPeeringAddress"),
                rule(
                    "peering_addresses",
                    "bgpSettings/bgpPeeringAddress",
                    How::FirstOfEach("default_addresses"),
                ),
            ]),
        ),
        rule(
            "default_local_network_gateway_id",
            "gatewayDefaultSite",
            How::Id,
        ),
        rule(
            "vpn_client_configuration",
            "",
            How::Inline(&[same(
                "address_space",
                "vpnClientConfiguration/vpnClientAddressPool/addressPrefixes",
            )]),
        ),
        rule(
            "custom_route",
            "",
            How::Inline(&[same("address_prefixes", "customRoutes/addressPrefixes")]),
        ),
        rule(
            "policy_group",
            "virtualNetworkGatewayPolicyGroups",
            How::Blocks(&[]),
        ),
    ],
);

static SITE: Resource = group(
    "Microsoft.Network/localNetworkGateways",
    &[
        same("address_space", "localNetworkAddressSpace/addressPrefixes"),
        same("gateway_address", "gatewayIpAddress"),
        same("gateway_fqdn", "fqdn"),
        rule(
            "bgp_settings",
            "",
            How::Inline(&[
                same("asn", "bgpSettings/asn"),
                same("bgp_peering_address", "bgpSettings/bgpPeeringAddress"),
            ]),
        ),
    ],
);

static CONNECTION: Resource = group(
    "Microsoft.Network/connections",
    &[
        same("type", "connectionType"),
        rule(
            "virtual_network_gateway_id",
            "virtualNetworkGateway1",
            How::Id,
        ),
        rule("local_network_gateway_id", "localNetworkGateway2", How::Id),
        rule(
            "peer_virtual_network_gateway_id",
            "virtualNetworkGateway2",
            How::Id,
        ),
        rule("express_route_circuit_id", "peer", How::Id),
        same("enable_bgp", "enableBgp"),
        same("bgp_enabled", "enableBgp"),
        same("routing_weight", "routingWeight"),
        same(
            "use_policy_based_traffic_selectors",
            "usePolicyBasedTrafficSelectors",
        ),
        rule(
            "traffic_selector_policy",
            "trafficSelectorPolicies",
            How::Flat(&[
                same("local_address_cidrs", "localAddressRanges"),
                same("remote_address_cidrs", "remoteAddressRanges"),
            ]),
        ),
        rule("egress_nat_rule_ids", "egressNatRules", How::Ids),
        rule("ingress_nat_rule_ids", "ingressNatRules", How::Ids),
    ],
);

static ROUTE_SERVER: Resource = Resource {
    arm: "Microsoft.Network/virtualHubs",
    identity: Identity::Group,
    rules: &[
        rule("", "/kind", How::Constant("RouteServer")),
        same("sku", "sku"),
        same(
            "branch_to_branch_traffic_enabled",
            "allowBranchToBranchTraffic",
        ),
        same("hub_routing_preference", "hubRoutingPreference"),
    ],
    child: Some((
        "ipConfigurations",
        "ipConfig1",
        &[
            rule("subnet_id", "subnet", How::Id),
            rule("public_ip_address_id", "publicIPAddress", How::Id),
        ],
    )),
};

static ROUTE_SERVER_PEER: Resource = below(
    "route_server_id",
    "Microsoft.Network/virtualHubs/bgpConnections",
    &[
        same("peer_asn", "peerAsn"),
        rule("peer_ip", "peerIp", How::Address),
    ],
);

static CIRCUIT: Resource = group("Microsoft.Network/expressRouteCircuits", &[]);
static CIRCUIT_PORT: Resource = group("Microsoft.Network/expressRoutePorts", &[]);
static CIRCUIT_PEERING: Resource = named(
    "express_route_circuit_name",
    "Microsoft.Network/expressRouteCircuits/peerings",
    &[],
);
static CIRCUIT_GATEWAY: Resource = group("Microsoft.Network/expressRouteGateways", &[]);
static CIRCUIT_CONNECTION: Resource = below(
    "express_route_gateway_id",
    "Microsoft.Network/expressRouteGateways/expressRouteConnections",
    &[],
);
static VIRTUAL_WAN: Resource = group("Microsoft.Network/virtualWans", &[]);
static VIRTUAL_HUB: Resource = group(
    "Microsoft.Network/virtualHubs",
    &[
        same("address_prefix", "addressPrefix"),
        rule("virtual_wan_id", "virtualWan", How::Id),
    ],
);
static VIRTUAL_HUB_CONNECTION: Resource = below(
    "virtual_hub_id",
    "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections",
    &[],
);

const SUBNET_OF: Parent = Parent::Id("subnet_id");

/// The types of this file.
pub(super) const TYPES: &[Entry] = &[
    ("azurerm_virtual_network", Role::Resource(&VIRTUAL_NETWORK)),
    ("azurerm_subnet", Role::Resource(&SUBNETS)),
    ("azurerm_virtual_network_peering", Role::Resource(&PEERING)),
    (
        "azurerm_virtual_network_dns_servers",
        Role::Patch {
            parent: Parent::Id("virtual_network_id"),
            rules: &[same("dns_servers", "dhcpOptions/dnsServers")],
        },
    ),
    (
        "azurerm_subnet_network_security_group_association",
        Role::Patch {
            parent: SUBNET_OF,
            rules: &[rule(
                "network_security_group_id",
                "networkSecurityGroup",
                How::Id,
            )],
        },
    ),
    (
        "azurerm_subnet_route_table_association",
        Role::Patch {
            parent: SUBNET_OF,
            rules: &[rule("route_table_id", "routeTable", How::Id)],
        },
    ),
    (
        "azurerm_subnet_nat_gateway_association",
        Role::Patch {
            parent: SUBNET_OF,
            rules: &[rule("nat_gateway_id", "natGateway", How::Id)],
        },
    ),
    ("azurerm_network_interface", Role::Resource(&NIC)),
    (
        "azurerm_linux_virtual_machine",
        Role::Resource(&VIRTUAL_MACHINE),
    ),
    (
        "azurerm_windows_virtual_machine",
        Role::Resource(&VIRTUAL_MACHINE),
    ),
    ("azurerm_virtual_machine", Role::Resource(&VIRTUAL_MACHINE)),
    (
        "azurerm_linux_virtual_machine_scale_set",
        Role::Resource(&SCALE_SET),
    ),
    (
        "azurerm_windows_virtual_machine_scale_set",
        Role::Resource(&SCALE_SET),
    ),
    (
        "azurerm_orchestrated_virtual_machine_scale_set",
        Role::Resource(&SCALE_SET),
    ),
    (
        "azurerm_virtual_machine_scale_set",
        Role::Resource(&SCALE_SET),
    ),
    ("azurerm_kubernetes_cluster", Role::Resource(&CLUSTER)),
    ("azurerm_route_table", Role::Resource(&ROUTE_TABLE)),
    ("azurerm_route", Role::Resource(&ROUTES)),
    ("azurerm_virtual_network_gateway", Role::Resource(&GATEWAY)),
    (
        "azurerm_virtual_network_gateway_nat_rule",
        Role::Part {
            parent: Parent::Id("virtual_network_gateway_id"),
            array: "natRules",
            rules: &[],
        },
    ),
    ("azurerm_local_network_gateway", Role::Resource(&SITE)),
    (
        "azurerm_virtual_network_gateway_connection",
        Role::Resource(&CONNECTION),
    ),
    ("azurerm_route_server", Role::Resource(&ROUTE_SERVER)),
    (
        "azurerm_route_server_bgp_connection",
        Role::Resource(&ROUTE_SERVER_PEER),
    ),
    ("azurerm_express_route_circuit", Role::Resource(&CIRCUIT)),
    ("azurerm_express_route_port", Role::Resource(&CIRCUIT_PORT)),
    (
        "azurerm_express_route_circuit_peering",
        Role::Resource(&CIRCUIT_PEERING),
    ),
    (
        "azurerm_express_route_gateway",
        Role::Resource(&CIRCUIT_GATEWAY),
    ),
    (
        "azurerm_express_route_connection",
        Role::Resource(&CIRCUIT_CONNECTION),
    ),
    ("azurerm_virtual_wan", Role::Resource(&VIRTUAL_WAN)),
    ("azurerm_virtual_hub", Role::Resource(&VIRTUAL_HUB)),
    (
        "azurerm_virtual_hub_connection",
        Role::Resource(&VIRTUAL_HUB_CONNECTION),
    ),
];
