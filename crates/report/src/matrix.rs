//! Who reaches whom, as people and programs get it: what the formats have in common.
//!
//! | module | what it prints |
//! |---|---|
//! | [`table`] | a grid for small networks, groups for large ones |
//! | [`csv`] | a line a pair, or a line a pair of classes |
//! | [`json`] | the same as one document |
//! | [`compact`] | text that a team commits: places instead of pairs, one fact a line |
//! | [`html`] | one self-contained page |
//! | [`exposure`] | what the Internet reaches, by public address |
//! | `parquet` | the lines of `csv` by columns, with the feature of that name |
//! | `reasons` | why the pairs of groups are not reachable, with counts |
//! | [`places`] | ends by network and subnet, so that many can be named by few words |
//!
//! What this does not know: how verdicts are found.

pub mod compact;
pub mod csv;
pub mod exposure;
pub mod html;
pub mod json;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod places;
mod reasons;
pub mod table;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;

use control::Snapshot;
use dataplane::pipeline::Delivery;
use diagnose::evidence::Narrator;
use diagnose::object::Object;
use model::{Network, NicId};
use rayon::prelude::*;
use reach::{
    Answer, Cell, Classes, Depth, Ending, Ends, Matrix, PairJudge, Reason, Verdict, WayEnd,
};

use self::places::Places;

/// Pairs whose reasons are worked out at a time.
const PAIRS_AT_ONCE: usize = 1 << 16;

/// A matrix with the names of its ends.
#[derive(Debug)]
pub struct Sheet<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    matrix: &'a Matrix,
    /// By position.
    sources: Vec<String>,
    destinations: Vec<String>,
    judge: PairJudge<'a>,
}

/// Why a pair is not reachable.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Why {
    /// The drop reason, or how else a packet did not arrive where it should; empty for a pair that is reachable.
    pub reason: String,
    /// What would have to change, in one line.
    pub object: String,
}

/// One pair in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairRecord<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Its address.
    pub source_address: Ipv4Addr,
    /// Name of the destination.
    pub destination: &'a str,
    /// Its address.
    pub destination_address: Ipv4Addr,
    /// What was asked: `tcp/443`.
    pub service: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is that.
    pub why: Why,
    /// The public address by which the Internet asks for it.
    pub public_address: Option<Ipv4Addr>,
    /// Another hash would give another verdict.
    pub depends_on_hash: bool,
}

/// Sources of a class and destinations of a class: pairs that have the same verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassPair {
    /// Number of the class of sources.
    pub from: usize,
    /// Number of the class of destinations.
    pub to: usize,
    /// Their pairs; an end with itself is none.
    pub pairs: u64,
    /// What all of them come to.
    pub verdict: Verdict,
    /// Positions of one of the pairs.
    pub example: (usize, usize),
}

/// The classes of a sheet.
#[derive(Debug)]
pub struct Groups<'s> {
    sheet: &'s Sheet<'s>,
    /// Their members.
    pub classes: Classes,
    class_of_destination: Vec<usize>,
}

/// Told after every so many pairs; its error ends the writing.
pub type Progress<'p> = dyn FnMut(u64) -> io::Result<()> + 'p;

impl<'a> Sheet<'a> {
    /// `snapshot` must be compiled from `network`, and `matrix` be made of it.
    pub fn new(network: &'a Network, snapshot: &'a Snapshot, matrix: &'a Matrix) -> Self {
        Self {
            network,
            snapshot,
            matrix,
            sources: matrix.sources().names(network),
            destinations: matrix.destinations().names(network),
            judge: PairJudge::new(snapshot, matrix.question()),
        }
    }

    /// What was asked: `tcp/443`.
    pub fn service(&self) -> String {
        self.matrix.question().asked.to_string()
    }

    /// `round trip`, `forward`.
    pub fn depth(&self) -> &'static str {
        match self.matrix.question().depth {
            Depth::Forward => "forward",
            Depth::RoundTrip => "round trip",
        }
    }

    /// The verdicts.
    pub fn matrix(&self) -> &'a Matrix {
        self.matrix
    }

    /// Name of a source.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn source(&self, position: usize) -> &str {
        &self.sources[position]
    }

    /// Name of a destination.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn destination(&self, position: usize) -> &str {
        &self.destinations[position]
    }

    /// Pairs, each with the work that its reason is: an end with itself is none.
    pub fn pairs(&self) -> u64 {
        let ends = |ends: &Ends| ends.len() as u64;
        ends(self.matrix.sources()) * ends(self.matrix.destinations())
    }

    /// The sources by network and subnet.
    pub fn places_of_sources(&self) -> Places {
        Places::new(self.network, self.matrix.sources(), &self.sources)
    }

    /// The destinations by network and subnet.
    pub fn places_of_destinations(&self) -> Places {
        Places::new(self.network, self.matrix.destinations(), &self.destinations)
    }

    /// A pair in words; `None` for an end with itself.
    pub fn record(&self, source: usize, destination: usize) -> Option<PairRecord<'_>> {
        let cell = self.matrix.cell(source, destination)?;
        let (from, to) = (
            self.matrix.sources()[source],
            self.matrix.destinations()[destination],
        );
        let asked = self.judge.address(&from, &to);
        Some(PairRecord {
            source: &self.sources[source],
            source_address: from.address,
            destination: &self.destinations[destination],
            destination_address: to.address,
            service: self.service(),
            verdict: self.matrix.in_one_word(cell),
            why: self.why(source, destination, cell),
            public_address: (asked != to.address).then_some(asked),
            depends_on_hash: cell.depends_on_hash,
        })
    }

    /// Why a pair is not reachable: found by a packet.
    fn why(&self, source: usize, destination: usize, cell: Cell) -> Why {
        let verdict = self.matrix.in_one_word(cell);
        if verdict == Verdict::Reachable {
            return Why::default();
        }
        let from = &self.matrix.sources()[source];
        let to = &self.matrix.destinations()[destination];
        let (_, answer) = self.judge.reason(from, to, verdict);
        self.of_answer(&answer)
    }

    /// Why this answer is not a yes.
    fn of_answer(&self, answer: &Answer) -> Why {
        if let Some(reason) = Reason::of(answer, Depth::RoundTrip) {
            return self.of_reason(&reason);
        }
        // Of several ports this one alone would do.
        match answer.reply.as_ref().map(|reply| reply.end) {
            Some(WayEnd::Arrived(at)) => Why {
                reason: "no-reply".to_owned(),
                object: format!("NIC {}", self.name_of(at)),
            },
            _ => Why::default(),
        }
    }

    /// A reason in words.
    fn of_reason(&self, reason: &Reason) -> Why {
        let object = match reason.ending {
            Ending::Dropped(dropped) => Object::of_drop(self.snapshot, dropped).to_string(),
            Ending::Unheard(at) => format!("guest of {}", self.name_of(at)),
            Ending::Strayed(at) | Ending::Disguised(at) => format!("NIC {}", self.name_of(at)),
            Ending::Left(_) | Ending::Unanswered => String::new(),
        };
        Why {
            reason: name_of_reason(reason).to_owned(),
            object,
        }
    }

    /// Every pair in the order of sources, then destinations, in words; made by many threads, and a bounded number of them at a time.
    pub fn for_each_pair<T: Send>(
        &self,
        make: impl Fn(PairRecord<'_>) -> T + Sync,
        progress: &mut Progress<'_>,
        mut take: impl FnMut(T) -> io::Result<()>,
    ) -> io::Result<()> {
        let columns = self.matrix.destinations().len();
        let rows_at_once = (PAIRS_AT_ONCE / columns.max(1)).max(1);
        let rows: Vec<usize> = (0..self.matrix.sources().len()).collect();
        for rows in rows.chunks(rows_at_once) {
            for columns in ranges(columns, PAIRS_AT_ONCE) {
                let pairs = rows.len() * columns.len();
                let records: Vec<Vec<T>> = rows
                    .par_iter()
                    .map(|&row| {
                        let records = columns
                            .clone()
                            .filter_map(|column| self.record(row, column));
                        records.map(&make).collect()
                    })
                    .collect();
                for record in records.into_iter().flatten() {
                    take(record)?;
                }
                progress(pairs as u64)?;
            }
        }
        Ok(())
    }

    /// Sources with equal rows, destinations with equal columns.
    pub fn groups(&self) -> Groups<'_> {
        let classes = self.matrix.classes();
        let mut class_of_destination = vec![0; self.matrix.destinations().len()];
        for (class, members) in classes.destinations.iter().enumerate() {
            for &member in members {
                class_of_destination[member as usize] = class;
            }
        }
        Groups {
            sheet: self,
            classes,
            class_of_destination,
        }
    }

    /// The name of what is behind a worker.
    fn name_of(&self, nic: NicId) -> String {
        let narrator = Narrator {
            network: self.network,
            snapshot: self.snapshot,
        };
        narrator.site(nic)
    }

    /// The pairs and what they come to, in one line.
    pub fn headline(&self) -> String {
        let counts = self.matrix.counts();
        let mut line = format!(
            "{}, {}{}: {} pairs, {} reachable",
            self.service(),
            self.depth(),
            if self.matrix.question().listeners {
                ", as guests listen"
            } else {
                ""
            },
            grouped(counts.pairs),
            grouped(counts.reachable)
        );
        for (count, what) in [
            (counts.forward_only, "forward-only"),
            (counts.unreachable, "unreachable"),
            (counts.unknown, "unknown"),
        ] {
            if count > 0 {
                let _ = write!(line, ", {} {what}", grouped(count));
            }
        }
        if counts.depends_on_hash > 0 {
            let _ = write!(
                line,
                "; {} depend on a hash",
                grouped(counts.depends_on_hash)
            );
        }
        line
    }
}

impl Groups<'_> {
    /// What the pairs of a class of sources come to, by classes of destinations; those without a pair are left out.
    ///
    /// # Panics
    ///
    /// If there is no such class.
    pub fn row(&self, from: usize) -> impl Iterator<Item = ClassPair> + '_ {
        let matrix = self.sheet.matrix;
        let sources = &self.classes.sources[from];
        let mut own: HashMap<usize, u64> = HashMap::new();
        for &source in sources {
            if let Some(column) = matrix.own_column(source as usize) {
                *own.entry(self.class_of_destination[column]).or_default() += 1;
            }
        }
        let destinations = self.classes.destinations.iter().enumerate();
        destinations.filter_map(move |(to, destinations)| {
            // At most one destination is the source itself.
            let example = sources.iter().take(2).find_map(|&source| {
                let others = destinations.iter().take(2);
                let mut pairs = others.map(|&destination| (source as usize, destination as usize));
                pairs.find(|&(source, destination)| matrix.cell(source, destination).is_some())
            })?;
            let all = sources.len() as u64 * destinations.len() as u64;
            Some(ClassPair {
                from,
                to,
                pairs: all - own.get(&to).copied().unwrap_or_default(),
                verdict: matrix.verdict(example.0, example.1)?,
                example,
            })
        })
    }

    /// What every pair of classes comes to.
    pub fn pairs(&self) -> impl Iterator<Item = ClassPair> + '_ {
        (0..self.classes.sources.len()).flat_map(|from| self.row(from))
    }
}

impl Why {
    /// `nsg-deny: Deny DenyAllInBound (65500) of nsg at the subnet`.
    pub fn sentence(&self) -> String {
        match (self.reason.is_empty(), self.object.is_empty()) {
            (true, _) => String::new(),
            (false, true) => self.reason.clone(),
            (false, false) => format!("{}: {}", self.reason, self.object),
        }
    }
}

/// The drop reason, or how else a packet did not arrive where it should.
fn name_of_reason(reason: &Reason) -> &'static str {
    match reason.ending {
        Ending::Dropped(dropped) => dropped.reason().name(),
        Ending::Left(Delivery::Internet) => "left-for-internet",
        Ending::Left(Delivery::AzureService) => "left-for-azure-service",
        Ending::Left(Delivery::Platform | Delivery::Guest(_)) => "left-for-platform",
        Ending::Unheard(_) => "not-listening",
        Ending::Strayed(_) => "reply-strayed",
        Ending::Disguised(_) => "reply-from-other-address",
        Ending::Unanswered => "no-reply",
    }
}

/// `0..len` in pieces of at most `size`.
fn ranges(len: usize, size: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..len)
        .step_by(size.max(1))
        .map(move |start| start..len.min(start + size))
}

/// `65,536`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
