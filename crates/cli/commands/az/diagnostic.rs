//! `az network watcher run-configuration-diagnostic`: the questions of a command line.

use control::Snapshot;
use model::lookup::LookupError;
use model::spelling::UnknownWord;
use model::{Direction, Network, NicId, RuleProtocol};
use report::az::diagnostic::{self, Query};
use serde_json::Value;

use super::words::ConfigurationDiagnostic;
use crate::failure::Failure;
use crate::links;

pub(super) fn answer(
    network: &Network,
    snapshot: &Snapshot,
    asked: &ConfigurationDiagnostic,
) -> Result<Value, Failure> {
    let nic = nic(network, asked)?;
    let queries = match &asked.queries {
        Some(text) => queries(text)?,
        None => vec![query(asked)?],
    };
    diagnostic::run(network, snapshot, nic, &queries)
        .map_err(|error| Failure::Usage(error.to_string()))
}

/// The NIC, or the primary NIC of the machine.
fn nic(network: &Network, asked: &ConfigurationDiagnostic) -> Result<NicId, Failure> {
    let kind = asked.resource_type.as_deref().unwrap_or_default();
    let id = asked.resource.to_ascii_lowercase();
    if kind.eq_ignore_ascii_case("networkInterfaces") || id.contains("/networkinterfaces/") {
        return links::only(
            "Microsoft.Network/networkInterfaces",
            &asked.resource,
            &asked.group,
            network.listed_nics(),
        );
    }
    let machine = super::machine(network, &asked.resource, &asked.group)?;
    let machine = &network.virtual_machines()[machine];
    Ok(machine
        .primary_nic()
        .ok_or_else(|| LookupError::WithoutNic(machine.id.clone()))?)
}

/// The question of single arguments, all of which az wants.
fn query(asked: &ConfigurationDiagnostic) -> Result<Query, Failure> {
    let missing = |name: &str| {
        Failure::Usage(format!(
            "the following arguments are required: --{name} (or --queries)"
        ))
    };
    Ok(Query {
        direction: asked.direction.ok_or_else(|| missing("direction"))?,
        protocol: asked.protocol.ok_or_else(|| missing("protocol"))?,
        source: asked.source.clone().ok_or_else(|| missing("source"))?,
        destination: asked
            .destination
            .clone()
            .ok_or_else(|| missing("destination"))?,
        destination_port: asked.port.clone().ok_or_else(|| missing("port"))?,
    })
}

fn queries(text: &str) -> Result<Vec<Query>, Failure> {
    let wrong = |what: String| Failure::Usage(format!("--queries: {what}"));
    let unknown = |error: UnknownWord| wrong(error.to_string());
    let document: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let list = document
        .as_array()
        .ok_or_else(|| wrong("an array of questions is expected".to_owned()))?;
    let read = |question: &Value| -> Result<Query, Failure> {
        let field = |key: &str| match &question[key] {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(wrong(format!("{key} is missing in {question}"))),
        };
        let direction: Direction = field("direction")?.parse().map_err(unknown)?;
        let protocol: RuleProtocol = field("protocol")?.parse().map_err(unknown)?;
        Ok(Query {
            direction,
            protocol,
            source: field("source")?,
            destination: field("destination")?,
            destination_port: field("destinationPort")?,
        })
    };
    list.iter().map(read).collect()
}
