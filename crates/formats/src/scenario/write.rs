//! A network as a scenario with all resources in full.

mod delivery;
mod firewall;
mod gateway;
mod security;

use ipnet::Ipv4Net;
use model::table::Resource;
use model::virtual_machine::GuestRole;
use model::{
    AllocationMethod, Location, Network, NicId, Options, PeeringScope, PowerState,
    PrivateEndpointPolicies, PublicIpId, ResourceId, RouteDestination, SubnetId, UserNextHop,
};

use super::shapes::{self, Missing, Named, OneOrMany};
use super::{DEFAULT_GROUP, DEFAULT_SUBSCRIPTION};
use crate::resources::kind::Kind;

/// The network as a scenario in YAML. The same network gives the same text, and reading it gives the same network: ids, addresses,
/// states, sync levels and options included.
pub fn write(network: &Network) -> String {
    write_with_comment(network, "")
}

/// As [`write()`], with a comment at the beginning that says where the network comes from.
pub fn write_with_comment(network: &Network, comment: &str) -> String {
    let mut text = String::from("# Written by vnetsim; every resource in full.\n");
    for line in comment.lines() {
        text.push_str("# ");
        text.push_str(line);
        text.push('\n');
    }
    let body = to_yaml(&Writer::of(network).scenario());
    text.push_str(&body);
    text
}

/// As [`write()`], in JSON: longer, and read ten times as fast.
pub fn write_json(network: &Network) -> String {
    let mut text = serde_json::to_string_pretty(&Writer::of(network).scenario())
        .expect("lists, finite numbers, and maps with text keys always have a text");
    text.push('\n');
    text
}

/// A value as YAML text.
pub fn to_yaml(value: &impl serde::Serialize) -> String {
    // One scalar a line: it is read ten times as fast as one that is folded.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options)
        .expect("lists, scalars, and maps with text keys always have a text")
}

struct Writer<'a> {
    network: &'a Network,
    subscription: String,
    group: String,
}

impl<'a> Writer<'a> {
    fn of(network: &'a Network) -> Self {
        let first = network.virtual_networks().values().next();
        let part = |part: fn(&ResourceId) -> Option<&str>, otherwise: &str| {
            first
                .and_then(|vnet| part(&vnet.id))
                .unwrap_or(otherwise)
                .to_owned()
        };
        Self {
            network,
            subscription: part(ResourceId::subscription, DEFAULT_SUBSCRIPTION),
            group: part(ResourceId::resource_group, DEFAULT_GROUP),
        }
    }

    fn scenario(&self) -> shapes::Scenario {
        let network = self.network;
        shapes::Scenario {
            // What was accepted once is not refused when it is read again.
            recorded: Some(true),
            topology: Vec::new(),
            defaults: shapes::Defaults {
                subscription: Some(self.subscription.clone()),
                resource_group: Some(self.group.clone()),
                location: None,
            },
            options: options(&network.options),
            virtual_networks: self.virtual_networks(),
            peerings: self.peerings(),
            network_security_groups: self.security_groups(),
            application_security_groups: self.named(network.asgs().values(), |asg| {
                shapes::Placed {
                    location: location(&asg.location),
                    ..shapes::Placed::default()
                }
            }),
            route_tables: self.route_tables(),
            public_ip_addresses: self.named(network.public_ips().values(), |address| {
                shapes::PublicIpForm::Full(shapes::PublicIp {
                    location: location(&address.location),
                    address: address.address.map(|address| address.to_string()),
                    sku: Some(address.sku.to_string()),
                    ..shapes::PublicIp::default()
                })
            }),
            nat_gateways: self.named(network.nat_gateways().values(), |gateway| {
                shapes::NatGateway {
                    location: location(&gateway.location),
                    public_ip_addresses: gateway
                        .public_ips
                        .iter()
                        .filter_map(|&key| self.public_ip(Some(key)))
                        .collect(),
                    ..shapes::NatGateway::default()
                }
            }),
            load_balancers: self.load_balancers(),
            network_interfaces: self.interfaces(),
            virtual_machines: self.machines(),
            azure_firewalls: self.firewalls(),
            firewall_policies: self.firewall_policies(),
            ip_groups: self.ip_groups(),
            virtual_network_gateways: self.gateways(),
            virtual_network_appliances: self.routing_appliances(),
            route_servers: self.route_servers(),
            local_network_gateways: self.named(network.local_gateways().values(), |site| {
                shapes::LocalNetworkGateway {
                    prefixes: texts(&site.prefixes),
                    gateway_address: site.gateway_address.map(|address| address.to_string()),
                    bgp_address: site.bgp_address.map(|address| address.to_string()),
                    asn: site.asn,
                    ..shapes::LocalNetworkGateway::default()
                }
            }),
            connections: self.connections(),
            bastion_hosts: self.holders(Kind::BastionHost),
            private_endpoints: self.private_endpoints(),
            application_gateways: self.holders(Kind::ApplicationGateway),
            network_managers: self.managers(),
            security_admin_rules: Vec::new(), // a short form of the former
            private_dns_zones: self.named(network.private_dns_zones().iter(), super::names::zone),
            guests: self.guests(),
            learned_routes: self.learned_routes(),
            on_premises: self.on_premises(),
            vpn_clients: self.vpn_clients(),
            service_tags: Named(
                network
                    .service_tags()
                    .map(|(name, prefixes)| (name.to_owned(), texts(prefixes)))
                    .collect(),
            ),
            subscriptions: super::authorization::subscriptions(&network.authorization),
            principals: super::authorization::principals(&network.authorization),
            role_assignments: super::authorization::role_assignments(&network.authorization),
        }
    }

    /// The plain name where reading it gives the same id again, letter for letter; else the id.
    fn key(&self, id: &ResourceId) -> String {
        let kind = Kind::of_id(id).resource_type();
        let name = id.name();
        let plain = ResourceId::in_group(&self.subscription, &self.group, kind, name);
        if !kind.is_empty() && plain.as_str() == id.as_str() {
            name.to_owned()
        } else {
            id.to_string()
        }
    }

    fn named<'r, T: Resource + 'r, S>(
        &self,
        rows: impl Iterator<Item = &'r T>,
        shape: impl Fn(&'r T) -> S,
    ) -> Named<S> {
        Named(rows.map(|row| (self.key(row.id()), shape(row))).collect())
    }

    fn subnet(&self, key: SubnetId) -> String {
        self.network.subnets()[key].id.to_string()
    }

    fn public_ip(&self, key: Option<PublicIpId>) -> Option<String> {
        Some(self.network.public_ips()[key?].id.to_string())
    }

    fn virtual_networks(&self) -> Named<shapes::VirtualNetwork> {
        self.named(self.network.virtual_networks().values(), |vnet| {
            shapes::VirtualNetwork {
                location: location(&vnet.location),
                address_space: Some(OneOrMany::Many(texts(vnet.address_space.prefixes()))),
                subnets: Named(
                    vnet.subnets
                        .iter()
                        .map(|&key| self.subnet_shape(key))
                        .collect(),
                ),
                flow_timeout_in_minutes: vnet.flow_timeout_minutes,
                dns_servers: vnet.dns_servers.iter().map(ToString::to_string).collect(),
                summarized_gateway_prefixes: texts(&vnet.summarized_gateway_prefixes),
                ..shapes::VirtualNetwork::default()
            }
        })
    }

    fn subnet_shape(&self, key: SubnetId) -> (String, shapes::SubnetForm) {
        let network = self.network;
        let subnet = &network.subnets()[key];
        let shape = shapes::Subnet {
            prefix: None,
            network_security_group: subnet
                .network_security_group
                .map(|key| network.nsgs()[key].id.to_string()),
            route_table: subnet
                .route_table
                .map(|key| network.route_tables()[key].id.to_string()),
            nat_gateway: subnet
                .nat_gateway
                .map(|key| network.nat_gateways()[key].id.to_string()),
            default_outbound_access: subnet.default_outbound_access,
            service_endpoints: subnet.service_endpoints.clone(),
            delegation: subnet.delegation.clone(),
            private_endpoint_network_policies: Some(subnet.private_endpoint_policies)
                .filter(|policies| *policies != PrivateEndpointPolicies::Disabled)
                .map(|policies| shapes::PrivateEndpointPolicies(policies.as_str())),
        };
        let bare = shape.network_security_group.is_missing()
            && shape.route_table.is_missing()
            && shape.nat_gateway.is_missing()
            && shape.default_outbound_access.is_missing()
            && shape.service_endpoints.is_missing()
            && shape.delegation.is_missing()
            && shape.private_endpoint_network_policies.is_missing();
        let prefixes = texts(&subnet.prefixes);
        let form = match prefixes.as_slice() {
            [prefix] if bare => shapes::SubnetForm::Prefix(prefix.clone()),
            [prefix] => shapes::SubnetForm::Full(shapes::Subnet {
                prefix: Some(OneOrMany::One(prefix.clone())),
                ..shape
            }),
            _ => shapes::SubnetForm::Full(shapes::Subnet {
                prefix: Some(OneOrMany::Many(prefixes)),
                ..shape
            }),
        };
        (subnet.id.name().to_owned(), form)
    }

    fn peerings(&self) -> Vec<shapes::Peering> {
        let network = self.network;
        let links = network.listed_peerings().map(|(key, link)| {
            let (complete, local, remote, ipv6) = match &link.scope {
                PeeringScope::CompleteVirtualNetworks => (None, Vec::new(), Vec::new(), None),
                PeeringScope::Subnets {
                    local,
                    remote,
                    only_ipv6,
                } => (Some(false), local.clone(), remote.clone(), set(*only_ipv6)),
            };
            shapes::Peering {
                name: Some(link.id.name().to_owned()),
                from: Some(
                    network.virtual_networks()[link.virtual_network]
                        .id
                        .to_string(),
                ),
                to: Some(link.remote.to_string()),
                allow_virtual_network_access: Some(link.flags.allow_virtual_network_access),
                allow_forwarded_traffic: Some(link.flags.allow_forwarded_traffic),
                allow_gateway_transit: Some(link.flags.allow_gateway_transit),
                use_remote_gateways: Some(link.flags.use_remote_gateways),
                do_not_verify_remote_gateways: set(link.flags.do_not_verify_remote_gateways),
                peer_complete_vnets: complete,
                local_subnet_names: local,
                remote_subnet_names: remote,
                enable_only_ipv6_peering: ipv6,
                peering_state: Some(shapes::PeeringState(link.state.as_str())),
                peering_sync_level: link
                    .recorded_sync_level
                    .map(|_| network.sync_level(key).to_string()),
                remote_address_space: texts(&link.remote_address_space),
                resource_guid: link.resource_guid.clone(),
            }
        });
        links.collect()
    }

    fn route_tables(&self) -> Named<shapes::RouteTable> {
        let route = |route: &model::Route| shapes::Route {
            name: Some(route.name.clone()),
            prefix: Some(match &route.destination {
                RouteDestination::Prefix(prefix) => prefix.to_string(),
                RouteDestination::Tag(tag) => tag.to_string(),
            }),
            next_hop: Some(match route.next_hop {
                UserNextHop::VirtualAppliance(address) => {
                    format!("{} {address}", route.next_hop.kind())
                }
                UserNextHop::VirtualNetworkGateway
                | UserNextHop::VnetLocal
                | UserNextHop::Internet
                | UserNextHop::None => route.next_hop.kind().to_string(),
            }),
        };
        self.named(self.network.route_tables().values(), |table| {
            shapes::RouteTable {
                location: location(&table.location),
                routes: table.routes.iter().map(route).collect(),
                disable_bgp_route_propagation: set(table.gateway_propagation_disabled),
                ..shapes::RouteTable::default()
            }
        })
    }

    fn interfaces(&self) -> Named<shapes::NetworkInterface> {
        let network = self.network;
        let configuration =
            |nic: NicId, (position, configuration): (usize, &model::IpConfiguration)| {
                shapes::IpConfiguration {
                    name: Some(configuration.name.clone()),
                    subnet: Some(self.subnet(configuration.subnet)),
                    address: Some(configuration.private_address.to_string()),
                    allocation: dynamic(configuration.allocation),
                    public_ip: self.public_ip(configuration.public_ip),
                    application_security_groups: configuration
                        .application_security_groups
                        .iter()
                        .map(|&key| network.asgs()[key].id.to_string())
                        .collect(),
                    backend_pools: configuration
                        .backend_pools
                        .iter()
                        .map(|(balancer, pool)| {
                            network.load_balancers()[*balancer]
                                .id
                                .child("backendAddressPools", pool)
                                .to_string()
                        })
                        .collect(),
                    inbound_nat_rules: self.aimed_at(nic, position),
                    primary: set(configuration.primary),
                }
            };
        self.named(network.listed_nics().map(|(_, nic)| nic), |nic| {
            let key = network.nics().find(&nic.id);
            let configurations = nic.ip_configurations.iter().enumerate();
            let configurations = key
                .into_iter()
                .flat_map(|key| configurations.clone().map(move |one| (key, one)));
            shapes::NetworkInterface {
                location: location(&nic.location),
                ip_configurations: configurations
                    .map(|(key, one)| configuration(key, one))
                    .collect(),
                network_security_group: nic
                    .network_security_group
                    .map(|key| network.nsgs()[key].id.to_string()),
                ip_forwarding: set(nic.ip_forwarding),
                disable_tcp_state_tracking: set(nic.tcp_state_tracking_disabled),
                mac_address: nic
                    .mac_address
                    .map(|bytes| bytes.map(|byte| format!("{byte:02X}")).join("-")),
                dns_servers: network
                    .nics()
                    .find(&nic.id)
                    .map(|key| network.dns_servers_of_nic(key))
                    .unwrap_or_default()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                ..shapes::NetworkInterface::default()
            }
        })
    }

    fn machines(&self) -> Named<shapes::VirtualMachine> {
        let network = self.network;
        self.named(network.virtual_machines().values(), |vm| {
            shapes::VirtualMachine {
                location: location(&vm.location),
                nics: vm
                    .nics
                    .iter()
                    .map(|&key| network.nics()[key].id.to_string())
                    .collect(),
                zone: vm.zone.clone(),
                power_state: (vm.power != PowerState::Running)
                    .then(|| shapes::PowerState(vm.power.as_str())),
                ..shapes::VirtualMachine::default()
            }
        })
    }

    fn guests(&self) -> Named<shapes::Guest> {
        let guests = self.network.virtual_machines().values().filter_map(|vm| {
            let guest = &vm.guest;
            let dns = self.network.virtual_machines().find(&vm.id);
            let dns = dns.and_then(|vm| self.network.dns_server(vm));
            if *guest == model::Guest::default() && dns.is_none() {
                return None;
            }
            let shape = shapes::Guest {
                role: guest.role.map(|role| {
                    shapes::Role(match role {
                        GuestRole::Host => "host",
                        GuestRole::Appliance => "appliance",
                    })
                }),
                snat: set(guest.source_nat),
                stateful: set(guest.stateful),
                listen: guest
                    .listen
                    .as_ref()
                    .map(|listen| listen.iter().map(ToString::to_string).collect()),
                dns: dns.map(super::names::server),
            };
            Some((vm.id.to_string(), shape))
        });
        Named(guests.collect())
    }
}

/// Options that are not as they would be anyway.
fn options(options: &Options) -> shapes::OptionValues {
    let changed = options
        .descriptions()
        .into_iter()
        .filter(|option| option.value != option.default);
    // A number and a boolean are JSON as they stand; any other word is a text.
    let value =
        |text: String| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
    shapes::OptionValues(
        changed
            .map(|option| (option.name, value(option.value)))
            .collect(),
    )
}

fn location(location: &Location) -> Option<String> {
    (!location.is_unknown()).then(|| location.to_string())
}

/// `true` where it has to be said.
fn set(flag: bool) -> Option<bool> {
    flag.then_some(true)
}

/// Static is what an address without method is.
fn dynamic(method: AllocationMethod) -> Option<shapes::Allocation> {
    match method {
        AllocationMethod::Dynamic => Some(shapes::Allocation("Dynamic")),
        AllocationMethod::Static => None,
    }
}

fn texts(prefixes: &[Ipv4Net]) -> Vec<String> {
    prefixes.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use model::{
        Access, Direction, NetworkSecurityGroup, Ports, RuleAddresses, RuleProtocol, SecurityRule,
        VirtualNetworkRequest,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::load::{LoadOptions, Loader};

    fn network(vnet: &str, rule: &str, description: &str) -> Network {
        let mut network = Network::default();
        let id = |kind: &str, name: &str| ResourceId::in_group("s", "g", kind, name);
        network
            .create_virtual_network(VirtualNetworkRequest {
                id: id("Microsoft.Network/virtualNetworks", vnet),
                location: Location::default(),
                address_space: vec!["10.0.0.0/8".parse().unwrap()],
                subnets: Vec::new(),
                deployment_model: model::DeploymentModel::ResourceManager,
                flow_timeout_minutes: None,
                dns_servers: Vec::new(),
            })
            .unwrap();
        let rule = SecurityRule {
            name: rule.to_owned(),
            description: Some(description.to_owned()),
            priority: 100,
            direction: Direction::Inbound,
            access: Access::Allow,
            protocol: RuleProtocol::Any,
            source: RuleAddresses::Any,
            source_ports: Ports::all(),
            destination: RuleAddresses::Any,
            destination_ports: Ports::all(),
        };
        network
            .create_network_security_group(NetworkSecurityGroup {
                id: id("Microsoft.Network/networkSecurityGroups", "nsg"),
                location: Location::default(),
                rules: [rule].into(),
                flush_connection: false,
            })
            .unwrap();
        network
    }

    proptest! {
        #[test]
        fn every_name_and_text_comes_back_as_it_was(
            vnet in "[^/]{1,12}|[0-9]{1,3}|true|null|~|- a|a: b|#x",
            rule in "[^/\\p{C}]{1,12}|[0-9]{1,3}|1e3|no|[ \t]x",
            description in any::<String>().prop_filter("an empty text counts as missing", |text| !text.is_empty()),
        ) {
            let network = network(&vnet, &rule, &description);
            let text = write(&network);
            let mut loader = Loader::new(LoadOptions::default());
            loader.add_text("state.yaml", text.as_str());
            let again = loader.finish().map_err(|refused| TestCaseError::fail(format!("{refused}\n{text}")))?.network;
            prop_assert_eq!(again.virtual_networks().values().next().unwrap().id.as_str(), network.virtual_networks().values().next().unwrap().id.as_str());
            prop_assert_eq!(&again.nsgs().values().next().unwrap().rules, &network.nsgs().values().next().unwrap().rules);
            prop_assert_eq!(write(&again), text);
        }
    }
}
