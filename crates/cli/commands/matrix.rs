//! `vnetsim matrix`: who reaches whom.

mod summary;

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use control::Snapshot;
use model::Network;
use reach::{Asked, Cancelled, Ends, Everyone, Exposure, Matrix, Question, Selector};
use report::matrix::exposure::ExposureRecord;
use report::matrix::{Sheet, compact, csv, exposure, grouped, html, json, table};
use serde_json::json;

use crate::args::{MatrixArguments, MatrixFormat};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::{assume_host, watch_for_interrupt};
use crate::{progress, topology};

/// Above so many pairs a line stands for a pair of classes, unless all pairs are asked for.
const MANY_PAIRS: u64 = 10_000_000;
/// Mismatches told one by one.
const MISMATCHES_SHOWN: usize = 20;

/// Everything that all services have in common.
struct Job<'a> {
    arguments: &'a MatrixArguments,
    network: &'a Network,
    snapshot: &'a Snapshot,
    sources: Arc<Ends>,
    destinations: Arc<Ends>,
    interrupted: &'static AtomicBool,
}

/// Why there is no matrix.
enum Stop {
    Interrupted,
    Failed(Failure),
}

/// What was found out about one service beside its verdicts.
#[derive(Default)]
struct Verified {
    pairs: u64,
    mismatches: u64,
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn run(arguments: &MatrixArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let services = arguments.services.asked()?;
    let format = format(arguments)?;
    let mut network = topology::open(&arguments.topology, console)?.network;
    if arguments.services.assume_hosts {
        for address in [&arguments.from, &arguments.to]
            .into_iter()
            .flat_map(Selector::addresses)
        {
            assume_host(&mut network, address);
        }
    }
    let interrupted = watch_for_interrupt()?;
    let begin = Instant::now();
    let snapshot = control::compile(&network);
    let build_ms = milliseconds(begin);
    let everyone = Everyone::of(&network, &snapshot, arguments.addresses.into());
    let meant = |selector: &Selector| everyone.meant_by(selector).map(Arc::new);
    let job = Job {
        arguments,
        network: &network,
        snapshot: &snapshot,
        sources: meant(&arguments.from)?,
        destinations: meant(&arguments.to)?,
        interrupted,
    };
    let answer = if arguments.summary {
        summary::write(&job, &services, format, build_ms, console)
    } else {
        job.print(&services, format, console)
    };
    match answer {
        Ok(mismatches) => {
            console.flush()?;
            Ok(if mismatches == 0 {
                Exit::Yes
            } else {
                Exit::Failed
            })
        }
        Err(Stop::Interrupted) => Ok(Exit::Interrupted),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

fn format(arguments: &MatrixArguments) -> Result<MatrixFormat, Failure> {
    let by_ending = |file: &Path| {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => MatrixFormat::Csv,
            "json" => MatrixFormat::Json,
            "html" | "htm" => MatrixFormat::Html,
            "parquet" => MatrixFormat::Parquet,
            _ => return None,
        })
    };
    let of_file = arguments.file.as_deref().and_then(by_ending);
    let format = arguments.output.or(of_file).unwrap_or(MatrixFormat::Table);
    if arguments.summary && !matches!(format, MatrixFormat::Table | MatrixFormat::Json) {
        return Err(Failure::Usage(
            "--summary is printed as table or json".to_owned(),
        ));
    }
    if format == MatrixFormat::Parquet {
        if cfg!(not(feature = "parquet")) {
            return Err(Failure::Usage(
                "this vnetsim was built without Parquet: build it with --features parquet, or take -o csv"
                    .to_owned(),
            ));
        }
        if arguments.file.is_none() {
            return Err(Failure::Usage("-o parquet needs --file FILE".to_owned()));
        }
    }
    Ok(format)
}

impl Job<'_> {
    fn matrix(&self, question: Question, console: &Console<'_>) -> Result<Matrix, Stop> {
        let what = question.asked.to_string();
        progress::watched(what, self.interrupted, console, |watch| {
            reach::matrix(
                self.snapshot,
                &self.sources,
                &self.destinations,
                question,
                watch,
            )
        })
        .map_err(|Cancelled| Stop::Interrupted)
    }

    /// `--verify`: tells mismatches at once.
    fn verify(&self, matrix: &Matrix, console: &mut Console<'_>) -> Result<Verified, Stop> {
        let Some(pairs) = self.arguments.verify else {
            return Ok(Verified::default());
        };
        let asked = matrix.question().asked;
        let seed = self.arguments.seed;
        let what = format!("{asked}, by packets");
        let (pairs, mismatches) = progress::watched(what, self.interrupted, console, |watch| {
            reach::verify(self.snapshot, matrix, pairs, seed, watch)
        })
        .map_err(|Cancelled| Stop::Interrupted)?;
        let count = mismatches.len() as u64;
        let names = |ends: &Ends| match mismatches.len() {
            0 => Vec::new(),
            _ => ends.names(self.network),
        };
        let (sources, destinations) = (names(matrix.sources()), names(matrix.destinations()));
        for mismatch in mismatches.iter().take(MISMATCHES_SHOWN) {
            console.message(format_args!(
                "mismatch: {} -> {} {asked}: the matrix says {}, a packet {}",
                sources[mismatch.source],
                destinations[mismatch.destination],
                matrix.in_one_word(mismatch.matrix),
                matrix.in_one_word(mismatch.packet)
            ));
            if mismatch.matrix != mismatch.packet
                && matrix.in_one_word(mismatch.matrix) == matrix.in_one_word(mismatch.packet)
            {
                console.message(format_args!(
                    "  in full: {:?} and {:?}",
                    mismatch.matrix, mismatch.packet
                ));
            }
            if mismatch.reason != mismatch.packet_reason {
                console.message(format_args!(
                    "  because of {:?} and {:?}",
                    mismatch.reason, mismatch.packet_reason
                ));
            }
        }
        if count > 0 {
            console.message(format_args!(
                "error: {count} of {pairs} pairs differ; this is a fault of vnetsim, please report it"
            ));
        }
        Ok(Verified {
            pairs,
            mismatches: count,
        })
    }

    /// The matrices, one service after the other. Returns the number of mismatches.
    fn print(
        &self,
        services: &[Asked],
        format: MatrixFormat,
        console: &mut Console<'_>,
    ) -> Result<u64, Stop> {
        // All verdicts before the first line: what is written is complete, and a mismatch is told before it.
        let mut differing = 0;
        let mut matrices = Vec::with_capacity(services.len());
        for &asked in services {
            let matrix = self.matrix(self.arguments.services.question(asked), console)?;
            differing += self.verify(&matrix, console)?.mismatches;
            matrices.push(matrix);
        }
        if format == MatrixFormat::Parquet {
            self.write_parquet(&matrices, console)?;
            return Ok(differing);
        }
        let pairs = (self.sources.len() as u64).saturating_mul(self.destinations.len() as u64);
        let are_many = pairs > MANY_PAIRS && !self.arguments.all_pairs;
        if are_many && matches!(format, MatrixFormat::Csv | MatrixFormat::Json) {
            console.message(format_args!(
                "note: {} pairs, so a line stands for all pairs of two groups of ends that are alike; --all-pairs writes each",
                grouped(pairs)
            ));
        }
        let total = pairs.saturating_mul(services.len() as u64);
        let bar = progress::bar("writing".to_owned(), total, console);
        let interrupted = self.interrupted;
        let mut tell = |pairs: u64| {
            bar.inc(pairs);
            if interrupted.load(Ordering::Relaxed) {
                return Err(io::Error::other(Cancelled));
            }
            Ok(())
        };
        let written = self.deliver(console, |out| {
            self.write(out, &matrices, format, are_many, &mut tell)
        });
        bar.finish_and_clear();
        written?;
        Ok(differing)
    }

    fn write(
        &self,
        out: &mut dyn Write,
        matrices: &[Matrix],
        format: MatrixFormat,
        are_many: bool,
        tell: &mut report::matrix::Progress<'_>,
    ) -> io::Result<()> {
        let sheets: Vec<Sheet<'_>> = matrices
            .iter()
            .map(|matrix| Sheet::new(self.network, self.snapshot, matrix))
            .collect();
        let exposures: Vec<Option<Vec<ExposureRecord>>> =
            sheets.iter().map(|sheet| self.exposures(sheet)).collect();
        let both = || sheets.iter().zip(&exposures);
        match format {
            MatrixFormat::Table => {
                for (position, (sheet, exposures)) in both().enumerate() {
                    if position > 0 {
                        writeln!(out)?;
                    }
                    match exposures {
                        Some(exposures) => {
                            writeln!(out, "{}\n", sheet.headline())?;
                            exposure::write(out, exposures)?;
                        }
                        None => table::write(out, sheet)?,
                    }
                }
            }
            MatrixFormat::Csv if are_many => {
                csv::write_class_headings(out)?;
                for sheet in &sheets {
                    csv::write_classes(out, sheet, tell)?;
                }
            }
            MatrixFormat::Csv => {
                csv::write_pair_headings(out)?;
                for (sheet, exposures) in both() {
                    csv::write_pairs(out, sheet, tell)?;
                    for exposure in exposures.iter().flatten() {
                        csv::write_exposure(out, sheet, exposure)?;
                    }
                }
            }
            MatrixFormat::Json => {
                let all: Vec<_> = both().collect();
                json::write_all(out, &all, |out, (sheet, exposures)| {
                    let exposures = exposures.as_ref().map(|exposures| json!(exposures));
                    if are_many {
                        json::write_classes(out, sheet, exposures.as_ref(), tell)
                    } else {
                        json::write_pairs(out, sheet, exposures.as_ref(), tell)
                    }
                })?;
            }
            MatrixFormat::Html => {
                let names: Vec<String> = sheets.iter().map(Sheet::service).collect();
                html::write_start(
                    out,
                    &format!(
                        "Who reaches whom: {} to {}, {}",
                        self.arguments.from,
                        self.arguments.to,
                        names.join(", ")
                    ),
                )?;
                for (sheet, exposures) in both() {
                    html::write(out, sheet, exposures.as_deref().unwrap_or_default())?;
                    tell(sheet.pairs())?;
                }
                html::write_end(out)?;
            }
            MatrixFormat::Compact => {
                let (from, to) = (&self.arguments.from, &self.arguments.to);
                compact::write_heading(out, &from.to_string(), &to.to_string())?;
                for sheet in &sheets {
                    compact::write(out, sheet)?;
                    tell(sheet.pairs())?;
                }
            }
            MatrixFormat::Parquet => {}
        }
        Ok(())
    }

    /// What the Internet reaches by public addresses, if nobody else asks.
    fn exposures(&self, sheet: &Sheet<'_>) -> Option<Vec<ExposureRecord>> {
        let asks = |address: Ipv4Addr| self.sources.iter().any(|end| end.address == address);
        let edge = &self.snapshot.edge;
        let host = edge
            .host
            .and_then(|host| self.snapshot.outside_host(host))?;
        if self.sources.len() != 1 || !asks(host.address) {
            return None;
        }
        let question = sheet.matrix().question();
        let mut exposures: Vec<Exposure> = reach::exposures(self.snapshot, question);
        exposures.retain(|exposure| {
            exposure
                .nic
                .is_none_or(|nic| self.destinations.iter().any(|end| end.worker == nic))
        });
        Some(sheet.exposure_records(&exposures))
    }

    #[cfg(feature = "parquet")]
    fn write_parquet(&self, matrices: &[Matrix], console: &Console<'_>) -> Result<(), Stop> {
        use formats::atomic::NewFile;
        use report::matrix::parquet::PairFile;

        let Some(path) = &self.arguments.file else {
            return Ok(());
        };
        let pairs =
            matrices.len() as u64 * self.sources.len() as u64 * self.destinations.len() as u64;
        if pairs > MANY_PAIRS && !self.arguments.all_pairs {
            return Err(Stop::Failed(Failure::Usage(format!(
                "{} pairs are many for a file; --all-pairs writes them",
                grouped(pairs)
            ))));
        }
        let bar = progress::bar("writing".to_owned(), pairs, console);
        let mut tell = |pairs: u64| {
            bar.inc(pairs);
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(io::Error::other(Cancelled));
            }
            Ok(())
        };
        let mut file = PairFile::create(NewFile::create(path)?)?;
        for matrix in matrices {
            let sheet = Sheet::new(self.network, self.snapshot, matrix);
            file.write_pairs(&sheet, &mut tell)
                .map_err(|error| self.stopped(error))?;
        }
        file.finish()?.publish()?;
        bar.finish_and_clear();
        Ok(())
    }

    #[cfg(not(feature = "parquet"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "it does something with the feature"
    )]
    fn write_parquet(&self, _: &[Matrix], _: &Console<'_>) -> Result<(), Stop> {
        Ok(())
    }

    /// To the file whole or not at all, or to the output as it comes.
    fn deliver(
        &self,
        console: &mut Console<'_>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Stop> {
        match &self.arguments.file {
            Some(path) => formats::atomic::write(path, write).map_err(|error| self.stopped(error)),
            None => write(console.out()).map_err(|error| self.stopped(error)),
        }
    }

    /// An error, unless it is how an interruption makes itself felt.
    fn stopped(&self, error: impl Into<Failure>) -> Stop {
        if self.interrupted.load(Ordering::Relaxed) {
            Stop::Interrupted
        } else {
            Stop::Failed(error.into())
        }
    }
}

/// Since then, to the microsecond.
fn milliseconds(begin: Instant) -> f64 {
    round(begin.elapsed().as_secs_f64() * 1e3)
}

fn round(milliseconds: f64) -> f64 {
    (milliseconds * 1e3).round() / 1e3
}
