//! What Azure assigns when a resource is created, assumed in the order of the file.
//!
//! Templates ask for these values: a route sends packets to `reference(firewall).ipConfigurations[0]...`. But which
//! address is free is known only when all resources are evaluated. So the whole template is evaluated, addresses are
//! assigned, and if anybody asked for one, it is evaluated again with them, until nothing changes ([`super::evaluate`]).

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::Ipv4Net;

use super::ArmResource;
use crate::json::{Data, Value};

/// A value that Azure would assign and that the evaluation assumed.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumed {
    /// The id of the resource.
    pub resource: String,
    /// The path of the property, as `properties.ipConfigurations[0].properties.privateIPAddress`.
    pub property: String,
    /// The assumed value.
    pub value: Value,
    /// How it was chosen.
    pub rule: AssumedRule,
}

/// How an assumed value was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssumedRule {
    /// First free address of the subnet, in the order of the file; static addresses are taken first. // N-4
    FirstFree,
    /// An address reserved for documentation stands for the public one (RFC 5737, RFC 3849).
    Documentation,
    /// Where VPN gateways speak BGP: the last host address of the subnet, or with two instances their addresses.
    BgpPeering,
    /// Azure's autonomous system number for gateways and route servers, 65515.
    AzureAsn,
}

/// Assigned values by resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Assignments(HashMap<String, Vec<Assignment>>);

#[derive(Clone, Debug, PartialEq)]
struct Assignment {
    path: Vec<Step>,
    value: Value,
    rule: AssumedRule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Key(&'static str),
    Index(usize),
}

/// Resources that take an address in a subnet: type, the array of their configurations, the name of the address.
const TAKERS: &[(&str, &str, &str)] = &[
    (
        "Microsoft.Network/networkInterfaces",
        "ipConfigurations",
        "privateIPAddress",
    ),
    (
        "Microsoft.Network/azureFirewalls",
        "ipConfigurations",
        "privateIPAddress",
    ),
    (
        "Microsoft.Network/virtualNetworkGateways",
        "ipConfigurations",
        "privateIPAddress",
    ),
    (
        "Microsoft.Network/applicationGateways",
        "frontendIPConfigurations",
        "privateIPAddress",
    ),
    (
        "Microsoft.Network/loadBalancers",
        "frontendIPConfigurations",
        "privateIPAddress",
    ),
    (
        "Microsoft.Network/privateLinkServices",
        "ipConfigurations",
        "privateIPAddress",
    ),
    (
        "Microsoft.Network/dnsResolvers/inboundEndpoints",
        "ipConfigurations",
        "privateIpAddress",
    ),
];

/// The autonomous system of Azure's gateways and route servers.
const AZURE_ASN: i64 = 65_515;

impl Assignments {
    /// Assigns to resources as they stand in the templates, in their order.
    pub(crate) fn of(resources: &[ArmResource]) -> Self {
        let mut subnets = Subnets::of(resources);
        let takers = || {
            resources
                .iter()
                .filter_map(|resource| taker(resource).map(|(parts, key)| (resource, parts, key)))
        };
        for (resource, parts, key) in takers() {
            for (index, part) in configurations(resource, parts) {
                subnets.take_given(&owner(resource, index), part, key);
            }
        }
        let mut assignments = Self::default();
        for (resource, parts, key) in takers() {
            for (index, part) in configurations(resource, parts) {
                let path = vec![
                    Step::Key("properties"),
                    Step::Key(parts),
                    Step::Index(index),
                    Step::Key("properties"),
                    Step::Key(key),
                ];
                // A resource that two deployments write keeps the address that it got from the first.
                if assignments.holds(resource, &path) {
                    continue;
                }
                if let Some(address) = subnets.first_free_for(&owner(resource, index), part, key) {
                    assignments.add(resource, path, address.to_string(), AssumedRule::FirstFree);
                }
            }
            if is(resource, "Microsoft.Network/virtualNetworkGateways") {
                assignments.add_bgp(resource, &subnets);
            }
        }
        assignments.add_route_servers(resources, &mut subnets);
        assignments.add_public_addresses(resources);
        assignments
    }

    /// Writes the values assigned to a resource into its body.
    pub(crate) fn write_into(&self, id: &str, body: Value) -> Value {
        let assigned = self.0.get(&id.to_ascii_lowercase()).into_iter().flatten();
        assigned.fold(body, |body, assignment| {
            write(&body, &assignment.path, &assignment.value)
        })
    }

    /// What was assigned, in the order of the resources.
    pub(crate) fn list(&self, resources: &[ArmResource]) -> Vec<Assumed> {
        let of = |resource: &ArmResource| {
            let id = resource.id.clone();
            let assigned = self.0.get(&id.to_ascii_lowercase()).into_iter().flatten();
            let assumed = assigned.map(move |assignment| Assumed {
                resource: id.clone(),
                property: printed(&assignment.path),
                value: assignment.value.clone(),
                rule: assignment.rule,
            });
            assumed.collect::<Vec<_>>()
        };
        resources.iter().flat_map(of).collect()
    }

    fn holds(&self, resource: &ArmResource, path: &[Step]) -> bool {
        let assigned = self
            .0
            .get(&resource.id.to_ascii_lowercase())
            .into_iter()
            .flatten();
        assigned
            .into_iter()
            .any(|assignment| assignment.path == path)
    }

    fn add(
        &mut self,
        resource: &ArmResource,
        path: Vec<Step>,
        data: impl Into<Data>,
        rule: AssumedRule,
    ) {
        if self.holds(resource, &path) {
            return;
        }
        let value = Value::new(resource.span, data);
        self.0
            .entry(resource.id.to_ascii_lowercase())
            .or_default()
            .push(Assignment { path, value, rule });
    }

    /// Source: Azure docs, "How to configure BGP for VPN Gateway": 10.12.255.30 in 10.12.255.0/27.
    fn add_bgp(&mut self, gateway: &ArmResource, subnets: &Subnets) {
        let settings = gateway.body.path(["properties", "bgpSettings"]);
        let path = |key| {
            vec![
                Step::Key("properties"),
                Step::Key("bgpSettings"),
                Step::Key(key),
            ]
        };
        if settings.and_then(|settings| settings.get("asn")).is_none() {
            self.add(gateway, path("asn"), AZURE_ASN, AssumedRule::AzureAsn);
        }
        if settings
            .and_then(|settings| settings.get("bgpPeeringAddress"))
            .is_some()
        {
            return;
        }
        let instances = self
            .0
            .get(&gateway.id.to_ascii_lowercase())
            .into_iter()
            .flatten();
        let instances = instances.filter(|assignment| assignment.rule == AssumedRule::FirstFree);
        let instances: Vec<String> = instances
            .filter_map(|a| a.value.as_str().map(str::to_owned))
            .collect();
        let subnet = configurations(gateway, "ipConfigurations")
            .next()
            .and_then(|(_, part)| subnets.get(part));
        let address = match (instances.len(), subnet) {
            (0 | 1, Some(subnet)) => subnet.last().to_string(),
            (0, None) => return,
            _ => instances.join(","),
        };
        self.add(
            gateway,
            path("bgpPeeringAddress"),
            address,
            AssumedRule::BgpPeering,
        );
    }

    /// A route server has two addresses in its subnet, which `virtualRouterIps` of its hub shows.
    fn add_route_servers(&mut self, resources: &[ArmResource], subnets: &mut Subnets) {
        for part in resources
            .iter()
            .filter(|resource| is(resource, "Microsoft.Network/virtualHubs/ipConfigurations"))
        {
            let hub_id = part.id.rsplitn(3, '/').last().unwrap_or_default();
            let hub = resources
                .iter()
                .find(|hub| hub.id.eq_ignore_ascii_case(hub_id));
            let Some(hub) =
                hub.filter(|hub| hub.body.path(["properties", "virtualRouterIps"]).is_none())
            else {
                continue;
            };
            let addresses = [
                subnets.first_free_for(&part.id, &part.body, "privateIPAddress"),
                subnets.first_free_for(&part.id, &part.body, "privateIPAddress"),
            ];
            let addresses: Vec<Value> = addresses
                .into_iter()
                .flatten()
                .map(|address| Value::new(part.span, address.to_string()))
                .collect();
            if !addresses.is_empty() {
                self.add(
                    hub,
                    vec![Step::Key("properties"), Step::Key("virtualRouterIps")],
                    addresses,
                    AssumedRule::FirstFree,
                );
                self.add(
                    hub,
                    vec![Step::Key("properties"), Step::Key("virtualRouterAsn")],
                    AZURE_ASN,
                    AssumedRule::AzureAsn,
                );
            }
        }
    }

    fn add_public_addresses(&mut self, resources: &[ArmResource]) {
        // RFC 5737 §3; the block that examples use most comes first.
        let blocks = [[203, 0, 113], [198, 51, 100], [192, 0, 2]];
        let mut v4 = blocks
            .into_iter()
            .flat_map(|[a, b, c]| (1..255).map(move |d| Ipv4Addr::new(a, b, c, d)));
        // RFC 3849 §2.
        let mut v6 = (1..=u16::MAX).map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        let taken: BTreeSet<&str> = resources
            .iter()
            .filter_map(|resource| resource.body.path(["properties", "ipAddress"])?.as_str())
            .collect();
        for resource in resources
            .iter()
            .filter(|resource| is(resource, "Microsoft.Network/publicIPAddresses"))
        {
            let property = |key| {
                resource
                    .body
                    .path(["properties", key])
                    .filter(|value| !value.is_null())
            };
            if property("ipAddress").is_some() {
                continue;
            }
            let version = property("publicIPAddressVersion")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let address = if version.eq_ignore_ascii_case("IPv6") {
                v6.next().map(|address| address.to_string())
            } else {
                v4.by_ref()
                    .map(|address| address.to_string())
                    .find(|address| !taken.contains(address.as_str()))
            };
            if let Some(address) = address {
                let path = vec![Step::Key("properties"), Step::Key("ipAddress")];
                self.add(resource, path, address, AssumedRule::Documentation);
            }
        }
    }
}

fn is(resource: &ArmResource, resource_type: &str) -> bool {
    resource.resource_type.eq_ignore_ascii_case(resource_type)
}

fn taker(resource: &ArmResource) -> Option<(&'static str, &'static str)> {
    TAKERS
        .iter()
        .find(|(resource_type, ..)| is(resource, resource_type))
        .map(|&(_, parts, key)| (parts, key))
}

/// Which configuration of which resource.
fn owner(resource: &ArmResource, index: usize) -> String {
    format!("{}#{index}", resource.id.to_ascii_lowercase())
}

/// The configurations of a resource that lie in a subnet, with their place in the array.
fn configurations<'r>(
    resource: &'r ArmResource,
    parts: &str,
) -> impl Iterator<Item = (usize, &'r Value)> + use<'r> {
    let parts = resource
        .body
        .path(["properties", parts])
        .and_then(Value::as_array)
        .unwrap_or_default();
    parts.iter().enumerate().filter(|(_, part)| {
        let version = part
            .path(["properties", "privateIPAddressVersion"])
            .and_then(Value::as_str);
        part.path(["properties", "subnet", "id"]).is_some()
            && !version.is_some_and(|v| v.eq_ignore_ascii_case("IPv6"))
    })
}

/// Which addresses of which subnets are taken.
struct Subnets(HashMap<String, Subnet>);

struct Subnet {
    prefix: Ipv4Net,
    /// Taken addresses, and which configuration has them.
    taken: HashMap<Ipv4Addr, String>,
    /// No free address before this one.
    next: u32,
}

impl Subnets {
    fn of(resources: &[ArmResource]) -> Self {
        let mut subnets = HashMap::new();
        let mut add = |id: String, subnet: &Value| {
            if let Some(prefix) = prefix_of(subnet) {
                subnets.insert(id.to_ascii_lowercase(), Subnet::new(prefix));
            }
        };
        for resource in resources {
            if is(resource, "Microsoft.Network/virtualNetworks") {
                for subnet in resource
                    .body
                    .path(["properties", "subnets"])
                    .and_then(Value::as_array)
                    .unwrap_or_default()
                {
                    let name = subnet
                        .get("name")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    add(format!("{}/subnets/{name}", resource.id), subnet);
                }
            } else if is(resource, "Microsoft.Network/virtualNetworks/subnets") {
                add(resource.id.clone(), &resource.body);
            }
        }
        Self(subnets)
    }

    fn id_of(part: &Value) -> Option<String> {
        Some(
            part.path(["properties", "subnet", "id"])?
                .as_str()?
                .to_ascii_lowercase(),
        )
    }

    fn get(&self, part: &Value) -> Option<&Subnet> {
        self.0.get(&Self::id_of(part)?)
    }

    fn take_given(&mut self, owner: &str, part: &Value, key: &str) {
        let address = part
            .path(["properties", key])
            .and_then(Value::as_str)
            .and_then(|text| text.trim().parse().ok());
        let subnet = Self::id_of(part).and_then(|id| self.0.get_mut(&id));
        if let (Some(subnet), Some(address)) = (subnet, address) {
            subnet.taken.insert(address, owner.to_owned());
        }
    }

    /// An address for a configuration that has none of its own.
    fn first_free_for(&mut self, owner: &str, part: &Value, key: &str) -> Option<Ipv4Addr> {
        let given = part
            .path(["properties", key])
            .is_some_and(|value| match &value.data {
                Data::Null => false,
                Data::String(text) => !text.trim().is_empty(),
                _ => true,
            });
        if given {
            None
        } else {
            self.0.get_mut(&Self::id_of(part)?)?.first_free(owner)
        }
    }
}

impl Subnet {
    fn new(prefix: Ipv4Net) -> Self {
        // N-4: the network's address and the three after it are Azure's own.
        Self {
            prefix,
            taken: HashMap::new(),
            next: u32::from(prefix.network()).saturating_add(4),
        }
    }

    /// The last address that a host may have.
    fn last(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.prefix.broadcast()).saturating_sub(1))
    }

    fn first_free(&mut self, owner: &str) -> Option<Ipv4Addr> {
        let last = u32::from(self.last());
        let free = (self.next..=last)
            .map(Ipv4Addr::from)
            .find(|address| self.taken.get(address).is_none_or(|taker| taker == owner))?;
        self.next = u32::from(free) + 1;
        Some(free)
    }
}

fn prefix_of(subnet: &Value) -> Option<Ipv4Net> {
    let properties = subnet.get("properties")?;
    let single = properties.get("addressPrefix").into_iter();
    let several = properties
        .get("addressPrefixes")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let mut prefixes = single
        .chain(several)
        .filter_map(|prefix| prefix.as_str()?.trim().parse::<Ipv4Net>().ok());
    prefixes.next().map(|prefix| prefix.trunc())
}

fn write(value: &Value, path: &[Step], new: &Value) -> Value {
    let Some((step, rest)) = path.split_first() else {
        return new.clone();
    };
    let data = match (step, &value.data) {
        (Step::Key(key), Data::Object(object)) => {
            let inner = object
                .get(key)
                .cloned()
                .unwrap_or_else(|| Value::new(new.span, Vec::new() as Vec<crate::json::Member>));
            object.with(key, write(&inner, rest, new)).into()
        }
        (Step::Index(index), Data::Array(values)) => {
            let mut values = values.to_vec();
            if let Some(inner) = values.get_mut(*index) {
                *inner = write(inner, rest, new);
            }
            values.into()
        }
        // A null or an empty string where an object belongs.
        (Step::Key(key), _) => {
            let empty = crate::json::Object::new(Vec::new());
            let inner = write(&Value::new(new.span, empty.clone()), rest, new);
            empty.with(key, inner).into()
        }
        (Step::Index(_), other) => other.clone(),
    };
    Value {
        span: value.span,
        data,
    }
}

fn printed(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                out.push_str(if out.is_empty() { "" } else { "." });
                out.push_str(key);
            }
            Step::Index(index) => {
                let _ = write!(out, "[{index}]");
            }
        }
    }
    out
}
