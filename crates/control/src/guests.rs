//! What stands behind NICs, and how they reach the Internet.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::Ipv4Net;
use model::{GuestRole, Network, NetworkInterface, NicId, NicOwner, StationId, VmId};

use crate::few::Few;
use crate::load_balancers::Frontends;
use crate::snapshot::{Guest, GuestId, GuestKind, InternetAccess};

/// All guests, and the one behind each NIC.
#[derive(Default)]
pub(crate) struct Guests {
    pub(crate) guests: Vec<Guest>,
    of_vm: HashMap<VmId, GuestId>,
}

impl Guests {
    /// The guest behind a NIC, made when it is first met: guests are numbered in the order of their NICs.
    pub(crate) fn behind(
        &mut self,
        network: &Network,
        key: NicId,
        nic: &NetworkInterface,
    ) -> GuestId {
        let (kind, running) = match nic.owner {
            NicOwner::VirtualMachine(vm) => {
                if let Some(&known) = self.of_vm.get(&vm) {
                    return known;
                }
                let id = self.add(machine(network, vm));
                self.of_vm.insert(vm, id);
                return id;
            }
            NicOwner::VirtualNetworkAppliance(appliance) => {
                (GuestKind::RoutingAppliance(appliance), true)
            }
            NicOwner::AzureFirewall(firewall) => (GuestKind::Firewall(firewall), true),
            NicOwner::GatewayInstance(gateway, _) => (GuestKind::Gateway(gateway), true),
            NicOwner::PrivateEndpoint(_) => (GuestKind::PrivateEndpoint, true),
            NicOwner::Unattached => (GuestKind::Nobody, false),
        };
        self.add(Guest {
            kind,
            nics: Few::One(key),
            connected: connected(network, &[key]),
            running,
            listen: None,
        })
    }

    /// The guest that is a host outside Azure. It listens to everything.
    pub(crate) fn outside(&mut self, station: StationId) -> GuestId {
        self.add(Guest {
            kind: GuestKind::Outside,
            nics: Few::One(station),
            connected: Few::default(),
            running: true,
            listen: None,
        })
    }

    fn add(&mut self, guest: Guest) -> GuestId {
        let id = GuestId(u32::try_from(self.guests.len()).expect("fewer than 2^32 guests"));
        self.guests.push(guest);
        id
    }
}

fn machine(network: &Network, vm: VmId) -> Guest {
    let machine = &network.virtual_machines()[vm];
    let kind = match network.guest_role(vm) {
        GuestRole::Host => GuestKind::Host(vm),
        GuestRole::Appliance => GuestKind::Appliance {
            vm,
            source_nat: machine.guest.source_nat,
            stateful: machine.guest.stateful,
        },
    };
    Guest {
        kind,
        nics: machine.nics.iter().copied().collect(),
        connected: connected(network, &machine.nics),
        running: machine.is_running(),
        listen: machine.guest.listen.clone().map(Arc::new),
    }
}

/// N-3: the subnets that a guest reaches directly, each through the NIC that lies in it.
fn connected(network: &Network, nics: &[NicId]) -> Few<(Ipv4Net, NicId)> {
    let mut connected: Vec<(Ipv4Net, NicId)> = Vec::new();
    for &nic in nics {
        for configuration in &network.nics()[nic].ip_configurations {
            for &prefix in &network.subnets()[configuration.subnet].prefixes {
                // Of two NICs in one subnet the first, and so the primary, is used.
                if !connected.iter().any(|&(known, _)| known == prefix) {
                    connected.push((prefix, nic));
                }
            }
        }
    }
    connected.into_iter().collect()
}

/// N-12, in the order of precedence.
pub(crate) fn internet_access(
    network: &Network,
    frontends: &Frontends,
    key: NicId,
    nic: &NetworkInterface,
) -> InternetAccess {
    let subnet = &network.subnets()[nic.subnet()];
    if subnet.nat_gateway.is_some() {
        return InternetAccess::NatGateway;
    }
    if nic
        .ip_configurations
        .iter()
        .any(|configuration| configuration.public_ip.is_some())
    {
        return InternetAccess::PublicAddress;
    }
    if let Some(pooled) = frontends.pooled(key) {
        if pooled.way_out.is_some() {
            return InternetAccess::LoadBalancer;
        }
        if pooled.standard {
            // Members of a Standard load balancer have no default outbound access.
            return InternetAccess::None;
        }
    }
    // Subnets without the property are older than the change to private subnets, or the input does not say.
    match subnet.default_outbound_access {
        Some(true) | None => InternetAccess::Default,
        Some(false) => InternetAccess::None,
    }
}
