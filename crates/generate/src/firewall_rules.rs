//! Network rules of Azure firewalls: what every hub has, and what one allows and denies between its spokes.

use ipnet::Ipv4Net;
use model::{
    Access, CollectionAction, FirewallAddresses, FirewallRule, Ports, ResourceId, RuleCollection,
    RuleCollectionGroup, RuleProtocol,
};

use crate::plan::Plan;
use crate::random::Random;
use crate::rules::SERVICES;

/// Rules of a hub that allow, and before them those that deny.
const ALLOWED: usize = 12;
const DENIED: usize = 3;

/// The rules of the policy from which all others inherit: names and time for everybody, file shares for nobody.
pub(crate) fn of_everybody() -> Vec<RuleCollectionGroup> {
    let everywhere = || FirewallAddresses {
        everything: true,
        ..FirewallAddresses::default()
    };
    let rule = |name: &str, protocol, ports: &[(u16, u16)]| FirewallRule {
        name: name.to_owned(),
        protocols: vec![protocol],
        sources: everywhere(),
        destinations: everywhere(),
        ports: Ports::from_ranges(ports.iter().copied()),
        names: Vec::new(),
        translated: None,
    };
    vec![RuleCollectionGroup {
        name: "everybody".to_owned(),
        priority: 100,
        collections: vec![
            RuleCollection {
                name: "never".to_owned(),
                priority: 100,
                action: CollectionAction::Network(Access::Deny),
                rules: vec![
                    rule("file-shares", RuleProtocol::Tcp, &[(139, 139), (445, 445)]),
                    rule("telnet", RuleProtocol::Tcp, &[(23, 23)]),
                ],
            },
            RuleCollection {
                name: "always".to_owned(),
                priority: 200,
                action: CollectionAction::Network(Access::Allow),
                rules: vec![rule(
                    "names-and-time",
                    RuleProtocol::Udp,
                    &[(53, 53), (123, 123)],
                )],
            },
        ],
    }]
}

/// The rules of one hub. `spokes` is the IP group of its spokes.
pub(crate) fn of_a_hub(
    plan: &Plan,
    group: usize,
    spokes: &ResourceId,
    random: &mut Random,
) -> Vec<RuleCollectionGroup> {
    let mut rules = Rules {
        plan,
        group,
        spokes,
        random,
    };
    let collection = |name: &str, priority, access, rules| RuleCollection {
        name: name.to_owned(),
        priority,
        action: CollectionAction::Network(access),
        rules,
    };
    let denied = rules.made("deny", DENIED);
    let mut allowed = rules.made("allow", ALLOWED);
    if rules.random.percent(70) {
        allowed.push(FirewallRule {
            name: "ping".to_owned(),
            protocols: vec![RuleProtocol::Icmp],
            sources: rules.of_spokes(),
            destinations: prefixes(&["10.0.0.0/8", "192.168.0.0/16"]),
            ports: Ports::all(),
            names: Vec::new(),
            translated: None,
        });
    }
    vec![RuleCollectionGroup {
        name: "spokes".to_owned(),
        priority: 200,
        collections: vec![
            collection("denied", 200, Access::Deny, denied),
            collection("allowed", 300, Access::Allow, allowed),
        ],
    }]
}

struct Rules<'a, 'r> {
    plan: &'a Plan,
    group: usize,
    spokes: &'a ResourceId,
    random: &'r mut Random,
}

impl Rules<'_, '_> {
    fn made(&mut self, verb: &str, count: usize) -> Vec<FirewallRule> {
        (1..=count)
            .map(|number| {
                let (protocol, first, last) = self.random.weighted(&SERVICES);
                let protocols = match protocol {
                    RuleProtocol::Any if self.random.percent(50) => {
                        vec![RuleProtocol::Tcp, RuleProtocol::Udp]
                    }
                    protocol => vec![protocol],
                };
                FirewallRule {
                    name: format!("{verb}-{number:02}"),
                    protocols,
                    sources: self.side(),
                    destinations: self.side(),
                    ports: Ports::from_ranges([(first, last)]),
                    names: Vec::new(),
                    translated: None,
                }
            })
            .collect()
    }

    fn of_spokes(&self) -> FirewallAddresses {
        FirewallAddresses {
            ip_groups: vec![self.spokes.clone()],
            ..FirewallAddresses::default()
        }
    }

    fn side(&mut self) -> FirewallAddresses {
        let plan = self.plan;
        let of_group = |group: usize, random: &mut Random| {
            let vnets = plan.groups[group].vnets.clone();
            let vnet = vnets.start + random.below(vnets.len());
            FirewallAddresses {
                prefixes: plan.vnets[vnet].space.clone(),
                ..FirewallAddresses::default()
            }
        };
        match self.random.below(10) {
            0..=3 => of_group(self.group, self.random),
            4 => {
                let other = self.random.below(plan.groups.len());
                of_group(other, self.random)
            }
            5..=6 => self.of_spokes(),
            7 => FirewallAddresses {
                prefixes: vec![plan.groups[self.group].space],
                ..FirewallAddresses::default()
            },
            8 => prefixes(&["10.0.0.0/8"]),
            _ => FirewallAddresses {
                everything: true,
                ..FirewallAddresses::default()
            },
        }
    }
}

fn prefixes(texts: &[&str]) -> FirewallAddresses {
    let parsed = texts.iter().filter_map(|text| text.parse::<Ipv4Net>().ok());
    FirewallAddresses {
        prefixes: parsed.collect(),
        ..FirewallAddresses::default()
    }
}
