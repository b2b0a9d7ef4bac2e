//! The compiled tables: what the data plane reads, and the provenance that turns its small numbers back into names.

mod edge;
mod gateways;
mod routes;
mod rules;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use fib::AddressSet;
use ipnet::Ipv4Net;
use model::{
    FirewallId, GatewayId, LinkId, Listener, NicId, OnPremisesId, Options, OutsidePlace,
    ResourceId, StationId, SubnetId, VirtualNetworkApplianceId, VmId, VnetId,
};

use crate::few::Few;
use crate::firewalls::Firewall;
use crate::note::Note;
use crate::recompile::Kept;

pub use self::edge::{
    ForwardingKind, ForwardingRule, Frontend, Health, InternetAccess, InternetEdge, Member,
    PublicOwner, SharedAddress, Translator, WayOut,
};
pub use self::gateways::{Far, Gateway, OutsideHost, Site, Tunnel};
pub use self::routes::{CompiledFib, EffectiveRoute, FibEntry, NextHop, RouteOrigin};
pub use self::rules::{
    AZURE_LOAD_BALANCER, AdminRules, CompiledAdminRule, CompiledAdminRules, CompiledRules,
    GroupRules, INTERNET, Level, Policy, Rules, RulesInOrder, TagView, VIRTUAL_NETWORK,
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

/// The resource id of a route table, and the names of its routes by position.
pub type RouteTableNames = (ResourceId, Arc<[String]>);

/// Names for people: what the small numbers of the hot tables stand for.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Resource ids of NICs, by [`NicId`].
    pub nics: Arc<[Option<ResourceId>]>,
    /// Resource ids of security groups, by [`model::NsgId`].
    pub groups: Arc<[Option<ResourceId>]>,
    /// Resource ids of links, by [`LinkId`].
    pub links: Arc<[Option<ResourceId>]>,
    /// Resource ids of gateways, by [`GatewayId`].
    pub gateways: Arc<[Option<ResourceId>]>,
    /// Resource ids of gateway connections, by [`model::ConnectionId`].
    pub connections: Arc<[Option<ResourceId>]>,
    /// Resource ids of Azure firewalls, by [`FirewallId`].
    pub firewalls: Arc<[Option<ResourceId>]>,
    /// Resource ids of route servers, by [`model::RouteServerId`].
    pub route_servers: Arc<[Option<ResourceId>]>,
    /// Resource ids of virtual networks, by [`VnetId`].
    pub virtual_networks: Arc<[Option<ResourceId>]>,
    /// Resource ids of public addresses, by [`model::PublicIpId`].
    pub public_ips: Arc<[Option<ResourceId>]>,
    /// Resource ids of NAT gateways, by [`model::NatGatewayId`].
    pub nat_gateways: Arc<[Option<ResourceId>]>,
    /// Resource ids of load balancers, by [`model::LoadBalancerId`].
    pub load_balancers: Arc<[Option<ResourceId>]>,
    /// Resource ids of route tables with the names of their routes, by [`model::RouteTableId`].
    pub route_tables: Arc<[Option<RouteTableNames>]>,
    /// Things that the compiler noticed and a user should know, sorted, each once.
    pub notes: Arc<[Note]>,
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
