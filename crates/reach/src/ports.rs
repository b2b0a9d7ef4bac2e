//! Which ports a network can tell apart, and questions about any or all of them.
//!
//! `alike`: the ports that one pair's packets do not tell from the one that was asked for.
//!
//! Between two cuts, every port meets the same rules. [`representatives`] does not know which rules a pair meets, so it cuts at the ports of all
//! of them: what is asked that way is obvious, and slow.

mod alike;

use std::collections::BTreeSet;
use std::sync::Arc;

use acl::{Ports, RuleSet};
use control::Snapshot;
use model::Listener;

pub(crate) use self::alike::AlikePorts;
use self::alike::RuleLists;
use crate::bits::Bits;
use crate::question::Protocol;

/// N-8: UDP from this port the fabric carries for nobody, so nobody's reply from there is asked for.
const RESERVED: u16 = 65330;
/// S-27: from port 68, this one is for DHCP.
const DHCP: u16 = 67;

/// All ports that any or all of them are: port 0 is no port that anything listens on.
pub(crate) fn asked_ports(protocol: Protocol) -> Ports {
    match protocol {
        Protocol::Tcp => Ports::from_iter([1..=u16::MAX]),
        Protocol::Udp => Ports::from_iter([1..=RESERVED - 1, RESERVED + 1..=u16::MAX]),
    }
}

/// One port of each class, ascending: the lowest one.
pub fn representatives(snapshot: &Snapshot, protocol: Protocol) -> Vec<u16> {
    let mut starts = starts(snapshot, protocol);
    let groups = snapshot.rule_sets.iter().map(|set| &set.table);
    let admin = snapshot.admin_rules.iter().map(|set| &set.table);
    let rules = groups.chain(admin).flat_map(RuleSet::rules);
    for rule in rules.filter(|rule| rule.protocol.matches(protocol.number())) {
        // Of a reply, the port is that of the source.
        for ports in [&rule.destination_ports, &rule.source_ports] {
            for range in ports.ranges() {
                cut(&mut starts, (*range.start(), *range.end()));
            }
        }
    }
    let guests = snapshot
        .guests
        .iter()
        .filter_map(|guest| guest.listen.as_ref());
    for listener in guests.flat_map(|listeners| listeners.iter()) {
        match (*listener, protocol) {
            (Listener::Tcp(port), Protocol::Tcp) | (Listener::Udp(port), Protocol::Udp) => {
                cut(&mut starts, (port, port));
            }
            _ => {}
        }
    }
    if protocol == Protocol::Udp {
        starts.remove(&RESERVED);
    }
    starts.into_iter().collect()
}

/// Where classes begin that more than rules of groups and managers tell apart: firewalls, load balancers, the fabric itself.
fn starts(snapshot: &Snapshot, protocol: Protocol) -> BTreeSet<u16> {
    let mut starts = BTreeSet::from([1]);
    for firewall in snapshot.firewalls.iter().flatten() {
        for range in &firewall.destination_ports {
            cut(&mut starts, (*range.start(), *range.end()));
        }
    }
    for rule in snapshot.frontends.iter().flat_map(|front| &front.rules) {
        cut(&mut starts, (*rule.ports.start(), *rule.ports.end()));
    }
    if protocol == Protocol::Udp {
        cut(&mut starts, (RESERVED, RESERVED));
        cut(&mut starts, (DHCP, DHCP));
    }
    starts
}

fn cut(starts: &mut BTreeSet<u16>, (first, last): (u16, u16)) {
    starts.insert(first.max(1));
    starts.extend(last.checked_add(1));
}

/// The ports of a protocol, as one pair after the other asks for them.
#[derive(Clone, Debug)]
pub(crate) struct PortClasses {
    protocol: Protocol,
    /// Where classes begin that more than rules tell apart.
    starts: Vec<u16>,
    /// All that are asked for.
    asked: Bits,
    rules: Arc<RuleLists>,
}

impl PortClasses {
    pub(crate) fn new(snapshot: &Snapshot, protocol: Protocol) -> Self {
        let mut asked = Bits::new(1 << 16);
        for range in asked_ports(protocol).ranges() {
            asked.insert(usize::from(*range.start())..usize::from(*range.end()) + 1);
        }
        Self {
            protocol,
            starts: starts(snapshot, protocol).into_iter().collect(),
            asked,
            rules: Arc::new(RuleLists::new(snapshot)),
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Hands out one port after the other, ascending, until `judge` has heard enough (`false`); it is told which ports fare like it, and those
    /// are asked for no more.
    pub(crate) fn ask_each(&self, mut judge: impl FnMut(u16, &AlikePorts<'_>) -> bool) {
        let mut left = self.asked.clone();
        loop {
            let first = left.runs().next().map(|run| run.start);
            let Some(port) = first.and_then(|first| u16::try_from(first).ok()) else {
                return;
            };
            let alike = AlikePorts::new(port, self.class_of(port), &self.rules);
            if !judge(port, &alike) {
                return;
            }
            left.subtract(&alike.into_ports());
        }
    }

    /// The ports between the same two cuts.
    fn class_of(&self, port: u16) -> Bits {
        let behind = self.starts.partition_point(|&start| start <= port);
        let start = behind.checked_sub(1).map_or(0, |at| self.starts[at]);
        let end = self.starts.get(behind).map_or(1 << 16, |&end| end.into());
        let mut ports = Bits::new(1 << 16);
        ports.insert(start.into()..end);
        ports
    }
}
