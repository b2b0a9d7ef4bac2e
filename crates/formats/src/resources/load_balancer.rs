//! Load balancers: frontends, pools, probes and rules.

use model::delivery::LoadBalancingRule;
use model::{
    BackendAddress, BackendPool, FrontendRequest, HealthProbe, InboundNatRule, InboundNatTarget,
    LoadBalancerRequest, OutboundRule, VnetId,
};

use super::Record;
use super::build::{Builder, Child};
use super::kind::Kind;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// A load balancer that waits for its dynamic frontend addresses.
pub(super) struct LoadBalancerDraft {
    pub(super) request: LoadBalancerRequest,
    span: Span,
}

/// Names of the parts that a load-balancing rule may refer to, also of those that could not be read.
#[derive(Default)]
struct Parts {
    frontends: Vec<String>,
    pools: Vec<String>,
    probes: Vec<String>,
}

/// 6, 17, or `None` for all.
struct Protocol(Option<u8>);

impl Builder<'_> {
    pub(super) fn load_balancer(&mut self, record: &Record, view: &View<'_>) -> LoadBalancerDraft {
        let mut frontends = Vec::new();
        let mut pools = Vec::new();
        let mut parts = Parts::default();
        for frontend in self.reader.objects(view, "frontendIPConfigurations") {
            let name = self.name_of(&frontend);
            parts.frontends.push(name.clone());
            if frontend.get("subnet").is_some() {
                if let Some((subnet, wanted)) = self.subnet_address(&frontend) {
                    frontends.push((name, FrontendRequest::Private(subnet, wanted)));
                }
            } else {
                frontends.push((
                    name,
                    FrontendRequest::Public(self.public_ip_of(&frontend, "publicIPAddress")),
                ));
            }
        }
        for pool in self.children_of(record, view, "backendAddressPools", Kind::BackendPool) {
            let name = pool.id.name().to_owned();
            parts.pools.push(name.clone());
            let addresses = self.backend_addresses(&pool.view);
            pools.push(BackendPool { name, addresses });
        }
        let mut probes = Vec::new();
        for probe in self.reader.objects(view, "probes") {
            let name = self.name_of(&probe);
            parts.probes.push(name.clone());
            let port = self.reader.number(&probe, "port", "a port");
            let protocol = self.reader.label(&probe, "protocol").unwrap_or("Tcp");
            if let Some(port) = port {
                let protocol = protocol.to_owned();
                probes.push(HealthProbe {
                    name,
                    protocol,
                    port,
                });
            }
        }
        let mut rules = Vec::new();
        for rule in self.reader.objects(view, "loadBalancingRules") {
            rules.extend(self.load_balancing_rule(&rule, &parts));
        }
        let mut inbound_nat_rules = Vec::new();
        for rule in self.children_of(record, view, "inboundNatRules", Kind::InboundNatRule) {
            inbound_nat_rules.extend(self.inbound_nat_rule(&rule, &parts));
        }
        let mut outbound_rules = Vec::new();
        for rule in self.reader.objects(view, "outboundRules") {
            outbound_rules.extend(self.outbound_rule(&rule, &parts));
        }
        if view.has_any("inboundNatPools") {
            let effect = "packets to the frontend's ports are not translated";
            self.reader.unsupported(view, "inboundNatPools", effect);
        }
        let request = LoadBalancerRequest {
            id: record.id.clone(),
            location: self.location(view),
            sku: self.sku(view),
            frontends,
            pools,
            rules,
            probes,
            inbound_nat_rules,
            outbound_rules,
        };
        LoadBalancerDraft {
            request,
            span: record.span,
        }
    }

    fn load_balancing_rule(&mut self, view: &View<'_>, parts: &Parts) -> Option<LoadBalancingRule> {
        let Protocol(protocol) = self.protocol(view)?;
        let probe = match view.get("probe") {
            Some(_) => self.part(view, "probe", parts.probes.iter().map(String::as_str)),
            None => None,
        };
        let port = "a port from 0 to 65535";
        let frontend = self.part(
            view,
            "frontendIPConfiguration",
            parts.frontends.iter().map(String::as_str),
        );
        let pool =
            if view.get("backendAddressPool").is_none() && view.has_any("backendAddressPools") {
                let names = self
                    .reader
                    .references(view, "backendAddressPools", Kind::LoadBalancer);
                names
                    .first()
                    .and_then(|reference| reference.text.rsplit('/').next())
                    .map(str::to_owned)
            } else {
                self.part(
                    view,
                    "backendAddressPool",
                    parts.pools.iter().map(String::as_str),
                )
            };
        Some(LoadBalancingRule {
            name: self.name_of(view),
            frontend: frontend?,
            pool: pool?,
            protocol,
            frontend_port: self.reader.number(view, "frontendPort", port).unwrap_or(0),
            backend_port: self.reader.number(view, "backendPort", port).unwrap_or(0),
            floating_ip: self.reader.flag(view, "enableFloatingIP").unwrap_or(false),
            probe,
            disable_outbound_snat: self
                .reader
                .flag(view, "disableOutboundSnat")
                .unwrap_or(false),
        })
    }

    /// Members that a pool names by address. Those that it names by NIC are named there too.
    fn backend_addresses(&mut self, pool: &View<'_>) -> Vec<BackendAddress> {
        let of_pool = self.network_of(pool);
        let mut addresses = Vec::new();
        for member in self.reader.objects(pool, "loadBalancerBackendAddresses") {
            if member.get("networkInterfaceIPConfiguration").is_some() {
                continue;
            }
            let Some(address) = self.reader.address_in_passing(&member, "ipAddress") else {
                continue;
            };
            let virtual_network = self.network_of(&member).or(of_pool);
            addresses.push(BackendAddress {
                address,
                virtual_network,
            });
        }
        addresses
    }

    /// `virtualNetwork`, or that of `subnet`.
    fn network_of(&mut self, view: &View<'_>) -> Option<VnetId> {
        if view.get("virtualNetwork").is_some() {
            return self.optional(view, "virtualNetwork", Kind::VirtualNetwork, |network| {
                network.virtual_networks()
            });
        }
        let subnet = self.optional(view, "subnet", Kind::Subnet, |network| network.subnets())?;
        Some(self.network.subnets()[subnet].virtual_network)
    }

    fn inbound_nat_rule(&mut self, rule: &Child<'_>, parts: &Parts) -> Option<InboundNatRule> {
        let view = &rule.view;
        let Protocol(protocol) = self.protocol(view)?;
        let frontend = self.part(
            view,
            "frontendIPConfiguration",
            parts.frontends.iter().map(String::as_str),
        );
        let port = "a port from 0 to 65535";
        let frontend_port: u16 = self.reader.number(view, "frontendPort", port).unwrap_or(0);
        let start = self.reader.number(view, "frontendPortRangeStart", port);
        let end = self.reader.number(view, "frontendPortRangeEnd", port);
        let frontend_ports = match (start.unwrap_or(0), end.unwrap_or(0)) {
            (0, _) | (_, 0) => frontend_port..=frontend_port,
            (start, end) => start..=end,
        };
        let target = match view.get("backendAddressPool") {
            Some(_) => {
                let pools = parts.pools.iter().map(String::as_str);
                InboundNatTarget::Pool(self.part(view, "backendAddressPool", pools)?)
            }
            None => InboundNatTarget::Nobody,
        };
        Some(InboundNatRule {
            name: rule.id.name().to_owned(),
            frontend: frontend?,
            protocol,
            frontend_ports,
            backend_port: self.reader.number(view, "backendPort", port).unwrap_or(0),
            floating_ip: self.reader.flag(view, "enableFloatingIP").unwrap_or(false),
            target,
        })
    }

    fn outbound_rule(&mut self, view: &View<'_>, parts: &Parts) -> Option<OutboundRule> {
        let Protocol(protocol) = self.protocol(view)?;
        let named = self
            .reader
            .references(view, "frontendIPConfigurations", Kind::LoadBalancer);
        let frontends = named.iter().filter_map(|reference| {
            let wanted = reference.text.rsplit('/').next().unwrap_or_default();
            let mut known = parts.frontends.iter();
            known
                .find(|name| name.eq_ignore_ascii_case(wanted))
                .cloned()
        });
        let frontends = frontends.collect();
        let pools = parts.pools.iter().map(String::as_str);
        Some(OutboundRule {
            name: self.name_of(view),
            frontends,
            pool: self.part(view, "backendAddressPool", pools)?,
            protocol,
        })
    }

    /// `Tcp`, `Udp` or `All`.
    fn protocol(&mut self, view: &View<'_>) -> Option<Protocol> {
        match view
            .get("protocol")
            .and_then(|value| value.as_str())
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            Some("tcp") => Some(Protocol(Some(6))),
            Some("udp") => Some(Protocol(Some(17))),
            Some("all" | "*") => Some(Protocol(None)),
            _ => {
                match view.get("protocol") {
                    Some(value) => self.reader.bad(view, "protocol", value, "Tcp, Udp or All"),
                    None => self.reader.missing(view, "protocol", "Tcp, Udp or All"),
                }
                None
            }
        }
    }

    fn name_of(&mut self, view: &View<'_>) -> String {
        self.reader
            .text(view, "name")
            .unwrap_or_default()
            .to_owned()
    }

    /// A frontend or pool of the same load balancer, by the last segment of its id or by its name.
    fn part<'n>(
        &mut self,
        view: &View<'_>,
        key: &str,
        mut names: impl Iterator<Item = &'n str>,
    ) -> Option<String> {
        let Some(reference) = self.reader.reference(view, key, Kind::LoadBalancer) else {
            if view.get(key).is_none() {
                self.reader
                    .missing(view, key, "a part of the same load balancer");
            }
            return None;
        };
        let wanted = reference.text.rsplit('/').next().unwrap_or_default();
        let found = names
            .find(|name| name.eq_ignore_ascii_case(wanted))
            .map(str::to_owned);
        if found.is_none() {
            let message = format!(
                "{} names '{wanted}', which the load balancer does not have",
                reference.path
            );
            let problem = Diagnostic::error(Code::DanglingReference, message).at(reference.span);
            self.reader
                .push(problem.property(reference.path).value(reference.text));
        }
        found
    }

    pub(super) fn create_load_balancer(&mut self, draft: LoadBalancerDraft) {
        let id = draft.request.id.clone();
        self.reopen(&id);
        let result = self.network.create_load_balancer(draft.request);
        self.created(&id, draft.span, result);
    }
}
