//! Who judges a reply as a flow of its own.

use control::snapshot::Nic;
use dataplane::pipeline::keeps_flows;
use model::options::TcpStrict;
use model::{Direction, FirewallId};

use super::found::{Back, Found};
use super::{Leaving, Leg, ReplyFinder};
use crate::classes::rules::RuleBook;
use crate::classes::ways::{Check, Judge};

impl ReplyFinder<'_> {
    /// A NIC that does not know the flow judges the reply. False: it drops it whatever the rules say.
    pub(super) fn judge(
        &self,
        checks: &mut Vec<Check>,
        nic: &Nic,
        leg: &Leg,
        inbound: bool,
    ) -> bool {
        let policy = self.snapshot.policy_of(nic);
        let strict = self.snapshot.options.tcp_strict == TcpStrict::True;
        if self.is_tcp && strict && keeps_flows(policy) && !nic.tcp_state_tracking_disabled {
            return false; // S-20
        }
        let direction = if inbound {
            Direction::Inbound
        } else {
            Direction::Outbound
        };
        if RuleBook::asks(policy, direction) {
            checks.push(Check::of(nic, direction, leg.asker));
        }
        true
    }

    /// A firewall that does not know the flow judges the reply (S-35). False: it does not come out as it was.
    pub(super) fn pass_firewall(
        &self,
        id: FirewallId,
        leaving: &mut Leaving,
        leg: &Leg,
        replies: &mut Found,
    ) -> bool {
        let Some(firewall) = self.snapshot.firewall(id).filter(|_| !self.is_tcp) else {
            return false;
        };
        if firewall.translates_source_to(self.address(leg)) {
            replies.give_up(&leaving.columns);
            return false;
        }
        leaving.checks.push(Check {
            rules: Judge::Firewall(id),
            asker: leg.asker,
        });
        if firewall.is_unsure() {
            replies.add(leaving, Back::Aside);
        }
        true
    }
}
