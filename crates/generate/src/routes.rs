//! Route tables: who has which, and where their routes lead.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::{Route, RouteDestination, UserNextHop};

use crate::plan::{Plan, Role, part};
use crate::random::{Purpose, Random};
use crate::sizes::{Sizes, Topology};

/// What a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// To what forwards in the hub of the group.
    Behind,
    /// From what forwards in the hub of this group to what does in the others.
    BetweenHubs,
    /// Neither: single prefixes elsewhere.
    Other,
}

/// A table: the group that it is for, and the subnets that have it.
pub(crate) struct Table {
    pub(crate) purpose: Use,
    pub(crate) group: usize,
    pub(crate) subnets: Vec<usize>,
}

/// All tables of a network.
pub(crate) fn tables(seed: u64, sizes: &Sizes, plan: &Plan) -> Vec<Table> {
    let tiers: Vec<usize> = (0..plan.subnets.len())
        .filter(|&subnet| plan.subnets[subnet].role == Role::Tier)
        .collect();
    let behind = Random::of(seed, Purpose::Appliances, 0)
        .some_of(sizes.subnets_behind_appliances(), tiers.len());
    let mut is_behind = vec![false; plan.subnets.len()];
    for &number in &behind {
        is_behind[tiers[number]] = true;
    }
    let mut tables: Vec<Table> = (0..sizes.tables_between_hubs())
        .map(|group| Table {
            purpose: Use::BetweenHubs,
            group,
            subnets: vec![plan.hub(group).subnets.start],
        })
        .collect();
    let left = sizes.route_tables - tables.len();
    let for_behind = left.min(behind.len());
    // Subnets behind the appliance of a group, by group: none of these lists is empty.
    let mut lists: Vec<(usize, Vec<usize>)> = Vec::new();
    for number in behind {
        let subnet = tiers[number];
        let group = plan.group_of(subnet);
        match lists.last_mut() {
            Some((latest, list)) if *latest == group => list.push(subnet),
            _ => lists.push((group, vec![subnet])),
        }
    }
    let counts = apportioned(for_behind, &lists);
    for ((group, list), count) in lists.into_iter().zip(counts) {
        tables.extend((0..count).map(|number| Table {
            purpose: Use::Behind,
            group,
            subnets: list[part(list.len(), number, count)].to_vec(),
        }));
    }
    // What is left goes to other subnets, and what is left then is nobody's.
    let others: Vec<usize> = tiers
        .into_iter()
        .filter(|&subnet| !is_behind[subnet])
        .collect();
    let for_others = left - for_behind;
    let used = for_others.min(others.len());
    for number in 0..for_others {
        let subnets: Vec<usize> = if number < used {
            vec![others[number * others.len() / used]]
        } else {
            Vec::new()
        };
        tables.push(Table {
            purpose: Use::Other,
            group: subnets.first().map_or(0, |&subnet| plan.group_of(subnet)),
            subnets,
        });
    }
    tables
}

/// So many things over lists by their lengths, at least one to each and no more than its length. There are at least as many things as
/// lists, and at most as many as members of them.
fn apportioned(things: usize, lists: &[(usize, Vec<usize>)]) -> Vec<usize> {
    let spare: usize = lists.iter().map(|(_, list)| list.len() - 1).sum();
    let things = things.saturating_sub(lists.len());
    let up_to = |members: usize| things * members / spare.max(1);
    let mut passed = 0;
    lists
        .iter()
        .map(|(_, list)| {
            let start = passed;
            passed += list.len() - 1;
            1 + up_to(passed) - up_to(start)
        })
        .collect()
}

/// The routes of a table. No two have one destination, and none is for a virtual network whose subnets have the table.
pub(crate) fn routes(plan: &Plan, table: &Table, sizes: &Sizes, random: &mut Random) -> Vec<Route> {
    let mut routes = Routes {
        count: sizes.routes,
        taken: HashSet::with_capacity(sizes.routes),
        made: Vec::with_capacity(sizes.routes),
    };
    let appliance = UserNextHop::VirtualAppliance(plan.next_hop(table.group));
    let own: Vec<usize> = table
        .subnets
        .iter()
        .map(|&subnet| plan.subnets[subnet].vnet)
        .collect();
    match table.purpose {
        Use::Behind => {
            if random.percent(75) {
                routes.add("default", Ipv4Net::default(), appliance);
            } else {
                routes.add("group", plan.groups[table.group].space, appliance);
            }
            if sizes.topology == Topology::MultiHub {
                for (number, group) in plan.groups.iter().enumerate() {
                    if number != table.group {
                        let name = format!("hub-{:02}", number + 1);
                        routes.add(&name, group.space, appliance);
                    }
                }
            }
            // Half of the spokes one by one, as tables that have grown name them.
            let vnets = plan.groups[table.group].vnets.clone().skip(1);
            for vnet in vnets.filter(|vnet| !own.contains(vnet)) {
                if random.percent(50) {
                    for (number, &prefix) in plan.vnets[vnet].space.iter().enumerate() {
                        let name = format!("{}-{number}", plan.vnets[vnet].name);
                        routes.add(&name, prefix, appliance);
                    }
                }
            }
        }
        Use::BetweenHubs => {
            for (number, group) in plan.groups.iter().enumerate() {
                if number != table.group {
                    let next = UserNextHop::VirtualAppliance(plan.next_hop(number));
                    let name = format!("hub-{:02}", number + 1);
                    routes.add(&name, group.space, next);
                }
            }
        }
        Use::Other => {
            let default = [
                (2, None),
                (3, Some(UserNextHop::Internet)),
                (1, Some(UserNextHop::None)),
            ];
            if let Some(next) = random.weighted(&default) {
                routes.add("default", Ipv4Net::default(), next);
            }
        }
    }
    // The rest leads to partners: blocks of 256 addresses in 172.16.0.0/12.
    let mut block = random.below(4_096);
    while routes.made.len() < sizes.routes {
        let next = match (table.purpose, random.below(10)) {
            (Use::Behind, 0..=6) => appliance,
            (_, 7) if plan.groups[table.group].has_gateway => UserNextHop::VirtualNetworkGateway,
            (_, 8) => UserNextHop::Internet,
            _ => UserNextHop::None,
        };
        let start =
            u32::from(Ipv4Addr::new(172, 16, 0, 0)) + u32::try_from(block).unwrap_or(0) * 256;
        let prefix = Ipv4Net::new_assert(start.into(), 24);
        routes.add(&format!("partner-{:04}", block + 1), prefix, next);
        block = (block + 1) % 4_096;
    }
    routes.made
}

struct Routes {
    count: usize,
    taken: HashSet<Ipv4Net>,
    made: Vec<Route>,
}

impl Routes {
    /// Adds a route while there is room, unless its destination is there already.
    fn add(&mut self, name: &str, prefix: Ipv4Net, next_hop: UserNextHop) {
        if self.made.len() < self.count && self.taken.insert(prefix) {
            self.made.push(Route {
                name: format!("to-{name}"),
                destination: RouteDestination::Prefix(prefix),
                next_hop,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_gets_one_thing_and_none_more_than_it_has_members() {
        let lists: Vec<(usize, Vec<usize>)> = [1, 7, 2, 30, 1]
            .iter()
            .map(|&length| (0, vec![0; length]))
            .collect();
        for things in 5..=41 {
            let counts = apportioned(things, &lists);
            assert_eq!(counts.iter().sum::<usize>(), things);
            for (count, (_, list)) in counts.iter().zip(&lists) {
                assert!((1..=list.len()).contains(count), "{things}: {counts:?}");
            }
        }
    }
}
