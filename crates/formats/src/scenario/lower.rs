//! From the short forms of a scenario to resources as every other format has them.

mod route_server;

use model::ResourceId;
use model::on_premises::ON_PREMISES;

use super::{DEFAULT_GROUP, DEFAULT_SUBSCRIPTION, Read};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Data, Member, Value};
use crate::resources::kind::Kind;
use crate::resources::{Additions, Collection, Entry, Origin, ResourceDocument};
use crate::source::Span;

/// Sections that hold resources by name, in the order in which they are taken.
const SECTIONS: &[(&str, Kind)] = &[
    ("publicIPAddresses", Kind::PublicIpAddress),
    ("applicationSecurityGroups", Kind::ApplicationSecurityGroup),
    ("networkSecurityGroups", Kind::NetworkSecurityGroup),
    ("routeTables", Kind::RouteTable),
    ("natGateways", Kind::NatGateway),
    ("virtualNetworks", Kind::VirtualNetwork),
    ("loadBalancers", Kind::LoadBalancer),
    ("networkInterfaces", Kind::NetworkInterface),
    ("virtualMachines", Kind::VirtualMachine),
    ("azureFirewalls", Kind::AzureFirewall),
    ("firewallPolicies", Kind::FirewallPolicy),
    ("ipGroups", Kind::IpGroup),
    ("virtualNetworkGateways", Kind::VirtualNetworkGateway),
    ("virtualNetworkAppliances", Kind::VirtualNetworkAppliance),
    ("routeServers", Kind::RouteServer),
    ("localNetworkGateways", Kind::LocalNetworkGateway),
    ("connections", Kind::Connection),
    ("bastionHosts", Kind::BastionHost),
    ("privateEndpoints", Kind::PrivateEndpoint),
    ("applicationGateways", Kind::ApplicationGateway),
    ("networkManagers", Kind::NetworkManager),
    ("privateDnsZones", Kind::PrivateDnsZone),
];

pub(super) fn lower(
    document: &Value,
    collection: &mut Collection,
    additions: &mut Additions,
    diagnostics: &mut Diagnostics,
) -> Read {
    let text = |keys: [&str; 2]| document.path(keys).and_then(Value::as_str);
    let recorded = document
        .get("recorded")
        .is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"));
    let mut lowering = Lowering {
        subscription: text(["defaults", "subscription"]).unwrap_or(DEFAULT_SUBSCRIPTION),
        group: text(["defaults", "resourceGroup"]).unwrap_or(DEFAULT_GROUP),
        location: document.path(["defaults", "location"]),
        origin: if recorded {
            Origin::Recorded
        } else {
            Origin::Authored
        },
        collection,
        diagnostics,
    };
    for &(section, kind) in SECTIONS {
        for entry in entries(document, section) {
            lowering.resource(&entry, kind);
        }
    }
    lowering.short_admin_rules(document);
    for link in document
        .get("peerings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        additions.peerings.push((peering(link), lowering.origin));
    }
    additions.guests.extend(entries(document, "guests"));
    additions
        .learned_routes
        .extend(entries(document, "learnedRoutes"));
    additions
        .service_tags
        .extend(entries(document, "serviceTags"));
    additions
        .subscriptions
        .extend(entries(document, "subscriptions"));
    additions.principals.extend(entries(document, "principals"));
    let assignments = document.get("roleAssignments").and_then(Value::as_array);
    additions
        .role_assignments
        .extend(assignments.into_iter().flatten().cloned());
    for entry in entries(document, "onPremises") {
        let id = ResourceId::parse(&entry.key).unwrap_or_else(|_| lowering.id(&entry, ON_PREMISES));
        additions.on_premises.push((id, entry));
    }
    additions
        .vpn_clients
        .extend(entries(document, "vpnClients"));
    for option in entries(document, "options") {
        let value = option
            .value
            .as_str()
            .map_or_else(|| option.value.to_string(), str::to_owned);
        if let Err(error) = additions.options.set(&option.key, &value) {
            // The schema knows the same names and values, so this was told unless a text stands where a number should.
            if !lowering.diagnostics.has_errors() {
                let problem =
                    Diagnostic::error(Code::BadValue, error.to_string()).at(option.value.span);
                lowering
                    .diagnostics
                    .push(problem.property(format!("options.{}", option.key)));
            }
        }
    }
    let topology = document
        .get("topology")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let topology = topology.iter().filter_map(|value| match &value.data {
        Data::String(text) => Some((text.clone(), value.span)),
        _ => None,
    });
    Read {
        topology: topology.collect(),
    }
}

pub(super) struct Lowering<'a> {
    subscription: &'a str,
    group: &'a str,
    location: Option<&'a Value>,
    origin: Origin,
    collection: &'a mut Collection,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Lowering<'_> {
    fn resource(&mut self, entry: &Entry, kind: Kind) {
        let Some(id) = self.resource_id(entry, kind) else {
            return;
        };
        let span = entry.key_span;
        let mut body = Body::of(&entry.value);
        if let (None, Some(location)) = (body.get("location"), self.location) {
            body.put("location", location.clone());
        }
        match kind {
            Kind::PublicIpAddress => public_ip(&mut body, &entry.value),
            Kind::NetworkSecurityGroup => body.each("securityRules", security_rule),
            Kind::RouteTable => body.each("routes", route),
            Kind::VirtualNetwork => virtual_network(&mut body),
            Kind::LoadBalancer => load_balancer(&mut body),
            Kind::NetworkInterface => interface(&mut body, span),
            Kind::VirtualMachine => self.virtual_machine(&mut body, &id, span),
            Kind::FirewallPolicy => firewall_policy(&mut body, span),
            Kind::AzureFirewall => firewall(&mut body, span),
            Kind::VirtualNetworkGateway => gateway(&mut body, span),
            Kind::VirtualNetworkAppliance => route_server::appliance(&mut body),
            Kind::RouteServer => route_server::route_server(&mut body, span),
            Kind::LocalNetworkGateway => local_gateway(&mut body, span),
            Kind::Connection => connection(&mut body, span),
            Kind::NetworkManager => self.network_manager(&mut body, &id, span),
            Kind::PrivateDnsZone => private_dns_zone(&mut body),
            Kind::PrivateEndpoint => private_endpoint(&mut body, span),
            Kind::BastionHost | Kind::ApplicationGateway => {
                address_holder(&mut body, kind, span);
            }
            _ => {}
        }
        self.add(id, body, span);
    }

    pub(super) fn add(&mut self, id: ResourceId, body: Body, span: Span) {
        let body = Value::new(span, body.0);
        self.collection.add(
            ResourceDocument {
                id,
                body,
                span,
                origin: self.origin,
            },
            self.diagnostics,
        );
    }

    /// The key is a full id of the right kind, or a name.
    fn resource_id(&mut self, entry: &Entry, kind: Kind) -> Option<ResourceId> {
        if !entry.key.starts_with('/') {
            let classic = entry.value.get("deploymentModel").and_then(Value::as_str);
            let classic = classic.is_some_and(|model| model.eq_ignore_ascii_case("Classic"));
            let resource_type = if classic {
                "Microsoft.ClassicNetwork/virtualNetworks"
            } else {
                kind.resource_type()
            };
            let id = self.id(entry, resource_type);
            if ResourceId::parse(id.as_str()).is_ok() && !entry.key.contains('/') {
                return Some(id);
            }
            self.bad_name(entry, kind, "a name cannot be empty or hold '/'");
            return None;
        }
        match ResourceId::parse(&entry.key) {
            Ok(id) if Kind::of_id(&id) == kind => Some(id),
            Ok(_) => {
                self.bad_name(entry, kind, &format!("it is not the id of {}", kind.noun()));
                None
            }
            Err(error) => {
                self.bad_name(entry, kind, &error.to_string());
                None
            }
        }
    }

    fn bad_name(&mut self, entry: &Entry, kind: Kind, reason: &str) {
        let problem = Diagnostic::error(
            Code::BadResourceName,
            format!("'{}' names no resource: {reason}", entry.key),
        );
        self.diagnostics.push(
            problem
                .at(entry.key_span)
                .expected(format!("the name or id of {}", kind.noun())),
        );
    }

    pub(super) fn id(&self, entry: &Entry, resource_type: &str) -> ResourceId {
        let text = |key| entry.value.get(key).and_then(Value::as_str);
        let (subscription, group) = (
            text("subscription").unwrap_or(self.subscription),
            text("resourceGroup").unwrap_or(self.group),
        );
        ResourceId::in_group(subscription, group, resource_type, &entry.key)
    }

    /// A machine whose network interface is described with it: the interface is a resource before the machine.
    fn virtual_machine(&mut self, body: &mut Body, id: &ResourceId, span: Span) {
        if let Some(nsg) = body.take("nsg") {
            body.put("networkSecurityGroup", nsg.value);
        }
        if let Some(subnet) = body.get("subnet").cloned() {
            let name = body
                .get("nic")
                .and_then(Value::as_str)
                .map_or_else(|| format!("{}VMNic", id.name()), str::to_owned);
            let nic = ResourceId::parse(&name).unwrap_or_else(|_| {
                let (subscription, group) = (
                    id.subscription().unwrap_or(self.subscription),
                    id.resource_group().unwrap_or(self.group),
                );
                ResourceId::in_group(
                    subscription,
                    group,
                    Kind::NetworkInterface.resource_type(),
                    &name,
                )
            });
            let mut interface_body = Body(Vec::new());
            for key in [
                "location",
                "subnet",
                "address",
                "publicIp",
                "applicationSecurityGroups",
                "backendPools",
                "inboundNatRules",
                "networkSecurityGroup",
                "ipForwarding",
            ] {
                if let Some(value) = body.get(key) {
                    interface_body.put(key, value.clone());
                }
            }
            interface(&mut interface_body, span);
            self.add(nic.clone(), interface_body, subnet.span);
            let listed = Value::new(subnet.span, nic.as_str());
            let entry = Value::new(subnet.span, vec![member("id", listed)]);
            body.put("networkInterfaces", Value::new(subnet.span, vec![entry]));
        } else if let Some(nics) = body.take("nics") {
            let values = nics.value.as_array().unwrap_or_default().iter();
            let values: Vec<Value> = values
                .map(|nic| Value::new(nic.span, vec![member("id", nic.clone())]))
                .collect();
            body.put("networkInterfaces", Value::new(nics.value.span, values));
        }
    }
}

/// The entries of an object under a key; empty for what is none (which the check has told).
pub(super) fn entries(document: &Value, key: &str) -> Vec<Entry> {
    let object = document.get(key).and_then(Value::as_object);
    let members = object.into_iter().flat_map(|object| object.iter());
    members
        .map(|member| Entry {
            key: member.key.clone(),
            key_span: member.key_span,
            value: member.value.clone(),
        })
        .collect()
}

/// An object whose entries are moved to where the other formats have them.
pub(super) struct Body(pub(super) Vec<Member>);

impl Body {
    pub(super) fn of(value: &Value) -> Self {
        Self(
            value
                .as_object()
                .map(|object| object.to_vec())
                .unwrap_or_default(),
        )
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let found = self
            .0
            .iter()
            .find(|member| member.key.eq_ignore_ascii_case(key))?;
        (!found.value.is_null()).then_some(&found.value)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Member> {
        let position = self
            .0
            .iter()
            .position(|member| member.key.eq_ignore_ascii_case(key))?;
        Some(self.0.remove(position)).filter(|member| !member.value.is_null())
    }

    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.0
            .retain(|member| !member.key.eq_ignore_ascii_case(key));
        self.0.push(member(key, value));
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(found) = self.take(from) {
            self.put(to, found.value);
        }
    }

    /// Rewrites every object of the array under a key.
    fn each(&mut self, key: &str, rewrite: impl Fn(&mut Body)) {
        let Some(list) = self.get(key).cloned() else {
            return;
        };
        let Some(values) = list.as_array() else {
            return;
        };
        let rewritten = values.iter().map(|value| {
            let mut body = Body::of(value);
            if value.as_object().is_none() {
                return value.clone();
            }
            rewrite(&mut body);
            Value::new(value.span, body.0)
        });
        self.put(key, Value::new(list.span, rewritten.collect::<Vec<_>>()));
    }
}

pub(super) fn member(key: &str, value: Value) -> Member {
    Member {
        key: key.into(),
        key_span: value.span,
        value,
    }
}

fn word(span: Span, text: &str) -> Value {
    Value::new(span, text)
}

fn public_ip(body: &mut Body, value: &Value) {
    body.rename("address", "ipAddress");
    if value.as_str().is_some() {
        body.put("ipAddress", value.clone());
    }
}

/// Addresses and ports go to the property of their form; what is left out is all of them.
fn security_rule(rule: &mut Body) {
    if rule.get("protocol").is_none()
        && let Some(first) = rule.0.first()
    {
        let any = word(first.key_span, "*");
        rule.put("protocol", any);
    }
    for side in ["source", "destination"] {
        let place = rule.0.first().map(|member| member.key_span);
        let value = rule
            .take(side)
            .map(|member| member.value)
            .or_else(|| Some(word(place?, "*")));
        if let Some(value) = value {
            match value.get("applicationSecurityGroups") {
                Some(groups) => {
                    rule.put(&format!("{side}ApplicationSecurityGroups"), groups.clone());
                }
                None if value.as_array().is_some() => {
                    rule.put(&format!("{side}AddressPrefixes"), value);
                }
                None => rule.put(&format!("{side}AddressPrefix"), value),
            }
        }
        let ports = rule
            .take(&format!("{side}Ports"))
            .map(|member| member.value)
            .or_else(|| Some(word(place?, "*")));
        if let Some(ports) = ports {
            let list = if ports.as_array().is_some() {
                "PortRanges"
            } else {
                "PortRange"
            };
            rule.put(&format!("{side}{list}"), ports);
        }
    }
}

/// `VirtualAppliance 10.0.0.4`.
fn route(route: &mut Body) {
    route.rename("prefix", "addressPrefix");
    let Some(hop) = route.take("nextHop") else {
        return;
    };
    let text = hop.value.as_str().unwrap_or_default();
    match text.trim().split_once(char::is_whitespace) {
        Some((kind, address)) => {
            route.put("nextHopType", word(hop.value.span, kind));
            route.put("nextHopIpAddress", word(hop.value.span, address.trim()));
        }
        None => route.put("nextHopType", hop.value),
    }
}

/// Subnets by name become a list.
fn virtual_network(body: &mut Body) {
    body.take("deploymentModel");
    let Some(subnets) = body.take("subnets") else {
        return;
    };
    let Some(object) = subnets.value.as_object() else {
        return;
    };
    let list: Vec<Value> = object
        .iter()
        .map(|entry| {
            let mut subnet = Body::of(&entry.value);
            subnet.rename("prefix", "addressPrefix");
            if entry.value.as_str().is_some() {
                subnet.put("addressPrefix", entry.value.clone());
            }
            if subnet
                .get("addressPrefix")
                .is_some_and(|prefix| prefix.as_array().is_some())
            {
                subnet.rename("addressPrefix", "addressPrefixes");
            }
            subnet.put("name", Value::new(entry.key_span, entry.key.clone()));
            Value::new(entry.key_span, subnet.0)
        })
        .collect();
    body.put("subnets", Value::new(subnets.value.span, list));
}

/// The keys that an address has in every section.
fn address(body: &mut Body) {
    body.rename("address", "privateIPAddress");
    body.rename("allocation", "privateIPAllocationMethod");
    body.rename("publicIp", "publicIPAddress");
    body.rename("backendPools", "loadBalancerBackendAddressPools");
    body.rename("inboundNatRules", "loadBalancerInboundNatRules");
}

/// One IP configuration written beside the properties of the resource, taken out of it.
fn own_configuration(body: &mut Body, name: &str, span: Span) -> Body {
    let mut configuration = Body(vec![member("name", word(span, name))]);
    for key in [
        "subnet",
        "address",
        "allocation",
        "publicIp",
        "applicationSecurityGroups",
        "backendPools",
        "inboundNatRules",
    ] {
        if let Some(found) = body.take(key) {
            configuration.put(key, found.value);
        }
    }
    address(&mut configuration);
    configuration
}

fn interface(body: &mut Body, span: Span) {
    body.rename("ipForwarding", "enableIPForwarding");
    if body.get("ipConfigurations").is_some() {
        body.each("ipConfigurations", address);
        return;
    }
    if let Some(place) = body.get("subnet").map(|subnet| subnet.span) {
        let configuration = own_configuration(body, "ipconfig1", place);
        body.put(
            "ipConfigurations",
            Value::new(span, vec![Value::new(place, configuration.0)]),
        );
    }
}

fn load_balancer(body: &mut Body) {
    if let Some(frontends) = body.take("frontends") {
        let object = frontends
            .value
            .as_object()
            .map(|object| object.to_vec())
            .unwrap_or_default();
        let list = object.into_iter().map(|entry| {
            let mut frontend = Body::of(&entry.value);
            address(&mut frontend);
            frontend.put("name", Value::new(entry.key_span, entry.key));
            Value::new(entry.key_span, frontend.0)
        });
        let list: Vec<Value> = list.collect();
        body.put(
            "frontendIPConfigurations",
            Value::new(frontends.value.span, list),
        );
    }
    let by_address = body.take("poolAddresses").map(|list| list.value);
    if let Some(pools) = body.take("pools") {
        let names = pools.value.as_array().unwrap_or_default().iter();
        let list: Vec<Value> = names.map(|name| pool(name, by_address.as_ref())).collect();
        body.put("backendAddressPools", Value::new(pools.value.span, list));
    }
    body.rename("rules", "loadBalancingRules");
    for rules in ["loadBalancingRules", "inboundNatRules", "outboundRules"] {
        body.each(rules, |rule| {
            rule.rename("frontend", "frontendIPConfiguration");
            rule.rename("frontends", "frontendIPConfigurations");
            rule.rename("pool", "backendAddressPool");
            rule.rename("floatingIp", "enableFloatingIP");
        });
    }
}

/// A pool with its members of this load balancer's `poolAddresses`.
fn pool(name: &Value, by_address: Option<&Value>) -> Value {
    let listed = by_address.and_then(Value::as_array).unwrap_or_default();
    let own = listed.iter().filter(|entry| {
        let pool = entry
            .get("pool")
            .and_then(Value::as_str)
            .unwrap_or_default();
        name.as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(pool))
    });
    let members = own.map(|entry| {
        let mut entry_body = Body::of(entry);
        entry_body.rename("address", "ipAddress");
        Value::new(entry.span, entry_body.0)
    });
    let members: Vec<Value> = members.collect();
    let body = vec![
        member("name", name.clone()),
        member(
            "loadBalancerBackendAddresses",
            Value::new(name.span, members),
        ),
    ];
    Value::new(name.span, body)
}

/// Groups by name become a list of groups with names.
fn firewall_policy(body: &mut Body, span: Span) {
    let Some(groups) = body.take("ruleCollectionGroups") else {
        return;
    };
    let holder = Value::new(span, vec![member("groups", groups.value)]);
    let listed = entries(&holder, "groups").into_iter().map(|group| {
        let mut body = Body::of(&group.value);
        body.put("name", Value::new(group.key_span, &*group.key));
        Value::new(group.value.span, body.0)
    });
    let listed: Vec<Value> = listed.collect();
    body.put("ruleCollectionGroups", Value::new(span, listed));
}

fn firewall(body: &mut Body, span: Span) {
    let name = body
        .take("ipConfiguration")
        .and_then(|name| name.value.as_str().map(str::to_owned));
    let configuration = own_configuration(body, name.as_deref().unwrap_or("ipconfig1"), span);
    let mut configurations = vec![Value::new(span, configuration.0)];
    if let Some(further) = body.take("publicIps") {
        let further = further.value.as_array().unwrap_or_default().iter();
        configurations.extend(further.map(|address| {
            let reference = member("publicIPAddress", address.clone());
            Value::new(address.span, vec![reference])
        }));
    }
    body.put("ipConfigurations", Value::new(span, configurations));
    body.rename("policy", "firewallPolicy");
}

fn gateway(body: &mut Body, span: Span) {
    body.rename("bgp", "enableBgp");
    body.rename("defaultSite", "gatewayDefaultSite");
    let subnet = body.take("subnet");
    let own = body.take("publicIp");
    let mut instances = Vec::new();
    match body.take("instances") {
        Some(listed) => {
            for instance in listed.value.as_array().unwrap_or_default() {
                instances.push((instance.span, Body::of(instance)));
            }
        }
        None => instances.push((
            span,
            Body(
                own.map(|own| member("publicIp", own.value))
                    .into_iter()
                    .collect(),
            ),
        )),
    }
    let configurations = instances
        .into_iter()
        .zip(0..)
        .map(|((place, mut instance), number)| {
            if let Some(subnet) = &subnet {
                instance.put("subnet", subnet.value.clone());
            }
            address(&mut instance);
            instance.put("name", word(place, &format!("instance{number}")));
            Value::new(place, instance.0)
        });
    let configurations: Vec<Value> = configurations.collect();
    body.put("ipConfigurations", Value::new(span, configurations));
}

fn local_gateway(body: &mut Body, span: Span) {
    if let Some(prefixes) = body.take("prefixes") {
        let space = vec![member("addressPrefixes", prefixes.value)];
        body.put("localNetworkAddressSpace", Value::new(span, space));
    }
    body.rename("gatewayAddress", "gatewayIpAddress");
    body.rename("bgpAddress", "bgpPeeringAddress");
}

fn connection(body: &mut Body, span: Span) {
    body.rename("gateway", "virtualNetworkGateway1");
    body.rename("site", "localNetworkGateway2");
    body.rename("remoteGateway", "virtualNetworkGateway2");
    body.rename("circuit", "peer");
    body.rename("bgp", "enableBgp");
    body.each("trafficSelectors", |selector| {
        selector.rename("local", "localAddressRanges");
        selector.rename("remote", "remoteAddressRanges");
    });
    body.rename("trafficSelectors", "trafficSelectorPolicies");
    connection_state(body, "connectionStatus", span);
}

/// `up: false` as Azure says it.
fn connection_state(body: &mut Body, key: &str, span: Span) {
    let up = body
        .take("up")
        .map(|up| up.value.as_bool() != Some(false) && up.value.as_str() != Some("false"));
    if up == Some(false) {
        body.put(key, word(span, "NotConnected"));
    }
}

/// A record that is no address is the name that it stands for.
fn split_aliases(body: &mut Body) {
    let Some(records) = body.take("records") else {
        return;
    };
    let sets = records.value.as_object().map(|object| object.to_vec());
    let is_alias = |set: &Member| {
        let text = set.value.as_str();
        text.is_some_and(|text| text.contains(|c: char| c.is_ascii_alphabetic()))
    };
    let (aliases, addresses): (Vec<Member>, Vec<Member>) =
        sets.unwrap_or_default().into_iter().partition(is_alias);
    let span = records.value.span;
    body.put("records", Value::new(span, addresses));
    let aliases: Vec<Value> = aliases
        .into_iter()
        .map(|alias| {
            let record = Value::new(alias.value.span, vec![member("cname", alias.value)]);
            let name = Value::new(alias.key_span, alias.key);
            Value::new(
                alias.key_span,
                vec![member("name", name), member("cnameRecord", record)],
            )
        })
        .collect();
    body.put("cnameRecordSets", Value::new(span, aliases));
}

/// Records and links by name become lists.
fn private_dns_zone(body: &mut Body) {
    split_aliases(body);
    let mut listed = |from: &str, to: &str, spell: &dyn Fn(&Value) -> Body| {
        let Some(named) = body.take(from) else { return };
        let entries = named.value.as_object().map(|object| object.to_vec());
        let list = entries.unwrap_or_default().into_iter().map(|entry| {
            let mut spelled = spell(&entry.value);
            spelled.put("name", Value::new(entry.key_span, entry.key));
            Value::new(entry.key_span, spelled.0)
        });
        let list: Vec<Value> = list.collect();
        body.put(to, Value::new(named.value.span, list));
    };
    listed("records", "aRecordSets", &|value| {
        let values = value.as_array().unwrap_or(std::slice::from_ref(value));
        let records = values.iter().map(|address| {
            let record = vec![member("ipv4Address", address.clone())];
            Value::new(address.span, record)
        });
        let records: Vec<Value> = records.collect();
        Body(vec![member("aRecords", Value::new(value.span, records))])
    });
    listed("virtualNetworkLinks", "virtualNetworkLinks", &|value| {
        if value.as_str().is_some() {
            return Body(vec![member("virtualNetwork", value.clone())]);
        }
        Body::of(value)
    });
}

fn private_endpoint(body: &mut Body, span: Span) {
    if let Some(nic) = body.take("nic") {
        body.put("networkInterfaces", Value::new(span, vec![nic.value]));
    }
    if let Some(addresses) = body.take("addresses") {
        let configurations = list_of(&addresses.value)
            .into_iter()
            .map(|address| Value::new(address.span, vec![member("privateIPAddress", address)]));
        let configurations: Vec<Value> = configurations.collect();
        body.put("ipConfigurations", Value::new(span, configurations));
    }
}

/// The values of an array, or a lone value.
pub(super) fn list_of(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .map_or_else(|| vec![value.clone()], <[Value]>::to_vec)
}

/// Each of the two kinds has its addresses in another place.
fn address_holder(body: &mut Body, kind: Kind, span: Span) {
    let addresses = body.take("addresses").map(|list| list.value);
    let list = addresses
        .as_ref()
        .and_then(Value::as_array)
        .unwrap_or_default();
    let list = list.iter().zip(0..).map(|(held, number)| {
        let mut held_body = Body::of(held);
        address(&mut held_body);
        held_body.put("name", word(held.span, &format!("ipconfig{number}")));
        Value::new(held.span, held_body.0)
    });
    let list: Vec<Value> = list.collect();
    let key = if kind == Kind::ApplicationGateway {
        "frontendIPConfigurations"
    } else {
        "ipConfigurations"
    };
    body.put(key, Value::new(span, list));
}

/// A link keeps the network that holds it beside the keys of the other formats.
fn peering(link: &Value) -> Value {
    let mut body = Body::of(link);
    body.rename("to", "remoteVirtualNetwork");
    Value::new(link.span, body.0)
}
