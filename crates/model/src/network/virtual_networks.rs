//! Operations on virtual networks and subnets.

use std::collections::HashSet;

use ipnet::Ipv4Net;

use super::rules::check_route_table_on;
use super::{Network, not_there};
use crate::address::{AddressSpace, DisjointPrefixes, first_overlap, overlap};
use crate::allocation::AddressPool;
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::options::AddressSpaceChange;
use crate::request::{SubnetRequest, VirtualNetworkRequest};
use crate::table::{NsgId, RouteTableId, SubnetId, VnetId};
use crate::virtual_network::{Subnet, VirtualNetwork};

impl Network {
    /// Creates a virtual network with its subnets.
    pub fn create_virtual_network(
        &mut self,
        request: VirtualNetworkRequest,
    ) -> Result<VnetId, OperationError> {
        not_there(&self.virtual_networks, &request.id)?;
        let space = address_space(&request.id, request.address_space)?;
        let vnet = self.virtual_networks.next_key();
        let mut subnets: Vec<Subnet> = Vec::with_capacity(request.subnets.len());
        let mut ids = HashSet::with_capacity(request.subnets.len());
        let mut subnet_prefixes = DisjointPrefixes::default();
        for subnet in request.subnets {
            let subnet = self.checked_subnet(&request.id, vnet, &space, subnet)?;
            if !ids.insert(subnet.id.clone()) {
                return Err(duplicate(&request.id, &subnet));
            }
            check_overlap(&subnet, &subnet_prefixes, subnets.iter())?;
            subnet_prefixes.extend(&subnet.prefixes);
            subnets.push(subnet);
        }
        let subnets = subnets
            .into_iter()
            .map(|subnet| self.subnets.add(subnet))
            .collect();
        Ok(self.virtual_networks.add(VirtualNetwork {
            id: request.id,
            location: request.location,
            address_space: space,
            subnets,
            subnet_prefixes,
            deployment_model: request.deployment_model,
            flow_timeout_minutes: request.flow_timeout_minutes,
            dns_servers: request.dns_servers,
            summarized_gateway_prefixes: Vec::new(),
            peerings: Vec::new(),
        }))
    }

    /// Adds a subnet to a virtual network.
    pub fn create_subnet(
        &mut self,
        vnet: VnetId,
        request: SubnetRequest,
    ) -> Result<SubnetId, OperationError> {
        let network = &self.virtual_networks[vnet];
        let subnet = self.checked_subnet(&network.id, vnet, &network.address_space, request)?;
        if self.subnets.find(&subnet.id).is_some() {
            return Err(duplicate(&network.id, &subnet));
        }
        let present = network.subnets.iter().map(|&subnet| &self.subnets[subnet]);
        check_overlap(&subnet, &network.subnet_prefixes, present)?;
        let prefixes = subnet.prefixes.clone();
        let key = self.subnets.add(subnet);
        let network = self.virtual_network_mut(vnet);
        network.subnets.push(key);
        network.subnet_prefixes.extend(&prefixes);
        Ok(key)
    }

    /// Changes the address space of a virtual network (P-6). Links to it keep the old prefixes until they are synced.
    pub fn change_address_space(
        &mut self,
        vnet: VnetId,
        prefixes: Vec<Ipv4Net>,
    ) -> Result<(), OperationError> {
        let network = &self.virtual_networks[vnet];
        let space = address_space(&network.id, prefixes)?;
        if self.options.address_space_change == AddressSpaceChange::Refuse
            && let Some(link) = network
                .peerings
                .first()
                .map(|&link| self.visible_link(link))
        {
            return Err(OperationError::AddressSpaceFrozen {
                virtual_network: network.id.clone(),
                peering: self.peerings[link].id.clone(),
            });
        }
        for &key in &network.subnets {
            let subnet = &self.subnets[key];
            if let Some(&prefix) = subnet
                .prefixes
                .iter()
                .find(|&&prefix| !space.contains(prefix))
            {
                return Err(OperationError::PrefixInUse {
                    virtual_network: network.id.clone(),
                    prefix,
                    subnet: subnet.id.clone(),
                });
            }
        }
        for &link in &network.peerings {
            self.check_spaces_of_peers(link, space.prefixes())?;
        }
        self.virtual_network_mut(vnet).address_space = space;
        self.mirror_links_of(vnet);
        Ok(())
    }

    /// Replaces what the gateways of a virtual network tell in place of its address space (G-4).
    pub fn set_summarized_gateway_prefixes(&mut self, vnet: VnetId, prefixes: Vec<Ipv4Net>) {
        self.virtual_network_mut(vnet).summarized_gateway_prefixes = prefixes;
    }

    /// Deletes a virtual network without NICs or other users. Links of other networks to it become Disconnected (P-2).
    pub fn delete_virtual_network(&mut self, vnet: VnetId) -> Result<(), OperationError> {
        let network = &self.virtual_networks[vnet];
        for &key in &network.subnets {
            if let Some((_, owner)) = self.subnets[key].addresses.iter().next() {
                return Err(OperationError::InUse {
                    resource: self.subnets[key].id.clone(),
                    user: self.owner_id(owner),
                });
            }
        }
        let (links, subnets) = (network.peerings.clone(), network.subnets.clone());
        for link in links {
            self.delete_peering(link);
        }
        let id = self.virtual_networks[vnet].id.clone();
        self.disconnect_links_to(&id);
        for subnet in subnets {
            self.subnets.remove(subnet);
        }
        self.virtual_networks.remove(vnet);
        Ok(())
    }

    /// Attaches a security group to a subnet, or takes it off.
    pub fn set_subnet_security_group(&mut self, subnet: SubnetId, nsg: Option<NsgId>) {
        self.subnet_mut(subnet).network_security_group = nsg;
    }

    /// Attaches a route table to a subnet, or takes it off.
    pub fn set_subnet_route_table(
        &mut self,
        subnet: SubnetId,
        table: Option<RouteTableId>,
    ) -> Result<(), OperationError> {
        if let Some(table) = table {
            let subnet = &self.subnets[subnet];
            check_route_table_on(&subnet.id, &self.route_tables[table])?;
        }
        self.subnet_mut(subnet).route_table = table;
        Ok(())
    }

    /// What is wrong with a subnet by itself; the others are not looked at.
    fn checked_subnet(
        &self,
        network: &ResourceId,
        vnet: VnetId,
        space: &AddressSpace,
        request: SubnetRequest,
    ) -> Result<Subnet, OperationError> {
        let id = network.child("subnets", &request.name);
        let invalid = |prefix: String, reason| {
            Err(OperationError::SubnetPrefix {
                subnet: id.clone(),
                prefix,
                reason,
            })
        };
        if request.prefixes.is_empty() {
            return invalid(String::new(), "a subnet needs an address prefix");
        }
        for (position, &prefix) in request.prefixes.iter().enumerate() {
            if prefix.trunc() != prefix {
                return invalid(prefix.to_string(), "host bits are set");
            }
            // N-4: five addresses are kept, so nothing smaller than /29 has room.
            if prefix.prefix_len() > 29 {
                return invalid(prefix.to_string(), "the smallest subnet is /29");
            }
            if !space.contains(prefix) {
                return Err(OperationError::SubnetOutside {
                    subnet: id,
                    prefix,
                    virtual_network: network.clone(),
                });
            }
            if request.prefixes[..position]
                .iter()
                .any(|&earlier| overlap(earlier, prefix))
            {
                return invalid(
                    prefix.to_string(),
                    "it overlaps with another prefix of the same subnet",
                );
            }
        }
        if request.name.eq_ignore_ascii_case("RouteServerSubnet")
            && let Some(nsg) = request.network_security_group
        {
            return Err(OperationError::SecurityGroupNotAllowed {
                group: self.nsgs[nsg].id.clone(),
                subnet: id,
            });
        }
        if let Some(table) = request.route_table {
            check_route_table_on(&id, &self.route_tables[table])?;
        }
        Ok(Subnet {
            id,
            virtual_network: vnet,
            prefixes: request.prefixes,
            network_security_group: request.network_security_group,
            route_table: request.route_table,
            nat_gateway: request.nat_gateway,
            default_outbound_access: request.default_outbound_access,
            service_endpoints: request.service_endpoints,
            delegation: request.delegation,
            private_endpoint_policies: request.private_endpoint_policies,
            addresses: AddressPool::default(),
        })
    }

    pub(crate) fn virtual_network_mut(&mut self, vnet: VnetId) -> &mut VirtualNetwork {
        self.virtual_networks
            .get_mut(vnet)
            .expect("a key held by a live resource names a live resource")
    }

    pub(super) fn subnet_mut(&mut self, subnet: SubnetId) -> &mut Subnet {
        self.subnets
            .get_mut(subnet)
            .expect("a key held by a live resource names a live resource")
    }
}

fn duplicate(network: &ResourceId, subnet: &Subnet) -> OperationError {
    OperationError::DuplicateName {
        resource: network.clone(),
        what: "subnets",
        name: subnet.id.name().to_owned(),
    }
}

/// `taken`: all prefixes of the present subnets.
fn check_overlap<'a>(
    subnet: &Subnet,
    taken: &DisjointPrefixes,
    mut present: impl Iterator<Item = &'a Subnet>,
) -> Result<(), OperationError> {
    if !subnet.prefixes.iter().any(|&prefix| taken.overlap(prefix)) {
        return Ok(());
    }
    let first = present.find_map(|other| {
        let (prefix, other_prefix) = first_overlap(&subnet.prefixes, &other.prefixes)?;
        Some(OperationError::SubnetsOverlap {
            subnet: subnet.id.clone(),
            prefix,
            other: other.id.clone(),
            other_prefix,
        })
    });
    first.map_or(Ok(()), Err)
}

fn address_space(
    resource: &ResourceId,
    prefixes: Vec<Ipv4Net>,
) -> Result<AddressSpace, OperationError> {
    AddressSpace::try_from(prefixes).map_err(|error| OperationError::AddressSpace {
        resource: resource.clone(),
        error,
    })
}
