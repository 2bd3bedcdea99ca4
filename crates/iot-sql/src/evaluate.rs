//! Evaluation of a statement against a message.

use std::{cell::OnceCell, cmp::Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::parser::{Column, Comparison, Expression, Statement};

/// What AWS gives for the client id of a message that did not come over MQTT.
const NO_CLIENT: &str = "n/a";

/// A published message as a rule sees it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The topic; for Basic Ingest without the `$aws/rules/<rule>/` in front.
    pub topic: &'a str,
    /// The payload.
    pub payload: &'a [u8],
    /// The MQTT client, if it came from one.
    pub client_id: Option<&'a str>,
    /// When the broker received it, in milliseconds of the Unix epoch.
    pub received_at: i64,
}

/// Why a rule has no result for a message; AWS runs the rule's error action then.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// The statement reads attributes and the payload is not JSON.
    #[error("the payload is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// `*` stands beside other columns and the payload is not a JSON object.
    #[error("the payload is not a JSON object")]
    NotAnObject,
}

/// `None` is the dialect's Undefined.
type Evaluated = Result<Option<Value>, EvaluationError>;

impl Statement {
    /// The bytes that the rule's actions get, or `None` when `WHERE` does not hold. Whether the topic matches is the caller's
    /// question (see [`Statement::filter`]): Basic Ingest does not ask it.
    ///
    /// # Errors
    /// The payload is not JSON although the statement reads its attributes.
    pub fn evaluate(&self, message: &Message<'_>) -> Result<Option<Vec<u8>>, EvaluationError> {
        let context = Context { message, parsed: OnceCell::new() };
        if let Some(condition) = &self.condition
            && context.value(condition)?.as_ref().and_then(truth) != Some(true)
        {
            return Ok(None);
        }
        // A payload selected as a whole passes through byte for byte, JSON or not.
        if let [Column::All] = self.columns.as_slice() {
            return Ok(Some(message.payload.to_vec()));
        }
        let mut result = Map::new();
        for column in &self.columns {
            match column {
                Column::All => match context.payload()? {
                    Value::Object(attributes) => result.extend(attributes.clone()),
                    _ => return Err(EvaluationError::NotAnObject),
                },
                Column::Named { name, value } => {
                    if let Some(value) = context.value(value)? {
                        result.insert(name.clone(), value);
                    }
                }
            }
        }
        Ok(Some(Value::Object(result).to_string().into_bytes()))
    }
}

struct Context<'a> {
    message: &'a Message<'a>,
    /// Read at most once, and only when an attribute is asked for.
    parsed: OnceCell<Value>,
}

impl Context<'_> {
    fn payload(&self) -> Result<&Value, EvaluationError> {
        if let Some(value) = self.parsed.get() {
            return Ok(value);
        }
        let value = serde_json::from_slice(self.message.payload).map_err(EvaluationError::NotJson)?;
        Ok(self.parsed.get_or_init(|| value))
    }

    fn value(&self, expression: &Expression) -> Evaluated {
        Ok(match expression {
            Expression::Literal(value) => Some(value.clone()),
            Expression::Path(path) => path.iter().try_fold(self.payload()?, |value, name| value.get(name)).cloned(),
            Expression::Topic(None) => Some(Value::from(self.message.topic)),
            Expression::Topic(Some(level)) => self.message.topic.split('/').nth(level - 1).map(Value::from),
            Expression::Timestamp => Some(Value::from(self.message.received_at)),
            Expression::ClientId => Some(Value::from(self.message.client_id.unwrap_or(NO_CLIENT))),
            Expression::Base64(None) => Some(Value::from(STANDARD.encode(self.message.payload))),
            Expression::Base64(Some(inner)) => self.text(inner)?.map(|text| Value::from(STANDARD.encode(text))),
            Expression::Upper(inner) => self.text(inner)?.map(|text| Value::from(text.to_uppercase())),
            Expression::Lower(inner) => self.text(inner)?.map(|text| Value::from(text.to_lowercase())),
            Expression::Concat(parts) => {
                let parts = parts.iter().map(|part| self.text(part)).collect::<Result<Option<Vec<_>>, _>>()?;
                parts.map(|parts| Value::from(parts.concat()))
            }
            Expression::Compare(comparison, left, right) => match (self.value(left)?, self.value(right)?) {
                (Some(left), Some(right)) => compare(*comparison, &left, &right).map(Value::from),
                _ => None,
            },
            Expression::And(left, right) => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                left.zip(right).map(|(left, right)| Value::from(left && right))
            }
            Expression::Or(left, right) => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                left.zip(right).map(|(left, right)| Value::from(left || right))
            }
            Expression::Not(inner) => self.truth(inner)?.map(|inner| Value::from(!inner)),
        })
    }

    fn truth(&self, expression: &Expression) -> Result<Option<bool>, EvaluationError> {
        Ok(self.value(expression)?.as_ref().and_then(truth))
    }

    fn text(&self, expression: &Expression) -> Result<Option<String>, EvaluationError> {
        Ok(self.value(expression)?.map(|value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        }))
    }
}

/// The dialect takes the texts `true` and `false` for booleans too.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// Numbers compare as numbers; `=` and `<>` never convert, order comparisons convert a text that stands beside a number.
fn compare(comparison: Comparison, left: &Value, right: &Value) -> Option<bool> {
    let equal = || match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    };
    Some(match comparison {
        Comparison::Equal => equal(),
        Comparison::NotEqual => !equal(),
        Comparison::Less => order(left, right)? == Ordering::Less,
        Comparison::LessOrEqual => order(left, right)? != Ordering::Greater,
        Comparison::Greater => order(left, right)? == Ordering::Greater,
        Comparison::GreaterOrEqual => order(left, right)? != Ordering::Less,
    })
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Value::String(left), Value::String(right)) = (left, right) {
        return Some(left.cmp(right));
    }
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    number(left)?.partial_cmp(&number(right)?)
}
