//! Addresses behind which another stands: frontends of load balancers, and the edge of the Internet.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use model::{LoadBalancerId, NatGatewayId, NicId, PublicIpId, StationId};

use super::FrontendId;

/// How a NIC reaches the Internet (N-12), in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternetAccess {
    /// Through the subnet's NAT gateway.
    NatGateway,
    /// Through its own public address.
    PublicAddress,
    /// Through a load balancer with a public frontend.
    LoadBalancer,
    /// By the subnet's default outbound access.
    Default,
    /// Not at all.
    None,
}

/// A frontend of a load balancer, with what its rules make of packets.
#[derive(Clone, Debug)]
pub struct Frontend {
    /// The load balancer.
    pub balancer: LoadBalancerId,
    /// Its name there; cold.
    pub name: String,
    /// Its address; `None` for a public one that is not part of the input.
    pub address: Option<Ipv4Addr>,
    /// Whether it is an address of the Internet.
    pub public: bool,
    /// Basic frontends are not reachable across global peering (P-7).
    pub basic: bool,
    /// In the order in which they are asked: inbound NAT rules, rules for a port, rules for all ports.
    pub rules: Vec<ForwardingRule>,
}

/// A load-balancing rule or an inbound NAT rule.
#[derive(Clone, Debug)]
pub struct ForwardingRule {
    /// Its name in the load balancer; cold.
    pub name: String,
    /// Which of the two.
    pub kind: ForwardingKind,
    /// 6 or 17; `None` = all.
    pub protocol: Option<u8>,
    /// Ports of the frontend. All of them together with every protocol are HA ports.
    pub ports: RangeInclusive<u16>,
    /// Members see the frontend's address as destination: nothing is translated.
    pub floating_ip: bool,
    /// TCP port of the probe that says which members are up; `None` = every running one.
    pub probe: Option<u16>,
    /// In the order of the network.
    pub members: Vec<Member>,
}

/// Kinds of rules of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardingKind {
    /// To one of a pool.
    LoadBalancing,
    /// To one member.
    InboundNat,
}

/// A member behind a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The NIC.
    pub nic: NicId,
    /// The address of the IP configuration that is the member.
    pub address: Ipv4Addr,
    /// Its port; `None` = that of the frontend.
    pub port: Option<u16>,
    /// Whether it gets packets.
    pub health: Health,
}

/// Who puts another address into a packet between a NIC and the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Translator {
    /// A load balancer: for packets to one of its frontends, or for what its members send to the Internet.
    Frontend(FrontendId),
    /// A public address that belongs to one private address (N-13).
    PublicIp(PublicIpId),
    /// A NAT gateway.
    NatGateway(NatGatewayId),
    /// Default outbound access of a subnet.
    DefaultOutbound,
}

/// Where the virtual networks meet the Internet (N-12, N-13).
#[derive(Clone, Debug)]
pub struct InternetEdge {
    /// The worker that stands for the Internet; `None` for a network that was not joined to it.
    pub host: Option<StationId>,
    /// Who stands behind the public addresses of the input.
    pub owners: BTreeMap<Ipv4Addr, PublicOwner>,
    /// What private addresses with a public one of their own go out as.
    pub translated: BTreeMap<(NicId, Ipv4Addr), WayOut>,
    /// What the other NICs go out as, by address.
    pub shared: Vec<SharedAddress>,
    /// By [`NicId`], the position in `shared` of the address that it uses; [`InternetEdge::NO_SHARE`] for none. May end before the last
    /// NIC that has none.
    pub share_of: Vec<u32>,
}

/// A public address that several NICs use, each with ports of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// Who translates.
    pub by: Translator,
    /// The NICs, ascending. The ports are dealt out among them in this order.
    pub users: Vec<NicId>,
}

/// Who stands behind a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicOwner {
    /// A private address of a NIC, one to one (N-13).
    Nic {
        /// The NIC.
        nic: NicId,
        /// Its private address.
        private: Ipv4Addr,
        /// The public address as a resource.
        public: PublicIpId,
    },
    /// A frontend of a load balancer, by its rules.
    Frontend(FrontendId),
    /// An Azure firewall: it gets the packets as they are and translates by its own rules.
    Firewall(NicId),
    /// Several NICs, for what they have begun themselves.
    Shared(Translator),
    /// A resource whose packets are not simulated.
    Unsimulated,
}

/// How packets of a NIC look in the Internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayOut {
    /// Their source.
    pub address: Ipv4Addr,
    /// The ports it may use there.
    pub ports: RangeInclusive<u16>,
    /// Who translates.
    pub by: Translator,
}

/// Whether a member gets packets, and if not why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// It does.
    Up,
    /// No running machine stands behind it.
    Stopped,
    /// Nothing listens on the port of the probe.
    NotListening,
    /// Its security rules deny the probe, which comes from 168.63.129.16 (S-26).
    ProbeDenied,
}

impl Frontend {
    /// The NICs of all members of all rules, each once.
    pub fn nics(&self) -> Vec<NicId> {
        let members = self.rules.iter().flat_map(|rule| &rule.members);
        let mut nics: Vec<NicId> = members.map(|member| member.nic).collect();
        nics.sort_unstable();
        nics.dedup();
        nics
    }

    /// The rule that takes packets of this protocol to this port, with its position; `port` is `None` for protocols without ports.
    pub fn rule_for(&self, protocol: u8, port: Option<u16>) -> Option<(usize, &ForwardingRule)> {
        self.rules.iter().enumerate().find(|(_, rule)| {
            rule.protocol.is_none_or(|of_rule| of_rule == protocol)
                && match port {
                    Some(port) => rule.ports.contains(&port),
                    None => rule.ports == (0..=u16::MAX),
                }
        })
    }
}
