//! Frames of many flows from a few templates: what differs are addresses, ports and the two checksums.

use std::net::Ipv4Addr;

use dataplane::packet::{
    ETHERNET_HEADER_LEN, Envelope, FiveTuple, Packet, TcpFlags, TcpSegment, protocol,
};

/// The shortest frame: that of Ethernet.
pub const SHORTEST: u16 = 64;
/// The longest frame.
pub const LONGEST: u16 = 1500;
/// IMIX: seven short frames, four middle ones, a long one. The classic last length, 1518, is cut to what a frame may have here.
const IMIX: [(u32, u16); 3] = [(7, 64), (4, 594), (1, LONGEST)];

/// Time to live of what is sent.
pub const TTL: u8 = 64;

const IP: usize = ETHERNET_HEADER_LEN;
const TCP: usize = IP + 20;
const IP_CHECKSUM: usize = IP + 10;
const ADDRESSES: usize = IP + 12;
const TCP_CHECKSUM: usize = TCP + 16;

/// How long frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All alike, in bytes from [`SHORTEST`] to [`LONGEST`]; others count as the nearest of these.
    Fixed(u16),
    /// 64, 594 and 1500 bytes as 7 to 4 to 1, at random.
    Imix,
}

impl Sizes {
    /// Bytes of the longest frame.
    pub fn longest(self) -> u16 {
        match self {
            Self::Fixed(bytes) => bytes.clamp(SHORTEST, LONGEST),
            Self::Imix => LONGEST,
        }
    }

    /// Bytes of a frame with the relative frequency of this length.
    pub(super) fn shares(self) -> Vec<(u32, u16)> {
        match self {
            Self::Fixed(_) => vec![(1, self.longest())],
            Self::Imix => IMIX.to_vec(),
        }
    }
}

/// A TCP segment; addresses and ports are those of the last flow it was made for.
#[derive(Clone, Debug)]
pub(super) struct Template {
    frame: Vec<u8>,
    /// Sums of 16-bit words over what does not change: IPv4 header, TCP header and data with the pseudo header.
    ip: u32,
    tcp: u32,
}

impl Template {
    /// A segment in a frame of this many bytes.
    pub(super) fn new(flags: TcpFlags, length: u16) -> Self {
        let any = Ipv4Addr::new(10, 0, 0, 1);
        let envelope = Envelope {
            ttl: TTL,
            dont_fragment: true,
            ..Envelope::new(any, any)
        };
        let segment = TcpSegment {
            source_port: 0,
            destination_port: 0,
            sequence: 1,
            acknowledgment: u32::from(flags.contains(TcpFlags::ACK)),
            flags,
            window: 64_240,
        };
        let data = vec![0; usize::from(length) - TCP - 20];
        let packet = Packet::tcp(envelope, segment, &data)
            .expect("a short segment between addresses of hosts");
        let mut frame = packet.frame().to_vec();
        frame[IP_CHECKSUM..IP_CHECKSUM + 2].fill(0);
        frame[ADDRESSES..ADDRESSES + 8].fill(0);
        frame[TCP_CHECKSUM..TCP_CHECKSUM + 2].fill(0);
        let pseudo = u32::from(protocol::TCP) + u32::from(length) - 34;
        Self {
            ip: sum(&frame[IP..TCP]),
            tcp: sum(&frame[TCP..]) + pseudo,
            frame,
        }
    }

    /// The segment of a flow.
    #[inline]
    pub(super) fn frame_of(&mut self, tuple: FiveTuple) -> &[u8] {
        let frame = self.frame.as_mut_slice();
        let (source, destination) = (tuple.source.octets(), tuple.destination.octets());
        let ports = [
            tuple.source_port.to_be_bytes(),
            tuple.destination_port.to_be_bytes(),
        ];
        let addresses = sum(&source) + sum(&destination);
        let ports_sum = u32::from(tuple.source_port) + u32::from(tuple.destination_port);
        frame[ADDRESSES..ADDRESSES + 4].copy_from_slice(&source);
        frame[ADDRESSES + 4..ADDRESSES + 8].copy_from_slice(&destination);
        frame[TCP..TCP + 2].copy_from_slice(&ports[0]);
        frame[TCP + 2..TCP + 4].copy_from_slice(&ports[1]);
        frame[IP_CHECKSUM..IP_CHECKSUM + 2].copy_from_slice(&checksum(self.ip + addresses));
        let tcp = checksum(self.tcp + addresses + ports_sum);
        frame[TCP_CHECKSUM..TCP_CHECKSUM + 2].copy_from_slice(&tcp);
        frame
    }
}

/// The sum of the 16-bit words of at most 65,535 bytes; an odd last byte counts as the high half of a word.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    words.sum()
}

/// The checksum to store for a sum (RFC 1071).
fn checksum(sum: u32) -> [u8; 2] {
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let folded = (folded & 0xFFFF) + (folded >> 16);
    #[expect(clippy::cast_possible_truncation, reason = "folded twice, it fits")]
    let stored = !(folded as u16);
    stored.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The slow way: built by the library that builds all other packets.
        #[test]
        fn a_stamped_frame_is_the_one_that_is_built_anew(
            source in 0x0100_0000_u32..0x7e00_0000,
            destination in 0x0100_0000_u32..0x7e00_0000,
            source_port: u16,
            destination_port: u16,
            flags in prop::sample::select(vec![TcpFlags::SYN, TcpFlags::SYN.with(TcpFlags::ACK), TcpFlags::ACK, TcpFlags::FIN.with(TcpFlags::ACK)]),
            length in SHORTEST..=LONGEST,
        ) {
            let tuple = FiveTuple {
                source: source.into(),
                destination: destination.into(),
                protocol: protocol::TCP,
                source_port,
                destination_port,
            };
            let mut template = Template::new(flags, length);
            template.frame_of(tuple.reversed());
            let envelope = Envelope { ttl: TTL, dont_fragment: true, ..Envelope::new(tuple.source, tuple.destination) };
            let segment = TcpSegment {
                source_port,
                destination_port,
                sequence: 1,
                acknowledgment: u32::from(flags.contains(TcpFlags::ACK)),
                flags,
                window: 64_240,
            };
            let built = Packet::tcp(envelope, segment, &vec![0; usize::from(length) - 54]).expect("valid");
            prop_assert_eq!(template.frame_of(tuple), built.frame());
        }
    }

    #[test]
    fn imix_has_twelve_frames_of_three_lengths() {
        let shares = Sizes::Imix.shares();
        assert_eq!(shares.iter().map(|&(share, _)| share).sum::<u32>(), 12);
        assert_eq!(Sizes::Imix.longest(), 1500);
        assert_eq!(Sizes::Fixed(20).longest(), SHORTEST);
    }
}
