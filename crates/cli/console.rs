//! Where the answers of a command go.

use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: the answer is yes, or there was nothing to decide.
    Yes,
    /// 1: the answer is no: no reply, dropped, denied.
    No,
    /// 2: no answer: bad input, wrong usage, the system.
    Failed,
    /// 130: stopped by Ctrl-C, with the answer so far.
    Interrupted,
}

impl Exit {
    /// Exit code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Failed => 2,
            Self::Interrupted => 130,
        }
    }

    /// [`Exit::Yes`] if `yes`, else [`Exit::No`].
    pub const fn from_verdict(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Data to one side, messages to the other.
pub struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    terminal: bool,
}

impl<'a> Console<'a> {
    /// A console whose messages are read by programs: plain text.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            out,
            err,
            terminal: false,
        }
    }

    /// Messages are watched by a person: they may be drawn.
    #[must_use]
    pub fn with_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// True if messages may be drawn.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Where data goes. Errors of it are for the caller to pass on: a closed pipe ends the command quietly.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut *self.out
    }

    /// Writes data to the end: what was buffered is on its way before the first message that follows.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// One message of one or more lines. Nobody can be told when messages themselves get lost.
    pub(crate) fn message(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.err, "{text}");
    }
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console")
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}
