//! Why packets die: the one closed list, and the place of each drop.

use std::fmt;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::firewalls::FirewallRuleName;
use control::snapshot::{
    AdminRulesId, EffectiveRoute, FibId, FrontendId, Level, RouteOrigin, RuleSetId,
};
use model::{
    ConnectionId, FirewallId, GatewayId, LinkId, NicId, ResourceId, SecurityAdminRule,
    SecurityRule, VnetId,
};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $description:literal;)+) => {
        /// Why a packet was dropped. The list is closed: there is no other reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DropReason { $($(#[$doc])* $variant,)+ }

        impl DropReason {
            /// All reasons, in the order of the packet's life.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in every output: `no-route`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What happened, in one sentence.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)+ }
            }
        }
    };
}

reasons! {
    /// K-1, K-2.
    BadHeader = "bad-header", "The bytes are no acceptable IPv4 packet.";
    /// K-1.
    BadChecksum = "bad-checksum", "A checksum does not verify.";
    /// N-8, S-27.
    FabricProtocol = "fabric-protocol", "The fabric does not carry this protocol, whatever the rules say.";
    /// N-1.
    SpoofSource = "spoof-source", "The source is no address of the sending NIC, and IP forwarding is off there.";
    /// S-8, S-21.
    FlowTableFull = "flow-table-full", "The NIC remembers as many flows as Azure allows.";
    /// S-13.
    AdminDeny = "admin-deny", "A security admin rule denies the packet.";
    /// S-10 to S-12.
    NsgDeny = "nsg-deny", "A rule of a network security group denies the packet.";
    /// F-4.
    VnetAccessBlocked = "vnet-access-blocked", "allowVirtualNetworkAccess of the link is false, and no security group here admits the packet.";
    ///
    NoRoute = "no-route", "No effective route contains the destination.";
    ///
    RouteNone = "route-none", "The effective route has next hop None.";
    ///
    NextHopUnreachable = "next-hop-unreachable", "The appliance's address lies outside the own and the peered networks.";
    ///
    NoSuchHost = "no-such-host", "Nobody owns the address.";
    ///
    NoBackend = "no-backend", "No rule of the load balancer's frontend takes the packet, or no member behind it is up.";
    /// G-5.
    NoGateway = "no-gateway", "There is no virtual network gateway to use.";
    /// F-11.
    GatewayTransitOff = "gateway-transit-off", "There is a gateway behind a peering, but the flags of the two links do not pair.";
    /// N-12.
    NoOutboundMethod = "no-outbound-method", "The NIC has no way to the Internet.";
    /// DESIGN: an external network. The verdict is unknown.
    OutsideInput = "outside-input", "What lies there is not part of the input: whether the packet arrives is unknown.";
    /// P-2.
    PeeringNotConnected = "peering-not-connected", "The receiving network has no Connected link to the sending network.";
    /// F-7.2.
    SourcePrefixNotPeered = "source-prefix-not-peered", "The source lies in the sending network, but in a prefix that the receiver's link does not know.";
    /// F-6.
    PeeringForwardedBlocked = "peering-forwarded-blocked", "The packet was forwarded, and allowForwardedTraffic of the receiver's link is false.";
    /// K-7.
    MtuDf = "mtu-df", "The packet is longer than the link carries and must not be fragmented.";
    /// Queues are limited in the simulated run only.
    QueueFull = "queue-full", "The queue of the link is full.";
    /// N-1.
    NotOwnerNoForwarding = "not-owner-no-forwarding", "The destination is no address of the receiving NIC, and IP forwarding is off there.";
    /// R-26a.
    VmStopped = "vm-stopped", "No running machine stands behind the NIC.";
    /// R-26c.
    GuestNotForwarding = "guest-not-forwarding", "The guest does not forward the packet: it is no router, or its own rules deny it.";
    /// K-6, R-27.
    Ttl = "ttl", "The time to live ended at a router.";
    /// R-34, S-20.
    TcpNoSyn = "tcp-no-syn", "A TCP packet of a connection whose SYN was not seen here.";
    /// G-7.
    GatewayNoRoute = "gateway-no-route", "No connection of the gateway leads to the destination.";
    /// G-3.
    GatewayConnectionDown = "gateway-connection-down", "The connection of the gateway that leads to the destination is down.";
    /// S-25.
    FragmentOutOfOrder = "fragment-out-of-order", "A fragment came before the first one of its datagram, or too late.";
    /// K-6.
    LoopGuard = "loop-guard", "The packet was sent 255 times.";
}

impl DropReason {
    /// Whether a filter dropped the packet, so that one can ask what would have become of it (DESIGN section 3, counterfactual). Other
    /// drops leave nothing to go on with.
    pub const fn is_filter(self) -> bool {
        match self {
            Self::SpoofSource
            | Self::AdminDeny
            | Self::NsgDeny
            | Self::SourcePrefixNotPeered
            | Self::PeeringForwardedBlocked
            | Self::VnetAccessBlocked
            | Self::NotOwnerNoForwarding
            | Self::VmStopped
            | Self::GuestNotForwarding
            | Self::TcpNoSyn => true,
            Self::BadHeader
            | Self::BadChecksum
            | Self::FabricProtocol
            | Self::FlowTableFull
            | Self::NoRoute
            | Self::RouteNone
            | Self::NextHopUnreachable
            | Self::NoSuchHost
            | Self::NoBackend
            | Self::NoGateway
            | Self::GatewayTransitOff
            | Self::NoOutboundMethod
            | Self::OutsideInput
            | Self::PeeringNotConnected
            | Self::MtuDf
            | Self::QueueFull
            | Self::Ttl
            | Self::GatewayNoRoute
            | Self::GatewayConnectionDown
            | Self::FragmentOutOfOrder
            | Self::LoopGuard => false,
        }
    }

    /// Whether the input does not hold what decides, so that the verdict is unknown rather than no.
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::OutsideInput)
    }
}

impl DropReason {
    /// The flag of a peering link that would have to be true, where the reason is one.
    pub const fn flag(self) -> Option<&'static str> {
        match self {
            Self::VnetAccessBlocked => Some("allowVirtualNetworkAccess"),
            Self::PeeringForwardedBlocked => Some("allowForwardedTraffic"),
            _ => None,
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a packet died and where: 8 bytes, no names. [`Locator::object`] turns the place into the rule, route, link or flag to change.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dropped {
    reason: DropReason,
    kind: Kind,
    /// Rule or route number.
    detail: u16,
    id: u32,
}

const _: () = assert!(size_of::<Dropped>() == 8);

/// What kind of thing `id` and `detail` number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Nic,
    NicRule,
    SubnetRule,
    AdminRule,
    Route,
    Link,
    VirtualNetwork,
    Frontend,
    Gateway,
    Connection,
    FirewallRule,
    Address,
}

/// The object at which a packet was dropped, by the small numbers of the snapshot in which it was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locator {
    /// A NIC: its addresses, its IP forwarding, its guest.
    Nic(NicId),
    /// A rule of a security group.
    Rule {
        /// Where the group is attached.
        level: Level,
        /// The group and direction.
        rules: RuleSetId,
        /// Position in the group.
        rule: u16,
    },
    /// A security admin rule.
    AdminRule {
        /// The manager and direction.
        rules: AdminRulesId,
        /// Position among them.
        rule: u16,
    },
    /// A row of the effective routes.
    Route {
        /// The table.
        fib: FibId,
        /// Position in the table.
        route: u16,
    },
    /// A peering link; the reason names the flag.
    Link(LinkId),
    /// A virtual network that has no link where one would be needed.
    VirtualNetwork(VnetId),
    /// A frontend of a load balancer.
    Frontend(FrontendId),
    /// A virtual network gateway.
    Gateway(GatewayId),
    /// A connection of a gateway.
    Connection(ConnectionId),
    /// A rule of an Azure firewall; none: what it does without a rule that matches.
    FirewallRule {
        /// The firewall.
        firewall: FirewallId,
        /// Its number.
        rule: Option<u16>,
    },
    /// An address in the Internet, or one that nobody there has.
    Address(Ipv4Addr),
}

/// Stands for no rule of a firewall. A firewall numbers fewer.
const NO_RULE: u16 = u16::MAX;

impl Dropped {
    /// A drop at a place.
    pub fn new(reason: DropReason, at: Locator) -> Self {
        let (kind, detail, id) = match at {
            Locator::Nic(nic) => (Kind::Nic, 0, nic.get()),
            Locator::Rule {
                level: Level::Nic,
                rules,
                rule,
            } => (Kind::NicRule, rule, rules.0),
            Locator::Rule {
                level: Level::Subnet,
                rules,
                rule,
            } => (Kind::SubnetRule, rule, rules.0),
            Locator::AdminRule { rules, rule } => (Kind::AdminRule, rule, rules.0),
            Locator::Route { fib, route } => (Kind::Route, route, fib.0),
            Locator::Link(link) => (Kind::Link, 0, link.get()),
            Locator::VirtualNetwork(vnet) => (Kind::VirtualNetwork, 0, vnet.get()),
            Locator::Frontend(frontend) => (Kind::Frontend, 0, frontend.0),
            Locator::Gateway(gateway) => (Kind::Gateway, 0, gateway.get()),
            Locator::Connection(connection) => (Kind::Connection, 0, connection.get()),
            Locator::FirewallRule { firewall, rule } => {
                (Kind::FirewallRule, rule.unwrap_or(NO_RULE), firewall.get())
            }
            Locator::Address(address) => (Kind::Address, 0, u32::from(address)),
        };
        Self {
            reason,
            kind,
            detail,
            id,
        }
    }

    /// Why.
    pub const fn reason(self) -> DropReason {
        self.reason
    }

    /// Where.
    pub const fn at(self) -> Locator {
        let (id, detail) = (self.id, self.detail);
        match self.kind {
            Kind::Nic => Locator::Nic(NicId::new(id)),
            Kind::NicRule => Locator::Rule {
                level: Level::Nic,
                rules: RuleSetId(id),
                rule: detail,
            },
            Kind::SubnetRule => Locator::Rule {
                level: Level::Subnet,
                rules: RuleSetId(id),
                rule: detail,
            },
            Kind::AdminRule => Locator::AdminRule {
                rules: AdminRulesId(id),
                rule: detail,
            },
            Kind::Route => Locator::Route {
                fib: FibId(id),
                route: detail,
            },
            Kind::Link => Locator::Link(LinkId::new(id)),
            Kind::VirtualNetwork => Locator::VirtualNetwork(VnetId::new(id)),
            Kind::Frontend => Locator::Frontend(FrontendId(id)),
            Kind::Gateway => Locator::Gateway(GatewayId::new(id)),
            Kind::Connection => Locator::Connection(ConnectionId::new(id)),
            Kind::FirewallRule => Locator::FirewallRule {
                firewall: FirewallId::new(id),
                rule: match detail {
                    NO_RULE => None,
                    rule => Some(rule),
                },
            },
            Kind::Address => Locator::Address(Ipv4Addr::from_bits(id)),
        }
    }
}

impl fmt::Debug for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}", self.reason, self.at())
    }
}

/// What people call the place of a drop: the thing that would have to change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Object<'a> {
    /// A NIC.
    Nic(&'a ResourceId),
    /// A rule of a security group.
    Rule {
        /// Where the group is attached.
        level: Level,
        /// The group; `None` for the default rules of a NIC without group.
        group: Option<&'a ResourceId>,
        /// The rule.
        rule: &'a SecurityRule,
    },
    /// A security admin rule.
    AdminRule {
        /// Its resource id.
        id: &'a ResourceId,
        /// The rule.
        rule: &'a SecurityAdminRule,
    },
    /// A row of the effective routes.
    Route {
        /// The row.
        row: &'a EffectiveRoute,
        /// Route table and name, for a user-defined route.
        user_route: Option<(&'a ResourceId, &'a str)>,
    },
    /// A peering link.
    Link(&'a ResourceId),
    /// A virtual network.
    VirtualNetwork(&'a ResourceId),
    /// A load balancer.
    LoadBalancer(&'a ResourceId),
    /// A virtual network gateway.
    Gateway(&'a ResourceId),
    /// A connection of a gateway.
    Connection(&'a ResourceId),
    /// A rule of an Azure firewall; none: what it does without a rule that matches.
    FirewallRule {
        /// The firewall.
        firewall: &'a ResourceId,
        /// Where the rule is written.
        rule: Option<&'a FirewallRuleName>,
    },
    /// An address in the Internet, or one that nobody there has.
    Address(Ipv4Addr),
}

impl Locator {
    /// The thing at this place. `snapshot` must be of the generation in which the packet was judged; `None` if it knows no such thing.
    pub fn object(self, snapshot: &Snapshot) -> Option<Object<'_>> {
        let names = &snapshot.provenance;
        match self {
            Self::Nic(nic) => named(&names.nics, nic.get()).map(Object::Nic),
            Self::Rule { level, rules, rule } => {
                let set = snapshot.rule_sets.get(rules.0 as usize)?;
                Some(Object::Rule {
                    level,
                    group: set
                        .group
                        .and_then(|group| named(&names.groups, group.get())),
                    rule: set.rules.get(usize::from(rule))?,
                })
            }
            Self::AdminRule { rules, rule } => {
                let set = snapshot.admin_rules.get(rules.0 as usize)?;
                let found = set.rules.get(usize::from(rule))?;
                Some(Object::AdminRule {
                    id: &found.id,
                    rule: &found.rule,
                })
            }
            Self::Route { fib, route } => {
                let rows = &snapshot.fibs.get(fib.0 as usize)?.routes;
                let row = rows.get(usize::from(route))?;
                let user_route = match row.origin {
                    RouteOrigin::User(table, position) => names
                        .route_tables
                        .get(table.get() as usize)
                        .and_then(Option::as_ref)
                        .and_then(|(table, routes)| {
                            Some((table, routes.get(usize::from(position))?.as_str()))
                        }),
                    RouteOrigin::System
                    | RouteOrigin::Peering(_)
                    | RouteOrigin::Gateway(_)
                    | RouteOrigin::RouteServer(_) => None,
                };
                Some(Object::Route { row, user_route })
            }
            Self::Link(link) => named(&names.links, link.get()).map(Object::Link),
            Self::VirtualNetwork(vnet) => {
                named(&names.virtual_networks, vnet.get()).map(Object::VirtualNetwork)
            }
            Self::Frontend(frontend) => {
                let balancer = snapshot.frontends.get(frontend.0 as usize)?.balancer;
                named(&names.load_balancers, balancer.get()).map(Object::LoadBalancer)
            }
            Self::Gateway(gateway) => named(&names.gateways, gateway.get()).map(Object::Gateway),
            Self::Connection(connection) => {
                named(&names.connections, connection.get()).map(Object::Connection)
            }
            Self::FirewallRule { firewall, rule } => {
                let rules = &snapshot.firewall(firewall)?.rules;
                Some(Object::FirewallRule {
                    firewall: named(&names.firewalls, firewall.get())?,
                    rule: rule.and_then(|rule| rules.get(usize::from(rule))),
                })
            }
            Self::Address(address) => Some(Object::Address(address)),
        }
    }
}

fn named(table: &[Option<ResourceId>], index: u32) -> Option<&ResourceId> {
    table.get(index as usize)?.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_gives_back_what_it_was_made_of() {
        let places = [
            Locator::Nic(NicId::new(70_000)),
            Locator::Rule {
                level: Level::Nic,
                rules: RuleSetId(3),
                rule: 1_002,
            },
            Locator::Rule {
                level: Level::Subnet,
                rules: RuleSetId(u32::MAX),
                rule: 0,
            },
            Locator::AdminRule {
                rules: AdminRulesId(6),
                rule: 7,
            },
            Locator::Route {
                fib: FibId(9),
                route: 400,
            },
            Locator::Link(LinkId::new(2)),
            Locator::VirtualNetwork(VnetId::new(1)),
            Locator::Frontend(FrontendId(4)),
            Locator::Gateway(GatewayId::new(5)),
            Locator::Connection(ConnectionId::new(6)),
            Locator::Address(Ipv4Addr::new(203, 0, 113, 7)),
        ];
        for &reason in DropReason::ALL {
            for at in places {
                let dropped = Dropped::new(reason, at);
                assert_eq!((dropped.reason(), dropped.at()), (reason, at));
            }
        }
    }

    #[test]
    fn every_reason_has_a_name_of_its_own_and_a_sentence() {
        let mut names: Vec<&str> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::ALL.len());
        for reason in DropReason::ALL {
            assert!(
                reason
                    .name()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-')
            );
            assert!(reason.description().ends_with('.'));
        }
        assert_eq!(format!("{:>12}", DropReason::NoRoute), "    no-route");
    }
}
