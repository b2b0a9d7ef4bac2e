//! CSV: one line a pair; or one line a pair of classes, for networks with more pairs than anybody reads.

use std::io::{self, Write};

use super::exposure::ExposureRecord;
use super::places::Places;
use super::{PairRecord, Progress, Sheet};

/// The columns of pairs.
pub const PAIR_COLUMNS: [&str; 10] = [
    "source",
    "source_address",
    "destination",
    "destination_address",
    "service",
    "verdict",
    "reason",
    "object",
    "public_address",
    "note",
];

/// The columns of pairs of classes.
pub const CLASS_COLUMNS: [&str; 11] = [
    "sources",
    "source_count",
    "destinations",
    "destination_count",
    "service",
    "verdict",
    "pairs",
    "example_source",
    "example_destination",
    "example_reason",
    "example_object",
];

/// What stands in the column `note` of a pair whose verdict another hash would change.
pub(crate) const DEPENDS_ON_HASH: &str = "depends-on-hash";

/// Writes the headings of pairs.
pub fn write_pair_headings(out: &mut dyn Write) -> io::Result<()> {
    write_line(out, &PAIR_COLUMNS)
}

/// Writes a line for each pair.
pub fn write_pairs(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    progress: &mut Progress<'_>,
) -> io::Result<()> {
    let line = |record: PairRecord<'_>| {
        let mut line = Vec::with_capacity(160);
        // Nothing fails in memory.
        let _ = write_pair(&mut line, &record);
        line
    };
    sheet.for_each_pair(line, progress, |line| out.write_all(&line))
}

/// Writes the line of one pair.
pub fn write_pair(out: &mut dyn Write, record: &PairRecord<'_>) -> io::Result<()> {
    let public = record.public_address.map(|address| address.to_string());
    write_line(
        out,
        &[
            record.source,
            &record.source_address.to_string(),
            record.destination,
            &record.destination_address.to_string(),
            &record.service,
            record.verdict.as_str(),
            &record.why.reason,
            &record.why.object,
            &public.unwrap_or_default(),
            if record.depends_on_hash {
                DEPENDS_ON_HASH
            } else {
                ""
            },
        ],
    )
}

/// Writes a line for a NIC that the Internet reaches by an address which is not its own; the others are pairs already.
pub fn write_exposure(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    exposure: &ExposureRecord,
) -> io::Result<()> {
    let (Some(nic), Some(address), Some(by)) = (&exposure.nic, exposure.address, &exposure.by)
    else {
        return Ok(());
    };
    let from = sheet.matrix().sources().get(0);
    let source_address = from.map(|end| end.address.to_string());
    write_line(
        out,
        &[
            sheet.source(0),
            &source_address.unwrap_or_default(),
            nic,
            &address.to_string(),
            &sheet.service(),
            exposure.verdict.as_str(),
            &exposure.reason,
            &exposure.object,
            &exposure.public_address.to_string(),
            by,
        ],
    )
}

/// Writes the headings of pairs of classes.
pub fn write_class_headings(out: &mut dyn Write) -> io::Result<()> {
    write_line(out, &CLASS_COLUMNS)
}

/// Writes a line for each pair of classes. The reason is that of one of their pairs, as the headings say.
pub fn write_classes(
    out: &mut dyn Write,
    sheet: &Sheet<'_>,
    progress: &mut Progress<'_>,
) -> io::Result<()> {
    let groups = sheet.groups();
    let classes = &groups.classes;
    let (from, to) = (sheet.places_of_sources(), sheet.places_of_destinations());
    let named = |places: &Places, members: &[Vec<u32>]| -> Vec<String> {
        let names = members.iter();
        names
            .map(|members| places.covering(members).join(" "))
            .collect()
    };
    let sources = named(&from, &classes.sources);
    let destinations = named(&to, &classes.destinations);
    let service = sheet.service();
    for pair in groups.pairs() {
        let Some(example) = sheet.record(pair.example.0, pair.example.1) else {
            continue;
        };
        write_line(
            out,
            &[
                &sources[pair.from],
                &classes.sources[pair.from].len().to_string(),
                &destinations[pair.to],
                &classes.destinations[pair.to].len().to_string(),
                &service,
                pair.verdict.as_str(),
                &pair.pairs.to_string(),
                example.source,
                example.destination,
                &example.why.reason,
                &example.why.object,
            ],
        )?;
        progress(pair.pairs)?;
    }
    Ok(())
}

/// One record (RFC 4180, with a line feed alone at its end).
fn write_line(out: &mut dyn Write, fields: &[&str]) -> io::Result<()> {
    for (position, field) in fields.iter().enumerate() {
        if position > 0 {
            out.write_all(b",")?;
        }
        if field.contains(['"', ',', '\n', '\r']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_stay_one_field() {
        let mut out = Vec::new();
        write_line(&mut out, &["a,b", "say \"hi\"", "plain"]).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a,b\",\"say \"\"hi\"\"\",plain\n"
        );
    }
}
