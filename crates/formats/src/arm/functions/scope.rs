//! Functions that know where the template is deployed: ids, subscription, resource group, deployment.

use super::super::{
    evaluator::Evaluator,
    frame::{Fault, Frame},
    identity::{self, Level},
};
use crate::{
    json::{Data, Member, Object, Value},
    source::Span,
};

/// An object with these entries, all at one place.
pub(in crate::arm) fn object<const N: usize>(span: Span, entries: [(&str, Data); N]) -> Object {
    let member = |(key, data): (&str, Data)| Member {
        key: key.into(),
        key_span: span,
        value: Value { span, data },
    };
    Object::new(entries.into_iter().map(member).collect())
}

impl Evaluator<'_> {
    /// `None`: the function does not depend on the place.
    pub(in crate::arm) fn scope_function(
        &mut self,
        name: &str,
        lower: &str,
        values: &[Value],
        frame: &Frame,
        span: Span,
    ) -> Option<Result<Value, Fault>> {
        let deployment = &self.deployments[frame.deployment.0];
        let placement = &deployment.placement;
        let here = |level: Level| {
            let mut placement = placement.clone();
            placement.level = level;
            placement
        };
        let open = |object: Object| Ok(Value::new(span, object.opened()));
        Some(match lower {
            "deployment" => open(self.deployment_object(frame, span)),
            "environment" => open(environment(span)),
            "extensionresourceid" => extension_resource_id(name, values, span),
            "pickzones" => pick_zones(values, span),
            "managementgroup" => {
                let id = here(Level::ManagementGroup).id();
                let name = placement.management_group.clone();
                open(object(span, [("id", id.into()), ("name", name.into())]))
            }
            "managementgroupresourceid" => {
                self.ids(name, values, frame, span, Level::ManagementGroup)
            }
            "reference" => self.reference(values, frame, span),
            "references" => self.references(values, frame, span),
            "resourcegroup" => open(self.resource_group_object(frame, span)),
            "resourceid" => {
                let level = placement.level;
                self.ids(name, values, frame, span, level)
            }
            "resourceinfo" => self.resource_info(values, frame, span),
            "subscription" => open(object(
                span,
                [
                    ("id", here(Level::Subscription).id().into()),
                    ("subscriptionId", placement.subscription.clone().into()),
                    ("tenantId", self.context.tenant.clone().into()),
                    ("displayName", placement.subscription.clone().into()),
                ],
            )),
            "subscriptionresourceid" => self.ids(name, values, frame, span, Level::Subscription),
            "tenant" => open(object(
                span,
                [("tenantId", self.context.tenant.clone().into())],
            )),
            "tenantresourceid" => self.ids(name, values, frame, span, Level::Tenant),
            _ if lower.starts_with("list") || ONLY_AZURE.contains(&lower) => Ok(Value::unknown(
                span,
                format!("{name}() is answered by Azure only"),
            )),
            _ => return None,
        })
    }

    fn resource_group_object(&mut self, frame: &Frame, span: Span) -> Object {
        let placement = &self.deployments[frame.deployment.0].placement;
        let mut placement = placement.clone();
        placement.level = Level::ResourceGroup;
        let id = placement.id();
        // A group that the same input creates has the location written there.
        let node = self
            .by_id
            .get(&id.to_ascii_lowercase())
            .and_then(|nodes| nodes.first())
            .map(|node| &self.nodes[node.0]);
        let written = node.and_then(|node| {
            Some((
                node.declaration.get("location")?.clone(),
                node.frame.clone(),
            ))
        });
        let location = match written {
            Some((location, frame)) => self.value(&location, &frame).data,
            None => self.context.location.clone().into(),
        };
        object(
            span,
            [
                ("id", id.into()),
                ("name", placement.resource_group.into()),
                ("type", "Microsoft.Resources/resourceGroups".into()),
                ("location", location),
            ],
        )
    }

    fn deployment_object(&self, frame: &Frame, span: Span) -> Object {
        let deployment = &self.deployments[frame.deployment.0];
        let path = self.sources.path(deployment.template.span.file());
        let properties = match path {
            // What linked templates are found beside; see `links.rs`.
            Some(path) => {
                let uri = format!("file://{}", path.display());
                object(
                    span,
                    [(
                        "templateLink",
                        object(span, [("uri", uri.into())]).opened().into(),
                    )],
                )
            }
            None => object(span, []),
        };
        object(
            span,
            [
                ("name", deployment.name.clone().into()),
                ("location", self.context.location.clone().into()),
                ("properties", properties.opened().into()),
            ],
        )
    }

    /// `resourceId([subscription], [resource group], type, name...)` and its siblings.
    fn ids(
        &self,
        function: &str,
        values: &[Value],
        frame: &Frame,
        span: Span,
        level: Level,
    ) -> Result<Value, Fault> {
        let texts = texts(function, values)?;
        let place = texts
            .iter()
            .position(|text| text.contains('/') && !text.starts_with('/'))
            .filter(|&place| place <= 2);
        let place = place.ok_or_else(|| {
            Fault::argument(format!(
                "{function}() takes a type as Microsoft.Network/virtualNetworks"
            ))
        })?;
        let mut placement = self.deployments[frame.deployment.0].placement.clone();
        // Azure docs, "resourceId": from above a resource group, the id has the level of the deployment.
        placement.level = level;
        let of_subscription = function.eq_ignore_ascii_case("subscriptionResourceId");
        match (&texts[..place], level) {
            ([], _) => {}
            (&[subscription], Level::Subscription) if of_subscription => {
                placement.subscription = last_segment(subscription);
            }
            (&[group], Level::ResourceGroup | Level::Subscription) => {
                placement.level = Level::ResourceGroup;
                placement.resource_group = last_segment(group);
            }
            (&[group], Level::ManagementGroup) => placement.management_group = last_segment(group),
            (&[subscription, group], _) => {
                placement.level = Level::ResourceGroup;
                placement.subscription = last_segment(subscription);
                placement.resource_group = last_segment(group);
            }
            _ => {
                return Err(Fault::argument(format!(
                    "{function}() takes a type as its first argument"
                )));
            }
        }
        id_below(&placement.id(), texts[place], &texts[place + 1..], span)
    }
}

/// `subscription().id` is accepted where `subscription().subscriptionId` is meant.
fn last_segment(text: &str) -> String {
    text.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Functions that only Azure can answer, besides those that begin with `list`.
const ONLY_AZURE: &[&str] = &[
    "deployer",
    "getsecret",
    "providers",
    "tologicalzone",
    "tologicalzones",
    "tophysicalzone",
    "tophysicalzones",
];

fn texts<'v>(function: &str, values: &'v [Value]) -> Result<Vec<&'v str>, Fault> {
    let wrong = |value: &Value| {
        Fault::argument(format!("{function}() takes strings, not {}", value.kind()))
    };
    values
        .iter()
        .map(|value| value.as_str().ok_or_else(|| wrong(value)))
        .collect()
}

fn id_below(scope: &str, resource_type: &str, names: &[&str], span: Span) -> Result<Value, Fault> {
    // A name may hold several segments, as that of a child resource does.
    let names: Vec<&str> = names.iter().flat_map(|name| name.split('/')).collect();
    let id = identity::resource_id(scope, resource_type, &names).map_err(Fault::argument)?;
    Ok(Value::new(span, id))
}

/// `extensionResourceId(id, type, name...)`.
fn extension_resource_id(function: &str, values: &[Value], span: Span) -> Result<Value, Fault> {
    match texts(function, values)?.as_slice() {
        [scope, resource_type, names @ ..] => {
            id_below(scope.trim_end_matches('/'), resource_type, names, span)
        }
        _ => Err(Fault::argument(format!(
            "{function}() takes an id, a type and names"
        ))),
    }
}

/// `pickZones(provider, type, location, [number], [offset])`. Assumed: the location has zones, as most have.
fn pick_zones(values: &[Value], span: Span) -> Result<Value, Fault> {
    let number = |index: usize, default| values.get(index).map_or(Some(default), Value::as_i64);
    match number(3, 1).zip(number(4, 0)) {
        Some((count @ 0..=3, offset @ 0..=3)) => {
            let zones = (offset + 1..=offset + count).filter(|zone| *zone <= 3);
            Ok(Value::new(
                span,
                zones
                    .map(|zone| Value::new(span, zone.to_string()))
                    .collect::<Vec<_>>(),
            ))
        }
        _ => Err(Fault::argument(
            "pickZones() takes a provider, a type, a location, and how many of three zones",
        )),
    }
}

/// The public cloud. Source: Azure docs, "environment", example of the return value.
fn environment(span: Span) -> Object {
    let suffixes = [
        ("acrLoginServer", ".azurecr.io".into()),
        (
            "azureDatalakeAnalyticsCatalogAndJob",
            "azuredatalakeanalytics.net".into(),
        ),
        (
            "azureDatalakeStoreFileSystem",
            "azuredatalakestore.net".into(),
        ),
        ("azureFrontDoorEndpointSuffix", "azurefd.net".into()),
        ("keyvaultDns", ".vault.azure.net".into()),
        ("sqlServerHostname", ".database.windows.net".into()),
        ("storage", "core.windows.net".into()),
    ];
    let audience = |text: &str| Value::new(span, text);
    let audiences = vec![
        audience("https://management.core.windows.net/"),
        audience("https://management.azure.com/"),
    ];
    let authentication = [
        ("audiences", audiences.into()),
        ("identityProvider", "AAD".into()),
        ("loginEndpoint", "https://login.microsoftonline.com/".into()),
        ("tenant", "common".into()),
    ];
    object(
        span,
        [
            ("name", "AzureCloud".into()),
            ("authentication", object(span, authentication).into()),
            ("gallery", "https://gallery.azure.com/".into()),
            ("graph", "https://graph.windows.net/".into()),
            ("portal", "https://portal.azure.com".into()),
            ("resourceManager", "https://management.azure.com/".into()),
            ("suffixes", object(span, suffixes).into()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, refuse};

    #[test]
    fn ids_are_put_together_from_the_place_of_the_deployment() {
        let rg = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups";
        check(&[
            (
                "resourceId('Microsoft.Network/virtualNetworks/subnets', 'hub', 'vms')",
                &format!(
                    "\"{rg}/rg1/providers/Microsoft.Network/virtualNetworks/hub/subnets/vms\""
                ),
            ),
            (
                "resourceId('other', 'Microsoft.Network/virtualNetworks', 'hub')",
                &format!("\"{rg}/other/providers/Microsoft.Network/virtualNetworks/hub\""),
            ),
            (
                "resourceId('s2', 'rg2', 'Microsoft.Network/routeTables', 'rt')",
                "\"/subscriptions/s2/resourceGroups/rg2/providers/Microsoft.Network/routeTables/rt\"",
            ),
            (
                "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'x')",
                "\"/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/x\"",
            ),
            (
                "tenantResourceId('Microsoft.X/y', 'z')",
                "\"/providers/Microsoft.X/y/z\"",
            ),
            (
                "extensionResourceId('/subscriptions/s', 'Microsoft.Authorization/locks', 'l')",
                "\"/subscriptions/s/providers/Microsoft.Authorization/locks/l\"",
            ),
            (
                "extensionResourceId(resourceGroup().id, 'Microsoft.X/y', 'z')",
                &format!("\"{rg}/rg1/providers/Microsoft.X/y/z\""),
            ),
            (
                "managementGroupResourceId('Microsoft.X/y', 'z')",
                "\"/providers/Microsoft.Management/managementGroups/mg1/providers/Microsoft.X/y/z\"",
            ),
        ]);
        refuse(&[
            (
                "resourceId('Microsoft.Network/virtualNetworks/subnets', 'hub')",
                "asks for 2 names",
            ),
            ("resourceId('hub')", "takes a type"),
            (
                "resourceId(1, 'Microsoft.Network/virtualNetworks', 'hub')",
                "takes strings, not an integer",
            ),
        ]);
    }

    #[test]
    fn the_place_itself_can_be_asked_for() {
        check(&[
            ("resourceGroup().name", "\"rg1\""),
            ("resourceGroup().location", "\"northeurope\""),
            (
                "subscription().subscriptionId",
                "\"00000000-0000-0000-0000-000000000000\"",
            ),
            (
                "resourceGroup().tags",
                "<unknown: `tags` is set by Azure when the resource exists>",
            ),
            (
                "contains(resourceGroup(), 'tags')",
                "<unknown: whether Azure sets `tags` is not known>",
            ),
            ("deployment().name", "\"test\""),
            ("environment().suffixes.storage", "\"core.windows.net\""),
            (
                "environment().authentication.audiences[0]",
                "\"https://management.core.windows.net/\"",
            ),
            (
                "pickZones('Microsoft.Compute', 'virtualMachines', 'westus2', 2)",
                r#"["1","2"]"#,
            ),
            (
                "providers('Microsoft.Network', 'x').apiVersions",
                "<unknown: providers() is answered by Azure only>",
            ),
        ]);
    }
}
