//! Public addresses, load balancers, NAT gateways.

use model::delivery::LoadBalancingRule;
use model::{
    BackendPool, Frontend, FrontendAddress, InboundNatRule, InboundNatTarget, IpConfiguration,
    LoadBalancer, NatGateway, NicId, OutboundRule, PublicIpAddress, ResourceId,
};
use serde_json::{Value, json};

use super::{Show, Shown, shown, sku};

/// Segments of the ids of a load balancer's parts.
const FRONTENDS: &str = "frontendIPConfigurations";
const POOLS: &str = "backendAddressPools";
const PROBES: &str = "probes";
const INBOUND_NAT_RULES: &str = "inboundNatRules";

pub(super) fn public_ip(address: &PublicIpAddress) -> Shown<'_> {
    let mut properties = json!({ "publicIPAllocationMethod": "Static" });
    if let Some(address) = address.address {
        properties["ipAddress"] = json!(address);
    }
    let mut shown = shown(&address.id, &address.location, properties);
    shown.envelope.insert("sku".to_owned(), sku(address.sku));
    shown
}

impl<'a> Show<'a> {
    pub(super) fn nat_gateway(&self, gateway: &'a NatGateway) -> Shown<'a> {
        let addresses = gateway.public_ips.iter();
        let ids = addresses.map(|&key| &self.network.public_ips()[key].id);
        let properties = json!({ "publicIpAddresses": self.references(ids.clone()) });
        let needs = ids.cloned().collect();
        let mut shown = shown(&gateway.id, &gateway.location, properties);
        shown
            .envelope
            .insert("sku".to_owned(), json!({ "name": "Standard" }));
        Shown { needs, ..shown }
    }

    pub(super) fn load_balancer(&self, balancer: &'a LoadBalancer) -> Shown<'a> {
        let part = Part {
            show: self,
            id: &balancer.id,
        };
        let mut needs = Vec::new();
        let frontends: Vec<Value> = { balancer.frontends.iter() }
            .map(|frontend| self.frontend(frontend, &mut needs))
            .collect();
        let pools: Vec<Value> = { balancer.pools.iter() }
            .map(|pool| self.pool(pool, &mut needs))
            .collect();
        let probes: Vec<Value> = { balancer.probes.iter() }
            .map(|probe| {
                let properties = json!({ "protocol": probe.protocol, "port": probe.port });
                json!({ "name": probe.name, "properties": properties })
            })
            .collect();
        let rules = balancer.rules.iter().map(|rule| part.rule(rule));
        let nat_rules = balancer.inbound_nat_rules.iter();
        let nat_rules = nat_rules.map(|rule| part.inbound_nat_rule(rule));
        let outbound_rules = balancer.outbound_rules.iter();
        let outbound_rules = outbound_rules.map(|rule| part.outbound_rule(rule));
        let properties = json!({
            FRONTENDS: frontends,
            POOLS: pools,
            "loadBalancingRules": rules.collect::<Vec<_>>(),
            PROBES: probes,
            INBOUND_NAT_RULES: nat_rules.collect::<Vec<_>>(),
            "outboundRules": outbound_rules.collect::<Vec<_>>(),
        });
        needs.sort();
        needs.dedup();
        let mut shown = shown(&balancer.id, &balancer.location, properties);
        shown.envelope.insert("sku".to_owned(), sku(balancer.sku));
        Shown { needs, ..shown }
    }

    fn frontend(&self, frontend: &Frontend, needs: &mut Vec<ResourceId>) -> Value {
        let network = self.network;
        let properties = match frontend.address {
            FrontendAddress::Private(subnet, address) => {
                let subnet = &network.subnets()[subnet];
                let vnet = &network.virtual_networks()[subnet.virtual_network];
                needs.push(vnet.id.clone());
                json!({
                    "privateIPAddress": address,
                    "privateIPAllocationMethod": "Static",
                    "subnet": self.reference(&subnet.id),
                })
            }
            FrontendAddress::Public(Some(address)) => {
                let id = &network.public_ips()[address].id;
                needs.push(id.clone());
                json!({ "publicIPAddress": self.reference(id) })
            }
            FrontendAddress::Public(None) => json!({}),
        };
        json!({ "name": frontend.name, "properties": properties })
    }

    fn pool(&self, pool: &BackendPool, needs: &mut Vec<ResourceId>) -> Value {
        let mut members = Vec::new();
        for (number, member) in pool.addresses.iter().enumerate() {
            let mut properties = json!({ "ipAddress": member.address });
            if let Some(vnet) = member.virtual_network {
                let id = &self.network.virtual_networks()[vnet].id;
                properties["virtualNetwork"] = self.reference(id);
                needs.push(id.clone());
            }
            let name = format!("address-{}", number + 1);
            members.push(json!({ "name": name, "properties": properties }));
        }
        // Members that are NICs name the pool themselves.
        let properties = if members.is_empty() {
            json!({})
        } else {
            json!({ "loadBalancerBackendAddresses": members })
        };
        json!({ "name": pool.name, "properties": properties })
    }

    /// Adds what an IP configuration has to do with load balancers.
    pub(super) fn balanced(
        &self,
        nic: NicId,
        position: usize,
        configuration: &IpConfiguration,
        properties: &mut Value,
    ) {
        let balancers = self.network.load_balancers();
        if !configuration.backend_pools.is_empty() {
            let pools = configuration.backend_pools.iter();
            let ids = pools.map(|(key, pool)| balancers[*key].id.child(POOLS, pool));
            let ids: Vec<ResourceId> = ids.collect();
            properties["loadBalancerBackendAddressPools"] = self.references(ids.iter());
        }
        let target = InboundNatTarget::Configuration(nic, position);
        let aimed: Vec<ResourceId> = balancers
            .values()
            .flat_map(|balancer| {
                let rules = balancer.inbound_nat_rules.iter();
                let aimed = rules.filter(|rule| rule.target == target);
                aimed.map(|rule| balancer.id.child(INBOUND_NAT_RULES, &rule.name))
            })
            .collect();
        if !aimed.is_empty() {
            properties["loadBalancerInboundNatRules"] = self.references(aimed.iter());
        }
    }
}

/// Parts of a load balancer, which name each other by their ids.
struct Part<'s, 'a> {
    show: &'s Show<'a>,
    id: &'s ResourceId,
}

impl Part<'_, '_> {
    fn part(&self, segment: &str, name: &str) -> Value {
        self.show.reference(&self.id.child(segment, name))
    }

    fn rule(&self, rule: &LoadBalancingRule) -> Value {
        let mut properties = json!({
            "backendAddressPool": self.part(POOLS, &rule.pool),
            "backendPort": rule.backend_port,
            "disableOutboundSnat": rule.disable_outbound_snat,
            "enableFloatingIP": rule.floating_ip,
            "frontendIPConfiguration": self.part(FRONTENDS, &rule.frontend),
            "frontendPort": rule.frontend_port,
            "protocol": protocol(rule.protocol),
        });
        if let Some(probe) = &rule.probe {
            properties["probe"] = self.part(PROBES, probe);
        }
        json!({ "name": rule.name, "properties": properties })
    }

    fn inbound_nat_rule(&self, rule: &InboundNatRule) -> Value {
        let mut properties = json!({
            "backendPort": rule.backend_port,
            "enableFloatingIP": rule.floating_ip,
            "frontendIPConfiguration": self.part(FRONTENDS, &rule.frontend),
            "protocol": protocol(rule.protocol),
        });
        let (first, last) = (rule.frontend_ports.start(), rule.frontend_ports.end());
        if first == last {
            properties["frontendPort"] = json!(first);
        } else {
            properties["frontendPortRangeStart"] = json!(first);
            properties["frontendPortRangeEnd"] = json!(last);
        }
        if let InboundNatTarget::Pool(pool) = &rule.target {
            properties["backendAddressPool"] = self.part(POOLS, pool);
        }
        json!({ "name": rule.name, "properties": properties })
    }

    fn outbound_rule(&self, rule: &OutboundRule) -> Value {
        let frontends = rule.frontends.iter();
        let frontends = frontends.map(|name| self.part(FRONTENDS, name));
        let properties = json!({
            "backendAddressPool": self.part(POOLS, &rule.pool),
            FRONTENDS: frontends.collect::<Vec<_>>(),
            "protocol": protocol(rule.protocol),
        });
        json!({ "name": rule.name, "properties": properties })
    }
}

const fn protocol(number: Option<u8>) -> &'static str {
    match number {
        Some(6) => "Tcp",
        Some(17) => "Udp",
        _ => "All",
    }
}
