//! Event patterns of `FilterCriteria`: the part of EventBridge's language that is used, refused clearly beyond it.

use serde_json::{Map, Value};

/// Several patterns, of which any must match; none match everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters(Vec<Pattern>);

/// A field's name and what it must be, or an object of such fields.
#[derive(Debug, Clone)]
struct Pattern(Vec<(String, Field)>);

#[derive(Debug, Clone)]
enum Field {
    Nested(Pattern),
    AnyOf(Vec<Matcher>),
}

#[derive(Debug, Clone)]
enum Matcher {
    Exactly(Value),
    Prefix(String),
    Suffix(String),
    EqualsIgnoreCase(String),
    AnythingBut(Vec<Value>),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// A pattern that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("event pattern: {0}")]
pub struct PatternError(String);

impl Filters {
    /// Reads patterns.
    ///
    /// # Errors
    /// When one is malformed, or uses what is not supported.
    pub fn parse(patterns: &[Value]) -> Result<Self, PatternError> {
        patterns.iter().map(Pattern::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an event passes.
    #[must_use]
    pub fn accept(&self, event: &Value) -> bool {
        self.is_empty() || self.0.iter().any(|pattern| pattern.matches(Some(event)))
    }
}

impl Pattern {
    fn parse(pattern: &Value) -> Result<Self, PatternError> {
        let fields = pattern.as_object().ok_or_else(|| PatternError(format!("{pattern} is not an object")))?;
        let field = |(name, value): (&String, &Value)| {
            if name == "$or" {
                return Err(PatternError("$or is not supported".into()));
            }
            let field = match value {
                Value::Object(_) => Field::Nested(Self::parse(value)?),
                Value::Array(values) => Field::AnyOf(values.iter().map(Matcher::parse).collect::<Result<_, _>>()?),
                other => return Err(PatternError(format!("{name} must be an array or an object, not {other}"))),
            };
            Ok((name.clone(), field))
        };
        fields.iter().map(field).collect::<Result<_, _>>().map(Self)
    }

    fn matches(&self, event: Option<&Value>) -> bool {
        self.0.iter().all(|(name, field)| {
            let value = event.and_then(|event| event.get(name));
            match field {
                Field::Nested(pattern) => pattern.matches(value),
                Field::AnyOf(matchers) => matchers.iter().any(|matcher| matcher.matches_any(value)),
            }
        })
    }
}

impl Matcher {
    fn parse(matcher: &Value) -> Result<Self, PatternError> {
        match matcher {
            Value::Object(fields) => Self::operator(fields),
            Value::Array(_) => Err(PatternError(format!("{matcher} is not a value"))),
            value => Ok(Self::Exactly(value.clone())),
        }
    }

    fn operator(fields: &Map<String, Value>) -> Result<Self, PatternError> {
        let unsupported = || PatternError(format!("{} is not supported", Value::Object(fields.clone())));
        let mut fields_iter = fields.iter();
        let (Some((name, operand)), None) = (fields_iter.next(), fields_iter.next()) else {
            return Err(unsupported());
        };
        match (name.as_str(), operand) {
            ("prefix", Value::String(text)) => Ok(Self::Prefix(text.clone())),
            ("suffix", Value::String(text)) => Ok(Self::Suffix(text.clone())),
            ("equals-ignore-case", Value::String(text)) => Ok(Self::EqualsIgnoreCase(text.to_lowercase())),
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("anything-but", Value::Array(values)) => Ok(Self::AnythingBut(values.clone())),
            ("anything-but", value @ (Value::String(_) | Value::Number(_))) => {
                Ok(Self::AnythingBut(vec![value.clone()]))
            }
            ("numeric", Value::Array(parts)) => {
                parts.chunks(2).map(comparison).collect::<Option<_>>().map(Self::Numeric).ok_or_else(unsupported)
            }
            _ => Err(unsupported()),
        }
    }

    /// A field with several values matches if one of them does.
    fn matches_any(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (_, None) => false,
            (_, Some(Value::Array(values))) => values.iter().any(|value| self.matches(value)),
            (_, Some(value)) => self.matches(value),
        }
    }

    fn matches(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Exactly(wanted) => value == wanted,
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix.as_str())),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix.as_str())),
            Self::EqualsIgnoreCase(wanted) => text.is_some_and(|text| text.to_lowercase() == *wanted),
            Self::AnythingBut(values) => !values.contains(value),
            Self::Exists(wanted) => *wanted,
            Self::Numeric(comparisons) => {
                value.as_f64().is_some_and(|number| comparisons.iter().all(|(how, bound)| how.holds(number, *bound)))
            }
        }
    }
}

fn comparison(parts: &[Value]) -> Option<(Comparison, f64)> {
    let [operator, bound] = parts else { return None };
    let comparison = match operator.as_str()? {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        "=" => Comparison::Equal,
        ">=" => Comparison::GreaterOrEqual,
        ">" => Comparison::Greater,
        _ => return None,
    };
    Some((comparison, bound.as_f64()?))
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Equal => (number - bound).abs() < f64::EPSILON,
            Self::GreaterOrEqual => number >= bound,
            Self::Greater => number > bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(pattern: Value, event: &Value) -> bool {
        Filters::parse(&[pattern]).unwrap().accept(event)
    }

    #[test]
    fn the_templates_own_pattern_selects_new_alerts() {
        let pattern =
            json!({"eventName":["INSERT"],"dynamodb":{"NewImage":{"type":{"S":[{"prefix":"parvis.parking.alert."}]}}}});
        let event =
            |name: &str, kind: &str| json!({"eventName": name, "dynamodb": {"NewImage": {"type": {"S": kind}}}});
        assert!(accepts(pattern.clone(), &event("INSERT", "parvis.parking.alert.raised")));
        assert!(!accepts(pattern.clone(), &event("MODIFY", "parvis.parking.alert.raised")));
        assert!(!accepts(pattern.clone(), &event("INSERT", "parvis.booking.made")));
        assert!(!accepts(pattern, &json!({"eventName": "INSERT", "dynamodb": {}})));
    }

    #[test]
    fn every_operator_decides() {
        let event = json!({"text": "Hello", "number": 5, "tags": ["a", "b"]});
        for (matcher, field, expected) in [
            (json!("Hello"), "text", true),
            (json!({"suffix": "lo"}), "text", true),
            (json!({"equals-ignore-case": "hELLO"}), "text", true),
            (json!({"anything-but": "Hello"}), "text", false),
            (json!({"anything-but": ["x"]}), "text", true),
            (json!({"exists": true}), "absent", false),
            (json!({"exists": false}), "absent", true),
            (json!({"numeric": [">", 4, "<=", 5]}), "number", true),
            (json!({"numeric": [">", 5]}), "number", false),
            (json!({"numeric": ["=", 5]}), "text", false),
            (json!("b"), "tags", true),
            (json!("c"), "tags", false),
        ] {
            assert_eq!(accepts(json!({ field: [matcher] }), &event), expected, "{matcher} on {field}");
        }
    }

    #[test]
    fn any_of_several_patterns_is_enough_and_none_accepts_all() {
        let filters = Filters::parse(&[json!({"a": [1]}), json!({"a": [2]})]).unwrap();
        assert!(filters.accept(&json!({"a": 2})) && !filters.accept(&json!({"a": 3})));
        assert!(Filters::default().accept(&json!({})));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (pattern, named) in [
            (json!({"a": [{"cidr": "10.0.0.0/8"}]}), "cidr"),
            (json!({"$or": [{"a": [1]}]}), "$or"),
            (json!({"a": "b"}), "a must be an array"),
        ] {
            let error = Filters::parse(&[pattern]).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
