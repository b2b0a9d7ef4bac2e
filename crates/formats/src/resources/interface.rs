//! Network interfaces.

use model::{
    IpConfigurationRequest, LoadBalancerId, NicId, NicRequest, OperationError, RequestedAddress,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, Reference};
use super::view::View;
use crate::source::Span;

/// A NIC that waits for its dynamic addresses and for the load balancers in whose pools it is.
pub(super) struct NicDraft<'a> {
    pub(super) request: NicRequest,
    origin: Origin,
    span: Span,
    configurations: Vec<ConfigurationPlace<'a>>,
}

struct ConfigurationPlace<'a> {
    /// Where its address or subnet stands.
    span: Span,
    pools: Vec<Reference<'a>>,
    inbound_nat_rules: Vec<Reference<'a>>,
}

impl Builder<'_> {
    pub(super) fn nic<'a>(&mut self, record: &'a Record, view: &View<'a>) -> Option<NicDraft<'a>> {
        let mut ip_configurations = Vec::new();
        let mut configurations = Vec::new();
        let listed = self.reader.objects(view, "ipConfigurations");
        if listed.is_empty() {
            if !view.has_any("ipConfigurations") {
                self.reader
                    .missing(view, "ipConfigurations", "at least one IP configuration");
            }
            return None;
        }
        let count = listed.len();
        for configuration in listed {
            if self.is_ipv6(&configuration) {
                continue;
            }
            let Some((request, place)) = self.ip_configuration(&configuration) else {
                continue;
            };
            ip_configurations.push(request);
            configurations.push(place);
        }
        if ip_configurations.is_empty()
            || (ip_configurations.len() < count && self.reader.diagnostics.has_errors())
        {
            return None;
        }
        let mac_address = self.reader.label(view, "macAddress").and_then(mac_address);
        let request = NicRequest {
            id: record.id.clone(),
            location: self.location(view),
            ip_configurations,
            network_security_group: self.optional(
                view,
                "networkSecurityGroup",
                Kind::NetworkSecurityGroup,
                |network| network.nsgs(),
            ),
            ip_forwarding: self
                .reader
                .flag(view, "enableIPForwarding")
                .unwrap_or(false),
            tcp_state_tracking_disabled: self
                .reader
                .flag(view, "disableTcpStateTracking")
                .unwrap_or(false),
            mac_address,
        };
        Some(NicDraft {
            request,
            origin: record.origin,
            span: record.span,
            configurations,
        })
    }

    fn is_ipv6(&mut self, configuration: &View<'_>) -> bool {
        let version = configuration
            .get("privateIPAddressVersion")
            .and_then(|value| value.as_str());
        let ipv6 = version.is_some_and(|version| version.eq_ignore_ascii_case("IPv6"));
        self.reader.ipv6 += usize::from(ipv6);
        ipv6
    }

    fn ip_configuration<'a>(
        &mut self,
        view: &View<'a>,
    ) -> Option<(IpConfigurationRequest, ConfigurationPlace<'a>)> {
        let name = self
            .reader
            .text(view, "name")
            .unwrap_or("ipconfig1")
            .to_owned();
        let (subnet, address) = self.subnet_address(view)?;
        let request = IpConfigurationRequest {
            name,
            subnet,
            address,
            public_ip: self.public_ip_of(view, "publicIPAddress"),
            application_security_groups: self.asg_members(view, "applicationSecurityGroups"),
            backend_pools: Vec::new(),
            primary: self.reader.flag(view, "primary").unwrap_or(false),
        };
        let place = ConfigurationPlace {
            span: view
                .first(&["privateIPAddress", "subnet"])
                .map_or(view.span(), |(_, value)| value.span),
            pools: self.reader.references(
                view,
                "loadBalancerBackendAddressPools",
                Kind::LoadBalancer,
            ),
            inbound_nat_rules: self.reader.references(
                view,
                "loadBalancerInboundNatRules",
                Kind::LoadBalancer,
            ),
        };
        Some((request, place))
    }

    pub(super) fn create_nic(&mut self, draft: NicDraft<'_>) {
        let NicDraft {
            mut request,
            origin,
            span,
            configurations,
        } = draft;
        let id = request.id.clone();
        self.reader.begin(&id, origin);
        for (wanted, place) in request.ip_configurations.iter_mut().zip(&configurations) {
            for pool in &place.pools {
                wanted.backend_pools.extend(self.backend_pool(pool));
            }
        }
        // The refusal speaks of one address: its place says more than that of the NIC.
        let places: Vec<_> = request
            .ip_configurations
            .iter()
            .zip(&configurations)
            .filter_map(|(wanted, place)| match wanted.address {
                RequestedAddress::Static(address) | RequestedAddress::Assigned(address) => {
                    Some((address, place.span))
                }
                RequestedAddress::FirstFree => None,
            })
            .collect();
        let result = self.network.create_nic(request);
        let span = match &result {
            Err(
                OperationError::AddressOutside { address, .. }
                | OperationError::AddressReserved { address, .. }
                | OperationError::AddressTaken { address, .. },
            ) => {
                let place = places.iter().find(|(wanted, _)| wanted == address);
                place.map_or(span, |&(_, span)| span)
            }
            _ => span,
        };
        let Some(nic) = self.created(&id, span, result) else {
            return;
        };
        for (position, place) in configurations.iter().enumerate() {
            for rule in &place.inbound_nat_rules {
                self.aim_inbound_nat_rule(rule, nic, position);
            }
        }
    }

    /// `.../loadBalancers/LB/inboundNatRules/RULE`, or in a scenario `LB/RULE`.
    fn aim_inbound_nat_rule(&mut self, reference: &Reference<'_>, nic: NicId, position: usize) {
        let (balancer, rule) = balancer_and_part(reference, "/inboundNatRules/");
        let key = self.lookup(&balancer, Kind::LoadBalancer, |network| {
            network.load_balancers()
        });
        let Some(key) = key else {
            return;
        };
        if !self.network.aim_inbound_nat_rule(key, rule, nic, position) {
            let id = self.network.load_balancers()[key]
                .id
                .child("inboundNatRules", rule);
            let severity = self.reader.origin().severity();
            self.dangling(reference, &id, Kind::InboundNatRule, severity);
        }
    }

    /// `.../loadBalancers/LB/backendAddressPools/POOL`, or in a scenario `LB/POOL`.
    fn backend_pool(&mut self, reference: &Reference<'_>) -> Option<(LoadBalancerId, String)> {
        let (balancer, pool) = balancer_and_part(reference, "/backendAddressPools/");
        let key = self.lookup(&balancer, Kind::LoadBalancer, |network| {
            network.load_balancers()
        })?;
        let known = self.network.load_balancers()[key]
            .pools
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(pool));
        if let Some(known) = known {
            Some((key, known.name.clone()))
        } else {
            let id = self.network.load_balancers()[key]
                .id
                .child("backendAddressPools", pool);
            self.dangling(
                reference,
                &id,
                Kind::LoadBalancer,
                crate::diagnostic::Severity::Error,
            );
            None
        }
    }
}

/// A reference to a load balancer and the name of its part, from an id of the part or from `LB/PART`.
fn balancer_and_part<'a>(reference: &Reference<'a>, parts: &str) -> (Reference<'a>, &'a str) {
    let text = reference.text;
    let at = text.to_ascii_lowercase().find(&parts.to_ascii_lowercase());
    let (balancer, part) = match at {
        Some(at) => (&text[..at], &text[at + parts.len()..]),
        None => text.rsplit_once('/').unwrap_or((text, "")),
    };
    let balancer = Reference {
        text: balancer,
        span: reference.span,
        path: reference.path.clone(),
    };
    (balancer, part)
}

/// `00-0D-3A-01-02-03`, as Azure prints it; colons are read too.
fn mac_address(text: &str) -> Option<[u8; 6]> {
    let mut bytes = text
        .split(['-', ':'])
        .map(|byte| u8::from_str_radix(byte, 16).ok());
    let address = [
        bytes.next()??,
        bytes.next()??,
        bytes.next()??,
        bytes.next()??,
        bytes.next()??,
        bytes.next()??,
    ];
    bytes.next().is_none().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::mac_address;

    #[test]
    fn hardware_addresses_are_read_as_azure_prints_them() {
        assert_eq!(
            mac_address("00-0D-3A-01-02-FF"),
            Some([0, 0x0d, 0x3a, 1, 2, 0xff])
        );
        assert_eq!(
            mac_address("00:0d:3a:01:02:ff"),
            Some([0, 0x0d, 0x3a, 1, 2, 0xff])
        );
        for text in ["", "00-0D", "00-0D-3A-01-02-FF-01", "zz-0D-3A-01-02-FF"] {
            assert_eq!(mac_address(text), None, "{text}");
        }
    }
}
