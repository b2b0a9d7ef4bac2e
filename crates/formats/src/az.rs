//! A network as Azure's command line prints it: what `az ... list -o json` gives for every kind of resource, a file each.

use std::fmt;
use std::path::Path;

use model::{Network, ResourceId};
use serde_json::{Map, Value, json};

use crate::atomic::{self, WriteError};
use crate::resources::kind::Kind;
use crate::rest::{self, NotWritable, Show, Shown};

/// Files by kind.
const FILES: [(Kind, &str); 16] = [
    (Kind::ApplicationSecurityGroup, "asgs.json"),
    (Kind::PublicIpAddress, "public-ips.json"),
    (Kind::IpGroup, "ip-groups.json"),
    (Kind::FirewallPolicy, "firewall-policies.json"),
    (Kind::RuleCollectionGroup, "rule-collection-groups.json"),
    (Kind::NatGateway, "nat-gateways.json"),
    (Kind::NetworkSecurityGroup, "nsgs.json"),
    (Kind::RouteTable, "route-tables.json"),
    (Kind::VirtualNetwork, "vnets.json"),
    (Kind::LoadBalancer, "load-balancers.json"),
    (Kind::AzureFirewall, "firewalls.json"),
    (Kind::NetworkInterface, "nics.json"),
    (Kind::VirtualMachine, "vms.json"),
    (Kind::LocalNetworkGateway, "local-gateways.json"),
    (Kind::VirtualNetworkGateway, "vnet-gateways.json"),
    (Kind::Connection, "vpn-connections.json"),
];
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// A network that can be written as dumps of az.
#[derive(Clone, Copy, Debug)]
pub struct Dumps<'a> {
    network: &'a Network,
}

impl<'a> Dumps<'a> {
    /// Refuses a network with resources that are written only in a scenario.
    pub fn new(network: &'a Network) -> Result<Self, NotWritable> {
        rest::check(network)?;
        Ok(Self { network })
    }

    /// Writes a folder with a file for each kind of resource, whole or not at all. A folder that holds files is refused.
    pub fn write_folder(&self, path: &Path) -> Result<(), WriteError> {
        atomic::write_folder(path, |folder| {
            for (name, text) in self.files() {
                atomic::write(&folder.join(name), |file| file.write_all(text.as_bytes()))?;
            }
            Ok(())
        })
    }

    /// Names and texts of the files; kinds of which there is no resource have none.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let refer = |id: &ResourceId| json!(id.as_str());
        let show = Show {
            network: self.network,
            refer: &refer,
        };
        let mut files = Files::default();
        let written: Result<(), fmt::Error> = show.each(|shown| {
            files.add(shown.kind, &self.row(&shown));
            if shown.kind == Kind::FirewallPolicy {
                for group in &shown.children {
                    files.add(group.kind, &self.row(group));
                }
            }
            Ok(())
        });
        debug_assert!(written.is_ok());
        files.finished()
    }

    fn row(self, shown: &Shown<'_>) -> String {
        let mut row = flat(shown);
        match shown.kind {
            Kind::VirtualNetwork => {
                let links = shown.children.iter().map(|link| Value::Object(flat(link)));
                row.insert("virtualNetworkPeerings".to_owned(), links.collect());
            }
            Kind::NetworkInterface => self.complete_interface(shown, &mut row),
            Kind::VirtualMachine => {
                let machines = self.network.virtual_machines();
                if let Some(key) = machines.find(&shown.id) {
                    let power = rest::power(machines[key].power);
                    row.insert("powerState".to_owned(), json!(power));
                }
            }
            _ => {}
        }
        let mut text = String::new();
        let pretty = serde_json::to_string_pretty(&row).unwrap_or_default();
        for line in pretty.lines() {
            text.push_str(if text.is_empty() { "  " } else { "\n  " });
            text.push_str(line);
        }
        text
    }

    /// What `az network nic list` prints beside what counts.
    fn complete_interface(self, shown: &Shown<'_>, row: &mut Map<String, Value>) {
        let others = json!({
            "auxiliaryMode": "None",
            "auxiliarySku": "None",
            "disableTcpStateTracking": false,
            "dnsSettings": {
                "appliedDnsServers": [],
                "dnsServers": [],
                "internalDomainNameSuffix": "abcdefghijklmnopqrstuvwxyz.bx.internal.cloudapp.net",
            },
            "enableAcceleratedNetworking": true,
            "hostedWorkloads": [],
            "nicType": "Standard",
            "resourceGuid": NIL,
            "tapConfigurations": [],
            "vnetEncryptionSupported": false,
        });
        for (key, value) in others.as_object().into_iter().flatten() {
            row.entry(key).or_insert_with(|| value.clone());
        }
        let nics = self.network.nics();
        let nic = nics.find(&shown.id).map(|key| &nics[key]);
        if let Some(machine) = nic.and_then(|nic| rest::machine_of(self.network, nic)) {
            let reference =
                json!({ "id": machine.as_str(), "resourceGroup": machine.resource_group() });
            row.insert("virtualMachine".to_owned(), reference);
        }
    }
}

/// Names and texts of files that are being written, in the order of their first rows.
#[derive(Default)]
struct Files(Vec<(&'static str, String)>);

impl Files {
    fn add(&mut self, kind: Kind, row: &str) {
        let name = FILES.iter().find(|(known, _)| *known == kind);
        let name = name.map_or("others.json", |&(_, name)| name);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, file)) => {
                file.push_str(",\n");
                file.push_str(row);
            }
            None => self.0.push((name, format!("[\n{row}"))),
        }
    }

    fn finished(mut self) -> Vec<(&'static str, String)> {
        for (_, file) in &mut self.0 {
            file.push_str("\n]\n");
        }
        self.0
    }
}

/// Properties beside the envelope, as the command line prints them.
fn flat(shown: &Shown<'_>) -> Map<String, Value> {
    let id = &*shown.id;
    let mut row = Map::new();
    let mut put = |key: &str, value| row.insert(key.to_owned(), value);
    put("id", json!(id.as_str()));
    put("name", json!(id.name()));
    put("type", json!(shown.kind.resource_type()));
    put("resourceGroup", json!(id.resource_group()));
    put("etag", json!(format!("W/\"{NIL}\"")));
    put("provisioningState", json!("Succeeded"));
    for (key, value) in &shown.envelope {
        put(key, value.clone());
    }
    if let Value::Object(properties) = flattened(&shown.properties) {
        row.extend(properties);
    }
    row
}

/// Objects under `properties` beside what holds them, at every depth.
fn flattened(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut flat = Map::new();
            for (key, value) in object {
                match (key.as_str(), flattened(value)) {
                    ("properties", Value::Object(inner)) => flat.extend(inner),
                    (_, value) => {
                        flat.insert(key.clone(), value);
                    }
                }
            }
            Value::Object(flat)
        }
        Value::Array(values) => values.iter().map(flattened).collect(),
        other => other.clone(),
    }
}
