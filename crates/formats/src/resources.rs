//! From resources as documents describe them to a [`model::Network`].
//!
//! Every format ends here: a template once it is evaluated, a dump of az, a scenario once its short forms are spelled out. First all
//! resources of all documents come together in a [`Collection`], where the same resource in several documents becomes one. Then
//! [`build()`] creates them in the order in which they depend on each other, and within a kind in the order of the files, since Azure
//! assigns dynamic addresses in that order (N-4).
//!
//! | module | what it reads |
//! |---|---|
//! | `kind` | which types are read, which are listed as unsupported, which only counted |
//! | `view`, `reader` | single properties, nested or flattened, and what is wrong with them |
//! | `build` | the order of creation, references between resources |
//! | `virtual_network`, `peering` | networks, subnets, links |
//! | `security`, `network_manager`, `route_table` | rules and routes |
//! | `learned_routes` | what gateways and route servers have learned by BGP |
//! | `delivery`, `gateway`, `route_server` | public addresses, load balancers, NAT gateways; gateways, sites, connections; route servers |
//! | `security_checks` | what Azure refuses about groups only once it knows networks and NICs |
//! | `service_tags` | Microsoft's list of service tags, and those that a scenario gives |
//! | `firewall` | Azure firewalls, policies, IP groups |
//! | `interface`, `virtual_machine` | NICs and VMs |
//! | `authorization` | tenants, principals, role assignments |
//! | `names` | private DNS zones, DNS servers in machines |
//! | `scenario_only` | guests, networks outside Azure, service tags: what Azure's files cannot say |

mod authorization;
mod build;
mod connectivity;
mod delivery;
mod firewall;
mod gateway;
mod interface;
pub(crate) mod kind;
pub(crate) mod learned_routes;
mod load_balancer;
mod names;
mod network_manager;
mod peering;
mod private_endpoint;
mod reader;
mod route_server;
mod route_table;
mod scenario_only;
mod security;
mod security_checks;
pub(crate) mod service_tags;
mod view;
mod virtual_machine;
mod virtual_network;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use model::ResourceId;

pub use build::{Built, Summary, build};
use kind::Kind;
pub use reader::Origin;
pub use scenario_only::{Additions, Entry};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::json::Value;
use crate::source::{FileId, Span};

/// One resource as one document describes it.
#[derive(Clone, Debug)]
pub struct ResourceDocument {
    /// Its full id.
    pub id: ResourceId,
    /// The object with `properties`, or with the properties beside `id` and `name`.
    pub body: Value,
    /// Where it stands.
    pub span: Span,
    /// Who wrote it.
    pub origin: Origin,
}

/// A resource with everything that the input says of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: ResourceId,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    pub(crate) span: Span,
    /// The first document goes before the later ones.
    pub(crate) documents: Vec<Value>,
    file: FileId,
}

/// All resources of a run, merged by id, in the order in which they first came.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    records: Vec<Record>,
    by_id: HashMap<ResourceId, usize, RandomState>,
}

impl Collection {
    /// No resources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.records.reserve(count);
        self.by_id.reserve(count);
    }

    /// Adds a resource. If another file holds it too, the properties of the earlier one count and the later one fills gaps: `az vm
    /// list` and `az graph query` tell different parts of the same VM. Twice in one file is an error.
    pub fn add(&mut self, document: ResourceDocument, diagnostics: &mut Diagnostics) {
        let file = document.span.file();
        if let Some(&position) = self.by_id.get(&document.id) {
            let record = &mut self.records[position];
            if record.file == file {
                let message = format!("{} is described twice in this file", document.id);
                diagnostics.push(
                    Diagnostic::error(Code::DuplicateResource, message)
                        .at(document.span)
                        .resource(document.id.as_str())
                        .expected("one description of each resource in a file"),
                );
            } else {
                record.documents.push(document.body);
                record.file = file;
            }
            return;
        }
        self.by_id.insert(document.id.clone(), self.records.len());
        let kind = match Kind::of_id(&document.id) {
            Kind::RouteServer if !route_server::is_route_server(&document.body) => {
                Kind::Unsupported
            }
            kind => kind,
        };
        self.records.push(Record {
            kind,
            id: document.id,
            origin: document.origin,
            span: document.span,
            documents: vec![document.body],
            file,
        });
    }

    /// Adds a resource as it will be: what this document says goes before what those of other files say.
    pub(crate) fn add_before(&mut self, document: ResourceDocument, diagnostics: &mut Diagnostics) {
        match self.by_id.get(&document.id) {
            Some(&position) if self.records[position].file != document.span.file() => {
                let record = &mut self.records[position];
                record.documents.insert(0, document.body);
                record.file = document.span.file();
                record.origin = document.origin;
                record.span = document.span;
            }
            _ => self.add(document, diagnostics),
        }
    }

    /// Takes resources out.
    pub(crate) fn remove(&mut self, gone: impl Fn(&ResourceId) -> bool) {
        self.records.retain(|record| !gone(&record.id));
        self.by_id = self
            .records
            .iter()
            .enumerate()
            .map(|(position, record)| (record.id.clone(), position))
            .collect();
    }

    /// Number of resources, whatever their type.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True if there is no resource.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.kind == kind)
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(crate) fn find(&self, id: &ResourceId) -> Option<&Record> {
        self.by_id.get(id).map(|&position| &self.records[position])
    }
}
