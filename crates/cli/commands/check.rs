//! `vnetsim check`: whether a network is as a team has promised.

mod read;

use std::time::SystemTime;

use diagnose::evidence::Narrator;
use diagnose::explain::{Question, explain_as_set};
use engine::latency::LatencyModel;
use formats::diagnostic::{Code, Diagnostic, Diagnostics};
use formats::load::Loaded;
use formats::promises::{Date, PromiseKind as Written};
use reach::promises::{JudgeError, Limits, Promise, Witness, World, coverage, judge_all};
use reach::{Addresses, Cancelled, Device, Ends, Everyone, Watch};
use report::check::{Judged, Level, Places, Policy, Report, Shown, Verdict};

use self::read::{Lowered, Promises};
use crate::args::{CheckArguments, CheckFormat};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::watch_for_interrupt;
use crate::{progress, topology};

pub(super) fn run(arguments: &CheckArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let promises = Promises::read(&arguments.file)?;
    let mut loaded = topology::open(&promises.topology(&arguments.topology), console)?;
    if arguments.assume_hosts {
        for address in promises.addresses() {
            loaded.network.assume_host(address);
        }
    }
    let check = Check {
        loaded: &loaded,
        snapshot: &control::compile(&loaded.network),
        promises: &promises,
        latency: &LatencyModel::default(),
        today: arguments
            .today
            .unwrap_or_else(|| Date::of(SystemTime::now())),
        limits: Limits {
            ways: arguments.max_ways,
            ..Limits::default()
        },
    };
    let policy = Policy {
        fail_unknown: arguments.fail_unknown,
        fail_expired: arguments.fail_expired,
    };
    let interrupted = watch_for_interrupt()?;
    let report = progress::watched(
        "check".to_owned(),
        interrupted,
        console,
        |watch| match check.report(arguments.coverage, policy, watch) {
            Ok(Some(report)) => Ok(Ok(report)),
            Ok(None) => Err(Cancelled),
            Err(failure) => Ok(Err(failure)),
        },
    );
    let Ok(report) = report else {
        return Ok(Exit::Interrupted);
    };
    let report = report?;
    write(&report, arguments.output, console)?;
    console.flush()?;
    if arguments.output == CheckFormat::Table {
        console.message(format_args!("{}", summary(&report)));
    }
    Ok(match report.level() {
        Level::Pass | Level::Warning => Exit::Yes,
        Level::Failure => Exit::No,
        Level::Error => Exit::Failed,
    })
}

fn write(report: &Report, output: CheckFormat, console: &mut Console<'_>) -> Result<(), Failure> {
    match output {
        CheckFormat::Table => report::check::write_table(console.out(), report)?,
        CheckFormat::Json => report::json::write(console.out(), &report.document())?,
        CheckFormat::Tap => report::check::write_tap(console.out(), report)?,
        CheckFormat::Junit => report::check::write_junit(console.out(), report)?,
        CheckFormat::Sarif => {
            let document = report::check::sarif(report, env!("CARGO_PKG_VERSION"));
            report::json::write(console.out(), &document)?;
        }
    }
    Ok(())
}

/// `5 kept, 1 broken, 1 expired`.
fn summary(report: &Report) -> String {
    let verdicts = [
        Verdict::Kept,
        Verdict::Broken,
        Verdict::Unknown,
        Verdict::Empty,
        Verdict::Expired,
    ];
    let counts = verdicts.into_iter().filter_map(|verdict| {
        let count = report.count(verdict);
        let shown = count > 0 || matches!(verdict, Verdict::Kept | Verdict::Broken);
        shown.then(|| format!("{count} {}", verdict.as_str()))
    });
    counts.collect::<Vec<_>>().join(", ")
}

struct Check<'c> {
    loaded: &'c Loaded,
    snapshot: &'c control::Snapshot,
    promises: &'c Promises,
    latency: &'c LatencyModel,
    today: Date,
    limits: Limits,
}

impl Check<'_> {
    fn world(&self) -> World<'_> {
        World {
            network: &self.loaded.network,
            snapshot: self.snapshot,
            latency: self.latency,
        }
    }

    /// Judges all promises; `None` if the user has ended the work.
    fn report(
        &self,
        with_coverage: bool,
        policy: Policy,
        watch: &Watch,
    ) -> Result<Option<Report>, Failure> {
        let world = self.world();
        let everyone = Everyone::of(world.network, world.snapshot, Addresses::Primary);
        let lowered = self.promises.lower(&everyone, world)?;
        let promises: Vec<Promise> = lowered.iter().map(Lowered::or_about_nobody).collect();
        let Ok(found) = judge_all(&promises, world, self.limits, watch) else {
            return Ok(None);
        };
        let mut refused = Diagnostics::new();
        let mut judged = Vec::new();
        let outcomes = self.promises.list.iter().zip(&lowered).zip(found);
        for ((written, lowered), found) in outcomes {
            let result = match (lowered, found) {
                (Lowered::Empty(nobody), _) => Err(nobody.clone()),
                (Lowered::Promise(_), Ok(judgement)) => Ok(judgement),
                (Lowered::Promise(_), Err(JudgeError::Cancelled(_))) => return Ok(None),
                (Lowered::Promise(_), Err(error @ JudgeError::TooManyWays { .. })) => {
                    let problem = format!("{}: {error}", written.name.text);
                    let problem = Diagnostic::error(Code::BadValue, problem);
                    refused.push(
                        problem
                            .at(written.name.span)
                            .expected("narrower selectors, or a higher --max-ways"),
                    );
                    continue;
                }
            };
            let witness = result
                .as_ref()
                .ok()
                .and_then(|found| found.witness.as_ref());
            let shown = witness.map(|witness| self.shown(witness));
            let is_about_verdicts = matches!(written.kind, Written::Must | Written::MustNot);
            let opposed_by = witness
                .filter(|_| is_about_verdicts)
                .map(|witness| self.opposed_by(witness, &promises));
            judged.push(Judged {
                promise: written,
                is_expired: written.expires.is_some_and(|last| last < self.today),
                opposed_by: opposed_by.unwrap_or_default(),
                result,
                shown,
            });
        }
        if refused.has_errors() {
            return Err(self.promises.refused(refused));
        }
        let covered = if with_coverage {
            match coverage(&promises, world, self.limits, watch) {
                Ok(covered) => Some(covered),
                Err(_) => return Ok(None),
            }
        } else {
            None
        };
        let places = Places {
            locations: &self.loaded.locations,
            network: &self.loaded.sources,
            promises: &self.promises.sources,
        };
        Ok(Some(Report::new(&judged, covered.as_ref(), policy, places)))
    }

    /// Names of promises that are broken once this pair is mended.
    fn opposed_by(&self, witness: &Witness, promises: &[Promise]) -> Vec<String> {
        let pairs = self.promises.list.iter().zip(promises);
        let opposed = pairs.filter(|(_, promise)| promise.forbids_mending(witness));
        let names = opposed.map(|(written, _)| written.name.text.clone());
        names.collect()
    }

    /// Names of a pair, and what happens between its ends.
    fn shown(&self, witness: &Witness) -> Shown {
        let network = &self.loaded.network;
        let name = |end| {
            let names = Ends::new([end]).names(network);
            names.into_iter().next().unwrap_or_default()
        };
        let narrator = Narrator {
            network,
            snapshot: self.snapshot,
        };
        let question = Question {
            source: (witness.source.worker, witness.source.address),
            destination: witness.asked,
            destination_nic: Some(witness.destination.worker),
            service: witness.service,
            source_port: witness.source_port,
        };
        Shown {
            source: name(witness.source),
            destination: name(witness.destination),
            device: witness.device.map(|device| match device {
                Device::Nic(nic) => narrator.site(nic),
                Device::Gateway(gateway) => network.gateways()[gateway].id.name().to_owned(),
                Device::Frontend(frontend) => {
                    let balancer = self.snapshot.frontend(frontend).balancer;
                    network.load_balancers()[balancer].id.name().to_owned()
                }
            }),
            explanation: explain_as_set(network, self.snapshot, &question),
        }
    }
}
