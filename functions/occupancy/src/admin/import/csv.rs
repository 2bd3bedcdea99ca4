//! Reading a CSV file into raw rows.

use std::collections::BTreeMap;

use parvis_kit::problem::{FieldError, Problem};

use super::rows::{Origin, RawRow};

/// The columns known; any other is refused rather than silently dropped.
const COLUMNS: [&str; 13] =
    ["place", "zone", "number", "label", "kind", "lat", "lon", "x", "y", "sensor_id", "name", "capacity", "timezone"];

/// The rows of a CSV file with a header line. Semicolons, which spreadsheets write in French, are taken as well as
/// commas.
///
/// # Errors
/// 422 for an unknown column or a line with another number of fields, 400 for what is not UTF-8.
pub fn read(body: &[u8]) -> Result<Vec<RawRow>, Problem> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter(body)).trim(csv::Trim::All).from_reader(body);
    let header: Vec<String> = reader.headers().map_err(refused)?.iter().map(str::to_lowercase).collect();
    let unknown: Vec<FieldError> = header
        .iter()
        .filter(|column| !COLUMNS.contains(&column.as_str()))
        .map(|column| {
            FieldError::new("line 1", format!("`{column}` is not a column; known are {}", COLUMNS.join(", ")))
        })
        .collect();
    if !unknown.is_empty() {
        return Err(Problem::invalid(unknown));
    }
    let rows = reader.records().map(|record| {
        let record = record.map_err(refused)?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = header.iter().zip(&record).filter(|(_, text)| !text.is_empty());
        let fields: BTreeMap<String, String> = fields.map(|(name, text)| (name.clone(), text.to_owned())).collect();
        Ok(RawRow { origin: Origin::Line(line), fields })
    });
    rows.collect()
}

fn delimiter(body: &[u8]) -> u8 {
    let header = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' }
}

fn refused(error: csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Problem::invalid(vec![FieldError::new(
            Origin::Line(line).to_string(),
            format!("has {len} fields where the header has {expected_len}"),
        )]),
        csv::ErrorKind::Utf8 { .. } => Problem::bad_request(format!("Line {line} of the file is not UTF-8.")),
        _ => Problem::bad_request("The file is not CSV."),
    }
}
