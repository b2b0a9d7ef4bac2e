//! Private DNS zones and DNS servers as a scenario writes them.

use model::names::{DnsServer, PrivateDnsZone, ZoneLink, ZoneRecords};

use super::shapes::{self, Named, OneOrMany};

pub(super) fn zone(zone: &PrivateDnsZone) -> shapes::PrivateDnsZone {
    let links = zone
        .links
        .iter()
        .map(|link| (link.name.clone(), form(link)));
    shapes::PrivateDnsZone {
        records: records(&zone.records),
        virtual_network_links: Named(links.collect()),
        ..shapes::PrivateDnsZone::default()
    }
}

pub(super) fn server(server: &DnsServer) -> shapes::DnsServer {
    let zones = server
        .zones
        .iter()
        .map(|(name, held)| (name.to_string(), records(held)));
    shapes::DnsServer {
        zones: Named(zones.collect()),
        forwarders: server.forwarders.iter().map(ToString::to_string).collect(),
    }
}

fn form(link: &ZoneLink) -> shapes::ZoneLinkForm {
    let network = link.virtual_network.to_string();
    if !link.registration_enabled {
        return shapes::ZoneLinkForm::Network(network);
    }
    shapes::ZoneLinkForm::Full(shapes::ZoneLink {
        virtual_network: Some(network),
        registration_enabled: Some(true),
    })
}

fn records(records: &ZoneRecords) -> Named<OneOrMany> {
    let sets = records.iter().map(|(name, addresses)| {
        let mut texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let form = if texts.len() == 1 {
            OneOrMany::One(texts.remove(0))
        } else {
            OneOrMany::Many(texts)
        };
        (name.to_owned(), form)
    });
    let aliases = records
        .aliases()
        .map(|(name, target)| (name.to_owned(), OneOrMany::One(target.to_string())));
    Named(sets.chain(aliases).collect())
}
