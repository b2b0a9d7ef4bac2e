//! What to change so that a dropped packet would pass: generated from the drop's own evidence, with the command where one does it.

mod gateway;
mod internet;
mod outside;
mod peering;

use std::net::Ipv4Addr;

use control::Snapshot;
use dataplane::dropped::{DropReason, Dropped, Locator};
use dataplane::packet::{FiveTuple, protocol};
use model::table::Resource;
use model::{
    Direction, Network, NicId, NicOwner, NsgId, ResourceId, RouteSource, RouteTableId, VnetId,
};

use crate::commands::group_of;
use crate::object::{Object, RuleObject, direction_word};
use crate::way_out::WayOut;

/// A drop with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The network as the user described it.
    pub network: &'a Network,
    /// What was compiled from it.
    pub snapshot: &'a Snapshot,
    /// The drop.
    pub dropped: Dropped,
    /// The NIC at which the packet was judged: the sender for a route, the receiver for its inbound rules.
    pub nic: NicId,
    /// The packet.
    pub packet: FiveTuple,
}

impl Situation<'_> {
    /// A sentence or two beyond the drop's own: why the network is as it is. Empty if there is nothing to add.
    pub fn background(&self) -> Vec<String> {
        if let Some(host) = self.outside() {
            return self.background_outside(host);
        }
        match self.dropped.reason() {
            DropReason::RouteNone | DropReason::NoRoute if !self.is_user_route() => {
                self.background_of_missing_route()
            }
            DropReason::PeeringForwardedBlocked => vec![
                "The packet's source lies outside the network it comes from, so it counts as forwarded, and the receiver's link decides (F-6, F-7).".to_owned(),
                "Azure has been seen to deliver such packets all the same; a design should not rely on that (F-10, option forwardedTraffic).".to_owned(),
            ],
            DropReason::VnetAccessBlocked => vec![
                "Without a network security group on the NIC or subnet, a peer behind a false access flag is judged by the default rules (F-4).".to_owned(),
            ],
            DropReason::OutsideInput if matches!(self.dropped.at(), Locator::FirewallRule { .. }) => vec![
                "Whether the firewall lets the packet pass depends on what the input does not hold (S-35).".to_owned(),
            ],
            DropReason::OutsideInput => vec![
                "What lies behind that link is not part of the input, so nobody here can say whether the packet arrives.".to_owned(),
            ],
            DropReason::NsgDeny => self.background_of_rule(),
            DropReason::NoOutboundMethod => self.background_of_missing_way_out(),
            DropReason::NoSuchHost => self.background_of_address(),
            DropReason::NoBackend => self.background_of_frontend(),
            _ => Vec::new(),
        }
    }

    /// What to change, the most direct way first.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm a reason: a table, not a procedure"
    )]
    pub fn ways_out(&self) -> Vec<WayOut> {
        if let Some(host) = self.outside() {
            return self.ways_out_outside(host);
        }
        let nic = self.nic_id();
        let object = Object::of_drop(self.snapshot, self.dropped);
        match self.dropped.reason() {
            DropReason::NoRoute | DropReason::RouteNone => self.for_missing_route(),
            DropReason::NsgDeny => self.for_rule(&object),
            DropReason::AdminDeny => vec![WayOut::new(format!(
                "Change the security admin rule ({object}), or put an AlwaysAllow rule of the network manager before it."
            ))],
            DropReason::PeeringForwardedBlocked => self.for_forwarded_traffic(),
            DropReason::VnetAccessBlocked => self.for_access_flag(),
            DropReason::SourcePrefixNotPeered => self.for_unknown_prefix(),
            DropReason::PeeringNotConnected => self.for_broken_peering(),
            DropReason::GatewayTransitOff => self.for_gateway_transit(),
            DropReason::SpoofSource => vec![
                ip_forwarding(&nic),
                WayOut::new(format!(
                    "Let the guest send from an address of {} (source NAT on an appliance).",
                    nic.name()
                )),
            ],
            DropReason::NotOwnerNoForwarding => vec![
                ip_forwarding(&nic),
                WayOut::new(format!(
                    "Correct the route that leads {} to this NIC.",
                    self.packet.destination
                )),
            ],
            DropReason::NextHopUnreachable => vec![
                WayOut::new(format!(
                    "Give the route ({object}) an appliance in the own network or in a directly peered one: a next hop is never looked up through other routes (R-24).",
                )),
                WayOut::new("Peer the own network with the network of the appliance."),
            ],
            DropReason::NoSuchHost => self.for_missing_host(&object),
            DropReason::NoBackend => self.for_frontend(&object.to_string()),
            DropReason::NoGateway => vec![
                WayOut::new(format!("Create a VPN gateway in {}.", self.vnet_name())),
                WayOut::new(
                    "Or peer with a network that has one: allowGatewayTransit there, useRemoteGateways here (F-11).",
                ),
            ],
            DropReason::OutsideInput | DropReason::GuestNotForwarding
                if matches!(object, Object::FirewallRule(_)) =>
            {
                self.for_firewall(&object)
            }
            DropReason::NoOutboundMethod => self.for_missing_way_out(),
            DropReason::OutsideInput => vec![WayOut::new(
                "Add the missing network to the input (`vnetsim collect` prints how), and ask again.",
            )],
            DropReason::VmStopped => self.for_stopped_guest(&nic),
            DropReason::GuestNotForwarding => vec![
                WayOut::new(format!(
                    "Let the guest behind {} forward: net.ipv4.ip_forward=1 in Linux; `role: appliance` in a scenario.",
                    nic.name()
                )),
                WayOut::new(format!(
                    "Correct the route that leads {} to this NIC.",
                    self.packet.destination
                )),
            ],
            DropReason::Ttl | DropReason::LoopGuard => vec![
                WayOut::new(format!(
                    "Look for a loop: a route on the subnet of {} that leads back to the sender (R-27).",
                    nic.name()
                )),
                WayOut::new("Or send with a larger time to live (`--ttl`)."),
            ],
            DropReason::TcpNoSyn => vec![
                WayOut::new(
                    "Make both directions pass the same appliance: symmetric routes, or source NAT on it (R-34).",
                ),
                WayOut::new("Or make the appliance stateless."),
            ],
            DropReason::MtuDf => vec![WayOut::new(
                "Send smaller packets, or without Don't Fragment (K-7).",
            )],
            DropReason::QueueFull => vec![WayOut::new("Send more slowly.")],
            DropReason::FlowTableFull => vec![WayOut::new(format!(
                "Spread the flows over more NICs than {}: Azure remembers 500,000 for each (S-8).",
                nic.name()
            ))],
            DropReason::GatewayNoRoute if matches!(object, Object::Connection { .. }) => {
                vec![WayOut::new(format!(
                    "Add the two ends to the traffic selectors of the {object}: a policy-based tunnel carries nothing else."
                ))]
            }
            DropReason::GatewayNoRoute => vec![WayOut::new(format!(
                "Add {} to a local network gateway or to what BGP announces to the {object}.",
                self.packet.destination
            ))],
            DropReason::GatewayConnectionDown => {
                vec![WayOut::new(format!("Bring up the {object}."))]
            }
            DropReason::FabricProtocol => vec![WayOut::new(
                "Use TCP, UDP or ICMP to a single host: the fabric carries no multicast, broadcast, IP-in-IP or GRE (N-8).",
            )],
            DropReason::FragmentOutOfOrder => {
                vec![WayOut::new("Avoid fragments: send smaller packets (S-25).")]
            }
            DropReason::BadHeader | DropReason::BadChecksum => {
                vec![WayOut::new("Correct the program that makes the packet.")]
            }
        }
    }

    fn nic_id(&self) -> ResourceId {
        self.network.nics()[self.nic].id.clone()
    }

    fn vnet(&self) -> VnetId {
        self.network.nics()[self.nic].virtual_network
    }

    fn vnet_id(&self, vnet: VnetId) -> &ResourceId {
        &self.network.virtual_networks()[vnet].id
    }

    fn vnet_name(&self) -> &str {
        self.vnet_id(self.vnet()).name()
    }

    /// The drop's route comes from a route table.
    fn is_user_route(&self) -> bool {
        let Locator::Route { fib, route } = self.dropped.at() else {
            return false;
        };
        let row = &self.snapshot.fibs[fib.0 as usize].routes[usize::from(route)];
        row.source == RouteSource::User
    }

    fn for_user_route(&self, table: RouteTableId, position: u16) -> Vec<WayOut> {
        let Some(table) = self.network.route_tables().get(table) else {
            return Vec::new();
        };
        let Some(route) = table.routes.get(usize::from(position)) else {
            return Vec::new();
        };
        let group = group_of(&table.id);
        vec![
            WayOut::with(
                format!(
                    "Change route {} of {}: its next hop is {}.",
                    route.name,
                    table.name(),
                    route.next_hop.kind()
                ),
                [format!(
                    "az network route-table route update -g {group} --route-table-name {} -n {} --next-hop-type <type>",
                    table.name(),
                    route.name
                )],
            ),
            WayOut::new(format!(
                "Or add a longer prefix for {} to {}.",
                self.packet.destination,
                table.name()
            )),
        ]
    }

    /// A firewall denies, or what decides is not in the input.
    fn for_firewall(&self, object: &Object) -> Vec<WayOut> {
        let packet = self.packet;
        let before = match object {
            Object::FirewallRule(decided) if decided.rule.is_some() => {
                format!(", in a collection before the one that decides ({object})")
            }
            _ => String::new(),
        };
        let allow = WayOut::new(format!(
            "Add a network rule to the firewall's policy that allows {packet}{before}."
        ));
        if self.dropped.reason() == DropReason::OutsideInput {
            return vec![
                WayOut::new(
                    "Add what decides to the input: the policy with its rule collection groups, IP groups, service tags. Rules by name (FQDN) stay unknown: only the content of a connection shows the name.",
                ),
                allow,
            ];
        }
        vec![allow]
    }

    fn for_rule(&self, object: &Object) -> Vec<WayOut> {
        let Locator::Rule { rules, .. } = self.dropped.at() else {
            return Vec::new();
        };
        let Object::Rule(rule) = object else {
            return Vec::new();
        };
        let compiled = self.snapshot.rules(rules);
        let Some(group) = compiled.group else {
            return Vec::new();
        };
        let is_default = rule.priority >= 65_000;
        let mut ways = vec![self.new_rule(group, compiled.direction, rule, is_default)];
        if !is_default {
            let id = &self.network.nsgs()[group].id;
            ways.push(WayOut::with(
                format!("Or narrow or delete rule {} of {}.", rule.rule, id.name()),
                [format!(
                    "az network nsg rule delete -g {} --nsg-name {} -n {}",
                    group_of(id),
                    id.name(),
                    rule.rule
                )],
            ));
        }
        ways
    }

    /// An allow rule in front of the one that denies.
    fn new_rule(
        &self,
        group: NsgId,
        direction: Direction,
        denying: &RuleObject,
        is_default: bool,
    ) -> WayOut {
        let id = &self.network.nsgs()[group].id;
        let before = if is_default { 4_096 } else { denying.priority };
        let priority = self.free_priority(group, direction, before);
        let FiveTuple {
            source,
            destination,
            protocol,
            destination_port,
            ..
        } = self.packet;
        let (name, ports) = match protocol {
            protocol::TCP => ("Tcp", destination_port.to_string()),
            protocol::UDP => ("Udp", destination_port.to_string()),
            protocol::ICMP => ("Icmp", "'*'".to_owned()),
            _ => ("'*'", "'*'".to_owned()),
        };
        let shown = priority.map_or_else(|| "<priority>".to_owned(), |free| free.to_string());
        WayOut::with(
            format!(
                "Allow it {} in {} (at the {}) by a rule with a priority below {}.",
                direction_word(direction),
                id.name(),
                denying.level,
                denying.priority
            ),
            [format!(
                "az network nsg rule create -g {} --nsg-name {} -n <name> --priority {shown} --direction {direction} --access Allow --protocol {name} --source-address-prefixes {source} --destination-address-prefixes {destination} --destination-port-ranges {ports}",
                group_of(id),
                id.name(),
            )],
        )
    }

    /// The highest priority below `before` that no rule of the direction has.
    fn free_priority(&self, group: NsgId, direction: Direction, before: u16) -> Option<u16> {
        let rules = &self.network.nsgs()[group].rules;
        let taken = |priority| {
            rules
                .iter()
                .any(|rule| rule.direction == direction && rule.priority == priority)
        };
        (model::security::MIN_PRIORITY..before)
            .rev()
            .find(|&priority| !taken(priority))
    }

    /// Why a default rule came to decide: an address is not in the tag that the allow rule asks for (T-2).
    fn background_of_rule(&self) -> Vec<String> {
        let Object::Rule(rule) = Object::of_drop(self.snapshot, self.dropped) else {
            return Vec::new();
        };
        if rule.priority != 65_500 {
            return Vec::new();
        }
        let Some(nic) = self.snapshot.nic(self.nic) else {
            return Vec::new();
        };
        let tag = &self.snapshot.tags_of(nic).virtual_network;
        [self.packet.source, self.packet.destination]
            .into_iter()
            .filter(|&address| !tag.contains(address))
            .map(|address| {
                format!(
                    "The default allow rules did not match: {address} is not in the VirtualNetwork tag as {} sees it (own space, peers with access, user-defined routes of its own subnet; T-1, T-2).",
                    self.nic_id().name()
                )
            })
            .collect()
    }

    fn for_missing_host(&self, object: &Object) -> Vec<WayOut> {
        let mut ways = Vec::new();
        let next_hop = match object {
            Object::Route(route) if route.next_hop_type == "VirtualAppliance" => {
                route.next_hop_ips.first().copied()
            }
            _ => None,
        };
        let wanted = next_hop.unwrap_or(self.packet.destination);
        ways.push(WayOut::new(format!(
            "Give {wanted} to a NIC: nobody owns that address."
        )));
        if next_hop.is_some() {
            ways.push(WayOut::new(format!(
                "Or correct the next hop of the {object}."
            )));
        } else if let Some(near) = self.nearest_owner(wanted) {
            ways.push(WayOut::new(format!("Did you mean {near}?")));
        }
        ways
    }

    /// A NIC whose address differs least from one that nobody has, in the same subnet.
    fn nearest_owner(&self, address: Ipv4Addr) -> Option<String> {
        let subnet = self
            .network
            .subnets()
            .iter()
            .find(|(_, subnet)| subnet.contains(address))?
            .0;
        self.network
            .nics()
            .values()
            .filter(|nic| nic.subnet() == subnet)
            .min_by_key(|nic| u32::from(nic.primary_address()).abs_diff(u32::from(address)))
            .map(|nic| format!("{} ({})", nic.primary_address(), nic.name()))
    }

    fn for_stopped_guest(&self, nic: &ResourceId) -> Vec<WayOut> {
        match self.network.nics()[self.nic].owner {
            NicOwner::VirtualMachine(vm) => {
                let vm = &self.network.virtual_machines()[vm].id;
                vec![WayOut::with(
                    format!("Start {}.", vm.name()),
                    [format!("az vm start -g {} -n {}", group_of(vm), vm.name())],
                )]
            }
            NicOwner::Unattached => vec![WayOut::new(format!(
                "Attach {} to a running VM.",
                nic.name()
            ))],
            NicOwner::AzureFirewall(_)
            | NicOwner::VirtualNetworkAppliance(_)
            | NicOwner::GatewayInstance(..)
            | NicOwner::PrivateEndpoint(_) => {
                vec![WayOut::new(format!("Start what owns {}.", nic.name()))]
            }
        }
    }

    fn names(&self, vnets: &[VnetId]) -> String {
        vnets
            .iter()
            .map(|&vnet| self.vnet_id(vnet).name())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

pub(crate) fn ip_forwarding(nic: &ResourceId) -> WayOut {
    WayOut::with(
        format!("Turn on IP forwarding of {}.", nic.name()),
        [format!(
            "az network nic update -g {} -n {} --ip-forwarding true",
            group_of(nic),
            nic.name()
        )],
    )
}
