//! Tables as files: CSV and XLSX, written row by row as they come from the database.
//!
//! The function's answer may not exceed 6 MB, in base64 for a binary file, so a table is cut before that and the client
//! is sent to the rest by a `Link` with `rel="next"`.

mod csv;
mod xlsx;

use chrono::{DateTime, Utc};

use self::csv::CsvTable;
use self::xlsx::XlsxTable;

/// A file is cut after this many bytes. Escaped into the JSON answer of the function it stays under 6 MB.
const MAX_CSV_BYTES: usize = 4_000_000;
/// A workbook is cut after this many rows: its size is only known at the end, and 50,000 rows take less than 3 MB.
const MAX_XLSX_ROWS: u32 = 50_000;

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing is known.
    Empty,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number with two decimals.
    Decimal(f64),
    /// An instant, written in UTC.
    Time(DateTime<Utc>),
}

/// The file formats offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180), UTF-8, with a header line.
    Csv,
    /// Office Open XML workbook with one sheet.
    Xlsx,
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The ending of the file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// A table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The CSV writer failed.
    #[error("the CSV file cannot be written")]
    Csv(#[from] ::csv::Error),
    /// The workbook writer failed.
    #[error("the workbook cannot be written")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
}

/// A file in the making. Memory is bounded by the limits above, whatever the number of rows.
pub enum Table {
    /// As CSV.
    Csv(Box<CsvTable>),
    /// As XLSX.
    Xlsx(Box<XlsxTable>),
}

impl Table {
    /// A table with a header row.
    ///
    /// # Errors
    /// When the header cannot be written.
    pub fn new(format: Format, sheet: &str, header: &[&str]) -> Result<Self, ExportError> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(CsvTable::new(header)?)),
            Format::Xlsx => Self::Xlsx(Box::new(XlsxTable::new(sheet, header)?)),
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        match self {
            Self::Csv(table) => table.row(cells),
            Self::Xlsx(table) => table.row(cells),
        }
    }

    /// Whether the file must end here.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Csv(table) => table.bytes() >= MAX_CSV_BYTES,
            Self::Xlsx(table) => table.rows() >= MAX_XLSX_ROWS,
        }
    }

    /// The finished file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Csv(table) => table.finish(),
            Self::Xlsx(table) => table.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(format: Format) -> Vec<u8> {
        let mut table = Table::new(format, "events", &["at", "zone", "space", "rate"]).unwrap();
        let at = DateTime::from_timestamp(1_769_860_800, 250_000_000).unwrap();
        table.row(&[Cell::Time(at), Cell::Text("Zone_A"), Cell::Integer(3), Cell::Decimal(66.666)]).unwrap();
        table.row(&[Cell::Time(at), Cell::Text("a,\"b\""), Cell::Empty, Cell::Decimal(0.0)]).unwrap();
        table.finish().unwrap()
    }

    #[test]
    fn csv_has_a_header_and_quotes_what_needs_it() {
        insta::assert_snapshot!(String::from_utf8(table(Format::Csv)).unwrap(), @r#"
        at,zone,space,rate
        2026-01-31T12:00:00.250Z,Zone_A,3,66.67
        2026-01-31T12:00:00.250Z,"a,""b""",,0.00
        "#);
    }

    #[test]
    fn a_workbook_is_a_zip_file() {
        assert!(table(Format::Xlsx).starts_with(b"PK"));
    }

    #[test]
    fn a_csv_file_is_full_before_the_limit_of_the_answer() {
        let mut table = Table::new(Format::Csv, "x", &["text"]).unwrap();
        let text = "x".repeat(1000);
        while !table.is_full() {
            table.row(&[Cell::Text(&text)]).unwrap();
        }
        let bytes = table.finish().unwrap().len();
        assert!((MAX_CSV_BYTES..MAX_CSV_BYTES + 10_000).contains(&bytes), "{bytes}");
    }
}
