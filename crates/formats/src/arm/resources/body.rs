//! Bodies of resources: declarations evaluated.

use super::{Body, NodeId, Role};
use crate::{
    arm::{
        evaluator::{Evaluator, Tolerance},
        frame::Fault,
    },
    diagnostic::Code,
    json::{Member, Value},
};

impl Evaluator<'_> {
    /// The evaluated declaration of a resource, with `id`, `name` and `type` as Azure's REST interface shows them.
    pub(in crate::arm) fn body(&mut self, id: NodeId) -> Result<Value, Fault> {
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
