//! Which objects are at hand where something happens to a packet: those that decided, what is attached to a NIC, what lies around it.

use control::snapshot::RouteOrigin;
use dataplane::dropped::{self, Locator};
use model::table::Resource;
use model::{NicId, NicOwner, ResourceId, VnetId};

use super::super::inventory::{self, Kind};
use super::super::objects::ItemRef;
use super::Teller;

impl Teller<'_, '_> {
    /// The objects at a place of the snapshot, the nearest first.
    pub(super) fn at(&self, locator: Locator) -> Vec<ItemRef> {
        let Some(object) = locator.object(self.snapshot()) else {
            return Vec::new();
        };
        let item = |id: &ResourceId| self.item(id).into_iter().collect::<Vec<_>>();
        match object {
            dropped::Object::Nic(id) => {
                let nic = self.world.network.nics().find(id);
                nic.map_or_else(|| item(id), |nic| self.machine(nic))
            }
            dropped::Object::Rule { group, rule, .. } => {
                let Some(group) = group else {
                    return Vec::new();
                };
                // The default rules are nobody's: the group stands for them.
                let own = self.item(&inventory::rule_id(group, &rule.name));
                own.or_else(|| self.item(group)).into_iter().collect()
            }
            dropped::Object::AdminRule { id, .. }
            | dropped::Object::Link(id)
            | dropped::Object::VirtualNetwork(id)
            | dropped::Object::LoadBalancer(id)
            | dropped::Object::Gateway(id)
            | dropped::Object::Connection(id) => item(id),
            dropped::Object::Route { row, user_route } => {
                let names = &self.snapshot().provenance;
                let made_by = match row.origin {
                    RouteOrigin::System | RouteOrigin::User(..) => None,
                    RouteOrigin::Peering(link) => names.links.get(link.get() as usize),
                    RouteOrigin::Gateway(gateway) => names.gateways.get(gateway.get() as usize),
                    RouteOrigin::RouteServer(server) => {
                        names.route_servers.get(server.get() as usize)
                    }
                };
                let user = user_route.map(|(table, route)| inventory::route_id(table, route));
                let made_by = made_by.and_then(Option::as_ref).cloned();
                let id = user.or(made_by);
                id.iter().filter_map(|id| self.item(id)).collect()
            }
            dropped::Object::FirewallRule { firewall, rule } => {
                let rule = rule.map(|rule| {
                    let group = rule.group.as_deref();
                    inventory::firewall_rule_id(&rule.holder, group, &rule.collection, &rule.rule)
                });
                let rule = rule.and_then(|id| self.item(&id));
                rule.into_iter().chain(self.item(firewall)).collect()
            }
            dropped::Object::Address(_) => Vec::new(),
        }
    }

    /// A NIC and its machine.
    pub(super) fn machine(&self, nic: NicId) -> Vec<ItemRef> {
        let network = self.world.network;
        let owner = network.nics().get(nic).map(|nic| nic.owner);
        let owner = match owner {
            Some(NicOwner::VirtualMachine(vm)) => Some(&network.virtual_machines()[vm].id),
            Some(NicOwner::AzureFirewall(firewall)) => Some(&network.firewalls()[firewall].id),
            Some(NicOwner::GatewayInstance(gateway, _)) => Some(&network.gateways()[gateway].id),
            Some(NicOwner::VirtualNetworkAppliance(appliance)) => {
                Some(network.routing_appliances()[appliance].id())
            }
            Some(NicOwner::PrivateEndpoint(endpoint)) => {
                Some(network.private_endpoints()[endpoint].id())
            }
            Some(NicOwner::Unattached) | None => None,
        };
        let owner = owner.and_then(|id| self.item(id));
        self.worker(nic).into_iter().chain(owner).collect()
    }

    /// What holds for a NIC: itself, its machine, its subnet, groups and tables there.
    pub(super) fn attached(&self, nic: NicId) -> Vec<ItemRef> {
        let network = self.world.network;
        let mut items = self.machine(nic);
        let Some(interface) = network.nics().get(nic) else {
            return items;
        };
        let subnet = &network.subnets()[interface.subnet()];
        let groups = [
            interface.network_security_group,
            subnet.network_security_group,
        ];
        let groups = groups
            .into_iter()
            .flatten()
            .map(|group| &network.nsgs()[group].id);
        let table = subnet
            .route_table
            .map(|table| &network.route_tables()[table].id);
        let ids = std::iter::once(&subnet.id).chain(groups).chain(table);
        items.extend(ids.filter_map(|id| self.item(id)));
        items
    }

    /// What lies around NICs: application security groups of the ends, networks, links, gateways and their connections.
    pub(super) fn around(&self, places: &[NicId], (from, to): (NicId, NicId)) -> Vec<ItemRef> {
        let network = self.world.network;
        let mut items = self.machine(from);
        items.extend(self.machine(to));
        let mut vnets: Vec<VnetId> = Vec::new();
        for &nic in places {
            if let Some(interface) = network.nics().get(nic)
                && !vnets.contains(&interface.virtual_network)
            {
                vnets.push(interface.virtual_network);
            }
        }
        let remote_of = |link: &model::Peering| network.virtual_networks().find(&link.remote);
        // Of links only those that are not the same in both networks: an estate has thousands of others.
        let changed: Vec<(ItemRef, bool, bool)> = self
            .objects
            .changes()
            .iter()
            .filter(|change| change.kind == Kind::Peering)
            .filter_map(|change| {
                let item = self.objects.changed_item(self.side, change)?;
                let id = &self.objects.inventory(self.side).items()[item.position as usize].id;
                let link = &network.peerings()[network.peerings().find(id)?];
                let local = vnets.contains(&link.virtual_network);
                let remote = remote_of(link).is_some_and(|remote| vnets.contains(&remote));
                Some((item, local, remote))
            })
            .collect();
        let links = |wanted: fn(bool, bool) -> bool| {
            let links = changed.iter();
            let links = links.filter(move |&&(_, local, remote)| wanted(local, remote));
            links.map(|&(item, ..)| item)
        };
        // Links between the networks at hand first, then all others of theirs, and those that point to them.
        items.extend(links(|local, remote| local && remote));
        items.extend(links(|local, remote| local != remote));
        items.extend(
            vnets
                .iter()
                .filter_map(|&vnet| self.item(&network.virtual_networks()[vnet].id)),
        );
        let mut hubs = vnets.clone();
        for &vnet in &vnets {
            let links = &network.virtual_networks()[vnet].peerings;
            hubs.extend(
                links
                    .iter()
                    .filter_map(|&link| remote_of(&network.peerings()[link])),
            );
        }
        for (key, gateway) in network.gateways().iter() {
            if !hubs.contains(&gateway.virtual_network) {
                continue;
            }
            items.extend(self.item(&gateway.id));
            for connection in network.connections().values() {
                if connection.gateway == key {
                    items.extend(self.item(&connection.id));
                }
            }
        }
        items
    }
}
