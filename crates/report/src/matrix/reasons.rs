//! Why the pairs of whole groups are not reachable: every reason, and of how many pairs it is one.
//!
//! Where the object is an end of the pair itself, it is told as `the source` or `the destination`: else there would be as many reasons as
//! ends. Questions about several ports, or about listeners, are not answered by class, and so have no counts.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Mutex;

use reach::{Reason, Reasons, Verdict, Watch};

use super::{Sheet, Why, name_of_reason};

/// By class of sources and verdict: reasons with the number of their pairs, the most frequent first.
pub(super) type Tally = HashMap<(usize, Verdict), Vec<(Why, u64)>>;

/// What pairs have in common that are told the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    OfSource(&'static str),
    OfDestination(&'static str),
    Of(Reason),
}

/// Of all pairs whose source is in one of the first `classes` classes; `None` if they are not known by class.
pub(super) fn tally(sheet: &Sheet<'_>, classes: &[Vec<u32>]) -> io::Result<Option<Tally>> {
    let matrix = sheet.matrix();
    let Some(reasons) = Reasons::new(sheet.snapshot, matrix) else {
        return Ok(None);
    };
    let mut class_of = HashMap::new();
    for (class, members) in classes.iter().enumerate() {
        class_of.extend(members.iter().map(|&source| (source as usize, class)));
    }
    let mut sources: Vec<usize> = class_of.keys().copied().collect();
    sources.sort_unstable();
    let counts: Mutex<HashMap<(usize, Verdict, Told), u64>> = Mutex::default();
    let told = reasons.for_each_row(sources, &Watch::default(), |row| {
        let groups = row.groups();
        let source = &matrix.sources()[row.source()];
        let class = class_of[&row.source()];
        let mut counts = counts.lock().expect("nobody panics who holds this");
        for group in groups {
            let Some(verdict) = matrix.verdict(row.source(), group.example) else {
                continue;
            };
            let name = name_of_reason(&group.reason);
            let told = if group.reason.names(&matrix.destinations()[group.example]) {
                Told::OfDestination(name)
            } else if group.reason.names(source) {
                Told::OfSource(name)
            } else {
                Told::Of(group.reason)
            };
            *counts.entry((class, verdict, told)).or_default() += group.pairs;
        }
    });
    told.map_err(io::Error::other)?;
    // Objects of which people say the same are one.
    let mut words: HashMap<(usize, Verdict), BTreeMap<Why, u64>> = HashMap::new();
    let counts = counts
        .into_inner()
        .expect("nobody has panicked who held this");
    for ((class, verdict, told), pairs) in counts {
        let own = |reason: &'static str, object: &str| Why {
            reason: reason.to_owned(),
            object: object.to_owned(),
        };
        let why = match told {
            Told::OfSource(reason) => own(reason, "the source"),
            Told::OfDestination(reason) => own(reason, "the destination"),
            Told::Of(reason) => sheet.of_reason(&reason),
        };
        let known = words.entry((class, verdict)).or_default();
        *known.entry(why).or_default() += pairs;
    }
    let sorted = words.into_iter().map(|(group, counts)| {
        let mut counts: Vec<(Why, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, pairs)| std::cmp::Reverse(pairs));
        (group, counts)
    });
    Ok(Some(sorted.collect()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use formats::load::{LoadOptions, Loader};
    use reach::{Addresses, Ends, Question, Service};

    use super::*;

    const NET: &str = "
virtualNetworks:
  v:
    addressSpace: [10.0.0.0/16]
    subnets:
      s: 10.0.0.0/24
      t: { prefix: 10.0.1.0/24, networkSecurityGroup: g }
      u: { prefix: 10.0.2.0/24, routeTable: away }
  w: { addressSpace: [10.1.0.0/16], subnets: { s: 10.1.0.0/24 } }
networkSecurityGroups: { g: { securityRules: [ { name: no, priority: 100, direction: Inbound, access: Deny, protocol: Tcp, source: 10.0.0.0/25, destination: '*' } ] } }
routeTables: { away: { routes: [ { name: none, prefix: 10.0.0.0/24, nextHop: None } ] } }
virtualMachines: { a: { subnet: v/s }, b: { subnet: v/s }, c: { subnet: v/t }, d: { subnet: v/t }, e: { subnet: v/u }, f: { subnet: w/s }, off: { subnet: v/s }, out: { subnet: v/t } }
guests: { off: { role: stopped }, out: { role: stopped } }
";

    #[test]
    fn counts_of_reasons_are_those_of_the_pairs_one_by_one() {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text("net.yaml", NET);
        let network = loader.finish().expect("a sound network").network;
        let snapshot = control::compile(&network);
        let ends = Arc::new(Ends::of_nics(&network, Addresses::Primary));
        let question = Question::about(Service::Tcp(443));
        let matrix = reach::matrix(&snapshot, &ends, &ends, question, &Watch::default());
        let matrix = matrix.expect("nobody cancels");
        let sheet = Sheet::new(&network, &snapshot, &matrix);
        let classes = matrix.classes().sources;
        let mut expected = HashMap::new();
        for (class, sources) in classes.iter().enumerate() {
            for &source in sources {
                let records = (0..ends.len()).filter_map(|to| sheet.record(source as usize, to));
                for record in records.filter(|record| record.verdict != Verdict::Reachable) {
                    let mut why = record.why;
                    let nic = |name: &str| format!("NIC {}", name.split('/').next_back().unwrap());
                    if why.object == nic(record.destination) {
                        why.object = "the destination".to_owned();
                    } else if why.object == nic(record.source) {
                        why.object = "the source".to_owned();
                    }
                    *expected.entry((class, record.verdict, why)).or_insert(0) += 1;
                }
            }
        }
        let tally = tally(&sheet, &classes).unwrap().expect("one service");
        let mut found = HashMap::new();
        for ((class, verdict), whys) in tally {
            assert!(whys.is_sorted_by(|one, next| one.1 >= next.1), "{whys:?}");
            found.extend(
                whys.into_iter()
                    .map(|(why, pairs)| ((class, verdict, why), pairs)),
            );
        }
        assert_eq!(found, expected);
        let objects: Vec<&str> = found
            .keys()
            .map(|(_, _, why)| why.object.as_str())
            .collect();
        assert!(objects.contains(&"the source") && objects.contains(&"the destination"));
    }
}
