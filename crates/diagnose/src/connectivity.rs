//! A connection check as Network Watcher makes it (D-5): the hops of a probe, and what is wrong at each. The verdict is that of
//! [`explain`](crate::explain); here it is told hop by hop, and in Azure's words for issues.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::GuestKind;
use dataplane::dropped::{DropReason, Dropped, Locator};
use dataplane::flow::FlowTable;
use dataplane::guest::Guests;
use dataplane::packet::Packet;
use dataplane::pipeline::{Delivery, Outcome, Pipeline, Position};
use dataplane::recorder::{Evidence, Step, Visit};
use engine::application::DEFAULT_TTL;
use engine::latency::LatencyModel;
use engine::random::{Purpose, Randomness};
use engine::site::Site;
use engine::time::{SimDuration, SimTime};
use model::security::default_rules;
use model::{Direction, LinkId, Listener, Network, NicId, OutsidePlace, RouteSource};

use crate::explain::{Question, Service, explain, probe};
use crate::explanation::Verdict;

/// Probes that Azure sends for one check.
pub const PROBES: u32 = 100;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connectivity {
    /// `Reachable`, `Unreachable`, or `Unknown` where there is no route to judge (D-21).
    pub status: &'static str,
    /// From the source to the destination.
    pub hops: Vec<Hop>,
    /// Shortest, mean and longest round trip of [`PROBES`] probes; `None` unless reachable.
    pub round_trip: Option<[SimDuration; 3]>,
}

/// One hop: the source, what forwards, the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// `Source`, `VirtualAppliance`, `VirtualNetworkGateway`, `VnetLocal`, `Internet` or `Destination`.
    pub kind: &'static str,
    /// Its address.
    pub address: Ipv4Addr,
    /// The NIC or outside host; `None` where nobody of the input stands there.
    pub worker: Option<NicId>,
    /// What is wrong here, the first decides.
    pub issues: Vec<Issue>,
    /// The peering to the next hop, if the packet crosses one.
    pub peering: Option<LinkId>,
    /// Median one way to the next hop.
    pub to_next: Option<SimDuration>,
}

/// Something that is wrong at a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// `Inbound`, `Outbound` or `Local`.
    pub origin: &'static str,
    /// Azure's word: `NetworkSecurityRule`, `UserDefinedRoute`, `NoRouteLearned`, ...
    pub kind: &'static str,
    /// What decided, by key.
    pub context: Vec<(&'static str, String)>,
}

/// Makes the check.
pub fn check(network: &Network, snapshot: &Snapshot, question: &Question) -> Connectivity {
    let verdict = explain(network, snapshot, question).verdict;
    let checker = Checker {
        network,
        snapshot,
        latency: LatencyModel::default(),
    };
    let (nic, address) = question.source;
    let source = checker.hop("Source", address, Some(nic));
    let Ok(packet) = Packet::from_datagram(&probe(question).datagram(1, DEFAULT_TTL)) else {
        return Connectivity {
            status: "Unknown",
            hops: vec![source],
            round_trip: None,
        };
    };
    let mut world = (FlowTable::default(), Guests::without_rate_limits());
    let mut there = checker.walk(nic, packet, source, &mut world);
    if there.hops.len() == 1 || !there.arrives_at_a_guest {
        there.hops.push(checker.end(question, there.outcome));
    }
    if let Some(last) = there.hops.last_mut().filter(|last| last.kind == TRANSIT) {
        last.kind = checker.kind_of_destination(last.worker);
        if last.kind == INTERNET {
            last.address = question.destination; // one host stands for all of the Internet
        }
    }
    let listens = checker.listens(question, &there);
    if !listens && let Some(last) = there.hops.last_mut() {
        last.issues.push(Issue {
            origin: "Inbound",
            kind: "NoListenerOnDestination",
            context: Vec::new(),
        });
    }
    let back = there.arrived.as_ref().and_then(|(at, packet)| {
        let (leaves, answer) = dataplane::guest::willing_reply(snapshot, *at, packet)?;
        let hop = checker.hop("Source", answer.source(), Some(leaves));
        Some(checker.walk(leaves, answer, hop, &mut world))
    });
    if let Some(back) = &back {
        checker.issues_of_the_reply(&mut there.hops, back);
    }
    let no_route = there
        .hops
        .iter()
        .flat_map(|hop| &hop.issues)
        .next() // the first decides
        .is_some_and(|issue| issue.kind == NO_ROUTE);
    let status = match verdict {
        Verdict::Reachable if listens => "Reachable",
        Verdict::Unknown => "Unknown",
        _ if no_route => "Unknown",
        Verdict::Reachable | Verdict::ForwardOnly | Verdict::Unreachable => "Unreachable",
    };
    let round_trip = back
        .filter(|_| status == "Reachable")
        .map(|back| checker.round_trip(&there.legs, &back.legs));
    Connectivity {
        status,
        hops: there.hops,
        round_trip,
    }
}

/// No route of Azure's own leads on.
const NO_ROUTE: &str = "NoRouteLearned";
/// A hop outside Azure.
const INTERNET: &str = "Internet";
/// A hop of which it is not known yet whether it forwards.
const TRANSIT: &str = "";

struct Checker<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    latency: LatencyModel,
}

/// One way.
struct Walked {
    hops: Vec<Hop>,
    outcome: Outcome,
    arrives_at_a_guest: bool,
    arrived: Option<(NicId, Packet)>,
    /// From one worker to the next, with the time that the one before took to forward.
    legs: Vec<(NicId, NicId, SimDuration)>,
}

impl Checker<'_> {
    fn hop(&self, kind: &'static str, address: Ipv4Addr, worker: Option<NicId>) -> Hop {
        // D-21: a gateway shows its public address.
        let public = worker.and_then(|nic| {
            let nic = self.network.nics().get(nic)?;
            let is_gateway = matches!(nic.owner, model::NicOwner::GatewayInstance(..));
            let key = nic.primary().public_ip.filter(|_| is_gateway)?;
            self.network.public_ips()[key].address
        });
        Hop {
            kind,
            address: public.unwrap_or(address),
            worker,
            issues: Vec::new(),
            peering: None,
            to_next: None,
        }
    }

    /// Through all filters, so that what is wrong behind the first is told too.
    fn walk(
        &self,
        from: NicId,
        mut packet: Packet,
        first: Hop,
        (pairs, guests): &mut (FlowTable, Guests),
    ) -> Walked {
        let mut evidence = Evidence::counterfactual();
        if let Err(dropped) = dataplane::guest::originates(self.snapshot, from) {
            evidence.steps.push(Step::Refused { dropped });
        }
        let mut pipeline =
            Pipeline::new(self.snapshot, pairs, guests, &mut evidence, SimTime::ZERO);
        let outcome = pipeline.walk(Position::Leaving(from), &mut packet);
        let mut hops = vec![first];
        let mut legs = Vec::new();
        let (mut leaving, mut forwarding) = (from, SimDuration::ZERO);
        let mut peering = None;
        let mut visit = Visit::leaving(from);
        let mut by_default = None;
        for step in &evidence.steps {
            match *step {
                Step::Flow { visit: at, .. }
                | Step::Judged { visit: at, .. }
                | Step::JudgedByAdminRule { visit: at, .. } => visit = at,
                Step::JudgedByDefaultRules {
                    visit: at,
                    rules,
                    rule,
                    ..
                } => {
                    visit = at;
                    by_default = self.snapshot.rules(rules).rules.get(usize::from(rule));
                }
                Step::Sent { nic } => visit = Visit::leaving(nic),
                Step::Crossed { link, .. } => peering = Some(link),
                Step::Received { nic, .. } => {
                    let to_next = self.link(leaving, nic).median();
                    if let Some(last) = hops.last_mut() {
                        last.peering = peering.take();
                        last.to_next = Some(to_next);
                    }
                    legs.push((leaving, nic, forwarding));
                    hops.push(self.hop(TRANSIT, self.address_of(nic), Some(nic)));
                    (leaving, forwarding) = (nic, SimDuration::ZERO);
                    visit = Visit::entering(nic);
                }
                Step::Forwarded { leaves, .. } => {
                    if let Some(last) = hops.last_mut() {
                        last.kind = self.kind_of_forwarder(leaves);
                    }
                    forwarding = self.forwarding_delay(leaves);
                    leaving = leaves;
                }
                Step::Refused { dropped } => {
                    let name = by_default.map(|rule| rule.name.as_str());
                    let issue = self.issue(dropped, visit, name);
                    if let Some(last) = hops.last_mut() {
                        last.issues.push(issue);
                    }
                }
                _ => {}
            }
        }
        let arrived = match outcome {
            Outcome::Delivered(Delivery::Guest(at)) => Some((at, packet)),
            Outcome::Delivered(_) | Outcome::Dropped { .. } => None,
        };
        Walked {
            hops,
            outcome,
            arrives_at_a_guest: arrived.is_some(),
            arrived,
            legs,
        }
    }

    /// The last hop where the probe reaches no guest: what it was for.
    fn end(&self, question: &Question, outcome: Outcome) -> Hop {
        let address = question.destination;
        let owner = self
            .network
            .nics()
            .iter()
            .find(|(_, nic)| nic.addresses().any(|own| own == address))
            .map(|(key, _)| key);
        let kind = match outcome {
            Outcome::Delivered(Delivery::Internet) => INTERNET,
            _ if owner == Some(question.source.0) => "VnetLocal",
            _ => "Destination",
        };
        self.hop(kind, address, owner)
    }

    fn kind_of_destination(&self, worker: Option<NicId>) -> &'static str {
        match worker.and_then(|nic| self.network.nics().get(nic)) {
            Some(_) => "VnetLocal",
            None => match worker.and_then(|station| self.network.outside_host(station)) {
                Some(host) if host.place == OutsidePlace::Internet => INTERNET,
                _ => "Destination",
            },
        }
    }

    fn kind_of_forwarder(&self, nic: NicId) -> &'static str {
        match self.kind(nic) {
            Some(GuestKind::Gateway(_)) => "VirtualNetworkGateway",
            _ => "VirtualAppliance",
        }
    }

    fn kind(&self, nic: NicId) -> Option<GuestKind> {
        self.snapshot.guest_behind(nic).map(|(_, guest)| guest.kind)
    }

    fn address_of(&self, worker: NicId) -> Ipv4Addr {
        let nic = self.network.nics().get(worker);
        nic.map(model::NetworkInterface::primary_address)
            .or_else(|| Some(self.network.outside_host(worker)?.address))
            .unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn listens(&self, question: &Question, there: &Walked) -> bool {
        let listener = match question.service {
            Service::Icmp => return true,
            Service::Tcp(port) => Listener::Tcp(port),
            Service::Udp(port) => Listener::Udp(port),
        };
        let guest = there
            .arrived
            .as_ref()
            .and_then(|(at, _)| self.snapshot.guest_behind(*at));
        guest
            .and_then(|(_, guest)| guest.listen.as_ref())
            .is_none_or(|listeners| listeners.contains(&listener))
    }

    /// What stops the reply is told at the hop where it is stopped.
    fn issues_of_the_reply(&self, hops: &mut [Hop], back: &Walked) {
        for hop in &back.hops {
            for issue in &hop.issues {
                let guest = |nic: NicId| self.snapshot.guest_behind(nic).map(|(guest, _)| guest);
                let here = hops.iter().position(|candidate| {
                    candidate.worker.is_some()
                        && candidate.worker.and_then(guest) == hop.worker.and_then(guest)
                });
                let position = here.unwrap_or(hops.len().saturating_sub(1));
                if let Some(hop) = hops.get_mut(position)
                    && !hop.issues.contains(issue)
                {
                    hop.issues.push(issue.clone());
                }
            }
        }
    }

    fn issue(&self, dropped: Dropped, visit: Visit, by_default: Option<&str>) -> Issue {
        let origin = match visit.direction {
            Direction::Inbound => "Inbound",
            Direction::Outbound => "Outbound",
        };
        let issue = |origin, kind, context| Issue {
            origin,
            kind,
            context,
        };
        let rule = |name: String| issue(origin, "NetworkSecurityRule", vec![("RuleName", name)]);
        match dropped.reason() {
            DropReason::NsgDeny | DropReason::AdminDeny => {
                rule(self.rule_name(dropped.at()).unwrap_or_default())
            }
            DropReason::VnetAccessBlocked => {
                rule(by_default.map_or_else(String::new, |name| format!("DefaultRule_{name}")))
            }
            DropReason::NoRoute
            | DropReason::RouteNone
            | DropReason::NextHopUnreachable
            | DropReason::NoSuchHost
            | DropReason::NoBackend
            | DropReason::NoGateway
            | DropReason::GatewayTransitOff
            | DropReason::NoOutboundMethod => {
                if self.is_user_route(dropped.at()) {
                    let context = vec![("RouteType", "User".to_owned())];
                    issue("Outbound", "UserDefinedRoute", context)
                } else {
                    issue("Outbound", NO_ROUTE, Vec::new())
                }
            }
            DropReason::NotOwnerNoForwarding => issue("Inbound", "IPForwardingNotEnabled", vec![]),
            DropReason::GuestNotForwarding => issue("Local", "GuestFirewall", Vec::new()),
            DropReason::VmStopped => issue("Local", "VMStopped", Vec::new()),
            DropReason::PeeringNotConnected => issue("Outbound", "PeeringInfoNotFound", Vec::new()),
            DropReason::Ttl | DropReason::LoopGuard => issue("Local", "UDRLoop", Vec::new()),
            reason => issue(
                origin,
                "Platform",
                vec![("Reason", reason.name().to_owned())],
            ),
        }
    }

    /// `UserRule_x`, `DefaultRule_x`, or the bare name of an admin rule (D-21).
    fn rule_name(&self, at: Locator) -> Option<String> {
        match at {
            Locator::Rule { rules, rule, .. } => {
                let rule = self.snapshot.rules(rules).rules.get(usize::from(rule))?;
                let is_default = default_rules(rule.direction).contains(rule);
                let prefix = if is_default {
                    "DefaultRule"
                } else {
                    "UserRule"
                };
                Some(format!("{prefix}_{}", rule.name))
            }
            Locator::AdminRule { rules, rule } => {
                let rules = &self.snapshot.admin_rules(rules).rules;
                Some(rules.get(usize::from(rule))?.rule.name.clone())
            }
            _ => None,
        }
    }

    fn is_user_route(&self, at: Locator) -> bool {
        let Locator::Route { fib, route } = at else {
            return false;
        };
        let rows = &self.snapshot.fibs[fib.0 as usize].routes;
        rows.get(usize::from(route))
            .is_some_and(|row| row.source == RouteSource::User)
    }

    fn link(&self, from: NicId, to: NicId) -> engine::latency::Link {
        let (from, to) = (Site::of(self.network, from), Site::of(self.network, to));
        let outside = |site: &Option<Site>| site.as_ref().and_then(Site::outside);
        match outside(&from).or_else(|| outside(&to)) {
            Some(distance) => self.latency.outside(distance),
            None => self.latency.link(
                from.as_ref().map(Site::place).unwrap_or_default(),
                to.as_ref().map(Site::place).unwrap_or_default(),
            ),
        }
    }

    /// L-3, L-4.
    fn forwarding_delay(&self, nic: NicId) -> SimDuration {
        let parameters = self.latency.parameters();
        match self.kind(nic) {
            Some(GuestKind::Gateway(_)) => parameters.vpn_gateway,
            _ => parameters.appliance,
        }
    }

    /// Shortest, mean and longest of as many probes as Azure sends, always the same ones.
    fn round_trip(
        &self,
        there: &[(NicId, NicId, SimDuration)],
        back: &[(NicId, NicId, SimDuration)],
    ) -> [SimDuration; 3] {
        let legs: Vec<_> = there
            .iter()
            .chain(back)
            .map(|&(from, to, forwarding)| (self.link(from, to), forwarding))
            .collect();
        let random = Randomness::from_seed(0);
        let trips: Vec<u64> = (0..u64::from(PROBES))
            .map(|probe| {
                let times = legs.iter().zip(0..).map(|((link, forwarding), hop)| {
                    let draw = random.draw(Purpose::LinkLatency, 0, probe, hop);
                    link.one_way(draw).as_nanoseconds() + forwarding.as_nanoseconds()
                });
                times.sum()
            })
            .collect();
        let mean = trips.iter().sum::<u64>() / u64::from(PROBES);
        let shortest = trips.iter().min().copied().unwrap_or(0);
        let longest = trips.iter().max().copied().unwrap_or(0);
        [shortest, mean, longest].map(SimDuration::from_nanoseconds)
    }
}
