//! The file that carries changes from one command to the next.

use std::path::{Path, PathBuf};

use formats::atomic;
use formats::load::Loaded;
use model::Network;

use crate::args::network::{InPlace, StateArguments, TopologyArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::topology;

/// A network that is about to change, and where the change goes.
#[derive(Debug)]
pub(crate) struct Editable {
    pub(crate) loaded: Loaded,
    file: PathBuf,
}

impl StateArguments {
    /// The file of the state; an empty variable names none.
    fn file(&self) -> Option<&Path> {
        let file = self.state.as_deref()?;
        (!file.as_os_str().is_empty()).then_some(file)
    }
}

/// Reads the network for a question: the state if there is one, else `-t`.
pub(crate) fn open(
    topology: &TopologyArguments,
    state: &StateArguments,
    console: &mut Console<'_>,
) -> Result<Loaded, Failure> {
    topology::open(&present(topology, state), console)
}

/// As [`open()`], in silence: for a command that reads it again.
pub(crate) fn peek(
    topology: &TopologyArguments,
    state: &StateArguments,
) -> Result<Network, Failure> {
    Ok(topology::read(&present(topology, state))?.network)
}

/// Reads the network for a change.
pub(crate) fn open_for_change(
    topology: &TopologyArguments,
    state: &StateArguments,
    place: InPlace,
    console: &mut Console<'_>,
) -> Result<Editable, Failure> {
    let file = match (state.file(), place.in_place) {
        (_, true) => scenario_in_place(topology)?,
        (Some(file), false) => file.to_owned(),
        (None, false) => {
            return Err(Failure::Usage(
                "say where the change goes: --state FILE (made from -t when missing), the variable VNETSIM_STATE, or --in-place to change the scenario of -t itself".to_owned(),
            ));
        }
    };
    let from = if place.in_place {
        topology.clone()
    } else {
        present(topology, state)
    };
    Ok(Editable {
        loaded: topology::open(&from, console)?,
        file,
    })
}

/// The arguments with the state in place of `-t`, if the state exists.
fn present(topology: &TopologyArguments, state: &StateArguments) -> TopologyArguments {
    match state.file() {
        Some(file) if file.exists() => TopologyArguments {
            topology: vec![file.to_owned()],
            parameters: Vec::new(),
            ..topology.clone()
        },
        Some(_) | None => topology.clone(),
    }
}

/// The one scenario that `--in-place` may rewrite: templates, dumps and plans are other people's files.
fn scenario_in_place(topology: &TopologyArguments) -> Result<PathBuf, Failure> {
    let paths = topology::paths(topology)?;
    let [path] = paths.as_slice() else {
        return Err(Failure::Usage(
            "--in-place needs exactly one -t: the scenario to change".to_owned(),
        ));
    };
    if topology::is_example(path) {
        return Err(Failure::Usage(format!(
            "{} is built in; write it to a file first (`vnetsim examples --write DIR`) or use --state FILE",
            path.display()
        )));
    }
    if !formats::load::is_scenario_file(path) {
        return Err(Failure::Usage(format!(
            "{} is no scenario and stays as it is; use --state FILE",
            path.display()
        )));
    }
    Ok(path.clone())
}

impl Editable {
    /// The network, to be changed.
    pub(crate) fn network(&mut self) -> &mut Network {
        &mut self.loaded.network
    }

    /// Writes the network as a scenario with all resources in full, and says from when on answers hold (P-11).
    pub(crate) fn save(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        write(&self.loaded.network, &self.file)?;
        let delay = self.loaded.network.options.programming_delay_ms;
        if delay > 0 {
            console.message(format_args!(
                "note: NICs obey this change {delay} ms later (programmingDelay); further commands answer as after that time"
            ));
        }
        Ok(())
    }
}

fn write(network: &Network, file: &Path) -> Result<(), Failure> {
    let text = formats::scenario::write(network);
    atomic::write(file, |file| file.write_all(text.as_bytes()))?;
    Ok(())
}
