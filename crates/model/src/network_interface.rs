//! Network interfaces and their IP configurations.

use std::net::Ipv4Addr;

use crate::id::ResourceId;
use crate::spelling::AllocationMethod;
use crate::table::{
    AsgId, FirewallId, GatewayId, LoadBalancerId, NsgId, PrivateEndpointId, PublicIpId, Resource,
    SubnetId, VirtualNetworkApplianceId, VmId, VnetId,
};
use crate::virtual_network::Location;

/// What a NIC belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicOwner {
    /// Nothing yet: packets to it find no running guest.
    Unattached,
    /// A virtual machine.
    VirtualMachine(VmId),
    /// An Azure firewall; the NIC is hidden: Azure shows no such resource.
    AzureFirewall(FirewallId),
    /// A managed routing appliance (G-12); the NIC is hidden.
    VirtualNetworkAppliance(VirtualNetworkApplianceId),
    /// An instance of a virtual network gateway, by its number; the NIC is hidden.
    GatewayInstance(GatewayId, u8),
    /// A private endpoint; the NIC is hidden unless the input has it.
    PrivateEndpoint(PrivateEndpointId),
}

/// A network interface: one worker of the simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// The network of all its IP configurations.
    pub virtual_network: VnetId,
    /// Never empty; all in one virtual network.
    pub ip_configurations: Vec<IpConfiguration>,
    /// Rules of this NIC alone (S-9).
    pub network_security_group: Option<NsgId>,
    /// `enableIPForwarding`: may send from and receive for addresses that are not its own (N-1).
    pub ip_forwarding: bool,
    /// `disableTcpStateTracking` (S-20).
    pub tcp_state_tracking_disabled: bool,
    /// What it belongs to.
    pub owner: NicOwner,
    /// `macAddress` as Azure prints it (`00-0D-3A-...`), where the input has one.
    pub mac_address: Option<[u8; 6]>,
}

/// One address of a NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpConfiguration {
    /// Name, unique in the NIC.
    pub name: String,
    /// The subnet it lies in.
    pub subnet: SubnetId,
    /// The private address.
    pub private_address: Ipv4Addr,
    /// Whether Azure or the user chose the address.
    pub allocation: AllocationMethod,
    /// Public address that is translated to this one (N-13).
    pub public_ip: Option<PublicIpId>,
    /// Application security groups of which this configuration is a member (S-30).
    pub application_security_groups: Vec<AsgId>,
    /// Back-end pools of which this configuration is a member, by load balancer and name of the pool.
    pub backend_pools: Vec<(LoadBalancerId, String)>,
    /// Exactly one configuration of a NIC is primary; the guest sends from it.
    pub primary: bool,
}

impl Resource for NetworkInterface {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl NetworkInterface {
    /// The primary IP configuration.
    pub fn primary(&self) -> &IpConfiguration {
        self.ip_configurations
            .iter()
            .find(|configuration| configuration.primary)
            .unwrap_or(&self.ip_configurations[0])
    }

    /// The address the guest sends from unless told otherwise (N-2).
    pub fn primary_address(&self) -> Ipv4Addr {
        self.primary().private_address
    }

    /// All private addresses, in the order of the configurations.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.ip_configurations
            .iter()
            .map(|configuration| configuration.private_address)
    }

    /// The subnet of the primary configuration: its route table and NSG hold for the NIC.
    pub fn subnet(&self) -> SubnetId {
        self.primary().subnet
    }

    /// False for the hidden NICs of firewalls, gateway instances and private endpoints, which Azure or the input does not list.
    pub fn is_listed(&self) -> bool {
        match self.owner {
            NicOwner::Unattached | NicOwner::VirtualMachine(_) => true,
            NicOwner::AzureFirewall(_)
            | NicOwner::VirtualNetworkAppliance(_)
            | NicOwner::GatewayInstance(..) => false,
            NicOwner::PrivateEndpoint(_) => !self
                .id
                .kind()
                .to_ascii_lowercase()
                .contains("/privateendpoints/"),
        }
    }
}
