//! Which ends a change of compiled tables can touch.
//!
//! A NIC that nothing stands behind but a host meets only packets from it and to it: if its rules, routes or tags are others, so may be
//! its row and its column. What stands between others (appliances, gateways, firewalls, NICs that routes name) meets packets of everybody;
//! other routes and tags there touch the addresses for which they are others, whoever has them. A link is crossed by packets from and to
//! the networks at its ends, so that one of them without anything in between is enough to know whom it touches.
//!
//! Tables that two snapshots share are the same. Of the others rather too much is judged again than too little, and everything where
//! something else than rules, routes, tags and links is another one.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use control::snapshot::{
    CompiledFib, FibEntry, FibId, Gateway, GuestKind, NextHop, Nic, Policy, Rules, TagView,
    TagViewId,
};
use fib::AddressSet;
use foldhash::fast::FixedState;
use ipnet::Ipv4Subnets;
use model::table::Key;
use model::{Direction, NicId, VnetId};

use crate::ends::{End, Ends};
use crate::question::{Asked, Question};

/// So many ends are judged as quickly in parts.
const FEW: usize = 512;

/// Ends whose rows, and whose columns, may be others than before.
pub(super) struct Change {
    /// Positions, ascending.
    pub(super) sources: Vec<u32>,
    /// Positions, ascending.
    pub(super) destinations: Vec<u32>,
}

impl Change {
    /// `None`: that is as good as everybody, or there is no telling.
    pub(super) fn between(
        before: &Snapshot,
        after: &Snapshot,
        question: Question,
        sources: &Ends,
        destinations: &Ends,
    ) -> Option<Self> {
        // Ports that rules tell apart may be others now; members of load balancers may answer their probes otherwise.
        let Asked::One(_) = question.asked else {
            return None;
        };
        if !after.frontends.is_empty() || !before.frontends.is_empty() {
            return None;
        }
        let touched = Tables::that_differ(before, after)?.touched(before, after)?;
        let meet = |ends: &Ends, direction: usize| -> Vec<u32> {
            (0_u32..)
                .zip(ends.iter())
                .filter(|(_, end)| touched.has(end, direction))
                .map(|(position, _)| position)
                .collect()
        };
        let change = Self {
            sources: meet(sources, 0),
            destinations: meet(destinations, 1),
        };
        let is_most = |some: &[u32], all: &Ends| 2 * some.len() > all.len().max(FEW);
        let most = is_most(&change.sources, sources) || is_most(&change.destinations, destinations);
        (!most).then_some(change)
    }
}

/// Positions of tables that are not the same.
struct Tables {
    rule_sets: HashSet<u32, FixedState>,
    policies: HashSet<u32, FixedState>,
    fibs: HashSet<u32, FixedState>,
    tags: HashSet<u32, FixedState>,
    /// Networks at the ends of links that differ.
    links: Vec<(VnetId, Option<VnetId>)>,
}

/// Who may fare otherwise.
struct Touched {
    /// Whose row (0), whose column (1).
    nics: [HashSet<NicId, FixedState>; 2],
    /// Addresses of these NICs, for others with the same one: where address spaces overlap, packets for an end may come to them.
    namesakes: HashMap<Ipv4Addr, Vec<NicId>, FixedState>,
    /// Row and column of whoever has one of these.
    addresses: AddressSet,
}

/// Positions at which two lists of shared tables differ; `None` if they are not equally long.
fn differing<T>(
    before: &Arc<[T]>,
    after: &Arc<[T]>,
    same: impl Fn(&T, &T) -> bool,
) -> Option<HashSet<u32, FixedState>> {
    if Arc::ptr_eq(before, after) {
        return Some(HashSet::default());
    }
    let pairs = (0_u32..).zip(before.iter().zip(after.iter()));
    let differ = pairs.filter(|(_, (one, other))| !same(one, other));
    (before.len() == after.len()).then(|| differ.map(|(at, _)| at).collect())
}

impl Tables {
    /// `None` if others differ.
    fn that_differ(before: &Snapshot, after: &Snapshot) -> Option<Self> {
        let gateways = differing(&before.gateways, &after.gateways, |one, other| {
            match (one, other) {
                (Some(one), Some(other)) => is_same_gateway(one, other),
                (one, other) => one.is_none() && other.is_none(),
            }
        });
        let networks = differing(
            &before.virtual_networks,
            &after.virtual_networks,
            |one, other| match (one, other) {
                (Some(one), Some(other)) => {
                    Arc::ptr_eq(one, other)
                        || Arc::ptr_eq(&one.owners, &other.owners)
                            && one.space == other.space
                            && one.links == other.links
                            && one.grouped == other.grouped
                }
                (one, other) => one.is_none() && other.is_none(),
            },
        );
        let admin = differing(&before.admin_rules, &after.admin_rules, Arc::ptr_eq);
        let is_same = before.options == after.options
            && Arc::ptr_eq(&before.nics, &after.nics)
            && Arc::ptr_eq(&before.outside_hosts, &after.outside_hosts)
            && (Arc::ptr_eq(&before.sites, &after.sites) || before.sites == after.sites)
            && (Arc::ptr_eq(&before.profiles, &after.profiles)
                || before.profiles == after.profiles)
            && Arc::ptr_eq(&before.guests, &after.guests)
            && Arc::ptr_eq(&before.edge, &after.edge)
            && Arc::ptr_eq(&before.firewalls, &after.firewalls)
            && [gateways, networks, admin]
                .iter()
                .all(|differ| differ.as_ref().is_some_and(HashSet::is_empty));
        if !is_same {
            return None;
        }
        let mut links = Vec::new();
        for number in differing(&before.links, &after.links, |one, other| {
            match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            }
        })? {
            let number = number as usize;
            let (one, other) = (
                before.links[number].as_ref()?,
                after.links[number].as_ref()?,
            );
            if (one.local, one.remote) != (other.local, other.remote) {
                return None;
            }
            links.push((one.local, one.remote));
        }
        // Further sets are asked only by policies that are others, too.
        let both = before.rule_sets.iter().zip(after.rule_sets.iter());
        let sets = (0_u32..)
            .zip(both)
            .filter(|(_, (one, other))| !Arc::ptr_eq(one, other));
        Some(Self {
            rule_sets: sets.map(|(set, _)| set).collect(),
            policies: differing(&before.policies, &after.policies, PartialEq::eq)?,
            fibs: differing(&before.fibs, &after.fibs, Arc::ptr_eq)?,
            tags: differing(&before.tag_views, &after.tag_views, Arc::ptr_eq)?,
            links,
        })
    }

    /// `None` if that cannot be told.
    fn touched(&self, before: &Snapshot, after: &Snapshot) -> Option<Touched> {
        let policies: Vec<[bool; 2]> = (0_u32..)
            .zip(after.policies.iter())
            .map(|(number, policy)| {
                let differs = self.policies.contains(&number);
                [Direction::Outbound, Direction::Inbound]
                    .map(|direction| differs || self.asks(policy, direction))
            })
            .collect();
        let routed = named_by_routes(after);
        let is_plain = |worker: NicId, nic: &Nic| {
            let guest = after.guest_of(nic);
            matches!(guest.kind, GuestKind::Host(_) | GuestKind::Nobody)
                && guest.nics.len() == 1
                && !nic.ip_forwarding
                && !routed.contains(&worker)
        };
        let shut_off = self.networks_of_links(after, is_plain)?;
        let mut touched = Touched {
            nics: Default::default(),
            namesakes: HashMap::default(),
            addresses: AddressSet::EMPTY,
        };
        let mut known_fibs: HashSet<FibId, FixedState> = HashSet::default();
        let mut known_tags: HashSet<TagViewId, FixedState> = HashSet::default();
        for (position, nic) in (0_u32..).zip(after.nics.iter()) {
            let (worker, Some(nic)) = (NicId::new(position), nic.as_ref()) else {
                continue;
            };
            let mut directions = policies[nic.policy.0 as usize];
            let fib_differs = self.fibs.contains(&nic.fib.0);
            let tags_differ = self.tags.contains(&nic.tags.0);
            let crosses = shut_off.contains(&nic.virtual_network);
            if !(directions[0] || directions[1] || fib_differs || tags_differ || crosses) {
                continue;
            }
            if is_plain(worker, nic) {
                directions =
                    directions.map(|differs| differs || fib_differs || tags_differ || crosses);
                for (nics, differs) in touched.nics.iter_mut().zip(directions) {
                    if differs {
                        nics.insert(worker);
                    }
                }
                for &address in &nic.addresses {
                    touched.namesakes.entry(address).or_default().push(worker);
                }
                continue;
            }
            // What stands between others is asked about all of their packets.
            if directions != [false; 2] {
                return None;
            }
            if fib_differs && known_fibs.insert(nic.fib) {
                let number = nic.fib.0 as usize;
                let moved = moved(&before.fibs[number], &after.fibs[number]);
                touched.addresses = touched.addresses.union(&moved);
            }
            if tags_differ && known_tags.insert(nic.tags) {
                let number = nic.tags.0 as usize;
                let renamed = renamed(&before.tag_views[number], &after.tag_views[number]);
                touched.addresses = touched.addresses.union(&renamed);
            }
        }
        // Packets under the address of what stands in between are packets of others.
        let in_between = (0_u32..)
            .zip(after.nics.iter())
            .filter_map(|(position, nic)| {
                let nic = nic.as_ref()?;
                (!is_plain(NicId::new(position), nic)).then_some(nic)
            });
        let mut addresses = in_between.flat_map(|nic| &nic.addresses);
        let is_clear = touched.addresses.is_empty()
            || !addresses.any(|&address| touched.addresses.contains(address));
        is_clear.then_some(touched)
    }

    fn asks(&self, policy: &Policy, direction: Direction) -> bool {
        match policy.rules_in(direction) {
            Rules::None => false,
            Rules::Groups(groups) => groups
                .iter()
                .any(|group| self.rule_sets.contains(&group.rules.0)),
            Rules::BlockedPeers { default_rules, .. } => self.rule_sets.contains(&default_rules.0),
        }
    }

    /// Of each link that differs, an end with nothing but hosts; `None` if a link has none.
    fn networks_of_links(
        &self,
        after: &Snapshot,
        is_plain: impl Fn(NicId, &Nic) -> bool,
    ) -> Option<HashSet<VnetId, FixedState>> {
        if self.links.is_empty() {
            return Some(HashSet::default());
        }
        let mut has_others = vec![false; after.virtual_networks.len()];
        for (position, nic) in (0_u32..).zip(after.nics.iter()) {
            if let Some(nic) = nic
                && !is_plain(NicId::new(position), nic)
            {
                has_others[nic.virtual_network.index()] = true;
            }
        }
        let plain = |&vnet: &VnetId| !has_others[vnet.index()];
        self.links
            .iter()
            .map(|&(local, remote)| [Some(local), remote].into_iter().flatten().find(plain))
            .collect()
    }
}

impl Touched {
    fn has(&self, end: &End, direction: usize) -> bool {
        let has_namesake = || {
            let namesakes = self.namesakes.get(&end.address);
            namesakes.is_some_and(|nics| nics.iter().any(|&nic| nic != end.worker))
        };
        self.nics[direction].contains(&end.worker)
            || self.addresses.contains(end.address)
            || has_namesake()
    }
}

/// Addresses for which two tables of routes have another next hop.
fn moved(before: &CompiledFib, after: &CompiledFib) -> AddressSet {
    let hop = |fib: &CompiledFib, entry: Option<&FibEntry>| -> Option<Vec<NextHop>> {
        Some(match entry?.next_hop {
            NextHop::Shared(number) => {
                let shared = fib.shared[usize::from(number)].iter();
                shared.map(|entry| entry.next_hop).collect()
            }
            hop => vec![hop],
        })
    };
    let befores = before
        .table
        .ranges()
        .map(|(range, entry)| (*range.end(), hop(before, entry)));
    let afters = after
        .table
        .ranges()
        .map(|(range, entry)| (*range.end(), hop(after, entry)));
    differences(befores, afters)
}

/// Addresses that are in other tags than before.
fn renamed(before: &TagView, after: &TagView) -> AddressSet {
    let befores = before
        .classes
        .iter()
        .map(|(range, classes)| (*range.end(), classes));
    let afters = after
        .classes
        .iter()
        .map(|(range, classes)| (*range.end(), classes));
    differences(befores, afters)
}

/// Where two functions of addresses differ, each given as ends of ranges, ascending to the last address, with their values.
fn differences<T: PartialEq>(
    before: impl Iterator<Item = (u32, T)>,
    after: impl Iterator<Item = (u32, T)>,
) -> AddressSet {
    let (mut befores, mut afters) = (before.peekable(), after.peekable());
    let mut found = Vec::new();
    let mut start = 0;
    while let (Some((one_end, one)), Some((other_end, other))) = (befores.peek(), afters.peek()) {
        let end = *one_end.min(other_end);
        if one != other {
            found.push((start, end));
        }
        let (one_ends, other_ends) = (*one_end == end, *other_end == end);
        if one_ends {
            befores.next();
        }
        if other_ends {
            afters.next();
        }
        let Some(next) = end.checked_add(1) else {
            break;
        };
        start = next;
    }
    let prefixes = found
        .into_iter()
        .flat_map(|(first, last)| Ipv4Subnets::new(Ipv4Addr::from(first), Ipv4Addr::from(last), 0));
    prefixes.collect()
}

fn is_same_gateway(before: &Gateway, after: &Gateway) -> bool {
    before.instances == after.instances
        && before.inside == after.inside
        && before.groups == after.groups
        && before.tunnels == after.tunnels
        && before.table == after.table
        && before.down == after.down
        && before.profile == after.profile
        && before.branch_to_branch == after.branch_to_branch
}

/// The NICs to which routes lead, whatever the destination.
pub(crate) fn named_by_routes(snapshot: &Snapshot) -> HashSet<NicId, FixedState> {
    let entries = snapshot.fibs.iter().flat_map(|fib| {
        let routes = fib.table.routes().map(|(_, entry)| entry);
        routes.chain(fib.shared.iter().flatten())
    });
    let mut nics: HashSet<NicId, FixedState> = HashSet::default();
    for entry in entries {
        match entry.next_hop {
            NextHop::Nic(nic) => {
                nics.insert(nic);
            }
            NextHop::Frontend(frontend) => nics.extend(snapshot.frontend(frontend).nics()),
            _ => {}
        }
    }
    nics
}
