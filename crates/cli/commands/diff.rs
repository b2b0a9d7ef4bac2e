//! `vnetsim diff`: what a change of a network does to who reaches whom.

mod state;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use control::Snapshot;
use model::Network;
use model::changes::Changes;
use reach::diff::{Comparison, Fate, Inventory, Kind, Limits, Objects, Renaming, Side, World};
use reach::{Addresses, Asked, Cancelled, Ends, Everyone, Matrix, Selector};
use report::diff::{Digest, json, markdown, table};

use self::state::State;
use crate::args::{DiffArguments, DiffFormat};
use crate::console::{Console, Exit};
use crate::failure::Failure;
use crate::journey::{assume_host, watch_for_interrupt};
use crate::{progress, topology};

/// One of the two networks.
struct Judgeable {
    /// What the user calls it.
    label: String,
    network: Network,
    snapshot: Snapshot,
    sources: Arc<Ends>,
    destinations: Arc<Ends>,
}

pub(super) fn run(arguments: &DiffArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let services = arguments.services.asked()?;
    let [mut before, mut after] = read(arguments, console)?;
    let interrupted = watch_for_interrupt()?;
    if arguments.services.assume_hosts {
        let selectors = [&arguments.from, &arguments.to];
        for address in selectors.into_iter().flat_map(Selector::addresses) {
            assume_host(&mut before, address);
            assume_host(&mut after, address);
        }
    }
    let labels = labels(&arguments.before, &arguments.after);
    let edit = edit(&before, &mut after);
    // An edit says the state of everything itself.
    if edit.is_none() || arguments.keep_state {
        keep_state(
            (&before, &labels.0),
            (&mut after, &labels.1),
            arguments,
            console,
        )?;
    }
    let [before_snapshot, after_snapshot] = compile(&before, &after, edit.is_some());
    let [sources, destinations] = [&arguments.from, &arguments.to].map(|selector| {
        let before = (&before, &before_snapshot, &labels.0);
        let after = (&after, &after_snapshot, &labels.1);
        selected(selector, before, after, &arguments.map)
    });
    let ([sources, later_sources], [destinations, later_destinations]) = (sources?, destinations?);
    let before = Judgeable {
        label: labels.0,
        network: before,
        snapshot: before_snapshot,
        sources,
        destinations,
    };
    let after = Judgeable {
        label: labels.1,
        network: after,
        snapshot: after_snapshot,
        sources: later_sources,
        destinations: later_destinations,
    };
    let after = after.sharing_ends(&before);
    let of_edit = edit.filter(|_| arguments.map.is_empty());
    let of_edit =
        of_edit.and_then(|changes| Objects::of_edit(&before.network, &after.network, &changes));
    let objects = match of_edit {
        Some(objects) => objects,
        None => matched(&before.network, &after.network, &arguments.map)?,
    };
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

/// Reads both networks side by side, and tells what was not understood in one after the other.
fn read(arguments: &DiffArguments, console: &mut Console<'_>) -> Result<[Network; 2], Failure> {
    let [before, after] = arguments.topologies();
    let (before, after) = std::thread::scope(|scope| {
        let before = scope.spawn(|| topology::read(&before));
        let after = topology::read(&after);
        // A panic there is a panic here.
        let before = before.join();
        (
            before.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            after,
        )
    });
    let (before, after) = (before?, after?);
    for loaded in [&before, &after] {
        topology::show_warnings(loaded, console);
    }
    Ok([before.network, after.network])
}

/// Takes over what the second network does not say, or tells that it does not.
fn keep_state(
    (before, before_label): (&Network, &str),
    (after, after_label): (&mut Network, &str),
    arguments: &DiffArguments,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let missing = State::missing(&matched(before, after, &arguments.map)?);
    if missing.is_empty() {
        return Ok(());
    }
    if arguments.keep_state {
        missing.keep(after);
    } else {
        console.message(format_args!(
            "note: in {before_label} {}; {after_label} says nothing of the kind. If it only does not know, as templates and plans, say --keep-state",
            missing.words()
        ));
    }
    Ok(())
}

/// What differs, if that is nothing but security rules, routes and links: then `after` is from now on a later state of `before`.
fn edit(before: &Network, after: &mut Network) -> Option<Changes> {
    if before.options != after.options || !after.follow(before) {
        return None;
    }
    let changes = after.changes_since(&before.revision())?;
    (!changes.others).then_some(changes)
}

fn compile(before: &Network, after: &Network, is_edit: bool) -> [Snapshot; 2] {
    if is_edit {
        let snapshot = control::compile(before);
        let next = control::recompile(after, &snapshot);
        return [snapshot, next];
    }
    [before, after].map(control::compile)
}

/// Which objects of one network are which of the other.
fn matched<'n>(
    before: &'n Network,
    after: &'n Network,
    map: &[String],
) -> Result<Objects<'n>, Failure> {
    let inventory = Inventory::of(before);
    let renamings: Vec<Renaming> = map
        .iter()
        .map(|text| Renaming::parse(text, &inventory))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Usage(format!("--map: {error}")))?;
    Ok(Objects::new(inventory, Inventory::of(after), &renamings))
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

/// A network, compiled, and what the user calls it.
type Named<'a> = (&'a Network, &'a Snapshot, &'a String);

/// Whom a selector means in the one network and in the other. Who was renamed may be meant by either name, and who is there in one network
/// only is meant in that one.
fn selected(
    selector: &Selector,
    before: Named<'_>,
    after: Named<'_>,
    map: &[String],
) -> Result<[Arc<Ends>; 2], Failure> {
    let renamed = |is_later: bool| {
        let renamings = map.iter().filter_map(|text| text.split_once('='));
        renamings.fold(selector.to_string(), |text, (old, new)| {
            if is_later {
                text.replace(old, new)
            } else {
                text.replace(new, old)
            }
        })
    };
    let meant = |(network, snapshot, label): Named<'_>, is_later| {
        let everyone = Everyone::of(network, snapshot, Addresses::Primary);
        let meant = everyone.meant_by(selector).or_else(|error| {
            let renamed = renamed(is_later).parse();
            let meant = renamed.and_then(|selector| everyone.meant_by(&selector));
            meant.map_err(|_| error)
        });
        match meant {
            // A network without machines is one to compare with.
            Err(_) if *selector == Selector::all() => Ok(Ends::default()),
            Err(error) => Err((format!("in {label}: {error}"), error)),
            Ok(ends) => Ok(ends),
        }
    };
    let both = match (meant(before, false), meant(after, true)) {
        (Ok(before), Ok(after)) => [before, after],
        (Ok(before), Err((_, error))) if error.is_about_the_network() => [before, Ends::default()],
        (Err((_, error)), Ok(after)) if error.is_about_the_network() => [Ends::default(), after],
        (Err((message, _)), _) | (_, Err((message, _))) => return Err(Failure::Usage(message)),
    };
    Ok(both.map(Arc::new))
}

impl Judgeable {
    /// The same, with the ends of the other network where they are the same.
    fn sharing_ends(mut self, other: &Self) -> Self {
        if self.has_ends_of(other) {
            self.sources = Arc::clone(&other.sources);
            self.destinations = Arc::clone(&other.destinations);
        }
        self
    }

    fn has_ends_of(&self, other: &Self) -> bool {
        self.sources == other.sources && self.destinations == other.destinations
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
    before: &'a Judgeable,
    after: &'a Judgeable,
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
        let matrix = |loaded: &Judgeable| {
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
        let before = matrix(self.before)?;
        // Keys mean the same in both: only what the edit touches is judged again.
        let is_edit = self.objects.keys_are_shared() && self.after.has_ends_of(self.before);
        let (after, changed) = if is_edit {
            let what = format!("{asked} in {}", self.after.label);
            let (after, changed) = progress::watched(what, self.interrupted, console, |watch| {
                before.again(&self.before.snapshot, &self.after.snapshot, watch)
            })?;
            (after, Some(changed))
        } else {
            (matrix(self.after)?, None)
        };
        let worlds = (self.before.world(&before), self.after.world(&after));
        let what = format!("{asked}, differences");
        let comparison = progress::watched(what, self.interrupted, console, |watch| {
            let (before, after) = (&worlds.0, &worlds.1);
            let limits = Limits::default();
            reach::diff::compare(
                self.objects,
                before,
                after,
                changed.as_deref(),
                limits,
                watch,
            )
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
