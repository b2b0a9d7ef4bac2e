//! Counts against a table of Azure's limits (R-31, S-8, P-12). Limits drift, and many are raised on request: findings are warnings, and
//! the table has a name.

use std::collections::BTreeMap;

use model::table::Resource;
use model::{GatewayType, Network, ResourceId, RuleAddresses};

use super::{Check, Design, Finding, Severity};

const EXCEEDED: Check = Check {
    id: "limit-exceeded",
    severity: Severity::Warning,
    rule: "R-31, S-8, P-12",
    title: "More of something than the limits of the named table allow.",
};

pub(super) const CHECKS: &[&Check] = &[&EXCEEDED];

macro_rules! limits {
    ($($(#[$doc:meta])* $field:ident $name:literal = $azure:literal,)+) => {
        /// A table of limits.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            /// Name of the table.
            pub name: &'static str,
            $($(#[$doc])* pub $field: usize,)+
        }

        /// As Microsoft's list of limits had it in 2022 (R-31, S-8).
        pub const AZURE_2022: Limits = Limits { name: "azure-2022", $($field: $azure,)+ };

        impl Limits {
            /// Every limit by name, with its value.
            pub fn entries(&self) -> Vec<(&'static str, usize)> {
                vec![$(($name, self.$field),)+]
            }

            /// Sets a limit by name, without regard to letter case; false if there is none of that name.
            pub fn set(&mut self, name: &str, value: usize) -> bool {
                $(if name.eq_ignore_ascii_case($name) {
                    self.$field = value;
                    return true;
                })+
                false
            }
        }
    };
}

limits! {
    /// Virtual networks in a subscription and region.
    virtual_networks "virtualNetworks" = 1_000,
    /// Subnets in a virtual network.
    subnets "subnetsPerVirtualNetwork" = 3_000,
    /// Peering links of a virtual network.
    peerings "peeringsPerVirtualNetwork" = 500,
    /// Private addresses in a virtual network.
    addresses "privateAddressesPerVirtualNetwork" = 65_536,
    /// Private addresses in a virtual network and those peered with it.
    peered_addresses "privateAddressesInPeeredGroup" = 128_000,
    /// Private addresses of a NIC.
    nic_addresses "privateAddressesPerNic" = 256,
    /// Route tables in a subscription and region.
    route_tables "routeTables" = 200,
    /// Routes in a route table.
    routes "routesPerRouteTable" = 400,
    /// VPN gateways in a virtual network, and ExpressRoute gateways likewise.
    gateways "gatewaysOfAKindPerVirtualNetwork" = 1,
    /// Security groups in a subscription and region.
    security_groups "networkSecurityGroups" = 5_000,
    /// Rules of a security group.
    rules "rulesPerNetworkSecurityGroup" = 1_000,
    /// Addresses and prefixes on one side of a rule.
    rule_addresses "addressesPerRule" = 4_000,
    /// Application security groups in a subscription and region.
    application_groups "applicationSecurityGroups" = 3_000,
    /// Application security groups of an IP configuration.
    configuration_groups "applicationSecurityGroupsPerIpConfiguration" = 20,
    /// Application security groups on one side of a rule.
    rule_groups "applicationSecurityGroupsPerRule" = 10,
    /// Application security groups in all rules of a security group.
    group_groups "applicationSecurityGroupsPerNetworkSecurityGroup" = 100,
    /// IP configurations in an application security group.
    members "ipConfigurationsPerApplicationSecurityGroup" = 4_000,
}

/// Twice as many peerings, as reported for hubs that Virtual Network Manager manages (P-12).
pub const NETWORK_MANAGER: Limits = Limits {
    name: "network-manager",
    peerings: 1_000,
    ..AZURE_2022
};

impl Limits {
    /// All tables.
    pub const TABLES: &[&Self] = &[&AZURE_2022, &NETWORK_MANAGER];

    /// The table of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::TABLES
            .iter()
            .copied()
            .find(|table| table.name.eq_ignore_ascii_case(name))
    }
}

/// Notes what is more than its limit.
struct Ledger<'a> {
    limits: &'a Limits,
    findings: &'a mut Vec<Finding>,
}

impl Ledger<'_> {
    fn count(
        &mut self,
        resource: &ResourceId,
        holder: &str,
        what: &str,
        count: usize,
        limit: usize,
    ) {
        if count > limit {
            let message = format!(
                "{holder} has {count} {what}; the limit is {limit} ({}).",
                self.limits.name
            );
            self.findings
                .push(Finding::new(&EXCEEDED, resource, message));
        }
    }

    /// Resources of one kind by subscription and region: told at the first one beyond the limit.
    fn regional<'r, T: Resource + 'r>(
        &mut self,
        resources: impl Iterator<Item = (&'r T, &'r str)>,
        what: &str,
        limit: usize,
    ) {
        let mut regions: BTreeMap<(String, &str), Vec<&ResourceId>> = BTreeMap::new();
        for (resource, region) in resources {
            let subscription = resource.id().subscription().unwrap_or_default();
            regions
                .entry((subscription.to_ascii_lowercase(), region))
                .or_default()
                .push(resource.id());
        }
        for ((subscription, region), resources) in regions {
            if let Some(first) = resources.get(limit) {
                let holder = format!("Subscription {subscription} in region '{region}'");
                self.count(first, &holder, what, resources.len(), limit);
            }
        }
    }
}

pub(super) fn find(design: Design<'_>, limits: &Limits, findings: &mut Vec<Finding>) {
    let network = design.network;
    let mut ledger = Ledger { limits, findings };
    ledger.regional(
        network
            .virtual_networks()
            .values()
            .map(|vnet| (vnet, vnet.location.as_str())),
        "virtual networks",
        limits.virtual_networks,
    );
    ledger.regional(
        network
            .route_tables()
            .values()
            .map(|table| (table, table.location.as_str())),
        "route tables",
        limits.route_tables,
    );
    ledger.regional(
        network
            .nsgs()
            .values()
            .map(|group| (group, group.location.as_str())),
        "network security groups",
        limits.security_groups,
    );
    ledger.regional(
        network
            .asgs()
            .values()
            .map(|group| (group, group.location.as_str())),
        "application security groups",
        limits.application_groups,
    );
    of_networks(network, &mut ledger);
    of_tables(network, &mut ledger);
    of_nics(network, &mut ledger);
}

fn of_networks(network: &Network, ledger: &mut Ledger<'_>) {
    let limits = ledger.limits;
    let addresses: BTreeMap<_, usize> = network
        .virtual_networks()
        .iter()
        .map(|(key, vnet)| {
            let subnets = vnet
                .subnets
                .iter()
                .map(|&subnet| &network.subnets()[subnet]);
            (
                key,
                subnets.map(|subnet| subnet.addresses.iter().count()).sum(),
            )
        })
        .collect();
    for (key, vnet) in network.virtual_networks().iter() {
        let (id, name) = (&vnet.id, vnet.name());
        ledger.count(id, name, "subnets", vnet.subnets.len(), limits.subnets);
        ledger.count(
            id,
            name,
            "peering links",
            vnet.peerings.len(),
            limits.peerings,
        );
        ledger.count(
            id,
            name,
            "private addresses",
            addresses[&key],
            limits.addresses,
        );
        let peers = vnet.peerings.iter().filter_map(|&link| {
            network
                .virtual_networks()
                .find(&network.peerings()[link].remote)
        });
        let group = addresses[&key] + peers.map(|peer| addresses[&peer]).sum::<usize>();
        let holder = format!("{name} with its peers");
        ledger.count(
            id,
            &holder,
            "private addresses",
            group,
            limits.peered_addresses,
        );
        for (kind, what) in [
            (GatewayType::Vpn, "VPN gateways"),
            (GatewayType::ExpressRoute, "ExpressRoute gateways"),
        ] {
            let count = network
                .gateways_of(key)
                .filter(|(_, gateway)| gateway.kind == kind)
                .count();
            ledger.count(id, name, what, count, limits.gateways);
        }
    }
}

fn of_tables(network: &Network, ledger: &mut Ledger<'_>) {
    let limits = ledger.limits;
    for table in network.route_tables().values() {
        ledger.count(
            &table.id,
            table.name(),
            "routes",
            table.routes.len(),
            limits.routes,
        );
    }
    for group in network.nsgs().values() {
        ledger.count(
            &group.id,
            group.name(),
            "rules",
            group.rules.len(),
            limits.rules,
        );
        let mut named = std::collections::BTreeSet::new();
        for rule in group.rules.iter() {
            let id = group.id.child("securityRules", &rule.name);
            for (side, word) in [(&rule.source, "source"), (&rule.destination, "destination")] {
                match side {
                    RuleAddresses::Prefixes(prefixes) => ledger.count(
                        &id,
                        &rule.name,
                        &format!("{word} addresses"),
                        prefixes.len(),
                        limits.rule_addresses,
                    ),
                    RuleAddresses::ApplicationSecurityGroups(groups) => {
                        named.extend(groups.iter().copied());
                        ledger.count(
                            &id,
                            &rule.name,
                            &format!("{word} application security groups"),
                            groups.len(),
                            limits.rule_groups,
                        );
                    }
                    RuleAddresses::Any | RuleAddresses::Tag(_) => {}
                }
            }
        }
        ledger.count(
            &group.id,
            group.name(),
            "application security groups in its rules",
            named.len(),
            limits.group_groups,
        );
    }
}

fn of_nics(network: &Network, ledger: &mut Ledger<'_>) {
    let limits = ledger.limits;
    let mut members: BTreeMap<model::AsgId, usize> = BTreeMap::new();
    for nic in network.nics().values() {
        ledger.count(
            &nic.id,
            nic.name(),
            "private addresses",
            nic.ip_configurations.len(),
            limits.nic_addresses,
        );
        for configuration in &nic.ip_configurations {
            let groups = &configuration.application_security_groups;
            ledger.count(
                &nic.id,
                &format!("IP configuration {} of {}", configuration.name, nic.name()),
                "application security groups",
                groups.len(),
                limits.configuration_groups,
            );
            for &group in groups {
                *members.entry(group).or_default() += 1;
            }
        }
    }
    for (group, count) in members {
        if let Some(group) = network.asgs().get(group) {
            ledger.count(
                &group.id,
                group.name(),
                "IP configurations",
                count,
                limits.members,
            );
        }
    }
}
