//! One pair, judged for a whole question: for one service, or for as many ports as it takes.
//!
//! Of any or all ports only those are asked for that something on this pair's way tells apart, and no more of them once the verdict is
//! settled. [`by_packets`](crate::by_packets()) asks for all that the network tells apart, and says the same.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use control::Snapshot;
use engine::reachability::{Service, Verdict};

use crate::approach::has_doors;
use crate::ends::End;
use crate::ports::{PortClasses, representatives};
use crate::probe::{Answer, Cell, Prober};
use crate::question::{Asked, Protocol, Question};

/// Judges pairs for a question.
#[derive(Clone, Debug)]
pub struct PairJudge<'s> {
    snapshot: &'s Snapshot,
    question: Question,
    prober: Prober<'s>,
    /// None: one service.
    ports: Option<PortClasses>,
    /// All ports that the network tells apart.
    every: OnceLock<Vec<u16>>,
}

impl<'s> PairJudge<'s> {
    /// For pairs of this network.
    pub fn new(snapshot: &'s Snapshot, question: Question) -> Self {
        let (service, ports) = match question.asked {
            Asked::One(service) => (service, None),
            Asked::AnyPort(protocol) | Asked::AllPorts(protocol) => (
                protocol.service(1),
                Some(PortClasses::new(snapshot, protocol)),
            ),
        };
        Self {
            snapshot,
            question,
            prober: Prober::of(snapshot, service, question),
            ports,
            every: OnceLock::new(),
        }
    }

    /// What a matrix keeps of a pair.
    pub fn cell(&self, from: &End, to: &End) -> Cell {
        let source = (from.worker, from.address);
        let Some(ports) = &self.ports else {
            let (prober, destination) = self.prober.towards(from, to);
            return prober.cell(source, destination);
        };
        if has_doors(self.snapshot, from, to) {
            return self.cell_of_every_port(ports.protocol(), from, to);
        }
        let (_, destination) = self.prober.towards(from, to);
        let mut all: Option<Cell> = None;
        let mut depends_on_hash = false;
        ports.ask_each(|port, alike| {
            let prober = self.prober.about(ports.protocol().service(port));
            let cell = prober.cell_of_ports(source, destination, alike);
            depends_on_hash = cell.depends_on_hash;
            let known = all.map_or(cell, |known| self.together(known, cell));
            all = Some(known);
            !depends_on_hash && !self.is_settled(known)
        });
        if depends_on_hash {
            // A hash chooses anew for every port.
            return self.cell_of_every_port(ports.protocol(), from, to);
        }
        all.unwrap_or_default()
    }

    /// The same, by a packet to every port that the network tells apart.
    fn cell_of_every_port(&self, protocol: Protocol, from: &End, to: &End) -> Cell {
        let mut all: Option<Cell> = None;
        for service in self.every_port(protocol) {
            let (prober, destination) = self.prober.about(service).towards(from, to);
            let cell = prober.cell((from.worker, from.address), destination);
            let known = all.map_or(cell, |known| self.together(known, cell));
            all = Some(known);
            if self.is_settled(known) {
                break;
            }
        }
        all.unwrap_or_default()
    }

    /// The address at which a source asks for a destination; of many ports, at the lowest that is reached.
    pub fn address(&self, from: &End, to: &End) -> Ipv4Addr {
        let source = (from.worker, from.address);
        let ports = self.ports.as_ref();
        let ports = ports.filter(|_| has_doors(self.snapshot, from, to));
        let reached = ports.and_then(|ports| {
            let every = self.every_port(ports.protocol());
            let mut ways = every.map(|service| self.prober.about(service).towards(from, to));
            ways.find(|&(prober, address)| {
                let verdict = prober.cell(source, address).verdict(self.question.depth);
                verdict == Verdict::Reachable
            })
        });
        let (_, address) = reached.unwrap_or_else(|| self.prober.towards(from, to));
        address
    }

    /// What becomes of a probe and of its reply: why the verdict is `wanted`. Of many ports, the lowest one that gives this verdict, or if none
    /// does alone the lowest.
    pub fn reason(&self, from: &End, to: &End, wanted: Verdict) -> (Service, Answer) {
        let source = (from.worker, from.address);
        let ask = |service| {
            let (prober, destination) = self.prober.about(service).towards(from, to);
            (service, prober.answer(source, destination))
        };
        let lowest = || ask(self.prober.service());
        let Some(ports) = &self.ports else {
            return lowest();
        };
        let depth = self.question.depth;
        if has_doors(self.snapshot, from, to) {
            let mut every = self.every_port(ports.protocol());
            let found = every.find_map(|service| {
                let (service, answer) = ask(service);
                (answer.cell().verdict(depth) == wanted).then_some((service, answer))
            });
            return found.unwrap_or_else(lowest);
        }
        let (_, destination) = self.prober.towards(from, to);
        let mut found = None;
        ports.ask_each(|port, alike| {
            let service = ports.protocol().service(port);
            let prober = self.prober.about(service);
            let cell = prober.cell_of_ports(source, destination, alike);
            if cell.verdict(depth) == wanted {
                found = Some(ask(service));
            }
            found.is_none()
        });
        found.unwrap_or_else(lowest)
    }

    fn every_port(&self, protocol: Protocol) -> impl Iterator<Item = Service> {
        let every = || representatives(self.snapshot, protocol);
        let every = self.every.get_or_init(every).iter();
        every.map(move |&port| protocol.service(port))
    }

    fn together(&self, one: Cell, other: Cell) -> Cell {
        match self.question.asked {
            Asked::AnyPort(_) => one.or(other, self.question.depth),
            Asked::One(_) | Asked::AllPorts(_) => one.and(other, self.question.depth),
        }
    }

    fn is_settled(&self, cell: Cell) -> bool {
        match self.question.asked {
            Asked::AnyPort(_) => cell.settles_any(self.question.depth),
            Asked::One(_) | Asked::AllPorts(_) => cell.settles_all(),
        }
    }
}
