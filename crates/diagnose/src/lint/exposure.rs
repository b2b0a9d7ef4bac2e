//! Public addresses, and what a default route does to them (T-3, R-35, N-12).

use std::net::Ipv4Addr;

use acl::Key;
use control::questions::{Decision, decide};
use control::snapshot::{EffectiveRoute, Nic};
use ipnet::Ipv4Net;
use model::table::Resource;
use model::{Direction, NextHopType, NicId, RouteSource};

use super::{Check, Design, Finding, Severity};
use crate::commands::group_of;
use crate::way_out::WayOut;

const OPEN: Check = Check {
    id: "open-public-ip",
    severity: Severity::Error,
    rule: "T-3",
    title: "A default route makes the VirtualNetwork tag everything: AllowVnetInBound admits the whole Internet to a public address.",
};
const STRAYING: Check = Check {
    id: "public-ip-asymmetric",
    severity: Severity::Warning,
    rule: "R-35",
    title: "A machine with a public address answers the Internet by another way than it was asked.",
};
const BYPASSED: Check = Check {
    id: "nat-gateway-bypassed",
    severity: Severity::Note,
    rule: "N-12",
    title: "A subnet has a NAT gateway, but its default route leads elsewhere.",
};

pub(super) const CHECKS: &[&Check] = &[&OPEN, &STRAYING, &BYPASSED];

/// Somebody in the Internet, in space that no profile of it leaves out.
const STRANGER: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
/// What strangers try.
const PORTS: [u16; 6] = [22, 80, 443, 3389, 5985, 49_152];

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    let network = design.network;
    for (key, interface) in network.nics().iter() {
        let has_address = interface
            .ip_configurations
            .iter()
            .any(|configuration| configuration.public_ip.is_some());
        let Some(nic) = design.snapshot.nic(key) else {
            continue;
        };
        if has_address && interface.is_listed() {
            findings.extend(open(design, key, nic));
            findings.extend(straying(design, key, nic));
        }
    }
    for (key, subnet) in network.subnets().iter() {
        let Some(gateway) = subnet.nat_gateway else {
            continue;
        };
        let view = design.snapshot.fibs.iter().find(|fib| {
            fib.view.virtual_network == subnet.virtual_network
                && fib.view.route_table == subnet.route_table
                && fib.view.service_endpoints == subnet.service_endpoints
        });
        let Some(row) = view.and_then(|fib| default_route(fib)) else {
            continue;
        };
        if row.next_hop_type == NextHopType::Internet {
            continue;
        }
        let subnet = &network.subnets()[key];
        let message = format!(
            "Subnet {} has NAT gateway {}, but its default route has next hop {}: the NAT gateway serves nobody.",
            crate::object::short(subnet.id.as_str()),
            network.nat_gateways()[gateway].name(),
            row.next_hop_type
        );
        findings.push(
            Finding::new(&BYPASSED, &subnet.id, message)
                .related([network.nat_gateways()[gateway].id.clone()]),
        );
    }
}

/// The row for addresses of the Internet, if it is one for 0.0.0.0/0.
fn default_route(fib: &control::snapshot::CompiledFib) -> Option<&EffectiveRoute> {
    let entry = fib.table.lookup(STRANGER)?;
    let row = &fib.routes[usize::from(entry.route)];
    row.prefixes.contains(&Ipv4Net::default()).then_some(row)
}

fn open(design: Design<'_>, key: NicId, nic: &Nic) -> Option<Finding> {
    if !design.snapshot.tags_of(nic).virtual_network.is_all() {
        return None;
    }
    let admitted: Vec<String> = PORTS
        .iter()
        .filter(|&&port| admitted_by_default(design, nic, port))
        .map(|port| format!("tcp/{port}"))
        .collect();
    if admitted.is_empty() {
        return None;
    }
    let interface = &design.network.nics()[key];
    let message = format!(
        "{} has a public address, and a default route has made the VirtualNetwork tag 0.0.0.0/0: AllowVnetInBound admits the whole Internet ({}).",
        interface.name(),
        admitted.join(", ")
    );
    let group = interface
        .network_security_group
        .or(design.network.subnets()[interface.subnet()].network_security_group);
    let commands = group.map(|group| {
        let id = &design.network.nsgs()[group].id;
        format!(
            "az network nsg rule create -g {} --nsg-name {} -n DenyInternetInBound --priority 4096 --direction Inbound --access Deny --protocol '*' --source-address-prefixes Internet --destination-address-prefixes '*' --destination-port-ranges '*'",
            group_of(id),
            id.name()
        )
    });
    Some(
        Finding::new(&OPEN, &interface.id, message)
            .depends_on("udrInVnetTag", design.network.options.udr_in_vnet_tag)
            .mended_by([
                WayOut::with(
                    "Deny Internet by a rule of your own, behind the rules that admit what is wanted.",
                    commands,
                ),
                WayOut::new("Or take the public address away: with that default route its answers leave by another way."),
            ]),
    )
}

/// Whether the rules let a stranger in, and no rule but the default one says so at some level.
fn admitted_by_default(design: Design<'_>, nic: &Nic, port: u16) -> bool {
    let Some(&destination) = nic.addresses.first() else {
        return false;
    };
    let key = Key {
        source: STRANGER,
        destination,
        protocol: 6,
        source_port: Some(49_152),
        destination_port: Some(port),
        source_classes: 0,
        destination_classes: 0,
    };
    match decide(design.snapshot, nic, Direction::Inbound, key) {
        Decision::Levels(levels) => {
            levels.iter().all(|level| level.allows)
                && levels
                    .iter()
                    .any(|level| level.rule.name == "AllowVnetInBound")
        }
        _ => false,
    }
}

fn straying(design: Design<'_>, key: NicId, nic: &Nic) -> Option<Finding> {
    let row = default_route(design.snapshot.fib_of(nic))?;
    if row.next_hop_type == NextHopType::Internet || row.source == RouteSource::Default {
        return None;
    }
    let interface = &design.network.nics()[key];
    let message = format!(
        "{} has a public address, but its answers to the Internet take the {} route 0.0.0.0/0 to {}: connections from there do not come about.",
        interface.name(),
        row.source.as_str(),
        row.next_hop_type
    );
    Some(
        Finding::new(&STRAYING, &interface.id, message).mended_by([
            WayOut::new("Let the firewall or appliance of the default route take in the connections (destination NAT), and take the public address away."),
            WayOut::new("Or add routes with next hop Internet for those who may connect."),
        ]),
    )
}
