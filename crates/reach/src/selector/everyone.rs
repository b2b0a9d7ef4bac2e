//! From the words of a selector to the ends of a network.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use control::Snapshot;
use ipnet::Ipv4Net;
use model::lookup::{Endpoint, LookupError};
use model::table::Resource;
use model::{IpConfiguration, Network, NetworkInterface, NicOwner, OutsidePlace, ResourceId};

use super::names::{Candidate, Pattern, by_own_name, chosen, nothing_in, unknown};
use super::{Kind, Meaning, Selector, SelectorError, Word};
use crate::ends::{Addresses, End, EndKind, Ends};

/// All ends of a network that a selector can mean.
#[derive(Debug)]
pub struct Everyone<'n> {
    network: &'n Network,
    snapshot: &'n Snapshot,
    nics: Ends,
    /// The NICs by every address: one that is written in full may be any of them.
    by_address: Ends,
    outside: Ends,
    internet: Option<End>,
}

impl<'n> Everyone<'n> {
    /// `snapshot` must be compiled from `network`; `addresses` says by which of its addresses a NIC is meant.
    pub fn of(network: &'n Network, snapshot: &'n Snapshot, addresses: Addresses) -> Self {
        Self {
            network,
            snapshot,
            nics: Ends::of_nics(network, addresses),
            by_address: Ends::of_nics(network, Addresses::All),
            outside: Ends::outside(network),
            internet: Ends::internet(network).get(0).copied(),
        }
    }

    /// The ends that a selector means.
    ///
    /// # Errors
    ///
    /// If one of its words means nobody, those that exclude included; or if nobody is left.
    pub fn meant_by(&self, selector: &Selector) -> Result<Ends, SelectorError> {
        let (mut included, mut excluded) = (Vec::new(), HashSet::new());
        for word in &selector.words {
            let ends = self.meant_by_word(word)?;
            if word.excludes {
                excluded.extend(ends);
            } else {
                included.extend(ends);
            }
        }
        if selector.words.iter().all(|word| word.excludes) {
            included.extend(self.nics.iter().copied());
        }
        included.retain(|end| !excluded.contains(end));
        if included.is_empty() {
            return Err(SelectorError::Empty {
                text: selector.to_string(),
                why: "it excludes all that it includes".to_owned(),
            });
        }
        Ok(Ends::new(included))
    }

    fn meant_by_word(&self, word: &Word) -> Result<Vec<End>, SelectorError> {
        let (ends, why): (Vec<End>, String) = match &word.means {
            Meaning::All => (
                self.nics.iter().copied().collect(),
                "there is no NIC in the topology".to_owned(),
            ),
            Meaning::Internet(address) => {
                let ends = self.internet_at(*address).into_iter().collect();
                (
                    ends,
                    "the topology is not joined to the Internet".to_owned(),
                )
            }
            Meaning::Prefix(prefix) => (self.within(*prefix), self.why_nobody_has(*prefix)),
            Meaning::Named(Kind::Tag, name) => (self.in_tag(name)?, "no end is in it".to_owned()),
            Meaning::Named(kind, name) => (self.named(*kind, name)?, nothing_in(*kind)),
            Meaning::Id(id) => (self.by_id(id)?, "no NIC is in it".to_owned()),
            Meaning::Name(name) => (self.by_name(name)?, "it has no NIC".to_owned()),
        };
        if ends.is_empty() {
            let text = word.text.clone();
            return Err(SelectorError::Empty { text, why });
        }
        Ok(ends)
    }

    /// The NICs with an IP configuration that fits.
    fn nics_where(
        &self,
        fits: impl Fn(&NetworkInterface, Option<&IpConfiguration>) -> bool,
    ) -> Vec<End> {
        let is_one = |end: &&End| {
            self.network.nics().get(end.worker).is_some_and(|nic| {
                let configuration = nic
                    .ip_configurations
                    .iter()
                    .find(|configuration| configuration.private_address == end.address);
                fits(nic, configuration)
            })
        };
        self.nics.iter().filter(is_one).copied().collect()
    }

    fn internet_at(&self, address: Option<Ipv4Addr>) -> Option<End> {
        let host = self.internet?;
        Some(End {
            address: address.unwrap_or(host.address),
            ..host
        })
    }

    fn within(&self, prefix: Ipv4Net) -> Vec<End> {
        let nics = match prefix.prefix_len() {
            32 => &self.by_address,
            _ => &self.nics,
        };
        let inside = [nics, &self.outside].into_iter().flat_map(|ends| {
            let positions = ends.within(prefix.network(), prefix.broadcast());
            ends.as_slice()[positions].iter().copied()
        });
        let mut inside: Vec<End> = inside.collect();
        if inside.is_empty() {
            inside.extend(self.somebody_beyond(prefix));
        }
        inside
    }

    /// A host of the Internet at the first address of a public prefix, unless the input says who has it.
    fn somebody_beyond(&self, prefix: Ipv4Net) -> Option<End> {
        let edge = &self.snapshot.edge;
        let owned = edge.owners.range(prefix.network()..=prefix.broadcast());
        let is_free = owned.count() == 0;
        let is_public = edge.is_beyond(prefix.network()) && edge.is_beyond(prefix.broadcast());
        self.internet_at(Some(prefix.network()))
            .filter(|_| is_free && is_public)
    }

    fn why_nobody_has(&self, prefix: Ipv4Net) -> String {
        let owners = &self.snapshot.edge.owners;
        if owners
            .range(prefix.network()..=prefix.broadcast())
            .next()
            .is_some()
        {
            return "a public address of a resource is no end of its own; select the resource by its name or private address".to_owned();
        }
        let ends = self.nics.as_slice();
        let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
            return "there is no NIC in the topology".to_owned();
        };
        format!(
            "no NIC and no host outside Azure has such an address; those of NICs lie between {} and {}",
            first.address, last.address
        )
    }

    fn in_tag(&self, pattern: &str) -> Result<Vec<End>, SelectorError> {
        if pattern.eq_ignore_ascii_case("Internet") {
            return Ok(self.internet.into_iter().collect());
        }
        if pattern.eq_ignore_ascii_case("VirtualNetwork") {
            return Err(SelectorError::Empty {
                text: format!("tag:{pattern}"),
                why: "what VirtualNetwork means differs from NIC to NIC; name the virtual networks: vnet:NAME"
                    .to_owned(),
            });
        }
        let wanted = Pattern::new(pattern);
        let tags = self.network.service_tags();
        let mut found = tags.filter(|(name, _)| wanted.fits(name)).peekable();
        if found.peek().is_none() {
            let names = self.network.service_tags().map(|(name, _)| name.to_owned());
            return Err(unknown(Kind::Tag, pattern, names.collect()));
        }
        Ok(found
            .flat_map(|(_, prefixes)| prefixes)
            .flat_map(|&prefix| self.within(prefix))
            .collect())
    }

    fn named(&self, kind: Kind, name: &str) -> Result<Vec<End>, SelectorError> {
        let network = self.network;
        Ok(match kind {
            Kind::Machine => {
                let machines = chosen(kind, name, by_own_name(network.virtual_machines()))?;
                self.nics_where(|nic, _| matches!(nic.owner, NicOwner::VirtualMachine(vm) if machines.contains(&vm)))
            }
            Kind::Nic => {
                let listed = network.listed_nics().map(|(key, nic)| Candidate {
                    key,
                    name: nic.name().to_owned(),
                    id: &nic.id,
                });
                let nics = chosen(kind, name, listed.collect())?;
                let ends = self.nics.iter();
                ends.filter(|end| nics.contains(&end.worker))
                    .copied()
                    .collect()
            }
            Kind::VirtualNetwork => {
                let vnets = chosen(kind, name, by_own_name(network.virtual_networks()))?;
                self.nics_where(|nic, _| vnets.contains(&nic.virtual_network))
            }
            Kind::Subnet => {
                let of_network = name.contains('/');
                let subnets = network.subnets().iter().map(|(key, subnet)| Candidate {
                    key,
                    name: if of_network {
                        let vnet = &network.virtual_networks()[subnet.virtual_network];
                        format!("{}/{}", vnet.name(), subnet.name())
                    } else {
                        subnet.name().to_owned()
                    },
                    id: &subnet.id,
                });
                let subnets = chosen(kind, name, subnets.collect())?;
                self.nics_where(|_, configuration| {
                    configuration.is_some_and(|own| subnets.contains(&own.subnet))
                })
            }
            Kind::Asg => {
                let asgs = chosen(kind, name, by_own_name(network.asgs()))?;
                self.nics_where(|_, configuration| {
                    let own = configuration.map(|own| &own.application_security_groups);
                    own.is_some_and(|own| own.iter().any(|asg| asgs.contains(asg)))
                })
            }
            Kind::Group => {
                let wanted = Pattern::new(name);
                let found = self.nics_where(|nic, _| {
                    let group = nic.id.resource_group();
                    group.is_some_and(|group| wanted.fits(group))
                });
                if found.is_empty() {
                    let nics = network.listed_nics();
                    let groups = nics.filter_map(|(_, nic)| nic.id.resource_group());
                    return Err(unknown(kind, name, groups.map(str::to_owned).collect()));
                }
                found
            }
            Kind::Tag => self.in_tag(name)?,
            Kind::Site => self.at_site(name)?,
        })
    }

    fn at_site(&self, name: &str) -> Result<Vec<End>, SelectorError> {
        let (site, host) = name.split_once('/').unwrap_or((name, "*"));
        let (wanted_site, wanted_host) = (Pattern::new(site), Pattern::new(host));
        let ends = self.outside.iter().filter(|end| {
            self.site_and_host(end)
                .is_some_and(|(site, host)| wanted_site.fits(site.name()) && wanted_host.fits(host))
        });
        let ends: Vec<End> = ends.copied().collect();
        if !ends.is_empty() {
            return Ok(ends);
        }
        let sites: Vec<_> = self.network.on_premises().values().collect();
        if let Some(empty) = sites.iter().find(|known| wanted_site.fits(known.name()))
            && host == "*"
        {
            return Err(SelectorError::Empty {
                text: format!("site:{name}"),
                why: format!("no host of {} is in the topology", empty.name()),
            });
        }
        let hosts = self
            .outside
            .iter()
            .filter_map(|end| self.site_and_host(end));
        let hosts = hosts.map(|(site, host)| format!("{}/{host}", site.name()));
        let sites = sites.into_iter().map(|site| site.name().to_owned());
        let names: Vec<String> = hosts.chain(sites).collect();
        if names.is_empty() {
            return Err(SelectorError::Empty {
                text: if name == "*" {
                    "on-premises".to_owned()
                } else {
                    format!("site:{name}")
                },
                why: "there is no host outside Azure in the topology".to_owned(),
            });
        }
        Err(unknown(Kind::Site, name, names))
    }

    fn site_and_host(&self, end: &End) -> Option<(&'n ResourceId, &'n str)> {
        let host = self.network.outside_host(end.worker)?;
        let site = match host.place {
            OutsidePlace::OnPremises(site) => &self.network.on_premises()[site].id,
            OutsidePlace::VpnClient(gateway) => &self.network.gateways()[gateway].id,
            OutsidePlace::Internet => return None,
        };
        Some((site, host.name.as_str()))
    }

    fn by_id(&self, id: &ResourceId) -> Result<Vec<End>, SelectorError> {
        let network = self.network;
        if let Some(vm) = network.virtual_machines().find(id) {
            return Ok(self.nics_where(|nic, _| nic.owner == NicOwner::VirtualMachine(vm)));
        }
        if let Some(vnet) = network.virtual_networks().find(id) {
            return Ok(self.nics_where(|nic, _| nic.virtual_network == vnet));
        }
        if let Some(subnet) = network.subnets().find(id) {
            return Ok(self
                .nics_where(|_, configuration| configuration.is_some_and(|c| c.subnet == subnet)));
        }
        if let Some(asg) = network.asgs().find(id) {
            return Ok(self.nics_where(|_, configuration| {
                configuration.is_some_and(|own| own.application_security_groups.contains(&asg))
            }));
        }
        let outside = self.outside.iter().filter(|end| {
            self.site_and_host(end)
                .is_some_and(|(site, host)| site == id || site.child("hosts", host) == *id)
        });
        let outside: Vec<End> = outside.copied().collect();
        if !outside.is_empty() {
            return Ok(outside);
        }
        self.as_other_commands_do(id.as_str())
    }

    fn by_name(&self, name: &str) -> Result<Vec<End>, SelectorError> {
        let wanted = Pattern::new(name);
        if !wanted.is_several() {
            return self.as_other_commands_do(name);
        }
        let machines = by_own_name(self.network.virtual_machines()).into_iter();
        let machines: HashSet<_> = machines
            .filter(|machine| wanted.fits(&machine.name))
            .map(|machine| machine.key)
            .collect();
        let mut ends = self.nics_where(|nic, _| {
            let is_of_machine =
                matches!(nic.owner, NicOwner::VirtualMachine(vm) if machines.contains(&vm));
            is_of_machine || wanted.fits(nic.name())
        });
        let outside = self.outside.iter();
        ends.extend(outside.filter(|end| {
            self.site_and_host(end)
                .is_some_and(|(_, host)| wanted.fits(host))
        }));
        if ends.is_empty() {
            let unknown = LookupError::Unknown {
                text: name.to_owned(),
                similar: Vec::new(),
            };
            return Err(SelectorError::Name(unknown, self.kinds_named(&wanted)));
        }
        Ok(ends)
    }

    fn as_other_commands_do(&self, name: &str) -> Result<Vec<End>, SelectorError> {
        let found = self.network.endpoint(name).map_err(|error| {
            let hint = match error {
                LookupError::Unknown { .. } => self.kinds_named(&Pattern::new(name)),
                LookupError::Ambiguous { .. } | LookupError::WithoutNic(_) => String::new(),
            };
            SelectorError::Name(error, hint)
        })?;
        Ok(match found {
            Endpoint::Nic(worker, address) => {
                let nic = &self.network.nics()[worker];
                if let NicOwner::VirtualMachine(vm) = nic.owner
                    && let machine = &self.network.virtual_machines()[vm]
                    && machine.name().eq_ignore_ascii_case(name)
                {
                    return Ok(self.nics_where(|nic, _| nic.owner == NicOwner::VirtualMachine(vm)));
                }
                // An IP configuration is its address, a NIC all of those that count.
                if address != nic.primary_address() {
                    return Ok(vec![End {
                        address,
                        worker,
                        kind: EndKind::Secondary,
                    }]);
                }
                let own = self.nics.iter().filter(|end| end.worker == worker);
                let own: Vec<End> = own.copied().collect();
                if own.is_empty() {
                    // Azure does not list it: a firewall's.
                    let kind = EndKind::Primary;
                    return Ok(vec![End {
                        address,
                        worker,
                        kind,
                    }]);
                }
                own
            }
            Endpoint::Outside(station, address) => {
                let ends = self.outside.iter().chain(&self.internet);
                let host = ends.filter(|end| end.worker == station).copied();
                host.map(|end| End { address, ..end }).collect()
            }
            Endpoint::Address(address) => self.within(address.into()),
        })
    }

    /// Of what kind something is that has such a name, where ends have not.
    fn kinds_named(&self, wanted: &Pattern<'_>) -> String {
        let network = self.network;
        let fits = |id: &ResourceId| wanted.fits(id.name());
        let kinds = [
            (
                Kind::VirtualNetwork,
                network.virtual_networks().values().any(|r| fits(&r.id)),
            ),
            (
                Kind::Subnet,
                network.subnets().values().any(|r| fits(&r.id)),
            ),
            (Kind::Asg, network.asgs().values().any(|r| fits(&r.id))),
            (
                Kind::Site,
                network.on_premises().values().any(|r| fits(&r.id)),
            ),
            (
                Kind::Group,
                network
                    .listed_nics()
                    .any(|(_, nic)| nic.id.resource_group().is_some_and(|g| wanted.fits(g))),
            ),
            (
                Kind::Tag,
                network.service_tags().any(|(tag, _)| wanted.fits(tag)),
            ),
        ];
        let named = kinds.into_iter().find(|&(_, is_named)| is_named);
        named.map_or_else(String::new, |(kind, _)| {
            format!(
                "; the {} of this name is {}:{}",
                kind.in_words(),
                kind.as_str(),
                wanted.text
            )
        })
    }
}
