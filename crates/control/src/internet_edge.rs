//! Where the virtual networks meet the Internet: who stands behind a public address, and under which one each NIC goes out (N-12, N-13).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use fib::AddressSet;
use ipnet::Ipv4Net;
use model::table::Resource;
use model::{FrontendAddress, Network, NicId, NicOwner, PublicIpId, ResourceId};

use crate::load_balancers::Frontends;
use crate::note::Note;
use crate::service_tags::PUBLIC_SPACE;
use crate::snapshot::{
    InternetAccess, InternetEdge, Nic, PublicOwner, SharedAddress, Translator, WayOut,
};

/// Public addresses of the input whose value it does not hold get one of these: TEST-NET-3 as in templates, then the range for benchmarks
/// (RFC 5737, RFC 2544).
const ASSUMED: [&str; 2] = ["203.0.113.0/24", "198.18.0.0/15"];
/// Addresses of default outbound access, which Azure neither shows nor promises: TEST-NET-2. One serves many NICs.
const DEFAULT_OUTBOUND: &str = "198.51.100.0/24";
/// Ports of a shared address that are given to NICs.
const SHARED_PORTS: RangeInclusive<u16> = 1024..=u16::MAX;
const ALL_PORTS: RangeInclusive<u16> = 0..=u16::MAX;

/// The value of each public address that something needs.
pub(crate) struct PublicAddresses {
    by_id: BTreeMap<PublicIpId, Ipv4Addr>,
    taken: BTreeSet<Ipv4Addr>,
    pub(crate) notes: Vec<Note>,
}

impl PublicAddresses {
    /// Those of the input, and assumed ones where it has none. Gateways are left alone: their rows show what the input says (G-2).
    pub(crate) fn of(network: &Network) -> Self {
        let known = network
            .public_ips()
            .iter()
            .filter_map(|(key, public)| Some((key, public.address?)));
        let by_id: BTreeMap<_, _> = known.collect();
        let taken: BTreeSet<_> = by_id
            .values()
            .copied()
            .chain(network.outside_hosts().map(|(_, host)| host.address))
            .collect();
        let mut addresses = Self {
            by_id,
            taken,
            notes: Vec::new(),
        };
        let nics = network.nics().values();
        let of_nics = nics
            .filter(|nic| !matches!(nic.owner, NicOwner::GatewayInstance(..)))
            .flat_map(|nic| &nic.ip_configurations)
            .filter_map(|configuration| configuration.public_ip);
        let of_frontends = network
            .load_balancers()
            .values()
            .flat_map(|balancer| &balancer.frontends)
            .filter_map(|frontend| match frontend.address {
                FrontendAddress::Public(public) => public,
                FrontendAddress::Private(..) => None,
            });
        let of_gateways = network
            .nat_gateways()
            .values()
            .flat_map(|gateway| gateway.public_ips.iter().copied());
        let of_firewalls = network
            .firewalls()
            .values()
            .flat_map(|firewall| firewall.public_ips.iter().copied());
        let needed: BTreeSet<PublicIpId> = of_nics
            .chain(of_frontends)
            .chain(of_gateways)
            .chain(of_firewalls)
            .collect();
        for public in needed {
            if let Some(resource) = network.public_ips().get(public)
                && resource.address.is_none()
                && let Some(address) = addresses.assume(resource.id())
            {
                addresses.by_id.insert(public, address);
            }
        }
        addresses
    }

    pub(crate) fn get(&self, public: PublicIpId) -> Option<Ipv4Addr> {
        self.by_id.get(&public).copied()
    }

    /// The next free one of the assumed addresses, with a note.
    pub(crate) fn assume(&mut self, about: &ResourceId) -> Option<Ipv4Addr> {
        let mut free = ASSUMED.iter().flat_map(|range| {
            let range: Ipv4Net = range.parse().expect("a constant");
            range.hosts()
        });
        let address = free.find(|address| !self.taken.contains(address))?;
        self.taken.insert(address);
        self.notes.push(Note::AssumedPublicAddress {
            resource: about.clone(),
            address,
        });
        Some(address)
    }
}

/// The edge, once the NICs are compiled.
pub(crate) fn edge(
    network: &Network,
    frontends: &Frontends,
    addresses: &mut PublicAddresses,
    nics: &[Option<Nic>],
) -> InternetEdge {
    let mut owners = BTreeMap::new();
    let mut translated = BTreeMap::new();
    for (key, nic) in network.nics().iter() {
        for configuration in &nic.ip_configurations {
            let Some(public) = configuration.public_ip else {
                continue;
            };
            let Some(address) = addresses.get(public) else {
                continue;
            };
            let private = configuration.private_address;
            let owner = match nic.owner {
                NicOwner::AzureFirewall(_) => PublicOwner::Firewall(key),
                NicOwner::GatewayInstance(..)
                | NicOwner::PrivateEndpoint(_)
                | NicOwner::VirtualNetworkAppliance(_) => PublicOwner::Unsimulated,
                NicOwner::Unattached | NicOwner::VirtualMachine(_) => PublicOwner::Nic {
                    nic: key,
                    private,
                    public,
                },
            };
            owners.insert(address, owner);
            let way = WayOut {
                address,
                ports: ALL_PORTS,
                by: Translator::PublicIp(public),
            };
            translated.insert((key, private), way);
        }
    }
    for firewall in network.firewalls().values() {
        let own = firewall.public_ips.iter();
        let own = own.filter_map(|&public| Some((public, addresses.get(public)?)));
        for (public, address) in own {
            owners.insert(address, PublicOwner::Firewall(firewall.nic));
            // The first one is what it speaks under; which of several Azure takes is not promised.
            let private = network.nics()[firewall.nic].primary_address();
            translated.entry((firewall.nic, private)).or_insert(WayOut {
                address,
                ports: ALL_PORTS,
                by: Translator::PublicIp(public),
            });
        }
    }
    for (&(balancer, position), &frontend) in &frontends.numbers {
        let shape = &network.load_balancers()[balancer].frontends[position];
        if let FrontendAddress::Public(_) = shape.address
            && let Some(address) = frontends.list[frontend.0 as usize].address
        {
            owners.insert(address, PublicOwner::Frontend(frontend));
        }
    }
    let users = users_of_shared(network, frontends, addresses, nics);
    let mut share_of = Vec::new();
    let mut shared = Vec::with_capacity(users.len());
    for (((address, by), mut users), number) in users.into_iter().zip(0..) {
        users.shrink_to_fit();
        owners.entry(address).or_insert(PublicOwner::Shared(by));
        for &nic in &users {
            let position = nic.get() as usize;
            if share_of.len() <= position {
                share_of.resize(position + 1, InternetEdge::NO_SHARE);
            }
            share_of[position] = number;
        }
        shared.push(SharedAddress { address, by, users });
    }
    share_of.shrink_to_fit();
    InternetEdge {
        host: network.internet(),
        owners,
        translated,
        shared,
        share_of,
    }
}

/// The NICs that go out under an address that is not theirs alone, by address and translator.
fn users_of_shared(
    network: &Network,
    frontends: &Frontends,
    addresses: &mut PublicAddresses,
    nics: &[Option<Nic>],
) -> BTreeMap<(Ipv4Addr, Translator), Vec<NicId>> {
    let mut of_gateways = BTreeMap::new();
    let mut users: BTreeMap<(Ipv4Addr, Translator), Vec<NicId>> = BTreeMap::new();
    let range: Ipv4Net = DEFAULT_OUTBOUND.parse().expect("a constant");
    let default: Vec<Ipv4Addr> = range
        .hosts()
        .filter(|address| !addresses.taken.contains(address))
        .collect();
    for (key, nic) in network.nics().iter() {
        let Some(compiled) = nics.get(key.get() as usize).and_then(Option::as_ref) else {
            continue;
        };
        let number = key.get() as usize;
        let chosen = |from: &[Ipv4Addr]| from.get(number % from.len().max(1)).copied();
        let way = match compiled.internet {
            InternetAccess::NatGateway => {
                network.subnets()[nic.subnet()]
                    .nat_gateway
                    .and_then(|gateway| {
                        let of_gateway = of_gateways.entry(gateway).or_insert_with(|| {
                            let resource = &network.nat_gateways()[gateway];
                            let own = resource.public_ips.iter();
                            let own: Vec<_> =
                                own.filter_map(|&public| addresses.get(public)).collect();
                            if own.is_empty() {
                                addresses.assume(resource.id()).into_iter().collect()
                            } else {
                                own
                            }
                        });
                        Some((chosen(of_gateway)?, Translator::NatGateway(gateway)))
                    })
            }
            InternetAccess::LoadBalancer => frontends
                .pooled(key)
                .and_then(|pooled| pooled.way_out)
                .and_then(|frontend| {
                    let address = frontends.list[frontend.0 as usize].address?;
                    Some((address, Translator::Frontend(frontend)))
                }),
            InternetAccess::Default => {
                chosen(&default).map(|address| (address, Translator::DefaultOutbound))
            }
            InternetAccess::PublicAddress | InternetAccess::None => None,
        };
        if let Some(way) = way {
            users.entry(way).or_default().push(key);
        }
    }
    users
}

impl SharedAddress {
    /// How many ports each user has, so that an answer shows whose it is.
    fn size(&self) -> u32 {
        let all = u32::from(*SHARED_PORTS.end()) - u32::from(*SHARED_PORTS.start()) + 1;
        let users = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        all / users.clamp(1, all)
    }

    /// The ports of a user.
    fn ports_of(&self, nic: NicId) -> Option<RangeInclusive<u16>> {
        let position = u32::try_from(self.users.binary_search(&nic).ok()?).ok()?;
        // More users than ports share ports, too.
        let all = u32::from(*SHARED_PORTS.end()) - u32::from(*SHARED_PORTS.start()) + 1;
        let first = u32::from(*SHARED_PORTS.start()) + position % all * self.size();
        let port = |port: u32| u16::try_from(port).unwrap_or(u16::MAX);
        Some(port(first)..=port(first + self.size() - 1))
    }

    /// The first user of a port.
    fn user_of(&self, port: u16) -> Option<NicId> {
        let above = port.checked_sub(*SHARED_PORTS.start())?;
        let position = u32::from(above) / self.size();
        self.users.get(position as usize).copied()
    }
}

impl InternetEdge {
    /// A NIC that shares no address.
    pub const NO_SHARE: u32 = u32::MAX;

    /// Under which public address a NIC sends from one of its private addresses; `None` if it has no way out from there.
    pub fn way_out(&self, nic: NicId, private: Ipv4Addr) -> Option<WayOut> {
        let of_nic = (nic, Ipv4Addr::UNSPECIFIED)..=(nic, Ipv4Addr::BROADCAST);
        // Only a NIC without public address shares one, or one behind a NAT gateway, which goes first (N-12).
        self.shared_by(nic)
            .or_else(|| self.translated.get(&(nic, private)).cloned())
            .or_else(|| {
                let mut own = self.translated.range(of_nic);
                own.next().map(|(_, way)| way.clone())
            })
    }

    fn shared_by(&self, nic: NicId) -> Option<WayOut> {
        let &number = self.share_of.get(nic.get() as usize)?;
        let shared = self.shared.get(number as usize)?;
        Some(WayOut {
            address: shared.address,
            ports: shared.ports_of(nic)?,
            by: shared.by,
        })
    }

    /// The NIC that has been given a port of a shared address.
    pub fn sharer(&self, address: Ipv4Addr, port: u16) -> Option<NicId> {
        self.at(address).find_map(|shared| shared.user_of(port))
    }

    /// Whether several NICs go out under an address.
    pub fn is_shared(&self, address: Ipv4Addr) -> bool {
        self.at(address).next().is_some()
    }

    /// One for each translator that has the address; `shared` is sorted by address.
    fn at(&self, address: Ipv4Addr) -> impl Iterator<Item = &SharedAddress> {
        let first = self
            .shared
            .partition_point(|shared| shared.address < address);
        self.shared[first..]
            .iter()
            .take_while(move |shared| shared.address == address)
    }

    /// The public address that is translated to a private one of a NIC (N-13).
    pub fn public_of(&self, nic: NicId, private: Ipv4Addr) -> Option<Ipv4Addr> {
        let way = self.translated.get(&(nic, private))?;
        Some(way.address)
    }

    /// Whether anybody in the Internet may have an address: nobody has a private one.
    pub fn is_beyond(&self, address: Ipv4Addr) -> bool {
        self.beyond().contains(address)
    }

    /// The addresses that somebody in the Internet may have.
    pub fn beyond(&self) -> &'static AddressSet {
        &PUBLIC_SPACE
    }
}

#[cfg(test)]
mod tests {
    use model::NatGatewayId;

    use super::*;

    #[test]
    fn every_user_of_a_shared_address_has_ports_of_its_own_and_is_found_by_them() {
        for users in [1, 2, 3, 1000, 40_000, 64_512, 64_513, 100_000] {
            let shared = SharedAddress {
                address: Ipv4Addr::new(198, 51, 100, 1),
                by: Translator::NatGateway(NatGatewayId::new(0)),
                users: (0..users).map(|number| NicId::new(2 * number)).collect(),
            };
            let mut next = 1024_u32;
            for &nic in shared.users.iter().take(64_512) {
                let ports = shared.ports_of(nic).unwrap();
                assert_eq!(u32::from(*ports.start()), next);
                next = u32::from(*ports.end()) + 1;
                for port in [*ports.start(), *ports.end()] {
                    assert_eq!(shared.user_of(port), Some(nic));
                }
            }
            // Less than one port for each is left over, or users begin again with the first ports.
            assert!(65_536 - next < users);
            assert_eq!(shared.ports_of(NicId::new(1)), None);
            assert_eq!(shared.user_of(1023), None);
            if users > 64_512 {
                assert_eq!(shared.ports_of(NicId::new(2 * 64_512)), Some(1024..=1024));
            }
        }
    }
}
