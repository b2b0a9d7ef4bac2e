//! Which NICs are judged alike: those of one subnet with the same group of their own share a policy.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Network, NetworkInterface, NicOwner, NsgId, SubnetId};

use crate::admin_rules::AdminRuleSets;
use crate::effective_rules::RuleSets;
use crate::snapshot::{AdminRules, Policy, PolicyId};

/// S-21: the platform forgets a flow after four idle minutes unless the network says otherwise.
const DEFAULT_TIMEOUT_MINUTES: u8 = 4;

/// What the policy of a NIC depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KindOfNic {
    pub(crate) subnet: SubnetId,
    /// Attached to the NIC itself.
    pub(crate) group: Option<NsgId>,
    pub(crate) private_endpoint: bool,
}

impl KindOfNic {
    fn of(nic: &NetworkInterface) -> Self {
        Self {
            subnet: nic.subnet(),
            group: nic.network_security_group,
            private_endpoint: matches!(nic.owner, NicOwner::PrivateEndpoint(_)),
        }
    }
}

/// All policies in the order in which NICs first need them.
#[derive(Default)]
pub(crate) struct Policies {
    pub(crate) list: Vec<Policy>,
    /// By number, what each depends on.
    pub(crate) kinds: Vec<KindOfNic>,
    numbers: HashMap<KindOfNic, PolicyId, foldhash::fast::RandomState>,
}

impl Policies {
    /// The policy of a NIC, made when it is first needed.
    pub(crate) fn of_nic(
        &mut self,
        network: &Network,
        rules: &RuleSets,
        admin: &AdminRuleSets,
        nic: &NetworkInterface,
    ) -> PolicyId {
        let kind = KindOfNic::of(nic);
        *self.numbers.entry(kind).or_insert_with(|| {
            let number = u32::try_from(self.list.len()).expect("no more policies than NICs");
            let admin = admin.of_subnet(kind.subnet);
            self.list.push(Policy::of(network, rules, admin, kind));
            self.kinds.push(kind);
            PolicyId(number)
        })
    }
}

impl Policy {
    /// The policy of a kind. `admin`: the security admin rules that reach its subnet.
    pub(crate) fn of(
        network: &Network,
        rules: &RuleSets,
        admin: Option<Arc<AdminRules>>,
        kind: KindOfNic,
    ) -> Self {
        let (outbound, inbound) = rules.of(network, kind);
        let vnet = network.subnets()[kind.subnet].virtual_network;
        let timeout = network.virtual_networks()[vnet].flow_timeout_minutes;
        Self {
            admin: admin.filter(|_| !kind.private_endpoint), // S-13
            outbound,
            inbound,
            idle_timeout_ns: u64::from(timeout.unwrap_or(DEFAULT_TIMEOUT_MINUTES)) * 60_000_000_000,
        }
    }
}
