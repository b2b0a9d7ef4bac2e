//! Why pairs are not reachable, for all pairs: class by class, as verdicts are.
//!
//! One packet is sent for a pair; its steps say for which other pairs everything that decided is the same (`classes::likeness`), and what
//! became of it holds for all of them. So as many packets are sent as there are stories, not pairs. What has a story of its own (a load
//! balancer's choice, a gateway, a host outside Azure) is asked pair by pair.
//!
//! The objects of a reason are those of the pair at hand: where a packet dies at its own destination, each pair names its own.
//!
//! | part | what it is |
//! |---|---|
//! | [`Reason`] | why one pair is not reachable |
//! | [`Reasons`] | asks for all pairs of a matrix |
//! | [`RowReasons`] | the reasons of one source |
//!
//! It does not know what people call the objects, and nothing of questions about several ports: there [`Matrix::reason`] asks pair by
//! pair.

use std::collections::HashMap;
use std::sync::Mutex;

use control::Snapshot;
use dataplane::dropped::{Dropped, Locator};
use dataplane::pipeline::Delivery;
use engine::reachability::Verdict;
use foldhash::fast::FixedState;
use model::NicId;
use rayon::prelude::*;

use crate::bits::Bits;
use crate::classes::likeness::{Kin, Likeness, Memory};
use crate::ends::End;
use crate::matrix::Matrix;
use crate::probe::{Answer, Prober, WayEnd};
use crate::question::{Asked, Depth};
use crate::watch::{Cancelled, Watch};

/// Sources that one worker takes at a time, at most.
const SOURCES: usize = 1024;
/// Sources between two looks at the watch.
const BETWEEN: usize = 64;
/// No story.
const NONE: u32 = u32::MAX;

/// Why a pair is not reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The probe has arrived: this became of the reply.
    pub is_reply: bool,
    /// What became of it.
    pub ending: Ending,
}

/// How a packet ended that did not arrive where it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It was dropped: why, and the object that would have to change.
    Dropped(Dropped),
    /// It left what the input describes.
    Left(Delivery),
    /// In the guest it was for, through this NIC, where nothing listens to it.
    Unheard(NicId),
    /// The reply came to a guest that had not asked, through this NIC.
    Strayed(NicId),
    /// The reply came to who has asked, but not from whom was asked.
    Disguised(NicId),
    /// There is nothing to reply to what has arrived.
    Unanswered,
}

impl Reason {
    /// Why an answer is not a yes; `None` if it is one. `depth`: whether the reply counts.
    pub fn of(answer: &Answer, depth: Depth) -> Option<Self> {
        let of_end = |is_reply, end| {
            let ending = match end {
                WayEnd::Arrived(_) => return None,
                WayEnd::Dropped { dropped, .. } => Ending::Dropped(dropped),
                WayEnd::Left(delivery) => Ending::Left(delivery),
                WayEnd::Unheard(nic) => Ending::Unheard(nic),
                WayEnd::Strayed(nic) => Ending::Strayed(nic),
                WayEnd::Disguised(nic) => Ending::Disguised(nic),
            };
            Some(Self { is_reply, ending })
        };
        match (answer.forward.end, &answer.reply) {
            (WayEnd::Arrived(_), Some(reply)) => of_end(true, reply.end),
            (WayEnd::Arrived(_), None) => (depth == Depth::RoundTrip).then_some(Self {
                is_reply: true,
                ending: Ending::Unanswered,
            }),
            (end, _) => of_end(false, end),
        }
    }

    /// Why a packet was dropped, if it was.
    pub fn dropped(&self) -> Option<Dropped> {
        match self.ending {
            Ending::Dropped(dropped) => Some(dropped),
            _ => None,
        }
    }

    /// Whether the object is this end of the pair, rather than something between both.
    pub fn names(&self, end: &End) -> bool {
        match self.ending {
            Ending::Dropped(dropped) => match dropped.at() {
                Locator::Nic(nic) => nic == end.worker,
                Locator::Address(address) => address == end.address,
                _ => false,
            },
            Ending::Unheard(nic) | Ending::Strayed(nic) | Ending::Disguised(nic) => {
                nic == end.worker
            }
            Ending::Left(_) | Ending::Unanswered => false,
        }
    }

    /// The same of another pair, where each names its own ends.
    fn told_of(self, (from, to): (&End, &End), (source, destination): (&End, &End)) -> Self {
        let nic = |nic: NicId| {
            if nic == from.worker {
                source.worker
            } else if nic == to.worker {
                destination.worker
            } else {
                nic
            }
        };
        let ending = match self.ending {
            Ending::Dropped(dropped) => Ending::Dropped(match dropped.at() {
                Locator::Nic(at) => Dropped::new(dropped.reason(), Locator::Nic(nic(at))),
                Locator::Address(address) if address == to.address => {
                    Dropped::new(dropped.reason(), Locator::Address(destination.address))
                }
                _ => dropped,
            }),
            Ending::Unheard(at) => Ending::Unheard(nic(at)),
            Ending::Strayed(at) => Ending::Strayed(nic(at)),
            Ending::Disguised(at) => Ending::Disguised(nic(at)),
            Ending::Left(_) | Ending::Unanswered => self.ending,
        };
        Self { ending, ..self }
    }
}

/// Why the pairs of a matrix are what they are.
#[derive(Debug)]
pub struct Reasons<'s> {
    matrix: &'s Matrix,
    likeness: Likeness<'s>,
    prober: Prober<'s>,
}

/// One pair's story, and for whom it is told.
#[derive(Clone, Debug)]
struct Story {
    /// Addresses of sources.
    valid: (u32, u32),
    columns: Vec<(u32, u32)>,
    /// How many of them have no other story.
    pairs: u64,
    /// Whose it was.
    witness: (End, End),
    reason: Option<Reason>,
}

/// The stories of sources of one kin, from one source to the next in the order of addresses.
#[derive(Debug)]
struct Told {
    /// A forgotten one leaves a hole.
    stories: Vec<Option<Story>>,
    holes: Vec<u32>,
    /// The last address up to which all of them hold.
    until: u32,
    /// By column, the number of its story.
    of_column: Vec<u32>,
    covered: Bits,
}

/// Pairs of one source for which the same is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Why, of the pair with the example. Where that [names](Reason::names) an end, every pair names its own.
    pub reason: Reason,
    /// Position of one of the destinations.
    pub example: usize,
    /// How many.
    pub pairs: u64,
}

/// Why the pairs of one source are what they are.
#[derive(Debug)]
pub struct RowReasons<'r> {
    matrix: &'r Matrix,
    source: usize,
    told: &'r Told,
    packets: u64,
}

impl<'s> Reasons<'s> {
    /// Of a matrix about one service. `snapshot` must be the one that the matrix was made of. `None` if it is about several ports, or about
    /// listeners, whom no table knows.
    pub fn new(snapshot: &'s Snapshot, matrix: &'s Matrix) -> Option<Self> {
        let question = matrix.question();
        let Asked::One(service) = question.asked else {
            return None;
        };
        if question.listeners {
            return None;
        }
        let source_port = question.source_port;
        Some(Self {
            matrix,
            likeness: Likeness::new(snapshot, matrix.shared_destinations(), service, source_port),
            prober: Prober::new(snapshot, service, source_port, question.depth),
        })
    }

    /// The matrix.
    pub fn matrix(&self) -> &'s Matrix {
        self.matrix
    }

    /// Hands out the reasons of sources (positions, ascending), in no order, by many threads.
    ///
    /// # Errors
    ///
    /// If `watch` has cancelled the work.
    pub fn for_each_row(
        &self,
        sources: impl IntoIterator<Item = usize>,
        watch: &Watch,
        each: impl Fn(&RowReasons<'_>) + Sync,
    ) -> Result<(), Cancelled> {
        let sources: Vec<usize> = sources.into_iter().collect();
        watch.expect(sources.len() as u64);
        self.visit(sources, watch, |row| {
            each(row);
            watch.advance(1);
        })
    }

    /// As [`for_each_row`](Self::for_each_row), without telling how far it is.
    pub(crate) fn visit(
        &self,
        sources: impl IntoIterator<Item = usize>,
        watch: &Watch,
        each: impl Fn(&RowReasons<'_>) + Sync,
    ) -> Result<(), Cancelled> {
        let mut numbers: HashMap<Kin, usize, FixedState> = HashMap::default();
        let mut units: Vec<(Kin, Vec<usize>)> = Vec::new();
        for source in sources {
            let kin = self.likeness.kin(&self.matrix.sources()[source]);
            let next = units.len();
            let number = numbers.entry(kin).or_insert(next);
            if units
                .get(*number)
                .is_some_and(|(_, sources)| sources.len() >= SOURCES)
            {
                *number = next;
            }
            if *number == next {
                units.push((kin, Vec::new()));
            }
            units[*number].1.push(source);
        }
        // What a worker remembers is lent to the next unit.
        let memories = Mutex::new(Vec::new());
        units.par_iter().try_for_each(|(kin, sources)| {
            let lent = memories
                .lock()
                .expect("no worker panics while it holds this")
                .pop();
            let mut memory = lent.unwrap_or_else(Memory::default);
            let mut told = Told::new(self.matrix.destinations().len());
            for (count, &source) in sources.iter().enumerate() {
                if count % BETWEEN == 0 {
                    watch.go_on()?;
                }
                let packets = self.tell(*kin, source, &mut memory, &mut told);
                each(&RowReasons {
                    matrix: self.matrix,
                    source,
                    told: &told,
                    packets,
                });
            }
            let mut memories = memories
                .lock()
                .expect("no worker panics while it holds this");
            memories.push(memory);
            Ok(())
        })
    }

    /// Completes the stories for one source, and says how many packets that took.
    fn tell(&self, kin: Kin, source: usize, memory: &mut Memory, told: &mut Told) -> u64 {
        let from = self.matrix.sources()[source];
        told.forget(u32::from(from.address));
        let row = self.matrix.row(source);
        let reached = match self.matrix.question().depth {
            Depth::Forward => &row.forward,
            Depth::RoundTrip => &row.round_trip,
        };
        let len = self.matrix.destinations().len();
        let mut missing = Bits::new(len);
        missing.insert(0..len);
        missing.subtract(&reached.bits(len));
        if let Some(own) = self.matrix.own_column(source) {
            missing.set(own, false);
        }
        missing.subtract(&told.covered);
        let mut packets = 0;
        for word in 0..missing.words().len() {
            loop {
                let rest = missing.words()[word] & !told.covered.words()[word];
                if rest == 0 {
                    break;
                }
                let column = word * 64 + rest.trailing_zeros() as usize;
                let to = self.matrix.destinations()[column];
                let (prober, asked) = self.prober.towards(&from, &to);
                let found = prober.story((from.worker, from.address), asked);
                packets += 1;
                let number = u32::try_from(column).unwrap_or(NONE);
                let alike = self.likeness.alike(memory, (&from, kin), number, &found);
                let own = u32::from(from.address);
                let (valid, columns) = alike
                    .map_or(((own, own), vec![(number, number + 1)]), |alike| {
                        (alike.valid, alike.columns)
                    });
                told.add(Story {
                    valid,
                    columns,
                    pairs: 0,
                    witness: (from, to),
                    reason: Reason::of(&found.answer, self.matrix.question().depth),
                });
            }
        }
        packets
    }
}

impl Told {
    fn new(columns: usize) -> Self {
        Self {
            stories: Vec::new(),
            holes: Vec::new(),
            until: u32::MAX,
            of_column: vec![NONE; columns],
            covered: Bits::new(columns),
        }
    }

    fn add(&mut self, mut story: Story) {
        let number = self.holes.pop().unwrap_or_else(|| {
            self.stories.push(None);
            u32::try_from(self.stories.len() - 1).unwrap_or(NONE)
        });
        self.until = self.until.min(story.valid.1);
        for &(start, end) in &story.columns {
            let (start, end) = (start as usize, end as usize);
            for known in &mut self.of_column[start..end] {
                if *known == NONE {
                    *known = number;
                    story.pairs += 1;
                }
            }
            self.covered.insert(start..end);
        }
        self.stories[number as usize] = Some(story);
    }

    /// Forgets what is not told of sources with this address.
    fn forget(&mut self, address: u32) {
        if address <= self.until {
            return;
        }
        self.until = u32::MAX;
        for (number, place) in (0_u32..).zip(&mut self.stories) {
            let Some(story) = place else { continue };
            if address <= story.valid.1 {
                self.until = self.until.min(story.valid.1);
                continue;
            }
            for &(start, end) in &story.columns {
                for column in start as usize..end as usize {
                    if self.of_column[column] == number {
                        self.of_column[column] = NONE;
                        self.covered.set(column, false);
                    }
                }
            }
            *place = None;
            self.holes.push(number);
        }
    }
}

impl RowReasons<'_> {
    /// Position of the source.
    pub fn source(&self) -> usize {
        self.source
    }

    /// How many packets were sent for this row; the others' stories were told of it.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Why the pair with a destination is not reachable; `None` if it is, and for an end with itself.
    ///
    /// # Panics
    ///
    /// If there are not so many destinations.
    pub fn get(&self, destination: usize) -> Option<Reason> {
        if self.matrix.verdict(self.source, destination)? == Verdict::Reachable {
            return None;
        }
        let story = self
            .told
            .stories
            .get(self.told.of_column[destination] as usize)?;
        self.of_pair(story.as_ref()?, destination)
    }

    fn of_pair(&self, story: &Story, destination: usize) -> Option<Reason> {
        let (from, to) = (&story.witness.0, &story.witness.1);
        let source = &self.matrix.sources()[self.source];
        let destination = &self.matrix.destinations()[destination];
        Some(story.reason?.told_of((from, to), (source, destination)))
    }

    /// The pairs that are not reachable, by their story.
    pub fn groups(&self) -> Vec<Group> {
        let own = self.matrix.own_column(self.source);
        let own_story = own.map_or(NONE, |own| self.told.of_column[own]);
        let mut groups = Vec::with_capacity(self.told.stories.len());
        for (number, story) in (0_u32..).zip(&self.told.stories) {
            let Some(story) = story else { continue };
            let pairs = story.pairs - u64::from(own_story == number);
            let columns = story.columns.iter();
            let mut columns = columns.flat_map(|&(start, end)| start as usize..end as usize);
            let example = columns
                .find(|&column| self.told.of_column[column] == number && Some(column) != own);
            let Some(example) = example else { continue };
            let Some(reason) = self.of_pair(story, example) else {
                continue;
            };
            groups.push(Group {
                reason,
                example,
                pairs,
            });
        }
        groups
    }
}
