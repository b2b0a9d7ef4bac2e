//! New packets.

use std::net::Ipv4Addr;

use etherparse::{
    IpHeaders, Ipv4Extensions, Ipv4Header, PacketBuilder, PacketBuilderStep, TcpHeader, ip_number,
};

use super::{FABRIC_MAC, HeaderError, Packet, TcpFlags};

/// The IPv4 header of a packet that is to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Identification; must differ between datagrams of two hosts that are under way together, if they may be fragmented.
    pub identification: u16,
    /// Routers must not fragment it.
    pub dont_fragment: bool,
}

/// The TCP header of a packet that is to be built; options none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSegment {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Receive window in bytes.
    pub window: u16,
}

impl Packet {
    /// An ICMP echo request.
    pub fn echo_request(
        envelope: Envelope,
        identifier: u16,
        sequence: u16,
        data: &[u8],
    ) -> Result<Self, HeaderError> {
        let step = envelope.begin().icmpv4_echo_request(identifier, sequence);
        let mut frame = Vec::with_capacity(step.size(data.len()));
        step.write_to_vec(&mut frame, data)
            .map_err(|_| HeaderError::TooLong(data.len()))?;
        Self::from_frame(frame)
    }

    /// An ICMP echo reply.
    pub fn echo_reply(
        envelope: Envelope,
        identifier: u16,
        sequence: u16,
        data: &[u8],
    ) -> Result<Self, HeaderError> {
        let step = envelope.begin().icmpv4_echo_reply(identifier, sequence);
        let mut frame = Vec::with_capacity(step.size(data.len()));
        step.write_to_vec(&mut frame, data)
            .map_err(|_| HeaderError::TooLong(data.len()))?;
        Self::from_frame(frame)
    }

    /// A TCP segment.
    pub fn tcp(envelope: Envelope, segment: TcpSegment, data: &[u8]) -> Result<Self, HeaderError> {
        let mut header = TcpHeader::new(
            segment.source_port,
            segment.destination_port,
            segment.sequence,
            segment.window,
        );
        header.acknowledgment_number = segment.acknowledgment;
        header.fin = segment.flags.contains(TcpFlags::FIN);
        header.syn = segment.flags.contains(TcpFlags::SYN);
        header.rst = segment.flags.contains(TcpFlags::RST);
        header.psh = segment.flags.contains(TcpFlags::PSH);
        header.ack = segment.flags.contains(TcpFlags::ACK);
        let step = envelope.begin().tcp_header(header);
        let mut frame = Vec::with_capacity(step.size(data.len()));
        step.write_to_vec(&mut frame, data)
            .map_err(|_| HeaderError::TooLong(data.len()))?;
        Self::from_frame(frame)
    }

    /// A UDP datagram.
    pub fn udp(
        envelope: Envelope,
        source_port: u16,
        destination_port: u16,
        data: &[u8],
    ) -> Result<Self, HeaderError> {
        let step = envelope.begin().udp(source_port, destination_port);
        let mut frame = Vec::with_capacity(step.size(data.len()));
        step.write_to_vec(&mut frame, data)
            .map_err(|_| HeaderError::TooLong(data.len()))?;
        Self::from_frame(frame)
    }

    /// A packet of a protocol that nobody here reads.
    pub fn other(envelope: Envelope, protocol: u8, payload: &[u8]) -> Result<Self, HeaderError> {
        let step = envelope.begin();
        let mut frame = Vec::with_capacity(step.size(payload.len()));
        step.write_to_vec(&mut frame, etherparse::IpNumber(protocol), payload)
            .map_err(|_| HeaderError::TooLong(payload.len()))?;
        Self::from_frame(frame)
    }
}

impl Envelope {
    /// From one address to another: TTL 64, may be fragmented.
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr) -> Self {
        Self {
            source,
            destination,
            ttl: 64,
            identification: 0,
            dont_fragment: false,
        }
    }

    pub(super) fn begin(self) -> PacketBuilderStep<IpHeaders> {
        let mut header = Ipv4Header {
            identification: self.identification,
            dont_fragment: self.dont_fragment,
            time_to_live: self.ttl,
            source: self.source.octets(),
            destination: self.destination.octets(),
            ..Ipv4Header::default()
        };
        header.protocol = ip_number::ICMP; // the builder's next step puts the right one in its place
        PacketBuilder::ethernet2([0; 6], FABRIC_MAC)
            .ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
    }
}
