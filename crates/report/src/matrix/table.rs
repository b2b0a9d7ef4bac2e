//! Tables for people: a grid that fits on a screen, or groups of ends that are alike.

use std::collections::BTreeMap;
use std::io::{self, Write};

use reach::Verdict;

use super::places::Places;
use super::{Sheet, Why, grouped, reasons};
use crate::table::Table;

/// Rows and columns that a grid has at most.
const GRID: usize = 32;
/// Lines of groups, and of reasons.
const LINES: usize = 200;
/// Places that a line names.
const PLACES_NAMED: usize = 3;
/// Reasons that are given for a group with one verdict.
const REASONS_NAMED: usize = 3;

/// Writes one service: headline, grid or groups, and why pairs are not reachable.
pub fn write(out: &mut dyn Write, sheet: &Sheet<'_>) -> io::Result<()> {
    writeln!(out, "{}", sheet.headline())?;
    let matrix = sheet.matrix();
    if matrix.sources().len() <= GRID && matrix.destinations().len() <= GRID {
        write_grid(out, sheet)
    } else {
        write_groups(out, sheet)
    }
}

fn write_grid(out: &mut dyn Write, sheet: &Sheet<'_>) -> io::Result<()> {
    let matrix = sheet.matrix();
    let (rows, columns) = (matrix.sources().len(), matrix.destinations().len());
    let is_square = matrix.sources() == matrix.destinations();
    let number = |column: usize| (column + 1).to_string();
    writeln!(out)?;
    if !is_square {
        for column in 0..columns {
            let address = matrix.destinations()[column].address;
            let name = sheet.destination(column);
            writeln!(out, "{:>3}  {name} ({address})", number(column))?;
        }
        writeln!(out)?;
    }
    // Every column as wide as the longest number, and no wider: a grid is a picture.
    let width = number(columns.max(rows)).len();
    let named = (0..rows).map(|row| sheet.source(row).chars().count());
    let name_width = named.max().unwrap_or(0);
    let address_width = "255.255.255.255".len();
    write!(out, "{:name_width$}  {:address_width$}", "From", "Address")?;
    for column in 0..columns {
        write!(out, "  {:>width$}", number(column))?;
    }
    writeln!(out)?;
    let mut reasons: BTreeMap<(&'static str, Why), (u64, String)> = BTreeMap::new();
    let mut signs = [false; 6];
    for row in 0..rows {
        let address = matrix.sources()[row].address.to_string();
        write!(
            out,
            "{:name_width$}  {address:address_width$}",
            sheet.source(row)
        )?;
        for column in 0..columns {
            let Some(record) = sheet.record(row, column) else {
                write!(out, "  {:>width$}", ".")?;
                signs[4] = true;
                continue;
            };
            signs[position(record.verdict)] = true;
            signs[5] |= record.depends_on_hash;
            let sign = sign(record.verdict);
            if record.depends_on_hash {
                write!(out, " {:>width$}", format!("{sign}*"), width = width + 1)?;
            } else {
                write!(out, "  {sign:>width$}")?;
            }
            if record.verdict != Verdict::Reachable {
                let example = format!("{} -> {}", record.source, record.destination);
                let entry = reasons.entry((record.verdict.as_str(), record.why));
                entry.or_insert((0, example)).0 += 1;
            }
        }
        if is_square {
            write!(out, "  {}", number(row))?;
        }
        writeln!(out)?;
    }
    let legend = [
        "+ reachable",
        "> forward-only",
        "- unreachable",
        "? unknown",
        ". itself",
        "* depends on a hash",
    ];
    let used = legend.iter().zip(signs).filter(|(_, used)| *used);
    let used: Vec<&str> = used.map(|(text, _)| *text).collect();
    writeln!(out, "\n{}", used.join("   "))?;
    if reasons.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["Pairs", "Verdict", "Why", "For example"]);
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let more = reasons.len().saturating_sub(LINES);
    for ((verdict, why), (count, example)) in reasons.into_iter().take(LINES) {
        table.push([
            count.to_string(),
            verdict.to_owned(),
            why.sentence(),
            example,
        ]);
    }
    write!(out, "\n{table}")?;
    write_rest(out, more)
}

/// Destinations of a class of sources with one verdict.
struct Alike {
    destinations: Vec<u32>,
    pairs: u64,
    /// One of the pairs.
    example: (usize, usize),
}

/// A line for each class of sources and verdict, and one for each further reason.
fn write_groups(out: &mut dyn Write, sheet: &Sheet<'_>) -> io::Result<()> {
    let groups = sheet.groups();
    let classes = &groups.classes;
    let (from, to) = (sheet.places_of_sources(), sheet.places_of_destinations());
    writeln!(
        out,
        "{} sources in {} groups, {} destinations in {} groups\n",
        grouped(sheet.matrix().sources().len() as u64),
        grouped(classes.sources.len() as u64),
        grouped(sheet.matrix().destinations().len() as u64),
        grouped(classes.destinations.len() as u64)
    )?;
    let mut shown: Vec<BTreeMap<Verdict, Alike>> = Vec::new();
    let mut lines = 0;
    while lines < LINES && shown.len() < classes.sources.len() {
        let mut by_verdict: BTreeMap<Verdict, Alike> = BTreeMap::new();
        for pair in groups.row(shown.len()) {
            let alike = by_verdict.entry(pair.verdict).or_insert_with(|| Alike {
                destinations: Vec::new(),
                pairs: 0,
                example: pair.example,
            });
            let members = &classes.destinations[pair.to];
            alike.destinations.extend(members);
            alike.pairs += pair.pairs;
        }
        lines += by_verdict.len();
        shown.push(by_verdict);
    }
    let more = classes.sources.len() - shown.len();
    let tally = reasons::tally(sheet, &classes.sources[..shown.len()])?;
    let why = if tally.is_some() {
        "Why"
    } else {
        "Why, for one of them"
    };
    let mut table = Table::new(["From", "To", "Verdict", "Pairs", why]);
    for (number, by_verdict) in shown.into_iter().enumerate() {
        let mut source = named(&from, &classes.sources[number]);
        for (verdict, alike) in by_verdict {
            let whys = if let Some(tally) = &tally {
                counted(tally.get(&(number, verdict)).map_or(&[], Vec::as_slice))
            } else {
                let record = sheet.record(alike.example.0, alike.example.1);
                vec![record.map_or_else(String::new, |record| record.why.sentence())]
            };
            let mut whys = whys.into_iter();
            table.push([
                std::mem::take(&mut source),
                named(&to, &alike.destinations),
                verdict.as_str().to_owned(),
                grouped(alike.pairs),
                whys.next().unwrap_or_default(),
            ]);
            for why in whys {
                table.push(["", "", "", "", why.as_str()]);
            }
        }
    }
    write!(out, "{table}")?;
    if more > 0 {
        writeln!(
            out,
            "and {} more groups of sources; `-o csv` and `-o html` show all",
            grouped(more as u64)
        )?;
    }
    Ok(())
}

/// Reasons, one a line: with counts if they are several, and no more than are read.
fn counted(reasons: &[(Why, u64)]) -> Vec<String> {
    if let [(why, _)] = reasons {
        return vec![why.sentence()];
    }
    // A line that says there is one more takes as much room as that one.
    let named = if reasons.len() > REASONS_NAMED + 1 {
        REASONS_NAMED
    } else {
        reasons.len()
    };
    let (first, rest) = reasons.split_at(named);
    let mut lines: Vec<String> = first
        .iter()
        .map(|(why, pairs)| format!("{} {}", grouped(*pairs), why.sentence()))
        .collect();
    if !rest.is_empty() {
        let pairs = rest.iter().map(|(_, pairs)| pairs).sum();
        lines.push(format!(
            "and {} more: {} pairs",
            grouped(rest.len() as u64),
            grouped(pairs)
        ));
    }
    lines
}

fn named(places: &Places, ends: &[u32]) -> String {
    let words = places.covering(ends);
    let listed = words[..words.len().min(PLACES_NAMED)].join(", ");
    match words.len().saturating_sub(PLACES_NAMED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

fn write_rest(out: &mut dyn Write, more: usize) -> io::Result<()> {
    if more > 0 {
        writeln!(out, "and {more} more; `-o csv` shows all")?;
    }
    Ok(())
}

fn position(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Reachable => 0,
        Verdict::ForwardOnly => 1,
        Verdict::Unreachable => 2,
        Verdict::Unknown => 3,
    }
}

/// A verdict in one letter.
fn sign(verdict: Verdict) -> char {
    ['+', '>', '-', '?'][position(verdict)]
}
