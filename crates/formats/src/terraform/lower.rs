//! From instances of Terraform's types to resources as ARM has them.

mod arguments;
mod azapi;
mod identity;
mod rules;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::body::{append, empty, member, put};
use super::kinds::{self, Parent, Role, Rule};
use super::places::Places;
use super::plan::{Instance, Plan};
use crate::arm::DeploymentContext;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Object, Value};
use crate::source::Span;

/// Bodies of resources by id in lower case.
pub(super) type Bodies = HashMap<String, Value>;

/// A resource as ARM has it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    /// What says so, in Terraform.
    pub(super) address: String,
    pub(super) body: Object,
    pub(super) span: Span,
    /// It exists already.
    pub(super) is_there: bool,
    pub(super) is_data: bool,
}

/// One round over a plan.
pub(super) struct Lowering<'p> {
    pub(super) plan: &'p Plan,
    context: &'p DeploymentContext,
    /// What the last round came to: addresses that Azure would give are asked of it.
    last: &'p Bodies,
    /// Whether such an address was asked for.
    pub(super) asked: Cell<bool>,
    /// Ids of resources that the plan deletes, in lower case.
    deleted: &'p HashSet<String>,
    ids: RefCell<HashMap<usize, Option<String>>>,
    /// Subscriptions by provider.
    subscriptions: RefCell<HashMap<String, String>>,
    /// Ids by type, resource group and name, all in lower case.
    parents: RefCell<HashMap<(String, String, String), String>>,
    pub(super) places: RefCell<Places>,
    pub(super) drafts: Vec<Draft>,
    by_id: HashMap<String, usize>,
    /// Properties of resources that are not in the plan.
    pub(super) partial: Vec<Draft>,
    pub(super) diagnostics: Diagnostics,
    /// Types that are in no table but could change a verdict, with the first instance and their number.
    pub(super) unknown_types: Vec<(String, usize, usize)>,
    /// Instances whose names are known after the apply only.
    pub(super) unnamed: RefCell<Vec<usize>>,
}

/// A block of arguments: what is known of it, and the expressions that it comes from.
#[derive(Clone)]
pub(super) struct Block<'p> {
    pub(super) instance: usize,
    pub(super) values: Option<&'p Object>,
    unknown: Option<&'p Value>,
    expressions: Option<&'p Value>,
    /// `ip_configuration[0]`; empty for the resource itself.
    path: String,
    span: Span,
}

/// What an argument has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Id,
    Name,
    /// An address, or whatever else the attribute holds.
    Any,
}

impl Block<'_> {
    fn path(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }
}

impl<'p> Lowering<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        context: &'p DeploymentContext,
        last: &'p Bodies,
        deleted: &'p HashSet<String>,
    ) -> Self {
        Self {
            plan,
            context,
            last,
            asked: Cell::new(false),
            deleted,
            ids: RefCell::default(),
            subscriptions: RefCell::default(),
            parents: RefCell::default(),
            places: RefCell::default(),
            drafts: Vec::new(),
            by_id: HashMap::new(),
            partial: Vec::new(),
            diagnostics: Diagnostics::new(),
            unknown_types: Vec::new(),
            unnamed: RefCell::default(),
        }
    }

    /// Resources first, then what other instances say about them.
    pub(super) fn run(&mut self) {
        for instance in 0..self.plan.instances.len() {
            self.remember_parent(instance);
        }
        for instance in 0..self.plan.instances.len() {
            self.resource(instance);
        }
        for instance in 0..self.plan.instances.len() {
            let (block, known) = (self.block(instance), &self.plan.instances[instance]);
            if known.is_data {
                continue;
            }
            match kinds::role(&known.kind) {
                Some(Role::Part {
                    parent,
                    array,
                    rules,
                }) => self.part(&block, parent, array, rules),
                Some(Role::Patch { parent, rules }) => self.patch(&block, parent, rules),
                Some(Role::Configurations { named, rules }) => {
                    self.configurations(&block, named, rules);
                }
                Some(Role::Resource(_)) => {}
                None => self.no_role(instance),
            }
        }
    }

    fn no_role(&mut self, instance: usize) {
        let kind = &self.plan.instances[instance].kind;
        if !kinds::is_suspect(kind) {
            return;
        }
        match self
            .unknown_types
            .iter_mut()
            .find(|(known, ..)| known == kind)
        {
            Some((.., count)) => *count += 1,
            None => self.unknown_types.push((kind.clone(), instance, 1)),
        }
    }

    /// The arguments of an instance.
    pub(super) fn block(&self, instance: usize) -> Block<'p> {
        let known = &self.plan.instances[instance];
        Block {
            instance,
            values: Some(&known.values),
            unknown: known.unknown.as_ref(),
            expressions: known
                .configuration
                .as_ref()
                .and_then(|configuration| configuration.get("expressions")),
            path: String::new(),
            span: known.span,
        }
    }

    fn resource(&mut self, instance: usize) {
        let plan = self.plan;
        let known = &plan.instances[instance];
        if known.kind == "azapi_resource" {
            return self.azapi(instance);
        }
        let Some(Role::Resource(resource)) = kinds::role(&known.kind) else {
            return;
        };
        // A data source that is not read yet tells nothing, and one about a machine does not tell its NICs.
        if known.is_data
            && (text_of(known, "id").is_none() || resource.arm.starts_with("Microsoft.Compute/"))
        {
            return;
        }
        let Some(id) = self.id(instance) else {
            return self.no_id(instance);
        };
        let block = self.block(instance);
        let mut body = self.envelope(&block, &id);
        self.apply(&block, resource.rules, &mut body, "properties/", &id);
        self.add(instance, id.clone(), body);
        if let Some((segment, name, rules)) = resource.child {
            let id = format!("{id}/{segment}/{name}");
            let mut body = self.envelope(&block, &id);
            self.apply(&block, rules, &mut body, "properties/", &id);
            self.add(instance, id, body);
        }
    }

    /// `id`, `name`, `location` and empty `properties`.
    fn envelope(&self, block: &Block<'p>, id: &str) -> Object {
        let span = block.span;
        let name = id.rsplit('/').next().unwrap_or_default();
        let mut members = vec![
            member("id", Value::new(span, id)),
            member("name", Value::new(span, name)),
        ];
        if let Some(location) = self.argument(block, "location", Want::Any) {
            members.push(member("location", location));
        }
        members.push(member("properties", Value::new(span, empty())));
        Object::new(members)
    }

    fn add(&mut self, instance: usize, id: String, body: Object) {
        let known = &self.plan.instances[instance];
        let place = self.by_id.get(&id.to_ascii_lowercase()).copied();
        if let Some(place) = place {
            // Several modules read the same data source, or read what another part of the plan manages.
            if known.is_data {
                return;
            }
            if self.drafts[place].is_data {
                self.drafts[place].body = body;
                self.drafts[place].address.clone_from(&known.address);
                self.drafts[place].span = known.span;
                self.drafts[place].is_data = false;
                self.drafts[place].is_there = known.is_there;
                return;
            }
        }
        self.by_id
            .insert(id.to_ascii_lowercase(), self.drafts.len());
        self.places.borrow_mut().resource(&id, &known.address);
        self.drafts.push(Draft {
            id,
            address: known.address.clone(),
            body,
            span: known.span,
            is_there: known.is_there,
            is_data: known.is_data,
        });
    }

    fn no_id(&mut self, instance: usize) {
        let known = &self.plan.instances[instance];
        let message = format!(
            "the id of {} cannot be put together: what it lies in is known after the apply only",
            known.address
        );
        self.diagnostics.push(
            Diagnostic::error(Code::UnknownValue, message)
                .at(known.span)
                .resource(&*known.address)
                .expected("a plan in which resource group, parent and name are known"),
        );
    }

    fn part(
        &mut self,
        block: &Block<'p>,
        parent: Parent,
        array: &'static str,
        rules: &'static [Rule],
    ) {
        let Some(id) = self.parent_of(block, parent) else {
            return;
        };
        let element = self.element(block, rules, &id);
        self.on(block, &id, |body| {
            append(
                body,
                &format!("properties/{array}"),
                block.span,
                vec![element],
            )
        });
    }

    fn patch(&mut self, block: &Block<'p>, parent: Parent, rules: &'static [Rule]) {
        let Some(id) = self.parent_of(block, parent) else {
            return;
        };
        let mut said = empty();
        self.apply(block, rules, &mut said, "", &id);
        self.on(block, &id, |body| {
            said.iter().fold(body.clone(), |body, member| {
                let path = format!("properties/{}", member.key);
                merge(&body, &path, &member.value)
            })
        });
    }

    fn configurations(
        &mut self,
        block: &Block<'p>,
        named: Option<&'static str>,
        rules: &'static [Rule],
    ) {
        let Some(id) = self.parent_of(block, Parent::Id("network_interface_id")) else {
            return;
        };
        let name = named.and_then(|named| self.argument(block, named, Want::Name));
        let mut said = empty();
        self.apply(block, rules, &mut said, "", &id);
        self.on(block, &id, |body| {
            let properties = body.get("properties");
            let listed = properties
                .and_then(|properties| properties.get("ipConfigurations")?.as_array())
                .unwrap_or_default();
            let changed = listed.iter().map(|configuration| {
                let own = configuration.get("name").and_then(Value::as_str);
                let meant = name.as_ref().is_none_or(|name| name.as_str() == own);
                match configuration.as_object() {
                    Some(object) if meant => {
                        let object = said.iter().fold(object.clone(), |object, member| {
                            let path = format!("properties/{}", member.key);
                            merge(&object, &path, &member.value)
                        });
                        Value::new(configuration.span, object)
                    }
                    _ => configuration.clone(),
                }
            });
            let changed: Vec<Value> = changed.collect();
            put(
                body,
                "properties/ipConfigurations",
                Value::new(block.span, changed),
            )
        });
    }

    fn parent_of(&mut self, block: &Block<'p>, parent: Parent) -> Option<String> {
        let id = self.parent_id(block, parent);
        if id.is_none() {
            let known = &self.plan.instances[block.instance];
            let (Parent::Id(argument) | Parent::Name(argument, _)) = parent;
            let why = match self.argument(block, argument, Want::Id) {
                Some(value) => value
                    .as_unknown()
                    .map(|unknown| unknown.reason().to_owned()),
                None => None,
            };
            let message = format!(
                "{} belongs to a resource that cannot be told{}",
                known.address,
                why.map_or_else(String::new, |why| format!(": {why}"))
            );
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownValue, message)
                    .at(block.span)
                    .resource(&*known.address)
                    .property(argument)
                    .expected("a reference that can be followed, or the id itself"),
            );
        }
        id
    }

    /// Changes the body of a resource of the plan, or remembers what is said about one outside.
    fn on(&mut self, block: &Block<'p>, id: &str, change: impl FnOnce(&Object) -> Object) {
        let known = &self.plan.instances[block.instance];
        if let Some(&draft) = self.by_id.get(&id.to_ascii_lowercase()) {
            let draft = &mut self.drafts[draft];
            draft.body = change(&draft.body);
            return;
        }
        let position = self
            .partial
            .iter()
            .position(|partial| partial.id.eq_ignore_ascii_case(id));
        let position = position.unwrap_or_else(|| {
            self.partial.push(Draft {
                id: id.to_owned(),
                address: known.address.clone(),
                body: put(&empty(), "properties", Value::new(block.span, empty())),
                span: known.span,
                is_there: true,
                is_data: false,
            });
            self.partial.len() - 1
        });
        let partial = &mut self.partial[position];
        partial.body = change(&partial.body);
    }
}

/// Objects one in the other, arrays one behind the other, and everything else as it is said last.
fn merge(object: &Object, path: &str, value: &Value) -> Object {
    if let Some(members) = value.as_object()
        && members.get("id").is_none()
    {
        return members.iter().fold(object.clone(), |object, member| {
            merge(&object, &format!("{path}/{}", member.key), &member.value)
        });
    }
    match value.as_array() {
        Some(values) => append(object, path, value.span, values.to_vec()),
        None => put(object, path, value.clone()),
    }
}

fn text_of<'v>(instance: &'v Instance, key: &str) -> Option<&'v str> {
    instance.values.get(key).and_then(Value::as_str)
}
