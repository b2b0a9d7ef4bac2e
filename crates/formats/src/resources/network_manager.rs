//! Network managers with their groups and security admin rules (S-13).
//!
//! Each level is a resource of its own in Azure: manager, group, static member, configuration, rule collection, rule. Which
//! configuration is deployed where is no resource: it stands in a scenario (`deployedTo`) or in what `az network manager
//! list-deploy-status` prints. A configuration of which neither says anything counts everywhere.

use std::collections::{HashMap, HashSet};

use ipnet::Ipv4Net;
use model::network_manager::ADMIN_PRIORITIES;
use model::{
    AdminRuleCollection, IntentPolicyServices, Location, NetworkGroup, NetworkManager, Ports,
    ResourceId, RuleAddresses, SecurityAdminConfiguration, SecurityAdminRule, ServiceTag,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, Reference, is_ipv6, parse_prefix};
use super::route_table::is_tag;
use super::security::{DESTINATION, SOURCE, Side};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::Value;

/// The parts of all managers, by the resource that holds them.
type Parts<'a> = HashMap<ResourceId, Vec<&'a Record>>;

impl Builder<'_> {
    pub(super) fn network_managers(&mut self, deployments: &[Value]) {
        let collection = self.collection;
        let mut parts: Parts<'_> = HashMap::new();
        for record in collection.records() {
            if record.kind.is_part_of_a_manager()
                && let Some(parent) = record.id.parent()
            {
                parts.entry(parent).or_default().push(record);
            }
        }
        let deployments = Deployments::of(deployments);
        for record in collection.of_kind(Kind::NetworkManager) {
            self.network_manager(record, &parts, &deployments);
        }
    }

    fn network_manager(&mut self, record: &Record, parts: &Parts<'_>, deployments: &Deployments) {
        let view = self.open(record);
        let scopes = view.object("networkManagerScopes");
        let mut scope = |key| {
            let texts = scopes.iter().flat_map(|view| self.reader.texts(view, key));
            texts
                .map(|(text, ..)| text.to_owned())
                .collect::<Vec<String>>()
        };
        let (management_groups, subscriptions) =
            (scope("managementGroups"), scope("subscriptions"));
        let location = self.location(&view);
        let network_groups = of(parts, &record.id, Kind::NetworkGroup)
            .map(|group| NetworkGroup {
                name: group.id.name().to_owned(),
                members: self.members(group, parts),
            })
            .collect();
        let security_admin_configurations = of(parts, &record.id, Kind::SecurityAdminConfiguration)
            .map(|configuration| {
                let mut read = self.configuration(configuration, &record.id, parts);
                read.deployed_to = read
                    .deployed_to
                    .or_else(|| deployments.regions(&record.id, &configuration.id));
                read
            })
            .collect();
        let connectivity_configurations = of(parts, &record.id, Kind::ConnectivityConfiguration)
            .filter_map(|configuration| self.connectivity_configuration(configuration, &record.id))
            .collect();
        let manager = NetworkManager {
            id: record.id.clone(),
            location,
            management_groups,
            subscriptions,
            network_groups,
            connectivity_configurations,
            security_admin_configurations,
        };
        let result = self.network.create_network_manager(manager);
        self.created(&record.id, record.span, result);
    }

    /// The static members of a group. That a member is not in the input is no problem: a group holds more than one reads at a time.
    fn members(&mut self, group: &Record, parts: &Parts<'_>) -> Vec<ResourceId> {
        let mut members = Vec::new();
        for record in of(parts, &group.id, Kind::StaticMember) {
            let view = self.open(record);
            let Some(value) = view.get("resourceId") else {
                self.reader
                    .missing(&view, "resourceId", "the id of a virtual network");
                continue;
            };
            let Some(text) = self.reader.text(&view, "resourceId") else {
                continue;
            };
            let reference = Reference {
                text,
                span: value.span,
                path: view.path("resourceId"),
            };
            members.extend(self.resolve(&reference, Kind::VirtualNetwork));
        }
        members
    }

    fn configuration(
        &mut self,
        record: &Record,
        manager: &ResourceId,
        parts: &Parts<'_>,
    ) -> SecurityAdminConfiguration {
        let view = self.open(record);
        let intent_policy_services = self.intent_policy_services(&view);
        let deployed_to = view.get("deployedTo").is_some().then(|| {
            let regions = self.reader.texts(&view, "deployedTo");
            regions
                .into_iter()
                .map(|(region, ..)| Location::new(region))
                .collect()
        });
        SecurityAdminConfiguration {
            name: record.id.name().to_owned(),
            intent_policy_services,
            deployed_to,
            rule_collections: of(parts, &record.id, Kind::AdminRuleCollection)
                .map(|collection| self.rule_collection(collection, manager, parts))
                .collect(),
        }
    }

    /// A list of words in the service, of which one is used.
    fn intent_policy_services(&mut self, view: &View<'_>) -> IntentPolicyServices {
        const KEY: &str = "applyOnNetworkIntentPolicyBasedServices";
        let mut chosen = IntentPolicyServices::None;
        for (text, value, path) in self.reader.texts(view, KEY) {
            match text.parse() {
                Ok(word) => chosen = word,
                Err(_) => self
                    .reader
                    .bad_at(path, value, "None, All or AllowRulesOnly"),
            }
        }
        chosen
    }

    /// The name of the manager's group that an entry of `appliesToGroups` means.
    pub(super) fn applied_group(
        &mut self,
        applied: &View<'_>,
        manager: &ResourceId,
    ) -> Option<String> {
        let Some(value) = applied.get("networkGroupId") else {
            self.reader
                .missing(applied, "networkGroupId", "the id of a network group");
            return None;
        };
        let reference = Reference {
            text: self.reader.text(applied, "networkGroupId")?,
            span: value.span,
            path: applied.path("networkGroupId"),
        };
        let id = self.resolve(&reference, Kind::NetworkGroup)?;
        let known = self.collection.find(&id).is_some();
        if known && id.parent().as_ref() == Some(manager) {
            return Some(id.name().to_owned());
        }
        let severity = self.reader.origin().severity();
        self.dangling(&reference, &id, Kind::NetworkGroup, severity);
        None
    }

    fn rule_collection(
        &mut self,
        record: &Record,
        manager: &ResourceId,
        parts: &Parts<'_>,
    ) -> AdminRuleCollection {
        let view = self.open(record);
        let mut applies_to = Vec::new();
        for applied in self.reader.objects(&view, "appliesToGroups") {
            applies_to.extend(self.applied_group(&applied, manager));
        }
        let rules = of(parts, &record.id, Kind::AdminRule);
        AdminRuleCollection {
            name: record.id.name().to_owned(),
            applies_to,
            rules: rules.filter_map(|rule| self.admin_rule(rule)).collect(),
        }
    }

    fn admin_rule(&mut self, record: &Record) -> Option<SecurityAdminRule> {
        let view = self.open(record);
        for key in ["priority", "direction", "access"] {
            if view.get(key).is_none() {
                self.reader.missing(
                    &view,
                    key,
                    "what every security admin rule has: priority, direction, access",
                );
            }
        }
        let priority = self.admin_priority(&view);
        let direction = self.reader.word(&view, "direction");
        let access = self.reader.word(&view, "access");
        let protocol = match view.get("protocol") {
            Some(_) => self.reader.word(&view, "protocol"),
            None => Some(model::RuleProtocol::Any),
        };
        let source = self.admin_addresses(&view, "sources");
        let source_ports = self.admin_ports(&view, "sourcePortRanges", &SOURCE);
        let destination = self.admin_addresses(&view, "destinations");
        let destination_ports = self.admin_ports(&view, "destinationPortRanges", &DESTINATION);
        Some(SecurityAdminRule {
            name: record.id.name().to_owned(),
            description: self.reader.label(&view, "description").map(str::to_owned),
            priority: priority?,
            direction: direction?,
            access: access?,
            protocol: protocol?,
            source: source?,
            source_ports: source_ports?,
            destination: destination?,
            destination_ports: destination_ports?,
        })
    }

    fn admin_priority(&mut self, view: &View<'_>) -> Option<u16> {
        let expected = "an integer from 1 to 4096";
        let priority: u16 = self.reader.number(view, "priority", expected)?;
        if !ADMIN_PRIORITIES.contains(&priority) {
            let value = view.get("priority").expect("its number was read above");
            let problem = Diagnostic::new(
                self.reader.origin().severity(),
                Code::BadValue,
                format!("the priority of a security admin rule is {priority}"),
            );
            self.reader.push(
                problem
                    .at(value.span)
                    .property(view.path("priority"))
                    .value(value)
                    .expected(expected),
            );
        }
        Some(priority)
    }

    fn admin_ports(&mut self, view: &View<'_>, key: &str, side: &Side) -> Option<Ports> {
        if self.reader.filled(view, key) {
            self.rule_ports(view, side)
        } else {
            Some(Ports::all())
        }
    }

    /// Prefixes, or one service tag; an empty list is everything. The type is told by the text where the file does not say it.
    fn admin_addresses(&mut self, view: &View<'_>, key: &str) -> Option<RuleAddresses> {
        let items = self.reader.objects(view, key);
        let several = items.len() > 1;
        let (mut sound, ipv6) = (true, self.reader.ipv6);
        let mut prefixes: Vec<Ipv4Net> = Vec::new();
        for item in items {
            let Some(value) = item.get("addressPrefix") else {
                self.reader
                    .missing(&item, "addressPrefix", "a prefix, a service tag or *");
                sound = false;
                continue;
            };
            let path = item.path("addressPrefix");
            let Some(text) = self.reader.text(&item, "addressPrefix").map(str::trim) else {
                sound = false;
                continue;
            };
            if text == "*" {
                return Some(RuleAddresses::Any);
            }
            let kind = self
                .reader
                .label(&item, "addressPrefixType")
                .unwrap_or_default();
            if kind.eq_ignore_ascii_case("NetworkGroup") {
                self.reader.unsupported(
                    &item,
                    "addressPrefixType",
                    "a network group as source or destination; the rule is left out",
                );
                sound = false;
            } else if is_ipv6(text) {
                self.reader.ipv6 += 1;
            } else if parse_prefix(text).is_some() {
                match self.rule_prefix(path, value, text) {
                    Some(prefix) => prefixes.push(prefix),
                    None => sound = false,
                }
            } else if !is_tag(text) {
                self.invalid_prefix(path, value, text);
                sound = false;
            } else if several {
                let problem = Diagnostic::error(
                    Code::BadValue,
                    format!("{path} is a service tag of several"),
                );
                self.reader.push(
                    problem
                        .at(value.span)
                        .property(path)
                        .value(value)
                        .expected("prefixes, or one service tag alone; a rule for each tag"),
                );
                sound = false;
            } else {
                let tag = self.tag(path.clone(), value, text)?;
                if tag == ServiceTag::Internet && self.reader.origin() == Origin::Authored {
                    let problem = Diagnostic::warning(
                        Code::BadValue,
                        "the tag Internet in a security admin rule is said to be refused by Azure; it is taken here",
                    );
                    self.reader
                        .push(problem.at(value.span).property(path).value(value)); // S-13
                }
                return Some(RuleAddresses::Tag(tag));
            }
        }
        if !sound || (prefixes.is_empty() && self.reader.ipv6 > ipv6) {
            return None;
        }
        Some(if prefixes.is_empty() {
            RuleAddresses::Any
        } else {
            RuleAddresses::Prefixes(prefixes)
        })
    }
}

/// Regions by configuration, and the managers of which there is any word.
#[derive(Default)]
struct Deployments {
    regions: HashMap<ResourceId, Vec<Location>>,
    told: HashSet<ResourceId>,
}

impl Deployments {
    /// Rows that failed, or are about other than security admin rules, deploy nothing.
    fn of(rows: &[Value]) -> Self {
        let mut all = Self::default();
        for row in rows {
            let text = |key| row.get(key).and_then(Value::as_str).unwrap_or_default();
            let ids = row.get("configurationIds").and_then(Value::as_array);
            let ids = ids.unwrap_or_default().iter().filter_map(Value::as_str);
            for id in ids.filter_map(|id| ResourceId::parse(id).ok()) {
                all.told.extend(id.parent());
                if text("deploymentType").eq_ignore_ascii_case("SecurityAdmin")
                    && text("deploymentStatus").eq_ignore_ascii_case("Deployed")
                {
                    let regions = all.regions.entry(id).or_default();
                    regions.push(Location::new(text("region")));
                }
            }
        }
        all
    }

    /// Where a configuration is deployed; `None` if nothing was told about its manager.
    fn regions(&self, manager: &ResourceId, configuration: &ResourceId) -> Option<Vec<Location>> {
        let regions = self.regions.get(configuration).cloned();
        self.told
            .contains(manager)
            .then(|| regions.unwrap_or_default())
    }
}

/// The parts of one kind that a resource holds, in the order of the input.
fn of<'a>(
    parts: &Parts<'a>,
    holder: &ResourceId,
    kind: Kind,
) -> impl Iterator<Item = &'a Record> + use<'a> {
    let held = parts.get(holder).cloned().unwrap_or_default();
    held.into_iter().filter(move |record| record.kind == kind)
}
