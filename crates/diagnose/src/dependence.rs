//! On which options an answer depends: the question is asked again with each other value of every option that its steps have met.

use std::fmt;

use control::Snapshot;
use control::snapshot::{NextHop, Rules};
use dataplane::dropped::DropReason;
use dataplane::packet::protocol;
use dataplane::recorder::{Admission, FlowFound, Step};
use engine::reachability::Verdict;
use model::options::OptionDescription;
use model::{Network, NextHopType, NicId};
use schemars::JsonSchema;
use serde::Serialize;

/// An option with which the answer would be another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependence {
    /// Name of the option.
    pub option: &'static str,
    /// Its value in this answer.
    pub value: String,
    /// The rules that leave the choice.
    pub rule: &'static str,
    /// Values with which the answer differs.
    pub alternatives: Vec<Alternative>,
}

/// The answer with another value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// The other value.
    pub value: &'static str,
    /// The verdict then.
    pub verdict: Verdict,
    /// Name of the drop reason that decides then, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl Dependence {
    /// `With forwardedTraffic=lenient this would be reachable (F-6, F-9a, F-10).`
    pub fn sentences(&self) -> Vec<String> {
        let mut answers: Vec<(&Alternative, Vec<&str>)> = Vec::new();
        for alternative in &self.alternatives {
            let same = answers.iter_mut().find(|(first, _)| {
                (first.verdict, first.reason) == (alternative.verdict, alternative.reason)
            });
            match same {
                Some((_, values)) => values.push(alternative.value),
                None => answers.push((alternative, vec![alternative.value])),
            }
        }
        answers
            .into_iter()
            .map(|(alternative, values)| {
                let why = alternative
                    .reason
                    .map_or_else(String::new, |reason| format!(", {reason}"));
                format!(
                    "With {}={} this would be {}{why} ({}).",
                    self.option,
                    values.join(" or "),
                    alternative.verdict.as_str(),
                    self.rule
                )
            })
            .collect()
    }
}

/// What of an answer is compared: the verdict and the reason that decides.
pub(crate) type Gist = (Verdict, Option<&'static str>);

/// Options that the steps of an answer have met, with the values with which `ask` says something else.
pub(crate) fn of_answer(
    network: &Network,
    snapshot: &Snapshot,
    steps: &[Step],
    ip_protocol: u8,
    answer: Gist,
    mut ask: impl FnMut(&Network, &Snapshot) -> Gist,
) -> Vec<Dependence> {
    let met = Met {
        network,
        snapshot,
        steps,
        ip_protocol,
    };
    let mut dependences = Vec::new();
    for option in network.options.descriptions() {
        if !met.meets(option.name) {
            continue;
        }
        let alternatives = alternatives(network, snapshot, &option, answer, &mut ask);
        if !alternatives.is_empty() {
            dependences.push(Dependence {
                option: option.name,
                value: option.value,
                rule: option.rule,
                alternatives,
            });
        }
    }
    dependences
}

fn alternatives(
    network: &Network,
    snapshot: &Snapshot,
    option: &OptionDescription,
    answer: Gist,
    ask: &mut impl FnMut(&Network, &Snapshot) -> Gist,
) -> Vec<Alternative> {
    let others = option.values.iter().copied();
    others
        .filter(|&value| value != option.value)
        .filter_map(|value| {
            let mut changed = network.clone();
            changed.options.set(option.name, value).ok()?;
            let compiled = control::recompile(&changed, snapshot);
            let (verdict, reason) = ask(&changed, &compiled);
            ((verdict, reason) != answer).then_some(Alternative {
                value,
                verdict,
                reason,
            })
        })
        .collect()
}

/// An option with other values of which a table or an answer would be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// Name of the option.
    pub option: &'static str,
    /// Its value now.
    pub value: String,
    /// The rules that leave the choice.
    pub rule: &'static str,
    /// Values with which it would be another one.
    pub others: Vec<&'static str>,
}

/// One line: `depends on noneRoutes=doc4: other with seed, obs2019 (R-4)`.
impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            option,
            value,
            rule,
            others,
        } = self;
        write!(
            f,
            "this depends on {option}={value}; it is different with {} ({rule})",
            others.join(", ")
        )
    }
}

/// Which of the named options `view` depends on: it is taken again with each other value of them.
pub fn of_view<T: PartialEq>(
    network: &Network,
    snapshot: &Snapshot,
    options: &[&str],
    view: impl Fn(&Network, &Snapshot) -> T,
) -> Vec<Differs> {
    let now = view(network, snapshot);
    let descriptions = network.options.descriptions().into_iter();
    descriptions
        .filter(|option| options.contains(&option.name))
        .filter_map(|option| {
            let differs = |value: &&'static str| {
                let mut changed = network.clone();
                *value != option.value
                    && changed.options.set(option.name, value).is_ok()
                    && view(&changed, &control::recompile(&changed, snapshot)) != now
            };
            let others: Vec<&'static str> = option.values.iter().copied().filter(differs).collect();
            (!others.is_empty()).then_some(Differs {
                option: option.name,
                value: option.value,
                rule: option.rule,
                others,
            })
        })
        .collect()
}

/// What tells whether an option can matter at all, so that few of them cost a compilation.
struct Met<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    steps: &'a [Step],
    ip_protocol: u8,
}

impl Met<'_> {
    fn meets(&self, option: &str) -> bool {
        match option {
            "noneRoutes" => self.any(|step| match *step {
                Step::Routed {
                    fib,
                    route,
                    next_hop,
                    ..
                } => {
                    let row = &self.snapshot.fibs[fib.0 as usize].routes[usize::from(route)];
                    // Own and peered space is more specific than any `None` row, or takes its place.
                    next_hop == NextHop::Discard
                        || !matches!(
                            row.next_hop_type,
                            NextHopType::VnetLocal
                                | NextHopType::VNetPeering
                                | NextHopType::VNetGlobalPeering
                                | NextHopType::ConnectedGroup
                        )
                }
                Step::Refused { dropped } => dropped.reason() == DropReason::NoRoute,
                _ => false,
            }),
            "forwardedTraffic" => self.any(|step| match *step {
                Step::Crossed { admission, .. } => matches!(admission, Admission::Forwarded(_)),
                Step::Refused { dropped } => {
                    dropped.reason() == DropReason::PeeringForwardedBlocked
                }
                _ => false,
            }),
            "vnetAccessWithoutNsg" => self.any(|step| match *step {
                Step::JudgedByDefaultRules { .. } => true,
                // With the other value there is nothing to see.
                Step::Flow {
                    visit,
                    found: FlowFound::NotKept,
                } => self.has_shut_link(visit.nic),
                _ => false,
            }),
            "udrInVnetTag" => self.is_judged() && !self.network.route_tables().is_empty(),
            // Both lists leave out the space of RFC 1918.
            "internetTag" => {
                self.is_judged()
                    && self.any(|step| match *step {
                        Step::Routed { next_hop, .. } => next_hop == NextHop::Internet,
                        _ => false,
                    })
                    || self.names_internet()
            }
            "icmpPorts" => self.is_judged() && self.ip_protocol == protocol::ICMP,
            "tcpStrict" => self.any(|step| match *step {
                Step::TcpMidstream { .. } => true,
                Step::Refused { dropped } => dropped.reason() == DropReason::TcpNoSyn,
                _ => false,
            }),
            "quirks" => self.is_judged() && !self.network.asgs().is_empty(),
            "bgpPeerRoutes" => !self.network.connections().is_empty(),
            // A small probe without errors meets none of the others.
            _ => false,
        }
    }

    fn any(&self, met: impl Fn(&Step) -> bool) -> bool {
        self.steps.iter().any(met)
    }

    fn is_judged(&self) -> bool {
        self.any(|step| {
            matches!(
                step,
                Step::Judged { .. } | Step::JudgedByDefaultRules { .. }
            )
        }) || self.asks_admin_rules()
    }

    /// Whether security admin rules were asked: the walk tells of one only if it matches.
    fn asks_admin_rules(&self) -> bool {
        self.any(|step| match *step {
            Step::Flow {
                visit,
                found: FlowFound::New,
            } => self.snapshot.nic(visit.nic).is_some_and(|nic| {
                let policy = self.snapshot.policy_of(nic);
                !policy.admin_in(visit.direction).is_empty()
            }),
            _ => false,
        })
    }

    /// A rule that decided names the tag, or one that could have.
    fn names_internet(&self) -> bool {
        self.asks_admin_rules()
            || self.any(|step| match *step {
                Step::Judged { rules, rule, .. }
                | Step::JudgedByDefaultRules { rules, rule, .. } => {
                    let rules = &self.snapshot.rules(rules).rules;
                    rules.iter().take(usize::from(rule) + 1).any(|rule| {
                        [&rule.source, &rule.destination].into_iter().any(|side| {
                            matches!(side, model::RuleAddresses::Tag(model::ServiceTag::Internet))
                        })
                    })
                }
                _ => false,
            })
    }

    fn has_shut_link(&self, nic: NicId) -> bool {
        let Some(nic) = self.snapshot.nic(nic) else {
            return false;
        };
        let policy = self.snapshot.policy_of(nic);
        let unruled = [&policy.outbound, &policy.inbound]
            .into_iter()
            .all(|rules| matches!(rules, Rules::None));
        let own = &self.network.virtual_networks()[nic.virtual_network].peerings;
        unruled
            && own.iter().any(|&link| {
                !self.network.peerings()[link]
                    .flags
                    .allow_virtual_network_access
            })
    }
}
