//! Runs the binary and looks at what it says.

pub(crate) mod world;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A command line of the binary, in an empty environment as far as `vnetsim` reads it.
pub(crate) fn vnetsim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vnetsim"));
    command
        .args(arguments)
        .env_remove("VNETSIM_STATE")
        .stdin(Stdio::null());
    command
}

/// What one run said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary in the current folder.
pub(crate) fn run(arguments: &[&str]) -> Answer {
    answer(vnetsim(arguments).output().expect("the binary starts"))
}

/// Runs the binary in a folder.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Answer {
    let output = vnetsim(arguments).current_dir(folder).output();
    answer(output.expect("the binary starts"))
}

fn answer(output: Output) -> Answer {
    Answer {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("data is UTF-8"),
        err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

impl Answer {
    /// The data of a run that said yes.
    #[track_caller]
    pub(crate) fn yes(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.out
    }

    /// The messages of a run that failed without any data.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert_eq!(self.out, "", "{self:#?}");
        self.err
    }
}
