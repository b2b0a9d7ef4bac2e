//! Which other pairs fare as one did.
//!
//! A packet's way is a row of questions and answers: which rules say what, where a route leads, who lets it across. A pair of whose
//! packets the same is asked and answered has the same fate. From the steps of one pair's packets (a story) this says for which other
//! columns, and for which addresses of sources of the same kin, every answer is the same one. A step that it has no rule for speaks for
//! nobody else.
//!
//! It does not know what the answers were good for: that is read off the story's end.

mod ground;
mod reading;

use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use control::snapshot::{FibId, GuestKind, PolicyId, TagViewId};
use dataplane::dropped::Locator;
use engine::reachability::Service;
use model::{NicId, VnetId};

use self::ground::Ground;
pub(crate) use self::reading::Memory;
use self::reading::{Party, Reading};
use super::columns::is_plain;
use crate::ends::{End, EndKind, Ends};
use crate::probe::{Story, WayEnd};

/// What sources have in common of which one story may speak for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kin {
    /// Plain hosts with the same tables: routes, rules, tags; within one cell of addresses.
    Alike {
        vnet: VnetId,
        fib: FibId,
        policy: PolicyId,
        tags: TagViewId,
        tracks: bool,
        cell: usize,
    },
    /// A NIC that is like no other.
    Alone(NicId, Ipv4Addr),
    /// Not a NIC, or none that its network finds at the address: every pair is for itself.
    Odd(NicId, Ipv4Addr),
}

/// Addresses of sources of a kin, and columns, of which a story tells.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    pub(crate) valid: (u32, u32),
    pub(crate) columns: Vec<(u32, u32)>,
}

/// Says for whom stories are told.
#[derive(Debug)]
pub(crate) struct Likeness<'s>(Ground<'s>);

impl<'s> Likeness<'s> {
    pub(crate) fn new(
        snapshot: &'s Snapshot,
        destinations: &Arc<Ends>,
        service: Service,
        source_port: Option<u16>,
    ) -> Self {
        Self(Ground::new(snapshot, destinations, service, source_port))
    }

    /// With whom a source has its stories in common.
    pub(crate) fn kin(&self, end: &End) -> Kin {
        let known = matches!(end.kind, EndKind::Primary | EndKind::Secondary)
            .then(|| self.0.snapshot.nic(end.worker))
            .flatten();
        let Some(nic) = known.filter(|nic| is_plain(self.0.snapshot, end.worker, nic, end.address))
        else {
            return Kin::Odd(end.worker, end.address);
        };
        let guest = self.0.snapshot.guest_of(nic);
        let is_alike = guest.running
            && matches!(guest.kind, GuestKind::Host(_))
            && guest.nics.len() == 1
            && nic.addresses.len() == 1
            && !self.0.named.contains(&end.worker)
            && !self.0.shared.contains(&end.address.into());
        if !is_alike {
            return Kin::Alone(end.worker, end.address);
        }
        Kin::Alike {
            vnet: nic.virtual_network,
            fib: nic.fib,
            policy: nic.policy,
            tags: nic.tags,
            tracks: !nic.tcp_state_tracking_disabled,
            cell: self.0.cells.cell(end.address.into()),
        }
    }

    /// For whom the story of a pair is told. `None`: for this pair alone.
    pub(crate) fn alike(
        &self,
        memory: &mut Memory,
        (from, kin): (&End, Kin),
        column: u32,
        story: &Story,
    ) -> Option<Alike> {
        let answer = &story.answer;
        let own = u32::from(from.address);
        if story.forward.is_empty() && answer.forward.dropped()?.at() == Locator::Nic(from.worker) {
            // It sends nothing to anybody.
            let everything = (0, u32::try_from(self.0.columns.list.len()).ok()?);
            return Some(Alike {
                valid: (own, own),
                columns: vec![everything],
            });
        }
        let valid = match kin {
            Kin::Alike { .. } => (0, u32::MAX),
            Kin::Alone(..) => (own, own),
            Kin::Odd(..) => return None,
        };
        if !self.0.ordinary.contains(column) {
            return None;
        }
        let mut reading = Reading {
            ground: &self.0,
            memory,
            from,
            guest: self.0.snapshot.nic(from.worker)?.guest,
            number: column,
            column: &self.0.columns.list[column as usize],
            is_reply: false,
            has_come_in: false,
            ends: (Party::Source, Party::Column),
            columns: self.0.ordinary.clone(),
            valid,
        };
        if matches!(kin, Kin::Alone(..)) {
            if reading.column.guest == Some(reading.guest) {
                return None;
            }
            reading.leave_out(reading.guest);
        }
        reading.way(&story.forward, &answer.forward)?;
        if let Some(reply) = &answer.reply {
            reading.turn_round()?;
            reading.way(&story.reply, reply)?;
        } else if let WayEnd::Arrived(_) = answer.forward.end {
            return None; // it is not said why nothing replies
        }
        let columns = reading.columns;
        columns.contains(column).then(|| Alike {
            valid: reading.valid,
            columns: columns.as_slice().to_vec(),
        })
    }
}
