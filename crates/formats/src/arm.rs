//! ARM templates evaluated: from a template and its parameters to the flat list of resources that Azure would be asked
//! to create.
//!
//! ```text
//! template ──deployment──▶ resources declared: copies, conditions, children, nested and linked templates
//!              │  ▲
//!    evaluator ▼  │ references: a nested template may be named after another resource's output
//!          expressions ──functions──▶ values
//!              │
//!              ▼
//!          resources, evaluated ──assign──▶ addresses that Azure would give ──┐
//!              ▲                                                              │
//!              └──────── again, if a template asked for one of them ◀─────────┘
//! ```
//!
//! Everything is lazy: a variable, a parameter, a body is evaluated when somebody asks, remembered, and asked for in a
//! circle only once. What Azure assigns when resources exist (a dynamic address) can be told only when all of them are
//! evaluated, so the evaluation is repeated with what the last one brought to light, until nothing new comes up. Two
//! rounds are enough for a route to a firewall's address; there are five at most.
//!
//! **Unknown values.** A parameter without value or default, a function that only Azure can answer, a reference to a
//! resource outside the input is a [`Data::Unknown`](crate::json::Data::Unknown) that travels through functions and
//! into bodies; whoever reads the body decides whether it matters. Here it is an error only where the evaluation itself
//! needs the value: the count of a `copy`, a `condition`, the type, name and scope of a network resource.
//!
//! **What is not supplied.** Subscription, tenant, resource group and location come from the [`DeploymentContext`];
//! `deployment().name` is the name of the template file without its extension; `utcNow()` and `newGuid()` are fixed, so
//! that the same input gives the same network.

mod assign;
mod deployment;
mod evaluator;
mod expression;
mod frame;
mod functions;
mod identity;
mod links;
mod parameters;
mod references;
mod resources;
mod write;

use std::{collections::HashMap, path::Path};

pub(crate) use assign::Assignments;
pub use assign::{Assumed, AssumedRule};
use deployment::{DEPLOYMENTS, Scope};
use evaluator::{Evaluator, Tolerance};
use identity::{Level, Placement};
pub use parameters::{Parameters, is_parameter_file};
use resources::{Node, NodeId, Presence};
pub use write::Template;

use crate::{
    diagnostic::Diagnostics,
    json::{Object, Value},
    source::{Sources, Span},
};

/// Rounds of evaluating and assigning. Each needs a template that asks for an address in order to say which addresses
/// there are; nobody chains that often.
const MAX_ROUNDS: usize = 5;

/// Where a template is deployed, for what its expressions ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentContext {
    /// Subscription id; default `00000000-0000-0000-0000-000000000000`.
    pub subscription: String,
    /// Tenant id; default `00000000-0000-0000-0000-000000000000`.
    pub tenant: String,
    /// Name of the resource group; default `rg1`.
    pub resource_group: String,
    /// Name of the management group, for templates deployed to one; default `mg1`.
    pub management_group: String,
    /// Location of the resource group and of the deployment; default `northeurope`.
    pub location: String,
}

impl Default for DeploymentContext {
    fn default() -> Self {
        let nil = "00000000-0000-0000-0000-000000000000";
        Self {
            subscription: nil.to_owned(),
            tenant: nil.to_owned(),
            resource_group: "rg1".to_owned(),
            management_group: "mg1".to_owned(),
            location: "northeurope".to_owned(),
        }
    }
}

/// A resource that Azure would be asked to create.
#[derive(Clone, Debug)]
pub struct ArmResource {
    /// Full resource id.
    pub id: String,
    /// Full type, as `Microsoft.Network/virtualNetworks/subnets`, in the letter case of the template.
    pub resource_type: String,
    /// One name for each segment of the type after the provider.
    pub names: Vec<String>,
    /// The subscription it goes to.
    pub subscription: String,
    /// The resource group it goes to; `None` for resources above resource groups.
    pub resource_group: Option<String>,
    /// The location, if the template says one; an unknown value where it cannot be told.
    pub location: Option<Value>,
    /// The `apiVersion` as written or evaluated.
    pub api_version: Option<String>,
    /// The whole resource as Azure's REST interface shows it: `id`, `name` (last segment), `type`, `location`,
    /// `properties`, ... Child resources are resources of their own.
    pub body: Value,
    /// Where the declaration stands.
    pub span: Span,
    /// Which turn of a `copy` it comes from, from 0.
    pub copy_index: Option<i64>,
}

/// What came of a template.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Resources in the order of the file, those of nested deployments in their place. A resource that several
    /// deployments write stands where the first does, and is as the last one writes it.
    pub resources: Vec<ArmResource>,
    /// Values that Azure would assign, written into the bodies.
    pub assumed: Vec<Assumed>,
    /// Outputs of the template: `{"value": ..., "type": ...}` by name.
    pub outputs: Object,
}

/// Whether a document is a deployment template.
pub fn is_template(document: &Value) -> bool {
    let schema = document
        .get("$schema")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_ascii_lowercase();
    if schema.contains("deploymentparameters") {
        return false;
    }
    // A template without its schema is not valid, but recognisable.
    schema.contains("deploymenttemplate")
        || (document.get("resources").is_some() && document.get("contentVersion").is_some())
}

/// Evaluates a template. What is wrong with it is among `diagnostics`; what is right is answered all the same.
pub fn evaluate(
    sources: &mut Sources,
    template: &Value,
    parameters: &Parameters,
    context: &DeploymentContext,
    diagnostics: &mut Diagnostics,
) -> Evaluation {
    let mut assignments = Assignments::default();
    let mut round = 1;
    loop {
        let mut evaluator = Evaluator::new(sources, context, &assignments);
        evaluator.limits.add_file(template.size().nodes);
        let (resources, outputs) = evaluator.run(template, parameters);
        let Evaluator {
            asked_for_assigned,
            diagnostics: found,
            ..
        } = evaluator;
        let next = Assignments::of(&resources);
        if next == assignments || !asked_for_assigned || round == MAX_ROUNDS {
            diagnostics.extend(found);
            let resources = last_of_each(resources);
            let assumed = next.list(&resources);
            let write = |resource: ArmResource| {
                let body = next.write_into(&resource.id, resource.body);
                ArmResource { body, ..resource }
            };
            let resources = resources.into_iter().map(write).collect();
            return Evaluation {
                resources,
                assumed,
                outputs,
            };
        }
        assignments = next;
        round += 1;
    }
}

/// A resource that several deployments write is as the last one writes it, where the first one does.
fn last_of_each(resources: Vec<ArmResource>) -> Vec<ArmResource> {
    let mut places = HashMap::new();
    let mut last: Vec<ArmResource> = Vec::with_capacity(resources.len());
    for resource in resources {
        let place = *places
            .entry(resource.id.to_ascii_lowercase())
            .or_insert(last.len());
        if place == last.len() {
            last.push(resource);
        } else {
            last[place] = resource;
        }
    }
    last
}

impl Evaluator<'_> {
    /// One round: the resources as they stand in the template, as often as deployments write them, and its outputs.
    fn run(&mut self, template: &Value, parameters: &Parameters) -> (Vec<ArmResource>, Object) {
        let schema = template
            .get("$schema")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let level = match schema
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches('#')
        {
            "subscriptiondeploymenttemplate.json" => Level::Subscription,
            "managementgroupdeploymenttemplate.json" => Level::ManagementGroup,
            "tenantdeploymenttemplate.json" => Level::Tenant,
            _ => Level::ResourceGroup,
        };
        let placement = Placement {
            level,
            subscription: self.context.subscription.clone(),
            resource_group: self.context.resource_group.clone(),
            management_group: self.context.management_group.clone(),
        };
        let given = parameters.slots(template, &mut self.diagnostics);
        let root = self.add_deployment(
            self.name_of(template),
            template,
            placement,
            None,
            Scope::Inner,
            given,
        );
        self.deploy_all(root);
        let mut nodes = Vec::new();
        self.in_order(root, &mut nodes);
        let mut resources = Vec::with_capacity(nodes.len());
        for node in nodes {
            let body = match self.body(node) {
                Ok(body) => body,
                Err(fault) => self.fail(fault, self.nodes[node.0].declaration.span, None),
            };
            resources.push(self.nodes[node.0].to_resource(body));
        }
        let outputs = self.tolerating(Tolerance::Warn, |this| this.outputs(root));
        (
            resources,
            outputs
                .as_object()
                .cloned()
                .unwrap_or_else(|| Object::new(Vec::new())),
        )
    }

    /// Azure names a deployment after the file of its template.
    fn name_of(&self, template: &Value) -> String {
        let stem = Path::new(self.sources.name(template.span.file())).file_stem();
        stem.map_or_else(
            || "azuredeploy".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        )
    }

    /// The resources to be created, those of a nested deployment in its place.
    fn in_order(&self, deployment: deployment::DeploymentId, nodes: &mut Vec<NodeId>) {
        for &id in &self.deployments[deployment.0].nodes {
            let node = &self.nodes[id.0];
            match node.child {
                Some(child) => self.in_order(child, nodes),
                None if node.presence == Presence::Deployed
                    && !node.resource_type.eq_ignore_ascii_case(DEPLOYMENTS) =>
                {
                    nodes.push(id);
                }
                None => {}
            }
        }
    }
}

impl Node {
    fn to_resource(&self, body: Value) -> ArmResource {
        let group = (self.placement.level == Level::ResourceGroup)
            .then(|| self.placement.resource_group.clone());
        ArmResource {
            id: self.id.clone(),
            resource_type: self.resource_type.clone(),
            names: self.names.clone(),
            subscription: self.placement.subscription.clone(),
            resource_group: group,
            location: body.get("location").cloned(),
            api_version: body
                .get("apiVersion")
                .and_then(Value::as_str)
                .map(str::to_owned),
            span: self.declaration.span,
            copy_index: self.copy_index,
            body,
        }
    }
}

#[cfg(test)]
mod tests;
