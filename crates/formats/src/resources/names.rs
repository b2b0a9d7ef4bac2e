//! Private DNS zones with their A and CNAME records and virtual network links, and DNS servers in machines.
//!
//! Records of other types are passed over: no packet is sent to what they say.

use std::net::Ipv4Addr;

use model::names::{DnsName, DnsServer, PrivateDnsZone, ZoneLink, ZoneRecords};
use model::{ResourceId, VmId};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::view::View;
use crate::json::Value;

impl Builder<'_> {
    pub(super) fn private_dns_zones(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::PrivateDnsZone) {
            self.private_dns_zone(record);
        }
        for record in collection.of_kind(Kind::NetworkInterface) {
            // Most have none, and there are many.
            let view = View::of_resource(&record.documents, record.span);
            if view.first(&["dnsSettings", "dnsServers"]).is_none() {
                continue;
            }
            let Some(nic) = self.network.nics().find(&record.id) else {
                continue;
            };
            let view = self.open(record);
            let servers = self.dns_servers(&view, "dnsSettings");
            if !servers.is_empty() {
                self.network.set_dns_servers_of_nic(nic, servers);
            }
        }
    }

    fn private_dns_zone(&mut self, record: &Record) {
        let view = self.open(record);
        let mut records = ZoneRecords::default();
        for child in self.children_of(record, &view, "aRecordSets", Kind::PrivateDnsRecord) {
            self.reader.begin(&child.id, record.origin);
            let addresses = self.record_addresses(&child.view);
            records.add(child.id.name(), addresses);
        }
        for child in self.children_of(record, &view, "cnameRecordSets", Kind::PrivateDnsAlias) {
            self.reader.begin(&child.id, record.origin);
            let target = child
                .view
                .object("cnameRecord")
                .or_else(|| child.view.object("CNAMERecord"));
            let target = target.and_then(|target| {
                let target = self.reader.text(&target, "cname")?;
                Some(DnsName::new(target))
            });
            if let Some(target) = target {
                records.add_alias(child.id.name(), target);
            }
        }
        let mut links = Vec::new();
        for child in self.children_of(record, &view, "virtualNetworkLinks", Kind::PrivateDnsLink) {
            self.reader.begin(&child.id, record.origin);
            if let Some(link) = self.zone_link(&child.id, &child.view) {
                links.push(link);
            }
        }
        self.reader.begin(&record.id, record.origin);
        let zone = PrivateDnsZone {
            id: record.id.clone(),
            records,
            links,
        };
        let result = self.network.create_private_dns_zone(zone);
        self.created(&record.id, record.span, result);
    }

    /// `[{"ipv4Address": "10.0.0.4"}]`.
    fn record_addresses(&mut self, view: &View<'_>) -> Vec<Ipv4Addr> {
        let records = self.reader.objects(view, "aRecords");
        records
            .iter()
            .filter_map(|record| self.reader.address(record, "ipv4Address"))
            .collect()
    }

    fn zone_link(&mut self, id: &ResourceId, view: &View<'_>) -> Option<ZoneLink> {
        let Some(reference) = self
            .reader
            .reference(view, "virtualNetwork", Kind::VirtualNetwork)
        else {
            if view.get("virtualNetwork").is_none() {
                self.reader.missing(
                    view,
                    "virtualNetwork",
                    "{\"id\": \"...\"} with the id of a virtual network",
                );
            }
            return None;
        };
        // The network need not be in the input: the zone then holds in a place that nobody asks from.
        Some(ZoneLink {
            name: id.name().to_owned(),
            virtual_network: self.resolve(&reference, Kind::VirtualNetwork)?,
            registration_enabled: self
                .reader
                .flag(view, "registrationEnabled")
                .unwrap_or(false),
        })
    }

    /// `dns` of a guest: the zones that it holds, and whom it asks for other names.
    pub(super) fn dns_server(&mut self, vm: VmId, guest: &View<'_>) {
        let Some(view) = guest.object("dns") else {
            return;
        };
        let mut server = DnsServer::default();
        let zones = view.get("zones").and_then(Value::as_object);
        for zone in zones.into_iter().flat_map(|zones| zones.iter()) {
            let path = format!("dns.zones.{}", zone.key);
            let records = self.short_records(&zone.value, &path);
            server.zones.insert(DnsName::new(&zone.key), records);
        }
        for (text, value, path) in self.reader.texts(&view, "forwarders") {
            match text.parse() {
                Ok(address) => server.forwarders.push(address),
                Err(_) => self.reader.bad_at(path, value, "an IPv4 address"),
            }
        }
        self.network.set_dns_server(vm, server);
    }

    /// `{www: 10.0.0.4, mail: [10.0.0.5, 10.0.0.6]}`.
    fn short_records(&mut self, value: &Value, path: &str) -> ZoneRecords {
        let mut records = ZoneRecords::default();
        let sets = value.as_object();
        for set in sets.into_iter().flat_map(|sets| sets.iter()) {
            let values = match set.value.as_array() {
                Some(values) => values,
                None => std::slice::from_ref(&set.value),
            };
            for value in values {
                let text = value.as_str().unwrap_or_default();
                if let Ok(address) = text.parse() {
                    records.add(&set.key, [address]);
                } else if text.contains(|c: char| c.is_ascii_alphabetic()) {
                    records.add_alias(&set.key, DnsName::new(text));
                } else {
                    let path = format!("{path}.{}", set.key);
                    self.reader.bad_at(
                        path,
                        value,
                        "an IPv4 address, or the name that it stands for",
                    );
                }
            }
        }
        records
    }
}
