//! Resources as Azure's REST interface shows them, written from a network: what [`crate::arm::Template`] and [`crate::az::Dumps`] share.
//!
//! Not every kind of resource can be written: a network with others is refused rather than written in part. What Azure's files cannot
//! say (guests, networks on premises, options, given service tags) is left out.
//!
//! | module | what it shows |
//! |---|---|
//! | `virtual_network` | virtual networks, subnets, links |
//! | `security` | NSGs and route tables |
//! | `interface` | NICs and VMs |
//! | `delivery` | public addresses, load balancers, NAT gateways |
//! | `firewall` | Azure firewalls, their policies, IP groups |
//! | `gateway` | gateways, connections, sites |

mod delivery;
mod firewall;
mod gateway;
mod interface;
mod security;
mod virtual_network;

use std::borrow::Cow;

use ipnet::Ipv4Net;
use model::table::Resource;
use model::{Location, Network, ResourceId, Sku, Table};
use serde_json::{Map, Value, json};

use crate::resources::kind::Kind;

pub(crate) use interface::{machine_of, power};

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
    /// A part of it is known in another way than this form has it.
    #[error("{id}: {what}; it is written only in a scenario")]
    Part {
        /// The resource.
        id: ResourceId,
        /// What cannot be written of it.
        what: &'static str,
    },
}

/// One resource.
pub(crate) struct Shown<'a> {
    pub(crate) id: Cow<'a, ResourceId>,
    pub(crate) kind: Kind,
    /// Everything beside `id`, `name`, `type` and `properties`: `location`, `sku`, `zones`.
    pub(crate) envelope: Map<String, Value>,
    pub(crate) properties: Value,
    /// Resources that have to be there before it.
    pub(crate) needs: Vec<ResourceId>,
    /// Links of a virtual network and rule collection groups of a policy, which are resources of their own.
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
        first(network.routing_appliances()),
        first(network.route_servers()),
        first(network.private_endpoints()),
        first(network.managers()),
        network
            .private_dns_zones()
            .first()
            .map(|zone| zone.id.clone()),
        classic.map(|vnet| vnet.id.clone()),
    ];
    match others.into_iter().flatten().next() {
        Some(id) => Err(NotWritable::Kind(id)),
        None => firewall::check(network),
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
            act(delivery::public_ip(address))?;
        }
        for group in network.ip_groups().values() {
            act(firewall::ip_group(group))?;
        }
        for policy in network.firewall_policies().values() {
            act(self.firewall_policy(policy))?;
        }
        for gateway in network.nat_gateways().values() {
            act(self.nat_gateway(gateway))?;
        }
        for group in network.nsgs().values() {
            act(self.security_group(group))?;
        }
        for table in network.route_tables().values() {
            act(security::route_table(table))?;
        }
        for vnet in network.virtual_networks().values() {
            act(self.virtual_network(vnet))?;
        }
        for balancer in network.load_balancers().values() {
            act(self.load_balancer(balancer))?;
        }
        for firewall in network.firewalls().values() {
            act(self.firewall(firewall))?;
        }
        for (key, nic) in network.listed_nics() {
            act(self.interface(key, nic))?;
        }
        for machine in network.virtual_machines().values() {
            act(self.machine(machine))?;
        }
        for site in network.local_gateways().values() {
            act(gateway::site(site))?;
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
}

fn shown<'a>(id: &'a ResourceId, location: &Location, properties: Value) -> Shown<'a> {
    let mut envelope = Map::new();
    if !location.is_unknown() {
        envelope.insert("location".to_owned(), json!(location.as_str()));
    }
    Shown {
        id: Cow::Borrowed(id),
        kind: Kind::of_id(id),
        envelope,
        properties,
        needs: Vec::new(),
        children: Vec::new(),
    }
}

fn space(prefixes: &[Ipv4Net]) -> Value {
    json!({ "addressPrefixes": texts(prefixes) })
}

fn texts(prefixes: &[Ipv4Net]) -> Vec<String> {
    prefixes.iter().map(ToString::to_string).collect()
}

/// `443`, `8080-8090` or `*`.
fn port_range((first, last): (u16, u16)) -> String {
    match (first, last) {
        (0, u16::MAX) => "*".to_owned(),
        _ if first == last => first.to_string(),
        _ => format!("{first}-{last}"),
    }
}

fn sku(sku: Sku) -> Value {
    json!({ "name": sku.as_str() })
}

/// The ids of all resources that are written; links, subnets and rule collection groups left out: they lie in others.
pub(crate) fn ids(network: &Network) -> impl Iterator<Item = &ResourceId> {
    let asgs = network.asgs().values().map(Resource::id);
    let addresses = network.public_ips().values().map(Resource::id);
    let ip_groups = network.ip_groups().values().map(Resource::id);
    let policies = network.firewall_policies().values().map(Resource::id);
    let nat_gateways = network.nat_gateways().values().map(Resource::id);
    let groups = network.nsgs().values().map(Resource::id);
    let tables = network.route_tables().values().map(Resource::id);
    let networks = network.virtual_networks().values().map(Resource::id);
    let balancers = network.load_balancers().values().map(Resource::id);
    let firewalls = network.firewalls().values().map(Resource::id);
    let nics = network.listed_nics().map(|(_, nic)| &nic.id);
    let machines = network.virtual_machines().values().map(Resource::id);
    let sites = network.local_gateways().values().map(Resource::id);
    let gateways = network.gateways().values().map(Resource::id);
    let connections = network.connections().values().map(Resource::id);
    let shared = asgs.chain(addresses).chain(ip_groups).chain(policies);
    let networks = nat_gateways.chain(groups).chain(tables).chain(networks);
    let inside = balancers.chain(firewalls).chain(nics).chain(machines);
    shared
        .chain(networks)
        .chain(inside)
        .chain(sites)
        .chain(gateways)
        .chain(connections)
}
