//! The network of a case, with everything filled in that a recording leaves out.
//!
//! A recording tells what its author cared about. What is missing is chosen so that it decides nothing: subnets and addresses that
//! are free, one region where none is named. What cannot be read is told, and the rest is used.

mod links;
mod machines;
mod space;
mod tables;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::reading::{Odd, same, unknown_keys};

#[derive(Clone, Debug, Default)]
pub(crate) struct Topology {
    pub(crate) vnets: Vec<Vnet>,
    pub(crate) links: Vec<Link>,
    pub(crate) tables: Vec<Table>,
    pub(crate) groups: Vec<Group>,
    pub(crate) nics: Vec<Nic>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) servers: Vec<RouteServer>,
    pub(crate) balancers: Vec<Balancer>,
    pub(crate) endpoints: Vec<PrivateEndpoint>,
    /// Prefixes and addresses that stand for what was not recorded: what shows them is not compared.
    pub(crate) stand_ins: Vec<Ipv4Net>,
    /// A user route could not be read.
    pub(crate) routes_left_out: bool,
    /// Parts of it were told in sentences: where they lead to a difference, the sentence may have been misread.
    pub(crate) from_words: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Vnet {
    pub(crate) name: String,
    pub(crate) prefixes: Vec<Ipv4Net>,
    pub(crate) location: Option<String>,
    pub(crate) subnets: Vec<Subnet>,
}

#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) name: String,
    pub(crate) prefixes: Vec<Ipv4Net>,
    pub(crate) table: Option<String>,
    pub(crate) group: Option<String>,
    /// `privateEndpointNetworkPolicies`, if it was recorded.
    pub(crate) policies: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct PrivateEndpoint {
    pub(crate) name: String,
    pub(crate) vnet: String,
    pub(crate) subnet: String,
    pub(crate) address: Ipv4Addr,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of the service's own object"
)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) vnet: String,
    pub(crate) remote: String,
    pub(crate) access: bool,
    pub(crate) forwarded: bool,
    pub(crate) transit: bool,
    pub(crate) remote_gateways: bool,
    pub(crate) state: Option<String>,
    pub(crate) local_subnets: Vec<String>,
    pub(crate) remote_subnets: Vec<String>,
    pub(crate) whole: bool,
    pub(crate) remote_space: Vec<Ipv4Net>,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) propagation_disabled: bool,
    pub(crate) routes: Vec<Route>,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) destination: String,
    pub(crate) kind: String,
    pub(crate) address: Option<Ipv4Addr>,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) priority: i64,
    pub(crate) direction: String,
    pub(crate) access: String,
    pub(crate) protocol: String,
    pub(crate) source: Vec<String>,
    pub(crate) destination: Vec<String>,
    pub(crate) source_ports: Vec<String>,
    pub(crate) destination_ports: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Nic {
    pub(crate) name: String,
    pub(crate) vnet: String,
    pub(crate) subnet: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) forwarding: bool,
    pub(crate) machine: String,
    pub(crate) group: Option<String>,
    pub(crate) public_ip: Option<Ipv4Addr>,
    /// What runs in it, as far as it forwards.
    pub(crate) appliance: Option<Appliance>,
    /// Protocols that it passes neither on nor in.
    pub(crate) drops: Vec<&'static str>,
}

/// What a routing guest does. `None` = not said: any is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Appliance {
    pub(crate) forwards: Option<bool>,
    pub(crate) snat: Option<bool>,
    pub(crate) stateful: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) name: String,
    pub(crate) vnet: String,
    pub(crate) express_route: bool,
    pub(crate) public_ip: Option<Ipv4Addr>,
    pub(crate) instances: Vec<Ipv4Addr>,
    pub(crate) active_active: bool,
    pub(crate) asn: Option<i64>,
    pub(crate) bgp_address: Option<Ipv4Addr>,
    pub(crate) learned: Vec<Learned>,
    pub(crate) advertises: Vec<Ipv4Net>,
    pub(crate) client_pool: Vec<Ipv4Net>,
    /// False if the recording holds no address that a row could show.
    pub(crate) next_hop_known: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Learned {
    pub(crate) prefix: Ipv4Net,
    pub(crate) next_hop: Option<Ipv4Addr>,
    pub(crate) path: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) one: String,
    pub(crate) other: String,
    pub(crate) bgp: bool,
    pub(crate) up: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct RouteServer {
    pub(crate) name: String,
    pub(crate) vnet: String,
    pub(crate) instances: Vec<Ipv4Addr>,
    pub(crate) branch_to_branch: bool,
    pub(crate) peers: Vec<Speaker>,
}

#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) address: Ipv4Addr,
    pub(crate) asn: Option<i64>,
    pub(crate) advertises: Vec<Learned>,
}

#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    pub(crate) name: String,
    pub(crate) vnet: String,
    pub(crate) frontend: Ipv4Addr,
    pub(crate) basic: bool,
    pub(crate) backends: Vec<String>,
}

/// Subnets in which no VM stands.
const FOR_GATEWAYS: &[&str] = &[
    "GatewaySubnet",
    "RouteServerSubnet",
    "AzureFirewallSubnet",
    "AzureFirewallManagementSubnet",
    "AzureBastionSubnet",
];

pub(crate) fn is_for_machines(subnet: &str) -> bool {
    !FOR_GATEWAYS.iter().any(|name| same(name, subnet))
}

impl Topology {
    /// Reads the network. `observed` tells which NICs there must be and which of them has which user routes.
    pub(crate) fn of_case(topology: &Value, observed: &Value, odd: &mut Odd) -> Self {
        let mut draft = Draft {
            topology: Self::default(),
            odd,
        };
        unknown_keys(
            topology,
            "topology",
            "virtualNetworks peerings routeTables gateways routeServers vpnConnections nics nsgs loadBalancers \
nva privateEndpoints peeringKind rules_by_phase routes_by_phase peerings_by_phase",
            draft.odd,
        );
        draft.vnets(topology);
        draft.locations(topology);
        draft.unreadable_prefixes(topology);
        draft.tables(topology);
        draft.balancer_names(topology);
        draft.gateway_subnets(topology);
        draft.private_endpoints(topology, observed);
        draft.nics(topology);
        draft.appliances(topology);
        draft.observed_nics(observed);
        draft.observed_ends(observed);
        draft.unowned_next_hops(observed);
        draft.tables_in_words(topology);
        draft.unattached_tables(topology, observed);
        draft.groups(topology);
        draft.dropping_appliances();
        draft.links(topology);
        draft.gateways(topology);
        draft.connections(topology);
        draft.servers(topology);
        draft.topology
    }

    pub(crate) fn vnet(&self, name: &str) -> Option<&Vnet> {
        self.vnets.iter().find(|vnet| same(&vnet.name, name))
    }

    pub(crate) fn gateway_of(&self, vnet_or_name: &str) -> Option<&Gateway> {
        self.gateways
            .iter()
            .find(|gateway| same(&gateway.name, vnet_or_name))
            .or_else(|| {
                // Connections are those of a VPN gateway where both kinds stand side by side.
                let here = |gateway: &&Gateway| same(&gateway.vnet, vnet_or_name);
                let vpn = |gateway: &&Gateway| here(gateway) && !gateway.express_route;
                let mut gateways = self.gateways.iter();
                let mut rest = self.gateways.iter();
                gateways.find(vpn).or_else(|| rest.find(here))
            })
    }
}

struct Draft<'a> {
    topology: Topology,
    odd: &'a mut Odd,
}

/// A NIC by its own name or its machine's; `nva11` is `nva11-NIC1`.
pub(crate) fn is_named(nic: &Nic, name: &str) -> bool {
    let rest = nic
        .name
        .get(..name.len())
        .filter(|start| same(start, name) && !name.is_empty())
        .map(|_| &nic.name[name.len()..]);
    same(&nic.name, name)
        || same(&nic.machine, name)
        || rest.is_some_and(|rest| {
            rest.starts_with(['-', '_', '.']) || rest.to_ascii_lowercase().starts_with("nic")
        })
}
