//! Operations on NICs and VMs, and the assignment of private addresses (N-4).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{Network, not_there};
use crate::allocation::{AddressOwner, AllocationError};
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::network_interface::{IpConfiguration, NetworkInterface, NicOwner};
use crate::request::{NicRequest, RequestedAddress, VirtualMachineRequest};
use crate::spelling::{AllocationMethod, PowerState};
use crate::table::{NicId, NsgId, SubnetId, VmId};
use crate::virtual_machine::{Guest, VirtualMachine};

impl Network {
    /// Keeps dynamic allocation in a subnet away from a static address that is claimed later.
    pub fn announce_address(&mut self, subnet: SubnetId, address: Ipv4Addr) {
        self.subnet_mut(subnet).addresses.announce(address);
    }

    /// Announces the first free address of a subnet, so that dynamic addresses can be given in one order and their holders created
    /// in another (N-4). `None`: none is free.
    pub fn reserve_first_free(&mut self, subnet: SubnetId) -> Option<Ipv4Addr> {
        let place = self.subnet_mut(subnet);
        place.addresses.reserve_first_free(&place.prefixes).ok()
    }

    /// Creates a NIC and assigns its dynamic addresses (N-4).
    pub fn create_nic(&mut self, request: NicRequest) -> Result<NicId, OperationError> {
        self.create_nic_for(request, NicOwner::Unattached)
    }

    pub(crate) fn create_nic_for(
        &mut self,
        request: NicRequest,
        owner: NicOwner,
    ) -> Result<NicId, OperationError> {
        not_there(&self.nics, &request.id)?;
        let Some(first) = request.ip_configurations.first() else {
            return Err(OperationError::NoIpConfiguration(request.id));
        };
        let virtual_network = self.subnets[first.subnet].virtual_network;
        let mut names = BTreeSet::new();
        for configuration in &request.ip_configurations {
            if self.subnets[configuration.subnet].virtual_network != virtual_network {
                return Err(OperationError::SeveralNetworks(request.id));
            }
            if !names.insert(configuration.name.to_ascii_lowercase()) {
                return Err(OperationError::DuplicateName {
                    resource: request.id,
                    what: "IP configurations",
                    name: configuration.name.clone(),
                });
            }
        }
        let nic = self.nics.next_key();
        let primary = request
            .ip_configurations
            .iter()
            .position(|configuration| configuration.primary)
            .unwrap_or(0);
        let mut claimed: Vec<(SubnetId, Ipv4Addr)> =
            Vec::with_capacity(request.ip_configurations.len());
        for (position, configuration) in request.ip_configurations.iter().enumerate() {
            match self.claim(
                &request.id,
                configuration.subnet,
                configuration.address,
                AddressOwner::Nic(nic, position),
            ) {
                Ok(address) => claimed.push((configuration.subnet, address)),
                Err(error) => {
                    self.release(&claimed);
                    return Err(error);
                }
            }
        }
        let ip_configurations = request
            .ip_configurations
            .into_iter()
            .zip(claimed)
            .enumerate()
            .map(
                |(position, (configuration, (subnet, private_address)))| IpConfiguration {
                    name: configuration.name,
                    subnet,
                    private_address,
                    allocation: match configuration.address {
                        RequestedAddress::Static(_) => AllocationMethod::Static,
                        RequestedAddress::Assigned(_) | RequestedAddress::FirstFree => {
                            AllocationMethod::Dynamic
                        }
                    },
                    public_ip: configuration.public_ip,
                    application_security_groups: configuration.application_security_groups,
                    backend_pools: configuration.backend_pools,
                    primary: position == primary,
                },
            )
            .collect();
        Ok(self.nics.add(NetworkInterface {
            id: request.id,
            location: request.location,
            virtual_network,
            ip_configurations,
            network_security_group: request.network_security_group,
            ip_forwarding: request.ip_forwarding,
            tcp_state_tracking_disabled: request.tcp_state_tracking_disabled,
            owner,
            mac_address: request.mac_address,
        }))
    }

    /// Deletes a NIC that no VM uses and frees its addresses.
    pub fn delete_nic(&mut self, nic: NicId) -> Result<(), OperationError> {
        let interface = &self.nics[nic];
        if let Some(user) = self.user_of(interface.owner) {
            return Err(OperationError::InUse {
                resource: interface.id.clone(),
                user,
            });
        }
        let held: Vec<_> = interface
            .ip_configurations
            .iter()
            .map(|configuration| (configuration.subnet, configuration.private_address))
            .collect();
        self.release(&held);
        self.nics.remove(nic);
        Ok(())
    }

    /// Switches IP forwarding of a NIC (N-1).
    pub fn set_ip_forwarding(&mut self, nic: NicId, on: bool) {
        self.nic_mut(nic).ip_forwarding = on;
    }

    /// Attaches a security group to a NIC, or takes it off.
    pub fn set_nic_security_group(&mut self, nic: NicId, nsg: Option<NsgId>) {
        self.nic_mut(nic).network_security_group = nsg;
    }

    /// Creates a VM. A NIC that another VM holds is refused.
    pub fn create_virtual_machine(
        &mut self,
        request: VirtualMachineRequest,
    ) -> Result<VmId, OperationError> {
        not_there(&self.virtual_machines, &request.id)?;
        for &nic in &request.nics {
            if let NicOwner::VirtualMachine(other) = self.nics[nic].owner {
                return Err(OperationError::InUse {
                    resource: self.nics[nic].id.clone(),
                    user: self.virtual_machines[other].id.clone(),
                });
            }
        }
        let vm = self.virtual_machines.add(VirtualMachine {
            id: request.id,
            location: request.location,
            zone: request.zone,
            nics: request.nics.clone(),
            power: request.power,
            guest: request.guest,
        });
        for nic in request.nics {
            self.nic_mut(nic).owner = NicOwner::VirtualMachine(vm);
        }
        Ok(vm)
    }

    /// Starts or stops a VM.
    pub fn set_power(&mut self, vm: VmId, power: PowerState) {
        self.virtual_machine_mut(vm).power = power;
    }

    /// Says what runs in a VM.
    pub fn set_guest(&mut self, vm: VmId, guest: Guest) {
        self.virtual_machine_mut(vm).guest = guest;
    }

    fn virtual_machine_mut(&mut self, vm: VmId) -> &mut VirtualMachine {
        self.virtual_machines
            .get_mut(vm)
            .expect("a key held by a live resource names a live resource")
    }

    pub(crate) fn nic_mut(&mut self, nic: NicId) -> &mut NetworkInterface {
        self.nics
            .get_mut(nic)
            .expect("a key held by a live resource names a live resource")
    }

    /// The resource that a NIC belongs to.
    pub(crate) fn user_of(&self, owner: NicOwner) -> Option<ResourceId> {
        let user = match owner {
            NicOwner::Unattached => return None,
            NicOwner::VirtualMachine(vm) => &self.virtual_machines[vm].id,
            NicOwner::AzureFirewall(firewall) => &self.firewalls[firewall].id,
            NicOwner::VirtualNetworkAppliance(appliance) => &self.routing_appliances[appliance].id,
            NicOwner::GatewayInstance(gateway, _) => &self.gateways[gateway].id,
            NicOwner::PrivateEndpoint(endpoint) => &self.private_endpoints[endpoint].id,
        };
        Some(user.clone())
    }

    /// Gives an address of a subnet to a resource whose packets are not simulated (a bastion, an application gateway, ...).
    pub fn claim_address(
        &mut self,
        resource: &ResourceId,
        subnet: SubnetId,
        address: RequestedAddress,
    ) -> Result<Ipv4Addr, OperationError> {
        self.claim(
            resource,
            subnet,
            address,
            AddressOwner::Other(resource.clone()),
        )
    }

    pub(super) fn claim(
        &mut self,
        resource: &ResourceId,
        subnet: SubnetId,
        wanted: RequestedAddress,
        owner: AddressOwner,
    ) -> Result<Ipv4Addr, OperationError> {
        let place = self.subnet_mut(subnet);
        let result = match wanted {
            RequestedAddress::Static(address) | RequestedAddress::Assigned(address) => {
                place.addresses.claim(&place.prefixes, address, owner)
            }
            RequestedAddress::FirstFree => place.addresses.claim_first_free(&place.prefixes, owner),
        };
        result.map_err(|error| {
            let place = &self.subnets[subnet];
            let (resource, prefixes) = (resource.clone(), place.prefixes.clone());
            match (error, wanted) {
                (AllocationError::Exhausted, _) | (_, RequestedAddress::FirstFree) => {
                    OperationError::SubnetFull {
                        resource,
                        subnet: place.id.clone(),
                    }
                }
                (
                    AllocationError::Outside,
                    RequestedAddress::Static(address) | RequestedAddress::Assigned(address),
                ) => OperationError::AddressOutside {
                    resource,
                    address,
                    prefixes,
                },
                (
                    AllocationError::Reserved,
                    RequestedAddress::Static(address) | RequestedAddress::Assigned(address),
                ) => OperationError::AddressReserved {
                    resource,
                    address,
                    prefixes,
                },
                (
                    AllocationError::Taken(owner),
                    RequestedAddress::Static(address) | RequestedAddress::Assigned(address),
                ) => OperationError::AddressTaken {
                    resource,
                    address,
                    owner: self.owner_id(&owner),
                },
            }
        })
    }

    pub(super) fn release(&mut self, held: &[(SubnetId, Ipv4Addr)]) {
        for &(subnet, address) in held {
            self.subnet_mut(subnet).addresses.release(address);
        }
    }

    /// The resource that holds an address.
    pub fn owner_id(&self, owner: &AddressOwner) -> ResourceId {
        match owner {
            AddressOwner::Nic(nic, _) => self.nics[*nic].id.clone(),
            AddressOwner::LoadBalancer(balancer, _) => self.load_balancers[*balancer].id.clone(),
            AddressOwner::Other(id) => id.clone(),
        }
    }
}
