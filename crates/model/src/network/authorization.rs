//! Who may do what with peering links: what an operation needs, and whether a principal has it.

use super::Network;
use crate::authorization::{DELETE, PEER, PEER_CLASSIC, READ, RequiredAction, WRITE};
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::table::{LinkId, VnetId};

/// What operations need, and whether a principal has it.
impl Network {
    /// To read the links of a network, or one of them.
    pub fn required_to_read(&self, scope: &ResourceId) -> Vec<RequiredAction> {
        vec![RequiredAction {
            action: READ,
            scope: scope.clone(),
            role: "Network Contributor",
            linked_from: None,
        }]
    }

    /// To create, change or sync a link: to write it, and to be let in by the other network.
    pub fn required_to_write(&self, link: &ResourceId, remote: &ResourceId) -> Vec<RequiredAction> {
        let (action, role) = if self.is_classic(remote) {
            (PEER_CLASSIC, "Classic Network Contributor")
        } else {
            (PEER, "Network Contributor")
        };
        vec![
            RequiredAction {
                action: WRITE,
                scope: link.clone(),
                role: "Network Contributor",
                linked_from: None,
            },
            RequiredAction {
                action,
                scope: remote.clone(),
                role,
                linked_from: Some(link.clone()),
            },
        ]
    }

    /// To create a link of this name.
    pub fn required_to_create(
        &self,
        vnet: VnetId,
        name: &str,
        remote: &ResourceId,
    ) -> Vec<RequiredAction> {
        let holder = &self.virtual_networks[vnet].id;
        self.required_to_write(&holder.child("virtualNetworkPeerings", name), remote)
    }

    /// To change or sync a link.
    pub fn required_to_change(&self, link: LinkId) -> Vec<RequiredAction> {
        let link = &self.peerings[link];
        self.required_to_write(&link.id, &link.remote)
    }

    /// To delete a link. The other network is not asked.
    pub fn required_to_delete(&self, link: LinkId) -> Vec<RequiredAction> {
        vec![RequiredAction {
            action: DELETE,
            scope: self.peerings[link].id.clone(),
            role: "Network Contributor",
            linked_from: None,
        }]
    }

    /// Whether a principal has a right, by its role assignments alone.
    pub fn is_granted(&self, principal: &str, required: &RequiredAction) -> bool {
        self.authorization.assignments.iter().any(|assignment| {
            assignment.principal.eq_ignore_ascii_case(principal)
                && assignment.reaches(&required.scope)
                && assignment.role.allows(required.action)
        })
    }

    /// Refuses as Azure does what a principal may not do.
    pub fn authorize(
        &self,
        principal: &str,
        required: &[RequiredAction],
    ) -> Result<(), OperationError> {
        for needed in required {
            let who = principal.to_owned();
            let (action, scope) = (needed.action, needed.scope.clone());
            let foreign = self.foreign_tenant(principal, &scope);
            let granted = self.is_granted(principal, needed);
            match &needed.linked_from {
                Some(link) if foreign => {
                    return Err(OperationError::LinkedTenantNotAuthorized {
                        action,
                        link: link.clone(),
                        tenant: self.tenant_of(link).unwrap_or_default().to_owned(),
                        subscription: scope.subscription().unwrap_or_default().to_owned(),
                    });
                }
                Some(link) if !granted => {
                    return Err(OperationError::LinkedAuthorizationFailed {
                        principal: who,
                        write: WRITE,
                        link: link.clone(),
                        action,
                        scope,
                    });
                }
                None if foreign || !granted => {
                    return Err(OperationError::AuthorizationFailed {
                        principal: who,
                        action,
                        scope,
                    });
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// The tenant of the subscription in which a resource lies, if the input says it.
    pub fn tenant_of(&self, resource: &ResourceId) -> Option<&str> {
        let subscription = resource.subscription()?.to_ascii_lowercase();
        self.authorization
            .tenants
            .get(&subscription)
            .map(String::as_str)
    }

    /// True if the resource lies in a tenant to which the principal does not belong.
    fn foreign_tenant(&self, principal: &str, resource: &ResourceId) -> bool {
        let principal = self
            .authorization
            .principals
            .get(&principal.to_ascii_lowercase());
        match (principal, self.tenant_of(resource)) {
            (Some(principal), Some(tenant)) => !principal.may_enter(tenant),
            _ => false,
        }
    }
}
