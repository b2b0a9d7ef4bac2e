//! Which columns' replies a boundary lets pass.

use std::collections::HashMap;

use control::Snapshot;
use control::snapshot::{GuestKind, Nic};
use dataplane::answers::Answers;
use foldhash::fast::FixedState;
use model::{NicId, VnetId};

use super::{Leaving, ReplyFinder};
use crate::classes::columns::{Columns, translates};
use crate::classes::spans::Spans;

/// Columns whose replies pass the boundary between two networks when somebody sends them, as far as it was asked for.
pub(in crate::classes) type Crossings = HashMap<(VnetId, VnetId, Sender), Spans, FixedState>;

/// What the boundary sees of who sends, beside the network (F-7 to F-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::classes) enum Sender {
    Gateway,
    Translating,
    Other,
}

impl ReplyFinder<'_> {
    /// The columns of which the boundary lets replies pass, with their own sources.
    pub(super) fn crossing(&mut self, leaving: &Leaving, to: NicId) -> Spans {
        let from = leaving.nic;
        let network = |nic| self.snapshot.nic(nic).map(|nic: &Nic| nic.virtual_network);
        let (Some(sender), Some(receiver)) = (network(from), network(to)) else {
            return Spans::default();
        };
        if sender == receiver {
            return leaving.columns.clone();
        }
        let guest = self.snapshot.guest_behind(from).map(|(_, guest)| guest);
        let kind = match guest {
            Some(guest) if matches!(guest.kind, GuestKind::Gateway(_)) => Sender::Gateway,
            Some(guest) if translates(guest) => Sender::Translating,
            _ => Sender::Other,
        };
        let (snapshot, columns) = (self.snapshot, self.columns);
        let admitted = self
            .crossings
            .entry((sender, receiver, kind))
            .or_insert_with(|| admitted(snapshot, columns, (from, sender), (to, receiver)));
        leaving.columns.and(admitted.as_slice())
    }
}

/// The boundary tells sources apart by what the receiver's link knows of the sender's network: it is asked about one of each sort.
fn admitted(
    snapshot: &Snapshot,
    columns: &Columns,
    (from, sender): (NicId, VnetId),
    (to, receiver): (NicId, VnetId),
) -> Spans {
    let link = snapshot.link_between(receiver, sender);
    let link = link.and_then(|link| snapshot.link(link));
    let (known, remote) = link.map_or_else(Default::default, |link| {
        let known = columns.within(&link.known_sources);
        let remote = columns.within(&link.remote_space);
        let remote = remote.without(known.as_slice());
        (known, remote)
    });
    let all = Spans::of(vec![(
        0,
        u32::try_from(columns.list.len()).unwrap_or(u32::MAX),
    )]);
    let others = all.without(known.as_slice()).without(remote.as_slice());
    let mut admitted = Spans::default();
    for sort in [known, remote, others] {
        let Some(&(first, _)) = sort.as_slice().first() else {
            continue;
        };
        let source = columns.addresses[first as usize].into();
        if snapshot.boundary(from, to, source, &mut ()).is_ok() {
            admitted = admitted.or(sort.as_slice());
        }
    }
    admitted
}
