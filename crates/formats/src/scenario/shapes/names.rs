//! Private DNS zones, and DNS servers in guests.

use schemars::JsonSchema;

use super::{Missing, Named, OneOrMany};

shapes! {
    /// A DNS server in a virtual machine.
    DnsServer {
        /// Zones that it holds, each with addresses by name; "@" is the zone itself.
        zones: Named<Named<OneOrMany>>,
        /// Addresses of the servers that it asks for other names; 168.63.129.16 is Azure's own.
        forwarders: Vec<String>,
    }

    /// A private DNS zone.
    PrivateDnsZone {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Addresses by name, or the other name that a name stands for; "@" is the zone itself, "*" whatever has no record of its own.
        records: Named<OneOrMany>,
        /// The networks in which it holds, by name of the link: the name or id of a network, or an object.
        virtual_network_links: Named<ZoneLinkForm>,
    }

    /// A network in which a private DNS zone holds.
    ZoneLink {
        /// Name or id of a virtual network.
        virtual_network: Option<String>,
        /// Whether machines of the network have records in the zone; default false.
        registration_enabled: Option<bool>,
    }
}

/// A network, or a link to it with more to say.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum ZoneLinkForm {
    /// Name or id of a virtual network.
    Network(String),
    /// In full.
    Full(ZoneLink),
}
