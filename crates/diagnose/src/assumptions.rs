//! Rules that nobody has documented or observed, and on which an answer rests all the same.

use control::Snapshot;
use control::snapshot::{ForwardedTraffic, GuestKind};
use dataplane::dropped::{DropReason, Locator};
use dataplane::packet::protocol;
use dataplane::recorder::{Admission, Step};
use model::NextHopType;
use schemars::JsonSchema;
use serde::Serialize;

use crate::translation;

/// A rule that is inferred or assumed, as `docs/SEMANTICS.md` marks it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assumption {
    /// Its number.
    pub rule: &'static str,
    /// What is taken for granted, in one sentence.
    pub sentence: &'static str,
}

/// The assumptions behind the steps of a packet, each once.
pub(crate) fn behind(snapshot: &Snapshot, ip_protocol: u8, steps: &[Step]) -> Vec<Assumption> {
    let mut assumptions: Vec<Assumption> = steps
        .iter()
        .filter_map(|step| of_step(snapshot, ip_protocol, step))
        .map(|(rule, sentence)| Assumption { rule, sentence })
        .collect();
    assumptions.sort();
    assumptions.dedup();
    assumptions
}

fn of_step(
    snapshot: &Snapshot,
    ip_protocol: u8,
    step: &Step,
) -> Option<(&'static str, &'static str)> {
    Some(match *step {
        Step::StaysInGuest { .. } => (
            "S-16",
            "That packets to an own address meet no rules is inferred.",
        ),
        // T-4
        Step::JudgedByDefaultRules { visit, .. } => {
            let (_, guest) = snapshot.guest_behind(visit.nic)?;
            let GuestKind::Gateway(_) = guest.kind else {
                return None;
            };
            (
                "T-4",
                "That a gateway is judged like a NIC without security group is inferred from one report.",
            )
        }
        Step::Routed { fib, route, .. } => {
            let fib = snapshot.fibs.get(fib.0 as usize)?;
            let row = fib.routes.get(usize::from(route))?;
            if row.next_hop_type == NextHopType::ConnectedGroup {
                return Some((
                    "R-11",
                    "That members of a connected group meet no flags, as those of a peering would be, is inferred.",
                ));
            }
            let groups = &fib.shared;
            if !groups.iter().flatten().any(|entry| entry.route == route) {
                return None;
            }
            (
                "R-32",
                "How Azure chooses among equal routes is not published: another next hop may get the packet.",
            )
        }
        Step::Tunnelled {
            gateway, tunnel, ..
        } => {
            let groups = &snapshot.gateway(gateway)?.groups;
            if !groups
                .iter()
                .any(|group| group.len() > 1 && group.contains(&tunnel))
            {
                return None;
            }
            (
                "R-32",
                "How a gateway chooses among equal tunnels is not published: another one may carry the packet.",
            )
        }
        Step::Balanced { .. } => (
            "R-25",
            "How Azure chooses among several members is not published: another one may get the packet.",
        ),
        Step::Translated { rewrite, .. } => return translation::assumption(snapshot, rewrite),
        Step::TcpMidstream { .. } => (
            "S-20",
            "What Azure does with a TCP packet that belongs to no flow is not published.",
        ),
        Step::Judged { rules, rule, .. } if ip_protocol == protocol::ICMP => {
            let rule = snapshot.rules(rules).rules.get(usize::from(rule))?;
            if rule.destination_ports.is_all() {
                return None;
            }
            (
                "S-6",
                "That the destination ports of a rule are ICMP types was reported once.",
            )
        }
        Step::Crossed { admission, .. } => match admission {
            Admission::Translated => (
                "F-8",
                "That answers through an appliance with source NAT need no flag is inferred.",
            ),
            Admission::Forwarded(ForwardedTraffic::AllowedByRemoteGateway) => (
                "F-9a",
                "That a remote gateway in use lets forwarded packets in was observed once, its cause is inferred.",
            ),
            Admission::Ordinary | Admission::Forwarded(_) | Admission::FromGateway => return None,
        },
        Step::Refused { dropped } => match (dropped.reason(), dropped.at()) {
            (DropReason::SourcePrefixNotPeered, _) => (
                "F-7",
                "That a source in a prefix which the link does not know is refused is inferred.",
            ),
            (DropReason::PeeringForwardedBlocked, _) => (
                "F-7",
                "That a packet counts as forwarded by its source address is inferred.",
            ),
            (DropReason::GatewayConnectionDown, _) => (
                "G-3",
                "That a connection which is down takes its static prefixes with it is inferred.",
            ),
            (DropReason::VmStopped | DropReason::GuestNotForwarding, Locator::Nic(_)) => (
                "R-26",
                "That nothing takes over for a next hop that does not forward is inferred: no health check is documented.",
            ),
            _ => return None,
        },
        _ => return None,
    })
}
