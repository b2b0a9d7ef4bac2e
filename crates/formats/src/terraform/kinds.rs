//! Which types of the `azurerm` provider there are, and how their arguments are called in ARM.
//!
//! Tables only: [`super::lower`] follows them. Arguments that are in no table decide nothing that is simulated.

mod delivery;
mod network;
mod security;

/// What a Terraform type is in ARM.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// A resource of its own.
    Resource(&'static Resource),
    /// Part of another resource in ARM, such as a rule of a load balancer: one more element of an array.
    Part {
        parent: Parent,
        array: &'static str,
        rules: &'static [Rule],
    },
    /// Says something about another resource, such as which security group a subnet has.
    Patch {
        parent: Parent,
        rules: &'static [Rule],
    },
    /// Says something about the IP configurations of a NIC: about all, or about the one that an argument names.
    Configurations {
        named: Option<&'static str>,
        rules: &'static [Rule],
    },
}

/// A type that is a resource in ARM too.
#[derive(Debug)]
pub(super) struct Resource {
    /// The full type.
    pub(super) arm: &'static str,
    pub(super) identity: Identity,
    pub(super) rules: &'static [Rule],
    /// A child that ARM has and Terraform does not: its type, its name and its arguments.
    pub(super) child: Option<(&'static str, &'static str, &'static [Rule])>,
}

/// How the id of a resource is put together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Identity {
    /// `resource_group_name` and `name`.
    Group,
    /// `resource_group_name`, the name of the parent under this argument, and `name`.
    Named(&'static str),
    /// The id of the parent under this argument, and `name`.
    Below(&'static str),
}

/// The resource to which a part or a patch belongs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parent {
    /// Its id stands under this argument.
    Id(&'static str),
    /// Its name stands under this argument, and it is of this ARM type in the same resource group.
    Name(&'static str, &'static str),
}

/// One argument.
#[derive(Debug)]
pub(super) struct Rule {
    /// The argument in Terraform.
    pub(super) from: &'static str,
    /// The property in ARM: keys below `properties`, divided by `/`; one that begins with `/` stands beside `properties`.
    pub(super) to: &'static str,
    pub(super) how: How,
}

/// How an argument becomes a property.
#[derive(Debug)]
pub(super) enum How {
    /// As it is.
    Same,
    /// The opposite of a flag.
    Not,
    /// A word for true and one for false.
    Words(&'static str, &'static str),
    /// An address: as it is, or that of another resource.
    Address,
    /// One more element of an array.
    Append,
    /// An id: `{"id": ...}`.
    Id,
    /// Ids: `[{"id": ...}]`.
    Ids,
    /// An id as one more element of an array.
    AppendId,
    /// Ids of NICs of which the first is the primary one.
    Nics,
    /// The name of another part of the same resource, in this array: `{"id": ...}`.
    Sibling(&'static str),
    /// Blocks with such names: `[{"id": ...}]`.
    Siblings(&'static str),
    /// A value, in an array of its own.
    Listed,
    /// Texts: `[{KEY: text}]`.
    Wrapped(&'static str),
    /// Texts, divided by commas.
    Joined,
    /// Blocks: `[{"name": ..., "properties": {...}}]`.
    Blocks(&'static [Rule]),
    /// The first block, in that form.
    Block(&'static [Rule]),
    /// Blocks: `[{...}]`.
    Flat(&'static [Rule]),
    /// The first block, whose arguments stand in the object around it.
    Inline(&'static [Rule]),
    /// Blocks, of each of which the first text under this argument is taken, divided by commas.
    FirstOfEach(&'static str),
    /// Always this text.
    Constant(&'static str),
}

const fn rule(from: &'static str, to: &'static str, how: How) -> Rule {
    Rule { from, to, how }
}

const fn same(from: &'static str, to: &'static str) -> Rule {
    rule(from, to, How::Same)
}

const fn group(arm: &'static str, rules: &'static [Rule]) -> Resource {
    Resource {
        arm,
        identity: Identity::Group,
        rules,
        child: None,
    }
}

const fn below(parent: &'static str, arm: &'static str, rules: &'static [Rule]) -> Resource {
    Resource {
        arm,
        identity: Identity::Below(parent),
        rules,
        child: None,
    }
}

const fn named(parent: &'static str, arm: &'static str, rules: &'static [Rule]) -> Resource {
    Resource {
        arm,
        identity: Identity::Named(parent),
        rules,
        child: None,
    }
}

type Entry = (&'static str, Role);

/// What a type of the provider is; `None` for one that is in no table.
pub(super) fn role(terraform: &str) -> Option<Role> {
    [network::TYPES, security::TYPES, delivery::TYPES]
        .into_iter()
        .flatten()
        .find(|(name, _)| *name == terraform)
        .map(|&(_, role)| role)
}

/// Types that are in no table although they begin like those that could change a verdict.
const HARMLESS: &[&str] = &[
    "azurerm_network_connection_monitor",
    "azurerm_network_ddos_protection_plan",
    "azurerm_network_interface_application_gateway_backend_address_pool_association",
    "azurerm_network_packet_capture",
    "azurerm_network_profile",
    "azurerm_network_watcher",
    "azurerm_network_watcher_flow_log",
    "azurerm_network_service_tags",
    "azurerm_network_function_azure_traffic_collector",
    "azurerm_network_function_collector_policy",
    "azurerm_nat_gateway_public_ip_prefix_association",
    "azurerm_subnet_service_endpoint_storage_policy",
    "azurerm_express_route_circuit_authorization",
    "azurerm_express_route_port_authorization",
    "azurerm_bastion_host_session_recording",
    "azurerm_virtual_machine_data_disk_attachment",
    "azurerm_virtual_machine_extension",
    "azurerm_virtual_machine_scale_set_extension",
    "azurerm_virtual_machine_run_command",
    "azurerm_private_dns_resolver_dns_forwarding_ruleset",
    "azurerm_private_dns_resolver_forwarding_rule",
    "azurerm_private_dns_resolver_virtual_network_link",
];

/// How the names of types begin that carry packets or rules for them.
const SUSPECT: &[&str] = &[
    "azurerm_network_",
    "azurerm_virtual_network",
    "azurerm_subnet",
    "azurerm_route",
    "azurerm_firewall",
    "azurerm_lb",
    "azurerm_nat_gateway",
    "azurerm_express_route",
    "azurerm_vpn_",
    "azurerm_point_to_site",
    "azurerm_virtual_hub",
    "azurerm_virtual_wan",
    "azurerm_private_link_service",
    "azurerm_bastion",
    "azurerm_ip_group",
    "azurerm_custom_ip_prefix",
    "azurerm_orchestrated_virtual_machine",
];

/// True for a type in no table that could change a verdict all the same.
pub(super) fn is_suspect(terraform: &str) -> bool {
    !HARMLESS.contains(&terraform)
        && SUSPECT
            .iter()
            .any(|beginning| terraform.starts_with(beginning))
}

/// The types that an argument may refer to; none listed means any.
pub(super) fn referred(argument: &str) -> &'static [&'static str] {
    match argument {
        "subnet_id" | "virtual_network_subnet_id" => &["azurerm_subnet", "azurerm_virtual_network"],
        "virtual_network_id" | "remote_virtual_network_id" | "virtual_network_name" => {
            &["azurerm_virtual_network"]
        }
        "network_security_group_id" | "security_group" | "network_security_group_name" => {
            &["azurerm_network_security_group"]
        }
        "route_table_id" | "route_table_name" => &["azurerm_route_table"],
        "nat_gateway_id" => &["azurerm_nat_gateway"],
        "public_ip_address_id" | "public_ip_address_ids" => &["azurerm_public_ip"],
        "network_interface_id" | "network_interface_ids" | "primary_network_interface_id" => {
            &["azurerm_network_interface"]
        }
        "application_security_group_id"
        | "application_security_group_ids"
        | "source_application_security_group_ids"
        | "destination_application_security_group_ids" => &["azurerm_application_security_group"],
        "loadbalancer_id" => &["azurerm_lb"],
        "backend_address_pool_id" | "backend_address_pool_ids" => {
            &["azurerm_lb_backend_address_pool"]
        }
        "probe_id" => &["azurerm_lb_probe"],
        "nat_rule_id" => &["azurerm_lb_nat_rule"],
        "virtual_network_gateway_id" | "peer_virtual_network_gateway_id" => {
            &["azurerm_virtual_network_gateway"]
        }
        "local_network_gateway_id" | "default_local_network_gateway_id" => {
            &["azurerm_local_network_gateway"]
        }
        "express_route_circuit_id" => &["azurerm_express_route_circuit"],
        "firewall_policy_id" | "base_policy_id" => &["azurerm_firewall_policy"],
        "azure_firewall_name" => &["azurerm_firewall"],
        "source_ip_groups" | "destination_ip_groups" | "ip_group_id" => &["azurerm_ip_group"],
        "route_server_id" => &["azurerm_route_server"],
        "private_endpoint_id" => &["azurerm_private_endpoint"],
        "private_dns_zone_ids" | "private_dns_zone_name" | "zone_name" => {
            &["azurerm_private_dns_zone"]
        }
        "resource_group_name" => &["azurerm_resource_group"],
        "network_manager_id" => &["azurerm_network_manager"],
        "network_group_id" => &["azurerm_network_manager_network_group"],
        _ => &[],
    }
}

/// The array in ARM that holds the parts which Terraform shows as blocks: their ids are asked for.
pub(super) fn array_of_blocks(block: &str) -> Option<&'static str> {
    Some(match block {
        "frontend_ip_configuration" => "frontendIPConfigurations",
        "ip_configuration" => "ipConfigurations",
        "subnet" => "subnets",
        "security_rule" => "securityRules",
        "route" => "routes",
        _ => return None,
    })
}
