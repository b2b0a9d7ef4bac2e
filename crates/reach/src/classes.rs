//! The quick engine: what packets do, worked out for many pairs at once.
//!
//! Sources that no table of routes or links tells apart form a unit; for each, the ways there and back are followed once, for all columns
//! (`ways`, `replies`). What is left for a row is rules, which are asked again only where their answer changes with the source's address
//! (`rules`, `rows`). Where a hash chooses (members of load balancers, instances of gateways, next hops that share a prefix), ways fork and every member is judged:
//! if all agree that is the verdict, and if not a packet is sent (`luck`). So it is for what has no rule here: the Internet, packets from
//! one tunnel into another, destinations that a firewall translates, and guests that meet a packet twice.
//!
//! | module | what it is |
//! |---|---|
//! | `spans`, `space` | sets of columns as spans; as bits of a dense numbering |
//! | `columns` | who stands behind the columns; cells of addresses |
//! | `gates` | where gateways and hosts outside Azure lead packets |
//! | `routes` | where a table of routes leads each column |
//! | `luck` | what hashes choose between, and on which share of them |
//! | `ways`, `replies` | the ways of the probes of a unit, and of the replies to them |
//! | `rules` | what rules say of one address and many others |
//! | `unit`, `rows` | what the rows of a unit have in common; the rows |
//! | `ports` | the rows for any or all ports |
//! | `likeness` | which other pairs fare as one did, step by step |
//! | `alike` | ends between which packets take the same ways |

mod alike;
mod columns;
mod gates;
pub(crate) mod likeness;
mod luck;
mod ports;
mod replies;
mod routes;
mod rows;
mod rules;
mod space;
mod spans;
mod unit;
mod ways;

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use control::Snapshot;
use control::snapshot::{FibId, GuestKind, Nic};
use dataplane::guest::{listens, originates};
use dataplane::packet::{Content, FiveTuple, protocol};
use dataplane::pipeline::is_carried;
use engine::application::FIRST_SOURCE_PORT;
use engine::reachability::Service;
use foldhash::fast::FixedState;
use model::{Direction, Listener, NicId, VnetId};
use rayon::prelude::*;

pub(crate) use self::alike::alike;
pub(crate) use self::columns::{Cells, is_plain, shared_addresses};
use self::columns::{Columns, outside_end};
use self::ports::Many;
use self::routes::Routes;
use self::rows::RowBits;
use self::rules::{Asked as RuleAsked, Asking, Fixed, RuleBook, Shown};
use self::space::Space;
use self::spans::Spans;
use self::unit::Unit;
use crate::again::named_by_routes;
use crate::ends::{EndKind, Ends};
use crate::matrix::{Counts, Matrix, Row};
use crate::pair::PairJudge;
use crate::probe::Cell;
use crate::question::{Asked, Question};
use crate::watch::{Cancelled, Watch};

/// Sources of a unit, at most: more are dealt out to several workers.
const UNIT: usize = 1024;

/// All that is known before the first row.
struct Estate<'s> {
    snapshot: &'s Snapshot,
    question: Question,
    sources: &'s Ends,
    destinations: &'s Ends,
    /// Judges by packets.
    pairs: PairJudge<'s>,
    columns: &'s Columns,
    routes: Routes<'s>,
    rules: RuleBook<'s>,
    /// What probes and replies show.
    probe: Shown,
    reply: Shown,
    /// Addresses that somebody has in several networks.
    shared: HashSet<u32, FixedState>,
    /// NICs that routes name as next hops.
    named: HashSet<NicId, FixedState>,
    /// Columns on which nothing listens to the service, if that counts.
    deaf: Spans,
    is_tcp: bool,
    carries_replies: bool,
}

/// How a source is judged.
enum Kind {
    /// With others.
    Unit(UnitKey),
    /// By packets alone.
    Odd,
    /// Not at all: it sends nothing.
    Silent,
}

/// What sources of a unit have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct UnitKey {
    /// None of a host outside Azure.
    table: Option<(VnetId, FibId)>,
    cell: usize,
    /// A source with ways of its own.
    alone: Option<(NicId, Ipv4Addr)>,
}

/// Rows of a unit: the first of its sources, distinct rows with their fingerprints, and which source has which.
type Found = (u32, Vec<(u64, Row)>, Vec<(u32, u32)>);

/// The verdicts about all pairs of `sources` and `destinations`.
///
/// # Errors
///
/// If `watch` has cancelled the work.
pub fn matrix(
    snapshot: &Snapshot,
    sources: &Arc<Ends>,
    destinations: &Arc<Ends>,
    question: Question,
    watch: &Watch,
) -> Result<Matrix, Cancelled> {
    let of = |service, ports| Work {
        sources,
        destinations,
        service,
        ports,
        question,
        watch,
    };
    let parts = match question.asked {
        Asked::One(service) => return of(service, None).matrix(snapshot),
        Asked::AnyPort(_) | Asked::AllPorts(_) => Many::parts(snapshot, question),
    };
    let mut parts = parts
        .iter()
        .map(|ports| of(ports.first(), Some(ports)).matrix(snapshot));
    let first = parts.next().expect("every protocol has ports")?;
    parts.try_fold(first, |known, part| Ok(known.combined(&part?)))
}

/// How many pairs have which verdict, and how many rows are distinct. Rows are forgotten once they are counted.
///
/// # Errors
///
/// If `watch` has cancelled the work.
pub fn tally(
    snapshot: &Snapshot,
    sources: &Arc<Ends>,
    destinations: &Arc<Ends>,
    question: Question,
    watch: &Watch,
) -> Result<(Counts, usize), Cancelled> {
    let of = |service, ports| Work {
        sources,
        destinations,
        service,
        ports,
        question,
        watch,
    };
    let parts = Many::parts(snapshot, question);
    match (question.asked, &parts[..]) {
        (Asked::One(service), _) => of(service, None).tally(snapshot),
        (_, [all]) => of(all.first(), Some(all)).tally(snapshot),
        _ => {
            let matrix = matrix(snapshot, sources, destinations, question, watch)?;
            Ok((matrix.counts(), matrix.rows().len()))
        }
    }
}

/// Gets the rows of a unit: the position of the source, the columns that the bits are about, the bits.
type Sink<'a> = dyn FnMut(u32, &Space, &RowBits) + 'a;

#[derive(Clone, Copy)]
struct Work<'a> {
    sources: &'a Arc<Ends>,
    destinations: &'a Arc<Ends>,
    /// What probes ask for; of many ports, at the first of them.
    service: Service,
    ports: Option<&'a Many>,
    question: Question,
    watch: &'a Watch,
}

impl Work<'_> {
    fn matrix(self, snapshot: &Snapshot) -> Result<Matrix, Cancelled> {
        let (sources, destinations) = (self.sources, self.destinations);
        let len = destinations.len();
        let found: Mutex<Vec<Found>> = Mutex::new(Vec::new());
        self.judge(snapshot, |judged| {
            let mut numbers: HashMap<RowBits, u32, FixedState> = HashMap::default();
            let mut rows = Vec::new();
            let mut of_sources = Vec::new();
            judged(&mut |source, space, bits| {
                let number = if let Some(&number) = numbers.get(bits) {
                    number
                } else {
                    let number = ways::number(rows.len());
                    numbers.insert(bits.clone(), number);
                    let row = bits.row(space, len);
                    rows.push((FixedState::default().hash_one(&row), row));
                    number
                };
                of_sources.push((source, number));
            })?;
            let first = of_sources.first().map_or(0, |&(source, _)| source);
            let mut found = found.lock().expect("no worker panics while it holds this");
            found.push((first, rows, of_sources));
            Ok(())
        })?;
        let mut found = found.into_inner().expect("no worker has panicked");
        found.sort_unstable_by_key(|&(first, ..)| first);
        let mut numbers: HashMap<u64, Vec<u32>, FixedState> = HashMap::default();
        let mut all: Vec<Row> = Vec::new();
        let mut class_of = vec![0; sources.len()];
        for (_, rows, of_sources) in found {
            let of_unit: Vec<u32> = rows
                .into_iter()
                .map(|(print, row)| {
                    let alike = numbers.entry(print).or_default();
                    let known = alike
                        .iter()
                        .copied()
                        .find(|&known| all[known as usize] == row);
                    known.unwrap_or_else(|| {
                        let number = ways::number(all.len());
                        alike.push(number);
                        all.push(row);
                        number
                    })
                })
                .collect();
            for (source, number) in of_sources {
                class_of[source as usize] = of_unit[number as usize];
            }
        }
        let (sources, destinations) = (Arc::clone(sources), Arc::clone(destinations));
        Ok(Matrix::new(
            self.question,
            sources,
            destinations,
            all,
            class_of,
        ))
    }

    fn tally(self, snapshot: &Snapshot) -> Result<(Counts, usize), Cancelled> {
        let (sources, destinations) = (self.sources, self.destinations);
        let depth = self.question.depth;
        let total = Mutex::new((
            Counts::default(),
            HashSet::<[u64; 2], FixedState>::default(),
        ));
        let len = destinations.len() as u64;
        self.judge(snapshot, |judged| {
            let mut counts = Counts::default();
            let mut of_unit: HashSet<u64, FixedState> = HashSet::default();
            let mut prints: Vec<[u64; 2]> = Vec::new();
            judged(&mut |source, space, bits| {
                counts.add(&bits.counts(depth, len));
                // Bits are about the columns of their unit, and rows about all: those of several units may be equal.
                if of_unit.insert(FixedState::default().hash_one(bits)) {
                    let row = bits.row(space, destinations.len());
                    prints.push([1, 2].map(|seed| FixedState::with_seed(seed).hash_one(&row)));
                }
                let end = &sources[source as usize];
                if let Some(own) = destinations.position(end.address, end.worker) {
                    let cell = space
                        .number(ways::number(own))
                        .map_or(Cell::default(), |number| bits.cell(number));
                    counts.without(cell, cell.verdict(depth));
                }
            })?;
            let mut total = total.lock().expect("no worker panics while it holds this");
            total.0.add(&counts);
            total.1.extend(prints);
            Ok(())
        })?;
        let (counts, prints) = total.into_inner().expect("no worker has panicked");
        Ok((counts, prints.len()))
    }

    /// Judges unit by unit, side by side. `each` is handed what judges one unit into a sink.
    fn judge(
        &self,
        snapshot: &Snapshot,
        each: impl Fn(&mut dyn FnMut(&mut Sink<'_>) -> Result<(), Cancelled>) -> Result<(), Cancelled>
        + Sync,
    ) -> Result<(), Cancelled> {
        let (sources, destinations, question) = (self.sources, self.destinations, self.question);
        self.watch.expect(sources.len() as u64);
        let cells = Cells::new(snapshot);
        let named = named_by_routes(snapshot);
        let columns = Columns::new(snapshot, &named, &cells, destinations);
        let (mut probe, mut reply) = shown(self.service, question.source_port);
        if self.ports.is_some() {
            probe.asking = Asking::Destination;
            reply.asking = Asking::Source;
        }
        // Of many ports each has its own answer to that.
        let carries = |is_reply| {
            self.ports.is_some() || carries(self.service, question.source_port, is_reply)
        };
        let estate = Estate {
            snapshot,
            question,
            sources,
            destinations,
            pairs: PairJudge::new(snapshot, question),
            columns: &columns,
            routes: Routes::new(snapshot, &columns),
            rules: RuleBook::new(snapshot, columns.addresses.clone(), probe, reply),
            probe,
            reply,
            shared: shared_addresses(snapshot),
            named,
            deaf: match self.ports {
                None => deaf(snapshot, &columns, self.service, question),
                Some(_) => Spans::default(),
            },
            is_tcp: matches!(self.service, Service::Tcp(_)),
            carries_replies: carries(true),
        };
        let carries_probes = carries(false);
        let mut numbers: HashMap<UnitKey, usize, FixedState> = HashMap::default();
        let mut units: Vec<Unit> = Vec::new();
        let (mut odd, mut silent) = (Vec::new(), Vec::new());
        for source in 0..ways::number(sources.len()) {
            match estate.kind(source, &cells) {
                Kind::Silent => silent.push(source),
                Kind::Odd => odd.push(source),
                Kind::Unit(_) if !carries_probes => silent.push(source),
                Kind::Unit(key) => {
                    let next = units.len();
                    let number = numbers.entry(key).or_insert(next);
                    if units
                        .get(*number)
                        .is_some_and(|unit| unit.sources.len() >= UNIT)
                    {
                        *number = next;
                    }
                    if *number == next {
                        units.push(Unit {
                            sources: Vec::new(),
                        });
                    }
                    units[*number].sources.push(source);
                }
            }
        }
        let nothing = Space::default();
        let nobody = RowBits::default();
        each(&mut |sink| {
            for &source in &silent {
                sink(source, &nothing, &nobody);
            }
            self.watch.advance(silent.len() as u64);
            Ok(())
        })?;
        let everything = Space::new(&Spans::of(vec![(0, ways::number(destinations.len()))]));
        odd.par_iter().try_for_each(|&source| {
            self.watch.go_on()?;
            let bits = estate.by_packets(source);
            each(&mut |sink| {
                sink(source, &everything, &bits);
                Ok(())
            })?;
            self.watch.advance(1);
            Ok(())
        })?;
        let (estate, watch) = (&estate, self.watch);
        match self.ports {
            None => units.par_iter().try_for_each_init(
                || rows::Memory::new(estate),
                |memory, unit| each(&mut |sink| rows::judge(estate, unit, memory, watch, sink)),
            ),
            Some(ports) => units.par_iter().try_for_each_init(
                || ports::Memory::new(estate, ports),
                |memory, unit| {
                    each(&mut |sink| ports::judge(estate, ports, unit, memory, watch, sink))
                },
            ),
        }
    }
}

impl Estate<'_> {
    fn kind(&self, source: u32, cells: &Cells) -> Kind {
        let end = self.sources[source as usize];
        if outside_end(self.snapshot, &end).is_some() {
            if self.shared.contains(&end.address.into()) {
                return Kind::Odd;
            }
            return Kind::Unit(UnitKey {
                table: None,
                cell: cells.cell(end.address.into()),
                alone: Some((end.worker, end.address)),
            });
        }
        let known = matches!(end.kind, EndKind::Primary | EndKind::Secondary)
            .then(|| self.snapshot.nic(end.worker))
            .flatten();
        let Some(nic) = known else {
            return Kind::Odd;
        };
        if originates(self.snapshot, end.worker).is_err() {
            return Kind::Silent;
        }
        if !is_plain(self.snapshot, end.worker, nic, end.address) {
            return Kind::Odd;
        }
        let guest = self.snapshot.guest_of(nic);
        match guest.kind {
            GuestKind::Host(_) | GuestKind::Appliance { .. } | GuestKind::RoutingAppliance(_) => {}
            _ => return Kind::Odd,
        }
        let alone = self.is_alone(end.worker);
        Kind::Unit(UnitKey {
            table: Some((nic.virtual_network, nic.fib)),
            cell: cells.cell(end.address.into()),
            alone: alone.then_some((end.worker, end.address)),
        })
    }

    /// Whether a source has ways that no other has: routes lead to it, its guest forwards or has several NICs, it has several addresses, or
    /// one that others have, too.
    fn is_alone(&self, worker: NicId) -> bool {
        let Some(nic) = self.snapshot.nic(worker) else {
            return true;
        };
        let guest = self.snapshot.guest_of(nic);
        !matches!(guest.kind, GuestKind::Host(_))
            || self.named.contains(&worker)
            || guest.nics.len() > 1
            || nic.addresses.len() > 1
            || nic
                .addresses
                .iter()
                .any(|&address| self.shared.contains(&address.into()))
    }

    /// The rules that packets of a NIC meet as they leave it. None: there are none.
    fn leaving(&self, nic: &Nic) -> Option<RuleAsked<'_>> {
        let policy = self.snapshot.policy_of(nic);
        RuleBook::asks(policy, Direction::Outbound).then_some(RuleAsked {
            policy,
            direction: Direction::Outbound,
            tags: nic.tags,
            fixed: Fixed::Source,
        })
    }

    /// The row of a source that is judged by packets alone.
    fn by_packets(&self, source: u32) -> RowBits {
        let from = self.sources[source as usize];
        let mut row = RowBits::new(self.destinations.len().div_ceil(64));
        for (number, to) in self.destinations.iter().enumerate() {
            row.set(number, self.pairs.cell(&from, to));
        }
        row
    }
}

/// What rules see of probes and of replies.
fn shown(service: Service, source_port: Option<u16>) -> (Shown, Shown) {
    const ECHO: u16 = 8;
    const ECHO_REPLY: u16 = 0;
    let own = source_port.unwrap_or(FIRST_SOURCE_PORT);
    let with_ports = |protocol, port| {
        let shown = |source, destination| Shown {
            protocol,
            source_port: Some(source),
            destination_port: Some(destination),
            asking: Asking::Nothing,
        };
        (shown(own, port), shown(port, own))
    };
    match service {
        Service::Icmp => {
            let shown = |kind| Shown {
                protocol: protocol::ICMP,
                source_port: None,
                destination_port: Some(kind), // S-6
                asking: Asking::Nothing,
            };
            (shown(ECHO), shown(ECHO_REPLY))
        }
        Service::Tcp(port) => with_ports(protocol::TCP, port),
        Service::Udp(port) => with_ports(protocol::UDP, port),
    }
}

/// Whether the fabric carries probes or replies of a service at all (N-8, S-27), whoever sends them.
fn carries(service: Service, source_port: Option<u16>, reply: bool) -> bool {
    let Service::Udp(port) = service else {
        return true;
    };
    let tuple = FiveTuple {
        source: Ipv4Addr::UNSPECIFIED,
        destination: Ipv4Addr::UNSPECIFIED,
        source_port: source_port.unwrap_or(FIRST_SOURCE_PORT),
        destination_port: port,
        protocol: protocol::UDP,
    };
    let tuple = if reply { tuple.reversed() } else { tuple };
    is_carried(tuple, Content::Udp)
}

/// Columns on which nothing listens to a service; none unless the question is about listeners.
fn deaf(snapshot: &Snapshot, columns: &Columns, service: Service, question: Question) -> Spans {
    let listener = match service {
        Service::Tcp(port) => Listener::Tcp(port),
        Service::Udp(port) => Listener::Udp(port),
        Service::Icmp => return Spans::default(),
    };
    let mut deaf = Spans::default();
    if question.listeners {
        for (number, column) in (0_u32..).zip(&columns.list) {
            let guest = column.guest.map(|guest| &snapshot.guests[guest.0 as usize]);
            if guest.is_some_and(|guest| !listens(guest, listener)) {
                deaf.push((number, number + 1));
            }
        }
    }
    deaf
}
