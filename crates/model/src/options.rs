//! Decisions that a user may take differently: where Azure's documents and recordings disagree or are silent.
//!
//! Each option is set in a scenario (`options:`) or by `--set NAME=VALUE`; [`Options::descriptions`] is what `vnetsim options` prints.

use std::fmt;

macro_rules! options {
    ($($(#[$doc:meta])* $field:ident: $kind:ident = $default:ident, name $name:literal, rule $rule:literal, effect $effect:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $spelling:literal,)+
    })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $kind { $($(#[$variant_doc])* $variant,)+ }

            impl $kind {
                /// The word that sets it.
                pub const fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $spelling,)+ }
                }
            }

            impl fmt::Display for $kind {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.as_str())
                }
            }
        )+

        /// All options of a network.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Options {
            $($(#[$doc])* pub $field: $kind,)+
            /// Delay between a change and the moment in which NICs obey it, in milliseconds of simulated time (P-11).
            /// No command changes a network while packets run, so every answer is as after that time.
            pub programming_delay_ms: u32,
        }

        impl Default for Options {
            fn default() -> Self {
                Self { $($field: $kind::$default,)+ programming_delay_ms: 0 }
            }
        }

        impl Options {
            /// Sets an option by name and value, both without regard to letter case.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionError> {
                $(if name.eq_ignore_ascii_case($name) {
                    $(if value.eq_ignore_ascii_case($spelling) { self.$field = $kind::$variant; return Ok(()); })+
                    return Err(OptionError::Value { name: $name, value: value.to_owned(), expected: &[$($spelling,)+] });
                })+
                if name.eq_ignore_ascii_case(PROGRAMMING_DELAY) {
                    self.programming_delay_ms = value.parse().map_err(|_| OptionError::Value {
                        name: PROGRAMMING_DELAY,
                        value: value.to_owned(),
                        expected: &["a number of milliseconds"],
                    })?;
                    return Ok(());
                }
                Err(OptionError::Name { name: name.to_owned(), known: Self::NAMES })
            }

            /// The names of all options.
            pub const NAMES: &[&str] = &[$($name,)+ PROGRAMMING_DELAY];

            /// Every option with its present value.
            pub fn descriptions(&self) -> Vec<OptionDescription> {
                let standard = Self::default();
                vec![
                    $(OptionDescription {
                        name: $name,
                        values: &[$($spelling,)+],
                        default: standard.$field.to_string(),
                        value: self.$field.to_string(),
                        rule: $rule,
                        effect: $effect,
                    },)+
                    OptionDescription {
                        name: PROGRAMMING_DELAY,
                        values: &["milliseconds"],
                        default: standard.programming_delay_ms.to_string(),
                        value: self.programming_delay_ms.to_string(),
                        rule: "P-11",
                        effect: "simulated time between a change and the moment in which NICs obey it; commands that change a network say it, and every answer is as after that time, since no command changes a network while packets run",
                    },
                ]
            }
        }
    };
}

const PROGRAMMING_DELAY: &str = "programmingDelay";

/// One option as a user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionDescription {
    /// Name in a scenario and after `--set`.
    pub name: &'static str,
    /// Values that it takes.
    pub values: &'static [&'static str],
    /// Value unless set.
    pub default: String,
    /// Value in force.
    pub value: String,
    /// Rule in `docs/SEMANTICS.md`.
    pub rule: &'static str,
    /// What it changes.
    pub effect: &'static str,
}

/// Why an option was not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No option of this name.
    #[error("there is no option '{name}'; known options: {}", .known.join(", "))]
    Name {
        /// What was written.
        name: String,
        /// What exists.
        known: &'static [&'static str],
    },
    /// The option does not take this value.
    #[error("option {name} cannot be '{value}'; expected one of {}", .expected.join(", "))]
    Value {
        /// Which option.
        name: &'static str,
        /// What was written.
        value: String,
        /// What it takes.
        expected: &'static [&'static str],
    },
}

options! {
    /// Whether a reported defect of Azure is imitated.
    quirks: Quirks = Off, name "quirks", rule "S-33", effect "whether a security rule with several application security groups, one of them empty, matches the others' members (none) or nobody, as one report says of Azure (azure)" {
        /// The rule stands for the members of all its groups.
        Off = "none",
        /// The rule matches nothing.
        Azure = "azure",
    }

    /// Which `None` rows a NIC shows; the list has changed over the years.
    none_routes: NoneRoutes = Doc4, name "noneRoutes", rule "R-4", effect "which prefixes have a system route with next hop None" {
        /// The three of the exercise: 10/8, 100.64/10, 192.168/16.
        Seed = "seed",
        /// The four of the documents of 2023.
        Doc4 = "doc4",
        /// The eight of the documents of 2025.
        Doc8 = "doc8",
        /// As recorded in 2019.
        Obs2019 = "obs2019",
        /// As recorded in 2021.
        Obs2021 = "obs2021",
        /// As recorded in 2023.
        Obs2023 = "obs2023",
        /// As recorded in 2025.
        Obs2025 = "obs2025",
    }
    /// When a forwarded packet may cross into a network.
    forwarded_traffic: ForwardedTraffic = Observed, name "forwardedTraffic", rule "F-6, F-9a, F-10",
        effect "observed: the receiver's allowForwardedTraffic, or its use of a live remote gateway; documented: the flag alone; lenient: always" {
        /// The flag, or a live remote gateway in use (F-9a).
        Observed = "observed",
        /// The flag alone (F-6).
        Documented = "documented",
        /// Always (F-10).
        Lenient = "lenient",
    }
    /// What a false allowVirtualNetworkAccess does on a NIC without any NSG.
    vnet_access_without_nsg: VnetAccessWithoutNsg = DefaultRules, name "vnetAccessWithoutNsg", rule "F-4",
        effect "defaultRules: a NIC without NSG judges that peer by the six default rules; literal: the flag changes the tag only" {
        /// The remote range is judged by the default rules.
        DefaultRules = "defaultRules",
        /// No effect without an NSG.
        Literal = "literal",
    }
    /// Which user routes widen the `VirtualNetwork` tag.
    udr_in_vnet_tag: UdrInVnetTag = All, name "udrInVnetTag", rule "T-3", effect "which user routes add their prefix to the VirtualNetwork tag of the subnet's NICs" {
        /// All.
        All = "all",
        /// Those toward an appliance or a gateway.
        ApplianceAndGateway = "applianceAndGateway",
    }
    /// What the `Internet` tag holds.
    internet_tag: InternetTag = Recorded, name "internetTag", rule "T-6", effect "recorded: the list of 257 prefixes seen in real answers; minusVirtualNetwork: public space less the NIC's VirtualNetwork tag" {
        /// The list of 2021.
        Recorded = "recorded",
        /// Public space less the tag.
        MinusVirtualNetwork = "minusVirtualNetwork",
    }
    /// What the ports of a rule mean for ICMP.
    icmp_ports: IcmpPorts = Type, name "icmpPorts", rule "S-6", effect "type: a rule's destination ports are ICMP types; ignore: ICMP matches whatever the ports" {
        /// Destination ports are ICMP types.
        Type = "type",
        /// Ports do not matter.
        Ignore = "ignore",
    }
    /// Whether ICMP errors about a live flow pass without rules.
    icmp_related: IcmpRelated = True, name "icmpRelated", rule "S-24", effect "true: ICMP errors about a live flow of the NIC pass without rules" {
        /// They pass.
        True = "true",
        /// They are judged by the rules.
        False = "false",
    }
    /// What the first TCP packet of a flow has to be.
    tcp_strict: TcpStrict = False, name "tcpStrict", rule "S-20", effect "true: a TCP packet that is no SYN and belongs to no flow is dropped (tcp-no-syn)" {
        /// Must be a SYN.
        True = "true",
        /// Anything.
        False = "false",
    }
    /// Whether the fabric ever answers.
    fabric_icmp: FabricIcmp = Off, name "fabricIcmp", rule "K-8", effect "fragNeeded: an oversize packet with DF is answered by ICMP 3/4; off: it is dropped silently" {
        /// Never.
        Off = "off",
        /// Fragmentation needed.
        FragNeeded = "fragNeeded",
    }
    /// Whether a BGP peer's own address is a route.
    bgp_peer_routes: BgpPeerRoutes = True, name "bgpPeerRoutes", rule "G-2", effect "true: the BGP address of a remote peer shows as a /32 row" {
        /// It is.
        True = "true",
        /// It is not.
        False = "false",
    }
    /// Whether the address space of a peered network may change.
    address_space_change: AddressSpaceChange = Sync, name "addressSpaceChange", rule "P-6", effect "sync: allowed, then the links are out of sync; refuse: refused while peered, as in 2021" {
        /// Allowed, then out of sync.
        Sync = "sync",
        /// Refused while peered.
        Refuse = "refuse",
    }
    /// Whether the number of flows of a NIC is limited.
    flow_limit: FlowLimit = Azure, name "flowLimit", rule "S-8, S-21", effect "azure: 500,000 flows per NIC and direction, then flow-table-full; none: no limit" {
        /// 500,000 per NIC and direction.
        Azure = "azure",
        /// No limit.
        None = "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_set_by_name_and_list_what_they_take() {
        let mut options = Options::default();
        options.set("noneroutes", "SEED").unwrap();
        assert_eq!(options.none_routes, NoneRoutes::Seed);
        options.set("programmingDelay", "250").unwrap();
        assert_eq!(options.programming_delay_ms, 250);
        let error = options.set("tcpStrict", "perhaps").unwrap_err();
        assert_eq!(
            error.to_string(),
            "option tcpStrict cannot be 'perhaps'; expected one of true, false"
        );
        assert!(
            options
                .set("noSuch", "1")
                .unwrap_err()
                .to_string()
                .contains("noneRoutes")
        );
        assert_eq!(Options::NAMES.len(), options.descriptions().len());
    }
}
