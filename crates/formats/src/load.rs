//! Reads any number of files and folders into one network.

mod ahead;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use model::{Location, Network, ResourceId};

use crate::arm::{self, Assumed, DeploymentContext, Parameters};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{self, Document};
use crate::json::{self, Parsed, Value};
use crate::locations::Locations;
use crate::resources::learned_routes;
use crate::resources::{
    Additions, Built, Collection, Entry, Origin, ResourceDocument, Summary, build,
};
use crate::source::{FileId, Sources, Span};
use crate::{scenario, terraform, yaml};

use self::ahead::{Ahead, is_json};

/// Deepest nesting of folders that is followed.
const MAX_FOLDERS: usize = 32;
/// Most scenarios and files that name each other by `topology:`.
const MAX_TOPOLOGY: usize = 64;

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// A warning counts as an error.
    pub strict: bool,
    /// Options set beside the files (`--set NAME=VALUE`): they go before those of a scenario.
    pub set: Vec<(String, String)>,
    /// Values for parameters of templates, `NAME=VALUE`: they go before those of parameter files.
    pub parameters: Vec<String>,
    /// Parameter files for all templates. Those among the files to read go to the template that they are named after.
    pub parameter_files: Vec<PathBuf>,
    /// Where templates are deployed; the `defaults` of a scenario go before it.
    pub deployment: DeploymentContext,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The network.
    pub network: Network,
    /// The texts, to which the places of `diagnostics` belong.
    pub sources: Sources,
    /// Warnings and notes; no errors.
    pub diagnostics: Diagnostics,
    /// What was passed over.
    pub summary: Summary,
    /// Where the resources stand in `sources`.
    pub locations: Locations,
    /// Values in templates that Azure would assign, as they were assumed.
    pub assumed: Vec<Assumed>,
}

/// Input that cannot be used, with everything that is wrong with it.
#[derive(Debug)]
pub struct Refused {
    /// The texts, to which the places of `diagnostics` belong.
    pub sources: Sources,
    /// At least one error.
    pub diagnostics: Diagnostics,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.diagnostics.display(&self.sources).fmt(f)
    }
}

impl std::error::Error for Refused {}

/// Reads files and folders. Folders are searched for `*.json`, `*.yaml` and `*.yml`, in the order of their names.
pub fn load(paths: &[PathBuf], options: &LoadOptions) -> Result<Loaded, Box<Refused>> {
    let mut loader = Loader::new(options.clone());
    if paths.is_empty() {
        loader.diagnostics.push(
            Diagnostic::error(Code::UnknownFormat, "there is nothing to read")
                .expected(document::EXPECTED),
        );
    }
    loader.read_ahead(paths);
    for path in paths {
        loader.add_path(path);
    }
    loader.finish()
}

/// Gathers documents one by one, from files or from memory.
#[derive(Debug, Default)]
pub struct Loader {
    options: LoadOptions,
    sources: Sources,
    diagnostics: Diagnostics,
    /// Texts that stand in for files: built-in examples.
    embedded: BTreeMap<PathBuf, &'static str>,
    collection: Collection,
    additions: Additions,
    templates: Vec<(FileId, Value)>,
    plans: Vec<Value>,
    parameters: Vec<(FileId, Value)>,
    seen: HashSet<PathBuf>,
    ahead: Ahead,
    topology_depth: usize,
    assumed: Vec<Assumed>,
    /// What Terraform calls the resources of plans.
    places: terraform::Places,
}

impl Loader {
    /// Nothing read so far.
    pub fn new(options: LoadOptions) -> Self {
        let mut diagnostics = Diagnostics::new();
        if options.strict {
            diagnostics.set_strict();
        }
        Self {
            options,
            diagnostics,
            ..Self::default()
        }
    }

    /// Adds a text that is found under a path before the file system is asked.
    pub fn embed(&mut self, path: impl Into<PathBuf>, text: &'static str) {
        self.embedded.insert(path.into(), text);
    }

    /// Says which files will be added next, in this order: several large ones are read side by side. What comes of them is the same.
    pub fn read_ahead(&mut self, paths: &[PathBuf]) {
        let mut named = HashSet::with_capacity(paths.len());
        let new = paths.iter().filter(|path| {
            let known = self.seen.contains(*path) || self.embedded.contains_key(*path);
            !known && named.insert(*path) && path.is_file()
        });
        let new: Vec<&Path> = new.map(PathBuf::as_path).collect();
        self.ahead.read(&new, &self.sources);
    }

    /// Reads a file, or all files of a folder.
    pub fn add_path(&mut self, path: &Path) {
        if path.is_dir() {
            let mut files = Vec::new();
            self.walk(path, 0, &mut files);
            if files.is_empty() {
                let message = format!(
                    "the folder {} holds no .json, .yaml or .yml file",
                    path.display()
                );
                self.diagnostics.push(
                    Diagnostic::error(Code::UnknownFormat, message).expected(document::EXPECTED),
                );
            }
            self.read_ahead(&files);
            for file in files {
                self.add_file(&file, Asked::InFolder);
            }
        } else {
            self.add_file(path, Asked::ByName);
        }
    }

    /// Takes a document from memory; `name` is what diagnostics call it.
    pub fn add_text(&mut self, name: &str, text: impl Into<String>) {
        if let Some(file) = self.sources.add(name, text, &mut self.diagnostics) {
            self.add_source(file, None, Path::new(name), Asked::ByName);
        }
    }

    /// Builds the network of all that was read.
    pub fn finish(mut self) -> Result<Loaded, Box<Refused>> {
        if !self.templates.is_empty() {
            let assumed = Location::new(&self.options.deployment.location);
            self.additions.assumed_locations.push(assumed);
        }
        self.evaluate_templates();
        self.read_plans();
        for (name, value) in &self.options.set {
            if let Err(error) = self.additions.options.set(name, value) {
                self.diagnostics.push(
                    Diagnostic::error(Code::BadValue, error.to_string())
                        .property(format!("--set {name}")),
                );
            }
        }
        let Built {
            network,
            summary,
            locations,
        } = build(&self.collection, &self.additions, &mut self.diagnostics);
        let Self {
            sources,
            mut diagnostics,
            assumed,
            places,
            collection,
            ..
        } = self;
        give_back(collection);
        places.rename(&mut diagnostics);
        if diagnostics.has_errors() {
            return Err(Box::new(Refused {
                sources,
                diagnostics,
            }));
        }
        Ok(Loaded {
            network,
            sources,
            diagnostics,
            summary,
            locations,
            assumed,
        })
    }

    fn walk(&mut self, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
        let entries =
            fs::read_dir(folder).and_then(std::iter::Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("cannot read the folder {}: {error}", folder.display());
                self.diagnostics
                    .push(Diagnostic::error(Code::UnreadableFile, message));
                return;
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden {
                // A link to a folder above would never end.
                if depth < MAX_FOLDERS && !entry.path().is_symlink() {
                    self.walk(&path, depth + 1, files);
                }
            } else if !hidden && is_data(&path) {
                // A pipe that nobody asked for by name may never get a writer. What cannot be looked at is an error when it is read.
                if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
                    let message = format!("{} is no regular file: left out", path.display());
                    self.diagnostics
                        .push(Diagnostic::warning(Code::UnreadableFile, message));
                } else {
                    files.push(path);
                }
            }
        }
    }

    fn add_file(&mut self, path: &Path, asked: Asked) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        let mut parsed = None;
        let file = match (self.embedded.get(path), self.ahead.take(path)) {
            (Some(&text), _) => {
                self.sources
                    .add(path.display().to_string(), text, &mut self.diagnostics)
            }
            (None, Some(early)) => {
                parsed = early.parsed;
                self.sources.take(early.fetched, &mut self.diagnostics)
            }
            (None, None) => self.sources.read(path, &mut self.diagnostics),
        };
        if let Some(file) = file {
            let parsed = parsed.filter(|&(number, _)| number == file);
            self.add_source(file, parsed.map(|(_, parsed)| parsed), path, asked);
        }
    }

    /// `parsed`: what came of its text, where that is known already.
    fn add_source(&mut self, file: FileId, parsed: Option<Parsed>, path: &Path, asked: Asked) {
        if first_character(self.sources.text(file)).is_none() {
            let message = format!("{} is empty", self.sources.name(file));
            self.diagnostics.push(
                Diagnostic::error(Code::UnknownFormat, message)
                    .at(Span::new(file, 0, 0))
                    .expected(document::EXPECTED),
            );
            return;
        }
        let value = match parsed {
            Some(parsed) => parsed.report(&self.sources, &mut self.diagnostics),
            None => parse(&self.sources, file, path, &mut self.diagnostics),
        };
        let Some(value) = value else { return };
        if let Some(document) = Document::of(&value, path) {
            self.add_document(document, file, value, path);
        } else {
            let message = format!("{} is of no kind that is known", self.sources.name(file));
            let problem = Diagnostic::error(Code::UnknownFormat, message).at(value.span);
            let problem = Diagnostic {
                severity: asked.severity(),
                ..problem
            };
            self.diagnostics.push(problem.expected(document::EXPECTED));
        }
    }

    fn add_document(&mut self, document: Document, file: FileId, value: Value, path: &Path) {
        match document {
            Document::Template => self.templates.push((file, value)),
            Document::Parameters => self.parameters.push((file, value)),
            Document::Resources(rows) => {
                self.warn_of_cut_answer(&value);
                document::collect(rows, &mut self.collection, &mut self.diagnostics);
            }
            Document::LearnedRoutes => self.add_learned_routes(value, path),
            Document::DeployStatus(rows) => self.additions.deployments.extend(rows),
            Document::ServiceTags => self.additions.service_tag_lists.push(value),
            Document::Scenario => self.add_scenario(&value, path),
            Document::Answer(what) => {
                let message = format!(
                    "{} holds {what}: an answer of Azure, no part of the network",
                    self.sources.name(file)
                );
                self.diagnostics
                    .push(Diagnostic::note(Code::LeftOut, message).at(value.span));
            }
            Document::Promises => {
                let message = format!(
                    "{} holds promises for `vnetsim check`, no part of the network",
                    self.sources.name(file)
                );
                self.diagnostics
                    .push(Diagnostic::note(Code::LeftOut, message).at(value.span));
            }
            Document::Terraform => self.plans.push(value),
            Document::TerraformState => {
                let message = format!("{} is Terraform's own state", self.sources.name(file));
                let problem = Diagnostic::error(Code::UnknownFormat, message).at(value.span);
                self.diagnostics
                    .push(problem.expected("what `terraform show -json` prints of it"));
            }
        }
    }

    /// A query returns up to a thousand rows at a time: the rest comes with its skip token.
    fn warn_of_cut_answer(&mut self, value: &Value) {
        let number = |key| value.get(key).and_then(Value::as_i64);
        let more = value
            .get("nextLink")
            .is_some_and(|link| link.as_str().is_some_and(|link| !link.is_empty()));
        let cut = match (
            number("count"),
            number("total_records").or_else(|| number("totalRecords")),
        ) {
            (Some(count), Some(total)) => count < total,
            _ => false,
        };
        if cut || more {
            let problem = Diagnostic::warning(
                Code::Unsupported,
                "this answer is one page of several; resources may be missing",
            );
            self.diagnostics.push(
                problem
                    .at(value.span)
                    .expected("all pages, each in a file of its own"),
            );
        }
    }

    /// The answer does not say whose routes they are: the name of the file does.
    fn add_learned_routes(&mut self, value: Value, path: &Path) {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let gateway = name
            .to_ascii_lowercase()
            .find(".learned-routes.")
            .map(|at| name[..at].to_owned());
        // Without such a name the rows themselves may tell: they hold the addresses of the session.
        if gateway.is_some() || learned_routes::tell_their_session(&value) {
            let gateway = gateway.unwrap_or_default();
            let entry = Entry {
                key: gateway.into(),
                key_span: value.span,
                value,
            };
            self.additions.learned_routes.push(entry);
        } else {
            let problem = Diagnostic::error(
                Code::UnknownFormat,
                "these learned routes tell neither a gateway nor a route server",
            )
            .at(value.span);
            self.diagnostics.push(problem.expected(
                "a file named GATEWAY.learned-routes.json or SERVER.PEER.learned-routes.json, or learnedRoutes in a scenario",
            ));
        }
    }

    fn add_scenario(&mut self, value: &Value, path: &Path) {
        let read = scenario::read(
            value,
            &mut self.collection,
            &mut self.additions,
            &mut self.diagnostics,
        );
        if let Some(defaults) = value.get("defaults") {
            let text = |key| defaults.get(key).and_then(Value::as_str).map(str::to_owned);
            let deployment = &mut self.options.deployment;
            if let Some(subscription) = text("subscription") {
                deployment.subscription = subscription;
            }
            if let Some(group) = text("resourceGroup") {
                deployment.resource_group = group;
            }
            if let Some(location) = text("location") {
                let assumed = Location::new(&location);
                self.additions.assumed_locations.push(assumed);
                deployment.location = location;
            }
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for (named, span) in read.topology {
            if self.topology_depth == MAX_TOPOLOGY {
                let problem =
                    Diagnostic::error(Code::UnknownFormat, "scenarios name each other too deeply")
                        .at(span);
                self.diagnostics.push(problem.property("topology"));
                return;
            }
            let target = folder.join(&*named);
            let there = self.embedded.contains_key(&target) || target.exists();
            if !there {
                let problem = Diagnostic::error(
                    Code::UnreadableFile,
                    format!("there is no file {}", target.display()),
                )
                .at(span);
                self.diagnostics.push(
                    problem
                        .property("topology")
                        .value(named)
                        .expected("a path relative to the scenario"),
                );
                continue;
            }
            self.topology_depth += 1;
            self.add_path(&target);
            self.topology_depth -= 1;
        }
    }

    fn evaluate_templates(&mut self) {
        let templates = std::mem::take(&mut self.templates);
        let mut of_templates = vec![Parameters::new(); templates.len()];
        self.share_parameter_files(&templates, &mut of_templates);
        for ((_, template), mut parameters) in templates.into_iter().zip(of_templates) {
            self.add_parameters_of_options(&mut parameters);
            let context = &self.options.deployment;
            let evaluation = arm::evaluate(
                &mut self.sources,
                &template,
                &parameters,
                context,
                &mut self.diagnostics,
            );
            for resource in evaluation.resources {
                let Ok(id) = ResourceId::parse(&resource.id) else {
                    // Resource groups, subscriptions and tenants hold no network; the evaluation has told about the others.
                    continue;
                };
                let document = ResourceDocument {
                    id,
                    body: resource.body,
                    span: resource.span,
                    origin: Origin::Authored,
                };
                self.collection.add(document, &mut self.diagnostics);
            }
            self.assumed.extend(evaluation.assumed);
        }
    }

    /// Plans and states. What they say of resources outside them counts where other files hold these.
    fn read_plans(&mut self) {
        for plan in std::mem::take(&mut self.plans) {
            let context = &self.options.deployment;
            let reading = terraform::read(&plan, context, &mut self.diagnostics);
            for document in reading.resources {
                self.collection.add_before(document, &mut self.diagnostics);
            }
            if !reading.deleted.is_empty() {
                // What lies in something that is deleted goes with it.
                let gone = |id: &ResourceId| {
                    std::iter::successors(Some(id.clone()), ResourceId::parent)
                        .any(|id| reading.deleted.contains(&id.as_str().to_ascii_lowercase()))
                };
                self.collection.remove(gone);
            }
            for document in reading.implied {
                if self.collection.find(&document.id).is_some() {
                    continue;
                }
                let message = format!(
                    "the virtual network '{}' is not in the input; its address space counts as that of its subnets here",
                    document.id.name()
                );
                self.diagnostics.push(
                    Diagnostic::warning(Code::AssumedValue, message)
                        .at(document.span)
                        .resource(document.id.as_str())
                        .expected("a data source, or another file, with the virtual network"),
                );
                self.collection.add(document, &mut self.diagnostics);
            }
            for (document, address) in reading.partial {
                if self.collection.find(&document.id).is_some() {
                    self.collection.add_before(document, &mut self.diagnostics);
                    continue;
                }
                let message = format!(
                    "{address} belongs to a resource that is not in the input; it is left out"
                );
                self.diagnostics.push(
                    Diagnostic::warning(Code::DanglingReference, message)
                        .at(document.span)
                        .resource(address)
                        .value(document.id.as_str())
                        .expected("a data source, or another file, with that resource"),
                );
            }
            self.assumed.extend(reading.assumed);
            self.places.extend(reading.places);
        }
    }

    /// `hub.parameters.json` is for `hub.json`; a lone template takes every file.
    fn share_parameter_files(
        &mut self,
        templates: &[(FileId, Value)],
        of_templates: &mut [Parameters],
    ) {
        for (file, value) in std::mem::take(&mut self.parameters) {
            let stem = |file| {
                let name = document::file_name(Path::new(self.sources.name(file)));
                name.split('.').next().unwrap_or_default().to_owned()
            };
            let own = stem(file);
            let named = templates
                .iter()
                .position(|(template, _)| stem(*template) == own);
            let position = named.or((templates.len() == 1).then_some(0));
            if let Some(position) = position {
                of_templates[position].add_file(&value, &mut self.diagnostics);
            } else {
                let message = format!(
                    "the parameter file {} belongs to no template",
                    self.sources.name(file)
                );
                let problem = Diagnostic::warning(Code::BadParameter, message).at(value.span);
                self.diagnostics
                    .push(problem.expected("a template of the same name among the files"));
            }
        }
    }

    fn add_parameters_of_options(&mut self, parameters: &mut Parameters) {
        for path in self.options.parameter_files.clone() {
            let Some(file) = self.sources.read(&path, &mut self.diagnostics) else {
                continue;
            };
            if let Some(value) = json::parse(&self.sources, file, &mut self.diagnostics) {
                parameters.add_file(&value, &mut self.diagnostics);
            }
        }
        for assignment in self.options.parameters.clone() {
            parameters.add_text(&assignment, &mut self.sources, &mut self.diagnostics);
        }
    }
}

/// True if the file is a scenario, and so one that may be written anew. Templates, dumps and plans are somebody else's.
pub fn is_scenario_file(path: &Path) -> bool {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let Some(file) = sources.read(path, &mut diagnostics) else {
        return false;
    };
    let value = first_character(sources.text(file))
        .and_then(|_| parse(&sources, file, path, &mut diagnostics));
    value.is_some_and(|value| matches!(Document::of(&value, path), Some(Document::Scenario)))
}

/// Reads JSON or YAML, by the name of the file, else by the first character that is no blank.
fn parse(
    sources: &Sources,
    file: FileId,
    path: &Path,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    if is_json(path, sources.text(file)) {
        json::parse(sources, file, diagnostics)
    } else {
        yaml::parse(sources, file, diagnostics)
    }
}

/// Gives the memory of all documents back. Of many this takes a while, which nobody has to wait for.
fn give_back(collection: Collection) {
    const MANY: usize = 10_000;
    if collection.len() > MANY {
        rayon::spawn(move || drop(collection));
    }
}

/// The first character of a text that is no blank.
fn first_character(text: &str) -> Option<char> {
    let text = text.trim_start_matches('\u{feff}');
    text.trim_start().chars().next()
}

/// How a file came to be read.
#[derive(Clone, Copy, Debug)]
enum Asked {
    ByName,
    /// Folders hold other files too.
    InFolder,
}

impl Asked {
    const fn severity(self) -> crate::diagnostic::Severity {
        match self {
            Self::ByName => crate::diagnostic::Severity::Error,
            Self::InFolder => crate::diagnostic::Severity::Warning,
        }
    }
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_string_lossy().to_ascii_lowercase())
}

fn is_data(path: &Path) -> bool {
    matches!(extension(path).as_deref(), Some("json" | "yaml" | "yml"))
}
