//! Where a value comes from that is known after the apply only, followed through `configuration`.
//!
//! A plan says of each argument which names its expression holds, not the expression itself. So a reference is followed to every
//! attribute of an instance that it may mean; whoever asked takes those that fit. Locals are not in the document at all: they are
//! where following ends.

use super::address::{self, Key, ModulePath, Step};
use super::plan::Plan;
use crate::json::Value;

/// Deepest chain of variables and outputs that is followed.
const MAX_DEPTH: u16 = 32;
/// Most references that are looked at for one value: modules that hand lists to each other would multiply.
const MAX_STEPS: usize = 4096;

/// Most references of one expression that are looked at.
const MAX_REFERENCES: usize = 128;

/// Where an expression stands.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    pub(super) module: ModulePath,
    /// The instance for which it is evaluated.
    pub(super) key: Option<Key>,
    /// What `each.value` is taken from.
    pub(super) for_each: Option<&'a Value>,
}

/// What a reference may mean.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A constant or the value of a variable.
    Known(Value),
    /// An attribute of an instance.
    Attribute {
        instance: usize,
        /// What the reference itself names: `id` in `azurerm_subnet.apps.id`.
        own: Vec<Step>,
        /// What is taken of it on the way: `id` where an output hands on the whole resource.
        taken: Vec<Step>,
    },
}

/// Follows references in a plan.
#[derive(Debug)]
pub(super) struct Follower<'a> {
    plan: &'a Plan,
    left: usize,
    /// What was found, each once a reference.
    pub(super) targets: Vec<Target>,
    /// Names at which following ended.
    pub(super) ends: Vec<String>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            left: MAX_STEPS,
            targets: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Follows an expression of the configuration; `taken` is what is asked of its value.
    pub(super) fn follow(
        &mut self,
        expression: &'a Value,
        scope: &Scope<'a>,
        taken: &[Step],
        depth: u16,
    ) {
        if depth > MAX_DEPTH {
            self.ends
                .push("a chain of variables and outputs that is too long".to_owned());
            return;
        }
        if let Some(constant) = expression.get("constant_value") {
            self.known(constant, taken);
            return;
        }
        let references = expression
            .get("references")
            .and_then(Value::as_array)
            .unwrap_or_default();
        for reference in longest(references) {
            let Some(left) = self.left.checked_sub(1) else {
                return;
            };
            self.left = left;
            self.follow_one(&reference, scope, taken, depth);
        }
    }

    fn known(&mut self, value: &Value, taken: &[Step]) {
        if let Some(value) = walk(value, taken).filter(|value| !value.is_null()) {
            self.targets.push(Target::Known(value.clone()));
        }
    }

    fn follow_one(&mut self, reference: &[Step], scope: &Scope<'a>, taken: &[Step], depth: u16) {
        let [Step::Name(first), rest @ ..] = reference else {
            return;
        };
        let and_taken = |own: &[Step]| [own, taken].concat();
        match (first.as_str(), rest) {
            ("var", [Step::Name(name), rest @ ..]) => {
                self.variable(name, scope, &and_taken(rest), depth);
            }
            ("each", [Step::Name(word), rest @ ..]) if word == "value" => {
                let each = scope.for_each;
                match (each, &scope.key) {
                    (Some(each), Some(key)) => {
                        let taken = [&[Step::Key(key.clone())], rest, taken].concat();
                        let scope = Scope {
                            for_each: None,
                            ..scope.clone()
                        };
                        self.follow(each, &scope, &taken, depth + 1);
                    }
                    _ => self.ends.push("each.value".to_owned()),
                }
            }
            ("each" | "count" | "path" | "terraform" | "self", _) => {}
            ("local", [Step::Name(name), ..]) => self.ends.push(format!("local.{name}")),
            ("module", [Step::Name(name), rest @ ..]) => {
                self.output(name, rest, scope, taken, depth);
            }
            ("data", [Step::Name(kind), Step::Name(name), rest @ ..]) => {
                self.attribute(true, kind, name, rest, scope, taken);
            }
            (kind, [Step::Name(name), rest @ ..]) => {
                self.attribute(false, kind, name, rest, scope, taken);
            }
            _ => {}
        }
    }

    fn variable(&mut self, name: &str, scope: &Scope<'a>, taken: &[Step], depth: u16) {
        let plan = self.plan;
        let Some((around, (module, key))) = scope.module.split_last() else {
            match plan.variable(name) {
                Some(value) => self.known(value, taken),
                None => self.ends.push(format!("var.{name}")),
            }
            return;
        };
        let call = plan.module_call(&around, module);
        if let Some(argument) = call.and_then(|call| call.path(["expressions", name])) {
            let scope = Scope {
                module: around,
                key: key.clone(),
                for_each: call.and_then(|call| call.get("for_each_expression")),
            };
            self.follow(argument, &scope, taken, depth + 1);
            return;
        }
        let standard = plan
            .module_configuration(&scope.module)
            .and_then(|module| module.path(["variables", name, "default"]));
        match standard {
            Some(value) => self.known(value, taken),
            None => self.ends.push(format!("var.{name}")),
        }
    }

    /// `module.NAME[KEY].OUTPUT`. An index that is no constant, as in `module.spokes[each.key].id`, hides key and output.
    fn output(&mut self, name: &str, rest: &[Step], scope: &Scope<'a>, taken: &[Step], depth: u16) {
        let plan = self.plan;
        let (key, rest) = address::key_of(rest);
        let mut taken = taken;
        let mut all = plan.keys_of_module(&scope.module, name);
        if all.is_empty() {
            // A module that only computes has no instances in the document.
            all.push(None);
        }
        let keys = if key.is_some() {
            vec![key]
        } else if scope.key.is_some() && all.contains(&scope.key) {
            vec![scope.key.clone()]
        } else if let [Step::Key(first), others @ ..] = taken
            && all.contains(&Some(first.clone()))
        {
            taken = others;
            vec![Some(first.clone())]
        } else {
            all
        };
        let (output, rest) = match (rest, taken) {
            ([Step::Name(output), rest @ ..], _) => (Some(output), rest),
            ([], [Step::Name(output), others @ ..]) => {
                taken = others;
                (Some(output), &[][..])
            }
            _ => (None, rest),
        };
        let taken = [rest, taken].concat();
        for key in keys {
            let module = scope.module.child(name, key);
            let outputs = plan
                .module_configuration(&module)
                .and_then(|module| module.get("outputs")?.as_object());
            let inner = Scope {
                module,
                key: None,
                for_each: None,
            };
            for member in outputs.into_iter().flat_map(|outputs| outputs.iter()) {
                if output.is_none_or(|output| **output == *member.key)
                    && let Some(expression) = member.value.get("expression")
                {
                    self.follow(expression, &inner, &taken, depth + 1);
                }
            }
        }
    }

    fn attribute(
        &mut self,
        is_data: bool,
        kind: &str,
        name: &str,
        rest: &[Step],
        scope: &Scope<'a>,
        taken: &[Step],
    ) {
        let instances = self.plan.named(&scope.module, is_data, kind, name);
        let with_key = |wanted: &Key| {
            let found = instances
                .iter()
                .copied()
                .find(|&instance| self.plan.instances[instance].key.as_ref() == Some(wanted));
            found.or_else(|| {
                // `{ for subnet in azurerm_subnet.all : subnet.name => subnet.id }`
                instances.iter().copied().find(|&instance| {
                    let name = self.plan.instances[instance].values.get("name");
                    matches!((name.and_then(Value::as_str), wanted), (Some(name), Key::Text(text)) if name == text)
                })
            })
        };
        let mut taken = taken;
        let (key, own) = address::key_of(rest);
        let chosen: Vec<usize> = if let Some(key) = key {
            with_key(&key).into_iter().collect()
        } else if let [Step::Key(first), others @ ..] = taken
            && own.is_empty()
            && let Some(found) = with_key(first)
        {
            taken = others;
            vec![found]
        } else if instances.len() > 1
            && let Some(found) = scope.key.as_ref().and_then(with_key)
        {
            vec![found]
        } else {
            instances.to_vec()
        };
        if instances.is_empty() && !is_data {
            // With `count = 0` there is nothing to refer to; what is missing otherwise is found out where the value is used.
            return;
        }
        self.targets
            .extend(chosen.into_iter().map(|instance| Target::Attribute {
                instance,
                own: own.to_vec(),
                taken: taken.to_vec(),
            }));
    }
}

/// The references that are not the beginning of another one: Terraform lists `a.b.id` and `a.b`.
fn longest(references: &[Value]) -> Vec<Vec<Step>> {
    let parsed: Vec<Vec<Step>> = references
        .iter()
        .take(MAX_REFERENCES)
        .filter_map(|reference| address::parse(reference.as_str()?))
        .collect();
    let mut kept: Vec<Vec<Step>> = Vec::new();
    for steps in &parsed {
        let begins_another = parsed
            .iter()
            .any(|other| other.len() > steps.len() && other.starts_with(steps));
        if !begins_another && !kept.contains(steps) {
            kept.push(steps.clone());
        }
    }
    kept
}

/// The value that steps lead to.
pub(super) fn walk<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Name(name) | Step::Key(Key::Text(name)) => value.get(name),
        Step::Key(Key::Number(number)) => value.as_array()?.get(*number),
    })
}
