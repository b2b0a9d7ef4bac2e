//! VPN and ExpressRoute gateways, connections, and sites.

use model::{Connection, ConnectionPeer, LocalNetworkGateway, Location, VirtualNetworkGateway};
use serde_json::json;

use super::{Show, Shown, shown, space, texts};
use crate::resources::kind::Kind;

impl<'a> Show<'a> {
    pub(super) fn gateway(&self, gateway: &'a VirtualNetworkGateway) -> Shown<'a> {
        let network = self.network;
        let mut needs = vec![
            network.virtual_networks()[gateway.virtual_network]
                .id
                .clone(),
        ];
        let mut configurations = Vec::new();
        for instance in &gateway.instances {
            let nic = &network.nics()[instance.nic].ip_configurations;
            for configuration in nic {
                configurations.push(self.ip_configuration(configuration, &mut needs));
            }
        }
        let mut properties = json!({
            "activeActive": gateway.active_active,
            "bgpSettings": { "asn": gateway.asn },
            "enableBgp": gateway.bgp,
            "gatewayType": gateway.kind.as_str(),
            "ipConfigurations": configurations,
            "sku": { "name": "VpnGw2AZ", "tier": "VpnGw2AZ" },
            "vpnType": gateway.vpn_type.as_str(),
        });
        if let Some(site) = gateway.default_site {
            let id = &network.local_gateways()[site].id;
            properties["gatewayDefaultSite"] = self.reference(id);
            needs.push(id.clone());
        }
        if !gateway.client_pool.is_empty() {
            properties["vpnClientConfiguration"] =
                json!({ "vpnClientAddressPool": space(&gateway.client_pool) });
        }
        Shown {
            needs,
            ..shown(&gateway.id, &gateway.location, properties)
        }
    }

    pub(super) fn connection(&self, connection: &'a Connection) -> Shown<'a> {
        let network = self.network;
        let own = &network.gateways()[connection.gateway];
        let mut needs = vec![own.id.clone()];
        let mut properties = json!({
            "connectionType": connection.kind.as_str(),
            "enableBgp": connection.bgp,
            "routingWeight": connection.routing_weight,
            "virtualNetworkGateway1": self.reference(&own.id),
        });
        match &connection.peer {
            ConnectionPeer::Site(site) => {
                let id = &network.local_gateways()[*site].id;
                properties["localNetworkGateway2"] = self.reference(id);
                needs.push(id.clone());
            }
            ConnectionPeer::Gateway(other) => {
                let id = &network.gateways()[*other].id;
                properties["virtualNetworkGateway2"] = self.reference(id);
                needs.push(id.clone());
            }
            ConnectionPeer::Outside(id) if Kind::of_id(id) == Kind::VirtualNetworkGateway => {
                properties["virtualNetworkGateway2"] = self.reference(id);
            }
            ConnectionPeer::Outside(id) => properties["peer"] = self.reference(id),
        }
        if !connection.up {
            properties["connectionStatus"] = json!("NotConnected");
        }
        if !connection.traffic_selectors.is_empty() {
            let selectors = connection.traffic_selectors.iter().map(|selector| {
                json!({
                    "localAddressRanges": texts(&selector.local),
                    "remoteAddressRanges": texts(&selector.remote),
                })
            });
            properties["trafficSelectorPolicies"] = selectors.collect();
        }
        Shown {
            needs,
            ..shown(&connection.id, &own.location, properties)
        }
    }
}

pub(super) fn site(site: &LocalNetworkGateway) -> Shown<'_> {
    let mut properties = json!({ "localNetworkAddressSpace": space(&site.prefixes) });
    if let Some(address) = site.gateway_address {
        properties["gatewayIpAddress"] = json!(address);
    }
    if let Some(asn) = site.asn {
        properties["bgpSettings"] = json!({ "asn": asn, "bgpPeeringAddress": site.bgp_address });
    }
    shown(&site.id, &Location::default(), properties)
}
