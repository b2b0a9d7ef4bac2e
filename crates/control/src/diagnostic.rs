//! Network Watcher's configuration diagnostic (D-8): which rules of a NIC hold a whole class of packets, field by field.
//!
//! A question names sets (`*`, a prefix, a tag), and a rule matches only if it holds all of them: the destination `*` is not held by
//! a rule for `VirtualNetwork`, although packets to that tag are (D-21). That is the difference to [`crate::questions::decide`].

use acl::{ClassId, Protocols};
use fib::AddressSet;
use ipnet::Ipv4Net;
use model::address::HOST_ADDRESS;
use model::{
    Access, AdminAccess, Direction, Network, NetworkManagerId, NsgId, ResourceId, RuleProtocol,
    SecurityRule, ServiceTag,
};

use crate::snapshot::{
    AZURE_LOAD_BALANCER, AdminRulesId, GroupRules, INTERNET, Level, Nic, Rules, Snapshot, TagView,
    VIRTUAL_NETWORK,
};

/// The packets that are asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Seen from the VM.
    pub direction: Direction,
    /// `*` asks for all of them.
    pub protocol: RuleProtocol,
    /// All sources.
    pub source: AddressSet,
    /// All destinations.
    pub destination: AddressSet,
    /// One destination port; `None` asks for all of them. The source port is never asked: it is every one.
    pub destination_port: Option<u16>,
}

/// Which fields of a rule hold what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the five bits of the service's answer"
)]
pub struct Fields {
    /// Protocol.
    pub protocol: bool,
    /// Source addresses.
    pub source: bool,
    /// Source ports.
    pub source_port: bool,
    /// Destination addresses.
    pub destination: bool,
    /// Destination port.
    pub destination_port: bool,
}

impl Fields {
    /// Whether the rule matches.
    pub const fn all(self) -> bool {
        self.protocol
            && self.source
            && self.source_port
            && self.destination
            && self.destination_port
    }
}

/// Who owns a list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOwner {
    /// A network manager, for the virtual network of the NIC.
    Manager(NetworkManagerId),
    /// A security group and where it is attached.
    Group(NsgId, Level),
}

/// A rule that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluatedRule<'a> {
    /// Its fields; what an admin rule says is in [`Evaluation::admin_access`].
    pub rule: SecurityRule,
    /// Resource id of an admin rule.
    pub admin: Option<&'a ResourceId>,
    /// Which fields hold what is asked.
    pub fields: Fields,
}

/// What one list of rules says.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<'a> {
    /// Whose rules.
    pub owner: RuleOwner,
    /// By priority, up to the first that matches, which is then the last one here.
    pub rules: Vec<EvaluatedRule<'a>>,
    /// What the last one says if it matches; an admin list may match nothing.
    pub access: Option<Access>,
    /// What the matching admin rule says.
    pub admin_access: Option<AdminAccess>,
}

/// What all rules of a NIC say.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis<'a> {
    /// Managers, then groups in the order in which they are asked; groups are left out where an admin rule settles the matter (S-13).
    pub evaluations: Vec<Evaluation<'a>>,
    /// Whether everything that is asked passes.
    pub allows: bool,
}

/// The addresses of a tag as a NIC sees it; `None` if nobody has given them.
pub fn addresses_of_tag(network: &Network, tags: &TagView, tag: &ServiceTag) -> Option<AddressSet> {
    Some(match tag {
        ServiceTag::VirtualNetwork => tags.virtual_network.clone(),
        ServiceTag::Internet => tags.internet.clone(),
        ServiceTag::AzureLoadBalancer => Ipv4Net::from(HOST_ADDRESS).into(),
        ServiceTag::Other(name) => network.service_tag(name)?.iter().copied().collect(),
    })
}

/// Asks the rules of a NIC.
pub fn diagnose<'a>(snapshot: &'a Snapshot, nic: &Nic, profile: &Profile) -> Diagnosis<'a> {
    let tags = snapshot.tags_of(nic);
    let mut evaluations = Vec::new();
    let mut settled = None;
    let policy = snapshot.policy_of(nic);
    for &set in policy.admin_in(profile.direction) {
        let evaluation = of_manager(snapshot, tags, set, profile);
        let access = evaluation.admin_access;
        evaluations.push(evaluation);
        match access {
            Some(AdminAccess::Deny) => settled = Some(false),
            Some(AdminAccess::AlwaysAllow) => settled = Some(true),
            Some(AdminAccess::Allow) => {}
            None => continue,
        }
        break;
    }
    if let Some(allows) = settled {
        return Diagnosis {
            evaluations,
            allows,
        };
    }
    let groups = match policy.rules_in(profile.direction) {
        Rules::Groups(groups) => groups.as_slice(),
        Rules::None | Rules::BlockedPeers { .. } => &[],
    };
    let of_groups = groups
        .iter()
        .filter_map(|&group| of_group(snapshot, tags, group, profile));
    let of_groups: Vec<Evaluation<'_>> = of_groups.collect();
    let allows = of_groups
        .iter()
        .all(|evaluation| evaluation.access == Some(Access::Allow));
    evaluations.extend(of_groups);
    Diagnosis {
        evaluations,
        allows,
    }
}

fn of_manager<'a>(
    snapshot: &'a Snapshot,
    tags: &TagView,
    set: AdminRulesId,
    profile: &Profile,
) -> Evaluation<'a> {
    let compiled = snapshot.admin_rules(set);
    let rules = compiled.rules.iter().zip(&compiled.resolved);
    let rules = until_match(rules.map(|(rule, resolved)| EvaluatedRule {
        rule: rule.rule.as_security_rule(),
        admin: Some(&rule.id),
        fields: fields(resolved, tags, profile),
    }));
    let matches = rules.last().is_some_and(|last| last.fields.all());
    let admin_access = matches.then(|| compiled.verdicts[rules.len() - 1]);
    Evaluation {
        owner: RuleOwner::Manager(compiled.manager),
        access: rules
            .last()
            .filter(|last| last.fields.all())
            .map(|last| last.rule.access),
        admin_access,
        rules,
    }
}

fn of_group<'a>(
    snapshot: &'a Snapshot,
    tags: &TagView,
    group: GroupRules,
    profile: &Profile,
) -> Option<Evaluation<'a>> {
    let compiled = snapshot.rules(group.rules);
    let resolved = compiled.table.rules();
    let rules = compiled.rules.iter().zip(&resolved);
    let rules = until_match(rules.map(|(rule, resolved)| EvaluatedRule {
        rule: rule.clone(),
        admin: None,
        fields: fields(resolved, tags, profile),
    }));
    Some(Evaluation {
        owner: RuleOwner::Group(compiled.group?, group.level),
        access: rules
            .last()
            .filter(|last| last.fields.all())
            .map(|last| last.rule.access),
        admin_access: None,
        rules,
    })
}

/// Rules up to the first that matches, that one included.
fn until_match<'a>(rules: impl Iterator<Item = EvaluatedRule<'a>>) -> Vec<EvaluatedRule<'a>> {
    let mut asked = Vec::new();
    for rule in rules {
        let matches = rule.fields.all();
        asked.push(rule);
        if matches {
            break;
        }
    }
    asked
}

fn fields(rule: &acl::Rule, tags: &TagView, profile: &Profile) -> Fields {
    let holds = |side: &acl::Addresses, asked: &AddressSet| {
        let mut held = side.listed().clone();
        for (class, set) in [
            (VIRTUAL_NETWORK, &tags.virtual_network),
            (INTERNET, &tags.internet),
        ] {
            if side.classes() & mask(class) != 0 {
                held = held.union(set);
            }
        }
        if side.classes() & mask(AZURE_LOAD_BALANCER) != 0 {
            held = held.union(&Ipv4Net::from(HOST_ADDRESS).into());
        }
        asked.difference(&held).is_empty()
    };
    Fields {
        protocol: match (rule.protocol, profile.protocol.number()) {
            (Protocols::Any, _) => true,
            (Protocols::Number(number), Some(asked)) => number == asked,
            (Protocols::Number(_), None) => false,
        },
        source: holds(&rule.source, &profile.source),
        source_port: rule.source_ports.is_full(),
        destination: holds(&rule.destination, &profile.destination),
        destination_port: rule.destination_ports.matches(profile.destination_port),
    }
}

fn mask(class: u8) -> u32 {
    ClassId::new(class).map_or(0, ClassId::mask)
}
