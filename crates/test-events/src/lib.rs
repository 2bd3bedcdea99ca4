//! For tests: what is sent is what the schemas in `events/schemas` describe.
//!
//! Formats are checked too, and fields that a schema does not name are refused: a producer that tells something new describes it.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

/// Checks an event, envelope and data.
///
/// # Panics
/// When it is not what the schemas say, or its type has none.
#[track_caller]
pub fn check(event: &impl Serialize) {
    let event = match serde_json::to_value(event) {
        Ok(event) => event,
        Err(error) => panic!("the event is not JSON: {error}"),
    };
    validate("shared/envelope", &event);
    check_data(event["type"].as_str().unwrap_or_default(), &event["data"]);
}

/// Checks the data of an event of a type.
///
/// # Panics
/// When it is not what the schema says, or there is none.
#[track_caller]
pub fn check_data(kind: &str, data: &Value) {
    validate(kind, data);
}

#[track_caller]
fn validate(name: &str, value: &Value) {
    let schema = schema(name);
    let validator = match jsonschema::options().should_validate_formats(true).build(&schema) {
        Ok(validator) => validator,
        Err(error) => panic!("{name} is not a schema: {error}"),
    };
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not what {name} says:\n{}\n{value:#}", errors.join("\n"));
}

/// A schema, with the file that it refers to put in.
#[track_caller]
fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/schemas").join(format!("{name}.json"));
    let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
    let mut schema: Value = match read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
        Ok(schema) => schema,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    if let Some(shared) = schema["$ref"].as_str().and_then(|file| file.strip_suffix(".json")) {
        schema = self::schema(shared);
    }
    schema
}
