//! Cuts rectangles where causes may differ: pairs that changed alike need not have changed for the same reason.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;
use model::NicId;

use super::Bench;
use super::objects::Side;
use super::rectangles::Rectangle;
use crate::ends::Ends;

/// Which ends are held to be alike, the finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    /// The same subnets and rules before and after, and not changed themselves.
    Subnet,
    /// The same networks before and after.
    Network,
    /// All of a rectangle.
    Whole,
}

/// Number of an end's class, by common position.
type Classes = Vec<u32>;

impl Bench<'_, '_> {
    /// Cuts rectangles as finely as the number of witnesses allows.
    /// Also says whether that was the finest.
    pub(super) fn split(&self, rectangles: Vec<Rectangle>) -> (Vec<Rectangle>, bool) {
        if rectangles.is_empty() {
            return (rectangles, true);
        }
        // Rules and machines at the destination are where most pairs are lost.
        let grains = [
            [Grain::Subnet, Grain::Subnet],
            [Grain::Network, Grain::Subnet],
            [Grain::Subnet, Grain::Network],
            [Grain::Whole, Grain::Subnet],
            [Grain::Subnet, Grain::Whole],
            [Grain::Network, Grain::Network],
            [Grain::Whole, Grain::Whole],
        ];
        for grains in grains {
            let classes = [
                self.classes(true, grains[0]),
                self.classes(false, grains[1]),
            ];
            let count = |rectangle: &Rectangle| {
                let sources = count_classes(&rectangle.sources, &classes[0]);
                let destinations = count_classes(&rectangle.destinations, &classes[1]);
                sources.saturating_mul(destinations)
            };
            let total = rectangles.iter().fold(0_usize, |sum, rectangle| {
                sum.saturating_add(count(rectangle))
            });
            if grains != [Grain::Whole; 2] && total > self.limits.witnesses {
                continue;
            }
            let cut = |rectangle: &Rectangle| {
                let sources = parts(&rectangle.sources, &classes[0]);
                let destinations = parts(&rectangle.destinations, &classes[1]);
                let mut cut = Vec::with_capacity(sources.len() * destinations.len());
                for sources in &sources {
                    for destinations in &destinations {
                        cut.push(Rectangle {
                            sources: sources.clone(),
                            destinations: destinations.clone(),
                        });
                    }
                }
                cut
            };
            let is_finest = grains == [Grain::Subnet; 2];
            return (rectangles.iter().flat_map(cut).collect(), is_finest);
        }
        (rectangles, false)
    }

    fn classes(&self, are_sources: bool, grain: Grain) -> Classes {
        let matched = if are_sources {
            self.sources
        } else {
            self.destinations
        };
        let ends = |side| -> &Ends {
            let matrix = self.world(side).matrix;
            if are_sources {
                matrix.sources()
            } else {
                matrix.destinations()
            }
        };
        let (before, after) = (ends(Side::Before), ends(Side::After));
        let pairs = matched.before.iter().zip(&matched.after);
        numbered(pairs.map(|(&one, &other)| {
            let workers = [before[one as usize].worker, after[other as usize].worker];
            let sides = [Side::Before, Side::After];
            [0, 1].map(|at| self.place(sides[at], workers[at], grain))
        }))
    }

    /// Network, subnet, rules, and who one is, as far as they count.
    fn place(&self, side: Side, worker: NicId, grain: Grain) -> [u32; 4] {
        const ANY: u32 = u32::MAX;
        let Some(nic) = self.world(side).snapshot.nic(worker) else {
            // A host outside Azure is alone.
            return [ANY, ANY, ANY, worker.get()];
        };
        let alone = if self.is_changed(side, worker) {
            worker.get()
        } else {
            ANY
        };
        match grain {
            Grain::Subnet => [
                nic.virtual_network.get(),
                nic.subnet.get(),
                nic.policy.0,
                alone,
            ],
            Grain::Network => [nic.virtual_network.get(), ANY, ANY, ANY],
            Grain::Whole => [ANY; 4],
        }
    }

    /// Whether something is written otherwise in a NIC or its machine.
    fn is_changed(&self, side: Side, worker: NicId) -> bool {
        if self.objects.keys_are_shared() {
            return false;
        }
        let network = self.world(side).network;
        let machine = network.nics().get(worker).and_then(|nic| match nic.owner {
            model::NicOwner::VirtualMachine(vm) => Some(&network.virtual_machines()[vm].id),
            _ => None,
        });
        let machine = machine.and_then(|id| self.objects.find(side, id));
        let nic = self.objects.worker(side, worker);
        let mut items = nic.into_iter().chain(machine);
        items.any(|item| self.objects.change_of(item).is_some())
    }
}

/// The same number for equal values.
fn numbered<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> Classes {
    let mut numbers: HashMap<K, u32, RandomState> = HashMap::default();
    keys.map(|key| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(key).or_insert(next)
    })
    .collect()
}

fn count_classes(members: &[u32], classes: &Classes) -> usize {
    parts(members, classes).len()
}

/// Members by class, in the order of the first of each.
fn parts(members: &[u32], classes: &Classes) -> Vec<Vec<u32>> {
    let mut places: HashMap<u32, usize, RandomState> = HashMap::default();
    let mut parts: Vec<Vec<u32>> = Vec::new();
    for &member in members {
        let at = *places.entry(classes[member as usize]).or_insert_with(|| {
            parts.push(Vec::new());
            parts.len() - 1
        });
        parts[at].push(member);
    }
    parts
}
