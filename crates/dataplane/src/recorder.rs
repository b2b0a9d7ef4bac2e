//! What is noted of a packet's life: nothing at full speed, every step for `explain`.

use std::net::Ipv4Addr;

use control::firewalls::Decision;
use control::snapshot::{
    AdminRulesId, FibId, ForwardedTraffic, FrontendId, Level, NextHop, RuleSetId,
};
use model::{AdminAccess, Direction, FirewallId, GatewayId, LinkId, NicId};

use crate::dropped::Dropped;
use crate::nat::Rewrite;

/// A packet at a NIC, on its way out or in: where rules are asked and flows remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Visit {
    /// The NIC.
    pub nic: NicId,
    /// Seen from the guest.
    pub direction: Direction,
}

impl Visit {
    /// The packet leaves the guest through this NIC.
    pub const fn leaving(nic: NicId) -> Self {
        Self {
            nic,
            direction: Direction::Outbound,
        }
    }

    /// The packet enters the guest through this NIC.
    pub const fn entering(nic: NicId) -> Self {
        Self {
            nic,
            direction: Direction::Inbound,
        }
    }
}

/// Watches the pipeline at work.
pub trait Recorder {
    /// Whether levels behind a denying one are asked too (S-11: report the decision of every level).
    const ASKS_EVERY_LEVEL: bool;

    /// Something has happened.
    fn record(&mut self, step: Step);

    /// A check has failed. `Err` ends the packet's life; `Ok` lets it go on as if the check had passed.
    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped>;

    /// A check has failed that leaves nothing to go on with.
    fn end<T>(&mut self, dropped: Dropped) -> Result<T, Dropped> {
        self.refuse(dropped)?;
        Err(dropped)
    }
}

/// Full speed: every call vanishes.
impl Recorder for () {
    const ASKS_EVERY_LEVEL: bool = false;

    #[inline]
    fn record(&mut self, _: Step) {}

    #[inline]
    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped> {
        Err(dropped)
    }
}

/// One step of a packet's life, by the small numbers of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A NIC sends the packet (step 1).
    Sent {
        /// The NIC.
        nic: NicId,
    },
    /// The destination is an address of the sending NIC: the packet stays in the guest (S-16).
    StaysInGuest {
        /// The NIC.
        nic: NicId,
    },
    /// The host answers for the platform: no rules, no routes (step 3, N-11).
    Platform {
        /// The NIC.
        nic: NicId,
    },
    /// The flow table was asked (steps 4 and 11).
    Flow {
        /// Where.
        visit: Visit,
        /// What it said.
        found: FlowFound,
    },
    /// A level of security rules was asked (steps 5 and 12).
    Judged {
        /// Where.
        visit: Visit,
        /// NIC or subnet.
        level: Level,
        /// The group and direction.
        rules: RuleSetId,
        /// The rule that decided.
        rule: u16,
        /// What it says.
        allows: bool,
    },
    /// A security admin rule matches: it goes before the groups (S-13).
    JudgedByAdminRule {
        /// Where.
        visit: Visit,
        /// The manager and direction.
        rules: AdminRulesId,
        /// The rule that decided.
        rule: u16,
        /// What it says.
        access: AdminAccess,
    },
    /// There is no group, but the packet belongs to a peer whose access flag is false: the default rules were asked (F-4).
    JudgedByDefaultRules {
        /// Where.
        visit: Visit,
        /// The link whose flag is false.
        link: LinkId,
        /// The default rules in this direction.
        rules: RuleSetId,
        /// The rule that decided.
        rule: u16,
        /// What it says.
        allows: bool,
    },
    /// A TCP flow begins with something else than a SYN (S-20).
    TcpMidstream {
        /// Where.
        visit: Visit,
    },
    /// The route is found (step 6).
    Routed {
        /// Whose routes.
        nic: NicId,
        /// The table.
        fib: FibId,
        /// The row.
        route: u16,
        /// Where it leads.
        next_hop: NextHop,
    },
    /// A load balancer has chosen a member.
    Balanced {
        /// The frontend.
        frontend: FrontendId,
        /// The rule that takes the packet, by its position there.
        rule: u16,
        /// The member.
        member: NicId,
    },
    /// The platform has put another address into the packet (N-13, R-25).
    Translated {
        /// The NIC whose packet it is.
        nic: NicId,
        /// What was put in place of what.
        rewrite: Rewrite,
    },
    /// A tunnel of a gateway takes the packet (step 14, G-7).
    Tunnelled {
        /// The gateway in Azure.
        gateway: GatewayId,
        /// The number of the tunnel there.
        tunnel: u16,
        /// Toward Azure.
        inward: bool,
    },
    /// The packet crosses into another network (step 8).
    Crossed {
        /// The receiver's link to the sender's network.
        link: LinkId,
        /// Why it may.
        admission: Admission,
    },
    /// A NIC receives the packet (step 10).
    Received {
        /// The NIC.
        nic: NicId,
        /// Whether the destination is one of its addresses; if not, IP forwarding is on.
        own: bool,
    },
    /// The packet has reached the guest it is for (step 13).
    Delivered {
        /// Where it came in.
        nic: NicId,
    },
    /// A guest or gateway passes the packet on (step 13).
    Forwarded {
        /// Where it came in.
        entered: NicId,
        /// Where it goes out.
        leaves: NicId,
        /// Time to live from here on.
        ttl: u8,
        /// New source address, if the appliance translates.
        source: Option<Ipv4Addr>,
        /// New destination address, where the answer to a translated packet goes back to its origin.
        destination: Option<Ipv4Addr>,
    },
    /// A packet belongs to a flow that an Azure firewall has let pass (S-35).
    FirewallFlow {
        /// The firewall's NIC.
        nic: NicId,
    },
    /// An Azure firewall asked its rules (S-35).
    FirewallJudged {
        /// The firewall's NIC.
        nic: NicId,
        /// The firewall.
        firewall: FirewallId,
        /// The rule that matched; none: no rule did.
        rule: Option<u16>,
        /// What it says.
        decision: Decision,
    },
    /// The packet was cut for the link (step 9, K-7).
    Fragmented {
        /// The sending NIC.
        nic: NicId,
        /// Number of pieces.
        pieces: u16,
    },
    /// A check failed. In a counterfactual walk, steps may follow.
    Refused {
        /// Why and where.
        dropped: Dropped,
    },
}

/// What a flow table said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowFound {
    /// The NIC has no rules and remembers nothing.
    NotKept,
    /// A pair lives: rules are skipped (S-17).
    Known,
    /// No pair: rules are asked.
    New,
    /// A pair lives, but a group flushes its flows on a rule change: rules are asked again (S-22).
    Flushed,
    /// An ICMP error about a live flow: rules are skipped (S-24).
    Related,
    /// A fragment follows the first of its datagram (S-25).
    Fragment,
}

/// Why a packet may cross into a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Its source lies in what the receiver knows of the sender's network (F-7.1).
    Ordinary,
    /// It was forwarded, and the link lets such packets in (F-6).
    Forwarded(ForwardedTraffic),
    /// A gateway sends it (F-9).
    FromGateway,
    /// An appliance that translates sends it (F-8).
    Translated,
}

/// Every step, for `explain`.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// In the order in which they happened.
    pub steps: Vec<Step>,
    /// What a failed filter means.
    pub walk: WalkKind,
}

/// What a failed filter means for the walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WalkKind {
    /// The end, as in every other driver.
    #[default]
    Actual,
    /// It is noted, and the walk goes on (S-14): what else would be in the way?
    Counterfactual,
}

impl Evidence {
    /// Evidence of a walk that failed filters do not end.
    pub fn counterfactual() -> Self {
        Self {
            steps: Vec::new(),
            walk: WalkKind::Counterfactual,
        }
    }

    /// All failed checks, in order; the first one is why the packet died.
    pub fn refusals(&self) -> impl Iterator<Item = Dropped> {
        self.steps.iter().filter_map(|step| match step {
            Step::Refused { dropped } => Some(*dropped),
            _ => None,
        })
    }
}

impl Recorder for Evidence {
    const ASKS_EVERY_LEVEL: bool = true;

    fn record(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn refuse(&mut self, dropped: Dropped) -> Result<(), Dropped> {
        self.steps.push(Step::Refused { dropped });
        match self.walk {
            WalkKind::Counterfactual if dropped.reason().is_filter() => Ok(()),
            WalkKind::Counterfactual | WalkKind::Actual => Err(dropped),
        }
    }
}
