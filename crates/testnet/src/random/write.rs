//! Plans written down as scenarios.

use std::fmt::Write as _;

use super::{Balancer, Flags, Machine, NextHop, POLICIES, PREFIXES, Pair, Plan};

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
        self.write_devices(&mut text);
        self.write_admin(&mut text);
        let options = self.options.join(", ");
        let _ = writeln!(text, "options: {{ {options} }}");
        text
    }

    fn write_devices(&self, text: &mut String) {
        if self.gateway > 0 {
            let instances = vec!["{}"; self.gateway].join(", ");
            let _ = writeln!(
                text,
                "virtualNetworkGateways:\n  gw: {{ subnet: v1/GatewaySubnet, gatewayType: Vpn, activeActive: {}, instances: [{instances}] }}\nonPremises:\n  site: {{ gateway: gw, prefixes: [192.168.0.0/16], hosts: {{ pc: 192.168.0.10, printer: 192.168.1.4 }} }}",
                self.gateway > 1
            );
        }
        if self.balancers().next().is_some() {
            text.push_str("loadBalancers:\n");
        }
        for (b, balancer) in self.balancers() {
            let rule = if balancer.one_port {
                "protocol: Tcp, frontendPort: 443, backendPort: 443"
            } else {
                "protocol: All, frontendPort: 0, backendPort: 0"
            };
            let _ = writeln!(
                text,
                "  lb{b}:\n    sku: Standard\n    frontends: {{ front: {{ subnet: v{}/s0, address: {} }} }}\n    pools: [pool]\n    rules: [ {{ name: all, frontend: front, pool: pool, {rule} }} ]",
                b + 1,
                self.frontend(b)
            );
        }
        if self.route_server {
            text.push_str("routeServers:\n  rs: { subnet: v1/RouteServerSubnet, peers: { one: { address: 10.1.0.4, asn: 65001 }, two: { address: 10.1.0.5, asn: 65002 } } }\nlearnedRoutes:\n  rs/one: [{ network: 10.0.0.0/8, asPath: '65001' }, { network: 10.3.0.0/16, asPath: '65001' }]\n  rs/two: [{ network: 10.0.0.0/8, asPath: '65002' }, { network: 10.3.0.0/16, asPath: '65002' }]\n");
        }
        if let Some(policy) = self.firewall {
            let _ = writeln!(
                text,
                "publicIPAddresses: {{ fw-ip: {{ address: 20.50.1.1, sku: Standard }} }}\nazureFirewalls: {{ fw: {{ subnet: v1/AzureFirewallSubnet, publicIp: fw-ip, policy: p }} }}\nfirewallPolicies:\n  p:\n    ruleCollectionGroups:\n      g:\n        priority: 100\n        ruleCollections: [ {} ]",
                POLICIES[policy]
            );
        }
    }

    /// The load balancers with the number of their network. Two networks of one space would have the same frontend.
    fn balancers(&self) -> impl Iterator<Item = (usize, &Balancer)> {
        let balancers = self.balancers.iter().enumerate();
        balancers.filter_map(|(b, balancer)| Some((b, balancer.as_ref()?)))
    }

    fn frontend(&self, vnet: usize) -> String {
        format!("10.{}.0.{}", self.block(vnet), 200 + vnet)
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
            if v == 0 && self.gateway > 0 {
                text.push_str("      GatewaySubnet: 10.1.255.0/27\n");
            }
            if v == 0 && self.firewall.is_some() {
                text.push_str("      AzureFirewallSubnet: 10.1.254.0/26\n");
            }
            if v == 0 && self.route_server {
                text.push_str("      RouteServerSubnet: 10.1.253.0/26\n");
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
                    NextHop::Balancer(vnet) => format!("VirtualAppliance {}", self.frontend(*vnet)),
                    NextHop::Firewall => "VirtualAppliance 10.1.254.4".to_owned(),
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
        // members of a pool lie in the network of its frontend.
        let pools: Vec<(usize, usize)> = self
            .balancers()
            .flat_map(|(b, balancer)| {
                let there: Vec<usize> = (0..machines.len())
                    .filter(|&machine| machines[machine].0 == b)
                    .collect();
                let members = balancer.members.iter();
                members
                    .map(|member| (b, there[member % there.len()]))
                    .collect::<Vec<_>>()
            })
            .collect();
        text.push_str("networkInterfaces:\n");
        for (m, &(v, s, machine)) in machines.iter().enumerate() {
            let address = self.address(m);
            let mut rest = format!(", ipForwarding: {}", machine.forwarding);
            if let Some(group) = machine.group {
                let _ = write!(rest, ", networkSecurityGroup: g{group}");
            }
            let pool = pools.iter().find(|&&(_, member)| member == m);
            let pooled = pool.map_or(String::new(), |(b, _)| {
                format!(", backendPools: [lb{b}/pool]")
            });
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
