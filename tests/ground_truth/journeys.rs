//! Recorded pings, traceroutes, captures and paths, replayed with packets.

use std::net::Ipv4Addr;
use std::ops::ControlFlow;

use control::questions::next_hop_of;
use engine::application::{
    Answer, Application, DEFAULT_TTL, Ping, Probe, ProbeKind, ProbeOutcome, Traceroute,
};
use engine::latency::LatencyModel;
use engine::simulate::{Settings, Simulation};
use engine::time::SimDuration;
use engine::trace::{Fate, FrameDirection, Frames, Occurrence, Sighting};
use model::table::Resource;
use model::{NextHopType, NicId};
use serde_json::Value;

use crate::reading::{addresses_in, list, number, same, short, text, texts, unknown_keys};
use crate::tables::Asked;
use crate::tally::Tally;
use crate::topology::is_named;

/// What a probe and its answer met.
#[derive(Debug, Default)]
struct Trip {
    answer: Option<Answer>,
    /// Answers of each hop, for a traceroute.
    hops: Vec<Option<Ipv4Addr>>,
    /// Where the probe was seen, in order.
    forward: Vec<Seen>,
    /// Where the answer was seen.
    back: Vec<Seen>,
    /// Why something died, if it did.
    dropped: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    nic: NicId,
    sent: bool,
    source: Ipv4Addr,
    destination: Ipv4Addr,
}

impl Asked<'_> {
    /// `reachability`.
    pub(crate) fn reachability(&self, value: &Value, tally: &mut Tally) {
        let (source, destination) = (
            text(value, &["src", "source", "from"]),
            text(value, &["dst", "destination", "to"]),
        );
        let subject = format!(
            "{} -> {}",
            source.unwrap_or("?"),
            destination.unwrap_or("?")
        );
        let mut odd = Vec::new();
        unknown_keys(
            value,
            &subject,
            "src source from dst destination to proto protocol port result reason rtt_ms reply_ttl via not_via \
forward_via return_via docs_say phase",
            &mut odd,
        );
        for remark in odd {
            tally.explain(remark);
        }
        let written = text(value, &["result"]).unwrap_or_default();
        let Some(wanted) = verdict(written) else {
            tally.explain(format!("{subject}: result '{written}' is no verdict"));
            return;
        };
        let Some(kind) = probe_kind(value) else {
            tally.explain(format!(
                "{subject}: {} is not replayed",
                short(value.get("proto").unwrap_or(&Value::Null))
            ));
            return;
        };
        let (Some((from, own)), Some(to)) = (
            source.and_then(|name| self.station(name)),
            destination.and_then(|name| self.address_of(name)),
        ) else {
            tally.explain(format!("{subject}: an end is not known"));
            return;
        };
        // From outside a machine is asked at its public address, if it has one.
        let public = self.topology.nics.iter().find(|nic| nic.address == to);
        let public = public.and_then(|nic| nic.public_ip);
        let to = public
            .filter(|_| source.is_some_and(|name| same(name, "Internet")))
            .unwrap_or(to);
        let trip = match self.travel(from, own, to, kind) {
            Ok(trip) => trip,
            Err(error) => {
                tally.fail(format!("{subject}: {error}"));
                return;
            }
        };
        let reached = trip
            .answer
            .is_some_and(|answer| answer.kind.is_from_destination());
        let mut wrong = Vec::new();
        if reached != wanted {
            let why = trip
                .dropped
                .clone()
                .unwrap_or_else(|| "no answer".to_owned());
            wrong.push(if wanted {
                format!("Azure reaches it, vnetsim does not: {why}")
            } else {
                "Azure does not reach it, vnetsim does".to_owned()
            });
        }
        if reached && wanted {
            self.compare_reply(value, to, &trip, &subject, &mut wrong, tally);
        }
        let subjects = [
            "flags",
            "reachab",
            "snat",
            "nva",
            source.unwrap_or_default(),
            destination.unwrap_or_default(),
        ];
        let excuse = self.case.excuse(&subjects).or_else(|| weaker(value));
        tally.row(wrong.is_empty(), excuse, || {
            format!("{subject}: {}", wrong.join("; "))
        });
    }

    /// Time to live and way of an answer.
    fn compare_reply(
        &self,
        value: &Value,
        to: Ipv4Addr,
        trip: &Trip,
        subject: &str,
        wrong: &mut Vec<String>,
        tally: &mut Tally,
    ) {
        if let (Some(ttl), Some(answer)) = (number(value, &["reply_ttl"]), trip.answer)
            && self.is_known(to)
            && ttl != i64::from(answer.ttl)
        {
            wrong.push(format!(
                "Azure's reply has TTL {ttl}, vnetsim's {}",
                answer.ttl
            ));
        }
        let both: Vec<NicId> = trip
            .forward
            .iter()
            .chain(&trip.back)
            .map(|seen| seen.nic)
            .collect();
        for (key, path) in [
            ("via", &trip.forward),
            ("forward_via", &trip.forward),
            ("return_via", &trip.back),
        ] {
            let path: Vec<NicId> = path.iter().map(|seen| seen.nic).collect();
            self.compare_way(key, &texts(value, &[key]), &path, subject, wrong, tally);
        }
        for name in texts(value, &["not_via"]) {
            match self.is_at(name, &both) {
                Some(true) => {
                    wrong.push(format!("Azure does not go through {name}, vnetsim does"));
                }
                Some(false) => {}
                None => tally.explain(format!("{subject}: not_via '{name}' is nothing known")),
            }
        }
    }

    /// The named places have to be met in their order.
    fn compare_way(
        &self,
        key: &str,
        names: &[&str],
        path: &[NicId],
        subject: &str,
        wrong: &mut Vec<String>,
        tally: &mut Tally,
    ) {
        let mut rest = path;
        for name in names {
            let Some(_) = self.is_at(name, path) else {
                tally.explain(format!("{subject}: {key} '{name}' is nothing known"));
                continue;
            };
            let at = rest
                .iter()
                .position(|&nic| self.is_at(name, &[nic]) == Some(true));
            if let Some(at) = at {
                rest = &rest[at..];
            } else {
                let way: Vec<String> = path.iter().map(|&nic| self.world.name_of(nic)).collect();
                wrong.push(format!(
                    "{key}: Azure goes through {name}, vnetsim by {}",
                    way.join(", ")
                ));
                return;
            }
        }
    }

    /// Whether one of these NICs is what a name means; `None` if the name means nothing.
    fn is_at(&self, name: &str, nics: &[NicId]) -> Option<bool> {
        let lower = name.to_ascii_lowercase();
        if let Some(address) = addresses_in(name)
            .first()
            .copied()
            .filter(|address| address.to_string() == name.trim())
        {
            let members = self
                .topology
                .balancers
                .iter()
                .filter(|balancer| balancer.frontend == address);
            let backends: Vec<&String> = members.flat_map(|balancer| &balancer.backends).collect();
            let in_pool = |nic: NicId| {
                let own = self
                    .world
                    .network
                    .nics()
                    .get(nic)
                    .map(|nic| nic.name().to_owned());
                self.topology
                    .nics
                    .iter()
                    .filter(|entry| own.as_deref() == Some(entry.name.as_str()))
                    .any(|entry| backends.iter().any(|backend| is_named(entry, backend)))
            };
            let owner = self
                .world
                .owner(address)
                .or_else(|| self.world.outside(address));
            if owner.is_none() && backends.is_empty() {
                return None;
            }
            return Some(nics.iter().any(|&nic| owner == Some(nic) || in_pool(nic)));
        }
        if lower.contains("gateway") {
            return Some(nics.iter().any(|&nic| self.world.is_gateway(nic)));
        }
        if ["nva", "firewall", "appliance"].contains(&lower.as_str()) {
            return Some(nics.iter().any(|&nic| self.world.forwards(nic)));
        }
        let named = self.world.nic(name)?;
        Some(nics.contains(&named))
    }

    /// A VM or gateway of the topology: what answers there is no stand-in.
    fn is_known(&self, address: Ipv4Addr) -> bool {
        self.world.owner(address).is_some()
    }

    /// Who sends: a NIC, or a host outside Azure.
    fn station(&self, name: &str) -> Option<(NicId, Ipv4Addr)> {
        let address = self.address_of(name)?;
        if let Some(nic) = self.world.nic(name) {
            return Some((nic, address));
        }
        if same(name, "Internet") {
            let station = self.world.network.internet()?;
            return Some((station, self.world.network.outside_host(station)?.address));
        }
        let station = self
            .world
            .owner(address)
            .or_else(|| self.world.outside(address))?;
        Some((station, address))
    }

    fn travel(
        &self,
        from: NicId,
        own: Ipv4Addr,
        to: Ipv4Addr,
        kind: ProbeKind,
    ) -> Result<Trip, String> {
        let probe = Probe {
            source: own,
            destination: to,
            kind,
            dont_fragment: false,
        };
        let second = SimDuration::from_milliseconds(1000);
        self.run(
            from,
            Application::Ping(Ping::new(
                probe,
                1,
                second,
                SimDuration::from_milliseconds(5000),
                DEFAULT_TTL,
            )),
        )
    }

    fn run(&self, from: NicId, application: Application) -> Result<Trip, String> {
        let settings = Settings {
            seed: 0,
            latency: LatencyModel::default(),
            frames: Frames::All,
        };
        let mut simulation = Simulation::new(
            self.world.network.clone(),
            self.world.snapshot.clone(),
            settings,
        );
        simulation
            .install(from, application)
            .map_err(|error| error.to_string())?;
        let mut trip = Trip::default();
        let mut sightings: Vec<Sighting> = Vec::new();
        let run = simulation.run(|occurrence| {
            match occurrence {
                Occurrence::Frame(sighting) => sightings.push(sighting),
                Occurrence::Probe { event, .. } => match event.outcome {
                    ProbeOutcome::Answered { answer, .. } => {
                        trip.answer = Some(answer);
                        trip.hops.push(Some(answer.from));
                    }
                    ProbeOutcome::TimedOut => trip.hops.push(None),
                    ProbeOutcome::Sent => {}
                },
            }
            ControlFlow::Continue(())
        });
        run.map_err(|error| error.to_string())?;
        let asked = sightings
            .iter()
            .find(|sighting| sighting.packet.origin == from)
            .map(|sighting| sighting.packet);
        let answered = sightings
            .iter()
            .find(|sighting| {
                sighting.packet.origin != from
                    && sighting.nic == from
                    && sighting.direction == FrameDirection::Received
            })
            .map(|sighting| sighting.packet);
        for sighting in &sightings {
            if let Fate::Dropped(dropped) = sighting.fate {
                let object = diagnose::object::Object::of_drop(&self.world.snapshot, dropped);
                trip.dropped.get_or_insert(format!(
                    "dropped at {}: {} ({object})",
                    self.world.name_of(sighting.nic),
                    dropped.reason()
                ));
            }
            let Some(seen) = seen(sighting) else { continue };
            if Some(sighting.packet) == asked {
                trip.forward.push(seen);
            } else if Some(sighting.packet) == answered {
                trip.back.push(seen);
            }
        }
        Ok(trip)
    }

    /// `traceroute`: the addresses that show themselves.
    pub(crate) fn traceroute(&self, value: &Value, tally: &mut Tally) {
        let (source, destination) = (
            text(value, &["src", "source"]),
            text(value, &["dst", "destination"]),
        );
        let subject = format!(
            "traceroute {} -> {}",
            source.unwrap_or("?"),
            destination.unwrap_or("?")
        );
        let (Some((from, own)), Some(to)) = (
            source.and_then(|name| self.station(name)),
            destination.and_then(|name| self.address_of(name)),
        ) else {
            tally.explain(format!("{subject}: an end is not known"));
            return;
        };
        let mut wanted: Vec<Option<Ipv4Addr>> = Vec::new();
        for hop in list(value, &["hops"]) {
            let hop = hop
                .as_str()
                .or_else(|| text(hop, &["ip", "address"]))
                .unwrap_or("*");
            match (addresses_in(hop).first(), hop) {
                (Some(&address), _) => wanted.push(Some(address)),
                (None, "*") => wanted.push(None),
                (None, other) => {
                    tally.explain(format!("{subject}: hop '{other}' is no address"));
                    return;
                }
            }
        }
        if wanted.is_empty() {
            tally.explain(format!("{subject}: {} is not understood", short(value)));
            return;
        }
        let kind = probe_kind(value).unwrap_or(ProbeKind::Echo {
            identifier: 1,
            payload: 56,
        });
        let probe = Probe {
            source: own,
            destination: to,
            kind,
            dont_fragment: false,
        };
        let wait = SimDuration::from_milliseconds(2000);
        match self.run(
            from,
            Application::Traceroute(Traceroute::new(probe, 1, 30, wait)),
        ) {
            Ok(trip) => {
                let mut hops = trip.hops;
                // Silence behind the last hop that anybody saw says nothing.
                while hops.len() > wanted.len() && hops.last() == Some(&None) {
                    hops.pop();
                }
                let words = |hops: &[Option<Ipv4Addr>]| {
                    let words: Vec<String> = hops
                        .iter()
                        .map(|hop| hop.map_or_else(|| "*".to_owned(), |hop| hop.to_string()))
                        .collect();
                    words.join(" ")
                };
                // A hop that stayed silent then says nothing.
                let fits = |(own, seen): (&Option<Ipv4Addr>, &Option<Ipv4Addr>)| {
                    seen.is_none() || own == seen
                };
                let equal = hops.len() == wanted.len() && hops.iter().zip(&wanted).all(fits);
                tally.row(equal, self.case.excuse(&["traceroute", "hops"]), || {
                    format!(
                        "{subject}: Azure shows {}, vnetsim {}",
                        words(&wanted),
                        words(&hops)
                    )
                });
            }
            Err(error) => tally.fail(format!("{subject}: {error}")),
        }
    }

    /// `captures`: what was seen at a NIC of an echo and its reply.
    pub(crate) fn capture(&self, value: &Value, tally: &mut Tally) {
        let flow = text(value, &["flow"]).unwrap_or_default();
        let place = text(value, &["at", "nic"]).unwrap_or_default();
        let subject = format!("capture at {place} of {flow}");
        let ends = addresses_in(flow);
        let (Some(at), [from, to]) = (self.world.nic(place), ends.as_slice()) else {
            tally.explain(format!("{subject}: {} is not understood", short(value)));
            return;
        };
        let Some((from, own)) = self.station(&from.to_string()) else {
            tally.explain(format!("{subject}: the sender is not known"));
            return;
        };
        let lower = flow.to_ascii_lowercase();
        let kind = if lower.contains("tcp") {
            ProbeKind::Tcp {
                port: 80,
                source_port: None,
            }
        } else {
            ProbeKind::Echo {
                identifier: 1,
                payload: 56,
            }
        };
        let trip = match self.travel(from, own, *to, kind) {
            Ok(trip) => trip,
            Err(error) => {
                tally.fail(format!("{subject}: {error}"));
                return;
            }
        };
        for line in list(value, &["seen"]) {
            let line = line.as_str().unwrap_or_default();
            let words = line.to_ascii_lowercase();
            let packets = match (words.contains("request"), words.contains("reply")) {
                (true, false) => &trip.forward,
                (false, true) => &trip.back,
                _ => {
                    tally.explain(format!("{subject}: '{line}' is not understood"));
                    continue;
                }
            };
            let sent = words
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| word == "out");
            let named = addresses_in(line);
            let found = packets.iter().any(|seen| {
                let address = named.iter().all(|address| {
                    if words.contains(" to ") {
                        seen.destination == *address
                    } else {
                        seen.source == *address
                    }
                });
                seen.nic == at && seen.sent == sent && address
            });
            tally.row(found, self.case.excuse(&["capture"]), || {
                let seen: Vec<String> = packets
                    .iter()
                    .filter(|seen| seen.nic == at)
                    .map(|seen| {
                        format!(
                            "{} {} > {}",
                            if seen.sent { "out" } else { "in" },
                            seen.source,
                            seen.destination
                        )
                    })
                    .collect();
                format!(
                    "{subject}: Azure shows '{line}', vnetsim {}",
                    seen.join(", ")
                )
            });
        }
    }

    /// `path`: a sentence about where packets go. Its plain words are compared: directly, or to an address.
    pub(crate) fn path(&self, value: &Value, tally: &mut Tally) {
        let (source, destination) = (
            text(value, &["src", "source"]),
            text(value, &["dst", "destination"]),
        );
        let words = text(value, &["expected", "path"]).unwrap_or_default();
        let subject = format!(
            "path {} -> {}",
            source.unwrap_or("?"),
            destination.unwrap_or("?")
        );
        let ends = (
            source.and_then(|name| self.station(name)),
            destination.and_then(|name| self.address_of(name)),
        );
        let (Some((from, _)), Some(to)) = ends else {
            tally.explain(format!("{subject}: an end is not known"));
            return;
        };
        let Some(compiled) = self.world.snapshot.nic(from) else {
            tally.explain(format!("{subject}: the sender is no NIC"));
            return;
        };
        let hop = next_hop_of(&self.world.snapshot, compiled, to);
        let lower = words.to_ascii_lowercase();
        let direct = matches!(
            hop.next_hop_type,
            NextHopType::VnetLocal | NextHopType::VNetPeering | NextHopType::VNetGlobalPeering
        );
        let equal = match addresses_in(words).first() {
            Some(address) => hop.address == Some(*address),
            None if lower.contains("direct") => direct,
            None => {
                tally.explain(format!("{subject}: '{words}' is not compared"));
                return;
            }
        };

        let excuse = self.case.excuse(&["path"]).or_else(|| weaker(value));
        let own = format!(
            "{:?} {}",
            hop.next_hop_type,
            hop.address
                .map(|address| address.to_string())
                .unwrap_or_default()
        );
        tally.row(equal, excuse, || {
            format!("{subject}: Azure goes '{words}', vnetsim {own}")
        });
        if let Some((_, rest)) = lower.split_once("dropped") {
            tally.explain(format!(
                "{subject}: 'dropped{rest}' is not compared: nothing says what the firewall keeps"
            ));
        }
    }
}

/// An answer may have evidence of its own.
fn weaker(value: &Value) -> Option<String> {
    let evidence = text(value, &["evidence"])?;
    let strong = evidence.to_ascii_lowercase().starts_with("observed");
    (!strong).then(|| format!("evidence weaker than observed: {evidence}"))
}

fn seen(sighting: &Sighting) -> Option<Seen> {
    let word = |at: usize| -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = sighting.bytes.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes))
    };
    Some(Seen {
        nic: sighting.nic,
        sent: sighting.direction == FrameDirection::Sent,
        source: word(26)?,
        destination: word(30)?,
    })
}

/// Reachable or not; `None` if the text says neither.
fn verdict(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let unreachable = [
        "timeout",
        "timed out",
        "lost",
        "blocked",
        "dropped",
        "unreachable",
        "not reachable",
        "fail",
        "no reply",
    ];
    if unreachable.iter().any(|word| text.starts_with(word)) {
        return Some(false);
    }
    ["reachable", "ok", "success"]
        .iter()
        .any(|word| text.starts_with(word))
        .then_some(true)
}

/// `icmp`, `tcp/22`, `udp/53`; an echo unless said.
fn probe_kind(value: &Value) -> Option<ProbeKind> {
    let said = text(value, &["proto", "protocol"])
        .unwrap_or("icmp")
        .to_ascii_lowercase();
    let (name, port) = said.split_once(['/', ':', ' ']).unwrap_or((&said, ""));
    let port = port.trim().parse().ok();
    let port = port.or_else(|| number(value, &["port"]).and_then(|port| u16::try_from(port).ok()));
    match name {
        "icmp" | "ping" => Some(ProbeKind::Echo {
            identifier: 1,
            payload: 56,
        }),
        "tcp" | "ssh" | "http" | "https" => Some(ProbeKind::Tcp {
            port: port.unwrap_or(22),
            source_port: None,
        }),
        "udp" => Some(ProbeKind::Udp {
            port: port.unwrap_or(53),
            source_port: None,
            payload: 0,
        }),
        _ => None,
    }
}
