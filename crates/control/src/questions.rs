//! Network Watcher's two questions, answered from the compiled tables: where does a packet go next (D-4), and which rules judge it (D-3).

use std::net::Ipv4Addr;

use acl::Key;
use model::{
    AdminAccess, Direction, LinkId, NetworkManagerId, NextHopType, NsgId, ResourceId, RouteTableId,
    SecurityAdminRule, SecurityRule,
};

use crate::snapshot::{
    AdminRulesId, EffectiveRoute, FibEntry, Level, NextHop, Nic, RouteOrigin, RuleSetId, Rules,
    Snapshot,
};

/// Where the packets of a NIC to one destination go (O-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHopAnswer<'a> {
    /// In the spelling of effective routes. `None` also where no row holds the destination, and where an appliance's
    /// address is out of reach.
    pub next_hop_type: NextHopType,
    /// The address of the row, if it has one; of several gateway rows that share the load, the first.
    pub address: Option<Ipv4Addr>,
    /// The deciding row and its compiled form.
    pub route: Option<(&'a EffectiveRoute, FibEntry)>,
    /// The route table, if a user route decided; otherwise Azure says `System Route`.
    pub route_table: Option<(RouteTableId, &'a ResourceId)>,
}

/// Where a NIC's packets to `destination` go.
pub fn next_hop_of<'a>(
    snapshot: &'a Snapshot,
    nic: &Nic,
    destination: Ipv4Addr,
) -> NextHopAnswer<'a> {
    let fib = snapshot.fib_of(nic);
    let Some(&entry) = fib.table.lookup(destination) else {
        return NextHopAnswer {
            next_hop_type: NextHopType::None,
            address: None,
            route: None,
            route_table: None,
        };
    };
    let row = &fib.routes[usize::from(entry.route)];
    let route_table = match row.origin {
        RouteOrigin::User(table, _) => {
            let names = snapshot.provenance.route_tables.get(table.get() as usize);
            names.and_then(Option::as_ref).map(|(id, _)| (table, id))
        }
        RouteOrigin::System
        | RouteOrigin::Peering(_)
        | RouteOrigin::Gateway(_)
        | RouteOrigin::RouteServer(_) => None,
    };
    NextHopAnswer {
        next_hop_type: match entry.next_hop {
            NextHop::Unreachable => NextHopType::None,
            _ => row.next_hop_type,
        },
        address: row.next_hop_ips.first().copied(),
        route: Some((row, entry)),
        route_table,
    }
}

/// What one group says of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelVerdict<'a> {
    /// Where the group is attached; `None` for the default rules of a NIC without group (F-4).
    pub level: Option<Level>,
    /// The group; `None` as above.
    pub group: Option<NsgId>,
    /// Its rules in this direction.
    pub rules: RuleSetId,
    /// Position of the deciding rule.
    pub position: u32,
    /// The deciding rule.
    pub rule: &'a SecurityRule,
    /// What it says.
    pub allows: bool,
}

/// What all rules of a NIC say of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<'a> {
    /// No rule applies: everything passes.
    NoRules,
    /// Every level, in the order in which they are asked, also those behind a level that denies (S-11).
    Levels(Vec<LevelVerdict<'a>>),
    /// The default rules on behalf of a link whose access flag is false (F-4).
    BlockedPeer(LinkId, LevelVerdict<'a>),
    /// A security admin rule, and what the rest says behind it or would say (S-13).
    Admin(AdminVerdict<'a>, Box<Decision<'a>>),
}

/// What the security admin rules say of a packet (S-13).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdminVerdict<'a> {
    /// The manager.
    pub manager: NetworkManagerId,
    /// Its rules in this direction.
    pub rules: AdminRulesId,
    /// Position of the deciding rule.
    pub position: u32,
    /// Resource id of the deciding rule.
    pub id: &'a ResourceId,
    /// The deciding rule.
    pub rule: &'a SecurityAdminRule,
}

impl Decision<'_> {
    /// Whether the packet passes: every level has to allow it.
    pub fn allows(&self) -> bool {
        match self {
            Self::NoRules => true,
            Self::Levels(levels) => levels.iter().all(|level| level.allows),
            Self::BlockedPeer(_, verdict) => verdict.allows,
            Self::Admin(verdict, rest) => match verdict.rule.access {
                AdminAccess::Deny => false,
                AdminAccess::AlwaysAllow => true,
                AdminAccess::Allow => rest.allows(),
            },
        }
    }

    /// The security admin rule that matches, whatever it says.
    pub fn admin(&self) -> Option<&AdminVerdict<'_>> {
        match self {
            Self::Admin(verdict, _) => Some(verdict),
            Self::NoRules | Self::Levels(_) | Self::BlockedPeer(..) => None,
        }
    }

    /// The security admin rule that settles the matter: no group is asked.
    pub fn settled_by_admin(&self) -> Option<&AdminVerdict<'_>> {
        self.admin()
            .filter(|verdict| verdict.rule.access != AdminAccess::Allow)
    }

    /// What the groups say, whether or not an admin rule lets them.
    pub fn of_groups(&self) -> &Self {
        match self {
            Self::Admin(_, rest) => rest,
            Self::NoRules | Self::Levels(_) | Self::BlockedPeer(..) => self,
        }
    }

    /// The level that an IP flow check reports (D-3): the first that denies, else the last that allows. `None` where a security admin
    /// rule settles the matter.
    pub fn decisive(&self) -> Option<&LevelVerdict<'_>> {
        match self {
            Self::NoRules => None,
            Self::Levels(levels) => levels.iter().find(|level| !level.allows).or(levels.last()),
            Self::BlockedPeer(_, verdict) => Some(verdict),
            Self::Admin(..) if self.settled_by_admin().is_some() => None,
            Self::Admin(_, rest) => rest.decisive(),
        }
    }
}

/// What the rules of a NIC say of a packet. The classes in `packet` are filled in from the NIC's tag view, whatever they are.
pub fn decide<'a>(
    snapshot: &'a Snapshot,
    nic: &Nic,
    direction: Direction,
    packet: Key,
) -> Decision<'a> {
    let tags = &snapshot.tags_of(nic).classes;
    let key = Key {
        source_classes: tags.lookup(packet.source),
        destination_classes: tags.lookup(packet.destination),
        ..packet
    };
    let groups = decide_by_groups(snapshot, nic, direction, &key);
    let admin = snapshot
        .policy_of(nic)
        .admin_in(direction)
        .iter()
        .find_map(|&set| admin_verdict(snapshot, set, &key)); // S-13: the first match of the first manager that has one
    match admin {
        Some(verdict) => Decision::Admin(verdict, Box::new(groups)),
        None => groups,
    }
}

fn admin_verdict<'a>(
    snapshot: &'a Snapshot,
    set: AdminRulesId,
    key: &Key,
) -> Option<AdminVerdict<'a>> {
    let rules = snapshot.admin_rules(set);
    let position = rules.first_match(key)?;
    let decided = rules.rules.get(position as usize)?;
    Some(AdminVerdict {
        manager: rules.manager,
        rules: set,
        position,
        id: &decided.id,
        rule: &decided.rule,
    })
}

fn decide_by_groups<'a>(
    snapshot: &'a Snapshot,
    nic: &Nic,
    direction: Direction,
    key: &Key,
) -> Decision<'a> {
    match snapshot.policy_of(nic).rules_in(direction) {
        Rules::None => Decision::NoRules,
        Rules::Groups(groups) => Decision::Levels(
            groups
                .iter()
                .filter_map(|group| verdict(snapshot, Some(group.level), group.rules, key))
                .collect(),
        ),
        Rules::BlockedPeers {
            default_rules,
            ranges,
        } => {
            let link = ranges
                .lookup(key.source)
                .or_else(|| ranges.lookup(key.destination));
            match (link, verdict(snapshot, None, *default_rules, key)) {
                (Some(link), Some(verdict)) => Decision::BlockedPeer(link, verdict),
                (None, _) | (_, None) => Decision::NoRules,
            }
        }
    }
}

/// First match (S-10). `None` cannot be: the last default rule matches everything.
fn verdict<'a>(
    snapshot: &'a Snapshot,
    level: Option<Level>,
    rules: RuleSetId,
    key: &Key,
) -> Option<LevelVerdict<'a>> {
    const ICMP: u8 = 1;
    let set = snapshot.rules(rules);
    let table = set
        .icmp_table
        .as_ref()
        .filter(|_| key.protocol == ICMP)
        .unwrap_or(&set.table);
    let position = table.first_match(key)?;
    let rule = set.rules.get(position as usize)?;
    Some(LevelVerdict {
        level,
        group: set.group,
        rules,
        position,
        rule,
        allows: set.allows[position as usize],
    })
}
