//! Tenants, principals and role assignments as a scenario writes them.

use model::authorization::Authorization;

use super::shapes::{self, Named};

pub(super) fn subscriptions(authorization: &Authorization) -> Named<shapes::Subscription> {
    let tenants = authorization.tenants.iter();
    Named(
        tenants
            .map(|(subscription, tenant)| {
                let shape = shapes::Subscription {
                    tenant: Some(tenant.clone()),
                };
                (subscription.clone(), shape)
            })
            .collect(),
    )
}

pub(super) fn principals(authorization: &Authorization) -> Named<shapes::Principal> {
    let principals = authorization.principals.values();
    Named(
        principals
            .map(|principal| {
                let shape = shapes::Principal {
                    tenant: principal.tenant.clone(),
                    guest_of: principal.guest_of.clone(),
                };
                (principal.name.clone(), shape)
            })
            .collect(),
    )
}

pub(super) fn role_assignments(authorization: &Authorization) -> Vec<shapes::RoleAssignment> {
    let assignments = authorization.assignments.iter();
    assignments
        .map(|assignment| {
            let role = &assignment.role;
            // A built-in role is known by its name.
            let (actions, not_actions) = match role.name {
                Some(_) => (Vec::new(), Vec::new()),
                None => (role.actions.clone(), role.not_actions.clone()),
            };
            shapes::RoleAssignment {
                principal: Some(assignment.principal.clone()),
                role: role.name.clone(),
                actions,
                not_actions,
                scope: Some(assignment.scope.clone()),
            }
        })
        .collect()
}
