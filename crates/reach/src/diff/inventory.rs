//! What a network consists of: its resources and what is written in them, one by one, so that two networks can be compared.
//!
//! Names of Azure's REST objects; only what can change where a packet goes. It does not know the other network.

mod properties;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use ipnet::Ipv4Net;
use model::changes::Changes;
use model::table::Resource;
use model::{
    AzureFirewall, Connection, FirewallPolicy, FirewallRule, IpGroup, LoadBalancer,
    LocalNetworkGateway, NatGateway, Network, NetworkInterface, NetworkManager,
    NetworkSecurityGroup, NicId, OnPremisesNetwork, OutsideHost, OutsidePlace, Peering,
    PrivateEndpoint, PublicIpAddress, ResourceId, Route, RouteServer, RouteTable, RuleCollection,
    RuleCollectionGroup, SecurityAdminRule, SecurityRule, Subnet, VirtualMachine, VirtualNetwork,
    VirtualNetworkAppliance, VirtualNetworkGateway, VpnClient,
};

/// What is written in a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Missing,
    /// A text, a number, a flag.
    Text(String),
    /// Other resources.
    Ids(Vec<ResourceId>),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($($part:ty),+) = $name:literal;)+) => {
        /// Kinds of objects, the larger before their parts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// What people call it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }
        }

        /// An object where the model keeps it.
        #[derive(Clone, Copy, Debug)]
        enum Object<'n> { $($kind($(&'n $part),+),)+ }

        impl Object<'_> {
            fn kind(&self) -> Kind {
                match self { $(Self::$kind(..) => Kind::$kind,)+ }
            }
        }
    };
}

kinds! {
    /// A virtual network.
    VirtualNetwork(VirtualNetwork) = "virtual network";
    /// A subnet.
    Subnet(Subnet) = "subnet";
    /// One link of a peering.
    Peering(Peering) = "link";
    /// A network security group.
    SecurityGroup(NetworkSecurityGroup) = "NSG";
    /// A rule of one.
    SecurityRule(SecurityRule) = "rule";
    /// A route table.
    RouteTable(RouteTable) = "route table";
    /// A route of one.
    Route(Route) = "route";
    /// A virtual machine.
    VirtualMachine(VirtualMachine) = "VM";
    /// A NIC, the hidden ones of firewalls and gateways included.
    Nic(NetworkInterface) = "NIC";
    /// An application security group.
    ApplicationSecurityGroup(model::ApplicationSecurityGroup) = "ASG";
    /// A public address.
    PublicIp(PublicIpAddress) = "public IP address";
    /// A load balancer.
    LoadBalancer(LoadBalancer) = "load balancer";
    /// A NAT gateway.
    NatGateway(NatGateway) = "NAT gateway";
    /// An Azure firewall.
    Firewall(AzureFirewall) = "firewall";
    /// A firewall policy.
    FirewallPolicy(FirewallPolicy) = "firewall policy";
    /// A rule of a firewall policy, or of a firewall in the classic form.
    FirewallRule(FirewallRule, RuleCollection) = "firewall rule";
    /// A group of addresses for firewalls.
    IpGroup(IpGroup) = "IP group";
    /// A managed routing appliance.
    RoutingAppliance(VirtualNetworkAppliance) = "routing appliance";
    /// A virtual network gateway.
    Gateway(VirtualNetworkGateway) = "gateway";
    /// A local network gateway.
    LocalGateway(LocalNetworkGateway) = "local network gateway";
    /// A connection of a gateway.
    Connection(Connection) = "connection";
    /// A route server.
    RouteServer(RouteServer) = "route server";
    /// A private endpoint.
    PrivateEndpoint(PrivateEndpoint) = "private endpoint";
    /// A virtual network manager.
    Manager(NetworkManager) = "network manager";
    /// A security admin rule.
    AdminRule(SecurityAdminRule, Vec<String>) = "security admin rule";
    /// A network outside Azure.
    OnPremises(OnPremisesNetwork) = "on-premises network";
    /// A host outside Azure.
    OutsideHost(OutsideHost) = "host";
    /// A VPN client.
    VpnClient(VpnClient) = "VPN client";
    /// Prefixes of a service tag.
    ServiceTag([Ipv4Net]) = "service tag";
    /// An option of the simulator.
    Setting(str) = "option";
}

/// One object of a network.
#[derive(Clone, Debug)]
pub struct Item<'n> {
    /// Its resource id; one of our own where Azure has none.
    pub id: ResourceId,
    object: Object<'n>,
    /// Whether it is a resource of the user's: not the hidden NICs of gateways and firewalls, nor the Internet.
    pub is_listed: bool,
}

/// All objects of a network.
#[derive(Clone, Debug)]
pub struct Inventory<'n> {
    /// The network.
    pub network: &'n Network,
    items: Vec<Item<'n>>,
    by_id: HashMap<ResourceId, u32, RandomState>,
}

impl Item<'_> {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.object.kind()
    }
}

/// The type of what only scenarios hold.
fn own(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("-", "-", &format!("Vnetsim.Scenario/{kind}"), name)
}

/// A rule of a policy, or of a firewall in the classic form (`group`: none).
pub(super) fn firewall_rule_id(
    holder: &ResourceId,
    group: Option<&str>,
    collection: &str,
    rule: &str,
) -> ResourceId {
    let holder = match group {
        Some(group) => holder.child("ruleCollectionGroups", group),
        None => holder.clone(),
    };
    holder
        .child("ruleCollections", collection)
        .child("rules", rule)
}

/// A rule of a security group.
pub(super) fn rule_id(group: &ResourceId, rule: &str) -> ResourceId {
    group.child("securityRules", rule)
}

/// A route of a table.
pub(super) fn route_id(table: &ResourceId, route: &str) -> ResourceId {
    table.child("routes", route)
}

impl<'n> Inventory<'n> {
    /// Lists the groups, tables and links of a network that are among these, with their rules and routes.
    pub fn of_changed(network: &'n Network, changes: &Changes) -> Self {
        let mut items = Items::default();
        for &group in &changes.security_groups {
            if let Some(group) = network.nsgs().get(group) {
                items.put_group(group);
            }
        }
        for &table in &changes.route_tables {
            if let Some(table) = network.route_tables().get(table) {
                items.put_table(table);
            }
        }
        for &link in &changes.peerings {
            if let Some(link) = network.peerings().get(link) {
                items.put_link(link);
            }
        }
        Self::with(network, items.0)
    }

    /// Lists a network.
    pub fn of(network: &'n Network) -> Self {
        let mut items = Items::default();
        macro_rules! put_tables {
            ($($table:ident => $kind:ident;)+) => {$(
                for row in network.$table().values() {
                    items.put(row.id().clone(), Object::$kind(row), true);
                }
            )+};
        }
        put_tables! {
            virtual_networks => VirtualNetwork;
            subnets => Subnet;
            virtual_machines => VirtualMachine;
            asgs => ApplicationSecurityGroup;
            public_ips => PublicIp;
            load_balancers => LoadBalancer;
            nat_gateways => NatGateway;
            firewalls => Firewall;
            firewall_policies => FirewallPolicy;
            ip_groups => IpGroup;
            routing_appliances => RoutingAppliance;
            gateways => Gateway;
            local_gateways => LocalGateway;
            connections => Connection;
            route_servers => RouteServer;
            private_endpoints => PrivateEndpoint;
            managers => Manager;
            on_premises => OnPremises;
        }
        for nic in network.nics().values() {
            items.put(nic.id.clone(), Object::Nic(nic), nic.is_listed());
        }
        for link in network.peerings().values() {
            items.put_link(link);
        }
        for group in network.nsgs().values() {
            items.put_group(group);
        }
        for table in network.route_tables().values() {
            items.put_table(table);
        }
        for (holder, group, collection) in collections(network) {
            for rule in &collection.rules {
                let group = group.map(|group| group.name.as_str());
                let id = firewall_rule_id(holder, group, &collection.name, &rule.name);
                items.put(id, Object::FirewallRule(rule, collection), true);
            }
        }
        for manager in network.managers().values() {
            for configuration in &manager.security_admin_configurations {
                for collection in &configuration.rule_collections {
                    for rule in &collection.rules {
                        let id = manager.rule_id(&configuration.name, &collection.name, &rule.name);
                        items.put(id, Object::AdminRule(rule, &collection.applies_to), true);
                    }
                }
            }
        }
        for (_, host) in network.outside_hosts() {
            let (id, is_listed) = outside_id(network, host);
            items.put(id, Object::OutsideHost(host), is_listed);
        }
        for (_, client) in network.vpn_clients() {
            let gateway = &network.gateways()[client.gateway].id;
            let id = gateway.child("vpnClients", &client.name);
            items.put(id, Object::VpnClient(client), true);
        }
        for (name, prefixes) in network.service_tags() {
            items.put(own("serviceTags", name), Object::ServiceTag(prefixes), true);
        }
        for name in model::Options::NAMES {
            items.put(own("options", name), Object::Setting(name), true);
        }
        Self::with(network, items.0)
    }

    fn with(network: &'n Network, items: Vec<Item<'n>>) -> Self {
        let mut by_id = HashMap::with_capacity_and_hasher(items.len(), RandomState::default());
        for (item, position) in items.iter().zip(0_u32..) {
            by_id.entry(item.id.clone()).or_insert(position);
        }
        Self {
            network,
            items,
            by_id,
        }
    }

    /// All objects.
    pub fn items(&self) -> &[Item<'n>] {
        &self.items
    }

    /// Position of the object with this id.
    pub fn find(&self, id: &ResourceId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// The object that stands for a NIC, or for a host outside Azure.
    pub fn of_worker(&self, worker: NicId) -> Option<u32> {
        match self.network.nics().get(worker) {
            Some(nic) => self.find(&nic.id),
            None => self.find(&outside_id(self.network, self.network.outside_host(worker)?).0),
        }
    }

    /// What is written in an object, in the order in which people read it. Every object of a kind has the same names.
    pub fn properties(&self, item: &Item<'_>) -> Vec<(&'static str, Value)> {
        properties::of(self.network, &item.object)
    }
}

/// Objects as they are found.
#[derive(Default)]
struct Items<'n>(Vec<Item<'n>>);

impl<'n> Items<'n> {
    /// Takes an object: its id, itself, and whether it is a resource of the user's.
    fn put(&mut self, id: ResourceId, object: Object<'n>, is_listed: bool) {
        self.0.push(Item {
            id,
            object,
            is_listed,
        });
    }

    fn put_group(&mut self, group: &'n NetworkSecurityGroup) {
        self.put(group.id.clone(), Object::SecurityGroup(group), true);
        for rule in group.rules.iter() {
            let id = rule_id(&group.id, &rule.name);
            self.put(id, Object::SecurityRule(rule), true);
        }
    }

    fn put_table(&mut self, table: &'n RouteTable) {
        self.put(table.id.clone(), Object::RouteTable(table), true);
        for route in &table.routes {
            self.put(route_id(&table.id, &route.name), Object::Route(route), true);
        }
    }

    fn put_link(&mut self, link: &'n Peering) {
        // The mirror of a link in a classic network is no resource (P-9).
        let is_listed = link.mirrors.is_none();
        self.put(link.id.clone(), Object::Peering(link), is_listed);
    }
}

/// The id of a host outside Azure, and whether a user wrote it.
fn outside_id(network: &Network, host: &OutsideHost) -> (ResourceId, bool) {
    match host.place {
        OutsidePlace::OnPremises(site) => {
            let site = &network.on_premises()[site].id;
            (site.child("hosts", &host.name), true)
        }
        OutsidePlace::VpnClient(gateway) => {
            let gateway = &network.gateways()[gateway].id;
            // The client itself is the object that people know.
            (gateway.child("vpnClientHosts", &host.name), false)
        }
        OutsidePlace::Internet => (own("hosts", "internet"), false),
    }
}

/// All rule collections of firewalls, with what holds them.
fn collections(
    network: &Network,
) -> impl Iterator<Item = (&ResourceId, Option<&RuleCollectionGroup>, &RuleCollection)> {
    let policies = network.firewall_policies().values().flat_map(|policy| {
        policy.groups.iter().flat_map(move |group| {
            let collections = group.collections.iter();
            collections.map(move |collection| (&policy.id, Some(group), collection))
        })
    });
    let classic = network.firewalls().values().flat_map(|firewall| {
        let collections = firewall.classic_collections.iter();
        collections.map(move |collection| (&firewall.id, None, collection))
    });
    policies.chain(classic)
}
