//! Virtual network managers, and what Azure checks of their rules.

use std::collections::HashSet;

use super::{Network, not_there};
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::network_manager::{NetworkManager, SecurityAdminConfiguration};
use crate::table::NetworkManagerId;

impl Network {
    /// Creates a network manager with what it holds. Names are unique among siblings, and a collection applies to groups that exist.
    pub fn create_network_manager(
        &mut self,
        manager: NetworkManager,
    ) -> Result<NetworkManagerId, OperationError> {
        not_there(&self.managers, &manager.id)?;
        check(&manager)?;
        Ok(self.managers.add(manager))
    }

    /// Replaces the security admin configurations of a manager.
    pub fn set_security_admin_configurations(
        &mut self,
        manager: NetworkManagerId,
        configurations: Vec<SecurityAdminConfiguration>,
    ) -> Result<(), OperationError> {
        let changed = NetworkManager {
            security_admin_configurations: configurations,
            ..self.managers[manager].clone()
        };
        check(&changed)?;
        *self.managers.get_mut(manager).expect("indexed above") = changed;
        Ok(())
    }
}

fn check(manager: &NetworkManager) -> Result<(), OperationError> {
    let id = &manager.id;
    unique(
        id,
        "network groups",
        manager.network_groups.iter().map(|group| &group.name),
    )?;
    unique(
        id,
        "connectivity configurations",
        manager
            .connectivity_configurations
            .iter()
            .map(|configuration| &configuration.name),
    )?;
    let configurations = &manager.security_admin_configurations;
    unique(
        id,
        "security admin configurations",
        configurations
            .iter()
            .map(|configuration| &configuration.name),
    )?;
    for configuration in configurations {
        let id = id.child("securityAdminConfigurations", &configuration.name);
        let collections = &configuration.rule_collections;
        unique(
            &id,
            "rule collections",
            collections.iter().map(|collection| &collection.name),
        )?;
        for collection in collections {
            let id = id.child("ruleCollections", &collection.name);
            let rules = &collection.rules;
            unique(
                &id,
                "security admin rules",
                rules.iter().map(|rule| &rule.name),
            )?;
            let stranger = collection.applies_to.iter().find(|name| {
                !manager
                    .network_groups
                    .iter()
                    .any(|group| group.name.eq_ignore_ascii_case(name))
            });
            if let Some(group) = stranger {
                return Err(OperationError::UnknownNetworkGroup {
                    collection: id,
                    group: group.clone(),
                });
            }
        }
    }
    Ok(())
}

fn unique<'a>(
    resource: &ResourceId,
    what: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), OperationError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(OperationError::DuplicateName {
                resource: resource.clone(),
                what,
                name: name.clone(),
            });
        }
    }
    Ok(())
}
