//! Azure firewalls, their policies and IP groups.

use schemars::JsonSchema;

use super::{Access, Missing, Named};

shapes! {
    /// An Azure firewall.
    AzureFirewall {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/AzureFirewallSubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
        /// Name of its IP configuration.
        ip_configuration: Option<String>,
        /// Further public IP addresses by name or id.
        public_ips: Vec<String>,
        /// Name or id of its policy. Without one, and without rule collections, it denies everything.
        policy: Option<String>,
        /// Rule collections of its own: the classic form.
        rule_collections: Vec<FirewallRuleCollection>,
        /// As in a policy, for the classic form.
        private_ranges: Option<Vec<String>>,
    }

    /// A firewall policy.
    FirewallPolicy {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Name or id of the parent policy, whose rules go first.
        base_policy: Option<String>,
        /// Destinations for which the source is kept; default private space. 0.0.0.0/0: always, 255.255.255.255/32: never.
        private_ranges: Option<Vec<String>>,
        /// Rule collection groups by name.
        rule_collection_groups: Named<RuleCollectionGroup>,
        /// True if there are groups that nobody has given: what the policy decides is unknown.
        incomplete: Option<bool>,
    }

    /// A rule collection group of a firewall policy.
    RuleCollectionGroup {
        /// 100 to 65000; lower goes first.
        priority: Option<u32>,
        /// Rule collections, in any order.
        rule_collections: Vec<FirewallRuleCollection>,
    }

    /// Rules of one kind with one action.
    FirewallRuleCollection {
        /// Name, unique in the group.
        name: Option<String>,
        /// Nat, Network (default) or Application.
        kind: Option<String>,
        /// 100 to 65000; lower goes first. Nat goes before network, network before application.
        priority: Option<u32>,
        /// Allow or Deny; none for Nat.
        action: Option<Access>,
        /// Rules in order: the first that matches decides.
        rules: Vec<FirewallRule>,
    }

    /// A rule of a firewall. Addresses and ports that are left out are all of them.
    FirewallRule {
        /// Name, unique in the collection.
        name: Option<String>,
        /// Tcp, Udp, Icmp or Any (default).
        ip_protocols: Vec<String>,
        /// Prefixes, addresses, ranges, service tags or *.
        source_addresses: Option<Vec<String>>,
        /// Names or ids of IP groups.
        source_ip_groups: Option<Vec<String>>,
        /// As `sourceAddresses`.
        destination_addresses: Option<Vec<String>>,
        /// Names or ids of IP groups.
        destination_ip_groups: Option<Vec<String>>,
        /// Ports and ranges of ports.
        destination_ports: Vec<String>,
        /// Names of destinations; what they stand for is unknown.
        destination_fqdns: Vec<String>,
        /// New destination, for Nat.
        translated_address: Option<String>,
        /// New destination by name, for Nat.
        translated_fqdn: Option<String>,
        /// New port, for Nat; default the same.
        translated_port: Option<u16>,
    }

    /// A group of addresses for firewall rules.
    IpGroup {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Prefixes, addresses and ranges.
        prefixes: Vec<String>,
    }
}
