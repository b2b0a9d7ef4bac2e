//! Private DNS zones, and who asks whom for names.

use std::net::Ipv4Addr;

use super::Network;
use crate::error::OperationError;
use crate::names::{DnsServer, PrivateDnsZone};
use crate::table::{NicId, Resource, VmId, VnetId};

/// Zones, servers and the names of machines.
impl Network {
    /// Creates a private DNS zone.
    pub fn create_private_dns_zone(&mut self, zone: PrivateDnsZone) -> Result<(), OperationError> {
        if self.names.zones.iter().any(|other| other.id == zone.id) {
            return Err(OperationError::DuplicateId(zone.id));
        }
        for (position, link) in zone.links.iter().enumerate() {
            let twice = zone.links[..position]
                .iter()
                .any(|other| other.name.eq_ignore_ascii_case(&link.name));
            if twice {
                return Err(OperationError::DuplicateName {
                    resource: zone.id.clone(),
                    what: "virtual network links",
                    name: link.name.clone(),
                });
            }
        }
        self.journal.touch(0);
        self.names.zones.push(zone);
        Ok(())
    }

    /// Private DNS zones, in the order of their creation.
    pub fn private_dns_zones(&self) -> &[PrivateDnsZone] {
        &self.names.zones
    }

    /// Zones that hold in a virtual network, with whether its machines have records in them.
    pub fn zones_linked_to(&self, vnet: VnetId) -> impl Iterator<Item = (&PrivateDnsZone, bool)> {
        let id = &self.virtual_networks[vnet].id;
        self.names.zones.iter().filter_map(move |zone| {
            let link = zone.links.iter().find(|link| link.virtual_network == *id)?;
            Some((zone, link.registration_enabled))
        })
    }

    /// Says that a DNS server runs in a machine.
    pub fn set_dns_server(&mut self, vm: VmId, server: DnsServer) {
        self.journal.touch(0);
        self.names.servers.insert(vm, server);
    }

    /// The DNS server in a machine, if the input says that there is one.
    pub fn dns_server(&self, vm: VmId) -> Option<&DnsServer> {
        self.names.servers.get(&vm)
    }

    /// Gives a NIC DNS servers of its own, which go before those of its network.
    pub fn set_dns_servers_of_nic(&mut self, nic: NicId, servers: Vec<Ipv4Addr>) {
        self.journal.touch(0);
        self.names.asked_by.insert(nic, servers);
    }

    /// The DNS servers that only this NIC uses; empty if it uses those of its network.
    pub fn dns_servers_of_nic(&self, nic: NicId) -> &[Ipv4Addr] {
        self.names.asked_by.get(&nic).map_or(&[], Vec::as_slice)
    }

    /// The address under which Azure registers a machine of a virtual network by its name: that of its primary NIC.
    pub fn registered_address(&self, vnet: VnetId, machine: &str) -> Option<Ipv4Addr> {
        self.virtual_machines
            .values()
            .filter(|vm| vm.name().eq_ignore_ascii_case(machine))
            .filter_map(|vm| Some(&self.nics[vm.primary_nic()?]))
            .find(|nic| nic.virtual_network == vnet)
            .map(crate::NetworkInterface::primary_address)
    }
}
