//! What flipped a pair: the step at which the lives of its probe part in the two networks, who decided there, and which of the objects at
//! hand is not the same in both.
//!
//! That an object is different and decided, or lay at hand where it was decided, is no proof that nothing else had to change, too.

use control::Snapshot;
use control::snapshot::{NextHop, RouteOrigin, Translator};
use dataplane::dropped::{self, Locator};
use dataplane::recorder::Step;
use model::table::Resource;
use model::{LinkId, NicId, NicOwner, ResourceId, VnetId};

use super::ends::World;
use super::inventory::{self, Kind};
use super::objects::{Difference, ItemRef, Objects, Side};
use crate::probe::{Story, WayEnd};

/// So many differences are named for one cause.
pub const MAX_CHANGES: usize = 4;

/// How near to the decision the differences of a cause lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nearness {
    /// The objects that decided.
    Decided,
    /// What is attached where it was decided: machine, subnet, the group or table itself.
    Attached,
    /// Networks, links and gateways there.
    Around,
    /// Something on the way.
    OnTheWay,
    /// Something that holds everywhere: tags, managers, options.
    Everywhere,
    /// Nothing of it is different.
    Unknown,
}

/// What flipped pairs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// How near the differences lie.
    pub nearness: Nearness,
    /// Positions in [`Objects::changes`], the likeliest first.
    pub changes: Vec<u32>,
}

/// One network's account of a pair.
#[derive(Clone, Debug)]
pub struct Account {
    /// Every step.
    pub story: Story,
    /// The step that decided where the ways part; `None`: the packet's end, or nothing decided.
    pub decided: Option<Step>,
    /// Whether that was on the way of the reply.
    pub in_reply: bool,
}

/// One thing that happened, as far as it matters.
struct Event {
    /// What both networks can be held against; `None`: something that does not show where the packet goes.
    mark: Option<String>,
    objects: Vec<ItemRef>,
    /// Where it happened.
    nic: Option<NicId>,
    step: Option<Step>,
    in_reply: bool,
}

/// Names objects of one network.
struct Teller<'a, 'n> {
    side: Side,
    world: &'a World<'a>,
    objects: &'a Objects<'n>,
}

/// Finds what flipped a pair, given what became of its probe before and after.
pub(super) fn find(
    objects: &Objects<'_>,
    (before, after): (&World<'_>, &World<'_>),
    stories: (Story, Story),
    ends: [(NicId, NicId); 2],
) -> (Cause, Account, Account) {
    let tellers = [
        Teller {
            side: Side::Before,
            world: before,
            objects,
        },
        Teller {
            side: Side::After,
            world: after,
            objects,
        },
    ];
    let events = [tellers[0].events(&stories.0), tellers[1].events(&stories.1)];
    let parted = [0, 1].map(|side| {
        let events: &[Event] = &events[side];
        let shown = |at: &usize| events[*at].mark.is_some();
        (0..events.len()).filter(shown).collect::<Vec<usize>>()
    });
    let same = parted[0]
        .iter()
        .zip(&parted[1])
        .take_while(|&(&one, &other)| events[0][one].mark == events[1][other].mark)
        .count();
    // What happened since the ways were last the same, on both sides.
    let windows = [0, 1].map(|side| {
        let first = same.checked_sub(1).map_or(0, |last| parted[side][last] + 1);
        let last = parted[side]
            .get(same)
            .map_or(events[side].len(), |at| at + 1);
        &events[side][first.min(last)..last]
    });
    let cause = choose(objects, &tellers, [&events[0], &events[1]], windows, ends);
    let [one, other] = [0, 1].map(|side: usize| {
        let last = windows[side]
            .iter()
            .rev()
            .find(|event| event.step.is_some());
        let in_reply = windows[side].last().is_some_and(|event| event.in_reply);
        (last.and_then(|event| event.step), in_reply)
    });
    let account = |story, (decided, in_reply)| Account {
        story,
        decided,
        in_reply,
    };
    (cause, account(stories.0, one), account(stories.1, other))
}

fn choose(
    objects: &Objects<'_>,
    tellers: &[Teller<'_, '_>; 2],
    events: [&Vec<Event>; 2],
    windows: [&[Event]; 2],
    ends: [(NicId, NicId); 2],
) -> Cause {
    let gather = |of: &dyn Fn(usize, &Teller<'_, '_>) -> Vec<ItemRef>| {
        let mut found: Vec<u32> = Vec::new();
        // What is now, before what was: the new rule before the one that it overrules.
        for side in [1, 0] {
            for item in of(side, &tellers[side]) {
                if let Some(change) = objects.change_of(item)
                    && !found.contains(&change)
                {
                    found.push(change);
                }
            }
        }
        found
    };
    let attached = |side: usize, teller: &Teller<'_, '_>| -> Vec<ItemRef> {
        let places = windows[side].iter().filter_map(|event| event.nic);
        places.flat_map(|nic| teller.attached(nic)).collect()
    };
    let mut decided = gather(&|side, _| {
        // The last one decided.
        let events = windows[side].iter().rev();
        events.flat_map(|event| event.objects.clone()).collect()
    });
    if decided
        .iter()
        .any(|&change| is_of_a_new_whole(objects, change))
    {
        for change in gather(&attached) {
            if !decided.contains(&change) {
                decided.push(change);
            }
        }
    }
    let around = |side: usize, teller: &Teller<'_, '_>| {
        let (from, to) = ends[side];
        let mut places: Vec<NicId> = windows[side].iter().filter_map(|event| event.nic).collect();
        places.extend([from, to]);
        teller.around(&places, (from, to))
    };
    let on_the_way = |side: usize, teller: &Teller<'_, '_>| {
        let events = events[side].iter();
        let of_event = |event: &Event| {
            let mut items = event.objects.clone();
            items.extend(event.nic.into_iter().flat_map(|nic| teller.attached(nic)));
            items
        };
        events.flat_map(of_event).collect()
    };
    let tiers: [(Nearness, Vec<u32>); 4] = [
        (Nearness::Decided, decided),
        (Nearness::Attached, gather(&attached)),
        (Nearness::Around, gather(&around)),
        (Nearness::OnTheWay, gather(&on_the_way)),
    ];
    let found = tiers.into_iter().find(|(_, changes)| !changes.is_empty());
    let (nearness, mut changes) = found.unwrap_or_else(|| {
        let everywhere = everywhere(objects);
        let nearness = if everywhere.is_empty() {
            Nearness::Unknown
        } else {
            Nearness::Everywhere
        };
        (nearness, everywhere)
    });
    changes.truncate(MAX_CHANGES);
    Cause { nearness, changes }
}

/// Whether an object came or went together with what it is a part of, so that who uses the whole is worth a word.
fn is_of_a_new_whole(objects: &Objects<'_>, change: u32) -> bool {
    let change = &objects.changes()[change as usize];
    let side = match change.what {
        Difference::Added => Side::After,
        Difference::Removed => Side::Before,
        Difference::Changed(_) => return false,
    };
    let is_whole = matches!(change.kind, Kind::SecurityGroup | Kind::RouteTable);
    let parent = change.id.parent();
    let whole = parent.and_then(|id| objects.find(side, &id));
    is_whole || whole.is_some_and(|whole| objects.change_of(whole).is_some())
}

/// Differences that may matter to anybody.
fn everywhere(objects: &Objects<'_>) -> Vec<u32> {
    let may = |kind: Kind| {
        matches!(
            kind,
            Kind::ServiceTag
                | Kind::Setting
                | Kind::Manager
                | Kind::AdminRule
                | Kind::Peering
                | Kind::RouteServer
                | Kind::Gateway
                | Kind::Connection
                | Kind::LocalGateway
                | Kind::OnPremises
                | Kind::FirewallPolicy
                | Kind::FirewallRule
                | Kind::IpGroup
                | Kind::LoadBalancer
                | Kind::VirtualNetwork
        )
    };
    (0_u32..)
        .zip(objects.changes())
        .filter(|(_, change)| may(change.kind))
        .map(|(at, _)| at)
        .collect()
}

impl Teller<'_, '_> {
    fn snapshot(&self) -> &Snapshot {
        self.world.snapshot
    }

    fn item(&self, id: &ResourceId) -> Option<ItemRef> {
        self.objects.find(self.side, id)
    }

    fn worker(&self, worker: NicId) -> Option<ItemRef> {
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

    fn events(&self, story: &Story) -> Vec<Event> {
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

    /// The objects at a place of the snapshot, the nearest first.
    fn at(&self, locator: Locator) -> Vec<ItemRef> {
        let Some(object) = locator.object(self.snapshot()) else {
            return Vec::new();
        };
        let item = |id: &ResourceId| self.item(id).into_iter().collect::<Vec<_>>();
        match object {
            dropped::Object::Nic(id) => {
                let nic = self.world.network.nics().find(id);
                nic.map_or_else(|| item(id), |nic| self.machine(nic))
            }
            dropped::Object::Rule { group, rule, .. } => {
                let Some(group) = group else {
                    return Vec::new();
                };
                // The default rules are nobody's: the group stands for them.
                let own = self.item(&inventory::rule_id(group, &rule.name));
                own.or_else(|| self.item(group)).into_iter().collect()
            }
            dropped::Object::AdminRule { id, .. }
            | dropped::Object::Link(id)
            | dropped::Object::VirtualNetwork(id)
            | dropped::Object::LoadBalancer(id)
            | dropped::Object::Gateway(id)
            | dropped::Object::Connection(id) => item(id),
            dropped::Object::Route { row, user_route } => {
                let names = &self.snapshot().provenance;
                let made_by = match row.origin {
                    RouteOrigin::System | RouteOrigin::User(..) => None,
                    RouteOrigin::Peering(link) => names.links.get(link.get() as usize),
                    RouteOrigin::Gateway(gateway) => names.gateways.get(gateway.get() as usize),
                    RouteOrigin::RouteServer(server) => {
                        names.route_servers.get(server.get() as usize)
                    }
                };
                let user = user_route.map(|(table, route)| inventory::route_id(table, route));
                let made_by = made_by.and_then(Option::as_ref).cloned();
                let id = user.or(made_by);
                id.iter().filter_map(|id| self.item(id)).collect()
            }
            dropped::Object::FirewallRule { firewall, rule } => {
                let rule = rule.map(|rule| {
                    let group = rule.group.as_deref();
                    inventory::firewall_rule_id(&rule.holder, group, &rule.collection, &rule.rule)
                });
                let rule = rule.and_then(|id| self.item(&id));
                rule.into_iter().chain(self.item(firewall)).collect()
            }
            dropped::Object::Address(_) => Vec::new(),
        }
    }

    /// A NIC and its machine.
    fn machine(&self, nic: NicId) -> Vec<ItemRef> {
        let network = self.world.network;
        let owner = network.nics().get(nic).map(|nic| nic.owner);
        let owner = match owner {
            Some(NicOwner::VirtualMachine(vm)) => Some(&network.virtual_machines()[vm].id),
            Some(NicOwner::AzureFirewall(firewall)) => Some(&network.firewalls()[firewall].id),
            Some(NicOwner::GatewayInstance(gateway, _)) => Some(&network.gateways()[gateway].id),
            Some(NicOwner::VirtualNetworkAppliance(appliance)) => {
                Some(network.routing_appliances()[appliance].id())
            }
            Some(NicOwner::PrivateEndpoint(endpoint)) => {
                Some(network.private_endpoints()[endpoint].id())
            }
            Some(NicOwner::Unattached) | None => None,
        };
        let owner = owner.and_then(|id| self.item(id));
        self.worker(nic).into_iter().chain(owner).collect()
    }

    /// What holds for a NIC: itself, its machine, its subnet, groups and tables there.
    fn attached(&self, nic: NicId) -> Vec<ItemRef> {
        let network = self.world.network;
        let mut items = self.machine(nic);
        let Some(interface) = network.nics().get(nic) else {
            return items;
        };
        let subnet = &network.subnets()[interface.subnet()];
        let groups = [
            interface.network_security_group,
            subnet.network_security_group,
        ];
        let groups = groups
            .into_iter()
            .flatten()
            .map(|group| &network.nsgs()[group].id);
        let table = subnet
            .route_table
            .map(|table| &network.route_tables()[table].id);
        let ids = std::iter::once(&subnet.id).chain(groups).chain(table);
        items.extend(ids.filter_map(|id| self.item(id)));
        items
    }

    /// What lies around NICs: application security groups of the ends, networks, links, gateways and their connections.
    fn around(&self, places: &[NicId], (from, to): (NicId, NicId)) -> Vec<ItemRef> {
        let network = self.world.network;
        let mut items = self.machine(from);
        items.extend(self.machine(to));
        let mut vnets: Vec<VnetId> = Vec::new();
        for &nic in places {
            if let Some(interface) = network.nics().get(nic)
                && !vnets.contains(&interface.virtual_network)
            {
                vnets.push(interface.virtual_network);
            }
        }
        let remote_of = |link: &model::Peering| network.virtual_networks().find(&link.remote);
        // Links between the networks at hand first, then all others of theirs, and those that point to them.
        let links = |wanted: &dyn Fn(bool, bool) -> bool| -> Vec<ItemRef> {
            let fits = |link: &&model::Peering| {
                let local = vnets.contains(&link.virtual_network);
                let remote = remote_of(link).is_some_and(|remote| vnets.contains(&remote));
                wanted(local, remote)
            };
            let links = network.peerings().values().filter(fits);
            links.filter_map(|link| self.item(&link.id)).collect()
        };
        items.extend(links(&|local, remote| local && remote));
        items.extend(links(&|local, remote| local != remote));
        items.extend(
            vnets
                .iter()
                .filter_map(|&vnet| self.item(&network.virtual_networks()[vnet].id)),
        );
        let mut hubs = vnets.clone();
        for &vnet in &vnets {
            let links = &network.virtual_networks()[vnet].peerings;
            hubs.extend(
                links
                    .iter()
                    .filter_map(|&link| remote_of(&network.peerings()[link])),
            );
        }
        for (key, gateway) in network.gateways().iter() {
            if !hubs.contains(&gateway.virtual_network) {
                continue;
            }
            items.extend(self.item(&gateway.id));
            for connection in network.connections().values() {
                if connection.gateway == key {
                    items.extend(self.item(&connection.id));
                }
            }
        }
        items
    }
}
