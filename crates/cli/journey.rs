//! A run of `ping` or `traceroute`: who sends what to whom, and whoever watches it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use control::Snapshot;
use dataplane::dropped::{DropReason, Dropped};
use diagnose::evidence::Narrator;
use diagnose::explain::{Question, Service, explain};
use diagnose::explanation::Explanation;
use diagnose::names::{Answer, resolve};
use diagnose::object::Object;
use engine::application::{AnswerKind, Application, ProbeEvent, ProbeKind, ProbeOutcome};
use engine::latency::LatencyModel;
use engine::meter::Meter;
use engine::simulate::{Settings, Simulation, Summary};
use engine::trace::{Fate, Frames, Occurrence, Sighting};
use formats::diagnostic::Diagnostics;
use formats::prices::Prices;
use formats::source::Sources;
use model::lookup::{Endpoint, LookupError};
use model::{Network, NicId};
use reach::{Depth, End, EndKind, Prober};
use report::capture::Capture;
use report::meter::MeterDocument;
use report::ping::{LossRecord, PingHeading};
use serde_json::Value;

use crate::args::{JourneyArguments, RunArguments, ServiceArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::{dependence, topology};

/// How far a run may be ahead of its watcher, in occurrences.
const AHEAD: usize = 1_024;

/// Two ends of one network.
pub(crate) struct Journey {
    pub(crate) network: Arc<Network>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) source: (NicId, Ipv4Addr),
    pub(crate) destination: Ipv4Addr,
    destination_nic: Option<NicId>,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) summary: Summary,
    pub(crate) losses: Vec<Loss>,
    pub(crate) meter: Meter,
    pub(crate) interrupted: bool,
}

/// Packets that died of one cause at one place.
pub(crate) struct Loss {
    packets: u64,
    reason: DropReason,
    at: String,
    object: Object,
}

impl Loss {
    pub(crate) fn record(&self) -> LossRecord {
        LossRecord {
            packets: self.packets,
            reason: self.reason.name().to_owned(),
            at: self.at.clone(),
            object: self.object.to_string(),
        }
    }
}

impl Journey {
    /// Reads the network and finds the two ends in it.
    pub(crate) fn open(
        arguments: &JourneyArguments,
        console: &mut Console<'_>,
    ) -> Result<Self, Failure> {
        let JourneyArguments {
            source,
            destination,
            service,
            topology,
        } = arguments;
        let mut network = topology::open(topology, console)?.network;
        if service.assume_hosts {
            for address in [source, destination]
                .iter()
                .filter_map(|end| end.parse().ok())
            {
                assume_host(&mut network, address);
            }
        }
        let snapshot = Arc::new(control::compile(&network));
        let outside = |address| {
            station_at(&network, address).or_else(|| internet_with(&network, &snapshot, address))
        };
        let source = match network.endpoint(source)? {
            Endpoint::Nic(nic, address) => (nic, address),
            Endpoint::Outside(station, address) => (station, address),
            Endpoint::Address(address) => match outside(address) {
                Some(station) => (station, address),
                None => (topology::nic(&network, source)?, address),
            },
        };
        let (destination, destination_nic) = match network.endpoint(destination) {
            Ok(Endpoint::Nic(nic, address)) => {
                let asked = match network.internet() {
                    Some(internet) if internet == source.0 => {
                        from_internet(&snapshot, source, (nic, address), service)
                    }
                    _ => address,
                };
                (asked, Some(nic))
            }
            Ok(Endpoint::Address(address)) => (address, station_at(&network, address)),
            Ok(Endpoint::Outside(station, address)) => (address, Some(station)),
            Err(LookupError::Unknown { .. }) if destination.contains('.') => {
                (by_name(&network, &snapshot, source, destination)?, None)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            network: Arc::new(network),
            snapshot,
            source,
            destination,
            destination_nic,
        })
    }

    /// Runs a program behind the source's NIC, and tells `watcher` what it learns. Ctrl-C ends the run with what there is.
    pub(crate) fn run(
        &self,
        application: Application,
        run: &RunArguments,
        mut watcher: impl FnMut(&ProbeEvent) -> Result<(), Failure>,
    ) -> Result<Ended, Failure> {
        let settings = Settings {
            seed: run.seed,
            latency: LatencyModel::default(),
            frames: if run.pcap.is_some() || run.meter {
                Frames::All
            } else {
                Frames::Dropped
            },
        };
        let mut simulation = Simulation::new(self.network.clone(), self.snapshot.clone(), settings);
        simulation
            .install(self.source.0, application)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let mut capture = run
            .pcap
            .as_deref()
            .map(|path| self.capture(path, run))
            .transpose()?;
        let interrupted = watch_for_interrupt()?;

        let running = simulation.start(AHEAD)?;
        let mut losses = BTreeMap::new();
        let mut meter = Meter::default();
        for occurrence in running.occurrences() {
            match occurrence {
                Occurrence::Frame(sighting) => {
                    note_loss(&sighting, &mut losses);
                    meter.record(&self.snapshot, &sighting);
                    if let Some(capture) = &mut capture {
                        capture.record(&sighting)?;
                    }
                }
                Occurrence::Probe { event, .. } => watcher(&event)?,
            }
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
        let summary = running.finish()?;
        capture.map(Capture::finish).transpose()?;
        Ok(Ended {
            summary,
            losses: self.losses(&losses),
            meter,
            interrupted: interrupted.load(Ordering::Relaxed),
        })
    }

    fn capture(&self, path: &Path, run: &RunArguments) -> Result<Capture<'_>, Failure> {
        Ok(Capture::create(
            path,
            run.epoch,
            &self.network,
            &self.snapshot,
        )?)
    }

    /// By name, most frequent first.
    fn losses(&self, counted: &BTreeMap<(NicId, DropReason), (Dropped, u64)>) -> Vec<Loss> {
        let narrator = Narrator {
            network: &self.network,
            snapshot: &self.snapshot,
        };
        let mut losses: Vec<Loss> = counted
            .iter()
            .map(|(&(nic, reason), &(dropped, packets))| Loss {
                packets,
                reason,
                at: narrator.site(nic),
                object: Object::of_drop(&self.snapshot, dropped),
            })
            .collect();
        losses.sort_by_key(|loss| std::cmp::Reverse(loss.packets));
        losses
    }

    /// Whether a host in the Internet asks.
    pub(crate) fn is_from_internet(&self) -> bool {
        self.network.internet() == Some(self.source.0)
    }

    /// What to ask in order to know why.
    pub(crate) fn question(&self, service: ServiceArguments) -> Question {
        Question {
            source: self.source,
            destination: self.destination,
            destination_nic: self.destination_nic,
            service: match (service.tcp, service.udp) {
                (Some(port), _) => Service::Tcp(port),
                (None, Some(port)) => Service::Udp(port),
                (None, None) => Service::Icmp,
            },
            source_port: service.source_port,
        }
    }

    /// Prints the explanation of `--explain`.
    pub(crate) fn explain(
        &self,
        service: ServiceArguments,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        writeln!(console.out())?;
        report::explain::write(console.out(), &self.explanation(service))?;
        Ok(())
    }

    /// The document of a run, with the explanation if one was asked for.
    pub(crate) fn document(
        &self,
        document: serde_json::Result<Value>,
        run: &RunArguments,
        service: ServiceArguments,
    ) -> Result<Value, Failure> {
        let mut document = document.map_err(std::io::Error::from)?;
        if run.explain {
            let explanation = self.explanation(service);
            document["explanation"] =
                serde_json::to_value(explanation).map_err(std::io::Error::from)?;
        }
        Ok(document)
    }

    /// What `--meter` tells, with the prices of `--prices`; and what the table lacks, as a message.
    pub(crate) fn metered(
        &self,
        ended: &Ended,
        run: &RunArguments,
        prices: Option<&Prices>,
        console: &mut Console<'_>,
    ) -> Option<MeterDocument> {
        if !run.meter {
            return None;
        }
        let metered = MeterDocument::new(&self.network, &ended.meter, prices);
        if prices.is_some() {
            for missing in metered.unpriced() {
                console.message(format_args!("note: the price table lacks {missing}"));
            }
        }
        Some(metered)
    }

    /// Tells with which options the packets would have fared otherwise. `once` makes a program that asks once what the run has asked.
    pub(crate) fn tell_options(
        &self,
        once: impl Fn() -> Application,
        service: ServiceArguments,
        console: &mut Console<'_>,
    ) {
        for dependence in self.explanation(service).depends_on {
            for sentence in dependence.sentences() {
                console.message(format_args!("note: {sentence}"));
            }
        }
        let answers = |network: &Network, snapshot: &Snapshot| {
            answers(network, snapshot, self.source.0, once())
        };
        let (network, snapshot) = (&*self.network, &*self.snapshot);
        dependence::tell(network, snapshot, dependence::MESSAGES, answers, console);
    }

    fn explanation(&self, service: ServiceArguments) -> Explanation {
        explain(&self.network, &self.snapshot, &self.question(service))
    }
}

/// Who answers what in a run of its own.
fn answers(
    network: &Network,
    snapshot: &Snapshot,
    source: NicId,
    application: Application,
) -> Vec<(Ipv4Addr, AnswerKind)> {
    let settings = Settings {
        seed: 0,
        latency: LatencyModel::default(),
        frames: Frames::Dropped,
    };
    let (network, snapshot) = (Arc::new(network.clone()), Arc::new(snapshot.clone()));
    let mut simulation = Simulation::new(network, snapshot, settings);
    let mut answers = Vec::new();
    if simulation.install(source, application).is_ok() {
        // A fault of the simulator has shown itself in the run that the user has asked for.
        let _ = simulation.run(|occurrence| {
            if let Occurrence::Probe { event, .. } = occurrence
                && let ProbeOutcome::Answered { answer, .. } = event.outcome
            {
                answers.push((answer.from, answer.kind));
            }
            ControlFlow::Continue(())
        });
    }
    answers
}

/// The Internet, if a public address is nobody's in the input: a host there has it.
fn internet_with(network: &Network, snapshot: &Snapshot, address: Ipv4Addr) -> Option<NicId> {
    let is_held = network
        .nics()
        .values()
        .any(|nic| nic.addresses().any(|own| own == address));
    let edge = &snapshot.edge;
    let is_there = edge.is_beyond(address) && !edge.owners.contains_key(&address) && !is_held;
    edge.host.filter(|_| is_there)
}

impl Ended {
    pub(crate) fn loss_records(&self) -> Vec<LossRecord> {
        self.losses.iter().map(Loss::record).collect()
    }

    /// True if the run came to its end and every packet arrived where it was going: what is missing came too late.
    pub(crate) fn has_lost_nothing(&self) -> bool {
        !self.interrupted && self.losses.is_empty() && self.summary.totals.departed == 0
    }

    /// Tells why packets were lost, and how to learn more.
    pub(crate) fn tell_losses(&self, hint: &str, console: &mut Console<'_>) {
        for loss in &self.losses {
            console.message(format_args!(
                "From {}: dropped {}: {} ({}): {}",
                loss.at,
                packets(loss.packets),
                loss.reason,
                loss.object,
                loss.reason.description()
            ));
        }
        let departed = self.summary.totals.departed;
        if departed > 0 {
            console.message(format_args!(
                "note: {} left the simulated network (for the Internet, an Azure service or the platform); no reply is simulated from there",
                packets(departed)
            ));
        }
        // `explain` sends a small probe with a large time to live: it would not meet these two.
        let is_explained =
            |loss: &Loss| !matches!(loss.reason, DropReason::MtuDf | DropReason::Ttl);
        if self.losses.iter().any(is_explained) {
            console.message(format_args!("try: {hint}"));
        }
    }
}

/// The first address that the guest of the source gets for a DNS name.
fn by_name(
    network: &Network,
    snapshot: &Snapshot,
    source: (NicId, Ipv4Addr),
    name: &str,
) -> Result<Ipv4Addr, Failure> {
    let resolution = resolve(network, snapshot, source, name);
    if let Answer::Addresses { addresses, .. } = &resolution.answer
        && let Some(&address) = addresses.first()
    {
        return Ok(address);
    }
    Err(Failure::NotResolved(format!(
        "{name}: Name or service not known\nnote: {}\ntry: vnetsim resolve SRC {}",
        report::names::sentence(&resolution.answer),
        quoted(name)
    )))
}

/// The table of `--prices`. A mistake in it should cost no run.
pub(crate) fn price_table(run: &RunArguments) -> Result<Option<Prices>, Failure> {
    let Some(path) = &run.prices else {
        return Ok(None);
    };
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    match Prices::read(path, &mut sources, &mut diagnostics) {
        Some(prices) => Ok(Some(prices)),
        None => Err(Failure::Input(Box::new((diagnostics, sources)))),
    }
}

/// What the headers of reports say.
pub(crate) fn heading(destination: &str, run: &RunArguments) -> PingHeading {
    PingHeading {
        destination: destination.to_owned(),
        latency_model: LatencyModel::default().name().to_owned(),
        seed: run.seed,
    }
}

/// The probes that `--tcp`, `--udp` or nothing ask for. A UDP datagram is empty unless a size is given: whatever bytes it had, Wireshark
/// would take them for a malformed message of the protocol that usually has the port.
pub(crate) fn probe_kind(
    service: ServiceArguments,
    size: Option<u16>,
    echo_size: u16,
) -> ProbeKind {
    let source_port = service.source_port;
    match (service.tcp, service.udp) {
        (Some(port), _) => ProbeKind::Tcp { port, source_port },
        (None, Some(port)) => ProbeKind::Udp {
            port,
            source_port,
            payload: size.unwrap_or(0),
        },
        (None, None) => ProbeKind::Echo {
            identifier: 1,
            payload: size.unwrap_or(echo_size),
        },
    }
}

/// The command line that explains the same question.
pub(crate) fn explain_command(journey: &JourneyArguments) -> String {
    let JourneyArguments {
        source,
        destination,
        service,
        topology,
    } = journey;
    let mut words = vec!["vnetsim".to_owned(), "explain".to_owned()];
    words.extend([quoted(source), quoted(destination)]);
    for (name, port) in [
        ("--tcp", service.tcp),
        ("--udp", service.udp),
        ("--source-port", service.source_port),
    ] {
        words.extend(port.map(|port| format!("{name} {port}")));
    }
    if service.assume_hosts {
        words.push("--assume-hosts".to_owned());
    }
    for path in &topology.topology {
        words.push(format!("-t {}", quoted(&path.to_string_lossy())));
    }
    for (name, value) in &topology.set {
        words.push(quoted(&format!("--set={name}={value}")));
    }
    for parameter in &topology.parameters {
        words.push(format!("--parameters {}", quoted(parameter)));
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn packets(number: u64) -> String {
    match number {
        1 => "1 packet".to_owned(),
        number => format!("{number} packets"),
    }
}

fn note_loss(sighting: &Sighting, losses: &mut BTreeMap<(NicId, DropReason), (Dropped, u64)>) {
    if let Fate::Dropped(dropped) = sighting.fate {
        let entry = losses
            .entry((sighting.nic, dropped.reason()))
            .or_insert((dropped, 0));
        entry.1 += 1;
    }
}

/// The host on premises or VPN client at an address that no network in Azure holds.
fn station_at(network: &Network, address: Ipv4Addr) -> Option<NicId> {
    if in_azure(network, address) {
        return None;
    }
    let mut hosts = network.outside_hosts();
    let at = |host: &model::OutsideHost| {
        host.address == address && host.place != model::OutsidePlace::Internet
    };
    hosts.find(|(_, host)| at(host)).map(|(station, _)| station)
}

/// `--assume-hosts`: an address outside Azure that somebody knows the way to gets a host.
pub(crate) fn assume_host(network: &mut Network, address: Ipv4Addr) {
    if !in_azure(network, address) {
        network.assume_host(address);
    }
}

fn in_azure(network: &Network, address: Ipv4Addr) -> bool {
    let mut networks = network.virtual_networks().values();
    networks.any(|vnet| vnet.address_space.contains_address(address))
}

/// The public address by which the Internet asks for a machine.
fn from_internet(
    snapshot: &Snapshot,
    (host, own): (NicId, Ipv4Addr),
    (nic, address): (NicId, Ipv4Addr),
    service: &ServiceArguments,
) -> Ipv4Addr {
    let end = |worker, address, kind| End {
        worker,
        address,
        kind,
    };
    let (port, depth) = (service.source_port, Depth::RoundTrip);
    let prober = Prober::new(snapshot, service.asked(), port, depth);
    let from = end(host, own, EndKind::Internet);
    prober
        .towards(&from, &end(nic, address, EndKind::Primary))
        .1
}

/// A flag that Ctrl-C, or who else wants the process to end, raises, one for the process. A second Ctrl-C ends it at once, as it would
/// without us.
pub(crate) fn watch_for_interrupt() -> Result<&'static AtomicBool, Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    static RAISED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(raised) = RAISED.get() {
        return Ok(raised);
    }
    let raised = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag down and only raises it.
        flag::register_conditional_default(signal, raised.clone())?;
        flag::register(signal, raised.clone())?;
    }
    Ok(RAISED.get_or_init(|| raised))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::TopologyArguments;

    #[test]
    fn the_hint_can_be_pasted_into_a_shell() {
        let service = ServiceArguments {
            tcp: Some(443),
            ..ServiceArguments::default()
        };
        let topology = TopologyArguments {
            topology: vec!["my net/a.yaml".into()],
            set: vec![("noneRoutes".to_owned(), "seed".to_owned())],
            ..TopologyArguments::default()
        };
        assert_eq!(
            explain_command(&JourneyArguments {
                source: "a".to_owned(),
                destination: "it's".to_owned(),
                service,
                topology,
            }),
            r"vnetsim explain a 'it'\''s' --tcp 443 -t 'my net/a.yaml' --set=noneRoutes=seed"
        );
    }
}
