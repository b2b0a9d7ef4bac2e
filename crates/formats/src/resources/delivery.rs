//! Public addresses, NAT gateways, and resources that only hold an address.

use model::{
    Location, NatGateway, NatGatewayId, PublicIpAddress, PublicIpId, RequestedAddress, ResourceId,
    Sku, SubnetId,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, Reference};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

/// A resource whose packets are not simulated, with the addresses that it holds.
pub(super) struct AddressHolderDraft {
    pub(super) claims: Vec<(SubnetId, RequestedAddress, Span)>,
    id: ResourceId,
}

impl Builder<'_> {
    pub(super) fn public_ips(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::PublicIpAddress) {
            let view = self.open(record);
            let version = view
                .get("publicIPAddressVersion")
                .and_then(|value| value.as_str());
            if version.is_some_and(|version| version.eq_ignore_ascii_case("IPv6")) {
                self.reader.ipv6 += 1;
            }
            let address = PublicIpAddress {
                id: record.id.clone(),
                location: self.location(&view),
                address: self.reader.address_in_passing(&view, "ipAddress"),
                sku: self.sku(&view),
            };
            let result = self.network.create_public_ip(address);
            self.created(&record.id, record.span, result);
        }
    }

    /// `{"name": "Standard"}`, or in a scenario `Standard`. Azure's default is Basic.
    pub(super) fn sku(&mut self, view: &View<'_>) -> Sku {
        let named = match view.object("sku") {
            Some(sku) => self.reader.label(&sku, "name"),
            None => self.reader.label(view, "sku"),
        };
        // `StandardV2` and what may follow behave as Standard.
        named.map_or(Sku::Basic, |name| name.parse().unwrap_or(Sku::Standard))
    }

    /// A public address that another resource refers to. One that a dump names without holding it is created, its address unknown.
    pub(super) fn public_ip_of(&mut self, view: &View<'_>, key: &str) -> Option<PublicIpId> {
        let reference = self.reader.reference(view, key, Kind::PublicIpAddress)?;
        self.public_ip(&reference)
    }

    fn public_ip(&mut self, reference: &Reference<'_>) -> Option<PublicIpId> {
        let id = self.resolve(reference, Kind::PublicIpAddress)?;
        if let Some(key) = self.network.public_ips().find(&id) {
            return Some(key);
        }
        match self.reader.origin() {
            Origin::Authored => {
                self.dangling(reference, &id, Kind::PublicIpAddress, Severity::Error);
                None
            }
            Origin::Recorded => {
                let address = PublicIpAddress {
                    id: id.clone(),
                    location: Location::default(),
                    address: None,
                    sku: Sku::Standard,
                };
                let result = self.network.create_public_ip(address);
                self.created(&id, reference.span, result)
            }
        }
    }

    pub(super) fn nat_gateways(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::NatGateway) {
            let view = self.open(record);
            let references =
                self.reader
                    .references(&view, "publicIpAddresses", Kind::PublicIpAddress);
            let public_ips = references
                .iter()
                .filter_map(|reference| self.public_ip(reference))
                .collect();
            if view.has_any("publicIpPrefixes") {
                let message = format!(
                    "which addresses the public IP prefixes of NAT gateway '{}' hold is not read: without an address of its own, an assumed one stands for them",
                    record.id.name()
                );
                let note = Diagnostic::note(Code::AssumedValue, message).at(record.span);
                self.reader
                    .push(note.property(view.path("publicIpPrefixes")));
            }
            let gateway = NatGateway {
                id: record.id.clone(),
                location: self.location(&view),
                public_ips,
            };
            let result = self.network.create_nat_gateway(gateway);
            self.created(&record.id, record.span, result);
        }
    }

    /// The NAT gateway of a subnet. One that a dump names without holding it is created, its addresses unknown.
    pub(super) fn nat_gateway_of(&mut self, subnet: &View<'_>) -> Option<NatGatewayId> {
        let reference = self
            .reader
            .reference(subnet, "natGateway", Kind::NatGateway)?;
        let id = self.resolve(&reference, Kind::NatGateway)?;
        if let Some(key) = self.network.nat_gateways().find(&id) {
            return Some(key);
        }
        match self.reader.origin() {
            Origin::Authored => {
                self.dangling(&reference, &id, Kind::NatGateway, Severity::Error);
                None
            }
            Origin::Recorded => {
                let gateway = NatGateway {
                    id: id.clone(),
                    location: Location::default(),
                    public_ips: Vec::new(),
                };
                let result = self.network.create_nat_gateway(gateway);
                self.created(&id, reference.span, result)
            }
        }
    }

    /// A bastion or application gateway: its packets are not simulated, but its addresses are not free for others.
    pub(super) fn address_holder(
        &mut self,
        record: &Record,
        view: &View<'_>,
    ) -> AddressHolderDraft {
        let mut claims = Vec::new();
        match record.kind {
            Kind::ApplicationGateway => {
                let message = format!(
                    "application gateway '{}' is not simulated; it only holds its addresses",
                    record.id.name()
                );
                self.reader
                    .push(Diagnostic::warning(Code::Unsupported, message).at(record.span));
                for frontend in self.reader.objects(view, "frontendIPConfigurations") {
                    if frontend.get("subnet").is_some() {
                        claims.extend(
                            self.subnet_address(&frontend)
                                .map(|(subnet, wanted)| (subnet, wanted, frontend.span())),
                        );
                    }
                }
            }
            _ => {
                for configuration in self.reader.objects(view, "ipConfigurations") {
                    claims.extend(
                        self.subnet_address(&configuration)
                            .map(|(subnet, wanted)| (subnet, wanted, configuration.span())),
                    );
                }
            }
        }
        AddressHolderDraft {
            claims,
            id: record.id.clone(),
        }
    }

    pub(super) fn create_address_holder(&mut self, draft: &AddressHolderDraft) {
        self.reopen(&draft.id);
        for &(subnet, wanted, span) in &draft.claims {
            let result = self.network.claim_address(&draft.id, subnet, wanted);
            self.created(&draft.id, span, result);
        }
    }
}
