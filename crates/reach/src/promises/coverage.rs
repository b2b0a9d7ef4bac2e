//! Which of the user's rules and routes have decided for a promise.
//!
//! For every pair of a promise a probe is sent, and its reply if the promise is about it. What decided is counted:
//!
//! - the rule of each level of security groups, and each security admin rule, that let the packet pass or denied it. A packet of a flow that
//!   is known asks no rules, so the rules behind a denying one, and those that a reply would have met, do not count;
//! - the user's route by which it left each NIC.
//!
//! Where promises have more pairs than [`Limits::coverage`](super::Limits::coverage) allows, few of each pair of classes are asked
//! instead, and the answer is no longer [exact](Coverage::is_exact): another pair of these classes, with the same verdict, may rest on
//! another rule.
//!
//! Default rules and system routes are nobody's promise and are not listed.

use std::collections::{BTreeMap, BTreeSet};

use control::snapshot::RouteOrigin;
use dataplane::dropped::{Locator, Object};
use dataplane::recorder::Step;
use model::table::Resource;
use model::{Network, ResourceId};
use rayon::prelude::*;

use super::judge::matrix;
use super::{JudgeError, Limits, Promise, Watch, World};
use crate::ends::{End, Ends};
use crate::matrix::services;
use crate::probe::{Prober, Story};

/// Which rules and routes have decided for a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Rules of security groups, then security admin rules.
    pub rules: Vec<Covered>,
    /// User-defined routes.
    pub routes: Vec<Covered>,
    /// Probes that were sent to find out.
    pub probes: u64,
    /// Whether every pair of every promise was asked.
    pub is_exact: bool,
}

/// A rule or route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Its resource id.
    pub id: ResourceId,
    /// Positions of the promises for which it has decided, ascending.
    pub promises: Vec<usize>,
}

impl Coverage {
    /// The rules and routes that no promise touches.
    pub fn untouched(&self) -> impl Iterator<Item = &Covered> {
        let all = self.rules.iter().chain(&self.routes);
        all.filter(|covered| covered.promises.is_empty())
    }
}

/// Asks which of the user's rules and routes have decided for these promises.
///
/// # Errors
///
/// If `watch` has cancelled the work.
pub fn coverage(
    promises: &[Promise],
    world: World<'_>,
    limits: Limits,
    watch: &Watch,
) -> Result<Coverage, JudgeError> {
    let mut touched: BTreeMap<ResourceId, Vec<usize>> = BTreeMap::new();
    let mut probes = 0;
    let total: u64 = promises.iter().map(|promise| asked(promise, world)).sum();
    let is_exact = total <= limits.coverage;
    for (position, promise) in promises.iter().enumerate() {
        let found = touched_by(promise, world, is_exact, watch)?;
        probes += found.probes;
        let ids: BTreeSet<ResourceId> = found
            .places
            .into_iter()
            .filter_map(|place| id_of(place, world))
            .collect();
        for id in ids {
            touched.entry(id).or_default().push(position);
        }
    }
    let covered = |id: ResourceId| Covered {
        promises: touched.get(&id).cloned().unwrap_or_default(),
        id,
    };
    Ok(Coverage {
        rules: rules(world.network).map(covered).collect(),
        routes: routes(world.network).map(covered).collect(),
        probes,
        is_exact,
    })
}

/// Pairs of a promise, once for each port that can be told apart.
fn asked(promise: &Promise, world: World<'_>) -> u64 {
    let ports: usize = promise
        .services
        .iter()
        .map(|&asked| services(world.snapshot, asked).len())
        .sum();
    let directions = promise.directions().into_iter();
    let pairs = directions.map(|(from, to)| (from.len() as u64).saturating_mul(to.len() as u64));
    pairs.sum::<u64>().saturating_mul(ports as u64)
}

/// What was found out about a promise.
#[derive(Default)]
struct Touched {
    /// What has decided.
    places: BTreeSet<Locator>,
    /// Probes that it took.
    probes: u64,
}

fn touched_by(
    promise: &Promise,
    world: World<'_>,
    is_exact: bool,
    watch: &Watch,
) -> Result<Touched, JudgeError> {
    let mut sum = Touched::default();
    for (from, to) in promise.directions() {
        for &asked in &promise.services {
            let (sources, destinations) = if is_exact {
                (from.as_slice().to_vec(), to.as_slice().to_vec())
            } else {
                let classes = matrix(asked, promise.depth(), (from, to), world, watch)?.classes();
                (
                    firsts(&classes.sources, from),
                    firsts(&classes.destinations, to),
                )
            };
            for service in services(world.snapshot, asked) {
                let prober = Prober::new(world.snapshot, service, None, promise.depth());
                watch.expect(sources.len() as u64);
                let rows: Result<Vec<Touched>, JudgeError> = sources
                    .par_iter()
                    .map(|source| {
                        watch.go_on()?;
                        let row = touched_from(source, &destinations, prober, world);
                        watch.advance(1);
                        Ok(row)
                    })
                    .collect();
                for row in rows? {
                    sum.places.extend(row.places);
                    sum.probes += row.probes;
                }
            }
        }
    }
    Ok(sum)
}

/// Two ends of each class: the first may be the one that is no pair with itself.
fn firsts(classes: &[Vec<u32>], ends: &Ends) -> Vec<End> {
    let members = classes.iter().flat_map(|class| class.iter().take(2));
    let members = members.filter_map(|&member| ends.get(member as usize).copied());
    members.collect()
}

/// All pairs of one source.
fn touched_from(
    source: &End,
    destinations: &[End],
    prober: Prober<'_>,
    world: World<'_>,
) -> Touched {
    let mut row = Touched::default();
    let from = (source.worker, source.address);
    let others = destinations
        .iter()
        .filter(|end| (end.worker, end.address) != from);
    for end in others {
        let story = prober.story(from, end.asked_from(source, world.snapshot));
        note(&story, &mut row.places);
        row.probes += 1;
    }
    row
}

/// What decided about a probe and its reply.
fn note(story: &Story, places: &mut BTreeSet<Locator>) {
    for step in story.forward.iter().chain(&story.reply) {
        match *step {
            Step::Judged {
                level, rules, rule, ..
            } => {
                places.insert(Locator::Rule { level, rules, rule });
            }
            Step::JudgedByAdminRule { rules, rule, .. } => {
                places.insert(Locator::AdminRule { rules, rule });
            }
            Step::Routed { fib, route, .. } => {
                places.insert(Locator::Route { fib, route });
            }
            _ => {}
        }
    }
    // A route or rule that ends the way is named by the drop.
    let ways = [Some(&story.answer.forward), story.answer.reply.as_ref()];
    let drops = ways.into_iter().flatten().filter_map(crate::Way::dropped);
    places.extend(drops.map(dataplane::dropped::Dropped::at));
}

/// The user's rule or route at a place.
fn id_of(place: Locator, world: World<'_>) -> Option<ResourceId> {
    match place.object(world.snapshot)? {
        Object::Rule {
            group: Some(group),
            rule,
            ..
        } => Some(group.child(SECURITY_RULES, &rule.name)),
        Object::AdminRule { id, .. } => Some(id.clone()),
        Object::Route {
            row,
            user_route: Some((table, route)),
        } if matches!(row.origin, RouteOrigin::User(..)) => Some(table.child(ROUTES, route)),
        _ => None,
    }
}

const SECURITY_RULES: &str = "securityRules";
const ROUTES: &str = "routes";

/// The user's rules, group by group, then those of network managers.
fn rules(network: &Network) -> impl Iterator<Item = ResourceId> {
    let groups = network.nsgs().values().flat_map(|group| {
        let rules = group.rules.iter();
        rules.map(|rule| group.id().child(SECURITY_RULES, &rule.name))
    });
    let admin = network.managers().values().flat_map(|manager| {
        let configurations = manager.security_admin_configurations.iter();
        configurations.flat_map(move |configuration| {
            let collections = configuration.rule_collections.iter();
            collections.flat_map(move |collection| {
                let rules = collection.rules.iter();
                rules.map(move |rule| {
                    manager.rule_id(&configuration.name, &collection.name, &rule.name)
                })
            })
        })
    });
    groups.chain(admin)
}

fn routes(network: &Network) -> impl Iterator<Item = ResourceId> {
    network.route_tables().values().flat_map(|table| {
        let routes = table.routes.iter();
        routes.map(|route| table.id().child(ROUTES, &route.name))
    })
}
