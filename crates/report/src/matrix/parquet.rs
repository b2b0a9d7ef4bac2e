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

#[cfg(test)]
mod tests {
    use formats::load::{LoadOptions, Loader};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    use reach::{Addresses, Ends, Question, Service, Watch};

    use super::*;

    #[test]
    fn what_is_read_back_is_every_pair_in_its_order() {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text(
            "net.yaml",
            "virtualNetworks: { v: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24, t: { prefix: 10.0.1.0/24, networkSecurityGroup: g } } } }
networkSecurityGroups: { g: { securityRules: [ { name: no, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' } ] } }
virtualMachines: { a: { subnet: v/s }, 'b,\"c': { subnet: v/s, nic: n }, d: { subnet: v/t } }
",
        );
        let network = loader.finish().expect("a sound network").network;
        let snapshot = control::compile(&network);
        let ends = Arc::new(Ends::of_nics(&network, Addresses::Primary));
        let question = Question::about(Service::Tcp(443));
        let matrix = reach::matrix(&snapshot, &ends, &ends, question, &Watch::default());
        let matrix = matrix.expect("nobody cancels");
        let sheet = Sheet::new(&network, &snapshot, &matrix);
        let mut file = PairFile::create(tempfile::tempfile().expect("a file")).unwrap();
        file.write_pairs(&sheet, &mut |_| Ok(())).unwrap();
        let reader = SerializedFileReader::new(file.finish().unwrap()).unwrap();
        let columns = reader.metadata().file_metadata().schema().get_fields();
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        assert_eq!(names, PAIR_COLUMNS);
        let read: Vec<Vec<String>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                let row = row.unwrap();
                let text = |column| row.get_string(column).unwrap().clone();
                (0..PAIR_COLUMNS.len()).map(text).collect()
            })
            .collect();
        let pairs = (0..3).flat_map(|from| (0..3).map(move |to| (from, to)));
        let expected: Vec<Vec<String>> = pairs
            .filter_map(|(from, to)| sheet.record(from, to))
            .map(|record| {
                let text = |field: &ByteArray| field.as_utf8().unwrap().to_owned();
                fields(&record).iter().map(text).collect()
            })
            .collect();
        assert_eq!(expected.len(), 6);
        assert_eq!(read, expected);
        let object = "Deny no (100) of g at the subnet";
        let ends = ["a/aVMNic", "10.0.0.4", "d/dVMNic", "10.0.1.4"];
        let verdict = ["tcp/443", "unreachable", "nsg-deny", object, "", ""];
        assert_eq!(read[1], [&ends[..], &verdict].concat());
    }
}
