//! Where a table of routes leads each of the columns.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use control::Snapshot;
use control::snapshot::{FibId, FrontendId, NextHop, Owner};
use model::{GatewayId, NicId, VnetId};

use super::columns::Columns;
use super::rules::span_of;
use super::spans::Spans;

/// Where packets to some columns go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lead {
    /// To their owners in this network.
    Owners(VnetId),
    /// To a NIC that forwards, or is meant to.
    Nic(NicId),
    /// Nowhere.
    Nowhere,
    /// To a member behind a frontend, as a hash chooses.
    Frontend(FrontendId),
    /// To one of the next hops of a prefix, as a hash chooses: by the number in the table.
    Shared(u16),
    /// To an instance of a gateway, as a hash chooses (G-5).
    Gateway(GatewayId),
    /// The same, out of one of its tunnels: across no boundary.
    Tunnelled(GatewayId),
    /// To this instance, across no boundary.
    Instance(NicId),
    /// To a host outside Azure.
    Station(NicId),
    /// Out of what the input holds.
    Unknown,
    /// Only a packet can tell.
    Odd,
}

impl Lead {
    /// Whether no hash has to choose any more.
    pub(super) fn is_settled(self) -> bool {
        !matches!(
            self,
            Self::Frontend(_) | Self::Shared(_) | Self::Gateway(_) | Self::Tunnelled(_)
        )
    }
}

/// Columns by where packets to them go. Those that go nowhere are left out.
#[derive(Debug, Default)]
pub(super) struct Leads(pub(super) Vec<(Lead, Spans)>);

#[derive(Debug)]
pub(super) struct Routes<'s> {
    snapshot: &'s Snapshot,
    columns: &'s Columns,
    tables: Vec<OnceLock<Leads>>,
}

/// Where a next hop leads; `None` if that depends on the destination.
pub(super) fn lead_of(snapshot: &Snapshot, next_hop: Option<NextHop>) -> Option<Lead> {
    let lead = match next_hop {
        Some(NextHop::Peer(link)) => match snapshot.link(link).map(|link| link.remote) {
            Some(Some(remote)) => Lead::Owners(remote),
            _ => Lead::Unknown,
        },
        Some(NextHop::Group(vnet)) => Lead::Owners(vnet),
        Some(NextHop::Nic(nic)) => Lead::Nic(nic),
        Some(NextHop::Outside(_) | NextHop::Unsimulated) => Lead::Unknown,
        Some(
            NextHop::Discard
            | NextHop::NobodyThere
            | NextHop::Unreachable
            | NextHop::NoGateway
            | NextHop::TransitOff(_),
        )
        | None => Lead::Nowhere,
        Some(NextHop::Frontend(frontend)) => Lead::Frontend(frontend),
        Some(NextHop::Shared(group)) => Lead::Shared(group),
        Some(NextHop::Gateway(gateway)) => Lead::Gateway(gateway),
        Some(NextHop::AzureService) => Lead::Odd,
        Some(NextHop::Local | NextHop::Internet) => return None,
    };
    Some(lead)
}

/// What is behind the edge: nobody who has a private address (N-13).
pub(super) fn behind_the_edge(snapshot: &Snapshot, address: u32) -> Lead {
    let address = Ipv4Addr::from(address);
    if snapshot.edge.is_beyond(address) || snapshot.edge.owners.contains_key(&address) {
        Lead::Odd
    } else {
        Lead::Nowhere
    }
}

impl<'s> Routes<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, columns: &'s Columns) -> Self {
        let tables = std::iter::repeat_with(OnceLock::new);
        Self {
            snapshot,
            columns,
            tables: tables.take(snapshot.fibs.len()).collect(),
        }
    }

    /// Where the NICs of a network with this table send what is for each column. A table is of one network.
    pub(super) fn leads(&self, fib: FibId, vnet: VnetId) -> &Leads {
        self.tables[fib.0 as usize].get_or_init(|| self.read(fib, vnet))
    }

    fn read(&self, fib: FibId, vnet: VnetId) -> Leads {
        let (snapshot, columns) = (self.snapshot, self.columns);
        let mut leads = Leads::default();
        let mut by_hop: Vec<(NextHop, Spans)> = Vec::new();
        for (range, entry) in snapshot.fibs[fib.0 as usize].table.ranges() {
            let span = span_of((*range.start(), *range.end()), &columns.addresses);
            let Some(entry) = entry.filter(|_| span.0 < span.1) else {
                continue;
            };
            match by_hop.iter_mut().find(|(hop, _)| *hop == entry.next_hop) {
                Some((_, spans)) => spans.push(span),
                None => by_hop.push((entry.next_hop, Spans::of(vec![span]))),
            }
        }
        for (hop, spans) in by_hop {
            let spans = spans.without(columns.odd.as_slice());
            match (lead_of(snapshot, Some(hop)), hop) {
                (Some(Lead::Owners(remote)), _) => self.owners(remote, &spans, &mut leads),
                (Some(lead), _) => leads.add(lead, spans),
                (None, NextHop::Local) => self.owners(vnet, &spans, &mut leads),
                (None, _) => {
                    let mut odd = Spans::default();
                    for column in spans.columns() {
                        let address = columns.addresses[column as usize];
                        if behind_the_edge(snapshot, address) == Lead::Odd {
                            odd.push((column, column + 1));
                        }
                    }
                    leads.add(Lead::Odd, odd);
                }
            }
        }
        leads
    }

    /// Columns that a network holds itself: its own NICs, and where others have the same address whoever it finds.
    fn owners(&self, vnet: VnetId, spans: &Spans, leads: &mut Leads) {
        let own = self.columns.of_vnet.get(&vnet);
        let own = own.map_or(&[][..], Spans::as_slice);
        leads.add(Lead::Owners(vnet), spans.and(own));
        let Some(network) = self.snapshot.virtual_network(vnet) else {
            return;
        };
        let (mut unknown, mut odd) = (Spans::default(), Spans::default());
        for column in spans.without(own).columns() {
            let address = self.columns.addresses[column as usize];
            match network.owners.get(&Ipv4Addr::from(address)) {
                None => {}
                Some(Owner::Unsimulated) => unknown.push((column, column + 1)),
                // What becomes of packets to the address is told at that column.
                Some(&Owner::Nic(owner)) if self.is_column(owner, address) => {}
                Some(Owner::Nic(_) | Owner::Frontend(_)) => odd.push((column, column + 1)),
            }
        }
        leads.add(Lead::Unknown, unknown);
        leads.add(Lead::Odd, odd);
    }

    fn is_column(&self, nic: NicId, address: u32) -> bool {
        let (start, end) = self.columns.with_address(address);
        let same = &self.columns.list[start as usize..end as usize];
        same.iter()
            .any(|column| column.worker == nic && column.vnet.is_some())
    }
}

impl Leads {
    fn add(&mut self, lead: Lead, spans: Spans) {
        if lead == Lead::Nowhere || spans.is_empty() {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == lead) {
            Some((_, all)) => *all = all.or(spans.as_slice()),
            None => self.0.push((lead, spans)),
        }
    }
}
