//! From a network to its snapshot.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use fib::Fib;
use ipnet::Ipv4Net;
use model::table::{Key, Resource};
use model::{LinkId, Network, NextHopType, OutsidePlace, ResourceId, RouteTable, SubnetId, Table};
use rayon::prelude::*;

use crate::admin_rules::AdminRuleSets;
use crate::boundary;
use crate::effective_routes::{RouteView, Rows};
use crate::effective_rules::RuleSets;
use crate::firewalls::Firewall;
use crate::gateway_routes::GatewayRoutes;
use crate::guests::{Guests, internet_access};
use crate::internet_edge::{self, PublicAddresses};
use crate::load_balancers::{self, Frontends};
use crate::next_hop::Owners;
use crate::note::Note;
use crate::policies::Policies;
use crate::recompile::{Kept, Views};
use crate::service_tags::tag_view;
use crate::snapshot::{
    CompiledFib, FibEntry, FibId, NextHop, Nic, OutsideHost, Provenance, RouteTableNames, Snapshot,
    TagView, TagViewId,
};
use crate::wiring::Wiring;

/// What Azure's controller would program for this network. Generation 1.
pub fn compile(network: &Network) -> Snapshot {
    build(network, None, Extent::InUse)
}

/// The same with tables for subnets that hold no NIC and for security groups that are attached nowhere: for those who look at the
/// design and not at packets.
pub fn compile_design(network: &Network) -> Snapshot {
    build(network, None, Extent::Whole)
}

/// The same after changes of the network: the next generation. Tables that did not change are shared with the previous one.
///
/// After changes of routes, links and security rules alone, what does not depend on them is not looked at: the network knows what has
/// changed since the previous snapshot. Everything else, and a network in which that snapshot does not recognise its own, is compiled as
/// a whole.
pub fn recompile(network: &Network, previous: &Snapshot) -> Snapshot {
    crate::recompile::after(network, previous).unwrap_or_else(|| recompile_whole(network, previous))
}

/// The same without asking what has changed.
pub fn recompile_whole(network: &Network, previous: &Snapshot) -> Snapshot {
    build(network, Some(previous), Extent::InUse)
}

/// What gets a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What packets can meet.
    InUse,
    /// Everything.
    Whole,
}

#[expect(
    clippy::too_many_lines,
    reason = "one table of the snapshot after the other"
)]
fn build(network: &Network, previous: Option<&Snapshot>, extent: Extent) -> Snapshot {
    let generation = previous.map_or(1, |previous| previous.generation.wrapping_add(1));
    let wiring = Wiring::new(network);
    let gateway_routes = GatewayRoutes::new(&wiring);
    let mut public = PublicAddresses::of(network);
    let frontends = Frontends::new(network, &mut public);
    let owners = Owners::new(network, &frontends);

    let (views, fib_of_subnet) = route_views(&wiring, extent);
    let known: HashMap<&RouteView, (&Arc<CompiledFib>, &Arc<TagView>)> = previous
        .map(|previous| previous.fibs.iter().zip(previous.tag_views.iter()))
        .into_iter()
        .flatten()
        .map(|(fib, tags)| (&fib.view, (fib, tags)))
        .collect();
    let tables: Vec<Tables> = views
        .into_par_iter()
        .map(|view| {
            let previous = known.get(&view).copied();
            Tables::of(&wiring, &gateway_routes, &owners, view, previous)
        })
        .collect();
    let rules = RuleSets::new(
        &wiring,
        generation,
        previous.map_or(&[], |previous| &previous.rule_sets),
        extent,
    );
    let admin = AdminRuleSets::new(
        network,
        previous.map_or(&[], |previous| &previous.admin_rules),
    );

    let mut guests = Guests::default();
    let mut policies = Policies::default();
    let floating = frontends.floating();
    let nics = holes(network.nics(), |key, nic| {
        let fib = fib_of_subnet[nic.subnet().index()].expect("every subnet with a NIC has a view");
        let primary = nic.primary_address();
        let others = nic.addresses().filter(|&address| address != primary);
        Nic {
            addresses: std::iter::once(primary)
                .chain(others)
                .chain(floating.get(&key).into_iter().flatten().copied())
                .collect(),
            virtual_network: nic.virtual_network,
            subnet: nic.subnet(),
            fib: FibId(fib),
            tags: TagViewId(fib),
            policy: policies.of_nic(network, &rules, &admin, nic),
            ip_forwarding: nic.ip_forwarding,
            tcp_state_tracking_disabled: nic.tcp_state_tracking_disabled,
            guest: guests.behind(network, key, nic),
            mac_address: nic.mac_address,
            internet: internet_access(network, &frontends, key, nic),
        }
    });
    let outside_hosts = network.outside_hosts().map(|(station, host)| {
        let compiled = OutsideHost {
            address: host.address,
            place: host.place,
            guest: guests.outside(station),
        };
        (station, compiled)
    });
    let outside_hosts = Arc::new(outside_hosts.collect());
    let virtual_networks = holes(network.virtual_networks(), |key, _| {
        Arc::new(boundary::virtual_network(&wiring, &owners, key))
    });
    let links = holes(network.peerings(), |key, _| {
        Arc::new(boundary::link(&wiring, key))
    });
    let firewalls = holes(network.firewalls(), |_, firewall| {
        Firewall::new(network, &public, firewall)
    });
    let edge = internet_edge::edge(network, &frontends, &mut public, &nics);
    let others = [admin.notes, frontends.notes, public.notes];
    let kept = Kept {
        revision: network.revision(),
        extent,
        ends: Arc::clone(&wiring.ends),
        joints: Arc::clone(&wiring.joints),
        views: Arc::new(Views::of(
            network,
            tables.iter().map(|tables| &tables.fib.view),
        )),
        kinds: policies.kinds.into(),
        notes_of_tables: tables
            .iter()
            .map(|tables| Arc::clone(&tables.notes))
            .collect(),
        other_notes: others.concat().into(),
        owners: Arc::new(owners),
        rules,
        gateway_routes,
    };
    let provenance = provenance(network, kept.notes());
    let mut snapshot = Snapshot {
        generation,
        options: network.options.clone(),
        nics: nics.into(),
        policies: policies.list.into(),
        outside_hosts,
        sites: Arc::clone(&kept.gateway_routes.sites),
        profiles: Arc::clone(&kept.gateway_routes.profiles),
        guests: guests.guests.into(),
        fibs: tables
            .iter()
            .map(|tables| Arc::clone(&tables.fib))
            .collect(),
        tag_views: tables.into_iter().map(|tables| tables.tags).collect(),
        rule_sets: Arc::clone(&kept.rules.sets),
        admin_rules: admin.sets.into(),
        virtual_networks: virtual_networks.into(),
        links: links.into(),
        frontends: frontends.list.into(),
        edge: Arc::new(edge),
        gateways: Arc::clone(&kept.gateway_routes.gateways),
        firewalls: firewalls.into(),
        provenance,
        kept,
    };
    load_balancers::judge(&mut snapshot);
    snapshot
}

/// The distinct views of the subnets that hold a NIC, or of all, and by subnet the number of its view.
fn route_views(wiring: &Wiring<'_>, extent: Extent) -> (Vec<RouteView>, Vec<Option<u32>>) {
    let network = wiring.network;
    let mut views = Vec::new();
    let mut numbers: HashMap<RouteView, u32> = HashMap::new();
    let mut of_subnet: Vec<Option<u32>> = vec![None; network.subnets().capacity()];
    let subnets: BTreeSet<SubnetId> = match extent {
        Extent::InUse => network
            .nics()
            .values()
            .map(model::NetworkInterface::subnet)
            .collect(),
        Extent::Whole => network.subnets().keys().collect(),
    };
    for subnet in subnets {
        let number = *numbers
            .entry(RouteView::of_subnet(wiring, subnet))
            .or_insert_with_key(|view| {
                views.push(view.clone());
                u32::try_from(views.len() - 1).expect("fewer than 2^32 subnets")
            });
        of_subnet[subnet.index()] = Some(number);
    }
    (views, of_subnet)
}

/// The two tables of a view.
pub(crate) struct Tables {
    pub(crate) fib: Arc<CompiledFib>,
    pub(crate) tags: Arc<TagView>,
    pub(crate) notes: Arc<[Note]>,
}

impl Tables {
    pub(crate) fn of(
        wiring: &Wiring<'_>,
        gateway_routes: &GatewayRoutes,
        owners: &Owners,
        view: RouteView,
        previous: Option<(&Arc<CompiledFib>, &Arc<TagView>)>,
    ) -> Self {
        let vnet = view.virtual_network;
        let mut rows = Rows::of(wiring, gateway_routes, &view);
        let notes = std::mem::take(&mut rows.notes).into();
        // Many routes of a table lead to one appliance, which is looked for once.
        let mut known: Option<(Ipv4Addr, NextHop)> = None;
        let mut entry = |position: usize| {
            let row = &rows.routes()[position];
            let appliance = match (row.next_hop_type, &*row.next_hop_ips) {
                (NextHopType::VirtualAppliance, &[address]) => Some(address),
                _ => None,
            };
            let next_hop = match (known, appliance) {
                (Some((address, next_hop)), Some(wanted)) if address == wanted => next_hop,
                _ => owners.resolve(wiring, vnet, row),
            };
            if let Some(address) = appliance {
                known = Some((address, next_hop));
            }
            FibEntry {
                route: u16::try_from(position).expect("rows are cut off where 16 bits end"),
                next_hop,
            }
        };
        let sharing = rows.sharing();
        let mut shared: Vec<Vec<FibEntry>> = Vec::new();
        let entries: Vec<(Ipv4Net, FibEntry)> = rows
            .winners()
            .into_iter()
            .map(|(prefix, position)| {
                let winner = entry(position);
                if sharing.is_empty() {
                    return (prefix, winner);
                }
                let others = sharing.get(&prefix).filter(|rows| rows.contains(&position));
                let mut group: Vec<FibEntry> = Vec::new();
                for entry in others
                    .into_iter()
                    .flatten()
                    .map(|&position| entry(position))
                {
                    if !group.iter().any(|known| known.next_hop == entry.next_hop) {
                        group.push(entry);
                    }
                }
                if group.len() < 2 {
                    return (prefix, winner);
                }
                let number = u16::try_from(shared.len()).expect("fewer groups than rows");
                shared.push(group);
                let next_hop = NextHop::Shared(number);
                (prefix, FibEntry { next_hop, ..winner })
            })
            .collect();
        let tags = tag_view(wiring, vnet, rows.routes(), previous.map(|(_, old)| old));

        let old_fib = previous.map(|(old, _)| old).filter(|old| {
            old.routes == rows.routes()
                && old.shared == shared
                && old.table.len() == entries.len()
                && old
                    .table
                    .routes()
                    .zip(&entries)
                    .all(|((prefix, entry), new)| (prefix, *entry) == *new)
        });
        let fib = old_fib.map_or_else(
            || {
                let table =
                    Fib::build(entries).expect("a map has every prefix once, and rows fit 16 bits");
                Arc::new(CompiledFib {
                    view,
                    table,
                    shared,
                    routes: rows.into_routes(),
                })
            },
            Arc::clone,
        );
        Self { fib, tags, notes }
    }
}

/// A table by key, with a hole where a resource was deleted.
fn holes<K: Key, T: Resource, C>(
    table: &Table<K, T>,
    mut compile: impl FnMut(K, &T) -> C,
) -> Vec<Option<C>> {
    let mut compiled: Vec<Option<C>> = std::iter::repeat_with(|| None)
        .take(table.capacity())
        .collect();
    for (key, resource) in table.iter() {
        compiled[key.index()] = Some(compile(key, resource));
    }
    compiled
}

fn provenance(network: &Network, notes: Arc<[Note]>) -> Provenance {
    fn ids<K: Key, T: Resource>(table: &Table<K, T>) -> Arc<[Option<ResourceId>]> {
        holes(table, |_, resource| resource.id().clone()).into()
    }
    Provenance {
        nics: workers(network).into(),
        groups: ids(network.nsgs()),
        links: holes(network.peerings(), |key, _| name_of_link(network, key)).into(),
        gateways: ids(network.gateways()),
        connections: ids(network.connections()),
        firewalls: ids(network.firewalls()),
        route_servers: ids(network.route_servers()),
        virtual_networks: ids(network.virtual_networks()),
        public_ips: ids(network.public_ips()),
        nat_gateways: ids(network.nat_gateways()),
        load_balancers: ids(network.load_balancers()),
        route_tables: holes(network.route_tables(), |_, table| names_in(table)).into(),
        notes,
    }
}

/// P-9: what a classic network does not hold is changed at the one link of the pair.
pub(crate) fn name_of_link(network: &Network, link: LinkId) -> ResourceId {
    network.peerings()[network.visible_link(link)].id.clone()
}

pub(crate) fn names_in(table: &RouteTable) -> RouteTableNames {
    let names = table.routes.iter().map(|route| route.name.clone());
    (table.id.clone(), names.collect())
}

/// Ids of the NICs, and of hosts outside Azure, which are numbered with them.
fn workers(network: &Network) -> Vec<Option<ResourceId>> {
    let mut ids = holes(network.nics(), |_, nic| nic.id.clone());
    for (station, host) in network.outside_hosts() {
        let place = match host.place {
            OutsidePlace::OnPremises(site) => &network.on_premises()[site].id,
            OutsidePlace::VpnClient(gateway) => &network.gateways()[gateway].id,
            OutsidePlace::Internet => continue,
        };
        ids[station.index()] = Some(place.child("hosts", &host.name));
    }
    ids
}
