//! Peering links, also those written inside their network (O-3, P-2, P-6).

use std::collections::HashMap;

use model::peering::ImportNote;
use model::table::Resource;
use model::{
    OperationError, PeeringFlags, PeeringRecord, PeeringScope, PeeringState, ResourceId, VnetId,
};

use super::Record;
use super::build::{Builder, Child};
use super::kind::Kind;
use super::reader::Origin;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::json::Value;
use crate::source::Span;

/// Where a link stands, and how bad a refusal would be.
struct Place {
    span: Span,
    severity: Severity,
}

impl Place {
    /// A recorded link was accepted once, so what is odd about it is a warning. Without a state it is still to be created.
    fn of(record: &PeeringRecord, child: &Child<'_>) -> Self {
        let severity = if record.state.is_some() {
            Severity::Warning
        } else {
            Severity::Error
        };
        Self {
            span: child.view.span(),
            severity,
        }
    }
}

impl Builder<'_> {
    /// Takes over all links at once: those inside their networks, those that are resources of their own, and `beside` them those of
    /// scenarios.
    pub(super) fn peerings(&mut self, beside: &[(Value, Origin)]) {
        let collection = self.collection;
        let mut records = Vec::new();
        let mut places = HashMap::new();
        for network in collection.of_kind(Kind::VirtualNetwork) {
            let Some(vnet) = self.network.virtual_networks().find(&network.id) else {
                continue;
            };
            let view = self.open(network);
            for child in self.children_of(network, &view, "virtualNetworkPeerings", Kind::Peering) {
                self.reader.begin(&child.id, network.origin);
                if let Some(record) = self.peering(vnet, &child) {
                    places.insert(record.id.clone(), Place::of(&record, &child));
                    records.push(record);
                }
            }
        }
        for (link, origin) in beside {
            let view = View::of_resource([link], link.span);
            self.reader.begin(
                view.get("name")
                    .map_or_else(|| "a peering link".to_owned(), ToString::to_string),
                *origin,
            );
            let vnet = self.required(&view, "from", Kind::VirtualNetwork, |network| {
                network.virtual_networks()
            });
            let Some(vnet) = vnet else {
                continue;
            };
            let name = match self.reader.text(&view, "name") {
                Some(name) => name.to_owned(),
                None => self.name_of_link(vnet, &view),
            };
            let id = self.network.virtual_networks()[vnet]
                .id
                .child("virtualNetworkPeerings", &name);
            self.reader.begin(&id, *origin);
            self.locations.note(&id, view.span());
            let child = Child { id, view };
            if let Some(record) = self.peering(vnet, &child) {
                places.insert(record.id.clone(), Place::of(&record, &child));
                records.push(record);
            }
        }
        let notes = self.network.import_peerings(records);
        for note in notes {
            self.tell(&note, &places);
        }
    }

    /// A scenario may leave the name of a link to us: `SalesVNet-To-MarketingVNet`.
    fn name_of_link(&mut self, vnet: VnetId, view: &View<'_>) -> String {
        let remote = self
            .reader
            .reference(view, "remoteVirtualNetwork", Kind::VirtualNetwork);
        let remote = remote.map_or("", |reference| {
            reference.text.rsplit('/').next().unwrap_or_default()
        });
        let local = self.network.virtual_networks()[vnet].name();
        format!("{local}-To-{remote}")
    }

    fn peering(&mut self, vnet: VnetId, child: &Child<'_>) -> Option<PeeringRecord> {
        let view = &child.view;
        let Some(reference) =
            self.reader
                .reference(view, "remoteVirtualNetwork", Kind::VirtualNetwork)
        else {
            if view.get("remoteVirtualNetwork").is_none() {
                self.reader.missing(
                    view,
                    "remoteVirtualNetwork",
                    "{\"id\": \"...\"} with the id of a virtual network",
                );
            }
            return None;
        };
        let remote = self.resolve(&reference, Kind::VirtualNetwork)?;
        // Links spell the ids of networks as they like; the network itself knows best.
        let networks = self.network.virtual_networks();
        let remote = match networks.find(&remote) {
            Some(key) => networks[key].id.clone(),
            None => remote,
        };
        let remote_address_space = match view.object("remoteAddressSpace") {
            Some(space) => self.reader.prefixes(&space, &["addressPrefixes"]),
            None => self.reader.prefixes(view, &["remoteAddressSpace"]),
        };
        Some(PeeringRecord {
            id: child.id.clone(),
            virtual_network: vnet,
            remote,
            flags: self.peering_flags(view),
            scope: self.peering_scope(view),
            state: self.peering_state(view),
            remote_address_space: (!remote_address_space.is_empty())
                .then_some(remote_address_space),
            resource_guid: self.reader.label(view, "resourceGuid").map(str::to_owned),
            sync_level: view
                .get("peeringSyncLevel")
                .and_then(|_| self.reader.word(view, "peeringSyncLevel")),
        })
    }

    /// F-1: what a file leaves out is as raw ARM has it.
    fn peering_flags(&mut self, view: &View<'_>) -> PeeringFlags {
        let standard = PeeringFlags::default();
        let mut flag = |key, missing| self.reader.flag(view, key).unwrap_or(missing);
        PeeringFlags {
            allow_virtual_network_access: flag(
                "allowVirtualNetworkAccess",
                standard.allow_virtual_network_access,
            ),
            allow_forwarded_traffic: flag(
                "allowForwardedTraffic",
                standard.allow_forwarded_traffic,
            ),
            allow_gateway_transit: flag("allowGatewayTransit", standard.allow_gateway_transit),
            use_remote_gateways: flag("useRemoteGateways", standard.use_remote_gateways),
            do_not_verify_remote_gateways: flag(
                "doNotVerifyRemoteGateways",
                standard.do_not_verify_remote_gateways,
            ),
        }
    }

    /// P-8.
    fn peering_scope(&mut self, view: &View<'_>) -> PeeringScope {
        if self.reader.flag(view, "peerCompleteVnets").unwrap_or(true) {
            return PeeringScope::CompleteVirtualNetworks;
        }
        let mut names = |key| {
            self.reader
                .texts(view, key)
                .into_iter()
                .map(|(name, _, _)| name.to_owned())
                .collect()
        };
        PeeringScope::Subnets {
            local: names("localSubnetNames"),
            remote: names("remoteSubnetNames"),
            only_ipv6: self
                .reader
                .flag(view, "enableOnlyIPv6Peering")
                .unwrap_or(false),
        }
    }

    /// `Updating` passes (P-2, P-9): as if no state were recorded.
    fn peering_state(&mut self, view: &View<'_>) -> Option<PeeringState> {
        let value = view.get("peeringState")?;
        if value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case("Updating"))
        {
            return None;
        }
        self.reader.word(view, "peeringState")
    }

    /// F-11: a route server counts as a gateway, and it is a virtual hub, which is not simulated yet.
    fn may_have_route_server(&self, error: &OperationError) -> bool {
        let is_hub = |record: &Record| {
            record
                .id
                .kind()
                .eq_ignore_ascii_case("Microsoft.Network/virtualHubs")
        };
        matches!(error, OperationError::RemoteVnetHasNoGateways { .. })
            && self.collection.of_kind(Kind::Unsupported).any(is_hub)
    }

    fn tell(&mut self, note: &ImportNote, places: &HashMap<ResourceId, Place>) {
        let about = match note {
            ImportNote::StateDiffers { peering, .. }
            | ImportNote::AssumedConnected { peering }
            | ImportNote::WouldBeRefused { peering, .. }
            | ImportNote::LeftOut { peering, .. } => peering.clone(),
        };
        let place = places.get(&about);
        let located = |problem: Diagnostic| match place {
            Some(place) => problem.at(place.span),
            None => problem,
        };
        self.reopen(&about);
        match note {
            ImportNote::StateDiffers {
                recorded, derived, ..
            } => {
                let message = format!(
                    "peeringState is {recorded}, but the links in the input give {derived}; the recorded state is believed"
                );
                self.reader.push(located(
                    Diagnostic::warning(Code::Contradiction, message).property("peeringState"),
                ));
            }
            ImportNote::AssumedConnected { .. } => {
                let message = "the remote virtual network is not in the input and no peeringState is recorded; the link counts as Connected";
                self.reader
                    .push(located(Diagnostic::note(Code::AssumedValue, message)));
            }
            ImportNote::WouldBeRefused { error, .. } => {
                if let Some(place) = place {
                    let severity = if self.may_have_route_server(error) {
                        Severity::Warning
                    } else {
                        place.severity
                    };
                    self.reader.refused_with(severity, error, place.span);
                }
            }
            ImportNote::LeftOut { error, .. } => {
                if let Some(place) = place {
                    self.reader.refused(error, place.span);
                }
            }
        }
    }
}
