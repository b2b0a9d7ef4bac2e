//! Why a command could not answer, and how that is shown.

mod drawn;

use std::io;

use dataplane::counters::NotConserved;
use formats::atomic::WriteError;
use formats::capture::CaptureReadError;
use formats::diagnostic::Diagnostics;
use formats::rest::NotWritable;
use formats::source::Sources;
use model::OperationError;
use model::lookup::LookupError;
use model::options::OptionError;
use reach::SelectorError;
use report::histogram::HistogramError;
use report::pcapng::CaptureError;

use crate::console::{Console, Exit};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is not one of ours; also `--help` and `--version`.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The command line is well-formed but asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// Files that cannot be used, with everything that was found in them.
    #[error("the input cannot be used")]
    Input(Box<(Diagnostics, Sources)>),
    /// A name that means nothing or too much.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A selector that means nobody.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// An option that does not exist or cannot have this value.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// Azure would refuse the operation.
    #[error("{}", refusal(.0))]
    Refused(#[from] OperationError),
    /// There is no link of this name, or no network of this id behind it.
    #[error("{}{suggestion}", refusal(.error))]
    NoSuchLink {
        /// In Azure's words.
        error: OperationError,
        /// A line that names what may have been meant, or nothing.
        suggestion: String,
    },
    /// Any of these, told in the manner of Azure's command line.
    #[error("{0}")]
    InAz(Box<Failure>),
    /// A name that the network does not resolve: an answer, and it is no.
    #[error("{0}")]
    NotResolved(String),
    /// The network cannot be written in the form that was asked for.
    #[error(transparent)]
    NotWritable(#[from] NotWritable),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] WriteError),
    /// A capture could not be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A capture could not be read.
    #[error(transparent)]
    CaptureRead(#[from] CaptureReadError),
    /// A histogram could not be written.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// A fault of the simulator itself.
    #[error("{0}; this is a fault of vnetsim, please report it")]
    Fault(#[from] NotConserved),
    /// Packets did not become what they must.
    #[error("{0}; this is a fault of vnetsim, please report it")]
    Unsound(String),
    /// The answer could not be printed.
    #[error("cannot print the answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Tells the user, and says how the process ends.
    pub(crate) fn show(self, console: &mut Console<'_>) -> Exit {
        match self {
            // The reader has what it wanted (`vnetsim ... | head`).
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return Exit::Yes,
            Self::Arguments(error) => return show_usage(&error, console),
            Self::InAz(inner) => return inner.show_as_az(console),
            Self::Input(input) => {
                let (diagnostics, sources) = *input;
                show_diagnostics(&diagnostics, &sources, console);
            }
            Self::NotResolved(text) => {
                console.message(text);
                return Exit::from_verdict(false);
            }
            other => console.message(format_args!("error: {other}")),
        }
        Exit::Failed
    }

    /// From now on this is told in the manner of Azure's command line.
    pub(crate) fn in_az(self) -> Self {
        Self::InAz(Box::new(self))
    }

    fn show_as_az(self, console: &mut Console<'_>) -> Exit {
        match self {
            Self::Refused(error) | Self::NoSuchLink { error, .. } => {
                console.message(format_args!("ERROR: {}", refusal(&error)));
                if let Some(code) = error.azure_code() {
                    console.message(format_args!("Code: {code}\nMessage: {error}"));
                }
                Exit::Failed
            }
            Self::Usage(text) => {
                console.message(format_args!("ERROR: {text}"));
                Exit::Failed
            }
            other => other.show(console),
        }
    }
}

/// Azure's way to say no: its code in parentheses, then the sentence.
fn refusal(error: &OperationError) -> String {
    match error.azure_code() {
        Some(code) => format!("({code}) {error}"),
        None => error.to_string(),
    }
}

/// Help and version are answers and go to the output; mistakes are messages.
fn show_usage(error: &clap::Error, console: &mut Console<'_>) -> Exit {
    if error.use_stderr() {
        let text = error.render();
        if console.is_terminal() {
            console.message(text.ansi().to_string().trim_end());
        } else {
            console.message(text.to_string().trim_end());
        }
        return Exit::Failed;
    }
    // Whoever closes the pipe has read enough of the help.
    let _ = write!(console.out(), "{}", error.render());
    let _ = console.flush();
    Exit::Yes
}

/// All problems of the input at once: drawn with their places for a person, one block of lines each for a program.
pub(crate) fn show_diagnostics(
    diagnostics: &Diagnostics,
    sources: &Sources,
    console: &mut Console<'_>,
) {
    if console.is_terminal() {
        console.message(drawn::Drawn::new(diagnostics, sources));
    } else {
        console.message(diagnostics.display(sources).to_string().trim_end());
    }
}
