//! Rules as packets meet them: groups, security admin rules, and what service tags mean.

use std::ops::Index;
use std::sync::{Arc, LazyLock};

use arrayvec::ArrayVec;
use fib::{AddressSet, Ranges};
use model::security::default_rules;
use model::{
    AdminAccess, Direction, LinkId, NetworkManagerId, NsgId, ResourceId, SecurityAdminRule,
    SecurityRule,
};

use super::{AdminRulesId, RuleSetId};

/// What a NIC shares with the others of its subnet that have the same group of their own: all that has to do with rules. One look-up
/// away from the NIC, so that a change of rules or links leaves the records of NICs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Security admin rules, which are asked before all others (S-13); `None` where none reaches. Shared by a network's NICs.
    pub admin: Option<Arc<AdminRules>>,
    /// Outbound rules in the order in which they are asked: NIC, then subnet (S-11).
    pub outbound: Rules,
    /// Inbound rules in the order in which they are asked: subnet, then NIC (S-11).
    pub inbound: Rules,
    /// Idle time after which a flow is forgotten, in nanoseconds (S-21).
    pub idle_timeout_ns: u64,
}

impl Policy {
    /// The rules of security groups in a direction.
    #[inline]
    pub fn rules_in(&self, direction: Direction) -> &Rules {
        match direction {
            Direction::Outbound => &self.outbound,
            Direction::Inbound => &self.inbound,
        }
    }

    /// The sets of security admin rules that are asked in a direction, in their order; empty where none reaches.
    pub fn admin_in(&self, direction: Direction) -> &[AdminRulesId] {
        self.admin.as_deref().map_or(&[], |admin| match direction {
            Direction::Outbound => &admin.outbound,
            Direction::Inbound => &admin.inbound,
        })
    }
}

/// The rules that judge the packets of a NIC in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rules {
    /// No security group at either level: everything passes, and the NIC keeps no flow state.
    None,
    /// One or two groups; all must allow.
    Groups(ArrayVec<GroupRules, 2>),
    /// No group, but a link with false access flag (F-4): packets from or to its range are judged by the default rules.
    BlockedPeers {
        /// The default rules in this direction.
        default_rules: RuleSetId,
        /// Link whose `allowVirtualNetworkAccess` is false, for addresses in its remote range.
        ranges: Arc<Ranges<Option<LinkId>>>,
    },
}

/// The security admin rules of the NICs of a virtual network (S-13): those of one manager after the other, the higher scope first. The
/// first rule that matches decides, whichever manager has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminRules {
    /// One set a manager.
    pub outbound: Vec<AdminRulesId>,
    /// One set a manager, the same managers as outbound.
    pub inbound: Vec<AdminRulesId>,
}

/// The security admin rules of one manager in one direction, as they reach a virtual network, by priority (S-13).
#[derive(Clone, Debug)]
pub struct CompiledAdminRules {
    /// The manager.
    pub manager: NetworkManagerId,
    /// Seen from the VM.
    pub direction: Direction,
    /// First match wins; there may be none.
    pub table: acl::RuleSet,
    /// The same rules with all ports full, where the option `icmpPorts: ignore` has them judge ICMP (S-6).
    pub icmp_table: Option<acl::RuleSet>,
    /// What each rule says, by position.
    pub verdicts: Vec<AdminAccess>,
    /// What `table` was built from, in the same order; cold.
    pub resolved: Vec<acl::Rule>,
    /// The rules themselves, in the same order; cold.
    pub rules: Vec<CompiledAdminRule>,
}

impl CompiledAdminRules {
    /// Position of the first rule that matches.
    #[inline]
    pub fn first_match(&self, key: &acl::Key) -> Option<u32> {
        const ICMP: u8 = 1;
        self.icmp_table
            .as_ref()
            .filter(|_| key.protocol == ICMP)
            .unwrap_or(&self.table)
            .first_match(key)
    }
}

/// A security admin rule with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledAdminRule {
    /// Its resource id, which holds manager, configuration and collection.
    pub id: ResourceId,
    /// The rule.
    pub rule: SecurityAdminRule,
}

/// One security group of a NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRules {
    /// Where it is attached.
    pub level: Level,
    /// Its rules in this direction.
    pub rules: RuleSetId,
}

/// Where a security group is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// To the NIC.
    Nic,
    /// To the subnet.
    Subnet,
}

/// What service tags cover for the NICs of one FIB, as class bits for `acl`.
#[derive(Clone, Debug)]
pub struct TagView {
    /// Bits of [`VIRTUAL_NETWORK`], [`INTERNET`] and [`AZURE_LOAD_BALANCER`] of an address.
    pub classes: Ranges<u32>,
    /// All addresses of the `VirtualNetwork` tag (T-1).
    pub virtual_network: AddressSet,
    /// All addresses of the `Internet` tag (T-6).
    pub internet: AddressSet,
}

/// Class bit of the `VirtualNetwork` tag.
pub const VIRTUAL_NETWORK: u8 = 0;

/// Class bit of the `Internet` tag.
pub const INTERNET: u8 = 1;

/// Class bit of the `AzureLoadBalancer` tag.
pub const AZURE_LOAD_BALANCER: u8 = 2;

/// The rules of one security group in one direction: the user's by priority, then the three defaults (S-7, S-10).
#[derive(Clone, Debug)]
pub struct CompiledRules {
    /// The group; `None` for the default rules of a NIC without group (F-4).
    pub group: Option<NsgId>,
    /// Seen from the VM.
    pub direction: Direction,
    /// First match wins.
    pub table: acl::RuleSet,
    /// The same rules with all ports full, where the option `icmpPorts: ignore` has them judge ICMP (S-6).
    pub icmp_table: Option<acl::RuleSet>,
    /// `flushConnection` of the group (S-22).
    pub flush_connection: bool,
    /// Generation in which the rules were last applied to running flows too (`flushConnection`, S-22); 0 = never.
    pub flushed_in: u32,
    /// Says by position whether the rule allows; one per rule, so that a verdict is one look-up.
    pub allows: Vec<bool>,
    /// Positions of rules that name an `AzurePlatform*` tag, ascending: the only ones that packets to the platform obey (S-26); cold.
    pub platform: Vec<u32>,
    /// The rules themselves, in the same order; cold. What they come to, field by field, is told by [`acl::RuleSet::rules`].
    pub rules: RulesInOrder,
}

/// The rules of a security group in a direction, in the order in which they are asked (S-10). They are those of the network, not copies.
#[derive(Clone, Debug)]
pub struct RulesInOrder {
    /// The user's, in both directions.
    own: Arc<[SecurityRule]>,
    /// Those that every group has (S-7).
    defaults: &'static [SecurityRule],
    /// Positions in the two, one behind the other.
    order: Box<[u32]>,
}

impl RulesInOrder {
    /// The user's rules of a direction and the three defaults, by priority. Imported rules may stand behind the defaults (S-1).
    pub(crate) fn new(own: Arc<[SecurityRule]>, direction: Direction) -> Self {
        static DEFAULTS: LazyLock<[Vec<SecurityRule>; 2]> =
            LazyLock::new(|| [Direction::Outbound, Direction::Inbound].map(default_rules));
        let [outbound, inbound] = &*DEFAULTS;
        let defaults = match direction {
            Direction::Outbound => outbound,
            Direction::Inbound => inbound,
        };
        let mut order: Vec<(u16, u32)> = own
            .iter()
            .chain(defaults)
            .zip(0..)
            .filter(|(rule, _)| rule.direction == direction)
            .map(|(rule, position)| (rule.priority, position))
            .collect();
        order.sort_unstable();
        Self {
            own,
            defaults,
            order: order.into_iter().map(|(_, position)| position).collect(),
        }
    }

    /// The rule at a position.
    pub fn get(&self, position: usize) -> Option<&SecurityRule> {
        Some(self.at(*self.order.get(position)?))
    }

    /// All rules.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SecurityRule> {
        self.order.iter().map(|&position| self.at(position))
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Never: there are the defaults.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn at(&self, position: u32) -> &SecurityRule {
        let position = position as usize;
        match self.own.get(position) {
            Some(rule) => rule,
            None => &self.defaults[position - self.own.len()],
        }
    }
}

impl Index<usize> for RulesInOrder {
    type Output = SecurityRule;

    fn index(&self, position: usize) -> &SecurityRule {
        self.at(self.order[position])
    }
}

impl PartialEq for RulesInOrder {
    fn eq(&self, other: &Self) -> bool {
        let same = Arc::ptr_eq(&self.own, &other.own) && self.order == other.order;
        same || self.iter().eq(other.iter())
    }
}

impl Eq for RulesInOrder {}
