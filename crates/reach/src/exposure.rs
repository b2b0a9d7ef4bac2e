//! What the Internet reaches: every public address of the input, asked from there by packets.
//!
//! A matrix asks for a NIC wherever it fares best. Here is what each public address comes to by itself: who answers there, which may be
//! several behind a load balancer, and of many ports which are open.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use control::Snapshot;
use control::snapshot::PublicOwner;
use dataplane::recorder::Step;
use engine::application::FIRST_SOURCE_PORT;
use engine::reachability::{Service, Verdict};
use model::NicId;

use crate::bits::Bits;
use crate::ports::{AlikePorts, PortClasses};
use crate::probe::{Answer, Prober, WayEnd};
use crate::question::{Asked, Question};

/// Connections by which the members of a frontend are looked for, and after how many in vain the search ends.
const CONNECTIONS: u16 = 1024;
const IN_VAIN: u16 = 32;

/// What becomes of those who ask for a public address.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// The public address.
    pub public: Ipv4Addr,
    /// Who stands behind it.
    pub owner: PublicOwner,
    /// What was asked for: of any or all ports, the lowest that fares like this.
    pub service: Service,
    /// Of any or all ports, those that fare like this, ascending; of one service none.
    pub ports: Vec<RangeInclusive<u16>>,
    /// The NIC at which the probe arrives; else the one that has the address, if one has.
    pub nic: Option<NicId>,
    /// Whether the probe arrives.
    pub arrives: bool,
    /// What became of the probe.
    pub answer: Answer,
    /// Its way, step by step.
    pub steps: Vec<Step>,
}

/// What fares alike at a public address.
struct Alike {
    service: Service,
    source_port: u16,
    answer: Answer,
    ports: Bits,
}

/// What the Internet reaches, by public address, NIC and verdict. Empty for a network that was not joined to the Internet.
pub fn exposures(snapshot: &Snapshot, question: Question) -> Vec<Exposure> {
    let edge = &snapshot.edge;
    let Some(host) = edge.host else {
        return Vec::new();
    };
    let Some(address) = snapshot.outside_host(host).map(|host| host.address) else {
        return Vec::new();
    };
    let first = question.source_port.unwrap_or(FIRST_SOURCE_PORT);
    let all = Prober::of(snapshot, Service::Icmp, question);
    let prober = |service, source_port| all.about(service).by_source_port(source_port);
    let mut exposures = Vec::new();
    for (&public, &owner) in &edge.owners {
        let (nic, members) = match owner {
            PublicOwner::Nic { nic, .. } => (Some(nic), 1),
            // Which of them answers depends on the connection.
            PublicOwner::Frontend(frontend) => {
                let rules = snapshot.frontend(frontend).rules.iter();
                let members = rules.flat_map(|rule| &rule.members);
                let members: BTreeSet<NicId> = members.map(|member| member.nic).collect();
                (None, members.len())
            }
            PublicOwner::Firewall(_) => (None, 1),
            PublicOwner::Shared(_) | PublicOwner::Unsimulated => continue,
        };
        let mut found: BTreeMap<(Option<NicId>, Verdict), Alike> = BTreeMap::new();
        let mut ask = |service, ports: Option<&AlikePorts<'_>>| {
            let mut met: BTreeMap<(Option<NicId>, Verdict), (u16, Answer)> = BTreeMap::new();
            for offset in 0..CONNECTIONS {
                let source_port = first.wrapping_add(offset);
                let asked = prober(service, source_port);
                let answer = asked.answer_of_ports((host, address), public, ports);
                let at = match answer.forward.end {
                    WayEnd::Arrived(at) => Some(at),
                    _ => None,
                };
                let key = (at, answer.verdict);
                met.entry(key).or_insert((source_port, answer));
                let arrived: BTreeSet<NicId> = met.keys().filter_map(|&(at, _)| at).collect();
                let is_in_vain = arrived.is_empty() && offset >= IN_VAIN;
                if members <= 1 || arrived.len() >= members || is_in_vain {
                    break;
                }
            }
            for (key, (source_port, answer)) in met {
                let alike = found.entry(key).or_insert_with(|| Alike {
                    service,
                    source_port,
                    answer,
                    ports: Bits::new(1 << 16),
                });
                if let Some(ports) = ports {
                    alike.ports.unite(&ports.so_far());
                }
            }
        };
        match question.asked {
            Asked::One(service) => ask(service, None),
            Asked::AnyPort(protocol) | Asked::AllPorts(protocol) => {
                PortClasses::new(snapshot, protocol).ask_each(|port, alike| {
                    ask(protocol.service(port), Some(alike));
                    true
                });
            }
        }
        let arrives = found.keys().any(|(at, _)| at.is_some());
        for ((at, _), alike) in found {
            if arrives && at.is_none() {
                continue;
            }
            let asked = prober(alike.service, alike.source_port);
            exposures.push(Exposure {
                public,
                owner,
                service: alike.service,
                ports: ranges(&alike.ports),
                nic: at.or(nic),
                arrives: at.is_some(),
                answer: alike.answer,
                steps: asked.story((host, address), public).forward,
            });
        }
    }
    exposures
}

fn ranges(ports: &Bits) -> Vec<RangeInclusive<u16>> {
    let port = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    let runs = ports.runs();
    runs.map(|run| port(run.start)..=port(run.end - 1))
        .collect()
}
