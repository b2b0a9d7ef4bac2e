//! From `-t` to a network.

use std::path::{Path, PathBuf};

use formats::diagnostic::{Diagnostics, Severity};
use formats::load::{LoadOptions, Loaded, Loader};
use model::lookup::Endpoint;
use model::table::Resource;
use model::{Network, NicId, NicOwner, PowerState};

use crate::args::network::TopologyArguments;
use crate::console::Console;
use crate::examples::Example;
use crate::failure::{Failure, show_diagnostics};

/// Names the file that stands in for `-t`.
pub(crate) const STATE_VARIABLE: &str = "VNETSIM_STATE";
/// What is read where nothing is said.
const DEFAULT: &str = "vnetsim.yaml";
/// What stands before the name of a built-in network.
pub(crate) const EXAMPLE: &str = "example:";
/// Warnings shown by commands that are about something else; `show` lists all.
const WARNINGS_SHOWN: usize = 10;

/// Reads the network, and tells what was not understood.
pub(crate) fn open(
    arguments: &TopologyArguments,
    console: &mut Console<'_>,
) -> Result<Loaded, Failure> {
    let loaded = read(arguments)?;
    show_warnings(&loaded, console);
    Ok(loaded)
}

/// Reads the network in silence.
pub(crate) fn read(arguments: &TopologyArguments) -> Result<Loaded, Failure> {
    // A file of this name is meant before a parameter of this name.
    let (parameter_files, parameters): (Vec<String>, Vec<String>) = arguments
        .parameters
        .iter()
        .cloned()
        .partition(|text| !text.contains('=') || Path::new(text).exists());
    let mut loader = Loader::new(LoadOptions {
        strict: arguments.strict,
        set: arguments.set.clone(),
        parameters,
        parameter_files: parameter_files.into_iter().map(PathBuf::from).collect(),
        ..LoadOptions::default()
    });
    let paths = paths(arguments)?;
    loader.read_ahead(&paths);
    for path in paths {
        match example_of(&path) {
            Some(name) => add_example(Example::named(name)?, &mut loader),
            None => loader.add_path(&path),
        }
    }
    loader
        .finish()
        .map_err(|refused| Failure::Input(Box::new((refused.diagnostics, refused.sources))))
}

/// What `-t` names, or what stands in for it.
pub(crate) fn paths(arguments: &TopologyArguments) -> Result<Vec<PathBuf>, Failure> {
    if !arguments.topology.is_empty() {
        return Ok(arguments.topology.clone());
    }
    let state = std::env::var_os(STATE_VARIABLE).map(PathBuf::from);
    let present = [state, Some(PathBuf::from(DEFAULT))]
        .into_iter()
        .flatten()
        .find(|path| path.exists());
    match present {
        Some(path) => Ok(vec![path]),
        None => Err(Failure::Usage(format!(
            "there is no {DEFAULT} here; say -t PATH, or -t {EXAMPLE}NAME for a built-in network (`vnetsim examples` lists them)"
        ))),
    }
}

/// The name of a built-in network.
pub(crate) fn example_of(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(EXAMPLE)
}

/// True if this is the built-in network of this name.
pub(crate) fn is_example_named(path: &Path, name: &str) -> bool {
    example_of(path).is_some_and(|given| given.eq_ignore_ascii_case(name))
}

/// True if nothing could be written back to where this came from.
pub(crate) fn is_example(path: &Path) -> bool {
    example_of(path).is_some()
}

/// The files of an example lie side by side in a folder of its own that exists only in memory.
fn add_example(example: &Example, loader: &mut Loader) {
    let folder = PathBuf::from(format!("{EXAMPLE}{}", example.name));
    for file in example.files {
        loader.embed(folder.join(file.name), file.text);
    }
    if let Some(scenario) = example.files.first() {
        loader.add_path(&folder.join(scenario.name));
    }
}

/// Tells what was not understood.
pub(crate) fn show_warnings(loaded: &Loaded, console: &mut Console<'_>) {
    let mut shown = Diagnostics::new();
    loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Warning)
        .take(WARNINGS_SHOWN)
        .for_each(|warning| shown.push(warning.clone()));
    if shown.is_empty() {
        return;
    }
    show_diagnostics(&shown, &loaded.sources, console);
    let left_out = loaded.diagnostics.count(Severity::Warning) - shown.count(Severity::Warning);
    if left_out > 0 {
        console.message(format_args!(
            "and {left_out} more warnings; `vnetsim show` lists them all"
        ));
    }
}

/// The NIC that a user names: by itself, by its VM, or by an address that only one NIC has.
pub(crate) fn nic(network: &Network, text: &str) -> Result<NicId, Failure> {
    match network.endpoint(text)? {
        Endpoint::Nic(nic, _) => Ok(nic),
        Endpoint::Address(address) => {
            let owners: Vec<NicId> = network
                .nics()
                .iter()
                .filter(|(_, nic)| nic.addresses().any(|own| own == address))
                .map(|(key, _)| key)
                .collect();
            match owners.as_slice() {
                [nic] => Ok(*nic),
                [] => Err(Failure::Usage(format!("no NIC has the address {address}"))),
                several => Err(Failure::Usage(format!(
                    "several NICs have the address {address}:{}",
                    listed(several.iter().map(|&nic| network.nics()[nic].id.as_str()))
                ))),
            }
        }
        Endpoint::Outside(..) => Err(Failure::Usage(format!(
            "'{text}' is no NIC of Azure; name a VM or a NIC"
        ))),
    }
}

/// Candidates, each on a line of its own.
pub(crate) fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.flat_map(|item| ["\n  ", item]).collect()
}

/// Why Azure would not answer a question about this NIC's effective routes or rules, if it would not.
pub(crate) fn azure_would_refuse(network: &Network, nic: NicId) -> Option<String> {
    let interface = &network.nics()[nic];
    match interface.owner {
        NicOwner::VirtualMachine(machine) => {
            let machine = &network.virtual_machines()[machine];
            match machine.power {
                PowerState::Running => None,
                power @ (PowerState::Stopped | PowerState::Deallocated) => {
                    Some(format!("{} is {power}", machine.name()))
                }
            }
        }
        NicOwner::Unattached => Some(format!("{} is attached to no VM", interface.name())),
        NicOwner::AzureFirewall(_)
        | NicOwner::VirtualNetworkAppliance(_)
        | NicOwner::GatewayInstance(..)
        | NicOwner::PrivateEndpoint(_) => Some(format!(
            "{} is a NIC that Azure does not show",
            interface.name()
        )),
    }
}
