//! Addresses that the platform translates between a NIC and the world (N-13, R-25): behind the rules on the way out, before them on the
//! way in, so that rules always see the private address (S-4).

use model::NicId;

use super::Pipeline;
use crate::answers::{Answers, Inside};
use crate::dropped::{DropReason, Dropped};
use crate::flow::Pairs;
use crate::nat::Rewrite;
use crate::packet::{Content, FiveTuple, Packet};
use crate::recorder::{Recorder, Step};

impl<A: Answers, P: Pairs, R: Recorder> Pipeline<'_, A, P, R> {
    /// Between steps 9 and 10: a packet to a frontend becomes one to the member that was chosen.
    pub(super) fn translate_entering(
        &mut self,
        at: NicId,
        packet: &mut Packet,
    ) -> Result<(), Dropped> {
        if let Some(rewrite) = self.pairs.nat().entering(at, packet, self.now) {
            self.rewrite(at, rewrite, packet);
            return Ok(());
        }
        if matches!(
            packet.content(),
            Content::LaterFragment | Content::IcmpError(_)
        ) {
            return Ok(()); // of no flow that is translated here
        }
        let tuple = packet.tuple();
        let Some(Inside { address, port, by }) = self.answers.inside(at, tuple) else {
            return Ok(());
        };
        let has_ports = tuple.source_port != 0 || tuple.destination_port != 0;
        let inside = FiveTuple {
            destination: address,
            destination_port: match packet.content() {
                Content::IcmpQuery(_) => tuple.destination_port,
                _ => port.filter(|_| has_ports).unwrap_or(tuple.destination_port),
            },
            ..tuple
        };
        let created =
            self.pairs
                .nat()
                .create(at, inside.reversed(), tuple.reversed(), by, self.now);
        if created.is_err() {
            return self.end(at, DropReason::FlowTableFull);
        }
        if let Some(rewrite) = self.pairs.nat().entering(at, packet, self.now) {
            self.rewrite(at, rewrite, packet);
        }
        Ok(())
    }

    /// Patches a packet and notes it.
    pub(super) fn rewrite(&mut self, nic: NicId, rewrite: Rewrite, packet: &mut Packet) {
        self.recorder.record(Step::Translated { nic, rewrite });
        rewrite.apply(packet);
    }
}
