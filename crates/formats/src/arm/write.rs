//! A network as a template of one resource group.

use std::io::{self, Write};

use model::{Network, ResourceId};
use serde_json::json;

use crate::resources::kind::Kind;
use crate::rest::{self, NotWritable, Show, Shown};

const SCHEMA: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
/// Versions of the resource types, by provider.
const NETWORK_VERSION: &str = "2024-05-01";
const COMPUTE_VERSION: &str = "2024-07-01";

/// A network that can be written as a template.
///
/// A template cannot say what only a scenario says, nor which machines are stopped. The machines have no images: it is for reading, and
/// to start from, rather than to be deployed as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    network: &'a Network,
    origin: &'a str,
    subscription: &'a str,
    group: &'a str,
}

impl<'a> Template<'a> {
    /// Refuses a network with resources that are written only in a scenario, or in several resource groups. `origin` says where the
    /// network comes from; it stands in the metadata.
    pub fn new(network: &'a Network, origin: &'a str) -> Result<Self, NotWritable> {
        rest::check(network)?;
        let first = network.virtual_networks().values().next();
        let template = Self {
            network,
            origin,
            subscription: first.and_then(|vnet| vnet.id.subscription()).unwrap_or(""),
            group: first
                .and_then(|vnet| vnet.id.resource_group())
                .unwrap_or(""),
        };
        match rest::ids(network).find(|id| !template.is_own(id)) {
            Some(id) => Err(NotWritable::Group(id.clone())),
            None => Ok(template),
        }
    }

    fn is_own(&self, id: &ResourceId) -> bool {
        let same =
            |part: Option<&str>, own: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(own));
        same(id.subscription(), self.subscription) && same(id.resource_group(), self.group)
    }

    /// Writes the template.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = json!({ "$schema": SCHEMA, "contentVersion": "1.0.0.0", "metadata": { "description": self.origin } });
        let head = serde_json::to_string_pretty(&head)?;
        // The resources come one by one: there may be many.
        write!(out, "{},\n  \"resources\": [", head.trim_end_matches("\n}"))?;
        let refer = |id: &ResourceId| json!(self.reference(id));
        let show = Show {
            network: self.network,
            refer: &refer,
        };
        let mut separator = "\n";
        let mut later = Vec::new();
        show.each(|shown| -> io::Result<()> {
            self.resource(&shown, out, &mut separator)?;
            later.extend(shown.children);
            Ok(())
        })?;
        for link in later {
            self.resource(&link, out, &mut separator)?;
        }
        out.write_all(b"\n  ]\n}\n")
    }

    fn resource(
        &self,
        shown: &Shown<'_>,
        out: &mut dyn Write,
        separator: &mut &'static str,
    ) -> io::Result<()> {
        let compute = shown.kind == Kind::VirtualMachine;
        let mut resource = json!({
            "apiVersion": if compute { COMPUTE_VERSION } else { NETWORK_VERSION },
            "name": literal(&path_of(&shown.id).1.join("/")),
            "properties": shown.properties,
            "type": shown.kind.resource_type(),
        });
        for (key, value) in &shown.envelope {
            resource[key] = value.clone();
        }
        let in_region = !matches!(shown.kind, Kind::Peering | Kind::RuleCollectionGroup);
        if in_region && !shown.envelope.contains_key("location") {
            resource["location"] = json!("[resourceGroup().location]");
        }
        if !shown.needs.is_empty() {
            let needs = shown.needs.iter().map(|id| json!(self.reference(id)));
            resource["dependsOn"] = needs.collect();
        }
        let text = serde_json::to_string_pretty(&resource)?;
        out.write_all(separator.as_bytes())?;
        *separator = ",\n";
        let mut lines = text.lines();
        if let Some(first) = lines.next() {
            write!(out, "    {first}")?;
        }
        lines.try_for_each(|line| write!(out, "\n    {line}"))
    }

    /// `[resourceId('TYPE', 'NAME', ...)]`; a resource that is not in the group by its id.
    fn reference(&self, id: &ResourceId) -> String {
        if !self.is_own(id) {
            return literal(id.as_str());
        }
        let (kind, names) = path_of(id);
        let mut text = format!("[resourceId('{}'", quoted(&kind));
        for name in names {
            text.push_str(", '");
            text.push_str(&quoted(name));
            text.push('\'');
        }
        text.push_str(")]");
        text
    }
}

/// Type and names of an id.
fn path_of(id: &ResourceId) -> (String, Vec<&str>) {
    let segments = id.as_str().split('/');
    let mut rest = segments
        .skip_while(|segment| !segment.eq_ignore_ascii_case("providers"))
        .skip(1);
    let mut kind = rest.next().unwrap_or_default().to_owned();
    let mut names = Vec::new();
    while let (Some(segment), Some(name)) = (rest.next(), rest.next()) {
        kind.push('/');
        kind.push_str(segment);
        names.push(name);
    }
    (kind, names)
}

/// A text inside an expression.
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

/// A text that is no expression.
fn literal(text: &str) -> String {
    if text.starts_with('[') {
        format!("[{text}")
    } else {
        text.to_owned()
    }
}
