//! A topology that was read and compiled.

use std::net::Ipv4Addr;
use std::sync::Arc;

use control::Snapshot;
use formats::diagnostic::Severity;
use formats::load::{LoadOptions, Loader};
use model::lookup::Endpoint;
use model::table::Resource;
use model::{Network, NicId, NicOwner};
use serde_json::Value;

use crate::reading::{address, same};
use crate::scenario::{self, Choice, Outside};
use crate::template;
use crate::topology::Topology;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) network: Arc<Network>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) warnings: Vec<String>,
}

/// In which form the topology is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Scenario,
    Template,
}

impl World {
    pub(crate) fn of(
        topology: &Topology,
        outside: &[Outside],
        choice: Choice,
        form: Form,
    ) -> Result<Self, String> {
        let mut loader = Loader::new(LoadOptions::default());
        match form {
            Form::Scenario => {
                let document = scenario::of(topology, outside, choice);
                loader.add_text("case.json", document.to_string());
            }
            Form::Template => {
                loader.add_text("template.json", template::of(topology, choice).to_string());
                let beside = scenario::additions(topology, outside, choice);
                if beside.as_object().is_some_and(|beside| !beside.is_empty()) {
                    loader.add_text("beside.json", beside.to_string());
                }
            }
        }
        let read = loader.finish().map_err(|refused| {
            let text = refused.to_string();
            text.lines().take(12).collect::<Vec<_>>().join(" | ")
        })?;
        let warnings = read
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Warning)
            .map(|diagnostic| diagnostic.message.clone())
            .collect();
        Ok(Self::compiled(read.network, warnings))
    }

    pub(crate) fn compiled(network: Network, warnings: Vec<String>) -> Self {
        let snapshot = control::compile(&network);
        Self {
            network: Arc::new(network),
            snapshot: Arc::new(snapshot),
            warnings,
        }
    }

    /// The NIC of a recorded name: its own, its machine's, a subnet's, or `NETWORK VM`.
    pub(crate) fn nic(&self, name: &str) -> Option<NicId> {
        if let Ok(Endpoint::Nic(nic, _)) = self.network.endpoint(name) {
            return Some(nic);
        }
        if let Some(address) = address(name) {
            return self.owner(address);
        }
        let subnet_of = |nic: NicId| {
            let subnet = &self.network.subnets()[self.network.nics()[nic].subnet()];
            let vnet = &self.network.virtual_networks()[subnet.virtual_network];
            (vnet.name().to_owned(), subnet.name().to_owned())
        };
        let words = name
            .trim()
            .trim_end_matches("VM")
            .trim_end_matches("vm")
            .trim();
        let listed = || self.network.listed_nics().map(|(nic, _)| nic);
        listed()
            .find(|&nic| {
                let (vnet, subnet) = subnet_of(nic);
                same(&subnet, name) || same(&format!("{vnet}/{subnet}"), name)
            })
            .or_else(|| {
                let host = |nic: &NicId| !self.network.nics()[*nic].ip_forwarding;
                listed()
                    .filter(host)
                    .find(|&nic| same(&subnet_of(nic).0, words))
            })
            .or_else(|| {
                listed().find(|&nic| {
                    let own = self.network.nics()[nic].name().to_ascii_lowercase();
                    let name = name.to_ascii_lowercase();
                    own.strip_prefix(&name)
                        .is_some_and(|rest| rest.starts_with(['-', '_', '.']))
                })
            })
    }

    /// The NIC that has an address.
    pub(crate) fn owner(&self, address: Ipv4Addr) -> Option<NicId> {
        let nics = self.network.nics().iter();
        let mut owners = nics.filter(|(_, nic)| nic.addresses().any(|own| own == address));
        owners.next().map(|(nic, _)| nic)
    }

    /// The address of the host of the Internet that answers there, or of an outside host.
    pub(crate) fn outside(&self, address: Ipv4Addr) -> Option<NicId> {
        self.network
            .outside_hosts()
            .find(|(_, host)| host.address == address)
            .map(|(station, _)| station)
    }

    pub(crate) fn is_gateway(&self, nic: NicId) -> bool {
        self.network
            .nics()
            .get(nic)
            .is_some_and(|nic| matches!(nic.owner, NicOwner::GatewayInstance(..)))
    }

    pub(crate) fn forwards(&self, nic: NicId) -> bool {
        self.network
            .nics()
            .get(nic)
            .is_some_and(|interface| interface.ip_forwarding && !self.is_gateway(nic))
    }

    pub(crate) fn name_of(&self, nic: NicId) -> String {
        engine::site::Site::of(&self.network, nic).map_or_else(|| "?".to_owned(), |site| site.name)
    }

    /// What `list-effective-nsg` prints, with what the basic tags mean to the NIC whether a rule names them or not.
    pub(crate) fn groups(&self, nic: NicId) -> Value {
        report::az::effective::security_groups(&self.network, &self.snapshot, nic)
    }

    pub(crate) fn tags(&self, nic: NicId) -> Value {
        let Some(compiled) = self.snapshot.nic(nic) else {
            return Value::Null;
        };
        let view = self.snapshot.tags_of(compiled);
        let texts = |set: &fib::AddressSet| -> Vec<String> {
            set.prefixes().map(|prefix| prefix.to_string()).collect()
        };
        let mut tags = serde_json::json!({
            "VirtualNetwork": texts(&view.virtual_network),
            "Internet": texts(&view.internet),
            "AzureLoadBalancer": [format!("{}/32", model::address::HOST_ADDRESS)],
        });
        for (name, prefixes) in self.network.service_tags() {
            let prefixes: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
            tags[name] = serde_json::json!(prefixes);
        }
        serde_json::json!({ "value": [{ "tagMap": tags }] })
    }
}
