//! `azapi_resource`: its body is ARM already.

use super::arguments::holds_true;
use super::{Block, Lowering, Want, text_of};
use crate::diagnostic::Diagnostic;
use crate::json::{self, Value};
use crate::terraform::body::empty;

impl<'p> Lowering<'p> {
    /// `azapi_resource`: its body is ARM already.
    pub(super) fn azapi(&mut self, instance: usize) {
        let known = &self.plan.instances[instance];
        if text_of(known, "type").is_none_or(|kind| !kind.contains('/')) {
            return;
        }
        let Some(id) = self.id(instance) else {
            return self.no_id(instance);
        };
        let block = self.block(instance);
        let mut object = self.envelope(&block, &id);
        let body = match known.values.get("body") {
            Some(body) => match body.as_str() {
                // The provider's first version took a text.
                Some(text) => match json::parse_text(text, body.span) {
                    Ok(body) => body,
                    Err(error) => {
                        self.diagnostics.push(
                            Diagnostic::error(error.code, error.message)
                                .at(body.span)
                                .resource(&*known.address)
                                .property("body")
                                .expected(error.expected),
                        );
                        return;
                    }
                },
                None => body.clone(),
            },
            None => Value::new(known.span, empty()),
        };
        let expression = block.expressions.and_then(|all| all.get("body"));
        let unknown = known
            .unknown
            .as_ref()
            .and_then(|unknown| unknown.get("body"));
        let body = match unknown {
            Some(unknown) => self.with_unknown(&block, &body, unknown, expression, "body"),
            None => body,
        };
        for member in body.as_object().into_iter().flat_map(|body| body.iter()) {
            object = object.with(&member.key, member.value.clone());
        }
        self.add(instance, id, object);
    }

    /// A body of azapi with unknown values where the plan has gaps; an id with one possible meaning is filled in.
    fn with_unknown(
        &self,
        block: &Block<'p>,
        value: &Value,
        unknown: &Value,
        expression: Option<&'p Value>,
        path: &str,
    ) -> Value {
        if unknown.as_bool() == Some(true) {
            let mut keys = path.rsplit('.');
            let is_id = keys.next() == Some("id");
            let argument = match keys.next() {
                Some("subnet") => "subnet_id",
                Some("networkSecurityGroup") => "network_security_group_id",
                Some("routeTable") => "route_table_id",
                Some("natGateway") => "nat_gateway_id",
                Some("remoteVirtualNetwork") => "remote_virtual_network_id",
                Some("publicIPAddress") => "public_ip_address_id",
                _ => "",
            };
            let found = match expression {
                Some(expression) if is_id => self.resolve(block, argument, expression, Want::Id).0,
                _ => Vec::new(),
            };
            return match found.as_slice() {
                [one] => one.clone(),
                _ => Value::unknown(
                    block.span,
                    "it is known after the apply only, and its references do not lead to it",
                ),
            };
        }
        if let Some(members) = unknown.as_object() {
            let object = value.as_object().cloned().unwrap_or_else(empty);
            let object = members.iter().fold(object, |object, member| {
                if !holds_true(&member.value) {
                    return object;
                }
                let present = object
                    .get(&member.key)
                    .cloned()
                    .unwrap_or_else(|| Value::null(block.span));
                let path = format!("{path}.{}", member.key);
                let new = self.with_unknown(block, &present, &member.value, expression, &path);
                object.with(&member.key, new)
            });
            return Value::new(value.span, object);
        }
        if let (Some(gaps), Some(values)) = (unknown.as_array(), value.as_array()) {
            let values = values.iter().enumerate().map(|(number, value)| {
                gaps.get(number).map_or_else(
                    || value.clone(),
                    |gap| self.with_unknown(block, value, gap, expression, path),
                )
            });
            return Value::new(value.span, values.collect::<Vec<_>>());
        }
        value.clone()
    }
}
