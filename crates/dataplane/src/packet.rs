//! A packet: its bytes, checked once, and what the fabric reads of them.
//!
//! etherparse checks and builds, pnet patches in place: what a header holds beside the patched field stays as it was.

mod build;
mod fragment;
mod icmp;
mod rewrite;
mod tuple;

use std::net::Ipv4Addr;

use etherparse::{Icmpv4Slice, Ipv4HeaderSlice, TcpHeaderSlice, UdpHeaderSlice};
use model::NicId;

use crate::checksum;
use crate::dropped::DropReason;

pub use self::build::{Envelope, TcpSegment};
pub use self::fragment::MustNotFragment;
pub use self::icmp::IcmpError;
pub use self::rewrite::End;
pub use self::tuple::FiveTuple;

/// Bytes of an Ethernet II header.
pub const ETHERNET_HEADER_LEN: usize = 14;
/// Largest packet, IPv4 header included, that a NIC of a guest sends (K-7, N-10).
pub const NIC_MTU: u16 = 1500;
/// The station that the fabric shows to every guest: it answers every ARP request (N-7).
pub const FABRIC_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

/// IP protocol numbers that the data plane knows by name.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IP in IP.
    pub const IP_IN_IP: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// GRE.
    pub const GRE: u8 = 47;
}

/// An Ethernet II frame with one IPv4 packet that has passed the accept test (K-1, K-2): no byte can be put in that would fail it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The whole frame, no padding behind the packet.
    frame: Vec<u8>,
    headers: Headers,
    /// How often a NIC has sent it (K-6).
    steps: u8,
    /// See [`Packet::is_answer`].
    answer: bool,
    /// See [`Packet::mark_from_edge`].
    from_edge: bool,
}

/// What the fabric and the rules read of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Headers {
    tuple: FiveTuple,
    content: Content,
    fragment: Fragment,
    /// Bytes of the IPv4 header.
    len: u8,
}

/// What an IPv4 packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A TCP segment.
    Tcp(TcpFlags),
    /// A UDP datagram.
    Udp,
    /// An ICMP query or its answer (echo, timestamp, ...) of this type, told apart from others by its identifier (S-23).
    IcmpQuery(u8),
    /// An ICMP error of this type: destination unreachable, time exceeded, ... (S-24).
    IcmpError(u8),
    /// ICMP of another type.
    IcmpOther(u8),
    /// A protocol without ports, or one that nobody here reads.
    Other,
    /// A fragment behind the first one: its transport header travelled with the first (S-25).
    LaterFragment,
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// All of it.
    Whole,
    /// The first part, with the transport header.
    First,
    /// A part behind the first.
    Later {
        /// No part follows.
        last: bool,
    },
}

/// The flags of a TCP segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub(crate) u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment number is significant.
    pub const ACK: Self = Self(0x10);

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any flag of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// A SYN that asks for a connection, not one that grants it.
    pub const fn asks_for_connection(self) -> bool {
        self.contains(Self::SYN) && !self.contains(Self::ACK)
    }
}

/// Why bytes are not a packet. The fabric answers none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not an Ethernet II frame with IPv4.
    #[error("not an Ethernet II frame with an IPv4 packet")]
    NotIpv4,
    /// Version, header length or total length is wrong, or bytes are missing.
    #[error("the IPv4 header is wrong or cut off")]
    Ipv4,
    /// The header checksum does not verify.
    #[error("the IPv4 header checksum does not verify")]
    Checksum,
    /// The options do not parse, or ask for a route of the sender's choice (K-2).
    #[error("the IPv4 options are malformed or carry a source route")]
    Options,
    /// No host has this source address.
    #[error("{0} is not the address of a single host")]
    Source(Ipv4Addr),
    /// The TCP, UDP or ICMP header is wrong or cut off.
    #[error("the transport header is wrong or cut off")]
    Transport,
    /// A packet that is to be built would be longer than 65,535 bytes.
    #[error("{0} bytes do not fit into an IPv4 packet")]
    TooLong(usize),
}

impl HeaderError {
    /// Its name among the drop reasons.
    pub const fn reason(self) -> DropReason {
        match self {
            Self::Checksum => DropReason::BadChecksum,
            Self::NotIpv4
            | Self::Ipv4
            | Self::Options
            | Self::Source(_)
            | Self::Transport
            | Self::TooLong(_) => DropReason::BadHeader,
        }
    }
}

/// Reading.
impl Packet {
    /// Checks a frame as a NIC or a capture holds it. Padding behind the packet is cut off.
    pub fn from_frame(mut frame: Vec<u8>) -> Result<Self, HeaderError> {
        let ethertype = frame.get(12..ETHERNET_HEADER_LEN);
        if ethertype != Some(&[0x08, 0x00]) {
            return Err(HeaderError::NotIpv4);
        }
        let (headers, total_len) = Headers::check(&frame[ETHERNET_HEADER_LEN..])?;
        frame.truncate(ETHERNET_HEADER_LEN + total_len);
        Ok(Self {
            frame,
            headers,
            steps: 0,
            answer: false,
            from_edge: false,
        })
    }

    /// Checks an IPv4 packet as a program hands it to its guest, and puts a frame around it.
    pub fn from_datagram(datagram: &[u8]) -> Result<Self, HeaderError> {
        let mut frame = Vec::with_capacity(ETHERNET_HEADER_LEN + datagram.len());
        frame.extend(FABRIC_MAC);
        frame.extend([0; 6]);
        frame.extend([0x08, 0x00]);
        frame.extend(datagram);
        Self::from_frame(frame)
    }

    /// A packet whose frame has been checked as [`from_frame`](Self::from_frame) would: IPv4 without options, no fragment, no padding.
    pub(crate) fn checked(frame: Vec<u8>, tuple: FiveTuple, content: Content) -> Self {
        let headers = Headers {
            tuple,
            content,
            fragment: Fragment::Whole,
            len: 20,
        };
        let packet = Self {
            frame,
            headers,
            steps: 0,
            answer: false,
            from_edge: false,
        };
        debug_assert_eq!(Self::from_frame(packet.frame.clone()).as_ref(), Ok(&packet));
        packet
    }

    /// Its memory, to be used again.
    pub(crate) fn into_frame(self) -> Vec<u8> {
        self.frame
    }

    /// The whole Ethernet frame.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The IPv4 packet.
    pub fn datagram(&self) -> &[u8] {
        &self.frame[ETHERNET_HEADER_LEN..]
    }

    /// Transport header and data, or a part of them (see [`Packet::fragment`]).
    pub fn payload(&self) -> &[u8] {
        &self.datagram()[usize::from(self.headers.len)..]
    }

    /// Addresses, protocol and ports.
    pub fn tuple(&self) -> FiveTuple {
        self.headers.tuple
    }

    /// Source address.
    pub fn source(&self) -> Ipv4Addr {
        self.headers.tuple.source
    }

    /// Destination address.
    pub fn destination(&self) -> Ipv4Addr {
        self.headers.tuple.destination
    }

    /// What it carries.
    pub fn content(&self) -> Content {
        self.headers.content
    }

    /// Which part of a datagram it is.
    pub fn fragment(&self) -> Fragment {
        self.headers.fragment
    }

    /// Time to live.
    pub fn ttl(&self) -> u8 {
        self.datagram()[8]
    }

    /// Identification, the same in all fragments of a datagram.
    pub fn identification(&self) -> u16 {
        u16::from_be_bytes([self.datagram()[4], self.datagram()[5]])
    }

    /// Whether routers must not fragment it.
    pub fn dont_fragment(&self) -> bool {
        self.datagram()[6] & 0x40 != 0
    }

    /// Place of its payload in the whole datagram's, in bytes.
    pub fn fragment_offset(&self) -> usize {
        let word = u16::from_be_bytes([self.datagram()[6], self.datagram()[7]]);
        usize::from(word & 0x1FFF) * 8
    }

    /// Whether more fragments follow.
    pub fn more_fragments(&self) -> bool {
        self.datagram()[6] & 0x20 != 0
    }

    /// Length of the IPv4 packet in bytes, the Ethernet header not counted.
    pub fn len(&self) -> usize {
        self.datagram().len()
    }

    /// Never: an IPv4 packet has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether the checksum of the transport header verifies, as a guest tests it. True for protocols that are not read here, for
    /// UDP without checksum, and for fragments, which only the whole datagram can answer for.
    pub fn has_valid_transport_checksum(&self) -> bool {
        if self.fragment() != Fragment::Whole {
            return true;
        }
        let payload = self.payload();
        match self.content() {
            Content::Udp if payload[6..8] == [0, 0] => true, // RFC 768: the sender made none
            Content::Tcp(_) | Content::Udp => {
                let FiveTuple {
                    source,
                    destination,
                    protocol,
                    ..
                } = self.tuple();
                // UDP's length field may end before the IPv4 payload does.
                let end = match self.content() {
                    Content::Udp => usize::from(u16::from_be_bytes([payload[4], payload[5]])),
                    _ => payload.len(),
                };
                let covered = &payload[..end];
                checksum::with_pseudo_header(
                    source.octets(),
                    destination.octets(),
                    protocol,
                    covered,
                ) == 0
            }
            Content::IcmpQuery(_) | Content::IcmpError(_) | Content::IcmpOther(_) => {
                checksum::of(payload) == 0
            }
            Content::Other | Content::LaterFragment => true,
        }
    }

    /// Whether a guest made it in answer to another packet. No guest answers an answer: the mark stands for the socket that the asking
    /// program holds open, and keeps two guests on which everything listens from talking for ever.
    pub fn is_answer(&self) -> bool {
        self.answer
    }

    pub(crate) fn into_answer(self) -> Self {
        Self {
            answer: true,
            ..self
        }
    }

    /// The edge of the Internet hands it to a NIC: its destination is a public address (N-13).
    pub(crate) fn mark_from_edge(&mut self) {
        self.from_edge = true;
    }

    /// Whether the edge handed it over; it is no longer marked then.
    pub(crate) fn take_from_edge(&mut self) -> bool {
        std::mem::take(&mut self.from_edge)
    }

    /// Counts one more NIC that sends it; false when no further one may (K-6).
    pub(crate) fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        self.steps < u8::MAX
    }
}

impl Headers {
    /// The accept test (K-1, K-2); also says how long the packet is.
    fn check(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| HeaderError::Ipv4)?;
        let (len, total_len) = (header.slice().len(), usize::from(header.total_len()));
        if total_len < len || total_len > bytes.len() {
            return Err(HeaderError::Ipv4);
        }
        if checksum::of(header.slice()) != 0 {
            return Err(HeaderError::Checksum);
        }
        check_options(header.options())?;
        let source = header.source_addr();
        if !is_single_host(source) {
            return Err(HeaderError::Source(source));
        }

        let offset = header.fragments_offset().value();
        let payload = &bytes[len..total_len];
        if usize::from(offset) * 8 + payload.len() > usize::from(u16::MAX) - len {
            return Err(HeaderError::Ipv4); // the whole datagram could not have existed
        }
        let fragment = match (offset, header.more_fragments()) {
            (0, false) => Fragment::Whole,
            (0, true) => Fragment::First,
            (_, more) => Fragment::Later { last: !more },
        };
        let protocol = header.protocol().0;
        let (content, ports) = match fragment {
            Fragment::Later { .. } => (Content::LaterFragment, (0, 0)),
            Fragment::First => transport(protocol, payload)?,
            Fragment::Whole => {
                let whole = transport(protocol, payload)?;
                if whole.0 == Content::Udp && !udp_length_fits(payload) {
                    return Err(HeaderError::Transport);
                }
                whole
            }
        };
        let tuple = FiveTuple {
            source,
            destination: header.destination_addr(),
            protocol,
            source_port: ports.0,
            destination_port: ports.1,
        };
        let len = u8::try_from(len).expect("an IPv4 header has at most 60 bytes");
        Ok((
            Self {
                tuple,
                content,
                fragment,
                len,
            },
            total_len,
        ))
    }
}

/// What a transport header says, and the two ports under which its flow is known.
fn transport(protocol: u8, payload: &[u8]) -> Result<(Content, (u16, u16)), HeaderError> {
    match protocol {
        protocol::TCP => {
            let tcp = TcpHeaderSlice::from_slice(payload).map_err(|_| HeaderError::Transport)?;
            let flags = TcpFlags(tcp.slice()[13]);
            Ok((
                Content::Tcp(flags),
                (tcp.source_port(), tcp.destination_port()),
            ))
        }
        protocol::UDP => {
            let udp = UdpHeaderSlice::from_slice(payload).map_err(|_| HeaderError::Transport)?;
            Ok((Content::Udp, (udp.source_port(), udp.destination_port())))
        }
        protocol::ICMP => {
            let icmp = Icmpv4Slice::from_slice(payload).map_err(|_| HeaderError::Transport)?;
            let kind = icmp.type_u8();
            Ok(match kind {
                // S-23: the identifier stands in both slots, so that question and answer have one key.
                0 | 8 | 13..=18 => {
                    let [high, low, ..] = icmp.bytes5to8();
                    let identifier = u16::from_be_bytes([high, low]);
                    (Content::IcmpQuery(kind), (identifier, identifier))
                }
                3 | 4 | 11 | 12 => (Content::IcmpError(kind), (0, 0)),
                _ => (Content::IcmpOther(kind), (0, 0)),
            })
        }
        _ => Ok((Content::Other, (0, 0))),
    }
}

/// RFC 768: the length counts the header and cannot exceed what arrived.
fn udp_length_fits(payload: &[u8]) -> bool {
    let length = usize::from(u16::from_be_bytes([payload[4], payload[5]]));
    (8..=payload.len()).contains(&length)
}

/// K-2: options are carried, but not the two by which a sender chooses the route.
fn check_options(options: &[u8]) -> Result<(), HeaderError> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    const STRICT_SOURCE_ROUTE: u8 = 137;
    let mut rest = options;
    while let &[kind, ref tail @ ..] = rest {
        rest = match kind {
            END => break,
            NO_OPERATION => tail,
            LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => return Err(HeaderError::Options),
            _ => {
                let len = usize::from(*tail.first().ok_or(HeaderError::Options)?);
                if len < 2 {
                    return Err(HeaderError::Options);
                }
                rest.get(len..).ok_or(HeaderError::Options)?
            }
        };
    }
    Ok(())
}

/// RFC 1122 §3.2.1.3: neither this host on this network, nor loopback, nor a group, nor broadcast.
fn is_single_host(address: Ipv4Addr) -> bool {
    address.octets()[0] != 0
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_broadcast()
}

/// The MAC address of a NIC for which the input has none: Microsoft's prefix, then the number of the NIC (N-7).
pub fn derived_mac(nic: NicId) -> [u8; 6] {
    let [_, a, b, c] = nic.get().to_be_bytes();
    [0x00, 0x0d, 0x3a, a, b, c]
}

#[cfg(test)]
mod tests;
