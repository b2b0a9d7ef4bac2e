//! Ends that nothing tells apart, whichever port is asked for: of all that have to do with one of them, one is asked.
//!
//! Two such ends could change places, and no table, link or rule would notice. What hashes make of their addresses is not known here.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use acl::RuleSet;
use control::Snapshot;
use control::snapshot::{FibId, GuestKind, InternetAccess, PolicyId, Rules, TagViewId};
use foldhash::fast::FixedState;
use model::{Listener, NicId, SubnetId, VnetId};

use crate::again::named_by_routes;
use crate::classes::{Cells, is_plain, shared_addresses};
use crate::ends::{End, EndKind, Ends};

/// Ends in groups.
#[derive(Debug)]
pub(super) struct Groups {
    /// Positions, ascending; the groups in the order of their first.
    pub(super) members: Vec<Vec<u32>>,
}

/// What ends of a group have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Likeness {
    vnet: VnetId,
    subnet: SubnetId,
    fib: FibId,
    tags: TagViewId,
    policy: PolicyId,
    switches: [bool; 3],
    internet: u8,
    listen: Option<Vec<(bool, u16)>>,
    cell: (usize, usize),
}

/// What tells ends of a network apart.
pub(super) struct Terms<'s> {
    snapshot: &'s Snapshot,
    routing: Cells,
    /// Where addresses begin that rules tell from those before.
    cuts: Vec<u32>,
    shared: HashSet<u32, FixedState>,
    /// NICs that something leads to, or that stand for others.
    special: HashSet<NicId, FixedState>,
}

impl<'s> Terms<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut special = named_by_routes(snapshot);
        let rules = snapshot.frontends.iter().flat_map(|front| &front.rules);
        special.extend(rules.flat_map(|rule| rule.members.iter().map(|member| member.nic)));
        special.extend(snapshot.edge.translated.keys().map(|&(nic, _)| nic));
        Self {
            snapshot,
            routing: Cells::new(snapshot),
            cuts: cuts(snapshot),
            shared: shared_addresses(snapshot),
            special,
        }
    }

    /// Ends in groups.
    pub(super) fn groups(&self, ends: &Ends) -> Groups {
        let mut numbers: HashMap<Likeness, usize, FixedState> = HashMap::default();
        let mut members: Vec<Vec<u32>> = Vec::new();
        for (position, end) in (0_u32..).zip(ends) {
            let next = members.len();
            let number = match self.likeness(end) {
                Some(likeness) => *numbers.entry(likeness).or_insert(next),
                None => next,
            };
            if number == next {
                members.push(Vec::new());
            }
            members[number].push(position);
        }
        Groups { members }
    }

    /// `None`: there is no other like it.
    fn likeness(&self, end: &End) -> Option<Likeness> {
        let nic = self.snapshot.nic(end.worker)?;
        let guest = self.snapshot.guest_of(nic);
        let address = u32::from(end.address);
        let is_ordinary = end.kind == EndKind::Primary
            && matches!(guest.kind, GuestKind::Host(_))
            && guest.nics.len() == 1
            && nic.addresses.len() == 1
            && is_plain(self.snapshot, end.worker, nic, end.address)
            && !self.special.contains(&end.worker)
            && !self.shared.contains(&address)
            // What the rules of firewalls list is not known here.
            && self.snapshot.firewalls.iter().all(Option::is_none);
        let listen = guest.listen.as_ref().map(|listeners| {
            let listeners = listeners.iter().map(|listener| match *listener {
                Listener::Tcp(port) => (true, port),
                Listener::Udp(port) => (false, port),
            });
            listeners.collect()
        });
        is_ordinary.then(|| Likeness {
            vnet: nic.virtual_network,
            subnet: nic.subnet,
            fib: nic.fib,
            tags: nic.tags,
            policy: nic.policy,
            switches: [
                nic.ip_forwarding,
                nic.tcp_state_tracking_disabled,
                guest.running,
            ],
            internet: match nic.internet {
                InternetAccess::NatGateway => 0,
                InternetAccess::PublicAddress => 1,
                InternetAccess::LoadBalancer => 2,
                InternetAccess::Default => 3,
                InternetAccess::None => 4,
            },
            listen,
            cell: (
                self.routing.cell(address),
                self.cuts.partition_point(|&cut| cut <= address),
            ),
        })
    }
}

/// Where addresses begin that rules, tags or tunnels tell from those before.
fn cuts(snapshot: &Snapshot) -> Vec<u32> {
    let mut cuts: HashSet<u32, FixedState> = HashSet::default();
    let mut cut = |range: RangeInclusive<u32>| {
        cuts.insert(*range.start());
        cuts.extend(range.end().checked_add(1));
    };
    let groups = snapshot.rule_sets.iter().map(|set| &set.table);
    let admin = snapshot.admin_rules.iter().map(|set| &set.table);
    for rule in groups.chain(admin).flat_map(RuleSet::rules) {
        for side in [&rule.source, &rule.destination] {
            side.listed().ranges().for_each(&mut cut);
        }
    }
    for view in snapshot.tag_views.iter() {
        view.classes.iter().for_each(|(range, _)| cut(range));
    }
    for policy in snapshot.policies.iter() {
        for rules in [&policy.outbound, &policy.inbound] {
            if let Rules::BlockedPeers { ranges, .. } = rules {
                ranges.iter().for_each(|(range, _)| cut(range));
            }
        }
    }
    for gateway in snapshot.gateways.iter().flatten() {
        gateway.inside.ranges().for_each(&mut cut);
        gateway.profile.ranges().for_each(&mut cut);
        gateway.table.ranges().for_each(|(range, _)| cut(range));
        gateway.down.ranges().for_each(|(range, _)| cut(range));
        for selector in gateway.tunnels.iter().flat_map(|tunnel| &tunnel.selectors) {
            for prefix in selector.local.iter().chain(&selector.remote) {
                let bound = |address: Ipv4Addr| u32::from(address);
                cut(bound(prefix.network())..=bound(prefix.broadcast()));
            }
        }
    }
    for profile in snapshot.profiles.values() {
        profile.ranges().for_each(&mut cut);
    }
    let mut cuts: Vec<u32> = cuts.into_iter().collect();
    cuts.sort_unstable();
    cuts
}

impl Groups {
    /// The first of each.
    pub(super) fn firsts(&self, ends: &Ends) -> Ends {
        let firsts = self.members.iter().map(|members| ends[members[0] as usize]);
        Ends::new(firsts)
    }
}
