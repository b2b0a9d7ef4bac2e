//! What a person types (a VM, a NIC, an address, an on-premises host) to what it means.

use std::fmt;
use std::net::Ipv4Addr;

use crate::id::ResourceId;
use crate::network::Network;
use crate::outside::{OutsidePlace, StationId};
use crate::table::{NicId, Resource};

/// Something that can send or receive packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A NIC with one of its addresses.
    Nic(NicId, Ipv4Addr),
    /// A host outside Azure (on premises, a VPN client, the Internet) with its address.
    Outside(StationId, Ipv4Addr),
    /// A plain address, whoever owns it.
    Address(Ipv4Addr),
}

/// Why a name was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// Nothing of this name.
    Unknown {
        /// What was typed.
        text: String,
        /// Names that look like it, best first.
        similar: Vec<String>,
    },
    /// Several things of this name.
    Ambiguous {
        /// What was typed.
        text: String,
        /// Full ids of the candidates.
        candidates: Vec<ResourceId>,
    },
    /// A VM without a NIC in the input.
    WithoutNic(ResourceId),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { text, similar } if similar.is_empty() => {
                write!(
                    f,
                    "there is no VM, NIC or on-premises host '{text}' in the topology"
                )
            }
            Self::Unknown { text, similar } => {
                write!(
                    f,
                    "there is no VM, NIC or on-premises host '{text}' in the topology; did you mean {}?",
                    similar.join(" or ")
                )
            }
            Self::Ambiguous { text, candidates } => {
                write!(f, "'{text}' is not unique; use a resource id:")?;
                candidates
                    .iter()
                    .try_for_each(|candidate| write!(f, "\n  {candidate}"))
            }
            Self::WithoutNic(vm) => write!(f, "{vm} has no NIC in the topology"),
        }
    }
}

impl std::error::Error for LookupError {}

impl Network {
    /// Reads an end of a conversation: a VM, a NIC, `VM/NIC`, an on-premises host, an Azure firewall, `internet`, a resource id or
    /// an address. Names are compared without regard to letter case; a VM goes before a NIC of the same name.
    pub fn endpoint(&self, text: &str) -> Result<Endpoint, LookupError> {
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Endpoint::Address(address));
        }
        if let Some(host) = self.internet_host(text) {
            return Ok(host);
        }
        if let Ok(id) = ResourceId::parse(text) {
            return self.endpoint_by_id(&id).unwrap_or_else(|| {
                Err(LookupError::Unknown {
                    text: text.to_owned(),
                    similar: Vec::new(),
                })
            });
        }
        let is = |name: &str| name.eq_ignore_ascii_case(text);
        let machines = self
            .virtual_machines()
            .values()
            .filter(|vm| is(vm.name()))
            .map(|vm| vm.id.clone());
        let nics = self
            .listed_nics()
            .filter(|(_, nic)| is(nic.name()))
            .map(|(_, nic)| nic.id.clone());
        let firewalls = self
            .firewalls()
            .values()
            .filter(|firewall| is(firewall.name()))
            .map(|firewall| firewall.id.clone());
        for mut candidates in [
            machines.collect::<Vec<_>>(),
            nics.collect(),
            firewalls.collect(),
        ] {
            match candidates.len() {
                0 => {}
                1 => {
                    let id = candidates.remove(0);
                    return self
                        .endpoint_by_id(&id)
                        .unwrap_or(Err(LookupError::WithoutNic(id)));
                }
                _ => {
                    return Err(LookupError::Ambiguous {
                        text: text.to_owned(),
                        candidates,
                    });
                }
            }
        }
        if let Some((machine, nic)) = text.split_once('/') {
            let found = self
                .virtual_machines()
                .values()
                .filter(|vm| vm.name().eq_ignore_ascii_case(machine))
                .flat_map(|vm| &vm.nics)
                .copied();
            if let Some(nic) = found
                .into_iter()
                .find(|&key| self.nics()[key].name().eq_ignore_ascii_case(nic))
            {
                return Ok(Endpoint::Nic(nic, self.nics()[nic].primary_address()));
            }
        }
        self.outside_host_named(text)
    }

    fn endpoint_by_id(&self, id: &ResourceId) -> Option<Result<Endpoint, LookupError>> {
        if let Some(vm) = self.virtual_machines().find(id) {
            let machine = &self.virtual_machines()[vm];
            return Some(match machine.primary_nic() {
                Some(nic) => Ok(Endpoint::Nic(nic, self.nics()[nic].primary_address())),
                None => Err(LookupError::WithoutNic(id.clone())),
            });
        }
        let nic = self.nics().find(id).or_else(|| {
            self.firewalls()
                .find(id)
                .map(|firewall| self.firewalls()[firewall].nic)
        });
        if let Some(nic) = nic {
            return Some(Ok(Endpoint::Nic(nic, self.nics()[nic].primary_address())));
        }
        // An IP configuration: its NIC with that address.
        let nic = self.nics().find(&id.parent()?)?;
        let configuration = self.nics()[nic]
            .ip_configurations
            .iter()
            .find(|configuration| configuration.name.eq_ignore_ascii_case(id.name()))?;
        Some(Ok(Endpoint::Nic(nic, configuration.private_address)))
    }

    /// `internet`, or `internet:ADDRESS` for one of its hosts.
    fn internet_host(&self, text: &str) -> Option<Endpoint> {
        let (name, address) = match text.split_once(':') {
            Some((name, address)) => (name, Some(address.parse::<Ipv4Addr>().ok()?)),
            None => (text, None),
        };
        if !name.eq_ignore_ascii_case("internet") {
            return None;
        }
        let station = self.internet()?;
        let own = self.outside_host(station)?.address;
        Some(Endpoint::Outside(station, address.unwrap_or(own)))
    }

    fn outside_host_named(&self, text: &str) -> Result<Endpoint, LookupError> {
        let (site, host) = match text.split_once('/') {
            Some((site, host)) => (Some(site), host),
            None => (None, text),
        };
        let found: Vec<(Endpoint, ResourceId)> = self
            .outside_hosts()
            .filter(|(_, outside)| outside.name.eq_ignore_ascii_case(host))
            .filter_map(|(station, outside)| {
                let place = match outside.place {
                    OutsidePlace::OnPremises(key) => &self.on_premises()[key].id,
                    OutsidePlace::VpnClient(gateway) => &self.gateways()[gateway].id,
                    OutsidePlace::Internet => return None,
                };
                site.is_none_or(|site| place.name().eq_ignore_ascii_case(site))
                    .then(|| {
                        let endpoint = Endpoint::Outside(station, outside.address);
                        (endpoint, place.child("hosts", &outside.name))
                    })
            })
            .collect();
        match found.as_slice() {
            [] => Err(LookupError::Unknown {
                text: text.to_owned(),
                similar: self.similar_names(text),
            }),
            [(endpoint, _)] => Ok(*endpoint),
            _ => Err(LookupError::Ambiguous {
                text: text.to_owned(),
                candidates: found.into_iter().map(|(_, id)| id).collect(),
            }),
        }
    }

    fn similar_names(&self, text: &str) -> Vec<String> {
        let machines = self.virtual_machines().values().map(Resource::name);
        let nics = self.listed_nics().map(|(_, nic)| nic.name());
        let hosts = self.outside_hosts().map(|(_, host)| host.name.as_str());
        similar(text, machines.chain(nics).chain(hosts))
    }
}

/// What may have been meant by `text`: up to three of the names within a third of its length, the closest first, by edit distance
/// without regard to letter case.
pub fn similar<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = text.to_ascii_lowercase();
    let limit = wanted.chars().count() / 3 + 1;
    let mut close: Vec<(usize, String)> = names
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&wanted, &name.to_ascii_lowercase());
            (distance, name.to_owned())
        })
        .filter(|&(distance, _)| distance <= limit)
        .collect();
    close.sort();
    close.dedup();
    close.into_iter().take(3).map(|(_, name)| name).collect()
}
