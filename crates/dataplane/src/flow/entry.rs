//! Fused entries: all pairs of one conversation in 32 bytes, and the table that holds them.
//!
//! An entry is a compressed spelling of pairs that are equal in age and life; which pairs these are, the programs of its two courses
//! say ([`super::program`]). Two entries fill a cache line, and a search almost always ends in the line where it begins.

use model::NicId;

use super::key::{Course, FlowKey};
use super::pair::{Life, Tick};
use crate::faults::{Fault, planted};
use crate::memory::{self, Table};

/// Number of a program; 0 = the way of this course is not known.
pub(crate) type ProgramId = u16;

/// NICs are numbered by three bytes here; a path that begins or ends at one with a higher number is not fused.
const NIC_BITS: u32 = 24;

/// All pairs of one conversation.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct Entry {
    addresses: u64,
    ports: u32,
    /// The last packet, by course. Equal unless the two ways pass different NICs; once closed, both are the moment of that.
    seen: [u32; 2],
    programs: [ProgramId; 2],
    /// The NIC of the lower end, and above it the protocol.
    lower: u32,
    /// The NIC of the upper end, and above it flags.
    upper: u32,
}

/// The NIC in `lower` and `upper`.
const NIC: u32 = (1 << NIC_BITS) - 1;

const FIN_UP: u8 = 1;
const FIN_DOWN: u8 = 2;
/// The two ways pass different NICs, so that pairs differ in age. Connections that end are no longer kept in such entries.
const ASYMMETRIC: u8 = 4;
const BEGUN_BY_UPPER: u8 = 8;
/// Where the position of the first packet's type in [`ICMP_TYPES`] stands.
const ICMP_SHIFT: u32 = 4;
const USED: u8 = 128;

/// ICMP messages that begin a flow (S-23).
const ICMP_TYPES: [u8; 8] = [0, 8, 13, 14, 15, 16, 17, 18];
const ICMP: u8 = 1;

/// What an entry is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fused {
    pub(crate) initiator: Course,
    pub(crate) icmp_type: Option<u8>,
    pub(crate) fins: [bool; 2],
    pub(crate) asymmetric: bool,
    pub(crate) programs: [ProgramId; 2],
    pub(crate) seen: [Tick; 2],
    pub(crate) ends: [NicId; 2],
}

impl Entry {
    /// `None` if an end or a type cannot be spelled.
    pub(crate) fn new(key: FlowKey, fused: Fused) -> Option<Self> {
        let position = match fused.icmp_type {
            Some(kind) => ICMP_TYPES.iter().position(|&known| known == kind)?,
            None => 0,
        };
        let end = |nic: NicId, above: u8| {
            (nic.get() <= NIC).then_some(nic.get() | u32::from(above) << NIC_BITS)
        };
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = USED
            | flag(fused.fins[0], FIN_UP)
            | flag(fused.fins[1], FIN_DOWN)
            | flag(fused.asymmetric, ASYMMETRIC)
            | flag(fused.initiator == Course::Down, BEGUN_BY_UPPER)
            | u8::try_from(position << ICMP_SHIFT).ok()?;
        Some(Self {
            addresses: key.addresses,
            ports: key.ports,
            programs: fused.programs,
            seen: fused.seen.map(|seen| seen.0),
            lower: end(fused.ends[0], key.protocol)?,
            upper: end(fused.ends[1], flags)?,
        })
    }

    /// What it was made of.
    pub(crate) fn fused(&self) -> Fused {
        let flags = self.flags();
        let is = |bit: u8| flags & bit != 0;
        Fused {
            initiator: self.initiator(),
            icmp_type: (self.protocol() == ICMP)
                .then(|| ICMP_TYPES[usize::from(flags >> ICMP_SHIFT & 7)]),
            fins: [is(FIN_UP), is(FIN_DOWN)],
            asymmetric: is(ASYMMETRIC),
            programs: self.programs,
            seen: self.seen.map(Tick),
            ends: [self.end(Course::Down), self.end(Course::Up)],
        }
    }

    /// How the packet went that began the flow.
    #[inline]
    pub(crate) fn initiator(&self) -> Course {
        if self.flags() & BEGUN_BY_UPPER == 0 {
            Course::Up
        } else {
            Course::Down
        }
    }

    pub(crate) fn key(&self) -> FlowKey {
        FlowKey {
            addresses: self.addresses,
            ports: self.ports,
            protocol: self.protocol(),
        }
    }

    #[inline]
    fn protocol(&self) -> u8 {
        self.lower.to_be_bytes()[0]
    }

    #[inline]
    fn flags(&self) -> u8 {
        self.upper.to_be_bytes()[0]
    }

    #[inline]
    fn set_flags(&mut self, flags: u8) {
        self.upper |= u32::from(flags) << NIC_BITS;
    }

    #[inline]
    fn is_used(&self) -> bool {
        self.flags() & USED != 0
    }

    #[inline]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "one branch that is nearly always taken alike, instead of one a field"
    )]
    fn has(&self, key: FlowKey) -> bool {
        (self.addresses == key.addresses)
            & (self.ports == key.ports)
            & (self.protocol() == key.protocol)
            & self.is_used()
    }

    /// The program of packets that go this way.
    #[inline]
    pub(crate) fn program(&self, course: Course) -> ProgramId {
        self.programs[course.index()]
    }

    /// The programs of both courses.
    pub(crate) fn programs(&self) -> [ProgramId; 2] {
        self.programs
    }

    /// Packets of this course have a program.
    #[inline]
    pub(crate) fn set_program(&mut self, course: Course, program: ProgramId) {
        self.programs[course.index()] = program;
    }

    /// Gives a program another number.
    pub(crate) fn renumber(&mut self, number: impl Fn(ProgramId) -> ProgramId) {
        self.programs = self.programs.map(number);
    }

    /// The NIC that packets of this course come from.
    #[inline]
    pub(crate) fn start(&self, course: Course) -> NicId {
        self.end(course.opposite())
    }

    /// The NIC that packets of this course go to.
    #[inline]
    pub(crate) fn end(&self, course: Course) -> NicId {
        NicId::new(match course {
            Course::Up => self.upper & NIC,
            Course::Down => self.lower & NIC,
        })
    }

    /// RST, or both FINs.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.flags() & (FIN_UP | FIN_DOWN) == FIN_UP | FIN_DOWN
    }

    #[inline]
    pub(crate) fn is_asymmetric(&self) -> bool {
        self.flags() & ASYMMETRIC != 0
    }

    /// The last packet that went this way and so refreshed all pairs on it.
    #[inline]
    pub(crate) fn seen(&self, course: Course) -> Tick {
        Tick(self.seen[course.index()])
    }

    /// A packet has gone this way.
    #[inline]
    pub(crate) fn refresh(&mut self, course: Course, now: Tick) {
        if self.is_asymmetric() {
            self.seen[course.index()] = now.0;
        } else {
            self.seen = [now.0; 2];
        }
    }

    /// What its connection has come to.
    #[inline]
    pub(crate) fn life(&self) -> Life {
        Life {
            fins: [self.flags() & FIN_UP != 0, self.flags() & FIN_DOWN != 0],
            closed: self.is_closed(),
        }
    }

    /// Notes what a packet with FIN or RST has made of the connection.
    #[inline]
    pub(crate) fn set_life(&mut self, life: Life) {
        let flags = match (life.closed, life.fins) {
            (true, _) | (_, [true, true]) => FIN_UP | FIN_DOWN,
            (false, [true, false]) => FIN_UP,
            (false, [false, true]) => FIN_DOWN,
            (false, [false, false]) => 0,
        };
        self.set_flags(flags);
    }
}

/// Entries by key: open addressing, linear probing, at most half full.
#[derive(Debug)]
pub(crate) struct Entries {
    slots: Table<Entry>,
    mask: usize,
    len: usize,
    /// Where the sweep goes on.
    cursor: usize,
    /// Entries that have been added since somebody asked.
    inserted: usize,
    next: Option<Prepared>,
}

/// The table that comes after this one, made ready little by little: to get its pages from the kernel takes several times as long as
/// to move all entries.
#[derive(Debug)]
struct Prepared {
    slots: Table<Entry>,
    /// So many have pages.
    touched: usize,
}

/// Slots of a page of 4 KiB.
const PAGE: usize = 4096 / size_of::<Entry>();
/// Slots that are made ready at a time: 2 MiB, a large page.
const READY_AT_ONCE: usize = 512 * PAGE;

/// Entries of the largest table that is kept half as full as it may be: 512 KiB.
const ROOMY: usize = 4096;

/// Fewest slots.
const SMALLEST: usize = 64;

impl Entries {
    /// Room for so many before it grows. As long as that costs no cache, half of the room is left empty beside: a search that ends at
    /// its first slot is the one that the processor has guessed.
    pub(crate) fn with_room(entries: usize) -> Self {
        let factor = if entries <= ROOMY { 4 } else { 2 };
        let slots = (entries * factor).next_power_of_two().max(SMALLEST);
        Self {
            slots: Table::new(slots),
            mask: slots - 1,
            len: 0,
            cursor: 0,
            inserted: 0,
            next: None,
        }
    }

    /// How many entries have been added since the last time.
    pub(crate) fn take_inserted(&mut self) -> usize {
        std::mem::take(&mut self.inserted)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes.
    pub(crate) fn memory(&self) -> usize {
        let next = self.next.as_ref().map_or(0, |next| next.slots.len());
        (self.slots.len() + next) * size_of::<Entry>()
    }

    /// Begins to load what a search for a key with this hash will read.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        memory::prefetch(&self.slots, self.home(hash));
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked: any bits will do")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }

    /// The position of a key's entry.
    #[inline]
    pub(crate) fn find(&self, key: FlowKey, hash: u64) -> Option<usize> {
        let mut position = self.home(hash);
        loop {
            let entry = &self.slots[position & self.mask];
            if entry.has(key) {
                return Some(position);
            }
            if !entry.is_used() {
                return None;
            }
            position = (position + 1) & self.mask;
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, position: usize) -> &mut Entry {
        &mut self.slots[position]
    }

    pub(crate) fn get(&self, position: usize) -> &Entry {
        &self.slots[position]
    }

    /// Adds an entry whose key is not in the table.
    pub(crate) fn insert(&mut self, entry: Entry, hash: u64) {
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.len += 1;
        self.inserted += 1;
        self.place(entry, hash);
    }

    #[inline]
    fn place(&mut self, entry: Entry, hash: u64) {
        let mut position = self.home(hash);
        while self.slots[position].is_used() {
            position = (position + 1) & self.mask;
        }
        self.slots[position] = entry;
    }

    /// To be called now and then: makes part of the next table ready when this one is three quarters as full as it may be.
    pub(crate) fn prepare(&mut self) {
        let slots = self.slots.len();
        if slots < READY_AT_ONCE || self.len * 8 < slots * 3 {
            return;
        }
        let Prepared {
            slots: next,
            touched,
        } = self.next.get_or_insert_with(|| Prepared {
            slots: Table::new(slots * 2),
            touched: 0,
        });
        let end = next.len().min(*touched + READY_AT_ONCE);
        for slot in next[*touched..end].iter_mut().step_by(PAGE) {
            *slot = Entry::default();
        }
        *touched = end;
    }

    #[cold]
    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        let prepared = self.next.take().map(|next| next.slots);
        let next = prepared.unwrap_or_else(|| Table::new(slots));
        let old = std::mem::replace(&mut self.slots, next);
        self.mask = slots - 1;
        self.cursor = 0;
        for &entry in old.iter().filter(|entry| entry.is_used()) {
            if planted(Fault::GrowthLoses) && entry.ports.is_multiple_of(8) {
                continue;
            }
            self.place(entry, FlowKey::hash(entry.key()));
        }
    }

    /// Takes an entry out, and closes the gap in the run of probes it was part of.
    pub(crate) fn remove(&mut self, position: usize) -> Entry {
        let removed = self.slots[position];
        self.len -= 1;
        let mut gap = position;
        let mut next = position;
        while !planted(Fault::GapLeft) {
            next = (next + 1) & self.mask;
            let entry = self.slots[next];
            if !entry.is_used() {
                break;
            }
            let home = self.home(FlowKey::hash(entry.key()));
            // It may move back only as far as its home.
            if next.wrapping_sub(home) & self.mask >= next.wrapping_sub(gap) & self.mask {
                self.slots[gap] = entry;
                gap = next;
            }
        }
        self.slots[gap] = Entry::default();
        removed
    }

    /// Looks at the next `slots` slots and takes out what `has_ended`. Says when it has come round.
    pub(crate) fn sweep(
        &mut self,
        slots: usize,
        mut has_ended: impl FnMut(&Entry) -> bool,
        mut taken: impl FnMut(Entry),
    ) -> bool {
        let mut round = false;
        for _ in 0..slots.min(self.slots.len()) {
            let entry = &self.slots[self.cursor];
            // Half of the slots are empty, in no order: asked in any case, the processor has to guess only what is rare.
            let is_over = entry.is_used() & has_ended(entry);
            if is_over {
                let position = self.cursor;
                taken(self.remove(position)); // the slot may hold a follower now: look again
            } else {
                self.cursor = (self.cursor + 1) & self.mask;
                round |= self.cursor == 0;
            }
        }
        round
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.slots.iter_mut().filter(|entry| entry.is_used())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().filter(|entry| entry.is_used())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u32) -> FlowKey {
        FlowKey {
            addresses: u64::from(number % 7),
            ports: number,
            protocol: 17,
        }
    }

    fn fused(number: u32) -> Fused {
        Fused {
            initiator: if number.is_multiple_of(2) {
                Course::Up
            } else {
                Course::Down
            },
            icmp_type: None,
            fins: [false, number.is_multiple_of(3)],
            asymmetric: number.is_multiple_of(5),
            programs: [ProgramId::try_from(number).unwrap(), 7],
            seen: [Tick(number), Tick(1)],
            ends: [NicId::new(number), NicId::new(9)],
        }
    }

    #[test]
    fn an_entry_is_half_a_cache_line_and_says_what_it_was_made_of() {
        assert_eq!((size_of::<Entry>(), align_of::<Entry>()), (32, 32));
        for number in 0..60 {
            let entry = Entry::new(key(number), fused(number)).unwrap();
            assert_eq!(entry.fused(), fused(number));
            assert_eq!(entry.key(), key(number));
        }
    }

    #[test]
    fn every_type_of_query_is_remembered_and_no_other() {
        for kind in 0..=u8::MAX {
            let key = FlowKey {
                protocol: ICMP,
                ..key(1)
            };
            let fused = Fused {
                icmp_type: Some(kind),
                ..fused(1)
            };
            let entry = Entry::new(key, fused).map(|entry| entry.fused());
            let is_query = ICMP_TYPES.contains(&kind);
            assert_eq!(entry, is_query.then_some(fused), "type {kind}");
        }
    }

    #[test]
    fn a_nic_with_a_number_of_four_bytes_is_not_spelled() {
        let fused = Fused {
            ends: [NicId::new(1), NicId::new(1 << 24)],
            ..fused(1)
        };
        assert!(Entry::new(key(1), fused).is_none());
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_map(operations in prop::collection::vec((0..3u8, 0..200u32), 0..600)) {
            let mut table = Entries::with_room(0);
            let mut twin: BTreeSet<u32> = BTreeSet::new();
            for (operation, number) in operations {
                let key = key(number);
                let found = table.find(key, FlowKey::hash(key));
                prop_assert_eq!(found.is_some(), twin.contains(&number));
                match (operation, found) {
                    (0 | 1, None) => {
                        table.insert(Entry::new(key, fused(number)).unwrap(), FlowKey::hash(key));
                        twin.insert(number);
                    }
                    (2, Some(position)) => {
                        prop_assert_eq!(table.remove(position).key(), key);
                        twin.remove(&number);
                    }
                    _ => {}
                }
                prop_assert_eq!(table.len(), twin.len());
            }
            let mut swept = Vec::new();
            while !table.sweep(16, |entry| entry.key().ports.is_multiple_of(2), |entry| swept.push(entry.key().ports)) {}
            swept.sort_unstable();
            let mut even: Vec<u32> = twin.iter().copied().filter(|number| number.is_multiple_of(2)).collect();
            // Removals pull followers across the end of the table; a second round finds them.
            while !table.sweep(16, |entry| entry.key().ports.is_multiple_of(2), |entry| swept.push(entry.key().ports)) {}
            swept.sort_unstable();
            even.sort_unstable();
            prop_assert_eq!(swept, even);
        }
    }
}
