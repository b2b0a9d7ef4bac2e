//! Small random networks that hold everything a packet can meet between machines: peerings with any flags and states, spaces that overlap,
//! user routes of all kinds, appliances in a row, machines with several NICs and addresses, security groups, security admin rules, a
//! gateway, a load balancer, a firewall, options. Written as scenarios, so that what is found can be read.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;

/// A network as a plan; [`Plan::scenario`] writes it down.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At least two; the first is the hub.
    vnets: Vec<Vnet>,
    /// For each pair of networks, first with second and so on in order: the links, if any.
    links: Vec<Option<Pair>>,
    tables: Vec<Vec<(usize, NextHop)>>,
    groups: Vec<Vec<Rule>>,
    /// A VPN gateway in the hub.
    gateway: bool,
    /// Members of a load balancer's pool in the hub, by machine; none: no load balancer.
    pool: Option<Vec<usize>>,
    /// An Azure firewall in the hub.
    firewall: bool,
    admin: Vec<(Rule, &'static str)>,
    options: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Vnet {
    elsewhere: bool,
    /// It has the space of the network before.
    overlaps: bool,
    subnets: Vec<Subnet>,
}

#[derive(Clone, Debug)]
struct Subnet {
    table: Option<usize>,
    group: Option<usize>,
    machines: Vec<Machine>,
}

#[derive(Clone, Debug)]
struct Machine {
    forwarding: bool,
    group: Option<usize>,
    role: &'static str,
    /// In the same subnet, or the next one of the network, by a NIC of its own.
    second_nic: Option<bool>,
    second_address: bool,
}

/// Both links of a peering, or the first alone.
#[derive(Clone, Debug)]
struct Pair {
    there: Flags,
    back: Option<Flags>,
    /// The first link knows half of the other's space only.
    old: bool,
}

#[derive(Clone, Copy, Debug)]
struct Flags {
    access: bool,
    forwarded: bool,
    gateway: bool,
}

#[derive(Clone, Debug)]
enum NextHop {
    /// A machine of the plan, counted through.
    Machine(usize),
    Balancer,
    Address(&'static str),
    Kind(&'static str),
}

#[derive(Clone, Debug)]
struct Rule {
    inbound: bool,
    allow: bool,
    protocol: &'static str,
    source: &'static str,
    destination: &'static str,
    ports: &'static str,
}

/// Prefixes of user routes; the networks are 10.1.0.0/16 and so on.
const PREFIXES: [&str; 15] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.3.0.0/16",
    "10.2.0.0/24",
    "10.3.1.0/24",
    "10.1.0.4/32",
    "192.168.0.0/16",
    "10.4.0.0/16",
    "10.2.0.5/32",
    "10.3.0.4/31",
    "10.1.0.0/25",
    "10.1.1.0/24",
    "10.1.0.4/30",
];

fn flags() -> impl Strategy<Value = Flags> {
    (prop::bool::weighted(0.85), any::<bool>(), any::<bool>()).prop_map(
        |(access, forwarded, gateway)| Flags {
            access,
            forwarded,
            gateway,
        },
    )
}

fn pair() -> impl Strategy<Value = Option<Pair>> {
    let back = prop_oneof![8 => flags().prop_map(Some), 1 => Just(None)];
    let pair = (flags(), back, prop::bool::weighted(0.1)).prop_map(|(there, back, old)| Pair {
        there,
        back,
        old,
    });
    prop_oneof![1 => Just(None), 3 => pair.prop_map(Some)]
}

fn next_hop() -> impl Strategy<Value = NextHop> {
    prop_oneof![
        4 => (0_usize..2).prop_map(NextHop::Machine),
        4 => (2_usize..8).prop_map(NextHop::Machine),
        1 => Just(NextHop::Balancer),
        1 => select(vec!["10.1.0.99", "172.20.0.4", "10.1.254.4", "10.1.0.100"]).prop_map(NextHop::Address),
        2 => select(vec!["VnetLocal", "Internet", "None", "VirtualNetworkGateway"]).prop_map(NextHop::Kind),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let side = || {
        select(vec![
            "'*'",
            "'*'",
            "VirtualNetwork",
            "Internet",
            "10.1.0.0/16",
            "10.2.0.0/24",
            "10.1.0.4",
            "[10.2.0.5, 10.3.0.4, 10.1.1.4]",
            "10.3.0.4/31",
            "AzureLoadBalancer",
        ])
    };
    (
        any::<bool>(),
        any::<bool>(),
        select(vec!["'*'", "Tcp", "Icmp"]),
        side(),
        side(),
        select(vec![
            "['*']", "[443]", "[8, 22]", "[0-100]", "[49152]", "[0]",
        ]),
    )
        .prop_map(
            |(inbound, allow, protocol, source, destination, ports)| Rule {
                inbound,
                allow,
                protocol,
                source,
                destination,
                ports,
            },
        )
}

fn machine() -> impl Strategy<Value = Machine> {
    let role = prop_oneof![
        4 => Just("host"),
        3 => Just("appliance"),
        1 => Just("appliance, snat: true"),
        1 => Just("appliance, stateful: true"),
        1 => Just("stopped"),
    ];
    let second_nic = prop::option::weighted(0.15, any::<bool>());
    (
        any::<bool>(),
        prop::option::weighted(0.3, 0_usize..3),
        role,
        second_nic,
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(forwarding, group, role, second_nic, second_address)| Machine {
                // Nobody sets the flag for a host; a few appliances lack it.
                forwarding: forwarding || role == "appliance",
                group,
                role,
                second_nic,
                second_address,
            },
        )
}

fn subnet() -> impl Strategy<Value = Subnet> {
    (
        prop::option::weighted(0.6, 0_usize..3),
        prop::option::weighted(0.4, 0_usize..3),
        prop::collection::vec(machine(), 1..4),
    )
        .prop_map(|(table, group, machines)| Subnet {
            table,
            group,
            machines,
        })
}

fn options() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(
        vec![
            "forwardedTraffic: documented",
            "noneRoutes: seed",
            "icmpPorts: ignore",
            "vnetAccessWithoutNsg: literal",
            "udrInVnetTag: applianceAndGateway",
            "internetTag: minusVirtualNetwork",
            "tcpStrict: true",
        ],
        0..3,
    )
}

fn admin() -> impl Strategy<Value = Vec<(Rule, &'static str)>> {
    let access = select(vec!["Allow", "Deny", "AlwaysAllow"]);
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((rule(), access), 1..4),
    ]
}

/// Any such network.
pub fn plan() -> impl Strategy<Value = Plan> {
    let vnet = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::collection::vec(subnet(), 1..3),
    )
        .prop_map(|(elsewhere, overlaps, subnets)| Vnet {
            elsewhere,
            overlaps,
            subnets,
        });
    let table = prop::collection::vec((0..PREFIXES.len(), next_hop()), 0..4);
    (
        prop::collection::vec(vnet, 2..5),
        prop::collection::vec(pair(), 6),
        prop::collection::vec(table, 3),
        prop::collection::vec(prop::collection::vec(rule(), 0..4), 3),
        any::<bool>(),
        prop::option::weighted(0.3, prop::collection::vec(0_usize..8, 0..3)),
        options(),
        prop::bool::weighted(0.2),
        admin(),
    )
        .prop_map(
            |(vnets, links, tables, groups, gateway, pool, options, firewall, admin)| Plan {
                vnets,
                links,
                tables,
                groups,
                gateway,
                pool,
                firewall,
                admin,
                options,
            },
        )
}

impl Plan {
    /// Machines with the number of their network and subnet, in order.
    fn machines(&self) -> Vec<(usize, usize, &Machine)> {
        let mut machines = Vec::new();
        for (v, vnet) in self.vnets.iter().enumerate() {
            for (s, subnet) in vnet.subnets.iter().enumerate() {
                machines.extend(subnet.machines.iter().map(|machine| (v, s, machine)));
            }
        }
        machines
    }

    /// Address of a machine, as the first free ones of its subnet are given.
    fn address(&self, machine: usize) -> String {
        let machines = self.machines();
        let (v, s, _) = machines[machine % machines.len()];
        let before = machines[..machine % machines.len()].iter();
        let place = before.filter(|(v2, s2, _)| (*v2, *s2) == (v, s)).count();
        format!("10.{}.{s}.{}", self.block(v), 4 + place)
    }

    /// The second number of a network's addresses.
    fn block(&self, vnet: usize) -> usize {
        if self.vnets[vnet].overlaps && vnet > 0 {
            self.block(vnet - 1)
        } else {
            vnet + 1
        }
    }

    /// Written down, in the words of a scenario.
    pub fn scenario(&self) -> String {
        let mut text = String::from("defaults: { resourceGroup: rg }\nvirtualNetworks:\n");
        self.write_networks(&mut text);
        self.write_links(&mut text);
        self.write_tables(&mut text);
        self.write_machines(&mut text);
        if self.gateway {
            text.push_str(
                "virtualNetworkGateways:\n  gw: { subnet: v1/GatewaySubnet, gatewayType: Vpn }\nonPremises:\n  site: { gateway: gw, prefixes: [192.168.0.0/16], hosts: { pc: 192.168.0.10 } }\n",
            );
        }
        if self.pool.is_some() {
            text.push_str("loadBalancers:\n  lb:\n    sku: Standard\n    frontends: { front: { subnet: v1/s0, address: 10.1.0.200 } }\n    pools: [pool]\n    rules: [ { name: ha, frontend: front, pool: pool, protocol: All, frontendPort: 0, backendPort: 0 } ]\n");
        }
        if self.firewall {
            text.push_str("publicIPAddresses: { fw-ip: { address: 20.50.1.1, sku: Standard } }\nazureFirewalls: { fw: { subnet: v1/AzureFirewallSubnet, publicIp: fw-ip, policy: p } }\nfirewallPolicies:\n  p:\n    ruleCollectionGroups:\n      g:\n        priority: 100\n        ruleCollections:\n          - { name: some, kind: Network, priority: 200, action: Allow, rules: [{ name: web, ipProtocols: [Tcp], sourceAddresses: [10.1.0.0/16, 10.2.0.0/24], destinationAddresses: ['*'], destinationPorts: ['443'] }, { name: echo, ipProtocols: [Icmp], sourceAddresses: ['*'], destinationAddresses: ['*'] }] }\n");
        }
        self.write_admin(&mut text);
        let options = self.options.join(", ");
        let _ = writeln!(text, "options: {{ {options} }}");
        text
    }

    fn write_admin(&self, text: &mut String) {
        if self.admin.is_empty() {
            return;
        }
        text.push_str("networkManagers:\n  avnm:\n    networkGroups: { some: [v1, v2] }\n    securityAdminConfigurations:\n      base:\n        ruleCollections:\n          all:\n            appliesTo: [some]\n            rules:\n");
        for (number, (rule, access)) in self.admin.iter().enumerate() {
            let of_side = |side: &'static str| match side {
                "VirtualNetwork" => "10.2.0.0/16",
                side => side,
            };
            let _ = writeln!(
                text,
                "              - {{ name: a{number}, priority: {}, direction: {}, access: {access}, protocol: {}, source: {}, destination: {}, destinationPorts: {} }}",
                100 + number,
                if rule.inbound { "Inbound" } else { "Outbound" },
                rule.protocol,
                of_side(rule.source),
                of_side(rule.destination),
                rule.ports
            );
        }
    }

    fn write_networks(&self, text: &mut String) {
        for (v, vnet) in self.vnets.iter().enumerate() {
            let region = if vnet.elsewhere {
                "westeurope"
            } else {
                "northeurope"
            };
            let _ = writeln!(
                text,
                "  v{}:\n    location: {region}\n    addressSpace: [10.{}.0.0/16]\n    subnets:",
                v + 1,
                self.block(v)
            );
            for (s, subnet) in vnet.subnets.iter().enumerate() {
                let _ = write!(text, "      s{s}: {{ prefix: 10.{}.{s}.0/24", self.block(v));
                if let Some(table) = subnet.table {
                    let _ = write!(text, ", routeTable: t{table}");
                }
                if let Some(group) = subnet.group {
                    let _ = write!(text, ", networkSecurityGroup: g{group}");
                }
                text.push_str(" }\n");
            }
            if v == 0 && self.gateway {
                text.push_str("      GatewaySubnet: 10.1.255.0/27\n");
            }
            if v == 0 && self.firewall {
                text.push_str("      AzureFirewallSubnet: 10.1.254.0/26\n");
            }
        }
    }

    /// Links carry a state, as recorded ones do: what Azure would refuse is taken over.
    fn write_links(&self, text: &mut String) {
        text.push_str("peerings:\n");
        let count = self.vnets.len();
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a + 1, b + 1)));
        let mut any = false;
        for ((a, b), pair) in pairs.zip(&self.links) {
            if self.block(a - 1) == self.block(b - 1) {
                continue; // P-5
            }
            let Some(Pair { there, back, old }) = pair else {
                continue;
            };
            any = true;
            let state = if back.is_some() {
                "Connected"
            } else {
                "Initiated"
            };
            let space = if *old {
                format!(", remoteAddressSpace: [10.{}.0.0/24]", self.block(b - 1))
            } else {
                String::new()
            };
            let mut link = |from, to, flags: &Flags, rest: &str| {
                let gateway = if from < to {
                    "allowGatewayTransit"
                } else {
                    "useRemoteGateways"
                };
                let _ = writeln!(
                    text,
                    "  - {{ name: v{from}-v{to}, from: v{from}, to: v{to}, peeringState: {state}, allowVirtualNetworkAccess: {}, allowForwardedTraffic: {}, {gateway}: {}{rest} }}",
                    flags.access, flags.forwarded, flags.gateway
                );
            };
            link(a, b, there, &space);
            if let Some(back) = back {
                link(b, a, back, "");
            }
        }
        if !any {
            text.truncate(text.len() - "peerings:\n".len());
        }
    }

    fn write_tables(&self, text: &mut String) {
        text.push_str("routeTables:\n");
        for (t, routes) in self.tables.iter().enumerate() {
            let _ = writeln!(text, "  t{t}:\n    routes:");
            let mut seen = Vec::new();
            for (prefix, next_hop) in routes {
                if seen.contains(prefix) {
                    continue;
                }
                seen.push(*prefix);
                let next_hop = match next_hop {
                    NextHop::Machine(machine) => {
                        format!("VirtualAppliance {}", self.address(*machine))
                    }
                    NextHop::Balancer => "VirtualAppliance 10.1.0.200".to_owned(),
                    NextHop::Address(address) => format!("VirtualAppliance {address}"),
                    NextHop::Kind(kind) => (*kind).to_owned(),
                };
                let _ = writeln!(
                    text,
                    "      - {{ name: r{prefix}, prefix: {}, nextHop: {next_hop} }}",
                    PREFIXES[*prefix]
                );
            }
            if seen.is_empty() {
                text.truncate(text.len() - "\n    routes:\n".len());
                text.push_str(" {}\n");
            }
        }
        text.push_str("networkSecurityGroups:\n");
        for (g, rules) in self.groups.iter().enumerate() {
            if rules.is_empty() {
                let _ = writeln!(text, "  g{g}: {{}}");
                continue;
            }
            let _ = writeln!(text, "  g{g}:\n    securityRules:");
            for (r, rule) in rules.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "      - {{ name: r{r}, priority: {}, direction: {}, access: {}, protocol: {}, source: {}, destination: {}, destinationPorts: {} }}",
                    100 + r,
                    if rule.inbound { "Inbound" } else { "Outbound" },
                    if rule.allow { "Allow" } else { "Deny" },
                    rule.protocol,
                    rule.source,
                    rule.destination,
                    rule.ports
                );
            }
        }
    }

    fn write_machines(&self, text: &mut String) {
        let machines = self.machines();
        let pool: Vec<usize> = self
            .pool
            .iter()
            .flatten()
            .map(|m| m % machines.len())
            .collect();
        text.push_str("networkInterfaces:\n");
        for (m, &(v, s, machine)) in machines.iter().enumerate() {
            let address = self.address(m);
            let mut rest = format!(", ipForwarding: {}", machine.forwarding);
            if let Some(group) = machine.group {
                let _ = write!(rest, ", networkSecurityGroup: g{group}");
            }
            // members of a pool lie in the network of its frontend.
            let pooled = if pool.contains(&m) && v == 0 {
                ", backendPools: [lb/pool]"
            } else {
                ""
            };
            let second = if machine.second_address {
                format!(
                    ", {{ name: b, subnet: v{}/s{s}, address: 10.{}.{s}.{} }}",
                    v + 1,
                    self.block(v),
                    150 + m
                )
            } else {
                String::new()
            };
            let _ = writeln!(
                text,
                "  n{m}: {{ ipConfigurations: [ {{ name: a, primary: true, subnet: v{}/s{s}, address: {address}{pooled} }}{second} ]{rest} }}",
                v + 1
            );
            if let Some(next) = machine.second_nic {
                let other = (s + usize::from(next)) % self.vnets[v].subnets.len();
                let _ = writeln!(
                    text,
                    "  o{m}: {{ subnet: v{}/s{other}, address: 10.{}.{other}.{}{rest} }}",
                    v + 1,
                    self.block(v),
                    100 + m
                );
            }
        }
        text.push_str("virtualMachines:\n");
        for (m, (.., machine)) in machines.iter().enumerate() {
            let second = if machine.second_nic.is_some() {
                format!(", o{m}")
            } else {
                String::new()
            };
            let _ = writeln!(text, "  m{m}: {{ nics: [n{m}{second}] }}");
        }
        text.push_str("guests:\n");
        for (m, (.., machine)) in machines.iter().enumerate() {
            let _ = writeln!(text, "  m{m}: {{ role: {} }}", machine.role);
        }
    }
}
