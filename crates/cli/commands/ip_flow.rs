//! `vnetsim ip-flow`: whether the security rules of a NIC let a packet pass, and which rule decides (D-3).

use std::net::Ipv4Addr;

use acl::Key;
use control::Snapshot;
use control::questions::{Decision, decide};
use control::snapshot::Level;
use model::{Direction, Network, NicId};
use report::az::watcher;
use report::table::Table;
use serde_json::{Value, json};

use crate::args::{FlowProtocol, Format, IpFlowArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::{dependence, topology};

/// Stands for a port that is not said: the first ephemeral one.
const ANY_PORT: u16 = 49152;
/// ICMP type of an echo request.
pub(super) const ECHO: u8 = 8;

pub(super) fn run(arguments: &IpFlowArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let network = topology::open(&arguments.topology, console)?.network;
    let nic = topology::nic(&network, &arguments.nic)?;
    let flow = question(
        network.nics()[nic].primary_address(),
        arguments.direction,
        arguments.protocol,
        &arguments.local,
        &arguments.remote,
        arguments.icmp_type,
    )?;
    let snapshot = control::compile(&network);
    let Some(compiled) = snapshot.nic(nic) else {
        return Err(Failure::Usage(format!("'{}' was deleted", arguments.nic)));
    };
    let decision = decide(&snapshot, compiled, arguments.direction, flow);
    let document = document(&network, &decision);
    match arguments.output {
        Format::Table => write!(console.out(), "{}", table(&document))?,
        Format::Json => report::json::write(console.out(), &document)?,
    }
    if let Some(admin) = decision.admin() {
        console.message(format_args!(
            "note: security admin rule {} says {} (S-13)",
            admin.id, admin.rule.access
        ));
    }
    match decision.of_groups() {
        _ if decision.settled_by_admin().is_some() => {}
        Decision::NoRules => console.message(
            "note: neither the NIC nor its subnet has a security group: every packet passes",
        ),
        Decision::BlockedPeer(link, _) => console.message(format_args!(
            "note: no security group here; the default rules judge, because allowVirtualNetworkAccess of peering {} is false (vnetAccessWithoutNsg={})",
            network.peerings()[*link].id, network.options.vnet_access_without_nsg
        )),
        Decision::Levels(_) | Decision::Admin(..) => {}
    }
    note_of_options(&network, &snapshot, nic, arguments.direction, flow, console);
    Ok(Exit::from_verdict(decision.allows()))
}

/// One note for each option with another value of which another rule would decide.
pub(super) fn note_of_options(
    network: &Network,
    snapshot: &Snapshot,
    nic: NicId,
    direction: Direction,
    flow: Key,
    console: &mut Console<'_>,
) {
    let verdict = |_: &Network, snapshot: &Snapshot| {
        let nic = snapshot.nic(nic)?;
        Some(watcher::ip_flow(&decide(snapshot, nic, direction, flow)))
    };
    dependence::tell(network, snapshot, dependence::VERDICTS, verdict, console);
}

/// Reads the two ends of a flow as Network Watcher takes them: `ADDRESS:PORT`, where the port may be `*`.
pub(super) fn question(
    own: Ipv4Addr,
    direction: Direction,
    protocol: FlowProtocol,
    local: &str,
    remote: &str,
    icmp_type: u8,
) -> Result<Key, Failure> {
    let (local, local_port) = end(local, Some(own))?;
    let (remote, remote_port) = end(remote, None)?;
    let (source, source_port, destination, destination_port) = match direction {
        Direction::Inbound => (remote, remote_port, local, local_port),
        Direction::Outbound => (local, local_port, remote, remote_port),
    };
    let (number, source_port, destination_port) = match protocol {
        FlowProtocol::Tcp => (6, Some(source_port), Some(destination_port)),
        FlowProtocol::Udp => (17, Some(source_port), Some(destination_port)),
        // S-6: the type of an ICMP message stands for the destination port.
        FlowProtocol::Icmp => (1, None, Some(u16::from(icmp_type))),
    };
    Ok(Key {
        source,
        destination,
        protocol: number,
        source_port,
        destination_port,
        source_classes: 0,
        destination_classes: 0,
    })
}

fn end(text: &str, own: Option<Ipv4Addr>) -> Result<(Ipv4Addr, u16), Failure> {
    let wrong = || Failure::Usage(format!("'{text}' is no ADDRESS:PORT"));
    let (address, port) = text.split_once(':').unwrap_or((text, "*"));
    let address = match (address, own) {
        ("", Some(own)) => own,
        (address, _) => address.parse().map_err(|_| wrong())?,
    };
    let port = match port {
        "*" => ANY_PORT,
        port => port.parse().map_err(|_| wrong())?,
    };
    Ok((address, port))
}

/// The answer of the service, and where the deciding group is attached.
fn document(network: &Network, decision: &Decision<'_>) -> Value {
    let mut document = watcher::ip_flow_with_rule_id(network, decision);
    let decisive = decision.decisive();
    let group = decisive.and_then(|verdict| verdict.group);
    document["networkSecurityGroup"] = json!(group.map(|group| network.nsgs()[group].id.as_str()));
    let level = decisive
        .and_then(|verdict| verdict.level)
        .map(|level| match level {
            Level::Nic => "NIC",
            Level::Subnet => "subnet",
        });
    let admin = decision.settled_by_admin().map(|_| "network manager");
    document["level"] = json!(admin.or(level));
    document
}

/// Names are enough for people; the document has the ids.
fn table(document: &Value) -> Table {
    let text = |key: &str| document[key].as_str().unwrap_or("-").to_owned();
    let group = text("networkSecurityGroup");
    let group = group.rsplit('/').next().unwrap_or_default().to_owned();
    let mut table = Table::new(["Access", "Rule", "NSG", "Level"]);
    table.push([text("access"), text("ruleName"), group, text("level")]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

    #[test]
    fn the_remote_end_is_the_source_of_an_inbound_flow() {
        let inbound = Direction::Inbound;
        let key = question(OWN, inbound, FlowProtocol::Tcp, ":443", "10.1.0.4:50000", 8).unwrap();
        assert_eq!(key.source, Ipv4Addr::new(10, 1, 0, 4));
        assert_eq!(
            (key.source_port, key.destination_port),
            (Some(50000), Some(443))
        );
        assert_eq!(key.destination, OWN);
    }

    #[test]
    fn an_icmp_type_stands_for_the_destination_port() {
        let outbound = Direction::Outbound;
        let key = question(OWN, outbound, FlowProtocol::Icmp, "", "10.1.0.4", 13).unwrap();
        assert_eq!(
            (key.protocol, key.source_port, key.destination_port),
            (1, None, Some(13))
        );
    }

    #[test]
    fn what_is_no_end_of_a_flow_is_refused() {
        for text in ["", "10.0.0", "10.0.0.4:http", "10.0.0.4:70000", "::1"] {
            assert!(end(text, None).is_err(), "{text}");
        }
    }
}
