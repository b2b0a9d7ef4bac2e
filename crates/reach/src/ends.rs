//! Who asks and who is asked: rows and columns, in the order of addresses, so that a prefix is a range of them.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::ops::{Index, Range};

use engine::site::Site;
use model::table::Resource;
use model::{Network, NicId, OutsidePlace};

/// One end of pairs: an address and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    /// The address.
    pub address: Ipv4Addr,
    /// The NIC, or the worker of a host outside Azure.
    pub worker: NicId,
    /// What it is.
    pub kind: EndKind,
}

/// Kinds of ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndKind {
    /// A NIC by its primary address.
    Primary,
    /// Another address of a NIC.
    Secondary,
    /// A host on premises.
    OnPremises,
    /// A VPN client.
    VpnClient,
    /// A host somewhere in the Internet.
    Internet,
}

/// Which addresses of NICs are ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// The primary one of each.
    #[default]
    Primary,
    /// Every IP configuration.
    All,
}

/// Ends in the order of their addresses, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    list: Vec<End>,
}

impl Ends {
    /// These ends, sorted.
    pub fn new(ends: impl IntoIterator<Item = End>) -> Self {
        let mut list: Vec<End> = ends.into_iter().collect();
        list.sort_unstable();
        list.dedup_by_key(|end| (end.address, end.worker));
        Self { list }
    }

    /// The NICs that Azure lists: not the hidden ones of gateways, firewalls and private endpoints.
    pub fn of_nics(network: &Network, addresses: Addresses) -> Self {
        Self::new(network.listed_nics().flat_map(|(worker, nic)| {
            let primary = nic.primary_address();
            let first = End {
                address: primary,
                worker,
                kind: EndKind::Primary,
            };
            let others = nic
                .addresses()
                .filter(move |&address| addresses == Addresses::All && address != primary);
            let others = others.map(move |address| End {
                address,
                worker,
                kind: EndKind::Secondary,
            });
            std::iter::once(first).chain(others)
        }))
    }

    /// Hosts on premises and VPN clients. The Internet is no host: [`Ends::internet`].
    pub fn outside(network: &Network) -> Self {
        Self::outside_where(network, |kind| kind != EndKind::Internet)
    }

    /// The host that stands for the Internet; none in a network that was not joined to it.
    pub fn internet(network: &Network) -> Self {
        Self::outside_where(network, |kind| kind == EndKind::Internet)
    }

    fn outside_where(network: &Network, wanted: impl Fn(EndKind) -> bool) -> Self {
        let ends = network.outside_hosts().map(|(worker, host)| End {
            address: host.address,
            worker,
            kind: match host.place {
                OutsidePlace::OnPremises(_) => EndKind::OnPremises,
                OutsidePlace::VpnClient(_) => EndKind::VpnClient,
                OutsidePlace::Internet => EndKind::Internet,
            },
        });
        Self::new(ends.filter(|end| wanted(end.kind)))
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self::new(self.list.iter().chain(&others.list).copied())
    }

    /// Those that fit.
    #[must_use]
    pub fn filter(&self, fits: impl FnMut(&End) -> bool) -> Self {
        let mut fits = fits;
        Self {
            list: self.list.iter().filter(|end| fits(end)).copied().collect(),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &End> + DoubleEndedIterator {
        self.list.iter()
    }

    /// In their order.
    pub fn as_slice(&self) -> &[End] {
        &self.list
    }

    /// The end at a position.
    pub fn get(&self, position: usize) -> Option<&End> {
        self.list.get(position)
    }

    /// Position of an end.
    pub fn position(&self, address: Ipv4Addr, worker: NicId) -> Option<usize> {
        self.list
            .binary_search_by_key(&(address, worker), |end| (end.address, end.worker))
            .ok()
    }

    /// Positions of the ends with addresses from `first` to `last`.
    pub fn within(&self, first: Ipv4Addr, last: Ipv4Addr) -> Range<usize> {
        let start = self.list.partition_point(|end| end.address < first);
        let end = self.list.partition_point(|end| end.address <= last);
        start..end.max(start)
    }

    /// Names for people, by position: `vm/nic`, `site/host`, `internet`; the resource id where two NICs would have the same name, and
    /// with the address behind it for other addresses than the primary one.
    pub fn names(&self, network: &Network) -> Vec<String> {
        let mut names: Vec<String> = self
            .list
            .iter()
            .map(|end| {
                Site::of(network, end.worker)
                    .map_or_else(|| end.address.to_string(), |site| site.name)
            })
            .collect();
        let mut owners: HashMap<&str, (NicId, bool)> = HashMap::new();
        for (name, end) in names.iter().zip(&self.list) {
            let (first, shared) = owners.entry(name).or_insert((end.worker, false));
            *shared |= *first != end.worker;
        }
        let shared: Vec<bool> = names.iter().map(|name| owners[name.as_str()].1).collect();
        for ((name, end), shared) in names.iter_mut().zip(&self.list).zip(shared) {
            if shared && let Some(nic) = network.nics().get(end.worker) {
                *name = nic.id().to_string();
            }
            match end.kind {
                EndKind::Secondary => *name = format!("{name} {}", end.address),
                EndKind::Internet if !is_own_address(network, end) => {
                    *name = format!("{name}:{}", end.address);
                }
                _ => {}
            }
        }
        names
    }
}

/// Whether a host outside Azure is asked by the address it sends from: the Internet has others.
fn is_own_address(network: &Network, end: &End) -> bool {
    network
        .outside_host(end.worker)
        .is_none_or(|host| host.address == end.address)
}

impl Index<usize> for Ends {
    type Output = End;

    fn index(&self, position: usize) -> &End {
        &self.list[position]
    }
}

impl<'a> IntoIterator for &'a Ends {
    type Item = &'a End;
    type IntoIter = std::slice::Iter<'a, End>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
