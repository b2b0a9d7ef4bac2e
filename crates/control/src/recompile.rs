//! The next snapshot after small changes: of routes, of peering links, of security rules. What depends on none of them is shared with the
//! previous snapshot without a look at it.
//!
//! [`crate::recompile_whole`] is the obvious twin: both make the same of every history.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::changes::Changes;
use model::journal::Revision;
use model::table::{Key, Resource};
use model::{LinkId, Network, RouteTableId, Table, VnetId};
use rayon::prelude::*;

use crate::boundary;
use crate::compile::{Extent, Tables, name_of_link, names_in};
use crate::effective_routes::RouteView;
use crate::effective_rules::RuleSets;
use crate::gateway_routes::GatewayRoutes;
use crate::load_balancers;
use crate::next_hop::Owners;
use crate::note::Note;
use crate::policies::KindOfNic;
use crate::shared::{lengthen, replace};
use crate::snapshot::{Policy, Snapshot};
use crate::wiring::{Joints, LinkEnds, Wiring};

/// What a snapshot keeps for the one after it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) revision: Revision,
    pub(crate) extent: Extent,
    pub(crate) ends: Arc<LinkEnds>,
    pub(crate) joints: Arc<Joints>,
    pub(crate) gateway_routes: GatewayRoutes,
    pub(crate) owners: Arc<Owners>,
    pub(crate) rules: RuleSets,
    pub(crate) views: Arc<Views>,
    /// By policy.
    pub(crate) kinds: Arc<[KindOfNic]>,
    /// By FIB.
    pub(crate) notes_of_tables: Arc<[Arc<[Note]>]>,
    /// Of what no change that is handled here can touch.
    pub(crate) other_notes: Arc<[Note]>,
}

impl Kept {
    /// All notes, sorted, each once.
    pub(crate) fn notes(&self) -> Arc<[Note]> {
        let parts = self.notes_of_tables.iter().chain(self.rules.notes.iter());
        let notes: BTreeSet<&Note> = parts
            .chain([&self.gateway_routes.notes, &self.other_notes])
            .flat_map(|notes| notes.iter())
            .collect();
        notes.into_iter().cloned().collect()
    }
}

/// Which FIBs depend on what, by number.
#[derive(Debug)]
pub(crate) struct Views {
    of_vnet: Vec<Vec<usize>>,
    of_table: Vec<Vec<usize>>,
}

impl Views {
    pub(crate) fn of<'a>(network: &Network, views: impl Iterator<Item = &'a RouteView>) -> Self {
        let mut of_vnet = vec![Vec::new(); network.virtual_networks().capacity()];
        let mut of_table = vec![Vec::new(); network.route_tables().capacity()];
        for (number, view) in views.enumerate() {
            of_vnet[view.virtual_network.index()].push(number);
            if let Some(table) = view.route_table {
                of_table[table.index()].push(number);
            }
        }
        Self { of_vnet, of_table }
    }
}

/// The snapshot of a network that has changed since the previous one; `None` if not only in the ways that are known here.
pub(crate) fn after(network: &Network, previous: &Snapshot) -> Option<Snapshot> {
    if previous.kept.extent != Extent::InUse || previous.options != network.options {
        return None;
    }
    let changes = network.changes_since(&previous.kept.revision)?;
    let routes_of_known_tables = changes.route_tables.iter().all(|&table| {
        is_known(
            network.route_tables(),
            table,
            &previous.provenance.route_tables,
        )
    });
    let rules_of_known_groups = changes
        .security_groups
        .iter()
        .all(|&group| is_known(network.nsgs(), group, &previous.provenance.groups));
    if changes.others || !routes_of_known_tables || !rules_of_known_groups {
        return None;
    }

    let mut snapshot = previous.clone();
    snapshot.generation = previous.generation.wrapping_add(1);
    snapshot.kept.revision = network.revision();
    let links = ChangedLinks::of(network, previous, &changes);
    let wiring = if links.changed.is_empty() {
        Wiring {
            network,
            ends: Arc::clone(&previous.kept.ends),
            joints: Arc::clone(&previous.kept.joints),
        }
    } else {
        let (ends, joints) = (&previous.kept.ends, &previous.kept.joints);
        Wiring::after_links(network, ends, joints, &links.changed, &links.pairs)
    };
    let mut step = Step {
        wiring,
        previous,
        snapshot,
        notes_have_changed: false,
        rules_have_changed: false,
    };
    let mut vnets = links.vnets.clone();
    if !links.changed.is_empty() {
        vnets.extend(step.gateways());
        step.links(&links);
    }
    step.rules(&changes, &links.vnets);
    step.tables(&changes.route_tables, &vnets);
    step.names_of_routes(&changes.route_tables);
    Some(step.finish())
}

/// Whether a resource was there before and still is.
fn is_known<K: Key, T: Resource, N>(table: &Table<K, T>, key: K, names: &[Option<N>]) -> bool {
    table.get(key).is_some() && names.get(key.index()).is_some_and(Option::is_some)
}

/// Links that have changed, and the networks at their ends, before or now.
#[derive(Debug, Default)]
struct ChangedLinks {
    changed: Vec<LinkId>,
    pairs: BTreeSet<(VnetId, VnetId)>,
    vnets: BTreeSet<VnetId>,
}

impl ChangedLinks {
    fn of(network: &Network, previous: &Snapshot, changes: &Changes) -> Self {
        let mut links = Self {
            changed: changes.peerings.clone(),
            ..Self::default()
        };
        for &key in &changes.peerings {
            let before = previous.link(key).map(|link| (link.local, link.remote));
            let now = network.peerings().get(key).map(|link| {
                let remote = network.virtual_networks().find(&link.remote);
                (link.virtual_network, remote)
            });
            for (local, remote) in [before, now].into_iter().flatten() {
                links.vnets.insert(local);
                if let Some(remote) = remote {
                    links.vnets.insert(remote);
                    links.pairs.insert((local.min(remote), local.max(remote)));
                }
            }
        }
        links
    }
}

/// A snapshot that is on its way from the previous one.
struct Step<'a> {
    wiring: Wiring<'a>,
    previous: &'a Snapshot,
    snapshot: Snapshot,
    notes_have_changed: bool,
    /// What members of load balancers say to probes may have changed.
    rules_have_changed: bool,
}

impl Step<'_> {
    /// What gateways know of networks behind links, and tell others. The answer holds the networks whose NICs may see other rows of
    /// gateways: those with a gateway that offers others, and those that links join to them.
    fn gateways(&mut self) -> BTreeSet<VnetId> {
        let network = self.wiring.network;
        self.snapshot.kept.ends = Arc::clone(&self.wiring.ends);
        if network.gateways().is_empty() && network.route_servers().is_empty() {
            return BTreeSet::new();
        }
        let routes = GatewayRoutes::new(&self.wiring);
        self.notes_have_changed |= routes.notes != self.previous.kept.gateway_routes.notes;
        let hubs: Vec<VnetId> = routes
            .changed_since(&self.previous.kept.gateway_routes)
            .collect();
        let snapshot = &mut self.snapshot;
        snapshot.gateways = Arc::clone(&routes.gateways);
        snapshot.sites = Arc::clone(&routes.sites);
        snapshot.profiles = Arc::clone(&routes.profiles);
        snapshot.kept.gateway_routes = routes;
        let spokes = hubs
            .iter()
            .flat_map(|&hub| &network.virtual_networks()[hub].peerings)
            .filter_map(|&link| self.wiring.remote(link));
        hubs.iter().copied().chain(spokes).collect()
    }

    /// The links between the ends of those that have changed, and what the networks at the ends know of their links.
    fn links(&mut self, links: &ChangedLinks) {
        let network = self.wiring.network;
        let capacity = network.peerings().capacity();
        lengthen(&mut self.snapshot.links, capacity, &None);
        lengthen(&mut self.snapshot.provenance.links, capacity, &None);
        for &link in &links.changed {
            let name = network
                .peerings()
                .get(link)
                .map(|_| name_of_link(network, link));
            if self.snapshot.provenance.links[link.index()] != name {
                replace(&mut self.snapshot.provenance.links, link.index(), name);
            }
        }
        let between = links.pairs.iter().flat_map(|&(one, other)| {
            let there = self.wiring.between(one, other);
            there.chain(self.wiring.between(other, one))
        });
        let to_compile: BTreeSet<LinkId> = between.chain(links.changed.iter().copied()).collect();
        for link in to_compile {
            let compiled = network
                .peerings()
                .get(link)
                .map(|_| Arc::new(boundary::link(&self.wiring, link)));
            replace(&mut self.snapshot.links, link.index(), compiled);
        }
        for &vnet in &links.vnets {
            let compiled =
                boundary::virtual_network(&self.wiring, &self.snapshot.kept.owners, vnet);
            let networks = &mut self.snapshot.virtual_networks;
            replace(networks, vnet.index(), Some(Arc::new(compiled)));
        }
    }

    /// Rules of groups, and of NICs without group whose network now shuts off other peers (F-4).
    fn rules(&mut self, changes: &Changes, vnets: &BTreeSet<VnetId>) {
        if changes.security_groups.is_empty() && vnets.is_empty() {
            return;
        }
        let network = self.wiring.network;
        let rules = &mut self.snapshot.kept.rules;
        let generation = self.snapshot.generation;
        let shut = rules.after(&self.wiring, generation, &changes.security_groups, vnets);
        self.rules_have_changed |= !changes.security_groups.is_empty() || !shut.is_empty();
        self.notes_have_changed |= !Arc::ptr_eq(&rules.notes, &self.previous.kept.rules.notes);
        self.snapshot.rule_sets = Arc::clone(&rules.sets);
        if shut.is_empty() {
            return;
        }
        for (number, &kind) in self.snapshot.kept.kinds.iter().enumerate() {
            if shut.contains(&network.subnets()[kind.subnet].virtual_network) {
                let admin = self.snapshot.policies[number].admin.clone();
                let policy = Policy::of(network, rules, admin, kind);
                replace(&mut self.snapshot.policies, number, policy);
            }
        }
    }

    /// The tables of views with these route tables, or in these networks.
    fn tables(&mut self, route_tables: &[RouteTableId], vnets: &BTreeSet<VnetId>) {
        /// Fewer are quicker done than handed to other threads.
        const FEW: usize = 8;
        let views = Arc::clone(&self.snapshot.kept.views);
        let of_tables = route_tables
            .iter()
            .flat_map(|key| &views.of_table[key.index()]);
        let of_vnets = vnets.iter().flat_map(|vnet| &views.of_vnet[vnet.index()]);
        let numbers: BTreeSet<usize> = of_tables.chain(of_vnets).copied().collect();
        let kept = &self.snapshot.kept;
        let compile = |number: usize| {
            let old = (
                &self.previous.fibs[number],
                &self.previous.tag_views[number],
            );
            let view = old.0.view.clone();
            let tables = Tables::of(
                &self.wiring,
                &kept.gateway_routes,
                &kept.owners,
                view,
                Some(old),
            );
            (number, tables)
        };
        let compiled: Vec<(usize, Tables)> = if numbers.len() < FEW {
            numbers.into_iter().map(compile).collect()
        } else {
            let numbers: Vec<usize> = numbers.into_iter().collect();
            numbers.into_par_iter().map(compile).collect()
        };
        for (number, tables) in compiled {
            let snapshot = &mut self.snapshot;
            if !Arc::ptr_eq(&snapshot.fibs[number], &tables.fib) {
                replace(&mut snapshot.fibs, number, tables.fib);
            }
            if !Arc::ptr_eq(&snapshot.tag_views[number], &tables.tags) {
                replace(&mut snapshot.tag_views, number, tables.tags);
                self.rules_have_changed = true;
            }
            if snapshot.kept.notes_of_tables[number] != tables.notes {
                replace(&mut snapshot.kept.notes_of_tables, number, tables.notes);
                self.notes_have_changed = true;
            }
        }
    }

    fn names_of_routes(&mut self, route_tables: &[RouteTableId]) {
        for &key in route_tables {
            let table = &self.wiring.network.route_tables()[key];
            let known = self.snapshot.provenance.route_tables[key.index()].as_ref();
            let same = known.is_some_and(|(_, names)| {
                names
                    .iter()
                    .eq(table.routes.iter().map(|route| &route.name))
            });
            if !same {
                let names = Some(names_in(table));
                replace(
                    &mut self.snapshot.provenance.route_tables,
                    key.index(),
                    names,
                );
            }
        }
    }

    fn finish(mut self) -> Snapshot {
        if self.notes_have_changed {
            self.snapshot.provenance.notes = self.snapshot.kept.notes();
        }
        if self.rules_have_changed {
            load_balancers::judge(&mut self.snapshot);
        }
        self.snapshot
    }
}
