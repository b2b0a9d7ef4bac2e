//! The devices that a packet has to pass, or must not, by the words of a promise: `vm:nva`, `firewall:hub-fw`, `gateway:hub-gw`.

use std::collections::BTreeSet;

use control::Snapshot;
use control::snapshot::{FrontendId, GuestKind};
use model::lookup::similar;
use model::table::{Key, Resource, Table};
use model::{Network, NicId, NicOwner, ResourceId};
use wildmatch::WildMatch;

use crate::probe::Device;

/// Why a text names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It begins with a kind that is none.
    #[error(
        "'{text}' is no device: expected vm:, nic:, firewall:, appliance:, gateway: or loadbalancer: and a name, or a resource id"
    )]
    Syntax {
        /// What was written.
        text: String,
    },
    /// Nothing in the network has the name.
    #[error("there is no {what} '{name}' in the topology that a packet could pass{hint}")]
    Unknown {
        /// The kind in words.
        what: &'static str,
        /// The name or pattern.
        name: String,
        /// What may have been meant.
        hint: String,
    },
}

/// Kinds of devices: the word of each, and what it is called in a sentence.
const KINDS: [(&str, &str); 6] = [
    ("vm", "VM"),
    ("nic", "NIC"),
    ("firewall", "Azure firewall"),
    (
        "appliance",
        "network virtual appliance or managed routing appliance",
    ),
    ("gateway", "virtual network gateway"),
    ("loadbalancer", "load balancer"),
];

impl DeviceError {
    /// Whether the words could mean something in another network.
    pub fn is_about_the_network(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// The devices that a text names: a kind with a name, which may have `*` and `?` in it; a name alone, of any kind; or a resource id.
/// Letter case does not count. A machine is all of its NICs, a gateway its tunnels and instances, a load balancer its frontends.
///
/// # Errors
///
/// If the kind is none, or nothing has the name.
pub fn devices(
    network: &Network,
    snapshot: &Snapshot,
    text: &str,
) -> Result<BTreeSet<Device>, DeviceError> {
    let text = text.trim();
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) => {
            let mut kinds = KINDS.iter();
            let known = kinds.find(|(word, _)| word.eq_ignore_ascii_case(kind.trim()));
            (Some(known), name.trim())
        }
        None => (None, text),
    };
    let (word, what) = match kind {
        Some(None) => {
            return Err(DeviceError::Syntax {
                text: text.to_owned(),
            });
        }
        Some(Some(&(word, what))) => (Some(word), what),
        None => (None, "device"),
    };
    if name.is_empty() {
        return Err(DeviceError::Syntax {
            text: text.to_owned(),
        });
    }
    let search = Search {
        network,
        snapshot,
        name,
        id: ResourceId::parse(name).ok(),
        pattern: WildMatch::new_case_insensitive(name),
    };
    let found = search.all(word);
    if found.is_empty() {
        return Err(DeviceError::Unknown {
            what,
            name: name.to_owned(),
            hint: search.hint(word),
        });
    }
    Ok(found)
}

struct Search<'n> {
    network: &'n Network,
    snapshot: &'n Snapshot,
    name: &'n str,
    id: Option<ResourceId>,
    pattern: WildMatch,
}

impl Search<'_> {
    fn all(&self, kind: Option<&str>) -> BTreeSet<Device> {
        let wanted = |word| kind.is_none_or(|kind| kind == word);
        let mut found = BTreeSet::new();
        let network = self.network;
        if wanted("vm") {
            for machine in self.named(network.virtual_machines()) {
                let nics = &network.virtual_machines()[machine].nics;
                found.extend(nics.iter().copied().map(Device::Nic));
            }
        }
        if wanted("nic") {
            found.extend(self.nics().map(Device::Nic));
        }
        if wanted("firewall") {
            let firewalls = self.named(network.firewalls());
            found.extend(firewalls.map(|firewall| Device::Nic(network.firewalls()[firewall].nic)));
        }
        if wanted("appliance") {
            let appliances = network.routing_appliances();
            let named = self.named(appliances);
            found.extend(named.map(|appliance| Device::Nic(appliances[appliance].nic)));
            let machines = self.named(network.virtual_machines());
            let nics = machines.flat_map(|machine| &network.virtual_machines()[machine].nics);
            let forwarding = nics.copied().filter(|&nic| {
                let guest = self.snapshot.guest_behind(nic);
                guest.is_some_and(|(_, guest)| matches!(guest.kind, GuestKind::Appliance { .. }))
            });
            found.extend(forwarding.map(Device::Nic));
        }
        if wanted("gateway") {
            for gateway in self.named(network.gateways()) {
                found.insert(Device::Gateway(gateway));
                let instances = network.nics().iter().filter(|(_, nic)| {
                    matches!(nic.owner, NicOwner::GatewayInstance(owner, _) if owner == gateway)
                });
                found.extend(instances.map(|(nic, _)| Device::Nic(nic)));
            }
        }
        if wanted("loadbalancer") {
            for balancer in self.named(network.load_balancers()) {
                let frontends = (0_u32..).zip(self.snapshot.frontends.iter());
                let own = frontends.filter(|(_, frontend)| frontend.balancer == balancer);
                found.extend(own.map(|(number, _)| Device::Frontend(FrontendId(number))));
            }
        }
        found
    }

    /// Names of this kind that are close to the one that nothing has; else those of other kinds, with their kind.
    fn hint(&self, kind: Option<&str>) -> String {
        let network = self.network;
        let names = [
            ("vm", names_of(network.virtual_machines())),
            (
                "nic",
                network.listed_nics().map(|(_, nic)| nic.name()).collect(),
            ),
            ("firewall", names_of(network.firewalls())),
            ("appliance", names_of(network.routing_appliances())),
            ("gateway", names_of(network.gateways())),
            ("loadbalancer", names_of(network.load_balancers())),
        ];
        let close = |wanted: bool| {
            let of_kind = names
                .iter()
                .filter(|(word, _)| kind.is_none_or(|kind| (kind == *word) == wanted));
            let close = of_kind.flat_map(|(word, names)| {
                let names = similar(self.name, names.iter().copied());
                names.into_iter().map(move |name| format!("{word}:{name}"))
            });
            close.take(3).collect::<Vec<_>>()
        };
        let namesakes: Vec<String> = names
            .iter()
            .flat_map(|(word, names)| names.iter().map(move |name| (word, name)))
            .filter(|(_, name)| name.eq_ignore_ascii_case(self.name))
            .map(|(word, name)| format!("{word}:{name}"))
            .collect();
        let (own, others) = (close(true), close(false));
        let mut meant = [namesakes, own, others].into_iter();
        let meant = meant.find(|names| !names.is_empty());
        let meant = meant.unwrap_or_default();
        if meant.is_empty() {
            return String::new();
        }
        format!("; did you mean {}?", meant.join(" or "))
    }

    fn is(&self, id: &ResourceId) -> bool {
        match &self.id {
            Some(wanted) => wanted == id,
            None => self.pattern.matches(id.name()),
        }
    }

    fn named<'t, K: Key, R: Resource>(
        &'t self,
        table: &'t Table<K, R>,
    ) -> impl Iterator<Item = K> + 't {
        let fits = table.iter().filter(|(_, resource)| self.is(resource.id()));
        fits.map(|(key, _)| key)
    }

    /// NICs by their name, or by that of their machine and their own.
    fn nics(&self) -> impl Iterator<Item = NicId> + '_ {
        let machine = self.name.split_once('/').filter(|_| self.id.is_none());
        let listed = self.network.listed_nics();
        let fits = listed.filter(move |(_, nic)| match (machine, nic.owner) {
            (Some((machine, name)), NicOwner::VirtualMachine(vm)) => {
                let owner = self.network.virtual_machines()[vm].id.name();
                owner.eq_ignore_ascii_case(machine) && nic.id.name().eq_ignore_ascii_case(name)
            }
            (Some(_), _) => false,
            (None, _) => self.is(&nic.id),
        });
        fits.map(|(nic, _)| nic)
    }
}

fn names_of<K: Key, R: Resource>(table: &Table<K, R>) -> Vec<&str> {
    table.values().map(Resource::name).collect()
}
