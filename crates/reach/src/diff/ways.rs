//! Pairs that are reachable before and after, but take another way.
//!
//! Whose way can be another one is worked out from the compiled routes (`moves`): addresses whose next hop is another one, seen from a
//! table, and what lies behind appliances, balancers and gateways for which that is so. Only those pairs are looked at. If there are few of
//! them, both packets of each are sent and the devices they pass compared. If there are many, that is done for one pair of each class:
//! sources of one subnet with the same routes, and destinations of one subnet between the same borders of changed routes. Where a hash
//! chooses the way, the pair that is looked at speaks for its class.

mod moves;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use model::{NicId, NicOwner};
use rayon::prelude::*;

use self::moves::Moves;
use super::objects::{ItemRef, Side};
use super::pairs::reachable;
use super::rectangles::{Rectangle, Rows, bits_of, rectangles};
use super::{Bench, Fate, Found, Group};
use crate::bits::{BitRow, Bits};
use crate::probe::{Answer, Device, Prober, Way};
use crate::question::Asked;
use crate::watch::Cancelled;

/// So many sources of a class are asked for a pair that is reachable.
const TRIES: usize = 4;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Pairs, reachable before and after, whose way can be another one.
    pub candidates: u64,
    /// How many of them a packet was sent for, in both networks.
    pub examined: u64,
    /// One pair spoke for its class.
    pub by_class: bool,
    /// Classes of pairs that nobody spoke for, because there were too many.
    pub classes_left: u64,
}

/// Something that a packet passes, the same number on both sides.
type Stop = (u8, u64);

/// What a pair's packets pass, there and back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Course {
    forward: Vec<Stop>,
    reply: Option<Vec<Stop>>,
}

const MACHINE: u8 = 0;
const GATEWAY: u8 = 1;
const FRONTEND: u8 = 2;

impl Course {
    /// Whether there and back pass other machines or gateways.
    fn is_asymmetric(&self) -> bool {
        let Some(reply) = &self.reply else {
            return false;
        };
        let between = |stops: &[Stop]| {
            let inner = stops.get(1..stops.len().saturating_sub(1));
            let mut inner: Vec<Stop> = inner.unwrap_or_default().to_vec();
            inner.retain(|&(kind, _)| kind != FRONTEND);
            inner.sort_unstable();
            inner.dedup();
            inner
        };
        between(&self.forward) != between(reply)
    }
}

/// The ways of a pair before and after, if they are not the same.
type Detour = (Fate, Course, Course);

/// Sources or destinations that are alike.
type ClassKey = (Vec<u32>, u32, u32);

/// Compares ways and adds the groups of those that are others.
pub(super) fn compare(bench: &Bench<'_, '_>, groups: &mut Vec<Group>) -> Result<Ways, Cancelled> {
    let moves = Moves::find(bench);
    if moves.is_nothing() {
        return Ok(Ways::default());
    }
    let scene = Scene::new(bench, &moves);
    let candidates: Result<Vec<(u32, BitRow)>, Cancelled> = (0..bench.sources.len())
        .into_par_iter()
        .filter_map(|source| {
            if bench.watch.go_on().is_err() {
                return Some(Err(Cancelled));
            }
            let bits = scene.candidates(source);
            let source = u32::try_from(source).unwrap_or(u32::MAX);
            (!bits.is_empty()).then(|| Ok((source, bits.row())))
        })
        .collect();
    let candidates = candidates?;
    let total: u64 = candidates.iter().map(|(_, bits)| bits.count()).sum();
    let mut ways = Ways {
        candidates: total,
        ..Ways::default()
    };
    let found = if total <= bench.limits.ways as u64 {
        ways.examined = total;
        one_by_one(bench, &candidates)?
    } else {
        ways.by_class = true;
        class_by_class(bench, &scene, &candidates, &mut ways)?
    };
    let mut by_fate: BTreeMap<Fate, Vec<Found>> = BTreeMap::new();
    for ((fate, ..), rectangles) in found {
        by_fate.entry(fate).or_default().extend(rectangles);
    }
    for (fate, found) in by_fate {
        groups.extend(bench.explained(fate, found)?);
    }
    Ok(ways)
}

/// Looks at every candidate.
fn one_by_one(
    bench: &Bench<'_, '_>,
    candidates: &[(u32, BitRow)],
) -> Result<BTreeMap<Detour, Vec<Found>>, Cancelled> {
    let len = bench.destinations.len();
    let detours: Result<Vec<Vec<(Detour, Bits)>>, Cancelled> = candidates
        .par_iter()
        .map(|(source, destinations)| {
            bench.watch.go_on()?;
            let mut detours: HashMap<Detour, Bits, RandomState> = HashMap::default();
            for destination in destinations.iter() {
                let pair = (*source, u32::try_from(destination).unwrap_or(u32::MAX));
                if let Some(detour) = bench.detour(pair) {
                    let bits = detours.entry(detour).or_insert_with(|| Bits::new(len));
                    bits.set(destination, true);
                }
            }
            Ok(detours.into_iter().collect())
        })
        .collect();
    let mut rows: BTreeMap<Detour, Rows> = BTreeMap::new();
    for (&(source, _), detours) in candidates.iter().zip(detours?) {
        for (detour, bits) in detours {
            rows.entry(detour).or_default().put(&[source], bits.row());
        }
    }
    let found = rows.into_iter().map(|(detour, rows)| {
        let groups = rows.groups(bench.own, len);
        let (found, _) = bench.split(rectangles(&groups, len));
        let found = found.into_iter().map(|rectangle| {
            let pairs = rectangle.pairs(bench.own);
            let witness = rectangle.witness(bench.own);
            (rectangle, pairs, witness)
        });
        (detour, found.collect())
    });
    Ok(found.collect())
}

/// Looks at one candidate of each class.
fn class_by_class(
    bench: &Bench<'_, '_>,
    scene: &Scene<'_, '_, '_>,
    candidates: &[(u32, BitRow)],
    ways: &mut Ways,
) -> Result<BTreeMap<Detour, Vec<Found>>, Cancelled> {
    let len = bench.destinations.len();
    let mut sources: BTreeMap<ClassKey, Vec<usize>> = BTreeMap::new();
    for (number, &(source, _)) in candidates.iter().enumerate() {
        let key = scene.source_class(source as usize);
        sources.entry(key).or_default().push(number);
    }
    let mut destinations: BTreeMap<ClassKey, Vec<u32>> = BTreeMap::new();
    for (destination, position) in (0..len).zip(0_u32..) {
        let key = scene.destination_class(destination);
        destinations.entry(key).or_default().push(position);
    }
    let destinations: Vec<Vec<u32>> = destinations.into_values().collect();
    let mut class_of = vec![0_usize; len];
    for (class, members) in destinations.iter().enumerate() {
        for &member in members {
            class_of[member as usize] = class;
        }
    }
    // The largest first: with too many classes, they are the ones that somebody speaks for.
    let mut sources: Vec<Vec<usize>> = sources.into_values().collect();
    sources.sort_by_key(|members| std::cmp::Reverse(members.len()));
    let mut pairs: Vec<(usize, usize, (u32, u32))> = Vec::new();
    for (from, members) in sources.iter().enumerate() {
        bench.watch.go_on()?;
        // A class of destinations is spoken for by its first member that one of a few sources reaches.
        let mut is_seen = vec![false; destinations.len()];
        for &number in members.iter().take(TRIES) {
            let (source, candidates) = &candidates[number];
            for column in candidates.iter() {
                let to = class_of[column];
                if std::mem::replace(&mut is_seen[to], true) {
                    continue;
                }
                if pairs.len() < bench.limits.ways {
                    let column = u32::try_from(column).unwrap_or(u32::MAX);
                    pairs.push((from, to, (*source, column)));
                } else {
                    ways.classes_left += 1;
                }
            }
        }
    }
    ways.examined = pairs.len() as u64;
    let detours: Result<Vec<_>, Cancelled> = pairs
        .into_par_iter()
        .map(|(from, to, pair)| {
            bench.watch.go_on()?;
            let Some(detour) = bench.detour(pair) else {
                return Ok(None);
            };
            let columns = &destinations[to];
            let bits = bits_of(columns, len);
            let mut count = 0;
            let mut members = Vec::new();
            for &number in &sources[from] {
                let (source, candidates) = &candidates[number];
                let mut of_source = candidates.bits(len);
                of_source.intersect(&bits);
                let reachable = of_source.count();
                if reachable > 0 {
                    members.push(*source);
                    count += reachable;
                }
            }
            let rectangle = Rectangle {
                sources: members,
                destinations: columns.clone(),
            };
            Ok(Some((detour, (rectangle, count, Some(pair)))))
        })
        .collect();
    let mut found: BTreeMap<Detour, Vec<Found>> = BTreeMap::new();
    for (detour, rectangle) in detours?.into_iter().flatten() {
        found.entry(detour).or_default().push(rectangle);
    }
    Ok(found)
}

/// Which pairs are candidates, and which of them are alike.
struct Scene<'a, 'b, 'n> {
    bench: &'a Bench<'b, 'n>,
    moves: &'a Moves,
    /// By set: destinations with an address in it.
    inside: Vec<Bits>,
    /// By set: destinations for whose replies it is the changed one.
    replying: Vec<Bits>,
    /// By common source and common destination, the set that is changed for it.
    of_source: Vec<usize>,
    of_destination: Vec<usize>,
}

impl<'a, 'b, 'n> Scene<'a, 'b, 'n> {
    fn new(bench: &'a Bench<'b, 'n>, moves: &'a Moves) -> Self {
        let of = |workers: Vec<NicId>| -> Vec<usize> {
            workers
                .into_iter()
                .map(|worker| moves.set_of(worker))
                .collect()
        };
        let before = bench.before.matrix;
        let common = |positions: &[u32], ends: &crate::ends::Ends| {
            positions
                .iter()
                .map(|&at| ends[at as usize].worker)
                .collect()
        };
        let of_source = of(common(&bench.sources.before, before.sources()));
        let of_destination = of(common(&bench.destinations.before, before.destinations()));
        let len = bench.destinations.len();
        let mut inside = vec![Bits::new(len); moves.sets.len()];
        let mut replying = inside.clone();
        for (at, &position) in bench.destinations.before.iter().enumerate() {
            let address = before.destinations()[position as usize].address;
            for (set, bits) in moves.sets.iter().zip(&mut inside) {
                if set.contains(address) {
                    bits.set(at, true);
                }
            }
            replying[of_destination[at]].set(at, true);
        }
        Self {
            bench,
            moves,
            inside,
            replying,
            of_source,
            of_destination,
        }
    }

    fn address(&self, source: usize) -> std::net::Ipv4Addr {
        let position = self.bench.sources.before[source];
        self.bench.before.matrix.sources()[position as usize].address
    }

    /// Destinations that a source reaches before and after, by a way that can be another one.
    fn candidates(&self, source: usize) -> Bits {
        let bench = self.bench;
        let mut bits = self.inside[self.of_source[source]].clone();
        for set in self.containing(source) {
            bits.unite(&self.replying[set as usize]);
        }
        if bits.is_empty() {
            return bits;
        }
        for side in [Side::Before, Side::After] {
            let row = bench.sources.of(side)[source] as usize;
            let mut reached = Bits::new(bench.destinations.len());
            let row = reachable(bench.world(side).matrix, row);
            bench.destinations.project(side, row, &mut reached);
            bits.intersect(&reached);
        }
        if let Some(own) = bench.own[source] {
            bits.set(own as usize, false);
        }
        bits
    }

    /// Sets that hold the address of a source: whoever's they are may reply another way.
    fn containing(&self, source: usize) -> impl Iterator<Item = u32> {
        let address = self.address(source);
        (0_u32..)
            .zip(&self.moves.sets)
            .filter(move |(_, set)| set.contains(address))
            .map(|(at, _)| at)
    }

    fn source_class(&self, source: usize) -> ClassKey {
        let position = self.bench.sources.before[source];
        let end = &self.bench.before.matrix.sources()[position as usize];
        let mut key: Vec<u32> = self.containing(source).collect();
        key.push(u32::try_from(self.of_source[source]).unwrap_or(u32::MAX));
        self.class(key, end)
    }

    fn destination_class(&self, destination: usize) -> ClassKey {
        let position = self.bench.destinations.before[destination];
        let end = &self.bench.before.matrix.destinations()[position as usize];
        let inside = (0_u32..).zip(&self.inside);
        let inside = inside.filter(|(_, bits)| bits.get(destination));
        let mut key: Vec<u32> = inside.map(|(at, _)| at).collect();
        key.push(u32::try_from(self.of_destination[destination]).unwrap_or(u32::MAX));
        self.class(key, end)
    }

    fn class(&self, mut key: Vec<u32>, end: &crate::ends::End) -> ClassKey {
        let bench = self.bench;
        let cut = self
            .moves
            .cuts
            .partition_point(|&cut| cut <= u32::from(end.address));
        key.push(u32::try_from(cut).unwrap_or(u32::MAX));
        let snapshot = bench.before.snapshot;
        let Some(nic) = snapshot.nic(end.worker) else {
            return (key, u32::MAX, end.worker.get());
        };
        // Who forwards, or has several NICs, is like nobody else.
        let is_common = snapshot.guest_of(nic).nics.len() == 1 && !nic.ip_forwarding;
        let alone = if is_common { 0 } else { end.worker.get() + 1 };
        let after = self.moves.partner(end.worker);
        let after = after.and_then(|worker| bench.after.snapshot.nic(worker));
        key.push(after.map_or(u32::MAX, |nic| nic.subnet.get()));
        key.push(nic.fib.0);
        key.push(after.map_or(u32::MAX, |nic| nic.fib.0));
        (key, nic.subnet.get(), alone)
    }
}

impl Bench<'_, '_> {
    /// Another way than before, if a pair has one.
    fn detour(&self, pair: (u32, u32)) -> Option<Detour> {
        let courses = [Side::Before, Side::After].map(|side| self.course(side, pair));
        let [before, after] = courses;
        if before == after {
            return None;
        }
        let fate = if after.is_asymmetric() && !before.is_asymmetric() {
            Fate::Asymmetric
        } else {
            Fate::Rerouted
        };
        Some((fate, before, after))
    }

    fn course(&self, side: Side, pair: (u32, u32)) -> Course {
        let answer = self.answer(side, pair);
        Course {
            forward: self.stops(side, &answer.forward),
            reply: answer.reply.as_ref().map(|way| self.stops(side, way)),
        }
    }

    fn answer(&self, side: Side, pair: (u32, u32)) -> Answer {
        let world = self.world(side);
        let question = world.matrix.question();
        let service = match question.asked {
            Asked::One(service) => service,
            Asked::AnyPort(_) | Asked::AllPorts(_) => self.service(Fate::Rerouted, pair),
        };
        let (from, to) = self.ends(side, pair);
        let (from, to) = (
            &world.matrix.sources()[from],
            &world.matrix.destinations()[to],
        );
        let prober = Prober::of(world.snapshot, service, question);
        let (prober, asked) = prober.towards(from, to);
        prober.way((from.worker, from.address), asked)
    }

    fn stops(&self, side: Side, way: &Way) -> Vec<Stop> {
        let mut stops: Vec<Stop> = way
            .passed
            .iter()
            .map(|&device| match device {
                Device::Nic(nic) => (MACHINE, self.machine(side, nic)),
                Device::Gateway(gateway) => {
                    let id = self.world(side).network.gateways().get(gateway);
                    let item = id.and_then(|gateway| self.objects.find(side, &gateway.id));
                    (GATEWAY, self.number(item, gateway.get()))
                }
                Device::Frontend(frontend) => {
                    let world = self.world(side);
                    let balancer = world.snapshot.frontend(frontend).balancer;
                    let id = world.network.load_balancers().get(balancer);
                    let item = id.and_then(|balancer| self.objects.find(side, &balancer.id));
                    (FRONTEND, self.number(item, balancer.get()))
                }
            })
            .collect();
        stops.dedup();
        stops
    }

    /// A number that both sides share: of the object, or where the second network is the first one, edited, of the key.
    pub(super) fn number(&self, item: Option<ItemRef>, key: u32) -> u64 {
        match item {
            Some(item) if !self.objects.keys_are_shared() => self.objects.number(item),
            _ => u64::from(key) | 1 << 40,
        }
    }

    /// The machine that a NIC belongs to, else the NIC.
    pub(super) fn machine(&self, side: Side, nic: NicId) -> u64 {
        let network = self.world(side).network;
        let owner = network.nics().get(nic).map(|nic| nic.owner);
        if let Some(NicOwner::VirtualMachine(vm)) = owner {
            let item = self.objects.find(side, &network.virtual_machines()[vm].id);
            return self.number(item, vm.get());
        }
        // Both kinds of keys are small, and a machine is none of the others.
        self.number(self.objects.worker(side, nic), nic.get()) | 1 << 41
    }
}
