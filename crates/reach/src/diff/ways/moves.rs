//! For whom packets to which addresses can take another way than before.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};
use std::net::Ipv4Addr;
use std::sync::Arc;

use control::snapshot::{CompiledFib, FibEntry, FibId, GuestKind, Health, NextHop, Snapshot};
use fib::AddressSet;
use foldhash::fast::{FixedState, RandomState};
use ipnet::{Ipv4Net, Ipv4Subnets};
use model::{GatewayId, NicId, VnetId};
use rayon::prelude::*;

use super::super::Bench;
use super::super::inventory::Kind;
use super::super::objects::Side;
use crate::ends::EndKind;

/// Which addresses are reached another way, and by whom. Rather too many than too few.
pub(super) struct Moves {
    /// Distinct sets of addresses; the first is empty.
    pub(super) sets: Vec<AddressSet>,
    /// Where a range of addresses begins that is routed otherwise than before, ascending.
    pub(super) cuts: Vec<u32>,
    /// By worker of the first network: its set.
    set_of: HashMap<NicId, usize, RandomState>,
    partners: HashMap<NicId, NicId, RandomState>,
}

const NOTHING: usize = 0;

/// A range of addresses, both inclusive.
type Range = (u32, u32);

/// Where a route leads, the same number on both sides for the same thing.
type Hop = Option<(u8, u64)>;

/// What a table of the first network and its partner make of addresses.
struct Tables {
    /// Where the next hop is another one.
    changed: AddressSet,
    /// What goes through machines: the machine's NIC, and the addresses.
    through: Vec<(NicId, AddressSet)>,
}

impl Moves {
    pub(super) fn is_nothing(&self) -> bool {
        self.set_of.is_empty()
    }

    /// The set of a worker of the first network.
    pub(super) fn set_of(&self, worker: NicId) -> usize {
        self.set_of.get(&worker).copied().unwrap_or(NOTHING)
    }

    /// The same NIC in the second network.
    pub(super) fn partner(&self, worker: NicId) -> Option<NicId> {
        self.partners.get(&worker).copied()
    }

    pub(super) fn find(bench: &Bench<'_, '_>) -> Self {
        if is_nothing_moved(bench) {
            return Self {
                sets: Vec::new(),
                cuts: Vec::new(),
                set_of: HashMap::default(),
                partners: HashMap::default(),
            };
        }
        Finder::new(bench).find()
    }
}

struct Finder<'a, 'b, 'n> {
    bench: &'a Bench<'b, 'n>,
    partners: HashMap<NicId, NicId, RandomState>,
    /// Something about gateways and what lies behind them is another one.
    gateways_differ: bool,
    /// Something at the edge of the Internet is another one.
    edge_differs: bool,
}

impl<'a, 'b, 'n> Finder<'a, 'b, 'n> {
    fn new(bench: &'a Bench<'b, 'n>) -> Self {
        let differs = |kinds: &[Kind]| {
            let changes = bench.objects.changes().iter();
            changes
                .filter(|change| kinds.contains(&change.kind))
                .count()
                > 0
        };
        let before = bench.before.network;
        let partners = before.nics().iter().filter_map(|(nic, interface)| {
            let other = if bench.objects.keys_are_shared() {
                nic
            } else {
                let one = bench.objects.find(Side::Before, &interface.id)?;
                let other = bench.objects.partner(one)?;
                let id = &bench.objects.after.items()[other.position as usize].id;
                bench.after.network.nics().find(id)?
            };
            Some((nic, other))
        });
        Self {
            partners: partners.collect(),
            gateways_differ: differs(&[
                Kind::Gateway,
                Kind::LocalGateway,
                Kind::Connection,
                Kind::RouteServer,
                Kind::OnPremises,
                Kind::OutsideHost,
                Kind::VpnClient,
                Kind::Setting,
            ]),
            edge_differs: differs(&[
                Kind::PublicIp,
                Kind::LoadBalancer,
                Kind::NatGateway,
                Kind::Firewall,
                Kind::FirewallPolicy,
                Kind::FirewallRule,
                Kind::IpGroup,
                Kind::Setting,
            ]),
            bench,
        }
    }

    fn snapshot(&self, side: Side) -> &Snapshot {
        self.bench.world(side).snapshot
    }

    #[expect(
        clippy::too_many_lines,
        reason = "steps of one work, each of which needs the ones before"
    )]
    fn find(self) -> Moves {
        let (before, after) = (self.snapshot(Side::Before), self.snapshot(Side::After));
        // Tables that are used by the same NIC, before and after.
        let mut numbers: HashMap<(FibId, FibId), usize, RandomState> = HashMap::default();
        let mut tables: Vec<(FibId, FibId)> = Vec::new();
        let mut table_of: HashMap<NicId, usize, RandomState> = HashMap::default();
        let mut moved: BTreeSet<NicId> = BTreeSet::new();
        for (&nic, &other) in &self.partners {
            let (Some(one), Some(two)) = (before.nic(nic), after.nic(other)) else {
                continue;
            };
            let key = (one.fib, two.fib);
            let number = *numbers.entry(key).or_insert_with(|| {
                tables.push(key);
                tables.len() - 1
            });
            table_of.insert(nic, number);
            let is_there = one.addresses == two.addresses
                && self.network(Side::Before, one.virtual_network)
                    == self.network(Side::After, two.virtual_network);
            if !is_there || self.guest_differs(nic, other) {
                moved.insert(nic);
            }
        }
        let compiled: Vec<Tables> = tables.par_iter().map(|&key| self.tables(key)).collect();
        let mut changed: Vec<AddressSet> = compiled
            .iter()
            .map(|tables| tables.changed.clone())
            .collect();
        let mut cuts: BTreeSet<u32> = BTreeSet::new();
        for (one, other) in &tables {
            self.cuts(*one, *other, &mut cuts);
        }
        let of_machine = |nic: NicId, changed: &[AddressSet]| -> AddressSet {
            let Some((_, guest)) = before.guest_behind(nic) else {
                return AddressSet::EMPTY;
            };
            let mut set = AddressSet::EMPTY;
            for nic in &guest.nics {
                if moved.contains(nic) {
                    return AddressSet::all();
                }
                if let Some(&table) = table_of.get(nic) {
                    set = set.union(&changed[table]);
                }
            }
            set
        };
        // What lies behind a machine whose routes are others is reached another way, too; and what lies behind machines behind it.
        loop {
            let mut is_done = true;
            for (number, tables) in compiled.iter().enumerate() {
                for (nic, addresses) in &tables.through {
                    let more = of_machine(*nic, &changed).intersection(addresses);
                    let union = changed[number].union(&more);
                    if union != changed[number] {
                        changed[number] = union;
                        is_done = false;
                    }
                }
            }
            if is_done {
                break;
            }
        }
        let mut sets = vec![AddressSet::EMPTY];
        let mut known: HashMap<AddressSet, usize, RandomState> = HashMap::default();
        known.insert(AddressSet::EMPTY, NOTHING);
        let mut set_of: HashMap<NicId, usize, RandomState> = HashMap::default();
        let mut put = |worker: NicId, set: AddressSet| {
            if set.is_empty() {
                return;
            }
            let number = *known.entry(set.clone()).or_insert_with(|| {
                sets.push(set);
                sets.len() - 1
            });
            set_of.insert(worker, number);
        };
        let is_quiet = moved.is_empty() && changed.iter().all(AddressSet::is_empty);
        if !is_quiet {
            for &nic in self.partners.keys() {
                put(nic, of_machine(nic, &changed));
            }
        }
        let matrix = self.bench.before.matrix;
        for end in matrix.sources().iter().chain(matrix.destinations().iter()) {
            let set = match end.kind {
                EndKind::Primary | EndKind::Secondary => continue,
                EndKind::Internet if self.edge_differs => AddressSet::all(),
                // A balancer, a firewall or a NIC with a public address: behind them routes of NICs.
                EndKind::Internet => AddressSet::EMPTY,
                EndKind::OnPremises | EndKind::VpnClient if self.gateways_differ => {
                    AddressSet::all()
                }
                EndKind::OnPremises | EndKind::VpnClient => {
                    let gateways = before.gateways.iter().flatten();
                    let instances = gateways.flat_map(|gateway| &gateway.instances);
                    instances.fold(AddressSet::EMPTY, |set, &nic| {
                        set.union(&of_machine(nic, &changed))
                    })
                }
            };
            put(end.worker, set);
        }
        Moves {
            sets,
            cuts: cuts.into_iter().collect(),
            set_of,
            partners: self.partners,
        }
    }

    /// Whether the machine behind a NIC does something else with packets than before.
    fn guest_differs(&self, nic: NicId, other: NicId) -> bool {
        let before = self.snapshot(Side::Before).guest_behind(nic);
        let after = self.snapshot(Side::After).guest_behind(other);
        let (Some((_, before)), Some((_, after))) = (before, after) else {
            return true;
        };
        let kind = |kind: GuestKind| match kind {
            GuestKind::Appliance { source_nat, .. } => (1, source_nat),
            GuestKind::Host(_) => (2, false),
            GuestKind::Firewall(_) => (3, self.edge_differs),
            GuestKind::RoutingAppliance(_) => (4, false),
            GuestKind::Gateway(_) => (5, self.gateways_differ),
            GuestKind::PrivateEndpoint => (6, false),
            GuestKind::Outside => (7, false),
            GuestKind::Nobody => (8, false),
        };
        let nics = |side, nics: &[NicId]| -> Vec<u64> {
            nics.iter()
                .map(|&nic| self.bench.machine(side, nic))
                .collect()
        };
        let connected = |guest: &control::snapshot::Guest, side| -> Vec<(Ipv4Net, u64)> {
            let connected = guest.connected.iter();
            connected
                .map(|&(prefix, nic)| (prefix, self.bench.machine(side, nic)))
                .collect()
        };
        let is_lonely = before.nics.len() == 1 && after.nics.len() == 1;
        kind(before.kind) != kind(after.kind)
            || (matches!(before.kind, GuestKind::Firewall(_)) && self.edge_differs)
            || (matches!(before.kind, GuestKind::Gateway(_)) && self.gateways_differ)
            || (!is_lonely
                && (nics(Side::Before, &before.nics) != nics(Side::After, &after.nics)
                    || connected(before, Side::Before) != connected(after, Side::After)))
    }

    fn network(&self, side: Side, vnet: VnetId) -> u64 {
        let found = self.bench.world(side).network.virtual_networks().get(vnet);
        let item = found.and_then(|found| self.bench.objects.find(side, &found.id));
        self.bench.number(item, vnet.get())
    }

    fn tables(&self, (one, other): (FibId, FibId)) -> Tables {
        let before = &self.snapshot(Side::Before).fibs[one.0 as usize];
        let mut changed = Vec::new();
        self.differences(one, other, |range| changed.push(range));
        let mut through: HashMap<NicId, Vec<Range>, RandomState> = HashMap::default();
        for (range, entry) in before.table.ranges() {
            let mut put = |hop| {
                for nic in self.machines(hop) {
                    let ranges = through.entry(nic).or_default();
                    ranges.push((*range.start(), *range.end()));
                }
            };
            match entry.map(|entry| entry.next_hop) {
                Some(NextHop::Shared(number)) => {
                    before.shared[usize::from(number)]
                        .iter()
                        .for_each(|entry| put(entry.next_hop));
                }
                Some(hop) => put(hop),
                None => {}
            }
        }
        let mut through: Vec<(NicId, AddressSet)> = through
            .into_iter()
            .map(|(nic, ranges)| (nic, set_of(&ranges)))
            .collect();
        through.sort_unstable_by_key(|&(nic, _)| nic);
        Tables {
            changed: set_of(&changed),
            through,
        }
    }

    /// Machines of the first network behind a next hop that is not the owner of the destination.
    fn machines(&self, hop: NextHop) -> Vec<NicId> {
        let snapshot = self.snapshot(Side::Before);
        match hop {
            NextHop::Nic(nic) => vec![nic],
            NextHop::Frontend(frontend) => snapshot.frontend(frontend).nics(),
            NextHop::Gateway(gateway) => snapshot
                .gateway(gateway)
                .map(|gateway| gateway.instances.clone())
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Ranges of addresses for which two tables have another next hop.
    fn differences(&self, one: FibId, other: FibId, mut tell: impl FnMut(Range)) {
        let before = &self.snapshot(Side::Before).fibs[one.0 as usize];
        let after = &self.snapshot(Side::After).fibs[other.0 as usize];
        if Arc::ptr_eq(before, after)
            && self.bench.objects.keys_are_shared()
            && !self.balancers_may_differ()
        {
            return;
        }
        let mut ones = before.table.ranges().peekable();
        let mut others = after.table.ranges().peekable();
        let mut last: Option<(Range, (Hop, Hop))> = None;
        let mut start = 0;
        while let (Some((range, entry)), Some((other_range, other_entry))) =
            (ones.peek(), others.peek())
        {
            let end = *range.end().min(other_range.end());
            let hops = (
                self.hop(Side::Before, before, *entry),
                self.hop(Side::After, after, *other_entry),
            );
            if hops.0 != hops.1 {
                match &mut last {
                    // Ranges are cut where a table changes; what goes the same way is one.
                    Some((known, same))
                        if *same == hops && known.1.checked_add(1) == Some(start) =>
                    {
                        known.1 = end;
                    }
                    _ => {
                        if let Some((known, _)) = last.replace(((start, end), hops)) {
                            tell(known);
                        }
                    }
                }
            }
            if *range.end() == end {
                ones.next();
            }
            if others.peek().is_some_and(|(range, _)| *range.end() == end) {
                others.next();
            }
            let Some(next) = end.checked_add(1) else {
                break;
            };
            start = next;
        }
        if let Some((known, _)) = last {
            tell(known);
        }
    }

    /// Members of balancers may be up or down for other reasons than their own.
    fn balancers_may_differ(&self) -> bool {
        !self.bench.before.network.load_balancers().is_empty()
    }

    fn cuts(&self, one: FibId, other: FibId, cuts: &mut BTreeSet<u32>) {
        self.differences(one, other, |(first, last)| {
            cuts.insert(first);
            cuts.extend(last.checked_add(1));
        });
    }

    fn hop(&self, side: Side, fib: &CompiledFib, entry: Option<&FibEntry>) -> Hop {
        let entry = entry?;
        Some(match entry.next_hop {
            NextHop::Shared(number) => {
                let of_each: Vec<Hop> = fib.shared[usize::from(number)]
                    .iter()
                    .map(|entry| self.hop(side, fib, Some(entry)))
                    .collect();
                (1, hash(&of_each))
            }
            NextHop::Local => (2, 0),
            NextHop::Peer(link) => {
                let snapshot = self.snapshot(side);
                let remote = snapshot.link(link).and_then(|link| link.remote);
                (3, remote.map_or(0, |vnet| self.network(side, vnet)))
            }
            NextHop::Group(vnet) => (4, self.network(side, vnet)),
            NextHop::Nic(nic) => (5, self.bench.machine(side, nic)),
            NextHop::Frontend(frontend) => {
                let snapshot = self.snapshot(side);
                let frontend = snapshot.frontend(frontend);
                let members: Vec<(u64, bool)> = frontend
                    .rules
                    .iter()
                    .flat_map(|rule| &rule.members)
                    .map(|member| {
                        let up = member.health == Health::Up;
                        (self.bench.machine(side, member.nic), up)
                    })
                    .collect();
                (6, hash(&members))
            }
            NextHop::Gateway(gateway) => (7, self.gateway(side, gateway)),
            NextHop::NobodyThere => (8, 0),
            NextHop::Unsimulated => (9, 0),
            NextHop::Unreachable => (10, 0),
            NextHop::NoGateway => (11, 0),
            NextHop::TransitOff(_) => (12, 0),
            NextHop::Outside(_) => (13, 0),
            NextHop::Internet => (14, u64::from(self.edge_differs && side == Side::After)),
            NextHop::AzureService => (15, 0),
            NextHop::Discard => (16, 0),
        })
    }

    fn gateway(&self, side: Side, gateway: GatewayId) -> u64 {
        let found = self.bench.world(side).network.gateways().get(gateway);
        let item = found.and_then(|found| self.bench.objects.find(side, &found.id));
        let number = self.bench.number(item, gateway.get());
        // What lies behind it is not compared piece by piece.
        let differs = self.gateways_differ && side == Side::After;
        number | u64::from(differs) << 50
    }
}

/// Whether the second network is the first one with all routes and machines as they were.
fn is_nothing_moved(bench: &Bench<'_, '_>) -> bool {
    let (before, after) = (bench.before.snapshot, bench.after.snapshot);
    let mut fibs = before.fibs.iter().zip(after.fibs.iter());
    bench.objects.keys_are_shared()
        && Arc::ptr_eq(&before.nics, &after.nics)
        && Arc::ptr_eq(&before.guests, &after.guests)
        && Arc::ptr_eq(&before.links, &after.links)
        && before.fibs.len() == after.fibs.len()
        && fibs.all(|(one, other)| Arc::ptr_eq(one, other))
        // Members of balancers may be up or down for other reasons than their own.
        && before.frontends.is_empty()
}

fn hash(value: &impl Hash) -> u64 {
    FixedState::with_seed(5).hash_one(value)
}

fn set_of(ranges: &[Range]) -> AddressSet {
    let prefixes = ranges.iter().flat_map(|&(first, last)| {
        Ipv4Subnets::new(Ipv4Addr::from(first), Ipv4Addr::from(last), 0)
    });
    prefixes.collect()
}
