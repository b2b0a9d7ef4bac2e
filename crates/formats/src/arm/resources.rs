//! Resources: what a template declares, with its copies, conditions and children, and who it is.

use super::{
    deployment::{DEPLOYMENTS, DeploymentId},
    evaluator::{Evaluator, Tolerance},
    frame::{Fault, Frame},
    functions::as_condition,
    identity::{self, Level, Placement},
};
use crate::{
    diagnostic::{Code, Diagnostic},
    json::{Data, Member, Value},
    source::Span,
};

/// A resource of this evaluation, deployed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) usize);

/// A resource of a template: one declaration, or one copy of it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) deployment: DeploymentId,
    pub(super) id: String,
    pub(super) resource_type: String,
    pub(super) names: Vec<String>,
    pub(super) declaration: Value,
    pub(super) frame: Frame,
    pub(super) placement: Placement,
    pub(super) presence: Presence,
    pub(super) copy_index: Option<i64>,
    /// What a `Microsoft.Resources/deployments` deploys, if its template is at hand.
    pub(super) child: Option<DeploymentId>,
    /// Whether what it depends on and what is nested in it has been looked at.
    pub(super) visited: bool,
    pub(super) body: Body,
    /// What `reference()` answers.
    pub(super) view: Option<Value>,
}

/// Whether a declared resource will be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// The template deploys it.
    Deployed,
    /// The template only refers to it.
    Existing,
    /// Its condition is false.
    Skipped,
}

/// The evaluated declaration.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Pending,
    Busy,
    Done(Value),
}

/// What a resource is to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Part of it.
    Network,
    /// May hold parts of it.
    Deployment,
    /// Nothing: mistakes in it are warnings, and what is unknown about it is a note.
    Other,
}

impl Role {
    fn of(resource_type: &str) -> Self {
        let is = |wanted: &str| resource_type.eq_ignore_ascii_case(wanted);
        if is(DEPLOYMENTS) {
            Self::Deployment
        } else if OF_NAMES
            .iter()
            .any(|names| starts_with(resource_type, names))
        {
            Self::Other
        } else if starts_with(resource_type, "Microsoft.Network")
            || is("Microsoft.Compute/virtualMachines")
            || is("Microsoft.Compute/virtualMachineScaleSets")
        {
            Self::Network
        } else {
            Self::Other
        }
    }

    fn tolerance(self) -> Tolerance {
        match self {
            Self::Network | Self::Deployment => Tolerance::None,
            Self::Other => Tolerance::Warn,
        }
    }
}

/// Resources of the network provider that answer for names and reports, not for packets.
const OF_NAMES: &[&str] = &[
    "Microsoft.Network/dnsZones",
    "Microsoft.Network/frontDoors",
    "Microsoft.Network/networkWatchers",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/trafficManagerProfiles",
];

/// What a child resource takes over from the resource around it.
#[derive(Clone)]
struct Parent {
    resource_type: String,
    names: Vec<String>,
    placement: Placement,
    scope: Option<String>,
}

/// A declaration with what is known before its copies are told apart.
#[derive(Clone, Copy)]
struct Declaration<'d> {
    deployment: DeploymentId,
    value: &'d Value,
    resource_type: &'d str,
    role: Role,
    parent: Option<&'d Parent>,
    symbol: Option<&'d str>,
}

/// Type, name and place of one resource.
struct Identity {
    id: String,
    names: Vec<String>,
    placement: Placement,
    scope: Option<String>,
    presence: Presence,
}

impl Evaluator<'_> {
    /// Adds the resources of a template's `resources`.
    pub(super) fn declare_all(
        &mut self,
        deployment: DeploymentId,
        resources: &Value,
        frame: &Frame,
    ) {
        self.declare_each(deployment, resources, frame, None, None);
    }

    fn declare_each(
        &mut self,
        deployment: DeploymentId,
        resources: &Value,
        frame: &Frame,
        parent: Option<&Parent>,
        symbol: Option<&str>,
    ) {
        match &resources.data {
            Data::Array(resources) => {
                for resource in resources.iter() {
                    self.declare(deployment, resource, frame, parent, None);
                }
            }
            // Azure docs, "Use symbolic name": language version 2.0 has an object here.
            Data::Object(resources) => {
                for member in resources.iter() {
                    let symbol = symbol.map_or_else(
                        || member.key.to_string(),
                        |parent| format!("{parent}::{}", member.key),
                    );
                    self.declare(deployment, &member.value, frame, parent, Some(&symbol));
                }
            }
            Data::Null => {}
            _ => {
                let message = format!(
                    "resources are an array, or an object with symbolic names, not {}",
                    resources.kind()
                );
                self.report(
                    Diagnostic::error(Code::WrongType, message)
                        .at(resources.span)
                        .azure("InvalidTemplate"),
                );
            }
        }
    }

    fn declare(
        &mut self,
        deployment: DeploymentId,
        value: &Value,
        frame: &Frame,
        parent: Option<&Parent>,
        symbol: Option<&str>,
    ) {
        if value.as_object().is_none() {
            if !value.is_null() {
                let message = format!("a resource is an object, not {}", value.kind());
                self.report(
                    Diagnostic::error(Code::WrongType, message)
                        .at(value.span)
                        .azure("InvalidTemplate"),
                );
            }
            return;
        }
        let Some(resource_type) = self.full_type(value, frame, parent) else {
            return;
        };
        let role = Role::of(&resource_type);
        let declaration = Declaration {
            deployment,
            value,
            resource_type: &resource_type,
            role,
            parent,
            symbol,
        };
        let Some(copy) = value.get("copy").filter(|copy| !copy.is_null()) else {
            return self.declare_one(declaration, frame, None);
        };
        // A symbolic name stands for all copies, also if there are none.
        if let Some(symbol) = symbol {
            self.deployments[deployment.0]
                .symbols
                .entry(symbol.to_ascii_lowercase())
                .or_default();
        }
        let (name, count) = self.tolerating(role.tolerance(), |this| {
            let name = copy.get("name").map(|name| this.value(name, frame));
            (name, this.copy_count(copy, frame).unwrap_or(0))
        });
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
        for index in 0..count {
            self.declare_one(declaration, &frame.in_copy(name, index, true), Some(index));
        }
    }

    fn declare_one(
        &mut self,
        declaration: Declaration<'_>,
        frame: &Frame,
        copy_index: Option<i64>,
    ) {
        let most = self.limits.resources;
        if self.nodes.len() >= most {
            let message = format!("the template deploys more than {most} resources");
            let span = self.deployments[0].template.span;
            self.report(Diagnostic::error(Code::TemplateLimit, message).at(span));
            return;
        }
        let Declaration {
            deployment,
            value,
            resource_type,
            role,
            symbol,
            ..
        } = declaration;
        let identity = self.tolerating(role.tolerance(), |this| this.identity(declaration, frame));
        let Some(Identity {
            id,
            names,
            placement,
            scope,
            presence,
        }) = identity
        else {
            return;
        };
        let node = NodeId(self.nodes.len());
        let parent = Parent {
            resource_type: resource_type.to_owned(),
            names: names.clone(),
            placement: placement.clone(),
            scope,
        };
        self.by_id
            .entry(id.to_ascii_lowercase())
            .or_default()
            .push(node);
        self.nodes.push(Node {
            deployment,
            id,
            resource_type: resource_type.to_owned(),
            names,
            declaration: value.clone(),
            frame: frame.clone(),
            placement,
            presence,
            copy_index,
            child: None,
            visited: false,
            body: Body::Pending,
            view: None,
        });
        let owner = &mut self.deployments[deployment.0];
        owner.nodes.push(node);
        if let Some(symbol) = symbol {
            owner
                .symbols
                .entry(symbol.to_ascii_lowercase())
                .or_default()
                .push(node);
        }
        if role == Role::Deployment {
            self.nodes[node.0].child = self.nested_deployment(node);
        }
        if let Some(children) = value.get("resources") {
            self.declare_each(deployment, children, frame, Some(&parent), symbol);
        }
    }

    fn identity(&mut self, declaration: Declaration<'_>, frame: &Frame) -> Option<Identity> {
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

    fn full_type(
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

    /// The evaluated declaration of a resource, with `id`, `name` and `type` as Azure's REST interface shows them.
    pub(super) fn body(&mut self, id: NodeId) -> Result<Value, Fault> {
        let node = &mut self.nodes[id.0];
        match std::mem::replace(&mut node.body, Body::Busy) {
            Body::Done(body) => {
                node.body = Body::Done(body.clone());
                return Ok(body);
            }
            Body::Busy => {
                let message = format!(
                    "the resource {} refers to itself through reference()",
                    node.names.join("/")
                );
                return Err(Fault::new(Code::TemplateCycle, message));
            }
            Body::Pending => {}
        }
        let (declaration, frame, child) =
            (node.declaration.clone(), node.frame.clone(), node.child);
        let role = Role::of(&node.resource_type);
        let span = declaration.span;
        let place = |key: &str| declaration.get(key).map_or(span, |value| value.span);
        let entry = |key: &str, text: &str| Member {
            key: key.into(),
            key_span: span,
            value: Value::new(place(key), text),
        };
        let name = node.names.last().map_or("", String::as_str);
        let mut members = vec![
            entry("id", &node.id),
            entry("name", name),
            entry("type", &node.resource_type),
        ];
        if let Some(child) = child {
            self.expand(child);
            // What a deployment hands out may be nothing to a network; where it is used, that is told.
            let outputs = self.tolerating(Tolerance::Warn, |this| this.outputs(child));
            let properties = vec![Member {
                key: "outputs".into(),
                key_span: span,
                value: outputs,
            }];
            members.push(Member {
                key: "properties".into(),
                key_span: span,
                value: Value::new(span, properties),
            });
        } else if role != Role::Deployment {
            self.tolerating(role.tolerance(), |this| {
                for member in declaration
                    .as_object()
                    .into_iter()
                    .flat_map(|object| object.iter())
                {
                    if !NOT_IN_THE_BODY
                        .iter()
                        .any(|key| member.key.eq_ignore_ascii_case(key))
                    {
                        members.push(Member {
                            value: this.value(&member.value, &frame),
                            ..member.clone()
                        });
                    }
                }
            });
        }
        let body = Value::new(span, members);
        self.nodes[id.0].body = Body::Done(body.clone());
        Ok(body)
    }
}

/// Members of a declaration that steer the deployment, or that the body has already.
const NOT_IN_THE_BODY: &[&str] = &[
    "comments",
    "condition",
    "copy",
    "dependsOn",
    "existing",
    "id",
    "metadata",
    "name",
    "resourceGroup",
    "resources",
    "scope",
    "subscriptionId",
    "type",
];

fn starts_with(text: &str, prefix: &str) -> bool {
    let head = text.get(..prefix.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        && matches!(text.as_bytes().get(prefix.len()), None | Some(b'/'))
}
