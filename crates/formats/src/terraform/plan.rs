//! What a plan or a state holds: the instances of resources, and the configuration that they come from.

use std::collections::HashMap;

use super::address::{self, Key, ModulePath, Step};
use crate::json::{Object, Value};
use crate::source::Span;

/// One instance of a resource or data source.
#[derive(Debug)]
pub(super) struct Instance {
    /// `module.hub.azurerm_subnet.apps["x"]`.
    pub(super) address: String,
    pub(super) module: ModulePath,
    /// A data source: something that exists and that Terraform only reads.
    pub(super) is_data: bool,
    /// It exists already, and the plan leaves it as it is.
    pub(super) is_there: bool,
    /// `azurerm_subnet`.
    pub(super) kind: String,
    /// `apps`.
    pub(super) name: String,
    pub(super) key: Option<Key>,
    pub(super) values: Object,
    /// Where `true` stands in place of a value that is known after the apply only.
    pub(super) unknown: Option<Value>,
    /// The resource in `configuration`.
    pub(super) configuration: Option<Value>,
    pub(super) span: Span,
}

/// A document of `terraform show -json`.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) instances: Vec<Instance>,
    /// Instances by module, data or not, type and name.
    named: HashMap<(ModulePath, bool, String, String), Vec<usize>>,
    configuration: Option<Value>,
    variables: Option<Value>,
}

impl Plan {
    pub(super) fn of(document: &Value) -> Self {
        let mut plan = Self {
            configuration: document.get("configuration").cloned(),
            variables: document.get("variables").cloned(),
            ..Self::default()
        };
        let changes = changes(document);
        let is_plan = document.get("planned_values").is_some();
        let values = document
            .get("planned_values")
            .or_else(|| document.get("values"));
        if let Some(root) = values.and_then(|values| values.get("root_module")) {
            plan.add_module(root, &changes, !is_plan, false);
        }
        // What was read while planning stands here only.
        let prior = document.path(["prior_state", "values", "root_module"]);
        if let Some(root) = prior {
            plan.add_module(root, &changes, true, true);
        }
        plan
    }

    /// The instances of a module and of those below it, in the order of the document.
    fn add_module(
        &mut self,
        module: &Value,
        changes: &HashMap<&str, &Value>,
        exists: bool,
        data_only: bool,
    ) {
        let list = |key| {
            module
                .get(key)
                .and_then(Value::as_array)
                .unwrap_or_default()
        };
        for resource in list("resources") {
            if let Some(instance) = self.instance(resource, changes, exists)
                && (instance.is_data || !data_only)
            {
                let named = (
                    instance.module.clone(),
                    instance.is_data,
                    instance.kind.clone(),
                    instance.name.clone(),
                );
                let named = self.named.entry(named).or_default();
                // A data source that is read again while applying has no values yet; what was read before has.
                if let Some(&known) = named
                    .iter()
                    .find(|&&known| self.instances[known].address == instance.address)
                {
                    if instance.is_data {
                        self.instances[known].values = instance.values;
                    }
                    continue;
                }
                named.push(self.instances.len());
                self.instances.push(instance);
            }
        }
        for child in list("child_modules") {
            self.add_module(child, changes, exists, data_only);
        }
    }

    fn instance(
        &self,
        resource: &Value,
        changes: &HashMap<&str, &Value>,
        exists: bool,
    ) -> Option<Instance> {
        let text = |key| resource.get(key).and_then(Value::as_str);
        let address = text("address")?;
        let steps = address::parse(address)?;
        let (module, steps) = ModulePath::of(&steps);
        let is_data = text("mode") == Some("data");
        let steps = match steps {
            [Step::Name(word), rest @ ..] if is_data && word == "data" => rest,
            steps => steps,
        };
        let [Step::Name(kind), Step::Name(name), rest @ ..] = steps else {
            return None;
        };
        let change = changes.get(address).and_then(|change| change.get("change"));
        let untouched = change.is_some_and(|change| {
            let actions = change.get("actions").and_then(Value::as_array);
            actions.is_some_and(|actions| {
                actions
                    .iter()
                    .all(|action| matches!(action.as_str(), Some("no-op" | "read")))
            })
        });
        Some(Instance {
            address: address.to_owned(),
            configuration: self.resource_configuration(&module, is_data, kind, name),
            module,
            is_data,
            is_there: exists || is_data || untouched,
            kind: kind.clone(),
            name: name.clone(),
            key: address::key_of(rest).0,
            values: resource
                .get("values")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_else(|| Object::new(Vec::new())),
            unknown: change
                .and_then(|change| change.get("after_unknown"))
                .cloned(),
            span: resource.span,
        })
    }

    /// The instances of a resource; several if it has `count` or `for_each`.
    pub(super) fn named(
        &self,
        module: &ModulePath,
        is_data: bool,
        kind: &str,
        name: &str,
    ) -> &[usize] {
        let key = (module.clone(), is_data, kind.to_owned(), name.to_owned());
        self.named.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The keys with which a module is called.
    pub(super) fn keys_of_module(&self, around: &ModulePath, name: &str) -> Vec<Option<Key>> {
        let depth = around.0.len();
        let mut keys: Vec<Option<Key>> = self
            .instances
            .iter()
            .filter(|instance| instance.module.0.starts_with(&around.0))
            .filter_map(|instance| instance.module.0.get(depth))
            .filter(|(called, _)| called == name)
            .map(|(_, key)| key.clone())
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The configuration of a module.
    pub(super) fn module_configuration(&self, module: &ModulePath) -> Option<&Value> {
        let root = self.configuration.as_ref()?.get("root_module")?;
        module.0.iter().try_fold(root, |around, (name, _)| {
            around.path(["module_calls", name.as_str(), "module"])
        })
    }

    /// How a module is called: its arguments, and `for_each_expression`.
    pub(super) fn module_call(&self, around: &ModulePath, name: &str) -> Option<&Value> {
        self.module_configuration(around)?
            .path(["module_calls", name])
    }

    fn resource_configuration(
        &self,
        module: &ModulePath,
        is_data: bool,
        kind: &str,
        name: &str,
    ) -> Option<Value> {
        let resources = self.module_configuration(module)?.get("resources")?;
        let found = resources.as_array()?.iter().find(|resource| {
            let text = |key| resource.get(key).and_then(Value::as_str);
            text("type") == Some(kind)
                && text("name") == Some(name)
                && (text("mode") == Some("data")) == is_data
        });
        found.cloned()
    }

    /// The value of a variable of the root module.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        let given = self
            .variables
            .as_ref()
            .and_then(|variables| variables.path([name, "value"]));
        given.or_else(|| {
            self.configuration
                .as_ref()?
                .path(["root_module", "variables", name, "default"])
        })
    }

    /// An expression in the block of a provider, such as `subscription_id`.
    pub(super) fn provider_expression(&self, key: &str, name: &str) -> Option<&Value> {
        let providers = self.configuration.as_ref()?.get("provider_config")?;
        providers.path([key, "expressions", name])
    }
}

fn changes(document: &Value) -> HashMap<&str, &Value> {
    let changes = document.get("resource_changes").and_then(Value::as_array);
    changes
        .unwrap_or_default()
        .iter()
        .filter(|change| change.get("deposed").is_none())
        .filter_map(|change| Some((change.get("address")?.as_str()?, change)))
        .collect()
}
