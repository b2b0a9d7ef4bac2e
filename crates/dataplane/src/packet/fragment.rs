//! Cutting a packet into fragments (RFC 791 §3.2, K-7).

use pnet_packet::ipv4::MutableIpv4Packet;

use super::{ETHERNET_HEADER_LEN, Packet};
use crate::checksum;

/// No link carries less: room for the longest IPv4 and TCP headers, so that a first fragment shows all of both (RFC 1858).
const SMALLEST_MTU: u16 = 128;

/// "Don't fragment" is set on a packet that would have to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MustNotFragment;

impl Packet {
    /// The packet as it fits a link: itself, or fragments in order. An `mtu` below 128 bytes counts as 128.
    pub fn fit(self, mtu: u16) -> Result<Vec<Self>, MustNotFragment> {
        let mtu = usize::from(mtu.max(SMALLEST_MTU));
        if self.len() <= mtu {
            return Ok(vec![self]);
        }
        if self.dont_fragment() {
            return Err(MustNotFragment);
        }
        let header = &self.datagram()[..usize::from(self.headers.len)];
        let later_header = header_of_later_fragment(header);
        let start = self.fragment_offset();

        let mut fragments = Vec::new();
        let mut rest = self.payload();
        while !rest.is_empty() {
            let header = if fragments.is_empty() {
                header
            } else {
                &later_header
            };
            // Every fragment but the last of the datagram holds a multiple of eight bytes.
            let space = mtu - header.len();
            let (part, behind) = rest.split_at(if rest.len() <= space {
                rest.len()
            } else {
                space / 8 * 8
            });
            let offset = start + (self.payload().len() - rest.len());
            let more = !behind.is_empty() || self.more_fragments();
            let fragment = self.with_payload(header, part, offset, more);
            fragments.push(fragment.expect("a part of a checked packet passes the check"));
            rest = behind;
        }
        Ok(fragments)
    }

    /// The datagram that these fragments, complete and in order, were cut from. `None` if it is no packet: a transport header may be
    /// wrong although its fragments were not.
    pub(crate) fn reassembled(fragments: &[Self]) -> Option<Self> {
        let first = fragments.first()?;
        let header = &first.datagram()[..usize::from(first.headers.len)];
        let payload: Vec<u8> = fragments.iter().flat_map(Self::payload).copied().collect();
        first.with_payload(header, &payload, 0, false)
    }

    /// This packet with another header (of its own), payload and place in the datagram.
    fn with_payload(
        &self,
        header: &[u8],
        payload: &[u8],
        offset: usize,
        more: bool,
    ) -> Option<Self> {
        let mut frame = Vec::with_capacity(ETHERNET_HEADER_LEN + header.len() + payload.len());
        frame.extend(&self.frame[..ETHERNET_HEADER_LEN]);
        frame.extend(header);
        frame.extend(payload);
        let total = u16::try_from(header.len() + payload.len()).ok()?;
        let eighths = u16::try_from(offset / 8).ok()?;

        let ip = &mut frame[ETHERNET_HEADER_LEN..];
        let mut patched = MutableIpv4Packet::new(ip)?;
        patched.set_header_length(u8::try_from(header.len() / 4).ok()?);
        patched.set_total_length(total);
        patched.set_flags(u8::from(more));
        patched.set_fragment_offset(eighths);
        patched.set_checksum(0);
        let sum = checksum::of(&ip[..header.len()]);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        Some(Self {
            steps: self.steps,
            answer: self.answer,
            from_edge: self.from_edge,
            ..Self::from_frame(frame).ok()?
        })
    }
}

/// The header without the options whose copy bit is not set, padded to a multiple of four bytes (RFC 791 §3.1).
fn header_of_later_fragment(header: &[u8]) -> Vec<u8> {
    let (fixed, mut options) = header.split_at(20);
    let mut copied = fixed.to_vec();
    while let &[kind, ref tail @ ..] = options {
        let len = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(tail.first().copied().unwrap_or(0)),
        };
        // A packet's options have been checked; this is no place to rely on it.
        let Some((option, rest)) = options.split_at_checked(len.max(1)) else {
            break;
        };
        if kind & 0x80 != 0 {
            copied.extend(option);
        }
        options = rest;
    }
    copied.resize(copied.len().next_multiple_of(4), 0);
    copied
}
