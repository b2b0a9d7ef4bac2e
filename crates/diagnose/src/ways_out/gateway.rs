//! Destinations that a gateway would lead to if its routes came here: a connection that is down, a route table that keeps them away,
//! flags that do not pair (G-3, R-29, F-11).

use model::table::Resource;
use model::{ConnectionId, GatewayId, LinkId, RouteTableId};

use super::{Situation, WayOut, group_of};
use crate::commands::set_flag;
use crate::object::short;

/// Why the routes of a gateway that knows the destination are not here.
enum Missing {
    Down(ConnectionId),
    KeptAway(GatewayId, RouteTableId),
    NotShared(GatewayId, LinkId),
}

impl Situation<'_> {
    /// Nobody in Azure has the address, but a gateway nearby has to do with it.
    fn missing_gateway_route(&self) -> Option<Missing> {
        let address = self.packet.destination;
        let here = self.vnet();
        let knows = |key: GatewayId| {
            let gateway = self.snapshot.gateway(key)?;
            let known = gateway.table.lookup_route(address);
            Some(known.is_some_and(|(prefix, _)| prefix.prefix_len() > 0))
        };
        let down = |key: GatewayId| {
            let gateway = self.snapshot.gateway(key)?;
            gateway.down.lookup(address).copied()
        };
        let links = &self.network.virtual_networks()[here].peerings;
        let own = self.network.gateways_of(here).map(|(key, _)| (key, None));
        let remote = links.iter().flat_map(|&link| {
            let hub = self
                .network
                .virtual_networks()
                .find(&self.network.peerings()[link].remote);
            let gateways = hub
                .into_iter()
                .flat_map(|hub| self.network.gateways_of(hub));
            gateways.map(move |(key, _)| (key, Some(link)))
        });
        for (gateway, link) in own.chain(remote) {
            let uses =
                link.is_none_or(|link| self.network.peerings()[link].flags.use_remote_gateways);
            if uses && let Some(connection) = down(gateway) {
                return Some(Missing::Down(connection));
            }
            if knows(gateway) != Some(true) {
                continue;
            }
            match link {
                Some(link) if !uses => return Some(Missing::NotShared(gateway, link)),
                _ => {
                    let subnet = self.network.nics().get(self.nic)?.subnet();
                    let table = self.network.subnets()[subnet].route_table?;
                    if self.network.route_tables()[table].gateway_propagation_disabled {
                        return Some(Missing::KeptAway(gateway, table));
                    }
                }
            }
        }
        None
    }

    pub(super) fn background_of_missing_gateway_route(&self) -> Option<String> {
        let address = self.packet.destination;
        let gateway_name = |key: GatewayId| self.network.gateways()[key].name();
        Some(match self.missing_gateway_route()? {
            Missing::Down(connection) => {
                let connection = &self.network.connections()[connection];
                format!(
                    "{address} lies behind connection {} of {}, which is down: its routes are withdrawn (G-3).",
                    connection.name(),
                    gateway_name(connection.gateway)
                )
            }
            Missing::KeptAway(gateway, table) => format!(
                "{} leads to {address}, but route table {} keeps the routes of gateways away from this subnet (R-29).",
                gateway_name(gateway),
                self.network.route_tables()[table].name()
            ),
            Missing::NotShared(gateway, link) => format!(
                "{} leads to {address}, but {} does not use it: link {} says so (F-11).",
                gateway_name(gateway),
                self.vnet_name(),
                short(self.network.peerings()[link].id.as_str())
            ),
        })
    }

    pub(super) fn for_missing_gateway_route(&self) -> Option<Vec<WayOut>> {
        Some(match self.missing_gateway_route()? {
            Missing::Down(connection) => vec![WayOut::new(format!(
                "Bring up the connection {}.",
                self.network.connections()[connection].name()
            ))],
            Missing::KeptAway(_, table) => {
                let table = &self.network.route_tables()[table];
                vec![WayOut::with(
                    format!("Let gateway routes into the subnets of {}.", table.name()),
                    [format!(
                        "az network route-table update -g {} -n {} --disable-bgp-route-propagation false",
                        group_of(&table.id),
                        table.name()
                    )],
                )]
            }
            Missing::NotShared(_, link) => {
                let mut commands = Vec::new();
                commands.extend(
                    self.network
                        .reverse_link(link)
                        .map(|back| set_flag(self.network, back, "allowGatewayTransit", true)),
                );
                commands.push(set_flag(self.network, link, "useRemoteGateways", true));
                vec![WayOut::with(
                    "Use the gateway of the other network: allowGatewayTransit there first, then useRemoteGateways here.",
                    commands,
                )]
            }
        })
    }
}
