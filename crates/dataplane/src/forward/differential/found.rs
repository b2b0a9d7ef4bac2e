//! What the runs have found, each in as few packets as show it.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::{Network, Route, RouteDestination, UserNextHop};

use super::changes::Change;
use super::random::Random;
use super::trial::{Disagreement, Trial};
use super::{frame, network};
use crate::forward::Settings;
use crate::packet::{Envelope, Packet, TcpFlags, TcpSegment};
use crate::time::{SimDuration, SimTime};

/// Packets, each a burst of its own a millisecond after the last one, by the names of the NICs that send them.
fn settle(opening: &[Change], bursts: &[&[(&str, Vec<u8>)]]) -> Result<(), Disagreement> {
    let network = topology();
    let mut trial = Trial::new(network, opening, Settings::default());
    for (number, burst) in (1..).zip(bursts) {
        trial.set_time(SimTime::ZERO + SimDuration::from_milliseconds(number));
        for (name, frame) in *burst {
            let mut nics = trial.network.listed_nics();
            let nic = nics.find(|(_, nic)| nic.id.name() == *name);
            let (nic, _) = nic.expect("of the topology");
            drop(nics);
            trial.offer(nic, frame.clone());
        }
        trial.settle()?;
    }
    Ok(())
}

fn topology() -> Network {
    network::load(&mut Random::new(0))
}

fn group_everywhere(network: &Network) -> Vec<Change> {
    let (group, _) = network.nsgs().iter().next().expect("of the topology");
    let subnets = network.subnets().iter();
    subnets
        .map(|(subnet, _)| Change::SubnetGroup(subnet, Some(group)))
        .collect()
}

fn route(network: &Network, table: &str, prefix: &str, appliance: [u8; 4]) -> Change {
    let mut tables = network.route_tables().iter();
    let (table, _) = tables
        .find(|(_, known)| known.id.name() == table)
        .expect("of the topology");
    let prefix: Ipv4Net = prefix.parse().expect("a prefix");
    let route = Route {
        name: "route".to_owned(),
        destination: RouteDestination::Prefix(prefix),
        next_hop: UserNextHop::VirtualAppliance(appliance.into()),
    };
    Change::Routes(table, vec![route])
}

fn udp(source: [u8; 4], destination: [u8; 4], ports: (u16, u16)) -> Vec<u8> {
    let envelope = Envelope::new(source.into(), destination.into());
    let packet = Packet::udp(envelope, ports.0, ports.1, b"x").expect("a short datagram");
    packet.frame().to_vec()
}

/// All of it.
pub(super) const CASES: &[fn() -> Result<(), Disagreement>] =
    &[checksum_of_zero, own_reverse, made_by_a_frontend];

#[test]
fn a_checksum_of_zero_keeps_its_spelling_where_no_router_passes() {
    checksum_of_zero().unwrap();
}

#[test]
fn a_five_tuple_that_is_its_own_reverse_has_one_pair_at_an_appliance() {
    own_reverse().unwrap();
}

#[test]
fn a_flow_to_a_member_is_not_overtaken_by_what_its_frontend_makes_of_another() {
    made_by_a_frontend().unwrap();
}

fn checksum_of_zero() -> Result<(), Disagreement> {
    let plain = udp([10, 200, 0, 4], [10, 200, 1, 4], (1000, 22));
    let mut other = plain.clone();
    frame::aim_checksum(&mut other, 0xFFFF);
    let from = "island0VMNic";
    settle(&[], &[&[(from, plain)], &[(from, other)]])
}

fn own_reverse() -> Result<(), Disagreement> {
    let network = topology();
    let mut opening = group_everywhere(&network);
    opening.push(route(&network, "a", "10.2.0.0/16", [10, 0, 2, 4]));
    let own = Ipv4Addr::new(10, 2, 1, 4);
    let envelope = Envelope::new(own, own);
    let packet = Packet::other(envelope, 50, b"x").expect("a short packet");
    let frame = packet.frame().to_vec();
    settle(&opening, &[&[("aVMNic", frame)]])
}

fn made_by_a_frontend() -> Result<(), Disagreement> {
    let asks = udp([10, 1, 0, 4], [10, 2, 0, 100], (1000, 80));
    let answers = udp([10, 2, 0, 4], [10, 1, 0, 4], (8080, 1000));
    let through_frontend = segment(&asks);
    let answer = segment(&answers);
    settle(
        &[],
        &[
            &[("two0VMNic", answer.clone())],
            &[("one0VMNic", through_frontend), ("two0VMNic", answer)],
        ],
    )
}

/// The same ends with TCP, on which the frontend listens.
fn segment(datagram: &[u8]) -> Vec<u8> {
    let packet = Packet::from_frame(datagram.to_vec()).expect("a datagram");
    let tuple = packet.tuple();
    let segment = TcpSegment {
        source_port: tuple.source_port,
        destination_port: tuple.destination_port,
        sequence: 1,
        acknowledgment: 1,
        flags: TcpFlags::ACK,
        window: 1,
    };
    let envelope = Envelope::new(tuple.source, tuple.destination);
    let packet = Packet::tcp(envelope, segment, &[]).expect("a short segment");
    packet.frame().to_vec()
}
