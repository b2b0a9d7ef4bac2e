//! `vnetsim traceroute`: the hops between two ends, by probes with a growing time to live.

use std::net::Ipv4Addr;

use diagnose::evidence::Narrator;
use engine::application::{Application, Probe, ProbeKind, Traceroute};
use report::traceroute::TracerouteReport;

use crate::args::{Format, TracerouteArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::{Journey, explain_command, heading, price_table, probe_kind};

/// Bytes of data in an echo: with the headers the 60 of Linux' traceroute.
const ECHO_SIZE: u16 = 32;

pub(super) fn run(
    arguments: &TracerouteArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let TracerouteArguments {
        max_hops,
        queries,
        run,
        ..
    } = arguments;
    let service = arguments.journey.service;
    let prices = price_table(run)?;
    let journey = Journey::open(&arguments.journey, console)?;
    let kind = probe_kind(service, None, ECHO_SIZE);
    let packet_length = match kind {
        ProbeKind::Echo { payload, .. } | ProbeKind::Udp { payload, .. } => payload + 28,
        ProbeKind::Tcp { .. } => 40,
    };
    let probe = Probe {
        source: journey.source.1,
        destination: journey.destination,
        kind,
        dont_fragment: false,
    };
    let ladder = |queries| {
        let ladder = Traceroute::new(probe.clone(), queries, *max_hops, arguments.wait);
        Application::Traceroute(ladder)
    };
    let mut report = TracerouteReport::new(
        heading(&arguments.journey.destination, run),
        journey.destination,
        *max_hops,
        *queries,
        packet_length,
    );
    let lines = arguments.output == Format::Table;
    if lines {
        writeln!(console.out(), "{}", report.header())?;
    }

    let ended = journey.run(ladder(*queries), run, |event| {
        if let Some(line) = report.record(event, |address| owner(&journey, address))
            && lines
        {
            writeln!(console.out(), "{line}")?;
        }
        Ok(())
    })?;

    let metered = journey.metered(&ended, run, prices.as_ref(), console);
    if arguments.output == Format::Json {
        let document = report.document(ended.loss_records());
        let mut document = journey.document(serde_json::to_value(document), run, service)?;
        if let Some(metered) = metered {
            document["meter"] = serde_json::to_value(metered).map_err(std::io::Error::from)?;
        }
        report::json::write(console.out(), &document)?;
    } else if let Some(metered) = metered {
        write!(console.out(), "\n{}", metered.table())?;
    }
    if run.explain && lines {
        journey.explain(service, console)?;
    }
    console.flush()?;
    if !report.reached() {
        let hint = explain_command(&arguments.journey);
        ended.tell_losses(&hint, console);
    }
    journey.tell_options(|| ladder(1), service, console);
    Ok(if ended.interrupted {
        Exit::Interrupted
    } else {
        Exit::from_verdict(report.reached())
    })
}

/// Who has an address, if only one NIC of the input does.
fn owner(journey: &Journey, address: Ipv4Addr) -> Option<String> {
    let mut owners = journey
        .network
        .nics()
        .iter()
        .filter(|(_, nic)| nic.addresses().any(|own| own == address));
    let (nic, _) = owners.next()?;
    let narrator = Narrator {
        network: &journey.network,
        snapshot: &journey.snapshot,
    };
    owners.next().is_none().then(|| narrator.site(nic))
}
