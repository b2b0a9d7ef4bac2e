//! Patching in place: time to live, addresses, ports, station addresses. Checksums are carried along (K-4).

use std::net::Ipv4Addr;

use pnet_packet::ipv4::MutableIpv4Packet;

use super::{Content, ETHERNET_HEADER_LEN, FABRIC_MAC, Packet, protocol};
use crate::checksum;

/// One of the two ends that a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The sender.
    Source,
    /// The receiver.
    Destination,
}

impl Packet {
    /// One router hop: TTL − 1, header checksum repaired (RFC 1624, eqn. 3). Called for appliances and gateways; the fabric leaves the
    /// TTL alone (N-6). `None`: the packet must be discarded, its TTL would be 0 (RFC 1812 §5.3.1); it is left as it was, since an
    /// ICMP error quotes it as it came.
    pub fn decrement_ttl(&mut self) -> Option<u8> {
        let protocol = self.headers.tuple.protocol;
        let mut header = self.ipv4_mut();
        let ttl = header.get_ttl();
        let lower = ttl.checked_sub(1).filter(|&lower| lower > 0)?;
        let word = |ttl| u16::from_be_bytes([ttl, protocol]);
        header.set_checksum(checksum::update(
            header.get_checksum(),
            word(ttl),
            word(lower),
        ));
        header.set_ttl(lower);
        Some(lower)
    }

    /// Puts an address and, where the packet has one, a port (an ICMP query's identifier) in place of what an end has.
    pub fn set_end(&mut self, end: End, address: Ipv4Addr, port: u16) {
        rewrite(&mut self.frame[ETHERNET_HEADER_LEN..], end, address, port);
        let tuple = &mut self.headers.tuple;
        let ports = match end {
            End::Source => {
                tuple.source = address;
                [&mut tuple.source_port, &mut tuple.destination_port]
            }
            End::Destination => {
                tuple.destination = address;
                [&mut tuple.destination_port, &mut tuple.source_port]
            }
        };
        let [this, other] = ports;
        match self.headers.content {
            Content::Tcp(_) | Content::Udp => *this = port,
            Content::IcmpQuery(_) => (*this, *other) = (port, port), // S-23
            Content::IcmpError(_)
            | Content::IcmpOther(_)
            | Content::Other
            | Content::LaterFragment => {}
        }
    }

    /// [`Packet::set_end`] for the packet that an ICMP error quotes; the error's own checksum follows.
    pub fn set_quoted_end(&mut self, end: End, address: Ipv4Addr, port: u16) {
        let start = ETHERNET_HEADER_LEN + usize::from(self.headers.len);
        let icmp = &mut self.frame[start..];
        let Some(quote) = icmp.get_mut(8..) else {
            return;
        };
        rewrite(quote, end, address, port);
        icmp[2..4].copy_from_slice(&[0, 0]);
        let sum = checksum::of(icmp);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    }

    /// As a VM hands it to the fabric (N-7).
    pub fn leave(&mut self, nic: [u8; 6]) {
        self.set_stations(nic, FABRIC_MAC);
    }

    /// As the fabric hands it to a VM (N-7).
    pub fn enter(&mut self, nic: [u8; 6]) {
        self.set_stations(FABRIC_MAC, nic);
    }

    fn set_stations(&mut self, source: [u8; 6], destination: [u8; 6]) {
        self.frame[..6].copy_from_slice(&destination);
        self.frame[6..12].copy_from_slice(&source);
    }

    fn ipv4_mut(&mut self) -> MutableIpv4Packet<'_> {
        MutableIpv4Packet::new(&mut self.frame[ETHERNET_HEADER_LEN..])
            .expect("a packet has an IPv4 header")
    }
}

/// Patches one end of an IPv4 packet, or of as much of one as an ICMP error quotes: fields that are cut off are left out.
fn rewrite(ip: &mut [u8], end: End, address: Ipv4Addr, port: u16) {
    let Some(mut header) = MutableIpv4Packet::new(ip) else {
        return;
    };
    let old = match end {
        End::Source => header.get_source(),
        End::Destination => header.get_destination(),
    };
    header.set_checksum(checksum::update_4bytes(
        header.get_checksum(),
        old.octets(),
        address.octets(),
    ));
    match end {
        End::Source => header.set_source(address),
        End::Destination => header.set_destination(address),
    }
    if header.get_fragment_offset() != 0 {
        return; // the transport header travelled with the first fragment
    }
    let protocol = header.get_next_level_protocol().0;
    let header_len = usize::from(header.get_header_length()) * 4;
    let Some(transport) = ip.get_mut(header_len..) else {
        return;
    };

    let ports = match end {
        End::Source => 0,
        End::Destination => 2,
    };
    match protocol {
        protocol::TCP => {
            replace(transport, ports, port, 16);
            pseudo_header(transport, 16, old, address);
        }
        // RFC 768: a sender that made no checksum wrote 0.
        protocol::UDP if transport.get(6..8) == Some(&[0, 0]) => {
            if let Some(field) = transport.get_mut(ports..ports + 2) {
                field.copy_from_slice(&port.to_be_bytes());
            }
        }
        protocol::UDP => {
            replace(transport, ports, port, 6);
            pseudo_header(transport, 6, old, address);
            if let Some(stored) = transport.get_mut(6..8)
                && stored == [0, 0]
            {
                stored.copy_from_slice(&[0xFF, 0xFF]);
            }
        }
        // Errors and others have no identifier; only queries are translated by one (RFC 5508 §3.1).
        protocol::ICMP if matches!(transport.first(), Some(0 | 8 | 13..=18)) => {
            replace(transport, 4, port, 2);
        }
        _ => {}
    }
}

/// Replaces the word at `at` and carries the checksum at `checksum_at` along, each if it is there.
fn replace(transport: &mut [u8], at: usize, new: u16, checksum_at: usize) {
    let Some(old) = word(transport, at) else {
        return;
    };
    transport[at..at + 2].copy_from_slice(&new.to_be_bytes());
    if let Some(sum) = word(transport, checksum_at) {
        let sum = checksum::update(sum, old, new);
        transport[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The pseudo header holds the addresses too.
fn pseudo_header(transport: &mut [u8], checksum_at: usize, old: Ipv4Addr, new: Ipv4Addr) {
    if let Some(sum) = word(transport, checksum_at) {
        let sum = checksum::update_4bytes(sum, old.octets(), new.octets());
        transport[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let word = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([word[0], word[1]]))
}
