//! The network as Azure stores it: tables of resources, and the validated operations that change them.

mod authorization;
mod connectivity;
mod delivery;
mod firewall_policies;
mod interfaces;
mod names;
mod network_managers;
mod outside;
mod peerings;
mod private_endpoints;
mod route_server;
mod rules;
mod virtual_networks;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::authorization::Authorization;
use crate::changes::Changes;
use crate::delivery::{
    AzureFirewall, LoadBalancer, NatGateway, PublicIpAddress, VirtualNetworkAppliance,
};
use crate::error::OperationError;
use crate::firewall::{FirewallPolicy, IpGroup};
use crate::gateway::{Connection, LocalNetworkGateway, VirtualNetworkGateway};
use crate::id::ResourceId;
use crate::journal::{Journal, Revision};
use crate::names::Names;
use crate::network_interface::NetworkInterface;
use crate::network_manager::NetworkManager;
use crate::on_premises::{OnPremisesNetwork, VpnClient};
use crate::options::Options;
use crate::outside::{OutsideHost, OutsidePlace, StationId};
use crate::peering::Peering;
use crate::private_endpoint::PrivateEndpoint;
use crate::route_server::RouteServer;
use crate::route_table::RouteTable;
use crate::security::{ApplicationSecurityGroup, NetworkSecurityGroup};
use crate::table::{
    AsgId, ConnectionId, FirewallId, FirewallPolicyId, GatewayId, IpGroupId, Key, LinkId,
    LoadBalancerId, LocalGatewayId, NatGatewayId, NetworkManagerId, NicId, NsgId, OnPremisesId,
    PrivateEndpointId, PublicIpId, Resource, RouteServerId, RouteTableId, SubnetId, Table,
    VirtualNetworkApplianceId, VmId, VnetId,
};
use crate::virtual_machine::{GuestRole, VirtualMachine};
use crate::virtual_network::{Subnet, VirtualNetwork};

/// Everything that a user's files describe.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Decisions that the user may take differently.
    pub options: Options,
    /// Who may do what; asked only where a principal is named.
    pub authorization: Authorization,
    pub(crate) virtual_networks: Table<VnetId, VirtualNetwork>,
    pub(crate) subnets: Table<SubnetId, Subnet>,
    pub(crate) peerings: Table<LinkId, Peering>,
    pub(crate) nics: Table<NicId, NetworkInterface>,
    pub(crate) virtual_machines: Table<VmId, VirtualMachine>,
    pub(crate) route_tables: Table<RouteTableId, RouteTable>,
    pub(crate) nsgs: Table<NsgId, NetworkSecurityGroup>,
    pub(crate) asgs: Table<AsgId, ApplicationSecurityGroup>,
    pub(crate) public_ips: Table<PublicIpId, PublicIpAddress>,
    pub(crate) load_balancers: Table<LoadBalancerId, LoadBalancer>,
    pub(crate) nat_gateways: Table<NatGatewayId, NatGateway>,
    pub(crate) firewalls: Table<FirewallId, AzureFirewall>,
    pub(crate) gateways: Table<GatewayId, VirtualNetworkGateway>,
    pub(crate) routing_appliances: Table<VirtualNetworkApplianceId, VirtualNetworkAppliance>,
    pub(crate) route_servers: Table<RouteServerId, RouteServer>,
    pub(crate) local_gateways: Table<LocalGatewayId, LocalNetworkGateway>,
    pub(crate) connections: Table<ConnectionId, Connection>,
    pub(crate) on_premises: Table<OnPremisesId, OnPremisesNetwork>,
    /// By their workers.
    pub(crate) outside_hosts: BTreeMap<StationId, OutsideHost>,
    /// By their workers; each has a host outside Azure.
    pub(crate) vpn_clients: BTreeMap<StationId, VpnClient>,
    pub(crate) firewall_policies: Table<FirewallPolicyId, FirewallPolicy>,
    pub(crate) ip_groups: Table<IpGroupId, IpGroup>,
    pub(crate) private_endpoints: Table<PrivateEndpointId, PrivateEndpoint>,
    pub(crate) managers: Table<NetworkManagerId, NetworkManager>,
    pub(crate) names: Names,
    /// Prefixes of service tags that the user has given (T-8, R-30), by lower-case name.
    service_tags: BTreeMap<String, Vec<Ipv4Net>>,
    /// Of what is in no table. Options and authorization tell nobody: whoever depends on them compares them.
    pub(crate) journal: Journal,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $key:ident => $resource:ident,)+) => {$(
        $(#[$doc])*
        pub fn $name(&self) -> &Table<$key, $resource> {
            &self.$name
        }
    )+

        /// The journals of all tables.
        fn journals(&self) -> impl Iterator<Item = &Journal> {
            [$(self.$name.journal()),+].into_iter()
        }

        fn tables_can_follow(&self, before: &Self) -> bool {
            $(self.$name.can_follow(&before.$name))&&+
        }

        fn tables_follow(&mut self, before: &Self) {
            $(self.$name.follow(&before.$name);)+
        }
    };
}

/// Look-ups.
impl Network {
    tables! {
        /// Virtual networks.
        virtual_networks: VnetId => VirtualNetwork,
        /// Subnets of all networks.
        subnets: SubnetId => Subnet,
        /// Peering links.
        peerings: LinkId => Peering,
        /// NICs, the hidden ones of firewalls, gateway instances and private endpoints included.
        nics: NicId => NetworkInterface,
        /// Virtual machines.
        virtual_machines: VmId => VirtualMachine,
        /// Route tables.
        route_tables: RouteTableId => RouteTable,
        /// Network security groups.
        nsgs: NsgId => NetworkSecurityGroup,
        /// Application security groups.
        asgs: AsgId => ApplicationSecurityGroup,
        /// Public addresses.
        public_ips: PublicIpId => PublicIpAddress,
        /// Load balancers.
        load_balancers: LoadBalancerId => LoadBalancer,
        /// NAT gateways.
        nat_gateways: NatGatewayId => NatGateway,
        /// Azure firewalls.
        firewalls: FirewallId => AzureFirewall,
        /// Virtual network gateways.
        gateways: GatewayId => VirtualNetworkGateway,
        /// Managed routing appliances.
        routing_appliances: VirtualNetworkApplianceId => VirtualNetworkAppliance,
        /// Route servers.
        route_servers: RouteServerId => RouteServer,
        /// Local network gateways.
        local_gateways: LocalGatewayId => LocalNetworkGateway,
        /// Gateway connections.
        connections: ConnectionId => Connection,
        /// Networks outside Azure.
        on_premises: OnPremisesId => OnPremisesNetwork,
        /// Private endpoints.
        private_endpoints: PrivateEndpointId => PrivateEndpoint,
        /// Virtual network managers.
        managers: NetworkManagerId => NetworkManager,
        /// Firewall policies.
        firewall_policies: FirewallPolicyId => FirewallPolicy,
        /// Groups of addresses that firewall rules name.
        ip_groups: IpGroupId => IpGroup,
    }

    /// NICs that Azure lists: without the hidden ones of firewalls, gateway instances and private endpoints.
    pub fn listed_nics(&self) -> impl DoubleEndedIterator<Item = (NicId, &NetworkInterface)> {
        self.nics.iter().filter(|(_, nic)| nic.is_listed())
    }

    /// Hosts outside Azure by their workers.
    pub fn outside_hosts(&self) -> impl Iterator<Item = (StationId, &OutsideHost)> {
        self.outside_hosts
            .iter()
            .map(|(&station, host)| (station, host))
    }

    /// The host outside Azure that has this worker.
    pub fn outside_host(&self, station: StationId) -> Option<&OutsideHost> {
        self.outside_hosts.get(&station)
    }

    /// The worker that stands for the Internet, once the network is joined to it.
    pub fn internet(&self) -> Option<StationId> {
        self.outside_hosts()
            .find(|(_, host)| host.place == OutsidePlace::Internet)
            .map(|(station, _)| station)
    }

    /// The gateways of a virtual network.
    pub fn gateways_of(
        &self,
        vnet: VnetId,
    ) -> impl Iterator<Item = (GatewayId, &VirtualNetworkGateway)> {
        self.gateways
            .iter()
            .filter(move |(_, gateway)| gateway.virtual_network == vnet)
    }

    /// Members of an application security group: private addresses of IP configurations, ascending.
    pub fn asg_members(&self, asg: AsgId) -> BTreeSet<Ipv4Addr> {
        self.nics
            .values()
            .flat_map(|nic| &nic.ip_configurations)
            .filter(|configuration| configuration.application_security_groups.contains(&asg))
            .map(|configuration| configuration.private_address)
            .collect()
    }

    /// What a VM's guest does with packets that are not for it: as the scenario says, else an appliance if a NIC has IP
    /// forwarding on, since nobody sets that flag for a host.
    pub fn guest_role(&self, vm: VmId) -> GuestRole {
        let machine = &self.virtual_machines[vm];
        machine.guest.role.unwrap_or_else(|| {
            if machine.nics.iter().any(|&nic| self.nics[nic].ip_forwarding) {
                GuestRole::Appliance
            } else {
                GuestRole::Host
            }
        })
    }

    /// Prefixes of a service tag that the user has given; `None` if the tag is unknown.
    pub fn service_tag(&self, name: &str) -> Option<&[Ipv4Net]> {
        self.service_tags
            .get(&name.to_ascii_lowercase())
            .map(Vec::as_slice)
    }

    /// Gives the prefixes of a service tag (T-8, R-30).
    pub fn set_service_tag(&mut self, name: &str, prefixes: Vec<Ipv4Net>) {
        self.journal.touch(0);
        self.service_tags
            .insert(name.to_ascii_lowercase(), prefixes);
    }

    /// All service tags that the user has given, by lower-case name.
    pub fn service_tags(&self) -> impl Iterator<Item = (&str, &[Ipv4Net])> {
        self.service_tags
            .iter()
            .map(|(name, prefixes)| (name.as_str(), prefixes.as_slice()))
    }
}

/// What has changed.
impl Network {
    /// The present state, for [`Network::changes_since`].
    pub fn revision(&self) -> Revision {
        let journals = self.journals().chain([&self.journal]);
        Revision(journals.map(Journal::now).collect())
    }

    /// What may have changed since this network, or the one that it was copied from, was in a state; `None` if it has never been, or
    /// forgot. Options are left out.
    pub fn changes_since(&self, revision: &Revision) -> Option<Changes> {
        let mut changes = Changes::default();
        for (journal, moment) in self.journals().chain([&self.journal]).zip(&revision.0) {
            let mut rows = journal.since(moment)?;
            if std::ptr::eq(journal, self.route_tables.journal()) {
                changes.route_tables = keys(rows);
            } else if std::ptr::eq(journal, self.peerings.journal()) {
                changes.peerings = keys(rows);
            } else if std::ptr::eq(journal, self.nsgs.journal()) {
                changes.security_groups = keys(rows);
            } else {
                changes.others |= rows.next().is_some();
            }
        }
        Some(changes)
    }
}

/// Networks that were described each by itself.
impl Network {
    /// Takes this network for a later state of `before`: keys mean the same in both, and [`Network::changes_since`] says what differs.
    /// `false`, and nothing is done, if some resource has another key there. Networks that were read from two versions of one file can
    /// follow each other unless something stands in another order.
    pub fn follow(&mut self, before: &Self) -> bool {
        if !self.tables_can_follow(before) {
            return false;
        }
        self.tables_follow(before);
        self.journal = before.journal.clone();
        let is_same = self.outside_hosts == before.outside_hosts
            && self.vpn_clients == before.vpn_clients
            && self.names == before.names
            && self.service_tags == before.service_tags;
        // What no operation changes in a row, so that nobody looks for it when told that the row was touched.
        let tables = self.route_tables.values().zip(before.route_tables.values());
        let links = self.peerings.values().zip(before.peerings.values());
        let is_deep =
            tables
                .map(|(now, before)| {
                    now.gateway_propagation_disabled != before.gateway_propagation_disabled
                })
                .chain(links.map(|(now, before)| {
                    now.remote != before.remote || now.mirrors != before.mirrors
                }))
                .any(|differs| differs);
        if !is_same || is_deep {
            self.journal.touch(0);
        }
        true
    }
}

/// Ascending, each once.
fn keys<K: Key + Ord>(rows: impl Iterator<Item = u32>) -> Vec<K> {
    let keys: BTreeSet<K> = rows.map(|row| K::from_index(row as usize)).collect();
    keys.into_iter().collect()
}

pub(crate) fn not_there<K: Key, T: Resource>(
    table: &Table<K, T>,
    id: &ResourceId,
) -> Result<(), OperationError> {
    match table.find(id) {
        Some(_) => Err(OperationError::DuplicateId(id.clone())),
        None => Ok(()),
    }
}
