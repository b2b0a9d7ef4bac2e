//! Firewall policies and IP groups.

use super::{Network, not_there};
use crate::error::OperationError;
use crate::firewall::{FirewallPolicy, IpGroup};
use crate::table::{FirewallPolicyId, IpGroupId};

impl Network {
    /// Creates a firewall policy.
    pub fn create_firewall_policy(
        &mut self,
        policy: FirewallPolicy,
    ) -> Result<FirewallPolicyId, OperationError> {
        not_there(&self.firewall_policies, &policy.id)?;
        Ok(self.firewall_policies.add(policy))
    }

    /// Creates an IP group.
    pub fn create_ip_group(&mut self, group: IpGroup) -> Result<IpGroupId, OperationError> {
        not_there(&self.ip_groups, &group.id)?;
        Ok(self.ip_groups.add(group))
    }
}
