//! A table as comma-separated values.

use chrono::SecondsFormat;

use super::{Cell, ExportError};

/// A CSV file in the making.
pub struct CsvTable {
    writer: csv::Writer<Vec<u8>>,
}

impl CsvTable {
    pub(super) fn new(header: &[&str]) -> Result<Self, ExportError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header)?;
        Ok(Self { writer })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        for cell in cells {
            match *cell {
                Cell::Empty => self.writer.write_field("")?,
                Cell::Text(text) => self.writer.write_field(text)?,
                Cell::Integer(number) => self.writer.write_field(number.to_string())?,
                Cell::Decimal(number) => self.writer.write_field(format!("{number:.2}"))?,
                Cell::Time(at) => self.writer.write_field(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))?,
            }
        }
        // An empty record ends the row that the fields began.
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Bytes that have left the writer's buffer of 8 KB.
    pub(super) fn bytes(&self) -> usize {
        self.writer.get_ref().len()
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, ExportError> {
        self.writer.into_inner().map_err(|error| ExportError::Csv(error.into_error().into()))
    }
}
