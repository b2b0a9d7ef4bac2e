//! Follows the tables of `kinds`: from arguments to properties.

use super::arguments::blocks;
use super::{Block, Lowering, Want};
use crate::json::{Object, Value};
use crate::terraform::body::{self, append, empty, member, put};
use crate::terraform::kinds::{self, How, Rule};

impl<'p> Lowering<'p> {
    /// Writes what rules say of a block into an object, below `prefix` (`properties/` or nothing).
    pub(super) fn apply(
        &self,
        block: &Block<'p>,
        rules: &'static [Rule],
        target: &mut Object,
        prefix: &str,
        owner: &str,
    ) {
        for rule in rules {
            let path = match rule.to.strip_prefix('/') {
                Some(beside) => beside.to_owned(),
                None => format!("{prefix}{}", rule.to),
            };
            self.apply_one(block, rule, &path, target, prefix, owner);
        }
    }

    fn apply_one(
        &self,
        block: &Block<'p>,
        rule: &'static Rule,
        path: &str,
        target: &mut Object,
        prefix: &str,
        owner: &str,
    ) {
        let from = rule.from;
        let elements: Vec<Value> = match &rule.how {
            How::Append => self.argument(block, from, Want::Any).into_iter().collect(),
            How::AppendId => {
                let id = self.argument(block, from, Want::Id);
                id.map(body::reference).into_iter().collect()
            }
            How::Blocks(rules) => blocks(block, from)
                .iter()
                .map(|block| self.element(block, rules, owner))
                .filter(|element| !self.is_deleted(element, owner, rule.to))
                .collect(),
            How::Flat(rules) => blocks(block, from)
                .iter()
                .map(|block| {
                    let mut object = empty();
                    self.apply(block, rules, &mut object, "", owner);
                    Value::new(block.span, object)
                })
                .collect(),
            How::Inline(rules) => {
                if let Some(first) = blocks(block, from).first() {
                    self.apply(first, rules, target, prefix, owner);
                }
                return;
            }
            how => {
                if let Some(value) = self.value_of(block, from, how, owner) {
                    *target = put(target, path, value);
                }
                return;
            }
        };
        if !elements.is_empty() {
            *target = append(target, path, block.span, elements);
        }
    }

    /// What becomes one property.
    fn value_of(
        &self,
        block: &Block<'p>,
        from: &str,
        how: &'static How,
        owner: &str,
    ) -> Option<Value> {
        let argument = |want| self.argument(block, from, want);
        match how {
            How::Constant(text) => Some(Value::new(block.span, *text)),
            How::Same => argument(Want::Any),
            How::Address if kinds::referred(from).is_empty() && !from.ends_with("_id") => {
                argument(Want::Any)
            }
            How::Address => argument(Want::Id),
            How::Not => argument(Want::Any).map(|value| match value.as_bool() {
                Some(flag) => Value::new(value.span, !flag),
                None => value,
            }),
            How::Words(yes, no) => argument(Want::Any).map(|value| match value.as_bool() {
                Some(flag) => Value::new(value.span, if flag { *yes } else { *no }),
                None => value,
            }),
            How::Id => argument(Want::Id).map(body::reference),
            How::Ids => argument(Want::Id).map(|ids| each(&ids, body::reference)),
            How::Nics => argument(Want::Id).map(|nics| {
                let main = self.argument(block, "primary_network_interface_id", Want::Id);
                primary_first(&nics, main.as_ref())
            }),
            How::Sibling(array) => {
                argument(Want::Any).map(|name| body::reference(sibling(&name, owner, array)))
            }
            How::Siblings(array) => {
                let blocks = blocks(block, from);
                let names = blocks
                    .iter()
                    .filter_map(|block| self.argument(block, "name", Want::Any));
                let parts: Vec<Value> = names
                    .map(|name| body::reference(sibling(&name, owner, array)))
                    .collect();
                (!parts.is_empty()).then(|| Value::new(block.span, parts))
            }
            How::Listed => argument(Want::Any)
                .filter(|value| value.as_str() != Some(""))
                .map(|value| Value::new(value.span, vec![value])),
            How::Wrapped(key) => {
                let want = if from.ends_with("_ids") {
                    Want::Id
                } else {
                    Want::Any
                };
                let wrap = |text: Value| Value::new(text.span, vec![member(key, text)]);
                argument(want).map(|texts| each(&texts, wrap))
            }
            How::Joined => argument(Want::Any).map(joined),
            How::FirstOfEach(key) => {
                let blocks = blocks(block, from);
                let firsts: Vec<Value> = blocks
                    .iter()
                    .filter_map(|block| self.argument(block, key, Want::Any))
                    .filter_map(|list| list.as_array()?.first().cloned())
                    .collect();
                (!firsts.is_empty()).then(|| joined(Value::new(block.span, firsts)))
            }
            How::Block(rules) => blocks(block, from)
                .first()
                .map(|first| self.element(first, rules, owner)),
            How::Append | How::AppendId | How::Blocks(_) | How::Flat(_) | How::Inline(_) => None,
        }
    }

    /// A network that the plan leaves alone still lists the subnets that the plan deletes.
    fn is_deleted(&self, element: &Value, owner: &str, array: &str) -> bool {
        let name = element.get("name").and_then(Value::as_str);
        let id = format!("{owner}/{array}/{}", name.unwrap_or_default());
        self.deleted.contains(&id.to_ascii_lowercase())
    }

    /// `{"name": ..., "properties": {...}}`.
    pub(super) fn element(&self, block: &Block<'p>, rules: &'static [Rule], owner: &str) -> Value {
        let mut object = empty();
        if let Some(name) = self.argument(block, "name", Want::Name) {
            object = put(&object, "name", name);
        }
        object = put(&object, "properties", Value::new(block.span, empty()));
        self.apply(block, rules, &mut object, "properties/", owner);
        Value::new(block.span, object)
    }
}

fn each(value: &Value, make: impl Fn(Value) -> Value) -> Value {
    match value.as_array() {
        Some(values) => Value::new(
            value.span,
            values.iter().cloned().map(make).collect::<Vec<_>>(),
        ),
        None => value.clone(),
    }
}

fn joined(value: Value) -> Value {
    let Some(values) = value.as_array() else {
        return match value.as_i64() {
            Some(number) => Value::new(value.span, number.to_string()),
            None => value,
        };
    };
    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    Value::new(value.span, texts.join(","))
}

fn sibling(name: &Value, owner: &str, array: &str) -> Value {
    match name.as_str() {
        Some(text) => Value::new(name.span, format!("{owner}/{array}/{text}")),
        None => name.clone(),
    }
}

fn primary_first(nics: &Value, main: Option<&Value>) -> Value {
    let Some(list) = nics.as_array() else {
        return nics.clone();
    };
    let main = main
        .and_then(Value::as_str)
        .or_else(|| list.first()?.as_str())
        .unwrap_or_default()
        .to_owned();
    let list = list.iter().map(|nic| {
        let primary = nic
            .as_str()
            .is_some_and(|id| id.eq_ignore_ascii_case(&main));
        let properties = vec![member("primary", Value::new(nic.span, primary))];
        Value::new(
            nic.span,
            vec![
                member("id", nic.clone()),
                member("properties", Value::new(nic.span, properties)),
            ],
        )
    });
    Value::new(nics.span, list.collect::<Vec<_>>())
}
