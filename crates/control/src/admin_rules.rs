//! Security admin rules of network managers, as the data plane reads them (S-13): which ones reach a subnet, sorted and resolved.
//!
//! Does not know what becomes of a packet that an admin rule lets on to the security groups.

use std::collections::HashMap;
use std::sync::Arc;

use acl::RuleSet;
use model::options::IcmpPorts;
use model::table::Key;
use model::{
    AddressOwner, AdminAccess, AdminRuleCollection, Direction, IntentPolicyServices, Network,
    NetworkManager, NetworkManagerId, SecurityAdminConfiguration, SecurityAdminRule, Subnet,
    SubnetId, VirtualNetwork, VnetId,
};

use crate::effective_rules::{resolve, without_ports};
use crate::note::Note;
use crate::snapshot::{AdminRules, AdminRulesId, CompiledAdminRule, CompiledAdminRules};

/// The compiled admin rules of a network.
pub(crate) struct AdminRuleSets {
    pub(crate) sets: Vec<Arc<CompiledAdminRules>>,
    pub(crate) notes: Vec<Note>,
    /// By subnet; `None` where no rule reaches.
    of_subnet: Vec<Option<Arc<AdminRules>>>,
}

/// A collection of a manager that reaches a network: positions of configuration and collection, and whether only its Allow rules do.
type Reach = (usize, usize, bool);

impl AdminRuleSets {
    pub(crate) fn new(network: &Network, previous: &[Arc<CompiledAdminRules>]) -> Self {
        let mut compiler = Compiler {
            network,
            previous,
            sets: Vec::new(),
            known: HashMap::new(),
            notes: Vec::new(),
        };
        let managers = in_order(network);
        let mut of_subnet = vec![None; network.subnets().capacity()];
        if managers.is_empty() {
            return Self {
                sets: Vec::new(),
                notes: Vec::new(),
                of_subnet,
            };
        }
        for (vnet, resource) in network.virtual_networks().iter() {
            let Some(rules) = compiler.rules_of(&managers, vnet, resource) else {
                continue;
            };
            for &subnet in &resource.subnets {
                if !is_excluded(&network.subnets()[subnet]) {
                    of_subnet[subnet.index()] = Some(Arc::clone(&rules));
                }
            }
        }
        Self {
            sets: compiler.sets,
            notes: compiler.notes,
            of_subnet,
        }
    }

    /// The rules that reach the NICs of a subnet.
    pub(crate) fn of_subnet(&self, subnet: SubnetId) -> Option<Arc<AdminRules>> {
        self.of_subnet[subnet.index()].clone()
    }
}

/// Managers in the order in which they are asked: those of management groups first (S-13, assumed); among equals by id, so that the
/// order of files does not matter.
fn in_order(network: &Network) -> Vec<(NetworkManagerId, &NetworkManager)> {
    let mut managers: Vec<_> = network.managers().iter().collect();
    managers.sort_by_key(|(_, manager)| {
        (
            !manager.has_management_group(),
            manager.id.as_str().to_ascii_lowercase(),
        )
    });
    managers
}

/// S-13: subnets of the platform's own services take no admin rules. An application gateway counts unless it is isolated, which its
/// delegation tells.
fn is_excluded(subnet: &Subnet) -> bool {
    const NAMES: [&str; 5] = [
        "AzureBastionSubnet",
        "AzureFirewallSubnet",
        "AzureFirewallManagementSubnet",
        "RouteServerSubnet",
        "GatewaySubnet",
    ];
    const APPLICATION_GATEWAYS: &str = "Microsoft.Network/applicationGateways";
    let delegated = subnet
        .delegation
        .as_deref()
        .is_some_and(|service| service.eq_ignore_ascii_case(APPLICATION_GATEWAYS));
    let holds_gateway = || {
        subnet.addresses.iter().any(|(_, owner)| match owner {
            AddressOwner::Other(id) => id.kind().eq_ignore_ascii_case(APPLICATION_GATEWAYS),
            AddressOwner::Nic(..) | AddressOwner::LoadBalancer(..) => false,
        })
    };
    NAMES
        .iter()
        .any(|name| subnet.id.name().eq_ignore_ascii_case(name))
        || (!delegated && holds_gateway())
}

/// S-13: networks with a service that brings a network intent policy, told by the delegation of a subnet.
fn has_intent_policy(network: &Network, vnet: &VirtualNetwork) -> bool {
    const SERVICES: [&str; 2] = [
        "Microsoft.Sql/managedInstances",
        "Microsoft.Databricks/workspaces",
    ];
    vnet.subnets
        .iter()
        .filter_map(|&subnet| network.subnets()[subnet].delegation.as_deref())
        .any(|service| {
            SERVICES
                .iter()
                .any(|name| name.eq_ignore_ascii_case(service))
        })
}

struct Compiler<'n> {
    network: &'n Network,
    previous: &'n [Arc<CompiledAdminRules>],
    sets: Vec<Arc<CompiledAdminRules>>,
    known: HashMap<(NetworkManagerId, Vec<Reach>, Direction), AdminRulesId>,
    notes: Vec<Note>,
}

impl Compiler<'_> {
    /// The rules that reach a network; `None` if there are none.
    fn rules_of(
        &mut self,
        managers: &[(NetworkManagerId, &NetworkManager)],
        vnet: VnetId,
        resource: &VirtualNetwork,
    ) -> Option<Arc<AdminRules>> {
        let intent_policy = has_intent_policy(self.network, resource);
        let mut rules = AdminRules::default();
        for &(key, manager) in managers {
            let reach = reach(manager, resource, intent_policy);
            self.note_of_several(manager, vnet, &reach);
            if reach.is_empty() {
                continue;
            }
            rules
                .outbound
                .push(self.set(key, manager, &reach, Direction::Outbound));
            rules
                .inbound
                .push(self.set(key, manager, &reach, Direction::Inbound));
        }
        (!rules.outbound.is_empty()).then(|| Arc::new(rules))
    }

    /// A region takes one security admin configuration of a manager; a file that lists several does not say which one is deployed.
    fn note_of_several(&mut self, manager: &NetworkManager, vnet: VnetId, reach: &[Reach]) {
        let mut configurations: Vec<usize> = reach.iter().map(|&(position, ..)| position).collect();
        configurations.dedup();
        if configurations.len() > 1 {
            self.notes.push(Note::SeveralAdminConfigurations {
                manager: manager.id.clone(),
                virtual_network: self.network.virtual_networks()[vnet].id.clone(),
                configurations: configurations
                    .iter()
                    .map(|&position| manager.security_admin_configurations[position].name.clone())
                    .collect(),
            });
        }
    }

    fn set(
        &mut self,
        key: NetworkManagerId,
        manager: &NetworkManager,
        reach: &[Reach],
        direction: Direction,
    ) -> AdminRulesId {
        if let Some(&known) = self.known.get(&(key, reach.to_vec(), direction)) {
            return known;
        }
        let id = AdminRulesId(u32::try_from(self.sets.len()).expect("fewer than 2^32 networks"));
        let set = self.compile(key, manager, reach, direction);
        self.sets.push(set);
        self.known.insert((key, reach.to_vec(), direction), id);
        id
    }

    /// The rules of one manager in one direction by priority, those of equal priority in the order of the input.
    fn compile(
        &mut self,
        key: NetworkManagerId,
        manager: &NetworkManager,
        reach: &[Reach],
        direction: Direction,
    ) -> Arc<CompiledAdminRules> {
        let mut rules: Vec<CompiledAdminRule> = reach
            .iter()
            .flat_map(|&(configuration, collection, allow_only)| {
                let configuration = &manager.security_admin_configurations[configuration];
                let collection = &configuration.rule_collections[collection];
                collection
                    .rules
                    .iter()
                    .filter(move |rule| rule.direction == direction)
                    .filter(move |rule| !allow_only || rule.access == AdminAccess::Allow)
                    .map(|rule| CompiledAdminRule {
                        id: manager.rule_id(&configuration.name, &collection.name, &rule.name),
                        rule: rule.clone(),
                    })
            })
            .collect();
        rules.sort_by_key(|rule| rule.rule.priority);
        let notes = &mut self.notes;
        let resolved: Vec<acl::Rule> = rules
            .iter()
            .map(|rule| {
                // S-13: no application security groups, so nobody's members are asked for.
                resolve(self.network, &[], &rule.rule.as_security_rule(), |tag| {
                    notes.push(Note::UnknownTagInRule {
                        group: manager.id.clone(),
                        rule: rule.rule.name.clone(),
                        tag: tag.to_owned(),
                    });
                })
            })
            .collect();
        let icmp_ignores_ports = self.network.options.icmp_ports == IcmpPorts::Ignore;
        let unchanged = self.previous.iter().find(|old| {
            old.manager == key
                && old.direction == direction
                && old.icmp_table.is_some() == icmp_ignores_ports
                && old.rules == rules
                && old.resolved == resolved
        });
        if let Some(old) = unchanged {
            return Arc::clone(old);
        }
        Arc::new(CompiledAdminRules {
            manager: key,
            direction,
            table: RuleSet::build(&resolved),
            icmp_table: icmp_ignores_ports
                .then(|| RuleSet::build(&resolved.iter().map(without_ports).collect::<Vec<_>>())),
            verdicts: rules.iter().map(|rule| rule.rule.access).collect(),
            resolved,
            rules,
        })
    }
}

/// A rule that reaches a virtual network, with what holds it.
#[derive(Clone, Copy, Debug)]
pub struct ReachingRule<'n> {
    /// The manager.
    pub manager: &'n NetworkManager,
    /// Its configuration.
    pub configuration: &'n SecurityAdminConfiguration,
    /// The collection.
    pub collection: &'n AdminRuleCollection,
    /// The rule.
    pub rule: &'n SecurityAdminRule,
}

/// All rules that reach a virtual network, in the order in which they are asked; subnets that take none are not looked at.
pub fn rules_reaching(network: &Network, vnet: VnetId) -> Vec<ReachingRule<'_>> {
    let resource = &network.virtual_networks()[vnet];
    let intent_policy = has_intent_policy(network, resource);
    let mut reaching = Vec::new();
    for (_, manager) in in_order(network) {
        let of_manager = reach(manager, resource, intent_policy);
        let mut rules: Vec<ReachingRule<'_>> = of_manager
            .into_iter()
            .flat_map(|(configuration, collection, allow_only)| {
                let configuration = &manager.security_admin_configurations[configuration];
                let collection = &configuration.rule_collections[collection];
                let rules = collection.rules.iter();
                rules
                    .filter(move |rule| !allow_only || rule.access == AdminAccess::Allow)
                    .map(move |rule| ReachingRule {
                        manager,
                        configuration,
                        collection,
                        rule,
                    })
            })
            .collect();
        rules.sort_by_key(|reaching| reaching.rule.priority);
        reaching.extend(rules);
    }
    reaching
}

/// The collections of a manager that reach a network.
fn reach(manager: &NetworkManager, vnet: &VirtualNetwork, intent_policy: bool) -> Vec<Reach> {
    let configurations = manager.security_admin_configurations.iter().enumerate();
    configurations
        .filter(|(_, configuration)| is_deployed(configuration, vnet))
        .filter_map(|(position, configuration)| {
            let allow_only = match configuration.intent_policy_services {
                _ if !intent_policy => false,
                IntentPolicyServices::All => false,
                IntentPolicyServices::AllowRulesOnly => true,
                IntentPolicyServices::None => return None,
            };
            Some((position, configuration, allow_only))
        })
        .flat_map(|(position, configuration, allow_only)| {
            let collections = configuration.rule_collections.iter().enumerate();
            collections
                .filter(|(_, collection)| applies(manager, collection, vnet))
                .map(move |(collection, _)| (position, collection, allow_only))
        })
        .collect()
}

fn is_deployed(configuration: &SecurityAdminConfiguration, vnet: &VirtualNetwork) -> bool {
    configuration
        .deployed_to
        .as_ref()
        .is_none_or(|regions| regions.contains(&vnet.location))
}

fn applies(
    manager: &NetworkManager,
    collection: &AdminRuleCollection,
    vnet: &VirtualNetwork,
) -> bool {
    collection
        .applies_to
        .iter()
        .any(|group| manager.group_holds(group, &vnet.id))
}
