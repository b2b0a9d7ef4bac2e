//! Sends the probe once more, with evidence: both ways, every step, and what is in the way.

use std::net::Ipv4Addr;

use control::Snapshot;
use dataplane::answers::Departure;
use dataplane::dropped::{DropReason, Dropped};
use dataplane::flow::{FlowTable, Pairs, Terms};
use dataplane::guest::Guests;
use dataplane::packet::{End, FiveTuple, Packet, protocol};
use dataplane::pipeline::{Delivery, Outcome as WalkOutcome, Pipeline, Position};
use dataplane::recorder::{Evidence, Step, Visit};
use engine::application::{DEFAULT_TTL, Probe};
use engine::time::{SimDuration, SimTime};
use model::{Listener, Network, NicId};

use crate::asymmetry::{self, Ways};
use crate::evidence::Narrator;
use crate::explanation::{
    EndRecord, Explanation, FOREIGN_REPLY, Obstacle, Outcome, PathRecord, Verdict,
};
use crate::foreign_reply;
use crate::object::Object;
use crate::ways_out::Situation;
use crate::{assumptions, dependence};

pub use engine::reachability::Service;

/// Does this end reach that one?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Through which NIC the probe leaves, and its source address.
    pub source: (NicId, Ipv4Addr),
    /// Where it is to go.
    pub destination: Ipv4Addr,
    /// The NIC that the user means by that address, if one was named.
    pub destination_nic: Option<NicId>,
    /// What is asked for.
    pub service: Service,
    /// Source port of TCP and UDP; 49152 unless said.
    pub source_port: Option<u16>,
}

/// Answers by one probe in a world of its own: empty flow tables, no rate limits, the snapshot as loaded. Filters that drop are noted
/// and the walk goes on (S-14), so that all that is in the way is found at once.
///
/// Then the question is asked again with other values of the options that its steps have met: an answer that depends on one says so.
pub fn explain(network: &Network, snapshot: &Snapshot, question: &Question) -> Explanation {
    let (mut explanation, steps) = answer(network, snapshot, question);
    let protocol = match question.service {
        Service::Icmp => protocol::ICMP,
        Service::Tcp(_) => protocol::TCP,
        Service::Udp(_) => protocol::UDP,
    };
    explanation.assumptions = assumptions::behind(snapshot, protocol, &steps);
    let gist = explanation.gist();
    explanation.depends_on = dependence::of_answer(
        network,
        snapshot,
        &steps,
        protocol,
        gist,
        |network, snapshot| answer(network, snapshot, question).0.gist(),
    );
    explanation
}

/// The same with the options as they are, without asking what others would change: for those who ask many questions.
pub fn explain_as_set(network: &Network, snapshot: &Snapshot, question: &Question) -> Explanation {
    answer(network, snapshot, question).0
}

/// The answer with the options as they are, and all steps of both ways.
fn answer(network: &Network, snapshot: &Snapshot, question: &Question) -> (Explanation, Vec<Step>) {
    let explainer = Explainer {
        network,
        snapshot,
        narrator: Narrator { network, snapshot },
    };
    explainer.explain(question)
}

/// The way of the probe, as obstacles name it.
const FORWARD: &str = "forward";
/// The way of the reply.
const RETURN: &str = "return";
/// Why a reply that nobody drops is lost: it ends elsewhere.
const STRAYS: &str = "The reply goes another way and never comes to the machine that has asked.";

struct Explainer<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    narrator: Narrator<'a>,
}

/// One way, walked.
struct Walked {
    record: PathRecord,
    obstacles: Vec<Obstacle>,
    /// The first drop decides.
    first_drop: Option<DropReason>,
    /// Where and how the packet arrived, if it did or would have.
    arrived: Option<(NicId, Packet)>,
    outcome: WalkOutcome,
    remarks: Vec<String>,
    steps: Vec<Step>,
    /// No route led on, and the packet was set down at its destination in thought.
    set_down: bool,
}

impl Explainer<'_> {
    fn explain(&self, question: &Question) -> (Explanation, Vec<Step>) {
        let (nic, address) = question.source;
        let probe = probe(question);
        let mut pairs = FlowTable::default();
        let mut guests = Guests::without_rate_limits();
        let packet = Packet::from_datagram(&probe.datagram(1, DEFAULT_TTL));
        let packet = match packet {
            Ok(packet) => packet,
            Err(error) => {
                let dropped = dataplane::pipeline::malformed(nic, error);
                return (self.malformed(question, dropped), Vec::new());
            }
        };
        let tuple = packet.tuple();
        let forward = self.walk(
            FORWARD,
            (nic, question.destination_nic),
            packet,
            &mut pairs,
            &mut guests,
        );
        let back = forward.arrived.as_ref().and_then(|(at, packet)| {
            let (leaves, answer) = dataplane::guest::willing_reply(self.snapshot, *at, packet)?;
            Some(self.walk(RETURN, (leaves, Some(nic)), answer, &mut pairs, &mut guests))
        });
        let mut remarks = forward.remarks.clone();
        remarks.extend(back.iter().flat_map(|back| back.remarks.iter().cloned()));
        remarks.extend(self.listener_remark(question, &forward));
        // What was set down at its destination in thought has passed no devices.
        let whole = back
            .as_ref()
            .filter(|back| !back.set_down && !forward.set_down);
        let ways = whole.map(|back| {
            let arrives = back.arrived.is_some();
            asymmetry::compare(&self.narrator, &forward.steps, &back.steps, arrives)
        });
        let Ways {
            asymmetries,
            remarks: symmetry_remarks,
        } = ways.unwrap_or_default();
        remarks.extend(symmetry_remarks);
        remarks.sort();
        remarks.dedup();
        let strays = back.as_ref().and_then(|back| self.strays(nic, tuple, back));
        let verdict = verdict(&forward, back.as_ref(), strays.is_some());
        let mut obstacles = forward.obstacles;
        let mut steps = forward.steps;
        let stranger = back.as_ref().and_then(|back| {
            foreign_reply::of(tuple, &back.record, back.arrived.as_ref()?.1.tuple())
        });
        if strays.is_some() && self.network.internet() == Some(nic) {
            obstacles.extend(stranger);
        }
        let set_down = forward.set_down;
        let back = back.map(|back| {
            let mirrored = |other: &Obstacle| {
                // A machine that does not run is told once, and so is what two networks lack between them.
                let same = obstacles.iter().any(|first: &Obstacle| {
                    (first.reason, &first.at) == (other.reason, &other.at)
                        && other.reason == DropReason::VmStopped.name()
                });
                same || set_down && back.set_down && is_of_system(other)
            };
            let kept: Vec<Obstacle> = back
                .obstacles
                .iter()
                .filter(|other| !mirrored(other))
                .cloned()
                .collect();
            obstacles.extend(kept);
            steps.extend(back.steps);
            back.record
        });
        let explanation = Explanation {
            source: self.end(Some(nic), address),
            destination: self.end(question.destination_nic, question.destination),
            probe: tuple.to_string(),
            verdict,
            cause: obstacles.first().map_or_else(
                || strays.map(str::to_owned),
                |obstacle| Some(obstacle.sentence()),
            ),
            // what the Internet asks for is answered by another way.
            asymmetric: !asymmetries.is_empty()
                || obstacles
                    .iter()
                    .any(|obstacle| obstacle.reason == FOREIGN_REPLY),
            asymmetries,
            forward: forward.record,
            back,
            obstacles,
            depends_on: Vec::new(),
            assumptions: Vec::new(),
            remarks,
        };
        (explanation, steps)
    }

    /// One packet's way between two NICs, through all filters. Where no route leads on, the packet is set down at its destination in
    /// thought: what would be in the way there?
    fn walk(
        &self,
        path: &'static str,
        (from, destined): (NicId, Option<NicId>),
        mut packet: Packet,
        pairs: &mut FlowTable,
        guests: &mut Guests,
    ) -> Walked {
        let mut tuple = packet.tuple();
        let title = tuple.to_string();
        let mut evidence = Evidence::counterfactual();
        if path == FORWARD
            && let Err(dropped) = dataplane::guest::originates(self.snapshot, from)
        {
            evidence.steps.push(Step::Refused { dropped });
        }
        let mut pipeline =
            Pipeline::new(self.snapshot, pairs, guests, &mut evidence, SimTime::ZERO);
        let mut outcome = pipeline.walk(Position::Leaving(from), &mut packet);
        let dead_end = match outcome {
            WalkOutcome::Dropped { nic, dropped } if is_dead_end(dropped.reason()) => Some(nic),
            _ => None,
        };
        let destined = destined.filter(|&to| {
            let nic = self.snapshot.nic(to);
            nic.is_some_and(|nic| nic.addresses.contains(&packet.destination()))
        });
        let mut set_down = false;
        if let (Some(sender), Some(to)) = (dead_end, destined)
            && sender != to
        {
            self.remember(sender, &packet, pairs);
            let mut pipeline =
                Pipeline::new(self.snapshot, pairs, guests, &mut evidence, SimTime::ZERO);
            let start = Position::UnderWay {
                from: sender,
                to: Departure::Nic(to),
            };
            outcome = pipeline.walk(start, &mut packet);
            set_down = true;
        }
        let mut steps = Vec::new();
        let mut obstacles = Vec::new();
        let mut remarks = Vec::new();
        let mut first = None;
        let mut here = from;
        for step in &evidence.steps {
            here = Narrator::place(step, here);
            steps.push(self.narrator.record(step, here));
            match *step {
                Step::Refused { dropped } => {
                    first.get_or_insert((here, dropped));
                    obstacles.push(self.obstacle(path, here, dropped, tuple));
                }
                Step::Forwarded {
                    leaves,
                    source,
                    destination,
                    ..
                } => {
                    here = leaves;
                    tuple.source = source.unwrap_or(tuple.source);
                    tuple.destination = destination.unwrap_or(tuple.destination);
                }
                Step::Translated { rewrite, .. } => match rewrite.end {
                    End::Source => tuple.source = rewrite.address,
                    End::Destination => tuple.destination = rewrite.address,
                },
                _ => {}
            }
        }
        let arrived = match outcome {
            WalkOutcome::Delivered(Delivery::Guest(at)) => Some((at, packet)),
            WalkOutcome::Delivered(_) | WalkOutcome::Dropped { .. } => None,
        };
        remarks.extend(departure_remark(outcome));
        if first.is_some_and(|(_, dropped)| self.is_system_none(dropped)) {
            remarks.push(format!(
                "Which system rows with next hop None exist depends on the option noneRoutes={} (R-4).",
                self.snapshot.options.none_routes
            ));
        }
        Walked {
            record: PathRecord {
                packet: title,
                steps,
                outcome: self.outcome(outcome, first),
            },
            obstacles,
            first_drop: first.map(|(_, dropped)| dropped.reason()),
            arrived,
            outcome,
            remarks,
            steps: evidence.steps,
            set_down,
        }
    }

    /// The sender's flow table knows a packet that it has let out, even if that then finds no route.
    fn remember(&self, sender: NicId, packet: &Packet, pairs: &mut FlowTable) {
        let Some(nic) = self.snapshot.nic(sender) else {
            return;
        };
        let terms = Terms {
            idle: SimDuration::from_nanoseconds(self.snapshot.policy_of(nic).idle_timeout_ns),
            admitted_in: self.snapshot.generation,
        };
        // The table of a world of its own is never full.
        let _ = pairs.create(Visit::leaving(sender), packet, terms, SimTime::ZERO);
    }

    /// What really became of a packet: the first drop ends it, whatever came behind in thought.
    fn outcome(&self, outcome: WalkOutcome, first: Option<(NicId, Dropped)>) -> Outcome {
        match (first, outcome) {
            (Some((nic, dropped)), _) | (None, WalkOutcome::Dropped { nic, dropped }) => {
                Outcome::Dropped {
                    reason: dropped.reason().name(),
                    at: self.narrator.site(nic),
                }
            }
            (None, WalkOutcome::Delivered(Delivery::Guest(at))) => Outcome::Delivered {
                at: self.narrator.site(at),
            },
            (None, WalkOutcome::Delivered(Delivery::Internet)) => Outcome::Departed {
                to: departure_name(Departure::Internet),
            },
            (None, WalkOutcome::Delivered(Delivery::AzureService)) => Outcome::Departed {
                to: departure_name(Departure::AzureService),
            },
            (None, WalkOutcome::Delivered(Delivery::Platform)) => Outcome::Departed {
                to: departure_name(Departure::Platform),
            },
        }
    }

    fn obstacle(
        &self,
        path: &'static str,
        nic: NicId,
        dropped: Dropped,
        packet: FiveTuple,
    ) -> Obstacle {
        let situation = Situation {
            network: self.network,
            snapshot: self.snapshot,
            dropped,
            nic,
            packet,
        };
        Obstacle {
            path,
            reason: dropped.reason().name(),
            description: dropped.reason().description(),
            at: self.narrator.site(nic),
            object: Object::of_drop(self.snapshot, dropped),
            background: situation.background(),
            ways_out: situation.ways_out(),
        }
    }

    /// A probe that no host can send, for example from or to an address that means no single host.
    fn malformed(&self, question: &Question, dropped: Dropped) -> Explanation {
        let (nic, address) = question.source;
        let tuple = FiveTuple {
            source: address,
            destination: question.destination,
            protocol: 0,
            source_port: 0,
            destination_port: 0,
        };
        let obstacle = self.obstacle(FORWARD, nic, dropped, tuple);
        Explanation {
            source: self.end(Some(nic), address),
            destination: self.end(question.destination_nic, question.destination),
            probe: tuple.to_string(),
            verdict: Verdict::Unreachable,
            forward: PathRecord {
                packet: tuple.to_string(),
                steps: Vec::new(),
                outcome: Outcome::Dropped {
                    reason: dropped.reason().name(),
                    at: self.narrator.site(nic),
                },
            },
            back: None,
            cause: Some(obstacle.sentence()),
            asymmetric: false,
            asymmetries: Vec::new(),
            obstacles: vec![obstacle],
            depends_on: Vec::new(),
            assumptions: Vec::new(),
            remarks: Vec::new(),
        }
    }

    fn end(&self, nic: Option<NicId>, address: Ipv4Addr) -> EndRecord {
        let interface = nic.and_then(|nic| self.network.nics().get(nic));
        EndRecord {
            name: nic
                .filter(|&nic| interface.is_some() || self.network.outside_host(nic).is_some())
                .map(|nic| self.narrator.site(nic)),
            address,
            nic: interface.map(|interface| interface.id.to_string()),
        }
    }

    /// Why a reply that nobody drops is lost: it leaves for the Internet, ends with another owner of the address, or has got another
    /// source on its way, so that nobody knows what it answers.
    fn strays(&self, source: NicId, probe: FiveTuple, back: &Walked) -> Option<&'static str> {
        if back.first_drop.is_some() {
            return None;
        }
        let guest = |nic| self.snapshot.guest_behind(nic).map(|(guest, _)| guest);
        match (&back.arrived, back.outcome) {
            (_, WalkOutcome::Dropped { .. }) => None,
            (Some((at, reply)), _) if guest(*at) == guest(source) => {
                let reply = reply.tuple();
                let ends = (reply.source, reply.destination);
                (ends != (probe.destination, probe.source)).then_some(DISGUISED)
            }
            _ => Some(STRAYS),
        }
    }

    /// The drop is at a row that Azure made, with next hop None.
    fn is_system_none(&self, dropped: Dropped) -> bool {
        dropped.reason() == DropReason::RouteNone
            && matches!(
                Object::of_drop(self.snapshot, dropped),
                Object::Route(route) if route.source == "Default"
            )
    }

    /// What listens in the guest plays no part in the verdict; a reader should know all the same.
    fn listener_remark(&self, question: &Question, forward: &Walked) -> Option<String> {
        let (at, _) = forward.arrived.as_ref()?;
        let listener = match question.service {
            Service::Icmp => return None,
            Service::Tcp(port) => Listener::Tcp(port),
            Service::Udp(port) => Listener::Udp(port),
        };
        let (_, guest) = self.snapshot.guest_behind(*at)?;
        let listeners = guest.listen.as_ref()?;
        (!listeners.contains(&listener)).then(|| {
            format!(
                "Nothing listens on {listener} in the guest behind {}; the verdict is about the network.",
                self.narrator.site(*at)
            )
        })
    }
}

/// The probe of DESIGN 4a.
pub(crate) fn probe(question: &Question) -> Probe {
    let (_, source) = question.source;
    question
        .service
        .probe(source, question.destination, question.source_port)
}

/// The same: it comes, but not from whom it was asked.
const DISGUISED: &str = "The reply comes from another address than was asked: an appliance that sees only the reply has put its own there.";

/// Whether Azure's own routes, or their lack, are in the way.
fn is_of_system(obstacle: &Obstacle) -> bool {
    match &obstacle.object {
        Object::Route(route) => route.source == "Default",
        _ => obstacle.reason == DropReason::NoRoute.name(),
    }
}

/// Whether a packet died because nothing leads on, though its destination may be there.
fn is_dead_end(reason: DropReason) -> bool {
    matches!(
        reason,
        DropReason::NoRoute
            | DropReason::RouteNone
            | DropReason::NextHopUnreachable
            | DropReason::NoSuchHost
            | DropReason::NoBackend
            | DropReason::NoGateway
            | DropReason::GatewayTransitOff
            | DropReason::PeeringNotConnected
            | DropReason::GatewayNoRoute
            | DropReason::GatewayConnectionDown
    )
}

fn verdict(forward: &Walked, back: Option<&Walked>, strays: bool) -> Verdict {
    if let Some(reason) = forward.first_drop {
        return if reason.is_unknown() {
            Verdict::Unknown
        } else {
            Verdict::Unreachable
        };
    }
    match forward.outcome {
        WalkOutcome::Dropped { .. } => Verdict::Unreachable,
        // Who answers there is not in the input.
        WalkOutcome::Delivered(
            Delivery::Internet | Delivery::AzureService | Delivery::Platform,
        ) => Verdict::Unknown,
        WalkOutcome::Delivered(Delivery::Guest(_)) => match back.and_then(|back| back.first_drop) {
            None if strays => Verdict::ForwardOnly,
            None => Verdict::Reachable,
            Some(reason) if reason.is_unknown() => Verdict::Unknown,
            Some(_) => Verdict::ForwardOnly,
        },
    }
}

/// Where a packet goes that leaves the simulated world.
pub fn departure_name(departure: Departure) -> &'static str {
    match departure {
        Departure::Nic(_) => "another NIC",
        Departure::Tunnel(_) => "the other end of a tunnel",
        Departure::OwnGuest => "its own guest",
        Departure::Platform => "the Azure platform",
        Departure::Internet => "the Internet",
        Departure::AzureService => "an Azure service",
    }
}

fn departure_remark(outcome: WalkOutcome) -> Option<String> {
    let WalkOutcome::Delivered(delivery) = outcome else {
        return None;
    };
    Some(
        match delivery {
            Delivery::Guest(_) => return None,
            Delivery::Internet => "The packet leaves for the Internet; no reply is simulated from there.",
            Delivery::AzureService => "The packet leaves for an Azure service; no reply is simulated from there.",
            Delivery::Platform => "The host answers for the platform (DNS, metadata, health probes); it does not answer pings.",
        }
        .to_owned(),
    )
}
