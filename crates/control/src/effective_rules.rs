//! Security groups as the data plane reads them: rules sorted and resolved, levels in the order in which they are asked (S-1 to S-12).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use acl::{Addresses, ClassId, Protocols, RuleSet};
use fib::{AddressSet, Ranges};
use ipnet::Ipv4Net;
use model::options::{IcmpPorts, Quirks, VnetAccessWithoutNsg};
use model::table::Key;
use model::{
    Access, Direction, LinkId, Network, NsgId, Ports, RuleAddresses, RuleProtocol, SecurityRule,
    ServiceTag, VnetId,
};
use rayon::prelude::*;

use crate::compile::Extent;
use crate::note::Note;
use crate::policies::KindOfNic;
use crate::service_tags::platform_tag;
use crate::shared::replace;
use crate::snapshot::{
    AZURE_LOAD_BALANCER, CompiledRules, GroupRules, INTERNET, Level, RuleSetId, Rules,
    RulesInOrder, VIRTUAL_NETWORK,
};
use crate::wiring::Wiring;

/// The compiled rules of every group that judges a NIC, and the ranges that links with a false access flag shut off.
#[derive(Clone, Debug)]
pub(crate) struct RuleSets {
    pub(crate) sets: Arc<[Arc<CompiledRules>]>,
    /// Of each set.
    pub(crate) notes: Arc<[Arc<[Note]>]>,
    /// By group: its rules, outbound then inbound.
    of_group: Arc<[Option<(RuleSetId, RuleSetId)>]>,
    /// The default rules without a group, outbound then inbound (F-4): the last two sets, if anybody needs them.
    defaults: Option<(RuleSetId, RuleSetId)>,
    /// By virtual network.
    blocked: Arc<[Option<BlockedPeers>]>,
    /// Of every application security group.
    members: Arc<[AddressSet]>,
}

/// The link that shuts an address off, if one does.
type BlockedPeers = Arc<Ranges<Option<LinkId>>>;

impl RuleSets {
    pub(crate) fn new(
        wiring: &Wiring<'_>,
        generation: u32,
        previous: &[Arc<CompiledRules>],
        extent: Extent,
    ) -> Self {
        let network = wiring.network;
        let judging = match extent {
            Extent::InUse => groups_in_use(network),
            Extent::Whole => network.nsgs().keys().collect(),
        };
        let mut groups: Vec<Option<NsgId>> = judging.into_iter().map(Some).collect();
        let vnets = 0..network.virtual_networks().capacity();
        let blocked: Vec<Option<BlockedPeers>> = vnets
            .map(|vnet| blocked_peers(wiring, VnetId::from_index(vnet)))
            .collect();
        if blocked.iter().any(Option::is_some) {
            groups.push(None);
        }
        let members: Arc<[AddressSet]> = asg_members(network).into();
        let compiler = Compiler {
            network,
            members: &members,
            generation,
        };
        let previous = by_place(previous);
        let wanted: Vec<(Option<NsgId>, Direction)> = groups
            .iter()
            .flat_map(|&group| [(group, Direction::Outbound), (group, Direction::Inbound)])
            .collect();
        let sets_with_notes: Vec<(Arc<CompiledRules>, Arc<[Note]>)> = wanted
            .par_iter()
            .map(|&(group, direction)| {
                compiler.compile(group, direction, previous.get(&(group, direction)).copied())
            })
            .collect();

        let mut of_group = vec![None; network.nsgs().capacity()];
        let mut defaults = None;
        for (&group, first) in groups.iter().zip((0_u32..).step_by(2)) {
            let pair = Some((RuleSetId(first), RuleSetId(first + 1)));
            match group {
                Some(group) => of_group[group.index()] = pair,
                None => defaults = pair,
            }
        }
        let (sets, notes): (Vec<_>, Vec<_>) = sets_with_notes.into_iter().unzip();
        Self {
            sets: sets.into(),
            notes: notes.into(),
            of_group: of_group.into(),
            defaults,
            blocked: blocked.into(),
            members,
        }
    }

    /// The same after a change of some groups, and of links of some virtual networks, and of nothing else. The answer says which virtual
    /// networks now shut other peers off.
    pub(crate) fn after(
        &mut self,
        wiring: &Wiring<'_>,
        generation: u32,
        groups: &[NsgId],
        vnets: &BTreeSet<VnetId>,
    ) -> BTreeSet<VnetId> {
        let members = Arc::clone(&self.members);
        let compiler = Compiler {
            network: wiring.network,
            members: &members,
            generation,
        };
        for &group in groups {
            let Some((outbound, inbound)) = self.of_group[group.index()] else {
                continue; // attached nowhere
            };
            for (set, direction) in [
                (outbound, Direction::Outbound),
                (inbound, Direction::Inbound),
            ] {
                let position = set.0 as usize;
                let old = Some(&self.sets[position]);
                let (new, notes) = compiler.compile(Some(group), direction, old);
                if !Arc::ptr_eq(&self.sets[position], &new) {
                    replace(&mut self.sets, position, new);
                }
                if self.notes[position] != notes {
                    replace(&mut self.notes, position, notes);
                }
            }
        }
        let mut changed = BTreeSet::new();
        for &vnet in vnets {
            let now = blocked_peers(wiring, vnet);
            if self.blocked[vnet.index()] != now {
                replace(&mut self.blocked, vnet.index(), now);
                changed.insert(vnet);
            }
        }
        if !changed.is_empty() {
            self.keep_defaults_where_needed(&compiler);
        }
        changed
    }

    fn keep_defaults_where_needed(&mut self, compiler: &Compiler<'_>) {
        let needed = self.blocked.iter().any(Option::is_some);
        match self.defaults {
            Some((outbound, _)) if !needed => {
                let rest = ..outbound.0 as usize;
                self.sets = self.sets[rest].into();
                self.notes = self.notes[rest].into();
                self.defaults = None;
            }
            None if needed => {
                let first = u32::try_from(self.sets.len()).expect("fewer than 2^32 sets");
                let pair = [Direction::Outbound, Direction::Inbound]
                    .map(|direction| compiler.compile(None, direction, None));
                let sets = pair.iter().map(|(set, _)| set);
                self.sets = self.sets.iter().chain(sets).cloned().collect();
                let notes = pair.iter().map(|(_, notes)| notes);
                self.notes = self.notes.iter().chain(notes).cloned().collect();
                self.defaults = Some((RuleSetId(first), RuleSetId(first + 1)));
            }
            Some(_) | None => {}
        }
    }

    /// Rules of NICs of a kind: outbound, then inbound.
    pub(crate) fn of(&self, network: &Network, kind: KindOfNic) -> (Rules, Rules) {
        let subnet = &network.subnets()[kind.subnet];
        // the group of the subnet judges only if the subnet says so.
        if kind.private_endpoint && !subnet.private_endpoint_policies.has_rules() {
            return (Rules::None, Rules::None);
        }
        let at_nic = kind.group;
        let at_subnet = subnet.network_security_group;
        let attached = |group: Option<NsgId>, level| {
            let (outbound, inbound) = self.of_group[group?.index()]?;
            Some((
                GroupRules {
                    level,
                    rules: outbound,
                },
                GroupRules {
                    level,
                    rules: inbound,
                },
            ))
        };
        // S-11: outbound the NIC's group before the subnet's, inbound the other way round.
        let levels: Vec<(GroupRules, GroupRules)> = [
            attached(at_nic, Level::Nic),
            attached(at_subnet, Level::Subnet),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !levels.is_empty() {
            let outbound = levels.iter().map(|&(outbound, _)| outbound).collect();
            let inbound = levels.iter().rev().map(|&(_, inbound)| inbound).collect();
            return (Rules::Groups(outbound), Rules::Groups(inbound));
        }
        match (&self.blocked[subnet.virtual_network.index()], self.defaults) {
            (Some(ranges), Some((outbound, inbound))) => {
                let blocked = |default_rules| Rules::BlockedPeers {
                    default_rules,
                    ranges: Arc::clone(ranges),
                };
                (blocked(outbound), blocked(inbound))
            }
            (None, _) | (_, None) => (Rules::None, Rules::None),
        }
    }
}

/// Groups attached to a NIC or to a subnet, ascending.
fn groups_in_use(network: &Network) -> Vec<NsgId> {
    let of_nics = network
        .nics()
        .values()
        .filter_map(|nic| nic.network_security_group);
    let of_subnets = network
        .subnets()
        .values()
        .filter_map(|subnet| subnet.network_security_group);
    let mut used = vec![false; network.nsgs().capacity()];
    of_nics
        .chain(of_subnets)
        .for_each(|group| used[group.index()] = true);
    network
        .nsgs()
        .keys()
        .filter(|group| used[group.index()])
        .collect()
}

/// F-4: the remote ranges of a network's Connected links whose `allowVirtualNetworkAccess` is false.
fn blocked_peers(wiring: &Wiring<'_>, vnet: VnetId) -> Option<BlockedPeers> {
    let network = wiring.network;
    match network.options.vnet_access_without_nsg {
        VnetAccessWithoutNsg::Literal => return None,
        VnetAccessWithoutNsg::DefaultRules => {}
    }
    let own = &network.virtual_networks().get(vnet)?.peerings;
    let shut = own.iter().copied().filter(|&link| {
        wiring.is_connected(link) && !network.peerings()[link].flags.allow_virtual_network_access
    });
    let ranges: Vec<(Ipv4Net, LinkId)> = shut
        .flat_map(|link| {
            network.peerings()[link]
                .remote_address_space
                .iter()
                .map(move |&prefix| (prefix, link))
        })
        .collect();
    (!ranges.is_empty())
        .then(|| Arc::new(Ranges::fold_prefixes(None, ranges, |_, link| Some(link))))
}

/// Members of every application security group (S-30, S-32), in one pass over the NICs.
fn asg_members(network: &Network) -> Vec<AddressSet> {
    let mut members: Vec<Vec<Ipv4Net>> = vec![Vec::new(); network.asgs().capacity()];
    if !members.is_empty() {
        for configuration in network
            .nics()
            .values()
            .flat_map(|nic| &nic.ip_configurations)
        {
            for group in &configuration.application_security_groups {
                members[group.index()].push(configuration.private_address.into());
            }
        }
    }
    members.into_iter().map(AddressSet::from_iter).collect()
}

type Place = (Option<NsgId>, Direction);

fn by_place(sets: &[Arc<CompiledRules>]) -> HashMap<Place, &Arc<CompiledRules>> {
    sets.iter()
        .map(|set| ((set.group, set.direction), set))
        .collect()
}

struct Compiler<'n> {
    network: &'n Network,
    members: &'n [AddressSet],
    generation: u32,
}

impl Compiler<'_> {
    /// The rules of a group in a direction. Tables of the previous generation whose rules mean the same are taken over.
    fn compile(
        &self,
        group: Option<NsgId>,
        direction: Direction,
        previous: Option<&Arc<CompiledRules>>,
    ) -> (Arc<CompiledRules>, Arc<[Note]>) {
        let mut notes = Vec::new();
        let own = group.map(|group| Arc::clone(&self.network.nsgs()[group].rules));
        let rules = RulesInOrder::new(own.unwrap_or_default(), direction);
        let resolved: Vec<acl::Rule> = rules
            .iter()
            .map(|rule| {
                resolve(self.network, self.members, rule, |tag| {
                    if let Some(group) = group {
                        notes.push(Note::UnknownTagInRule {
                            group: self.network.nsgs()[group].id.clone(),
                            rule: rule.name.clone(),
                            tag: tag.to_owned(),
                        });
                    }
                })
            })
            .collect();
        let flush = group.is_some_and(|group| self.network.nsgs()[group].flush_connection);
        let icmp_ignores_ports = self.network.options.icmp_ports == IcmpPorts::Ignore;

        let unchanged = previous.filter(|old| old.rules == rules && old.table.rules() == resolved);
        // S-22: with flushConnection a change of the rules reaches running flows, and switching it on does so once.
        let flushed_in = match previous {
            None if flush => self.generation,
            None => 0,
            Some(old) if flush && (unchanged.is_none() || !old.flush_connection) => self.generation,
            Some(old) => old.flushed_in,
        };
        if let Some(old) = unchanged
            && old.icmp_table.is_some() == icmp_ignores_ports
            && (old.flushed_in, old.flush_connection) == (flushed_in, flush)
        {
            return (Arc::clone(old), notes.into());
        }
        let table = unchanged.map_or_else(|| RuleSet::build(&resolved), |old| old.table.clone());
        let icmp_table = icmp_ignores_ports
            .then(|| RuleSet::build(&resolved.iter().map(without_ports).collect::<Vec<_>>()));
        let compiled = CompiledRules {
            group,
            direction,
            table,
            icmp_table,
            flush_connection: flush,
            flushed_in,
            allows: rules
                .iter()
                .map(|rule| rule.access == Access::Allow)
                .collect(),
            platform: rules
                .iter()
                .zip(0..)
                .filter(|(rule, _)| names_platform(rule))
                .map(|(_, position)| position)
                .collect(),
            rules,
        };
        (Arc::new(compiled), notes.into())
    }
}

/// The five fields of a rule. `members`: those of the application security groups; `unknown` hears of tags that nobody has given.
pub(crate) fn resolve(
    network: &Network,
    members: &[AddressSet],
    rule: &SecurityRule,
    mut unknown: impl FnMut(&str),
) -> acl::Rule {
    acl::Rule {
        source: addresses(network, members, &rule.source, &mut unknown),
        destination: addresses(network, members, &rule.destination, &mut unknown),
        protocol: protocols(rule.protocol),
        source_ports: ports(&rule.source_ports),
        destination_ports: ports(&rule.destination_ports),
    }
}

/// One side of a rule (S-4). The three tags that differ from NIC to NIC stay symbols; all else becomes addresses.
fn addresses(
    network: &Network,
    members: &[AddressSet],
    side: &RuleAddresses,
    unknown: &mut impl FnMut(&str),
) -> Addresses {
    match side {
        RuleAddresses::Any => Addresses::any(),
        RuleAddresses::Prefixes(prefixes) => prefixes.iter().copied().collect(),
        // S-33: with one of several groups empty, Azure was seen to apply the rule to nobody.
        RuleAddresses::ApplicationSecurityGroups(groups)
            if network.options.quirks == Quirks::Azure
                && groups.len() > 1
                && groups
                    .iter()
                    .any(|group| members.get(group.index()).is_none_or(AddressSet::is_empty)) =>
        {
            Addresses::default()
        }
        RuleAddresses::ApplicationSecurityGroups(groups) => groups
            .iter()
            .filter_map(|group| members.get(group.index()))
            .fold(AddressSet::EMPTY, |all, members| all.union(members))
            .into(),
        RuleAddresses::Tag(ServiceTag::VirtualNetwork) => class(VIRTUAL_NETWORK),
        RuleAddresses::Tag(ServiceTag::Internet) => class(INTERNET),
        RuleAddresses::Tag(ServiceTag::AzureLoadBalancer) => class(AZURE_LOAD_BALANCER),
        RuleAddresses::Tag(ServiceTag::Other(name)) => {
            if let Some(prefixes) = network.service_tag(name) {
                return prefixes.iter().copied().collect();
            }
            if let Some(address) = platform_tag(name) {
                return AddressSet::from(Ipv4Net::from(address)).into();
            }
            unknown(name);
            Addresses::default() // T-8
        }
    }
}

/// S-26: rules that name a tag of the platform itself are the only ones that packets to it obey.
fn names_platform(rule: &SecurityRule) -> bool {
    let names = |side: &RuleAddresses| match side {
        RuleAddresses::Tag(ServiceTag::Other(name)) => {
            const PREFIX: &str = "AzurePlatform";
            name.get(..PREFIX.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(PREFIX))
        }
        RuleAddresses::Tag(_)
        | RuleAddresses::Any
        | RuleAddresses::Prefixes(_)
        | RuleAddresses::ApplicationSecurityGroups(_) => false,
    };
    names(&rule.source) || names(&rule.destination)
}

fn class(bit: u8) -> Addresses {
    ClassId::new(bit)
        .expect("the three class bits lie below 32")
        .into()
}

fn protocols(protocol: RuleProtocol) -> Protocols {
    protocol.number().map_or(Protocols::Any, Protocols::Number) // S-3
}

pub(crate) fn ports(ports: &Ports) -> acl::Ports {
    ports
        .ranges()
        .iter()
        .map(|&(first, last)| first..=last)
        .collect() // S-5
}

/// S-6, `icmpPorts: ignore`: what a rule says of ports does not count.
pub(crate) fn without_ports(rule: &acl::Rule) -> acl::Rule {
    acl::Rule {
        source_ports: acl::Ports::full(),
        destination_ports: acl::Ports::full(),
        ..rule.clone()
    }
}
