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
use crate::snapshot::{InternetAccess, InternetEdge, Nic, PublicOwner, Share, Translator, WayOut};

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
    let mut edge = InternetEdge {
        host: network.internet(),
        owners,
        translated,
        shared: BTreeMap::new(),
        shares: BTreeMap::new(),
    };
    for ((address, by), users) in users_of_shared(network, frontends, addresses, nics) {
        edge.owners
            .entry(address)
            .or_insert(PublicOwner::Shared(by));
        share(&mut edge, address, by, &users);
    }
    edge
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

/// Gives each user of an address ports of its own, so that an answer shows whose it is.
fn share(edge: &mut InternetEdge, address: Ipv4Addr, by: Translator, users: &[NicId]) {
    let all = u32::from(*SHARED_PORTS.end()) - u32::from(*SHARED_PORTS.start()) + 1;
    let count = u32::try_from(users.len()).unwrap_or(u32::MAX).clamp(1, all);
    let size = all / count;
    for (&nic, number) in users.iter().zip((0..count).cycle()) {
        let first = u32::from(*SHARED_PORTS.start()) + number * size;
        let port = |port: u32| u16::try_from(port).unwrap_or(u16::MAX);
        let ports = port(first)..=port(first + size - 1);
        edge.shares.entry(address).or_default().push(Share {
            ports: ports.clone(),
            nic,
        });
        edge.shared.insert(nic, WayOut { address, ports, by });
    }
}

impl InternetEdge {
    /// Under which public address a NIC sends from one of its private addresses; `None` if it has no way out from there.
    pub fn way_out(&self, nic: NicId, private: Ipv4Addr) -> Option<&WayOut> {
        let of_nic = (nic, Ipv4Addr::UNSPECIFIED)..=(nic, Ipv4Addr::BROADCAST);
        // Only a NIC without public address shares one, or one behind a NAT gateway, which goes first (N-12).
        self.shared
            .get(&nic)
            .or_else(|| self.translated.get(&(nic, private)))
            .or_else(|| self.translated.range(of_nic).next().map(|(_, way)| way))
    }

    /// The NIC that has been given a port of a shared address.
    pub fn sharer(&self, address: Ipv4Addr, port: u16) -> Option<NicId> {
        let shares = self.shares.get(&address)?;
        let share = shares.iter().find(|share| share.ports.contains(&port))?;
        Some(share.nic)
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
