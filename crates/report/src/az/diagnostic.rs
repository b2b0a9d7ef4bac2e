//! What `az network watcher run-configuration-diagnostic` prints (D-8, D-21).

use control::Snapshot;
use control::diagnostic::{
    Diagnosis, EvaluatedRule, Evaluation, Profile, RuleOwner, addresses_of_tag, diagnose,
};
use control::snapshot::Level;
use fib::AddressSet;
use ipnet::Ipv4Net;
use model::{Direction, Network, NicId, RuleProtocol, ServiceTag};
use serde_json::{Value, json};

use super::effective::is_default;

/// One question as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Seen from the VM.
    pub direction: Direction,
    /// `*` for all.
    pub protocol: RuleProtocol,
    /// `*`, an address, a prefix or a service tag.
    pub source: String,
    /// As `source`.
    pub destination: String,
    /// `*` or one port.
    pub destination_port: String,
}

/// A part of a question that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Neither `*`, nor an address, a prefix or a tag with known prefixes.
    #[error("'{0}' is no address, prefix, * or service tag whose prefixes are known")]
    Addresses(String),
    /// Neither `*` nor a port.
    #[error("'{0}' is no port from 0 to 65535, and not *")]
    Port(String),
    /// The NIC is gone.
    #[error("the network interface was deleted")]
    Gone,
}

/// Answers the questions, in their order.
pub fn run(
    network: &Network,
    snapshot: &Snapshot,
    nic: NicId,
    queries: &[Query],
) -> Result<Value, QueryError> {
    let results: Result<Vec<Value>, QueryError> = queries
        .iter()
        .map(|query| result(network, snapshot, nic, query))
        .collect();
    Ok(json!({ "results": results? }))
}

fn result(
    network: &Network,
    snapshot: &Snapshot,
    key: NicId,
    query: &Query,
) -> Result<Value, QueryError> {
    let nic = snapshot.nic(key).ok_or(QueryError::Gone)?;
    let addresses = |text: &str| -> Result<AddressSet, QueryError> {
        if text == "*" {
            return Ok(AddressSet::all());
        }
        if let Ok(prefix) = text.parse::<Ipv4Net>() {
            return Ok(prefix.trunc().into());
        }
        if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
            return Ok(Ipv4Net::from(address).into());
        }
        addresses_of_tag(network, snapshot.tags_of(nic), &ServiceTag::named(text))
            .ok_or_else(|| QueryError::Addresses(text.to_owned()))
    };
    let destination_port = match query.destination_port.as_str() {
        "*" => None,
        port => Some(
            port.parse()
                .map_err(|_| QueryError::Port(port.to_owned()))?,
        ),
    };
    let profile = Profile {
        direction: query.direction,
        protocol: query.protocol,
        source: addresses(&query.source)?,
        destination: addresses(&query.destination)?,
        destination_port,
    };
    let diagnosis = diagnose(snapshot, nic, &profile);
    Ok(json!({
        "networkSecurityGroupResult": group_result(network, key, &diagnosis),
        "profile": {
            "destination": query.destination,
            "destinationPort": query.destination_port,
            "direction": query.direction.as_str(),
            "protocol": match query.protocol {
                RuleProtocol::Any => "*".to_owned(),
                other => other.as_str().to_ascii_uppercase(),
            },
            "source": query.source,
        },
    }))
}

fn group_result(network: &Network, nic: NicId, diagnosis: &Diagnosis<'_>) -> Value {
    let evaluated: Vec<Value> = diagnosis
        .evaluations
        .iter()
        .map(|evaluation| evaluated(network, nic, evaluation))
        .collect();
    json!({
        "evaluatedNetworkSecurityGroups": evaluated,
        "securityRuleAccessResult": if diagnosis.allows { "Allow" } else { "Deny" },
    })
}

/// The manager's id stands where a group's does (D-8).
fn evaluated(network: &Network, key: NicId, evaluation: &Evaluation<'_>) -> Value {
    let nic = &network.nics()[key];
    let (owner, applied_to) = match evaluation.owner {
        RuleOwner::Manager(manager) => (
            &network.managers()[manager].id,
            &network.virtual_networks()[nic.virtual_network].id,
        ),
        RuleOwner::Group(group, Level::Subnet) => (
            &network.nsgs()[group].id,
            &network.subnets()[nic.subnet()].id,
        ),
        RuleOwner::Group(group, Level::Nic) => (&network.nsgs()[group].id, &nic.id),
    };
    let matched = evaluation.rules.last().filter(|last| last.fields.all());
    let matched = matched.map(|rule| {
        let action = match evaluation.admin_access {
            Some(access) => access.as_str(),
            None => rule.rule.access.as_str(),
        };
        json!({ "action": action, "ruleName": name(rule) })
    });
    let results: Vec<Value> = evaluation
        .rules
        .iter()
        .map(|rule| {
            json!({
                "destinationMatched": rule.fields.destination,
                "destinationPortMatched": rule.fields.destination_port,
                "name": name(rule),
                "protocolMatched": rule.fields.protocol,
                "sourceMatched": rule.fields.source,
                "sourcePortMatched": rule.fields.source_port,
            })
        })
        .collect();
    json!({
        "appliedTo": applied_to.as_str(),
        "matchedRule": matched,
        "networkSecurityGroupId": owner.as_str(),
        "resourceGroup": owner.resource_group(),
        "rulesEvaluationResult": results,
    })
}

/// `DefaultRule_x`, `UserRule_x`, or the bare name of an admin rule (D-8).
pub(super) fn name(rule: &EvaluatedRule<'_>) -> String {
    let prefix = match rule.admin {
        Some(_) => "",
        None if is_default(&rule.rule) => "DefaultRule_",
        None => "UserRule_",
    };
    format!("{prefix}{}", rule.rule.name)
}
