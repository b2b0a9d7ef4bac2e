//! A topology as an ARM template, for what Azure's own files can say of it; the rest is a scenario beside it.

use serde_json::{Value, json};

use crate::scenario::{
    Choice, connections_of, machines_of, policies_of, pools_of, remote_of, speaks_bgp,
};
use crate::topology::{Topology, Vnet};

const API: &str = "2024-05-01";

/// An id as templates write it.
fn id(kind: &str, names: &[&str]) -> Value {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("'{}'", name.replace('\'', "''")))
        .collect();
    json!({ "id": format!("[resourceId('Microsoft.Network/{kind}', {})]", names.join(", ")) })
}

/// A resource; what is null is left out. A name that begins with a bracket would be an expression.
fn resource(kind: &str, name: &str, location: Option<&str>, properties: Value) -> Value {
    let mut resource = json!({
        "type": kind, "apiVersion": API, "name": name, "properties": without_nulls(properties),
    });
    if let Some(location) = location {
        resource["location"] = json!(location);
    }
    resource
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn words(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

pub(crate) fn of(topology: &Topology, choice: Choice) -> Value {
    let mut resources: Vec<Value> = topology
        .vnets
        .iter()
        .map(|vnet| virtual_network(topology, vnet, choice))
        .collect();
    rules_and_routes(topology, &mut resources);
    public_addresses(topology, &mut resources);
    balancers(topology, &mut resources);
    nics(topology, &mut resources);
    machines(topology, &mut resources);
    gateways(topology, &mut resources);
    servers(topology, &mut resources);
    for endpoint in &topology.endpoints {
        resources.push(resource(
            "Microsoft.Network/privateEndpoints",
            &endpoint.name,
            None,
            json!({
                "subnet": id("virtualNetworks/subnets", &[&endpoint.vnet, &endpoint.subnet]),
                "ipConfigurations": [{ "name": "ipconfig1", "properties": { "privateIPAddress": endpoint.address } }],
            }),
        ));
    }
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": resources,
    })
}

fn virtual_network(topology: &Topology, vnet: &Vnet, choice: Choice) -> Value {
    let subnets = vnet
        .subnets
        .iter()
        .filter(|subnet| !subnet.prefixes.is_empty());
    let subnets: Vec<Value> = subnets
            .map(|subnet| {
                let prefixes = words(&subnet.prefixes);
                let properties = json!({
                    "addressPrefix": prefixes.first().filter(|_| prefixes.len() == 1),
                    "addressPrefixes": Some(&prefixes).filter(|prefixes| prefixes.len() > 1),
                    "routeTable": subnet.table.as_ref().map(|table| id("routeTables", &[table])),
                    "networkSecurityGroup": subnet.group.as_ref().map(|group| id("networkSecurityGroups", &[group])),
                "privateEndpointNetworkPolicies": policies_of(topology, &vnet.name, subnet, choice),
                });
                json!({ "name": subnet.name, "properties": properties })
            })
            .collect();
    let links: Vec<Value> = topology
        .links
        .iter()
        .filter(|link| link.vnet == vnet.name)
        .map(|link| {
            let space = (!link.remote_space.is_empty())
                .then(|| json!({ "addressPrefixes": words(&link.remote_space) }));
            let properties = json!({
                "allowVirtualNetworkAccess": link.access,
                "allowForwardedTraffic": link.forwarded,
                "allowGatewayTransit": link.transit,
                "useRemoteGateways": link.remote_gateways,
                "peeringState": link.state,
                "peerCompleteVnets": link.whole,
                "localSubnetNames": Some(&link.local_subnets).filter(|names| !names.is_empty()),
                "remoteSubnetNames": Some(&link.remote_subnets).filter(|names| !names.is_empty()),
                "remoteAddressSpace": space,
                "remoteVirtualNetwork": remote(topology, link),
            });
            json!({ "name": link.name, "properties": properties })
        })
        .collect();
    resource(
        "Microsoft.Network/virtualNetworks",
        &vnet.name,
        vnet.location.as_deref(),
        json!({
            "addressSpace": { "addressPrefixes": words(&vnet.prefixes) },
            "subnets": subnets,
            "virtualNetworkPeerings": links,
        }),
    )
}

fn remote(topology: &Topology, link: &crate::topology::Link) -> Value {
    match remote_of(topology, link) {
        elsewhere if elsewhere.starts_with('/') => json!({ "id": elsewhere }),
        name => id("virtualNetworks", &[&name]),
    }
}

fn rules_and_routes(topology: &Topology, resources: &mut Vec<Value>) {
    for table in &topology.tables {
        let routes: Vec<Value> = table
            .routes
            .iter()
            .map(|route| {
                let properties = json!({
                    "addressPrefix": route.destination,
                    "nextHopType": route.kind,
                    "nextHopIpAddress": route.address,
                });
                json!({ "name": route.name, "properties": properties })
            })
            .collect();
        resources.push(resource(
            "Microsoft.Network/routeTables",
            &table.name,
            None,
            json!({ "disableBgpRoutePropagation": table.propagation_disabled, "routes": routes }),
        ));
    }
    for group in &topology.groups {
        let rules: Vec<Value> = group.rules.iter().map(rule).collect();
        resources.push(resource(
            "Microsoft.Network/networkSecurityGroups",
            &group.name,
            None,
            json!({ "securityRules": rules }),
        ));
    }
}

fn public_addresses(topology: &Topology, resources: &mut Vec<Value>) {
    let public = |owner: &str, address: std::net::Ipv4Addr| {
        resource(
            "Microsoft.Network/publicIPAddresses",
            &format!("{owner}-ip"),
            None,
            json!({ "ipAddress": address, "publicIPAllocationMethod": "Static" }),
        )
    };
    for gateway in &topology.gateways {
        resources.extend(
            gateway
                .public_ip
                .map(|address| public(&gateway.name, address)),
        );
    }
    for nic in &topology.nics {
        resources.extend(nic.public_ip.map(|address| public(&nic.name, address)));
    }
}

fn machines(topology: &Topology, resources: &mut Vec<Value>) {
    let location = |vnet: &str| {
        topology
            .vnet(vnet)
            .and_then(|vnet| vnet.location.as_deref())
    };
    for (name, nics) in machines_of(topology) {
        let listed: Vec<Value> = nics
            .iter()
            .map(|nic| id("networkInterfaces", &[&nic.name]))
            .collect();
        let mut machine = resource(
            "Microsoft.Compute/virtualMachines",
            name,
            nics.first().and_then(|nic| location(&nic.vnet)),
            json!({ "networkProfile": { "networkInterfaces": listed } }),
        );
        for (at, _) in nics.iter().enumerate().filter(|_| nics.len() > 1) {
            machine["properties"]["networkProfile"]["networkInterfaces"][at]["properties"] =
                json!({ "primary": at == 0 });
        }
        resources.push(machine);
    }
}

fn rule(rule: &crate::topology::Rule) -> Value {
    let mut properties = json!({
        "priority": rule.priority,
        "direction": rule.direction,
        "access": rule.access,
        "protocol": rule.protocol,
    });
    for (values, single, several) in [
        (&rule.source, "sourceAddressPrefix", "sourceAddressPrefixes"),
        (
            &rule.destination,
            "destinationAddressPrefix",
            "destinationAddressPrefixes",
        ),
        (&rule.source_ports, "sourcePortRange", "sourcePortRanges"),
        (
            &rule.destination_ports,
            "destinationPortRange",
            "destinationPortRanges",
        ),
    ] {
        match values.as_slice() {
            [one] => properties[single] = json!(one),
            many => properties[several] = json!(many),
        }
    }
    json!({ "name": rule.name, "properties": properties })
}

fn balancers(topology: &Topology, resources: &mut Vec<Value>) {
    for balancer in &topology.balancers {
        let subnet = topology.vnet(&balancer.vnet).and_then(|vnet| {
            vnet.subnets.iter().find(|subnet| {
                let mut prefixes = subnet.prefixes.iter();
                prefixes.any(|prefix| prefix.contains(&balancer.frontend))
            })
        });
        let Some(subnet) = subnet else {
            continue;
        };
        let mut resource = resource(
            "Microsoft.Network/loadBalancers",
            &balancer.name,
            None,
            json!({
                "frontendIPConfigurations": [{ "name": "frontend", "properties": {
                    "privateIPAddress": balancer.frontend,
                    "privateIPAllocationMethod": "Static",
                    "subnet": id("virtualNetworks/subnets", &[&balancer.vnet, &subnet.name]),
                } }],
                "backendAddressPools": [{ "name": "pool" }],
                "loadBalancingRules": [{ "name": "all", "properties": {
                    "protocol": "All", "frontendPort": 0, "backendPort": 0,
                    "frontendIPConfiguration": id("loadBalancers/frontendIPConfigurations", &[&balancer.name, "frontend"]),
                    "backendAddressPool": id("loadBalancers/backendAddressPools", &[&balancer.name, "pool"]),
                } }],
            }),
        );
        resource["sku"] = json!({ "name": if balancer.basic { "Basic" } else { "Standard" } });
        resources.push(resource);
    }
}

fn nics(topology: &Topology, resources: &mut Vec<Value>) {
    for nic in &topology.nics {
        let pools: Vec<Value> = pools_of(topology, nic)
            .map(|balancer| id("loadBalancers/backendAddressPools", &[balancer, "pool"]))
            .collect();
        resources.push(resource(
            "Microsoft.Network/networkInterfaces",
            &nic.name,
            topology.vnet(&nic.vnet).and_then(|vnet| vnet.location.as_deref()),
            json!({
                "enableIPForwarding": nic.forwarding,
                "networkSecurityGroup": nic.group.as_ref().map(|group| id("networkSecurityGroups", &[group])),
                "ipConfigurations": [{ "name": "ipconfig1", "properties": {
                    "privateIPAddress": nic.address,
                    "privateIPAllocationMethod": "Static",
                    "subnet": id("virtualNetworks/subnets", &[&nic.vnet, &nic.subnet]),
                    "publicIPAddress": nic.public_ip.map(|_| id("publicIPAddresses", &[&format!("{}-ip", nic.name)])),
                    "loadBalancerBackendAddressPools": pools,
                } }],
            }),
        ));
    }
}

fn gateways(topology: &Topology, resources: &mut Vec<Value>) {
    for gateway in &topology.gateways {
        let shown = if gateway.active_active {
            gateway.instances.len()
        } else {
            1
        };
        let public = gateway.public_ip.filter(|_| !gateway.active_active);
        let configurations: Vec<Value> = (0..shown.max(1))
            .map(|at| {
                let address = gateway.instances.get(at);
                json!({ "name": format!("instance{at}"), "properties": {
                    "subnet": id("virtualNetworks/subnets", &[&gateway.vnet, "GatewaySubnet"]),
                    "privateIPAddress": address,
                    "privateIPAllocationMethod": address.map(|_| "Static"),
                    "publicIPAddress": public.map(|_| id("publicIPAddresses", &[&format!("{}-ip", gateway.name)])),
                } })
            })
            .collect();
        let pool = (!gateway.client_pool.is_empty()).then(|| {
            json!({ "vpnClientAddressPool": { "addressPrefixes": words(&gateway.client_pool) } })
        });
        resources.push(resource(
            "Microsoft.Network/virtualNetworkGateways",
            &gateway.name,
            topology
                .vnet(&gateway.vnet)
                .and_then(|vnet| vnet.location.as_deref()),
            json!({
                "gatewayType": if gateway.express_route { "ExpressRoute" } else { "Vpn" },
                "vpnType": "RouteBased",
                "activeActive": gateway.active_active,
                "enableBgp": speaks_bgp(topology, gateway),
                "bgpSettings": gateway.asn.map(|asn| json!({ "asn": asn })),
                "ipConfigurations": configurations,
                "vpnClientConfiguration": pool,
            }),
        ));
    }
    for (name, from, to, bgp, up) in connections_of(topology) {
        resources.push(resource(
            "Microsoft.Network/connections",
            &name,
            None,
            json!({
                "connectionType": "Vnet2Vnet",
                "enableBgp": bgp,
                "connectionStatus": if up { Value::Null } else { json!("NotConnected") },
                "virtualNetworkGateway1": id("virtualNetworkGateways", &[from]),
                "virtualNetworkGateway2": id("virtualNetworkGateways", &[to]),
            }),
        ));
    }
}

fn servers(topology: &Topology, resources: &mut Vec<Value>) {
    for server in &topology.servers {
        let mut hub = resource(
            "Microsoft.Network/virtualHubs",
            &server.name,
            None,
            json!({
                "sku": "Standard",
                "allowBranchToBranchTraffic": server.branch_to_branch,
                "virtualRouterIps": Some(words(&server.instances)).filter(|ips| !ips.is_empty()),
            }),
        );
        hub["kind"] = json!("RouteServer");
        resources.push(hub);
        resources.push(resource(
            "Microsoft.Network/virtualHubs/ipConfigurations",
            &format!("{}/ipconfig1", server.name),
            None,
            json!({ "subnet": id("virtualNetworks/subnets", &[&server.vnet, "RouteServerSubnet"]) }),
        ));
        for (at, peer) in server.peers.iter().enumerate() {
            resources.push(resource(
                "Microsoft.Network/virtualHubs/bgpConnections",
                &format!("{}/peer{at}", server.name),
                None,
                json!({ "peerIp": peer.address, "peerAsn": peer.asn }),
            ));
        }
    }
}
