//! Ways as bits of the columns of a unit; those that are alike are one.

use crate::classes::luck::{ALL, Luck};
use crate::classes::replies::{Back, Replies, Reply};
use crate::classes::space::{self, Space};
use crate::classes::spans::Spans;
use crate::classes::ways::{Asker, Check, End};

#[derive(PartialEq, Eq)]
pub(in crate::classes) struct WayBits {
    pub(in crate::classes) columns: Vec<u64>,
    pub(in crate::classes) checks: Vec<Check>,
    pub(in crate::classes) end: End,
    pub(in crate::classes) asker: Asker,
    /// Columns whose reply gets home, whatever the rules say.
    pub(in crate::classes) home: Vec<u64>,
    /// Columns whose reply leaves what the input holds, whatever the rules say.
    pub(in crate::classes) unknown: Vec<u64>,
    /// Columns whose reply only packets can judge.
    pub(in crate::classes) odd: Option<Vec<u64>>,
    pub(in crate::classes) judged: Vec<Judged>,
    /// Whether some hashes lead another way.
    pub(in crate::classes) is_forked: bool,
    /// Replies that some hashes send another way.
    pub(in crate::classes) forks: Option<Forks>,
}

/// Replies that go several ways.
#[derive(PartialEq, Eq)]
pub(in crate::classes) struct Forks {
    /// The columns whose replies do.
    pub(in crate::classes) columns: Vec<u64>,
    /// Those that do not come through on some hashes.
    pub(in crate::classes) lost: Vec<u64>,
    /// A column may be in several.
    pub(in crate::classes) judged: Vec<Judged>,
}

/// Replies that rules judge.
#[derive(PartialEq, Eq)]
pub(in crate::classes) struct Judged {
    pub(in crate::classes) columns: Vec<u64>,
    pub(in crate::classes) checks: Vec<Check>,
    pub(in crate::classes) end: Back,
}

impl WayBits {
    pub(super) fn reply(&mut self, replies: &Replies, space: &Space) {
        let of_end = |end| {
            let mut columns = Spans::default();
            for reply in &replies.certain {
                if reply.end == end && reply.checks.is_empty() {
                    columns = columns.or(reply.columns.as_slice());
                }
            }
            space.bits(&columns)
        };
        let judged = |reply: &Reply| Judged {
            columns: space.bits(&reply.columns),
            checks: reply.checks.clone(),
            end: reply.end,
        };
        self.home = of_end(Back::Home);
        self.unknown = of_end(Back::Unknown);
        self.odd = (!replies.odd.is_empty()).then(|| space.bits(&replies.odd));
        let asked = replies
            .certain
            .iter()
            .filter(|reply| !reply.checks.is_empty());
        self.judged = asked.map(judged).collect();
        if !replies.forked.is_empty() {
            let mut columns = Spans::default();
            for reply in &replies.forked {
                columns = columns.or(reply.columns.as_slice());
            }
            self.forks = Some(Forks {
                columns: space.bits(&columns),
                lost: space.bits(&replies.lost),
                judged: replies.forked.iter().map(judged).collect(),
            });
        }
    }

    /// Whether the rules of the columns are asked at its end.
    pub(in crate::classes) fn asks_doors(&self) -> bool {
        matches!(self.end, End::Arrives | End::Service)
    }

    /// Whether the same rules judge packets on both ways, to the same end.
    fn is_like(&self, other: &Self) -> bool {
        (self.end, self.asker) == (other.end, other.asker)
            && self.checks == other.checks
            && self.forks.is_none()
            && other.forks.is_none()
    }

    /// Takes in the columns of a way that is like it. No column is on both.
    fn unite(&mut self, other: Self) {
        space::or(&mut self.columns, &other.columns);
        space::or(&mut self.home, &other.home);
        space::or(&mut self.unknown, &other.unknown);
        match (&mut self.odd, other.odd) {
            (Some(own), Some(other)) => space::or(own, &other),
            (own @ None, other) => *own = other,
            (Some(_), None) => {}
        }
        for reply in other.judged {
            let alike =
                |known: &&mut Judged| known.end == reply.end && known.checks == reply.checks;
            match self.judged.iter_mut().find(alike) {
                Some(known) => space::or(&mut known.columns, &reply.columns),
                None => self.judged.push(reply),
            }
        }
    }
}

/// Puts ways together that packets take on the same hashes under the same rules, past whatever devices; then those between which it
/// makes no difference what a hash chooses.
pub(super) fn joined(ways: Vec<(WayBits, Luck)>) -> Vec<WayBits> {
    let mut joined: Vec<(WayBits, u64)> = Vec::new();
    for (way, luck) in united(ways) {
        let alike = |known: &&mut (WayBits, u64)| way.is_forked && known.0 == way;
        match joined.iter_mut().find(alike) {
            Some((_, sum)) => *sum += luck.share(),
            None => joined.push((way, luck.share())),
        }
    }
    let (certain, forked): (Vec<_>, Vec<_>) =
        joined.into_iter().partition(|&(_, share)| share == ALL);
    let certain = certain.into_iter().map(|(mut way, _)| {
        way.is_forked = false;
        (way, Luck::any())
    });
    let certain = united(certain.collect());
    let certain = certain.into_iter().map(|(way, _)| way);
    certain
        .chain(forked.into_iter().map(|(way, _)| way))
        .collect()
}

fn united(ways: Vec<(WayBits, Luck)>) -> Vec<(WayBits, Luck)> {
    let mut united: Vec<(WayBits, Luck)> = Vec::new();
    for (way, luck) in ways {
        let alike = |known: &&mut (WayBits, Luck)| known.1 == luck && known.0.is_like(&way);
        match united.iter_mut().find(alike) {
            Some((known, _)) => known.unite(way),
            None => united.push((way, luck)),
        }
    }
    // The same in whichever order they were found.
    for (way, _) in &mut united {
        way.judged
            .sort_by(|one, other| one.columns.cmp(&other.columns));
    }
    united
}
