//! A packet's life as two networks can be held against each other: each step with a mark that both spell alike, and the objects that had
//! a part in it.

use control::Snapshot;
use control::snapshot::{NextHop, Translator};
use dataplane::dropped::Locator;
use dataplane::recorder::Step;
use model::{LinkId, NicId, ResourceId, VnetId};

use super::super::objects::ItemRef;
use super::{Event, Teller};
use crate::probe::{Story, WayEnd};

impl Teller<'_, '_> {
    pub(super) fn snapshot(&self) -> &Snapshot {
        self.world.snapshot
    }

    pub(super) fn item(&self, id: &ResourceId) -> Option<ItemRef> {
        self.objects.find(self.side, id)
    }

    pub(super) fn worker(&self, worker: NicId) -> Option<ItemRef> {
        let inventory = self.objects.inventory(self.side);
        let position = inventory.of_worker(worker)?;
        Some(ItemRef {
            side: self.side,
            position,
        })
    }

    /// A mark for an object: the same number on both sides.
    fn mark_of(&self, item: Option<ItemRef>) -> String {
        item.map_or_else(
            || "?".to_owned(),
            |item| format!("{:?}", self.objects.key(item)),
        )
    }

    fn mark_of_worker(&self, worker: NicId) -> String {
        self.mark(worker.get(), || self.worker(worker))
    }

    /// A mark for what has this key in its network.
    fn mark(&self, key: u32, item: impl FnOnce() -> Option<ItemRef>) -> String {
        if self.objects.keys_are_shared() {
            key.to_string()
        } else {
            self.mark_of(item())
        }
    }

    fn mark_of_network(&self, vnet: VnetId) -> String {
        self.mark(vnet.get(), || {
            let vnet = self.world.network.virtual_networks().get(vnet)?;
            self.item(&vnet.id)
        })
    }

    fn mark_of_link(&self, link: LinkId) -> String {
        let Some(link) = self.snapshot().link(link) else {
            return "?".to_owned();
        };
        let remote = link.remote.map(|remote| self.mark_of_network(remote));
        format!(
            "{} {}",
            self.mark_of_network(link.local),
            remote.unwrap_or_default()
        )
    }

    pub(super) fn events(&self, story: &Story) -> Vec<Event> {
        let answer = &story.answer;
        let ways = [
            Some((&story.forward, &answer.forward, false)),
            answer.reply.as_ref().map(|way| (&story.reply, way, true)),
        ];
        let mut events = Vec::new();
        for (steps, way, in_reply) in ways.into_iter().flatten() {
            for step in steps {
                events.extend(self.event(step, in_reply));
            }
            let (mark, nic, objects) = match way.end {
                WayEnd::Arrived(nic) => (
                    format!("arrived {}", self.mark_of_worker(nic)),
                    Some(nic),
                    Vec::new(),
                ),
                WayEnd::Dropped { nic, dropped } => (
                    format!("dropped {}", dropped.reason()),
                    Some(nic),
                    self.at(dropped.at()),
                ),
                WayEnd::Left(delivery) => (format!("left {delivery:?}"), None, Vec::new()),
                WayEnd::Unheard(nic) => ("unheard".to_owned(), Some(nic), Vec::new()),
                WayEnd::Strayed(nic) => ("strayed".to_owned(), Some(nic), Vec::new()),
                WayEnd::Disguised(nic) => ("disguised".to_owned(), Some(nic), Vec::new()),
            };
            events.push(Event {
                mark: Some(mark),
                objects,
                nic,
                step: None,
                in_reply,
            });
        }
        events
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm a step: a table, not a procedure"
    )]
    fn event(&self, step: &Step, in_reply: bool) -> Option<Event> {
        let (mark, objects, nic) = match *step {
            Step::Sent { nic } => {
                let mark = format!("sent {}", self.mark_of_worker(nic));
                (Some(mark), self.machine(nic), Some(nic))
            }
            Step::Received { nic, own } => {
                let mark = format!("received {} {own}", self.mark_of_worker(nic));
                (Some(mark), self.machine(nic), Some(nic))
            }
            Step::StaysInGuest { nic } | Step::Platform { nic } | Step::Delivered { nic } => {
                (None, self.machine(nic), Some(nic))
            }
            Step::Judged {
                visit,
                level,
                rules,
                rule,
                ..
            } => {
                let objects = self.at(Locator::Rule { level, rules, rule });
                (None, objects, Some(visit.nic))
            }
            Step::JudgedByAdminRule {
                visit, rules, rule, ..
            } => {
                let objects = self.at(Locator::AdminRule { rules, rule });
                (None, objects, Some(visit.nic))
            }
            Step::JudgedByDefaultRules { visit, link, .. } => {
                (None, self.at(Locator::Link(link)), Some(visit.nic))
            }
            Step::Routed {
                nic,
                fib,
                route,
                next_hop,
            } => {
                let mark = format!("routed {}", self.mark_of_hop(next_hop));
                (
                    Some(mark),
                    self.at(Locator::Route { fib, route }),
                    Some(nic),
                )
            }
            Step::Balanced {
                frontend, member, ..
            } => {
                let mark = format!("balanced {}", self.mark_of_worker(member));
                let mut objects = self.at(Locator::Frontend(frontend));
                objects.extend(self.machine(member));
                (Some(mark), objects, None)
            }
            Step::Translated { nic, rewrite } => {
                let names = &self.snapshot().provenance;
                let id = match rewrite.by {
                    Translator::Frontend(frontend) => {
                        let balancer = self.snapshot().frontend(frontend).balancer;
                        names.load_balancers.get(balancer.get() as usize)
                    }
                    Translator::PublicIp(public) => names.public_ips.get(public.get() as usize),
                    Translator::NatGateway(gateway) => {
                        names.nat_gateways.get(gateway.get() as usize)
                    }
                    Translator::DefaultOutbound => None,
                };
                let item = id.and_then(Option::as_ref).and_then(|id| self.item(id));
                (None, item.into_iter().collect(), Some(nic))
            }
            Step::Tunnelled {
                gateway,
                tunnel,
                inward,
            } => {
                let mut objects = self.at(Locator::Gateway(gateway));
                let at = self.mark(gateway.get(), || objects.first().copied());
                let mark = format!("tunnelled {at} {inward}");
                let tunnels = self
                    .snapshot()
                    .gateway(gateway)
                    .map(|gateway| &gateway.tunnels);
                let connection = tunnels
                    .and_then(|tunnels| tunnels.get(usize::from(tunnel)))
                    .and_then(|tunnel| tunnel.connection);
                objects.extend(
                    connection
                        .into_iter()
                        .flat_map(|at| self.at(Locator::Connection(at))),
                );
                (Some(mark), objects, None)
            }
            Step::Crossed { link, .. } => {
                let mark = format!("crossed {}", self.mark_of_link(link));
                (Some(mark), self.at(Locator::Link(link)), None)
            }
            Step::Forwarded {
                entered,
                leaves,
                source,
                ..
            } => {
                let mark = format!(
                    "forwarded {} {}",
                    self.mark_of_worker(leaves),
                    source.is_some()
                );
                (Some(mark), self.machine(entered), Some(entered))
            }
            Step::FirewallJudged {
                nic,
                firewall,
                rule,
                ..
            } => {
                let objects = self.at(Locator::FirewallRule { firewall, rule });
                (None, objects, Some(nic))
            }
            Step::Flow { .. }
            | Step::TcpMidstream { .. }
            | Step::FirewallFlow { .. }
            | Step::Fragmented { .. }
            | Step::Refused { .. } => return None,
        };
        // A step at which nothing is decided explains nothing to anybody.
        let tells = !matches!(step, Step::Sent { .. } | Step::Received { .. });
        Some(Event {
            mark,
            objects,
            nic,
            step: tells.then_some(*step),
            in_reply,
        })
    }

    /// Where a route leads, told alike on both sides.
    fn mark_of_hop(&self, hop: NextHop) -> String {
        match hop {
            NextHop::Peer(link) | NextHop::TransitOff(link) | NextHop::Outside(link) => {
                let kind = match hop {
                    NextHop::Peer(_) => "peer",
                    NextHop::TransitOff(_) => "transit off",
                    _ => "outside",
                };
                format!("{kind} {}", self.mark_of_link(link))
            }
            NextHop::Group(vnet) => format!("group {}", self.mark_of_network(vnet)),
            NextHop::Nic(nic) => format!("nic {}", self.mark_of_worker(nic)),
            NextHop::Frontend(frontend) => {
                let name = &self.snapshot().frontend(frontend).name;
                let at = self.mark(frontend.0, || {
                    self.at(Locator::Frontend(frontend)).first().copied()
                });
                format!("frontend {name} {at}")
            }
            NextHop::Gateway(gateway) => {
                let at = self.mark(gateway.get(), || {
                    self.at(Locator::Gateway(gateway)).first().copied()
                });
                format!("gateway {at}")
            }
            NextHop::Shared(_) => "shared".to_owned(),
            NextHop::Local
            | NextHop::NobodyThere
            | NextHop::Unsimulated
            | NextHop::Unreachable
            | NextHop::NoGateway
            | NextHop::Internet
            | NextHop::AzureService
            | NextHop::Discard => format!("{hop:?}"),
        }
    }
}
