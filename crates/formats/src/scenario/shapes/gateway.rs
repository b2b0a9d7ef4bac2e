//! Gateways, route servers and routing appliances, their connections, and what lies outside Azure behind them.

use schemars::JsonSchema;

use super::{Allocation, ConnectionType, GatewayType, Missing, Named, RoutingPreference, VpnType};

shapes! {
    /// A VPN or ExpressRoute gateway.
    VirtualNetworkGateway {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/GatewaySubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Vpn (default) or ExpressRoute.
        gateway_type: Option<GatewayType>,
        /// RouteBased (default) or PolicyBased.
        vpn_type: Option<VpnType>,
        /// Whether both instances carry traffic.
        active_active: Option<bool>,
        /// Public IP address of a gateway with one instance.
        public_ip: Option<String>,
        /// The instances; default one.
        instances: Vec<Instance>,
        /// Whether it speaks BGP.
        bgp: Option<bool>,
        /// Autonomous system number; default 65515.
        asn: Option<u32>,
        /// Site that gets what no other route takes.
        default_site: Option<String>,
        /// Addresses of VPN clients.
        client_pool: Vec<String>,
    }

    /// One instance of a gateway.
    Instance {
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Dynamic if Azure chose the address.
        allocation: Option<Allocation>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
    }

    /// A site outside Azure.
    LocalNetworkGateway {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Static prefixes of the site.
        prefixes: Vec<String>,
        /// Public address of its device.
        gateway_address: Option<String>,
        /// BGP address of its device.
        bgp_address: Option<String>,
        /// Autonomous system number.
        asn: Option<u32>,
    }

    /// A connection of a gateway, to a site, another gateway or a circuit.
    Connection {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Name or id of the gateway.
        gateway: Option<String>,
        /// Name or id of a local network gateway.
        site: Option<String>,
        /// Name or id of another gateway.
        remote_gateway: Option<String>,
        /// Id of an ExpressRoute circuit.
        circuit: Option<String>,
        /// IPsec (default), Vnet2Vnet, ExpressRoute or VPNClient.
        connection_type: Option<ConnectionType>,
        /// Whether BGP is spoken over it.
        bgp: Option<bool>,
        /// False if it is down.
        up: Option<bool>,
        /// Weight among connections to the same prefix.
        routing_weight: Option<u32>,
        /// The only traffic that the tunnel carries; default everything that is routed into it.
        traffic_selectors: Vec<TrafficSelector>,
    }

    /// Traffic that a policy-based tunnel carries: between a local and a remote prefix.
    TrafficSelector {
        /// Prefixes on the side of Azure.
        local: Vec<String>,
        /// Prefixes of the other side.
        remote: Vec<String>,
    }

    /// A managed routing appliance.
    VirtualNetworkAppliance {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/VirtualNetworkApplianceSubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Its addresses; default the first free one of the subnet.
        addresses: Vec<String>,
    }

    /// A route server.
    RouteServer {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/RouteServerSubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Addresses of its instances; default the first two free ones of the subnet.
        instances: Vec<String>,
        /// Autonomous system number; default 65515.
        asn: Option<u32>,
        /// Whether it hands routes on between gateways and appliances; default false.
        branch_to_branch: Option<bool>,
        /// Which source of one prefix wins; default ExpressRoute.
        routing_preference: Option<RoutingPreference>,
        /// The appliances with which it speaks BGP, by name.
        peers: Named<RouteServerPeer>,
    }

    /// An appliance with which a route server speaks BGP.
    RouteServerPeer {
        /// Its address.
        address: Option<String>,
        /// Its autonomous system number.
        asn: Option<u32>,
        /// False if the session is down.
        up: Option<bool>,
    }

    /// A route learned by BGP.
    LearnedRoute {
        /// Prefix.
        network: Option<String>,
        /// Next hop.
        next_hop: Option<String>,
        /// Autonomous systems on the way, e.g. "65010-65020".
        as_path: Option<String>,
    }

    /// A network outside Azure.
    OnPremises {
        /// Name or id of the gateway that it hangs on.
        gateway: Option<String>,
        /// Its prefixes.
        prefixes: Vec<String>,
        /// Prefixes of Azure that its routers know; default everything that the gateway advertises to it.
        knows: Option<Vec<String>>,
        /// Addresses that answer, by name.
        hosts: Named<String>,
        /// One-way latency to the gateway in milliseconds.
        latency_ms: Option<f64>,
    }

    /// A point-to-site client of a VPN gateway.
    VpnClient {
        /// Name or id of the gateway.
        gateway: Option<String>,
        /// Its address in the gateway's pool; default the first that is free.
        address: Option<String>,
        /// Prefixes in its profile when that was downloaded; default what the gateway tells now.
        profile: Option<Vec<String>>,
        /// One-way latency to the gateway in milliseconds.
        latency_ms: Option<f64>,
    }
}
