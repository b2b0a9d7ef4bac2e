//! User routes that lead nowhere (R-23 to R-27, G-5), and `None` rows that swallow what looks intended.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use control::snapshot::{CompiledFib, GuestKind, NextHop, Nic, RouteOrigin};
use ipnet::Ipv4Net;
use model::table::Resource;
use model::{Network, NextHopType, NicId, ResourceId, RouteTableId, VnetId};

use super::{Check, Design, Finding, Severity};
use crate::commands::group_of;
use crate::object::short;
use crate::way_out::WayOut;
use crate::ways_out::ip_forwarding;

const NOBODY: Check = Check {
    id: "next-hop-nobody",
    severity: Severity::Error,
    rule: "R-26",
    title: "The next hop of a user route is an address that nobody owns.",
};
const UNREACHABLE: Check = Check {
    id: "next-hop-unreachable",
    severity: Severity::Error,
    rule: "R-24",
    title: "The next hop of a user route lies outside the own and the directly peered networks.",
};
const NO_FORWARDING: Check = Check {
    id: "next-hop-without-ip-forwarding",
    severity: Severity::Error,
    rule: "R-26, N-1",
    title: "The next hop of a user route is a NIC without IP forwarding.",
};
const HOST: Check = Check {
    id: "next-hop-does-not-route",
    severity: Severity::Error,
    rule: "R-26",
    title: "The guest behind the next hop of a user route does not forward packets.",
};
const STOPPED: Check = Check {
    id: "next-hop-stopped",
    severity: Severity::Error,
    rule: "R-26",
    title: "No running machine stands behind the next hop of a user route.",
};
const EMPTY_POOL: Check = Check {
    id: "next-hop-without-backend",
    severity: Severity::Error,
    rule: "R-25",
    title: "The next hop of a user route is a load balancer without a running member.",
};
const NO_GATEWAY: Check = Check {
    id: "next-hop-without-gateway",
    severity: Severity::Error,
    rule: "R-23, G-5",
    title: "A user route leads to a virtual network gateway, and there is none to use.",
};
const OUTSIDE_OWN: Check = Check {
    id: "vnet-local-outside-network",
    severity: Severity::Warning,
    rule: "R-23",
    title: "A user route with next hop VnetLocal is for addresses outside the network: nobody is there.",
};
const LOOP: Check = Check {
    id: "next-hop-loop",
    severity: Severity::Error,
    rule: "R-27",
    title: "A user route on the subnet of an appliance leads the appliance's packets back to itself.",
};
const TO_NONE: Check = Check {
    id: "route-to-none",
    severity: Severity::Warning,
    rule: "R-23",
    title: "A user route drops packets to addresses that are in use.",
};

pub(super) const CHECKS: &[&Check] = &[
    &NOBODY,
    &UNREACHABLE,
    &NO_FORWARDING,
    &HOST,
    &STOPPED,
    &EMPTY_POOL,
    &NO_GATEWAY,
    &OUTSIDE_OWN,
    &LOOP,
    &TO_NONE,
];

/// A NIC that stands behind the next hop of a route.
pub(super) struct Appliance {
    pub(super) nic: NicId,
    /// Its network.
    pub(super) vnet: VnetId,
    /// It puts its own address in place of the source.
    pub(super) translates: bool,
}

/// The NICs behind a next hop, if it is an address.
pub(super) fn appliances(design: Design<'_>, next_hop: NextHop) -> Vec<Appliance> {
    let nics = match next_hop {
        NextHop::Nic(nic) => vec![nic],
        NextHop::Frontend(frontend) => design.snapshot.frontend(frontend).nics(),
        _ => Vec::new(),
    };
    nics.into_iter()
        .filter_map(|nic| {
            let compiled = design.snapshot.nic(nic)?;
            Some(Appliance {
                nic,
                vnet: compiled.virtual_network,
                translates: matches!(
                    design.snapshot.guest_of(compiled).kind,
                    GuestKind::Appliance {
                        source_nat: true,
                        ..
                    }
                ),
            })
        })
        .collect()
}

/// An address that stands for a subnet: its first host (N-4).
pub(super) fn first_host(prefix: Ipv4Net) -> Ipv4Addr {
    u32::from(prefix.network()).saturating_add(4).into()
}

/// The id of a route of a table.
pub(super) fn route_id(
    network: &Network,
    table: RouteTableId,
    position: u16,
) -> Option<ResourceId> {
    let table = network.route_tables().get(table)?;
    let route = table.routes.get(usize::from(position))?;
    Some(table.id.child("routes", &route.name))
}

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    // Views that differ in service endpoints only say the same.
    let mut seen = BTreeSet::new();
    for fib in design.snapshot.fibs.iter() {
        for (prefix, entry) in fib.table.routes() {
            let row = &fib.routes[usize::from(entry.route)];
            let RouteOrigin::User(table, position) = row.origin else {
                continue;
            };
            if !seen.insert((fib.view.virtual_network, table, position)) {
                continue;
            }
            let Some(id) = route_id(design.network, table, position) else {
                continue;
            };
            let route = UserRoute {
                design,
                fib,
                id,
                prefix,
                address: row.next_hop_ips.first().copied(),
                next_hop_type: row.next_hop_type,
            };
            findings.extend(route.judge(entry.next_hop));
            findings.extend(route.judge_loop(entry.next_hop));
        }
    }
}

/// A user route as the subnets of one network have it.
struct UserRoute<'a> {
    design: Design<'a>,
    fib: &'a CompiledFib,
    id: ResourceId,
    prefix: Ipv4Net,
    address: Option<Ipv4Addr>,
    next_hop_type: NextHopType,
}

impl UserRoute<'_> {
    fn judge(&self, next_hop: NextHop) -> Option<Finding> {
        let vnet = self.vnet();
        match next_hop {
            NextHop::NobodyThere => Some(self.finding(
                &NOBODY,
                &format!("leads to {}, which nobody owns", self.shown_address()),
                [
                    WayOut::new(format!("Give {} to an appliance.", self.shown_address())),
                    self.correct(),
                ],
            )),
            NextHop::Unreachable => Some(self.finding(
                &UNREACHABLE,
                &format!(
                    "leads to {}, which is neither in {vnet} nor in a network with a Connected link; other routes are not asked for a next hop",
                    self.shown_address()
                ),
                [self.correct()],
            )),
            NextHop::NoGateway => Some(self.finding(
                &NO_GATEWAY,
                &format!("leads to a virtual network gateway, and {vnet} has none to use"),
                [WayOut::new(format!(
                    "Create a VPN gateway in {vnet}, or use that of a peered network: allowGatewayTransit there, useRemoteGateways here (F-11)."
                ))],
            )),
            NextHop::TransitOff(link) => {
                let link = &self.design.network.peerings()[link].id;
                let finding = self.finding(
                    &NO_GATEWAY,
                    &format!(
                        "leads to a virtual network gateway; there is one behind link {}, but the flags of the two links do not pair",
                        short(link.as_str())
                    ),
                    [WayOut::new(
                        "Let the flags pair: allowGatewayTransit on the link of the gateway's network, useRemoteGateways on this side (F-11).",
                    )],
                );
                Some(finding.related([link.clone()]))
            }
            NextHop::Frontend(frontend) => {
                let frontend = self.design.snapshot.frontend(frontend);
                let alive = frontend.nics().into_iter().any(|nic| {
                    self.design
                        .snapshot
                        .nic(nic)
                        .is_some_and(|nic| self.is_running(nic))
                });
                if alive {
                    return None;
                }
                let balancer = &self.design.network.load_balancers()[frontend.balancer].id;
                let finding = self.finding(
                    &EMPTY_POOL,
                    &format!(
                        "leads to {}, a frontend of {} without a running member",
                        self.shown_address(),
                        balancer.name()
                    ),
                    [WayOut::new(format!(
                        "Add a running NIC to the back-end pool of {}.",
                        balancer.name()
                    ))],
                );
                Some(finding.related([balancer.clone()]))
            }
            NextHop::Nic(nic) => self.judge_nic(nic),
            NextHop::Local if self.next_hop_type == NextHopType::VnetLocal => {
                let own = &self.design.network.virtual_networks()[self.fib.view.virtual_network];
                let inside = own
                    .address_space
                    .prefixes()
                    .iter()
                    .any(|space| space.contains(&self.prefix) || self.prefix.contains(space));
                (!inside).then(|| {
                    self.finding(
                        &OUTSIDE_OWN,
                        &format!("has next hop VnetLocal, but {vnet} has no address in {}", self.prefix),
                        [self.correct()],
                    )
                })
            }
            NextHop::Discard => self.judge_none(),
            _ => None,
        }
    }

    fn judge_nic(&self, key: NicId) -> Option<Finding> {
        let nic = self.design.snapshot.nic(key)?;
        let id = &self.design.network.nics()[key].id;
        let guest = self.design.snapshot.guest_of(nic);
        let there = format!("leads to {} ({})", self.shown_address(), id.name());
        let finding = if !nic.ip_forwarding {
            self.finding(
                &NO_FORWARDING,
                &format!(
                    "{there}, whose IP forwarding is off: packets for others are dropped there"
                ),
                [ip_forwarding(id), self.correct()],
            )
        } else if guest.kind == GuestKind::Nobody {
            self.finding(
                &STOPPED,
                &format!("{there}, which is attached to no machine"),
                [WayOut::new(format!(
                    "Attach {} to a running VM.",
                    id.name()
                ))],
            )
        } else if !guest.running {
            self.finding(
                &STOPPED,
                &format!("{there}, whose machine is stopped: nothing takes over"),
                [WayOut::new(format!("Start the machine of {}.", id.name()))],
            )
        } else if matches!(guest.kind, GuestKind::Host(_)) {
            self.finding(
                &HOST,
                &format!("{there}, whose guest does not forward"),
                [WayOut::new(format!(
                    "Let the guest behind {} forward: net.ipv4.ip_forward=1 in Linux; `role: appliance` in a scenario.",
                    id.name()
                ))],
            )
        } else {
            return None;
        };
        Some(finding.related([id.clone()]))
    }

    fn is_running(&self, nic: &Nic) -> bool {
        self.design.snapshot.guest_of(nic).running
    }

    /// A route to `None` is a black hole if somebody lives there: in the own network or behind a link.
    fn judge_none(&self) -> Option<Finding> {
        let network = self.design.network;
        let own = &network.virtual_networks()[self.fib.view.virtual_network];
        let peers = own.peerings.iter().map(|&link| {
            let link = &network.peerings()[link];
            (link.remote.clone(), link.remote_address_space.as_slice())
        });
        let spaces = std::iter::once((own.id.clone(), own.address_space.prefixes())).chain(peers);
        // Wider routes lose to the rows of those networks.
        let caught: Vec<ResourceId> = spaces
            .filter(|(_, space)| space.iter().any(|space| space.contains(&self.prefix)))
            .map(|(id, _)| id)
            .collect();
        let first = caught.first()?;
        let finding = self.finding(
            &TO_NONE,
            &format!("drops packets to {}, which is part of {}", self.prefix, first.name()),
            [WayOut::new("If that is meant, a security rule says it more clearly; else give the route another next hop.")],
        );
        Some(finding.related(caught))
    }

    /// the appliance's own subnet has the route, too.
    fn judge_loop(&self, next_hop: NextHop) -> Option<Finding> {
        let nic = appliances(self.design, next_hop)
            .into_iter()
            .find(|appliance| {
                let nic = self.design.snapshot.nic(appliance.nic);
                nic.is_some_and(|nic| std::ptr::eq(self.design.snapshot.fib_of(nic), self.fib))
            })?;
        let id = self.design.network.nics()[nic.nic].id.clone();
        let finding = self.finding(
            &LOOP,
            &format!(
                "is on the subnet of its own next hop {}: what the appliance sends to {} comes back to it until the time to live ends",
                id.name(),
                self.prefix
            ),
            [WayOut::new(
                "Move the appliance to a subnet without this route table.",
            )],
        );
        Some(finding.related([id]))
    }

    fn finding(
        &self,
        check: &'static Check,
        what: &str,
        ways_out: impl IntoIterator<Item = WayOut>,
    ) -> Finding {
        let message = format!(
            "Route {} ({}) of {} {what} (subnets of {}).",
            self.id.name(),
            self.prefix,
            self.id.parent().as_ref().map_or("", ResourceId::name),
            self.vnet()
        );
        Finding::new(check, &self.id, message).mended_by(ways_out)
    }

    fn correct(&self) -> WayOut {
        let table = self.id.parent().unwrap_or_else(|| self.id.clone());
        WayOut::with(
            "Correct the next hop.",
            [format!(
                "az network route-table route update -g {} --route-table-name {} -n {} --next-hop-type VirtualAppliance --next-hop-ip-address <address>",
                group_of(&table),
                table.name(),
                self.id.name()
            )],
        )
    }

    fn vnet(&self) -> &str {
        self.design.network.virtual_networks()[self.fib.view.virtual_network].name()
    }

    fn shown_address(&self) -> String {
        self.address
            .map_or_else(|| "no address".to_owned(), |address| address.to_string())
    }
}
