//! Virtual networks with their subnets and links.

use model::{
    Location, Peering, PeeringScope, PrivateEndpointPolicies, ResourceId, Subnet, VirtualNetwork,
};
use serde_json::{Value, json};

use super::{Show, Shown, shown, space, texts};

impl<'a> Show<'a> {
    pub(super) fn virtual_network(&self, vnet: &'a VirtualNetwork) -> Shown<'a> {
        let network = self.network;
        let mut needs = Vec::new();
        let subnets: Vec<Value> = vnet
            .subnets
            .iter()
            .map(|&key| self.subnet(&network.subnets()[key], &mut needs))
            .collect();
        let mut properties = json!({
            "addressSpace": space(vnet.address_space.prefixes()),
            "subnets": subnets,
        });
        if !vnet.dns_servers.is_empty() {
            properties["dhcpOptions"] = json!({ "dnsServers": vnet.dns_servers });
        }
        if let Some(minutes) = vnet.flow_timeout_minutes {
            properties["flowTimeoutInMinutes"] = json!(minutes);
        }
        if !vnet.summarized_gateway_prefixes.is_empty() {
            properties["summarizedGatewayPrefixes"] = space(&vnet.summarized_gateway_prefixes);
        }
        needs.sort();
        needs.dedup();
        let links = vnet.peerings.iter().map(|&link| &network.peerings()[link]);
        Shown {
            needs,
            children: links
                .filter(|link| link.mirrors.is_none())
                .map(|link| self.peering(vnet, link))
                .collect(),
            ..shown(&vnet.id, &vnet.location, properties)
        }
    }

    fn subnet(&self, subnet: &Subnet, needs: &mut Vec<ResourceId>) -> Value {
        let network = self.network;
        let mut properties = match subnet.prefixes.as_slice() {
            [prefix] => json!({ "addressPrefix": prefix.to_string() }),
            several => json!({ "addressPrefixes": texts(several) }),
        };
        if let Some(group) = subnet.network_security_group {
            let id = &network.nsgs()[group].id;
            properties["networkSecurityGroup"] = self.reference(id);
            needs.push(id.clone());
        }
        if let Some(table) = subnet.route_table {
            let id = &network.route_tables()[table].id;
            properties["routeTable"] = self.reference(id);
            needs.push(id.clone());
        }
        if let Some(gateway) = subnet.nat_gateway {
            let id = &network.nat_gateways()[gateway].id;
            properties["natGateway"] = self.reference(id);
            needs.push(id.clone());
        }
        if let Some(access) = subnet.default_outbound_access {
            properties["defaultOutboundAccess"] = json!(access);
        }
        if !subnet.service_endpoints.is_empty() {
            let endpoints = subnet.service_endpoints.iter();
            properties["serviceEndpoints"] = endpoints
                .map(|service| json!({ "service": service }))
                .collect();
        }
        if let Some(service) = &subnet.delegation {
            properties["delegations"] =
                json!([{ "name": "delegation", "properties": { "serviceName": service } }]);
        }
        if subnet.private_endpoint_policies != PrivateEndpointPolicies::Disabled {
            properties["privateEndpointNetworkPolicies"] =
                json!(subnet.private_endpoint_policies.as_str());
        }
        json!({ "name": subnet.id.name(), "properties": properties })
    }

    fn peering(&self, vnet: &VirtualNetwork, link: &'a Peering) -> Shown<'a> {
        let network = self.network;
        let flags = link.flags;
        let mut properties = json!({
            "allowForwardedTraffic": flags.allow_forwarded_traffic,
            "allowGatewayTransit": flags.allow_gateway_transit,
            "allowVirtualNetworkAccess": flags.allow_virtual_network_access,
            "peeringState": link.state.as_str(),
            "remoteAddressSpace": space(&link.remote_address_space),
            "remoteVirtualNetwork": self.reference(&link.remote),
            "useRemoteGateways": flags.use_remote_gateways,
        });
        if flags.do_not_verify_remote_gateways {
            properties["doNotVerifyRemoteGateways"] = json!(true);
        }
        if let Some(level) = link.recorded_sync_level {
            properties["peeringSyncLevel"] = json!(level.as_str());
        }
        if let Some(guid) = &link.resource_guid {
            properties["resourceGuid"] = json!(guid);
        }
        if let PeeringScope::Subnets {
            local,
            remote,
            only_ipv6,
        } = &link.scope
        {
            properties["peerCompleteVnets"] = json!(false);
            properties["localSubnetNames"] = json!(local);
            properties["remoteSubnetNames"] = json!(remote);
            properties["enableOnlyIPv6Peering"] = json!(only_ipv6);
        }
        let mut needs = vec![vnet.id.clone()];
        if let Some(remote) = network.virtual_networks().find(&link.remote) {
            needs.push(link.remote.clone());
            // P-3: the gateway is there, and the link that lets others use it, before one does.
            if flags.use_remote_gateways {
                needs.extend(
                    network
                        .gateways_of(remote)
                        .map(|(_, gateway)| gateway.id.clone()),
                );
                let links = network.virtual_networks()[remote].peerings.iter();
                let back = links.map(|&link| &network.peerings()[link]);
                let back = back.filter(|back| back.remote == vnet.id && back.mirrors.is_none());
                needs.extend(back.map(|back| back.id.clone()));
            }
        }
        Shown {
            needs,
            ..shown(&link.id, &Location::default(), properties)
        }
    }
}
