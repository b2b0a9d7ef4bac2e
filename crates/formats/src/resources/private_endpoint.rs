//! Private endpoints.

use model::{
    EndpointAddresses, Location, NicId, PrivateEndpointRequest, RequestedAddress, ResourceId,
    SubnetId,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::view::View;
use crate::source::Span;

/// A private endpoint that waits for its addresses.
pub(super) struct PrivateEndpointDraft {
    id: ResourceId,
    location: Location,
    service: Option<String>,
    pub(super) place: Place,
    span: Span,
}

/// Where its addresses come from.
pub(super) enum Place {
    /// A NIC of the input, which is created in the same step.
    Nic(ResourceId),
    Subnet(SubnetId, Vec<RequestedAddress>),
}

impl Builder<'_> {
    pub(super) fn private_endpoint(
        &mut self,
        record: &Record,
        view: &View<'_>,
    ) -> Option<PrivateEndpointDraft> {
        // Its NIC is in most dumps and holds the addresses itself.
        let nics = self
            .reader
            .references(view, "networkInterfaces", Kind::NetworkInterface);
        let known = nics
            .iter()
            .filter_map(|nic| ResourceId::parse(nic.text).ok())
            .find_map(|nic| self.collection.find(&nic));
        let place = if let Some(nic) = known {
            Place::Nic(nic.id.clone())
        } else {
            let subnet =
                self.required(view, "subnet", Kind::Subnet, |network| network.subnets())?;
            Place::Subnet(subnet, self.endpoint_addresses(view))
        };
        Some(PrivateEndpointDraft {
            id: record.id.clone(),
            location: self.location(view),
            service: self.endpoint_service(view),
            place,
            span: record.span,
        })
    }

    /// Those that are written down, those that names led to when it was recorded, else one that is free.
    fn endpoint_addresses(&mut self, view: &View<'_>) -> Vec<RequestedAddress> {
        let mut addresses = Vec::new();
        for configuration in self.reader.objects(view, "ipConfigurations") {
            addresses.push(self.wanted_address(&configuration));
        }
        if addresses.is_empty() {
            for names in self.reader.objects(view, "customDnsConfigs") {
                for (text, value, path) in self.reader.texts(&names, "ipAddresses") {
                    match text.parse().map(RequestedAddress::Assigned) {
                        Ok(address) if !addresses.contains(&address) => addresses.push(address),
                        Ok(_) => {}
                        Err(_) => self.reader.bad_at(path, value, "an IPv4 address"),
                    }
                }
            }
        }
        if addresses.is_empty() {
            addresses.push(RequestedAddress::FirstFree);
        }
        addresses
    }

    fn endpoint_service(&mut self, view: &View<'_>) -> Option<String> {
        if let Some(service) = self.reader.label(view, "service") {
            return Some(service.to_owned());
        }
        for key in [
            "privateLinkServiceConnections",
            "manualPrivateLinkServiceConnections",
        ] {
            let connections = self.reader.objects(view, key);
            if let Some(first) = connections.first() {
                return self
                    .reader
                    .label(first, "privateLinkServiceId")
                    .map(str::to_owned);
            }
        }
        None
    }

    pub(super) fn create_private_endpoint(&mut self, draft: PrivateEndpointDraft) {
        self.reopen(&draft.id);
        let addresses = match draft.place {
            Place::Nic(nic) => match self.nic_of_endpoint(&nic) {
                Some(nic) => EndpointAddresses::Nic(nic),
                // What is wrong with the NIC was told.
                None => return self.give_up(&draft.id),
            },
            Place::Subnet(subnet, addresses) => EndpointAddresses::Subnet(subnet, addresses),
        };
        let request = PrivateEndpointRequest {
            id: draft.id.clone(),
            location: draft.location,
            addresses,
            service: draft.service,
        };
        let result = self.network.create_private_endpoint(request);
        self.created(&draft.id, draft.span, result);
    }

    fn nic_of_endpoint(&self, nic: &ResourceId) -> Option<NicId> {
        self.network.nics().find(nic)
    }
}
