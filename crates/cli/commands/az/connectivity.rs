//! `az network watcher test-connectivity`: the question of a command line.

use control::Snapshot;
use diagnose::connectivity::check;
use diagnose::explain::{Question, Service};
use model::lookup::LookupError;
use model::{Network, NicId};
use report::az::connectivity;
use serde_json::Value;

use super::words::{CheckProtocol, TestConnectivity};
use crate::failure::Failure;
use crate::links::GroupName;

pub(super) fn answer(
    network: &Network,
    snapshot: &Snapshot,
    asked: &TestConnectivity,
) -> Result<Value, Failure> {
    let source = primary_nic(network, &asked.source_resource, &asked.group)?;
    let destination_nic = match &asked.dest_resource {
        Some(name) => Some(primary_nic(network, name, &asked.group)?),
        None => None,
    };
    let address = |nic: NicId| network.nics()[nic].primary_address();
    let destination = destination_nic.map(address).or(asked.dest_address);
    let destination = destination.ok_or_else(|| {
        Failure::Usage("one of --dest-resource and --dest-address is required".to_owned())
    })?;
    let question = Question {
        source: (source, address(source)),
        destination,
        destination_nic,
        service: service(asked)?,
        source_port: asked.source_port,
    };
    Ok(connectivity::document(
        network,
        &check(network, snapshot, &question),
    ))
}

fn service(asked: &TestConnectivity) -> Result<Service, Failure> {
    let port = |otherwise: Option<u16>| {
        let port = asked.dest_port.or(otherwise);
        port.map(Service::Tcp).ok_or_else(|| {
            Failure::Usage("the following arguments are required: --dest-port".to_owned())
        })
    };
    match asked.protocol {
        Some(CheckProtocol::Icmp) => Ok(Service::Icmp),
        Some(CheckProtocol::Tcp) => port(None),
        Some(CheckProtocol::Http) => port(Some(80)),
        Some(CheckProtocol::Https) => port(Some(443)),
        None => Ok(asked.dest_port.map_or(Service::Icmp, Service::Tcp)),
    }
}

fn primary_nic(network: &Network, name: &str, group: &GroupName) -> Result<NicId, Failure> {
    let machine = super::machine(network, name, group)?;
    let machine = &network.virtual_machines()[machine];
    Ok(machine
        .primary_nic()
        .ok_or_else(|| LookupError::WithoutNic(machine.id.clone()))?)
}
