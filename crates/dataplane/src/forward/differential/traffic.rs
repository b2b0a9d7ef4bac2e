//! What guests send: conversations that begin, go on, end and begin again, and everything that does not belong on a wire.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use model::{Network, NicId};

use super::frame;
use super::random::Random;
use crate::packet::{
    Envelope, FABRIC_MAC, FiveTuple, IcmpError, Packet, TcpFlags, TcpSegment, protocol,
};
use crate::pipeline::{Delivery, Outcome};

/// What a guest hands to a NIC, and what it was meant to be.
pub(super) struct Sent {
    pub(super) nic: NicId,
    pub(super) frame: Vec<u8>,
    /// The conversation whose question it is.
    asks: Option<usize>,
}

/// How busy guests are, in percent of packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Conversations that are talked about at a time.
    pub(super) conversations: usize,
    /// Packets that begin a conversation.
    pub(super) fresh: usize,
    /// Packets that are answers.
    pub(super) answers: usize,
    /// Segments with FIN, RST or SYN.
    pub(super) turns: usize,
    /// Packets that are odd in some way.
    pub(super) odd: usize,
}

pub(super) struct Traffic {
    random: Random,
    /// Only between these two spokes.
    between: Option<[u8; 2]>,
    habits: Habits,
    hosts: Vec<Host>,
    conversations: Vec<Conversation>,
    /// Fragments whose turn will come.
    rest: VecDeque<(NicId, Vec<u8>)>,
    /// What was delivered last.
    recent: VecDeque<(NicId, Packet)>,
}

#[derive(Clone, Copy)]
struct Host {
    nic: NicId,
    address: Ipv4Addr,
    forwards: bool,
}

#[derive(Clone, Copy)]
struct Conversation {
    asker: NicId,
    question: FiveTuple,
    /// Who answers, and what the answer is: known once a question was delivered, guessed before.
    answer: Option<(NicId, FiveTuple)>,
}

const RECENT: usize = 24;

impl Habits {
    pub(super) fn some(random: &mut Random) -> Self {
        Self {
            conversations: random.pick(&[2, 6, 20, 100, 600]),
            fresh: random.pick(&[1, 1, 5, 30, 80]),
            answers: random.pick(&[20, 45, 45, 50]),
            turns: random.pick(&[3, 10, 30, 60]),
            odd: random.pick(&[0, 3, 10, 30]),
        }
    }
}

impl Habits {
    /// A few conversations that go on and on.
    pub(super) fn calm(random: &mut Random) -> Self {
        Self {
            conversations: random.pick(&[6, 20]),
            fresh: 1,
            answers: 45,
            turns: random.pick(&[0, 3, 10]),
            odd: random.pick(&[0, 3]),
        }
    }

    /// More conversations, each for a short time.
    pub(super) fn with_idle_guests(self) -> Self {
        Self {
            conversations: 20,
            fresh: 10,
            ..self
        }
    }
}

impl Traffic {
    pub(super) fn new(random: Random, habits: Habits, network: &Network) -> Self {
        let listed = network.listed_nics().map(|(nic, interface)| Host {
            nic,
            address: interface.primary_address(),
            forwards: interface.ip_forwarding,
        });
        let outside = network.outside_hosts().map(|(nic, host)| Host {
            nic,
            address: host.address,
            forwards: false,
        });
        Self {
            random,
            between: None,
            habits,
            hosts: listed.chain(outside).collect(),
            conversations: Vec::new(),
            rest: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// Nothing but conversations between two spokes.
    pub(super) fn stay_between(&mut self, spokes: [u8; 2]) {
        self.between = Some(spokes);
    }

    /// Nothing but a frontend's conversation and those of its members that its packets turn into.
    pub(super) fn stay_with_frontend(&mut self) {
        let from = |host: &&Host| host.address == Ipv4Addr::new(10, 1, 0, 4);
        let Some(asker) = self.hosts.iter().find(from) else {
            return;
        };
        let question = |destination, port| FiveTuple {
            source: asker.address,
            destination,
            source_port: 1000,
            destination_port: port,
            protocol: protocol::TCP,
        };
        let questions = [
            question(Ipv4Addr::new(10, 2, 0, 100), 80),
            question(Ipv4Addr::new(10, 2, 0, 4), 8080),
            question(Ipv4Addr::new(10, 2, 1, 4), 8080),
        ];
        self.conversations = questions
            .map(|question| Conversation {
                asker: asker.nic,
                question,
                answer: None,
            })
            .into();
        self.habits = Habits {
            conversations: questions.len(),
            fresh: 0,
            answers: 30,
            turns: 60,
            odd: 0,
        };
    }

    /// From now on mostly one side talks, or both.
    pub(super) fn lean(&mut self, random: &mut Random) {
        self.habits.answers = random.pick(&[0, 45, 50, 50, 100]);
        self.habits.turns = random.pick(&[0, 3, 10, 60]);
    }

    /// The next packet.
    pub(super) fn next(&mut self) -> Sent {
        if !self.rest.is_empty() && self.random.percent(30) {
            // Mostly in order.
            let position = if self.random.percent(85) {
                0
            } else {
                self.random.below(self.rest.len())
            };
            if let Some((nic, frame)) = self.rest.remove(position) {
                return Sent {
                    nic,
                    frame,
                    asks: None,
                };
            }
        }
        let number = self.conversation();
        let conversation = self.conversations[number];
        let answers = self.random.percent(self.habits.answers);
        let (nic, tuple) = match conversation.answer {
            Some(answer) if answers => answer,
            _ if answers => self.guess(conversation),
            _ => (conversation.asker, conversation.question),
        };
        let begins = conversation.answer.is_none() && !answers && self.random.percent(50);
        let frame = self.frame(tuple, answers, begins);
        let mut sent = Sent {
            nic,
            frame,
            asks: (!answers).then_some(number),
        };
        if self.random.percent(self.habits.odd) {
            self.make_odd(&mut sent);
        }
        sent
    }

    /// What became of a packet.
    pub(super) fn heard(&mut self, sent: &Sent, frame: &[u8], outcome: Outcome) {
        let Outcome::Delivered(Delivery::Guest(at)) = outcome else {
            return;
        };
        let Ok(packet) = Packet::from_frame(frame.to_vec()) else {
            return;
        };
        if let Some(number) = sent.asks {
            let answer = (at, packet.tuple().reversed());
            self.conversations[number].answer = Some(answer);
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((at, packet));
    }

    fn conversation(&mut self) -> usize {
        let known = self.conversations.len();
        if known == 0 || self.random.percent(self.habits.fresh) {
            let conversation = self.begin();
            if known < self.habits.conversations {
                self.conversations.push(conversation);
                return known;
            }
            let number = self.random.below(known);
            self.conversations[number] = conversation;
            return number;
        }
        // Some are talked about more than others.
        let among = if self.random.percent(50) {
            known
        } else {
            known.min(4)
        };
        self.random.below(among)
    }

    fn begin(&mut self) -> Conversation {
        let random = &mut self.random;
        // The same between the twins of the two islands.
        if random.percent(20)
            && let Some(last) = self.conversations.last()
        {
            let twins: Vec<Host> = (self.hosts.iter().copied())
                .filter(|host| host.address == last.question.source && host.nic != last.asker)
                .collect();
            if let [twin, ..] = twins[..] {
                return Conversation {
                    asker: twin.nic,
                    question: last.question,
                    answer: None,
                };
            }
        }
        // Most talk between spokes or across an island; some talk to anybody.
        let part = |address: Ipv4Addr| match address.octets() {
            [10, network @ (1..=3 | 200), subnet, _] => {
                (network, if network == 200 { subnet } else { 0 })
            }
            _ => (0, 0),
        };
        let between = self.between;
        let takes_part = |host: &Host| {
            let (network, _) = part(host.address);
            between.map_or(network != 0, |spokes| spokes.contains(&network))
        };
        let guests: Vec<Host> = self.hosts.iter().copied().filter(takes_part).collect();
        let from = if between.is_some() || random.percent(85) {
            random.pick(&guests)
        } else {
            random.pick(&self.hosts)
        };
        let others = if between.is_some() { 0 } else { 15 };
        let destination = match random.below(50).wrapping_sub(50 - others) {
            0 => Ipv4Addr::new(8, 8, 8, 8),
            1 | 10 => Ipv4Addr::new(10, 2, 0, 100),
            2 => Ipv4Addr::new(10, 0, 3, 50),
            3 => Ipv4Addr::new(10, 2, 0, 200),
            4 => Ipv4Addr::new(20, 1, 2, 3),
            5 => Ipv4Addr::new(168, 63, 129, 16),
            6 => Ipv4Addr::new(224, 0, 0, 9),
            7 => from.address,
            8 => Ipv4Addr::new(172, 16, 0, 1),
            9 => Ipv4Addr::new(9, 9, 9, 9),
            11..=14 => random.pick(&self.hosts).address,
            _ => {
                let (network, _) = part(from.address);
                let likely: Vec<Host> = (guests.iter().copied())
                    .filter(|host| (part(host.address).0 == 200) == (network == 200))
                    .filter(|host| part(host.address) != part(from.address))
                    .collect();
                random.pick(&likely).address
            }
        };
        // Beside the frontend the same machine is asked directly, and an appliance that translates speaks for itself: a packet can turn
        // into one of another conversation on its way.
        if random.percent(15)
            && let Some(&known) = self.conversations.last()
            && let Some((at, answer)) = known.answer
            && let Some(host) = self
                .hosts
                .iter()
                .find(|host| host.address == answer.destination)
            && at != host.nic
        {
            return Conversation {
                asker: host.nic,
                question: answer.reversed(),
                answer: None,
            };
        }
        let (protocol, source_port, destination_port) = service(random);
        Conversation {
            asker: from.nic,
            question: FiveTuple {
                source: from.address,
                destination,
                source_port,
                destination_port,
                protocol,
            },
            answer: None,
        }
    }

    /// Who would answer if nothing was translated.
    fn guess(&mut self, conversation: Conversation) -> (NicId, FiveTuple) {
        let answer = conversation.question.reversed();
        let owners: Vec<Host> = (self.hosts.iter().copied())
            .filter(|host| host.address == answer.source)
            .collect();
        let nic = match owners[..] {
            [] => conversation.asker,
            _ => self.random.pick(&owners).nic,
        };
        (nic, answer)
    }

    fn frame(&mut self, tuple: FiveTuple, answers: bool, begins: bool) -> Vec<u8> {
        let random = &mut self.random;
        let envelope = Envelope {
            ttl: match random.below(30) {
                0 => 1,
                1 => 2,
                2 => 3,
                3 => 4,
                4 => 255,
                _ => 64,
            },
            identification: random.word(),
            dont_fragment: random.percent(50),
            ..Envelope::new(tuple.source, tuple.destination)
        };
        let length = random.pick(&[0, 0, 1, 2, 9, 100]);
        let data: Vec<u8> = (0..length)
            .map(|_| random.word().to_be_bytes()[0])
            .collect();
        let built = match tuple.protocol {
            protocol::TCP => {
                let segment = TcpSegment {
                    source_port: tuple.source_port,
                    destination_port: tuple.destination_port,
                    sequence: u32::from(random.word()),
                    acknowledgment: u32::from(random.word()),
                    flags: if begins {
                        TcpFlags::SYN
                    } else {
                        flags(random, self.habits.turns, answers)
                    },
                    window: random.word(),
                };
                Packet::tcp(envelope, segment, &data)
            }
            protocol::UDP => {
                Packet::udp(envelope, tuple.source_port, tuple.destination_port, &data)
            }
            // Sometimes the side that should answer asks, with the same identifier.
            protocol::ICMP if answers != random.percent(15) => {
                Packet::echo_reply(envelope, tuple.source_port, random.word(), &data)
            }
            protocol::ICMP => {
                Packet::echo_request(envelope, tuple.source_port, random.word(), &data)
            }
            other => Packet::other(envelope, other, &data),
        };
        let mut frame = match built {
            Ok(packet) => packet.frame().to_vec(),
            // A source that is no host's.
            Err(_) => frame::datagram(envelope, tuple.protocol, &data),
        };
        frame[1 + ETHERNET_TOS] = random.pick(&[0, 0, 0, 0x10, 0xB8, 0x03]);
        frame::mend(&mut frame);
        if random.percent(10) {
            // Checksums at which sums of complements carry or have two zeros.
            let wanted = random.pick(&[0x0000, 0xFFFF, 0xFEFF, 0xFFFE, 0x00FF, 0x0100, 0xFDFF]);
            frame::aim_checksum(&mut frame, wanted);
        }
        frame
    }

    fn make_odd(&mut self, sent: &mut Sent) {
        let random = &mut self.random;
        let frame = &mut sent.frame;
        match random.below(30) {
            // Padding behind the packet: zeros, as on Ethernet, or whatever.
            0..=2 => {
                let length = random.pick(&[1, 6, 18, 46, 200]);
                let filler = random.pick(&[0, 0, 0xA5]);
                frame.extend(std::iter::repeat_n(filler, length));
            }
            3 => {
                let length = random.below(frame.len());
                frame.truncate(length);
            }
            4 => {
                let bit = random.below(8 * frame.len());
                frame[bit / 8] ^= 1 << (bit % 8);
            }
            5 => {
                // The same in the header, with a checksum that fits: version, lengths, flags, offset, TTL, protocol, addresses.
                let bit = random.below(8 * 20);
                frame[14 + bit / 8] ^= 1 << (bit % 8);
                frame::mend(frame);
            }
            6 => {
                let at = 14 + 20 + random.below(frame.len() - 14 - 19);
                if let Some(byte) = frame.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            7 => frame[24] ^= 0x55,
            8..=9 => {
                const OPTIONS: [&[u8]; 7] = [
                    &[1, 1, 1, 1],
                    &[7, 7, 4, 0, 0, 0, 0, 0],
                    &[0x94, 4, 0, 0],
                    &[131, 7, 4, 10, 0, 0, 1, 0],
                    &[137, 7, 4, 10, 0, 0, 1, 0],
                    &[68, 1, 0, 0],
                    &[1, 1, 1, 0, 9, 9, 9, 9, 9, 9, 9, 9],
                ];
                *frame = frame::with_options(frame, OPTIONS[random.below(OPTIONS.len())]);
            }
            10..=11 => {
                // From somewhere else: a neighbour with this source, or a router that may.
                let routers: Vec<Host> = (self.hosts.iter().copied())
                    .filter(|host| host.forwards)
                    .collect();
                let from = if random.percent(60) {
                    random.pick(&routers)
                } else {
                    random.pick(&self.hosts)
                };
                sent.nic = from.nic;
                sent.asks = None;
            }
            12 => {
                let source = random.pick(&[
                    Ipv4Addr::new(10, 9, 9, 9),
                    Ipv4Addr::new(168, 63, 129, 16),
                    Ipv4Addr::UNSPECIFIED,
                    Ipv4Addr::BROADCAST,
                    Ipv4Addr::LOCALHOST,
                    Ipv4Addr::new(10, 1, 0, 4),
                ]);
                frame[26..30].copy_from_slice(&source.octets());
                frame::mend(frame);
                sent.asks = None;
            }
            13..=17 => self.send_cut(sent),
            18..=21 => self.send_error(sent),
            22..=26 => *frame = frame::with_options(frame, &[1, 1, 1, 1]),
            27 if frame.len() >= 38 && random.percent(50) => {
                // To oneself, through somebody who forwards.
                let source: [u8; 4] = [frame[26], frame[27], frame[28], frame[29]];
                frame[30..34].copy_from_slice(&source);
                if frame[23] != protocol::TCP && frame[23] != protocol::UDP {
                    frame[23] = 50;
                }
                let port = [frame[34], frame[35]];
                frame[36..38].copy_from_slice(&port);
                frame::mend(frame);
                sent.nic = random.pick(&self.hosts).nic;
                sent.asks = None;
            }
            27 => {
                // An EtherType of something else, or a tag before it.
                frame[12..14].copy_from_slice(&random.pick(&[
                    [8, 6],
                    [0x81, 0],
                    [0x86, 0xDD],
                    [0, 46],
                ]));
            }
            _ => frame[0..12].fill(random.pick(&[0, 0xFF, FABRIC_MAC[0]])),
        }
    }

    /// A long datagram, whole or in fragments; the others follow later, or not, or out of order.
    fn send_cut(&mut self, sent: &mut Sent) {
        let random = &mut self.random;
        let Ok(packet) = Packet::from_frame(sent.frame.clone()) else {
            return;
        };
        let tuple = packet.tuple();
        let data = vec![0x42; random.pick(&[600, 1390, 1472, 1473, 2000, 3500])];
        let envelope = Envelope {
            ttl: packet.ttl(),
            identification: random.pick(&[7, 8, 9]),
            dont_fragment: random.percent(15),
            ..Envelope::new(tuple.source, tuple.destination)
        };
        let long = match tuple.protocol {
            protocol::UDP => {
                Packet::udp(envelope, tuple.source_port, tuple.destination_port, &data)
            }
            protocol::ICMP => Packet::echo_request(envelope, tuple.source_port, 1, &data),
            protocol::TCP => {
                let segment = TcpSegment {
                    source_port: tuple.source_port,
                    destination_port: tuple.destination_port,
                    sequence: 1,
                    acknowledgment: 1,
                    flags: TcpFlags::ACK,
                    window: 1,
                };
                Packet::tcp(envelope, segment, &data)
            }
            other => Packet::other(envelope, other, &data),
        };
        let Ok(long) = long else {
            return;
        };
        let mtu = random.pick(&[300, 576, 1400, 1500, 9000]);
        let Ok(parts) = long.clone().fit(mtu) else {
            sent.frame = long.frame().to_vec();
            return;
        };
        let mut parts: Vec<Vec<u8>> = parts.iter().map(|part| part.frame().to_vec()).collect();
        match random.below(10) {
            0 => parts.reverse(),
            1 if parts.len() > 1 => drop(parts.pop()),
            2 if parts.len() > 1 => drop(parts.remove(0)),
            3 => {
                let twice = random.pick(&[0, parts.len() - 1]);
                parts.push(parts[twice].clone());
            }
            _ => {}
        }
        let nic = sent.nic;
        let mut parts = parts.into_iter();
        if let Some(first) = parts.next() {
            sent.frame = first;
        }
        self.rest.extend(parts.map(|part| (nic, part)));
        while self.rest.len() > 40 {
            self.rest.pop_front();
        }
    }

    /// An ICMP error about something that was delivered a while ago, or is being sent, or never was.
    fn send_error(&mut self, sent: &mut Sent) {
        let random = &mut self.random;
        let about = match self.recent.len() {
            0 => None,
            count => Some(self.recent[random.below(count)].clone()),
        };
        let kind = random.pick(&[
            IcmpError::TimeExceeded,
            IcmpError::PortUnreachable,
            IcmpError::FragmentationNeeded { next_hop_mtu: 1400 },
        ]);
        let own = Packet::from_frame(sent.frame.clone()).ok();
        let (nic, about) = match (about, own) {
            (Some((nic, packet)), _) if random.percent(70) => (nic, packet),
            (_, Some(packet)) => (random.pick(&self.hosts).nic, packet),
            _ => return,
        };
        let reporter = self
            .hosts
            .iter()
            .find(|host| host.nic == nic)
            .filter(|_| random.percent(70))
            .map_or(about.destination(), |host| host.address);
        if let Some(error) = about.error(kind, reporter) {
            sent.nic = nic;
            sent.frame = error.frame().to_vec();
            sent.asks = None;
            if random.percent(10) {
                // Quotes less than it should.
                let length = random.below(sent.frame.len() - 41) + 42;
                frame::shorten(&mut sent.frame, length);
            }
        }
    }
}

/// Place of the type of service, less one: behind the version.
const ETHERNET_TOS: usize = 14;

fn flags(random: &mut Random, turns: usize, answers: bool) -> TcpFlags {
    let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
    let (fin, rst) = (TcpFlags::FIN, TcpFlags::RST);
    if !random.percent(turns) {
        return if random.percent(80) {
            ack
        } else {
            ack.with(TcpFlags::PSH)
        };
    }
    match random.below(12) {
        0..=3 if answers => syn.with(ack),
        0..=3 => syn,
        4..=8 => fin.with(ack),
        9 => rst,
        10 => rst.with(ack),
        _ => random.pick(&[
            TcpFlags::default(),
            fin,
            syn.with(fin),
            syn.with(rst),
            syn.with(fin).with(ack),
            fin.with(rst).with(ack),
        ]),
    }
}

/// Protocol and ports of a conversation.
fn service(random: &mut Random) -> (u8, u16, u16) {
    let protocol = match random.below(20) {
        0..=10 => protocol::TCP,
        11..=14 => protocol::UDP,
        15..=17 => protocol::ICMP,
        18 => 50,
        _ => random.pick(&[protocol::GRE, protocol::IP_IN_IP, 51, 132, 255]),
    };
    let few = random.percent(50);
    let some_port = |random: &mut Random| {
        if few {
            random.pick(&[1000, 1001, 65330, 68])
        } else {
            random.word()
        }
    };
    let (source_port, destination_port) = match protocol {
        protocol::TCP | protocol::UDP => (
            some_port(random),
            random.pick(&[80, 80, 443, 22, 53, 67, 50_000, 0]),
        ),
        protocol::ICMP => {
            let identifier = some_port(random);
            (identifier, identifier)
        }
        _ => (0, 0),
    };
    (protocol, source_port, destination_port)
}
