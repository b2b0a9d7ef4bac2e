//! What stands behind the frontends of load balancers: rules, members, and which of them are up (R-25, T-7, S-26).

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use acl::Key;
use model::{
    AddressOwner, BackendPool, Direction, FrontendAddress, InboundNatTarget, Listener,
    LoadBalancer, LoadBalancerId, Network, NicId, Sku, VnetId,
};

use crate::internet_edge::PublicAddresses;
use crate::note::Note;
use crate::questions::decide;
use crate::snapshot::{
    ForwardingKind, ForwardingRule, Frontend, FrontendId, Health, Member, Snapshot,
};

/// From which probes come (T-7).
const PROBE_SOURCE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
const TCP: u8 = 6;
/// Any port of a probe's connection: rules see the destination's.
const PROBE_SOURCE_PORT: u16 = 49_152;
const ALL_PORTS: RangeInclusive<u16> = 0..=u16::MAX;

/// All frontends, and what pools mean for their members.
pub(crate) struct Frontends {
    pub(crate) list: Vec<Frontend>,
    /// By load balancer and position there.
    pub(crate) numbers: HashMap<(LoadBalancerId, usize), FrontendId>,
    pooled: HashMap<NicId, Pooled>,
    pub(crate) notes: Vec<Note>,
}

/// What it means for a NIC to be a member of pools (N-12).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pooled {
    /// A public frontend through which it reaches the Internet.
    pub(crate) way_out: Option<FrontendId>,
    /// One of the load balancers is Standard.
    pub(crate) standard: bool,
}

impl Frontends {
    /// Members are up here as long as nobody has asked their rules ([`judge`]).
    pub(crate) fn new(network: &Network, public: &mut PublicAddresses) -> Self {
        let mut frontends = Self {
            list: Vec::new(),
            numbers: HashMap::new(),
            pooled: HashMap::new(),
            notes: Vec::new(),
        };
        if network.load_balancers().is_empty() {
            return frontends;
        }
        let by_nic = members_by_nic(network);
        for (key, balancer) in network.load_balancers().iter() {
            let pools = Pools::of(network, key, balancer, &by_nic);
            for (position, frontend) in balancer.frontends.iter().enumerate() {
                let rules = rules(network, balancer, &frontend.name, &pools);
                if rules.is_empty() && matches!(frontend.address, FrontendAddress::Private(..)) {
                    frontends.notes.push(Note::FrontendWithoutRule {
                        load_balancer: balancer.id.clone(),
                        frontend: frontend.name.clone(),
                    });
                }
                let number = u32::try_from(frontends.list.len());
                let number = FrontendId(number.expect("fewer than 2^32 frontends"));
                frontends.numbers.insert((key, position), number);
                frontends.list.push(Frontend {
                    balancer: key,
                    name: frontend.name.clone(),
                    address: match frontend.address {
                        FrontendAddress::Private(_, address) => Some(address),
                        FrontendAddress::Public(address) => address
                            .and_then(|address| public.get(address))
                            .or_else(|| public.assume(&balancer.id)),
                    },
                    public: matches!(frontend.address, FrontendAddress::Public(_)),
                    basic: balancer.sku == Sku::Basic,
                    rules,
                });
            }
            frontends.note_ways_out(key, balancer, &pools);
        }
        frontends
    }

    /// The pools of which a NIC is a member; `None` if of none.
    pub(crate) fn pooled(&self, nic: NicId) -> Option<Pooled> {
        self.pooled.get(&nic).copied()
    }

    /// N-12: an outbound rule of a pool, or a load-balancing rule with a public frontend that does not forbid it.
    fn note_ways_out(&mut self, key: LoadBalancerId, balancer: &LoadBalancer, pools: &Pools) {
        for (pool, members) in &pools.0 {
            let explicit = balancer
                .outbound_rules
                .iter()
                .filter(|rule| rule.pool.eq_ignore_ascii_case(pool))
                .flat_map(|rule| &rule.frontends);
            let implied = balancer
                .rules
                .iter()
                .filter(|rule| rule.pool.eq_ignore_ascii_case(pool) && !rule.disable_outbound_snat)
                .map(|rule| &rule.frontend);
            let way_out = explicit.chain(implied).find_map(|name| {
                let is_it = |frontend: &model::Frontend| {
                    frontend.name.eq_ignore_ascii_case(name)
                        && matches!(frontend.address, FrontendAddress::Public(_))
                };
                let position = balancer.frontends.iter().position(is_it)?;
                self.numbers.get(&(key, position)).copied()
            });
            for &(nic, _) in members {
                let pooled = self.pooled.entry(nic).or_default();
                pooled.way_out = pooled.way_out.or(way_out);
                pooled.standard |= balancer.sku == Sku::Standard;
            }
        }
    }

    /// Frontends whose address the guest behind a NIC has on a loopback interface: those of rules with floating IP.
    pub(crate) fn floating(&self) -> HashMap<NicId, Vec<Ipv4Addr>> {
        let mut floating: HashMap<NicId, Vec<Ipv4Addr>> = HashMap::new();
        for frontend in &self.list {
            let Some(address) = frontend.address else {
                continue;
            };
            let rules = frontend.rules.iter().filter(|rule| rule.floating_ip);
            for member in rules.flat_map(|rule| &rule.members) {
                let addresses = floating.entry(member.nic).or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        floating
    }
}

/// Members that name their pools at the NIC, by load balancer and name of the pool in lower case.
type MembersByNic = HashMap<(LoadBalancerId, String), Vec<(NicId, Ipv4Addr)>>;

fn members_by_nic(network: &Network) -> MembersByNic {
    let mut members = MembersByNic::new();
    for (key, nic) in network.nics().iter() {
        for configuration in &nic.ip_configurations {
            for (balancer, pool) in &configuration.backend_pools {
                members
                    .entry((*balancer, pool.to_ascii_lowercase()))
                    .or_default()
                    .push((key, configuration.private_address));
            }
        }
    }
    members
}

/// The members of each pool of a load balancer, by its name in lower case.
struct Pools(BTreeMap<String, Vec<(NicId, Ipv4Addr)>>);

impl Pools {
    fn of(
        network: &Network,
        key: LoadBalancerId,
        balancer: &LoadBalancer,
        by_nic: &MembersByNic,
    ) -> Self {
        let pools = balancer.pools.iter().map(|pool| {
            let name = pool.name.to_ascii_lowercase();
            let named = by_nic.get(&(key, name.clone())).into_iter().flatten();
            let mut members: Vec<_> = named.copied().collect();
            members.extend(members_by_address(network, balancer, pool));
            members.sort_unstable();
            members.dedup();
            (name, members)
        });
        Self(pools.collect())
    }

    fn members(&self, pool: &str) -> &[(NicId, Ipv4Addr)] {
        self.0
            .get(&pool.to_ascii_lowercase())
            .map_or(&[], Vec::as_slice)
    }
}

/// Members that the pool names by their address: the NICs that own them.
fn members_by_address<'a>(
    network: &'a Network,
    balancer: &'a LoadBalancer,
    pool: &'a BackendPool,
) -> impl Iterator<Item = (NicId, Ipv4Addr)> + 'a {
    let own = balancer
        .frontends
        .iter()
        .find_map(|frontend| match frontend.address {
            FrontendAddress::Private(subnet, _) => Some(network.subnets()[subnet].virtual_network),
            FrontendAddress::Public(_) => None,
        });
    pool.addresses.iter().filter_map(move |member| {
        let owner = owner_in(network, member.virtual_network.or(own)?, member.address)?;
        Some((owner, member.address))
    })
}

fn owner_in(network: &Network, vnet: VnetId, address: Ipv4Addr) -> Option<NicId> {
    let subnets = network.virtual_networks().get(vnet)?.subnets.iter();
    subnets
        .filter_map(|&subnet| network.subnets().get(subnet))
        .flat_map(|subnet| subnet.addresses.iter())
        .find_map(|(held, owner)| match *owner {
            AddressOwner::Nic(nic, _) if held == address => Some(nic),
            _ => None,
        })
}

/// What a frontend makes of packets: ports of single members first, then ports of pools, then everything else.
fn rules(
    network: &Network,
    balancer: &LoadBalancer,
    frontend: &str,
    pools: &Pools,
) -> Vec<ForwardingRule> {
    let member = |&(nic, address): &(NicId, Ipv4Addr), port| Member {
        nic,
        address,
        port,
        health: Health::Up,
    };
    let mut rules = Vec::new();
    let own = |name: &str| name.eq_ignore_ascii_case(frontend);
    for rule in balancer
        .inbound_nat_rules
        .iter()
        .filter(|rule| own(&rule.frontend))
    {
        let port = (rule.backend_port != 0).then_some(rule.backend_port);
        let forwarding = |ports, members| ForwardingRule {
            name: rule.name.clone(),
            kind: ForwardingKind::InboundNat,
            protocol: rule.protocol,
            ports,
            floating_ip: rule.floating_ip,
            probe: None,
            members,
        };
        match &rule.target {
            InboundNatTarget::Nobody => {
                rules.push(forwarding(rule.frontend_ports.clone(), Vec::new()));
            }
            InboundNatTarget::Configuration(nic, position) => {
                let configuration = network
                    .nics()
                    .get(*nic)
                    .and_then(|nic| nic.ip_configurations.get(*position));
                let target = configuration
                    .map(|configuration| member(&(*nic, configuration.private_address), port));
                rules.push(forwarding(
                    rule.frontend_ports.clone(),
                    target.into_iter().collect(),
                ));
            }
            InboundNatTarget::Pool(pool) => {
                let ports = rule.frontend_ports.clone().zip(pools.members(pool));
                rules.extend(
                    ports.map(|(own, target)| forwarding(own..=own, vec![member(target, port)])),
                );
            }
        }
    }
    let mut balancing: Vec<ForwardingRule> = balancer
        .rules
        .iter()
        .filter(|rule| own(&rule.frontend))
        .map(|rule| {
            let port = (rule.backend_port != 0).then_some(rule.backend_port);
            let probe = rule.probe.as_ref().and_then(|name| {
                let mut probes = balancer.probes.iter();
                probes.find(|probe| probe.name.eq_ignore_ascii_case(name))
            });
            let members = pools.members(&rule.pool).iter();
            ForwardingRule {
                name: rule.name.clone(),
                kind: ForwardingKind::LoadBalancing,
                protocol: rule.protocol,
                ports: match rule.frontend_port {
                    0 => ALL_PORTS, // HA ports
                    port => port..=port,
                },
                floating_ip: rule.floating_ip,
                probe: probe.map(|probe| probe.port),
                members: members.map(|of_pool| member(of_pool, port)).collect(),
            }
        })
        .collect();
    balancing.sort_by_key(|rule| rule.ports == ALL_PORTS);
    rules.extend(balancing);
    rules
}

/// Which members are up, once the rules of the NICs are known: what does not run, does not listen to the probe, or denies it is not.
pub(crate) fn judge(snapshot: &mut Snapshot) {
    if snapshot.frontends.is_empty() {
        return;
    }
    let mut frontends = snapshot.frontends.to_vec();
    for rule in frontends
        .iter_mut()
        .flat_map(|frontend| &mut frontend.rules)
    {
        let probe = rule.probe;
        for member in &mut rule.members {
            member.health = health(snapshot, member, probe);
        }
    }
    snapshot.frontends = frontends.into();
}

fn health(snapshot: &Snapshot, member: &Member, probe: Option<u16>) -> Health {
    let Some(nic) = snapshot.nic(member.nic) else {
        return Health::Stopped;
    };
    let guest = snapshot.guest_of(nic);
    if !guest.running {
        return Health::Stopped;
    }
    let Some(port) = probe else {
        return Health::Up;
    };
    let listens = guest
        .listen
        .as_ref()
        .is_none_or(|listeners| listeners.contains(&Listener::Tcp(port)));
    if !listens {
        return Health::NotListening;
    }
    let packet = Key {
        source: PROBE_SOURCE,
        destination: member.address,
        protocol: TCP,
        source_port: Some(PROBE_SOURCE_PORT),
        destination_port: Some(port),
        source_classes: 0,
        destination_classes: 0,
    };
    // S-26: what the platform asks is subject to inbound rules.
    if decide(snapshot, nic, Direction::Inbound, packet).allows() {
        Health::Up
    } else {
        Health::ProbeDenied
    }
}
