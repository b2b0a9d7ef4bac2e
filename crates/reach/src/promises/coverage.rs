//! Which of the user's rules and routes have decided for a promise.
//!
//! For every pair of a promise a probe is sent, and its reply if the promise is about it. What decided is counted:
//!
//! - the rule of each level of security groups, and each security admin rule, that let the packet pass or denied it. A packet of a flow that
//!   is known asks no rules, so the rules behind a denying one, and those that a reply would have met, do not count;
//! - the user's route by which it left each NIC.
//!
//! One packet is sent for all pairs about which the same decides, step by step. Where that takes more packets than
//! [`Limits::coverage`](super::Limits::coverage) allows, some pairs of each promise are asked instead, evenly spread, and the answer is no
//! longer [exact](Coverage::is_exact).
//!
//! Default rules and system routes are nobody's promise and are not listed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use control::snapshot::RouteOrigin;
use dataplane::dropped::{Locator, Object};
use dataplane::recorder::Step;
use foldhash::fast::FixedState;
use model::table::Resource;
use model::{Network, ResourceId};
use rayon::prelude::*;

use super::{JudgeError, Limits, Promise, Watch, World};
use crate::Service;
use crate::bits::Bits;
use crate::classes::likeness::{Kin, Likeness, Memory};
use crate::ends::{End, Ends};
use crate::matrix::services;
use crate::probe::{Prober, Story};
use crate::question::Depth;

/// Packets of each promise and service, at least, where not all pairs can be asked.
const FEWEST: u64 = 100;

/// Which rules and routes have decided for a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Rules of security groups, then security admin rules.
    pub rules: Vec<Covered>,
    /// User-defined routes.
    pub routes: Vec<Covered>,
    /// Probes that were sent to find out.
    pub probes: u64,
    /// Whether that is so of every pair of every promise.
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
    let errands = errands(promises, world);
    let sent = AtomicU64::new(0);
    let told: Result<Option<Vec<Touched>>, JudgeError> = errands
        .iter()
        .map(|errand| errand.told(world, (&sent, limits.coverage), watch))
        .collect();
    let told = told?;
    let is_exact = told.is_some();
    let found = if let Some(found) = told {
        found
    } else {
        let share = limits.coverage / (errands.len() as u64).max(1);
        let some = errands
            .iter()
            .map(|errand| errand.sampled(world, share.max(FEWEST), watch));
        some.collect::<Result<_, _>>()?
    };
    let mut touched: BTreeMap<ResourceId, BTreeSet<usize>> = BTreeMap::new();
    let mut probes = 0;
    for (errand, found) in errands.iter().zip(found) {
        probes += found.probes;
        for place in found.places {
            if let Some(id) = id_of(place, world) {
                touched.entry(id).or_default().insert(errand.promise);
            }
        }
    }
    let covered = |id: ResourceId| Covered {
        promises: touched.get(&id).into_iter().flatten().copied().collect(),
        id,
    };
    Ok(Coverage {
        rules: rules(world.network).map(covered).collect(),
        routes: routes(world.network).map(covered).collect(),
        probes,
        is_exact,
    })
}

/// Pairs of one promise for one service.
struct Errand<'p> {
    promise: usize,
    from: &'p Arc<Ends>,
    to: &'p Arc<Ends>,
    service: Service,
    depth: Depth,
}

fn errands<'p>(promises: &'p [Promise], world: World<'_>) -> Vec<Errand<'p>> {
    let mut errands = Vec::new();
    for (number, promise) in promises.iter().enumerate() {
        for (from, to) in promise.directions() {
            for &asked in &promise.services {
                let services = services(world.snapshot, asked).into_iter();
                errands.extend(services.map(|service| Errand {
                    promise: number,
                    from,
                    to,
                    service,
                    depth: promise.depth(),
                }));
            }
        }
    }
    errands
}

/// What was found out about a promise.
#[derive(Default)]
struct Touched {
    /// What has decided.
    places: BTreeSet<Locator>,
    /// Probes that it took.
    probes: u64,
}

/// Columns about which it is known what decides, from one source to the next of its kin in the order of addresses.
struct Told {
    covered: Bits,
    /// The last address of sources for which that is so, and the columns.
    stories: Vec<(u32, Vec<(u32, u32)>)>,
    until: u32,
}

impl Errand<'_> {
    fn prober<'w>(&self, world: World<'w>) -> Prober<'w> {
        Prober::new(world.snapshot, self.service, None, self.depth)
    }

    /// Sends one packet for all pairs about which the same decides. `None`: more than the limit would have been sent, by all errands.
    fn told(
        &self,
        world: World<'_>,
        (sent, limit): (&AtomicU64, u64),
        watch: &Watch,
    ) -> Result<Option<Touched>, JudgeError> {
        let likeness = Likeness::new(world.snapshot, self.to, self.service, None);
        let mut kins: HashMap<Kin, Vec<&End>, FixedState> = HashMap::default();
        for end in self.from.iter() {
            kins.entry(likeness.kin(end)).or_default().push(end);
        }
        let kins: Vec<(Kin, Vec<&End>)> = kins.into_iter().collect();
        let prober = self.prober(world);
        watch.expect(self.from.len() as u64);
        let found: Result<Option<Vec<Touched>>, JudgeError> = kins
            .par_iter()
            .map_init(Memory::default, |memory, (kin, sources)| {
                let mut touched = Touched::default();
                let mut told = Told::new(self.to.len());
                for &from in sources {
                    watch.go_on()?;
                    told.forget(from.address.into());
                    let own = self.to.position(from.address, from.worker);
                    while let Some(column) = told.next(own) {
                        if sent.fetch_add(1, Ordering::Relaxed) >= limit {
                            return Ok(None);
                        }
                        let (prober, asked) = prober.towards(from, &self.to[column]);
                        let story = prober.story((from.worker, from.address), asked);
                        note(&story, &mut touched.places);
                        touched.probes += 1;
                        let number = u32::try_from(column).unwrap_or(u32::MAX);
                        let alike = likeness.alike(memory, (from, *kin), number, &story);
                        let (until, columns) = alike.map_or_else(
                            || (from.address.into(), vec![(number, number + 1)]),
                            |alike| (alike.valid.1, alike.columns),
                        );
                        told.add(until, columns);
                    }
                    watch.advance(1);
                }
                Ok(Some(touched))
            })
            .collect();
        Ok(found?.map(Touched::all))
    }

    /// Sends a packet for some of the pairs, evenly spread.
    fn sampled(&self, world: World<'_>, most: u64, watch: &Watch) -> Result<Touched, JudgeError> {
        let (mut rows, mut columns) = (1, 1);
        let pairs = |rows: usize, columns: usize| {
            let (from, to) = (self.from.len(), self.to.len());
            from.div_ceil(rows) as u64 * to.div_ceil(columns) as u64
        };
        while pairs(rows, columns) > most {
            if self.from.len() / rows >= self.to.len() / columns {
                rows += 1 + rows / 8;
            } else {
                columns += 1 + columns / 8;
            }
        }
        let prober = self.prober(world);
        let sources: Vec<&End> = self.from.iter().step_by(rows).collect();
        let found: Result<Vec<Touched>, JudgeError> = sources
            .par_iter()
            .map(|from| {
                watch.go_on()?;
                let mut touched = Touched::default();
                let others = self.to.iter().step_by(columns);
                for to in others.filter(|to| (to.address, to.worker) != (from.address, from.worker))
                {
                    let (prober, asked) = prober.towards(from, to);
                    let story = prober.story((from.worker, from.address), asked);
                    note(&story, &mut touched.places);
                    touched.probes += 1;
                }
                Ok(touched)
            })
            .collect();
        Ok(Touched::all(found?))
    }
}

impl Touched {
    fn all(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.places.extend(part.places);
            all.probes += part.probes;
        }
        all
    }
}

impl Told {
    fn new(columns: usize) -> Self {
        let mut told = Self {
            covered: Bits::new(columns),
            stories: Vec::new(),
            until: u32::MAX,
        };
        // There are no columns behind the last one.
        let room = told.covered.words().len() * 64;
        told.covered.insert(columns..room);
        told.stories
            .push((u32::MAX, vec![(narrow(columns), narrow(room))]));
        told
    }

    /// The first column that nothing is known of; not `own`, which is no pair.
    fn next(&self, own: Option<usize>) -> Option<usize> {
        let words = self.covered.words().iter().enumerate();
        let mut left = words.filter_map(|(number, &word)| {
            let own = own.filter(|own| own / 64 == number);
            let own = own.map_or(0, |own| 1_u64 << (own % 64));
            let rest = !(word | own);
            (rest != 0).then(|| number * 64 + rest.trailing_zeros() as usize)
        });
        left.next()
    }

    fn add(&mut self, until: u32, columns: Vec<(u32, u32)>) {
        for &(start, end) in &columns {
            self.covered.insert(start as usize..end as usize);
        }
        self.until = self.until.min(until);
        self.stories.push((until, columns));
    }

    /// Forgets what is not known of sources with this address.
    fn forget(&mut self, address: u32) {
        if address <= self.until {
            return;
        }
        self.until = u32::MAX;
        self.covered.clear();
        let stories = std::mem::take(&mut self.stories);
        for (until, columns) in stories {
            if address <= until {
                self.add(until, columns);
            }
        }
    }
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
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
