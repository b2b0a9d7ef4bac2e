//! The compiled tables: what the data plane reads, and the provenance that turns its small numbers back into names.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::effective_routes::RouteView;
use crate::few::Few;
use crate::firewalls::Firewall;
use crate::note::Note;
use crate::recompile::Kept;
use arrayvec::ArrayVec;
use fib::{AddressSet, Fib, Ranges};
use ipnet::Ipv4Net;
use model::{
    AdminAccess, ConnectionId, Direction, FirewallId, GatewayId, LinkId, Listener, LoadBalancerId,
    NatGatewayId, NetworkManagerId, NextHopType, NicId, NsgId, OnPremisesId, Options, OutsidePlace,
    PublicIpId, ResourceId, RouteServerId, RouteSource, RouteState, RouteTableId,
    SecurityAdminRule, StationId, SubnetId, TrafficSelector, VirtualNetworkApplianceId, VmId,
    VnetId,
};

/// What Azure's controller would have programmed, for one state of the network. Its parts are shared with the snapshots of other
/// states in which they are the same.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Counts the compiled states of one network, from 1.
    pub generation: u32,
    /// Options in force when it was compiled.
    pub options: Options,
    /// By [`NicId`]; a deleted NIC leaves a hole.
    pub nics: Arc<[Option<Nic>]>,
    /// By [`PolicyId`].
    pub policies: Arc<[Policy]>,
    /// Hosts outside Azure, by their workers: they have no rules and no routes.
    pub outside_hosts: Arc<BTreeMap<StationId, OutsideHost>>,
    /// Networks outside Azure, by [`OnPremisesId`]; a deleted one leaves a hole.
    pub sites: Arc<[Option<Site>]>,
    /// What VPN clients send into the tunnel, by their workers (G-11).
    pub profiles: Arc<BTreeMap<StationId, AddressSet>>,
    /// By [`GuestId`].
    pub guests: Arc<[Guest]>,
    /// By [`FibId`].
    pub fibs: Arc<[Arc<CompiledFib>]>,
    /// By [`TagViewId`].
    pub tag_views: Arc<[Arc<TagView>]>,
    /// By [`RuleSetId`].
    pub rule_sets: Arc<[Arc<CompiledRules>]>,
    /// By [`AdminRulesId`].
    pub admin_rules: Arc<[Arc<CompiledAdminRules>]>,
    /// By [`VnetId`]; a deleted network leaves a hole.
    pub virtual_networks: Arc<[Option<Arc<VirtualNetwork>>]>,
    /// By [`LinkId`]; a deleted link leaves a hole.
    pub links: Arc<[Option<Arc<Link>>]>,
    /// By [`FrontendId`].
    pub frontends: Arc<[Frontend]>,
    /// Where the Internet begins.
    pub edge: Arc<InternetEdge>,
    /// By [`GatewayId`]; a deleted gateway leaves a hole.
    pub gateways: Arc<[Option<Gateway>]>,
    /// By [`FirewallId`]; a deleted firewall leaves a hole.
    pub firewalls: Arc<[Option<Firewall>]>,
    /// Names for people; never read on the way of a packet.
    pub provenance: Provenance,
    /// What the compiler needs again after a change.
    pub(crate) kept: Kept,
}

macro_rules! indexes {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    )+};
}

indexes! {
    /// A policy, shared by the NICs of a subnet with the same group of their own.
    PolicyId,
    /// A compiled FIB, shared by all NICs with the same view of the network.
    FibId,
    /// A tag view; as many as FIBs at most.
    TagViewId,
    /// The compiled rules of one security group in one direction.
    RuleSetId,
    /// The compiled security admin rules of one network manager in one direction.
    AdminRulesId,
    /// What stands behind one or more NICs.
    GuestId,
    /// A frontend of a load balancer.
    FrontendId,
}

/// A worker: one NIC with references to its shared tables.
#[derive(Clone, Debug)]
pub struct Nic {
    /// Own private addresses, the primary first (N-2); behind them the frontends with floating IP, whose address the guest has on a
    /// loopback interface.
    pub addresses: Few<Ipv4Addr>,
    /// The virtual network.
    pub virtual_network: VnetId,
    /// The subnet of the primary address.
    pub subnet: SubnetId,
    /// Where its packets go.
    pub fib: FibId,
    /// What service tags mean to it.
    pub tags: TagViewId,
    /// Which rules judge its packets, and how long its flows are remembered.
    pub policy: PolicyId,
    /// N-1: off = only own addresses are sent from and received for.
    pub ip_forwarding: bool,
    /// A TCP packet without SYN may begin a flow whatever `tcpStrict` says (S-20).
    pub tcp_state_tracking_disabled: bool,
    /// What stands behind it.
    pub guest: GuestId,
    /// `macAddress`, where the input has one.
    pub mac_address: Option<[u8; 6]>,
    /// How it reaches the Internet (N-12).
    pub internet: InternetAccess,
}

/// What a NIC shares with the others of its subnet that have the same group of their own: all that has to do with rules. One look-up
/// away from the NIC, so that a change of rules or links leaves the records of NICs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Security admin rules, which are asked before all others (S-13); `None` where none reaches. Shared by a network's NICs.
    pub admin: Option<Arc<AdminRules>>,
    /// Outbound rules in the order in which they are asked: NIC, then subnet (S-11).
    pub outbound: Rules,
    /// Inbound rules in the order in which they are asked: subnet, then NIC (S-11).
    pub inbound: Rules,
    /// Idle time after which a flow is forgotten, in nanoseconds (S-21).
    pub idle_timeout_ns: u64,
}

/// A network outside Azure, as packets meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The gateway it hangs on.
    pub gateway: GatewayId,
    /// Its own prefixes.
    pub prefixes: AddressSet,
    /// What its routers send to the gateway (G-7).
    pub knows: AddressSet,
    /// The tunnels that lead to it, by number in [`Gateway::tunnels`].
    pub tunnels: Vec<u16>,
    /// The input says which hosts there are.
    pub has_hosts: bool,
}

/// A host outside Azure, as packets meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsideHost {
    /// The address it sends from, and unless it is in the Internet the only one it answers for.
    pub address: Ipv4Addr,
    /// Where it is, and so where its packets enter Azure.
    pub place: OutsidePlace,
    /// What stands behind it.
    pub guest: GuestId,
}

impl OutsideHost {
    /// Whether packets for this address are for this host, once they have come to its place.
    pub fn answers_for(&self, address: Ipv4Addr) -> bool {
        self.place == OutsidePlace::Internet || self.address == address
    }
}

/// The rules that judge the packets of a NIC in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rules {
    /// No security group at either level: everything passes, and the NIC keeps no flow state.
    None,
    /// One or two groups; all must allow.
    Groups(ArrayVec<GroupRules, 2>),
    /// No group, but a link with false access flag (F-4): packets from or to its range are judged by the default rules.
    BlockedPeers {
        /// The default rules in this direction.
        default_rules: RuleSetId,
        /// Link whose `allowVirtualNetworkAccess` is false, for addresses in its remote range.
        ranges: Arc<Ranges<Option<LinkId>>>,
    },
}

/// The security admin rules of the NICs of a virtual network (S-13): those of one manager after the other, the higher scope first. The
/// first rule that matches decides, whichever manager has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminRules {
    /// One set a manager.
    pub outbound: Vec<AdminRulesId>,
    /// One set a manager, the same managers as outbound.
    pub inbound: Vec<AdminRulesId>,
}

/// The security admin rules of one manager in one direction, as they reach a virtual network, by priority (S-13).
#[derive(Clone, Debug)]
pub struct CompiledAdminRules {
    /// The manager.
    pub manager: NetworkManagerId,
    /// Seen from the VM.
    pub direction: Direction,
    /// First match wins; there may be none.
    pub table: acl::RuleSet,
    /// The same rules with all ports full, where the option `icmpPorts: ignore` has them judge ICMP (S-6).
    pub icmp_table: Option<acl::RuleSet>,
    /// What each rule says, by position.
    pub verdicts: Vec<AdminAccess>,
    /// What `table` was built from, in the same order; cold.
    pub resolved: Vec<acl::Rule>,
    /// The rules themselves, in the same order; cold.
    pub rules: Vec<CompiledAdminRule>,
}

/// A security admin rule with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledAdminRule {
    /// Its resource id, which holds manager, configuration and collection.
    pub id: ResourceId,
    /// The rule.
    pub rule: SecurityAdminRule,
}

/// One security group of a NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRules {
    /// Where it is attached.
    pub level: Level,
    /// Its rules in this direction.
    pub rules: RuleSetId,
}

/// Where a security group is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// To the NIC.
    Nic,
    /// To the subnet.
    Subnet,
}

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

/// What stands behind one or more NICs.
#[derive(Clone, Debug)]
pub struct Guest {
    /// What it is.
    pub kind: GuestKind,
    /// Its NICs, the primary first.
    pub nics: Few<NicId>,
    /// Prefixes of the subnets of its NICs: what lies in one leaves through that NIC, the rest through the primary (N-3).
    pub connected: Few<(Ipv4Net, NicId)>,
    /// False: its packets go nowhere.
    pub running: bool,
    /// What listens; `None` = everything, as nearly all do.
    pub listen: Option<Arc<Vec<Listener>>>,
}

/// Kinds of guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// A VM that discards what is not for it.
    Host(VmId),
    /// A VM that routes what is not for it.
    Appliance {
        /// The VM.
        vm: VmId,
        /// It puts its own address in place of the source.
        source_nat: bool,
        /// It drops TCP packets of connections whose SYN it has not seen.
        stateful: bool,
    },
    /// An Azure firewall: an appliance of the platform.
    Firewall(FirewallId),
    /// A managed routing appliance: it forwards and does nothing else (G-12).
    RoutingAppliance(VirtualNetworkApplianceId),
    /// An instance of a virtual network gateway.
    Gateway(GatewayId),
    /// A private endpoint: what comes to it has reached a service of Azure.
    PrivateEndpoint,
    /// A host outside Azure.
    Outside,
    /// A NIC without a VM.
    Nobody,
}

/// A FIB with the effective routes it was compiled from.
#[derive(Clone, Debug)]
pub struct CompiledFib {
    /// What the rows depend on; cold.
    pub view: RouteView,
    /// Longest-prefix match; R-20 is compiled in.
    pub table: Fib<FibEntry>,
    /// Next hops that share one prefix, by the number in [`NextHop::Shared`].
    pub shared: Vec<Vec<FibEntry>>,
    /// The rows in the order in which Azure prints them; cold.
    pub routes: Vec<EffectiveRoute>,
}

/// What a FIB answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FibEntry {
    /// Position of the deciding row in [`CompiledFib::routes`].
    pub route: u16,
    /// Where the packet goes.
    pub next_hop: NextHop,
}

/// Compiled next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// The owner of the destination in the own virtual network.
    Local,
    /// The owner of the destination in the network behind this link.
    Peer(LinkId),
    /// The owner of the destination in a network of the same connected group.
    Group(VnetId),
    /// A NIC that forwards (an appliance, a firewall, a gateway instance named by address), or a private endpoint.
    Nic(NicId),
    /// A member behind a load balancer's frontend, chosen by a symmetric hash of the five-tuple.
    Frontend(FrontendId),
    /// Nobody owns the appliance's address (R-26a).
    NobodyThere,
    /// Somebody owns the appliance's address whose packets are not simulated.
    Unsimulated,
    /// The appliance's address is not directly connected.
    Unreachable,
    /// One of several that share the prefix, chosen by a hash of the five-tuple: a number in [`CompiledFib::shared`].
    Shared(u16),
    /// A virtual network gateway (G-5, G-7).
    Gateway(GatewayId),
    /// There is no gateway to use.
    NoGateway,
    /// There is a gateway behind this link, but the flags do not pair (F-11).
    TransitOff(LinkId),
    /// A network that is not part of the input lies behind this link.
    Outside(LinkId),
    /// The Internet.
    Internet,
    /// An Azure service behind a service endpoint.
    AzureService,
    /// Dropped: a row with next hop None.
    Discard,
}

/// One row of a NIC's effective routes (O-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveRoute {
    /// Where the row comes from.
    pub source: RouteSource,
    /// Whether it takes part.
    pub state: RouteState,
    /// Usually one prefix; several for a service endpoint.
    pub prefixes: Few<Ipv4Net>,
    /// Type as printed.
    pub next_hop_type: NextHopType,
    /// Addresses as printed; empty if none.
    pub next_hop_ips: Few<Ipv4Addr>,
    /// What made the row.
    pub origin: RouteOrigin,
}

/// What made a row, and so what would have to change to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteOrigin {
    /// The virtual network itself: its space, the Internet row, the `None` rows.
    System,
    /// A peering link.
    Peering(LinkId),
    /// A user-defined route: its table and its position there.
    User(RouteTableId, u16),
    /// A gateway.
    Gateway(GatewayId),
    /// A route server: the packet goes to the appliance at the row's address (G-10).
    RouteServer(RouteServerId),
}

/// What service tags cover for the NICs of one FIB, as class bits for `acl`.
#[derive(Clone, Debug)]
pub struct TagView {
    /// Bits of [`VIRTUAL_NETWORK`], [`INTERNET`] and [`AZURE_LOAD_BALANCER`] of an address.
    pub classes: Ranges<u32>,
    /// All addresses of the `VirtualNetwork` tag (T-1).
    pub virtual_network: AddressSet,
    /// All addresses of the `Internet` tag (T-6).
    pub internet: AddressSet,
}

/// Class bit of the `VirtualNetwork` tag.
pub const VIRTUAL_NETWORK: u8 = 0;
/// Class bit of the `Internet` tag.
pub const INTERNET: u8 = 1;
/// Class bit of the `AzureLoadBalancer` tag.
pub const AZURE_LOAD_BALANCER: u8 = 2;

/// The rules of one security group in one direction: the user's by priority, then the three defaults (S-7, S-10).
#[derive(Clone, Debug)]
pub struct CompiledRules {
    /// The group; `None` for the default rules of a NIC without group (F-4).
    pub group: Option<NsgId>,
    /// Seen from the VM.
    pub direction: Direction,
    /// First match wins.
    pub table: acl::RuleSet,
    /// The same rules with all ports full, where the option `icmpPorts: ignore` has them judge ICMP (S-6).
    pub icmp_table: Option<acl::RuleSet>,
    /// `flushConnection` of the group (S-22).
    pub flush_connection: bool,
    /// Generation in which the rules were last applied to running flows too (`flushConnection`, S-22); 0 = never.
    pub flushed_in: u32,
    /// Says by position whether the rule allows; one per rule, so that a verdict is one look-up.
    pub allows: Vec<bool>,
    /// Positions of rules that name an `AzurePlatform*` tag, ascending: the only ones that packets to the platform obey (S-26); cold.
    pub platform: Vec<u32>,
    /// What `table` was built from, in the same order: the fields one by one, for those who ask which of them matched; cold.
    pub resolved: Vec<acl::Rule>,
    /// The rules themselves, in the same order; cold.
    pub rules: Vec<model::SecurityRule>,
}

/// A virtual network as packets see it.
#[derive(Clone, Debug)]
pub struct VirtualNetwork {
    /// Who owns an address in it.
    pub owners: Arc<AddressOwners>,
    /// Its present address space.
    pub space: AddressSet,
    /// Its own links by remote network, sorted by network: the receiver's side of a boundary.
    pub links: Vec<(VnetId, LinkId)>,
    /// Networks in a connected group with it, ascending.
    pub grouped: Vec<VnetId>,
}

/// Owners by private address. Every packet that is routed asks, so the hasher is a quick one.
pub type AddressOwners = HashMap<Ipv4Addr, Owner, foldhash::fast::RandomState>;

/// Who owns an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A NIC.
    Nic(NicId),
    /// A load balancer frontend.
    Frontend(FrontendId),
    /// A resource whose packets are not simulated.
    Unsimulated,
}

/// A peering link as the receiver's gatekeeper (F-6, F-7).
#[derive(Clone, Debug)]
pub struct Link {
    /// The network that holds the link.
    pub local: VnetId,
    /// The network it points to; `None` if it is not part of the input.
    pub remote: Option<VnetId>,
    /// Only a Connected link lets anything pass.
    pub connected: bool,
    /// Sources that count as ordinary: what this side knows of the remote network (F-7.1).
    pub known_sources: AddressSet,
    /// The remote network's present space: sources in it but not known are refused (F-7.2).
    pub remote_space: AddressSet,
    /// What happens to forwarded packets (F-6, F-9a, F-10).
    pub forwarded: ForwardedTraffic,
    /// The networks lie in different regions.
    pub global: bool,
}

/// What a link does with packets whose source does not lie in the remote network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedTraffic {
    /// `allowForwardedTraffic` is true (F-6).
    Allowed,
    /// The flag is false, but the network uses the remote network's live gateway (F-9a).
    AllowedByRemoteGateway,
    /// The flag is false, and `forwardedTraffic: lenient` lets the packet pass with a remark (F-10).
    Tolerated,
    /// Dropped.
    Blocked,
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

/// A virtual network gateway as packets meet it.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// NICs of its instances; more than one for active-active (G-2).
    pub instances: Vec<NicId>,
    /// Own and peered space: what lies there is routed by `GatewaySubnet`, never into a tunnel (R-20.1, G-6).
    pub inside: AddressSet,
    /// What its connections, networks on premises and VPN clients are reached through.
    pub tunnels: Vec<Tunnel>,
    /// Tunnels that share a prefix, by number in `tunnels`.
    pub groups: Vec<Vec<u16>>,
    /// Where a prefix outside lies, by number in `groups` (G-7, G-8).
    pub table: Fib<u16>,
    /// Prefixes behind connections that are down (G-3).
    pub down: Fib<ConnectionId>,
    /// What the profile of a VPN client holds that is downloaded now (G-11).
    pub profile: AddressSet,
    /// A route server hands routes on between the gateways of the network (G-9).
    pub branch_to_branch: bool,
}

/// A tunnel of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Its connection; none for networks on premises that the input joins to the gateway directly, and for VPN clients.
    pub connection: Option<ConnectionId>,
    /// Whether it carries anything (G-3).
    pub up: bool,
    /// Its other end.
    pub far: Far,
    /// The only traffic that it carries; empty = everything.
    pub selectors: Vec<TrafficSelector>,
}

impl Tunnel {
    /// Whether packets between an address in Azure and one on the far side are carried.
    pub fn carries(&self, local: Ipv4Addr, remote: Ipv4Addr) -> bool {
        self.selectors.is_empty()
            || self
                .selectors
                .iter()
                .any(|selector| selector.carries(local, remote))
    }
}

/// The other end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Far {
    /// Hosts outside Azure: on premises, or VPN clients.
    Site,
    /// Another gateway of the input.
    Gateway(GatewayId),
    /// Something in Azure that the input does not hold.
    Unknown,
}

/// The resource id of a route table, and the names of its routes by position.
pub type RouteTableNames = (ResourceId, Arc<[String]>);

/// Names for people: what the small numbers of the hot tables stand for.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Resource ids of NICs, by [`NicId`].
    pub nics: Arc<[Option<ResourceId>]>,
    /// Resource ids of security groups, by [`NsgId`].
    pub groups: Arc<[Option<ResourceId>]>,
    /// Resource ids of links, by [`LinkId`].
    pub links: Arc<[Option<ResourceId>]>,
    /// Resource ids of gateways, by [`GatewayId`].
    pub gateways: Arc<[Option<ResourceId>]>,
    /// Resource ids of gateway connections, by [`ConnectionId`].
    pub connections: Arc<[Option<ResourceId>]>,
    /// Resource ids of Azure firewalls, by [`FirewallId`].
    pub firewalls: Arc<[Option<ResourceId>]>,
    /// Resource ids of route servers, by [`RouteServerId`].
    pub route_servers: Arc<[Option<ResourceId>]>,
    /// Resource ids of virtual networks, by [`VnetId`].
    pub virtual_networks: Arc<[Option<ResourceId>]>,
    /// Resource ids of public addresses, by [`PublicIpId`].
    pub public_ips: Arc<[Option<ResourceId>]>,
    /// Resource ids of NAT gateways, by [`NatGatewayId`].
    pub nat_gateways: Arc<[Option<ResourceId>]>,
    /// Resource ids of load balancers, by [`LoadBalancerId`].
    pub load_balancers: Arc<[Option<ResourceId>]>,
    /// Resource ids of route tables with the names of their routes, by [`RouteTableId`].
    pub route_tables: Arc<[Option<RouteTableNames>]>,
    /// Things that the compiler noticed and a user should know, sorted, each once.
    pub notes: Arc<[Note]>,
}

impl Policy {
    /// The rules of security groups in a direction.
    #[inline]
    pub fn rules_in(&self, direction: Direction) -> &Rules {
        match direction {
            Direction::Outbound => &self.outbound,
            Direction::Inbound => &self.inbound,
        }
    }

    /// The sets of security admin rules that are asked in a direction, in their order; empty where none reaches.
    pub fn admin_in(&self, direction: Direction) -> &[AdminRulesId] {
        self.admin.as_deref().map_or(&[], |admin| match direction {
            Direction::Outbound => &admin.outbound,
            Direction::Inbound => &admin.inbound,
        })
    }
}

impl CompiledAdminRules {
    /// Position of the first rule that matches.
    #[inline]
    pub fn first_match(&self, key: &acl::Key) -> Option<u32> {
        const ICMP: u8 = 1;
        self.icmp_table
            .as_ref()
            .filter(|_| key.protocol == ICMP)
            .unwrap_or(&self.table)
            .first_match(key)
    }
}

impl Snapshot {
    /// The NIC, unless it was deleted.
    #[inline]
    pub fn nic(&self, nic: NicId) -> Option<&Nic> {
        self.nics.get(nic.get() as usize)?.as_ref()
    }

    /// Which rules judge the packets of a NIC.
    #[inline]
    pub fn policy_of(&self, nic: &Nic) -> &Policy {
        &self.policies[nic.policy.0 as usize]
    }

    /// The FIB of a NIC.
    #[inline]
    pub fn fib_of(&self, nic: &Nic) -> &CompiledFib {
        &self.fibs[nic.fib.0 as usize]
    }

    /// The tag view of a NIC.
    #[inline]
    pub fn tags_of(&self, nic: &Nic) -> &TagView {
        &self.tag_views[nic.tags.0 as usize]
    }

    /// The rules of a group.
    #[inline]
    pub fn rules(&self, set: RuleSetId) -> &CompiledRules {
        &self.rule_sets[set.0 as usize]
    }

    /// A network outside Azure.
    pub fn site(&self, site: OnPremisesId) -> Option<&Site> {
        self.sites.get(site.get() as usize)?.as_ref()
    }

    /// What a VPN client of a gateway would be told now (G-11); `None` if the gateway is gone.
    pub fn current_profile(&self, gateway: GatewayId) -> Option<&AddressSet> {
        Some(&self.gateway(gateway)?.profile)
    }

    /// The host outside Azure that has this address behind this gateway.
    pub fn host_behind(&self, gateway: GatewayId, address: Ipv4Addr) -> Option<StationId> {
        let is_behind = |place| match place {
            OutsidePlace::OnPremises(site) => {
                self.site(site).is_some_and(|site| site.gateway == gateway)
            }
            OutsidePlace::VpnClient(behind) => behind == gateway,
            OutsidePlace::Internet => false,
        };
        self.outside_hosts
            .iter()
            .find(|(_, host)| host.address == address && is_behind(host.place))
            .map(|(&station, _)| station)
    }

    /// The host outside Azure that has this worker.
    #[inline]
    pub fn outside_host(&self, station: StationId) -> Option<&OutsideHost> {
        // A worker is one or the other, and packets ask for the NIC anyway: only the few hosts pay for a search.
        if self.nic(station).is_some() {
            return None;
        }
        self.outside_hosts.get(&station)
    }

    /// What stands behind a worker: a NIC, or a host outside Azure.
    pub fn guest_behind(&self, worker: NicId) -> Option<(GuestId, &Guest)> {
        let guest = match self.nic(worker) {
            Some(nic) => nic.guest,
            None => self.outside_host(worker)?.guest,
        };
        Some((guest, &self.guests[guest.0 as usize]))
    }

    /// Whether packets for this address that have come to this worker are for it.
    pub fn answers_for(&self, worker: NicId, address: Ipv4Addr) -> bool {
        match self.nic(worker) {
            Some(nic) => nic.addresses.contains(&address),
            None => self
                .outside_host(worker)
                .is_some_and(|host| host.answers_for(address)),
        }
    }

    /// The security admin rules of a manager.
    pub fn admin_rules(&self, set: AdminRulesId) -> &CompiledAdminRules {
        &self.admin_rules[set.0 as usize]
    }

    /// The guest behind a NIC.
    pub fn guest_of(&self, nic: &Nic) -> &Guest {
        &self.guests[nic.guest.0 as usize]
    }

    /// The virtual network, unless it was deleted.
    pub fn virtual_network(&self, vnet: VnetId) -> Option<&VirtualNetwork> {
        self.virtual_networks.get(vnet.get() as usize)?.as_deref()
    }

    /// The link, unless it was deleted.
    pub fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(link.get() as usize)?.as_deref()
    }

    /// The Azure firewall, unless it was deleted.
    pub fn firewall(&self, firewall: FirewallId) -> Option<&Firewall> {
        self.firewalls.get(firewall.get() as usize)?.as_ref()
    }

    /// The gateway, unless it was deleted.
    pub fn gateway(&self, gateway: GatewayId) -> Option<&Gateway> {
        self.gateways.get(gateway.get() as usize)?.as_ref()
    }

    /// Whether a rule of a public frontend takes packets to a port, so that nobody may send from it.
    pub fn is_forwarded(&self, address: Ipv4Addr, protocol: u8, port: u16) -> bool {
        match self.edge.owners.get(&address) {
            Some(&PublicOwner::Frontend(frontend)) => self
                .frontend(frontend)
                .rule_for(protocol, Some(port))
                .is_some(),
            _ => false,
        }
    }

    /// Whether a translator stands between Azure and the Internet, so that it translates nothing on other ways.
    pub fn is_at_the_edge(&self, by: Translator) -> bool {
        match by {
            Translator::Frontend(frontend) => self.frontend(frontend).public,
            Translator::PublicIp(_) | Translator::NatGateway(_) | Translator::DefaultOutbound => {
                true
            }
        }
    }

    /// The load balancer's frontend.
    pub fn frontend(&self, frontend: FrontendId) -> &Frontend {
        &self.frontends[frontend.0 as usize]
    }

    /// The receiver's link to the sender's network: the gatekeeper of the boundary (F-6).
    pub fn link_between(&self, receiver: VnetId, sender: VnetId) -> Option<LinkId> {
        let links = &self.virtual_network(receiver)?.links;
        let position = links
            .binary_search_by_key(&sender, |&(remote, _)| remote)
            .ok()?;
        Some(links[position].1)
    }
}
