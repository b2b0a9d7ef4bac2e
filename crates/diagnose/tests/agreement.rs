//! On random networks, for every pair of machines: the next-hop question, the IP flow question, `explain`, a packet that walks, and a
//! ping in simulated time say the same.

use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::sync::Arc;

use acl::Key;
use control::Snapshot;
use control::questions::{Decision, decide, next_hop_of};
use control::snapshot::NextHop;
use dataplane::dropped::{DropReason, Dropped};
use dataplane::flow::FlowTable;
use dataplane::guest::{Guests, originates, willing_reply};
use dataplane::packet::End;
use dataplane::packet::{FiveTuple, Packet, protocol};
use dataplane::pipeline::{Delivery, Outcome, Pipeline, Position};
use dataplane::recorder::{Evidence, Recorder, Step};
use diagnose::evidence::Narrator;
use diagnose::explain::{Question, Service, explain, explain_as_set};
use diagnose::explanation::{Explanation, Verdict};
use engine::application::{
    AnswerKind, Application, DEFAULT_TTL, Ping, Probe, ProbeKind, ProbeOutcome,
};
use engine::latency::LatencyModel;
use engine::simulate::{Settings, Simulation};
use engine::time::{SimDuration, SimTime};
use engine::trace::{Frames, Occurrence};
use model::{AdminAccess, Network, NicId};
use proptest::prelude::*;
use testnet::{load, plan};

/// ICMP type of an echo request.
const ECHO: u16 = 8;
/// ICMP type of its reply.
const ECHO_REPLY: u16 = 0;

/// What became of one packet: where it was dropped, or where it arrived.
type Fate = Result<(NicId, Packet), Option<(NicId, Dropped)>>;

/// One world: both packets of a question go through the same flow tables.
struct World<'a> {
    snapshot: &'a Snapshot,
    pairs: FlowTable,
    guests: Guests,
}

impl<'a> World<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            pairs: FlowTable::default(),
            guests: Guests::without_rate_limits(),
        }
    }

    fn walk(&mut self, from: NicId, mut packet: Packet, recorder: &mut impl Recorder) -> Fate {
        let mut pipeline = Pipeline::new(
            self.snapshot,
            &mut self.pairs,
            &mut self.guests,
            recorder,
            SimTime::ZERO,
        );
        match pipeline.walk(Position::Leaving(from), &mut packet) {
            Outcome::Delivered(Delivery::Guest(at)) => Ok((at, packet)),
            Outcome::Delivered(_) => Err(None),
            Outcome::Dropped { nic, dropped } => Err(Some((nic, dropped))),
        }
    }
}

/// What a probe and its reply come to.
#[derive(Debug, PartialEq)]
struct Answer {
    verdict: Verdict,
    /// Of the packet that died first.
    death: Option<(bool, NicId, Dropped)>,
}

/// By packets alone, at full speed.
fn by_packets(snapshot: &Snapshot, question: &Question) -> Answer {
    let from = question.source.0;
    if let Err(dropped) = originates(snapshot, from) {
        return Answer {
            verdict: Verdict::Unreachable,
            death: Some((false, from, dropped)),
        };
    }
    let mut world = World::new(snapshot);
    let arrived = match world.walk(from, packet(question), &mut ()) {
        Ok(arrived) => arrived,
        Err(death) => return dead(death, false, Verdict::Unreachable),
    };
    let (at, packet) = arrived;
    let Some((leaves, reply)) = willing_reply(snapshot, at, &packet) else {
        return Answer {
            verdict: Verdict::Reachable,
            death: None,
        };
    };
    let guest = |nic| snapshot.guest_behind(nic).map(|(guest, _)| guest);
    match world.walk(leaves, reply, &mut ()) {
        Ok((back, reply)) => Answer {
            verdict: if guest(back) == guest(from) && reply.source() == question.destination {
                Verdict::Reachable
            } else {
                Verdict::ForwardOnly
            },
            death: None,
        },
        Err(death) => dead(death, true, Verdict::ForwardOnly),
    }
}

fn dead(death: Option<(NicId, Dropped)>, back: bool, verdict: Verdict) -> Answer {
    let unknown = death.is_some_and(|(_, dropped)| dropped.reason().is_unknown());
    // What leaves for the Internet may be answered there; a reply that does so is lost.
    let verdict = match death {
        None if !back => Verdict::Unknown,
        _ if unknown => Verdict::Unknown,
        _ => verdict,
    };
    Answer {
        verdict,
        death: death.map(|(nic, dropped)| (back, nic, dropped)),
    }
}

fn packet(question: &Question) -> Packet {
    let probe = Probe {
        source: question.source.1,
        destination: question.destination,
        kind: match question.service {
            Service::Icmp => ProbeKind::Echo {
                identifier: 1,
                payload: 0,
            },
            Service::Tcp(port) => ProbeKind::Tcp {
                port,
                source_port: Some(49_152),
            },
            Service::Udp(port) => ProbeKind::Udp {
                port,
                source_port: Some(49_152),
                payload: 1,
            },
        },
        dont_fragment: false,
    };
    Packet::from_datagram(&probe.datagram(1, DEFAULT_TTL)).expect("a probe is a packet")
}

/// `explain` blames what killed the packet, and nothing where it lived.
fn explains_the_packet(
    network: &Network,
    snapshot: &Snapshot,
    explanation: &Explanation,
    answer: &Answer,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(explanation.verdict, answer.verdict);
    let narrator = Narrator { network, snapshot };
    let blamed = explanation.obstacles.first().map(|obstacle| {
        (
            obstacle.path == "return",
            obstacle.at.clone(),
            obstacle.reason,
            obstacle.object.to_string(),
        )
    });
    let killed = answer.death.map(|(back, nic, dropped)| {
        let object = diagnose::object::Object::of_drop(snapshot, dropped);
        (
            back,
            narrator.site(nic),
            dropped.reason().name(),
            object.to_string(),
        )
    });
    prop_assert_eq!(blamed, killed);
    Ok(())
}

/// Every route that a packet has taken is what the next-hop question says, and where that question finds a dead end the packet dies.
fn next_hops_agree(
    snapshot: &Snapshot,
    tuple: FiveTuple,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut destination = tuple.destination;
    let mut last = None;
    for step in steps {
        match *step {
            Step::Forwarded {
                destination: Some(new),
                ..
            } => destination = new,
            Step::Translated { rewrite, .. } if rewrite.end == End::Destination => {
                destination = rewrite.address;
            }
            Step::Sent { nic } => last = Some(nic),
            Step::Routed {
                nic,
                route,
                next_hop,
                ..
            } => {
                let compiled = snapshot.nic(nic).expect("a NIC that sends");
                let told = next_hop_of(snapshot, compiled, destination);
                let (_, entry) = told.route.expect("a row decided");
                // of several next hops of one prefix the packet takes one.
                let shares = match entry.next_hop {
                    NextHop::Shared(group) => {
                        let group = usize::from(group);
                        snapshot.fib_of(compiled).shared[group].clone()
                    }
                    _ => vec![entry],
                };
                let shares = shares.iter().map(|share| (share.route, share.next_hop));
                let shares: Vec<_> = shares.collect();
                prop_assert!(
                    shares.contains(&(route, next_hop)),
                    "{:?} takes none of {:?}",
                    (route, next_hop),
                    shares
                );
                let deadly = match next_hop {
                    NextHop::Discard => Some(DropReason::RouteNone),
                    NextHop::NobodyThere => Some(DropReason::NoSuchHost),
                    NextHop::Unreachable => Some(DropReason::NextHopUnreachable),
                    NextHop::NoGateway => Some(DropReason::NoGateway),
                    NextHop::TransitOff(_) => Some(DropReason::GatewayTransitOff),
                    _ => None,
                };
                if let Some(reason) = deadly {
                    let died = steps.last().is_some_and(|step| {
                        matches!(step, Step::Refused { dropped } if dropped.reason() == reason)
                    });
                    prop_assert!(died, "{:?} should end in {}", steps, reason);
                }
            }
            Step::Refused { dropped } if dropped.reason() == DropReason::NoRoute => {
                // A host outside Azure has no effective routes.
                if let Some(compiled) = last.and_then(|nic| snapshot.nic(nic)) {
                    let told = next_hop_of(snapshot, compiled, destination);
                    prop_assert!(told.route.is_none());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Every verdict of rules on the way is what the IP flow question says of the packet as it was then.
fn rules_agree(
    snapshot: &Snapshot,
    tuple: FiveTuple,
    icmp_type: u16,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut tuple = tuple;
    for (position, step) in steps.iter().enumerate() {
        match *step {
            Step::Forwarded {
                source,
                destination,
                ..
            } => {
                tuple.source = source.unwrap_or(tuple.source);
                tuple.destination = destination.unwrap_or(tuple.destination);
            }
            Step::Translated { rewrite, .. } => match rewrite.end {
                End::Source => tuple.source = rewrite.address,
                End::Destination => tuple.destination = rewrite.address,
            },
            Step::Flow { visit, found } => {
                use dataplane::recorder::FlowFound;
                if !matches!(found, FlowFound::New | FlowFound::NotKept) {
                    continue;
                }
                let Some(nic) = snapshot.nic(visit.nic) else {
                    continue;
                };
                // S-20: such a packet dies before the rules are asked.
                let strict = |step: &&Step| matches!(step, Step::Refused { dropped } if dropped.reason() == DropReason::TcpNoSyn);
                if steps[position + 1..]
                    .iter()
                    .take(2)
                    .any(|step| strict(&step))
                {
                    continue;
                }
                let told = decide(snapshot, nic, visit.direction, key(tuple, icmp_type));
                let judged = steps[position + 1..].iter().take_while(|step| {
                    matches!(
                        step,
                        Step::JudgedByAdminRule { .. }
                            | Step::Judged { .. }
                            | Step::JudgedByDefaultRules { .. }
                            | Step::TcpMidstream { .. }
                            | Step::Refused { .. }
                    )
                });
                let (mut admin, mut levels) = (None, Vec::new());
                for step in judged {
                    match *step {
                        Step::JudgedByAdminRule {
                            rules,
                            rule,
                            access,
                            ..
                        } => admin = Some((rules, u32::from(rule), access)),
                        Step::Judged {
                            level,
                            rules,
                            rule,
                            allows,
                            ..
                        } => {
                            levels.push((Some(level), rules, u32::from(rule), allows));
                        }
                        Step::JudgedByDefaultRules {
                            rules,
                            rule,
                            allows,
                            ..
                        } => {
                            levels.push((None, rules, u32::from(rule), allows));
                        }
                        _ => {}
                    }
                }
                let (said_admin, rest) = match &told {
                    Decision::Admin(said, rest) => {
                        let access = said.rule.access;
                        (Some((said.rules, said.position, access)), &**rest)
                    }
                    rest => (None, rest),
                };
                prop_assert_eq!(admin, said_admin, "{:?}", visit);
                // S-13: only an Allow leaves it to the groups.
                let decides = admin.filter(|&(.., access)| access != AdminAccess::Allow);
                let said: Vec<_> = match rest {
                    _ if decides.is_some() => Vec::new(),
                    Decision::NoRules => Vec::new(),
                    Decision::Levels(levels) => levels.iter().map(of_level).collect(),
                    Decision::BlockedPeer(_, verdict) => vec![of_level(verdict)],
                    Decision::Admin(..) => unreachable!("one admin rule decides"),
                };
                prop_assert_eq!(&levels, &said, "{:?}", visit);
                let allows = match decides {
                    Some((.., access)) => access == AdminAccess::AlwaysAllow,
                    None => levels.iter().all(|level| level.3),
                };
                prop_assert_eq!(allows, told.allows());
            }
            _ => {}
        }
    }
    Ok(())
}

type Level = (
    Option<control::snapshot::Level>,
    control::snapshot::RuleSetId,
    u32,
    bool,
);

fn of_level(verdict: &control::questions::LevelVerdict<'_>) -> Level {
    (
        verdict.level,
        verdict.rules,
        verdict.position,
        verdict.allows,
    )
}

fn key(tuple: FiveTuple, icmp_type: u16) -> Key {
    let ports = match tuple.protocol {
        // S-6: the type stands for the destination port.
        protocol::ICMP => (None, Some(icmp_type)),
        _ => (Some(tuple.source_port), Some(tuple.destination_port)),
    };
    Key {
        source: tuple.source,
        destination: tuple.destination,
        protocol: tuple.protocol,
        source_port: ports.0,
        destination_port: ports.1,
        source_classes: 0,
        destination_classes: 0,
    }
}

/// Whether one echo in simulated time is answered.
fn ping(
    network: &Arc<Network>,
    snapshot: &Arc<Snapshot>,
    from: (NicId, Ipv4Addr),
    to: Ipv4Addr,
) -> bool {
    let probe = Probe {
        source: from.1,
        destination: to,
        kind: ProbeKind::Echo {
            identifier: 1,
            payload: 0,
        },
        dont_fragment: false,
    };
    let second = SimDuration::from_seconds(1);
    let settings = Settings {
        seed: 0,
        latency: LatencyModel::default(),
        frames: Frames::Dropped,
    };
    let mut simulation = Simulation::new(network.clone(), snapshot.clone(), settings);
    let ping = Ping::new(
        probe,
        1,
        second,
        SimDuration::from_seconds(100),
        DEFAULT_TTL,
    );
    simulation
        .install(from.0, Application::Ping(ping))
        .expect("the NIC exists");
    let mut answered = false;
    simulation
        .run(|occurrence| {
            if let Occurrence::Probe { event, .. } = occurrence
                && let ProbeOutcome::Answered { answer, .. } = event.outcome
            {
                answered |= answer.kind == AnswerKind::EchoReply;
            }
            ControlFlow::Continue(())
        })
        .expect("every packet is accounted for");
    answered
}

fn agree(scenario: &str) -> Result<(), TestCaseError> {
    let network = Arc::new(load(scenario));
    let snapshot = Arc::new(control::compile(&network));
    let machines = network
        .listed_nics()
        .map(|(key, nic)| (key, nic.primary_address()));
    let outside = network
        .outside_hosts()
        .map(|(station, host)| (station, host.address));
    let ends: Vec<(NicId, Ipv4Addr)> = machines.chain(outside).collect();
    for &source in &ends {
        for &(nic, destination) in ends.iter().filter(|&&(nic, _)| nic != source.0) {
            for service in [Service::Icmp, Service::Tcp(443)] {
                let question = Question {
                    source,
                    destination,
                    destination_nic: Some(nic),
                    service,
                    source_port: None,
                };
                let answer = by_packets(&snapshot, &question);
                let explanation = explain_as_set(&network, &snapshot, &question);
                explains_the_packet(&network, &snapshot, &explanation, &answer)?;
                if service == Service::Icmp {
                    let answered = ping(&network, &snapshot, source, destination);
                    prop_assert_eq!(
                        answered,
                        answer.verdict == Verdict::Reachable,
                        "ping from {:?} to {}",
                        source,
                        destination
                    );
                }

                let mut world = World::new(&snapshot);
                let mut evidence = Evidence::default();
                let probe = packet(&question);
                let tuple = probe.tuple();
                let fate = world.walk(source.0, probe, &mut evidence);
                next_hops_agree(&snapshot, tuple, &evidence.steps)?;
                rules_agree(&snapshot, tuple, ECHO, &evidence.steps)?;
                if let Ok((at, arrived)) = fate
                    && let Some((leaves, reply)) = willing_reply(&snapshot, at, &arrived)
                {
                    let mut evidence = Evidence::default();
                    let tuple = reply.tuple();
                    let _ = world.walk(leaves, reply, &mut evidence);
                    next_hops_agree(&snapshot, tuple, &evidence.steps)?;
                    rules_agree(&snapshot, tuple, ECHO_REPLY, &evidence.steps)?;
                }
            }
        }
    }
    whole_explanation_agrees(&network, &snapshot, &ends)
}

/// Asking what other options would change does not change the answer, and each of them is what an answer with that option says.
fn whole_explanation_agrees(
    network: &Network,
    snapshot: &Snapshot,
    ends: &[(NicId, Ipv4Addr)],
) -> Result<(), TestCaseError> {
    let [source, .., (nic, destination)] = *ends else {
        return Ok(());
    };
    let question = Question {
        source,
        destination,
        destination_nic: Some(nic),
        service: Service::Icmp,
        source_port: None,
    };
    let whole = explain(network, snapshot, &question);
    prop_assert_eq!(whole.verdict, by_packets(snapshot, &question).verdict);
    for description in network.options.descriptions() {
        for &value in description.values {
            let mut other = network.clone();
            if value == description.value || other.options.set(description.name, value).is_err() {
                continue;
            }
            let answer = by_packets(&control::compile(&other), &question);
            let told = whole
                .depends_on
                .iter()
                .find(|dependence| dependence.option == description.name)
                .and_then(|dependence| {
                    let mut alternatives = dependence.alternatives.iter();
                    alternatives.find(|alternative| alternative.value == value)
                });
            let verdict = told.map_or(whole.verdict, |alternative| alternative.verdict);
            prop_assert_eq!(verdict, answer.verdict, "{}={}", description.name, value);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn questions_explanations_and_packets_agree_for_every_pair(plan in plan()) {
        let scenario = plan.scenario();
        agree(&scenario).map_err(|error| TestCaseError::fail(format!("{error}\n{scenario}")))?;
    }
}

/// Found: an appliance with source NAT that sees only the reply puts its own address there, and nobody knows what it answers.
#[test]
fn a_reply_in_disguise_is_no_reply() {
    agree(
        "
virtualNetworks:
  v:
    addressSpace: [10.2.0.0/16]
    subnets: { s0: 10.2.0.0/24, s1: { prefix: 10.2.1.0/24, routeTable: t } }
routeTables:
  t: { routes: [ { name: r, prefix: 10.2.0.0/24, nextHop: VirtualAppliance 10.2.0.4 } ] }
virtualMachines:
  nva: { subnet: v/s0, nic: n0, ipForwarding: true }
  asks: { subnet: v/s0, nic: n1 }
  answers: { subnet: v/s1, nic: n2 }
guests: { nva: { role: appliance, snat: true } }
",
    )
    .unwrap();
}

/// Found: a tag decides for the default rules that judge on behalf of a link, too.
#[test]
fn options_about_tags_matter_where_default_rules_judge() {
    agree(
        "
virtualNetworks:
  v1: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: t } } }
  v2: { addressSpace: [10.2.0.0/16], subnets: { s: 10.2.0.0/24 } }
peerings:
  - { name: v1-v2, from: v1, to: v2, allowVirtualNetworkAccess: false }
  - { name: v2-v1, from: v2, to: v1 }
routeTables:
  t: { routes: [ { name: r, prefix: 0.0.0.0/0, nextHop: VnetLocal } ] }
virtualMachines:
  one: { subnet: v1/s, nic: n1 }
  two: { subnet: v2/s, nic: n2 }
",
    )
    .unwrap();
}

/// Found: the reply comes in through another NIC of the guest than the one behind which the program has asked.
#[test]
fn a_program_hears_what_comes_through_any_nic_of_its_guest() {
    agree(
        "
virtualNetworks:
  v:
    addressSpace: [10.1.0.0/16]
    subnets: { s0: 10.1.0.0/24, s1: 10.1.1.0/24, s2: { prefix: 10.1.2.0/24, routeTable: t } }
routeTables:
  t: { routes: [ { name: r, prefix: 10.1.1.0/24, nextHop: VirtualAppliance 10.1.0.4 } ] }
networkInterfaces:
  n0: { subnet: v/s0, address: 10.1.0.4, ipForwarding: true }
  n1: { subnet: v/s1, address: 10.1.1.4 }
  n2: { subnet: v/s2, address: 10.1.2.4 }
virtualMachines:
  asks: { nics: [n0, n1] }
  answers: { nics: [n2] }
guests: { asks: { role: appliance } }
",
    )
    .unwrap();
}

/// Found: security admin rules that do not match would with another value of an option.
#[test]
fn options_about_rules_matter_where_an_admin_rule_does_not_match() {
    agree(
        "
virtualNetworks:
  v: { addressSpace: [10.1.0.0/16], subnets: { s: 10.1.0.0/24 } }
virtualMachines:
  one: { subnet: v/s, nic: n1 }
  two: { subnet: v/s, nic: n2 }
networkManagers:
  avnm:
    networkGroups: { all: [v] }
    securityAdminConfigurations:
      base:
        ruleCollections:
          all:
            appliesTo: [all]
            rules:
              - { name: a, priority: 100, direction: Outbound, access: Deny, protocol: Icmp, source: '*', destination: '*', destinationPorts: [49152] }
",
    )
    .unwrap();
}
