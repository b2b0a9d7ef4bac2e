//! Connectivity configurations of network managers.

use model::{
    ConnectivityConfiguration, ConnectivityGroup, ConnectivityTopology, Location, ResourceId,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::Reference;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};

impl Builder<'_> {
    pub(super) fn connectivity_configuration(
        &mut self,
        record: &Record,
        manager: &ResourceId,
    ) -> Option<ConnectivityConfiguration> {
        let view = self.open(record);
        if view.get("connectivityTopology").is_none() {
            self.reader
                .missing(&view, "connectivityTopology", "HubAndSpoke or Mesh");
        }
        let topology = self.reader.word(&view, "connectivityTopology");
        let mut applies_to = Vec::new();
        for applied in self.reader.objects(&view, "appliesToGroups") {
            let Some(group) = self.applied_group(&applied, manager) else {
                continue;
            };
            let connectivity = self
                .reader
                .label(&applied, "groupConnectivity")
                .unwrap_or_default();
            applies_to.push(ConnectivityGroup {
                group,
                direct: connectivity.eq_ignore_ascii_case("DirectlyConnected"),
                use_hub_gateway: self.reader.flag(&applied, "useHubGateway").unwrap_or(false),
                global: self.reader.flag(&applied, "isGlobal").unwrap_or(false),
            });
        }
        let hubs = self.reader.objects(&view, "hubs");
        let hub = hubs.first().and_then(|hub| self.hub(hub));
        let deployed_to = view.get("deployedTo").is_some().then(|| {
            let regions = self.reader.texts(&view, "deployedTo");
            regions
                .into_iter()
                .map(|(region, ..)| Location::new(region))
                .collect()
        });
        Some(ConnectivityConfiguration {
            name: record.id.name().to_owned(),
            topology: topology?,
            hub: hub.filter(|_| topology == Some(ConnectivityTopology::HubAndSpoke)),
            global_mesh: self.reader.flag(&view, "isGlobal").unwrap_or(false),
            applies_to,
            deployed_to,
        })
    }

    /// The service itself makes the links between hub and spokes, and a dump has them; a template does not.
    pub(super) fn report_missing_spokes(&mut self) {
        let mut missing = Vec::new();
        for manager in self.network.managers().values() {
            for configuration in &manager.connectivity_configurations {
                let Some(hub) = &configuration.hub else {
                    continue;
                };
                let links = self.network.peerings();
                let is_linked = |spoke: &ResourceId| {
                    links
                        .values()
                        .any(|link| link.remote == *hub && link.id.parent().as_ref() == Some(spoke))
                };
                let spokes = self.network.virtual_networks().values();
                let alone = spokes
                    .filter(|spoke| spoke.id != *hub && !is_linked(&spoke.id))
                    .filter(|spoke| {
                        let groups = configuration.applies_to.iter();
                        groups
                            .into_iter()
                            .any(|group| manager.group_holds(&group.group, &spoke.id))
                    })
                    .count();
                if alone > 0 {
                    let id = manager
                        .id
                        .child("connectivityConfigurations", &configuration.name);
                    missing.push((id, alone));
                }
            }
        }
        for (id, alone) in missing {
            let message = format!(
                "{alone} spokes of the connectivity configuration '{}' have no peering link with its hub in the input; the service would make it",
                id.name()
            );
            self.reopen(&id);
            let mut problem = Diagnostic::warning(Code::Unsupported, message);
            if let Some(record) = self.collection.find(&id) {
                problem = problem.at(record.span);
            }
            self.reader
                .push(problem.expected("the peering links of hub and spokes among the resources"));
        }
    }

    fn hub(&mut self, hub: &View<'_>) -> Option<ResourceId> {
        let value = hub.get("resourceId")?;
        let reference = Reference {
            text: self.reader.text(hub, "resourceId")?,
            span: value.span,
            path: hub.path("resourceId"),
        };
        self.resolve(&reference, Kind::VirtualNetwork)
    }
}
