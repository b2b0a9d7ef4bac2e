//! JSON: one document, written as it is made. Pairs, or classes and what their pairs come to.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{PairRecord, Progress, Sheet};

/// Writes a list of documents, one a service: `[`, what `each` writes, `]`.
pub fn write_all<S>(
    out: &mut dyn Write,
    sheets: &[S],
    mut each: impl FnMut(&mut dyn Write, &S) -> io::Result<()>,
) -> io::Result<()> {
    out.write_all(b"{\n\"matrices\": [")?;
    for (position, sheet) in sheets.iter().enumerate() {
        out.write_all(if position > 0 { b",\n" } else { b"\n" })?;
        each(out, sheet)?;
    }
    out.write_all(b"\n]\n}\n")
}

/// Writes one service with a record for each pair.
pub fn write_pairs(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    exposures: Option<&Value>,
    progress: &mut Progress<'_>,
) -> io::Result<()> {
    write_start(out, sheet, exposures)?;
    out.write_all(b"\"pairs\": [")?;
    let mut first = true;
    sheet.for_each_pair(
        |record| pair(&record).to_string(),
        progress,
        |text| {
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            out.write_all(text.as_bytes())
        },
    )?;
    out.write_all(b"\n]}")
}

/// Writes one service with its classes: their ends, and what the pairs of two of them come to.
pub fn write_classes(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    exposures: Option<&Value>,
    progress: &mut Progress<'_>,
) -> io::Result<()> {
    let groups = sheet.groups();
    let classes = &groups.classes;
    write_start(out, sheet, exposures)?;
    let sides = [
        ("sourceClasses", &classes.sources, sheet.places_of_sources()),
        (
            "destinationClasses",
            &classes.destinations,
            sheet.places_of_destinations(),
        ),
    ];
    for (name, members, places) in sides {
        write!(out, "\"{name}\": [")?;
        for (number, members) in members.iter().enumerate() {
            out.write_all(if number > 0 { b",\n" } else { b"\n" })?;
            let class = json!({
                "class": number,
                "count": members.len(),
                "selectors": places.covering(members),
            });
            serde_json::to_writer(&mut *out, &class)?;
        }
        out.write_all(b"\n],\n")?;
    }
    out.write_all(b"\"classPairs\": [")?;
    let mut first = true;
    for cell in groups.pairs() {
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        let example = sheet.record(cell.example.0, cell.example.1);
        let document = json!({
            "from": cell.from,
            "to": cell.to,
            "pairs": cell.pairs,
            "verdict": cell.verdict,
            "example": example.as_ref().map(pair),
        });
        serde_json::to_writer(&mut *out, &document)?;
        progress(cell.pairs)?;
    }
    out.write_all(b"\n]}")
}

fn write_start(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    exposures: Option<&Value>,
) -> io::Result<()> {
    let counts = sheet.matrix().counts();
    write!(
        out,
        "{{\"service\": {}, \"depth\": {},\n\"counts\": {},\n",
        json!(sheet.service()),
        json!(sheet.depth()),
        json!({
            "pairs": counts.pairs,
            "forward": counts.forward,
            "reachable": counts.reachable,
            "forwardOnly": counts.forward_only,
            "unreachable": counts.unreachable,
            "unknown": counts.unknown,
            "dependsOnHash": counts.depends_on_hash,
        })
    )?;
    if let Some(exposures) = exposures {
        writeln!(out, "\"exposures\": {exposures},")?;
    }
    Ok(())
}

/// The document of one pair.
pub fn pair(record: &PairRecord<'_>) -> Value {
    let mut document = json!({
        "source": record.source,
        "sourceAddress": record.source_address,
        "destination": record.destination,
        "destinationAddress": record.destination_address,
        "verdict": record.verdict,
    });
    if !record.why.reason.is_empty() {
        document["reason"] = json!(record.why.reason);
        document["object"] = json!(record.why.object);
    }
    if let Some(address) = record.public_address {
        document["publicAddress"] = json!(address);
    }
    if record.depends_on_hash {
        document["dependsOnHash"] = json!(true);
    }
    document
}
