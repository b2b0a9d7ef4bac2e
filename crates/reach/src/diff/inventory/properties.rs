//! What is written in each kind of object.

use std::fmt::Display;

use ipnet::Ipv4Net;
use model::virtual_machine::GuestRole;
use model::{
    BackendAddress, CollectionAction, ConnectionPeer, FirewallAddresses, FrontendAddress,
    InboundNatTarget, LearnedRoute, LoadBalancer, Network, NetworkInterface, NicOwner,
    PeeringScope, Ports, ResourceId, RouteDestination, RuleAddresses, RuleProtocol, SecurityRule,
};

use super::{Object, Value};

type Properties = Vec<(&'static str, Value)>;

fn text(value: impl Display) -> Value {
    Value::Text(value.to_string())
}

fn optional(value: Option<impl Display>) -> Value {
    value.map_or(Value::Missing, text)
}

fn list(values: impl IntoIterator<Item = impl Display>) -> Value {
    let mut texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    // The order of prefixes and addresses says nothing.
    texts.sort_unstable();
    in_order(texts)
}

fn in_order(values: impl IntoIterator<Item = impl Display>) -> Value {
    let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    if texts.is_empty() {
        Value::Missing
    } else {
        Value::Text(texts.join(", "))
    }
}

fn id(value: Option<&ResourceId>) -> Value {
    value.map_or(Value::Missing, |id| Value::Ids(vec![id.clone()]))
}

fn ids<'a>(values: impl IntoIterator<Item = &'a ResourceId>) -> Value {
    let mut ids: Vec<ResourceId> = values.into_iter().cloned().collect();
    if ids.is_empty() {
        return Value::Missing;
    }
    ids.sort_unstable();
    ids.dedup();
    Value::Ids(ids)
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm a kind: a table, not a procedure"
)]
pub(super) fn of(network: &Network, object: &Object<'_>) -> Properties {
    match *object {
        Object::VirtualNetwork(vnet) => vec![
            ("addressSpace", list(vnet.address_space.prefixes())),
            ("location", text(&vnet.location)),
            (
                "summarizedGatewayPrefixes",
                list(&vnet.summarized_gateway_prefixes),
            ),
        ],
        Object::Subnet(subnet) => vec![
            ("addressPrefixes", list(&subnet.prefixes)),
            (
                "networkSecurityGroup",
                id(subnet
                    .network_security_group
                    .map(|key| &network.nsgs()[key].id)),
            ),
            (
                "routeTable",
                id(subnet
                    .route_table
                    .map(|key| &network.route_tables()[key].id)),
            ),
            (
                "natGateway",
                id(subnet
                    .nat_gateway
                    .map(|key| &network.nat_gateways()[key].id)),
            ),
            (
                "defaultOutboundAccess",
                optional(subnet.default_outbound_access),
            ),
            ("serviceEndpoints", list(&subnet.service_endpoints)),
            (
                "privateEndpointNetworkPolicies",
                text(subnet.private_endpoint_policies.as_str()),
            ),
        ],
        Object::Peering(link) => {
            let scope = match &link.scope {
                PeeringScope::CompleteVirtualNetworks => [Value::Missing, Value::Missing],
                PeeringScope::Subnets { local, remote, .. } => [list(local), list(remote)],
            };
            let [local, remote] = scope;
            vec![
                ("peeringState", text(link.state)),
                (
                    "allowVirtualNetworkAccess",
                    text(link.flags.allow_virtual_network_access),
                ),
                (
                    "allowForwardedTraffic",
                    text(link.flags.allow_forwarded_traffic),
                ),
                (
                    "allowGatewayTransit",
                    text(link.flags.allow_gateway_transit),
                ),
                ("useRemoteGateways", text(link.flags.use_remote_gateways)),
                ("remoteVirtualNetwork", id(Some(&link.remote))),
                ("remoteAddressSpace", list(&link.remote_address_space)),
                ("localSubnetNames", local),
                ("remoteSubnetNames", remote),
            ]
        }
        Object::SecurityGroup(group) => vec![("flushConnection", text(group.flush_connection))],
        Object::ApplicationSecurityGroup(group) => vec![("location", text(&group.location))],
        Object::SecurityRule(rule) => security_rule(network, rule, rule.access.as_str()),
        Object::AdminRule(rule, applies_to) => {
            let access = rule.access.as_str();
            let mut properties = security_rule(network, &rule.as_security_rule(), access);
            properties.push(("appliesToGroups", list(applies_to)));
            properties
        }
        Object::RouteTable(table) => vec![(
            "disableBgpRoutePropagation",
            text(table.gateway_propagation_disabled),
        )],
        Object::Route(route) => vec![
            (
                "addressPrefix",
                match &route.destination {
                    RouteDestination::Prefix(prefix) => text(prefix),
                    RouteDestination::Tag(tag) => text(tag),
                },
            ),
            ("nextHopType", text(route.next_hop.kind())),
            ("nextHopIpAddress", optional(route.next_hop.address())),
        ],
        Object::VirtualMachine(vm) => vec![
            ("powerState", text(vm.power)),
            (
                "networkInterfaces",
                // The first one has the guest's default route.
                match vm.nics.as_slice() {
                    [] => Value::Missing,
                    nics => Value::Ids(
                        nics.iter()
                            .map(|&nic| network.nics()[nic].id.clone())
                            .collect(),
                    ),
                },
            ),
            (
                "role",
                optional(vm.guest.role.map(|role| match role {
                    GuestRole::Host => "host",
                    GuestRole::Appliance => "appliance",
                })),
            ),
            ("snat", text(vm.guest.source_nat)),
            ("stateful", text(vm.guest.stateful)),
            ("listen", list(vm.guest.listen.iter().flatten())),
        ],
        Object::Nic(nic) => nic_properties(network, nic),
        Object::PublicIp(public) => vec![
            ("ipAddress", optional(public.address)),
            ("sku", text(public.sku)),
        ],
        Object::LoadBalancer(balancer) => load_balancer(network, balancer),
        Object::NatGateway(gateway) => vec![(
            "publicIpAddresses",
            ids(gateway
                .public_ips
                .iter()
                .map(|&key| &network.public_ips()[key].id)),
        )],
        Object::Firewall(firewall) => vec![
            ("firewallPolicy", id(firewall.policy.as_ref())),
            (
                "publicIpAddresses",
                ids(firewall
                    .public_ips
                    .iter()
                    .map(|&key| &network.public_ips()[key].id)),
            ),
            (
                "privateRanges",
                list(firewall.classic_private_ranges.iter().flatten()),
            ),
        ],
        Object::FirewallPolicy(policy) => vec![
            ("basePolicy", id(policy.base.as_ref())),
            (
                "privateRanges",
                list(policy.private_ranges.iter().flatten()),
            ),
            (
                "ruleCollectionGroups",
                in_order(
                    policy
                        .groups
                        .iter()
                        .map(|group| format!("{} {}", group.priority, group.name)),
                ),
            ),
        ],
        Object::FirewallRule(rule, collection) => vec![
            ("priority", text(collection.priority)),
            (
                "action",
                text(match collection.action {
                    CollectionAction::DestinationNat => "Nat",
                    CollectionAction::Network(access) | CollectionAction::Application(access) => {
                        access.as_str()
                    }
                }),
            ),
            (
                "protocols",
                list(rule.protocols.iter().map(|protocol| protocol.as_str())),
            ),
            ("sources", firewall_addresses(&rule.sources)),
            ("destinations", firewall_addresses(&rule.destinations)),
            ("destinationPorts", ports(&rule.ports)),
            ("names", list(&rule.names)),
            (
                "translated",
                optional(rule.translated.as_ref().map(|to| {
                    let address = to.address.map(|address| address.to_string());
                    let host = address.or_else(|| to.fqdn.clone()).unwrap_or_default();
                    match to.port {
                        Some(port) => format!("{host}:{port}"),
                        None => host,
                    }
                })),
            ),
        ],
        Object::IpGroup(group) => vec![("ipAddresses", list(&group.prefixes))],
        Object::RoutingAppliance(appliance) => {
            vec![(
                "address",
                text(network.nics()[appliance.nic].primary_address()),
            )]
        }
        Object::Gateway(gateway) => vec![
            ("gatewayType", text(gateway.kind)),
            ("vpnType", text(gateway.vpn_type)),
            ("activeActive", text(gateway.active_active)),
            ("enableBgp", text(gateway.bgp)),
            ("asn", text(gateway.asn)),
            (
                "gatewayDefaultSite",
                id(gateway
                    .default_site
                    .map(|key| &network.local_gateways()[key].id)),
            ),
            ("vpnClientAddressPool", list(&gateway.client_pool)),
            ("learnedRoutes", learned(&gateway.learned_routes)),
        ],
        Object::LocalGateway(site) => vec![
            ("addressPrefixes", list(&site.prefixes)),
            ("bgpPeeringAddress", optional(site.bgp_address)),
            ("asn", optional(site.asn)),
        ],
        Object::Connection(connection) => vec![
            ("connectionType", text(connection.kind)),
            (
                "gateway",
                id(Some(&network.gateways()[connection.gateway].id)),
            ),
            (
                "peer",
                id(Some(match &connection.peer {
                    ConnectionPeer::Site(key) => &network.local_gateways()[*key].id,
                    ConnectionPeer::Gateway(key) => &network.gateways()[*key].id,
                    ConnectionPeer::Outside(id) => id,
                })),
            ),
            ("connected", text(connection.up)),
            ("enableBgp", text(connection.bgp)),
            ("routingWeight", text(connection.routing_weight)),
            (
                "trafficSelectors",
                in_order(connection.traffic_selectors.iter().map(|selector| {
                    let prefixes = |list: &[Ipv4Net]| {
                        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
                        texts.join(" ")
                    };
                    format!(
                        "{} - {}",
                        prefixes(&selector.local),
                        prefixes(&selector.remote)
                    )
                })),
            ),
        ],
        Object::RouteServer(server) => vec![
            ("asn", text(server.asn)),
            ("allowBranchToBranchTraffic", text(server.branch_to_branch)),
            ("hubRoutingPreference", text(server.preference)),
            (
                "peers",
                in_order(server.peers.iter().map(|peer| {
                    let state = if peer.up { "up" } else { "down" };
                    let routes = match learned(&peer.learned_routes) {
                        Value::Text(routes) => routes,
                        _ => String::new(),
                    };
                    format!(
                        "{} {} AS {} {state} [{routes}]",
                        peer.id.name(),
                        peer.address,
                        peer.asn
                    )
                })),
            ),
        ],
        Object::PrivateEndpoint(endpoint) => vec![
            ("addresses", list(network.nics()[endpoint.nic].addresses())),
            ("service", optional(endpoint.service.as_ref())),
        ],
        Object::Manager(manager) => vec![
            (
                "networkGroups",
                in_order(manager.network_groups.iter().map(|group| {
                    let mut names: Vec<&str> = group.members.iter().map(ResourceId::name).collect();
                    names.sort_unstable();
                    format!("{} [{}]", group.name, names.join(" "))
                })),
            ),
            (
                "connectivityConfigurations",
                in_order(
                    manager
                        .connectivity_configurations
                        .iter()
                        .map(|configuration| {
                            let groups: Vec<String> = configuration
                                .applies_to
                                .iter()
                                .map(|group| {
                                    let direct = if group.direct { " direct" } else { "" };
                                    let global = if group.global { " global" } else { "" };
                                    format!("{}{direct}{global}", group.group)
                                })
                                .collect();
                            let global = if configuration.global_mesh {
                                " global"
                            } else {
                                ""
                            };
                            format!(
                                "{} {}{global} [{}]",
                                configuration.name,
                                configuration.topology,
                                groups.join(", ")
                            )
                        }),
                ),
            ),
        ],
        Object::OnPremises(site) => vec![
            ("gateway", id(Some(&network.gateways()[site.gateway].id))),
            ("prefixes", list(&site.prefixes)),
            ("knows", list(site.knows.iter().flatten())),
        ],
        Object::OutsideHost(host) => vec![("address", text(host.address))],
        Object::VpnClient(client) => vec![
            ("address", text(client.address)),
            ("profile", list(client.profile.iter().flatten())),
        ],
        Object::ServiceTag(prefixes) => vec![("prefixes", list(prefixes))],
        Object::Setting(name) => {
            let all = network.options.descriptions();
            let found = all.into_iter().find(|option| option.name == name);
            vec![("value", optional(found.map(|option| option.value)))]
        }
    }
}

fn nic_properties(network: &Network, nic: &NetworkInterface) -> Properties {
    let configurations = || nic.ip_configurations.iter();
    let mut subnets: Vec<&ResourceId> = configurations()
        .map(|configuration| &network.subnets()[configuration.subnet].id)
        .collect();
    subnets.dedup();
    vec![
        ("address", text(nic.primary_address())),
        (
            "addresses",
            if nic.ip_configurations.len() > 1 {
                list(nic.addresses())
            } else {
                Value::Missing
            },
        ),
        ("subnet", ids(subnets)),
        (
            "networkSecurityGroup",
            id(nic
                .network_security_group
                .map(|key| &network.nsgs()[key].id)),
        ),
        ("enableIPForwarding", text(nic.ip_forwarding)),
        (
            "applicationSecurityGroups",
            ids(configurations()
                .flat_map(|configuration| &configuration.application_security_groups)
                .map(|&key| &network.asgs()[key].id)),
        ),
        (
            "publicIpAddress",
            ids(configurations()
                .filter_map(|configuration| configuration.public_ip)
                .map(|key| &network.public_ips()[key].id)),
        ),
        ("loadBalancerBackendAddressPools", {
            let pools: Vec<ResourceId> = configurations()
                .flat_map(|configuration| &configuration.backend_pools)
                .map(|(balancer, pool)| {
                    network.load_balancers()[*balancer]
                        .id
                        .child("backendAddressPools", pool)
                })
                .collect();
            ids(&pools)
        }),
        (
            "disableTcpStateTracking",
            text(nic.tcp_state_tracking_disabled),
        ),
        (
            "virtualMachine",
            id(match nic.owner {
                NicOwner::VirtualMachine(vm) => Some(&network.virtual_machines()[vm].id),
                _ => None,
            }),
        ),
    ]
}

fn security_rule(network: &Network, rule: &SecurityRule, access: &str) -> Properties {
    let [source, source_groups] = rule_addresses(network, &rule.source);
    let [destination, destination_groups] = rule_addresses(network, &rule.destination);
    vec![
        ("access", text(access)),
        ("direction", text(rule.direction)),
        ("priority", text(rule.priority)),
        ("protocol", text(rule.protocol)),
        ("source", source),
        ("sourceApplicationSecurityGroups", source_groups),
        ("sourcePorts", ports(&rule.source_ports)),
        ("destination", destination),
        ("destinationApplicationSecurityGroups", destination_groups),
        ("destinationPorts", ports(&rule.destination_ports)),
    ]
}

/// Words, and groups.
fn rule_addresses(network: &Network, addresses: &RuleAddresses) -> [Value; 2] {
    match addresses {
        RuleAddresses::Any => [text("*"), Value::Missing],
        RuleAddresses::Prefixes(prefixes) => [list(prefixes), Value::Missing],
        // Tags are compared without regard to letter case (T-8).
        RuleAddresses::Tag(tag) => [text(tag), Value::Missing],
        RuleAddresses::ApplicationSecurityGroups(groups) => [
            Value::Missing,
            ids(groups.iter().map(|&key| &network.asgs()[key].id)),
        ],
    }
}

fn ports(ports: &Ports) -> Value {
    if ports.is_all() {
        return text("*");
    }
    in_order(ports.ranges().iter().map(|&(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    }))
}

fn firewall_addresses(addresses: &FirewallAddresses) -> Value {
    if addresses.everything {
        return text("*");
    }
    let prefixes = addresses.prefixes.iter().map(ToString::to_string);
    let tags = addresses.tags.iter().cloned();
    let groups = addresses.ip_groups.iter().map(|id| id.name().to_owned());
    list(prefixes.chain(tags).chain(groups))
}

fn learned(routes: &[LearnedRoute]) -> Value {
    list(routes.iter().map(|route| {
        let path: Vec<String> = route.as_path.iter().map(ToString::to_string).collect();
        let hop = route.next_hop.map(|hop| format!(" via {hop}"));
        format!(
            "{}{} [{}]",
            route.prefix,
            hop.unwrap_or_default(),
            path.join(" ")
        )
    }))
}

fn load_balancer(network: &Network, balancer: &LoadBalancer) -> Properties {
    let protocol = |number: Option<u8>| {
        let of = |protocol: &RuleProtocol| protocol.number() == number;
        let all = [RuleProtocol::Tcp, RuleProtocol::Udp];
        all.iter()
            .find(|protocol| of(protocol))
            .map_or("all", |protocol| protocol.as_str())
    };
    vec![
        ("sku", text(balancer.sku)),
        (
            "frontendIPConfigurations",
            in_order(balancer.frontends.iter().map(|frontend| {
                let at = match &frontend.address {
                    FrontendAddress::Private(_, address) => address.to_string(),
                    FrontendAddress::Public(key) => key.map_or_else(
                        || "public".to_owned(),
                        |key| network.public_ips()[key].id.name().to_owned(),
                    ),
                };
                format!("{} {at}", frontend.name)
            })),
        ),
        (
            "backendAddressPools",
            in_order(balancer.pools.iter().map(|pool| {
                let addresses: Vec<String> = pool
                    .addresses
                    .iter()
                    .map(|&BackendAddress { address, .. }| address.to_string())
                    .collect();
                format!("{} [{}]", pool.name, addresses.join(" "))
            })),
        ),
        (
            "loadBalancingRules",
            in_order(balancer.rules.iter().map(|rule| {
                let floating = if rule.floating_ip { " floating" } else { "" };
                format!(
                    "{} {}:{} {} -> {}:{}{floating} {}",
                    rule.name,
                    rule.frontend,
                    rule.frontend_port,
                    protocol(rule.protocol),
                    rule.pool,
                    rule.backend_port,
                    rule.probe.as_deref().unwrap_or_default(),
                )
            })),
        ),
        (
            "probes",
            in_order(
                balancer
                    .probes
                    .iter()
                    .map(|probe| format!("{} {}/{}", probe.name, probe.protocol, probe.port)),
            ),
        ),
        (
            "inboundNatRules",
            in_order(balancer.inbound_nat_rules.iter().map(|rule| {
                let target = match &rule.target {
                    InboundNatTarget::Nobody => "nobody".to_owned(),
                    InboundNatTarget::Configuration(nic, _) => {
                        network.nics()[*nic].id.name().to_owned()
                    }
                    InboundNatTarget::Pool(pool) => pool.clone(),
                };
                format!(
                    "{} {}:{}-{} {} -> {target}:{}",
                    rule.name,
                    rule.frontend,
                    rule.frontend_ports.start(),
                    rule.frontend_ports.end(),
                    protocol(rule.protocol),
                    rule.backend_port
                )
            })),
        ),
        (
            "outboundRules",
            in_order(
                balancer.outbound_rules.iter().map(|rule| {
                    format!("{} {} {}", rule.name, rule.frontends.join(" "), rule.pool)
                }),
            ),
        ),
    ]
}
