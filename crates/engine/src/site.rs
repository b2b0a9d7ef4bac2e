//! What a NIC is called and where it stands: all that a driver needs to know of it beside its tables.

use model::table::Resource;
use model::{Location, Network, NicId, NicOwner, OutsidePlace};

use crate::time::SimDuration;

/// A NIC as people and captures see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `vm/nic`; the gateway or firewall for its hidden NICs; the NIC alone if it belongs to nothing.
    pub name: String,
    /// Primary address and subnet: `10.1.1.4 in SalesVNet/Apps`.
    pub description: String,
    region: Location,
    zone: Option<String>,
    /// One way to where it is joined to Azure, for hosts outside.
    outside: Option<Distance>,
}

/// Where one end of a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// Azure region, as location id or display name (`northeurope`, `North Europe`); `None` if the input does not say.
    pub region: Option<&'a str>,
    /// Availability zone (`1`, `2`, `3`); `None` for regional resources. Zones are compared as given: the logical numbers of
    /// two subscriptions may name different buildings.
    pub zone: Option<&'a str>,
}

/// How far a host outside Azure is from where it is joined to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// As far as the user says.
    Given(SimDuration),
    /// As far as the latency model puts the Internet.
    Internet,
}

impl Site {
    /// The site of a NIC; `None` if it was deleted.
    pub fn of(network: &Network, nic: NicId) -> Option<Self> {
        let Some(interface) = network.nics().get(nic) else {
            return Self::of_outside_host(network, nic);
        };
        let (name, location, zone) = match interface.owner {
            NicOwner::VirtualMachine(vm) => {
                let vm = &network.virtual_machines()[vm];
                let name = format!("{}/{}", vm.name(), interface.name());
                (name, &vm.location, vm.zone.clone())
            }
            NicOwner::VirtualNetworkAppliance(appliance) => {
                let appliance = &network.routing_appliances()[appliance];
                (appliance.name().to_owned(), &appliance.location, None)
            }
            NicOwner::AzureFirewall(firewall) => {
                let firewall = &network.firewalls()[firewall];
                (firewall.name().to_owned(), &firewall.location, None)
            }
            NicOwner::GatewayInstance(gateway, instance) => {
                let gateway = &network.gateways()[gateway];
                let name = format!("{}/instance{instance}", gateway.name());
                (name, &gateway.location, None)
            }
            NicOwner::PrivateEndpoint(endpoint) => {
                let endpoint = &network.private_endpoints()[endpoint];
                (endpoint.name().to_owned(), &endpoint.location, None)
            }
            NicOwner::Unattached => (interface.name().to_owned(), &interface.location, None),
        };
        let vnet = &network.virtual_networks()[interface.virtual_network];
        // A NIC is in the region of its network; the input may tell only one of the three.
        let region = [location, &interface.location, &vnet.location]
            .into_iter()
            .find(|location| !location.is_unknown())
            .cloned()
            .unwrap_or_default();
        let subnet = &network.subnets()[interface.subnet()];
        Some(Self {
            name,
            description: format!(
                "{} in {}/{}",
                interface.primary_address(),
                vnet.name(),
                subnet.name()
            ),
            region,
            zone,
            outside: None,
        })
    }

    fn of_outside_host(network: &Network, station: NicId) -> Option<Self> {
        let host = network.outside_host(station)?;
        let (place, latency_us) = match host.place {
            OutsidePlace::OnPremises(site) => {
                let site = &network.on_premises()[site];
                (site.name(), site.latency_us)
            }
            OutsidePlace::VpnClient(gateway) => (
                network.gateways()[gateway].name(),
                network
                    .vpn_client(station)
                    .map_or(0, |client| client.latency_us),
            ),
            OutsidePlace::Internet => ("", 0),
        };
        let distance = match host.place {
            OutsidePlace::Internet => Distance::Internet,
            OutsidePlace::OnPremises(_) | OutsidePlace::VpnClient(_) => {
                Distance::Given(SimDuration::from_microseconds(latency_us.into()))
            }
        };
        let name = if place.is_empty() {
            host.name.clone()
        } else {
            format!("{place}/{}", host.name)
        };
        Some(Self {
            name,
            description: format!("{} outside Azure", host.address),
            region: Location::default(),
            zone: None,
            outside: Some(distance),
        })
    }

    /// One way to where it is joined to Azure; `None` for what is in Azure.
    pub fn outside(&self) -> Option<Distance> {
        self.outside
    }

    /// Where it stands, for the latency model.
    pub fn place(&self) -> Place<'_> {
        Place {
            region: (!self.region.is_unknown()).then(|| self.region.as_str()),
            zone: self.zone.as_deref(),
        }
    }
}
