//! CloudWatch metrics in the embedded metric format (EMF): one JSON line on standard output per set of dimensions.
//!
//! A function makes one [`Metrics`] per invocation and drops it at the end; what was added goes out then. A document
//! of our own, rather than a recorder behind the `metrics` facade: no global state, so a test sees exactly what one
//! invocation would emit.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    mem,
};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// CloudWatch takes at most this many values of one metric in one document.
const VALUES_PER_DOCUMENT: usize = 100;

/// The dimension that every metric carries: the function's name.
const FUNCTION: &str = "function";

type Dimensions = Vec<(&'static str, String)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Count,
    Milliseconds,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

#[derive(Debug)]
struct Series {
    unit: Unit,
    values: Vec<f64>,
}

/// The metrics of one invocation.
#[derive(Debug)]
pub struct Metrics {
    namespace: String,
    function: &'static str,
    series: BTreeMap<Dimensions, BTreeMap<&'static str, Series>>,
}

impl Metrics {
    /// Metrics of `function`, in the namespace of the deployment (`Parvis/<PARVIS_STAGE>`).
    #[must_use]
    pub fn new(function: &'static str) -> Self {
        let stage = crate::env::optional("PARVIS_STAGE").unwrap_or_else(|| "local".to_owned());
        Self { namespace: format!("Parvis/{stage}"), function, series: BTreeMap::new() }
    }

    /// Adds `n` to a counter. Nothing is emitted for a counter that stays at zero.
    pub fn count(&mut self, name: &'static str, n: u64, dimensions: &[(&'static str, &str)]) -> &mut Self {
        if n > 0 {
            let series = self.series(name, Unit::Count, dimensions);
            // A counter is exact to 2^53, far beyond one invocation.
            let sum = series.values.first().copied().unwrap_or(0.0) + n as f64;
            series.values = vec![sum];
        }
        self
    }

    /// Adds one measured duration.
    pub fn milliseconds(&mut self, name: &'static str, value: f64, dimensions: &[(&'static str, &str)]) -> &mut Self {
        self.series(name, Unit::Milliseconds, dimensions).values.push(value);
        self
    }

    fn series(&mut self, name: &'static str, unit: Unit, dimensions: &[(&'static str, &str)]) -> &mut Series {
        let mut key: Dimensions = dimensions.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        key.sort();
        self.series.entry(key).or_default().entry(name).or_insert_with(|| Series { unit, values: Vec::new() })
    }

    /// The documents of everything added since the last call, one per line, and forgets it.
    pub fn take_documents(&mut self, now: DateTime<Utc>) -> Vec<Value> {
        let mut documents = Vec::new();
        for (dimensions, mut metrics) in mem::take(&mut self.series) {
            while !metrics.is_empty() {
                documents.push(self.document(now, &dimensions, &mut metrics));
                metrics.retain(|_, series| !series.values.is_empty());
            }
        }
        documents
    }

    /// One document with as many values of each series as it may hold; they are taken out of `metrics`.
    fn document(
        &self,
        now: DateTime<Utc>,
        dimensions: &Dimensions,
        metrics: &mut BTreeMap<&'static str, Series>,
    ) -> Value {
        let names: Vec<&str> = [FUNCTION].into_iter().chain(dimensions.iter().map(|(name, _)| *name)).collect();
        let described: Vec<Value> =
            metrics.iter().map(|(name, series)| json!({ "Name": name, "Unit": series.unit.as_str() })).collect();
        let mut document = Map::new();
        document.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.timestamp_millis(),
                "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [names], "Metrics": described }],
            }),
        );
        document.insert(FUNCTION.to_owned(), Value::from(self.function));
        for (name, value) in dimensions {
            document.insert((*name).to_owned(), Value::from(value.as_str()));
        }
        for (name, series) in metrics {
            let rest = series.values.split_off(series.values.len().min(VALUES_PER_DOCUMENT));
            let values = mem::replace(&mut series.values, rest);
            let value = if let [single] = values[..] { Value::from(single) } else { Value::from(values) };
            document.insert((*name).to_owned(), value);
        }
        Value::Object(document)
    }

    /// Writes out what was added so far.
    pub fn flush(&mut self) {
        let documents = self.take_documents(Utc::now());
        if documents.is_empty() {
            return;
        }
        let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
        if let Err(error) = io::stdout().lock().write_all(lines.as_bytes()) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_781_000_000_000).unwrap()
    }

    fn metrics() -> Metrics {
        Metrics { namespace: "Parvis/test".to_owned(), function: "ingest", series: BTreeMap::new() }
    }

    #[test]
    fn counters_of_one_dimension_set_share_a_document() {
        let mut metrics = metrics();
        metrics.count("ReadingsAccepted", 40, &[]).count("ReadingsAccepted", 2, &[]).count("ReadingsLate", 0, &[]);
        metrics.count("Refused", 1, &[("reason", "unknown_zone")]);
        insta::assert_json_snapshot!(metrics.take_documents(now()), @r#"
        [
          {
            "ReadingsAccepted": 42.0,
            "_aws": {
              "CloudWatchMetrics": [
                {
                  "Dimensions": [
                    [
                      "function"
                    ]
                  ],
                  "Metrics": [
                    {
                      "Name": "ReadingsAccepted",
                      "Unit": "Count"
                    }
                  ],
                  "Namespace": "Parvis/test"
                }
              ],
              "Timestamp": 1781000000000
            },
            "function": "ingest"
          },
          {
            "Refused": 1.0,
            "_aws": {
              "CloudWatchMetrics": [
                {
                  "Dimensions": [
                    [
                      "function",
                      "reason"
                    ]
                  ],
                  "Metrics": [
                    {
                      "Name": "Refused",
                      "Unit": "Count"
                    }
                  ],
                  "Namespace": "Parvis/test"
                }
              ],
              "Timestamp": 1781000000000
            },
            "function": "ingest",
            "reason": "unknown_zone"
          }
        ]
        "#);
        assert!(metrics.take_documents(now()).is_empty(), "what went out is not sent again");
    }

    #[test]
    fn more_values_than_a_document_holds_go_into_the_next_one() {
        let mut metrics = metrics();
        for value in 0..250 {
            metrics.milliseconds("Freshness", f64::from(value), &[]);
        }
        let documents = metrics.take_documents(now());
        let sizes: Vec<usize> =
            documents.iter().map(|document| document["Freshness"].as_array().map_or(1, Vec::len)).collect();
        assert_eq!(sizes, [100, 100, 50]);
        assert_eq!(documents[2]["Freshness"][49], 249.0);
    }
}
