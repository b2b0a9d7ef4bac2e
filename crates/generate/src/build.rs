//! From a plan to a network, through the operations of `model`: what Azure would refuse is refused here.
//!
//! | module | what it makes |
//! |---|---|
//! | this one | groups, tables, virtual networks with their links |
//! | `hubs` | what forwards in hubs, and gateways with their sites |
//! | `machines` | VMs with their NICs |
//! | `outbound` | public addresses and NAT gateways |

mod hubs;
mod machines;
mod outbound;

use model::{
    ApplicationSecurityGroup, AsgId, DeploymentModel, LoadBalancerId, Location, NatGatewayId,
    Network, NetworkSecurityGroup, NsgId, OperationError, PeeringFlags, PeeringScope, ResourceId,
    RouteTable, RouteTableId, SubnetId, SubnetRequest, VirtualNetworkRequest, VnetId,
};

use crate::groups::Groups;
use crate::plan::Plan;
use crate::random::{Purpose, Random};
use crate::routes::{self, Use};
use crate::rules::{self, Surroundings};
use crate::sizes::{Sizes, Topology};
use outbound::PublicAddresses;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
const RESOURCE_GROUP: &str = "rg1";

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
        balancers: Vec::with_capacity(plan.groups.len()),
        public: PublicAddresses::default(),
    };
    builder.application_groups()?;
    builder.security_groups()?;
    let tables = builder.route_tables()?;
    let nat_gateways = builder.nat_gateways()?;
    builder.virtual_networks(&tables, &nat_gateways)?;
    builder.gateways()?;
    builder.forwarders()?;
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
    /// Of each group, where its appliances are behind one.
    balancers: Vec<Option<LoadBalancerId>>,
    public: PublicAddresses,
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
                )
                .into(),
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

    fn virtual_networks(
        &mut self,
        tables: &[Option<RouteTableId>],
        nat_gateways: &[Option<NatGatewayId>],
    ) -> Result<(), OperationError> {
        for vnet in &self.plan.vnets {
            let subnets = vnet.subnets.clone().map(|number| {
                let subnet = &self.plan.subnets[number];
                SubnetRequest {
                    network_security_group: self.groups.of_subnets[number]
                        .map(|group| self.nsgs[group]),
                    route_table: tables[number],
                    nat_gateway: nat_gateways[number],
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
}
