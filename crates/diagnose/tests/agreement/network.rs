//! Small random networks that hold everything a packet can meet between machines: peerings with any flags and states, user routes of
//! all kinds, appliances, security groups, a gateway, a load balancer, options. Written as scenarios, so that what is found can be read.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;

/// A network as a plan; [`Plan::scenario`] writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
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
    options: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Vnet {
    elsewhere: bool,
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
const PREFIXES: [&str; 9] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.3.0.0/16",
    "10.2.0.0/24",
    "10.3.1.0/24",
    "10.1.0.4/32",
    "192.168.0.0/16",
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
        1 => select(vec!["10.1.0.99", "172.20.0.4"]).prop_map(NextHop::Address),
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
        ])
    };
    (
        any::<bool>(),
        any::<bool>(),
        select(vec!["'*'", "Tcp", "Icmp"]),
        side(),
        side(),
        select(vec!["['*']", "[443]", "[8, 22]", "[0-100]"]),
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
    (any::<bool>(), prop::option::weighted(0.3, 0_usize..3), role).prop_map(
        |(forwarding, group, role)| Machine {
            // Nobody sets the flag for a host; a few appliances lack it.
            forwarding: forwarding || role == "appliance",
            group,
            role,
        },
    )
}

fn subnet() -> impl Strategy<Value = Subnet> {
    (
        prop::option::weighted(0.6, 0_usize..3),
        prop::option::weighted(0.4, 0_usize..3),
        prop::collection::vec(machine(), 1..3),
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

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let vnet = (
        prop::bool::weighted(0.2),
        prop::collection::vec(subnet(), 1..3),
    )
        .prop_map(|(elsewhere, subnets)| Vnet { elsewhere, subnets });
    let table = prop::collection::vec((0..PREFIXES.len(), next_hop()), 0..4);
    (
        prop::collection::vec(vnet, 2..4),
        prop::collection::vec(pair(), 3),
        prop::collection::vec(table, 3),
        prop::collection::vec(prop::collection::vec(rule(), 0..4), 3),
        any::<bool>(),
        prop::option::weighted(0.3, prop::collection::vec(0_usize..8, 0..3)),
        options(),
    )
        .prop_map(
            |(vnets, links, tables, groups, gateway, pool, options)| Plan {
                vnets,
                links,
                tables,
                groups,
                gateway,
                pool,
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
        format!("10.{}.{s}.{}", v + 1, 4 + place)
    }

    pub(crate) fn scenario(&self) -> String {
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
        let options = self.options.join(", ");
        let _ = writeln!(text, "options: {{ {options} }}");
        text
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
                "  v{n}:\n    location: {region}\n    addressSpace: [10.{n}.0.0/16]\n    subnets:",
                n = v + 1
            );
            for (s, subnet) in vnet.subnets.iter().enumerate() {
                let _ = write!(text, "      s{s}: {{ prefix: 10.{}.{s}.0/24", v + 1);
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
        }
    }

    /// Links carry a state, as recorded ones do: what Azure would refuse is taken over.
    fn write_links(&self, text: &mut String) {
        text.push_str("peerings:\n");
        let count = self.vnets.len();
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a + 1, b + 1)));
        let mut any = false;
        for ((a, b), pair) in pairs.zip(&self.links) {
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
                format!(", remoteAddressSpace: [10.{b}.0.0/24]")
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
        text.push_str("virtualMachines:\n");
        for (m, (v, s, machine)) in machines.iter().enumerate() {
            let _ = write!(
                text,
                "  m{m}: {{ subnet: v{}/s{s}, nic: n{m}, ipForwarding: {}",
                v + 1,
                machine.forwarding
            );
            if let Some(group) = machine.group {
                let _ = write!(text, ", networkSecurityGroup: g{group}");
            }
            // members of a pool lie in the network of its frontend.
            if pool.contains(&m) && *v == 0 {
                text.push_str(", backendPools: [lb/pool]");
            }
            text.push_str(" }\n");
        }
        text.push_str("guests:\n");
        for (m, (.., machine)) in machines.iter().enumerate() {
            let _ = writeln!(text, "  m{m}: {{ role: {} }}", machine.role);
        }
    }
}
