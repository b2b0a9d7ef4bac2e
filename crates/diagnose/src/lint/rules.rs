//! Security rules that never decide, or not what they seem to (S-6, S-10, S-33, R-4), and tables that serve nobody.

use std::collections::{BTreeMap, BTreeSet};

use control::snapshot::{CompiledRules, NextHop, Rules};
use ipnet::Ipv4Net;
use model::table::Resource;
use model::{
    Access, AsgId, Direction, NsgId, ResourceId, RouteSource, RouteTableId, RuleAddresses,
    RuleProtocol, SecurityRule,
};

use super::{Check, Design, Finding, Severity};
use crate::commands::group_of;
use crate::lint::cover::covered_by;
use crate::object::direction_word;
use crate::way_out::WayOut;

const SHADOWED: Check = Check {
    id: "security-rule-shadowed",
    severity: Severity::Warning,
    rule: "S-10",
    title: "Earlier rules match everything that a rule matches, and at least one of them says the opposite: it never decides.",
};
const REDUNDANT: Check = Check {
    id: "security-rule-redundant",
    severity: Severity::Note,
    rule: "S-10",
    title: "Earlier rules that say the same match everything that a rule matches: it never decides.",
};
const ICMP_PORTS: Check = Check {
    id: "icmp-rule-with-ports",
    severity: Severity::Warning,
    rule: "S-6",
    title: "An ICMP rule names ports: destination ports are read as ICMP types, and a source port matches no ICMP.",
};
const ANY_PORTS: Check = Check {
    id: "any-protocol-rule-with-ports",
    severity: Severity::Note,
    rule: "S-6",
    title: "A rule for every protocol names ports: it leaves out protocols without ports, and most of ICMP.",
};
const EMPTY_ASG: Check = Check {
    id: "empty-group-among-several",
    severity: Severity::Warning,
    rule: "S-33",
    title: "A rule names several application security groups, one of them without members: such rules were reported not to work.",
};
const NO_MEMBERS: Check = Check {
    id: "security-rule-matches-nothing",
    severity: Severity::Warning,
    rule: "S-30",
    title: "A side of a rule names application security groups without members only: it matches nothing.",
};
const BLACK_HOLE: Check = Check {
    id: "none-black-hole",
    severity: Severity::Warning,
    rule: "R-4",
    title: "A rule admits a prefix to which a system route with next hop None is the only way.",
};
const UNUSED_GROUP: Check = Check {
    id: "security-group-unused",
    severity: Severity::Note,
    rule: "S-9",
    title: "A security group is attached to nothing.",
};
const UNUSED_TABLE: Check = Check {
    id: "route-table-unused",
    severity: Severity::Note,
    rule: "R-28",
    title: "A route table is associated with no subnet.",
};

pub(super) const CHECKS: &[&Check] = &[
    &SHADOWED,
    &REDUNDANT,
    &ICMP_PORTS,
    &ANY_PORTS,
    &EMPTY_ASG,
    &NO_MEMBERS,
    &BLACK_HOLE,
    &UNUSED_GROUP,
    &UNUSED_TABLE,
];

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    for set in design.snapshot.rule_sets.iter() {
        if let Some(group) = set.group {
            covered(design, group, set, findings);
        }
    }
    let members = members(design);
    for group in design.network.nsgs().values() {
        for rule in group.rules.iter() {
            let id = rule_id(&group.id, rule);
            findings.extend(ports(design, &id, rule));
            findings.extend(groups(design, &id, rule, &members));
        }
    }
    black_holes(design, findings);
    unused(design, findings);
}

fn rule_id(group: &ResourceId, rule: &SecurityRule) -> ResourceId {
    group.child("securityRules", &rule.name)
}

fn named(rule: &SecurityRule) -> String {
    format!(
        "{} {} ({}, {})",
        rule.access.as_str(),
        rule.name,
        rule.priority,
        direction_word(rule.direction)
    )
}

fn covered(design: Design<'_>, group: NsgId, set: &CompiledRules, findings: &mut Vec<Finding>) {
    let group = &design.network.nsgs()[group];
    let resolved = set.table.rules();
    for (position, rule) in set.rules.iter().enumerate() {
        if !group.rules.contains(rule) {
            continue; // one of the defaults
        }
        let Some(covering) = covered_by(&resolved[position], &resolved[..position]) else {
            continue;
        };
        let opposite = covering
            .iter()
            .any(|&other| set.rules[other].access != rule.access);
        let check = if opposite { &SHADOWED } else { &REDUNDANT };
        let names: Vec<String> = covering
            .iter()
            .map(|&other| named(&set.rules[other]))
            .collect();
        let message = format!(
            "Rule {} of {} never decides: what it matches, {} decide{} before it.",
            named(rule),
            group.name(),
            names.join(" and "),
            if names.len() == 1 { "s" } else { "" },
        );
        let users = covering
            .iter()
            .map(|&other| &set.rules[other])
            .filter(|other| group.rules.contains(other));
        findings.push(
            Finding::new(check, &rule_id(&group.id, rule), message)
                .related(users.map(|other| rule_id(&group.id, other)))
                .mended_by([
                    WayOut::with("Delete the rule.", [delete(&group.id, rule)]),
                    WayOut::new("Or give it a priority before the rules that cover it."),
                ]),
        );
    }
}

fn delete(group: &ResourceId, rule: &SecurityRule) -> String {
    format!(
        "az network nsg rule delete -g {} --nsg-name {} -n {}",
        group_of(group),
        group.name(),
        rule.name
    )
}

fn ports(design: Design<'_>, id: &ResourceId, rule: &SecurityRule) -> Option<Finding> {
    let (source, destination) = (
        !rule.source_ports.is_all(),
        !rule.destination_ports.is_all(),
    );
    let (check, message) = match rule.protocol {
        RuleProtocol::Icmp if source => (
            &ICMP_PORTS,
            format!(
                "ICMP rule {} names source ports, so it matches no ICMP at all.",
                named(rule)
            ),
        ),
        RuleProtocol::Icmp if destination => (
            &ICMP_PORTS,
            format!(
                "ICMP rule {} names destination ports, which are read as ICMP types; an echo request is type 8.",
                named(rule)
            ),
        ),
        RuleProtocol::Any if source || destination => (
            &ANY_PORTS,
            format!(
                "Rule {} is for every protocol but names ports: of ICMP it matches at most the types of these numbers, and ESP and AH not at all.",
                named(rule)
            ),
        ),
        _ => return None,
    };
    let group = id.parent()?;
    Some(
        Finding::new(check, id, message)
            .depends_on("icmpPorts", design.network.options.icmp_ports)
            .mended_by([WayOut::with(
                "Write * as ports, or name TCP or UDP as protocol.",
                [format!(
                    "az network nsg rule update -g {} --nsg-name {} -n {} --source-port-ranges '*' --destination-port-ranges '*'",
                    group_of(&group),
                    group.name(),
                    rule.name
                )],
            )]),
    )
}

/// Application security groups that have a member.
fn members(design: Design<'_>) -> BTreeSet<AsgId> {
    let configurations = design
        .network
        .nics()
        .values()
        .flat_map(|nic| &nic.ip_configurations);
    configurations
        .flat_map(|configuration| configuration.application_security_groups.iter().copied())
        .collect()
}

fn groups(
    design: Design<'_>,
    id: &ResourceId,
    rule: &SecurityRule,
    members: &BTreeSet<AsgId>,
) -> Option<Finding> {
    let empty_of = |side: &RuleAddresses| match side {
        RuleAddresses::ApplicationSecurityGroups(groups) => {
            let empty: Vec<ResourceId> = groups
                .iter()
                .filter(|group| !members.contains(group))
                .filter_map(|&group| Some(design.network.asgs().get(group)?.id.clone()))
                .collect();
            (groups.len(), empty)
        }
        RuleAddresses::Any | RuleAddresses::Prefixes(_) | RuleAddresses::Tag(_) => (0, Vec::new()),
    };
    let sides = [empty_of(&rule.source), empty_of(&rule.destination)];
    let (count, empty) = sides.into_iter().find(|(_, empty)| !empty.is_empty())?;
    let names: Vec<&str> = empty.iter().map(ResourceId::name).collect();
    let (check, what) = if empty.len() == count {
        (&NO_MEMBERS, "matches nothing")
    } else {
        (
            &EMPTY_ASG,
            "counts as the union here, but was reported not to work in Azure",
        )
    };
    let message = format!(
        "Rule {} names {}, which {} no member: it {what}.",
        named(rule),
        names.join(" and "),
        if names.len() == 1 { "has" } else { "have" }
    );
    Some(
        Finding::new(check, id, message)
            .related(empty)
            .mended_by([WayOut::new(
                "Put the NICs into the group, or take the group out of the rule.",
            )]),
    )
}

/// Prefixes that a rule admits by name although every packet to them falls into a `None` row that Azure has made.
fn black_holes(design: Design<'_>, findings: &mut Vec<Finding>) {
    // NICs of one subnet share routes and rules: each pair is asked once.
    let mut seen = BTreeSet::new();
    let mut found: BTreeMap<ResourceId, (String, ResourceId)> = BTreeMap::new();
    for (key, interface) in design.network.nics().iter() {
        let Some(nic) = design.snapshot.nic(key) else {
            continue;
        };
        let policy = design.snapshot.policy_of(nic);
        for rules in [&policy.outbound, &policy.inbound] {
            let Rules::Groups(levels) = rules else {
                continue;
            };
            for level in levels {
                let set = design.snapshot.rules(level.rules);
                let Some(group) = set.group else { continue };
                if !seen.insert((nic.fib, level.rules)) {
                    continue;
                }
                let group = &design.network.nsgs()[group];
                let rules = group.rules.iter();
                for rule in rules.filter(|rule| rule.direction == set.direction) {
                    let Some(prefix) = swallowed(design, nic, rule) else {
                        continue;
                    };
                    let message = format!(
                        "Rule {} of {} admits {prefix}, but a system route with next hop None takes what is sent there, for example from {}.",
                        named(rule),
                        group.name(),
                        interface.name()
                    );
                    found
                        .entry(rule_id(&group.id, rule))
                        .or_insert_with(|| (message, interface.id.clone()));
                }
            }
        }
    }
    for (id, (message, nic)) in found {
        findings.push(
            Finding::new(&BLACK_HOLE, &id, message)
                .related([nic])
                .depends_on("noneRoutes", design.network.options.none_routes)
                .mended_by([WayOut::new(
                    "Peer with the network of that prefix, or add a user route or a gateway that leads there; else delete the rule.",
                )]),
        );
    }
}

/// The first prefix of the far side of an allow rule that lies in a system row with next hop `None`, and in which no other row begins.
fn swallowed(
    design: Design<'_>,
    nic: &control::snapshot::Nic,
    rule: &SecurityRule,
) -> Option<Ipv4Net> {
    if rule.access != Access::Allow {
        return None;
    }
    let far = match rule.direction {
        Direction::Outbound => &rule.destination,
        Direction::Inbound => &rule.source,
    };
    let RuleAddresses::Prefixes(prefixes) = far else {
        return None;
    };
    let fib = design.snapshot.fib_of(nic);
    prefixes.iter().copied().find(|prefix| {
        let is_lost = |entry: &control::snapshot::FibEntry| {
            let row = &fib.routes[usize::from(entry.route)];
            entry.next_hop == NextHop::Discard && row.source == RouteSource::Default
        };
        let inside = fib
            .table
            .routes()
            .filter(|(other, _)| prefix.contains(other));
        fib.table.lookup(prefix.network()).is_some_and(is_lost)
            && inside.into_iter().all(|(_, entry)| is_lost(entry))
    })
}

fn unused(design: Design<'_>, findings: &mut Vec<Finding>) {
    let network = design.network;
    let subnets = || network.subnets().values();
    let of_subnets = subnets().filter_map(|subnet| subnet.network_security_group);
    let of_nics = network.nics().values();
    let groups: BTreeSet<NsgId> = of_nics
        .filter_map(|nic| nic.network_security_group)
        .chain(of_subnets)
        .collect();
    for (key, group) in network.nsgs().iter() {
        if !groups.contains(&key) {
            let message = format!(
                "Security group {} is attached to no subnet and no NIC.",
                group.name()
            );
            findings.push(Finding::new(&UNUSED_GROUP, &group.id, message));
        }
    }
    let tables: BTreeSet<RouteTableId> =
        subnets().filter_map(|subnet| subnet.route_table).collect();
    for (key, table) in network.route_tables().iter() {
        if !tables.contains(&key) {
            let message = format!("Route table {} is associated with no subnet.", table.name());
            findings.push(Finding::new(&UNUSED_TABLE, &table.id, message));
        }
    }
}
