//! The subset of AWS IoT SQL (version 2016-03-23) that the template's rules use.
//!
//! No crate parses this dialect. Supported are: `SELECT *`, columns (paths of the JSON payload, literals, the functions
//! `topic`, `timestamp`, `clientid`, `encode`, `upper`, `lower`, `concat`) with `AS`, `FROM` with wildcards, and `WHERE` with
//! comparisons, `AND`, `OR`, `NOT` and parentheses. Anything else of the dialect is a [`ParseError`] that names it, so that a
//! rule never means one thing here and another on AWS.
//!
//! ```
//! use parvis_iot_sql::{Message, Statement};
//!
//! let rule = Statement::parse("SELECT status, topic(2) AS zone FROM 'parking/+/+' WHERE confidence >= 0.5")?;
//! let message = Message {
//!     topic: "parking/Zone_A/place_3",
//!     payload: br#"{"status":"free","confidence":0.9}"#,
//!     client_id: Some("sensor-3"),
//!     received_at: 1_767_225_600_000,
//! };
//! assert!(rule.filter().matches(message.topic));
//! let result = rule.evaluate(&message)?;
//! assert_eq!(result.as_deref(), Some(br#"{"status":"free","zone":"Zone_A"}"#.as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evaluate;
mod lexer;
mod parser;
mod topic;

pub use evaluate::{EvaluationError, Message};
pub use parser::{ParseError, Statement, Unsupported};
pub use topic::{InvalidFilter, TopicFilter, basic_ingest};
