//! What is special about hubs: VPN gateways with the sites behind them, and what forwards between the spokes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::delivery::LoadBalancingRule;
use model::gateway::DEFAULT_ASN;
use model::on_premises::ON_PREMISES;
use model::{
    BackendPool, Connection, ConnectionPeer, ConnectionType, FirewallPolicy, FirewallRequest,
    FrontendRequest, GatewayId, GatewayRequest, GatewayType, HealthProbe, IpConfigurationRequest,
    IpGroup, LoadBalancerId, LoadBalancerRequest, LocalNetworkGateway, OnPremisesRequest,
    OperationError, RequestedAddress, ResourceId, Sku, VpnType,
};

use super::{Builder, id, network_id};
use crate::firewall_rules;
use crate::plan::{Forwarder, part};
use crate::random::Purpose;
use crate::rules::site;

/// The pool of appliances behind a load balancer.
pub(super) const POOL: &str = "appliances";
/// Out of so many firewalls one has rules of its own in place of a policy, as older ones do.
const CLASSIC: usize = 4;

impl Builder<'_> {
    /// A VPN gateway with a site behind it, in the groups that have one.
    pub(super) fn gateways(&mut self) -> Result<(), OperationError> {
        let groups = self.plan.groups.iter().enumerate();
        let with_gateway = groups.filter(|(_, group)| group.has_gateway);
        for (position, (number, _)) in with_gateway.enumerate() {
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
            let prefixes: Vec<Ipv4Net> = (0..=number % 3)
                .map(|prefix| site(number * 3 + prefix))
                .collect();
            self.on_premises(position, number, gateway, &prefixes)?;
            let site = LocalNetworkGateway {
                id: network_id("localNetworkGateways", &format!("{}-site", hub.name)),
                prefixes,
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

    /// The site behind a gateway with its share of the hosts, if there are any. `position` is the gateway's among all gateways.
    fn on_premises(
        &mut self,
        position: usize,
        group: usize,
        gateway: GatewayId,
        prefixes: &[Ipv4Net],
    ) -> Result<(), OperationError> {
        let hosts = part(
            self.sizes.on_premises_hosts,
            position,
            self.sizes.gateways(),
        )
        .len();
        if self.sizes.on_premises_hosts == 0 {
            return Ok(());
        }
        let hosts = (0..hosts).map(|host| {
            let prefix = prefixes[host % prefixes.len()];
            let offset = u32::try_from(host / prefixes.len() + 1).unwrap_or(u32::MAX);
            let address = u32::from(prefix.network()).saturating_add(offset);
            (format!("host-{:03}", host + 1), address.into())
        });
        let name = format!("{}-site", self.plan.hub(group).name);
        self.network.create_on_premises(OnPremisesRequest {
            id: id(ON_PREMISES, &name),
            gateway,
            prefixes: prefixes.to_vec(),
            knows: None,
            hosts: hosts.collect(),
            latency_us: 12_000,
        })?;
        Ok(())
    }

    /// Load balancers and firewalls; appliances are VMs and come with them.
    pub(super) fn forwarders(&mut self) -> Result<(), OperationError> {
        let mut base = None;
        let mut firewalls = 0;
        for (number, group) in self.plan.groups.iter().enumerate() {
            let balancer = match group.forwarder {
                Forwarder::Appliance => None,
                Forwarder::Balanced => Some(self.load_balancer(number)?),
                Forwarder::Firewall => {
                    firewalls += 1;
                    let base = match &base {
                        Some(base) => base,
                        None => base.insert(self.base_policy(number)?),
                    };
                    let base = base.clone();
                    self.firewall(number, firewalls % CLASSIC == 0, base)?;
                    None
                }
            };
            self.balancers.push(balancer);
        }
        Ok(())
    }

    /// Every port of the frontend leads to the appliances of the hub.
    fn load_balancer(&mut self, group: usize) -> Result<LoadBalancerId, OperationError> {
        let hub = self.plan.hub(group);
        let address = RequestedAddress::Static(self.plan.next_hop(group));
        let frontend = FrontendRequest::Private(self.subnets[hub.subnets.start], address);
        self.network.create_load_balancer(LoadBalancerRequest {
            id: network_id("loadBalancers", &format!("{}-lb", hub.name)),
            location: self.location(group),
            sku: Sku::Standard,
            frontends: vec![("frontend".to_owned(), frontend)],
            pools: vec![BackendPool {
                name: POOL.to_owned(),
                addresses: Vec::new(),
            }],
            rules: vec![LoadBalancingRule {
                name: "all-ports".to_owned(),
                frontend: "frontend".to_owned(),
                pool: POOL.to_owned(),
                protocol: None,
                frontend_port: 0,
                backend_port: 0,
                floating_ip: false,
                probe: Some("ssh".to_owned()),
                disable_outbound_snat: false,
            }],
            probes: vec![HealthProbe {
                name: "ssh".to_owned(),
                protocol: "Tcp".to_owned(),
                port: 22,
            }],
            inbound_nat_rules: Vec::new(),
            outbound_rules: Vec::new(),
        })
    }

    /// What every policy begins with; it lies where the first firewall does.
    fn base_policy(&mut self, group: usize) -> Result<ResourceId, OperationError> {
        let id = network_id("firewallPolicies", "firewall-base");
        self.network.create_firewall_policy(FirewallPolicy {
            id: id.clone(),
            location: self.location(group),
            base: None,
            private_ranges: None,
            groups: firewall_rules::of_everybody(),
            incomplete: false,
        })?;
        Ok(id)
    }

    fn firewall(
        &mut self,
        group: usize,
        classic: bool,
        base: ResourceId,
    ) -> Result<(), OperationError> {
        let hub = self.plan.hub(group);
        let location = self.location(group);
        let spokes = network_id("ipGroups", &format!("{}-spokes", hub.name));
        self.network.create_ip_group(IpGroup {
            id: spokes.clone(),
            location: location.clone(),
            prefixes: self.plan.vnets[self.plan.groups[group].vnets.clone()]
                .iter()
                .skip(1)
                .flat_map(|vnet| vnet.space.iter().copied())
                .collect(),
        })?;
        let mut random = self.random(Purpose::FirewallRules, group);
        let groups = firewall_rules::of_a_hub(self.plan, group, &spokes, &mut random);
        let mut classic_collections = Vec::new();
        let policy = if classic {
            classic_collections.extend(groups.into_iter().flat_map(|group| group.collections));
            None
        } else {
            let policy = network_id("firewallPolicies", &format!("{}-policy", hub.name));
            self.network.create_firewall_policy(FirewallPolicy {
                id: policy.clone(),
                location: location.clone(),
                base: Some(base),
                private_ranges: None,
                groups,
                incomplete: false,
            })?;
            Some(policy)
        };
        let public_ip = self.certain_public_ip(&format!("{}-firewall-ip", hub.name), group)?;
        self.network.create_firewall(FirewallRequest {
            id: network_id("azureFirewalls", &format!("{}-firewall", hub.name)),
            location,
            configuration: IpConfigurationRequest {
                public_ip: Some(public_ip),
                ..IpConfigurationRequest::new("ipconfig1", self.subnets[hub.subnets.start])
            },
            policy,
            classic_collections,
            classic_private_ranges: None,
            public_ips: vec![public_ip],
        })?;
        Ok(())
    }
}
