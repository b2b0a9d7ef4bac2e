//! Replies as they are found: column by column, in any order.

use super::Leaving;
use crate::classes::luck::{Luck, through};
use crate::classes::spans::{Span, Spans};
use crate::classes::ways::Check;

/// How a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::classes) enum Back {
    /// With who has asked.
    Home,
    /// Out of what the input holds.
    Unknown,
    /// Nobody has followed it further: it tells only of which replies it is not known what rules on the way say.
    Aside,
}

/// Replies of some columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::classes) struct Reply {
    pub(in crate::classes) columns: Spans,
    /// Rules that judge the reply as a flow of its own.
    pub(in crate::classes) checks: Vec<Check>,
    pub(in crate::classes) end: Back,
}

/// All replies to the probes of a way.
#[derive(Debug, Default)]
pub(in crate::classes) struct Replies {
    /// Replies that come this way on every hash.
    pub(in crate::classes) certain: Vec<Reply>,
    /// Replies that some hashes send this way: a column may have several.
    pub(in crate::classes) forked: Vec<Reply>,
    /// Columns whose replies do not come through on all hashes.
    pub(in crate::classes) lost: Spans,
    /// Columns whose replies only packets can judge.
    pub(in crate::classes) odd: Spans,
}

/// Replies alike that the same hashes send this way.
#[derive(Debug)]
struct Alike {
    checks: Vec<Check>,
    end: Back,
    luck: Luck,
    spans: Vec<Span>,
}

#[derive(Debug)]
pub(super) struct Found {
    /// The share of the way to which these are the replies.
    all: u64,
    replies: Vec<Alike>,
    forked: Vec<Span>,
    odd: Vec<Span>,
}

impl Found {
    pub(super) fn new(all: u64) -> Self {
        Self {
            all,
            replies: Vec::new(),
            forked: Vec::new(),
            odd: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, leaving: &Leaving, end: Back) {
        let alike = |known: &&mut Alike| {
            known.end == end && known.checks == leaving.checks && known.luck == leaving.luck
        };
        let spans = leaving.columns.as_slice();
        match self.replies.iter_mut().find(alike) {
            Some(known) => known.spans.extend_from_slice(spans),
            None => self.replies.push(Alike {
                checks: leaving.checks.clone(),
                end,
                luck: leaving.luck.clone(),
                spans: spans.to_vec(),
            }),
        }
    }

    pub(super) fn give_up(&mut self, columns: &Spans) {
        self.odd.extend_from_slice(columns.as_slice());
    }

    /// Columns whose replies go several ways from here on.
    pub(super) fn fork(&mut self, columns: &Spans) {
        self.forked.extend_from_slice(columns.as_slice());
    }

    pub(super) fn finish(self) -> Replies {
        let mut rest: Vec<(Reply, u64)> = Vec::new();
        for found in self.replies {
            let reply = Reply {
                columns: Spans::of(found.spans),
                checks: found.checks,
                end: found.end,
            };
            rest.push((reply, found.luck.share()));
        }
        let mut found = Replies {
            odd: Spans::of(self.odd),
            ..Replies::default()
        };
        if self.forked.is_empty() {
            found.certain = rest.into_iter().map(|(reply, _)| reply).collect();
            return found;
        }
        let ended = rest.iter().filter(|(reply, _)| reply.end != Back::Aside);
        let shares = ended.map(|(reply, share)| (&reply.columns, *share));
        let all = through(shares, self.all);
        found.lost = Spans::of(self.forked).without(all.as_slice());
        // Where it makes no difference what a hash chooses, there is one reply.
        while let Some((first, _)) = rest.first() {
            let (checks, end) = (first.checks.clone(), first.end);
            let (alike, others): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|(reply, _)| reply.end == end && reply.checks == checks);
            rest = others;
            let shares = alike.iter().map(|(reply, share)| (&reply.columns, *share));
            let columns = through(shares, self.all);
            for (reply, _) in alike {
                let columns = reply.columns.without(columns.as_slice());
                if !columns.is_empty() {
                    found.forked.push(Reply { columns, ..reply });
                }
            }
            if !columns.is_empty() {
                found.certain.push(Reply {
                    columns,
                    checks,
                    end,
                });
            }
        }
        found
    }
}
