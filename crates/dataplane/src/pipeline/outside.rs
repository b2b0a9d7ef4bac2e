//! Where packets enter Azure from outside, and where they leave it: hosts on premises, VPN clients, the Internet.
//!
//! Such a host has no NIC of Azure: no security group, no effective routes, no flow pairs. Its packets come in at its gateway, and
//! what Azure sends it is handed over by that gateway.

use control::snapshot::OutsideHost;
use model::{NicId, OutsidePlace};

use super::Pipeline;
use crate::answers::{Answers, Departure};
use crate::dropped::{DropReason, Dropped};
use crate::flow::Pairs;
use crate::packet::{FiveTuple, Fragment, Packet, derived_mac};
use crate::recorder::{Recorder, Step, Visit};

impl<A: Answers, P: Pairs, R: Recorder> Pipeline<'_, A, P, R> {
    /// Sender's half for a host outside Azure: the packet is handed over where its place is joined to Azure.
    pub(super) fn send_from_outside(
        &mut self,
        from: NicId,
        host: OutsideHost,
        packet: &mut Packet,
    ) -> Result<Departure, Dropped> {
        self.recorder.record(Step::Sent { nic: from });
        packet.leave(derived_mac(from));
        if !packet.step() {
            return self.end(from, DropReason::LoopGuard); // K-6
        }
        if host.address == packet.destination() {
            self.recorder.record(Step::StaysInGuest { nic: from });
            return Ok(Departure::OwnGuest);
        }
        // Later fragments show no ports; they go where the first one went.
        let visit = Visit::leaving(from);
        let conversation = match packet.fragment() {
            Fragment::Later { .. } => self.pairs.recall_fragment(visit, packet, self.now),
            Fragment::First => {
                self.pairs.remember_fragment(visit, packet, self.now);
                None
            }
            Fragment::Whole => None,
        };
        let tuple = FiveTuple {
            destination: packet.destination(),
            ..conversation.unwrap_or_else(|| packet.conversation())
        };
        let to = self.answers.entry(from, host.place, tuple, self.recorder)?;
        if host.place == OutsidePlace::Internet {
            packet.mark_from_edge();
        }
        Ok(to)
    }

    /// Receiver's half for a host outside Azure.
    pub(super) fn receive_outside(
        &mut self,
        at: NicId,
        host: OutsideHost,
        packet: &mut Packet,
    ) -> Result<(), Dropped> {
        packet.enter(derived_mac(at));
        packet.take_from_edge();
        let own = host.answers_for(packet.destination());
        self.recorder.record(Step::Received { nic: at, own });
        if !own {
            self.refuse(at, DropReason::NotOwnerNoForwarding)?;
        }
        Ok(())
    }
}
