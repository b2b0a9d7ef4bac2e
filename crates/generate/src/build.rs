//! From a plan to a network, through the operations of `model`: what Azure would refuse is refused here.

use std::net::Ipv4Addr;

use model::gateway::DEFAULT_ASN;
use model::{
    ApplicationSecurityGroup, AsgId, Connection, ConnectionPeer, ConnectionType, DeploymentModel,
    GatewayRequest, GatewayType, IpConfigurationRequest, LocalNetworkGateway, Location, Network,
    NetworkSecurityGroup, NicRequest, NsgId, OperationError, PeeringFlags, PeeringScope,
    PowerState, PublicIpAddress, PublicIpId, RequestedAddress, ResourceId, RouteTable,
    RouteTableId, Sku, SubnetId, SubnetRequest, VirtualMachineRequest, VirtualNetworkRequest,
    VnetId, VpnType,
};

use crate::groups::Groups;
use crate::plan::{Plan, Role};
use crate::random::{Purpose, Random};
use crate::routes::{self, Use};
use crate::rules::{self, Surroundings, site};
use crate::sizes::{Sizes, Topology};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
const RESOURCE_GROUP: &str = "rg1";
/// Ranges for documentation (RFC 5737): where public addresses come from, as long as there are any.
const PUBLIC: [Ipv4Addr; 3] = [
    Ipv4Addr::new(203, 0, 113, 0),
    Ipv4Addr::new(198, 51, 100, 0),
    Ipv4Addr::new(192, 0, 2, 0),
];
/// Out of a hundred VMs, so many are stopped.
const STOPPED: usize = 2;

/// Makes the resources of a plan.
pub(crate) fn network(seed: u64, sizes: &Sizes, plan: &Plan) -> Result<Network, OperationError> {
    let mut builder = Builder {
        seed,
        sizes,
        plan,
        groups: Groups::new(seed, sizes, plan),
        network: Network::default(),
        vnets: Vec::with_capacity(plan.vnets.len()),
        subnets: Vec::with_capacity(plan.subnets.len()),
        asgs: Vec::with_capacity(plan.vnets.len()),
        nsgs: Vec::with_capacity(sizes.nsgs),
        public_ips: 0,
    };
    builder.application_groups()?;
    builder.security_groups()?;
    let tables = builder.route_tables()?;
    builder.virtual_networks(&tables)?;
    builder.gateways()?;
    builder.peerings()?;
    builder.machines()?;
    Ok(builder.network)
}

struct Builder<'a> {
    seed: u64,
    sizes: &'a Sizes,
    plan: &'a Plan,
    groups: Groups,
    network: Network,
    /// By their numbers in the plan.
    vnets: Vec<VnetId>,
    subnets: Vec<SubnetId>,
    /// Of each virtual network: for web servers and for data.
    asgs: Vec<Vec<AsgId>>,
    nsgs: Vec<NsgId>,
    public_ips: usize,
}

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group(SUBSCRIPTION, RESOURCE_GROUP, kind, name)
}

fn network_id(kind: &str, name: &str) -> ResourceId {
    id(&format!("Microsoft.Network/{kind}"), name)
}

impl Builder<'_> {
    fn random(&self, purpose: Purpose, number: usize) -> Random {
        Random::of(self.seed, purpose, number)
    }

    fn location(&self, group: usize) -> Location {
        Location::new(self.plan.groups[group].region)
    }

    /// One spoke in five has them.
    fn application_groups(&mut self) -> Result<(), OperationError> {
        for (number, vnet) in self.plan.vnets.iter().enumerate() {
            let mut asgs = Vec::new();
            let is_hub = number == self.plan.groups[vnet.group].vnets.start;
            if !is_hub && self.random(Purpose::Groups, number).percent(20) {
                for role in ["web", "data"] {
                    let name = format!("{}-{role}", vnet.name);
                    let asg = ApplicationSecurityGroup {
                        id: network_id("applicationSecurityGroups", &name),
                        location: self.location(vnet.group),
                    };
                    asgs.push(self.network.create_application_security_group(asg)?);
                }
            }
            self.asgs.push(asgs);
        }
        Ok(())
    }

    fn security_groups(&mut self) -> Result<(), OperationError> {
        for (number, home) in self.groups.homes.iter().enumerate() {
            let vnet = self.plan.subnets[home.subnet].vnet;
            let surroundings = Surroundings {
                plan: self.plan,
                subnet: home.subnet,
                asgs: &self.asgs[vnet],
                of_a_nic: home.nic.is_some(),
            };
            let mut random = self.random(Purpose::Rules, number);
            let group = NetworkSecurityGroup {
                id: network_id("networkSecurityGroups", &format!("nsg-{:04}", number + 1)),
                location: self.location(self.plan.vnets[vnet].group),
                rules: rules::rules(
                    &surroundings,
                    self.sizes.rules,
                    self.sizes.rule_overlap,
                    &mut random,
                ),
                flush_connection: false,
            };
            self.nsgs
                .push(self.network.create_network_security_group(group)?);
        }
        Ok(())
    }

    /// Makes the tables, and says which subnet has which.
    fn route_tables(&mut self) -> Result<Vec<Option<RouteTableId>>, OperationError> {
        let mut of_subnets = vec![None; self.plan.subnets.len()];
        let tables = routes::tables(self.seed, self.sizes, self.plan);
        for (number, table) in tables.iter().enumerate() {
            let mut random = self.random(Purpose::Routes, number);
            // Where everything is to go through the appliance, what a gateway has learned must not lead past it.
            let past = table.purpose == Use::Behind && random.percent(50);
            let created = RouteTable {
                id: network_id("routeTables", &format!("rt-{:04}", number + 1)),
                location: self.location(table.group),
                routes: routes::routes(self.plan, table, self.sizes, &mut random),
                gateway_propagation_disabled: past,
            };
            let key = self.network.create_route_table(created)?;
            for &subnet in &table.subnets {
                of_subnets[subnet] = Some(key);
            }
        }
        Ok(of_subnets)
    }

    fn virtual_networks(&mut self, tables: &[Option<RouteTableId>]) -> Result<(), OperationError> {
        for vnet in &self.plan.vnets {
            let subnets = vnet.subnets.clone().map(|number| {
                let subnet = &self.plan.subnets[number];
                SubnetRequest {
                    network_security_group: self.groups.of_subnets[number]
                        .map(|group| self.nsgs[group]),
                    route_table: tables[number],
                    ..SubnetRequest::new(&subnet.name, subnet.prefix)
                }
            });
            let request = VirtualNetworkRequest {
                id: network_id("virtualNetworks", &vnet.name),
                location: self.location(vnet.group),
                address_space: vnet.space.clone(),
                subnets: subnets.collect(),
                deployment_model: DeploymentModel::ResourceManager,
                flow_timeout_minutes: None,
                dns_servers: Vec::new(),
            };
            let key = self.network.create_virtual_network(request)?;
            self.vnets.push(key);
            let made = &self.network.virtual_networks()[key].subnets;
            self.subnets.extend(made);
        }
        Ok(())
    }

    /// A public address, while there are any.
    fn public_ip(
        &mut self,
        name: &str,
        group: usize,
    ) -> Result<Option<PublicIpId>, OperationError> {
        let number = self.public_ips;
        let Some(&range) = PUBLIC.get(number / 254) else {
            return Ok(None);
        };
        self.public_ips += 1;
        let offset = u32::try_from(number % 254 + 1).unwrap_or(1);
        let address = PublicIpAddress {
            id: network_id("publicIPAddresses", name),
            location: self.location(group),
            address: Some((u32::from(range) + offset).into()),
            sku: Sku::Standard,
        };
        self.network.create_public_ip(address).map(Some)
    }

    /// A VPN gateway with a site behind it, in the groups that have one.
    fn gateways(&mut self) -> Result<(), OperationError> {
        let groups = self.plan.groups.iter().enumerate();
        for (number, _) in groups.filter(|(_, group)| group.has_gateway) {
            let hub = self.plan.hub(number);
            let location = self.location(number);
            let subnet = self.subnets[hub.subnets.end - 1];
            let active_active = number % 2 == 1;
            let mut instances = Vec::new();
            for instance in 0..=usize::from(active_active) {
                let name = format!("{}-gateway-{}", hub.name, instance + 1);
                let address = self.public_ip(&name, number)?;
                instances.push((address, RequestedAddress::FirstFree));
            }
            let request = GatewayRequest {
                id: network_id("virtualNetworkGateways", &format!("{}-gateway", hub.name)),
                location,
                subnet,
                kind: GatewayType::Vpn,
                vpn_type: VpnType::RouteBased,
                active_active,
                instances,
                bgp: false,
                asn: DEFAULT_ASN,
                default_site: None,
                client_pool: Vec::new(),
                learned_routes: Vec::new(),
            };
            let gateway = self.network.create_gateway(request)?;
            let site = LocalNetworkGateway {
                id: network_id("localNetworkGateways", &format!("{}-site", hub.name)),
                prefixes: (0..=number % 3)
                    .map(|prefix| site(number * 3 + prefix))
                    .collect(),
                gateway_address: Some(Ipv4Addr::new(192, 0, 2, 254)),
                bgp_address: None,
                asn: None,
            };
            let site = self.network.create_local_gateway(site)?;
            let connection = Connection {
                id: network_id("connections", &format!("{}-to-site", hub.name)),
                kind: ConnectionType::IPsec,
                gateway,
                peer: ConnectionPeer::Site(site),
                bgp: false,
                up: true,
                routing_weight: 0,
                traffic_selectors: Vec::new(),
            };
            self.network.create_connection(connection)?;
        }
        Ok(())
    }

    fn link(&mut self, from: usize, to: usize, flags: PeeringFlags) -> Result<(), OperationError> {
        let name = format!("to-{}", self.plan.vnets[to].name);
        let remote = self.network.virtual_networks()[self.vnets[to]].id.clone();
        let scope = PeeringScope::default();
        self.network
            .create_peering(self.vnets[from], &name, &remote, flags, scope)
            .map(drop)
    }

    fn peerings(&mut self) -> Result<(), OperationError> {
        let forwarding = PeeringFlags {
            allow_forwarded_traffic: true,
            ..PeeringFlags::default()
        };
        for (number, group) in self.plan.groups.iter().enumerate() {
            let hub = group.vnets.start;
            let spokes = hub + 1..group.vnets.end;
            for spoke in spokes.clone() {
                let mut random = self.random(Purpose::Peering, spoke);
                let uses_gateway = group.has_gateway && random.percent(80);
                let of_hub = PeeringFlags {
                    // Needed only where spokes forward.
                    allow_forwarded_traffic: random.percent(10),
                    allow_gateway_transit: group.has_gateway,
                    ..PeeringFlags::default()
                };
                let of_spoke = PeeringFlags {
                    // F-2: here and there somebody has taken the hub out of the tag.
                    allow_virtual_network_access: !random.percent(2),
                    // F-6: without it nothing comes through the appliance.
                    allow_forwarded_traffic: random.percent(85),
                    use_remote_gateways: uses_gateway,
                    ..PeeringFlags::default()
                };
                self.link(hub, spoke, of_hub)?;
                self.link(spoke, hub, of_spoke)?;
            }
            // Spokes that know each other: all in a mesh, one pair in ten elsewhere.
            for spoke in spokes.clone() {
                let mut random = self.random(Purpose::Peering, self.plan.vnets.len() + spoke);
                let known = match self.sizes.topology {
                    Topology::Mesh => spoke + 1..spokes.end,
                    Topology::HubSpoke | Topology::MultiHub => {
                        let next = (spoke + 2).min(spokes.end);
                        spoke + 1..if random.percent(10) { next } else { spoke + 1 }
                    }
                };
                for other in known {
                    self.link(spoke, other, PeeringFlags::default())?;
                    self.link(other, spoke, PeeringFlags::default())?;
                }
            }
            if self.sizes.topology == Topology::MultiHub {
                for other in &self.plan.groups[..number] {
                    self.link(hub, other.vnets.start, forwarding)?;
                    self.link(other.vnets.start, hub, forwarding)?;
                }
            }
        }
        Ok(())
    }

    fn machines(&mut self) -> Result<(), OperationError> {
        let count = self.sizes.nics - self.plan.groups.len();
        let mut stopped = self
            .random(Purpose::Stopped, 0)
            .some_of((count * STOPPED).div_ceil(100).min(count), count)
            .into_iter()
            .peekable();
        let mut number = 0;
        for (place, subnet) in self.plan.subnets.iter().enumerate() {
            if subnet.role == Role::Appliances {
                self.appliance(place)?;
                continue;
            }
            for nic in 0..subnet.nics {
                let power = match stopped.next_if_eq(&number) {
                    Some(_) if number % 5 == 0 => PowerState::Stopped,
                    Some(_) => PowerState::Deallocated,
                    None => PowerState::Running,
                };
                self.machine(number, place, nic, power)?;
                number += 1;
            }
        }
        Ok(())
    }

    /// A VM that forwards, at a fixed address.
    fn appliance(&mut self, place: usize) -> Result<(), OperationError> {
        let vnet = &self.plan.vnets[self.plan.subnets[place].vnet];
        let location = self.location(vnet.group);
        let address = RequestedAddress::Static(self.plan.appliance(vnet.group));
        let name = format!("{}-appliance", vnet.name);
        let nic = NicRequest {
            location: location.clone(),
            ip_configurations: vec![IpConfigurationRequest {
                address,
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

    fn machine(
        &mut self,
        number: usize,
        place: usize,
        nic: usize,
        power: PowerState,
    ) -> Result<(), OperationError> {
        let vnet = self.plan.subnets[place].vnet;
        let group = self.plan.vnets[vnet].group;
        let location = self.location(group);
        let mut random = self.random(Purpose::Nic, number);
        let own = match self.groups.at_home(place, nic) {
            None if random.percent(3) => self.groups.one_of(group, &mut random),
            home => home,
        };
        let asg = match self.asgs[vnet].as_slice() {
            [web, _] if random.percent(40) => Some(*web),
            [_, data] if random.percent(40) => Some(*data),
            _ => None,
        };
        let name = format!("vm-{:05}", number + 1);
        let public_ip = if random.below(400) == 0 {
            self.public_ip(&format!("{name}-ip"), group)?
        } else {
            None
        };
        let request = NicRequest {
            location: location.clone(),
            network_security_group: own.map(|number| self.nsgs[number]),
            ip_configurations: vec![IpConfigurationRequest {
                public_ip,
                application_security_groups: asg.into_iter().collect(),
                ..IpConfigurationRequest::new("ipconfig1", self.subnets[place])
            }],
            ..NicRequest::new(
                network_id("networkInterfaces", &format!("{name}-nic")),
                self.subnets[place],
            )
        };
        let nic = self.network.create_nic(request)?;
        self.network.create_virtual_machine(VirtualMachineRequest {
            location,
            power,
            ..VirtualMachineRequest::new(id("Microsoft.Compute/virtualMachines", &name), vec![nic])
        })?;
        Ok(())
    }
}
