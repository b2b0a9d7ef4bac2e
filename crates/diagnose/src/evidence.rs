//! One step of a packet's life in words, with the object that decided.

use control::Snapshot;
use control::firewalls::Decision;
use control::snapshot::{Far, ForwardedTraffic, NextHop};
use dataplane::dropped::{Dropped, Locator};
use dataplane::recorder::{Admission, FlowFound, Step, Visit};
use engine::site::Site;
use model::{AdminAccess, GatewayId, Network, NicId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::object::{Object, direction_word, short};
use crate::stage::Stage;
use crate::translation;

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// The packet goes on, or would.
    Passed,
    /// The packet dies here.
    Dropped,
}

/// One step of a packet's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// The NIC, as `vm/nic`.
    pub at: String,
    /// What was asked.
    pub stage: Stage,
    /// Whether the packet goes on.
    pub finding: Finding,
    /// The answer in words.
    pub text: String,
    /// What decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Name of the drop reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// Words for the steps of one run: knows the names behind the small numbers.
#[derive(Clone, Copy, Debug)]
pub struct Narrator<'a> {
    /// The network as the user described it.
    pub network: &'a Network,
    /// The snapshot in which the packets were judged.
    pub snapshot: &'a Snapshot,
}

impl Narrator<'_> {
    /// The name of a NIC: `vm/nic`.
    pub fn site(&self, nic: NicId) -> String {
        Site::of(self.network, nic).map_or_else(|| "(deleted)".to_owned(), |site| site.name)
    }

    /// A drop in one line: `dropped: route-none (route 10.0.0.0/8 None (Default))`.
    pub fn dropped(&self, dropped: Dropped) -> String {
        let object = Object::of_drop(self.snapshot, dropped);
        format!("dropped: {} ({object})", dropped.reason())
    }

    /// The NIC at which a step happens; `here` for steps that do not name one.
    pub fn place(step: &Step, here: NicId) -> NicId {
        match *step {
            Step::Sent { nic }
            | Step::StaysInGuest { nic }
            | Step::Platform { nic }
            | Step::Routed { nic, .. }
            | Step::Received { nic, .. }
            | Step::Delivered { nic }
            | Step::Translated { nic, .. }
            | Step::FirewallFlow { nic }
            | Step::FirewallJudged { nic, .. }
            | Step::Fragmented { nic, .. } => nic,
            Step::Flow { visit, .. }
            | Step::Judged { visit, .. }
            | Step::JudgedByAdminRule { visit, .. }
            | Step::JudgedByDefaultRules { visit, .. }
            | Step::TcpMidstream { visit } => visit.nic,
            Step::Forwarded { entered, .. } => entered,
            Step::Balanced { .. }
            | Step::Tunnelled { .. }
            | Step::Crossed { .. }
            | Step::Refused { .. } => here,
        }
    }

    /// A step that happened at `here`, or at the NIC that it names.
    pub fn record(&self, step: &Step, here: NicId) -> StepRecord {
        let (stage, text, object) = self.words(step);
        let (finding, reason) = match step {
            Step::Refused { dropped } => (Finding::Dropped, Some(dropped.reason().name())),
            _ => (Finding::Passed, None),
        };
        StepRecord {
            at: self.site(Self::place(step, here)),
            stage,
            finding,
            text,
            object,
            reason,
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm a step: a table, not a procedure"
    )]
    fn words(&self, step: &Step) -> (Stage, String, Option<Object>) {
        match *step {
            Step::Sent { .. } => (Stage::Nic, "sends the packet".to_owned(), None),
            Step::StaysInGuest { .. } => (
                Stage::Guest,
                "the destination is the sender's own address: the packet stays in the guest"
                    .to_owned(),
                None,
            ),
            Step::Platform { .. } => (
                Stage::Nic,
                "the host answers for the platform: no rules, no routes (N-11)".to_owned(),
                None,
            ),
            Step::Flow { visit, found } => (Stage::Flow, flow_text(visit, found).to_owned(), None),
            Step::Judged {
                visit,
                level,
                rules,
                rule,
                ..
            } => {
                let locator = Locator::Rule { level, rules, rule };
                let object = Object::at(self.snapshot, locator, None);
                let text = format!("{}: {object}", direction_word(visit.direction));
                (Stage::Rules, text, Some(object))
            }
            Step::JudgedByAdminRule {
                visit,
                rules,
                rule,
                access,
            } => {
                let locator = Locator::AdminRule { rules, rule };
                let object = Object::at(self.snapshot, locator, None);
                let then = match access {
                    AdminAccess::Allow => "; the security groups decide",
                    AdminAccess::AlwaysAllow => "; security groups are not asked",
                    AdminAccess::Deny => "",
                };
                let text = format!("{}: {object}{then} (S-13)", direction_word(visit.direction));
                (Stage::Rules, text, Some(object))
            }
            Step::JudgedByDefaultRules {
                visit,
                link,
                rules,
                rule,
                ..
            } => {
                let decided = self
                    .snapshot
                    .rules(rules)
                    .rules
                    .get(usize::from(rule))
                    .map_or("no rule", |rule| rule.name.as_str());
                let object = Object::at(self.snapshot, Locator::Link(link), None);
                let text = format!(
                    "{}: no security group, and allowVirtualNetworkAccess of {object} is false: the default rules judge ({decided}, F-4)",
                    direction_word(visit.direction)
                );
                let object = object.with_flag("allowVirtualNetworkAccess", "own");
                (Stage::Rules, text, Some(object))
            }
            Step::TcpMidstream { .. } => (
                Stage::Flow,
                "a TCP flow begins without a SYN; judged as a new one (S-20)".to_owned(),
                None,
            ),
            Step::Routed {
                fib,
                route,
                next_hop,
                ..
            } => {
                let object = Object::at(self.snapshot, Locator::Route { fib, route }, None);
                let row = match &object {
                    Object::Route(row) => row.to_string(),
                    other => other.to_string(),
                };
                let text = match self.next_hop_text(next_hop) {
                    Some(next_hop) => format!("{row}: {next_hop}"),
                    None => row,
                };
                (Stage::Route, text, Some(object))
            }
            Step::Balanced {
                frontend,
                rule,
                member,
            } => {
                let object = Object::at(self.snapshot, Locator::Frontend(frontend), None);
                let rules = &self.snapshot.frontend(frontend).rules;
                let rule = rules.get(usize::from(rule)).map(|rule| rule.name.as_str());
                let text = format!(
                    "{object} chooses {} (rule {})",
                    self.site(member),
                    rule.unwrap_or_default()
                );
                (Stage::NextHop, text, Some(object))
            }
            Step::Translated { rewrite, .. } => translation::words(self.snapshot, rewrite),
            Step::Tunnelled {
                gateway,
                tunnel,
                inward,
            } => self.tunnel_words(gateway, tunnel, inward),
            Step::Crossed { link, admission } => {
                let link = Object::at(self.snapshot, Locator::Link(link), None);
                let text = format!("{link}, the receiver's: {}", admission_text(admission));
                let object = match admission {
                    Admission::Forwarded(_) => link.with_flag("allowForwardedTraffic", "receiver"),
                    Admission::Ordinary | Admission::FromGateway | Admission::Translated => link,
                };
                (Stage::Boundary, text, Some(object))
            }
            Step::Received { own: true, .. } => (
                Stage::Nic,
                "receives the packet: the address is its own".to_owned(),
                None,
            ),
            Step::Received { own: false, .. } => (
                Stage::Nic,
                "receives the packet: the address is not its own".to_owned(),
                None,
            ),
            Step::Delivered { .. } => (
                Stage::Guest,
                "takes the packet: it is for this guest".to_owned(),
                None,
            ),
            Step::Forwarded {
                entered,
                leaves,
                ttl,
                source,
                destination,
            } => {
                let changes = [
                    (entered != leaves).then(|| format!("out through {}", self.site(leaves))),
                    source.map(|source| format!("source becomes {source}")),
                    destination.map(|destination| format!("destination becomes {destination}")),
                ];
                let text = std::iter::once(format!("forwards it, TTL {ttl}"))
                    .chain(changes.into_iter().flatten())
                    .collect::<Vec<_>>()
                    .join(", ");
                (Stage::Guest, text, None)
            }
            Step::FirewallFlow { .. } => (
                Stage::Guest,
                "belongs to a flow that the firewall has let pass".to_owned(),
                None,
            ),
            Step::FirewallJudged {
                firewall,
                rule,
                decision,
                ..
            } => {
                let at = Locator::FirewallRule { firewall, rule };
                let object = Object::at(self.snapshot, at, None);
                let text = match (rule, decision) {
                    (_, Decision::Unknown) => {
                        format!("{object}: what it decides is not in the input")
                    }
                    (None, _) => "no rule of the firewall matches, which denies".to_owned(),
                    (Some(_), Decision::Allow | Decision::Deny) => object.to_string(),
                };
                (Stage::Guest, text, Some(object))
            }
            Step::Fragmented { pieces, .. } => {
                (Stage::Link, format!("cut into {pieces} fragments"), None)
            }
            Step::Refused { dropped } => {
                let object = Object::of_drop(self.snapshot, dropped);
                let reason = dropped.reason();
                let text = match object {
                    // The step before has named it.
                    Object::Rule(_) | Object::AdminRule(_) | Object::Route(_) => {
                        format!("{reason}: {}", reason.description())
                    }
                    _ => format!("{reason}: {} ({object})", reason.description()),
                };
                (stage_of(dropped), text, Some(object))
            }
        }
    }

    /// The tunnel by its connection, and what lies at its other end.
    fn tunnel_words(
        &self,
        gateway: GatewayId,
        tunnel: u16,
        inward: bool,
    ) -> (Stage, String, Option<Object>) {
        let compiled = self.snapshot.gateway(gateway);
        let tunnel = compiled.and_then(|gateway| gateway.tunnels.get(usize::from(tunnel)));
        let connection = tunnel.and_then(|tunnel| tunnel.connection);
        let locator = connection.map_or(Locator::Gateway(gateway), Locator::Connection);
        let object = Object::at(self.snapshot, locator, None);
        let far = match tunnel.map(|tunnel| tunnel.far) {
            Some(Far::Gateway(far)) => {
                let far = Object::at(self.snapshot, Locator::Gateway(far), None);
                format!(" to {far}")
            }
            Some(Far::Unknown) => " to what the input does not hold".to_owned(),
            Some(Far::Site) | None => String::new(),
        };
        let direction = if inward {
            "from outside"
        } else {
            "out of Azure"
        };
        let text = match connection {
            Some(_) => format!("{object}{far} carries the packet {direction} (G-7)"),
            None => format!("{object} carries the packet {direction}: no connection is described"),
        };
        (Stage::NextHop, text, Some(object))
    }

    /// What a next hop adds to the row; most rows say it all.
    fn next_hop_text(&self, next_hop: NextHop) -> Option<String> {
        match next_hop {
            NextHop::Nic(nic) => Some(self.site(nic)),
            NextHop::Gateway(gateway) => {
                let gateway = self.network.gateways().get(gateway)?;
                Some(format!("gateway {}", short(gateway.id.as_str())))
            }
            NextHop::NobodyThere => Some("nobody owns the next hop's address".to_owned()),
            NextHop::Unreachable => {
                Some("the next hop's address is not directly connected".to_owned())
            }
            NextHop::Unsimulated => Some("the owner's packets are not simulated".to_owned()),
            NextHop::Outside(_) => Some("not part of the input".to_owned()),
            NextHop::Local
            | NextHop::Peer(_)
            | NextHop::Group(_)
            | NextHop::Frontend(_)
            | NextHop::Shared(_)
            | NextHop::NoGateway
            | NextHop::TransitOff(_)
            | NextHop::Internet
            | NextHop::AzureService
            | NextHop::Discard => None,
        }
    }
}

fn flow_text(visit: Visit, found: FlowFound) -> &'static str {
    match found {
        FlowFound::NotKept => match visit.direction {
            model::Direction::Outbound => {
                "no security group outbound: everything passes, nothing is remembered"
            }
            model::Direction::Inbound => {
                "no security group inbound: everything passes, nothing is remembered"
            }
        },
        FlowFound::Known => "a flow that is known here: rules are skipped (S-17)",
        FlowFound::New => "a new flow",
        FlowFound::Flushed => {
            "a known flow, but rules have changed and the group flushes: asked again (S-22)"
        }
        FlowFound::Related => "an ICMP error about a known flow: rules are skipped (S-24)",
        FlowFound::Fragment => "follows the first fragment: rules are skipped (S-25)",
    }
}

fn admission_text(admission: Admission) -> &'static str {
    match admission {
        Admission::Ordinary => "the source is in the sender's network: no flag needed (F-7)",
        Admission::Forwarded(ForwardedTraffic::Allowed) => {
            "forwarded, and allowForwardedTraffic is true (F-6)"
        }
        Admission::Forwarded(ForwardedTraffic::AllowedByRemoteGateway) => {
            "forwarded; allowForwardedTraffic is false, but the network uses the live gateway over there (F-9a)"
        }
        Admission::Forwarded(ForwardedTraffic::Tolerated) => {
            "forwarded and allowForwardedTraffic is false; tolerated by the option forwardedTraffic: lenient (F-10)"
        }
        Admission::Forwarded(ForwardedTraffic::Blocked) => "forwarded",
        Admission::FromGateway => "sent by a gateway: no flag needed (F-9)",
        Admission::Translated => {
            "the appliance put its own address in place of the source: no flag needed (F-8)"
        }
    }
}

/// Where in its life a packet was when it died.
fn stage_of(dropped: Dropped) -> Stage {
    use dataplane::dropped::DropReason as Reason;
    if let Locator::FirewallRule { .. } = dropped.at() {
        return Stage::Guest;
    }
    match dropped.reason() {
        Reason::BadHeader
        | Reason::BadChecksum
        | Reason::FabricProtocol
        | Reason::SpoofSource
        | Reason::NotOwnerNoForwarding
        | Reason::LoopGuard => Stage::Nic,
        Reason::FlowTableFull | Reason::FragmentOutOfOrder => Stage::Flow,
        Reason::AdminDeny | Reason::NsgDeny | Reason::VnetAccessBlocked => Stage::Rules,
        Reason::NoRoute | Reason::RouteNone => Stage::Route,
        Reason::NextHopUnreachable
        | Reason::NoSuchHost
        | Reason::NoBackend
        | Reason::NoGateway
        | Reason::GatewayTransitOff
        | Reason::NoOutboundMethod
        | Reason::OutsideInput => Stage::NextHop,
        Reason::PeeringNotConnected
        | Reason::SourcePrefixNotPeered
        | Reason::PeeringForwardedBlocked => Stage::Boundary,
        Reason::MtuDf | Reason::QueueFull => Stage::Link,
        Reason::VmStopped
        | Reason::GuestNotForwarding
        | Reason::Ttl
        | Reason::TcpNoSyn
        | Reason::GatewayNoRoute
        | Reason::GatewayConnectionDown => Stage::Guest,
    }
}
