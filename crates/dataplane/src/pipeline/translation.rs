//! Addresses that the platform translates between a NIC and the world (N-12, N-13, R-25): behind the rules on the way out, before them
//! on the way in, so that rules always see the private address (S-4).

use control::snapshot::{Nic, PublicOwner, WayOut};
use model::NicId;

use super::Pipeline;
use crate::answers::{Answers, Departure, Inside};
use crate::dropped::{DropReason, Dropped, Locator};
use crate::flow::Pairs;
use crate::nat::Rewrite;
use crate::packet::{Content, End, FiveTuple, Packet};
use crate::recorder::{Recorder, Step};

impl<A: Answers, P: Pairs, R: Recorder> Pipeline<'_, A, P, R> {
    /// The way of a packet whose route leads to the Internet: who gets it, and what its source becomes. `known` is what was remembered
    /// of its flow.
    pub(super) fn leave_for_internet(
        &mut self,
        from: NicId,
        nic: &Nic,
        packet: &Packet,
        known: Option<Rewrite>,
    ) -> Result<(Departure, Option<Rewrite>), Dropped> {
        let rewrite = match known {
            Some(known) => Some(known),
            None if self.is_public_of(from, packet) => None,
            None => Some(self.begin_outward(from, nic, packet)?),
        };
        let conversation = packet.conversation();
        let seen = FiveTuple {
            source: rewrite.map_or(conversation.source, |rewrite| rewrite.address),
            source_port: rewrite.map_or(conversation.source_port, |rewrite| rewrite.port),
            destination: packet.destination(),
            ..conversation
        };
        // Somebody in Azure may have the address: then the packet turns round at the edge.
        let to = match self.answers.public_owner(seen, self.recorder)? {
            Some(nic) => Departure::Nic(nic),
            None if !self.snapshot.edge.is_beyond(packet.destination()) => {
                let at = Locator::Address(packet.destination());
                let dropped = Dropped::new(DropReason::NoSuchHost, at);
                return self.recorder.end(dropped);
            }
            None => self
                .snapshot
                .edge
                .host
                .map_or(Departure::Internet, Departure::Nic),
        };
        Ok((to, rewrite))
    }

    /// Whether the source is a public address already: a firewall translates by itself.
    fn is_public_of(&self, nic: NicId, packet: &Packet) -> bool {
        let owner = self.snapshot.edge.owners.get(&packet.source());
        owner == Some(&PublicOwner::Firewall(nic))
    }

    /// N-12: a flow that goes out for the first time gets a public source. Only the NIC's own addresses are translated: what an
    /// appliance forwards, it has to translate itself.
    fn begin_outward(
        &mut self,
        from: NicId,
        nic: &Nic,
        packet: &Packet,
    ) -> Result<Rewrite, Dropped> {
        let source = packet.source();
        let way = self.snapshot.edge.way_out(from, source);
        let Some(way) = way.filter(|_| nic.addresses.contains(&source)) else {
            return self.end(from, DropReason::NoOutboundMethod);
        };
        let WayOut { address, by, .. } = way;
        let tuple = packet.tuple();
        match packet.content() {
            Content::LaterFragment => return self.end(from, DropReason::FragmentOutOfOrder),
            // About no flow of the NIC: nothing comes back to it.
            Content::IcmpError(_) | Content::IcmpOther(_) => {
                return Ok(Rewrite {
                    end: End::Source,
                    address,
                    port: 0,
                    protocol: tuple.protocol,
                    by,
                    from: (source, 0),
                });
            }
            Content::Tcp(_) | Content::Udp | Content::IcmpQuery(_) | Content::Other => {}
        }
        let reserved = |port| self.snapshot.is_forwarded(address, tuple.protocol, port);
        let nat = self.pairs.nat();
        let created = nat.create_outward(from, tuple, &way, reserved, self.now);
        let rewrite = created
            .ok()
            .and_then(|()| self.pairs.nat().leaving(from, packet, self.now));
        match rewrite {
            Some(rewrite) => Ok(rewrite),
            None => self.end(from, DropReason::FlowTableFull),
        }
    }

    /// Between steps 9 and 10: a packet to a frontend or a public address becomes one to the private address that stands behind it.
    pub(super) fn translate_entering(
        &mut self,
        at: NicId,
        packet: &mut Packet,
        from_edge: bool,
    ) -> Result<(), Dropped> {
        if let Some(rewrite) = self.pairs.nat().entering(at, packet, self.now) {
            self.rewrite(at, rewrite, packet);
            return Ok(());
        }
        let tuple = packet.tuple();
        let is_judged = !matches!(
            packet.content(),
            Content::LaterFragment | Content::IcmpError(_)
        );
        let inside = is_judged
            .then(|| self.answers.inside(at, tuple, from_edge))
            .flatten();
        let Some(Inside { address, port, by }) = inside else {
            return if from_edge {
                self.refuse_from_edge(at, packet)
            } else {
                Ok(())
            };
        };
        let inside = FiveTuple {
            destination: address,
            destination_port: match packet.content() {
                Content::Tcp(_) | Content::Udp => port.unwrap_or(tuple.destination_port),
                _ => tuple.destination_port,
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

    /// A packet from the Internet that nobody here has asked for and no rule takes. A firewall gets it as it is.
    fn refuse_from_edge(&mut self, at: NicId, packet: &Packet) -> Result<(), Dropped> {
        if packet.content() == Content::LaterFragment {
            return self.end(at, DropReason::FragmentOutOfOrder);
        }
        let (reason, place) = match self.snapshot.edge.owners.get(&packet.destination()) {
            Some(PublicOwner::Firewall(_)) => return Ok(()),
            Some(&PublicOwner::Frontend(frontend)) => {
                (DropReason::NoBackend, Locator::Frontend(frontend))
            }
            _ => (
                DropReason::NoSuchHost,
                Locator::Address(packet.destination()),
            ),
        };
        self.recorder.end(Dropped::new(reason, place))
    }

    /// Patches a packet and notes it.
    pub(super) fn rewrite(&mut self, nic: NicId, rewrite: Rewrite, packet: &mut Packet) {
        self.recorder.record(Step::Translated { nic, rewrite });
        rewrite.apply(packet);
    }
}
