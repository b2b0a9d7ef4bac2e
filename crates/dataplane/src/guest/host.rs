//! What a host answers (K-9).

use control::snapshot::{Guest, GuestKind};
use model::Listener;

use crate::packet::{Content, Envelope, Packet, TcpFlags, TcpSegment};

/// Time to live of what a guest sends.
pub const HOST_TTL: u8 = 64;
/// Time to live of what a VPN gateway answers (N-6).
pub const GATEWAY_TTL: u8 = 128;
/// Receive window of a listener, in bytes.
const WINDOW: u16 = 64_240;

pub(super) enum Reaction {
    Nothing,
    Answer(Packet),
    PortUnreachable,
}

/// What a guest does with a whole, intact packet that is for it.
pub(super) fn reaction(guest: &Guest, packet: &Packet) -> Reaction {
    let ttl = match guest.kind {
        GuestKind::Gateway(_) => GATEWAY_TTL,
        GuestKind::Host(_)
        | GuestKind::Appliance { .. }
        | GuestKind::Firewall(_)
        | GuestKind::RoutingAppliance(_)
        | GuestKind::PrivateEndpoint
        | GuestKind::Outside
        | GuestKind::Nobody => HOST_TTL,
    };
    if !is_heard(guest, packet) {
        return match packet.content() {
            Content::Udp => Reaction::PortUnreachable,
            _ => reset(packet).map_or(Reaction::Nothing, Reaction::Answer),
        };
    }
    answer(packet, ttl).map_or(Reaction::Nothing, Reaction::Answer)
}

/// What a host on which everything listens answers: the same echo, a SYN-ACK, the same datagram back. `None` if there is nothing to
/// answer.
pub fn willing_answer(packet: &Packet) -> Option<Packet> {
    answer(packet, HOST_TTL)
}

fn answer(packet: &Packet, ttl: u8) -> Option<Packet> {
    let tuple = packet.tuple();
    let payload = packet.payload();
    let envelope = Envelope {
        ttl,
        // As distinct as the questions are.
        identification: packet.identification(),
        ..Envelope::new(tuple.destination, tuple.source)
    };
    let answer = match packet.content() {
        Content::IcmpQuery(8) => {
            let [_, _, _, _, _, _, high, low, ref data @ ..] = *payload else {
                return None;
            };
            let sequence = u16::from_be_bytes([high, low]);
            Packet::echo_reply(envelope, tuple.source_port, sequence, data).ok()
        }
        Content::Udp => {
            let length = usize::from(u16::from_be_bytes([*payload.get(4)?, *payload.get(5)?]));
            let data = payload.get(8..length)?;
            Packet::udp(envelope, tuple.destination_port, tuple.source_port, data).ok()
        }
        Content::Tcp(flags) => {
            segment(packet, flags).and_then(|segment| Packet::tcp(envelope, segment, &[]).ok())
        }
        Content::IcmpQuery(_)
        | Content::IcmpError(_)
        | Content::IcmpOther(_)
        | Content::Other
        | Content::LaterFragment => None,
    };
    answer.map(Packet::into_answer)
}

/// A listener without memory: it grants every connection and acknowledges what comes. Its initial sequence number is a function of
/// the connection, so that it needs none.
fn segment(packet: &Packet, flags: TcpFlags) -> Option<TcpSegment> {
    let tuple = packet.tuple();
    let received = Received::of(packet)?;
    let reply = TcpSegment {
        source_port: tuple.destination_port,
        destination_port: tuple.source_port,
        sequence: received.acknowledgment,
        acknowledgment: received.next_sequence(),
        flags: TcpFlags::ACK,
        window: WINDOW,
    };
    if flags.contains(TcpFlags::RST) {
        None
    } else if flags.asks_for_connection() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any 32 bits of the hash do"
        )]
        let initial = tuple.symmetric_hash() as u32;
        Some(TcpSegment {
            sequence: initial,
            flags: TcpFlags::SYN.with(TcpFlags::ACK),
            ..reply
        })
    } else {
        // A bare ACK is not answered, or two guests would acknowledge each other for ever.
        (received.length > 0).then_some(reply)
    }
}

/// The reset of a closed port (RFC 9293 §3.10.7.1); none in answer to a reset.
fn reset(packet: &Packet) -> Option<Packet> {
    let Content::Tcp(flags) = packet.content() else {
        return None;
    };
    if flags.contains(TcpFlags::RST) {
        return None;
    }
    let tuple = packet.tuple();
    let received = Received::of(packet)?;
    let (sequence, acknowledgment, flags) = if flags.contains(TcpFlags::ACK) {
        (received.acknowledgment, 0, TcpFlags::RST)
    } else {
        let flags = TcpFlags::RST.with(TcpFlags::ACK);
        (0, received.next_sequence(), flags)
    };
    let envelope = Envelope {
        identification: packet.identification(),
        ..Envelope::new(tuple.destination, tuple.source)
    };
    let segment = TcpSegment {
        source_port: tuple.destination_port,
        destination_port: tuple.source_port,
        sequence,
        acknowledgment,
        flags,
        window: 0,
    };
    let reset = Packet::tcp(envelope, segment, &[]).ok()?;
    Some(reset.into_answer())
}

/// What a TCP segment says of sequence numbers.
struct Received {
    sequence: u32,
    acknowledgment: u32,
    /// Sequence numbers that it takes: its data, SYN and FIN (RFC 9293 §3.4).
    length: u32,
}

impl Received {
    fn of(packet: &Packet) -> Option<Self> {
        let header = etherparse::TcpHeaderSlice::from_slice(packet.payload()).ok()?;
        let data = packet.payload().len() - header.slice().len();
        let data = u32::try_from(data).ok()?;
        Some(Self {
            sequence: header.sequence_number(),
            acknowledgment: header.acknowledgment_number(),
            length: data + u32::from(header.syn()) + u32::from(header.fin()),
        })
    }

    fn next_sequence(&self) -> u32 {
        self.sequence.wrapping_add(self.length)
    }
}

/// Whether something in a guest listens to a packet that is for it; what has no ports is always heard.
pub fn is_heard(guest: &Guest, packet: &Packet) -> bool {
    let port = packet.tuple().destination_port;
    match packet.content() {
        Content::Tcp(_) => listens(guest, Listener::Tcp(port)),
        Content::Udp => listens(guest, Listener::Udp(port)),
        _ => true,
    }
}

/// `None` in the model means that everything listens: networks are judged, not applications.
pub fn listens(guest: &Guest, port: Listener) -> bool {
    guest
        .listen
        .as_ref()
        .is_none_or(|listeners| listeners.contains(&port))
}
