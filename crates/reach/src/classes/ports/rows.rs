//! The rows themselves: of each column, for which ports a packet comes through.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use acl::Ports;
use control::snapshot::Guest;
use model::Listener;

use super::{Many, PortSet, PortSets};
use crate::classes::replies::{Back, Crossings};
use crate::classes::rows::{Answers, BETWEEN, RowBits, finish};
use crate::classes::rules::{Asked as RuleAsked, Fixed, Stretches, Valid};
use crate::classes::space;
use crate::classes::unit::{DoorBits, NEVER, Terrain, Unit, WayBits};
use crate::classes::ways::{Asker, Check, End, Judge};
use crate::classes::{Estate, Sink};
use crate::probe::Cell;
use crate::question::{Depth, Protocol};
use crate::watch::{Cancelled, Watch};

/// What a worker keeps from unit to unit.
pub(in crate::classes) struct Memory {
    /// What the doors of all columns say to one source, as far as they were asked.
    doors: Vec<(Valid, Stretches)>,
    crossings: Crossings,
    sets: PortSets,
    /// Those to which probes, and from which replies are carried.
    probes: PortSet,
    replies: PortSet,
}

impl Memory {
    pub(in crate::classes) fn new(estate: &Estate<'_>, ports: &Many) -> Self {
        let mut sets = PortSets::new(&ports.asked);
        Self {
            doors: vec![(NEVER, Stretches::new()); estate.columns.doors.len()],
            crossings: Crossings::default(),
            probes: sets.of(&ports.probes),
            replies: sets.of(&ports.replies),
            sets,
        }
    }
}

/// Judges every source of a unit.
pub(in crate::classes) fn judge(
    estate: &Estate<'_>,
    ports: &Many,
    unit: &Unit,
    memory: &mut Memory,
    watch: &Watch,
    sink: &mut Sink<'_>,
) -> Result<(), Cancelled> {
    let Some((origin, ends)) = unit.origin(estate) else {
        return Ok(());
    };
    let terrain = Terrain::new(estate, origin, &mut memory.crossings);
    let mut rows = Rows::new(estate, ports, &terrain, memory, ends);
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

/// What rules say, by number in the space.
#[derive(Default)]
struct Says {
    admitted: Vec<PortSet>,
    /// The input does not hold what decides; empty where it always does.
    unknown: Vec<PortSet>,
}

/// The ports for which something becomes of a packet to a column.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fate {
    /// It arrives.
    forward: PortSet,
    /// Its reply does, too.
    home: PortSet,
    /// The input does not hold what decides.
    unknown: PortSet,
}

const LOST: Fate = Fate {
    forward: PortSet::NONE,
    home: PortSet::NONE,
    unknown: PortSet::NONE,
};

impl Fate {
    /// What any or all of the ports come to: [`Cell::or`] and [`Cell::and`] of each of them.
    fn cell(&self, (is_any, depth): (bool, Depth), sets: &mut PortSets) -> Cell {
        let reached = match depth {
            Depth::Forward => self.forward,
            Depth::RoundTrip => self.home,
        };
        if is_any {
            let is_reached = reached != PortSet::NONE;
            return Cell {
                forward: self.forward != PortSet::NONE,
                round_trip: self.home != PortSet::NONE,
                unknown: !is_reached && self.unknown != PortSet::NONE,
                depends_on_hash: false,
            };
        }
        if sets.either(self.forward, self.unknown) != PortSet::ALL {
            return Cell::default();
        }
        let is_never_lost = sets.either(reached, self.unknown) == PortSet::ALL;
        Cell {
            forward: self.forward == PortSet::ALL,
            round_trip: self.home == PortSet::ALL,
            unknown: is_never_lost && self.unknown != PortSet::NONE,
            depends_on_hash: false,
        }
    }
}

struct Rows<'a> {
    estate: &'a Estate<'a>,
    ports: &'a Many,
    terrain: &'a Terrain,
    memory: &'a mut Memory,
    /// What the doors say to the source at hand.
    open: Vec<PortSet>,
    /// Doors by the last address to which they say that.
    closing: BinaryHeap<Reverse<(u32, usize)>>,
    /// The address of the last source.
    last: u32,
    /// What the doors say to appliances that put their own address in.
    others: Vec<(u32, Vec<PortSet>)>,
    leaving: Answers<Option<(u32, u32)>, Vec<PortSet>>,
    checked: Answers<(Check, Fixed), Says>,
    /// Where something listens; empty unless that counts.
    heard: Vec<PortSet>,
    /// Whether any rule has said something new since rules decided about a row, and with which rules of a source they did.
    is_stale: bool,
    decided_for: Option<(u32, u32)>,
    fates: Vec<Fate>,
    /// What rules have decided.
    decided: RowBits,
    odd: Vec<u64>,
    row: RowBits,
}

impl<'a> Rows<'a> {
    /// For sources with addresses from the first to the last.
    fn new(
        estate: &'a Estate<'a>,
        ports: &'a Many,
        terrain: &'a Terrain,
        memory: &'a mut Memory,
        (first, last): (u32, u32),
    ) -> Self {
        let len = terrain.space.len();
        let everything = || vec![PortSet::ALL; len];
        let mut others: Vec<(u32, Vec<PortSet>)> = Vec::new();
        for address in terrain.others_who_ask() {
            let mut open = everything();
            for door in &terrain.doors {
                let (_, says) = ask_door(estate, door.door, address, &mut memory.sets);
                write(terrain, door, &says, &mut open);
            }
            others.push((address, open));
        }
        let mut rows = Self {
            estate,
            ports,
            terrain,
            open: everything(),
            closing: BinaryHeap::new(),
            last,
            others,
            leaving: Answers::new(),
            checked: Answers::new(),
            heard: heard(estate, ports, terrain, &mut memory.sets),
            is_stale: true,
            decided_for: None,
            fates: vec![LOST; len],
            decided: RowBits::new(terrain.space.words()),
            odd: vec![0; terrain.space.words()],
            row: RowBits::new(terrain.space.words()),
            memory,
        };
        if terrain.sources_ask() {
            for number in 0..terrain.doors.len() {
                rows.ask(number, first);
            }
        }
        rows
    }

    /// Asks a door of the terrain, unless it is known what it says.
    fn ask(&mut self, number: usize, address: u32) {
        let door = &self.terrain.doors[number];
        let known = &mut self.memory.doors[door.door as usize];
        if address < known.0.0 || address > known.0.1 {
            *known = ask_door(self.estate, door.door, address, &mut self.memory.sets);
        }
        let (valid, says) = known;
        write(self.terrain, door, says, &mut self.open);
        self.is_stale = true;
        if valid.1 < self.last {
            self.closing.push(Reverse((valid.1, number)));
        }
    }

    fn judge(&mut self, source: u32) {
        let (estate, terrain) = (self.estate, self.terrain);
        let end = estate.sources[source as usize];
        let address = u32::from(end.address);
        while let Some(&Reverse((last, door))) = self.closing.peek() {
            if last >= address {
                break;
            }
            self.closing.pop();
            self.ask(door, address);
        }
        // Hosts outside Azure have no rules.
        let nic = estate.snapshot.nic(end.worker);
        let key = nic.map(|nic| (nic.policy.0, nic.tags.0));
        let (sets, probes) = (&mut self.memory.sets, self.memory.probes);
        let is_stale = &mut self.is_stale;
        self.leaving.get(key, address, |out| {
            *is_stale = true;
            out.clear();
            let Some(asked) = nic.and_then(|nic| estate.leaving(nic)) else {
                out.resize(terrain.space.len(), probes);
                return (0, u32::MAX);
            };
            let rules = &estate.rules;
            let (valid, says) = rules.admitted_ports(asked, address, &terrain.space, sets);
            spread(&says, out);
            for set in out {
                *set = sets.both(*set, probes);
            }
            valid
        });
        for way in terrain.ways.iter().filter(|way| !way.is_forked) {
            self.ask_checks(way, address);
        }
        if self.is_stale || self.decided_for != key {
            self.decide(key);
        }
        self.row.clone_from(&self.decided);
        finish(estate, terrain, source, &self.odd, &mut self.row);
    }

    /// Finds out what rules decide, as they have answered.
    fn decide(&mut self, key: Option<(u32, u32)>) {
        let terrain = self.terrain;
        (self.is_stale, self.decided_for) = (false, key);
        let out = self.leaving.known(&key);
        self.odd.copy_from_slice(&terrain.strange);
        for number in space::ones(&terrain.odd) {
            if out[number] != PortSet::NONE {
                space::set(&mut self.odd, number, true);
            }
        }
        self.fates.fill(LOST);
        for way in &terrain.ways {
            self.follow(way, key);
        }
        self.decided.clear();
        let question = (self.ports.is_any, self.estate.question.depth);
        for (number, fate) in self.fates.iter().enumerate() {
            if *fate != LOST {
                let cell = fate.cell(question, &mut self.memory.sets);
                self.decided.set(number, cell);
            }
        }
    }

    /// Asks the rules on a way, unless it is known what they say.
    fn ask_checks(&mut self, way: &WayBits, address: u32) {
        let (place, sets) = ((self.estate, self.terrain), &mut self.memory.sets);
        let of_probes = way.checks.iter().map(|&check| (check, Fixed::Source));
        let of_replies = way.judged.iter().flat_map(|judged| &judged.checks);
        let of_replies = of_replies.map(|&check| (check, Fixed::Destination));
        for check in of_probes.chain(of_replies) {
            let own = check.0.asker.address(address);
            let is_stale = &mut self.is_stale;
            self.checked.get(check, own, |says| {
                *is_stale = true;
                ask_check(place, check, own, sets, says)
            });
        }
    }

    /// Finds out for which ports packets get through on a way.
    fn follow(&mut self, way: &WayBits, key: Option<(u32, u32)>) {
        let out = self.leaving.known(&key);
        if way.is_forked {
            for number in space::ones(&way.columns) {
                if out[number] != PortSet::NONE {
                    space::set(&mut self.odd, number, true);
                }
            }
            return;
        }
        let (replies, sets) = (self.memory.replies, &mut self.memory.sets);
        let checked = &self.checked;
        let of_probes = way.checks.iter().map(|&check| (check, Fixed::Source));
        let of_probes: Vec<&Says> = of_probes.map(|check| checked.known(&check)).collect();
        let judged: Vec<(&[u64], Back, Vec<&Says>)> = way
            .judged
            .iter()
            .map(|judged| {
                let checks = judged.checks.iter();
                let says = checks.map(|&check| checked.known(&(check, Fixed::Destination)));
                (&judged.columns[..], judged.end, says.collect())
            })
            .collect();
        let open: Option<&[PortSet]> = match way.asker {
            _ if !way.asks_doors() => None,
            Asker::Own => Some(&self.open),
            Asker::Other(address) => {
                let mut others = self.others.iter();
                let known = others.find(|&&(known, _)| known == address);
                known.map(|(_, open)| &open[..])
            }
        };
        for number in space::ones(&way.columns) {
            let fate = &mut self.fates[number];
            let mut passed = out[number];
            for says in &of_probes {
                passed = says.pass(number, passed, &mut fate.unknown, sets);
            }
            if let Some(open) = open {
                passed = sets.both(passed, open[number]);
            }
            match way.end {
                End::Aside => continue,
                End::Unknown | End::Service => {
                    fate.unknown = sets.either(fate.unknown, passed);
                    continue;
                }
                End::Arrives => {}
            }
            if let Some(&heard) = self.heard.get(number) {
                passed = sets.both(passed, heard);
            }
            fate.forward = passed;
            if passed == PortSet::NONE || self.estate.question.depth == Depth::Forward {
                continue;
            }
            let is_odd = |bits: &[u64]| space::get(bits, number);
            if way.odd.as_deref().is_some_and(is_odd)
                || way
                    .forks
                    .as_ref()
                    .is_some_and(|forks| is_odd(&forks.columns))
            {
                space::set(&mut self.odd, number, true);
                continue;
            }
            let replies = sets.both(passed, replies);
            if space::get(&way.home, number) {
                fate.home = replies;
            }
            if space::get(&way.unknown, number) {
                fate.unknown = sets.either(fate.unknown, replies);
            }
            for (columns, end, says) in &judged {
                if !space::get(columns, number) {
                    continue;
                }
                let mut replies = replies;
                for says in says {
                    replies = says.pass(number, replies, &mut fate.unknown, sets);
                }
                match end {
                    Back::Home => fate.home = sets.either(fate.home, replies),
                    Back::Unknown => fate.unknown = sets.either(fate.unknown, replies),
                    Back::Aside => {}
                }
            }
        }
    }
}

impl Says {
    /// The ports for which packets come through; those of which nobody knows are put aside.
    fn pass(
        &self,
        number: usize,
        passed: PortSet,
        aside: &mut PortSet,
        sets: &mut PortSets,
    ) -> PortSet {
        if let Some(&unknown) = self.unknown.get(number) {
            let unknown = sets.both(passed, unknown);
            *aside = sets.either(*aside, unknown);
        }
        sets.both(passed, self.admitted[number])
    }
}

/// What the rules of the columns behind a door say to a source, by number in the door.
fn ask_door(
    estate: &Estate<'_>,
    door: u32,
    source: u32,
    sets: &mut PortSets,
) -> (Valid, Stretches) {
    let door = &estate.columns.doors[door as usize];
    let Some(asked) = door.asked(estate.snapshot) else {
        return ((0, u32::MAX), Stretches::new());
    };
    estate
        .rules
        .admitted_ports(asked, source, &door.space, sets)
}

/// What rules on the way say.
fn ask_check(
    (estate, terrain): (&Estate<'_>, &Terrain),
    (check, fixed): (Check, Fixed),
    address: u32,
    sets: &mut PortSets,
    says: &mut Says,
) -> Valid {
    let (rules, space) = (&estate.rules, &terrain.space);
    says.admitted.clear();
    says.unknown.clear();
    match check.rules {
        Judge::Nic(policy, tags, direction) => {
            let asked = RuleAsked {
                policy: &estate.snapshot.policies[policy.0 as usize],
                direction,
                tags,
                fixed,
            };
            let (valid, admitted) = rules.admitted_ports(asked, address, space, sets);
            spread(&admitted, &mut says.admitted);
            valid
        }
        Judge::Firewall(firewall) => {
            let (valid, [passes, unknown]) =
                rules.passed_ports(firewall, fixed, address, space, sets);
            spread(&passes, &mut says.admitted);
            if unknown.iter().any(|&(_, ports)| ports != PortSet::NONE) {
                spread(&unknown, &mut says.unknown);
            }
            valid
        }
    }
}

/// The ports on which something listens, by number; nothing unless that counts.
fn heard(
    estate: &Estate<'_>,
    ports: &Many,
    terrain: &Terrain,
    sets: &mut PortSets,
) -> Vec<PortSet> {
    if !estate.question.listeners {
        return Vec::new();
    }
    let of_guest = |guest: &Guest| -> Option<Ports> {
        let listeners = guest.listen.as_ref()?.iter();
        let ports = listeners.filter_map(|listener| match (*listener, ports.protocol) {
            (Listener::Tcp(port), Protocol::Tcp) | (Listener::Udp(port), Protocol::Udp) => {
                Some(port..=port)
            }
            _ => None,
        });
        Some(ports.collect())
    };
    let numbers = 0..terrain.space.len();
    numbers
        .map(|number| {
            let column = &estate.columns.list[terrain.space.column(number) as usize];
            let guest = column
                .guest
                .map(|guest| &estate.snapshot.guests[guest.0 as usize]);
            match guest.and_then(of_guest) {
                Some(ports) => sets.of(&ports),
                None => PortSet::ALL,
            }
        })
        .collect()
}

/// Writes stretches number by number.
fn spread(stretches: &Stretches, to: &mut Vec<PortSet>) {
    for &(end, set) in stretches {
        to.resize(end as usize, set);
    }
}

/// Writes what a door says to where its columns are in the space.
fn write(terrain: &Terrain, door: &DoorBits, says: &Stretches, to: &mut [PortSet]) {
    for &(in_door, in_space, len) in terrain.pieces(door) {
        let mut done = 0;
        let from = says.partition_point(|&(end, _)| end <= in_door);
        for &(end, set) in &says[from..] {
            let until = end.min(in_door + len) - in_door;
            to[(in_space + done) as usize..(in_space + until) as usize].fill(set);
            done = until;
            if done == len {
                break;
            }
        }
    }
}
