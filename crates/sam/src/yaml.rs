//! From YAML with short intrinsics to plain JSON with long ones.

use serde_json::{Map, Number, Value};
use serde_norway::Value as Yaml;

use crate::error::{Error, Location};

/// Turns a parsed YAML document into JSON: `!Sub x` becomes `{"Fn::Sub": x}`, anchors are expanded (by the YAML reader) and
/// merge keys (`<<`) are applied. CloudFormation knows neither anchors nor merge keys in nested form; `aws cloudformation
/// package` and SAM expand them in the same way.
pub fn to_json(yaml: Yaml) -> Result<Value, Error> {
    convert(yaml, &Location::default())
}

fn convert(yaml: Yaml, at: &Location) -> Result<Value, Error> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => {
            number_of(&number).ok_or_else(|| at.invalid(format!("{number} is not a JSON number")))?
        }
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(
            items.into_iter().enumerate().map(|(i, item)| convert(item, &at.join(i))).collect::<Result<_, _>>()?,
        ),
        Yaml::Mapping(mapping) => Value::Object(convert_mapping(mapping, at)?),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let function = long_name(tag.trim_start_matches('!'));
            let argument = convert(tagged.value, at)?;
            let argument = if function == "Fn::GetAtt" { split_attribute(argument) } else { argument };
            Value::Object(Map::from_iter([(function, argument)]))
        }
    })
}

fn number_of(number: &serde_norway::Number) -> Option<Value> {
    if let Some(n) = number.as_i64() {
        return Some(Value::Number(n.into()));
    }
    if let Some(n) = number.as_u64() {
        return Some(Value::Number(n.into()));
    }
    number.as_f64().and_then(Number::from_f64).map(Value::Number)
}

fn convert_mapping(mapping: serde_norway::Mapping, at: &Location) -> Result<Map<String, Value>, Error> {
    let mut own = Map::new();
    let mut merged = Vec::new();
    for (key, value) in mapping {
        let key = key_text(key, at)?;
        let value = convert(value, &at.join(&key))?;
        if key == "<<" {
            match value {
                Value::Array(maps) => merged.extend(maps),
                map => merged.push(map),
            }
        } else {
            own.insert(key, value);
        }
    }
    // What stands in the mapping itself wins over what is merged, and an earlier merge wins over a later one.
    for map in merged {
        let Value::Object(map) = map else { return Err(at.invalid("a merge key (<<) takes mappings only")) };
        for (key, value) in map {
            own.entry(key).or_insert(value);
        }
    }
    Ok(own)
}

fn key_text(key: Yaml, at: &Location) -> Result<String, Error> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        _ => Err(at.invalid("a key must be a scalar")),
    }
}

fn long_name(short: &str) -> String {
    match short {
        "Ref" | "Condition" => short.to_owned(),
        _ => format!("Fn::{short}"),
    }
}

/// `A.B.C` is attribute `B.C` of resource `A`.
fn split_attribute(argument: Value) -> Value {
    match argument.as_str().and_then(|text| text.split_once('.')) {
        Some((resource, attribute)) => Value::from(vec![resource, attribute]),
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        to_json(serde_norway::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn short_intrinsics_become_long_ones() {
        assert_eq!(
            read("{a: !Ref X, b: !GetAtt N.Outputs.Y, c: !Sub '${X}-1', d: !If [C, !Ref X, 2]}"),
            json!({
                "a": {"Ref": "X"},
                "b": {"Fn::GetAtt": ["N", "Outputs.Y"]},
                "c": {"Fn::Sub": "${X}-1"},
                "d": {"Fn::If": ["C", {"Ref": "X"}, 2]},
            })
        );
    }

    #[test]
    fn merge_keys_give_way_to_own_keys_and_may_be_nested() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, *a], z: 3}";
        assert_eq!(read(text)["c"], json!({"x": 1, "y": 2, "z": 3}));
    }

    #[test]
    fn a_merge_of_a_scalar_is_refused_with_its_place() {
        let error = to_json(serde_norway::from_str("A: {B: {<<: 1}}").unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "A.B: a merge key (<<) takes mappings only");
    }
}
