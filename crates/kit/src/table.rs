//! Tables that people write with a spreadsheet and send as a CSV file.

use std::collections::BTreeMap;

use crate::problem::{FieldError, Problem};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file; the header is line 1.
    pub line: u64,
    /// Its fields that are not empty, by column.
    pub fields: BTreeMap<String, String>,
}

impl Row {
    /// The field of a column; `None` when it is empty.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).map(String::as_str)
    }

    /// What is wrong with the field of a column.
    #[must_use]
    pub fn wrong(&self, column: &str, message: impl Into<String>) -> FieldError {
        FieldError::new(format!("line {}, {column}", self.line), message)
    }
}

/// The rows of a CSV file with a header line, whose columns are of those `known`, in any order, and have all those `wanted`.
/// Semicolons, which spreadsheets write in French, are taken as well as commas.
///
/// # Errors
/// 422 for an unknown column, one that is missing, or a line with another number of fields; 400 for what is not UTF-8.
pub fn read(body: &[u8], known: &[&str], wanted: &[&str]) -> Result<Vec<Row>, Problem> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter(body)).trim(csv::Trim::All).from_reader(body);
    let header: Vec<String> = reader.headers().map_err(refused)?.iter().map(str::to_lowercase).collect();
    let errors = faults(&header, known, wanted);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let rows = reader.records().map(|record| {
        let record = record.map_err(refused)?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = header.iter().zip(&record).filter(|(_, text)| !text.is_empty());
        Ok(Row { line, fields: fields.map(|(name, text)| (name.clone(), text.to_owned())).collect() })
    });
    rows.collect()
}

/// What is wrong with a header. An unknown column is refused rather than silently dropped.
fn faults(header: &[String], known: &[&str], wanted: &[&str]) -> Vec<FieldError> {
    let columns = known.join(", ");
    let unknown = header.iter().filter(|column| !known.contains(&column.as_str()));
    let unknown = unknown.map(|column| format!("`{column}` is not a column; known are {columns}"));
    let missing = wanted.iter().filter(|column| !header.iter().any(|there| there == *column));
    let missing = missing.map(|column| format!("the column `{column}` is missing"));
    unknown.chain(missing).map(|message| FieldError::new("line 1", message)).collect()
}

fn delimiter(body: &[u8]) -> u8 {
    let header = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' }
}

fn refused(error: csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Problem::invalid(vec![FieldError::new(
            format!("line {line}"),
            format!("has {len} fields where the header has {expected_len}"),
        )]),
        csv::ErrorKind::Utf8 { .. } => Problem::bad_request(format!("Line {line} of the file is not UTF-8.")),
        _ => Problem::bad_request("The file is not CSV."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let problem = serde_json::to_value(read(text.as_bytes(), &["id", "name"], &["id"]).unwrap_err()).unwrap();
        let errors = problem["errors"].as_array().unwrap();
        errors.iter().map(|one| format!("{}: {}", one["field"], one["message"]).replace('"', "")).collect()
    }

    #[test]
    fn commas_and_semicolons_make_the_same_rows() {
        let row = |line, name: Option<&str>| {
            let fields = [("id", Some("a")), ("name", name)];
            let fields = fields.into_iter().filter_map(|(column, text)| Some((column.to_owned(), text?.to_owned())));
            Row { line, fields: fields.collect() }
        };
        // A field of two lines counts both; columns are in any order and case.
        let expected = vec![row(2, Some("Bureau, 1\nvue")), row(4, None)];
        let commas = "\u{feff}Name, id\n\"Bureau, 1\nvue\",a\n,a\n";
        let semicolons = "name;id\n\"Bureau, 1\nvue\";a\n;a\n";
        for text in [commas, semicolons] {
            assert_eq!(read(text.as_bytes(), &["id", "name"], &["id"]).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let missing = ["line 1: `nom` is not a column; known are id, name", "line 1: the column `id` is missing"];
        assert_eq!(errors("nom\nx\n"), missing);
        assert_eq!(errors("id,name\na,b\na\n"), ["line 3: has 1 fields where the header has 2"]);
        let latin = read(b"id,name\na,Caf\xe9\n", &["id", "name"], &["id"]).unwrap_err();
        assert_eq!(serde_json::to_value(latin).unwrap()["detail"], "Line 2 of the file is not UTF-8.");
    }
}
