//! Reading a CSV file into raw rows.

use parvis_kit::problem::Problem;
use parvis_kit::table;

use super::rows::{Origin, RawRow};

/// The columns known.
const COLUMNS: [&str; 13] =
    ["place", "zone", "number", "label", "kind", "lat", "lon", "x", "y", "sensor_id", "name", "capacity", "timezone"];

/// The rows of a CSV file with a header line.
///
/// # Errors
/// See [`table::read`].
pub fn read(body: &[u8]) -> Result<Vec<RawRow>, Problem> {
    let rows = table::read(body, &COLUMNS, &[])?;
    Ok(rows.into_iter().map(|row| RawRow { origin: Origin::Line(row.line), fields: row.fields }).collect())
}
