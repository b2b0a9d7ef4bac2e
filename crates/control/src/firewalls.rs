//! Azure firewalls compiled: which of their rules decides about a packet (S-35).
//!
//! Three lists in the order in which the service asks them: translations of the destination, network rules, application rules; in
//! each, a parent policy before its child, then groups and collections by priority. The first rule that matches decides, and without
//! one the packet is denied. Rules that ask for what no packet shows here (names, groups and tags that the input does not hold) decide
//! nothing: where one of them could match, the answer is not known.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use acl::{Addresses, Key, Protocols, RuleSet};
use fib::AddressSet;
use ipnet::Ipv4Net;
use model::firewall::IANA_PRIVATE_RANGES;
use model::{
    Access, AzureFirewall, CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRule,
    Network, ResourceId, RuleCollection,
};

use crate::effective_rules::ports;
use crate::internet_edge::PublicAddresses;

/// An Azure firewall as packets meet it.
#[derive(Clone, Debug)]
pub struct Firewall {
    /// Its address in its subnet.
    pub address: Ipv4Addr,
    /// Its public addresses, assumed where the input has none.
    pub public_addresses: Vec<Ipv4Addr>,
    /// Destinations for which it keeps the source.
    pub private_ranges: AddressSet,
    /// Its policy, a parent of it or a group of rules is not part of the input: what it decides is unknown.
    pub policy_missing: bool,
    translations: RuleSet,
    /// By position in `translations`.
    new_destinations: Vec<NewDestination>,
    filters: RuleSet,
    /// By position in `filters`.
    decisions: Vec<(u16, Decision)>,
    /// Ports that rules ask for, as often as they do; cold.
    pub destination_ports: Vec<RangeInclusive<u16>>,
    /// The rules by number; cold.
    pub rules: Vec<FirewallRuleName>,
}

/// What a firewall's rule says of a packet that matches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It may pass.
    Allow,
    /// It is dropped.
    Deny,
    /// The input does not hold what decides: a name, a tag, a group.
    Unknown,
}

/// What a firewall does with the first packet of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The deciding rule, by its number; `None`: no rule matched, which denies.
    pub rule: Option<u16>,
    /// What it says.
    pub decision: Decision,
}

/// What a translating rule makes of a packet's destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDestination {
    /// The rule, by its number.
    pub rule: u16,
    /// Address and port; `None` if the rule names a host.
    pub to: Option<(Ipv4Addr, Option<u16>)>,
}

/// Where a rule is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirewallRuleName {
    /// The policy, or the firewall itself for the classic form.
    pub holder: ResourceId,
    /// Rule collection group; none in the classic form.
    pub group: Option<String>,
    /// Rule collection.
    pub collection: String,
    /// Rule.
    pub rule: String,
    /// What the collection does.
    pub action: CollectionAction,
}

impl Firewall {
    pub(crate) fn new(
        network: &Network,
        public: &PublicAddresses,
        firewall: &AzureFirewall,
    ) -> Self {
        let mut policy_missing = false;
        let chain = policies(network, firewall, &mut policy_missing);
        let private_ranges = match chain.last() {
            Some(policy) => policy.private_ranges.as_deref(),
            None => firewall.classic_private_ranges.as_deref(),
        };
        let private_ranges: AddressSet = private_ranges
            .unwrap_or(&IANA_PRIVATE_RANGES)
            .iter()
            .copied()
            .collect();
        let public_addresses = firewall
            .public_ips
            .iter()
            .filter_map(|&id| public.get(id))
            .collect();
        let mut compiler = Compiler {
            network,
            rules: Vec::new(),
            translations: Vec::new(),
            network_rules: Vec::new(),
            application_rules: Vec::new(),
        };
        for policy in &chain {
            let mut groups: Vec<_> = policy.groups.iter().collect();
            groups.sort_by_key(|group| group.priority);
            for group in groups {
                compiler.collections(&policy.id, Some(&group.name), &group.collections);
            }
        }
        compiler.collections(&firewall.id, None, &firewall.classic_collections);
        let (translations, new_destinations): (Vec<_>, _) =
            compiler.translations.into_iter().unzip();
        let filters = compiler.network_rules.into_iter();
        let (filters, decisions): (Vec<_>, _) = filters.chain(compiler.application_rules).unzip();
        let rules = translations.iter().chain(&filters);
        let destination_ports = rules
            .flat_map(|rule: &acl::Rule| rule.destination_ports.ranges())
            .cloned()
            .collect();
        Self {
            address: network.nics()[firewall.nic].primary_address(),
            public_addresses,
            private_ranges,
            policy_missing,
            translations: RuleSet::build(&translations),
            new_destinations,
            filters: RuleSet::build(&filters),
            decisions,
            destination_ports,
            rules: compiler.rules,
        }
    }

    /// The new destination of a packet that has come to an address of the firewall; `None` if no rule translates it.
    pub fn new_destination(&self, key: &Key) -> Option<NewDestination> {
        let position = self.translations.first_match(key)? as usize;
        Some(self.new_destinations[position])
    }

    /// Whether there are packets that a translating rule sends to an address.
    pub fn translates_to(&self, address: Ipv4Addr) -> bool {
        let mut targets = self.new_destinations.iter().filter_map(|new| new.to);
        targets.any(|(target, _)| target == address)
    }

    /// Whether a packet may pass that is the first of its flow.
    pub fn judge(&self, key: &Key) -> Judgement {
        if self.policy_missing {
            return Judgement {
                rule: None,
                decision: Decision::Unknown,
            };
        }
        match self.filters.first_match(key) {
            Some(position) => {
                let (rule, decision) = self.decisions[position as usize];
                Judgement {
                    rule: Some(rule),
                    decision,
                }
            }
            None => Judgement {
                rule: None,
                decision: Decision::Deny,
            },
        }
    }

    /// Network and application rules in the order in which they are asked, and what each says. Where none matches, the packet is denied;
    /// if the policy is missing, they say nothing.
    pub fn filters(&self) -> (Vec<acl::Rule>, Vec<Decision>) {
        let decisions = self.decisions.iter().map(|&(_, decision)| decision);
        (self.filters.rules(), decisions.collect())
    }

    /// Whether there are packets about which the input does not say what the firewall does.
    pub fn is_unsure(&self) -> bool {
        let mut decisions = self.decisions.iter();
        self.policy_missing || decisions.any(|&(_, decision)| decision == Decision::Unknown)
    }

    /// Whether the firewall puts its own address in place of the source of what goes there.
    pub fn translates_source_to(&self, destination: Ipv4Addr) -> bool {
        !self.private_ranges.contains(destination)
    }
}

/// The firewall's policy behind its parents. A loop of parents ends where it begins again.
fn policies<'n>(
    network: &'n Network,
    firewall: &AzureFirewall,
    missing: &mut bool,
) -> Vec<&'n FirewallPolicy> {
    let mut chain: Vec<&FirewallPolicy> = Vec::new();
    let mut next = firewall.policy.as_ref();
    while let Some(id) = next {
        let Some(key) = network.firewall_policies().find(id) else {
            *missing = true;
            break;
        };
        let policy = &network.firewall_policies()[key];
        if chain.iter().any(|known| known.id == policy.id) {
            break;
        }
        *missing |= policy.incomplete;
        chain.push(policy);
        next = policy.base.as_ref();
    }
    chain.reverse();
    chain
}

struct Compiler<'n> {
    network: &'n Network,
    rules: Vec<FirewallRuleName>,
    translations: Vec<(acl::Rule, NewDestination)>,
    network_rules: Vec<(acl::Rule, (u16, Decision))>,
    application_rules: Vec<(acl::Rule, (u16, Decision))>,
}

impl Compiler<'_> {
    fn collections(
        &mut self,
        holder: &ResourceId,
        group: Option<&String>,
        collections: &[RuleCollection],
    ) {
        let mut collections: Vec<&RuleCollection> = collections.iter().collect();
        collections.sort_by_key(|collection| collection.priority);
        for collection in collections {
            for rule in &collection.rules {
                // Further rules than a number can name are left out, as no policy of the service has so many.
                let Ok(number) = u16::try_from(self.rules.len()) else {
                    return;
                };
                self.rules.push(FirewallRuleName {
                    holder: holder.clone(),
                    group: group.cloned(),
                    collection: collection.name.clone(),
                    rule: rule.name.clone(),
                    action: collection.action,
                });
                self.rule(number, collection.action, rule);
            }
        }
    }

    fn rule(&mut self, number: u16, action: CollectionAction, rule: &FirewallRule) {
        let (source, sources_known) = self.side(&rule.sources);
        let (mut destination, destinations_known) = self.side(&rule.destinations);
        let named = !rule.names.is_empty();
        if named {
            destination = Addresses::any();
        }
        let known = sources_known && destinations_known && !named;
        for protocol in &rule.protocols {
            // ICMP has no ports that a rule of a firewall could ask for.
            let destination_ports = match protocol.number() {
                Some(ICMP) => acl::Ports::full(),
                _ => ports(&rule.ports),
            };
            let matcher = acl::Rule {
                source: source.clone(),
                destination: destination.clone(),
                protocol: protocol.number().map_or(Protocols::Any, Protocols::Number),
                source_ports: acl::Ports::full(),
                destination_ports,
            };
            match action {
                CollectionAction::DestinationNat => {
                    let to = rule.translated.as_ref().filter(|_| known);
                    let to = to.and_then(|to| Some((to.address?, to.port)));
                    let new = NewDestination { rule: number, to };
                    self.translations.push((matcher, new));
                }
                CollectionAction::Network(access) => {
                    let decision = match access {
                        _ if !known => Decision::Unknown,
                        Access::Allow => Decision::Allow,
                        Access::Deny => Decision::Deny,
                    };
                    self.network_rules.push((matcher, (number, decision)));
                }
                // Names are in the content of the connection, which a probe does not have.
                CollectionAction::Application(_) => {
                    self.application_rules
                        .push((matcher, (number, Decision::Unknown)));
                }
            }
        }
    }

    /// The addresses of a side, and whether all of it is known: what is not known could be any address.
    fn side(&self, side: &FirewallAddresses) -> (Addresses, bool) {
        if side.everything {
            return (Addresses::any(), true);
        }
        let mut prefixes: Vec<Ipv4Net> = side.prefixes.clone();
        let mut known = true;
        for tag in &side.tags {
            match self.network.service_tag(tag) {
                Some(given) => prefixes.extend(given),
                None => known = false,
            }
        }
        for group in &side.ip_groups {
            match self.network.ip_groups().find(group) {
                Some(key) => prefixes.extend(&self.network.ip_groups()[key].prefixes),
                None => known = false,
            }
        }
        if known {
            (prefixes.into_iter().collect(), true)
        } else {
            (Addresses::any(), false)
        }
    }
}

const ICMP: u8 = 1;
