//! Deployments: templates with their parameters, in the order in which Azure would deploy them, nested and linked ones
//! included.

use std::collections::HashMap;

use super::{
    evaluator::{Evaluator, Tolerance},
    frame::{Fault, Frame, Slot},
    functions::as_condition,
    identity::Placement,
    resources::{NodeId, Presence},
};
use crate::{
    diagnostic::{Code, Diagnostic},
    json::{Member, Value},
    source::Span,
};

/// Deepest nesting of deployments. Azure's own templates nest about five.
const MAX_DEPLOYMENT_DEPTH: usize = 16;

/// A deployment of this evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeploymentId(pub(super) usize);

/// A template and where it is deployed.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) name: String,
    pub(super) template: Value,
    pub(super) placement: Placement,
    /// Where the expressions of the template have their meaning: in itself, or with outer scope in its parent.
    pub(super) frame: Frame,
    pub(super) parameters: HashMap<String, Slot>,
    pub(super) variables: HashMap<String, Slot>,
    /// User-defined functions by `namespace.name` in lower case.
    pub(super) functions: HashMap<String, Value>,
    /// Resources in the order of the template, children after their parent.
    pub(super) nodes: Vec<NodeId>,
    /// Resources by symbolic name in lower case, if the template has them; several for a copied one.
    pub(super) symbols: HashMap<String, Vec<NodeId>>,
    /// The deployment around it.
    pub(super) parent: Option<DeploymentId>,
    state: State,
    depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Busy,
    Expanded,
}

/// Parameters handed over to a template, by name in lower case, and where that is written.
pub(super) type Given = HashMap<String, (Span, Slot)>;

pub(super) const DEPLOYMENTS: &str = "Microsoft.Resources/deployments";

/// The members of an object inside a template, none if it is missing or no object.
fn members<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Member> + use<'v> {
    value
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|object| object.iter())
}

impl Evaluator<'_> {
    /// Takes a template in, with the parameters given to it. Nothing is evaluated yet.
    pub(super) fn add_deployment(
        &mut self,
        name: String,
        template: &Value,
        placement: Placement,
        outer: Option<Frame>,
        scope: Scope,
        given: Given,
    ) -> DeploymentId {
        let id = DeploymentId(self.deployments.len());
        let own = Frame::of(id);
        let parent = outer.as_ref().map(|frame| frame.deployment);
        let depth = parent.map_or(0, |parent| self.deployments[parent.0].depth + 1);
        let frame = match (scope, outer) {
            (Scope::Outer, Some(frame)) => frame,
            _ => own.clone(),
        };
        let parameters = self.declared_parameters(template, &own, given, scope);
        let mut variables = HashMap::new();
        for member in members(template, "variables") {
            match member.value.as_array() {
                Some(copies) if member.key.eq_ignore_ascii_case("copy") => {
                    for copy in copies {
                        let name = copy.get("name").and_then(Value::as_str).unwrap_or_default();
                        let slot = Slot::PendingCopy(copy.clone(), own.clone());
                        variables.insert(name.to_ascii_lowercase(), slot);
                    }
                }
                _ => {
                    let slot = Slot::Pending(member.value.clone(), own.clone());
                    variables.insert(member.key.to_ascii_lowercase(), slot);
                }
            }
        }
        let mut functions = HashMap::new();
        for group in template
            .get("functions")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            let namespace = group
                .get("namespace")
                .and_then(Value::as_str)
                .unwrap_or_default();
            for member in members(group, "members") {
                let name = format!("{namespace}.{}", member.key).to_ascii_lowercase();
                functions.insert(name, member.value.clone());
            }
        }
        self.deployments.push(Deployment {
            name,
            template: template.clone(),
            placement,
            frame,
            parameters,
            variables,
            functions,
            nodes: Vec::new(),
            symbols: HashMap::new(),
            parent,
            state: State::Pending,
            depth,
        });
        id
    }

    fn declared_parameters(
        &mut self,
        template: &Value,
        own: &Frame,
        mut given: Given,
        scope: Scope,
    ) -> HashMap<String, Slot> {
        let mut parameters = HashMap::new();
        for member in members(template, "parameters") {
            let lower = member.key.to_ascii_lowercase();
            let nullable = member.value.get("nullable").and_then(Value::as_bool) == Some(true);
            let kind = member
                .value
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_ascii_lowercase();
            let scalar = matches!(kind.as_str(), "string" | "securestring" | "int" | "bool");
            // A null for a parameter that cannot be null stands for "to be filled in".
            let default = member
                .value
                .get("defaultValue")
                .filter(|default| nullable || !(scalar && default.is_null()));
            let default = if let Some(default) = default {
                Slot::Pending(default.clone(), own.clone())
            } else if nullable {
                Slot::Done(Value::null(member.key_span))
            } else {
                let reason = format!("the parameter '{}' has no value and no default", member.key);
                Slot::Done(Value::unknown(member.key_span, reason))
            };
            let slot = match given.remove(&lower) {
                Some((_, Slot::Given(value, frame, _))) if matches!(default, Slot::Pending(..)) => {
                    Slot::Given(value, frame, Some(Box::new(default)))
                }
                Some((_, slot)) => slot,
                None => default,
            };
            parameters.insert(lower, slot);
        }
        // With outer scope the parameters of the nested template are nobody's.
        if scope == Scope::Inner {
            let mut undeclared: Vec<_> = given
                .into_iter()
                .map(|(name, (span, _))| (span, name))
                .collect();
            undeclared.sort();
            for (span, name) in undeclared {
                let message = format!("the template declares no parameter '{name}'");
                let warning = Diagnostic::warning(Code::BadParameter, message).at(span);
                self.report(warning.azure("InvalidTemplate"));
            }
        }
        parameters
    }

    /// Expands a deployment and everything nested in it.
    pub(super) fn deploy_all(&mut self, id: DeploymentId) {
        self.expand(id);
        let nodes = self.deployments[id.0].nodes.clone();
        // Only nested deployments have to wait for each other: bodies are evaluated when all is expanded.
        if nodes.iter().any(|node| self.nodes[node.0].child.is_some()) {
            for node in nodes {
                self.deploy(node);
            }
        }
    }

    /// Expands what is nested in a resource, after what the resource depends on: the resources of a nested deployment
    /// may be named after those of another one.
    pub(super) fn deploy(&mut self, id: NodeId) {
        if std::mem::replace(&mut self.nodes[id.0].visited, true) {
            return;
        }
        // Where dependencies are a chain too long to follow, the order of the file is as good as any.
        let _ = self.nested(1, |this| {
            for dependency in this.dependencies(id)? {
                this.deploy(dependency);
            }
            Ok(())
        });
        if let Some(child) = self.nodes[id.0].child {
            let _ = self.nested(1, |this| {
                this.deploy_all(child);
                Ok(())
            });
        }
    }

    /// The resources of the same template that a resource depends on, as far as they can be told.
    fn dependencies(&mut self, id: NodeId) -> Result<Vec<NodeId>, Fault> {
        let node = &self.nodes[id.0];
        let (deployment, frame) = (node.deployment, node.frame.clone());
        let written = match node.declaration.get("dependsOn").and_then(Value::as_array) {
            Some(written) => written.to_vec(),
            None => return Ok(Vec::new()),
        };
        let mut found = Vec::new();
        for dependency in written {
            let value = self.tolerating(Tolerance::Silent, |this| this.value(&dependency, &frame));
            let Some(text) = value.as_str() else { continue };
            let siblings = &self.deployments[deployment.0].nodes;
            if let Some(nodes) = self.deployments[deployment.0]
                .symbols
                .get(&text.to_ascii_lowercase())
            {
                found.extend_from_slice(nodes);
            } else if let Some(nodes) = self.by_id.get(&text.to_ascii_lowercase()) {
                found.extend_from_slice(nodes);
            } else {
                // A name, with or without its type, or the name of a copy loop.
                let steps = siblings.len() as u64;
                let named = |node: &&NodeId| {
                    let node = &self.nodes[node.0];
                    let name = node.names.join("/");
                    text.eq_ignore_ascii_case(&name)
                        || text.eq_ignore_ascii_case(&format!("{}/{name}", node.resource_type))
                        || node
                            .frame
                            .copies()
                            .any(|copy| copy.name.eq_ignore_ascii_case(text))
                };
                found.extend(siblings.iter().filter(named).copied());
                self.count_steps(steps)?;
            }
        }
        Ok(found)
    }

    /// Finds out which resources a deployment declares. Does nothing if that is known or under way.
    pub(super) fn expand(&mut self, id: DeploymentId) {
        let deployment = &mut self.deployments[id.0];
        if deployment.state != State::Pending {
            return;
        }
        deployment.state = State::Busy;
        let (template, frame) = (deployment.template.clone(), deployment.frame.clone());
        if let Some(resources) = template.get("resources") {
            self.declare_all(id, resources, &frame);
        }
        self.deployments[id.0].state = State::Expanded;
    }

    /// Whether a deployment is being expanded right now.
    pub(super) fn is_busy(&self, id: DeploymentId) -> bool {
        self.deployments[id.0].state == State::Busy
    }

    /// Takes in what a `Microsoft.Resources/deployments` deploys. `None`: its template is not at hand, which is reported.
    pub(super) fn nested_deployment(&mut self, id: NodeId) -> Option<DeploymentId> {
        let node = &self.nodes[id.0];
        let (declaration, frame) = (node.declaration.clone(), node.frame.clone());
        let (name, placement) = (node.names.join("/"), node.placement.clone());
        let depth = self.deployments[node.deployment.0].depth + 1;
        if node.presence != Presence::Deployed {
            return None;
        }
        if depth > MAX_DEPLOYMENT_DEPTH {
            let message = format!("deployments are nested more than {MAX_DEPLOYMENT_DEPTH} deep");
            self.report(Diagnostic::error(Code::TemplateLimit, message).at(declaration.span));
            return None;
        }
        let properties = declaration.get("properties")?;
        let (template, linked) = match properties.get("template") {
            Some(template) => (template.clone(), false),
            None => (
                self.linked_template(properties.get("templateLink")?, &frame)?,
                true,
            ),
        };
        // Azure docs, "Expression evaluation scope in nested templates": outer is the default; a linked template is
        // always on its own.
        let scope = properties
            .path(["expressionEvaluationOptions", "scope"])
            .and_then(Value::as_str);
        let inner = linked || scope.is_some_and(|scope| scope.eq_ignore_ascii_case("inner"));
        let scope = if inner { Scope::Inner } else { Scope::Outer };
        let link = properties
            .get("parametersLink")
            .and_then(|link| self.linked_parameters(link, &frame));
        let parameters = link.as_ref().or_else(|| properties.get("parameters"));
        let parameters = parameters
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|object| object.iter());
        let given = parameters.map(|member| {
            let slot = Slot::Given(member.value.clone(), frame.clone(), None);
            (member.key.to_ascii_lowercase(), (member.key_span, slot))
        });
        let given = given.collect();
        Some(self.add_deployment(name, &template, placement, Some(frame), scope, given))
    }

    /// The evaluated outputs of a deployment: `{"name": {"type": ..., "value": ...}}`.
    pub(super) fn outputs(&mut self, id: DeploymentId) -> Value {
        let (template, frame) = (
            self.deployments[id.0].template.clone(),
            self.deployments[id.0].frame.clone(),
        );
        let mut outputs = Vec::new();
        for member in template
            .get("outputs")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|object| object.iter())
        {
            let condition = member
                .value
                .get("condition")
                .map(|condition| self.value(condition, &frame));
            if condition.as_ref().and_then(as_condition) == Some(false) {
                continue;
            }
            let value = match (member.value.get("copy"), member.value.get("value")) {
                (Some(copy), _) => self.copied(copy, &member.key, &frame),
                (None, Some(value)) => self.value(value, &frame),
                (None, None) => Value::null(member.value.span),
            };
            let value = Member {
                key: "value".into(),
                key_span: member.key_span,
                value,
            };
            let kind = member
                .value
                .as_object()
                .and_then(|output| output.member("type"))
                .cloned();
            let output = Value::new(
                member.value.span,
                kind.into_iter().chain([value]).collect::<Vec<_>>(),
            );
            outputs.push(Member {
                key: member.key.clone(),
                key_span: member.key_span,
                value: output,
            });
        }
        Value::new(template.span, outputs)
    }
}

/// Where the expressions of a nested template have their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the template itself.
    Inner,
    /// In the template around it.
    Outer,
}
