//! Ends that no table of routes, link or address space tells apart: packets from one of them to one of some others take the way that those
//! of its fellows take, as far as rules let them.
//!
//! It does not know rules, and neither what hashes choose nor what stands behind gateways and load balancers: whoever follows a packet
//! there must not take it for its fellows.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::{FibId, GuestKind};
use foldhash::fast::FixedState;
use model::{NicId, VnetId};

use super::columns::{Cells, is_plain, shared_addresses};
use super::ways::number;
use crate::again::named_by_routes;
use crate::ends::{End, EndKind, Ends};

/// What ends have in common.
#[derive(PartialEq, Eq, Hash)]
enum Key<T> {
    Common {
        vnet: VnetId,
        fib: FibId,
        cell: usize,
        /// Firewalls keep the sources of what is for private ranges only.
        ranges: usize,
        also: T,
    },
    Alone(NicId, Ipv4Addr),
}

/// The group of each end, by position. `also` tells apart what routes do not: ends of one group have it in common.
pub(crate) fn alike<T: Eq + Hash>(
    snapshot: &Snapshot,
    ends: &Ends,
    also: impl Fn(&End) -> T,
) -> Vec<u32> {
    let cells = Cells::new(snapshot);
    let named = named_by_routes(snapshot);
    let shared = shared_addresses(snapshot);
    let firewalls = snapshot.firewalls.iter().flatten();
    let mut borders: Vec<u32> = firewalls
        .flat_map(|firewall| firewall.private_ranges.ranges())
        .flat_map(|range| [Some(*range.start()), range.end().checked_add(1)])
        .flatten()
        .collect();
    borders.sort_unstable();
    borders.dedup();
    let key = |end: &End| {
        let alone = Key::Alone(end.worker, end.address);
        let is_nic = matches!(end.kind, EndKind::Primary | EndKind::Secondary);
        let Some(nic) = snapshot.nic(end.worker).filter(|_| is_nic) else {
            return alone;
        };
        let guest = snapshot.guest_of(nic);
        let address = u32::from(end.address);
        let is_common = is_plain(snapshot, end.worker, nic, end.address)
            && matches!(guest.kind, GuestKind::Host(_))
            && guest.nics.len() == 1
            && nic.addresses.len() == 1
            && !named.contains(&end.worker)
            && !shared.contains(&address);
        if !is_common {
            return alone;
        }
        Key::Common {
            vnet: nic.virtual_network,
            fib: nic.fib,
            cell: cells.cell(address),
            ranges: borders.partition_point(|&border| border <= address),
            also: also(end),
        }
    };
    let mut numbers: HashMap<Key<T>, u32, FixedState> = HashMap::default();
    let groups = ends.iter().map(|end| {
        let next = number(numbers.len());
        *numbers.entry(key(end)).or_insert(next)
    });
    groups.collect()
}
