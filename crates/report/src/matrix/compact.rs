//! The text that a team commits: who reaches whom, told by places. `docs/compact-format.md` describes it.
//!
//! One fact a line, in the order of names, without counts and addresses: what does not change the answer changes no line.

use std::collections::BTreeMap;
use std::io::{self, Write};

use reach::{Depth, Matrix, Verdict};

use super::Sheet;

/// What the first line of the text says.
pub const VERSION: u32 = 1;

/// A verdict as a word after a place; another hash would give another.
type Fact = (Verdict, bool);

/// Writes the first lines of the text: version, how to read it, and between whom.
pub fn write_heading(out: &mut dyn Write, from: &str, to: &str) -> io::Result<()> {
    writeln!(out, "vnetsim matrix {VERSION}")?;
    writeln!(
        out,
        "# Of several lines that hold for an end the most special one counts: an end before its subnet, its network, *."
    )?;
    writeln!(out, "sources {from}")?;
    writeln!(out, "destinations {to}")
}

/// Writes what is true of one service.
pub fn write(out: &mut dyn Write, sheet: &Sheet<'_>) -> io::Result<()> {
    let matrix = sheet.matrix();
    let question = matrix.question();
    writeln!(out)?;
    write!(out, "service {}", question.asked)?;
    if question.depth == Depth::Forward {
        write!(out, " forward")?;
    }
    if let Some(port) = question.source_port {
        write!(out, " from port {port}")?;
    }
    if question.listeners {
        write!(out, " listeners")?;
    }
    writeln!(out)?;

    let (from, to) = (sheet.places_of_sources(), sheet.places_of_destinations());
    let classes = matrix.classes().sources;
    let mut class_of = vec![0_usize; matrix.sources().len()];
    for (class, members) in classes.iter().enumerate() {
        for &member in members {
            class_of[member as usize] = class;
        }
    }
    // Classes in the order in which their sources are told, so that numbers, which change, play no part.
    let mut order: Vec<usize> = Vec::new();
    let mut sources: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (word, class) in from.told(None, &|source| Some(class_of[source])) {
        let words = sources.entry(class).or_insert_with(|| {
            order.push(class);
            Vec::new()
        });
        words.push(word);
    }
    for class in order {
        writeln!(out)?;
        for word in sources.remove(&class).unwrap_or_default() {
            writeln!(out, "from {word}")?;
        }
        let members = &classes[class];
        let Some(&first) = members.first() else {
            continue;
        };
        let only_source = (members.len() == 1)
            .then(|| matrix.own_column(first as usize))
            .flatten();
        let facts = facts(matrix, matrix.class_of(first as usize));
        let fact = |destination: usize| -> Option<Fact> {
            let is_pair = only_source != Some(destination);
            is_pair.then(|| facts[destination])
        };
        let unless_said = (Verdict::Unreachable, false);
        let told = to.told(Some(&unless_said), &fact);
        if told.is_empty() {
            writeln!(out, "  * {}", Verdict::Unreachable)?;
        }
        for (word, (verdict, depends_on_hash)) in told {
            let hash = if depends_on_hash {
                " depends-on-hash"
            } else {
                ""
            };
            writeln!(out, "  {word} {verdict}{hash}")?;
        }
    }
    Ok(())
}

/// By destination.
fn facts(matrix: &Matrix, class: u32) -> Vec<Fact> {
    let mut facts = vec![(Verdict::Unreachable, false); matrix.destinations().len()];
    for verdict in [Verdict::Reachable, Verdict::ForwardOnly, Verdict::Unknown] {
        for destination in matrix.with_verdict(class, verdict).iter() {
            facts[destination].0 = verdict;
        }
    }
    for destination in matrix.rows()[class as usize].depends_on_hash.iter() {
        facts[destination].1 = true;
    }
    facts
}
