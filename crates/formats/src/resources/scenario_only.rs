//! What Azure's files cannot say: what runs in a VM, what lies outside Azure, what gateways have learned, what a service tag means.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::virtual_machine::{GuestRole, Listener};
use model::{Guest, OnPremisesRequest, Options, PowerState, ResourceId, VmId};

use super::build::Builder;
use super::kind::Kind;
use super::reader::Origin;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::{Data, Piece, Value};
use crate::source::Span;

/// An entry of an object: its key and what stands under it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key: mostly the name of a resource.
    pub key: Piece,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Value,
}

/// What is added to the resources once they are there.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// Decisions that the user takes differently.
    pub options: Options,
    /// Peering links that stand beside their networks, with the network's name or id under `from`.
    pub peerings: Vec<(Value, Origin)>,
    /// What runs in VMs, by name or id of the VM.
    pub guests: Vec<Entry>,
    /// What gateways and route servers have learned by BGP, by name or id of the gateway, or `SERVER/PEER`: an array, or the answer of
    /// `list-learned-routes`. Without a name the rows have to tell.
    pub learned_routes: Vec<Entry>,
    /// Networks outside Azure with the ids that they get here.
    pub on_premises: Vec<(ResourceId, Entry)>,
    /// Point-to-site clients, by name.
    pub vpn_clients: Vec<Entry>,
    /// Which configurations of network managers are deployed where, as `az network manager list-deploy-status` prints it.
    pub deployments: Vec<Value>,
    /// Microsoft's lists of service tags.
    pub service_tag_lists: Vec<Value>,
    /// Prefixes of service tags, by name: these go before those of the lists.
    pub service_tags: Vec<Entry>,
    /// Tenants of subscriptions, by id of the subscription.
    pub subscriptions: Vec<Entry>,
    /// Users, groups and service principals, by name.
    pub principals: Vec<Entry>,
    /// Who has which role where.
    pub role_assignments: Vec<Value>,
    /// Regions of resources that do not say it themselves: where templates are deployed, the defaults of scenarios.
    pub assumed_locations: Vec<model::Location>,
    /// Values about which an error was told already.
    pub told: HashSet<Span>,
}

impl Builder<'_> {
    pub(super) fn additions(&mut self, additions: &Additions) {
        for entry in &additions.guests {
            self.guest(entry);
        }
        for entry in &additions.learned_routes {
            self.learned_routes(entry);
        }
        for (id, entry) in &additions.on_premises {
            self.on_premises(id, entry);
        }
        for entry in &additions.vpn_clients {
            self.vpn_client(entry);
        }
        self.authorization(additions);
    }

    fn guest(&mut self, entry: &Entry) {
        self.reader
            .begin(format_args!("guest of {}", entry.key), Origin::Authored);
        let Some(vm) = self.machine(entry) else {
            return;
        };
        let view = View::of_resource([&entry.value], entry.value.span);
        let role = self.reader.text(&view, "role").map(str::to_ascii_lowercase);
        let role = match role.as_deref() {
            None => None,
            Some("host") => Some(GuestRole::Host),
            Some("appliance") => Some(GuestRole::Appliance),
            Some("stopped") => {
                self.network.set_power(vm, PowerState::Stopped);
                None
            }
            Some(_) => {
                if let Some(value) = view.get("role") {
                    self.reader
                        .bad(&view, "role", value, "host, appliance or stopped");
                }
                None
            }
        };
        let listen = view.get("listen").is_some().then(|| {
            let texts = self.reader.texts(&view, "listen");
            texts
                .into_iter()
                .filter_map(|(text, value, path)| self.listener(text, value, path))
                .collect()
        });
        let guest = Guest {
            role,
            source_nat: self.reader.flag(&view, "snat").unwrap_or(false),
            stateful: self.reader.flag(&view, "stateful").unwrap_or(false),
            listen,
        };
        self.network.set_guest(vm, guest);
        self.dns_server(vm, &view);
    }

    fn listener(&mut self, text: &str, value: &Value, path: String) -> Option<Listener> {
        let listener = text.parse().ok();
        if listener.is_none() {
            self.reader
                .bad_at(path, value, "tcp/PORT or udp/PORT, for example tcp/443");
        }
        listener
    }

    /// A VM by id or name. Machines that are known from their NICs only are found too.
    fn machine(&mut self, entry: &Entry) -> Option<VmId> {
        let machines = self.network.virtual_machines();
        if let Some(vm) = ResourceId::parse(&entry.key)
            .ok()
            .and_then(|id| machines.find(&id))
        {
            return Some(vm);
        }
        let named: Vec<(VmId, &ResourceId)> = machines
            .iter()
            .map(|(key, vm)| (key, &vm.id))
            .filter(|(_, id)| id.name().eq_ignore_ascii_case(&entry.key))
            .collect();
        match named.as_slice() {
            [(vm, _)] => Some(*vm),
            [] => {
                let problem = Diagnostic::error(
                    Code::DanglingReference,
                    format!("there is no virtual machine '{}'", entry.key),
                );
                self.reader.push(
                    problem
                        .at(entry.key_span)
                        .expected("the name or id of a virtual machine of the input"),
                );
                None
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|(_, id)| id.as_str()).collect();
                let problem = Diagnostic::error(
                    Code::AmbiguousName,
                    format!("several virtual machines are named '{}'", entry.key),
                );
                let problem = problem
                    .at(entry.key_span)
                    .expected(format!("one of the ids {}", ids.join(", ")));
                self.reader.push(problem);
                None
            }
        }
    }

    fn on_premises(&mut self, id: &ResourceId, entry: &Entry) {
        self.reader.begin(&entry.key, Origin::Authored);
        let view = View::of_resource([&entry.value], entry.value.span);
        let gateway = self.required(&view, "gateway", Kind::VirtualNetworkGateway, |network| {
            network.gateways()
        });
        let prefixes = self.reader.prefixes(&view, &["prefixes"]);
        let mut hosts = Vec::new();
        if let Some(named) = view.get("hosts") {
            let Some(object) = named.as_object() else {
                self.reader
                    .bad(&view, "hosts", named, "names with their addresses");
                return;
            };
            for host in object.iter() {
                let address: Option<Ipv4Addr> =
                    host.value.as_str().and_then(|text| text.parse().ok());
                match address {
                    Some(address) => hosts.push((host.key.to_string(), address)),
                    None => self.reader.bad_at(
                        format!("hosts.{}", host.key),
                        &host.value,
                        "an IPv4 address",
                    ),
                }
            }
        }
        let knows = self.given_prefixes(&view, "knows");
        let latency_us = self.latency(&view);
        let Some(gateway) = gateway else { return };
        let network = OnPremisesRequest {
            id: id.clone(),
            gateway,
            prefixes,
            knows,
            hosts,
            latency_us,
        };
        let result = self.network.create_on_premises(network);
        self.created(id, entry.key_span, result);
    }

    fn vpn_client(&mut self, entry: &Entry) {
        self.reader.begin(&entry.key, Origin::Authored);
        let view = View::of_resource([&entry.value], entry.value.span);
        let gateway = self.required(&view, "gateway", Kind::VirtualNetworkGateway, |network| {
            network.gateways()
        });
        let address = self.reader.address(&view, "address");
        let profile = self.given_prefixes(&view, "profile");
        let latency_us = self.latency(&view);
        let Some(gateway) = gateway else { return };
        match self.network.create_vpn_client(&entry.key, gateway, address) {
            Ok(station) => {
                if let Some(client) = self.network.vpn_client_mut(station) {
                    client.profile = profile;
                    client.latency_us = latency_us;
                }
            }
            Err(error) => self.reader.refused(&error, entry.key_span),
        }
    }

    /// Prefixes under a key; `None` if the key is not there, so that an empty list means none at all.
    fn given_prefixes(&mut self, view: &View<'_>, key: &'static str) -> Option<Vec<Ipv4Net>> {
        view.get(key)?;
        Some(self.reader.prefixes(view, &[key]))
    }

    /// `latencyMs`: one way to the gateway, up to a minute.
    fn latency(&mut self, view: &View<'_>) -> u32 {
        let Some(value) = view.get("latencyMs") else {
            return 0;
        };
        let millis = match value.data {
            Data::Integer(number) => u32::try_from(number).ok().map(f64::from),
            Data::Float(number) => Some(number),
            _ => None,
        };
        match millis {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range is checked by the guard"
            )]
            Some(millis) if (0.0..=60_000.0).contains(&millis) => (millis * 1000.0).round() as u32,
            _ => {
                self.reader
                    .bad(view, "latencyMs", value, "milliseconds from 0 to 60000");
                0
            }
        }
    }
}

pub(super) fn member(key: &str, value: &Value) -> crate::json::Member {
    crate::json::Member {
        key: key.into(),
        key_span: value.span,
        value: value.clone(),
    }
}
