use proptest::prelude::*;

use super::rewrite::End;
use super::*;

const A: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 4);
const B: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 4);

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The first header of K-5 with an echo request of 64 bytes behind it.
fn ping_of_84_bytes() -> Packet {
    let envelope = Envelope {
        identification: 0x1c46,
        dont_fragment: true,
        ..Envelope::new(A, B)
    };
    Packet::echo_request(envelope, 1, 1, &[0; 56]).unwrap()
}

/// Every field recomputed from scratch, by the other library.
fn checksum_by_pnet(packet: &Packet) -> u16 {
    let header = &packet.datagram()[..usize::from(packet.headers.len)];
    pnet_packet::ipv4::checksum(&pnet_packet::ipv4::Ipv4Packet::new(header).unwrap())
}

fn stored_checksum(packet: &Packet) -> u16 {
    u16::from_be_bytes([packet.datagram()[10], packet.datagram()[11]])
}

#[test]
fn the_header_of_k5_is_built_and_loses_one_hop() {
    let mut packet = ping_of_84_bytes();
    assert_eq!(
        &packet.datagram()[..20],
        hex("450000541c46400040010a590a0100040a020004")
    );
    assert_eq!(packet.decrement_ttl(), Some(63));
    assert_eq!(stored_checksum(&packet), 0x0b59);
}

#[test]
fn a_decrement_that_leads_to_checksum_zero_stores_zero() {
    // K-5: feff at TTL 64; RFC 1141's form would store ffff.
    let envelope = Envelope {
        identification: 0x279f,
        dont_fragment: true,
        ..Envelope::new(A, B)
    };
    let mut packet = Packet::echo_request(envelope, 1, 1, &[0; 56]).unwrap();
    assert_eq!(stored_checksum(&packet), 0xfeff);
    assert_eq!(packet.decrement_ttl(), Some(63));
    assert_eq!(stored_checksum(&packet), 0x0000);
    assert_eq!(
        Packet::from_frame(packet.frame().to_vec())
            .unwrap()
            .datagram(),
        packet.datagram()
    );
}

#[test]
fn the_echo_of_k5_and_its_reply_have_the_recorded_checksums() {
    let data: Vec<u8> = (0..16).collect();
    let request = Packet::echo_request(Envelope::new(A, B), 0x1234, 1, &data).unwrap();
    assert_eq!(&request.payload()[..8], hex("0800ad8a12340001"));
    let reply = Packet::echo_reply(Envelope::new(B, A), 0x1234, 1, &data).unwrap();
    assert_eq!(&reply.payload()[..4], hex("0000b58a"));
    assert_eq!(checksum::update(0xad8a, 0x0800, 0x0000), 0xb58a);
}

#[test]
fn a_packet_at_the_end_of_its_life_is_not_decremented() {
    for ttl in [0, 1] {
        let envelope = Envelope {
            ttl,
            ..Envelope::new(A, B)
        };
        let mut packet = Packet::echo_request(envelope, 1, 1, &[]).unwrap();
        let before = packet.clone();
        assert_eq!(packet.decrement_ttl(), None);
        assert_eq!(packet, before, "an ICMP error quotes it as it came");
    }
}

#[test]
fn padding_behind_the_packet_is_cut_off() {
    let packet = Packet::udp(Envelope::new(A, B), 1, 2, b"x").unwrap();
    let mut padded = packet.frame().to_vec();
    padded.resize(60, 0xAA);
    assert_eq!(Packet::from_frame(padded).unwrap(), packet);
    assert_eq!(Packet::from_datagram(packet.datagram()).unwrap(), packet);
}

#[test]
fn what_the_accept_test_refuses_is_named() {
    let good = ping_of_84_bytes().datagram().to_vec();
    let patched = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        Packet::from_datagram(&bytes).unwrap_err()
    };
    assert_eq!(patched(0, 0x65), HeaderError::Ipv4, "version 6");
    assert_eq!(patched(0, 0x44), HeaderError::Ipv4, "IHL 4");
    assert_eq!(patched(3, 0x55), HeaderError::Ipv4, "longer than it is");
    assert_eq!(patched(8, 63), HeaderError::Checksum);
    assert_eq!(patched(10, 0), HeaderError::Checksum);
    assert_eq!(HeaderError::Checksum.reason(), DropReason::BadChecksum);
    assert_eq!(HeaderError::Ipv4.reason(), DropReason::BadHeader);
    let mut arp = ping_of_84_bytes().frame().to_vec();
    arp[13] = 0x06;
    assert_eq!(Packet::from_frame(arp), Err(HeaderError::NotIpv4));
    for source in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"] {
        let source = source.parse().unwrap();
        assert_eq!(
            Packet::echo_request(Envelope::new(source, B), 1, 1, &[]),
            Err(HeaderError::Source(source))
        );
    }
}

/// A packet with these options, header length and checksums made right.
fn with_options(options: &[u8], payload_len: usize) -> Vec<u8> {
    let mut header = etherparse::Ipv4Header::new(
        u16::try_from(payload_len).unwrap(),
        64,
        etherparse::IpNumber(protocol::UDP),
        A.octets(),
        B.octets(),
    )
    .unwrap();
    header.dont_fragment = false;
    header.options = options.try_into().unwrap();
    header.set_payload_len(payload_len).unwrap();
    header.header_checksum = header.calc_header_checksum();
    let mut bytes = header.to_bytes().to_vec();
    let udp = etherparse::UdpHeader::with_ipv4_checksum(9, 9, &header, &vec![7; payload_len - 8]);
    bytes.extend(udp.unwrap().to_bytes());
    bytes.extend(vec![7; payload_len - 8]);
    bytes
}

#[test]
fn options_are_carried_but_source_routes_are_not() {
    let record_route = [7, 7, 4, 0, 0, 0, 0, 0];
    let packet = Packet::from_datagram(&with_options(&record_route, 16)).unwrap();
    assert!(packet.has_valid_transport_checksum());
    assert_eq!(packet.tuple().destination_port, 9);
    for source_route in [131, 137] {
        let options = [1, source_route, 7, 4, 10, 0, 0, 1];
        assert_eq!(
            Packet::from_datagram(&with_options(&options, 16)),
            Err(HeaderError::Options)
        );
    }
    for broken in [[7, 0, 0, 0], [7, 9, 4, 0], [1, 1, 1, 7]] {
        assert_eq!(
            Packet::from_datagram(&with_options(&broken, 16)),
            Err(HeaderError::Options)
        );
    }
}

#[test]
fn echo_is_known_by_its_identifier_in_both_directions() {
    let request = Packet::echo_request(Envelope::new(A, B), 77, 1, &[]).unwrap();
    let reply = Packet::echo_reply(Envelope::new(B, A), 77, 1, &[]).unwrap();
    assert_eq!(request.tuple().reversed(), reply.tuple());
    assert_eq!(
        request.tuple().symmetric_hash(),
        reply.tuple().symmetric_hash()
    );
    assert_eq!(request.content(), Content::IcmpQuery(8));
}

#[test]
fn fifteen_hundred_bytes_become_the_two_fragments_of_k7() {
    let data = vec![5; 1472];
    let envelope = Envelope {
        identification: 9,
        ..Envelope::new(A, B)
    };
    let packet = Packet::udp(envelope, 1, 2, &data).unwrap();
    assert_eq!(packet.len(), 1500);
    let parts = packet.clone().fit(1400).unwrap();
    let seen: Vec<_> = parts
        .iter()
        .map(|part| (part.len(), part.fragment_offset() / 8, part.fragment()))
        .collect();
    assert_eq!(
        seen,
        [
            (1396, 0, Fragment::First),
            (124, 172, Fragment::Later { last: true })
        ]
    );
    assert!(parts.iter().all(|part| part.identification() == 9));
    assert_eq!(parts[0].tuple(), packet.tuple());
    assert_eq!(parts[1].content(), Content::LaterFragment);
    assert_eq!(packet.clone().fit(1500).unwrap(), [packet]);

    let held_together = Envelope {
        dont_fragment: true,
        ..envelope
    };
    let packet = Packet::udp(held_together, 1, 2, &data).unwrap();
    assert_eq!(packet.fit(1400), Err(fragment::MustNotFragment));
}

#[test]
fn only_options_with_the_copy_bit_go_into_later_fragments() {
    // Record route (7) stays in the first fragment, the stream identifier (136) goes into all.
    let options = [7, 3, 4, 136, 4, 0, 1, 0];
    let packet = Packet::from_datagram(&with_options(&options, 600)).unwrap();
    let parts = packet.fit(300).unwrap();
    assert_eq!(&parts[0].datagram()[20..28], options);
    assert_eq!(parts[1].headers.len, 24);
    assert_eq!(&parts[1].datagram()[20..24], [136, 4, 0, 1]);
}

#[test]
fn errors_quote_at_most_576_bytes_and_are_not_sent_about_errors_fragments_and_groups() {
    let long = Packet::udp(Envelope::new(A, B), 1, 2, &[0; 1400]).unwrap();
    let reporter = Ipv4Addr::new(10, 0, 0, 4);
    let error = long.error(IcmpError::TimeExceeded, reporter).unwrap();
    assert_eq!(error.len(), 576);
    assert_eq!((error.source(), error.destination()), (reporter, A));
    assert_eq!(&error.payload()[..2], [11, 0]);
    assert_eq!(error.ttl(), 64);
    assert!(error.has_valid_transport_checksum());
    assert_eq!(error.quoted(), Some(long.tuple()));
    assert_eq!(error.conversation(), long.tuple().reversed());

    assert_eq!(error.error(IcmpError::TimeExceeded, reporter), None);
    let later = long.clone().fit(600).unwrap().remove(1);
    assert_eq!(later.error(IcmpError::TimeExceeded, reporter), None);
    let group = Envelope::new(A, Ipv4Addr::new(224, 0, 0, 5));
    let multicast = Packet::udp(group, 1, 2, &[]).unwrap();
    assert_eq!(multicast.error(IcmpError::PortUnreachable, reporter), None);

    let needed = IcmpError::FragmentationNeeded { next_hop_mtu: 1400 };
    let error = long.error(needed, reporter).unwrap();
    assert_eq!(error.payload()[..2], [3, 4]);
    assert_eq!(error.payload()[6..8], 1400_u16.to_be_bytes());
}

#[test]
fn a_quote_of_eight_bytes_names_its_flow() {
    let segment = TcpSegment {
        source_port: 5,
        destination_port: 443,
        sequence: 1,
        acknowledgment: 0,
        flags: TcpFlags::SYN,
        window: 1000,
    };
    let syn = Packet::tcp(Envelope::new(A, B), segment, &[]).unwrap();
    let error = syn.error(IcmpError::TimeExceeded, B).unwrap();
    let cut = error.datagram()[..20 + 8 + 28].to_vec();
    let mut header = etherparse::Ipv4Header::from_slice(&cut).unwrap().0;
    header.total_len = u16::try_from(cut.len()).unwrap();
    header.header_checksum = header.calc_header_checksum();
    let bytes = [&header.to_bytes()[..], &cut[20..]].concat();
    let short = Packet::from_datagram(&bytes).unwrap();
    assert_eq!(short.quoted(), Some(syn.tuple()));
    assert_eq!(
        Packet::from_datagram(&with_total_len(&bytes, 50))
            .unwrap()
            .quoted(),
        None
    );
}

fn with_total_len(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut header = etherparse::Ipv4Header::from_slice(bytes).unwrap().0;
    header.total_len = u16::try_from(len).unwrap();
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], &bytes[20..len]].concat()
}

#[test]
fn udp_without_checksum_stays_without() {
    let mut bytes = Packet::udp(Envelope::new(A, B), 1, 2, b"data")
        .unwrap()
        .datagram()
        .to_vec();
    bytes[26..28].copy_from_slice(&[0, 0]);
    let mut packet = Packet::from_datagram(&bytes).unwrap();
    assert!(packet.has_valid_transport_checksum());
    packet.set_end(End::Source, Ipv4Addr::new(1, 2, 3, 4), 99);
    assert_eq!(packet.payload()[..2], 99_u16.to_be_bytes());
    assert_eq!(packet.payload()[6..8], [0, 0]);
}

#[test]
fn a_udp_checksum_that_comes_to_zero_is_stored_as_ffff() {
    // K-4: zero would mean that there is none. Over all ports, every sum is met.
    let mut packet = Packet::udp(Envelope::new(A, B), 1, 2, b"data").unwrap();
    let mut sums = Vec::new();
    for port in 0..=u16::MAX {
        packet.set_end(End::Source, A, port);
        assert!(packet.has_valid_transport_checksum());
        sums.push([packet.payload()[6], packet.payload()[7]]);
    }
    assert!(!sums.contains(&[0, 0]));
    assert!(sums.contains(&[0xFF, 0xFF]));
}

#[test]
fn a_mac_address_of_ours_begins_as_azures_do() {
    assert_eq!(
        derived_mac(NicId::new(0x0102_0304)),
        [0x00, 0x0d, 0x3a, 2, 3, 4]
    );
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let envelope =
        (any::<u32>(), any::<u32>(), 1..=255u8, any::<u16>()).prop_map(|(a, b, ttl, id)| {
            Envelope {
                ttl,
                identification: id,
                ..Envelope::new(
                    Ipv4Addr::from(0x0A00_0000 | (a & 0x00FF_FFFF)),
                    Ipv4Addr::from(b),
                )
            }
        });
    let data = prop::collection::vec(any::<u8>(), 0..80);
    (envelope, 0..4u8, any::<[u16; 2]>(), any::<u8>(), data).prop_map(
        |(envelope, kind, [a, b], flags, data)| {
            let segment = TcpSegment {
                source_port: a,
                destination_port: b,
                sequence: 7,
                acknowledgment: 9,
                flags: TcpFlags(flags & 0x1F),
                window: 100,
            };
            match kind {
                0 => Packet::echo_request(envelope, a, b, &data),
                1 => Packet::tcp(envelope, segment, &data),
                2 => Packet::udp(envelope, a, b, &data),
                _ => Packet::other(envelope, 50, &data),
            }
            .unwrap()
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_make_the_check_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Packet::from_datagram(&bytes);
        let _ = Packet::from_frame(bytes);
    }

    /// Broken packets reach deeper than random bytes; the header checksum is made right so that they pass it.
    #[test]
    fn no_broken_packet_makes_anything_panic(packet in any_packet(), breaks in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut: prop::sample::Index) {
        let error = packet.error(IcmpError::PortUnreachable, A);
        for packet in [Some(packet), error].into_iter().flatten() {
            let mut bytes = packet.datagram().to_vec();
            for (at, value) in &breaks {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            let header_len = usize::from(bytes[0] & 0x0F) * 4;
            if header_len >= 20 && bytes.len() >= header_len {
                bytes[10..12].copy_from_slice(&[0, 0]);
                let sum = checksum::of(&bytes[..header_len]);
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            let Ok(mut packet) = Packet::from_datagram(&bytes) else { continue };
            let _ = packet.has_valid_transport_checksum();
            let _ = packet.quoted();
            let _ = packet.error(IcmpError::TimeExceeded, B);
            packet.set_quoted_end(End::Source, A, 1);
            packet.set_end(End::Destination, B, 2);
            packet.decrement_ttl();
            let _ = packet.fit(0);
        }
    }

    #[test]
    fn a_patched_packet_is_as_good_as_a_new_one(packet in any_packet(), a: u16, b: u16) {
        let mut patched = packet.clone();
        let (source, destination) = (Ipv4Addr::new(172, 16, 3, 9), Ipv4Addr::new(198, 51, 100, 77));
        patched.set_end(End::Source, source, a);
        patched.set_end(End::Destination, destination, b);
        patched.decrement_ttl();
        prop_assert_eq!(stored_checksum(&patched), checksum_by_pnet(&patched));
        prop_assert!(patched.has_valid_transport_checksum());
        let fresh = Packet::from_frame(patched.frame().to_vec()).unwrap();
        prop_assert_eq!(fresh.headers, patched.headers);
        prop_assert_eq!((fresh.source(), fresh.destination()), (source, destination));
    }

    #[test]
    fn fragments_hold_what_the_packet_held(packet in any_packet(), mtu in 0..200u16) {
        let parts = packet.clone().fit(mtu).unwrap();
        let mut whole = vec![0; packet.payload().len()];
        for part in &parts {
            prop_assert!(part.len() <= 128.max(usize::from(mtu)));
            whole[part.fragment_offset()..][..part.payload().len()].copy_from_slice(part.payload());
        }
        prop_assert_eq!(whole, packet.payload());
        prop_assert_eq!(parts.iter().filter(|part| !part.more_fragments()).count(), 1);
    }
}
