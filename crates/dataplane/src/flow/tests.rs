use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::packet::{Envelope, TcpSegment};

const A: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 4);
const B: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 4);
const NIC: NicId = NicId::new(7);
const OUT: Visit = Visit::leaving(NIC);
const IN: Visit = Visit::entering(NIC);
const TERMS: Terms = Terms {
    idle: SimDuration::from_seconds(240),
    admitted_in: 1,
};

fn at(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_seconds(seconds)
}

fn udp(source: Ipv4Addr, destination: Ipv4Addr, ports: (u16, u16)) -> Packet {
    Packet::udp(Envelope::new(source, destination), ports.0, ports.1, b"x").unwrap()
}

fn tcp(source: Ipv4Addr, destination: Ipv4Addr, ports: (u16, u16), flags: TcpFlags) -> Packet {
    let segment = TcpSegment {
        source_port: ports.0,
        destination_port: ports.1,
        sequence: 1,
        acknowledgment: 1,
        flags,
        window: 1,
    };
    Packet::tcp(Envelope::new(source, destination), segment, &[]).unwrap()
}

#[test]
fn a_pair_admits_both_directions_of_its_flow_and_nothing_else() {
    let mut table = FlowTable::default();
    let there = udp(A, B, (5, 53));
    assert_eq!(table.recall(OUT, &there, at(0)), None);
    table.create(OUT, &there, TERMS, at(0)).unwrap();
    let known = table.recall(OUT, &there, at(1)).unwrap();
    assert_eq!(known.initiator, Direction::Outbound);
    assert_eq!(known.subject.tuple, there.tuple());
    let back = udp(B, A, (53, 5));
    assert_eq!(table.recall(IN, &back, at(1)), Some(known));
    // S-17: direction matters. An appliance forwards the same packet out that came in: a pair of its own.
    assert_eq!(table.recall(IN, &there, at(1)), None);
    assert_eq!(table.recall(OUT, &back, at(1)), None);
    let neighbour = Visit::leaving(NicId::new(8));
    assert_eq!(table.recall(neighbour, &there, at(1)), None);
}

#[test]
fn an_idle_pair_is_forgotten_after_four_minutes_and_icmp_after_one() {
    let mut table = FlowTable::default();
    let packet = udp(A, B, (5, 53));
    let ping = Packet::echo_request(Envelope::new(A, B), 9, 1, &[]).unwrap();
    table.create(OUT, &packet, TERMS, at(0)).unwrap();
    table.create(OUT, &ping, TERMS, at(0)).unwrap();
    assert!(table.recall(OUT, &ping, at(60)).is_some());
    assert!(table.recall(OUT, &ping, at(121)).is_none());
    assert!(
        table.recall(OUT, &packet, at(240)).is_some(),
        "to the second"
    );
    assert!(table.recall(OUT, &packet, at(480)).is_some(), "refreshed");
    assert!(table.recall(OUT, &packet, at(721)).is_none());
}

#[test]
fn a_closed_connection_lingers_for_a_second_and_a_syn_begins_another() {
    let fin = TcpFlags::FIN.with(TcpFlags::ACK);
    let mut table = FlowTable::default();
    let syn = tcp(A, B, (5, 80), TcpFlags::SYN);
    table.create(OUT, &syn, TERMS, at(0)).unwrap();
    assert!(table.recall(OUT, &tcp(A, B, (5, 80), fin), at(1)).is_some());
    // Half closed: data still comes in.
    assert!(
        table
            .recall(IN, &tcp(B, A, (80, 5), TcpFlags::ACK), at(200))
            .is_some()
    );
    assert!(
        table
            .recall(IN, &tcp(B, A, (80, 5), fin), at(201))
            .is_some()
    );
    let last_ack = tcp(A, B, (5, 80), TcpFlags::ACK);
    assert!(table.recall(OUT, &last_ack, at(202)).is_some());
    assert_eq!(
        table.recall(OUT, &syn, at(202)),
        None,
        "ports are used again: rules are asked"
    );
    assert!(
        table.recall(OUT, &last_ack, at(203)).is_none(),
        "not refreshed any more"
    );

    table.create(OUT, &syn, TERMS, at(300)).unwrap();
    let reset = tcp(B, A, (80, 5), TcpFlags::RST);
    assert!(table.recall(IN, &reset, at(301)).is_some());
    assert!(
        table.recall(IN, &reset, at(302)).is_some(),
        "a late RST passes"
    );
    assert!(table.recall(IN, &reset, at(303)).is_none());
}

#[test]
fn echo_and_its_reply_are_one_flow_and_an_unasked_reply_is_another() {
    let mut table = FlowTable::default();
    let request = Packet::echo_request(Envelope::new(A, B), 77, 1, &[]).unwrap();
    let reply = |identifier| Packet::echo_reply(Envelope::new(B, A), identifier, 1, &[]).unwrap();
    table.create(OUT, &request, TERMS, at(0)).unwrap();
    assert!(table.recall(IN, &reply(77), at(0)).is_some());
    assert!(table.recall(IN, &reply(78), at(0)).is_none());
}

#[test]
fn an_error_about_a_live_flow_is_related_in_the_direction_in_which_it_comes_back() {
    use crate::packet::IcmpError;
    let mut table = FlowTable::default();
    let packet = udp(A, B, (5, 33434));
    table.create(OUT, &packet, TERMS, at(0)).unwrap();
    let router = Ipv4Addr::new(10, 0, 0, 4);
    let error = packet.error(IcmpError::TimeExceeded, router).unwrap();
    let quoted = error.quoted().unwrap();
    assert!(table.knows_quoted(IN, quoted, at(240)));
    assert!(
        !table.knows_quoted(OUT, quoted, at(0)),
        "nothing that came in is meant"
    );
    assert!(!table.knows_quoted(IN, quoted, at(241)));
    let other = udp(A, B, (6, 33434)).error(IcmpError::TimeExceeded, router);
    assert!(!table.knows_quoted(IN, other.unwrap().quoted().unwrap(), at(0)));
}

#[test]
fn a_full_nic_takes_a_new_flow_as_soon_as_an_old_one_has_expired() {
    let mut table = FlowTable::with_limit(3);
    for port in 1..=3 {
        table
            .create(OUT, &udp(A, B, (port, 53)), TERMS, at(u64::from(port)))
            .unwrap();
    }
    let fourth = udp(A, B, (4, 53));
    assert_eq!(table.create(OUT, &fourth, TERMS, at(10)), Err(TableFull));
    let other_nic = Visit::leaving(NicId::new(8));
    assert_eq!(table.create(other_nic, &fourth, TERMS, at(10)), Ok(()));
    assert!(table.recall(OUT, &udp(A, B, (1, 53)), at(11)).is_some());
    assert_eq!(
        table.create(OUT, &fourth, TERMS, at(242)),
        Err(TableFull),
        "2 lives to the second"
    );
    assert_eq!(table.create(OUT, &fourth, TERMS, at(243)), Ok(()));
    assert_eq!(table.live(NIC, at(243)), 3);
}

#[test]
fn a_reset_makes_room_after_its_linger() {
    let mut table = FlowTable::with_limit(1);
    let syn = tcp(A, B, (5, 80), TcpFlags::SYN);
    let other = tcp(A, B, (6, 80), TcpFlags::SYN);
    table.create(OUT, &syn, TERMS, at(0)).unwrap();
    assert_eq!(table.create(OUT, &other, TERMS, at(1)), Err(TableFull));
    table
        .recall(IN, &tcp(B, A, (80, 5), TcpFlags::RST), at(2))
        .unwrap();
    assert_eq!(table.create(OUT, &other, TERMS, at(3)), Err(TableFull));
    assert_eq!(table.create(OUT, &other, TERMS, at(4)), Ok(()));
}

#[test]
fn fragments_follow_the_first_one_until_the_last_or_for_a_second() {
    let long = Packet::udp(Envelope::new(A, B), 5, 53, &[0; 2000]).unwrap();
    let parts = long.clone().fit(700).unwrap();
    let [first, second, last] = &parts[..] else {
        panic!("{} parts", parts.len());
    };
    let mut table = FlowTable::default();
    assert_eq!(
        table.recall_fragment(OUT, second, at(0)),
        None,
        "it came first"
    );
    table.remember_fragment(OUT, first, at(0));
    assert_eq!(
        table.recall_fragment(OUT, second, at(1)),
        Some(long.tuple())
    );
    assert_eq!(
        table.recall_fragment(IN, second, at(1)),
        None,
        "another visit"
    );
    assert_eq!(table.recall_fragment(OUT, last, at(1)), Some(long.tuple()));
    assert_eq!(
        table.recall_fragment(OUT, second, at(1)),
        None,
        "the datagram is through"
    );
    table.remember_fragment(OUT, first, at(2));
    assert_eq!(table.recall_fragment(OUT, second, at(4)), None, "too late");
}

#[test]
fn the_table_shrinks_to_what_lives() {
    let mut table = FlowTable::default();
    for number in 0..20_000_u32 {
        let source = Ipv4Addr::from(0x0A00_0000 + number);
        let now = at(u64::from(number));
        table
            .create(OUT, &udp(source, B, (1, 53)), TERMS, now)
            .unwrap();
    }
    assert!(table.records() <= 2 * 242, "{} records", table.records());
}

/// What the table is meant to be: a list of pairs, every one of which is looked at.
#[derive(Default)]
struct Obvious {
    pairs: Vec<ObviousPair>,
    limit: usize,
}

struct ObviousPair {
    nic: NicId,
    leaving: FiveTuple,
    last_seen: SimTime,
    fins: [bool; 2],
    closed: Option<SimTime>,
}

impl ObviousPair {
    fn lives(&self, now: SimTime) -> bool {
        match self.closed {
            Some(closed) => now - closed <= SimDuration::from_seconds(1),
            None => now - self.last_seen <= TERMS.idle,
        }
    }
}

impl Obvious {
    /// The filter of one visit with rules that allow everything: true = a pair was there.
    fn visit(&mut self, visit: Visit, packet: &Packet, now: SimTime) -> Result<bool, TableFull> {
        self.pairs.retain(|pair| pair.lives(now));
        let inbound = visit.direction == Direction::Inbound;
        let tuple = packet.tuple();
        let leaving = if inbound { tuple.reversed() } else { tuple };
        let Content::Tcp(flags) = packet.content() else {
            panic!("TCP only");
        };
        let same = |pair: &ObviousPair| pair.nic == visit.nic && pair.leaving == leaving;
        let reused = |pair: &ObviousPair| pair.closed.is_some() && flags.asks_for_connection();
        let known = self
            .pairs
            .iter()
            .position(|pair| same(pair) && !reused(pair));
        let position = if let Some(position) = known {
            position
        } else {
            // A connection that is reborn takes the place of the old one.
            self.pairs.retain(|pair| !same(pair));
            let of_nic = self.pairs.iter().filter(|pair| pair.nic == visit.nic);
            if of_nic.count() >= self.limit {
                return Err(TableFull);
            }
            self.pairs.push(ObviousPair {
                nic: visit.nic,
                leaving,
                last_seen: now,
                fins: [false; 2],
                closed: None,
            });
            self.pairs.len() - 1
        };
        let pair = &mut self.pairs[position];
        pair.last_seen = now;
        pair.fins[usize::from(inbound)] |= flags.contains(TcpFlags::FIN);
        if pair.closed.is_none() && (flags.contains(TcpFlags::RST) || pair.fins == [true, true]) {
            pair.closed = Some(now);
        }
        Ok(known.is_some())
    }
}

proptest! {
    /// Few flows, NICs and flags, and steps of time around the limits, so that everything meets everything.
    #[test]
    fn the_table_agrees_with_an_obvious_list(limit in 1..5usize, visits in prop::collection::vec((0..2u32, any::<bool>(), 0..4u16, any::<bool>(), 0..5usize, 0..7usize), 1..120)) {
        let flags = [TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN, TcpFlags::RST, TcpFlags::SYN.with(TcpFlags::ACK)];
        let jumps = [0, 1, 999_999_999, 1_000_000_000, 1_000_000_001, 120_000_000_000, 240_000_000_000];
        let mut table = FlowTable::with_limit(u32::try_from(limit).unwrap());
        let mut obvious = Obvious { limit, ..Obvious::default() };
        let mut now = SimTime::ZERO;
        for (nic, inbound, port, back, flag, jump) in visits {
            now += SimDuration::from_nanoseconds(jumps[jump]);
            let nic = NicId::new(nic);
            let visit = if inbound { Visit::entering(nic) } else { Visit::leaving(nic) };
            let packet = if back { tcp(B, A, (80, port), flags[flag]) } else { tcp(A, B, (port, 80), flags[flag]) };
            let known = table.recall(visit, &packet, now).is_some();
            let seen = if known { Ok(true) } else { table.create(visit, &packet, TERMS, now).map(|()| false) };
            prop_assert_eq!(seen, obvious.visit(visit, &packet, now));
        }
        for nic in [0, 1].map(NicId::new) {
            let of_nic = obvious.pairs.iter().filter(|pair| pair.nic == nic && pair.lives(now)).count();
            prop_assert_eq!(table.live(nic, now), of_nic);
        }
    }
}
