//! A topology as a scenario.

use serde_json::{Map, Value, json};

use crate::topology::{Gateway, Learned, Nic, Subnet, Topology};

/// What a recording leaves open, decided for one replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers a question of its own"
)]
pub(crate) struct Choice {
    /// The option `forwardedTraffic`; `None` for its default.
    pub(crate) forwarded_traffic: Option<&'static str>,
    /// For appliances of which it is not said.
    pub(crate) forwards: bool,
    /// For appliances of which it is not said.
    pub(crate) snat: bool,
    /// For appliances of which it is not said.
    pub(crate) stateful: bool,
    /// Whether routes and rules act on private endpoints, for subnets of which it is not said.
    pub(crate) policies: bool,
}

/// A host outside Azure that a recording speaks of.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    pub(crate) gateway: String,
    pub(crate) prefix: ipnet::Ipv4Net,
    pub(crate) address: std::net::Ipv4Addr,
}

/// Everything in one document.
pub(crate) fn of(topology: &Topology, outside: &[Outside], choice: Choice) -> Value {
    let mut document = json!({
        "recorded": true,
        "virtualNetworks": virtual_networks(topology, choice),
        "peerings": peerings(topology),
        "routeTables": route_tables(topology),
        "networkSecurityGroups": groups(topology),
        "publicIPAddresses": public_addresses(topology),
        "loadBalancers": balancers(topology),
        "networkInterfaces": nics(topology),
        "virtualMachines": machines(topology),
        "virtualNetworkGateways": gateways(topology),
        "connections": connections(topology),
        "routeServers": servers(topology),
        "privateEndpoints": endpoints(topology),
    });
    let additions = additions(topology, outside, choice);
    if let (Value::Object(document), Value::Object(additions)) = (&mut document, additions) {
        document.extend(additions);
        document.retain(|_, value| !is_empty(value));
    }
    document
}

/// What no file of Azure says: guests, routes learned by BGP, the world outside, options.
pub(crate) fn additions(topology: &Topology, outside: &[Outside], choice: Choice) -> Value {
    let mut document = json!({
        "guests": guests(topology, choice),
        "learnedRoutes": learned_routes(topology),
        "onPremises": on_premises(outside),
    });
    if let Some(value) = choice.forwarded_traffic {
        document["options"] = json!({ "forwardedTraffic": value });
    }
    if let Value::Object(document) = &mut document {
        document.retain(|_, value| !is_empty(value));
    }
    document
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        _ => false,
    }
}

/// An object without the keys that say nothing.
fn object(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !is_empty(value));
            Value::Object(members)
        }
        other => other,
    }
}

fn words(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// `privateEndpointNetworkPolicies` of a subnet: only said where an endpoint is.
pub(crate) fn policies_of(
    topology: &Topology,
    vnet: &str,
    subnet: &Subnet,
    choice: Choice,
) -> Option<String> {
    let here = |endpoint: &crate::topology::PrivateEndpoint| {
        endpoint.vnet == vnet && endpoint.subnet == subnet.name
    };
    let unsaid = if choice.policies {
        "Enabled"
    } else {
        "Disabled"
    };
    let said = subnet.policies.clone().filter(|word| {
        [
            "Enabled",
            "Disabled",
            "NetworkSecurityGroupEnabled",
            "RouteTableEnabled",
        ]
        .contains(&word.as_str())
    });
    said.or_else(|| {
        topology
            .endpoints
            .iter()
            .any(here)
            .then(|| unsaid.to_owned())
    })
}

fn endpoints(topology: &Topology) -> Value {
    let endpoints = topology.endpoints.iter().map(|endpoint| {
        let place = format!("{}/{}", endpoint.vnet, endpoint.subnet);
        (
            endpoint.name.clone(),
            json!({ "subnet": place, "addresses": endpoint.address }),
        )
    });
    Value::Object(endpoints.collect())
}

fn virtual_networks(topology: &Topology, choice: Choice) -> Value {
    let mut networks = Map::new();
    for vnet in &topology.vnets {
        let mut subnets = Map::new();
        for subnet in vnet
            .subnets
            .iter()
            .filter(|subnet| !subnet.prefixes.is_empty())
        {
            let prefixes = words(&subnet.prefixes);
            subnets.insert(
                subnet.name.clone(),
                object(json!({
                    "prefix": match prefixes.as_slice() {
                        [one] => json!(one),
                        several => json!(several),
                    },
                    "routeTable": subnet.table,
                    "networkSecurityGroup": subnet.group,
                    "privateEndpointNetworkPolicies": policies_of(topology, &vnet.name, subnet, choice),
                })),
            );
        }
        networks.insert(
            vnet.name.clone(),
            object(json!({
                "location": vnet.location,
                "addressSpace": words(&vnet.prefixes),
                "subnets": subnets,
            })),
        );
    }
    Value::Object(networks)
}

fn peerings(topology: &Topology) -> Value {
    let links = topology.links.iter().map(|link| {
        object(json!({
            "name": link.name,
            "from": link.vnet,
            "to": remote_of(topology, link),
            "allowVirtualNetworkAccess": link.access,
            "allowForwardedTraffic": link.forwarded,
            "allowGatewayTransit": link.transit,
            "useRemoteGateways": link.remote_gateways,
            "peeringState": link.state,
            "peerCompleteVnets": if link.whole { Value::Null } else { json!(false) },
            "localSubnetNames": link.local_subnets,
            "remoteSubnetNames": link.remote_subnets,
            "remoteAddressSpace": words(&link.remote_space),
        }))
    });
    links.collect()
}

/// The remote network: by name, or by an id if the recording does not describe it.
pub(crate) fn remote_of(topology: &Topology, link: &crate::topology::Link) -> String {
    if topology.vnet(&link.remote).is_some() {
        return link.remote.clone();
    }
    let name = crate::reading::name_of(&link.remote);
    format!(
        "/subscriptions/elsewhere/resourceGroups/elsewhere/providers/Microsoft.Network/virtualNetworks/{name}"
    )
}

fn route_tables(topology: &Topology) -> Value {
    let mut tables = Map::new();
    for table in &topology.tables {
        let routes = table.routes.iter().map(|route| {
            let hop = match route.address {
                Some(address) => format!("{} {address}", route.kind),
                None => route.kind.clone(),
            };
            json!({ "name": route.name, "prefix": route.destination, "nextHop": hop })
        });
        tables.insert(
            table.name.clone(),
            object(json!({
                "routes": routes.collect::<Vec<_>>(),
                "disableBgpRoutePropagation": table.propagation_disabled,
            })),
        );
    }
    Value::Object(tables)
}

/// One value or a list, as the form wants it.
fn one_or_many(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        several => json!(several),
    }
}

fn groups(topology: &Topology) -> Value {
    let mut groups = Map::new();
    for group in &topology.groups {
        let rules = group.rules.iter().map(|rule| {
            json!({
                "name": rule.name,
                "priority": rule.priority,
                "direction": rule.direction,
                "access": rule.access,
                "protocol": rule.protocol,
                "source": one_or_many(&rule.source),
                "destination": one_or_many(&rule.destination),
                "sourcePorts": one_or_many(&rule.source_ports),
                "destinationPorts": one_or_many(&rule.destination_ports),
            })
        });
        groups.insert(
            group.name.clone(),
            json!({ "securityRules": rules.collect::<Vec<_>>() }),
        );
    }
    Value::Object(groups)
}

fn public_ip_name(owner: &str) -> String {
    format!("{owner}-ip")
}

fn public_addresses(topology: &Topology) -> Value {
    let gateways = topology
        .gateways
        .iter()
        .filter_map(|gateway| Some((public_ip_name(&gateway.name), gateway.public_ip?)));
    let nics = topology
        .nics
        .iter()
        .filter_map(|nic| Some((public_ip_name(&nic.name), nic.public_ip?)));
    let named = gateways.chain(nics);
    Value::Object(
        named
            .map(|(name, address)| (name, json!({ "address": address, "sku": "Standard" })))
            .collect(),
    )
}

fn balancers(topology: &Topology) -> Value {
    let mut balancers = Map::new();
    for balancer in &topology.balancers {
        let home = topology.vnet(&balancer.vnet);
        let subnet = home.and_then(|vnet| {
            vnet.subnets.iter().find(|subnet| {
                let mut prefixes = subnet.prefixes.iter();
                prefixes.any(|prefix| prefix.contains(&balancer.frontend))
            })
        });
        let Some(subnet) = subnet else {
            continue;
        };
        let place = format!("{}/{}", balancer.vnet, subnet.name);
        balancers.insert(
            balancer.name.clone(),
            json!({
                "sku": if balancer.basic { "Basic" } else { "Standard" },
                "frontends": { "frontend": { "subnet": place, "address": balancer.frontend } },
                "pools": ["pool"],
                "rules": [{
                    "name": "all", "frontend": "frontend", "pool": "pool",
                    "protocol": "All", "frontendPort": 0, "backendPort": 0,
                }],
            }),
        );
    }
    Value::Object(balancers)
}

/// The pools that a NIC is a member of.
pub(crate) fn pools_of<'t>(topology: &'t Topology, nic: &'t Nic) -> impl Iterator<Item = &'t str> {
    let has = |backends: &[String]| {
        backends
            .iter()
            .any(|backend| crate::topology::is_named(nic, backend))
    };
    topology
        .balancers
        .iter()
        .filter(move |balancer| has(&balancer.backends))
        .map(|balancer| balancer.name.as_str())
}

fn nics(topology: &Topology) -> Value {
    let mut nics = Map::new();
    for nic in &topology.nics {
        let pools: Vec<String> = pools_of(topology, nic)
            .map(|balancer| format!("{balancer}/pool"))
            .collect();
        nics.insert(
            nic.name.clone(),
            object(json!({
                "location": topology.vnet(&nic.vnet).and_then(|vnet| vnet.location.clone()),
                "subnet": format!("{}/{}", nic.vnet, nic.subnet),
                "address": nic.address,
                "ipForwarding": nic.forwarding,
                "networkSecurityGroup": nic.group,
                "publicIp": nic.public_ip.map(|_| public_ip_name(&nic.name)),
                "backendPools": pools,
            })),
        );
    }
    Value::Object(nics)
}

/// The machines with their NICs, in the order of the recording.
pub(crate) fn machines_of(topology: &Topology) -> Vec<(&str, Vec<&Nic>)> {
    let mut machines: Vec<(&str, Vec<&Nic>)> = Vec::new();
    for nic in &topology.nics {
        match machines.iter_mut().find(|(name, _)| *name == nic.machine) {
            Some((_, nics)) => nics.push(nic),
            None => machines.push((&nic.machine, vec![nic])),
        }
    }
    machines
}

fn machines(topology: &Topology) -> Value {
    let machines = machines_of(topology).into_iter().map(|(name, nics)| {
        let location = nics
            .first()
            .and_then(|nic| topology.vnet(&nic.vnet))
            .and_then(|vnet| vnet.location.clone());
        let nics: Vec<&str> = nics.into_iter().map(|nic| nic.name.as_str()).collect();
        (
            name.to_owned(),
            object(json!({ "location": location, "nics": nics })),
        )
    });
    Value::Object(machines.collect())
}

fn guests(topology: &Topology, choice: Choice) -> Value {
    let mut guests = Map::new();
    for nic in &topology.nics {
        let Some(appliance) = nic.appliance.filter(|_| nic.forwarding) else {
            continue;
        };
        let forwards = appliance.forwards.unwrap_or(choice.forwards);
        guests.insert(
            nic.machine.clone(),
            if forwards {
                json!({
                    "role": "appliance",
                    "snat": appliance.snat.unwrap_or(choice.snat),
                    "stateful": appliance.stateful.unwrap_or(choice.stateful),
                })
            } else {
                json!({ "role": "host" })
            },
        );
    }
    Value::Object(guests)
}

/// Whether anybody speaks BGP with a gateway.
pub(crate) fn speaks_bgp(topology: &Topology, gateway: &Gateway) -> bool {
    let ends = |name: &str| {
        topology
            .gateway_of(name)
            .is_some_and(|end| end.name == gateway.name)
    };
    gateway.asn.is_some()
        || gateway.bgp_address.is_some()
        || !gateway.learned.is_empty()
        || topology
            .connections
            .iter()
            .any(|connection| connection.bgp && (ends(&connection.one) || ends(&connection.other)))
}

fn gateways(topology: &Topology) -> Value {
    let mut gateways = Map::new();
    for gateway in &topology.gateways {
        let public = gateway
            .public_ip
            .filter(|_| !gateway.active_active)
            .map(|_| public_ip_name(&gateway.name));
        let shown = if gateway.active_active { usize::MAX } else { 1 };
        let mut instances: Vec<Value> = gateway
            .instances
            .iter()
            .take(shown)
            .map(|address| json!({ "address": address }))
            .collect();
        if instances.is_empty() {
            instances.push(json!({}));
        }
        if let Some(public) = public {
            instances[0]["publicIp"] = json!(public);
        }
        gateways.insert(
            gateway.name.clone(),
            object(json!({
                "location": topology.vnet(&gateway.vnet).and_then(|vnet| vnet.location.clone()),
                "subnet": format!("{}/GatewaySubnet", gateway.vnet),
                "gatewayType": if gateway.express_route { "ExpressRoute" } else { "Vpn" },
                "activeActive": gateway.active_active,
                "bgp": speaks_bgp(topology, gateway),
                "asn": gateway.asn,
                "instances": instances,
                "clientPool": words(&gateway.client_pool),
            })),
        );
    }
    Value::Object(gateways)
}

/// Both directions of every connection: gateway, other gateway, BGP, up.
pub(crate) fn connections_of(topology: &Topology) -> Vec<(String, &str, &str, bool, bool)> {
    let mut ends = Vec::new();
    for connection in &topology.connections {
        let (one, other) = (
            topology.gateway_of(&connection.one),
            topology.gateway_of(&connection.other),
        );
        if let (Some(one), Some(other)) = (one, other) {
            for (from, to) in [(one, other), (other, one)] {
                ends.push((
                    format!("{}-{}", from.name, to.name),
                    from.name.as_str(),
                    to.name.as_str(),
                    connection.bgp,
                    connection.up,
                ));
            }
        }
    }
    ends
}

fn connections(topology: &Topology) -> Value {
    let connections = connections_of(topology)
        .into_iter()
        .map(|(name, from, to, bgp, up)| {
            let body = json!({
                "gateway": from, "remoteGateway": to, "connectionType": "Vnet2Vnet", "bgp": bgp, "up": up,
            });
            (name, body)
        });
    Value::Object(connections.collect())
}

fn servers(topology: &Topology) -> Value {
    let mut servers = Map::new();
    for server in &topology.servers {
        let peers = server.peers.iter().enumerate().map(|(at, peer)| {
            let body = object(json!({ "address": peer.address, "asn": peer.asn }));
            (format!("peer{at}"), body)
        });
        servers.insert(
            server.name.clone(),
            object(json!({
                "subnet": format!("{}/RouteServerSubnet", server.vnet),
                "instances": words(&server.instances),
                "branchToBranch": server.branch_to_branch,
                "peers": Value::Object(peers.collect()),
            })),
        );
    }
    Value::Object(servers)
}

fn learned(routes: &[Learned]) -> Value {
    let routes = routes.iter().map(|route| {
        object(json!({
            "network": route.prefix.to_string(),
            "nextHop": route.next_hop,
            "asPath": route.path,
        }))
    });
    routes.collect()
}

fn learned_routes(topology: &Topology) -> Value {
    let mut by_gateway = Map::new();
    for gateway in topology
        .gateways
        .iter()
        .filter(|gateway| !gateway.learned.is_empty())
    {
        by_gateway.insert(gateway.name.clone(), learned(&gateway.learned));
    }
    for server in &topology.servers {
        for (at, peer) in server.peers.iter().enumerate() {
            if !peer.advertises.is_empty() {
                by_gateway.insert(
                    format!("{}/peer{at}", server.name),
                    learned(&peer.advertises),
                );
            }
        }
    }
    Value::Object(by_gateway)
}

fn on_premises(outside: &[Outside]) -> Value {
    let mut networks: Map<String, Value> = Map::new();
    for host in outside {
        let name = format!(
            "outside-{}-{}",
            host.gateway,
            host.prefix.to_string().replace('/', "-")
        );
        let network = networks.entry(name).or_insert_with(|| {
            json!({
                "gateway": host.gateway, "prefixes": [host.prefix.to_string()], "hosts": {},
            })
        });
        network["hosts"][host.address.to_string()] = json!(host.address);
    }
    Value::Object(networks)
}
