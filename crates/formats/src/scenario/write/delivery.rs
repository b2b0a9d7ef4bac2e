//! Load balancers, private endpoints, and what only holds addresses, as a scenario has them.

use std::collections::BTreeMap;

use model::{AddressOwner, FrontendAddress, InboundNatTarget, NicId, ResourceId};

use super::super::shapes::{self, Named, OneOrMany};
use super::{Writer, location, set};
use crate::resources::kind::Kind;

impl Writer<'_> {
    pub(super) fn load_balancers(&self) -> Named<shapes::LoadBalancer> {
        let frontend = |frontend: &model::Frontend| {
            let shape = match frontend.address {
                FrontendAddress::Private(subnet, address) => shapes::Frontend {
                    subnet: Some(self.subnet(subnet)),
                    address: Some(address.to_string()),
                    ..shapes::Frontend::default()
                },
                FrontendAddress::Public(address) => shapes::Frontend {
                    public_ip: self.public_ip(address),
                    ..shapes::Frontend::default()
                },
            };
            (frontend.name.clone(), shape)
        };
        let rule = |rule: &model::delivery::LoadBalancingRule| shapes::LoadBalancingRule {
            name: Some(rule.name.clone()),
            frontend: Some(rule.frontend.clone()),
            pool: Some(rule.pool.clone()),
            protocol: Some(balanced(rule.protocol)),
            frontend_port: Some(rule.frontend_port),
            backend_port: Some(rule.backend_port),
            floating_ip: set(rule.floating_ip),
            probe: rule.probe.clone(),
            disable_outbound_snat: set(rule.disable_outbound_snat),
        };
        let probe = |probe: &model::HealthProbe| shapes::HealthProbe {
            name: Some(probe.name.clone()),
            protocol: Some(probe.protocol.clone()),
            port: Some(probe.port),
        };
        let outbound_rule = |rule: &model::OutboundRule| shapes::OutboundRule {
            name: Some(rule.name.clone()),
            frontends: rule.frontends.clone(),
            pool: Some(rule.pool.clone()),
            protocol: Some(balanced(rule.protocol)),
        };
        self.named(self.network.load_balancers().values(), |balancer| {
            shapes::LoadBalancer {
                location: location(&balancer.location),
                sku: Some(balancer.sku.to_string()),
                frontends: Named(balancer.frontends.iter().map(frontend).collect()),
                pools: balancer
                    .pools
                    .iter()
                    .map(|pool| pool.name.clone())
                    .collect(),
                pool_addresses: balancer
                    .pools
                    .iter()
                    .flat_map(|pool| self.pool_addresses(pool))
                    .collect(),
                rules: balancer.rules.iter().map(rule).collect(),
                probes: balancer.probes.iter().map(probe).collect(),
                inbound_nat_rules: balancer
                    .inbound_nat_rules
                    .iter()
                    .map(inbound_nat_rule)
                    .collect(),
                outbound_rules: balancer.outbound_rules.iter().map(outbound_rule).collect(),
                ..shapes::LoadBalancer::default()
            }
        })
    }

    pub(super) fn pool_addresses<'p>(
        &'p self,
        pool: &'p model::BackendPool,
    ) -> impl Iterator<Item = shapes::PoolAddress> + 'p {
        pool.addresses.iter().map(|member| shapes::PoolAddress {
            pool: Some(pool.name.clone()),
            address: Some(member.address.to_string()),
            virtual_network: member
                .virtual_network
                .map(|key| self.network.virtual_networks()[key].id.to_string()),
        })
    }

    /// The inbound NAT rules whose packets are for an IP configuration, by its position at its NIC.
    pub(super) fn aimed_at(&self, nic: NicId, position: usize) -> Vec<String> {
        let target = InboundNatTarget::Configuration(nic, position);
        self.network
            .load_balancers()
            .values()
            .flat_map(|balancer| {
                let rules = balancer.inbound_nat_rules.iter();
                let rules = rules.filter(|rule| rule.target == target);
                rules.map(|rule| balancer.id.child("inboundNatRules", &rule.name).to_string())
            })
            .collect()
    }

    /// Addresses of resources whose packets are not simulated, by resource in the order of their ids.
    pub(super) fn private_endpoints(&self) -> Named<shapes::PrivateEndpoint> {
        let network = self.network;
        self.named(network.private_endpoints().values(), |endpoint| {
            let nic = &network.nics()[endpoint.nic];
            let listed = nic.is_listed();
            let addresses: Vec<String> =
                nic.addresses().map(|address| address.to_string()).collect();
            shapes::PrivateEndpoint {
                location: location(&endpoint.location),
                subnet: (!listed).then(|| self.subnet(nic.subnet())),
                addresses: (!listed).then_some(OneOrMany::Many(addresses)),
                nic: listed.then(|| nic.id.to_string()),
                service: endpoint.service.clone(),
                ..shapes::PrivateEndpoint::default()
            }
        })
    }

    pub(super) fn holders(&self, kind: Kind) -> Named<shapes::AddressHolder> {
        let mut holders: BTreeMap<&ResourceId, Vec<shapes::HeldAddress>> = BTreeMap::new();
        for subnet in self.network.subnets().values() {
            for (address, owner) in subnet.addresses.iter() {
                if let AddressOwner::Other(id) = owner
                    && Kind::of_id(id) == kind
                {
                    let held = shapes::HeldAddress {
                        subnet: Some(subnet.id.to_string()),
                        address: Some(address.to_string()),
                    };
                    holders.entry(id).or_default().push(held);
                }
            }
        }
        let shape = |addresses| shapes::AddressHolder {
            addresses,
            ..shapes::AddressHolder::default()
        };
        Named(
            holders
                .into_iter()
                .map(|(id, addresses)| (self.key(id), shape(addresses)))
                .collect(),
        )
    }
}

/// The protocol of a load balancer's rule.
fn balanced(protocol: Option<u8>) -> shapes::LoadBalancedProtocol {
    shapes::LoadBalancedProtocol(match protocol {
        Some(6) => "Tcp",
        Some(17) => "Udp",
        _ => "All",
    })
}

fn inbound_nat_rule(rule: &model::InboundNatRule) -> shapes::InboundNatRule {
    let (start, end) = (*rule.frontend_ports.start(), *rule.frontend_ports.end());
    let pool = match &rule.target {
        InboundNatTarget::Pool(pool) => Some(pool.clone()),
        InboundNatTarget::Nobody | InboundNatTarget::Configuration(..) => None,
    };
    shapes::InboundNatRule {
        name: Some(rule.name.clone()),
        frontend: Some(rule.frontend.clone()),
        protocol: Some(balanced(rule.protocol)),
        frontend_port: (start == end).then_some(start),
        frontend_port_range_start: (start != end).then_some(start),
        frontend_port_range_end: (start != end).then_some(end),
        backend_port: Some(rule.backend_port),
        pool,
        floating_ip: set(rule.floating_ip),
    }
}
