//! `reference()` and its siblings: what is known of a resource that another one asks for.
//!
//! A resource of the same input answers with its evaluated properties, the ids that Azure gives to the parts inside it,
//! and the values assigned by [`super::assign`]. The answer is an *open* object: whatever else is asked of it is set by
//! Azure and unknown. A resource outside the input is unknown as a whole.

use super::{
    deployment::DEPLOYMENTS,
    evaluator::Evaluator,
    frame::{Fault, Frame},
    functions::object,
    resources::{Body, NodeId, Presence},
};
use crate::{
    json::{Data, Member, Object, Value},
    source::Span,
};

impl Evaluator<'_> {
    /// `reference(name or id, [api version], ['Full'])`.
    pub(super) fn reference(
        &mut self,
        values: &[Value],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let name = text(values, "reference")?;
        let full = values
            .get(2)
            .and_then(Value::as_str)
            .is_some_and(|text| text.eq_ignore_ascii_case("full"));
        match self.find(name, frame)? {
            Found::Node(node) => self.answer(node, full, span),
            Found::Part(node, collection, part) => {
                let resource = self.answer(node, false, span)?;
                let parts = resource
                    .get(&collection)
                    .and_then(Value::as_array)
                    .unwrap_or_default();
                let named = |value: &&Value| {
                    value
                        .get("name")
                        .and_then(Value::as_str)
                        .is_some_and(|n| n.eq_ignore_ascii_case(&part))
                };
                let found = parts.iter().find(named);
                let found = if full {
                    found
                } else {
                    found.and_then(|found| found.get("properties"))
                };
                Ok(found.cloned().unwrap_or_else(|| {
                    Value::unknown(span, format!("{name} is not part of the input"))
                }))
            }
            Found::Nothing => Ok(Value::unknown(
                span,
                format!("{name} is not part of the input"),
            )),
        }
    }

    /// `references(symbolic name, ['full'])`: all copies of a resource.
    pub(super) fn references(
        &mut self,
        values: &[Value],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let name = text(values, "references")?;
        let full = values
            .get(1)
            .and_then(Value::as_str)
            .is_some_and(|text| text.eq_ignore_ascii_case("full"));
        let nodes = self.deployments[frame.deployment.0]
            .symbols
            .get(&name.to_ascii_lowercase())
            .cloned();
        let nodes = nodes.ok_or_else(|| {
            Fault::argument(format!(
                "the template has no resource with the symbolic name '{name}'"
            ))
        })?;
        let answers = nodes
            .into_iter()
            .map(|node| self.answer(node, full, span))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Value::new(span, answers))
    }

    /// `resourceInfo(symbolic name)`: what is known without deploying it.
    pub(super) fn resource_info(
        &mut self,
        values: &[Value],
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        let name = text(values, "resourceInfo")?;
        let Found::Node(node) = self.find(name, frame)? else {
            return Err(Fault::argument(format!(
                "the template has no resource with the symbolic name '{name}'"
            )));
        };
        let node = &self.nodes[node.0];
        let entries = [
            ("id", node.id.clone().into()),
            ("name", node.names.join("/").into()),
            ("type", node.resource_type.clone().into()),
        ];
        Ok(Value::new(span, object(span, entries).opened()))
    }

    fn answer(&mut self, id: NodeId, full: bool, span: Span) -> Result<Value, Fault> {
        let node = &self.nodes[id.0];
        let unknown = |reason: &str| Ok(Value::unknown(span, format!("{} {reason}", node.id)));
        match node.presence {
            Presence::Skipped => return unknown("is not deployed: its condition is false"),
            Presence::Existing => return unknown("is not part of the input"),
            Presence::Deployed => {}
        }
        if node.child.is_some_and(|child| self.is_busy(child)) {
            return Err(Fault::new(
                crate::diagnostic::Code::TemplateCycle,
                format!("the deployment {} refers to itself", node.names.join("/")),
            ));
        }
        let view = if let Some(view) = &node.view {
            view.clone()
        } else {
            self.deploy(id);
            let view = self.nested(1, |this| {
                let body = this.body(id)?;
                let node = &this.nodes[id.0];
                let body = this.assignments.write_into(&node.id, body);
                Ok(opened(&with_part_ids(body, &node.id)))
            })?;
            self.nodes[id.0].view = Some(view.clone());
            view
        };
        if full {
            return Ok(view);
        }
        match view.get("properties") {
            Some(properties) => Ok(properties.clone()),
            None => Ok(Value::new(span, object(span, []).opened())),
        }
    }

    /// What a symbolic name, a name or an id means.
    fn find(&mut self, name: &str, frame: &Frame) -> Result<Found, Fault> {
        let deployment = &self.deployments[frame.deployment.0];
        let (symbol, index) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((symbol, index)) => (symbol, index.parse::<usize>().ok()),
            None => (name, None),
        };
        if let Some(nodes) = deployment.symbols.get(&symbol.to_ascii_lowercase()) {
            let node = nodes.get(index.unwrap_or(0)).copied();
            let fault = || Fault::argument(format!("there is no copy {name}"));
            return node.map(Found::Node).ok_or_else(fault);
        }
        if let Some(node) = self.find_by_name(name, frame) {
            return Ok(Found::Node(node));
        }
        // Azure docs, "reference": without a leading slash it is provider, type and name.
        let id = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("{}/providers/{name}", deployment.placement.id())
        };
        let id = id.trim_end_matches('/');
        let node = self.deployed(id);
        if let Some(node) = node.filter(|node| !matches!(self.nodes[node.0].body, Body::Busy)) {
            return Ok(Found::Node(node));
        }
        // A subnet may be written inside its network, and a second deployment may write it again with what it was.
        let mut segments = id.rsplitn(3, '/');
        if let (Some(part), Some(collection), Some(owner)) =
            (segments.next(), segments.next(), segments.next())
            && let Some(owner) = self.deployed(owner)
        {
            return Ok(Found::Part(owner, collection.to_owned(), part.to_owned()));
        }
        Ok(node.map_or(Found::Nothing, Found::Node))
    }

    /// A name alone is unique within a template.
    fn find_by_name(&self, name: &str, frame: &Frame) -> Option<NodeId> {
        let named = |node: &&NodeId| {
            self.nodes[node.0]
                .names
                .join("/")
                .eq_ignore_ascii_case(name)
        };
        let own = self.deployments[frame.deployment.0].nodes.iter();
        // A nested template with outer scope names its own resources, too.
        let nested = self
            .deployments
            .iter()
            .filter(|nested| nested.frame.deployment == frame.deployment);
        let mut candidates = own
            .chain(nested.flat_map(|nested| nested.nodes.iter()))
            .filter(named);
        // Two resources may share a name, as a VNet and its NSG; a deployment is what is mostly asked for.
        let first = candidates.next()?;
        let deployment = |node: &&NodeId| {
            self.nodes[node.0]
                .resource_type
                .eq_ignore_ascii_case(DEPLOYMENTS)
        };
        if deployment(&first) {
            Some(*first)
        } else {
            Some(*candidates.find(deployment).unwrap_or(first))
        }
    }

    /// The resource with an id: rather one that is deployed than one that is only declared, rather one that is not
    /// being evaluated.
    fn deployed(&self, id: &str) -> Option<NodeId> {
        let nodes = self.by_id.get(&id.to_ascii_lowercase())?;
        let deployed = || {
            nodes
                .iter()
                .filter(|node| self.nodes[node.0].presence == Presence::Deployed)
        };
        let idle = deployed().find(|node| !matches!(self.nodes[node.0].body, Body::Busy));
        idle.or(deployed().next()).or(nodes.first()).copied()
    }
}

/// What a reference means.
enum Found {
    Node(NodeId),
    /// An element of an array of a resource's properties, by its name: `(network, "subnets", "vms")`.
    Part(NodeId, String, String),
    Nothing,
}

fn text<'v>(values: &'v [Value], function: &str) -> Result<&'v str, Fault> {
    let wrong = || {
        Fault::argument(format!(
            "{function}() takes the name or the id of a resource"
        ))
    };
    values.first().and_then(Value::as_str).ok_or_else(wrong)
}

/// Parts of a resource such as subnets and IP configurations have ids below its own, which templates leave out.
fn with_part_ids(body: Value, id: &str) -> Value {
    let Some((object, properties)) = body
        .as_object()
        .zip(body.get("properties").and_then(Value::as_object))
    else {
        return body;
    };
    let parts = properties
        .iter()
        .map(|member| match member.value.as_array() {
            Some(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| with_part_id(part, &format!("{id}/{}", member.key)))
                    .collect::<Vec<_>>();
                Member {
                    value: Value::new(member.value.span, parts),
                    ..member.clone()
                }
            }
            None => member.clone(),
        });
    let properties = Value::new(body.span, parts.collect::<Vec<_>>());
    Value::new(body.span, object.with("properties", properties))
}

fn with_part_id(part: &Value, below: &str) -> Value {
    match (part.as_object(), part.get("name").and_then(Value::as_str)) {
        (Some(object), Some(name)) if object.get("id").is_none() => Value::new(
            part.span,
            object.with("id", Value::new(part.span, format!("{below}/{name}"))),
        ),
        _ => part.clone(),
    }
}

/// Everything in it open.
fn opened(value: &Value) -> Value {
    let data = match &value.data {
        Data::Array(values) => Data::from(values.iter().map(opened).collect::<Vec<_>>()),
        Data::Object(object) => {
            let open = |member: &Member| Member {
                value: opened(&member.value),
                ..member.clone()
            };
            Object::new(object.iter().map(open).collect())
                .opened()
                .into()
        }
        other => other.clone(),
    };
    Value {
        span: value.span,
        data,
    }
}
