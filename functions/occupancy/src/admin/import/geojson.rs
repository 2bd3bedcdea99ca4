//! Reading a GeoJSON collection of points into raw rows.

use std::collections::BTreeMap;

use geojson::{Feature, FeatureCollection, GeometryValue};
use parvis_kit::problem::{FieldError, Problem};
use serde_json::Value;

use super::rows::{Origin, RawRow};

/// The rows of a `FeatureCollection` whose features are points. Their properties are the columns of the CSV form; their
/// coordinates (longitude first, RFC 7946) are `lon` and `lat`.
///
/// # Errors
/// 400 for what is not a GeoJSON collection, 422 for a feature that is not a point.
pub fn read(body: &[u8]) -> Result<Vec<RawRow>, Problem> {
    let collection: FeatureCollection = serde_json::from_slice(body)
        .map_err(|_| Problem::bad_request("The body is not a GeoJSON FeatureCollection."))?;
    let mut errors = Vec::new();
    let rows = collection.features.into_iter().enumerate().filter_map(|(index, feature)| match row(index, feature) {
        Ok(row) => Some(row),
        Err(error) => {
            errors.push(error);
            None
        }
    });
    let rows = rows.collect();
    if errors.is_empty() { Ok(rows) } else { Err(Problem::invalid(errors)) }
}

fn row(index: usize, feature: Feature) -> Result<RawRow, FieldError> {
    let refused = |message: &str| FieldError::new(format!("/features/{index}/geometry"), message);
    let geometry = feature.geometry.ok_or_else(|| refused("must be a Point"))?;
    let GeometryValue::Point { coordinates } = geometry.value else { return Err(refused("must be a Point")) };
    let [lon, lat, ..] = coordinates.as_slice() else { return Err(refused("needs a longitude and a latitude")) };
    let properties = feature.properties.unwrap_or_default();
    let mut fields: BTreeMap<String, String> =
        properties.into_iter().filter_map(|(name, value)| Some((name.to_lowercase(), text(value)?))).collect();
    fields.insert("lon".to_owned(), lon.to_string());
    fields.insert("lat".to_owned(), lat.to_string());
    Ok(RawRow { origin: Origin::Feature(index), fields })
}

/// A property as the text that a CSV field would hold. Maps and lists have no counterpart; other systems put their own
/// there.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
