//! Promises about the ways of packets: past which devices, and how long.
//!
//! Ways are looked at class by class: where one packet between two groups of ends arrives, it took the way of all others between them that
//! arrive, whatever the rules. Where a hash has chosen, or a gateway or load balancer was passed, it speaks for itself alone, and every
//! pair is asked by a packet of its own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use dataplane::recorder::Step;
use engine::delay;
use engine::site::Site;
use engine::time::SimDuration;
use model::NicId;
use rayon::prelude::*;

use super::judge::witness;
use super::plan::{Demand, View};
use super::{JudgeError, Judgement, Limits, Promise, PromiseKind, Watch, World};
use crate::Service;
use crate::bits::{BitRow, Bits};
use crate::matrix::{Row, services};
use crate::probe::{Cell, Device, Prober, Story, WayEnd};
use crate::question::Depth;

/// What a promise about ways says of a pair.
#[derive(Clone, Copy, Default)]
struct Found {
    is_broken: bool,
    device: Option<Device>,
    is_about_reply: bool,
    latency: Option<SimDuration>,
    service: Option<Service>,
}

/// What one pair says of those that are like it.
#[derive(Clone, Copy)]
enum Spoken {
    /// The same as of itself.
    ForAll(Found),
    /// Nothing.
    ForItself,
}

/// What was found about the pairs of some rows.
#[derive(Default)]
struct Sum {
    pairs: u64,
    broken: u64,
    unknown: u64,
    ways: u64,
    slowest: Option<SimDuration>,
    /// The first pair that breaks the promise, and the first of which the input does not hold what decides.
    first_broken: Option<((usize, usize), Found)>,
    first_unknown: Option<(usize, usize)>,
}

/// Columns of a row whose packets arrive, by the group of ends to which they belong.
type Columns = BTreeMap<u32, Vec<Range<usize>>>;

/// `alike`: of rows and of columns, the groups of ends that take the same ways.
pub(super) fn judge(
    promise: &Promise,
    demand: &Demand,
    view: &View<'_>,
    [mut of_rows, mut of_columns]: [Vec<u32>; 2],
    world: World<'_>,
    limits: Limits,
    watch: &Watch,
) -> Result<Judgement, JudgeError> {
    let matrix = view.matrix;
    // What begins or ends at a device has met it.
    if let PromiseKind::MustPassThrough(devices) | PromiseKind::MustNotPassThrough(devices) =
        &promise.kind
    {
        let ends = [matrix.sources(), matrix.destinations()];
        for (groups, ends) in [&mut of_rows, &mut of_columns].into_iter().zip(ends) {
            for (group, end) in groups.iter_mut().zip(ends.iter()) {
                *group *= 2;
                *group += u32::from(devices.contains(&Device::Nic(end.worker)));
            }
        }
    }
    let depth = promise.depth();
    let probers = services(world.snapshot, demand.asked).into_iter();
    let look = Look {
        promise,
        view,
        of_columns: &runs(&of_columns),
        probers: probers
            .map(|service| (service, Prober::new(world.snapshot, service, None, depth)))
            .collect(),
        world,
        limits,
        sent: AtomicU64::new(0),
    };
    // By group, the rows of each class.
    let mut groups: BTreeMap<u32, BTreeMap<u32, Vec<usize>>> = BTreeMap::new();
    for &row in &view.rows {
        let classes = groups.entry(of_rows[row]).or_default();
        let class = classes.entry(view.matrix.class_of(row)).or_default();
        class.push(row);
    }
    watch.expect(view.rows.len() as u64);
    let sums: Result<Vec<Sum>, JudgeError> = groups
        .par_iter()
        .map(|(_, classes)| {
            let sum = look.at_group(classes, watch)?;
            let rows = classes.values().map(Vec::len).sum::<usize>();
            watch.advance(rows as u64);
            Ok(sum)
        })
        .collect();
    let mut all = Sum::default();
    for sum in sums? {
        all.add(&sum);
    }
    let shown = all.first_broken.map_or_else(
        || Some((all.first_unknown?, Found::default())),
        |(at, found)| Some((at, found)),
    );
    let witness = shown.and_then(|(at, found)| {
        let service = found.service.or_else(|| Some(look.probers.first()?.0));
        let pair = witness(view.matrix, at, service.unwrap_or(Service::Icmp), world)?;
        Some(super::Witness {
            device: found.device,
            is_about_reply: found.is_about_reply,
            latency: found.latency,
            ..pair
        })
    });
    Ok(Judgement {
        pairs: all.pairs,
        broken: all.broken,
        unknown: all.unknown,
        ways: all.ways,
        slowest: all.slowest,
        witness,
        ..Judgement::of_nothing()
    })
}

/// Stretches of positions with the same number.
fn runs(numbers: &[u32]) -> Vec<(Range<usize>, u32)> {
    let mut runs: Vec<(Range<usize>, u32)> = Vec::new();
    for (position, &number) in numbers.iter().enumerate() {
        match runs.last_mut() {
            Some((run, last)) if *last == number => run.end = position + 1,
            _ => runs.push((position..position + 1, number)),
        }
    }
    runs
}

struct Look<'l> {
    promise: &'l Promise,
    view: &'l View<'l>,
    of_columns: &'l [(Range<usize>, u32)],
    probers: Vec<(Service, Prober<'l>)>,
    world: World<'l>,
    limits: Limits,
    /// Packets.
    sent: AtomicU64,
}

/// The pairs of one class of rows that are looked at.
struct Judged {
    /// Those whose reply arrives, if it counts.
    whole: Columns,
    /// Those whose reply does not.
    halves: Columns,
}

impl Look<'_> {
    /// Judges rows whose ways are the same.
    fn at_group(
        &self,
        classes: &BTreeMap<u32, Vec<usize>>,
        watch: &Watch,
    ) -> Result<Sum, JudgeError> {
        let mut sum = Sum::default();
        let mut judged = Vec::with_capacity(classes.len());
        for (&class, rows) in classes {
            watch.go_on()?;
            judged.push((rows, self.count(class, rows, &mut sum)));
        }
        let mut known: BTreeMap<u32, Spoken> = BTreeMap::new();
        for (rows, judged) in &judged {
            for (&group, columns) in &judged.whole {
                watch.go_on()?;
                let Some(pair) = self.pairs(rows, columns).next() else {
                    continue;
                };
                let spoken = match known.get(&group) {
                    Some(&spoken) => spoken,
                    None => *known.entry(group).or_insert(self.ask(pair, true)?),
                };
                self.apply(spoken, rows, columns, &mut sum)?;
            }
        }
        let mut known_halves: BTreeMap<u32, Spoken> = BTreeMap::new();
        for (rows, judged) in &judged {
            for (&group, columns) in &judged.halves {
                watch.go_on()?;
                let Some(pair) = self.pairs(rows, columns).next() else {
                    continue;
                };
                let spoken = match (known_halves.get(&group), known.get(&group)) {
                    (Some(&spoken), _) => spoken,
                    // A part of a way meets no device that the whole does not meet.
                    (None, Some(Spoken::ForAll(whole))) if !whole.is_broken => {
                        Spoken::ForAll(Found::default())
                    }
                    _ => *known_halves.entry(group).or_insert(self.ask(pair, false)?),
                };
                self.apply(spoken, rows, columns, &mut sum)?;
            }
        }
        Ok(sum)
    }

    /// Pairs of the rows of one class: those that no way has to be looked at for are judged at once.
    fn count(&self, class: u32, rows: &[usize], sum: &mut Sum) -> Judged {
        let (matrix, columns) = (self.view.matrix, &self.view.columns);
        let row = &matrix.rows()[class as usize];
        let len = matrix.destinations().len();
        let depth = self.promise.depth();
        let within = |set: &BitRow| {
            let mut bits = set.bits(len);
            bits.intersect(columns);
            bits
        };
        let is_latency = matches!(self.promise.kind, PromiseKind::MaxLatency(_));
        let whole = within(reached(row, depth));
        let mut halves = Bits::new(len);
        if !is_latency && depth == Depth::RoundTrip {
            halves = within(&row.forward);
            halves.subtract(&whole);
        }
        let mut unknown = within(&row.unknown);
        unknown.subtract(&halves);
        let mut silent = Bits::new(len);
        if is_latency {
            silent = columns.clone();
            silent.subtract(&whole);
            silent.subtract(&unknown);
        }
        let counts = [columns, &unknown, &silent, &whole, &halves].map(Bits::count);
        let [pairs, unknowns, silents, wholes, half] =
            counts.map(|count| count * rows.len() as u64);
        sum.pairs += pairs;
        sum.unknown += unknowns;
        sum.broken += silents;
        sum.ways += wholes + half;
        for &row in rows {
            let own = self.view.own(row);
            if let Some(own) = own {
                sum.pairs -= 1;
                sum.unknown -= u64::from(unknown.get(own));
                sum.broken -= u64::from(silent.get(own));
                sum.ways -= u64::from(whole.get(own) || halves.get(own));
            }
            let first = |set: &Bits| {
                let column = set.iter().find(|&column| Some(column) != own)?;
                Some((row, column))
            };
            if unknowns > 0 && sum.first_unknown.is_none_or(|(known, _)| row < known) {
                sum.first_unknown = first(&unknown).or(sum.first_unknown);
            }
            if silents > 0
                && let Some(at) = first(&silent)
            {
                let silence = Found {
                    is_broken: true,
                    ..Found::default()
                };
                sum.see(at, silence);
            }
        }
        let [whole, halves] = [&whole, &halves].map(|set| self.by_group(set));
        Judged { whole, halves }
    }

    fn by_group(&self, set: &Bits) -> Columns {
        let mut columns = Columns::new();
        let mut runs = self.of_columns.iter().peekable();
        for mut stretch in set.runs() {
            while !stretch.is_empty() {
                while runs.next_if(|(run, _)| run.end <= stretch.start).is_some() {}
                let Some((run, group)) = runs.peek() else {
                    break;
                };
                let end = run.end.min(stretch.end);
                columns.entry(*group).or_default().push(stretch.start..end);
                stretch.start = end;
            }
        }
        columns
    }

    /// Pairs, row by row.
    fn pairs<'c>(
        &'c self,
        rows: &'c [usize],
        columns: &'c [Range<usize>],
    ) -> impl Iterator<Item = (usize, usize)> + 'c {
        rows.iter().flat_map(move |&row| {
            let own = self.view.own(row);
            let columns = columns.iter().flat_map(Clone::clone);
            let others = columns.filter(move |&column| Some(column) != own);
            others.map(move |column| (row, column))
        })
    }

    /// How many they are.
    fn number_of(&self, rows: &[usize], columns: &[Range<usize>]) -> u64 {
        let all: usize = columns.iter().map(ExactSizeIterator::len).sum();
        let own = rows.iter().filter(|&&row| {
            let own = self.view.own(row);
            own.is_some_and(|own| columns.iter().any(|range| range.contains(&own)))
        });
        (all * rows.len() - own.count()) as u64
    }

    fn send(&self, packets: u64) -> Result<(), JudgeError> {
        let sent = self.sent.fetch_add(packets, Ordering::Relaxed) + packets;
        if sent > self.limits.ways {
            return Err(JudgeError::TooManyWays {
                ways: sent,
                limit: self.limits.ways,
            });
        }
        Ok(())
    }

    fn story(&self, (row, column): (usize, usize), prober: &Prober<'_>) -> Story {
        let matrix = self.view.matrix;
        let (from, to) = (&matrix.sources()[row], &matrix.destinations()[column]);
        let (prober, asked) = prober.towards(from, to);
        prober.story((from.worker, from.address), asked)
    }

    /// What a pair says of others like it. `whole`: its reply arrives, if that counts.
    fn ask(&self, pair: (usize, usize), whole: bool) -> Result<Spoken, JudgeError> {
        let source = self.view.matrix.sources()[pair.0].worker;
        for (service, prober) in &self.probers {
            self.send(1)?;
            let story = self.story(pair, prober);
            let reply = story.answer.reply.as_ref();
            let is_complete = matches!(story.answer.forward.end, WayEnd::Arrived(_))
                && (!whole
                    || self.promise.depth() == Depth::Forward
                    || reply.is_some_and(|reply| matches!(reply.end, WayEnd::Arrived(_))));
            if !is_complete {
                continue;
            }
            if !speaks_for_others(&story) {
                return Ok(Spoken::ForItself);
            }
            let found = look_at(self.promise, &story, source, self.world);
            // How far a reply comes that does not arrive is a matter of rules.
            let by_reply = found.is_about_reply || !found.is_broken;
            let is_partial = matches!(self.promise.kind, PromiseKind::MustNotPassThrough(_))
                && !whole
                && by_reply;
            return Ok(if is_partial {
                Spoken::ForItself
            } else {
                let service = Some(*service);
                Spoken::ForAll(Found { service, ..found })
            });
        }
        Ok(Spoken::ForItself)
    }

    fn apply(
        &self,
        spoken: Spoken,
        rows: &[usize],
        columns: &[Range<usize>],
        sum: &mut Sum,
    ) -> Result<(), JudgeError> {
        let number = self.number_of(rows, columns);
        if let Spoken::ForAll(found) = spoken {
            sum.slowest = sum.slowest.max(found.latency);
            if found.is_broken {
                sum.broken += number;
                if let Some(at) = self.pairs(rows, columns).next() {
                    sum.see(at, found);
                }
            }
            return Ok(());
        }
        self.send(number.saturating_mul(self.probers.len() as u64))?;
        for pair in self.pairs(rows, columns) {
            let source = self.view.matrix.sources()[pair.0].worker;
            let mut shown: Option<Found> = None;
            for (service, prober) in &self.probers {
                let story = self.story(pair, prober);
                let found = look_at(self.promise, &story, source, self.world);
                sum.slowest = sum.slowest.max(found.latency);
                if found.is_broken && shown.is_none() {
                    let service = Some(*service);
                    shown = Some(Found { service, ..found });
                }
            }
            if let Some(found) = shown {
                sum.broken += 1;
                sum.see(pair, found);
            }
        }
        Ok(())
    }
}

impl Sum {
    /// A pair breaks the promise.
    fn see(&mut self, at: (usize, usize), found: Found) {
        if self
            .first_broken
            .as_ref()
            .is_none_or(|&(first, _)| at < first)
        {
            self.first_broken = Some((at, found));
        }
    }

    fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.broken += other.broken;
        self.unknown += other.unknown;
        self.ways += other.ways;
        self.slowest = self.slowest.max(other.slowest);
        if let Some((at, found)) = other.first_broken {
            self.see(at, found);
        }
        let firsts = [self.first_unknown, other.first_unknown];
        self.first_unknown = firsts.into_iter().flatten().min();
    }
}

/// The destinations that a row reaches.
pub(super) fn reached(row: &Row, depth: Depth) -> &BitRow {
    match depth {
        Depth::Forward => &row.forward,
        Depth::RoundTrip => &row.round_trip,
    }
}

pub(super) fn reaches(cell: Cell, depth: Depth) -> bool {
    match depth {
        Depth::Forward => cell.forward,
        Depth::RoundTrip => cell.round_trip,
    }
}

/// Whether nothing on the way looks at more of a packet than routes do.
fn speaks_for_others(story: &Story) -> bool {
    let ways = [Some(&story.answer.forward), story.answer.reply.as_ref()];
    let mut passed = ways.into_iter().flatten().flat_map(|way| &way.passed);
    !story.chosen && passed.all(|device| matches!(device, Device::Nic(_)))
}

/// Holds the ways of a pair against the promise. Of many ports, one may not arrive: its way breaks nothing.
fn look_at(promise: &Promise, story: &Story, source: NicId, world: World<'_>) -> Found {
    let mut found = Found::default();
    if !matches!(story.answer.forward.end, WayEnd::Arrived(_)) {
        return found;
    }
    let reply = story.answer.reply.as_ref();
    match &promise.kind {
        PromiseKind::MustPassThrough(devices) => {
            // What begins or ends at a device need not pass it.
            let misses = |passed: &[Device]| !passed.iter().any(|device| devices.contains(device));
            let back = reply.filter(|reply| matches!(reply.end, WayEnd::Arrived(_)));
            let forward_misses = misses(&story.answer.forward.passed);
            found.is_about_reply = !forward_misses && back.is_some_and(|way| misses(&way.passed));
            found.is_broken = forward_misses || found.is_about_reply;
        }
        PromiseKind::MustNotPassThrough(devices) => {
            let met = |passed: &[Device]| {
                let mut met = between(passed).iter();
                met.find(|device| devices.contains(device)).copied()
            };
            let forward = met(&story.answer.forward.passed);
            found.device = forward.or_else(|| reply.and_then(|way| met(&way.passed)));
            found.is_about_reply = forward.is_none() && found.device.is_some();
            found.is_broken = found.device.is_some();
        }
        PromiseKind::MaxLatency(most) => {
            if promise.depth() == Depth::RoundTrip
                && !reply.is_some_and(|reply| matches!(reply.end, WayEnd::Arrived(_)))
            {
                return found;
            }
            let latency = latency(source, &story.forward, world)
                + reply_latency(story, source, world).unwrap_or_default();
            found.is_broken = latency > *most;
            found.latency = Some(latency);
        }
        PromiseKind::Must | PromiseKind::MustNot => {}
    }
    found
}

/// What lies between the two ends of a way.
fn between(passed: &[Device]) -> &[Device] {
    match passed {
        [_, between @ .., _] => between,
        _ => &[],
    }
}

fn reply_latency(story: &Story, source: NicId, world: World<'_>) -> Option<SimDuration> {
    story.answer.reply.as_ref()?;
    Some(latency(source, &story.reply, world))
}

/// How long a packet is under way: the medians of its links (L-1 to L-4), and what forwards it.
fn latency(from: NicId, steps: &[Step], world: World<'_>) -> SimDuration {
    let World {
        network,
        snapshot,
        latency,
    } = world;
    let mut at = from;
    let mut sum = SimDuration::ZERO;
    for step in steps {
        match *step {
            Step::Sent { nic } => at = nic,
            Step::Received { nic, .. } => {
                if let Some(site) = Site::of(network, at) {
                    sum += delay::link(network, latency, &site, nic).median();
                }
                at = nic;
            }
            Step::Forwarded { entered, .. } => {
                sum += delay::forwarding(snapshot, latency, entered);
            }
            _ => {}
        }
    }
    sum
}
