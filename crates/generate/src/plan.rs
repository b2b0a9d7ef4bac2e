//! Which virtual networks and subnets there are, where they lie, and how many NICs each has: everything before the first resource is made.
//!
//! Knows nothing of rules and routes.

use std::net::Ipv4Addr;
use std::ops::Range;

use ipnet::Ipv4Net;

use crate::random::{Purpose, Random};
use crate::sizes::{MAX_ADDRESSES, ROOM, SMALLEST_SUBNET, Sizes, SizesError};

/// Regions that the groups go to in turns.
const REGIONS: [&str; 8] = [
    "northeurope",
    "westeurope",
    "uksouth",
    "swedencentral",
    "francecentral",
    "germanywestcentral",
    "eastus2",
    "centralus",
];
/// What the first subnets of a spoke are called.
const TIERS: [&str; 5] = ["web", "app", "data", "batch", "ops"];
/// Addresses of a subnet that Azure keeps (N-4).
const RESERVED: usize = 5;
/// Addresses of the smallest subnet that a firewall may have: a /26.
const OF_A_FIREWALL: u64 = 64;

/// The whole network.
pub(crate) struct Plan {
    pub(crate) groups: Vec<Group>,
    pub(crate) vnets: Vec<Vnet>,
    pub(crate) subnets: Vec<Subnet>,
    /// Machines with a second address, by their numbers among those that do not forward.
    pub(crate) second_addresses: Vec<usize>,
}

/// A hub with its spokes, in one region.
pub(crate) struct Group {
    /// The hub first.
    pub(crate) vnets: Range<usize>,
    /// Holds all of them and nothing else.
    pub(crate) space: Ipv4Net,
    pub(crate) region: &'static str,
    pub(crate) has_gateway: bool,
    pub(crate) forwarder: Forwarder,
}

/// What forwards in a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwarder {
    /// One appliance.
    Appliance,
    /// Two appliances behind an internal load balancer.
    Balanced,
    /// An Azure firewall.
    Firewall,
}

pub(crate) struct Vnet {
    pub(crate) name: String,
    pub(crate) group: usize,
    pub(crate) space: Vec<Ipv4Net>,
    pub(crate) subnets: Range<usize>,
}

pub(crate) struct Subnet {
    pub(crate) name: String,
    pub(crate) vnet: usize,
    pub(crate) role: Role,
    pub(crate) prefix: Ipv4Net,
    /// Where it begins in its virtual network.
    offset: u64,
    /// NICs that Azure lists; they have the first addresses.
    pub(crate) nics: usize,
    /// How many of them have a second address; those come next.
    pub(crate) second_addresses: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The hub's, with nothing but its appliances and their load balancer.
    Appliances,
    /// The hub's, with its Azure firewall.
    Firewall,
    /// The hub's, with machines that all spokes use.
    Shared,
    /// The hub's, with its gateway.
    Gateway,
    /// A spoke's.
    Tier,
}

/// Part `number` of `of` equal parts of a whole, as even as whole numbers allow: their sum is the whole.
pub(crate) const fn part(whole: usize, number: usize, of: usize) -> Range<usize> {
    const fn border(whole: usize, number: usize, of: usize) -> usize {
        // Parts at the beginning are the larger ones.
        let (least, more) = (whole / of, whole % of);
        number * least + if number < more { number } else { more }
    }
    border(whole, number, of)..border(whole, number + 1, of)
}

impl Plan {
    pub(crate) fn new(seed: u64, sizes: &Sizes) -> Result<Self, SizesError> {
        let with_gateway =
            Random::of(seed, Purpose::Gateways, 0).some_of(sizes.gateways(), sizes.hubs);
        let mut plan = Self {
            groups: Vec::with_capacity(sizes.hubs),
            vnets: Vec::with_capacity(sizes.virtual_networks),
            subnets: Vec::with_capacity(sizes.subnets),
            second_addresses: Random::of(seed, Purpose::SecondAddresses, 0).some_of(
                sizes.second_address_share.of(sizes.machines()),
                sizes.machines(),
            ),
        };
        let forwarders = forwarders(seed, sizes);
        for (group, forwarder) in forwarders.into_iter().enumerate() {
            let has_gateway = with_gateway.binary_search(&group).is_ok();
            plan.add_group(group, has_gateway, forwarder, sizes);
        }
        plan.fill(seed, sizes)?;
        plan.place()?;
        Ok(plan)
    }

    fn add_group(&mut self, group: usize, has_gateway: bool, forwarder: Forwarder, sizes: &Sizes) {
        let first = self.vnets.len();
        let of_forwarder = match forwarder {
            Forwarder::Appliance | Forwarder::Balanced => Role::Appliances,
            Forwarder::Firewall => Role::Firewall,
        };
        let mut roles = vec![of_forwarder, Role::Shared];
        roles.extend(has_gateway.then_some(Role::Gateway));
        self.add_vnet(format!("hub-{:02}", group + 1), group, &roles);
        for (number, spoke) in part(sizes.spokes(), group, sizes.hubs).enumerate() {
            let tiers = part(sizes.spoke_subnets(), spoke, sizes.spokes());
            let name = format!("spoke-{:02}-{:03}", group + 1, number + 1);
            self.add_vnet(name, group, &vec![Role::Tier; tiers.len()]);
        }
        self.groups.push(Group {
            vnets: first..self.vnets.len(),
            space: Ipv4Net::default(),
            region: REGIONS[group % REGIONS.len()],
            has_gateway,
            forwarder,
        });
    }

    fn add_vnet(&mut self, name: String, group: usize, roles: &[Role]) {
        let (vnet, first) = (self.vnets.len(), self.subnets.len());
        for (number, &role) in roles.iter().enumerate() {
            self.subnets.push(Subnet {
                name: match role {
                    Role::Appliances => "appliances".to_owned(),
                    Role::Firewall => "AzureFirewallSubnet".to_owned(),
                    Role::Shared => "shared".to_owned(),
                    Role::Gateway => "GatewaySubnet".to_owned(),
                    Role::Tier => match TIERS.get(number) {
                        Some(&tier) => tier.to_owned(),
                        None => format!("tier-{}", number + 1),
                    },
                },
                vnet,
                role,
                prefix: Ipv4Net::default(),
                offset: 0,
                nics: 0,
                second_addresses: 0,
            });
        }
        self.vnets.push(Vnet {
            name,
            group,
            space: Vec::new(),
            subnets: first..self.subnets.len(),
        });
    }

    /// Spreads the NICs: one to each appliance, the others over all subnets for machines, some of which get up to nine times as many
    /// as others.
    fn fill(&mut self, seed: u64, sizes: &Sizes) -> Result<(), SizesError> {
        let weights: Vec<u64> = (0..)
            .zip(&self.subnets)
            .map(|(number, subnet)| match subnet.role {
                Role::Appliances | Role::Firewall | Role::Gateway => 0,
                Role::Shared => 3,
                Role::Tier => Random::of(seed, Purpose::Fill, number).below(9) as u64 + 1,
            })
            .collect();
        let total: u64 = weights.iter().sum();
        let rest = sizes.machines();
        let up_to = |weight: u64| {
            let share = u128::from(weight) * rest as u128 / u128::from(total.max(1));
            usize::try_from(share).unwrap_or(usize::MAX)
        };
        let mut sum = 0;
        for (subnet, weight) in self.subnets.iter_mut().zip(weights) {
            let machines = up_to(sum)..up_to(sum + weight);
            sum += weight;
            subnet.nics = machines.len();
            let before = |end| {
                self.second_addresses
                    .partition_point(|&number| number < end)
            };
            subnet.second_addresses = before(machines.end) - before(machines.start);
            if subnet.role == Role::Appliances {
                subnet.nics = match self.groups[self.vnets[subnet.vnet].group].forwarder {
                    Forwarder::Balanced => 2,
                    Forwarder::Appliance | Forwarder::Firewall => 1,
                };
            }
        }
        for vnet in &self.vnets {
            let subnets = &self.subnets[vnet.subnets.clone()];
            let count = subnets.iter().map(Subnet::addresses).sum();
            if count > MAX_ADDRESSES {
                return Err(SizesError::TooMany {
                    what: "private addresses of a VNet",
                    count,
                    most: MAX_ADDRESSES,
                    advice: "; more VNets or subnets spread them",
                });
            }
        }
        Ok(())
    }

    /// Gives every subnet, virtual network and group its place in 10.0.0.0/8, each in a block of a power of two that lies at a multiple of its
    /// size.
    fn place(&mut self) -> Result<(), SizesError> {
        let mut sizes = Vec::with_capacity(self.vnets.len());
        for vnet in &self.vnets {
            let subnets = &mut self.subnets[vnet.subnets.clone()];
            // Largest first: then no hole is left between them.
            let mut order: Vec<usize> = (0..subnets.len()).collect();
            order.sort_by_key(|&number| std::cmp::Reverse(block_of(&subnets[number])));
            let mut end = 0;
            for number in order {
                let size = block_of(&subnets[number]);
                subnets[number].offset = end;
                end += size;
            }
            sizes.push(end);
        }
        let needed = self.room_for(&sizes);
        if needed > ROOM {
            return Err(SizesError::AddressesExhausted { needed });
        }
        let mut end = 0;
        for group in &mut self.groups {
            let size = size_of(group, &sizes);
            end = u64::next_multiple_of(end, size) + size;
            group.space = block(end - size, size);
            let mut inner = end - size;
            for vnet in group.vnets.clone() {
                let size = sizes[vnet].next_power_of_two();
                let start = u64::next_multiple_of(inner, size);
                inner = start + size;
                let place = &mut self.vnets[vnet];
                // Three quarters are enough for some: those have two prefixes.
                place.space = if sizes[vnet] * 4 <= size * 3 {
                    vec![block(start, size / 2), block(start + size / 2, size / 4)]
                } else {
                    vec![block(start, size)]
                };
                for subnet in &mut self.subnets[place.subnets.clone()] {
                    subnet.prefix = block(start + subnet.offset, block_of(subnet));
                }
            }
        }
        Ok(())
    }

    /// Addresses that all groups take, with virtual networks of these sizes.
    fn room_for(&self, sizes: &[u64]) -> u64 {
        self.groups.iter().fold(0, |end, group| {
            let size = size_of(group, sizes);
            u64::next_multiple_of(end, size) + size
        })
    }

    /// The hub of a group.
    pub(crate) fn hub(&self, group: usize) -> &Vnet {
        &self.vnets[self.groups[group].vnets.start]
    }

    /// The subnet with what forwards in a hub.
    pub(crate) fn forwarding_subnet(&self, group: usize) -> &Subnet {
        &self.subnets[self.hub(group).subnets.start]
    }

    /// Where routes to what forwards in a hub lead: the first address of its subnet, or that of the load balancer after the appliances'.
    pub(crate) fn next_hop(&self, group: usize) -> Ipv4Addr {
        let subnet = self.forwarding_subnet(group);
        match self.groups[group].forwarder {
            Forwarder::Appliance | Forwarder::Firewall => subnet.address(0),
            Forwarder::Balanced => subnet.address(subnet.nics),
        }
    }

    /// Subnets of a group, the hub's first.
    pub(crate) fn subnets_of(&self, group: usize) -> Range<usize> {
        let vnets = &self.vnets[self.groups[group].vnets.clone()];
        match vnets {
            [] => 0..0,
            [first, .., last] => first.subnets.start..last.subnets.end,
            [only] => only.subnets.clone(),
        }
    }

    pub(crate) fn group_of(&self, subnet: usize) -> usize {
        self.vnets[self.subnets[subnet].vnet].group
    }
}

impl Subnet {
    /// Addresses of its NICs.
    fn addresses(&self) -> usize {
        self.nics + self.second_addresses
    }

    /// The address that its NIC of this number gets (N-4); beyond them, second addresses.
    pub(crate) fn address(&self, nic: usize) -> Ipv4Addr {
        let offset = u32::try_from(nic + 4).unwrap_or(u32::MAX);
        u32::from(self.prefix.network())
            .saturating_add(offset)
            .into()
    }
}

/// Addresses that a subnet takes: with room for a fourth more NICs.
fn block_of(subnet: &Subnet) -> u64 {
    let needed = subnet.addresses() + subnet.addresses() / 4 + RESERVED;
    let smallest = match subnet.role {
        Role::Firewall => OF_A_FIREWALL,
        Role::Appliances | Role::Shared | Role::Gateway | Role::Tier => SMALLEST_SUBNET,
    };
    (needed as u64).next_power_of_two().max(smallest)
}

/// Addresses that the virtual networks of a group take together.
fn size_of(group: &Group, sizes: &[u64]) -> u64 {
    let end = sizes[group.vnets.clone()].iter().fold(0, |end, size| {
        let size = size.next_power_of_two();
        u64::next_multiple_of(end, size) + size
    });
    end.next_power_of_two()
}

/// The prefix of a power of two of addresses in 10.0.0.0/8.
fn block(start: u64, size: u64) -> Ipv4Net {
    let address = 10 << 24 | u32::try_from(start).unwrap_or(u32::MAX);
    let length = 32 - u8::try_from(size.trailing_zeros()).unwrap_or(32);
    Ipv4Net::new_assert(address.into(), length.min(32))
}

/// What forwards in each hub.
fn forwarders(seed: u64, sizes: &Sizes) -> Vec<Forwarder> {
    let mut forwarders = vec![Forwarder::Appliance; sizes.hubs];
    for hub in Random::of(seed, Purpose::Firewalls, 0).some_of(sizes.firewalls(), sizes.hubs) {
        forwarders[hub] = Forwarder::Firewall;
    }
    let others: Vec<usize> = (0..sizes.hubs)
        .filter(|&hub| forwarders[hub] == Forwarder::Appliance)
        .collect();
    let balanced =
        Random::of(seed, Purpose::LoadBalancers, 0).some_of(sizes.load_balancers(), others.len());
    for number in balanced {
        forwarders[others[number]] = Forwarder::Balanced;
    }
    forwarders
}
