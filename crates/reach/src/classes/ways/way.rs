//! What a way is: past which devices, under which rules, to which end.

use control::snapshot::{GuestId, Nic, PolicyId, TagViewId};
use model::{Direction, FirewallId, NicId};

use crate::classes::luck::Luck;
use crate::classes::spans::Spans;

/// Whose address stands in a packet at the end that has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::classes) enum Asker {
    /// The source's own.
    Own,
    /// That of an appliance that has put its own there.
    Other(u32),
}

impl Asker {
    /// The address, where `own` is that of the source.
    pub(in crate::classes) fn address(self, own: u32) -> u32 {
        match self {
            Self::Own => own,
            Self::Other(address) => address,
        }
    }
}

/// Rules that a packet has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::classes) struct Check {
    pub(in crate::classes) rules: Judge,
    pub(in crate::classes) asker: Asker,
}

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::classes) enum Judge {
    /// Those of NICs with this policy, to which tags mean the same.
    Nic(PolicyId, TagViewId, Direction),
    /// Those of an Azure firewall.
    Firewall(FirewallId),
}

/// A guest that passes packets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::classes) struct Hop {
    pub(in crate::classes) entered: NicId,
    pub(in crate::classes) leaves: NicId,
    pub(in crate::classes) guest: GuestId,
    /// Whether it puts its own source in.
    pub(in crate::classes) translates: bool,
    /// Whose address stands there from here on.
    pub(in crate::classes) asker: Asker,
}

/// How a way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::classes) enum End {
    /// At the columns, if their rules admit it.
    Arrives,
    /// Out of what the input holds.
    Unknown,
    /// At services behind the columns, if their rules admit it.
    Service,
    /// Nobody has followed it further: it tells only of which packets it is not known what rules on it say.
    Aside,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::classes) struct Way {
    pub(in crate::classes) columns: Spans,
    /// Beside those of the source and of the columns.
    pub(in crate::classes) checks: Vec<Check>,
    pub(in crate::classes) hops: Vec<Hop>,
    pub(in crate::classes) asker: Asker,
    pub(in crate::classes) end: End,
    pub(in crate::classes) luck: Luck,
}

/// All ways of a source. Where they fork, a column is on several of them.
#[derive(Debug, Default)]
pub(in crate::classes) struct Ways {
    pub(in crate::classes) list: Vec<Way>,
    /// Columns to which some hashes lead on other ways than others.
    pub(in crate::classes) forked: Spans,
    /// Columns that only packets can judge.
    pub(in crate::classes) odd: Spans,
}

impl Ways {
    pub(super) fn add(&mut self, way: Way) {
        if way.columns.is_empty() {
            return;
        }
        let alike = |known: &&mut Way| {
            (known.end, known.asker) == (way.end, way.asker)
                && known.luck == way.luck
                && known.checks == way.checks
                && known.hops == way.hops
        };
        match self.list.iter_mut().find(alike) {
            Some(known) => known.columns.add(way.columns),
            None => self.list.push(way),
        }
    }

    pub(super) fn give_up(&mut self, columns: &Spans) {
        self.odd = self.odd.or(columns.as_slice());
    }
}

impl Check {
    pub(in crate::classes) fn of(nic: &Nic, direction: Direction, asker: Asker) -> Self {
        Self {
            rules: Judge::Nic(nic.policy, nic.tags, direction),
            asker,
        }
    }
}
