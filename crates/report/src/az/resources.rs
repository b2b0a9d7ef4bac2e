//! Virtual networks and NICs as `az network vnet show` and `az network nic show` print them.

use model::table::Resource;
use model::{Network, NicId, NicOwner, SubnetId, VnetId};
use serde_json::{Value, json};

use super::{guid, optional_reference, peering, reference, with_etag};
use crate::table::Table;

/// What `az network vnet show` prints.
pub fn virtual_network(network: &Network, vnet: VnetId) -> Value {
    let resource = &network.virtual_networks()[vnet];
    let subnets: Vec<Value> = resource
        .subnets
        .iter()
        .map(|&subnet| self::subnet(network, subnet))
        .collect();
    let peerings: Vec<Value> = network
        .listed_peerings_of(vnet)
        .map(|link| peering::document(network, link))
        .collect();
    let mut document = json!({
        "addressSpace": { "addressPrefixes": texts(resource.address_space.prefixes()) },
        "enableDdosProtection": false,
        "enableVmProtection": false,
        "id": resource.id.as_str(),
        "location": resource.location.as_str(),
        "name": resource.name(),
        "provisioningState": "Succeeded",
        "resourceGroup": resource.id.resource_group(),
        "resourceGuid": guid(&resource.id.as_str().to_ascii_lowercase()),
        "subnets": subnets,
        "type": resource.id.kind(),
        "virtualNetworkPeerings": peerings,
    });
    if !resource.dns_servers.is_empty() {
        document["dhcpOptions"] = json!({ "dnsServers": texts(&resource.dns_servers) });
    }
    if let Some(minutes) = resource.flow_timeout_minutes {
        document["flowTimeoutInMinutes"] = json!(minutes);
    }
    with_etag(document)
}

/// Virtual networks as `az network vnet list --output table` prints them.
pub fn virtual_networks_table(documents: &[Value]) -> Table {
    let mut table = Table::new([
        "Name",
        "ResourceGroup",
        "Location",
        "NumSubnets",
        "Prefixes",
        "DnsServers",
        "DDOSProtection",
        "VMProtection",
    ]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| {
        let items = value.as_array().map_or(&[] as &[Value], Vec::as_slice);
        items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    for document in documents {
        table.push([
            text(&document["name"]),
            text(&document["resourceGroup"]),
            text(&document["location"]),
            document["subnets"]
                .as_array()
                .map_or(0, Vec::len)
                .to_string(),
            list(&document["addressSpace"]["addressPrefixes"]),
            list(&document["dhcpOptions"]["dnsServers"]),
            "False".to_owned(),
            "False".to_owned(),
        ]);
    }
    table
}

/// What `az network vnet subnet show` prints.
pub fn subnet(network: &Network, subnet: SubnetId) -> Value {
    let resource = &network.subnets()[subnet];
    let configurations: Vec<Value> = network
        .listed_nics()
        .flat_map(|(_, nic)| {
            nic.ip_configurations
                .iter()
                .map(move |configuration| (nic, configuration))
        })
        .filter(|(_, configuration)| configuration.subnet == subnet)
        .map(|(nic, configuration)| {
            reference(&nic.id.child("ipConfigurations", &configuration.name))
        })
        .collect();
    let mut document = json!({
        "addressPrefixes": texts(&resource.prefixes),
        "id": resource.id.as_str(),
        "ipConfigurations": configurations,
        "name": resource.name(),
        "natGateway": optional_reference(resource.nat_gateway.map(|key| &network.nat_gateways()[key].id)),
        "networkSecurityGroup":
            optional_reference(resource.network_security_group.map(|key| &network.nsgs()[key].id)),
        "provisioningState": "Succeeded",
        "resourceGroup": resource.id.resource_group(),
        "routeTable": optional_reference(resource.route_table.map(|key| &network.route_tables()[key].id)),
        "serviceEndpoints": resource
            .service_endpoints
            .iter()
            .map(|service| json!({ "service": service }))
            .collect::<Vec<_>>(),
        "type": "Microsoft.Network/virtualNetworks/subnets",
    });
    if let [prefix] = resource.prefixes.as_slice() {
        document["addressPrefix"] = json!(prefix.to_string());
    }
    if let Some(allowed) = resource.default_outbound_access {
        document["defaultOutboundAccess"] = json!(allowed);
    }
    with_etag(document)
}

/// What `az network nic show` prints.
pub fn network_interface(network: &Network, nic: NicId) -> Value {
    let resource = &network.nics()[nic];
    let machine = match resource.owner {
        NicOwner::VirtualMachine(machine) => Some(&network.virtual_machines()[machine]),
        NicOwner::Unattached
        | NicOwner::AzureFirewall(_)
        | NicOwner::VirtualNetworkAppliance(_)
        | NicOwner::GatewayInstance(..)
        | NicOwner::PrivateEndpoint(_) => None,
    };
    let configurations: Vec<Value> = resource
        .ip_configurations
        .iter()
        .map(|configuration| {
            let id = resource.id.child("ipConfigurations", &configuration.name);
            let groups = &configuration.application_security_groups;
            let groups: Vec<Value> =
                groups.iter().map(|&group| reference(&network.asgs()[group].id)).collect();
            let pools: Vec<Value> = configuration
                .backend_pools
                .iter()
                .map(|(balancer, pool)| {
                    let balancer = &network.load_balancers()[*balancer].id;
                    reference(&balancer.child("backendAddressPools", pool))
                })
                .collect();
            json!({
                "applicationSecurityGroups": groups,
                "id": id.as_str(),
                "loadBalancerBackendAddressPools": pools,
                "name": configuration.name,
                "primary": configuration.primary,
                "privateIPAddress": configuration.private_address.to_string(),
                "privateIPAddressVersion": "IPv4",
                "privateIPAllocationMethod": configuration.allocation.as_str(),
                "provisioningState": "Succeeded",
                "publicIPAddress":
                    optional_reference(configuration.public_ip.map(|key| &network.public_ips()[key].id)),
                "resourceGroup": resource.id.resource_group(),
                "subnet": reference(&network.subnets()[configuration.subnet].id),
                "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
            })
        })
        .collect();
    let is_primary = machine.map(|machine| machine.primary_nic() == Some(nic));
    let mac_address = resource
        .mac_address
        .map(|bytes| bytes.map(|byte| format!("{byte:02X}")).join("-"));
    with_etag(json!({
        "disableTcpStateTracking": resource.tcp_state_tracking_disabled,
        "enableIPForwarding": resource.ip_forwarding,
        "id": resource.id.as_str(),
        "ipConfigurations": configurations,
        "location": resource.location.as_str(),
        "macAddress": mac_address,
        "name": resource.name(),
        "networkSecurityGroup":
            optional_reference(resource.network_security_group.map(|key| &network.nsgs()[key].id)),
        "primary": is_primary,
        "provisioningState": "Succeeded",
        "resourceGroup": resource.id.resource_group(),
        "resourceGuid": guid(&resource.id.as_str().to_ascii_lowercase()),
        "type": "Microsoft.Network/networkInterfaces",
        "virtualMachine": optional_reference(machine.map(|machine| &machine.id)),
    }))
}

fn texts(values: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}
