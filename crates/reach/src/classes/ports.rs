//! The rows of a unit for any or all ports: as `rows` has them for one service, with the ports for which packets come through in place of
//! whether one does.
//!
//! Ways are the same for all ports, so each is followed once; what tells ports apart is rules, and what guests listen to. Only where a
//! balancer on the way has rules about ports, those of each range are judged for themselves (`Many::parts`).
//!
//! It does not know what hashes choose: where they make a difference, and for all that only packets can judge, pairs are asked one by one.

mod rows;
mod sets;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use acl::Ports;
use control::Snapshot;
use control::snapshot::NextHop;
use engine::reachability::Service;

pub(super) use self::rows::{Memory, judge};
pub(super) use self::sets::{PortSet, PortSets};
use super::carries;
use crate::ports::asked_ports;
use crate::question::{Asked, Protocol, Question};

/// Ports of which any or all are asked for.
#[derive(Debug)]
pub(super) struct Many {
    protocol: Protocol,
    /// Whether one of them is enough.
    is_any: bool,
    asked: Ports,
    /// To which the fabric carries probes (N-8, S-27).
    probes: Ports,
    /// From which it carries replies.
    replies: Ports,
}

impl Many {
    /// The ports that a question is about, in ranges that balancers on the ways do not tell apart. None: it is about one service.
    pub(super) fn parts(snapshot: &Snapshot, question: Question) -> Vec<Self> {
        let (protocol, is_any) = match question.asked {
            Asked::One(_) => return Vec::new(),
            Asked::AnyPort(protocol) => (protocol, true),
            Asked::AllPorts(protocol) => (protocol, false),
        };
        let asked = asked_ports(protocol);
        let starts = starts(snapshot, protocol);
        let ends = starts.iter().skip(1).map(|&next| next - 1);
        let ranges = starts.iter().zip(ends.chain([u16::MAX]));
        let parts = ranges.map(|(&start, end)| {
            let of = |keep: &dyn Fn(u16) -> bool| -> Ports {
                let ports = (start..=end).filter(|&port| asked.contains(port) && keep(port));
                ports.map(|port| port..=port).collect()
            };
            let carried = |is_reply| {
                move |port| carries(protocol.service(port), question.source_port, is_reply)
            };
            Self {
                protocol,
                is_any,
                asked: of(&|_| true),
                probes: of(&carried(false)),
                replies: of(&carried(true)),
            }
        });
        parts.filter(|part| !part.asked.is_empty()).collect()
    }

    /// The service at the lowest of the ports.
    pub(super) fn first(&self) -> Service {
        let lowest = self.asked.ranges().first().map(RangeInclusive::start);
        self.protocol.service(lowest.copied().unwrap_or(1))
    }
}

/// Where ranges of ports begin that balancers tell apart to which routes lead: ways differ there.
fn starts(snapshot: &Snapshot, protocol: Protocol) -> BTreeSet<u16> {
    let entries = snapshot.fibs.iter().flat_map(|fib| {
        let routes = fib.table.routes().map(|(_, entry)| entry);
        routes.chain(fib.shared.iter().flatten())
    });
    let frontends = entries.filter_map(|entry| match entry.next_hop {
        NextHop::Frontend(frontend) => Some(frontend),
        _ => None,
    });
    let frontends: BTreeSet<_> = frontends.collect();
    let rules = frontends
        .into_iter()
        .flat_map(|frontend| &snapshot.frontend(frontend).rules);
    let mut starts = BTreeSet::from([1]);
    for rule in rules.filter(|rule| rule.protocol.is_none_or(|of| of == protocol.number())) {
        starts.insert((*rule.ports.start()).max(1));
        starts.extend(rule.ports.end().checked_add(1));
    }
    starts
}
