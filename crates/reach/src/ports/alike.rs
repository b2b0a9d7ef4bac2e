//! The ports that fare like one that was asked for: all that the rules on the packet's way, and on that of its reply, do not tell from it.
//!
//! It does not know where packets go: that is the same for all ports, unless a translation or a firewall looks at them.

use std::cell::RefCell;
use std::sync::OnceLock;

use acl::Rule;
use control::Snapshot;
use control::snapshot::{AdminRulesId, Guest, RuleSetId, Rules};
use dataplane::answers::Subject;
use dataplane::packet::{FiveTuple, protocol};
use dataplane::recorder::Visit;
use model::{AdminAccess, Direction, Listener};

use crate::bits::Bits;

/// Room for every port.
const PORTS: usize = 1 << 16;

/// Ports that fare like one, as far as is known: fewer with every table that a packet meets.
#[derive(Debug)]
pub(crate) struct AlikePorts<'r> {
    port: u16,
    ports: RefCell<Bits>,
    rules: &'r RuleLists,
}

/// The rules of a snapshot one by one. Tables answer without them, so each list is read back when it is asked for first.
#[derive(Debug)]
pub(super) struct RuleLists {
    groups: Vec<OnceLock<Vec<Rule>>>,
    admin: Vec<OnceLock<Vec<Rule>>>,
}

impl RuleLists {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let unread = |len| std::iter::repeat_with(OnceLock::new).take(len).collect();
        Self {
            groups: unread(snapshot.rule_sets.len()),
            admin: unread(snapshot.admin_rules.len()),
        }
    }

    fn group(&self, snapshot: &Snapshot, set: RuleSetId) -> &[Rule] {
        self.groups[set.0 as usize].get_or_init(|| snapshot.rules(set).table.rules())
    }

    fn admin(&self, snapshot: &Snapshot, set: AdminRulesId) -> &[Rule] {
        self.admin[set.0 as usize].get_or_init(|| snapshot.admin_rules(set).table.rules())
    }
}

/// Of some ports, those that are in a set if this one is, and those that are not if it is not.
fn keep_those_like(port: u16, set: &Bits, ports: &mut Bits) {
    if set.get(port.into()) {
        ports.intersect(set);
    } else {
        ports.subtract(set);
    }
}

/// Which port of a packet is the one that is asked for.
#[derive(Clone, Copy)]
enum Field {
    /// That of its destination.
    Destination,
    /// Of a reply, that of its source.
    Source,
}

/// What rules see of a packet beside the port that is asked for.
struct Seen<'r> {
    rules: &'r RuleLists,
    tuple: FiveTuple,
    source_classes: u32,
    destination_classes: u32,
    field: Field,
}

impl<'r> AlikePorts<'r> {
    /// `ports`: those that are like the port before anything is asked.
    pub(super) fn new(port: u16, ports: Bits, rules: &'r RuleLists) -> Self {
        let ports = RefCell::new(ports);
        Self { port, ports, rules }
    }

    /// What is left of them so far.
    pub(crate) fn so_far(&self) -> Bits {
        let mut ports = self.ports.borrow().clone();
        ports.set(self.port.into(), true);
        ports
    }

    /// What is left of them; the port itself always is.
    pub(crate) fn into_ports(self) -> Bits {
        let mut ports = self.ports.into_inner();
        ports.set(self.port.into(), true);
        ports
    }

    /// A packet meets the rules of a NIC.
    pub(crate) fn meet(&self, snapshot: &Snapshot, visit: Visit, subject: Subject, is_reply: bool) {
        let Some(nic) = snapshot.nic(visit.nic) else {
            return;
        };
        let policy = snapshot.policy_of(nic);
        let has_rules = *policy.rules_in(visit.direction) != Rules::None;
        if !has_rules && policy.admin_in(visit.direction).is_empty() {
            return;
        }
        let tuple = subject.tuple;
        let (field, port) = if is_reply {
            (Field::Source, tuple.source_port)
        } else {
            (Field::Destination, tuple.destination_port)
        };
        let mut ports = self.ports.borrow_mut();
        if port != self.port {
            // Something has put another port in; what it makes of others is not known here.
            ports.clear();
            return;
        }
        let classes = &snapshot.tags_of(nic).classes;
        let seen = Seen {
            rules: self.rules,
            tuple,
            source_classes: classes.lookup(tuple.source),
            destination_classes: classes.lookup(tuple.destination),
            field,
        };
        let admitted = seen.admitted(snapshot, visit.nic, visit.direction);
        keep_those_like(self.port, &admitted, &mut ports);
    }

    /// A packet has come to the guest it is for, and what listens there counts.
    pub(crate) fn come_to(&self, guest: &Guest, tuple: FiveTuple) {
        let mut ports = self.ports.borrow_mut();
        if tuple.destination_port == self.port {
            keep_those_like(self.port, &heard(guest, tuple.protocol), &mut ports);
        } else {
            ports.clear();
        }
    }
}

/// The ports on which a guest listens.
fn heard(guest: &Guest, protocol: u8) -> Bits {
    let Some(listeners) = &guest.listen else {
        return every_port();
    };
    let mut ports = Bits::new(PORTS);
    for &listener in listeners.iter() {
        match (listener, protocol) {
            (Listener::Tcp(port), protocol::TCP) | (Listener::Udp(port), protocol::UDP) => {
                ports.set(port.into(), true);
            }
            _ => {}
        }
    }
    ports
}

impl Seen<'_> {
    /// The ports with which the rules of a NIC would admit the packet.
    fn admitted(&self, snapshot: &Snapshot, nic: model::NicId, direction: Direction) -> Bits {
        let Some(nic) = snapshot.nic(nic) else {
            return Bits::new(PORTS);
        };
        let policy = snapshot.policy_of(nic);
        // S-13: for those that are always allowed groups are not asked, and those that are denied they cannot save.
        let (mut always, mut denied) = (None, None);
        let mut undecided = every_port();
        for &set in policy.admin_in(direction) {
            let rules = self.rules.admin(snapshot, set);
            for (rule, verdict) in rules.iter().zip(&snapshot.admin_rules(set).verdicts) {
                let mut decided = Bits::new(PORTS);
                self.decide(rule, &mut undecided, &mut decided);
                let said = match verdict {
                    AdminAccess::AlwaysAllow => &mut always,
                    AdminAccess::Deny => &mut denied,
                    AdminAccess::Allow => continue,
                };
                said.get_or_insert_with(|| Bits::new(PORTS)).unite(&decided);
            }
        }
        let mut admitted = match policy.rules_in(direction) {
            Rules::None => every_port(),
            Rules::Groups(groups) => {
                let mut all = every_port();
                for group in groups {
                    all.intersect(&self.allowed(snapshot, group.rules));
                }
                all
            }
            Rules::BlockedPeers {
                default_rules,
                ranges,
            } => {
                let ends = [self.tuple.source, self.tuple.destination];
                if ends.into_iter().any(|end| ranges.lookup(end).is_some()) {
                    self.allowed(snapshot, *default_rules)
                } else {
                    every_port()
                }
            }
        };
        if let Some(always) = always {
            admitted.unite(&always);
        }
        if let Some(denied) = denied {
            admitted.subtract(&denied);
        }
        admitted
    }

    /// The ports that a group lets pass: the first rule that matches decides, and where none does, the last one.
    fn allowed(&self, snapshot: &Snapshot, set: RuleSetId) -> Bits {
        let rules = self.rules.group(snapshot, set);
        let allows = &snapshot.rules(set).allows;
        let mut undecided = every_port();
        let mut allowed = Bits::new(PORTS);
        let mut denied = Bits::new(PORTS);
        for (rule, &allows) in rules.iter().zip(allows) {
            let said = if allows { &mut allowed } else { &mut denied };
            if self.decide(rule, &mut undecided, said) {
                return allowed;
            }
        }
        if allows.last() == Some(&true) {
            allowed.unite(&undecided);
        }
        allowed
    }

    /// Moves the ports that a rule matches from the undecided ones to others; whether it matches every port.
    fn decide(&self, rule: &Rule, undecided: &mut Bits, decided: &mut Bits) -> bool {
        let tuple = self.tuple;
        let (own, other, port) = match self.field {
            Field::Destination => (
                &rule.destination_ports,
                &rule.source_ports,
                tuple.source_port,
            ),
            Field::Source => (
                &rule.source_ports,
                &rule.destination_ports,
                tuple.destination_port,
            ),
        };
        let matches = rule.protocol.matches(tuple.protocol)
            && other.matches(Some(port))
            && rule
                .destination
                .matches(tuple.destination, self.destination_classes)
            && rule.source.matches(tuple.source, self.source_classes);
        if !matches {
            return false;
        }
        for range in own.ranges() {
            let range = usize::from(*range.start())..usize::from(*range.end()) + 1;
            undecided.hand_over(range, decided);
        }
        own.is_full()
    }
}

/// All ports.
pub(super) fn every_port() -> Bits {
    let mut ports = Bits::new(PORTS);
    ports.insert(0..PORTS);
    ports
}
