//! Tenants of subscriptions, principals and role assignments, as a scenario says them.

use model::ResourceId;
use model::authorization::{Principal, Role, RoleAssignment};

use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, Reference};
use super::scenario_only::{Additions, Entry};
use super::view::View;
use crate::json::Value;

impl Builder<'_> {
    pub(super) fn authorization(&mut self, additions: &Additions) {
        for entry in &additions.subscriptions {
            self.reader
                .begin(format_args!("subscription {}", entry.key), Origin::Authored);
            let view = View::of_resource([&entry.value], entry.value.span);
            if let Some(tenant) = self.reader.text(&view, "tenant") {
                let subscription = entry.key.to_ascii_lowercase();
                self.network
                    .authorization
                    .tenants
                    .insert(subscription, tenant.to_owned());
            }
        }
        for entry in &additions.principals {
            self.principal(entry);
        }
        for value in &additions.role_assignments {
            if let Some(assignment) = self.role_assignment(value) {
                self.network.authorization.assignments.push(assignment);
            }
        }
    }

    fn principal(&mut self, entry: &Entry) {
        self.reader
            .begin(format_args!("principal {}", entry.key), Origin::Authored);
        let view = View::of_resource([&entry.value], entry.value.span);
        let guest_of = self.reader.texts(&view, "guestOf");
        let principal = Principal {
            name: entry.key.to_string(),
            tenant: self.reader.text(&view, "tenant").map(str::to_owned),
            guest_of: guest_of
                .into_iter()
                .map(|(tenant, _, _)| tenant.to_owned())
                .collect(),
        };
        self.network
            .authorization
            .principals
            .insert(entry.key.to_ascii_lowercase(), principal);
    }

    fn role_assignment(&mut self, value: &Value) -> Option<RoleAssignment> {
        let view = View::of_resource([value], value.span);
        let principal = self.reader.text(&view, "principal");
        self.reader.begin(
            format_args!("role assignment of {}", principal.unwrap_or("nobody")),
            Origin::Authored,
        );
        if principal.is_none() {
            self.reader.missing(
                &view,
                "principal",
                "the name of a user, group or service principal",
            );
        }
        let role = self.role(&view);
        let scope = self.scope(&view);
        Some(RoleAssignment {
            principal: principal?.to_owned(),
            role: role?,
            scope: scope?,
        })
    }

    /// A built-in role by its name, or actions.
    fn role(&mut self, view: &View<'_>) -> Option<Role> {
        let mut list = |key| -> Vec<String> {
            let texts = self.reader.texts(view, key);
            texts
                .into_iter()
                .map(|(text, _, _)| text.to_owned())
                .collect()
        };
        let (actions, not_actions) = (list("actions"), list("notActions"));
        let known: Vec<&str> = Role::built_in_names().collect();
        let expected = format!("{}, or a list of actions", known.join(", "));
        match (view.get("role"), actions.is_empty()) {
            (None, false) => Some(Role {
                name: None,
                actions,
                not_actions,
            }),
            (Some(value), true) => {
                let role = value.as_str().and_then(Role::built_in);
                if role.is_none() {
                    self.reader.bad(view, "role", value, &expected);
                }
                role
            }
            (Some(value), false) => {
                self.reader
                    .bad(view, "role", value, "either a role or actions, not both");
                None
            }
            (None, true) => {
                self.reader.missing(view, "role", &expected);
                None
            }
        }
    }

    /// An id of a scope, or the name of a virtual network.
    fn scope(&mut self, view: &View<'_>) -> Option<String> {
        const EXPECTED: &str = "/, /subscriptions/ID, the id of a resource group or resource, or the name of a virtual network";
        let Some(value) = view.get("scope") else {
            self.reader.missing(view, "scope", EXPECTED);
            return None;
        };
        let text = value.as_str().unwrap_or_default().trim();
        if !text.starts_with('/') {
            let reference = Reference {
                text,
                span: value.span,
                path: view.path("scope"),
            };
            let vnet = self.resolve(&reference, Kind::VirtualNetwork)?;
            return Some(vnet.to_string());
        }
        let segments: Vec<&str> = text.trim_matches('/').split('/').collect();
        let is = |position: usize, word: &str| {
            segments
                .get(position)
                .is_some_and(|segment| segment.eq_ignore_ascii_case(word))
        };
        let known = match segments.len() {
            1 => segments[0].is_empty(),
            2 => is(0, "subscriptions"),
            4 => is(0, "subscriptions") && is(2, "resourceGroups"),
            _ => is(0, "subscriptions") && ResourceId::parse(text).is_ok(),
        };
        if !known {
            self.reader.bad(view, "scope", value, EXPECTED);
        }
        known.then(|| text.to_owned())
    }
}
