//! A network that changes while packets flow: routes, a flag of a peering, rules.

use std::sync::Arc;
use std::time::{Duration, Instant};

use control::Snapshot;
use engine::forward::{Controller, Refused};
use ipnet::Ipv4Net;
use model::{
    LinkId, Network, NsgId, OperationError, Route, RouteDestination, RouteTableId, UserNextHop,
};

use super::filling::unused_rule;
use crate::failure::Failure;

/// Changes in turns, at even intervals.
pub(super) struct Churn {
    network: Network,
    snapshot: Arc<Snapshot>,
    interval: Duration,
    /// When the next change is due; `None` before the first look.
    due: Option<Instant>,
    turns: Vec<Turn>,
    next: usize,
}

/// What changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// Routes of a table to one appliance lead to the other, and back the next time.
    Move(RouteTableId, [UserNextHop; 2]),
    /// A route that nothing takes comes, and goes the next time.
    Route(RouteTableId, Ipv4Net),
    /// `allowForwardedTraffic` of a link is flipped, and at once set as it was.
    Flag(LinkId),
    /// A rule that nothing meets comes first, and goes the next time.
    Rule(NsgId),
}

impl Churn {
    /// `per_second` changes of a network whose present state has been compiled to `snapshot`.
    pub(super) fn new(
        network: Network,
        snapshot: Arc<Snapshot>,
        per_second: f64,
        turns: Vec<Turn>,
    ) -> Self {
        Self {
            network,
            snapshot,
            interval: Duration::from_secs_f64(1.0 / per_second),
            due: None,
            turns,
            next: 0,
        }
    }

    /// Does what is due, and says how long it is until there is something again.
    pub(super) fn act(&mut self, controller: &Controller) -> Result<Duration, Failure> {
        let now = Instant::now();
        let due = *self.due.get_or_insert(now + self.interval);
        if now < due {
            return Ok(due - now);
        }
        self.due = Some(due + self.interval);
        let turn = self.turns[self.next % self.turns.len()];
        self.next += 1;
        self.give(controller, turn)?;
        if let Turn::Flag(_) = turn {
            self.give(controller, turn)?;
        }
        Ok(Duration::ZERO)
    }

    /// From the operation to the shards: what the user waits for.
    fn give(&mut self, controller: &Controller, turn: Turn) -> Result<(), Failure> {
        let called = Instant::now();
        change(&mut self.network, turn)?;
        self.snapshot = Arc::new(control::recompile(&self.network, &self.snapshot));
        match controller.change(called, Arc::clone(&self.snapshot)) {
            Ok(()) => Ok(()),
            Err(error @ (Refused::NotNewer(_) | Refused::MovesConversations)) => {
                Err(Failure::Unsound(error.to_string()))
            }
        }
    }
}

fn change(network: &mut Network, turn: Turn) -> Result<(), OperationError> {
    match turn {
        Turn::Move(table, [one, other]) => {
            let routes = network.route_tables()[table].routes.iter().cloned();
            let moved = routes.map(|route| {
                let next_hop = match route.next_hop {
                    hop if hop == one => other,
                    hop if hop == other => one,
                    hop => hop,
                };
                Route { next_hop, ..route }
            });
            let moved = moved.collect();
            network.set_routes(table, moved)
        }
        Turn::Route(table, prefix) => {
            const NAME: &str = "bench-churn";
            let mut routes = network.route_tables()[table].routes.clone();
            let before = routes.len();
            routes.retain(|route| route.name != NAME);
            if routes.len() == before {
                routes.push(Route {
                    name: NAME.to_owned(),
                    destination: RouteDestination::Prefix(prefix),
                    next_hop: UserNextHop::None,
                });
            }
            network.set_routes(table, routes)
        }
        Turn::Flag(link) => {
            let mut flags = network.peerings()[link].flags;
            flags.allow_forwarded_traffic = !flags.allow_forwarded_traffic;
            network.update_peering(link, flags)
        }
        Turn::Rule(nsg) => {
            let rule = unused_rule(network);
            let mut rules = network.nsgs()[nsg].rules.to_vec();
            let before = rules.len();
            rules.retain(|present| present.name != rule.name);
            if rules.len() == before {
                rules.push(rule);
            }
            network.set_security_rules(nsg, rules)
        }
    }
}
