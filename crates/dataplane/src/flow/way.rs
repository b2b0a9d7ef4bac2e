//! What a walk passes, noted while it does: what a fused entry is made from.

use control::Snapshot;
use control::snapshot::GuestKind;
use model::{Direction, NicId};

use crate::dropped::Dropped;
use crate::faults::{Fault, planted};
use crate::recorder::{FlowFound, Recorder, Step, Visit};

/// Visits on the longest way that is fused: five routers.
const LONGEST: usize = 12;

/// The visits of a packet, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    visits: Vec<(Visit, Kept)>,
    /// Something happened on it that the five-tuple and the snapshot alone do not decide.
    special: bool,
}

/// What a NIC on the way knows of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It keeps no flows.
    Nothing,
    /// It has begun to remember it just now.
    New,
    /// It knew it.
    Known,
    /// It knew it, but asked its rules again (S-22).
    Judged,
}

impl Way {
    pub(crate) fn clear(&mut self) {
        self.visits.clear();
        self.special = false;
    }

    /// The visits, each with what the NIC knows, if packets of this five-tuple go this way as long as the snapshot is the same
    /// and the pairs live.
    pub(super) fn repeatable(&self, snapshot: &Snapshot) -> Option<&[(Visit, Kept)]> {
        if self.special || self.visits.len() > LONGEST {
            return None;
        }
        let (legs, []) = self.visits.as_chunks::<2>() else {
            return None;
        };
        // A leg leads out of one guest and into another, and none of them is outside Azure, where nothing is visited.
        let is_leg = |[(out, _), (into, _)]: &[(Visit, Kept); 2]| {
            out.direction == Direction::Outbound && into.direction == Direction::Inbound
        };
        let enters = |[_, (into, _)]: &[(Visit, Kept); 2]| into.nic;
        (!legs.is_empty()
            && legs.iter().all(is_leg)
            && legs.iter().map(enters).all(|nic| forgets(snapshot, nic)))
        .then_some(self.visits.as_slice())
    }
}

impl Recorder for Way {
    const ASKS_EVERY_LEVEL: bool = false;

    #[inline]
    fn record(&mut self, step: Step) {
        match step {
            Step::Flow { visit, found } => match found {
                FlowFound::Known => self.visits.push((visit, Kept::Known)),
                FlowFound::New => self.visits.push((visit, Kept::New)),
                FlowFound::Flushed => self.visits.push((visit, Kept::Judged)),
                FlowFound::NotKept => self.visits.push((visit, Kept::Nothing)),
                FlowFound::Related | FlowFound::Fragment => self.special = true,
            },
            Step::Translated { .. }
            | Step::Tunnelled { .. }
            | Step::Fragmented { .. }
            | Step::FirewallFlow { .. }
            | Step::FirewallJudged { .. }
            | Step::StaysInGuest { .. }
            | Step::Platform { .. } => self.special = true,
            Step::Forwarded {
                source,
                destination,
                ..
            } => self.special |= source.is_some() || destination.is_some(),
            Step::Sent { .. }
            | Step::Judged { .. }
            | Step::JudgedByAdminRule { .. }
            | Step::JudgedByDefaultRules { .. }
            | Step::TcpMidstream { .. }
            | Step::Routed { .. }
            | Step::Balanced { .. }
            | Step::Crossed { .. }
            | Step::Received { .. }
            | Step::Delivered { .. }
            | Step::Refused { .. } => {}
        }
    }

    #[inline]
    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped> {
        Err(dropped)
    }
}

/// Whether what a guest does with a packet depends on the packet alone, not on those before it.
fn forgets(snapshot: &Snapshot, nic: NicId) -> bool {
    planted(Fault::MemoryOfGuestsIgnored)
        || snapshot
            .guest_behind(nic)
            .is_some_and(|(_, guest)| match guest.kind {
                GuestKind::Host(_)
                | GuestKind::RoutingAppliance(_)
                | GuestKind::PrivateEndpoint
                | GuestKind::Appliance {
                    source_nat: false,
                    stateful: false,
                    ..
                } => true,
                GuestKind::Appliance { .. }
                | GuestKind::Firewall(_)
                | GuestKind::Gateway(_)
                | GuestKind::Outside
                | GuestKind::Nobody => false,
            })
}
