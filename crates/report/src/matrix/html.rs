//! One self-contained page: a picture of who reaches whom, with names and reasons under the pointer. It loads nothing from anywhere.

use std::collections::BTreeMap;
use std::io::{self, Write};

use reach::Verdict;
use serde::Serialize;
use serde_json::json;

use super::exposure::ExposureRecord;
use super::{Sheet, grouped};

/// Up to so many cells, each is a pair with its reason; up to so many, each is a pair of classes.
const PAIRS: usize = 10_000;
const CLASS_PAIRS: usize = 250_000;

/// The picture of one service.
#[derive(Serialize)]
struct Picture {
    /// What rows and columns are.
    level: &'static str,
    rows: Vec<String>,
    columns: Vec<String>,
    kinds: Vec<Kind>,
    /// Row by row, positions in `kinds`; -1 where there is no pair.
    cells: Vec<i32>,
}

/// What cells say that look and read the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Kind {
    verdict: String,
    /// Reachable pairs among all, in percent.
    share: u8,
    why: String,
}

/// Writes the beginning of the page.
pub fn write_start(out: &mut dyn Write, title: &str) -> io::Result<()> {
    let title = escaped(title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
}

/// Writes the end of the page.
pub fn write_end(out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<div id=\"tip\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// Writes one service.
pub fn write(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    exposures: &[ExposureRecord],
) -> io::Result<()> {
    let picture = Picture::of(sheet);
    let headline = escaped(&sheet.headline());
    writeln!(out, "<section>\n<h2>{headline}</h2>")?;
    if !exposures.is_empty() {
        write_exposures(out, exposures)?;
    }
    writeln!(
        out,
        "<p class=\"level\">{} rows by {} columns; rows send, columns receive; {}.</p>",
        grouped(picture.rows.len() as u64),
        grouped(picture.columns.len() as u64),
        picture.level
    )?;
    writeln!(
        out,
        "<div class=\"legend\"></div>\n\
         <div class=\"find\"><label>From <input type=\"search\" placeholder=\"part of a name\"></label> \
         <label>To <input type=\"search\" placeholder=\"part of a name\"></label> \
         <label><input type=\"checkbox\"> only where something arrives</label> <span class=\"shown\"></span></div>\n\
         <p class=\"said\" aria-live=\"polite\"></p>\n<div class=\"picture\"></div>"
    )?;
    // No text of the input may end the script.
    let data = json!(picture).to_string().replace('<', "\\u003c");
    writeln!(out, "<script type=\"application/json\">{data}</script>")?;
    write_kinds(out, &picture)?;
    writeln!(out, "</section>")
}

fn write_exposures(out: &mut dyn Write, exposures: &[ExposureRecord]) -> io::Result<()> {
    writeln!(
        out,
        "<div class=\"tables\">\n<table>\n<tr><th>Public address<th>Leads to<th>By<th>Service<th>Verdict<th>Let in by, or why not</tr>"
    )?;
    for record in exposures {
        let cells = [
            record.public_address.to_string(),
            record.nic.clone().unwrap_or_default(),
            record.way_in(),
            record.services(),
            record.verdict.to_string(),
            record.account(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell.trim())).collect();
        writeln!(out, "<tr><td>{}</tr>", cells.join("<td>"))?;
    }
    writeln!(out, "</table>\n</div>")
}

/// How often what is said, for whoever has no pointer.
fn write_kinds(out: &mut dyn Write, picture: &Picture) -> io::Result<()> {
    let mut counts = vec![0_u64; picture.kinds.len()];
    for &cell in &picture.cells {
        if let Ok(kind) = usize::try_from(cell) {
            counts[kind] += 1;
        }
    }
    let mut kinds: Vec<(&Kind, u64)> = picture.kinds.iter().zip(counts).collect();
    kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let has_reasons = kinds.iter().any(|(kind, _)| !kind.why.is_empty());
    let heading = if has_reasons { "<th>Why" } else { "" };
    writeln!(
        out,
        "<div class=\"tables\">\n<table>\n<tr><th>Cells<th>Verdict{heading}</tr>"
    )?;
    for (kind, count) in kinds.iter().take(50) {
        let why = if has_reasons {
            format!("<td>{}", escaped(&kind.why))
        } else {
            String::new()
        };
        writeln!(
            out,
            "<tr><td class=\"number\">{}<td>{}{why}</tr>",
            grouped(*count),
            escaped(&kind.verdict)
        )?;
    }
    writeln!(out, "</table>\n</div>")?;
    match kinds.len().saturating_sub(50) {
        0 => Ok(()),
        more => writeln!(out, "<p>and {more} more reasons</p>"),
    }
}

impl Picture {
    fn of(sheet: &Sheet<'_>) -> Self {
        let matrix = sheet.matrix();
        let (rows, columns) = (matrix.sources().len(), matrix.destinations().len());
        if rows.saturating_mul(columns) <= PAIRS {
            return Self::of_pairs(sheet);
        }
        let groups = sheet.groups();
        let classes = groups.classes.sources.len() * groups.classes.destinations.len();
        if classes <= CLASS_PAIRS {
            Self::of_classes(sheet, &groups)
        } else {
            Self::of_networks(sheet)
        }
    }

    fn of_pairs(sheet: &Sheet<'_>) -> Self {
        let matrix = sheet.matrix();
        let (rows, columns) = (matrix.sources().len(), matrix.destinations().len());
        let mut kinds = Kinds::default();
        let mut cells = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                cells.push(sheet.record(row, column).map_or(-1, |record| {
                    let mut why = record.why.sentence();
                    if record.depends_on_hash {
                        why = format!("depends on a hash; {why}");
                    }
                    kinds.number(record.verdict, why)
                }));
            }
        }
        let named = |name: &str, address: std::net::Ipv4Addr| format!("{name} ({address})");
        Self {
            level: "a cell is a pair",
            rows: (0..rows)
                .map(|row| named(sheet.source(row), matrix.sources()[row].address))
                .collect(),
            columns: (0..columns)
                .map(|column| {
                    let address = matrix.destinations()[column].address;
                    named(sheet.destination(column), address)
                })
                .collect(),
            kinds: kinds.list(),
            cells,
        }
    }

    fn of_classes(sheet: &Sheet<'_>, groups: &super::Groups<'_>) -> Self {
        let (from, to) = (sheet.places_of_sources(), sheet.places_of_destinations());
        let named = |places: &super::places::Places, members: &[Vec<u32>]| -> Vec<String> {
            let names = members.iter().map(|members| {
                let words = places.covering(members);
                let listed = words[..words.len().min(6)].join(", ");
                match words.len().saturating_sub(6) {
                    0 => listed,
                    more => format!("{listed} and {more} more"),
                }
            });
            names.collect()
        };
        let classes = &groups.classes;
        let mut kinds = Kinds::default();
        let mut cells = vec![-1; classes.sources.len() * classes.destinations.len()];
        // A reason is a packet: where there are many cells, the verdict alone has to do.
        let has_reasons = cells.len() <= PAIRS;
        for pair in groups.pairs() {
            let why = if has_reasons {
                let record = sheet.record(pair.example.0, pair.example.1);
                record.map_or_else(String::new, |record| record.why.sentence())
            } else {
                String::new()
            };
            cells[pair.from * classes.destinations.len() + pair.to] =
                kinds.number(pair.verdict, why);
        }
        Self {
            level: if has_reasons {
                "a cell is all pairs of two groups of ends that are alike, with the reason of one of them"
            } else {
                "a cell is all pairs of two groups of ends that are alike"
            },
            rows: named(&from, &classes.sources),
            columns: named(&to, &classes.destinations),
            kinds: kinds.list(),
            cells,
        }
    }

    /// Shares of reachable pairs between networks.
    fn of_networks(sheet: &Sheet<'_>) -> Self {
        let matrix = sheet.matrix();
        let (from, to) = (sheet.places_of_sources(), sheet.places_of_destinations());
        let mut network_of = vec![0; matrix.destinations().len()];
        let mut sizes = Vec::new();
        for (number, (_, ends)) in to.networks().enumerate() {
            sizes.push(ends.len());
            for &end in ends {
                network_of[end as usize] = number;
            }
        }
        // Per class, how many of each network it reaches.
        let columns = sizes.len();
        let mut reached: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut cells = Vec::new();
        let mut kinds = Kinds::default();
        for (_, sources) in from.networks() {
            let mut sums = vec![0_u64; columns];
            for &source in sources {
                let class = matrix.class_of(source as usize);
                let counts = reached.entry(class).or_insert_with(|| {
                    let mut counts = vec![0; columns];
                    for end in matrix.with_verdict(class, Verdict::Reachable).iter() {
                        counts[network_of[end]] += 1;
                    }
                    counts
                });
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum += u64::from(*count);
                }
            }
            for (sum, size) in sums.into_iter().zip(&sizes) {
                let all = (sources.len() * size) as u64;
                let share = u8::try_from((100 * sum).div_ceil(all.max(1))).unwrap_or(100);
                cells.push(kinds.share(share));
            }
        }
        let words = |places: &super::places::Places| -> Vec<String> {
            let networks = places.networks();
            networks.map(|(word, _)| word.to_owned()).collect()
        };
        Self {
            level: "a cell is all pairs of two networks: how many of them are reachable",
            rows: words(&from),
            columns: words(&to),
            kinds: kinds.list(),
            cells,
        }
    }
}

/// Kinds with their numbers.
#[derive(Default)]
struct Kinds(BTreeMap<Kind, i32>);

impl Kinds {
    fn number(&mut self, verdict: Verdict, why: String) -> i32 {
        self.get(Kind {
            verdict: verdict.to_string(),
            share: if verdict == Verdict::Reachable {
                100
            } else {
                0
            },
            why,
        })
    }

    fn share(&mut self, share: u8) -> i32 {
        self.get(Kind {
            verdict: format!("{share} % reachable"),
            share,
            why: String::new(),
        })
    }

    fn get(&mut self, kind: Kind) -> i32 {
        let next = i32::try_from(self.0.len()).unwrap_or(i32::MAX);
        *self.0.entry(kind).or_insert(next)
    }

    fn list(self) -> Vec<Kind> {
        let mut kinds: Vec<(Kind, i32)> = self.0.into_iter().collect();
        kinds.sort_by_key(|&(_, number)| number);
        kinds.into_iter().map(|(kind, _)| kind).collect()
    }
}

/// As text of a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
