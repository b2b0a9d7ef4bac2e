//! Plans and states of Terraform (`terraform show -json`, provider `azurerm`; `azapi_resource` too), read as resources of ARM.
//!
//! ```text
//! document ──plan──▶ instances: values, what is known after the apply only, configuration
//!                         │
//!                  lower  ▼  kinds: which type and argument is which in ARM
//!                    bodies of resources ◀──references── configuration: arguments, variables, outputs
//!                         │
//!                         ▼
//!                 addresses that Azure would give, as for templates; again, if an argument asked for one of them
//! ```
//!
//! A plan shows the network as it is after the apply: what it deletes is absent, what it leaves alone is there, and what it says goes
//! before what other files say. Data sources with
//! known values are resources that exist. Associations, rules and parts that have resources of their own in Terraform become
//! properties of the resource they belong to, so that there is one reader for all formats.
//!
//! **What is known after the apply only** is followed through `configuration`: to attributes of other resources, through arguments,
//! variables and outputs of modules, by the keys of `count` and `for_each`. The document does not hold locals, `dynamic` blocks and
//! indexes that are no constants; where a value depends on one of these and has several meanings, it is an unknown value, and an error
//! only where it decides something. A name that is not known yet is replaced by the address of its resource, with a note.
//!
//! **What is not supplied.** The subscription is that of the provider's block, else of a resource that exists, else of the
//! [`DeploymentContext`]. Raw state files (`terraform.tfstate`) are not read.

mod address;
mod body;
mod kinds;
mod lower;
mod places;
mod plan;
mod references;

use std::collections::{BTreeMap, HashSet};

use model::ResourceId;

use crate::arm::{ArmResource, Assignments, Assumed, DeploymentContext};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Object, Value};
use crate::resources::{Origin, ResourceDocument};
use lower::{Bodies, Draft, Lowering};
pub(crate) use places::Places;
use plan::Plan;

/// Rounds of lowering and assigning addresses, as for templates.
const MAX_ROUNDS: usize = 5;

/// What came of a document.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) resources: Vec<ResourceDocument>,
    /// What the document says about resources outside it: with its address in Terraform.
    pub(crate) partial: Vec<(ResourceDocument, String)>,
    /// Networks outside the document whose subnets are in it, with the prefixes of these.
    pub(crate) implied: Vec<ResourceDocument>,
    /// Ids of what is deleted, in lower case.
    pub(crate) deleted: HashSet<String>,
    pub(crate) assumed: Vec<Assumed>,
    pub(crate) places: Places,
}

/// Whether a document is a plan or a state of `terraform show -json`.
pub(crate) fn is_terraform(document: &Object) -> bool {
    document.get("format_version").is_some()
        && ["planned_values", "values", "terraform_version"]
            .iter()
            .any(|key| document.get(key).is_some())
}

/// Whether a document is a state file itself, which only Terraform can read.
pub(crate) fn is_state_file(document: &Object) -> bool {
    ["terraform_version", "lineage", "serial", "resources"]
        .iter()
        .all(|key| document.get(key).is_some())
}

/// Reads a plan or a state. What is wrong with it is among `diagnostics`.
pub(crate) fn read(
    document: &Value,
    context: &DeploymentContext,
    diagnostics: &mut Diagnostics,
) -> Reading {
    if let Some(version) = document.get("format_version")
        && let Some(text) = version.as_str()
        && !matches!(text.split('.').next(), Some("0" | "1"))
    {
        let message = format!("format_version {text} of Terraform's output is not known");
        diagnostics.push(
            Diagnostic::error(Code::UnknownFormat, message)
                .at(version.span)
                .property("format_version")
                .expected("0.x or 1.x"),
        );
        return Reading::default();
    }
    let plan = Plan::of(document);
    warn_of_broken(document, diagnostics);
    let of_azure = |instance: &plan::Instance| {
        instance.kind.starts_with("azurerm_") || instance.kind.starts_with("azapi_")
    };
    if !plan.instances.iter().any(of_azure) {
        let message = "this output of Terraform holds no resource of azurerm or azapi";
        diagnostics.push(Diagnostic::warning(Code::UnknownFormat, message).at(document.span));
    }
    let deleted = deleted(document);
    let mut last = Bodies::new();
    let mut round = 1;
    loop {
        let mut lowering = Lowering::new(&plan, context, &last, &deleted);
        lowering.run();
        let resources: Vec<ArmResource> = lowering.drafts.iter().map(arm_resource).collect();
        let assigned = Assignments::of(&resources);
        let bodies: Bodies = resources
            .iter()
            .map(|resource| {
                let body = assigned.write_into(&resource.id, resource.body.clone());
                (resource.id.to_ascii_lowercase(), body)
            })
            .collect();
        if bodies == last || !lowering.asked.get() || round == MAX_ROUNDS {
            diagnostics.extend(std::mem::take(&mut lowering.diagnostics));
            tell_unknown_types(&plan, &lowering, diagnostics);
            tell_unnamed(&plan, &lowering, diagnostics);
            let assumed = assigned.list(&resources);
            let mut reading = finish(lowering, &bodies, assumed, document, diagnostics);
            reading.deleted = deleted;
            return reading;
        }
        last = bodies;
        round += 1;
    }
}

fn finish(
    lowering: Lowering<'_>,
    bodies: &Bodies,
    assumed: Vec<Assumed>,
    document: &Value,
    diagnostics: &mut Diagnostics,
) -> Reading {
    let mut reading = Reading {
        assumed,
        places: lowering.places.into_inner(),
        ..Reading::default()
    };
    let mut implied: BTreeMap<String, (ResourceId, Vec<Value>)> = BTreeMap::new();
    for draft in lowering.drafts {
        let id = match ResourceId::parse(&draft.id) {
            Ok(id) => id,
            Err(error) => {
                diagnostics.push(
                    Diagnostic::error(Code::BadResourceName, error.to_string())
                        .at(draft.span)
                        .resource(draft.address)
                        .property("name"),
                );
                continue;
            }
        };
        let body = bodies[&draft.id.to_ascii_lowercase()].clone();
        // A subnet tells something of a network that the plan does not hold.
        if let Some(network) = id.parent()
            && network
                .kind()
                .eq_ignore_ascii_case("Microsoft.Network/virtualNetworks")
            && !bodies.contains_key(&network.as_str().to_ascii_lowercase())
        {
            let prefixes = body
                .path(["properties", "addressPrefixes"])
                .and_then(Value::as_array)
                .unwrap_or_default();
            implied
                .entry(network.as_str().to_ascii_lowercase())
                .or_insert_with(|| (network, Vec::new()))
                .1
                .extend(prefixes.iter().cloned());
        }
        reading.resources.push(ResourceDocument {
            id,
            body,
            span: draft.span,
            origin: if draft.is_there {
                Origin::Recorded
            } else {
                Origin::Authored
            },
        });
    }
    for partial in lowering.partial {
        if let Ok(id) = ResourceId::parse(&partial.id) {
            let document = ResourceDocument {
                id,
                body: Value::new(partial.span, partial.body),
                span: partial.span,
                origin: Origin::Authored,
            };
            reading.partial.push((document, partial.address));
        }
    }
    for (id, prefixes) in implied.into_values() {
        let span = document.span;
        let space = vec![body::member("addressPrefixes", Value::new(span, prefixes))];
        let properties = vec![body::member("addressSpace", Value::new(span, space))];
        reading.implied.push(ResourceDocument {
            id,
            body: Value::new(
                span,
                vec![body::member("properties", Value::new(span, properties))],
            ),
            span,
            origin: Origin::Recorded,
        });
    }
    reading
}

fn arm_resource(draft: &Draft) -> ArmResource {
    let provider = draft
        .id
        .rfind("/providers/")
        .map_or("", |at| &draft.id[at + 11..]);
    let mut segments = provider.split('/');
    let mut resource_type = segments.next().unwrap_or_default().to_owned();
    let mut names = Vec::new();
    while let (Some(kind), Some(name)) = (segments.next(), segments.next()) {
        resource_type.push('/');
        resource_type.push_str(kind);
        names.push(name.to_owned());
    }
    let segment = |number| draft.id.split('/').nth(number).unwrap_or_default();
    ArmResource {
        id: draft.id.clone(),
        resource_type,
        names,
        subscription: segment(2).to_owned(),
        resource_group: Some(segment(4).to_owned()),
        location: draft.body.get("location").cloned(),
        api_version: None,
        body: Value::new(draft.span, draft.body.clone()),
        span: draft.span,
        copy_index: None,
    }
}

/// Ids of what the plan deletes, in lower case.
fn deleted(document: &Value) -> HashSet<String> {
    let changes = document.get("resource_changes").and_then(Value::as_array);
    changes
        .unwrap_or_default()
        .iter()
        .filter_map(|change| {
            let change = change.get("change")?;
            let actions = change.get("actions")?.as_array()?;
            let deletes = matches!(actions, [only] if only.as_str() == Some("delete"));
            let id = change.path(["before", "id"])?.as_str()?;
            deletes.then(|| id.to_ascii_lowercase())
        })
        .collect()
}

/// A plan that ended in an error or leaves resources out shows a part of the network only.
fn warn_of_broken(document: &Value, diagnostics: &mut Diagnostics) {
    for (key, bad, what) in [
        (
            "errored",
            true,
            "planning ended in an error; resources may be missing",
        ),
        (
            "complete",
            false,
            "this plan is not complete; a further one will follow it",
        ),
    ] {
        if let Some(value) = document.get(key)
            && value.as_bool() == Some(bad)
        {
            diagnostics.push(
                Diagnostic::warning(Code::Unsupported, what)
                    .at(value.span)
                    .property(key),
            );
        }
    }
}

fn tell_unknown_types(plan: &Plan, lowering: &Lowering<'_>, diagnostics: &mut Diagnostics) {
    for (kind, first, count) in &lowering.unknown_types {
        let first = &plan.instances[*first];
        let message = match count {
            1 => format!("{} is not simulated", first.address),
            _ => format!(
                "{count} instances of {kind} are not simulated, the first is {}",
                first.address
            ),
        };
        diagnostics.push(
            Diagnostic::warning(Code::Unsupported, message)
                .at(first.span)
                .resource(&*first.address),
        );
    }
}

fn tell_unnamed(plan: &Plan, lowering: &Lowering<'_>, diagnostics: &mut Diagnostics) {
    for &instance in lowering.unnamed.borrow().iter() {
        let known = &plan.instances[instance];
        let message = format!(
            "the name of {} is known after the apply only; its address stands for it",
            known.address
        );
        diagnostics.push(
            Diagnostic::note(Code::AssumedValue, message)
                .at(known.span)
                .resource(&*known.address)
                .property("name"),
        );
    }
}

#[cfg(test)]
mod tests;
