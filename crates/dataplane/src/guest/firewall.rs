//! An Azure firewall at work: the rules are asked once a flow, what belongs to a flow passes both ways, addresses are translated
//! where the rules say so and toward public destinations (S-35).
//!
//! It counts as a router, so the time to live goes down by one (assumed, as for other appliances). What is denied vanishes without a
//! word. The resets that the service sends when a connection from or to the Internet has been idle are not simulated.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::firewalls::{Decision, Firewall};
use control::snapshot::{Guest, GuestId};
use model::{FirewallId, NicId};

use super::{Emission, Guests, Turn, egress};
use crate::dropped::{DropReason, Dropped, Locator};
use crate::packet::{Content, End, FiveTuple, Fragment, Packet, protocol};
use crate::recorder::{Recorder, Step};
use crate::time::{SimDuration, SimTime};

/// Idle time of TCP from or to the Internet (S-35).
const NORTH_SOUTH_IDLE: SimDuration = SimDuration::from_seconds(4 * 60);
/// Idle time of TCP between private ends (S-35).
const EAST_WEST_IDLE: SimDuration = SimDuration::from_seconds(5 * 60);
/// Idle time of everything else: assumed, as for a fabric's flow.
const OTHER_IDLE: SimDuration = SimDuration::from_seconds(4 * 60);
/// How long the rest of a datagram may take: assumed, as for other translating appliances.
const FRAGMENT_LIFE: SimDuration = SimDuration::from_seconds(30);
/// ICMP type (RFC 792).
const ECHO_REQUEST: u8 = 8;
/// How many records may be added between two searches for dead ones.
const SWEEP_EVERY: usize = 1024;

/// The flows that a firewall has let pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// By the five-tuple that the origin's packets have once their destination is translated.
    flows: HashMap<FiveTuple, Session>,
    /// What was done with the first fragment of a datagram, by what all its fragments show.
    fragments: HashMap<Datagram, FragmentWay>,
    added: usize,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    last_seen: SimTime,
    idle: SimDuration,
    /// The destination as the origin knows it, where a rule has translated it.
    known_as: Option<(Ipv4Addr, u16)>,
}

#[derive(Clone, Copy, Debug)]
struct FragmentWay {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    expires: SimTime,
}

type Datagram = (Ipv4Addr, Ipv4Addr, u8, u16);

/// The side from which a packet of a known flow comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Origin,
    Far,
}

impl Sessions {
    fn find(&mut self, tuple: FiveTuple, now: SimTime) -> Option<(Side, Session)> {
        for (side, key) in [(Side::Origin, tuple), (Side::Far, tuple.reversed())] {
            if let Some(session) = self.flows.get_mut(&key)
                && now - session.last_seen <= session.idle
            {
                session.last_seen = now;
                return Some((side, *session));
            }
        }
        None
    }

    fn add(&mut self, tuple: FiveTuple, session: Session, now: SimTime) {
        self.added += 1;
        if self.added > SWEEP_EVERY.max(self.flows.len()) {
            self.flows
                .retain(|_, session| now - session.last_seen <= session.idle);
            self.fragments.retain(|_, way| now <= way.expires);
            self.added = 0;
        }
        self.flows.insert(tuple, session);
    }
}

impl Guests {
    /// Step 13 for an Azure firewall.
    #[expect(
        clippy::too_many_arguments,
        reason = "what `turn` has, and which firewall"
    )]
    pub(super) fn firewall_turn(
        &mut self,
        snapshot: &Snapshot,
        (guest_id, guest): (GuestId, &Guest),
        id: FirewallId,
        at: NicId,
        packet: &mut Packet,
        now: SimTime,
        recorder: &mut impl Recorder,
        emit: &mut Vec<Emission>,
    ) -> Result<Turn, Dropped> {
        let Some(firewall) = snapshot.firewall(id) else {
            let gone = Dropped::new(DropReason::NoSuchHost, Locator::Nic(at));
            return recorder.end(gone);
        };
        let to_itself = packet.destination() == firewall.address;
        let answers = to_itself
            .then(|| self.state(guest_id).translations.original(packet, now))
            .flatten();
        let asked = Asked { id, firewall, at };
        let new_destination = if answers.is_none()
            && packet.content() != Content::LaterFragment
            && (to_itself || firewall.public_addresses.contains(&packet.destination()))
        {
            match asked.new_destination(packet, recorder)? {
                None if to_itself => {
                    recorder.record(Step::Delivered { nic: at });
                    return Ok(Turn::Mine);
                }
                new_destination => new_destination,
            }
        } else {
            None
        };
        self.check_way(snapshot, at, packet, now, recorder, emit)?;
        let ttl = packet.decrement_ttl().unwrap_or_default();

        let before = packet.tuple();
        let datagram = datagram_of(packet);
        if let Some(original) = answers {
            original.apply(packet);
        }
        if let Some((address, port)) = new_destination {
            packet.set_end(
                End::Destination,
                address,
                port.unwrap_or(before.destination_port),
            );
        }
        if packet.content() == Content::LaterFragment {
            self.follow_first(guest_id, at, packet, datagram, now, recorder)?;
        } else {
            self.pass(
                guest_id,
                asked,
                packet,
                before,
                new_destination.is_some(),
                now,
                recorder,
            )?;
            if packet.fragment() == Fragment::First {
                let way = FragmentWay {
                    source: packet.source(),
                    destination: packet.destination(),
                    expires: now + FRAGMENT_LIFE,
                };
                self.state(guest_id)
                    .sessions
                    .fragments
                    .insert(datagram, way);
            }
        }

        let changed = |new, old| (new != old).then_some(new);
        let leaves = egress(guest, at, packet.destination());
        recorder.record(Step::Forwarded {
            entered: at,
            leaves,
            ttl,
            source: changed(packet.source(), before.source),
            destination: changed(packet.destination(), before.destination),
        });
        Ok(Turn::Forward(leaves))
    }

    /// A packet that shows its ports: it belongs to a flow, or the rules are asked.
    #[expect(clippy::too_many_arguments, reason = "one packet in one moment")]
    fn pass(
        &mut self,
        guest: GuestId,
        asked: Asked<'_>,
        packet: &mut Packet,
        before: FiveTuple,
        translated: bool,
        now: SimTime,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        let state = self.state(guest);
        // An error belongs to the flow that it is about.
        let tuple = match packet.content() {
            Content::IcmpError(_) => packet.quoted().map_or(packet.tuple(), FiveTuple::reversed),
            _ => packet.tuple(),
        };
        // An echo request asks, even if its identifier is that of a flow from the other side.
        let asks = packet.content() == Content::IcmpQuery(ECHO_REQUEST);
        let known = state.sessions.find(tuple, now);
        if let Some((side, session)) = known.filter(|&(side, _)| side == Side::Origin || !asks) {
            recorder.record(Step::FirewallFlow { nic: asked.at });
            return match (side, session.known_as) {
                (Side::Far, Some((address, port))) => {
                    packet.set_end(End::Source, address, port);
                    Ok(())
                }
                (Side::Far, None) => Ok(()),
                (Side::Origin, known_as) => {
                    self.translate_source(guest, asked, packet, known_as.is_some(), now, recorder)
                }
            };
        }
        if let Content::Tcp(flags) = packet.content()
            && !flags.asks_for_connection()
        {
            let no_syn = Dropped::new(DropReason::TcpNoSyn, Locator::Nic(asked.at));
            recorder.refuse(no_syn)?;
        }
        if !translated {
            asked.judge(packet, recorder)?;
        }
        if !matches!(packet.content(), Content::IcmpError(_)) {
            let private = asked.firewall.private_ranges.contains(tuple.source)
                && asked.firewall.private_ranges.contains(tuple.destination);
            let session = Session {
                last_seen: now,
                idle: match packet.content() {
                    Content::Tcp(_) if private => EAST_WEST_IDLE,
                    Content::Tcp(_) => NORTH_SOUTH_IDLE,
                    _ => OTHER_IDLE,
                },
                known_as: translated.then_some((before.destination, before.destination_port)),
            };
            self.state(guest).sessions.add(tuple, session, now);
        }
        self.translate_source(guest, asked, packet, translated, now, recorder)
    }

    /// Toward public destinations, and always where the destination was translated, the firewall speaks in its own name.
    fn translate_source(
        &mut self,
        guest: GuestId,
        asked: Asked<'_>,
        packet: &mut Packet,
        destination_translated: bool,
        now: SimTime,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        let firewall = asked.firewall;
        if !destination_translated && !firewall.translates_source_to(packet.destination()) {
            return Ok(());
        }
        let translations = &mut self.state(guest).translations;
        match translations.translate(packet, firewall.address, now) {
            Ok(()) => Ok(()),
            Err(reason) => recorder.end(Dropped::new(reason, Locator::Nic(asked.at))),
        }
    }

    /// A fragment without ports goes where the first one of its datagram went.
    fn follow_first(
        &mut self,
        guest: GuestId,
        at: NicId,
        packet: &mut Packet,
        datagram: Datagram,
        now: SimTime,
        recorder: &mut impl Recorder,
    ) -> Result<(), Dropped> {
        let known = self.state(guest).sessions.fragments.get(&datagram).copied();
        let Some(way) = known.filter(|way| now <= way.expires) else {
            let late = Dropped::new(DropReason::FragmentOutOfOrder, Locator::Nic(at));
            return recorder.end(late);
        };
        packet.set_end(End::Source, way.source, 0);
        packet.set_end(End::Destination, way.destination, 0);
        Ok(())
    }
}

/// The firewall that is asked about a packet.
#[derive(Clone, Copy)]
struct Asked<'a> {
    id: FirewallId,
    firewall: &'a Firewall,
    at: NicId,
}

impl Asked<'_> {
    /// What the translating rules make of a packet to the firewall itself. `None`: it is for the firewall.
    fn new_destination(
        self,
        packet: &Packet,
        recorder: &mut impl Recorder,
    ) -> Result<Option<(Ipv4Addr, Option<u16>)>, Dropped> {
        let found = self.firewall.new_destination(&key_of(packet));
        if let Some(found) = found {
            recorder.record(Step::FirewallJudged {
                nic: self.at,
                firewall: self.id,
                rule: Some(found.rule),
                decision: match found.to {
                    Some(_) => Decision::Allow,
                    None => Decision::Unknown,
                },
            });
            return match found.to {
                Some(to) => Ok(Some(to)),
                None => recorder.end(self.dropped(DropReason::OutsideInput, Some(found.rule))),
            };
        }
        if packet.destination() == self.firewall.address {
            return Ok(None);
        }
        let reason = if self.firewall.policy_missing {
            DropReason::OutsideInput
        } else {
            DropReason::GuestNotForwarding
        };
        recorder.end(self.dropped(reason, None))
    }

    fn judge(self, packet: &Packet, recorder: &mut impl Recorder) -> Result<(), Dropped> {
        let judgement = self.firewall.judge(&key_of(packet));
        recorder.record(Step::FirewallJudged {
            nic: self.at,
            firewall: self.id,
            rule: judgement.rule,
            decision: judgement.decision,
        });
        match judgement.decision {
            Decision::Allow => Ok(()),
            Decision::Deny => {
                recorder.refuse(self.dropped(DropReason::GuestNotForwarding, judgement.rule))
            }
            Decision::Unknown => {
                recorder.end(self.dropped(DropReason::OutsideInput, judgement.rule))
            }
        }
    }

    fn dropped(self, reason: DropReason, rule: Option<u16>) -> Dropped {
        let firewall = self.id;
        Dropped::new(reason, Locator::FirewallRule { firewall, rule })
    }
}

/// What a firewall's rules see of a packet: no tag is a symbol to them.
fn key_of(packet: &Packet) -> acl::Key {
    let tuple = packet.tuple();
    let has_ports = matches!(tuple.protocol, protocol::TCP | protocol::UDP);
    acl::Key {
        source: tuple.source,
        destination: tuple.destination,
        protocol: tuple.protocol,
        source_port: has_ports.then_some(tuple.source_port),
        destination_port: has_ports.then_some(tuple.destination_port),
        source_classes: 0,
        destination_classes: 0,
    }
}

fn datagram_of(packet: &Packet) -> Datagram {
    let FiveTuple {
        source,
        destination,
        protocol,
        ..
    } = packet.tuple();
    (source, destination, protocol, packet.identification())
}
