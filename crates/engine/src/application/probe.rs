//! Probes as datagrams, and how their answers are told apart.
//!
//! Every probe carries its number where an answer brings it back: an echo in its sequence, a SYN in its sequence number, a UDP
//! datagram in its source port; the IPv4 identification repeats it for the sake of ICMP errors, which quote the header.

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::{
    IcmpEchoHeader, Icmpv4Slice, Icmpv4Type, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header,
    Ipv4HeaderSlice, PacketBuilder, PacketBuilderStep, TcpSlice, UdpSlice, icmpv4,
};

/// The source port of a first probe, also of those that judge reachability: the first of the dynamic ports (RFC 6335).
pub const FIRST_SOURCE_PORT: u16 = 49_152;

/// Time to live as a guest sends it unless told otherwise (K-9).
pub const DEFAULT_TTL: u8 = 64;

/// The largest payload in bytes: an IPv4 datagram has 65,535, less the headers of IPv4 and of ICMP or UDP.
pub const MAX_PAYLOAD: u16 = 65_507;

/// What all probes of one run have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Who asks.
    pub source: Ipv4Addr,
    /// Who is asked.
    pub destination: Ipv4Addr,
    /// What is asked.
    pub kind: ProbeKind,
    /// The Don't Fragment flag.
    pub dont_fragment: bool,
}

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// An ICMP echo request.
    Echo {
        /// Tells the echoes of two programs apart.
        identifier: u16,
        /// Bytes after the ICMP header, at most [`MAX_PAYLOAD`].
        payload: u16,
    },
    /// A TCP SYN, answered by an ACK if a SYN-ACK comes back.
    Tcp {
        /// Destination port.
        port: u16,
        /// Source port; `None` = a new one for each probe, from [`FIRST_SOURCE_PORT`].
        source_port: Option<u16>,
    },
    /// A UDP datagram.
    Udp {
        /// Destination port.
        port: u16,
        /// Source port; `None` = a new one for each probe, from [`FIRST_SOURCE_PORT`].
        source_port: Option<u16>,
        /// Bytes after the UDP header, at most [`MAX_PAYLOAD`].
        payload: u16,
    },
}

/// An answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answers: the destination, or a router on the way.
    pub from: Ipv4Addr,
    /// Its time to live on arrival.
    pub ttl: u8,
    /// Length in bytes after the IPv4 header.
    pub bytes: usize,
    /// What it says.
    pub kind: AnswerKind,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// ICMP echo reply.
    EchoReply,
    /// TCP SYN-ACK: the port is open. `acknowledgment` is the number that the ACK has to carry.
    SynAck {
        /// Sequence number of our ACK.
        sequence: u32,
        /// Acknowledgment number of our ACK.
        acknowledgment: u32,
    },
    /// TCP RST: the port is closed.
    Reset,
    /// A UDP datagram from the port that was asked.
    Datagram,
    /// ICMP time exceeded in transit: a router on the way.
    TimeExceeded,
    /// ICMP destination unreachable, with its code. The MTU stands there for code 4 alone.
    Unreachable {
        /// RFC 792, RFC 1812: 0 network, 1 host, 2 protocol, 3 port, 4 fragmentation needed, 13 prohibited, ...
        code: u8,
        /// Next-hop MTU in bytes (RFC 1191), for code 4.
        mtu: Option<u16>,
    },
}

impl AnswerKind {
    /// True if the destination itself has answered: it can be reached, whatever it says.
    pub const fn is_from_destination(self) -> bool {
        match self {
            Self::EchoReply | Self::SynAck { .. } | Self::Reset | Self::Datagram => true,
            Self::TimeExceeded => false,
            // RFC 1122, section 3.2.2.1: a host sends codes 2 and 3.
            Self::Unreachable { code, .. } => matches!(code, 2 | 3),
        }
    }
}

/// As `ping` words it.
impl fmt::Display for AnswerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EchoReply => f.write_str("echo reply"),
            Self::SynAck { .. } => f.write_str("port open"),
            Self::Reset => f.write_str("connection refused"),
            Self::Datagram => f.write_str("UDP reply"),
            Self::TimeExceeded => f.write_str("Time to live exceeded"),
            Self::Unreachable { code: 0, .. } => f.write_str("Destination Net Unreachable"),
            Self::Unreachable { code: 1, .. } => f.write_str("Destination Host Unreachable"),
            Self::Unreachable { code: 2, .. } => f.write_str("Destination Protocol Unreachable"),
            Self::Unreachable { code: 3, .. } => f.write_str("Destination Port Unreachable"),
            Self::Unreachable { mtu: Some(mtu), .. } => {
                write!(f, "Frag needed and DF set (mtu = {mtu})")
            }
            Self::Unreachable { code: 13, .. } => f.write_str("Packet filtered"),
            Self::Unreachable { code, .. } => write!(f, "Destination Unreachable, code {code}"),
        }
    }
}

/// What an answer reveals of the number of its probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Its lower 16 bits.
    Low(u16),
    /// Its position among the source ports.
    Port(u16),
    /// Nothing: the oldest probe without an answer is meant.
    Oldest,
}

/// Number of source ports that probes take turns in: all dynamic ports.
const SOURCE_PORTS: u16 = u16::MAX - FIRST_SOURCE_PORT + 1;

impl Number {
    /// Whether probe number `sequence` may be meant.
    pub(super) fn fits(self, sequence: u64) -> bool {
        match self {
            Self::Low(low) => low_half(sequence) == low,
            Self::Port(port) => port_of(sequence, None) == port,
            Self::Oldest => true,
        }
    }
}

impl Probe {
    /// Probe number `sequence`, from 1, as an IPv4 datagram that leaves the guest with time to live `ttl`.
    pub fn datagram(&self, sequence: u64, ttl: u8) -> Vec<u8> {
        let step = self.headers(sequence, ttl);
        match self.kind {
            ProbeKind::Echo {
                identifier,
                payload,
            } => {
                let header = IcmpEchoHeader {
                    id: identifier,
                    seq: low_half(sequence),
                };
                let step = step.icmpv4(Icmpv4Type::EchoRequest(header));
                let payload = pattern(payload);
                written(step.size(payload.len()), |bytes| {
                    step.write(bytes, &payload)
                })
            }
            ProbeKind::Tcp { port, source_port } => {
                let source_port = port_of(sequence, source_port);
                let step = step
                    .tcp(source_port, port, initial_number(sequence), WINDOW)
                    .syn();
                written(step.size(0), |bytes| step.write(bytes, &[]))
            }
            ProbeKind::Udp {
                port,
                source_port,
                payload,
            } => {
                let step = step.udp(port_of(sequence, source_port), port);
                let payload = pattern(payload);
                written(step.size(payload.len()), |bytes| {
                    step.write(bytes, &payload)
                })
            }
        }
    }

    /// What the guest sends back on an answer: the third packet of a TCP handshake.
    pub(super) fn response(&self, sequence: u64, answer: &Answer) -> Option<Vec<u8>> {
        let ProbeKind::Tcp { port, source_port } = self.kind else {
            return None;
        };
        let AnswerKind::SynAck {
            sequence: number,
            acknowledgment,
        } = answer.kind
        else {
            return None;
        };
        let step = self
            .headers(sequence, DEFAULT_TTL)
            .tcp(port_of(sequence, source_port), port, number, WINDOW)
            .ack(acknowledgment);
        Some(written(step.size(0), |bytes| step.write(bytes, &[])))
    }

    /// What `datagram`, an IPv4 datagram with valid checksums, says about these probes; `None` if it is not for them.
    pub(super) fn answer(&self, datagram: &[u8]) -> Option<(Number, Answer)> {
        let header = Ipv4HeaderSlice::from_slice(datagram).ok()?;
        let end = usize::from(header.total_len());
        let payload = datagram.get(header.slice().len()..end)?;
        if header.destination_addr() != self.source || header.is_fragmenting_payload() {
            return None;
        }
        let from_destination = header.source_addr() == self.destination;
        let (number, kind) = match (header.protocol(), self.kind) {
            (IpNumber::ICMP, kind) => {
                let message = Icmpv4Slice::from_slice(payload).ok()?;
                match (message.type_u8(), kind) {
                    (icmpv4::TYPE_ECHO_REPLY, ProbeKind::Echo { identifier, .. })
                        if from_destination =>
                    {
                        let [id_high, id_low, sequence @ ..] = message.bytes5to8();
                        if u16::from_be_bytes([id_high, id_low]) != identifier {
                            return None;
                        }
                        let number = Number::Low(u16::from_be_bytes(sequence));
                        (number, AnswerKind::EchoReply)
                    }
                    (icmpv4::TYPE_TIME_EXCEEDED, _) => {
                        (self.quoted(message.payload())?, AnswerKind::TimeExceeded)
                    }
                    (icmpv4::TYPE_DEST_UNREACH, _) => {
                        let code = message.code_u8();
                        let [.., high, low] = message.bytes5to8();
                        let mtu = (code == icmpv4::CODE_DST_UNREACH_NEED_FRAG)
                            .then(|| u16::from_be_bytes([high, low]));
                        let kind = AnswerKind::Unreachable { code, mtu };
                        (self.quoted(message.payload())?, kind)
                    }
                    _ => return None,
                }
            }
            (IpNumber::TCP, ProbeKind::Tcp { port, source_port }) if from_destination => {
                let segment = TcpSlice::from_slice(payload).ok()?;
                let own = segment.destination_port();
                if segment.source_port() != port || !is_own_port(own, source_port) {
                    return None;
                }
                let acknowledged = segment.acknowledgment_number().wrapping_sub(1);
                let number = number_of(acknowledged)?;
                if !segment.ack() {
                    return None;
                } else if segment.rst() {
                    (number, AnswerKind::Reset)
                } else if segment.syn() {
                    let kind = AnswerKind::SynAck {
                        sequence: segment.acknowledgment_number(),
                        acknowledgment: segment.sequence_number().wrapping_add(1),
                    };
                    (number, kind)
                } else {
                    return None;
                }
            }
            (
                IpNumber::UDP,
                ProbeKind::Udp {
                    port, source_port, ..
                },
            ) if from_destination => {
                let datagram = UdpSlice::from_slice(payload).ok()?;
                let own = datagram.destination_port();
                if datagram.source_port() != port || !is_own_port(own, source_port) {
                    return None;
                }
                let number = source_port.map_or(Number::Port(own), |_| Number::Oldest);
                (number, AnswerKind::Datagram)
            }
            _ => return None,
        };
        let answer = Answer {
            from: header.source_addr(),
            ttl: header.ttl(),
            bytes: payload.len(),
            kind,
        };
        Some((number, answer))
    }

    /// The number of the probe that an ICMP error quotes.
    fn quoted(&self, quote: &[u8]) -> Option<Number> {
        let header = Ipv4HeaderSlice::from_slice(quote).ok()?;
        let ours = header.destination_addr() == self.destination
            && header.source_addr() == self.source
            && header.protocol() == self.protocol();
        ours.then(|| Number::Low(header.identification()))
    }

    fn protocol(&self) -> IpNumber {
        match self.kind {
            ProbeKind::Echo { .. } => IpNumber::ICMP,
            ProbeKind::Tcp { .. } => IpNumber::TCP,
            ProbeKind::Udp { .. } => IpNumber::UDP,
        }
    }

    fn headers(&self, sequence: u64, ttl: u8) -> PacketBuilderStep<IpHeaders> {
        let header = Ipv4Header {
            identification: low_half(sequence),
            dont_fragment: self.dont_fragment,
            time_to_live: ttl,
            source: self.source.octets(),
            destination: self.destination.octets(),
            ..Ipv4Header::default()
        };
        PacketBuilder::ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
    }
}

/// Receive window of our segments in bytes: what Linux offers first.
const WINDOW: u16 = 64_240;

/// The bytes 0, 1, 2, ..., as `ping` fills its echoes.
fn pattern(length: u16) -> Vec<u8> {
    (0..=u8::MAX)
        .cycle()
        .take(usize::from(length.min(MAX_PAYLOAD)))
        .collect()
}

fn written<E: fmt::Debug>(
    size: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    write(&mut bytes).expect("a Vec takes everything, and MAX_PAYLOAD bounds the length");
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
const fn low_half(sequence: u64) -> u16 {
    sequence as u16
}

/// The source port of probe number `sequence`.
fn port_of(sequence: u64, fixed: Option<u16>) -> u16 {
    fixed.unwrap_or_else(|| {
        let turn = low_half(sequence.wrapping_sub(1) % u64::from(SOURCE_PORTS));
        FIRST_SOURCE_PORT + turn
    })
}

fn is_own_port(port: u16, fixed: Option<u16>) -> bool {
    fixed.map_or(port >= FIRST_SOURCE_PORT, |fixed| port == fixed)
}

/// The initial sequence number of a SYN: the number of the probe in the upper half.
fn initial_number(sequence: u64) -> u32 {
    u32::from(low_half(sequence)) << 16
}

fn number_of(initial_number: u32) -> Option<Number> {
    let upper = u16::try_from(initial_number >> 16).expect("the upper half of 32 bits");
    (initial_number.trailing_zeros() >= 16).then_some(Number::Low(upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{SlicedPacket, TransportSlice};
    use proptest::prelude::*;

    const HERE: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 4);
    const THERE: Ipv4Addr = Ipv4Addr::new(10, 2, 1, 4);
    const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

    fn probe(kind: ProbeKind) -> Probe {
        Probe {
            source: HERE,
            destination: THERE,
            kind,
            dont_fragment: false,
        }
    }

    fn echo() -> Probe {
        probe(ProbeKind::Echo {
            identifier: 7,
            payload: 56,
        })
    }

    fn from(source: Ipv4Addr) -> PacketBuilderStep<IpHeaders> {
        PacketBuilder::ipv4(source.octets(), HERE.octets(), 63)
    }

    fn bytes(size: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size);
        write(&mut bytes);
        bytes
    }

    fn icmp(source: Ipv4Addr, kind: Icmpv4Type, payload: &[u8]) -> Vec<u8> {
        bytes(64, |out| {
            from(source).icmpv4(kind).write(out, payload).unwrap();
        })
    }

    #[test]
    fn an_echo_request_of_56_bytes_makes_84_on_the_wire() {
        let datagram = echo().datagram(1, DEFAULT_TTL);
        assert_eq!(datagram.len(), 84);
        let packet = SlicedPacket::from_ip(&datagram).unwrap();
        let Some(TransportSlice::Icmpv4(message)) = packet.transport else {
            panic!("{packet:?}");
        };
        assert_eq!(
            message.icmp_type(),
            Icmpv4Type::EchoRequest(IcmpEchoHeader { id: 7, seq: 1 })
        );
        assert_eq!(&message.payload()[..3], [0, 1, 2]);
    }

    #[test]
    fn an_echo_reply_tells_which_probe_it_answers() {
        let kind = Icmpv4Type::EchoReply(IcmpEchoHeader { id: 7, seq: 3 });
        let (number, answer) = echo().answer(&icmp(THERE, kind.clone(), &[0; 56])).unwrap();
        assert!(number.fits(3) && number.fits(65_539) && !number.fits(4));
        let expected = Answer {
            from: THERE,
            ttl: 63,
            bytes: 64,
            kind: AnswerKind::EchoReply,
        };
        assert_eq!(answer, expected);
        assert_eq!(
            echo().answer(&icmp(ROUTER, kind, &[])),
            None,
            "not from the host that was asked"
        );
        let stranger = Icmpv4Type::EchoReply(IcmpEchoHeader { id: 8, seq: 3 });
        assert_eq!(echo().answer(&icmp(THERE, stranger, &[])), None);
    }

    #[test]
    fn an_icmp_error_is_matched_by_what_it_quotes() {
        let kind = || Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit);
        let sent = echo().datagram(300, DEFAULT_TTL);
        let (number, answer) = echo().answer(&icmp(ROUTER, kind(), &sent[..28])).unwrap();
        assert!(number.fits(300));
        assert_eq!(
            (answer.from, answer.kind),
            (ROUTER, AnswerKind::TimeExceeded)
        );
        let other = probe(ProbeKind::Tcp {
            port: 443,
            source_port: None,
        });
        assert_eq!(other.answer(&icmp(ROUTER, kind(), &sent[..28])), None);
        assert_eq!(
            echo().answer(&icmp(ROUTER, kind(), &sent[..19])),
            None,
            "the quote is cut short"
        );
    }

    #[test]
    fn fragmentation_needed_carries_the_mtu() {
        let header = icmpv4::DestUnreachableHeader::FragmentationNeeded {
            next_hop_mtu: 1_400,
        };
        let sent = echo().datagram(1, DEFAULT_TTL);
        let message = icmp(
            ROUTER,
            Icmpv4Type::DestinationUnreachable(header),
            &sent[..28],
        );
        let (_, answer) = echo().answer(&message).unwrap();
        assert_eq!(
            answer.kind.to_string(),
            "Frag needed and DF set (mtu = 1400)"
        );
    }

    #[test]
    fn a_handshake_is_completed_and_a_reset_is_a_refusal() {
        let tcp = probe(ProbeKind::Tcp {
            port: 443,
            source_port: None,
        });
        let sent = tcp.datagram(2, DEFAULT_TTL);
        let packet = SlicedPacket::from_ip(&sent).unwrap();
        let Some(TransportSlice::Tcp(syn)) = packet.transport else {
            panic!("{packet:?}");
        };
        assert!(syn.syn() && !syn.ack());
        assert_eq!(syn.source_port(), FIRST_SOURCE_PORT + 1);

        let back = || from(THERE).tcp(443, syn.source_port(), 1_000, 64_240);
        let syn_ack = bytes(40, |out| {
            let step = back().syn().ack(syn.sequence_number().wrapping_add(1));
            step.write(out, &[]).unwrap();
        });
        let (number, answer) = tcp.answer(&syn_ack).unwrap();
        assert!(number.fits(2) && !number.fits(1));
        let response = tcp.response(2, &answer).unwrap();
        let packet = SlicedPacket::from_ip(&response).unwrap();
        let Some(TransportSlice::Tcp(ack)) = packet.transport else {
            panic!("{packet:?}");
        };
        assert!(ack.ack() && !ack.syn());
        assert_eq!(ack.acknowledgment_number(), 1_001);
        assert_eq!(ack.sequence_number(), syn.sequence_number().wrapping_add(1));

        let reset = bytes(40, |out| {
            let step = back().rst().ack(syn.sequence_number().wrapping_add(1));
            step.write(out, &[]).unwrap();
        });
        let (_, answer) = tcp.answer(&reset).unwrap();
        assert_eq!(answer.kind, AnswerKind::Reset);
        assert_eq!(tcp.response(2, &answer), None);
    }

    #[test]
    fn datagrams_are_told_apart_by_source_port_or_by_age() {
        let kind = |source_port| ProbeKind::Udp {
            port: 53,
            source_port,
            payload: 1,
        };
        let reply = |port| {
            bytes(30, |out| {
                from(THERE).udp(53, port).write(out, &[1]).unwrap();
            })
        };
        let (number, _) = probe(kind(None))
            .answer(&reply(FIRST_SOURCE_PORT + 4))
            .unwrap();
        assert!(number.fits(5) && !number.fits(4));
        let (number, _) = probe(kind(Some(4_000))).answer(&reply(4_000)).unwrap();
        assert_eq!(number, Number::Oldest);
        assert_eq!(probe(kind(Some(4_000))).answer(&reply(4_001)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_may_arrive(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            for kind in [
                ProbeKind::Echo { identifier: 1, payload: 0 },
                ProbeKind::Tcp { port: 1, source_port: None },
                ProbeKind::Udp { port: 1, source_port: None, payload: 0 },
            ] {
                let _ = probe(kind).answer(&bytes);
            }
        }

        #[test]
        fn every_probe_is_a_valid_datagram(sequence in 1_u64.., payload in 0..=MAX_PAYLOAD, source_port: Option<u16>) {
            for kind in [
                ProbeKind::Echo { identifier: 1, payload },
                ProbeKind::Tcp { port: 1, source_port },
                ProbeKind::Udp { port: 1, source_port, payload },
            ] {
                let datagram = probe(kind).datagram(sequence, DEFAULT_TTL);
                let packet = SlicedPacket::from_ip(&datagram).expect("well-formed");
                let source = HERE.octets();
                let destination = THERE.octets();
                match packet.transport.expect("a transport header") {
                    TransportSlice::Tcp(slice) => {
                        let header = slice.to_header();
                        prop_assert_eq!(header.calc_checksum_ipv4_raw(source, destination, slice.payload()), Ok(header.checksum));
                    }
                    TransportSlice::Udp(slice) => {
                        let header = slice.to_header();
                        prop_assert_eq!(header.calc_checksum_ipv4_raw(source, destination, slice.payload()), Ok(header.checksum));
                    }
                    TransportSlice::Icmpv4(slice) => {
                        let header = slice.header();
                        prop_assert_eq!(header.icmp_type.calc_checksum(slice.payload()), header.checksum);
                    }
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }
}
