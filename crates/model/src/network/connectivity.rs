//! Connected groups of virtual network managers.

use super::Network;
use crate::connectivity::ConnectivityConfiguration;
use crate::network_manager::NetworkManager;
use crate::spelling::ConnectivityTopology;
use crate::table::VnetId;
use crate::virtual_network::Location;

impl Network {
    /// The connected groups, each with its members in the order of the input. A group that stays inside regions comes once for
    /// each region.
    pub fn connected_groups(&self) -> Vec<Vec<VnetId>> {
        let mut groups = Vec::new();
        for manager in self.managers.values() {
            for configuration in &manager.connectivity_configurations {
                match configuration.topology {
                    ConnectivityTopology::Mesh => {
                        let names = configuration.applies_to.iter();
                        let names: Vec<&str> = names.map(|group| group.group.as_str()).collect();
                        let members = self.members(manager, configuration, &names);
                        self.split(members, configuration.global_mesh, &mut groups);
                    }
                    ConnectivityTopology::HubAndSpoke => {
                        for group in configuration.applies_to.iter().filter(|group| group.direct) {
                            let members = self.members(manager, configuration, &[&group.group]);
                            self.split(members, group.global, &mut groups);
                        }
                    }
                }
            }
        }
        groups
    }

    /// The networks of some groups as far as they are in the input and in a region where the configuration is deployed.
    fn members(
        &self,
        manager: &NetworkManager,
        configuration: &ConnectivityConfiguration,
        groups: &[&str],
    ) -> Vec<VnetId> {
        let is_deployed = |location: &Location| {
            configuration
                .deployed_to
                .as_ref()
                .is_none_or(|regions| regions.contains(location))
        };
        self.virtual_networks
            .iter()
            .filter(|(_, vnet)| is_deployed(&vnet.location))
            .filter(|(_, vnet)| {
                groups
                    .iter()
                    .any(|group| manager.group_holds(group, &vnet.id))
            })
            .map(|(key, _)| key)
            .collect()
    }

    fn split(&self, members: Vec<VnetId>, global: bool, groups: &mut Vec<Vec<VnetId>>) {
        if global {
            groups.push(members);
            return;
        }
        let mut of_regions: Vec<(&Location, Vec<VnetId>)> = Vec::new();
        for vnet in members {
            let location = &self.virtual_networks[vnet].location;
            match of_regions
                .iter_mut()
                .find(|(region, _)| *region == location)
            {
                Some((_, group)) => group.push(vnet),
                None => of_regions.push((location, vec![vnet])),
            }
        }
        groups.extend(of_regions.into_iter().map(|(_, group)| group));
    }
}
