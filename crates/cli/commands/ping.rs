//! `vnetsim ping`: real packets in simulated time, printed as ping does.

use engine::application::{Application, Ping, Probe};
use report::histogram::HistogramFile;
use report::ping::PingReport;

use crate::args::{Format, PingArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::{Journey, explain_command, heading, price_table, probe_kind};

/// Bytes of data in an echo, as ping sends them.
const ECHO_SIZE: u16 = 56;

pub(super) fn run(arguments: &PingArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let run = &arguments.run;
    let service = arguments.journey.service;
    // A wrong name should cost no run.
    let histogram = arguments
        .histogram
        .as_ref()
        .map(HistogramFile::new)
        .transpose()?;
    let prices = price_table(run)?;
    let journey = Journey::open(&arguments.journey, console)?;
    let probe = Probe {
        source: journey.source.1,
        destination: journey.destination,
        kind: probe_kind(service, arguments.size, ECHO_SIZE),
        dont_fragment: arguments.dont_fragment,
    };
    let ping = |count| {
        let (interval, timeout) = (arguments.interval, arguments.timeout);
        Application::Ping(Ping::new(
            probe.clone(),
            count,
            interval,
            timeout,
            arguments.ttl,
        ))
    };
    let mut report = PingReport::new(heading(&arguments.journey.destination, run), probe.clone());
    if let Some(file) = &histogram {
        report = report.with_histogram(file.histogram());
    }
    let lines = arguments.output == Format::Table;
    if lines {
        writeln!(console.out(), "{}", report.header())?;
    } else {
        report = report.with_answers();
    }

    let ended = journey.run(ping(arguments.count), run, |event| {
        if let Some(line) = report.record(event)
            && lines
        {
            writeln!(console.out(), "{line}")?;
        }
        Ok(())
    })?;

    let metered = journey.metered(&ended, run, prices.as_ref(), console);
    match arguments.output {
        Format::Table => {
            writeln!(console.out(), "\n{}", report.statistics())?;
            if let Some(metered) = metered {
                write!(console.out(), "\n{}", metered.table())?;
            }
        }
        Format::Json => {
            let document = report.document(ended.loss_records());
            let mut document = journey.document(serde_json::to_value(document), run, service)?;
            if let Some(metered) = metered {
                document["meter"] = serde_json::to_value(metered).map_err(std::io::Error::from)?;
            }
            report::json::write(console.out(), &document)?;
        }
    }
    if let Some(file) = histogram {
        let heading = report.header();
        file.write(report.histogram(), run.epoch, &heading)?;
    }
    if run.explain && lines {
        journey.explain(service, console)?;
    }
    console.flush()?;
    if report.received() == 0 {
        let hint = explain_command(&arguments.journey);
        ended.tell_losses(&hint, console);
        if ended.has_lost_nothing() {
            console.message(format_args!(
                "note: nothing was dropped, but no reply came within the timeout; give a longer one (-W)"
            ));
            if journey.is_from_internet() {
                console.message(format_args!(
                    "note: or the replies come from another address than was asked (R-35)\ntry: {hint}"
                ));
            }
        }
    }
    journey.tell_options(|| ping(1), service, console);
    Ok(if ended.interrupted {
        Exit::Interrupted
    } else {
        Exit::from_verdict(report.received() > 0)
    })
}
