//! Resources as Azure's REST interface shows them, written from a network: what [`crate::arm::Template`] and [`crate::az::Dumps`] share.
//!
//! Not every kind of resource can be written: a network with others is refused rather than written in part. What Azure's files cannot
//! say (guests, networks on premises, options, given service tags) is left out.

use ipnet::Ipv4Net;
use model::table::Resource;
use model::{
    Connection, ConnectionPeer, IpConfiguration, Location, Network, NetworkInterface,
    NetworkSecurityGroup, NicOwner, Peering, PeeringScope, Ports, PowerState,
    PrivateEndpointPolicies, ResourceId, RouteDestination, RouteTable, RuleAddresses, SecurityRule,
    Sku, Subnet, Table, UserNextHop, VirtualMachine, VirtualNetwork, VirtualNetworkGateway,
};
use serde_json::{Map, Value, json};

use crate::resources::kind::Kind;

/// A network holds a resource that cannot be written in this form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritable {
    /// Its kind is not written.
    #[error("resources of the type of {0} are written only in a scenario")]
    Kind(ResourceId),
    /// A template is for one resource group.
    #[error(
        "{0} is in another resource group than the first virtual network; a template is for one"
    )]
    Group(ResourceId),
    /// A template of so many resources is not read.
    #[error(
        "{count} resources are too many for a template: at most {most} are read; a scenario and dumps have no such limit"
    )]
    TooMany {
        /// Resources, links included.
        count: usize,
        /// How many a template may have.
        most: usize,
    },
}

/// One resource.
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a ResourceId,
    pub(crate) kind: Kind,
    /// Everything beside `id`, `name`, `type` and `properties`: `location`, `sku`, `zones`.
    pub(crate) envelope: Map<String, Value>,
    pub(crate) properties: Value,
    /// Resources that have to be there before it.
    pub(crate) needs: Vec<ResourceId>,
    /// Links of a virtual network, which are resources of their own.
    pub(crate) children: Vec<Shown<'a>>,
}

/// How a reference to another resource is written.
pub(crate) type Refer<'a> = dyn Fn(&ResourceId) -> Value + 'a;

/// Refuses a network with resources of a kind that is not written.
pub(crate) fn check(network: &Network) -> Result<(), NotWritable> {
    fn first<K: model::table::Key, T: Resource>(table: &Table<K, T>) -> Option<ResourceId> {
        table.values().next().map(|row| row.id().clone())
    }
    let classic = network.virtual_networks().values();
    let classic = { classic }.find(|vnet| vnet.is_classic());
    let others = [
        first(network.load_balancers()),
        first(network.nat_gateways()),
        first(network.firewalls()),
        first(network.routing_appliances()),
        first(network.route_servers()),
        first(network.private_endpoints()),
        first(network.managers()),
        first(network.firewall_policies()),
        first(network.ip_groups()),
        network
            .private_dns_zones()
            .first()
            .map(|zone| zone.id.clone()),
        classic.map(|vnet| vnet.id.clone()),
    ];
    match others.into_iter().flatten().next() {
        Some(id) => Err(NotWritable::Kind(id)),
        None => Ok(()),
    }
}

/// Shows the resources of a network.
pub(crate) struct Show<'a> {
    pub(crate) network: &'a Network,
    pub(crate) refer: &'a Refer<'a>,
}

impl<'a> Show<'a> {
    /// Calls `act` with every resource, those that others need first.
    pub(crate) fn each<E>(&self, mut act: impl FnMut(Shown<'a>) -> Result<(), E>) -> Result<(), E> {
        let network = self.network;
        for group in network.asgs().values() {
            let properties = json!({});
            act(shown(&group.id, &group.location, properties))?;
        }
        for address in network.public_ips().values() {
            let mut properties = json!({ "publicIPAllocationMethod": "Static" });
            if let Some(address) = address.address {
                properties["ipAddress"] = json!(address);
            }
            let mut shown = shown(&address.id, &address.location, properties);
            shown.envelope.insert("sku".to_owned(), sku(address.sku));
            act(shown)?;
        }
        for group in network.nsgs().values() {
            act(self.security_group(group))?;
        }
        for table in network.route_tables().values() {
            act(route_table(table))?;
        }
        for vnet in network.virtual_networks().values() {
            act(self.virtual_network(vnet))?;
        }
        for (_, nic) in network.listed_nics() {
            act(self.interface(nic))?;
        }
        for machine in network.virtual_machines().values() {
            act(self.machine(machine))?;
        }
        for site in network.local_gateways().values() {
            let mut properties = json!({ "localNetworkAddressSpace": space(&site.prefixes) });
            if let Some(address) = site.gateway_address {
                properties["gatewayIpAddress"] = json!(address);
            }
            if let Some(asn) = site.asn {
                properties["bgpSettings"] =
                    json!({ "asn": asn, "bgpPeeringAddress": site.bgp_address });
            }
            act(shown(&site.id, &Location::default(), properties))?;
        }
        for gateway in network.gateways().values() {
            act(self.gateway(gateway))?;
        }
        for connection in network.connections().values() {
            act(self.connection(connection))?;
        }
        Ok(())
    }

    fn reference(&self, id: &ResourceId) -> Value {
        json!({ "id": (self.refer)(id) })
    }

    fn references<'i>(&self, ids: impl Iterator<Item = &'i ResourceId>) -> Value {
        ids.map(|id| self.reference(id)).collect()
    }

    fn security_group(&self, group: &'a NetworkSecurityGroup) -> Shown<'a> {
        let rules: Vec<Value> = group
            .rules
            .iter()
            .map(|rule| json!({ "name": rule.name, "properties": self.rule(rule) }))
            .collect();
        let mut properties = json!({ "securityRules": rules });
        if group.flush_connection {
            properties["flushConnection"] = json!(true);
        }
        let mut shown = shown(&group.id, &group.location, properties);
        let members = group
            .rules
            .iter()
            .flat_map(|rule| [&rule.source, &rule.destination]);
        for side in members {
            if let RuleAddresses::ApplicationSecurityGroups(groups) = side {
                let ids = groups
                    .iter()
                    .map(|&key| self.network.asgs()[key].id.clone());
                shown.needs.extend(ids);
            }
        }
        shown.needs.sort();
        shown.needs.dedup();
        shown
    }

    fn rule(&self, rule: &SecurityRule) -> Value {
        let mut properties = json!({
            "access": rule.access.as_str(),
            "direction": rule.direction.as_str(),
            "priority": rule.priority,
            "protocol": rule.protocol.as_str(),
        });
        if let Some(description) = &rule.description {
            properties["description"] = json!(description);
        }
        for (side, addresses, ports) in [
            ("source", &rule.source, &rule.source_ports),
            ("destination", &rule.destination, &rule.destination_ports),
        ] {
            let (key, value) = self.rule_addresses(addresses);
            properties[format!("{side}{key}")] = value;
            let (key, value) = port_ranges(ports);
            properties[format!("{side}{key}")] = value;
        }
        properties
    }

    /// Exactly one of three properties (S-4).
    fn rule_addresses(&self, addresses: &RuleAddresses) -> (&'static str, Value) {
        match addresses {
            RuleAddresses::Any => ("AddressPrefix", json!("*")),
            RuleAddresses::Tag(tag) => ("AddressPrefix", json!(tag.as_str())),
            RuleAddresses::Prefixes(prefixes) => match prefixes.as_slice() {
                [prefix] => ("AddressPrefix", json!(prefix.to_string())),
                several => ("AddressPrefixes", json!(texts(several))),
            },
            RuleAddresses::ApplicationSecurityGroups(groups) => {
                let ids = groups.iter().map(|&key| &self.network.asgs()[key].id);
                ("ApplicationSecurityGroups", self.references(ids))
            }
        }
    }

    fn virtual_network(&self, vnet: &'a VirtualNetwork) -> Shown<'a> {
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

    fn interface(&self, nic: &'a NetworkInterface) -> Shown<'a> {
        let network = self.network;
        let mut needs = vec![network.virtual_networks()[nic.virtual_network].id.clone()];
        let configurations: Vec<Value> = nic
            .ip_configurations
            .iter()
            .map(|configuration| self.ip_configuration(configuration, &mut needs))
            .collect();
        let mut properties = json!({
            "enableIPForwarding": nic.ip_forwarding,
            "ipConfigurations": configurations,
        });
        if nic.tcp_state_tracking_disabled {
            properties["disableTcpStateTracking"] = json!(true);
        }
        if let Some(group) = nic.network_security_group {
            let id = &network.nsgs()[group].id;
            properties["networkSecurityGroup"] = self.reference(id);
            needs.push(id.clone());
        }
        if let Some(bytes) = nic.mac_address {
            let text = bytes.map(|byte| format!("{byte:02X}")).join("-");
            properties["macAddress"] = json!(text);
        }
        let servers = network.nics().find(&nic.id);
        let servers = servers
            .map(|key| network.dns_servers_of_nic(key))
            .unwrap_or_default();
        if !servers.is_empty() {
            properties["dnsSettings"] = json!({ "dnsServers": servers });
        }
        needs.sort();
        needs.dedup();
        Shown {
            needs,
            ..shown(&nic.id, &nic.location, properties)
        }
    }

    fn ip_configuration(
        &self,
        configuration: &IpConfiguration,
        needs: &mut Vec<ResourceId>,
    ) -> Value {
        let network = self.network;
        let mut properties = json!({
            "primary": configuration.primary,
            "privateIPAddress": configuration.private_address,
            "privateIPAllocationMethod": configuration.allocation.as_str(),
            "subnet": self.reference(&network.subnets()[configuration.subnet].id),
        });
        if let Some(address) = configuration.public_ip {
            let id = &network.public_ips()[address].id;
            properties["publicIPAddress"] = self.reference(id);
            needs.push(id.clone());
        }
        if !configuration.application_security_groups.is_empty() {
            let groups = configuration.application_security_groups.iter();
            let ids = groups.map(|&key| &network.asgs()[key].id);
            properties["applicationSecurityGroups"] = self.references(ids.clone());
            needs.extend(ids.cloned());
        }
        json!({ "name": configuration.name, "properties": properties })
    }

    fn machine(&self, machine: &'a VirtualMachine) -> Shown<'a> {
        let ids: Vec<&ResourceId> = machine
            .nics
            .iter()
            .map(|&key| &self.network.nics()[key].id)
            .collect();
        let interfaces: Vec<Value> = ids
            .iter()
            .enumerate()
            .map(|(number, &id)| {
                json!({ "id": (self.refer)(id), "properties": { "primary": number == 0 } })
            })
            .collect();
        let properties = json!({
            "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
            "networkProfile": { "networkInterfaces": interfaces },
        });
        let mut shown = shown(&machine.id, &machine.location, properties);
        if let Some(zone) = &machine.zone {
            shown.envelope.insert("zones".to_owned(), json!([zone]));
        }
        shown.needs = ids.into_iter().cloned().collect();
        shown
    }

    fn gateway(&self, gateway: &'a VirtualNetworkGateway) -> Shown<'a> {
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

    fn connection(&self, connection: &'a Connection) -> Shown<'a> {
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

fn shown<'a>(id: &'a ResourceId, location: &Location, properties: Value) -> Shown<'a> {
    let mut envelope = Map::new();
    if !location.is_unknown() {
        envelope.insert("location".to_owned(), json!(location.as_str()));
    }
    Shown {
        id,
        kind: Kind::of_id(id),
        envelope,
        properties,
        needs: Vec::new(),
        children: Vec::new(),
    }
}

fn route_table(table: &RouteTable) -> Shown<'_> {
    let routes: Vec<Value> = table
        .routes
        .iter()
        .map(|route| {
            let destination = match &route.destination {
                RouteDestination::Prefix(prefix) => json!(prefix.to_string()),
                RouteDestination::Tag(tag) => json!(tag.as_str()),
            };
            let mut properties = json!({
                "addressPrefix": destination,
                "nextHopType": match route.next_hop {
                    // A route names its own network by another word than an effective route does.
                    UserNextHop::VnetLocal => "VnetLocal",
                    other => other.kind().as_str(),
                },
            });
            if let Some(address) = route.next_hop.address() {
                properties["nextHopIpAddress"] = json!(address);
            }
            json!({ "name": route.name, "properties": properties })
        })
        .collect();
    let properties = json!({
        "disableBgpRoutePropagation": table.gateway_propagation_disabled,
        "routes": routes,
    });
    shown(&table.id, &table.location, properties)
}

/// One range or several (S-5).
fn port_ranges(ports: &Ports) -> (&'static str, Value) {
    let text = |&(first, last): &(u16, u16)| match (first, last) {
        (0, u16::MAX) => "*".to_owned(),
        _ if first == last => first.to_string(),
        _ => format!("{first}-{last}"),
    };
    match ports.ranges() {
        [range] => ("PortRange", json!(text(range))),
        several => (
            "PortRanges",
            several.iter().map(|range| json!(text(range))).collect(),
        ),
    }
}

fn space(prefixes: &[Ipv4Net]) -> Value {
    json!({ "addressPrefixes": texts(prefixes) })
}

fn texts(prefixes: &[Ipv4Net]) -> Vec<String> {
    prefixes.iter().map(ToString::to_string).collect()
}

fn sku(sku: Sku) -> Value {
    json!({ "name": sku.as_str() })
}

/// What `az vm list -d` prints.
pub(crate) const fn power(power: PowerState) -> &'static str {
    match power {
        PowerState::Running => "VM running",
        PowerState::Stopped => "VM stopped",
        PowerState::Deallocated => "VM deallocated",
    }
}

/// The machine that a NIC belongs to.
pub(crate) fn machine_of<'n>(
    network: &'n Network,
    nic: &NetworkInterface,
) -> Option<&'n ResourceId> {
    match nic.owner {
        NicOwner::VirtualMachine(machine) => Some(&network.virtual_machines()[machine].id),
        _ => None,
    }
}

/// The ids of all resources that are written, links and subnets left out: they lie in their virtual networks.
pub(crate) fn ids(network: &Network) -> impl Iterator<Item = &ResourceId> {
    let asgs = network.asgs().values().map(Resource::id);
    let addresses = network.public_ips().values().map(Resource::id);
    let groups = network.nsgs().values().map(Resource::id);
    let tables = network.route_tables().values().map(Resource::id);
    let networks = network.virtual_networks().values().map(Resource::id);
    let nics = network.listed_nics().map(|(_, nic)| &nic.id);
    let machines = network.virtual_machines().values().map(Resource::id);
    let sites = network.local_gateways().values().map(Resource::id);
    let gateways = network.gateways().values().map(Resource::id);
    let connections = network.connections().values().map(Resource::id);
    asgs.chain(addresses)
        .chain(groups)
        .chain(tables)
        .chain(networks)
        .chain(nics)
        .chain(machines)
        .chain(sites)
        .chain(gateways)
        .chain(connections)
}
