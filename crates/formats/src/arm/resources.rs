//! Resources: what a template declares, with its copies, conditions and children.
//!
//! Who they are is told by `naming`, what they hold by `body`.

mod body;
mod naming;

use super::{
    deployment::{DEPLOYMENTS, DeploymentId},
    evaluator::{Evaluator, Tolerance},
    frame::Frame,
    identity::Placement,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    json::{Data, Value},
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
}

fn starts_with(text: &str, prefix: &str) -> bool {
    let head = text.get(..prefix.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        && matches!(text.as_bytes().get(prefix.len()), None | Some(b'/'))
}
