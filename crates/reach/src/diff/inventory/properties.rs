//! What is written in each kind of object.
//!
//! | module | of what |
//! |---|---|
//! | `networks` | networks, their links and routes, and what stands in them |
//! | `security` | rules of security groups, managers and firewalls |
//! | `gateways` | gateways, and what they join networks to |
//! | `load_balancers` | load balancers |

mod gateways;
mod load_balancers;
mod networks;
mod security;

use std::fmt::Display;

use model::{Network, ResourceId};

use super::{Object, Value};

type Properties = Vec<(&'static str, Value)>;

pub(super) fn of(network: &Network, object: &Object<'_>) -> Properties {
    match *object {
        Object::VirtualNetwork(vnet) => networks::virtual_network(vnet),
        Object::Subnet(subnet) => networks::subnet(network, subnet),
        Object::Peering(link) => networks::peering(link),
        Object::SecurityGroup(group) => vec![("flushConnection", text(group.flush_connection))],
        Object::ApplicationSecurityGroup(group) => vec![("location", text(&group.location))],
        Object::SecurityRule(rule) => security::security_rule(network, rule, rule.access.as_str()),
        Object::AdminRule(rule, applies_to) => security::admin_rule(network, rule, applies_to),
        Object::RouteTable(table) => vec![(
            "disableBgpRoutePropagation",
            text(table.gateway_propagation_disabled),
        )],
        Object::Route(route) => networks::route(route),
        Object::VirtualMachine(vm) => networks::virtual_machine(network, vm),
        Object::Nic(nic) => networks::nic(network, nic),
        Object::PublicIp(public) => vec![
            ("ipAddress", optional(public.address)),
            ("sku", text(public.sku)),
        ],
        Object::LoadBalancer(balancer) => load_balancers::load_balancer(network, balancer),
        Object::NatGateway(gateway) => vec![(
            "publicIpAddresses",
            ids(gateway
                .public_ips
                .iter()
                .map(|&key| &network.public_ips()[key].id)),
        )],
        Object::Firewall(firewall) => security::firewall(network, firewall),
        Object::FirewallPolicy(policy) => security::firewall_policy(policy),
        Object::FirewallRule(rule, collection) => security::firewall_rule(rule, collection),
        Object::IpGroup(group) => vec![("ipAddresses", list(&group.prefixes))],
        Object::RoutingAppliance(appliance) => {
            vec![(
                "address",
                text(network.nics()[appliance.nic].primary_address()),
            )]
        }
        Object::Gateway(gateway) => gateways::gateway(network, gateway),
        Object::LocalGateway(site) => gateways::local_gateway(site),
        Object::Connection(connection) => gateways::connection(network, connection),
        Object::RouteServer(server) => gateways::route_server(server),
        Object::PrivateEndpoint(endpoint) => vec![
            ("addresses", list(network.nics()[endpoint.nic].addresses())),
            ("service", optional(endpoint.service.as_ref())),
        ],
        Object::Manager(manager) => security::manager(manager),
        Object::OnPremises(site) => gateways::on_premises(network, site),
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
