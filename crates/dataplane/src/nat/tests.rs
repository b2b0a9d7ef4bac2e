use proptest::prelude::*;

use control::snapshot::FrontendId;

use super::*;
use crate::packet::{Envelope, IcmpError};

const NIC: NicId = NicId::new(7);
const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const FRONT: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);
const BY: Translator = Translator::Frontend(FrontendId(3));

fn at(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_seconds(seconds)
}

fn udp(source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16)) -> Packet {
    let envelope = Envelope::new(source.0, destination.0);
    Packet::udp(envelope, source.1, destination.1, b"data").unwrap()
}

fn way(ports: std::ops::RangeInclusive<u16>) -> WayOut {
    WayOut {
        address: FRONT,
        ports,
        by: BY,
    }
}

/// A flow from `CLIENT:port` to `FRONT:80`, which is really `OWN:8080`.
fn came_in(nat: &mut Nat, port: u16, now: SimTime) -> Result<(), Taken> {
    let inside = udp((OWN, 8080), (CLIENT, port)).tuple();
    let outside = udp((FRONT, 80), (CLIENT, port)).tuple();
    nat.create(NIC, inside, outside, BY, now)
}

#[test]
fn both_ways_of_a_flow_are_translated_and_nothing_else() {
    let mut nat = Nat::default();
    came_in(&mut nat, 5, at(0)).unwrap();
    let mut there = udp((CLIENT, 5), (FRONT, 80));
    nat.entering(NIC, &there, at(1)).unwrap().apply(&mut there);
    assert_eq!(there, udp((CLIENT, 5), (OWN, 8080)));
    let mut back = udp((OWN, 8080), (CLIENT, 5));
    nat.leaving(NIC, &back, at(1)).unwrap().apply(&mut back);
    assert_eq!(back, udp((FRONT, 80), (CLIENT, 5)));
    for stranger in [udp((OWN, 8080), (CLIENT, 6)), udp((OWN, 8081), (CLIENT, 5))] {
        assert_eq!(nat.leaving(NIC, &stranger, at(1)), None);
    }
    let neighbour = NicId::new(8);
    assert_eq!(
        nat.entering(neighbour, &udp((CLIENT, 5), (FRONT, 80)), at(1)),
        None
    );
}

#[test]
fn a_flow_is_forgotten_after_four_idle_minutes() {
    let mut nat = Nat::default();
    came_in(&mut nat, 5, at(0)).unwrap();
    let back = udp((OWN, 8080), (CLIENT, 5));
    assert!(nat.leaving(NIC, &back, at(240)).is_some());
    assert!(nat.leaving(NIC, &back, at(480)).is_some());
    assert!(nat.leaving(NIC, &back, at(721)).is_none());
    came_in(&mut nat, 5, at(721)).unwrap();
}

#[test]
fn two_flows_do_not_get_one_end() {
    let mut nat = Nat::default();
    came_in(&mut nat, 5, at(0)).unwrap();
    let inside = udp((OWN, 8080), (CLIENT, 5)).tuple();
    let other_front = udp((Ipv4Addr::new(20, 0, 0, 2), 80), (CLIENT, 5)).tuple();
    assert_eq!(nat.create(NIC, inside, other_front, BY, at(1)), Err(Taken));
}

#[test]
fn a_flow_that_goes_out_keeps_its_port_if_it_may_and_errors_about_it_come_home() {
    let mut nat = Nat::default();
    let server = (CLIENT, 443);
    let mut seen = Vec::new();
    for port in [2000, 9, 2001] {
        let mut packet = udp((OWN, port), server);
        nat.create_outward(NIC, packet.tuple(), &way(2000..=2002), |_| false, at(0))
            .unwrap();
        nat.leaving(NIC, &packet, at(0)).unwrap().apply(&mut packet);
        assert_eq!(packet.source(), FRONT);
        seen.push(packet.tuple().source_port);

        let mut error = packet.error(IcmpError::PortUnreachable, CLIENT).unwrap();
        nat.entering(NIC, &error, at(0)).unwrap().apply(&mut error);
        let quoted = error.quoted().unwrap();
        assert_eq!((quoted.source, quoted.source_port), (OWN, port));
        assert_eq!(error.destination(), OWN);
    }
    assert_eq!(seen, [2000, 2001, 2002]);
    let fourth = udp((OWN, 10), server).tuple();
    assert_eq!(
        nat.create_outward(NIC, fourth, &way(2000..=2002), |_| false, at(0)),
        Err(Taken)
    );
}

proptest! {
    /// What was put on is what is taken off, and no two flows of a NIC look alike outside or inside.
    #[test]
    fn what_leaves_comes_back_to_where_it_left(flows in prop::collection::vec((0..2u32, 0..3u8, 1..6u16, 0..3u8, any::<bool>()), 1..60)) {
        let mut nat = Nat::default();
        let mut seen: HashMap<Key, FiveTuple> = HashMap::new();
        for (nic, own, port, peer, icmp) in flows {
            let nic = NicId::new(nic);
            let (own, peer) = (Ipv4Addr::new(10, 0, 0, 4 + own), Ipv4Addr::new(203, 0, 113, peer + 1));
            let packet = if icmp {
                Packet::echo_request(Envelope::new(own, peer), port, 1, b"x").unwrap()
            } else {
                udp((own, port), (peer, 53))
            };
            let inside = packet.tuple();
            if nat.leaving(nic, &packet, at(0)).is_none()
                && nat.create_outward(nic, inside, &way(1..=7), |_| false, at(0)).is_err() {
                continue; // no port is left
            }
            let mut out = packet.clone();
            nat.leaving(nic, &out, at(0)).unwrap().apply(&mut out);
            prop_assert!(out.has_valid_transport_checksum());
            let user = *seen.entry((nic, out.tuple())).or_insert(inside);
            prop_assert_eq!(user, inside, "two flows look alike outside");

            let answer = out.tuple().reversed();
            let mut back = if icmp {
                Packet::echo_reply(Envelope::new(answer.source, answer.destination), answer.source_port, 1, b"x").unwrap()
            } else {
                udp((answer.source, answer.source_port), (answer.destination, answer.destination_port))
            };
            nat.entering(nic, &back, at(0)).unwrap().apply(&mut back);
            prop_assert_eq!(back.tuple(), inside.reversed());
            prop_assert!(back.has_valid_transport_checksum());
        }
    }
}
