//! What Azure refuses about security groups only once it knows where they are used: regions (S-9), application security groups of
//! several networks (S-30, S-31). In what was recorded it is a warning, since Azure has let it pass.

use std::collections::{BTreeMap, BTreeSet};

use model::table::Resource;
use model::{
    AsgId, Location, NetworkSecurityGroup, ResourceId, RuleAddresses, SecurityRule, VnetId,
};

use super::build::Builder;
use super::reader::Origin;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Most application security groups that a rule may name (S-8, S-31).
const MOST_GROUPS_OF_A_RULE: usize = 10;

/// Networks of the members of each application security group, with the NICs in each.
type Homes = BTreeMap<AsgId, BTreeMap<VnetId, Vec<ResourceId>>>;

/// What is wrong with one resource.
struct Problem {
    resource: ResourceId,
    message: String,
    expected: &'static str,
    azure: Option<&'static str>,
}

impl Builder<'_> {
    /// `assumed`: regions of resources that do not say it themselves. That such a one differs from another is no mistake of anybody.
    pub(super) fn security_checks(&mut self, assumed: &[Location]) {
        let homes = self.homes();
        let mut problems = self.regions(assumed);
        problems.extend(self.scattered_members(&homes));
        problems.extend(self.rules_with_groups(&homes));
        for problem in problems {
            self.tell_of(problem);
        }
    }

    fn tell_of(&mut self, problem: Problem) {
        let (span, origin) = self.place(&problem.resource);
        self.reader.begin(&problem.resource, origin);
        let mut told = Diagnostic::new(origin.severity(), Code::Refused, problem.message);
        if let Some(span) = span {
            told = told.at(span);
        }
        if let Some(code) = problem.azure {
            told = told.azure(code);
        }
        self.reader.push(told.expected(problem.expected));
    }

    /// Where a resource stands, and who wrote it: a child without a record of its own is its parent's.
    fn place(&self, id: &ResourceId) -> (Option<Span>, Origin) {
        let mut holder = Some(id.clone());
        while let Some(at) = holder {
            if let Some(record) = self.collection.find(&at) {
                return (self.locations.of(id), record.origin);
            }
            holder = at.parent();
        }
        (None, Origin::Recorded)
    }

    /// S-9: a group and what it is attached to are in one region.
    fn regions(&self, assumed: &[Location]) -> Vec<Problem> {
        let network = &self.network;
        let nics = network.listed_nics().filter_map(|(_, nic)| {
            let group = &network.nsgs()[nic.network_security_group?];
            Some((&nic.id, &nic.location, group))
        });
        let subnets = network.subnets().values().filter_map(|subnet| {
            let group = &network.nsgs()[subnet.network_security_group?];
            let vnet = &network.virtual_networks()[subnet.virtual_network];
            Some((&subnet.id, &vnet.location, group))
        });
        let elsewhere = |(id, here, group): (&ResourceId, &Location, &NetworkSecurityGroup)| {
            let there = &group.location;
            let said = |region: &Location| !region.is_unknown() && !assumed.contains(region);
            let differ = said(here) && said(there) && here != there;
            differ.then(|| Problem {
                resource: id.clone(),
                message: format!(
                    "Resource {} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region ({there} and {here})",
                    group.id
                ),
                expected: "a network security group of the same region",
                azure: Some("InvalidResourceReference"),
            })
        };
        nics.chain(subnets).filter_map(elsewhere).collect()
    }

    fn homes(&self) -> Homes {
        let mut homes = Homes::new();
        for (_, nic) in self.network.listed_nics() {
            let groups = nic.ip_configurations.iter();
            let groups: BTreeSet<AsgId> = groups
                .flat_map(|configuration| configuration.application_security_groups.iter().copied())
                .collect();
            for group in groups {
                let of_group = homes.entry(group).or_default();
                of_group
                    .entry(nic.virtual_network)
                    .or_default()
                    .push(nic.id.clone());
            }
        }
        homes
    }

    /// S-30: all members of a group are in the network of its first one.
    fn scattered_members(&self, homes: &Homes) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (&group, networks) in homes.iter().filter(|(_, networks)| networks.len() > 1) {
            let first = self.network.listed_nics().find_map(|(_, nic)| {
                let is_member = nic.ip_configurations.iter().any(|configuration| {
                    configuration.application_security_groups.contains(&group)
                });
                is_member.then_some(nic.virtual_network)
            });
            let Some(first) = first else { continue };
            let strangers = networks.iter().filter(|&(&vnet, _)| vnet != first);
            for nic in strangers.flat_map(|(_, nics)| nics) {
                problems.push(Problem {
                    resource: nic.clone(),
                    message: format!(
                        "{} is a member of application security group {}, whose first member is in another virtual network, {}",
                        nic.name(),
                        self.network.asgs()[group].name(),
                        self.network.virtual_networks()[first].name()
                    ),
                    expected: "members of one virtual network; a group of its own for each network",
                    azure: None,
                });
            }
        }
        problems
    }

    /// S-31: groups of a rule are in one network, and at most ten a side.
    fn rules_with_groups(&self, homes: &Homes) -> Vec<Problem> {
        let mut problems = Vec::new();
        for group in self.network.nsgs().values() {
            for rule in group.rules.iter() {
                let id = group.id.child("securityRules", &rule.name);
                problems.extend(self.groups_of_several_networks(&id, rule, homes));
                let most = groups_of(&rule.source)
                    .len()
                    .max(groups_of(&rule.destination).len());
                if most > MOST_GROUPS_OF_A_RULE {
                    problems.push(Problem {
                        resource: id,
                        message: format!(
                            "rule {} of {} names {most} application security groups on one side",
                            rule.name,
                            group.name()
                        ),
                        expected: "up to 10 application security groups",
                        azure: Some(
                            "NumberOfApplicationSecurityGroupsReferencedInSecurityRuleLimitReached",
                        ),
                    });
                }
            }
        }
        problems
    }

    fn groups_of_several_networks(
        &self,
        id: &ResourceId,
        rule: &SecurityRule,
        homes: &Homes,
    ) -> Option<Problem> {
        let groups = [groups_of(&rule.source), groups_of(&rule.destination)].concat();
        let networks: BTreeSet<VnetId> = groups
            .iter()
            .filter_map(|group| homes.get(group))
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        if networks.len() < 2 {
            return None;
        }
        let names: Vec<&str> = networks
            .iter()
            .map(|&vnet| self.network.virtual_networks()[vnet].name())
            .collect();
        Some(Problem {
            resource: id.clone(),
            message: format!(
                "All application security groups in security rule {} must be from the same virtual network; their members are in {}",
                rule.name,
                names.join(" and ")
            ),
            expected: "groups of one virtual network; prefixes for the others (S-34)",
            azure: Some("AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet"),
        })
    }
}

fn groups_of(side: &RuleAddresses) -> &[AsgId] {
    match side {
        RuleAddresses::ApplicationSecurityGroups(groups) => groups,
        RuleAddresses::Any | RuleAddresses::Prefixes(_) | RuleAddresses::Tag(_) => &[],
    }
}
