//! VMs, each with its NIC: appliances, and those that do not forward.

use std::fmt::Write;
use std::net::Ipv4Addr;

use model::{
    IpConfigurationRequest, NicRequest, OperationError, PowerState, RequestedAddress,
    VirtualMachineRequest,
};

use super::hubs::POOL;
use super::{Builder, id, network_id};
use crate::plan::Role;
use crate::random::Purpose;

/// A VM that does not forward.
struct Machine {
    /// Among those that do not forward.
    number: usize,
    /// Its subnet in the plan.
    place: usize,
    /// Among those of its subnet.
    nic: usize,
    power: PowerState,
    second_address: Option<Ipv4Addr>,
    /// Whether it has a public address; `None`: chance decides.
    public: Option<bool>,
}

impl Builder<'_> {
    pub(super) fn machines(&mut self) -> Result<(), OperationError> {
        let count = self.sizes.machines();
        let mut stopped = self
            .random(Purpose::Stopped, 0)
            .some_of(self.sizes.stopped_share.at_least(count), count)
            .into_iter()
            .peekable();
        let with_public = self.sizes.public_address_share.map(|share| {
            let mut random = self.random(Purpose::PublicAddresses, 0);
            random.some_of(share.of(count), count)
        });
        let mut with_public = with_public.map(|numbers| numbers.into_iter().peekable());
        let mut second = self.plan.second_addresses.iter().copied().peekable();
        let mut number = 0;
        for (place, subnet) in self.plan.subnets.iter().enumerate() {
            if subnet.role == Role::Appliances {
                for position in 0..subnet.nics {
                    self.appliance(place, position)?;
                }
                continue;
            }
            let mut further = subnet.nics;
            for nic in 0..subnet.nics {
                let power = match stopped.next_if_eq(&number) {
                    Some(_) if number % 5 == 0 => PowerState::Stopped,
                    Some(_) => PowerState::Deallocated,
                    None => PowerState::Running,
                };
                let second_address = second.next_if_eq(&number).map(|_| {
                    further += 1;
                    subnet.address(further - 1)
                });
                let public = with_public
                    .as_mut()
                    .map(|numbers| numbers.next_if_eq(&number).is_some());
                self.machine(&Machine {
                    number,
                    place,
                    nic,
                    power,
                    second_address,
                    public,
                })?;
                number += 1;
            }
        }
        Ok(())
    }

    /// A VM that forwards, at a fixed address: the first or second of its hub.
    fn appliance(&mut self, place: usize, position: usize) -> Result<(), OperationError> {
        let subnet = &self.plan.subnets[place];
        let vnet = &self.plan.vnets[subnet.vnet];
        let location = self.location(vnet.group);
        let mut name = format!("{}-appliance", vnet.name);
        let mut own = None;
        if position > 0 {
            let _ = write!(name, "-{}", position + 1);
            // Here and there the second is not as the first: somebody has given it an NSG.
            let mut random = self.random(Purpose::SecondAppliances, vnet.group);
            if random.percent(30) {
                own = self.groups.one_of(vnet.group, &mut random);
            }
        }
        let pools = self.balancers[vnet.group].map(|balancer| (balancer, POOL.to_owned()));
        let nic = NicRequest {
            location: location.clone(),
            network_security_group: own.map(|number| self.nsgs[number]),
            ip_configurations: vec![IpConfigurationRequest {
                address: RequestedAddress::Static(subnet.address(position)),
                backend_pools: pools.into_iter().collect(),
                ..IpConfigurationRequest::new("ipconfig1", self.subnets[place])
            }],
            ip_forwarding: true,
            ..NicRequest::new(
                network_id("networkInterfaces", &format!("{name}-nic")),
                self.subnets[place],
            )
        };
        let nic = self.network.create_nic(nic)?;
        self.network.create_virtual_machine(VirtualMachineRequest {
            location,
            ..VirtualMachineRequest::new(id("Microsoft.Compute/virtualMachines", &name), vec![nic])
        })?;
        Ok(())
    }

    fn machine(&mut self, machine: &Machine) -> Result<(), OperationError> {
        let &Machine { number, place, .. } = machine;
        let vnet = self.plan.subnets[place].vnet;
        let group = self.plan.vnets[vnet].group;
        let location = self.location(group);
        let mut random = self.random(Purpose::Nic, number);
        let own = match self.groups.at_home(place, machine.nic) {
            None if random.percent(3) => self.groups.one_of(group, &mut random),
            home => home,
        };
        let asg = match self.asgs[vnet].as_slice() {
            [web, _] if random.percent(40) => Some(*web),
            [_, data] if random.percent(40) => Some(*data),
            _ => None,
        };
        let name = format!("vm-{:05}", number + 1);
        let named = format!("{name}-ip");
        let public_ip = match machine.public {
            None if random.below(400) == 0 => self.public_ip(&named, group)?,
            Some(true) => match self.public_ip(&named, group)? {
                None => Some(self.certain_public_ip(&named, group)?),
                given => given,
            },
            None | Some(false) => None,
        };
        let mut ip_configurations = vec![IpConfigurationRequest {
            public_ip,
            application_security_groups: asg.into_iter().collect(),
            ..IpConfigurationRequest::new("ipconfig1", self.subnets[place])
        }];
        if let Some(address) = machine.second_address {
            ip_configurations.push(IpConfigurationRequest {
                address: RequestedAddress::Static(address),
                // All configurations of a NIC are in the same groups.
                application_security_groups: asg.into_iter().collect(),
                primary: false,
                ..IpConfigurationRequest::new("ipconfig2", self.subnets[place])
            });
        }
        let request = NicRequest {
            location: location.clone(),
            network_security_group: own.map(|number| self.nsgs[number]),
            ip_configurations,
            ..NicRequest::new(
                network_id("networkInterfaces", &format!("{name}-nic")),
                self.subnets[place],
            )
        };
        let nic = self.network.create_nic(request)?;
        self.network.create_virtual_machine(VirtualMachineRequest {
            location,
            power: machine.power,
            ..VirtualMachineRequest::new(id("Microsoft.Compute/virtualMachines", &name), vec![nic])
        })?;
        Ok(())
    }
}
