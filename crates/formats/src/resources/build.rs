//! The order in which resources are created, and how they find each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use model::table::{Key, Resource};
use model::{
    FrontendRequest, Location, Network, OperationError, RequestedAddress, ResourceId, SubnetId,
    Table,
};

use super::delivery::AddressHolderDraft;
use super::firewall::FirewallDraft;
use super::gateway::GatewayDraft;
use super::interface::NicDraft;
use super::kind::Kind;
use super::load_balancer::LoadBalancerDraft;
use super::private_endpoint::{self, PrivateEndpointDraft};
use super::reader::{Reader, Reference};
use super::route_server::{ApplianceDraft, RouteServerDraft};
use super::scenario_only::Additions;
use super::view::View;
use super::{Collection, Record};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::locations::Locations;
use crate::source::Span;

/// What was read and what was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Resources in the input, whatever their type.
    pub resources: usize,
    /// Resources by type that cannot change a verdict, with their number.
    pub irrelevant: BTreeMap<String, usize>,
    /// Resources by type that are not simulated and could change a verdict, with their number.
    pub unsupported: BTreeMap<String, usize>,
}

/// What came of all resources.
#[derive(Debug)]
pub struct Built {
    /// The network.
    pub network: Network,
    /// What was passed over.
    pub summary: Summary,
    /// Where the resources stand.
    pub locations: Locations,
}

/// Creates a network of all resources. Problems go to `diagnostics`; after one that concerns a single resource the others are still
/// read, so that one run tells everything.
pub fn build(
    collection: &Collection,
    additions: &Additions,
    diagnostics: &mut Diagnostics,
) -> Built {
    let mut network = Network::default();
    network.options.clone_from(&additions.options);
    let mut builder = Builder {
        network,
        reader: Reader::new(diagnostics),
        collection,
        children: Children::of(collection),
        failed: HashSet::new(),
        names: None,
        locations: Locations::with_capacity(2 * collection.len()),
        tags_are_listed: !additions.service_tag_lists.is_empty(),
    };
    for record in collection.records() {
        builder.locations.note(&record.id, record.span);
    }
    builder.reader.told.clone_from(&additions.told);
    builder.run(additions);
    builder.reader.finish();
    let Builder {
        network, locations, ..
    } = builder;
    Built {
        network,
        summary: summarise(collection, diagnostics),
        locations,
    }
}

pub(super) struct Builder<'a> {
    pub(super) network: Network,
    pub(super) reader: Reader<'a>,
    pub(super) collection: &'a Collection,
    children: Children<'a>,
    /// Resources that were not created because of a problem that was told: references to them are no further problem.
    failed: HashSet<ResourceId>,
    names: Option<HashMap<(Kind, String), Vec<ResourceId>>>,
    pub(super) locations: Locations,
    /// A list of service tags was given, so a tag that is unknown is a mistake (T-8).
    pub(super) tags_are_listed: bool,
}

/// Subnets, links, routes and rules that are resources of their own, by the resource that holds them.
struct Children<'a>(HashMap<&'a ResourceId, Vec<&'a Record>>);

/// A subnet, link, route or rule, wherever it was written.
pub(super) struct Child<'a> {
    pub(super) id: ResourceId,
    pub(super) view: View<'a>,
}

impl Builder<'_> {
    fn run(&mut self, additions: &Additions) {
        self.service_tags(additions);
        self.report_orphans();
        self.public_ips();
        self.ip_groups();
        self.firewall_policies();
        self.remark_on_threat_intelligence();
        self.application_security_groups();
        self.route_tables();
        self.security_groups();
        self.nat_gateways();
        self.virtual_networks();
        self.network_managers(&additions.deployments);
        self.local_gateways();
        self.holders_of_addresses();
        self.virtual_machines();
        self.connections();
        self.peerings(&additions.peerings);
        self.report_missing_spokes();
        self.private_dns_zones();
        self.security_checks(&additions.assumed_locations);
        self.additions(additions);
        self.network.connect_internet(model::outside::INTERNET_HOST);
    }

    /// Everything that holds an address of a subnet. Static addresses are announced first, then the dynamic ones are given in the
    /// order of the files, whatever the kind (N-4); only then the resources are created, load balancers before the NICs in their pools.
    fn holders_of_addresses(&mut self) {
        let collection = self.collection;
        let mut drafts: Vec<Draft<'_>> = collection
            .records()
            .iter()
            .filter_map(|record| self.draft(record))
            .collect();
        for draft in &mut drafts {
            draft.each_address(|subnet, wanted| {
                if let RequestedAddress::Static(address) | RequestedAddress::Assigned(address) =
                    *wanted
                {
                    self.network.announce_address(subnet, address);
                }
            });
        }
        for draft in &mut drafts {
            draft.each_address(|subnet, wanted| {
                if *wanted == RequestedAddress::FirstFree
                    && let Some(address) = self.network.reserve_first_free(subnet)
                {
                    *wanted = RequestedAddress::Assigned(address);
                }
            });
        }
        drafts.sort_by_key(|draft| match draft {
            Draft::LoadBalancer(_) => 0,
            Draft::PrivateEndpoint(_) => 2, // its NIC may be one of the others
            _ => 1,
        });
        for draft in drafts {
            match draft {
                Draft::LoadBalancer(draft) => self.create_load_balancer(draft),
                Draft::Nic(draft) => self.create_nic(draft),
                Draft::Firewall(draft) => self.create_firewall(draft),
                Draft::Gateway(draft) => self.create_gateway(draft),
                Draft::RouteServer(draft) => self.create_route_server(draft),
                Draft::Appliance(draft) => self.create_network_appliance(draft),
                Draft::PrivateEndpoint(draft) => self.create_private_endpoint(draft),
                Draft::AddressHolder(draft) => self.create_address_holder(&draft),
            }
        }
    }

    fn draft<'a>(&mut self, record: &'a Record) -> Option<Draft<'a>> {
        let view = match record.kind {
            Kind::NetworkInterface
            | Kind::LoadBalancer
            | Kind::AzureFirewall
            | Kind::VirtualNetworkGateway
            | Kind::RouteServer
            | Kind::VirtualNetworkAppliance
            | Kind::BastionHost
            | Kind::PrivateEndpoint
            | Kind::ApplicationGateway => self.open(record),
            _ => return None,
        };
        let draft = match record.kind {
            Kind::NetworkInterface => self.nic(record, &view).map(Draft::Nic),
            Kind::LoadBalancer => Some(Draft::LoadBalancer(self.load_balancer(record, &view))),
            Kind::AzureFirewall => self.firewall(record, &view).map(Draft::Firewall),
            Kind::VirtualNetworkGateway => self.gateway(record, &view).map(Draft::Gateway),
            Kind::VirtualNetworkAppliance => {
                self.network_appliance(record, &view).map(Draft::Appliance)
            }
            Kind::RouteServer => self.route_server(record, &view).map(Draft::RouteServer),
            Kind::PrivateEndpoint => self
                .private_endpoint(record, &view)
                .map(Draft::PrivateEndpoint),
            _ => Some(Draft::AddressHolder(self.address_holder(record, &view))),
        };
        if draft.is_none() {
            self.failed.insert(record.id.clone());
        }
        draft
    }
}

/// A resource that is read but waits for its addresses.
enum Draft<'a> {
    Nic(NicDraft<'a>),
    LoadBalancer(LoadBalancerDraft),
    Firewall(FirewallDraft),
    Gateway(GatewayDraft),
    RouteServer(RouteServerDraft),
    Appliance(ApplianceDraft),
    PrivateEndpoint(PrivateEndpointDraft),
    AddressHolder(AddressHolderDraft),
}

impl Draft<'_> {
    fn each_address(&mut self, mut act: impl FnMut(SubnetId, &mut RequestedAddress)) {
        match self {
            Self::Nic(draft) => {
                for configuration in &mut draft.request.ip_configurations {
                    act(configuration.subnet, &mut configuration.address);
                }
            }
            Self::LoadBalancer(draft) => {
                for (_, frontend) in &mut draft.request.frontends {
                    if let FrontendRequest::Private(subnet, wanted) = frontend {
                        act(*subnet, wanted);
                    }
                }
            }
            Self::Firewall(draft) => {
                let (subnet, wanted) = draft.wanted();
                act(subnet, wanted);
            }
            Self::Gateway(draft) => {
                let subnet = draft.request.subnet;
                draft
                    .request
                    .instances
                    .iter_mut()
                    .for_each(|(_, wanted)| act(subnet, wanted));
            }
            Self::Appliance(draft) => {
                for configuration in &mut draft.configurations {
                    act(configuration.subnet, &mut configuration.address);
                }
            }
            Self::RouteServer(draft) => {
                let subnet = draft.request.subnet;
                let instances = &mut draft.request.instances;
                for wanted in instances {
                    act(subnet, wanted);
                }
            }
            Self::PrivateEndpoint(draft) => {
                if let private_endpoint::Place::Subnet(subnet, addresses) = &mut draft.place {
                    for wanted in addresses {
                        act(*subnet, wanted);
                    }
                }
            }
            Self::AddressHolder(draft) => {
                draft
                    .claims
                    .iter_mut()
                    .for_each(|(subnet, wanted, _)| act(*subnet, wanted));
            }
        }
    }
}

/// What the readers of all kinds share.
impl<'b> Builder<'b> {
    /// Begins to read a resource: what is wrong from now on is wrong with it.
    pub(super) fn open<'a>(&mut self, record: &'a Record) -> View<'a> {
        self.reader.begin(&record.id, record.origin);
        View::of_resource(&record.documents, record.span)
    }

    /// Remembers that a resource was not created, because of a problem that was told.
    pub(super) fn give_up(&mut self, id: &ResourceId) {
        self.failed.insert(id.clone());
    }

    /// Takes the result of an operation of the network. A refusal is told at `span`, and the resource counts as failed.
    pub(super) fn created<T>(
        &mut self,
        id: &ResourceId,
        span: Span,
        result: Result<T, OperationError>,
    ) -> Option<T> {
        match result {
            Ok(made) => Some(made),
            Err(error) => {
                self.reader.refused(&error, span);
                self.failed.insert(id.clone());
                None
            }
        }
    }

    /// The region of a resource.
    pub(super) fn location(&mut self, view: &View<'_>) -> Location {
        Location::new(self.reader.label(view, "location").unwrap_or_default())
    }

    /// The key of a resource that another one refers to. What is not in the input is an error, unless its own problem was told.
    pub(super) fn lookup<K: Key, T: Resource>(
        &mut self,
        reference: &Reference<'_>,
        kind: Kind,
        table: impl Fn(&Network) -> &Table<K, T>,
    ) -> Option<K> {
        let id = self.resolve(reference, kind)?;
        let key = table(&self.network).find(&id);
        if key.is_none() {
            self.dangling(reference, &id, kind, Severity::Error);
        }
        key
    }

    /// The key of a resource under `key`, if there is a reference and what it refers to.
    pub(super) fn optional<K: Key, T: Resource>(
        &mut self,
        view: &View<'_>,
        key: &str,
        kind: Kind,
        table: impl Fn(&Network) -> &Table<K, T>,
    ) -> Option<K> {
        let reference = self.reader.reference(view, key, kind)?;
        self.lookup(&reference, kind, table)
    }

    /// The key of a resource that has to be named under `key`.
    pub(super) fn required<K: Key, T: Resource>(
        &mut self,
        view: &View<'_>,
        key: &str,
        kind: Kind,
        table: impl Fn(&Network) -> &Table<K, T>,
    ) -> Option<K> {
        if view.get(key).is_none() {
            self.reader.missing(view, key, kind.noun());
        }
        self.optional(view, key, kind, table)
    }

    /// The id that a reference means: it is a full id or, in a scenario, the name of a resource of that kind.
    pub(super) fn resolve(&mut self, reference: &Reference<'_>, kind: Kind) -> Option<ResourceId> {
        let text = reference.text.trim();
        if text.starts_with('/') {
            return match ResourceId::parse(text) {
                Ok(id) => Some(id),
                Err(error) => {
                    self.not_an_id(reference, kind, &error.to_string());
                    None
                }
            };
        }
        // A child is named by its parent and itself: VNET/SUBNET.
        let (parent, child) = match (kind.parent(), text.rsplit_once('/')) {
            (Some(parent), Some((name, child))) => (parent, Some((name, child))),
            (Some(_), None) => {
                self.not_an_id(
                    reference,
                    kind,
                    &format!(
                        "'{text}' names no {}",
                        kind.noun().split_once(' ').map_or("", |(_, noun)| noun)
                    ),
                );
                return None;
            }
            (None, _) => (kind, None),
        };
        let name = child.map_or(text, |(name, _)| name);
        let candidates = self.named(parent, name);
        match candidates.as_slice() {
            [id] => Some(match child {
                Some((_, child)) => id.child(
                    kind.resource_type().rsplit('/').next().unwrap_or_default(),
                    child,
                ),
                None => id.clone(),
            }),
            [] => {
                self.unknown_name(reference, parent, name);
                None
            }
            several => {
                let listed: Vec<&str> = several.iter().map(ResourceId::as_str).collect();
                let message = format!(
                    "{} names {} resources: '{name}' is not unique",
                    reference.path,
                    several.len()
                );
                let problem = Diagnostic::error(Code::AmbiguousName, message)
                    .at(reference.span)
                    .property(&*reference.path);
                self.reader.push(
                    problem
                        .value(text)
                        .expected(format!("one of the ids {}", listed.join(", "))),
                );
                None
            }
        }
    }

    fn named(&mut self, kind: Kind, name: &str) -> Vec<ResourceId> {
        let collection = self.collection;
        let names = self.names.get_or_insert_with(|| {
            let mut names: HashMap<(Kind, String), Vec<ResourceId>> = HashMap::new();
            for record in collection.records() {
                names
                    .entry((record.kind, record.id.name().to_ascii_lowercase()))
                    .or_default()
                    .push(record.id.clone());
            }
            names
        });
        names
            .get(&(kind, name.to_ascii_lowercase()))
            .cloned()
            .unwrap_or_default()
    }

    fn unknown_name(&mut self, reference: &Reference<'_>, kind: Kind, name: &str) {
        let wanted = name.to_ascii_lowercase();
        let collection = self.collection;
        let close = collection
            .of_kind(kind)
            .map(|record| {
                (
                    strsim::levenshtein(&record.id.name().to_ascii_lowercase(), &wanted),
                    record.id.name(),
                )
            })
            .filter(|&(distance, _)| distance <= wanted.len() / 3 + 1)
            .min();
        let expected = match close {
            Some((_, similar)) => format!("{} of the input, perhaps '{similar}'", kind.noun()),
            None => format!("{} of the input", kind.noun()),
        };
        let message = format!(
            "{} names '{name}', and there is no such resource",
            reference.path
        );
        let problem = Diagnostic::error(Code::DanglingReference, message)
            .at(reference.span)
            .property(&*reference.path);
        self.reader
            .push(problem.value(reference.text).expected(expected));
    }

    fn not_an_id(&mut self, reference: &Reference<'_>, kind: Kind, reason: &str) {
        let problem = Diagnostic::error(Code::BadValue, format!("{}: {reason}", reference.path));
        let expected = match kind.parent() {
            Some(parent) => format!(
                "the id of {}, or its name with that of {}",
                kind.noun(),
                parent.noun()
            ),
            None => format!("the id of {}", kind.noun()),
        };
        self.reader.push(
            problem
                .at(reference.span)
                .property(&*reference.path)
                .value(reference.text)
                .expected(expected),
        );
    }

    /// Tells that a reference leads nowhere, unless what it refers to failed for a reason that was told.
    pub(super) fn dangling(
        &mut self,
        reference: &Reference<'_>,
        id: &ResourceId,
        kind: Kind,
        severity: Severity,
    ) {
        if self.failed.contains(id)
            || id
                .parent()
                .is_some_and(|parent| self.failed.contains(&parent))
        {
            return;
        }
        let message = format!(
            "{} refers to a resource that is not in the input",
            reference.path
        );
        let problem =
            Diagnostic::new(severity, Code::DanglingReference, message).at(reference.span);
        let problem = problem.property(&*reference.path).value(reference.text);
        self.reader
            .push(problem.expected(format!("the id of {} in the input", kind.noun())));
    }

    /// Subnets, links, routes or rules of a resource: those written inside it in their order, then those that are resources of their
    /// own. One that is written both ways is one; its own resource goes first, since it is deployed later.
    pub(super) fn children_of<'a>(
        &mut self,
        record: &'a Record,
        view: &View<'a>,
        key: &str,
        kind: Kind,
    ) -> Vec<Child<'a>>
    where
        'b: 'a,
    {
        let own = self
            .children
            .0
            .get(&record.id)
            .map_or(&[][..], Vec::as_slice);
        let own: Vec<&'b Record> = own
            .iter()
            .copied()
            .filter(|child| child.kind == kind)
            .collect();
        let segment = kind.resource_type().rsplit('/').next().unwrap_or_default();
        let mut taken: HashSet<ResourceId, RandomState> = HashSet::default();
        let mut children: Vec<Child<'a>> = Vec::new();
        for inline in self.reader.objects(view, key) {
            let Some(name) = self.reader.text(&inline, "name") else {
                self.reader.missing(&inline, "name", "a name");
                continue;
            };
            if name.contains('/') {
                let problem = format!("'{name}' is no name: it holds '/'");
                let problem = Diagnostic::error(Code::BadResourceName, problem).at(inline.span());
                self.reader.push(problem.property(inline.own_path()));
                continue;
            }
            let id = record.id.child(segment, name);
            if !taken.insert(id.clone()) {
                let message = format!(
                    "{} holds two children named '{name}' under {key}",
                    record.id.name()
                );
                let problem = Diagnostic::error(Code::DuplicateResource, message).at(inline.span());
                self.reader.push(
                    problem
                        .property(inline.own_path())
                        .expected("a name of its own for each"),
                );
                continue;
            }
            let view = match own.iter().find(|child| child.id == id) {
                Some(child) => inline.after(&child.documents),
                None => inline,
            };
            self.locations.note(&id, view.span());
            children.push(Child { id, view });
        }
        for child in own.into_iter().filter(|child| !taken.contains(&child.id)) {
            children.push(Child {
                id: child.id.clone(),
                view: View::of_resource(&child.documents, child.span),
            });
        }
        children
    }

    /// Children whose parent is not in the input have no place. A link of a network, or a record or link of a zone, that is not in
    /// the input is left out with a warning, and so is a part of a network manager: templates that only peer existing networks are
    /// complete as they are.
    fn report_orphans(&mut self) {
        let collection = self.collection;
        for record in collection.records() {
            let Some(kind) = record.kind.parent() else {
                continue;
            };
            let parent = record.id.parent();
            if parent.is_none_or(|parent| collection.find(&parent).is_none()) {
                self.reader.begin(&record.id, record.origin);
                let message = format!(
                    "{} of this {} is not in the input",
                    kind.noun(),
                    record
                        .kind
                        .noun()
                        .split_once(' ')
                        .map_or("", |(_, noun)| noun)
                );
                let beside = [
                    Kind::Peering,
                    Kind::PrivateDnsRecord,
                    Kind::PrivateDnsAlias,
                    Kind::PrivateDnsLink,
                ];
                let problem = if beside.contains(&record.kind) || record.kind.is_part_of_a_manager()
                {
                    let message = format!("{message}; it is left out");
                    Diagnostic::warning(Code::DanglingReference, message)
                } else {
                    Diagnostic::error(Code::DanglingReference, message)
                };
                self.reader.push(
                    problem
                        .at(record.span)
                        .expected(format!("a document that holds {} itself", kind.noun())),
                );
                self.failed.insert(record.id.clone());
            }
        }
    }
}

impl<'a> Children<'a> {
    fn of(collection: &'a Collection) -> Self {
        let mut children: HashMap<&'a ResourceId, Vec<&'a Record>> = HashMap::new();
        for record in collection
            .records()
            .iter()
            .filter(|record| record.kind.parent().is_some())
        {
            if let Some(parent) = record
                .id
                .parent()
                .and_then(|parent| collection.find(&parent))
            {
                children.entry(&parent.id).or_default().push(record);
            }
        }
        Self(children)
    }
}

/// Counts what is not read, and warns of what could change a verdict: one line for each type.
fn summarise(collection: &Collection, diagnostics: &mut Diagnostics) -> Summary {
    let mut summary = Summary {
        resources: collection.len(),
        ..Summary::default()
    };
    let mut first: BTreeMap<String, &Record> = BTreeMap::new();
    for record in collection.records() {
        let counts = match record.kind {
            Kind::Unsupported => &mut summary.unsupported,
            Kind::Irrelevant => &mut summary.irrelevant,
            _ => continue,
        };
        *counts.entry(record.id.kind()).or_default() += 1;
        if record.kind == Kind::Unsupported {
            first.entry(record.id.kind()).or_insert(record);
        }
    }
    for (kind, count) in &summary.unsupported {
        let record = first[kind];
        let message = match count {
            1 => format!("{kind} '{}' is not simulated", record.id.name()),
            _ => format!(
                "{count} resources of type {kind} are not simulated, the first is '{}'",
                record.id.name()
            ),
        };
        diagnostics.push(
            Diagnostic::warning(Code::Unsupported, message)
                .at(record.span)
                .resource(record.id.as_str()),
        );
    }
    let irrelevant: usize = summary.irrelevant.values().sum();
    if irrelevant > 0 {
        let message = format!(
            "{irrelevant} resources of {} types that carry no packets were left out",
            summary.irrelevant.len()
        );
        diagnostics.push(Diagnostic::note(Code::LeftOut, message));
    }
    summary
}
