//! Reading the headers of many frames: what a replay and the rules need of each, side by side.

use super::frames::Frames;
use super::{BURST, Entering};
use crate::faults::{Fault, holds, planted};
use crate::flow::key::{Course, FlowKey};
use crate::packet::{Content, ETHERNET_HEADER_LEN, NIC_MTU, TcpFlags, protocol};

/// Bytes of an IPv4 header without options.
const HEADER: usize = 20;
/// Where the two headers begin.
const IP: usize = ETHERNET_HEADER_LEN;
const TRANSPORT: usize = IP + HEADER;
/// The shortest frame that is read here: Ethernet, IPv4, and the eight bytes that UDP and ICMP begin with.
const SHORTEST: usize = TRANSPORT + 8;

/// What a frame shows if it is a plain packet: IPv4 without options, no fragment, TCP, UDP or ICMP echo, not above the MTU, with every
/// field as [`Packet::from_frame`](crate::Packet::from_frame) wants it. All others are read there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    pub(super) key: FlowKey,
    pub(super) course: Course,
    pub(super) hash: u64,
    pub(super) ttl: u8,
    pub(super) content: Content,
    /// Bytes of the frame, padding left out; 0: no plain packet.
    pub(super) length: u16,
}

impl Lane {
    const ODD: Self = Self {
        key: FlowKey {
            addresses: 0,
            ports: 0,
            protocol: 0,
        },
        course: Course::Up,
        hash: 0,
        ttl: 0,
        content: Content::Other,
        length: 0,
    };

    pub(super) fn is_plain(&self) -> bool {
        self.length != 0
    }

    pub(super) fn flags(&self) -> TcpFlags {
        match self.content {
            Content::Tcp(flags) => flags,
            _ => TcpFlags::default(),
        }
    }

    /// Reads a frame.
    #[expect(
        clippy::inline_always,
        reason = "called once a packet: 10 ns more where the compiler leaves it a call"
    )]
    #[inline(always)]
    fn of(frame: &[u8]) -> Self {
        Self::plain(frame).unwrap_or(Self::ODD)
    }

    #[expect(
        clippy::inline_always,
        reason = "called once a packet: 10 ns more where the compiler leaves it a call"
    )]
    #[inline(always)]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "one branch that is nearly always taken alike, instead of one a field"
    )]
    fn plain(frame: &[u8]) -> Option<Self> {
        let head: &[u8; SHORTEST] = frame.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let total = usize::from(word(IP + 2));
        // "Don't fragment" may be set; no other flag, and no offset.
        let is_whole = holds(word(IP + 6) & 0xBFFF == 0, Fault::FragmentReadAsWhole);
        // Addresses that might be no single host's are looked at elsewhere.
        let class = head[IP + 12];
        let is_plain = (word(12) == 0x0800)
            & (head[IP] == 0x45)
            & is_whole
            & (total <= frame.len() - IP)
            & (total >= HEADER + 8)
            & (total <= usize::from(NIC_MTU))
            & holds(sum(head) == 0xFFFF, Fault::ChecksumUnread)
            & (class.wrapping_sub(1) < 223)
            & (class != 127);
        if !is_plain {
            return None;
        }
        let protocol = head[IP + 9];
        let ports = quad(head, TRANSPORT);
        let (ports, content) = match protocol {
            protocol::TCP => {
                let offset = usize::from(frame.get(TRANSPORT + 12)? >> 4) * 4;
                if offset < HEADER || HEADER + offset > total {
                    return None;
                }
                let flags = TcpFlags(*frame.get(TRANSPORT + 13)?);
                (ports, Content::Tcp(flags))
            }
            protocol::UDP => {
                let length = usize::from(word(TRANSPORT + 4));
                if (length < 8 || length > total - HEADER) && !planted(Fault::UdpLengthUnread) {
                    return None;
                }
                (ports, Content::Udp)
            }
            protocol::ICMP if matches!(head[TRANSPORT], 0 | 8) => {
                let identifier = u32::from(word(TRANSPORT + 4)); // S-23
                (
                    identifier << 16 | identifier,
                    Content::IcmpQuery(head[TRANSPORT]),
                )
            }
            _ => return None,
        };
        let addresses = u64::from(quad(head, IP + 12)) << 32 | u64::from(quad(head, IP + 16));
        let (key, course) = FlowKey::from_words(addresses, ports, protocol);
        let total = if planted(Fault::PaddingKept) {
            frame.len() - IP
        } else {
            total
        };
        Some(Self {
            key,
            course,
            hash: key.hash(),
            ttl: head[IP + 8],
            content,
            length: u16::try_from(IP + total).ok()?,
        })
    }
}

/// Four bytes of a header.
#[inline]
fn quad(head: &[u8; SHORTEST], at: usize) -> u32 {
    u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}

/// The one's-complement sum of the IPv4 header, its checksum included, in whichever byte order: it is looked at for all ones only
/// (RFC 1071).
#[inline]
fn sum(head: &[u8; SHORTEST]) -> u32 {
    let (words, _) = head[IP..TRANSPORT].as_chunks::<4>();
    let sum: u64 = words
        .iter()
        .map(|&word| u64::from(u32::from_ne_bytes(word)))
        .sum();
    let sum = (sum >> 32) + (sum & 0xFFFF_FFFF);
    let sum = (sum >> 16) + (sum & 0xFFFF);
    let sum = (sum >> 16) + (sum & 0xFFFF);
    #[expect(clippy::cast_possible_truncation, reason = "folded to 17 bits")]
    let folded = ((sum >> 16) + (sum & 0xFFFF)) as u32;
    folded
}

/// The lanes of a burst.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: [Lane; BURST],
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            lanes: [Lane::ODD; BURST],
        }
    }
}

impl Lanes {
    /// Reads a burst; `read` is told each hash as soon as it is known.
    #[inline]
    pub(super) fn read(&mut self, frames: &Frames, entering: &[Entering], read: impl Fn(u64)) {
        for (lane, entering) in self.lanes.iter_mut().zip(entering) {
            *lane = Lane::of(frames.frame(entering.slot));
            read(lane.hash);
        }
    }

    #[inline]
    pub(super) fn at(&self, position: usize) -> Lane {
        self.lanes[position]
    }
}
