//! How one end asks for another: at which address, and as which connection.
//!
//! Within the network an end has its address. From the Internet a machine is asked for at each public address that leads to it, which are
//! its own (N-13), those of load balancers that have a rule for the service with it as a member, and those of firewalls that translate them
//! to it (S-35). What counts is where it fares best. It does not know what a matrix is.

use std::net::Ipv4Addr;

use acl::Key;
use control::Snapshot;
use engine::application::FIRST_SOURCE_PORT;
use engine::reachability::Service;
use model::NicId;

use crate::ends::{End, EndKind};
use crate::probe::{Answer, Prober, WayEnd};

/// Connections by which a member of a load balancer is looked for, for each of its members.
const CONNECTIONS: usize = 32;

/// A public address behind which a machine stands with others.
struct Door {
    public: Ipv4Addr,
    /// Among how many a hash chooses.
    members: usize,
}

impl Prober<'_> {
    /// The prober and the address by which one end asks for another.
    #[must_use]
    pub fn towards(self, from: &End, to: &End) -> (Self, Ipv4Addr) {
        if !is_from_outside(from, to) {
            return (self, to.address);
        }
        let own = self.snapshot().edge.public_of(to.worker, to.address);
        let mut best = (self, own.unwrap_or(to.address));
        let doors = doors(self.snapshot(), from.address, to, self.service());
        if doors.is_empty() {
            return best;
        }
        let source = (from.worker, from.address);
        let rank = |answer: &Answer| {
            let cell = answer.cell();
            (cell.round_trip, cell.forward, cell.unknown)
        };
        let mut highest = rank(&self.fate(source, best.1));
        for door in doors {
            let Some((prober, answer)) = self.connection(source, &door, to.worker) else {
                continue;
            };
            if rank(&answer) > highest {
                highest = rank(&answer);
                best = (prober, door.public);
            }
        }
        best
    }

    /// A connection to a door that comes to a NIC, or of which nobody knows where it comes to.
    fn connection(
        self,
        source: (NicId, Ipv4Addr),
        door: &Door,
        nic: NicId,
    ) -> Option<(Self, Answer)> {
        let first = self.source_port().unwrap_or(FIRST_SOURCE_PORT);
        let ports = (first..=u16::MAX).chain(FIRST_SOURCE_PORT..first);
        let tries = match door.members {
            1 => 1,
            members => members * CONNECTIONS,
        };
        let connections = ports.take(tries).map(|port| {
            let prober = self.by_source_port(port);
            (prober, prober.fate(source, door.public))
        });
        let mut connections = connections.filter(|(_, answer)| match answer.forward.end {
            WayEnd::Arrived(at) => at == nic,
            _ => door.members == 1,
        });
        connections.next()
    }
}

/// Whether an end may be asked for at other addresses than its own.
fn is_from_outside(from: &End, to: &End) -> bool {
    from.kind == EndKind::Internet && matches!(to.kind, EndKind::Primary | EndKind::Secondary)
}

/// Whether it matters to a pair what is asked for: other doors are open for it then.
pub(crate) fn has_doors(snapshot: &Snapshot, from: &End, to: &End) -> bool {
    let is_member = || {
        let rules = snapshot.frontends.iter().filter(|front| front.public);
        let mut members = rules
            .flat_map(|front| &front.rules)
            .flat_map(|rule| &rule.members);
        members.any(|member| (member.nic, member.address) == (to.worker, to.address))
    };
    let is_translated = || {
        let mut firewalls = snapshot.firewalls.iter().flatten();
        firewalls.any(|firewall| firewall.translates_to(to.address))
    };
    is_from_outside(from, to) && (is_translated() || is_member())
}

/// The public addresses by which a service asks for a machine that has them not for itself.
fn doors(snapshot: &Snapshot, source: Ipv4Addr, to: &End, service: Service) -> Vec<Door> {
    let (protocol, port) = service.numbers();
    let frontends = snapshot.frontends.iter().filter(|front| front.public);
    let balanced = frontends.filter_map(|frontend| {
        let (_, rule) = frontend.rule_for(protocol, port)?;
        let is_it = |nic, address| (nic, address) == (to.worker, to.address);
        let mut members = rule.members.iter();
        members.find(|member| is_it(member.nic, member.address))?;
        Some(Door {
            public: frontend.address?,
            members: rule.members.len(),
        })
    });
    let translated = snapshot.firewalls.iter().flatten().flat_map(|firewall| {
        let publics = firewall.public_addresses.iter().copied();
        publics.filter(move |&public| {
            let key = Key {
                source,
                destination: public,
                protocol,
                source_port: None,
                destination_port: port,
                source_classes: 0,
                destination_classes: 0,
            };
            let found = firewall.new_destination(&key);
            found
                .and_then(|found| found.to)
                .is_some_and(|(address, _)| address == to.address)
        })
    });
    let translated = translated.map(|public| Door { public, members: 1 });
    balanced.chain(translated).collect()
}
