//! The columns of a matrix as packets meet them, and the cells of addresses within which no table of routes or links tells two apart.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use control::snapshot::{
    AdminRulesId, FibId, Guest, GuestId, GuestKind, Nic, OutsideHost, Owner, Rules, TagViewId,
};
use dataplane::pipeline::is_platform;
use fib::AddressSet;
use foldhash::fast::FixedState;
use model::table::Key;
use model::{Direction, NicId, VnetId};

use super::rules::{Asked, Fixed, RuleBook};
use super::space::Space;
use super::spans::Spans;
use crate::ends::{End, EndKind, Ends};

/// Nobody: no rules are asked there.
pub(super) const OPEN: u32 = u32::MAX;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) worker: NicId,
    pub(super) arrival: Arrival,
    pub(super) vnet: Option<VnetId>,
    pub(super) guest: Option<GuestId>,
    /// Number in [`Columns::doors`], or [`OPEN`].
    pub(super) door: u32,
}

/// What becomes of a packet that a NIC has let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The guest takes it.
    Taken,
    /// Nobody is there.
    Lost,
    /// A service of Azure takes it: what becomes of it there is unknown.
    Service,
    /// Only a packet can tell.
    Odd,
}

/// Columns behind the same inbound rules, and with the same tags.
#[derive(Debug)]
pub(super) struct Door {
    /// A NIC there.
    pub(super) nic: NicId,
    pub(super) space: Space,
}

/// Columns that send alike: a table of routes in a network; or a NIC that may do so for others, or not alone for its guest.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// One of them.
    pub(super) nic: NicId,
    pub(super) guest: GuestId,
    pub(super) columns: Spans,
    /// There is no other; its guest may send through another NIC.
    pub(super) alone: bool,
}

#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    pub(super) addresses: Arc<[u32]>,
    pub(super) doors: Vec<Door>,
    /// Spans of columns behind one door, with its number, in order.
    pub(super) door_spans: Vec<(u32, u32, u32)>,
    pub(super) sendings: Vec<Sending>,
    /// Spans of columns that send alike, with the number of the sending, in order.
    pub(super) sending_spans: Vec<(u32, u32, u32)>,
    /// By network, its columns.
    pub(super) of_vnet: HashMap<VnetId, Spans, FixedState>,
    /// Those that only a packet can judge.
    pub(super) odd: Spans,
    /// Those of them to which a packet may come without being asked by rules.
    pub(super) strange: Spans,
    /// Those whose address another column has, too.
    pub(super) twins: Spans,
    /// Spans of columns whose addresses are in one cell.
    pub(super) cell_spans: Vec<(u32, u32)>,
    /// Those that take what arrives, and those behind which a service of Azure stands.
    pub(super) taken: Spans,
    pub(super) services: Spans,
}

/// Addresses that somebody has in more than one network, or outside Azure as well.
pub(crate) fn shared_addresses(snapshot: &Snapshot) -> HashSet<u32, FixedState> {
    let networks = snapshot.virtual_networks.iter().flatten();
    let mut all: Vec<u32> = networks
        .flat_map(|network| network.owners.keys().map(|&address| u32::from(address)))
        .collect();
    let outside = snapshot.outside_hosts.values();
    all.extend(outside.map(|host| u32::from(host.address)));
    all.sort_unstable();
    let pairs = all.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0]).collect()
}

/// Whether a NIC is who its network finds at an address, and nothing else is found there anywhere.
pub(crate) fn is_plain(snapshot: &Snapshot, worker: NicId, nic: &Nic, address: Ipv4Addr) -> bool {
    let owner = snapshot
        .virtual_network(nic.virtual_network)
        .and_then(|network| network.owners.get(&address));
    owner == Some(&Owner::Nic(worker)) && nic.addresses.contains(&address) && is_ordinary(address)
}

/// The host on premises, or the VPN client, that an end is.
pub(super) fn outside_end<'s>(snapshot: &'s Snapshot, end: &End) -> Option<&'s OutsideHost> {
    let is_outside = matches!(end.kind, EndKind::OnPremises | EndKind::VpnClient);
    let host = snapshot.outside_host(end.worker).filter(|_| is_outside)?;
    (host.address == end.address && is_ordinary(end.address)).then_some(host)
}

fn is_ordinary(address: Ipv4Addr) -> bool {
    !is_platform(address) && !address.is_multicast() && !address.is_broadcast()
}

/// Whether a guest puts its own address in place of others: the boundary asks for that (F-8).
pub(super) fn translates(guest: &Guest) -> bool {
    matches!(
        guest.kind,
        GuestKind::Appliance {
            source_nat: true,
            ..
        }
    )
}

/// What a sending depends on: table, network, whether the guest translates, and the NIC if there is no other.
type SendingKind = (FibId, VnetId, bool, Option<NicId>);

/// What the door of a NIC depends on.
#[derive(PartialEq, Eq, Hash)]
enum DoorKind {
    Groups(Vec<AdminRulesId>, Vec<control::snapshot::RuleSetId>),
    Policy(u32),
}

impl Door {
    /// The rules that are asked there. None: there is no such NIC.
    pub(super) fn asked<'s>(&self, snapshot: &'s Snapshot) -> Option<Asked<'s>> {
        snapshot.nic(self.nic).map(|nic| Asked {
            policy: snapshot.policy_of(nic),
            direction: Direction::Inbound,
            tags: nic.tags,
            fixed: Fixed::Source,
        })
    }
}

impl Columns {
    #[expect(clippy::too_many_lines, reason = "one table after the other")]
    pub(super) fn new(
        snapshot: &Snapshot,
        named: &HashSet<NicId, FixedState>,
        cells: &Cells,
        ends: &Arc<Ends>,
    ) -> Self {
        let frontends: HashSet<Ipv4Addr> = snapshot
            .frontends
            .iter()
            .filter(|frontend| !frontend.public)
            .filter_map(|frontend| frontend.address)
            .collect();
        let mut door_numbers: HashMap<(DoorKind, TagViewId), u32, FixedState> = HashMap::default();
        let mut sending_numbers: HashMap<SendingKind, u32, FixedState> = HashMap::default();
        let mut doors: Vec<(NicId, Spans)> = Vec::new();
        let mut columns = Self {
            list: Vec::with_capacity(ends.len()),
            addresses: ends.iter().map(|end| u32::from(end.address)).collect(),
            doors: Vec::new(),
            door_spans: Vec::new(),
            sendings: Vec::new(),
            sending_spans: Vec::new(),
            of_vnet: HashMap::default(),
            odd: Spans::default(),
            strange: Spans::default(),
            twins: Spans::default(),
            cell_spans: Vec::new(),
            taken: Spans::default(),
            services: Spans::default(),
        };
        let mut vnet_columns: Vec<Spans> = vec![Spans::default(); snapshot.virtual_networks.len()];
        for (number, end) in (0_u32..).zip(ends.iter()) {
            let here = (number, number + 1);
            let mut column = Column {
                worker: end.worker,
                arrival: Arrival::Odd,
                vnet: None,
                guest: None,
                door: OPEN,
            };
            let known = matches!(end.kind, EndKind::Primary | EndKind::Secondary)
                .then(|| snapshot.nic(end.worker))
                .flatten();
            if let Some(nic) = known
                && is_plain(snapshot, end.worker, nic, end.address)
                && !frontends.contains(&end.address)
            {
                let guest = snapshot.guest_of(nic);
                column.arrival = match guest.kind {
                    _ if !guest.running => Arrival::Lost,
                    GuestKind::Nobody => Arrival::Lost,
                    GuestKind::Host(_)
                    | GuestKind::Appliance { .. }
                    | GuestKind::RoutingAppliance(_) => Arrival::Taken,
                    GuestKind::PrivateEndpoint => Arrival::Service,
                    GuestKind::Firewall(_) | GuestKind::Gateway(_) | GuestKind::Outside => {
                        Arrival::Odd
                    }
                };
                column.vnet = Some(nic.virtual_network);
                column.guest = Some(nic.guest);
                let policy = snapshot.policy_of(nic);
                if RuleBook::asks(policy, Direction::Inbound) {
                    let admin = policy.admin_in(Direction::Inbound).to_vec();
                    let kind = match &policy.inbound {
                        Rules::None => DoorKind::Groups(admin, Vec::new()),
                        Rules::Groups(groups) => DoorKind::Groups(
                            admin,
                            groups.iter().map(|group| group.rules).collect(),
                        ),
                        Rules::BlockedPeers { .. } => DoorKind::Policy(nic.policy.0),
                    };
                    let next = u32::try_from(doors.len()).unwrap_or(OPEN);
                    column.door = *door_numbers.entry((kind, nic.tags)).or_insert(next);
                    if column.door == next {
                        doors.push((end.worker, Spans::default()));
                    }
                }
                // What forwards may meet replies of others.
                let is_alone = guest.nics.len() > 1
                    || !matches!(guest.kind, GuestKind::Host(_))
                    || named.contains(&end.worker);
                let alone = is_alone.then_some(end.worker);
                let translates = translates(guest);
                let key = (nic.fib, nic.virtual_network, translates, alone);
                let next = u32::try_from(columns.sendings.len()).unwrap_or(u32::MAX);
                let sending = *sending_numbers.entry(key).or_insert(next);
                if sending == next {
                    columns.sendings.push(Sending {
                        nic: end.worker,
                        guest: nic.guest,
                        columns: Spans::default(),
                        alone: alone.is_some(),
                    });
                }
                if column.arrival != Arrival::Odd {
                    run(&mut columns.sending_spans, number, sending);
                    columns.sendings[sending as usize].columns.push(here);
                    vnet_columns[nic.virtual_network.index()].push(here);
                }
            }
            if let Some(host) = outside_end(snapshot, end)
                && !frontends.contains(&end.address)
            {
                column.arrival = Arrival::Taken;
                column.guest = Some(host.guest);
                let sending = u32::try_from(columns.sendings.len()).unwrap_or(u32::MAX);
                columns.sendings.push(Sending {
                    nic: end.worker,
                    guest: host.guest,
                    columns: Spans::of(vec![here]),
                    alone: true,
                });
                run(&mut columns.sending_spans, number, sending);
            }
            match column.arrival {
                Arrival::Odd => {
                    column.vnet = None;
                    columns.odd.push(here);
                    if !is_ordinary(end.address) {
                        columns.strange.push(here);
                    }
                }
                Arrival::Taken => columns.taken.push(here),
                Arrival::Service => columns.services.push(here),
                Arrival::Lost => {}
            }
            if column.arrival != Arrival::Odd && column.door != OPEN {
                doors[column.door as usize].1.push(here);
                run(&mut columns.door_spans, number, column.door);
            }
            columns.list.push(column);
        }
        columns.doors = doors
            .into_iter()
            .map(|(nic, columns)| Door {
                nic,
                space: Space::new(&columns),
            })
            .collect();
        columns.of_vnet = vnet_columns
            .into_iter()
            .enumerate()
            .filter(|(_, spans)| !spans.is_empty())
            .map(|(vnet, spans)| (VnetId::from_index(vnet), spans))
            .collect();
        let mut last = None;
        for (number, &address) in (0_u32..).zip(&*columns.addresses) {
            let cell = cells.cell(address);
            match columns.cell_spans.last_mut() {
                Some(span) if last == Some(cell) => span.1 += 1,
                _ => columns.cell_spans.push((number, number + 1)),
            }
            last = Some(cell);
        }
        for (start, pair) in (0_u32..).zip(columns.addresses.windows(2)) {
            if pair[0] == pair[1] {
                columns.twins.push((start, start + 2));
            }
        }
        columns
    }

    /// What is asked of one address for each cell, and the columns for which the answer is the same.
    pub(super) fn by_cells<T: PartialEq>(
        &self,
        columns: &Spans,
        mut ask: impl FnMut(Ipv4Addr) -> T,
    ) -> Vec<(T, Spans)> {
        let mut answers: Vec<(T, Vec<(u32, u32)>)> = Vec::new();
        for &(start, end) in columns.as_slice() {
            let from = self.cell_spans.partition_point(|&(_, last)| last <= start);
            for &(first, last) in self.cell_spans[from..]
                .iter()
                .take_while(|span| span.0 < end)
            {
                let answer = ask(self.addresses[first as usize].into());
                let span = (first.max(start), last.min(end));
                match answers.iter_mut().find(|(known, _)| *known == answer) {
                    Some((_, spans)) => spans.push(span),
                    None => answers.push((answer, vec![span])),
                }
            }
        }
        let answers = answers.into_iter();
        answers
            .map(|(answer, spans)| (answer, Spans::of(spans)))
            .collect()
    }

    /// Columns with addresses of a set.
    pub(super) fn within(&self, addresses: &AddressSet) -> Spans {
        let ranges = addresses.ranges();
        let spans = ranges
            .map(|range| super::rules::span_of((*range.start(), *range.end()), &self.addresses));
        Spans::of(spans.filter(|(start, end)| start < end).collect())
    }

    /// Columns with an address, as a span.
    pub(super) fn with_address(&self, address: u32) -> (u32, u32) {
        super::rules::span_of((address, address), &self.addresses)
    }
}

/// Lengthens the last span or begins a new one.
fn run(spans: &mut Vec<(u32, u32, u32)>, column: u32, number: u32) {
    match spans.last_mut() {
        Some(last) if last.1 == column && last.2 == number => last.1 += 1,
        _ => spans.push((column, column + 1, number)),
    }
}

/// The first addresses of the cells within which all tables that routing asks for an address answer alike.
#[derive(Debug)]
pub(crate) struct Cells(Vec<u32>);

impl Cells {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let mut cuts: HashSet<u32, FixedState> = HashSet::default();
        let mut cut = |first: u32, last: u32| {
            cuts.insert(first);
            cuts.extend(last.checked_add(1));
        };
        for fib in snapshot.fibs.iter() {
            for (range, _) in fib.table.ranges() {
                cut(*range.start(), *range.end());
            }
        }
        for link in snapshot.links.iter().flatten() {
            for set in [&link.known_sources, &link.remote_space] {
                for range in set.ranges() {
                    cut(*range.start(), *range.end());
                }
            }
        }
        // N-3: through which NIC a guest with several of them sends.
        for guest in snapshot.guests.iter().filter(|guest| guest.nics.len() > 1) {
            for (prefix, _) in &guest.connected {
                cut(prefix.network().into(), prefix.broadcast().into());
            }
        }
        // S-35: what a firewall translates.
        for firewall in snapshot.firewalls.iter().flatten() {
            for range in firewall.private_ranges.ranges() {
                cut(*range.start(), *range.end());
            }
        }
        // G-7: what gateways, and who is behind them, do with an address.
        for gateway in snapshot.gateways.iter().flatten() {
            for (range, _) in gateway.table.ranges() {
                cut(*range.start(), *range.end());
            }
            for range in gateway.inside.ranges() {
                cut(*range.start(), *range.end());
            }
            let selectors = gateway.tunnels.iter().flat_map(|tunnel| &tunnel.selectors);
            for prefix in
                selectors.flat_map(|selector| selector.local.iter().chain(&selector.remote))
            {
                cut(prefix.network().into(), prefix.broadcast().into());
            }
        }
        let sites = snapshot.sites.iter().flatten();
        let known = sites.flat_map(|site| [&site.prefixes, &site.knows]);
        for set in known.chain(snapshot.profiles.values()) {
            for range in set.ranges() {
                cut(*range.start(), *range.end());
            }
        }
        for host in snapshot.outside_hosts.values() {
            cut(host.address.into(), host.address.into());
        }
        for range in snapshot.edge.beyond().ranges() {
            cut(*range.start(), *range.end());
        }
        for &owned in snapshot.edge.owners.keys() {
            cut(owned.into(), owned.into());
        }
        let mut cuts: Vec<u32> = cuts.into_iter().collect();
        cuts.sort_unstable();
        Self(cuts)
    }

    pub(crate) fn cell(&self, address: u32) -> usize {
        self.0.partition_point(|&cut| cut <= address)
    }
}
