//! Which NSG is whose: homes, and who shares them.

use std::ops::Range;

use crate::plan::{Plan, Role};
use crate::random::{Purpose, Random};
use crate::sizes::Sizes;

/// Out of a hundred subnets that could share an NSG with a neighbour, so many have none.
const BARE: usize = 10;

/// Where an NSG is used first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) subnet: usize,
    /// By its number in the subnet; `None`: the NSG is for the subnet.
    pub(crate) nic: Option<usize>,
}

/// The NSGs of a network, by number.
pub(crate) struct Groups {
    pub(crate) homes: Vec<Home>,
    /// The NSG of each subnet.
    pub(crate) of_subnets: Vec<Option<usize>>,
    /// NSGs of single NICs, ascending by their home.
    of_nics: Range<usize>,
    /// NSGs of the subnets of each group.
    pools: Vec<Range<usize>>,
}

impl Groups {
    /// Every subnet of machines gets an NSG of its own while there are enough; with fewer, neighbours share; with more, the rest
    /// goes to NICs. Those that are left when all NICs have one are nobody's.
    pub(crate) fn new(seed: u64, sizes: &Sizes, plan: &Plan) -> Self {
        let machines: Vec<usize> = (0..plan.subnets.len())
            .filter(|&subnet| matches!(plan.subnets[subnet].role, Role::Tier | Role::Shared))
            .collect();
        let for_subnets = sizes.nsgs.min(machines.len());
        let mut homes = Vec::with_capacity(sizes.nsgs);
        for number in 0..for_subnets {
            homes.push(Home {
                subnet: machines[number * machines.len() / for_subnets],
                nic: None,
            });
        }
        let mut of_subnets = vec![None; plan.subnets.len()];
        for (number, home) in homes.iter().enumerate() {
            of_subnets[home.subnet] = Some(number);
        }
        let pools = pools(&homes, plan);
        let mut latest: Option<usize> = None;
        for &subnet in &machines {
            if of_subnets[subnet].is_some() {
                latest = of_subnets[subnet];
                continue;
            }
            let pool = &pools[plan.group_of(subnet)];
            let shared = latest.filter(|number| pool.contains(number));
            let bare = Random::of(seed, Purpose::Bare, subnet).percent(BARE);
            of_subnets[subnet] = shared.filter(|_| !bare);
        }
        let all: usize = machines
            .iter()
            .map(|&subnet| plan.subnets[subnet].nics)
            .sum();
        let for_nics = (sizes.nsgs - for_subnets).min(all);
        let mut places = machines.iter().flat_map(|&subnet| {
            (0..plan.subnets[subnet].nics).map(move |nic| Home {
                subnet,
                nic: Some(nic),
            })
        });
        let mut passed = 0;
        for number in 0..for_nics {
            let place = number * all / for_nics;
            homes.extend(places.nth(place - passed));
            passed = place + 1;
        }
        let of_nics = for_subnets..homes.len();
        // What nobody has belongs to somebody's place all the same: its rules have to be about something.
        let nowhere = Home {
            subnet: plan.hub(0).subnets.start + 1,
            nic: Some(usize::MAX),
        };
        homes.resize(sizes.nsgs, nowhere);
        Self {
            homes,
            of_subnets,
            of_nics,
            pools,
        }
    }

    /// The NSG that has this NIC for its home.
    pub(crate) fn at_home(&self, subnet: usize, nic: usize) -> Option<usize> {
        let place = (subnet, Some(nic));
        let homes = &self.homes[self.of_nics.clone()];
        let found = homes.binary_search_by_key(&place, |home| (home.subnet, home.nic));
        found.ok().map(|number| self.of_nics.start + number)
    }

    /// Any NSG of the subnets of a group.
    pub(crate) fn one_of(&self, group: usize, random: &mut Random) -> Option<usize> {
        let pool = &self.pools[group];
        (!pool.is_empty()).then(|| pool.start + random.below(pool.len()))
    }
}

/// NSGs by the group of their home, which they follow in order.
fn pools(homes: &[Home], plan: &Plan) -> Vec<Range<usize>> {
    let group = |home: &Home| plan.group_of(home.subnet);
    let mut start = 0;
    let groups = 0..plan.groups.len();
    groups
        .map(|number| {
            let end = start + homes[start..].partition_point(|home| group(home) <= number);
            let pool = start..end;
            start = end;
            pool
        })
        .collect()
}
