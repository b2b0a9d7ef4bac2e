//! Who may do what with virtual networks and their peerings: principals, role assignments, tenants.
//!
//! Built-in roles are those that the documents of peering name, and Azure's general ones. What this does not know: deny assignments,
//! conditions, management groups, and every operation that is no matter of virtual networks.

use std::collections::BTreeMap;

use crate::id::ResourceId;

/// Reads a link.
pub(crate) const READ: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read";
/// Creates, changes or syncs a link.
pub(crate) const WRITE: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write";
/// Deletes a link.
pub(crate) const DELETE: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete";
/// Lets another network be peered with this one.
pub(crate) const PEER: &str = "Microsoft.Network/virtualNetworks/peer/action";
/// The same for a classic network.
pub(crate) const PEER_CLASSIC: &str = "Microsoft.ClassicNetwork/virtualNetworks/peer/action";

/// What the input says of people and their rights. Empty unless a scenario says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorization {
    /// Directory tenants of subscriptions, by lower-case subscription id.
    pub tenants: BTreeMap<String, String>,
    /// Users, groups and service principals, by lower-case name.
    pub principals: BTreeMap<String, Principal>,
    /// Who has which role where.
    pub assignments: Vec<RoleAssignment>,
}

/// A user, group or service principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// As it is written.
    pub name: String,
    /// Home tenant; `None` = not said, then tenants stop nothing.
    pub tenant: Option<String>,
    /// Tenants of which it is a guest.
    pub guest_of: Vec<String>,
}

/// A role that a principal has on a scope and everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Name of the principal, compared without regard to letter case.
    pub principal: String,
    /// What it may do.
    pub role: Role,
    /// `/`, a subscription, a resource group or a resource, by its id.
    pub scope: String,
}

/// A set of actions, each possibly with `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Name of a built-in role; `None` for a custom one.
    pub name: Option<String>,
    /// What it allows.
    pub actions: Vec<String>,
    /// What it takes away from that.
    pub not_actions: Vec<String>,
}

/// What one operation needs on one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredAction {
    /// E.g. `Microsoft.Network/virtualNetworks/peer/action`.
    pub action: &'static str,
    /// The resource that is acted upon.
    pub scope: ResourceId,
    /// The built-in role that is meant for it.
    pub role: &'static str,
    /// The link whose creation needs this on the other network; `None` if the scope is what is changed or read itself.
    pub linked_from: Option<ResourceId>,
}

impl Role {
    /// Built-in roles by name, with what they allow.
    const BUILT_IN: &[(&str, &[&str], &[&str])] = &[
        ("Owner", &["*"], &[]),
        (
            "Contributor",
            &["*"],
            &[
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
            ],
        ),
        ("Reader", &["*/read"], &[]),
        ("Network Contributor", &["Microsoft.Network/*"], &[]),
        (
            "Classic Network Contributor",
            &["Microsoft.ClassicNetwork/*"],
            &[],
        ),
    ];

    /// The names of the built-in roles that are known.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        Self::BUILT_IN.iter().map(|&(name, _, _)| name)
    }

    /// A built-in role by name, without regard to letter case.
    pub fn built_in(name: &str) -> Option<Self> {
        let &(name, actions, not_actions) = Self::BUILT_IN
            .iter()
            .find(|(known, _, _)| known.eq_ignore_ascii_case(name))?;
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Some(Self {
            name: Some(name.to_owned()),
            actions: owned(actions),
            not_actions: owned(not_actions),
        })
    }

    /// True if the role allows the action and does not take it away again.
    pub fn allows(&self, action: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action));
        any(&self.actions) && !any(&self.not_actions)
    }
}

impl RoleAssignment {
    /// True if the assignment reaches a resource: it is the scope or lies below it.
    pub fn reaches(&self, resource: &ResourceId) -> bool {
        let scope = self.scope.trim_end_matches('/');
        let id = resource.as_str();
        let Some(head) = id.get(..scope.len()) else {
            return false;
        };
        head.eq_ignore_ascii_case(scope)
            && (id.len() == scope.len() || id[scope.len()..].starts_with('/'))
    }
}

impl Principal {
    /// True unless it is known that the principal does not belong to the tenant, at home or as a guest.
    pub(crate) fn may_enter(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|home| {
            home.eq_ignore_ascii_case(tenant)
                || self
                    .guest_of
                    .iter()
                    .any(|guest| guest.eq_ignore_ascii_case(tenant))
        })
    }
}

/// `*` stands for any text, `/` included; letter case does not count.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return false;
    };
    let Some(mut rest) = action.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    let mut last = "";
    for part in parts {
        open = true;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        last = part;
    }
    // The last part has to stand at the end; a text that ends with it may hold it before, too.
    rest.is_empty() || (open && (last.is_empty() || rest.ends_with(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text_and_letter_case_does_not_count() {
        for (pattern, action, expected) in [
            ("*", WRITE, true),
            ("*/read", READ, true),
            ("*/read", WRITE, false),
            ("microsoft.network/*", PEER, true),
            ("Microsoft.Network/*", PEER_CLASSIC, false),
            ("Microsoft.Network/*/peer/action", PEER, true),
            (PEER, PEER, true),
            ("Microsoft.Network/virtualNetworks/peer", PEER, false),
            ("*a", "banana", true),
            ("*an", "banana", false),
            ("b*a*a", "banana", true),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn an_assignment_reaches_its_scope_and_what_lies_below_it() {
        let vnet = ResourceId::in_group("s1", "g", "Microsoft.Network/virtualNetworks", "hub");
        let at = |scope: &str| {
            RoleAssignment {
                principal: "p".to_owned(),
                role: Role::built_in("owner").unwrap(),
                scope: scope.to_owned(),
            }
            .reaches(&vnet)
        };
        assert!(at("/") && at("/subscriptions/S1") && at("/subscriptions/s1/resourcegroups/g/"));
        assert!(at(vnet.as_str()));
        assert!(!at("/subscriptions/s") && !at("/subscriptions/s1/resourceGroups/gg"));
        assert!(!at(&format!("{vnet}/subnets/a")));
    }

    #[test]
    fn a_role_takes_back_what_it_names() {
        let contributor = Role::built_in("contributor").unwrap();
        assert!(contributor.allows(WRITE));
        assert!(!contributor.allows("Microsoft.Authorization/roleAssignments/write"));
        assert!(Role::built_in("Gardener").is_none());
    }
}
