//! Frames as no decent guest makes them.

use crate::checksum;
use crate::packet::{ETHERNET_HEADER_LEN as START, Envelope, Packet};

/// Bytes of the IPv4 header, as far as they are there.
fn header_of(frame: &mut [u8]) -> Option<&mut [u8]> {
    let length = usize::from(frame.get(START)? & 0x0F) * 4;
    frame.get_mut(START..START + length.max(20))
}

/// Puts the right checksum into the IPv4 header.
pub(super) fn mend(frame: &mut [u8]) {
    if let Some(header) = header_of(frame) {
        header[10..12].fill(0);
        let sum = checksum::of(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Chooses the identification so that the IPv4 header has this checksum.
pub(super) fn aim_checksum(frame: &mut [u8], wanted: u16) {
    let Some(header) = header_of(frame) else {
        return;
    };
    header[10..12].copy_from_slice(&wanted.to_be_bytes());
    header[4..6].fill(0);
    let identification = checksum::of(header);
    header[4..6].copy_from_slice(&identification.to_be_bytes());
}

/// The frame with options between header and payload; their length is a multiple of four.
pub(super) fn with_options(frame: &[u8], options: &[u8]) -> Vec<u8> {
    let Some((head, tail)) = frame.split_at_checked(START + 20) else {
        return frame.to_vec();
    };
    let mut frame = [head, options, tail].concat();
    frame[START] = 0x45 + u8::try_from(options.len() / 4).expect("at most ten");
    set_length(&mut frame);
    frame
}

/// Cuts the packet, with lengths that say so.
pub(super) fn shorten(frame: &mut Vec<u8>, length: usize) {
    frame.truncate(length);
    set_length(frame);
}

fn set_length(frame: &mut [u8]) {
    let length = u16::try_from(frame.len() - START).expect("a frame of a guest");
    frame[START + 2..START + 4].copy_from_slice(&length.to_be_bytes());
    mend(frame);
}

/// A packet without transport header, from any source.
pub(super) fn datagram(envelope: Envelope, protocol: u8, data: &[u8]) -> Vec<u8> {
    let decent = Envelope {
        source: std::net::Ipv4Addr::new(10, 0, 0, 1),
        ..envelope
    };
    let packet = Packet::other(decent, 50, data).expect("a short packet");
    let mut frame = packet.frame().to_vec();
    frame[START + 9] = protocol;
    frame[START + 12..START + 16].copy_from_slice(&envelope.source.octets());
    mend(&mut frame);
    frame
}
