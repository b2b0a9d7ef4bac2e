//! Names as the guests of Azure resolve them: who is asked, whether the question arrives there, and what the answer is.
//!
//! A guest asks the DNS servers of its NIC, else those of its virtual network, one after the other, or Azure's own at 168.63.129.16
//! where there are none. Each question is a UDP datagram to port 53 that goes through the packet pipeline both ways. Azure answers from
//! the private zones that are linked to the network from which it was asked, then with the names of the machines in that network, which
//! nobody else gets. A server in a VM answers from its zones and asks its forwarders, in its own network, for the rest.
//!
//! What this does not know: records other than A and CNAME, names of the Internet, caches, and DNS servers outside Azure.

use std::net::Ipv4Addr;

use control::Snapshot;
use dataplane::dropped::Dropped;
use dataplane::flow::FlowTable;
use dataplane::guest::{Guests, willing_reply};
use dataplane::packet::Packet;
use dataplane::pipeline::{Delivery, Outcome, Pipeline, Position};
use engine::application::{DEFAULT_TTL, FIRST_SOURCE_PORT, Probe, ProbeKind};
use engine::time::SimTime;
use model::address::HOST_ADDRESS;
use model::names::{DnsName, INTERNAL_SUFFIX, ZoneRecords};
use model::table::Resource;
use model::{Listener, Network, NicId, NicOwner, VmId, VnetId};
use serde::Serialize;

use crate::evidence::Narrator;

/// The port of DNS.
const DNS: u16 = 53;
/// Servers that ask each other: beyond this it is a circle.
const MAX_FORWARDED: usize = 8;
/// Aliases of aliases: beyond this it is a circle.
const MAX_ALIASES: usize = 16;

/// What came of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    /// The name, in lower case and without a dot at the end.
    pub name: String,
    /// The answer that the guest takes.
    pub answer: Answer,
    /// Who was asked, in that order. The last one gave the answer, unless nobody did.
    pub asked: Vec<Query>,
}

/// One question to one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// The NIC that asks.
    pub from: String,
    /// The address that is asked.
    pub server: Ipv4Addr,
    /// Whose address that is, as far as packets get there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What came back.
    pub answer: Answer,
    /// Whom that server asked in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwarded: Vec<Query>,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum Answer {
    /// The name has addresses.
    Addresses {
        /// At least one.
        addresses: Vec<Ipv4Addr>,
        /// Where the record stands.
        source: String,
    },
    /// There is no such name: a guest stops asking.
    NoSuchName {
        /// Who knows, and how.
        why: String,
    },
    /// Nothing of use: a guest asks the next server.
    NoAnswer {
        /// What stopped the question or its answer.
        why: String,
    },
    /// The input does not hold what decides.
    Unknown {
        /// What is missing.
        why: String,
    },
}

impl Answer {
    /// A guest asks nobody else after this.
    fn is_final(&self) -> bool {
        !matches!(self, Self::NoAnswer { .. })
    }
}

/// Where a question got to.
enum Reached {
    Azure,
    Guest(NicId),
    Nobody(Answer),
}

/// Resolves a name as the guest behind a NIC does.
pub fn resolve(
    network: &Network,
    snapshot: &Snapshot,
    (nic, address): (NicId, Ipv4Addr),
    name: &str,
) -> Resolution {
    let resolver = Resolver {
        network,
        snapshot,
        narrator: Narrator { network, snapshot },
    };
    let name = DnsName::new(name);
    let (answer, asked) = resolver.guest(nic, address, &name);
    Resolution {
        name: name.to_string(),
        answer,
        asked,
    }
}

struct Resolver<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    narrator: Narrator<'a>,
}

impl Resolver<'_> {
    fn guest(&self, nic: NicId, address: Ipv4Addr, name: &DnsName) -> (Answer, Vec<Query>) {
        let Some(interface) = self.network.nics().get(nic) else {
            let why = format!(
                "whom {} asks for names is not in the input: it is outside Azure",
                self.narrator.site(nic)
            );
            return (Answer::Unknown { why }, Vec::new());
        };
        let of_network = &self.network.virtual_networks()[interface.virtual_network].dns_servers;
        let servers = match (self.network.dns_servers_of_nic(nic), of_network.as_slice()) {
            ([], []) => &[HOST_ADDRESS],
            ([], of_network) => of_network,
            (own, _) => own,
        };
        self.ask_in_turn(nic, address, servers, name, 0)
    }

    /// The first answer of use, and all that was asked for it.
    fn ask_in_turn(
        &self,
        nic: NicId,
        address: Ipv4Addr,
        servers: &[Ipv4Addr],
        name: &DnsName,
        depth: usize,
    ) -> (Answer, Vec<Query>) {
        let mut asked = Vec::new();
        for &server in servers {
            let query = self.ask(nic, address, server, name, depth);
            let answer = query.answer.clone();
            asked.push(query);
            if answer.is_final() {
                return (answer, asked);
            }
        }
        let why = "no server answers".to_owned();
        (Answer::NoAnswer { why }, asked)
    }

    fn ask(
        &self,
        nic: NicId,
        address: Ipv4Addr,
        server: Ipv4Addr,
        name: &DnsName,
        depth: usize,
    ) -> Query {
        let mut query = Query {
            from: self.narrator.site(nic),
            server,
            at: None,
            answer: Answer::NoAnswer {
                why: "servers ask each other in a circle".to_owned(),
            },
            forwarded: Vec::new(),
        };
        if depth > MAX_FORWARDED {
            return query;
        }
        match self.reach(nic, address, server) {
            Reached::Azure => {
                query.at = Some("Azure".to_owned());
                query.answer = self.azure(self.network.nics()[nic].virtual_network, name, 0);
            }
            Reached::Guest(at) => {
                query.at = Some(self.narrator.site(at));
                (query.answer, query.forwarded) = self.server(at, name, depth);
            }
            Reached::Nobody(answer) => query.answer = answer,
        }
        query
    }

    /// Sends the question, and the reply of a server that answers.
    fn reach(&self, nic: NicId, address: Ipv4Addr, server: Ipv4Addr) -> Reached {
        let probe = Probe {
            source: address,
            destination: server,
            kind: ProbeKind::Udp {
                port: DNS,
                source_port: Some(FIRST_SOURCE_PORT),
                payload: 1,
            },
            dont_fragment: false,
        };
        let Ok(mut question) = Packet::from_datagram(&probe.datagram(1, DEFAULT_TTL)) else {
            let why = format!("{server} is the address of no single host");
            return Reached::Nobody(Answer::NoAnswer { why });
        };
        let mut pairs = FlowTable::default();
        let mut guests = Guests::without_rate_limits();
        let mut walk = |from: NicId, packet: &mut Packet| {
            let mut recorder = ();
            Pipeline::new(
                self.snapshot,
                &mut pairs,
                &mut guests,
                &mut recorder,
                SimTime::ZERO,
            )
            .walk(Position::Leaving(from), packet)
        };
        let at = match walk(nic, &mut question) {
            Outcome::Delivered(Delivery::Platform) if server == HOST_ADDRESS => {
                return Reached::Azure;
            }
            Outcome::Delivered(Delivery::Guest(at)) => at,
            Outcome::Delivered(
                Delivery::Platform | Delivery::Internet | Delivery::AzureService,
            ) => {
                let why = format!("what {server} answers is not in the input");
                return Reached::Nobody(Answer::Unknown { why });
            }
            Outcome::Dropped { nic, dropped } => {
                return Reached::Nobody(self.lost("the question", nic, dropped));
            }
        };
        let Some((leaves, mut reply)) = willing_reply(self.snapshot, at, &question) else {
            return Reached::Guest(at);
        };
        match walk(leaves, &mut reply) {
            Outcome::Delivered(_) => Reached::Guest(at),
            Outcome::Dropped { nic, dropped } => {
                Reached::Nobody(self.lost("the answer", nic, dropped))
            }
        }
    }

    fn lost(&self, what: &str, nic: NicId, dropped: Dropped) -> Answer {
        let why = format!(
            "{what} is lost at {}: {}",
            self.narrator.site(nic),
            self.narrator.dropped(dropped)
        );
        if dropped.reason().is_unknown() {
            Answer::Unknown { why }
        } else {
            Answer::NoAnswer { why }
        }
    }

    /// What the guest that the question has reached says, and whom it asks for that.
    fn server(&self, at: NicId, name: &DnsName, depth: usize) -> (Answer, Vec<Query>) {
        let site = self.narrator.site(at);
        let machine = self.network.nics().get(at).map(|nic| nic.owner);
        let Some(NicOwner::VirtualMachine(vm)) = machine else {
            let why = format!("what {site} answers is not in the input");
            return (Answer::Unknown { why }, Vec::new());
        };
        let listeners = &self.network.virtual_machines()[vm].guest.listen;
        let is_closed = listeners
            .as_ref()
            .is_some_and(|listeners| !listeners.contains(&Listener::Udp(DNS)));
        if is_closed {
            let why = format!("nothing listens on udp/53 at {site}");
            return (Answer::NoAnswer { why }, Vec::new());
        }
        let Some(server) = self.network.dns_server(vm) else {
            let why = format!("whether a DNS server runs at {site} is not in the input");
            return (Answer::Unknown { why }, Vec::new());
        };
        let zones = server.zones.iter();
        let zone = zones
            .filter_map(|(zone, records)| Some((zone, records, name.below(zone)?)))
            .max_by_key(|(zone, ..)| zone.as_str().len());
        if let Some((_, records, below)) = zone
            && let Some(target) = records.alias(below)
            && depth <= MAX_FORWARDED
        {
            // What it does not hold itself, it asks for as for any other name.
            return self.server(at, target, depth + 1);
        }
        if let Some((zone, records, below)) = zone {
            let answer = from_zone(records, below, || None).map_or_else(
                || Answer::NoSuchName {
                    why: format!("zone {zone} of {site} holds no such name"),
                },
                |addresses| Answer::Addresses {
                    addresses,
                    source: format!("zone {zone} of {site}"),
                },
            );
            return (answer, Vec::new());
        }
        if server.forwarders.is_empty() {
            let why = format!("{site} holds no zone for it and asks nobody");
            return (Answer::NoAnswer { why }, Vec::new());
        }
        self.forward(vm, &server.forwarders, name, depth)
    }

    fn forward(
        &self,
        vm: VmId,
        forwarders: &[Ipv4Addr],
        name: &DnsName,
        depth: usize,
    ) -> (Answer, Vec<Query>) {
        let Some(nic) = self.network.virtual_machines()[vm].primary_nic() else {
            let why = "the server has no NIC in the input".to_owned();
            return (Answer::Unknown { why }, Vec::new());
        };
        let address = self.network.nics()[nic].primary_address();
        self.ask_in_turn(nic, address, forwarders, name, depth + 1)
    }

    /// What 168.63.129.16 says to whoever asks in this network.
    fn azure(&self, vnet: VnetId, name: &DnsName, aliases: usize) -> Answer {
        let zones = self.network.zones_linked_to(vnet).map(|(zone, _)| zone);
        let zone = zones
            .filter(|zone| name.below(&zone.zone()).is_some())
            .max_by_key(|zone| zone.id.name().len());
        if let Some(zone) = zone {
            let zone_name = zone.zone();
            let below = name.below(&zone_name).unwrap_or_default();
            if let Some(target) = zone.records.alias(below) {
                if aliases >= MAX_ALIASES {
                    let why = format!("aliases of private DNS zone {zone_name} lead in a circle");
                    return Answer::NoSuchName { why };
                }
                return self.azure(vnet, target, aliases + 1);
            }
            let registered = || self.registered(zone, below);
            return match from_zone(&zone.records, below, registered) {
                Some(addresses) => Answer::Addresses {
                    addresses,
                    source: format!("private DNS zone {zone_name}"),
                },
                None => Answer::NoSuchName {
                    why: format!("private DNS zone {zone_name} holds no such name"),
                },
            };
        }
        let internal = DnsName::new(INTERNAL_SUFFIX);
        let label = match name.below(&internal) {
            Some(below) => below.split('.').next(),
            None if name.is_dotted() => None,
            None => Some(name.as_str()),
        };
        let Some(label) = label else {
            let why = format!(
                "{name} is in no private DNS zone that is linked to {}: a name of the Internet, or of a zone that is not in the input",
                self.network.virtual_networks()[vnet].name()
            );
            return Answer::Unknown { why };
        };
        if let Some(address) = self.network.registered_address(vnet, label) {
            return Answer::Addresses {
                addresses: vec![address],
                source: format!(
                    "machines of {}",
                    self.network.virtual_networks()[vnet].name()
                ),
            };
        }
        let elsewhere = self
            .network
            .virtual_networks()
            .iter()
            .filter(|&(other, _)| other != vnet)
            .find(|&(other, _)| self.network.registered_address(other, label).is_some());
        let here = self.network.virtual_networks()[vnet].name();
        let why = match elsewhere {
            Some((_, other)) => format!(
                "'{label}' is in {}, and default names resolve inside one virtual network only; link a private DNS zone to {here}, or give it a DNS server",
                other.name()
            ),
            None => format!("no machine of {here} is named '{label}'"),
        };
        Answer::NoSuchName { why }
    }

    /// The record that a machine has in a zone because its network is linked with registration.
    fn registered(&self, zone: &model::names::PrivateDnsZone, below: &str) -> Option<Ipv4Addr> {
        zone.links
            .iter()
            .filter(|link| link.registration_enabled)
            .filter_map(|link| self.network.virtual_networks().find(&link.virtual_network))
            .find_map(|vnet| self.network.registered_address(vnet, below))
    }
}

/// Own records go before registered ones, and wildcards after both.
fn from_zone(
    records: &ZoneRecords,
    below: &str,
    registered: impl FnOnce() -> Option<Ipv4Addr>,
) -> Option<Vec<Ipv4Addr>> {
    let own = records.exact(below).map(<[Ipv4Addr]>::to_vec);
    own.or_else(|| Some(vec![registered()?]))
        .or_else(|| records.wildcard(below).map(<[Ipv4Addr]>::to_vec))
        .filter(|addresses| !addresses.is_empty())
}
