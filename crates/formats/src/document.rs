//! What kind of document a file is, told by its content.

use std::path::Path;

use model::ResourceId;

use crate::arm;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::{Object, Value};
use crate::resources::kind::Kind;
use crate::resources::service_tags;
use crate::resources::{Collection, Origin, ResourceDocument};
use crate::{promises, scenario, terraform};

/// The kinds of documents that are told apart.
#[derive(Debug)]
pub(crate) enum Document {
    /// An ARM template.
    Template,
    /// Values for the parameters of a template.
    Parameters,
    /// Resources as `az ... list`, `az ... show`, `az graph query` or the REST API print them.
    Resources(Vec<Value>),
    /// `az network vnet-gateway list-learned-routes`, or `az network routeserver peering list-learned-routes`.
    LearnedRoutes,
    /// Microsoft's list of service tags: the weekly `ServiceTags_Public_DATE.json`, or `az network list-service-tags`.
    ServiceTags,
    /// `az network manager list-deploy-status`: which configurations of network managers are deployed where.
    DeployStatus(Vec<Value>),
    /// A scenario.
    Scenario,
    /// An answer of az that describes no resource, such as effective routes: something to compare with, nothing to read.
    Answer(&'static str),
    /// What a team has promised about its network: nothing to read.
    Promises,
    /// `terraform show -json`.
    Terraform,
    /// A state file of Terraform, which its own program turns into the form that is read.
    TerraformState,
}

/// What is expected of a file, for the error about one of no known kind.
pub(crate) const EXPECTED: &str = "an ARM template (with $schema and resources), the output of az ... list or show -o json (resources with ids), \
     the result of az graph query, Microsoft's list of service tags, terraform show -json, or a scenario (with virtualNetworks, topology, ...)";

impl Document {
    /// The kind of a document; `None` if it is none that is known.
    pub(crate) fn of(value: &Value, path: &Path) -> Option<Self> {
        if let Some(values) = value.as_array() {
            return list(values);
        }
        let object = value.as_object()?;
        let named_parameters =
            file_name(path).contains(".parameters.") && object.get("resources").is_none();
        if arm::is_parameter_file(value) || (named_parameters && object.get("parameters").is_some())
        {
            return Some(Self::Parameters);
        }
        if arm::is_template(value) {
            return Some(Self::Template);
        }
        if terraform::is_terraform(object) {
            return Some(Self::Terraform);
        }
        if terraform::is_state_file(object) {
            return Some(Self::TerraformState);
        }
        // Before resources: the answer of REST has an id of its own.
        if service_tags::is_list(object) {
            return Some(Self::ServiceTags);
        }
        if is_resource(object) {
            return Some(Self::Resources(vec![value.clone()]));
        }
        // `az graph query`; its table form has columns and rows.
        if let Some(rows) = object.get("data").and_then(Value::as_array) {
            return list(rows);
        }
        // REST: one page of a list.
        if let Some(rows) = object.get("value").and_then(Value::as_array) {
            return list(rows);
        }
        if object
            .iter()
            .any(|member| member.key.starts_with("RouteServiceRole"))
        {
            return Some(Self::LearnedRoutes);
        }
        if promises::is_promises(object) {
            return Some(Self::Promises);
        }
        scenario::is_scenario(object).then_some(Self::Scenario)
    }
}

fn list(values: &[Value]) -> Option<Document> {
    let Some(first) = values.first() else {
        return Some(Document::Resources(Vec::new()));
    };
    let object = first.as_object()?;
    if is_resource(object) {
        return Some(Document::Resources(values.to_vec()));
    }
    let has = |keys: &[&str]| keys.iter().all(|key| object.get(key).is_some());
    if has(&["network", "asPath"]) || has(&["network", "origin"]) {
        return Some(Document::LearnedRoutes);
    }
    if has(&["configurationIds", "deploymentType"]) {
        return Some(Document::DeployStatus(values.to_vec()));
    }
    if has(&["addressPrefix", "nextHopType", "source"]) {
        return Some(Document::Answer("effective routes"));
    }
    if has(&["effectiveSecurityRules"]) {
        return Some(Document::Answer("effective security rules"));
    }
    None
}

fn is_resource(object: &Object) -> bool {
    let text = |key| object.get(key).and_then(Value::as_str);
    match (text("id"), text("type"), text("name")) {
        (Some(id), _, _) if id.starts_with('/') => true,
        (_, Some(resource_type), Some(_)) => resource_type.contains('/'),
        _ => false,
    }
}

/// The last segment of a path in lower case.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default()
}

/// Puts the resources of a dump into the collection.
pub(crate) fn collect(
    rows: Vec<Value>,
    collection: &mut Collection,
    diagnostics: &mut Diagnostics,
) {
    collection.reserve(rows.len());
    for row in rows {
        let Some(object) = row.as_object() else {
            let problem =
                Diagnostic::error(Code::WrongType, format!("a resource is {}", row.kind()));
            diagnostics.push(problem.at(row.span).value(&row).expected("an object"));
            continue;
        };
        match row_id(object) {
            RowId::Known(id) => {
                let span = row.span;
                collection.add(
                    ResourceDocument {
                        id,
                        body: row,
                        span,
                        origin: Origin::Recorded,
                    },
                    diagnostics,
                );
            }
            RowId::Irrelevant => {}
            RowId::Bad { message, span } => {
                let problem =
                    Diagnostic::error(Code::BadResourceName, message).at(span.unwrap_or(row.span));
                diagnostics.push(
                    problem
                        .property("id")
                        .expected("the resource id, /subscriptions/.../providers/..."),
                );
            }
        }
    }
}

enum RowId {
    Known(ResourceId),
    /// A resource group, subscription or the like: it has no provider in its id and carries no packets.
    Irrelevant,
    Bad {
        message: String,
        span: Option<crate::source::Span>,
    },
}

fn row_id(row: &Object) -> RowId {
    let text = |key| row.get(key).and_then(Value::as_str);
    let irrelevant = text("type").is_some_and(|kind| Kind::of(kind) == Kind::Irrelevant);
    if let Some(value) = row.get("id").filter(|value| !value.is_null()) {
        return match value.as_str().map(ResourceId::parse) {
            Some(Ok(id)) => RowId::Known(id),
            _ if irrelevant => RowId::Irrelevant,
            Some(Err(error)) => RowId::Bad {
                message: error.to_string(),
                span: Some(value.span),
            },
            None => RowId::Bad {
                message: format!("the id of a resource is {}", value.kind()),
                span: Some(value.span),
            },
        };
    }
    // A query that selects columns may leave the id out but hold its parts.
    match (text("type"), text("name"), text("resourceGroup")) {
        (Some(kind), Some(name), Some(group)) => {
            let subscription =
                text("subscriptionId").unwrap_or("00000000-0000-0000-0000-000000000000");
            let id = ResourceId::in_group(subscription, group, kind, name);
            match ResourceId::parse(id.as_str()) {
                Ok(id) => RowId::Known(id),
                Err(error) => RowId::Bad {
                    message: error.to_string(),
                    span: None,
                },
            }
        }
        _ if irrelevant => RowId::Irrelevant,
        _ => RowId::Bad {
            message: "a resource has no id".to_owned(),
            span: None,
        },
    }
}
