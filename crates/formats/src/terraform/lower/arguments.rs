//! The values of arguments: as the plan has them, or as their references lead to them.

use super::{Block, Lowering, Want};
use crate::json::Value;
use crate::terraform::address::{Key, Step};
use crate::terraform::kinds;
use crate::terraform::references::{Follower, Scope, Target, walk};

impl<'p> Lowering<'p> {
    fn scope(&self, instance: usize) -> Scope<'p> {
        let known = &self.plan.instances[instance];
        Scope {
            module: known.module.clone(),
            key: known.key.clone(),
            for_each: known
                .configuration
                .as_ref()
                .and_then(|configuration| configuration.get("for_each_expression")),
        }
    }

    /// The value of an argument: as the plan has it or, where it is known after the apply only, as its references lead to it. What
    /// cannot be told is an unknown value. `None`: nobody gave a value.
    pub(super) fn argument(&self, block: &Block<'p>, key: &str, want: Want) -> Option<Value> {
        let known = block
            .values
            .and_then(|values| values.get(key))
            .filter(|value| !value.is_null());
        let unknown = match block.unknown {
            Some(all) if all.as_bool() == Some(true) => Some(all),
            Some(all) => all.get(key),
            None => None,
        };
        let expression = block
            .expressions
            .and_then(|all| all.get(key))
            .filter(|expression| expression.get("references").is_some());
        if let Some(value) = known {
            let gaps = value
                .as_array()
                .is_some_and(|values| values.iter().any(Value::is_null));
            let value = match expression {
                Some(expression) if gaps => self.fill(block, key, value, expression, want),
                _ => value.clone(),
            };
            self.remember(block, key, &value);
            return Some(value);
        }
        let expression = expression?;
        let is_unknown = unknown.is_some_and(holds_true);
        if !is_unknown && self.plan.instances[block.instance].unknown.is_some() {
            return None;
        }
        let (found, why) = self.resolve(block, key, expression, want);
        let several = key.ends_with('s') && !key.ends_with("address") && !key.ends_with("access");
        let value = match found.as_slice() {
            [] if !is_unknown => return None,
            [] => Value::unknown(expression.span, why),
            all if several => {
                let flat = all.iter().flat_map(|value| match value.as_array() {
                    Some(values) => values.to_vec(),
                    None => vec![value.clone()],
                });
                Value::new(expression.span, flat.collect::<Vec<_>>())
            }
            [one] => one.clone(),
            several => {
                let names: Vec<String> = several.iter().take(4).map(ToString::to_string).collect();
                let why = format!("{why}: it may be {}", names.join(" or "));
                Value::unknown(expression.span, why)
            }
        };
        let value = Value {
            span: expression.span,
            data: value.data,
        };
        self.remember(block, key, &value);
        Some(value)
    }

    /// A list of which some elements are known after the apply only.
    fn fill(
        &self,
        block: &Block<'p>,
        key: &str,
        value: &Value,
        expression: &'p Value,
        want: Want,
    ) -> Value {
        let present = value.as_array().unwrap_or_default();
        let (found, why) = self.resolve(block, key, expression, want);
        let mut found = found
            .into_iter()
            .filter(|value| !present.contains(value))
            .map(|value| Value {
                span: expression.span,
                data: value.data,
            });
        let mut all: Vec<Value> = Vec::with_capacity(present.len());
        for element in present {
            if element.is_null() {
                all.push(
                    found
                        .next()
                        .unwrap_or_else(|| Value::unknown(expression.span, &*why)),
                );
            } else {
                all.push(element.clone());
            }
        }
        all.extend(found);
        Value::new(value.span, all)
    }

    fn remember(&self, block: &Block<'p>, key: &str, value: &Value) {
        let address = &self.plan.instances[block.instance].address;
        let path = block.path(key);
        let mut places = self.places.borrow_mut();
        for (number, element) in value.as_array().unwrap_or_default().iter().enumerate() {
            places.value(element.span, address, &format!("{path}[{number}]"));
        }
        places.value(value.span, address, &path);
    }

    /// What the references of an argument lead to, and what to say if that is nothing.
    pub(super) fn resolve(
        &self,
        block: &Block<'p>,
        key: &str,
        expression: &'p Value,
        want: Want,
    ) -> (Vec<Value>, String) {
        let mut follower = Follower::new(self.plan);
        follower.follow(expression, &self.scope(block.instance), &[], 0);
        let fitting = kinds::referred(key);
        let mut found: Vec<Value> = Vec::new();
        let mut assigned = false;
        for target in &follower.targets {
            let value = match target {
                Target::Known(value) => Some(value.clone()),
                Target::Attribute {
                    instance,
                    own,
                    taken,
                } => {
                    let kind = self.plan.instances[*instance].kind.as_str();
                    if !fitting.is_empty() && !fitting.contains(&kind) && kind != "azapi_resource" {
                        continue;
                    }
                    let value = self
                        .attribute(*instance, &[&own[..], taken].concat(), want)
                        .or_else(|| self.attribute(*instance, own, want));
                    assigned |= value.is_none();
                    value
                }
            };
            if let Some(value) = value
                && is_wanted(&value, want)
                && !found.contains(&value)
            {
                found.push(value);
            }
        }
        let mut why = "it is known after the apply only".to_owned();
        follower.ends.dedup();
        if !follower.ends.is_empty() {
            why.push_str(" and comes from ");
            why.push_str(&follower.ends.join(", "));
            why.push_str(", which the document does not show");
        } else if follower.targets.is_empty() || assigned {
            why.push_str(", and its references do not lead to it");
        }
        (found, why)
    }

    /// The value of an attribute of an instance.
    fn attribute(&self, instance: usize, path: &[Step], want: Want) -> Option<Value> {
        let known = &self.plan.instances[instance];
        let path = match path {
            [Step::Key(_), rest @ ..] => rest,
            path => path,
        };
        let id = || {
            let id = self.id(instance)?;
            Some(Value::new(known.span, id))
        };
        let name_of = |path: &[Step]| match path {
            [Step::Name(name)] => Some(name.clone()),
            _ => None,
        };
        match (path, want) {
            ([], Want::Id) => return id(),
            ([], Want::Name) => return Some(self.name(instance)),
            _ => {}
        }
        match name_of(path).as_deref() {
            Some("id") => return id(),
            Some("name") => return Some(self.name(instance)),
            _ => {}
        }
        let values = Value::new(known.span, known.values.clone());
        if let Some(value) = walk(&values, path).filter(|value| {
            !value.is_null() && (value.as_object().is_none() && !holds_objects(value))
        }) {
            return Some(value.clone());
        }
        if want == Want::Id {
            return self.id_of_part(instance, path);
        }
        self.assigned(instance, path)
    }

    /// The id of something that Terraform shows as a block: `frontend_ip_configuration[0].id`.
    fn id_of_part(&self, instance: usize, path: &[Step]) -> Option<Value> {
        let known = &self.plan.instances[instance];
        let [Step::Name(block), rest @ ..] = path else {
            return None;
        };
        let array = kinds::array_of_blocks(block)?;
        let blocks = known.values.get(block)?.as_array()?;
        let element = match rest {
            [Step::Key(Key::Number(number)), ..] => blocks.get(*number)?,
            _ => match blocks {
                [one] => one,
                _ => return None,
            },
        };
        let name = element.get("name")?.as_str()?;
        let id = self.id(instance)?;
        Some(Value::new(known.span, format!("{id}/{array}/{name}")))
    }

    /// What Azure would give: asked of the bodies of the last round.
    fn assigned(&self, instance: usize, path: &[Step]) -> Option<Value> {
        let known = &self.plan.instances[instance];
        let number = path
            .iter()
            .find_map(|step| match step {
                Step::Key(Key::Number(number)) => Some(*number),
                _ => None,
            })
            .unwrap_or(0);
        let last = path.iter().rev().find_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Key(_) => None,
        });
        if matches!(
            known.kind.as_str(),
            "azurerm_linux_virtual_machine" | "azurerm_windows_virtual_machine"
        ) {
            // A machine shows the addresses of its NICs.
            let nics = self.argument(&self.block(instance), "network_interface_ids", Want::Id)?;
            let nic = nics.as_array()?.first()?.as_str()?.to_owned();
            self.asked.set(true);
            return address_in(
                self.last.get(&nic.to_ascii_lowercase())?,
                "ipConfigurations",
                number,
            );
        }
        let id = self.id(instance)?.to_ascii_lowercase();
        let body = |asked: bool| {
            self.asked.set(self.asked.get() || asked);
            self.last.get(&id)
        };
        match (known.kind.as_str(), last) {
            (
                "azurerm_network_interface"
                | "azurerm_firewall"
                | "azurerm_virtual_network_gateway",
                None | Some("private_ip_address" | "private_ip_addresses" | "ip_configuration"),
            ) => address_in(body(true)?, "ipConfigurations", number),
            (
                "azurerm_lb" | "azurerm_application_gateway",
                None
                | Some("private_ip_address" | "private_ip_addresses" | "frontend_ip_configuration"),
            ) => address_in(body(true)?, "frontendIPConfigurations", number),
            ("azurerm_public_ip", None | Some("ip_address")) => {
                body(true)?.path(["properties", "ipAddress"]).cloned()
            }
            ("azurerm_route_server", Some("virtual_router_ips")) => body(true)?
                .path(["properties", "virtualRouterIps"])?
                .as_array()?
                .get(number)
                .cloned(),
            ("azurerm_private_endpoint", _) => body(true)?
                .path(["properties", "ipConfigurations"])?
                .as_array()?
                .get(number)?
                .path(["properties", "privateIPAddress"])
                .cloned(),
            _ => None,
        }
    }
}

/// Which of the blocks in the configuration a block of the plan comes from: the one with its name, or the one in its place. Blocks that
/// `dynamic` makes are not in the configuration.
fn written_for<'p>(
    written: &[&'p Value],
    number: usize,
    count: usize,
    value: &Value,
) -> Option<&'p Value> {
    let name = value.get("name").and_then(Value::as_str);
    let constant = |block: &Value| {
        block
            .path(["name", "constant_value"])
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let same_name = written
        .iter()
        .find(|block| name.is_some() && constant(block).as_deref() == name);
    let in_place = || {
        written.get(number).filter(|block| {
            written.len() == count && constant(block).is_none_or(|own| Some(&*own) == name)
        })
    };
    same_name.or_else(in_place).copied()
}

pub(super) fn holds_true(value: &Value) -> bool {
    match (value.as_bool(), value.as_array(), value.as_object()) {
        (Some(flag), ..) => flag,
        (_, Some(values), _) => values.iter().any(holds_true),
        (.., Some(object)) => object.iter().any(|member| holds_true(&member.value)),
        _ => false,
    }
}

fn holds_objects(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|values| values.iter().any(|value| value.as_object().is_some()))
}

fn is_wanted(value: &Value, want: Want) -> bool {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match want {
        Want::Id => match value.as_array() {
            Some(values) => values
                .iter()
                .all(|value| text(value).is_some_and(|text| text.starts_with('/'))),
            None => text(value).is_some_and(|text| text.starts_with('/')),
        },
        Want::Name => text(value).is_some_and(|text| !text.starts_with('/')),
        Want::Any => value.as_object().is_none(),
    }
}

/// The private address of a configuration in a body.
fn address_in(body: &Value, array: &str, number: usize) -> Option<Value> {
    let configurations = body.path(["properties", array])?.as_array()?;
    configurations
        .get(number)?
        .path(["properties", "privateIPAddress"])
        .cloned()
}

/// The blocks of one name inside a block.
pub(super) fn blocks<'p>(block: &Block<'p>, key: &str) -> Vec<Block<'p>> {
    let values = block.values.and_then(|values| values.get(key));
    let list: Vec<&'p Value> = match values {
        Some(value) if value.as_object().is_some() => vec![value],
        Some(value) => value.as_array().unwrap_or_default().iter().collect(),
        None => Vec::new(),
    };
    let unknown = block.unknown.and_then(|unknown| unknown.get(key));
    let expressions = block.expressions.and_then(|all| all.get(key));
    let written: Vec<&'p Value> = match expressions {
        Some(value) if value.as_array().is_some() => {
            value.as_array().unwrap_or_default().iter().collect()
        }
        Some(value) => vec![value],
        None => Vec::new(),
    };
    list.iter()
        .enumerate()
        .filter_map(|(number, value)| {
            Some(Block {
                instance: block.instance,
                values: Some(value.as_object()?),
                unknown: match unknown.map(|unknown| unknown.as_array()) {
                    Some(Some(all)) => all.get(number),
                    Some(None) => unknown,
                    None => None,
                },
                expressions: written_for(&written, number, list.len(), value),
                path: block.path(&format!("{key}[{number}]")),
                span: value.span,
            })
        })
        .collect()
}
