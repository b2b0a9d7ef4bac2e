//! Names and ids of instances, and the resources that they belong to.

use super::{Block, Lowering, Want, text_of};
use crate::json::Value;
use crate::terraform::address::ModulePath;
use crate::terraform::kinds::{self, Identity, Parent, Resource, Role};
use crate::terraform::plan::Instance;
use crate::terraform::references::{Follower, Scope, Target};

impl<'p> Lowering<'p> {
    /// The name of an instance. Where it is known after the apply only, its address stands in for it.
    pub(super) fn name(&self, instance: usize) -> Value {
        let known = &self.plan.instances[instance];
        if let Some(name) = known.values.get("name").filter(|name| !name.is_null()) {
            return name.clone();
        }
        let mut unnamed = self.unnamed.borrow_mut();
        if !unnamed.contains(&instance) {
            unnamed.push(instance);
        }
        let name: String = known
            .address
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Value::new(known.span, name.trim_matches('-'))
    }

    /// The id of an instance: as the document has it, or put together. `None`: it lies in something that is not known.
    pub(super) fn id(&self, instance: usize) -> Option<String> {
        if let Some(id) = self.ids.borrow().get(&instance) {
            return id.clone();
        }
        // Whoever asks again before the answer is there asks in a circle.
        self.ids.borrow_mut().insert(instance, None);
        let known = &self.plan.instances[instance];
        let id = match text_of(known, "id").filter(|id| id.starts_with('/')) {
            Some(id) => Some(id.to_owned()),
            None => self.id_of_new(instance),
        };
        self.ids.borrow_mut().insert(instance, id.clone());
        id
    }

    fn id_of_new(&self, instance: usize) -> Option<String> {
        let known = &self.plan.instances[instance];
        let block = self.block(instance);
        let name = self.name(instance).as_str()?.to_owned();
        let subscription = || self.subscription(instance);
        match known.kind.as_str() {
            "azurerm_resource_group" => {
                return Some(format!(
                    "/subscriptions/{}/resourceGroups/{name}",
                    subscription()
                ));
            }
            "azapi_resource" => return self.id_of_azapi(&block, &name),
            _ => {}
        }
        let (arm, identity) = match kinds::role(&known.kind)? {
            Role::Resource(Resource { arm, identity, .. }) => (*arm, *identity),
            Role::Part { parent, array, .. } => {
                return Some(format!(
                    "{}/{array}/{name}",
                    self.parent_id(&block, parent)?
                ));
            }
            Role::Patch { .. } | Role::Configurations { .. } => return None,
        };
        let segment = arm.rsplit('/').next().unwrap_or_default();
        match identity {
            Identity::Group => {
                let group = self.resource_group(&block)?;
                Some(format!(
                    "/subscriptions/{}/resourceGroups/{group}/providers/{arm}/{name}",
                    subscription()
                ))
            }
            Identity::Named(parent) => {
                let parent_type = arm.rsplit_once('/').map_or("", |(parent, _)| parent);
                let parent = self
                    .parent_id(&block, Parent::Name(parent, parent_type))
                    .or_else(|| self.parent_id(&block, Parent::Id("virtual_network_id")))?;
                Some(format!("{parent}/{segment}/{name}"))
            }
            Identity::Below(parent) => {
                let parent = self.parent_id(&block, Parent::Id(parent))?;
                Some(format!("{parent}/{segment}/{name}"))
            }
        }
    }

    /// The id of the resource that an instance belongs to.
    pub(super) fn parent_id(&self, block: &Block<'p>, parent: Parent) -> Option<String> {
        match parent {
            Parent::Id(argument) => {
                let id = self.argument(block, argument, Want::Id)?;
                Some(id.as_str()?.trim_end_matches('/').to_owned())
            }
            Parent::Name(argument, arm) => {
                let name = self.argument(block, argument, Want::Name)?;
                let name = name.as_str()?;
                let group = self.resource_group(block)?;
                let key = (
                    arm.to_ascii_lowercase(),
                    group.to_ascii_lowercase(),
                    name.to_ascii_lowercase(),
                );
                if let Some(id) = self.parents.borrow().get(&key) {
                    return Some(id.clone());
                }
                let subscription = self.subscription(block.instance);
                Some(format!(
                    "/subscriptions/{subscription}/resourceGroups/{group}/providers/{arm}/{name}"
                ))
            }
        }
    }

    fn resource_group(&self, block: &Block<'p>) -> Option<String> {
        let group = self.argument(block, "resource_group_name", Want::Name)?;
        group.as_str().map(str::to_owned)
    }

    /// Children name their parents by name, and these may lie in other subscriptions.
    pub(super) fn remember_parent(&self, instance: usize) {
        let known = &self.plan.instances[instance];
        let Some(Role::Resource(Resource {
            arm,
            identity: Identity::Group,
            ..
        })) = kinds::role(&known.kind)
        else {
            return;
        };
        let Some(id) = self.id(instance) else { return };
        let segments: Vec<&str> = id.split('/').collect();
        if let [_, _, _, _, group, .., name] = segments.as_slice() {
            let key = (
                arm.to_ascii_lowercase(),
                group.to_ascii_lowercase(),
                name.to_ascii_lowercase(),
            );
            self.parents.borrow_mut().entry(key).or_insert(id);
        }
    }

    /// The subscription of an instance: that of its provider, or of what is known to exist, or the one that the user says.
    fn subscription(&self, instance: usize) -> String {
        let provider = provider_of(&self.plan.instances[instance]);
        if let Some(known) = self.subscriptions.borrow().get(provider) {
            return known.clone();
        }
        let subscription = self
            .subscription_of_block(provider)
            .or_else(|| self.subscription_in_use(provider))
            .unwrap_or_else(|| self.context.subscription.clone());
        self.subscriptions
            .borrow_mut()
            .insert(provider.to_owned(), subscription.clone());
        subscription
    }

    /// `subscription_id` in the block of a provider.
    fn subscription_of_block(&self, provider: &str) -> Option<String> {
        let expression = self.plan.provider_expression(provider, "subscription_id")?;
        let mut follower = Follower::new(self.plan);
        let root = Scope {
            module: ModulePath::default(),
            key: None,
            for_each: None,
        };
        follower.follow(expression, &root, &[], 0);
        match follower.targets.as_slice() {
            [Target::Known(value)] => value.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// The subscription in which something of this provider exists, else in which anything does.
    fn subscription_in_use(&self, provider: &str) -> Option<String> {
        let of_id = |instance: &Instance| {
            let id = text_of(instance, "id")?.strip_prefix("/subscriptions/")?;
            id.split('/').next().map(str::to_owned)
        };
        let instances = || self.plan.instances.iter();
        instances()
            .filter(|instance| provider_of(instance) == provider)
            .find_map(of_id)
            .or_else(|| instances().find_map(of_id))
    }

    fn id_of_azapi(&self, block: &Block<'p>, name: &str) -> Option<String> {
        let known = &self.plan.instances[block.instance];
        let kind = text_of(known, "type")?.split('@').next()?;
        let parent = self.argument(block, "parent_id", Want::Id)?;
        let parent = parent.as_str()?.trim_end_matches('/');
        let (parent_type, segment) = kind.rsplit_once('/')?;
        if parent_type.contains('/') {
            Some(format!("{parent}/{segment}/{name}"))
        } else {
            Some(format!("{parent}/providers/{kind}/{name}"))
        }
    }
}

fn provider_of(instance: &Instance) -> &str {
    instance
        .configuration
        .as_ref()
        .and_then(|configuration| configuration.get("provider_config_key")?.as_str())
        .unwrap_or("azurerm")
}
