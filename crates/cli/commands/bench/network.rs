//! The network that is put under load, and who talks to whom in it.

use engine::traffic::{End, Pair};
use formats::load::Loaded;
use ipnet::Ipv4Net;
use model::{
    GuestRole, Network, NetworkSecurityGroup, NicId, NicRequest, OperationError, ResourceId,
    RouteTable, SubnetId, SubnetRequest, UserNextHop, VirtualMachineRequest,
};

use super::churn::Turn;
use super::filling::{Own, fill_routes, fill_rules, unused_prefix};
use crate::args::BenchArguments;
use crate::failure::Failure;

/// Most pairs of NICs that flows are spread over.
const PAIRS: usize = 65_536;
/// NICs that a subnet of /24 has room for (N-4).
const SUBNET_ROOM: usize = 251;

/// A network, the pairs of NICs that talk to each other, and what `--churn` changes.
pub(super) struct Field {
    pub(super) network: Network,
    pub(super) pairs: Vec<Pair>,
    pub(super) turns: Vec<Turn>,
}

/// The built-in hub and spoke: each machine of one spoke talks to each of the other.
pub(super) fn hub_and_spoke(loaded: Loaded, arguments: &BenchArguments) -> Result<Field, Failure> {
    let mut network = loaded.network;
    let subnets: Vec<SubnetId> = ["Spoke1VNet", "Spoke2VNet", "HubVNet"]
        .iter()
        .filter_map(|name| first_subnet(&network, name))
        .collect();
    let &[spoke1, spoke2, hub] = subnets.as_slice() else {
        return Err(Failure::Usage(
            "the built-in network has changed its networks".to_owned(),
        ));
    };
    let count = usize::from(arguments.nics.unwrap_or(16));
    let clients = machines(&mut network, spoke1, count)?;
    let servers = machines(&mut network, spoke2, count)?;
    if let Some(rules) = arguments.rules {
        let mut groups = Vec::new();
        for subnet in [spoke1, spoke2, hub] {
            groups.push(match network.subnets()[subnet].network_security_group {
                Some(group) => group,
                None => attach_group(&mut network, subnet)?,
            });
        }
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let rules = usize::from(rules);
            fill_rules(&mut network, group, rules, arguments.port, Own::Rearranged)?;
        }
    }
    if let Some(routes) = arguments.routes {
        let mut tables = Vec::new();
        for subnet in [spoke1, spoke2, hub] {
            tables.push(match network.subnets()[subnet].route_table {
                Some(table) => table,
                None => attach_table(&mut network, subnet)?,
            });
        }
        tables.sort_unstable();
        tables.dedup();
        for table in tables {
            fill_routes(&mut network, table, usize::from(routes))?;
        }
    }
    let mut turns = turns(&network);
    if arguments.churn.is_some() {
        let first = first_hop(&network, spoke1);
        let second = machine(&mut network, "bench-appliance", hub, true)?;
        let second = UserNextHop::VirtualAppliance(network.nics()[second].primary_address());
        if let (Some(first), Some(table)) = (first, network.subnets()[spoke1].route_table) {
            turns.retain(|turn| !matches!(turn, Turn::Route(..)));
            turns.insert(0, Turn::Move(table, [first, second]));
        }
    }
    // Each of `count` rounds pairs every client with another server.
    let pairs = (0..(count * count).min(PAIRS)).map(|number| Pair {
        client: end(&network, clients[number % count]),
        server: end(&network, servers[(number / count + number) % count]),
    });
    Ok(Field {
        pairs: pairs.collect(),
        turns,
        network,
    })
}

/// A network of the user's: all running machines that do not forward.
pub(super) fn own(loaded: Loaded, arguments: &BenchArguments) -> Result<Field, Failure> {
    let mut network = loaded.network;
    if let Some(count) = arguments.nics {
        let mut subnets: Vec<SubnetId> = hosts(&network)
            .map(|nic| network.nics()[nic].subnet())
            .collect();
        subnets.sort_unstable();
        subnets.dedup();
        for subnet in subnets {
            machines(&mut network, subnet, usize::from(count))?;
        }
    }
    if let Some(count) = arguments.rules {
        let groups: Vec<_> = network.nsgs().keys().collect();
        for group in groups {
            let count = usize::from(count);
            fill_rules(&mut network, group, count, arguments.port, Own::Kept)?;
        }
    }
    if let Some(count) = arguments.routes {
        let tables: Vec<_> = network.route_tables().keys().collect();
        for table in tables {
            fill_routes(&mut network, table, usize::from(count))?;
        }
    }
    let hosts: Vec<NicId> = hosts(&network).collect();
    if hosts.len() < 2 && arguments.pcap_in.is_none() {
        return Err(Failure::Usage(format!(
            "bench sends between running machines that do not forward, and this network has {}; it needs at least 2",
            match hosts.len() {
                0 => "none",
                _ => "1",
            }
        )));
    }
    let others = hosts.len().saturating_sub(1);
    let count = (hosts.len() * others).min(PAIRS);
    let pairs = (0..count).map(|number| {
        let client = number * hosts.len() / count;
        let server = (client + 1 + number % others) % hosts.len();
        Pair {
            client: end(&network, hosts[client]),
            server: end(&network, hosts[server]),
        }
    });
    Ok(Field {
        pairs: pairs.collect(),
        turns: turns(&network),
        network,
    })
}

/// What can be changed without harm to any packet, but for a moment in which a peering lets nothing pass that was forwarded.
fn turns(network: &Network) -> Vec<Turn> {
    let table = network.route_tables().keys().next();
    let link = network
        .listed_peerings()
        .find(|(_, peering)| peering.flags.allow_forwarded_traffic)
        .or_else(|| network.listed_peerings().next());
    let route = table.map(|table| Turn::Route(table, unused_prefix(network)));
    let flag = link.map(|(link, _)| Turn::Flag(link));
    let rule = network.nsgs().keys().next().map(Turn::Rule);
    [route, flag, rule].into_iter().flatten().collect()
}

/// The first appliance that routes of a subnet lead to.
fn first_hop(network: &Network, subnet: SubnetId) -> Option<UserNextHop> {
    let table = network.subnets()[subnet].route_table?;
    let mut hops = network.route_tables()[table].routes.iter();
    let hop = hops.find(|route| route.next_hop.address().is_some())?;
    Some(hop.next_hop)
}

fn end(network: &Network, nic: NicId) -> End {
    End {
        nic,
        address: network.nics()[nic].primary_address(),
    }
}

/// The primary NICs of running machines that do not forward.
fn hosts(network: &Network) -> impl Iterator<Item = NicId> {
    network
        .virtual_machines()
        .iter()
        .filter(|&(vm, machine)| machine.is_running() && network.guest_role(vm) == GuestRole::Host)
        .filter_map(|(_, machine)| machine.primary_nic())
}

fn first_subnet(network: &Network, vnet: &str) -> Option<SubnetId> {
    let mut networks = network.virtual_networks().values();
    networks
        .find(|candidate| candidate.id.name() == vnet)?
        .subnets
        .first()
        .copied()
}

/// Machines of a subnet, with new ones until there are `count`; what does not fit into it goes into new subnets like it.
fn machines(
    network: &mut Network,
    subnet: SubnetId,
    count: usize,
) -> Result<Vec<NicId>, OperationError> {
    let mut nics: Vec<NicId> = hosts(network)
        .filter(|&nic| network.nics()[nic].subnet() == subnet)
        .take(count)
        .collect();
    let mut place = subnet;
    let mut room = network.subnets()[subnet]
        .prefixes
        .iter()
        .map(|prefix| prefix.hosts().count().saturating_sub(3))
        .sum::<usize>()
        .saturating_sub(nics.len());
    while nics.len() < count {
        if room == 0
            && let Some(prefix) = free_prefix(network, subnet)
        {
            place = subnet_like(network, subnet, prefix)?;
            room = SUBNET_ROOM;
        }
        let name = format!("bench-{}-{}", subnet.get(), nics.len());
        nics.push(machine(network, &name, place, false)?);
        room = room.saturating_sub(1);
    }
    Ok(nics)
}

fn machine(
    network: &mut Network,
    name: &str,
    subnet: SubnetId,
    ip_forwarding: bool,
) -> Result<NicId, OperationError> {
    let place = &network.virtual_networks()[network.subnets()[subnet].virtual_network];
    let location = place.location.clone();
    let id = |kind, name| beside(&place.id, kind, name);
    let nic = id("Microsoft.Network/networkInterfaces", name);
    let vm = id("Microsoft.Compute/virtualMachines", name);
    let nic = network.create_nic(NicRequest {
        location: location.clone(),
        ip_forwarding,
        ..NicRequest::new(nic, subnet)
    })?;
    network.create_virtual_machine(VirtualMachineRequest {
        location,
        ..VirtualMachineRequest::new(vm, vec![nic])
    })?;
    Ok(nic)
}

/// A /24 of the network's address space that no subnet uses.
fn free_prefix(network: &Network, subnet: SubnetId) -> Option<Ipv4Net> {
    let vnet = &network.virtual_networks()[network.subnets()[subnet].virtual_network];
    let used: Vec<Ipv4Net> = vnet
        .subnets
        .iter()
        .flat_map(|&subnet| network.subnets()[subnet].prefixes.iter().copied())
        .collect();
    let space = vnet.address_space.prefixes().iter();
    space
        .flat_map(|prefix| prefix.subnets(24).into_iter().flatten())
        .find(|&prefix| {
            !used
                .iter()
                .any(|&other| model::address::overlap(prefix, other))
        })
}

fn subnet_like(
    network: &mut Network,
    subnet: SubnetId,
    prefix: Ipv4Net,
) -> Result<SubnetId, OperationError> {
    let first = &network.subnets()[subnet];
    let (vnet, request) = (
        first.virtual_network,
        SubnetRequest {
            network_security_group: first.network_security_group,
            route_table: first.route_table,
            ..SubnetRequest::new(&format!("bench-{}", prefix.network()), prefix)
        },
    );
    network.create_subnet(vnet, request)
}

fn attach_group(network: &mut Network, subnet: SubnetId) -> Result<model::NsgId, OperationError> {
    let vnet = &network.virtual_networks()[network.subnets()[subnet].virtual_network];
    let group = NetworkSecurityGroup {
        id: beside(
            &vnet.id,
            "Microsoft.Network/networkSecurityGroups",
            "bench-rules",
        ),
        location: vnet.location.clone(),
        rules: [].into(),
        flush_connection: false,
    };
    let group = network.create_network_security_group(group)?;
    network.set_subnet_security_group(subnet, Some(group));
    Ok(group)
}

fn attach_table(
    network: &mut Network,
    subnet: SubnetId,
) -> Result<model::RouteTableId, OperationError> {
    let vnet = &network.virtual_networks()[network.subnets()[subnet].virtual_network];
    let table = RouteTable {
        id: beside(&vnet.id, "Microsoft.Network/routeTables", "bench-routes"),
        location: vnet.location.clone(),
        routes: Vec::new(),
        gateway_propagation_disabled: false,
    };
    let table = network.create_route_table(table)?;
    network.set_subnet_route_table(subnet, Some(table))?;
    Ok(table)
}

/// The id of a resource in the same resource group.
fn beside(id: &ResourceId, kind: &str, name: &str) -> ResourceId {
    let subscription = id.subscription().unwrap_or_default();
    let group = id.resource_group().unwrap_or_default();
    ResourceId::in_group(subscription, group, kind, name)
}
