//! Operations on route tables and security groups.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use ipnet::Ipv4Net;

use super::{Network, not_there};
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::route_table::{Route, RouteDestination, RouteTable};
use crate::security::{ApplicationSecurityGroup, NetworkSecurityGroup, SecurityRule};
use crate::table::{AsgId, NsgId, RouteTableId};

impl Network {
    /// Creates a route table.
    pub fn create_route_table(
        &mut self,
        table: RouteTable,
    ) -> Result<RouteTableId, OperationError> {
        not_there(&self.route_tables, &table.id)?;
        check_routes(&table.id, &table.routes)?;
        Ok(self.route_tables.add(table))
    }

    /// Replaces the routes of a table.
    pub fn set_routes(
        &mut self,
        table: RouteTableId,
        routes: Vec<Route>,
    ) -> Result<(), OperationError> {
        let present = &self.route_tables[table];
        check_routes(&present.id, &routes)?;
        let changed = RouteTable {
            routes,
            ..present.clone()
        };
        for subnet in self
            .subnets
            .values()
            .filter(|subnet| subnet.route_table == Some(table))
        {
            check_route_table_on(&subnet.id, &changed)?;
        }
        *self.route_tables.get_mut(table).expect("indexed above") = changed;
        Ok(())
    }

    /// Creates a network security group.
    pub fn create_network_security_group(
        &mut self,
        group: NetworkSecurityGroup,
    ) -> Result<NsgId, OperationError> {
        not_there(&self.nsgs, &group.id)?;
        check_rules(&group.id, &group.rules)?;
        Ok(self.nsgs.add(group))
    }

    /// Replaces the rules of a group (S-22).
    pub fn set_security_rules(
        &mut self,
        nsg: NsgId,
        rules: Vec<SecurityRule>,
    ) -> Result<(), OperationError> {
        check_rules(&self.nsgs[nsg].id, &rules)?;
        self.nsgs.get_mut(nsg).expect("indexed above").rules = rules.into();
        Ok(())
    }

    /// Creates an application security group.
    pub fn create_application_security_group(
        &mut self,
        group: ApplicationSecurityGroup,
    ) -> Result<AsgId, OperationError> {
        not_there(&self.asgs, &group.id)?;
        Ok(self.asgs.add(group))
    }
}

/// no two routes of a table have one destination.
fn check_routes(table: &ResourceId, routes: &[Route]) -> Result<(), OperationError> {
    let mut names = HashSet::with_capacity(routes.len());
    let mut destinations = HashMap::with_capacity(routes.len());
    for route in routes {
        if !names.insert(route.name.to_ascii_lowercase()) {
            return Err(OperationError::DuplicateName {
                resource: table.clone(),
                what: "routes",
                name: route.name.clone(),
            });
        }
        if let Some(first) = destinations.insert(&route.destination, &route.name) {
            let prefix = match &route.destination {
                RouteDestination::Prefix(prefix) => prefix.to_string(),
                RouteDestination::Tag(tag) => tag.to_string(),
            };
            return Err(OperationError::RouteConflict {
                resource: table.clone(),
                first: first.clone(),
                second: route.name.clone(),
                prefix,
            });
        }
    }
    Ok(())
}

/// S-1: priority is unique in a direction. S-2: names are unique in the group.
fn check_rules(group: &ResourceId, rules: &[SecurityRule]) -> Result<(), OperationError> {
    let hasher = RandomState::default();
    let mut priorities = HashMap::with_capacity_and_hasher(rules.len(), hasher.clone());
    let mut names = HashSet::with_capacity_and_hasher(rules.len(), hasher);
    for rule in rules {
        if !names.insert(rule.name.to_ascii_lowercase()) {
            return Err(OperationError::DuplicateName {
                resource: group.clone(),
                what: "security rules",
                name: rule.name.clone(),
            });
        }
        if let Some(first) = priorities.insert((rule.direction, rule.priority), &rule.name) {
            return Err(OperationError::RuleConflict {
                resource: group.clone(),
                first: first.clone(),
                second: rule.name.clone(),
                direction: rule.direction,
            });
        }
    }
    Ok(())
}

/// What a table must not do to gateways and route servers (R-29, G-1, G-6).
pub(super) fn check_route_table_on(
    subnet: &ResourceId,
    table: &RouteTable,
) -> Result<(), OperationError> {
    let is = |name| subnet.name().eq_ignore_ascii_case(name);
    if !is("GatewaySubnet") && !is("RouteServerSubnet") {
        return Ok(());
    }
    let refuse = |reason| {
        Err(OperationError::RouteTableNotAllowed {
            route_table: table.id.clone(),
            subnet: subnet.clone(),
            reason,
        })
    };
    if is("RouteServerSubnet") {
        return refuse("RouteServerSubnet takes no route table"); // G-1
    }
    if table.gateway_propagation_disabled {
        return refuse(
            "a gateway needs its own routes, so route propagation cannot be disabled on GatewaySubnet",
        );
    }
    if table
        .routes
        .iter()
        .any(|route| route.destination == RouteDestination::Prefix(Ipv4Net::default()))
    {
        return refuse("a route for 0.0.0.0/0 is not supported on GatewaySubnet"); // G-6
    }
    Ok(())
}
