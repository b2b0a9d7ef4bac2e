//! Text for people: what became of pairs, cause by cause; then what became of objects.

use std::io::{self, Write};

use reach::diff::{Change, Side, Witness};

use super::{Digest, FATES, Story, Words, meaning, plural, sentence, word};
use crate::matrix::grouped;
use crate::table::Table;

/// Causes of a fate, groups of a cause, objects of a kind of change that are listed.
const LINES: usize = 50;

/// Writes comparisons of the same networks, one a service.
pub fn write(out: &mut dyn Write, digests: &[Digest<'_>]) -> io::Result<()> {
    let Some(first) = digests.first() else {
        return Ok(());
    };
    let [before, after] = first.labels;
    writeln!(out, "{before} -> {after}")?;
    for digest in digests {
        writeln!(out)?;
        write_pairs(out, digest)?;
    }
    write_objects(out, first)
}

fn write_pairs(out: &mut dyn Write, digest: &Digest<'_>) -> io::Result<()> {
    writeln!(out, "{}", digest.extent())?;
    writeln!(out, "{}", digest.counts())?;
    for remark in digest.remarks() {
        writeln!(out, "{remark}")?;
    }
    for fate in FATES {
        let stories = digest.stories(fate);
        if stories.is_empty() {
            continue;
        }
        let pairs = digest.comparison.count(fate);
        writeln!(
            out,
            "\n{}: {} {}. {}",
            capital(word(fate)),
            grouped(pairs),
            plural(pairs, "pair", "pairs"),
            meaning(fate)
        )?;
        for story in stories.iter().take(LINES) {
            write_story(out, digest, story)?;
        }
        write_rest(out, stories.len(), "causes")?;
    }
    Ok(())
}

fn write_story(out: &mut dyn Write, digest: &Digest<'_>, story: &Story<'_>) -> io::Result<()> {
    writeln!(out)?;
    for line in digest.because(story.cause) {
        writeln!(out, "  {line}")?;
    }
    let mut table = Table::new(["Pairs", "From", "To"]);
    for group in story.groups.iter().take(LINES) {
        table.push([
            grouped(group.pairs),
            digest.sources(group),
            digest.destinations(group),
        ]);
    }
    for line in table.to_string().lines() {
        writeln!(out, "    {line}")?;
    }
    write_rest(out, story.groups.len(), "groups")?;
    match story.groups.iter().find_map(|group| group.witness.as_ref()) {
        Some(witness) => write_witness(out, digest, witness),
        None => Ok(()),
    }
}

fn write_witness(out: &mut dyn Write, digest: &Digest<'_>, witness: &Witness) -> io::Result<()> {
    writeln!(
        out,
        "    for example {} ({})",
        digest.pair(witness),
        witness.service
    )?;
    for (side, label) in [(Side::Before, "before"), (Side::After, "after")] {
        let words = digest.account(witness, side);
        writeln!(out, "      {label:6}  {}", account(&words))?;
    }
    let ways = [Side::Before, Side::After].map(|side| {
        let words = digest.account(witness, side);
        (words.forward, words.reply)
    });
    if ways[0] != ways[1] && ways.iter().any(|(forward, _)| forward.len() > 2) {
        for ((forward, reply), label) in ways.iter().zip(["before", "after"]) {
            writeln!(out, "      {label:6}  way: {}", way(forward, reply))?;
        }
    }
    Ok(())
}

/// What a network made of a witness, in one line.
pub(super) fn account(words: &Words) -> String {
    let reply = if words.in_reply { " (the reply)" } else { "" };
    if words.decided.is_empty() {
        format!("{}{reply}", words.verdict)
    } else {
        format!("{}{reply}: {}", words.verdict, words.decided)
    }
}

/// What packets passed there and back.
pub(super) fn way(forward: &[String], reply: &[String]) -> String {
    let forward = forward.join(" > ");
    if reply.is_empty() {
        forward
    } else {
        format!("{forward}; back {}", reply.join(" > "))
    }
}

fn write_objects(out: &mut dyn Write, digest: &Digest<'_>) -> io::Result<()> {
    let changes = digest.changes();
    let lists = [
        ("+", &changes.added),
        ("-", &changes.removed),
        ("~", &changes.changed),
    ];
    let [new, gone, other] = lists.map(|(_, list)| grouped(list.len() as u64));
    writeln!(
        out,
        "\nObjects: {new} added, {gone} removed, {other} changed"
    )?;
    for (sign, list) in lists {
        write_list(out, sign, list)?;
    }
    Ok(())
}

fn write_list(out: &mut dyn Write, sign: &str, list: &[&Change]) -> io::Result<()> {
    for change in list.iter().take(LINES) {
        writeln!(out, "  {sign} {}", sentence(change))?;
    }
    write_rest(out, list.len(), "objects")
}

fn write_rest(out: &mut dyn Write, len: usize, what: &str) -> io::Result<()> {
    match len.checked_sub(LINES) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(
            out,
            "  and {} more {what}; `-o json` shows all",
            grouped(more as u64)
        ),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
