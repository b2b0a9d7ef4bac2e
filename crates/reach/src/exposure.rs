//! What the Internet reaches: every public address of the input, asked from there by packets.
//!
//! A matrix asks for a NIC at the public address that is translated to it. Here is also who answers behind frontends of load balancers and
//! firewalls, which have no address of their own for each member.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::PublicOwner;
use engine::application::FIRST_SOURCE_PORT;
use engine::reachability::Service;
use model::NicId;

use crate::matrix::services;
use crate::probe::{Answer, Prober, WayEnd};
use crate::question::Question;

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
    /// What was asked for: of any or all ports, one that arrives, or else the lowest.
    pub service: Service,
    /// The NIC at which the probe arrives; else the one that has the address, if one has.
    pub nic: Option<NicId>,
    /// Whether the probe arrives.
    pub arrives: bool,
    /// What became of the probe.
    pub answer: Answer,
}

/// What the Internet reaches, by public address and NIC. Empty for a network that was not joined to the Internet.
pub fn exposures(snapshot: &Snapshot, question: Question) -> Vec<Exposure> {
    let edge = &snapshot.edge;
    let Some(host) = edge.host else {
        return Vec::new();
    };
    let Some(address) = snapshot.outside_host(host).map(|host| host.address) else {
        return Vec::new();
    };
    let services = services(snapshot, question.asked);
    let first = question.source_port.unwrap_or(FIRST_SOURCE_PORT);
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
        let (mut arrived, mut lost) = (BTreeSet::new(), None);
        for &service in &services {
            for offset in 0..CONNECTIONS {
                let port = first.wrapping_add(offset);
                let prober = Prober::new(snapshot, service, Some(port), question.depth);
                let answer = prober.answer((host, address), public);
                if let WayEnd::Arrived(at) = answer.forward.end {
                    if arrived.insert(at) {
                        exposures.push(Exposure {
                            public,
                            owner,
                            service,
                            nic: Some(at),
                            arrives: true,
                            answer,
                        });
                    }
                } else if lost.is_none() {
                    lost = Some((service, answer));
                }
                let is_in_vain = arrived.is_empty() && offset >= IN_VAIN;
                if members <= 1 || arrived.len() >= members || is_in_vain {
                    break;
                }
            }
        }
        if arrived.is_empty()
            && let Some((service, answer)) = lost
        {
            exposures.push(Exposure {
                public,
                owner,
                service,
                nic,
                arrives: false,
                answer,
            });
        }
    }
    exposures
}
