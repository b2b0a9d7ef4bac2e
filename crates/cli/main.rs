//! The `vnetsim` binary: the process around [`vnetsim::run`].

use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;

use vnetsim::Console;

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut err = io::stderr().lock();
    let messages_are_watched = err.is_terminal();
    let mut console = Console::new(&mut out, &mut err);
    if messages_are_watched {
        console = console.with_terminal();
    }
    vnetsim::run(std::env::args_os(), &mut console).into()
}
