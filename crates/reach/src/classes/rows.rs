//! The rows of a unit, source by source in the order of addresses: rules are asked again only where their answer may have changed.

mod answers;
mod bits;
mod fates;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) use self::answers::Answers;
use self::answers::{Says, admitted, ask};
pub(super) use self::bits::RowBits;
use self::fates::{Fates, both, or_both, or_without};
use super::replies::{Back, Crossings};
use super::rules::Fixed;
use super::space;
use super::unit::{self, Opened, Terrain, Unit, WayBits};
use super::ways::{Asker, Check, End};
use super::{Estate, Sink};
use crate::question::Depth;
use crate::watch::{Cancelled, Watch};

/// Sources judged between two looks at the watch.
pub(super) const BETWEEN: usize = 256;

/// What a worker keeps from unit to unit.
pub(super) struct Memory {
    opened: Opened,
    crossings: Crossings,
}

impl Memory {
    pub(super) fn new(estate: &Estate<'_>) -> Self {
        Self {
            opened: Opened::new(estate),
            crossings: Crossings::default(),
        }
    }
}

/// Judges every source of a unit.
pub(super) fn judge(
    estate: &Estate<'_>,
    unit: &Unit,
    memory: &mut Memory,
    watch: &Watch,
    sink: &mut Sink<'_>,
) -> Result<(), Cancelled> {
    let Some((origin, ends)) = unit.origin(estate) else {
        return Ok(());
    };
    let terrain = Terrain::new(estate, origin, &mut memory.crossings);
    let mut rows = Rows::new(estate, &terrain, &mut memory.opened, ends);
    for (count, &source) in unit.sources.iter().enumerate() {
        if count % BETWEEN == 0 {
            watch.go_on()?;
        }
        rows.judge(source);
        sink(source, &terrain.space, &rows.row);
    }
    watch.advance(unit.sources.len() as u64);
    Ok(())
}

struct Rows<'a> {
    estate: &'a Estate<'a>,
    terrain: &'a Terrain,
    opened: &'a mut Opened,
    /// What the doors say to the source at hand.
    open: Vec<u64>,
    /// Doors by the last address to which they say that.
    closing: BinaryHeap<Reverse<(u32, usize)>>,
    /// The address of the last source.
    last: u32,
    /// What the doors say to appliances that put their own address in.
    others: Vec<(u32, Vec<u64>)>,
    leaving: Answers<Option<(u32, u32)>, Says>,
    checked: Answers<(Check, Fixed), Says>,
    row: RowBits,
    odd: Vec<u64>,
    /// What the rules of the source let out.
    out: Vec<u64>,
    scratch: Vec<u64>,
    /// Columns on the way to which a firewall decides by what the input does not hold.
    aside: Vec<u64>,
    fates: Fates,
}

impl<'a> Rows<'a> {
    /// For sources with addresses from the first to the last.
    fn new(
        estate: &'a Estate<'a>,
        terrain: &'a Terrain,
        opened: &'a mut Opened,
        (first, last): (u32, u32),
    ) -> Self {
        let words = terrain.space.words();
        let mut others: Vec<(u32, Vec<u64>)> = Vec::new();
        for address in terrain.others_who_ask() {
            let mut open = terrain.space.full();
            let mut bits = Vec::new();
            for door in &terrain.doors {
                unit::ask_door(
                    estate,
                    &estate.columns.doors[door.door as usize],
                    address,
                    &mut bits,
                );
                terrain.write(door, &bits, &mut open);
            }
            others.push((address, open));
        }
        let empty = || vec![0; words];
        let mut open = terrain.space.full();
        let mut closing = Vec::new();
        if terrain.sources_ask() {
            for (number, door) in terrain.doors.iter().enumerate() {
                let (valid, says) = opened.ask(estate, door.door, first);
                terrain.write(door, says, &mut open);
                if valid.1 < last {
                    closing.push(Reverse((valid.1, number)));
                }
            }
        }
        Self {
            estate,
            terrain,
            opened,
            open,
            closing: closing.into(),
            last,
            others,
            leaving: Answers::new(),
            checked: Answers::new(),
            row: RowBits::new(words),
            odd: empty(),
            out: empty(),
            scratch: empty(),
            aside: empty(),
            fates: Fates::new(if terrain.forks { words } else { 0 }),
        }
    }

    fn judge(&mut self, source: u32) {
        let estate = self.estate;
        let end = estate.sources[source as usize];
        let address = u32::from(end.address);
        self.row.clear();
        self.sweep(address);
        let terrain = self.terrain;
        // Hosts outside Azure have no rules.
        let nic = estate.snapshot.nic(end.worker);
        let key = nic.map(|nic| (nic.policy.0, nic.tags.0));
        let out = self.leaving.get(key, address, |says| {
            let bits = &mut says.admitted;
            if let Some(asked) = nic.and_then(|nic| estate.leaving(nic)) {
                estate.rules.admitted(asked, address, &terrain.space, bits)
            } else {
                *bits = terrain.space.full();
                (0, u32::MAX)
            }
        });
        self.out.copy_from_slice(&out.admitted);
        self.odd.copy_from_slice(&terrain.odd);
        space::and(&mut self.odd, &self.out);
        space::or(&mut self.odd, &terrain.strange);
        if terrain.forks {
            self.fates.begin(&terrain.lost);
        }
        let mut passed = std::mem::take(&mut self.scratch);
        for way in &terrain.ways {
            passed.copy_from_slice(&way.columns);
            self.pass(way, address, &mut passed);
            if way.end != End::Arrives {
                continue;
            }
            if estate.question.depth == Depth::Forward {
                let forward = if way.is_forked {
                    &mut self.fates.forward
                } else {
                    &mut self.row.forward
                };
                space::or(forward, &passed);
                continue;
            }
            if let Some(odd) = &way.odd {
                or_both(&mut self.odd, odd, &passed);
            }
            if way.is_forked || way.forks.is_some() {
                self.reply_by_luck(way, address, &passed);
            } else {
                self.reply(way, address, &passed);
            }
        }
        self.scratch = passed;
        if terrain.forks {
            self.fates.end(&mut self.row, &mut self.odd);
        }
        finish(estate, terrain, source, &self.odd, &mut self.row);
    }

    /// Leaves in `passed` the columns of a way that rules let probes come to.
    fn pass(&mut self, way: &WayBits, address: u32, passed: &mut [u64]) {
        space::and(passed, &self.out);
        let mut is_aside = false;
        for &check in &way.checks {
            let (checked, fixed) = (&mut self.checked, Fixed::Source);
            let says = ask(self.estate, self.terrain, checked, check, fixed, address);
            if !says.unknown.is_empty() {
                if !is_aside {
                    self.aside.fill(0);
                }
                is_aside = true;
                or_both(&mut self.aside, passed, &says.unknown);
            }
            space::and(passed, &says.admitted);
        }
        match way.asker {
            _ if !way.asks_doors() => {}
            Asker::Own => space::and(passed, &self.open),
            Asker::Other(address) => {
                let mut others = self.others.iter();
                if let Some((_, open)) = others.find(|&&(known, _)| known == address) {
                    space::and(passed, open);
                }
            }
        }
        if way.end == End::Arrives
            && let Some(deaf) = &self.terrain.deaf
        {
            space::without(passed, deaf);
        }
        let unknown = if way.is_forked {
            &mut self.fates.unknown
        } else {
            &mut self.row.unknown
        };
        if is_aside {
            space::or(unknown, &self.aside);
        }
        if way.end == End::Aside {
            return;
        }
        if way.end != End::Arrives {
            space::or(unknown, passed);
        }
        if way.is_forked {
            if !is_aside {
                self.aside.fill(0);
            }
            space::or(&mut self.aside, passed);
            or_without(&mut self.fates.lost, &way.columns, &self.aside);
        }
    }

    /// What becomes of replies on a way on which no hash chooses.
    fn reply(&mut self, way: &WayBits, address: u32, passed: &[u64]) {
        space::or(&mut self.row.forward, passed);
        or_both(&mut self.row.round_trip, passed, &way.home);
        or_both(&mut self.row.unknown, passed, &way.unknown);
        for judged in &way.judged {
            let (checked, unknown) = (&mut self.checked, &mut self.row.unknown);
            let replies = both(passed, &judged.columns);
            let place = (self.estate, self.terrain);
            let replies = admitted(place, checked, judged, replies, address, unknown);
            match judged.end {
                Back::Home => space::or(&mut self.row.round_trip, &replies),
                Back::Unknown => space::or(&mut self.row.unknown, &replies),
                Back::Aside => {}
            }
        }
    }

    /// The same where hashes choose, on the way there or back.
    fn reply_by_luck(&mut self, way: &WayBits, address: u32, passed: &[u64]) {
        let place = (self.estate, self.terrain);
        let (mut home, mut unknown) = (both(passed, &way.home), both(passed, &way.unknown));
        for judged in &way.judged {
            let replies = both(passed, &judged.columns);
            let checked = &mut self.checked;
            let replies = admitted(place, checked, judged, replies, address, &mut unknown);
            match judged.end {
                Back::Home => space::or(&mut home, &replies),
                Back::Unknown => space::or(&mut unknown, &replies),
                Back::Aside => {}
            }
        }
        let mut stays = vec![0; passed.len()];
        or_without(&mut stays, passed, &home);
        space::and_not(&mut stays, &unknown);
        if let Some(forks) = &way.forks {
            space::and_not(&mut stays, &forks.columns);
            or_both(&mut stays, passed, &forks.lost);
            for judged in &forks.judged {
                let asked = both(passed, &judged.columns);
                let mut aside = vec![0; asked.len()];
                let (checked, replies) = (&mut self.checked, asked.clone());
                let replies = admitted(place, checked, judged, replies, address, &mut aside);
                match judged.end {
                    Back::Home => space::or(&mut home, &replies),
                    Back::Unknown => space::or(&mut unknown, &replies),
                    Back::Aside => {
                        space::or(&mut unknown, &aside);
                        continue;
                    }
                }
                space::or(&mut unknown, &aside);
                space::or(&mut aside, &replies);
                or_without(&mut stays, &asked, &aside);
            }
        }
        space::or(&mut self.fates.forward, &stays);
        space::or(&mut self.fates.home, &home);
        space::or(&mut self.fates.unknown_reply, &unknown);
    }

    /// Asks the doors again whose answer has changed.
    fn sweep(&mut self, address: u32) {
        while let Some(&Reverse((last, door))) = self.closing.peek() {
            if last >= address {
                return;
            }
            self.closing.pop();
            let bits = &self.terrain.doors[door];
            let (valid, says) = self.opened.ask(self.estate, bits.door, address);
            self.terrain.write(bits, says, &mut self.open);
            if valid.1 < self.last {
                self.closing.push(Reverse((valid.1, door)));
            }
        }
    }
}

/// What is left of a row once ways and rules have been asked.
pub(super) fn finish(
    estate: &Estate<'_>,
    terrain: &Terrain,
    source: u32,
    odd: &[u64],
    row: &mut RowBits,
) {
    send_packets(estate, terrain, source, odd, row);
    for &(first, behind) in &terrain.twins {
        row.tell_twins(first, behind);
    }
    keep_to_oneself(estate, terrain, source, row);
}

/// Judges by packets what nothing else can judge.
fn send_packets(
    estate: &Estate<'_>,
    terrain: &Terrain,
    source: u32,
    odd: &[u64],
    row: &mut RowBits,
) {
    let from = &estate.sources[source as usize];
    for number in space::ones(odd) {
        let to = &estate.destinations[terrain.space.column(number) as usize];
        if (to.address, to.worker) != (from.address, from.worker) {
            row.set(number, estate.pairs.cell(from, to));
        }
    }
}

/// S-16: what is for an address of the source itself stays in its guest. Only a NIC with several addresses, or with one that others have,
/// has columns there beside its own.
fn keep_to_oneself(estate: &Estate<'_>, terrain: &Terrain, source: u32, row: &mut RowBits) {
    let from = &estate.sources[source as usize];
    let Some(nic) = estate.snapshot.nic(from.worker) else {
        return;
    };
    if !estate.is_alone(from.worker) {
        return;
    }
    for &own in &nic.addresses {
        let span = estate.columns.with_address(own.into());
        for column in span.0..span.1 {
            if let Some(number) = terrain.space.number(column) {
                let to = &estate.destinations[column as usize];
                row.set(number, estate.pairs.cell(from, to));
            }
        }
    }
}
