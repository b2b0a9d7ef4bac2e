//! Ways out of drops that a peering link, or the lack of one, has caused.

use control::snapshot::RouteOrigin;
use dataplane::dropped::Locator;
use model::table::Resource;
use model::{NicId, PeeringScope, PeeringState, VnetId};

use super::{Situation, WayOut};
use crate::commands::{create_link, reconnect, set_flag, sync};
use crate::object::short;
use crate::relation::{Relation, home_of, link_to};

impl Situation<'_> {
    pub(super) fn background_of_missing_route(&self) -> Vec<String> {
        let address = self.packet.destination;
        let here = self.vnet();
        let Some(there) = home_of(self.network, address) else {
            if let Some(told) = self.background_of_missing_gateway_route() {
                return vec![told];
            }
            return vec![format!(
                "No virtual network of the input contains {address}."
            )];
        };
        let (from, to) = (self.vnet_name(), self.vnet_id(there).name());
        match Relation::between(self.network, here, there, address) {
            Relation::Same => Vec::new(),
            Relation::Through(middles) => {
                let middles = self.names(&middles);
                vec![format!(
                    "{address} is in {to}. {from} and {to} are not peered with each other, only both with {middles}, and peering is not transitive (P-4)."
                )]
            }
            Relation::Apart => vec![format!(
                "{address} is in {to}, and no peering joins {from} and {to}."
            )],
            Relation::LinkedBack(link) => vec![format!(
                "{address} is in {to}, which has a link to {from} ({}); {from} has none to {to}, and a peering needs both (P-1).",
                short(self.network.peerings()[link].id.as_str())
            )],
            Relation::Linked {
                link,
                state: PeeringState::Connected,
                knows_address,
            } => {
                let name = short(self.network.peerings()[link].id.as_str());
                if knows_address {
                    vec![format!(
                        "{address} is in {to}, which link {name} knows, but another route is preferred."
                    )]
                } else {
                    vec![format!(
                        "{address} is in {to}, but link {name} does not know that prefix: its copy of the remote address space is {} (P-6).",
                        self.network.sync_level(link)
                    )]
                }
            }
            Relation::Linked { link, state, .. } => vec![format!(
                "{address} is in {to}; link {} is {state}, and only a Connected link gives routes (R-2).",
                short(self.network.peerings()[link].id.as_str())
            )],
        }
    }

    pub(super) fn for_missing_route(&self) -> Vec<WayOut> {
        if let Locator::Route { fib, route } = self.dropped.at() {
            let row = &self.snapshot.fibs[fib.0 as usize].routes[usize::from(route)];
            if let RouteOrigin::User(table, position) = row.origin {
                return self.for_user_route(table, position);
            }
        }
        let address = self.packet.destination;
        let here = self.vnet();
        let Some(there) = home_of(self.network, address) else {
            if let Some(ways) = self.for_missing_gateway_route() {
                return ways;
            }
            return vec![
                WayOut::new(format!(
                    "Add a route for {address} to the route table of the subnet, with an appliance or a gateway as next hop."
                )),
                WayOut::new(format!(
                    "If {address} is right, add the network that contains it to the input."
                )),
            ];
        };
        match Relation::between(self.network, here, there, address) {
            Relation::Same => Vec::new(),
            Relation::Through(middles) => {
                let mut ways = vec![self.new_peering(here, there)];
                ways.extend(self.transit(here, there, &middles));
                ways
            }
            Relation::Apart => vec![
                self.new_peering(here, there),
                WayOut::new(format!(
                    "Or peer both with a hub that holds an appliance or a gateway, with routes on both sides ({} and {}).",
                    self.vnet_name(),
                    self.vnet_id(there).name()
                )),
            ],
            Relation::LinkedBack(_) => vec![WayOut::with(
                format!(
                    "Create the missing link of {} to {}.",
                    self.vnet_name(),
                    self.vnet_id(there).name()
                ),
                [create_link(self.network, here, there)],
            )],
            Relation::Linked {
                link,
                state: PeeringState::Connected,
                knows_address,
            } => {
                if knows_address {
                    Vec::new()
                } else {
                    vec![sync(self.network, link)]
                }
            }
            Relation::Linked { link, .. } => reconnect(self.network, link),
        }
    }

    /// Two links, as the exercise of the course makes them.
    fn new_peering(&self, here: VnetId, there: VnetId) -> WayOut {
        WayOut::with(
            format!(
                "Peer {} and {} with each other.",
                self.vnet_id(here).name(),
                self.vnet_id(there).name()
            ),
            [
                create_link(self.network, here, there),
                create_link(self.network, there, here),
            ],
        )
    }

    /// Through a network that is peered with both: an appliance, or a gateway.
    fn transit(&self, here: VnetId, there: VnetId, middles: &[VnetId]) -> Vec<WayOut> {
        let (from, to) = (self.vnet_id(here).name(), self.vnet_id(there).name());
        let appliance = middles
            .iter()
            .find_map(|&middle| self.appliance_in(middle).map(|nic| (middle, nic)));
        let (middle, where_to) = match appliance {
            Some((middle, nic)) => {
                let interface = &self.network.nics()[nic];
                let address = interface.primary_address();
                (middle, format!("{} ({address})", interface.name()))
            }
            None => (middles[0], "an appliance with IP forwarding".to_owned()),
        };
        let hub = self.vnet_id(middle).name();
        let flags = [here, there]
            .into_iter()
            .filter_map(|spoke| link_to(self.network, spoke, middle))
            .filter(|&link| !self.network.peerings()[link].flags.allow_forwarded_traffic)
            .map(|link| set_flag(self.network, link, "allowForwardedTraffic", true));
        let mut ways = vec![WayOut::with(
            format!(
                "Route through {where_to} in {hub}: user-defined routes on both sides (in {from} for {to}, in {to} for {from}) with it as next hop, and allowForwardedTraffic on the links of {from} and {to} to {hub} (F-6)."
            ),
            flags,
        )];
        let gateway = middles
            .iter()
            .find(|&&middle| self.network.gateways_of(middle).next().is_some());
        let (hub, exists) = match gateway {
            Some(&middle) => (self.vnet_id(middle).name(), "the gateway"),
            None => (hub, "a VPN gateway"),
        };
        ways.push(WayOut::new(format!(
            "Route through {exists} in {hub}: allowGatewayTransit on the links of {hub}, useRemoteGateways on those of {from} and {to}, and user-defined routes with next hop VirtualNetworkGateway in both (G-5)."
        )));
        ways
    }

    /// A NIC with IP forwarding in a network.
    fn appliance_in(&self, vnet: VnetId) -> Option<NicId> {
        self.network
            .listed_nics()
            .find(|(_, nic)| nic.virtual_network == vnet && nic.ip_forwarding)
            .map(|(key, _)| key)
    }

    pub(super) fn for_forwarded_traffic(&self) -> Vec<WayOut> {
        let Locator::Link(link) = self.dropped.at() else {
            return Vec::new();
        };
        let name = short(self.network.peerings()[link].id.as_str());
        vec![
            WayOut::with(
                format!("Set allowForwardedTraffic of link {name} to true."),
                [set_flag(self.network, link, "allowForwardedTraffic", true)],
            ),
            WayOut::new(
                "Or let the appliance put its own address in place of the source (source NAT): then the packet is not forwarded in the sense of the flag (F-8).",
            ),
            WayOut::new("Or send it through a VPN gateway, whose packets need no flag (F-9)."),
        ]
    }

    pub(super) fn for_access_flag(&self) -> Vec<WayOut> {
        let Locator::Link(link) = self.dropped.at() else {
            return Vec::new();
        };
        let name = short(self.network.peerings()[link].id.as_str());
        vec![
            WayOut::with(
                format!("Set allowVirtualNetworkAccess of link {name} to true."),
                [set_flag(
                    self.network,
                    link,
                    "allowVirtualNetworkAccess",
                    true,
                )],
            ),
            WayOut::new(format!(
                "Or attach a network security group to {} or its subnet with rules that allow {} and {} explicitly.",
                self.nic_id().name(),
                self.packet.source,
                self.packet.destination
            )),
        ]
    }

    pub(super) fn for_unknown_prefix(&self) -> Vec<WayOut> {
        let Locator::Link(link) = self.dropped.at() else {
            return Vec::new();
        };
        let name = short(self.network.peerings()[link].id.as_str());
        match self.network.peerings()[link].scope {
            PeeringScope::CompleteVirtualNetworks => vec![sync(self.network, link)],
            PeeringScope::Subnets { .. } => vec![WayOut::new(format!(
                "Add the subnet of {} to the subnets that link {name} and its reverse join (P-8).",
                self.packet.source
            ))],
        }
    }

    pub(super) fn for_broken_peering(&self) -> Vec<WayOut> {
        match self.dropped.at() {
            Locator::Link(link) => reconnect(self.network, link),
            Locator::VirtualNetwork(vnet) => vec![WayOut::new(format!(
                "Create the missing link of {} back to the sender's network.",
                self.vnet_id(vnet).name()
            ))],
            _ => Vec::new(),
        }
    }

    pub(super) fn for_gateway_transit(&self) -> Vec<WayOut> {
        let Locator::Link(link) = self.dropped.at() else {
            return Vec::new();
        };
        let mut commands = Vec::new();
        if let Some(reverse) = self.network.reverse_link(link) {
            commands.push(set_flag(self.network, reverse, "allowGatewayTransit", true));
        }
        commands.push(set_flag(self.network, link, "useRemoteGateways", true));
        vec![WayOut::with(
            "Let the flags pair: allowGatewayTransit on the link of the gateway's network first, then useRemoteGateways on this side (F-11).",
            commands,
        )]
    }
}
