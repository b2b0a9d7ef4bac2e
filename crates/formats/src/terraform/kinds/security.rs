//! Security groups, application security groups, the virtual network manager.

use super::{Entry, How, Parent, Resource, Role, Rule, below, group, named, rule, same};

const SECURITY_RULE: &[Rule] = &[
    same("description", "description"),
    same("protocol", "protocol"),
    same("priority", "priority"),
    same("direction", "direction"),
    same("access", "access"),
    same("source_port_range", "sourcePortRange"),
    same("source_port_ranges", "sourcePortRanges"),
    same("destination_port_range", "destinationPortRange"),
    same("destination_port_ranges", "destinationPortRanges"),
    rule("source_address_prefix", "sourceAddressPrefix", How::Address),
    rule(
        "source_address_prefixes",
        "sourceAddressPrefixes",
        How::Address,
    ),
    rule(
        "destination_address_prefix",
        "destinationAddressPrefix",
        How::Address,
    ),
    rule(
        "destination_address_prefixes",
        "destinationAddressPrefixes",
        How::Address,
    ),
    rule(
        "source_application_security_group_ids",
        "sourceApplicationSecurityGroups",
        How::Ids,
    ),
    rule(
        "destination_application_security_group_ids",
        "destinationApplicationSecurityGroups",
        How::Ids,
    ),
];

static GROUP: Resource = group(
    "Microsoft.Network/networkSecurityGroups",
    &[rule(
        "security_rule",
        "securityRules",
        How::Blocks(SECURITY_RULE),
    )],
);

static RULE: Resource = named(
    "network_security_group_name",
    "Microsoft.Network/networkSecurityGroups/securityRules",
    SECURITY_RULE,
);

static APPLICATION_GROUP: Resource = group("Microsoft.Network/applicationSecurityGroups", &[]);

static MANAGER: Resource = group(
    "Microsoft.Network/networkManagers",
    &[
        rule(
            "scope",
            "",
            How::Inline(&[
                same(
                    "management_group_ids",
                    "networkManagerScopes/managementGroups",
                ),
                same("subscription_ids", "networkManagerScopes/subscriptions"),
            ]),
        ),
        same("scope_accesses", "networkManagerScopeAccesses"),
    ],
);

static NETWORK_GROUP: Resource = below(
    "network_manager_id",
    "Microsoft.Network/networkManagers/networkGroups",
    &[],
);

static STATIC_MEMBER: Resource = below(
    "network_group_id",
    "Microsoft.Network/networkManagers/networkGroups/staticMembers",
    &[rule(
        "target_virtual_network_id",
        "resourceId",
        How::Address,
    )],
);

static CONNECTIVITY: Resource = below(
    "network_manager_id",
    "Microsoft.Network/networkManagers/connectivityConfigurations",
    &[
        same("connectivity_topology", "connectivityTopology"),
        rule(
            "applies_to_group",
            "appliesToGroups",
            How::Flat(&[
                rule("network_group_id", "networkGroupId", How::Address),
                same("group_connectivity", "groupConnectivity"),
                same("use_hub_gateway", "useHubGateway"),
                same("global_mesh_enabled", "isGlobal"),
            ]),
        ),
        rule(
            "hub",
            "hubs",
            How::Flat(&[
                rule("resource_id", "resourceId", How::Address),
                same("resource_type", "resourceType"),
            ]),
        ),
        same("global_mesh_enabled", "isGlobal"),
        same("delete_existing_peering_enabled", "deleteExistingPeering"),
    ],
);

static SECURITY_ADMIN: Resource = below(
    "network_manager_id",
    "Microsoft.Network/networkManagers/securityAdminConfigurations",
    &[same(
        "apply_on_network_intent_policy_based_services",
        "applyOnNetworkIntentPolicyBasedServices",
    )],
);

static ADMIN_COLLECTION: Resource = below(
    "security_admin_configuration_id",
    "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections",
    &[rule(
        "network_group_ids",
        "appliesToGroups",
        How::Wrapped("networkGroupId"),
    )],
);

const ADMIN_ADDRESS: &[Rule] = &[
    same("address_prefix", "addressPrefix"),
    same("address_prefix_type", "addressPrefixType"),
];

static ADMIN_RULE: Resource = below(
    "admin_rule_collection_id",
    "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules",
    &[
        rule("", "/kind", How::Constant("Custom")),
        same("action", "access"),
        same("direction", "direction"),
        same("priority", "priority"),
        same("protocol", "protocol"),
        same("description", "description"),
        same("source_port_ranges", "sourcePortRanges"),
        same("destination_port_ranges", "destinationPortRanges"),
        rule("source", "sources", How::Flat(ADMIN_ADDRESS)),
        rule("destination", "destinations", How::Flat(ADMIN_ADDRESS)),
    ],
);

const NIC: Parent = Parent::Id("network_interface_id");

/// The types of this file.
pub(super) const TYPES: &[Entry] = &[
    ("azurerm_network_security_group", Role::Resource(&GROUP)),
    ("azurerm_network_security_rule", Role::Resource(&RULE)),
    (
        "azurerm_application_security_group",
        Role::Resource(&APPLICATION_GROUP),
    ),
    (
        "azurerm_network_interface_security_group_association",
        Role::Patch {
            parent: NIC,
            rules: &[rule(
                "network_security_group_id",
                "networkSecurityGroup",
                How::Id,
            )],
        },
    ),
    (
        "azurerm_network_interface_application_security_group_association",
        Role::Configurations {
            named: None,
            rules: &[rule(
                "application_security_group_id",
                "applicationSecurityGroups",
                How::AppendId,
            )],
        },
    ),
    ("azurerm_network_manager", Role::Resource(&MANAGER)),
    (
        "azurerm_network_manager_network_group",
        Role::Resource(&NETWORK_GROUP),
    ),
    (
        "azurerm_network_manager_static_member",
        Role::Resource(&STATIC_MEMBER),
    ),
    (
        "azurerm_network_manager_connectivity_configuration",
        Role::Resource(&CONNECTIVITY),
    ),
    (
        "azurerm_network_manager_security_admin_configuration",
        Role::Resource(&SECURITY_ADMIN),
    ),
    (
        "azurerm_network_manager_admin_rule_collection",
        Role::Resource(&ADMIN_COLLECTION),
    ),
    (
        "azurerm_network_manager_admin_rule",
        Role::Resource(&ADMIN_RULE),
    ),
];
