//! From a file of promises to promises about the ends of a network.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::time::SimDuration;
use formats::diagnostic::{Code, Diagnostic, Diagnostics};
use formats::promises::{self, PromiseKind as Written, Word};
use formats::source::Sources;
use reach::promises::{Promise, PromiseKind, World, devices};
use reach::{Asked, Depth, Device, Ends, Everyone, Protocol, Selector, SelectorError, Service};
use report::check::Nobody;

use crate::args::TopologyArguments;
use crate::examples::Example;
use crate::failure::Failure;
use crate::topology;

/// The promises of a file.
pub(super) struct Promises {
    pub(super) list: Vec<promises::Promise>,
    pub(super) sources: Sources,
    /// The built-in network whose promises they are.
    example: Option<PathBuf>,
}

/// A promise about this network.
pub(super) enum Lowered {
    Promise(Promise),
    /// Some of its words mean nobody here.
    Empty(Nobody),
}

impl Lowered {
    /// The promise; one that is about nobody touches nothing.
    pub(super) fn or_about_nobody(&self) -> Promise {
        match self {
            Self::Promise(promise) => promise.clone(),
            Self::Empty(_) => Promise {
                kind: PromiseKind::Must,
                from: Arc::default(),
                to: Arc::default(),
                services: Vec::new(),
                both_ways: false,
                depth: Depth::RoundTrip,
            },
        }
    }
}

impl Promises {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let example = topology::example_of(path);
        let list = if let Some(name) = example {
            let example = Example::named(name)?;
            let Some(file) = &example.promises else {
                return Err(Failure::Usage(format!(
                    "nobody has promised anything about the example '{name}'"
                )));
            };
            let name = format!("{}{}/{}", topology::EXAMPLE, example.name, file.name);
            let file = sources.add(name, file.text, &mut diagnostics);
            file.and_then(|file| promises::parse(file, &sources, &mut diagnostics))
        } else {
            promises::read(path, &mut sources, &mut diagnostics)
        };
        match list {
            Some(list) => Ok(Self {
                list,
                sources,
                example: example.map(|_| path.to_owned()),
            }),
            None => Err(Failure::Input(Box::new((diagnostics, sources)))),
        }
    }

    /// The network that the user names, else the one that a built-in file of promises is about.
    pub(super) fn topology(&self, given: &TopologyArguments) -> TopologyArguments {
        let mut arguments = given.clone();
        if arguments.topology.is_empty() {
            arguments.topology.extend(self.example.clone());
        }
        arguments
    }

    /// Single addresses that are meant by promises.
    pub(super) fn addresses(&self) -> Vec<Ipv4Addr> {
        let words = self
            .list
            .iter()
            .flat_map(|promise| [&promise.from, &promise.to]);
        let selectors = words.filter_map(|word| word.text.parse::<Selector>().ok());
        let addresses = selectors.flat_map(|selector| selector.addresses().collect::<Vec<_>>());
        addresses.collect()
    }

    /// What is wrong with the file.
    pub(super) fn refused(&self, diagnostics: Diagnostics) -> Failure {
        let mut sources = Sources::new();
        // The same files under the same numbers, for an error that outlives the promises.
        for file in self.sources.ids() {
            let text = self.sources.text(file).as_str();
            sources.add(self.sources.name(file), text, &mut Diagnostics::new());
        }
        Failure::Input(Box::new((diagnostics, sources)))
    }

    /// What the words mean in a network. All words that mean nothing in any network are told at once.
    pub(super) fn lower(
        &self,
        everyone: &Everyone<'_>,
        world: World<'_>,
    ) -> Result<Vec<Lowered>, Failure> {
        let mut reader = Lowerer {
            everyone,
            world,
            diagnostics: Diagnostics::new(),
            known: HashMap::new(),
        };
        let list = self.list.iter().map(|promise| reader.promise(promise));
        let list: Vec<Lowered> = list.collect();
        if reader.diagnostics.has_errors() {
            return Err(self.refused(reader.diagnostics));
        }
        Ok(list)
    }
}

struct Lowerer<'l> {
    everyone: &'l Everyone<'l>,
    world: World<'l>,
    diagnostics: Diagnostics,
    /// Ends by the selector that means them: many promises are about the same.
    known: HashMap<String, Result<Arc<Ends>, String>>,
}

impl Lowerer<'_> {
    fn promise(&mut self, promise: &promises::Promise) -> Lowered {
        let from = self.ends(&promise.from);
        let to = self.ends(&promise.to);
        let services = self.services(promise);
        let kind = match &promise.kind {
            Written::Must => Ok(PromiseKind::Must),
            Written::MustNot => Ok(PromiseKind::MustNot),
            Written::MustPassThrough(words) => {
                self.devices(words).map(PromiseKind::MustPassThrough)
            }
            Written::MustNotPassThrough(words) => {
                self.devices(words).map(PromiseKind::MustNotPassThrough)
            }
            Written::MaxLatency(milliseconds) => {
                let most = SimDuration::from_seconds_f64(milliseconds / 1_000.0);
                Ok(PromiseKind::MaxLatency(most.unwrap_or_default()))
            }
        };
        match (from, to, kind) {
            (Ok(from), Ok(to), Ok(kind)) => Lowered::Promise(Promise {
                kind,
                from,
                to,
                services,
                both_ways: promise.both_ways,
                depth: if promise.forward {
                    Depth::Forward
                } else {
                    Depth::RoundTrip
                },
            }),
            (Err(nobody), ..) | (_, Err(nobody), _) | (.., Err(nobody)) => Lowered::Empty(nobody),
        }
    }

    fn tell(&mut self, word: &Word, problem: String) {
        let problem = Diagnostic::error(Code::BadValue, problem).at(word.span);
        self.diagnostics.push(problem.value(&word.text));
    }

    /// `Err`: nobody is meant, and why.
    fn ends(&mut self, word: &Word) -> Result<Arc<Ends>, Nobody> {
        let ends = if let Some(known) = self.known.get(&word.text) {
            known.clone()
        } else {
            let ends = self.meant_by(word);
            self.known.insert(word.text.clone(), ends.clone());
            ends
        };
        let at = word.span;
        ends.map_err(|why| Nobody { why, at })
    }

    fn meant_by(&mut self, word: &Word) -> Result<Arc<Ends>, String> {
        let selector = word.text.parse::<Selector>();
        let ends = selector.and_then(|selector| self.everyone.meant_by(&selector));
        ends.map(Arc::new).map_err(|error| {
            let is_ambiguous = matches!(
                &error,
                SelectorError::Name(model::lookup::LookupError::Ambiguous { .. }, _)
            );
            if is_ambiguous || !error.is_about_the_network() {
                self.tell(word, error.to_string());
            }
            error.to_string()
        })
    }

    fn services(&mut self, promise: &promises::Promise) -> Vec<Asked> {
        if promise.services.is_empty() {
            return vec![
                Asked::One(Service::Icmp),
                Asked::AnyPort(Protocol::Tcp),
                Asked::AnyPort(Protocol::Udp),
            ];
        }
        let mut asked = Vec::new();
        for word in &promise.services {
            match word.text.parse::<Asked>() {
                Ok(service) if asked.contains(&service) => {}
                Ok(service) => asked.push(service),
                Err(_) => self.tell(
                    word,
                    format!(
                        "'{}' is no service; expected icmp, tcp/PORT, udp/PORT, tcp/any, tcp/all, udp/any or udp/all",
                        word.text
                    ),
                ),
            }
        }
        asked
    }

    fn devices(&mut self, words: &[Word]) -> Result<BTreeSet<Device>, Nobody> {
        let mut found = BTreeSet::new();
        let mut missing = Ok(());
        for word in words {
            match devices(self.world.network, self.world.snapshot, &word.text) {
                Ok(more) => found.extend(more),
                Err(error) => {
                    if !error.is_about_the_network() {
                        self.tell(word, error.to_string());
                    }
                    missing = missing.and(Err(Nobody {
                        why: error.to_string(),
                        at: word.span,
                    }));
                }
            }
        }
        missing.map(|()| found)
    }
}
