//! Who a declared resource is: its type, names and place, and whether it will be there.

use super::{Declaration, Identity, NodeId, Parent, Presence, Role, starts_with};
use crate::{
    arm::{
        deployment::DeploymentId,
        evaluator::{Evaluator, Tolerance},
        frame::Frame,
        functions::as_condition,
        identity::{self, Level, Placement},
    },
    diagnostic::{Code, Diagnostic},
    json::{Data, Value},
    source::Span,
};

impl Evaluator<'_> {
    pub(super) fn identity(
        &mut self,
        declaration: Declaration<'_>,
        frame: &Frame,
    ) -> Option<Identity> {
        let Declaration {
            deployment,
            value,
            resource_type,
            role,
            parent,
            ..
        } = declaration;
        let presence = self.presence(value, frame, role);
        // Who a resource would be that is not deployed matters only if it can be told.
        let tolerance = if presence == Presence::Deployed {
            Tolerance::None
        } else {
            Tolerance::Silent
        };
        self.tolerating(tolerance, |this| {
            let span = value.get("name").map_or(value.span, |name| name.span);
            let names = this.full_name(declaration, frame)?;
            let base = parent
                .map_or(&this.deployments[deployment.0].placement, |parent| {
                    &parent.placement
                })
                .clone();
            let placement = this.placement(value, frame, base, role)?;
            let scope = match value.get("scope").filter(|_| role != Role::Deployment) {
                Some(scope) => Some(this.extension_scope(scope, frame, &placement, role)?),
                None => parent.and_then(|parent| parent.scope.clone()),
            };
            let below = scope.clone().unwrap_or_else(|| placement.id());
            let segments: Vec<&str> = names.iter().map(String::as_str).collect();
            let id = if segments.iter().any(|segment| segment.is_empty()) {
                Err("a name is empty".to_owned())
            } else {
                identity::resource_id(&below, resource_type, &segments)
            };
            match id {
                Ok(id) => {
                    this.check_duplicate(deployment, &id, role, presence, span);
                    Some(Identity {
                        id,
                        names,
                        placement,
                        scope,
                        presence,
                    })
                }
                Err(message) => {
                    let error = Diagnostic::error(Code::BadResourceName, message)
                        .at(span)
                        .azure("InvalidTemplate");
                    let expected = "as many names, separated by slashes, as the type has segments";
                    this.report(error.value(names.join("/")).expected(expected));
                    None
                }
            }
        })
    }

    /// Azure docs, "Conditional deployment": a false condition does not cascade to child resources.
    fn presence(&mut self, value: &Value, frame: &Frame, role: Role) -> Presence {
        let there = match value.get("existing").and_then(as_condition) {
            Some(true) => Presence::Existing,
            _ => Presence::Deployed,
        };
        let Some(written) = value.get("condition") else {
            return there;
        };
        let condition = self.value(written, frame);
        match (as_condition(&condition), &condition.data) {
            (Some(true), _) => return there,
            (Some(false), _) => {}
            (None, Data::Unknown(unknown)) => {
                let message = format!(
                    "whether this resource is deployed is not known: {}",
                    unknown.reason()
                );
                self.report_unknown(
                    message,
                    written.span,
                    "condition",
                    "true or false",
                    role,
                    unknown.is_reported(),
                );
            }
            (None, _) => {
                let message = format!("a condition is true or false, not {}", condition.kind());
                let error = Diagnostic::error(Code::WrongType, message)
                    .at(written.span)
                    .property("condition");
                self.report(error.value(&condition).azure("InvalidTemplate"));
            }
        }
        Presence::Skipped
    }

    fn report_unknown(
        &mut self,
        message: String,
        span: Span,
        property: &str,
        expected: &str,
        role: Role,
        reported: bool,
    ) {
        if reported {
            return;
        }
        let diagnostic = match role {
            Role::Network | Role::Deployment => Diagnostic::error(Code::UnknownValue, message),
            Role::Other => Diagnostic::note(Code::UnknownValue, message),
        };
        self.report(diagnostic.at(span).property(property).expected(expected));
    }

    /// A string that decides about the identity of a resource. `None`: it cannot be told, which is reported.
    fn identity_text(
        &mut self,
        written: &Value,
        frame: &Frame,
        property: &str,
        role: Role,
    ) -> Option<String> {
        let value = self.value(written, frame);
        match &value.data {
            Data::String(text) => return Some(text.trim().to_owned()),
            Data::Integer(number) => return Some(number.to_string()),
            Data::Unknown(unknown) => {
                let message = format!(
                    "the {property} of this resource is not known: {}",
                    unknown.reason()
                );
                self.report_unknown(
                    message,
                    written.span,
                    property,
                    "a string",
                    role,
                    unknown.is_reported(),
                );
            }
            _ => {
                let message = format!(
                    "the {property} of a resource is a string, not {}",
                    value.kind()
                );
                let error = Diagnostic::error(Code::WrongType, message)
                    .at(written.span)
                    .property(property);
                self.report(error.value(&value).azure("InvalidTemplate"));
            }
        }
        None
    }

    pub(super) fn full_type(
        &mut self,
        value: &Value,
        frame: &Frame,
        parent: Option<&Parent>,
    ) -> Option<String> {
        let Some(written) = value.get("type") else {
            // Extensible resources (`import`) name their type elsewhere; they are not Azure's.
            if value.get("import").is_none() && value.get("extension").is_none() {
                let error = Diagnostic::error(Code::MissingProperty, "this resource has no type");
                self.report(error.at(value.span).azure("InvalidTemplate"));
            }
            return None;
        };
        let text = self.identity_text(written, frame, "type", Role::Network)?;
        // A symbolic type of an extension has the version in it: `Microsoft.Graph/groups@v1.0`.
        let text = text.split('@').next().unwrap_or_default().trim_matches('/');
        match parent {
            // A child has the rest of the type; written in full it is accepted too.
            Some(parent) if !starts_with(text, &parent.resource_type) => {
                Some(format!("{}/{text}", parent.resource_type))
            }
            _ => Some(text.to_owned()),
        }
    }

    fn full_name(&mut self, declaration: Declaration<'_>, frame: &Frame) -> Option<Vec<String>> {
        let Declaration {
            value,
            resource_type,
            role,
            parent,
            ..
        } = declaration;
        let Some(written) = value.get("name") else {
            let error = Diagnostic::error(Code::MissingProperty, "this resource has no name");
            self.report(error.at(value.span).azure("InvalidTemplate"));
            return None;
        };
        let text = if role == Role::Deployment {
            // The name of a deployment decides nothing: what it deploys is in its template.
            let name = self.tolerating(Tolerance::Warn, |this| this.value(written, frame));
            name.as_str()
                .map_or_else(|| format!("deployment{}", self.nodes.len()), str::to_owned)
        } else {
            self.identity_text(written, frame, "name", role)?
        };
        let mut names: Vec<String> = text.split('/').map(|name| name.trim().to_owned()).collect();
        if let Some(parent) = parent {
            let wanted = resource_type.split('/').count() - 1;
            if names.len() < wanted {
                names.splice(0..0, parent.names.iter().cloned());
            }
        }
        Some(names)
    }

    /// Where a resource goes that names a subscription or resource group of its own.
    fn placement(
        &mut self,
        value: &Value,
        frame: &Frame,
        base: Placement,
        role: Role,
    ) -> Option<Placement> {
        let mut placement = base;
        if role == Role::Deployment
            && let Some(scope) = value.get("scope")
        {
            placement = placement.of_id(&self.identity_text(scope, frame, "scope", role)?);
        }
        if let Some(subscription) = value.get("subscriptionId").filter(|value| !value.is_null()) {
            placement.subscription =
                self.identity_text(subscription, frame, "subscriptionId", role)?;
            placement.level = Level::Subscription;
        }
        if let Some(group) = value.get("resourceGroup").filter(|value| !value.is_null()) {
            placement.resource_group = self.identity_text(group, frame, "resourceGroup", role)?;
            placement.level = Level::ResourceGroup;
        }
        Some(placement)
    }

    /// The resource that an extension resource belongs to.
    fn extension_scope(
        &mut self,
        scope: &Value,
        frame: &Frame,
        placement: &Placement,
        role: Role,
    ) -> Option<String> {
        let text = self.identity_text(scope, frame, "scope", role)?;
        let text = text.trim_end_matches('/');
        Some(match text {
            "" => String::new(),
            _ if text.starts_with('/') => text.to_owned(),
            _ if starts_with(text, "Microsoft.Management") => placement.of_id(text).id(),
            _ => format!("{}/providers/{text}", placement.id()),
        })
    }

    fn check_duplicate(
        &mut self,
        deployment: DeploymentId,
        id: &str,
        role: Role,
        presence: Presence,
        span: Span,
    ) {
        if presence != Presence::Deployed || role != Role::Network {
            return;
        }
        let deployed = |node: &&NodeId| {
            let node = &self.nodes[node.0];
            node.deployment == deployment && node.presence == Presence::Deployed
        };
        if let Some(earlier) = self
            .by_id
            .get(&id.to_ascii_lowercase())
            .into_iter()
            .flatten()
            .find(deployed)
        {
            let declaration = &self.nodes[earlier.0].declaration;
            let first = self.sources.position(
                declaration
                    .get("name")
                    .map_or(declaration.span, |name| name.span),
            );
            let message =
                format!("the resource is declared twice in this template; first at {first}");
            let error = Diagnostic::error(Code::DuplicateResource, message)
                .at(span)
                .resource(id);
            self.report(error.azure("InvalidTemplate"));
        }
    }
}
