//! Made-up traffic: TCP connections between pairs of NICs, burst by burst, as frames that the forwarding core takes.
//!
//! What it does **not** know: what becomes of the packets, the clock of the host. The clock of the flows is its own: it moves with the
//! packets, so that a run on a slow machine sees the same expiries as one on a fast machine.

mod choice;
mod frame;

use std::net::Ipv4Addr;
use std::ops::Range;

use dataplane::forward::BURST;
use dataplane::packet::{FiveTuple, TcpFlags, protocol};
use model::NicId;

use crate::forward::{Chunk, Source, Supply};
use crate::time::{SimDuration, SimTime};

pub use self::choice::Order;
use self::choice::{Chooser, SplitMix64};
use self::frame::Template;
pub use self::frame::{LONGEST, SHORTEST, Sizes, TTL};

/// One end of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The NIC that sends.
    pub nic: NicId,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Who talks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Opens connections.
    pub client: End,
    /// Is asked for them.
    pub server: End,
}

/// What kind of packets there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mix {
    /// Segments of connections that are open, one in two from the server.
    #[default]
    Established,
    /// SYNs, each the first packet of its connection: when a five-tuple returns it has been forgotten.
    New,
    /// Nine in ten as [`Mix::Established`], one in ten as [`Mix::New`].
    Mixed,
    /// Connections of six packets: SYN, SYN-ACK, ACK, data, FIN, FIN. When one ends, another begins in its place with a five-tuple of its
    /// own. Only data has the length that is asked for, the others have [`SHORTEST`].
    Tcp6,
}

/// What traffic is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Kind of packets.
    pub mix: Mix,
    /// Order of flows; new connections come in sequence whatever it is.
    pub order: Order,
    /// Length of frames.
    pub sizes: Sizes,
    /// Connections that are open, or five-tuples that new ones cycle through.
    pub flows: u32,
    /// The servers' port.
    pub port: u16,
    /// Seed of all choices.
    pub seed: u64,
    /// The longest idle time of the NICs on the way: afterwards a flow is forgotten everywhere.
    pub idle: SimDuration,
}

/// Why there cannot be such traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nobody sends.
    #[error("there is no pair of NICs that could talk to each other")]
    NoPairs,
    /// Zero flows.
    #[error("traffic needs at least one flow")]
    NoFlows,
    /// Client ports run out.
    #[error("{pairs} pairs of addresses have {available} five-tuples, too few for {wanted}")]
    TooManyFlows {
        /// Pairs of addresses.
        pairs: usize,
        /// Five-tuples there are.
        available: u64,
        /// Five-tuples that this mix needs.
        wanted: u64,
    },
}

/// Clients' ports: all but the well-known ones.
const FIRST_PORT: u16 = 1024;
const PORTS: u32 = u16::MAX as u32 + 1 - FIRST_PORT as u32;
/// One packet in so many is the first of a new connection in [`Mix::Mixed`].
const NEW_IN: u32 = 10;
/// One established packet in so many takes the flows in sequence in [`Mix::Mixed`], so that none is idle for too long, whatever the order.
const KEPT_ALIVE_IN: u32 = 8;
/// How often the five-tuples of new connections in [`Mix::Mixed`] outnumber the open ones.
const NEW_TUPLES: u32 = 2;
/// Between two packets of a connection in [`Mix::Tcp6`], on average.
const TCP6_GAP: SimDuration = SimDuration::from_milliseconds(250);
/// Packets in a millisecond of flow time where nothing is to expire: hours of packets fit into the shortest idle time.
const PACKETS_A_MILLISECOND: u64 = 1 << 18;

const PICOSECONDS: u64 = 1_000;

/// The segments of connections, in the order of [`Mix::Tcp6`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Syn,
    SynAck,
    Ack,
    Data,
    ClientFin,
    ServerFin,
    /// Data the other way.
    ServerData,
}

impl Segment {
    const ALL: [Self; 7] = [
        Self::Syn,
        Self::SynAck,
        Self::Ack,
        Self::Data,
        Self::ClientFin,
        Self::ServerFin,
        Self::ServerData,
    ];
    const CONNECTION: &'static [Self] = Self::ALL.split_at(6).0;

    const fn flags(self) -> TcpFlags {
        match self {
            Self::Syn => TcpFlags::SYN,
            Self::SynAck => TcpFlags::SYN.with(TcpFlags::ACK),
            Self::Ack => TcpFlags::ACK,
            Self::Data | Self::ServerData => TcpFlags::ACK.with(TcpFlags::PSH),
            Self::ClientFin | Self::ServerFin => TcpFlags::FIN.with(TcpFlags::ACK),
        }
    }

    const fn is_the_clients(self) -> bool {
        match self {
            Self::Syn | Self::Ack | Self::Data | Self::ClientFin => true,
            Self::SynAck | Self::ServerFin | Self::ServerData => false,
        }
    }
}

/// An open connection of [`Mix::Tcp6`].
#[derive(Clone, Copy, Debug)]
struct Slot {
    tuple: u32,
    /// Position in [`Segment::CONNECTION`] of the packet that comes next.
    next: u8,
}

/// A stream of packets.
#[derive(Clone, Debug)]
pub struct Traffic {
    plan: Plan,
    pairs: Vec<Pair>,
    /// By [`Segment`] and position in `shares`.
    templates: Vec<Template>,
    shares: Vec<(u32, u16)>,
    random: SplitMix64,
    chooser: Chooser,
    /// Open connections in sequence, for those that must not fall idle.
    keeper: Chooser,
    slots: Vec<Slot>,
    /// The five-tuple of the next new connection.
    next_tuple: u32,
    /// New connections take five-tuples in this range, again and again.
    new_tuples: Range<u32>,
    connections: u64,
    packets: u64,
    /// Flow time in picoseconds.
    elapsed: u128,
    /// Flow time of a packet, in [`Mix::New`] and [`Mix::Mixed`] of a new connection; in picoseconds.
    pace: u64,
    /// Most packets that may share a moment.
    longest_burst: usize,
    /// What is still to be done before it runs evenly.
    opening: Opening,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// SYNs, then SYN-ACKs, of all flows: how many of them are done.
    Handshakes(u32),
    /// Packets like all others: how many are left.
    WarmUp(u64),
}

impl Traffic {
    /// Traffic between these pairs; flows are spread evenly over them.
    pub fn new(plan: Plan, pairs: Vec<Pair>) -> Result<Self, PlanError> {
        let flows = plan.flows;
        if pairs.is_empty() {
            return Err(PlanError::NoPairs);
        }
        if flows == 0 {
            return Err(PlanError::NoFlows);
        }
        let available = pairs.len() as u64 * u64::from(PORTS);
        let wanted = u64::from(flows)
            * match plan.mix {
                Mix::Established | Mix::New => 1,
                Mix::Mixed => 1 + u64::from(NEW_TUPLES),
                // Beside what is open: what was closed a moment ago.
                Mix::Tcp6 => 4,
            };
        if wanted > available.min(u64::from(u32::MAX)) {
            return Err(PlanError::TooManyFlows {
                pairs: pairs.len(),
                available,
                wanted,
            });
        }
        let new_tuples = match plan.mix {
            Mix::Established => 0..0,
            Mix::New => 0..flows,
            Mix::Mixed => flows..flows * (1 + NEW_TUPLES),
            Mix::Tcp6 => 0..u32::try_from(available).unwrap_or(u32::MAX),
        };
        let shares = plan.sizes.shares();
        let templates = Segment::ALL.iter().flat_map(|&segment| {
            shares.iter().map(move |&(_, length)| {
                let short = plan.mix == Mix::Tcp6 && segment != Segment::Data;
                Template::new(segment.flags(), if short { SHORTEST } else { length })
            })
        });
        let (pace, longest_burst) = clock(&plan, &new_tuples);
        let mut random = SplitMix64::new(plan.seed);
        let mut traffic = Self {
            templates: templates.collect(),
            shares,
            chooser: Chooser::new(plan.order, flows),
            keeper: Chooser::new(Order::Sequential, flows),
            slots: Vec::new(),
            next_tuple: new_tuples.start,
            new_tuples,
            connections: 0,
            packets: 0,
            elapsed: 0,
            pace,
            longest_burst,
            opening: match plan.mix {
                Mix::Established | Mix::Mixed => Opening::Handshakes(0),
                // The five-tuples once; the life of a connection and the time it is remembered.
                Mix::New => Opening::WarmUp(u64::from(flows)),
                Mix::Tcp6 => Opening::WarmUp(u64::from(flows) * 10),
            },
            pairs,
            plan,
            random: SplitMix64::new(random.next()),
        };
        if plan.mix == Mix::Tcp6 {
            traffic.slots = (0..flows)
                .map(|_| Slot {
                    tuple: traffic.take_tuple(),
                    next: 0,
                })
                .collect();
        }
        Ok(traffic)
    }

    /// Frames of no more than this many bytes.
    pub fn longest_frame(&self) -> u16 {
        self.plan.sizes.longest()
    }

    /// Connections begun so far.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// The moment of the next burst.
    pub fn now(&self) -> SimTime {
        let nanoseconds = self.elapsed / u128::from(PICOSECONDS);
        SimTime::from_nanoseconds(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Makes a burst of at most so many packets, in order, and hands each to `push` with the NIC that sends it. All enter at the moment
    /// that [`Traffic::now`] has told before.
    ///
    /// First come, while [`Traffic::is_opening`], the packets that bring the flows into the state in which the stream runs evenly.
    pub fn burst(&mut self, most: usize, mut push: impl FnMut(NicId, &[u8])) {
        let begun = self.connections;
        let mut packets = 0;
        for _ in 0..most.min(self.longest_burst) {
            let (tuple, segment) = match &mut self.opening {
                Opening::WarmUp(0) => self.next(),
                Opening::WarmUp(left) => {
                    *left -= 1;
                    self.next()
                }
                Opening::Handshakes(done) => {
                    let step = *done;
                    *done += 1;
                    let flows = self.plan.flows;
                    if step + 1 == 2 * flows {
                        self.opening = Opening::WarmUp(match self.plan.mix {
                            Mix::Mixed => u64::from(flows * NEW_TUPLES) * u64::from(NEW_IN),
                            Mix::Established | Mix::New | Mix::Tcp6 => 0,
                        });
                    }
                    if step < flows {
                        self.connections += 1;
                        (step, Segment::Syn)
                    } else {
                        (step - flows, Segment::SynAck)
                    }
                }
            };
            let (nic, frame) = self.packet(tuple, segment);
            push(nic, frame);
            packets += 1;
        }
        self.packets += packets;
        let moments = match self.plan.mix {
            Mix::Established | Mix::Tcp6 => packets,
            // Nothing may expire before all are open.
            _ if matches!(self.opening, Opening::Handshakes(_)) => 0,
            Mix::New | Mix::Mixed => self.connections - begun,
        };
        self.elapsed += u128::from(self.pace) * u128::from(moments);
    }

    /// True until flows are as they will be from then on; what is measured begins there.
    pub fn is_opening(&self) -> bool {
        self.opening != Opening::WarmUp(0)
    }

    /// The flow and the kind of the next packet.
    fn next(&mut self) -> (u32, Segment) {
        match self.plan.mix {
            Mix::Established => {
                let back = match self.plan.order {
                    // In turns, and the other way round in the next pass.
                    Order::Sequential => {
                        let pass = self.packets / u64::from(self.plan.flows);
                        (self.packets + pass) & 1 == 1
                    }
                    Order::Random | Order::Zipf => self.random.next() & 1 == 1,
                };
                (self.chooser.choose(&mut self.random), data(back))
            }
            Mix::New => (self.take_tuple(), Segment::Syn),
            Mix::Mixed => {
                if self.random.below(NEW_IN) == 0 {
                    return (self.take_tuple(), Segment::Syn);
                }
                let back = self.random.next() & 1 == 1;
                let flow = if self.random.below(KEPT_ALIVE_IN) == 0 {
                    self.keeper.choose(&mut self.random)
                } else {
                    self.chooser.choose(&mut self.random)
                };
                (flow, data(back))
            }
            Mix::Tcp6 => {
                let position = self.chooser.choose(&mut self.random) as usize;
                let Slot { tuple, next } = self.slots[position];
                let segment = Segment::CONNECTION[usize::from(next)];
                self.slots[position] = if usize::from(next) + 1 == Segment::CONNECTION.len() {
                    let tuple = self.take_tuple();
                    Slot { tuple, next: 0 }
                } else {
                    let next = next + 1;
                    Slot { tuple, next }
                };
                (tuple, segment)
            }
        }
    }

    /// The five-tuple of a new connection.
    fn take_tuple(&mut self) -> u32 {
        self.connections += 1;
        let tuple = self.next_tuple;
        self.next_tuple += 1;
        if self.next_tuple == self.new_tuples.end {
            self.next_tuple = self.new_tuples.start;
        }
        tuple
    }

    #[inline]
    fn packet(&mut self, flow: u32, segment: Segment) -> (NicId, &[u8]) {
        let count = self.pairs.len();
        let pair = self.pairs[flow as usize % count];
        let number = flow as usize / count;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`new` has seen to it that the ports of each pair suffice"
        )]
        let port = FIRST_PORT + number as u16;
        let (from, to, source_port, destination_port) = if segment.is_the_clients() {
            (pair.client, pair.server, port, self.plan.port)
        } else {
            (pair.server, pair.client, self.plan.port, port)
        };
        let tuple = FiveTuple {
            source: from.address,
            destination: to.address,
            protocol: protocol::TCP,
            source_port,
            destination_port,
        };
        let size = self.draw_size();
        let template = &mut self.templates[segment as usize * self.shares.len() + size];
        (from.nic, template.frame_of(tuple))
    }

    /// Position in `shares`.
    fn draw_size(&mut self) -> usize {
        if self.shares.len() == 1 {
            return 0;
        }
        let total = self.shares.iter().map(|&(share, _)| share).sum();
        let mut drawn = self.random.below(total);
        let position = self.shares.iter().position(|&(share, _)| {
            let found = drawn < share;
            drawn = drawn.saturating_sub(share);
            found
        });
        position.unwrap_or_default()
    }
}

impl Source for Traffic {
    fn fill(&mut self, chunk: &mut Chunk) -> Supply {
        let opening = self.is_opening();
        while !chunk.is_full() && self.is_opening() == opening {
            chunk.set_time(self.now());
            let room = chunk.capacity() - chunk.len();
            self.burst(room.min(BURST), |nic, frame| {
                chunk.push(nic, frame);
            });
        }
        if opening {
            Supply::Preparing
        } else {
            Supply::Measured
        }
    }
}

fn data(back: bool) -> Segment {
    if back {
        Segment::ServerData
    } else {
        Segment::Data
    }
}

/// Picoseconds of flow time for each packet that counts, and the longest burst.
fn clock(plan: &Plan, new_tuples: &Range<u32>) -> (u64, usize) {
    let flows = u64::from(plan.flows);
    match plan.mix {
        Mix::Established => (1_000_000 * PICOSECONDS / PACKETS_A_MILLISECOND, BURST),
        Mix::Tcp6 => (TCP6_GAP.as_nanoseconds() * PICOSECONDS / flows, BURST),
        Mix::New | Mix::Mixed => {
            // A five-tuple returns after `cycle` new connections. Their bursts begin at least `cycle - burst + 1` of them apart.
            let cycle = u64::from(new_tuples.end - new_tuples.start);
            // The shorter the bursts, the nearer the pace is to idle time ÷ cycle, on which those that are open rely.
            let bursts = if plan.mix == Mix::Mixed { 8 } else { 2 };
            let burst = (BURST as u64).min(cycle.div_ceil(bursts));
            // Milliseconds are cut off at both ends.
            let idle = plan.idle + SimDuration::from_milliseconds(2);
            let pace = idle.as_nanoseconds().saturating_mul(PICOSECONDS) / (cycle - burst + 1) + 1;
            (pace, usize::try_from(burst).unwrap_or(BURST))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use dataplane::Packet;
    use dataplane::packet::Content;

    use super::*;

    const IDLE: SimDuration = SimDuration::from_seconds(240);

    fn plan(mix: Mix, order: Order, flows: u32) -> Plan {
        Plan {
            mix,
            order,
            sizes: Sizes::Fixed(64),
            flows,
            port: 443,
            seed: 5,
            idle: IDLE,
        }
    }

    fn pairs(count: u8) -> Vec<Pair> {
        let end = |net, host| End {
            nic: NicId::new(u32::from(net) * 100 + u32::from(host)),
            address: Ipv4Addr::new(10, net, 0, host),
        };
        let pair = |number| Pair {
            client: end(1, number),
            server: end(2, number),
        };
        (1..=count).map(pair).collect()
    }

    /// The next packets, each with its moment: tuple, flags, NIC.
    fn packets(traffic: &mut Traffic, bursts: usize) -> Vec<(SimTime, Packet, NicId)> {
        let mut all = Vec::new();
        for _ in 0..bursts {
            let now = traffic.now();
            traffic.burst(BURST, |nic, frame| {
                let packet = Packet::from_frame(frame.to_vec()).expect("a valid frame");
                assert!(packet.has_valid_transport_checksum());
                all.push((now, packet, nic));
            });
        }
        all
    }

    fn open(traffic: &mut Traffic) -> Vec<(SimTime, Packet, NicId)> {
        let mut all = Vec::new();
        while traffic.is_opening() {
            all.extend(packets(traffic, 1));
        }
        all
    }

    fn flags(packet: &Packet) -> TcpFlags {
        match packet.content() {
            Content::Tcp(flags) => flags,
            other => panic!("{other:?} is no segment"),
        }
    }

    #[test]
    fn a_new_connection_comes_back_only_when_it_has_been_forgotten() {
        for flows in [1, 2, 3, 255, 256, 257, 1_031] {
            for mix in [Mix::New, Mix::Mixed] {
                let mut traffic =
                    Traffic::new(plan(mix, Order::Random, flows), pairs(3)).expect("a plan");
                let mut last: HashMap<FiveTuple, u64> = HashMap::new();
                let bursts = (flows as usize * 25).div_ceil(BURST) + 40;
                for (now, packet, _) in packets(&mut traffic, bursts) {
                    // What is below a millisecond does not count.
                    let now = now.as_nanoseconds() / 1_000_000;
                    let asks = flags(&packet).asks_for_connection();
                    let before = last.insert(packet.tuple(), now);
                    if let (true, Some(before)) = (asks, before) {
                        let apart = now - before;
                        assert!(
                            apart > IDLE.as_nanoseconds() / 1_000_000,
                            "{mix:?} {flows}: {apart} ms"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_open_never_falls_idle_whatever_the_order() {
        for order in [Order::Random, Order::Zipf, Order::Sequential] {
            for (mix, flows) in [
                (Mix::Mixed, 1_000),
                (Mix::Mixed, 50),
                (Mix::Established, 300),
            ] {
                let mut traffic = Traffic::new(plan(mix, order, flows), pairs(3)).expect("a plan");
                let opening = open(&mut traffic);
                let mut last: HashMap<FiveTuple, SimTime> = HashMap::new();
                for (now, packet, _) in opening.into_iter().chain(packets(&mut traffic, 300)) {
                    let tuple = packet.tuple();
                    if flags(&packet).asks_for_connection() {
                        last.insert(tuple, now);
                        continue;
                    }
                    let key = if tuple.destination_port == 443 {
                        tuple
                    } else {
                        tuple.reversed()
                    };
                    let before = last.insert(key, now).expect("its SYN came first");
                    assert!(now.since(before) < IDLE, "{order:?} {mix:?} {flows}");
                }
            }
        }
    }

    #[test]
    fn established_packets_go_both_ways_alike_and_from_the_right_nic() {
        for order in [Order::Random, Order::Sequential] {
            let mut traffic =
                Traffic::new(plan(Mix::Established, order, 256), pairs(4)).expect("a plan");
            open(&mut traffic);
            let all = packets(&mut traffic, 40);
            let mut from_clients = 0_usize;
            let mut flows: HashMap<FiveTuple, u32> = HashMap::new();
            for (_, packet, nic) in &all {
                let tuple = packet.tuple();
                let [_, net, _, host] = tuple.source.octets();
                assert_eq!(nic.get(), u32::from(net) * 100 + u32::from(host));
                from_clients += usize::from(net == 1);
                *flows.entry(tuple).or_default() += 1;
            }
            assert_eq!(flows.len(), 512, "256 flows, two directions");
            let apart = (from_clients * 2).abs_diff(all.len());
            assert!(apart < all.len() / 10, "{from_clients} of {}", all.len());
        }
    }

    #[test]
    fn a_connection_of_six_packets_comes_in_order_and_no_tuple_is_open_twice() {
        let mut traffic =
            Traffic::new(plan(Mix::Tcp6, Order::Random, 64), pairs(2)).expect("a plan");
        let begun = traffic.connections();
        assert_eq!(begun, 64);
        let mut stages: HashMap<FiveTuple, usize> = HashMap::new();
        let mut done = 0_u64;
        let all = packets(&mut traffic, 100);
        for (_, packet, _) in &all {
            let tuple = packet.tuple();
            let from_client = tuple.destination_port == 443;
            let key = if from_client { tuple } else { tuple.reversed() };
            let stage = stages.entry(key).or_default();
            let segment = Segment::CONNECTION[*stage];
            assert_eq!(flags(packet), segment.flags());
            assert_eq!(from_client, segment.is_the_clients());
            *stage += 1;
            if *stage == 6 {
                stages.remove(&key);
                done += 1;
            }
        }
        assert!(stages.len() <= 64, "{} are open", stages.len());
        assert_eq!(traffic.connections() - begun, done);
        // A connection is open for a second or so of flow time.
        let end = traffic.now().as_nanoseconds();
        assert_eq!(end / 1_000_000, 100 * 256 * 250 / 64);
    }

    #[test]
    fn one_packet_in_ten_is_new_in_mixed_traffic() {
        let mut traffic =
            Traffic::new(plan(Mix::Mixed, Order::Zipf, 1_000), pairs(2)).expect("a plan");
        open(&mut traffic);
        let begun = traffic.connections();
        let all = packets(&mut traffic, 100).len() as u64;
        let new = traffic.connections() - begun;
        assert!(new.abs_diff(all / 10) < all / 50, "{new} of {all}");
    }

    #[test]
    fn lengths_of_imix_come_as_seven_to_four_to_one() {
        let wanted = Plan {
            sizes: Sizes::Imix,
            ..plan(Mix::New, Order::Random, 5_000)
        };
        let mut traffic = Traffic::new(wanted, pairs(1)).expect("a plan");
        let mut lengths: HashMap<usize, usize> = HashMap::new();
        for (_, packet, _) in packets(&mut traffic, 200) {
            *lengths.entry(packet.frame().len()).or_default() += 1;
        }
        assert_eq!(lengths.len(), 3);
        for (length, share) in [(64, 7), (594, 4), (1500, 1)] {
            let expected = 200 * BURST * share / 12;
            let apart = lengths[&length].abs_diff(expected);
            assert!(apart < expected / 10, "{length}: {}", lengths[&length]);
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let ask = |mix, flows, pairs| Traffic::new(plan(mix, Order::Random, flows), pairs).err();
        assert_eq!(ask(Mix::New, 1, Vec::new()), Some(PlanError::NoPairs));
        assert_eq!(ask(Mix::New, 0, pairs(1)), Some(PlanError::NoFlows));
        assert_eq!(ask(Mix::New, PORTS, pairs(1)), None);
        assert_eq!(
            ask(Mix::Mixed, PORTS, pairs(1)),
            Some(PlanError::TooManyFlows {
                pairs: 1,
                available: 64_512,
                wanted: 3 * 64_512,
            })
        );
    }
}
