//! `vnetsim generate`: a network of any size as a file.

use std::fs;
use std::io::Write;
use std::path::Path;

use formats::arm::Template;
use formats::az::Dumps;
use formats::source::MAX_FILE_BYTES;
use formats::{atomic, scenario};
use model::Network;

use crate::args::{GenerateArguments, GenerateFormat};
use crate::console::{Console, Exit};
use crate::failure::Failure;

pub(super) fn run(
    arguments: &GenerateArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let path = arguments.output.as_deref();
    if path.is_none() && arguments.format == GenerateFormat::Az {
        return Err(Failure::Usage(
            "dumps of az are several files; say which folder they go to: -o DIR".to_owned(),
        ));
    }
    let sizes = arguments.wanted();
    progress(console, format_args!("making {} NICs", sizes.nics));
    let network = generate::generate(arguments.seed, &sizes)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let origin = format!(
        "vnetsim generate --shape {} --seed {} {sizes}",
        arguments.shape, arguments.seed
    );
    if let (Some(path), GenerateFormat::Az) = (path, arguments.format) {
        progress(console, format_args!("writing {}", path.display()));
        let dumps = Dumps::new(&network)?;
        dumps.write_folder(path)?;
        say_what_is_left_out(&network, arguments.format, console);
        return Ok(Exit::Yes);
    }
    let template = match arguments.format {
        GenerateFormat::Arm => Some(Template::new(&network, &origin)?),
        GenerateFormat::Scenario | GenerateFormat::Az => None,
    };
    let is_json = path
        .and_then(Path::extension)
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let write = |out: &mut dyn Write| match template {
        Some(template) => template.write_to(out),
        None if is_json => out.write_all(scenario::write_json(&network).as_bytes()),
        None => out.write_all(scenario::write_with_comment(&network, &origin).as_bytes()),
    };
    match path {
        None => write(console.out())?,
        Some(path) => {
            progress(console, format_args!("writing {}", path.display()));
            atomic::write(path, write)?;
            let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
            if bytes > MAX_FILE_BYTES {
                console.message(format_args!(
                    "note: {} has {bytes} bytes, and commands read files of up to {MAX_FILE_BYTES}; fewer NICs, rules or routes \
                     make it smaller, and so does YAML, or --format az with its several files",
                    path.display()
                ));
            }
        }
    }
    say_what_is_left_out(&network, arguments.format, console);
    Ok(Exit::Yes)
}

/// What the network has and the files do not say.
fn say_what_is_left_out(network: &Network, format: GenerateFormat, console: &mut Console<'_>) {
    let form = match format {
        GenerateFormat::Scenario => return,
        GenerateFormat::Arm => "a template",
        GenerateFormat::Az => "dumps of az",
    };
    let machines = network.virtual_machines().values();
    let stopped = machines.filter(|machine| !machine.is_running()).count();
    if stopped > 0 && format == GenerateFormat::Arm {
        console.message(format_args!(
            "note: {form} cannot say that a machine is stopped; {stopped} that are run in it"
        ));
    }
    let sites = network.on_premises().values();
    let hosts: usize = sites.map(|site| site.hosts.len()).sum();
    if hosts > 0 {
        console.message(format_args!(
            "note: {form} cannot hold hosts on premises; {hosts} are left out (a scenario has them)"
        ));
    }
}

/// What is being done, for a person who waits.
fn progress(console: &mut Console<'_>, what: impl std::fmt::Display) {
    if console.is_terminal() {
        console.message(format_args!("{what} ..."));
    }
}
