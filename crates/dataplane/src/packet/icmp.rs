//! ICMP errors: what they may be about, what they quote (K-9).

use std::net::Ipv4Addr;

use etherparse::icmpv4::{DestUnreachableHeader, TimeExceededCode};
use etherparse::{Icmpv4Type, Ipv4HeaderSlice};

use super::{
    Content, ETHERNET_HEADER_LEN, Envelope, FiveTuple, Fragment, Packet, protocol, transport,
};

/// RFC 1812 §4.3.2.3: as much of the original as fits into a datagram of this length.
const LONGEST_ERROR: usize = 576;
/// Bytes before the quote: IPv4 header without options, ICMP header.
const BEFORE_QUOTE: usize = 28;

/// The errors that guests and gateways report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpError {
    /// 11/0: the time to live ended here.
    TimeExceeded,
    /// 3/3: nobody listens on this UDP port.
    PortUnreachable,
    /// 3/4: too long for the next link, and must not be fragmented (RFC 1191).
    FragmentationNeeded {
        /// What the next link carries, in bytes.
        next_hop_mtu: u16,
    },
}

impl IcmpError {
    fn kind(self) -> Icmpv4Type {
        match self {
            Self::TimeExceeded => Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit),
            Self::PortUnreachable => {
                Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port)
            }
            Self::FragmentationNeeded { next_hop_mtu } => {
                Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded {
                    next_hop_mtu,
                })
            }
        }
    }
}

impl Packet {
    /// The error that `reporter` sends about this packet, TTL 64. `None` where none may be sent: about an ICMP error, a fragment
    /// behind the first, or a packet to a group (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7). Sources that are no single host never become a
    /// [`Packet`].
    pub fn error(&self, error: IcmpError, reporter: Ipv4Addr) -> Option<Self> {
        let to_a_group = self.destination().is_multicast() || self.destination().is_broadcast();
        let is_error = matches!(self.content(), Content::IcmpError(_));
        let is_later = matches!(self.fragment(), Fragment::Later { .. });
        if to_a_group || is_error || is_later {
            return None;
        }
        let quote = &self.datagram()[..self.len().min(LONGEST_ERROR - BEFORE_QUOTE)];
        let envelope = Envelope {
            identification: self.identification(),
            ..Envelope::new(reporter, self.source())
        };
        let step = envelope.begin().icmpv4(error.kind());
        let mut frame = Vec::with_capacity(ETHERNET_HEADER_LEN + LONGEST_ERROR);
        step.write_to_vec(&mut frame, quote).ok()?;
        Self::from_frame(frame).ok()
    }

    /// The five-tuple of the packet that this ICMP error is about, as that packet had it when the reporter saw it. `None` if it is no
    /// ICMP error, or quotes less than an IPv4 header and eight bytes.
    pub fn quoted(&self) -> Option<FiveTuple> {
        if !matches!(self.content(), Content::IcmpError(_)) {
            return None;
        }
        let quote = self.payload().get(8..)?;
        let header = Ipv4HeaderSlice::from_slice(quote).ok()?;
        let behind = quote.get(header.slice().len()..)?;
        let protocol = header.protocol().0;
        let ports = if header.fragments_offset().value() != 0 {
            return None;
        } else if protocol == protocol::TCP {
            // Eight bytes need not hold a whole TCP header, but they hold the ports.
            let &[a, b, c, d, _, _, _, _, ..] = behind else {
                return None;
            };
            (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        } else {
            transport(protocol, behind).ok()?.1
        };
        Some(FiveTuple {
            source: header.source_addr(),
            destination: header.destination_addr(),
            source_port: ports.0,
            destination_port: ports.1,
            protocol,
        })
    }

    /// The conversation that the packet belongs to: its own five-tuple, or for an ICMP error that of the packet it is about, turned
    /// round so that it travels with the error.
    pub fn conversation(&self) -> FiveTuple {
        self.quoted()
            .map_or_else(|| self.tuple(), FiveTuple::reversed)
    }
}
