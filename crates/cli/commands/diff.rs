//! `vnetsim diff`: what a change of a network does to who reaches whom.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use control::Snapshot;
use model::Network;
use reach::diff::{Comparison, Fate, Inventory, Kind, Limits, Objects, Renaming, Side, World};
use reach::{Addresses, Asked, Cancelled, Ends, Everyone, Matrix, Selector};
use report::diff::{Digest, json, markdown, table};

use crate::args::{DiffArguments, DiffFormat};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::{assume_host, watch_for_interrupt};
use crate::{progress, topology};

/// One of the two networks.
struct Loaded {
    /// What the user calls it.
    label: String,
    network: Network,
    snapshot: Snapshot,
    sources: Arc<Ends>,
    destinations: Arc<Ends>,
}

pub(super) fn run(arguments: &DiffArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let services = arguments.services.asked()?;
    let [before, after] = arguments.topologies();
    let before = topology::open(&before, console)?.network;
    let after = topology::open(&after, console)?.network;
    let interrupted = watch_for_interrupt()?;
    let labels = labels(&arguments.before, &arguments.after);
    // Who is meant may be there in one network only.
    let (before, after) = (
        Loaded::new(before, labels.0, arguments),
        Loaded::new(after, labels.1, arguments),
    );
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(failure), _) | (_, Err(failure)) => return Err(failure),
    };
    let inventory = Inventory::of(&before.network);
    let renamings: Vec<Renaming> = arguments
        .map
        .iter()
        .map(|text| Renaming::parse(text, &inventory))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Usage(format!("--map: {error}")))?;
    let objects = Objects::new(inventory, Inventory::of(&after.network), &renamings);
    for unused in &objects.unused {
        console.message(format_args!("note: --map {unused} matches nothing"));
    }
    let pair = Pair {
        before: &before,
        after: &after,
        objects: &objects,
        interrupted,
    };
    pair.check_that_something_is_common()?;
    let mut judged = Vec::with_capacity(services.len());
    for asked in services {
        match pair.judge(asked, arguments, console) {
            Ok(result) => judged.push(result),
            Err(Cancelled) => return Ok(Exit::Interrupted),
        }
    }
    pair.print(&judged, arguments.output, console)?;
    console.flush()?;
    pair.hint(console);
    let lost = |(.., comparison): &(Matrix, Matrix, Comparison)| comparison.count(Fate::Lost) > 0;
    Ok(Exit::from_verdict(!judged.iter().any(lost)))
}

/// What the user calls the two, told apart.
fn labels(before: &Path, after: &Path) -> (String, String) {
    let (one, other) = (before.display().to_string(), after.display().to_string());
    if one == other {
        (format!("{one} (before)"), format!("{other} (after)"))
    } else {
        (one, other)
    }
}

impl Loaded {
    fn new(
        mut network: Network,
        label: String,
        arguments: &DiffArguments,
    ) -> Result<Self, Failure> {
        let selectors = [&arguments.from, &arguments.to];
        if arguments.services.assume_hosts {
            for address in selectors.into_iter().flat_map(Selector::addresses) {
                assume_host(&mut network, address);
            }
        }
        let snapshot = control::compile(&network);
        let everyone = Everyone::of(&network, &snapshot, Addresses::Primary);
        let meant = |selector: &Selector| match everyone.meant_by(selector) {
            Ok(ends) => Ok(Arc::new(ends)),
            // A network without machines is one to compare with.
            Err(_) if *selector == Selector::all() => Ok(Arc::new(Ends::default())),
            Err(error) => Err(Failure::Usage(format!("in {label}: {error}"))),
        };
        let (sources, destinations) = (meant(selectors[0])?, meant(selectors[1])?);
        Ok(Self {
            label,
            network,
            snapshot,
            sources,
            destinations,
        })
    }

    fn world<'a>(&'a self, matrix: &'a Matrix) -> World<'a> {
        World {
            network: &self.network,
            snapshot: &self.snapshot,
            matrix,
        }
    }
}

/// Both networks.
struct Pair<'a> {
    before: &'a Loaded,
    after: &'a Loaded,
    objects: &'a Objects<'a>,
    interrupted: &'static AtomicBool,
}

type Judged = (Matrix, Matrix, Comparison);

impl Pair<'_> {
    fn judge(
        &self,
        asked: Asked,
        arguments: &DiffArguments,
        console: &Console<'_>,
    ) -> Result<Judged, Cancelled> {
        let question = arguments.services.question(asked);
        let matrix = |loaded: &Loaded| {
            let what = format!("{asked} in {}", loaded.label);
            progress::watched(what, self.interrupted, console, |watch| {
                reach::matrix(
                    &loaded.snapshot,
                    &loaded.sources,
                    &loaded.destinations,
                    question,
                    watch,
                )
            })
        };
        let (before, after) = (matrix(self.before)?, matrix(self.after)?);
        let worlds = (self.before.world(&before), self.after.world(&after));
        let what = format!("{asked}, differences");
        let comparison = progress::watched(what, self.interrupted, console, |watch| {
            let (before, after) = (&worlds.0, &worlds.1);
            reach::diff::compare(self.objects, before, after, None, Limits::default(), watch)
        })?;
        Ok((before, after, comparison))
    }

    fn print(
        &self,
        judged: &[Judged],
        format: DiffFormat,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let labels = [self.before.label.as_str(), self.after.label.as_str()];
        let worlds: Vec<(World<'_>, World<'_>)> = judged
            .iter()
            .map(|(before, after, _)| (self.before.world(before), self.after.world(after)))
            .collect();
        let digests: Vec<Digest<'_>> = judged
            .iter()
            .zip(&worlds)
            .map(|((.., comparison), (before, after))| {
                Digest::new(self.objects, comparison, (before, after), labels)
            })
            .collect();
        match format {
            DiffFormat::Table => table::write(console.out(), &digests)?,
            DiffFormat::Json => report::json::write(console.out(), &json::document(&digests))?,
            DiffFormat::Markdown => write!(console.out(), "{}", markdown::text(&digests))?,
        }
        Ok(())
    }

    /// Two networks without a common end have no answer: that nothing was lost would be a dangerous one.
    fn check_that_something_is_common(&self) -> Result<(), Failure> {
        let (nics, all) = self.objects.share_matched(&[Kind::Nic, Kind::OutsideHost]);
        if nics > 0 || all == 0 {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "none of the {all} NICs and hosts of {} is in {}, by id or by resource group and name. If they have other names there, say --map OLD=NEW{}",
            self.before.label,
            self.after.label,
            self.example()
        )))
    }

    /// Whether renamings may be missing.
    fn hint(&self, console: &mut Console<'_>) {
        let (nics, all) = self.objects.share_matched(&[Kind::Nic]);
        if 2 * nics < all {
            console.message(format_args!(
                "note: only {nics} of {all} NICs of {} are in {}; if others have another name there, say --map OLD=NEW{}",
                self.before.label,
                self.after.label,
                self.example()
            ));
        }
    }

    /// A renaming that the networks suggest.
    fn example(&self) -> String {
        let groups = |side| -> BTreeSet<String> {
            let items = self.objects.inventory(side).items().iter();
            let listed = items.filter(|item| item.is_listed && item.kind() == Kind::Nic);
            let groups = listed.filter_map(|item| item.id.resource_group());
            groups.map(str::to_ascii_lowercase).collect()
        };
        let (before, after) = (groups(Side::Before), groups(Side::After));
        let mut old = before.difference(&after);
        let mut new = after.difference(&before);
        match (old.next(), new.next(), old.next(), new.next()) {
            (Some(old), Some(new), None, None) => format!(", for example --map {old}={new}"),
            _ => " (ids, beginnings of ids, names of subscriptions, resource groups or resources)"
                .to_owned(),
        }
    }
}
