//! Parquet: the lines of CSV by columns, all of them text.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::csv::{DEPENDS_ON_HASH, PAIR_COLUMNS};
use super::{PairRecord, Progress, Sheet};

/// Lines that are put together: so many are held at a time.
const ROWS_IN_GROUP: usize = 1 << 17;

/// A file to which pairs are written.
pub struct PairFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: [Vec<ByteArray>; PAIR_COLUMNS.len()],
}

impl<W: Write + Send> PairFile<W> {
    /// A file without lines.
    pub fn create(out: W) -> io::Result<Self> {
        let fields = PAIR_COLUMNS.map(|name| format!("required binary {name} (string);"));
        let schema = format!("message pairs {{ {} }}", fields.concat());
        let schema = parse_message_type(&schema).map_err(as_io)?;
        let properties = Arc::new(WriterProperties::default());
        Ok(Self {
            writer: SerializedFileWriter::new(out, Arc::new(schema), properties).map_err(as_io)?,
            columns: Default::default(),
        })
    }

    /// Adds a line for each pair.
    pub fn write_pairs(
        &mut self,
        sheet: &Sheet<'_>,
        progress: &mut Progress<'_>,
    ) -> io::Result<()> {
        sheet.for_each_pair(
            |record| fields(&record),
            progress,
            |fields| {
                for (column, field) in self.columns.iter_mut().zip(fields) {
                    column.push(field);
                }
                if self.columns[0].len() >= ROWS_IN_GROUP {
                    self.write_group()?;
                }
                Ok(())
            },
        )
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        self.writer.into_inner().map_err(as_io)
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.columns[0].is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(as_io)?;
        for values in &mut self.columns {
            let Some(mut column) = group.next_column().map_err(as_io)? else {
                break;
            };
            let typed = column.typed::<ByteArrayType>();
            typed.write_batch(values, None, None).map_err(as_io)?;
            column.close().map_err(as_io)?;
            values.clear();
        }
        group.close().map(drop).map_err(as_io)
    }
}

fn fields(record: &PairRecord<'_>) -> [ByteArray; PAIR_COLUMNS.len()] {
    let public = record.public_address.map(|address| address.to_string());
    let note = if record.depends_on_hash {
        DEPENDS_ON_HASH
    } else {
        ""
    };
    [
        record.source,
        &record.source_address.to_string(),
        record.destination,
        &record.destination_address.to_string(),
        &record.service,
        record.verdict.as_str(),
        &record.why.reason,
        &record.why.object,
        &public.unwrap_or_default(),
        note,
    ]
    .map(ByteArray::from)
}

fn as_io(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl<W: Write + Send> std::fmt::Debug for PairFile<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairFile").finish_non_exhaustive()
    }
}
