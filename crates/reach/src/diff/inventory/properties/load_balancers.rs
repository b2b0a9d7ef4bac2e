//! Load balancers.

use model::{
    BackendAddress, FrontendAddress, InboundNatTarget, LoadBalancer, Network, RuleProtocol,
};

use super::{Properties, in_order, text};

pub(super) fn load_balancer(network: &Network, balancer: &LoadBalancer) -> Properties {
    let protocol = |number: Option<u8>| {
        let of = |protocol: &RuleProtocol| protocol.number() == number;
        let all = [RuleProtocol::Tcp, RuleProtocol::Udp];
        all.iter()
            .find(|protocol| of(protocol))
            .map_or("all", |protocol| protocol.as_str())
    };
    vec![
        ("sku", text(balancer.sku)),
        (
            "frontendIPConfigurations",
            in_order(balancer.frontends.iter().map(|frontend| {
                let at = match &frontend.address {
                    FrontendAddress::Private(_, address) => address.to_string(),
                    FrontendAddress::Public(key) => key.map_or_else(
                        || "public".to_owned(),
                        |key| network.public_ips()[key].id.name().to_owned(),
                    ),
                };
                format!("{} {at}", frontend.name)
            })),
        ),
        (
            "backendAddressPools",
            in_order(balancer.pools.iter().map(|pool| {
                let addresses: Vec<String> = pool
                    .addresses
                    .iter()
                    .map(|&BackendAddress { address, .. }| address.to_string())
                    .collect();
                format!("{} [{}]", pool.name, addresses.join(" "))
            })),
        ),
        (
            "loadBalancingRules",
            in_order(balancer.rules.iter().map(|rule| {
                let floating = if rule.floating_ip { " floating" } else { "" };
                format!(
                    "{} {}:{} {} -> {}:{}{floating} {}",
                    rule.name,
                    rule.frontend,
                    rule.frontend_port,
                    protocol(rule.protocol),
                    rule.pool,
                    rule.backend_port,
                    rule.probe.as_deref().unwrap_or_default(),
                )
            })),
        ),
        (
            "probes",
            in_order(
                balancer
                    .probes
                    .iter()
                    .map(|probe| format!("{} {}/{}", probe.name, probe.protocol, probe.port)),
            ),
        ),
        (
            "inboundNatRules",
            in_order(balancer.inbound_nat_rules.iter().map(|rule| {
                let target = match &rule.target {
                    InboundNatTarget::Nobody => "nobody".to_owned(),
                    InboundNatTarget::Configuration(nic, _) => {
                        network.nics()[*nic].id.name().to_owned()
                    }
                    InboundNatTarget::Pool(pool) => pool.clone(),
                };
                format!(
                    "{} {}:{}-{} {} -> {target}:{}",
                    rule.name,
                    rule.frontend,
                    rule.frontend_ports.start(),
                    rule.frontend_ports.end(),
                    protocol(rule.protocol),
                    rule.backend_port
                )
            })),
        ),
        (
            "outboundRules",
            in_order(
                balancer.outbound_rules.iter().map(|rule| {
                    format!("{} {} {}", rule.name, rule.frontends.join(" "), rule.pool)
                }),
            ),
        ),
    ]
}
