//! Whatever bytes come: nothing panics, and every packet is accounted for.

use std::collections::VecDeque;

use dataplane::packet::{Envelope, TcpFlags, TcpSegment};
use dataplane::{Delivery, InFlight, Outcome, Packet, Pipeline, Position};
use model::{Access, Direction, Guest, NicId};
use proptest::prelude::*;

use crate::world::{World, hub_and_spokes, rule};

/// A hub whose appliance translates and is stateful, groups here and there, and machines that are peers or neighbours.
fn busy_world() -> (World, Vec<NicId>) {
    let guest = Guest {
        source_nat: true,
        stateful: true,
        ..Guest::default()
    };
    let mut net = hub_and_spokes([true, false], guest);
    let mut allow = rule("AllowSome", 100, Direction::Inbound, Access::Allow);
    allow.destination_ports = model::Ports::from_ranges([(0, 1000)]);
    let group = net.world.group("nsg", vec![allow]);
    for nic in [net.nva, net.two.nic] {
        net.world.network.set_nic_security_group(nic, Some(group));
    }
    let nics = vec![net.hub.nic, net.nva, net.one.nic, net.two.nic];
    (net.world, nics)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Account {
    originated: usize,
    extra_fragments: usize,
    delivered: usize,
    dropped: usize,
}

/// Runs a packet, and everything that comes of it, to the end.
fn run(world: &mut World, from: NicId, packet: Packet) -> Account {
    world.snapshot();
    let snapshot = world.snapshot.as_ref().unwrap();
    let mut account = Account {
        originated: 1,
        ..Account::default()
    };
    let mut in_flight = VecDeque::from([InFlight {
        position: Position::Leaving(from),
        packet,
    }]);
    while let Some(InFlight {
        position,
        mut packet,
    }) = in_flight.pop_front()
    {
        let mut silence = ();
        let mut pipeline = Pipeline::new(
            snapshot,
            &mut world.pairs,
            &mut world.guests,
            &mut silence,
            world.now,
        );
        let outcome = pipeline.walk(position, &mut packet);
        for spawned in pipeline.spawned {
            match spawned.position {
                Position::Leaving(_) => account.originated += 1,
                Position::UnderWay { .. } | Position::InGuest(_) => account.extra_fragments += 1,
            }
            in_flight.push_back(spawned);
        }
        match outcome {
            Outcome::Delivered(delivery) => {
                account.delivered += 1;
                if let Delivery::Guest(at) = delivery {
                    for (nic, packet) in world.guests.answer(snapshot, at, &packet, world.now) {
                        account.originated += 1;
                        let position = Position::Leaving(nic);
                        in_flight.push_back(InFlight { position, packet });
                    }
                }
            }
            Outcome::Dropped { dropped, .. } => {
                assert!(dropped.at().object(snapshot).is_some(), "{dropped:?}");
                account.dropped += 1;
            }
        }
        assert!(account.originated < 100, "a conversation without an end");
    }
    account
}

fn assert_conserved(account: &Account) {
    assert_eq!(
        account.originated + account.extra_fragments,
        account.delivered + account.dropped
    );
}

#[derive(Clone, Debug)]
struct Shot {
    from: usize,
    to: usize,
    kind: u8,
    ports: (u16, u16),
    flags: u8,
    ttl: u8,
    length: usize,
    dont_fragment: bool,
    breaks: Vec<(prop::sample::Index, u8)>,
}

fn shot() -> impl Strategy<Value = Shot> {
    let ports = (0..6u16, prop_oneof![Just(80u16), Just(53), Just(5000)]);
    let breaks = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (
        (0..4usize, 0..8usize, 0..5u8, ports, 0..5u8),
        (1..6u8, 0..3000usize, any::<bool>(), breaks),
    )
        .prop_map(
            |((from, to, kind, ports, flags), (ttl, length, dont_fragment, breaks))| Shot {
                from,
                to,
                kind,
                ports,
                flags,
                ttl,
                length,
                dont_fragment,
                breaks,
            },
        )
}

impl Shot {
    fn packets(&self, world: &World, nics: &[NicId]) -> Vec<Packet> {
        let outside = ["203.0.113.9", "168.63.129.16", "10.99.0.1", "224.0.0.1"];
        let destination = match nics.get(self.to) {
            Some(&nic) => world.address(nic),
            None => crate::world::ip(outside[self.to - nics.len()]),
        };
        let envelope = Envelope {
            ttl: self.ttl,
            identification: self.ports.0,
            dont_fragment: self.dont_fragment,
            ..Envelope::new(world.address(nics[self.from]), destination)
        };
        let data = vec![7; self.length];
        let flags = [
            TcpFlags::SYN,
            TcpFlags::ACK,
            TcpFlags::FIN.with(TcpFlags::ACK),
            TcpFlags::RST,
            TcpFlags::SYN.with(TcpFlags::ACK),
        ];
        let segment = TcpSegment {
            source_port: self.ports.0,
            destination_port: self.ports.1,
            sequence: 1,
            acknowledgment: 1,
            flags: flags[usize::from(self.flags)],
            window: 10,
        };
        let packet = match self.kind {
            0 => Packet::echo_request(envelope, self.ports.0, 1, &data),
            1 => Packet::echo_reply(envelope, self.ports.0, 1, &data),
            2 => Packet::tcp(envelope, segment, &data),
            3 => Packet::udp(envelope, self.ports.0, self.ports.1, &data),
            _ => Packet::other(envelope, 50, &data),
        }
        .unwrap();
        let error = packet.error(
            dataplane::packet::IcmpError::PortUnreachable,
            envelope.source,
        );
        let parts = packet.clone().fit(1500).unwrap_or_else(|_| vec![packet]);
        parts
            .into_iter()
            .chain(error)
            .filter_map(|part| self.broken(&part))
            .collect()
    }

    /// The packet with some bytes changed; the header checksum is made right, so that more of them get past the door.
    fn broken(&self, packet: &Packet) -> Option<Packet> {
        let mut bytes = packet.datagram().to_vec();
        for (at, value) in &self.breaks {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        let len = usize::from(bytes[0] & 0x0F) * 4;
        let header = bytes.get_mut(..len).filter(|header| header.len() >= 20)?;
        header[10..12].copy_from_slice(&[0, 0]);
        let sum = etherparse::checksum::u64_16bit_word::add_slice(0, header);
        let sum = etherparse::checksum::u64_16bit_word::ones_complement(sum);
        header[10..12].copy_from_slice(&sum.to_ne_bytes());
        Packet::from_datagram(&bytes).ok()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_is_accounted_for(shots in prop::collection::vec(shot(), 1..30)) {
        let (mut world, nics) = busy_world();
        for shot in shots {
            for packet in shot.packets(&world, &nics) {
                let account = run(&mut world, nics[shot.from], packet);
                assert_conserved(&account);
            }
            world.wait(1);
        }
    }

    #[test]
    fn no_bytes_make_the_pipeline_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 1..10)) {
        let (mut world, nics) = busy_world();
        for frame in frames {
            if let Ok(packet) = dataplane::pipeline::accept(nics[0], frame) {
                assert_conserved(&run(&mut world, nics[0], packet));
            }
        }
    }
}

#[test]
fn bytes_that_are_no_packet_are_a_drop_at_the_nic_that_would_have_sent_them() {
    let (world, nics) = busy_world();
    let good = world.echo(nics[0], world.address(nics[2]));
    let mut bad = good.frame().to_vec();
    bad[14 + 8] ^= 1;
    let dropped = dataplane::pipeline::accept(nics[0], bad).unwrap_err();
    assert_eq!(dropped.reason().name(), "bad-checksum");
    assert_eq!(dropped.at(), dataplane::Locator::Nic(nics[0]));
    let short = good.frame()[..30].to_vec();
    let dropped = dataplane::pipeline::accept(nics[0], short).unwrap_err();
    assert_eq!(dropped.reason().name(), "bad-header");
}
