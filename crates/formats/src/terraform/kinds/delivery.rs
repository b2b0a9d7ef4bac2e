//! Public addresses, load balancers, NAT gateways, firewalls, endpoints, private zones.

use super::{Entry, How, Parent, Resource, Role, Rule, below, group, named, rule, same};

static PUBLIC_IP: Resource = group(
    "Microsoft.Network/publicIPAddresses",
    &[
        same("ip_address", "ipAddress"),
        same("allocation_method", "publicIPAllocationMethod"),
        same("ip_version", "publicIPAddressVersion"),
        same("domain_name_label", "dnsSettings/domainNameLabel"),
        same("idle_timeout_in_minutes", "idleTimeoutInMinutes"),
        same("sku", "/sku/name"),
        same("sku_tier", "/sku/tier"),
        same("zones", "/zones"),
    ],
);

static PUBLIC_PREFIX: Resource = group("Microsoft.Network/publicIPPrefixes", &[]);

static NAT_GATEWAY: Resource = group(
    "Microsoft.Network/natGateways",
    &[
        same("sku_name", "/sku/name"),
        same("idle_timeout_in_minutes", "idleTimeoutInMinutes"),
        rule("public_ip_address_ids", "publicIpAddresses", How::Ids),
        same("zones", "/zones"),
    ],
);

const FRONTEND: &[Rule] = &[
    rule("subnet_id", "subnet", How::Id),
    rule("private_ip_address", "privateIPAddress", How::Address),
    same("private_ip_address_allocation", "privateIPAllocationMethod"),
    same("private_ip_address_version", "privateIPAddressVersion"),
    rule("public_ip_address_id", "publicIPAddress", How::Id),
    same("zones", "/zones"),
];

static LOAD_BALANCER: Resource = group(
    "Microsoft.Network/loadBalancers",
    &[
        same("sku", "/sku/name"),
        same("sku_tier", "/sku/tier"),
        rule(
            "frontend_ip_configuration",
            "frontendIPConfigurations",
            How::Blocks(FRONTEND),
        ),
    ],
);

static POOL: Resource = below(
    "loadbalancer_id",
    "Microsoft.Network/loadBalancers/backendAddressPools",
    &[],
);

const BALANCER: Parent = Parent::Id("loadbalancer_id");

/// What rules of every kind have.
const BALANCING: &[Rule] = &[
    same("protocol", "protocol"),
    same("frontend_port", "frontendPort"),
    same("backend_port", "backendPort"),
    same("frontend_port_start", "frontendPortRangeStart"),
    same("frontend_port_end", "frontendPortRangeEnd"),
    rule(
        "frontend_ip_configuration_name",
        "frontendIPConfiguration",
        How::Sibling("frontendIPConfigurations"),
    ),
    rule("backend_address_pool_id", "backendAddressPool", How::Id),
    rule("backend_address_pool_ids", "backendAddressPools", How::Ids),
    rule("probe_id", "probe", How::Id),
    same("enable_floating_ip", "enableFloatingIP"),
    same("floating_ip_enabled", "enableFloatingIP"),
    same("enable_tcp_reset", "enableTcpReset"),
    same("tcp_reset_enabled", "enableTcpReset"),
    same("idle_timeout_in_minutes", "idleTimeoutInMinutes"),
    same("load_distribution", "loadDistribution"),
    same("disable_outbound_snat", "disableOutboundSnat"),
];

const OUTBOUND: &[Rule] = &[
    same("protocol", "protocol"),
    rule("backend_address_pool_id", "backendAddressPool", How::Id),
    rule(
        "frontend_ip_configuration",
        "frontendIPConfigurations",
        How::Siblings("frontendIPConfigurations"),
    ),
    same("allocated_outbound_ports", "allocatedOutboundPorts"),
    same("idle_timeout_in_minutes", "idleTimeoutInMinutes"),
    same("enable_tcp_reset", "enableTcpReset"),
    same("tcp_reset_enabled", "enableTcpReset"),
];

const PROBE: &[Rule] = &[
    same("protocol", "protocol"),
    same("port", "port"),
    same("request_path", "requestPath"),
    same("interval_in_seconds", "intervalInSeconds"),
    same("number_of_probes", "numberOfProbes"),
];

const PUBLIC_ADDRESS: &[Rule] = &[
    rule("subnet_id", "subnet", How::Id),
    rule("public_ip_address_id", "publicIPAddress", How::Id),
    rule("private_ip_address", "privateIPAddress", How::Address),
];

static FIREWALL: Resource = group(
    "Microsoft.Network/azureFirewalls",
    &[
        rule(
            "ip_configuration",
            "ipConfigurations",
            How::Blocks(PUBLIC_ADDRESS),
        ),
        rule(
            "management_ip_configuration",
            "managementIpConfiguration",
            How::Block(PUBLIC_ADDRESS),
        ),
        rule("firewall_policy_id", "firewallPolicy", How::Id),
        rule(
            "private_ip_ranges",
            "additionalProperties/Network.SNAT.PrivateRanges",
            How::Joined,
        ),
        same("sku_name", "sku/name"),
        same("sku_tier", "sku/tier"),
        same("threat_intel_mode", "threatIntelMode"),
        rule(
            "virtual_hub",
            "",
            How::Inline(&[rule("virtual_hub_id", "virtualHub", How::Id)]),
        ),
        same("zones", "/zones"),
    ],
);

const FIREWALL_OF: Parent = Parent::Name("azure_firewall_name", "Microsoft.Network/azureFirewalls");

/// Rules of a firewall without a policy.
const CLASSIC_RULE: &[Rule] = &[
    same("name", "name"),
    same("description", "description"),
    same("protocols", "protocols"),
    same("source_addresses", "sourceAddresses"),
    same("source_ip_groups", "sourceIpGroups"),
    same("destination_addresses", "destinationAddresses"),
    same("destination_ip_groups", "destinationIpGroups"),
    same("destination_fqdns", "destinationFqdns"),
    same("destination_ports", "destinationPorts"),
    rule("translated_address", "translatedAddress", How::Address),
    same("translated_port", "translatedPort"),
];

const CLASSIC_APPLICATION_RULE: &[Rule] = &[
    same("name", "name"),
    same("source_addresses", "sourceAddresses"),
    same("source_ip_groups", "sourceIpGroups"),
    same("target_fqdns", "targetFqdns"),
    same("fqdn_tags", "fqdnTags"),
    rule("protocol", "protocols", How::Flat(APPLICATION_PROTOCOL)),
];

const APPLICATION_PROTOCOL: &[Rule] = &[same("type", "protocolType"), same("port", "port")];

const CLASSIC_COLLECTION: &[Rule] = &[
    same("priority", "priority"),
    same("action", "action/type"),
    rule("rule", "rules", How::Flat(CLASSIC_RULE)),
];

const CLASSIC_APPLICATIONS: &[Rule] = &[
    same("priority", "priority"),
    same("action", "action/type"),
    rule("rule", "rules", How::Flat(CLASSIC_APPLICATION_RULE)),
];

static POLICY: Resource = group(
    "Microsoft.Network/firewallPolicies",
    &[
        rule("base_policy_id", "basePolicy", How::Id),
        same("private_ip_ranges", "snat/privateRanges"),
        same("sku", "sku/tier"),
        same("threat_intelligence_mode", "threatIntelMode"),
        rule(
            "dns",
            "",
            How::Inline(&[
                same("proxy_enabled", "dnsSettings/enableProxy"),
                same("servers", "dnsSettings/servers"),
            ]),
        ),
    ],
);

const NETWORK_RULE: &[Rule] = &[
    rule("", "ruleType", How::Constant("NetworkRule")),
    same("name", "name"),
    same("description", "description"),
    same("protocols", "ipProtocols"),
    same("source_addresses", "sourceAddresses"),
    rule("source_ip_groups", "sourceIpGroups", How::Address),
    same("destination_addresses", "destinationAddresses"),
    rule("destination_ip_groups", "destinationIpGroups", How::Address),
    same("destination_fqdns", "destinationFqdns"),
    same("destination_ports", "destinationPorts"),
];

const APPLICATION_RULE: &[Rule] = &[
    rule("", "ruleType", How::Constant("ApplicationRule")),
    same("name", "name"),
    same("description", "description"),
    rule("protocols", "protocols", How::Flat(APPLICATION_PROTOCOL)),
    same("source_addresses", "sourceAddresses"),
    rule("source_ip_groups", "sourceIpGroups", How::Address),
    same("destination_addresses", "destinationAddresses"),
    same("destination_fqdns", "targetFqdns"),
    same("destination_urls", "targetUrls"),
    same("destination_fqdn_tags", "fqdnTags"),
    same("web_categories", "webCategories"),
    same("terminate_tls", "terminateTLS"),
];

const NAT_RULE: &[Rule] = &[
    rule("", "ruleType", How::Constant("NatRule")),
    same("name", "name"),
    same("description", "description"),
    same("protocols", "ipProtocols"),
    same("source_addresses", "sourceAddresses"),
    rule("source_ip_groups", "sourceIpGroups", How::Address),
    rule("destination_address", "destinationAddresses", How::Listed),
    same("destination_ports", "destinationPorts"),
    rule("translated_address", "translatedAddress", How::Address),
    same("translated_fqdn", "translatedFqdn"),
    rule("translated_port", "translatedPort", How::Joined),
];

/// A collection of a policy whose rules are of one kind.
macro_rules! collection {
    ($kind:literal, $rules:ident) => {
        How::Flat(&[
            rule("", "ruleCollectionType", How::Constant($kind)),
            same("name", "name"),
            same("priority", "priority"),
            same("action", "action/type"),
            rule("rule", "rules", How::Flat($rules)),
        ])
    };
}

static COLLECTION_GROUP: Resource = below(
    "firewall_policy_id",
    "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
    &[
        same("priority", "priority"),
        rule(
            "application_rule_collection",
            "ruleCollections",
            collection!("FirewallPolicyFilterRuleCollection", APPLICATION_RULE),
        ),
        rule(
            "network_rule_collection",
            "ruleCollections",
            collection!("FirewallPolicyFilterRuleCollection", NETWORK_RULE),
        ),
        rule(
            "nat_rule_collection",
            "ruleCollections",
            collection!("FirewallPolicyNatRuleCollection", NAT_RULE),
        ),
    ],
);

static IP_GROUP: Resource = group(
    "Microsoft.Network/ipGroups",
    &[same("cidrs", "ipAddresses")],
);

static BASTION: Resource = group(
    "Microsoft.Network/bastionHosts",
    &[rule(
        "ip_configuration",
        "ipConfigurations",
        How::Blocks(PUBLIC_ADDRESS),
    )],
);

static APPLICATION_GATEWAY: Resource = group(
    "Microsoft.Network/applicationGateways",
    &[rule(
        "frontend_ip_configuration",
        "frontendIPConfigurations",
        How::Blocks(FRONTEND),
    )],
);

static PRIVATE_ENDPOINT: Resource = group(
    "Microsoft.Network/privateEndpoints",
    &[
        rule("subnet_id", "subnet", How::Id),
        rule(
            "private_service_connection",
            "privateLinkServiceConnections",
            How::Blocks(&[
                rule(
                    "private_connection_resource_id",
                    "privateLinkServiceId",
                    How::Address,
                ),
                same("subresource_names", "groupIds"),
            ]),
        ),
        rule(
            "ip_configuration",
            "ipConfigurations",
            How::Blocks(&[
                rule("private_ip_address", "privateIPAddress", How::Address),
                same("subresource_name", "groupId"),
                same("member_name", "memberName"),
            ]),
        ),
        // What a state has: the address that Azure gave.
        rule(
            "private_service_connection",
            "customDnsConfigs",
            How::Flat(&[rule("private_ip_address", "ipAddresses", How::Listed)]),
        ),
        same(
            "custom_network_interface_name",
            "customNetworkInterfaceName",
        ),
    ],
);

static ZONE: Resource = group("Microsoft.Network/privateDnsZones", &[]);

static ZONE_LINK: Resource = named(
    "private_dns_zone_name",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    &[
        rule("virtual_network_id", "virtualNetwork", How::Id),
        same("registration_enabled", "registrationEnabled"),
    ],
);

static A_RECORD: Resource = named(
    "zone_name",
    "Microsoft.Network/privateDnsZones/A",
    &[
        same("ttl", "ttl"),
        rule("records", "aRecords", How::Wrapped("ipv4Address")),
    ],
);

static CNAME_RECORD: Resource = named(
    "zone_name",
    "Microsoft.Network/privateDnsZones/CNAME",
    &[same("ttl", "ttl"), same("record", "cnameRecord/cname")],
);

/// The types of this file.
pub(super) const TYPES: &[Entry] = &[
    ("azurerm_public_ip", Role::Resource(&PUBLIC_IP)),
    ("azurerm_public_ip_prefix", Role::Resource(&PUBLIC_PREFIX)),
    ("azurerm_nat_gateway", Role::Resource(&NAT_GATEWAY)),
    (
        "azurerm_nat_gateway_public_ip_association",
        Role::Patch {
            parent: Parent::Id("nat_gateway_id"),
            rules: &[rule(
                "public_ip_address_id",
                "publicIpAddresses",
                How::AppendId,
            )],
        },
    ),
    ("azurerm_lb", Role::Resource(&LOAD_BALANCER)),
    ("azurerm_lb_backend_address_pool", Role::Resource(&POOL)),
    (
        "azurerm_lb_backend_address_pool_address",
        Role::Part {
            parent: Parent::Id("backend_address_pool_id"),
            array: "loadBalancerBackendAddresses",
            rules: &[
                rule("ip_address", "ipAddress", How::Address),
                rule("virtual_network_id", "virtualNetwork", How::Id),
            ],
        },
    ),
    (
        "azurerm_lb_rule",
        Role::Part {
            parent: BALANCER,
            array: "loadBalancingRules",
            rules: BALANCING,
        },
    ),
    (
        "azurerm_lb_nat_rule",
        Role::Part {
            parent: BALANCER,
            array: "inboundNatRules",
            rules: BALANCING,
        },
    ),
    (
        "azurerm_lb_nat_pool",
        Role::Part {
            parent: BALANCER,
            array: "inboundNatPools",
            rules: BALANCING,
        },
    ),
    (
        "azurerm_lb_outbound_rule",
        Role::Part {
            parent: BALANCER,
            array: "outboundRules",
            rules: OUTBOUND,
        },
    ),
    (
        "azurerm_lb_probe",
        Role::Part {
            parent: BALANCER,
            array: "probes",
            rules: PROBE,
        },
    ),
    (
        "azurerm_network_interface_backend_address_pool_association",
        Role::Configurations {
            named: Some("ip_configuration_name"),
            rules: &[rule(
                "backend_address_pool_id",
                "loadBalancerBackendAddressPools",
                How::AppendId,
            )],
        },
    ),
    (
        "azurerm_network_interface_nat_rule_association",
        Role::Configurations {
            named: Some("ip_configuration_name"),
            rules: &[rule(
                "nat_rule_id",
                "loadBalancerInboundNatRules",
                How::AppendId,
            )],
        },
    ),
    ("azurerm_firewall", Role::Resource(&FIREWALL)),
    (
        "azurerm_firewall_network_rule_collection",
        Role::Part {
            parent: FIREWALL_OF,
            array: "networkRuleCollections",
            rules: CLASSIC_COLLECTION,
        },
    ),
    (
        "azurerm_firewall_nat_rule_collection",
        Role::Part {
            parent: FIREWALL_OF,
            array: "natRuleCollections",
            rules: CLASSIC_COLLECTION,
        },
    ),
    (
        "azurerm_firewall_application_rule_collection",
        Role::Part {
            parent: FIREWALL_OF,
            array: "applicationRuleCollections",
            rules: CLASSIC_APPLICATIONS,
        },
    ),
    ("azurerm_firewall_policy", Role::Resource(&POLICY)),
    (
        "azurerm_firewall_policy_rule_collection_group",
        Role::Resource(&COLLECTION_GROUP),
    ),
    ("azurerm_ip_group", Role::Resource(&IP_GROUP)),
    (
        "azurerm_ip_group_cidr",
        Role::Patch {
            parent: Parent::Id("ip_group_id"),
            rules: &[rule("cidr", "ipAddresses", How::Append)],
        },
    ),
    ("azurerm_bastion_host", Role::Resource(&BASTION)),
    (
        "azurerm_application_gateway",
        Role::Resource(&APPLICATION_GATEWAY),
    ),
    (
        "azurerm_private_endpoint",
        Role::Resource(&PRIVATE_ENDPOINT),
    ),
    (
        "azurerm_private_endpoint_application_security_group_association",
        Role::Patch {
            parent: Parent::Id("private_endpoint_id"),
            rules: &[rule(
                "application_security_group_id",
                "applicationSecurityGroups",
                How::AppendId,
            )],
        },
    ),
    ("azurerm_private_dns_zone", Role::Resource(&ZONE)),
    (
        "azurerm_private_dns_zone_virtual_network_link",
        Role::Resource(&ZONE_LINK),
    ),
    ("azurerm_private_dns_a_record", Role::Resource(&A_RECORD)),
    (
        "azurerm_private_dns_cname_record",
        Role::Resource(&CNAME_RECORD),
    ),
];
